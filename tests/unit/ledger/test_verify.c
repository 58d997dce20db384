#include "fixture.h"

#define LEAVES 700

static void verify(struct po_ctx *cx, struct fix *fix, struct po_ledger_verification *found)
{
    check_ok(cx, po_ledger_verify(cx, fix->ledger, NULL, found));
}

static bool names_file(const struct po_ledger_verification *found, const char *file)
{
    for (size_t i = 0; i < found->finding_count; i++)
        if (strcmp(found->findings[i].file, file) == 0) return true;
    return false;
}

static const char *first_finding(const struct po_ledger_verification *found)
{
    static char text[600];
    text[0] = '\0';
    for (size_t i = 0; i < found->finding_count && strlen(text) < 400; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "[%s: %s] ", found->findings[i].file,
                       found->findings[i].why);
    }
    return text;
}

static void grown_at(struct po_ctx *cx, struct fix *fix, const char *root)
{
    fix_init_at(cx, fix, root);
    check_ok(cx, po_ledger_create(cx, &fix->options));
    fix_open(cx, fix);
    fix_append(cx, fix, LEAVES, 256);
    fix_checkpoint(cx, fix);
}

/* @proves CC7.2 */
TEST(ledger_verify__reaches_a_verdict_on_each_claim)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    uint8_t root[32];
    grown_at(cx, &fix, test_tmpdir());
    verify(cx, &fix, &found);
    check_that(found.is_ok, "%s", first_finding(&found));
    check_eq_u64(found.size, LEAVES);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, LEAVES, root));
    check_eq_mem(found.root, root, 32);
    for (int i = 0; i < PO_VERDICT_CONSISTENCY; i++) {
        check_that(found.verdicts[i].state == PO_VERDICT_OK, "%s: %s",
                   po_verdict_kind_name((enum po_verdict_kind)i), found.verdicts[i].why);
        check_that(found.verdicts[i].checked > 0, "%s",
                   po_verdict_kind_name((enum po_verdict_kind)i));
    }
    check_eq_int(found.verdicts[PO_VERDICT_CONSISTENCY].state, PO_VERDICT_NOT_CHECKED);
    check_contains(found.verdicts[PO_VERDICT_CONSISTENCY].why, "no earlier checkpoint");
    check_eq_u64(found.verdicts[PO_VERDICT_TILES].checked, 2);
    check_eq_u64(found.verdicts[PO_VERDICT_COMMITMENTS].checked, LEAVES);
    check_eq_cstr(po_verdict_state_name(PO_VERDICT_NOT_CHECKED), "not checked");
    check_eq_cstr(po_verdict_kind_name(PO_VERDICT_COMPLETENESS), "completeness");
}

static void count_pulse(void *user) { ++*(unsigned *)user; }

/* Whoever waits for a long one hears of it: for each block of 256 leaves, and for each that is read. */
TEST(ledger_verify__tells_that_it_goes_on)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    struct po_record record;
    unsigned pulses = 0;
    grown_at(cx, &fix, test_tmpdir());
    cx->pulse = count_pulse;
    cx->pulse_user = &pulses;
    verify(cx, &fix, &found);
    check_that(pulses >= (LEAVES + 255) / 256, "%u", pulses);
    pulses = 0;
    check_ok(cx, po_ledger_record_at(cx, fix.ledger, 0, &record));
    check_ok(cx, po_ledger_record_at(cx, fix.ledger, LEAVES - 1, &record));
    check_that(pulses >= 1, "%u", pulses);
    cx->pulse = NULL;
}

/* Law 1: 0 of 0 is no pass. */
TEST(ledger_verify__does_not_call_nothing_ok)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    fix_new(cx, &fix);
    verify(cx, &fix, &found);
    check_that(found.is_ok);
    for (int i = 0; i < PO_VERDICT_KIND_COUNT; i++)
        check_that(found.verdicts[i].state == PO_VERDICT_NOT_CHECKED || i == PO_VERDICT_TAIL, "%s",
                   po_verdict_kind_name((enum po_verdict_kind)i));
    fix_append(cx, &fix, 3, 3);
    fix_checkpoint(cx, &fix);
    verify(cx, &fix, &found);
    check_eq_int(found.verdicts[PO_VERDICT_TILES].state, PO_VERDICT_NOT_CHECKED);
    check_contains(found.verdicts[PO_VERDICT_TILES].why, "no tile is full");
    check_eq_int(found.verdicts[PO_VERDICT_LEAVES].state, PO_VERDICT_OK);
}

