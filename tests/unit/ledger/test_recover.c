#include "fixture.h"

/* Leave the files as a killed process would: written, not synced, not counted. */
static void write_unsynced(struct po_ctx *cx, struct fix *fix, uint64_t first, size_t count)
{
    struct po_sealed items[64];
    struct po_ledger_batch batch = {.items = items, .count = count};
    for (size_t i = 0; i < count; i++)
        check_ok(cx, fix_try_event(cx, fix, first + i, &items[i]));
    po_buf_init(&batch.records, 64 * PO_RECORD_BYTES);
    check_ok(cx, po_ledger_batch_prepare(cx, fix->ledger, &batch));
    check_ok(cx, po_ledger_batch_write(cx, fix->ledger, &batch));
    po_buf_done(&batch.records);
}

static void expect_recovered(struct po_ctx *cx, struct fix *fix, uint64_t size, uint64_t kept)
{
    fix_open(cx, fix);
    struct po_ledger_recovery found = po_ledger_recovered(fix->ledger);
    check_that(po_ledger_read_only_reason(fix->ledger) == NULL, "%s",
               po_ledger_read_only_reason(fix->ledger));
    check_eq_u64(po_ledger_size(fix->ledger), size);
    check_eq_u64(found.leaves_kept, kept);
    for (uint64_t i = 0; i < size; i++)
        fix_check_event(cx, fix, i);
    fix_check_ok(cx, fix);
}

TEST(ledger_recover__keeps_acknowledged_leaves_that_were_not_signed)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 10, 10);
    expect_recovered(cx, &fix, 10, 10);
    fix_append(cx, &fix, 300, 100); /* over a tile's end */
    expect_recovered(cx, &fix, 310, 310);
    check_that(po_ledger_recovered(fix.ledger).was_open);
    fix_checkpoint(cx, &fix);
    expect_recovered(cx, &fix, 310, 0);
    check_that(!po_ledger_recovered(fix.ledger).was_open);
}

TEST(ledger_recover__keeps_whole_records_and_clears_torn_ones)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    write_unsynced(cx, &fix, 5, 4);
    fix_close(&fix);
    /* the last record's second half never reached the disk */
    char zeros[60] = {0};
    int fd = open(fix_path(fix.dir, "000000.rec"), O_WRONLY);
    check_that(pwrite(fd, zeros, 60, 8 * PO_RECORD_BYTES + 56) == 60 && close(fd) == 0);
    expect_recovered(cx, &fix, 8, 3);
    check_that(po_ledger_recovered(fix.ledger).bytes_cleared > 0);
    fix_append(cx, &fix, 2, 2);
    fix_checkpoint(cx, &fix);
    expect_recovered(cx, &fix, 10, 0);
}

TEST(ledger_recover__clears_a_payload_without_a_record_and_a_record_without_payload)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    for (int round = 0; round < 2; round++) {
        write_unsynced(cx, &fix, 5, 1);
        fix_close(&fix);
        const char *file = fix_path(fix.dir, round == 0 ? "000000.rec" : "000000.pay");
        if (round == 0) {
            char zeros[PO_RECORD_BYTES] = {0};
            int fd = open(file, O_WRONLY);
            check_that(pwrite(fd, zeros, sizeof zeros, 5 * PO_RECORD_BYTES) == sizeof zeros);
            check_that(close(fd) == 0);
        } else {
            fix_open(cx, &fix); /* finds it whole */
            check_eq_u64(po_ledger_size(fix.ledger), 6);
            struct po_segment *segment = NULL;
            uint64_t offset = 0;
            check_ok(cx, po_ledger_payload_range(cx, fix.ledger, 5, &segment, &offset));
            fix_close(&fix);
            fix_flip(file, (long)offset + 100);
        }
        expect_recovered(cx, &fix, 5, 0);
        check_that(po_ledger_recovered(fix.ledger).bytes_cleared > 0);
    }
}

/* What a stale tail could hold: a whole record that does not follow. */
static void other_number(struct po_record *record) { record->tenant_seq++; }
static void earlier(struct po_record *record) { record->recv_time_us = 1; }

