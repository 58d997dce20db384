/*
 * Transactions: no commit without an event, all or nothing, and the queue in its order.
 */
#include "unit/store/fixture.h"

#include "core/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t pending(struct po_ctx *cx, struct po_store *store)
{
    uint64_t count = 0;
    check_ok(cx, po_store_pending_count(cx, store, &count));
    return count;
}

static void check_meta(struct po_ctx *cx, struct po_store *store, const char *key, const char *want)
{
    po_str value = {NULL, 0};
    check_ok(cx, po_store_meta_find(cx, store, key, &value));
    if (want == NULL) {
        check_that(value.ptr == NULL);
    } else {
        check_eq_str(value, want);
    }
}

/* @proves CC7.2 */
TEST(tx__commits_state_and_event_together)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_that(po_tx_store(tx) == fixture.store);
    check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("inst_1")));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    check_meta(cx, fixture.store, "instance", "inst_1");
    check_eq_u64(pending(cx, fixture.store), 2);
}

/* @proves CC7.2 */
TEST(tx__does_not_commit_without_an_event)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("inst_1")));
    check_fails(cx, po_tx_commit(cx, tx, NULL), PO_BUG);
    check_meta(cx, fixture.store, "instance", NULL);
    const struct po_store_pending event = fixture_next_event();
    check_fails(cx, po_tx_commit(cx, tx, &event), PO_BUG);
    check_fails(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("x")), PO_BUG);
    check_eq_u64(pending(cx, fixture.store), 1);
}

TEST(tx__rolls_back_at_the_end_of_its_scope)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("inst_1")));
    }
    check_meta(cx, fixture.store, "instance", NULL);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    fixture_commit(cx, tx);
}

TEST(tx__is_one_at_a_time)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    PO_TX_AUTO *second = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_fails(cx, po_tx_begin(cx, fixture.store, &second), PO_BUG);
    check_fails(cx, po_store_pending_delete(cx, fixture.store, NULL, 0), PO_BUG);
    fixture_commit(cx, tx);
}

TEST(tx__outlives_a_closed_store_only_to_be_freed)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("inst_1")));
    po_store_closep(&fixture.store);
    check_fails(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("inst_2")), PO_BUG);
    fixture_reopen(cx, &fixture);
    check_meta(cx, fixture.store, "instance", NULL);
}

TEST(tx__refuses_an_event_queued_already)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    const struct po_store_pending event = fixture_event(7);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_tx_commit(cx, tx, &event));
    po_tx_freep(&tx);
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("inst_1")));
    check_fails(cx, po_tx_commit(cx, tx, &event), PO_EXISTS);
    check_meta(cx, fixture.store, "instance", NULL);
}

TEST(tx__refuses_an_event_of_no_tenant_or_size)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    static char big[PO_STORE_PENDING_RECORD_BYTES_MAX + 1];
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    struct po_store_pending event = fixture_event(1);
    event.tenant = (po_tenant_id){99};
    check_fails(cx, po_tx_queue(cx, tx, &event), PO_NOTFOUND);
    event = fixture_event(1);
    event.record = po_str_n(big, sizeof big);
    check_fails(cx, po_tx_queue(cx, tx, &event), PO_LIMIT);
    event.record = PO_LIT("");
    check_fails(cx, po_tx_queue(cx, tx, &event), PO_LIMIT);
    event = fixture_event(1);
    event.sealed = (po_str){big, PO_STORE_PENDING_SEALED_BYTES_MAX + 1};
    check_fails(cx, po_tx_queue(cx, tx, &event), PO_LIMIT);
    fixture_commit(cx, tx);
    check_eq_u64(pending(cx, fixture.store), 2);
}

TEST(pending__keeps_its_order_and_bytes)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    for (uint8_t i = 9; i > 1; i--) {
        struct po_store_pending event = fixture_event(i);
        event.record = po_str_n("\0\1\2", 3);
        event.sealed = i % 2 == 0 ? PO_LIT("") : PO_LIT("sealed");
        check_ok(cx, po_tx_queue(cx, tx, &event));
    }
    const struct po_store_pending last = fixture_event(1);
    check_ok(cx, po_tx_commit(cx, tx, &last));
    fixture_reopen(cx, &fixture);
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    check_ok(cx, po_store_pending_list(cx, fixture.store, 100, &rows, &count));
    check_eq_u64(count, 10); /* with the fixture's own */
    for (uint8_t i = 9; i > 1; i--) {
        const struct po_store_pending *row = &rows[10 - i];
        check_eq_mem(row->event_id, fixture_event(i).event_id, 16);
        check_eq_postr(row->record, po_str_n("\0\1\2", 3));
        check_eq_str(row->sealed, i % 2 == 0 ? "" : "sealed");
        check_eq_u64(row->tenant.value, 1);
    }
    check_eq_mem(rows[9].event_id, last.event_id, 16);
    check_ok(cx, po_store_pending_list(cx, fixture.store, 3, &rows, &count));
    check_eq_u64(count, 3);
    check_ok(cx, po_store_pending_delete(cx, fixture.store, rows + 1, 2));
    check_ok(cx, po_store_pending_delete(cx, fixture.store, rows + 1, 2)); /* gone already */
    check_eq_u64(pending(cx, fixture.store), 8);
    check_ok(cx, po_store_pending_list(cx, fixture.store, 100, &rows, &count));
    check_eq_mem(rows[1].event_id, fixture_event(7).event_id, 16);
}

