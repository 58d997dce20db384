/*
 * What is asked for golden data: the judges, as JSON.
 */
#ifndef PO_TESTS_UNIT_ASSESS_GOLDEN_H
#define PO_TESTS_UNIT_ASSESS_GOLDEN_H

#include "core/json.h"

#define GOLDEN_FACTS_MAX 6

/* {"state","passing","total"} and, where there are some, "reason", "deviations", "deviations_total". */
void golden_judge_clause(struct po_ctx *cx, const char *clause, const struct po_json *const *facts,
                         struct po_json_out *out);
/* {"state","reason","observed":[[name,value]..]} */
void golden_judge_health(struct po_ctx *cx, const char *id, const struct po_json *const *facts,
                         struct po_json_out *out);

#endif
