#include "fixture.h"

TEST(ledger__starts_empty_and_writable)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    check_eq_u64(po_ledger_size(fix.ledger), 0);
    check_eq_cstr(po_ledger_origin_of(fix.ledger), FIX_ORIGIN);
    PO_BUF_AUTO text;
    po_buf_init(&text, 4096);
    check_fails(cx, po_ledger_note(cx, fix.ledger, &text), PO_NOTFOUND);
    check_ok(cx, po_ledger_vkey(cx, fix.ledger, &text));
    struct po_note_vkey vkey;
    check_ok_leaf(po_note_vkey_parse(po_buf_str(&text), &vkey));
    check_eq_cstr(vkey.name, FIX_ORIGIN);
    check_eq_mem(vkey.key, po_sign_key_public(fix.sign_key), 32);
    fix_checkpoint(cx, &fix);
    check_fails(cx, po_ledger_note(cx, fix.ledger, &text), PO_NOTFOUND);
    fix_check_ok(cx, &fix);
}

TEST(ledger_create__may_be_repeated_until_something_was_appended)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_init(cx, &fix);
    check_ok(cx, po_ledger_create(cx, &fix.options));
    check_ok(cx, po_ledger_create(cx, &fix.options));
    fix_open(cx, &fix);
    fix_append(cx, &fix, 1, 1);
    fix_checkpoint(cx, &fix);
    check_fails(cx, po_ledger_create(cx, &fix.options), PO_EXISTS);
    check_that(unlink(fix.state) == 0);
    check_fails(cx, po_ledger_create(cx, &fix.options), PO_EXISTS);
}

TEST(ledger_create__refuses_bad_origins_and_missing_keys)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_init(cx, &fix);
    static const char *const bad[] = {"", "a b", "a+b", "a\tb", "a\nb", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fix.options.origin = bad[i];
        check_fails(cx, po_ledger_create(cx, &fix.options), PO_INVALID);
    }
    fix.options.origin = NULL;
    check_fails(cx, po_ledger_create(cx, &fix.options), PO_INVALID);
    fix.options.origin = FIX_ORIGIN;
    fix.options.sign_key = NULL;
    check_fails(cx, po_ledger_create(cx, &fix.options), PO_UNAVAILABLE);
    const char *origin = NULL;
    check_ok(cx, po_ledger_origin(cx, "inst_1", &origin));
    check_eq_cstr(origin, "inst_1/audit");
    check_fails(cx, po_ledger_origin(cx, "", &origin), PO_INVALID);
    check_fails(cx, po_ledger_origin(cx, "a b", &origin), PO_INVALID);
}

/* @proves CC7.2 */
TEST(ledger_append__events_are_there_after_reopening_in_order)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint8_t root[2][32];
    fix_new(cx, &fix);
    fix_append(cx, &fix, 700, 64);
    fix_checkpoint(cx, &fix);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 700, root[0]));
    for (int i = 0; i < 2; i++) {
        check_eq_u64(po_ledger_size(fix.ledger), 700);
        for (uint64_t at = 0; at < 700; at += 33)
            fix_check_event(cx, &fix, at);
        fix_open(cx, &fix);
        check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    }
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 700, root[1]));
    check_eq_mem(root[0], root[1], 32);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    fix_check_event(cx, &fix, 704);
    fix_check_ok(cx, &fix);
}

TEST(ledger_append__numbers_each_tenant_without_gaps)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_record record;
    uint64_t seq[2] = {0, 0};
    fix_new(cx, &fix);
    for (uint64_t i = 0; i < 40; i++) {
        cx->tenant = (po_tenant_id){1 + i % 3 % 2};
        fix_append(cx, &fix, 1, 1);
        if (i == 20) fix_open(cx, &fix);
    }
    uint64_t names[2];
    for (uint64_t t = 0; t < 2; t++) {
        const po_tenant_id tenant = {t + 1};
        check_ok(cx, po_tenant_pseudonym(cx, &fix.keys, tenant, &names[t]));
    }
    for (uint64_t i = 0; i < 40; i++) {
        check_ok(cx, po_ledger_record_at(cx, fix.ledger, i, &record));
        size_t t = record.tenant == names[0] ? 0 : 1;
        check_eq_u64(record.tenant, names[t]);
        check_eq_u64(record.tenant_seq, ++seq[t]);
    }
    check_that(seq[0] > 0 && seq[1] > 0);
}

