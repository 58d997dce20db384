/*
 * Write transactions and the queue of events on their way to the ledger.
 */
#include "core/alloc.h"
#include "store/store_priv.h"

#include <stdio.h>

#define META_LEDGER_SIZE "ledger_size"

#define LIST_BYTES_MAX ((size_t)8 << 20)

struct po_store *po_tx_store(struct po_tx *tx) { return tx->store; }

po_rc po_tx_check(struct po_ctx *cx, const struct po_tx *tx)
{
    if (tx == NULL || !tx->is_open) return PO_FAIL(cx, PO_BUG, "the transaction is not open");
    return po_rc_ok();
}

static void lose_group(struct po_store *store)
{
    store->is_group_lost = true;
    store->is_failed = true;
}

/* Some failures make SQLite undo all that is not committed: here, other callers' changes. */
static void note_lost_group(struct po_store *store)
{
    if (store->has_group && sqlite3_get_autocommit(store->db)) lose_group(store);
}

static po_rc check_may_write(struct po_ctx *cx, struct po_store *store)
{
    if (store->is_read_only) return PO_FAIL(cx, PO_UNAVAILABLE, "the database is open read-only");
    if (store->tx != NULL) return PO_FAIL(cx, PO_BUG, "a transaction is open already");
    note_lost_group(store);
    if (store->is_failed || store->failed_syncs != po_store_vfs_failed_syncs())
        return PO_FAIL(cx, PO_IO, "the database failed to reach the disk and must be opened again");
    return po_rc_ok();
}

static bool run_ending(struct po_store *store, enum po_statement statement)
{
    sqlite3_stmt *ending = store->prepared[statement];
    (void)sqlite3_step(ending);
    return sqlite3_reset(ending) == SQLITE_OK;
}

/* Undo; a transaction that cannot be ended ends the use of the store. */
static void roll_back(struct po_store *store)
{
    if (store->has_group) {
        bool is_undone = run_ending(store, PO_STATEMENT_GROUP_UNDO) &&
                         run_ending(store, PO_STATEMENT_GROUP_KEEP);
        if (!is_undone) lose_group(store);
        return;
    }
    if (sqlite3_get_autocommit(store->db)) return; /* SQLite undid it itself */
    (void)run_ending(store, PO_STATEMENT_ROLLBACK);
    if (!sqlite3_get_autocommit(store->db)) store->is_failed = true;
}

static void end(struct po_tx *tx, bool is_committed)
{
    struct po_store *store = tx->store;
    if (!is_committed) roll_back(store);
    po_store_keys_settle(store, is_committed);
    store->tx = NULL;
    tx->is_open = false;
}

static po_rc begin(struct po_ctx *cx, struct po_store *store)
{
    if (!store->is_grouping) return po_query_simple(cx, store, PO_STATEMENT_BEGIN);
    if (!store->has_group) PO_TRY(cx, po_query_simple(cx, store, PO_STATEMENT_BEGIN));
    store->has_group = true;
    return po_query_simple(cx, store, PO_STATEMENT_GROUP_SAVE);
}

static po_rc commit(struct po_ctx *cx, struct po_store *store)
{
    return po_query_simple(cx, store,
                           store->has_group ? PO_STATEMENT_GROUP_KEEP : PO_STATEMENT_COMMIT);
}

po_rc po_tx_begin(struct po_ctx *cx, struct po_store *store, struct po_tx **ret_tx)
{
    PO_TRY(cx, check_may_write(cx, store));
    PO_TX_AUTO *tx = po_calloc(1, sizeof *tx);
    if (tx == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a transaction");
    PO_TRY(cx, begin(cx, store));
    tx->store = store;
    tx->is_open = true;
    store->tx = tx;
    *ret_tx = PO_TAKE(tx);
    return po_rc_ok();
}

void po_tx_freep(struct po_tx **tx)
{
    if (*tx == NULL) return;
    if ((*tx)->is_open) end(*tx, false);
    po_free(*tx);
    *tx = NULL;
}

po_rc po_tx_queue(struct po_ctx *cx, struct po_tx *tx, const struct po_store_pending *event)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    if (event == NULL) return PO_FAIL(cx, PO_BUG, "a change without an event");
    if (event->record.len < 1 || event->record.len > PO_STORE_PENDING_RECORD_BYTES_MAX ||
        event->sealed.len > PO_STORE_PENDING_SEALED_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "an event of %zu and %zu bytes does not fit",
                       event->record.len, event->sealed.len);
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_PENDING_ADD, event->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(event->event_id, sizeof event->event_id));
    po_bind_blob(&query, 3, event->record);
    po_bind_blob(&query, 4, event->sealed);
    return po_query_run(cx, &query);
}

