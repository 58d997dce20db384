/*
 * Helpers for power-cut tests: run a body in a child with recording on, cut it, restore the disk.
 *
 *   struct test_power power;
 *   test_power_init(&power);                      <tmp>/root, <tmp>/shadow
 *   ... put the starting state below power.root ...
 *   bool was_cut = test_power_run(&power, cut_at, body, user);
 *   test_power_restore(&power, seed);             the disk after the cut
 *   ... look at power.root ...
 *
 * Without the restore the child was only killed: test_power_kill, and the next run goes on with what
 * that one had written and not synced.
 *
 * What the child acknowledges must be in memory from test_power_shared. docs/dev/FAULTS.md.
 */
#ifndef PO_TESTS_POWER_RUN_H
#define PO_TESTS_POWER_RUN_H

#include "core/fault.h"
#include "core/power.h"
#include "lib/test.h"

#include <sys/types.h>

/* Of the latest run that was not cut. */
struct test_power_shared {
    uint64_t op_count;
    uint64_t skipped_count; /* sync calls that it skipped */
    uint64_t skipped_first; /* and which operations the first and the last of them were */
    uint64_t skipped_last;
    size_t sync_count; /* all its sync calls */
    struct po_power_sync syncs[PO_POWER_SYNCS_MAX];
};

struct test_power {
    const char *root;
    const char *shadow;
    uint64_t skip_site; /* sync calls from here do nothing */
    bool goes_on;       /* the run before was killed */
    struct test_power_shared *shared;
};

typedef void (*test_power_body)(void *user);

void test_power_init(struct test_power *power);
/* Empty the root for the next round. */
void test_power_clear(struct test_power *power);
/* Zeroed memory that children share; never freed. */
void *test_power_shared(size_t len);
/*
 * Run `body` in a child. True when it was cut at operation `cut_at` (0: never). Any other end than
 * the cut or the body's return fails the case.
 */
bool test_power_run(struct test_power *power, uint64_t cut_at, test_power_body body, void *user);
/* The same in two steps, for a test that talks with the child meanwhile. */
pid_t test_power_begin(struct test_power *power, uint64_t cut_at, test_power_body body, void *user);
bool test_power_end(pid_t pid);
void test_power_restore(struct test_power *power, uint64_t seed);
/* Instead of a restore: the power stays, the next run meets what the last one had written. */
void test_power_kill(struct test_power *power);

/* One sync call with its callers. */
struct test_power_site {
    uint64_t site;
    uint64_t hit;                         /* number of its first hit, as for po_fault_fail */
    const char *call;                     /* "fdatasync", "fsync", "syncfs" */
    uint64_t frames[PO_FAULT_FRAMES_MAX]; /* innermost first, for addr2line */
};
/* All fdatasync and fsync calls of one uncut run of `body`; at most `max`. */
size_t test_power_sync_calls(struct test_power *power, test_power_body body, void *user,
                             struct test_power_site *ret_sites, size_t max);
/* Sites of all fdatasync and fsync calls of one uncut run of `body`; at most `max`. */
size_t test_power_sync_sites(struct test_power *power, test_power_body body, void *user,
                             uint64_t *ret_sites, size_t max);

#endif
