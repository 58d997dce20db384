/*
 * What comes in: heads, content, and what is dropped after a refusal.
 */
#include "http/server_priv.h"

/* Into the window behind `len`; GO when bytes came. */
static enum po_http_turn receive(struct po_http_server *server, struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    ssize_t got =
        po_http_conn_recv(server, conn, work->in + work->len, PO_HTTP_IN_BYTES - work->len);
    if (got == -1) return PO_HTTP_WAIT;
    if (got <= 0) return PO_HTTP_END;
    work->len += (size_t)got;
    return PO_HTTP_GO;
}

static int64_t with_rate(int64_t ms, uint64_t bytes)
{
    return ms + (int64_t)(bytes / PO_HTTP_RATE_BYTES_MIN) * 1000;
}

static enum po_http_turn handle(struct po_ctx *cx, struct po_http_server *server,
                                struct po_http_conn *conn, po_str body)
{
    struct po_http_response *res = &server->res;
    conn->work->req.body = body;
    po_http_response_begin(res, server, conn);
    server->config.handler.handle(cx, server->config.handler.user, &conn->work->req, res);
    if (res->mode == PO_HTTP_MODE_DEFER)
        return conn->phase == PO_HTTP_PHASE_HANDLE ? PO_HTTP_WAIT : PO_HTTP_GO;
    po_http_respond(server, conn, res);
    return PO_HTTP_GO;
}

static unsigned admit(struct po_http_server *server, struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    struct po_http_admission admission = {.body_bytes_max = server->limits.body_bytes_max};
    const struct po_http_handler *handler = &server->config.handler;
    if (handler->admit != NULL) handler->admit(handler->user, &work->req, &admission);
    if (admission.status != 0) return admission.status;
    conn->body_max = admission.body_bytes_max < PO_HTTP_BODY_BYTES_MAX ? admission.body_bytes_max
                                                                       : PO_HTTP_BODY_BYTES_MAX;
    return work->head.length > conn->body_max ? 413 : 0;
}

