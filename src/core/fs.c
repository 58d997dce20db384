/*
 * Files as whole values (fs.h says what is promised).
 *
 * Invariants
 *  1. a temp file that this process made is gone again when a function here fails.
 *  2. bytes are on disk (fsync) before a name leads to them, and the name before success is told.
 *  3. no function here follows a symlink in the last component unless fs.h names it.
 */
#include "core/fs.h"

#include "core/fault.h"
#include "core/random.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define READ_CHUNK_BYTES ((size_t)64 << 10)
#define TEMP_TRIES_MAX 8

enum po_code po_fs_code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR: return PO_NOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS: return PO_DENIED;
    case EEXIST:
    case ENOTEMPTY: return PO_EXISTS;
    case ENAMETOOLONG: return PO_LIMIT;
    case ELOOP:
    case EISDIR:
    case EINVAL:
    case EILSEQ: return PO_INVALID;
    case ENOMEM: return PO_NOMEM;
    default: return PO_IO;
    }
}

static po_rc fail_sys(struct po_ctx *cx, int sys_errno, const char *doing, const char *path)
{
    return PO_FAIL_SYS(cx, po_fs_code_of_errno(sys_errno), sys_errno, "%s '%s'", doing, path);
}

void po_fd_closep(int *fd)
{
    if (*fd < 0) return;
    int saved_errno = errno;
    /* The abandon path: whoever needs to know whether closing worked closes by itself. */
    (void)po_sys_close(*fd);
    *fd = -1;
    errno = saved_errno;
}

/* ---- reading ---- */

static po_rc read_rest(struct po_ctx *cx, int fd, const char *path, struct po_buf *out)
{
    for (;;) {
        size_t room = out->max - out->len;
        char beyond = 0;
        size_t want = room < READ_CHUNK_BYTES ? room : READ_CHUNK_BYTES;
        size_t before = out->len;
        char *at = want == 0 ? &beyond : po_buf_extend(out, want);
        if (at == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory reading '%s'", path);
        ssize_t got = po_sys_read(fd, at, want == 0 ? 1 : want);
        int sys_errno = errno;
        if (want == 0 && got > 0)
            return PO_FAIL(cx, PO_LIMIT, "'%s' is larger than %zu bytes", path, out->max);
        po_buf_truncate(out, before + (got > 0 ? (size_t)got : 0));
        if (got < 0) return fail_sys(cx, sys_errno, "reading", path);
        if (got == 0) return po_rc_ok();
    }
}

po_rc po_fs_read_fd(struct po_ctx *cx, int fd, const char *path, struct po_buf *out)
{
    PO_TRY_LEAF(cx, po_buf_check(out), "buffer for '%s' is not usable", path);
    struct stat st = {0};
    if (po_sys_fstat(fd, &st) != 0) return fail_sys(cx, errno, "looking at", path);
    if (!S_ISREG(st.st_mode)) return PO_FAIL(cx, PO_INVALID, "'%s' is not a regular file", path);
    size_t start = out->len;
    size_t room = out->max - start;
    /* The size is a hint (0 in /proc): taken once, so that a secret is not copied while growing. */
    size_t hint = st.st_size > 0 && (uint64_t)st.st_size < room ? (size_t)st.st_size + 1 : 0;
    if (hint > 0 && po_buf_extend(out, hint) == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory reading '%s'", path);
    po_buf_truncate(out, start);
    po_rc rc = read_rest(cx, fd, path, out);
    if (!po_is_ok(rc)) po_buf_truncate(out, start);
    return rc;
}

po_rc po_fs_read(struct po_ctx *cx, const char *path, struct po_buf *out)
{
    /* O_NONBLOCK: a FIFO put in the place of a file must not hang us. */
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) return fail_sys(cx, errno, "opening", path);
    PO_TRY(cx, po_fs_read_fd(cx, fd, path, out));
    return po_rc_ok();
}

po_rc po_fs_pread_all(struct po_ctx *cx, int fd, void *out, size_t len, off_t offset)
{
    char *at = out;
    for (size_t done = 0; done < len;) {
        ssize_t got = po_sys_pread(fd, at + done, len - done, offset + (off_t)done);
        if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading %zu bytes", len);
        if (got == 0)
            return PO_FAIL(cx, PO_CORRUPT, "file ends %zu bytes before the expected end",
                           len - done);
        done += (size_t)got;
    }
    return po_rc_ok();
}

/* ---- writing ---- */

po_rc po_fs_pwrite_all(struct po_ctx *cx, int fd, po_str bytes, off_t offset)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t put = po_sys_pwrite(fd, bytes.ptr + done, bytes.len - done, offset + (off_t)done);
        if (put < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "writing %zu bytes", bytes.len);
        if (put == 0) return PO_FAIL(cx, PO_IO, "writing %zu bytes: no progress", bytes.len);
        done += (size_t)put;
    }
    return po_rc_ok();
}

