/*
 * Sealing: AES-256-GCM (OpenSSL) for the ledger's single-use keys, XChaCha20-Poly1305 (libsodium)
 * with a random nonce for everything sealed under a key that is used more than once.
 */
#include "core/random.h"
#include "crypto/crypto_priv.h"

#include <sodium.h>

static void free_cipherp(EVP_CIPHER_CTX **cipher)
{
    EVP_CIPHER_CTX_free(*cipher);
    *cipher = NULL;
}

static po_rc check_sizes(po_str key, po_str aad, size_t text_len)
{
    if (key.len != PO_KEY_BYTES) return po_rc_of(PO_INVALID);
    if (text_len > PO_SEAL_BYTES_MAX || aad.len > PO_SEAL_BYTES_MAX) return po_rc_of(PO_LIMIT);
    return po_crypto_init();
}

static const uint8_t *bytes_of(po_str s) { return (const uint8_t *)s.ptr; }

static bool gcm_encrypt(EVP_CIPHER_CTX *cipher, po_str aad, po_str plain, uint8_t *out)
{
    int len = 0;
    if (aad.len > 0 && EVP_EncryptUpdate(cipher, NULL, &len, bytes_of(aad), (int)aad.len) != 1)
        return false;
    if (plain.len > 0 && EVP_EncryptUpdate(cipher, out, &len, bytes_of(plain), (int)plain.len) != 1)
        return false;
    if (EVP_EncryptFinal_ex(cipher, out + plain.len, &len) != 1) return false;
    return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, PO_GCM_TAG_BYTES, out + plain.len) ==
           1;
}

po_rc po_gcm_seal(po_str key, const uint8_t nonce[static PO_GCM_NONCE_BYTES], po_str aad,
                  po_str plain, uint8_t *out)
{
    PO_PASS(check_sizes(key, aad, plain.len));
    PO_CLEANUP(free_cipherp) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL) return po_rc_of(PO_CRYPTO);
    if (EVP_EncryptInit_ex2(cipher, po_crypto_aes_256_gcm(), bytes_of(key), nonce, NULL) != 1)
        return po_rc_of(PO_CRYPTO);
    if (gcm_encrypt(cipher, aad, plain, out)) return po_rc_ok();
    po_wipe(out, plain.len + PO_GCM_TAG_BYTES);
    return po_rc_of(PO_CRYPTO);
}

/* PO_TAMPER when the tag does not fit. */
static po_rc gcm_decrypt(EVP_CIPHER_CTX *cipher, po_str aad, po_str text, uint8_t *out)
{
    int len = 0;
    if (aad.len > 0 && EVP_DecryptUpdate(cipher, NULL, &len, bytes_of(aad), (int)aad.len) != 1)
        return po_rc_of(PO_CRYPTO);
    if (text.len > 0 && EVP_DecryptUpdate(cipher, out, &len, bytes_of(text), (int)text.len) != 1)
        return po_rc_of(PO_CRYPTO);
    uint8_t rest[16] = {0};
    return po_rc_of(EVP_DecryptFinal_ex(cipher, rest, &len) == 1 ? PO_OK : PO_TAMPER);
}

po_rc po_gcm_open(po_str key, const uint8_t nonce[static PO_GCM_NONCE_BYTES], po_str aad,
                  po_str sealed, uint8_t *out)
{
    if (sealed.len < PO_GCM_TAG_BYTES) return po_rc_of(PO_INVALID);
    po_str text = po_str_slice(sealed, 0, sealed.len - PO_GCM_TAG_BYTES);
    PO_PASS(check_sizes(key, aad, text.len));
    PO_CLEANUP(free_cipherp) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL) return po_rc_of(PO_CRYPTO);
    uint8_t tag[PO_GCM_TAG_BYTES];
    memcpy(tag, sealed.ptr + text.len, sizeof tag);
    if (EVP_DecryptInit_ex2(cipher, po_crypto_aes_256_gcm(), bytes_of(key), nonce, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) != 1)
        return po_rc_of(PO_CRYPTO);
    po_rc rc = gcm_decrypt(cipher, aad, text, out);
    if (!po_is_ok(rc) && text.len > 0) po_wipe(out, text.len);
    return rc;
}

