/*
 * Shared inside crypto/: the algorithms fetched once.
 */
#ifndef PO_CRYPTO_CRYPTO_PRIV_H
#define PO_CRYPTO_CRYPTO_PRIV_H

#include "crypto/crypto.h"

#include <openssl/evp.h>

/* Fetched by po_crypto_init and kept until the process ends; NULL before. */
const EVP_MD *po_crypto_sha256(void);
const EVP_CIPHER *po_crypto_aes_256_gcm(void);

/* The public half alone: po_sign is PO_UNAVAILABLE. */
PO_RC po_sign_key_new_public(struct po_ctx *cx,
                             const uint8_t public_key[static PO_ED25519_PUBLIC_BYTES],
                             struct po_sign_key **ret_key);

/* XChaCha20-Poly1305 with a given nonce, for the published vectors; out = ciphertext, then tag. */
PO_RC po_xchacha_seal_nonce(po_str key, const uint8_t nonce[static PO_XCHACHA_NONCE_BYTES],
                            po_str aad, po_str plain, uint8_t *out);

#endif
