/*
 * Inside the doctor: one row per repair.
 */
#ifndef PO_DOCTOR_DOCTOR_PRIV_H
#define PO_DOCTOR_DOCTOR_PRIV_H

#include "doctor/doctor.h"

struct po_repair {
    const char *name;
    const char *doc;
    /* Add a step for each thing that needs this repair. */
    PO_RC (*plan)(struct po_ctx *cx, struct po_home *home, struct po_doctor_plan *plan);
    PO_RC (*apply)(struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step);
};
const struct po_repair *po_repair_table(size_t *ret_count);

/* Add a step to a plan with room for PO_DOCTOR_STEPS_MAX. */
PO_RC po_doctor_add(struct po_ctx *cx, struct po_doctor_plan *plan,
                    const struct po_repair_step *step);

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
