/*
 * host/fs, inside the runner child.
 *
 * Invariants
 *  1. a path is walked part by part from the root, each opened without following a symbolic link; what
 *     was opened is what is used (no second look-up of a whole path).
 *  2. a file is replaced whole (temporary file, rename) and only when it is ours and a regular file.
 *  3. no set-user-id, set-group-id or sticky bit is ever given.
 *
 * The sandbox below (landlock, system calls) holds the same paths for code that does not come by here.
 */
#include "program/runner_wire_priv.h"

#include "core/codec.h"
#include "core/fs.h"
#include "core/random.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define NEW_FILE_MODE 0640
#define NEW_DIR_MODE 0750
#define MODE_MAX 0777
#define READ_CHUNK_BYTES 65536
#define TEMP_NAME_BYTES 32

#define NO_FOLLOW (PO_RUNNER_TEST(follows_links) ? 0 : O_NOFOLLOW)
/* Never a controlling terminal, and a pipe without a writer must not stop the run. */
#define OPEN_FLAGS (NO_FOLLOW | O_NONBLOCK | O_NOCTTY)

static PO_RC fail_path(struct po_ctx *cx, int why, const char *what, po_str path)
{
    if (why == ELOOP)
        return PO_FAIL(cx, PO_INVALID, "%s '%.*s': a symbolic link is on the way", what,
                       PO_STR_ARG(path));
    return PO_FAIL_SYS(cx, po_fs_code_of_errno(why), why, "%s '%.*s'", what, PO_STR_ARG(path));
}

/* ---- walking ------------------------------------------------------------------------------------ */

/* ELOOP for a link where a directory was wanted: openat says only that it is no directory. */
static int why_not_dir(int dir_fd, const char *name, int why)
{
    struct stat st = {0};
    if (why == ENOTDIR && po_sys_fstatat(dir_fd, name, &st) == 0 && S_ISLNK(st.st_mode))
        return ELOOP;
    return why;
}

po_rc po_host_fs_walk(struct po_ctx *cx, po_str path, int *ret_dir_fd, const char **ret_name)
{
    po_str rest = po_str_slice(path, 1, path.len);
    po_str part = {0};
    const char *name = ".";
    PO_FD_AUTO dir = po_sys_open("/", O_PATH | O_DIRECTORY, 0);
    if (dir < 0) return fail_path(cx, errno, "opening", PO_LIT("/"));
    for (bool is_first = true; rest.len > 0 && po_str_next_field(&rest, '/', &part);) {
        if (!is_first) {
            int next = po_sys_openat(dir, name, O_PATH | O_DIRECTORY | NO_FOLLOW, 0);
            int why = next < 0 ? why_not_dir(dir, name, errno) : 0;
            if (why != 0) return fail_path(cx, why, "opening", path);
            po_fd_closep(&dir);
            dir = next;
        }
        is_first = false;
        name = po_arena_strdup(cx->arena, part);
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a path");
    }
    *ret_name = name;
    *ret_dir_fd = PO_TAKE_FD(dir);
    return po_rc_ok();
}

/* One file or directory, opened, with what it is. */
static PO_RC open_at(struct po_ctx *cx, po_str path, int flags, int *ret_fd, struct stat *ret_stat)
{
    const char *name = NULL;
    PO_FD_AUTO dir = -1;
    PO_TRY(cx, po_host_fs_walk(cx, path, &dir, &name));
    PO_FD_AUTO fd = po_sys_openat(dir, name, flags | OPEN_FLAGS, NEW_FILE_MODE);
    if (fd < 0) return fail_path(cx, why_not_dir(dir, name, errno), "opening", path);
    if (po_sys_fstat(fd, ret_stat) != 0) return fail_path(cx, errno, "asking about", path);
    *ret_fd = PO_TAKE_FD(fd);
    return po_rc_ok();
}

static PO_RC open_regular(struct po_ctx *cx, po_str path, int flags, int *ret_fd)
{
    struct stat st = {0};
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, open_at(cx, path, flags, &fd, &st));
    if (!S_ISREG(st.st_mode))
        return PO_FAIL(cx, PO_INVALID, "'%.*s' is no regular file", PO_STR_ARG(path));
    *ret_fd = PO_TAKE_FD(fd);
    return po_rc_ok();
}

/* What a path is, the last part not followed; absent is PO_OK with false. */
static PO_RC look_at(struct po_ctx *cx, po_str path, bool *ret_exists, struct stat *ret_stat)
{
    const char *name = NULL;
    PO_FD_AUTO dir = -1;
    po_rc rc = po_host_fs_walk(cx, path, &dir, &name);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        *ret_exists = false;
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    *ret_exists = po_sys_fstatat(dir, name, ret_stat) == 0;
    if (!*ret_exists && errno != ENOENT && errno != ENOTDIR)
        return fail_path(cx, errno, "asking about", path);
    return po_rc_ok();
}

