/*
 * Hashing, HMAC and HKDF against the published vectors.
 */
#include "crypto/crypto.h"
#include "unit/crypto/vectors.h"

static struct vectors vectors;

static const uint8_t *bytes_of(po_str s) { return (const uint8_t *)s.ptr; }

TEST(sha256__matches_the_published_examples)
{
    TEST_CX(cx);
    struct po_hash *hash = NULL;
    check_ok(cx, po_hash_new(cx, &hash));
    vectors_open(&vectors, "sha256.txt");
    while (vectors_next(&vectors)) {
        uint8_t got[PO_SHA256_BYTES];
        po_str in = vectors_get(&vectors, "in");
        check_ok_leaf(po_sha256(in, got));
        check_eq_mem(got, vectors_get(&vectors, "digest").ptr, sizeof got);
        check_ok_leaf(po_hash_begin(hash));
        for (size_t i = 0; i < in.len; i++)
            check_ok_leaf(po_hash_update(hash, po_str_slice(in, i, i + 1)));
        check_ok_leaf(po_hash_end(hash, got));
        check_eq_mem(got, vectors_get(&vectors, "digest").ptr, sizeof got);
    }
    check_eq_u64(vectors.record_count, 3);
    vectors_close(&vectors);
    po_hash_free(hash);
}

TEST(tree_hash__matches_the_reference_tree)
{
    TEST_CX(cx);
    struct po_hash *hash = NULL;
    check_ok(cx, po_hash_new(cx, &hash));
    vectors_open(&vectors, "rfc6962.txt");
    while (vectors_next(&vectors)) {
        uint8_t got[PO_SHA256_BYTES];
        if (vectors_has(&vectors, "leaf")) {
            check_ok_leaf(po_hash_leaf(hash, vectors_get(&vectors, "leaf"), got));
        } else {
            check_ok_leaf(po_hash_node(hash, bytes_of(vectors_get(&vectors, "left")),
                                       bytes_of(vectors_get(&vectors, "right")), got));
        }
        check_eq_mem(got, vectors_get(&vectors, "hash").ptr, sizeof got);
    }
    check_eq_u64(vectors.record_count, 3);
    vectors_close(&vectors);
    po_hash_free(hash);
}

TEST(tree_hash__node_may_be_written_over_its_left_side)
{
    TEST_CX(cx);
    struct po_hash *hash = NULL;
    check_ok(cx, po_hash_new(cx, &hash));
    uint8_t left[PO_SHA256_BYTES] = {1};
    uint8_t right[PO_SHA256_BYTES] = {2};
    uint8_t want[PO_SHA256_BYTES];
    check_ok_leaf(po_hash_node(hash, left, right, want));
    check_ok_leaf(po_hash_node(hash, left, right, left));
    check_eq_mem(left, want, sizeof want);
    po_hash_free(hash);
}

TEST(hash__is_a_bug_to_update_or_end_before_begin)
{
    TEST_CX(cx);
    struct po_hash *hash = NULL;
    uint8_t out[PO_SHA256_BYTES];
    check_ok(cx, po_hash_new(cx, &hash));
    check_fails_leaf(po_hash_update(hash, PO_LIT("x")), PO_BUG);
    check_fails_leaf(po_hash_end(hash, out), PO_BUG);
    check_ok_leaf(po_hash_leaf(hash, PO_LIT("x"), out));
    check_fails_leaf(po_hash_end(hash, out), PO_BUG);
    po_hash_free(hash);
    po_hash_free(NULL);
}

TEST(hmac__matches_rfc_4231)
{
    vectors_open(&vectors, "hmac.txt");
    while (vectors_next(&vectors)) {
        uint8_t got[PO_SHA256_BYTES];
        check_ok_leaf(
            po_hmac_sha256(vectors_get(&vectors, "key"), vectors_get(&vectors, "in"), got));
        check_eq_mem(got, vectors_get(&vectors, "mac").ptr, sizeof got);
    }
    check_eq_u64(vectors.record_count, 4);
    vectors_close(&vectors);
}

TEST(hkdf__matches_rfc_5869)
{
    vectors_open(&vectors, "hkdf.txt");
    while (vectors_next(&vectors)) {
        uint8_t prk[PO_SHA256_BYTES];
        uint8_t got[128];
        po_str ikm = vectors_get(&vectors, "ikm");
        po_str salt = vectors_get(&vectors, "salt");
        po_str info = vectors_get(&vectors, "info");
        po_str okm = vectors_get(&vectors, "okm");
        check_ok_leaf(po_hkdf_extract(ikm, salt, prk));
        check_eq_mem(prk, vectors_get(&vectors, "prk").ptr, sizeof prk);
        check_ok_leaf(po_hkdf_sha256(ikm, salt, info, got, okm.len));
        check_eq_mem(got, okm.ptr, okm.len);
    }
    check_eq_u64(vectors.record_count, 3);
    vectors_close(&vectors);
}

TEST(hkdf__gives_at_most_255_blocks)
{
    static uint8_t out[255 * PO_SHA256_BYTES + 1];
    po_str key = PO_LIT("key");
    check_ok_leaf(po_hkdf_sha256(key, key, key, out, sizeof out - 1));
    check_fails_leaf(po_hkdf_sha256(key, key, key, out, sizeof out), PO_LIMIT);
}

TEST_FAULTS(hash__new_fails_cleanly)
{
    TEST_CX(cx);
    struct po_hash *hash = NULL;
    if (!test_survived(po_hash_new(cx, &hash))) return;
    test_faults_off();
    uint8_t out[PO_SHA256_BYTES];
    check_ok_leaf(po_hash_leaf(hash, PO_LIT(""), out));
    po_hash_free(hash);
}
