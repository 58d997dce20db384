/*
 * Accounts: invited, moved, ended; the first and the last owner.
 */
#include "unit/identity/identity_fixture.h"

static po_rc invite(struct po_ctx *cx, struct po_home *home, const struct po_user_invite *wanted,
                    char id[static PO_ID_BYTES])
{
    struct po_user_invited invited = {0};
    PO_TRY(cx, po_user_invite(cx, home, wanted, &invited));
    check_that(invited.link != NULL && po_secret_bytes(invited.link).len == 43);
    memcpy(id, invited.id, PO_ID_BYTES);
    po_secret_free(invited.link);
    return po_rc_ok();
}

static const struct po_user_invite first_owner = {
    .email = {"Ann@Example.org", 15}, .name = {"Ann", 3}, .is_first_owner = true};

static po_str state_of(struct po_ctx *cx, struct po_home *home, const char *id)
{
    struct po_user user = {0};
    check_ok(cx, po_user_get(cx, home, po_str_of(id), &user));
    return user.state;
}

TEST(id__sorts_by_time_and_has_one_shape)
{
    TEST_CX(cx);
    char one[PO_ID_BYTES];
    char two[PO_ID_BYTES];
    check_ok(cx, po_id_new(cx, "usr", one));
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_ok(cx, po_id_new(cx, "usr", two));
    check_eq_u64(strlen(one), PO_STORE_ID_CHARS);
    check_that(strcmp(one, two) < 0);
    check_that(po_id_is(po_str_of(one), "usr") && !po_id_is(po_str_of(one), "svc"));
    check_that(!po_id_is(PO_LIT("usr_"), "usr") && !po_id_is(PO_LIT(""), "usr"));
    one[10] = 'u'; /* no letter of the alphabet */
    check_that(!po_id_is(po_str_of(one), "usr"));
}

