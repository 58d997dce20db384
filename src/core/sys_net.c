/*
 * System calls on sockets and epoll.
 */
#include "core/sys_net.h"

#include "core/fault.h"
#include "core/power_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
    if (ret == 0) po_power_bound(address, len);
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

int po_sys_peer(int fd, uid_t *ret_uid, pid_t *ret_pid)
{
    int ret = -1;
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    SYS_CALL(ret, "getsockopt", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len));
    if (ret != 0) return ret;
    *ret_uid = peer.uid;
    *ret_pid = peer.pid;
    return 0;
}

/* Room for one descriptor beside the bytes, aligned as the kernel wants it. */
union passed {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

ssize_t po_sys_send_fd(int fd, const void *buf, size_t len, int passed_fd)
{
    ssize_t ret = -1;
    union passed control = {.bytes = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)buf, .iov_len = po_fault_len(len)};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &passed_fd, sizeof passed_fd);
    SYS_CALL(ret, "sendmsg", sendmsg(fd, &msg, MSG_NOSIGNAL));
    return ret;
}

/* Descriptors beyond the first of a message are not taken: the kernel closes what does not fit. */
static int take_passed(struct msghdr *msg)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(msg);
    int fd = -1;
    if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) return -1;
    if (head->cmsg_len < CMSG_LEN(sizeof fd)) return -1;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

ssize_t po_sys_recv_fd(int fd, void *buf, size_t len, int *ret_fd)
{
    ssize_t ret = -1;
    union passed control = {.bytes = {0}};
    struct iovec part = {.iov_base = buf, .iov_len = po_fault_len(len)};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    SYS_CALL(ret, "recvmsg", recvmsg(fd, &msg, MSG_CMSG_CLOEXEC));
    *ret_fd = ret > 0 ? take_passed(&msg) : -1;
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
