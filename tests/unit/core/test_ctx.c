#include "core/ctx.h"

#include "lib/test.h"

#include <string.h>

TEST(ctx__starts_with_defaults)
{
    PO_CTX_AUTO cx = {0};
    check_ok_leaf(po_ctx_init(&cx));
    check_that(cx.clock == &po_clock_system);
    check_eq_u64(cx.tenant.value, PO_TENANT_DEFAULT.value);
    check_eq_cstr(cx.actor, "system");
    check_eq_int(cx.channel, PO_CHANNEL_CLI);
    check_eq_int(cx.err.code, PO_OK);
    check_eq_int(cx.deadline_us, 0);
    check_that(cx.log == NULL);
    check_that(po_arena_alloc(cx.arena, 1, 100) != NULL);
}

TEST(ctx__every_session_has_an_id_of_its_own)
{
    PO_CTX_AUTO a = {0};
    PO_CTX_AUTO b = {0};
    check_ok_leaf(po_ctx_init(&a));
    check_ok_leaf(po_ctx_init(&b));
    check_eq_u64(strlen(a.session), 36);
    check_that(strncmp(a.session, "run_", 4) == 0);
    check_eq_u64(strspn(a.session + 4, "0123456789abcdef"), 32);
    check_that(strcmp(a.session, b.session) != 0);
}

TEST(ctx__done_is_safe_on_nothing_and_twice)
{
    struct po_ctx cx = {0};
    po_ctx_done(&cx);
    check_ok_leaf(po_ctx_init(&cx));
    po_ctx_done(&cx);
    po_ctx_done(&cx);
    check_that(cx.arena == NULL);
}

TEST(ctx__time_comes_from_its_clock)
{
    TEST_CX(cx);
    check_eq_int(po_ctx_now_us(cx), TEST_CLOCK_START_US);
    po_clock_fake_advance(test_clock(), 5);
    check_eq_int(po_ctx_now_us(cx), TEST_CLOCK_START_US + 5);
}

TEST(ctx__channels_have_names)
{
    check_eq_cstr(po_channel_name(PO_CHANNEL_CLI), "cli");
    check_eq_cstr(po_channel_name(PO_CHANNEL_TIMER), "timer");
    check_eq_cstr(po_channel_name(PO_CHANNEL_API), "api");
    check_eq_cstr(po_channel_name(PO_CHANNEL_SYSLOG), "syslog");
    check_eq_cstr(po_channel_name((enum po_channel)17), "unknown");
}

static PO_RC ask_too_much(struct po_ctx *cx)
{
    uint64_t *numbers = NULL;
    PO_ARENA_NEW(cx, numbers, PO_CX_ARENA_BYTES_MAX);
    numbers[0] = 1;
    return po_rc_ok();
}

TEST(ctx__arena_new_reports_an_exhausted_arena)
{
    TEST_CX(cx);
    check_fails(cx, ask_too_much(cx), PO_NOMEM);
    check_eq_cstr(po_err_msg(cx), "out of request memory");
}

TEST(ctx__a_child_shares_all_but_arena_and_error)
{
    TEST_CX(cx);
    struct po_ctx child = {0};
    check_fails(cx, PO_FAIL(cx, PO_BUSY, "earlier"), PO_BUSY);
    check_ok(cx, po_ctx_child_begin(cx, 64, &child));
    check_that(child.clock == cx->clock && child.arena != cx->arena);
    check_eq_cstr(child.session, cx->session);
    check_eq_int(child.err.code, PO_OK);
    check_that(po_arena_alloc(child.arena, 1, 64) != NULL);
    check_that(po_arena_alloc(child.arena, 1, 1) == NULL);
    check_eq_int(po_ctx_child_end(cx, &child, po_rc_ok()).code, PO_OK);
    check_that(child.arena == NULL);
    check_eq_cstr(po_err_msg(cx), "earlier");
}

TEST(ctx__a_failing_child_hands_its_error_up)
{
    TEST_CX(cx);
    struct po_ctx child = {0};
    check_ok(cx, po_ctx_child_begin(cx, 64, &child));
    po_rc rc = ask_too_much(&child);
    check_fails(cx, po_ctx_child_end(cx, &child, rc), PO_NOMEM);
    check_eq_cstr(po_err_msg(cx), "out of request memory");
    check_eq_cstr(cx->err.frames[0].func, "ask_too_much");
}

TEST_FAULTS(ctx__no_child_without_memory)
{
    TEST_CX(cx);
    PO_CTX_AUTO child = {0};
    po_rc rc = po_ctx_child_begin(cx, 64, &child);
    check_that(po_is_ok(rc) == (child.arena != NULL));
    if (!test_survived(rc)) check_eq_int(cx->err.code, PO_NOMEM);
}

TEST_FAULTS(ctx__init_fails_cleanly)
{
    PO_CTX_AUTO cx = {0};
    po_rc rc = po_ctx_init(&cx);
    if (!po_is_ok(rc)) {
        check_that(rc.code == PO_NOMEM || rc.code == PO_IO);
        check_eq_int(cx.err.code, rc.code);
        check_that(po_err_msg(&cx)[0] != '\0');
    }
    if (!test_survived(rc)) return;
    check_eq_u64(strlen(cx.session), 36);
}
