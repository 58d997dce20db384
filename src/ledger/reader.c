/*
 * Reading leaves: records by blocks of 256, payloads, opened events.
 *
 * Invariants
 *  1. A payload is given out only when it has the hash its record commits to.
 *  2. An event is given out only to its own tenant, and only when it matches the commitment.
 */
#include "ledger/ledger_priv.h"

/* ---- segments and blocks --------------------------------------------------------------------- */

po_rc po_ledger_segment(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                        struct po_segment **ret_segment)
{
    uint64_t number = index / PO_SEGMENT_LEAVES;
    uint64_t before = number * PO_SEGMENT_LEAVES;
    struct po_segment *segment = &ledger->seg;
    if (!segment->is_open || segment->number != number) {
        segment = &ledger->old;
        if (!segment->is_open || segment->number != number)
            PO_TRY(cx, po_segment_open(cx, ledger, number, false, segment));
    }
    uint64_t leaves = ledger->size - before;
    if (leaves > PO_SEGMENT_LEAVES) leaves = PO_SEGMENT_LEAVES;
    PO_TRY(cx, po_segment_index(cx, segment, leaves));
    *ret_segment = segment;
    return po_rc_ok();
}

po_rc po_ledger_block(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                      const uint8_t **ret_block, uint32_t *ret_leaves)
{
    uint64_t number = index / PO_BLOCK_LEAVES;
    uint64_t left = ledger->size - number * PO_BLOCK_LEAVES;
    uint32_t leaves = left < PO_BLOCK_LEAVES ? (uint32_t)left : PO_BLOCK_LEAVES;
    PO_INVARIANT(cx, index < ledger->size);
    if (ledger->block_index != number || ledger->block_leaves != leaves) {
        struct po_segment *segment = NULL;
        char name[16];
        po_ctx_pulse(cx);
        ledger->block_index = UINT64_MAX;
        PO_TRY(cx, po_ledger_segment(cx, ledger, index, &segment));
        po_segment_name(name, segment->number, "rec");
        uint64_t at = number * PO_BLOCK_LEAVES % PO_SEGMENT_LEAVES * PO_RECORD_BYTES;
        PO_TRY_MSG(cx,
                   po_fs_pread_all(cx, segment->rec_fd, ledger->block,
                                   (size_t)leaves * PO_RECORD_BYTES, (off_t)at),
                   "reading ledger file '%s'", name);
        ledger->block_index = number;
        ledger->block_leaves = leaves;
    }
    *ret_block = ledger->block;
    *ret_leaves = leaves;
    return po_rc_ok();
}

static po_rc record_bytes(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          const uint8_t **ret_bytes)
{
    const uint8_t *block = NULL;
    uint32_t leaves = 0;
    if (index >= ledger->size)
        return PO_FAIL(cx, PO_NOTFOUND, "the ledger has %lu leaves, no leaf %lu", ledger->size,
                       index);
    PO_TRY(cx, po_ledger_block(cx, ledger, index, &block, &leaves));
    *ret_bytes = block + index % PO_BLOCK_LEAVES * PO_RECORD_BYTES;
    return po_rc_ok();
}

po_rc po_ledger_record_bytes_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                                uint8_t ret_bytes[static PO_RECORD_BYTES])
{
    const uint8_t *bytes = NULL;
    PO_TRY(cx, record_bytes(cx, ledger, index, &bytes));
    memcpy(ret_bytes, bytes, PO_RECORD_BYTES);
    return po_rc_ok();
}

static po_rc decode_at(struct po_ctx *cx, const uint8_t *bytes, uint64_t index,
                       struct po_record *ret_record)
{
    PO_TRY_LEAF(cx, po_record_decode(po_str_n(bytes, PO_RECORD_BYTES), ret_record),
                "ledger file '%06lu.rec': leaf %lu is no record", index / PO_SEGMENT_LEAVES, index);
    return po_rc_ok();
}

po_rc po_ledger_record_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          struct po_record *ret_record)
{
    const uint8_t *bytes = NULL;
    PO_TRY(cx, record_bytes(cx, ledger, index, &bytes));
    po_rc rc = decode_at(cx, bytes, index, ret_record);
    if (rc.code == PO_INVALID) cx->err.code = rc.code = PO_CORRUPT;
    return rc;
}

/* ---- payloads -------------------------------------------------------------------------------- */

