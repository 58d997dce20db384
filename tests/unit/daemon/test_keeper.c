/* The keeper's queue: the test is core and both workers. */
#include "daemon/keeper_priv.h"

#include "core/sys.h"
#include "lib/test.h"

struct bench {
    struct po_keeper keeper;
    struct po_wire_end core;
    struct po_wire_end workers[PO_KEEPER_WORKERS];
};

static void pair(struct po_wire_end *one, struct po_wire_end *other)
{
    int fds[2] = {-1, -1};
    check_eq_int(po_sys_socketpair(fds), 0);
    check_eq_int(po_sys_set_nonblocking(fds[0]) | po_sys_set_nonblocking(fds[1]), 0);
    po_wire_end_done(one);
    po_wire_end_init(one, fds[0]);
    po_wire_end_init(other, fds[1]);
}

static void say(struct po_ctx *cx, struct po_wire_end *end, const struct po_wire_msg *msg)
{
    check_ok(cx, po_wire_end_send(cx, end, msg));
    check_ok(cx, po_wire_end_flush(cx, end));
}

static void open_bench(struct po_ctx *cx, struct bench *bench)
{
    struct po_wire_msg ready;
    po_keeper_init(&bench->keeper);
    pair(&bench->keeper.core, &bench->core);
    po_wire_begin(&ready, PO_WIRE_KIND_READY, 0);
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++) {
        struct po_keeper_worker *worker = &bench->keeper.workers[i];
        check_that(!po_keeper_is_ready(&bench->keeper));
        pair(&worker->end, &bench->workers[i]);
        say(cx, &bench->workers[i], &ready);
        check_ok(cx, po_keeper_take_worker(cx, &bench->keeper, worker));
    }
    check_that(po_keeper_is_ready(&bench->keeper));
}

static void close_bench(struct bench *bench)
{
    po_keeper_done(&bench->keeper);
    po_wire_end_done(&bench->core);
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        po_wire_end_done(&bench->workers[i]);
}
#define BENCH_AUTO PO_CLEANUP(close_bench) struct bench

static void ask(struct po_ctx *cx, struct bench *bench, uint64_t id)
{
    struct po_wire_msg job;
    po_wire_begin(&job, PO_WIRE_KIND_PASSWORD_VERIFY, id);
    po_wire_set_text(&job, PO_WIRE_SECRET, PO_LIT("open sesame"));
    po_wire_set_text(&job, PO_WIRE_HASH, PO_LIT("$argon2id$x"));
    say(cx, &bench->core, &job);
    check_ok(cx, po_keeper_take_core(cx, &bench->keeper));
    check_ok(cx, po_keeper_flush(cx, &bench->keeper));
}

/* The next frame at this end; its id, or 0 when there is none. */
static uint64_t next(struct po_ctx *cx, struct po_wire_end *end, struct po_wire_msg *msg)
{
    bool has = false;
    check_ok(cx, po_wire_end_fill(cx, end));
    check_ok(cx, po_wire_end_next(cx, end, msg, &has));
    return has ? msg->id : 0;
}

static void finish(struct po_ctx *cx, struct bench *bench, size_t worker, uint64_t id)
{
    struct po_wire_msg answer;
    po_wire_begin(&answer, PO_WIRE_KIND_PASSWORD_ANSWER, id);
    po_wire_set_number(&answer, PO_WIRE_CODE, PO_OK);
    say(cx, &bench->workers[worker], &answer);
    check_ok(cx, po_keeper_take_worker(cx, &bench->keeper, &bench->keeper.workers[worker]));
    check_ok(cx, po_keeper_flush(cx, &bench->keeper));
}

TEST(keeper__jobs_wait_in_order_and_too_many_are_refused)
{
    TEST_CX(cx);
    BENCH_AUTO bench = {0};
    struct po_wire_msg msg;
    open_bench(cx, &bench);
    for (uint64_t id = 1; id <= PO_KEEPER_WORKERS + PO_KEEPER_QUEUE_MAX; id++)
        ask(cx, &bench, id);
    check_eq_u64(next(cx, &bench.core, &msg), 0);
    ask(cx, &bench, 99);
    check_eq_u64(next(cx, &bench.core, &msg), 99);
    check_eq_u64(msg.number[PO_WIRE_CODE], PO_BUSY);
    check_eq_u64(next(cx, &bench.workers[0], &msg), 1);
    check_eq_str(msg.text[PO_WIRE_SECRET], "open sesame");
    check_eq_str(msg.text[PO_WIRE_HASH], "$argon2id$x");
    check_eq_u64(next(cx, &bench.workers[1], &msg), 2);
    check_eq_u64(next(cx, &bench.workers[0], &msg), 0);
    for (uint64_t id = 1; id <= PO_KEEPER_QUEUE_MAX; id++) {
        /* the second worker has its first job all the time */
        uint64_t done = id == 1 ? 1 : id + 1;
        finish(cx, &bench, 0, done);
        check_eq_u64(next(cx, &bench.core, &msg), done);
        check_eq_u64(next(cx, &bench.workers[0], &msg), id + 2);
    }
    check_eq_u64(bench.keeper.count, 0);
}

