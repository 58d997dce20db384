/*
 * The register: the operator's figures, every value ever set. Value and author are sealed.
 */
#include "store/store_priv.h"

static struct po_cell_place value_place(po_tenant_id tenant, const char *column, po_str row)
{
    return (struct po_cell_place){tenant, "register", column, row};
}

static po_rc next_id(struct po_ctx *cx, struct po_store *store, uint64_t *ret_id)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_REGISTER_NEXT_ID, cx->tenant, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    PO_INVARIANT(cx, has_row);
    *ret_id = (uint64_t)po_column_i64(&query, 0);
    return po_rc_ok();
}

po_rc po_store_register_set(struct po_ctx *cx, struct po_tx *tx, po_str name, po_str value,
                            uint64_t *ret_id)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, po_store_name_check(cx, name, "a register entry"));
    uint64_t id = 0;
    uint8_t room[PO_ROW_ID_BYTES];
    PO_TRY(cx, next_id(cx, tx->store, &id));
    po_str row = po_row_id(id, room);
    const struct po_cell_place value_at = value_place(cx->tenant, "value", row);
    const struct po_cell_place author_at = value_place(cx->tenant, "author", row);
    PO_BUF_AUTO value_cell = {0};
    PO_BUF_AUTO author_cell = {0};
    po_buf_init(&value_cell, PO_STORE_VALUE_BYTES_MAX + 256);
    po_buf_init(&author_cell, PO_ACTOR_BYTES_MAX + 256);
    PO_TRY(cx, po_cell_seal(cx, tx->store, &value_at, value, &value_cell));
    PO_TRY(cx, po_cell_seal(cx, tx->store, &author_at, po_str_of(cx->actor), &author_cell));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_REGISTER_ADD, cx->tenant, &query));
    po_bind_i64(&query, 2, (int64_t)id);
    po_bind_text(&query, 3, name);
    po_bind_blob(&query, 4, po_buf_str(&value_cell));
    po_bind_blob(&query, 5, po_buf_str(&author_cell));
    po_bind_i64(&query, 6, po_ctx_now_us(cx));
    PO_TRY(cx, po_query_run(cx, &query));
    *ret_id = id;
    return po_rc_ok();
}

/* The row a query stands on, cells still sealed. */
static po_rc copy_entry(struct po_ctx *cx, const struct po_query *query,
                        struct po_store_register_entry *ret_entry)
{
    struct po_store_register_entry entry = {.id = (uint64_t)po_column_i64(query, 0),
                                            .time_us = po_column_i64(query, 4)};
    po_str *const copies[] = {&entry.name, &entry.value, &entry.author};
    for (int i = 0; i < 3; i++)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, i + 1), copies[i]),
                    "out of request memory");
    *ret_entry = entry;
    return po_rc_ok();
}

static po_rc open_entry(struct po_ctx *cx, struct po_store *store,
                        struct po_store_register_entry *entry)
{
    uint8_t room[PO_ROW_ID_BYTES];
    po_str row = po_row_id(entry->id, room);
    const struct po_cell_place value_at = value_place(cx->tenant, "value", row);
    const struct po_cell_place author_at = value_place(cx->tenant, "author", row);
    PO_TRY(cx, po_cell_open(cx, store, &value_at, entry->value, &entry->value));
    return po_cell_open(cx, store, &author_at, entry->author, &entry->author);
}

po_rc po_store_register_find(struct po_ctx *cx, struct po_store *store, po_str name,
                             struct po_store_register_entry **ret_entry)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_REGISTER_FIND, cx->tenant, &query));
    po_bind_text(&query, 2, name);
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    struct po_store_register_entry *entry = NULL;
    if (has_row) {
        PO_ARENA_NEW(cx, entry, 1);
        PO_TRY(cx, copy_entry(cx, &query, entry));
        PO_TRY(cx, open_entry(cx, store, entry));
        entry->is_current = true;
    }
    *ret_entry = entry;
    return po_rc_ok();
}

/* Rows are by name, then id: the last of each name is the present one. */
static size_t keep_entries(struct po_store_register_entry *entries, size_t count, bool with_history)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        entries[i].is_current = i + 1 == count || !po_str_eq(entries[i].name, entries[i + 1].name);
        if (with_history || entries[i].is_current) entries[kept++] = entries[i];
    }
    return kept;
}

po_rc po_store_register_list(struct po_ctx *cx, struct po_store *store, bool with_history,
                             struct po_store_register_entry **ret_entries, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_register_entry)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_REGISTER_LIST, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_register_entry *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, copy_entry(cx, &query, slot));
    }
    struct po_store_register_entry *entries = rows.items;
    size_t count = keep_entries(entries, rows.count, with_history);
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, open_entry(cx, store, &entries[i]));
    *ret_entries = entries;
    *ret_count = count;
    return po_rc_ok();
}
