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

/* Rewrite today's logs/.autodoctor_log_YYYYMMDD.txt from the ledger's repair events. */
PO_RC po_doctor_log_write(struct po_ctx *cx, struct po_home *home);

#endif
