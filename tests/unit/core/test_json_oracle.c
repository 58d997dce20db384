/*
 * Our parser against jansson 2.14 (docs/adr/0002: the one packaged C library that refuses the whole
 * hostile list), over texts that are generated and then damaged.
 */
#include "core/json.h"
#include "lib/test.h"

#include <jansson.h>
#include <string.h>

#define ORACLE_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)

/* ---- a random text ---------------------------------------------------------------------------- */

static void append_random_string(struct po_buf *buf)
{
    static const char *const pieces[] = {
        "a",
        "b",
        "key",
        "\\n",
        "\\\\",
        "\\\"",
        "\\/",
        "\\u0041",
        "\\u00e4",
        "\\ud83d\\ude00",
        "\xc3\xa4",
        "\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "\xee\x80\x80",
        " ",
        "\x7f",
    };
    po_buf_append_char(buf, '"');
    for (uint64_t i = test_random_below(4); i > 0; i--)
        po_buf_append_cstr(buf, pieces[test_random_below(sizeof pieces / sizeof pieces[0])]);
    po_buf_append_char(buf, '"');
}

static void append_random_scalar(struct po_buf *buf)
{
    static const char *const words[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-17",
        "9007199254740991",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1.5",
        "1e3",
        "-0.0",
        "[]",
        "{}",
    };
    if (test_random_below(3) == 0) {
        append_random_string(buf);
        return;
    }
    /* what our strict mode refuses is rarer */
    uint64_t limit = test_random_below(8) == 0 ? sizeof words / sizeof words[0] : 10;
    po_buf_append_cstr(buf, words[test_random_below(limit)]);
}

static void append_random_space(struct po_buf *buf)
{
    static const char space[] = " \n\t\r";
    if (test_random_below(6) == 0) po_buf_append_char(buf, space[test_random_below(4)]);
}

static void append_random_value(struct po_buf *buf, unsigned int depth)
{
    append_random_space(buf);
    uint64_t kind = depth == 0 ? 0 : test_random_below(4);
    if (kind < 2) {
        append_random_scalar(buf);
        append_random_space(buf);
        return;
    }
    bool is_object = kind == 2;
    po_buf_append_char(buf, is_object ? '{' : '[');
    uint64_t count = test_random_below(test_random_below(10) == 0 ? 14 : 5);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) po_buf_append_char(buf, ',');
        if (is_object) {
            append_random_space(buf);
            append_random_string(buf);
            append_random_space(buf);
            po_buf_append_char(buf, ':');
        }
        append_random_value(buf, depth - 1);
    }
    po_buf_append_char(buf, is_object ? '}' : ']');
    append_random_space(buf);
}

static void damage(struct po_buf *buf)
{
    static const char bytes[] = "{}[],:\"\\0123456789-+.eEtfnu \n\x01\x80\xc3\xed\xf0\xff";
    if (buf->len == 0) return;
    size_t at = (size_t)test_random_below(buf->len);
    char byte =
        bytes[test_random_below(sizeof bytes - 1)]; /* no NUL: jansson takes it for the end */
    switch (test_random_below(3)) {
    case 0: buf->ptr[at] = byte; break;
    case 1:
        memmove(buf->ptr + at, buf->ptr + at + 1, buf->len - at - 1);
        po_buf_truncate(buf, buf->len - 1);
        break;
    default:
        po_buf_append_char(buf, ' ');
        memmove(buf->ptr + at + 1, buf->ptr + at, buf->len - at - 1);
        buf->ptr[at] = byte;
        break;
    }
}

/* ---- two trees -------------------------------------------------------------------------------- */

static bool is_same(const struct po_json *ours, json_t *theirs, bool *has_real);

static bool is_same_object(const struct po_json *ours, json_t *theirs, bool *has_real)
{
    if (ours->count != json_object_size(theirs)) return false;
    const struct po_json *member = ours->first;
    void *at = json_object_iter(theirs); /* jansson keeps the order of insertion */
    for (; member != NULL && at != NULL; member = member->next) {
        if (!po_str_eq_cstr(member->key, json_object_iter_key(at))) return false;
        if (!is_same(member, json_object_iter_value(at), has_real)) return false;
        at = json_object_iter_next(theirs, at);
    }
    return member == NULL && at == NULL;
}

static bool is_same_array(const struct po_json *ours, json_t *theirs, bool *has_real)
{
    if (ours->count != json_array_size(theirs)) return false;
    size_t i = 0;
    for (const struct po_json *item = ours->first; item != NULL; item = item->next)
        if (!is_same(item, json_array_get(theirs, i++), has_real)) return false;
    return true;
}

static bool is_same(const struct po_json *ours, json_t *theirs, bool *has_real)
{
    switch (ours->type) {
    case PO_JSON_NULL: return json_is_null(theirs);
    case PO_JSON_BOOL:
        return json_is_boolean(theirs) && ours->boolean == (bool)json_is_true(theirs);
    case PO_JSON_INT: return json_is_integer(theirs) && ours->integer == json_integer_value(theirs);
    case PO_JSON_REAL: *has_real = true; return json_is_real(theirs);
    case PO_JSON_STR:
        return json_is_string(theirs) && po_str_eq(ours->str, po_str_n(json_string_value(theirs),
                                                                       json_string_length(theirs)));
    case PO_JSON_ARRAY: return json_is_array(theirs) && is_same_array(ours, theirs, has_real);
    case PO_JSON_OBJECT: return json_is_object(theirs) && is_same_object(ours, theirs, has_real);
    }
    return false;
}

