/*
 * Statements prepared once, bound, stepped; SQLite's errors as ours.
 */
#include "store/store_priv.h"

#include <errno.h>

/* ---- errors ---------------------------------------------------------------------------------- */

static enum po_code code_of_constraint(int sqlite_rc)
{
    switch (sqlite_rc) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID: return PO_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return PO_NOTFOUND;
    default: return PO_INVALID;
    }
}

static enum po_code code_of(int sqlite_rc)
{
    if (sqlite_rc == SQLITE_IOERR_NOMEM) return PO_NOMEM;
    switch (sqlite_rc & 0xff) {
    case SQLITE_NOMEM: return PO_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return PO_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return PO_CORRUPT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return PO_DENIED;
    case SQLITE_CONSTRAINT: return code_of_constraint(sqlite_rc);
    case SQLITE_TOOBIG: return PO_LIMIT;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL: return PO_IO;
    default: return PO_BUG;
    }
}

po_rc po_store_fail(struct po_ctx *cx, struct po_store *store, int sqlite_rc, const char *doing)
{
    enum po_code code = code_of(sqlite_rc);
    if ((sqlite_rc & 0xff) == SQLITE_FULL)
        return PO_FAIL(cx, PO_IO, "database: %s: disk full", doing);
    if ((sqlite_rc & 0xff) == SQLITE_BUSY)
        return PO_FAIL(cx, PO_BUSY, "database: %s: another process has it open", doing);
    int sys = code == PO_IO ? sqlite3_system_errno(store->db) : 0;
    if (sys == EACCES || sys == EPERM || sys == EROFS) code = PO_DENIED;
    bool is_latest = sqlite3_extended_errcode(store->db) == sqlite_rc;
    const char *text = is_latest ? sqlite3_errmsg(store->db) : sqlite3_errstr(sqlite_rc);
    return PO_FAIL_SYS(cx, code, sys, "database: %s: %s", doing, text);
}

/* ---- statements ------------------------------------------------------------------------------ */

void po_query_done(struct po_query *query)
{
    if (query->stmt == NULL) return;
    /* The result repeats what the last step said; that was told already. */
    (void)sqlite3_reset(query->stmt);
    (void)sqlite3_clear_bindings(query->stmt);
    query->stmt = NULL;
}

static po_rc open_statement(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                            struct po_query *query)
{
    const struct po_statement_row *row = po_statement_row(statement);
    sqlite3_stmt **slot = &store->prepared[statement];
    if (*slot == NULL) {
        int rc = sqlite3_prepare_v3(store->db, row->sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
        if (rc != SQLITE_OK)
            return po_store_fail(cx, store, sqlite3_extended_errcode(store->db), row->name);
    }
    PO_INVARIANT(cx, !sqlite3_stmt_busy(*slot)); /* one use at a time */
    *query = (struct po_query){store, *slot, row->name, SQLITE_OK};
    return po_rc_ok();
}

po_rc po_query_open(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                    struct po_query *query)
{
    PO_INVARIANT(cx, po_statement_row(statement)->scope == PO_STATEMENT_GLOBAL);
    return open_statement(cx, store, statement, query);
}

po_rc po_query_open_tenant(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                           po_tenant_id tenant, struct po_query *query)
{
    PO_INVARIANT(cx, po_statement_row(statement)->scope == PO_STATEMENT_TENANT);
    if (tenant.value == 0 || tenant.value > INT64_MAX)
        return PO_FAIL(cx, PO_INVALID, "there is no tenant %lu", (unsigned long)tenant.value);
    PO_TRY(cx, open_statement(cx, store, statement, query));
    po_bind_i64(query, 1, (int64_t)tenant.value);
    return po_rc_ok();
}

static void keep_status(struct po_query *query, int rc)
{
    if (query->status == SQLITE_OK) query->status = rc;
}

void po_bind_i64(struct po_query *query, int index, int64_t value)
{
    keep_status(query, sqlite3_bind_int64(query->stmt, index, value));
}

void po_bind_blob(struct po_query *query, int index, po_str bytes)
{
    /* A NULL address would bind NULL; no bytes are an empty blob. */
    const char *ptr = bytes.len > 0 ? bytes.ptr : "";
    keep_status(query, sqlite3_bind_blob64(query->stmt, index, ptr, bytes.len, SQLITE_STATIC));
}

void po_bind_text(struct po_query *query, int index, po_str text)
{
    const char *ptr = text.len > 0 ? text.ptr : "";
    keep_status(query,
                sqlite3_bind_text64(query->stmt, index, ptr, text.len, SQLITE_STATIC, SQLITE_UTF8));
}

po_rc po_query_step(struct po_ctx *cx, struct po_query *query, bool *ret_has_row)
{
    if (query->status != SQLITE_OK)
        return po_store_fail(cx, query->store, query->status, query->doing);
    int rc = sqlite3_step(query->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return po_store_fail(cx, query->store, sqlite3_extended_errcode(query->store->db),
                             query->doing);
    *ret_has_row = rc == SQLITE_ROW;
    return po_rc_ok();
}

po_rc po_query_run(struct po_ctx *cx, struct po_query *query)
{
    bool has_row = true;
    while (has_row)
        PO_TRY(cx, po_query_step(cx, query, &has_row));
    return po_rc_ok();
}

po_rc po_query_simple(struct po_ctx *cx, struct po_store *store, enum po_statement statement)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, statement, &query));
    return po_query_run(cx, &query);
}

int64_t po_column_i64(const struct po_query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

po_str po_column_bytes(const struct po_query *query, int column)
{
    const void *ptr = sqlite3_column_blob(query->stmt, column);
    int len = sqlite3_column_bytes(query->stmt, column);
    return ptr == NULL ? po_str_n("", 0) : po_str_n(ptr, (size_t)len);
}

po_rc po_column_exact(struct po_ctx *cx, const struct po_query *query, int column, uint8_t *out,
                      size_t len)
{
    po_str bytes = po_column_bytes(query, column);
    if (bytes.len != len)
        return PO_FAIL(cx, PO_CORRUPT, "database: %s: a value has %zu bytes, not %zu", query->doing,
                       bytes.len, len);
    memcpy(out, bytes.ptr, len);
    return po_rc_ok();
}

/* ---- rows ------------------------------------------------------------------------------------ */

po_rc po_rows_add(struct po_ctx *cx, struct po_rows *rows, void *ret_slot)
{
    if (rows->count == PO_STORE_ROWS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "database: over %d rows", PO_STORE_ROWS_MAX);
    if (rows->count == rows->cap) {
        size_t cap = rows->cap == 0 ? 8 : 2 * rows->cap;
        void *items = po_arena_alloc(cx->arena, cap, rows->item_bytes);
        if (items == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        if (rows->count > 0) memcpy(items, rows->items, rows->count * rows->item_bytes);
        rows->items = items;
        rows->cap = cap;
    }
    char *slot = (char *)rows->items + rows->count * rows->item_bytes;
    rows->count++;
    memcpy(ret_slot, &slot, sizeof slot);
    return po_rc_ok();
}

po_rc po_store_name_check(struct po_ctx *cx, po_str name, const char *what)
{
    bool is_good = name.len >= 1 && name.len <= PO_STORE_NAME_BYTES_MAX;
    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.ptr[i];
        is_good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    }
    if (!is_good)
        return PO_FAIL(cx, PO_INVALID,
                       "the name '%.*s' of %s is not 1 to %d of a-z, 0-9, '_', '.', '-'",
                       PO_STR_ARG(name), what, PO_STORE_NAME_BYTES_MAX);
    return po_rc_ok();
}