/* A file that is removed at the end of the scope unless `path` is taken out. */
struct temp_file {
    const char *path;
    int fd;
};

static void temp_file_done(struct temp_file *temp)
{
    int saved_errno = errno;
    if (temp->fd >= 0) (void)po_sys_close(temp->fd);
    /* Of no consequence when it fails: temps are known by their prefix. */
    if (temp->path != NULL) (void)po_sys_unlink(temp->path);
    errno = saved_errno;
}
#define TEMP_FILE_AUTO PO_CLEANUP(temp_file_done) struct temp_file

static po_rc temp_open(struct po_ctx *cx, const char *target, struct temp_file *temp)
{
    const char *dir = NULL;
    PO_TRY(cx, po_path_dir(cx, target, &dir));
    for (unsigned i = 0; i < TEMP_TRIES_MAX; i++) {
        uint64_t random = 0;
        PO_TRY_LEAF(cx, po_random_fill(&random, sizeof random), "no randomness for a temp name");
        char name[sizeof PO_FS_TEMP_PREFIX + 16];
        (void)snprintf(name, sizeof name, PO_FS_TEMP_PREFIX "%016" PRIx64, random);
        const char *path = NULL;
        PO_TRY(cx, po_path_join(cx, dir, name, &path));
        temp->fd = po_sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (temp->fd >= 0) {
            temp->path = path;
            return po_rc_ok();
        }
        if (errno != EEXIST) return fail_sys(cx, errno, "creating a file beside", target);
    }
    return PO_FAIL(cx, PO_CREATE, "no free temp name beside '%s'", target);
}

/* Content, mode and their way to the disk; afterwards only a name is missing. */
static po_rc temp_fill(struct po_ctx *cx, struct temp_file *temp, po_str content, mode_t mode)
{
    PO_TRY_MSG(cx, po_fs_pwrite_all(cx, temp->fd, content, 0), "'%s'", temp->path);
    if (po_sys_fchmod(temp->fd, mode) != 0)
        return fail_sys(cx, errno, "setting the mode of", temp->path);
    if (po_sys_fsync(temp->fd) != 0) return fail_sys(cx, errno, "syncing", temp->path);
    if (po_sys_close(PO_TAKE_FD(temp->fd)) != 0) return fail_sys(cx, errno, "closing", temp->path);
    return po_rc_ok();
}

static po_rc sync_parent(struct po_ctx *cx, const char *path)
{
    const char *dir = NULL;
    PO_TRY(cx, po_path_dir(cx, path, &dir));
    PO_TRY(cx, po_fs_sync_dir(cx, dir));
    return po_rc_ok();
}

po_rc po_fs_place(struct po_ctx *cx, const char *path, po_str content, mode_t mode)
{
    TEMP_FILE_AUTO temp = {.path = NULL, .fd = -1};
    PO_TRY(cx, temp_open(cx, path, &temp));
    PO_TRY(cx, temp_fill(cx, &temp, content, mode));
    if (po_sys_rename(temp.path, path) != 0) return fail_sys(cx, errno, "replacing", path);
    temp.path = NULL;
    return po_rc_ok();
}

