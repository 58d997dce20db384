/*
 * What the fields of a request head mean for framing and for the connection; the request as handlers
 * see it.
 *
 * Source: RFC 9110 7-10, RFC 9112 6, docs/spec/http.md 2
 */
#include "http/parse_priv.h"

static unsigned act_host(struct po_http_head *head, struct po_http_span value)
{
    po_str name = {0};
    if (head->has_host) return 400;
    head->has_host = true;
    head->host = value;
    if (!po_http_authority_split(po_http_span_str(head, value), &name, &head->port)) return 400;
    head->host_name = (struct po_http_span){value.at, (uint16_t)name.len};
    return 0;
}

/* Readers differ about blanks behind a value: none may stand where framing depends on it. */
static bool has_blank_behind(const struct po_http_head *head, struct po_http_span value)
{
    return head->base[value.at + value.len] != '\r';
}

static unsigned act_length(struct po_http_head *head, struct po_http_span value)
{
    if (head->has_length || value.len == 0 || value.len > PO_HTTP_LENGTH_DIGITS_MAX) return 400;
    if (has_blank_behind(head, value)) return 400;
    head->has_length = true;
    for (size_t i = 0; i < value.len; i++) {
        char c = head->base[value.at + i];
        if (c < '0' || c > '9') return 400;
        head->length = head->length * 10 + (unsigned)(c - '0');
    }
    return 0;
}

static unsigned act_coding(struct po_http_head *head, struct po_http_span value)
{
    if (head->has_coding || head->minor == 0 || has_blank_behind(head, value)) return 400;
    head->has_coding = true;
    return po_http_eq_nocase(po_http_span_str(head, value), "chunked") ? 0 : 501;
}

static bool is_token(po_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!po_http_is(text.ptr[i], PO_HTTP_C_TOKEN)) return false;
    return text.len > 0;
}

static unsigned act_connection(struct po_http_head *head, struct po_http_span value)
{
    po_str rest = po_http_span_str(head, value);
    po_str element = {0};
    while (po_http_list_next(&rest, &element)) {
        if (!is_token(element)) return 400;
        if (po_http_eq_nocase(element, "close")) head->wants_close = true;
        if (po_http_eq_nocase(element, "keep-alive")) head->wants_keep = true;
        if (po_http_eq_nocase(element, "upgrade")) head->wants_upgrade = true;
    }
    return 0;
}

static unsigned act_expect(struct po_http_head *head, struct po_http_span value)
{
    if (head->minor == 0) return 0;
    head->expects_continue = true;
    return po_http_eq_nocase(po_http_span_str(head, value), "100-continue") ? 0 : 417;
}

static unsigned act_upgrade(struct po_http_head *head, struct po_http_span value)
{
    if (po_http_list_has(po_http_span_str(head, value), "websocket")) head->is_websocket = true;
    return 0;
}

unsigned po_http_field_act(struct po_http_head *head, size_t i)
{
    static const struct {
        po_str name;
        unsigned (*act)(struct po_http_head *head, struct po_http_span value);
    } ACTS[] = {
        {PO_LIT("host"), act_host},
        {PO_LIT("connection"), act_connection},
        {PO_LIT("content-length"), act_length},
        {PO_LIT("transfer-encoding"), act_coding},
        {PO_LIT("expect"), act_expect},
        {PO_LIT("upgrade"), act_upgrade},
    };
    po_str name = po_http_span_str(head, head->fields[i].name);
    for (size_t a = 0; a < sizeof ACTS / sizeof ACTS[0]; a++)
        if (name.len == ACTS[a].name.len && po_str_eq(name, ACTS[a].name))
            return ACTS[a].act(head, head->fields[i].value);
    return 0;
}

static bool is_same_authority(const struct po_http_head *head)
{
    po_str a = po_http_span_str(head, head->authority);
    po_str b = po_http_span_str(head, head->host);
    if (!head->has_host) return head->minor == 0;
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        /* A host name's case does not matter; only letters differ in this bit among its bytes. */
        if ((a.ptr[i] | 0x20) != (b.ptr[i] | 0x20)) return false;
    }
    return true;
}

unsigned po_http_head_finish(struct po_http_head *head)
{
    if (!head->has_host && head->minor == 1) return 400;
    if (head->has_coding && head->has_length) return 400;
    po_str name = {0};
    uint16_t port = 0;
    if (head->has_authority &&
        (!po_http_authority_split(po_http_span_str(head, head->authority), &name, &port) ||
         !is_same_authority(head)))
        return 400;
    bool has_content = head->has_coding || head->length > 0;
    if (has_content && (head->method == PO_HTTP_GET || head->method == PO_HTTP_HEAD)) return 400;
    if (head->minor == 0 && !head->wants_keep) head->wants_close = true;
    return 0;
}

/* ---- the request ------------------------------------------------------------------------------ */

void po_http_request_fill(const struct po_http_head *head, struct po_http_request *req)
{
    req->method = (enum po_http_method)head->method;
    req->minor = head->minor;
    req->is_asterisk = head->is_asterisk;
    req->path = po_http_span_str(head, head->path);
    req->query = po_http_span_str(head, head->query);
    req->host = po_http_span_str(head, head->host_name);
    req->port = head->port;
    req->head = head;
    req->wants_websocket = head->is_websocket && head->wants_upgrade && po_http_ws_check(req) == 0;
}

size_t po_http_field_count(const struct po_http_request *req) { return req->head->field_count; }

struct po_http_field po_http_field_at(const struct po_http_request *req, size_t i)
{
    return (struct po_http_field){po_http_span_str(req->head, req->head->fields[i].name),
                                  po_http_span_str(req->head, req->head->fields[i].value)};
}

PO_RC po_http_field_get(const struct po_http_request *req, po_str name, po_str *ret_value)
{
    bool is_found = false;
    po_str value = {0};
    for (size_t i = 0; i < po_http_field_count(req); i++) {
        struct po_http_field field = po_http_field_at(req, i);
        if (!po_str_eq(field.name, name)) continue;
        if (is_found) return po_rc_of(PO_INVALID);
        is_found = true;
        value = field.value;
    }
    if (!is_found) return po_rc_of(PO_NOTFOUND);
    *ret_value = value;
    return po_rc_ok();
}

static bool is_cookie_value(po_str text)
{
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = po_str_slice(text, 1, text.len - 1);
    for (size_t i = 0; i < text.len; i++)
        if (!po_http_is(text.ptr[i], PO_HTTP_C_COOKIE)) return false;
    return true;
}

PO_RC po_http_cookie_get(const struct po_http_request *req, po_str name, po_str *ret_value)
{
    po_str rest = {0};
    po_str pair = {0};
    po_str value = {0};
    bool is_found = false;
    PO_PASS(po_http_field_get(req, PO_LIT("cookie"), &rest));
    while (po_str_next_field(&rest, ';', &pair)) {
        pair = po_str_trim(pair);
        size_t equals = po_str_find_char(pair, '=', 0);
        /* Cookies know no ports: what other programs of this host have set is none of ours. */
        if (equals == SIZE_MAX || !po_str_eq(po_str_slice(pair, 0, equals), name)) continue;
        po_str text = po_str_slice(pair, equals + 1, pair.len);
        if (!is_cookie_value(text)) return po_rc_of(PO_INVALID);
        if (is_found) return po_rc_of(PO_INVALID);
        is_found = true;
        value = text;
    }
    if (!is_found) return po_rc_of(PO_NOTFOUND);
    *ret_value = value;
    return po_rc_ok();
}
