/*
 * The only callers of socket and epoll system calls. Thin, like sys.h: -1 and errno on failure, EINTR
 * retried, close-on-exec and non-blocking always set. With PO_FAULTS each call can be made to fail,
 * and what recv and send move can be cut short.
 */
#ifndef PO_CORE_SYS_NET_H
#define PO_CORE_SYS_NET_H

#include "core/err.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A non-blocking socket. */
int po_sys_socket(int domain, int type, int protocol);
int po_sys_bind(int fd, const struct sockaddr *address, socklen_t len);
int po_sys_listen(int fd, int backlog);
/* 0 when connected, -1 and EINPROGRESS while it goes on. */
int po_sys_connect(int fd, const struct sockaddr *address, socklen_t len);
/* The new socket is non-blocking. */
int po_sys_accept(int fd, struct sockaddr *ret_address, socklen_t *len);
ssize_t po_sys_recv(int fd, void *buf, size_t len);
/* EPIPE when the other side is gone, never a signal. */
ssize_t po_sys_send(int fd, const void *buf, size_t len);
int po_sys_shutdown_write(int fd);
int po_sys_setsockopt_int(int fd, int level, int name, int value);
int po_sys_getsockname(int fd, struct sockaddr *ret_address, socklen_t *len);

/* Who is at the other end of a connected unix socket. */
int po_sys_peer(int fd, uid_t *ret_uid, pid_t *ret_pid);
/* As send, with a descriptor beside the first byte. */
ssize_t po_sys_send_fd(int fd, const void *buf, size_t len, int passed_fd);
/* As recv; *ret_fd is a descriptor that came along (close-on-exec), or -1. */
ssize_t po_sys_recv_fd(int fd, void *buf, size_t len, int *ret_fd);

int po_sys_epoll_create(void);
int po_sys_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event);
/* EINTR counts as nothing ready. */
int po_sys_epoll_wait(int epoll_fd, struct epoll_event *ret_events, int count, int timeout_ms);

#endif
