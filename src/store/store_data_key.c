/*
 * Data keys: one per tenant and epoch, wrapped in the database, unwrapped once and kept while the
 * store is open. The newest epoch seals, all open.
 */
#include "core/alloc.h"
#include "store/store_priv.h"

#define EPOCH_MAX 255 /* the ledger's records have one byte for it */

/* ---- keys in use ----------------------------------------------------------------------------- */

static void free_key(struct po_store_key *key)
{
    if (key == NULL) return;
    po_secret_free(key->key);
    po_free(key);
}

static void free_keyp(struct po_store_key **key)
{
    free_key(*key);
    *key = NULL;
}

void po_store_keys_free(struct po_store *store)
{
    while (store->keys != NULL) {
        struct po_store_key *key = store->keys;
        store->keys = key->next;
        free_key(key);
    }
}

/* The transaction ended: keys it made stay when it was committed, else go. */
void po_store_keys_settle(struct po_store *store, bool is_committed)
{
    for (struct po_store_key **at = &store->keys; *at != NULL;) {
        struct po_store_key *key = *at;
        if (key->is_uncommitted && !is_committed) {
            *at = key->next;
            free_key(key);
            store->key_count--;
            continue;
        }
        key->is_uncommitted = false;
        at = &key->next;
    }
}

static struct po_store_key *find_in_use(const struct po_store *store, po_tenant_id tenant,
                                        uint32_t epoch)
{
    for (struct po_store_key *key = store->keys; key != NULL; key = key->next) {
        if (key->tenant.value == tenant.value && key->epoch == epoch) return key;
    }
    return NULL;
}

static po_rc new_key(struct po_ctx *cx, const struct po_store *store, po_tenant_id tenant,
                     uint32_t epoch, struct po_store_key **ret_key)
{
    if (store->keyring == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "the keys of this instance are not here");
    if (store->key_count == PO_STORE_KEYS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "over %d data keys in use", PO_STORE_KEYS_MAX);
    struct po_store_key *key = po_calloc(1, sizeof *key);
    if (key == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a data key");
    key->tenant = tenant;
    key->epoch = epoch;
    *ret_key = key;
    return po_rc_ok();
}

static void put_in_use(struct po_store *store, struct po_store_key *key)
{
    key->next = store->keys;
    store->keys = key;
    store->key_count++;
}

/* The row a query stands on: (epoch, wrapped). */
static po_rc use_row(struct po_ctx *cx, struct po_store *store, po_tenant_id tenant,
                     const struct po_query *query, const struct po_store_key **ret_key)
{
    uint32_t epoch = (uint32_t)po_column_i64(query, 0);
    *ret_key = find_in_use(store, tenant, epoch);
    if (*ret_key != NULL) return po_rc_ok();
    PO_CLEANUP(free_keyp) struct po_store_key *key = NULL;
    PO_TRY(cx, new_key(cx, store, tenant, epoch, &key));
    PO_TRY(cx, po_keyring_unwrap(cx, store->keyring, tenant, epoch, po_column_bytes(query, 1),
                                 &key->key));
    *ret_key = key;
    put_in_use(store, PO_TAKE(key));
    return po_rc_ok();
}

/* ---- public ---------------------------------------------------------------------------------- */

po_rc po_store_data_key_get(struct po_ctx *cx, struct po_store *store, po_tenant_id tenant,
                            uint32_t *ret_epoch, const struct po_secret **ret_key)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_DATA_KEY_NEWEST, tenant, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (!has_row)
        return PO_FAIL(cx, PO_NOTFOUND, "tenant %lu has no data key", (unsigned long)tenant.value);
    const struct po_store_key *key = NULL;
    PO_TRY(cx, use_row(cx, store, tenant, &query, &key));
    *ret_epoch = key->epoch;
    *ret_key = key->key;
    return po_rc_ok();
}

po_rc po_store_data_key_get_at(struct po_ctx *cx, struct po_store *store, po_tenant_id tenant,
                               uint32_t epoch, const struct po_secret **ret_key)
{
    const struct po_store_key *key = find_in_use(store, tenant, epoch);
    if (key == NULL) {
        PO_QUERY_AUTO query = {0};
        bool has_row = false;
        PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_DATA_KEY_AT, tenant, &query));
        po_bind_i64(&query, 2, epoch);
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row)
            return PO_FAIL(cx, PO_NOTFOUND, "tenant %lu has no data key of epoch %u",
                           (unsigned long)tenant.value, epoch);
        PO_TRY(cx, use_row(cx, store, tenant, &query, &key));
    }
    *ret_key = key->key;
    return po_rc_ok();
}

