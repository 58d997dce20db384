/*
 * Responses: what a handler says, and the head that is made of it.
 *
 * Invariants
 *  1. no byte of a handler reaches a head but through po_http_set, which knows all names and refuses
 *     every value that could end a line.
 *  2. framing fields are written here and nowhere else.
 */
#include "http/server_priv.h"

#include "core/json.h"

static const char *const NAMES[PO_HTTP_NAME_COUNT] = {
#define X(id, text) [PO_HTTP_##id] = (text),
    PO_HTTP_NAME_TABLE(X)
#undef X
};

const char *po_http_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } TEXTS[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (TEXTS[i].status == status) return TEXTS[i].text;
    return "Status";
}

void po_http_response_init(struct po_http_response *res)
{
    *res = (struct po_http_response){0};
    po_buf_init(&res->fields, PO_HTTP_RESPONSE_HEAD_BYTES_MAX - 1024);
    po_buf_init(&res->body, PO_HTTP_RESPONSE_BODY_BYTES_MAX);
}

void po_http_response_done(struct po_http_response *res)
{
    po_buf_done(&res->fields);
    po_buf_done(&res->body);
}

void po_http_response_begin(struct po_http_response *res, struct po_http_server *server,
                            struct po_http_conn *conn)
{
    struct po_buf fields = res->fields;
    struct po_buf body = res->body;
    *res = (struct po_http_response){.server = server, .conn = conn, .status = 200};
    /* Of a head that is not whole nothing is known but its method, when that far it was well formed. */
    bool has_req = conn->work != NULL && conn->work->req.head != NULL;
    res->req = has_req ? &conn->work->req : NULL;
    res->is_head = conn->work != NULL && conn->work->head.method == PO_HTTP_HEAD;
    res->fields = fields;
    res->body = body;
    po_buf_clear(&res->fields);
    po_buf_clear(&res->body);
}

void po_http_status(struct po_http_response *res, unsigned status)
{
    if (status < 200 || status > 599)
        res->is_bad = true;
    else
        res->status = status;
}

static bool is_value(po_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (!po_http_is(value.ptr[i], PO_HTTP_C_OUT)) return false;
    return true;
}

unsigned po_http_status_get(const struct po_http_response *res) { return res->status; }

void po_http_set(struct po_http_response *res, enum po_http_name name, po_str value)
{
    if ((unsigned)name >= PO_HTTP_NAME_COUNT || !is_value(value)) {
        res->is_bad = true;
        return;
    }
    if (name == PO_HTTP_CONTENT_TYPE) res->has_type = true;
    po_buf_append_cstr(&res->fields, NAMES[name]);
    po_buf_append(&res->fields, PO_LIT(": "));
    po_buf_append(&res->fields, value);
    po_buf_append(&res->fields, PO_LIT("\r\n"));
}

void po_http_body(struct po_http_response *res, po_str bytes) { po_buf_append(&res->body, bytes); }

struct po_buf *po_http_body_buf(struct po_http_response *res) { return &res->body; }

void po_http_body_static(struct po_http_response *res, po_str bytes)
{
    res->fixed = bytes;
    res->has_static = true;
}

void po_http_problem(struct po_http_response *res, unsigned status, const char *title)
{
    po_buf_clear(&res->fields);
    po_buf_clear(&res->body);
    res->is_bad = false;
    res->has_static = false;
    res->has_type = false;
    res->mode = PO_HTTP_MODE_PLAIN;
    po_http_status(res, status);
    po_str text = po_str_of(title != NULL ? title : po_http_status_text(status));
    po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("application/problem+json"));
    po_http_set(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    po_buf_append_cstr(&res->body, "{\"type\":\"about:blank\",\"title\":");
    po_json_quote(&res->body, text);
    po_buf_printf(&res->body, ",\"status\":%u}\n", status);
}

void po_http_close_after(struct po_http_response *res) { res->close_after = true; }

