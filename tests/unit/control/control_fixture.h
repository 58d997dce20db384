/*
 * Sets and runs for the tests of control/ and report/.
 */
#ifndef PO_TESTS_CONTROL_FIXTURE_H
#define PO_TESTS_CONTROL_FIXTURE_H

#include "control/control.h"

/* A set of two categories, three criteria, four controls, seven clauses, two rows, one check. */
struct po_catalog_source small_source(void);
const struct po_catalog *small_catalog(struct po_ctx *cx);
const struct po_catalog *real_catalog(struct po_ctx *cx);

#define RUN_TIME_US (TEST_CLOCK_START_US)

/* Runs for every clause, all absent. */
struct po_clause_run *no_runs(struct po_ctx *cx, const struct po_catalog *catalog);
/* Put a run in its place: finished `age_us` before RUN_TIME_US, leaf = position + 1. */
void set_run(const struct po_catalog *catalog, struct po_clause_run *runs, const char *clause,
             enum po_run_state state, int64_t passing, int64_t total);
void set_age(const struct po_catalog *catalog, struct po_clause_run *runs, const char *clause,
             po_time_us age_us);
/* A run whose members all hold something, valid for encoding. */
struct po_run full_run(void);

#endif
