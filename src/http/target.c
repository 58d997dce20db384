/*
 * Request target: form, authority, path (decoded in place), query.
 *
 * Source: RFC 9112 3.2, RFC 3986, docs/spec/http.md 1
 */
#include "http/parse_priv.h"

#include "core/codec.h"

static bool is_hex(char c) { return po_http_is(c, PO_HTTP_C_HEX); }

static bool are_triplets_good(po_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '[' || text.ptr[i] == ']') return false;
        if (text.ptr[i] != '%') continue;
        if (text.len - i < 3 || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2])) return false;
    }
    return true;
}

/* A byte that would change what the path means, or that no path needs. */
static bool is_refused(unsigned byte)
{
    return byte < 0x20 || byte == 0x7f || byte == '/' || byte == '\\';
}

static bool decode_path(char *text, uint16_t *len)
{
    size_t to = 0;
    for (size_t from = 0; from < *len; from++) {
        unsigned byte = (uint8_t)text[from];
        if (byte == '%') {
            byte = po_http_hex_value(text[from + 1]) << 4 | po_http_hex_value(text[from + 2]);
            if (is_refused(byte)) return false;
            from += 2;
        }
        text[to++] = (char)byte;
    }
    bool had_escapes = to != *len;
    *len = (uint16_t)to;
    return !had_escapes || po_utf8_find_invalid(po_str_n(text, to)) == SIZE_MAX;
}

/* No empty segment but the last, none of "." and "..". */
static bool are_segments_good(po_str path)
{
    po_str rest = po_str_slice(path, 1, path.len);
    po_str segment = {0};
    while (po_str_next_field(&rest, '/', &segment)) {
        bool is_last = rest.ptr == NULL;
        if (segment.len == 0 && !is_last) return false;
        if (po_str_eq_cstr(segment, ".") || po_str_eq_cstr(segment, "..")) return false;
    }
    return true;
}

/* The scheme's length, "http://" or "https://", or 0. */
static size_t scheme_len(po_str target)
{
    for (size_t len = 7; len <= 8 && len <= target.len; len++)
        if (po_http_eq_nocase(po_str_slice(target, 0, len), len == 7 ? "http://" : "https://"))
            return len;
    return 0;
}

/* "http://authority/path": keeps the authority and gives where the path begins, or 0. */
static size_t cut_authority(struct po_http_head *head, po_str target)
{
    size_t from = scheme_len(target);
    if (from == 0) return 0;
    size_t to = from;
    while (to < target.len && target.ptr[to] != '/' && target.ptr[to] != '?')
        to++;
    /* "http://host" and "http://host?q" have the path "/", which has no bytes here: refused. */
    if (to == target.len || target.ptr[to] != '/') return 0;
    head->has_authority = true;
    head->authority =
        (struct po_http_span){(uint16_t)(head->target.at + from), (uint16_t)(to - from)};
    return to;
}

unsigned po_http_target_parse(struct po_http_head *head)
{
    po_str target = po_http_span_str(head, head->target);
    if (po_str_eq_cstr(target, "*")) {
        head->is_asterisk = true;
        head->path = head->target;
        return head->method == PO_HTTP_OPTIONS ? 0 : 400;
    }
    size_t from = 0;
    if (target.ptr[0] != '/') {
        from = cut_authority(head, target);
        if (from == 0) return 400;
    }
    size_t to = po_str_find_char(target, '?', from);
    bool has_query = to != SIZE_MAX;
    if (!has_query) to = target.len;
    head->path = (struct po_http_span){(uint16_t)(head->target.at + from), (uint16_t)(to - from)};
    size_t query = has_query ? to + 1 : to;
    head->query =
        (struct po_http_span){(uint16_t)(head->target.at + query), (uint16_t)(target.len - query)};
    if (!are_triplets_good(po_http_span_str(head, head->path)) ||
        !are_triplets_good(po_http_span_str(head, head->query)))
        return 400;
    if (!decode_path(head->base + head->path.at, &head->path.len)) return 400;
    return are_segments_good(po_http_span_str(head, head->path)) ? 0 : 400;
}

