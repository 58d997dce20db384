/*
 * One role's process: starting it, linking it, noting its end.
 */
#include "daemon/supervisor_priv.h"

#include "core/cfg.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/sys_net.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static PO_RC spawn(struct po_ctx *cx, struct po_role *role, int channel)
{
    PO_FD_AUTO null = po_sys_open("/dev/null", O_RDONLY, 0);
    if (null < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "opening '/dev/null'");
    struct po_sys_spawn how = {.path = "/proc/self/exe",
                               .argv = role->argv,
                               .env = po_env_all(), /* it says where keys and state stand */
                               .directory = "/",
                               .fds = {null, STDERR_FILENO, STDERR_FILENO},
                               .channel = channel};
    if (po_sys_spawn(&how, &role->pid) != 0) {
        role->pid = 0;
        return PO_FAIL_SYS(cx, PO_IO, errno, "starting the role '%s'", role->name);
    }
    return po_rc_ok();
}

static PO_RC watch(struct po_ctx *cx, struct po_supervisor *sup, enum po_role_id id)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = id};
    if (po_sys_epoll_ctl(sup->epoll_fd, EPOLL_CTL_ADD, sup->roles[id].control.fd, &event) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "watching a role");
    return po_rc_ok();
}

po_rc po_role_start(struct po_ctx *cx, struct po_supervisor *sup, enum po_role_id id)
{
    struct po_role *role = &sup->roles[id];
    int pair[2] = {-1, -1};
    po_wire_end_done(&role->control);
    if (po_sys_socketpair(pair) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "making a channel");
    PO_FD_AUTO theirs = pair[1];
    po_wire_end_init(&role->control, pair[0]);
    if (po_sys_set_nonblocking(pair[0]) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting up a channel");
    PO_TRY(cx, watch(cx, sup, id));
    PO_TRY(cx, spawn(cx, role, theirs));
    role->is_ready = false;
    role->is_stopping = false;
    role->next_us = 0;
    role->started_us = po_supervisor_now_us(cx);
    role->heard_us = role->started_us;
    role->asked_us = role->started_us;
    if (id != PO_ROLE_CORE) {
        po_role_link(cx, sup, id);
        return po_rc_ok();
    }
    po_role_link(cx, sup, PO_ROLE_KEEPER);
    po_role_link(cx, sup, PO_ROLE_FRONT);
    return po_rc_ok();
}

/* ---- links -------------------------------------------------------------------------------------- */

/* One side's end of link `id` to what it knows as `name`. */
static PO_RC give_end(struct po_ctx *cx, struct po_role *role, const char *name, uint64_t id,
                      int fd)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_LINK, id);
    po_wire_set_text(&msg, PO_WIRE_ROLE, po_str_of(name));
    /* What waits goes first: frames keep their order. */
    PO_TRY(cx, po_wire_end_flush(cx, &role->control));
    if (po_wire_end_is_waiting(&role->control))
        return PO_FAIL(cx, PO_BUSY, "the role '%s' reads nothing", role->name);
    return po_wire_send_fd(cx, role->control.fd, &msg, fd);
}

