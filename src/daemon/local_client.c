/*
 * A command of the command line at the service: it runs there, or here with the home lent.
 *
 *   RUN  -> { NOTE | OUT }* -> RESULT
 *   LEND -> LENT, then the connection is the lease
 */
#include "daemon/daemon_priv.h"

#include "core/fs.h"
#include "core/sys.h"
#include "home/home.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define WAIT_MS (600 * 1000) /* a command of any kind; beyond it something is wrong */
#define STATS_WAIT_MS 5000
#define START_WAIT_US (5 * PO_US_PER_S) /* as for the home's lock */
#define START_STEP_US (20 * PO_US_PER_MS)

struct po_local_call {
    struct po_wire_end end;
    int wait_ms;
    bool is_over;
    int exit_code;
    bool out_is_closed; /* nobody reads our stdout any more */
};

static void call_done(struct po_local_call *call) { po_wire_end_done(&call->end); }

/* A descriptor of the caller's: what cannot be written is lost, as without a service. */
static PO_RC write_all(struct po_ctx *cx, int fd, po_str text)
{
    while (text.len > 0) {
        ssize_t n = po_sys_write(fd, text.ptr, text.len);
        if (n <= 0) return PO_FAIL_SYS(cx, PO_IO, errno, "writing the result");
        text = po_str_slice(text, (size_t)n, text.len);
    }
    return po_rc_ok();
}

static PO_RC print_out(struct po_ctx *cx, struct po_local_call *call, po_str text)
{
    if (call->out_is_closed) return po_rc_ok();
    po_rc rc = write_all(cx, STDOUT_FILENO, text);
    if (po_is_ok(rc) || cx->err.sys != EPIPE) return rc;
    po_err_clear(cx); /* the reader has seen enough */
    call->out_is_closed = true;
    return po_rc_ok();
}

static PO_RC take(struct po_ctx *cx, struct po_local_call *call, const struct po_wire_msg *msg,
                  enum po_wire_kind last)
{
    if (msg->kind == PO_WIRE_KIND_OUT) return print_out(cx, call, msg->text[PO_WIRE_BODY]);
    if (msg->kind == PO_WIRE_KIND_NOTE) {
        po_ignore(write_all(cx, STDERR_FILENO, msg->text[PO_WIRE_BODY]), "a note nobody reads");
        po_err_clear(cx);
        return po_rc_ok();
    }
    if (msg->kind == PO_WIRE_KIND_RESULT && last != msg->kind) {
        uint64_t code = msg->number[PO_WIRE_CODE];
        return PO_FAIL(cx, code > PO_OK && code <= PO_UNAVAILABLE ? (enum po_code)code : PO_BUSY,
                       "%.*s", PO_STR_ARG(msg->text[PO_WIRE_MESSAGE]));
    }
    if (msg->kind != last) return PO_FAIL(cx, PO_CORRUPT, "the service speaks out of turn");
    call->exit_code = (int)(msg->number[PO_WIRE_EXIT_CODE] & 0xFFU);
    call->is_over = true;
    return po_rc_ok();
}

static PO_RC wait_for(struct po_ctx *cx, const struct po_local_call *call, short events)
{
    struct pollfd poll = {.fd = call->end.fd, .events = events};
    int n = po_sys_poll(&poll, 1, call->wait_ms);
    if (n < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for the service");
    if (n == 0) return PO_FAIL(cx, PO_TIMEOUT, "the service does not answer");
    return po_rc_ok();
}

/* Until the frame `last` has come; it is in ret_msg then. */
static PO_RC converse(struct po_ctx *cx, struct po_local_call *call, enum po_wire_kind last,
                      struct po_wire_msg *ret_msg)
{
    PO_TRY(cx, po_wire_end_flush(cx, &call->end));
    while (po_wire_end_is_waiting(&call->end)) {
        PO_TRY(cx, wait_for(cx, call, POLLOUT));
        PO_TRY(cx, po_wire_end_flush(cx, &call->end));
    }
    while (!call->is_over) {
        bool has = false;
        PO_TRY(cx, po_wire_end_next(cx, &call->end, ret_msg, &has));
        if (has) {
            PO_TRY(cx, take(cx, call, ret_msg, last));
            continue;
        }
        PO_TRY(cx, wait_for(cx, call, POLLIN));
        PO_TRY(cx, po_wire_end_fill(cx, &call->end));
    }
    return po_rc_ok();
}

static PO_RC ask_to_run(struct po_ctx *cx, struct po_local_call *call,
                        const struct po_cli_forward *what)
{
    char cwd[PATH_MAX];
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_RUN, 1);
    for (int i = 0; i < what->argc; i++)
        PO_TRY_LEAF(cx, po_wire_add(&msg, po_str_of(what->argv[i])), "too many arguments");
    if (po_sys_getcwd(cwd, sizeof cwd) == 0) po_wire_set_text(&msg, PO_WIRE_CWD, po_str_of(cwd));
    po_wire_set_number(&msg, PO_WIRE_IS_TTY, what->is_tty ? 1 : 0);
    return po_wire_end_send(cx, &call->end, &msg);
}