po_str po_http_response_content(const struct po_http_response *res)
{
    bool has_none =
        res->status == 204 || res->status == 304 || res->mode != PO_HTTP_MODE_PLAIN || res->is_head;
    if (has_none) return PO_LIT("");
    return res->has_static ? res->fixed : po_buf_str(&res->body);
}

/* ---- the head ------------------------------------------------------------------------------------- */

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static void update_date(struct po_http_server *server)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[PO_TIME_RFC3339_BYTES];
    po_time_us now_us = server->clock->now_us(server->clock->user);
    int64_t now_s = now_us / PO_US_PER_S;
    if (now_s == server->date_s && server->date[0] != '\0') return;
    server->date_s = now_s;
    po_time_format_s(now_us, iso);
    unsigned month = (unsigned)(iso[5] - '0') * 10 + (unsigned)(iso[6] - '0') - 1;
    struct po_buf text;
    po_buf_init(&text, sizeof server->date);
    po_buf_printf(&text, "%.3s, %.2s %.3s %.4s %.8s GMT", days + 3 * (now_s / 86400 % 7), iso + 8,
                  months + (size_t)3 * (month < 12 ? month : 0), iso, iso + 11);
    if (po_is_ok(po_buf_check(&text)) && text.len < sizeof server->date)
        memcpy(server->date, text.ptr, text.len + 1);
    po_buf_done(&text);
}

static void append_line(struct po_buf *out, const char *name, po_str value)
{
    po_buf_append_cstr(out, name);
    po_buf_append(out, value);
    po_buf_append(out, PO_LIT("\r\n"));
}

static void append_length(struct po_buf *out, const struct po_http_response *res)
{
    po_str content = res->has_static ? res->fixed : po_buf_str(&res->body);
    if (res->status == 204 || res->status == 304) return;
    po_buf_append(out, PO_LIT("Content-Length: "));
    po_buf_append_u64(out, content.len);
    po_buf_append(out, PO_LIT("\r\n"));
}

/* What a WebSocket's head holds besides. */
static bool append_upgrade(struct po_buf *out, const struct po_http_response *res)
{
    po_str key = {0};
    char accept[29];
    if (!po_is_ok(po_http_field_get(res->req, PO_LIT("sec-websocket-key"), &key)) ||
        !po_is_ok(po_http_ws_accept(key, accept)))
        return false;
    po_buf_append(out, PO_LIT("Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    append_line(out, "Sec-WebSocket-Accept: ", po_str_of(accept));
    if (res->protocol.len > 0) append_line(out, "Sec-WebSocket-Protocol: ", res->protocol);
    return true;
}

bool po_http_response_write_head(struct po_http_response *res, bool closes)
{
    struct po_http_server *server = res->server;
    struct po_buf *out = &server->scratch;
    bool is_socket = res->mode == PO_HTTP_MODE_SOCKET;
    bool is_1_0 = res->req != NULL && res->req->minor == 0;
    po_buf_clear(out);
    update_date(server);
    po_buf_append(out, PO_LIT("HTTP/1.1 "));
    po_buf_append_u64(out, is_socket ? 101 : res->status);
    po_buf_append_char(out, ' ');
    append_line(out, po_http_status_text(is_socket ? 101 : res->status), PO_LIT(""));
    append_line(out, "Date: ", po_str_of(server->date));
    po_buf_append(out, po_buf_str(&res->fields));
    if (is_socket && !append_upgrade(out, res)) return false;
    if (res->status == 426) append_line(out, "Sec-WebSocket-Version: ", PO_LIT("13"));
    if (res->mode == PO_HTTP_MODE_EVENTS)
        append_line(out, "Content-Type: ", PO_LIT("text/event-stream"));
    if (res->mode == PO_HTTP_MODE_PLAIN) append_length(out, res);
    if (!is_socket && closes) append_line(out, "Connection: ", PO_LIT("close"));
    if (!closes && is_1_0) append_line(out, "Connection: ", PO_LIT("keep-alive"));
    po_buf_append(out, PO_LIT("\r\n"));
    return po_is_ok(po_buf_check(out));
}
