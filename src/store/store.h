/*
 * The instance's database: SQLite behind typed functions. All SQL is here (store_statements.def).
 *
 * Invariants
 *  1. A change commits only through po_tx_commit, which takes the change's event (law 2). The two
 *     exceptions touch no state of the product: creating the schema, and deleting pending rows that
 *     the ledger files hold.
 *  2. Every statement on a table with tenants binds the tenant as ?1, or says why it is global.
 *  3. A sealed cell opens only at its own tenant, table, column, row and key epoch.
 *  4. After a failed sync nothing more is acknowledged: the store refuses until it is opened again.
 *
 * Threads  one store, one thread; the process holds the database exclusively
 * Source   docs/spec/store.md
 * Control  CC6.1 CC7.2 PI1.5
 */
#ifndef PO_STORE_STORE_H
#define PO_STORE_STORE_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/secret.h"
#include "core/str.h"
#include "crypto/crypto.h"

#define PO_STORE_ROWS_MAX 100000
#define PO_STORE_NAME_BYTES_MAX 128
#define PO_STORE_VALUE_BYTES_MAX ((size_t)64 << 10)

struct po_store;
struct po_tx;

struct po_store_options {
    const char *path;           /* "<home>/data/paulyops.db" */
    struct po_keyring *keyring; /* borrowed while open; NULL: sealed things are PO_UNAVAILABLE */
    bool is_read_only;          /* po_tx_begin refuses with PO_UNAVAILABLE; migrations too */
};

/* New database file with the present schema. PO_EXISTS, PO_CREATE, PO_IO. */
PO_RC po_store_create(struct po_ctx *cx, const struct po_store_options *options,
                      struct po_store **ret_store);
/*
 * Open and migrate.
 *
 * Errors  PO_NOTFOUND     no database;  PO_CORRUPT  damaged or no database of ours;
 *         PO_TAMPER       a migration recorded with another checksum than this build's;
 *         PO_UNSUPPORTED  made by a newer version;  PO_BUSY  another process has it;  PO_IO
 */
PO_RC po_store_open(struct po_ctx *cx, const struct po_store_options *options,
                    struct po_store **ret_store);
/* Close; an open transaction is rolled back. NULL is fine. */
void po_store_close(struct po_store *store);
void po_store_closep(struct po_store **store);

/* ---- transactions --------------------------------------------------------------------------- */

#define PO_STORE_PENDING_RECORD_BYTES_MAX 512
#define PO_STORE_PENDING_SEALED_BYTES_MAX (((size_t)1 << 24) - 1)

/*
 * An event on its way to the ledger: sealed already. `record` and `sealed` are opaque here: the
 * ledger module writes them and reads them back.
 */
struct po_store_pending {
    uint8_t event_id[16];
    po_tenant_id tenant;
    po_str record; /* 1..PO_STORE_PENDING_RECORD_BYTES_MAX */
    po_str sealed; /* 0..PO_STORE_PENDING_SEALED_BYTES_MAX */
};

/*
 * Transactions that follow share one commit to the disk, at po_store_group_end: until then they are seen here,
 * each still rolls back alone, and a crash undoes all of them. Nothing of them may be acknowledged before.
 */
void po_store_group_begin(struct po_store *store);
/*
 * What was grouped becomes durable; transactions that follow commit each for itself again. Without a group
 * nothing is done.
 *
 * Errors   PO_IO and others of committing: all of the group is undone; this says so, and the store takes no
 *          more transactions, until it is opened again
 */
PO_RC po_store_group_end(struct po_ctx *cx, struct po_store *store);

/* Begin a write transaction (one at a time: PO_BUG). PO_UNAVAILABLE read-only, PO_BUSY, PO_IO. */
PO_RC po_tx_begin(struct po_ctx *cx, struct po_store *store, struct po_tx **ret_tx);
/* A further event of the same transaction, ordered before the one given to po_tx_commit. */
PO_RC po_tx_queue(struct po_ctx *cx, struct po_tx *tx, const struct po_store_pending *event);
/*
 * Queue `event` and commit, durably. The only commit there is. On failure everything of the
 * transaction is undone. `tx` is spent either way; its cleanup frees it.
 *
 * Errors  PO_BUG  event NULL or tx spent;  PO_EXISTS  event id queued already;
 *         PO_IO   "disk full" or a failed write: nothing of it happened
 */
