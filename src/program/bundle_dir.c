/*
 * The files of a bundle's directory, read once.
 *
 * Invariants
 *  1. Every name is opened beneath its parent's descriptor and never through a symlink, so what is
 *     read is in the directory even while somebody renames things.
 *  2. A file is read once; its digest is that of the bytes that are compiled later.
 */
#include "program/bundle_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>

struct walk {
    struct po_bundle *bundle;
    const char *root;
    size_t bytes;
};

static PO_RC open_below(struct po_ctx *cx, int dir_fd, const char *name, int flags, int *ret_fd)
{
    int fd = po_sys_openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | flags, 0);
    if (fd < 0)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "opening '%s' of a bundle", name);
    *ret_fd = fd;
    return po_rc_ok();
}

static PO_RC read_file(struct po_ctx *cx, struct walk *walk, int dir_fd, const char *name,
                       const char *rel)
{
    struct po_bundle *bundle = walk->bundle;
    PO_FD_AUTO fd = -1;
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_SCRIPT_SOURCE_BYTES_MAX);
    if (!po_bundle_is_path(po_str_of(rel)))
        return PO_FAIL(cx, PO_INVALID, "'%s' is no path of a bundle", rel);
    if (bundle->file_count == PO_BUNDLE_FILES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a bundle of more than %d files", PO_BUNDLE_FILES_MAX);
    PO_TRY(cx, open_below(cx, dir_fd, name, 0, &fd));
    PO_TRY_MSG(cx, po_fs_read_fd(cx, fd, rel, &text), "file '%s' of a bundle", rel);
    walk->bytes += text.len;
    if (walk->bytes > PO_BUNDLE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a bundle of more than %zu bytes", PO_BUNDLE_BYTES_MAX);
    struct po_bundle_file *file = &bundle->files[bundle->file_count++];
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), &file->text),
                "out of memory for a bundle");
    PO_TRY_LEAF(cx, po_sha256(file->text, file->digest), "digest of '%s'", rel);
    file->path = po_str_of(rel);
    return po_rc_ok();
}

static PO_RC walk_dir(struct po_ctx *cx, struct walk *walk, int dir_fd, const char *rel, int depth);

static PO_RC walk_name(struct po_ctx *cx, struct walk *walk, int dir_fd, const char *rel, int depth)
{
    struct po_fs_info info = {0};
    const char *path = NULL;
    const char *slash = strrchr(rel, '/');
    const char *name = slash == NULL ? rel : slash + 1;
    if (name[0] == '.') return po_rc_ok();
    PO_TRY(cx, po_path_join(cx, walk->root, rel, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "'%s' of a bundle has gone", rel);
    if (info.is_symlink) return PO_FAIL(cx, PO_INVALID, "'%s' of a bundle is a symlink", rel);
    if (!info.is_dir) {
        if (!po_bundle_is_member(po_str_of(name))) return po_rc_ok();
        return read_file(cx, walk, dir_fd, name, rel);
    }
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, open_below(cx, dir_fd, name, O_DIRECTORY, &fd));
    return walk_dir(cx, walk, fd, rel, depth + 1);
}

static PO_RC walk_dir(struct po_ctx *cx, struct walk *walk, int dir_fd, const char *rel, int depth)
{
    const char *path = walk->root;
    po_str *names = NULL;
    size_t count = 0;
    if (depth > PO_BUNDLE_DIR_DEPTH_MAX)
        return PO_FAIL(cx, PO_LIMIT, "'%s' of a bundle is nested too deeply", rel);
    if (rel[0] != '\0') PO_TRY(cx, po_path_join(cx, walk->root, rel, &path));
    PO_TRY(cx, po_fs_list(cx, path, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *below = names[i].ptr;
        if (rel[0] != '\0') PO_TRY(cx, po_path_join(cx, rel, names[i].ptr, &below));
        PO_TRY(cx, walk_name(cx, walk, dir_fd, below, depth));
    }
    return po_rc_ok();
}

PO_RC po_bundle_dir_read(struct po_ctx *cx, const char *dir, struct po_bundle *ret_bundle)
{
    struct walk walk = {.bundle = ret_bundle, .root = dir};
    PO_FD_AUTO fd = po_sys_open(dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "opening the bundle '%s'", dir);
    ret_bundle->file_count = 0;
    PO_ARENA_NEW(cx, ret_bundle->files, PO_BUNDLE_FILES_MAX);
    PO_TRY(cx, walk_dir(cx, &walk, fd, "", 0));
    po_bundle_sort(ret_bundle);
    return po_rc_ok();
}
