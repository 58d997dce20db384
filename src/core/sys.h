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
#include <sys/stat.h>
#include <sys/types.h>

int po_sys_open(const char *path, int flags, mode_t mode);
int po_sys_openat(int dir_fd, const char *path, int flags, mode_t mode);
int po_sys_close(int fd);
ssize_t po_sys_read(int fd, void *buf, size_t len);
ssize_t po_sys_write(int fd, const void *buf, size_t len);
ssize_t po_sys_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t po_sys_pwrite(int fd, const void *buf, size_t len, off_t offset);
int po_sys_fdatasync(int fd);
int po_sys_fsync(int fd);
int po_sys_ftruncate(int fd, off_t len);
int po_sys_fallocate(int fd, off_t offset, off_t len);
int po_sys_rename(const char *from, const char *to);
int po_sys_link(const char *from, const char *to);
int po_sys_unlink(const char *path);
int po_sys_mkdir(const char *path, mode_t mode);
int po_sys_rmdir(const char *path);
int po_sys_chmod(const char *path, mode_t mode);
int po_sys_fchmod(int fd, mode_t mode);
int po_sys_stat(const char *path, struct stat *ret_stat);
int po_sys_lstat(const char *path, struct stat *ret_stat);
int po_sys_fstat(int fd, struct stat *ret_stat);
ssize_t po_sys_readlink(const char *path, char *buf, size_t len);
char *po_sys_realpath(const char *path, char *buf); /* buf: PATH_MAX bytes */
DIR *po_sys_opendir(const char *path);
struct dirent *po_sys_readdir(DIR *dir);
int po_sys_closedir(DIR *dir);
int po_sys_flock(int fd, int operation);

#endif
