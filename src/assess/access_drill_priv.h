/*
 * The drill of access: a home of its own with accounts of its own, in a process of its own, so that it
 * touches neither this home nor its keys. Its clock moves only when the drill says so.
 *
 * What it finds out is fact access.drill; what it must be is judged by content/controls/iam_*.script.
 */
#ifndef PO_ASSESS_ACCESS_DRILL_PRIV_H
#define PO_ASSESS_ACCESS_DRILL_PRIV_H

#include "assess/assess.h"
#include "core/clock.h"
#include "core/json.h"
#include "home/home.h"
#include "identity/identity.h"

struct po_access_drill {
    struct po_home *home;
    struct po_clock_fake clock;
    const struct po_clock *real; /* to measure with */
    struct po_json_out *out;
};

/* Do all of it in `dir`: keys go where XDG_STATE_HOME says, which must be below `dir`. */
PO_RC po_access_drill_in(struct po_ctx *cx, const char *dir, struct po_json_out *out);

/* Cheap on purpose: the hash of a canary protects nothing. Real ones are judged by identity.accounts. */
#define PO_ACCESS_CANARY_COST ((struct po_password_cost){.memory_kib = 8, .passes = 1})
/* Events of cx's tenant of this type; `resource`, `actor` NULL: any. */
struct po_access_events {
    enum po_event_type type;
    const char *actor;
    po_str action;
    const char *part; /* somewhere in the event */
};
PO_RC po_access_events_count(struct po_ctx *cx, struct po_access_drill *drill,
                             const struct po_access_events *wanted, int64_t *ret_count);
/* Forget an expected refusal. `*ret_is` is whether it was this one; PO_NOMEM stays an error. */
PO_RC po_access_refused(struct po_ctx *cx, po_rc rc, enum po_code code, bool *ret_is);
/* The identity of a shipped role with every proof: what the table alone decides. */
struct po_identity po_access_identity(const char *role, po_tenant_id tenant);

/* The parts; each writes one member. */
PO_RC po_access_drill_signin(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_defaults(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_sessions(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_secrets(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_revoked(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_roles(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_decisions(struct po_ctx *cx, struct po_access_drill *drill);
PO_RC po_access_drill_tenants(struct po_ctx *cx, struct po_access_drill *drill);

#endif
