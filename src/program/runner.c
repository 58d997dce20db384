/*
 * The parent of a runner child: starts it, answers what it asks, collects what it reports, ends it.
 *
 *   spawn -> job -> ready -> { ask -> answer | call }* -> part* -> end
 *
 * Invariants
 *  1. the child is taken for hostile: what it asks is judged by the same gate here, what it reports must
 *     be what this side let through or answered itself. A frame out of turn ends the run.
 *  2. it is killed with all it started, and reaped, on every path.
 *  3. it has the run's time limit and a tenth more, counted from its `ready`; before that
 *     PO_RUNNER_START_US_MAX.
 */
#include "program/runner_parent_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- the process -------------------------------------------------------------------------------- */

static void runner_done(struct po_runner *runner)
{
    int saved_errno = errno;
    if (runner->pid > 0 && !runner->has_ended) {
        /* Its group cannot be another's: its leader is not reaped yet. */
        if (po_sys_kill(-runner->pid, SIGKILL) != 0) (void)po_sys_kill(runner->pid, SIGKILL);
        (void)po_sys_waitpid(runner->pid, &runner->status, 0);
        runner->has_ended = true;
    }
    po_fd_closep(&runner->end.fd);
    po_buf_done(&runner->calls);
    po_buf_done(&runner->answered);
    for (size_t i = 0; i < PO_RUNNER_TEXT_COUNT; i++)
        po_buf_done(&runner->texts[i]);
    errno = saved_errno;
}

static int spawn(int channel, pid_t *ret_pid)
{
    static const char *const argv[] = {"paulyops", "--role=program", NULL};
    static const char *const env[] = {NULL};
#ifdef PO_FAULTS
    if (po_runner_test.spawn != NULL) return po_runner_test.spawn(channel, ret_pid);
#endif
    PO_FD_AUTO null = po_sys_open("/dev/null", O_RDWR, 0);
    if (null < 0) return -1;
    struct po_sys_spawn how = {.path = "/proc/self/exe",
                               .argv = argv,
                               .env = env,
                               .directory = "/",
                               .fds = {null, null, null},
                               .channel = channel};
    return po_sys_spawn(&how, ret_pid);
}

