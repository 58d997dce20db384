/*
 * What the parser and the canonical writer share.
 */
#ifndef PO_CORE_JSON_PRIV_H
#define PO_CORE_JSON_PRIV_H

#include "core/json.h"

typedef int po_json_key_order(po_str a, po_str b);

/*
 * The members of `object` sorted by key in the arena; equal keys in input order.
 *
 * Errors   PO_NOMEM
 * Cost     n log n in the worst case, in place: qsort would allocate behind our back
 */
PO_RC po_json_sorted_members(struct po_ctx *cx, const struct po_json *object,
                             po_json_key_order *order, const struct po_json ***ret_members);

#endif
