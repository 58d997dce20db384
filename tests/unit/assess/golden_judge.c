#include "unit/assess/golden.h"

#include "assess/assess_priv.h"
#include "health/health.h"
#include "lib/test.h"

static const struct po_check *find_check(const char *clause)
{
    size_t count = 0;
    const struct po_check *checks = po_check_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(checks[i].clause, clause) == 0) return &checks[i];
    test_fail(__FILE__, __LINE__, "no check for %s", clause);
}

static void put_deviations(const struct po_judgement *judgement, struct po_json_out *out)
{
    po_json_out_key(out, "deviations");
    po_json_out_array(out);
    for (size_t i = 0; i < judgement->deviation_count; i++) {
        po_json_out_array(out);
        po_json_out_str(out, judgement->deviations[i].subject);
        po_json_out_str(out, judgement->deviations[i].fact);
        po_json_out_array_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_field_int(out, "deviations_total", judgement->deviations_total);
}

void golden_judge_clause(struct po_ctx *cx, const char *clause, const struct po_json *const *facts,
                         struct po_json_out *out)
{
    struct po_judgement *judgement = po_arena_alloc(cx->arena, 1, sizeof *judgement);
    check_that(judgement != NULL);
    check_ok(cx, find_check(clause)->judge(cx, facts, judgement));
    po_judgement_settle(judgement);
    po_json_out_object(out);
    po_json_out_field(out, "state", po_str_of(po_run_state_name(judgement->state)));
    po_json_out_field_int(out, "passing", judgement->passing);
    po_json_out_field_int(out, "total", judgement->total);
    if (judgement->reason != NULL) po_json_out_field(out, "reason", po_str_of(judgement->reason));
    if (judgement->deviations_total > 0) put_deviations(judgement, out);
    po_json_out_object_end(out);
}

void golden_judge_health(struct po_ctx *cx, const char *id, const struct po_json *const *facts,
                         struct po_json_out *out)
{
    (void)cx;
    struct po_health_verdict verdict = {.state = PO_HEALTH_UNTESTED};
    po_health_find(po_str_of(id))->judge(facts, &verdict);
    po_json_out_object(out);
    po_json_out_field(out, "state", po_str_of(po_health_state_name(verdict.state)));
    po_json_out_field(out, "reason", po_str_of(verdict.reason));
    po_json_out_key(out, "observed");
    po_json_out_array(out);
    for (size_t i = 0; i < verdict.observed_count; i++) {
        po_json_out_array(out);
        po_json_out_cstr(out, verdict.observed[i].key);
        po_json_out_int(out, verdict.observed[i].value);
        po_json_out_array_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
}