PO_RC po_tx_commit(struct po_ctx *cx, struct po_tx *tx, const struct po_store_pending *event);
/* Roll back unless committed, and free. */
void po_tx_freep(struct po_tx **tx);
#define PO_TX_AUTO PO_CLEANUP(po_tx_freep) struct po_tx
struct po_store *po_tx_store(struct po_tx *tx);

/* ---- pending events ------------------------------------------------------------------------- */

/*
 * Oldest first, at most `limit` rows (<= PO_STORE_ROWS_MAX) and about 8 MiB, but at least one if there
 * is any; copies in the arena. To drain more than that, give each round a context of its own.
 */
PO_RC po_store_pending_list(struct po_ctx *cx, struct po_store *store, size_t limit,
                            struct po_store_pending **ret_rows, size_t *ret_count);
PO_RC po_store_pending_count(struct po_ctx *cx, struct po_store *store, uint64_t *ret_count);
/* Delete rows that the ledger files now hold (durable there first). Unknown ids are fine. */
PO_RC po_store_pending_delete(struct po_ctx *cx, struct po_store *store,
                              const struct po_store_pending *rows, size_t count);
/*
 * The same, and in that transaction keep how many leaves the ledger has with them. A database that
 * speaks of fewer leaves than the ledger has, and has not so many rows pending, is an older one.
 */
PO_RC po_store_pending_done(struct po_ctx *cx, struct po_store *store,
                            const struct po_store_pending *rows, size_t count,
                            uint64_t ledger_size);
/* What was kept last; not known in a database that never saw one. PO_CORRUPT no number. */
PO_RC po_store_ledger_size(struct po_ctx *cx, struct po_store *store, bool *ret_is_known,
                           uint64_t *ret_size);

/* ---- tenants and data keys ------------------------------------------------------------------ */

struct po_store_tenant {
    po_tenant_id id;
    po_str name; /* empty when the keys to open it are absent */
    po_time_us created_us;
};
#define PO_STORE_TENANTS_MAX 64
/*
 * Tenant row and its first data key.
 *
 * Errors   PO_EXISTS the id, or the name of another than the default tenant;  PO_UNAVAILABLE without
 *          keyring;  PO_LIMIT PO_STORE_TENANTS_MAX
 */
PO_RC po_store_tenant_create(struct po_ctx *cx, struct po_tx *tx, po_tenant_id id, po_str name);
PO_RC po_store_tenant_has(struct po_ctx *cx, struct po_store *store, po_tenant_id id,
                          bool *ret_has);
/* By name, as given; the default tenant is not found. ret_id is written only when it is found. */
PO_RC po_store_tenant_find(struct po_ctx *cx, struct po_store *store, po_str name,
                           bool *ret_is_found, po_tenant_id *ret_id);
/* PO_NOTFOUND. */
PO_RC po_store_tenant_get(struct po_ctx *cx, struct po_store *store, po_tenant_id id,
                          struct po_store_tenant *ret_tenant);
/* Whose they are, in the order of po_store_tenant_list: no name is opened, so a damaged one is no hindrance. */
PO_RC po_store_tenant_ids(struct po_ctx *cx, struct po_store *store, po_tenant_id **ret_ids,
                          size_t *ret_count);
/* The default tenant, then the others by time of creation. */
PO_RC po_store_tenant_list(struct po_ctx *cx, struct po_store *store,
                           struct po_store_tenant **ret_tenants, size_t *ret_count);

/*
 * The tenant's newest data key, for sealing. Borrowed until the transaction that made it is rolled
 * back or the store is closed.
 *
 * Errors  PO_UNAVAILABLE no keyring or not its master key;  PO_NOTFOUND no such tenant;  PO_TAMPER
 */
PO_RC po_store_data_key_get(struct po_ctx *cx, struct po_store *store, po_tenant_id tenant,
                            uint32_t *ret_epoch, const struct po_secret **ret_key);
/* The key of a given epoch, for opening. */
PO_RC po_store_data_key_get_at(struct po_ctx *cx, struct po_store *store, po_tenant_id tenant,
                               uint32_t epoch, const struct po_secret **ret_key);
/* A new epoch: later seals use it, earlier keys stay for opening. PO_LIMIT after 255 epochs. */
PO_RC po_store_data_key_rotate(struct po_ctx *cx, struct po_tx *tx, po_tenant_id tenant,
                               uint32_t *ret_epoch);
