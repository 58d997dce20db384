/*
 * System calls on files, directories, locks and processes.
 *
 * Invariants
 *  1. every call passes po_fault_check once per attempt, so each can be made to fail.
 *  2. every call that changes what a disk holds tells the power-cut layer after it has succeeded.
 *  3. EINTR never reaches the caller.
 */
#include "core/sys.h"

#include "core/fault.h"
#include "core/power_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* `expr` again and again until it ends otherwise than by EINTR; an injected failure replaces it. */
#define SYS_CALL(ret, name, expr)                                                                  \
    do {                                                                                           \
        (ret) = po_fault_check(PO_FAULT_SYS, (name)) ? -1 : (expr);                                \
    } while ((ret) == -1 && errno == EINTR)

int po_sys_openat(int dir_fd, const char *path, int flags, mode_t mode)
{
    struct po_power_open before = po_power_before_open(dir_fd, path, flags);
    int fd = -1;
    SYS_CALL(fd, "open", openat(dir_fd, path, flags | O_CLOEXEC, mode));
    if (fd >= 0) po_power_after_open(fd, flags, before);
    return fd;
}

int po_sys_open(const char *path, int flags, mode_t mode)
{
    return po_sys_openat(AT_FDCWD, path, flags, mode);
}

int po_sys_close(int fd)
{
    bool is_failing = po_fault_check(PO_FAULT_SYS, "close");
    int injected = errno;
    int ret = close(fd);
    if (is_failing) {
        errno = injected == EINTR ? EIO : injected;
        return -1;
    }
    /* Linux has closed it even when it says EINTR; trying again could close another's file. */
    return ret == -1 && errno == EINTR ? 0 : ret;
}

ssize_t po_sys_read(int fd, void *buf, size_t len)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "read", read(fd, buf, po_fault_len(len)));
    return ret;
}

ssize_t po_sys_write(int fd, const void *buf, size_t len)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "write", write(fd, buf, po_fault_len(len)));
    if (ret > 0) po_power_wrote(fd, buf, ret, -1);
    return ret;
}

ssize_t po_sys_pread(int fd, void *buf, size_t len, off_t offset)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "pread", pread(fd, buf, po_fault_len(len), offset));
    return ret;
}

ssize_t po_sys_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "pwrite", pwrite(fd, buf, po_fault_len(len), offset));
    if (ret > 0) po_power_wrote(fd, buf, ret, offset);
    return ret;
}

/*
 * The kernel's calls, not libc's functions: a test program defines fsync and fdatasync itself to
 * catch those of libsqlite3, and leads them here (tests/power/sqlite_sys.c).
 */
int po_sys_fdatasync(int fd)
{
    int ret = -1;
    SYS_CALL(ret, "fdatasync",
             po_power_synced(fd, PO_POWER_SYNC_DATA) ? 0 : (int)syscall(SYS_fdatasync, fd));
    if (ret == -1) po_power_sync_failed(fd);
    return ret;
}

int po_sys_fsync(int fd)
{
    int ret = -1;
    SYS_CALL(ret, "fsync",
             po_power_synced(fd, PO_POWER_SYNC_ALL) ? 0 : (int)syscall(SYS_fsync, fd));
    if (ret == -1) po_power_sync_failed(fd);
    return ret;
}

int po_sys_syncfs(int fd)
{
    int ret = -1;
    SYS_CALL(ret, "syncfs",
             po_power_synced(fd, PO_POWER_SYNC_FS) ? 0 : (int)syscall(SYS_syncfs, fd));
    return ret;
}

int po_sys_ftruncate(int fd, off_t len)
{
    int ret = -1;
    SYS_CALL(ret, "ftruncate", ftruncate(fd, len));
    if (ret == 0) po_power_truncated(fd, len);
    return ret;
}

int po_sys_fallocate(int fd, off_t offset, off_t len)
{
    int ret = -1;
    SYS_CALL(ret, "fallocate", fallocate(fd, 0, offset, len));
    if (ret == 0) po_power_grew(fd, offset + len);
    return ret;
}

int po_sys_rename(const char *from, const char *to)
{
    if (po_power_refuses(from, to)) {
        errno = EXDEV;
        return -1;
    }
    int ret = -1;
    SYS_CALL(ret, "rename", rename(from, to));
    if (ret == 0) po_power_renamed(from, to);
    return ret;
}

