/*
 * Who cx acts as, and decisions with their record.
 *
 * The identity is read anew for each decision: an account that was suspended or lost its role a moment
 * ago is judged as it is now.
 *
 * Control  CC6.1 CC6.3 CC7.2
 */
#include "core/codec.h"
#include "identity/identity_priv.h"

#include <stdio.h>

/* ---- who ------------------------------------------------------------------------------------------ */

static struct po_action_set every_action(void)
{
    struct po_action_set set;
    memset(&set, 0xFF, sizeof set);
    return set;
}

static PO_RC load_role(struct po_ctx *cx, struct po_home *home, struct po_identity *identity)
{
    struct po_store_role_grant *grant = NULL;
    PO_TRY(cx,
           po_store_role_grant_current(cx, po_home_store(home), po_str_of(identity->id), &grant));
    if (grant == NULL) return po_rc_ok();
    po_rc rc = po_role_actions(cx, home, grant->role, &identity->allowed);
    if (rc.code == PO_NOTFOUND) { /* the role was deleted: it holds nothing */
        po_err_clear(cx);
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    return po_identity_copy(cx, grant->role, identity->role, sizeof identity->role);
}

/* A program acts while the person who answers for it is neither suspended nor gone. */
static PO_RC check_owner(struct po_ctx *cx, struct po_home *home, po_str owner, bool *is_active)
{
    struct po_store_user *row = NULL;
    PO_TRY(cx, po_store_user_find(cx, po_home_store(home), owner, &row));
    bool stands = row != NULL &&
                  (po_str_eq_cstr(row->state, "active") || po_str_eq_cstr(row->state, "invited"));
    if (!stands) *is_active = false;
    return po_rc_ok();
}

/* @control CC6.2 */
PO_RC po_identity_load(struct po_ctx *cx, struct po_home *home, po_str id, bool *ret_is_found,
                       struct po_identity *ret_identity)
{
    struct po_store_user *user = NULL;
    *ret_is_found = false;
    PO_TRY(cx, po_store_user_find(cx, po_home_store(home), id, &user));
    if (user == NULL) return po_rc_ok();
    bool is_service = po_str_eq_cstr(user->kind, "service");
    struct po_identity identity = {.kind = is_service ? PO_IDENTITY_SERVICE : PO_IDENTITY_USER,
                                   .tenant = cx->tenant,
                                   .scopes = every_action(),
                                   .is_active = po_str_eq_cstr(user->state, "active"),
                                   .is_canary = user->is_canary};
    PO_TRY(cx, po_identity_copy(cx, user->id, identity.id, sizeof identity.id));
    PO_TRY(cx, load_role(cx, home, &identity));
    if (is_service) PO_TRY(cx, check_owner(cx, home, user->owner, &identity.is_active));
    *ret_identity = identity;
    *ret_is_found = true;
    return po_rc_ok();
}

PO_RC po_identity_of(struct po_ctx *cx, struct po_home *home, po_str id,
                     struct po_identity *ret_identity)
{
    bool is_found = false;
    PO_TRY(cx, po_identity_load(cx, home, id, &is_found, ret_identity));
    if (!is_found) return PO_FAIL(cx, PO_NOTFOUND, "there is no account '%.*s'", PO_STR_ARG(id));
    ret_identity->is_mfa = true;
    ret_identity->is_stepped_up = true;
    return po_rc_ok();
}

void po_identity_apply(struct po_ctx *cx, const struct po_identity *identity)
{
    static const char *const prefixes[] = {"", "user:", "service:", ""};
    const char *prefix = prefixes[(unsigned)identity->kind % 4];
    const char *session = identity->session[0] != '\0' ? identity->session : identity->token;
    (void)snprintf(cx->actor, sizeof cx->actor, "%s%s", prefix, identity->id);
    if (session[0] != '\0') (void)snprintf(cx->session, sizeof cx->session, "%s", session);
    cx->tenant = identity->tenant;
}

static PO_RC not_signed_in(struct po_ctx *cx)
{
    return PO_FAIL(cx, PO_UNAUTH, "nobody is signed in, or not any more");
}

static struct po_identity local_identity(const struct po_ctx *cx)
{
    struct po_identity identity = {.kind = PO_IDENTITY_LOCAL,
                                   .tenant = cx->tenant,
                                   .allowed = every_action(),
                                   .scopes = every_action(),
                                   .is_active = true,
                                   .is_mfa = true,
                                   .is_stepped_up = true};
    (void)snprintf(identity.id, sizeof identity.id, "%.31s", cx->actor);
    return identity;
}

PO_RC po_identity_current(struct po_ctx *cx, struct po_home *home, struct po_identity *ret_identity)
{
    po_str actor = po_str_of(cx->actor);
    po_str session = po_str_of(cx->session);
    if (po_str_starts(actor, PO_LIT("os:")) || po_str_eq_cstr(actor, "system")) {
        *ret_identity = local_identity(cx);
        return po_rc_ok();
    }
    po_str id = po_identity_actor_id(cx);
    struct po_identity identity = {0};
    if (po_id_is(session, "ses")) {
        PO_TRY(cx, po_identity_of_session(cx, home, session, &identity));
    } else if (po_id_is(session, "tok")) {
        PO_TRY(cx, po_identity_of_token(cx, home, session, &identity));
    }
    if (identity.kind == PO_IDENTITY_NONE || !po_str_eq_cstr(id, identity.id))
        return not_signed_in(cx);
    *ret_identity = identity;
    return po_rc_ok();
}

/* ---- decisions and their record --------------------------------------------------------------------- */

struct verdict {
    po_str action;
    po_str resource;
    const struct po_decision *decision;
    const char *role;
};

/* What came from outside: at most `max` bytes of good UTF-8, never nothing. */
static po_str clip(po_str text, size_t max, po_str otherwise)
{
    text = po_str_slice(text, 0, max);
    text = po_str_slice(text, 0, po_utf8_find_invalid(text));
    return text.len > 0 ? text : otherwise;
}

static PO_RC record(struct po_ctx *cx, struct po_home *home, const struct verdict *verdict)
{
    bool is_allowed = verdict->decision->is_allowed;
    const po_str action = clip(verdict->action, 128, PO_LIT("none"));
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    if (po_home_read_only_reason(home) != NULL) return po_rc_ok();
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "action", action);
    po_json_out_field(&json, "reason", po_str_of(verdict->decision->reason));
    po_json_out_field(&json, "role", po_str_of(verdict->role));
    po_json_out_field(&json, "rule", po_str_of(verdict->decision->rule));
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "access event");
    const struct po_event event = {.type = is_allowed ? PO_EVENT_TYPE_ACCESS_GRANTED
                                                      : PO_EVENT_TYPE_ACCESS_DENIED,
                                   .resource = clip(verdict->resource, 256, PO_LIT("instance")),
                                   .action = action,
                                   .result = is_allowed ? PO_EVENT_SUCCESS : PO_EVENT_DENIED,
                                   .detail = po_buf_str(&detail)};
    return po_home_record(cx, home, &event);
}

