/*
 * Files as whole values: read with a limit, replace atomically, walk, make directories, lock.
 *
 * Every path is absolute or relative to the process. The last component is followed when it is a
 * symlink only by po_fs_read, po_fs_mkdir (an existing directory), po_fs_chmod and po_fs_space.
 * Replacement is write temp -> fsync -> rename -> fsync directory, so a reader sees the old or the
 * new content and a power cut keeps one of them. Temps are named PO_FS_TEMP_PREFIX + 16 hex digits,
 * in the directory of their target, and removed on failure; a power cut can leave one behind.
 *
 * Errors   by errno, the same everywhere: PO_NOTFOUND absent (ENOENT, ENOTDIR), PO_DENIED EACCES
 *          EPERM EROFS, PO_EXISTS EEXIST ENOTEMPTY, PO_LIMIT name or path too long, PO_INVALID
 *          symlink loop or a name that no file system takes, PO_NOMEM, PO_IO the rest (disk full)
 */
#ifndef PO_CORE_FS_H
#define PO_CORE_FS_H

#include "core/buf.h"
#include "core/ctx.h"

#include <sys/types.h>

#define PO_FS_DIR_ENTRIES_MAX 100000
#define PO_FS_PATH_BYTES_MAX 4095
#define PO_FS_PATH_DEPTH_MAX 128

/* For PO_CLEANUP: closes a descriptor >= 0, keeps errno. */
void po_fd_closep(int *fd);
#define PO_FD_AUTO PO_CLEANUP(po_fd_closep) int
/* Give up ownership of a descriptor: yields it and sets the variable to -1. */
#define PO_TAKE_FD(fd)                                                                             \
    __extension__({                                                                                \
        int po_take_fd_ = (fd);                                                                    \
        (fd) = -1;                                                                                 \
        po_take_fd_;                                                                               \
    })

/* The code this header's "Errors" gives for an errno. */
enum po_code po_fs_code_of_errno(int sys_errno);

#define PO_FS_TEMP_PREFIX ".po-tmp-"

/* Whole regular file into `out` (appended). PO_LIMIT over out->max; PO_INVALID not a file. */
PO_RC po_fs_read(struct po_ctx *cx, const char *path, struct po_buf *out);
/* As po_fs_read from an open descriptor, from its position on; `path` is for messages. */
PO_RC po_fs_read_fd(struct po_ctx *cx, int fd, const char *path, struct po_buf *out);
/*
 * Replace atomically, with exactly `mode`; parent directory must exist. A symlink at `path` is
 * replaced itself. On PO_IO after the rename (directory not synced) the new content may be there.
 */
PO_RC po_fs_write_atomic(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/* Create only if absent, durable and whole; PO_EXISTS when a file, link or directory is there. */
PO_RC po_fs_write_new(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/* Both, but for several files of one directory: their names are durable after po_fs_sync_dir. */
PO_RC po_fs_place(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
PO_RC po_fs_place_new(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/*
 * Append one chunk (created with `mode`), not synced: for logs. All of it or, on failure, none;
 * when only closing failed it may be there.
 */
PO_RC po_fs_append(struct po_ctx *cx, const char *path, po_str content, mode_t mode);
/* Full write / read at an offset; a short read is PO_CORRUPT. */
PO_RC po_fs_pwrite_all(struct po_ctx *cx, int fd, po_str bytes, off_t offset);
PO_RC po_fs_pread_all(struct po_ctx *cx, int fd, void *out, size_t len, off_t offset);
/*
 * One directory with exactly `mode`; PO_OK and nothing changed when it exists already as a
 * directory. The name is durable after po_fs_sync_dir of the parent.
 */
PO_RC po_fs_mkdir(struct po_ctx *cx, const char *path, mode_t mode);
/*
 * And its parents, each name durable on return, also when an interrupted call had made some of them;
 * at most PO_FS_PATH_DEPTH_MAX components.
 */
PO_RC po_fs_mkdir_all(struct po_ctx *cx, const char *path, mode_t mode);
PO_RC po_fs_sync_dir(struct po_ctx *cx, const char *path);
/*
 * Everything written on the file system that directory `path` is on is durable: for a tree of many
 * files, where one sync a file would take too long. It waits for other programs' data, too.
 */
PO_RC po_fs_sync_all(struct po_ctx *cx, const char *path);
/* Rename within one file system (replacing a file at `to`), then sync the directory of `to`. */
PO_RC po_fs_rename(struct po_ctx *cx, const char *from, const char *to);
/* Remove one name that is no directory; durable after po_fs_sync_dir. PO_NOTFOUND. */
PO_RC po_fs_unlink(struct po_ctx *cx, const char *path);
PO_RC po_fs_chmod(struct po_ctx *cx, const char *path, mode_t mode);

struct po_fs_info {
    bool exists;
    bool is_dir;
    bool is_file;
    bool is_symlink;
    mode_t mode; /* permission bits only */
    uid_t uid;
    uint64_t size_bytes;
    gid_t gid;
    uint64_t inode;
    uint64_t links;
    uint64_t device;
    int64_t mtime_us;
    int64_t birth_us; /* 0 where the file system does not keep it */
};
/* The name itself, symlinks not followed; absent is PO_OK with exists = false. */
PO_RC po_fs_info(struct po_ctx *cx, const char *path, struct po_fs_info *ret_info);
/*
 * Names in a directory, sorted bytewise, without . and ..; in the arena, each followed by a NUL.
 * PO_LIMIT over PO_FS_DIR_ENTRIES_MAX names.
 */
PO_RC po_fs_list(struct po_ctx *cx, const char *path, po_str **ret_names, size_t *ret_count);
/*
 * Remove a scratch directory of ours with all it holds; links are removed, not followed. Never for
 * what a user or a report knows of (law 6). PO_LIMIT deeper than depth_max.
 */
PO_RC po_fs_remove_tree(struct po_ctx *cx, const char *path, int depth_max);
/* Bytes free (for ordinary users) and in total on the file system holding `path`. */
PO_RC po_fs_space(struct po_ctx *cx, const char *path, uint64_t *ret_free, uint64_t *ret_total);

/* "a/b": join into the arena, one slash; PO_LIMIT over PO_FS_PATH_BYTES_MAX. */
PO_RC po_path_join(struct po_ctx *cx, const char *dir, const char *name, const char **ret_path);
/* "a" of "a/b", "/" of "/b", "." of "b"; into the arena. */
PO_RC po_path_dir(struct po_ctx *cx, const char *path, const char **ret_dir);
/* A name that stays inside its directory: no '/', no NUL, not "." or "..", <= 255 bytes. */
bool po_path_is_name(po_str name);

struct po_lock;
/*
 * Exclusive advisory lock on a file (created 0600, holding the owner's process id as text); waits up
 * to wait_us, then PO_BUSY naming the holder. Ends with the process that took it at the latest; a
 * child does not inherit it.
 */
PO_RC po_lock_take(struct po_ctx *cx, const char *path, int64_t wait_us, struct po_lock **ret_lock);
/* Write our process id into the lock file, for the message of whoever finds it busy. Optional. */
void po_lock_note_holder(const struct po_lock *lock);
void po_lock_release(struct po_lock *lock); /* NULL is fine */
void po_lock_releasep(struct po_lock **lock);

#endif