static PO_RC must_exist(struct po_ctx *cx, po_str path, struct stat *ret_stat)
{
    bool exists = false;
    PO_TRY(cx, look_at(cx, path, &exists, ret_stat));
    if (!exists) return PO_FAIL(cx, PO_NOTFOUND, "'%.*s' does not exist", PO_STR_ARG(path));
    return po_rc_ok();
}

/* ---- reading ------------------------------------------------------------------------------------ */

static PO_RC do_read(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    PO_FD_AUTO fd = -1;
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_SCRIPT_STRING_BYTES_MAX);
    PO_TRY(cx, open_regular(cx, ask->paths[0], O_RDONLY, &fd));
    PO_TRY(cx, po_fs_read_fd(cx, fd, ask->paths[0].ptr, &text));
    if (po_utf8_find_invalid(po_buf_str(&text)) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "'%s' is not UTF-8 text", ask->paths[0].ptr);
    po_json_quote(ret_json, po_buf_str(&text));
    return po_rc_ok();
}

static PO_RC do_exists(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    struct stat st = {0};
    bool exists = false;
    PO_TRY(cx, look_at(cx, ask->paths[0], &exists, &st));
    po_buf_append_cstr(ret_json, exists ? "true" : "false");
    return po_rc_ok();
}

static const char *kind_of(mode_t mode)
{
    if (S_ISREG(mode)) return "file";
    if (S_ISDIR(mode)) return "dir";
    return S_ISLNK(mode) ? "link" : "other";
}

static PO_RC do_stat(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    struct stat st = {0};
    struct po_json_out out = {0};
    PO_TRY(cx, must_exist(cx, ask->paths[0], &st));
    po_json_out_init(&out, ret_json, 0);
    po_json_out_object(&out);
    po_json_out_field(&out, "kind", po_str_of(kind_of(st.st_mode)));
    po_json_out_field_int(&out, "mode", st.st_mode & 07777);
    po_json_out_field_int(&out, "mtime", st.st_mtim.tv_sec);
    po_json_out_field(&out, "path", ask->paths[0]);
    po_json_out_field_int(&out, "size", st.st_size);
    po_json_out_object_end(&out);
    return po_rc_ok();
}

static PO_RC do_free_bytes(struct po_ctx *cx, const struct po_host_ask *ask,
                           struct po_buf *ret_json)
{
    struct stat st = {0};
    struct statvfs space = {0};
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, open_at(cx, ask->paths[0], O_PATH, &fd, &st));
    if (S_ISLNK(st.st_mode)) return fail_path(cx, ELOOP, "opening", ask->paths[0]);
    if (po_sys_fstatvfs(fd, &space) != 0)
        return fail_path(cx, errno, "asking about", ask->paths[0]);
    uint64_t block = space.f_frsize;
    po_buf_printf(ret_json, "{\"free\":%lu,\"total\":%lu}", (unsigned long)(space.f_bavail * block),
                  (unsigned long)(space.f_blocks * block));
    return po_rc_ok();
}

static PO_RC hash_fd(struct po_ctx *cx, int fd, po_str path,
                     uint8_t ret_digest[static PO_SHA256_BYTES])
{
    char *chunk = NULL;
    uint64_t total = 0;
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = NULL;
    PO_ARENA_NEW(cx, chunk, READ_CHUNK_BYTES);
    PO_TRY(cx, po_hash_new(cx, &hash));
    PO_TRY_LEAF(cx, po_hash_begin(hash), "starting a hash");
    for (;;) {
        ssize_t got = po_sys_read(fd, chunk, READ_CHUNK_BYTES);
        if (got < 0) return fail_path(cx, errno, "reading", path);
        if (got == 0) break;
        total += (uint64_t)got;
        if (total > PO_HOST_FS_HASHED_BYTES_MAX)
            return PO_FAIL(cx, PO_LIMIT, "'%.*s' is larger than 1 GiB", PO_STR_ARG(path));
        PO_TRY_LEAF(cx, po_hash_update(hash, po_str_n(chunk, (size_t)got)), "hashing a file");
    }
    PO_TRY_LEAF(cx, po_hash_end(hash, ret_digest), "hashing a file");
    return po_rc_ok();
}

