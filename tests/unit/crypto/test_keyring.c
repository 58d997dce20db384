/*
 * The key directory: making, opening, refusing; wrapped keys.
 */
#include "core/fs.h"
#include "crypto/keyring_priv.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_AUTO PO_CLEANUP(po_keyring_freep) struct po_keyring

static struct po_keyring_place place(void)
{
    return (struct po_keyring_place){.dir = test_tmp("keys")};
}

static struct po_keyring *create(struct po_ctx *cx)
{
    struct po_keyring *ring = NULL;
    const struct po_keyring_place where = place();
    check_ok(cx, po_keyring_create(cx, &where, &ring));
    return ring;
}

static struct po_keyring *reopen(struct po_ctx *cx, struct po_keyring **ring)
{
    const struct po_keyring_place where = place();
    po_keyring_freep(ring);
    check_ok(cx, po_keyring_open(cx, &where, ring));
    return *ring;
}

static void check_open_fails(struct po_ctx *cx, enum po_code code, const char *text)
{
    RING_AUTO *ring = NULL;
    const struct po_keyring_place where = place();
    check_fails(cx, po_keyring_open(cx, &where, &ring), code);
    check_contains(po_err_msg(cx), text);
    po_err_clear(cx);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    check_eq_int(stat(path, &st), 0);
    return st.st_mode & 07777;
}

TEST(keyring__is_made_private)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    check_eq_u64(mode_of(test_tmp("keys")), 0700);
    check_eq_u64(mode_of(test_tmp("keys/master.key")), 0600);
    check_eq_u64(mode_of(test_tmp("keys/ledger.key")), 0600);
    check_eq_u64(mode_of(test_tmp("keys/keyring.sealed")), 0600);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("keys/master.key"), &len);
    check_eq_u64(len, PO_KEY_BYTES);
    free(bytes);
}

TEST(keyring__opens_with_the_same_ledger_key)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    uint8_t public_key[PO_ED25519_PUBLIC_BYTES];
    memcpy(public_key, po_sign_key_public(po_keyring_ledger_key(ring)), sizeof public_key);
    (void)reopen(cx, &ring);
    check_eq_mem(po_sign_key_public(po_keyring_ledger_key(ring)), public_key, sizeof public_key);
    check_that(!po_keyring_is_rotating(ring));
}

TEST(keyring__is_made_once)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    RING_AUTO *second = NULL;
    const struct po_keyring_place where = place();
    check_fails(cx, po_keyring_create(cx, &where, &second), PO_EXISTS);
    (void)reopen(cx, &ring);
}

TEST(keyring__create_completes_an_interrupted_one)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    size_t len = 0;
    char *before = test_read_file(test_tmp("keys/master.key"), &len);
    po_keyring_freep(&ring);
    check_eq_int(unlink(test_tmp("keys/keyring.sealed")), 0);
    check_open_fails(cx, PO_UNAVAILABLE, "incomplete");
    ring = create(cx);
    char *after = test_read_file(test_tmp("keys/master.key"), &len);
    check_eq_mem(after, before, PO_KEY_BYTES);
    free(before);
    free(after);
}

TEST(keyring__create_refuses_what_is_left_of_another)
{
    TEST_CX(cx);
    static const char *const left[] = {"keys/ledger.key", "keys/keyring.sealed"};
    const struct po_keyring_place where = place();
    RING_AUTO *ring = create(cx);
    po_keyring_freep(&ring);
    check_eq_int(unlink(test_tmp("keys/master.key")), 0);
    for (size_t i = 0; i < 2; i++) {
        check_fails(cx, po_keyring_create(cx, &where, &ring), PO_EXISTS);
        check_contains(po_err_msg(cx), "not the master key");
        check_eq_int(unlink(test_tmp(left[1 - i])), 0);
    }
    ring = create(cx);
}

