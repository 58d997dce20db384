#include "core/random.h"

#include "core/str.h"
#include "lib/test.h"

#include <string.h>

TEST(random__fills_all_bytes_and_never_the_same)
{
    static unsigned char a[100000];
    static unsigned char b[100000];
    check_ok_leaf(po_random_fill(a, sizeof a));
    check_ok_leaf(po_random_fill(b, sizeof b));
    check_that(memcmp(a, b, sizeof a) != 0);
    size_t counts[256] = {0};
    for (size_t i = 0; i < sizeof a; i++)
        counts[a[i]]++;
    for (size_t i = 0; i < 256; i++)
        check_that(counts[i] > 250 && counts[i] < 550, "%zu", counts[i]);
    check_that(memcmp(a + sizeof a - 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) != 0);
}

TEST(random__fills_nothing_beyond_its_length)
{
    unsigned char bytes[300];
    for (size_t len = 0; len < 290; len += 29) {
        memset(bytes, 0x5a, sizeof bytes);
        check_ok_leaf(po_random_fill(bytes, len));
        for (size_t i = len; i < sizeof bytes; i++)
            check_eq_u64(bytes[i], 0x5a);
    }
}

TEST(random__seeded_stream_repeats_and_ends_with_seed_0)
{
    unsigned char a[40];
    unsigned char b[40];
    po_random_seed_for_test(42);
    check_ok_leaf(po_random_fill(a, sizeof a));
    po_random_seed_for_test(42);
    check_ok_leaf(po_random_fill(b, sizeof b));
    check_eq_mem(a, b, sizeof a);
    check_ok_leaf(po_random_fill(b, sizeof b));
    check_that(memcmp(a, b, sizeof a) != 0);
    po_random_seed_for_test(43);
    check_ok_leaf(po_random_fill(b, sizeof b));
    check_that(memcmp(a, b, sizeof a) != 0);
    po_random_seed_for_test(0);
    check_ok_leaf(po_random_fill(a, sizeof a));
    po_random_seed_for_test(43);
    check_ok_leaf(po_random_fill(a, sizeof a));
    check_eq_mem(a, b, sizeof a);
}

TEST_FAULTS(random__no_randomness_is_io)
{
    unsigned char bytes[600];
    po_rc rc = po_random_fill(bytes, sizeof bytes);
    check_that(po_is_ok(rc) || rc.code == PO_IO);
    uint8_t uuid[16] = {0};
    po_rc made = po_uuid7(5, uuid);
    if (!po_is_ok(made)) check_eq_mem(uuid, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    if (test_survived(rc)) po_ignore(po_rc_of(test_survived(made) ? PO_OK : PO_IO), "checked");
}

TEST_FAULTS(random__the_seeded_stream_can_fail_as_well)
{
    unsigned char bytes[8];
    po_random_seed_for_test(7);
    po_rc rc = po_random_fill(bytes, sizeof bytes);
    po_random_seed_for_test(0);
    check_that(po_is_ok(rc) || rc.code == PO_IO);
    po_ignore(po_rc_of(test_survived(rc) ? PO_OK : PO_IO), "checked");
}

TEST(uuid7__has_time_version_and_variant)
{
    uint8_t uuid[16];
    char text[PO_UUID_TEXT_BYTES];
    /* the time of the example in RFC 9562 A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F */
    for (int i = 0; i < 200; i++) {
        check_ok_leaf(po_uuid7((po_time_us)1645557742000 * 1000 + 999, uuid));
        po_uuid_format(uuid, text);
        check_that(strncmp(text, "017f22e2-79b0-7", 15) == 0, "%s", text);
        check_that(strchr("89ab", text[19]) != NULL, "%s", text);
    }
}

TEST(uuid7__every_other_bit_is_random)
{
    static const uint8_t want[16] = {0,    0,    0,    0,    0,    0,    0x0f, 0xff,
                                     0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t all_or[16] = {0};
    uint8_t all_and[16];
    memset(all_and, 0xff, sizeof all_and);
    for (int i = 0; i < 200; i++) {
        uint8_t uuid[16];
        check_ok_leaf(po_uuid7(TEST_CLOCK_START_US, uuid));
        for (size_t k = 0; k < 16; k++) {
            all_or[k] = (uint8_t)(all_or[k] | uuid[k]);
            all_and[k] = (uint8_t)(all_and[k] & uuid[k]);
        }
    }
    for (size_t k = 0; k < 16; k++)
        check_eq_u64(all_or[k] ^ all_and[k], want[k]);
}

TEST(uuid7__later_sorts_later_and_none_comes_twice)
{
    uint8_t before[16];
    uint8_t after[16];
    check_ok_leaf(po_uuid7(TEST_CLOCK_START_US, before));
    check_ok_leaf(po_uuid7(TEST_CLOCK_START_US + PO_US_PER_MS, after));
    check_that(memcmp(before, after, 16) < 0);
    check_ok_leaf(po_uuid7(TEST_CLOCK_START_US, after));
    check_that(memcmp(before, after, 16) != 0);
    check_ok_leaf(po_uuid7(-5, after));
    check_eq_mem(after, "\0\0\0\0\0\0", 6);
}

TEST(uuid__text_comes_back)
{
    uint8_t uuid[16];
    char text[PO_UUID_TEXT_BYTES];
    check_ok_leaf(po_uuid_parse(PO_LIT("017F22E2-79B0-7cc3-98C4-DC0C0C07398F"), uuid));
    check_eq_mem(uuid, "\x01\x7f\x22\xe2\x79\xb0\x7c\xc3\x98\xc4\xdc\x0c\x0c\x07\x39\x8f", 16);
    po_uuid_format(uuid, text);
    check_eq_cstr(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

TEST(uuid__refuses_other_shapes)
{
    static const struct {
        const char *name, *in;
    } rows[] = {
        {"empty", ""},
        {"no dashes", "017f22e279b07cc398c4dc0c0c07398f"},
        {"short", "017f22e2-79b0-7cc3-98c4-dc0c0c07398"},
        {"long", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"},
        {"dash moved", "017f22e-279b0-7cc3-98c4-dc0c0c07398f"},
        {"dash for a digit", "017f22e2-79b0-7cc3-98c4-dc0c0c0739-f"},
        {"no hex", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g"},
        {"braces", "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}"},
    };
    TEST_EACH(row, rows)
    {
        uint8_t uuid[16] = {7};
        check_fails_leaf(po_uuid_parse(po_str_of(row->in), uuid), PO_INVALID);
        check_eq_u64(uuid[0], 7);
    }
}
