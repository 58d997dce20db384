/*
 * The 15 health checks: programs of this build's bundle (content/health/), in one table.
 *
 * A check reads the facts its @needs name and nothing else, and says pass, fail, error (a fact could
 * not be read), skipped (switched off by its flag) or untested (what it needs is not built, not
 * configured, or there is nothing to test). Only pass is good: totals are always 15 (law 1).
 *
 * Limits   PO_HEALTH_OBSERVED_MAX observed values a check
 * Source   docs/spec/facts.md for the facts
 * Control  MON-01 CC7.1 A1.1
 */
#ifndef PO_HEALTH_HEALTH_H
#define PO_HEALTH_HEALTH_H

#include "core/clock.h"
#include "core/ctx.h"
#include "core/json.h"

#define PO_HEALTH_COUNT 15
#define PO_HEALTH_OBSERVED_MAX 8
#define PO_HEALTH_REASON_BYTES_MAX 200

struct po_fact_set;

enum po_health_state {
    PO_HEALTH_PASS,
    PO_HEALTH_FAIL,
    PO_HEALTH_ERROR,
    PO_HEALTH_SKIPPED,
    PO_HEALTH_UNTESTED
};
/* "pass", "fail", ... */
const char *po_health_state_name(enum po_health_state state);

struct po_health_observed {
    const char *key; /* "oldest_age_s"; in the arena */
    int64_t value;
};

/* What a check says. */
struct po_health_verdict {
    enum po_health_state state;
    char reason[PO_HEALTH_REASON_BYTES_MAX]; /* one line */
    struct po_health_observed observed[PO_HEALTH_OBSERVED_MAX];
    size_t observed_count;
};

struct po_health_check {
    const char *id;            /* "HC-01" */
    const char *name;          /* "intake" */
    const char *original_name; /* in the source system: "Dropzone" */
    const char *measures;      /* what is looked at here, in one sentence */
    const char *pass;          /* when it passes */
    const char *repair;        /* the doctor's repair for it, NULL: none */
    po_time_us period_us;
};
/* The 15, by id. */
const struct po_health_check *po_health_table(void);
const struct po_health_check *po_health_find(po_str id); /* NULL when unknown */

/*
 * Run one check's program over a snapshot. A fact that cannot be read, or a program that faults,
 * makes it `error` with the reason; the context's error is then clear again.
 *
 * Errors   PO_NOMEM
 */
PO_RC po_health_run(struct po_ctx *cx, struct po_fact_set *set, const struct po_health_check *check,
                    struct po_health_verdict *ret_verdict);
/* All of them; `ret_verdicts` has PO_HEALTH_COUNT entries in the table's order. */
PO_RC po_health_run_all(struct po_ctx *cx, struct po_fact_set *set,
                        struct po_health_verdict *ret_verdicts);

/* Writes {"checks":[{id,name,state,reason,observed:{..}}],"passed","failed",...,"of":15}. */
void po_health_put(struct po_json_out *out, const struct po_health_verdict *verdicts);

#endif