TEST(ledger_recover__refuses_records_that_do_not_continue)
{
    void (*const changes[])(struct po_record *) = {other_number, earlier};
    for (size_t i = 0; i < 2; i++) {
        TEST_CX(cx);
        FIX_AUTO fix;
        struct po_record record;
        uint8_t bytes[PO_RECORD_BYTES];
        char root[600];
        (void)snprintf(root, sizeof root, "%s%zu", test_tmp("case"), i);
        check_that(mkdir(root, 0700) == 0);
        fix_init_at(cx, &fix, root);
        check_ok(cx, po_ledger_create(cx, &fix.options));
        fix_open(cx, &fix);
        fix_append(cx, &fix, 5, 5);
        fix_checkpoint(cx, &fix);
        write_unsynced(cx, &fix, 5, 1);
        fix_close(&fix);
        int fd = open(fix_path(fix.dir, "000000.rec"), O_RDWR);
        check_that(pread(fd, bytes, sizeof bytes, 5 * PO_RECORD_BYTES) == sizeof bytes);
        check_ok_leaf(po_record_decode(po_str_n(bytes, sizeof bytes), &record));
        changes[i](&record);
        check_ok_leaf(po_record_encode(&record, bytes));
        check_that(pwrite(fd, bytes, sizeof bytes, 5 * PO_RECORD_BYTES) == sizeof bytes);
        check_that(close(fd) == 0);
        expect_recovered(cx, &fix, 5, 0);
    }
}

TEST(ledger_recover__publishes_a_checkpoint_that_was_signed_but_not_seen)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    PO_BUF_AUTO before;
    PO_BUF_AUTO after;
    po_buf_init(&before, PO_NOTE_BYTES_MAX);
    po_buf_init(&after, PO_NOTE_BYTES_MAX);
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    check_ok(cx, po_ledger_note(cx, fix.ledger, &before));
    check_that(unlink(fix_path(fix.dir, "checkpoint")) == 0);
    test_write_file(fix_path(fix.dir, "writer"), PO_WRITER_OPENED, sizeof PO_WRITER_OPENED - 1);
    fix_open(cx, &fix);
    check_ok(cx, po_ledger_note(cx, fix.ledger, &after));
    check_eq_postr(po_buf_str(&after), po_buf_str(&before));
    fix_check_ok(cx, &fix);
}

TEST(ledger_recover__a_read_only_ledger_serves_the_tail_and_writes_nothing)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    char before[600];
    char command[2048];
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    fix_append(cx, &fix, 300, 100);
    write_unsynced(cx, &fix, 305, 1);
    fix_close(&fix);
    fix_flip(fix_path(fix.dir, "000000.rec"), 305 * PO_RECORD_BYTES);
    (void)snprintf(before, sizeof before, "%s", test_tmp("before"));
    (void)snprintf(command, sizeof command, "cp -a '%s' '%s'", fix.dir, before);
    check_that(system(command) == 0);
    fix.options.is_read_only = true;
    fix_open(cx, &fix);
    check_eq_u64(po_ledger_size(fix.ledger), 305);
    fix_check_event(cx, &fix, 304);
    struct po_ledger_verification found;
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_that(found.is_ok, "%s", found.finding_count ? found.findings[0].why : "");
    check_eq_int(found.verdicts[PO_VERDICT_TAIL].state, PO_VERDICT_NOT_CHECKED);
    (void)snprintf(command, sizeof command, "diff -r '%s' '%s'", fix.dir, before);
    check_that(system(command) == 0);
}

/* ---- a failed sync ---------------------------------------------------------------------------- */

