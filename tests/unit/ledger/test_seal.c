#include "fixture.h"

#include <openssl/evp.h>

/* ---- an independent derivation, straight from docs/spec/ledger.md 2 --------------------------- */

static void derive(const struct po_secret *data_key, const uint8_t *header, const char *label,
                   uint64_t tenant, uint8_t out[32])
{
    uint8_t info[64];
    size_t len = strlen(label);
    memcpy(info, label, len);
    for (unsigned i = 0; i < 8; i++)
        info[len + i] = (uint8_t)(tenant >> (56 - 8 * i));
    memcpy(info + len + 8, header + 2, 16);
    check_ok_leaf(po_hkdf_sha256(po_secret_bytes(data_key), po_str_n(header + 18, 32),
                                 po_str_n(info, len + 24), out, 32));
}

static void seal_one(struct po_ctx *cx, struct fix *fix, struct po_sealed *sealed)
{
    check_ok(cx, fix_try_event(cx, fix, 42, sealed));
}

/* @proves CC6.1 */
TEST(seal__a_sealed_event_opens_to_the_same_bytes)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed;
    struct po_record record;
    struct po_opening opening;
    uint8_t want[32];
    uint8_t commit[32];
    PO_BUF_AUTO bytes;
    PO_BUF_AUTO out;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("key:master"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_FAILURE};
    check_ok(cx, po_event_write(cx, &event, &bytes, NULL));
    check_ok(cx, po_event_seal(cx, &fix.keys, po_buf_str(&bytes), &sealed));
    check_ok(cx, po_sealed_open(cx, &fix.keys, cx->tenant, sealed.payload, &out, &opening));
    check_eq_postr(po_buf_str(&out), po_buf_str(&bytes));
    check_ok_leaf(po_record_decode(sealed.record, &record));
    check_eq_int(record.event_type, PO_EVENT_TYPE_KEY_ROTATED);
    check_eq_cstr(po_record_action_name(record.action), "rotate");
    check_eq_int(record.result, PO_EVENT_FAILURE);
    check_eq_int(record.retention, PO_RETENTION_PERMANENT);
    check_eq_int(record.recv_time_us, TEST_CLOCK_START_US);
    check_eq_int(record.key_epoch, 1);
    check_eq_u64(record.payload_len, bytes.len + PO_SEALED_OVERHEAD_BYTES);
    check_ok_leaf(po_sha256(sealed.payload, want));
    check_eq_mem(record.payload_hash, want, 32);
    check_ok_leaf(po_opening_commit(&opening, po_buf_str(&bytes), commit));
    check_eq_mem(record.content_commit, commit, 32);
    derive(fix.data_keys[0][0], (const uint8_t *)sealed.payload.ptr, "paulyops/v1/open", 1, want);
    check_eq_mem(opening.bytes, want, 32);
    derive(fix.data_keys[0][0], (const uint8_t *)sealed.payload.ptr, "paulyops/v1/com", 1, want);
    check_eq_mem(sealed.payload.ptr + 50, want, 32);
    check_eq_mem(sealed.event_id, sealed.payload.ptr + 2, 16);
}

TEST(seal__two_seals_of_one_event_share_nothing_secret)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed a;
    struct po_sealed b;
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("key:master"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_event_write(cx, &event, &bytes, NULL));
    check_ok(cx, po_event_seal(cx, &fix.keys, po_buf_str(&bytes), &a));
    check_ok(cx, po_event_seal(cx, &fix.keys, po_buf_str(&bytes), &b));
    check_that(!po_str_eq(po_str_slice(a.payload, 18, 50), po_str_slice(b.payload, 18, 50)));
    check_that(!po_str_eq(po_str_slice(a.payload, 82, 98), po_str_slice(b.payload, 82, 98)));
    check_that(po_str_find(a.payload, PO_LIT("key:master"), 0) == SIZE_MAX);
}

TEST(seal_open__refuses_every_altered_byte)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    seal_one(cx, &fix, &sealed);
    PO_BUF_AUTO copy;
    po_buf_init(&copy, sealed.payload.len);
    po_buf_append(&copy, sealed.payload);
    for (size_t i = 0; i < copy.len; i++) {
        copy.ptr[i] ^= 1;
        po_rc rc = po_sealed_open(cx, &fix.keys, cx->tenant, po_buf_str(&copy), &out, NULL);
        bool is_refused = rc.code == PO_TAMPER || (i < 2 && rc.code == PO_CORRUPT) ||
                          (i == 1 && rc.code == PO_UNAVAILABLE);
        check_that(is_refused, "byte %zu: %s", i, po_code_name(rc.code));
        check_eq_u64(out.len, 0);
        po_err_clear(cx);
        copy.ptr[i] ^= 1;
    }
    check_ok(cx, po_sealed_open(cx, &fix.keys, cx->tenant, po_buf_str(&copy), &out, NULL));
}

