/*
 * Newest runs -> clause states -> control states (docs/spec/scoring.md 2).
 *
 * Invariants
 * 1. Only a fresh run that passed makes a clause pass; only clauses that all pass make a control
 *    pass. Missing, stale, skipped and errored never do (law 1).
 * 2. A waiver turns `fail` into `waived` and nothing else, and only while all its conditions hold.
 */
#include "control/catalog_priv.h"

/* A run may be dated this much after the leaf it is judged at: two reads of one clock. */
#define CLOCK_SKEW_US_MAX PO_US_PER_MIN

const char *const po_ctl_control_state_names[] = {"pass",  "fail",     "waived", "stale",
                                                  "error", "untested", "na",     NULL};

/* Controls for which no exception is accepted (docs/spec/scoring.md 2.3). */
static const char *const never_waived[] = {"AUD-03", "IAM-05", "IAM-06", "PIN-06"};

const char *po_control_state_name(enum po_control_state state)
{
    return po_ctl_control_state_names[state];
}

const char *po_clause_state_name(enum po_clause_state state)
{
    static const char *const names[] = {"pass", "fail", "error", "stale", "untested"};
    return names[state];
}

static enum po_clause_state state_of_fresh(const struct po_run *run)
{
    switch (run->state) {
    case PO_RUN_PASS: return run->total > 0 ? PO_CLAUSE_PASS : PO_CLAUSE_UNTESTED;
    case PO_RUN_FAIL: return PO_CLAUSE_FAIL;
    case PO_RUN_ERROR: return PO_CLAUSE_ERROR;
    case PO_RUN_SKIPPED:
    case PO_RUN_UNTESTED: break;
    }
    return PO_CLAUSE_UNTESTED;
}

struct po_clause_result po_clause_evaluate(const struct po_control *control,
                                           const struct po_clause_run *run, po_time_us as_of_us)
{
    struct po_clause_result result = {
        .state = PO_CLAUSE_UNTESTED, .leaf = run->leaf, .age_us = 0, .reason = PO_LIT("never run")};
    if (run->leaf == PO_LEAF_NONE) return result;
    po_time_us tested_us = run->run.finished_us;
    if (run->received_us < tested_us - CLOCK_SKEW_US_MAX ||
        as_of_us < tested_us - CLOCK_SKEW_US_MAX) {
        result.state = PO_CLAUSE_ERROR;
        result.reason = PO_LIT("the run is dated after its ledger entry");
        return result;
    }
    result.age_us = as_of_us > tested_us ? as_of_us - tested_us : 0;
    result.reason = run->run.reason;
    result.state = state_of_fresh(&run->run);
    if (result.state != PO_CLAUSE_UNTESTED && result.age_us > control->ttl_us) {
        result.state = PO_CLAUSE_STALE;
        result.reason = PO_LIT("the newest run is older than the control's ttl");
    }
    return result;
}

/* Whether passing/total of `a` is smaller than of `b`; counts are at most PO_RUN_COUNT_MAX. */
static bool is_smaller_ratio(const struct po_run *a, const struct po_run *b)
{
    return a->passing * b->total < b->passing * a->total;
}

/* One control being judged. */
struct judging {
    const struct po_catalog *catalog;
    const struct po_state_input *input;
    const struct po_clause_result *clauses;
    const struct po_control *control;
};

/* The first clause in `state`; of failing ones, that with the smallest ratio. SIZE_MAX: none. */
static size_t find_deciding(const struct judging *j, enum po_clause_state state)
{
    size_t best = SIZE_MAX;
    size_t end = (size_t)j->control->clause_first + j->control->clause_count;
    for (size_t i = j->control->clause_first; i < end; i++) {
        if (j->clauses[i].state != state) continue;
        if (best == SIZE_MAX ||
            (state == PO_CLAUSE_FAIL &&
             is_smaller_ratio(&j->input->runs[i].run, &j->input->runs[best].run)))
            best = i;
    }
    return best;
}

