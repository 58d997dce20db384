/*
 * Numbered migrations: each in one transaction with its record, which holds the SHA-256 of its text.
 *
 * A recorded migration whose text is not this build's means that schema and program do not belong
 * together: refused, never guessed around.
 */
#include "core/embed.h"
#include "store/store_priv.h"

#define DIRECTORY PO_LIT("src/store/migrations/")
#define NUMBER_DIGITS 4

/* "NNNN_name.sql" */
static po_rc parse_file_name(struct po_ctx *cx, po_str file, struct po_migration *migration)
{
    uint64_t number = 0;
    po_str digits = po_str_slice(file, 0, NUMBER_DIGITS);
    while (po_str_starts(digits, PO_LIT("0")))
        digits = po_str_slice(digits, 1, digits.len);
    po_rc rc = po_str_to_u64(digits, PO_STORE_MIGRATIONS_MAX, &number);
    if (!po_is_ok(rc) || !po_str_ends(file, PO_LIT(".sql")) || file.len <= NUMBER_DIGITS + 5 ||
        file.ptr[NUMBER_DIGITS] != '_')
        return PO_FAIL(cx, PO_BUG, "migration file '%.*s' has no name of the form NNNN_name.sql",
                       PO_STR_ARG(file));
    migration->number = (uint32_t)number;
    migration->name = po_str_slice(file, NUMBER_DIGITS + 1, file.len - 4);
    return po_rc_ok();
}

po_rc po_migrations_load(struct po_ctx *cx, struct po_migration_set *ret_set)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_migration)};
    for (size_t i = 0; i < po_embed_count(); i++) {
        po_str path;
        struct po_migration migration = {0};
        po_embed_at(i, &path, &migration.sql);
        if (!po_str_starts(path, DIRECTORY)) continue;
        PO_TRY(cx, parse_file_name(cx, po_str_slice(path, DIRECTORY.len, path.len), &migration));
        if (migration.number != rows.count + 1)
            return PO_FAIL(cx, PO_BUG, "migration %zu is missing", rows.count + 1);
        PO_TRY_LEAF(cx, po_sha256(migration.sql, migration.checksum), "no checksum");
        struct po_migration *slot = NULL;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        *slot = migration;
    }
    *ret_set = (struct po_migration_set){rows.items, rows.count};
    return po_rc_ok();
}

/* ---- what the database records --------------------------------------------------------------- */

static po_rc check_recorded(struct po_ctx *cx, const struct po_query *query, size_t expected,
                            const struct po_migration_set *set)
{
    int64_t number = po_column_i64(query, 0);
    po_str name = po_column_bytes(query, 1);
    if (number != (int64_t)expected)
        return PO_FAIL(cx, PO_CORRUPT, "schema migration %zu is not recorded", expected);
    if (expected > set->count)
        return PO_FAIL(cx, PO_UNSUPPORTED,
                       "it was made by a newer version: schema %zu, this program knows %zu",
                       expected, set->count);
    const struct po_migration *migration = &set->items[expected - 1];
    uint8_t checksum[PO_SHA256_BYTES];
    PO_TRY(cx, po_column_exact(cx, query, 2, checksum, sizeof checksum));
    if (!po_str_eq(po_str_n(checksum, sizeof checksum),
                   po_str_n(migration->checksum, sizeof migration->checksum)))
        return PO_FAIL(cx, PO_TAMPER,
                       "schema migration %zu '%.*s' was applied with another text than this "
                       "program's",
                       expected, PO_STR_ARG(name));
    return po_rc_ok();
}

static po_rc has_schema(struct po_ctx *cx, struct po_store *store, bool *ret_has)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_SCHEMA_COUNT, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    *ret_has = has_row && po_column_i64(&query, 0) > 0;
    return po_rc_ok();
}

/* Every recorded migration is one of ours, in order; how many there are. */
static po_rc count_applied(struct po_ctx *cx, struct po_store *store,
                           const struct po_migration_set *set, size_t *ret_count)
{
    *ret_count = 0;
    bool is_ours = false;
    PO_TRY(cx, has_schema(cx, store, &is_ours));
    if (!is_ours) return po_rc_ok();
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_MIGRATION_LIST, &query));
    for (;;) {
        bool has_row = false;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) return po_rc_ok();
        PO_TRY(cx, check_recorded(cx, &query, *ret_count + 1, set));
        (*ret_count)++;
    }
}

/* ---- applying -------------------------------------------------------------------------------- */

static po_rc record_migration(struct po_ctx *cx, struct po_store *store,
                              const struct po_migration *migration)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_MIGRATION_ADD, &query));
    po_bind_i64(&query, 1, migration->number);
    po_bind_text(&query, 2, migration->name);
    po_bind_blob(&query, 3, po_str_n(migration->checksum, sizeof migration->checksum));
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

static po_rc run_script(struct po_ctx *cx, struct po_store *store,
                        const struct po_migration *migration)
{
    const char *sql = po_arena_strdup(cx->arena, migration->sql);
    if (sql == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return po_store_fail(cx, store, sqlite3_extended_errcode(store->db), "migrating");
    return po_rc_ok();
}

/* Inside a transaction. The first one also makes the file ours: a file is blank or complete. */
static po_rc apply_inside(struct po_ctx *cx, struct po_store *store,
                          const struct po_migration *migration)
{
    if (migration->number == 1) {
        PO_TRY(cx, po_query_simple(cx, store, PO_STATEMENT_APPLICATION_ID_SET));
        PO_TRY(cx, po_query_simple(cx, store, PO_STATEMENT_MIGRATION_TABLE));
    }
    PO_TRY(cx, run_script(cx, store, migration));
    PO_TRY(cx, record_migration(cx, store, migration));
    return po_query_simple(cx, store, PO_STATEMENT_COMMIT);
}

static po_rc apply_one(struct po_ctx *cx, struct po_store *store,
                       const struct po_migration *migration)
{
    PO_TRY(cx, po_query_simple(cx, store, PO_STATEMENT_BEGIN));
    po_rc rc = apply_inside(cx, store, migration);
    if (!po_is_ok(rc) && !sqlite3_get_autocommit(store->db))
        (void)sqlite3_step(store->prepared[PO_STATEMENT_ROLLBACK]); /* else closing rolls back */
    PO_TRY_MSG(cx, rc, "schema migration %u '%.*s'", migration->number,
               PO_STR_ARG(migration->name));
    return po_rc_ok();
}

po_rc po_migrations_apply(struct po_ctx *cx, struct po_store *store,
                          const struct po_migration_set *set)
{
    size_t applied = 0;
    PO_TRY(cx, count_applied(cx, store, set, &applied));
    if (applied < set->count && store->is_read_only)
        return PO_FAIL(cx, PO_UNAVAILABLE, "its schema is older and it is open read-only");
    for (size_t i = applied; i < set->count; i++)
        PO_TRY(cx, apply_one(cx, store, &set->items[i]));
    return po_rc_ok();
}
