/*
 * Plan, apply, verify: each repair over a home of the case's own.
 */
#include "doctor/doctor.h"

#include "core/flags.h"
#include "doctor/doctor_priv.h"
#include "unit/home/home_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEAD_PID "4194303\n" /* above any pid_max of a test machine's running processes */

static const struct po_repair_step *find_step(const struct po_doctor_plan *plan,
                                              const char *subject)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->steps[i].subject, subject) == 0) return &plan->steps[i];
    return NULL;
}

static void plan_all(struct po_ctx *cx, struct po_home *home, struct po_doctor_plan *plan)
{
    check_ok(cx, po_doctor_plan(cx, home, NULL, 0, plan));
}

/* A lock file as old as the fake clock makes it. */
static void put_lock(const char *name, const char *content)
{
    const struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    test_write_file(test_tmp(name), content, strlen(content));
    check_eq_int(utimensat(AT_FDCWD, test_tmp(name), times, 0), 0);
}

TEST(doctor_plan__is_empty_for_a_healthy_home)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    plan_all(cx, home, &plan);
    check_eq_u64(plan.count, 0);
}

TEST(doctor_plan__names_each_thing_with_before_and_after)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    home_make(cx);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    check_eq_int(chmod(test_tmp("home/intake"), 0755), 0);
    check_eq_int(chmod(test_tmp("home/config/.env"), 0644), 0);
    put_lock("home/scripts/job.lock", DEAD_PID);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    plan_all(cx, home, &plan);
    check_eq_u64(plan.count, 4);
    check_eq_cstr(find_step(&plan, "Backups/archive")->before, "absent");
    check_eq_cstr(find_step(&plan, "intake")->before, "mode 0755");
    check_eq_cstr(find_step(&plan, "config/.env")->after, "mode 0600");
    check_contains(find_step(&plan, "scripts/job.lock")->before, "lock of no process");
    for (size_t i = 0; i < plan.count; i++)
        check_eq_int(plan.steps[i].state, PO_REPAIR_PLANNED);
    check_that(access(test_tmp("home/Backups/archive"), F_OK) != 0, "planning made it");
}

TEST(doctor_apply__repairs_and_verifies)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    struct stat st;
    home_make(cx);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    check_eq_int(chmod(test_tmp("home/config/.env"), 0644), 0);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    plan_all(cx, home, &plan);
    check_ok(cx, po_doctor_apply(cx, home, &plan));
    check_eq_u64(plan.applied, 2);
    check_eq_int(stat(test_tmp("home/config/.env"), &st), 0);
    check_eq_int(st.st_mode & 07777, 0600);
    check_eq_int(stat(test_tmp("home/Backups/archive"), &st), 0);
    check_eq_int(st.st_mode & 07777, 0700);
    plan_all(cx, home, &plan);
    check_eq_u64(plan.count, 0);
    check_that(access(test_tmp("home/logs/.autodoctor_last_success"), F_OK) == 0);
    check_that(access(test_tmp("home/logs/.autodoctor_log_20260102.txt"), F_OK) == 0);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(doctor_plan__knows_only_repairs_of_its_own)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    const po_str names[] = {PO_LIT("wrong_mode"), PO_LIT("format_disk")};
    home_make(cx);
    check_eq_int(chmod(test_tmp("home/intake"), 0755), 0);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    check_ok(cx, po_doctor_plan(cx, home, names, 1, &plan));
    check_eq_u64(plan.count, 1);
    check_eq_cstr(plan.steps[0].repair, "wrong_mode");
    check_fails(cx, po_doctor_plan(cx, home, names, 2, &plan), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "format_disk");
}