/* For po_keyring_rotate_master: wrap every data key under the newest master key. */
PO_RC po_store_data_key_rewrap(struct po_ctx *cx, struct po_tx *tx, uint64_t *ret_count);

struct po_store_data_key_info {
    po_tenant_id tenant;
    uint32_t epoch;
    bool is_current; /* the newest epoch; others only open */
    bool opens;      /* unwraps with the keyring at hand */
    po_time_us created_us;
    po_time_us rewrapped_us; /* 0 = never */
};
PO_RC po_store_data_key_list(struct po_ctx *cx, struct po_store *store,
                             struct po_store_data_key_info **ret_keys, size_t *ret_count);

/*
 * 16-byte keyed token of a value, to find a sealed cell by equality: HMAC under a key of tenant,
 * table and column (from the tenant's first data key, so tokens outlive data key rotation).
 */
#define PO_STORE_TOKEN_BYTES 16
struct po_store_column {
    po_tenant_id tenant;
    const char *table;
    const char *column;
};
PO_RC po_store_token(struct po_ctx *cx, struct po_store *store,
                     const struct po_store_column *column, po_str value,
                     uint8_t out[static PO_STORE_TOKEN_BYTES]);

/* ---- meta: facts of the instance ------------------------------------------------------------ */

/* ret_value is in the arena; {NULL, 0} when absent (PO_OK). Not sealed: nothing personal here. */
PO_RC po_store_meta_find(struct po_ctx *cx, struct po_store *store, const char *key,
                         po_str *ret_value);
PO_RC po_store_meta_set(struct po_ctx *cx, struct po_tx *tx, const char *key, po_str value);

/* ---- register: the operator's figures; every value ever set is kept -------------------------- */

struct po_store_register_entry {
    uint64_t id; /* rises with each set */
    po_str name;
    po_str value;
    po_str author;
    po_time_us time_us;
    bool is_current;
};
/* Tenant and author are cx's. `name`: 1..PO_STORE_NAME_BYTES_MAX of [a-z0-9_.-]. */
PO_RC po_store_register_set(struct po_ctx *cx, struct po_tx *tx, po_str name, po_str value,
                            uint64_t *ret_id);
/* *ret_entry is NULL when the name was never set. In the arena. */
PO_RC po_store_register_find(struct po_ctx *cx, struct po_store *store, po_str name,
                             struct po_store_register_entry **ret_entry);
/* By name, then oldest first; only the present values unless with_history. */
PO_RC po_store_register_list(struct po_ctx *cx, struct po_store *store, bool with_history,
                             struct po_store_register_entry **ret_entries, size_t *ret_count);

/* ---- flag_state: what configuration was last recorded ---------------------------------------- */

struct po_store_flag_state {
    bool exists;
    uint8_t digest[PO_SHA256_BYTES];
    po_time_us time_us;
};
/* `name` such as "status_flags" or "env"; tenant is cx's. Absent is PO_OK with exists = false. */
PO_RC po_store_flag_state_find(struct po_ctx *cx, struct po_store *store, po_str name,
                               struct po_store_flag_state *ret_state);
PO_RC po_store_flag_state_set(struct po_ctx *cx, struct po_tx *tx, po_str name,
                              const uint8_t digest[static PO_SHA256_BYTES]);

/* ---- intents: outside changes begun and not yet ended (law 2) -------------------------------- */

struct po_store_intent {
    uint8_t id[16]; /* the intent event's id */
    po_str kind;    /* "repair.apply"; [a-z0-9_.-] */
    po_str detail;  /* sealed; empty in lists when the keys are absent */
    po_time_us time_us;
};
/* Tenant is cx's. time_us is ignored on the way in. PO_EXISTS. */
PO_RC po_store_intent_open(struct po_ctx *cx, struct po_tx *tx,
                           const struct po_store_intent *intent);
/* PO_NOTFOUND when it is not open. */
PO_RC po_store_intent_close(struct po_ctx *cx, struct po_tx *tx, const uint8_t id[static 16]);
/* Open intents, oldest first. */
PO_RC po_store_intent_list(struct po_ctx *cx, struct po_store *store,
                           struct po_store_intent **ret_intents, size_t *ret_count);

/* ---- programs: grants, keys that may sign them, texts kept in the ledger ---------------------- */

#define PO_STORE_GRANTS_MAX 10000
#define PO_STORE_GRANT_FILE_BYTES_MAX 1024

