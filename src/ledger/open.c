/*
 * Opening: what is known of the ledger, whether it may be extended, and from which size on.
 *
 * The floor is the largest size that was signed (or, without signing state, published) whose root
 * the files still have. A ledger that has less than was signed is an older copy: it is read-only and
 * is served as of its own checkpoint.
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

#include <stdio.h>

#define VKEY_BYTES_MAX 1024

/* ---- small files ----------------------------------------------------------------------------- */

static po_rc read_small(struct po_ctx *cx, const struct po_ledger *ledger, const char *name,
                        struct po_buf *out)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_TRY(cx, po_ledger_path(cx, ledger, name, path));
    return po_fs_read(cx, path, out);
}

/* What cannot be read as it should is a reason; what could not be read at all is an error. */
static bool is_content_error(po_rc rc)
{
    return rc.code == PO_NOTFOUND || rc.code == PO_LIMIT || rc.code == PO_INVALID ||
           rc.code == PO_CORRUPT;
}

static po_rc load_vkey(struct po_ctx *cx, struct po_ledger *ledger)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, VKEY_BYTES_MAX);
    po_rc rc = read_small(cx, ledger, "vkey", &text);
    if (po_is_ok(rc)) {
        po_str line = po_buf_str(&text);
        if (!po_str_ends(line, PO_LIT("\n")))
            line.len = 0;
        else
            line.len--;
        rc = po_note_vkey_parse(line, &ledger->vkey);
        if (rc.code == PO_UNSUPPORTED) rc.code = PO_INVALID;
    }
    if (is_content_error(rc)) {
        po_err_clear(cx);
        po_ledger_degrade(ledger, "'vkey' is missing or damaged");
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    if (!po_origin_is_valid(po_str_of(ledger->vkey.name))) {
        po_ledger_degrade(ledger, "'vkey' is damaged");
        return po_rc_ok();
    }
    ledger->has_vkey = true;
    po_origin_copy(ledger->origin, ledger->vkey.name);
    return po_rc_ok();
}

static po_rc load_checkpoint(struct po_ctx *cx, struct po_ledger *ledger)
{
    PO_BUF_AUTO note;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    po_rc rc = read_small(cx, ledger, "checkpoint", &note);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        return po_rc_ok();
    }
    if (po_is_ok(rc)) {
        rc = ledger->has_vkey
                 ? po_checkpoint_verify(po_buf_str(&note), &ledger->vkey, &ledger->checkpoint)
                 : po_checkpoint_parse(po_buf_str(&note), &ledger->checkpoint);
        if (rc.code == PO_TAMPER) rc.code = PO_INVALID;
    }
    if (is_content_error(rc)) {
        po_err_clear(cx);
        po_ledger_degrade(ledger, "'checkpoint' is damaged or not signed by the ledger's key");
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    ledger->has_checkpoint = true;
    return po_rc_ok();
}

