#include "core/codec.h"

#include "lib/test.h"

#include <string.h>

TEST(hex__encodes_in_lower_case)
{
    static const uint8_t in[] = {0x00, 0x0f, 0xa5, 0xff};
    char out[9];
    po_hex_encode(in, sizeof in, out);
    check_eq_cstr(out, "000fa5ff");
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 10);
    po_buf_append_cstr(&buf, "x");
    po_hex_append(&buf, in, sizeof in);
    check_eq_str(po_buf_str(&buf), "x000fa5ff");
    po_hex_append(&buf, in, 1);
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
}

TEST(hex__decodes_both_cases_and_nothing_else)
{
    static const struct {
        const char *name, *in;
        size_t out_len;
        enum po_code code;
    } rows[] = {
        {"lower", "00ff10ab", 4, PO_OK},
        {"upper", "00FF10AB", 4, PO_OK},
        {"empty", "", 0, PO_OK},
        {"odd", "00ff1", 2, PO_INVALID},
        {"too long", "00ff10ab", 3, PO_INVALID},
        {"too short", "00ff", 3, PO_INVALID},
        {"letter", "0g", 1, PO_INVALID},
        {"letter first", "g0", 1, PO_INVALID},
        {"blank", " 0", 1, PO_INVALID},
        {"colon", "0:", 1, PO_INVALID},
        {"at sign", "0@", 1, PO_INVALID},
        {"backtick", "`0", 1, PO_INVALID},
        {"slash", "0/", 1, PO_INVALID},
    };
    TEST_EACH(row, rows)
    {
        uint8_t out[8];
        memset(out, 0x77, sizeof out);
        check_eq_int(po_hex_decode(po_str_of(row->in), out, row->out_len).code, row->code);
        if (row->code != PO_OK) check_eq_u64(out[0], 0x77);
    }
    test_row(NULL);
    uint8_t out[4];
    check_ok_leaf(po_hex_decode(PO_LIT("00ff10Ab"), out, 4));
    check_eq_mem(out, "\x00\xff\x10\xab", 4);
}

/* RFC 4648 section 10 */
static const struct {
    const char *name, *plain, *coded;
} BASE64_ROWS[] = {
    {"empty", "", ""},
    {"f", "f", "Zg=="},
    {"fo", "fo", "Zm8="},
    {"foo", "foo", "Zm9v"},
    {"foob", "foob", "Zm9vYg=="},
    {"fooba", "fooba", "Zm9vYmE="},
    {"foobar", "foobar", "Zm9vYmFy"},
};

TEST(base64__agrees_with_the_published_vectors)
{
    TEST_EACH(row, BASE64_ROWS)
    {
        PO_BUF_AUTO buf;
        po_buf_init(&buf, 100);
        po_base64_append(&buf, (const uint8_t *)row->plain, strlen(row->plain));
        check_eq_str(po_buf_str(&buf), row->coded);
        po_buf_clear(&buf);
        check_ok_leaf(po_base64_decode(po_str_of(row->coded), &buf));
        check_eq_str(po_buf_str(&buf), row->plain);
    }
}

TEST(base64__refuses_what_is_not_canonical)
{
    static const struct {
        const char *name, *in;
    } rows[] = {
        {"no padding", "Zg"},          {"half padding", "Zg="},       {"one digit", "Z"},
        {"padding only", "===="},      {"three pads", "Z==="},        {"pad inside", "Zg==Zg=="},
        {"pad in the middle", "Z=g="}, {"stray bits of two", "Zh=="}, {"all stray bits", "Zv=="},
        {"stray bits of one", "Zm9="}, {"url alphabet", "-_-_"},      {"blank", "Zg= "},
        {"newline", "Zm9v\n"},         {"newline inside", "Zm\n9"},   {"nul", "Zm9\x01"},
        {"high bit", "Zm9\xf6"},       {"pads after", "Zm9v===="},
    };
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 100);
    TEST_EACH(row, rows)
    {
        check_fails_leaf(po_base64_decode(po_str_of(row->in), &buf), PO_INVALID);
        check_eq_u64(buf.len, 0);
    }
}

TEST(base64__every_length_comes_back)
{
    uint8_t in[100];
    for (size_t len = 0; len <= sizeof in; len++) {
        PO_BUF_AUTO coded;
        PO_BUF_AUTO plain;
        po_buf_init(&coded, 200);
        po_buf_init(&plain, 100);
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)test_random_u64();
        po_base64_append(&coded, in, len);
        check_eq_u64(coded.len, (len + 2) / 3 * 4);
        check_ok_leaf(po_base64_decode(po_buf_str(&coded), &plain));
        check_eq_postr(po_buf_str(&plain), po_str_n(in, len));
    }
}

