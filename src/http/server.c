/*
 * The loop: descriptors that are ready, connections that can go on, deadlines that have passed.
 *
 * Invariants
 *  1. one thread; no call waits but epoll_wait.
 *  2. every connection but a stream without unsent bytes has a deadline, and no byte of its client
 *     moves it.
 *  3. a connection's struct outlives the turn in which it was closed; its slot and generation do not,
 *     so an event or id of it finds nothing.
 *  4. handlers are called from here only, never from a function of theirs.
 *
 *   accept -> HANDSHAKE -> HEAD -> BODY -> HANDLE -> WRITE -> IDLE -> HEAD ...
 *                          |bad            |        |-> EVENTS, SOCKET
 *                          +-> WRITE -> LINGER -> closed
 */
#include "http/server_priv.h"

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "http/loop_priv.h"

#include <errno.h>

static void set_u32(uint32_t *limit, uint32_t value)
{
    if (*limit == 0) *limit = value;
}
static void set_i64(int64_t *limit, int64_t value)
{
    if (*limit == 0) *limit = value;
}
static void set_u64(uint64_t *limit, uint64_t value)
{
    if (*limit == 0) *limit = value;
}

static void set_defaults(struct po_http_limits *limits)
{
    set_u32(&limits->connections_max, 10240);
    set_u32(&limits->address_connections_max, 64);
    set_u32(&limits->requests_max, 10000);
    set_i64(&limits->tls_ms, 10000);
    set_i64(&limits->head_ms, 10000);
    set_i64(&limits->body_ms, 30000);
    set_i64(&limits->handle_ms, 30000);
    set_i64(&limits->write_ms, 30000);
    set_i64(&limits->idle_ms, 60000);
    set_i64(&limits->ws_ping_ms, 30000);
    set_u64(&limits->body_bytes_max, (uint64_t)1 << 20);
    set_u64(&limits->bodies_bytes_max, (uint64_t)64 << 20);
    set_u64(&limits->stream_bytes_max, (uint64_t)1 << 20);
    set_u64(&limits->ws_message_bytes_max, (uint64_t)64 << 10);
}

static PO_RC check_limits(struct po_ctx *cx, const struct po_http_limits *limits)
{
    if (limits->connections_max > PO_HTTP_CONNECTIONS_MAX)
        return PO_FAIL(cx, PO_INVALID, "more than %d connections", PO_HTTP_CONNECTIONS_MAX);
    if (limits->body_bytes_max > PO_HTTP_BODY_BYTES_MAX ||
        limits->ws_message_bytes_max > PO_HTTP_BODY_BYTES_MAX ||
        limits->stream_bytes_max > PO_HTTP_BODY_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "more than %zu bytes in one message",
                       (size_t)PO_HTTP_BODY_BYTES_MAX);
    if (limits->tls_ms < 0 || limits->head_ms < 0 || limits->body_ms < 0 || limits->handle_ms < 0 ||
        limits->write_ms < 0 || limits->idle_ms < 0 || limits->ws_ping_ms < 0)
        return PO_FAIL(cx, PO_INVALID, "a time limit is negative");
    return po_rc_ok();
}

static PO_RC allocate(struct po_ctx *cx, struct po_http_server *server)
{
    uint32_t max = server->limits.connections_max;
    server->conns = po_calloc(max, sizeof(struct po_http_conn *));
    server->free_slots = po_calloc(max, sizeof *server->free_slots);
    server->window = po_calloc(PO_HTTP_IN_BYTES, 1);
    if (server->conns == NULL || server->free_slots == NULL || server->window == NULL)
        return PO_FAIL(cx, PO_NOMEM, "no memory for %u connections", max);
    for (uint32_t i = 0; i < max; i++)
        server->free_slots[i] = max - 1 - i;
    server->free_count = max;
    return po_http_peers_init(cx, &server->peers, max);
}

PO_RC po_http_server_new(struct po_ctx *cx, const struct po_http_config *config,
                         struct po_http_server **ret_server)
{
    PO_CLEANUP(po_http_server_freep)
    struct po_http_server *server = po_calloc(1, sizeof *server);
    if (server == NULL) return PO_FAIL(cx, PO_NOMEM, "no memory for a server");
    server->epoll_fd = -1;
    server->config = *config;
    server->limits = config->limits;
    server->clock = cx->clock;
    server->now_us = cx->clock->monotonic_us(cx->clock->user);
    for (size_t i = 0; i < PO_HTTP_WATCHES_MAX; i++)
        server->watches[i].fd = -1;
    po_http_list_init(&server->idle);
    po_http_list_init(&server->ready);
    po_http_timer_init(server);
    po_http_response_init(&server->res);
    po_http_response_init(&server->answer);
    po_buf_init(&server->scratch, PO_HTTP_RESPONSE_HEAD_BYTES_MAX + PO_HTTP_OUT_BYTES);
    set_defaults(&server->limits);
    PO_TRY(cx, check_limits(cx, &server->limits));
    PO_TRY(cx, allocate(cx, server));
    server->epoll_fd = po_sys_epoll_create();
    if (server->epoll_fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "setting up the event loop");
    *ret_server = PO_TAKE(server);
    return po_rc_ok();
}

