/*
 * Tenants; and meta, the facts of the instance.
 */
#include "store/store_priv.h"

static struct po_cell_place name_place(po_tenant_id id, uint8_t room[static PO_ROW_ID_BYTES])
{
    return (struct po_cell_place){id, "tenant", "name", po_row_id(id.value, room)};
}

/* Names are told apart before it is known whose they are: their token is the default tenant's. */
static po_rc name_token(struct po_ctx *cx, struct po_store *store, po_str name,
                        uint8_t out[static PO_STORE_TOKEN_BYTES])
{
    const struct po_store_column at = {PO_TENANT_DEFAULT, "tenant", "name"};
    return po_store_token(cx, store, &at, name, out);
}

static po_rc count_tenants(struct po_ctx *cx, struct po_store *store, int64_t *ret_count)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_TENANT_COUNT, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    *ret_count = has_row ? po_column_i64(&query, 0) : 0;
    return po_rc_ok();
}

/* PO_EXISTS when another tenant has the name. The default tenant needs no token. */
static po_rc set_token(struct po_ctx *cx, struct po_tx *tx, po_tenant_id id, po_str name)
{
    uint8_t token[PO_STORE_TOKEN_BYTES];
    PO_QUERY_AUTO query = {0};
    if (id.value == PO_TENANT_DEFAULT.value) return po_rc_ok();
    PO_TRY(cx, name_token(cx, tx->store, name, token));
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TENANT_TOKEN, id, &query));
    po_bind_blob(&query, 2, po_str_n(token, sizeof token));
    return po_query_run(cx, &query);
}

/* The name is sealed under the tenant's own key, which refers to its row: row, key, then name. */
po_rc po_store_tenant_create(struct po_ctx *cx, struct po_tx *tx, po_tenant_id id, po_str name)
{
    int64_t count = 0;
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, count_tenants(cx, tx->store, &count));
    if (count >= PO_STORE_TENANTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "an instance has at most %d tenants", PO_STORE_TENANTS_MAX);
    PO_QUERY_AUTO set_name = {0};
    PO_QUERY_AUTO add = {0};
    uint8_t room[PO_ROW_ID_BYTES];
    struct po_cell_place place = name_place(id, room);
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TENANT_ADD, id, &add));
    po_bind_blob(&add, 2, PO_LIT(""));
    po_bind_i64(&add, 3, po_ctx_now_us(cx));
    PO_TRY(cx, po_query_run(cx, &add));
    PO_TRY(cx, po_store_data_key_make(cx, tx, id, 1));
    PO_BUF_AUTO cell = {0};
    po_buf_init(&cell, PO_STORE_VALUE_BYTES_MAX + 256);
    PO_TRY(cx, po_cell_seal(cx, tx->store, &place, name, &cell));
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TENANT_NAME, id, &set_name));
    po_bind_blob(&set_name, 2, po_buf_str(&cell));
    PO_TRY(cx, po_query_run(cx, &set_name));
    return set_token(cx, tx, id, name);
}

po_rc po_store_tenant_has(struct po_ctx *cx, struct po_store *store, po_tenant_id id, bool *ret_has)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_TENANT_HAS, id, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    *ret_has = has_row && po_column_i64(&query, 0) > 0;
    return po_rc_ok();
}

po_rc po_store_tenant_find(struct po_ctx *cx, struct po_store *store, po_str name,
                           bool *ret_is_found, po_tenant_id *ret_id)
{
    uint8_t token[PO_STORE_TOKEN_BYTES];
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, name_token(cx, store, name, token));
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_TENANT_BY_NAME, &query));
    po_bind_blob(&query, 1, po_str_n(token, sizeof token));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (has_row) ret_id->value = (uint64_t)po_column_i64(&query, 0);
    *ret_is_found = has_row;
    return po_rc_ok();
}

static po_rc read_tenant(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                         struct po_store_tenant *ret_tenant)
{
    struct po_store_tenant tenant = {.id = {(uint64_t)po_column_i64(query, 0)},
                                     .created_us = po_column_i64(query, 2)};
    uint8_t room[PO_ROW_ID_BYTES];
    struct po_cell_place place = name_place(tenant.id, room);
    po_rc rc = po_cell_open(cx, store, &place, po_column_bytes(query, 1), &tenant.name);
    if (rc.code == PO_UNAVAILABLE) {
        po_err_clear(cx);
        tenant.name = PO_LIT("");
    } else {
        PO_TRY(cx, rc);
    }
    *ret_tenant = tenant;
    return po_rc_ok();
}

po_rc po_store_tenant_list(struct po_ctx *cx, struct po_store *store,
                           struct po_store_tenant **ret_tenants, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_tenant)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_TENANT_LIST, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_tenant *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_tenant(cx, store, &query, slot));
    }
    *ret_tenants = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

po_rc po_store_tenant_get(struct po_ctx *cx, struct po_store *store, po_tenant_id id,
                          struct po_store_tenant *ret_tenant)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_TENANT_GET, id, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (!has_row)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no tenant %lu", (unsigned long)id.value);
    return read_tenant(cx, store, &query, ret_tenant);
}

po_rc po_store_tenant_ids(struct po_ctx *cx, struct po_store *store, po_tenant_id **ret_ids,
                          size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(po_tenant_id)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_TENANT_LIST, &query));
    for (;;) {
        bool has_row = false;
        po_tenant_id *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        slot->value = (uint64_t)po_column_i64(&query, 0);
    }
    *ret_ids = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/* ---- meta ------------------------------------------------------------------------------------ */

po_rc po_store_meta_find(struct po_ctx *cx, struct po_store *store, const char *key,
                         po_str *ret_value)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_META_FIND, &query));
    po_bind_text(&query, 1, po_str_of(key));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    po_str value = {NULL, 0};
    if (has_row)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(&query, 0), &value),
                    "out of request memory");
    *ret_value = value;
    return po_rc_ok();
}

po_rc po_store_meta_set(struct po_ctx *cx, struct po_tx *tx, const char *key, po_str value)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, po_store_name_check(cx, po_str_of(key), "a fact of the instance"));
    if (value.len > PO_STORE_VALUE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the value of '%s' has %zu bytes", key, value.len);
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, tx->store, PO_STATEMENT_META_SET, &query));
    po_bind_text(&query, 1, po_str_of(key));
    po_bind_text(&query, 2, value);
    return po_query_run(cx, &query);
}
