/*
 * The fault drill's counts, and the search for what was planted.
 */
#ifndef PO_FACT_DRILL_FAULT_PRIV_H
#define PO_FACT_DRILL_FAULT_PRIV_H

#include "drill_priv.h"

#define PO_FAULT_DRILL_MISSED_MAX 32

struct po_fault_drill {
    const struct po_drill *scratch;
    po_str planted[2]; /* a secret, a person's address */
    po_str env_text;
    int64_t injected;
    int64_t typed;
    const char *missed[PO_FAULT_DRILL_MISSED_MAX];
    size_t missed_count;
    int64_t events_wanted;
    int64_t events_found;
    int64_t texts; /* looked at: outputs, files, public texts */
    int64_t leaks; /* those with something planted, or a public text with a path */
    int64_t public_texts;
};

/* Count a text and whether something planted is in it. */
void po_fault_drill_look(struct po_fault_drill *drill, po_str text);
/* Every file of the drill's home but config/.env and the intake. */
PO_RC po_fault_drill_search(struct po_ctx *cx, struct po_fault_drill *drill);
/* The texts that clients may see: one line, no path, no address. */
void po_fault_drill_public_texts(struct po_fault_drill *drill);
/* command.failed events of the drill's ledger. */
PO_RC po_fault_drill_count_events(struct po_ctx *cx, struct po_fault_drill *drill);

#endif
