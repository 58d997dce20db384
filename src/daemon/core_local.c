/*
 * Local callers: commands of the command line, run on the home that core holds.
 *
 * Who connects is known by SO_PEERCRED: only our own user and root are let in, as with the home's files.
 * A caller asks one thing at a time; its answer leaves after the flush of the turn it ran in.
 */
#include "daemon/core_priv.h"

#include "core/fs.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>

/* ---- coming and going --------------------------------------------------------------------------- */

static void forget_command(struct po_conn *conn)
{
    if (!conn->has_cx) return;
    po_cli_answer_done(&conn->answer);
    po_ctx_done(&conn->cx);
    conn->has_cx = false;
    conn->argv = NULL;
}

void po_conn_drop(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    bool has_borrowed = conn == core->borrower;
    po_wire_end_done(&conn->end);
    if (conn == core->running) return; /* freed when its command has ended */
    forget_command(conn);
    conn->state = PO_CONN_FREE;
    if (has_borrowed) po_core_take_back(cx, core);
    if (!core->is_full || core->is_stopping) return;
    core->is_full = false;
    if (po_is_ok(po_core_watch(cx, core, core->listen_fd, PO_CORE_TAG_LISTEN))) return;
    po_log(cx, PO_LOG_ERROR, "service.not_listening", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
    core->is_over = true; /* started again, core listens */
}

static struct po_conn *find_free(struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_CONNS_MAX; i++)
        if (core->conns[i].state == PO_CONN_FREE) return &core->conns[i];
    return NULL;
}

static bool is_allowed(int fd, uid_t *ret_uid)
{
    pid_t pid = 0;
    if (po_sys_peer(fd, ret_uid, &pid) != 0) return false;
    return *ret_uid == po_sys_geteuid() || *ret_uid == 0;
}

static void admit(struct po_ctx *cx, struct po_core *core, struct po_conn *conn, int fd)
{
    uid_t uid = 0;
    uint64_t place = (uint64_t)(conn - core->conns);
    if (!is_allowed(fd, &uid)) {
        po_log(cx, PO_LOG_WARN, "service.caller_refused", PO_F_I64("uid", uid));
        po_fd_closep(&fd);
        return;
    }
    po_wire_end_init(&conn->end, fd);
    conn->core = core;
    conn->uid = uid;
    conn->is_watching_out = false;
    conn->state = PO_CONN_ASKING;
    if (po_is_ok(po_core_watch(cx, core, fd, PO_CORE_TAG_CONNS + place))) return;
    po_err_clear(cx);
    po_conn_drop(cx, core, conn);
}

void po_core_accept(struct po_ctx *cx, struct po_core *core)
{
    for (;;) {
        struct po_conn *conn = find_free(core);
        if (conn == NULL) { /* further callers wait where the kernel keeps them */
            core->is_full = true;
            (void)po_sys_epoll_ctl(core->epoll_fd, EPOLL_CTL_DEL, core->listen_fd, NULL);
            return;
        }
        int fd = po_sys_accept(core->listen_fd, NULL, NULL);
        if (fd < 0) return;
        admit(cx, core, conn, fd);
    }
}

/* ---- what they ask ------------------------------------------------------------------------------ */

static void answer_frame(struct po_ctx *cx, struct po_core *core, struct po_conn *conn,
                         const struct po_wire_msg *msg)
{
    if (po_is_ok(po_wire_end_send(cx, &conn->end, msg))) return;
    po_err_clear(cx);
    po_conn_drop(cx, core, conn);
}

