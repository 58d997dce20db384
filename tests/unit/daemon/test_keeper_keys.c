/* The keeper's keys: the test is core, at its link. */
#include "daemon/keeper_priv.h"

#include "core/sys.h"
#include "home/home.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

struct bench {
    struct po_keeper_keys keys;
    struct po_wire_end core;
    struct po_keyring_asker asker;
};

static void link_core(struct bench *bench)
{
    int fds[2] = {-1, -1};
    check_eq_int(po_sys_socketpair(fds), 0);
    check_eq_int(po_sys_set_nonblocking(fds[0]) | po_sys_set_nonblocking(fds[1]), 0);
    po_keeper_keys_link(&bench->keys, fds[0]);
    po_wire_end_done(&bench->core);
    po_wire_end_init(&bench->core, fds[1]);
}

static po_rc ask_frame(struct po_ctx *cx, struct bench *bench, po_str request,
                       struct po_wire_msg *msg)
{
    bool has = false;
    po_wire_begin(msg, PO_WIRE_KIND_KEYS_ASK, 5);
    po_wire_set_text(msg, PO_WIRE_KEYS, request);
    PO_TRY(cx, po_wire_end_send(cx, &bench->core, msg));
    PO_TRY(cx, po_wire_end_flush(cx, &bench->core));
    PO_TRY(cx, po_keeper_take_keys(cx, &bench->keys));
    PO_TRY(cx, po_keeper_keys_flush(cx, &bench->keys));
    PO_TRY(cx, po_wire_end_fill(cx, &bench->core));
    PO_TRY(cx, po_wire_end_next(cx, &bench->core, msg, &has));
    check_that(has && msg->kind == PO_WIRE_KIND_KEYS_ANSWER && msg->id == 5);
    return po_rc_ok();
}

static po_rc ask(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer)
{
    struct po_wire_msg msg;
    PO_TRY(cx, ask_frame(cx, user, request, &msg));
    po_buf_append(answer, msg.text[PO_WIRE_KEYS]);
    return po_buf_check(answer);
}

static void open_bench(struct po_ctx *cx, struct bench *bench)
{
    *bench = (struct bench){.asker = {.ask = ask, .user = bench}};
    (void)setenv("XDG_STATE_HOME", test_tmp("state"), 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    po_wire_end_init(&bench->keys.link, -1);
    po_wire_end_init(&bench->core, -1);
    check_ok(cx, po_keeper_keys_find(cx, &bench->keys, test_tmp("home"), NULL));
    link_core(bench);
}

static void close_bench(struct bench *bench)
{
    po_keeper_keys_done(&bench->keys);
    po_wire_end_done(&bench->core);
}
#define BENCH_AUTO PO_CLEANUP(close_bench) struct bench

static void make_home(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = NULL;
    (void)setenv("XDG_STATE_HOME", test_tmp("state"), 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    check_ok(cx, po_home_init(cx, test_tmp("home"), &home));
    check_ok(cx, po_home_close(cx, &home));
}

static po_rc record(struct po_ctx *cx, struct po_home *home)
{
    const struct po_event event = {.type = PO_EVENT_TYPE_CONFIG_CHANGED,
                                   .resource = PO_LIT("figure:look"),
                                   .action = PO_LIT("set"),
                                   .result = PO_EVENT_SUCCESS};
    return po_home_record(cx, home, &event);
}

static void check_verifies(struct po_ctx *cx, struct po_home *home)
{
    struct po_ledger_verification found = {0};
    check_ok(cx, po_ledger_verify(cx, po_home_ledger(home), NULL, &found));
    check_that(found.is_ok, "%s", found.findings[0].why);
}

/* @proves CC6.1 CC7.2 */
TEST(keeper_keys__a_home_works_with_the_keys_elsewhere)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_HOME_AUTO *home = NULL;
    make_home(cx);
    open_bench(cx, &bench);
    check_ok(cx,
             po_home_open_asking(cx, test_tmp("home"), PO_HOME_READ_WRITE, &bench.asker, &home));
    check_that(po_home_read_only_reason(home) == NULL, "%s", po_home_read_only_reason(home));
    check_that(po_keyring_is_asking(po_home_keyring(home)));
    for (size_t i = 0; i < 3; i++) {
        check_ok(cx, record(cx, home));
        check_ok(cx, po_home_checkpoint(cx, home));
    }
    check_ok(cx, po_home_suspend(cx, home));
    PO_HOME_AUTO *borrower = NULL; /* with the keys themselves */
    check_ok(cx, po_home_open(cx, test_tmp("home"), PO_HOME_READ_WRITE, &borrower));
    check_that(!po_keyring_is_asking(po_home_keyring(borrower)));
    check_that(po_home_read_only_reason(borrower) == NULL);
    check_ok(cx, record(cx, borrower));
    check_ok(cx, po_home_close(cx, &borrower));
    check_ok(cx, po_home_resume(cx, home));
    check_that(po_keyring_is_asking(po_home_keyring(home)));
    check_ok(cx, record(cx, home));
    check_ok(cx, po_home_checkpoint(cx, home));
    check_verifies(cx, home);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(keeper_keys__a_home_without_keys_is_read_only)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_HOME_AUTO *home = NULL;
    make_home(cx);
    check_eq_int(rename(test_tmp("state"), test_tmp("kept")), 0);
    open_bench(cx, &bench);
    check_ok(cx,
             po_home_open_asking(cx, test_tmp("home"), PO_HOME_READ_WRITE, &bench.asker, &home));
    check_contains(po_home_read_only_reason(home), "no usable keys: there is no key directory");
}

TEST(keeper_keys__a_place_without_a_home_has_none)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    struct po_keyring *ring = NULL;
    open_bench(cx, &bench);
    check_fails(cx, po_keyring_open_asking(cx, &bench.asker, &ring), PO_UNAVAILABLE);
    check_contains(po_err_msg(cx), "no home at");
}

