/*
 * Auto-Doctor: plan, apply, verify, record.
 *
 * Invariants
 *  1. A repair moves or sets; it never deletes (law 6). What is to be done says a program of the
 *     bundle (content/repairs/) from facts; doing it is one of three actions here.
 *  2. Every applied step is bracketed by an intent and an outcome and leaves before and after as
 *     evidence (law 2).
 *  3. Applying a plan to a healthy home does nothing; a dry run computes the same plan and writes
 *     nothing at all.
 *  4. A step that failed PO_DOCTOR_TRIES_MAX times within a day is given up and stays a finding.
 *  5. Status flags decide: a repair that is switched off is planned and shown, not applied.
 *
 * Control  CC7.5 MON-02
 */
#ifndef PO_DOCTOR_DOCTOR_H
#define PO_DOCTOR_DOCTOR_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/json.h"
#include "home/home.h"

#define PO_DOCTOR_STEPS_MAX 1000
#define PO_DOCTOR_TRIES_MAX 3

enum po_repair_state {
    PO_REPAIR_PLANNED,
    PO_REPAIR_OFF,      /* switched off by a flag */
    PO_REPAIR_GIVEN_UP, /* failed too often */
    PO_REPAIR_APPLIED,  /* and verified */
    PO_REPAIR_FAILED
};

struct po_repair_step {
    const char *repair;  /* "wrong_mode" */
    const char *subject; /* path relative to the home, "." for the home itself */
    const char *before;  /* what is: "mode 0755" */
    const char *after;   /* what will be: "mode 0700" */
    enum po_repair_state state;
    const char *why;    /* of FAILED and GIVEN_UP; "" otherwise */
    const char *action; /* "set_mode": what is done to the subject */
    int64_t arg;        /* the action's own: a mode */
};

struct po_doctor_plan {
    struct po_repair_step *steps; /* in the arena */
    size_t count;
    size_t applied;
    size_t failed;
    size_t left; /* off or given up */
};

/* Names of the repairs, for help and checks. */
size_t po_repair_count(void);
const char *po_repair_name(size_t i);
const char *po_repair_doc(size_t i);
const char *po_repair_state_name(enum po_repair_state state);

/*
 * What would be repaired now. `names` NULL: all repairs. Looks only.
 *
 * Errors   PO_NOTFOUND unknown repair (named);  PO_LIMIT over PO_DOCTOR_STEPS_MAX;  PO_IO;
 *          PO_UNAVAILABLE the program that plans it faults, or plans what there is no action for
 */
PO_RC po_doctor_plan(struct po_ctx *cx, struct po_home *home, const po_str *names, size_t count,
                     struct po_doctor_plan *ret_plan);
/*
 * Apply and verify every planned step, record each, write the daily log and the success marker.
 * A failing step is recorded and the next one goes on.
 */
PO_RC po_doctor_apply(struct po_ctx *cx, struct po_home *home, struct po_doctor_plan *plan);

/* Repairs of the last 30 days: {repairs, allowed, with_evidence, within_tries, harmless_or_confirmed}. */
PO_RC po_doctor_repairs(struct po_ctx *cx, struct po_home *home, struct po_json_out *out);
/*
 * Exercise the doctor on a scratch home in `scratch_dir` with faults put in: {faults, planned,
 * left_after_repair, dry_run_changed, repeat_changed} and the members of po_doctor_repairs. Children are this very program.
 */
PO_RC po_doctor_drill(struct po_ctx *cx, const char *scratch_dir, struct po_json_out *out);

#endif
