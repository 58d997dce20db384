/*
 * Data keys: epochs, what opens with which keys, and the master key's rotation through the store.
 */
#include "unit/store/fixture.h"

#include <unistd.h>

static const struct po_secret *current_key(struct po_ctx *cx, struct po_store *store,
                                           uint32_t want_epoch)
{
    uint32_t epoch = 0;
    const struct po_secret *key = NULL;
    check_ok(cx, po_store_data_key_get(cx, store, PO_TENANT_DEFAULT, &epoch, &key));
    check_eq_u64(epoch, want_epoch);
    return key;
}

static void rotate(struct po_ctx *cx, struct po_store *store)
{
    uint32_t epoch = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_data_key_rotate(cx, tx, PO_TENANT_DEFAULT, &epoch));
    fixture_commit(cx, tx);
}

/* A copy, to compare with after the store was closed. */
static struct po_secret *copy_of(struct po_ctx *cx, const struct po_secret *key)
{
    struct po_secret *copy = NULL;
    check_ok(cx, po_secret_new(cx, po_secret_bytes(key), &copy));
    return copy;
}

TEST(data_key__is_the_same_after_reopening)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_CLEANUP(po_secret_freep)
    struct po_secret *before = copy_of(cx, current_key(cx, fixture.store, 1));
    check_that(current_key(cx, fixture.store, 1) == current_key(cx, fixture.store, 1));
    fixture_reopen(cx, &fixture);
    check_that(po_secret_eq(before, current_key(cx, fixture.store, 1)));
}

TEST(data_key__rotation_adds_an_epoch_and_keeps_the_old)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_CLEANUP(po_secret_freep)
    struct po_secret *first = copy_of(cx, current_key(cx, fixture.store, 1));
    rotate(cx, fixture.store);
    check_that(!po_secret_eq(first, current_key(cx, fixture.store, 2)));
    fixture_reopen(cx, &fixture);
    const struct po_secret *key = NULL;
    check_ok(cx, po_store_data_key_get_at(cx, fixture.store, PO_TENANT_DEFAULT, 1, &key));
    check_that(po_secret_eq(first, key));
    check_ok(cx, po_store_data_key_get_at(cx, fixture.store, PO_TENANT_DEFAULT, 2, &key));
    check_fails(cx, po_store_data_key_get_at(cx, fixture.store, PO_TENANT_DEFAULT, 3, &key),
                PO_NOTFOUND);
    struct po_store_data_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_store_data_key_list(cx, fixture.store, &keys, &count));
    check_eq_u64(count, 2);
    check_that(!keys[0].is_current && keys[1].is_current);
    check_that(keys[0].opens && keys[1].opens);
    check_eq_int(keys[1].created_us, TEST_CLOCK_START_US);
    check_eq_int(keys[1].rewrapped_us, 0);
}

TEST(data_key__of_a_rolled_back_transaction_is_forgotten)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    uint32_t epoch = 0;
    const struct po_secret *key = NULL;
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
        check_ok(cx, po_store_data_key_rotate(cx, tx, PO_TENANT_DEFAULT, &epoch));
        check_eq_u64(epoch, 2);
        (void)current_key(cx, fixture.store, 2); /* seals inside its own transaction */
    }
    (void)current_key(cx, fixture.store, 1);
    check_fails(cx, po_store_data_key_get_at(cx, fixture.store, PO_TENANT_DEFAULT, 2, &key),
                PO_NOTFOUND);
    rotate(cx, fixture.store);
    (void)current_key(cx, fixture.store, 2);
}

TEST(data_key__ends_at_255_epochs)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    uint32_t epoch = 1;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    while (epoch < 255)
        check_ok(cx, po_store_data_key_rotate(cx, tx, PO_TENANT_DEFAULT, &epoch));
    check_fails(cx, po_store_data_key_rotate(cx, tx, PO_TENANT_DEFAULT, &epoch), PO_LIMIT);
}

TEST(data_key__is_unavailable_without_keyring_and_absent_without_tenant)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    uint32_t epoch = 0;
    const struct po_secret *key = NULL;
    const po_tenant_id other = {2};
    check_fails(cx, po_store_data_key_get(cx, fixture.store, other, &epoch, &key), PO_NOTFOUND);
    fixture_reopen_without_keys(cx, &fixture);
    check_fails(cx, po_store_data_key_get(cx, fixture.store, PO_TENANT_DEFAULT, &epoch, &key),
                PO_UNAVAILABLE);
    PO_TX_AUTO *tx = NULL;
    uint64_t count = 0;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_fails(cx, po_store_tenant_create(cx, tx, other, PO_LIT("Other")), PO_UNAVAILABLE);
    check_fails(cx, po_store_data_key_rewrap(cx, tx, &count), PO_UNAVAILABLE);
    po_tx_freep(&tx);
    struct po_store_tenant *tenants = NULL;
    size_t tenant_count = 0;
    check_ok(cx, po_store_tenant_list(cx, fixture.store, &tenants, &tenant_count));
    check_eq_str(tenants[0].name, "");
}

