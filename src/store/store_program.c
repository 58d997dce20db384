/*
 * Programs: grants with all their history, trusted keys, digests of texts that the ledger holds.
 *
 * A grant's capabilities and author are sealed; files, entries and digests are not: they name
 * programs, not people. Digest and time of the grant are sealed beside the capabilities as well: a row
 * that says another program, or an earlier day, does not open.
 */
#include "store/store_priv.h"

#include "core/codec.h"

#define ENTRY_BYTES_MAX 255
#define CLAUSE_BYTES_MAX 128
#define KEY_NAME_BYTES_MAX 255
#define VKEY_BYTES_MAX 512

static po_rc copy_columns(struct po_ctx *cx, const struct po_query *query, int first,
                          po_str *const *outs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, first + (int)i), outs[i]),
                    "out of request memory");
    return po_rc_ok();
}

/* ---- grants ----------------------------------------------------------------------------------- */

static struct po_cell_place grant_place(po_tenant_id tenant, const char *column, po_str row)
{
    return (struct po_cell_place){tenant, "program_grant", column, row};
}

static po_rc check_grant(struct po_ctx *cx, const struct po_store_grant *grant)
{
    if (grant->file.len == 0 || grant->file.len > PO_STORE_GRANT_FILE_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a grant's file has 1 to %d bytes",
                       PO_STORE_GRANT_FILE_BYTES_MAX);
    if (grant->entry.len > ENTRY_BYTES_MAX || grant->clause.len > CLAUSE_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a grant's entry or clause is too long");
    if (grant->effective_us < grant->granted_us)
        return PO_FAIL(cx, PO_INVALID, "a grant cannot hold before it was given");
    return po_rc_ok();
}

static po_rc next_grant_id(struct po_ctx *cx, struct po_store *store, uint64_t *ret_id)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_GRANT_NEXT_ID, cx->tenant, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    PO_INVARIANT(cx, has_row);
    *ret_id = (uint64_t)po_column_i64(&query, 0);
    if (*ret_id > PO_STORE_GRANTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d grants", PO_STORE_GRANTS_MAX);
    return po_rc_ok();
}

/* "<digest> <granted> <effective> " before the capabilities in their cell. */
static void put_binding(const struct po_store_grant *grant, struct po_buf *out)
{
    po_hex_append(out, grant->digest, sizeof grant->digest);
    po_buf_append_char(out, ' ');
    po_buf_append_i64(out, grant->granted_us);
    po_buf_append_char(out, ' ');
    po_buf_append_i64(out, grant->effective_us);
    po_buf_append_char(out, ' ');
}

static po_rc take_binding(struct po_ctx *cx, struct po_store_grant *grant)
{
    PO_BUF_AUTO binding = {0};
    po_buf_init(&binding, 256);
    put_binding(grant, &binding);
    PO_TRY_LEAF(cx, po_buf_check(&binding), "out of memory for a grant");
    if (!po_str_starts(grant->caps, po_buf_str(&binding)))
        return PO_FAIL(cx, PO_TAMPER, "grant %lu is not the one that was given",
                       (unsigned long)grant->id);
    grant->caps = po_str_slice(grant->caps, binding.len, grant->caps.len);
    return po_rc_ok();
}

po_rc po_store_grant_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_grant *grant,
                         uint64_t *ret_id)
{
    uint64_t id = 0;
    uint8_t room[PO_ROW_ID_BYTES];
    PO_BUF_AUTO plain = {0};
    PO_BUF_AUTO caps = {0};
    PO_BUF_AUTO author = {0};
    po_buf_init(&plain, PO_STORE_VALUE_BYTES_MAX);
    po_buf_init(&caps, PO_STORE_VALUE_BYTES_MAX + 256);
    po_buf_init(&author, PO_ACTOR_BYTES_MAX + 256);
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, check_grant(cx, grant));
    PO_TRY(cx, next_grant_id(cx, tx->store, &id));
    po_str row = po_row_id(id, room);
    const struct po_cell_place caps_at = grant_place(cx->tenant, "caps", row);
    const struct po_cell_place author_at = grant_place(cx->tenant, "author", row);
    put_binding(grant, &plain);
    po_buf_append(&plain, grant->caps);
    PO_TRY_LEAF(cx, po_buf_check(&plain), "the capabilities of a grant are too long");
    PO_TRY(cx, po_cell_seal(cx, tx->store, &caps_at, po_buf_str(&plain), &caps));
    PO_TRY(cx, po_cell_seal(cx, tx->store, &author_at, po_str_of(cx->actor), &author));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_GRANT_ADD, cx->tenant, &query));
    po_bind_i64(&query, 2, (int64_t)id);
    po_bind_text(&query, 3, grant->file);
    po_bind_text(&query, 4, grant->entry.len > 0 ? grant->entry : PO_LIT(""));
    po_bind_text(&query, 5, grant->clause.len > 0 ? grant->clause : PO_LIT(""));
    po_bind_blob(&query, 6, po_str_n(grant->digest, sizeof grant->digest));
    po_bind_blob(&query, 7, po_buf_str(&caps));
    po_bind_blob(&query, 8, po_buf_str(&author));
    po_bind_i64(&query, 9, grant->granted_us);
    po_bind_i64(&query, 10, grant->effective_us);
    PO_TRY(cx, po_query_run(cx, &query));
    *ret_id = id;
    return po_rc_ok();
}

