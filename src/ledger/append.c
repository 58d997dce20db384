/*
 * Appending: numbering a batch, writing it, one sync for each file, then memory and tiles.
 *
 * Invariants
 *  1. Nothing in memory says a leaf exists before both its files are synced.
 *  2. After any failure behind the marker the ledger takes nothing more until it is opened again.
 */
#include "core/random.h"
#include "ledger/ledger_priv.h"

#define BATCH_PAYLOAD_BYTES_MAX ((size_t)64 << 20)
#define WRITE_CHUNK_BYTES ((size_t)1 << 20)

/* ---- tenants' sequence numbers --------------------------------------------------------------- */

void po_ledger_tenant_note(struct po_ledger *ledger, uint64_t tenant, uint64_t seq)
{
    const struct po_ledger_tenant_seq entry = {.tenant = tenant, .seq = seq};
    for (size_t i = 0; i < ledger->tenant_count; i++) {
        if (ledger->tenants[i].tenant != tenant) continue;
        ledger->tenants[i] = entry;
        return;
    }
    if (ledger->tenant_count < PO_LEDGER_TENANTS_MAX) {
        ledger->tenants[ledger->tenant_count++] = entry;
        return;
    }
    ledger->tenants[ledger->tenant_next] = entry;
    ledger->tenant_next = (ledger->tenant_next + 1) % PO_LEDGER_TENANTS_MAX;
}

/* Looked up once in the files, walking back; then kept. */
po_rc po_ledger_tenant_last(struct po_ctx *cx, struct po_ledger *ledger, uint64_t tenant,
                            uint64_t *ret_seq)
{
    for (size_t i = 0; i < ledger->tenant_count; i++) {
        if (ledger->tenants[i].tenant != tenant) continue;
        *ret_seq = ledger->tenants[i].seq;
        return po_rc_ok();
    }
    uint64_t seq = 0;
    for (uint64_t end = ledger->size; end > 0 && seq == 0; end--) {
        const uint8_t *block = NULL;
        uint32_t leaves = 0;
        PO_TRY(cx, po_ledger_block(cx, ledger, end - 1, &block, &leaves));
        const uint8_t *record = block + (end - 1) % PO_BLOCK_LEAVES * PO_RECORD_BYTES;
        if (po_le_get(record + 24, 8) == tenant) seq = po_le_get(record + 32, 6);
    }
    po_ledger_tenant_note(ledger, tenant, seq);
    *ret_seq = seq;
    return po_rc_ok();
}

/* ---- preparing ------------------------------------------------------------------------------- */

static int32_t delta_ms(po_time_us recv_us, po_time_us own_us)
{
    po_time_us delta = (recv_us - own_us) / PO_US_PER_MS;
    if (delta > INT32_MAX) return INT32_MAX;
    if (delta < INT32_MIN) return INT32_MIN;
    return (int32_t)delta;
}

/* A pending row comes from a database: believe it only where it agrees with itself. */
static po_rc check_item(struct po_ctx *cx, struct po_ledger *ledger, const struct po_sealed *item)
{
    struct po_record record = {0};
    uint8_t hash[PO_SHA256_BYTES];
    char id[PO_UUID_TEXT_BYTES];
    po_uuid_format(item->event_id, id);
    PO_TRY_LEAF(cx, po_record_decode(item->record, &record), "pending event %s has no record", id);
    PO_TRY_LEAF(cx, po_hash_begin(ledger->hash), "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_update(ledger->hash, item->payload), "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_end(ledger->hash, hash), "hashing a payload");
    if (item->payload.len != record.payload_len || !po_digest_eq(hash, record.payload_hash))
        return PO_FAIL(cx, PO_INVALID, "pending event %s does not match its record", id);
    return po_rc_ok();
}

