#include "core/json.h"

#include "core/buf.h"
#include "lib/test.h"

#include <string.h>

/* Canonical text of `in`, to compare trees at a glance. */
static void check_reads_as(struct po_ctx *cx, po_str in, const char *want)
{
    struct po_json *root = NULL;
    PO_BUF_AUTO out;
    po_buf_init(&out, 100000);
    check_ok(cx, po_json_parse(cx, in, PO_JSON_STRICT, &root));
    check_ok(cx, po_json_canonical(cx, root, &out));
    check_eq_str(po_buf_str(&out), want);
}

TEST(json_parse__reads_all_values)
{
    static const struct {
        const char *name, *in, *want;
    } rows[] = {
        {"null", "null", "null"},
        {"true", "true", "true"},
        {"false", "false", "false"},
        {"zero", "0", "0"},
        {"minus zero", "-0", "0"},
        {"integer", "-1234567890123", "-1234567890123"},
        {"empty string", "\"\"", "\"\""},
        {"string", "\"abc\"", "\"abc\""},
        {"empty array", "[]", "[]"},
        {"empty object", "{}", "{}"},
        {"array", "[1,\"a\",null,[true]]", "[1,\"a\",null,[true]]"},
        {"object", "{\"a\":1,\"b\":{\"c\":[]}}", "{\"a\":1,\"b\":{\"c\":[]}}"},
        {"nested empties", "[[],{},[{}]]", "[[],{},[{}]]"},
        {"space everywhere", " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } }\n",
         "{\"a\":[1,2],\"b\":{}}"},
        {"empty name", "{\"\":1}", "{\"\":1}"},
        {"simple escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"unicode escapes", "\"\\u0041\\u00e4\\u20AC\"", "\"A\xc3\xa4\xe2\x82\xac\""},
        {"pair", "\"\\ud83d\\uDE00\"", "\"\xf0\x9f\x98\x80\""},
        {"first and last pair", "\"\\ud800\\udc00\\udbff\\udfff\"",
         "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
        {"escaped nul", "\"a\\u0000b\"", "\"a\\u0000b\""},
        {"escape in a name", "{\"\\u0061\":1}", "{\"a\":1}"},
        {"utf-8", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
         "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"utf-8 beside escapes", "\"\xc3\xa4\\n\xe2\x82\xac\"", "\"\xc3\xa4\\n\xe2\x82\xac\""},
        {"delete is no control", "\"\x7f\"", "\"\x7f\""},
        {"noncharacter", "\"\xef\xbf\xbf\"", "\"\xef\xbf\xbf\""},
        {"same name in two objects", "[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{\"a\":2}]"},
        {"same name inside", "{\"a\":{\"a\":1}}", "{\"a\":{\"a\":1}}"},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows) check_reads_as(cx, po_str_of(row->in), row->want);
}

TEST(json_parse__integers_are_checked)
{
    static const struct {
        const char *name, *in;
        int64_t want;
    } good[] = {
        {"largest", "9223372036854775807", INT64_MAX},
        {"smallest", "-9223372036854775808", INT64_MIN},
        {"minus one", "-1", -1},
    };
    TEST_CX(cx);
    struct po_json *root = NULL;
    TEST_EACH(row, good)
    {
        check_ok(cx, po_json_parse(cx, po_str_of(row->in), PO_JSON_STRICT, &root));
        check_eq_int(root->type, PO_JSON_INT);
        check_eq_int(root->integer, row->want);
    }
}

/* Every refusal: what is wrong, and where. */
static const struct {
    const char *name, *in, *message;
} REFUSED[] = {
    {"nothing", "", "line 1, column 1: the text ends too early"},
    {"space only", " \n ", "line 2, column 2: the text ends too early"},
    {"two values", "1 2", "line 1, column 3: text after the value"},
    {"trailing comma", "[1,]", "line 1, column 4: expected a value"},
    {"trailing comma in an object", "{\"a\":1,}", "line 1, column 8: expected a name in quotes"},
    {"leading comma", "[,1]", "line 1, column 2: expected a value"},
    {"two commas", "[1,,2]", "line 1, column 4: expected a value"},
    {"no comma", "[1 2]", "line 1, column 4: expected ',' or ']'"},
    {"no comma in an object", "{\"a\":1 \"b\":2}", "line 1, column 8: expected ',' or '}'"},
    {"no colon", "{\"a\" 1}", "line 1, column 6: expected ':' after a name"},
    {"equals", "{\"a\"=1}", "line 1, column 5: expected ':' after a name"},
    {"no value", "{\"a\":}", "line 1, column 6: expected a value"},
    {"name alone", "{\"a\"}", "line 1, column 5: expected ':' after a name"},
    {"name without quotes", "{a:1}", "line 1, column 2: expected a name in quotes"},
    {"number as a name", "{1:1}", "line 1, column 2: expected a name in quotes"},
    {"open array", "[1", "line 1, column 3: the text ends too early"},
    {"open object", "{\"a\":1", "line 1, column 7: the text ends too early"},
    {"open object after name", "{\"a\"", "line 1, column 5: the text ends too early"},
    {"open brace", "{", "line 1, column 2: the text ends too early"},
    {"open bracket", "[", "line 1, column 2: the text ends too early"},
    {"wrong bracket", "[1}", "line 1, column 3: expected ',' or ']'"},
    {"wrong brace", "{\"a\":1]", "line 1, column 7: expected ',' or '}'"},
    {"bracket too many", "[]]", "line 1, column 3: text after the value"},
    {"closing alone", "]", "line 1, column 1: expected a value"},
    {"line comment", "1 // x", "line 1, column 3: text after the value"},
    {"comment", "[1,/*x*/2]", "line 1, column 4: expected a value"},
    {"hash comment", "#x\n1", "line 1, column 1: expected a value"},
    {"nan", "NaN", "line 1, column 1: expected a value"},
    {"infinity", "[Infinity]", "line 1, column 2: expected a value"},
    {"minus infinity", "-Infinity", "line 1, column 2: expected a digit after '-'"},
    {"single quotes", "{'a':1}", "line 1, column 2: expected a name in quotes"},
    {"single quoted value", "['a']", "line 1, column 2: expected a value"},
    {"upper case word", "True", "line 1, column 1: expected a value"},
    {"cut word", "tru", "line 1, column 1: expected a value"},
    {"long word", "nullx", "line 1, column 5: text after the value"},
    {"byte order mark", "\xef\xbb\xbf{}", "line 1, column 1: expected a value"},
    {"form feed", "\f1", "line 1, column 1: expected a value"},
    {"no-break space",
     "\xc2\xa0"
     "1",
     "line 1, column 1: expected a value"},
    {"leading zero", "01", "line 1, column 1: a number has a leading zero"},
    {"negative leading zero", "-01", "line 1, column 1: a number has a leading zero"},
    {"plus", "+1", "line 1, column 1: expected a value"},
    {"minus alone", "-", "line 1, column 2: the text ends too early"},
    {"minus in an array", "[-]", "line 1, column 3: expected a digit after '-'"},
    {"hex", "0x10", "line 1, column 2: text after the value"},
    {"point first", ".5", "line 1, column 1: expected a value"},
    {"point last", "[1.]", "line 1, column 4: expected a digit after '.'"},
    {"real", "[1, 1.5]", "line 1, column 5: a number is not an integer"},
    {"exponent", "1e3", "line 1, column 1: a number is not an integer"},
    {"whole real", "1.0", "line 1, column 1: a number is not an integer"},
    {"empty exponent", "1e", "line 1, column 3: the text ends too early"},
    {"signed empty exponent", "[1E+]", "line 1, column 5: expected a digit in the exponent"},
    {"1e999", "1e999", "line 1, column 1: a number is not an integer"},
    {"2^63", "9223372036854775808", "line 1, column 1: an integer is out of range"},
    {"below -2^63", "-9223372036854775809", "line 1, column 1: an integer is out of range"},
    {"2^64", "[18446744073709551616]", "line 1, column 2: an integer is out of range"},
    {"long integer", "100000000000000000000000000", "line 1, column 1: an integer is out of range"},
    {"open string", "[\"abc]", "line 1, column 2: the string is not closed"},
    {"open string after backslash", "\"abc\\", "line 1, column 1: the string is not closed"},
    {"escaped closing quote", "\"abc\\\"", "line 1, column 1: the string is not closed"},
    {"newline in a string", "\"a\nb\"", "line 1, column 3: control character in a string"},
    {"tab in a string", "\"a\tb\"", "line 1, column 3: control character in a string"},
    {"control after backslash", "\"a\\\nb\"", "line 1, column 4: control character in a string"},
    {"unit separator", "\"\x1f\"", "line 1, column 2: control character in a string"},
    {"unknown escape", "\"ab\\x41\"", "line 1, column 4: unknown escape in a string"},
    {"octal escape", "\"\\101\"", "line 1, column 2: unknown escape in a string"},
    {"upper case escape", "\"\\N\"", "line 1, column 2: unknown escape in a string"},
    {"short unicode", "\"\\u12\"", "line 1, column 2: \\u needs four hex digits"},
    {"no hex", "\"\\u12g4\"", "line 1, column 2: \\u needs four hex digits"},
    {"unicode at the end", "\"\\u\"", "line 1, column 2: \\u needs four hex digits"},
    {"lone high", "\"\\ud800\"", "line 1, column 2: lone surrogate"},
    {"lone high before text", "\"\\ud800abcdef\"", "line 1, column 2: lone surrogate"},
    {"lone low", "\"a\\udc00\"", "line 1, column 3: lone surrogate"},
    {"two highs", "\"\\ud800\\ud800\"", "line 1, column 2: lone surrogate"},
    {"high and a letter", "\"\\ud800\\u0041\"", "line 1, column 2: lone surrogate"},
    {"high and newline escape", "\"\\ud800\\n0000\"", "line 1, column 2: lone surrogate"},
    {"low before high", "\"\\udc00\\ud800\"", "line 1, column 2: lone surrogate"},
    {"high and cut low", "\"\\ud800\\udc0\"", "line 1, column 2: lone surrogate"},
    {"bad utf-8", "\"a\xff\"", "line 1, column 3: invalid UTF-8"},
    {"overlong slash", "\"\xc0\xaf\"", "line 1, column 2: invalid UTF-8"},
    {"surrogate in utf-8", "\"\xed\xa0\x80\"", "line 1, column 2: invalid UTF-8"},
    {"cut utf-8", "\"\xe2\x82\"", "line 1, column 2: invalid UTF-8"},
    {"bad utf-8 in a name", "{\"\xff\":1}", "line 1, column 3: invalid UTF-8"},
    {"bad utf-8 outside", "[\xff]", "line 1, column 2: expected a value"},
    {"duplicate", "{\"a\":1,\"a\":2}", "line 1, column 12: duplicate name 'a'"},
    {"duplicate by escape", "{\"a\":1,\"\\u0061\":2}", "line 1, column 17: duplicate name 'a'"},
    {"duplicate inside", "[{\"x\":{\"b\":0,\"b\":0}}]", "line 1, column 18: duplicate name 'b'"},
    {"duplicate empty", "{\"\":1,\"\":1}", "line 1, column 10: duplicate name ''"},
    {"duplicate odd", "{\"\\n\xc3\xa4\":1,\"\\n\xc3\xa4\":1}",
     "line 1, column 16: duplicate name '\?\?\?'"},
    {"columns are characters", "[\"\xf0\x9f\x98\x80\xc3\xa4\",x]",
     "line 1, column 7: expected a value"},
    {"lines count", "{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3, column 7: expected ':' after a name"},
};

TEST(json_parse__refuses_and_says_where)
{
    TEST_CX(cx);
    TEST_EACH(row, REFUSED)
    {
        struct po_json *root = NULL;
        check_fails(cx, po_json_parse(cx, po_str_of(row->in), PO_JSON_STRICT, &root), PO_INVALID);
        check_eq_cstr(po_err_msg(cx), row->message);
        check_that(root == NULL);
    }
}

/* With PO_TRAP the input ends where a heap block ends: ASan sees a read past it. */
TEST(json_parse__never_reads_past_the_end)
{
    TEST_CX(cx);
    TEST_EACH(row, REFUSED)
    {
        size_t len = strlen(row->in);
        for (size_t cut = 1; cut <= len; cut++) {
            struct po_json *root = NULL;
            char *copy = po_arena_alloc(cx->arena, cut, 1);
            check_that(copy != NULL);
            memcpy(copy, row->in, cut);
            po_rc rc = po_json_parse(cx, po_str_n(copy, cut), PO_JSON_ALLOW_REAL, &root);
            check_that(rc.code == PO_OK || rc.code == PO_INVALID);
            po_err_clear(cx);
        }
    }
}

TEST(json_parse__nul_bytes_are_no_end)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    check_fails(cx, po_json_parse(cx, po_str_n("1\0", 2), PO_JSON_STRICT, &root), PO_INVALID);
    check_fails(cx, po_json_parse(cx, po_str_n("\"a\0\"", 4), PO_JSON_STRICT, &root), PO_INVALID);
    check_fails(cx, po_json_parse(cx, po_str_n("\"\\\0\"", 4), PO_JSON_STRICT, &root), PO_INVALID);
    check_fails(cx, po_json_parse(cx, (po_str){NULL, 0}, PO_JSON_STRICT, &root), PO_INVALID);
}

