/*
 * Groups of transactions: one commit for all, each rolls back alone, and a lost one is never acknowledged.
 */
#include "unit/store/fixture.h"

#include "core/fault.h"

#include <stdio.h>

static po_rc set(struct po_ctx *cx, struct po_store *store, const char *key)
{
    PO_TX_AUTO *tx = NULL;
    const struct po_store_pending event = fixture_next_event();
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_meta_set(cx, tx, key, PO_LIT("1")));
    return po_tx_commit(cx, tx, &event);
}

static bool has(struct po_ctx *cx, struct po_store *store, const char *key)
{
    po_str value = {NULL, 0};
    check_ok(cx, po_store_meta_find(cx, store, key, &value));
    return value.ptr != NULL;
}

static uint64_t pending(struct po_ctx *cx, struct po_store *store)
{
    uint64_t count = 0;
    check_ok(cx, po_store_pending_count(cx, store, &count));
    return count;
}

TEST(group__is_seen_at_once_and_durable_at_its_end)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    uint64_t before = pending(cx, fixture.store);
    po_store_group_begin(fixture.store);
    check_ok(cx, set(cx, fixture.store, "one"));
    check_ok(cx, set(cx, fixture.store, "two"));
    check_that(has(cx, fixture.store, "one"));
    check_ok(cx, po_store_group_end(cx, fixture.store));
    fixture_reopen(cx, &fixture);
    check_that(has(cx, fixture.store, "one") && has(cx, fixture.store, "two"));
    check_eq_u64(pending(cx, fixture.store), before + 2);
}

/* @proves CC7.2 */
TEST(group__is_undone_as_one_by_an_end_before_its_own)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    uint64_t before = pending(cx, fixture.store);
    po_store_group_begin(fixture.store);
    check_ok(cx, set(cx, fixture.store, "one"));
    check_ok(cx, set(cx, fixture.store, "two"));
    fixture_reopen(cx, &fixture);
    check_that(!has(cx, fixture.store, "one") && !has(cx, fixture.store, "two"));
    check_eq_u64(pending(cx, fixture.store), before);
}

TEST(group__undoes_a_failed_transaction_alone)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    po_store_group_begin(fixture.store);
    check_ok(cx, set(cx, fixture.store, "one"));
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_ok(cx, po_store_meta_set(cx, tx, "dropped", PO_LIT("1")));
        check_fails(cx, po_store_group_end(cx, fixture.store), PO_BUG);
        po_err_clear(cx);
    }
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_ok(cx, po_store_meta_set(cx, tx, "refused", PO_LIT("1")));
        check_fails(cx, po_tx_commit(cx, tx, NULL), PO_BUG);
        po_err_clear(cx);
    }
    check_ok(cx, set(cx, fixture.store, "two"));
    check_ok(cx, po_store_group_end(cx, fixture.store));
    fixture_reopen(cx, &fixture);
    check_that(has(cx, fixture.store, "one") && has(cx, fixture.store, "two"));
    check_that(!has(cx, fixture.store, "dropped") && !has(cx, fixture.store, "refused"));
}

TEST(group__ends_where_nothing_is_grouped_and_leaves_single_commits)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    check_ok(cx, po_store_group_end(cx, fixture.store));
    po_store_group_begin(fixture.store);
    check_ok(cx, po_store_group_end(cx, fixture.store));
    check_ok(cx, set(cx, fixture.store, "single"));
    fixture_reopen(cx, &fixture);
    check_that(has(cx, fixture.store, "single"));
}

TEST(group__that_sqlite_undid_is_told_of_until_the_store_is_opened_again)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    po_store_group_begin(fixture.store);
    check_ok(cx, set(cx, fixture.store, "one"));
    check_eq_int(sqlite3_exec(fixture.store->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    check_fails(cx, set(cx, fixture.store, "two"), PO_IO);
    po_err_clear(cx);
    for (int i = 0; i < 2; i++) {
        check_fails(cx, po_store_group_end(cx, fixture.store), PO_IO);
        check_contains(po_err_msg(cx), "undone");
        po_err_clear(cx);
    }
    fixture_reopen(cx, &fixture);
    check_that(!has(cx, fixture.store, "one") && !has(cx, fixture.store, "two"));
    check_ok(cx, set(cx, fixture.store, "later"));
}

#ifdef PO_FAULTS
/* One call of a group fails: then none of it is acknowledged, and it is there whole or not at all. */
static void group_failing(struct po_ctx *cx, void *user)
{
    struct fixture *fixture = user;
    static unsigned round;
    char one[32];
    char two[32];
    (void)snprintf(one, sizeof one, "one.%u", round);
    (void)snprintf(two, sizeof two, "two.%u", round++);
    po_store_group_begin(fixture->store);
    fixture_arm();
    po_rc rc = set(cx, fixture->store, one);
    if (po_is_ok(rc)) rc = set(cx, fixture->store, two);
    bool are_set = po_is_ok(rc);
    po_rc ended = po_store_group_end(cx, fixture->store);
    bool is_done = fixture_survived(cx, are_set ? ended : rc);
    po_err_clear(cx);
    if (!po_is_ok(ended)) {
        check_fails(cx, po_store_group_end(cx, fixture->store), PO_IO);
        po_err_clear(cx);
    }
    bool is_kept = po_is_ok(ended);
    fixture_reopen(cx, fixture);
    if (is_done) check_that(has(cx, fixture->store, one) && has(cx, fixture->store, two));
    if (!are_set) check_that(!has(cx, fixture->store, two));
    if (are_set && !is_kept)
        check_that(has(cx, fixture->store, one) == has(cx, fixture->store, two));
}

TEST_TIMEOUT(group__fails_whole_and_says_so, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(group_failing, &fixture);
}
#endif