po_rc po_fs_write_atomic(struct po_ctx *cx, const char *path, po_str content, mode_t mode)
{
    PO_TRY(cx, po_fs_place(cx, path, content, mode));
    return sync_parent(cx, path);
}

/* Where renameat2 cannot refuse an existing name (NFS): a second name, then the first one goes. */
static int name_by_link(struct temp_file *temp, const char *path)
{
    if (po_sys_link(temp->path, path) != 0) return -1;
    /* A second name left over harms nobody and is known by its prefix. */
    po_fault_benign_begin();
    if (po_sys_unlink(temp->path) == 0) temp->path = NULL;
    po_fault_benign_end();
    return 0;
}

po_rc po_fs_place_new(struct po_ctx *cx, const char *path, po_str content, mode_t mode)
{
    struct po_fs_info there = {0};
    PO_TRY(cx, po_fs_info(cx, path, &there));
    if (there.exists) return PO_FAIL(cx, PO_EXISTS, "'%s' exists already", path);
    TEMP_FILE_AUTO temp = {.path = NULL, .fd = -1};
    PO_TRY(cx, temp_open(cx, path, &temp));
    PO_TRY(cx, temp_fill(cx, &temp, content, mode));
    if (po_sys_rename_new(temp.path, path) == 0)
        temp.path = NULL;
    else if ((errno != EINVAL && errno != ENOSYS) || name_by_link(&temp, path) != 0)
        return fail_sys(cx, errno, "creating", path);
    return po_rc_ok();
}

po_rc po_fs_write_new(struct po_ctx *cx, const char *path, po_str content, mode_t mode)
{
    PO_TRY(cx, po_fs_place_new(cx, path, content, mode));
    return sync_parent(cx, path);
}

po_rc po_fs_append(struct po_ctx *cx, const char *path, po_str content, mode_t mode)
{
    PO_FD_AUTO fd =
        po_sys_open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode);
    if (fd < 0) return fail_sys(cx, errno, "opening", path);
    struct stat st = {0};
    if (po_sys_fstat(fd, &st) != 0) return fail_sys(cx, errno, "looking at", path);
    if (!S_ISREG(st.st_mode)) return PO_FAIL(cx, PO_INVALID, "'%s' is not a regular file", path);
    for (size_t done = 0; done < content.len;) {
        ssize_t put = po_sys_write(fd, content.ptr + done, content.len - done);
        int sys_errno = errno;
        if (put <= 0) {
            /* Half a line would run into the next one: take it back (logs have one writer). */
            bool is_back = done == 0 || po_sys_ftruncate(fd, st.st_size) == 0;
            return PO_FAIL_SYS(cx, po_fs_code_of_errno(sys_errno), sys_errno, "appending to '%s'%s",
                               path, is_back ? "" : " (a part of it stays)");
        }
        done += (size_t)put;
    }
    if (po_sys_close(PO_TAKE_FD(fd)) != 0) return fail_sys(cx, errno, "closing", path);
    return po_rc_ok();
}

/* ---- names and directories ---- */

po_rc po_fs_sync_dir(struct po_ctx *cx, const char *path)
{
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return fail_sys(cx, errno, "opening directory", path);
    if (po_sys_fsync(fd) != 0) return fail_sys(cx, errno, "syncing directory", path);
    return po_rc_ok();
}

po_rc po_fs_sync_all(struct po_ctx *cx, const char *path)
{
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return fail_sys(cx, errno, "opening directory", path);
    if (po_sys_syncfs(fd) != 0) return fail_sys(cx, errno, "syncing", path);
    return po_rc_ok();
}