/* ---- host[:port] ------------------------------------------------------------------------------ */

static bool is_ipv6(po_str text)
{
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ':') colons++;
        if (text.ptr[i] != ':' && text.ptr[i] != '.' && !is_hex(text.ptr[i])) return false;
    }
    return colons >= 2 && text.len <= 45;
}

static bool is_name(po_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!po_http_is(text.ptr[i], PO_HTTP_C_HOST)) return false;
    return text.len > 0 && text.len <= 255;
}

static bool parse_port(po_str text, uint16_t *ret_port)
{
    uint64_t port = 0;
    if (!po_is_ok(po_str_to_u64(text, 65535, &port)) || port == 0) return false;
    *ret_port = (uint16_t)port;
    return true;
}

bool po_http_authority_split(po_str text, po_str *ret_name, uint16_t *ret_port)
{
    size_t end = 0;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t close = po_str_find_char(text, ']', 0);
        if (close == SIZE_MAX || !is_ipv6(po_str_slice(text, 1, close))) return false;
        end = close + 1;
    } else {
        end = po_str_find_char(text, ':', 0);
        if (end == SIZE_MAX) end = text.len;
        if (!is_name(po_str_slice(text, 0, end))) return false;
    }
    *ret_port = 0;
    *ret_name = po_str_slice(text, 0, end);
    if (end == text.len) return true;
    return text.ptr[end] == ':' && parse_port(po_str_slice(text, end + 1, text.len), ret_port);
}

/* ---- query ------------------------------------------------------------------------------------ */

/* Decoded into `out` (as long as `in`); PO_INVALID for control bytes and what is not UTF-8. */
static po_rc decode_form(po_str in, char *out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        unsigned byte = (uint8_t)in.ptr[i];
        if (byte == '+') byte = ' ';
        if (byte == '%') {
            if (in.len - i < 3 || !is_hex(in.ptr[i + 1]) || !is_hex(in.ptr[i + 2]))
                return po_rc_of(PO_INVALID);
            byte = po_http_hex_value(in.ptr[i + 1]) << 4 | po_http_hex_value(in.ptr[i + 2]);
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7f) return po_rc_of(PO_INVALID);
        out[len++] = (char)byte;
    }
    *ret_len = len;
    return po_rc_of(po_utf8_find_invalid(po_str_n(out, len)) == SIZE_MAX ? PO_OK : PO_INVALID);
}

bool po_http_query_next(struct po_ctx *cx, po_str *rest, struct po_http_field *ret_pair,
                        po_rc *ret_rc)
{
    po_str text = {0};
    *ret_rc = po_rc_ok();
    do {
        if (!po_str_next_field(rest, '&', &text)) return false;
    } while (text.len == 0);
    size_t equals = po_str_find_char(text, '=', 0);
    bool has_value = equals != SIZE_MAX;
    po_str parts[2] = {po_str_slice(text, 0, has_value ? equals : text.len),
                       has_value ? po_str_slice(text, equals + 1, text.len) : PO_LIT("")};
    for (size_t i = 0; i < 2 && po_is_ok(*ret_rc); i++) {
        char *out = po_arena_alloc(cx->arena, parts[i].len + 1, 1);
        if (out == NULL)
            *ret_rc = PO_FAIL(cx, PO_NOMEM, "out of request memory");
        else
            *ret_rc = decode_form(parts[i], out, &parts[i].len);
        parts[i].ptr = out;
    }
    if (po_is_ok(*ret_rc))
        *ret_pair = (struct po_http_field){parts[0], parts[1]};
    else if (ret_rc->code == PO_INVALID)
        *ret_rc = PO_FAIL(cx, PO_INVALID, "the query is not well formed");
    return true;
}
