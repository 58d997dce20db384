/*
 * The rare branches: limits, contradictions in memory, keys that are gone, many findings.
 */
#include "core/fault.h"
#include "fixture.h"

static void grown(struct po_ctx *cx, struct fix *fix, uint64_t count)
{
    fix_new(cx, fix);
    fix_append(cx, fix, count, 100);
    fix_checkpoint(cx, fix);
}

TEST(ledger_limits__paths_have_a_length)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    static char path[PO_LEDGER_PATH_BYTES + 10];
    fix_init(cx, &fix);
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    fix.options.dir = path;
    check_fails(cx, po_ledger_create(cx, &fix.options), PO_LIMIT);
    fix.options.dir = fix.dir;
    fix.options.signed_path = path;
    check_fails(cx, po_ledger_create(cx, &fix.options), PO_LIMIT);
    fix.options.signed_path = fix.state;
    check_ok(cx, po_ledger_create(cx, &fix.options));
    fix_open(cx, &fix);
    fix_append(cx, &fix, 1, 1);
    fix_checkpoint(cx, &fix);
    check_fails(cx, po_ledger_export(cx, fix.ledger, path, NULL), PO_LIMIT);
}

TEST(ledger_limits__a_batch_has_a_size)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed items[5];
    static char zeros[PO_PAYLOAD_BYTES_MAX];
    fix_new(cx, &fix);
    for (size_t i = 0; i < 5; i++) {
        check_ok(cx, fix_try_event(cx, &fix, i, &items[i]));
        items[i].payload = po_str_n(zeros, sizeof zeros);
    }
    check_fails(cx, po_ledger_append(cx, fix.ledger, items, 5, NULL), PO_LIMIT);
}

TEST(ledger_limits__sizes_beyond_the_ledger_are_refused)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_proof_hashes proof;
    uint8_t root[32];
    grown(cx, &fix, 5);
    check_fails(cx, po_ledger_root_at(cx, fix.ledger, 6, root), PO_INVALID);
    check_fails(cx, po_ledger_inclusion(cx, fix.ledger, 0, 6, &proof), PO_INVALID);
    check_fails(cx, po_ledger_inclusion(cx, fix.ledger, 5, 5, &proof), PO_INVALID);
    check_fails(cx, po_ledger_consistency(cx, fix.ledger, 1, 6, &proof), PO_INVALID);
    check_fails(cx, po_ledger_consistency(cx, fix.ledger, 5, 4, &proof), PO_INVALID);
    check_ok(cx, po_ledger_consistency(cx, fix.ledger, 2, 5, &proof));
}

TEST(ledger_limits__more_tenants_than_are_remembered_are_looked_up)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t own = 0;
    uint64_t seq = 0;
    grown(cx, &fix, 5);
    check_ok(cx, po_tenant_pseudonym(cx, &fix.keys, cx->tenant, &own));
    check_ok(cx, po_ledger_tenant_last(cx, fix.ledger, own, &seq));
    check_eq_u64(seq, 5);
    for (uint64_t i = 0; i < PO_LEDGER_TENANTS_MAX + 10; i++)
        po_ledger_tenant_note(fix.ledger, own + 1 + i, 77);
    check_ok(cx, po_ledger_tenant_last(cx, fix.ledger, own, &seq));
    check_eq_u64(seq, 5);
    check_ok(cx, po_ledger_tenant_last(cx, fix.ledger, own + PO_LEDGER_TENANTS_MAX + 5, &seq));
    check_eq_u64(seq, 77);
    check_ok(cx, po_ledger_tenant_last(cx, fix.ledger, own - 1, &seq));
    check_eq_u64(seq, 0);
}

TEST(event_limits__members_and_details_have_a_length)
{
    TEST_CX(cx);
    PO_BUF_AUTO text;
    PO_BUF_AUTO out;
    po_buf_init(&text, 4 * PO_EVENT_BYTES_MAX);
    po_buf_init(&out, 4 * PO_EVENT_BYTES_MAX);
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("a:b"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS};
    po_buf_append_zeros(&text, PO_EVENT_BYTES_MAX + 1);
    event.detail = po_buf_str(&text);
    check_fails(cx, po_event_write(cx, &event, &out, NULL), PO_LIMIT);
    event.detail = PO_LIT("");
    cx->tenant = (po_tenant_id){0};
    check_fails(cx, po_event_write(cx, &event, &out, NULL), PO_INVALID);
    cx->tenant = (po_tenant_id){1};
    check_ok(cx, po_event_write(cx, &event, &out, NULL));
    const char *at = strstr(out.ptr, "a:b");
    po_buf_clear(&text);
    po_buf_append(&text, po_str_n(out.ptr, (size_t)(at - out.ptr)));
    for (int i = 0; i < PO_EVENT_FIELD_BYTES_MAX + 1; i++)
        po_buf_append_char(&text, 'a');
    po_buf_append_cstr(&text, at + 3);
    check_fails(cx, po_event_validate(cx, po_buf_str(&text)), PO_LIMIT);
}