TEST(ledger_verify__says_what_it_did_not_check)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    grown_at(cx, &fix, test_tmpdir());
    cx->tenant = (po_tenant_id){2};
    fix_append(cx, &fix, 1, 1);
    cx->tenant = (po_tenant_id){1};
    fix_checkpoint(cx, &fix);
    verify(cx, &fix, &found);
    check_eq_int(found.verdicts[PO_VERDICT_COMMITMENTS].state, PO_VERDICT_NOT_CHECKED);
    check_contains(found.verdicts[PO_VERDICT_COMMITMENTS].why, "1 could not be opened");
    static const po_tenant_id both[] = {{1}, {2}};
    const struct po_ledger_verify_options all = {.tenants = both, .tenant_count = 2};
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &all, &found));
    check_eq_int(found.verdicts[PO_VERDICT_COMMITMENTS].state, PO_VERDICT_OK);
    fix.options.keys = NULL;
    fix.options.sign_key = NULL;
    fix.options.signed_path = NULL;
    fix_open(cx, &fix);
    verify(cx, &fix, &found);
    check_that(found.is_ok, "%s", first_finding(&found));
    check_eq_int(found.verdicts[PO_VERDICT_COMMITMENTS].state, PO_VERDICT_NOT_CHECKED);
    check_eq_cstr(found.verdicts[PO_VERDICT_COMMITMENTS].why, "no keys");
    check_contains(found.verdicts[PO_VERDICT_SIGNATURES].why, "origin not established");
    check_contains(found.verdicts[PO_VERDICT_ROOT].why, "no signing state");
    const struct po_ledger_verify_options quick = {.skip_commitments = true};
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &quick, &found));
    check_eq_cstr(found.verdicts[PO_VERDICT_COMMITMENTS].why, "not asked for");
}

/* ---- a flipped byte anywhere ------------------------------------------------------------------ */

/* Flip, reopen, verify: the file must be named. Then flip back. */
static void expect_named(struct po_ctx *cx, struct fix *fix, const char *file, long at)
{
    struct po_ledger_verification found;
    /* What commits is hashes; opening each event as well is tried for some places only. */
    const struct po_ledger_verify_options options = {.skip_commitments = at % 16 != 0};
    const char *path = strcmp(file, "signed") == 0 ? fix->state : fix_path(fix->dir, file);
    fix_close(fix);
    fix_flip(path, at);
    fix_open(cx, fix);
    check_ok(cx, po_ledger_verify(cx, fix->ledger, &options, &found));
    check_that(!found.is_ok, "'%s' byte %ld: nothing found", file, at);
    check_that(names_file(&found, file), "'%s' byte %ld: %s", file, at, first_finding(&found));
    for (size_t i = 0; i < found.finding_count; i++)
        check_that(strcmp(found.findings[i].file, file) == 0 ||
                       strcmp(found.findings[i].file, "signed") == 0 ||
                       strcmp(found.findings[i].file, "checkpoint") == 0,
                   "'%s' byte %ld: an innocent file is named: %s", file, at, first_finding(&found));
    fix_flip(path, at);
}

static const struct {
    const char *name;
    uint64_t every; /* bytes between flips; the first and last are always tried */
} files[] = {
    {"000000.rec", 4093}, {"000000.pay", 9973}, {"tile/0/000", 1021}, {"tile/0/001", 1021},
    {"checkpoint", 1},    {"vkey", 7},          {"writer", 1},        {"signed", 5},
};

/* @proves CC7.2 PI1.5 */
TEST_TIMEOUT(ledger_verify__names_the_file_of_every_flipped_byte, 120)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown_at(cx, &fix, test_tmpdir());
    fix_close(&fix);
    TEST_EACH(row, files)
    {
        const char *path =
            strcmp(row->name, "signed") == 0 ? fix.state : fix_path(fix.dir, row->name);
        long len = fix_len(path);
        for (long at = 0; at < len; at += (long)row->every) {
            TEST_CX(one);
            expect_named(one, &fix, row->name, at);
        }
        TEST_CX(last);
        expect_named(last, &fix, row->name, len - 1);
    }
    test_row(NULL);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    fix_check_ok(cx, &fix);
}

