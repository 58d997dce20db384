/*
 * The check names what is wrong and counts what it could not look at.
 */
#include "unit/store/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void fill(struct po_ctx *cx, struct fixture *fixture)
{
    fixture_create(cx, fixture);
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    const struct po_store_intent intent = {.id = {7}, .kind = PO_LIT("k"), .detail = PO_LIT("d")};
    check_ok(cx, po_tx_begin(cx, fixture->store, &tx));
    check_ok(cx, po_store_register_set(cx, tx, PO_LIT("cost"), PO_LIT("1"), &id));
    check_ok(cx, po_store_register_set(cx, tx, PO_LIT("cost"), PO_LIT("2"), &id));
    check_ok(cx, po_store_intent_open(cx, tx, &intent));
    fixture_commit(cx, tx);
}

static struct po_store_check run(struct po_ctx *cx, struct fixture *fixture)
{
    struct po_store_check check = {0};
    check_ok(cx, po_store_check(cx, fixture->store, &check));
    return check;
}

TEST(check__finds_nothing_in_a_good_store)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fill(cx, &fixture);
    struct po_store_check check = run(cx, &fixture);
    check_that(check.finding_count == 0, "%s: %s", check.findings[0].check, check.findings[0].text);
    check_eq_u64(check.rows, 5); /* data key, tenant, two register rows, intent */
    check_eq_u64(check.cells_opened, 7);
    check_eq_u64(check.cells_unchecked, 0);
}

TEST(check__counts_what_it_cannot_open_without_keys)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fill(cx, &fixture);
    fixture_reopen_without_keys(cx, &fixture);
    struct po_store_check check = run(cx, &fixture);
    check_eq_u64(check.finding_count, 0);
    check_eq_u64(check.cells_opened, 0);
    check_eq_u64(check.cells_unchecked, 7);
}

/* One kind of damage and the finding it must give. */
struct damage {
    const char *name; /* the SQL that does it */
    const char *check;
    const char *table;
    const char *row;
};

TEST(check__names_every_kind_of_damage)
{
    TEST_CX(cx);
    static const struct damage rows[] = {
        {"UPDATE register SET value = (SELECT value FROM register WHERE id = 1) WHERE id = 2",
         "sealed_cell", "register", "2"},
        {"UPDATE register SET author = value WHERE id = 1", "sealed_cell", "register", "1"},
        {"UPDATE register SET value = x'' WHERE id = 1", "sealed_cell", "register", "1"},
        {"UPDATE register SET value = CAST(x'01FF' || substr(value, 3) AS BLOB) WHERE id = 1",
         "sealed_cell", "register", "1"},
        {"UPDATE register SET id = 9 WHERE id = 1", "sealed_cell", "register", "9"},
        {"UPDATE intent SET detail = zeroblob(64)", "sealed_cell", "intent",
         "07000000000000000000000000000000"},
        {"UPDATE tenant SET name = x'01'", "sealed_cell", "tenant", "1"},
        {"UPDATE data_key SET wrapped = zeroblob(81)", "data_key", "data_key", "1/1"},
        {"DELETE FROM data_key", "orphan", "tenant", "1"},
        {"PRAGMA foreign_keys = OFF; INSERT INTO flag_state VALUES (77, 'env', zeroblob(32), 0)",
         "foreign_key", "flag_state", ""},
        {"CREATE TABLE extra (x)", "schema", "extra", ""},
        {"DROP INDEX register_by_name", "schema", "register_by_name", ""},
        {"ALTER TABLE meta ADD COLUMN extra TEXT", "schema", "meta", ""},
    };
    TEST_EACH(row, rows)
    {
        FIXTURE_AUTO fixture = {0};
        (void)unlink(test_tmp("paulyops.db"));
        (void)unlink(test_tmp("keys/keyring.sealed"));
        fill(cx, &fixture);
        po_store_closep(&fixture.store);
        fixture_tamper(row->name);
        fixture_reopen(cx, &fixture);
        struct po_store_check check = run(cx, &fixture);
        bool is_found = false;
        for (size_t i = 0; i < check.finding_count; i++) {
            const struct po_store_finding *finding = &check.findings[i];
            check_that(finding->text[0] != '\0');
            if (po_str_eq_cstr(po_str_of(finding->check), row->check) &&
                po_str_eq_cstr(po_str_of(finding->table), row->table) &&
                po_str_eq_cstr(po_str_of(finding->row), row->row))
                is_found = true;
        }
        check_that(is_found, "%zu findings", check.finding_count);
    }
}

TEST(check__finds_a_damaged_page_and_does_not_fail_of_it)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fill(cx, &fixture);
    po_store_closep(&fixture.store);
    /* Every page but the first: its b-tree header becomes nonsense, one page at a time. */
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("paulyops.db"), &len);
    size_t found = 0;
    for (size_t page = 4096; page < len; page += 4096) {
        int fd = open(test_tmp("paulyops.db"), O_RDWR);
        check_that(fd >= 0);
        check_eq_int(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, (off_t)page), 8);
        check_eq_int(close(fd), 0);
        const struct po_store_options options = fixture_options(&fixture);
        po_rc rc = po_store_open(cx, &options, &fixture.store);
        if (po_is_ok(rc)) {
            struct po_store_check check = run(cx, &fixture);
            found += check.finding_count > 0;
        } else {
            check_eq_int(rc.code, PO_CORRUPT); /* the page of the migrations */
            found++;
            po_err_clear(cx);
        }
        po_store_closep(&fixture.store);
        test_write_file(test_tmp("paulyops.db"), bytes, len);
    }
    free(bytes);
    check_eq_u64(found, len / 4096 - 1);
}

TEST(check__stops_counting_findings_at_its_limit)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fill(cx, &fixture);
    po_store_closep(&fixture.store);
    fixture_tamper("WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
                   " INSERT INTO register SELECT 1, i, 'x', x'00', x'00', 0 FROM n");
    fixture_reopen(cx, &fixture);
    struct po_store_check check = run(cx, &fixture);
    check_eq_u64(check.finding_count, PO_STORE_FINDINGS_MAX + 1);
    check_eq_cstr(check.findings[PO_STORE_FINDINGS_MAX].check, "findings_limit");
}

static void check_once(struct po_ctx *cx, void *user)
{
    struct fixture *fixture = user;
    struct po_store_check check = {0};
    fixture_arm();
    if (!fixture_survived(cx, po_store_check(cx, fixture->store, &check))) return;
    check_that(check.finding_count == 0, "%s: %s", check.findings[0].check, check.findings[0].text);
    check_eq_u64(check.cells_opened, 7);
}

TEST_TIMEOUT(check__fails_cleanly, 120)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fill(cx, &fixture);
    fixture_each_fault(check_once, &fixture);
}
