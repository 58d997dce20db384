/*
 * meta, flag_state and intents.
 */
#include "unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void begin(struct po_ctx *cx, struct fixture *fixture, struct po_tx **tx)
{
    po_tx_freep(tx);
    check_ok(cx, po_tx_begin(cx, fixture->store, tx));
}

TEST(meta__is_found_after_it_was_set_and_replaced)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    static char big[PO_STORE_VALUE_BYTES_MAX + 1];
    po_str value = PO_LIT("untouched");
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_store_meta_find(cx, fixture.store, "instance", &value));
    check_that(value.ptr == NULL && value.len == 0);
    begin(cx, &fixture, &tx);
    check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("one")));
    check_ok(cx, po_store_meta_set(cx, tx, "instance", PO_LIT("two")));
    check_ok(cx, po_store_meta_set(cx, tx, "empty", PO_LIT("")));
    check_fails(cx, po_store_meta_set(cx, tx, "Bad Key", PO_LIT("x")), PO_INVALID);
    check_fails(cx, po_store_meta_set(cx, tx, "big", po_str_n(big, sizeof big)), PO_LIMIT);
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_meta_find(cx, fixture.store, "instance", &value));
    check_eq_str(value, "two");
    check_ok(cx, po_store_meta_find(cx, fixture.store, "empty", &value));
    check_that(value.ptr != NULL && value.len == 0);
}

TEST(tenant__is_created_once)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    begin(cx, &fixture, &tx);
    check_fails(cx, po_store_tenant_create(cx, tx, PO_TENANT_DEFAULT, PO_LIT("Again")), PO_EXISTS);
}

TEST(flag_state__remembers_the_last_digest_of_each_name)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    struct po_store_flag_state state = {.exists = true};
    const uint8_t one[PO_SHA256_BYTES] = {1};
    const uint8_t two[PO_SHA256_BYTES] = {2};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_store_flag_state_find(cx, fixture.store, PO_LIT("env"), &state));
    check_that(!state.exists);
    begin(cx, &fixture, &tx);
    check_ok(cx, po_store_flag_state_set(cx, tx, PO_LIT("env"), one));
    check_ok(cx, po_store_flag_state_set(cx, tx, PO_LIT("status_flags"), one));
    check_fails(cx, po_store_flag_state_set(cx, tx, PO_LIT("A B"), one), PO_INVALID);
    fixture_commit(cx, tx);
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    begin(cx, &fixture, &tx);
    check_ok(cx, po_store_flag_state_set(cx, tx, PO_LIT("env"), two));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_flag_state_find(cx, fixture.store, PO_LIT("env"), &state));
    check_that(state.exists);
    check_eq_mem(state.digest, two, sizeof two);
    check_eq_int(state.time_us, TEST_CLOCK_START_US + PO_US_PER_S);
    check_ok(cx, po_store_flag_state_find(cx, fixture.store, PO_LIT("status_flags"), &state));
    check_eq_mem(state.digest, one, sizeof one);
    cx->tenant = (po_tenant_id){2};
    check_ok(cx, po_store_flag_state_find(cx, fixture.store, PO_LIT("env"), &state));
    check_that(!state.exists);
}

static struct po_store_intent make_intent(uint8_t fill)
{
    struct po_store_intent intent = {.kind = PO_LIT("repair.apply"),
                                     .detail = PO_LIT("{\"path\":\"x\"}")};
    memset(intent.id, fill, sizeof intent.id);
    return intent;
}

