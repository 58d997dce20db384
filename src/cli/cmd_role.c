/*
 * role list|show|create|delete.
 */
#include "identity_rows_priv.h"

static const struct po_column columns[] = {
    {"name", "NAME", PO_CELL_STR},
    {"kind", "KIND", PO_CELL_STR},
    {"privileged", "PRIVILEGED", PO_CELL_BOOL},
    {"actions", "ACTIONS", PO_CELL_INT},
    {"users", "USERS", PO_CELL_INT},
    {"author", "AUTHOR", PO_CELL_STR},
    {"created", "CREATED", PO_CELL_STR},
    {"meaning", "MEANING", PO_CELL_STR},
};

static const char *meaning_of(po_str name)
{
    size_t count = 0;
    const struct po_role_row *rows = po_role_table(&count);
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(name, rows[i].name)) return rows[i].meaning;
    return NULL;
}

static int64_t count_actions(const struct po_action_set *set)
{
    int64_t held = 0;
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    for (size_t i = 0; i < count; i++)
        if (po_action_set_has(set, &table[i])) held++;
    return held;
}

static PO_RC put_role(struct po_ctx *cx, struct po_rows *rows, const struct po_role *role)
{
    PO_TRY(cx, po_rows_str(cx, rows, role->name));
    PO_TRY(cx, po_rows_cstr(cx, rows, role->is_shipped ? "shipped" : "custom"));
    PO_TRY(cx, po_rows_bool(cx, rows, role->is_privileged));
    PO_TRY(cx, po_rows_int(cx, rows, count_actions(&role->actions)));
    PO_TRY(cx, po_rows_int(cx, rows, (int64_t)role->users));
    if (role->is_shipped)
        PO_TRY(cx, po_rows_null(cx, rows));
    else
        PO_TRY(cx, po_rows_str(cx, rows, role->author));
    PO_TRY(cx, po_rows_time(cx, rows, role->created_us));
    return po_rows_cstr(cx, rows, meaning_of(role->name));
}

PO_RC po_cmd_role_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_role *roles = NULL;
    struct po_rows *rows = NULL;
    size_t count = 0;
    PO_TRY(cx, po_role_list(cx, cli->home, &roles, &count));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, put_role(cx, rows, &roles[i]));
    return po_rows_render(cx, rows, cli);
}

/* ---- show ---------------------------------------------------------------------------------------------- */

static const char *kind_name(enum po_action_kind kind)
{
    static const char *const names[] = {"read", "write", "own"};
    return (unsigned)kind < 3 ? names[kind] : "write";
}

static const struct po_column action_columns[] = {
    {"action", "ACTION", PO_CELL_STR},
    {"kind", "KIND", PO_CELL_STR},
    {"privileged", "PRIVILEGED", PO_CELL_BOOL},
    {"step_up", "STEP-UP", PO_CELL_BOOL},
};

static PO_RC put_action(struct po_ctx *cx, struct po_rows *rows, const struct po_action *action)
{
    PO_TRY(cx, po_rows_cstr(cx, rows, action->name));
    PO_TRY(cx, po_rows_cstr(cx, rows, kind_name(action->kind)));
    PO_TRY(cx, po_rows_bool(cx, rows, action->is_privileged));
    return po_rows_bool(cx, rows, action->needs_step_up);
}

PO_RC po_cmd_role_show(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_role role = {0};
    struct po_rows *rows = NULL;
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    PO_TRY(cx, po_role_get(cx, cli->home, cli->operands[0], &role));
    PO_TRY(cx,
           po_rows_new(cx, action_columns, sizeof action_columns / sizeof *action_columns, &rows));
    for (size_t i = 0; i < count; i++)
        if (po_action_set_has(&role.actions, &table[i]))
            PO_TRY(cx, put_action(cx, rows, &table[i]));
    return po_rows_render(cx, rows, cli);
}

/* ---- create and delete ------------------------------------------------------------------------------------ */

PO_RC po_cmd_role_create(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_role role = {0};
    struct po_rows *rows = NULL;
    po_str name = cli->operands[0];
    if (po_cli_is_dry(cli, "make the role", name)) return po_rc_ok();
    PO_TRY(cx, po_role_create(cx, cli->home, name, &cli->operands[1], cli->operand_count - 1));
    PO_TRY(cx, po_role_get(cx, cli->home, name, &role));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    PO_TRY(cx, put_role(cx, rows, &role));
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_role_delete(struct po_ctx *cx, struct po_cli *cli)
{
    po_str name = cli->operands[0];
    if (po_cli_is_dry(cli, "delete the role", name)) return po_rc_ok();
    PO_TRY(cx, po_role_delete(cx, cli->home, name));
    if (cli->format == PO_CLI_TABLE) po_cli_line(cli, "deleted %.*s", PO_STR_ARG(name));
    return po_rc_ok();
}
