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
    int channel;           /* becomes 3; 0: none */
    bool stays_in_group;   /* of ours; else it leads a process group of its own */
};
/* With default signals and an empty signal mask. */
int po_sys_spawn(const struct po_sys_spawn *how, pid_t *ret_pid);
/* Write to a pipe whose reader may be gone: EPIPE instead of a signal. */
ssize_t po_sys_write_pipe(int fd, const void *buf, size_t len);
int po_sys_uname(struct utsname *ret_name);
bool po_sys_isatty(int fd);
uid_t po_sys_geteuid(void);
pid_t po_sys_getpid(void);
pid_t po_sys_getppid(void);
int po_sys_chdir(const char *path);
/* The directory we are in; 0, or -1 and errno (ERANGE: longer than `len`). */
int po_sys_getcwd(char *buf, size_t len);
/* Signals of this set come as reads of a descriptor (non-blocking) from now on. */
int po_sys_signalfd(const sigset_t *set);
/* The next of them, or 0 when none waits. */
int po_sys_signal_next(int signal_fd);
/* A connected pair of stream sockets. */
int po_sys_socketpair(int ret_fds[static 2]);

/* ---- relative to an open directory; for files that are not the home's (the power-cut layer is not told) */

int po_sys_fstatat(int dir_fd, const char *name, struct stat *ret_stat); /* symlinks not followed */
ssize_t po_sys_readlinkat(int dir_fd, const char *name, char *buf, size_t len);
int po_sys_unlinkat(int dir_fd, const char *name, bool is_dir);
int po_sys_renameat(int from_fd, const char *from, int to_fd, const char *to);
int po_sys_mkdirat(int dir_fd, const char *name, mode_t mode);
int po_sys_fstatvfs(int fd, struct statvfs *ret_statvfs);
/* The descriptor is the stream's afterwards; it stays the caller's on failure. */
DIR *po_sys_fdopendir(int fd);

/* ---- restricting this process (sandbox.h) ---- */

int po_sys_landlock_abi(void); /* 0 or less: none */
/* Rights that a ruleset governs; the kernel's struct landlock_ruleset_attr. */
struct po_sys_landlock {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};
int po_sys_landlock_create(const struct po_sys_landlock *handled);
int po_sys_landlock_add(int ruleset_fd, int path_fd, uint64_t rights);
int po_sys_landlock_restrict(int ruleset_fd);
bool po_sys_has_seccomp(void);
/* Soft and hard limit; never raised above what the hard limit is. */
int po_sys_setrlimit(int resource, uint64_t value);
int po_sys_prctl(int option, unsigned long value);
/* None left to this process, none to be had by what it starts (after no_new_privs). */
int po_sys_drop_capabilities(void);
int po_sys_close_from(int first);

#endif
