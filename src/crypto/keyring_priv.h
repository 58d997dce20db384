/*
 * Shared by the keyring files. Formats: docs/spec/keys.md.
 */
#ifndef PO_CRYPTO_KEYRING_PRIV_H
#define PO_CRYPTO_KEYRING_PRIV_H

#include "crypto/crypto_priv.h"

#define PO_KEYRING_ID_BYTES 8
#define PO_KEYRING_RETIRED_MAX 64
#define PO_KEYRING_PATH_BYTES_MAX 4096

#define PO_KEYRING_MASTER "master.key"
#define PO_KEYRING_NEXT "master.next"
#define PO_KEYRING_LEDGER "ledger.key"
#define PO_KEYRING_SEALED "keyring.sealed"

/* What a sealed file or key is for: the head of its AAD. */
#define PO_KEYRING_AAD_LEDGER PO_LIT("paulyops/v1/ledger-key")
#define PO_KEYRING_AAD_STATE PO_LIT("paulyops/v1/keyring")
#define PO_KEYRING_AAD_DATA PO_LIT("paulyops/v1/data-key")
#define PO_KEYRING_AAD_RECOVERY PO_LIT("paulyops/v1/recovery")

/* version, master key id */
#define PO_WRAPPED_HEAD_BYTES (1 + PO_KEYRING_ID_BYTES)
#define PO_WRAPPED_OVERHEAD_BYTES (PO_WRAPPED_HEAD_BYTES + PO_XCHACHA_OVERHEAD_BYTES)

struct po_keyring_master {
    struct po_secret *key; /* NULL: none */
    uint8_t id[PO_KEYRING_ID_BYTES];
};

struct po_keyring_retired {
    uint8_t id[PO_KEYRING_ID_BYTES];
    uint8_t key[PO_KEY_BYTES];
    po_time_us created_us;
    po_time_us retired_us;
};

/* What keyring.sealed holds. It holds keys: on the stack only, wiped. */
struct po_keyring_state {
    po_time_us master_created_us;
    po_time_us master_rotated_us;
    po_time_us recovery_created_us;
    uint8_t recovery_id[PO_KEYRING_ID_BYTES]; /* master key the newest recovery text holds */
    size_t retired_count;
    struct po_keyring_retired retired[PO_KEYRING_RETIRED_MAX];
};
void po_keyring_state_wipe(struct po_keyring_state *state);
#define PO_KEYRING_STATE_AUTO PO_CLEANUP(po_keyring_state_wipe) struct po_keyring_state

struct po_keyring {
    char *dir;
    bool is_credential;
    bool is_synced_later; /* names of several files become durable together */
    struct po_keyring_master current;
    struct po_keyring_master next; /* while rotating */
    struct po_secret *state;       /* encoded po_keyring_state */
    struct po_sign_key *ledger;    /* NULL: none */
    po_time_us ledger_created_us;
    struct po_keyring_asker asker; /* ask != NULL: the keys are elsewhere, here are ids only */
    bool is_rotating_there;
};

/* keyring_state.c */
PO_RC po_keyring_state_encode(struct po_ctx *cx, const struct po_keyring_state *state,
                              struct po_secret **ret_bytes);
/* PO_CORRUPT. */
PO_RC po_keyring_state_decode(struct po_ctx *cx, const struct po_secret *bytes,
                              struct po_keyring_state *ret_state);

/* keyring_wrap.c: secrets sealed under a master key */
PO_RC po_keyring_master_id(po_str key, uint8_t ret_id[static PO_KEYRING_ID_BYTES]);
/* `id` in lower-case hex; in the arena, "" when memory is out. */
const char *po_keyring_id_text(struct po_ctx *cx, const uint8_t id[static PO_KEYRING_ID_BYTES]);
const struct po_keyring_master *po_keyring_newest(const struct po_keyring *keyring);
PO_RC po_wrapped_seal(struct po_ctx *cx, const struct po_keyring_master *master, po_str aad,
                      po_str plain, struct po_buf *out);
/* With whichever master key of the ring its head names. PO_UNAVAILABLE, PO_TAMPER, PO_CORRUPT. */
PO_RC po_wrapped_open(struct po_ctx *cx, const struct po_keyring *keyring, po_str aad,
                      po_str wrapped, struct po_secret **ret_plain);
bool po_wrapped_is_under(po_str wrapped, const struct po_keyring_master *master);

/* keyring_file.c: the key directory */
PO_RC po_keyring_path(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                      const char **ret_path);
PO_RC po_keyring_dir_check(struct po_ctx *cx, const char *dir); /* PO_UNAVAILABLE, PO_DENIED */
PO_RC po_keyring_exists(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                        bool *ret_exists);
/* Adopt the 32 bytes of a file; PO_NOTFOUND, PO_DENIED, PO_CORRUPT. */
PO_RC po_keyring_master_read(struct po_ctx *cx, const char *path, bool is_credential,
                             struct po_keyring_master *ret_master);
PO_RC po_keyring_master_make(struct po_ctx *cx, const char *path,
                             struct po_keyring_master *ret_master);
void po_keyring_master_done(struct po_keyring_master *master);
PO_RC po_keyring_file_read(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                           struct po_buf *out);
PO_RC po_keyring_file_write(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                            po_str content);
/* Remove what an interrupted write left: it may hold a key that is no longer meant to exist. */
PO_RC po_keyring_sweep(struct po_ctx *cx, const struct po_keyring *keyring);
/* Seal under the newest master key and replace the file. */
PO_RC po_keyring_sealed_write(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                              po_str aad, po_str plain);
PO_RC po_keyring_sealed_read(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                             po_str aad, struct po_secret **ret_plain);

/* keyring_rotate.c: the two halves around the caller's rewrapping */
PO_RC po_keyring_rotate_begin(struct po_ctx *cx, struct po_keyring *keyring);
PO_RC po_keyring_rotate_end(struct po_ctx *cx, struct po_keyring *keyring);

/* keyring_ask.c: the public functions of a ring that asks */
PO_RC po_keyring_ask_status(struct po_ctx *cx, const struct po_keyring *keyring,
                            struct po_key_info **ret_keys, size_t *ret_count);
PO_RC po_keyring_ask_wrap(struct po_ctx *cx, const struct po_keyring *keyring, po_tenant_id tenant,
                          uint32_t epoch, po_str key, struct po_buf *out);
PO_RC po_keyring_ask_unwrap(struct po_ctx *cx, const struct po_keyring *keyring,
                            po_tenant_id tenant, uint32_t epoch, po_str wrapped,
                            struct po_secret **ret_key);
bool po_keyring_ask_is_current(const struct po_keyring *keyring, po_str wrapped);
PO_RC po_keyring_ask_rotate(struct po_ctx *cx, struct po_keyring *keyring,
                            po_keyring_rewrap *rewrap, void *user);
PO_RC po_keyring_ask_recovery_verify(struct po_ctx *cx, const struct po_keyring *keyring,
                                     const struct po_secret *code, po_str sealed);

/* keyring.c */
PO_RC po_keyring_new(struct po_ctx *cx, const struct po_keyring_place *place,
                     struct po_keyring **ret_keyring);
PO_RC po_keyring_place_prepare(struct po_ctx *cx, const struct po_keyring_place *place);
/* Replace keyring.sealed and what the ring remembers of it. */
PO_RC po_keyring_state_store(struct po_ctx *cx, struct po_keyring *keyring,
                             const struct po_keyring_state *state);

#endif
