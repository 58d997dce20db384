/*
 * The only callers of file, directory, lock and process system calls. Thin: same meaning as the
 * system call, -1 and errno on failure, EINTR retried, O_CLOEXEC always set.
 *
 * With PO_FAULTS each call can be made to fail (fault.h), and the power-cut layer (power.h) records
 * what a loss of power would leave on disk.
 */
#ifndef PO_CORE_SYS_H
#define PO_CORE_SYS_H

#include "core/err.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/utsname.h>

int po_sys_open(const char *path, int flags, mode_t mode);
int po_sys_openat(int dir_fd, const char *path, int flags, mode_t mode);
/* The descriptor is gone afterwards, also on failure. */
int po_sys_close(int fd);
ssize_t po_sys_read(int fd, void *buf, size_t len);
ssize_t po_sys_write(int fd, const void *buf, size_t len);
ssize_t po_sys_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t po_sys_pwrite(int fd, const void *buf, size_t len, off_t offset);
int po_sys_fdatasync(int fd);
int po_sys_fsync(int fd);
/* Everything on the file system that `fd` is on: for many files at once. */
int po_sys_syncfs(int fd);
int po_sys_ftruncate(int fd, off_t len);
/* Mode 0: the file grows to offset + len when it is shorter. errno is set (not returned). */
int po_sys_fallocate(int fd, off_t offset, off_t len);
int po_sys_rename(const char *from, const char *to);
/* Fails with EEXIST when `to` is there; EINVAL where the file system cannot do it. */
int po_sys_rename_new(const char *from, const char *to);
int po_sys_link(const char *from, const char *to);
int po_sys_symlink(const char *target, const char *path);
int po_sys_unlink(const char *path);
int po_sys_mkdir(const char *path, mode_t mode);
int po_sys_rmdir(const char *path);
int po_sys_chmod(const char *path, mode_t mode);
int po_sys_fchmod(int fd, mode_t mode);
int po_sys_stat(const char *path, struct stat *ret_stat);
int po_sys_lstat(const char *path, struct stat *ret_stat);
int po_sys_fstat(int fd, struct stat *ret_stat);
/* Everything statx knows about `path` itself (symlinks not followed), birth time included. */
int po_sys_statx(const char *path, struct statx *ret_statx);
int po_sys_statvfs(const char *path, struct statvfs *ret_statvfs);
ssize_t po_sys_readlink(const char *path, char *buf, size_t len);
char *po_sys_realpath(const char *path, char *buf); /* buf: PATH_MAX bytes */
DIR *po_sys_opendir(const char *path);
/* NULL at the end with errno 0, NULL on failure with errno set. */
struct dirent *po_sys_readdir(DIR *dir);
int po_sys_closedir(DIR *dir);
int po_sys_flock(int fd, int operation);

/* Both ends close-on-exec; `is_nonblocking` makes reads and writes answer EAGAIN. */
int po_sys_pipe(int ret_fds[static 2], bool is_nonblocking);
int po_sys_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
pid_t po_sys_waitpid(pid_t pid, int *ret_status, int options);
int po_sys_kill(pid_t pid, int signal_number); /* pid < -1: process group */
int po_sys_pidfd_open(pid_t pid);

/* Whether a child has ended, without reaping it: ret_info->si_pid is 0 while it runs. */
int po_sys_waitid_peek(pid_t pid, siginfo_t *ret_info);
int po_sys_set_nonblocking(int fd);

/* Start `path` (absolute) with `argv` and `env`; 0, or -1 and errno. */
struct po_sys_spawn {
    const char *path;
    const char *const *argv;
    const char *const *env;
    const char *directory; /* NULL: ours */
    int fds[3];            /* become 0, 1 and 2; nothing else stays open */
};
/* In its own process group, with default signals and an empty signal mask. */
int po_sys_spawn(const struct po_sys_spawn *how, pid_t *ret_pid);
/* Write to a pipe whose reader may be gone: EPIPE instead of a signal. */
ssize_t po_sys_write_pipe(int fd, const void *buf, size_t len);
int po_sys_uname(struct utsname *ret_name);
bool po_sys_isatty(int fd);
uid_t po_sys_geteuid(void);
pid_t po_sys_getpid(void);

#endif
