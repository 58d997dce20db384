/*
 * Canonical JSON. Source: RFC 8785 (JCS).
 *
 * Integers beyond 2^53-1 are refused: other JCS programs hold numbers as doubles and would write
 * other digits, so the hash of the text would not agree. Such values belong into strings.
 */
#include "core/codec.h"
#include "core/json_priv.h"

#define SAFE_INTEGER_MAX (((int64_t)1 << 53) - 1)

/*
 * UTF-16 puts the surrogates of U+10000 and up (lead bytes f0 to f4) before U+E000 to U+FFFF (lead
 * bytes ee and ef); otherwise its order is that of the bytes.
 */
static unsigned int utf16_weight(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == 0xee || byte == 0xef ? byte + 0x100U : byte;
}

/* By UTF-16 code units; both well-formed, so that where they differ both lead or both continue. */
static int compare_utf16(po_str a, po_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    size_t at = 0;
    while (at < common && a.ptr[at] == b.ptr[at])
        at++;
    if (at == common) return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
    return utf16_weight(a.ptr[at]) < utf16_weight(b.ptr[at]) ? -1 : 1;
}

static PO_RC append_string(struct po_ctx *cx, po_str s, struct po_buf *out)
{
    if (po_utf8_find_invalid(s) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "a string is not UTF-8");
    po_json_quote(out, s);
    return po_rc_ok();
}

static PO_RC append_value(struct po_ctx *cx, const struct po_json *node, size_t depth,
                          struct po_buf *out);

static PO_RC append_array(struct po_ctx *cx, const struct po_json *array, size_t depth,
                          struct po_buf *out)
{
    po_buf_append_char(out, '[');
    for (const struct po_json *item = array->first; item != NULL; item = item->next) {
        if (item != array->first) po_buf_append_char(out, ',');
        PO_TRY(cx, append_value(cx, item, depth + 1, out));
    }
    po_buf_append_char(out, ']');
    return po_rc_ok();
}

static PO_RC append_object(struct po_ctx *cx, const struct po_json *object, size_t depth,
                           struct po_buf *out)
{
    const struct po_json **members = NULL;
    PO_TRY(cx, po_json_sorted_members(cx, object, compare_utf16, &members));
    po_buf_append_char(out, '{');
    for (size_t i = 0; i < object->count; i++) {
        if (i > 0 && po_str_eq(members[i - 1]->key, members[i]->key))
            return PO_FAIL(cx, PO_INVALID, "a name appears twice");
        if (i > 0) po_buf_append_char(out, ',');
        PO_TRY(cx, append_string(cx, members[i]->key, out));
        po_buf_append_char(out, ':');
        PO_TRY(cx, append_value(cx, members[i], depth + 1, out));
    }
    po_buf_append_char(out, '}');
    return po_rc_ok();
}

static PO_RC append_integer(struct po_ctx *cx, int64_t value, struct po_buf *out)
{
    if (value > SAFE_INTEGER_MAX || value < -SAFE_INTEGER_MAX)
        return PO_FAIL(cx, PO_INVALID, "an integer is beyond 2^53-1");
    po_buf_append_i64(out, value);
    return po_rc_ok();
}

static PO_RC append_value(struct po_ctx *cx, const struct po_json *node, size_t depth,
                          struct po_buf *out)
{
    if (depth > PO_JSON_DEPTH_MAX) return PO_FAIL(cx, PO_LIMIT, "the tree is nested too deeply");
    switch (node->type) {
    case PO_JSON_NULL: po_buf_append(out, PO_LIT("null")); return po_rc_ok();
    case PO_JSON_BOOL: po_buf_append_cstr(out, node->boolean ? "true" : "false"); return po_rc_ok();
    case PO_JSON_INT: return append_integer(cx, node->integer, out);
    case PO_JSON_STR: return append_string(cx, node->str, out);
    case PO_JSON_ARRAY: return append_array(cx, node, depth, out);
    case PO_JSON_OBJECT: return append_object(cx, node, depth, out);
    case PO_JSON_REAL: break;
    }
    return PO_FAIL(cx, PO_INVALID, "a number is not an integer");
}

po_rc po_json_canonical(struct po_ctx *cx, const struct po_json *root, struct po_buf *out)
{
    PO_TRY(cx, append_value(cx, root, 0, out));
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for canonical JSON");
    return po_rc_ok();
}