static po_rc number_item(struct po_ctx *cx, struct po_ledger *ledger, struct po_record *record,
                         po_time_us now_us)
{
    uint64_t last_seq = 0;
    PO_TRY(cx, po_ledger_tenant_last(cx, ledger, record->tenant, &last_seq));
    po_time_us own_us = record->recv_time_us;
    bool is_back = now_us < ledger->last_recv_us;
    record->recv_time_us = is_back ? ledger->last_recv_us : now_us;
    if (is_back) record->flags |= PO_RECORD_FLAG_CLOCK_BACK;
    record->producer_delta_ms = delta_ms(record->recv_time_us, own_us);
    record->tenant_seq = last_seq + 1;
    po_ledger_tenant_note(ledger, record->tenant, record->tenant_seq);
    ledger->last_recv_us = record->recv_time_us;
    return po_rc_ok();
}

po_rc po_ledger_batch_prepare(struct po_ctx *cx, struct po_ledger *ledger,
                              struct po_ledger_batch *batch)
{
    po_time_us now_us = po_ctx_now_us(cx);
    batch->frame_bytes = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct po_record record = {0};
        PO_TRY_LEAF(cx, po_record_decode(batch->items[i].record, &record), "not a record");
        PO_TRY(cx, number_item(cx, ledger, &record, now_us));
        char *at = po_buf_extend(&batch->records, PO_RECORD_BYTES);
        if (at == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a batch");
        PO_TRY_LEAF(cx, po_record_encode(&record, (uint8_t *)at), "a record does not fit");
        batch->frame_bytes += record.payload_len + PO_FRAME_CHECK_BYTES;
    }
    return po_rc_ok();
}

/* ---- writing --------------------------------------------------------------------------------- */

static po_rc flush_chunk(struct po_ctx *cx, struct po_segment *segment, struct po_buf *chunk,
                         uint64_t *offset)
{
    char name[16];
    po_segment_name(name, segment->number, "pay");
    PO_TRY_LEAF(cx, po_buf_check(chunk), "out of memory for payloads");
    PO_TRY_MSG(cx, po_fs_pwrite_all(cx, segment->pay_fd, po_buf_str(chunk), (off_t)*offset),
               "ledger file '%s'", name);
    *offset += chunk->len;
    po_buf_clear(chunk);
    return po_rc_ok();
}

static po_rc write_frames(struct po_ctx *cx, struct po_ledger *ledger,
                          const struct po_ledger_batch *batch)
{
    struct po_segment *segment = &ledger->seg;
    uint64_t offset = segment->pay_end;
    PO_BUF_AUTO chunk;
    po_buf_init(&chunk, WRITE_CHUNK_BYTES + PO_PAYLOAD_BYTES_MAX + PO_FRAME_CHECK_BYTES);
    for (size_t i = 0; i < batch->count; i++) {
        uint8_t leaf[PO_SHA256_BYTES];
        po_str record = po_str_slice(po_buf_str(&batch->records), i * PO_RECORD_BYTES,
                                     (i + 1) * PO_RECORD_BYTES);
        PO_TRY_LEAF(cx, po_hash_leaf(ledger->hash, record, leaf), "hashing a leaf");
        po_buf_append(&chunk, batch->items[i].payload);
        po_buf_append(&chunk, po_str_n(leaf, PO_FRAME_CHECK_BYTES));
        if (chunk.len >= WRITE_CHUNK_BYTES || i + 1 == batch->count)
            PO_TRY(cx, flush_chunk(cx, segment, &chunk, &offset));
    }
    return po_rc_ok();
}

/* The segment that takes the next leaf; made when the last one is full. */
static po_rc writing_segment(struct po_ctx *cx, struct po_ledger *ledger)
{
    uint64_t number = ledger->size / PO_SEGMENT_LEAVES;
    uint64_t leaves = ledger->size % PO_SEGMENT_LEAVES;
    struct po_segment *segment = &ledger->seg;
    bool is_it = segment->is_open && segment->is_writable && segment->number == number;
    if (!is_it && leaves == 0)
        PO_TRY(cx, po_segment_create(cx, ledger, number, segment));
    else if (!is_it)
        PO_TRY(cx, po_segment_open(cx, ledger, number, true, segment));
    if (!is_it) segment->is_name_synced = ledger->floor > number * PO_SEGMENT_LEAVES;
    PO_TRY(cx, po_segment_index(cx, segment, leaves));
    return po_rc_ok();
}