/* ---- contradictions ---------------------------------------------------------------------------- */

/* Law 8: a tree that contradicts what was signed is never signed, whatever led to it. */
TEST(ledger_checkpoint__refuses_a_tree_that_contradicts_what_was_signed)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 5);
    fix.ledger->signed_state.root[0] ^= 1;
    check_fails(cx, po_ledger_checkpoint(cx, fix.ledger, NULL), PO_TAMPER);
    check_contains(po_ledger_read_only_reason(fix.ledger), "contradicts");
    fix_open(cx, &fix);
    fix.ledger->signed_state.size = 9;
    check_fails(cx, po_ledger_checkpoint(cx, fix.ledger, NULL), PO_TAMPER);
}

/* An older copy with fewer segments than were signed is served as of its own checkpoint. */
TEST(ledger_open__serves_an_older_copy_as_of_its_checkpoint)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_signed_state state;
    struct po_ledger_verification found;
    grown(cx, &fix, 300);
    check_ok(cx, po_signed_read(cx, fix.state, &state));
    state.size = 70000;
    state.root[0] ^= 1;
    check_ok(cx, po_signed_write(cx, fix.state, &state));
    fix_open(cx, &fix);
    check_contains(po_ledger_read_only_reason(fix.ledger), "not what was signed at size 70000");
    check_eq_u64(po_ledger_size(fix.ledger), 300);
    fix_check_event(cx, &fix, 299);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_that(!found.is_ok);
    check_eq_cstr(found.findings[0].file, "signed");
    check_contains(found.findings[0].why, "speaks of 70000 leaves");
}

/* The signing state was put back from an older backup: all that was published is served. */
TEST(ledger_open__serves_what_was_published_when_the_signing_state_is_older)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_signed_state state;
    grown(cx, &fix, 100);
    check_ok(cx, po_signed_read(cx, fix.state, &state));
    fix_append(cx, &fix, 200, 100);
    fix_checkpoint(cx, &fix);
    check_ok(cx, po_signed_write(cx, fix.state, &state));
    fix_open(cx, &fix);
    check_contains(po_ledger_read_only_reason(fix.ledger), "beyond the signed size 100");
    check_eq_u64(po_ledger_size(fix.ledger), 300);
    fix_check_event(cx, &fix, 299);
}

TEST(ledger_verify__names_an_earlier_checkpoint_that_was_put_back)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    size_t len = 0;
    grown(cx, &fix, 100);
    char *early = test_read_file(fix_path(fix.dir, "checkpoint"), &len);
    fix_append(cx, &fix, 10, 10);
    fix_checkpoint(cx, &fix);
    test_write_file(fix_path(fix.dir, "checkpoint"), early, len);
    free(early);
    fix_open(cx, &fix);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_that(!found.is_ok);
    check_eq_cstr(found.findings[0].file, "checkpoint");
    check_contains(found.findings[0].why, "size 110 was signed");
    fix_checkpoint(cx, &fix); /* publishes what was signed, again */
    fix_check_ok(cx, &fix);
}

TEST(ledger_open__says_when_a_tile_has_another_length)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    grown(cx, &fix, 300);
    check_that(truncate(fix_path(fix.dir, "tile/0/000"), 8191) == 0);
    fix_open(cx, &fix);
    check_contains(po_ledger_read_only_reason(fix.ledger), "'tile/0/000' has 8191 bytes");
    fix_check_event(cx, &fix, 0);
}

#ifdef PO_FAULTS
/* Files that may be read and not written: each open refused once. */
TEST(ledger_open__goes_read_only_when_its_files_may_not_be_written)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    unsigned denied = 0;
    grown(cx, &fix, 3);
    for (uint64_t n = 1;; n++) {
        fix_close(&fix);
        po_fault_fail(n, EACCES);
        po_rc rc = po_ledger_open(cx, &fix.options, &fix.ledger);
        bool has_fired = po_fault_fired();
        po_fault_off();
        if (!has_fired) break;
        if (!po_is_ok(rc)) continue;
        const char *reason = po_ledger_read_only_reason(fix.ledger);
        denied += reason != NULL && strstr(reason, "may not be written") != NULL;
        if (reason != NULL) fix_check_event(cx, &fix, 2);
    }
    check_eq_u64(denied, 2); /* one for each file of the segment */
}
#endif

/* ---- reading what was altered ------------------------------------------------------------------ */

