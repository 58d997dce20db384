#include "core/json.h"

#include "core/buf.h"
#include "lib/test.h"

static void check_canonical(struct po_ctx *cx, const char *in, const char *want)
{
    struct po_json *root = NULL;
    PO_BUF_AUTO out;
    po_buf_init(&out, 10000);
    check_ok(cx, po_json_parse(cx, po_str_of(in), PO_JSON_STRICT, &root));
    check_ok(cx, po_json_canonical(cx, root, &out));
    check_eq_str(po_buf_str(&out), want);
}

/* RFC 8785 3.2.3: its example, with the names' order given there. */
TEST(json_canonical__sorts_as_the_rfc_shows)
{
    TEST_CX(cx);
    check_canonical(cx,
                    "{\"\\u20ac\": \"Euro Sign\",\n \"\\r\": \"Carriage Return\",\n"
                    " \"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\",\n \"1\": \"One\",\n"
                    " \"\\ud83d\\ude00\": \"Emoji: Grinning Face\",\n \"\\u0080\": \"Control\",\n"
                    " \"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
                    "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
                    "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
                    "\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
                    "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

/* RFC 8785 3.2.2, its numbers left out: they are not integers. */
TEST(json_canonical__writes_strings_and_words_as_the_rfc_shows)
{
    TEST_CX(cx);
    check_canonical(cx,
                    "{\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
                    " \"literals\": [null, true, false]}",
                    "{\"literals\":[null,true,false],"
                    "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(json_canonical__sorts_deep_and_keeps_arrays)
{
    TEST_CX(cx);
    check_canonical(cx, "{\"b\":[3,1,{\"d\":1,\"c\":2}],\"a\":{\"z\":1,\"\":2,\"aa\":3,\"a\":4}}",
                    "{\"a\":{\"\":2,\"a\":4,\"aa\":3,\"z\":1},\"b\":[3,1,{\"c\":2,\"d\":1}]}");
}

/* Names in their UTF-16 order; code points of one name differ late, too. */
TEST(json_canonical__order_is_by_utf16_code_units)
{
    static const char *const ordered[] = {
        "\xed\x9f\xbf",         /* U+D7FF */
        "\xf0\x90\x80\x80",     /* U+10000: D800 DC00 */
        "\xf0\x90\x80\x80x",    /* longer */
        "\xf0\x90\x80\x81",     /* U+10001 */
        "\xf4\x8f\xbf\xbf",     /* U+10FFFF: DBFF DFFF */
        "\xee\x80\x80",         /* U+E000 */
        "\xee\x80\x80\xc2\x80", /* U+E000 U+0080 */
        "\xee\x80\x81",         /* U+E001 */
        "\xef\xbf\xbf",         /* U+FFFF */
    };
    enum { COUNT = sizeof ordered / sizeof ordered[0] };
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < i; k++) {
            TEST_CX(cx);
            check_canonical(
                cx, po_arena_printf(cx->arena, "{\"p%s\":1,\"p%s\":2}", ordered[i], ordered[k]),
                po_arena_printf(cx->arena, "{\"p%s\":2,\"p%s\":1}", ordered[k], ordered[i]));
        }
}

TEST(json_canonical__integers_are_those_every_program_can_hold)
{
    TEST_CX(cx);
    check_canonical(cx, "[9007199254740991,-9007199254740991,-0,0]",
                    "[9007199254740991,-9007199254740991,0,0]");
    static const struct {
        const char *name, *in;
    } rows[] = {
        {"2^53", "9007199254740992"},
        {"-2^53", "[-9007199254740992]"},
        {"largest", "{\"a\":9223372036854775807}"},
    };
    TEST_EACH(row, rows)
    {
        struct po_json *root = NULL;
        PO_BUF_AUTO out;
        po_buf_init(&out, 100);
        check_ok(cx, po_json_parse(cx, po_str_of(row->in), PO_JSON_STRICT, &root));
        check_fails(cx, po_json_canonical(cx, root, &out), PO_INVALID);
        check_eq_cstr(po_err_msg(cx), "an integer is beyond 2^53-1");
    }
}

TEST(json_canonical__refuses_reals)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO out;
    po_buf_init(&out, 100);
    check_ok(cx, po_json_parse(cx, PO_LIT("[1,{\"a\":1.5}]"), PO_JSON_ALLOW_REAL, &root));
    check_fails(cx, po_json_canonical(cx, root, &out), PO_INVALID);
    check_eq_cstr(po_err_msg(cx), "a number is not an integer");
}

TEST(json_canonical__refuses_trees_no_parser_would_make)
{
    TEST_CX(cx);
    PO_BUF_AUTO out;
    po_buf_init(&out, 10000);
    struct po_json bad = {.type = PO_JSON_STR, .str = PO_LIT("\xff")};
    check_fails(cx, po_json_canonical(cx, &bad, &out), PO_INVALID);
    struct po_json second = {.type = PO_JSON_NULL, .key = PO_LIT("a")};
    struct po_json first = {.type = PO_JSON_NULL, .key = PO_LIT("a"), .next = &second};
    struct po_json twice = {.type = PO_JSON_OBJECT, .count = 2, .first = &first};
    check_fails(cx, po_json_canonical(cx, &twice, &out), PO_INVALID);
    first.key = PO_LIT("\xff");
    check_fails(cx, po_json_canonical(cx, &twice, &out), PO_INVALID);
    struct po_json deep[PO_JSON_DEPTH_MAX + 2] = {0};
    for (size_t i = 0; i < PO_JSON_DEPTH_MAX + 2; i++)
        deep[i] = (struct po_json){.type = PO_JSON_ARRAY, .count = 1, .first = &deep[i + 1]};
    deep[PO_JSON_DEPTH_MAX + 1] = (struct po_json){.type = PO_JSON_NULL};
    check_fails(cx, po_json_canonical(cx, deep, &out), PO_LIMIT);
    po_buf_clear(&out);
    check_ok(cx, po_json_canonical(cx, deep + 1, &out));
}

/* What the parser lets in, the writer can put out. */
TEST(json_canonical__writes_the_deepest_text)
{
    static const char *const ends[][2] = {{"{\"a\":", "}"}, {"[", "]"}};
    for (size_t kind = 0; kind < 2; kind++) {
        TEST_CX(cx);
        PO_BUF_AUTO text;
        po_buf_init(&text, 1000);
        for (size_t i = 0; i < PO_JSON_DEPTH_MAX; i++)
            po_buf_append_cstr(&text, ends[kind][0]);
        po_buf_append_char(&text, '1');
        for (size_t i = 0; i < PO_JSON_DEPTH_MAX; i++)
            po_buf_append_cstr(&text, ends[kind][1]);
        check_canonical(cx, text.ptr, text.ptr);
    }
}

TEST(json_canonical__a_full_buffer_is_a_limit)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO out;
    po_buf_init(&out, 6);
    check_ok(cx, po_json_parse(cx, PO_LIT("[1,2,3]"), PO_JSON_STRICT, &root));
    check_fails(cx, po_json_canonical(cx, root, &out), PO_LIMIT);
}

TEST_FAULTS(json_canonical__fails_cleanly)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO out;
    po_buf_init(&out, 100);
    if (!test_survived(
            po_json_parse(cx, PO_LIT("{\"b\":1,\"a\":{\"d\":1,\"c\":[]}}"), PO_JSON_STRICT, &root)))
        return;
    if (!test_survived(po_json_canonical(cx, root, &out))) return;
    check_eq_str(po_buf_str(&out), "{\"a\":{\"c\":[],\"d\":1},\"b\":1}");
}
