/*
 * Bounded reading of files for fact readers, and small JSON forms they share.
 */
#include "fact_priv.h"

#include "core/alloc.h"
#include "core/codec.h"
#include "core/sys.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>

#define CHUNK_BYTES ((size_t)64 << 10)

void po_fact_put_mode(struct po_json_out *out, const char *key, uint32_t mode)
{
    char text[5] = "0000";
    for (int i = 3; i >= 0; i--) {
        text[i] = (char)('0' + (mode & 7U));
        mode >>= 3;
    }
    po_fact_put_cstr(out, key, text);
}

void po_fact_put_digest(struct po_json_out *out, const char *key, const uint8_t digest[static 32])
{
    char hex[65] = {0};
    po_hex_encode(digest, 32, hex);
    po_fact_put_cstr(out, key, hex);
}

PO_RC po_fact_path(struct po_ctx *cx, const char *dir, const char *name, const char **ret_path)
{
    return po_path_join(cx, dir, name, ret_path);
}

PO_RC po_fact_path_str(struct po_ctx *cx, const char *dir, po_str name, const char **ret_path)
{
    const char *text = po_arena_strdup(cx->arena, name);
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_path_join(cx, dir, text, ret_path);
}

const char *po_fact_file_name(enum po_fact_file state)
{
    static const char *const names[] = {"ok", "absent", "denied", "other", "cut"};
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

/* Errors that are answers about the file, not failures to look. */
static bool state_of_errno(int error, enum po_fact_file *ret_state)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH: *ret_state = PO_FACT_FILE_ABSENT; return true;
    case EACCES:
    case EPERM: *ret_state = PO_FACT_FILE_DENIED; return true;
    case ELOOP:
    case ENXIO:
    case ENODEV:
    case EISDIR: *ret_state = PO_FACT_FILE_OTHER; return true;
    default: return false;
    }
}

PO_RC po_fact_file_open(struct po_ctx *cx, const char *path, int *ret_fd,
                        enum po_fact_file *ret_state)
{
    *ret_fd = -1;
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        if (state_of_errno(errno, ret_state)) return po_rc_ok();
        return PO_FAIL_SYS(cx, PO_IO, errno, "opening '%s'", path);
    }
    struct stat info = {0};
    if (po_sys_fstat(fd, &info) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "looking at '%s'", path);
    if (!S_ISREG(info.st_mode)) {
        *ret_state = PO_FACT_FILE_OTHER;
        return po_rc_ok();
    }
    *ret_state = PO_FACT_FILE_OK;
    *ret_fd = fd;
    fd = -1;
    return po_rc_ok();
}

/* Up to buf->max bytes; the state says when the file goes on. */
static PO_RC read_up_to(struct po_ctx *cx, int fd, const char *path, struct po_buf *buf,
                        enum po_fact_file *ret_state)
{
    for (;;) {
        char chunk[4096];
        ssize_t got = po_sys_read(fd, chunk, sizeof chunk);
        if (got < 0) {
            if (state_of_errno(errno, ret_state)) return po_rc_ok();
            return PO_FAIL_SYS(cx, PO_IO, errno, "reading '%s'", path);
        }
        if (got == 0) return po_rc_ok();
        size_t room = buf->max - buf->len;
        size_t take = (size_t)got < room ? (size_t)got : room;
        po_buf_append(buf, po_str_n(chunk, take));
        PO_TRY_LEAF(cx, po_buf_check(buf), "reading '%s'", path);
        if (take < (size_t)got) {
            *ret_state = PO_FACT_FILE_CUT;
            return po_rc_ok();
        }
    }
}

PO_RC po_fact_file_read_into(struct po_ctx *cx, const char *path, struct po_buf *buf,
                             enum po_fact_file *ret_state)
{
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, po_fact_file_open(cx, path, &fd, ret_state));
    if (*ret_state != PO_FACT_FILE_OK) return po_rc_ok();
    return read_up_to(cx, fd, path, buf, ret_state);
}

PO_RC po_fact_file_read(struct po_ctx *cx, const char *path, size_t max, po_str *ret_bytes,
                        enum po_fact_file *ret_state)
{
    *ret_bytes = (po_str){NULL, 0};
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, max);
    PO_TRY(cx, po_fact_file_read_into(cx, path, &buf, ret_state));
    if (*ret_state != PO_FACT_FILE_OK && *ret_state != PO_FACT_FILE_CUT) return po_rc_ok();
    return po_arena_copy(cx->arena, po_buf_str(&buf), ret_bytes);
}

PO_RC po_fact_lines_open(struct po_ctx *cx, const char *path, struct po_fact_lines *ret_lines,
                         enum po_fact_file *ret_state)
{
    *ret_lines = (struct po_fact_lines){.fd = -1, .is_end = true};
    PO_TRY(cx, po_fact_file_open(cx, path, &ret_lines->fd, ret_state));
    if (*ret_state != PO_FACT_FILE_OK) return po_rc_ok();
    ret_lines->buf = po_calloc(1, PO_FACT_LINE_BYTES_MAX);
    if (ret_lines->buf == NULL) return PO_FAIL(cx, PO_NOMEM, "reading '%s'", path);
    ret_lines->is_end = false;
    return po_rc_ok();
}

