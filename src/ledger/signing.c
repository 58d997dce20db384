/*
 * Signing by asking: what is known of the one who signs, and how a checkpoint gets its signature.
 *
 * Source   docs/spec/ledger.md 4, docs/spec/keys.md 8
 */
#include "ledger/ledger_priv.h"

#define SIGNED_BYTES_MAX 1024

po_rc po_signing_read(struct po_ctx *cx, const struct po_ledger *ledger,
                      struct po_signed_state *ret_state)
{
    if (ledger->asking == NULL) return po_signed_read(cx, ledger->signed_path, ret_state);
    PO_BUF_AUTO text;
    po_buf_init(&text, SIGNED_BYTES_MAX);
    PO_TRY(cx, po_keyring_signed(cx, ledger->asking, &text));
    PO_TRY_LEAF(cx, po_signed_parse(po_buf_str(&text), ret_state),
                "the signing state 'signed' is damaged");
    return po_rc_ok();
}

/* With the proof that it goes on from what was signed last. */
static po_rc ask_once(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size, po_str text,
                      uint8_t ret_signature[static PO_ED25519_SIG_BYTES])
{
    struct po_proof_hashes proof = {0};
    uint64_t last = ledger->signed_state.size;
    if (last > 0 && last < size) PO_TRY(cx, po_ledger_consistency(cx, ledger, last, size, &proof));
    const struct po_keyring_claim claim = {
        .text = text, .proof = po_str_n(proof.hashes, proof.count * PO_SHA256_BYTES)};
    return po_keyring_sign(cx, ledger->asking, &claim, ret_signature);
}

po_rc po_signing_ask(struct po_ctx *cx, struct po_ledger *ledger,
                     const struct po_checkpoint *checkpoint, po_str text,
                     uint8_t ret_signature[static PO_ED25519_SIG_BYTES])
{
    struct po_signed_state now = {0};
    po_rc rc = ask_once(cx, ledger, checkpoint->size, text, ret_signature);
    if (rc.code == PO_TAMPER) {
        /* An answer may have been lost: then more was signed than is known here. */
        struct po_err why = cx->err;
        po_err_clear(cx);
        PO_TRY(cx, po_signing_read(cx, ledger, &now));
        if (now.size <= ledger->signed_state.size || now.size > checkpoint->size) {
            cx->err = why;
            return rc;
        }
        ledger->signed_state = now;
        rc = ask_once(cx, ledger, checkpoint->size, text, ret_signature);
    }
    PO_TRY(cx, rc);
    ledger->signed_state.size = checkpoint->size;
    memcpy(ledger->signed_state.root, checkpoint->root, PO_SHA256_BYTES);
    return po_rc_ok();
}
