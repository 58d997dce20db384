/*
 * The supervisor: starts the roles, starts a dead one again, stops them in order.
 *
 * Invariants
 *  1. it holds no key and opens no file of the home: there is nothing in it to be taken.
 *  2. keeper is started before core, front when core serves; whoever is started again gets new links.
 *  3. the roles die with it (PR_SET_PDEATHSIG), and it ends only when all of them have.
 *
 *   starting --all ready--> serving --SIGTERM--> front ends --> core ends --> keeper ends --> over
 *      \ the first start of a role fails: stop, and say why
 *
 * Source   docs/spec/daemon.md 2
 */
#include "daemon/supervisor_priv.h"

#include "core/cfg.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "daemon/front_priv.h"
#include "daemon/notify_priv.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS_MAX 8
#define WAIT_MS_MAX 1000

po_time_us po_supervisor_now_us(const struct po_ctx *cx)
{
    return cx->clock->monotonic_us(cx->clock->user);
}

static void supervisor_done(struct po_supervisor *sup)
{
    for (size_t i = 0; i < PO_ROLE_COUNT; i++) {
        struct po_role *role = &sup->roles[i];
        int status = 0;
        po_role_kill(role, SIGKILL);
        if (role->pid > 0) (void)po_sys_waitpid(role->pid, &status, 0);
        po_wire_end_done(&role->control);
    }
    po_fd_closep(&sup->probe.fd);
    po_fd_closep(&sup->signal_fd);
    po_fd_closep(&sup->epoll_fd);
}

/* ---- what roles say ----------------------------------------------------------------------------- */

static void announce(struct po_ctx *cx, struct po_supervisor *sup)
{
    for (size_t i = 0; i < PO_ROLE_COUNT; i++)
        if (sup->roles[i].name != NULL && !sup->roles[i].is_ready) return;
    if (sup->is_ready) return;
    sup->is_ready = true;
    po_log(cx, PO_LOG_INFO, "service.serving", PO_F_CSTR("home", sup->options->root),
           PO_F_I64("pid", po_sys_getpid()));
    po_ignore(po_notify(cx, "READY=1\nSTATUS=serving"), "the service runs without a manager, too");
    po_err_clear(cx);
    if (sup->options->serving != NULL)
        sup->options->serving(sup->options->user, po_str_n(sup->said, sup->said_len));
}

static void keep_said(struct po_supervisor *sup, po_str message)
{
    sup->said_len = message.len < sizeof sup->said ? message.len : sizeof sup->said;
    if (message.len > 0) memcpy(sup->said, message.ptr, sup->said_len);
}

/* The first keeper found the instance; what the home says of it later changes nothing. */
static void pin_keys(struct po_supervisor *sup, struct po_role *keeper, po_str instance)
{
    size_t count = 0;
    if (sup->keys[0] != '\0' || instance.len == 0 || instance.len > 64) return;
    (void)snprintf(sup->keys, sizeof sup->keys, "--keys=%.*s", PO_STR_ARG(instance));
    while (keeper->argv[count] != NULL)
        count++;
    if (count + 1 < PO_ROLE_ARGS_MAX) keeper->argv[count] = sup->keys;
}

static void take_ready(struct po_ctx *cx, struct po_supervisor *sup, struct po_role *role,
                       const struct po_wire_msg *msg)
{
    role->is_ready = true;
    role->was_ready = true;
    role->heard_us = po_supervisor_now_us(cx);
    po_str message = msg->text[PO_WIRE_MESSAGE];
    if (role == &sup->roles[PO_ROLE_KEEPER]) {
        pin_keys(sup, role, message);
        message.len = 0;
    }
    if (message.len > 0 && !sup->options->is_quiet)
        po_log(cx, PO_LOG_INFO, "service.role_ready", PO_F_CSTR("role", role->name),
               PO_F_STR("message", message));
    if (role == &sup->roles[PO_ROLE_FRONT]) {
        po_probe_found(cx, sup, message);
        keep_said(sup, message);
    }
    po_role_report(cx, sup);
    announce(cx, sup);
}

