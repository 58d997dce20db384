/*
 * What the predicates of health checks share.
 */
#ifndef PO_HEALTH_HEALTH_PRIV_H
#define PO_HEALTH_HEALTH_PRIV_H

#include "health/health.h"

/* State and reason of a verdict; the reason is cut at its limit. */
void po_health_say(struct po_health_verdict *out, enum po_health_state state, const char *fmt, ...)
    PO_PRINTF(3, 4);
void po_health_observe(struct po_health_verdict *out, const char *key, int64_t value);

#endif
