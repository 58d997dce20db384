/*
 * A keyring and a store in the case's temp directory.
 */
#ifndef PO_TESTS_UNIT_STORE_FIXTURE_H
#define PO_TESTS_UNIT_STORE_FIXTURE_H

#include "lib/test.h"
#include "store/store.h"
#include "store/store_priv.h"

struct fixture {
    struct po_keyring *keyring;
    struct po_store *store;
};
void fixture_done(struct fixture *fixture);
#define FIXTURE_AUTO PO_CLEANUP(fixture_done) struct fixture

/* New keyring, new store with tenant 1 named "Example". */
void fixture_create(struct po_ctx *cx, struct fixture *fixture);
/* Close and open again, with the keys. */
void fixture_reopen(struct po_ctx *cx, struct fixture *fixture);
/* Close and open again without any key. */
void fixture_reopen_without_keys(struct po_ctx *cx, struct fixture *fixture);
struct po_store_options fixture_options(const struct fixture *fixture);

/* An event of tenant 1 whose id is one repeated byte. */
struct po_store_pending fixture_event(uint8_t fill);
/* The next event id in turn. */
struct po_store_pending fixture_next_event(void);
/* A transaction with nothing but an event. */
void fixture_commit(struct po_ctx *cx, struct po_tx *tx);

/*
 * Run `op` once well, then again and again with the first and the last hit of each call site failing
 * once. (SQLite makes too many calls for a loop over all of them.) `op` prepares, calls fixture_arm,
 * gives the result of the one armed call to fixture_survived, checks, and leaves things so that it
 * can run again.
 */
typedef void fixture_op(struct po_ctx *cx, void *user);
void fixture_each_fault(fixture_op *op, void *user);
void fixture_arm(void);
/* Whether it went well; a failure without a fault fails the case. Disarms. */
bool fixture_survived(struct po_ctx *cx, po_rc rc);

/* Run SQL behind the store's back (it must be closed). */
void fixture_tamper(const char *sql);

#endif
