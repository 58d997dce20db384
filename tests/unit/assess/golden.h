/*
 * Programs of this build asked with facts that a test gives, and what they say as JSON.
 */
#ifndef PO_TESTS_UNIT_ASSESS_GOLDEN_H
#define PO_TESTS_UNIT_ASSESS_GOLDEN_H

#include "core/json.h"
#include "program/program.h"

#define GOLDEN_FACTS_MAX 6

struct golden_program {
    struct po_program program;
    const char *const *facts; /* names in the order of its @needs, NULL-terminated */
};
/* Compiled, by kind and id; borrowed until the case ends. Fails the case when there is none. */
const struct golden_program *golden_find(const char *kind, const char *id);

/*
 * What the program says of the facts in `given`: values in the order of its needs, members that are
 * left out are 0, false, "", null or []. The clock stands at JUDGE_NOW_US.
 *
 * control  {"state","passing","total"} and, where there are some, "reason", "deviations",
 *          "deviations_total"
 * check    {"state","reason","observed":[[name,value]..]}
 * repair   [{"do","subject","before","after","arg"}..]
 */
void golden_ask(struct po_ctx *cx, const struct golden_program *asked, const struct po_json *given,
                struct po_json_out *out);

#endif
