/*
 * Names of a directory, and paths that match a pattern.
 */
#include "program/caps_priv.h"
#include "program/runner_wire_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static int compare_strs(const void *a, const void *b)
{
    return po_str_cmp(*(const po_str *)a, *(const po_str *)b);
}

/* ---- names -------------------------------------------------------------------------------------- */

struct names {
    po_str *at;
    size_t count;
    size_t room;
};

static PO_RC names_add(struct po_ctx *cx, struct names *names, po_str name)
{
    if (names->count == PO_HOST_FS_VISITED_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d names", PO_HOST_FS_VISITED_MAX);
    if (names->count == names->room) {
        size_t room = names->room == 0 ? 64 : 2 * names->room;
        po_str *at = NULL;
        PO_ARENA_NEW(cx, at, room);
        for (size_t i = 0; i < names->count; i++)
            at[i] = names->at[i];
        names->at = at;
        names->room = room;
    }
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, name, &names->at[names->count]),
                "out of memory for names");
    names->count++;
    return po_rc_ok();
}

static void dir_done(DIR **dir)
{
    if (*dir != NULL) (void)po_sys_closedir(*dir);
}

po_rc po_host_fs_names(struct po_ctx *cx, int *fd, po_str **ret_names, size_t *ret_count)
{
    struct names names = {0};
    PO_CLEANUP(dir_done) DIR *dir = po_sys_fdopendir(*fd);
    if (dir == NULL) return PO_FAIL_SYS(cx, PO_IO, errno, "listing a directory");
    *fd = -1;
    for (;;) {
        struct dirent *entry = po_sys_readdir(dir);
        if (entry == NULL && errno != 0)
            return PO_FAIL_SYS(cx, PO_IO, errno, "listing a directory");
        if (entry == NULL) break;
        po_str name = po_str_of(entry->d_name);
        bool is_dots = po_str_eq_cstr(name, ".") || po_str_eq_cstr(name, "..");
        if (!is_dots) PO_TRY(cx, names_add(cx, &names, name));
    }
    if (names.count > 0) qsort(names.at, names.count, sizeof *names.at, compare_strs);
    *ret_names = names.at;
    *ret_count = names.count;
    return po_rc_ok();
}

/* ---- patterns ----------------------------------------------------------------------------------- */

struct search {
    struct po_caps pattern; /* one value: matched as capabilities are */
    int depth_max;          /* parts below the pattern's fixed directory */
    size_t visited;
    struct names found;
};

/* A directory to look into. */
struct place {
    po_str path;
    int depth;
};

/* "/etc" of "/etc/x*y/z": the longest directory without a wildcard. */
static po_str fixed_part(po_str pattern)
{
    size_t star = po_str_find_char(pattern, '*', 0);
    size_t slash = star == SIZE_MAX ? pattern.len : star;
    while (slash > 0 && pattern.ptr[slash - 1] != '/')
        slash--;
    return slash <= 1 ? PO_LIT("/") : po_str_slice(pattern, 0, slash - 1);
}

static int depth_of(po_str pattern, po_str fixed)
{
    int depth = 0;
    if (po_str_find(pattern, PO_LIT("**"), 0) != SIZE_MAX) return PO_HOST_FS_DEPTH_MAX;
    for (size_t i = fixed.len == 1 ? 0 : fixed.len; i < pattern.len; i++)
        depth += pattern.ptr[i] == '/';
    return depth < PO_HOST_FS_DEPTH_MAX ? depth : PO_HOST_FS_DEPTH_MAX;
}

static PO_RC join(struct po_ctx *cx, po_str dir, po_str name, po_str *ret_path)
{
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, PO_FS_PATH_BYTES_MAX);
    po_buf_append(&buf, dir.len == 1 ? PO_LIT("") : dir);
    po_buf_append_char(&buf, '/');
    po_buf_append(&buf, name);
    PO_TRY_LEAF(cx, po_buf_check(&buf), "a path is too long");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&buf), ret_path), "out of memory");
    return po_rc_ok();
}

