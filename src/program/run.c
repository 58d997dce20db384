/*
 * One run: the gate before every call, the mask of a dry run, the list of calls, replay.
 *
 * Invariants
 *  1. A call is answered only after the gate let its concrete argument through.
 *  2. A dry run performs nothing that changes something: the answer is made here and listed.
 *  3. A replay performs nothing at all.
 */
#include "program/calls_priv.h"
#include "program/runner_priv.h"

#define CALL_ARENA_BYTES_MAX ((size_t)16 << 20)
#define OUTPUT_SLACK_BYTES 4096

struct run {
    const struct po_run_spec *spec;
    struct po_calls calls;
    struct po_replay replay;
    struct po_program_denial denials[PO_PROGRAM_DENIALS_MAX];
    size_t denial_count;
    struct po_program_denial latest;    /* of the call that is being answered */
    const struct po_buf *latest_answer; /* the language's buffer, until the call is recorded */
    bool is_out_of_memory; /* at some call: what the program was told then is no answer to go by */
};

static void run_done(struct run *run) { po_calls_done(&run->calls); }

/* ---- one call ----------------------------------------------------------------------------------- */

static PO_RC answer_ask(struct po_ctx *cx, const struct po_run_spec *spec,
                        const struct po_host_ask *ask, struct po_buf *ret_json,
                        const char **ret_kind)
{
    if (ask->row->side == PO_HOST_NOWHERE)
        return PO_FAIL(cx, PO_UNSUPPORTED, "%s.%s is not built", ask->fn->module, ask->fn->name);
    if (ask->row->side == PO_HOST_LOCAL) {
        po_buf_append_i64(ret_json, spec->now_us / PO_US_PER_S);
        return po_rc_ok();
    }
    if (spec->is_dry_run && ask->row->dry != NULL) {
        po_buf_append_cstr(ret_json, ask->row->dry);
        return po_rc_ok();
    }
    if (spec->answer == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "%s is not available here", ask->fn->module);
    return spec->answer(spec->user, cx, ask, ret_json, ret_kind);
}

/* Where the gate refused: kept for the events of the layer above. */
static po_rc note_denial(struct po_ctx *cx, struct run *run, const struct po_program_denial *denial)
{
    if (denial->fence == NULL) return po_rc_ok();
    run->latest = *denial;
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, denial->value, &run->latest.value),
                "out of memory for a denial");
    if (run->denial_count < PO_PROGRAM_DENIALS_MAX) run->denials[run->denial_count++] = run->latest;
    return po_rc_ok();
}

/* six parameters: the run's context and the call's own, which ends with it */
static po_rc answer_call(struct po_ctx *cx, struct po_ctx *scratch, struct run *run,
                         const struct po_script_host_call *call, struct po_buf *ret_json,
                         const char **ret_kind)
{
    const struct po_run_spec *spec = run->spec;
    struct po_host_ask ask = {0};
    struct po_program_denial denial = {0};
    po_rc rc = po_gate_ask(scratch, &spec->gate, &spec->fns[call->fn_index], call, &ask, &denial);
    if (po_is_ok(rc)) return answer_ask(scratch, spec, &ask, ret_json, ret_kind);
    PO_TRY(scratch, note_denial(cx, run, &denial));
    return rc;
}

static po_rc answer(struct po_ctx *cx, struct run *run, const struct po_script_host_call *call,
                    struct po_buf *ret_json, const char **ret_kind)
{
    struct po_ctx scratch = {0};
    if (run->spec->replay_calls.len > 0)
        return po_replay_answer(cx, &run->replay, call, ret_json, ret_kind);
    if (call->fn_index >= run->spec->fn_count)
        return PO_FAIL(cx, PO_DENIED, "there is no such host function");
    PO_TRY(cx, po_ctx_child_begin(cx, CALL_ARENA_BYTES_MAX, &scratch));
    po_rc rc = answer_call(cx, &scratch, run, call, ret_json, ret_kind);
    return po_ctx_child_end(cx, &scratch, rc);
}

static po_rc on_host_call(void *user, struct po_ctx *cx, const struct po_script_host_call *call,
                          struct po_buf *ret_json, const char **ret_kind)
{
    struct run *run = user;
    run->latest = (struct po_program_denial){0};
    run->latest_answer = ret_json;
    po_rc rc = answer(cx, run, call, ret_json, ret_kind);
    if (rc.code == PO_NOMEM) run->is_out_of_memory = true;
    return rc;
}

static void on_record(void *user, const struct po_script_host_call *call,
                      const struct po_script_host_answer *answer)
{
    struct run *run = user;
    const struct po_run_spec *spec = run->spec;
    po_calls_add(&run->calls, call, answer);
    if (run->latest_answer->status == PO_NOMEM) run->is_out_of_memory = true;
    if (spec->on_call != NULL)
        spec->on_call(spec->user, run->calls.latest,
                      run->latest.fence != NULL ? &run->latest : NULL);
}

/* ---- a run -------------------------------------------------------------------------------------- */

static PO_RC start(struct po_ctx *cx, struct run *run, const struct po_script_run *how,
                   struct po_script_outcome *ret_outcome)
{
    const struct po_run_spec *spec = run->spec;
    po_str args = spec->args_json.len > 0 ? spec->args_json : PO_LIT("[]");
    if (spec->entry.len == 0) return po_script_run(cx, spec->script, how, ret_outcome);
    return po_script_call(cx, spec->script, how, spec->entry, args, ret_outcome);
}

static PO_RC keep_denials(struct po_ctx *cx, const struct run *run,
                          struct po_program_result *result)
{
    struct po_program_denial *denials = NULL;
    PO_ARENA_NEW(cx, denials, run->denial_count + 1);
    memcpy(denials, run->denials, run->denial_count * sizeof *denials);
    result->denials = denials;
    result->denial_count = run->denial_count;
    return po_rc_ok();
}