/* Law 2: after a failed fdatasync nothing more is acknowledged on that file. */
TEST_FAULTS_MANUAL(ledger_append__acknowledges_nothing_after_a_failure_until_reopened)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_sealed items[2];
    fix_new(cx, &fix);
    fix_append(cx, &fix, 2, 2);
    check_ok(cx, fix_try_event(cx, &fix, 2, &items[0]));
    check_ok(cx, fix_try_event(cx, &fix, 3, &items[1]));
    test_faults_arm();
    bool is_done = test_survived(po_ledger_append(cx, fix.ledger, items, 2, NULL));
    test_faults_off();
    if (!is_done) {
        po_err_clear(cx);
        bool is_refused = po_ledger_append(cx, fix.ledger, items, 2, NULL).code == PO_IO;
        /* Refused from now on, or it failed before anything was touched. */
        check_that(is_refused || po_ledger_size(fix.ledger) == 4);
        if (is_refused) check_contains(po_err_msg(cx), "opened again");
        po_err_clear(cx);
    }
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    uint64_t size = po_ledger_size(fix.ledger);
    check_that(is_done ? size == 4 : size >= 2 && size <= 4, "%lu", size);
    for (uint64_t i = 0; i < size; i++)
        fix_check_event(cx, &fix, i);
    fix_checkpoint(cx, &fix);
    fix_check_ok(cx, &fix);
}

TEST_FAULTS_MANUAL(ledger_checkpoint__fails_cleanly_and_is_made_up_for)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 3, 3);
    test_faults_arm();
    bool is_done = test_survived(po_ledger_checkpoint(cx, fix.ledger, NULL));
    test_faults_off();
    if (!is_done) po_err_clear(cx);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL, "%s",
               po_ledger_read_only_reason(fix.ledger));
    fix_append(cx, &fix, 1, 1);
    fix_checkpoint(cx, &fix);
    check_eq_u64(po_ledger_size(fix.ledger), 4);
    fix_check_ok(cx, &fix);
}

TEST_FAULTS_MANUAL(ledger_open__fails_cleanly_while_recovering)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 3, 3);
    fix_checkpoint(cx, &fix);
    fix_append(cx, &fix, 2, 2);
    write_unsynced(cx, &fix, 5, 2);
    fix_close(&fix);
    fix_flip(fix_path(fix.dir, "000000.rec"), 6 * PO_RECORD_BYTES);
    test_faults_arm();
    bool is_done = test_survived(po_ledger_open(cx, &fix.options, &fix.ledger));
    test_faults_off();
    if (!is_done) check_that(fix.ledger == NULL);
    if (!is_done) po_err_clear(cx);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL, "%s",
               po_ledger_read_only_reason(fix.ledger));
    check_eq_u64(po_ledger_size(fix.ledger), 6);
    fix_check_ok(cx, &fix);
}

TEST_FAULTS(ledger_create__fails_cleanly_and_may_be_repeated)
{
    TEST_CX(cx);
    test_faults_off();
    FIX_AUTO fix;
    fix_init(cx, &fix);
    test_faults_arm();
    bool is_done = test_survived(po_ledger_create(cx, &fix.options));
    test_faults_off();
    if (!is_done) po_err_clear(cx);
    check_ok(cx, po_ledger_create(cx, &fix.options));
    fix_open(cx, &fix);
    fix_append(cx, &fix, 1, 1);
    fix_checkpoint(cx, &fix);
    fix_check_ok(cx, &fix);
}

/* ---- the sequencer ---------------------------------------------------------------------------- */

#define QUEUE_MAX 3000

/* A queue as the store keeps it, with a remove that can be told to fail or to half fail. */
struct queue {
    struct po_sealed rows[QUEUE_MAX];
    size_t count;
    unsigned removals_until_failure; /* 0: never */
    bool is_failure_after_effect;    /* the rows are gone, the answer is lost */
};

static po_rc queue_list(struct po_ctx *cx, void *user, size_t max, struct po_sealed **ret_items,
                        size_t *ret_count)
{
    struct queue *queue = user;
    size_t n = queue->count < max ? queue->count : max;
    struct po_sealed *items = NULL;
    if (n > 0) {
        PO_ARENA_NEW(cx, items, n);
        memcpy(items, queue->rows, n * sizeof *items);
    }
    *ret_items = items;
    *ret_count = n;
    return po_rc_ok();
}

