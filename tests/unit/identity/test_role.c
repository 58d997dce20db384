/*
 * Roles given and made: nobody reaches more than somebody gave.
 */
#include "unit/identity/identity_fixture.h"

static po_rc give(struct po_ctx *cx, struct po_home *home, const struct person *to,
                  const char *role, struct po_role_changed *ret_changed)
{
    const struct po_role_change change = {po_str_of(to->id), po_str_of(role), PO_LIT("needed")};
    return po_role_give(cx, home, &change, ret_changed);
}

static const char *role_of(struct po_ctx *cx, struct po_home *home, const struct person *person)
{
    static struct po_user user;
    check_ok(cx, po_user_get(cx, home, po_str_of(person->id), &user));
    return user.role;
}

TEST(role__that_is_plain_holds_at_once)
{
    TEST_CX(cx);
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person ann = person_make(cx, home, "ann", "viewer");
    act_as(cx, &owner);
    check_ok(cx, give(cx, home, &ann, "operator", &changed));
    check_that(changed.is_in_force);
    check_eq_cstr(role_of(cx, home, &ann), "operator");
    struct seen seen = events(cx, home, PO_EVENT_TYPE_ROLE_GRANTED);
    check_contains(seen.detail, "\"role\":\"operator\"");
    check_contains(seen.detail, "\"reason\":\"needed\"");
    check_fails(cx, give(cx, home, &ann, "operator", &changed), PO_EXISTS);
    check_fails(cx, give(cx, home, &ann, "king", &changed), PO_NOTFOUND);
    check_ok(cx, give(cx, home, &ann, "viewer", &changed));
    check_eq_cstr(role_of(cx, home, &ann), "viewer");
}