TEST(ledger_payload_at__gives_out_nothing_that_was_altered)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    uint8_t id[16];
    uint64_t at = 0;
    grown(cx, &fix, 3);
    check_ok(cx, po_ledger_payload_at(cx, fix.ledger, 0, &out));
    memcpy(id, out.ptr + 2, 16);
    fix_flip(fix_path(fix.dir, "000000.pay"), 200);
    check_fails(cx, po_ledger_payload_at(cx, fix.ledger, 0, &out), PO_TAMPER);
    check_contains(po_err_msg(cx), "000000.pay");
    check_eq_u64(out.len, 0);
    check_fails(cx, po_ledger_event_at(cx, fix.ledger, 0, &out, NULL), PO_TAMPER);
    check_fails(cx, po_ledger_find_event(cx, fix.ledger, id, UINT64_MAX, &at), PO_TAMPER);
    fix_check_event(cx, &fix, 1);
    fix_flip(fix_path(fix.dir, "000000.rec"), PO_RECORD_BYTES + 1);
    fix_open(cx, &fix);
    struct po_record record;
    check_fails(cx, po_ledger_record_at(cx, fix.ledger, 1, &record), PO_CORRUPT);
    check_contains(po_err_msg(cx), "000000.rec");
}

/* ---- verification ------------------------------------------------------------------------------ */

TEST(ledger_verify__counts_findings_beyond_its_list)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    static char ones[100000];
    grown(cx, &fix, 300);
    memset(ones, 1, sizeof ones);
    int fd = open(fix_path(fix.dir, "000000.pay"), O_WRONLY);
    check_that(pwrite(fd, ones, sizeof ones, 0) == sizeof ones && close(fd) == 0);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_eq_int(found.verdicts[PO_VERDICT_PAYLOADS].state, PO_VERDICT_FAILED);
    check_eq_u64(found.finding_count, PO_VERDICT_FINDINGS_MAX);
    check_that(found.findings_dropped > 100);
    check_eq_int(found.verdicts[PO_VERDICT_LEAVES].state, PO_VERDICT_OK);
}

TEST(ledger_verify__does_not_count_events_whose_key_is_gone_as_matching)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    static const po_tenant_id gone[] = {{1}, {9}};
    const struct po_ledger_verify_options options = {.tenants = gone, .tenant_count = 2};
    fix_new(cx, &fix);
    fix_append(cx, &fix, 2, 2);
    fix.epoch = 2;
    fix_append(cx, &fix, 3, 3);
    fix_checkpoint(cx, &fix);
    po_secret_freep(&fix.data_keys[0][1]);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(found.is_ok);
    check_eq_int(found.verdicts[PO_VERDICT_COMMITMENTS].state, PO_VERDICT_NOT_CHECKED);
    check_contains(found.verdicts[PO_VERDICT_COMMITMENTS].why, "2 events match, 3 could not");
}

TEST(ledger_verify__finds_payloads_sealed_under_another_key)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    fix_new(cx, &fix);
    fix.epoch = 2;
    struct po_secret *second = fix.data_keys[0][1];
    fix.data_keys[0][1] = fix.data_keys[0][2];
    fix_append(cx, &fix, 1, 1);
    fix.data_keys[0][1] = second;
    fix_checkpoint(cx, &fix);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_that(!found.is_ok);
    check_eq_int(found.findings[0].kind, PO_VERDICT_COMMITMENTS);
    check_contains(found.findings[0].why, "K_com");
}

TEST(ledger_verify__misses_neither_the_key_nor_a_segment_that_is_too_long)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    grown(cx, &fix, 3);
    check_that(truncate(fix_path(fix.dir, "000000.rec"), PO_SEGMENT_REC_BYTES + 1) == 0);
    check_that(unlink(fix_path(fix.dir, "vkey")) == 0);
    fix.options.sign_key = NULL;
    fix_open(cx, &fix);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_eq_int(found.verdicts[PO_VERDICT_SIGNATURES].state, PO_VERDICT_FAILED);
    check_eq_int(found.verdicts[PO_VERDICT_TAIL].state, PO_VERDICT_FAILED);
    check_contains(found.verdicts[PO_VERDICT_TAIL].why, "longer than a segment");
}

TEST(ledger_tail_clear__has_nothing_to_do_in_an_empty_ledger)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t cleared = 9;
    fix_new(cx, &fix);
    check_ok(cx, po_ledger_tail_clear(cx, fix.ledger, &cleared));
    check_eq_u64(cleared, 0);
}

/* Fail each call of the reading side once. */
TEST_FAULTS_MANUAL(ledger_reading__fails_cleanly)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    bool found = false;
    uint64_t at = 0;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_PROOF_BYTES_MAX);
    const struct po_ledger_filter filter = {.type = PO_EVENT_TYPE_CONTROL_TESTED,
                                            .is_own_tenant = true};
    grown(cx, &fix, 260);
    fix_close(&fix);
    test_faults_arm();
    bool is_done = test_survived(po_ledger_open(cx, &fix.options, &fix.ledger)) &&
                   test_survived(po_ledger_event_at(cx, fix.ledger, 3, &out, NULL)) &&
                   test_survived(po_ledger_prev(cx, fix.ledger, 259, &filter, &found, &at, NULL)) &&
                   test_survived((po_buf_clear(&out), po_ledger_prove(cx, fix.ledger, 7, &out)));
    test_faults_off();
    if (is_done) check_that(found && at == 258 && out.len > 0);
}
