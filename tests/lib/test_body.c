/*
 * Running one body: plain, or as a fault loop that fails call 1, 2, 3, ... until none is left.
 */
#include "lib/test_priv.h"

#include "core/fault.h"

#include <errno.h>
#include <inttypes.h>

#define TEST_FAULT_RUNS_MAX 20000
#define TEST_LEAK_STEP 32 /* a leak check stops the process for 12 ms: one for so many runs */

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#else
static int __lsan_do_recoverable_leak_check(void) { return 0; }
#endif

bool test_fault_fired(void)
{
#ifdef PO_FAULTS
    if (test_current.fault_armed && po_fault_fired()) test_current.fault_seen = true;
#endif
    return test_current.fault_seen;
}

uint64_t test_fault_number(void) { return test_current.fault_number; }

void test_faults_off(void)
{
    (void)test_fault_fired();
#ifdef PO_FAULTS
    po_fault_off();
#endif
    test_current.fault_armed = false;
}

void test_faults_arm(void)
{
    if (test_current.fault_number == 0) return;
#ifdef PO_FAULTS
    /* two kinds of bad day, taken in turn */
    po_fault_fail(test_current.fault_number, test_current.fault_number % 2 == 0 ? EIO : ENOSPC);
#endif
    test_current.fault_armed = true;
}

static void run_with_fault(uint64_t number)
{
    test_env_fresh();
    test_row(NULL);
    test_current.fault_number = number;
    test_current.fault_seen = false;
    test_current.fault_armed = false;
    if (test_current.test->kind == TEST_FAULT_LOOP) test_faults_arm();
    test_current.test->body();
    test_faults_off();
}

static void run_fault_loop(void)
{
    run_with_fault(0);
    for (uint64_t number = 1; number <= TEST_FAULT_RUNS_MAX; number++) {
        run_with_fault(number);
        bool is_last = !test_current.fault_seen;
        if ((is_last || number % TEST_LEAK_STEP == 0) && __lsan_do_recoverable_leak_check() != 0)
            test_fail(test_current.test->file, test_current.test->line,
                      "leak after failing one of the calls up to %" PRIu64, number);
        if (is_last && number == 1)
            test_fail(test_current.test->file, test_current.test->line,
                      "no call can fail here: is the body armed?");
        if (is_last) return;
    }
    test_fail(test_current.test->file, test_current.test->line, "still failing after %d runs",
              TEST_FAULT_RUNS_MAX);
}

void test_run_body(void)
{
    if (test_current.test->kind == TEST_PLAIN) {
        test_current.test->body();
        return;
    }
#ifdef PO_FAULTS
    run_fault_loop();
#else
    (void)run_fault_loop;
    test_skip("built without PO_FAULTS");
#endif
}
