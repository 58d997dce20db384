/*
 * Everything that can be said about the database from itself: SQLite's own checks, the schema
 * against this build's, every sealed cell at its place, keys and rows that belong together.
 *
 * A finding is a result. Damage met on the way becomes a finding too; only what keeps the check
 * itself from working (memory, input and output) is an error.
 */
#include "core/codec.h"
#include "store/store_priv.h"

#include <inttypes.h>

#define SEALED_COLUMNS_MAX 2

struct checker {
    struct po_ctx *cx;
    struct po_store *store;
    struct po_store_check out;
    po_tenant_id tenant; /* whose rows are looked at; 0: nobody's */
};

enum row_kind { ROW_NUMBER, ROW_BLOB, ROW_TEXT };

struct sealed_table {
    enum po_statement statement; /* tenant, row id, then the columns */
    const char *table;
    enum row_kind row_kind;
    size_t column_count;
    const char *columns[SEALED_COLUMNS_MAX];
};

static const struct sealed_table sealed_tables[] = {
    {PO_STATEMENT_CHECK_TENANT, "tenant", ROW_NUMBER, 1, {"name"}},
    {PO_STATEMENT_CHECK_REGISTER, "register", ROW_NUMBER, 2, {"value", "author"}},
    {PO_STATEMENT_CHECK_INTENT, "intent", ROW_BLOB, 1, {"detail"}},
    {PO_STATEMENT_CHECK_GRANT, "program_grant", ROW_NUMBER, 2, {"caps", "author"}},
    {PO_STATEMENT_CHECK_USER, "user", ROW_TEXT, 2, {"email", "name"}},
    {PO_STATEMENT_CHECK_ROLE_GRANT, "role_grant", ROW_NUMBER, 1, {"reason"}},
    {PO_STATEMENT_CHECK_ROLE, "role", ROW_NUMBER, 1, {"actions"}},
    {PO_STATEMENT_CHECK_SESSION, "session", ROW_TEXT, 2, {"agent", "ip"}},
    {PO_STATEMENT_CHECK_API_TOKEN, "api_token", ROW_TEXT, 2, {"name", "scopes"}},
    {PO_STATEMENT_CHECK_CREDENTIAL, "credential", ROW_TEXT, 1, {"secret"}},
    {PO_STATEMENT_CHECK_REPLAY, "replay", ROW_BLOB, 1, {"response"}},
};

/* The message was made with po_arena_printf; out of memory reads as such. */
static void add_finding(struct checker *checker, const char *check, const char *table,
                        const char *row, const char *text)
{
    struct po_store_check *out = &checker->out;
    if (out->finding_count > PO_STORE_FINDINGS_MAX) return;
    bool is_last = out->finding_count == PO_STORE_FINDINGS_MAX;
    out->findings[out->finding_count++] =
        is_last ? (struct po_store_finding){"findings_limit", "", "", "there is more", {0}}
                : (struct po_store_finding){check, table, row == NULL ? "" : row,
                                            text == NULL ? "no memory for the text" : text,
                                            checker->tenant};
}

/* What follows is about rows of this tenant. A damaged file may name more than there can be. */
static struct po_store_tally *enter(struct checker *checker, po_tenant_id tenant)
{
    struct po_store_check *out = &checker->out;
    checker->tenant = tenant;
    for (size_t i = 0; i < out->tally_count; i++)
        if (out->tallies[i].tenant.value == tenant.value) return &out->tallies[i];
    if (out->tally_count == PO_STORE_TENANTS_MAX) return &out->tallies[PO_STORE_TENANTS_MAX];
    out->tallies[out->tally_count].tenant = tenant;
    return &out->tallies[out->tally_count++];
}

static void count_opened(struct checker *checker, struct po_store_tally *tally)
{
    checker->out.cells_opened++;
    tally->cells_opened++;
}

static void count_unchecked(struct checker *checker, struct po_store_tally *tally)
{
    checker->out.cells_unchecked++;
    tally->cells_unchecked++;
}

static struct po_store_tally *count_row(struct checker *checker, po_tenant_id tenant)
{
    struct po_store_tally *tally = enter(checker, tenant);
    checker->out.rows++;
    tally->rows++;
    return tally;
}

/* Damage is a finding, everything else an error. */
static po_rc settle(struct checker *checker, po_rc rc, const char *table)
{
    struct po_ctx *cx = checker->cx;
    checker->tenant = (po_tenant_id){0};
    if (rc.code != PO_CORRUPT) {
        PO_TRY(cx, rc);
        return rc;
    }
    const char *text = po_arena_printf(cx->arena, "%s", po_err_msg(cx));
    po_err_clear(cx);
    add_finding(checker, "integrity", table, "", text);
    return po_rc_ok();
}