TEST(keeper__passwords_are_gone_when_they_were_handed_on)
{
    TEST_CX(cx);
    BENCH_AUTO bench = {0};
    open_bench(cx, &bench);
    for (uint64_t id = 1; id <= 4; id++)
        ask(cx, &bench, id);
    finish(cx, &bench, 0, 1);
    finish(cx, &bench, 1, 2);
    check_eq_u64(bench.keeper.count, 0);
    const struct po_keeper *keeper = &bench.keeper;
    const po_str places[] = {
        po_str_n(keeper->queue, sizeof keeper->queue),
        po_str_n(keeper->core.in.ptr, keeper->core.in.cap),
        po_str_n(keeper->workers[0].end.out.ptr, keeper->workers[0].end.out.cap),
        po_str_n(keeper->workers[1].end.out.ptr, keeper->workers[1].end.out.cap),
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        check_that(places[i].ptr == NULL || po_str_find(places[i], PO_LIT("sesame"), 0) == SIZE_MAX,
                   "place %zu", i);
}

TEST(keeper__what_an_old_core_asked_is_nobodys)
{
    TEST_CX(cx);
    BENCH_AUTO bench = {0};
    struct po_wire_msg msg;
    struct po_wire_end fresh = {.fd = -1};
    open_bench(cx, &bench);
    for (uint64_t id = 1; id <= 5; id++)
        ask(cx, &bench, id);
    struct po_wire_end ours = {.fd = -1};
    pair(&ours, &fresh);
    po_keeper_link(&bench.keeper, ours.fd);
    po_wire_end_done(&bench.core);
    bench.core = fresh;
    check_eq_u64(bench.keeper.count, 0);
    ask(cx, &bench, 1); /* the same number again */
    finish(cx, &bench, 1, 2);
    check_eq_u64(next(cx, &bench.core, &msg), 0);
    check_eq_u64(next(cx, &bench.workers[1], &msg), 2);
    check_eq_u64(next(cx, &bench.workers[1], &msg), 1);
    finish(cx, &bench, 0, 1); /* the old one's */
    check_eq_u64(next(cx, &bench.core, &msg), 0);
    finish(cx, &bench, 1, 1);
    check_eq_u64(next(cx, &bench.core, &msg), 1);
}

TEST(keeper__frames_that_are_no_jobs_are_refused)
{
    TEST_CX(cx);
    BENCH_AUTO bench = {0};
    struct po_wire_msg msg;
    char text[2000] = {0};
    open_bench(cx, &bench);
    memset(text, 'a', sizeof text);
    po_wire_begin(&msg, PO_WIRE_KIND_PASSWORD_HASH, 7);
    po_wire_set_text(&msg, PO_WIRE_SECRET, po_str_n(text, PO_PASSWORD_BYTES_MAX + 1));
    po_wire_set_number(&msg, PO_WIRE_MEMORY_KIB, 19456);
    po_wire_set_number(&msg, PO_WIRE_PASSES, 2);
    say(cx, &bench.core, &msg);
    check_ok(cx, po_keeper_take_core(cx, &bench.keeper));
    check_ok(cx, po_keeper_flush(cx, &bench.keeper));
    check_eq_u64(next(cx, &bench.core, &msg), 7);
    check_eq_u64(msg.number[PO_WIRE_CODE], PO_LIMIT);
    po_wire_begin(&msg, PO_WIRE_KIND_STATS, 8);
    say(cx, &bench.core, &msg);
    check_fails(cx, po_keeper_take_core(cx, &bench.keeper), PO_INVALID);
    po_err_clear(cx);
    /* an answer nobody asked for */
    po_wire_begin(&msg, PO_WIRE_KIND_PASSWORD_ANSWER, 9);
    po_wire_set_number(&msg, PO_WIRE_CODE, PO_OK);
    say(cx, &bench.workers[0], &msg);
    check_fails(cx, po_keeper_take_worker(cx, &bench.keeper, &bench.keeper.workers[0]), PO_INVALID);
}