/* A first start that fails will fail again: the operator is told at once. */
static void take_failed(struct po_ctx *cx, struct po_supervisor *sup, struct po_role *role,
                        const struct po_wire_msg *msg)
{
    uint64_t code = msg->number[PO_WIRE_CODE];
    po_str message = msg->text[PO_WIRE_MESSAGE];
    po_log(cx, PO_LOG_ERROR, "service.role_failed", PO_F_CSTR("role", role->name),
           PO_F_STR("error", message));
    if (role->was_ready || sup->is_stopping) return;
    enum po_code known = code > PO_OK && code <= PO_UNAVAILABLE ? (enum po_code)code : PO_IO;
    po_ignore(PO_FAIL(cx, known, "%.*s", PO_STR_ARG(message)), "kept for the end");
    sup->failure = cx->err;
    po_err_clear(cx);
}

/* Only of the newest link: what core says of an older one is known, the role was started again since. */
static void take_broken(struct po_supervisor *sup, const struct po_wire_msg *msg)
{
    for (size_t i = 0; i < PO_ROLE_COUNT && !sup->is_stopping; i++) {
        struct po_role *role = &sup->roles[i];
        bool is_it = role->name != NULL && po_str_eq_cstr(msg->text[PO_WIRE_ROLE], role->name);
        if (is_it && msg->id == role->link) po_role_kill(role, SIGKILL);
    }
}

static void take(struct po_ctx *cx, struct po_supervisor *sup, struct po_role *role,
                 const struct po_wire_msg *msg)
{
    if (msg->kind == PO_WIRE_KIND_PONG)
        role->heard_us = po_supervisor_now_us(cx);
    else if (msg->kind == PO_WIRE_KIND_READY)
        take_ready(cx, sup, role, msg);
    else if (msg->kind == PO_WIRE_KIND_FAILED)
        take_failed(cx, sup, role, msg);
    else if (msg->kind == PO_WIRE_KIND_BROKEN)
        take_broken(sup, msg);
    else
        po_role_kill(role, SIGKILL); /* no role says anything else */
}

static void read_role(struct po_ctx *cx, struct po_supervisor *sup, struct po_role *role)
{
    struct po_wire_msg msg;
    bool has = true;
    po_rc rc = po_wire_end_fill(cx, &role->control);
    while (has && role->control.fd >= 0) {
        po_rc next = po_wire_end_next(cx, &role->control, &msg, &has);
        if (!po_is_ok(next)) {
            rc = next;
            break;
        }
        if (has) take(cx, sup, role, &msg);
    }
    po_err_clear(cx);
    if (po_is_ok(rc)) return;
    /* Its channel is gone or garbled: so is the role, whether it knows or not. */
    po_role_kill(role, rc.code == PO_CANCELED && sup->is_stopping ? 0 : SIGKILL);
    po_wire_end_done(&role->control);
}

/* ---- signals ------------------------------------------------------------------------------------ */

static void reap(struct po_ctx *cx, struct po_supervisor *sup)
{
    for (size_t i = 0; i < PO_ROLE_COUNT; i++) {
        struct po_role *role = &sup->roles[i];
        int status = 0;
        if (role->pid == 0 || po_sys_waitpid(role->pid, &status, WNOHANG) != role->pid) continue;
        if (role->control.fd >= 0) read_role(cx, sup, role); /* its last words */
        po_role_ended(cx, sup, role, status);
        po_role_report(cx, sup);
    }
}

static void begin_stop(struct po_ctx *cx, struct po_supervisor *sup)
{
    if (sup->is_stopping) return;
    sup->is_stopping = true;
    po_log(cx, PO_LOG_INFO, "service.stopping", PO_F_I64("pid", po_sys_getpid()));
    po_ignore(po_notify(cx, "STOPPING=1"), "the service ends without a manager, too");
    po_err_clear(cx);
    /* The roles are told by go_on_stopping, in this very turn. */
}

static void take_signals(struct po_ctx *cx, struct po_supervisor *sup)
{
    for (int number = po_sys_signal_next(sup->signal_fd); number != 0;
         number = po_sys_signal_next(sup->signal_fd)) {
        if (number == SIGCHLD) reap(cx, sup);
        if (number == SIGTERM || number == SIGINT) begin_stop(cx, sup);
        if (number != SIGHUP) continue;
        for (size_t i = 0; i < PO_ROLE_COUNT; i++)
            po_role_tell(cx, &sup->roles[i], PO_WIRE_KIND_RELOAD);
    }
}

/* ---- time --------------------------------------------------------------------------------------- */

