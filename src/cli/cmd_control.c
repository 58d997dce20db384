/*
 * control list and control show.
 */
#include "commands_priv.h"

#include "assess/assess.h"
#include "control/control.h"
#include "evidence_priv.h"

static const struct po_column list_columns[] = {
    {"id", "CONTROL", PO_CELL_STR},      {"severity", "SEVERITY", PO_CELL_STR},
    {"kind", "KIND", PO_CELL_STR},       {"criteria", "CRITERIA", PO_CELL_STR},
    {"clauses", "CLAUSES", PO_CELL_INT}, {"checked", "CHECKED", PO_CELL_INT},
    {"title", "TITLE", PO_CELL_STR},
};

static PO_RC join_criteria(struct po_ctx *cx, const struct po_catalog *catalog, po_id_list ids,
                           po_str *ret_text)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 4096);
    for (size_t i = 0; i < ids.count; i++) {
        if (i > 0) po_buf_append_char(&text, ' ');
        po_buf_append(&text, catalog->criteria[ids.at[i]].id);
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), ret_text), "out of memory");
    return po_rc_ok();
}

static bool has_criterion(const struct po_catalog *catalog, po_id_list ids, po_str criterion)
{
    for (size_t i = 0; i < ids.count; i++)
        if (po_str_eq(catalog->criteria[ids.at[i]].id, criterion)) return true;
    return false;
}

static PO_RC add_control(struct po_ctx *cx, struct po_rows *rows, const struct po_catalog *catalog,
                         const struct po_control *control, const bool *wanted)
{
    int64_t checked = 0;
    for (size_t i = 0; i < control->clause_count; i++)
        if (wanted[control->clause_first + i]) checked++;
    po_str criteria = {"", 0};
    PO_TRY(cx, join_criteria(cx, catalog, control->criteria, &criteria));
    PO_TRY(cx, po_rows_str(cx, rows, control->id));
    PO_TRY(cx, po_rows_cstr(cx, rows, po_severity_name(control->severity)));
    PO_TRY(cx, po_rows_cstr(cx, rows, po_control_kind_name(control->kind)));
    PO_TRY(cx, po_rows_str(cx, rows, criteria));
    PO_TRY(cx, po_rows_int(cx, rows, control->clause_count));
    PO_TRY(cx, po_rows_int(cx, rows, checked));
    return po_rows_str(cx, rows, control->title);
}

PO_RC po_cmd_control_list(struct po_ctx *cx, struct po_cli *cli)
{
    const struct po_catalog *catalog = NULL;
    const bool *wanted = NULL;
    PO_TRY(cx, po_catalog_load_list(cx, &catalog));
    PO_TRY(cx, po_check_wanted(cx, NULL, catalog, &wanted));
    po_str criterion = po_cli_option(cli, "--criterion");
    if (criterion.ptr != NULL && po_catalog_criterion(catalog, criterion) == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no criterion '%.*s'", PO_STR_ARG(criterion));
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, list_columns, sizeof list_columns / sizeof *list_columns, &rows));
    for (size_t i = 0; i < catalog->control_count; i++) {
        const struct po_control *control = &catalog->controls[i];
        if (criterion.ptr != NULL && !has_criterion(catalog, control->criteria, criterion))
            continue;
        PO_TRY(cx, add_control(cx, rows, catalog, control, wanted));
    }
    return po_rows_render(cx, rows, cli);
}

/* -- show ---------------------------------------------------------------------------------------- */

static const struct po_column show_columns[] = {
    {"clause", "CLAUSE", PO_CELL_STR},   {"state", "STATE", PO_CELL_STR},
    {"passing", "PASSING", PO_CELL_INT}, {"total", "TOTAL", PO_CELL_INT},
    {"leaf", "LEAF", PO_CELL_INT},       {"age_s", "AGE (s)", PO_CELL_INT},
    {"reason", "REASON", PO_CELL_STR},   {"text", "CLAUSE TEXT", PO_CELL_STR},
};

