/*
 * The drill of access as a whole: its home, its accounts, its parts, its process.
 */
#include "assess/access_drill_priv.h"

#include "assess/assess_priv.h"

#include "core/fs.h"
#include "crypto/crypto.h"
#include "store/store.h"

#include <stdio.h>

#define DRILL_TIMEOUT_MS 20000

struct po_identity po_access_identity(const char *role, po_tenant_id tenant)
{
    struct po_identity identity = {.kind = PO_IDENTITY_USER,
                                   .id = "usr_00000000000000000000000000",
                                   .tenant = tenant,
                                   .allowed = po_role_shipped(po_str_of(role)),
                                   .is_active = true,
                                   .is_mfa = true,
                                   .is_stepped_up = true,
                                   .is_canary = true};
    memset(&identity.scopes, 0xff, sizeof identity.scopes);
    (void)snprintf(identity.role, sizeof identity.role, "%s", role);
    return identity;
}

/* ---- what happened ----------------------------------------------------------------------------- */

PO_RC po_access_refused(struct po_ctx *cx, po_rc rc, enum po_code code, bool *ret_is)
{
    if (rc.code == PO_NOMEM || rc.code == PO_BUG) return rc;
    *ret_is = rc.code == code;
    po_err_clear(cx);
    return po_rc_ok();
}

struct counting {
    const struct po_access_events *wanted;
    int64_t count;
};

static po_rc count_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                         bool *ret_stop)
{
    struct counting *counting = user;
    const struct po_access_events *wanted = counting->wanted;
    (void)step;
    (void)ret_stop;
    bool fits = wanted->actor == NULL || po_str_eq_cstr(event->view.user_id, wanted->actor);
    if (wanted->action.len > 0 && !po_str_eq(event->view.action, wanted->action)) fits = false;
    if (wanted->part != NULL && po_str_find(event->bytes, po_str_of(wanted->part), 0) == SIZE_MAX)
        fits = false;
    counting->count += fits ? 1 : 0;
    return po_rc_ok();
}

PO_RC po_access_events_count(struct po_ctx *cx, struct po_access_drill *drill,
                             const struct po_access_events *wanted, int64_t *ret_count)
{
    struct counting counting = {.wanted = wanted};
    const struct po_home_walk walk = {.type = wanted->type,
                                      .size = po_ledger_size(po_home_ledger(drill->home)),
                                      .visit = count_event,
                                      .user = &counting};
    PO_TRY(cx, po_home_walk_back(cx, drill->home, &walk));
    *ret_count = counting.count;
    return po_rc_ok();
}

/* ---- the drill --------------------------------------------------------------------------------- */

static PO_RC run_parts(struct po_ctx *cx, struct po_access_drill *drill)
{
    static po_rc (*const parts[])(struct po_ctx *, struct po_access_drill *) = {
        po_access_drill_defaults, /* first: the home is as it was made */
        po_access_drill_signin,   po_access_drill_secrets,   po_access_drill_revoked,
        po_access_drill_roles,    po_access_drill_decisions, po_access_drill_tenants,
        po_access_drill_sessions, /* last: it moves the clock by hours */
    };
    po_json_out_object(drill->out);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        PO_TRY(cx, parts[i](cx, drill));
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

PO_RC po_access_drill_in(struct po_ctx *cx, const char *dir, struct po_json_out *out)
{
    struct po_access_drill drill = {.real = cx->clock, .out = out};
    PO_HOME_AUTO *home = NULL;
    po_clock_fake_init(&drill.clock, po_ctx_now_us(cx));
    PO_TRY(cx, po_drill_home_make(cx, dir, PO_LIT(""), &home));
    drill.home = home;
    cx->clock = &drill.clock.clock;
    po_rc rc = run_parts(cx, &drill);
    cx->clock = drill.real;
    return rc;
}

/* ---- its process ------------------------------------------------------------------------------- */

int po_access_drill_role_run(int argc, char **argv)
{
    return po_assess_drill_role_run(argc, argv, po_access_drill_in);
}

PO_RC po_access_drill(struct po_ctx *cx, const struct po_assess_inputs *in, struct po_json_out *out)
{
    const struct po_assess_drill_child child = {PO_ACCESS_DRILL_ROLE, DRILL_TIMEOUT_MS};
    return po_assess_drill_child_run(cx, in, &child, out);
}
