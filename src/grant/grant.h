/*
 * Grants and trust: what the operator allows a program, kept in the store and told to the ledger.
 *
 * A grant binds to the digest of a program's closure: with any change of code or needs it no longer
 * fits. Reading holds at once. A capability that changes things waits (law 4: one human decides here,
 * so GRANT_WAIT must pass, it can be cancelled, and the record says `approved_by: sole operator`).
 *
 * Law 2    every change and every denial is an event
 * Threads  the home's
 * Source   docs/spec/program.md 4 and 8
 * Control  CC6.1 CC8.1
 */
#ifndef PO_GRANT_GRANT_H
#define PO_GRANT_GRANT_H

#include "core/ctx.h"
#include "home/home.h"
#include "program/program.h"

#define PO_GRANT_REASON_BYTES_MAX 1024
#define PO_SITE_BUNDLES_MAX 64

/* ---- where the site's programs are ---------------------------------------------------------------- */

/*
 * The bundles of the home's scripts/: each directory in it with a bundle.json, then what lies loose.
 * A bundle that cannot be opened is left out and told in `problem`.
 */
struct po_site_bundle {
    const char *dir;          /* absolute */
    const char *shown;        /* "scripts" or "scripts/acme" */
    struct po_bundle *bundle; /* NULL: see problem */
    const char *problem;
};
struct po_site {
    struct po_site_bundle at[PO_SITE_BUNDLES_MAX];
    size_t count;
};
PO_RC po_site_open(struct po_ctx *cx, struct po_home *home, struct po_site *ret_site);
/* Is this row of a site's bundle the site's, and not that of another bundle inside the directory? */
bool po_site_has(const struct po_site *site, size_t bundle, const struct po_bundle_program *row);
/* The keys that may sign bundles, from the store; in the arena. */
PO_RC po_trust_keys(struct po_ctx *cx, struct po_home *home, const struct po_trust_key **ret_keys,
                    size_t *ret_count);

/* ---- grants --------------------------------------------------------------------------------------- */

enum po_grant_state { PO_GRANT_NONE, PO_GRANT_WAITING, PO_GRANT_IN_FORCE };
struct po_grant {
    enum po_grant_state state;
    uint64_t id;
    struct po_caps caps;
    po_time_us effective_us;
};
const char *po_grant_state_name(enum po_grant_state state); /* "no", "waiting", "yes" */
/* The newest grant of this closure that was not revoked. */
PO_RC po_grant_find(struct po_ctx *cx, struct po_home *home,
                    const uint8_t digest[static PO_SHA256_BYTES], struct po_grant *ret_grant);

struct po_grant_options {
    po_str file;   /* as it is named: below scripts/, or absolute */
    po_str reason; /* required when a capability changes things */
};
/* Would these needs wait? */
bool po_grant_waits(const struct po_caps *needs);
/*
 * Do grant (NULL: no limit) and ceiling cover the needs, and do they keep off what is reserved: keys,
 * ledger, store, configuration? Asked when a program is granted and again before each run.
 *
 * Errors   PO_DENIED  ret_denial says which need, and which fence
 */
PO_RC po_grant_allowed(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                       const struct po_caps *caps, struct po_program_denial *ret_denial);
/*
 * May this entry point be granted what it needs? (Less would be of no use: a program whose needs are
 * not all granted does not run.)
 *
 * Errors   PO_EXISTS  the same is granted already;  PO_DENIED  beyond the ceiling of its trust, a kind
 *          that only reads, or a clause that a program of this build tests (the denial is recorded);
 *          PO_USAGE no reason
 */
PO_RC po_grant_may(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                   const struct po_grant_options *options);
/* Grant it. Errors as above. */
PO_RC po_grant_give(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                    const struct po_grant_options *options, struct po_grant *ret_grant);
/*
 * Revoke every grant of a file (of one entry when not empty), also those that wait.
 *
 * Errors   PO_NOTFOUND there is none
 */
