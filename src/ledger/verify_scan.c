/*
 * The pass over all records and payloads of `ledger verify`.
 *
 * Records feed a tree of their own, built from nothing but their bytes; what tiles, checkpoint and
 * signing state say is compared with it afterwards.
 */
#include "core/sys.h"
#include "ledger/verify_priv.h"

#define CHUNK_BYTES ((size_t)4 << 20)

/* ---- payloads -------------------------------------------------------------------------------- */

/* A window over the payload file, so that small payloads do not cost a read each. */
struct window {
    struct po_buf bytes;
    uint64_t start;
};
static void window_done(struct window *window) { po_buf_done(&window->bytes); }

static po_rc window_get(struct po_verify *run, struct window *window, uint64_t offset, size_t len,
                        po_str *ret_bytes)
{
    uint64_t end = window->start + window->bytes.len;
    if (offset < window->start || offset + len > end) {
        uint64_t left = run->segment.pay_len > offset ? run->segment.pay_len - offset : 0;
        if (left < len) {
            *ret_bytes = (po_str){0};
            return po_rc_ok();
        }
        size_t want = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        if (want > left) want = (size_t)left;
        po_buf_clear(&window->bytes);
        char *at = po_buf_extend(&window->bytes, want);
        if (at == NULL) return PO_FAIL(run->cx, PO_NOMEM, "out of memory for payloads");
        window->start = offset;
        PO_TRY(run->cx, po_fs_pread_all(run->cx, run->segment.pay_fd, at, want, (off_t)offset));
    }
    *ret_bytes = po_str_n(window->bytes.ptr + (offset - window->start), len);
    return po_rc_ok();
}

static void note_bad_payload(struct po_verify *run, uint64_t index)
{
    run->bad_payload_total++;
    if (run->bad_payload_count < PO_VERIFY_SUSPECTS_MAX)
        run->bad_payloads[run->bad_payload_count++] = index;
}

static po_rc check_frame(struct po_verify *run, uint64_t index, const struct po_record *record,
                         const uint8_t *leaf, po_str frame)
{
    uint8_t hash[PO_SHA256_BYTES];
    struct po_hash *hasher = run->ledger->hash;
    if (frame.ptr == NULL) {
        note_bad_payload(run, index);
        return po_rc_ok();
    }
    po_str payload = po_str_slice(frame, 0, record->payload_len);
    po_str check = po_str_slice(frame, record->payload_len, frame.len);
    PO_TRY_LEAF(run->cx, po_hash_begin(hasher), "hashing a payload");
    PO_TRY_LEAF(run->cx, po_hash_update(hasher, payload), "hashing a payload");
    PO_TRY_LEAF(run->cx, po_hash_end(hasher, hash), "hashing a payload");
    if (!po_digest_eq(hash, record->payload_hash) ||
        !po_str_eq(check, po_str_n(leaf, PO_FRAME_CHECK_BYTES))) {
        note_bad_payload(run, index);
        return po_rc_ok();
    }
    run->result->verdicts[PO_VERDICT_PAYLOADS].checked++;
    PO_TRY(run->cx, po_verify_open(run, index, record, payload));
    return po_rc_ok();
}

/* ---- records --------------------------------------------------------------------------------- */

static po_rc note_roots(struct po_verify *run)
{
    while (run->root_next < run->root_count && run->roots[run->root_next].size <= run->edge.size) {
        struct po_verify_root *wanted = &run->roots[run->root_next++];
        if (wanted->size != run->edge.size) continue;
        PO_TRY_LEAF(run->cx, po_edge_root(&run->edge, run->ledger->hash, wanted->root),
                    "hashing a root");
        wanted->is_known = true;
    }
    return po_rc_ok();
}

