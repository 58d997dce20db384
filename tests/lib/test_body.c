/*
 * Running one body: plain, or as a fault loop.
 *
 * A fault loop first runs the body without a fault and records what it calls. Then it fails call 1, 2,
 * 3, ... until no fault fires (each transfer of bytes is also cut short), or, for long bodies, the first
 * and the last call of each call site.
 */
#include "lib/test_priv.h"

#include "core/fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
    /* a transfer cut short that goes on when asked again is no fault: the answer must be right */
    const struct test_fault *fault = &test_current.fault;
    bool is_harmless = fault->mode == TEST_FAULT_SHORT && fault->sys_errno == 0;
    if (test_current.fault_armed && po_fault_fired() && !is_harmless)
        test_current.fault_seen = true;
#endif
    return test_current.fault_seen;
}

uint64_t test_fault_number(void) { return test_current.fault.number; }

void test_faults_off(void)
{
    (void)test_fault_fired();
#ifdef PO_FAULTS
    if (test_current.fault_armed) po_fault_off();
#endif
    test_current.fault_armed = false;
}

#ifdef PO_FAULTS

void test_faults_arm(void)
{
    const struct test_fault *fault = &test_current.fault;
    switch (fault->mode) {
    case TEST_FAULT_OFF: return;
    case TEST_FAULT_RECORD: po_fault_record(); break;
    case TEST_FAULT_FAIL: po_fault_fail(fault->number, fault->sys_errno); break;
    case TEST_FAULT_SHORT: po_fault_fail_short(fault->number, fault->sys_errno); break;
    case TEST_FAULT_SITE: po_fault_fail_site(fault->site, fault->nth, fault->sys_errno); break;
    }
    test_current.fault_armed = true;
}

/* Returns whether the fault fired. */
static bool run_with(struct test_fault fault)
{
    test_env_fresh();
    test_row(NULL);
    test_current.fault = fault;
    test_current.fault_seen = false;
    test_current.fault_armed = false;
    if (test_current.test->kind == TEST_FAULT_LOOP) test_faults_arm();
    test_current.test->body();
    test_faults_off();
    return test_current.fault_seen;
}

static void check_leaks(uint64_t number)
{
    if (__lsan_do_recoverable_leak_check() != 0)
        test_fail(test_current.test->file, test_current.test->line,
                  "leak after failing one of the calls or sites up to %" PRIu64, number);
}

static bool moves_bytes(uint64_t number)
{
    static const char *const names[] = {"read", "write", "pread", "pwrite"};
    if (number > po_fault_hit_count()) return false;
    const char *call = po_fault_hit_at((size_t)number - 1)->call;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(call, names[i]) == 0) return true;
    return false;
}

/* Two kinds of bad day, taken in turn. */
static int errno_for(uint64_t number) { return number % 2 == 0 ? EIO : ENOSPC; }

/* Where a fault loop is. All runs are started from one place: a site is a place with its callers. */
struct plan {
    struct test_fault next;
    bool has_fired; /* the run before */
    uint64_t runs;
    struct po_fault_site *sites;
    size_t site_count;
    size_t site;
    size_t step; /* each site, or a sample that the seed begins */
    size_t sites_tried;
    size_t sites_met;
};

/* Call 1, 2, 3, ...; after a read or write also the two ways of cutting it short. */
static bool plan_next_call(struct plan *plan)
{
    struct test_fault *next = &plan->next;
    if (next->mode == TEST_FAULT_FAIL && !plan->has_fired) return false;
    if (next->mode == TEST_FAULT_FAIL && moves_bytes(next->number)) {
        next->mode = TEST_FAULT_SHORT;
    } else if (next->mode == TEST_FAULT_SHORT && next->sys_errno != 0) {
        next->sys_errno = 0; /* half of the bytes, and the rest when asked again */
    } else {
        uint64_t number = next->number + 1;
        *next = (struct test_fault){
            .mode = TEST_FAULT_FAIL, .number = number, .sys_errno = errno_for(number)};
    }
    return true;
}

static void plan_read_sites(struct plan *plan)
{
    plan->site_count = po_fault_site_count();
    plan->sites = calloc(plan->site_count + 1, sizeof *plan->sites);
    if (plan->sites == NULL) test_fail(__FILE__, __LINE__, "out of memory");
    for (size_t i = 0; i < plan->site_count; i++)
        plan->sites[i] = *po_fault_site_at(i);
}

/* The first and the last call of each site; of many sites a sample, with ROUNDS=2 or more all. */
static bool plan_next_site(struct plan *plan)
{
    struct test_fault *next = &plan->next;
    if (next->mode == TEST_FAULT_RECORD) {
        plan_read_sites(plan);
        bool is_each = plan->site_count < TEST_SITES_FEW || test_rounds(1) > 1;
        plan->step = is_each ? 1 : TEST_SITES_STEP;
        plan->site = test_random_below(plan->step);
    } else if (next->nth == 1) {
        plan->sites_tried++;
        plan->sites_met += plan->has_fired ? 1 : 0;
        if (plan->sites[plan->site].count > 1) {
            next->number = plan->sites[plan->site].last;
            next->nth = plan->sites[plan->site].count;
            return true;
        }
        plan->site += plan->step;
    } else {
        plan->site += plan->step;
    }
    if (plan->site >= plan->site_count) return false;
    const struct po_fault_site *site = &plan->sites[plan->site];
    *next = (struct test_fault){.mode = TEST_FAULT_SITE,
                                .number = site->first,
                                .sys_errno = errno_for(plan->site),
                                .site = site->site,
                                .nth = 1};
    return true;
}

static void run_fault_loop(void)
{
    const struct test_case *test = test_current.test;
    struct plan plan = {.next = {.mode = TEST_FAULT_RECORD}};
    bool is_going = true;
    while (is_going && plan.runs < TEST_FAULT_RUNS_MAX) {
        plan.has_fired = run_with(plan.next);
        plan.runs++;
        is_going = test->kind == TEST_FAULT_SITES ? plan_next_site(&plan) : plan_next_call(&plan);
        if (!is_going || plan.runs % TEST_LEAK_STEP == 0) check_leaks(plan.next.number);
    }
    if (is_going)
        test_fail(test->file, test->line, "still failing after %d runs", TEST_FAULT_RUNS_MAX);
    if (plan.runs <= 2 && !plan.has_fired)
        test_fail(test->file, test->line, "no call can fail here: is the body armed?");
    /* hits may differ a little between runs, but not altogether */
    if (plan.sites_met * 10 < plan.sites_tried * 9)
        test_fail(test->file, test->line, "only %zu of %zu call sites were met again",
                  plan.sites_met, plan.sites_tried);
    free(plan.sites);
}

#else

void test_faults_arm(void) {}

static void run_fault_loop(void) { test_skip("built without PO_FAULTS"); }

#endif

void test_run_body(void)
{
    if (test_current.test->kind == TEST_PLAIN)
        test_current.test->body();
    else
        run_fault_loop();
}
