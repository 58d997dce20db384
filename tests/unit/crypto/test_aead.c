/*
 * Sealing: published vectors, and every altered input refused.
 */
#include "crypto/crypto.h"
#include "crypto/crypto_priv.h"
#include "unit/crypto/vectors.h"

static struct vectors vectors;

static const uint8_t *bytes_of(po_str s) { return (const uint8_t *)s.ptr; }

static const uint8_t key_bytes[PO_KEY_BYTES] = {7, 7, 7};
#define KEY po_str_n(key_bytes, sizeof key_bytes)

TEST(gcm__matches_the_published_vectors)
{
    vectors_open(&vectors, "aes-256-gcm.txt");
    while (vectors_next(&vectors)) {
        uint8_t got[256];
        po_str plain = vectors_get(&vectors, "plain");
        po_str sealed = vectors_get(&vectors, "sealed");
        po_str key = vectors_get(&vectors, "key");
        po_str aad = vectors_get(&vectors, "aad");
        const uint8_t *nonce = bytes_of(vectors_get(&vectors, "nonce"));
        check_ok_leaf(po_gcm_seal(key, nonce, aad, plain, got));
        check_eq_mem(got, sealed.ptr, sealed.len);
        check_ok_leaf(po_gcm_open(key, nonce, aad, sealed, got));
        check_eq_mem(got, plain.ptr, plain.len);
    }
    check_eq_u64(vectors.record_count, 4);
    vectors_close(&vectors);
}

TEST(xchacha__matches_the_draft)
{
    vectors_open(&vectors, "xchacha20-poly1305.txt");
    while (vectors_next(&vectors)) {
        uint8_t got[256];
        po_str plain = vectors_get(&vectors, "plain");
        po_str sealed = vectors_get(&vectors, "sealed");
        po_str key = vectors_get(&vectors, "key");
        po_str aad = vectors_get(&vectors, "aad");
        po_str nonce = vectors_get(&vectors, "nonce");
        check_ok_leaf(po_xchacha_seal_nonce(key, bytes_of(nonce), aad, plain, got));
        check_eq_mem(got, sealed.ptr, sealed.len);
        PO_BUF_AUTO in = {0};
        PO_BUF_AUTO out = {0};
        po_buf_init(&in, 1024);
        po_buf_init(&out, 1024);
        po_buf_append(&in, nonce);
        po_buf_append(&in, sealed);
        check_ok_leaf(po_xchacha_open(key, aad, po_buf_str(&in), &out));
        check_eq_postr(po_buf_str(&out), plain);
    }
    check_eq_u64(vectors.record_count, 1);
    vectors_close(&vectors);
}

TEST(gcm__refuses_every_altered_bit_and_leaves_zeros)
{
    const uint8_t nonce[PO_GCM_NONCE_BYTES] = {0};
    po_str plain = PO_LIT("the event");
    po_str aad = PO_LIT("header");
    uint8_t sealed[9 + PO_GCM_TAG_BYTES];
    check_ok_leaf(po_gcm_seal(KEY, nonce, aad, plain, sealed));
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        uint8_t out[9];
        memset(out, 0xee, sizeof out);
        sealed[bit / 8] = (uint8_t)(sealed[bit / 8] ^ 1U << bit % 8);
        check_fails_leaf(po_gcm_open(KEY, nonce, aad, po_str_n(sealed, sizeof sealed), out),
                         PO_TAMPER);
        check_eq_mem(out, (const uint8_t[9]){0}, sizeof out);
        sealed[bit / 8] = (uint8_t)(sealed[bit / 8] ^ 1U << bit % 8);
    }
    uint8_t out[9];
    check_fails_leaf(
        po_gcm_open(KEY, nonce, PO_LIT("headeR"), po_str_n(sealed, sizeof sealed), out), PO_TAMPER);
    const uint8_t other[PO_GCM_NONCE_BYTES] = {1};
    check_fails_leaf(po_gcm_open(KEY, other, aad, po_str_n(sealed, sizeof sealed), out), PO_TAMPER);
}

TEST(gcm__works_in_place)
{
    const uint8_t nonce[PO_GCM_NONCE_BYTES] = {0};
    uint8_t bytes[5 + PO_GCM_TAG_BYTES] = "hello";
    check_ok_leaf(po_gcm_seal(KEY, nonce, PO_LIT(""), po_str_n(bytes, 5), bytes));
    check_ok_leaf(po_gcm_open(KEY, nonce, PO_LIT(""), po_str_n(bytes, sizeof bytes), bytes));
    check_eq_mem(bytes, "hello", 5);
}

