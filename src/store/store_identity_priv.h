/*
 * Shared by the parts of the store that keep identities.
 */
#ifndef PO_STORE_STORE_IDENTITY_PRIV_H
#define PO_STORE_STORE_IDENTITY_PRIV_H

#include "store/store_priv.h"

#define PO_STORE_ACTOR_BYTES_MAX 63

/* Copies of `count` columns from `first` on, in the arena. */
PO_RC po_columns_copy(struct po_ctx *cx, const struct po_query *query, int first,
                      po_str *const *outs, size_t count);
/* Seal `plain` for cx->tenant at table.column of a row, into the arena. */
struct po_cell_at {
    const char *table;
    const char *column;
    po_str row;
};
PO_RC po_cell_put(struct po_ctx *cx, struct po_store *store, const struct po_cell_at *at,
                  po_str plain, po_str *ret_cell);
/* Open in place: *cell becomes the plain text. */
PO_RC po_cell_take(struct po_ctx *cx, struct po_store *store, const struct po_cell_at *at,
                   po_str *cell);
/* Run a change of one row; PO_CONFLICT with `what` when no row was changed. */
PO_RC po_query_change(struct po_ctx *cx, struct po_query *query, const char *what);
/* A statement with only the tenant and a hash that answers with a row's tenant; 0 when none. */
PO_RC po_hash_tenant(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                     const uint8_t hash[static PO_SHA256_BYTES], po_tenant_id *ret_tenant);

#endif