void po_fact_lines_done(struct po_fact_lines *lines)
{
    int keep = errno;
    po_free(lines->buf);
    lines->buf = NULL;
    if (lines->fd >= 0) (void)po_sys_close(lines->fd);
    lines->fd = -1;
    lines->is_end = true;
    errno = keep;
}

/* Move what is left to the front and read more. */
static PO_RC fill_lines(struct po_ctx *cx, struct po_fact_lines *lines)
{
    size_t left = lines->end - lines->start;
    memmove(lines->buf, lines->buf + lines->start, left);
    lines->start = 0;
    lines->end = left;
    ssize_t got = po_sys_read(lines->fd, lines->buf + left, PO_FACT_LINE_BYTES_MAX - left);
    if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading lines");
    if (got == 0) lines->is_end = true;
    lines->end += (size_t)got;
    return po_rc_ok();
}

/* After a line that filled the buffer: drop bytes up to its end. */
static PO_RC skip_rest(struct po_ctx *cx, struct po_fact_lines *lines)
{
    while (!lines->is_end) {
        lines->start = 0;
        lines->end = 0;
        PO_TRY(cx, fill_lines(cx, lines));
        size_t at = po_str_find_char(po_str_n(lines->buf, lines->end), '\n', 0);
        if (at == SIZE_MAX) continue;
        lines->start = at + 1;
        return po_rc_ok();
    }
    return po_rc_ok();
}

PO_RC po_fact_lines_next(struct po_ctx *cx, struct po_fact_lines *lines, po_str *ret_line,
                         bool *ret_has)
{
    if (lines->is_cut) {
        lines->is_cut = false;
        PO_TRY(cx, skip_rest(cx, lines));
    }
    for (;;) {
        po_str have = po_str_n(lines->buf + lines->start, lines->end - lines->start);
        size_t at = have.len == 0 ? SIZE_MAX : po_str_find_char(have, '\n', 0);
        bool is_full = lines->start == 0 && lines->end == PO_FACT_LINE_BYTES_MAX;
        if (at != SIZE_MAX) {
            *ret_line = po_str_slice(have, 0, at);
            lines->start += at + 1;
            *ret_has = true;
            return po_rc_ok();
        }
        if (is_full || lines->is_end) {
            *ret_line = have;
            *ret_has = have.len > 0;
            lines->start = lines->end;
            lines->is_cut = is_full && !lines->is_end && !lines->splits_long_lines;
            return po_rc_ok();
        }
        PO_TRY(cx, fill_lines(cx, lines));
    }
}

PO_RC po_fact_file_digest(struct po_ctx *cx, const char *path, uint64_t max,
                          uint8_t ret_digest[static 32], enum po_fact_file *ret_state)
{
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, po_fact_file_open(cx, path, &fd, ret_state));
    if (*ret_state != PO_FACT_FILE_OK) return po_rc_ok();
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = NULL;
    PO_TRY(cx, po_hash_new(cx, &hash));
    PO_TRY_LEAF(cx, po_hash_begin(hash), "digest of '%s'", path);
    PO_CLEANUP(po_freep) char *chunk = po_calloc(1, CHUNK_BYTES);
    if (chunk == NULL) return PO_FAIL(cx, PO_NOMEM, "digest of '%s'", path);
    uint64_t total = 0;
    for (;;) {
        ssize_t got = po_sys_read(fd, chunk, CHUNK_BYTES);
        if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading '%s'", path);
        if (got == 0) break;
        total += (uint64_t)got;
        if (total > max) {
            *ret_state = PO_FACT_FILE_CUT;
            return po_rc_ok();
        }
        PO_TRY_LEAF(cx, po_hash_update(hash, po_str_n(chunk, (size_t)got)), "digest of '%s'", path);
    }
    PO_TRY_LEAF(cx, po_hash_end(hash, ret_digest), "digest of '%s'", path);
    return po_rc_ok();
}

po_str po_fact_line_value(po_str text, const char *key, char sep)
{
    po_str wanted = po_str_of(key);
    po_str line = {0};
    while (po_str_next_line(&text, &line)) {
        if (!po_str_starts(line, wanted) || line.len <= wanted.len) continue;
        if (line.ptr[wanted.len] != sep) continue;
        po_str value = po_str_trim(po_str_slice(line, wanted.len + 1, line.len));
        bool is_quoted = value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
                         value.ptr[value.len - 1] == value.ptr[0];
        return is_quoted ? po_str_slice(value, 1, value.len - 1) : value;
    }
    return (po_str){NULL, 0};
}
