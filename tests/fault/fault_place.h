/*
 * The home of a fault test, and what must hold of it after any failure.
 */
#ifndef PO_TESTS_FAULT_PLACE_H
#define PO_TESTS_FAULT_PLACE_H

#include "home/home.h"
#include "lib/test.h"
#include "store/store.h"

/* Root of the home below the case's directory; keys stand beside it. */
const char *fault_place(void);
/* A new home, closed. */
void fault_make_home(void);
/* Open for writing; notes what is wrong. */
bool fault_open(struct po_ctx *cx, struct po_home **ret_home);
/* How often the ledger holds each event. */
void fault_count_events(struct po_ctx *cx, struct po_home *home, uint8_t (*ids)[16], size_t count,
                        unsigned *ret_counts);
/* As many runs stand before each closing event as it says: no half assessment. */
void fault_check_assessments(struct po_ctx *cx, struct po_home *home);
/*
 * The ledger verifies, the database holds together, nothing is pending, nothing is left over; it goes
 * on and closes.
 */
void fault_check_home(struct po_ctx *cx, struct po_home **home);

#endif