po_rc po_ledger_batch_write(struct po_ctx *cx, struct po_ledger *ledger,
                            const struct po_ledger_batch *batch)
{
    char name[16];
    PO_TRY(cx, po_ledger_marker_set(cx, ledger, true));
    PO_TRY(cx, writing_segment(cx, ledger));
    struct po_segment *segment = &ledger->seg;
    uint64_t rec_at = segment->leaves * PO_RECORD_BYTES;
    PO_TRY(cx, po_segment_extend(cx, segment, rec_at + batch->records.len,
                                 segment->pay_end + batch->frame_bytes));
    PO_TRY(cx, write_frames(cx, ledger, batch));
    po_segment_name(name, segment->number, "rec");
    PO_TRY_MSG(cx,
               po_fs_pwrite_all(cx, segment->rec_fd, po_buf_str(&batch->records), (off_t)rec_at),
               "ledger file '%s'", name);
    return po_rc_ok();
}

/* ---- after the sync -------------------------------------------------------------------------- */

static po_rc keep_batch(struct po_ctx *cx, struct po_ledger *ledger,
                        const struct po_ledger_batch *batch)
{
    const uint8_t *records = (const uint8_t *)batch->records.ptr;
    ledger->is_clear_pending = false;
    ledger->size += batch->count;
    PO_TRY(cx, po_segment_index(cx, &ledger->seg,
                                ledger->size - ledger->seg.number * PO_SEGMENT_LEAVES));
    for (size_t i = 0; i < batch->count; i++)
        PO_TRY(cx, po_ledger_edge_add(cx, ledger, records + i * PO_RECORD_BYTES));
    return po_rc_ok();
}

static po_rc append_in_segment(struct po_ctx *cx, struct po_ledger *ledger,
                               const struct po_sealed *items, size_t count)
{
    PO_CLEANUP(po_ledger_batch_done)
    struct po_ledger_batch batch = {.items = items, .count = count};
    po_buf_init(&batch.records, (size_t)PO_LEDGER_BATCH_MAX * PO_RECORD_BYTES);
    PO_TRY(cx, po_ledger_batch_prepare(cx, ledger, &batch));
    PO_TRY(cx, po_ledger_batch_write(cx, ledger, &batch));
    PO_TRY(cx, po_segment_sync(cx, ledger, &ledger->seg));
    PO_TRY(cx, keep_batch(cx, ledger, &batch));
    return po_rc_ok();
}

void po_ledger_batch_done(struct po_ledger_batch *batch) { po_buf_done(&batch->records); }

static po_rc check_batch(struct po_ctx *cx, struct po_ledger *ledger, const struct po_sealed *items,
                         size_t count)
{
    size_t bytes = 0;
    PO_TRY(cx, po_ledger_writable(cx, ledger));
    if (count > PO_LEDGER_BATCH_MAX) return PO_FAIL(cx, PO_LIMIT, "batch of %zu events", count);
    for (size_t i = 0; i < count; i++)
        bytes += items[i].payload.len;
    if (bytes > BATCH_PAYLOAD_BYTES_MAX && count > 1)
        return PO_FAIL(cx, PO_LIMIT, "batch of %zu bytes", bytes);
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, check_item(cx, ledger, &items[i]));
    return po_rc_ok();
}

/* @control CC7.2 */
po_rc po_ledger_append(struct po_ctx *cx, struct po_ledger *ledger, const struct po_sealed *items,
                       size_t count, uint64_t *ret_first)
{
    PO_TRY(cx, check_batch(cx, ledger, items, count));
    uint64_t first = ledger->size;
    for (size_t done = 0; done < count;) {
        uint64_t room = PO_SEGMENT_LEAVES - ledger->size % PO_SEGMENT_LEAVES;
        size_t part = count - done < room ? count - done : (size_t)room;
        po_rc rc = append_in_segment(cx, ledger, items + done, part);
        if (!po_is_ok(rc)) ledger->is_broken = true;
        PO_TRY_MSG(cx, rc, "appending to the ledger");
        done += part;
    }
    if (ret_first != NULL) *ret_first = first;
    return po_rc_ok();
}
