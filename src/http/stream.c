/*
 * Answers that come later, event streams, WebSockets.
 */
#include "core/alloc.h"
#include "core/codec.h"
#include "http/server_priv.h"

#define CLOSE_WAIT_MS 2000 /* for the other side's close */
#define CODE_NONE 1005

uint64_t po_http_new_id(struct po_http_server *server, const struct po_http_conn *conn)
{
    server->serial++;
    return server->serial << 16 | conn->slot;
}

po_http_id po_http_defer(struct po_http_response *res)
{
    struct po_http_conn *conn = res->conn;
    struct po_http_server *server = res->server;
    res->mode = PO_HTTP_MODE_DEFER;
    conn->id = po_http_new_id(server, conn);
    po_http_conn_phase(server, conn, PO_HTTP_PHASE_HANDLE, server->limits.handle_ms);
    return (po_http_id){conn->id};
}

struct po_http_response *po_http_answer(struct po_http_server *server, po_http_id id)
{
    struct po_http_conn *conn = po_http_conn_of_id(server, id);
    if (conn == NULL || conn->phase != PO_HTTP_PHASE_HANDLE) return NULL;
    po_http_response_begin(&server->answer, server, conn);
    return &server->answer;
}

void po_http_answer_send(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                         struct po_http_response *res)
{
    struct po_http_conn *conn = po_http_conn_of_id(server, id);
    bool opens = res->mode == PO_HTTP_MODE_EVENTS || res->mode == PO_HTTP_MODE_SOCKET;
    (void)cx;
    /* A stream that the answer opened has an id of its own, and its connection only that one. */
    if (conn == NULL && opens && res->conn != NULL && server->conns[id.value & 0xffff] == res->conn)
        conn = res->conn;
    if (conn == NULL || conn->phase != PO_HTTP_PHASE_HANDLE || res->conn != conn) return;
    server->now_us = server->clock->monotonic_us(server->clock->user);
    if (conn->id == id.value) conn->id = 0;
    po_http_respond(server, conn, res);
    po_http_conn_make_ready(server, conn);
}

/* ---- streams -------------------------------------------------------------------------------------- */

po_http_id po_http_events(struct po_http_response *res)
{
    if (res->req == NULL || res->req->method != PO_HTTP_GET) {
        po_http_problem(res, 405, NULL);
        return (po_http_id){0};
    }
    res->mode = PO_HTTP_MODE_EVENTS;
    res->conn->id = po_http_new_id(res->server, res->conn);
    return (po_http_id){res->conn->id};
}

static bool is_offered(const struct po_http_request *req, po_str protocol)
{
    po_str offered = {0};
    po_str element = {0};
    if (protocol.len == 0) return true;
    if (!po_is_ok(po_http_field_get(req, PO_LIT("sec-websocket-protocol"), &offered))) return false;
    while (po_http_list_next(&offered, &element))
        if (po_str_eq(element, protocol)) return true;
    return false;
}

po_http_id po_http_websocket(struct po_http_response *res, po_str protocol)
{
    const struct po_http_request *req = res->req;
    if (req == NULL || !req->wants_websocket || !is_offered(req, protocol)) {
        bool is_old = req != NULL && po_http_ws_check(req) == 426;
        po_http_problem(res, is_old ? 426 : 400, NULL);
        return (po_http_id){0};
    }
    struct po_http_ws *ws = po_calloc(1, sizeof *ws);
    if (ws == NULL) {
        po_http_problem(res, 503, NULL);
        return (po_http_id){0};
    }
    po_http_ws_init(ws, res->server->limits.ws_message_bytes_max);
    po_free(res->conn->ws);
    res->conn->ws = ws;
    res->mode = PO_HTTP_MODE_SOCKET;
    res->protocol = protocol;
    res->conn->id = po_http_new_id(res->server, res->conn);
    return (po_http_id){res->conn->id};
}

void po_http_stream_begin(struct po_http_server *server, struct po_http_conn *conn,
                          const struct po_http_response *res)
{
    bool is_socket = res->mode == PO_HTTP_MODE_SOCKET;
    if (!is_socket) po_http_conn_give_work(server, conn);
    if (is_socket && server->is_draining) conn->is_ending = true;
    po_http_conn_phase(server, conn, is_socket ? PO_HTTP_PHASE_SOCKET : PO_HTTP_PHASE_EVENTS,
                       server->limits.ws_ping_ms);
}

static void send_frame(struct po_http_server *server, struct po_http_conn *conn,
                       enum po_http_ws_opcode opcode, po_str payload)
{
    uint8_t head[10];
    struct po_buf *out = &server->scratch;
    size_t head_len = po_http_ws_frame(opcode, payload.len, head);
    if (payload.len <= PO_HTTP_OUT_BYTES / 2) {
        po_buf_clear(out);
        po_buf_append(out, po_str_n(head, head_len));
        po_buf_append(out, payload);
        if (!po_is_ok(po_buf_check(out)))
            conn->is_broken = true;
        else
            po_http_out(server, conn, po_buf_str(out));
        return;
    }
    po_http_out(server, conn, po_str_n(head, head_len));
    po_http_out(server, conn, payload);
}

