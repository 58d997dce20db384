/*
 * Strict JSON parser. Source: RFC 8259, RFC 7493 (no duplicate names, no lone surrogates).
 *
 * Invariants
 *   1. levels[0..depth) are the open containers, outermost first; no recursion.
 *   2. The tree borrows from the input; only strings with escapes are copied to the arena.
 *   3. Every failure names line and column; a limit is PO_LIMIT, anything else PO_INVALID.
 *
 *   value expected --scalar--> value done --','--> (name, ':') value expected
 *        |                        |
 *        '[' '{'               ']' '}' or end of text
 */
#include "core/codec.h"
#include "core/json_priv.h"

#define LINEAR_MEMBERS_MAX 16 /* up to here comparing all names beats sorting them */
#define SHOWN_KEY_BYTES 40

struct level {
    struct po_json *node;
    struct po_json *last;
};

struct parser {
    struct po_ctx *cx;
    po_str in;
    size_t pos;
    enum po_json_flags flags;
    size_t node_count;
    size_t depth;
    po_str key; /* of the member whose value comes next */
    struct po_json *root;
    struct level levels[PO_JSON_DEPTH_MAX];
};

/* Lines and columns count from 1, columns in characters. */
static PO_RC fail_at(struct parser *p, size_t offset, enum po_code code, const char *what)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < offset && i < p->in.len; i++) {
        unsigned char c = (unsigned char)p->in.ptr[i];
        if (c == '\n') {
            line++;
            column = 1;
        } else if ((c & 0xc0) != 0x80) {
            column++;
        }
    }
    return PO_FAIL(p->cx, code, "line %zu, column %zu: %s", line, column, what);
}

static PO_RC fail_invalid(struct parser *p, size_t offset, const char *what)
{
    return fail_at(p, offset, PO_INVALID, what);
}

/* The next byte, -1 at the end. */
static int peek(const struct parser *p)
{
    return p->pos < p->in.len ? (unsigned char)p->in.ptr[p->pos] : -1;
}

static void skip_space(struct parser *p)
{
    for (;;) {
        int c = peek(p);
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
        p->pos++;
    }
}

static PO_RC expected(struct parser *p, const char *what)
{
    if (p->pos >= p->in.len) return fail_invalid(p, p->pos, "the text ends too early");
    return fail_invalid(p, p->pos, what);
}

/* ---- strings ---------------------------------------------------------------------------------- */

/* Four hex digits at `at`; -1 when there are none. */
static int32_t read_hex4(po_str raw, size_t at)
{
    uint8_t bytes[2] = {0};
    if (raw.len < 4 || at > raw.len - 4) return -1;
    if (!po_is_ok(po_hex_decode(po_str_slice(raw, at, at + 4), bytes, sizeof bytes))) return -1;
    return bytes[0] << 8 | bytes[1];
}

