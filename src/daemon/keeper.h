/*
 * The keeper: keys are used here, and passwords hashed (Argon2id), and nowhere else in the daemon.
 *
 * It alone opens the key directory. Core asks for what it needs on a link of its own, by a closed table
 * (crypto/keyring_asks.def): data keys wrapped and unwrapped, checkpoints signed, the master key replaced.
 * No master key and no signing seed ever leaves it. Each question is answered at once, in order.
 *
 * The keeper itself hands jobs to two worker children, so that no more than two hashes
 * (PASSWORD_MEMORY_MIB each) are computed at one time and neither core's loop nor the front waits for
 * one. Up to
 * PO_KEEPER_QUEUE_MAX jobs wait; the next is answered PO_BUSY. Passwords are wiped as soon as they have
 * been handed on or used.
 *
 *   core --PASSWORD_HASH / PASSWORD_VERIFY--> keeper --job--> worker --result--> keeper --> core
 *
 * A worker that dies ends the keeper: the supervisor starts all three anew, and core answers what was
 * under way with "busy".
 *
 * Source   docs/spec/front.md 7, docs/spec/keys.md 8, docs/spec/credentials.md
 * Control  CC6.1
 */
#ifndef PO_DAEMON_KEEPER_H
#define PO_DAEMON_KEEPER_H

#include "core/ctx.h"

#define PO_KEEPER_WORKERS 2
#define PO_KEEPER_QUEUE_MAX 16 /* waiting, besides those being computed */

/* The argument that makes a worker of `paulyops --role=keeper` (po_keeper_role_run, daemon/daemon.h). */
#define PO_KEEPER_WORKER_ARGUMENT "worker"

#endif