TEST(doctor_plan__respects_a_flag)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    home_make(cx);
    const char flags[] = "{\"repair_wrong_mode\":false}";
    test_write_file(test_tmp("home/config/status_flags.json"), flags, sizeof flags - 1);
    check_eq_int(chmod(test_tmp("home/config/status_flags.json"), 0640), 0);
    check_eq_int(chmod(test_tmp("home/intake"), 0755), 0);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    plan_all(cx, home, &plan);
    check_eq_int(find_step(&plan, "intake")->state, PO_REPAIR_OFF);
    check_eq_u64(plan.left, 1);
    check_ok(cx, po_doctor_apply(cx, home, &plan));
    check_eq_u64(plan.applied, 0);
    check_that(access(test_tmp("home/logs/.autodoctor_last_success"), F_OK) != 0);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(doctor__leaves_locks_alone_that_somebody_may_hold)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    char own[24];
    home_make(cx);
    (void)snprintf(own, sizeof own, "%d\n", (int)getpid());
    put_lock("home/scripts/living.lock", own);
    put_lock("home/scripts/held.lock", DEAD_PID);
    test_write_file(test_tmp("home/scripts/young.lock"), DEAD_PID, sizeof DEAD_PID - 1);
    check_eq_int(mkdir(test_tmp("home/scripts/dir.lock"), 0700), 0);
    check_eq_int(symlink("/etc/passwd", test_tmp("home/scripts/link.lock")), 0);
    int held = open(test_tmp("home/scripts/held.lock"), O_RDONLY);
    check_that(held >= 0 && flock(held, LOCK_EX) == 0);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    plan_all(cx, home, &plan);
    check_eq_u64(plan.count, 0);
    check_eq_int(close(held), 0);
    plan_all(cx, home, &plan);
    check_eq_u64(plan.count, 1);
    check_eq_cstr(plan.steps[0].subject, "scripts/held.lock");
}

TEST(doctor__keeps_every_lock_that_it_moves)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    for (int i = 0; i < 3; i++) {
        struct po_doctor_plan plan;
        put_lock("home/scripts/job.lock", DEAD_PID);
        plan_all(cx, home, &plan);
        check_ok(cx, po_doctor_apply(cx, home, &plan));
        check_eq_u64(plan.applied, 1);
        po_clock_fake_advance(test_clock(), PO_US_PER_S);
    }
    po_str *names = NULL;
    size_t count = 0;
    check_ok(cx, po_fs_list(cx, test_tmp("home/data/quarantine"), &names, &count));
    check_eq_u64(count, 3);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(doctor__gives_up_after_three_failures_and_tries_again_after_a_day)
{
    TEST_CX(cx);
    home_make(cx);
    check_eq_int(rmdir(test_tmp("home/Backups/archive")), 0);
    check_eq_int(rmdir(test_tmp("home/Backups")), 0);
    check_eq_int(symlink("/nonexistent/place", test_tmp("home/Backups")), 0);
    static const enum po_repair_state want[] = {PO_REPAIR_FAILED, PO_REPAIR_FAILED,
                                                PO_REPAIR_FAILED, PO_REPAIR_GIVEN_UP};
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    for (size_t i = 0; i < 4; i++) {
        struct po_doctor_plan plan;
        plan_all(cx, home, &plan);
        check_ok(cx, po_doctor_apply(cx, home, &plan));
        check_eq_int(find_step(&plan, "Backups/archive")->state, want[i]);
        po_clock_fake_advance(test_clock(), PO_US_PER_S);
    }
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    struct po_doctor_plan later;
    plan_all(cx, home, &later);
    check_eq_int(find_step(&later, "Backups/archive")->state, PO_REPAIR_PLANNED);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(doctor_log__one_line_for_one_repair_whatever_the_name)
{
    TEST_CX(cx);
    struct po_doctor_plan plan;
    home_make(cx);
    put_lock("home/scripts/new\nline.lock", DEAD_PID);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    plan_all(cx, home, &plan);
    check_ok(cx, po_doctor_apply(cx, home, &plan));
    size_t len = 0;
    char *text = test_read_file(test_tmp("home/logs/.autodoctor_log_20260102.txt"), &len);
    size_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    bool is_named = po_str_find(po_str_n(text, len), PO_LIT("new?line.lock"), 0) != SIZE_MAX;
    free(text);
    check_eq_u64(lines, 1);
    check_that(is_named);
    check_ok(cx, po_home_close(cx, &home));
}
