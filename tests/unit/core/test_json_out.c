#include "core/json.h"

#include "lib/test.h"

#include <string.h>

static void write_sample(struct po_json_out *out)
{
    po_json_out_object(out);
    po_json_out_field(out, "name", PO_LIT("x"));
    po_json_out_field_int(out, "n", -3);
    po_json_out_key(out, "list");
    po_json_out_array(out);
    po_json_out_bool(out, true);
    po_json_out_bool(out, false);
    po_json_out_null(out);
    po_json_out_raw(out, PO_LIT("{\"r\":1}"));
    po_json_out_cstr(out, "c");
    po_json_out_object(out);
    po_json_out_object_end(out);
    po_json_out_array(out);
    po_json_out_array_end(out);
    po_json_out_array_end(out);
    po_json_out_key(out, "o");
    po_json_out_object(out);
    po_json_out_key(out, "s");
    po_json_out_str(out, PO_LIT("t"));
    po_json_out_object_end(out);
    po_json_out_object_end(out);
}

TEST(json_out__writes_compact_text)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 1000);
    po_json_out_init(&out, &buf, 0);
    write_sample(&out);
    check_eq_str(po_buf_str(&buf),
                 "{\"name\":\"x\",\"n\":-3,\"list\":[true,false,null,{\"r\":1},\"c\","
                 "{},[]],\"o\":{\"s\":\"t\"}}");
    check_eq_int(out.depth, 0);
}

TEST(json_out__writes_indented_text)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 1000);
    po_json_out_init(&out, &buf, 2);
    write_sample(&out);
    check_eq_str(po_buf_str(&buf), "{\n"
                                   "  \"name\": \"x\",\n"
                                   "  \"n\": -3,\n"
                                   "  \"list\": [\n"
                                   "    true,\n"
                                   "    false,\n"
                                   "    null,\n"
                                   "    {\"r\":1},\n"
                                   "    \"c\",\n"
                                   "    {},\n"
                                   "    []\n"
                                   "  ],\n"
                                   "  \"o\": {\n"
                                   "    \"s\": \"t\"\n"
                                   "  }\n"
                                   "}");
}

TEST(json_out__a_scalar_is_a_text)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 100);
    po_json_out_init(&out, &buf, 2);
    po_json_out_int(&out, INT64_MIN);
    check_eq_str(po_buf_str(&buf), "-9223372036854775808");
}

TEST(json_quote__escapes_what_must_be_and_nothing_else)
{
    static const struct {
        const char *name, *in, *want;
    } rows[] = {
        {"empty", "", "\"\""},
        {"plain", "a/b", "\"a/b\""},
        {"quote and backslash", "\"\\", "\"\\\"\\\\\""},
        {"short forms", "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"other controls", "\x01\x0b\x1f", "\"\\u0001\\u000b\\u001f\""},
        {"delete", "\x7f", "\"\x7f\""},
        {"utf-8", "\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {"line separator", "\xe2\x80\xa8", "\"\xe2\x80\xa8\""},
        {"bad byte", "a\xffz", "\"a\xef\xbf\xbdz\""},
        {"bad at the end", "a\xc3", "\"a\xef\xbf\xbd\""},
        {"surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"bad then escape", "\xff\n", "\"\xef\xbf\xbd\\n\""},
    };
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 1000);
    TEST_EACH(row, rows)
    {
        po_buf_clear(&buf);
        po_json_quote(&buf, po_str_of(row->in));
        check_eq_str(po_buf_str(&buf), row->want);
    }
    test_row(NULL);
    po_buf_clear(&buf);
    po_json_quote(&buf, po_str_n("a\0b", 3));
    check_eq_str(po_buf_str(&buf), "\"a\\u0000b\"");
    po_buf_clear(&buf);
    po_json_quote(&buf, (po_str){NULL, 0});
    check_eq_str(po_buf_str(&buf), "\"\"");
}

TEST(json_quote__any_bytes_make_json_that_parses)
{
    for (uint64_t round = 0; round < test_rounds(3000); round++) {
        TEST_CX(cx);
        char bytes[24];
        size_t len = (size_t)test_random_below(sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)test_random_u64();
        PO_BUF_AUTO buf;
        struct po_json *root = NULL;
        po_buf_init(&buf, 1000);
        po_json_quote(&buf, po_str_n(bytes, len));
        check_ok(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root));
    }
}

TEST(json_out__nests_to_the_limit_and_not_beyond)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 10000);
    po_json_out_init(&out, &buf, 0);
    for (int i = 0; i < PO_JSON_DEPTH_MAX; i++)
        po_json_out_array(&out);
    po_json_out_int(&out, 1);
    po_json_out_int(&out, 2);
    check_ok_leaf(po_buf_check(&buf));
    struct po_json_out more = out;
    for (int i = 0; i < PO_JSON_DEPTH_MAX; i++)
        po_json_out_array_end(&out);
    check_ok_leaf(po_buf_check(&buf));
    TEST_CX(cx);
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root));
    po_json_out_object(&more);
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
}

TEST(json_out__wrong_nesting_is_a_bug_that_shows)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 1000);
    po_json_out_init(&out, &buf, 0);
    po_json_out_object_end(&out);
    check_fails_leaf(po_buf_check(&buf), PO_BUG);
    po_buf_clear(&buf);
    po_json_out_init(&out, &buf, 0);
    po_json_out_object(&out);
    po_json_out_key(&out, "a");
    po_json_out_object_end(&out);
    check_fails_leaf(po_buf_check(&buf), PO_BUG);
}

TEST(json_out__a_full_buffer_is_a_limit)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 20);
    po_json_out_init(&out, &buf, 0);
    write_sample(&out);
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
}

TEST_FAULTS(json_out__out_of_memory_shows_in_the_buffer)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 1000);
    po_json_out_init(&out, &buf, 4);
    write_sample(&out);
    po_rc rc = po_buf_check(&buf);
    check_that(po_is_ok(rc) || rc.code == PO_NOMEM);
    if (!test_survived(rc)) return;
    check_that(po_str_ends(po_buf_str(&buf), PO_LIT("}\n}")));
}
