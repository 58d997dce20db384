/*
 * Replacing the master key so that at every moment what is on disk opens with the keys on disk.
 *
 *   1 master.next is written, durable; the old key still opens everything
 *   2 keyring.sealed under the new key, the old key in it among the retired
 *   3 ledger.key under the new key; then both are durable
 *   4 the caller's data keys under the new key (one committed transaction)
 *   5 the sealed files are opened again from disk with the new key alone
 *   6 master.next takes the name master.key
 *
 * Up to 6 both keys are on disk and po_keyring_open holds both; each step may be repeated.
 */
#include "core/fs.h"
#include "crypto/keyring_priv.h"

/* Step 1. */
static po_rc begin_rotation(struct po_ctx *cx, struct po_keyring *keyring)
{
    if (keyring->next.key != NULL) return po_rc_ok();
    PO_KEYRING_STATE_AUTO state = {0};
    PO_TRY(cx, po_keyring_state_decode(cx, keyring->state, &state));
    if (state.retired_count == PO_KEYRING_RETIRED_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the keyring holds %d retired master keys, no more fit",
                       PO_KEYRING_RETIRED_MAX);
    const char *path = NULL;
    PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_NEXT, &path));
    return po_keyring_master_make(cx, path, &keyring->next);
}

static po_rc is_file_under_next(struct po_ctx *cx, const struct po_keyring *keyring,
                                const char *name, bool *ret_is)
{
    PO_BUF_AUTO sealed = {0};
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    PO_TRY(cx, po_keyring_file_read(cx, keyring, name, &sealed));
    *ret_is = po_wrapped_is_under(po_buf_str(&sealed), &keyring->next);
    return po_rc_ok();
}

/* Step 2. */
static po_rc retire_old_master(struct po_ctx *cx, struct po_keyring *keyring)
{
    bool is_done = false;
    PO_TRY(cx, is_file_under_next(cx, keyring, PO_KEYRING_SEALED, &is_done));
    if (is_done) return po_rc_ok();
    PO_KEYRING_STATE_AUTO state = {0};
    PO_TRY(cx, po_keyring_state_decode(cx, keyring->state, &state));
    po_time_us now_us = po_ctx_now_us(cx);
    struct po_keyring_retired *retired = &state.retired[state.retired_count++];
    memcpy(retired->id, keyring->current.id, sizeof retired->id);
    memcpy(retired->key, po_secret_bytes(keyring->current.key).ptr, sizeof retired->key);
    retired->created_us =
        state.master_rotated_us != 0 ? state.master_rotated_us : state.master_created_us;
    retired->retired_us = now_us;
    state.master_rotated_us = now_us;
    return po_keyring_state_store(cx, keyring, &state);
}

/* Step 3. */
static po_rc reseal_ledger_key(struct po_ctx *cx, struct po_keyring *keyring)
{
    if (keyring->ledger == NULL) return po_rc_ok();
    PO_CLEANUP(po_secret_freep) struct po_secret *plain = NULL;
    PO_TRY(cx,
           po_keyring_sealed_read(cx, keyring, PO_KEYRING_LEDGER, PO_KEYRING_AAD_LEDGER, &plain));
    return po_keyring_sealed_write(cx, keyring, PO_KEYRING_LEDGER, PO_KEYRING_AAD_LEDGER,
                                   po_secret_bytes(plain));
}

static po_rc reseal(struct po_ctx *cx, struct po_keyring *keyring)
{
    keyring->is_synced_later = true;
    po_rc rc = retire_old_master(cx, keyring);
    if (po_is_ok(rc)) rc = reseal_ledger_key(cx, keyring);
    keyring->is_synced_later = false;
    PO_TRY(cx, rc);
    return po_fs_sync_dir(cx, keyring->dir);
}

/* Step 5: a ring that knows only the new key opens both files. */
static po_rc verify_on_disk(struct po_ctx *cx, const struct po_keyring *keyring)
{
    struct po_keyring alone = {.dir = keyring->dir, .current = keyring->next};
    PO_CLEANUP(po_secret_freep) struct po_secret *state = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *ledger = NULL;
    PO_TRY(cx, po_keyring_sealed_read(cx, &alone, PO_KEYRING_SEALED, PO_KEYRING_AAD_STATE, &state));
    if (keyring->ledger == NULL) return po_rc_ok();
    return po_keyring_sealed_read(cx, &alone, PO_KEYRING_LEDGER, PO_KEYRING_AAD_LEDGER, &ledger);
}

/* Step 6. A rename that had happened before its directory failed to sync is only synced. */
static po_rc end_rotation(struct po_ctx *cx, struct po_keyring *keyring)
{
    bool is_next_there = false;
    PO_TRY(cx, po_keyring_exists(cx, keyring, PO_KEYRING_NEXT, &is_next_there));
    const char *next = NULL;
    const char *master = NULL;
    PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_NEXT, &next));
    PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_MASTER, &master));
    if (is_next_there) {
        PO_TRY(cx, po_fs_rename(cx, next, master));
    } else {
        PO_TRY(cx, po_fs_sync_dir(cx, keyring->dir));
    }
    po_keyring_master_done(&keyring->current);
    keyring->current = keyring->next;
    keyring->next = (struct po_keyring_master){0};
    return po_rc_ok();
}

po_rc po_keyring_rotate_begin(struct po_ctx *cx, struct po_keyring *keyring)
{
    if (keyring->is_credential)
        return PO_FAIL(cx, PO_UNSUPPORTED,
                       "the master key is a systemd credential, which only "
                       "the administrator can replace");
    PO_TRY(cx, po_keyring_sweep(cx, keyring));
    PO_TRY(cx, begin_rotation(cx, keyring));
    return reseal(cx, keyring);
}

po_rc po_keyring_rotate_end(struct po_ctx *cx, struct po_keyring *keyring)
{
    PO_TRY(cx, verify_on_disk(cx, keyring));
    return end_rotation(cx, keyring);
}

po_rc po_keyring_rotate_master(struct po_ctx *cx, struct po_keyring *keyring,
                               po_keyring_rewrap *rewrap, void *user)
{
    if (po_keyring_is_asking(keyring)) return po_keyring_ask_rotate(cx, keyring, rewrap, user);
    PO_TRY(cx, po_keyring_rotate_begin(cx, keyring));
    PO_TRY(cx, rewrap(cx, keyring, user));
    return po_keyring_rotate_end(cx, keyring);
}
