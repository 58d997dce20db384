/*
 * API tokens: shaped for scanners, scoped, expiring, shown once.
 */
#include "unit/identity/identity_fixture.h"

struct held {
    char id[PO_ID_BYTES];
    char secret[64];
    po_time_us expires_us;
};

static po_rc make(struct po_ctx *cx, struct po_home *home, const struct po_token_new *token,
                  struct held *ret_held)
{
    struct po_token_made made = {0};
    PO_TRY(cx, po_token_create(cx, home, token, &made));
    memcpy(ret_held->id, made.id, sizeof made.id);
    (void)snprintf(ret_held->secret, sizeof ret_held->secret, "%.*s",
                   PO_STR_ARG(po_secret_bytes(made.secret)));
    ret_held->expires_us = made.expires_us;
    po_secret_free(made.secret);
    return po_rc_ok();
}

static bool holds(struct po_ctx *cx, struct po_home *home, const char *secret)
{
    struct po_identity identity = {0};
    po_rc rc = po_identity_from_token(cx, home, po_str_of(secret), &identity);
    check_that(po_is_ok(rc) || rc.code == PO_UNAUTH);
    po_err_clear(cx);
    return po_is_ok(rc);
}

/* @proves CC6.1 */
TEST(token__acts_within_its_scopes_until_it_expires)
{
    TEST_CX(cx);
    const po_str scopes[] = {PO_LIT("control.*"), PO_LIT("health.run")};
    struct po_identity identity = {0};
    struct held held = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "operator");
    act_as(cx, &ann);
    const struct po_token_new token = {
        .user = po_str_of(ann.id), .name = PO_LIT("ci"), .scopes = scopes, .scope_count = 2};
    check_ok(cx, make(cx, home, &token, &held));
    check_eq_u64(strlen(held.secret), PO_TOKEN_CHARS);
    check_eq_int(held.expires_us, po_ctx_now_us(cx) + 90 * PO_US_PER_DAY);
    check_that(po_token_is_shaped(po_str_of(held.secret)));
    check_ok(cx, po_identity_from_token(cx, home, po_str_of(held.secret), &identity));
    check_eq_cstr(identity.id, ann.id);
    check_eq_cstr(identity.token, held.id);
    check_ok(cx, po_access_check(cx, home, &identity, PO_LIT("control.run"), PO_LIT("")));
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("flag.set"), PO_LIT("")),
                PO_DENIED);
    po_identity_apply(cx, &identity);
    struct po_identity current = {0};
    check_ok(cx, po_identity_current(cx, home, &current));
    check_that(memcmp(&current.scopes, &identity.scopes, sizeof current.scopes) == 0);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_TOKEN_CREATED);
    check_contains(seen.detail, "\"scopes\":[\"control.list\",\"control.run\",\"control.show\"");
    check_that(strstr(seen.detail, held.secret + 8) == NULL);
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_TOKEN_USED).count, 1);
    check_that(holds(cx, home, held.secret));
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_TOKEN_USED).count, 1); /* at most once an hour */
    po_clock_fake_advance(test_clock(), 90 * PO_US_PER_DAY - PO_US_PER_S);
    check_that(holds(cx, home, held.secret));
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_that(!holds(cx, home, held.secret));
}

TEST(token__that_was_altered_or_made_up_is_refused)
{
    TEST_CX(cx);
    struct held held = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "operator");
    act_as(cx, &ann);
    const struct po_token_new token = {.user = po_str_of(ann.id), .name = PO_LIT("ci")};
    check_ok(cx, make(cx, home, &token, &held));
    for (size_t i = 0; i < PO_TOKEN_CHARS; i++) {
        char altered[64];
        (void)snprintf(altered, sizeof altered, "%s", held.secret);
        altered[i] = altered[i] == 'x' ? 'y' : 'x';
        check_that(!po_token_is_shaped(po_str_of(altered)));
        check_that(!holds(cx, home, altered));
    }
    check_that(!holds(cx, home, ""));
    check_that(!holds(cx, home, "pot_"));
    check_that(!po_token_is_shaped(po_str_n(held.secret, PO_TOKEN_CHARS - 1)));
    check_that(holds(cx, home, held.secret));
}

/* A good checksum can be computed by anybody: it makes a token well-shaped, never good. */
TEST(token__with_a_forged_checksum_is_shaped_and_unknown)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    char text[64] = "pot_";
    memset(text + 4, '0', 43);
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < 47; i++) {
        crc ^= (uint8_t)text[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    crc = ~crc;
    for (size_t i = 53; i-- > 47; crc /= 62U)
        text[i] = digits[crc % 62U];
    check_that(po_token_is_shaped(po_str_of(text)));
    check_that(!holds(cx, home, text));
}

/* @proves CC6.3 */
TEST(token__never_reaches_beyond_its_account_or_its_maker)
{
    TEST_CX(cx);
    const po_str high[] = {PO_LIT("user.role")};
    const po_str unknown[] = {PO_LIT("control.fly")};
    const po_str family[] = {PO_LIT("user.*")};
    struct held held = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person ann = person_make(cx, home, "ann", "member");
    act_as(cx, &ann);
    struct po_token_new token = {
        .user = po_str_of(ann.id), .name = PO_LIT("x"), .scopes = high, .scope_count = 1};
    check_fails(cx, make(cx, home, &token, &held), PO_DENIED);
    token.scopes = family;
    check_fails(cx, make(cx, home, &token, &held), PO_DENIED);
    token.scopes = unknown;
    check_fails(cx, make(cx, home, &token, &held), PO_INVALID);
    token = (struct po_token_new){.user = po_str_of(owner.id), .name = PO_LIT("x")};
    check_fails(cx, make(cx, home, &token, &held), PO_DENIED); /* another person's */
    act_as(cx, &owner);
    token.user = po_str_of(ann.id);
    check_fails(cx, make(cx, home, &token, &held), PO_DENIED); /* nor as an owner */
    token.user = po_str_of(owner.id);
    token.life_us = PO_TOKEN_LIFE_US_MAX + 1;
    check_fails(cx, make(cx, home, &token, &held), PO_INVALID);
    token.life_us = 0;
    token.name = PO_LIT("");
    check_fails(cx, make(cx, home, &token, &held), PO_INVALID);
    token.name = PO_LIT("all");
    check_ok(cx, make(cx, home, &token, &held));
    struct po_identity identity = {0};
    check_ok(cx, po_identity_from_token(cx, home, po_str_of(held.secret), &identity));
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("flag.set"), PO_LIT("")),
                PO_DENIED); /* without scopes it reads */
    check_ok(cx, po_access_check(cx, home, &identity, PO_LIT("audit.list"), PO_LIT("")));
}

