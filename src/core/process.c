/*
 * Running one child (process.h says what is promised).
 *
 * Invariants
 *  1. once a child has been started it is reaped before the function returns, on every path.
 *  2. no wait is without an end: each poll is bounded by the deadline, the drain time or POLL_MS_MAX.
 *  3. the clock is the machine's: a child runs in real time even under a test's clock.
 */
#include "core/process.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define READ_BYTES 65536
#define POLL_MS_MAX 1000
#define POLL_MS_WITHOUT_PIDFD 10

enum stream { STREAM_IN, STREAM_OUT, STREAM_ERR, STREAM_COUNT };

struct child {
    pid_t pid;
    int pidfd;             /* -1 where the kernel has none: then the end is asked for by turns */
    int fds[STREAM_COUNT]; /* our ends; -1 when done */
    struct po_buf *bufs[STREAM_COUNT];
    bool is_truncated[STREAM_COUNT];
    po_str input;
    bool has_ended;
    int status;
    po_time_us deadline_us; /* SIGKILL, or SIGTERM when grace is left */
    po_time_us grace_us;
    bool is_timed_out;
    bool stays_in_group;
    po_time_us drain_until_us; /* when has_ended */
};

static po_time_us now_us(void) { return po_clock_system.monotonic_us(po_clock_system.user); }

/* The group cannot be another's: its leader is not reaped yet. ESRCH, nobody left, is the good case. */
static void kill_group(const struct child *child, int signal_number)
{
    bool is_told = !child->stays_in_group && po_sys_kill(-child->pid, signal_number) == 0;
    if (!is_told) (void)po_sys_kill(child->pid, signal_number);
}

/* The abandon path, and the ordinary end: nobody of the group lives on, the child is reaped. */
static void child_done(struct child *child)
{
    int saved_errno = errno;
    if (child->pid > 0 && !child->has_ended) {
        kill_group(child, SIGKILL);
        (void)po_sys_waitpid(child->pid, &child->status, 0);
    }
    for (int i = 0; i < STREAM_COUNT; i++)
        po_fd_closep(&child->fds[i]);
    po_fd_closep(&child->pidfd);
    errno = saved_errno;
}

/* ---- starting ---- */

static po_rc check_options(struct po_ctx *cx, const struct po_process_options *options)
{
    if (options->path == NULL || options->path[0] != '/')
        return PO_FAIL(cx, PO_INVALID, "a program is named by its absolute path");
    if (options->timeout_ms < 1 || options->timeout_ms > PO_PROCESS_TIMEOUT_MS_MAX ||
        options->grace_ms < 0 || options->grace_ms > PO_PROCESS_TIMEOUT_MS_MAX)
        return PO_FAIL(cx, PO_INVALID, "time limit of '%s' is out of range", options->path);
    if (options->argv == NULL || options->argv[0] == NULL)
        return PO_FAIL(cx, PO_INVALID, "'%s' has no argument vector", options->path);
    size_t count = 0;
    while (options->argv[count] != NULL)
        if (++count > PO_PROCESS_ARGS_MAX)
            return PO_FAIL(cx, PO_LIMIT, "more than %d arguments for '%s'", PO_PROCESS_ARGS_MAX,
                           options->path);
    return po_rc_ok();
}

/* Pipes for the three streams: `theirs` for the child, child->fds for us. */
static po_rc make_pipes(struct po_ctx *cx, struct child *child, int theirs[static STREAM_COUNT])
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        int ends[2] = {-1, -1};
        if (po_sys_pipe(ends, false) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "making a pipe");
        theirs[i] = ends[i == STREAM_IN ? 0 : 1];
        child->fds[i] = ends[i == STREAM_IN ? 1 : 0];
        if (po_sys_set_nonblocking(child->fds[i]) != 0)
            return PO_FAIL_SYS(cx, PO_IO, errno, "setting up a pipe");
    }
    return po_rc_ok();
}

