/*
 * Requests of a ring that asks, and their answers: what both sides share (docs/spec/keys.md 8).
 */
#ifndef PO_CRYPTO_KEYRING_ASK_PRIV_H
#define PO_CRYPTO_KEYRING_ASK_PRIV_H

#include "crypto/keyring_priv.h"

#define PO_KEYRING_ASK_TEXT_BYTES_MAX 512        /* of a checkpoint */
#define PO_KEYRING_ASK_PROOF_BYTES_MAX (64 * 32) /* hashes of a consistency proof */
#define PO_KEYRING_ASK_SIGNED_BYTES_MAX 1024
#define PO_KEYRING_ASK_CODE_BYTES_MAX 256
#define PO_KEYRING_ASK_MESSAGE_BYTES_MAX PO_ERR_MSG_BYTES_MAX

/* Flags, ids of the present and the next master key, public ledger key. */
#define PO_KEYRING_ASK_RING_BYTES (1 + 2 * PO_KEYRING_ID_BYTES + PO_ED25519_PUBLIC_BYTES)
#define PO_KEYRING_ASK_IS_CREDENTIAL 1
#define PO_KEYRING_ASK_HAS_LEDGER 2
#define PO_KEYRING_ASK_IS_ROTATING 4
/* Count, then of each: purpose, state, created, rotated, id. */
#define PO_KEYRING_ASK_KEY_BYTES (2 + 2 * 8 + PO_KEY_ID_CHARS)
#define PO_KEYRING_ASK_STATUS_BYTES_MAX                                                            \
    (1 + (PO_KEYRING_RETIRED_MAX + 4) * PO_KEYRING_ASK_KEY_BYTES)

enum po_keyring_ask_kind {
#define X(name, number, request_min, request_max, answer_max) PO_KEYRING_ASK_##name = (number),
#include "crypto/keyring_asks.def"
#undef X
};

struct po_keyring_ask_row {
    enum po_keyring_ask_kind kind;
    size_t request_min;
    size_t request_max;
    size_t answer_max;
};
/* NULL: there is no such request. */
const struct po_keyring_ask_row *po_keyring_ask_row(unsigned kind);
/* What an index stands for: "master", "ledger", "recovery"; NULL beyond. */
const char *po_keyring_ask_purpose(unsigned index);

/* Reading: cut from the front; what is not there sets is_short and reads as nothing. */
struct po_keyring_ask_in {
    po_str rest;
    bool is_short;
};
po_str po_keyring_ask_cut(struct po_keyring_ask_in *in, size_t len);
uint64_t po_keyring_ask_number(struct po_keyring_ask_in *in, size_t bytes); /* little endian */

/* Buffers for what may be secret: all memory at once, wiped at the end. */
#define PO_KEYRING_ASK_BUF PO_CLEANUP(po_buf_wipe) struct po_buf
PO_RC po_keyring_ask_buf(struct po_ctx *cx, struct po_buf *buf, size_t bytes_max);

#endif
