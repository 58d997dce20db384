#include "fixture.h"

/* ---- law 8: who may extend -------------------------------------------------------------------- */

static void expect_reason(struct po_ctx *cx, struct fix *fix, const char *part)
{
    struct po_sealed sealed;
    fix_open(cx, fix);
    const char *reason = po_ledger_read_only_reason(fix->ledger);
    check_that(reason != NULL, "no reason, wanted: %s", part);
    check_contains(reason, part);
    check_ok(cx, fix_try_event(cx, fix, 0, &sealed));
    check_fails(cx, po_ledger_append(cx, fix->ledger, &sealed, 1, NULL), PO_UNAVAILABLE);
    check_fails(cx, po_ledger_checkpoint(cx, fix->ledger, NULL), PO_UNAVAILABLE);
    check_contains(po_err_msg(cx), part);
}

static void grown(struct po_ctx *cx, struct fix *fix, uint64_t count)
{
    fix_new(cx, fix);
    fix_append(cx, fix, count, 100);
    fix_checkpoint(cx, fix);
}

/* @proves CC7.2 */
TEST(ledger_read_only__without_signing_key_or_state)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 300);
    fix.options.sign_key = NULL;
    expect_reason(cx, &fix, "signing key is not here");
    check_eq_u64(po_ledger_size(fix.ledger), 300);
    fix_check_event(cx, &fix, 299);
    fix.options.sign_key = fix.sign_key;
    fix.options.signed_path = NULL;
    expect_reason(cx, &fix, "signing state is not here");
    fix.options.signed_path = fix.state;
    check_that(unlink(fix.state) == 0);
    expect_reason(cx, &fix, "signing state is not here");
    check_eq_u64(po_ledger_size(fix.ledger), 300);
    fix_check_ok(cx, &fix);
}

TEST(ledger_read_only__when_asked)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 3);
    fix.options.is_read_only = true;
    expect_reason(cx, &fix, "for reading only");
    fix_check_event(cx, &fix, 2);
}

static void copy_dir(const char *from, const char *to)
{
    char command[2048];
    (void)snprintf(command, sizeof command, "cp -a '%s' '%s'", from, to);
    check_that(system(command) == 0);
}

TEST(ledger_read_only__a_copy_serves_and_verifies_and_does_not_extend)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    char copy[600];
    grown(cx, &fix, 300);
    (void)snprintf(copy, sizeof copy, "%s", test_tmp("copy"));
    copy_dir(fix.dir, copy);
    fix.options.dir = copy;
    expect_reason(cx, &fix, "this is a copy");
    fix_check_event(cx, &fix, 299);
    fix_check_ok(cx, &fix);
    fix.options.dir = fix.dir;
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
}

/* The content of an older backup put back into the very same directory. */
TEST(ledger_read_only__an_older_content_in_the_same_directory)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    char command[2048];
    const char *copy = test_tmp("copy");
    grown(cx, &fix, 300);
    copy_dir(fix.dir, copy);
    fix_append(cx, &fix, 10, 10);
    fix_checkpoint(cx, &fix);
    fix_close(&fix);
    (void)snprintf(command, sizeof command, "cp -a '%s'/. '%s'", copy, fix.dir);
    check_that(system(command) == 0);
    expect_reason(cx, &fix, "not what was signed at size 310");
    check_eq_u64(po_ledger_size(fix.ledger), 300);
    fix_check_event(cx, &fix, 299);
}

TEST(ledger_read_only__with_another_logs_key_or_state)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_secret *seed = NULL;
    struct po_sign_key *other = NULL;
    struct po_signed_state state;
    grown(cx, &fix, 3);
    check_ok(cx, po_secret_random(cx, 32, &seed));
    check_ok(cx, po_sign_key_new(cx, seed, &other));
    fix.options.sign_key = other;
    expect_reason(cx, &fix, "another log's");
    fix_close(&fix);
    po_sign_key_freep(&other);
    po_secret_freep(&seed);
    fix.options.sign_key = fix.sign_key;
    check_ok(cx, po_signed_read(cx, fix.state, &state));
    struct po_signed_state wrong = state;
    (void)snprintf(wrong.origin, sizeof wrong.origin, "other/audit");
    check_ok(cx, po_signed_write(cx, fix.state, &wrong));
    expect_reason(cx, &fix, "another log");
    wrong = state;
    wrong.size = 2; /* the signing state is older than the checkpoint */
    check_ok(cx, po_signed_write(cx, fix.state, &wrong));
    expect_reason(cx, &fix, "beyond the signed size");
    wrong = state;
    wrong.root[0] ^= 1;
    check_ok(cx, po_signed_write(cx, fix.state, &wrong));
    expect_reason(cx, &fix, "contradicts the signed root");
    wrong = state;
    wrong.birth_us++;
    check_ok(cx, po_signed_write(cx, fix.state, &wrong));
    expect_reason(cx, &fix, "this is a copy");
}

