/*
 * What a crash leaves, and what is taken of it (docs/spec/ledger.md 4).
 *
 * Invariants
 *  1. Nothing below the floor is ever written.
 *  2. A record beyond the floor is taken only when it is well-formed, continues its tenant's numbers
 *     and the time, its payload has the hash it commits to, and the frame check is its leaf's.
 *  3. What is taken is written again and synced before anybody hears of it: after a failed sync the
 *     kernel may hold clean pages that never reached the disk.
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

/* ---- scanning -------------------------------------------------------------------------------- */

/* The segment that would hold leaf `size`, if its files are there. */
static po_rc tail_segment(struct po_ctx *cx, struct po_ledger *ledger, bool *ret_is_there)
{
    uint64_t number = ledger->size / PO_SEGMENT_LEAVES;
    struct po_segment *segment = &ledger->seg;
    *ret_is_there = true;
    if (segment->is_open && segment->number == number) return po_rc_ok();
    bool is_writable = ledger->reason[0] == '\0';
    po_rc rc = po_segment_open(cx, ledger, number, is_writable, segment);
    if (rc.code == PO_DENIED && is_writable) {
        po_err_clear(cx);
        po_ledger_degrade(ledger, "its files may not be written");
        rc = po_segment_open(cx, ledger, number, false, segment);
    }
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        *ret_is_there = false;
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    segment->is_name_synced = ledger->floor > number * PO_SEGMENT_LEAVES;
    return po_rc_ok();
}

/*
 * The frame check catches a record torn behind its payload hash: nothing else in the files could
 * tell its commitment from the true one.
 */
