/*
 * The register keeps every value; tenants do not see each other's.
 */
#include "unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t set(struct po_ctx *cx, struct po_store *store, const char *name, const char *value)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_register_set(cx, tx, po_str_of(name), po_str_of(value), &id));
    fixture_commit(cx, tx);
    return id;
}

TEST(register__keeps_the_history_of_each_name)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000");
    check_eq_u64(set(cx, fixture.store, "target_date", "2026-12-31"), 1);
    check_eq_u64(set(cx, fixture.store, "cost", "100"), 2);
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    check_eq_u64(set(cx, fixture.store, "target_date", "2027-01-31"), 3);
    fixture_reopen(cx, &fixture);
    struct po_store_register_entry *entry = NULL;
    check_ok(cx, po_store_register_find(cx, fixture.store, PO_LIT("target_date"), &entry));
    check_eq_str(entry->value, "2027-01-31");
    check_eq_str(entry->author, "os:1000");
    check_eq_int(entry->time_us, TEST_CLOCK_START_US + PO_US_PER_DAY);
    check_ok(cx, po_store_register_find(cx, fixture.store, PO_LIT("other"), &entry));
    check_that(entry == NULL);
    struct po_store_register_entry *list = NULL;
    size_t count = 0;
    check_ok(cx, po_store_register_list(cx, fixture.store, false, &list, &count));
    check_eq_u64(count, 2);
    check_eq_str(list[0].name, "cost");
    check_eq_str(list[1].value, "2027-01-31");
    check_ok(cx, po_store_register_list(cx, fixture.store, true, &list, &count));
    check_eq_u64(count, 3);
    check_eq_str(list[1].value, "2026-12-31");
    check_that(list[0].is_current && !list[1].is_current && list[2].is_current);
}

/* @proves CC6.1 */
TEST(register__of_one_tenant_is_unseen_by_another)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)set(cx, fixture.store, "cost", "100");
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, (po_tenant_id){2}, PO_LIT("Other")));
    fixture_commit(cx, tx);
    cx->tenant = (po_tenant_id){2};
    struct po_store_register_entry *entry = NULL;
    struct po_store_register_entry *list = NULL;
    size_t count = 9;
    check_ok(cx, po_store_register_find(cx, fixture.store, PO_LIT("cost"), &entry));
    check_that(entry == NULL);
    check_ok(cx, po_store_register_list(cx, fixture.store, true, &list, &count));
    check_eq_u64(count, 0);
    check_eq_u64(set(cx, fixture.store, "cost", "7"), 1); /* ids are the tenant's own */
    cx->tenant = PO_TENANT_DEFAULT;
    check_ok(cx, po_store_register_find(cx, fixture.store, PO_LIT("cost"), &entry));
    check_eq_str(entry->value, "100");
}

TEST(register__holds_nothing_in_plain_text)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:SENTINEL-AUTHOR");
    (void)set(cx, fixture.store, "cost", "SENTINEL-VALUE");
    po_store_closep(&fixture.store);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("paulyops.db"), &len);
    po_str file = po_str_n(bytes, len);
    check_that(po_str_find(file, PO_LIT("SENTINEL"), 0) == SIZE_MAX);
    check_that(po_str_find(file, PO_LIT("Example"), 0) == SIZE_MAX);
    check_that(po_str_find(file, PO_LIT("cost"), 0) != SIZE_MAX); /* the search works */
    free(bytes);
}

TEST(register__refuses_cells_swapped_between_rows)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)set(cx, fixture.store, "cost", "100");
    (void)set(cx, fixture.store, "cost", "200");
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE register SET value = (SELECT value FROM register WHERE id = 1)"
                   " WHERE id = 2");
    fixture_reopen(cx, &fixture);
    struct po_store_register_entry *entry = NULL;
    check_fails(cx, po_store_register_find(cx, fixture.store, PO_LIT("cost"), &entry), PO_TAMPER);
    check_contains(po_err_msg(cx), "register.value");
}

TEST(register__refuses_names_it_does_not_know_how_to_show)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    static char long_name[PO_STORE_NAME_BYTES_MAX + 1];
    memset(long_name, 'a', sizeof long_name);
    const po_str bad[] = {PO_LIT(""), PO_LIT("Cost"), PO_LIT("a b"), PO_LIT("a\n"),
                          po_str_n(long_name, sizeof long_name)};
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_fails(cx, po_store_register_set(cx, tx, bad[i], PO_LIT("v"), &id), PO_INVALID);
    check_ok(cx, po_store_register_set(cx, tx, po_str_n(long_name, sizeof long_name - 1),
                                       PO_LIT(""), &id));
}

TEST(register__is_unavailable_without_keys)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)set(cx, fixture.store, "cost", "100");
    fixture_reopen_without_keys(cx, &fixture);
    struct po_store_register_entry *entry = NULL;
    check_fails(cx, po_store_register_find(cx, fixture.store, PO_LIT("cost"), &entry),
                PO_UNAVAILABLE);
}

static po_rc set_and_list(struct po_ctx *cx, struct po_store *store, size_t *ret_count)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_register_set(cx, tx, PO_LIT("cost"), PO_LIT("100"), &id));
    const struct po_store_pending event = fixture_next_event();
    PO_TRY(cx, po_tx_commit(cx, tx, &event));
    struct po_store_register_entry *list = NULL;
    return po_store_register_list(cx, store, true, &list, ret_count);
}

static void set_failing(struct po_ctx *cx, void *user)
{
    struct fixture *fixture = user;
    struct po_store_register_entry *list = NULL;
    size_t before = 0;
    size_t count = 0;
    fixture_reopen(cx, fixture);
    check_ok(cx, po_store_register_list(cx, fixture->store, true, &list, &before));
    fixture_arm();
    bool is_done = fixture_survived(cx, set_and_list(cx, fixture->store, &count));
    po_err_clear(cx);
    if (is_done) check_eq_u64(count, before + 1);
    fixture_reopen(cx, fixture);
    check_ok(cx, po_store_register_list(cx, fixture->store, true, &list, &count));
    check_that(count == before + 1 || (!is_done && count == before));
    check_eq_str(list[count - 1].value, "100");
}

TEST_TIMEOUT(register__fails_cleanly, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)set(cx, fixture.store, "cost", "100");
    fixture_each_fault(set_failing, &fixture);
}