po_rc po_store_data_key_make(struct po_ctx *cx, struct po_tx *tx, po_tenant_id tenant,
                             uint32_t epoch)
{
    struct po_store *store = tx->store;
    PO_CLEANUP(free_keyp) struct po_store_key *key = NULL;
    PO_TRY(cx, new_key(cx, store, tenant, epoch, &key));
    PO_TRY(cx, po_secret_random(cx, PO_KEY_BYTES, &key->key));
    PO_BUF_AUTO wrapped = {0};
    po_buf_init(&wrapped, PO_WRAPPED_KEY_BYTES);
    PO_TRY(cx, po_keyring_wrap(cx, store->keyring, tenant, epoch, key->key, &wrapped));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_DATA_KEY_ADD, tenant, &query));
    po_bind_i64(&query, 2, epoch);
    po_bind_blob(&query, 3, po_buf_str(&wrapped));
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    PO_TRY(cx, po_query_run(cx, &query));
    key->is_uncommitted = true;
    put_in_use(store, PO_TAKE(key));
    return po_rc_ok();
}

po_rc po_store_data_key_rotate(struct po_ctx *cx, struct po_tx *tx, po_tenant_id tenant,
                               uint32_t *ret_epoch)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    uint32_t epoch = 0;
    const struct po_secret *present = NULL;
    PO_TRY(cx, po_store_data_key_get(cx, tx->store, tenant, &epoch, &present));
    if (epoch >= EPOCH_MAX)
        return PO_FAIL(cx, PO_LIMIT, "tenant %lu has had %d data keys, no more fit",
                       (unsigned long)tenant.value, EPOCH_MAX);
    PO_TRY(cx, po_store_data_key_make(cx, tx, tenant, epoch + 1));
    *ret_epoch = epoch + 1;
    return po_rc_ok();
}

/* ---- all keys -------------------------------------------------------------------------------- */

struct key_row {
    struct po_store_data_key_info info;
    po_str wrapped;
};

static po_rc copy_key_row(struct po_ctx *cx, const struct po_query *query, struct key_row *ret_row)
{
    struct key_row row = {.info = {.tenant = {(uint64_t)po_column_i64(query, 0)},
                                   .epoch = (uint32_t)po_column_i64(query, 1),
                                   .created_us = po_column_i64(query, 3),
                                   .rewrapped_us = po_column_i64(query, 4)}};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, 2), &row.wrapped),
                "out of request memory");
    *ret_row = row;
    return po_rc_ok();
}

static po_rc list_key_rows(struct po_ctx *cx, struct po_store *store, struct key_row **ret_rows,
                           size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct key_row)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_DATA_KEY_LIST, &query));
    for (;;) {
        bool has_row = false;
        struct key_row *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, copy_key_row(cx, &query, slot));
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

static po_rc rewrap_one(struct po_ctx *cx, struct po_store *store, const struct key_row *row)
{
    const struct po_store_data_key_info *info = &row->info;
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    PO_TRY(cx,
           po_keyring_unwrap(cx, store->keyring, info->tenant, info->epoch, row->wrapped, &key));
    PO_BUF_AUTO wrapped = {0};
    po_buf_init(&wrapped, PO_WRAPPED_KEY_BYTES);
    PO_TRY(cx, po_keyring_wrap(cx, store->keyring, info->tenant, info->epoch, key, &wrapped));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_DATA_KEY_REWRAP, info->tenant, &query));
    po_bind_i64(&query, 2, info->epoch);
    po_bind_blob(&query, 3, po_buf_str(&wrapped));
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_data_key_rewrap(struct po_ctx *cx, struct po_tx *tx, uint64_t *ret_count)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    struct po_store *store = tx->store;
    if (store->keyring == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "the keys of this instance are not here");
    struct key_row *rows = NULL;
    size_t count = 0;
    uint64_t rewrapped = 0;
    PO_TRY(cx, list_key_rows(cx, store, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        if (po_keyring_is_wrapped_current(store->keyring, rows[i].wrapped)) continue;
        PO_TRY(cx, rewrap_one(cx, store, &rows[i]));
        rewrapped++;
    }
    *ret_count = rewrapped;
    return po_rc_ok();
}

/* Whether it opens is an answer; what kept us from trying is an error. */
static po_rc does_open(struct po_ctx *cx, struct po_store *store, const struct key_row *row,
                       bool *ret_opens)
{
    *ret_opens = false;
    if (store->keyring == NULL) return po_rc_ok();
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    po_rc rc = po_keyring_unwrap(cx, store->keyring, row->info.tenant, row->info.epoch,
                                 row->wrapped, &key);
    *ret_opens = po_is_ok(rc);
    if (rc.code != PO_TAMPER && rc.code != PO_UNAVAILABLE && rc.code != PO_CORRUPT) return rc;
    po_err_clear(cx);
    return po_rc_ok();
}

po_rc po_store_data_key_list(struct po_ctx *cx, struct po_store *store,
                             struct po_store_data_key_info **ret_keys, size_t *ret_count)
{
    struct key_row *rows = NULL;
    size_t count = 0;
    PO_TRY(cx, list_key_rows(cx, store, &rows, &count));
    struct po_store_data_key_info *keys = NULL;
    PO_ARENA_NEW(cx, keys, count + 1);
    for (size_t i = 0; i < count; i++) {
        keys[i] = rows[i].info;
        keys[i].is_current =
            i + 1 == count || rows[i + 1].info.tenant.value != keys[i].tenant.value;
        PO_TRY(cx, does_open(cx, store, &rows[i], &keys[i].opens));
    }
    *ret_keys = keys;
    *ret_count = count;
    return po_rc_ok();
}