/* Each field of a record, where a tile covers it and where only the root does. */
TEST_TIMEOUT(ledger_verify__names_the_record_file_for_each_field_of_a_record, 120)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown_at(cx, &fix, test_tmpdir());
    static const long leaves[] = {0, 255, 300, 512, LEAVES - 1};
    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        for (long at = 0; at < PO_RECORD_BYTES; at += at < 52 ? 1 : 13) {
            TEST_CX(one);
            expect_named(one, &fix, "000000.rec", leaves[i] * PO_RECORD_BYTES + at);
        }
    }
}

TEST(ledger_verify__finds_bytes_after_the_written_end)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    grown_at(cx, &fix, test_tmpdir());
    expect_named(cx, &fix, "000000.rec", LEAVES * PO_RECORD_BYTES);
    expect_named(cx, &fix, "000000.rec", fix_len(fix_path(fix.dir, "000000.rec")) - 1);
    expect_named(cx, &fix, "000000.pay", fix_len(fix_path(fix.dir, "000000.pay")) - 1);
    fix_close(&fix);
    test_write_file(fix_path(fix.dir, "000001.rec"), "x", 1);
    test_write_file(fix_path(fix.dir, "notes.txt"), "x", 1);
    test_write_file(fix_path(fix.dir, "tile/0/002"), "x", 1);
    test_write_file(fix_path(fix.dir, "tile/0/0000"), "x", 1);
    fix_open(cx, &fix);
    verify(cx, &fix, &found);
    check_eq_int(found.verdicts[PO_VERDICT_TAIL].state, PO_VERDICT_FAILED);
    check_that(names_file(&found, "000001.rec") && names_file(&found, "notes.txt") &&
                   names_file(&found, "tile/0/002") && names_file(&found, "tile/0/0000"),
               "%s", first_finding(&found));
}

TEST(ledger_tail_clear__zeroes_on_an_operators_order_and_the_ledger_goes_on)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t cleared = 0;
    grown_at(cx, &fix, test_tmpdir());
    fix_close(&fix);
    fix_flip(fix_path(fix.dir, "000000.rec"), LEAVES * PO_RECORD_BYTES + 5);
    fix_flip(fix_path(fix.dir, "000000.pay"), fix_len(fix_path(fix.dir, "000000.pay")) - 5);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) != NULL);
    check_ok(cx, po_ledger_tail_clear(cx, fix.ledger, &cleared));
    check_eq_u64(cleared, 2);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    fix_check_ok(cx, &fix);
    fix.options.sign_key = NULL;
    fix_open(cx, &fix);
    check_fails(cx, po_ledger_tail_clear(cx, fix.ledger, &cleared), PO_UNAVAILABLE);
}

TEST(ledger_verify__finds_missing_and_cut_files)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    grown_at(cx, &fix, test_tmpdir());
    check_that(truncate(fix_path(fix.dir, "tile/0/001"), 8000) == 0);
    verify(cx, &fix, &found);
    check_that(!found.is_ok && names_file(&found, "tile/0/001"), "%s", first_finding(&found));
    check_eq_int(found.verdicts[PO_VERDICT_LEAVES].state, PO_VERDICT_OK);
    check_that(truncate(fix_path(fix.dir, "000000.rec"), 40000) == 0);
    verify(cx, &fix, &found);
    check_that(!found.is_ok && names_file(&found, "000000.rec"), "%s", first_finding(&found));
    check_eq_int(found.verdicts[PO_VERDICT_COMPLETENESS].state, PO_VERDICT_NOT_CHECKED);
    check_that(unlink(fix_path(fix.dir, "checkpoint")) == 0);
    check_that(unlink(fix_path(fix.dir, "000000.pay")) == 0);
    verify(cx, &fix, &found);
    check_that(names_file(&found, "checkpoint") && names_file(&found, "000000.pay"), "%s",
               first_finding(&found));
}

/* ---- a ledger rewritten with the real keys ---------------------------------------------------- */