po_rc po_store_grant_revoke(struct po_ctx *cx, struct po_tx *tx, uint64_t id)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_GRANT_REVOKE, cx->tenant, &query));
    po_bind_i64(&query, 2, (int64_t)id);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    PO_TRY(cx, po_query_run(cx, &query));
    if (sqlite3_changes(tx->store->db) == 0)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no such grant, or it was revoked before");
    return po_rc_ok();
}

static po_rc read_grant(struct po_ctx *cx, const struct po_query *query,
                        struct po_store_grant *ret_grant)
{
    struct po_store_grant grant = {.id = (uint64_t)po_column_i64(query, 0),
                                   .granted_us = po_column_i64(query, 7),
                                   .effective_us = po_column_i64(query, 8),
                                   .revoked_us = po_column_i64(query, 9)};
    po_str *const names[] = {&grant.file, &grant.entry, &grant.clause};
    po_str *const cells[] = {&grant.caps, &grant.author};
    PO_TRY(cx, copy_columns(cx, query, 1, names, 3));
    PO_TRY(cx, po_column_exact(cx, query, 4, grant.digest, sizeof grant.digest));
    PO_TRY(cx, copy_columns(cx, query, 5, cells, 2));
    *ret_grant = grant;
    return po_rc_ok();
}

static po_rc open_grant(struct po_ctx *cx, struct po_store *store, struct po_store_grant *grant)
{
    uint8_t room[PO_ROW_ID_BYTES];
    po_str row = po_row_id(grant->id, room);
    const struct po_cell_place caps_at = grant_place(cx->tenant, "caps", row);
    const struct po_cell_place author_at = grant_place(cx->tenant, "author", row);
    PO_TRY(cx, po_cell_open(cx, store, &caps_at, grant->caps, &grant->caps));
    PO_TRY(cx, take_binding(cx, grant));
    return po_cell_open(cx, store, &author_at, grant->author, &grant->author);
}

po_rc po_store_grant_list(struct po_ctx *cx, struct po_store *store,
                          struct po_store_grant **ret_grants, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_grant)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_GRANT_LIST, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_grant *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_grant(cx, &query, slot));
    }
    struct po_store_grant *grants = rows.items;
    for (size_t i = 0; i < rows.count; i++)
        PO_TRY(cx, open_grant(cx, store, &grants[i]));
    *ret_grants = grants;
    *ret_count = rows.count;
    return po_rc_ok();
}

po_rc po_store_grant_clauses(struct po_ctx *cx, struct po_store *store, po_str **ret_clauses,
                             size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(po_str)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_GRANT_CLAUSES, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        po_str *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, copy_columns(cx, &query, 0, &slot, 1));
    }
    *ret_clauses = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/* ---- trust ------------------------------------------------------------------------------------ */

po_rc po_store_trust_set(struct po_ctx *cx, struct po_tx *tx, const struct po_store_trust_key *key)
{
    bool is_level =
        po_str_eq_cstr(key->level, "vendor") || po_str_eq_cstr(key->level, "organisation");
    PO_TRY(cx, po_tx_check(cx, tx));
    if (!is_level)
        return PO_FAIL(cx, PO_INVALID, "'%.*s' is no level of trust: vendor or organisation",
                       PO_STR_ARG(key->level));
    if (key->name.len == 0 || key->name.len > KEY_NAME_BYTES_MAX || key->vkey.len == 0 ||
        key->vkey.len > VKEY_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a key's name or text is empty or too long");
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TRUST_SET, cx->tenant, &query));
    po_bind_text(&query, 2, key->name);
    po_bind_text(&query, 3, key->vkey);
    po_bind_text(&query, 4, key->level);
    po_bind_i64(&query, 5, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_trust_remove(struct po_ctx *cx, struct po_tx *tx, po_str name)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TRUST_REMOVE, cx->tenant, &query));
    po_bind_text(&query, 2, name);
    PO_TRY(cx, po_query_run(cx, &query));
    if (sqlite3_changes(tx->store->db) == 0)
        return PO_FAIL(cx, PO_NOTFOUND, "no key '%.*s' is trusted", PO_STR_ARG(name));
    return po_rc_ok();
}

po_rc po_store_trust_list(struct po_ctx *cx, struct po_store *store,
                          struct po_store_trust_key **ret_keys, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_trust_key)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_TRUST_LIST, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_trust_key *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        po_str *const texts[] = {&slot->name, &slot->vkey, &slot->level};
        PO_TRY(cx, copy_columns(cx, &query, 0, texts, 3));
        slot->time_us = po_column_i64(&query, 3);
    }
    *ret_keys = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/* ---- texts kept in the ledger ------------------------------------------------------------------ */

po_rc po_store_program_has(struct po_ctx *cx, struct po_store *store,
                           const uint8_t digest[static PO_SHA256_BYTES], bool *ret_has)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, store, PO_STATEMENT_PROGRAM_STORED_FIND, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(digest, PO_SHA256_BYTES));
    return po_query_step(cx, &query, ret_has);
}

po_rc po_store_program_add(struct po_ctx *cx, struct po_tx *tx,
                           const uint8_t digest[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_PROGRAM_STORED_ADD, cx->tenant,
                                    &query));
    po_bind_blob(&query, 2, po_str_n(digest, PO_SHA256_BYTES));
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}
