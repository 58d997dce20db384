#include "core/str.h"

#include "lib/test.h"

#include <stdio.h>

static const po_str NOTHING = {NULL, 0};

TEST(str__equality_is_by_bytes_and_length)
{
    check_that(po_str_eq(PO_LIT("abc"), PO_LIT("abc")));
    check_that(!po_str_eq(PO_LIT("abc"), PO_LIT("abd")));
    check_that(!po_str_eq(PO_LIT("abc"), PO_LIT("abcd")));
    check_that(po_str_eq(PO_LIT(""), NOTHING));
    check_that(po_str_eq(po_str_n("a\0b", 3), po_str_n("a\0b", 3)));
    check_that(!po_str_eq(po_str_n("a\0b", 3), po_str_n("a\0c", 3)));
    check_that(po_str_eq_cstr(PO_LIT("abc"), "abc"));
    check_that(!po_str_eq_cstr(po_str_n("abc\0", 4), "abc"));
    check_that(po_str_eq_cstr(NOTHING, NULL));
}

TEST(str__secret_equality_agrees)
{
    check_that(po_str_eq_secret(PO_LIT("abc"), PO_LIT("abc")));
    check_that(!po_str_eq_secret(PO_LIT("abc"), PO_LIT("abd")));
    check_that(!po_str_eq_secret(PO_LIT("xbc"), PO_LIT("abc")));
    check_that(!po_str_eq_secret(PO_LIT("abc"), PO_LIT("ab")));
    check_that(po_str_eq_secret(PO_LIT(""), NOTHING));
}

TEST(str__order_is_bytewise_and_shorter_first)
{
    static const struct {
        const char *name, *a, *b;
        int want;
    } rows[] = {
        {"equal", "abc", "abc", 0},         {"both empty", "", "", 0},
        {"empty first", "", "a", -1},       {"prefix first", "ab", "abc", -1},
        {"prefix after", "abc", "ab", 1},   {"by byte", "abd", "abc", 1},
        {"unsigned", "a\x7f", "a\x80", -1},
    };
    TEST_EACH(row, rows)
    check_eq_int(po_str_cmp(po_str_of(row->a), po_str_of(row->b)), row->want);
}

TEST(str__starts_and_ends)
{
    po_str s = PO_LIT("backup.verified");
    check_that(po_str_starts(s, PO_LIT("backup.")));
    check_that(po_str_starts(s, NOTHING));
    check_that(po_str_starts(s, s));
    check_that(!po_str_starts(s, PO_LIT("backup.x")));
    check_that(!po_str_starts(PO_LIT("ba"), PO_LIT("bac")));
    check_that(po_str_ends(s, PO_LIT("verified")));
    check_that(po_str_ends(s, NOTHING));
    check_that(!po_str_ends(s, PO_LIT("verifie")));
    check_that(!po_str_ends(PO_LIT("d"), PO_LIT("ed")));
}

TEST(str__find_gives_the_first_hit_or_size_max)
{
    static const struct {
        const char *name, *s, *needle;
        size_t from, want;
    } rows[] = {
        {"first", "abcabc", "bc", 0, 1},          {"from the next", "abcabc", "bc", 2, 4},
        {"at from", "abcabc", "abc", 3, 3},       {"none", "abcabc", "x", 0, SIZE_MAX},
        {"too long", "abc", "abcd", 0, SIZE_MAX}, {"rest too short", "abc", "bc", 2, SIZE_MAX},
        {"empty needle", "abc", "", 2, 2},        {"empty at the end", "abc", "", 3, 3},
        {"from beyond", "abc", "", 4, SIZE_MAX},  {"in nothing", "", "a", 0, SIZE_MAX},
    };
    TEST_EACH(row, rows)
    check_eq_u64(po_str_find(po_str_of(row->s), po_str_of(row->needle), row->from), row->want);
    test_row(NULL);
    check_eq_u64(po_str_find_char(PO_LIT("abab"), 'b', 0), 1);
    check_eq_u64(po_str_find_char(PO_LIT("abab"), 'b', 2), 3);
    check_eq_u64(po_str_find_char(PO_LIT("abab"), 'x', 0), SIZE_MAX);
    check_eq_u64(po_str_find_char(PO_LIT("abab"), 'b', 4), SIZE_MAX);
    check_eq_u64(po_str_find_char(NOTHING, 'b', 0), SIZE_MAX);
}

TEST(str__slices_are_clamped)
{
    po_str s = PO_LIT("hello");
    check_eq_str(po_str_slice(s, 1, 3), "el");
    check_eq_str(po_str_slice(s, 3, SIZE_MAX), "lo");
    check_eq_str(po_str_slice(s, 4, 2), "");
    check_eq_str(po_str_slice(s, 9, 12), "");
    check_that(po_str_slice(NOTHING, 0, 5).ptr == NULL);
    check_that(po_str_is_empty(po_str_slice(NOTHING, 1, 5)));
}