TEST(json_parse__reals_keep_their_text_when_allowed)
{
    static const struct {
        const char *name, *in;
    } rows[] = {
        {"real", "1.50"},
        {"exponent", "1e3"},
        {"big exponent", "1e999"},
        {"signed", "-0.0E-05"},
        {"2^63", "9223372036854775808"},
        {"minus zero point", "-0.0"},
    };
    TEST_CX(cx);
    struct po_json *root = NULL;
    TEST_EACH(row, rows)
    {
        check_ok(cx, po_json_parse(cx, po_str_of(row->in), PO_JSON_ALLOW_REAL, &root));
        check_eq_int(root->type, PO_JSON_REAL);
        check_eq_str(root->str, row->in);
    }
    test_row(NULL);
    check_ok(cx, po_json_parse(cx, PO_LIT("[12]"), PO_JSON_ALLOW_REAL, &root));
    check_eq_int(root->first->type, PO_JSON_INT);
    check_fails(cx, po_json_parse(cx, PO_LIT("1."), PO_JSON_ALLOW_REAL, &root), PO_INVALID);
    check_fails(cx, po_json_parse(cx, PO_LIT("01.5"), PO_JSON_ALLOW_REAL, &root), PO_INVALID);
    check_fails(cx, po_json_parse(cx, PO_LIT("1.5.5"), PO_JSON_ALLOW_REAL, &root), PO_INVALID);
}

