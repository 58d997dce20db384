/*
 * Rotation of the master key: what was wrapped before opens at every moment of it.
 */
#include "crypto/keyring_priv.h"
#include "lib/test.h"

#include <stdlib.h>
#include <unistd.h>

#define RING_AUTO PO_CLEANUP(po_keyring_freep) struct po_keyring

static struct po_keyring_place place(void)
{
    return (struct po_keyring_place){.dir = test_tmp("keys")};
}

/* What a store does: keep one wrapped key, replace it when told. */
struct holder {
    struct po_secret *key;
    struct po_buf wrapped;
    bool must_fail;
    unsigned calls;
};

static void holder_done(struct holder *holder)
{
    po_secret_freep(&holder->key);
    po_buf_done(&holder->wrapped);
}
#define HOLDER_AUTO PO_CLEANUP(holder_done) struct holder

static void set_up(struct po_ctx *cx, struct po_keyring **ring, struct holder *holder)
{
    const struct po_keyring_place where = place();
    po_buf_init(&holder->wrapped, 256);
    check_ok(cx, po_keyring_create(cx, &where, ring));
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &holder->key));
    check_ok(cx, po_keyring_wrap(cx, *ring, PO_TENANT_DEFAULT, 1, holder->key, &holder->wrapped));
}

static void reopen(struct po_ctx *cx, struct po_keyring **ring)
{
    const struct po_keyring_place where = place();
    po_keyring_freep(ring);
    check_ok(cx, po_keyring_open(cx, &where, ring));
}

static void check_opens(struct po_ctx *cx, const struct po_keyring *ring,
                        const struct holder *holder)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *got = NULL;
    check_ok(cx,
             po_keyring_unwrap(cx, ring, PO_TENANT_DEFAULT, 1, po_buf_str(&holder->wrapped), &got));
    check_that(po_secret_eq(got, holder->key));
    check_that(po_keyring_ledger_key(ring) != NULL);
}

static po_rc rewrap(struct po_ctx *cx, struct po_keyring *ring, void *user)
{
    struct holder *holder = user;
    holder->calls++;
    if (holder->must_fail) return PO_FAIL(cx, PO_BUSY, "not now");
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    PO_BUF_AUTO wrapped = {0};
    po_buf_init(&wrapped, 256);
    PO_TRY(cx,
           po_keyring_unwrap(cx, ring, PO_TENANT_DEFAULT, 1, po_buf_str(&holder->wrapped), &key));
    PO_TRY(cx, po_keyring_wrap(cx, ring, PO_TENANT_DEFAULT, 1, key, &wrapped));
    /* As a committed transaction: all or nothing. */
    memcpy(holder->wrapped.ptr, wrapped.ptr, wrapped.len);
    return po_rc_ok();
}

TEST(rotate__replaces_the_master_key_and_nothing_else)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    size_t len = 0;
    char *before = test_read_file(test_tmp("keys/master.key"), &len);
    uint8_t public_key[PO_ED25519_PUBLIC_BYTES];
    memcpy(public_key, po_sign_key_public(po_keyring_ledger_key(ring)), sizeof public_key);
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    check_eq_u64(holder.calls, 1);
    check_opens(cx, ring, &holder);
    check_that(po_keyring_is_wrapped_current(ring, po_buf_str(&holder.wrapped)));
    reopen(cx, &ring);
    check_opens(cx, ring, &holder);
    check_that(!po_keyring_is_rotating(ring));
    check_that(access(test_tmp("keys/master.next"), F_OK) != 0);
    check_eq_mem(po_sign_key_public(po_keyring_ledger_key(ring)), public_key, sizeof public_key);
    char *after = test_read_file(test_tmp("keys/master.key"), &len);
    check_that(!po_str_eq(po_str_n(before, 32), po_str_n(after, 32)));
    free(before);
    free(after);
}

TEST(rotate__removes_what_an_interrupted_write_left)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    test_write_file(test_tmp("keys/.po-tmp-0123456789abcdef"), "an old key", 10);
    test_write_file(test_tmp("keys/notes"), "of a person", 11);
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    check_that(access(test_tmp("keys/.po-tmp-0123456789abcdef"), F_OK) != 0);
    check_eq_int(access(test_tmp("keys/notes"), F_OK), 0);
}