struct tally {
    uint64_t both_accept;
    uint64_t both_refuse;
    uint64_t with_reals;
};

/* jansson refuses numbers it cannot hold; with reals allowed we keep their text. */
static bool is_number_too_big(const json_error_t *error)
{
    return json_error_code(error) == json_error_numeric_overflow;
}

static bool is_nul_name(const json_error_t *error)
{
    return json_error_code(error) == json_error_null_byte_in_key;
}

static void compare(po_str text, struct tally *tally)
{
    TEST_CX(cx);
    json_error_t error = {0};
    json_t *theirs = json_loadb(text.ptr, text.len, ORACLE_FLAGS, &error);
    struct po_json *ours = NULL;
    bool has_real = false;
    bool is_accepted = po_is_ok(po_json_parse(cx, text, PO_JSON_ALLOW_REAL, &ours));
    if (theirs == NULL) {
        check_that(!is_accepted || is_number_too_big(&error) || is_nul_name(&error),
                   "only we accept '%.*s' (they say: %s)", PO_STR_ARG(text), error.text);
        tally->both_refuse += is_accepted ? 0 : 1;
        return;
    }
    check_that(is_accepted, "only they accept '%.*s' (we say: %s)", PO_STR_ARG(text),
               po_err_msg(cx));
    check_that(is_same(ours, theirs, &has_real), "another tree for '%.*s'", PO_STR_ARG(text));
    po_rc strict = po_json_parse(cx, text, PO_JSON_STRICT, &ours);
    check_that(po_is_ok(strict) == !has_real, "strict and '%.*s'", PO_STR_ARG(text));
    tally->both_accept += 1;
    tally->with_reals += has_real ? 1 : 0;
    json_decref(theirs);
}

TEST_TIMEOUT(json_oracle__jansson_agrees_on_generated_and_damaged_texts, 240)
{
    struct tally tally = {0};
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 1000000);
    uint64_t rounds = test_rounds(20000);
    for (uint64_t round = 0; round < rounds; round++) {
        po_buf_clear(&buf);
        append_random_value(&buf, 1 + (unsigned int)test_random_below(5));
        for (uint64_t i = test_random_below(3); i > 0; i--)
            damage(&buf);
        check_ok_leaf(po_buf_check(&buf));
        compare(po_buf_str(&buf), &tally);
    }
    /* the comparison has seen enough of each kind */
    check_that(tally.both_accept > rounds / 5, "%lu", tally.both_accept);
    check_that(tally.both_refuse > rounds / 5, "%lu", tally.both_refuse);
    check_that(tally.with_reals > rounds / 100, "%lu", tally.with_reals);
}

/* The hostile inputs of docs/adr/0002, and the two that a first parser of ours got wrong. */
static const struct {
    const char *name, *in;
} HOSTILE[] = {
    {"duplicate names", "{\"a\":1,\"a\":2}"},
    {"trailing garbage", "{\"a\":1} x"},
    {"trailing comma", "[1,2,]"},
    {"comment", "[1, /* two */ 2]"},
    {"nan", "[NaN]"},
    {"single quotes", "['x']"},
    {"leading zero", "[01]"},
    {"bad utf-8", "[\"\xff\xfe\"]"},
    {"overlong utf-8", "[\"\xc0\xaf\"]"},
    {"lone surrogate", "[\"\\ud800\"]"},
    {"control character", "[\"a\x01\"]"},
    {"1e999", "[1e999]"},
    {"2^64", "[18446744073709551616]"},
};

TEST(json_oracle__both_refuse_the_hostile_list)
{
    TEST_CX(cx);
    TEST_EACH(row, HOSTILE)
    {
        struct po_json *root = NULL;
        json_error_t error = {0};
        json_t *theirs = json_loads(row->in, ORACLE_FLAGS, &error);
        check_that(theirs == NULL);
        check_fails(cx, po_json_parse(cx, po_str_of(row->in), PO_JSON_STRICT, &root), PO_INVALID);
    }
    test_row(NULL);
    static char deep[100000];
    memset(deep, '[', sizeof deep);
    struct po_json *root = NULL;
    check_fails(cx, po_json_parse(cx, po_str_n(deep, sizeof deep), PO_JSON_STRICT, &root),
                PO_LIMIT);
}

/* What we write canonically, jansson reads back as the same tree. */
TEST(json_oracle__jansson_reads_our_canonical_texts)
{
    PO_BUF_AUTO buf;
    PO_BUF_AUTO canonical;
    po_buf_init(&buf, 1000000);
    po_buf_init(&canonical, 1000000);
    for (uint64_t round = test_rounds(3000); round > 0; round--) {
        TEST_CX(cx);
        struct po_json *ours = NULL;
        struct po_json *again = NULL;
        po_buf_clear(&buf);
        po_buf_clear(&canonical);
        append_random_value(&buf, 4);
        if (!po_is_ok(po_json_parse(cx, po_buf_str(&buf), PO_JSON_STRICT, &ours))) continue;
        if (!po_is_ok(po_json_canonical(cx, ours, &canonical))) continue;
        check_ok(cx, po_json_parse(cx, po_buf_str(&canonical), PO_JSON_STRICT, &again));
        json_error_t error = {0};
        json_t *theirs = json_loadb(canonical.ptr, canonical.len, ORACLE_FLAGS, &error);
        json_t *original = json_loadb(buf.ptr, buf.len, ORACLE_FLAGS, &error);
        bool has_real = false;
        check_that(theirs != NULL && is_same(again, theirs, &has_real) && !has_real);
        check_that(json_equal(theirs, original) == 1);
        json_decref(theirs);
        json_decref(original);
    }
}