static void free_dead(struct po_http_server *server)
{
    while (server->dead != NULL) {
        struct po_http_conn *conn = server->dead;
        server->dead = (struct po_http_conn *)(void *)conn->timer.next;
        po_free(conn);
    }
}

static void free_conns(struct po_http_server *server)
{
    server->config.handler.gone = NULL;
    for (uint32_t i = 0; server->conns != NULL && i < server->limits.connections_max; i++)
        if (server->conns[i] != NULL) po_http_conn_close(NULL, server, server->conns[i]);
    free_dead(server);
    while (server->works != NULL) {
        struct po_http_work *work = server->works;
        server->works = work->next;
        po_free(work);
    }
}

void po_http_server_free(struct po_http_server *server)
{
    if (server == NULL) return;
    free_conns(server);
    po_http_listeners_close(server);
    po_fd_closep(&server->epoll_fd);
    po_http_peers_done(&server->peers);
    po_http_response_done(&server->res);
    po_http_response_done(&server->answer);
    po_buf_done(&server->scratch);
    SSL_CTX_free(server->tls);
    BIO_meth_free(server->bio);
    po_free(server->conns);
    po_free(server->free_slots);
    po_free(server->window);
    po_free(server);
}

void po_http_server_freep(struct po_http_server **server)
{
    po_http_server_free(*server);
    *server = NULL;
}

/* ---- watches ------------------------------------------------------------------------------------- */

uint64_t po_http_event_key(enum po_http_event_kind kind, uint32_t generation, uint32_t index)
{
    return (uint64_t)kind << 60 | (uint64_t)(generation & 0xfffffffu) << 32 | index;
}

PO_RC po_http_server_watch(struct po_ctx *cx, struct po_http_server *server, int fd,
                           po_http_watch *watch, void *user)
{
    uint32_t i = 0;
    while (i < PO_HTTP_WATCHES_MAX && server->watches[i].fd != -1)
        i++;
    if (i == PO_HTTP_WATCHES_MAX) return PO_FAIL(cx, PO_LIMIT, "too many watched descriptors");
    uint32_t generation = ++server->generation;
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = po_http_event_key(PO_HTTP_EVENT_WATCH, generation, i)};
    if (po_sys_epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "watching a descriptor");
    server->watches[i] = (struct po_http_watched){fd, generation & 0xfffffffu, watch, user};
    return po_rc_ok();
}

void po_http_server_unwatch(struct po_http_server *server, int fd)
{
    for (size_t i = 0; i < PO_HTTP_WATCHES_MAX; i++) {
        if (server->watches[i].fd != fd) continue;
        struct epoll_event none = {0};
        (void)po_sys_epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, fd, &none);
        server->watches[i] = (struct po_http_watched){.fd = -1};
    }
}

/* ---- a turn -------------------------------------------------------------------------------------- */

