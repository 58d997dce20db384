/*
 * The three actions do no more than put the home into its declared form, whatever a plan asks for, and
 * what is no plan is refused.
 */
#include "doctor/doctor_priv.h"
#include "unit/home/home_fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned mode_of(const char *name)
{
    struct stat st;
    check_eq_int(lstat(test_tmp(name), &st), 0);
    return st.st_mode & 07777;
}

static po_rc apply(struct po_ctx *cx, const char *action, const char *subject, int64_t mode)
{
    const struct po_repair_step step = {.action = action, .subject = subject, .arg = mode};
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    return po_repair_apply(cx, home, &step);
}

TEST(repair_apply__makes_a_declared_directory)
{
    TEST_CX(cx);
    home_make(cx);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    check_ok(cx, apply(cx, "make_directory", "Backups/archive", 0700));
    check_eq_u64(mode_of("home/Backups/archive"), 0700);
}

TEST(repair_apply__sets_the_declared_mode)
{
    TEST_CX(cx);
    home_make(cx);
    check_eq_int(chmod(test_tmp("home/config/.env"), 0644), 0);
    check_eq_int(chmod(test_tmp("home"), 0755), 0);
    check_ok(cx, apply(cx, "set_mode", "config/.env", 0600));
    check_ok(cx, apply(cx, "set_mode", ".", 0700));
    check_eq_u64(mode_of("home/config/.env"), 0600);
    check_eq_u64(mode_of("home"), 0700);
}

TEST(repair_apply__moves_a_lock_away)
{
    TEST_CX(cx);
    home_make(cx);
    test_write_file(test_tmp("home/scripts/job.lock"), "1\n", 2);
    check_ok(cx, apply(cx, "quarantine", "scripts/job.lock", 0));
    check_that(access(test_tmp("home/scripts/job.lock"), F_OK) != 0);
    check_that(access(test_tmp("home/data/quarantine"), F_OK) == 0);
}

TEST(repair_apply__refuses_what_is_not_declared)
{
    static const struct {
        const char *name;
        const char *action;
        const char *subject;
        int64_t mode;
        enum po_code code;
    } rows[] = {
        {"another mode", "set_mode", "config/.env", 0644, PO_DENIED},
        {"a file that is no place", "set_mode", "config/x", 0600, PO_DENIED},
        {"a way out", "set_mode", "../state", 0700, PO_DENIED},
        {"an absolute path", "set_mode", "/etc/passwd", 0600, PO_DENIED},
        {"a file's place as directory", "make_directory", "config/.env", 0600, PO_DENIED},
        {"a directory of its own", "make_directory", "intake/x", 0700, PO_DENIED},
        {"a wider directory", "make_directory", "intake", 0777, PO_DENIED},
        {"the ledger as lock", "quarantine", "data/ledger", 0, PO_DENIED},
        {"our own lock", "quarantine", "data/lock", 0, PO_DENIED},
        {"a file that is no lock", "quarantine", "config/.env", 0, PO_DENIED},
        {"a lock further down", "quarantine", "scripts/a/b.lock", 0, PO_DENIED},
        {"a lock by a way out", "quarantine", "scripts/../data/x.lock", 0, PO_DENIED},
        {"a lock in no directory", "quarantine", "x.lock", 0, PO_DENIED},
        {"a directory with a like name", "quarantine", "scripts2/x.lock", 0, PO_DENIED},
        {"a link", "quarantine", "scripts/link.lock", 0, PO_DENIED},
        {"an unknown action", "remove", "config/.env", 0, PO_UNAVAILABLE},
    };
    TEST_CX(cx);
    home_make(cx);
    test_write_file(test_tmp("home/config/x"), "x", 1);
    check_eq_int(symlink("/etc/passwd", test_tmp("home/scripts/link.lock")), 0);
    TEST_EACH(row, rows)
    {
        check_fails(cx, apply(cx, row->action, row->subject, row->mode), row->code);
        po_err_clear(cx);
    }
    check_eq_u64(mode_of("home/config/.env"), 0600);
    check_that(access(test_tmp("home/data/quarantine"), F_OK) != 0);
}