/* ---- SQLite's own checks --------------------------------------------------------------------- */

/* SQLite reports a page that it could not read as it does a damaged one; only the latter is found. */
static po_rc check_integrity(struct checker *checker)
{
    struct po_ctx *cx = checker->cx;
    uint64_t failed_reads = po_store_vfs_failed_reads();
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, checker->store, PO_STATEMENT_CHECK_INTEGRITY, &query));
    for (;;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (po_store_vfs_failed_reads() != failed_reads)
            return PO_FAIL(cx, PO_IO, "reading the database failed");
        if (!has_row) return po_rc_ok();
        po_str text = po_column_bytes(&query, 0);
        if (po_str_eq_cstr(text, "ok")) continue;
        add_finding(checker, "integrity", "", "",
                    po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(text)));
    }
}

static po_rc check_foreign_keys(struct checker *checker)
{
    struct po_ctx *cx = checker->cx;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, checker->store, PO_STATEMENT_CHECK_FOREIGN_KEYS, &query));
    for (;;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) return po_rc_ok();
        const char *table =
            po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(po_column_bytes(&query, 0)));
        const char *text = po_arena_printf(cx->arena, "a row refers to a row that '%.*s' lacks",
                                           PO_STR_ARG(po_column_bytes(&query, 2)));
        add_finding(checker, "foreign_key", table == NULL ? "" : table, "", text);
    }
}

/* ---- schema ---------------------------------------------------------------------------------- */

struct schema_row {
    po_str type;
    po_str name;
    po_str sql;
};

static po_rc list_schema(struct po_ctx *cx, struct po_store *store, struct po_rows *rows)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_SCHEMA_LIST, &query));
    for (;;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) return po_rc_ok();
        struct schema_row *slot = NULL;
        PO_TRY(cx, po_rows_add(cx, rows, &slot));
        po_str *const copies[] = {&slot->type, &slot->name, &slot->sql};
        for (int i = 0; i < 3; i++)
            PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(&query, i), copies[i]),
                        "out of request memory");
    }
}

static const struct schema_row *find_schema_row(const struct po_rows *rows,
                                                const struct schema_row *wanted)
{
    const struct schema_row *items = rows->items;
    for (size_t i = 0; i < rows->count; i++) {
        if (po_str_eq(items[i].type, wanted->type) && po_str_eq(items[i].name, wanted->name))
            return &items[i];
    }
    return NULL;
}

static void report_schema(struct checker *checker, const struct schema_row *row, const char *what)
{
    struct po_arena *arena = checker->cx->arena;
    const char *name = po_arena_printf(arena, "%.*s", PO_STR_ARG(row->name));
    const char *text = po_arena_printf(arena, "%.*s '%.*s' %s", PO_STR_ARG(row->type),
                                       PO_STR_ARG(row->name), what);
    add_finding(checker, "schema", name == NULL ? "" : name, "", text);
}

static po_rc check_schema(struct checker *checker)
{
    struct po_ctx *cx = checker->cx;
    struct po_migration_set set;
    PO_CLEANUP(po_store_closep) struct po_store *model = NULL;
    struct po_rows here = {.item_bytes = sizeof(struct schema_row)};
    struct po_rows there = {.item_bytes = sizeof(struct schema_row)};
    PO_TRY(cx, po_migrations_load(cx, &set));
    PO_TRY(cx, po_store_open_model(cx, &set, &model));
    PO_TRY(cx, list_schema(cx, checker->store, &here));
    PO_TRY(cx, list_schema(cx, model, &there));
    const struct schema_row *ours = here.items;
    const struct schema_row *wanted = there.items;
    for (size_t i = 0; i < there.count; i++) {
        const struct schema_row *row = find_schema_row(&here, &wanted[i]);
        if (row == NULL) report_schema(checker, &wanted[i], "is missing");
        if (row != NULL && !po_str_eq(row->sql, wanted[i].sql))
            report_schema(checker, row, "is not as this program makes it");
    }
    for (size_t i = 0; i < here.count; i++) {
        if (find_schema_row(&there, &ours[i]) == NULL)
            report_schema(checker, &ours[i], "is not of this program");
    }
    return po_rc_ok();
}

/* ---- sealed things --------------------------------------------------------------------------- */

static po_rc check_cell(struct checker *checker, const struct po_cell_place *place, po_str cell,
                        const char *row)
{
    struct po_ctx *cx = checker->cx;
    po_rc rc = po_cell_open(cx, checker->store, place, cell, NULL);
    switch ((int)rc.code) {
    case PO_OK: count_opened(checker, enter(checker, place->tenant)); return po_rc_ok();
    case PO_UNAVAILABLE: count_unchecked(checker, enter(checker, place->tenant)); break;
    case PO_TAMPER:
    case PO_CORRUPT:
    case PO_NOTFOUND:
        add_finding(checker, "sealed_cell", place->table, row,
                    po_arena_printf(cx->arena, "%s", po_err_msg(cx)));
        break;
    default: PO_TRY(cx, rc);
    }
    po_err_clear(cx);
    return po_rc_ok();
}