TEST(rotate__is_listed_with_its_times)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    struct po_key_info *keys = NULL;
    size_t count = 0;
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    check_ok(cx, po_keyring_status(cx, ring, &keys, &count));
    check_eq_u64(count, 5);
    check_eq_int(keys[0].state, PO_KEY_ACTIVE);
    check_eq_int(keys[0].created_us, TEST_CLOCK_START_US);
    check_eq_int(keys[0].rotated_us, TEST_CLOCK_START_US + 2 * PO_US_PER_DAY);
    check_eq_int(keys[1].state, PO_KEY_RETIRED);
    check_eq_int(keys[1].created_us, TEST_CLOCK_START_US + PO_US_PER_DAY);
    check_eq_int(keys[1].rotated_us, TEST_CLOCK_START_US + 2 * PO_US_PER_DAY);
    check_eq_int(keys[2].created_us, TEST_CLOCK_START_US);
    check_eq_cstr(keys[3].purpose, "ledger");
    check_eq_int(keys[3].created_us, TEST_CLOCK_START_US);
}

TEST(rotate__keeps_old_master_keys_for_opening_older_copies)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    HOLDER_AUTO old_copy = {0};
    po_buf_init(&old_copy.wrapped, 256);
    po_buf_append(&old_copy.wrapped, po_buf_str(&holder.wrapped));
    check_ok(cx, po_secret_new(cx, po_secret_bytes(holder.key), &old_copy.key));
    for (int i = 0; i < 3; i++)
        check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    reopen(cx, &ring);
    check_opens(cx, ring, &holder);
    check_opens(cx, ring, &old_copy);
    check_that(!po_keyring_is_wrapped_current(ring, po_buf_str(&old_copy.wrapped)));
}

TEST(rotate__goes_on_after_the_store_failed)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    holder.must_fail = true;
    check_fails(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder), PO_BUSY);
    check_that(po_keyring_is_rotating(ring));
    check_opens(cx, ring, &holder);
    reopen(cx, &ring);
    check_that(po_keyring_is_rotating(ring));
    check_opens(cx, ring, &holder);
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_keyring_status(cx, ring, &keys, &count));
    check_eq_int(keys[1].state, PO_KEY_NEXT);
    size_t len = 0;
    char *next = test_read_file(test_tmp("keys/master.next"), &len);
    holder.must_fail = false;
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    char *master = test_read_file(test_tmp("keys/master.key"), &len);
    check_eq_mem(master, next, PO_KEY_BYTES); /* the same new key, not a third one */
    check_ok(cx, po_keyring_status(cx, ring, &keys, &count));
    check_eq_u64(count, 4); /* master, one retired, ledger, recovery */
    reopen(cx, &ring);
    check_opens(cx, ring, &holder);
    free(next);
    free(master);
}

TEST(rotate__works_without_a_ledger_key)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    check_eq_int(unlink(test_tmp("keys/ledger.key")), 0);
    reopen(cx, &ring);
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    reopen(cx, &ring);
    check_that(po_keyring_ledger_key(ring) == NULL);
}

TEST_TIMEOUT(rotate__ends_when_no_more_retired_keys_fit, 60)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    for (int i = 0; i < PO_KEYRING_RETIRED_MAX; i++)
        check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    check_fails(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder), PO_LIMIT);
    check_that(!po_keyring_is_rotating(ring));
    reopen(cx, &ring);
    check_opens(cx, ring, &holder);
}

TEST(rotate__resumes_a_rename_whose_sync_failed)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    holder.must_fail = true;
    check_fails(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder), PO_BUSY);
    holder.must_fail = false;
    check_ok(cx, rewrap(cx, ring, &holder));
    check_eq_int(rename(test_tmp("keys/master.next"), test_tmp("keys/master.key")), 0);
    check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &holder));
    check_that(!po_keyring_is_rotating(ring));
    reopen(cx, &ring);
    check_opens(cx, ring, &holder);
}

TEST_FAULTS_MANUAL(rotate__opens_at_every_moment_and_can_be_finished)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    HOLDER_AUTO holder = {0};
    set_up(cx, &ring, &holder);
    test_faults_arm();
    bool is_done = test_survived(po_keyring_rotate_master(cx, ring, rewrap, &holder));
    test_faults_off();
    po_err_clear(cx);
    check_opens(cx, ring, &holder); /* the same process goes on */
    RING_AUTO *other = NULL;
    reopen(cx, &other); /* as after a crash */
    check_opens(cx, other, &holder);
    check_that(!is_done || !po_keyring_is_rotating(other));
    if (!po_keyring_is_rotating(other)) return;
    check_ok(cx, po_keyring_rotate_master(cx, other, rewrap, &holder));
    reopen(cx, &other);
    check_opens(cx, other, &holder);
}
