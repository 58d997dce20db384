/*
 * Walks over the leaves: by type, by tenant, by event id, by time.
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

/* A filter with the tenant's pseudonym looked up once. */
struct resolved_filter {
    uint16_t type;
    uint8_t result;
    uint64_t tenant; /* 0: any */
};

po_rc po_ledger_pseudonym(struct po_ctx *cx, struct po_ledger *ledger, uint64_t *ret_pseudonym)
{
    return po_tenant_pseudonym(cx, ledger->keys, cx->tenant, ret_pseudonym);
}

static po_rc resolve(struct po_ctx *cx, const struct po_ledger *ledger,
                     const struct po_ledger_filter *filter, struct resolved_filter *ret)
{
    *ret = (struct resolved_filter){0};
    if (filter == NULL) return po_rc_ok();
    ret->type = (uint16_t)filter->type;
    ret->result = filter->result;
    if (filter->is_own_tenant)
        PO_TRY(cx, po_tenant_pseudonym(cx, ledger->keys, cx->tenant, &ret->tenant));
    return po_rc_ok();
}

/* Straight on the bytes: a walk passes over far more records than it stops at. */
static bool is_match(const struct resolved_filter *filter, const uint8_t *record)
{
    if (filter->type != 0 && po_le_get(record + 2, 2) != filter->type) return false;
    if (filter->result != 0 && record[5] != filter->result) return false;
    return filter->tenant == 0 || po_le_get(record + 24, 8) == filter->tenant;
}

static po_rc decode_match(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          struct po_record *ret_record)
{
    struct po_record record = {0};
    PO_TRY(cx, po_ledger_record_at(cx, ledger, index, &record));
    if (ret_record != NULL) *ret_record = record;
    return po_rc_ok();
}

/* rule: seven parameters, the published walk: three outputs and where to walk */
po_rc po_ledger_next(struct po_ctx *cx, struct po_ledger *ledger, uint64_t from,
                     const struct po_ledger_filter *filter, bool *ret_found, uint64_t *ret_index,
                     struct po_record *ret_record)
{
    struct resolved_filter wanted = {0};
    PO_TRY(cx, resolve(cx, ledger, filter, &wanted));
    for (uint64_t at = from; at < ledger->size;) {
        const uint8_t *block = NULL;
        uint32_t leaves = 0;
        PO_TRY(cx, po_ledger_block(cx, ledger, at, &block, &leaves));
        uint64_t start = at / PO_BLOCK_LEAVES * PO_BLOCK_LEAVES;
        for (; at < start + leaves; at++) {
            if (!is_match(&wanted, block + (at - start) * PO_RECORD_BYTES)) continue;
            PO_TRY(cx, decode_match(cx, ledger, at, ret_record));
            *ret_found = true;
            *ret_index = at;
            return po_rc_ok();
        }
    }
    *ret_found = false;
    return po_rc_ok();
}

/* rule: seven parameters, as po_ledger_next */
po_rc po_ledger_prev(struct po_ctx *cx, struct po_ledger *ledger, uint64_t from,
                     const struct po_ledger_filter *filter, bool *ret_found, uint64_t *ret_index,
                     struct po_record *ret_record)
{
    struct resolved_filter wanted = {0};
    PO_TRY(cx, resolve(cx, ledger, filter, &wanted));
    uint64_t end = from < ledger->size ? from + 1 : ledger->size; /* exclusive */
    while (end > 0) {
        const uint8_t *block = NULL;
        uint32_t leaves = 0;
        PO_TRY(cx, po_ledger_block(cx, ledger, end - 1, &block, &leaves));
        uint64_t start = (end - 1) / PO_BLOCK_LEAVES * PO_BLOCK_LEAVES;
        for (; end > start; end--) {
            if (!is_match(&wanted, block + (end - 1 - start) * PO_RECORD_BYTES)) continue;
            PO_TRY(cx, decode_match(cx, ledger, end - 1, ret_record));
            *ret_found = true;
            *ret_index = end - 1;
            return po_rc_ok();
        }
    }
    *ret_found = false;
    return po_rc_ok();
}

/* The event id stands in clear at byte 2 of a sealed event. */
static po_rc has_event_id(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          const uint8_t *event_id, bool *ret_is_it)
{
    struct po_segment *segment = NULL;
    uint64_t offset = 0;
    uint8_t found[16];
    PO_TRY(cx, po_ledger_payload_range(cx, ledger, index, &segment, &offset));
    PO_TRY_MSG(cx, po_fs_pread_all(cx, segment->pay_fd, found, sizeof found, (off_t)offset + 2),
               "reading ledger file '%06lu.pay'", segment->number);
    *ret_is_it = po_str_eq(po_str_n(found, 16), po_str_n(event_id, 16));
    return po_rc_ok();
}

po_rc po_ledger_find_event(struct po_ctx *cx, struct po_ledger *ledger,
                           const uint8_t event_id[static 16], uint64_t scan_max,
                           uint64_t *ret_index)
{
    uint64_t stop = ledger->size > scan_max ? ledger->size - scan_max : 0;
    for (uint64_t at = ledger->size; at > stop; at--) {
        bool is_it = false;
        PO_TRY(cx, has_event_id(cx, ledger, at - 1, event_id, &is_it));
        if (!is_it) continue;
        /* Only a leaf whose payload is what it commits to counts as found. */
        PO_BUF_AUTO payload;
        po_buf_init(&payload, PO_PAYLOAD_BYTES_MAX);
        PO_TRY(cx, po_ledger_payload_at(cx, ledger, at - 1, &payload));
        *ret_index = at - 1;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND, "no such event among the last %lu leaves", ledger->size - stop);
}

po_rc po_ledger_size_at_time(struct po_ctx *cx, struct po_ledger *ledger, po_time_us time_us,
                             uint64_t *ret_size)
{
    uint64_t low = 0; /* leaves below were received in time, leaves from high on were not */
    uint64_t high = ledger->size;
    while (low < high) {
        struct po_record record = {0};
        uint64_t middle = low + (high - low) / 2;
        PO_TRY(cx, po_ledger_record_at(cx, ledger, middle, &record));
        if (record.recv_time_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_size = low;
    return po_rc_ok();
}