static void note_of(struct po_ctx *cx, struct fix *fix, struct po_buf *out)
{
    po_buf_init(out, PO_NOTE_BYTES_MAX);
    check_ok(cx, po_ledger_note(cx, fix->ledger, out));
}

/* @proves CC7.2 */
TEST(ledger_verify__an_earlier_checkpoint_contradicts_a_rewritten_ledger)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    FIX_AUTO rewritten;
    struct po_ledger_verification found;
    struct po_checkpoint checkpoint;
    char second[600];
    PO_BUF_AUTO early;
    PO_BUF_AUTO late;
    (void)snprintf(second, sizeof second, "%s", test_tmp("second"));
    check_that(mkdir(second, 0700) == 0);
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    note_of(cx, &fix, &early);
    fix_append(cx, &fix, 300, 100);
    fix_checkpoint(cx, &fix);
    note_of(cx, &fix, &late);
    check_ok_leaf(po_checkpoint_parse(po_buf_str(&early), &checkpoint));
    struct po_ledger_against against[3] = {
        {.name = "early.note", .note = po_buf_str(&early)},
        {.name = "late.note", .note = po_buf_str(&late)},
        {.name = "report.md", .size = checkpoint.size},
    };
    memcpy(against[2].root, checkpoint.root, 32);
    const struct po_ledger_verify_options options = {.against = against, .against_count = 3};
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(found.is_ok, "%s", first_finding(&found));
    check_eq_int(found.verdicts[PO_VERDICT_CONSISTENCY].state, PO_VERDICT_OK);
    check_eq_u64(found.verdicts[PO_VERDICT_CONSISTENCY].checked, 3);
    /* The same operator with the same keys writes another history. */
    grown_at(cx, &rewritten, second);
    check_ok(cx, po_ledger_verify(cx, rewritten.ledger, &options, &found));
    check_that(!found.is_ok);
    check_that(names_file(&found, "early.note") && names_file(&found, "late.note") &&
               names_file(&found, "report.md"));
    for (int i = 0; i < PO_VERDICT_CONSISTENCY; i++)
        check_eq_int(found.verdicts[i].state, PO_VERDICT_OK);
}

TEST(ledger_verify__an_earlier_checkpoint_shows_that_leaves_were_cut_off)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    struct po_ledger_against against[] = {{.name = "mail.txt", .size = 9}};
    const struct po_ledger_verify_options options = {.against = against, .against_count = 1};
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(!found.is_ok && names_file(&found, "mail.txt"));
    check_contains(found.findings[0].why, "cut off");
}

TEST(ledger_verify__refuses_earlier_checkpoints_that_are_not_of_this_log)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    PO_BUF_AUTO note;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    note_of(cx, &fix, &note);
    struct po_ledger_against against[] = {{.name = "x", .note = PO_LIT("not a note\n")},
                                          {.name = "y", .note = po_buf_str(&note)}};
    const struct po_ledger_verify_options options = {.against = against, .against_count = 2};
    note.ptr[note.len - 20] = note.ptr[note.len - 20] == 'A' ? 'B' : 'A';
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(names_file(&found, "x") && names_file(&found, "y"), "%s", first_finding(&found));
}

TEST(ledger_verify__holds_the_checkpoint_against_a_key_given_from_outside)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    struct po_note_vkey vkey;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    check_ok_leaf(po_note_vkey_make(PO_LIT(FIX_ORIGIN), PO_NOTE_ED25519,
                                    po_sign_key_public(fix.sign_key), &vkey));
    const struct po_ledger_verify_options options = {.vkey = &vkey};
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(found.is_ok, "%s", first_finding(&found));
    uint8_t other[32];
    memcpy(other, vkey.key, 32);
    other[5] ^= 1;
    check_ok_leaf(po_note_vkey_make(PO_LIT(FIX_ORIGIN), PO_NOTE_ED25519, other, &vkey));
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_eq_int(found.verdicts[PO_VERDICT_SIGNATURES].state, PO_VERDICT_FAILED);
    check_that(names_file(&found, "checkpoint") && names_file(&found, "vkey"));
}

/* ---- gaps, time, content ---------------------------------------------------------------------- */

