/*
 * Argon2id strings and HOTP: published vectors, another implementation's hashes, strict reading.
 */
#include "core/random.h"
#include "crypto/crypto.h"
#include "lib/test.h"

#include <sodium.h>

#define SMALL ((struct po_password_cost){.memory_kib = 64, .passes = 2})

/* made with Debian's argon2 0~20171227, salt "0123456789abcdef" */
static const struct {
    const char *name;
    const char *password;
    const char *hash;
} others[] = {
    {"64 KiB", "correct horse battery staple",
     "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
     "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"1 MiB", "password",
     "$argon2id$v=19$m=1024,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
     "rRhV8cCFm000w53oEMv6H//LGodkqKWHkZwz0xC95vk"},
};

TEST(password__verifies_hashes_of_the_reference_program)
{
    TEST_EACH(row, others)
    {
        bool is_right = false;
        check_ok_leaf(
            po_password_verify(po_str_of(row->password), po_str_of(row->hash), &is_right));
        check_that(is_right);
        check_ok_leaf(po_password_verify(PO_LIT("another"), po_str_of(row->hash), &is_right));
        check_that(!is_right);
    }
}

TEST(password__writes_strings_that_libsodium_verifies)
{
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    char again[PO_PASSWORD_HASH_BYTES_MAX];
    const po_str password = PO_LIT("p\xc3\xa4ssword \xf0\x9f\x94\x91");
    bool is_right = false;
    check_ok_leaf(po_password_hash(password, SMALL, hash));
    check_ok_leaf(po_password_hash(password, SMALL, again));
    check_that(strcmp(hash, again) != 0, "the salt is not fresh");
    check_eq_int(crypto_pwhash_str_verify(hash, password.ptr, password.len), 0);
    check_ok_leaf(po_password_verify(password, po_str_of(hash), &is_right));
    check_that(is_right);
    char theirs[crypto_pwhash_STRBYTES];
    check_eq_int(crypto_pwhash_str(theirs, password.ptr, password.len, 1, 8192), 0);
    check_ok_leaf(po_password_verify(password, po_str_of(theirs), &is_right));
    check_that(is_right);
}

TEST(password__every_byte_counts_up_to_the_limit)
{
    static char text[PO_PASSWORD_BYTES_MAX + 1];
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    bool is_right = true;
    memset(text, 'a', sizeof text);
    const po_str longest = po_str_n(text, PO_PASSWORD_BYTES_MAX);
    check_ok_leaf(po_password_hash(longest, SMALL, hash));
    text[PO_PASSWORD_BYTES_MAX - 1] = 'b';
    check_ok_leaf(po_password_verify(longest, po_str_of(hash), &is_right));
    check_that(!is_right);
    const po_str longer = po_str_n(text, sizeof text);
    check_fails_leaf(po_password_hash(longer, SMALL, hash), PO_LIMIT);
    check_fails_leaf(po_password_verify(longer, po_str_of(hash), &is_right), PO_LIMIT);
    check_fails_leaf(po_password_hash(PO_LIT(""), SMALL, hash), PO_INVALID);
}

