/*
 * flag_state: digests of configuration as last recorded; intent: outside changes begun (law 2).
 */
#include "store/store_priv.h"

po_rc po_store_flag_state_find(struct po_ctx *cx, struct po_store *store, po_str name,
                               struct po_store_flag_state *ret_state)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_FLAG_STATE_FIND, cx->tenant, &query));
    po_bind_text(&query, 2, name);
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    struct po_store_flag_state state = {.exists = has_row};
    if (has_row) {
        PO_TRY(cx, po_column_exact(cx, &query, 0, state.digest, sizeof state.digest));
        state.time_us = po_column_i64(&query, 1);
    }
    *ret_state = state;
    return po_rc_ok();
}

po_rc po_store_flag_state_set(struct po_ctx *cx, struct po_tx *tx, po_str name,
                              const uint8_t digest[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, po_store_name_check(cx, name, "a configuration file"));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_FLAG_STATE_SET, cx->tenant, &query));
    po_bind_text(&query, 2, name);
    po_bind_blob(&query, 3, po_str_n(digest, PO_SHA256_BYTES));
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

/* ---- intents --------------------------------------------------------------------------------- */

static struct po_cell_place detail_place(po_tenant_id tenant, const uint8_t id[static 16])
{
    return (struct po_cell_place){tenant, "intent", "detail", po_str_n(id, 16)};
}

po_rc po_store_intent_open(struct po_ctx *cx, struct po_tx *tx,
                           const struct po_store_intent *intent)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, po_store_name_check(cx, intent->kind, "an intent"));
    const struct po_cell_place place = detail_place(cx->tenant, intent->id);
    PO_BUF_AUTO cell = {0};
    po_buf_init(&cell, PO_STORE_VALUE_BYTES_MAX + 256);
    PO_TRY(cx, po_cell_seal(cx, tx->store, &place, intent->detail, &cell));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_INTENT_ADD, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(intent->id, sizeof intent->id));
    po_bind_text(&query, 3, intent->kind);
    po_bind_blob(&query, 4, po_buf_str(&cell));
    po_bind_i64(&query, 5, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_intent_close(struct po_ctx *cx, struct po_tx *tx, const uint8_t id[static 16])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_INTENT_DELETE, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(id, 16));
    PO_TRY(cx, po_query_run(cx, &query));
    if (sqlite3_changes(tx->store->db) == 0)
        return PO_FAIL(cx, PO_NOTFOUND, "no such intent is open");
    return po_rc_ok();
}

static po_rc read_intent(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                         struct po_store_intent *ret_intent)
{
    struct po_store_intent intent = {.time_us = po_column_i64(query, 3)};
    PO_TRY(cx, po_column_exact(cx, query, 0, intent.id, sizeof intent.id));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, 1), &intent.kind),
                "out of request memory");
    const struct po_cell_place place = detail_place(cx->tenant, intent.id);
    po_rc rc = po_cell_open(cx, store, &place, po_column_bytes(query, 2), &intent.detail);
    if (rc.code == PO_UNAVAILABLE) {
        po_err_clear(cx);
        intent.detail = PO_LIT("");
    } else {
        PO_TRY(cx, rc);
    }
    *ret_intent = intent;
    return po_rc_ok();
}

po_rc po_store_intent_list(struct po_ctx *cx, struct po_store *store,
                           struct po_store_intent **ret_intents, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_intent)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_INTENT_LIST, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_intent *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_intent(cx, store, &query, slot));
    }
    *ret_intents = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}