static enum po_http_turn begin_request(struct po_ctx *cx, struct po_http_server *server,
                                       struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    const struct po_http_head *head = &work->head;
    server->stats.requests++;
    conn->requests++;
    if (head->wants_close || server->is_draining || conn->requests >= server->limits.requests_max)
        conn->close_after = true;
    work->req = (struct po_http_request){
        .is_tls = conn->ssl != NULL, .peer = po_str_of(conn->peer_text), .listener = conn->tag};
    po_http_request_fill(head, &work->req);
    work->at = head->pos;
    unsigned status = admit(server, conn);
    if (status != 0) return po_http_refuse(server, conn, status);
    if (!head->has_coding && head->length == 0)
        return handle(cx, server, conn, po_str_n(work->in + work->at, 0));
    po_http_chunks_init(&work->chunks, conn->body_max);
    if (head->expects_continue && work->len == work->at)
        po_http_out(server, conn, PO_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    po_http_conn_phase(server, conn, PO_HTTP_PHASE_BODY,
                       with_rate(server->limits.body_ms, head->length));
    return PO_HTTP_GO;
}

static enum po_http_turn parse_head(struct po_ctx *cx, struct po_http_server *server,
                                    struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    enum po_http_parse state = po_http_head_parse(&work->head, work->len);
    if (state == PO_HTTP_PARSE_DONE) return begin_request(cx, server, conn);
    if (state == PO_HTTP_PARSE_MORE) return PO_HTTP_GO;
    server->stats.malformed++;
    return po_http_refuse(server, conn, work->head.status);
}

enum po_http_turn po_http_read_head(struct po_ctx *cx, struct po_http_server *server,
                                    struct po_http_conn *conn)
{
    if (conn->work == NULL && !conn->is_readable) return PO_HTTP_WAIT;
    if (!po_http_conn_take_work(server, conn)) return PO_HTTP_END;
    struct po_http_work *work = conn->work;
    if (work->head.pos < work->len) return parse_head(cx, server, conn);
    enum po_http_turn turn = receive(server, conn);
    if (turn == PO_HTTP_WAIT && work->len == 0) po_http_conn_give_work(server, conn);
    if (turn == PO_HTTP_GO && conn->phase == PO_HTTP_PHASE_IDLE)
        po_http_conn_phase(server, conn, PO_HTTP_PHASE_HEAD, server->limits.head_ms);
    return turn;
}

/* ---- content -------------------------------------------------------------------------------------- */

/* 0, or the status of a refusal. */
static unsigned keep(struct po_http_server *server, struct po_http_conn *conn, po_str bytes)
{
    if (server->bodies_bytes + bytes.len > server->limits.bodies_bytes_max) return 503;
    size_t before = conn->body.len;
    po_buf_append(&conn->body, bytes);
    server->bodies_bytes += conn->body.len - before;
    return po_is_ok(po_buf_check(&conn->body)) ? 0 : 503;
}

/* The window is used up: it can be filled again. */
static void empty_window(struct po_http_work *work)
{
    if (work->at != work->len) return;
    work->at = work->head.pos;
    work->len = work->head.pos;
}

static enum po_http_turn take_chunks(struct po_ctx *cx, struct po_http_server *server,
                                     struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    while (work->at < work->len) {
        po_str data = {0};
        size_t used = 0;
        po_str in = po_str_n(work->in + work->at, work->len - work->at);
        enum po_http_parse state = po_http_chunks_feed(&work->chunks, in, &used, &data);
        work->at += used;
        unsigned status = keep(server, conn, data);
        if (status != 0) return po_http_refuse(server, conn, status);
        if (state == PO_HTTP_PARSE_DONE) return handle(cx, server, conn, po_buf_str(&conn->body));
        if (state == PO_HTTP_PARSE_BAD) {
            server->stats.malformed++;
            return po_http_refuse(server, conn, work->chunks.status);
        }
    }
    empty_window(work);
    return receive(server, conn);
}

/* Content that the window has room for is handed over where it lies. */
static enum po_http_turn take_in_place(struct po_ctx *cx, struct po_http_server *server,
                                       struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    size_t length = (size_t)work->head.length;
    if (work->len - work->at < length) return receive(server, conn);
    po_str body = po_str_n(work->in + work->at, length);
    work->at += length;
    return handle(cx, server, conn, body);
}

static enum po_http_turn take_large(struct po_ctx *cx, struct po_http_server *server,
                                    struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    size_t left = (size_t)work->head.length - conn->body.len;
    size_t here = work->len - work->at < left ? work->len - work->at : left;
    unsigned status = keep(server, conn, po_str_n(work->in + work->at, here));
    if (status != 0) return po_http_refuse(server, conn, status);
    work->at += here;
    if (here == left) return handle(cx, server, conn, po_buf_str(&conn->body));
    empty_window(work);
    return receive(server, conn);
}

enum po_http_turn po_http_read_body(struct po_ctx *cx, struct po_http_server *server,
                                    struct po_http_conn *conn)
{
    const struct po_http_head *head = &conn->work->head;
    if (!po_http_out_is_empty(conn)) (void)po_http_flush(server, conn); /* 100 Continue */
    if (head->has_coding) return take_chunks(cx, server, conn);
    if (head->length <= (uint64_t)(PO_HTTP_IN_BYTES - head->pos))
        return take_in_place(cx, server, conn);
    return take_large(cx, server, conn);
}

enum po_http_turn po_http_read_linger(struct po_http_server *server, struct po_http_conn *conn)
{
    ssize_t got = po_http_conn_recv(server, conn, server->window, PO_HTTP_IN_BYTES);
    if (got == -1) return PO_HTTP_WAIT;
    if (got <= 0) return PO_HTTP_END;
    conn->drained += (size_t)got;
    return conn->drained > PO_HTTP_LINGER_BYTES_MAX ? PO_HTTP_END : PO_HTTP_GO;
}
