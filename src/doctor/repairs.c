/*
 * The repairs and the programs that plan them.
 *
 * A plan is what a program of the bundle says from facts that were read for it; a value of another
 * form, or one beyond its bounds, is no plan.
 */
#include "doctor_priv.h"

#include "fact/fact.h"

#define ACTION_TEXT_BYTES_MAX 4096

static const struct po_repair repairs[] = {
    {"missing_directory", "make a missing directory of the home anew"},
    {"wrong_mode", "set the declared mode of files and directories of the home"},
    {"stale_lock", "move away a lock file that nobody holds"},
};

const struct po_repair *po_repair_table(size_t *ret_count)
{
    *ret_count = sizeof repairs / sizeof *repairs;
    return repairs;
}

/* -- programs ------------------------------------------------------------------------------------ */

PO_RC po_planners_open(struct po_ctx *cx, struct po_planners *ret_planners)
{
    *ret_planners = (struct po_planners){0};
    return po_bundle_open_embedded(cx, &ret_planners->bundle);
}

void po_planners_done(struct po_planners *planners)
{
    for (size_t i = 0; i < PO_REPAIRS_MAX; i++)
        po_program_done(&planners->programs[i]);
}

static PO_RC find_program(struct po_ctx *cx, struct po_planners *planners,
                          const struct po_repair *repair, const struct po_program **ret_program)
{
    struct po_program *program = &planners->programs[repair - repairs];
    *ret_program = program;
    if (program->script != NULL) return po_rc_ok();
    const struct po_bundle_program *row =
        po_bundle_program_find(planners->bundle, PO_LIT("repair"), po_str_of(repair->name));
    if (row == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "the bundle has no program '%s'", repair->name);
    return po_program_load_row(cx, planners->bundle, row, program);
}

/* -- steps --------------------------------------------------------------------------------------- */

static PO_RC keep_text(struct po_ctx *cx, const struct po_json *action, const char *key,
                       const char **ret_text)
{
    po_str text = {NULL, 0};
    PO_TRY(cx, po_json_get_str(cx, action, key, &text));
    if (text.len > ACTION_TEXT_BYTES_MAX || memchr(text.ptr, '\0', text.len) != NULL)
        return PO_FAIL(cx, PO_INVALID, "'%s' of an action is no text of ours", key);
    *ret_text = po_arena_strdup(cx->arena, text);
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

/* "0750"; nothing for actions that take none. */
static PO_RC read_mode(struct po_ctx *cx, const struct po_json *action, int64_t *ret_mode)
{
    po_str digits = {NULL, 0};
    int64_t mode = 0;
    PO_TRY(cx, po_json_get_str(cx, action, "arg", &digits));
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.len > 4 || digits.ptr[i] < '0' || digits.ptr[i] > '7')
            return PO_FAIL(cx, PO_INVALID, "'arg' of an action is no mode");
        mode = mode * 8 + (digits.ptr[i] - '0');
    }
    *ret_mode = mode;
    return po_rc_ok();
}

static PO_RC add_step(struct po_ctx *cx, const struct po_json *action,
                      const struct po_repair *repair, struct po_doctor_plan *plan)
{
    struct po_repair_step step = {.repair = repair->name, .why = ""};
    PO_TRY(cx, keep_text(cx, action, "do", &step.action));
    PO_TRY(cx, keep_text(cx, action, "subject", &step.subject));
    PO_TRY(cx, keep_text(cx, action, "before", &step.before));
    PO_TRY(cx, keep_text(cx, action, "after", &step.after));
    PO_TRY(cx, read_mode(cx, action, &step.arg));
    if (plan->count == PO_DOCTOR_STEPS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d repairs are needed", PO_DOCTOR_STEPS_MAX);
    plan->steps[plan->count++] = step;
    return po_rc_ok();
}

PO_RC po_repair_steps(struct po_ctx *cx, po_str actions_json, const struct po_repair *repair,
                      struct po_doctor_plan *plan)
{
    struct po_json *actions = NULL;
    PO_TRY(cx, po_json_parse(cx, actions_json, PO_JSON_ALLOW_REAL, &actions));
    if (actions->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "the plan of '%s' is no list", repair->name);
    for (const struct po_json *at = actions->first; at != NULL; at = at->next)
        PO_TRY(cx, add_step(cx, at, repair, plan));
    return po_rc_ok();
}

struct planning {
    struct po_ctx *cx; /* whose arena keeps the steps */
    const struct po_repair *repair;
    struct po_doctor_plan *plan;
};

static po_rc read_outcome(void *user, struct po_ctx *step, const struct po_script_outcome *outcome)
{
    const struct planning *planning = user;
    po_str actions = {NULL, 0};
    if (outcome->status != PO_SCRIPT_OK)
        return PO_FAIL(step, PO_UNAVAILABLE, "%.*s: %.*s", PO_STR_ARG(outcome->fault_kind),
                       PO_STR_ARG(outcome->fault_message));
    PO_TRY_LEAF(step, po_arena_copy(planning->cx->arena, outcome->value_json, &actions),
                "out of request memory");
    po_rc rc = po_repair_steps(planning->cx, actions, planning->repair, planning->plan);
    if (!po_is_ok(rc)) step->err = planning->cx->err;
    return rc;
}

PO_RC po_repair_plan(struct po_ctx *cx, struct po_home *home, struct po_planners *planners,
                     const struct po_repair *repair, struct po_doctor_plan *plan)
{
    const struct po_program *program = NULL;
    const struct po_fact_value *value = NULL;
    const char *const *facts = NULL;
    struct po_fact_set *set = NULL;
    PO_TRY(cx, find_program(cx, planners, repair, &program));
    PO_TRY(cx, po_program_facts(cx, program, &facts));
    PO_TRY(cx, po_fact_set_new(cx, home, &set));
    for (size_t i = 0; facts[i] != NULL; i++)
        PO_TRY(cx, po_fact_get(cx, set, facts[i], &value));
    struct planning planning = {.cx = cx, .repair = repair, .plan = plan};
    const struct po_program_job job = {.facts = set, .now_us = po_ctx_now_us(cx)};
    return po_program_ask(cx, program, &job, read_outcome, &planning);
}
