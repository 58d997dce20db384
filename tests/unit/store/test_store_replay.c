/*
 * Requests that name themselves are found for a day, by their tenant only, with what they were answered.
 */
#include "unit/store/fixture.h"

static const uint8_t key[PO_SHA256_BYTES] = {1};
static const uint8_t request[PO_SHA256_BYTES] = {2};

static void begin(struct po_ctx *cx, struct po_store *store)
{
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_replay_begin(cx, tx, key, request));
    fixture_commit(cx, tx);
}

static struct po_store_replay *find(struct po_ctx *cx, struct po_store *store)
{
    struct po_store_replay *replay = NULL;
    check_ok(cx, po_store_replay_find(cx, store, key, &replay));
    return replay;
}

static void end(struct po_ctx *cx, struct po_store *store, const char *response)
{
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_replay_end(cx, tx, key, 201, po_str_of(response)));
    fixture_commit(cx, tx);
}

TEST(replay__survives_a_restart_with_its_answer)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    check_that(find(cx, fixture.store) == NULL);
    begin(cx, fixture.store);
    check_eq_u64(find(cx, fixture.store)->status, 0);
    end(cx, fixture.store, "{\"a\":1}");
    fixture_reopen(cx, &fixture);
    const struct po_store_replay *replay = find(cx, fixture.store);
    check_eq_u64(replay->status, 201);
    check_eq_str(replay->response, "{\"a\":1}");
    check_eq_mem(replay->request, request, sizeof request);
}

TEST(replay__is_another_tenants_own)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    begin(cx, fixture.store);
    cx->tenant.value = 2;
    check_that(find(cx, fixture.store) == NULL);
}

TEST(replay__is_forgotten_after_a_day)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    begin(cx, fixture.store);
    po_clock_fake_advance(test_clock(), PO_STORE_REPLAY_LIFE_US - 1);
    check_that(find(cx, fixture.store) != NULL);
    po_clock_fake_advance(test_clock(), 1);
    check_that(find(cx, fixture.store) == NULL);
    begin(cx, fixture.store); /* the row of yesterday is gone, its key is free */
    check_eq_u64(find(cx, fixture.store)->status, 0);
}

TEST(replay__is_begun_once_until_it_is_dropped)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    begin(cx, fixture.store);
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_fails(cx, po_store_replay_begin(cx, tx, key, request), PO_EXISTS);
    }
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_ok(cx, po_store_replay_drop(cx, tx, key));
        fixture_commit(cx, tx);
    }
    begin(cx, fixture.store);
}

TEST(replay__answers_are_sealed)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    begin(cx, fixture.store);
    end(cx, fixture.store, "an answer that nobody else reads");
    struct po_store_check check = {0};
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 0);
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE replay SET key = randomblob(32)");
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 1);
    check_eq_cstr(check.findings[0].table, "replay");
}