TEST(json_parse__keeps_order_counts_and_places)
{
    TEST_CX(cx);
    po_str in = PO_LIT(" {\"b\": [10, \"x\"], \"a\":{}} ");
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, in, PO_JSON_STRICT, &root));
    check_eq_int(root->type, PO_JSON_OBJECT);
    check_eq_u64(root->count, 2);
    check_eq_str(po_str_slice(in, root->offset, root->end), "{\"b\": [10, \"x\"], \"a\":{}}");
    const struct po_json *b = root->first;
    check_eq_str(b->key, "b");
    check_eq_u64(b->count, 2);
    check_eq_str(po_str_slice(in, b->offset, b->end), "[10, \"x\"]");
    check_eq_str(po_str_slice(in, b->first->offset, b->first->end), "10");
    check_eq_str(po_str_slice(in, b->first->next->offset, b->first->next->end), "\"x\"");
    check_that(b->first->next->next == NULL);
    check_that(po_str_is_empty(b->first->key));
    check_eq_str(b->next->key, "a");
    check_eq_str(po_str_slice(in, b->next->offset, b->next->end), "{}");
    check_that(b->next->next == NULL && b->next->first == NULL);
}

TEST(json_parse__borrows_strings_without_escapes)
{
    TEST_CX(cx);
    static const char text[] = "[\"plain\", \"es\\ncaped\"]";
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, po_str_of(text), PO_JSON_STRICT, &root));
    check_that(root->first->str.ptr == text + 2);
    const char *copy = root->first->next->str.ptr;
    check_that(copy < text || copy >= text + sizeof text);
    check_eq_str(root->first->next->str, "es\ncaped");
}

