/*
 * Every change of identity with memory, files and the store failing under it: state and event always
 * agree, and nobody is let in by a failure.
 *
 * One home for all runs of a case, opened again after each failure. Of the call sites every STRIDE-th
 * is failed; with the runner's -r all of them are.
 */
#include "core/fault.h"
#include "unit/identity/identity_fixture.h"

#include <errno.h>

#ifdef PO_FAULTS

#define STRIDE 3

struct world {
    struct po_home *home;
    struct person person;
    unsigned turn;
    bool is_done; /* the latest run was told success */
};

static void world_done(struct world *world) { po_home_abandonp(&world->home); }

struct op {
    void (*prepare)(struct po_ctx *cx, struct world *world);
    po_rc (*run)(struct po_ctx *cx, struct world *world);
    void (*verify)(struct po_ctx *cx, struct world *world);
};

/* One run; the home is opened again when it failed. */
static bool run_once(struct world *world, const struct op *op, uint64_t failing)
{
    TEST_CX(cx);
    act_local(cx);
    world->turn++;
    op->prepare(cx, world);
    if (failing == 0)
        po_fault_record();
    else
        po_fault_fail(failing, failing % 2 == 0 ? EIO : ENOSPC);
    po_rc rc = op->run(cx, world);
    bool is_fired = failing != 0 && po_fault_fired();
    po_fault_off();
    check_that(po_is_ok(rc) || is_fired, "%s", po_err_msg(cx));
    world->is_done = po_is_ok(rc);
    po_err_clear(cx);
    check_eq_u64(cx->tenant.value, 1);
    if (!world->is_done) {
        po_home_abandonp(&world->home);
        world->home = home_open(cx, PO_HOME_READ_WRITE);
    }
    op->verify(cx, world);
    return is_fired;
}

static void each_fault(struct world *world, const struct op *op)
{
    static struct po_fault_site sites[PO_FAULT_SITES_MAX];
    size_t stride = test_rounds(1) > 1 ? 1 : STRIDE;
    size_t fired = 0;
    check_that(!run_once(world, op, 0)); /* statements are prepared once */
    check_that(!run_once(world, op, 0));
    size_t count = po_fault_site_count();
    for (size_t i = 0; i < count; i++)
        sites[i] = *po_fault_site_at(i);
    check_that(count > 10);
    for (size_t i = 0; i < count; i += stride) {
        if (run_once(world, op, sites[i].first)) fired++;
        if (sites[i].count > 1 && run_once(world, op, sites[i].last)) fired++;
    }
    check_that(fired > 5);
}

static void make_world(struct po_ctx *cx, struct world *world)
{
    home_make(cx);
    world->home = home_open(cx, PO_HOME_READ_WRITE);
    world->person = person_make(cx, world->home, "ann", "viewer");
}

static void prepare_nothing(struct po_ctx *cx, struct world *world)
{
    (void)cx;
    (void)world;
}

static void verify_nothing(struct po_ctx *cx, struct world *world)
{
    (void)cx;
    (void)world;
}

/* ---- roles ---------------------------------------------------------------------------------------------- */

static po_rc give_other(struct po_ctx *cx, struct world *world)
{
    struct po_role_changed changed = {0};
    struct po_user user = {0};
    PO_TRY(cx, po_user_get(cx, world->home, po_str_of(world->person.id), &user));
    bool is_viewer = strcmp(user.role, "viewer") == 0;
    const struct po_role_change change = {po_str_of(world->person.id),
                                          is_viewer ? PO_LIT("operator") : PO_LIT("viewer"),
                                          PO_LIT("test")};
    return po_role_give(cx, world->home, &change, &changed);
}

TEST_TIMEOUT(faults__in_giving_a_role_leave_state_and_event_agreeing, 300)
{
    TEST_CX(cx);
    PO_CLEANUP(world_done) struct world world = {0};
    const struct op op = {prepare_nothing, give_other, verify_nothing};
    struct po_store_role_grant *grants = NULL;
    size_t count = 0;
    make_world(cx, &world);
    each_fault(&world, &op);
    check_ok(cx,
             po_store_role_grant_list(cx, po_home_store(world.home), PO_LIT(""), &grants, &count));
    check_eq_u64(events(cx, world.home, PO_EVENT_TYPE_ROLE_GRANTED).count, count - 1);
}

/* ---- accounts ------------------------------------------------------------------------------------------- */

static po_rc invite_next(struct po_ctx *cx, struct world *world)
{
    char email[64];
    struct po_user_invited invited = {0};
    (void)snprintf(email, sizeof email, "u%u@example.org", world->turn);
    const struct po_user_invite invite = {
        .email = po_str_of(email), .name = PO_LIT("U"), .role = PO_LIT("member")};
    PO_TRY(cx, po_user_invite(cx, world->home, &invite, &invited));
    po_secret_free(invited.link);
    return po_rc_ok();
}