struct fd_set3 {
    int fds[STREAM_COUNT];
};

static void fd_set3_done(struct fd_set3 *set)
{
    for (int i = 0; i < STREAM_COUNT; i++)
        po_fd_closep(&set->fds[i]);
}

static po_rc start(struct po_ctx *cx, const struct po_process_options *options, struct child *child)
{
    static const char *const plain_env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
        "TZ=UTC", NULL};
    PO_CLEANUP(fd_set3_done) struct fd_set3 theirs = {{-1, -1, -1}};
    PO_TRY(cx, make_pipes(cx, child, theirs.fds));
    struct po_sys_spawn how = {.path = options->path,
                               .argv = options->argv,
                               .env = options->env != NULL ? options->env : plain_env,
                               .directory = options->directory,
                               .stays_in_group = options->stays_in_group,
                               .fds = {theirs.fds[0], theirs.fds[1], theirs.fds[2]}};
    pid_t pid = 0;
    if (po_sys_spawn(&how, &pid) != 0) {
        int why = errno;
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(why), why, "starting '%s'", options->path);
    }
    child->pid = pid;
    child->pidfd = po_sys_pidfd_open(pid);
    return po_rc_ok();
}

/* ---- while it runs ---- */

static po_rc feed(struct po_ctx *cx, struct child *child)
{
    if (child->fds[STREAM_IN] < 0) return po_rc_ok();
    if (child->input.len > 0) {
        ssize_t put = po_sys_write_pipe(child->fds[STREAM_IN], child->input.ptr, child->input.len);
        if (put < 0 && errno == EAGAIN) return po_rc_ok();
        /* A child may end, or close its input, before it has read all: its business. */
        if (put < 0 && errno != EPIPE)
            return PO_FAIL_SYS(cx, PO_IO, errno, "writing to a child's input");
        child->input =
            put < 0 ? PO_LIT("") : po_str_slice(child->input, (size_t)put, child->input.len);
    }
    if (child->input.len == 0) po_fd_closep(&child->fds[STREAM_IN]);
    return po_rc_ok();
}

/* Keep what there is room for, drop the rest. */
static void keep(struct child *child, enum stream stream, po_str bytes)
{
    struct po_buf *buf = child->bufs[stream];
    if (buf == NULL) return;
    size_t room = buf->max - buf->len;
    if (bytes.len > room) child->is_truncated[stream] = true;
    po_buf_append(buf, po_str_slice(bytes, 0, room));
}

static po_rc drain(struct po_ctx *cx, struct child *child, enum stream stream)
{
    char bytes[READ_BYTES];
    ssize_t got = po_sys_read(child->fds[stream], bytes, sizeof bytes);
    if (got < 0 && errno == EAGAIN) return po_rc_ok();
    if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading a child's output");
    if (got == 0)
        po_fd_closep(&child->fds[stream]);
    else
        keep(child, stream, po_str_n(bytes, (size_t)got));
    if (child->bufs[stream] != NULL)
        PO_TRY_LEAF(cx, po_buf_check(child->bufs[stream]), "keeping a child's output");
    return po_rc_ok();
}