static PO_RC start(struct po_ctx *cx, struct po_runner *runner)
{
    int pair[2] = {-1, -1};
    if (po_sys_socketpair(pair) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "making a channel");
    runner->end.fd = pair[0];
    PO_FD_AUTO theirs = pair[1];
    if (po_sys_set_nonblocking(runner->end.fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting up a channel");
    if (spawn(theirs, &runner->pid) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "starting a runner child");
    runner->end.deadline_us = po_frame_now_us() + PO_RUNNER_START_US_MAX;
    return po_rc_ok();
}

static PO_RC send_job(struct po_ctx *cx, struct po_runner *runner)
{
    PO_BUF_AUTO frame = {0};
    po_buf_init(&frame, PO_FRAME_BYTES_MAX);
    PO_TRY(cx, po_runner_job_put(cx, runner->program, runner->job, runner->gate, &frame));
    return po_frame_send(cx, &runner->end, po_buf_str(&frame));
}

/* ---- how a run can end without an end frame ----------------------------------------------------- */

static PO_RC set_fault(struct po_ctx *cx, struct po_runner *runner, const char *kind,
                       const char *message)
{
    struct po_script_outcome *outcome = &runner->result.outcome;
    *outcome = (struct po_script_outcome){.status = PO_SCRIPT_FAULT,
                                          .value_json = PO_LIT("null"),
                                          .fault_kind = po_str_of(kind),
                                          .host_calls = runner->call_count};
    if (message == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for an outcome");
    outcome->fault_message = po_str_of(message);
    runner->is_over = true;
    return po_rc_ok();
}

/* The child is gone without having said how the run ended. */
static PO_RC take_death(struct po_ctx *cx, struct po_runner *runner)
{
    const char *how = NULL;
    po_err_clear(cx);
    if (po_sys_kill(-runner->pid, SIGKILL) != 0) (void)po_sys_kill(runner->pid, SIGKILL);
    if (po_sys_waitpid(runner->pid, &runner->status, 0) != runner->pid)
        return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for a runner child");
    runner->has_ended = true;
    if (WIFEXITED(runner->status))
        how = po_arena_printf(cx->arena, "the runner child ended with status %d",
                              WEXITSTATUS(runner->status));
    else
        how = po_arena_printf(cx->arena, "the runner child was ended by signal %d",
                              WTERMSIG(runner->status));
    if (how == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for an outcome");
    if (!runner->is_ready) return PO_FAIL(cx, PO_IO, "%s before it could run the program", how);
    return set_fault(cx, runner, "HostError", how);
}

static PO_RC take_timeout(struct po_ctx *cx, struct po_runner *runner)
{
    if (!runner->is_ready) return PO_FAIL(cx, PO_IO, "the runner child did not start in time");
    po_err_clear(cx);
    return set_fault(cx, runner, "TimeLimit", "time limit exceeded");
}

/* PO_TAMPER is what the frames' readers give for a child that lies. */
static PO_RC take_breach(struct po_ctx *cx, struct po_runner *runner)
{
    const char *what =
        po_arena_printf(cx->arena, "the runner child broke its protocol: %s", po_err_msg(cx));
    po_err_clear(cx);
    return set_fault(cx, runner, "HostError", what);
}

/* ---- the conversation --------------------------------------------------------------------------- */

static PO_RC turn(struct po_ctx *cx, struct po_runner *runner, struct po_buf *frame)
{
    bool was_ready = runner->is_ready;
    po_rc rc = po_frame_read(cx, &runner->end, frame);
    if (po_is_ok(rc)) rc = po_runner_take_frame(cx, runner, po_buf_str(frame));
    if (rc.code == PO_CANCELED && !runner->is_refused) return take_death(cx, runner);
    if (rc.code == PO_TIMEOUT && !runner->is_refused) return take_timeout(cx, runner);
    bool is_lie = rc.code == PO_TAMPER || rc.code == PO_CORRUPT;
    if (is_lie && !runner->is_refused) return take_breach(cx, runner);
    PO_TRY(cx, rc);
    if (runner->is_ready && !was_ready)
        runner->end.deadline_us = po_frame_now_us() + po_runner_time_us(&runner->program->limits);
    return po_rc_ok();
}

static PO_RC converse(struct po_ctx *cx, struct po_runner *runner)
{
    PO_BUF_AUTO frame = {0};
    po_buf_init(&frame, PO_FRAME_BYTES_MAX);
    po_rc rc = send_job(cx, runner);
    if (rc.code == PO_CANCELED) return take_death(cx, runner);
    if (rc.code == PO_TIMEOUT) return take_timeout(cx, runner);
    PO_TRY(cx, rc);
    while (!runner->is_over)
        PO_TRY(cx, turn(cx, runner, &frame));
    return po_rc_ok();
}

/* ---- the result --------------------------------------------------------------------------------- */

static PO_RC keep(struct po_ctx *cx, const struct po_buf *buf, po_str *ret_str)
{
    PO_TRY_LEAF(cx, po_buf_check(buf), "out of memory for a program's result");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(buf), ret_str),
                "out of memory for a program's result");
    return po_rc_ok();
}

static PO_RC finish(struct po_ctx *cx, struct po_runner *runner,
                    const struct po_sandbox_support *support)
{
    struct po_program_result *result = &runner->result;
    struct po_program_denial *denials = NULL;
    po_buf_append_char(&runner->calls, ']');
    PO_TRY(cx, keep(cx, &runner->calls, &result->calls_json));
    PO_TRY_LEAF(cx, po_sha256(result->calls_json, result->calls_digest), "digest of the calls");
    PO_TRY(cx, keep(cx, &runner->texts[PO_RUNNER_OUTPUT], &result->output));
    if (result->outcome.status != PO_SCRIPT_FAULT) {
        PO_TRY(cx, keep(cx, &runner->texts[PO_RUNNER_VALUE], &result->outcome.value_json));
        PO_TRY(cx, keep(cx, &runner->texts[PO_RUNNER_DISPLAY], &result->outcome.display));
    }
    PO_ARENA_NEW(cx, denials, runner->denial_count + 1);
    memcpy(denials, runner->denials, runner->denial_count * sizeof *denials);
    result->denials = denials;
    result->denial_count = runner->denial_count;
    result->is_sandboxed = true;
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_str_of(support->text), &result->sandbox),
                "out of memory for a program's result");
    return po_rc_ok();
}