TEST_TIMEOUT(faults__in_inviting_leave_no_account_without_its_event, 300)
{
    TEST_CX(cx);
    PO_CLEANUP(world_done) struct world world = {0};
    const struct op op = {prepare_nothing, invite_next, verify_nothing};
    struct po_user *users = NULL;
    size_t count = 0;
    make_world(cx, &world);
    each_fault(&world, &op);
    check_ok(cx, po_user_list(cx, world.home, &users, &count));
    check_eq_u64(events(cx, world.home, PO_EVENT_TYPE_USER_INVITED).count, count - 1);
    for (size_t i = 0; i < count; i++)
        check_that(strcmp(users[i].id, world.person.id) == 0 ||
                   strcmp(users[i].role, "member") == 0);
}

static void make_leaver(struct po_ctx *cx, struct world *world)
{
    char name[32];
    (void)snprintf(name, sizeof name, "leaver%u", world->turn);
    world->person = person_make(cx, world->home, name, "operator");
}

static po_rc deprovision(struct po_ctx *cx, struct world *world)
{
    return po_user_change(cx, world->home, po_str_of(world->person.id), PO_USER_DEPROVISION,
                          PO_LIT("left"));
}

/* Gone with its session, or there with it: nothing in between. */
static void verify_leaver(struct po_ctx *cx, struct world *world)
{
    struct po_user user = {0};
    struct po_identity identity = {0};
    check_ok(cx, po_user_get(cx, world->home, po_str_of(world->person.id), &user));
    po_rc rc =
        po_identity_from_session(cx, world->home, po_str_of(world->person.secret), &identity);
    bool is_gone = po_str_eq_cstr(user.state, "deprovisioned");
    check_eq_int(rc.code, is_gone ? PO_UNAUTH : PO_OK);
    check_that(is_gone || !world->is_done);
}

TEST_TIMEOUT(faults__in_deprovisioning_never_leave_it_half_done, 300)
{
    TEST_CX(cx);
    PO_CLEANUP(world_done) struct world world = {0};
    const struct op op = {make_leaver, deprovision, verify_leaver};
    struct po_user *users = NULL;
    size_t count = 0;
    size_t gone = 0;
    make_world(cx, &world);
    each_fault(&world, &op);
    check_ok(cx, po_user_list(cx, world.home, &users, &count));
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(users[i].state, "deprovisioned")) gone++;
    check_eq_u64(events(cx, world.home, PO_EVENT_TYPE_USER_DEPROVISIONED).count, gone);
}

/* ---- tokens and sessions --------------------------------------------------------------------------------- */

/* Earlier ones expire: their number is limited. */
static void expire_tokens(struct po_ctx *cx, struct world *world)
{
    (void)cx;
    (void)world;
    po_clock_fake_advance(test_clock(), PO_TOKEN_LIFE_US);
}

static po_rc make_token(struct po_ctx *cx, struct world *world)
{
    struct po_token_made made = {0};
    const struct po_token_new token = {.user = po_str_of(world->person.id), .name = PO_LIT("ci")};
    PO_TRY(cx, po_token_create(cx, world->home, &token, &made));
    po_secret_free(made.secret);
    return po_rc_ok();
}

TEST_TIMEOUT(faults__in_making_a_token_leave_no_token_without_its_event, 300)
{
    TEST_CX(cx);
    PO_CLEANUP(world_done) struct world world = {0};
    const struct op op = {expire_tokens, make_token, verify_nothing};
    struct po_token *tokens = NULL;
    size_t count = 0;
    make_world(cx, &world);
    each_fault(&world, &op);
    check_ok(cx, po_token_list(cx, world.home, PO_LIT(""), &tokens, &count));
    check_eq_u64(events(cx, world.home, PO_EVENT_TYPE_TOKEN_CREATED).count, count);
}

static void sign_in_again(struct po_ctx *cx, struct world *world)
{
    world->person = sign_in(cx, world->home, world->person.id);
    po_clock_fake_advance(test_clock(), 2 * PO_SESSION_SEEN_US); /* the use is noted */
}

static po_rc look_up(struct po_ctx *cx, struct world *world)
{
    struct po_identity identity = {0};
    po_rc rc =
        po_identity_from_session(cx, world->home, po_str_of(world->person.secret), &identity);
    check_eq_int(identity.kind == PO_IDENTITY_USER, po_is_ok(rc)); /* nobody by failing */
    return rc;
}

TEST_TIMEOUT(faults__in_looking_up_a_session_let_nobody_in, 300)
{
    TEST_CX(cx);
    PO_CLEANUP(world_done) struct world world = {0};
    const struct op op = {sign_in_again, look_up, verify_nothing};
    make_world(cx, &world);
    each_fault(&world, &op);
}

static po_rc ask_too_much(struct po_ctx *cx, struct world *world)
{
    struct po_identity identity = {0};
    PO_TRY(cx, po_identity_of(cx, world->home, po_str_of(world->person.id), &identity));
    po_rc rc = po_access_check(cx, world->home, &identity, PO_LIT("flag.set"), PO_LIT("flag:x"));
    check_that(!po_is_ok(rc)); /* also when the denial cannot be recorded */
    return rc.code == PO_DENIED ? po_rc_ok() : rc;
}

TEST_TIMEOUT(faults__in_recording_a_denial_do_not_allow, 300)
{
    TEST_CX(cx);
    PO_CLEANUP(world_done) struct world world = {0};
    const struct op op = {prepare_nothing, ask_too_much, verify_nothing};
    make_world(cx, &world);
    each_fault(&world, &op);
}

#endif
