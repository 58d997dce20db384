/*
 * tenant create|list|show: organisations that share this instance.
 */
#include "identity_rows_priv.h"

#include <stdio.h>

static const struct po_column columns[] = {
    {"id", "ID", PO_CELL_STR},           {"name", "NAME", PO_CELL_STR},
    {"created", "CREATED", PO_CELL_STR}, {"people", "PEOPLE", PO_CELL_INT},
    {"owners", "OWNERS", PO_CELL_INT},
};

/* Active people, and active owners among them; read as the tenant. */
static PO_RC count_people(struct po_ctx *cx, struct po_cli *cli, int64_t *ret_people,
                          int64_t *ret_owners)
{
    struct po_user *users = NULL;
    size_t count = 0;
    *ret_people = 0;
    *ret_owners = 0;
    PO_TRY(cx, po_user_list(cx, cli->home, &users, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_person =
            !users[i].is_service && !users[i].is_canary && po_str_eq_cstr(users[i].state, "active");
        *ret_people += is_person ? 1 : 0;
        *ret_owners += is_person && strcmp(users[i].role, "owner") == 0 ? 1 : 0;
    }
    return po_rc_ok();
}

static PO_RC put_tenant(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows,
                        const struct po_tenant *tenant)
{
    char id[32];
    int64_t people = 0;
    int64_t owners = 0;
    const po_tenant_id before = cx->tenant;
    cx->tenant = tenant->id;
    po_rc rc = count_people(cx, cli, &people, &owners);
    cx->tenant = before;
    PO_TRY(cx, rc);
    (void)snprintf(id, sizeof id, "%lu", (unsigned long)tenant->id.value);
    PO_TRY(cx, po_rows_cstr(cx, rows, id));
    PO_TRY(cx, po_rows_str(cx, rows, tenant->name));
    PO_TRY(cx, po_rows_time(cx, rows, tenant->created_us));
    PO_TRY(cx, po_rows_int(cx, rows, people));
    return po_rows_int(cx, rows, owners);
}

static PO_RC show(struct po_ctx *cx, struct po_cli *cli, const struct po_tenant *tenants,
                  size_t count)
{
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, put_tenant(cx, cli, rows, &tenants[i]));
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_tenant_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_tenant *tenants = NULL;
    size_t count = 0;
    PO_TRY(cx, po_tenant_list(cx, cli->home, &tenants, &count));
    return show(cx, cli, tenants, count);
}

PO_RC po_cmd_tenant_show(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_tenant tenant = {0};
    PO_TRY(cx, po_tenant_get(cx, cli->home, cli->operands[0], &tenant));
    return show(cx, cli, &tenant, 1);
}

PO_RC po_cmd_tenant_create(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_tenant tenant = {0};
    po_tenant_id id = {0};
    po_str name = cli->operands[0];
    PO_TRY(cx, po_tenant_check_new(cx, cli->home, name));
    if (po_cli_is_dry(cli, "make the tenant", name)) return po_rc_ok();
    PO_TRY(cx, po_tenant_create(cx, cli->home, name, &id));
    PO_TRY(cx, po_tenant_get(cx, cli->home, name, &tenant));
    PO_TRY(cx, show(cx, cli, &tenant, 1));
    if (cli->format == PO_CLI_TABLE)
        po_cli_note(cli, "next: paulyops user invite EMAIL --name NAME --first-owner --tenant %.*s",
                    PO_STR_ARG(name));
    return po_rc_ok();
}
