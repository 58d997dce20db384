/*
 * Inside the doctor: repairs, the programs that plan them, the actions that do them.
 */
#ifndef PO_DOCTOR_DOCTOR_PRIV_H
#define PO_DOCTOR_DOCTOR_PRIV_H

#include "doctor/doctor.h"
#include "program/program.h"

struct po_repair {
    const char *name; /* also the id of the program that plans it */
    const char *doc;
};
const struct po_repair *po_repair_table(size_t *ret_count);
#define PO_REPAIRS_MAX 8

/* The programs that plan, compiled when first asked. */
struct po_planners {
    struct po_bundle *bundle;
    struct po_program
        programs[PO_REPAIRS_MAX]; /* in the order of the table; script NULL: not yet */
};
PO_RC po_planners_open(struct po_ctx *cx, struct po_planners *ret_planners);
void po_planners_done(struct po_planners *planners);
#define PO_PLANNERS_AUTO PO_CLEANUP(po_planners_done) struct po_planners
/*
 * Add a step for each thing that needs this repair, from facts read now.
 *
 * Errors   PO_LIMIT over PO_DOCTOR_STEPS_MAX;  PO_UNAVAILABLE as po_doctor_plan
 */
PO_RC po_repair_plan(struct po_ctx *cx, struct po_home *home, struct po_planners *planners,
                     const struct po_repair *repair, struct po_doctor_plan *plan);
/* The steps out of what a program gives: lib/repair.script's [Action] as JSON. */
PO_RC po_repair_steps(struct po_ctx *cx, po_str actions_json, const struct po_repair *repair,
                      struct po_doctor_plan *plan);
/* Do what a step says. */
PO_RC po_repair_apply(struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step);

/* Counts over repair events, newest first. */
#define PO_DOCTOR_TALLY_SUBJECTS 4096 /* failures are counted per repair and subject, by hash */
struct po_doctor_tally {
    int64_t repairs;
    int64_t allowed;
    int64_t with_evidence;
    int64_t within_tries;
    int64_t harmless_or_confirmed;
    uint8_t failures[PO_DOCTOR_TALLY_SUBJECTS];
};
void po_doctor_tally_add(struct po_doctor_tally *tally, const struct po_json *detail);
void po_doctor_tally_write(const struct po_doctor_tally *tally, struct po_json_out *out);

/* Rewrite today's logs/.autodoctor_log_YYYYMMDD.txt from the ledger's repair events. */
PO_RC po_doctor_log_write(struct po_ctx *cx, struct po_home *home);

#endif
