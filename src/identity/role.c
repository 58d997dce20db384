/*
 * Roles given to users: who asks, who approves, when it holds.
 *
 *   (asked) --plain role--------------------------------------> in force
 *   (asked) --privileged, somebody else could approve--> waits for approval --approve--> in force
 *   (asked) --privileged, nobody else could------------> waits GRANT_WAIT ------------> in force
 *   waiting --cancel, plain role given, asker deprovisioned--> ended
 *
 * The role a user has is the newest row in force; rows are never deleted.
 *
 * Control  CC5.1 CC6.3
 */
#include "core/cfg.h"
#include "identity/identity_priv.h"

/* ---- what a role holds ------------------------------------------------------------------------------ */

PO_RC po_role_actions(struct po_ctx *cx, struct po_home *home, po_str name,
                      struct po_action_set *ret_set)
{
    struct po_store_role *role = NULL;
    size_t count = 0;
    const struct po_role_row *rows = po_role_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (!po_str_eq_cstr(name, rows[i].name)) continue;
        *ret_set = po_role_shipped(name);
        return po_rc_ok();
    }
    PO_TRY(cx, po_store_role_find(cx, po_home_store(home), name, &role));
    if (role == NULL) return PO_FAIL(cx, PO_NOTFOUND, "there is no role '%.*s'", PO_STR_ARG(name));
    return po_action_set_read(cx, role->actions, ret_set);
}

/* @control CC6.3 */
PO_RC po_role_may_give(struct po_ctx *cx, struct po_home *home, po_str role,
                       struct po_action_set *ret_set)
{
    struct po_identity caller = {0};
    struct po_action_set set = {0};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    PO_TRY(cx, po_role_actions(cx, home, role, &set));
    bool is_held = po_action_set_is_subset(&set, &caller.allowed) &&
                   po_action_set_is_subset(&set, &caller.scopes);
    if (!is_held) {
        const struct po_access_refusal refusal = {"user.role", "sod.more_than_own",
                                                  "the role holds what the caller lacks", role};
        return po_access_refuse(cx, home, &refusal);
    }
    *ret_set = set;
    return po_rc_ok();
}

/* ---- who holds what ---------------------------------------------------------------------------------- */

PO_RC po_role_holders(struct po_ctx *cx, struct po_home *home, const struct po_action_set *needed,
                      po_str except, size_t *ret_count)
{
    struct po_store_user *users = NULL;
    size_t count = 0;
    size_t holders = 0;
    PO_TRY(cx, po_store_user_list(cx, po_home_store(home), &users, &count));
    for (size_t i = 0; i < count; i++) {
        struct po_identity identity = {0};
        bool is_found = false;
        bool is_candidate = po_str_eq_cstr(users[i].kind, "human") &&
                            po_str_eq_cstr(users[i].state, "active") && !users[i].is_canary &&
                            !po_str_eq(users[i].id, except);
        if (!is_candidate) continue;
        PO_TRY(cx, po_identity_load(cx, home, users[i].id, &is_found, &identity));
        if (is_found && po_action_set_is_subset(needed, &identity.allowed)) holders++;
    }
    *ret_count = holders;
    return po_rc_ok();
}

PO_RC po_role_keep_last_owner(struct po_ctx *cx, struct po_home *home, po_str user,
                              const char *action)
{
    const struct po_action_set owner = po_role_shipped(PO_LIT("owner"));
    struct po_identity identity = {0};
    bool is_found = false;
    size_t others = 0;
    PO_TRY(cx, po_identity_load(cx, home, user, &is_found, &identity));
    bool is_owner =
        is_found && identity.is_active && po_str_eq_cstr(PO_LIT("owner"), identity.role);
    if (!is_owner) return po_rc_ok();
    PO_TRY(cx, po_role_holders(cx, home, &owner, user, &others));
    if (others > 0) return po_rc_ok();
    const struct po_access_refusal refusal = {action, "sod.last_owner", "the last owner stays one",
                                              user};
    return po_access_refuse(cx, home, &refusal);
}

/* The row of a user that waits, for time or approval; NULL when none does. */
static PO_RC find_waiting(struct po_ctx *cx, struct po_home *home, po_str user,
                          struct po_store_role_grant **ret_grant)
{
    struct po_store_role_grant *grants = NULL;
    size_t count = 0;
    po_time_us now = po_ctx_now_us(cx);
    *ret_grant = NULL;
    PO_TRY(cx, po_store_role_grant_list(cx, po_home_store(home), user, &grants, &count));
    for (size_t i = 0; i < count; i++) {
        bool waits = grants[i].effective_us == 0 || grants[i].effective_us > now;
        if (waits && grants[i].ended_us == 0) *ret_grant = &grants[i];
    }
    return po_rc_ok();
}

