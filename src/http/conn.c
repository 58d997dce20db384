/*
 * One connection: its life, its phases, and what drives it on.
 */
#include "core/alloc.h"
#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "http/loop_priv.h"

#include <errno.h>

static bool begin_watching(struct po_http_server *server, struct po_http_conn *conn)
{
    uint64_t key = po_http_event_key(PO_HTTP_EVENT_CONN, conn->generation, conn->slot);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = key};
    conn->events = EPOLLIN;
    return po_sys_epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) == 0;
}

static void conn_freep(struct po_http_conn **conn)
{
    if (*conn == NULL) return;
    SSL_free((*conn)->ssl);
    po_fd_closep(&(*conn)->fd);
    po_free(*conn);
}

PO_RC po_http_conn_new(struct po_ctx *cx, struct po_http_server *server, int fd, bool is_tls,
                       struct po_http_conn **ret_conn)
{
    PO_FD_AUTO socket_fd = fd;
    PO_CLEANUP(conn_freep) struct po_http_conn *conn = po_calloc(1, sizeof *conn);
    if (conn == NULL) return PO_FAIL(cx, PO_NOMEM, "no memory for a connection");
    conn->fd = PO_TAKE_FD(socket_fd);
    conn->peer = UINT32_MAX;
    memcpy(conn->peer_text, "unix", 5);
    conn->generation = ++server->generation & 0xfffffffu;
    conn->is_writable = true;
    po_buf_init(&conn->body, (size_t)PO_HTTP_BODY_BYTES_MAX);
    po_buf_init(&conn->out, (size_t)PO_HTTP_BODY_BYTES_MAX + PO_HTTP_OUT_BYTES);
    po_buf_init(&conn->big, PO_HTTP_RESPONSE_BODY_BYTES_MAX);
    if (is_tls) PO_TRY(cx, po_http_tls_attach(cx, server, conn));
    conn->slot = server->free_slots[server->free_count - 1];
    if (!begin_watching(server, conn))
        return PO_FAIL_SYS(cx, PO_IO, errno, "watching a connection");
    server->free_count--;
    server->conns[conn->slot] = conn;
    conn->is_readable = true; /* the first bytes often come with the connection */
    if (is_tls)
        po_http_conn_phase(server, conn, PO_HTTP_PHASE_HANDSHAKE, server->limits.tls_ms);
    else
        po_http_conn_phase(server, conn, PO_HTTP_PHASE_HEAD, server->limits.head_ms);
    *ret_conn = PO_TAKE(conn);
    return po_rc_ok();
}

void po_http_conn_close(struct po_ctx *cx, struct po_http_server *server, struct po_http_conn *conn)
{
    if (conn->is_closed) return;
    conn->is_closed = true;
    if (conn->ssl != NULL && !conn->is_broken) po_http_tls_end(conn);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    po_fd_closep(&conn->fd);
    po_http_timer_remove(server, conn);
    po_http_list_remove(&conn->idle);
    po_http_list_remove(&conn->ready);
    po_http_peers_give(&server->peers, conn->peer);
    server->conns[conn->slot] = NULL;
    server->free_slots[server->free_count++] = conn->slot;
    server->bodies_bytes -= conn->body.len;
    po_buf_done(&conn->body);
    po_buf_done(&conn->out);
    po_buf_done(&conn->big);
    po_http_conn_give_work(server, conn);
    uint64_t id = conn->id;
    uint16_t code = conn->ws != NULL && conn->ws->close_code != 0 ? conn->ws->close_code : 1006;
    if (conn->ws != NULL) po_http_ws_done(conn->ws);
    po_free(conn->ws);
    conn->ws = NULL;
    conn->id = 0;
    conn->timer.next = (struct po_http_list *)(void *)server->dead;
    server->dead = conn;
    if (id != 0 && server->config.handler.gone != NULL)
        server->config.handler.gone(cx, server->config.handler.user, (po_http_id){id}, code);
}

bool po_http_conn_take_work(struct po_http_server *server, struct po_http_conn *conn)
{
    if (conn->work != NULL) return true;
    struct po_http_work *work = server->works;
    if (work != NULL) {
        server->works = work->next;
        server->work_count--;
    } else {
        work = po_calloc(1, sizeof *work);
    }
    if (work == NULL) return false;
    work->at = 0;
    work->len = 0;
    work->req = (struct po_http_request){0};
    po_http_head_init(&work->head, work->in);
    conn->work = work;
    return true;
}

void po_http_conn_give_work(struct po_http_server *server, struct po_http_conn *conn)
{
    struct po_http_work *work = PO_TAKE(conn->work);
    if (work == NULL) return;
    if (server->work_count >= PO_HTTP_WORKS_KEPT) {
        po_free(work);
        return;
    }
    work->next = server->works;
    server->works = work;
    server->work_count++;
}

void po_http_conn_make_ready(struct po_http_server *server, struct po_http_conn *conn)
{
    if (!conn->is_closed && conn->ready.next == NULL)
        po_http_list_add(&server->ready, &conn->ready);
}

void po_http_conn_phase(struct po_http_server *server, struct po_http_conn *conn,
                        enum po_http_phase phase, int64_t ms)
{
    if (phase == PO_HTTP_PHASE_IDLE)
        po_http_list_add(&server->idle, &conn->idle);
    else
        po_http_list_remove(&conn->idle);
    conn->phase = phase;
    po_http_timer_set(server, conn, ms);
}