static po_rc frame_matches(struct po_ctx *cx, struct po_ledger *ledger, const uint8_t *bytes,
                           const struct po_record *record, bool *ret_matches)
{
    struct po_segment *segment = &ledger->seg;
    uint8_t hash[PO_SHA256_BYTES];
    uint8_t leaf[PO_SHA256_BYTES];
    uint64_t len = po_frame_len(bytes);
    PO_BUF_AUTO frame;
    po_buf_init(&frame, PO_PAYLOAD_BYTES_MAX + PO_FRAME_CHECK_BYTES);
    *ret_matches = false;
    if (segment->pay_end + len > segment->pay_len) return po_rc_ok();
    char *at = po_buf_extend(&frame, len);
    if (at == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a payload");
    PO_TRY(cx, po_fs_pread_all(cx, segment->pay_fd, at, len, (off_t)segment->pay_end));
    PO_TRY_LEAF(cx, po_hash_begin(ledger->hash), "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_update(ledger->hash, po_str_n(at, record->payload_len)),
                "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_end(ledger->hash, hash), "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_leaf(ledger->hash, po_str_n(bytes, PO_RECORD_BYTES), leaf),
                "hashing a leaf");
    *ret_matches = po_digest_eq(hash, record->payload_hash) &&
                   po_str_eq(po_str_n(at + record->payload_len, PO_FRAME_CHECK_BYTES),
                             po_str_n(leaf, PO_FRAME_CHECK_BYTES));
    return po_rc_ok();
}

/* Is the next record there and whole? Its bytes go to `bytes`. */
static po_rc next_is_whole(struct po_ctx *cx, struct po_ledger *ledger, uint8_t *bytes,
                           struct po_record *record, bool *ret_is_whole)
{
    struct po_segment *segment = &ledger->seg;
    uint64_t at = ledger->size % PO_SEGMENT_LEAVES;
    uint64_t last_seq = 0;
    *ret_is_whole = false;
    if ((at + 1) * PO_RECORD_BYTES > segment->rec_len) return po_rc_ok();
    PO_TRY(cx, po_segment_index(cx, segment, at));
    PO_TRY(cx, po_fs_pread_all(cx, segment->rec_fd, bytes, PO_RECORD_BYTES,
                               (off_t)(at * PO_RECORD_BYTES)));
    if (!po_is_ok(po_record_decode(po_str_n(bytes, PO_RECORD_BYTES), record))) return po_rc_ok();
    if (record->recv_time_us < ledger->last_recv_us) return po_rc_ok();
    PO_TRY(cx, po_ledger_tenant_last(cx, ledger, record->tenant, &last_seq));
    if (record->tenant_seq != last_seq + 1) return po_rc_ok();
    PO_TRY(cx, frame_matches(cx, ledger, bytes, record, ret_is_whole));
    return po_rc_ok();
}

po_rc po_ledger_tail_scan(struct po_ctx *cx, struct po_ledger *ledger)
{
    for (;;) {
        uint8_t bytes[PO_RECORD_BYTES];
        struct po_record record = {0};
        bool is_whole = false;
        bool is_there = false;
        PO_TRY(cx, tail_segment(cx, ledger, &is_there));
        if (!is_there) break;
        PO_TRY(cx, next_is_whole(cx, ledger, bytes, &record, &is_whole));
        if (!is_whole) break;
        ledger->size++;
        ledger->last_recv_us = record.recv_time_us;
        po_ledger_tenant_note(ledger, record.tenant, record.tenant_seq);
    }
    ledger->recovery.leaves_kept = ledger->size - ledger->floor;
    return po_rc_ok();
}

/* ---- making it durable ----------------------------------------------------------------------- */

static po_rc rewrite(struct po_ctx *cx, int fd, uint64_t from, uint64_t end)
{
    uint8_t chunk[16384];
    for (uint64_t at = from; at < end;) {
        size_t bytes = end - at < sizeof chunk ? (size_t)(end - at) : sizeof chunk;
        PO_TRY(cx, po_fs_pread_all(cx, fd, chunk, bytes, (off_t)at));
        PO_TRY(cx, po_fs_pwrite_all(cx, fd, po_str_n(chunk, bytes), (off_t)at));
        at += bytes;
    }
    return po_rc_ok();
}

/* Payload offset where the leaf `at` of the segment begins. */
static po_rc payload_start(struct po_ctx *cx, struct po_ledger *ledger, struct po_segment *segment,
                           uint64_t at, uint64_t *ret_offset)
{
    if (at == segment->leaves) {
        *ret_offset = segment->pay_end;
        return po_rc_ok();
    }
    struct po_segment *same = NULL;
    PO_TRY(cx, po_ledger_payload_range(cx, ledger, segment->number * PO_SEGMENT_LEAVES + at, &same,
                                       ret_offset));
    return po_rc_ok();
}

/* Leaves of this segment from `first` on are taken; behind them everything becomes zero. */
static po_rc settle_segment(struct po_ctx *cx, struct po_ledger *ledger, struct po_segment *segment,
                            uint64_t first)
{
    uint64_t start = 0;
    uint64_t cleared_rec = 0;
    uint64_t cleared_pay = 0;
    uint64_t rec_end = segment->leaves * PO_RECORD_BYTES;
    PO_TRY(cx, payload_start(cx, ledger, segment, first, &start));
    PO_TRY(cx, po_segment_clear(cx, segment->rec_fd, rec_end, &cleared_rec));
    PO_TRY(cx, po_segment_clear(cx, segment->pay_fd, segment->pay_end, &cleared_pay));
    PO_TRY(cx, po_segment_extend(cx, segment, rec_end, segment->pay_end));
    ledger->recovery.bytes_cleared += cleared_rec + cleared_pay;
    if (cleared_rec + cleared_pay > 0) ledger->is_clear_pending = true;
    if (first == segment->leaves) return po_rc_ok();
    PO_TRY(cx, rewrite(cx, segment->rec_fd, first * PO_RECORD_BYTES, rec_end));
    PO_TRY(cx, rewrite(cx, segment->pay_fd, start, segment->pay_end));
    PO_TRY(cx, po_segment_sync(cx, ledger, segment));
    ledger->is_clear_pending = false;
    return po_rc_ok();
}

static po_rc file_exists(struct po_ctx *cx, const struct po_ledger *ledger, uint64_t number,
                         const char *ext, bool *is_any)
{
    char name[16];
    char path[PO_LEDGER_PATH_BYTES];
    struct po_fs_info info = {0};
    po_segment_name(name, number, ext);
    PO_TRY(cx, po_ledger_path(cx, ledger, name, path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    *is_any |= info.exists;
    return po_rc_ok();
}

/* The segment behind the last leaf: absent, whole, or with one of its two names lost. */
static po_rc open_next(struct po_ctx *cx, struct po_ledger *ledger, uint64_t number)
{
    bool is_any = false;
    PO_TRY(cx, file_exists(cx, ledger, number, "rec", &is_any));
    PO_TRY(cx, file_exists(cx, ledger, number, "pay", &is_any));
    if (is_any) PO_TRY(cx, po_segment_create(cx, ledger, number, &ledger->seg));
    return po_rc_ok();
}

static po_rc settle_number(struct po_ctx *cx, struct po_ledger *ledger, uint64_t number)
{
    struct po_segment *segment = &ledger->seg;
    uint64_t before = number * PO_SEGMENT_LEAVES;
    uint64_t leaves = ledger->size - before;
    if (leaves > PO_SEGMENT_LEAVES) leaves = PO_SEGMENT_LEAVES;
    if (!segment->is_open || segment->number != number) {
        if (leaves > 0)
            PO_TRY(cx, po_segment_open(cx, ledger, number, true, segment));
        else
            PO_TRY(cx, open_next(cx, ledger, number));
        if (!segment->is_open || segment->number != number) return po_rc_ok();
        segment->is_name_synced = ledger->floor > before;
    }
    PO_TRY(cx, po_segment_index(cx, segment, leaves));
    uint64_t first = ledger->floor > before ? ledger->floor - before : 0;
    if (first > leaves) first = leaves;
    PO_TRY(cx, settle_segment(cx, ledger, segment, first));
    return po_rc_ok();
}

/* The tiles of the kept leaves, and the edge. */
static po_rc grow_edge(struct po_ctx *cx, struct po_ledger *ledger)
{
    for (uint64_t at = ledger->edge.size; at < ledger->size; at++) {
        uint8_t bytes[PO_RECORD_BYTES];
        PO_TRY(cx, po_ledger_record_bytes_at(cx, ledger, at, bytes));
        PO_TRY(cx, po_ledger_edge_add(cx, ledger, bytes));
    }
    return po_rc_ok();
}

static po_rc check_clean_file(struct po_ctx *cx, struct po_ledger *ledger, int fd, uint64_t from,
                              const char *ext)
{
    uint64_t len = 0;
    uint64_t offset = 0;
    char name[16];
    PO_TRY(cx, po_file_len(cx, fd, &len));
    PO_TRY(cx, po_segment_find_nonzero(cx, fd, from, &offset));
    po_segment_name(name, ledger->seg.number, ext);
    if (offset < len)
        po_ledger_degrade(ledger, "'%s' has bytes after the written end though closed cleanly",
                          name);
    return po_rc_ok();
}

/* Closed cleanly: there must be nothing behind the floor. */
static po_rc check_clean(struct po_ctx *cx, struct po_ledger *ledger)
{
    bool is_there = false;
    PO_TRY(cx, tail_segment(cx, ledger, &is_there));
    if (!is_there) return po_rc_ok();
    struct po_segment *segment = &ledger->seg;
    PO_TRY(cx, po_segment_index(cx, segment, ledger->size % PO_SEGMENT_LEAVES));
    PO_TRY(cx,
           check_clean_file(cx, ledger, segment->rec_fd, segment->leaves * PO_RECORD_BYTES, "rec"));
    PO_TRY(cx, check_clean_file(cx, ledger, segment->pay_fd, segment->pay_end, "pay"));
    return po_rc_ok();
}

/*
 * What was signed last. Who wrote it may have been killed before it was durable: the state when no checkpoint
 * shows that it was, for none goes without its state, and the checkpoint in any case.
 */
static po_rc publish_again(struct po_ctx *cx, struct po_ledger *ledger)
{
    const struct po_signed_state last = ledger->signed_state;
    if (ledger->reason[0] != '\0' || !ledger->has_signed || last.size == 0) return po_rc_ok();
    bool is_shown = ledger->has_checkpoint && ledger->checkpoint.size == last.size;
    if (!is_shown && ledger->asking == NULL)
        PO_TRY(cx, po_signed_write(cx, ledger->signed_path, &last));
    PO_TRY(cx, po_ledger_publish(cx, ledger, last.size, last.root));
    return po_rc_ok();
}

po_rc po_ledger_recover(struct po_ctx *cx, struct po_ledger *ledger)
{
    if (!ledger->recovery.was_open) {
        PO_TRY(cx, check_clean(cx, ledger));
        return po_rc_ok();
    }
    PO_TRY(cx, po_ledger_tail_scan(cx, ledger));
    if (ledger->reason[0] == '\0') {
        uint64_t last = ledger->size / PO_SEGMENT_LEAVES;
        for (uint64_t number = ledger->floor / PO_SEGMENT_LEAVES; number <= last; number++)
            PO_TRY(cx, settle_number(cx, ledger, number));
    }
    PO_TRY(cx, grow_edge(cx, ledger));
    PO_TRY(cx, publish_again(cx, ledger));
    return po_rc_ok();
}

/* ---- an operator's order --------------------------------------------------------------------- */

po_rc po_ledger_tail_clear(struct po_ctx *cx, struct po_ledger *ledger, uint64_t *ret_cleared)
{
    uint64_t cleared_rec = 0;
    uint64_t cleared_pay = 0;
    bool is_bound = ledger->has_signed && ledger->sign_key != NULL && !ledger->is_asked_read_only &&
                    ledger->signed_state.size == ledger->size;
    if (!is_bound)
        return PO_FAIL(cx, PO_UNAVAILABLE, "only the ledger's own keys may clear its tail");
    uint64_t number = ledger->size / PO_SEGMENT_LEAVES;
    po_rc rc = po_segment_open(cx, ledger, number, true, &ledger->seg);
    *ret_cleared = 0;
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    struct po_segment *segment = &ledger->seg;
    PO_TRY(cx, po_segment_index(cx, segment, ledger->size % PO_SEGMENT_LEAVES));
    PO_TRY(cx,
           po_segment_clear(cx, segment->rec_fd, segment->leaves * PO_RECORD_BYTES, &cleared_rec));
    PO_TRY(cx, po_segment_clear(cx, segment->pay_fd, segment->pay_end, &cleared_pay));
    PO_TRY(cx, po_segment_sync(cx, ledger, segment));
    ledger->is_broken = true; /* open again */
    *ret_cleared = cleared_rec + cleared_pay;
    return po_rc_ok();
}