static po_rc queue_remove(struct po_ctx *cx, void *user, const struct po_sealed *items,
                          size_t count)
{
    struct queue *queue = user;
    bool is_failing = queue->removals_until_failure > 0 && --queue->removals_until_failure == 0;
    if (is_failing && !queue->is_failure_after_effect)
        return PO_FAIL(cx, PO_IO, "the database is full");
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < queue->count; j++) {
            if (!po_str_eq(po_str_n(queue->rows[j].event_id, 16), po_str_n(items[i].event_id, 16)))
                continue;
            memmove(&queue->rows[j], &queue->rows[j + 1],
                    (queue->count - j - 1) * sizeof queue->rows[0]);
            queue->count--;
            break;
        }
    }
    if (is_failing) return PO_FAIL(cx, PO_IO, "the answer is lost");
    return po_rc_ok();
}

static struct po_ledger_queue vtable(struct queue *queue)
{
    return (struct po_ledger_queue){.user = queue, .list = queue_list, .remove = queue_remove};
}

static void enqueue(struct po_ctx *cx, struct fix *fix, struct queue *queue, uint64_t number)
{
    check_ok(cx, fix_try_event(cx, fix, number, &queue->rows[queue->count++]));
}

/* @proves CC7.2 PI1.5 */
TEST(ledger_sequence__moves_everything_in_order)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t moved = 0;
    struct queue *queue = calloc(1, sizeof *queue);
    const struct po_ledger_queue calls = vtable(queue);
    fix_new(cx, &fix);
    check_ok(cx, po_ledger_sequence(cx, fix.ledger, &calls, &moved));
    check_eq_u64(moved, 0);
    for (uint64_t i = 0; i < 2100; i++)
        enqueue(cx, &fix, queue, i);
    check_ok(cx, po_ledger_sequence(cx, fix.ledger, &calls, &moved));
    check_eq_u64(moved, 2100);
    check_eq_u64(queue->count, 0);
    for (uint64_t i = 0; i < 2100; i += 7)
        fix_check_event(cx, &fix, i);
    fix_checkpoint(cx, &fix);
    fix_check_ok(cx, &fix);
    free(queue);
}

TEST(ledger_sequence__appends_each_event_once_when_a_removal_fails)
{
    for (int is_after = 0; is_after < 2; is_after++) {
        TEST_CX(cx);
        FIX_AUTO fix;
        uint64_t moved = 0;
        char root[600];
        struct queue *queue = calloc(1, sizeof *queue);
        const struct po_ledger_queue calls = vtable(queue);
        (void)snprintf(root, sizeof root, "%s%d", test_tmp("case"), is_after);
        check_that(mkdir(root, 0700) == 0);
        fix_init_at(cx, &fix, root);
        check_ok(cx, po_ledger_create(cx, &fix.options));
        fix_open(cx, &fix);
        for (uint64_t i = 0; i < 5; i++)
            enqueue(cx, &fix, queue, i);
        queue->removals_until_failure = 1;
        queue->is_failure_after_effect = is_after == 1;
        check_fails(cx, po_ledger_sequence(cx, fix.ledger, &calls, &moved), PO_IO);
        check_fails(cx, po_ledger_sequence(cx, fix.ledger, &calls, &moved), PO_IO);
        check_fails(cx, po_ledger_checkpoint(cx, fix.ledger, NULL), PO_IO);
        po_err_clear(cx);
        fix_open(cx, &fix);
        enqueue(cx, &fix, queue, 5);
        check_ok(cx, po_ledger_sequence(cx, fix.ledger, &calls, &moved));
        check_eq_u64(moved, 1);
        check_eq_u64(po_ledger_size(fix.ledger), 6);
        check_eq_u64(queue->count, 0);
        for (uint64_t i = 0; i < 6; i++)
            fix_check_event(cx, &fix, i);
        fix_checkpoint(cx, &fix);
        fix_check_ok(cx, &fix);
        free(queue);
    }
}