/* @proves CC5.1 */
TEST(role__that_is_privileged_needs_a_second_person)
{
    TEST_CX(cx);
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person one = person_make(cx, home, "one", "owner");
    struct person two = person_make(cx, home, "two", "owner");
    struct person admin = person_make(cx, home, "admin", "admin");
    struct person ann = person_make(cx, home, "ann", "viewer");
    po_str id = po_str_of(ann.id);
    act_as(cx, &one);
    const struct po_role_change unexplained = {id, PO_LIT("owner"), PO_LIT(" ")};
    check_fails(cx, po_role_give(cx, home, &unexplained, &changed), PO_USAGE);
    check_ok(cx, give(cx, home, &ann, "owner", &changed));
    check_that(!changed.is_in_force && changed.effective_us == 0);
    check_eq_cstr(role_of(cx, home, &ann), "viewer");
    check_fails(cx, give(cx, home, &ann, "admin", &changed), PO_EXISTS); /* one waits */
    check_fails(cx, po_role_approve(cx, home, id), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.asker");
    act_as(cx, &ann);
    check_fails(cx, po_role_approve(cx, home, id), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.self");
    act_as(cx, &admin);
    check_fails(cx, po_role_approve(cx, home, id), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.more_than_own");
    act_local(cx);
    check_fails(cx, po_role_approve(cx, home, id), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.person");
    po_clock_fake_advance(test_clock(), 30 * PO_US_PER_MIN - PO_US_PER_S);
    check_eq_cstr(role_of(cx, home, &ann), "viewer"); /* time does not help */
    act_as(cx, &two);
    check_ok(cx, po_role_approve(cx, home, id));
    check_eq_cstr(role_of(cx, home, &ann), "owner");
    struct seen seen = events(cx, home, PO_EVENT_TYPE_ROLE_GRANTED);
    char approved[128];
    (void)snprintf(approved, sizeof approved,
                   "\"approved_by\":\"user:%s\",\"asked_by\":\"user:%s\"", two.id, one.id);
    check_contains(seen.detail, approved);
    check_fails(cx, po_role_approve(cx, home, id), PO_NOTFOUND);
}

/* @proves CC5.1 */
TEST(role__that_is_privileged_waits_when_nobody_else_is_there)
{
    TEST_CX(cx);
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person ann = person_make(cx, home, "ann", "viewer");
    act_as(cx, &owner);
    check_ok(cx, give(cx, home, &ann, "admin", &changed));
    check_eq_int(changed.effective_us, po_ctx_now_us(cx) + PO_US_PER_DAY);
    check_contains(events(cx, home, PO_EVENT_TYPE_ROLE_ASKED).detail,
                   "\"approved_by\":\"sole operator\"");
    check_fails(cx, po_role_approve(cx, home, po_str_of(ann.id)), PO_NOTFOUND);
    check_ok(cx, po_role_cancel(cx, home, po_str_of(ann.id)));
    po_clock_fake_advance(test_clock(), 25 * PO_US_PER_HOUR);
    check_eq_cstr(role_of(cx, home, &ann), "viewer");
    check_fails(cx, po_role_cancel(cx, home, po_str_of(ann.id)), PO_NOTFOUND);
    act_local(cx); /* a local process is the sole owner, too */
    check_ok(cx, give(cx, home, &ann, "admin", &changed));
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY - 1);
    check_eq_cstr(role_of(cx, home, &ann), "viewer");
    po_clock_fake_advance(test_clock(), 1);
    check_eq_cstr(role_of(cx, home, &ann), "admin");
}

TEST(role__asked_for_by_somebody_who_left_is_void)
{
    TEST_CX(cx);
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person admin = person_make(cx, home, "admin", "admin");
    struct person ann = person_make(cx, home, "ann", "viewer");
    act_as(cx, &admin);
    check_ok(cx, give(cx, home, &ann, "admin", &changed));
    act_as(cx, &owner);
    check_ok(cx, po_user_change(cx, home, po_str_of(admin.id), PO_USER_DEPROVISION, PO_LIT("")));
    check_contains(events(cx, home, PO_EVENT_TYPE_USER_DEPROVISIONED).detail,
                   "\"roles_cancelled\":1");
    check_fails(cx, po_role_approve(cx, home, po_str_of(ann.id)), PO_NOTFOUND);
}

/* @proves CC6.3 */
TEST(role__is_not_given_by_who_lacks_it)
{
    TEST_CX(cx);
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person admin = person_make(cx, home, "admin", "admin");
    struct person member = person_make(cx, home, "member", "member");
    act_as(cx, &admin);
    check_fails(cx, give(cx, home, &member, "owner", &changed), PO_DENIED);
    check_fails(cx, give(cx, home, &admin, "owner", &changed), PO_DENIED);
    check_fails(cx, give(cx, home, &owner, "viewer", &changed), PO_DENIED); /* nor taken away */
    act_as(cx, &member);
    check_fails(cx, give(cx, home, &admin, "viewer", &changed), PO_DENIED);
    act_as(cx, &owner);
    check_fails(cx, give(cx, home, &owner, "admin", &changed), PO_DENIED); /* oneself */
    act_local(cx);
    check_fails(cx, give(cx, home, &owner, "admin", &changed), PO_DENIED); /* the last owner */
    check_contains(po_err_msg(cx), "sod.last_owner");
    check_eq_cstr(role_of(cx, home, &owner), "owner");
    check_eq_cstr(role_of(cx, home, &member), "member");
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED).count, 6);
}

/* @proves CC6.3 */
TEST(role__that_people_make_holds_no_more_than_they_do)
{
    TEST_CX(cx);
    const po_str control[] = {PO_LIT("control.run"), PO_LIT("control.show")};
    const po_str key[] = {PO_LIT("control.run"), PO_LIT("key.rotate")};
    const po_str unknown[] = {PO_LIT("control.run"), PO_LIT("control.fly")};
    const po_str local[] = {PO_LIT("home.init")};
    struct po_role role = {0};
    struct po_role_changed changed = {0};
    struct po_identity identity = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person admin = person_make(cx, home, "admin", "admin");
    struct person ann = person_make(cx, home, "ann", "viewer");
    act_as(cx, &admin);
    check_ok(cx, po_role_create(cx, home, PO_LIT("runner"), control, 2));
    check_fails(cx, po_role_create(cx, home, PO_LIT("runner"), key, 2), PO_DENIED);
    check_fails(cx, po_role_create(cx, home, PO_LIT("keys"), key, 2), PO_DENIED);
    check_contains(po_err_msg(cx), "sod.more_than_own");
    check_fails(cx, po_role_create(cx, home, PO_LIT("x"), unknown, 2), PO_INVALID);
    check_fails(cx, po_role_create(cx, home, PO_LIT("x"), local, 1), PO_INVALID);
    check_fails(cx, po_role_create(cx, home, PO_LIT("x"), control, 0), PO_INVALID);
    check_fails(cx, po_role_create(cx, home, PO_LIT("owner"), control, 2), PO_EXISTS);
    check_fails(cx, po_role_create(cx, home, PO_LIT("A b"), control, 2), PO_INVALID);
    /* Not changed later either: the name is taken while it is in use. */
    check_fails(cx, po_role_create(cx, home, PO_LIT("runner"), control, 1), PO_EXISTS);
    check_ok(cx, give(cx, home, &ann, "runner", &changed));
    check_fails(cx, po_role_delete(cx, home, PO_LIT("runner")), PO_CONFLICT);
    check_fails(cx, po_role_delete(cx, home, PO_LIT("viewer")), PO_DENIED);
    check_fails(cx, po_role_delete(cx, home, PO_LIT("none")), PO_NOTFOUND);
    check_ok(cx, po_identity_from_session(cx, home, po_str_of(ann.secret), &identity));
    check_ok(cx, po_access_check(cx, home, &identity, PO_LIT("control.run"), PO_LIT("")));
    check_ok(cx, po_access_check(cx, home, &identity, PO_LIT("session.end"), PO_LIT("")));
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("control.list"), PO_LIT("")),
                PO_DENIED);
    check_ok(cx, po_role_get(cx, home, PO_LIT("runner"), &role));
    check_eq_u64(role.users, 1);
    check_that(!role.is_privileged && !role.is_shipped);
    check_ok(cx, give(cx, home, &ann, "viewer", &changed));
    check_ok(cx, po_role_delete(cx, home, PO_LIT("runner")));
    check_contains(events(cx, home, PO_EVENT_TYPE_ROLE_CREATED).detail, "\"control.run\"");
}

/* A role with a privileged action is privileged, whatever its name. */
TEST(role__that_is_custom_and_privileged_waits_as_well)
{
    TEST_CX(cx);
    const po_str inviter[] = {PO_LIT("user.invite"), PO_LIT("user.list")};
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person ann = person_make(cx, home, "ann", "viewer");
    act_as(cx, &owner);
    check_ok(cx, po_role_create(cx, home, PO_LIT("inviter"), inviter, 2));
    check_ok(cx, give(cx, home, &ann, "inviter", &changed));
    check_that(!changed.is_in_force && changed.effective_us > po_ctx_now_us(cx));
    check_eq_cstr(role_of(cx, home, &ann), "viewer");
}
