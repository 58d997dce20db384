/*
 * Codes of action verbs in records.
 */
#ifndef PO_LEDGER_RECORD_PRIV_H
#define PO_LEDGER_RECORD_PRIV_H

#include "core/str.h"

/* 0 when the verb has no code. */
uint8_t po_record_action_code(po_str action);

#endif
