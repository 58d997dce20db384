/*
 * Keys made by another implementation of docs/spec/keys.md open here.
 */
#include "crypto/crypto.h"
#include "unit/crypto/vectors.h"

#include <sys/stat.h>

static struct vectors vectors;

static void next_record(const char *name)
{
    check_that(vectors_next(&vectors));
    check_eq_cstr(vectors.name, name);
}

static void write_private(const char *name, const char *field)
{
    po_str bytes = vectors_get(&vectors, field);
    test_write_file(test_tmp(name), bytes.ptr, bytes.len);
    check_eq_int(chmod(test_tmp(name), 0600), 0);
}

static void check_unwraps(struct po_ctx *cx, const struct po_keyring *ring, const char *field)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    check_ok(cx,
             po_keyring_unwrap(cx, ring, PO_TENANT_DEFAULT, 1, vectors_get(&vectors, field), &key));
    check_eq_postr(po_secret_bytes(key), vectors_get(&vectors, "data_key"));
}

TEST(formats__of_another_implementation_open)
{
    TEST_CX(cx);
    vectors_open(&vectors, "formats.txt");
    next_record("keys");
    check_eq_int(mkdir(test_tmp("keys"), 0700), 0);
    write_private("keys/master.key", "master");
    write_private("keys/ledger.key", "ledger_file");
    write_private("keys/keyring.sealed", "keyring_file");
    PO_CLEANUP(po_keyring_freep) struct po_keyring *ring = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
    const struct po_keyring_place place = {.dir = test_tmp("keys")};
    check_ok(cx, po_keyring_open(cx, &place, &ring));
    check_ok(cx, po_secret_new(cx, vectors_get(&vectors, "seed"), &seed));
    check_ok(cx, po_sign_key_new(cx, seed, &key));
    check_eq_mem(po_sign_key_public(po_keyring_ledger_key(ring)), po_sign_key_public(key), 32);
    check_unwraps(cx, ring, "wrapped");
    check_unwraps(cx, ring, "wrapped_old");
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_keyring_status(cx, ring, &keys, &count));
    check_eq_u64(count, 4); /* master, a retired one, ledger, recovery */
    check_eq_int(keys[0].created_us, 1000);
    check_eq_int(keys[0].rotated_us, 2000);
    check_eq_int(keys[1].rotated_us, 2000);
    check_eq_int(keys[2].created_us, 1234);
    check_eq_int(keys[3].created_us, 3000);
    check_eq_int(keys[3].state, PO_KEY_ACTIVE);
    next_record("recovery");
    PO_CLEANUP(po_secret_freep) struct po_secret *code = NULL;
    check_ok(cx, po_secret_new(cx, vectors_get(&vectors, "code"), &code));
    check_ok(cx, po_keyring_recovery_verify(cx, ring, code, vectors_get(&vectors, "text")));
    vectors_close(&vectors);
}
