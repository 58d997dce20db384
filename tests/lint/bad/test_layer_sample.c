/*
 * Cases that the test layer must judge rightly; scripts/lint-tests builds and runs them. The prefix
 * says the verdict: good_, bad_, skip_; asan_ and leak_ are bad in sanitizer builds only.
 */
#include "core/alloc.h"
#include "core/fault.h"
#include "core/sys.h"
#include "lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TEST(good__body_that_ends) { check_eq_int(1 + 1, 2); }

TEST(good__temp_dir_is_empty_and_private)
{
    size_t len = 0;
    test_write_file(test_tmp("a"), "abc", 3);
    char *bytes = test_read_file(test_tmp("a"), &len);
    check_eq_mem(bytes, "abc", len);
    free(bytes);
}

TEST(good__clock_stands_still)
{
    TEST_CX(cx);
    check_eq_int(po_ctx_now_us(cx), TEST_CLOCK_START_US);
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_eq_int(po_ctx_now_us(cx), TEST_CLOCK_START_US + PO_US_PER_S);
}

TEST(bad__check_that) { check_that(1 > 2, "one is %d", 1); }

TEST(bad__exit_0_in_the_middle) { exit(0); }

TEST(bad___exit_0_in_the_middle) { _exit(0); }

TEST(bad__crash) { raise(SIGSEGV); }

TEST_TIMEOUT(bad__endless_wait, 1)
{
    for (;;)
        pause();
}

TEST(bad__row_is_named)
{
    static const struct {
        const char *name;
        int value;
    } rows[] = {{"first", 1}, {"second", 3}};
    TEST_EACH(row, rows)
    check_eq_int(row->value, 1);
}

TEST(bad__wrong_code)
{
    TEST_CX(cx);
    check_fails(cx, PO_FAIL(cx, PO_IO, "broken"), PO_BUSY);
}

TEST(bad__unexpected_error_shows_its_message)
{
    TEST_CX(cx);
    check_ok(cx, PO_FAIL(cx, PO_IO, "the disk is on fire"));
}

TEST(skip__says_why) { test_skip("no %s here", "moon"); }

/* Two allocations, both handled. */
TEST_FAULTS(good__faults_handled)
{
    void *a = po_calloc(1, 8);
    if (!test_survived_ptr(a)) return;
    void *b = po_calloc(1, 8);
    po_free(a);
    if (!test_survived_ptr(b)) return;
    po_free(b);
}

TEST_FAULTS_MANUAL(good__faults_after_set_up)
{
    void *a = po_calloc(1, 8);
    check_that(a != NULL);
    test_faults_arm();
    void *b = po_calloc(1, 8);
    test_faults_off();
    po_free(a);
    check_that((b == NULL) == (test_fault_number() == 1));
    po_free(b);
}

TEST_FAULTS(bad__second_allocation_not_checked)
{
    void *a = po_calloc(1, 8);
    if (!test_survived_ptr(a)) return;
    char *b = po_calloc(1, 8);
    po_free(a);
    b[0] = 1;
    po_free(b);
}

/* 200 calls from one place: only its first and last are failed. */
TEST_FAULTS_SITES(good__first_and_last_of_a_site)
{
    static int runs;
    test_faults_arm();
    bool is_whole = true;
    for (int i = 0; i < 200; i++) {
        void *a = po_calloc(1, 8);
        is_whole = is_whole && a != NULL;
        po_free(a);
    }
    check_that(is_whole == (test_fault_number() == 0));
    test_faults_off();
    check_that(++runs <= 3, "run %d", runs);
}

TEST_FAULTS_SITES(bad__last_call_of_a_site_not_checked)
{
    test_faults_arm();
    for (int i = 0; i < 20; i++) {
        char *a = po_calloc(1, 8);
        if (!a && i < 19) return;
        a[0] = 1;
        po_free(a);
    }
}

/* A write that is cut short must be carried on. */
TEST_FAULTS_MANUAL(bad__short_write_not_carried_on)
{
    int fd = po_sys_open(test_tmp("f"), O_RDWR | O_CREAT, 0600);
    test_faults_arm();
    ssize_t count = po_sys_write(fd, "0123456789", 10);
    test_faults_off();
    po_sys_close(fd);
    check_that(count == 10 || count == -1);
}

TEST_FAULTS(bad__nothing_can_fail) { check_that(true); }

TEST_FAULTS(leak__on_second_failure)
{
    void *a = po_calloc(1, 8);
    if (!test_survived_ptr(a)) return;
    void *b = po_calloc(1, 8);
    if (!test_survived_ptr(b)) return;
    po_free(a);
    po_free(b);
}

TEST(leak__at_end) { check_that(po_calloc(1, 100) != NULL); }

TEST(asan__heap_overflow)
{
    volatile char *bytes = calloc(1, 8);
    bytes[8] = 1;
    free((void *)bytes);
}

TEST(asan__undefined_shift)
{
    volatile int bits = 40;
    check_that((1 << bits) != 77);
}
