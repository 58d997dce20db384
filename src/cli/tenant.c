/*
 * `--tenant`: in which tenant a local command acts.
 *
 * Invariants
 *  1. Only a process of the machine names a tenant. Whoever signed in has theirs, and no option changes it.
 *  2. The home is opened as the default tenant: what opening records is the instance's.
 *  3. What is about the whole instance takes no tenant, so that nobody believes it did one alone.
 */
#include "cli_priv.h"

#include "identity/identity.h"

static bool is_local(const struct po_ctx *cx)
{
    po_str actor = po_str_of(cx->actor);
    return po_str_starts(actor, PO_LIT("os:")) || po_str_eq_cstr(actor, "system");
}

PO_RC po_cli_tenant_check(struct po_ctx *cx, const struct po_cli *cli)
{
    const struct po_action *action = po_action_find(po_str_of(cli->command->action));
    if (cli->tenant_option.ptr == NULL) return po_rc_ok();
    if (!is_local(cx))
        return PO_FAIL(cx, PO_DENIED, "'--tenant' is for processes of the machine itself");
    if (action != NULL && action->is_instance)
        return PO_FAIL(cx, PO_USAGE, "'%s' is about the whole instance: it takes no '--tenant'",
                       cli->command->path);
    if (!po_cli_needs_home(cli))
        return PO_FAIL(cx, PO_USAGE, "'%s' reads no tenant's data: it takes no '--tenant'",
                       cli->command->path);
    return po_rc_ok();
}

PO_RC po_cli_tenant_enter(struct po_ctx *cx, const struct po_cli *cli)
{
    struct po_tenant tenant = {0};
    if (cli->tenant_option.ptr == NULL) return po_rc_ok();
    PO_TRY(cx, po_tenant_get(cx, cli->home, cli->tenant_option, &tenant));
    cx->tenant = tenant.id;
    return po_rc_ok();
}

bool po_cli_sees_all(const struct po_ctx *cx, const struct po_cli *cli)
{
    return is_local(cx) && cli->tenant_option.ptr == NULL;
}