static const struct {
    const char *name;
    const char *file;
    long at;
    const char *reason;
} damaged[] = {
    {"vkey", "vkey", 3, "vkey"},
    {"vkey key", "vkey", 60, "vkey"},
    {"checkpoint", "checkpoint", 3, "'checkpoint' is damaged"},
    {"checkpoint size", "checkpoint", 28, "'checkpoint' is damaged"},
    {"writer", "writer", 2, "writer"},
    {"record", "000000.rec", 299 * PO_RECORD_BYTES + 9, "not what was signed at size 300"},
    {"record in a tile", "000000.rec", 9, ""},
    {"tile", "tile/0/000", 777, "not what was signed at size 300"},
    {"after the records", "000000.rec", 300 * PO_RECORD_BYTES, "bytes after the written end"},
    {"last byte of records", "000000.rec", 118783, "bytes after the written end"},
    {"last byte of payloads", "000000.pay", 262143, "bytes after the written end"},
};

TEST(ledger_read_only__when_a_file_it_rests_on_is_damaged)
{
    TEST_EACH(row, damaged)
    {
        TEST_CX(cx);
        FIX_AUTO fix;
        char root[600];
        (void)snprintf(root, sizeof root, "%s", test_tmp(row->name));
        check_that(mkdir(root, 0700) == 0);
        fix_init_at(cx, &fix, root);
        check_ok(cx, po_ledger_create(cx, &fix.options));
        fix_open(cx, &fix);
        fix_append(cx, &fix, 300, 100);
        fix_checkpoint(cx, &fix);
        fix_close(&fix);
        fix_flip(fix_path(fix.dir, row->file), row->at);
        if (row->reason[0] != '\0')
            expect_reason(cx, &fix, row->reason);
        else
            fix_open(cx, &fix); /* `verify` finds it; opening reads the edge only */
    }
    test_row(NULL);
}

TEST(ledger_read_only__when_the_signing_state_is_damaged)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 3);
    fix_close(&fix);
    for (long at = 0; at < fix_len(fix.state); at++) {
        fix_flip(fix.state, at);
        fix_open(cx, &fix);
        const char *reason = po_ledger_read_only_reason(fix.ledger);
        check_that(reason != NULL, "byte %ld", at);
        check_contains(reason, "signing state is damaged");
        fix_flip(fix.state, at);
    }
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
}

TEST(ledger_open__says_that_there_is_no_ledger)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_init(cx, &fix);
    check_fails(cx, po_ledger_open(cx, &fix.options, &fix.ledger), PO_NOTFOUND);
    check_that(mkdir(fix.dir, 0700) == 0);
    check_fails(cx, po_ledger_open(cx, &fix.options, &fix.ledger), PO_NOTFOUND);
}

TEST(ledger_open__names_a_missing_or_cut_file)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 300);
    fix_close(&fix);
    check_that(truncate(fix_path(fix.dir, "000000.rec"), 299 * PO_RECORD_BYTES) == 0);
    check_fails(cx, po_ledger_open(cx, &fix.options, &fix.ledger), PO_CORRUPT);
    check_contains(po_err_msg(cx), "000000.rec");
    check_that(unlink(fix_path(fix.dir, "000000.rec")) == 0);
    check_fails(cx, po_ledger_open(cx, &fix.options, &fix.ledger), PO_CORRUPT);
    check_contains(po_err_msg(cx), "000000.rec");
}

TEST(ledger_open__names_a_cut_payload_file_and_a_missing_tile)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 300);
    fix_close(&fix);
    check_that(rename(fix_path(fix.dir, "tile/0/000"), test_tmp("kept")) == 0);
    expect_reason(cx, &fix, "tile/0/000");
    fix_check_event(cx, &fix, 0);
    fix_close(&fix);
    check_that(truncate(fix_path(fix.dir, "000000.pay"), 1000) == 0);
    expect_reason(cx, &fix, "'000000.pay' has 1000 bytes");
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    check_fails(cx, po_ledger_payload_at(cx, fix.ledger, 299, &out), PO_CORRUPT);
    check_contains(po_err_msg(cx), "000000.pay");
}
