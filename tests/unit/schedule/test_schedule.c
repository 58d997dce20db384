/*
 * Unit files: text, states, what install and remove do with what is there.
 */
#include "schedule/schedule.h"

#include "unit/home/home_fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_states(struct po_ctx *cx, struct po_home *home, enum po_job_state want)
{
    size_t count = 0;
    const struct po_job *jobs = po_job_table(&count);
    check_eq_u64(count, 2);
    for (size_t i = 0; i < count; i++) {
        enum po_job_state state = PO_JOB_ABSENT;
        check_ok(cx, po_job_state(cx, home, test_tmp("units"), &jobs[i], &state));
        check_eq_cstr(po_job_state_name(state), po_job_state_name(want));
    }
}

static void install(struct po_ctx *cx, struct po_home *home, bool is_dry_run)
{
    PO_BUF_AUTO plan;
    po_buf_init(&plan, 4096);
    check_ok(cx, po_schedule_install(cx, home, test_tmp("units"), is_dry_run, &plan));
    check_that(plan.len > 0);
}

static void uninstall(struct po_ctx *cx, struct po_home *home, bool is_dry_run)
{
    PO_BUF_AUTO plan;
    po_buf_init(&plan, 4096);
    check_ok(cx, po_schedule_remove(cx, home, test_tmp("units"), is_dry_run, &plan));
    check_that(plan.len > 0);
}

TEST(schedule__goes_through_its_states)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    check_states(cx, home, PO_JOB_ABSENT);
    install(cx, home, true);
    check_states(cx, home, PO_JOB_ABSENT);
    install(cx, home, false);
    check_states(cx, home, PO_JOB_ENABLED);
    check_eq_int(unlink(test_tmp("units/timers.target.wants/paulyops-assess.timer")), 0);
    check_eq_int(unlink(test_tmp("units/timers.target.wants/paulyops-nightly.timer")), 0);
    check_states(cx, home, PO_JOB_DISABLED);
    install(cx, home, false);
    check_states(cx, home, PO_JOB_ENABLED);
    uninstall(cx, home, true);
    check_states(cx, home, PO_JOB_ENABLED);
    uninstall(cx, home, false);
    check_states(cx, home, PO_JOB_ABSENT);
    uninstall(cx, home, false);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(schedule_remove__keeps_what_it_moved_before)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    for (int i = 0; i < 3; i++) {
        install(cx, home, false);
        test_write_file(test_tmp("units/paulyops-assess.timer"), &"abc"[i], 1);
        uninstall(cx, home, false);
    }
    static const char *const names[] = {"units/paulyops-assess.timer.removed",
                                        "units/paulyops-assess.timer.removed.1",
                                        "units/paulyops-assess.timer.removed.2"};
    for (size_t i = 0; i < 3; i++) {
        size_t len = 0;
        char *text = test_read_file(test_tmp(names[i]), &len);
        bool is_kept = len == 1 && text[0] == "abc"[i];
        free(text);
        check_that(is_kept, "%s", names[i]);
    }
    check_ok(cx, po_home_close(cx, &home));
}

TEST(schedule__sees_a_unit_that_was_changed)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    size_t count = 0;
    enum po_job_state state = PO_JOB_ABSENT;
    install(cx, home, false);
    static char large[65536];
    test_write_file(test_tmp("units/paulyops-assess.timer"), large, sizeof large);
    check_ok(cx, po_job_state(cx, home, test_tmp("units"), &po_job_table(&count)[0], &state));
    check_eq_int(state, PO_JOB_DIFFERENT);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(job_render__quotes_what_systemd_would_expand)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    PO_BUF_AUTO text;
    size_t count = 0;
    po_buf_init(&text, 8192);
    home_environment();
    check_ok(cx, po_home_init(cx, test_tmp("ho%me $X \"q\\"), &home));
    check_ok(cx, po_job_render(cx, home, &po_job_table(&count)[0], "service", &text));
    check_contains(text.ptr, "ho%%me $$X \\\"q\\\\\"\n");
    check_ok(cx, po_home_close(cx, &home));
}

TEST(job_render__refuses_a_path_that_would_begin_another_line)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    PO_BUF_AUTO text;
    size_t count = 0;
    po_buf_init(&text, 8192);
    home_environment();
    check_ok(cx, po_home_init(cx, test_tmp("a\nExecStart=x"), &home));
    check_fails(cx, po_job_render(cx, home, &po_job_table(&count)[0], "service", &text),
                PO_UNSUPPORTED);
    po_err_clear(cx);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(schedule_install__records_a_failure_with_its_own_error)
{
    TEST_CX(cx);
    PO_BUF_AUTO plan;
    po_buf_init(&plan, 4096);
    home_make(cx);
    test_write_file(test_tmp("file"), "x", 1);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    po_rc rc = po_schedule_install(cx, home, test_tmp("file/units"), false, &plan);
    check_that(!po_is_ok(rc));
    check_contains(po_err_msg(cx), "file");
    po_err_clear(cx);
    check_ok(cx, po_home_close(cx, &home));
}