TEST(seal_open__refuses_other_tenants_short_bytes_and_missing_keys)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    seal_one(cx, &fix, &sealed);
    const po_tenant_id other = {2};
    const po_tenant_id none = {9};
    check_fails(cx, po_sealed_open(cx, &fix.keys, other, sealed.payload, &out, NULL), PO_TAMPER);
    check_contains(po_err_msg(cx), "K_com");
    check_fails(cx, po_sealed_open(cx, &fix.keys, none, sealed.payload, &out, NULL), PO_NOTFOUND);
    check_fails(cx, po_sealed_open(cx, NULL, cx->tenant, sealed.payload, &out, NULL),
                PO_UNAVAILABLE);
    po_str cut = po_str_slice(sealed.payload, 0, PO_SEALED_OVERHEAD_BYTES + 1);
    check_fails(cx, po_sealed_open(cx, &fix.keys, cx->tenant, cut, &out, NULL), PO_CORRUPT);
    po_secret_freep(&fix.data_keys[0][0]);
    check_fails(cx, po_sealed_open(cx, &fix.keys, cx->tenant, sealed.payload, &out, NULL),
                PO_UNAVAILABLE);
    PO_BUF_AUTO small;
    po_buf_init(&small, 10);
    FIX_AUTO again;
    fix_init(cx, &again);
    check_fails(cx, po_sealed_open(cx, &again.keys, cx->tenant, sealed.payload, &small, NULL),
                PO_LIMIT);
}

TEST(seal__later_epochs_seal_and_earlier_ones_still_open)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed first;
    struct po_sealed second;
    uint64_t before = 0;
    uint64_t after = 0;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    seal_one(cx, &fix, &first);
    check_ok(cx, po_tenant_pseudonym(cx, &fix.keys, cx->tenant, &before));
    fix.epoch = 2;
    seal_one(cx, &fix, &second);
    check_ok(cx, po_tenant_pseudonym(cx, &fix.keys, cx->tenant, &after));
    check_eq_u64(before, after);
    check_eq_int(second.payload.ptr[1], 2);
    check_ok(cx, po_sealed_open(cx, &fix.keys, cx->tenant, first.payload, &out, NULL));
    check_ok(cx, po_sealed_open(cx, &fix.keys, cx->tenant, second.payload, &out, NULL));
    check_fails(cx, po_tenant_pseudonym(cx, NULL, cx->tenant, &after), PO_UNAVAILABLE);
    const po_tenant_id other = {2};
    check_ok(cx, po_tenant_pseudonym(cx, &fix.keys, other, &after));
    check_that(before != after);
}

TEST(seal__refuses_what_is_no_event_another_tenants_or_without_key)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed;
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("key:master"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_event_write(cx, &event, &bytes, NULL));
    check_fails(cx, po_event_seal(cx, &fix.keys, PO_LIT("{}"), &sealed), PO_INVALID);
    check_fails(cx, po_event_seal(cx, NULL, po_buf_str(&bytes), &sealed), PO_UNAVAILABLE);
    cx->tenant = (po_tenant_id){2};
    check_fails(cx, po_event_seal(cx, &fix.keys, po_buf_str(&bytes), &sealed), PO_INVALID);
    cx->tenant = (po_tenant_id){1};
    fix.epoch = 256;
    check_fails(cx, po_event_seal(cx, &fix.keys, po_buf_str(&bytes), &sealed), PO_UNAVAILABLE);
}

TEST_FAULTS_MANUAL(seal__fails_cleanly)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed = {0};
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    fix_init(cx, &fix);
    test_faults_arm();
    bool is_sealed = test_survived(fix_try_event(cx, &fix, 42, &sealed));
    if (is_sealed &&
        !test_survived(po_sealed_open(cx, &fix.keys, cx->tenant, sealed.payload, &out, NULL)))
        check_eq_u64(out.len, 0);
    test_faults_off();
}

/* ---- one ciphertext for two keys -------------------------------------------------------------- */

typedef struct {
    uint64_t hi;
    uint64_t lo;
} gf; /* an element of GCM's field: bit 0 is the highest bit of the first byte */

static gf gf_load(const uint8_t *in)
{
    gf x = {0};
    for (unsigned i = 0; i < 8; i++) {
        x.hi = x.hi << 8 | in[i];
        x.lo = x.lo << 8 | in[8 + i];
    }
    return x;
}

static void gf_store(gf x, uint8_t *out)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(x.hi >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(x.lo >> (56 - 8 * i));
    }
}

static gf gf_add(gf a, gf b) { return (gf){a.hi ^ b.hi, a.lo ^ b.lo}; }