/* Row id as AAD bytes, and as text for people (in the arena). */
static po_str read_row_id(struct checker *checker, const struct po_query *query, enum row_kind kind,
                          uint8_t room[static PO_ROW_ID_BYTES], const char **ret_text)
{
    struct po_arena *arena = checker->cx->arena;
    if (kind == ROW_NUMBER) {
        int64_t id = po_column_i64(query, 1);
        *ret_text = po_arena_printf(arena, "%" PRId64, id);
        return po_row_id((uint64_t)id, room);
    }
    po_str bytes = po_column_bytes(query, 1);
    if (kind == ROW_TEXT) {
        *ret_text = po_arena_printf(arena, "%.*s", PO_STR_ARG(bytes));
        return bytes;
    }
    char *text = po_arena_alloc(arena, 1, 2 * bytes.len + 1);
    if (text != NULL) po_hex_encode((const uint8_t *)bytes.ptr, bytes.len, text);
    *ret_text = text;
    return bytes;
}

static po_rc check_sealed_table(struct checker *checker, const struct sealed_table *table)
{
    struct po_ctx *cx = checker->cx;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, checker->store, table->statement, &query));
    for (;;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) return po_rc_ok();
        uint8_t room[PO_ROW_ID_BYTES];
        const char *text = NULL;
        struct po_cell_place place = {.tenant = {(uint64_t)po_column_i64(&query, 0)},
                                      .table = table->table};
        place.row = read_row_id(checker, &query, table->row_kind, room, &text);
        (void)count_row(checker, place.tenant);
        for (size_t i = 0; i < table->column_count; i++) {
            place.column = table->columns[i];
            PO_TRY(cx, check_cell(checker, &place, po_column_bytes(&query, (int)i + 2), text));
        }
    }
}

static po_rc check_data_keys(struct checker *checker)
{
    struct po_ctx *cx = checker->cx;
    struct po_store_data_key_info *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_data_key_list(cx, checker->store, &keys, &count));
    for (size_t i = 0; i < count; i++) {
        struct po_store_tally *tally = count_row(checker, keys[i].tenant);
        if (keys[i].opens) {
            count_opened(checker, tally);
        } else if (checker->store->keyring == NULL) {
            count_unchecked(checker, tally);
        } else {
            add_finding(checker, "data_key", "data_key",
                        po_arena_printf(cx->arena, "%" PRIu64 "/%" PRIu32, keys[i].tenant.value,
                                        keys[i].epoch),
                        "it does not open with the keys at hand");
        }
    }
    return po_rc_ok();
}

static po_rc check_keyless(struct checker *checker)
{
    struct po_ctx *cx = checker->cx;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, checker->store, PO_STATEMENT_CHECK_KEYLESS, &query));
    for (;;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) return po_rc_ok();
        (void)enter(checker, (po_tenant_id){(uint64_t)po_column_i64(&query, 0)});
        add_finding(checker, "orphan", "tenant",
                    po_arena_printf(cx->arena, "%" PRId64, po_column_i64(&query, 0)),
                    "a tenant without data key");
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

po_rc po_store_check(struct po_ctx *cx, struct po_store *store, struct po_store_check *ret_check)
{
    struct checker checker = {.cx = cx, .store = store};
    uint64_t refused = po_store_memory_failures();
    PO_ARENA_NEW(cx, checker.out.findings, PO_STORE_FINDINGS_MAX + 1);
    PO_ARENA_NEW(cx, checker.out.tallies, PO_STORE_TENANTS_MAX + 1);
    PO_TRY(cx, settle(&checker, check_integrity(&checker), ""));
    PO_TRY(cx, settle(&checker, check_foreign_keys(&checker), ""));
    PO_TRY(cx, settle(&checker, check_schema(&checker), ""));
    PO_TRY(cx, settle(&checker, check_data_keys(&checker), "data_key"));
    PO_TRY(cx, settle(&checker, check_keyless(&checker), "tenant"));
    for (size_t i = 0; i < sizeof sealed_tables / sizeof sealed_tables[0]; i++)
        PO_TRY(cx, settle(&checker, check_sealed_table(&checker, &sealed_tables[i]),
                          sealed_tables[i].table));
    /* What SQLite had no memory for, it may have taken for damage. */
    if (po_store_memory_failures() != refused)
        return PO_FAIL(cx, PO_NOMEM, "out of memory to check the database");
    *ret_check = checker.out;
    return po_rc_ok();
}