void po_http_socket_close(struct po_http_server *server, struct po_http_conn *conn, uint16_t code)
{
    char payload[2] = {(char)(code >> 8), (char)(code & 0xff)};
    if (conn->has_sent_close) return;
    send_frame(server, conn, PO_HTTP_WS_CLOSE, po_str_n(payload, code == CODE_NONE ? 0 : 2));
    conn->has_sent_close = true;
    po_http_timer_set(server, conn, CLOSE_WAIT_MS);
}

enum po_http_turn po_http_stream_tick(struct po_http_server *server, struct po_http_conn *conn)
{
    int64_t write_us = server->limits.write_ms * PO_US_PER_MS;
    bool is_stalled = conn->stalled_us != 0 && server->now_us - conn->stalled_us >= write_us;
    if (is_stalled || conn->awaits_pong || conn->has_sent_close || server->is_draining)
        return PO_HTTP_END;
    if (conn->phase == PO_HTTP_PHASE_SOCKET) {
        conn->awaits_pong = true;
        send_frame(server, conn, PO_HTTP_WS_PING, PO_LIT(""));
    } else if (po_http_out_is_empty(conn)) {
        po_http_out(server, conn, PO_LIT(":\n\n"));
    }
    po_http_timer_set(server, conn, server->limits.ws_ping_ms);
    return conn->is_broken ? PO_HTTP_END : PO_HTTP_GO;
}

enum po_http_turn po_http_run_events(struct po_http_server *server, struct po_http_conn *conn)
{
    enum po_http_turn turn = po_http_flush(server, conn);
    if (turn == PO_HTTP_END) return turn;
    if (conn->is_ending && turn == PO_HTTP_GO) return PO_HTTP_END;
    /* Nothing more is expected from a client: bytes and the end mean that it is done with us. */
    ssize_t got = po_http_conn_recv(server, conn, server->window, PO_HTTP_IN_BYTES);
    return got == -1 ? PO_HTTP_WAIT : PO_HTTP_END;
}

/* ---- WebSocket ------------------------------------------------------------------------------------ */

static void got_message(struct po_ctx *cx, struct po_http_server *server, struct po_http_conn *conn)
{
    const struct po_http_handler *handler = &server->config.handler;
    struct po_http_ws *ws = conn->ws;
    if (conn->has_sent_close || handler->message == NULL) return;
    bool is_text = ws->message_opcode == PO_HTTP_WS_TEXT;
    handler->message(cx, handler->user, (po_http_id){conn->id},
                     is_text ? PO_HTTP_MESSAGE_TEXT : PO_HTTP_MESSAGE_BINARY,
                     po_buf_str(&ws->message));
}

static void got_event(struct po_ctx *cx, struct po_http_server *server, struct po_http_conn *conn,
                      enum po_http_ws_event event)
{
    struct po_http_ws *ws = conn->ws;
    switch (event) {
    case PO_HTTP_WS_MORE: break;
    case PO_HTTP_WS_MESSAGE: got_message(cx, server, conn); break;
    case PO_HTTP_WS_GOT_PING:
        if (!conn->has_sent_close)
            send_frame(server, conn, PO_HTTP_WS_PONG, po_str_n(ws->control, ws->control_len));
        break;
    case PO_HTTP_WS_GOT_PONG: conn->awaits_pong = false; break;
    case PO_HTTP_WS_GOT_CLOSE:
    case PO_HTTP_WS_FAILED:
        po_http_socket_close(server, conn, ws->close_code);
        conn->is_ending = true;
        break;
    }
    /* Who pings without reading what comes back. */
    if (po_http_out_waiting(conn) > 2 * server->limits.stream_bytes_max) conn->is_broken = true;
}

static void feed(struct po_ctx *cx, struct po_http_server *server, struct po_http_conn *conn,
                 char *bytes, size_t len)
{
    for (size_t at = 0; at < len && !conn->is_ending && !conn->is_broken;) {
        size_t used = 0;
        enum po_http_ws_event event = po_http_ws_feed(conn->ws, bytes + at, len - at, &used);
        at += used;
        got_event(cx, server, conn, event);
    }
}

