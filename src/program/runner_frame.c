/*
 * Frames over the channel between parent and runner child.
 */
#include "program/runner_wire_priv.h"

#include "core/sys.h"

#include <errno.h>

#define HEAD_BYTES 4
#define POLL_MS_MAX 1000

po_time_us po_frame_now_us(void) { return po_clock_system.monotonic_us(po_clock_system.user); }

/* Until the channel can be read or written. Only the parent has a deadline and comes here. */
static PO_RC wait_for(struct po_ctx *cx, const struct po_frame_end *end, short events)
{
    struct pollfd polled = {.fd = end->fd, .events = events};
    for (;;) {
        po_time_us left = end->deadline_us - po_frame_now_us();
        if (end->deadline_us != 0 && left <= 0)
            return PO_FAIL(cx, PO_TIMEOUT, "the runner child did not answer in time");
        int64_t ms = left / PO_US_PER_MS + 1;
        int ready = po_sys_poll(&polled, 1, (int)(ms < POLL_MS_MAX ? ms : POLL_MS_MAX));
        if (ready < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for the runner channel");
        if (ready > 0) return po_rc_ok();
    }
}

static PO_RC write_all(struct po_ctx *cx, const struct po_frame_end *end, po_str bytes)
{
    while (bytes.len > 0) {
        /* The child ignores SIGPIPE (main.c), and its filter has no calls to hold signals back. */
        ssize_t put = end->deadline_us == 0 ? po_sys_write(end->fd, bytes.ptr, bytes.len)
                                            : po_sys_write_pipe(end->fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EAGAIN) {
            PO_TRY(cx, wait_for(cx, end, POLLOUT));
            continue;
        }
        if (put < 0 && (errno == EPIPE || errno == ECONNRESET))
            return PO_FAIL(cx, PO_CANCELED, "the runner channel is closed");
        if (put < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "writing to the runner channel");
        bytes = po_str_slice(bytes, (size_t)put, bytes.len);
    }
    return po_rc_ok();
}

/* `len` bytes, or PO_CANCELED when the channel is closed before the first (else PO_CORRUPT). */
static PO_RC read_all(struct po_ctx *cx, const struct po_frame_end *end, char *out, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = po_sys_read(end->fd, out + have, len - have);
        if (got < 0 && errno == EAGAIN) {
            PO_TRY(cx, wait_for(cx, end, POLLIN));
            continue;
        }
        bool is_closed = got == 0 || (got < 0 && errno == ECONNRESET);
        if (is_closed && have == 0) return PO_FAIL(cx, PO_CANCELED, "the runner channel is closed");
        if (is_closed) return PO_FAIL(cx, PO_CORRUPT, "a frame is cut short");
        if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading the runner channel");
        have += (size_t)got;
    }
    return po_rc_ok();
}

po_rc po_frame_send(struct po_ctx *cx, const struct po_frame_end *end, po_str json)
{
    if (json.len == 0 || json.len > PO_FRAME_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a frame of %zu bytes: the most is %zu", json.len,
                       PO_FRAME_BYTES_MAX);
    char head[HEAD_BYTES];
    for (size_t i = 0; i < HEAD_BYTES; i++)
        head[i] = (char)(json.len >> (8 * (HEAD_BYTES - 1 - i)));
    PO_TRY(cx, write_all(cx, end, po_str_n(head, HEAD_BYTES)));
    return write_all(cx, end, json);
}

po_rc po_frame_read(struct po_ctx *cx, const struct po_frame_end *end, struct po_buf *frame)
{
    char head[HEAD_BYTES] = {0};
    size_t len = 0;
    PO_TRY(cx, read_all(cx, end, head, HEAD_BYTES));
    for (size_t i = 0; i < HEAD_BYTES; i++)
        len = len << 8 | (uint8_t)head[i];
    if (len == 0 || len > PO_FRAME_BYTES_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "a frame of %zu bytes", len);
    po_buf_clear(frame);
    char *at = po_buf_extend(frame, len);
    if (at == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a frame");
    po_rc rc = read_all(cx, end, at, len);
    if (rc.code == PO_CANCELED) return PO_FAIL(cx, PO_CORRUPT, "a frame is cut short");
    PO_TRY(cx, rc);
    return po_rc_ok();
}
