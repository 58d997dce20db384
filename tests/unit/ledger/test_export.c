#include "fixture.h"

static void grown(struct po_ctx *cx, struct fix *fix, uint64_t count)
{
    fix_new(cx, fix);
    fix_append(cx, fix, count, 250);
    fix_checkpoint(cx, fix);
}

TEST(ledger_export__writes_tiles_entries_checkpoint_and_key)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t written = 0;
    const char *dir = test_tmp("out");
    grown(cx, &fix, 700);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, &written));
    static const struct {
        const char *name;
        long len;
    } rows[] = {
        {"tile/0/000", 8192},
        {"tile/0/001", 8192},
        {"tile/0/002.p/188", 188 * 32},
        {"tile/1/000.p/2", 64},
        {"tile/entries/000", 256 * 118},
        {"tile/entries/002.p/188", 188 * 118},
    };
    TEST_EACH(row, rows) { check_eq_int(fix_len(fix_path(dir, row->name)), row->len); }
    test_row(NULL);
    check_eq_u64(written, 4 + 3 + 2);
    size_t len = 0;
    char *bundle = test_read_file(fix_path(dir, "tile/entries/001"), &len);
    uint8_t record[PO_RECORD_BYTES];
    check_ok(cx, po_ledger_record_bytes_at(cx, fix.ledger, 257, record));
    check_eq_int(bundle[118], 0);
    check_eq_int(bundle[119], 116);
    check_eq_mem(bundle + 120, record, PO_RECORD_BYTES);
    free(bundle);
}

TEST(ledger_export__repeated_changes_nothing_and_grows_with_the_ledger)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t written = 0;
    const char *dir = test_tmp("out");
    grown(cx, &fix, 300);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, &written));
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, &written));
    check_eq_u64(written, 0);
    fix_append(cx, &fix, 300, 100);
    fix_checkpoint(cx, &fix);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, &written));
    check_that(written > 0);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, &written));
    check_eq_u64(written, 0);
    check_that(access(fix_path(dir, "tile/0/001.p/44"), F_OK) == 0);
    check_that(access(fix_path(dir, "tile/0/002.p/88"), F_OK) == 0);
}

TEST(ledger_export__writes_no_empty_partial_tile)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    const char *dir = test_tmp("out");
    grown(cx, &fix, 256);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, NULL));
    check_that(access(fix_path(dir, "tile/0/000"), F_OK) == 0);
    check_that(access(fix_path(dir, "tile/1/000.p/1"), F_OK) == 0);
    check_that(access(fix_path(dir, "tile/0/001.p"), F_OK) != 0);
}

TEST(ledger_export__refuses_a_directory_of_another_log_or_history)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    FIX_AUTO other;
    const char *dir = test_tmp("out");
    char second[600];
    (void)snprintf(second, sizeof second, "%s", test_tmp("second"));
    check_that(mkdir(second, 0700) == 0);
    grown(cx, &fix, 300);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, NULL));
    fix_init_at(cx, &other, second);
    check_ok(cx, po_ledger_create(cx, &other.options));
    fix_open(cx, &other);
    fix_append(cx, &other, 310, 100);
    fix_checkpoint(cx, &other);
    check_fails(cx, po_ledger_export(cx, other.ledger, dir, NULL), PO_CONFLICT);
    check_contains(po_err_msg(cx), "another history");
    fix_flip(fix_path(dir, "tile/0/000"), 5);
    check_fails(cx, po_ledger_export(cx, fix.ledger, dir, NULL), PO_CONFLICT);
    check_contains(po_err_msg(cx), "tile/0/000");
    fix_flip(fix_path(dir, "checkpoint"), 0);
    check_fails(cx, po_ledger_export(cx, fix.ledger, dir, NULL), PO_CONFLICT);
}

TEST(ledger_export__needs_a_checkpoint_that_the_ledger_still_has)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    const char *dir = test_tmp("out");
    fix_new(cx, &fix);
    check_fails(cx, po_ledger_export(cx, fix.ledger, dir, NULL), PO_NOTFOUND);
    fix_append(cx, &fix, 3, 3);
    fix_checkpoint(cx, &fix);
    fix_close(&fix);
    fix_flip(fix_path(fix.dir, "000000.rec"), 60);
    fix_open(cx, &fix);
    check_fails(cx, po_ledger_export(cx, fix.ledger, dir, NULL), PO_TAMPER);
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_PROOF_BYTES_MAX);
    check_fails(cx, po_ledger_prove(cx, fix.ledger, 0, &out), PO_TAMPER);
}

TEST_FAULTS_MANUAL(ledger_export__fails_cleanly_and_may_be_repeated)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t written = 0;
    const char *dir = test_tmp("out");
    grown(cx, &fix, 2);
    test_faults_arm();
    bool is_done = test_survived(po_ledger_export(cx, fix.ledger, dir, &written));
    test_faults_off();
    if (!is_done) po_err_clear(cx);
    check_ok(cx, po_ledger_export(cx, fix.ledger, dir, &written));
    check_eq_int(fix_len(fix_path(dir, "tile/0/000.p/2")), 64);
}
