/* File locks: one holder, others wait and then hear who has it. */
#include "core/fs.h"
#include "core/sys.h"
#include "lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that has taken the lock, and ends after `hold_us` (-1: never). */
static pid_t child_with_lock(struct po_ctx *cx, po_time_us hold_us)
{
    const char *path = test_tmp("lock");
    int ready[2] = {-1, -1};
    check_eq_int(po_sys_pipe(ready, false), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct po_lock *lock = NULL;
        po_rc rc = po_lock_take(cx, path, 0, &lock);
        (void)po_sys_write(ready[1], po_is_ok(rc) ? "y" : "n", 1);
        if (hold_us < 0) (void)pause();
        po_clock_sleep_us(hold_us);
        _exit(0);
    }
    char answer = 0;
    check_eq_int(po_sys_read(ready[0], &answer, 1), 1);
    check_eq_int(answer, 'y');
    check_eq_int(po_sys_close(ready[0]), 0);
    check_eq_int(po_sys_close(ready[1]), 0);
    return pid;
}

TEST(lock__is_exclusive_and_names_its_holder)
{
    TEST_CX(cx);
    PO_CLEANUP(po_lock_releasep) struct po_lock *lock = NULL;
    PO_CLEANUP(po_lock_releasep) struct po_lock *second = NULL;
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock));
    check_fails(cx, po_lock_take(cx, test_tmp("lock"), 0, &second), PO_BUSY);
    check_contains(po_err_msg(cx), "is locked by another process");
    po_err_clear(cx);
    po_lock_note_holder(lock);
    check_fails(cx, po_lock_take(cx, test_tmp("lock"), 0, &second), PO_BUSY);
    char want[64];
    (void)snprintf(want, sizeof want, "is locked by process %d", (int)getpid());
    check_contains(po_err_msg(cx), want);
    check_that(second == NULL);
    po_err_clear(cx);
    po_lock_releasep(&lock);
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &second));
    struct po_fs_info info = {0};
    check_ok(cx, po_fs_info(cx, test_tmp("lock"), &info));
    check_eq_int(info.mode, 0600);
}

TEST(lock__ends_with_its_process)
{
    TEST_CX(cx);
    pid_t pid = child_with_lock(cx, -1);
    struct po_lock *lock = NULL;
    check_fails(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock), PO_BUSY);
    po_err_clear(cx);
    check_eq_int(kill(pid, SIGKILL), 0);
    check_eq_int(waitpid(pid, NULL, 0), pid);
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock));
    po_lock_release(lock);
}

TEST(lock__waits_as_long_as_it_is_told)
{
    TEST_CX(cx);
    struct po_lock *lock = NULL;
    struct po_lock *second = NULL;
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock));
    po_time_us start = po_clock_system.monotonic_us(NULL);
    check_fails(cx, po_lock_take(cx, test_tmp("lock"), 100 * PO_US_PER_MS, &second), PO_BUSY);
    po_time_us took = po_clock_system.monotonic_us(NULL) - start;
    check_that(took >= 100 * PO_US_PER_MS && took < 5 * PO_US_PER_S);
    po_lock_release(lock);
}

TEST(lock__is_taken_when_it_comes_free_while_waiting)
{
    TEST_CX(cx);
    pid_t pid = child_with_lock(cx, 100 * PO_US_PER_MS);
    struct po_lock *lock = NULL;
    check_fails(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock), PO_BUSY);
    po_err_clear(cx);
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 10 * PO_US_PER_S, &lock));
    po_lock_release(lock);
    check_eq_int(waitpid(pid, NULL, 0), pid);
}

TEST(lock__refuses_what_is_no_file_of_its_own)
{
    TEST_CX(cx);
    struct po_lock *lock = NULL;
    test_write_file(test_tmp("victim"), "precious", 8);
    check_eq_int(symlink("victim", test_tmp("link")), 0);
    check_fails(cx, po_lock_take(cx, test_tmp("link"), 0, &lock), PO_INVALID);
    check_fails(cx, po_lock_take(cx, test_tmpdir(), 0, &lock), PO_INVALID);
    check_fails(cx, po_lock_take(cx, test_tmp("no/lock"), 0, &lock), PO_NOTFOUND);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("victim"), &len);
    check_eq_mem(bytes, "precious", 8);
    free(bytes);
}

TEST(lock__a_replaced_lock_file_does_not_let_two_in)
{
    TEST_CX(cx);
    struct po_lock *lock = NULL;
    struct po_lock *second = NULL;
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock));
    check_eq_int(unlink(test_tmp("lock")), 0);
    /* A new file is a new lock: the doctor never removes a held one. */
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &second));
    po_lock_release(second);
    po_lock_release(lock);
}

TEST(lock__busy_without_a_readable_holder_says_so)
{
    TEST_CX(cx);
    struct po_lock *lock = NULL;
    struct po_lock *second = NULL;
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock));
    test_write_file(test_tmp("lock"), "not a number at all, and long\n", 30);
    check_fails(cx, po_lock_take(cx, test_tmp("lock"), 0, &second), PO_BUSY);
    check_contains(po_err_msg(cx), "by another process");
    po_lock_release(lock);
    po_lock_release(NULL);
}

TEST_FAULTS(lock__fails_cleanly)
{
    TEST_CX(cx);
    struct po_lock *lock = NULL;
    bool has_lock = test_survived(po_lock_take(cx, test_tmp("lock"), 0, &lock));
    test_faults_off();
    po_err_clear(cx);
    if (has_lock) po_lock_release(lock);
    /* Nothing is left locked by the failed try. */
    check_ok(cx, po_lock_take(cx, test_tmp("lock"), 0, &lock));
    po_lock_release(lock);
}
