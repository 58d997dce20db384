/*
 * Runs -> states -> scores, at one ledger position.
 */
#include "evidence/evidence.h"

PO_RC po_evidence_load(struct po_ctx *cx, const struct po_evidence_source *source, uint64_t size,
                       struct po_evidence *ret_evidence)
{
    struct po_evidence evidence = {.catalog = source->catalog};
    PO_TRY(cx, po_evidence_locate(cx, source->home, size, &evidence.at));
    PO_TRY(cx, po_evidence_runs(cx, source, &evidence.at, &evidence.runs));
    struct po_state_input input = {.as_of_us = evidence.at.time_us, .runs = evidence.runs};
    PO_TRY(cx,
           po_states_compute(cx, source->catalog, &input, &evidence.controls, &evidence.clauses));
    PO_TRY(cx, po_scores_compute(cx, source->catalog, evidence.controls, &evidence.scores));
    *ret_evidence = evidence;
    return po_rc_ok();
}