/* @proves CC6.2 */
TEST(invite__of_the_first_owner_works_once_and_only_here)
{
    TEST_CX(cx);
    char id[PO_ID_BYTES];
    char other[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    check_ok(cx, invite(cx, home, &first_owner, id));
    struct po_user user = {0};
    check_ok(cx, po_user_get(cx, home, PO_LIT("ANN@example.org"), &user));
    check_eq_cstr(user.id, id);
    check_eq_cstr(user.role, "owner");
    check_eq_str(user.state, "invited");
    check_eq_str(user.email, "ann@example.org");
    struct seen seen = events(cx, home, PO_EVENT_TYPE_ROLE_GRANTED);
    check_contains(seen.detail, "\"approved_by\":\"first owner\"");
    check_that(strstr(events(cx, home, PO_EVENT_TYPE_USER_INVITED).detail, "xample") == NULL);
    check_ok(cx, invite(cx, home, &first_owner, other)); /* a new link for the same account */
    check_eq_cstr(other, id);
    struct po_user_invite second = first_owner;
    second.email = PO_LIT("bob@example.org");
    check_fails(cx, invite(cx, home, &second, other), PO_EXISTS);
    check_that(strstr(po_err_msg(cx), "bob") == NULL && strstr(po_err_msg(cx), "nn@") == NULL);
}

TEST(invite__of_the_first_owner_is_not_for_people_who_are_signed_in)
{
    TEST_CX(cx);
    char id[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person admin = person_make(cx, home, "admin", "admin");
    act_as(cx, &admin);
    check_fails(cx, invite(cx, home, &first_owner, id), PO_DENIED);
    check_contains(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).detail, "first_owner.local");
}

TEST(invite__refuses_what_is_no_address_or_name)
{
    TEST_CX(cx);
    static const char *const addresses[] = {"",      "a",       "@b",      "a@",
                                            "a@b@c", "a b@c.d", "a\n@c.d", "<a@b>"};
    char id[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct po_user_invite bad = first_owner;
        bad.email = po_str_of(addresses[i]);
        test_row(addresses[i]);
        check_fails(cx, invite(cx, home, &bad, id), PO_INVALID);
    }
    test_row(NULL);
    struct po_user_invite bad = first_owner;
    bad.name = PO_LIT("  ");
    check_fails(cx, invite(cx, home, &bad, id), PO_INVALID);
    bad.name = PO_LIT("a\x1b[2J");
    check_fails(cx, invite(cx, home, &bad, id), PO_INVALID);
    const struct po_user_invite roleless = {.email = PO_LIT("a@b"), .name = PO_LIT("A")};
    check_fails(cx, invite(cx, home, &roleless, id), PO_USAGE);
    const struct po_user_invite unknown = {
        .email = PO_LIT("a@b"), .name = PO_LIT("A"), .role = PO_LIT("king")};
    check_fails(cx, invite(cx, home, &unknown, id), PO_NOTFOUND);
}

TEST(invite__takes_an_address_again_only_after_its_account_ended)
{
    TEST_CX(cx);
    char id[PO_ID_BYTES];
    char again[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    const struct po_user_invite member = {
        .email = PO_LIT("m@example.org"), .name = PO_LIT("M"), .role = PO_LIT("member")};
    struct person present = person_make(cx, home, "n", "member");
    struct po_user_invite taken = member;
    taken.email = PO_LIT("N@EXAMPLE.ORG");
    check_fails(cx, invite(cx, home, &taken, again), PO_EXISTS);
    check_ok(cx, invite(cx, home, &member, id));
    check_ok(cx, po_user_change(cx, home, po_str_of(id), PO_USER_DEPROVISION, PO_LIT("")));
    check_ok(cx, po_user_change(cx, home, po_str_of(present.id), PO_USER_DEPROVISION, PO_LIT("")));
    check_ok(cx, invite(cx, home, &member, again));
    check_that(strcmp(id, again) != 0);
    check_eq_str(state_of(cx, home, id), "deprovisioned"); /* the row stays */
}

/* An admin who renews an owner's link could become that owner. */
TEST(invite__of_a_higher_account_is_not_renewed_by_a_lower_one)
{
    TEST_CX(cx);
    char id[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    check_ok(cx, invite(cx, home, &first_owner, id));
    struct person admin = person_make(cx, home, "admin", "admin");
    act_as(cx, &admin);
    const struct po_user_invite again = {
        .email = PO_LIT("ann@example.org"), .name = PO_LIT("Ann"), .role = PO_LIT("viewer")};
    check_fails(cx, invite(cx, home, &again, id), PO_DENIED);
    check_contains(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).detail, "sod.more_than_own");
}

/* @proves CC6.2 CC6.3 */
TEST(user__that_is_deprovisioned_loses_everything_at_once)
{
    TEST_CX(cx);
    struct po_identity identity = {0};
    struct po_token_made made = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person leaver = person_make(cx, home, "leaver", "operator");
    act_as(cx, &leaver);
    const struct po_token_new token = {.user = po_str_of(leaver.id), .name = PO_LIT("ci")};
    check_ok(cx, po_token_create(cx, home, &token, &made));
    act_as(cx, &owner);
    check_ok(cx,
             po_user_change(cx, home, po_str_of(leaver.id), PO_USER_DEPROVISION, PO_LIT("left")));
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(leaver.secret), &identity),
                PO_UNAUTH);
    check_fails(cx, po_identity_from_token(cx, home, po_secret_bytes(made.secret), &identity),
                PO_UNAUTH);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_USER_DEPROVISIONED);
    check_contains(seen.detail, "\"reason\":\"left\"");
    check_contains(seen.detail, "\"sessions_ended\":1");
    check_contains(seen.detail, "\"tokens_revoked\":1");
    check_fails(cx, po_user_change(cx, home, po_str_of(leaver.id), PO_USER_RESUME, PO_LIT("")),
                PO_CONFLICT);
    check_fails(cx, po_user_change(cx, home, po_str_of(leaver.id), PO_USER_DEPROVISION, PO_LIT("")),
                PO_CONFLICT);
    act_as(cx, &leaver);
    check_fails(cx, po_identity_current(cx, home, &identity), PO_UNAUTH);
    po_secret_free(made.secret);
}

