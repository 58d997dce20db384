#include "unit/assess/golden.h"

#include "assess/assess_priv.h"
#include "health/health_priv.h"
#include "lib/test.h"
#include "unit/assess/fact_value.h"
#include "unit/assess/judge_rows.h"

#define PROGRAMS_MAX 128

/* What was compiled in this case. */
static struct po_ctx kept;
static struct golden_program programs[PROGRAMS_MAX];
static size_t program_count;

__attribute__((destructor)) static void free_programs(void)
{
    for (size_t i = 0; i < program_count; i++)
        po_program_done(&programs[i].program);
    if (kept.arena != NULL) po_ctx_done(&kept);
}

const struct golden_program *golden_find(const char *kind, const char *id)
{
    static struct po_bundle *bundle;
    for (size_t i = 0; i < program_count; i++)
        if (po_str_eq_cstr(programs[i].program.row.id, id) &&
            po_str_eq_cstr(programs[i].program.row.kind, kind))
            return &programs[i];
    check_that(program_count < PROGRAMS_MAX);
    if (bundle == NULL) {
        check_ok_leaf(po_ctx_init(&kept));
        po_assess_facts_declare();
        check_ok(&kept, po_bundle_open_embedded(&kept, &bundle));
    }
    struct golden_program *found = &programs[program_count];
    const struct po_bundle_program *row =
        po_bundle_program_find(bundle, po_str_of(kind), po_str_of(id));
    check_that(row != NULL, "no %s %s", kind, id);
    check_ok(&kept, po_program_load_row(&kept, bundle, row, &found->program));
    program_count++;
    check_ok(&kept, po_program_facts(&kept, &found->program, &found->facts));
    return found;
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

static void ask_control(struct po_ctx *cx, const struct po_program *program,
                        const struct po_program_job *job, struct po_json_out *out)
{
    struct po_judgement *judgement = po_arena_alloc(cx->arena, 1, sizeof *judgement);
    check_that(judgement != NULL);
    check_ok(cx, po_check_run(cx, program, job, judgement));
    po_judgement_settle(judgement);
    po_json_out_object(out);
    po_json_out_field(out, "state", po_str_of(po_run_state_name(judgement->state)));
    po_json_out_field_int(out, "passing", judgement->passing);
    po_json_out_field_int(out, "total", judgement->total);
    if (judgement->reason != NULL) po_json_out_field(out, "reason", po_str_of(judgement->reason));
    if (judgement->deviations_total > 0) put_deviations(judgement, out);
    po_json_out_object_end(out);
}

static void ask_check(struct po_ctx *cx, const struct po_program *program,
                      const struct po_program_job *job, struct po_json_out *out)
{
    struct po_health_verdict verdict;
    check_ok(cx, po_health_ask(cx, program, job, &verdict));
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

static void ask_repair(struct po_ctx *cx, const struct po_program *program,
                       const struct po_program_job *job, struct po_json_out *out)
{
    static const char *const members[] = {"do", "subject", "before", "after", "arg"};
    struct po_program_result result;
    struct po_json *actions = NULL;
    check_ok(cx, po_program_run(cx, program, job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    check_ok(cx, po_json_parse(cx, result.outcome.value_json, PO_JSON_STRICT, &actions));
    po_json_out_array(out);
    for (const struct po_json *action = actions->first; action != NULL; action = action->next) {
        po_json_out_object(out);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            po_json_out_field(out, members[i], po_json_get(action, members[i])->str);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

void golden_ask(struct po_ctx *cx, const struct golden_program *asked, const struct po_json *given,
                struct po_json_out *out)
{
    struct po_program_fact facts[GOLDEN_FACTS_MAX];
    struct po_program_job job = {.given = facts, .now_us = JUDGE_NOW_US};
    po_str kind = asked->program.row.kind;
    for (size_t i = 0; asked->facts[i] != NULL; i++, given = given->next) {
        check_that(given != NULL && i < GOLDEN_FACTS_MAX, "facts of %.*s",
                   PO_STR_ARG(asked->program.row.name));
        facts[i].name = po_str_of(asked->facts[i]);
        facts[i].json = fact_value(cx, asked->facts[i], given);
        job.given_count = i + 1;
    }
    if (po_str_eq_cstr(kind, "control"))
        ask_control(cx, &asked->program, &job, out);
    else if (po_str_eq_cstr(kind, "check"))
        ask_check(cx, &asked->program, &job, out);
    else
        ask_repair(cx, &asked->program, &job, out);
}
