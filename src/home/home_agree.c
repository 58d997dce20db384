/*
 * The database against the ledger. Neither is put back alone: a database older than its ledger has
 * forgotten keys, grants and revocations that the ledger tells of, so nothing may be built on it.
 *
 * The ledger syncs leaves before the store forgets their pending rows and keeps the size: it may be
 * ahead of the store by rows that are still pending, and is never behind it.
 */
#include "home/home_priv.h"

#include <stdio.h>

po_rc po_home_check_agreement(struct po_ctx *cx, struct po_home *home)
{
    bool is_known = false;
    uint64_t known = 0;
    uint64_t pending = 0;
    uint64_t size = po_ledger_size(home->ledger);
    PO_TRY(cx, po_store_ledger_size(cx, home->store, &is_known, &known));
    if (!is_known || known == size) return po_rc_ok();
    PO_TRY(cx, po_store_pending_count(cx, home->store, &pending));
    if (known < size && pending >= size - known) return po_rc_ok();
    (void)snprintf(home->reason, sizeof home->reason,
                   known < size ? "its database is of ledger size %lu, the ledger has %lu leaves"
                                : "its database knows of %lu leaves, the ledger has %lu",
                   (unsigned long)known, (unsigned long)size);
    return po_rc_ok();
}