/* ---- plans --------------------------------------------------------------------------------------- */

static po_rc steps_of(struct po_ctx *cx, const char *json, struct po_doctor_plan *plan)
{
    size_t count = 0;
    const struct po_repair *repair = po_repair_table(&count);
    plan->count = 0;
    plan->steps = po_arena_alloc(cx->arena, PO_DOCTOR_STEPS_MAX, sizeof *plan->steps);
    check_that(plan->steps != NULL);
    return po_repair_steps(cx, po_str_of(json), repair, plan);
}

#define ACTION(arg)                                                                                \
    "{\"after\":\"a\",\"arg\":" arg ",\"before\":\"b\",\"do\":\"set_mode\",\"subject\":\"logs\"}"

TEST(repair_steps__reads_what_a_program_plans)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    check_ok(cx, steps_of(cx, "[" ACTION("\"0750\"") "," ACTION("\"\"") "]", &plan));
    check_eq_u64(plan.count, 2);
    check_eq_cstr(plan.steps[0].action, "set_mode");
    check_eq_cstr(plan.steps[0].subject, "logs");
    check_eq_cstr(plan.steps[0].before, "b");
    check_eq_cstr(plan.steps[0].after, "a");
    check_eq_int(plan.steps[0].arg, 0750);
    check_eq_int(plan.steps[1].arg, 0);
}

TEST(repair_steps__refuses_what_is_no_plan)
{
    static const char *const plans[] = {
        "{}",
        "null",
        "[1]",
        "[{}]",
        "[" ACTION("750") "]",
        "[" ACTION("\"0780\"") "]",
        "[" ACTION("\"07500\"") "]",
        "[" ACTION("\"-7\"") "]",
        "[{\"after\":\"a\",\"arg\":\"\",\"before\":\"b\",\"do\":\"x\",\"subject\":\"a\\u0000b\"}]"};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        TEST_CX(cx);
        struct po_doctor_plan plan;
        test_row(plans[i]);
        check_fails(cx, steps_of(cx, plans[i], &plan), PO_INVALID);
    }
}

TEST(repair_steps__takes_no_more_than_its_limit)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    PO_BUF_AUTO json;
    po_buf_init(&json, 1 << 20);
    for (int i = 0; i <= PO_DOCTOR_STEPS_MAX; i++)
        po_buf_append_cstr(&json, i == 0 ? "[" ACTION("\"0700\"") : "," ACTION("\"0700\""));
    po_buf_append_char(&json, ']');
    check_fails(cx, steps_of(cx, json.ptr, &plan), PO_LIMIT);
}

/* ---- failures ------------------------------------------------------------------------------------ */

TEST_FAULTS_SITES(doctor_plan__is_whole_or_an_error)
{
    TEST_CX(cx);
    struct po_doctor_plan plan = {0};
    home_make(cx);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    test_faults_arm();
    if (!test_survived(po_doctor_plan(cx, home, NULL, 0, &plan))) return;
    test_faults_off();
    check_eq_u64(plan.count, 1);
    check_eq_cstr(plan.steps[0].subject, "Backups/archive");
}

TEST_FAULTS_SITES(doctor_apply__ends_in_a_state_that_the_next_plan_sees)
{
    TEST_CX(cx);
    struct po_doctor_plan plan = {0};
    home_make(cx);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    check_ok(cx, po_doctor_plan(cx, home, NULL, 0, &plan));
    test_faults_arm();
    bool is_done = test_survived(po_doctor_apply(cx, home, &plan));
    test_faults_off();
    po_err_clear(cx);
    bool is_there = access(test_tmp("home/Backups/archive"), F_OK) == 0;
    check_that(!is_done || is_there || plan.failed == 1);
    check_ok(cx, po_doctor_plan(cx, home, NULL, 0, &plan));
    check_eq_u64(plan.count, is_there ? 0 : 1);
}
