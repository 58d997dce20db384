/*
 * SHA-256, the tree's leaf and node hashes (RFC 6962 2.1), HMAC (RFC 2104) and HKDF (RFC 5869).
 *
 * HMAC and HKDF are composed here from OpenSSL's SHA-256, because OpenSSL 3.0's own HMAC fetches
 * its digest by name at every initialisation. RFC 4231 and RFC 5869 vectors hold them to the text.
 */
#include "core/alloc.h"
#include "crypto/crypto_priv.h"

#define SHA256_BLOCK_BYTES 64
#define HKDF_BLOCKS_MAX 255

struct po_hash {
    EVP_MD_CTX *md;
    bool is_begun;
};

po_rc po_sha256(po_str in, uint8_t out[static PO_SHA256_BYTES])
{
    PO_PASS(po_crypto_init());
    int done = EVP_Digest(in.ptr, in.len, out, NULL, po_crypto_sha256(), NULL);
    return po_rc_of(done == 1 ? PO_OK : PO_CRYPTO);
}

po_rc po_hash_new(struct po_ctx *cx, struct po_hash **ret_hash)
{
    PO_TRY_LEAF(cx, po_crypto_init(), "the cryptographic library does not start");
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = po_calloc(1, sizeof *hash);
    if (hash == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a hash");
    hash->md = EVP_MD_CTX_new();
    if (hash->md == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a hash");
    *ret_hash = PO_TAKE(hash);
    return po_rc_ok();
}

void po_hash_free(struct po_hash *hash)
{
    if (hash == NULL) return;
    EVP_MD_CTX_free(hash->md);
    po_free(hash);
}

void po_hash_freep(struct po_hash **hash)
{
    po_hash_free(*hash);
    *hash = NULL;
}

po_rc po_hash_begin(struct po_hash *hash)
{
    hash->is_begun = EVP_DigestInit_ex2(hash->md, po_crypto_sha256(), NULL) == 1;
    return po_rc_of(hash->is_begun ? PO_OK : PO_CRYPTO);
}

po_rc po_hash_update(struct po_hash *hash, po_str bytes)
{
    if (!hash->is_begun) return po_rc_of(PO_BUG);
    if (bytes.len == 0) return po_rc_ok();
    return po_rc_of(EVP_DigestUpdate(hash->md, bytes.ptr, bytes.len) == 1 ? PO_OK : PO_CRYPTO);
}

po_rc po_hash_end(struct po_hash *hash, uint8_t out[static PO_SHA256_BYTES])
{
    if (!hash->is_begun) return po_rc_of(PO_BUG);
    hash->is_begun = false;
    return po_rc_of(EVP_DigestFinal_ex(hash->md, out, NULL) == 1 ? PO_OK : PO_CRYPTO);
}

po_rc po_hash_leaf(struct po_hash *hash, po_str entry, uint8_t out[static PO_SHA256_BYTES])
{
    PO_PASS(po_hash_begin(hash));
    PO_PASS(po_hash_update(hash, po_str_n("\x00", 1)));
    PO_PASS(po_hash_update(hash, entry));
    return po_hash_end(hash, out);
}

po_rc po_hash_node(struct po_hash *hash, const uint8_t left[static PO_SHA256_BYTES],
                   const uint8_t right[static PO_SHA256_BYTES], uint8_t out[static PO_SHA256_BYTES])
{
    uint8_t input[1 + 2 * PO_SHA256_BYTES] = {0x01};
    memcpy(input + 1, left, PO_SHA256_BYTES);
    memcpy(input + 1 + PO_SHA256_BYTES, right, PO_SHA256_BYTES);
    PO_PASS(po_hash_begin(hash));
    PO_PASS(po_hash_update(hash, po_str_n(input, sizeof input)));
    return po_hash_end(hash, out);
}

/* ---- HMAC and HKDF --------------------------------------------------------------------------- */

static void free_mdp(EVP_MD_CTX **md)
{
    EVP_MD_CTX_free(*md);
    *md = NULL;
}

/* One keyed pass: SHA-256((key XOR fill) || parts...). */
static bool hash_pass(EVP_MD_CTX *md, const uint8_t key[static SHA256_BLOCK_BYTES], uint8_t fill,
                      const po_str parts[static 3], uint8_t out[static PO_SHA256_BYTES])
{
    uint8_t pad[SHA256_BLOCK_BYTES] PO_WIPED(po_wipe64) = {0};
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = (uint8_t)(key[i] ^ fill);
    if (EVP_DigestInit_ex2(md, po_crypto_sha256(), NULL) != 1) return false;
    if (EVP_DigestUpdate(md, pad, sizeof pad) != 1) return false;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len > 0 && EVP_DigestUpdate(md, parts[i].ptr, parts[i].len) != 1) return false;
    }
    return EVP_DigestFinal_ex(md, out, NULL) == 1;
}

