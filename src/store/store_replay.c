/*
 * replay: requests that name themselves (Idempotency-Key), so that a repetition is answered and not
 * done again. The answer is sealed: it may hold anything that an answer holds.
 */
#include "store/store_priv.h"

static struct po_cell_place response_place(po_tenant_id tenant, po_str key)
{
    return (struct po_cell_place){tenant, "replay", "response", key};
}

/* The cell of an answer; empty while there is none. */
static po_rc open_response(struct po_ctx *cx, struct po_store *store, po_str key, po_str cell,
                           po_str *ret_response)
{
    *ret_response = PO_LIT("");
    if (cell.len == 0) return po_rc_ok();
    const struct po_cell_place place = response_place(cx->tenant, key);
    return po_cell_open(cx, store, &place, cell, ret_response);
}

po_rc po_store_replay_find(struct po_ctx *cx, struct po_store *store,
                           const uint8_t key[static PO_SHA256_BYTES],
                           struct po_store_replay **ret_replay)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    po_str key_bytes = po_str_n(key, PO_SHA256_BYTES);
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_REPLAY_FIND, cx->tenant, &query));
    po_bind_blob(&query, 2, key_bytes);
    po_bind_i64(&query, 3, po_ctx_now_us(cx) - PO_STORE_REPLAY_LIFE_US);
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    struct po_store_replay *replay = NULL;
    if (has_row) {
        PO_ARENA_NEW(cx, replay, 1);
        PO_TRY(cx, po_column_exact(cx, &query, 0, replay->request, sizeof replay->request));
        replay->status = (unsigned)po_column_i64(&query, 1);
        PO_TRY(cx,
               open_response(cx, store, key_bytes, po_column_bytes(&query, 2), &replay->response));
    }
    *ret_replay = replay;
    return po_rc_ok();
}

static po_rc purge(struct po_ctx *cx, struct po_tx *tx)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_REPLAY_PURGE, cx->tenant, &query));
    po_bind_i64(&query, 2, po_ctx_now_us(cx) - PO_STORE_REPLAY_LIFE_US);
    return po_query_run(cx, &query);
}

static po_rc check_room(struct po_ctx *cx, struct po_tx *tx)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_REPLAY_COUNT, cx->tenant, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    PO_INVARIANT(cx, has_row);
    if (po_column_i64(&query, 0) >= PO_STORE_REPLAYS_MAX)
        return PO_FAIL(cx, PO_RATE, "more than %d requests with a key in a day",
                       PO_STORE_REPLAYS_MAX);
    return po_rc_ok();
}

po_rc po_store_replay_begin(struct po_ctx *cx, struct po_tx *tx,
                            const uint8_t key[static PO_SHA256_BYTES],
                            const uint8_t request[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, purge(cx, tx));
    PO_TRY(cx, check_room(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_REPLAY_ADD, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(key, PO_SHA256_BYTES));
    po_bind_blob(&query, 3, po_str_n(request, PO_SHA256_BYTES));
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_replay_end(struct po_ctx *cx, struct po_tx *tx,
                          const uint8_t key[static PO_SHA256_BYTES], unsigned status,
                          po_str response)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    po_str key_bytes = po_str_n(key, PO_SHA256_BYTES);
    const struct po_cell_place place = response_place(cx->tenant, key_bytes);
    PO_BUF_AUTO cell = {0};
    po_buf_init(&cell, PO_STORE_VALUE_BYTES_MAX + 256);
    PO_TRY(cx, po_cell_seal(cx, tx->store, &place, response, &cell));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_REPLAY_END, cx->tenant, &query));
    po_bind_blob(&query, 2, key_bytes);
    po_bind_i64(&query, 3, (int64_t)status);
    po_bind_blob(&query, 4, po_buf_str(&cell));
    return po_query_run(cx, &query);
}

po_rc po_store_replay_drop(struct po_ctx *cx, struct po_tx *tx,
                           const uint8_t key[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_REPLAY_DROP, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(key, PO_SHA256_BYTES));
    return po_query_run(cx, &query);
}
