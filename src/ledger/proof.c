/*
 * c2sp.org/tlog-proof@v1: one leaf's inclusion proof with its checkpoint, as text.
 *
 * Strict both ways: what is written here is the only accepted form, so two different texts are
 * never one proof.
 */
#include "ledger/ledger_priv.h"

#define PROOF_HEAD "c2sp.org/tlog-proof@v1"

static void proof_format(const struct po_proof *proof, struct po_buf *out)
{
    po_buf_append_cstr(out, PROOF_HEAD "\nindex ");
    po_buf_append_u64(out, proof->index);
    po_buf_append_char(out, '\n');
    for (size_t i = 0; i < proof->hashes.count; i++) {
        po_base64_append(out, proof->hashes.hashes[i], PO_SHA256_BYTES);
        po_buf_append_char(out, '\n');
    }
    po_buf_append_char(out, '\n');
    po_buf_append(out, proof->note);
}

po_rc po_ledger_prove(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                      struct po_buf *out)
{
    struct po_proof proof = {.index = index};
    uint8_t root[PO_SHA256_BYTES];
    PO_BUF_AUTO note;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    po_rc rc = po_ledger_note(cx, ledger, &note);
    if (rc.code == PO_NOTFOUND) return PO_FAIL(cx, PO_NOTFOUND, "nothing was signed yet");
    PO_TRY(cx, rc);
    proof.note = po_buf_str(&note);
    PO_TRY_LEAF(cx, po_checkpoint_parse(proof.note, &proof.checkpoint),
                "ledger file 'checkpoint' is damaged");
    if (index >= proof.checkpoint.size)
        return PO_FAIL(cx, PO_NOTFOUND, "leaf %lu is not in the checkpoint of size %lu", index,
                       proof.checkpoint.size);
    PO_TRY(cx, po_ledger_inclusion(cx, ledger, index, proof.checkpoint.size, &proof.hashes));
    PO_TRY(cx, po_ledger_root_at(cx, ledger, proof.checkpoint.size, root));
    if (!po_digest_eq(root, proof.checkpoint.root))
        return PO_FAIL(cx, PO_TAMPER, "the ledger does not have the root of its checkpoint");
    proof_format(&proof, out);
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for a proof");
    return po_rc_ok();
}

/* "extra" is not authenticated: its base64 is checked and the content ignored. */
static po_rc skip_extra(po_str *rest)
{
    po_str line = {0};
    po_str after = *rest;
    if (!po_str_starts(*rest, PO_LIT("extra "))) return po_rc_ok();
    if (!po_str_next_line(&after, &line)) return po_rc_of(PO_INVALID);
    PO_BUF_AUTO ignored;
    po_buf_init(&ignored, PO_PROOF_BYTES_MAX);
    PO_PASS(po_base64_decode(po_str_slice(line, 6, line.len), &ignored));
    PO_PASS(po_buf_check(&ignored));
    *rest = after;
    return po_rc_ok();
}

static po_rc parse_hashes(po_str *rest, struct po_proof_hashes *hashes)
{
    po_str line = {0};
    for (;;) {
        if (!po_str_next_line(rest, &line)) return po_rc_of(PO_INVALID);
        if (line.len == 0) return po_rc_ok();
        if (hashes->count >= PO_PROOF_HASHES_MAX) return po_rc_of(PO_LIMIT);
        PO_PASS(po_base64_decode_exact(line, hashes->hashes[hashes->count], PO_SHA256_BYTES));
        hashes->count++;
    }
}

po_rc po_proof_parse(po_str text, struct po_proof *ret_proof)
{
    struct po_proof proof = {0};
    po_str rest = text;
    po_str line = {0};
    if (text.len > PO_PROOF_BYTES_MAX) return po_rc_of(PO_LIMIT);
    if (!po_str_next_line(&rest, &line) || !po_str_eq(line, PO_LIT(PROOF_HEAD)))
        return po_rc_of(PO_INVALID);
    PO_PASS(skip_extra(&rest));
    if (!po_str_next_line(&rest, &line) || !po_str_starts(line, PO_LIT("index ")))
        return po_rc_of(PO_INVALID);
    PO_PASS(po_str_to_u64(po_str_slice(line, 6, line.len), PO_LEDGER_LEAVES_MAX, &proof.index));
    PO_PASS(parse_hashes(&rest, &proof.hashes));
    proof.note = rest;
    PO_PASS(po_checkpoint_parse(rest, &proof.checkpoint));
    *ret_proof = proof;
    return po_rc_ok();
}

po_rc po_proof_verify(po_str text, const uint8_t leaf_hash[static PO_SHA256_BYTES],
                      const struct po_note_vkey *vkey, struct po_proof *ret_proof)
{
    struct po_proof proof = {0};
    struct po_checkpoint signed_one = {0};
    PO_PASS(po_proof_parse(text, &proof));
    if (vkey != NULL) PO_PASS(po_checkpoint_verify(proof.note, vkey, &signed_one));
    const struct po_inclusion_claim claim = {
        .index = proof.index,
        .size = proof.checkpoint.size,
        .leaf_hash = leaf_hash,
        .root = proof.checkpoint.root,
    };
    PO_PASS(po_inclusion_verify(&claim, &proof.hashes));
    if (ret_proof != NULL) *ret_proof = proof;
    return po_rc_ok();
}
