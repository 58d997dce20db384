/*
 * Rows of identity: sealed, bound to what they say, spent once, seen by their tenant only.
 */
#include "core/fs.h"
#include "unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define ANN "usr_0000000000000000000000000a"
#define BOB "usr_0000000000000000000000000b"

static void add_user(struct po_ctx *cx, struct po_store *store, const char *id, const char *email)
{
    const struct po_store_user user = {.id = po_str_of(id),
                                       .kind = PO_LIT("human"),
                                       .state = PO_LIT("active"),
                                       .email = po_str_of(email),
                                       .name = PO_LIT("SENTINEL name"),
                                       .owner = PO_LIT("")};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_user_add(cx, tx, &user));
    fixture_commit(cx, tx);
}

static void add_tenant(struct po_ctx *cx, struct po_store *store)
{
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, (po_tenant_id){2}, PO_LIT("Other")));
    fixture_commit(cx, tx);
}

/* @proves CC6.1 */
TEST(store_user__is_found_by_sealed_address_in_its_tenant_only)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_user *user = NULL;
    fixture_create(cx, &fixture);
    add_tenant(cx, fixture.store);
    add_user(cx, fixture.store, ANN, "ann@sentinel.org");
    check_ok(cx, po_store_user_find_email(cx, fixture.store, PO_LIT("ann@sentinel.org"), &user));
    check_that(user != NULL);
    check_eq_str(user->id, ANN);
    check_eq_str(user->name, "SENTINEL name");
    check_eq_u64(user->version, 1);
    cx->tenant = (po_tenant_id){2};
    check_ok(cx, po_store_user_find_email(cx, fixture.store, PO_LIT("ann@sentinel.org"), &user));
    check_that(user == NULL);
    check_ok(cx, po_store_user_find(cx, fixture.store, PO_LIT(ANN), &user));
    check_that(user == NULL);
    add_user(cx, fixture.store, BOB, "ann@sentinel.org"); /* another tenant's Ann */
    po_store_closep(&fixture.store);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("paulyops.db"), &len);
    check_that(po_str_find(po_str_n(bytes, len), PO_LIT("SENTINEL"), 0) == SIZE_MAX);
    check_that(po_str_find(po_str_n(bytes, len), PO_LIT("sentinel"), 0) == SIZE_MAX);
    free(bytes);
}

TEST(store_user__address_is_taken_until_its_account_ends)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    add_user(cx, fixture.store, ANN, "a@b");
    const struct po_store_user again = {.id = PO_LIT(BOB),
                                        .kind = PO_LIT("human"),
                                        .state = PO_LIT("invited"),
                                        .email = PO_LIT("a@b"),
                                        .name = PO_LIT("B"),
                                        .owner = PO_LIT("")};
    struct po_store_user odd = again;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_fails(cx, po_store_user_add(cx, tx, &again), PO_EXISTS);
    odd.state = PO_LIT("king");
    odd.email = PO_LIT("b@b");
    check_fails(cx, po_store_user_add(cx, tx, &odd), PO_INVALID);
    odd.state = PO_LIT("active");
    odd.id = PO_LIT("usr_short");
    check_fails(cx, po_store_user_add(cx, tx, &odd), PO_INVALID);
    check_fails(cx, po_store_user_move(cx, tx, PO_LIT(ANN), "invited", "active"), PO_CONFLICT);
    check_fails(cx, po_store_user_move(cx, tx, PO_LIT(BOB), "active", "suspended"), PO_CONFLICT);
    check_ok(cx, po_store_user_move(cx, tx, PO_LIT(ANN), "active", "deprovisioned"));
    check_ok(cx, po_store_user_add(cx, tx, &again));
    fixture_commit(cx, tx);
}

static void give(struct po_ctx *cx, struct po_store *store, const char *role, po_time_us effective)
{
    uint64_t id = 0;
    const struct po_store_role_grant grant = {.user = PO_LIT(ANN),
                                              .role = po_str_of(role),
                                              .reason = PO_LIT("why"),
                                              .asked_by = PO_LIT("os:1"),
                                              .approved_by = PO_LIT("os:1"),
                                              .asked_us = TEST_CLOCK_START_US,
                                              .effective_us = effective};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_role_grant_add(cx, tx, &grant, &id));
    fixture_commit(cx, tx);
}

TEST(role_grant__in_force_is_the_newest_that_holds)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_role_grant *grant = NULL;
    fixture_create(cx, &fixture);
    add_user(cx, fixture.store, ANN, "a@b");
    check_ok(cx, po_store_role_grant_current(cx, fixture.store, PO_LIT(ANN), &grant));
    check_that(grant == NULL);
    give(cx, fixture.store, "viewer", TEST_CLOCK_START_US);
    give(cx, fixture.store, "admin", TEST_CLOCK_START_US + PO_US_PER_DAY);
    check_ok(cx, po_store_role_grant_current(cx, fixture.store, PO_LIT(ANN), &grant));
    check_eq_str(grant->role, "viewer");
    check_eq_str(grant->reason, "why");
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    check_ok(cx, po_store_role_grant_current(cx, fixture.store, PO_LIT(ANN), &grant));
    check_eq_str(grant->role, "admin");
}

