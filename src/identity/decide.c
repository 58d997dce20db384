/*
 * The decision: tables in, one rule out. Pure, and fast enough to be asked for every request.
 *
 * Invariants
 *  1. Without a rule that allows, the answer is no.
 *  2. The order of the rules is the order of docs/spec/identity.md 4; the first that fits decides.
 *
 * Control  CC6.1 CC6.3
 */
#include "identity/identity.h"

#define P 1U
#define S 2U
#define N 4U
#define E 8U
#define I 16U

static const struct po_action actions[] = {
#define X(action, how, flags, holders)                                                             \
    {.name = (action),                                                                             \
     .name_len = sizeof(action) - 1,                                                               \
     .kind = PO_ACTION_##how,                                                                      \
     .is_privileged = ((flags)&P) != 0,                                                            \
     .needs_step_up = ((flags)&S) != 0,                                                            \
     .is_not_self = ((flags)&N) != 0,                                                              \
     .is_enrolling = ((flags)&E) != 0,                                                             \
     .is_instance = ((flags)&I) != 0,                                                              \
     .roles = (holders)},
#include "identity/roles.def"
#undef X
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])
_Static_assert(ACTION_COUNT <= PO_ACTIONS_MAX, "a set of actions holds all of them");

static const struct po_role_row roles[] = {
    {"owner", 'o', "everything, also keys and other owners"},
    {"admin", 'a', "accounts, roles, grants and the operation; no keys, no owners"},
    {"operator", 'p', "runs checks, repairs, reports and programs; no accounts"},
    {"auditor", 'u', "reads everything, also accounts and the audit log; changes nothing"},
    {"member", 'm', "reads controls, health and reports, issues reports; has tokens"},
    {"viewer", 'v', "reads controls, health and scores"},
};
#define ROLE_COUNT (sizeof roles / sizeof roles[0])

/* ---- tables ------------------------------------------------------------------------------------- */

const struct po_action *po_action_table(size_t *ret_count)
{
    *ret_count = ACTION_COUNT;
    return actions;
}

const struct po_action *po_action_find(po_str name)
{
    size_t low = 0;
    size_t high = ACTION_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = po_str_cmp(name, (po_str){actions[middle].name, actions[middle].name_len});
        if (order == 0) return &actions[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct po_role_row *po_role_table(size_t *ret_count)
{
    *ret_count = ROLE_COUNT;
    return roles;
}

static bool holds(const struct po_action *action, char initial)
{
    return po_str_find_char(po_str_of(action->roles), initial, 0) != SIZE_MAX;
}

struct po_action_set po_role_shipped(po_str name)
{
    struct po_action_set set = {0};
    for (size_t r = 0; r < ROLE_COUNT; r++) {
        if (!po_str_eq_cstr(name, roles[r].name)) continue;
        for (size_t i = 0; i < ACTION_COUNT; i++)
            if (holds(&actions[i], roles[r].initial)) po_action_set_add(&set, &actions[i]);
    }
    return set;
}

/* ---- sets ---------------------------------------------------------------------------------------- */

bool po_action_set_has(const struct po_action_set *set, const struct po_action *action)
{
    size_t i = (size_t)(action - actions);
    return (set->bits[i / 64] >> (i % 64) & 1U) != 0;
}

void po_action_set_add(struct po_action_set *set, const struct po_action *action)
{
    size_t i = (size_t)(action - actions);
    set->bits[i / 64] |= (uint64_t)1 << (i % 64);
}

bool po_action_set_is_subset(const struct po_action_set *part, const struct po_action_set *whole)
{
    for (size_t i = 0; i < PO_ACTIONS_MAX / 64; i++)
        if ((part->bits[i] & ~whole->bits[i]) != 0) return false;
    return true;
}

bool po_action_set_is_privileged(const struct po_action_set *set)
{
    for (size_t i = 0; i < ACTION_COUNT; i++)
        if (actions[i].is_privileged && po_action_set_has(set, &actions[i])) return true;
    return false;
}

/* ---- the decision --------------------------------------------------------------------------------- */

static struct po_decision deny(const char *rule, const char *reason)
{
    return (struct po_decision){.rule = rule, .reason = reason};
}

static struct po_decision allow(const struct po_action *action, const char *rule,
                                const char *reason)
{
    return (struct po_decision){
        .is_allowed = true, .is_privileged = action->is_privileged, .rule = rule, .reason = reason};
}

static bool is_oneself(const struct po_identity *identity, po_str resource)
{
    size_t colon = po_str_find_char(resource, ':', 0);
    return colon != SIZE_MAX &&
           po_str_eq_cstr(po_str_slice(resource, colon + 1, resource.len), identity->id);
}

/* Rules about who asks, whatever they ask for; a rule of NULL when none denies. */
static struct po_decision judge_identity(const struct po_identity *identity,
                                         const struct po_action *action, po_tenant_id tenant)
{
    if (identity->tenant.value != tenant.value)
        return deny("deny.tenant", "it belongs to another tenant");
    if (action->is_instance && tenant.value != PO_TENANT_DEFAULT.value)
        return deny("deny.instance", "this is for those who run the machine");
    if (!identity->is_active) return deny("deny.inactive", "the account is not active");
    if (identity->needs_mfa && !action->is_enrolling)
        return deny("deny.mfa", "a second factor must be set up first");
    return (struct po_decision){0};
}

/* Rules about what they ask for. */
static struct po_decision judge_action(const struct po_identity *identity,
                                       const struct po_action *action, po_str resource)
{
    bool is_token = identity->token[0] != '\0';
    bool is_auditor = po_str_eq_cstr(PO_LIT("auditor"), identity->role);
    if (is_auditor && action->kind == PO_ACTION_WRITE)
        return deny("sod.auditor", "an auditor changes nothing");
    if (!po_action_set_has(&identity->allowed, action))
        return deny("deny.role", "the role does not hold this action");
    if (!po_action_set_has(&identity->scopes, action))
        return deny("deny.scope", "the token is not scoped to this action");
    if (is_token && action->needs_step_up)
        return deny("deny.token", "this takes a person, not a token");
    if (action->needs_step_up && !identity->is_stepped_up)
        return deny("deny.step_up", "this takes proving oneself again");
    if (action->is_not_self && is_oneself(identity, resource))
        return deny("sod.self", "nobody does this to their own account");
    return allow(action, "role", "the role holds this action");
}

void po_access_decide(const struct po_identity *identity, po_str action_name, po_str resource,
                      po_tenant_id tenant, struct po_decision *ret_decision)
{
    const struct po_action *action = po_action_find(action_name);
    if (identity == NULL || identity->kind == PO_IDENTITY_NONE) {
        *ret_decision = deny("deny.unknown", "nobody signed in");
    } else if (action == NULL) {
        *ret_decision = deny("deny.action", "there is no such action");
    } else if (identity->kind == PO_IDENTITY_LOCAL) {
        *ret_decision = allow(action, "local", "a process that may open the home's files");
    } else {
        *ret_decision = judge_identity(identity, action, tenant);
        if (ret_decision->rule == NULL) *ret_decision = judge_action(identity, action, resource);
    }
}