TEST(token__shrinks_with_the_role_of_its_account)
{
    TEST_CX(cx);
    const po_str scopes[] = {PO_LIT("flag.set")};
    struct held held = {0};
    struct po_identity identity = {0};
    struct po_role_changed changed = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    struct person ann = person_make(cx, home, "ann", "operator");
    act_as(cx, &ann);
    const struct po_token_new token = {
        .user = po_str_of(ann.id), .name = PO_LIT("x"), .scopes = scopes, .scope_count = 1};
    check_ok(cx, make(cx, home, &token, &held));
    act_as(cx, &owner);
    const struct po_role_change change = {po_str_of(ann.id), PO_LIT("viewer"), PO_LIT("")};
    check_ok(cx, po_role_give(cx, home, &change, &changed));
    check_ok(cx, po_identity_from_token(cx, home, po_str_of(held.secret), &identity));
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("flag.set"), PO_LIT("")),
                PO_DENIED);
    check_contains(po_err_msg(cx), "deny.role");
}

TEST(token__that_was_revoked_is_refused)
{
    TEST_CX(cx);
    struct held held = {0};
    struct po_token *tokens = NULL;
    size_t count = 0;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "operator");
    act_as(cx, &ann);
    const struct po_token_new token = {.user = po_str_of(ann.id), .name = PO_LIT("ci")};
    check_ok(cx, make(cx, home, &token, &held));
    check_that(holds(cx, home, held.secret));
    check_ok(cx, po_token_revoke(cx, home, po_str_of(held.id), "leaked"));
    check_that(!holds(cx, home, held.secret));
    check_fails(cx, po_token_revoke(cx, home, po_str_of(held.id), "leaked"), PO_CONFLICT);
    check_fails(cx, po_token_revoke(cx, home, PO_LIT("tok_x"), "leaked"), PO_NOTFOUND);
    check_ok(cx, po_token_list(cx, home, po_str_of(ann.id), &tokens, &count));
    check_eq_u64(count, 1);
    check_eq_str(tokens[0].ended_why, "leaked");
    check_that(tokens[0].used_us != 0 && !tokens[0].is_open);
}

/* @proves CC6.2 */
TEST(token__of_a_program_works_while_its_owner_answers_for_it)
{
    TEST_CX(cx);
    struct held held = {0};
    struct held other = {0};
    char id[PO_ID_BYTES];
    struct po_user user = {0};
    struct po_user *users = NULL;
    size_t count = 0;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "operator");
    struct person bob = person_make(cx, home, "bob", "operator");
    act_local(cx);
    struct po_service_new service = {
        .name = PO_LIT("ci"), .role = PO_LIT("operator"), .owner = po_str_of(bob.id)};
    check_ok(cx, po_service_create(cx, home, &service, id));
    const struct po_token_new others = {.user = po_str_of(id), .name = PO_LIT("bob's")};
    check_ok(cx, make(cx, home, &others, &other));
    service.owner = po_str_of(ann.id);
    check_ok(cx, po_service_create(cx, home, &service, id));
    const struct po_token_new token = {.user = po_str_of(id), .name = PO_LIT("ann's")};
    check_ok(cx, make(cx, home, &token, &held));
    check_that(holds(cx, home, held.secret));
    check_ok(cx, po_user_change(cx, home, po_str_of(ann.id), PO_USER_SUSPEND, PO_LIT("x")));
    check_that(!holds(cx, home, held.secret));
    check_ok(cx, po_user_get(cx, home, po_str_of(id), &user));
    check_that(!user.is_ownerless);
    check_ok(cx, po_user_change(cx, home, po_str_of(ann.id), PO_USER_RESUME, PO_LIT("x")));
    check_that(holds(cx, home, held.secret));
    check_ok(cx, po_user_change(cx, home, po_str_of(ann.id), PO_USER_DEPROVISION, PO_LIT("x")));
    check_that(!holds(cx, home, held.secret));
    check_contains(events(cx, home, PO_EVENT_TYPE_USER_DEPROVISIONED).detail,
                   "\"services_ownerless\":1");
    check_ok(cx, po_user_get(cx, home, po_str_of(id), &user));
    check_that(user.is_ownerless);
    check_ok(cx, po_user_list(cx, home, &users, &count));
    check_eq_u64(count, 4);
    for (size_t i = 0; i < count; i++)
        check_that(users[i].is_ownerless == (strcmp(users[i].id, id) == 0));
    check_fails(cx, make(cx, home, &token, &held), PO_CONFLICT);
    check_that(holds(cx, home, other.secret));
    check_ok(cx, po_user_change(cx, home, po_str_of(id), PO_USER_DEPROVISION, PO_LIT("x")));
    check_ok(cx, po_user_get(cx, home, po_str_of(id), &user));
    check_that(!user.is_ownerless);
}