TEST(intent__is_listed_until_it_is_closed)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    const struct po_store_intent first = make_intent(9);
    const struct po_store_intent second = make_intent(1);
    struct po_store_intent bad = make_intent(3);
    bad.kind = PO_LIT("Bad Kind");
    PO_TX_AUTO *tx = NULL;
    begin(cx, &fixture, &tx);
    check_ok(cx, po_store_intent_open(cx, tx, &first));
    check_fails(cx, po_store_intent_open(cx, tx, &first), PO_EXISTS);
    check_fails(cx, po_store_intent_open(cx, tx, &bad), PO_INVALID);
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_ok(cx, po_store_intent_open(cx, tx, &second));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    struct po_store_intent *list = NULL;
    size_t count = 0;
    check_ok(cx, po_store_intent_list(cx, fixture.store, &list, &count));
    check_eq_u64(count, 2);
    check_eq_mem(list[0].id, first.id, 16);
    check_eq_str(list[0].kind, "repair.apply");
    check_eq_str(list[0].detail, "{\"path\":\"x\"}");
    check_eq_int(list[0].time_us, TEST_CLOCK_START_US);
    begin(cx, &fixture, &tx);
    check_ok(cx, po_store_intent_close(cx, tx, first.id));
    check_fails(cx, po_store_intent_close(cx, tx, first.id), PO_NOTFOUND);
    cx->tenant = (po_tenant_id){2};
    check_fails(cx, po_store_intent_close(cx, tx, second.id), PO_NOTFOUND);
    cx->tenant = PO_TENANT_DEFAULT;
    fixture_commit(cx, tx);
    fixture_reopen_without_keys(cx, &fixture);
    check_ok(cx, po_store_intent_list(cx, fixture.store, &list, &count));
    check_eq_u64(count, 1);
    check_eq_mem(list[0].id, second.id, 16);
    check_eq_str(list[0].detail, "");
}

/* An intent and a digest in one transaction, then both read back. */
static po_rc open_and_read(struct po_ctx *cx, struct po_store *store, uint8_t turn)
{
    PO_TX_AUTO *tx = NULL;
    const struct po_store_intent intent = make_intent(turn);
    const uint8_t digest[PO_SHA256_BYTES] = {turn};
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_intent_open(cx, tx, &intent));
    PO_TRY(cx, po_store_flag_state_set(cx, tx, PO_LIT("env"), digest));
    const struct po_store_pending event = fixture_next_event();
    PO_TRY(cx, po_tx_commit(cx, tx, &event));
    struct po_store_intent *list = NULL;
    size_t count = 0;
    struct po_store_flag_state state = {0};
    PO_TRY(cx, po_store_intent_list(cx, store, &list, &count));
    PO_TRY(cx, po_store_flag_state_find(cx, store, PO_LIT("env"), &state));
    check_eq_u64(count, 1);
    check_eq_int(state.digest[0], turn);
    return po_rc_ok();
}

static void close_all(struct po_ctx *cx, struct po_store *store)
{
    struct po_store_intent *list = NULL;
    size_t count = 0;
    check_ok(cx, po_store_intent_list(cx, store, &list, &count));
    if (count == 0) return;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_intent_close(cx, tx, list[0].id));
    fixture_commit(cx, tx);
}

static void open_failing(struct po_ctx *cx, void *user)
{
    static uint8_t turn;
    turn++;
    struct fixture *fixture = user;
    struct po_store_intent *list = NULL;
    size_t count = 0;
    struct po_store_flag_state state = {0};
    fixture_reopen(cx, fixture);
    fixture_arm();
    bool is_done = fixture_survived(cx, open_and_read(cx, fixture->store, turn));
    po_err_clear(cx);
    fixture_reopen(cx, fixture);
    check_ok(cx, po_store_intent_list(cx, fixture->store, &list, &count));
    check_ok(cx, po_store_flag_state_find(cx, fixture->store, PO_LIT("env"), &state));
    check_that(!is_done || count == 1);
    check_eq_int(count == 1, state.exists && state.digest[0] == turn); /* both or neither */
    close_all(cx, fixture->store);
}

TEST_TIMEOUT(state__fails_cleanly, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(open_failing, &fixture);
}

/* ---- tenants ----------------------------------------------------------------------------------- */

static po_rc add_tenant(struct po_ctx *cx, struct fixture *fixture, uint64_t id, const char *name)
{
    PO_TX_AUTO *tx = NULL;
    begin(cx, fixture, &tx);
    PO_TRY(cx, po_store_tenant_create(cx, tx, (po_tenant_id){id}, po_str_of(name)));
    fixture_commit(cx, tx);
    return po_rc_ok();
}