static PO_RC copy_command(struct po_conn *conn, const struct po_wire_msg *msg)
{
    struct po_ctx *cx = &conn->cx;
    PO_ARENA_NEW(cx, conn->argv, msg->list_count + 1);
    for (size_t i = 0; i < msg->list_count; i++) {
        if (po_str_find_char(msg->list[i], '\0', 0) != SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID, "an argument holds a NUL");
        conn->argv[i] = po_arena_strdup(cx->arena, msg->list[i]);
        if (conn->argv[i] == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a command");
    }
    conn->argc = (int)msg->list_count;
    po_str cwd = msg->text[PO_WIRE_CWD];
    bool is_path = cwd.len > 0 && cwd.ptr[0] == '/' && po_str_find_char(cwd, '\0', 0) == SIZE_MAX;
    conn->cwd = is_path ? po_arena_strdup(cx->arena, cwd) : "/";
    if (conn->cwd == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a command");
    conn->is_tty = msg->number[PO_WIRE_IS_TTY] != 0;
    return po_rc_ok();
}

static PO_RC take_run(struct po_ctx *cx, struct po_conn *conn, const struct po_wire_msg *msg)
{
    po_rc rc = po_core_cx_init(conn->core, &conn->cx);
    conn->cx.channel = PO_CHANNEL_CLI;
    (void)snprintf(conn->cx.actor, sizeof conn->cx.actor, "os:%u", (unsigned)conn->uid);
    po_cli_answer_init(&conn->answer);
    conn->has_cx = true;
    conn->out_sent = 0;
    if (po_is_ok(rc)) rc = copy_command(conn, msg);
    if (!po_is_ok(rc)) return PO_FAIL(cx, rc.code, "%s", po_err_msg(&conn->cx));
    conn->state = PO_CONN_WANTS_RUN;
    return po_rc_ok();
}

static void send_stats(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    PO_BUF_AUTO body;
    struct po_wire_msg msg;
    po_buf_init(&body, 65536);
    po_core_stats(cx, core, &body);
    po_wire_begin(&msg, PO_WIRE_KIND_STATS_ANSWER, conn->id);
    po_wire_set_text(&msg, PO_WIRE_BODY, po_buf_str(&body));
    answer_frame(cx, core, conn, &msg);
}

static PO_RC take(struct po_ctx *cx, struct po_core *core, struct po_conn *conn,
                  const struct po_wire_msg *msg)
{
    if (conn->state != PO_CONN_ASKING) return PO_FAIL(cx, PO_INVALID, "a second question");
    conn->id = msg->id;
    if (msg->kind == PO_WIRE_KIND_RUN) return take_run(cx, conn, msg);
    if (msg->kind == PO_WIRE_KIND_STATS) {
        send_stats(cx, core, conn);
        return po_rc_ok();
    }
    if (msg->kind != PO_WIRE_KIND_LEND)
        return PO_FAIL(cx, PO_INVALID, "a %s frame is not for core", po_wire_kind_name(msg->kind));
    conn->state = PO_CONN_WANTS_LEND;
    return po_rc_ok();
}

void po_core_read_conn(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    struct po_wire_msg msg;
    bool has = true;
    po_rc rc = po_wire_end_fill(cx, &conn->end);
    while (po_is_ok(rc) && has && conn->end.fd >= 0) {
        rc = po_wire_end_next(cx, &conn->end, &msg, &has);
        if (po_is_ok(rc) && has) rc = take(cx, core, conn, &msg);
    }
    if (po_is_ok(rc)) return;
    if (rc.code != PO_CANCELED) {
        core->figures.broken++;
        po_log(cx, PO_LOG_WARN, "service.caller_dropped", PO_F_CSTR("error", po_err_msg(cx)));
    }
    po_err_clear(cx);
    if (conn->state != PO_CONN_FREE) po_conn_drop(cx, core, conn);
}

/* ---- commands ----------------------------------------------------------------------------------- */

/* A line for the caller's stderr while the command runs: progress, no acknowledgement. */
static void send_note(void *user, po_str line)
{
    struct po_conn *conn = user;
    PO_CTX_AUTO cx = {0};
    struct po_wire_msg msg;
    if (conn->end.fd < 0 || !po_is_ok(po_ctx_init(&cx))) return;
    po_wire_begin(&msg, PO_WIRE_KIND_NOTE, conn->id);
    po_wire_set_text(&msg, PO_WIRE_BODY, line);
    po_rc rc = po_wire_end_send(&cx, &conn->end, &msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(&cx, &conn->end);
    po_ignore(rc, "a caller that has gone is noticed by its socket");
}

static PO_RC sign_first(struct po_core *core, struct po_conn *conn)
{
    /* As a command that opens the home finds it: signed to its end. */
    if (!po_core_can_write(core) || !core->has_unsigned) return po_rc_ok();
    PO_TRY(&conn->cx, po_home_checkpoint(&conn->cx, core->home));
    core->has_unsigned = false;
    core->checkpoint_us = po_core_now_us(&conn->cx);
    core->figures.checkpoints++;
    return po_rc_ok();
}

static void breathe(void *user)
{
    struct po_conn *conn = user;
    po_core_breathe(conn->core);
    /* What runs goes on where it was. */
    if (po_sys_chdir(conn->cwd) != 0) (void)po_sys_chdir("/");
}

/* Relative paths are those of the caller. */
static PO_RC run_in_place(struct po_core *core, struct po_conn *conn)
{
    struct po_ctx *cx = &conn->cx;
    PO_TRY(cx, po_store_group_end(cx, po_home_store(core->home))); /* of requests in this turn */
    PO_TRY(cx, sign_first(core, conn));
    if (po_sys_chdir(conn->cwd) != 0 && po_sys_chdir("/") != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "going to '%s'", conn->cwd);
    conn->answer.user = conn;
    conn->answer.pause = breathe;
    conn->answer.is_tty = conn->is_tty;
    if (conn->is_tty) conn->answer.note = send_note;
    core->running = conn;
    core->is_busy = true;
    po_rc rc = po_cli_run_on(cx, core->home, conn->argc, conn->argv, &conn->answer);
    core->running = NULL;
    core->is_busy = false;
    (void)po_sys_chdir("/");
    core->has_events = true;
    core->figures.runs++;
    return rc;
}

static void run(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    po_rc rc = run_in_place(core, conn);
    conn->state = PO_CONN_ANSWERING;
    if (!po_is_ok(rc)) {
        conn->answer.code = rc.code;
        conn->answer.exit_code = po_code_exit(rc.code);
        po_buf_clear(&conn->answer.out);
        po_buf_printf(&conn->answer.err, "paulyops: %s\n", po_err_msg(&conn->cx));
    }
    if (conn->end.fd < 0) po_conn_drop(cx, core, conn);
}

void po_core_serve_waiting(struct po_ctx *cx, struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_CONNS_MAX; i++) {
        struct po_conn *conn = &core->conns[i];
        if (core->is_lent || core->is_over || core->is_busy) return;
        if (conn->state == PO_CONN_WANTS_RUN) run(cx, core, conn);
        if (conn->state == PO_CONN_WANTS_LEND && core->wait_count == 0)
            po_core_lend(cx, core, conn);
    }
}

/* ---- answers ------------------------------------------------------------------------------------ */

static PO_RC queue_piece(struct po_ctx *cx, struct po_conn *conn)
{
    struct po_wire_msg msg;
    po_str out = po_buf_str(&conn->answer.out);
    po_str piece = po_str_slice(out, conn->out_sent, conn->out_sent + PO_CORE_OUT_BYTES);
    conn->out_sent += piece.len;
    po_wire_begin(&msg, PO_WIRE_KIND_OUT, conn->id);
    po_wire_set_text(&msg, PO_WIRE_BODY, piece);
    return po_wire_end_send(cx, &conn->end, &msg);
}

static PO_RC queue_result(struct po_ctx *cx, struct po_conn *conn)
{
    struct po_wire_msg msg;
    po_str notes = po_buf_str(&conn->answer.err);
    if (notes.len > 0) {
        po_wire_begin(&msg, PO_WIRE_KIND_NOTE, conn->id);
        po_wire_set_text(&msg, PO_WIRE_BODY, notes);
        PO_TRY(cx, po_wire_end_send(cx, &conn->end, &msg));
    }
    po_wire_begin(&msg, PO_WIRE_KIND_RESULT, conn->id);
    po_wire_set_number(&msg, PO_WIRE_EXIT_CODE, (uint64_t)conn->answer.exit_code);
    PO_TRY(cx, po_wire_end_send(cx, &conn->end, &msg));
    forget_command(conn);
    conn->state = PO_CONN_ASKING;
    return po_rc_ok();
}

static PO_RC send_some(struct po_ctx *cx, struct po_conn *conn)
{
    PO_TRY(cx, po_wire_end_flush(cx, &conn->end));
    while (conn->state == PO_CONN_ANSWERING && !po_wire_end_is_waiting(&conn->end)) {
        bool has_more = conn->out_sent < conn->answer.out.len;
        PO_TRY(cx, has_more ? queue_piece(cx, conn) : queue_result(cx, conn));
        PO_TRY(cx, po_wire_end_flush(cx, &conn->end));
    }
    return po_rc_ok();
}

static void watch_out(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    bool wants = po_wire_end_is_waiting(&conn->end);
    struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0U),
                                .data.u64 = PO_CORE_TAG_CONNS + (uint64_t)(conn - core->conns)};
    if (wants == conn->is_watching_out) return;
    conn->is_watching_out = wants;
    if (po_sys_epoll_ctl(core->epoll_fd, EPOLL_CTL_MOD, conn->end.fd, &event) == 0) return;
    po_log(cx, PO_LOG_ERROR, "service.caller_dropped", PO_F_CSTR("error", "it cannot be watched"));
    po_conn_drop(cx, core, conn); /* the rest of its answer would never leave */
}

void po_core_send_conns(struct po_ctx *cx, struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_CONNS_MAX; i++) {
        struct po_conn *conn = &core->conns[i];
        if (conn->state == PO_CONN_FREE || conn->end.fd < 0 || conn == core->running) continue;
        if (!po_is_ok(send_some(cx, conn))) {
            po_err_clear(cx);
            po_conn_drop(cx, core, conn);
        } else {
            watch_out(cx, core, conn);
        }
    }
}

bool po_core_has_callers(const struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_CONNS_MAX; i++)
        if (core->conns[i].state > PO_CONN_ASKING || po_wire_end_is_waiting(&core->conns[i].end))
            return true;
    return false;
}
