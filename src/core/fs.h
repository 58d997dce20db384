/*
 * Files as whole values: read with a limit, replace atomically, walk, make directories, lock.
 *
 * Every path is absolute or relative to the process; symlinks are followed only by po_fs_read and
 * po_fs_stat. Replacement is write temp -> fdatasync -> rename -> fsync directory, so a reader sees
 * the old or the new content and a power cut keeps one of them.
 */
#ifndef PO_CORE_FS_H
#define PO_CORE_FS_H

#include "core/buf.h"
#include "core/ctx.h"

#include <sys/types.h>

#define PO_FS_DIR_ENTRIES_MAX 100000

/* For PO_CLEANUP: closes a descriptor >= 0, keeps errno. */
void po_fd_closep(int *fd);
#define PO_FD_AUTO PO_CLEANUP(po_fd_closep) int

/* Whole file into `out` (appended). PO_NOTFOUND, PO_DENIED, PO_LIMIT over out->max, PO_IO. */
PO_RC po_fs_read(struct po_ctx *cx, const char *path, struct po_buf *out);
/* Replace atomically with `mode`; parent directory must exist. PO_IO (incl. disk full), PO_CREATE. */
PO_RC po_fs_write_atomic(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/* Create only if absent, durable; PO_EXISTS when it is there. */
PO_RC po_fs_write_new(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/* Append one chunk (created with `mode`), not synced: for logs. */
PO_RC po_fs_append(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/* Full write / read at an offset; a short read is PO_CORRUPT. */
PO_RC po_fs_pwrite_all(struct po_ctx *cx, int fd, po_str bytes, off_t offset);
PO_RC po_fs_pread_all(struct po_ctx *cx, int fd, void *out, size_t len, off_t offset);
/* One directory, PO_OK when it exists already as a directory. */
PO_RC po_fs_mkdir(struct po_ctx *cx, const char *path, mode_t mode);
/* And its parents. */
PO_RC po_fs_mkdir_all(struct po_ctx *cx, const char *path, mode_t mode);
PO_RC po_fs_sync_dir(struct po_ctx *cx, const char *path);
/* Rename within one file system, then sync the directory of `to`. */
PO_RC po_fs_rename(struct po_ctx *cx, const char *from, const char *to);

struct po_fs_info {
    bool exists;
    bool is_dir;
    bool is_file;
    bool is_symlink;
    mode_t mode; /* permission bits only */
    uid_t uid;
    uint64_t size_bytes;
    uint64_t inode;
    int64_t mtime_us;
};
/* lstat; absent is PO_OK with exists = false. */
PO_RC po_fs_info(struct po_ctx *cx, const char *path, struct po_fs_info *ret_info);
/* Names in a directory, sorted bytewise, without . and ..; in the arena. PO_LIMIT, PO_NOTFOUND. */
PO_RC po_fs_list(struct po_ctx *cx, const char *path, po_str **ret_names, size_t *ret_count);
/* Free and total bytes of the file system holding `path`. */
PO_RC po_fs_space(struct po_ctx *cx, const char *path, uint64_t *ret_free, uint64_t *ret_total);

/* "a/b": join into the arena, one slash; NULL is never returned on PO_OK. */
PO_RC po_path_join(struct po_ctx *cx, const char *dir, const char *name, const char **ret_path);
/* A name that stays inside its directory: no '/', no NUL, not "." or "..", <= 255 bytes. */
bool po_path_is_name(po_str name);

struct po_lock;
/* Exclusive advisory lock on a file (created 0600); waits up to wait_us, then PO_BUSY. */
PO_RC po_lock_take(struct po_ctx *cx, const char *path, int64_t wait_us, struct po_lock **ret_lock);
void po_lock_release(struct po_lock *lock); /* NULL is fine */

#endif
