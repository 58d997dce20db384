/*
 * Reading a pack: a directory or a tar, seen as sorted names with bytes.
 *
 * Nothing is unpacked; a tar is read in place. Symbolic links and special files are refused.
 */
#include "core/alloc.h"
#include "core/fs.h"
#include "core/sys.h"
#include "pack_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define BLOCK 512

struct po_pack_source {
    const char *dir;              /* NULL: a tar */
    int fd;                       /* of the tar */
    struct po_tar_entry *entries; /* sorted by path; in the arena */
    size_t count;
    size_t cap;
    uint64_t bytes_total;
};

void po_pack_source_freep(struct po_pack_source **source)
{
    if (*source == NULL) return;
    po_fd_closep(&(*source)->fd);
    po_free(*source);
    *source = NULL;
}

static PO_RC add_entry(struct po_ctx *cx, struct po_pack_source *source, struct po_tar_entry entry)
{
    source->bytes_total += entry.bytes;
    if (source->count == PO_PACK_FILES_MAX || source->bytes_total > PO_PACK_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the pack is larger than %d files or 4 GiB",
                       PO_PACK_FILES_MAX);
    if (!po_pack_path_is_fine(entry.path))
        return PO_FAIL(cx, PO_INVALID, "a pack cannot hold a file of that name");
    if (source->count == source->cap) {
        size_t cap = source->cap == 0 ? 512 : source->cap * 2;
        struct po_tar_entry *grown = NULL;
        PO_ARENA_NEW(cx, grown, cap);
        if (source->count > 0) memcpy(grown, source->entries, source->count * sizeof *grown);
        source->entries = grown;
        source->cap = cap;
    }
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, entry.path, &entry.path), "out of memory");
    source->entries[source->count++] = entry;
    return po_rc_ok();
}