static gf gf_mul(gf a, gf b)
{
    gf sum = {0};
    for (unsigned i = 0; i < 128; i++) {
        bool bit = i < 64 ? (a.hi >> (63 - i) & 1) != 0 : (a.lo >> (127 - i) & 1) != 0;
        if (bit) sum = gf_add(sum, b);
        bool carry = (b.lo & 1) != 0;
        b.lo = b.lo >> 1 | b.hi << 63;
        b.hi >>= 1;
        if (carry) b.hi ^= UINT64_C(0xe1) << 56;
    }
    return sum;
}

static gf gf_inverse(gf a) /* a^(2^128 - 2) */
{
    gf power = a;
    gf product = {.hi = UINT64_C(1) << 63};
    for (unsigned i = 1; i < 128; i++) {
        power = gf_mul(power, power);
        product = gf_mul(product, power);
    }
    return product;
}

static gf aes(const uint8_t key[32], const uint8_t block[16])
{
    uint8_t out[32];
    int len = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    check_that(ctx != NULL);
    check_that(EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL) == 1);
    check_that(EVP_EncryptUpdate(ctx, out, &len, block, 16) == 1 && len == 16);
    EVP_CIPHER_CTX_free(ctx);
    return gf_load(out);
}

/* GHASH over header (AAD) and ciphertext blocks, without the final E_K(J0). */
static gf ghash(gf h, const uint8_t *payload, size_t ct_len)
{
    uint8_t block[16];
    gf sum = {0};
    for (size_t at = 0; at < PO_SEALED_HEADER_BYTES; at += 16) {
        size_t n = PO_SEALED_HEADER_BYTES - at < 16 ? PO_SEALED_HEADER_BYTES - at : 16;
        memset(block, 0, 16);
        memcpy(block, payload + at, n);
        sum = gf_mul(gf_add(sum, gf_load(block)), h);
    }
    for (size_t at = 0; at < ct_len; at += 16)
        sum = gf_mul(gf_add(sum, gf_load(payload + PO_SEALED_HEADER_BYTES + at)), h);
    gf lengths = {PO_SEALED_HEADER_BYTES * 8, ct_len * 8};
    return gf_mul(gf_add(sum, lengths), h);
}

/*
 * AES-GCM lets the holder of two keys make one ciphertext with one tag that both accept. Make it,
 * show that bare GCM takes it under both, and that opening refuses the second.
 *
 * @proves CC7.2
 */
TEST(seal_open__refuses_a_ciphertext_made_for_two_keys)
{
    enum { CT = 48, FREE_AT = 32 }; /* the third block is solved for; its power of H is 2 */
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed;
    uint8_t payload[PO_SEALED_HEADER_BYTES + CT + 16] = {0};
    uint8_t key[2][32];
    uint8_t plain[CT];
    const uint8_t zero[16] = {0};
    const uint8_t j0[16] = {[15] = 1};
    gf h[2];
    gf tag[2];
    fix_init(cx, &fix);
    seal_one(cx, &fix, &sealed);
    memcpy(payload, sealed.payload.ptr, PO_SEALED_HEADER_BYTES);
    for (size_t i = 0; i < 2; i++) {
        derive(fix.data_keys[0][i], payload, "paulyops/v1/enc", 1, key[i]);
        h[i] = aes(key[i], zero);
        tag[i] = gf_add(ghash(h[i], payload, CT), aes(key[i], j0));
    }
    gf squares = gf_add(gf_mul(h[0], h[0]), gf_mul(h[1], h[1]));
    gf block = gf_mul(gf_add(tag[0], tag[1]), gf_inverse(squares));
    gf_store(block, payload + PO_SEALED_HEADER_BYTES + FREE_AT);
    gf_store(gf_add(ghash(h[0], payload, CT), aes(key[0], j0)),
             payload + PO_SEALED_HEADER_BYTES + CT);
    po_str aad = po_str_n(payload, PO_SEALED_HEADER_BYTES);
    po_str ct = po_str_n(payload + PO_SEALED_HEADER_BYTES, CT + 16);
    for (size_t i = 0; i < 2; i++)
        check_ok_leaf(po_gcm_open(po_str_n(key[i], 32), zero, aad, ct, plain));

    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    po_str whole = po_str_n(payload, sizeof payload);
    check_ok(cx, po_sealed_open(cx, &fix.keys, cx->tenant, whole, &out, NULL));
    struct po_secret *first = fix.data_keys[0][0];
    fix.data_keys[0][0] = fix.data_keys[0][1]; /* the other auditor is shown the other key */
    po_rc rc = po_sealed_open(cx, &fix.keys, cx->tenant, whole, &out, NULL);
    fix.data_keys[0][0] = first;
    check_fails(cx, rc, PO_TAMPER);
    check_contains(po_err_msg(cx), "K_com");
}