/* What one entry point of a program may do, bound to the digest of its closure. */
struct po_store_grant {
    uint64_t id; /* rises with each grant */
    po_str file; /* "backup_age.script", below scripts/ or as it was given */
    po_str entry;
    po_str clause; /* "GOV-01.2" of a control program; else empty */
    uint8_t digest[PO_SHA256_BYTES];
    po_str caps;   /* canonical JSON; sealed */
    po_str author; /* who asked for it; sealed */
    po_time_us granted_us;
    po_time_us effective_us; /* from then on it holds */
    po_time_us revoked_us;   /* 0: it was not */
};
/*
 * Tenant and author are cx's; id, author and revoked_us are ignored on the way in.
 *
 * Errors   PO_INVALID names or times;  PO_LIMIT sizes, or PO_STORE_GRANTS_MAX
 */
PO_RC po_store_grant_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_grant *grant,
                         uint64_t *ret_id);
/* PO_NOTFOUND no such grant, or it was revoked before. */
PO_RC po_store_grant_revoke(struct po_ctx *cx, struct po_tx *tx, uint64_t id);
/* Every grant ever given, oldest first; in the arena. */
PO_RC po_store_grant_list(struct po_ctx *cx, struct po_store *store,
                          struct po_store_grant **ret_grants, size_t *ret_count);
/* Clauses of all of them, each once; needs no key. */
PO_RC po_store_grant_clauses(struct po_ctx *cx, struct po_store *store, po_str **ret_clauses,
                             size_t *ret_count);

/* A key whose signature makes a bundle trusted. */
struct po_store_trust_key {
    po_str name;  /* the key's own name, of its vkey */
    po_str vkey;  /* "name+hex8+base64" */
    po_str level; /* "vendor" or "organisation" */
    po_time_us time_us;
};
/* Set or replace by name. PO_INVALID another level. */
PO_RC po_store_trust_set(struct po_ctx *cx, struct po_tx *tx, const struct po_store_trust_key *key);
/* PO_NOTFOUND. */
PO_RC po_store_trust_remove(struct po_ctx *cx, struct po_tx *tx, po_str name);
PO_RC po_store_trust_list(struct po_ctx *cx, struct po_store *store,
                          struct po_store_trust_key **ret_keys, size_t *ret_count);

/* Does the ledger hold the texts of this closure (event program.stored)? Added in the transaction of
 * that event; adding it again is fine. */
PO_RC po_store_program_has(struct po_ctx *cx, struct po_store *store,
                           const uint8_t digest[static PO_SHA256_BYTES], bool *ret_has);
PO_RC po_store_program_add(struct po_ctx *cx, struct po_tx *tx,
                           const uint8_t digest[static PO_SHA256_BYTES]);

/* ---- identity: people, service accounts, roles ------------------------------------------------ */

#define PO_STORE_ID_CHARS 30 /* "usr_" and 26 characters */
#define PO_STORE_USERS_MAX 50000
#define PO_STORE_EMAIL_BYTES_MAX 254
#define PO_STORE_LABEL_BYTES_MAX 200 /* names of people and of tokens, user agents are cut to it */
#define PO_STORE_ROLE_NAME_BYTES_MAX 64

struct po_store_user {
    po_str id;    /* "usr_…" or "svc_…" */
    po_str kind;  /* "human" or "service" */
    po_str state; /* "invited", "active", "suspended", "deprovisioned" */
    po_str email; /* sealed; empty for service accounts */
    po_str name;  /* sealed */
    po_str owner; /* of a service account: who answers for it */
    bool is_canary;
    po_time_us created_us;
    po_time_us changed_us;
    uint64_t version; /* rises with each change */
};
/*
 * Tenant is cx's throughout this part. Times and version are ignored on the way in.
 *
 * Errors   PO_EXISTS another account that was not deprovisioned has this e-mail;  PO_INVALID shape;
 *          PO_LIMIT  PO_STORE_USERS_MAX
 */
PO_RC po_store_user_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_user *user);
/* From one state to another. PO_CONFLICT: it is not in state `from` (or there is no such user). */
PO_RC po_store_user_move(struct po_ctx *cx, struct po_tx *tx, po_str id, const char *from,
                         const char *to);
/* *ret_user is NULL when there is none; in the arena. */
PO_RC po_store_user_find(struct po_ctx *cx, struct po_store *store, po_str id,
                         struct po_store_user **ret_user);