static PO_RC do_sha256(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    uint8_t digest[PO_SHA256_BYTES] = {0};
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, open_regular(cx, ask->paths[0], O_RDONLY, &fd));
    PO_TRY(cx, hash_fd(cx, fd, ask->paths[0], digest));
    po_buf_append_char(ret_json, '"');
    po_hex_append(ret_json, digest, sizeof digest);
    po_buf_append_char(ret_json, '"');
    return po_rc_ok();
}

static PO_RC do_list(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    po_str *names = NULL;
    size_t count = 0;
    struct stat st = {0};
    struct po_json_out out = {0};
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, open_at(cx, ask->paths[0], O_RDONLY | O_DIRECTORY, &fd, &st));
    PO_TRY(cx, po_host_fs_names(cx, &fd, &names, &count));
    po_json_out_init(&out, ret_json, 0);
    po_json_out_array(&out);
    for (size_t i = 0; i < count; i++)
        po_json_out_str(&out, names[i]);
    po_json_out_array_end(&out);
    return po_rc_ok();
}

static PO_RC do_glob(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    return po_host_fs_glob(cx, ask->paths[0], ret_json);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static PO_RC text_arg(struct po_ctx *cx, const struct po_host_ask *ask, po_str *ret_text)
{
    const struct po_json *arg = ask->args->count > 1 ? ask->args->first->next : NULL;
    if (arg == NULL || arg->type != PO_JSON_STR)
        return PO_FAIL(cx, PO_INVALID, "the second argument is no text");
    *ret_text = arg->str;
    return po_rc_ok();
}

static PO_RC write_all(struct po_ctx *cx, int fd, po_str text, po_str path)
{
    while (text.len > 0) {
        ssize_t put = po_sys_write(fd, text.ptr, text.len);
        if (put <= 0) return fail_path(cx, put < 0 ? errno : EIO, "writing", path);
        text = po_str_slice(text, (size_t)put, text.len);
    }
    return po_rc_ok();
}

/* A file in the making, removed unless it got its name. */
struct temp {
    int dir; /* borrowed */
    char name[TEMP_NAME_BYTES];
    int fd;
    bool is_there;
};

static void temp_done(struct temp *temp)
{
    int saved_errno = errno;
    if (temp->is_there) (void)po_sys_unlinkat(temp->dir, temp->name, false);
    po_fd_closep(&temp->fd);
    errno = saved_errno;
}

static PO_RC temp_open(struct po_ctx *cx, po_str path, mode_t mode, struct temp *temp)
{
    uint64_t number = 0;
    PO_TRY_LEAF(cx, po_random_fill(&number, sizeof number), "no randomness for a file name");
    (void)snprintf(temp->name, sizeof temp->name, PO_FS_TEMP_PREFIX "%016lx",
                   (unsigned long)number);
    temp->fd = po_sys_openat(temp->dir, temp->name, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);
    if (temp->fd < 0) return fail_path(cx, errno, "writing", path);
    temp->is_there = true;
    if (po_sys_fchmod(temp->fd, mode) != 0) return fail_path(cx, errno, "writing", path);
    return po_rc_ok();
}

/* What stands at the name already must be a file of ours; its mode is kept. */
static PO_RC check_replaced(struct po_ctx *cx, int dir, const char *name, po_str path,
                            mode_t *ret_mode)
{
    struct stat st = {0};
    if (po_sys_fstatat(dir, name, &st) != 0)
        return errno == ENOENT ? po_rc_ok() : fail_path(cx, errno, "writing", path);
    if (S_ISLNK(st.st_mode) && NO_FOLLOW != 0) return fail_path(cx, ELOOP, "writing", path);
    if (!S_ISREG(st.st_mode))
        return PO_FAIL(cx, PO_INVALID, "'%.*s' is no regular file", PO_STR_ARG(path));
    if (st.st_uid != po_sys_geteuid())
        return PO_FAIL(cx, PO_DENIED, "'%.*s' belongs to another user", PO_STR_ARG(path));
    *ret_mode = st.st_mode & MODE_MAX;
    return po_rc_ok();
}

static PO_RC do_write(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    po_str path = ask->paths[0];
    po_str text = {0};
    mode_t mode = NEW_FILE_MODE;
    const char *name = NULL;
    PO_FD_AUTO dir = -1;
    PO_TRY(cx, text_arg(cx, ask, &text));
    PO_TRY(cx, po_host_fs_walk(cx, path, &dir, &name));
    PO_TRY(cx, check_replaced(cx, dir, name, path, &mode));
    PO_CLEANUP(temp_done) struct temp temp = {.dir = dir, .fd = -1};
    PO_TRY(cx, temp_open(cx, path, mode, &temp));
    PO_TRY(cx, write_all(cx, temp.fd, text, path));
    if (po_sys_fsync(temp.fd) != 0) return fail_path(cx, errno, "writing", path);
    /* The answer is ready before the file is: after the rename nothing can fail. */
    po_buf_append_cstr(ret_json, "null");
    PO_TRY_LEAF(cx, po_buf_check(ret_json), "out of memory for an answer");
    if (po_sys_renameat(dir, temp.name, dir, name) != 0)
        return fail_path(cx, errno, "writing", path);
    temp.is_there = false;
    return po_rc_ok();
}

static PO_RC do_append(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    po_str text = {0};
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, text_arg(cx, ask, &text));
    PO_TRY(cx, open_regular(cx, ask->paths[0], O_WRONLY | O_APPEND | O_CREAT, &fd));
    PO_TRY(cx, write_all(cx, fd, text, ask->paths[0]));
    if (po_sys_fdatasync(fd) != 0) return fail_path(cx, errno, "writing", ask->paths[0]);
    po_buf_append_cstr(ret_json, "null");
    return po_rc_ok();
}

