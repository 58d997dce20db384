/*
 * Checkpoints: text, verification, signing (C2SP tlog-checkpoint, signed-note).
 *
 * Invariant: a size and root are durable in `signed`, outside the home, before a note with them
 * exists; a size that stands there is never signed with another root.
 */
#include "ledger/ledger_priv.h"

#include <stdio.h>

bool po_origin_is_valid(po_str origin)
{
    if (origin.len == 0 || origin.len > PO_ORIGIN_BYTES_MAX) return false;
    for (size_t i = 0; i < origin.len; i++) {
        unsigned char c = (unsigned char)origin.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '+') return false;
    }
    return true;
}

void po_origin_copy(char out[static PO_ORIGIN_BYTES_MAX + 1], const char *origin)
{
    size_t len = strnlen(origin, PO_ORIGIN_BYTES_MAX);
    memcpy(out, origin, len);
    out[len] = '\0';
}

po_rc po_ledger_origin(struct po_ctx *cx, const char *instance, const char **ret_origin)
{
    const char *origin = po_arena_printf(cx->arena, "%s/audit", instance);
    if (origin == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    if (instance[0] == '\0' || !po_origin_is_valid(po_str_of(origin)))
        return PO_FAIL(cx, PO_INVALID, "'%s' cannot name a log", instance);
    *ret_origin = origin;
    return po_rc_ok();
}

void po_checkpoint_text(const struct po_checkpoint *checkpoint, struct po_buf *out)
{
    po_buf_append_cstr(out, checkpoint->origin);
    po_buf_append_char(out, '\n');
    po_buf_append_u64(out, checkpoint->size);
    po_buf_append_char(out, '\n');
    po_base64_append(out, checkpoint->root, PO_SHA256_BYTES);
    po_buf_append_char(out, '\n');
}

po_rc po_checkpoint_text_parse(po_str text, struct po_checkpoint *ret_checkpoint)
{
    struct po_checkpoint checkpoint = {0};
    po_str origin = {0};
    po_str size = {0};
    po_str root = {0};
    po_str rest = text;
    bool has_lines = po_str_next_line(&rest, &origin) && po_str_next_line(&rest, &size) &&
                     po_str_next_line(&rest, &root);
    /* Extension lines are refused: nobody could audit what they say. */
    if (!has_lines || rest.len != 0 || !po_origin_is_valid(origin)) return po_rc_of(PO_INVALID);
    memcpy(checkpoint.origin, origin.ptr, origin.len);
    PO_PASS(po_str_to_u64(size, PO_LEDGER_LEAVES_MAX, &checkpoint.size));
    PO_PASS(po_base64_decode_exact(root, checkpoint.root, PO_SHA256_BYTES));
    *ret_checkpoint = checkpoint;
    return po_rc_ok();
}

po_rc po_checkpoint_parse(po_str note, struct po_checkpoint *ret_checkpoint)
{
    struct po_note parsed = {0};
    PO_PASS(po_note_parse(note, &parsed));
    return po_checkpoint_text_parse(parsed.text, ret_checkpoint);
}

po_rc po_checkpoint_verify(po_str note, const struct po_note_vkey *vkey,
                           struct po_checkpoint *ret_checkpoint)
{
    struct po_note parsed = {0};
    struct po_checkpoint checkpoint = {0};
    PO_PASS(po_note_parse(note, &parsed));
    PO_PASS(po_checkpoint_text_parse(parsed.text, &checkpoint));
    if (!po_str_eq_cstr(po_str_of(vkey->name), checkpoint.origin)) return po_rc_of(PO_NOTFOUND);
    PO_PASS(po_note_verify(&parsed, vkey, 1, NULL));
    *ret_checkpoint = checkpoint;
    return po_rc_ok();
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* Text, an empty line, the signature. By asking, what was signed is durable where that is. */
static po_rc sign_text(struct po_ctx *cx, struct po_ledger *ledger,
                       const struct po_checkpoint *checkpoint, po_str text, struct po_buf *note)
{
    uint8_t signature[PO_ED25519_SIG_BYTES];
    if (ledger->asking == NULL) {
        PO_TRY_LEAF(cx, po_note_sign(text, po_str_of(ledger->origin), ledger->sign_key, note),
                    "signing a checkpoint");
        return po_rc_ok();
    }
    PO_TRY(cx, po_signing_ask(cx, ledger, checkpoint, text, signature));
    PO_TRY_LEAF(cx, po_note_join(text, &ledger->vkey, signature, note), "signing a checkpoint");
    return po_rc_ok();
}

po_rc po_ledger_publish(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size,
                        const uint8_t root[static PO_SHA256_BYTES])
{
    char path[PO_LEDGER_PATH_BYTES];
    struct po_checkpoint checkpoint = {.size = size};
    PO_BUF_AUTO text;
    PO_BUF_AUTO note;
    po_buf_init(&text, 1024);
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    po_origin_copy(checkpoint.origin, ledger->origin);
    memcpy(checkpoint.root, root, PO_SHA256_BYTES);
    po_checkpoint_text(&checkpoint, &text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "writing a checkpoint");
    PO_TRY(cx, sign_text(cx, ledger, &checkpoint, po_buf_str(&text), &note));
    PO_TRY_LEAF(cx, po_buf_check(&note), "signing a checkpoint");
    PO_TRY(cx, po_ledger_path(cx, ledger, "checkpoint", path));
    PO_TRY_MSG(cx, po_fs_write_atomic(cx, path, po_buf_str(&note), 0640),
               "writing ledger file 'checkpoint'");
    ledger->checkpoint = checkpoint;
    ledger->has_checkpoint = true;
    return po_rc_ok();
}

/* Make `signed` hold the present size and root; nothing to do when it does, or when who signs does it. */
static po_rc sign_state(struct po_ctx *cx, struct po_ledger *ledger, const uint8_t *root)
{
    const struct po_signed_state *last = &ledger->signed_state;
    if (last->size > ledger->size ||
        (last->size == ledger->size && last->size > 0 && !po_digest_eq(last->root, root))) {
        po_ledger_degrade(ledger, "its tree contradicts what was signed");
        return PO_FAIL(cx, PO_TAMPER, "the ledger's tree contradicts what was signed at size %lu",
                       last->size);
    }
    if (last->size == ledger->size || ledger->asking != NULL) return po_rc_ok();
    struct po_signed_state next = *last;
    next.size = ledger->size;
    memcpy(next.root, root, PO_SHA256_BYTES);
    PO_TRY(cx, po_signed_write(cx, ledger->signed_path, &next));
    ledger->signed_state = next;
    return po_rc_ok();
}

/* Nothing unsynced may stand behind the word "closed". */
static po_rc close_marker(struct po_ctx *cx, struct po_ledger *ledger)
{
    if (ledger->is_clear_pending && ledger->seg.is_open)
        PO_TRY(cx, po_segment_sync(cx, ledger, &ledger->seg));
    ledger->is_clear_pending = false;
    PO_TRY(cx, po_ledger_marker_set(cx, ledger, false));
    return po_rc_ok();
}

static po_rc checkpoint_steps(struct po_ctx *cx, struct po_ledger *ledger)
{
    uint8_t root[PO_SHA256_BYTES];
    PO_TRY_LEAF(cx, po_edge_root(&ledger->edge, ledger->hash, root), "hashing the root");
    if (ledger->size > 0) {
        PO_TRY(cx, sign_state(cx, ledger, root));
        bool is_published = ledger->has_checkpoint && ledger->checkpoint.size == ledger->size;
        if (!is_published) PO_TRY(cx, po_ledger_publish(cx, ledger, ledger->size, root));
    }
    PO_TRY(cx, close_marker(cx, ledger));
    return po_rc_ok();
}

/* @control CC7.2 */
po_rc po_ledger_checkpoint(struct po_ctx *cx, struct po_ledger *ledger,
                           struct po_checkpoint *ret_checkpoint)
{
    PO_TRY(cx, po_ledger_writable(cx, ledger));
    po_rc rc = checkpoint_steps(cx, ledger);
    /* Who signs could not be asked: what is here stands as it did. */
    if (!po_is_ok(rc) && !(ledger->asking != NULL && rc.code == PO_BUSY)) ledger->is_broken = true;
    PO_TRY_MSG(cx, rc, "signing a checkpoint");
    if (ret_checkpoint != NULL) {
        struct po_checkpoint made = {.size = ledger->size};
        po_origin_copy(made.origin, ledger->origin);
        PO_TRY_LEAF(cx, po_edge_root(&ledger->edge, ledger->hash, made.root), "hashing the root");
        *ret_checkpoint = made;
    }
    return po_rc_ok();
}

/* ---- what was published ---------------------------------------------------------------------- */

po_rc po_ledger_note(struct po_ctx *cx, struct po_ledger *ledger, struct po_buf *out)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_BUF_AUTO note;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, po_ledger_path(cx, ledger, "checkpoint", path));
    PO_TRY(cx, po_fs_read(cx, path, &note));
    po_buf_append(out, po_buf_str(&note));
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for a checkpoint");
    return po_rc_ok();
}

po_rc po_ledger_vkey(struct po_ctx *cx, struct po_ledger *ledger, struct po_buf *out)
{
    if (!ledger->has_vkey) return PO_FAIL(cx, PO_NOTFOUND, "the ledger's verifier key is unknown");
    po_note_vkey_format(&ledger->vkey, out);
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for a verifier key");
    return po_rc_ok();
}
