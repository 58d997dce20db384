/*
 * The keyring: the keys of one instance, outside its home (law 8).
 *
 * Invariants
 *  1. keyring.sealed is written last when a ring is made: without it the ring is incomplete and
 *     po_keyring_create goes on where it stopped.
 *  2. Nothing is sealed under a master key that is not durable in the directory (or a credential).
 *  3. A file that others may read is refused, not repaired: the key may be known to them already.
 *
 * States   absent -> (master.key) incomplete -> (keyring.sealed) complete
 *          complete -> (master.next) rotating -> (rename) complete
 * Threads  the owner's; borrowed keys live as long as the ring
 */
#include "core/alloc.h"
#include "core/codec.h"
#include "core/fs.h"
#include "crypto/keyring_priv.h"

#define LEDGER_PLAIN_BYTES (PO_ED25519_SEED_BYTES + 8)

po_rc po_keyring_new(struct po_ctx *cx, const struct po_keyring_place *place,
                     struct po_keyring **ret_keyring)
{
    PO_TRY_LEAF(cx, po_crypto_init(), "the cryptographic library does not start");
    size_t dir_len = strlen(place->dir);
    if (dir_len == 0 || dir_len > PO_KEYRING_PATH_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "the key directory's path has %zu bytes", dir_len);
    PO_CLEANUP(po_keyring_freep) struct po_keyring *keyring = po_calloc(1, sizeof *keyring);
    if (keyring == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a keyring");
    keyring->dir = po_calloc(1, dir_len + 1);
    if (keyring->dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a keyring");
    memcpy(keyring->dir, place->dir, dir_len);
    keyring->is_credential = place->credential != NULL;
    *ret_keyring = PO_TAKE(keyring);
    return po_rc_ok();
}

void po_keyring_free(struct po_keyring *keyring)
{
    if (keyring == NULL) return;
    po_keyring_master_done(&keyring->current);
    po_keyring_master_done(&keyring->next);
    po_secret_free(keyring->state);
    po_sign_key_free(keyring->ledger);
    po_free(keyring->dir);
    po_free(keyring);
}

void po_keyring_freep(struct po_keyring **keyring)
{
    po_keyring_free(*keyring);
    *keyring = NULL;
}

po_rc po_keyring_place_prepare(struct po_ctx *cx, const struct po_keyring_place *place)
{
    PO_TRY(cx, po_fs_mkdir_all(cx, place->dir, 0700));
    return po_keyring_dir_check(cx, place->dir);
}

po_rc po_keyring_state_store(struct po_ctx *cx, struct po_keyring *keyring,
                             const struct po_keyring_state *state)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *bytes = NULL;
    PO_TRY(cx, po_keyring_state_encode(cx, state, &bytes));
    PO_TRY(cx, po_keyring_sealed_write(cx, keyring, PO_KEYRING_SEALED, PO_KEYRING_AAD_STATE,
                                       po_secret_bytes(bytes)));
    po_secret_free(keyring->state);
    keyring->state = PO_TAKE(bytes);
    return po_rc_ok();
}

/* ---- the ledger's key ------------------------------------------------------------------------ */

static po_rc make_ledger_key(struct po_ctx *cx, struct po_keyring *keyring)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    PO_TRY(cx, po_secret_random(cx, PO_ED25519_SEED_BYTES, &seed));
    po_time_us now_us = po_ctx_now_us(cx);
    uint8_t plain[64] PO_WIPED(po_wipe64) = {0};
    memcpy(plain, po_secret_bytes(seed).ptr, PO_ED25519_SEED_BYTES);
    for (size_t i = 0; i < 8; i++)
        plain[PO_ED25519_SEED_BYTES + i] = (uint8_t)((uint64_t)now_us >> (8 * i));
    return po_keyring_sealed_write(cx, keyring, PO_KEYRING_LEDGER, PO_KEYRING_AAD_LEDGER,
                                   po_str_n(plain, LEDGER_PLAIN_BYTES));
}

static po_rc load_ledger_key(struct po_ctx *cx, struct po_keyring *keyring)
{
    bool exists = false;
    PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_LEDGER, &exists));
    if (!exists) return po_rc_ok();
    PO_CLEANUP(po_secret_freep) struct po_secret *plain = NULL;
    PO_TRY(cx,
           po_keyring_sealed_read(cx, keyring, PO_KEYRING_LEDGER, PO_KEYRING_AAD_LEDGER, &plain));
    po_str bytes = po_secret_bytes(plain);
    if (bytes.len != LEDGER_PLAIN_BYTES)
        return PO_FAIL(cx, PO_CORRUPT, "'%s' has an unknown shape", PO_KEYRING_LEDGER);
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    PO_TRY(cx, po_secret_new(cx, po_str_slice(bytes, 0, PO_ED25519_SEED_BYTES), &seed));
    PO_TRY(cx, po_sign_key_new(cx, seed, &keyring->ledger));
    uint64_t created = 0;
    for (size_t i = 0; i < 8; i++)
        created |= (uint64_t)(uint8_t)bytes.ptr[PO_ED25519_SEED_BYTES + i] << (8 * i);
    keyring->ledger_created_us = (po_time_us)created;
    return po_rc_ok();
}

const struct po_sign_key *po_keyring_ledger_key(const struct po_keyring *keyring)
{
    return keyring->ledger;
}

po_rc po_keyring_ledger_key_create(struct po_ctx *cx, struct po_keyring *keyring)
{
    bool exists = false;
    if (po_keyring_is_asking(keyring))
        return PO_FAIL(cx, PO_UNSUPPORTED, "a ledger key is made where the keys are");
    PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_LEDGER, &exists));
    if (exists) return PO_FAIL(cx, PO_EXISTS, "there is a ledger key already");
    PO_TRY(cx, make_ledger_key(cx, keyring));
    return load_ledger_key(cx, keyring);
}