static po_rc notice_end(struct po_ctx *cx, struct child *child)
{
    if (child->has_ended) return po_rc_ok();
    siginfo_t info = {0};
    /* Look without reaping: while the zombie stands, its group's number cannot be another's. */
    if (po_sys_waitid_peek(child->pid, &info) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for a child");
    if (info.si_pid != child->pid) return po_rc_ok();
    kill_group(child, SIGKILL);
    if (po_sys_waitpid(child->pid, &child->status, 0) != child->pid)
        return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for a child");
    child->has_ended = true;
    child->drain_until_us = now_us() + PO_PROCESS_DRAIN_MS * PO_US_PER_MS;
    return po_rc_ok();
}

static void enforce_deadline(struct child *child)
{
    if (child->has_ended || now_us() < child->deadline_us) return;
    child->is_timed_out = true;
    kill_group(child, child->grace_us > 0 ? SIGTERM : SIGKILL);
    /* After SIGKILL the end comes by itself; the next look is a grace or a second away. */
    child->deadline_us = now_us() + (child->grace_us > 0 ? child->grace_us : PO_US_PER_S);
    child->grace_us = 0;
}

static int wait_ms(const struct child *child)
{
    po_time_us until = child->has_ended ? child->drain_until_us : child->deadline_us;
    po_time_us left = until - now_us();
    if (left <= 0) return 0;
    int64_t most = child->pidfd >= 0 || child->has_ended ? POLL_MS_MAX : POLL_MS_WITHOUT_PIDFD;
    int64_t ms = left / PO_US_PER_MS + 1;
    return (int)(ms < most ? ms : most);
}

static po_rc turn(struct po_ctx *cx, struct child *child)
{
    struct pollfd polls[STREAM_COUNT + 1];
    for (int i = 0; i < STREAM_COUNT; i++)
        polls[i] =
            (struct pollfd){.fd = child->fds[i], .events = i == STREAM_IN ? POLLOUT : POLLIN};
    polls[STREAM_COUNT] =
        (struct pollfd){.fd = child->has_ended ? -1 : child->pidfd, .events = POLLIN};
    if (po_sys_poll(polls, STREAM_COUNT + 1, wait_ms(child)) < 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for a child");
    if (polls[STREAM_IN].revents != 0) PO_TRY(cx, feed(cx, child));
    if (polls[STREAM_OUT].revents != 0) PO_TRY(cx, drain(cx, child, STREAM_OUT));
    if (polls[STREAM_ERR].revents != 0) PO_TRY(cx, drain(cx, child, STREAM_ERR));
    PO_TRY(cx, notice_end(cx, child));
    enforce_deadline(child);
    return po_rc_ok();
}

static bool is_over(const struct child *child)
{
    if (!child->has_ended) return false;
    bool is_drained = child->fds[STREAM_OUT] < 0 && child->fds[STREAM_ERR] < 0;
    return is_drained || now_us() >= child->drain_until_us;
}

static po_time_us deadline_of(const struct po_ctx *cx, const struct po_process_options *options)
{
    po_time_us left = options->timeout_ms * PO_US_PER_MS;
    if (cx->deadline_us != 0) {
        po_time_us given = cx->deadline_us - cx->clock->monotonic_us(cx->clock->user);
        if (given < left) left = given < 0 ? 0 : given;
    }
    return now_us() + left;
}

po_rc po_process_run(struct po_ctx *cx, const struct po_process_options *options,
                     struct po_buf *out, struct po_buf *err, struct po_process_result *ret_result)
{
    PO_TRY(cx, check_options(cx, options));
    po_time_us started_us = now_us();
    PO_CLEANUP(child_done)
    struct child child = {.pid = -1,
                          .pidfd = -1,
                          .fds = {-1, -1, -1},
                          .bufs = {NULL, out, err},
                          .input = options->input,
                          .deadline_us = deadline_of(cx, options),
                          .stays_in_group = options->stays_in_group,
                          .grace_us = options->grace_ms * PO_US_PER_MS};
    PO_TRY(cx, start(cx, options, &child));
    PO_TRY(cx, feed(cx, &child));
    while (!is_over(&child))
        PO_TRY(cx, turn(cx, &child));
    if (child.is_timed_out)
        return PO_FAIL(cx, PO_TIMEOUT, "'%s' did not end in time", options->path);
    struct po_process_result result = {.is_out_truncated = child.is_truncated[STREAM_OUT],
                                       .is_err_truncated = child.is_truncated[STREAM_ERR],
                                       .has_exited = WIFEXITED(child.status),
                                       .took_us = now_us() - started_us};
    if (result.has_exited)
        result.exit_status = WEXITSTATUS(child.status);
    else
        result.signal_number = WTERMSIG(child.status);
    *ret_result = result;
    return po_rc_ok();
}
