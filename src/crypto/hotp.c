/*
 * HOTP, RFC 4226 5.3. SHA-1 is what authenticators speak; HMAC does not need its collision
 * resistance. Composed from the digest as in hash.c, so that nothing is fetched by name twice.
 */
#include "crypto/crypto_priv.h"

#define SHA1_BYTES 20
#define SHA1_BLOCK_BYTES 64

/* SHA-1(pad || bytes); pad is one block. */
static po_rc hash_padded(const uint8_t pad[static SHA1_BLOCK_BYTES], po_str bytes,
                         uint8_t out[static SHA1_BYTES])
{
    uint8_t input[SHA1_BLOCK_BYTES + SHA1_BYTES];
    if (bytes.len > SHA1_BYTES) return po_rc_of(PO_BUG);
    memcpy(input, pad, SHA1_BLOCK_BYTES);
    memcpy(input + SHA1_BLOCK_BYTES, bytes.ptr, bytes.len);
    int done = EVP_Digest(input, SHA1_BLOCK_BYTES + bytes.len, out, NULL, EVP_sha1(), NULL);
    po_wipe(input, sizeof input);
    return po_rc_of(done == 1 ? PO_OK : PO_CRYPTO);
}

/* RFC 2104 for keys of at most one block and messages of at most SHA1_BYTES. */
static po_rc hmac_sha1(po_str key, po_str in, uint8_t out[static SHA1_BYTES])
{
    uint8_t inner[SHA1_BLOCK_BYTES];
    uint8_t outer[SHA1_BLOCK_BYTES];
    uint8_t digest[SHA1_BYTES] = {0};
    for (size_t i = 0; i < SHA1_BLOCK_BYTES; i++) {
        uint8_t byte = i < key.len ? (uint8_t)key.ptr[i] : 0;
        inner[i] = (uint8_t)(byte ^ 0x36);
        outer[i] = (uint8_t)(byte ^ 0x5c);
    }
    po_rc rc = hash_padded(inner, in, digest);
    if (po_is_ok(rc)) rc = hash_padded(outer, po_str_n(digest, sizeof digest), out);
    po_wipe(inner, sizeof inner);
    po_wipe(outer, sizeof outer);
    return rc;
}

po_rc po_hotp(po_str key, uint64_t counter, unsigned digits,
              char out[static PO_HOTP_DIGITS_MAX + 1])
{
    if (key.len == 0 || key.len > SHA1_BLOCK_BYTES || digits < 6 || digits > PO_HOTP_DIGITS_MAX)
        return po_rc_of(PO_INVALID);
    PO_PASS(po_crypto_init());
    uint8_t text[8];
    uint8_t mac[SHA1_BYTES] = {0};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(counter >> (56 - 8 * i) & 0xff);
    PO_PASS(hmac_sha1(key, po_str_n(text, sizeof text), mac));
    size_t at = mac[SHA1_BYTES - 1] & 0x0f;
    uint32_t number = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
                      (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    for (unsigned i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    out[digits] = '\0';
    po_wipe(mac, sizeof mac);
    return po_rc_ok();
}