/* @proves CC6.3 */
TEST(role_grant__that_was_altered_does_not_open)
{
    static const char *const changes[] = {
        "UPDATE role_grant SET role = 'owner'",
        "UPDATE role_grant SET asked_by = 'os:2'",
        "UPDATE role_grant SET approved_by = 'user:x'",
        "UPDATE role_grant SET effective_us = effective_us - 1",
        "UPDATE role_grant SET asked_us = 1",
        "UPDATE role_grant SET id = 7",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        TEST_CX(cx);
        FIXTURE_AUTO fixture = {0};
        struct po_store_role_grant *grant = NULL;
        test_row(changes[i]);
        check_that(i == 0 || po_is_ok(po_fs_remove_tree(cx, test_tmp("keys"), 4)));
        check_that(i == 0 || remove(test_tmp("paulyops.db")) == 0);
        fixture_create(cx, &fixture);
        add_user(cx, fixture.store, ANN, "a@b");
        give(cx, fixture.store, "viewer", TEST_CLOCK_START_US);
        po_store_closep(&fixture.store);
        fixture_tamper(changes[i]);
        fixture_reopen(cx, &fixture);
        check_fails(cx, po_store_role_grant_current(cx, fixture.store, PO_LIT(ANN), &grant),
                    PO_TAMPER);
    }
    test_row(NULL);
}

static struct po_store_api_token make_token(uint8_t fill)
{
    struct po_store_api_token token = {.id = PO_LIT("tok_00000000000000000000000001"),
                                       .user = PO_LIT(ANN),
                                       .name = PO_LIT("ci"),
                                       .scopes = PO_LIT("control.run"),
                                       .author = PO_LIT("os:1"),
                                       .expires_us = TEST_CLOCK_START_US + PO_US_PER_DAY};
    memset(token.hash, fill, sizeof token.hash);
    return token;
}

static void add_token(struct po_ctx *cx, struct po_store *store)
{
    const struct po_store_api_token token = make_token(1);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_api_token_add(cx, tx, &token));
    fixture_commit(cx, tx);
}

/* @proves CC6.3 */
TEST(api_token__that_was_altered_does_not_open)
{
    static const char *const changes[] = {
        "UPDATE api_token SET expires_us = expires_us + 1",
        "UPDATE api_token SET user = '" BOB "'",
        "UPDATE api_token SET id = 'tok_00000000000000000000000002'",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        TEST_CX(cx);
        FIXTURE_AUTO fixture = {0};
        struct po_store_api_token *token = NULL;
        test_row(changes[i]);
        check_that(i == 0 || po_is_ok(po_fs_remove_tree(cx, test_tmp("keys"), 4)));
        check_that(i == 0 || remove(test_tmp("paulyops.db")) == 0);
        fixture_create(cx, &fixture);
        add_user(cx, fixture.store, ANN, "a@b");
        add_user(cx, fixture.store, BOB, "b@b");
        add_token(cx, fixture.store);
        po_store_closep(&fixture.store);
        fixture_tamper(changes[i]);
        fixture_reopen(cx, &fixture);
        check_fails(cx, po_store_api_token_find(cx, fixture.store, make_token(1).hash, &token),
                    PO_TAMPER);
    }
    test_row(NULL);
}

TEST(api_token__hash_says_its_tenant_and_nothing_else_does)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_api_token *token = NULL;
    size_t count = 9;
    fixture_create(cx, &fixture);
    add_tenant(cx, fixture.store);
    add_user(cx, fixture.store, ANN, "a@b");
    add_token(cx, fixture.store);
    cx->tenant = (po_tenant_id){2};
    check_ok(cx, po_store_api_token_find(cx, fixture.store, make_token(1).hash, &token));
    check_that(token != NULL);
    check_eq_u64(token->tenant.value, 1);
    check_eq_u64(cx->tenant.value, 2);
    check_eq_str(token->scopes, "control.run");
    check_ok(cx, po_store_api_token_find(cx, fixture.store, make_token(2).hash, &token));
    check_that(token == NULL);
    check_ok(cx, po_store_api_token_get(cx, fixture.store, make_token(1).id, &token));
    check_that(token == NULL);
    check_ok(cx, po_store_api_token_list(cx, fixture.store, PO_LIT(""), &token, &count));
    check_eq_u64(count, 0);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_fails(cx, po_store_api_token_revoke(cx, tx, make_token(1).id, "x"), PO_CONFLICT);
    check_fails(cx, po_store_api_token_used(cx, tx, make_token(1).id), PO_CONFLICT);
}

/* ---- credentials, throttling, tickets ------------------------------------------------------------------- */