TEST(data_key__does_not_open_with_another_keyring)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_done(&fixture);
    const struct po_keyring_place place = {.dir = test_tmp("other-keys")};
    check_ok(cx, po_keyring_create(cx, &place, &fixture.keyring));
    const struct po_store_options options = fixture_options(&fixture);
    check_ok(cx, po_store_open(cx, &options, &fixture.store));
    uint32_t epoch = 0;
    const struct po_secret *key = NULL;
    check_fails(cx, po_store_data_key_get(cx, fixture.store, PO_TENANT_DEFAULT, &epoch, &key),
                PO_UNAVAILABLE);
    check_contains(po_err_msg(cx), "which is not here");
    struct po_store_data_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_store_data_key_list(cx, fixture.store, &keys, &count));
    check_that(!keys[0].opens);
}

TEST(data_key__moved_to_another_tenant_is_refused)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, (po_tenant_id){2}, PO_LIT("Other")));
    fixture_commit(cx, tx);
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE tenant = 1)"
                   " WHERE tenant = 2");
    fixture_reopen(cx, &fixture);
    uint32_t epoch = 0;
    const struct po_secret *key = NULL;
    check_fails(cx, po_store_data_key_get(cx, fixture.store, (po_tenant_id){2}, &epoch, &key),
                PO_TAMPER);
}

static po_rc rewrap(struct po_ctx *cx, struct po_keyring *keyring, void *user)
{
    (void)keyring;
    uint64_t count = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, user, &tx));
    PO_TRY(cx, po_store_data_key_rewrap(cx, tx, &count));
    const struct po_store_pending event = fixture_next_event();
    return po_tx_commit(cx, tx, &event);
}

TEST(data_key__survives_a_rotation_of_the_master_key)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    rotate(cx, fixture.store);
    PO_CLEANUP(po_secret_freep)
    struct po_secret *before = copy_of(cx, current_key(cx, fixture.store, 2));
    check_ok(cx, po_keyring_rotate_master(cx, fixture.keyring, rewrap, fixture.store));
    fixture_reopen(cx, &fixture);
    check_that(po_secret_eq(before, current_key(cx, fixture.store, 2)));
    struct po_store_data_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_store_data_key_list(cx, fixture.store, &keys, &count));
    check_eq_u64(count, 2);
    check_that(keys[0].opens && keys[0].rewrapped_us == TEST_CLOCK_START_US);
    uint64_t rewrapped = 9;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_data_key_rewrap(cx, tx, &rewrapped));
    check_eq_u64(rewrapped, 0); /* nothing is left to do */
}

/* A keyring holds only so many retired keys: fresh ones now and then. */
static void fresh_or_present(struct po_ctx *cx, struct fixture *fixture)
{
    static unsigned turn;
    if (turn++ % 24 != 0) {
        fixture_reopen(cx, fixture);
        return;
    }
    (void)unlink(test_tmp("paulyops.db"));
    (void)unlink(test_tmp("keys/master.key"));
    (void)unlink(test_tmp("keys/ledger.key"));
    (void)unlink(test_tmp("keys/keyring.sealed"));
    fixture_create(cx, fixture);
}

static void rotate_failing(struct po_ctx *cx, void *user)
{
    (void)user;
    FIXTURE_AUTO fixture = {0};
    fresh_or_present(cx, &fixture);
    PO_CLEANUP(po_secret_freep)
    struct po_secret *before = copy_of(cx, current_key(cx, fixture.store, 1));
    fixture_arm();
    bool is_done =
        fixture_survived(cx, po_keyring_rotate_master(cx, fixture.keyring, rewrap, fixture.store));
    po_err_clear(cx);
    fixture_reopen(cx, &fixture); /* as after a crash: only what is on disk */
    check_that(po_secret_eq(before, current_key(cx, fixture.store, 1)));
    check_that(!is_done || !po_keyring_is_rotating(fixture.keyring));
    check_that(po_keyring_ledger_key(fixture.keyring) != NULL);
    if (!po_keyring_is_rotating(fixture.keyring)) return;
    check_ok(cx, po_keyring_rotate_master(cx, fixture.keyring, rewrap, fixture.store));
    fixture_reopen(cx, &fixture);
    check_that(po_secret_eq(before, current_key(cx, fixture.store, 1)));
    check_that(!po_keyring_is_rotating(fixture.keyring));
}

TEST_TIMEOUT(data_key__opens_at_every_moment_of_a_master_key_rotation, 120)
{
    fixture_each_fault(rotate_failing, NULL);
}
