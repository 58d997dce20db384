/*
 * The home: one instance's directory, with its lock, configuration, store, keys and ledger.
 *
 * A command opens the home, works, closes it; closing signs one checkpoint when events were added.
 * Keys and signing state live outside (law 8). A home whose keys are absent, or which is a copy or
 * an older restore, opens read-only with a reason: it serves and verifies and does not extend.
 *
 * Limits   lock wait PO_HOME_LOCK_WAIT_US, then PO_BUSY
 * Threads  the opener's
 */
#ifndef PO_HOME_HOME_H
#define PO_HOME_HOME_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/json.h"
#include "ledger/ledger.h"

#define PO_HOME_LOCK_WAIT_US (5 * PO_US_PER_S)
#define PO_HOME_PATH_BYTES_MAX 1024

struct po_home;
struct po_cfg;
struct po_flags;
struct po_store;
struct po_tx;
struct po_keyring;
struct po_ledger;

/* Every directory and file of a home has one row; `init`, health checks and the doctor share it. */
enum po_home_place {
    PO_PLACE_ROOT,
    PO_PLACE_CONFIG,
    PO_PLACE_DATA,
    PO_PLACE_LEDGER,
    PO_PLACE_BACKUPS,
    PO_PLACE_ARCHIVE,
    PO_PLACE_REPORTS,
    PO_PLACE_LOGS,
    PO_PLACE_SCRIPTS,
    PO_PLACE_INTAKE,
    PO_PLACE_ENV,      /* config/.env */
    PO_PLACE_FLAGS,    /* config/status_flags.json */
    PO_PLACE_DB,       /* data/paulyops.db */
    PO_PLACE_INSTANCE, /* data/instance: the random name under which keys stand elsewhere */
    PO_PLACE_LOCK,     /* data/lock */
    PO_PLACE_COUNT
};
struct po_home_place_row {
    const char *path; /* relative to the root; "" is the root */
    bool is_dir;
    bool is_required; /* its absence is a finding; a directory is repaired by the doctor */
    uint16_t mode;    /* declared permission bits */
};
const struct po_home_place_row *po_home_place_row(enum po_home_place place);

/* The root: --home, else PAULYOPS_HOME, else ~/PaulyOps. In the arena. */
PO_RC po_home_find(struct po_ctx *cx, const char *option_or_null, const char **ret_root);

/*
 * Create a home: directories, instance name, keys (outside), store, ledger with its first events.
 * What an interrupted init left is completed. The home comes back open: po_home_close signs its first
 * checkpoint.
 *
 * Errors   PO_EXISTS there is one;  PO_CREATE, PO_IO, PO_DENIED
 */
PO_RC po_home_init(struct po_ctx *cx, const char *root, struct po_home **ret_home);

enum po_home_mode { PO_HOME_READ_WRITE, PO_HOME_READ_ONLY };
/*
 * Open under the lock, validate configuration and flags, recover the ledger, note intents without
 * outcome. PO_HOME_READ_WRITE falls back to read-only when law 8 says so (see
 * po_home_read_only_reason); it does not fail.
 *
 * Errors   PO_NOTFOUND no home here, run `init`;  PO_BUSY;  PO_CONFIG;  PO_CORRUPT;  PO_DENIED;  PO_IO
 */
PO_RC po_home_open(struct po_ctx *cx, const char *root, enum po_home_mode mode,
                   struct po_home **ret_home);
/*
 * The same where the keys are another process's: nothing here opens the key directory, also not when the
 * home is suspended and resumed. `asker` is borrowed while the home lives.
 *
 * Errors   also what its `ask` says
 */
struct po_keyring_asker;
PO_RC po_home_open_asking(struct po_ctx *cx, const char *root, enum po_home_mode mode,
                          const struct po_keyring_asker *asker, struct po_home **ret_home);

/* Where that other process finds what it needs; in the arena. Reads data/instance and nothing else. */
struct po_home_keys {
    const char *instance;
    const char *dir;         /* the key directory */
    const char *credential;  /* a systemd credential with the master key, or NULL */
    const char *signed_path; /* the ledger's signing state */
    const char *origin;      /* of the ledger */
    const char *ledger_dir;
};
PO_RC po_home_keys_find(struct po_ctx *cx, const char *root, struct po_home_keys *ret_keys);

/* Append pending events, sign one checkpoint if the ledger grew, release. Call before success. */
PO_RC po_home_close(struct po_ctx *cx, struct po_home **home);
/*
 * Let another process work in the home: close it as po_home_close does, and keep `home` for
 * po_home_resume; until then only po_home_root, po_home_resume and po_home_abandonp may be called.
 */