/* Core may write the home's name, and gets nobody else's keys by that. */
TEST(keeper_keys__another_instance_has_no_keys)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    struct po_keyring *ring = NULL;
    make_home(cx);
    open_bench(cx, &bench);
    char first[64];
    (void)snprintf(first, sizeof first, "%s", bench.keys.instance);
    po_keeper_keys_done(&bench.keys);
    check_ok(cx, po_keeper_keys_find(cx, &bench.keys, test_tmp("home"), first));
    link_core(&bench);
    check_ok(cx, po_keyring_open_asking(cx, &bench.asker, &ring));
    po_keyring_free(ring);
    const char other[] = "inst_00000000000000000000000000000000\n";
    test_write_file(test_tmp("home/data/instance"), other, sizeof other - 1);
    po_keeper_keys_done(&bench.keys);
    bench.keys = (struct po_keeper_keys){.link.fd = -1};
    check_ok(cx, po_keeper_keys_find(cx, &bench.keys, test_tmp("home"), first));
    link_core(&bench);
    check_fails(cx, po_keyring_open_asking(cx, &bench.asker, &ring), PO_UNAVAILABLE);
    check_contains(po_err_msg(cx), "another instance");
}

TEST(keeper_keys__a_question_that_is_none_costs_the_link)
{
    static const struct {
        const char *name;
        po_str request;
    } rows[] = {{"nothing", {"", 0}},
                {"an unknown one", {"\x63", 1}},
                {"one too long", {"\1x", 2}},
                {"one too short", {"\3", 1}}};
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_home(cx);
    open_bench(cx, &bench);
    TEST_EACH(row, rows)
    {
        struct po_wire_msg msg;
        check_fails(cx, ask_frame(cx, &bench, row->request, &msg), PO_INVALID);
        po_err_clear(cx);
        link_core(&bench);
        struct po_keyring *ring = NULL;
        check_ok(cx, po_keyring_open_asking(cx, &bench.asker, &ring)); /* it lives */
        po_keyring_free(ring);
    }
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_STATS, 1);
    check_ok(cx, po_wire_end_send(cx, &bench.core, &msg));
    check_ok(cx, po_wire_end_flush(cx, &bench.core));
    check_fails(cx, po_keeper_take_keys(cx, &bench.keys), PO_INVALID);
    po_err_clear(cx);
    po_wire_end_done(&bench.core);
    check_fails(cx, po_keeper_take_keys(cx, &bench.keys), PO_CANCELED);
}

/* What passed through is not left lying about. */
TEST(keeper_keys__wipes_questions_and_answers)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    struct po_keyring *ring = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    PO_BUF_AUTO wrapped;
    po_buf_init(&wrapped, PO_WRAPPED_KEY_BYTES);
    make_home(cx);
    open_bench(cx, &bench);
    check_ok(cx, po_keyring_open_asking(cx, &bench.asker, &ring));
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    check_ok(cx, po_keyring_wrap(cx, ring, PO_TENANT_DEFAULT, 1, key, &wrapped));
    PO_CLEANUP(po_secret_freep) struct po_secret *back = NULL;
    check_ok(cx, po_keyring_unwrap(cx, ring, PO_TENANT_DEFAULT, 1, po_buf_str(&wrapped), &back));
    const struct po_wire_end *link = &bench.keys.link;
    po_str in = po_str_n(link->in.ptr, link->in.cap);
    po_str out = po_str_n(link->out.ptr, link->out.cap);
    check_that(po_str_find(in, po_secret_bytes(key), 0) == SIZE_MAX);
    check_that(po_str_find(out, po_secret_bytes(key), 0) == SIZE_MAX);
    po_keyring_free(ring);
}

TEST_FAULTS_MANUAL(keeper_keys__answers_or_fails_cleanly)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    struct po_keyring *ring = NULL;
    make_home(cx);
    open_bench(cx, &bench);
    test_faults_arm();
    po_rc rc = po_keyring_open_asking(cx, &bench.asker, &ring);
    test_faults_off();
    check_that(po_is_ok(rc) || test_fault_fired(), "%s", po_err_msg(cx));
    if (!po_is_ok(rc)) {
        po_err_clear(cx);
        link_core(&bench);
        check_ok(cx, po_keyring_open_asking(cx, &bench.asker, &ring));
    }
    po_keyring_free(ring);
}
