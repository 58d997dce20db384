/*
 * assess and control run: test clauses, record the results, say what came of it.
 */
#include "commands_priv.h"

#include "assess/assess.h"
#include "core/sandbox.h"

static void show_progress(void *user, const char *what) { po_cli_progress(user, what); }

static void summarize(struct po_cli *cli, const struct po_assess_result *result)
{
    if (cli->format == PO_CLI_TABLE) {
        po_buf_printf(&cli->out,
                      "%zu clauses tested in %ld ms: %zu passed, %zu failed, %zu errors, %zu "
                      "skipped, %zu untested\n",
                      result->tested, (long)(result->elapsed_us / PO_US_PER_MS), result->passed,
                      result->failed, result->errors, result->skipped, result->untested);
        po_buf_printf(&cli->out,
                      "%zu were tested recently enough; %zu clauses have no check in this build\n",
                      result->not_due, result->without_check);
        return;
    }
    struct po_json_out json;
    po_json_out_init(&json, &cli->out, 0);
    po_json_out_object(&json);
    po_json_out_field_int(&json, "tested", (int64_t)result->tested);
    po_json_out_field_int(&json, "passed", (int64_t)result->passed);
    po_json_out_field_int(&json, "failed", (int64_t)result->failed);
    po_json_out_field_int(&json, "errors", (int64_t)result->errors);
    po_json_out_field_int(&json, "skipped", (int64_t)result->skipped);
    po_json_out_field_int(&json, "untested", (int64_t)result->untested);
    po_json_out_field_int(&json, "not_due", (int64_t)result->not_due);
    po_json_out_field_int(&json, "without_check", (int64_t)result->without_check);
    po_json_out_field_int(&json, "elapsed_ms", result->elapsed_us / PO_US_PER_MS);
    po_json_out_object_end(&json);
    po_buf_append_char(&cli->out, '\n');
}

/* A host that cannot fence programs in is a finding of every assessment. */
static void tell_missing_fences(const struct po_cli *cli)
{
    struct po_sandbox_support support = {0};
    po_sandbox_support(&support);
    if (po_sandbox_is_full(&support)) return;
    po_cli_note(
        cli,
        "finding: this host cannot fence programs in (%s): those that write or start others "
        "are refused",
        support.text);
}

static const struct po_column plan_columns[] = {
    {"clause", "CLAUSE", PO_CELL_STR},
    {"check", "CHECK", PO_CELL_STR},
};

static PO_RC show_plan(struct po_ctx *cx, struct po_cli *cli,
                       const struct po_assess_options *options)
{
    const struct po_check **checks = NULL;
    size_t count = 0;
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_assess_plan(cx, cli->home, options, &checks, &count));
    PO_TRY(cx, po_rows_new(cx, plan_columns, sizeof plan_columns / sizeof *plan_columns, &rows));
    for (size_t i = 0; i < count; i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, checks[i]->clause));
        PO_TRY(cx, po_rows_cstr(cx, rows, checks[i]->name));
    }
    return po_rows_render(cx, rows, cli);
}

static PO_RC run_assessment(struct po_ctx *cx, struct po_cli *cli,
                            struct po_assess_options *options)
{
    struct po_assess_result result = {0};
    if (cli->is_dry_run) return show_plan(cx, cli, options);
    options->progress = show_progress;
    options->user = cli;
    if (po_cli_has(cli, "--timer") && po_cli_sees_all(cx, cli))
        PO_TRY(cx, po_assess_run_all(cx, cli->home, options, &result));
    else
        PO_TRY(cx, po_assess_run(cx, cli->home, options, &result));
    if (result.passed < result.tested) cli->exit_code = PO_EXIT_NOT_PASSED;
    summarize(cli, &result);
    tell_missing_fences(cli);
    return po_rc_ok();
}

PO_RC po_cmd_assess(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_assess_options options = {.is_all = po_cli_has(cli, "--all")};
    return run_assessment(cx, cli, &options);
}

PO_RC po_cmd_control_run(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_assess_options options = {.controls = cli->operands,
                                        .control_count = cli->operand_count};
    return run_assessment(cx, cli, &options);
}