TEST(credential__counter_only_rises_and_secret_is_bound_to_its_place)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_credential *rows = NULL;
    size_t count = 0;
    struct po_store_credential credential = {
        .user = PO_LIT(ANN), .kind = PO_LIT("totp"), .secret = PO_LIT("SENTINEL"), .counter = 5};
    fixture_create(cx, &fixture);
    add_user(cx, fixture.store, ANN, "a@b");
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_ok(cx, po_store_credential_put(cx, tx, &credential));
        check_fails(cx, po_store_credential_use(cx, tx, &credential), PO_CONFLICT); /* replay */
        credential.counter = 6;
        check_ok(cx, po_store_credential_use(cx, tx, &credential));
        check_fails(cx, po_store_credential_use(cx, tx, &credential), PO_CONFLICT);
        credential.user = PO_LIT(BOB);
        check_fails(cx, po_store_credential_put(cx, tx, &credential), PO_NOTFOUND);
        credential.user = PO_LIT(ANN);
        credential.kind = PO_LIT("secret question");
        check_fails(cx, po_store_credential_put(cx, tx, &credential), PO_INVALID);
        fixture_commit(cx, tx);
    }
    check_ok(cx, po_store_credential_list(cx, fixture.store, PO_LIT(ANN), PO_LIT("totp"), &rows,
                                          &count));
    check_eq_u64(count, 1);
    check_eq_str(rows[0].secret, "SENTINEL");
    check_eq_int(rows[0].counter, 6);
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE credential SET kind = 'password'");
    fixture_reopen(cx, &fixture);
    check_fails(
        cx,
        po_store_credential_list(cx, fixture.store, PO_LIT(ANN), PO_LIT("password"), &rows, &count),
        PO_TAMPER);
}

TEST(ticket__is_spent_once)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_ticket *found = NULL;
    struct po_store_ticket ticket = {.kind = PO_LIT("invite"),
                                     .user = PO_LIT(ANN),
                                     .expires_us = TEST_CLOCK_START_US + PO_US_PER_HOUR};
    memset(ticket.digest, 7, sizeof ticket.digest);
    fixture_create(cx, &fixture);
    add_tenant(cx, fixture.store);
    add_user(cx, fixture.store, ANN, "a@b");
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_ticket_add(cx, tx, &ticket));
    check_fails(cx, po_store_ticket_add(cx, tx, &ticket), PO_EXISTS);
    check_ok(cx, po_store_ticket_try(cx, tx, ticket.digest));
    cx->tenant = (po_tenant_id){2};
    check_fails(cx, po_store_ticket_spend(cx, tx, ticket.digest), PO_CONFLICT);
    check_ok(cx, po_store_ticket_find(cx, fixture.store, ticket.digest, &found));
    check_that(found == NULL);
    cx->tenant = PO_TENANT_DEFAULT;
    check_ok(cx, po_store_ticket_spend(cx, tx, ticket.digest));
    check_fails(cx, po_store_ticket_spend(cx, tx, ticket.digest), PO_CONFLICT); /* the second */
    check_fails(cx, po_store_ticket_try(cx, tx, ticket.digest), PO_CONFLICT);
    check_ok(cx, po_store_ticket_find(cx, fixture.store, ticket.digest, &found));
    check_eq_int(found->tries, 1);
    check_eq_int(found->used_us, TEST_CLOCK_START_US);
    memset(ticket.digest, 8, sizeof ticket.digest);
    check_ok(cx, po_store_ticket_add(cx, tx, &ticket));
    check_ok(cx, po_store_ticket_void(cx, tx, PO_LIT(ANN), PO_LIT("invite")));
    check_fails(cx, po_store_ticket_spend(cx, tx, ticket.digest), PO_CONFLICT);
    check_ok(cx, po_store_ticket_purge(cx, tx, ticket.expires_us + 1));
    check_ok(cx, po_store_ticket_find(cx, fixture.store, ticket.digest, &found));
    check_that(found == NULL);
}

TEST(throttle__is_kept_by_kind_and_key)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_throttle throttle = {
        .kind = PO_LIT("account"), .failures = 3, .last_us = 10, .until_us = 20};
    struct po_store_throttle found = {.kind = PO_LIT("account"), .failures = 9};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_throttle_find(cx, fixture.store, &found));
    check_eq_int(found.failures, 0);
    check_ok(cx, po_store_throttle_set(cx, tx, &throttle));
    throttle.failures = 4;
    check_ok(cx, po_store_throttle_set(cx, tx, &throttle));
    check_ok(cx, po_store_throttle_find(cx, fixture.store, &found));
    check_eq_int(found.failures, 4);
    check_eq_int(found.until_us, 20);
    found.kind = PO_LIT("source");
    check_ok(cx, po_store_throttle_find(cx, fixture.store, &found));
    check_eq_int(found.failures, 0);
    check_ok(cx, po_store_throttle_delete(cx, tx, PO_LIT("account"), throttle.key));
    check_ok(cx, po_store_throttle_find(cx, fixture.store, &throttle));
    check_eq_int(throttle.failures, 0);
}

TEST(store_check__opens_the_cells_of_identity)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_check check = {0};
    fixture_create(cx, &fixture);
    add_user(cx, fixture.store, ANN, "a@b");
    give(cx, fixture.store, "viewer", TEST_CLOCK_START_US);
    add_token(cx, fixture.store);
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 0);
    check_that(check.cells_opened >= 2 + 2 + 1 + 2);
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE user SET name = email");
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 1);
    check_eq_cstr(check.findings[0].row, ANN);
}