TEST(keyring__open_says_what_is_wrong)
{
    TEST_CX(cx);
    check_open_fails(cx, PO_UNAVAILABLE, "no key directory");
    check_eq_int(mkdir(test_tmp("keys"), 0700), 0);
    check_open_fails(cx, PO_UNAVAILABLE, "master.key");
    check_eq_int(rmdir(test_tmp("keys")), 0);
    test_write_file(test_tmp("keys"), "x", 1);
    check_open_fails(cx, PO_DENIED, "not a directory");
}

/* @proves CC6.1 */
TEST(keyring__refuses_keys_that_others_may_read)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    static const char *const files[] = {"keys/master.key", "keys/ledger.key",
                                        "keys/keyring.sealed"};
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
    po_keyring_freep(&ring);
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < sizeof modes / sizeof modes[0]; j++) {
            check_eq_int(chmod(test_tmp(files[i]), modes[j]), 0);
            check_open_fails(cx, PO_DENIED, "readable by others");
        }
        check_eq_int(chmod(test_tmp(files[i]), 0600), 0);
    }
    check_eq_int(chmod(test_tmp("keys"), 0750), 0);
    check_open_fails(cx, PO_DENIED, "open to others");
    check_eq_int(chmod(test_tmp("keys"), 0700), 0);
    (void)reopen(cx, &ring);
}

TEST(keyring__refuses_keys_of_another_user)
{
    TEST_CX(cx);
    if (geteuid() != 0) test_skip("needs root to give a file away");
    RING_AUTO *ring = create(cx);
    po_keyring_freep(&ring);
    check_eq_int(chown(test_tmp("keys/master.key"), 12345, 0), 0);
    check_open_fails(cx, PO_DENIED, "not ours");
    check_eq_int(chown(test_tmp("keys/master.key"), 0, 0), 0);
    check_eq_int(chown(test_tmp("keys"), 12345, 0), 0);
    check_open_fails(cx, PO_DENIED, "not ours");
}

TEST(keyring__refuses_symlinks_and_things_that_are_no_files)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    po_keyring_freep(&ring);
    check_eq_int(rename(test_tmp("keys/master.key"), test_tmp("real")), 0);
    check_eq_int(symlink(test_tmp("real"), test_tmp("keys/master.key")), 0);
    check_open_fails(cx, PO_DENIED, "master.key");
    check_eq_int(unlink(test_tmp("keys/master.key")), 0);
    check_eq_int(mkdir(test_tmp("keys/master.key"), 0700), 0);
    check_open_fails(cx, PO_DENIED, "not a file");
}

TEST(keyring__refuses_damaged_files)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    po_keyring_freep(&ring);
    static const char *const files[] = {"keys/ledger.key", "keys/keyring.sealed"};
    for (size_t i = 0; i < 2; i++) {
        char path[256]; /* test_tmp forgets after some calls */
        (void)snprintf(path, sizeof path, "%s", test_tmp(files[i]));
        size_t len = 0;
        char *bytes = test_read_file(path, &len);
        test_write_file(path, bytes, 20);
        check_open_fails(cx, PO_CORRUPT, "unknown shape");
        test_write_file(path, bytes, 0);
        check_open_fails(cx, PO_CORRUPT, "0 bytes");
        for (size_t at = 0; at < len; at++) {
            RING_AUTO *other = NULL;
            const struct po_keyring_place where = place();
            bytes[at] = (char)(bytes[at] ^ 1);
            test_write_file(path, bytes, len);
            po_rc rc = po_keyring_open(cx, &where, &other);
            check_eq_int(rc.code, at == 0 ? PO_CORRUPT : at < 9 ? PO_UNAVAILABLE : PO_TAMPER);
            po_err_clear(cx);
            bytes[at] = (char)(bytes[at] ^ 1);
        }
        test_write_file(path, bytes, len);
        free(bytes);
    }
    (void)reopen(cx, &ring);
    test_write_file(test_tmp("keys/master.key"), "too short", 9);
    check_open_fails(cx, PO_CORRUPT, "9 bytes");
}

