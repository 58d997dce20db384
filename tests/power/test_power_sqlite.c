/*
 * SQLite under the power-cut layer, as the store uses it: WAL, exclusive, synchronous=FULL. What it
 * has acknowledged survives every cut; with a sync taken away some of it does not, which shows that
 * the layer sees SQLite's writes and syncs.
 */
#include "core/fault.h"
#include "power/power_run.h"
#include "power/sqlite_sys.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define ROWS 12
#define ROUNDS 20
#define CUTS 16

struct commits {
    uint64_t acknowledged;
    uint64_t found; /* by the look after the cut */
    bool is_whole;
};

static struct test_power power;
static struct commits *commits;

static void db_path(char path[static 512]) { (void)snprintf(path, 512, "%s/test.db", power.root); }

static void must_exec(sqlite3 *db, const char *sql)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    check_that(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
}

static sqlite3 *must_open(void)
{
    char path[512];
    sqlite3 *db = NULL;
    db_path(path);
    check_eq_int(sqlite3_open(path, &db), SQLITE_OK);
    must_exec(db, "PRAGMA locking_mode=EXCLUSIVE");
    must_exec(db, "PRAGMA journal_mode=WAL");
    must_exec(db, "PRAGMA synchronous=FULL");
    return db;
}

static void make_database(void)
{
    sqlite3 *db = must_open();
    must_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT");
    must_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    check_eq_int(sqlite3_close(db), SQLITE_OK);
}

/* The writer: a row a commit, each acknowledged, with a checkpoint of the WAL in the middle. */
static void write_rows(void *user)
{
    (void)user;
    test_sqlite_sys_install();
    sqlite3 *db = must_open();
    for (uint64_t i = 1; i <= ROWS; i++) {
        char sql[128];
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, zeroblob(%d))", (int)i,
                       (int)(i * 700));
        must_exec(db, sql);
        commits->acknowledged = i;
        if (i == ROWS / 2) must_exec(db, "PRAGMA wal_checkpoint(PASSIVE)");
    }
    check_eq_int(sqlite3_close(db), SQLITE_OK);
}

static int64_t one_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) return -1;
    int64_t number = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    (void)sqlite3_finalize(stmt);
    return number;
}

static bool is_sound(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) != SQLITE_OK)
        return false;
    bool is_ok = sqlite3_step(stmt) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    (void)sqlite3_finalize(stmt);
    return is_ok;
}

/* After the cut, by an SQLite that goes past the layer. */
static void look(void)
{
    char path[512];
    sqlite3 *db = NULL;
    db_path(path);
    commits->found = 0;
    check_eq_int(sqlite3_open(path, &db), SQLITE_OK);
    int64_t count = one_number(db, "SELECT count(*) FROM t");
    commits->found = count < 0 ? 0 : (uint64_t)count;
    /* Commits are kept in their order: what is there is 1..n. */
    int64_t highest = one_number(db, "SELECT coalesce(max(id), 0) FROM t");
    commits->is_whole = is_sound(db) && count >= 0 && highest == count;
    (void)sqlite3_close(db);
}

/* One round: a fresh database, a cut at `cut_at`, a disk by `seed`. False when something is lost. */
static bool survives(uint64_t cut_at, uint64_t seed)
{
    test_power_clear(&power);
    make_database();
    commits->acknowledged = 0;
    (void)test_power_run(&power, cut_at, write_rows, NULL);
    test_power_restore(&power, seed);
    look();
    return commits->is_whole && commits->found >= commits->acknowledged;
}

static void prepare(void)
{
    test_power_init(&power);
    commits = test_power_shared(sizeof *commits);
    make_database();
    check_that(!test_power_run(&power, 0, write_rows, NULL));
}

TEST(power_sqlite__writes_and_syncs_reach_the_layer)
{
    prepare();
    /* At least a write of the WAL and a sync for each commit. */
    check_that(power.shared->op_count >= 2 * ROWS, "%d operations", (int)power.shared->op_count);
    uint64_t sites[64];
    test_power_clear(&power);
    make_database();
    check_that(test_power_sync_sites(&power, write_rows, NULL, sites, 64) >= 1);
}

TEST_TIMEOUT(power_sqlite__acknowledged_commits_survive_cuts, 120)
{
    prepare();
    uint64_t op_count = power.shared->op_count;
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t cut_at = 1 + test_random_below(op_count + 1);
        uint64_t seed = test_random_below(1000);
        check_that(survives(cut_at, seed), "cut %d, seed %d: %d of %d commits, sound %d",
                   (int)cut_at, (int)seed, (int)commits->found, (int)commits->acknowledged,
                   commits->is_whole);
    }
}

/* Whether taking the sync away loses something at one of CUTS moments. */
static bool is_needed(uint64_t op_count)
{
    uint64_t step = op_count / CUTS + 1;
    for (uint64_t cut_at = step; cut_at <= op_count; cut_at += step)
        if (!survives(cut_at, PO_POWER_SEED_LOSE_ALL)) return true;
    return false;
}

TEST_TIMEOUT(power_sqlite__without_its_syncs_commits_are_lost, 120)
{
    prepare();
    uint64_t sites[64];
    test_power_clear(&power);
    make_database();
    size_t count = test_power_sync_sites(&power, write_rows, NULL, sites, 64);
    bool is_one_needed = false;
    for (size_t i = 0; i < count && !is_one_needed; i++) {
        power.skip_site = sites[i];
        test_power_clear(&power);
        make_database();
        check_that(!test_power_run(&power, 0, write_rows, NULL));
        check_that(power.shared->skipped_count > 0, "site %d is not met again", (int)i);
        is_one_needed = is_needed(power.shared->op_count);
    }
    /* The WAL's sync at each commit is one that is. */
    check_that(is_one_needed, "none of %d sites", (int)count);
    power.skip_site = 0;
    check_that(!is_needed(power.shared->op_count));
}

#endif