TEST(pending__deletes_only_the_rows_of_the_event_s_own_tenant)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    check_ok(cx, po_store_pending_list(cx, fixture.store, 1, &rows, &count));
    rows[0].tenant = (po_tenant_id){2};
    check_ok(cx, po_store_pending_delete(cx, fixture.store, rows, 1));
    check_eq_u64(pending(cx, fixture.store), 1);
}

TEST(pending__lists_large_events_in_portions)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    static char big[(size_t)5 << 20];
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    for (uint8_t i = 1; i <= 3; i++) {
        struct po_store_pending event = fixture_event(i);
        event.sealed = po_str_n(big, sizeof big);
        check_ok(cx, po_tx_queue(cx, tx, &event));
    }
    fixture_commit(cx, tx);
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    check_ok(cx, po_store_pending_list(cx, fixture.store, 100, &rows, &count));
    check_eq_u64(count, 3); /* the fixture's own and two large ones */
    check_eq_u64(rows[2].sealed.len, sizeof big);
}

/* Commit `key` = x; test of what a failure anywhere in it leaves. */
static po_rc set_and_commit(struct po_ctx *cx, struct po_store *store, const char *key)
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_meta_set(cx, tx, key, PO_LIT("x")));
    const struct po_store_pending event = fixture_next_event();
    return po_tx_commit(cx, tx, &event);
}

static void commit_failing_anywhere(struct po_ctx *cx, void *user)
{
    static unsigned turn;
    struct fixture *fixture = user;
    char key[32];
    (void)snprintf(key, sizeof key, "fact-%u", turn++);
    fixture_reopen(cx, fixture);
    uint64_t before = pending(cx, fixture->store);
    fixture_arm();
    bool is_done = fixture_survived(cx, set_and_commit(cx, fixture->store, key));
    po_err_clear(cx);
    po_str value = {NULL, 0};
    check_ok(cx, po_store_meta_find(cx, fixture->store, key, &value));
    check_eq_int(value.ptr != NULL, is_done);
    fixture_reopen(cx, fixture);
    check_ok(cx, po_store_meta_find(cx, fixture->store, key, &value));
    check_that(!is_done || value.ptr != NULL);
    check_eq_u64(pending(cx, fixture->store), value.ptr != NULL ? before + 1 : before);
    check_ok(cx, set_and_commit(cx, fixture->store, key));
}

TEST_TIMEOUT(tx__leaves_state_and_event_or_neither, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(commit_failing_anywhere, &fixture);
    struct po_store_check check = {0};
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 0);
}

static po_rc drain(struct po_ctx *cx, struct po_store *store)
{
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_pending_list(cx, store, 10, &rows, &count));
    return po_store_pending_delete(cx, store, rows, count);
}

static void drain_failing(struct po_ctx *cx, void *user)
{
    struct fixture *fixture = user;
    fixture_reopen(cx, fixture);
    check_ok(cx, set_and_commit(cx, fixture->store, "fact"));
    uint64_t before = pending(cx, fixture->store);
    fixture_arm();
    bool is_done = fixture_survived(cx, drain(cx, fixture->store));
    po_err_clear(cx);
    uint64_t after = pending(cx, fixture->store);
    check_that(after == 0 || (!is_done && after == before));
}

TEST_TIMEOUT(pending__delete_fails_cleanly, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(drain_failing, &fixture);
}

#ifdef PO_FAULTS
/* Fail the first hit of `call` in a commit with `sys_errno`. */
static po_rc commit_failing(struct po_ctx *cx, struct po_store *store, const char *call,
                            int sys_errno)
{
    check_ok(cx, set_and_commit(cx, store, "probe")); /* prepares the statements */
    po_fault_record();
    check_ok(cx, set_and_commit(cx, store, "probe"));
    uint64_t site = 0;
    for (size_t i = 0; i < po_fault_hit_count() && site == 0; i++) {
        const struct po_fault_hit *hit = po_fault_hit_at(i);
        if (po_str_eq_cstr(po_str_of(hit->call), call)) site = hit->site;
    }
    check_that(site != 0, "no '%s' in a commit", call);
    po_fault_fail_site(site, 1, sys_errno);
    po_rc rc = set_and_commit(cx, store, "fact");
    check_that(po_fault_fired());
    po_fault_off();
    return rc;
}

TEST(tx__says_disk_full_and_goes_on_when_there_is_room)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    check_fails(cx, commit_failing(cx, fixture.store, "pwrite", ENOSPC), PO_IO);
    check_contains(po_err_msg(cx), "disk full");
    po_err_clear(cx);
    check_meta(cx, fixture.store, "fact", NULL);
    check_ok(cx, set_and_commit(cx, fixture.store, "fact"));
}

TEST(tx__acknowledges_nothing_more_after_a_failed_sync)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    check_fails(cx, commit_failing(cx, fixture.store, "fdatasync", EIO), PO_IO);
    po_err_clear(cx);
    check_fails(cx, set_and_commit(cx, fixture.store, "fact"), PO_IO);
    check_contains(po_err_msg(cx), "must be opened again");
    po_err_clear(cx);
    fixture_reopen(cx, &fixture);
    check_ok(cx, set_and_commit(cx, fixture.store, "later"));
}
#endif