static po_str nested(struct po_ctx *cx, const char *open, const char *close, size_t depth)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, (size_t)2 << 20);
    for (size_t i = 0; i < depth; i++)
        po_buf_append_cstr(&buf, open);
    po_buf_append_cstr(&buf, "1");
    for (size_t i = 0; i < depth; i++)
        po_buf_append_cstr(&buf, close);
    po_str copy = {0};
    check_ok_leaf(po_buf_check(&buf));
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &copy));
    return copy;
}

TEST(json_parse__nesting_has_a_limit)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, nested(cx, "[", "]", 64), PO_JSON_STRICT, &root));
    check_ok(cx, po_json_parse(cx, nested(cx, "{\"a\":", "}", 64), PO_JSON_STRICT, &root));
    check_fails(cx, po_json_parse(cx, nested(cx, "[", "]", 65), PO_JSON_STRICT, &root), PO_LIMIT);
    check_eq_cstr(po_err_msg(cx), "line 1, column 65: the text is nested too deeply");
    check_fails(cx, po_json_parse(cx, nested(cx, "{\"a\":", "}", 65), PO_JSON_STRICT, &root),
                PO_LIMIT);
    check_fails(cx, po_json_parse(cx, nested(cx, "[", "]", 100000), PO_JSON_STRICT, &root),
                PO_LIMIT);
}