/* HMAC of up to three parts in a row. */
static po_rc hmac_parts(EVP_MD_CTX *md, po_str key, const po_str parts[static 3],
                        uint8_t out[static PO_SHA256_BYTES])
{
    uint8_t block[SHA256_BLOCK_BYTES] PO_WIPED(po_wipe64) = {0};
    uint8_t inner[PO_SHA256_BYTES] PO_WIPED(po_wipe32) = {0};
    if (key.len > sizeof block) {
        PO_PASS(po_sha256(key, block));
    } else if (key.len > 0) {
        memcpy(block, key.ptr, key.len);
    }
    if (!hash_pass(md, block, 0x36, parts, inner)) return po_rc_of(PO_CRYPTO);
    const po_str outer[3] = {po_str_n(inner, sizeof inner), {NULL, 0}, {NULL, 0}};
    return po_rc_of(hash_pass(md, block, 0x5c, outer, out) ? PO_OK : PO_CRYPTO);
}

po_rc po_hmac_sha256(po_str key, po_str in, uint8_t out[static PO_SHA256_BYTES])
{
    PO_PASS(po_crypto_init());
    PO_CLEANUP(free_mdp) EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL) return po_rc_of(PO_CRYPTO);
    const po_str parts[3] = {in, {NULL, 0}, {NULL, 0}};
    return hmac_parts(md, key, parts, out);
}

po_rc po_hkdf_extract(po_str ikm, po_str salt, uint8_t prk[static PO_SHA256_BYTES])
{
    /* An empty salt is a string of zeros, which HMAC's padding makes of an empty key. */
    return po_hmac_sha256(salt, ikm, prk);
}

po_rc po_hkdf_expand(const uint8_t prk[static PO_SHA256_BYTES], po_str info, uint8_t *out,
                     size_t out_len)
{
    if (out_len > (size_t)HKDF_BLOCKS_MAX * PO_SHA256_BYTES) return po_rc_of(PO_LIMIT);
    PO_PASS(po_crypto_init());
    PO_CLEANUP(free_mdp) EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL) return po_rc_of(PO_CRYPTO);
    uint8_t block[PO_SHA256_BYTES] PO_WIPED(po_wipe32) = {0};
    size_t done = 0;
    for (uint8_t counter = 1; done < out_len; counter++) {
        const po_str parts[3] = {po_str_n(block, counter == 1 ? 0 : sizeof block), info,
                                 po_str_n(&counter, 1)};
        PO_PASS(hmac_parts(md, po_str_n(prk, PO_SHA256_BYTES), parts, block));
        size_t part = out_len - done < sizeof block ? out_len - done : sizeof block;
        memcpy(out + done, block, part);
        done += part;
    }
    return po_rc_ok();
}

po_rc po_hkdf_sha256(po_str ikm, po_str salt, po_str info, uint8_t *out, size_t out_len)
{
    uint8_t prk[PO_SHA256_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_PASS(po_hkdf_extract(ikm, salt, prk));
    return po_hkdf_expand(prk, info, out, out_len);
}