/* @control CC7.2 a change of state commits only together with its event */
po_rc po_tx_commit(struct po_ctx *cx, struct po_tx *tx, const struct po_store_pending *event)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    po_rc rc = po_tx_queue(cx, tx, event);
    if (po_is_ok(rc)) rc = commit(cx, tx->store);
    end(tx, po_is_ok(rc));
    PO_TRY(cx, rc);
    return po_rc_ok();
}

/* ---- groups ---------------------------------------------------------------------------------- */

void po_store_group_begin(struct po_store *store) { store->is_grouping = true; }

po_rc po_store_group_end(struct po_ctx *cx, struct po_store *store)
{
    if (store->tx != NULL) return PO_FAIL(cx, PO_BUG, "a transaction is open");
    note_lost_group(store);
    store->is_grouping = false;
    if (store->is_group_lost)
        return PO_FAIL(cx, PO_IO, "changes that were not committed are undone");
    if (!store->has_group) return po_rc_ok();
    po_rc rc = po_query_simple(cx, store, PO_STATEMENT_COMMIT);
    store->has_group = false;
    if (po_is_ok(rc)) return po_rc_ok();
    roll_back(store);
    lose_group(store);
    return rc;
}

/* ---- pending events -------------------------------------------------------------------------- */

static po_rc copy_row(struct po_ctx *cx, const struct po_query *query,
                      struct po_store_pending *ret_row)
{
    struct po_store_pending row = {.tenant = {(uint64_t)po_column_i64(query, 0)}};
    PO_TRY(cx, po_column_exact(cx, query, 1, row.event_id, sizeof row.event_id));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, 2), &row.record),
                "out of request memory");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, 3), &row.sealed),
                "out of request memory");
    *ret_row = row;
    return po_rc_ok();
}

po_rc po_store_pending_list(struct po_ctx *cx, struct po_store *store, size_t limit,
                            struct po_store_pending **ret_rows, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_pending)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_PENDING_LIST, &query));
    po_bind_i64(&query, 1, (int64_t)(limit < PO_STORE_ROWS_MAX ? limit : PO_STORE_ROWS_MAX));
    for (size_t bytes = 0; bytes < LIST_BYTES_MAX;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        struct po_store_pending row;
        struct po_store_pending *slot = NULL;
        PO_TRY(cx, copy_row(cx, &query, &row));
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        *slot = row;
        bytes += row.record.len + row.sealed.len;
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

po_rc po_store_pending_count(struct po_ctx *cx, struct po_store *store, uint64_t *ret_count)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_PENDING_COUNT, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    *ret_count = has_row ? (uint64_t)po_column_i64(&query, 0) : 0;
    return po_rc_ok();
}

static po_rc delete_rows(struct po_ctx *cx, struct po_store *store,
                         const struct po_store_pending *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PO_QUERY_AUTO query = {0};
        PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_PENDING_DELETE, rows[i].tenant,
                                        &query));
        po_bind_blob(&query, 2, po_str_n(rows[i].event_id, sizeof rows[i].event_id));
        PO_TRY(cx, po_query_run(cx, &query));
    }
    return po_rc_ok();
}

static po_rc delete_in(struct po_ctx *cx, struct po_tx *tx, const struct po_store_pending *rows,
                       size_t count, const char *ledger_size)
{
    PO_TRY(cx, delete_rows(cx, tx->store, rows, count));
    if (ledger_size != NULL)
        PO_TRY(cx, po_store_meta_set(cx, tx, META_LEDGER_SIZE, po_str_of(ledger_size)));
    return commit(cx, tx->store);
}

static po_rc forget(struct po_ctx *cx, struct po_store *store, const struct po_store_pending *rows,
                    size_t count, const char *ledger_size)
{
    /* A transaction of its own, without an event: the ledger holds what it deletes. */
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    po_rc rc = delete_in(cx, tx, rows, count, ledger_size);
    end(tx, po_is_ok(rc));
    PO_TRY(cx, rc);
    return po_rc_ok();
}

po_rc po_store_pending_delete(struct po_ctx *cx, struct po_store *store,
                              const struct po_store_pending *rows, size_t count)
{
    return forget(cx, store, rows, count, NULL);
}

po_rc po_store_pending_done(struct po_ctx *cx, struct po_store *store,
                            const struct po_store_pending *rows, size_t count, uint64_t ledger_size)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lu", (unsigned long)ledger_size);
    return forget(cx, store, rows, count, text);
}

po_rc po_store_ledger_size(struct po_ctx *cx, struct po_store *store, bool *ret_is_known,
                           uint64_t *ret_size)
{
    po_str text = {NULL, 0};
    uint64_t size = 0;
    PO_TRY(cx, po_store_meta_find(cx, store, META_LEDGER_SIZE, &text));
    bool is_known = text.ptr != NULL;
    if (is_known && !po_is_ok(po_str_to_u64(text, INT64_MAX, &size)))
        return PO_FAIL(cx, PO_CORRUPT, "the database's ledger size is no number");
    *ret_size = size;
    *ret_is_known = is_known;
    return po_rc_ok();
}