/* A batch whose records were changed before they were written. */
static void append_changed(struct po_ctx *cx, struct fix *fix,
                           void (*change)(struct po_record *record))
{
    struct po_sealed item;
    struct po_record record;
    struct po_ledger_batch batch = {.items = &item, .count = 1};
    check_ok(cx, fix_try_event(cx, fix, po_ledger_size(fix->ledger), &item));
    po_buf_init(&batch.records, PO_RECORD_BYTES);
    check_ok(cx, po_ledger_batch_prepare(cx, fix->ledger, &batch));
    check_ok_leaf(po_record_decode(po_buf_str(&batch.records), &record));
    change(&record);
    check_ok_leaf(po_record_encode(&record, (uint8_t *)batch.records.ptr));
    check_ok(cx, po_ledger_batch_write(cx, fix->ledger, &batch));
    fix->ledger->size++;
    check_ok(cx, po_segment_index(cx, &fix->ledger->seg, fix->ledger->size));
    check_ok(cx, po_ledger_edge_add(cx, fix->ledger, (const uint8_t *)batch.records.ptr));
    po_buf_done(&batch.records);
    fix_checkpoint(cx, fix);
}

static void skip_number(struct po_record *record) { record->tenant_seq += 2; }
static void go_back(struct po_record *record) { record->recv_time_us -= 10; }
static void other_commit(struct po_record *record) { record->content_commit[3] ^= 1; }
static void other_type(struct po_record *record) { record->event_type = PO_EVENT_TYPE_KEY_CREATED; }
static void other_result(struct po_record *record) { record->result = PO_EVENT_DENIED; }
static void other_action(struct po_record *record) { record->action++; }
static void producer_gap(struct po_record *record)
{
    record->producer = 5;
    record->producer_seq = 2;
}

static const struct {
    const char *name;
    void (*change)(struct po_record *record);
    enum po_verdict_kind kind;
    const char *why;
} lies[] = {
    {"number", skip_number, PO_VERDICT_COMPLETENESS, "has number 6 where 4 is due"},
    {"producer", producer_gap, PO_VERDICT_COMPLETENESS, "has number 2 where 1 is due"},
    {"time", go_back, PO_VERDICT_TIME, "received before"},
    {"commitment", other_commit, PO_VERDICT_COMMITMENTS, "not the one its record commits to"},
    {"type", other_type, PO_VERDICT_COMMITMENTS, "something else than its record"},
    {"result", other_result, PO_VERDICT_COMMITMENTS, "something else than its record"},
    {"action", other_action, PO_VERDICT_COMMITMENTS, "something else than its record"},
};

/* Even the holder of all keys cannot write these and have them pass. @proves CC7.2 */
TEST(ledger_verify__finds_what_a_signer_lied_about)
{
    TEST_EACH(row, lies)
    {
        TEST_CX(cx);
        FIX_AUTO fix;
        char root[600];
        struct po_ledger_verification found;
        (void)snprintf(root, sizeof root, "%s", test_tmp(row->name));
        check_that(mkdir(root, 0700) == 0);
        fix_init_at(cx, &fix, root);
        check_ok(cx, po_ledger_create(cx, &fix.options));
        fix_open(cx, &fix);
        fix_append(cx, &fix, 3, 3);
        append_changed(cx, &fix, row->change);
        verify(cx, &fix, &found);
        check_that(!found.is_ok);
        check_eq_u64(found.finding_count, 1);
        check_eq_int(found.findings[0].kind, row->kind);
        check_contains(found.findings[0].why, row->why);
    }
    test_row(NULL);
}

static void verify_with_faults(uint64_t leaves, bool skip_commitments)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found = {0};
    const struct po_ledger_verify_options options = {.skip_commitments = skip_commitments};
    fix_new(cx, &fix);
    fix_append(cx, &fix, leaves, 256);
    fix_checkpoint(cx, &fix);
    test_faults_arm();
    bool is_done = test_survived(po_ledger_verify(cx, fix.ledger, &options, &found));
    test_faults_off();
    if (is_done) check_that(found.is_ok, "%s", first_finding(&found));
}

TEST_FAULTS_MANUAL(ledger_verify__fails_cleanly) { verify_with_faults(1, false); }
TEST_FAULTS_MANUAL(ledger_verify__fails_cleanly_over_tiles) { verify_with_faults(257, true); }