static PO_RC walk_dir(struct po_ctx *cx, struct po_pack_source *source, const char *relative,
                      int depth)
{
    const char *full = source->dir;
    po_str *names = NULL;
    size_t count = 0;
    if (depth > PO_PACK_DEPTH_MAX) return PO_FAIL(cx, PO_LIMIT, "the pack is nested too deep");
    if (relative[0] != '\0') PO_TRY(cx, po_path_join(cx, source->dir, relative, &full));
    PO_TRY(cx, po_fs_list(cx, full, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *child = po_arena_printf(cx->arena, "%s%s%.*s", relative, relative[0] ? "/" : "",
                                            PO_STR_ARG(names[i]));
        const char *path = NULL;
        struct po_fs_info info = {0};
        if (child == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_path_join(cx, source->dir, child, &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir) {
            PO_TRY(cx, walk_dir(cx, source, child, depth + 1));
            continue;
        }
        if (!info.is_file)
            return PO_FAIL(cx, PO_INVALID, "'%s' is neither file nor directory", child);
        struct po_tar_entry entry = {.path = po_str_of(child), .bytes = info.size_bytes};
        PO_TRY(cx, add_entry(cx, source, entry));
    }
    return po_rc_ok();
}

/* Padding and end hold zeros only: nothing can hide there. */
static PO_RC check_zeros(struct po_ctx *cx, const struct po_pack_source *source, uint64_t from,
                         uint64_t to)
{
    for (; from < to;) {
        char block[BLOCK];
        size_t len = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
        PO_TRY(cx, po_fs_pread_all(cx, source->fd, block, len, (off_t)from));
        for (size_t i = 0; i < len; i++)
            if (block[i] != '\0')
                return PO_FAIL(cx, PO_INVALID, "byte %lu of the tar belongs to no file",
                               (unsigned long)(from + i));
        from += len;
    }
    return po_rc_ok();
}

static PO_RC walk_tar(struct po_ctx *cx, struct po_pack_source *source, uint64_t size)
{
    uint64_t offset = 0;
    bool is_end = false;
    while (!is_end) {
        char header[BLOCK];
        char path[257];
        struct po_tar_entry entry = {.path = PO_LIT("")};
        if (size < BLOCK || offset > size - BLOCK)
            return PO_FAIL(cx, PO_INVALID, "not a pack: no tar, or it is cut short");
        PO_TRY(cx, po_fs_pread_all(cx, source->fd, header, sizeof header, (off_t)offset));
        po_rc rc = po_tar_parse(po_str_n(header, sizeof header), &offset, &entry, &is_end, path);
        PO_TRY_LEAF(cx, rc, "not a pack: byte %lu is no tar entry", (unsigned long)offset);
        if (is_end) break;
        if (offset > size) return PO_FAIL(cx, PO_INVALID, "the tar ends in the middle of a file");
        PO_TRY(cx, check_zeros(cx, source, entry.offset + entry.bytes, offset));
        PO_TRY(cx, add_entry(cx, source, entry));
    }
    if (size - offset < 2 * BLOCK) return PO_FAIL(cx, PO_INVALID, "the tar's end is cut short");
    return check_zeros(cx, source, offset, size);
}

static int compare_entries(const void *a, const void *b)
{
    const struct po_tar_entry *left = a;
    const struct po_tar_entry *right = b;
    return po_str_cmp(left->path, right->path);
}

static PO_RC fill(struct po_ctx *cx, struct po_pack_source *source, const char *path,
                  const struct po_fs_info *info)
{
    if (info->is_dir) {
        source->dir = path;
        PO_TRY(cx, walk_dir(cx, source, "", 0));
    } else {
        source->fd = po_sys_open(path, O_RDONLY, 0);
        if (source->fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "opening '%s'", path);
        PO_TRY(cx, walk_tar(cx, source, info->size_bytes));
    }
    if (source->count > 1)
        qsort(source->entries, source->count, sizeof *source->entries, compare_entries);
    for (size_t i = 1; i < source->count; i++)
        if (po_str_eq(source->entries[i - 1].path, source->entries[i].path))
            return PO_FAIL(cx, PO_INVALID, "'%.*s' is in the pack twice",
                           PO_STR_ARG(source->entries[i].path));
    return po_rc_ok();
}

PO_RC po_pack_source_open(struct po_ctx *cx, const char *path, struct po_pack_source **ret_source)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "there is no pack '%s'", path);
    if (!info.is_dir && !info.is_file) return PO_FAIL(cx, PO_INVALID, "'%s' is no pack", path);
    PO_CLEANUP(po_pack_source_freep) struct po_pack_source *source = po_calloc(1, sizeof *source);
    if (source == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory");
    source->fd = -1;
    PO_TRY_MSG(cx, fill(cx, source, path, &info), "reading the pack '%s'", path);
    *ret_source = PO_TAKE(source);
    return po_rc_ok();
}

size_t po_pack_source_count(const struct po_pack_source *source) { return source->count; }

po_str po_pack_source_name(const struct po_pack_source *source, size_t i)
{
    return source->entries[i].path;
}

static const struct po_tar_entry *find_entry(const struct po_pack_source *source, po_str path)
{
    struct po_tar_entry key = {.path = path};
    if (source->count == 0) return NULL;
    return bsearch(&key, source->entries, source->count, sizeof key, compare_entries);
}

bool po_pack_source_has(const struct po_pack_source *source, po_str path)
{
    return find_entry(source, path) != NULL;
}

PO_RC po_pack_source_read(struct po_ctx *cx, struct po_pack_source *source, po_str path,
                          struct po_buf *out)
{
    const struct po_tar_entry *entry = find_entry(source, path);
    po_buf_clear(out);
    if (entry == NULL) return PO_FAIL(cx, PO_NOTFOUND, "the pack has no '%.*s'", PO_STR_ARG(path));
    if (source->dir != NULL) {
        const char *relative = po_arena_strdup(cx->arena, path);
        const char *full = NULL;
        if (relative == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_path_join(cx, source->dir, relative, &full));
        return po_fs_read(cx, full, out);
    }
    char *bytes = po_buf_extend(out, (size_t)entry->bytes);
    if (bytes == NULL) return PO_FAIL(cx, out->status, "'%.*s' is too large", PO_STR_ARG(path));
    return po_fs_pread_all(cx, source->fd, bytes, (size_t)entry->bytes, (off_t)entry->offset);
}
