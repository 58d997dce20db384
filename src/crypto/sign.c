/*
 * Ed25519 by libsodium: refuses non-canonical signatures and keys of small order.
 */
#include "core/alloc.h"
#include "crypto/crypto_priv.h"

#include <sodium.h>

struct po_sign_key {
    struct po_secret *secret; /* libsodium's 64 bytes: seed and public key; NULL: it is elsewhere */
    uint8_t public_key[PO_ED25519_PUBLIC_BYTES];
};

po_rc po_sign_key_new(struct po_ctx *cx, const struct po_secret *seed, struct po_sign_key **ret_key)
{
    PO_TRY_LEAF(cx, po_crypto_init(), "the cryptographic library does not start");
    po_str bytes = po_secret_bytes(seed);
    if (bytes.len != PO_ED25519_SEED_BYTES)
        return PO_FAIL(cx, PO_INVALID, "a signing seed has %zu bytes, not 32", bytes.len);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = po_calloc(1, sizeof *key);
    if (key == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a signing key");
    uint8_t pair[crypto_sign_SECRETKEYBYTES] PO_WIPED(po_wipe64) = {0};
    if (crypto_sign_seed_keypair(key->public_key, pair, (const uint8_t *)bytes.ptr) != 0)
        return PO_FAIL(cx, PO_CRYPTO, "the signing key cannot be derived");
    PO_TRY(cx, po_secret_new(cx, po_str_n(pair, sizeof pair), &key->secret));
    *ret_key = PO_TAKE(key);
    return po_rc_ok();
}

po_rc po_sign_key_new_public(struct po_ctx *cx,
                             const uint8_t public_key[static PO_ED25519_PUBLIC_BYTES],
                             struct po_sign_key **ret_key)
{
    struct po_sign_key *key = po_calloc(1, sizeof *key);
    if (key == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a signing key");
    memcpy(key->public_key, public_key, sizeof key->public_key);
    *ret_key = key;
    return po_rc_ok();
}

void po_sign_key_free(struct po_sign_key *key)
{
    if (key == NULL) return;
    po_secret_free(key->secret);
    po_free(key);
}

void po_sign_key_freep(struct po_sign_key **key)
{
    po_sign_key_free(*key);
    *key = NULL;
}

const uint8_t *po_sign_key_public(const struct po_sign_key *key) { return key->public_key; }

po_rc po_sign(const struct po_sign_key *key, po_str message,
              uint8_t out[static PO_ED25519_SIG_BYTES])
{
    if (key->secret == NULL) return po_rc_of(PO_UNAVAILABLE);
    const uint8_t *secret = (const uint8_t *)po_secret_bytes(key->secret).ptr;
    int rc = crypto_sign_detached(out, NULL, (const uint8_t *)message.ptr, message.len, secret);
    return po_rc_of(rc == 0 ? PO_OK : PO_CRYPTO);
}

po_rc po_sign_verify(const uint8_t public_key[static PO_ED25519_PUBLIC_BYTES], po_str message,
                     const uint8_t signature[static PO_ED25519_SIG_BYTES])
{
    PO_PASS(po_crypto_init());
    int rc = crypto_sign_verify_detached(signature, (const uint8_t *)message.ptr, message.len,
                                         public_key);
    return po_rc_of(rc == 0 ? PO_OK : PO_TAMPER);
}