po_rc po_ledger_payload_range(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                              struct po_segment **ret_segment, uint64_t *ret_offset)
{
    const uint8_t *block = NULL;
    uint32_t leaves = 0;
    struct po_segment *segment = NULL;
    PO_TRY(cx, po_ledger_block(cx, ledger, index, &block, &leaves));
    PO_TRY(cx, po_ledger_segment(cx, ledger, index, &segment));
    uint64_t offset = segment->block_start[index % PO_SEGMENT_LEAVES / PO_BLOCK_LEAVES];
    for (uint64_t i = 0; i < index % PO_BLOCK_LEAVES; i++)
        offset += po_frame_len(block + i * PO_RECORD_BYTES);
    *ret_segment = segment;
    *ret_offset = offset;
    return po_rc_ok();
}

static po_rc read_payload(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index, size_t len,
                          struct po_buf *out)
{
    struct po_segment *segment = NULL;
    uint64_t offset = 0;
    PO_TRY(cx, po_ledger_payload_range(cx, ledger, index, &segment, &offset));
    po_buf_clear(out);
    char *at = po_buf_extend(out, len);
    if (at == NULL) return PO_FAIL(cx, out->status, "no room for a payload of %zu bytes", len);
    po_rc rc = po_fs_pread_all(cx, segment->pay_fd, at, len, (off_t)offset);
    if (!po_is_ok(rc)) po_buf_clear(out);
    PO_TRY_MSG(cx, rc, "reading ledger file '%06lu.pay'", segment->number);
    return po_rc_ok();
}

po_rc po_ledger_payload_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                           struct po_buf *out)
{
    struct po_record record = {0};
    uint8_t hash[PO_SHA256_BYTES];
    PO_TRY(cx, po_ledger_record_at(cx, ledger, index, &record));
    PO_TRY(cx, read_payload(cx, ledger, index, record.payload_len, out));
    PO_TRY_LEAF(cx, po_hash_begin(ledger->hash), "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_update(ledger->hash, po_buf_str(out)), "hashing a payload");
    PO_TRY_LEAF(cx, po_hash_end(ledger->hash, hash), "hashing a payload");
    if (!po_digest_eq(hash, record.payload_hash)) {
        po_buf_clear(out);
        return PO_FAIL(cx, PO_TAMPER,
                       "ledger file '%06lu.pay': the payload of leaf %lu is not the one its record "
                       "commits to",
                       index / PO_SEGMENT_LEAVES, index);
    }
    return po_rc_ok();
}

/* ---- events ---------------------------------------------------------------------------------- */

static po_rc check_commitment(struct po_ctx *cx, const struct po_record *record, uint64_t index,
                              const struct po_opening *opening, po_str event_bytes)
{
    uint8_t commit[PO_SHA256_BYTES];
    PO_TRY_LEAF(cx, po_opening_commit(opening, event_bytes, commit), "committing to an event");
    if (!po_digest_eq(commit, record->content_commit))
        return PO_FAIL(cx, PO_TAMPER, "the event of leaf %lu is not the one its record commits to",
                       index);
    return po_rc_ok();
}

po_rc po_ledger_event_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                         struct po_buf *out, struct po_opening *ret_opening)
{
    struct po_record record = {0};
    struct po_opening opening = {0};
    uint64_t pseudonym = 0;
    PO_TRY(cx, po_ledger_record_at(cx, ledger, index, &record));
    PO_TRY(cx, po_tenant_pseudonym(cx, ledger->keys, cx->tenant, &pseudonym));
    if (record.tenant != pseudonym)
        return PO_FAIL(cx, PO_NOTFOUND, "no leaf %lu of this tenant", index);
    PO_BUF_AUTO payload;
    po_buf_init(&payload, PO_PAYLOAD_BYTES_MAX);
    PO_TRY(cx, po_ledger_payload_at(cx, ledger, index, &payload));
    po_buf_clear(out);
    PO_TRY_MSG(cx,
               po_sealed_open(cx, ledger->keys, cx->tenant, po_buf_str(&payload), out, &opening),
               "leaf %lu", index);
    po_rc rc = check_commitment(cx, &record, index, &opening, po_buf_str(out));
    if (po_is_ok(rc) && ret_opening != NULL) *ret_opening = opening;
    if (!po_is_ok(rc)) po_buf_clear(out);
    po_wipe(&opening, sizeof opening);
    return rc;
}
