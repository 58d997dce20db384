/*
 * A keyring and a store in the case's temp directory.
 */
#include "unit/store/fixture.h"

#include "core/fault.h"

#include <errno.h>
#include <sqlite3.h>

#define DB "paulyops.db"

void fixture_done(struct fixture *fixture)
{
    po_store_closep(&fixture->store);
    po_keyring_freep(&fixture->keyring);
}

struct po_store_options fixture_options(const struct fixture *fixture)
{
    return (struct po_store_options){.path = test_tmp(DB), .keyring = fixture->keyring};
}

void fixture_create(struct po_ctx *cx, struct fixture *fixture)
{
    const struct po_keyring_place place = {.dir = test_tmp("keys")};
    check_ok(cx, po_keyring_create(cx, &place, &fixture->keyring));
    const struct po_store_options options = fixture_options(fixture);
    check_ok(cx, po_store_create(cx, &options, &fixture->store));
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture->store, &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, PO_TENANT_DEFAULT, PO_LIT("Example")));
    fixture_commit(cx, tx);
}

void fixture_reopen(struct po_ctx *cx, struct fixture *fixture)
{
    const struct po_keyring_place place = {.dir = test_tmp("keys")};
    fixture_done(fixture);
    check_ok(cx, po_keyring_open(cx, &place, &fixture->keyring));
    const struct po_store_options options = fixture_options(fixture);
    check_ok(cx, po_store_open(cx, &options, &fixture->store));
}

void fixture_reopen_without_keys(struct po_ctx *cx, struct fixture *fixture)
{
    fixture_done(fixture);
    const struct po_store_options options = fixture_options(fixture);
    check_ok(cx, po_store_open(cx, &options, &fixture->store));
}

struct po_store_pending fixture_event(uint8_t fill)
{
    struct po_store_pending event = {
        .tenant = PO_TENANT_DEFAULT, .record = PO_LIT("record"), .sealed = PO_LIT("sealed event")};
    memset(event.event_id, fill, sizeof event.event_id);
    return event;
}

struct po_store_pending fixture_next_event(void)
{
    static uint32_t turn;
    struct po_store_pending event = fixture_event(0xee);
    turn++;
    memcpy(event.event_id, &turn, sizeof turn);
    return event;
}

void fixture_commit(struct po_ctx *cx, struct po_tx *tx)
{
    const struct po_store_pending event = fixture_next_event();
    check_ok(cx, po_tx_commit(cx, tx, &event));
}

void fixture_tamper(const char *sql)
{
    sqlite3 *db = NULL;
    check_eq_int(sqlite3_open(test_tmp(DB), &db), SQLITE_OK);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    check_that(rc == SQLITE_OK, "%s", sqlite3_errmsg(db));
    check_eq_int(sqlite3_close(db), SQLITE_OK);
}

/* ---- faults ---------------------------------------------------------------------------------- */

#ifdef PO_FAULTS

static uint64_t armed_number; /* 0: record */
static struct po_fault_site sites[PO_FAULT_SITES_MAX];
static size_t site_count;

void fixture_arm(void)
{
    if (armed_number == 0) {
        po_fault_record();
    } else {
        po_fault_fail(armed_number, armed_number % 2 == 0 ? EIO : ENOSPC);
    }
}

bool fixture_survived(struct po_ctx *cx, po_rc rc)
{
    bool is_fired = armed_number != 0 && po_fault_fired();
    if (armed_number == 0) {
        site_count = po_fault_site_count();
        for (size_t i = 0; i < site_count; i++)
            sites[i] = *po_fault_site_at(i);
    }
    po_fault_off();
    check_that(po_is_ok(rc) || is_fired, "%s", po_err_msg(cx));
    return po_is_ok(rc);
}

static void run_with_fault(fixture_op *op, void *user, uint64_t number)
{
    TEST_CX(cx);
    armed_number = number;
    op(cx, user);
}

void fixture_each_fault(fixture_op *op, void *user)
{
    run_with_fault(op, user, 0);
    check_that(site_count > 0, "no call can fail here");
    for (size_t i = 0; i < site_count; i++) {
        run_with_fault(op, user, sites[i].first);
        if (sites[i].count > 1) run_with_fault(op, user, sites[i].last);
    }
}

#else

void fixture_arm(void) {}

bool fixture_survived(struct po_ctx *cx, po_rc rc)
{
    check_that(po_is_ok(rc), "%s", po_err_msg(cx));
    return true;
}

void fixture_each_fault(fixture_op *op, void *user)
{
    (void)op;
    (void)user;
    test_skip("needs a build with fault injection");
}

#endif
