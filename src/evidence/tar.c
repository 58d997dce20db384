/*
 * ustar (POSIX.1-1988), regular files only: enough to carry a pack and strict enough to trust.
 */
#include "core/fs.h"
#include "core/sys.h"
#include "pack_priv.h"

#include <errno.h>
#include <fcntl.h>

#define BLOCK 512
#define NAME_BYTES 100
#define PREFIX_OFFSET 345
#define PREFIX_BYTES 155
#define SIZE_OFFSET 124
#define MTIME_OFFSET 136
#define CHECKSUM_OFFSET 148

static void put_octal(char *field, size_t width, uint64_t value)
{
    for (size_t i = width - 1; i > 0; i--) {
        field[i - 1] = (char)('0' + (value & 7U));
        value >>= 3;
    }
    field[width - 1] = '\0';
}

/* Octal digits, then NUL or blank; anything else is refused. */
static bool get_octal(const char *field, size_t width, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0');
    if (i == 0 || i > 20) return false;
    for (; i < width; i++)
        if (field[i] != '\0' && field[i] != ' ') return false;
    *ret_value = value;
    return true;
}

static uint64_t checksum(const char *header)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        bool is_own = i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + 8;
        sum += is_own ? (uint8_t)' ' : (uint8_t)header[i];
    }
    return sum;
}

/* Where to cut a path into prefix and name; SIZE_MAX when it cannot be. */
static size_t split_path(po_str path)
{
    for (size_t at = path.len; at > 0; at--)
        if (path.ptr[at - 1] == '/' && at - 1 <= PREFIX_BYTES && path.len - at <= NAME_BYTES)
            return at - 1;
    return SIZE_MAX;
}

/* The one header of a file; false when the path is too long. */
static bool make_header(char header[static BLOCK], po_str path, uint64_t bytes, uint64_t mtime_s)
{
    size_t cut = path.len > NAME_BYTES ? split_path(path) : 0;
    if (cut == SIZE_MAX) return false;
    memset(header, 0, BLOCK);
    if (cut > 0) memcpy(header + PREFIX_OFFSET, path.ptr, cut);
    size_t name = cut > 0 ? cut + 1 : 0;
    if (path.len > name) memcpy(header, path.ptr + name, path.len - name);
    put_octal(header + 100, 8, 0644);
    put_octal(header + 108, 8, 0);
    put_octal(header + 116, 8, 0);
    put_octal(header + SIZE_OFFSET, 12, bytes);
    put_octal(header + MTIME_OFFSET, 12, mtime_s);
    header[156] = '0';
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    put_octal(header + CHECKSUM_OFFSET, 7, checksum(header));
    header[CHECKSUM_OFFSET + 7] = ' ';
    return true;
}

PO_RC po_tar_header(struct po_buf *out, po_str path, uint64_t bytes, int64_t mtime_s)
{
    char header[BLOCK];
    if (!make_header(header, path, bytes, mtime_s < 0 ? 0 : (uint64_t)mtime_s))
        return po_rc_of(PO_LIMIT);
    po_buf_append(out, po_str_n(header, sizeof header));
    return po_buf_check(out);
}

static bool is_zero(po_str block)
{
    for (size_t i = 0; i < block.len; i++)
        if (block.ptr[i] != '\0') return false;
    return true;
}

static size_t field_len(const char *field, size_t max)
{
    size_t len = 0;
    while (len < max && field[len] != '\0')
        len++;
    return len;
}

/* Prefix and name as one path; its length. */
static size_t join_path(const char *header, char path_storage[static 257])
{
    size_t prefix = field_len(header + PREFIX_OFFSET, PREFIX_BYTES);
    size_t name = field_len(header, NAME_BYTES);
    size_t len = 0;
    if (prefix > 0) {
        memcpy(path_storage, header + PREFIX_OFFSET, prefix);
        path_storage[prefix] = '/';
        len = prefix + 1;
    }
    memcpy(path_storage + len, header, name);
    len += name;
    path_storage[len] = '\0';
    return len;
}

