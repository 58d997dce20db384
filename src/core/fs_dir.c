/*
 * Looking at files and directories, and path names.
 */
#include "core/fs.h"

#include "core/alloc.h"
#include "core/sys.h"

#include <errno.h>
#include <stdlib.h>

#define NAME_BYTES_MAX 255

static po_rc fail_sys(struct po_ctx *cx, int sys_errno, const char *doing, const char *path)
{
    return PO_FAIL_SYS(cx, po_fs_code_of_errno(sys_errno), sys_errno, "%s '%s'", doing, path);
}

static int64_t statx_us(struct statx_timestamp t)
{
    return t.tv_sec * PO_US_PER_S + (int64_t)t.tv_nsec / 1000;
}

po_rc po_fs_info(struct po_ctx *cx, const char *path, struct po_fs_info *ret_info)
{
    struct statx st = {0};
    if (po_sys_statx(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) return fail_sys(cx, errno, "looking at", path);
        *ret_info = (struct po_fs_info){.exists = false};
        return po_rc_ok();
    }
    *ret_info = (struct po_fs_info){
        .exists = true,
        .is_dir = S_ISDIR(st.stx_mode),
        .is_file = S_ISREG(st.stx_mode),
        .is_symlink = S_ISLNK(st.stx_mode),
        .mode = st.stx_mode & 07777,
        .uid = st.stx_uid,
        .gid = st.stx_gid,
        .size_bytes = st.stx_size,
        .inode = st.stx_ino,
        .links = st.stx_nlink,
        .device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
        .mtime_us = statx_us(st.stx_mtime),
        .birth_us = (st.stx_mask & STATX_BTIME) != 0 ? statx_us(st.stx_btime) : 0,
    };
    return po_rc_ok();
}

po_rc po_fs_space(struct po_ctx *cx, const char *path, uint64_t *ret_free, uint64_t *ret_total)
{
    struct statvfs st = {0};
    if (po_sys_statvfs(path, &st) != 0) return fail_sys(cx, errno, "asking the space of", path);
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    if (__builtin_mul_overflow((uint64_t)st.f_bavail, (uint64_t)st.f_frsize, &free_bytes) ||
        __builtin_mul_overflow((uint64_t)st.f_blocks, (uint64_t)st.f_frsize, &total_bytes))
        return PO_FAIL(cx, PO_IO, "space of '%s' is beyond measure", path);
    *ret_free = free_bytes;
    *ret_total = total_bytes;
    return po_rc_ok();
}

static void closedirp(DIR **dir)
{
    int saved_errno = errno;
    if (*dir != NULL) (void)po_sys_closedir(*dir);
    errno = saved_errno;
}

/* All names of a directory, each with its NUL, in `names`. */
static po_rc read_names(struct po_ctx *cx, const char *path, struct po_buf *names,
                        size_t *ret_count)
{
    PO_CLEANUP(closedirp) DIR *dir = po_sys_opendir(path);
    if (dir == NULL) return fail_sys(cx, errno, "opening directory", path);
    size_t count = 0;
    for (;;) {
        struct dirent *entry = po_sys_readdir(dir);
        if (entry == NULL && errno != 0) return fail_sys(cx, errno, "reading directory", path);
        if (entry == NULL) break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (++count > PO_FS_DIR_ENTRIES_MAX)
            return PO_FAIL(cx, PO_LIMIT, "directory '%s' has over %d entries", path,
                           PO_FS_DIR_ENTRIES_MAX);
        po_buf_append(names, po_str_n(entry->d_name, strlen(entry->d_name) + 1));
    }
    PO_TRY_LEAF(cx, po_buf_check(names), "names of directory '%s'", path);
    *ret_count = count;
    return po_rc_ok();
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const po_str *)a)->ptr, ((const po_str *)b)->ptr);
}