struct po_http_conn *po_http_conn_of_id(const struct po_http_server *server, po_http_id id)
{
    uint32_t slot = (uint32_t)(id.value & 0xffff);
    if (id.value == 0 || slot >= server->limits.connections_max) return NULL;
    struct po_http_conn *conn = server->conns[slot];
    return conn != NULL && conn->id == id.value ? conn : NULL;
}

/* ---- moving bytes --------------------------------------------------------------------------------- */

ssize_t po_http_conn_recv(struct po_http_server *server, struct po_http_conn *conn, char *buf,
                          size_t len)
{
    ssize_t got = -1;
    if (!conn->is_readable) return -1;
    if (conn->ssl != NULL) {
        got = po_http_tls_recv(conn, buf, len);
        if (got == -1) conn->is_readable = false;
    } else {
        got = po_sys_recv(conn->fd, buf, len);
        bool is_empty = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (got < 0 && !is_empty) return -2;
        /* Fewer bytes than asked for: epoll will tell of more, or of the end. */
        if (is_empty || (got > 0 && (size_t)got < len)) conn->is_readable = false;
    }
    if (got > 0) server->stats.bytes_in += (uint64_t)got;
    return got;
}

ssize_t po_http_conn_send(struct po_http_server *server, struct po_http_conn *conn, po_str bytes)
{
    ssize_t sent = -1;
    if (!conn->is_writable) return -1;
    if (conn->ssl != NULL) {
        sent = po_http_tls_send(conn, bytes);
    } else {
        sent = po_sys_send(conn->fd, bytes.ptr, bytes.len);
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return -2;
    }
    if (sent == -1) conn->is_writable = false;
    if (sent > 0) server->stats.bytes_out += (uint64_t)sent;
    return sent;
}

/* ---- driving -------------------------------------------------------------------------------------- */

static enum po_http_turn run_phase(struct po_ctx *cx, struct po_http_server *server,
                                   struct po_http_conn *conn)
{
    switch (conn->phase) {
    case PO_HTTP_PHASE_HANDSHAKE: return po_http_tls_handshake(server, conn);
    case PO_HTTP_PHASE_IDLE:
    case PO_HTTP_PHASE_HEAD: return po_http_read_head(cx, server, conn);
    case PO_HTTP_PHASE_BODY: return po_http_read_body(cx, server, conn);
    case PO_HTTP_PHASE_HANDLE: return PO_HTTP_WAIT;
    case PO_HTTP_PHASE_WRITE: return po_http_write(cx, server, conn);
    case PO_HTTP_PHASE_EVENTS: return po_http_run_events(server, conn);
    case PO_HTTP_PHASE_SOCKET: return po_http_run_socket(cx, server, conn);
    case PO_HTTP_PHASE_LINGER: return po_http_read_linger(server, conn);
    }
    return PO_HTTP_END;
}

/* Ask epoll for what this phase waits for. */
static void update_events(struct po_http_server *server, struct po_http_conn *conn)
{
    bool reads = conn->phase != PO_HTTP_PHASE_HANDLE && conn->phase != PO_HTTP_PHASE_WRITE;
    bool writes = conn->wants_write || (!po_http_out_is_empty(conn) && !conn->is_writable);
    uint32_t events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
    if (events == conn->events) return;
    struct epoll_event event = {
        .events = events,
        .data.u64 = po_http_event_key(PO_HTTP_EVENT_CONN, conn->generation, conn->slot)};
    if (po_sys_epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) == 0)
        conn->events = events;
    else
        conn->is_broken = true;
}

void po_http_conn_run(struct po_ctx *cx, struct po_http_server *server, struct po_http_conn *conn)
{
    enum po_http_turn turn = PO_HTTP_GO;
    for (int rounds = 0; turn == PO_HTTP_GO && !conn->is_closed; rounds++) {
        turn = conn->is_broken ? PO_HTTP_END : run_phase(cx, server, conn);
        if (turn == PO_HTTP_GO && rounds >= 4 * PO_HTTP_READS_MAX) {
            po_http_conn_make_ready(server, conn); /* others first */
            break;
        }
    }
    if (conn->is_closed) return;
    if (turn != PO_HTTP_END) update_events(server, conn);
    if (turn == PO_HTTP_END || conn->is_broken) po_http_conn_close(cx, server, conn);
}

void po_http_conn_expire(struct po_ctx *cx, struct po_http_server *server,
                         struct po_http_conn *conn)
{
    enum po_http_turn turn = PO_HTTP_END;
    bool has_begun = conn->work != NULL && conn->work->len > 0;
    uint64_t id = conn->id;
    if (conn->phase == PO_HTTP_PHASE_EVENTS || conn->phase == PO_HTTP_PHASE_SOCKET) {
        turn = po_http_stream_tick(server, conn);
        if (turn == PO_HTTP_END) server->stats.timeouts++;
    } else if (conn->phase != PO_HTTP_PHASE_LINGER && conn->phase != PO_HTTP_PHASE_IDLE) {
        server->stats.timeouts++;
        if (conn->phase == PO_HTTP_PHASE_BODY || (conn->phase == PO_HTTP_PHASE_HEAD && has_begun))
            turn = po_http_refuse(server, conn, 408);
        if (conn->phase == PO_HTTP_PHASE_HANDLE) {
            conn->id = 0;
            turn = po_http_refuse(server, conn, 503);
            if (server->config.handler.gone != NULL)
                server->config.handler.gone(cx, server->config.handler.user, (po_http_id){id}, 0);
        }
    }
    if (turn == PO_HTTP_END)
        po_http_conn_close(cx, server, conn);
    else
        po_http_conn_run(cx, server, conn);
}