static bool is_high_surrogate(int32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
static bool is_low_surrogate(int32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

/* "\uXXXX" or a pair of them at *at. */
static PO_RC decode_unicode(struct parser *p, po_str raw, size_t *at, uint32_t *ret_code_point)
{
    size_t offset = (size_t)(raw.ptr - p->in.ptr) + *at;
    int32_t unit = read_hex4(raw, *at + 2);
    if (unit < 0) return fail_invalid(p, offset, "\\u needs four hex digits");
    *at += 6;
    if (is_low_surrogate(unit)) return fail_invalid(p, offset, "lone surrogate");
    if (!is_high_surrogate(unit)) {
        *ret_code_point = (uint32_t)unit;
        return po_rc_ok();
    }
    int32_t low = -1;
    if (po_str_starts(po_str_slice(raw, *at, raw.len), PO_LIT("\\u")))
        low = read_hex4(raw, *at + 2);
    if (!is_low_surrogate(low)) return fail_invalid(p, offset, "lone surrogate");
    *at += 6;
    *ret_code_point = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return po_rc_ok();
}

/* The escape at *at, appended to `out`. */
static PO_RC decode_escape(struct parser *p, po_str raw, size_t *at, char **out)
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char TO[] = "\"\\/\b\f\n\r\t";
    char c = raw.ptr[*at + 1]; /* there: the scan took the byte after every backslash */
    if (c == 'u') {
        uint32_t code_point = 0;
        char bytes[4];
        PO_TRY(p->cx, decode_unicode(p, raw, at, &code_point));
        size_t len = po_utf8_encode(code_point, bytes);
        memcpy(*out, bytes, len);
        *out += len;
        return po_rc_ok();
    }
    const char *hit = c == '\0' ? NULL : strchr(FROM, c);
    if (hit == NULL)
        return fail_invalid(p, (size_t)(raw.ptr - p->in.ptr) + *at, "unknown escape in a string");
    *(*out)++ = TO[hit - FROM];
    *at += 2;
    return po_rc_ok();
}

/* Copy with escapes resolved; never longer than `raw`. */
static PO_RC decode_string(struct parser *p, po_str raw, po_str *ret_str)
{
    char *copy = NULL;
    PO_ARENA_NEW(p->cx, copy, raw.len);
    char *out = copy;
    size_t at = 0;
    while (at < raw.len) {
        if (raw.ptr[at] != '\\') {
            *out++ = raw.ptr[at++];
            continue;
        }
        PO_TRY(p->cx, decode_escape(p, raw, &at, &out));
    }
    *ret_str = po_str_n(copy, (size_t)(out - copy));
    return po_rc_ok();
}

/* p->pos is at the opening quote. */
static PO_RC read_string(struct parser *p, po_str *ret_str)
{
    size_t start = p->pos;
    bool has_escape = false;
    unsigned char all_bits = 0;
    for (p->pos++; peek(p) != '"'; p->pos++) {
        int c = peek(p);
        if (c == '\\') {
            has_escape = true;
            p->pos++;
            c = peek(p);
        }
        if (c < 0) return fail_invalid(p, start, "the string is not closed");
        if (c < 0x20) return fail_invalid(p, p->pos, "control character in a string");
        all_bits |= (unsigned char)c;
    }
    po_str raw = po_str_slice(p->in, start + 1, p->pos++);
    size_t bad = all_bits < 0x80 ? SIZE_MAX : po_utf8_find_invalid(raw);
    if (bad != SIZE_MAX) return fail_invalid(p, start + 1 + bad, "invalid UTF-8");
    if (has_escape) return decode_string(p, raw, ret_str);
    *ret_str = raw;
    return po_rc_ok();
}

/* ---- numbers and words ------------------------------------------------------------------------ */

static size_t skip_digits(struct parser *p)
{
    size_t from = p->pos;
    while (peek(p) >= '0' && peek(p) <= '9')
        p->pos++;
    return p->pos - from;
}

/* Fraction and exponent; whether there was one. */
static PO_RC skip_real_part(struct parser *p, bool *ret_is_real)
{
    bool is_real = false;
    if (peek(p) == '.') {
        is_real = true;
        p->pos++;
        if (skip_digits(p) == 0) return expected(p, "expected a digit after '.'");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        is_real = true;
        p->pos++;
        if (peek(p) == '+' || peek(p) == '-') p->pos++;
        if (skip_digits(p) == 0) return expected(p, "expected a digit in the exponent");
    }
    *ret_is_real = is_real;
    return po_rc_ok();
}

static PO_RC read_number(struct parser *p, struct po_json *node)
{
    size_t start = p->pos;
    if (peek(p) == '-') p->pos++;
    bool is_zero = peek(p) == '0';
    size_t digits = skip_digits(p);
    if (digits == 0) return expected(p, "expected a digit after '-'");
    if (is_zero && digits > 1) return fail_invalid(p, start, "a number has a leading zero");
    bool is_real = false;
    PO_TRY(p->cx, skip_real_part(p, &is_real));
    po_str text = po_str_slice(p->in, start, p->pos);
    node->type = PO_JSON_INT;
    if (!is_real &&
        (po_str_eq(text, PO_LIT("-0")) || po_is_ok(po_str_to_i64(text, &node->integer))))
        return po_rc_ok();
    if ((p->flags & PO_JSON_ALLOW_REAL) == 0)
        return fail_invalid(p, start,
                            is_real ? "a number is not an integer" : "an integer is out of range");
    node->type = PO_JSON_REAL;
    node->str = text;
    return po_rc_ok();
}

/* true, false or null. */
static PO_RC read_word(struct parser *p, struct po_json *node)
{
    po_str rest = po_str_slice(p->in, p->pos, p->in.len);
    if (po_str_starts(rest, PO_LIT("true"))) {
        node->type = PO_JSON_BOOL;
        node->boolean = true;
        p->pos += 4;
        return po_rc_ok();
    }
    if (po_str_starts(rest, PO_LIT("false"))) {
        node->type = PO_JSON_BOOL;
        p->pos += 5;
        return po_rc_ok();
    }
    if (po_str_starts(rest, PO_LIT("null"))) {
        node->type = PO_JSON_NULL;
        p->pos += 4;
        return po_rc_ok();
    }
    return expected(p, "expected a value");
}

/* ---- containers ------------------------------------------------------------------------------- */

/* Names come from outside: what is not printable ASCII is shown as '?'. */
static PO_RC fail_duplicate(struct parser *p, const struct po_json *member)
{
    char shown[SHOWN_KEY_BYTES + 1] = {0};
    size_t len = member->key.len < SHOWN_KEY_BYTES ? member->key.len : SHOWN_KEY_BYTES;
    for (size_t i = 0; i < len; i++) {
        char c = member->key.ptr[i];
        shown[i] = c >= 0x20 && c < 0x7f ? c : '?';
    }
    const char *what = po_arena_printf(p->cx->arena, "duplicate name '%s'", shown);
    return fail_invalid(p, member->offset, what == NULL ? "duplicate name" : what);
}

static PO_RC check_few_names(struct parser *p, const struct po_json *object)
{
    for (const struct po_json *a = object->first; a != NULL; a = a->next)
        for (const struct po_json *b = a->next; b != NULL; b = b->next)
            if (po_str_eq(a->key, b->key)) return fail_duplicate(p, b);
    return po_rc_ok();
}

static PO_RC check_names(struct parser *p, const struct po_json *object)
{
    if (object->count <= LINEAR_MEMBERS_MAX) return check_few_names(p, object);
    const struct po_json **members = NULL;
    PO_TRY(p->cx, po_json_sorted_members(p->cx, object, po_str_cmp, &members));
    for (size_t i = 1; i < object->count; i++)
        if (po_str_eq(members[i - 1]->key, members[i]->key)) return fail_duplicate(p, members[i]);
    return po_rc_ok();
}

/* "name" : of the next member. */
static PO_RC read_key(struct parser *p)
{
    skip_space(p);
    if (peek(p) != '"') return expected(p, "expected a name in quotes");
    PO_TRY(p->cx, read_string(p, &p->key));
    skip_space(p);
    if (peek(p) != ':') return expected(p, "expected ':' after a name");
    p->pos++;
    return po_rc_ok();
}

static PO_RC close_container(struct parser *p)
{
    struct po_json *node = p->levels[--p->depth].node;
    node->end = ++p->pos;
    if (node->type == PO_JSON_OBJECT) PO_TRY(p->cx, check_names(p, node));
    return po_rc_ok();
}

/* After '[' or '{': *ret_is_open tells whether a value must follow. */
static PO_RC open_container(struct parser *p, struct po_json *node, bool *ret_is_open)
{
    if (p->depth == PO_JSON_DEPTH_MAX)
        return fail_at(p, p->pos, PO_LIMIT, "the text is nested too deeply");
    node->type = p->in.ptr[p->pos++] == '{' ? PO_JSON_OBJECT : PO_JSON_ARRAY;
    p->levels[p->depth++] = (struct level){node, NULL};
    skip_space(p);
    *ret_is_open = peek(p) != (node->type == PO_JSON_OBJECT ? '}' : ']');
    if (!*ret_is_open) return close_container(p);
    if (node->type == PO_JSON_OBJECT) return read_key(p);
    return po_rc_ok();
}

static PO_RC add_node(struct parser *p, struct po_json **ret_node)
{
    if (p->node_count == PO_JSON_NODES_MAX)
        return fail_at(p, p->pos, PO_LIMIT, "the text has too many values");
    p->node_count++;
    struct po_json *node = NULL;
    PO_ARENA_NEW(p->cx, node, 1);
    node->offset = p->pos;
    *ret_node = node;
    if (p->depth == 0) {
        p->root = node;
        return po_rc_ok();
    }
    struct level *level = &p->levels[p->depth - 1];
    if (level->node->type == PO_JSON_OBJECT) node->key = p->key;
    if (level->last == NULL) level->node->first = node;
    if (level->last != NULL) level->last->next = node;
    level->last = node;
    level->node->count++;
    return po_rc_ok();
}

/* One value: a scalar, or the start of a container (*ret_is_open: its first value must follow). */
static PO_RC read_value(struct parser *p, bool *ret_is_open)
{
    skip_space(p);
    struct po_json *node = NULL;
    PO_TRY(p->cx, add_node(p, &node));
    *ret_is_open = false;
    int c = peek(p);
    if (c == '{' || c == '[') return open_container(p, node, ret_is_open);
    if (c == '"') {
        node->type = PO_JSON_STR;
        PO_TRY(p->cx, read_string(p, &node->str));
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        PO_TRY(p->cx, read_number(p, node));
    } else {
        PO_TRY(p->cx, read_word(p, node));
    }
    node->end = p->pos;
    return po_rc_ok();
}

/* After a value: close what ends here; false when another value must follow. */
static PO_RC finish_value(struct parser *p, bool *ret_is_done)
{
    while (p->depth > 0) {
        skip_space(p);
        bool is_object = p->levels[p->depth - 1].node->type == PO_JSON_OBJECT;
        int c = peek(p);
        if (c == ',') {
            p->pos++;
            *ret_is_done = false;
            return is_object ? read_key(p) : po_rc_ok();
        }
        if (c != (is_object ? '}' : ']'))
            return expected(p, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        PO_TRY(p->cx, close_container(p));
    }
    *ret_is_done = true;
    return po_rc_ok();
}

po_rc po_json_parse(struct po_ctx *cx, po_str in, enum po_json_flags flags,
                    struct po_json **ret_root)
{
    if (in.len > PO_JSON_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a JSON text has at most %zu bytes", PO_JSON_BYTES_MAX);
    struct parser p = {.cx = cx, .in = in, .flags = flags};
    bool is_done = false;
    while (!is_done) {
        bool is_open = false;
        PO_TRY(cx, read_value(&p, &is_open));
        if (!is_open) PO_TRY(cx, finish_value(&p, &is_done));
    }
    skip_space(&p);
    if (p.pos != in.len) return fail_invalid(&p, p.pos, "text after the value");
    *ret_root = p.root;
    return po_rc_ok();
}