/* @control CC6.1 */
PO_RC po_access_check(struct po_ctx *cx, struct po_home *home, const struct po_identity *identity,
                      po_str action, po_str resource)
{
    struct po_decision decision = {0};
    po_access_decide(identity, action, resource, cx->tenant, &decision);
    const struct verdict verdict = {action, resource, &decision,
                                    identity != NULL ? identity->role : ""};
    if (!decision.is_allowed || decision.is_privileged) PO_TRY(cx, record(cx, home, &verdict));
    if (decision.is_allowed) return po_rc_ok();
    return PO_FAIL(cx, PO_DENIED, "'%.*s': %s (%s)", PO_STR_ARG(action), decision.reason,
                   decision.rule);
}

PO_RC po_access_refuse(struct po_ctx *cx, struct po_home *home,
                       const struct po_access_refusal *refusal)
{
    const struct po_decision decision = {.rule = refusal->rule, .reason = refusal->reason};
    const struct verdict verdict = {po_str_of(refusal->action), refusal->resource, &decision, ""};
    PO_TRY(cx, record(cx, home, &verdict));
    return PO_FAIL(cx, PO_DENIED, "'%s': %s (%s)", refusal->action, refusal->reason, refusal->rule);
}

PO_RC po_access_not_self(struct po_ctx *cx, struct po_home *home, po_str user, const char *action)
{
    const struct po_access_refusal self = {action, "sod.self",
                                           "nobody does this to their own account", user};
    if (!po_str_eq(po_identity_actor_id(cx), user)) return po_rc_ok();
    return po_access_refuse(cx, home, &self);
}
