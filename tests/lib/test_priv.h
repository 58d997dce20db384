/*
 * Shared between the files of the test layer.
 */
#ifndef PO_TESTS_LIB_TEST_PRIV_H
#define PO_TESTS_LIB_TEST_PRIV_H

#include "lib/test.h"

#include <stdatomic.h>

#define TEST_REASON_BYTES 256

enum test_state { TEST_STATE_NONE, TEST_STATE_STARTED, TEST_STATE_FINISHED, TEST_STATE_SKIPPED };
enum test_outcome {
    TEST_OUTCOME_NONE,
    TEST_OUTCOME_PASSED,
    TEST_OUTCOME_FAILED,
    TEST_OUTCOME_SKIPPED
};

/* One per selected case, in memory shared by all processes of the run. */
struct test_slot {
    atomic_int state;   /* enum test_state, written by the case's process */
    atomic_int outcome; /* enum test_outcome, written by the worker */
    int64_t took_us;
    char reason[TEST_REASON_BYTES];
};

enum test_fault_mode {
    TEST_FAULT_OFF,
    TEST_FAULT_RECORD,
    TEST_FAULT_FAIL,
    TEST_FAULT_SHORT,
    TEST_FAULT_SITE
};

/* What fails in the current run of a fault loop. */
struct test_fault {
    enum test_fault_mode mode;
    uint64_t number; /* of the call; 0 in the recording run */
    int sys_errno;
    uint64_t site;
    uint64_t nth;
};

/* Set for each case before its process starts. */
struct test_current {
    const struct test_case *test;
    struct test_slot *slot;
    const char *row;
    char tmpdir[256];
    bool has_tmpdir;
    uint64_t random_state;
    struct test_fault fault;
    bool fault_armed;
    bool fault_seen;
};
extern struct test_current test_current;

struct test_options {
    const char *globs[16];
    size_t glob_count;
    const char *source_root;
    char tmp_root[192];
    uint64_t seed;
    uint64_t rounds;
    unsigned workers;
    bool is_listing;
    bool is_timing;
    bool is_forking;
};
extern struct test_options test_options;

/* Runs the body of test_current, with its fault loop when it has one. */
void test_run_body(void);
/* Remove a directory tree, whatever its modes. */
void test_remove_tree(const char *path);
/* Everything as at the start of a case. */
void test_env_begin(const struct test_case *c, struct test_slot *slot);
/* The next run of the same case: empty temp dir, clock at its start. */
void test_env_fresh(void);

#endif