static po_rc scan_record(struct po_verify *run, struct window *window, uint64_t index,
                         const uint8_t *bytes)
{
    const struct po_edge_sink sink = {.user = run, .full = po_verify_on_tile};
    uint8_t leaf[PO_SHA256_BYTES];
    struct po_record record = {0};
    po_str text = po_str_n(bytes, PO_RECORD_BYTES);
    PO_TRY_LEAF(run->cx, po_hash_leaf(run->ledger->hash, text, leaf), "hashing a leaf");
    PO_TRY(run->cx, po_edge_push(run->cx, &run->edge, run->ledger->hash, leaf, &sink));
    PO_TRY(run->cx, note_roots(run));
    run->scanned = index + 1;
    if (!po_is_ok(po_record_decode(text, &record))) {
        if (run->first_unsound == UINT64_MAX) run->first_unsound = index;
        po_verify_find(run, PO_VERDICT_LEAVES,
                       po_verify_file(run, "%06lu.rec", index / PO_SEGMENT_LEAVES),
                       "leaf %lu is no record", index);
    }
    uint64_t len = po_frame_len(bytes);
    po_str frame = {0};
    bool is_sound = record.version != 0;
    if (is_sound) PO_TRY(run->cx, po_verify_numbers(run, index, &record));
    /* Behind a record that is none, nobody knows where payloads begin. */
    if (run->first_unsound > index) {
        PO_TRY(run->cx, window_get(run, window, run->segment.pay_end, len, &frame));
        PO_TRY(run->cx, check_frame(run, index, &record, leaf, frame));
    }
    run->segment.pay_end += len;
    return po_rc_ok();
}

/* A missing or short file is a finding, and the end of what can be looked at. */
static po_rc cut_here(struct po_verify *run, po_rc rc, uint64_t number, const char *ext)
{
    if (rc.code != PO_NOTFOUND && rc.code != PO_CORRUPT) return rc;
    po_err_clear(run->cx);
    run->is_cut = true;
    po_verify_find(run, PO_VERDICT_LEAVES, po_verify_file(run, "%06lu.%s", number, ext),
                   rc.code == PO_NOTFOUND ? "the file is missing" : "the file is cut short");
    return po_rc_ok();
}

static po_rc scan_block(struct po_verify *run, struct window *window, uint64_t first,
                        uint64_t count)
{
    off_t at = (off_t)(first % PO_SEGMENT_LEAVES * PO_RECORD_BYTES);
    po_ctx_pulse(run->cx);
    po_rc rc = po_fs_pread_all(run->cx, run->segment.rec_fd, run->block,
                               (size_t)count * PO_RECORD_BYTES, at);
    if (!po_is_ok(rc)) return cut_here(run, rc, first / PO_SEGMENT_LEAVES, "rec");
    PO_SCRATCH_AUTO scratch = {0};
    PO_TRY(run->cx, po_scratch_begin(run->cx, (size_t)128 << 20, &scratch));
    for (uint64_t i = 0; i < count; i++)
        PO_TRY(run->cx, scan_record(run, window, first + i, run->block + i * PO_RECORD_BYTES));
    return po_rc_ok();
}

static po_rc scan_segment(struct po_verify *run, uint64_t number)
{
    uint64_t first = number * PO_SEGMENT_LEAVES;
    uint64_t end = first + PO_SEGMENT_LEAVES;
    if (end > run->ledger->size) end = run->ledger->size;
    po_rc rc = po_segment_open(run->cx, run->ledger, number, false, &run->segment);
    if (!po_is_ok(rc)) {
        bool is_rec = run->segment.pay_len > 0;
        return cut_here(run, rc, number, is_rec ? "rec" : "pay");
    }
    PO_CLEANUP(window_done) struct window window = {0};
    po_buf_init(&window.bytes, CHUNK_BYTES + PO_PAYLOAD_BYTES_MAX);
    if (run->first_unsound != UINT64_MAX) run->first_unsound = UINT64_MAX;
    for (uint64_t at = first; at < end && !run->is_cut; at += PO_BLOCK_LEAVES) {
        uint64_t count = end - at < PO_BLOCK_LEAVES ? end - at : PO_BLOCK_LEAVES;
        PO_TRY(run->cx, scan_block(run, &window, at, count));
    }
    return po_rc_ok();
}

po_rc po_verify_scan(struct po_verify *run)
{
    PO_TRY(run->cx, note_roots(run));
    for (uint64_t number = 0; number * PO_SEGMENT_LEAVES < run->ledger->size; number++) {
        po_rc rc = scan_segment(run, number);
        if (po_is_ok(rc)) rc = po_verify_segment_tail(run, number);
        po_segment_close(&run->segment);
        PO_TRY(run->cx, rc);
        if (run->is_cut) break;
    }
    return po_rc_ok();
}
