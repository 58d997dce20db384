/*
 * Inside of the keeper.
 */
#ifndef PO_DAEMON_KEEPER_PRIV_H
#define PO_DAEMON_KEEPER_PRIV_H

#include "daemon/keeper.h"
#include "daemon/wire.h"

#include "crypto/crypto.h"
#include "ledger/ledger.h"

#define PO_KEEPER_WORKER_FD 3

struct po_keeper_job {
    enum po_wire_kind kind;
    uint64_t id;
    uint64_t memory_kib; /* of a PASSWORD_HASH */
    uint64_t passes;
    uint16_t secret_len;
    uint16_t hash_len;
    char secret[PO_PASSWORD_BYTES_MAX];
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
};
struct po_keeper_worker {
    struct po_wire_end end;
    bool is_ready; /* it has locked itself in */
    bool is_busy;
    bool is_orphan; /* the core that asked has gone: its answer is nobody's */
    uint64_t id;
};
/* The keys, and the one who may ask for them. */
struct po_keeper_keys {
    struct po_wire_end link; /* core's */
    struct po_keyring_desk desk;
    struct po_ledger_signer *signer;
    const char *instance;           /* NULL: no key directory is known, */
    char why[PO_ERR_MSG_BYTES_MAX]; /* and why */
};
/* Invariant: a job waits only while every worker is busy. */
struct po_keeper {
    struct po_wire_end control;
    struct po_wire_end core;
    struct po_keeper_worker workers[PO_KEEPER_WORKERS];
    struct po_keeper_job queue[PO_KEEPER_QUEUE_MAX]; /* a ring */
    size_t first;
    size_t count;
    struct po_keeper_keys keys;
    bool is_over;
};

void po_keeper_init(struct po_keeper *keeper);
void po_keeper_done(struct po_keeper *keeper); /* wipes */
/* Another core: what the old one asked is forgotten. Takes `fd`. */
void po_keeper_link(struct po_keeper *keeper, int fd);
/* Read what core sent and hand it on; PO_CANCELED core has gone; PO_INVALID it sent what it may not. */
PO_RC po_keeper_take_core(struct po_ctx *cx, struct po_keeper *keeper);
/* Both workers are there. */
bool po_keeper_is_ready(const struct po_keeper *keeper);
/* Read a worker's answer and give it the next job. Any failure: the worker is of no use any more. */
PO_RC po_keeper_take_worker(struct po_ctx *cx, struct po_keeper *keeper,
                            struct po_keeper_worker *worker);
/* Send what waits on every channel, and wipe what has been sent. PO_IO, PO_CANCELED a worker's. */
PO_RC po_keeper_flush(struct po_ctx *cx, struct po_keeper *keeper);

/* ---- keeper_keys.c ---- */
/*
 * Find the key directory of the home's instance. A home that is not there has none, and core says what
 * is wrong with it: only PO_NOMEM fails. What is found is borrowed from cx's arena.
 *
 * instance  in  the one that the service began with; another has no keys here: core may write the name
 *               in the home, and must not thereby choose whose keys it gets. NULL: any
 */
PO_RC po_keeper_keys_find(struct po_ctx *cx, struct po_keeper_keys *keys, const char *root,
                          const char *instance);
void po_keeper_keys_done(struct po_keeper_keys *keys);
/* Another core. Takes `fd`; -1: none. */
void po_keeper_keys_link(struct po_keeper_keys *keys, int fd);
/* Answer what core asks; PO_CANCELED core has gone; PO_INVALID it asked what nobody may. */
PO_RC po_keeper_take_keys(struct po_ctx *cx, struct po_keeper_keys *keys);
/* Send what waits; what was sent is wiped. */
PO_RC po_keeper_keys_flush(struct po_ctx *cx, struct po_keeper_keys *keys);

/* Compute one job: the PASSWORD_ANSWER frame, appended to `out`. */
PO_RC po_keeper_work(struct po_ctx *cx, const struct po_wire_msg *job, struct po_wire_end *out);
/* The worker's process: READY, then jobs from `fd` until it is closed. */
PO_RC po_keeper_worker_run(struct po_ctx *cx, int fd);

#endif
