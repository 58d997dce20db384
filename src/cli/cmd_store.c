/*
 * store check: findings of the database check.
 */
#include "commands_priv.h"

#include "store/store.h"

static const struct po_column columns[] = {
    {"check", "CHECK", PO_CELL_STR},
    {"table", "TABLE", PO_CELL_STR},
    {"row", "ROW", PO_CELL_STR},
    {"text", "FINDING", PO_CELL_STR},
};

PO_RC po_cmd_store_check(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_store_check check = {0};
    PO_TRY(cx, po_store_check(cx, po_home_store(cli->home), &check));
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < check.finding_count; i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, check.findings[i].check));
        PO_TRY(cx, po_rows_cstr(cx, rows, check.findings[i].table));
        PO_TRY(cx, po_rows_cstr(cx, rows, check.findings[i].row));
        PO_TRY(cx, po_rows_cstr(cx, rows, check.findings[i].text));
    }
    if (check.finding_count > 0) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (cli->format != PO_CLI_TABLE || check.finding_count > 0)
        PO_TRY(cx, po_rows_render(cx, rows, cli));
    if (cli->format == PO_CLI_TABLE)
        po_buf_printf(&cli->out,
                      "%zu findings in %lu rows; %lu sealed cells opened, %lu not checked\n",
                      check.finding_count, (unsigned long)check.rows,
                      (unsigned long)check.cells_opened, (unsigned long)check.cells_unchecked);
    return po_rc_ok();
}
