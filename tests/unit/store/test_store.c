/*
 * Create, open, and what an opened database is set to.
 */
#include "core/fs.h"
#include "unit/store/fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct po_store_options plain_options(void)
{
    return (struct po_store_options){.path = test_tmp("paulyops.db")};
}

TEST(store__is_created_private_and_opens_again)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    struct stat st;
    check_eq_int(stat(test_tmp("paulyops.db"), &st), 0);
    check_eq_u64(st.st_mode & 07777, 0600);
    fixture_reopen(cx, &fixture);
    struct po_store_tenant *tenants = NULL;
    size_t count = 0;
    check_ok(cx, po_store_tenant_list(cx, fixture.store, &tenants, &count));
    check_eq_u64(count, 1);
    check_eq_str(tenants[0].name, "Example");
    check_eq_int(tenants[0].created_us, TEST_CLOCK_START_US);
}

TEST(store__leaves_one_file_when_closed)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    po_store_closep(&fixture.store);
    check_that(access(test_tmp("paulyops.db-wal"), F_OK) != 0);
    check_that(access(test_tmp("paulyops.db-shm"), F_OK) != 0);
    check_that(access(test_tmp("paulyops.db-journal"), F_OK) != 0);
}

TEST(store_create__refuses_a_second_time)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    po_store_closep(&fixture.store);
    const struct po_store_options options = fixture_options(&fixture);
    check_fails(cx, po_store_create(cx, &options, &fixture.store), PO_EXISTS);
    check_that(fixture.store == NULL);
}

TEST(store_create__finishes_an_interrupted_one)
{
    TEST_CX(cx);
    test_write_file(test_tmp("paulyops.db"), "", 0);
    const struct po_store_options options = plain_options();
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    check_fails(cx, po_store_open(cx, &options, &store), PO_CORRUPT);
    check_contains(po_err_msg(cx), "blank");
    check_ok(cx, po_store_create(cx, &options, &store));
}

TEST(store_open__says_what_is_wrong_with_the_file)
{
    TEST_CX(cx);
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    const struct po_store_options options = plain_options();
    check_fails(cx, po_store_open(cx, &options, &store), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "paulyops.db");
    static const char garbage[4096] = "this is no database at all";
    test_write_file(options.path, garbage, sizeof garbage);
    check_fails(cx, po_store_open(cx, &options, &store), PO_CORRUPT);
    check_contains(po_err_msg(cx), "paulyops.db");
    check_eq_int(unlink(options.path), 0);
    fixture_tamper("CREATE TABLE theirs (x)");
    check_fails(cx, po_store_open(cx, &options, &store), PO_CORRUPT);
    check_contains(po_err_msg(cx), "another program");
    check_eq_int(unlink(options.path), 0);
    check_eq_int(mkdir(options.path, 0700), 0);
    check_fails(cx, po_store_open(cx, &options, &store), PO_DENIED);
    check_that(store == NULL);
}

TEST(store_open__is_busy_while_another_has_it)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    po_store_closep(&fixture.store);
    sqlite3 *other = NULL;
    check_eq_int(sqlite3_open(test_tmp("paulyops.db"), &other), SQLITE_OK);
    check_eq_int(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const struct po_store_options options = fixture_options(&fixture);
    /* The same process: its locks are seen because both go through SQLite's unix layer. */
    check_fails(cx, po_store_open(cx, &options, &fixture.store), PO_BUSY);
    check_eq_int(sqlite3_close(other), SQLITE_OK);
    check_ok(cx, po_store_open(cx, &options, &fixture.store));
    check_eq_int(sqlite3_open(test_tmp("paulyops.db"), &other), SQLITE_OK);
    check_eq_int(sqlite3_exec(other, "SELECT * FROM meta", NULL, NULL, NULL), SQLITE_BUSY);
    check_eq_int(sqlite3_close(other), SQLITE_OK);
}

