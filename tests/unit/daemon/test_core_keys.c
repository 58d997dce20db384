/* Core asks the keeper: a child is the keeper and the supervisor. */
#include "daemon/core_priv.h"

#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct bench {
    struct po_core *core;
    struct po_wire_end control; /* the supervisor's side */
    struct po_wire_end keys;    /* the keeper's */
    pid_t pid;
};

static int make_pair(struct po_wire_end *ours)
{
    int fds[2] = {-1, -1};
    check_eq_int(po_sys_socketpair(fds), 0);
    check_eq_int(po_sys_set_nonblocking(fds[0]) | po_sys_set_nonblocking(fds[1]), 0);
    po_wire_end_init(ours, fds[1]);
    return fds[0];
}

static void open_bench(struct po_ctx *cx, struct bench *bench)
{
    *bench = (struct bench){.core = calloc(1, sizeof *bench->core)};
    check_that(bench->core != NULL);
    struct po_core *core = bench->core;
    cx->clock = &po_clock_system;
    core->is_lent = true; /* there is no home to record in */
    core->listen_fd = -1;
    core->epoll_fd = po_sys_epoll_create();
    check_that(core->epoll_fd >= 0);
    po_wire_end_init(&core->front, -1);
    po_wire_end_init(&core->keeper, -1);
    po_wire_end_init(&core->control, make_pair(&bench->control));
    po_wire_end_init(&core->keys, make_pair(&bench->keys));
}

static void close_bench(struct bench *bench)
{
    struct po_core *core = bench->core;
    for (size_t i = 0; i < core->fd_count; i++)
        po_fd_closep(&core->fds[i]);
    po_wire_end_done(&core->front);
    po_wire_end_done(&core->keeper);
    po_wire_end_done(&core->control);
    po_wire_end_done(&core->keys);
    po_wire_end_done(&bench->control);
    po_wire_end_done(&bench->keys);
    po_buf_done(&core->held);
    po_fd_closep(&core->epoll_fd);
    free(core);
}
#define BENCH_AUTO PO_CLEANUP(close_bench) struct bench

/* ---- the other side, in a child --------------------------------------------------------------- */

static bool receive(struct po_ctx *cx, struct po_wire_end *end, struct po_wire_msg *msg)
{
    bool has = false;
    for (;;) {
        struct pollfd polled = {.fd = end->fd, .events = POLLIN};
        if (!po_is_ok(po_wire_end_next(cx, end, msg, &has))) return false;
        if (has) return true;
        if (poll(&polled, 1, 10000) != 1 || !po_is_ok(po_wire_end_fill(cx, end))) return false;
    }
}

static bool say(struct po_ctx *cx, struct po_wire_end *end, const struct po_wire_msg *msg)
{
    return po_is_ok(po_wire_end_send(cx, end, msg)) && po_is_ok(po_wire_end_flush(cx, end));
}

static bool say_kind(struct po_ctx *cx, struct po_wire_end *end, enum po_wire_kind kind,
                     uint64_t id)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, kind, id);
    return say(cx, end, &msg);
}

static bool answer(struct po_ctx *cx, struct po_wire_end *end, const char *text)
{
    struct po_wire_msg question;
    struct po_wire_msg msg;
    if (!receive(cx, end, &question) || question.kind != PO_WIRE_KIND_KEYS_ASK) return false;
    po_wire_begin(&msg, PO_WIRE_KIND_KEYS_ANSWER, question.id);
    po_wire_set_text(&msg, PO_WIRE_KEYS, po_str_of(text));
    return say(cx, end, &msg);
}

static bool give_link(struct po_ctx *cx, struct bench *bench, const char *name, int fd)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_LINK, 9);
    po_wire_set_text(&msg, PO_WIRE_ROLE, po_str_of(name));
    return po_is_ok(po_wire_send_fd(cx, bench->control.fd, &msg, fd));
}

static bool tell_died(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_DIED, 0);
    po_wire_set_text(&msg, PO_WIRE_ROLE, PO_LIT(PO_DAEMON_ROLE_KEEPER));
    po_wire_set_number(&msg, PO_WIRE_PID, 4711);
    po_wire_set_number(&msg, PO_WIRE_RESTARTS, 3);
    return say(cx, &bench->control, &msg);
}