PO_RC po_home_suspend(struct po_ctx *cx, struct po_home *home);
/* Open it again, for reading and writing; errors as po_home_open, and it is suspended still. */
PO_RC po_home_resume(struct po_ctx *cx, struct po_home *home);
/* The abandon path: releases without signing; pending events stay for the next start. */
void po_home_abandonp(struct po_home **home);
#define PO_HOME_AUTO PO_CLEANUP(po_home_abandonp) struct po_home

const char *po_home_root(const struct po_home *home);
/*
 * Below `root`, a home: where cx->tenant's files for people stand. The default tenant's is the home itself,
 * another's tenants/<id>, which need not be there. In the arena.
 */
PO_RC po_home_tenant_root(struct po_ctx *cx, const char *root, const char **ret_root);
const char *po_home_path(const struct po_home *home, enum po_home_place place); /* absolute */
/* Directory of keys and signing state. */
const char *po_home_state_dir(const struct po_home *home);
/* The file of a systemd credential with the master key, or NULL. */
const char *po_home_credential(const struct po_home *home);
/*
 * Where drills make their scratch homes: memory-backed (/dev/shm/paulyops-<uid>, ours alone), so that
 * exercises neither wait for the disk nor wear it; else `scratch` in the state directory. In the arena.
 */
PO_RC po_home_scratch_dir(struct po_ctx *cx, const struct po_home *home, const char **ret_dir);
const char *po_home_instance(const struct po_home *home); /* "inst_<hex>" */
/* NULL when the home can extend; else one line why not. */
const char *po_home_read_only_reason(const struct po_home *home);
/* While it is frozen, nothing can be recorded: for a dry run on a home that is open for changes. */
void po_home_freeze(struct po_home *home, bool is_frozen);
/* Read configuration and flags anew. What is wrong changes nothing: PO_CONFIG and the others of open. */
PO_RC po_home_reload(struct po_ctx *cx, struct po_home *home);
struct po_cfg *po_home_cfg(struct po_home *home);
struct po_flags *po_home_flags(struct po_home *home);
struct po_store *po_home_store(struct po_home *home);
struct po_keyring *po_home_keyring(struct po_home *home); /* NULL without keys */
struct po_ledger *po_home_ledger(struct po_home *home);

/*
 * Commit a change together with its event (law 2): seals the event into the transaction's pending
 * queue and commits. The event reaches the ledger at the next po_home_flush.
 */
PO_RC po_home_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                     const struct po_event *event);
/* A further event of the same transaction, ordered before the one given to po_home_commit. */
PO_RC po_home_queue(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                    const struct po_event *event);
/* An event without other state: its own transaction. PO_DENIED in a read-only home. */
PO_RC po_home_record(struct po_ctx *cx, struct po_home *home, const struct po_event *event);
/* Many events in one transaction. */
PO_RC po_home_record_all(struct po_ctx *cx, struct po_home *home, const struct po_event *events,
                         size_t count);
/* Move pending rows into the ledger files, durably. */
PO_RC po_home_flush(struct po_ctx *cx, struct po_home *home);
/* Flush and sign a checkpoint now (at most one per ledger size). */
PO_RC po_home_checkpoint(struct po_ctx *cx, struct po_home *home);

/*
 * Bracket of a change outside the database (law 2): intent is durable when begin returns; an intent
 * left open by a crash is reported at the next start and counts as a finding.
 */
struct po_intent {
    const char *action; /* "repair.apply" */
    po_str resource;
    po_str detail;        /* a JSON object; empty: {} */
    uint8_t event_id[16]; /* filled by begin */
};
PO_RC po_intent_begin(struct po_ctx *cx, struct po_home *home, struct po_intent *intent);
/* Close the bracket with what came of it. */
PO_RC po_intent_end(struct po_ctx *cx, struct po_home *home, struct po_intent *intent,
                    enum po_event_result result, po_str detail_json);

/* One event met on a walk; everything is borrowed until the visitor returns. */
struct po_home_event {
    uint64_t leaf;
    struct po_record record;
    struct po_event_view view;
    po_str bytes;
};
/* `step` is for work on this event only: what is kept goes into memory that `user` knows. */
typedef po_rc po_home_visit(struct po_ctx *step, void *user, const struct po_home_event *event,
                            bool *ret_stop);
struct po_home_walk {
    enum po_event_type type; /* NONE: every type */
    uint64_t size;           /* begin before this leaf */
    po_time_us since_us;     /* end before what was received earlier; 0: at the first leaf */
    po_time_us until_us;     /* leave out what was received later; 0: nothing */
    po_home_visit *visit;
    void *user;
};
/* Visit the tenant's events, newest first. Memory does not grow with their number. */
PO_RC po_home_walk_back(struct po_ctx *cx, struct po_home *home, const struct po_home_walk *walk);

#endif