static void check_pragma(struct po_store *store, const char *sql, const char *want)
{
    sqlite3_stmt *stmt = NULL;
    check_eq_int(sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    check_eq_int(sqlite3_step(stmt), SQLITE_ROW);
    check_eq_cstr((const char *)sqlite3_column_text(stmt, 0), want);
    check_eq_int(sqlite3_finalize(stmt), SQLITE_OK);
}

TEST(store_open__sets_the_connection_up)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_reopen(cx, &fixture);
    static const struct {
        const char *name;
        const char *want;
    } rows[] = {
        {"PRAGMA journal_mode", "wal"},          {"PRAGMA synchronous", "2"},
        {"PRAGMA locking_mode", "exclusive"},    {"PRAGMA foreign_keys", "1"},
        {"PRAGMA trusted_schema", "0"},          {"PRAGMA secure_delete", "1"},
        {"PRAGMA cell_size_check", "1"},         {"PRAGMA temp_store", "2"},
        {"PRAGMA application_id", "1347375187"},
    };
    TEST_EACH(row, rows) check_pragma(fixture.store, row->name, row->want);
    int is_defensive = 0;
    (void)sqlite3_db_config(fixture.store->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &is_defensive);
    check_eq_int(is_defensive, 1);
}

TEST(store_open__read_only_refuses_every_change)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    po_store_closep(&fixture.store);
    struct po_store_options options = fixture_options(&fixture);
    options.is_read_only = true;
    check_ok(cx, po_store_open(cx, &options, &fixture.store));
    struct po_tx *tx = NULL;
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    check_fails(cx, po_tx_begin(cx, fixture.store, &tx), PO_UNAVAILABLE);
    check_ok(cx, po_store_pending_list(cx, fixture.store, 10, &rows, &count));
    check_eq_u64(count, 1);
    check_fails(cx, po_store_pending_delete(cx, fixture.store, rows, count), PO_UNAVAILABLE);
    check_eq_int(sqlite3_exec(fixture.store->db, "DELETE FROM ledger_pending", NULL, NULL, NULL),
                 SQLITE_READONLY);
}

/* Create at a path of its own, failing; a second try must make a good store of what is there. */
static void create_twice(struct po_ctx *cx, void *user)
{
    unsigned *turn = user;
    char name[32];
    (void)snprintf(name, sizeof name, "db-%u", (*turn)++);
    const struct po_store_options options = {.path = test_tmp(name)};
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    fixture_arm();
    po_rc rc = po_store_create(cx, &options, &store);
    po_store_closep(&store);
    bool is_created = fixture_survived(cx, rc);
    po_err_clear(cx);
    /* It may be complete after a failure too: when that came after the commit. */
    rc = is_created ? po_rc_of(PO_EXISTS) : po_store_create(cx, &options, &store);
    if (rc.code == PO_EXISTS) rc = po_store_open(cx, &options, &store);
    check_ok(cx, rc);
    po_store_closep(&store);
    check_eq_int(unlink(options.path), 0);
}

TEST_TIMEOUT(store_create__fails_cleanly_and_can_be_repeated, 120)
{
    unsigned turn = 0;
    fixture_each_fault(create_twice, &turn);
}

static void open_twice(struct po_ctx *cx, void *user)
{
    struct fixture *fixture = user;
    po_store_closep(&fixture->store);
    const struct po_store_options options = fixture_options(fixture);
    fixture_arm();
    po_rc rc = po_store_open(cx, &options, &fixture->store);
    if (!fixture_survived(cx, rc)) {
        po_err_clear(cx);
        check_ok(cx, po_store_open(cx, &options, &fixture->store));
    }
    uint64_t count = 0;
    check_ok(cx, po_store_pending_count(cx, fixture->store, &count));
    check_eq_u64(count, 1);
}

TEST_TIMEOUT(store_open__fails_cleanly, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(open_twice, &fixture);
}