PO_RC po_tar_parse(po_str header, uint64_t *offset, struct po_tar_entry *ret_entry, bool *ret_end,
                   char path_storage[static 257])
{
    uint64_t bytes = 0;
    uint64_t mtime_s = 0;
    char want[BLOCK];
    *ret_end = false;
    if (header.len != BLOCK) return po_rc_of(PO_INVALID);
    if (is_zero(header)) {
        *ret_end = true;
        return po_rc_ok();
    }
    bool is_fine = get_octal(header.ptr + SIZE_OFFSET, 12, &bytes) &&
                   get_octal(header.ptr + MTIME_OFFSET, 12, &mtime_s);
    if (!is_fine || bytes > PO_PACK_FILE_BYTES_MAX) return po_rc_of(PO_INVALID);
    po_str path = po_str_n(path_storage, join_path(header.ptr, path_storage));
    /* Only the bytes we would write: nothing hides in fields that no reader looks at. */
    if (!make_header(want, path, bytes, mtime_s) || !po_str_eq(header, po_str_n(want, sizeof want)))
        return po_rc_of(PO_INVALID);
    *ret_entry = (struct po_tar_entry){path, *offset + BLOCK, bytes};
    *offset += BLOCK + (bytes + BLOCK - 1) / BLOCK * BLOCK;
    return po_rc_ok();
}

/* -- writing a directory as one file ---------------------------------------------------------------- */

static PO_RC append_all(struct po_ctx *cx, int fd, po_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = po_sys_write(fd, bytes.ptr, bytes.len);
        if (n <= 0) return PO_FAIL_SYS(cx, PO_IO, errno, "writing the tar");
        bytes = po_str_slice(bytes, (size_t)n, bytes.len);
    }
    return po_rc_ok();
}

static PO_RC append_file(struct po_ctx *cx, int fd, const char *dir,
                         const struct po_pack_file *file, int64_t mtime_s)
{
    const char *relative = po_arena_strdup(cx->arena, file->path);
    const char *path = NULL;
    if (relative == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_path_join(cx, dir, relative, &path));
    PO_BUF_AUTO bytes;
    PO_BUF_AUTO header;
    po_buf_init(&bytes, PO_PACK_FILE_BYTES_MAX + BLOCK);
    po_buf_init(&header, BLOCK);
    PO_TRY(cx, po_fs_read(cx, path, &bytes));
    PO_TRY_LEAF(cx, po_tar_header(&header, file->path, bytes.len, mtime_s),
                "'%.*s' is too long a path for a tar", PO_STR_ARG(file->path));
    po_buf_append_zeros(&bytes, (BLOCK - bytes.len % BLOCK) % BLOCK);
    PO_TRY_LEAF(cx, po_buf_check(&bytes), "'%.*s' is too large", PO_STR_ARG(file->path));
    PO_TRY(cx, append_all(cx, fd, po_buf_str(&header)));
    return append_all(cx, fd, po_buf_str(&bytes));
}

PO_RC po_tar_write(struct po_ctx *cx, const char *dir, const struct po_pack_exported *exported,
                   const char *tar_path)
{
    int64_t mtime_s = exported->time_us / PO_US_PER_S;
    static const char end[2 * BLOCK] = {0};
    PO_FD_AUTO fd = po_sys_open(tar_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0) return PO_FAIL_SYS(cx, PO_CREATE, errno, "creating '%s'", tar_path);
    for (size_t i = 0; i < exported->file_count; i++)
        PO_TRY(cx, append_file(cx, fd, dir, &exported->files[i], mtime_s));
    PO_TRY(cx, append_all(cx, fd, po_str_n(end, sizeof end)));
    if (po_sys_fdatasync(fd) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "writing '%s'", tar_path);
    return po_rc_ok();
}