static po_rc make_dir(struct po_ctx *cx, const char *path, mode_t mode, bool *ret_is_new)
{
    struct stat st = {0};
    *ret_is_new = false;
    if (po_sys_mkdir(path, mode) != 0) {
        int sys_errno = errno;
        if (sys_errno != EEXIST) return fail_sys(cx, sys_errno, "creating directory", path);
        bool is_there = po_sys_stat(path, &st) == 0;
        if (is_there && S_ISDIR(st.st_mode)) return po_rc_ok();
        if (!is_there && errno != ENOENT) return fail_sys(cx, errno, "looking at", path);
        return PO_FAIL(cx, PO_EXISTS, "'%s' exists and is not a directory", path);
    }
    *ret_is_new = true;
    if (po_sys_stat(path, &st) != 0) return fail_sys(cx, errno, "looking at", path);
    if ((st.st_mode & 07777) == mode) return po_rc_ok();
    if (po_sys_chmod(path, mode) != 0) return fail_sys(cx, errno, "setting the mode of", path);
    return po_rc_ok();
}

po_rc po_fs_mkdir(struct po_ctx *cx, const char *path, mode_t mode)
{
    bool is_new = false;
    PO_TRY(cx, make_dir(cx, path, mode, &is_new));
    return po_rc_ok();
}

/*
 * The name of a directory that was there already is synced as well, for it may come from a call that
 * was interrupted; where its parent is not ours to open, it was not ours to make either.
 */
static po_rc sync_name(struct po_ctx *cx, const char *path, bool is_new)
{
    po_rc rc = sync_parent(cx, path);
    if (is_new || (rc.code != PO_DENIED && rc.code != PO_INVALID)) PO_TRY(cx, rc);
    if (!po_is_ok(rc)) po_err_clear(cx);
    return po_rc_ok();
}

/* One component of a way. `is_durable`: the name of the directory it is made in is. */
static po_rc make_part(struct po_ctx *cx, const char *part, mode_t mode, bool *is_durable)
{
    bool is_new = false;
    PO_TRY(cx, make_dir(cx, part, mode, &is_new));
    if (is_new) {
        const char *parent = NULL;
        PO_TRY(cx, po_path_dir(cx, part, &parent));
        if (!*is_durable) PO_TRY(cx, sync_name(cx, parent, false));
        PO_TRY(cx, sync_name(cx, part, true));
    }
    *is_durable = is_new;
    return po_rc_ok();
}

/* Each name is durable before the next is made: of those found there only the last may not be. */
po_rc po_fs_mkdir_all(struct po_ctx *cx, const char *path, mode_t mode)
{
    char part[PO_FS_PATH_BYTES_MAX + 1];
    bool is_durable = false;
    size_t len = strlen(path);
    if (len > PO_FS_PATH_BYTES_MAX) return PO_FAIL(cx, PO_LIMIT, "path of %zu bytes", len);
    size_t depth = 0;
    for (size_t i = 1; i <= len; i++) {
        bool is_end = i == len || (path[i] == '/' && path[i - 1] != '/');
        if (!is_end || (i == len && path[i - 1] == '/' && len > 1)) continue;
        if (++depth > PO_FS_PATH_DEPTH_MAX)
            return PO_FAIL(cx, PO_LIMIT, "path of over %d components", PO_FS_PATH_DEPTH_MAX);
        memcpy(part, path, i);
        part[i] = '\0';
        PO_TRY(cx, make_part(cx, part, mode, &is_durable));
    }
    if (depth == 0) return PO_FAIL(cx, PO_INVALID, "empty path");
    if (!is_durable) PO_TRY(cx, sync_name(cx, part, false));
    return po_rc_ok();
}

po_rc po_fs_rename(struct po_ctx *cx, const char *from, const char *to)
{
    if (po_sys_rename(from, to) != 0) {
        int sys_errno = errno;
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(sys_errno), sys_errno, "renaming '%s' to '%s'",
                           from, to);
    }
    PO_TRY(cx, sync_parent(cx, to));
    return po_rc_ok();
}

po_rc po_fs_unlink(struct po_ctx *cx, const char *path)
{
    if (po_sys_unlink(path) != 0) return fail_sys(cx, errno, "removing", path);
    return po_rc_ok();
}

po_rc po_fs_chmod(struct po_ctx *cx, const char *path, mode_t mode)
{
    if (po_sys_chmod(path, mode) != 0) return fail_sys(cx, errno, "setting the mode of", path);
    return po_rc_ok();
}
