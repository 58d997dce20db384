/*
 * Ed25519 against RFC 8032, and what verification refuses.
 */
#include "crypto/crypto.h"
#include "unit/crypto/vectors.h"

static struct vectors vectors;

static const uint8_t *bytes_of(po_str s) { return (const uint8_t *)s.ptr; }

static void new_key(struct po_ctx *cx, po_str seed_bytes, struct po_sign_key **ret_key)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    check_ok(cx, po_secret_new(cx, seed_bytes, &seed));
    check_ok(cx, po_sign_key_new(cx, seed, ret_key));
}

TEST(sign__matches_rfc_8032)
{
    TEST_CX(cx);
    vectors_open(&vectors, "ed25519.txt");
    while (vectors_next(&vectors)) {
        PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
        uint8_t signature[PO_ED25519_SIG_BYTES];
        po_str message = vectors_get(&vectors, "message");
        new_key(cx, vectors_get(&vectors, "seed"), &key);
        check_eq_mem(po_sign_key_public(key), vectors_get(&vectors, "public").ptr, 32);
        check_ok_leaf(po_sign(key, message, signature));
        check_eq_mem(signature, vectors_get(&vectors, "signature").ptr, sizeof signature);
        check_ok_leaf(
            po_sign_verify(bytes_of(vectors_get(&vectors, "public")), message, signature));
    }
    check_eq_u64(vectors.record_count, 3);
    vectors_close(&vectors);
}

TEST(sign_verify__refuses_every_altered_bit)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
    uint8_t signature[PO_ED25519_SIG_BYTES];
    new_key(cx, PO_LIT("0123456789abcdef0123456789abcdef"), &key);
    check_ok_leaf(po_sign(key, PO_LIT("message"), signature));
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        signature[bit / 8] = (uint8_t)(signature[bit / 8] ^ 1U << bit % 8);
        check_fails_leaf(po_sign_verify(po_sign_key_public(key), PO_LIT("message"), signature),
                         PO_TAMPER);
        signature[bit / 8] = (uint8_t)(signature[bit / 8] ^ 1U << bit % 8);
    }
    check_fails_leaf(po_sign_verify(po_sign_key_public(key), PO_LIT("messagE"), signature),
                     PO_TAMPER);
}

TEST(sign_verify__refuses_a_key_of_small_order)
{
    /* The neutral point: (R = neutral, S = 0) would be a signature of everything. */
    const uint8_t neutral[PO_ED25519_PUBLIC_BYTES] = {1};
    const uint8_t signature[PO_ED25519_SIG_BYTES] = {1};
    check_fails_leaf(po_sign_verify(neutral, PO_LIT("anything"), signature), PO_TAMPER);
}

TEST(sign_key__needs_a_seed_of_32_bytes)
{
    TEST_CX(cx);
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    struct po_sign_key *key = NULL;
    check_ok(cx, po_secret_new(cx, PO_LIT("short"), &seed));
    check_fails(cx, po_sign_key_new(cx, seed, &key), PO_INVALID);
    check_that(key == NULL);
    po_sign_key_free(NULL);
}

TEST_FAULTS(sign_key__new_fails_cleanly)
{
    TEST_CX(cx);
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
    if (!test_survived(po_secret_random(cx, PO_ED25519_SEED_BYTES, &seed))) return;
    if (!test_survived(po_sign_key_new(cx, seed, &key))) return;
    test_faults_off();
    uint8_t signature[PO_ED25519_SIG_BYTES];
    check_ok_leaf(po_sign(key, PO_LIT("x"), signature));
    check_ok_leaf(po_sign_verify(po_sign_key_public(key), PO_LIT("x"), signature));
}
