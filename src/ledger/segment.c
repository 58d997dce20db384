/*
 * Segment files: 65,536 records in NNNNNN.rec, their payloads in NNNNNN.pay.
 *
 * Invariants
 *  1. Files grow only by zeros, in whole steps; records and payloads are written over zeros.
 *  2. block_start[b] is the payload offset of leaf 256*b of the segment, known up to `leaves`.
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define IO_CHUNK_BYTES ((size_t)64 << 10)

/* ---- paths, state ---------------------------------------------------------------------------- */

po_rc po_ledger_path(struct po_ctx *cx, const struct po_ledger *ledger, const char *name,
                     char out[static PO_LEDGER_PATH_BYTES])
{
    int len = snprintf(out, PO_LEDGER_PATH_BYTES, "%s/%s", ledger->dir, name);
    if (len < 0 || len >= PO_LEDGER_PATH_BYTES)
        return PO_FAIL(cx, PO_LIMIT, "path of '%s' is too long", name);
    return po_rc_ok();
}

void po_ledger_degrade(struct po_ledger *ledger, const char *fmt, ...)
{
    if (ledger->reason[0] != '\0') return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(ledger->reason, sizeof ledger->reason, fmt, args);
    va_end(args);
}

po_rc po_ledger_writable(struct po_ctx *cx, const struct po_ledger *ledger)
{
    if (ledger->reason[0] != '\0')
        return PO_FAIL(cx, PO_UNAVAILABLE, "the ledger is read-only: %s", ledger->reason);
    if (ledger->is_broken)
        return PO_FAIL(cx, PO_IO, "an earlier write to the ledger failed; it must be opened again");
    return po_rc_ok();
}

void po_segment_name(char out[static 16], uint64_t number, const char *ext)
{
    (void)snprintf(out, 16, "%06" PRIu64 ".%s", number, ext);
}

void po_segment_init(struct po_segment *segment)
{
    *segment = (struct po_segment){.rec_fd = -1, .pay_fd = -1};
}

void po_segment_close(struct po_segment *segment)
{
    po_fd_closep(&segment->rec_fd);
    po_fd_closep(&segment->pay_fd);
    segment->is_open = false;
}

po_rc po_file_len(struct po_ctx *cx, int fd, uint64_t *ret_len)
{
    struct stat st = {0};
    if (po_sys_fstat(fd, &st) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "looking at a ledger file");
    if (!S_ISREG(st.st_mode)) return PO_FAIL(cx, PO_CORRUPT, "a ledger file is no regular file");
    *ret_len = (uint64_t)st.st_size;
    return po_rc_ok();
}

/* ---- opening --------------------------------------------------------------------------------- */

static po_rc open_one(struct po_ctx *cx, const struct po_ledger *ledger, const char *name,
                      int flags, int *ret_fd)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_TRY(cx, po_ledger_path(cx, ledger, name, path));
    int fd = po_sys_open(path, flags | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (fd < 0)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "opening ledger file '%s'", name);
    *ret_fd = fd;
    return po_rc_ok();
}

static po_rc open_files(struct po_ctx *cx, const struct po_ledger *ledger, int flags,
                        struct po_segment *segment)
{
    char name[16];
    po_segment_name(name, segment->number, "pay");
    PO_TRY(cx, open_one(cx, ledger, name, flags, &segment->pay_fd));
    PO_TRY_MSG(cx, po_file_len(cx, segment->pay_fd, &segment->pay_len), "'%s'", name);
    po_segment_name(name, segment->number, "rec");
    PO_TRY(cx, open_one(cx, ledger, name, flags, &segment->rec_fd));
    PO_TRY_MSG(cx, po_file_len(cx, segment->rec_fd, &segment->rec_len), "'%s'", name);
    segment->is_open = true;
    return po_rc_ok();
}

po_rc po_segment_open(struct po_ctx *cx, const struct po_ledger *ledger, uint64_t number,
                      bool is_writable, struct po_segment *segment)
{
    po_segment_close(segment);
    po_segment_init(segment);
    segment->number = number;
    segment->is_writable = is_writable;
    po_rc rc = open_files(cx, ledger, is_writable ? O_RDWR : O_RDONLY, segment);
    if (!po_is_ok(rc)) po_segment_close(segment);
    return rc;
}

/* Files that a crash left behind empty are taken over; their names count as not durable. */
po_rc po_segment_create(struct po_ctx *cx, const struct po_ledger *ledger, uint64_t number,
                        struct po_segment *segment)
{
    po_segment_close(segment);
    po_segment_init(segment);
    segment->number = number;
    segment->is_writable = true;
    po_rc rc = open_files(cx, ledger, O_RDWR | O_CREAT, segment);
    if (!po_is_ok(rc)) po_segment_close(segment);
    return rc;
}

/* ---- sums of payload lengths ----------------------------------------------------------------- */

