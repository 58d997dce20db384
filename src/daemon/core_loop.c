/*
 * Core: the single writer. One loop, one thread, one home.
 *
 * Invariants
 *  1. an answer leaves after the flush of the turn in which it was made: what is acknowledged is in the
 *     ledger. When the flush fails nothing of the turn is acknowledged and core ends.
 *  2. nobody is trusted for what a frame says: callers are known by their socket, requests by the
 *     credential in them; who sends what is no frame is dropped.
 *  3. at most one checkpoint a second while events arrive, and one at the end.
 *
 *   turn:  wait -> read frames, run what they ask -> flush -> send answers -> sign, beat, jobs
 *
 * Source   docs/spec/daemon.md
 * Control  AUD-03 PIN-02
 */
#include "daemon/core_priv.h"

#include "core/cfg.h"
#include "core/flags.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/sys_net.h"

#include <errno.h>
#include <unistd.h>

#define EVENTS_MAX 32
#define TURN_ARENA_BYTES ((size_t)4 << 20)

po_time_us po_core_now_us(const struct po_ctx *cx)
{
    return cx->clock->monotonic_us(cx->clock->user);
}

po_rc po_core_watch(struct po_ctx *cx, struct po_core *core, int fd, uint64_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    if (po_sys_epoll_ctl(core->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "watching a descriptor");
    return po_rc_ok();
}

/* ---- the supervisor ----------------------------------------------------------------------------- */

/* New values hold from the next time they are read; a file that is wrong changes nothing. */
static void reload(struct po_ctx *cx, struct po_core *core)
{
    core->wants_reload = core->is_busy; /* what runs has borrowed the old values */
    if (core->is_busy) return;
    if (core->is_lent) return; /* opening it again reads everything */
    po_rc rc = po_home_reload(cx, core->home);
    if (po_is_ok(rc)) {
        po_core_plan(cx, core);
        rc = po_core_record(cx, core, PO_EVENT_TYPE_SERVICE_RELOADED, "reload", "{}");
    }
    if (po_is_ok(rc)) return;
    po_log(cx, PO_LOG_ERROR, "service.not_reloaded", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
}

static void pong(struct po_ctx *cx, struct po_core *core, uint64_t id)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_PONG, id);
    po_rc rc = po_wire_end_send(cx, &core->control, &msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(cx, &core->control);
    po_ignore(rc, "a supervisor that reads nothing is noticed by its end");
    po_err_clear(cx);
}

/*
 * The supervisor hears that core is at work. Nothing is read here: whatever runs may not meet another turn in
 * the middle of what it does (po_core_breathe is for those that may).
 */
static void pulse(void *user)
{
    struct po_core *core = user;
    PO_CTX_AUTO cx = {0};
    po_time_us now_us = po_clock_system.monotonic_us(po_clock_system.user);
    if (now_us - core->pulse_us < PO_DAEMON_PING_US || core->control.fd < 0) return;
    core->pulse_us = now_us;
    if (!po_is_ok(po_ctx_init(&cx))) return;
    cx.log = core->log;
    pong(&cx, core, 0);
}

po_rc po_core_cx_init(struct po_core *core, struct po_ctx *cx)
{
    po_rc rc = po_ctx_init(cx);
    cx->log = core->log;
    cx->pulse = pulse;
    cx->pulse_user = core;
    return rc;
}

static PO_RC link_front(struct po_ctx *cx, struct po_core *core, int fd)
{
    po_core_front_lost(cx, core);
    po_wire_end_init(&core->front, fd);
    return po_core_watch(cx, core, fd, PO_CORE_TAG_FRONT);
}

static PO_RC link_keeper(struct po_ctx *cx, struct po_core *core, int fd)
{
    po_core_keeper_lost(cx, core);
    po_wire_end_init(&core->keeper, fd);
    return po_core_watch(cx, core, fd, PO_CORE_TAG_KEEPER);
}

static PO_RC take_link(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg,
                       size_t fd_index)
{
    po_str name = msg->text[PO_WIRE_ROLE];
    if (fd_index >= core->fd_count) return PO_FAIL(cx, PO_INVALID, "a link without a descriptor");
    int fd = core->fds[fd_index];
    core->fd_count--;
    memmove(core->fds + fd_index, core->fds + fd_index + 1,
            (core->fd_count - fd_index) * sizeof *core->fds);
    if (po_str_eq_cstr(name, PO_DAEMON_ROLE_FRONT)) {
        core->front_link = msg->id;
        return link_front(cx, core, fd);
    }
    core->keeper_link = msg->id; /* of both links to the keeper */
    if (!po_str_eq_cstr(name, PO_DAEMON_LINK_KEYS)) return link_keeper(cx, core, fd);
    po_core_keys_link(core, fd);
    return po_rc_ok();
}

po_rc po_core_take_message(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg,
                           size_t fd_index)
{
    if (msg->kind == PO_WIRE_KIND_PING) {
        pong(cx, core, msg->id);
    } else if (msg->kind == PO_WIRE_KIND_STOP) {
        core->is_stopping = true;
    } else if (msg->kind == PO_WIRE_KIND_RELOAD) {
        reload(cx, core);
    } else if (msg->kind == PO_WIRE_KIND_DIED) {
        po_core_note_death(cx, core, msg);
    } else if (msg->kind == PO_WIRE_KIND_PROBED) {
        core->probed_us = po_core_now_us(cx);
        core->probe_status = msg->number[PO_WIRE_STATUS];
        core->probe_ms = msg->number[PO_WIRE_TOOK_MS];
    } else if (msg->kind == PO_WIRE_KIND_LINK) {
        return take_link(cx, core, msg, fd_index);
    } else {
        return PO_FAIL(cx, PO_INVALID, "the supervisor speaks out of turn");
    }
    return po_rc_ok();
}

po_rc po_core_fill_control(struct po_ctx *cx, struct po_core *core)
{
    int fd = -1;
    PO_TRY(cx, po_wire_end_fill_fd(cx, &core->control, &fd));
    if (fd >= 0 && core->fd_count < PO_CORE_FDS_MAX)
        core->fds[core->fd_count++] = fd;
    else
        po_fd_closep(&fd);
    return po_rc_ok();
}

static PO_RC read_control(struct po_ctx *cx, struct po_core *core)
{
    struct po_wire_msg msg;
    bool has = true;
    PO_TRY(cx, po_core_take_held(cx, core)); /* it came before */
    PO_TRY(cx, po_core_fill_control(cx, core));
    while (has) {
        PO_TRY(cx, po_wire_end_next(cx, &core->control, &msg, &has));
        if (has) PO_TRY(cx, po_core_take_message(cx, core, &msg, 0));
    }
    return po_rc_ok();
}

void po_core_take_control(struct po_ctx *cx, struct po_core *core)
{
    po_rc rc = read_control(cx, core);
    if (po_is_ok(rc)) return;
    if (rc.code != PO_CANCELED)
        po_log(cx, PO_LOG_ERROR, "service.control_lost", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
    core->is_over = true; /* nobody would start us again: sign and end */
}

/* ---- a turn ------------------------------------------------------------------------------------- */

void po_core_settle(struct po_ctx *cx, struct po_core *core)
{
    bool has_events = core->has_events;
    core->has_events = false;
    if (!po_core_can_write(core)) return;
    if (!has_events) {
        /* A checkpoint that failed, say. Whoever waits is owed no event and told why; then a new core opens it. */
        if (po_ledger_has_failed(po_home_ledger(core->home))) core->is_over = true;
        return;
    }
    if (po_is_ok(po_home_flush(cx, core->home))) {
        core->has_unsigned = true;
        core->figures.flushes++;
        return;
    }
    po_log(cx, PO_LOG_ERROR, "service.not_flushed", PO_F_CSTR("error", po_err_msg(cx)));
    core->is_failed = true;
    core->is_over = true;
}

static void look_at(struct po_ctx *cx, struct po_core *core, const struct epoll_event *event)
{
    uint64_t tag = event->data.u64;
    if (tag == PO_CORE_TAG_CONTROL) {
        po_core_take_control(cx, core);
    } else if (tag == PO_CORE_TAG_FRONT) {
        po_core_read_front(cx, core);
    } else if (tag == PO_CORE_TAG_KEEPER) {
        po_core_read_keeper(cx, core);
    } else if (tag == PO_CORE_TAG_LISTEN) {
        po_core_accept(cx, core);
    } else if (tag >= PO_CORE_TAG_CONNS && tag < PO_CORE_TAG_CONNS + PO_CORE_CONNS_MAX) {
        struct po_conn *conn = &core->conns[tag - PO_CORE_TAG_CONNS];
        if ((event->events & ~(uint32_t)EPOLLOUT) != 0 && conn->end.fd >= 0)
            po_core_read_conn(cx, core, conn);
    }
}

/* Frames that one turn had no time for, and password work that keeper did not take. */
static void take_leftovers(struct po_ctx *cx, struct po_core *core)
{
    if (!core->has_more) return;
    core->has_more = false;
    if (core->held.len > 0) po_core_take_control(cx, core);
    po_core_read_front(cx, core);
    po_core_read_keeper(cx, core);
    if (core->wait_count > 0) po_core_password_lost(cx, core);
}

static void note_gap(const struct po_ctx *cx, struct po_core *core)
{
    po_time_us gap_us = po_core_now_us(cx) - core->mark_us;
    if (gap_us > core->figures.turn_worst_us) core->figures.turn_worst_us = gap_us;
}

void po_core_breathe(struct po_core *core)
{
    PO_CTX_AUTO cx = {0};
    if (core->is_breathing || core->is_over || !po_is_ok(po_core_cx_init(core, &cx))) return;
    note_gap(&cx, core);
    core->is_breathing = true;
    if (!po_is_ok(po_core_turn(&cx, core, 0))) core->is_over = true;
    core->is_breathing = false;
    core->mark_us = po_core_now_us(&cx);
}

po_rc po_core_turn(struct po_ctx *parent, struct po_core *core, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = po_sys_epoll_wait(core->epoll_fd, events, EVENTS_MAX, wait_ms);
    if (count < 0) return PO_FAIL_SYS(parent, PO_IO, errno, "waiting for something to do");
    struct po_ctx cx = {0};
    core->mark_us = po_core_now_us(parent);
    PO_TRY(parent, po_ctx_child_begin(parent, TURN_ARENA_BYTES, &cx));
    for (int i = 0; i < count && !core->is_over; i++)
        look_at(&cx, core, &events[i]);
    take_leftovers(&cx, core);
    po_core_serve_waiting(&cx, core);
    po_core_settle(&cx, core);
    po_core_step_streams(&cx, core);
    if (!core->is_failed) {
        po_core_send_links(&cx, core);
        po_core_send_conns(&cx, core);
    }
    po_core_pass_time(&cx, core);
    po_core_settle(&cx, core);
    if (core->wants_reload) reload(&cx, core);
    note_gap(parent, core);
    po_err_clear(&cx);
    return po_ctx_child_end(parent, &cx, po_rc_ok());
}

/* ---- begin and end ------------------------------------------------------------------------------ */

static void core_done(struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_CONNS_MAX; i++) {
        struct po_conn *conn = &core->conns[i];
        if (conn->state != PO_CONN_FREE) po_wire_end_done(&conn->end);
        if (conn->has_cx) po_cli_answer_done(&conn->answer);
        if (conn->has_cx) po_ctx_done(&conn->cx);
    }
    for (size_t i = 0; i < core->fd_count; i++)
        po_fd_closep(&core->fds[i]);
    po_core_requests_done(core);
    po_wire_end_done(&core->front);
    po_wire_end_done(&core->keeper);
    po_wire_end_done(&core->keys);
    po_wire_end_done(&core->control);
    po_fd_closep(&core->listen_fd);
    po_fd_closep(&core->epoll_fd);
    po_home_abandonp(&core->home);
    po_buf_done(&core->held);
}

static PO_RC begin(struct po_ctx *cx, struct po_core *core)
{
    const char *fences = NULL;
    core->asker = (struct po_keyring_asker){.ask = po_core_ask_keys, .user = core};
    PO_TRY(cx, po_home_open_asking(cx, core->options.home, PO_HOME_READ_WRITE, &core->asker,
                                   &core->home));
    core->epoll_fd = po_sys_epoll_create();
    if (core->epoll_fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "setting up the loop");
    PO_TRY(cx, po_local_listen(cx, core->options.home, &core->listen_fd));
    PO_TRY(cx, po_core_watch(cx, core, core->control.fd, PO_CORE_TAG_CONTROL));
    PO_TRY(cx, po_core_watch(cx, core, core->listen_fd, PO_CORE_TAG_LISTEN));
    PO_TRY(cx, po_core_requests_begin(cx, core));
    PO_TRY(cx, po_core_fence(cx, core, &fences));
    core->started_us = po_core_now_us(cx);
    po_core_plan(cx, core);
    const char *detail =
        po_arena_printf(cx->arena, "{\"pid\":%d,\"fences\":\"%s\"}", (int)po_sys_getpid(), fences);
    PO_TRY(cx, po_core_record(cx, core, PO_EVENT_TYPE_SERVICE_STARTED, "start", detail));
    po_core_settle(cx, core);
    const char *reason = po_home_read_only_reason(core->home);
    if (reason != NULL) po_log(cx, PO_LOG_WARN, "service.read_only", PO_F_CSTR("reason", reason));
    return po_role_ready(cx, &core->control);
}

/* Whoever was promised an answer has it; then one checkpoint, and the socket goes. */
static PO_RC end(struct po_ctx *cx, struct po_core *core)
{
    const char *path = NULL;
    if (core->is_failed) return PO_FAIL(cx, PO_IO, "the ledger could not be written");
    if (core->is_lent) return po_rc_ok(); /* lent: its borrower signs */
    if (po_ledger_has_failed(po_home_ledger(core->home)))
        return PO_FAIL(cx, PO_IO, "the ledger could not be signed");
    PO_TRY(cx, po_path_join(cx, core->options.home, PO_DAEMON_SOCKET_PATH, &path));
    PO_TRY(cx, po_fs_unlink(cx, path));
    PO_TRY(cx, po_core_record(cx, core, PO_EVENT_TYPE_SERVICE_STOPPED, "stop", "{}"));
    return po_home_close(cx, &core->home);
}

static int wait_ms(const struct po_ctx *cx, const struct po_core *core)
{
    if (core->has_more) return 0;
    po_time_us left_us = po_core_next_us(cx, core) - po_core_now_us(cx);
    return left_us <= 0 ? 0 : (int)((left_us + PO_US_PER_MS - 1) / PO_US_PER_MS);
}

static PO_RC serve(struct po_ctx *cx, struct po_core *core)
{
    PO_TRY(cx, begin(cx, core));
    while (!core->is_over && !(core->is_stopping && !po_core_has_callers(core)))
        PO_TRY(cx, po_core_turn(cx, core, wait_ms(cx, core)));
    return end(cx, core);
}

int po_core_role_run(int argc, char **argv)
{
    static struct po_core core; /* large, and there is one of it */
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_log_freep) struct po_log *log = po_log_new(STDERR_FILENO, PO_LOG_INFO);
    core.log = log;
    core.epoll_fd = -1;
    core.listen_fd = -1;
    po_wire_end_init(&core.control, -1);
    po_wire_end_init(&core.front, -1);
    po_wire_end_init(&core.keeper, -1);
    po_wire_end_init(&core.keys, -1);
    for (size_t i = 0; i < PO_CORE_CONNS_MAX; i++)
        po_wire_end_init(&core.conns[i].end, -1);
    po_rc rc = po_core_cx_init(&core, &cx);
    if (po_is_ok(rc)) rc = po_role_options_read(&cx, argc, argv, &core.options);
    if (po_is_ok(rc)) rc = po_role_begin(&cx, &core.control);
    if (po_is_ok(rc)) rc = serve(&cx, &core);
    int exit_code = po_is_ok(rc) ? 0 : po_role_fail(&cx, &core.control);
    core_done(&core);
    cx.log = NULL;
    return exit_code;
}