PO_RC po_user_may_manage(struct po_ctx *cx, struct po_home *home, po_str user, const char *action)
{
    struct po_identity caller = {0};
    struct po_identity target = {0};
    struct po_store_role_grant *waiting = NULL;
    struct po_action_set to_come = {0};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    PO_TRY(cx, po_identity_of(cx, home, user, &target));
    PO_TRY(cx, find_waiting(cx, home, user, &waiting));
    if (waiting != NULL) PO_TRY(cx, po_role_actions(cx, home, waiting->role, &to_come));
    bool is_held = po_action_set_is_subset(&target.allowed, &caller.allowed) &&
                   po_action_set_is_subset(&to_come, &caller.allowed);
    if (is_held) return po_rc_ok();
    const struct po_access_refusal refusal = {
        action, "sod.more_than_own", "the account's role holds what the caller lacks", user};
    return po_access_refuse(cx, home, &refusal);
}

/* ---- planning ---------------------------------------------------------------------------------------- */

/* Could somebody but the caller and the user it is for approve this role? */
static PO_RC has_approver(struct po_ctx *cx, struct po_home *home, po_str user,
                          struct po_action_set needed, bool *ret_has)
{
    struct po_identity caller = {0};
    size_t holders = 0;
    const struct po_action *approve = po_action_find(PO_LIT("user.approve"));
    PO_INVARIANT(cx, approve != NULL);
    po_action_set_add(&needed, approve);
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    PO_TRY(cx, po_role_holders(cx, home, &needed, user, &holders));
    /* A local process is one of these people, too: which one is not known. */
    bool counts_caller =
        caller.kind == PO_IDENTITY_LOCAL || (caller.kind == PO_IDENTITY_USER && !caller.is_canary &&
                                             po_action_set_is_subset(&needed, &caller.allowed));
    if (counts_caller && holders > 0) holders--;
    *ret_has = holders > 0;
    return po_rc_ok();
}

static PO_RC refuse_self(struct po_ctx *cx, struct po_home *home, po_str user, const char *action)
{
    const struct po_access_refusal refusal = {action, "sod.self",
                                              "nobody does this to their own account", user};
    return po_access_refuse(cx, home, &refusal);
}

/* @control CC5.1 */
PO_RC po_role_plan_make(struct po_ctx *cx, struct po_home *home,
                        const struct po_role_change *change, struct po_role_plan *ret_plan)
{
    struct po_action_set set = {0};
    bool has = false;
    po_time_us now = po_ctx_now_us(cx);
    struct po_role_plan plan = {.grant = {.user = change->user,
                                          .role = change->role,
                                          .reason = change->reason,
                                          .asked_by = po_identity_actor(cx),
                                          .asked_us = now}};
    if (change->user.len > 0 && po_str_eq(change->user, po_identity_actor_id(cx)))
        return refuse_self(cx, home, change->user, "user.role");
    PO_TRY(cx, po_role_may_give(cx, home, change->role, &set));
    bool is_privileged = po_action_set_is_privileged(&set);
    PO_TRY(cx, po_identity_reason(cx, change->reason, is_privileged));
    plan.grant.approved_by = po_identity_actor(cx);
    plan.grant.effective_us = now;
    if (is_privileged) PO_TRY(cx, has_approver(cx, home, change->user, set, &has));
    if (is_privileged && has) {
        plan.grant.approved_by = PO_LIT("");
        plan.grant.effective_us = 0;
    } else if (is_privileged) {
        plan.grant.approved_by = PO_LIT("sole operator");
        plan.grant.effective_us = now + po_cfg_int(po_home_cfg(home), PO_CFG_GRANT_WAIT);
    }
    plan.waits = is_privileged;
    *ret_plan = plan;
    return po_rc_ok();
}

PO_RC po_role_plan_put(struct po_ctx *cx, struct po_tx *tx, struct po_role_plan *plan)
{
    return po_store_role_grant_add(cx, tx, &plan->grant, &plan->grant.id);
}

static PO_RC write_detail(struct po_ctx *cx, const struct po_store_role_grant *grant,
                          po_str *ret_detail)
{
    char effective[PO_TIME_RFC3339_BYTES] = "";
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    if (grant->effective_us > 0) po_time_format_s(grant->effective_us, effective);
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "approved_by", grant->approved_by);
    po_json_out_field(&json, "asked_by", grant->asked_by);
    po_json_out_field(&json, "effective", po_str_of(effective));
    po_json_out_field(&json, "reason", grant->reason);
    po_json_out_field(&json, "role", grant->role);
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, ret_detail);
}

PO_RC po_role_plan_event(struct po_ctx *cx, const struct po_role_plan *plan,
                         struct po_event *ret_event)
{
    struct po_identity_note note = {.type = plan->waits ? PO_EVENT_TYPE_ROLE_ASKED
                                                        : PO_EVENT_TYPE_ROLE_GRANTED,
                                    .kind = "user",
                                    .id = plan->grant.user,
                                    .action = plan->waits ? "ask" : "grant"};
    PO_TRY(cx, write_detail(cx, &plan->grant, &note.detail));
    return po_identity_event(cx, &note, ret_event);
}

/* ---- giving ------------------------------------------------------------------------------------------- */