PO_RC po_run_here(struct po_ctx *cx, const struct po_run_spec *spec,
                  struct po_program_result *ret_result)
{
    static const struct po_script_crypto crypto = {po_sha256, po_hmac_sha256};
    PO_CLEANUP(run_done) struct run run = {.spec = spec};
    PO_BUF_AUTO output = {0};
    struct po_program_result result = {0};
    struct po_script_host host = {.fns = spec->fns,
                                  .fn_count = spec->fn_count,
                                  .call = on_host_call,
                                  .record = on_record,
                                  .user = &run};
    struct po_script_run how = {
        .limits = spec->limits, .host = &host, .crypto = &crypto, .output = &output};
    po_buf_init(&output, (size_t)spec->limits.output_bytes + OUTPUT_SLACK_BYTES);
    po_calls_init(&run.calls, spec->limits.host_calls);
    if (spec->replay_calls.len > 0) PO_TRY(cx, po_replay_open(cx, spec->replay_calls, &run.replay));
    PO_TRY(cx, start(cx, &run, &how, &result.outcome));
    if (run.is_out_of_memory || output.status == PO_NOMEM)
        return PO_FAIL(cx, PO_NOMEM, "out of memory in the run of a program");
    if (spec->replay_calls.len > 0) PO_TRY(cx, po_replay_end(cx, &run.replay));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&output), &result.output),
                "out of memory for the output of a program");
    PO_TRY(cx, po_calls_end(cx, &run.calls, &result.calls_json, result.calls_digest));
    PO_TRY(cx, keep_denials(cx, &run, &result));
    *ret_result = result;
    return po_rc_ok();
}

/* ---- what the parent answers -------------------------------------------------------------------- */

static PO_RC answer_fact(struct po_ctx *cx, const struct po_program_job *job, const char *name,
                         struct po_buf *ret_json)
{
    const struct po_fact_value *value = NULL;
    for (size_t i = 0; i < job->given_count; i++) {
        if (!po_str_eq_cstr(job->given[i].name, name)) continue;
        po_buf_append(ret_json, job->given[i].json);
        return po_rc_ok();
    }
    if (job->facts == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "fact '%s' is not given", name);
    PO_TRY_MSG(cx, po_fact_get(cx, job->facts, name, &value), "fact '%s' could not be read", name);
    PO_TRY(cx, po_json_canonical(cx, value->json, ret_json));
    return po_rc_ok();
}

static PO_RC answer_parent_row(struct po_ctx *cx, const struct po_program_job *job,
                               const struct po_host_ask *ask, struct po_buf *ret_json)
{
    const struct po_program_services *services = job->services;
    if (ask->row->caps[0] == PO_CAP_FACT)
        return answer_fact(cx, job, ask->fn->needs_value, ret_json);
    if (services == NULL || services->call == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "%s is not available here", ask->fn->module);
    struct po_program_request request = {ask->call->module, ask->call->name, ask->args};
    return services->call(services->user, cx, &request, ret_json);
}

PO_RC po_parent_answer(struct po_ctx *cx, const struct po_parent *parent,
                       const struct po_script_host_call *call, struct po_buf *ret_json,
                       const char **ret_kind)
{
    struct po_host_ask ask = {0};
    struct po_program_denial denial = {0};
    *ret_kind = NULL;
    if (call->fn_index >= parent->fn_count)
        return PO_FAIL(cx, PO_DENIED, "there is no such host function");
    PO_TRY(cx, po_gate_ask(cx, parent->gate, &parent->fns[call->fn_index], call, &ask, &denial));
    if (ask.row->side != PO_HOST_PARENT)
        return PO_FAIL(cx, PO_DENIED, "%s.%s is not answered here", ask.fn->module, ask.fn->name);
    if (parent->job->is_dry_run && ask.row->dry != NULL) {
        po_buf_append_cstr(ret_json, ask.row->dry);
        return po_rc_ok();
    }
    return answer_parent_row(cx, parent->job, &ask, ret_json);
}

/* ---- in this process ---------------------------------------------------------------------------- */

struct in_process {
    struct po_ctx *cx; /* outlives a call: a fact that is first read here stays in its snapshot */
    const struct po_program_job *job;
};

static po_rc answer_here(void *user, struct po_ctx *cx, const struct po_host_ask *ask,
                         struct po_buf *ret_json, const char **ret_kind)
{
    struct in_process *here = user;
    (void)ret_kind;
    if (ask->row->side != PO_HOST_PARENT)
        return PO_FAIL(cx, PO_DENIED, "%s needs a runner", ask->fn->module);
    po_rc rc = answer_parent_row(here->cx, here->job, ask, ret_json);
    if (!po_is_ok(rc)) cx->err = here->cx->err;
    return rc;
}

PO_RC po_run_in_process(struct po_ctx *cx, const struct po_program *program,
                        const struct po_program_job *job, const struct po_gate *gate,
                        struct po_program_result *ret_result)
{
    struct in_process here = {.cx = cx, .job = job};
    struct po_run_spec spec = {.script = program->script,
                               .fns = program->fns,
                               .fn_count = program->fn_count,
                               .entry = program->row.entry,
                               .args_json = job->args_json,
                               .limits = program->limits,
                               .gate = *gate,
                               .now_us = job->now_us,
                               .is_dry_run = job->is_dry_run,
                               .replay_calls = job->replay_calls,
                               .answer = answer_here,
                               .user = &here};
    struct po_program_result result = {0};
    PO_TRY(cx, po_run_here(cx, &spec, &result));
    result.sandbox = PO_LIT("in process: facts and time only");
    *ret_result = result;
    return po_rc_ok();
}