PO_RC po_grant_revoke(struct po_ctx *cx, struct po_home *home, po_str file, po_str entry,
                      size_t *ret_count);
/* Clauses that a granted program tests or once tested, so they can have runs. In the arena. */
PO_RC po_grant_clauses(struct po_ctx *cx, struct po_home *home, const po_str **ret_clauses,
                       size_t *ret_count);

/*
 * Grants and trusted keys of the store against the ledger's events up to a size: programs and keys
 * known to either, and those both say the same of.
 */
PO_RC po_grant_journal(struct po_ctx *cx, struct po_home *home, uint64_t size, int64_t *ret_values,
                       int64_t *ret_equal);

/* ---- trust ---------------------------------------------------------------------------------------- */

/* PO_INVALID level or vkey. The key's name is its vkey's. */
PO_RC po_trust_set(struct po_ctx *cx, struct po_home *home, po_str level, po_str vkey,
                   po_str *ret_name);
PO_RC po_trust_remove(struct po_ctx *cx, struct po_home *home, po_str name);

/* ---- what programs did ---------------------------------------------------------------------------- */

/* "program:x.script#age": how events name a program. In the arena. */
PO_RC po_program_resource(struct po_ctx *cx, const struct po_program *program, po_str *ret_name);
/* What was refused, and by which fence (docs/spec/program.md 8). */
struct po_refusal {
    po_str program;         /* as po_program_resource */
    const uint8_t *digest;  /* NULL: it was not compiled */
    const char *capability; /* "fs_read"; NULL: none in particular */
    po_str argument;
    const char *fence;
};
PO_RC po_program_deny(struct po_ctx *cx, struct po_home *home, const struct po_refusal *refusal);
/* The `detail` of program.stored: the closure's texts by path. PO_LIMIT over an event's size. */
PO_RC po_program_texts(struct po_ctx *cx, const struct po_program *program, struct po_buf *out);
/* Queue program.stored in the caller's transaction, unless the ledger holds these texts already. */
PO_RC po_program_texts_queue(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                             const struct po_program *program);
/*
 * What the instance answers to programs: flags, the environment, the register, events, evidence. The
 * rest is UNAVAILABLE. Lives at one place while it is used; what a program adds is kept in it.
 */
#define PO_SERVICES_EVENTS_MAX 16
struct po_services {
    struct po_program_services door; /* for the job */
    struct po_ctx *cx;               /* whose arena keeps what is added */
    struct po_home *home;
    po_str program;
    struct po_event events[PO_SERVICES_EVENTS_MAX];
    size_t event_count;
};
PO_RC po_services_init(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                       struct po_services *ret_services);

/* A run that was made. */
struct po_program_ran {
    const struct po_program *program;
    const struct po_program_job *job;
    const struct po_program_result *result;
    const struct po_services *services; /* NULL: it added nothing */
};
/*
 * The events of one run: what it added, program.denied for the first PO_RUN_DENIALS_MAX calls that
 * were refused, then program.ran. `events` has room for PO_RUN_EVENTS_MAX; texts in the arena.
 */
#define PO_RUN_DENIALS_MAX 8
#define PO_RUN_TEXT_HEAD_BYTES ((size_t)32 << 10) /* of output and value, where all does not fit */
#define PO_RUN_EVENTS_MAX (PO_SERVICES_EVENTS_MAX + PO_RUN_DENIALS_MAX + 1)
PO_RC po_program_run_events(struct po_ctx *cx, const struct po_program_ran *ran,
                            struct po_event *events, size_t *ret_count);
/* program.denied; texts in the arena. */
PO_RC po_program_denied_event(struct po_ctx *cx, const struct po_refusal *refusal,
                              struct po_event *ret_event);
/*
 * Record one run by hand: program.stored unless the ledger holds it, then the run's events. One
 * transaction.
 */
PO_RC po_program_record(struct po_ctx *cx, struct po_home *home, const struct po_program_ran *ran);

#endif
