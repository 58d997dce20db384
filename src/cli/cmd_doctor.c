/*
 * doctor run: plan, apply, verify.
 */
#include "commands_priv.h"

#include "doctor/doctor.h"

static const struct po_column columns[] = {
    {"repair", "REPAIR", PO_CELL_STR}, {"subject", "SUBJECT", PO_CELL_STR},
    {"before", "BEFORE", PO_CELL_STR}, {"after", "AFTER", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},   {"why", "WHY", PO_CELL_STR},
};

static PO_RC add_step(struct po_ctx *cx, struct po_rows *rows, const struct po_repair_step *step)
{
    PO_TRY(cx, po_rows_cstr(cx, rows, step->repair));
    PO_TRY(cx, po_rows_cstr(cx, rows, step->subject));
    PO_TRY(cx, po_rows_cstr(cx, rows, step->before));
    PO_TRY(cx, po_rows_cstr(cx, rows, step->after));
    PO_TRY(cx, po_rows_cstr(cx, rows, po_repair_state_name(step->state)));
    return po_rows_cstr(cx, rows, step->why);
}

PO_RC po_cmd_doctor_run(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_doctor_plan plan;
    const po_str *names = cli->operand_count > 0 ? cli->operands : NULL;
    PO_TRY(cx, po_doctor_plan(cx, cli->home, names, cli->operand_count, &plan));
    if (!cli->is_dry_run) PO_TRY(cx, po_doctor_apply(cx, cli->home, &plan));
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < plan.count; i++)
        PO_TRY(cx, add_step(cx, rows, &plan.steps[i]));
    bool is_healthy = plan.count == 0 && cli->format == PO_CLI_TABLE;
    if (!is_healthy) PO_TRY(cx, po_rows_render(cx, rows, cli));
    if (is_healthy) po_buf_append_cstr(&cli->out, "nothing to repair\n");
    if (!cli->is_dry_run && plan.applied < plan.count) cli->exit_code = PO_EXIT_NOT_PASSED;
    return po_rc_ok();
}