TEST(password__refuses_costs_out_of_range)
{
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    const struct po_password_cost bad[] = {
        {7, 1}, {64, 0}, {PO_PASSWORD_MEMORY_KIB_MAX + 1, 1}, {64, PO_PASSWORD_PASSES_MAX + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_fails_leaf(po_password_hash(PO_LIT("x"), bad[i], hash), PO_INVALID);
        check_fails_leaf(po_password_hash_dummy(bad[i], hash), PO_INVALID);
    }
}

static const struct {
    const char *name;
    const char *hash;
} broken[] = {
    {"empty", ""},
    {"another kind", "$argon2i$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gAwJW5vx5itn2V9KHlEU"},
    {"another version", "$argon2id$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                        "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"four gibibytes", "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                       "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"a million passes", "$argon2id$v=19$m=64,t=1000000,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                         "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"too little memory", "$argon2id$v=19$m=1,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                          "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"two lanes", "$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$"
                  "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"a short salt", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$"
                     "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4"},
    {"a short hash", "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gAwJW5vx5itn2V9KHlEU"},
    {"no hash", "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg"},
    {"no number", "$argon2id$v=19$m=,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$x"},
    {"cut in the cost", "$argon2id$v=19$m=64"},
    {"cut after memory", "$argon2id$v=19$m=64,x=2"},
    {"trailing bytes", "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                       "gAwJW5vx5itn2V9KHlEUjyUCrpDYgKyQf0gMaHGx1h4="},
};

TEST(password__a_stored_string_of_another_form_is_damage)
{
    TEST_EACH(row, broken)
    {
        bool is_right = true;
        struct po_password_cost cost;
        const po_str hash = po_str_of(row->hash);
        check_fails_leaf(po_password_verify(PO_LIT("x"), hash, &is_right), PO_CORRUPT);
        check_fails_leaf(po_password_hash_cost(hash, &cost), PO_CORRUPT);
        check_that(po_password_hash_is_weak(hash, SMALL));
    }
}

TEST(password__says_when_parameters_rose)
{
    const po_str hash = po_str_of(others[1].hash);
    struct po_password_cost cost = {0};
    check_ok_leaf(po_password_hash_cost(hash, &cost));
    check_eq_u64(cost.memory_kib, 1024);
    check_eq_u64(cost.passes, 3);
    check_that(!po_password_hash_is_weak(hash, (struct po_password_cost){1024, 3}));
    check_that(!po_password_hash_is_weak(hash, (struct po_password_cost){512, 2}));
    check_that(po_password_hash_is_weak(hash, (struct po_password_cost){1025, 3}));
    check_that(po_password_hash_is_weak(hash, (struct po_password_cost){1024, 4}));
}

TEST(password__a_dummy_costs_the_same_and_matches_nothing)
{
    char dummy[PO_PASSWORD_HASH_BYTES_MAX];
    struct po_password_cost cost = {0};
    bool is_right = true;
    check_ok_leaf(po_password_hash_dummy(SMALL, dummy));
    check_ok_leaf(po_password_hash_cost(po_str_of(dummy), &cost));
    check_eq_u64(cost.memory_kib, SMALL.memory_kib);
    check_eq_u64(cost.passes, SMALL.passes);
    uint64_t before = po_password_work_count();
    check_ok_leaf(po_password_verify(PO_LIT("password"), po_str_of(dummy), &is_right));
    check_eq_u64(po_password_work_count() - before, 1);
    check_that(!is_right);
}

TEST_FAULTS(password__hashing_fails_cleanly)
{
    char hash[PO_PASSWORD_HASH_BYTES_MAX] = "";
    bool is_right = false;
    if (!test_survived(po_password_hash(PO_LIT("x"), SMALL, hash))) {
        check_eq_cstr(hash, "");
        return;
    }
    if (!test_survived(po_password_verify(PO_LIT("x"), po_str_of(hash), &is_right))) return;
    test_faults_off();
    check_that(is_right);
}

/* RFC 4226 appendix D */
TEST(hotp__gives_the_published_codes)
{
    static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489"};
    for (uint64_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char code[PO_HOTP_DIGITS_MAX + 1];
        check_ok_leaf(po_hotp(PO_LIT("12345678901234567890"), i, 6, code));
        check_eq_cstr(code, codes[i]);
    }
}

TEST(hotp__refuses_other_shapes)
{
    char code[PO_HOTP_DIGITS_MAX + 1];
    static const char key[65];
    check_fails_leaf(po_hotp(PO_LIT(""), 0, 6, code), PO_INVALID);
    check_fails_leaf(po_hotp(po_str_n(key, 65), 0, 6, code), PO_INVALID);
    check_fails_leaf(po_hotp(PO_LIT("k"), 0, 5, code), PO_INVALID);
    check_fails_leaf(po_hotp(PO_LIT("k"), 0, 10, code), PO_INVALID);
    check_ok_leaf(po_hotp(po_str_n(key, 64), 0, 9, code));
}