/* ---- open ------------------------------------------------------------------------------------ */

/* The present master key, and the next one while a rotation is under way. */
static po_rc load_masters(struct po_ctx *cx, struct po_keyring *keyring, const char *credential)
{
    const char *path = credential;
    if (path == NULL) PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_MASTER, &path));
    po_rc rc = po_keyring_master_read(cx, path, keyring->is_credential, &keyring->current);
    if (rc.code == PO_NOTFOUND) return PO_FAIL(cx, PO_UNAVAILABLE, "there is no '%s'", path);
    PO_TRY(cx, rc);
    if (keyring->is_credential) return po_rc_ok();
    bool is_rotating = false;
    PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_NEXT, &is_rotating));
    if (!is_rotating) return po_rc_ok();
    PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_NEXT, &path));
    return po_keyring_master_read(cx, path, false, &keyring->next);
}

static po_rc load_state(struct po_ctx *cx, struct po_keyring *keyring)
{
    bool exists = false;
    PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_SEALED, &exists));
    if (!exists)
        return PO_FAIL(cx, PO_UNAVAILABLE, "the keyring in '%s' is incomplete", keyring->dir);
    PO_CLEANUP(po_secret_freep) struct po_secret *bytes = NULL;
    PO_TRY(cx,
           po_keyring_sealed_read(cx, keyring, PO_KEYRING_SEALED, PO_KEYRING_AAD_STATE, &bytes));
    PO_KEYRING_STATE_AUTO state = {0};
    PO_TRY(cx, po_keyring_state_decode(cx, bytes, &state));
    keyring->state = PO_TAKE(bytes);
    return po_rc_ok();
}

po_rc po_keyring_open(struct po_ctx *cx, const struct po_keyring_place *place,
                      struct po_keyring **ret_keyring)
{
    PO_CLEANUP(po_keyring_freep) struct po_keyring *keyring = NULL;
    PO_TRY(cx, po_keyring_new(cx, place, &keyring));
    PO_TRY(cx, po_keyring_dir_check(cx, place->dir));
    PO_TRY(cx, load_masters(cx, keyring, place->credential));
    PO_TRY(cx, load_state(cx, keyring));
    PO_TRY(cx, load_ledger_key(cx, keyring));
    *ret_keyring = PO_TAKE(keyring);
    return po_rc_ok();
}

bool po_keyring_is_rotating(const struct po_keyring *keyring)
{
    return keyring->next.key != NULL || keyring->is_rotating_there;
}

/* ---- create ---------------------------------------------------------------------------------- */

/*
 * A complete ring, or files sealed under a master key that is gone, must not be built upon. A ring that
 * lacks its state or its ledger key is what a power cut left of an earlier attempt: it is completed.
 */
static po_rc check_may_create(struct po_ctx *cx, const struct po_keyring *keyring, bool has_master)
{
    static const char *const sealed_files[] = {PO_KEYRING_SEALED, PO_KEYRING_LEDGER,
                                               PO_KEYRING_NEXT};
    bool exists[sizeof sealed_files / sizeof sealed_files[0]] = {false};
    for (size_t i = 0; i < sizeof sealed_files / sizeof sealed_files[0]; i++) {
        PO_TRY(cx, po_keyring_exists(cx, keyring, sealed_files[i], &exists[i]));
        if (exists[i] && !has_master)
            return PO_FAIL(cx, PO_EXISTS, "'%s' holds '%s' but not the master key it belongs to",
                           keyring->dir, sealed_files[i]);
    }
    if (exists[0] && exists[1])
        return PO_FAIL(cx, PO_EXISTS, "there is a keyring in '%s'", keyring->dir);
    return po_rc_ok();
}

static po_rc make_master_if_absent(struct po_ctx *cx, struct po_keyring *keyring,
                                   const char *credential)
{
    bool has_master = credential != NULL;
    if (!has_master) PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_MASTER, &has_master));
    PO_TRY(cx, check_may_create(cx, keyring, has_master));
    if (has_master) return load_masters(cx, keyring, credential);
    const char *path = NULL;
    PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_MASTER, &path));
    return po_keyring_master_make(cx, path, &keyring->current);
}

po_rc po_keyring_create(struct po_ctx *cx, const struct po_keyring_place *place,
                        struct po_keyring **ret_keyring)
{
    PO_CLEANUP(po_keyring_freep) struct po_keyring *keyring = NULL;
    PO_TRY(cx, po_keyring_new(cx, place, &keyring));
    PO_TRY(cx, po_keyring_place_prepare(cx, place));
    PO_TRY(cx, po_keyring_sweep(cx, keyring));
    PO_TRY(cx, make_master_if_absent(cx, keyring, place->credential));
    bool has_ledger_key = false;
    keyring->is_synced_later = true;
    PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_LEDGER, &has_ledger_key));
    if (!has_ledger_key) PO_TRY(cx, make_ledger_key(cx, keyring));
    PO_TRY(cx, load_ledger_key(cx, keyring));
    PO_KEYRING_STATE_AUTO state = {.master_created_us = po_ctx_now_us(cx)};
    PO_TRY(cx, po_keyring_state_store(cx, keyring, &state));
    PO_TRY(cx, po_fs_sync_dir(cx, keyring->dir));
    keyring->is_synced_later = false;
    *ret_keyring = PO_TAKE(keyring);
    return po_rc_ok();
}
