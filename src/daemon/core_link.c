/*
 * The links of core: frames of front and keeper, read and dispatched, answers sent.
 *
 * A peer that sends what is no frame, or not its to send, loses its link; the supervisor is told and
 * starts it again. Core goes on.
 */
#include "daemon/core_priv.h"

#include "core/log.h"
#include "core/sys_net.h"

#include <errno.h>

static void note_broken(struct po_ctx *cx, struct po_core *core, const char *role, po_rc why)
{
    if (why.code != PO_CANCELED) {
        po_log(cx, PO_LOG_ERROR, "service.peer_broken", PO_F_CSTR("role", role),
               PO_F_CSTR("error", po_err_msg(cx)));
        core->figures.broken++;
    }
    po_err_clear(cx);
}

/*
 * Nobody but the supervisor makes a new link. A peer that has ended it knows itself; then the frame comes
 * to nothing, and so does one for a link that has a successor already.
 */
static void report_broken(struct po_ctx *cx, struct po_core *core, const char *role, uint64_t link)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_BROKEN, link);
    po_wire_set_text(&msg, PO_WIRE_ROLE, po_str_of(role));
    po_rc rc = po_wire_end_send(cx, &core->control, &msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(cx, &core->control);
    po_ignore(rc, "a supervisor that is gone ends core");
    po_err_clear(cx);
}

static void send_stats(struct po_ctx *cx, struct po_core *core, uint64_t id)
{
    PO_BUF_AUTO body;
    struct po_wire_msg msg;
    po_buf_init(&body, 65536);
    po_core_stats(cx, core, &body);
    po_wire_begin(&msg, PO_WIRE_KIND_STATS_ANSWER, id);
    po_wire_set_text(&msg, PO_WIRE_BODY, po_buf_str(&body));
    po_ignore(po_wire_end_send(cx, &core->front, &msg), "front then answers the probe itself");
    po_err_clear(cx);
}

static PO_RC take_front(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    if (msg->kind == PO_WIRE_KIND_REQUEST)
        po_core_request(cx, core, msg);
    else if (msg->kind == PO_WIRE_KIND_CANCEL)
        po_core_cancel(core, msg->id);
    else if (msg->kind == PO_WIRE_KIND_STREAM_TAKEN)
        po_core_stream_taken(core, msg->id, msg->number[PO_WIRE_COUNT]);
    else if (msg->kind == PO_WIRE_KIND_STATS)
        send_stats(cx, core, msg->id);
    else
        return PO_FAIL(cx, PO_INVALID, "a %s frame from front", po_wire_kind_name(msg->kind));
    return po_rc_ok();
}

static PO_RC take_keeper(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    if (msg->kind == PO_WIRE_KIND_PASSWORD_ANSWER) return po_core_password_answer(cx, core, msg);
    return PO_FAIL(cx, PO_INVALID, "a %s frame from keeper", po_wire_kind_name(msg->kind));
}

typedef po_rc take_frame(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg);

/* At most PO_CORE_FRAMES_MAX of them: the others, and other peers, have their turn. */
static PO_RC read_link(struct po_ctx *cx, struct po_core *core, struct po_wire_end *end,
                       take_frame *take)
{
    struct po_wire_msg msg;
    bool has = true;
    size_t count = 0;
    int fd = end->fd;
    po_rc filled = po_wire_end_fill(cx, end);
    if (po_is_ok(filled) || filled.code == PO_CANCELED) po_err_clear(cx);
    while (has && count < PO_CORE_FRAMES_MAX && end->fd == fd) {
        PO_TRY(cx, po_wire_end_next(cx, end, &msg, &has));
        if (has) PO_TRY(cx, take(cx, core, &msg));
        count++;
    }
    if (has) core->has_more = true;
    return has ? po_rc_ok() : filled;
}

void po_core_read_front(struct po_ctx *cx, struct po_core *core)
{
    if (core->front.fd < 0) return;
    po_rc rc = read_link(cx, core, &core->front, take_front);
    if (!po_is_ok(rc)) po_core_front_broken(cx, core, rc);
}

void po_core_read_keeper(struct po_ctx *cx, struct po_core *core)
{
    if (core->keeper.fd < 0) return;
    po_rc rc = read_link(cx, core, &core->keeper, take_keeper);
    if (!po_is_ok(rc)) po_core_keeper_broken(cx, core, rc);
}

void po_core_front_broken(struct po_ctx *cx, struct po_core *core, po_rc why)
{
    note_broken(cx, core, PO_DAEMON_ROLE_FRONT, why);
    report_broken(cx, core, PO_DAEMON_ROLE_FRONT, core->front_link);
    po_core_front_lost(cx, core);
}

void po_core_keeper_broken(struct po_ctx *cx, struct po_core *core, po_rc why)
{
    note_broken(cx, core, PO_DAEMON_ROLE_KEEPER, why);
    report_broken(cx, core, PO_DAEMON_ROLE_KEEPER, core->keeper_link);
    po_core_keeper_lost(cx, core);
}

void po_core_keys_broken(struct po_ctx *cx, struct po_core *core, po_rc why)
{
    note_broken(cx, core, PO_DAEMON_ROLE_KEEPER, why);
    report_broken(cx, core, PO_DAEMON_ROLE_KEEPER, core->keeper_link);
    po_core_keys_link(core, -1);
}

void po_core_front_lost(struct po_ctx *cx, struct po_core *core)
{
    (void)cx;
    po_core_cancel_all(core);
    po_wire_end_done(&core->front);
    core->is_watching_front = false;
}

void po_core_keeper_lost(struct po_ctx *cx, struct po_core *core)
{
    po_wire_end_done(&core->keeper);
    core->is_watching_keeper = false;
    po_core_password_lost(cx, core);
}

static PO_RC send_link(struct po_ctx *cx, struct po_core *core, struct po_wire_end *end,
                       uint64_t tag, bool *is_watching)
{
    if (end->fd < 0) return po_rc_ok();
    PO_TRY(cx, po_wire_end_flush(cx, end));
    bool wants = po_wire_end_is_waiting(end);
    struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0U), .data.u64 = tag};
    if (wants != *is_watching &&
        po_sys_epoll_ctl(core->epoll_fd, EPOLL_CTL_MOD, end->fd, &event) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "watching a link");
    *is_watching = wants;
    return po_rc_ok();
}

void po_core_send_links(struct po_ctx *cx, struct po_core *core)
{
    po_rc rc = send_link(cx, core, &core->front, PO_CORE_TAG_FRONT, &core->is_watching_front);
    if (!po_is_ok(rc)) po_core_front_broken(cx, core, rc);
    rc = send_link(cx, core, &core->keeper, PO_CORE_TAG_KEEPER, &core->is_watching_keeper);
    if (!po_is_ok(rc)) po_core_keeper_broken(cx, core, rc);
}