static po_rc load_signed(struct po_ctx *cx, struct po_ledger *ledger)
{
    if (ledger->asking == NULL && ledger->signed_path[0] == '\0') {
        po_ledger_degrade(ledger, "its signing state is not here");
        return po_rc_ok();
    }
    po_rc rc = po_signing_read(cx, ledger, &ledger->signed_state);
    if (is_content_error(rc)) {
        po_err_clear(cx);
        ledger->is_signed_damaged = rc.code != PO_NOTFOUND;
        po_ledger_degrade(ledger, rc.code == PO_NOTFOUND ? "its signing state is not here"
                                                         : "its signing state is damaged");
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    ledger->has_signed = true;
    return po_rc_ok();
}

static po_rc load_marker(struct po_ctx *cx, struct po_ledger *ledger)
{
    bool is_open = true;
    po_rc rc = po_ledger_marker_read(cx, ledger, &is_open);
    if (is_content_error(rc)) {
        po_err_clear(cx);
        po_ledger_degrade(ledger, "'writer' is missing or damaged");
        is_open = true;
        rc = po_rc_ok();
    }
    PO_TRY(cx, rc);
    ledger->recovery.was_open = is_open;
    ledger->is_marker_open = is_open;
    return po_rc_ok();
}

/* ---- may it be extended? --------------------------------------------------------------------- */

static po_rc check_binding(struct po_ctx *cx, struct po_ledger *ledger)
{
    uint64_t inode = 0;
    int64_t birth_us = 0;
    const struct po_signed_state *state = &ledger->signed_state;
    PO_TRY(cx, po_ledger_binding(cx, ledger->dir, &inode, &birth_us));
    if (!ledger->has_signed) return po_rc_ok();
    if (inode != state->inode || birth_us != state->birth_us)
        po_ledger_degrade(ledger, "this is a copy: another directory was signed for");
    if (ledger->has_vkey && !po_str_eq_cstr(po_str_of(state->origin), ledger->origin))
        po_ledger_degrade(ledger, "the signing state is of another log ('%s')", state->origin);
    if (ledger->has_checkpoint && ledger->checkpoint.size > state->size)
        po_ledger_degrade(ledger, "its checkpoint of size %lu is beyond the signed size %lu",
                          ledger->checkpoint.size, state->size);
    if (ledger->has_checkpoint && ledger->checkpoint.size == state->size &&
        !po_digest_eq(ledger->checkpoint.root, state->root))
        po_ledger_degrade(ledger, "its checkpoint contradicts the signed root");
    return po_rc_ok();
}

static void check_key(struct po_ledger *ledger)
{
    if (ledger->sign_key == NULL) {
        po_ledger_degrade(ledger, "its signing key is not here");
        return;
    }
    if (ledger->has_vkey && !po_digest_eq(po_sign_key_public(ledger->sign_key), ledger->vkey.key))
        po_ledger_degrade(ledger, "the signing key at hand is another log's");
}

/* ---- the floor ------------------------------------------------------------------------------- */

struct floor_claim {
    uint64_t size;
    const uint8_t *root;
};

static po_rc load_tree(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size)
{
    struct po_segment *segment = NULL;
    ledger->size = size;
    ledger->tile_size = size;
    ledger->block_index = UINT64_MAX;
    for (unsigned i = 0; i < PO_TILE_LEVELS; i++)
        ledger->tile_cache_number[i] = UINT64_MAX;
    if (size > 0) PO_TRY(cx, po_ledger_segment(cx, ledger, size - 1, &segment));
    /* Payloads gone, or a length in a record altered: only `verify` can tell. */
    if (segment != NULL && segment->pay_end > segment->pay_len)
        po_ledger_degrade(ledger, "'%06lu.pay' has %lu bytes, its records speak of %lu",
                          segment->number, segment->pay_len, segment->pay_end);
    po_rc rc = po_ledger_edge_load(cx, ledger, size);
    if (rc.code == PO_CORRUPT) {
        /* A tile is missing or cut: say so, and go on from the records alone. */
        po_ledger_degrade(ledger, "%s", po_err_msg(cx));
        po_err_clear(cx);
        ledger->tile_size = 0;
        rc = po_ledger_edge_load(cx, ledger, size);
    }
    PO_TRY(cx, rc);
    return po_rc_ok();
}

/* Do the files have this root at this size? */
static po_rc try_floor(struct po_ctx *cx, struct po_ledger *ledger, const struct floor_claim *claim,
                       bool *ret_holds)
{
    uint8_t root[PO_SHA256_BYTES];
    PO_TRY(cx, load_tree(cx, ledger, claim->size));
    PO_TRY_LEAF(cx, po_edge_root(&ledger->edge, ledger->hash, root), "hashing the root");
    *ret_holds = po_digest_eq(root, claim->root);
    return po_rc_ok();
}

/* What was signed, what was published; the larger one first. */
static size_t list_claims(const struct po_ledger *ledger, struct floor_claim claims[static 2])
{
    size_t count = 0;
    if (ledger->has_signed)
        claims[count++] =
            (struct floor_claim){ledger->signed_state.size, ledger->signed_state.root};
    bool is_other = ledger->has_checkpoint &&
                    (!ledger->has_signed || ledger->checkpoint.size != ledger->signed_state.size);
    if (is_other)
        claims[count++] = (struct floor_claim){ledger->checkpoint.size, ledger->checkpoint.root};
    if (count == 2 && claims[1].size > claims[0].size) {
        const struct floor_claim larger = claims[1];
        claims[1] = claims[0];
        claims[0] = larger;
    }
    return count;
}

static po_rc find_floor(struct po_ctx *cx, struct po_ledger *ledger)
{
    struct floor_claim claims[2] = {0};
    size_t count = list_claims(ledger, claims);
    bool holds = false;
    for (size_t i = 0; i < count; i++) {
        po_rc rc = try_floor(cx, ledger, &claims[i], &holds);
        if (is_content_error(rc) && i + 1 < count) {
            po_err_clear(cx);
            rc = po_rc_ok();
        } else if (rc.code == PO_NOTFOUND) {
            cx->err.code = rc.code = PO_CORRUPT;
        }
        PO_TRY(cx, rc);
        if (holds && i == 0) return po_rc_ok();
        po_ledger_degrade(ledger, "its content is not what was signed at size %lu", claims[0].size);
        if (holds) return po_rc_ok();
    }
    if (count == 0) PO_TRY(cx, load_tree(cx, ledger, 0));
    return po_rc_ok();
}

static po_rc set_last_time(struct po_ctx *cx, struct po_ledger *ledger)
{
    const uint8_t *block = NULL;
    uint32_t leaves = 0;
    if (ledger->size == 0) return po_rc_ok();
    PO_TRY(cx, po_ledger_block(cx, ledger, ledger->size - 1, &block, &leaves));
    ledger->last_recv_us =
        (int64_t)po_le_get(block + (size_t)(leaves - 1) * PO_RECORD_BYTES + 8, 8);
    return po_rc_ok();
}

/* ---- open ------------------------------------------------------------------------------------ */

static po_rc open_steps(struct po_ctx *cx, struct po_ledger *ledger)
{
    struct po_fs_info info = {0};
    char path[PO_LEDGER_PATH_BYTES];
    PO_TRY(cx, po_fs_info(cx, ledger->dir, &info));
    if (!info.is_dir) return PO_FAIL(cx, PO_NOTFOUND, "no ledger in '%s'", ledger->dir);
    PO_TRY(cx, po_ledger_path(cx, ledger, "vkey", path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) {
        PO_TRY(cx, po_ledger_path(cx, ledger, "000000.rec", path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "no ledger in '%s'", ledger->dir);
    }
    PO_TRY(cx, load_signed(cx, ledger));
    check_key(ledger);
    PO_TRY(cx, load_vkey(cx, ledger));
    check_key(ledger);
    PO_TRY(cx, load_checkpoint(cx, ledger));
    PO_TRY(cx, check_binding(cx, ledger));
    PO_TRY(cx, load_marker(cx, ledger));
    PO_TRY(cx, find_floor(cx, ledger));
    if (ledger->is_asked_read_only) po_ledger_degrade(ledger, "it was opened for reading only");
    ledger->floor = ledger->size;
    PO_TRY(cx, set_last_time(cx, ledger));
    bool is_unknown = !ledger->has_signed && !ledger->has_checkpoint;
    if (is_unknown) ledger->recovery.was_open = true; /* nothing vouches for an end: look */
    PO_TRY(cx, po_ledger_recover(cx, ledger));
    return po_rc_ok();
}

po_rc po_ledger_open(struct po_ctx *cx, const struct po_ledger_options *options,
                     struct po_ledger **ret_ledger)
{
    PO_CLEANUP(po_ledger_closep) struct po_ledger *ledger = NULL;
    PO_TRY(cx, po_ledger_new(cx, options, &ledger));
    PO_TRY_MSG(cx, open_steps(cx, ledger), "opening the ledger");
    *ret_ledger = PO_TAKE(ledger);
    return po_rc_ok();
}