typedef bool other_side(struct po_ctx *cx, struct bench *bench);

static void begin(struct bench *bench, other_side *body)
{
    bench->pid = fork();
    check_that(bench->pid >= 0);
    if (bench->pid == 0) {
        struct po_ctx cx = {0};
        po_wire_end_done(&bench->core->keys);
        po_wire_end_done(&bench->core->control);
        _exit(po_is_ok(po_ctx_init(&cx)) && body(&cx, bench) ? 0 : 1);
    }
    po_wire_end_done(&bench->keys);
}

static void end(const struct bench *bench)
{
    int status = 0;
    check_eq_int(waitpid(bench->pid, &status, 0), bench->pid);
    check_eq_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

static po_rc ask(struct po_ctx *cx, struct bench *bench, struct po_buf *out)
{
    po_buf_init(out, 4096);
    po_err_clear(cx);
    return po_core_ask_keys(cx, bench->core, PO_LIT("\2"), out);
}

static void check_broken_was_told(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg msg;
    check_that(receive(cx, &bench->control, &msg));
    check_eq_int(msg.kind, PO_WIRE_KIND_BROKEN);
    check_eq_str(msg.text[PO_WIRE_ROLE], PO_DAEMON_ROLE_KEEPER);
}

/* ---- cases -------------------------------------------------------------------------------------- */

static bool answers_thrice(struct po_ctx *cx, struct bench *bench)
{
    return answer(cx, &bench->keys, "one") && answer(cx, &bench->keys, "two") &&
           answer(cx, &bench->keys, "three");
}

TEST(core_keys__asks_and_is_answered)
{
    static const char *const want[] = {"one", "two", "three"};
    TEST_CX(cx);
    BENCH_AUTO bench;
    open_bench(cx, &bench);
    begin(&bench, answers_thrice);
    for (size_t i = 0; i < 3; i++) {
        PO_BUF_AUTO out;
        check_that(po_core_has_keys(cx, bench.core));
        check_ok(cx, ask(cx, &bench, &out));
        check_eq_str(po_buf_str(&out), want[i]);
    }
    end(&bench);
    check_that(!po_core_has_keys(cx, bench.core)); /* it has gone */
    check_broken_was_told(cx, &bench);
}

/* The keeper dies with a question; what the supervisor says before the next link is not lost. */
static bool dies_and_comes_back(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg question;
    struct po_wire_msg msg;
    struct po_wire_end other;
    struct po_wire_end next;
    if (!receive(cx, &bench->keys, &question)) return false;
    po_wire_end_done(&bench->keys);
    int front = make_pair(&other);
    int keys = make_pair(&next);
    bool is_said = tell_died(cx, bench) && give_link(cx, bench, PO_DAEMON_ROLE_FRONT, front) &&
                   say_kind(cx, &bench->control, PO_WIRE_KIND_RELOAD, 0) &&
                   say_kind(cx, &bench->control, PO_WIRE_KIND_PING, 77) &&
                   give_link(cx, bench, PO_DAEMON_LINK_KEYS, keys);
    po_fd_closep(&front);
    po_fd_closep(&keys);
    if (!is_said || !answer(cx, &next, "again")) return false;
    return receive(cx, &bench->control, &msg) && msg.kind == PO_WIRE_KIND_BROKEN &&
           receive(cx, &bench->control, &msg) && msg.kind == PO_WIRE_KIND_PONG && msg.id == 77;
}

TEST(core_keys__asks_the_next_keeper_and_holds_what_else_is_said)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO out;
    open_bench(cx, &bench);
    begin(&bench, dies_and_comes_back);
    check_ok(cx, ask(cx, &bench, &out));
    check_eq_str(po_buf_str(&out), "again");
    end(&bench);
    check_eq_u64(bench.core->restarts[2], 0); /* not acted upon yet */
    check_that(bench.core->front.fd < 0 && bench.core->has_more);
    check_eq_u64(bench.core->fd_count, 1);
    check_ok(cx, po_core_take_held(cx, bench.core));
    check_eq_u64(bench.core->restarts[2], 3);
    check_that(bench.core->front.fd >= 0);
    check_eq_u64(bench.core->fd_count, 0);
    check_eq_u64(bench.core->keeper_link, 9);
    check_eq_u64(bench.core->held.len, 0);
}