/* By e-mail, as given (the caller folds case); accounts that were deprovisioned are not found. */
PO_RC po_store_user_find_email(struct po_ctx *cx, struct po_store *store, po_str email,
                               struct po_store_user **ret_user);
/* By id, which is by time of creation. */
PO_RC po_store_user_list(struct po_ctx *cx, struct po_store *store,
                         struct po_store_user **ret_users, size_t *ret_count);

/* A role given to a user. The row's reason cell says user, role and times as well: a row that was
 * altered does not open. */
struct po_store_role_grant {
    uint64_t id;
    po_str user;
    po_str role;
    po_str reason;
    po_str asked_by;
    po_str approved_by; /* empty while it waits for approval */
    po_time_us asked_us;
    po_time_us effective_us; /* 0: it waits for approval */
    po_time_us ended_us;     /* 0: not cancelled and not replaced */
};
PO_RC po_store_role_grant_add(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_role_grant *grant, uint64_t *ret_id);
/* Approve one that waits for approval. PO_CONFLICT when it does not. */
PO_RC po_store_role_grant_approve(struct po_ctx *cx, struct po_tx *tx,
                                  const struct po_store_role_grant *grant);
/* PO_CONFLICT: ended before. */
PO_RC po_store_role_grant_end(struct po_ctx *cx, struct po_tx *tx, uint64_t id);
/* The newest that is in force now; NULL when there is none. */
PO_RC po_store_role_grant_current(struct po_ctx *cx, struct po_store *store, po_str user,
                                  struct po_store_role_grant **ret_grant);
/* All of one user (`user` empty: of everybody), oldest first. */
PO_RC po_store_role_grant_list(struct po_ctx *cx, struct po_store *store, po_str user,
                               struct po_store_role_grant **ret_grants, size_t *ret_count);

/* A role that people made: never changed, only ended. */
struct po_store_role {
    uint64_t id;
    po_str name;
    po_str actions; /* one a line; sealed, so that they cannot be altered */
    po_str author;
    po_time_us created_us;
};
/* PO_EXISTS: one of that name is in use. */
PO_RC po_store_role_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_role *role);
PO_RC po_store_role_end(struct po_ctx *cx, struct po_tx *tx, po_str name);
PO_RC po_store_role_find(struct po_ctx *cx, struct po_store *store, po_str name,
                         struct po_store_role **ret_role);
PO_RC po_store_role_list(struct po_ctx *cx, struct po_store *store,
                         struct po_store_role **ret_roles, size_t *ret_count);

/* ---- identity: sessions and tokens ------------------------------------------------------------- */

struct po_store_session {
    po_tenant_id tenant;
    po_str id; /* "ses_…" */
    uint8_t hash[PO_SHA256_BYTES];
    po_str user;
    po_str method; /* "password", "recovery"… */
    bool is_mfa;
    po_str agent; /* sealed */
    po_str ip;    /* sealed */
    po_time_us created_us;
    po_time_us seen_us;
    po_time_us step_up_us; /* 0: never */
    po_time_us expires_us;
    po_time_us revoked_us; /* 0: it was not */
    po_str revoked_why;
};
PO_RC po_store_session_add(struct po_ctx *cx, struct po_tx *tx,
                           const struct po_store_session *session);
/* By the hash of its secret, of any tenant: the secret says which. NULL when there is none. */
PO_RC po_store_session_find(struct po_ctx *cx, struct po_store *store,
                            const uint8_t hash[static PO_SHA256_BYTES],
                            struct po_store_session **ret_session);
PO_RC po_store_session_get(struct po_ctx *cx, struct po_store *store, po_str id,
                           struct po_store_session **ret_session);
/* Of one user (`user` empty: of everybody), newest first; those that ended too, 1000 at most. */
PO_RC po_store_session_list(struct po_ctx *cx, struct po_store *store, po_str user,
                            struct po_store_session **ret_sessions, size_t *ret_count);
/* PO_CONFLICT: there is no such session, or it was revoked. */
PO_RC po_store_session_seen(struct po_ctx *cx, struct po_tx *tx, po_str id);
PO_RC po_store_session_step_up(struct po_ctx *cx, struct po_tx *tx, po_str id);
PO_RC po_store_session_revoke(struct po_ctx *cx, struct po_tx *tx, po_str id, const char *why);
/* All of a user but `except_id` (may be empty). */
PO_RC po_store_session_revoke_user(struct po_ctx *cx, struct po_tx *tx, po_str user,
                                   po_str except_id, const char *why, size_t *ret_count);

