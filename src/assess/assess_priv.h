/*
 * Inside assessing: what judges use, and the facts that only upper layers can supply.
 */
#ifndef PO_ASSESS_ASSESS_PRIV_H
#define PO_ASSESS_ASSESS_PRIV_H

#include "assess/assess.h"
#include "fact/fact.h"
#include "program/program.h"

void po_judgement_fail(struct po_judgement *out, const char *reason);
/* Make the counts say what the state says: an empty population passes nothing (law 1). */
void po_judgement_settle(struct po_judgement *out);
/* One deviating member of the population; the texts are borrowed. */
void po_judgement_deviation(struct po_judgement *out, po_str subject, po_str fact);

/* What an assessment starts from. */
struct po_assess_inputs {
    struct po_evidence_source source;
    const struct po_evidence_at *at;
    const struct po_clause_run *newest; /* per clause */
    struct po_fact_set *facts;
};
/* Facts that only this layer can make, by name. */
const struct po_fact_type *po_assess_fact_types(size_t *ret_count);
/* Make one of this layer's facts and add it to the snapshot; nothing for a name it does not make. */
PO_RC po_assess_provide(struct po_ctx *cx, const struct po_assess_inputs *in, const char *name);

/*
 * Run the health checks over the snapshot and provide their results to it as fact "health.results".
 * ret_event, when not NULL, becomes the event that records them.
 */
PO_RC po_assess_health(struct po_ctx *cx, struct po_fact_set *facts, struct po_event *ret_event);

#endif
