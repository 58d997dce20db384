/*
 * Drill of access: every role with every action, what no table knows, and what decisions leave behind.
 */
#include "assess/access_drill_priv.h"

#include "store/store.h"

#define DECISIONS_EACH_MAX 8

static const char *const unknown[] = {
    "", "control", "control.", "control.shows", "CONTROL.SHOW", "control.show ", "no.such.action",
    "*"};
#define UNKNOWN_COUNT (sizeof unknown / sizeof *unknown)

static bool may(const struct po_identity *identity, po_str action)
{
    struct po_decision decision = {0};
    po_access_decide(identity, action, PO_LIT(""), identity->tenant, &decision);
    return decision.is_allowed;
}

/* "oap": initials of the roles that the decision lets do it. */
static void put_cell(struct po_json_out *out, const struct po_action *action,
                     const struct po_role_row *roles, size_t role_count)
{
    char initials[16] = "";
    size_t count = 0;
    for (size_t r = 0; r < role_count && count + 1 < sizeof initials; r++) {
        struct po_identity identity = po_access_identity(roles[r].name, PO_TENANT_DEFAULT);
        if (may(&identity, po_str_of(action->name))) initials[count++] = roles[r].initial;
    }
    po_json_out_object(out);
    po_json_out_field(out, "action", po_str_of(action->name));
    po_json_out_field(out, "roles", po_str_n(initials, count));
    po_json_out_object_end(out);
}

/* Identities that hold nothing, whatever their role: each is denied every action but its own. */
static int64_t count_let_through(const struct po_action *actions, size_t count, int64_t *ret_tried)
{
    struct po_identity weak[] = {po_access_identity("owner", PO_TENANT_DEFAULT),
                                 po_access_identity("owner", PO_TENANT_DEFAULT),
                                 po_access_identity("no such role", PO_TENANT_DEFAULT)};
    int64_t through = 0;
    weak[0].is_active = false;
    weak[1].is_mfa = false;
    weak[1].needs_mfa = true;
    for (size_t w = 0; w < sizeof weak / sizeof *weak; w++) {
        for (size_t i = 0; i < count; i++) {
            if (actions[i].kind == PO_ACTION_OWN) continue;
            (*ret_tried)++;
            through += may(&weak[w], po_str_of(actions[i].name)) ? 1 : 0;
        }
    }
    return through;
}

static int64_t count_unknown_allowed(const struct po_role_row *roles, size_t role_count,
                                     int64_t *ret_tried)
{
    int64_t allowed = 0;
    for (size_t r = 0; r < role_count; r++) {
        struct po_identity identity = po_access_identity(roles[r].name, PO_TENANT_DEFAULT);
        memset(&identity.allowed, 0xff, sizeof identity.allowed);
        for (size_t i = 0; i < UNKNOWN_COUNT; i++) {
            (*ret_tried)++;
            allowed += may(&identity, po_str_of(unknown[i])) ? 1 : 0;
        }
    }
    return allowed;
}

PO_RC po_access_drill_roles(struct po_ctx *cx, struct po_access_drill *drill)
{
    size_t action_count = 0;
    size_t role_count = 0;
    int64_t unknown_tried = 0;
    int64_t weak_tried = 0;
    const struct po_action *actions = po_action_table(&action_count);
    const struct po_role_row *roles = po_role_table(&role_count);
    (void)cx;
    int64_t unknown_allowed = count_unknown_allowed(roles, role_count, &unknown_tried);
    int64_t weak_allowed = count_let_through(actions, action_count, &weak_tried);
    po_json_out_key(drill->out, "roles");
    po_json_out_object(drill->out);
    po_json_out_key(drill->out, "cells");
    po_json_out_array(drill->out);
    for (size_t i = 0; i < action_count; i++)
        put_cell(drill->out, &actions[i], roles, role_count);
    po_json_out_array_end(drill->out);
    po_json_out_field_int(drill->out, "unknown_tried", unknown_tried);
    po_json_out_field_int(drill->out, "unknown_allowed", unknown_allowed);
    po_json_out_field_int(drill->out, "weak_tried", weak_tried);
    po_json_out_field_int(drill->out, "weak_allowed", weak_allowed);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

/* ---- decisions leave events -------------------------------------------------------------------- */

struct owed {
    po_str actions[2 * DECISIONS_EACH_MAX];
    bool is_denial[2 * DECISIONS_EACH_MAX];
    size_t count;
};

/* What a viewer is denied, and privileged actions that an owner is granted. */
static PO_RC decide_all(struct po_ctx *cx, struct po_access_drill *drill, struct owed *owed)
{
    const struct po_identity viewer = po_access_identity("viewer", PO_TENANT_DEFAULT);
    const struct po_identity owner = po_access_identity("owner", PO_TENANT_DEFAULT);
    size_t count = 0;
    size_t denials = 0;
    size_t grants = 0;
    const struct po_action *actions = po_action_table(&count);
    for (size_t i = 0; i < count; i++) {
        po_str name = po_str_of(actions[i].name);
        bool is_denial = !may(&viewer, name) && denials < DECISIONS_EACH_MAX;
        bool is_grant =
            actions[i].is_privileged && may(&owner, name) && grants < DECISIONS_EACH_MAX;
        if (is_denial) {
            bool is_denied = false;
            po_rc rc = po_access_check(cx, drill->home, &viewer, name, PO_LIT("drill:viewer"));
            PO_TRY(cx, po_access_refused(cx, rc, PO_DENIED, &is_denied));
            owed->actions[owed->count] = name;
            owed->is_denial[owed->count++] = true;
            denials++;
        }
        if (is_grant) {
            PO_TRY(cx, po_access_check(cx, drill->home, &owner, name, PO_LIT("drill:owner")));
            owed->actions[owed->count] = name;
            owed->is_denial[owed->count++] = false;
            grants++;
        }
    }
    return po_rc_ok();
}

PO_RC po_access_drill_decisions(struct po_ctx *cx, struct po_access_drill *drill)
{
    struct owed owed = {.count = 0};
    int64_t found = 0;
    PO_TRY(cx, decide_all(cx, drill, &owed));
    PO_TRY(cx, po_home_flush(cx, drill->home));
    for (size_t i = 0; i < owed.count; i++) {
        int64_t count = 0;
        const struct po_access_events wanted = {
            .type = owed.is_denial[i] ? PO_EVENT_TYPE_ACCESS_DENIED : PO_EVENT_TYPE_ACCESS_GRANTED,
            .actor = cx->actor,
            .action = owed.actions[i],
            .part = owed.is_denial[i] ? "\"drill:viewer\"" : "\"drill:owner\""};
        PO_TRY(cx, po_access_events_count(cx, drill, &wanted, &count));
        found += count == 1 ? 1 : 0;
    }
    po_json_out_key(drill->out, "decisions");
    po_json_out_object(drill->out);
    po_json_out_field_int(drill->out, "owed", (int64_t)owed.count);
    po_json_out_field_int(drill->out, "found", found);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}