/* By default each is known to the other by its name. */
static PO_RC link_both(struct po_ctx *cx, struct po_role *core, struct po_role *other,
                       const char *name)
{
    int pair[2] = {-1, -1};
    if (po_sys_socketpair(pair) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "making a link");
    PO_FD_AUTO one = pair[0];
    PO_FD_AUTO two = pair[1];
    if (po_sys_set_nonblocking(one) != 0 || po_sys_set_nonblocking(two) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting up a link");
    PO_TRY(cx, give_end(cx, core, name != NULL ? name : other->name, other->link, one));
    return give_end(cx, other, name != NULL ? name : core->name, other->link, two);
}

void po_role_link(struct po_ctx *cx, struct po_supervisor *sup, enum po_role_id other)
{
    struct po_role *core = &sup->roles[PO_ROLE_CORE];
    struct po_role *role = &sup->roles[other];
    if (core->pid == 0 || role->pid == 0) return;
    role->link++;
    po_rc rc = link_both(cx, core, role, NULL);
    if (po_is_ok(rc) && other == PO_ROLE_KEEPER)
        rc = link_both(cx, core, role, PO_DAEMON_LINK_KEYS);
    if (po_is_ok(rc)) return;
    po_log(cx, PO_LOG_ERROR, "service.link_failed", PO_F_CSTR("role", role->name),
           PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
    po_role_kill(role, SIGKILL); /* it is started again, and linked then */
}

void po_role_tell(struct po_ctx *cx, struct po_role *role, enum po_wire_kind kind)
{
    struct po_wire_msg msg;
    if (role->pid == 0) return;
    po_wire_begin(&msg, kind, 0);
    po_rc rc = po_wire_end_send(cx, &role->control, &msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(cx, &role->control);
    po_ignore(rc, "a role that cannot be reached is seen by its end");
    po_err_clear(cx);
}

void po_role_kill(struct po_role *role, int signal_number)
{
    if (role->pid > 0) (void)po_sys_kill(role->pid, signal_number);
}

/* ---- ends --------------------------------------------------------------------------------------- */

static void plan_restart(struct po_ctx *cx, struct po_role *role)
{
    po_time_us now_us = po_supervisor_now_us(cx);
    bool was_steady = now_us - role->started_us >= PO_DAEMON_STEADY_US;
    if (was_steady || role->backoff_us == 0) {
        role->backoff_us = PO_DAEMON_BACKOFF_MIN_US;
    } else if (role->backoff_us < PO_DAEMON_BACKOFF_MAX_US / 2) {
        role->backoff_us *= 2;
    } else {
        role->backoff_us = PO_DAEMON_BACKOFF_MAX_US;
    }
    role->next_us = now_us + role->backoff_us;
}

void po_role_ended(struct po_ctx *cx, struct po_supervisor *sup, struct po_role *role, int status)
{
    role->has_died = !role->is_stopping && !sup->is_stopping;
    role->died_pid = role->pid;
    role->died_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    role->died_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    role->pid = 0;
    role->is_ready = false;
    po_wire_end_done(&role->control); /* closing takes it out of epoll, too */
    if (sup->is_stopping) return;
    role->restarts++;
    plan_restart(cx, role);
    po_log(cx, PO_LOG_ERROR, "process.crashed", PO_F_CSTR("role", role->name),
           PO_F_I64("pid", role->died_pid), PO_F_I64("signal", role->died_signal),
           PO_F_I64("exit", role->died_exit),
           PO_F_I64("again_in_ms", role->backoff_us / PO_US_PER_MS));
}

static PO_RC report_one(struct po_ctx *cx, struct po_role *core, const struct po_role *role)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_DIED, 0);
    po_wire_set_text(&msg, PO_WIRE_ROLE, po_str_of(role->name));
    po_wire_set_number(&msg, PO_WIRE_PID, (uint64_t)role->died_pid);
    po_wire_set_number(&msg, PO_WIRE_SIGNAL, (uint64_t)role->died_signal);
    po_wire_set_number(&msg, PO_WIRE_EXIT_CODE, (uint64_t)role->died_exit);
    po_wire_set_number(&msg, PO_WIRE_RESTARTS, role->restarts);
    PO_TRY(cx, po_wire_end_send(cx, &core->control, &msg));
    return po_wire_end_flush(cx, &core->control);
}

void po_role_report(struct po_ctx *cx, struct po_supervisor *sup)
{
    struct po_role *core = &sup->roles[PO_ROLE_CORE];
    if (!core->is_ready) return;
    for (size_t i = 0; i < PO_ROLE_COUNT; i++) {
        struct po_role *role = &sup->roles[i];
        if (!role->has_died) continue;
        if (po_is_ok(report_one(cx, core, role))) role->has_died = false;
        po_err_clear(cx);
    }
}
