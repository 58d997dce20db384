/*
 * One side of a connection: bytes that came, frames that wait to be sent.
 */
#include "daemon/wire.h"

#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"

#include <errno.h>

#define READ_BYTES ((size_t)64 << 10)
#define FILL_BYTES_MAX ((size_t)256 << 10)

void po_wire_end_init(struct po_wire_end *end, int fd)
{
    *end = (struct po_wire_end){.fd = fd};
    po_buf_init(&end->in, 4 + PO_WIRE_FRAME_BYTES_MAX + FILL_BYTES_MAX);
    po_buf_init(&end->out, PO_WIRE_OUT_BYTES_MAX);
}

void po_wire_end_done(struct po_wire_end *end)
{
    po_fd_closep(&end->fd);
    end->fd = -1;
    po_buf_wipe(&end->in); /* passwords pass through here */
    po_buf_wipe(&end->out);
    end->in_used = 0;
    end->out_sent = 0;
}

/* Move what was not taken to the front; an idle end keeps no large buffer. */
static void tidy(struct po_wire_end *end)
{
    size_t left = end->in.len - end->in_used;
    if (end->in_used == 0) return;
    if (left > 0) memmove(end->in.ptr, end->in.ptr + end->in_used, left);
    po_buf_truncate(&end->in, left);
    end->in_used = 0;
    if (left > 0 || end->in.cap <= FILL_BYTES_MAX) return;
    size_t max = end->in.max;
    po_buf_wipe(&end->in);
    po_buf_init(&end->in, max);
}

/* One read; false when nothing more is to be read now. */
static PO_RC fill_once(struct po_ctx *cx, struct po_wire_end *end, int *passed, bool *ret_more)
{
    size_t before = end->in.len;
    char *to = po_buf_extend(&end->in, READ_BYTES);
    if (to == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a frame");
    ssize_t n = passed != NULL ? po_sys_recv_fd(end->fd, to, READ_BYTES, passed)
                               : po_sys_recv(end->fd, to, READ_BYTES);
    int why = errno;
    po_buf_truncate(&end->in, before + (n > 0 ? (size_t)n : 0));
    *ret_more = n == (ssize_t)READ_BYTES;
    if (n > 0 || (n < 0 && (why == EAGAIN || why == EWOULDBLOCK))) return po_rc_ok();
    if (n == 0 || why == ECONNRESET || why == EPIPE)
        return PO_FAIL(cx, PO_CANCELED, "the other side has gone");
    return PO_FAIL_SYS(cx, PO_IO, why, "reading from a role");
}

po_rc po_wire_end_fill(struct po_ctx *cx, struct po_wire_end *end)
{
    bool has_more = true;
    tidy(end);
    for (size_t read = 0; has_more && read < FILL_BYTES_MAX; read += READ_BYTES)
        PO_TRY(cx, fill_once(cx, end, NULL, &has_more));
    return po_rc_ok();
}

po_rc po_wire_end_fill_fd(struct po_ctx *cx, struct po_wire_end *end, int *ret_fd)
{
    bool has_more = false;
    *ret_fd = -1;
    tidy(end);
    return fill_once(cx, end, ret_fd, &has_more);
}

po_rc po_wire_end_next(struct po_ctx *cx, struct po_wire_end *end, struct po_wire_msg *ret_msg,
                       bool *ret_has)
{
    size_t used = 0;
    po_str waiting = po_str_slice(po_buf_str(&end->in), end->in_used, end->in.len);
    *ret_has = false;
    PO_TRY_LEAF(cx, po_wire_get(waiting, ret_msg, &used), "a malformed frame");
    end->in_used += used;
    *ret_has = used > 0;
    return po_rc_ok();
}

po_rc po_wire_end_send(struct po_ctx *cx, struct po_wire_end *end, const struct po_wire_msg *msg)
{
    if (end->out_sent > 0 && end->out_sent == end->out.len) {
        po_buf_clear(&end->out);
        end->out_sent = 0;
    }
    po_rc rc = po_wire_put(msg, &end->out);
    if (!po_is_ok(rc))
        return PO_FAIL(cx, rc.code, "a %s frame cannot be sent", po_wire_kind_name(msg->kind));
    return rc;
}

static void forget_sent(struct po_wire_end *end)
{
    size_t max = end->out.max;
    bool is_large = end->out.cap > FILL_BYTES_MAX;
    end->out_sent = 0;
    po_buf_clear(&end->out);
    if (!is_large) return;
    po_buf_wipe(&end->out);
    po_buf_init(&end->out, max);
}

po_rc po_wire_end_flush(struct po_ctx *cx, struct po_wire_end *end)
{
    while (end->out_sent < end->out.len) {
        ssize_t n =
            po_sys_send(end->fd, end->out.ptr + end->out_sent, end->out.len - end->out_sent);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return po_rc_ok();
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return PO_FAIL(cx, PO_CANCELED, "the other side has gone");
        if (n < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "sending to a role");
        end->out_sent += (size_t)n;
    }
    forget_sent(end);
    return po_rc_ok();
}

bool po_wire_end_is_waiting(const struct po_wire_end *end) { return end->out_sent < end->out.len; }

po_rc po_wire_send_fd(struct po_ctx *cx, int fd, const struct po_wire_msg *msg, int passed_fd)
{
    PO_BUF_AUTO frame = {0};
    po_buf_init(&frame, 4096);
    PO_TRY_LEAF(cx, po_wire_put(msg, &frame), "a frame with a descriptor");
    ssize_t n = po_sys_send_fd(fd, frame.ptr, frame.len, passed_fd);
    /* Not whole means that the socket is full: the peer reads nothing and is as good as gone. */
    if (n != (ssize_t)frame.len) return PO_FAIL_SYS(cx, PO_IO, errno, "passing a descriptor");
    return po_rc_ok();
}