po_rc po_fs_list(struct po_ctx *cx, const char *path, po_str **ret_names, size_t *ret_count)
{
    PO_BUF_AUTO packed = {0};
    po_buf_init(&packed, (size_t)PO_FS_DIR_ENTRIES_MAX * (NAME_BYTES_MAX + 1));
    size_t count = 0;
    PO_TRY(cx, read_names(cx, path, &packed, &count));
    po_str *names = NULL;
    PO_ARENA_NEW(cx, names, count + 1);
    po_str all = {NULL, 0};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&packed), &all),
                "out of request memory for the names of '%s'", path);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        names[i] = po_str_of(all.ptr + at);
        at += names[i].len + 1;
    }
    if (count > 1) qsort(names, count, sizeof *names, compare_names);
    *ret_names = names;
    *ret_count = count;
    return po_rc_ok();
}

/* ---- path names ---- */

static po_rc path_copy(struct po_ctx *cx, po_str a, po_str b, const char **ret_path)
{
    if (a.len + b.len > PO_FS_PATH_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "path of %zu bytes, at most %d", a.len + b.len,
                       PO_FS_PATH_BYTES_MAX);
    char *path = NULL;
    PO_ARENA_NEW(cx, path, a.len + b.len + 1);
    if (a.len > 0) memcpy(path, a.ptr, a.len);
    if (b.len > 0) memcpy(path + a.len, b.ptr, b.len);
    *ret_path = path;
    return po_rc_ok();
}

po_rc po_path_join(struct po_ctx *cx, const char *dir, const char *name, const char **ret_path)
{
    po_str head = po_str_of(dir);
    while (head.len > 0 && head.ptr[head.len - 1] == '/')
        head.len--;
    po_str tail = po_str_of(name);
    while (tail.len > 0 && tail.ptr[0] == '/')
        tail = po_str_slice(tail, 1, tail.len);
    const char *front = NULL;
    /* "" + "a" is "a", "/" + "a" is "/a". */
    PO_TRY(cx, path_copy(cx, head, dir[0] == '\0' ? PO_LIT("") : PO_LIT("/"), &front));
    PO_TRY(cx, path_copy(cx, po_str_of(front), tail, ret_path));
    return po_rc_ok();
}

po_rc po_path_dir(struct po_ctx *cx, const char *path, const char **ret_dir)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len == 0) return path_copy(cx, PO_LIT("."), PO_LIT(""), ret_dir);
    while (len > 1 && path[len - 1] == '/')
        len--;
    PO_TRY(cx, path_copy(cx, po_str_n(path, len), PO_LIT(""), ret_dir));
    return po_rc_ok();
}

bool po_path_is_name(po_str name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX) return false;
    if (po_str_eq(name, PO_LIT(".")) || po_str_eq(name, PO_LIT(".."))) return false;
    return po_str_find_char(name, '/', 0) == SIZE_MAX &&
           po_str_find_char(name, '\0', 0) == SIZE_MAX;
}

static po_rc remove_entry(struct po_ctx *cx, const char *path, int depth_left)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.is_dir) return po_fs_remove_tree(cx, path, depth_left);
    if (po_sys_unlink(path) == 0 || errno == ENOENT) return po_rc_ok();
    return fail_sys(cx, errno, "removing", path);
}

po_rc po_fs_remove_tree(struct po_ctx *cx, const char *path, int depth_max)
{
    po_str *names = NULL;
    size_t count = 0;
    if (depth_max <= 0) return PO_FAIL(cx, PO_LIMIT, "'%s' is nested too deep", path);
    PO_TRY(cx, po_fs_list(cx, path, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *child = NULL;
        PO_TRY(cx, po_path_join(cx, path, names[i].ptr, &child));
        PO_TRY(cx, remove_entry(cx, child, depth_max - 1));
    }
    if (po_sys_rmdir(path) == 0 || errno == ENOENT) return po_rc_ok();
    return fail_sys(cx, errno, "removing", path);
}