TEST(user__that_is_suspended_comes_back_without_its_sessions)
{
    TEST_CX(cx);
    struct po_identity identity = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person member = person_make(cx, home, "member", "member");
    act_as(cx, &owner);
    check_fails(cx, po_user_change(cx, home, po_str_of(member.id), PO_USER_RESUME, PO_LIT("")),
                PO_CONFLICT);
    check_ok(cx, po_user_change(cx, home, po_str_of(member.id), PO_USER_SUSPEND, PO_LIT("")));
    check_fails(cx, po_user_change(cx, home, po_str_of(member.id), PO_USER_SUSPEND, PO_LIT("")),
                PO_CONFLICT);
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(member.secret), &identity),
                PO_UNAUTH);
    check_ok(cx, po_user_change(cx, home, po_str_of(member.id), PO_USER_RESUME, PO_LIT("")));
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(member.secret), &identity),
                PO_UNAUTH);
    struct person again = sign_in(cx, home, member.id);
    check_ok(cx, po_identity_from_session(cx, home, po_str_of(again.secret), &identity));
    check_eq_cstr(identity.role, "member");
}

/* @proves CC5.1 */
TEST(user__last_owner_and_oneself_stay)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person admin = person_make(cx, home, "admin", "admin");
    po_str id = po_str_of(owner.id);
    act_local(cx);
    check_fails(cx, po_user_change(cx, home, id, PO_USER_SUSPEND, PO_LIT("")), PO_DENIED);
    check_fails(cx, po_user_change(cx, home, id, PO_USER_DEPROVISION, PO_LIT("")), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.last_owner");
    act_as(cx, &admin); /* may suspend, but not above */
    check_fails(cx, po_user_change(cx, home, id, PO_USER_SUSPEND, PO_LIT("")), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.more_than_own");
    check_fails(cx, po_user_change(cx, home, po_str_of(admin.id), PO_USER_SUSPEND, PO_LIT("")),
                PO_DENIED);
    check_contains(po_err_msg(cx), "sod.self");
    struct person second = person_make(cx, home, "second", "owner");
    act_as(cx, &second);
    check_ok(cx, po_user_change(cx, home, id, PO_USER_SUSPEND, PO_LIT("")));
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).count, 4);
}

/* @proves CC6.1 */
TEST(user__of_another_tenant_is_not_there)
{
    TEST_CX(cx);
    struct po_user user = {0};
    struct po_session session = {0};
    struct po_identity identity = {0};
    struct po_user *users = NULL;
    size_t count = 0;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ours = person_make(cx, home, "ann", "owner");
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
        check_ok(cx, po_store_tenant_create(cx, tx, (po_tenant_id){2}, PO_LIT("Other")));
        commit(cx, home, tx);
    }
    cx->tenant = (po_tenant_id){2};
    struct person theirs = person_make(cx, home, "ann", "owner"); /* the same address is fine */
    act_as(cx, &theirs);
    po_str id = po_str_of(ours.id);
    const struct po_role_change change = {id, PO_LIT("viewer"), PO_LIT("x")};
    struct po_role_changed changed;
    check_fails(cx, po_user_get(cx, home, id, &user), PO_NOTFOUND);
    check_fails(cx, po_user_change(cx, home, id, PO_USER_SUSPEND, PO_LIT("")), PO_NOTFOUND);
    check_fails(cx, po_role_give(cx, home, &change, &changed), PO_NOTFOUND);
    check_fails(cx, po_role_approve(cx, home, id), PO_NOTFOUND);
    check_fails(cx, po_role_cancel(cx, home, id), PO_NOTFOUND);
    check_fails(cx, po_session_get(cx, home, po_str_of(ours.session), &session), PO_NOTFOUND);
    check_fails(cx, po_session_revoke(cx, home, po_str_of(ours.session), "x"), PO_NOTFOUND);
    check_ok(cx, po_user_list(cx, home, &users, &count));
    check_eq_u64(count, 1);
    check_eq_cstr(users[0].id, theirs.id);
    /* The cookie says whose it is, whatever tenant the request names. */
    check_ok(cx, po_identity_from_session(cx, home, po_str_of(ours.secret), &identity));
    check_eq_u64(identity.tenant.value, 1);
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("control.show"), PO_LIT("")),
                PO_DENIED);
    check_contains(po_err_msg(cx), "deny.tenant");
    act_as(cx, &ours); /* an actor of another tenant is nobody here */
    check_fails(cx, po_identity_current(cx, home, &identity), PO_UNAUTH);
}