/* `result` takes the state, leaf and reason of the clause at `at`. */
static PO_RC take_deciding(struct po_ctx *cx, const struct judging *j, size_t at,
                           enum po_control_state state, struct po_control_result *result)
{
    const struct po_clause_result *clause = &j->clauses[at];
    const char *reason =
        po_arena_printf(cx->arena, "%.*s: %.*s", PO_STR_ARG(j->catalog->clauses[at].id),
                        PO_STR_ARG(clause->reason));
    if (reason == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    result->state = state;
    result->leaf = clause->leaf;
    result->reason = po_str_of(reason);
    if (state == PO_CONTROL_FAIL) {
        result->passing = j->input->runs[at].run.passing;
        result->total = j->input->runs[at].run.total;
    }
    return po_rc_ok();
}

static PO_RC judge_control(struct po_ctx *cx, const struct judging *j,
                           struct po_control_result *result)
{
    static const struct {
        enum po_clause_state clause;
        enum po_control_state control;
    } order[] = {{PO_CLAUSE_FAIL, PO_CONTROL_FAIL},
                 {PO_CLAUSE_ERROR, PO_CONTROL_ERROR},
                 {PO_CLAUSE_STALE, PO_CONTROL_STALE},
                 {PO_CLAUSE_UNTESTED, PO_CONTROL_UNTESTED}};
    *result = (struct po_control_result){.state = PO_CONTROL_PASS, .leaf = PO_LEAF_NONE};
    for (size_t i = 0; i < j->control->clause_count; i++) {
        const struct po_clause_result *clause = &j->clauses[j->control->clause_first + i];
        if (clause->state == PO_CLAUSE_PASS) result->clauses_passing++;
        result->leaf = clause->leaf; /* when all pass: that of the last clause */
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        size_t at = find_deciding(j, order[i].clause);
        if (at == SIZE_MAX) continue;
        PO_TRY(cx, take_deciding(cx, j, at, order[i].control, result));
        break;
    }
    return po_rc_ok();
}

static bool can_be_waived(po_str control)
{
    for (size_t i = 0; i < sizeof never_waived / sizeof never_waived[0]; i++) {
        if (po_str_eq_cstr(control, never_waived[i])) return false;
    }
    return true;
}

/* All conditions of docs/spec/scoring.md 2.3 but that the control fails. */
static bool is_waiver_live(const struct po_catalog *catalog, const struct po_waiver *waiver,
                           const struct po_control_result *unwaived, po_time_us as_of_us)
{
    if (!can_be_waived(waiver->control) || waiver->reason.len == 0 ||
        waiver->requested_by.len == 0 || waiver->approved_by.len == 0 ||
        po_str_eq(waiver->requested_by, waiver->approved_by))
        return false;
    if (as_of_us < waiver->from_us || as_of_us >= waiver->expires_us ||
        waiver->expires_us - waiver->from_us > PO_WAIVER_DAYS_MAX * PO_US_PER_DAY)
        return false;
    for (size_t i = 0; i < waiver->compensating_count; i++) {
        size_t at = po_ctl_index_find(catalog->index->controls, waiver->compensating[i]);
        if (at == SIZE_MAX || unwaived[at].state != PO_CONTROL_PASS) return false;
    }
    return waiver->compensating_count > 0;
}

static PO_RC apply_waivers(struct po_ctx *cx, const struct po_catalog *catalog,
                           const struct po_state_input *input, struct po_control_result *results)
{
    struct po_control_result *unwaived = NULL;
    PO_ARENA_NEW(cx, unwaived, catalog->control_count);
    memcpy(unwaived, results, catalog->control_count * sizeof *unwaived);
    for (size_t i = 0; i < input->waiver_count; i++) {
        const struct po_waiver *waiver = &input->waivers[i];
        size_t at = po_ctl_index_find(catalog->index->controls, waiver->control);
        if (at == SIZE_MAX || unwaived[at].state != PO_CONTROL_FAIL ||
            !is_waiver_live(catalog, waiver, unwaived, input->as_of_us))
            continue;
        char until[PO_TIME_DATE_BYTES];
        po_time_format_date(waiver->expires_us, until);
        const char *reason =
            po_arena_printf(cx->arena, "waiver %.*s until %s (%.*s)", PO_STR_ARG(waiver->id), until,
                            PO_STR_ARG(unwaived[at].reason));
        if (reason == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        results[at].state = PO_CONTROL_WAIVED;
        results[at].reason = po_str_of(reason);
        results[at].leaf = waiver->leaf;
    }
    return po_rc_ok();
}

static void apply_scope(const struct po_catalog *catalog, const struct po_state_input *input,
                        struct po_control_result *results)
{
    for (size_t i = 0; i < input->scope_out_count; i++) {
        const struct po_scope_out *out = &input->scope_outs[i];
        size_t at = po_ctl_index_find(catalog->index->controls, out->control);
        if (at == SIZE_MAX || out->reason.len == 0) continue;
        results[at] = (struct po_control_result){
            .state = PO_CONTROL_NA, .leaf = out->leaf, .reason = out->reason};
    }
}

PO_RC po_states_compute(struct po_ctx *cx, const struct po_catalog *catalog,
                        const struct po_state_input *input,
                        const struct po_control_result **ret_controls,
                        const struct po_clause_result **ret_clauses)
{
    struct po_clause_result *clauses = NULL;
    struct po_control_result *results = NULL;
    PO_ARENA_NEW(cx, clauses, catalog->clause_count);
    PO_ARENA_NEW(cx, results, catalog->control_count);
    for (size_t i = 0; i < catalog->clause_count; i++) {
        const struct po_clause_run *run = &input->runs[i];
        if (run->leaf != PO_LEAF_NONE && !po_str_eq(run->run.clause, catalog->clauses[i].id))
            return PO_FAIL(cx, PO_INVALID, "a run of clause '%.*s' stands at the place of '%.*s'",
                           PO_STR_ARG(run->run.clause), PO_STR_ARG(catalog->clauses[i].id));
        clauses[i] = po_clause_evaluate(&catalog->controls[catalog->clauses[i].control], run,
                                        input->as_of_us);
    }
    struct judging j = {.catalog = catalog, .input = input, .clauses = clauses};
    for (size_t i = 0; i < catalog->control_count; i++) {
        j.control = &catalog->controls[i];
        PO_TRY(cx, judge_control(cx, &j, &results[i]));
    }
    PO_TRY(cx, apply_waivers(cx, catalog, input, results));
    apply_scope(catalog, input, results);
    *ret_controls = results;
    if (ret_clauses != NULL) *ret_clauses = clauses;
    return po_rc_ok();
}
