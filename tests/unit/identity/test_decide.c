/*
 * The decision: every role against every action, and the order of the rules.
 */
#include "identity/identity.h"
#include "lib/test.h"

#include <stdio.h>

static struct po_identity make_identity(const char *role)
{
    struct po_identity identity = {.kind = PO_IDENTITY_USER,
                                   .tenant = PO_TENANT_DEFAULT,
                                   .allowed = po_role_shipped(po_str_of(role)),
                                   .is_active = true,
                                   .is_mfa = true,
                                   .is_stepped_up = true};
    memset(&identity.scopes, 0xFF, sizeof identity.scopes);
    (void)snprintf(identity.id, sizeof identity.id, "usr_00000000000000000000000001");
    (void)snprintf(identity.role, sizeof identity.role, "%s", role);
    return identity;
}

static struct po_decision decide(const struct po_identity *identity, const char *action,
                                 const char *resource)
{
    struct po_decision decision = {0};
    po_access_decide(identity, po_str_of(action), po_str_of(resource), PO_TENANT_DEFAULT,
                     &decision);
    check_that(decision.rule != NULL && decision.reason != NULL);
    return decision;
}

TEST(decide__table_is_sorted_and_sound)
{
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    check_that(count > 60 && count <= PO_ACTIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        test_row(table[i].name);
        check_that(i == 0 ||
                   po_str_cmp(po_str_of(table[i - 1].name), po_str_of(table[i].name)) < 0);
        check_that(po_action_find(po_str_of(table[i].name)) == &table[i]);
        bool has_auditor = strchr(table[i].roles, 'u') != NULL;
        check_that(!has_auditor || table[i].kind != PO_ACTION_WRITE, "an auditor changes nothing");
        check_that(table[i].kind != PO_ACTION_OWN || strcmp(table[i].roles, "oapumv") == 0);
        check_that(!table[i].is_privileged || table[i].kind == PO_ACTION_WRITE);
        check_that(strchr(table[i].roles, 'a') == NULL || strchr(table[i].roles, 'o') != NULL);
        check_that(strchr(table[i].roles, 'v') == NULL || strchr(table[i].roles, 'm') != NULL);
        check_that(strchr(table[i].roles, 'm') == NULL || strchr(table[i].roles, 'p') != NULL);
        check_that(strchr(table[i].roles, 'p') == NULL || strchr(table[i].roles, 'a') != NULL);
        check_that(strchr(table[i].roles, 'u') == NULL || strchr(table[i].roles, 'a') != NULL);
    }
    test_row(NULL);
    check_that(po_action_find(PO_LIT("")) == NULL);
    check_that(po_action_find(PO_LIT("user.rol")) == NULL);
    check_that(po_action_find(PO_LIT("user.role ")) == NULL);
}

/* @proves CC6.3 */
TEST(decide__of_every_role_and_action_is_the_matrix)
{
    size_t action_count = 0;
    size_t role_count = 0;
    const struct po_action *actions = po_action_table(&action_count);
    const struct po_role_row *roles = po_role_table(&role_count);
    check_eq_u64(role_count, 6);
    for (size_t r = 0; r < role_count; r++) {
        const struct po_identity identity = make_identity(roles[r].name);
        for (size_t i = 0; i < action_count; i++) {
            test_row(actions[i].name);
            bool holds = strchr(actions[i].roles, roles[r].initial) != NULL;
            struct po_decision decision = decide(&identity, actions[i].name, "x:1");
            check_eq_int(decision.is_allowed, holds);
            check_eq_int(decision.is_privileged, holds && actions[i].is_privileged);
        }
    }
    test_row(NULL);
}

/* @proves CC6.1 */
TEST(decide__denies_by_default)
{
    struct po_identity nobody = {0};
    struct po_identity owner = make_identity("owner");
    struct po_identity stranger = make_identity("no such role");
    check_eq_cstr(decide(NULL, "control.show", "").rule, "deny.unknown");
    check_eq_cstr(decide(&nobody, "control.show", "").rule, "deny.unknown");
    check_eq_cstr(decide(&owner, "no.such", "").rule, "deny.action");
    check_eq_cstr(decide(&owner, "", "").rule, "deny.action");
    check_eq_cstr(decide(&stranger, "control.show", "").rule, "deny.role");
    check_eq_cstr(decide(&owner, "home.init", "").rule, "deny.role");
    struct po_decision decision = {.is_allowed = true};
    po_access_decide(&owner, PO_LIT("control.show"), PO_LIT(""), (po_tenant_id){2}, &decision);
    check_that(!decision.is_allowed);
    check_eq_cstr(decision.rule, "deny.tenant");
}