TEST(keyring__refuses_files_put_in_each_other_s_place)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    po_keyring_freep(&ring);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("keys/ledger.key"), &len);
    test_write_file(test_tmp("keys/keyring.sealed"), bytes, len);
    check_open_fails(cx, PO_TAMPER, "keyring.sealed");
    free(bytes);
}

TEST(keyring__without_ledger_key_opens_and_can_get_one)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    check_fails(cx, po_keyring_ledger_key_create(cx, ring), PO_EXISTS);
    check_eq_int(unlink(test_tmp("keys/ledger.key")), 0);
    (void)reopen(cx, &ring);
    check_that(po_keyring_ledger_key(ring) == NULL);
    check_ok(cx, po_keyring_ledger_key_create(cx, ring));
    check_that(po_keyring_ledger_key(ring) != NULL);
    (void)reopen(cx, &ring);
    check_that(po_keyring_ledger_key(ring) != NULL);
}

TEST(keyring__takes_the_master_key_from_a_credential)
{
    TEST_CX(cx);
    const char *credential = test_tmp("paulyops-master");
    struct po_keyring_place where = place();
    where.credential = credential;
    RING_AUTO *ring = NULL;
    check_fails(cx, po_keyring_create(cx, &where, &ring), PO_UNAVAILABLE);
    test_write_file(credential, "0123456789abcdef0123456789abcdef", 32);
    check_eq_int(chmod(credential, 0444), 0);
    check_fails(cx, po_keyring_create(cx, &where, &ring), PO_DENIED);
    check_eq_int(chmod(credential, 0440), 0); /* an ACL's mask shows as group bits */
    check_ok(cx, po_keyring_create(cx, &where, &ring));
    check_that(access(test_tmp("keys/master.key"), F_OK) != 0);
    po_keyring_freep(&ring);
    check_ok(cx, po_keyring_open(cx, &where, &ring));
    check_fails(cx, po_keyring_rotate_master(cx, ring, NULL, NULL), PO_UNSUPPORTED);
    po_keyring_freep(&ring);
    test_write_file(credential, "another.credential.of.32.bytes..", 32);
    check_fails(cx, po_keyring_open(cx, &where, &ring), PO_UNAVAILABLE);
}

TEST(keyring__refuses_a_directory_name_that_cannot_be)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    static char long_path[5000];
    memset(long_path, 'a', sizeof long_path - 1);
    const struct po_keyring_place empty = {.dir = ""};
    const struct po_keyring_place longer = {.dir = long_path};
    check_fails(cx, po_keyring_create(cx, &empty, &ring), PO_INVALID);
    check_fails(cx, po_keyring_open(cx, &longer, &ring), PO_INVALID);
}

/* ---- wrapped data keys ----------------------------------------------------------------------- */

TEST(wrapped_key__opens_for_its_tenant_and_epoch_only)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *got = NULL;
    PO_BUF_AUTO wrapped = {0};
    po_buf_init(&wrapped, 256);
    const po_tenant_id tenant = {7};
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    check_ok(cx, po_keyring_wrap(cx, ring, tenant, 3, key, &wrapped));
    check_eq_u64(wrapped.len, PO_WRAPPED_KEY_BYTES);
    check_that(po_keyring_is_wrapped_current(ring, po_buf_str(&wrapped)));
    check_ok(cx, po_keyring_unwrap(cx, ring, tenant, 3, po_buf_str(&wrapped), &got));
    check_that(po_secret_eq(key, got));
    po_secret_freep(&got);
    check_fails(cx, po_keyring_unwrap(cx, ring, tenant, 4, po_buf_str(&wrapped), &got), PO_TAMPER);
    check_contains(po_err_msg(cx), "tenant 7, epoch 4");
    check_fails(cx, po_keyring_unwrap(cx, ring, (po_tenant_id){8}, 3, po_buf_str(&wrapped), &got),
                PO_TAMPER);
    check_fails(cx, po_keyring_unwrap(cx, ring, tenant, 3, PO_LIT("short"), &got), PO_CORRUPT);
    check_that(!po_keyring_is_wrapped_current(ring, PO_LIT("short")));
    for (size_t at = 0; at < wrapped.len; at++) {
        wrapped.ptr[at] = (char)(wrapped.ptr[at] ^ 1);
        po_rc rc = po_keyring_unwrap(cx, ring, tenant, 3, po_buf_str(&wrapped), &got);
        check_eq_int(rc.code, at == 0 ? PO_CORRUPT : at < 9 ? PO_UNAVAILABLE : PO_TAMPER);
        po_err_clear(cx);
        wrapped.ptr[at] = (char)(wrapped.ptr[at] ^ 1);
    }
}