enum po_http_turn po_http_run_socket(struct po_ctx *cx, struct po_http_server *server,
                                     struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    if (work != NULL) {
        /* What came behind the request. */
        feed(cx, server, conn, work->in + work->at, work->len - work->at);
        po_http_conn_give_work(server, conn);
    }
    enum po_http_turn turn = po_http_flush(server, conn);
    if (turn == PO_HTTP_END) return turn;
    if (conn->is_ending) return turn == PO_HTTP_GO ? PO_HTTP_END : PO_HTTP_WAIT;
    ssize_t got = po_http_conn_recv(server, conn, server->window, PO_HTTP_IN_BYTES);
    if (got == -1) return PO_HTTP_WAIT;
    if (got <= 0) return PO_HTTP_END;
    feed(cx, server, conn, server->window, (size_t)got);
    return PO_HTTP_GO;
}

/* ---- sending -------------------------------------------------------------------------------------- */

static PO_RC find_stream(struct po_ctx *cx, const struct po_http_server *server, po_http_id id,
                         enum po_http_phase phase, struct po_http_conn **ret_conn)
{
    struct po_http_conn *conn = po_http_conn_of_id(server, id);
    if (conn == NULL || conn->phase != phase || conn->is_ending || conn->has_sent_close ||
        conn->is_broken)
        return PO_FAIL(cx, PO_NOTFOUND, "the stream has ended");
    *ret_conn = conn;
    return po_rc_ok();
}

/* May so many bytes more wait? */
static PO_RC check_room(struct po_ctx *cx, const struct po_http_server *server,
                        const struct po_http_conn *conn, size_t len)
{
    if (po_http_out_waiting(conn) + len > server->limits.stream_bytes_max)
        return PO_FAIL(cx, PO_BUSY, "the client does not take what was sent");
    return po_rc_ok();
}

static void after_sending(struct po_http_server *server, struct po_http_conn *conn)
{
    if (conn->is_broken || !po_http_out_is_empty(conn)) po_http_conn_make_ready(server, conn);
}

static bool is_one_line(po_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0') return false;
    return true;
}

static void append_data(struct po_buf *out, po_str data)
{
    size_t from = 0;
    for (size_t i = 0; i <= data.len; i++) {
        bool is_end = i == data.len || data.ptr[i] == '\n' || data.ptr[i] == '\r';
        if (!is_end) continue;
        po_buf_append_cstr(out, "data: ");
        po_buf_append(out, po_str_slice(data, from, i));
        po_buf_append_char(out, '\n');
        if (i + 1 < data.len && data.ptr[i] == '\r' && data.ptr[i + 1] == '\n') i++;
        from = i + 1;
    }
}

PO_RC po_http_event(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                    const struct po_http_event *event)
{
    struct po_http_conn *conn = NULL;
    PO_TRY(cx, find_stream(cx, server, id, PO_HTTP_PHASE_EVENTS, &conn));
    if (!is_one_line(event->id) || !is_one_line(event->name) ||
        po_utf8_find_invalid(event->id) != SIZE_MAX ||
        po_utf8_find_invalid(event->name) != SIZE_MAX ||
        po_utf8_find_invalid(event->data) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "an event holds what a stream cannot");
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, (size_t)server->limits.stream_bytes_max + 1);
    if (event->id.len > 0) po_buf_printf(&out, "id: %.*s\n", PO_STR_ARG(event->id));
    if (event->name.len > 0) po_buf_printf(&out, "event: %.*s\n", PO_STR_ARG(event->name));
    append_data(&out, event->data);
    po_buf_append_char(&out, '\n');
    if (out.status == PO_LIMIT) return PO_FAIL(cx, PO_BUSY, "the event is too large for a stream");
    PO_TRY_LEAF(cx, po_buf_check(&out), "no memory for an event");
    PO_TRY(cx, check_room(cx, server, conn, out.len));
    po_http_out(server, conn, po_buf_str(&out));
    after_sending(server, conn);
    return po_rc_ok();
}

PO_RC po_http_message_send(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                           enum po_http_message kind, po_str bytes)
{
    struct po_http_conn *conn = NULL;
    bool is_text = kind == PO_HTTP_MESSAGE_TEXT;
    PO_TRY(cx, find_stream(cx, server, id, PO_HTTP_PHASE_SOCKET, &conn));
    if (is_text && po_utf8_find_invalid(bytes) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "a text message is not UTF-8");
    PO_TRY(cx, check_room(cx, server, conn, bytes.len + 10));
    send_frame(server, conn, is_text ? PO_HTTP_WS_TEXT : PO_HTTP_WS_BINARY, bytes);
    after_sending(server, conn);
    return po_rc_ok();
}

void po_http_stream_close(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                          uint16_t ws_code)
{
    struct po_http_conn *conn = po_http_conn_of_id(server, id);
    (void)cx;
    if (conn == NULL) return;
    if (conn->phase == PO_HTTP_PHASE_SOCKET) po_http_socket_close(server, conn, ws_code);
    if (conn->phase == PO_HTTP_PHASE_EVENTS) conn->is_ending = true;
    po_http_conn_make_ready(server, conn);
}