TEST(ledger_append__receive_times_never_go_back)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_record record;
    uint64_t size = 0;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 2, 2);
    po_clock_fake_advance(test_clock(), -5 * PO_US_PER_S);
    fix_append(cx, &fix, 1, 1);
    po_clock_fake_advance(test_clock(), 15 * PO_US_PER_S);
    fix_append(cx, &fix, 1, 1);
    check_ok(cx, po_ledger_record_at(cx, fix.ledger, 1, &record));
    check_eq_int(record.flags, 0);
    check_ok(cx, po_ledger_record_at(cx, fix.ledger, 2, &record));
    check_eq_int(record.recv_time_us, TEST_CLOCK_START_US);
    check_eq_int(record.flags, PO_RECORD_FLAG_CLOCK_BACK);
    check_eq_int(record.producer_delta_ms, 5000);
    check_ok(cx, po_ledger_record_at(cx, fix.ledger, 3, &record));
    check_eq_int(record.recv_time_us, TEST_CLOCK_START_US + 10 * PO_US_PER_S);
    check_eq_int(record.flags, 0);
    check_ok(cx, po_ledger_size_at_time(cx, fix.ledger, TEST_CLOCK_START_US - 1, &size));
    check_eq_u64(size, 0);
    check_ok(cx, po_ledger_size_at_time(cx, fix.ledger, TEST_CLOCK_START_US, &size));
    check_eq_u64(size, 3);
    check_ok(cx, po_ledger_size_at_time(cx, fix.ledger, INT64_MAX, &size));
    check_eq_u64(size, 4);
}

TEST(ledger_append__refuses_what_does_not_match_its_record)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed items[2];
    fix_new(cx, &fix);
    check_ok(cx, fix_try_event(cx, &fix, 0, &items[0]));
    check_ok(cx, fix_try_event(cx, &fix, 1, &items[1]));
    struct po_sealed swapped = items[0];
    swapped.payload = items[1].payload;
    check_fails(cx, po_ledger_append(cx, fix.ledger, &swapped, 1, NULL), PO_INVALID);
    swapped.payload = po_str_slice(items[0].payload, 0, items[0].payload.len - 1);
    check_fails(cx, po_ledger_append(cx, fix.ledger, &swapped, 1, NULL), PO_INVALID);
    swapped = items[0];
    swapped.record = PO_LIT("short");
    check_fails(cx, po_ledger_append(cx, fix.ledger, &swapped, 1, NULL), PO_INVALID);
    check_fails(cx, po_ledger_append(cx, fix.ledger, items, PO_LEDGER_BATCH_MAX + 1, NULL),
                PO_LIMIT);
    uint64_t first = 99;
    check_ok(cx, po_ledger_append(cx, fix.ledger, items, 2, &first));
    check_eq_u64(first, 0);
    check_ok(cx, po_ledger_append(cx, fix.ledger, items, 0, &first));
    check_eq_u64(po_ledger_size(fix.ledger), 2);
}

TEST(ledger_checkpoint__is_signed_verifiable_and_stays_the_same_for_one_size)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_checkpoint made;
    struct po_checkpoint read;
    uint8_t root[32];
    struct po_buf notes[3];
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    for (int i = 0; i < 3; i++) {
        po_buf_init(&notes[i], PO_NOTE_BYTES_MAX);
        check_ok(cx, po_ledger_checkpoint(cx, fix.ledger, &made));
        check_ok(cx, po_ledger_note(cx, fix.ledger, &notes[i]));
        check_eq_postr(po_buf_str(&notes[i]), po_buf_str(&notes[0]));
        if (i == 1) fix_open(cx, &fix);
    }
    struct po_note_vkey vkey;
    check_ok_leaf(po_note_vkey_make(PO_LIT(FIX_ORIGIN), PO_NOTE_ED25519,
                                    po_sign_key_public(fix.sign_key), &vkey));
    check_ok_leaf(po_checkpoint_verify(po_buf_str(&notes[0]), &vkey, &read));
    check_eq_u64(read.size, 5);
    check_eq_cstr(read.origin, FIX_ORIGIN);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 5, root));
    check_eq_mem(read.root, root, 32);
    check_eq_mem(made.root, root, 32);
    vkey.key[0] ^= 1;
    check_that(!po_is_ok(po_checkpoint_verify(po_buf_str(&notes[0]), &vkey, &read)));
    for (int i = 0; i < 3; i++)
        po_buf_done(&notes[i]);
}

/* Law 8: the size and root are outside the home before the checkpoint can be seen. */
TEST(ledger_checkpoint__signing_state_outside_the_home_is_never_behind)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_signed_state state;
    uint8_t root[32];
    fix_new(cx, &fix);
    for (uint64_t n = 1; n < 4; n++) {
        fix_append(cx, &fix, 1, 1);
        fix_checkpoint(cx, &fix);
        check_ok(cx, po_signed_read(cx, fix.state, &state));
        check_eq_u64(state.size, n);
        check_ok(cx, po_ledger_root_at(cx, fix.ledger, n, root));
        check_eq_mem(state.root, root, 32);
        check_eq_cstr(state.origin, FIX_ORIGIN);
    }
}

