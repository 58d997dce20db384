/*
 * System calls relative to an open directory, and socket pairs.
 */
#include "core/sys.h"

#include "core/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* As SYS_CALL of sys.c: EINTR is retried, an injected failure replaces the call. */
#define AT_CALL(ret, name, expr)                                                                   \
    do {                                                                                           \
        (ret) = po_fault_check(PO_FAULT_SYS, (name)) ? -1 : (expr);                                \
    } while ((ret) == -1 && errno == EINTR)

int po_sys_fstatat(int dir_fd, const char *name, struct stat *ret_stat)
{
    int ret = -1;
    AT_CALL(ret, "fstatat", fstatat(dir_fd, name, ret_stat, AT_SYMLINK_NOFOLLOW));
    return ret;
}

ssize_t po_sys_readlinkat(int dir_fd, const char *name, char *buf, size_t len)
{
    ssize_t ret = -1;
    AT_CALL(ret, "readlinkat", readlinkat(dir_fd, name, buf, len));
    return ret;
}

int po_sys_unlinkat(int dir_fd, const char *name, bool is_dir)
{
    int ret = -1;
    AT_CALL(ret, "unlinkat", unlinkat(dir_fd, name, is_dir ? AT_REMOVEDIR : 0));
    return ret;
}

int po_sys_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    int ret = -1;
    AT_CALL(ret, "renameat", renameat(from_fd, from, to_fd, to));
    return ret;
}

int po_sys_mkdirat(int dir_fd, const char *name, mode_t mode)
{
    int ret = -1;
    AT_CALL(ret, "mkdirat", mkdirat(dir_fd, name, mode));
    return ret;
}

int po_sys_fstatvfs(int fd, struct statvfs *ret_statvfs)
{
    int ret = -1;
    AT_CALL(ret, "fstatvfs", fstatvfs(fd, ret_statvfs));
    return ret;
}

DIR *po_sys_fdopendir(int fd)
{
    if (po_fault_check(PO_FAULT_SYS, "fdopendir")) return NULL;
    return fdopendir(fd);
}

int po_sys_socketpair(int ret_fds[static 2])
{
    int ret = -1;
    AT_CALL(ret, "socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds));
    return ret;
}