static PO_RC check_change(struct po_ctx *cx, struct po_home *home,
                          const struct po_role_change *change,
                          const struct po_store_role_grant *waiting)
{
    struct po_user user = {0};
    struct po_action_set set = {0};
    PO_TRY(cx, po_user_get(cx, home, change->user, &user));
    PO_TRY(cx, po_role_actions(cx, home, change->role, &set));
    bool is_privileged = po_action_set_is_privileged(&set);
    if (po_str_eq_cstr(user.state, "deprovisioned"))
        return PO_FAIL(cx, PO_CONFLICT, "the account was deprovisioned");
    if (user.is_service && is_privileged)
        return PO_FAIL(cx, PO_DENIED, "a service account does not administrate");
    if (is_privileged && waiting != NULL)
        return PO_FAIL(cx, PO_EXISTS, "role '%.*s' waits already: cancel it first",
                       PO_STR_ARG(waiting->role));
    if (po_str_eq_cstr(change->role, user.role) && waiting == NULL)
        return PO_FAIL(cx, PO_EXISTS, "the account has that role");
    if (po_str_eq_cstr(change->role, "owner")) return po_rc_ok();
    return po_role_keep_last_owner(cx, home, change->user, "user.role");
}

PO_RC po_role_give(struct po_ctx *cx, struct po_home *home, const struct po_role_change *change,
                   struct po_role_changed *ret_changed)
{
    struct po_role_plan plan = {0};
    struct po_store_role_grant *waiting = NULL;
    struct po_event event = {0};
    PO_TRY(cx, find_waiting(cx, home, change->user, &waiting));
    PO_TRY(cx, po_role_plan_make(cx, home, change, &plan));
    PO_TRY(cx, po_user_may_manage(cx, home, change->user, "user.role"));
    PO_TRY(cx, check_change(cx, home, change, waiting));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    if (waiting != NULL) PO_TRY(cx, po_store_role_grant_end(cx, tx, waiting->id));
    PO_TRY(cx, po_role_plan_put(cx, tx, &plan));
    PO_TRY(cx, po_role_plan_event(cx, &plan, &event));
    PO_TRY(cx, po_home_commit(cx, home, tx, &event));
    *ret_changed = (struct po_role_changed){!plan.waits, plan.grant.effective_us};
    return po_rc_ok();
}

/* ---- approving and cancelling ---------------------------------------------------------------------------- */

static PO_RC check_approver(struct po_ctx *cx, struct po_home *home,
                            const struct po_store_role_grant *grant)
{
    struct po_identity caller = {0};
    struct po_action_set set = {0};
    struct po_access_refusal refusal = {"user.approve", NULL, NULL, grant->user};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    PO_TRY(cx, po_role_actions(cx, home, grant->role, &set));
    if (caller.kind != PO_IDENTITY_USER) {
        refusal.rule = "sod.person";
        refusal.reason = "a person who is signed in approves";
    } else if (po_str_eq(po_identity_actor(cx), grant->asked_by)) {
        refusal.rule = "sod.asker";
        refusal.reason = "who asks does not approve";
    } else if (po_str_eq_cstr(grant->user, caller.id)) {
        refusal.rule = "sod.self";
        refusal.reason = "nobody does this to their own account";
    } else if (!po_action_set_is_subset(&set, &caller.allowed)) {
        refusal.rule = "sod.more_than_own";
        refusal.reason = "the role holds what the caller lacks";
    }
    return refusal.rule == NULL ? po_rc_ok() : po_access_refuse(cx, home, &refusal);
}

/* @control CC5.1 */
PO_RC po_role_approve(struct po_ctx *cx, struct po_home *home, po_str user)
{
    struct po_store_role_grant *grant = NULL;
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_ROLE_GRANTED, .kind = "user", .id = user, .action = "approve"};
    PO_TRY(cx, find_waiting(cx, home, user, &grant));
    if (grant == NULL || grant->effective_us != 0)
        return PO_FAIL(cx, PO_NOTFOUND, "no role of '%.*s' waits for approval", PO_STR_ARG(user));
    PO_TRY(cx, check_approver(cx, home, grant));
    /* What was asked may have become the last owner's way out meanwhile. */
    if (!po_str_eq_cstr(grant->role, "owner"))
        PO_TRY(cx, po_role_keep_last_owner(cx, home, user, "user.approve"));
    grant->approved_by = po_identity_actor(cx);
    grant->effective_us = po_ctx_now_us(cx);
    PO_TRY(cx, write_detail(cx, grant, &note.detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_role_grant_approve(cx, tx, grant));
    return po_identity_commit(cx, home, tx, &note);
}

PO_RC po_role_cancel(struct po_ctx *cx, struct po_home *home, po_str user)
{
    struct po_store_role_grant *grant = NULL;
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_ROLE_CANCELLED, .kind = "user", .id = user, .action = "cancel"};
    PO_TRY(cx, find_waiting(cx, home, user, &grant));
    if (grant == NULL) return PO_FAIL(cx, PO_NOTFOUND, "no role of '%.*s' waits", PO_STR_ARG(user));
    PO_TRY(cx, write_detail(cx, grant, &note.detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_role_grant_end(cx, tx, grant->id));
    return po_identity_commit(cx, home, tx, &note);
}
