/*
 * What goes out: responses, refusals, and the end of a request.
 */
#include "core/sys_net.h"
#include "http/server_priv.h"

#define COPY_BYTES_MAX 16384 /* larger content is not copied behind its head */

size_t po_http_out_waiting(const struct po_http_conn *conn)
{
    return conn->out.len - conn->out_at + conn->tail.len;
}

bool po_http_out_is_empty(const struct po_http_conn *conn)
{
    return po_http_out_waiting(conn) == 0;
}

/* Send from the front; what is left stays in *bytes. */
static void send_some(struct po_http_server *server, struct po_http_conn *conn, po_str *bytes)
{
    while (bytes->len > 0 && !conn->is_broken) {
        ssize_t sent = po_http_conn_send(server, conn, *bytes);
        if (sent == -1) return;
        if (sent < 0)
            conn->is_broken = true;
        else
            *bytes = po_str_slice(*bytes, (size_t)sent, bytes->len);
    }
}

void po_http_out(struct po_http_server *server, struct po_http_conn *conn, po_str bytes)
{
    if (po_http_out_is_empty(conn)) send_some(server, conn, &bytes);
    if (bytes.len == 0 || conn->is_broken) return;
    if (conn->stalled_us == 0) conn->stalled_us = server->now_us;
    po_buf_append(&conn->out, bytes);
    if (!po_is_ok(po_buf_check(&conn->out))) conn->is_broken = true;
}

enum po_http_turn po_http_flush(struct po_http_server *server, struct po_http_conn *conn)
{
    po_str waits = po_str_slice(po_buf_str(&conn->out), conn->out_at, conn->out.len);
    send_some(server, conn, &waits);
    conn->out_at = conn->out.len - waits.len;
    if (waits.len == 0) send_some(server, conn, &conn->tail);
    if (conn->is_broken) return PO_HTTP_END;
    if (!po_http_out_is_empty(conn)) return PO_HTTP_WAIT;
    po_buf_done(&conn->out);
    po_buf_init(&conn->out, (size_t)PO_HTTP_BODY_BYTES_MAX + PO_HTTP_OUT_BYTES);
    if (conn->big.ptr != NULL) {
        po_buf_done(&conn->big);
        po_buf_init(&conn->big, PO_HTTP_RESPONSE_BODY_BYTES_MAX);
    }
    conn->out_at = 0;
    conn->stalled_us = 0;
    return PO_HTTP_GO;
}

/* ---- responses ------------------------------------------------------------------------------------ */

/* The content behind a head that lies in scratch. */
static void send_content(struct po_http_server *server, struct po_http_conn *conn,
                         struct po_http_response *res)
{
    po_str content = po_http_response_content(res);
    if (content.len <= COPY_BYTES_MAX) {
        po_buf_append(&server->scratch, content);
        if (!po_is_ok(po_buf_check(&server->scratch))) conn->is_broken = true;
        po_http_out(server, conn, po_buf_str(&server->scratch));
        return;
    }
    po_http_out(server, conn, po_buf_str(&server->scratch));
    conn->tail = content;
    if (res->has_static) return;
    conn->big = res->body; /* its owner from now on */
    po_buf_init(&res->body, PO_HTTP_RESPONSE_BODY_BYTES_MAX);
}

void po_http_respond(struct po_http_server *server, struct po_http_conn *conn,
                     struct po_http_response *res)
{
    bool is_stream = res->mode == PO_HTTP_MODE_EVENTS || res->mode == PO_HTTP_MODE_SOCKET;
    if (res->is_bad || !po_is_ok(po_buf_check(&res->fields)) ||
        !po_is_ok(po_buf_check(&res->body))) {
        conn->id = 0;
        is_stream = false;
        po_http_problem(res, 500, NULL);
    }
    if (res->close_after || server->is_draining) conn->close_after = true;
    if (!po_http_response_write_head(res, conn->close_after || res->mode == PO_HTTP_MODE_EVENTS))
        conn->is_broken = true;
    po_str content = po_http_response_content(res);
    int64_t more_ms = (int64_t)(content.len / PO_HTTP_RATE_BYTES_MIN) * 1000;
    if (is_stream) {
        po_http_out(server, conn, po_buf_str(&server->scratch));
        po_http_stream_begin(server, conn, res);
        return;
    }
    send_content(server, conn, res);
    po_http_conn_phase(server, conn, PO_HTTP_PHASE_WRITE, server->limits.write_ms + more_ms);
}

enum po_http_turn po_http_refuse(struct po_http_server *server, struct po_http_conn *conn,
                                 unsigned status)
{
    struct po_http_response *res = &server->answer;
    po_http_response_begin(res, server, conn);
    po_http_problem(res, status, NULL);
    conn->close_after = true;
    conn->has_refused = true;
    po_http_respond(server, conn, res);
    return PO_HTTP_GO;
}

static enum po_http_turn end_connection(struct po_http_server *server, struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    bool has_unread = conn->has_refused || (work != NULL && work->at < work->len);
    if (!has_unread) return PO_HTTP_END;
    /* Closing with unread bytes would reset the connection and take the answer with it. */
    if (conn->ssl != NULL) po_http_tls_end(conn);
    if (po_sys_shutdown_write(conn->fd) != 0) return PO_HTTP_END;
    po_http_conn_give_work(server, conn);
    conn->is_readable = true;
    po_http_conn_phase(server, conn, PO_HTTP_PHASE_LINGER, PO_HTTP_LINGER_MS);
    return PO_HTTP_GO;
}

void po_http_request_end(struct po_http_server *server, struct po_http_conn *conn)
{
    struct po_http_work *work = conn->work;
    server->bodies_bytes -= conn->body.len;
    if (conn->body.ptr != NULL) {
        po_buf_done(&conn->body);
        po_buf_init(&conn->body, (size_t)PO_HTTP_BODY_BYTES_MAX);
    }
    size_t left = work->len - work->at;
    if (left > 0) memmove(work->in, work->in + work->at, left);
    work->len = left;
    work->at = 0;
    work->req = (struct po_http_request){0};
    po_http_head_init(&work->head, work->in);
}

enum po_http_turn po_http_write(struct po_ctx *cx, struct po_http_server *server,
                                struct po_http_conn *conn)
{
    (void)cx;
    enum po_http_turn turn = po_http_flush(server, conn);
    if (turn != PO_HTTP_GO) return turn;
    if (conn->close_after) return end_connection(server, conn);
    po_http_request_end(server, conn);
    if (conn->work->len > 0) {
        po_http_conn_phase(server, conn, PO_HTTP_PHASE_HEAD, server->limits.head_ms);
        return PO_HTTP_GO;
    }
    po_http_conn_give_work(server, conn);
    po_http_conn_phase(server, conn, PO_HTTP_PHASE_IDLE, server->limits.idle_ms);
    return PO_HTTP_GO;
}