TEST(json_parse__size_has_a_limit)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO buf;
    po_buf_init(&buf, PO_JSON_BYTES_MAX + 1);
    po_buf_append_char(&buf, '"');
    memset(po_buf_extend(&buf, PO_JSON_BYTES_MAX - 2), 'x', PO_JSON_BYTES_MAX - 2);
    po_buf_append_char(&buf, '"');
    check_ok(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root));
    check_eq_u64(root->str.len, PO_JSON_BYTES_MAX - 2);
    po_buf_append_char(&buf, ' ');
    check_fails(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root), PO_LIMIT);
    check_eq_cstr(po_err_msg(cx), "a JSON text has at most 16777216 bytes");
}

/* "[1,1,...]" of `count` elements; the caller's buffer. */
static void append_ones(struct po_buf *buf, size_t count)
{
    po_buf_append_char(buf, '[');
    for (size_t i = 0; i < count; i++)
        po_buf_append_cstr(buf, i == 0 ? "1" : ",1");
    po_buf_append_char(buf, ']');
}

TEST_TIMEOUT(json_parse__the_number_of_values_has_a_limit, 120)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO buf;
    po_buf_init(&buf, PO_JSON_BYTES_MAX);
    append_ones(&buf, PO_JSON_NODES_MAX - 1);
    check_fails(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root), PO_NOMEM);
    check_eq_cstr(po_err_msg(cx), "out of request memory");
    po_arena_freep(&cx->arena);
    cx->arena = po_arena_new((size_t)1 << 30);
    check_ok(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root));
    check_eq_u64(root->count, PO_JSON_NODES_MAX - 1);
    po_buf_clear(&buf);
    append_ones(&buf, PO_JSON_NODES_MAX);
    check_fails(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root), PO_LIMIT);
    check_contains(po_err_msg(cx), "the text has too many values");
}

