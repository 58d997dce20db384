/*
 * The connection: create, open, close, and what every database of ours is set to.
 *
 * Invariants: store.h.
 *
 * States   absent -> blank (a file without schema: an interrupted create) -> ours
 *          open -> failed (a sync or a rollback failed) -> only close is left
 * Threads  SQLite runs without mutexes: one store, one thread
 */
#include "core/alloc.h"
#include "core/fs.h"
#include "store/store_priv.h"

#define VALUE_BYTES_MAX (32 << 20) /* no cell or statement is longer */

po_rc po_store_start(struct po_ctx *cx)
{
    static bool is_started;
    if (is_started) return po_rc_ok();
    /* Memory must be set before SQLite starts; a second setting after that is refused. */
    static bool is_configured;
    if (!is_configured) {
        int rc = po_store_memory_configure();
        if (rc != SQLITE_OK) return PO_FAIL(cx, PO_BUG, "SQLite was started before the store");
        is_configured = true;
    }
    int rc = sqlite3_initialize();
    if (rc == SQLITE_OK) rc = po_store_vfs_register();
    if (rc == SQLITE_NOMEM) return PO_FAIL(cx, PO_NOMEM, "out of memory starting SQLite");
    if (rc != SQLITE_OK) return PO_FAIL(cx, PO_IO, "SQLite does not start: %s", sqlite3_errstr(rc));
    is_started = true;
    return po_rc_ok();
}

void po_store_close(struct po_store *store)
{
    if (store == NULL) return;
    if (store->tx != NULL) store->tx->is_open = false; /* its owner still frees it */
    for (size_t i = 0; i < PO_STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(store->prepared[i]);
    (void)sqlite3_close(store->db); /* rolls back; what it cannot write stays in the WAL */
    po_store_keys_free(store);
    po_free(store);
}

void po_store_closep(struct po_store **store)
{
    po_store_close(*store);
    *store = NULL;
}

/* ---- settings -------------------------------------------------------------------------------- */

static po_rc configure_connection(struct po_ctx *cx, struct po_store *store)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int rc = sqlite3_db_config(store->db, options[i].option, options[i].value, NULL);
        if (rc != SQLITE_OK) return po_store_fail(cx, store, rc, "setting options");
    }
    (void)sqlite3_extended_result_codes(store->db, 1);
    (void)sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    (void)sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    return po_rc_ok();
}

/* LOCKING comes first: WAL without shared memory needs it before the file is first read. */
static po_rc apply_pragmas(struct po_ctx *cx, struct po_store *store)
{
    static const enum po_statement pragmas[] = {
        PO_STATEMENT_LOCKING,         PO_STATEMENT_JOURNAL,        PO_STATEMENT_SYNCHRONOUS,
        PO_STATEMENT_FOREIGN_KEYS,    PO_STATEMENT_TRUSTED_SCHEMA, PO_STATEMENT_SECURE_DELETE,
        PO_STATEMENT_CELL_SIZE_CHECK, PO_STATEMENT_TEMP_STORE,
    };
    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++)
        PO_TRY(cx, po_query_simple(cx, store, pragmas[i]));
    return po_rc_ok();
}

static po_rc read_number(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                         int64_t *ret_number)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open(cx, store, statement, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    *ret_number = has_row ? po_column_i64(&query, 0) : 0;
    return po_rc_ok();
}

/* Statements that must not fail for want of memory when a transaction has to be ended. */
static po_rc prepare_endings(struct po_ctx *cx, struct po_store *store)
{
    PO_QUERY_AUTO commit = {0};
    PO_QUERY_AUTO rollback = {0};
    PO_QUERY_AUTO keep = {0};
    PO_QUERY_AUTO undo = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_COMMIT, &commit));
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_GROUP_KEEP, &keep));
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_GROUP_UNDO, &undo));
    return po_query_open(cx, store, PO_STATEMENT_ROLLBACK, &rollback);
}

static po_rc connect(struct po_ctx *cx, const char *path, bool is_memory, struct po_store *store)
{
    PO_TRY(cx, po_store_start(cx));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &store->db, flags, is_memory ? NULL : PO_STORE_VFS);
    if (store->db == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the database");
    if (rc != SQLITE_OK) return po_store_fail(cx, store, rc, "opening");
    store->failed_syncs = po_store_vfs_failed_syncs();
    PO_TRY(cx, configure_connection(cx, store));
    if (!is_memory) PO_TRY(cx, apply_pragmas(cx, store));
    return prepare_endings(cx, store);
}

