/*
 * script run: one program by hand, behind its capabilities, recorded.
 */
#include "commands_priv.h"

#include "core/codec.h"
#include "fact/fact.h"
#include "script_target_priv.h"

/* What the operator allows this program now. */
struct permission {
    bool is_dev;
    bool is_system;
    struct po_grant grant;
};

static PO_RC deny_run(struct po_ctx *cx, struct po_cli *cli, const struct po_program *program,
                      const struct po_refusal *why)
{
    struct po_refusal refusal = *why;
    PO_TRY(cx, po_program_resource(cx, program, &refusal.program));
    refusal.digest = program->digest;
    return po_program_deny(cx, cli->home, &refusal);
}

/* Of this build: nobody needs to grant it. Else a grant in force, or --dev under the least trust. */
static PO_RC find_permission(struct po_ctx *cx, struct po_cli *cli, struct po_program *program,
                             struct permission *permission)
{
    char from[PO_TIME_RFC3339_BYTES];
    permission->is_system = program->trust == PO_TRUST_SYSTEM;
    permission->is_dev = po_cli_has(cli, "--dev");
    if (permission->is_system || permission->is_dev) return po_rc_ok();
    PO_TRY(cx, po_grant_find(cx, cli->home, program->digest, &permission->grant));
    if (permission->grant.state == PO_GRANT_IN_FORCE) {
        if (program->trust == PO_TRUST_NONE) po_program_trust_raise(program, PO_TRUST_ORGANISATION);
        return po_rc_ok();
    }
    const struct po_refusal refusal = {.argument = program->row.name, .fence = "grant"};
    PO_TRY(cx, deny_run(cx, cli, program, &refusal));
    po_time_format_s(permission->grant.effective_us, from);
    if (permission->grant.state == PO_GRANT_WAITING)
        return PO_FAIL(cx, PO_DENIED, "the grant of '%.*s' is in force from %s",
                       PO_STR_ARG(program->row.name), from);
    return PO_FAIL(cx, PO_DENIED,
                   "this text of '%.*s' is not granted: 'paulyops script grant', or --dev for the "
                   "least trust",
                   PO_STR_ARG(program->row.name));
}

/* The program's own refusal before it ran: which need, and which fence. */
static PO_RC run_or_deny(struct po_ctx *cx, struct po_cli *cli, const struct po_program *program,
                         const struct po_program_job *job, struct po_program_result *result)
{
    struct po_program_denial denial = {0};
    po_rc rc = po_grant_allowed(cx, cli->home, program, job->grant, &denial);
    if (po_is_ok(rc)) {
        rc = po_program_run(cx, program, job, result);
        denial.fence = "sandbox";
    }
    if (rc.code != PO_DENIED) return rc;
    struct po_err first = cx->err;
    bool has_need = strcmp(denial.fence, "sandbox") != 0;
    const struct po_refusal refusal = {.capability = has_need ? po_cap_name(denial.kind) : NULL,
                                       .argument = has_need ? denial.value : program->row.name,
                                       .fence = denial.fence};
    PO_TRY(cx, deny_run(cx, cli, program, &refusal));
    cx->err = first;
    return rc;
}

static bool is_recorded(const struct po_cli *cli)
{
    return !cli->is_dry_run && po_home_read_only_reason(cli->home) == NULL;
}

/* What may change things is bracketed (law 2); where that cannot be recorded it does not run. */
static PO_RC run_bracketed(struct po_ctx *cx, struct po_cli *cli, const struct po_program *program,
                           const struct po_program_job *job, struct po_program_result *result)
{
    struct po_intent intent = {.action = "script.run"};
    if (cli->is_dry_run || !po_grant_waits(&program->row.needs))
        return run_or_deny(cx, cli, program, job, result);
    if (!is_recorded(cli))
        return PO_FAIL(cx, PO_DENIED, "read-only: %s; '%.*s' changes things",
                       po_home_read_only_reason(cli->home), PO_STR_ARG(program->row.name));
    PO_TRY(cx, po_program_resource(cx, program, &intent.resource));
    PO_TRY(cx, po_intent_begin(cx, cli->home, &intent));
    po_rc rc = run_or_deny(cx, cli, program, job, result);
    struct po_err first = cx->err;
    bool is_good = po_is_ok(rc) && result->outcome.status == PO_SCRIPT_OK;
    po_rc ended = po_intent_end(cx, cli->home, &intent,
                                is_good ? PO_EVENT_SUCCESS : PO_EVENT_FAILURE, PO_LIT("{}"));
    if (po_is_ok(rc)) return ended;
    po_ignore(ended, "what failed before is the error to report");
    cx->err = first;
    return rc;
}

/* ---- telling -------------------------------------------------------------------------------------- */

static const char *status_name(enum po_script_status status)
{
    static const char *const names[] = {
        [PO_SCRIPT_OK] = "ok", [PO_SCRIPT_PROGRAM_ERROR] = "error", [PO_SCRIPT_FAULT] = "fault"};
    return names[status];
}