static PO_RC do_mkdir(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    const char *name = NULL;
    struct stat st = {0};
    PO_FD_AUTO dir = -1;
    PO_TRY(cx, po_host_fs_walk(cx, ask->paths[0], &dir, &name));
    if (po_sys_mkdirat(dir, name, NEW_DIR_MODE) != 0) {
        int why = errno;
        bool is_there = why == EEXIST && po_sys_fstatat(dir, name, &st) == 0;
        if (!is_there || !S_ISDIR(st.st_mode)) return fail_path(cx, why, "making", ask->paths[0]);
    }
    po_buf_append_cstr(ret_json, "null");
    return po_rc_ok();
}

static PO_RC do_rename(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    const char *from = NULL;
    const char *to = NULL;
    PO_FD_AUTO from_dir = -1;
    PO_FD_AUTO to_dir = -1;
    PO_TRY(cx, po_host_fs_walk(cx, ask->paths[0], &from_dir, &from));
    PO_TRY(cx, po_host_fs_walk(cx, ask->paths[1], &to_dir, &to));
    if (po_sys_renameat(from_dir, from, to_dir, to) != 0)
        return fail_path(cx, errno, "renaming", ask->paths[0]);
    po_buf_append_cstr(ret_json, "null");
    return po_rc_ok();
}

static PO_RC do_remove(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    const char *name = NULL;
    struct stat st = {0};
    PO_FD_AUTO dir = -1;
    PO_TRY(cx, po_host_fs_walk(cx, ask->paths[0], &dir, &name));
    if (po_sys_fstatat(dir, name, &st) != 0) return fail_path(cx, errno, "removing", ask->paths[0]);
    if (po_sys_unlinkat(dir, name, S_ISDIR(st.st_mode)) != 0)
        return fail_path(cx, errno, "removing", ask->paths[0]);
    po_buf_append_cstr(ret_json, "null");
    return po_rc_ok();
}

/* fchmod alone passes the filter, so the file must be one that landlock lets this process open. */
static PO_RC do_chmod(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    const struct po_json *arg = ask->args->count > 1 ? ask->args->first->next : NULL;
    struct stat st = {0};
    PO_FD_AUTO fd = -1;
    if (arg == NULL || arg->type != PO_JSON_INT || arg->integer < 0 || arg->integer > MODE_MAX)
        return PO_FAIL(cx, PO_INVALID, "a mode is 0 to 0o777");
    PO_TRY(cx, must_exist(cx, ask->paths[0], &st));
    PO_TRY(cx, open_at(cx, ask->paths[0], S_ISDIR(st.st_mode) ? O_RDONLY : O_WRONLY, &fd, &st));
    if (po_sys_fchmod(fd, (mode_t)arg->integer) != 0)
        return fail_path(cx, errno, "changing the mode of", ask->paths[0]);
    po_buf_append_cstr(ret_json, "null");
    return po_rc_ok();
}

/* ---- dispatch ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    po_rc (*answer)(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json);
} functions[] = {
    {"append", do_append},         {"chmod", do_chmod},   {"exists", do_exists},
    {"free_bytes", do_free_bytes}, {"glob", do_glob},     {"list", do_list},
    {"mkdir", do_mkdir},           {"read", do_read},     {"remove", do_remove},
    {"rename", do_rename},         {"sha256", do_sha256}, {"stat", do_stat},
    {"write", do_write},
};

po_rc po_host_fs_answer(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (po_str_eq_cstr(ask->call->name, functions[i].name))
            return functions[i].answer(cx, ask, ret_json);
    return PO_FAIL(cx, PO_UNSUPPORTED, "host/fs.%.*s is not built", PO_STR_ARG(ask->call->name));
}
