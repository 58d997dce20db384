/*
 * Fact values for each health check. Members that a value leaves out are 0, false, "", null or [].
 */
#ifndef PO_TESTS_UNIT_HEALTH_ROWS_H
#define PO_TESTS_UNIT_HEALTH_ROWS_H

#include "health/health.h"

#define HEALTH_ROW_FACTS_MAX 3

struct health_row {
    const char *name;
    const char *id;
    const char *facts[HEALTH_ROW_FACTS_MAX];
    enum po_health_state want;
    const char *reason;
};
extern const struct health_row health_rows[];
extern const size_t health_row_count;

#endif