/* Keep the newest `keep` open ones of a user, revoke the others. */
PO_RC po_store_session_trim(struct po_ctx *cx, struct po_tx *tx, po_str user, size_t keep);

struct po_store_api_token {
    po_tenant_id tenant;
    po_str id; /* "tok_…" */
    uint8_t hash[PO_SHA256_BYTES];
    po_str user;   /* as whom it acts */
    po_str name;   /* sealed */
    po_str scopes; /* actions, one a line; sealed together with user and expiry */
    po_str author;
    po_time_us created_us;
    po_time_us expires_us;
    po_time_us used_us; /* 0: never */
    po_time_us revoked_us;
    po_str revoked_why;
};
PO_RC po_store_api_token_add(struct po_ctx *cx, struct po_tx *tx,
                             const struct po_store_api_token *token);
PO_RC po_store_api_token_find(struct po_ctx *cx, struct po_store *store,
                              const uint8_t hash[static PO_SHA256_BYTES],
                              struct po_store_api_token **ret_token);
PO_RC po_store_api_token_get(struct po_ctx *cx, struct po_store *store, po_str id,
                             struct po_store_api_token **ret_token);
PO_RC po_store_api_token_list(struct po_ctx *cx, struct po_store *store, po_str user,
                              struct po_store_api_token **ret_tokens, size_t *ret_count);
/* PO_CONFLICT: there is no such token, or it was revoked. */
PO_RC po_store_api_token_used(struct po_ctx *cx, struct po_tx *tx, po_str id);
PO_RC po_store_api_token_revoke(struct po_ctx *cx, struct po_tx *tx, po_str id, const char *why);
PO_RC po_store_api_token_revoke_user(struct po_ctx *cx, struct po_tx *tx, po_str user,
                                     const char *why, size_t *ret_count);

/* ---- identity: credentials, throttling, tickets -------------------------------------------------- */

struct po_store_credential {
    po_str user;
    po_str kind;     /* "password", "totp", "totp_new", "recovery" */
    uint32_t number; /* 0..100 */
    po_str secret;   /* sealed */
    int64_t counter; /* the last one used */
    po_time_us created_us;
    po_time_us used_us; /* 0: never */
};
/* Add or replace; created_us is ignored on the way in. PO_NOTFOUND no such user. */
PO_RC po_store_credential_put(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_credential *credential);
/* All of one kind, by number; in the arena. */
PO_RC po_store_credential_list(struct po_ctx *cx, struct po_store *store, po_str user, po_str kind,
                               struct po_store_credential **ret_credentials, size_t *ret_count);
/*
 * Note the use of one: counter and time, when the counter is above the stored one. Of two uses of one
 * code only the first is told PO_OK, the second PO_CONFLICT.
 */
PO_RC po_store_credential_use(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_credential *used);
/* Wipe all of one kind. None is fine. */
PO_RC po_store_credential_delete(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str kind);

struct po_store_throttle {
    po_str kind; /* "account" or "source" */
    uint8_t key[PO_STORE_TOKEN_BYTES];
    int64_t failures;
    po_time_us last_us;
    po_time_us until_us;
};
/* `throttle` has kind and key; the rest is filled in, zeros when there is none. */
PO_RC po_store_throttle_find(struct po_ctx *cx, struct po_store *store,
                             struct po_store_throttle *throttle);
PO_RC po_store_throttle_set(struct po_ctx *cx, struct po_tx *tx,
                            const struct po_store_throttle *throttle);
/* None is fine. */
PO_RC po_store_throttle_delete(struct po_ctx *cx, struct po_tx *tx, po_str kind,
                               const uint8_t key[static PO_STORE_TOKEN_BYTES]);
/* Forget those whose last failure was before a time and that hold nobody up now. */
PO_RC po_store_throttle_purge(struct po_ctx *cx, struct po_tx *tx, po_time_us before_us);

/* A one-time link, or what a sign-in holds between two steps. */
struct po_store_ticket {
    uint8_t digest[PO_SHA256_BYTES];
    po_str kind; /* "mfa", "enrol", "invite", "reset" */
    po_str user;
    uint8_t source[PO_STORE_TOKEN_BYTES];
    int64_t tries;
    po_time_us created_us;
    po_time_us expires_us;
    po_time_us used_us; /* 0: not yet */
};
/* created_us, tries and used_us are ignored on the way in. PO_EXISTS, PO_NOTFOUND no such user. */
PO_RC po_store_ticket_add(struct po_ctx *cx, struct po_tx *tx,
                          const struct po_store_ticket *ticket);