TEST(decide__looks_at_account_factor_and_step_up)
{
    struct po_identity owner = make_identity("owner");
    owner.is_active = false;
    check_eq_cstr(decide(&owner, "control.show", "").rule, "deny.inactive");
    owner.is_active = true;
    owner.needs_mfa = true;
    check_eq_cstr(decide(&owner, "control.show", "").rule, "deny.mfa");
    check_that(decide(&owner, "mfa.enrol", "").is_allowed);
    check_that(decide(&owner, "session.end", "").is_allowed);
    owner.needs_mfa = false;
    owner.is_stepped_up = false;
    check_eq_cstr(decide(&owner, "user.role", "user:x").rule, "deny.step_up");
    /* else a stolen session would give itself a second factor, and with it the step-up */
    check_eq_cstr(decide(&owner, "mfa.enrol", "").rule, "deny.step_up");
    check_eq_cstr(decide(&owner, "mfa.renew", "").rule, "deny.step_up");
    check_that(decide(&owner, "session.step_up", "").is_allowed);
    check_that(decide(&owner, "control.run", "").is_allowed);
}

TEST(decide__keeps_people_from_their_own_account)
{
    struct po_identity owner = make_identity("owner");
    check_eq_cstr(decide(&owner, "user.role", "user:usr_00000000000000000000000001").rule,
                  "sod.self");
    check_that(decide(&owner, "user.role", "user:usr_00000000000000000000000002").is_allowed);
    check_that(decide(&owner, "user.show", "user:usr_00000000000000000000000001").is_allowed);
}

TEST(decide__never_lets_an_auditor_write)
{
    struct po_identity auditor = make_identity("auditor");
    memset(&auditor.allowed, 0xFF, sizeof auditor.allowed);
    check_eq_cstr(decide(&auditor, "flag.set", "").rule, "sod.auditor");
    check_that(decide(&auditor, "audit.list", "").is_allowed);
}

TEST(decide__keeps_a_token_in_its_scopes)
{
    struct po_identity owner = make_identity("owner");
    (void)snprintf(owner.token, sizeof owner.token, "tok_x");
    owner.scopes = (struct po_action_set){0};
    po_action_set_add(&owner.scopes, po_action_find(PO_LIT("control.run")));
    po_action_set_add(&owner.scopes, po_action_find(PO_LIT("user.role")));
    check_that(decide(&owner, "control.run", "").is_allowed);
    check_eq_cstr(decide(&owner, "control.show", "").rule, "deny.scope");
    check_eq_cstr(decide(&owner, "user.role", "user:x").rule, "deny.token");
}

TEST(decide__lets_local_processes_do_what_there_is)
{
    const struct po_identity local = {.kind = PO_IDENTITY_LOCAL};
    check_eq_cstr(decide(&local, "home.init", "").rule, "local");
    check_eq_cstr(decide(&local, "no.such", "").rule, "deny.action");
}

/* What touches the machine is not for another organisation's owner, and what is their own is. */
/* @proves CC6.3 */
TEST(decide__upon_the_instance_is_for_the_default_tenant)
{
    const po_tenant_id other = {7};
    size_t count = 0;
    size_t instance = 0;
    const struct po_action *table = po_action_table(&count);
    struct po_identity ours = make_identity("owner");
    struct po_identity theirs = make_identity("owner");
    theirs.tenant = other;
    for (size_t i = 0; i < count; i++) {
        struct po_decision decision = {0};
        po_str name = po_str_of(table[i].name);
        test_row(table[i].name);
        bool holds = strchr(table[i].roles, 'o') != NULL;
        po_access_decide(&theirs, name, PO_LIT(""), other, &decision);
        check_that(decision.is_allowed == (holds && !table[i].is_instance));
        if (table[i].is_instance) check_eq_cstr(decision.rule, "deny.instance");
        po_access_decide(&ours, name, PO_LIT(""), PO_TENANT_DEFAULT, &decision);
        check_that(decision.is_allowed == holds);
        po_access_decide(&theirs, name, PO_LIT(""), PO_TENANT_DEFAULT, &decision);
        check_eq_cstr(decision.rule, "deny.tenant");
        instance += table[i].is_instance ? 1 : 0;
    }
    test_row(NULL);
    check_that(instance >= 20 && instance < count);
    static const char *const named[] = {"flag.set",      "config.show", "doctor.run",
                                        "script.grant",  "script.run",  "store.check",
                                        "tenant.create", "tenant.list"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        check_that(po_action_find(po_str_of(named[i]))->is_instance, "%s", named[i]);
}