/* A judgement or status that is not a pass is told by the exit code, like a fault. */
static PO_RC has_passed(struct po_ctx *cx, const struct po_script_outcome *outcome, bool *ret_has)
{
    struct po_json *value = NULL;
    *ret_has = outcome->status == PO_SCRIPT_OK;
    if (!*ret_has) return po_rc_ok();
    po_rc rc = po_json_parse(cx, outcome->value_json, PO_JSON_ALLOW_REAL, &value);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx);
    const struct po_json *judgement = po_is_ok(rc) ? value : NULL;
    if (po_json_get(judgement, "Ok") != NULL) judgement = po_json_get(judgement, "Ok");
    const struct po_json *state = po_json_get(judgement, "state");
    bool is_judgement =
        state != NULL && state->type == PO_JSON_STR && po_json_get(judgement, "passing") != NULL;
    if (is_judgement && !po_str_eq_cstr(state->str, "Pass")) *ret_has = false;
    return po_rc_ok();
}

static void print_json(struct po_cli *cli, const struct po_ctx *cx,
                       const struct po_program *program, const struct po_program_result *result)
{
    const struct po_script_outcome *outcome = &result->outcome;
    struct po_json_out json;
    char hex[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(program->digest, PO_SHA256_BYTES, hex);
    po_json_out_init(&json, &cli->out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "run_id", po_str_of(cx->session));
    po_json_out_field(&json, "program", program->row.file);
    po_json_out_field(&json, "entry", program->row.entry);
    po_json_out_field(&json, "program_sha256", po_str_of(hex));
    po_json_out_field(&json, "trust", po_str_of(po_trust_name(program->trust)));
    po_json_out_field(&json, "sandbox", result->sandbox);
    po_json_out_key(&json, "dry_run");
    po_json_out_bool(&json, cli->is_dry_run);
    po_json_out_field(&json, "status", po_str_of(status_name(outcome->status)));
    po_json_out_key(&json, "value");
    po_json_out_raw(&json, outcome->value_json.len > 0 ? outcome->value_json : PO_LIT("null"));
    po_json_out_field(&json, "kind", outcome->fault_kind);
    po_json_out_field(&json, "message", outcome->fault_message);
    po_json_out_field_int(&json, "steps", (int64_t)outcome->steps);
    po_json_out_field_int(&json, "memory_bytes", (int64_t)outcome->memory_bytes);
    po_json_out_field(&json, "output", result->output);
    po_json_out_key(&json, "calls");
    po_json_out_raw(&json, result->calls_json.len > 0 ? result->calls_json : PO_LIT("[]"));
    po_json_out_object_end(&json);
    po_buf_append_char(&cli->out, '\n');
}

static PO_RC print_run(struct po_ctx *cx, struct po_cli *cli, const struct po_program *program,
                       const struct po_program_result *result)
{
    const struct po_script_outcome *outcome = &result->outcome;
    bool has_value = outcome->display.len > 0 && !po_str_eq_cstr(outcome->display, "()");
    if (cli->format != PO_CLI_TABLE) {
        print_json(cli, cx, program, result);
        return po_rc_ok();
    }
    po_script_append_lines(&cli->out, result->output);
    if (outcome->status != PO_SCRIPT_OK) {
        PO_BUF_AUTO text;
        po_buf_init(&text, 1 << 20);
        po_script_outcome_render(outcome, &text);
        PO_TRY_LEAF(cx, po_buf_check(&text), "the fault's text is too long");
        po_script_append_lines(&cli->out, po_buf_str(&text));
    } else if (has_value) {
        po_buf_append_cstr(&cli->out, "-> ");
        po_script_append_lines(&cli->out, outcome->display);
    }
    if (is_recorded(cli))
        po_cli_note(cli, "run %s recorded (%s)", cx->session,
                    po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(result->sandbox)));
    return po_rc_ok();
}

PO_RC po_cmd_script_run(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_script_target target;
    struct permission permission = {0};
    struct po_program_result *result = NULL;
    struct po_services *services = NULL;
    bool has_passed_now = false;
    po_str args = po_cli_option(cli, "--args");
    struct po_program_job job = {.args_json = args.ptr != NULL ? args : PO_LIT("[]"),
                                 .home = po_home_root(cli->home),
                                 .now_us = po_ctx_now_us(cx),
                                 .is_dry_run = cli->is_dry_run};
    PO_ARENA_NEW(cx, result, 1);
    PO_TRY(cx, po_script_target_find(cx, cli, cli->operands[0], &target));
    PO_TRY(cx, po_script_target_load(cx, cli, &target, &program));
    PO_TRY(cx, find_permission(cx, cli, &program, &permission));
    if (permission.grant.state == PO_GRANT_IN_FORCE) job.grant = &permission.grant.caps;
    PO_ARENA_NEW(cx, services, 1);
    PO_TRY(cx, po_services_init(cx, cli->home, &program, services));
    job.services = &services->door;
    PO_TRY(cx, po_fact_set_new(cx, cli->home, &job.facts));
    PO_TRY(cx, run_bracketed(cx, cli, &program, &job, result));
    if (is_recorded(cli))
        PO_TRY(cx, po_program_record(cx, cli->home,
                                     &(struct po_program_ran){&program, &job, result, services}));
    PO_TRY(cx, has_passed(cx, &result->outcome, &has_passed_now));
    if (!has_passed_now) cli->exit_code = PO_EXIT_NOT_PASSED;
    return print_run(cx, cli, &program, result);
}
