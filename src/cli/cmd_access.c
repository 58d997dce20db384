/*
 * access list|why: who may do what, and which rule says so.
 */
#include "identity_rows_priv.h"

/* ---- list: actions and the roles that hold them --------------------------------------------------------- */

static const struct po_column columns[] = {
    {"action", "ACTION", PO_CELL_STR},
    {"kind", "KIND", PO_CELL_STR},
    {"privileged", "PRIVILEGED", PO_CELL_BOOL},
    {"step_up", "STEP-UP", PO_CELL_BOOL},
    {"roles", "ROLES", PO_CELL_STR},
};

struct matrix {
    const struct po_role *roles;
    size_t count;
};

static PO_RC put_action(struct po_ctx *cx, struct po_rows *rows, const struct matrix *matrix,
                        const struct po_action *action)
{
    static const char *const kinds[] = {"read", "write", "own"};
    PO_BUF_AUTO holders = {0};
    po_buf_init(&holders, 65536);
    for (size_t i = 0; i < matrix->count; i++) {
        if (!po_action_set_has(&matrix->roles[i].actions, action)) continue;
        if (holders.len > 0) po_buf_append_char(&holders, ' ');
        po_buf_append(&holders, matrix->roles[i].name);
    }
    PO_TRY_LEAF(cx, po_buf_check(&holders), "the roles of an action");
    PO_TRY(cx, po_rows_cstr(cx, rows, action->name));
    PO_TRY(cx, po_rows_cstr(cx, rows, kinds[action->kind]));
    PO_TRY(cx, po_rows_bool(cx, rows, action->is_privileged));
    PO_TRY(cx, po_rows_bool(cx, rows, action->needs_step_up));
    return po_rows_str(cx, rows, po_buf_str(&holders));
}

PO_RC po_cmd_access_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_role *roles = NULL;
    struct po_rows *rows = NULL;
    struct matrix matrix = {0};
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    PO_TRY(cx, po_role_list(cx, cli->home, &roles, &matrix.count));
    matrix.roles = roles;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, put_action(cx, rows, &matrix, &table[i]));
    return po_rows_render(cx, rows, cli);
}

/* ---- why -------------------------------------------------------------------------------------------------- */

static const struct po_column why_columns[] = {
    {"user", "USER", PO_CELL_STR},        {"role", "ROLE", PO_CELL_STR},
    {"action", "ACTION", PO_CELL_STR},    {"resource", "RESOURCE", PO_CELL_STR},
    {"allowed", "ALLOWED", PO_CELL_BOOL}, {"rule", "RULE", PO_CELL_STR},
    {"reason", "REASON", PO_CELL_STR},    {"step_up", "STEP-UP", PO_CELL_BOOL},
};

PO_RC po_cmd_access_why(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_user user = {0};
    struct po_identity identity = {0};
    struct po_decision decision = {0};
    struct po_rows *rows = NULL;
    po_str action = cli->operands[1];
    po_str resource = cli->operand_count > 2 ? cli->operands[2] : PO_LIT("");
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    PO_TRY(cx, po_identity_of(cx, cli->home, po_str_of(user.id), &identity));
    po_access_decide(&identity, action, resource, cx->tenant, &decision);
    const struct po_action *row = po_action_find(action);
    PO_TRY(cx, po_rows_new(cx, why_columns, sizeof why_columns / sizeof *why_columns, &rows));
    PO_TRY(cx, po_rows_cstr(cx, rows, user.id));
    PO_TRY(cx, po_rows_cstr(cx, rows, identity.role[0] != '\0' ? identity.role : NULL));
    PO_TRY(cx, po_rows_str(cx, rows, action));
    PO_TRY(cx, po_rows_str(cx, rows, resource));
    PO_TRY(cx, po_rows_bool(cx, rows, decision.is_allowed));
    PO_TRY(cx, po_rows_cstr(cx, rows, decision.rule));
    PO_TRY(cx, po_rows_cstr(cx, rows, decision.reason));
    PO_TRY(cx, po_rows_bool(cx, rows, row != NULL && row->needs_step_up));
    if (!decision.is_allowed) cli->exit_code = PO_EXIT_NOT_PASSED;
    return po_rows_render(cx, rows, cli);
}