TEST(service__acts_by_tokens_and_never_administrates)
{
    TEST_CX(cx);
    char id[PO_ID_BYTES];
    struct po_user user = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct po_service_new service = {.name = PO_LIT("ci"), .role = PO_LIT("operator")};
    act_local(cx);
    check_fails(cx, po_service_create(cx, home, &service, id),
                PO_USAGE); /* nobody answers for it */
    act_as(cx, &owner);
    check_ok(cx, po_service_create(cx, home, &service, id));
    check_ok(cx, po_user_get(cx, home, po_str_of(id), &user));
    check_that(user.is_service);
    check_eq_str(user.owner, owner.id);
    check_eq_cstr(user.role, "operator");
    service.role = PO_LIT("admin");
    check_fails(cx, po_service_create(cx, home, &service, id), PO_DENIED);
    const struct po_role_change change = {po_str_of(user.id), PO_LIT("admin"), PO_LIT("x")};
    struct po_role_changed changed;
    check_fails(cx, po_role_give(cx, home, &change, &changed), PO_DENIED);
    service = (struct po_service_new){
        .name = PO_LIT("x"), .role = PO_LIT("viewer"), .owner = po_str_of(user.id)};
    check_fails(cx, po_service_create(cx, home, &service, id), PO_INVALID);
}

/* Whoever makes a link or takes a factor away could come in as that person. */
TEST(user__above_the_caller_gets_no_link_and_keeps_its_factor)
{
    TEST_CX(cx);
    PO_CLEANUP(po_secret_freep) struct po_secret *link = NULL;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person admin = person_make(cx, home, "admin", "admin");
    const struct po_link_request reset = {.kind = PO_LINK_RESET, .user = po_str_of(owner.id)};
    act_as(cx, &admin);
    check_fails(cx, po_link_create(cx, home, &reset, &link), PO_DENIED);
    check_fails(cx, po_mfa_reset(cx, home, po_str_of(owner.id), PO_LIT("lost")), PO_DENIED);
    act_as(cx, &owner);
    const struct po_link_request down = {.kind = PO_LINK_RESET, .user = po_str_of(admin.id)};
    check_ok(cx, po_link_create(cx, home, &down, &link));
    check_ok(cx, po_mfa_reset(cx, home, po_str_of(admin.id), PO_LIT("lost")));
}

/* @proves CC6.1 */
TEST(user__helps_others_only_and_only_people)
{
    TEST_CX(cx);
    PO_CLEANUP(po_secret_freep) struct po_secret *link = NULL;
    char service[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person admin = person_make(cx, home, "admin", "admin");
    const po_str self = po_str_of(admin.id);
    const struct po_link_request own = {.kind = PO_LINK_RESET, .user = self};
    act_as(cx, &admin);
    check_fails(cx, po_link_create(cx, home, &own, &link), PO_DENIED);
    check_contains(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).detail, "sod.self");
    check_fails(cx, po_mfa_reset(cx, home, self, PO_LIT("lost")), PO_DENIED);
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).count, 2);
    check_fails(cx, po_lockout_clear(cx, home, po_str_of(owner.id)), PO_DENIED);
    check_contains(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).detail, "sod.more_than_own");
    const struct po_service_new wanted = {.name = PO_LIT("ci"), .role = PO_LIT("operator")};
    check_ok(cx, po_service_create(cx, home, &wanted, service));
    check_fails(cx, po_mfa_reset(cx, home, po_str_of(service), PO_LIT("x")), PO_CONFLICT);
    check_fails(cx, po_lockout_clear(cx, home, po_str_of(service)), PO_CONFLICT);
    act_as(cx, &owner);
    check_ok(cx, po_mfa_reset(cx, home, self, PO_LIT("phone lost")));
    check_contains(events(cx, home, PO_EVENT_TYPE_MFA_RESET).detail, "phone lost");
    check_ok(cx, po_lockout_clear(cx, home, self));
    check_ok(cx, po_user_change(cx, home, self, PO_USER_DEPROVISION, PO_LIT("left")));
    check_fails(cx, po_mfa_reset(cx, home, self, PO_LIT("x")), PO_CONFLICT);
    check_fails(cx, po_lockout_clear(cx, home, self), PO_CONFLICT);
    check_fails(cx, po_link_create(cx, home, &own, &link), PO_CONFLICT);
}
