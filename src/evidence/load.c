/*
 * Runs -> states -> scores, at one ledger position.
 */
#include "evidence/evidence.h"

PO_RC po_evidence_load(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                       uint64_t size, const bool *is_wanted, struct po_evidence *ret_evidence)
{
    struct po_evidence evidence = {.catalog = catalog};
    PO_TRY(cx, po_evidence_locate(cx, home, size, &evidence.at));
    PO_TRY(cx, po_evidence_runs(cx, home, catalog, &evidence.at, is_wanted, &evidence.runs));
    struct po_state_input input = {.as_of_us = evidence.at.time_us, .runs = evidence.runs};
    PO_TRY(cx, po_states_compute(cx, catalog, &input, &evidence.controls, &evidence.clauses));
    PO_TRY(cx, po_scores_compute(cx, catalog, evidence.controls, &evidence.scores));
    *ret_evidence = evidence;
    return po_rc_ok();
}