int po_sys_rename_new(const char *from, const char *to)
{
    if (po_power_refuses(from, to)) {
        errno = EXDEV;
        return -1;
    }
    int ret = -1;
    SYS_CALL(ret, "renameat2", renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
    if (ret == 0) po_power_renamed(from, to);
    return ret;
}

int po_sys_link(const char *from, const char *to)
{
    if (po_power_refuses(from, to)) {
        errno = EXDEV;
        return -1;
    }
    int ret = -1;
    SYS_CALL(ret, "link", link(from, to));
    if (ret == 0) po_power_linked(to);
    return ret;
}

int po_sys_symlink(const char *target, const char *path)
{
    int ret = -1;
    SYS_CALL(ret, "symlink", symlink(target, path));
    if (ret == 0) po_power_symlinked(target, path);
    return ret;
}

int po_sys_unlink(const char *path)
{
    int ret = -1;
    SYS_CALL(ret, "unlink", unlink(path));
    if (ret == 0) po_power_removed(path);
    return ret;
}

int po_sys_mkdir(const char *path, mode_t mode)
{
    int ret = -1;
    SYS_CALL(ret, "mkdir", mkdir(path, mode));
    if (ret == 0) po_power_made_dir(path);
    return ret;
}

int po_sys_rmdir(const char *path)
{
    int ret = -1;
    SYS_CALL(ret, "rmdir", rmdir(path));
    if (ret == 0) po_power_removed(path);
    return ret;
}

int po_sys_chmod(const char *path, mode_t mode)
{
    int ret = -1;
    SYS_CALL(ret, "chmod", chmod(path, mode));
    if (ret == 0) po_power_chmoded(-1, path, mode);
    return ret;
}

int po_sys_fchmod(int fd, mode_t mode)
{
    int ret = -1;
    SYS_CALL(ret, "fchmod", fchmod(fd, mode));
    if (ret == 0) po_power_chmoded(fd, NULL, mode);
    return ret;
}

int po_sys_stat(const char *path, struct stat *ret_stat)
{
    int ret = -1;
    SYS_CALL(ret, "stat", stat(path, ret_stat));
    return ret;
}

int po_sys_lstat(const char *path, struct stat *ret_stat)
{
    int ret = -1;
    SYS_CALL(ret, "lstat", lstat(path, ret_stat));
    return ret;
}

int po_sys_fstat(int fd, struct stat *ret_stat)
{
    int ret = -1;
    SYS_CALL(ret, "fstat", fstat(fd, ret_stat));
    return ret;
}

int po_sys_statx(const char *path, struct statx *ret_statx)
{
    int ret = -1;
    SYS_CALL(
        ret, "statx",
        statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, ret_statx));
    return ret;
}

int po_sys_statvfs(const char *path, struct statvfs *ret_statvfs)
{
    int ret = -1;
    SYS_CALL(ret, "statvfs", statvfs(path, ret_statvfs));
    return ret;
}

ssize_t po_sys_readlink(const char *path, char *buf, size_t len)
{
    ssize_t ret = -1;
    SYS_CALL(ret, "readlink", readlink(path, buf, len));
    return ret;
}

char *po_sys_realpath(const char *path, char *buf)
{
    if (po_fault_check(PO_FAULT_SYS, "realpath")) return NULL;
    return realpath(path, buf);
}

DIR *po_sys_opendir(const char *path)
{
    if (po_fault_check(PO_FAULT_SYS, "opendir")) return NULL;
    return opendir(path);
}

struct dirent *po_sys_readdir(DIR *dir)
{
    errno = 0;
    if (po_fault_check(PO_FAULT_SYS, "readdir")) return NULL;
    return readdir(dir);
}

int po_sys_closedir(DIR *dir)
{
    bool is_failing = po_fault_check(PO_FAULT_SYS, "closedir");
    int injected = errno;
    int ret = closedir(dir);
    if (!is_failing) return ret;
    errno = injected;
    return -1;
}

int po_sys_flock(int fd, int operation)
{
    int ret = -1;
    SYS_CALL(ret, "flock", flock(fd, operation));
    return ret;
}

int po_sys_pipe(int ret_fds[static 2], bool is_nonblocking)
{
    int ret = -1;
    SYS_CALL(ret, "pipe", pipe2(ret_fds, O_CLOEXEC | (is_nonblocking ? O_NONBLOCK : 0)));
    return ret;
}

int po_sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    /* Not retried: the time left is the caller's to know. EINTR counts as nothing ready. */
    int ret = po_fault_check(PO_FAULT_SYS, "poll") ? -1 : poll(fds, count, timeout_ms);
    if (ret != -1 || errno != EINTR) return ret;
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    return 0;
}

pid_t po_sys_waitpid(pid_t pid, int *ret_status, int options)
{
    pid_t ret = -1;
    SYS_CALL(ret, "waitpid", waitpid(pid, ret_status, options));
    return ret;
}

int po_sys_kill(pid_t pid, int signal_number)
{
    int ret = -1;
    SYS_CALL(ret, "kill", kill(pid, signal_number));
    return ret;
}

int po_sys_pidfd_open(pid_t pid)
{
    int ret = -1;
    SYS_CALL(ret, "pidfd_open", (int)syscall(SYS_pidfd_open, pid, 0));
    return ret;
}

int po_sys_uname(struct utsname *ret_name)
{
    int ret = -1;
    SYS_CALL(ret, "uname", uname(ret_name));
    return ret;
}

bool po_sys_isatty(int fd) { return isatty(fd) == 1; }
uid_t po_sys_geteuid(void) { return geteuid(); }
pid_t po_sys_getpid(void) { return getpid(); }
