/*
 * The bracket of a change outside the database.
 */
#include "unit/home/home_fixture.h"

#include "store/store.h"

#include <sqlite3.h>

static po_rc count_event(struct po_ctx *cx, void *user, const struct po_home_event *event,
                         bool *ret_stop)
{
    (void)cx;
    (void)event;
    (void)ret_stop;
    (*(size_t *)user)++;
    return po_rc_ok();
}

static size_t count_type(struct po_ctx *cx, struct po_home *home, enum po_event_type type)
{
    size_t count = 0;
    struct po_home_walk walk = {.type = type,
                                .size = po_ledger_size(po_home_ledger(home)),
                                .visit = count_event,
                                .user = &count};
    check_ok(cx, po_home_flush(cx, home));
    walk.size = po_ledger_size(po_home_ledger(home));
    check_ok(cx, po_home_walk_back(cx, home, &walk));
    return count;
}

static struct po_intent test_intent(void)
{
    return (struct po_intent){.action = "test.change", .resource = PO_LIT("file:x")};
}

TEST(intent__leaves_both_ends)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_intent intent = test_intent();
    check_ok(cx, po_intent_begin(cx, home, &intent));
    check_eq_u64(count_type(cx, home, PO_EVENT_TYPE_INTENT_OPENED), 1);
    check_eq_u64(count_type(cx, home, PO_EVENT_TYPE_INTENT_CLOSED), 0);
    check_ok(cx, po_intent_end(cx, home, &intent, PO_EVENT_SUCCESS, PO_LIT("{}")));
    check_eq_u64(count_type(cx, home, PO_EVENT_TYPE_INTENT_CLOSED), 1);
    check_ok(cx, po_home_close(cx, &home));
}

TEST(intent__left_open_is_abandoned_once_at_the_next_start)
{
    TEST_CX(cx);
    home_make(cx);
    struct po_home *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_intent intent = test_intent();
    check_ok(cx, po_intent_begin(cx, home, &intent));
    po_home_abandonp(&home);
    for (int start = 0; start < 2; start++) {
        PO_HOME_AUTO *again = home_open(cx, PO_HOME_READ_WRITE);
        check_eq_u64(count_type(cx, again, PO_EVENT_TYPE_INTENT_ABANDONED), 1);
        check_ok(cx, po_home_close(cx, &again));
    }
}

/* @proves CC7.2 */
TEST(intent__is_durable_with_what_led_to_it_before_its_change)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    uint64_t before = po_ledger_size(po_home_ledger(home));
    struct po_event event = home_event();
    struct po_intent intent = test_intent();
    po_store_group_begin(po_home_store(home));
    check_ok(cx, po_home_record(cx, home, &event));
    check_ok(cx, po_intent_begin(cx, home, &intent));
    po_home_abandonp(&home);
    home = home_open(cx, PO_HOME_READ_WRITE); /* the event, the intent, its end */
    check_ok(cx, po_home_flush(cx, home));
    check_eq_u64(po_ledger_size(po_home_ledger(home)), before + 3);
}

TEST(intent__is_refused_in_a_home_opened_for_reading)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    struct po_intent intent = test_intent();
    po_rc rc = po_intent_begin(cx, home, &intent);
    check_that(rc.code == PO_DENIED || rc.code == PO_UNAVAILABLE);
}

/* Whoever began it: the next start finds the intents of every tenant, and says so in its own ledger. */
TEST(intent__of_another_tenant_is_abandoned_in_its_own_ledger)
{
    TEST_CX(cx);
    const po_tenant_id other = {300};
    home_make(cx);
    struct po_home *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_intent intent = test_intent();
    {
        PO_TX_AUTO *tx = NULL;
        const struct po_event event = home_event();
        check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
        check_ok(cx, po_store_tenant_create(cx, tx, other, PO_LIT("other")));
        check_ok(cx, po_home_commit(cx, home, tx, &event));
    }
    cx->tenant = other;
    check_ok(cx, po_intent_begin(cx, home, &intent));
    po_home_abandonp(&home);
    cx->tenant = PO_TENANT_DEFAULT;
    PO_HOME_AUTO *again = home_open(cx, PO_HOME_READ_WRITE);
    check_eq_u64(cx->tenant.value, 1);
    check_eq_u64(count_type(cx, again, PO_EVENT_TYPE_INTENT_ABANDONED), 0);
    cx->tenant = other;
    check_eq_u64(count_type(cx, again, PO_EVENT_TYPE_INTENT_ABANDONED), 1);
}

/* Nothing that opens the home reads names: one that is damaged is found by `store check`, not in the way. */
TEST(home__opens_although_a_tenants_name_is_damaged)
{
    TEST_CX(cx);
    sqlite3 *db = NULL;
    struct po_store_tenant tenant = {0};
    struct po_store_check check = {0};
    po_tenant_id *ids = NULL;
    size_t count = 0;
    home_make(cx);
    check_eq_int(sqlite3_open(test_tmp("home/data/paulyops.db"), &db), SQLITE_OK);
    check_eq_int(sqlite3_exec(db, "UPDATE tenant SET name = x'0101020304'", NULL, NULL, NULL),
                 SQLITE_OK);
    check_eq_int(sqlite3_close(db), SQLITE_OK);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_store *store = po_home_store(home);
    check_ok(cx, po_store_tenant_ids(cx, store, &ids, &count));
    check_eq_u64(count, 1);
    check_eq_u64(ids[0].value, 1);
    po_rc rc = po_store_tenant_get(cx, store, PO_TENANT_DEFAULT, &tenant);
    check_that(rc.code == PO_TAMPER || rc.code == PO_CORRUPT);
    po_err_clear(cx);
    check_fails(cx, po_store_tenant_get(cx, store, (po_tenant_id){7}, &tenant), PO_NOTFOUND);
    check_ok(cx, po_store_check(cx, store, &check));
    check_eq_u64(check.finding_count, 1);
}