/* What is not there, or not for us to open, or a link: it has no names. */
static bool has_no_names(po_rc rc)
{
    return rc.code == PO_NOTFOUND || rc.code == PO_DENIED || rc.code == PO_INVALID;
}

static PO_RC open_place(struct po_ctx *cx, po_str path, int *ret_fd)
{
    const char *name = NULL;
    PO_FD_AUTO above = -1;
    PO_TRY(cx, po_host_fs_walk(cx, path, &above, &name));
    int fd = po_sys_openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "opening '%.*s'",
                           PO_STR_ARG(path));
    *ret_fd = fd;
    return po_rc_ok();
}

/* One name of a place: does it match, and is there more below it? */
static PO_RC judge_name(struct po_ctx *cx, struct search *search, po_str path, bool *ret_is_dir)
{
    struct stat st = {0};
    const char *name = NULL;
    PO_FD_AUTO dir = -1;
    if (po_caps_allow(&search->pattern, PO_CAP_FS_READ, path))
        PO_TRY(cx, names_add(cx, &search->found, path));
    PO_TRY(cx, po_host_fs_walk(cx, path, &dir, &name));
    *ret_is_dir = po_sys_fstatat(dir, name, &st) == 0 && S_ISDIR(st.st_mode);
    return po_rc_ok();
}

/* The names in a place, and which of them are directories. */
static PO_RC visit(struct po_ctx *cx, struct search *search, const struct place *place,
                   struct names *dirs)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_FD_AUTO dir = -1;
    po_rc rc = open_place(cx, place->path, &dir);
    if (has_no_names(rc)) {
        po_err_clear(cx);
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    PO_TRY(cx, po_host_fs_names(cx, &dir, &names, &count));
    search->visited += count;
    if (search->visited > PO_HOST_FS_VISITED_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the pattern looks at more than %d names",
                       PO_HOST_FS_VISITED_MAX);
    for (size_t i = 0; i < count; i++) {
        po_str path = {0};
        bool is_dir = false;
        PO_TRY(cx, join(cx, place->path, names[i], &path));
        PO_TRY(cx, judge_name(cx, search, path, &is_dir));
        if (is_dir && place->depth + 1 < search->depth_max) PO_TRY(cx, names_add(cx, dirs, path));
    }
    return po_rc_ok();
}

/* Level by level: no recursion, one directory open at a time. */
static PO_RC search_from(struct po_ctx *cx, struct search *search, po_str fixed)
{
    struct names level = {0};
    PO_TRY(cx, names_add(cx, &level, fixed));
    for (int depth = 0; depth < search->depth_max && level.count > 0; depth++) {
        struct names below = {0};
        for (size_t i = 0; i < level.count; i++) {
            struct place place = {.path = level.at[i], .depth = depth};
            PO_TRY(cx, visit(cx, search, &place, &below));
        }
        level = below;
    }
    return po_rc_ok();
}

po_rc po_host_fs_glob(struct po_ctx *cx, po_str pattern, struct po_buf *ret_json)
{
    struct po_cap cap = {.kind = PO_CAP_FS_READ, .value = pattern};
    po_str fixed = fixed_part(pattern);
    struct search search = {.pattern = {.count = 1, .at = &cap},
                            .depth_max = depth_of(pattern, fixed)};
    struct po_json_out out = {0};
    PO_TRY(cx, search_from(cx, &search, fixed));
    if (search.found.count > 0)
        qsort(search.found.at, search.found.count, sizeof *search.found.at, compare_strs);
    po_json_out_init(&out, ret_json, 0);
    po_json_out_array(&out);
    for (size_t i = 0; i < search.found.count; i++)
        po_json_out_str(&out, search.found.at[i]);
    po_json_out_array_end(&out);
    return po_rc_ok();
}
