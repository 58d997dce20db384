/*
 * Who signs for another process: see po_ledger_signer in ledger.h.
 *
 * Invariants
 *  1. a size and root are durable in `signed` before a signature of them is given.
 *  2. each signature goes on from the one before: same size and root, or a larger tree that is proved to
 *     begin with it. What this process has signed holds against a `signed` that was put back, too.
 *  3. only text that this file writes is signed: who asks names size and root, nothing else.
 *
 * Source   docs/spec/keys.md 8
 */
#include "core/alloc.h"
#include "ledger/ledger_priv.h"

#define SIGNED_BYTES_MAX 1024

struct po_ledger_signer {
    char path[PO_LEDGER_PATH_BYTES];
    char dir[PO_LEDGER_PATH_BYTES];
    char origin[PO_ORIGIN_BYTES_MAX + 1];
    bool has_last; /* something was signed by this process; it is durable */
    uint64_t last_size;
    uint8_t last_root[PO_SHA256_BYTES];
};

static bool copy_path(char out[static PO_LEDGER_PATH_BYTES], const char *path)
{
    size_t len = strlen(path);
    if (len >= PO_LEDGER_PATH_BYTES) return false;
    memcpy(out, path, len + 1);
    return true;
}

po_rc po_ledger_signer_new(struct po_ctx *cx, const struct po_ledger_signer_options *options,
                           struct po_ledger_signer **ret_signer)
{
    PO_CLEANUP(po_ledger_signer_freep)
    struct po_ledger_signer *signer = po_calloc(1, sizeof *signer);
    if (signer == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the signing state");
    if (!copy_path(signer->path, options->path) || !copy_path(signer->dir, options->dir))
        return PO_FAIL(cx, PO_LIMIT, "path of the ledger is too long");
    if (!po_origin_is_valid(po_str_of(options->origin)))
        return PO_FAIL(cx, PO_INVALID, "a ledger needs an origin");
    po_origin_copy(signer->origin, options->origin);
    *ret_signer = PO_TAKE(signer);
    return po_rc_ok();
}

void po_ledger_signer_free(struct po_ledger_signer *signer) { po_free(signer); }

void po_ledger_signer_freep(struct po_ledger_signer **signer)
{
    po_ledger_signer_free(*signer);
    *signer = NULL;
}

po_rc po_ledger_signer_state(struct po_ctx *cx, void *user, struct po_buf *out)
{
    const struct po_ledger_signer *signer = user;
    PO_BUF_AUTO text;
    po_buf_init(&text, SIGNED_BYTES_MAX);
    PO_TRY(cx, po_fs_read(cx, signer->path, &text));
    po_buf_append(out, po_buf_str(&text));
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for the signing state");
    return po_rc_ok();
}

/* What is asked for: a checkpoint of this log, in the one form that this log writes. */
static po_rc read_claim(struct po_ctx *cx, const struct po_ledger_signer *signer, po_str text,
                        struct po_checkpoint *ret_checkpoint)
{
    struct po_checkpoint checkpoint = {0};
    PO_BUF_AUTO again;
    po_buf_init(&again, 1024);
    PO_TRY_LEAF(cx, po_checkpoint_text_parse(text, &checkpoint), "it is not a checkpoint");
    if (!po_str_eq_cstr(po_str_of(checkpoint.origin), signer->origin))
        return PO_FAIL(cx, PO_DENIED, "a checkpoint of another log is not signed");
    po_checkpoint_text(&checkpoint, &again);
    PO_TRY_LEAF(cx, po_buf_check(&again), "reading a checkpoint");
    if (checkpoint.size == 0 || !po_str_eq(text, po_buf_str(&again)))
        return PO_FAIL(cx, PO_INVALID, "it is not a checkpoint in its one form");
    *ret_checkpoint = checkpoint;
    return po_rc_ok();
}

/* The signing state is this log's, of this directory, and has not gone back. */
static po_rc read_state(struct po_ctx *cx, const struct po_ledger_signer *signer,
                        struct po_signed_state *ret_state)
{
    uint64_t inode = 0;
    int64_t birth_us = 0;
    struct po_signed_state state = {0};
    PO_TRY(cx, po_signed_read(cx, signer->path, &state));
    if (!po_str_eq_cstr(po_str_of(state.origin), signer->origin))
        return PO_FAIL(cx, PO_DENIED, "the signing state is of another log");
    PO_TRY(cx, po_ledger_binding(cx, signer->dir, &inode, &birth_us));
    if (inode != state.inode || birth_us != state.birth_us)
        return PO_FAIL(cx, PO_DENIED, "this is a copy: another directory was signed for");
    bool is_back =
        signer->has_last &&
        (state.size < signer->last_size ||
         (state.size == signer->last_size && !po_digest_eq(state.root, signer->last_root)));
    if (is_back) return PO_FAIL(cx, PO_TAMPER, "the signing state was put back");
    *ret_state = state;
    return po_rc_ok();
}

static po_rc check_goes_on(struct po_ctx *cx, const struct po_signed_state *state,
                           const struct po_checkpoint *checkpoint, po_str proof)
{
    struct po_proof_hashes hashes = {.count = proof.len / PO_SHA256_BYTES};
    const struct po_consistency_claim claim = {.old_size = state->size,
                                               .size = checkpoint->size,
                                               .old_root = state->root,
                                               .root = checkpoint->root};
    if (hashes.count > PO_PROOF_HASHES_MAX || proof.len % PO_SHA256_BYTES != 0)
        return PO_FAIL(cx, PO_INVALID, "a proof has at most %d hashes", PO_PROOF_HASHES_MAX);
    if (proof.len > 0) memcpy(hashes.hashes, proof.ptr, proof.len);
    po_rc rc = po_consistency_verify(&claim, &hashes);
    if (rc.code == PO_TAMPER)
        return PO_FAIL(cx, PO_TAMPER, "a tree of %lu leaves does not go on from the signed %lu",
                       checkpoint->size, state->size);
    PO_TRY_LEAF(cx, rc, "verifying a proof");
    return po_rc_ok();
}

/* @control CC7.2 */
po_rc po_ledger_signer_sign(struct po_ctx *cx, void *user, const struct po_sign_key *key,
                            const struct po_keyring_claim *claim,
                            uint8_t ret_signature[static PO_ED25519_SIG_BYTES])
{
    struct po_ledger_signer *signer = user;
    struct po_checkpoint checkpoint = {0};
    struct po_signed_state state = {0};
    PO_TRY(cx, read_claim(cx, signer, claim->text, &checkpoint));
    PO_TRY(cx, read_state(cx, signer, &state));
    PO_TRY(cx, check_goes_on(cx, &state, &checkpoint, claim->proof));
    /* Who wrote it may have been killed before it was durable. */
    bool is_durable = signer->has_last && signer->last_size == checkpoint.size;
    if (!is_durable) {
        state.size = checkpoint.size;
        memcpy(state.root, checkpoint.root, PO_SHA256_BYTES);
        PO_TRY(cx, po_signed_write(cx, signer->path, &state));
    }
    signer->has_last = true;
    signer->last_size = checkpoint.size;
    memcpy(signer->last_root, checkpoint.root, PO_SHA256_BYTES);
    PO_TRY_LEAF(cx, po_sign(key, claim->text, ret_signature), "signing a checkpoint");
    return po_rc_ok();
}