TEST(wrapped_key__must_be_a_data_key)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    PO_BUF_AUTO wrapped = {0};
    po_buf_init(&wrapped, 256);
    check_ok(cx, po_secret_new(cx, PO_LIT("31 bytes are not enough of them"), &key));
    check_fails(cx, po_keyring_wrap(cx, ring, PO_TENANT_DEFAULT, 1, key, &wrapped), PO_INVALID);
}

/* ---- status ---------------------------------------------------------------------------------- */

TEST(keyring_status__lists_keys_and_no_secret)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_keyring_status(cx, ring, &keys, &count));
    check_eq_u64(count, 3);
    check_eq_cstr(keys[0].purpose, "master");
    check_eq_int(keys[0].state, PO_KEY_ACTIVE);
    check_eq_int(keys[0].created_us, TEST_CLOCK_START_US);
    check_eq_int(keys[0].rotated_us, 0);
    check_eq_u64(strlen(keys[0].id), PO_KEY_ID_CHARS);
    check_eq_cstr(keys[1].purpose, "ledger");
    check_eq_int(keys[1].created_us, TEST_CLOCK_START_US);
    check_eq_cstr(keys[2].purpose, "recovery");
    check_eq_int(keys[2].state, PO_KEY_ABSENT);
    check_eq_cstr(keys[2].id, "");
    /* The id is not a part of the key. */
    size_t len = 0;
    char *master = test_read_file(test_tmp("keys/master.key"), &len);
    char hex[2 * PO_KEY_BYTES + 1];
    for (size_t i = 0; i < PO_KEY_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)master[i]);
    check_that(strstr(hex, keys[0].id) == NULL);
    free(master);
    check_eq_cstr(po_key_state_name(PO_KEY_ABSENT), "absent");
}

/* ---- faults ---------------------------------------------------------------------------------- */

TEST_FAULTS(keyring__create_fails_cleanly_and_can_be_repeated)
{
    TEST_CX(cx);
    RING_AUTO *ring = NULL;
    const struct po_keyring_place where = place();
    (void)test_survived(po_keyring_create(cx, &where, &ring));
    test_faults_off();
    po_keyring_freep(&ring);
    po_err_clear(cx);
    po_rc rc = po_keyring_create(cx, &where, &ring);
    if (rc.code == PO_EXISTS) rc = po_keyring_open(cx, &where, &ring); /* it was complete */
    check_ok(cx, rc);
    check_that(po_keyring_ledger_key(ring) != NULL);
}

TEST_FAULTS_MANUAL(keyring__open_and_status_fail_cleanly)
{
    TEST_CX(cx);
    RING_AUTO *ring = create(cx);
    const struct po_keyring_place where = place();
    po_keyring_freep(&ring);
    struct po_key_info *keys = NULL;
    size_t count = 0;
    test_faults_arm();
    if (!test_survived(po_keyring_open(cx, &where, &ring))) return;
    if (!test_survived(po_keyring_status(cx, ring, &keys, &count))) return;
    test_faults_off();
    check_eq_u64(count, 3);
}