static po_rc store_new(struct po_ctx *cx, const struct po_store_options *options,
                       struct po_store **ret_store)
{
    struct po_store *store = po_calloc(1, sizeof *store);
    if (store == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the database");
    store->keyring = options->keyring;
    store->is_read_only = options->is_read_only;
    *ret_store = store;
    return po_rc_ok();
}

/* ---- create, open ---------------------------------------------------------------------------- */

po_rc po_store_create_with(struct po_ctx *cx, const struct po_store_options *options,
                           const struct po_migration_set *set, struct po_store **ret_store)
{
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    PO_TRY(cx, store_new(cx, options, &store));
    PO_TRY_MSG(cx, connect(cx, options->path, false, store), "'%s'", options->path);
    int64_t objects = 0;
    PO_TRY_MSG(cx, read_number(cx, store, PO_STATEMENT_SCHEMA_COUNT, &objects), "'%s'",
               options->path);
    if (objects > 0) return PO_FAIL(cx, PO_EXISTS, "there is a database '%s'", options->path);
    PO_TRY_MSG(cx, po_migrations_apply(cx, store, set), "'%s'", options->path);
    *ret_store = PO_TAKE(store);
    return po_rc_ok();
}

static po_rc check_file(struct po_ctx *cx, const char *path)
{
    struct po_fs_info info;
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "there is no database '%s'", path);
    if (!info.is_file) return PO_FAIL(cx, PO_DENIED, "'%s' is not a regular file", path);
    return po_rc_ok();
}

static po_rc check_is_ours(struct po_ctx *cx, struct po_store *store)
{
    int64_t objects = 0;
    int64_t application_id = 0;
    PO_TRY(cx, read_number(cx, store, PO_STATEMENT_SCHEMA_COUNT, &objects));
    PO_TRY(cx, read_number(cx, store, PO_STATEMENT_APPLICATION_ID_GET, &application_id));
    if (objects == 0) return PO_FAIL(cx, PO_CORRUPT, "the database is blank");
    if (application_id != PO_STORE_APPLICATION_ID)
        return PO_FAIL(cx, PO_CORRUPT, "it is a database of another program");
    return po_rc_ok();
}

static po_rc find_log(struct po_ctx *cx, const char *path, bool *ret_is_there)
{
    struct po_fs_info info = {0};
    const char *log = po_arena_printf(cx->arena, "%s-wal", path);
    if (log == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fs_info(cx, log, &info));
    *ret_is_there = info.exists;
    return po_rc_ok();
}

/* What a crash left in the write-ahead log is read from there: moving it on would be a change. */
static po_rc keep_log(struct po_ctx *cx, struct po_store *store)
{
    int rc = sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return rc == SQLITE_OK ? po_rc_ok() : po_store_fail(cx, store, rc, "setting options");
}

static po_rc open_and_migrate(struct po_ctx *cx, const struct po_store_options *options,
                              const struct po_migration_set *set, struct po_store *store)
{
    PO_TRY(cx, check_file(cx, options->path));
    bool has_log = false;
    PO_TRY(cx, find_log(cx, options->path, &has_log));
    PO_TRY(cx, connect(cx, options->path, false, store));
    if (options->is_read_only && has_log) PO_TRY(cx, keep_log(cx, store));
    PO_TRY(cx, check_is_ours(cx, store));
    PO_TRY(cx, po_migrations_apply(cx, store, set));
    if (options->is_read_only) PO_TRY(cx, po_query_simple(cx, store, PO_STATEMENT_QUERY_ONLY));
    return po_rc_ok();
}

po_rc po_store_open_with(struct po_ctx *cx, const struct po_store_options *options,
                         const struct po_migration_set *set, struct po_store **ret_store)
{
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    PO_TRY(cx, store_new(cx, options, &store));
    PO_TRY_MSG(cx, open_and_migrate(cx, options, set, store), "'%s'", options->path);
    *ret_store = PO_TAKE(store);
    return po_rc_ok();
}

po_rc po_store_open_model(struct po_ctx *cx, const struct po_migration_set *set,
                          struct po_store **ret_store)
{
    const struct po_store_options options = {.path = ":memory:"};
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    PO_TRY(cx, store_new(cx, &options, &store));
    PO_TRY(cx, connect(cx, options.path, true, store));
    PO_TRY(cx, po_migrations_apply(cx, store, set));
    *ret_store = PO_TAKE(store);
    return po_rc_ok();
}

po_rc po_store_create(struct po_ctx *cx, const struct po_store_options *options,
                      struct po_store **ret_store)
{
    struct po_migration_set set;
    PO_TRY(cx, po_migrations_load(cx, &set));
    return po_store_create_with(cx, options, &set, ret_store);
}

po_rc po_store_open(struct po_ctx *cx, const struct po_store_options *options,
                    struct po_store **ret_store)
{
    struct po_migration_set set;
    PO_TRY(cx, po_migrations_load(cx, &set));
    return po_store_open_with(cx, options, &set, ret_store);
}