static void ping(struct po_ctx *cx, const struct po_supervisor *sup, struct po_role *role,
                 po_time_us now_us)
{
    if (role->pid == 0 || now_us - role->asked_us < PO_DAEMON_PING_US) return;
    bool is_core = role == &sup->roles[PO_ROLE_CORE];
    po_time_us limit_us = is_core ? PO_DAEMON_PONG_US : PO_DAEMON_PONG_SHORT_US;
    /* Not when it was us who slept: what was asked last has been answered then. */
    if (role->heard_us < role->asked_us && now_us - role->heard_us > limit_us) {
        po_log(cx, PO_LOG_ERROR, "service.role_silent", PO_F_CSTR("role", role->name));
        po_role_kill(role, SIGKILL);
        return;
    }
    role->asked_us = now_us;
    po_role_tell(cx, role, PO_WIRE_KIND_PING);
}

static void start_due(struct po_ctx *cx, struct po_supervisor *sup, po_time_us now_us)
{
    for (enum po_role_id id = PO_ROLE_KEEPER; id < PO_ROLE_COUNT; id++) {
        struct po_role *role = &sup->roles[id];
        bool may = id != PO_ROLE_FRONT || sup->roles[PO_ROLE_CORE].was_ready;
        if (role->name == NULL || role->pid != 0 || role->next_us > now_us || !may) continue;
        if (po_is_ok(po_role_start(cx, sup, id))) continue;
        po_log(cx, PO_LOG_ERROR, "service.start_failed", PO_F_CSTR("role", role->name),
               PO_F_CSTR("error", po_err_msg(cx)));
        po_err_clear(cx);
        role->next_us = now_us + PO_US_PER_S;
    }
}

static void watchdog(struct po_ctx *cx, struct po_supervisor *sup, po_time_us now_us)
{
    if (sup->watchdog_us == 0 || now_us - sup->watched_us < sup->watchdog_us) return;
    sup->watched_us = now_us;
    po_ignore(po_notify(cx, "WATCHDOG=1"), "the manager then starts the service again");
    po_err_clear(cx);
}

/* In order, so that who is asked can still answer: front asks core, and core asks keeper to sign. */
static void go_on_stopping(struct po_ctx *cx, struct po_supervisor *sup, po_time_us now_us)
{
    static const enum po_role_id order[] = {PO_ROLE_FRONT, PO_ROLE_CORE, PO_ROLE_KEEPER};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct po_role *role = &sup->roles[order[i]];
        if (role->pid == 0) continue;
        if (role->is_stopping && now_us >= sup->stop_us) po_role_kill(role, SIGKILL);
        if (role->is_stopping) return;
        role->is_stopping = true;
        sup->stop_us = now_us + PO_DAEMON_DRAIN_US;
        po_role_tell(cx, role, PO_WIRE_KIND_STOP);
        return;
    }
}

static void pass_time(struct po_ctx *cx, struct po_supervisor *sup)
{
    po_time_us now_us = po_supervisor_now_us(cx);
    watchdog(cx, sup, now_us);
    if (sup->is_stopping) {
        go_on_stopping(cx, sup, now_us);
        return;
    }
    for (size_t i = 0; i < PO_ROLE_COUNT; i++)
        ping(cx, sup, &sup->roles[i], now_us);
    start_due(cx, sup, now_us);
    po_probe_pass_time(cx, sup, now_us);
}

static int wait_ms(struct po_ctx *cx, const struct po_supervisor *sup)
{
    po_time_us now_us = po_supervisor_now_us(cx);
    po_time_us until_us = now_us + WAIT_MS_MAX * PO_US_PER_MS;
    for (size_t i = 0; i < PO_ROLE_COUNT; i++) {
        const struct po_role *role = &sup->roles[i];
        if (role->name != NULL && role->pid == 0 && role->next_us > now_us &&
            role->next_us < until_us)
            until_us = role->next_us;
    }
    return (int)((until_us - now_us + PO_US_PER_MS - 1) / PO_US_PER_MS);
}

/* ---- the loop ----------------------------------------------------------------------------------- */

