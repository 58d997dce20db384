/*
 * Listeners, and the admission of connections: in total, by address.
 */
#include "core/alloc.h"
#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "http/loop_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#define BACKLOG 1024

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

static PO_RC parse_address(struct po_ctx *cx, const struct po_http_listen *listen,
                           struct address *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&ret->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ret->storage;
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&ret->storage;
    *ret = (struct address){0};
    if (listen->address == NULL) {
        if (listen->unix_path == NULL || strlen(listen->unix_path) >= sizeof un->sun_path)
            return PO_FAIL(cx, PO_INVALID, "not the path of a socket");
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, listen->unix_path, strlen(listen->unix_path) + 1);
        ret->len = sizeof *un;
    } else if (inet_pton(AF_INET, listen->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(listen->port);
        ret->len = sizeof *v4;
    } else if (inet_pton(AF_INET6, listen->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(listen->port);
        ret->len = sizeof *v6;
    } else {
        return PO_FAIL(cx, PO_INVALID, "'%s' is no address to listen on", listen->address);
    }
    return po_rc_ok();
}

/* A socket that an earlier run left behind; anything else at the path stays. */
static PO_RC remove_leftover(struct po_ctx *cx, const char *path)
{
    struct stat st;
    if (po_sys_lstat(path, &st) != 0) return po_rc_ok();
    if (!S_ISSOCK(st.st_mode)) return PO_FAIL(cx, PO_EXISTS, "'%s' is there and no socket", path);
    return po_fs_unlink(cx, path);
}

static PO_RC set_options(struct po_ctx *cx, int fd, int family)
{
    int ret = 0;
    if (family != AF_UNIX) {
        ret |= po_sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        ret |= po_sys_setsockopt_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (family == AF_INET6) ret |= po_sys_setsockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (ret != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "setting socket options");
    return po_rc_ok();
}

static PO_RC bind_and_listen(struct po_ctx *cx, int fd, const struct po_http_listen *listen,
                             const struct address *address)
{
    const char *name = listen->address != NULL ? listen->address : listen->unix_path;
    PO_TRY(cx, set_options(cx, fd, address->storage.ss_family));
    if (listen->address == NULL) PO_TRY(cx, remove_leftover(cx, listen->unix_path));
    const struct sockaddr *sa = (const struct sockaddr *)(const void *)&address->storage;
    if (po_sys_bind(fd, sa, address->len) != 0) {
        enum po_code code = errno == EADDRINUSE ? PO_BUSY : po_fs_code_of_errno(errno);
        return PO_FAIL_SYS(cx, code, errno, "listening on '%s' port %u", name, listen->port);
    }
    if (listen->address == NULL)
        PO_TRY(cx, po_fs_chmod(cx, listen->unix_path,
                               listen->unix_mode != 0 ? listen->unix_mode : 0600));
    if (po_sys_listen(fd, BACKLOG) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "listening on '%s'", name);
    return po_rc_ok();
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    if (po_sys_getsockname(fd, (struct sockaddr *)(void *)&storage, &len) != 0) return 0;
    if (storage.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&storage)->sin_port);
    if (storage.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&storage)->sin6_port);
    return 0;
}

PO_RC po_http_server_listen(struct po_ctx *cx, struct po_http_server *server,
                            const struct po_http_listen *listen, uint16_t *ret_port)
{
    struct address address;
    if (server->listener_count == PO_HTTP_LISTENERS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d listeners", PO_HTTP_LISTENERS_MAX);
    if (listen->is_tls && server->tls == NULL)
        return PO_FAIL(cx, PO_INVALID, "a TLS listener needs a certificate first");
    PO_TRY(cx, parse_address(cx, listen, &address));
    PO_FD_AUTO fd = po_sys_socket(address.storage.ss_family, SOCK_STREAM, 0);
    if (fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "making a socket");
    PO_TRY(cx, bind_and_listen(cx, fd, listen, &address));
    uint16_t port = port_of(fd);
    uint32_t index = (uint32_t)server->listener_count;
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = po_http_event_key(PO_HTTP_EVENT_LISTENER, 0, index)};
    if (po_sys_epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "watching a listener");
    server->listeners[index] =
        (struct po_http_listener){PO_TAKE_FD(fd), listen->is_tls, listen->tag};
    server->listener_count++;
    *ret_port = port;
    return po_rc_ok();
}