TEST(ledger_sequence__refuses_a_row_that_was_altered_in_the_database)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct queue *queue = calloc(1, sizeof *queue);
    const struct po_ledger_queue calls = vtable(queue);
    fix_new(cx, &fix);
    enqueue(cx, &fix, queue, 0);
    po_str good = queue->rows[0].payload;
    queue->rows[0].payload = po_str_slice(good, 0, good.len - 1);
    check_fails(cx, po_ledger_sequence(cx, fix.ledger, &calls, NULL), PO_INVALID);
    check_eq_u64(po_ledger_size(fix.ledger), 0);
    check_eq_u64(queue->count, 1);
    queue->rows[0].payload = good;
    check_ok(cx, po_ledger_sequence(cx, fix.ledger, &calls, NULL));
    fix_check_event(cx, &fix, 0);
    free(queue);
}

/* Fail each call once in a sequence + checkpoint; start again as a new process would. */
TEST_FAULTS_MANUAL(ledger_sequence__loses_and_repeats_nothing_whatever_fails)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct queue *queue = calloc(1, sizeof *queue);
    const struct po_ledger_queue calls = vtable(queue);
    fix_new(cx, &fix);
    for (uint64_t i = 0; i < 3; i++)
        enqueue(cx, &fix, queue, i);
    test_faults_arm();
    po_rc rc = po_ledger_sequence(cx, fix.ledger, &calls, NULL);
    bool is_done = test_survived(rc);
    test_faults_off();
    if (!is_done) po_err_clear(cx);
    fix_open(cx, &fix);
    enqueue(cx, &fix, queue, 3);
    check_ok(cx, po_ledger_sequence(cx, fix.ledger, &calls, NULL));
    fix_checkpoint(cx, &fix);
    check_eq_u64(po_ledger_size(fix.ledger), 4);
    check_eq_u64(queue->count, 0);
    for (uint64_t i = 0; i < 4; i++)
        fix_check_event(cx, &fix, i);
    fix_check_ok(cx, &fix);
    free(queue);
}

/* A power cut can keep the sector with a record's payload hash and lose the next one. */
TEST(ledger_recover__refuses_a_record_torn_behind_its_payload_hash)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    char zeros[32] = {0};
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    fix_checkpoint(cx, &fix);
    write_unsynced(cx, &fix, 5, 1);
    fix_close(&fix);
    int fd = open(fix_path(fix.dir, "000000.rec"), O_WRONLY);
    check_that(pwrite(fd, zeros, 32, 5 * PO_RECORD_BYTES + 84) == 32 && close(fd) == 0);
    expect_recovered(cx, &fix, 5, 0);
}

/* The name of one of a new segment's files was lost. */
TEST(ledger_recover__clears_half_a_segment)
{
    static const char *const lost[] = {"000000.pay", "000000.rec"};
    for (size_t i = 0; i < 2; i++) {
        TEST_CX(cx);
        FIX_AUTO fix;
        char root[600];
        (void)snprintf(root, sizeof root, "%s%zu", test_tmp("case"), i);
        check_that(mkdir(root, 0700) == 0);
        fix_init_at(cx, &fix, root);
        check_ok(cx, po_ledger_create(cx, &fix.options));
        fix_open(cx, &fix);
        write_unsynced(cx, &fix, 0, 3);
        fix_close(&fix);
        check_that(unlink(fix_path(fix.dir, lost[i])) == 0);
        expect_recovered(cx, &fix, 0, 0);
        fix_append(cx, &fix, 1, 1);
        fix_checkpoint(cx, &fix);
        expect_recovered(cx, &fix, 1, 0);
    }
}

/* Half a segment beside a cleanly closed ledger is nobody's crash. */
TEST(ledger_verify__names_half_a_segment)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_ledger_verification found;
    fix_new(cx, &fix);
    test_write_file(fix_path(fix.dir, "000000.rec"), "x", 1);
    fix_open(cx, &fix);
    check_ok(cx, po_ledger_verify(cx, fix.ledger, NULL, &found));
    check_that(!found.is_ok);
    check_eq_cstr(found.findings[0].file, "000000.rec");
}
