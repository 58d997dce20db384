/*
 * Streaming JSON writer.
 *
 * Invariants
 *   1. Bit d-1 of has_item tells whether the container at depth d has an item yet.
 *   2. Wrong nesting (an end too many, deeper than PO_JSON_DEPTH_MAX) makes the buffer's sticky
 *      status PO_BUG or PO_LIMIT; nothing is written out of bounds.
 */
#include "core/codec.h"
#include "core/json.h"

static void set_status(struct po_buf *buf, enum po_code status)
{
    if (buf->status == PO_OK) buf->status = status;
}

void po_json_out_init(struct po_json_out *out, struct po_buf *buf, uint8_t indent)
{
    *out = (struct po_json_out){.buf = buf, .indent = indent};
}

static void new_line(struct po_json_out *out)
{
    if (out->indent == 0) return;
    po_buf_append_char(out->buf, '\n');
    for (size_t i = 0; i < (size_t)out->indent * out->depth; i++)
        po_buf_append_char(out->buf, ' ');
}

static uint64_t depth_bit(const struct po_json_out *out)
{
    return out->depth == 0 ? 0 : (uint64_t)1 << (out->depth - 1);
}

/* What stands before every key and every array item. */
static void begin_item(struct po_json_out *out)
{
    if (out->after_key) {
        out->after_key = false;
        return;
    }
    if (out->depth == 0) return;
    if ((out->has_item & depth_bit(out)) != 0) po_buf_append_char(out->buf, ',');
    out->has_item |= depth_bit(out);
    new_line(out);
}

static void begin_container(struct po_json_out *out, char bracket)
{
    begin_item(out);
    if (out->depth == PO_JSON_DEPTH_MAX) {
        set_status(out->buf, PO_LIMIT);
        return;
    }
    po_buf_append_char(out->buf, bracket);
    out->depth++;
    out->has_item &= ~depth_bit(out);
}

static void end_container(struct po_json_out *out, char bracket)
{
    if (out->depth == 0 || out->after_key) {
        set_status(out->buf, PO_BUG);
        return;
    }
    bool has_item = (out->has_item & depth_bit(out)) != 0;
    out->depth--;
    if (has_item) new_line(out);
    po_buf_append_char(out->buf, bracket);
}

void po_json_out_object(struct po_json_out *out) { begin_container(out, '{'); }
void po_json_out_object_end(struct po_json_out *out) { end_container(out, '}'); }
void po_json_out_array(struct po_json_out *out) { begin_container(out, '['); }
void po_json_out_array_end(struct po_json_out *out) { end_container(out, ']'); }

static void append_key(struct po_json_out *out, po_str key)
{
    begin_item(out);
    po_json_quote(out->buf, key);
    po_buf_append_char(out->buf, ':');
    if (out->indent != 0) po_buf_append_char(out->buf, ' ');
    out->after_key = true;
}

void po_json_out_key(struct po_json_out *out, const char *key) { append_key(out, po_str_of(key)); }

void po_json_out_str(struct po_json_out *out, po_str s)
{
    begin_item(out);
    po_json_quote(out->buf, s);
}

void po_json_out_cstr(struct po_json_out *out, const char *s)
{
    po_json_out_str(out, po_str_of(s));
}

void po_json_out_int(struct po_json_out *out, int64_t value)
{
    begin_item(out);
    po_buf_append_i64(out->buf, value);
}

void po_json_out_bool(struct po_json_out *out, bool value)
{
    po_json_out_raw(out, value ? PO_LIT("true") : PO_LIT("false"));
}

void po_json_out_null(struct po_json_out *out) { po_json_out_raw(out, PO_LIT("null")); }

void po_json_out_raw(struct po_json_out *out, po_str json)
{
    begin_item(out);
    po_buf_append(out->buf, json);
}

void po_json_out_field(struct po_json_out *out, const char *key, po_str value)
{
    po_json_out_key(out, key);
    po_json_out_str(out, value);
}

void po_json_out_field_int(struct po_json_out *out, const char *key, int64_t value)
{
    po_json_out_key(out, key);
    po_json_out_int(out, value);
}

/* RFC 8785 3.2.2.2: the short form where JSON has one, else \u00xx in lower case. */
static void append_escaped(struct po_buf *buf, char c)
{
    static const char FROM[] = "\"\\\b\f\n\r\t";
    static const char TO[] = "\"\\bfnrt";
    const char *hit = c == '\0' ? NULL : strchr(FROM, c);
    if (hit == NULL) {
        uint8_t byte = (uint8_t)c;
        po_buf_append(buf, PO_LIT("\\u00"));
        po_hex_append(buf, &byte, 1);
        return;
    }
    po_buf_append_char(buf, '\\');
    po_buf_append_char(buf, TO[hit - FROM]);
}

static bool needs_escape(char c) { return (unsigned char)c < 0x20 || c == '"' || c == '\\'; }

/* Well-formed UTF-8, in runs between escapes. */
static void append_text(struct po_buf *buf, po_str s)
{
    size_t run = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!needs_escape(s.ptr[i])) continue;
        po_buf_append(buf, po_str_slice(s, run, i));
        append_escaped(buf, s.ptr[i]);
        run = i + 1;
    }
    po_buf_append(buf, po_str_slice(s, run, s.len));
}

void po_json_quote(struct po_buf *buf, po_str s)
{
    po_buf_append_char(buf, '"');
    while (s.len != 0) {
        size_t bad = po_utf8_find_invalid(s);
        append_text(buf, po_str_slice(s, 0, bad));
        if (bad == SIZE_MAX) break;
        po_utf8_append(buf, 0xfffd);
        s = po_str_slice(s, bad + 1, s.len);
    }
    po_buf_append_char(buf, '"');
}
