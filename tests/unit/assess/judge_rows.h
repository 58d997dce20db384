/*
 * Fact values that make each clause check hold, not hold or find nothing to test.
 *
 * The clock stands at 1971-01-02T00:00:00Z (31622400 s) in every row. Members that a value leaves out
 * are 0, false, "", null or [] (fact_value.h).
 */
#ifndef PO_TESTS_UNIT_ASSESS_JUDGE_ROWS_H
#define PO_TESTS_UNIT_ASSESS_JUDGE_ROWS_H

#include "assess/assess.h"

#define JUDGE_NOW_US (31622400 * PO_US_PER_S)

#define JUDGE_ROW_FACTS_MAX 3
struct judge_row {
    const char *clause;
    const char *facts[JUDGE_ROW_FACTS_MAX];
    enum po_run_state state;
    int64_t passing;
    int64_t total;
};
extern const struct judge_row judge_rows[];
extern const size_t judge_row_count;
extern const struct judge_row judge_rows_access[]; /* identity, access, data in motion */
extern const size_t judge_row_access_count;

/* Both tables as one; NULL behind the last. */
static inline const struct judge_row *judge_row_at(size_t i)
{
    if (i < judge_row_count) return &judge_rows[i];
    i -= judge_row_count;
    return i < judge_row_access_count ? &judge_rows_access[i] : NULL;
}

#endif
