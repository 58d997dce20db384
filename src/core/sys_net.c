/*
 * System calls on sockets and epoll.
 */
#include "core/sys_net.h"

#include "core/fault.h"

#include <errno.h>

/* As in sys.c: again and again until it ends otherwise than by EINTR. */
#define SYS_CALL(ret, name, expr)                                                                  \
    do {                                                                                           \
        (ret) = po_fault_check(PO_FAULT_SYS, (name)) ? -1 : (expr);                                \
    } while ((ret) == -1 && errno == EINTR)

int po_sys_socket(int domain, int type, int protocol)
{
    int ret = -1;
    SYS_CALL(ret, "socket", socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    return ret;
}

int po_sys_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    int ret = -1;
    SYS_CALL(ret, "bind", bind(fd, address, len));
    return ret;
}

int po_sys_listen(int fd, int backlog)
{
    int ret = -1;
    SYS_CALL(ret, "listen", listen(fd, backlog));
    return ret;
}

int po_sys_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int ret = -1;
    SYS_CALL(ret, "connect", connect(fd, address, len));
    return ret;
}

int po_sys_accept(int fd, struct sockaddr *ret_address, socklen_t *len)
{
    int ret = -1;
    SYS_CALL(ret, "accept", accept4(fd, ret_address, len, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return ret;
}

ssize_t po_sys_recv(int fd, void *buf, size_t len)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "recv", recv(fd, buf, po_fault_len(len), 0));
    return ret;
}

ssize_t po_sys_send(int fd, const void *buf, size_t len)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "send", send(fd, buf, po_fault_len(len), MSG_NOSIGNAL));
    return ret;
}

int po_sys_shutdown_write(int fd)
{
    int ret = -1;
    SYS_CALL(ret, "shutdown", shutdown(fd, SHUT_WR));
    return ret;
}

int po_sys_setsockopt_int(int fd, int level, int name, int value)
{
    int ret = -1;
    SYS_CALL(ret, "setsockopt", setsockopt(fd, level, name, &value, sizeof value));
    return ret;
}

int po_sys_getsockname(int fd, struct sockaddr *ret_address, socklen_t *len)
{
    int ret = -1;
    SYS_CALL(ret, "getsockname", getsockname(fd, ret_address, len));
    return ret;
}

int po_sys_epoll_create(void)
{
    int ret = -1;
    SYS_CALL(ret, "epoll_create", epoll_create1(EPOLL_CLOEXEC));
    return ret;
}

int po_sys_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    int ret = -1;
    SYS_CALL(ret, "epoll_ctl", epoll_ctl(epoll_fd, operation, fd, event));
    return ret;
}

int po_sys_epoll_wait(int epoll_fd, struct epoll_event *ret_events, int count, int timeout_ms)
{
    int ret = po_fault_check(PO_FAULT_SYS, "epoll_wait")
                  ? -1
                  : epoll_wait(epoll_fd, ret_events, count, timeout_ms);
    return ret == -1 && errno == EINTR ? 0 : ret;
}