TEST(ledger_event_at__shows_a_tenant_only_its_own_events)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    fix_new(cx, &fix);
    fix_append(cx, &fix, 1, 1);
    cx->tenant = (po_tenant_id){2};
    check_fails(cx, po_ledger_event_at(cx, fix.ledger, 0, &out, NULL), PO_NOTFOUND);
    cx->tenant = (po_tenant_id){1};
    check_fails(cx, po_ledger_event_at(cx, fix.ledger, 1, &out, NULL), PO_NOTFOUND);
    fix_check_event(cx, &fix, 0);
    fix.options.keys = NULL;
    fix_open(cx, &fix);
    check_fails(cx, po_ledger_event_at(cx, fix.ledger, 0, &out, NULL), PO_UNAVAILABLE);
    check_eq_u64(out.len, 0);
}

TEST(ledger_walk__finds_types_both_ways)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    bool found = false;
    uint64_t at = 0;
    struct po_record record;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 600, 100); /* types by index % 3 */
    const struct po_ledger_filter tested = {.type = PO_EVENT_TYPE_CONTROL_TESTED};
    const struct po_ledger_filter never = {.type = PO_EVENT_TYPE_PACK_EXPORTED};
    uint64_t count = 0;
    for (uint64_t from = 0;; from = at + 1, count++) {
        check_ok(cx, po_ledger_next(cx, fix.ledger, from, &tested, &found, &at, &record));
        if (!found) break;
        check_eq_u64(at, count * 3);
        check_eq_int(record.event_type, PO_EVENT_TYPE_CONTROL_TESTED);
    }
    check_eq_u64(count, 200);
    check_ok(cx, po_ledger_prev(cx, fix.ledger, UINT64_MAX, &tested, &found, &at, &record));
    check_that(found);
    check_eq_u64(at, 597);
    for (count = 1; at > 0; count++) {
        check_ok(cx, po_ledger_prev(cx, fix.ledger, at - 1, &tested, &found, &at, NULL));
        check_that(found);
    }
    check_eq_u64(count, 200);
    check_ok(cx, po_ledger_prev(cx, fix.ledger, 599, &never, &found, &at, NULL));
    check_that(!found);
    check_ok(cx, po_ledger_next(cx, fix.ledger, 0, &never, &found, &at, NULL));
    check_that(!found);
    check_ok(cx, po_ledger_next(cx, fix.ledger, 599, NULL, &found, &at, NULL));
    check_that(found && at == 599);
    check_ok(cx, po_ledger_next(cx, fix.ledger, 600, NULL, &found, &at, NULL));
    check_that(!found);
}

TEST(ledger_walk__filters_results_and_tenants)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    bool found = false;
    uint64_t at = 0;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 2, 2);
    cx->tenant = (po_tenant_id){2};
    struct po_sealed sealed;
    struct po_event event = {.type = PO_EVENT_TYPE_COMMAND_DENIED,
                             .resource = PO_LIT("x:y"),
                             .action = PO_LIT("apply"),
                             .result = PO_EVENT_DENIED};
    check_ok(cx, po_event_prepare(cx, &fix.keys, &event, &sealed));
    check_ok(cx, po_ledger_append(cx, fix.ledger, &sealed, 1, NULL));
    cx->tenant = (po_tenant_id){1};
    fix_append(cx, &fix, 1, 1);
    const struct po_ledger_filter denied = {.result = PO_EVENT_DENIED};
    const struct po_ledger_filter own = {.is_own_tenant = true};
    check_ok(cx, po_ledger_next(cx, fix.ledger, 0, &denied, &found, &at, NULL));
    check_that(found && at == 2);
    check_ok(cx, po_ledger_next(cx, fix.ledger, 2, &own, &found, &at, NULL));
    check_that(found && at == 3);
    cx->tenant = (po_tenant_id){2};
    check_ok(cx, po_ledger_next(cx, fix.ledger, 0, &own, &found, &at, NULL));
    check_that(found && at == 2);
}

