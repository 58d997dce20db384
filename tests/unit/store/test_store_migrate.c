/*
 * Migrations: applied in order, once, and never other than recorded.
 */
#include "unit/store/fixture.h"

#include <stdlib.h>
#include <unistd.h>

/* A database with the first migration only. */
static char *template_bytes;
static size_t template_len;

static struct po_migration make(uint32_t number, const char *name, const char *sql)
{
    struct po_migration migration = {
        .number = number, .name = po_str_of(name), .sql = po_str_of(sql)};
    check_ok_leaf(po_sha256(migration.sql, migration.checksum));
    return migration;
}

static const char first_sql[] = "CREATE TABLE one (x INTEGER) STRICT;";
static const char second_sql[] = "CREATE TABLE two (x INTEGER) STRICT; INSERT INTO one VALUES (2);";

static struct po_store_options options_of(bool is_read_only)
{
    return (struct po_store_options){.path = test_tmp("paulyops.db"), .is_read_only = is_read_only};
}

static void create_with(struct po_ctx *cx, const struct po_migration *items, size_t count)
{
    const struct po_store_options options = options_of(false);
    const struct po_migration_set set = {items, count};
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    check_ok(cx, po_store_create_with(cx, &options, &set, &store));
}

static po_rc open_with(struct po_ctx *cx, const struct po_migration *items, size_t count,
                       bool is_read_only)
{
    const struct po_store_options options = options_of(is_read_only);
    const struct po_migration_set set = {items, count};
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    return po_store_open_with(cx, &options, &set, &store);
}

TEST(migrations__of_this_build_are_numbered_without_gaps)
{
    TEST_CX(cx);
    struct po_migration_set set;
    check_ok(cx, po_migrations_load(cx, &set));
    check_that(set.count >= 1);
    for (size_t i = 0; i < set.count; i++)
        check_eq_u64(set.items[i].number, i + 1);
    check_eq_str(set.items[0].name, "initial");
}

TEST(migrations__are_applied_once_and_in_order)
{
    TEST_CX(cx);
    const struct po_migration items[2] = {make(1, "first", first_sql),
                                          make(2, "second", second_sql)};
    create_with(cx, items, 1);
    check_ok(cx, open_with(cx, items, 2, false));
    check_ok(cx, open_with(cx, items, 2, false));
    fixture_tamper("CREATE TABLE probe AS SELECT 1 / (count(*) = 1) AS ok FROM one");
}

TEST(migrations__refuse_an_edited_text)
{
    TEST_CX(cx);
    const struct po_migration items[1] = {make(1, "first", first_sql)};
    const struct po_migration edited[1] = {
        make(1, "first", "CREATE TABLE one (y INTEGER) STRICT;")};
    create_with(cx, items, 1);
    check_fails(cx, open_with(cx, edited, 1, false), PO_TAMPER);
    check_contains(po_err_msg(cx), "migration 1 'first'");
}

TEST(migrations__refuse_a_newer_schema)
{
    TEST_CX(cx);
    const struct po_migration items[2] = {make(1, "first", first_sql),
                                          make(2, "second", second_sql)};
    create_with(cx, items, 2);
    check_fails(cx, open_with(cx, items, 1, false), PO_UNSUPPORTED);
    check_contains(po_err_msg(cx), "newer version: schema 2, this program knows 1");
}

TEST(migrations__refuse_a_record_with_a_hole)
{
    TEST_CX(cx);
    const struct po_migration items[2] = {make(1, "first", first_sql),
                                          make(2, "second", second_sql)};
    create_with(cx, items, 2);
    fixture_tamper("DELETE FROM schema_migration WHERE number = 1");
    check_fails(cx, open_with(cx, items, 2, false), PO_CORRUPT);
}

TEST(migrations__are_not_applied_to_a_read_only_store)
{
    TEST_CX(cx);
    const struct po_migration items[2] = {make(1, "first", first_sql),
                                          make(2, "second", second_sql)};
    create_with(cx, items, 1);
    check_fails(cx, open_with(cx, items, 2, true), PO_UNAVAILABLE);
    check_ok(cx, open_with(cx, items, 1, true));
}

TEST(migrations__that_fail_leave_nothing_behind)
{
    TEST_CX(cx);
    const struct po_migration bad[2] = {make(1, "first", first_sql),
                                        make(2, "second",
                                             "CREATE TABLE two (x INTEGER) STRICT;"
                                             "INSERT INTO nowhere VALUES (1);")};
    create_with(cx, bad, 1);
    check_fails(cx, open_with(cx, bad, 2, false), PO_BUG);
    check_contains(po_err_msg(cx), "migration 2 'second'");
    const struct po_migration good[2] = {bad[0], make(2, "second", second_sql)};
    check_ok(cx, open_with(cx, good, 2, false));
}

static void migrate_twice(struct po_ctx *cx, void *user)
{
    const struct po_migration *items = user;
    (void)unlink(test_tmp("paulyops.db"));
    test_write_file(test_tmp("paulyops.db"), template_bytes, template_len);
    fixture_arm();
    (void)fixture_survived(cx, open_with(cx, items, 2, false));
    po_err_clear(cx);
    check_ok(cx, open_with(cx, items, 2, false));
}

TEST_TIMEOUT(migrations__fail_cleanly_and_can_be_repeated, 120)
{
    TEST_CX(cx);
    struct po_migration items[2] = {make(1, "first", first_sql), make(2, "second", second_sql)};
    create_with(cx, items, 1);
    template_bytes = test_read_file(test_tmp("paulyops.db"), &template_len);
    fixture_each_fault(migrate_twice, items);
    fixture_tamper("CREATE TABLE probe AS SELECT 1 / (count(*) = 1) AS ok FROM one");
    free(template_bytes);
}
