/*
 * Inside the home: the opened parts and the glue between store and ledger.
 */
#ifndef PO_HOME_HOME_PRIV_H
#define PO_HOME_HOME_PRIV_H

#include "home/home.h"

#include "core/alloc.h"
#include "core/cfg.h"
#include "core/flags.h"
#include "core/fs.h"
#include "crypto/crypto.h"
#include "ledger/ledger.h"
#include "store/store.h"

#define PO_HOME_ARENA_BYTES_MAX ((size_t)4 << 20)
#define PO_HOME_REASON_BYTES_MAX 512

/* Of the ledger's signing state, in the key directory. */
#define PO_HOME_SIGNED_NAME "signed"

#define PO_HOME_OPENED_FOR_READING "opened for reading"

struct po_home {
    struct po_arena *arena;
    const char *paths[PO_PLACE_COUNT];
    const char *instance;
    const char *state_dir;
    struct po_lock *lock;
    struct po_cfg *cfg;
    struct po_flags *flags;
    struct po_keyring *keyring;
    const struct po_keyring_asker *asker; /* NULL: the keys are opened here */
    struct po_store *store;
    struct po_ledger *ledger;
    struct po_ledger_keys keys;
    const char *signed_path; /* of the ledger's signed state; made once */
    const char *origin;
    char reason[PO_HOME_REASON_BYTES_MAX]; /* "" = can extend */
    bool is_frozen;                        /* for the time of a dry run */
};

/* A home with its paths and callbacks, nothing opened yet. Free with po_home_abandonp. */
PO_RC po_home_new(struct po_ctx *cx, const char *root, struct po_home **ret_home);
/* Read data/instance; PO_NOTFOUND says that there is no home here. Also sets state_dir. */
PO_RC po_home_read_instance(struct po_ctx *cx, struct po_home *home);
PO_RC po_home_set_instance(struct po_ctx *cx, struct po_home *home, po_str instance);
struct po_keyring_place po_home_keyring_place(const struct po_home *home);
/* "<state_dir>/signed" and the like, in the home's arena. */
PO_RC po_home_state_path(struct po_ctx *cx, struct po_home *home, const char *name,
                         const char **ret_path);
PO_RC po_home_ledger_options(struct po_ctx *cx, struct po_home *home,
                             struct po_ledger_options *ret_options);
/* A database that is not of this ledger's time makes the home read-only (home_agree.c). */
PO_RC po_home_check_agreement(struct po_ctx *cx, struct po_home *home);
/* Copy text into the home's own memory. */
PO_RC po_home_keep(struct po_ctx *cx, struct po_home *home, po_str text, const char **ret_text);

#endif