/* It did not answer to the end: what it did, it may have done. */
static PO_RC explain_loss(struct po_ctx *cx, po_rc rc)
{
    if (rc.code != PO_CANCELED) return rc;
    po_err_clear(cx);
    return PO_FAIL(cx, PO_UNAVAILABLE,
                   "the service ended before it answered; look whether the command took effect "
                   "('paulyops audit list')");
}

static PO_RC run_there(struct po_ctx *cx, struct po_local_call *call,
                       const struct po_cli_forward *what, int *ret_exit_code)
{
    struct po_wire_msg msg;
    PO_TRY(cx, ask_to_run(cx, call, what));
    po_rc rc = converse(cx, call, PO_WIRE_KIND_RESULT, &msg);
    if (!po_is_ok(rc)) return explain_loss(cx, rc);
    *ret_exit_code = call->exit_code;
    return po_rc_ok();
}

/* The connection is the lease: it is handed to the caller. */
static PO_RC borrow(struct po_ctx *cx, struct po_local_call *call, int *ret_lease)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_LEND, 1);
    PO_TRY(cx, po_wire_end_send(cx, &call->end, &msg));
    po_rc rc = converse(cx, call, PO_WIRE_KIND_LENT, &msg);
    if (!po_is_ok(rc)) return explain_loss(cx, rc);
    *ret_lease = PO_TAKE_FD(call->end.fd);
    return po_rc_ok();
}

/* A service takes the lock before it listens: one that is starting, or starting again after a crash. */
static PO_RC is_starting(struct po_ctx *cx, const char *root, bool *ret_is)
{
    const char *lock_path = NULL;
    const char *socket_path = NULL;
    struct po_fs_info info = {0};
    PO_CLEANUP(po_lock_releasep) struct po_lock *lock = NULL;
    *ret_is = false;
    PO_TRY(cx, po_path_join(cx, root, PO_DAEMON_SOCKET_PATH, &socket_path));
    PO_TRY(cx, po_fs_info(cx, socket_path, &info));
    if (!info.exists) return po_rc_ok();
    PO_TRY(cx, po_path_join(cx, root, po_home_place_row(PO_PLACE_LOCK)->path, &lock_path));
    *ret_is = po_lock_take(cx, lock_path, 0, &lock).code == PO_BUSY;
    po_err_clear(cx); /* what else is wrong is said by whoever opens the home */
    return po_rc_ok();
}

static PO_RC reach(struct po_ctx *cx, const char *root, int *ret_fd)
{
    for (po_time_us waited_us = 0;; waited_us += START_STEP_US) {
        bool is_coming = false;
        PO_TRY(cx, po_local_connect(cx, root, ret_fd));
        if (*ret_fd >= 0 || waited_us >= START_WAIT_US) return po_rc_ok();
        PO_TRY(cx, is_starting(cx, root, &is_coming));
        if (!is_coming) return po_rc_ok();
        po_clock_sleep_us(START_STEP_US);
    }
}

po_rc po_daemon_forward(struct po_ctx *cx, const struct po_cli_forward *what,
                        enum po_cli_forwarded *ret_how, int *ret_exit_code, int *ret_lease)
{
    PO_CLEANUP(call_done) struct po_local_call call = {.wait_ms = WAIT_MS};
    int fd = -1;
    po_wire_end_init(&call.end, -1);
    *ret_how = PO_CLI_NOT_SERVED;
    PO_TRY(cx, reach(cx, what->root, &fd));
    if (fd < 0) return po_rc_ok();
    call.end.fd = fd;
    if (what->wants_home) {
        PO_TRY(cx, borrow(cx, &call, ret_lease));
        *ret_how = PO_CLI_LENT;
        return po_rc_ok();
    }
    PO_TRY(cx, run_there(cx, &call, what, ret_exit_code));
    *ret_how = PO_CLI_RAN;
    return po_rc_ok();
}

po_rc po_daemon_stats(struct po_ctx *cx, const char *root, const char **ret_json)
{
    PO_CLEANUP(call_done) struct po_local_call call = {.wait_ms = STATS_WAIT_MS};
    struct po_wire_msg msg;
    int fd = -1;
    po_wire_end_init(&call.end, -1);
    *ret_json = NULL;
    PO_TRY(cx, po_local_connect(cx, root, &fd));
    if (fd < 0) return po_rc_ok();
    call.end.fd = fd;
    po_wire_begin(&msg, PO_WIRE_KIND_STATS, 1);
    PO_TRY(cx, po_wire_end_send(cx, &call.end, &msg));
    po_rc rc = converse(cx, &call, PO_WIRE_KIND_STATS_ANSWER, &msg);
    if (!po_is_ok(rc)) return explain_loss(cx, rc);
    const char *json = po_arena_strdup(cx->arena, msg.text[PO_WIRE_BODY]);
    if (json == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_json = json;
    return po_rc_ok();
}

const struct po_cli_services po_daemon_services = {
    .serve = po_daemon_serve, .forward = po_daemon_forward, .stats = po_daemon_stats};