/* Of which tenant a ticket is: the digest of its secret says so. ret_tenant only when it is found. */
PO_RC po_store_ticket_tenant(struct po_ctx *cx, struct po_store *store,
                             const uint8_t digest[static PO_SHA256_BYTES], bool *ret_is_found,
                             po_tenant_id *ret_tenant);
/* NULL when there is none. */
PO_RC po_store_ticket_find(struct po_ctx *cx, struct po_store *store,
                           const uint8_t digest[static PO_SHA256_BYTES],
                           struct po_store_ticket **ret_ticket);
/* Count a try. PO_CONFLICT: it is spent, or not there. */
PO_RC po_store_ticket_try(struct po_ctx *cx, struct po_tx *tx,
                          const uint8_t digest[static PO_SHA256_BYTES]);
/* Use it up: of two the second is told PO_CONFLICT. */
PO_RC po_store_ticket_spend(struct po_ctx *cx, struct po_tx *tx,
                            const uint8_t digest[static PO_SHA256_BYTES]);
/* Make all open ones of a kind and user void. None is fine. */
PO_RC po_store_ticket_void(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str kind);
/* Forget those that expired before a time. */
PO_RC po_store_ticket_purge(struct po_ctx *cx, struct po_tx *tx, po_time_us before_us);

/* ---- replay: requests that name themselves (Idempotency-Key) ---------------------------------- */

#define PO_STORE_REPLAY_LIFE_US PO_US_PER_DAY
#define PO_STORE_REPLAYS_MAX 10000 /* of one tenant in a day */

struct po_store_replay {
    uint8_t request[PO_SHA256_BYTES]; /* digest of what was asked */
    unsigned status;                  /* 0: begun, and no answer is known */
    po_str response;                  /* as it was kept; sealed */
};
/* Tenant is cx's. *ret_replay is NULL when there is none of the last day. In the arena. */
PO_RC po_store_replay_find(struct po_ctx *cx, struct po_store *store,
                           const uint8_t key[static PO_SHA256_BYTES],
                           struct po_store_replay **ret_replay);
/* Also forgets what is older than a day. PO_EXISTS; PO_RATE over PO_STORE_REPLAYS_MAX. */
PO_RC po_store_replay_begin(struct po_ctx *cx, struct po_tx *tx,
                            const uint8_t key[static PO_SHA256_BYTES],
                            const uint8_t request[static PO_SHA256_BYTES]);
/* The answer: at most PO_STORE_VALUE_BYTES_MAX. */
PO_RC po_store_replay_end(struct po_ctx *cx, struct po_tx *tx,
                          const uint8_t key[static PO_SHA256_BYTES], unsigned status,
                          po_str response);
/* It did not happen: the key may be used again. */
PO_RC po_store_replay_drop(struct po_ctx *cx, struct po_tx *tx,
                           const uint8_t key[static PO_SHA256_BYTES]);

/* ---- check ---------------------------------------------------------------------------------- */

#define PO_STORE_FINDINGS_MAX 200

struct po_store_finding {
    const char *check; /* "integrity", "foreign_key", "schema", "sealed_cell", "data_key", "orphan",
                          "findings_limit" */
    const char *table; /* "" when of the whole file */
    const char *row;   /* row id as text, "" when none */
    const char *text;  /* one line */
    po_tenant_id tenant; /* whose row it is; 0: of the whole file */
};
/* Of one tenant's rows. */
struct po_store_tally {
    po_tenant_id tenant;
    uint64_t rows;
    uint64_t cells_opened;
    uint64_t cells_unchecked;
};
struct po_store_check {
    struct po_store_finding *findings;
    size_t finding_count;
    uint64_t rows;                  /* rows read */
    uint64_t cells_opened;          /* sealed cells that opened */
    uint64_t cells_unchecked;       /* sealed cells without their key: not a pass */
    struct po_store_tally *tallies; /* the same by tenant; those with rows */
    size_t tally_count;
};
/* Read-only. A finding is a result, not an error; errors only when checking itself failed. */
PO_RC po_store_check(struct po_ctx *cx, struct po_store *store, struct po_store_check *ret_check);

#endif