static void conn_event(struct po_ctx *cx, struct po_http_server *server, uint32_t index,
                       uint32_t generation, uint32_t events)
{
    struct po_http_conn *conn = server->conns[index];
    if (conn == NULL || conn->generation != generation) return;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && conn->phase == PO_HTTP_PHASE_HANDLE)
        conn->is_broken = true;
    conn->is_readable |= (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    /* Reading may have had to write first (TLS). */
    if (conn->wants_write && (events & EPOLLOUT) != 0) conn->is_readable = true;
    conn->is_writable |= (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0;
    po_http_conn_run(cx, server, conn);
}

static void dispatch(struct po_ctx *cx, struct po_http_server *server,
                     const struct epoll_event *event)
{
    uint64_t key = event->data.u64;
    uint32_t index = (uint32_t)key;
    uint32_t generation = (uint32_t)(key >> 32) & 0xfffffffu;
    enum po_http_event_kind kind = (enum po_http_event_kind)(key >> 60);
    if (kind == PO_HTTP_EVENT_CONN) conn_event(cx, server, index, generation, event->events);
    if (kind == PO_HTTP_EVENT_LISTENER && index < server->listener_count)
        po_http_listener_accept(cx, server, &server->listeners[index]);
    if (kind == PO_HTTP_EVENT_WATCH) {
        struct po_http_watched *watched = &server->watches[index];
        if (watched->fd != -1 && watched->generation == generation)
            watched->watch(cx, watched->user, watched->fd);
    }
}

static void run_ready(struct po_ctx *cx, struct po_http_server *server)
{
    struct po_http_list now;
    if (po_http_list_is_empty(&server->ready)) return;
    /* What becomes ready meanwhile has its turn next time. */
    now = server->ready;
    now.next->prev = &now;
    now.prev->next = &now;
    po_http_list_init(&server->ready);
    while (!po_http_list_is_empty(&now)) {
        struct po_http_conn *conn =
            (struct po_http_conn *)(void *)((char *)now.next -
                                            offsetof(struct po_http_conn, ready));
        po_http_list_remove(&conn->ready);
        po_http_conn_run(cx, server, conn);
    }
}

static void run_deadlines(struct po_ctx *cx, struct po_http_server *server)
{
    struct po_http_conn *conn = NULL;
    while ((conn = po_http_timer_next(server)) != NULL)
        po_http_conn_expire(cx, server, conn);
    if (server->has_paused && server->now_us >= server->pause_until_us)
        po_http_listeners_pause(server, false);
    if (!server->is_draining || server->drain_us == 0 || server->now_us < server->drain_us) return;
    for (uint32_t i = 0; i < server->limits.connections_max; i++)
        if (server->conns[i] != NULL) po_http_conn_close(cx, server, server->conns[i]);
}

static int wait_of(const struct po_http_server *server, int wait_ms)
{
    if (!po_http_list_is_empty(&server->ready)) return 0;
    int wait = po_http_timer_wait_ms(server, wait_ms);
    if ((server->has_paused || server->is_draining) && (wait < 0 || wait > 100)) wait = 100;
    return wait;
}

PO_RC po_http_server_step(struct po_ctx *cx, struct po_http_server *server, int wait_ms)
{
    struct epoll_event events[PO_HTTP_EVENTS_MAX];
    int count =
        po_sys_epoll_wait(server->epoll_fd, events, PO_HTTP_EVENTS_MAX, wait_of(server, wait_ms));
    int why = errno;
    server->now_us = server->clock->monotonic_us(server->clock->user);
    for (int i = 0; i < count; i++)
        dispatch(cx, server, &events[i]);
    run_ready(cx, server);
    run_deadlines(cx, server);
    free_dead(server);
    if (count < 0) return PO_FAIL_SYS(cx, PO_IO, why, "waiting for connections");
    return po_rc_ok();
}

int po_http_server_fd(const struct po_http_server *server) { return server->epoll_fd; }

struct po_http_stats po_http_server_stats(const struct po_http_server *server)
{
    struct po_http_stats stats = server->stats;
    stats.open = server->limits.connections_max - server->free_count;
    return stats;
}

/* ---- draining ------------------------------------------------------------------------------------ */

void po_http_server_drain(struct po_ctx *cx, struct po_http_server *server, int64_t within_ms)
{
    server->is_draining = true;
    server->now_us = server->clock->monotonic_us(server->clock->user);
    server->drain_us = server->now_us + within_ms * PO_US_PER_MS;
    server->rest_us = server->now_us + PO_HTTP_DRAIN_REST_MS * PO_US_PER_MS;
    po_http_listeners_close(server);
    for (uint32_t i = 0; i < server->limits.connections_max; i++) {
        struct po_http_conn *conn = server->conns[i];
        if (conn == NULL) continue;
        bool has_bytes = conn->work != NULL && conn->work->len > 0;
        if (conn->phase == PO_HTTP_PHASE_SOCKET) po_http_socket_close(server, conn, 1001);
        if (conn->phase == PO_HTTP_PHASE_EVENTS) conn->is_ending = true;
        conn->close_after = true;
        if (conn->phase == PO_HTTP_PHASE_IDLE || (conn->phase == PO_HTTP_PHASE_HEAD && !has_bytes))
            po_http_conn_close(cx, server, conn);
        else
            po_http_conn_make_ready(server, conn);
        if (server->conns[i] == conn) po_http_timer_drain(server, conn);
    }
}

bool po_http_server_is_drained(const struct po_http_server *server)
{
    return server->is_draining && server->free_count == server->limits.connections_max;
}