/* Each look at this clock is nearly the whole wait later. */
static po_time_us hurried;
static po_time_us hurry(void *user)
{
    (void)user;
    return hurried += PO_CORE_KEYS_WAIT_US - PO_US_PER_MS;
}
static const struct po_clock hurried_clock = {.now_us = hurry, .monotonic_us = hurry};

TEST(core_keys__is_busy_when_no_keeper_comes)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO out;
    open_bench(cx, &bench);
    po_core_keys_link(bench.core, -1);
    cx->clock = &hurried_clock;
    check_fails(cx, ask(cx, &bench, &out), PO_BUSY);
    check_that(!po_core_has_keys(cx, bench.core));
}

TEST(core_keys__gives_up_a_keeper_that_hangs)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO out;
    open_bench(cx, &bench);
    cx->clock = &hurried_clock;
    check_fails(cx, ask(cx, &bench, &out), PO_BUSY);
    check_contains(po_err_msg(cx), "does not answer");
    check_that(bench.core->keys.fd < 0); /* a late answer would be another question's */
    check_broken_was_told(cx, &bench);
}

static bool says_nonsense(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg question;
    if (!receive(cx, &bench->keys, &question)) return false;
    return say_kind(cx, &bench->keys, PO_WIRE_KIND_STATS, question.id);
}

static bool answers_another(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg question;
    struct po_wire_msg msg;
    if (!receive(cx, &bench->keys, &question)) return false;
    po_wire_begin(&msg, PO_WIRE_KIND_KEYS_ANSWER, question.id + 1);
    po_wire_set_text(&msg, PO_WIRE_KEYS, PO_LIT("x"));
    return say(cx, &bench->keys, &msg);
}

static bool says_no_frame(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg question;
    return receive(cx, &bench->keys, &question) &&
           po_sys_send(bench->keys.fd, "GET / HTTP/1.1\r\n\r\n", 18) == 18;
}

TEST(core_keys__drops_a_keeper_that_answers_nonsense)
{
    static const struct {
        const char *name;
        other_side *body;
    } rows[] = {{"another frame", says_nonsense},
                {"another's answer", answers_another},
                {"no frame", says_no_frame}};
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        BENCH_AUTO bench;
        PO_BUF_AUTO out;
        open_bench(cx, &bench);
        begin(&bench, row->body);
        check_fails(cx, ask(cx, &bench, &out), PO_BUSY);
        check_that(bench.core->keys.fd < 0);
        check_eq_u64(bench.core->figures.broken, 1);
        end(&bench);
        check_broken_was_told(cx, &bench);
    }
}

static bool supervisor_goes(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg question;
    bool was_asked = receive(cx, &bench->keys, &question);
    return was_asked && say_kind(cx, &bench->control, PO_WIRE_KIND_STOP, 0);
}

TEST(core_keys__ends_with_the_supervisor)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO out;
    open_bench(cx, &bench);
    begin(&bench, supervisor_goes);
    po_wire_end_done(&bench.control); /* the child's is the last */
    check_fails(cx, ask(cx, &bench, &out), PO_BUSY);
    check_that(bench.core->is_stopping && bench.core->is_over);
    end(&bench);
}

TEST(core_keys__takes_no_link_without_its_descriptor)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO out;
    struct po_wire_msg msg;
    open_bench(cx, &bench);
    po_core_keys_link(bench.core, -1);
    po_wire_begin(&msg, PO_WIRE_KIND_LINK, 1);
    po_wire_set_text(&msg, PO_WIRE_ROLE, PO_LIT(PO_DAEMON_LINK_KEYS));
    check_that(say(cx, &bench.control, &msg));
    check_fails(cx, ask(cx, &bench, &out), PO_INVALID);
    check_that(bench.core->is_over);
}

TEST_FAULTS_MANUAL(core_keys__fails_cleanly)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO out;
    open_bench(cx, &bench);
    begin(&bench, dies_and_comes_back);
    test_faults_arm();
    po_rc rc = ask(cx, &bench, &out);
    test_faults_off();
    check_that(po_is_ok(rc) || test_fault_fired(), "%s", po_err_msg(cx));
    if (po_is_ok(rc)) check_eq_str(po_buf_str(&out), "again");
    (void)kill(bench.pid, SIGKILL);
    (void)waitpid(bench.pid, NULL, 0);
}
