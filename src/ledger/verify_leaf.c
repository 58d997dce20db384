/*
 * One leaf of `ledger verify`: its numbers and time, and, with keys, its content.
 */
#include "ledger/record_priv.h"
#include "ledger/verify_priv.h"

static po_rc check_number(struct po_verify *run, struct po_verify_counts *numbers, uint64_t who,
                          uint64_t seq, uint64_t index)
{
    uint8_t key[8];
    const char *kind = numbers == &run->tenants ? "tenant" : "producer";
    po_le_put(key, who, 8);
    uint64_t *last = po_map_find(numbers->map, po_str_n(key, 8));
    if (last == NULL) {
        last = po_arena_alloc(run->arena, 1, sizeof *last);
        if (last == NULL) return PO_FAIL(run->cx, PO_NOMEM, "out of memory for %ss", kind);
        struct po_arena *scratch = run->cx->arena;
        run->cx->arena = run->arena;
        po_rc rc = po_map_add(run->cx, numbers->map, po_str_n(key, 8), last);
        run->cx->arena = scratch;
        PO_TRY(run->cx, rc);
    }
    numbers->checked++;
    if (seq != *last + 1)
        po_verify_find(run, PO_VERDICT_COMPLETENESS,
                       po_verify_file(run, "%06lu.rec", index / PO_SEGMENT_LEAVES),
                       "%s %016lx: leaf %lu has number %lu where %lu is due", kind, who, index, seq,
                       *last + 1);
    *last = seq;
    return po_rc_ok();
}

static const po_tenant_id *tenant_of(const struct po_verify *run, uint64_t pseudonym)
{
    for (size_t i = 0; i < run->tenant_count; i++)
        if (run->pseudonyms[i] == pseudonym) return &run->tenant_ids[i];
    return NULL;
}

/* What does not open is the payload's fault; what opens and disagrees, the record's. */
static void fault(struct po_verify *run, uint64_t index, const char *ext, const char *what)
{
    po_verify_find(run, PO_VERDICT_COMMITMENTS,
                   po_verify_file(run, "%06lu.%s", index / PO_SEGMENT_LEAVES, ext), "leaf %lu: %s",
                   index, what);
}

/* What the record says in clear must be what the event says. */
static void compare_event(struct po_verify *run, uint64_t index, const struct po_record *record,
                          const struct po_event_view *view, po_tenant_id tenant)
{
    const struct po_event_type_row *row = po_event_type_find(view->event_type);
    enum po_event_result result = PO_EVENT_ERROR;
    bool is_same = row != NULL && (uint16_t)row->type == record->event_type &&
                   po_record_action_code(view->action) == record->action &&
                   po_is_ok(po_event_result_parse(view->result, &result)) &&
                   (uint8_t)result == record->result && (uint64_t)view->tenant == tenant.value;
    if (!is_same) fault(run, index, "rec", "the event says something else than its record");
}

static po_rc open_leaf(struct po_verify *run, uint64_t index, const struct po_record *record,
                       po_str payload, po_tenant_id tenant)
{
    struct po_opening opening = {0};
    struct po_event_view view = {0};
    uint8_t commit[PO_SHA256_BYTES];
    po_buf_clear(&run->event);
    po_rc rc = po_sealed_open(run->cx, run->ledger->keys, tenant, payload, &run->event, &opening);
    if (rc.code == PO_UNAVAILABLE || rc.code == PO_NOTFOUND) {
        po_err_clear(run->cx);
        run->unopened++;
        return po_rc_ok();
    }
    if (rc.code == PO_TAMPER || rc.code == PO_CORRUPT) {
        fault(run, index, "pay", po_err_msg(run->cx));
        po_err_clear(run->cx);
        return po_rc_ok();
    }
    PO_TRY(run->cx, rc);
    run->opened++;
    PO_TRY_LEAF(run->cx, po_opening_commit(&opening, po_buf_str(&run->event), commit),
                "committing to an event");
    if (!po_digest_eq(commit, record->content_commit)) {
        fault(run, index, "rec", "the event is not the one its record commits to");
        return po_rc_ok();
    }
    rc = po_event_parse(run->cx, po_buf_str(&run->event), &view);
    if (rc.code == PO_INVALID || rc.code == PO_LIMIT) {
        fault(run, index, "pay", po_err_msg(run->cx));
        po_err_clear(run->cx);
        return po_rc_ok();
    }
    PO_TRY(run->cx, rc);
    compare_event(run, index, record, &view, tenant);
    return po_rc_ok();
}

po_rc po_verify_open(struct po_verify *run, uint64_t index, const struct po_record *record,
                     po_str payload)
{
    if (run->options->skip_commitments || !run->has_keys) return po_rc_ok();
    const po_tenant_id *tenant = tenant_of(run, record->tenant);
    if (tenant == NULL) {
        run->unopened += run->options->passes_over_others ? 0 : 1;
        return po_rc_ok();
    }
    PO_TRY(run->cx, open_leaf(run, index, record, payload, *tenant));
    return po_rc_ok();
}

po_rc po_verify_numbers(struct po_verify *run, uint64_t index, const struct po_record *record)
{
    if (record->recv_time_us < run->last_recv_us)
        po_verify_find(run, PO_VERDICT_TIME,
                       po_verify_file(run, "%06lu.rec", index / PO_SEGMENT_LEAVES),
                       "leaf %lu was received before the leaf before it", index);
    run->last_recv_us = record->recv_time_us;
    run->result->verdicts[PO_VERDICT_TIME].checked++;
    PO_TRY(run->cx, check_number(run, &run->tenants, record->tenant, record->tenant_seq, index));
    if (record->producer != 0)
        PO_TRY(run->cx,
               check_number(run, &run->producers, record->producer, record->producer_seq, index));
    return po_rc_ok();
}