TEST(base64__exact_wants_the_length)
{
    uint8_t out[4] = {9, 9, 9, 9};
    check_ok_leaf(po_base64_decode_exact(PO_LIT("Zm9v"), out, 3));
    check_eq_mem(out, "foo\x09", 4);
    check_fails_leaf(po_base64_decode_exact(PO_LIT("Zm9v"), out, 4), PO_INVALID);
    check_fails_leaf(po_base64_decode_exact(PO_LIT("Zm8="), out, 3), PO_INVALID);
    check_fails_leaf(po_base64_decode_exact(PO_LIT("Zm9?"), out, 3), PO_INVALID);
    check_ok_leaf(po_base64_decode_exact(PO_LIT(""), out, 0));
}

TEST(base64__decode_respects_the_buffer)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 2);
    check_fails_leaf(po_base64_decode(PO_LIT("Zm9v"), &buf), PO_LIMIT);
}

TEST(utf8__accepts_exactly_the_well_formed)
{
    static const struct {
        const char *name, *in;
        size_t want;
    } rows[] = {
        {"empty", "", SIZE_MAX},
        {"ascii", "abc\x7f", SIZE_MAX},
        {"two bytes", "\xc2\x80\xdf\xbf", SIZE_MAX},
        {"three bytes", "\xe0\xa0\x80\xef\xbf\xbf", SIZE_MAX},
        {"below surrogates", "\xed\x9f\xbf", SIZE_MAX},
        {"above surrogates", "\xee\x80\x80", SIZE_MAX},
        {"four bytes", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", SIZE_MAX},
        {"continuation alone", "a\x80", 1},
        {"overlong two", "\xc0\xaf", 0},
        {"overlong two high", "\xc1\xbf", 0},
        {"overlong three", "ab\xe0\x9f\xbf", 2},
        {"overlong four", "\xf0\x8f\xbf\xbf", 0},
        {"high surrogate", "\xed\xa0\x80", 0},
        {"low surrogate", "\xed\xbf\xbf", 0},
        {"beyond the last", "\xf4\x90\x80\x80", 0},
        {"five byte lead", "\xf8\x88\x80\x80\x80", 0},
        {"ff", "\xff", 0},
        {"cut two", "a\xc3", 1},
        {"cut three", "\xe2\x82", 0},
        {"cut four", "\xf0\x9f\x98", 0},
        {"second is no continuation", "\xc3(", 0},
        {"third is no continuation", "\xe2\x82(", 0},
        {"fourth is no continuation", "\xf0\x9f\x98(", 0},
        {"bad after good", "\xc3\xa4\xc3", 2},
    };
    TEST_EACH(row, rows) check_eq_u64(po_utf8_find_invalid(po_str_of(row->in)), row->want);
}

TEST(utf8__every_code_point_comes_back)
{
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c == 0xd800) c = 0xe000;
        char bytes[4];
        size_t len = po_utf8_encode(c, bytes);
        size_t pos = 0;
        uint32_t got = 0;
        check_that(po_is_ok(po_utf8_next(po_str_n(bytes, len), &pos, &got)));
        check_that(got == c && pos == len, "U+%04x", c);
    }
}

TEST(utf8__next_stops_at_the_end_and_at_bad_bytes)
{
    size_t pos = 1;
    uint32_t got = 4711;
    check_fails_leaf(po_utf8_next(PO_LIT("a"), &pos, &got), PO_INVALID);
    check_fails_leaf(po_utf8_next(PO_LIT("a\xc3"), &pos, &got), PO_INVALID);
    check_fails_leaf(po_utf8_next((po_str){NULL, 0}, &pos, &got), PO_INVALID);
    check_eq_u64(pos, 1);
    check_eq_u64(got, 4711);
}

TEST(utf8__what_is_no_scalar_value_becomes_the_replacement)
{
    static const uint32_t bad[] = {0xd800, 0xdfff, 0x110000, UINT32_MAX};
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 100);
    for (size_t i = 0; i < 4; i++) {
        po_buf_clear(&buf);
        po_utf8_append(&buf, bad[i]);
        check_eq_str(po_buf_str(&buf), "\xef\xbf\xbd");
    }
    po_buf_clear(&buf);
    po_utf8_append(&buf, 0x1f600);
    po_utf8_append(&buf, 'a');
    check_eq_str(po_buf_str(&buf), "\xf0\x9f\x98\x80"
                                   "a");
}

/* Slow and obvious: put the bits together, then ask whether that number needs so many bytes. */
static size_t model_len(const unsigned char *p, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    if (len == 0 || len > left) return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2) return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    bool is_scalar = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    return is_scalar && c >= least[len] ? len : 0;
}

TEST(utf8__agrees_with_a_slow_model)
{
    static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xec, 0xed, 0xee, 0xef,
                                          0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    for (uint64_t round = 0; round < test_rounds(200000); round++) {
        unsigned char text[6];
        size_t len = (size_t)test_random_below(7);
        for (size_t i = 0; i < len; i++)
            text[i] = edges[test_random_below(sizeof edges)];
        size_t want = 0;
        while (want < len && model_len(text + want, len - want) != 0)
            want += model_len(text + want, len - want);
        check_eq_u64(po_utf8_find_invalid(po_str_n(text, len)), want == len ? SIZE_MAX : want);
    }
}