/* ---- XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) ----------------------------------------- */

po_rc po_xchacha_seal_nonce(po_str key, const uint8_t nonce[static PO_XCHACHA_NONCE_BYTES],
                            po_str aad, po_str plain, uint8_t *out)
{
    PO_PASS(check_sizes(key, aad, plain.len));
    int rc = crypto_aead_xchacha20poly1305_ietf_encrypt(
        out, NULL, bytes_of(plain), plain.len, bytes_of(aad), aad.len, NULL, nonce, bytes_of(key));
    return po_rc_of(rc == 0 ? PO_OK : PO_CRYPTO);
}

po_rc po_xchacha_seal(po_str key, po_str aad, po_str plain, struct po_buf *out)
{
    PO_PASS(check_sizes(key, aad, plain.len));
    uint8_t nonce[PO_XCHACHA_NONCE_BYTES] = {0};
    PO_PASS(po_random_fill(nonce, sizeof nonce));
    size_t start = out->len;
    char *room = po_buf_extend(out, plain.len + PO_XCHACHA_OVERHEAD_BYTES);
    if (room == NULL) return po_buf_check(out);
    memcpy(room, nonce, sizeof nonce);
    po_rc rc = po_xchacha_seal_nonce(key, nonce, aad, plain, (uint8_t *)room + sizeof nonce);
    if (!po_is_ok(rc)) po_buf_truncate(out, start);
    return rc;
}

/* Plain bytes to `out`, which holds sealed.len - PO_XCHACHA_OVERHEAD_BYTES. */
static po_rc xchacha_open_into(po_str key, po_str aad, po_str sealed, uint8_t *out)
{
    const uint8_t *nonce = bytes_of(sealed);
    int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, NULL, NULL, nonce + PO_XCHACHA_NONCE_BYTES, sealed.len - PO_XCHACHA_NONCE_BYTES,
        bytes_of(aad), aad.len, nonce, bytes_of(key));
    return po_rc_of(rc == 0 ? PO_OK : PO_TAMPER);
}

po_rc po_xchacha_open(po_str key, po_str aad, po_str sealed, struct po_buf *out)
{
    if (sealed.len < PO_XCHACHA_OVERHEAD_BYTES) return po_rc_of(PO_INVALID);
    size_t plain_len = sealed.len - PO_XCHACHA_OVERHEAD_BYTES;
    PO_PASS(check_sizes(key, aad, plain_len));
    size_t start = out->len;
    /* One byte more, so that an empty text has an address too. */
    char *room = po_buf_extend(out, plain_len + 1);
    if (room == NULL) return po_buf_check(out);
    po_rc rc = xchacha_open_into(key, aad, sealed, (uint8_t *)room);
    po_buf_truncate(out, po_is_ok(rc) ? start + plain_len : start);
    return rc;
}

static void wipe_secret_room(uint8_t (*room)[PO_SECRET_BYTES_MAX]) { po_wipe(room, sizeof *room); }

po_rc po_xchacha_open_secret(struct po_ctx *cx, po_str key, po_str aad, po_str sealed,
                             struct po_secret **ret_secret)
{
    if (sealed.len < PO_XCHACHA_OVERHEAD_BYTES)
        return PO_FAIL(cx, PO_INVALID, "a sealed key of %zu bytes is too short", sealed.len);
    size_t plain_len = sealed.len - PO_XCHACHA_OVERHEAD_BYTES;
    if (plain_len > PO_SECRET_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a sealed key of %zu bytes is too long", sealed.len);
    PO_TRY_LEAF(cx, check_sizes(key, aad, plain_len), "the key to open with is not usable");
    uint8_t room[PO_SECRET_BYTES_MAX] PO_WIPED(wipe_secret_room) = {0};
    PO_TRY_LEAF(cx, xchacha_open_into(key, aad, sealed, room),
                "it was altered, or sealed under another key or for another purpose");
    return po_secret_new(cx, po_str_n(room, plain_len), ret_secret);
}