TEST(store_tenant__is_found_by_a_name_that_stands_nowhere)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    bool is_found = false;
    bool has = false;
    po_tenant_id id = {99};
    struct po_store_tenant *tenants = NULL;
    size_t count = 0;
    fixture_create(cx, &fixture);
    check_ok(cx, add_tenant(cx, &fixture, 500, "sentinel"));
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_ok(cx, add_tenant(cx, &fixture, 300, "other"));
    check_fails(cx, add_tenant(cx, &fixture, 301, "sentinel"), PO_EXISTS);
    check_fails(cx, add_tenant(cx, &fixture, 300, "third"), PO_EXISTS);
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_tenant_find(cx, fixture.store, PO_LIT("sentinel"), &is_found, &id));
    check_that(is_found);
    check_eq_u64(id.value, 500);
    static const char *const unknown[] = {"Sentinel", "sentinel ", "third", "", "Example"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        check_ok(cx,
                 po_store_tenant_find(cx, fixture.store, po_str_of(unknown[i]), &is_found, &id));
        check_that(!is_found, "%s", unknown[i]);
        check_eq_u64(id.value, 500);
    }
    check_ok(cx, po_store_tenant_has(cx, fixture.store, (po_tenant_id){300}, &has));
    check_that(has);
    check_ok(cx, po_store_tenant_has(cx, fixture.store, (po_tenant_id){301}, &has));
    check_that(!has);
    check_ok(cx, po_store_tenant_list(cx, fixture.store, &tenants, &count));
    check_eq_u64(count, 3);
    check_eq_u64(tenants[0].id.value, 1);
    check_eq_u64(tenants[1].id.value, 500); /* by age, not by number */
    check_eq_u64(tenants[2].id.value, 300);
    po_store_closep(&fixture.store);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("paulyops.db"), &len);
    check_that(po_str_find(po_str_n(bytes, len), PO_LIT("sentinel"), 0) == SIZE_MAX);
    free(bytes);
}

TEST(store_tenant__are_limited)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    char name[16];
    fixture_create(cx, &fixture);
    for (uint64_t i = 2; i <= PO_STORE_TENANTS_MAX; i++) {
        (void)snprintf(name, sizeof name, "t%d", (int)i);
        check_ok(cx, add_tenant(cx, &fixture, i, name));
    }
    check_fails(cx, add_tenant(cx, &fixture, 1000, "more"), PO_LIMIT);
}

static void create_and_find(struct po_ctx *cx, void *user)
{
    static uint64_t turn = 1;
    struct fixture *fixture = user;
    char name[16];
    bool is_found = false;
    po_tenant_id id = {0};
    PO_TX_AUTO *tx = NULL;
    (void)snprintf(name, sizeof name, "t%d", (int)++turn);
    begin(cx, fixture, &tx);
    fixture_arm();
    po_rc rc = po_store_tenant_create(cx, tx, (po_tenant_id){turn}, po_str_of(name));
    (void)fixture_survived(cx, rc);
    po_tx_freep(&tx); /* never committed: the place is free for the next */
    check_ok(cx, po_store_tenant_find(cx, fixture->store, po_str_of(name), &is_found, &id));
    check_that(!is_found);
}

TEST_TIMEOUT(store_tenant__survives_every_fault_of_being_made, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(create_and_find, &fixture);
}

/* A file's damage is everybody's, a row's is its tenant's. */
TEST(store_check__tells_each_tenant_of_its_own_rows)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    struct po_store_check check = {0};
    uint64_t rows = 0;
    uint64_t cells = 0;
    fixture_create(cx, &fixture);
    check_ok(cx, add_tenant(cx, &fixture, 300, "other"));
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE tenant SET name = x'0101020304' WHERE tenant = 300");
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 1);
    check_eq_u64(check.findings[0].tenant.value, 300);
    check_eq_u64(check.tally_count, 2);
    for (size_t i = 0; i < check.tally_count; i++) {
        rows += check.tallies[i].rows;
        cells += check.tallies[i].cells_opened;
        check_eq_u64(check.tallies[i].cells_opened, check.tallies[i].tenant.value == 300 ? 1 : 2);
    }
    check_eq_u64(rows, check.rows);
    check_eq_u64(cells, check.cells_opened);
}
