/*
 * Shared by the writer and the validator of events.
 */
#ifndef PO_LEDGER_EVENT_PRIV_H
#define PO_LEDGER_EVENT_PRIV_H

#include "core/str.h"

bool po_event_severity_is_known(po_str text);

#endif