po_rc po_segment_index(struct po_ctx *cx, struct po_segment *segment, uint64_t leaves)
{
    uint8_t block[PO_BLOCK_BYTES];
    PO_INVARIANT(cx, leaves <= PO_SEGMENT_LEAVES);
    while (segment->leaves < leaves) {
        uint64_t at = segment->leaves / PO_BLOCK_LEAVES * PO_BLOCK_LEAVES;
        uint64_t end = at + PO_BLOCK_LEAVES < leaves ? at + PO_BLOCK_LEAVES : leaves;
        size_t bytes = (size_t)(end - at) * PO_RECORD_BYTES;
        char name[16];
        po_segment_name(name, segment->number, "rec");
        PO_TRY_MSG(
            cx, po_fs_pread_all(cx, segment->rec_fd, block, bytes, (off_t)(at * PO_RECORD_BYTES)),
            "ledger file '%s' is cut short", name);
        uint64_t sum = segment->block_start[at / PO_BLOCK_LEAVES];
        for (uint64_t i = 0; i < end - at; i++)
            sum += po_frame_len(block + i * PO_RECORD_BYTES);
        segment->leaves = end;
        segment->pay_end = sum;
        if (end % PO_BLOCK_LEAVES == 0) segment->block_start[end / PO_BLOCK_LEAVES] = sum;
    }
    return po_rc_ok();
}

/* ---- growing, syncing, clearing -------------------------------------------------------------- */

static po_rc grow(struct po_ctx *cx, int fd, uint64_t *len, uint64_t want)
{
    static const char zeros[IO_CHUNK_BYTES];
    while (*len < want) {
        size_t bytes = want - *len < sizeof zeros ? (size_t)(want - *len) : sizeof zeros;
        PO_TRY(cx, po_fs_pwrite_all(cx, fd, po_str_n(zeros, bytes), (off_t)*len));
        *len += bytes;
    }
    return po_rc_ok();
}

static uint64_t round_up(uint64_t n, uint64_t step) { return (n + step - 1) / step * step; }

po_rc po_segment_extend(struct po_ctx *cx, struct po_segment *segment, uint64_t rec_end,
                        uint64_t pay_end)
{
    char name[16];
    po_segment_name(name, segment->number, "pay");
    PO_TRY_MSG(cx,
               grow(cx, segment->pay_fd, &segment->pay_len, round_up(pay_end, PO_PAY_STEP_BYTES)),
               "extending ledger file '%s'", name);
    po_segment_name(name, segment->number, "rec");
    PO_TRY_MSG(cx,
               grow(cx, segment->rec_fd, &segment->rec_len, round_up(rec_end, PO_REC_STEP_BYTES)),
               "extending ledger file '%s'", name);
    return po_rc_ok();
}

po_rc po_segment_sync(struct po_ctx *cx, const struct po_ledger *ledger, struct po_segment *segment)
{
    char name[16];
    po_segment_name(name, segment->number, "pay");
    if (po_sys_fdatasync(segment->pay_fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "syncing ledger file '%s'", name);
    po_segment_name(name, segment->number, "rec");
    if (po_sys_fdatasync(segment->rec_fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "syncing ledger file '%s'", name);
    if (segment->is_name_synced) return po_rc_ok();
    PO_TRY(cx, po_fs_sync_dir(cx, ledger->dir));
    segment->is_name_synced = true;
    return po_rc_ok();
}

static size_t count_nonzero(const uint8_t *bytes, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += bytes[i] != 0;
    return count;
}

po_rc po_segment_clear(struct po_ctx *cx, int fd, uint64_t from, uint64_t *ret_cleared)
{
    static const char zeros[IO_CHUNK_BYTES];
    uint8_t chunk[IO_CHUNK_BYTES];
    uint64_t len = 0;
    *ret_cleared = 0;
    PO_TRY(cx, po_file_len(cx, fd, &len));
    for (uint64_t at = from; at < len;) {
        size_t bytes = len - at < sizeof chunk ? (size_t)(len - at) : sizeof chunk;
        PO_TRY(cx, po_fs_pread_all(cx, fd, chunk, bytes, (off_t)at));
        size_t found = count_nonzero(chunk, bytes);
        if (found > 0) PO_TRY(cx, po_fs_pwrite_all(cx, fd, po_str_n(zeros, bytes), (off_t)at));
        *ret_cleared += found;
        at += bytes;
    }
    return po_rc_ok();
}

po_rc po_segment_find_nonzero(struct po_ctx *cx, int fd, uint64_t from, uint64_t *ret_offset)
{
    uint8_t chunk[IO_CHUNK_BYTES];
    uint64_t len = 0;
    PO_TRY(cx, po_file_len(cx, fd, &len));
    for (uint64_t at = from; at < len;) {
        size_t bytes = len - at < sizeof chunk ? (size_t)(len - at) : sizeof chunk;
        PO_TRY(cx, po_fs_pread_all(cx, fd, chunk, bytes, (off_t)at));
        for (size_t i = 0; i < bytes; i++) {
            if (chunk[i] == 0) continue;
            *ret_offset = at + i;
            return po_rc_ok();
        }
        at += bytes;
    }
    *ret_offset = len;
    return po_rc_ok();
}