/* {"k0":0,...,"k<count-1>":0}, a line each, with one name replaced by another's. */
static void append_names(struct po_buf *buf, size_t count, size_t replaced, size_t by)
{
    po_buf_append_char(buf, '{');
    for (size_t i = 0; i < count; i++)
        po_buf_printf(buf, "%s\"k%zu\":0", i == 0 ? "" : ",\n", i == replaced ? by : i);
    po_buf_append_char(buf, '}');
}

TEST(json_parse__finds_duplicates_wherever_they_are)
{
    TEST_CX(cx);
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 100000);
    for (size_t count = 1; count < 40; count++) {
        struct po_json *root = NULL;
        po_buf_clear(&buf);
        append_names(&buf, count, SIZE_MAX, 0);
        check_ok(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root));
        for (size_t by = 0; by < count; by++) {
            size_t replaced = (by + 1 + (size_t)test_random_below(count)) % count;
            if (replaced == by) continue;
            po_buf_clear(&buf);
            append_names(&buf, count, replaced, by);
            check_fails(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root), PO_INVALID);
            check_contains(po_err_msg(cx), po_arena_printf(cx->arena, "duplicate name 'k%zu'", by));
        }
    }
}

/* The second of the two is named, also when names are sorted to find it. */
TEST(json_parse__points_at_the_later_duplicate)
{
    TEST_CX(cx);
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 10000);
    for (size_t count = 4; count < 40; count++) {
        struct po_json *root = NULL;
        po_buf_clear(&buf);
        append_names(&buf, count, count - 2, 1);
        check_fails(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root), PO_INVALID);
        const char *want =
            po_arena_printf(cx->arena, "line %zu, column 6: duplicate name 'k1'", count - 1);
        check_eq_cstr(po_err_msg(cx), want);
    }
}

TEST(json_parse__many_names_take_little_time)
{
    TEST_CX(cx);
    PO_BUF_AUTO buf;
    po_buf_init(&buf, (size_t)4 << 20);
    struct po_json *root = NULL;
    append_names(&buf, 100000, SIZE_MAX, 0);
    check_ok(cx, po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &root));
    check_eq_u64(root->count, 100000);
}

TEST_FAULTS(json_parse__fails_cleanly)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    po_str in =
        PO_LIT("{\"a\":[1,{\"b\":\"x\\ny\"}],\"c\":null,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,"
               "\"i\":0,\"j\":0,\"k\":0,\"l\":\"\\u00e4\",\"m\":0,\"n\":0,\"o\":0,\"p\":0,"
               "\"q\":0,\"r\":0,\"s\":0}");
    po_rc rc = po_json_parse(cx, in, PO_JSON_STRICT, &root);
    check_that(po_is_ok(rc) == (root != NULL));
    check_that(po_is_ok(rc) || rc.code == PO_NOMEM);
    if (!test_survived(rc)) return;
    check_eq_u64(root->count, 18);
}

TEST_FAULTS(json_parse__reports_a_duplicate_even_without_memory)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    po_rc rc = po_json_parse(cx, PO_LIT("{\"a\":1,\"a\":2}"), PO_JSON_STRICT, &root);
    check_that(rc.code == PO_INVALID || (rc.code == PO_NOMEM && test_fault_fired()));
    if (rc.code == PO_INVALID) check_contains(po_err_msg(cx), "line 1, column 12: duplicate name");
}