TEST(aead__refuses_wrong_sizes)
{
    TEST_CX(cx);
    const uint8_t nonce[PO_GCM_NONCE_BYTES] = {0};
    uint8_t out[64];
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 1024);
    po_str short_key = po_str_n(key_bytes, 31);
    po_str huge = {(const char *)key_bytes, PO_SEAL_BYTES_MAX + 1};
    struct po_secret *secret = NULL;
    check_fails_leaf(po_gcm_seal(short_key, nonce, PO_LIT(""), PO_LIT("x"), out), PO_INVALID);
    check_fails_leaf(po_gcm_seal(KEY, nonce, PO_LIT(""), huge, out), PO_LIMIT);
    check_fails_leaf(po_gcm_open(KEY, nonce, PO_LIT(""), PO_LIT("123456789012345"), out),
                     PO_INVALID);
    check_fails_leaf(po_xchacha_seal(short_key, PO_LIT(""), PO_LIT("x"), &buf), PO_INVALID);
    check_fails_leaf(po_xchacha_seal(KEY, PO_LIT(""), huge, &buf), PO_LIMIT);
    check_fails_leaf(po_xchacha_open(KEY, PO_LIT(""), PO_LIT("short"), &buf), PO_INVALID);
    check_fails(cx, po_xchacha_open_secret(cx, KEY, PO_LIT(""), PO_LIT("short"), &secret),
                PO_INVALID);
    check_fails(cx, po_xchacha_open_secret(cx, KEY, PO_LIT(""), huge, &secret), PO_LIMIT);
    check_eq_u64(buf.len, 0);
}

TEST(xchacha__seals_differently_each_time_and_opens)
{
    PO_BUF_AUTO one = {0};
    PO_BUF_AUTO two = {0};
    PO_BUF_AUTO out = {0};
    po_buf_init(&one, 256);
    po_buf_init(&two, 256);
    po_buf_init(&out, 256);
    po_buf_append_cstr(&out, "kept ");
    check_ok_leaf(po_xchacha_seal(KEY, PO_LIT("a"), PO_LIT("value"), &one));
    check_ok_leaf(po_xchacha_seal(KEY, PO_LIT("a"), PO_LIT("value"), &two));
    check_eq_u64(one.len, 5 + PO_XCHACHA_OVERHEAD_BYTES);
    check_that(!po_str_eq(po_buf_str(&one), po_buf_str(&two)));
    check_ok_leaf(po_xchacha_open(KEY, PO_LIT("a"), po_buf_str(&one), &out));
    check_eq_str(po_buf_str(&out), "kept value");
}

TEST(xchacha__opens_an_empty_text)
{
    PO_BUF_AUTO sealed = {0};
    PO_BUF_AUTO out = {0};
    po_buf_init(&sealed, 256);
    po_buf_init(&out, 256);
    check_ok_leaf(po_xchacha_seal(KEY, PO_LIT(""), PO_LIT(""), &sealed));
    check_ok_leaf(po_xchacha_open(KEY, PO_LIT(""), po_buf_str(&sealed), &out));
    check_eq_u64(out.len, 0);
}

TEST(xchacha__refuses_every_altered_bit)
{
    TEST_CX(cx);
    PO_BUF_AUTO sealed = {0};
    PO_BUF_AUTO out = {0};
    po_buf_init(&sealed, 256);
    po_buf_init(&out, 256);
    check_ok_leaf(po_xchacha_seal(KEY, PO_LIT("aad"), PO_LIT("value"), &sealed));
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (char)(1U << bit % 8));
        check_fails_leaf(po_xchacha_open(KEY, PO_LIT("aad"), po_buf_str(&sealed), &out), PO_TAMPER);
        sealed.ptr[bit / 8] = (char)(sealed.ptr[bit / 8] ^ (char)(1U << bit % 8));
    }
    struct po_secret *secret = NULL;
    check_fails_leaf(po_xchacha_open(KEY, PO_LIT("other"), po_buf_str(&sealed), &out), PO_TAMPER);
    check_fails(cx, po_xchacha_open_secret(cx, KEY, PO_LIT("other"), po_buf_str(&sealed), &secret),
                PO_TAMPER);
    check_eq_u64(out.len, 0);
}

TEST_FAULTS(xchacha__fails_cleanly)
{
    TEST_CX(cx);
    PO_BUF_AUTO sealed = {0};
    PO_BUF_AUTO out = {0};
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    po_buf_init(&sealed, 256);
    po_buf_init(&out, 256);
    if (!test_survived(po_xchacha_seal(KEY, PO_LIT(""), PO_LIT("value"), &sealed))) return;
    if (!test_survived(po_xchacha_open(KEY, PO_LIT(""), po_buf_str(&sealed), &out))) return;
    if (!test_survived(po_xchacha_open_secret(cx, KEY, PO_LIT(""), po_buf_str(&sealed), &secret)))
        return;
    test_faults_off();
    check_eq_str(po_buf_str(&out), "value");
    check_eq_str(po_secret_bytes(secret), "value");
}