static PO_RC step(struct po_ctx *cx, struct po_supervisor *sup)
{
    struct epoll_event events[EVENTS_MAX];
    int count = po_sys_epoll_wait(sup->epoll_fd, events, EVENTS_MAX, wait_ms(cx, sup));
    if (count < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for roles");
    for (int i = 0; i < count; i++) {
        struct po_role *role = &sup->roles[events[i].data.u64 % PO_ROLE_COUNT];
        if (events[i].data.u64 == PO_SUPERVISOR_TAG_SIGNAL)
            take_signals(cx, sup);
        else if (events[i].data.u64 == PO_SUPERVISOR_TAG_PROBE)
            po_probe_step(cx, sup);
        else if (role->control.fd >= 0)
            read_role(cx, sup, role);
    }
    pass_time(cx, sup);
    return po_rc_ok();
}

static bool is_running(const struct po_supervisor *sup)
{
    for (size_t i = 0; i < PO_ROLE_COUNT; i++)
        if (sup->roles[i].pid != 0) return true;
    return !sup->is_stopping;
}

static PO_RC set_up(struct po_ctx *cx, struct po_supervisor *sup)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGHUP);
    (void)sigaddset(&wanted, SIGCHLD);
    sup->epoll_fd = po_sys_epoll_create();
    if (sup->epoll_fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "setting up the service");
    sup->signal_fd = po_sys_signalfd(&wanted);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = PO_SUPERVISOR_TAG_SIGNAL};
    if (sup->signal_fd < 0 ||
        po_sys_epoll_ctl(sup->epoll_fd, EPOLL_CTL_ADD, sup->signal_fd, &event) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "taking signals");
    sup->watchdog_us = po_notify_watchdog_us();
    return po_rc_ok();
}

static PO_RC add_role(struct po_ctx *cx, struct po_supervisor *sup, enum po_role_id id,
                      const char *name)
{
    struct po_role *role = &sup->roles[id];
    const struct po_cli_serve *options = sup->options;
    size_t count = 0;
    role->name = name;
    role->argv[count++] = "paulyops";
    role->argv[count++] = po_arena_printf(cx->arena, "--role=%s", name);
    role->argv[count++] = po_arena_printf(cx->arena, "--home=%s", options->root);
    for (size_t i = 0; i < options->front_count && id == PO_ROLE_FRONT; i++)
        role->argv[count++] = options->front[i];
    for (size_t i = 0; i < count; i++)
        if (role->argv[i] == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a role");
    return po_rc_ok();
}

/* A wrong option is told before anything starts. */
static PO_RC check_front(struct po_ctx *cx, const struct po_cli_serve *options)
{
    struct po_front_options *read = NULL;
    char *arguments[PO_CLI_SERVE_ARGS_MAX];
    for (size_t i = 0; i < options->front_count; i++)
        arguments[i] = options->front[i];
    PO_ARENA_NEW(cx, read, 1);
    return po_front_options_read(cx, (int)options->front_count, arguments, read);
}

PO_RC po_daemon_serve(struct po_ctx *cx, const struct po_cli_serve *options)
{
    PO_CLEANUP(po_log_freep) struct po_log *log = po_log_new(STDERR_FILENO, PO_LOG_INFO);
    PO_CLEANUP(supervisor_done)
    struct po_supervisor sup = {
        .options = options, .epoll_fd = -1, .signal_fd = -1, .probe.fd = -1};
    if (log == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the log");
    PO_TRY(cx, check_front(cx, options));
    cx->log = log;
    for (size_t i = 0; i < PO_ROLE_COUNT; i++)
        po_wire_end_init(&sup.roles[i].control, -1);
    PO_TRY(cx, add_role(cx, &sup, PO_ROLE_KEEPER, PO_DAEMON_ROLE_KEEPER));
    PO_TRY(cx, add_role(cx, &sup, PO_ROLE_CORE, PO_DAEMON_ROLE_CORE));
    PO_TRY(cx, add_role(cx, &sup, PO_ROLE_FRONT, PO_DAEMON_ROLE_FRONT));
    PO_TRY(cx, set_up(cx, &sup));
    pass_time(cx, &sup);
    while (is_running(&sup)) {
        PO_TRY(cx, step(cx, &sup));
        if (sup.failure.code != PO_OK) begin_stop(cx, &sup);
    }
    cx->log = NULL;
    if (sup.failure.code == PO_OK) return po_rc_ok();
    cx->err = sup.failure;
    return (po_rc){sup.failure.code};
}