TEST(str__trim_takes_ascii_space)
{
    check_eq_str(po_str_trim(PO_LIT(" \t\r\n\v\fa b \n")), "a b");
    check_eq_str(po_str_trim(PO_LIT(" \n ")), "");
    check_eq_str(po_str_trim(PO_LIT("")), "");
    check_eq_str(po_str_trim(PO_LIT("x")), "x");
    check_eq_str(po_str_trim(NOTHING), "");
}

TEST(str__lines_end_at_newline_and_a_last_one_may_lack_it)
{
    po_str rest = PO_LIT("one\n\nthree\r\nfour");
    po_str line = {0};
    static const char *const want[] = {"one", "", "three\r", "four"};
    for (size_t i = 0; i < 4; i++) {
        check_that(po_str_next_line(&rest, &line));
        check_eq_str(line, want[i]);
    }
    check_that(!po_str_next_line(&rest, &line));
    rest = PO_LIT("one\n");
    check_that(po_str_next_line(&rest, &line));
    check_that(!po_str_next_line(&rest, &line));
    rest = PO_LIT("");
    check_that(!po_str_next_line(&rest, &line));
}

TEST(str__fields_keep_empty_ones)
{
    po_str rest = PO_LIT("a,,b,");
    po_str field = {0};
    static const char *const want[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        check_that(po_str_next_field(&rest, ',', &field));
        check_eq_str(field, want[i]);
    }
    check_that(!po_str_next_field(&rest, ',', &field));
    rest = NOTHING;
    check_that(!po_str_next_field(&rest, ',', &field));
    rest = PO_LIT("");
    check_that(po_str_next_field(&rest, ',', &field));
    check_eq_str(field, "");
    check_that(!po_str_next_field(&rest, ',', &field));
}

TEST(str__unsigned_numbers_are_plain_decimal)
{
    static const struct {
        const char *name, *in;
        uint64_t max;
        enum po_code code;
        uint64_t want;
    } rows[] = {
        {"zero", "0", UINT64_MAX, PO_OK, 0},
        {"largest", "18446744073709551615", UINT64_MAX, PO_OK, UINT64_MAX},
        {"one more", "18446744073709551616", UINT64_MAX, PO_LIMIT, 0},
        {"much more", "99999999999999999999999999", UINT64_MAX, PO_LIMIT, 0},
        {"wraps to small", "18446744073709551626", UINT64_MAX, PO_LIMIT, 0},
        {"at max", "100", 100, PO_OK, 100},
        {"above max", "101", 100, PO_LIMIT, 0},
        {"empty", "", 9, PO_INVALID, 0},
        {"plus", "+1", 9, PO_INVALID, 0},
        {"minus", "-1", 9, PO_INVALID, 0},
        {"leading zero", "01", 9, PO_INVALID, 0},
        {"two zeros", "00", 9, PO_INVALID, 0},
        {"blank before", " 1", 9, PO_INVALID, 0},
        {"blank after", "1 ", 9, PO_INVALID, 0},
        {"hex", "0x1", 9, PO_INVALID, 0},
        {"long and then a letter", "99999999999999999999999x", 9, PO_INVALID, 0},
    };
    TEST_EACH(row, rows)
    {
        uint64_t got = 4711;
        check_eq_int(po_str_to_u64(po_str_of(row->in), row->max, &got).code, row->code);
        check_eq_u64(got, row->code == PO_OK ? row->want : 4711);
    }
}

TEST(str__signed_numbers_take_one_minus)
{
    static const struct {
        const char *name, *in;
        enum po_code code;
        int64_t want;
    } rows[] = {
        {"zero", "0", PO_OK, 0},
        {"negative", "-17", PO_OK, -17},
        {"largest", "9223372036854775807", PO_OK, INT64_MAX},
        {"smallest", "-9223372036854775808", PO_OK, INT64_MIN},
        {"too large", "9223372036854775808", PO_LIMIT, 0},
        {"too small", "-9223372036854775809", PO_LIMIT, 0},
        {"minus zero", "-0", PO_INVALID, 0},
        {"minus alone", "-", PO_INVALID, 0},
        {"two minus", "--1", PO_INVALID, 0},
        {"leading zero", "-01", PO_INVALID, 0},
        {"empty", "", PO_INVALID, 0},
    };
    TEST_EACH(row, rows)
    {
        int64_t got = 4711;
        check_eq_int(po_str_to_i64(po_str_of(row->in), &got).code, row->code);
        check_eq_int(got, row->code == PO_OK ? row->want : 4711);
    }
}

TEST(str__printf_argument_is_bounded)
{
    static char big[3000];
    static char out[4000];
    memset(big, 'x', sizeof big);
    check_eq_int(snprintf(out, sizeof out, "%.*s", PO_STR_ARG(po_str_n(big, sizeof big))), 1024);
    check_eq_int(snprintf(out, sizeof out, "%.*s", PO_STR_ARG(NOTHING)), 0);
}