static PO_RC check_fences(struct po_ctx *cx, const struct po_gate *gate,
                          const struct po_sandbox_support *support)
{
    if (po_sandbox_is_full(support)) return po_rc_ok();
    for (size_t i = 0; i < gate->needs->count; i++) {
        const struct po_cap *need = &gate->needs->at[i];
        if (!po_cap_changes_things(need->kind)) continue;
        return PO_FAIL(cx, PO_DENIED, "capability '%s' is refused on this host: %s is missing",
                       po_cap_name(need->kind), support->landlock_abi > 0 ? "seccomp" : "landlock");
    }
    return po_rc_ok();
}

static void look_at_host(struct po_sandbox_support *support)
{
#ifdef PO_FAULTS
    if (po_runner_test.support != NULL) {
        *support = *po_runner_test.support;
        return;
    }
#endif
    po_sandbox_support(support);
}

/*
 * Files are walked without following links, so what "~/" means must hold none: the real path. A home
 * that is not there stays as it is named; nothing below it can be opened.
 */
static PO_RC resolve_home(struct po_ctx *cx, const struct po_gate *gate, struct po_gate *ret_gate)
{
    char real[PATH_MAX];
    *ret_gate = *gate;
    if (gate->home == NULL || po_sys_realpath(gate->home, real) == NULL) return po_rc_ok();
    ret_gate->home = po_arena_strdup(cx->arena, po_str_of(real));
    if (ret_gate->home == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a path");
    return po_rc_ok();
}

static void init_runner(struct po_runner *runner)
{
    po_buf_init(&runner->calls, PO_PROGRAM_CALLS_BYTES_MAX);
    po_buf_append_char(&runner->calls, '[');
    po_buf_init(&runner->answered, PO_FRAME_BYTES_MAX);
    for (size_t i = 0; i < PO_RUNNER_TEXT_COUNT; i++)
        po_buf_init(&runner->texts[i], PO_RUNNER_VALUE_BYTES_MAX);
    po_buf_done(&runner->texts[PO_RUNNER_OUTPUT]);
    po_buf_init(&runner->texts[PO_RUNNER_OUTPUT],
                (size_t)runner->program->limits.output_bytes + PO_RUNNER_OUTPUT_SLACK_BYTES);
}

po_rc po_runner_run(struct po_ctx *cx, const struct po_program *program,
                    const struct po_program_job *job, const struct po_gate *gate,
                    struct po_program_result *ret_result)
{
    struct po_sandbox_support support = {0};
    struct po_gate real_gate = {0};
    PO_CLEANUP(runner_done)
    struct po_runner runner = {
        .program = program, .job = job, .gate = &real_gate, .pid = -1, .end = {.fd = -1}};
    init_runner(&runner);
    PO_TRY(cx, resolve_home(cx, gate, &real_gate));
    look_at_host(&support);
    PO_TRY(cx, check_fences(cx, gate, &support));
    PO_TRY(cx, start(cx, &runner));
    PO_TRY(cx, converse(cx, &runner));
    PO_TRY(cx, finish(cx, &runner, &support));
    *ret_result = runner.result;
    return po_rc_ok();
}

#ifdef PO_FAULTS
struct po_runner_test po_runner_test;
#endif