void po_http_listeners_close(struct po_http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        po_fd_closep(&server->listeners[i].fd);
    server->listener_count = 0;
    server->has_paused = false;
}

void po_http_listeners_pause(struct po_http_server *server, bool is_paused)
{
    server->has_paused = is_paused;
    server->pause_until_us = server->now_us + PO_HTTP_ACCEPT_PAUSE_US;
    for (uint32_t i = 0; i < server->listener_count; i++) {
        struct epoll_event event = {.events = is_paused ? 0 : EPOLLIN,
                                    .data.u64 = po_http_event_key(PO_HTTP_EVENT_LISTENER, 0, i)};
        (void)po_sys_epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listeners[i].fd, &event);
    }
}

/* ---- accepting ------------------------------------------------------------------------------------ */

/* A free slot, if need be by closing what has been idle for longest. */
static bool make_room(struct po_ctx *cx, struct po_http_server *server)
{
    if (server->free_count > 0) return true;
    if (po_http_list_is_empty(&server->idle)) return false;
    struct po_http_conn *oldest =
        (struct po_http_conn *)(void *)((char *)server->idle.next -
                                        offsetof(struct po_http_conn, idle));
    server->stats.evicted++;
    po_http_conn_close(cx, server, oldest);
    return true;
}

static void admit(struct po_ctx *cx, struct po_http_server *server, int accepted,
                  const struct sockaddr_storage *address, const struct po_http_listener *listener)
{
    PO_FD_AUTO fd = accepted;
    uint8_t key[16];
    char text[PO_HTTP_PEER_TEXT_BYTES];
    uint32_t peer = UINT32_MAX;
    struct po_http_conn *conn = NULL;
    server->stats.accepted++;
    bool is_counted = po_http_peer_of(address, key, text);
    if (is_counted &&
        !po_http_peers_take(&server->peers, key, server->limits.address_connections_max, &peer)) {
        server->stats.refused_address++;
        return;
    }
    bool has_room = make_room(cx, server);
    po_rc rc = has_room ? po_http_conn_new(cx, server, PO_TAKE_FD(fd), listener->is_tls, &conn)
                        : po_rc_of(PO_LIMIT);
    if (!po_is_ok(rc)) {
        server->stats.refused_total++;
        po_http_peers_give(&server->peers, peer);
        po_err_clear(cx);
        return;
    }
    conn->peer = peer;
    conn->tag = listener->tag;
    memcpy(conn->peer_text, text, sizeof text);
    po_http_conn_run(cx, server, conn);
}

void po_http_listener_accept(struct po_ctx *cx, struct po_http_server *server,
                             const struct po_http_listener *listener)
{
    for (int i = 0; i < PO_HTTP_ACCEPTS_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = po_sys_accept(listener->fd, (struct sockaddr *)(void *)&address, &len);
        if (fd < 0) {
            /* Without descriptors or memory the listener would be ready for ever: wait a little. */
            bool is_short =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (is_short) po_http_listeners_pause(server, true);
            return;
        }
        admit(cx, server, fd, &address, listener);
    }
}

PO_RC po_http_server_adopt(struct po_ctx *cx, struct po_http_server *server, int fd, bool is_tls)
{
    struct po_http_conn *conn = NULL;
    PO_FD_AUTO owned = fd;
    server->now_us = server->clock->monotonic_us(server->clock->user);
    if (server->free_count == 0) return PO_FAIL(cx, PO_LIMIT, "too many connections");
    PO_TRY(cx, po_http_conn_new(cx, server, PO_TAKE_FD(owned), is_tls, &conn));
    server->stats.accepted++;
    po_http_conn_make_ready(server, conn);
    return po_rc_ok();
}
