/*
 * Inside health: from what a program gives to a verdict.
 */
#ifndef PO_HEALTH_HEALTH_PRIV_H
#define PO_HEALTH_HEALTH_PRIV_H

#include "health/health.h"

#include "program/program.h"

/* State and reason of a verdict; the reason is one line, cut at its limit. */
void po_health_say(struct po_health_verdict *out, enum po_health_state state, const char *fmt, ...)
    PO_PRINTF(3, 4);
/* What a program gave, as a verdict; names in the arena. Errors: PO_NOMEM */
PO_RC po_health_read(struct po_ctx *cx, const struct po_script_outcome *outcome,
                     struct po_health_verdict *ret_verdict);
/*
 * Run a compiled check over facts that were read before.
 *
 * Errors   PO_NOMEM; a fault, an Err or a value of another form is a verdict: error
 */
PO_RC po_health_ask(struct po_ctx *cx, const struct po_program *program,
                    const struct po_program_job *job, struct po_health_verdict *ret_verdict);

#endif