TEST(ledger_find_event__finds_by_id_within_the_scan)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed sealed;
    uint64_t at = 0;
    uint8_t none[16] = {1};
    fix_new(cx, &fix);
    fix_append(cx, &fix, 10, 10);
    check_ok(cx, fix_try_event(cx, &fix, 10, &sealed));
    check_ok(cx, po_ledger_append(cx, fix.ledger, &sealed, 1, NULL));
    fix_append(cx, &fix, 300, 100);
    check_ok(cx, po_ledger_find_event(cx, fix.ledger, sealed.event_id, UINT64_MAX, &at));
    check_eq_u64(at, 10);
    check_ok(cx, po_ledger_find_event(cx, fix.ledger, sealed.event_id, 301, &at));
    check_fails(cx, po_ledger_find_event(cx, fix.ledger, sealed.event_id, 300, &at), PO_NOTFOUND);
    check_fails(cx, po_ledger_find_event(cx, fix.ledger, none, UINT64_MAX, &at), PO_NOTFOUND);
}

/* ---- over segment ends ------------------------------------------------------------------------ */

/* The same sealed event many times: sealing 66,000 of them is not what is tested. */
static void append_same(struct po_ctx *cx, struct fix *fix, uint64_t count)
{
    struct po_sealed one;
    struct po_sealed *many = calloc(4096, sizeof *many);
    check_that(many != NULL);
    check_ok(cx, fix_try_event(cx, fix, 0, &one));
    for (size_t i = 0; i < 4096; i++)
        many[i] = one;
    for (uint64_t done = 0; done < count;) {
        size_t n = count - done < 4096 ? (size_t)(count - done) : 4096;
        check_ok(cx, po_ledger_append(cx, fix->ledger, many, n, NULL));
        done += n;
    }
    free(many);
}

TEST_TIMEOUT(ledger_append__goes_on_in_a_new_segment, 60)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint8_t root[2][32];
    fix_new(cx, &fix);
    append_same(cx, &fix, 65000);
    fix_checkpoint(cx, &fix);
    append_same(cx, &fix, 1000); /* one batch over the end */
    fix_open(cx, &fix);          /* recovers over the end */
    check_eq_u64(po_ledger_recovered(fix.ledger).leaves_kept, 1000);
    fix_checkpoint(cx, &fix);
    check_eq_int(fix_len(fix_path(fix.dir, "000000.rec")), PO_SEGMENT_REC_BYTES);
    check_eq_int(fix_len(fix_path(fix.dir, "000001.rec")), PO_REC_STEP_BYTES);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 66000, root[0]));
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    check_eq_u64(po_ledger_size(fix.ledger), 66000);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 66000, root[1]));
    check_eq_mem(root[0], root[1], 32);
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    static const uint64_t at[] = {0, 65535, 65536, 65999, 12345};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        check_ok(cx, po_ledger_event_at(cx, fix.ledger, at[i], &out, NULL));
    struct po_proof_hashes proof;
    uint8_t leaf[32];
    uint8_t record[PO_RECORD_BYTES];
    check_ok(cx, po_ledger_inclusion(cx, fix.ledger, 70, 65999, &proof));
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 65999, root[0]));
    check_ok(cx, po_ledger_record_bytes_at(cx, fix.ledger, 70, record));
    check_ok_leaf(po_leaf_hash(po_str_n(record, sizeof record), leaf));
    const struct po_inclusion_claim claim = {70, 65999, leaf, root[0]};
    check_ok_leaf(po_inclusion_verify(&claim, &proof));
    struct po_ledger_verification found;
    const struct po_ledger_verify_options options = {.skip_commitments = true};
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(found.is_ok, "%s", found.finding_count ? found.findings[0].why : "");
    check_eq_u64(found.verdicts[PO_VERDICT_TILES].checked, 258);
}

TEST_TIMEOUT(ledger_append__starts_a_segment_exactly_at_the_boundary, 60)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint8_t root[2][32];
    fix_new(cx, &fix);
    append_same(cx, &fix, 65536);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 65536, root[0]));
    fix.options.is_read_only = true; /* no tile may be relied on: all is computed */
    fix_open(cx, &fix);
    check_ok(cx, po_ledger_root_at(cx, fix.ledger, 65536, root[1]));
    check_eq_mem(root[0], root[1], 32);
    fix.options.is_read_only = false;
    fix_open(cx, &fix);
    fix_checkpoint(cx, &fix);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    check_that(access(fix_path(fix.dir, "000001.rec"), F_OK) != 0);
    append_same(cx, &fix, 1);
    fix_open(cx, &fix); /* no checkpoint: the tail is recovered */
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    check_eq_u64(po_ledger_size(fix.ledger), 65537);
    fix_checkpoint(cx, &fix);
    const struct po_ledger_verify_options options = {.skip_commitments = true};
    struct po_ledger_verification found;
    check_ok(cx, po_ledger_verify(cx, fix.ledger, &options, &found));
    check_that(found.is_ok, "%s", found.finding_count ? found.findings[0].why : "");
}
