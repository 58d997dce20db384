/*
 * Shared inside store/: the connection, statements, sealed cells.
 */
#ifndef PO_STORE_STORE_PRIV_H
#define PO_STORE_STORE_PRIV_H

#include "store/store.h"

#include <sqlite3.h>

#define PO_STORE_APPLICATION_ID 1347375187 /* "POPS" */
#define PO_STORE_KEYS_MAX 1024
#define PO_STORE_MIGRATIONS_MAX 1000

/* ---- statements ------------------------------------------------------------------------------ */

enum po_statement_scope { PO_STATEMENT_TENANT, PO_STATEMENT_GLOBAL };
enum po_statement {
#define X(symbol, scope, reason, sql) PO_STATEMENT_##symbol,
#include "store/store_statements.def"
#undef X
    PO_STATEMENT_COUNT
};
struct po_statement_row {
    const char *name;
    enum po_statement_scope scope;
    const char *reason;
    const char *sql;
};
const struct po_statement_row *po_statement_row(enum po_statement statement);

/* ---- the connection -------------------------------------------------------------------------- */

/* A data key in use. */
struct po_store_key {
    struct po_store_key *next;
    po_tenant_id tenant;
    uint32_t epoch;
    struct po_secret *key;
    bool is_uncommitted; /* made by the open transaction */
};

struct po_store {
    sqlite3 *db;
    sqlite3_stmt *prepared[PO_STATEMENT_COUNT];
    struct po_keyring *keyring; /* borrowed; may be NULL */
    struct po_store_key *keys;
    size_t key_count;
    struct po_tx *tx; /* the open transaction */
    bool is_read_only;
    bool is_grouping;      /* further transactions wait for po_store_group_end */
    bool has_group;        /* some do */
    bool is_group_lost;    /* some that did are undone */
    bool is_failed;        /* a transaction could not be ended */
    uint64_t failed_syncs; /* of the file layer when this store was opened */
};

struct po_tx {
    struct po_store *store;
    bool is_open; /* neither committed nor rolled back */
};

/* Error of SQLite as ours; `doing` such as "writing the register". */
po_rc po_store_fail(struct po_ctx *cx, struct po_store *store, int sqlite_rc, const char *doing);
/* The store behind an open transaction; PO_BUG for a spent one. */
PO_RC po_tx_check(struct po_ctx *cx, const struct po_tx *tx);
/* Once per process: memory functions (PO_FAULTS) and the file layer over core/sys. */
PO_RC po_store_start(struct po_ctx *cx);
#define PO_STORE_VFS "paulyops"
int po_store_vfs_register(void);
uint64_t po_store_vfs_failed_syncs(void); /* of this process */
uint64_t po_store_vfs_failed_reads(void);
int po_store_memory_configure(void);
uint64_t po_store_memory_failures(void);

/* ---- queries --------------------------------------------------------------------------------- */

/* One use of a prepared statement; binding errors stick until the first step. */
struct po_query {
    struct po_store *store;
    sqlite3_stmt *stmt;
    const char *doing;
    int status; /* of binding */
};
void po_query_done(struct po_query *query);
#define PO_QUERY_AUTO PO_CLEANUP(po_query_done) struct po_query

/* A statement of GLOBAL scope. */
PO_RC po_query_open(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                    struct po_query *query);
/* A statement of TENANT scope; binds ?1. */
PO_RC po_query_open_tenant(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                           po_tenant_id tenant, struct po_query *query);
/* Bound bytes must live until the query is done. */
void po_bind_i64(struct po_query *query, int index, int64_t value);
void po_bind_blob(struct po_query *query, int index, po_str bytes);
void po_bind_text(struct po_query *query, int index, po_str text);
PO_RC po_query_step(struct po_ctx *cx, struct po_query *query, bool *ret_has_row);
/* To the end, for statements that give no row. */
PO_RC po_query_run(struct po_ctx *cx, struct po_query *query);
int64_t po_column_i64(const struct po_query *query, int column);
po_str po_column_bytes(const struct po_query *query, int column); /* borrowed until the next step */
/* Exactly `len` bytes, else PO_CORRUPT. */
PO_RC po_column_exact(struct po_ctx *cx, const struct po_query *query, int column, uint8_t *out,
                      size_t len);
/* A GLOBAL statement without parameters and rows of interest. */
PO_RC po_query_simple(struct po_ctx *cx, struct po_store *store, enum po_statement statement);

/* ---- rows into the arena ---------------------------------------------------------------------- */

/* Grow-by-doubling array in the arena; `item` bytes each; PO_LIMIT over PO_STORE_ROWS_MAX. */
struct po_rows {
    void *items;
    size_t count;
    size_t cap;
    size_t item_bytes;
};
PO_RC po_rows_add(struct po_ctx *cx, struct po_rows *rows, void *ret_slot);

/* ---- sealed cells ---------------------------------------------------------------------------- */

struct po_cell_place {
    po_tenant_id tenant;
    const char *table;
    const char *column;
    po_str row; /* row id bytes */
};
#define PO_ROW_ID_BYTES 8
/* Row id of an integer key: 8 bytes, big-endian, into `room`. */
po_str po_row_id(uint64_t id, uint8_t room[static PO_ROW_ID_BYTES]);
/* Seals with the tenant's newest data key; appends to `out`. */
PO_RC po_cell_seal(struct po_ctx *cx, struct po_store *store, const struct po_cell_place *place,
                   po_str plain, struct po_buf *out);
/*
 * ret_plain  out  in the arena; NULL only tries
 * Errors     PO_TAMPER, PO_CORRUPT, PO_NOTFOUND (no such key epoch), PO_UNAVAILABLE (no keys)
 */
PO_RC po_cell_open(struct po_ctx *cx, struct po_store *store, const struct po_cell_place *place,
                   po_str cell, po_str *ret_plain);

/* Names in tables: [a-z0-9_.-], 1..PO_STORE_NAME_BYTES_MAX. */
PO_RC po_store_name_check(struct po_ctx *cx, po_str name, const char *what);

/* store_data_key.c */
PO_RC po_store_data_key_make(struct po_ctx *cx, struct po_tx *tx, po_tenant_id tenant,
                             uint32_t epoch);
void po_store_keys_settle(struct po_store *store, bool is_committed);
void po_store_keys_free(struct po_store *store);

/* ---- migrations ------------------------------------------------------------------------------ */

struct po_migration {
    uint32_t number;
    po_str name; /* "initial" */
    po_str sql;
    uint8_t checksum[PO_SHA256_BYTES];
};
struct po_migration_set {
    const struct po_migration *items; /* numbers 1, 2, 3, ... */
    size_t count;
};
/* What this build brings (embedded files "src/store/migrations/NNNN_name.sql"); in the arena. */
PO_RC po_migrations_load(struct po_ctx *cx, struct po_migration_set *ret_set);
/* Compare with what the database records, then apply what is missing. */
PO_RC po_migrations_apply(struct po_ctx *cx, struct po_store *store,
                          const struct po_migration_set *set);
/* po_store_create and po_store_open with a set other than the embedded one, for tests. */
PO_RC po_store_create_with(struct po_ctx *cx, const struct po_store_options *options,
                           const struct po_migration_set *set, struct po_store **ret_store);
PO_RC po_store_open_with(struct po_ctx *cx, const struct po_store_options *options,
                         const struct po_migration_set *set, struct po_store **ret_store);
/* An in-memory database with the schema of `set`, to compare with. */
PO_RC po_store_open_model(struct po_ctx *cx, const struct po_migration_set *set,
                          struct po_store **ret_store);

#endif
