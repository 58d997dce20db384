/*
 * The sequencer: pending events into the ledger, each exactly once.
 *
 * A crash between sync and removal leaves rows whose payload is in the recovered tail; they are
 * found by payload hash and only removed. Rows made later cannot be there, so the comparison ends
 * with the first empty queue.
 */
#include "core/map.h"
#include "ledger/ledger_priv.h"

#define ROWS_AT_ONCE 1024
#define SCRATCH_BYTES ((size_t)96 << 20)

/* Payload hashes of the rows at hand; value: the row's mark. */
static po_rc map_rows(struct po_ctx *cx, const struct po_sealed *items, size_t count, bool *is_old,
                      struct po_map **ret_map)
{
    PO_TRY(cx, po_map_new(cx, count, ret_map));
    for (size_t i = 0; i < count; i++) {
        if (items[i].record.len != PO_RECORD_BYTES)
            return PO_FAIL(cx, PO_INVALID, "pending event %zu has no record", i);
        po_str hash = po_str_slice(items[i].record, 52, 52 + PO_SHA256_BYTES);
        po_rc rc = po_map_add(cx, *ret_map, hash, &is_old[i]);
        if (rc.code == PO_EXISTS) return PO_FAIL(cx, PO_INVALID, "pending event queued twice");
        PO_TRY(cx, rc);
    }
    return po_rc_ok();
}

static po_rc mark_old(struct po_ctx *cx, struct po_ledger *ledger, const struct po_map *map)
{
    uint64_t tail_end = ledger->floor + ledger->recovery.leaves_kept;
    for (uint64_t at = ledger->floor; at < tail_end; at++) {
        const uint8_t *block = NULL;
        uint32_t leaves = 0;
        PO_TRY(cx, po_ledger_block(cx, ledger, at, &block, &leaves));
        const uint8_t *record = block + at % PO_BLOCK_LEAVES * PO_RECORD_BYTES;
        bool *mark = po_map_find(map, po_str_n(record + 52, PO_SHA256_BYTES));
        if (mark != NULL) *mark = true;
    }
    return po_rc_ok();
}

/* Remove rows that are in the ledger, and close the gaps. */
static po_rc drop_old(struct po_ctx *cx, struct po_ledger *ledger,
                      const struct po_ledger_queue *queue, struct po_sealed *items, size_t *count)
{
    struct po_map *map = NULL;
    struct po_sealed *old = NULL;
    bool *is_old = NULL;
    size_t old_count = 0;
    size_t new_count = 0;
    if (ledger->is_tail_done || ledger->recovery.leaves_kept == 0) return po_rc_ok();
    PO_ARENA_NEW(cx, is_old, *count);
    PO_ARENA_NEW(cx, old, *count);
    PO_TRY(cx, map_rows(cx, items, *count, is_old, &map));
    PO_TRY(cx, mark_old(cx, ledger, map));
    for (size_t i = 0; i < *count; i++) {
        if (is_old[i])
            old[old_count++] = items[i];
        else
            items[new_count++] = items[i];
    }
    if (old_count > 0) PO_TRY(cx, queue->remove(cx, queue->user, old, old_count));
    *count = new_count;
    return po_rc_ok();
}

/* How many of the rows fit one batch. */
static size_t batch_len(const struct po_sealed *items, size_t count)
{
    size_t bytes = 0;
    size_t fit = 0;
    while (fit < count) {
        bytes += items[fit].payload.len;
        if (fit > 0 && bytes > (size_t)32 << 20) break;
        fit++;
    }
    return fit;
}

static po_rc append_rows(struct po_ctx *cx, struct po_ledger *ledger,
                         const struct po_ledger_queue *queue, const struct po_sealed *items,
                         size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t part = batch_len(items + done, count - done);
        PO_TRY(cx, po_ledger_append(cx, ledger, items + done, part, NULL));
        po_rc rc = queue->remove(cx, queue->user, items + done, part);
        /* The rows would be appended twice: only a fresh start tells them from new ones. */
        if (!po_is_ok(rc)) ledger->is_broken = true;
        PO_TRY_MSG(cx, rc, "removing events that the ledger holds");
        done += part;
    }
    return po_rc_ok();
}

static po_rc sequence_some(struct po_ctx *cx, struct po_ledger *ledger,
                           const struct po_ledger_queue *queue, bool *ret_is_empty)
{
    struct po_sealed *items = NULL;
    size_t count = 0;
    PO_SCRATCH_AUTO scratch = {0};
    PO_TRY(cx, po_scratch_begin(cx, SCRATCH_BYTES, &scratch));
    PO_TRY(cx, queue->list(cx, queue->user, ROWS_AT_ONCE, &items, &count));
    *ret_is_empty = count == 0;
    if (count == 0) return po_rc_ok();
    PO_TRY(cx, drop_old(cx, ledger, queue, items, &count));
    PO_TRY(cx, append_rows(cx, ledger, queue, items, count));
    return po_rc_ok();
}

/* @control CC7.2 PI1.5 */
po_rc po_ledger_sequence(struct po_ctx *cx, struct po_ledger *ledger,
                         const struct po_ledger_queue *queue, uint64_t *ret_count)
{
    PO_TRY(cx, po_ledger_writable(cx, ledger));
    uint64_t before = ledger->size;
    for (bool is_empty = false; !is_empty;)
        PO_TRY(cx, sequence_some(cx, ledger, queue, &is_empty));
    ledger->is_tail_done = true;
    if (ret_count != NULL) *ret_count = ledger->size - before;
    return po_rc_ok();
}