/* Why a clause has no run: the parts it needs, in words. */
static PO_RC missing_parts(struct po_ctx *cx, const struct po_catalog *catalog,
                           const struct po_clause *clause, bool has_check, po_str *ret_text)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 4096);
    po_buf_append_cstr(&text, has_check ? "not tested yet: run 'paulyops assess'"
                                        : "no check in this build; it needs ");
    for (size_t i = 0; !has_check && i < clause->needs_count; i++) {
        if (i > 0) po_buf_append_cstr(&text, "; ");
        for (size_t p = 0; p < catalog->part_count; p++)
            if (po_str_eq(catalog->parts[p].id, clause->needs[i]))
                po_buf_append(&text, catalog->parts[p].text);
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), ret_text), "out of memory");
    return po_rc_ok();
}

static PO_RC add_clause(struct po_ctx *cx, struct po_rows *rows, const struct po_evidence *evidence,
                        size_t position, bool has_check)
{
    const struct po_clause *clause = &evidence->catalog->clauses[position];
    const struct po_clause_result *result = &evidence->clauses[position];
    const struct po_run *run = &evidence->runs[position].run;
    PO_TRY(cx, po_rows_str(cx, rows, clause->id));
    PO_TRY(cx, po_rows_cstr(cx, rows, po_clause_state_name(result->state)));
    if (result->leaf == PO_LEAF_NONE) {
        po_str missing = {"", 0};
        for (int i = 0; i < 4; i++)
            PO_TRY(cx, po_rows_null(cx, rows));
        PO_TRY(cx, missing_parts(cx, evidence->catalog, clause, has_check, &missing));
        PO_TRY(cx, po_rows_str(cx, rows, missing));
        return po_rows_str(cx, rows, clause->text);
    }
    PO_TRY(cx, po_rows_int(cx, rows, run->passing));
    PO_TRY(cx, po_rows_int(cx, rows, run->total));
    PO_TRY(cx, po_rows_int(cx, rows, (int64_t)result->leaf));
    PO_TRY(cx, po_rows_int(cx, rows, result->age_us / PO_US_PER_S));
    PO_TRY(cx, po_rows_str(cx, rows, result->reason.len > 0 ? result->reason : run->reason));
    return po_rows_str(cx, rows, clause->text);
}

static void show_head(struct po_cli *cli, const struct po_evidence *evidence, size_t position)
{
    const struct po_control *control = &evidence->catalog->controls[position];
    const struct po_control_result *result = &evidence->controls[position];
    if (cli->format != PO_CLI_TABLE) return;
    po_buf_printf(&cli->out, "%.*s  %.*s\n", PO_STR_ARG(control->id), PO_STR_ARG(control->title));
    po_buf_printf(&cli->out, "state: %s   severity: %s   kind: %s   tested: %.*s, fresh for %.*s\n",
                  po_control_state_name(result->state), po_severity_name(control->severity),
                  po_control_kind_name(control->kind), PO_STR_ARG(control->frequency),
                  PO_STR_ARG(control->ttl));
    if (result->reason.len > 0)
        po_buf_printf(&cli->out, "because: %.*s\n", PO_STR_ARG(result->reason));
    po_buf_printf(&cli->out, "passes when: %.*s\n\n", PO_STR_ARG(control->pass));
}

PO_RC po_cmd_control_show(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_evidence evidence;
    PO_TRY(cx, po_cli_evidence(cx, cli, &evidence));
    const struct po_control *control = po_catalog_control(evidence.catalog, cli->operands[0]);
    if (control == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no control '%.*s'; see 'paulyops control list'",
                       PO_STR_ARG(cli->operands[0]));
    const bool *wanted = NULL;
    PO_TRY(cx, po_check_wanted(cx, cli->home, evidence.catalog, &wanted));
    show_head(cli, &evidence, po_control_position(evidence.catalog, control));
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, show_columns, sizeof show_columns / sizeof *show_columns, &rows));
    for (size_t i = 0; i < control->clause_count; i++) {
        size_t position = (size_t)control->clause_first + i;
        PO_TRY(cx, add_clause(cx, rows, &evidence, position, wanted[position]));
    }
    return po_rows_render(cx, rows, cli);
}
