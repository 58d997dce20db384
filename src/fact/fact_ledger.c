/*
 * Facts of the ledger: head, event shape, sequence, retention, heartbeat, intents, runs, sealing.
 */
#include "fact_pass_priv.h"

#include "store/store.h"

/* ---- ledger.head ----------------------------------------------------------------------------- */

/* The published checkpoint against the tree as it is now. */
static PO_RC put_checkpoint(struct po_ctx *cx, struct po_ledger *ledger, struct po_json_out *out)
{
    PO_BUF_AUTO note = {0};
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    po_rc rc = po_ledger_note(cx, ledger, &note);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        po_fact_put_null(out, "checkpoint");
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    struct po_checkpoint checkpoint = {0};
    bool is_note = po_is_ok(po_checkpoint_parse(po_buf_str(&note), &checkpoint));
    bool is_inside = is_note && checkpoint.size > 0 && checkpoint.size <= po_ledger_size(ledger);
    uint8_t root[PO_SHA256_BYTES] = {0};
    struct po_record last = {0};
    if (is_inside) {
        PO_TRY(cx, po_ledger_root_at(cx, ledger, checkpoint.size, root));
        PO_TRY(cx, po_ledger_record_at(cx, ledger, checkpoint.size - 1, &last));
    }
    bool is_equal = is_inside && po_str_eq(po_str_n(root, sizeof root),
                                           po_str_n(checkpoint.root, sizeof checkpoint.root));
    po_json_out_key(out, "checkpoint");
    po_json_out_object(out);
    po_fact_put_bool(out, "well_formed", is_note);
    po_fact_put_int(out, "size", (int64_t)checkpoint.size);
    po_fact_put_digest(out, "root", checkpoint.root);
    po_fact_put_bool(out, "root_equals_tree", is_equal);
    po_fact_put_opt(out, "newest_leaf_us", is_inside ? last.recv_time_us : -1);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(ledger_head)
{
    struct po_ledger *ledger = NULL;
    PO_TRY(cx, po_fact_ledger(cx, set, &ledger));
    uint64_t size = po_ledger_size(ledger);
    uint8_t root[PO_SHA256_BYTES] = {0};
    if (size > 0) PO_TRY(cx, po_ledger_root_at(cx, ledger, size, root));
    const char *reason = po_ledger_read_only_reason(ledger);
    struct po_ledger_recovery recovery = po_ledger_recovered(ledger);
    po_json_out_object(out);
    po_fact_put_int(out, "size", (int64_t)size);
    po_fact_put_digest(out, "root", root);
    po_fact_put_cstr(out, "origin", po_ledger_origin_of(ledger));
    po_fact_put_bool(out, "can_extend", reason == NULL);
    po_json_out_key(out, "read_only_reason");
    if (reason == NULL)
        po_json_out_null(out);
    else
        po_json_out_cstr(out, reason);
    po_fact_put_bool(out, "writer_ended_cleanly", !recovery.was_open);
    po_fact_put_int(out, "recovered_leaves", (int64_t)recovery.leaves_kept);
    PO_TRY(cx, put_checkpoint(cx, ledger, out));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- ledger.events, ledger.sequence ----------------------------------------------------------- */

PO_FACT_READER(ledger_events)
{
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)events->from);
    po_fact_put_int(out, "to", (int64_t)events->to);
    po_fact_put_int(out, "checked", (int64_t)events->checked);
    po_fact_put_int(out, "opened", (int64_t)events->opened);
    po_fact_put_int(out, "valid", (int64_t)events->valid);
    po_fact_put_int(out, "refused", (int64_t)events->refused);
    po_fact_put_int(out, "without_key", (int64_t)events->no_key);
    po_fact_put_int(out, "other_tenants", (int64_t)events->foreign);
    po_json_out_key(out, "first_bad");
    if (events->first_bad_why == NULL) {
        po_json_out_null(out);
    } else {
        po_json_out_object(out);
        po_fact_put_int(out, "leaf", (int64_t)events->first_bad_leaf);
        po_fact_put_cstr(out, "why", events->first_bad_why);
        po_json_out_object_end(out);
    }
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(ledger_sequence)
{
    const struct po_fact_records *records = NULL;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)records->from);
    po_fact_put_int(out, "to", (int64_t)records->size);
    po_fact_put_int(out, "events", (int64_t)records->events);
    po_fact_put_int(out, "tenants", (int64_t)records->tenant_count);
    po_fact_put_bool(out, "all_tenants_counted", !records->is_tenants_full);
    po_fact_put_int(out, "missing", (int64_t)records->missing);
    po_fact_put_int(out, "repeated", (int64_t)records->repeated);
    po_fact_put_int(out, "gap_records", (int64_t)records->gap_records);
    po_fact_put_int(out, "time_went_back", (int64_t)records->time_back);
    po_fact_put_int(out, "clock_went_back", (int64_t)records->clock_back);
    po_fact_put_int(out, "unknown_types", (int64_t)records->unknown_types);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- ledger.types ------------------------------------------------------------------------------ */

PO_FACT_READER(ledger_types)
{
    const struct po_fact_records *records = NULL;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    size_t count = 0;
    const struct po_event_type_row *rows = po_event_type_table(&count);
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)records->from);
    po_fact_put_array(out, "types");
    for (size_t i = 0; i < count; i++) {
        if ((size_t)rows[i].type >= PO_FACT_TYPES_MAX) continue;
        const struct po_fact_type_count *type = &records->types[rows[i].type];
        if (type->count == 0) continue;
        po_json_out_object(out);
        po_fact_put_cstr(out, "type", rows[i].name);
        po_fact_put_int(out, "count", (int64_t)type->count);
        po_fact_put_int(out, "not_success", (int64_t)type->failed);
        po_fact_put_int(out, "newest_leaf", (int64_t)type->newest_leaf);
        po_fact_put_int(out, "newest_us", type->newest_us);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- ledger.retention ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t period_days; /* 0: without end */
} retention_rows[PO_FACT_RETENTIONS] = {
    [PO_RETENTION_SHORT] = {"short", 90},
    [PO_RETENTION_STANDARD] = {"standard", 365},
    [PO_RETENTION_LONG] = {"long", 7 * 365},
    [PO_RETENTION_PERMANENT] = {"permanent", 0},
};
#define RETENTION_GRACE_DAYS 30

/*
 * Nothing prunes yet: an event is kept since the system began, unless numbers are missing or payloads
 * were purged. Then the facts say so and no class counts as kept.
 */
PO_FACT_READER(ledger_retention)
{
    const struct po_fact_records *records = NULL;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    bool is_whole = records->missing == 0 && records->from == 0;
    po_json_out_object(out);
    po_fact_put_opt(out, "system_since_us", records->size > 0 ? records->first_us : -1);
    po_fact_put_int(out, "leaves", (int64_t)(records->size - records->foreign));
    po_fact_put_int(out, "tombstones", (int64_t)records->tombstones);
    po_fact_put_int(out, "missing", (int64_t)records->missing);
    po_fact_put_bool(out, "whole", is_whole);
    po_fact_put_array(out, "classes");
    for (size_t i = 1; i < PO_FACT_RETENTIONS; i++) {
        const struct po_fact_retention *class = &records->retentions[i];
        po_time_us end = (retention_rows[i].period_days + RETENTION_GRACE_DAYS) * PO_US_PER_DAY;
        bool is_past = retention_rows[i].period_days > 0 && class->count > 0 &&
                       class->oldest_us + end < set->now_us;
        po_json_out_object(out);
        po_fact_put_cstr(out, "class", retention_rows[i].name);
        po_fact_put_int(out, "period_days", retention_rows[i].period_days);
        po_fact_put_int(out, "count", (int64_t) class->count);
        po_fact_put_opt(out, "oldest_us", class->count > 0 ? class->oldest_us : -1);
        po_fact_put_bool(out, "beyond_period_and_grace", is_past);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- ledger.heartbeat ---------------------------------------------------------------------------- */

/* The newest event before this command's own (law 6: a check does not count its own traces). */
PO_FACT_READER(ledger_heartbeat)
{
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    bool is_found = events->last_other_us > 0;
    int64_t age_us = set->now_us - events->last_other_us;
    po_json_out_object(out);
    po_fact_put_bool(out, "found", is_found);
    po_fact_put_opt(out, "last_us", is_found ? events->last_other_us : -1);
    po_json_out_key(out, "age_s");
    if (is_found)
        po_json_out_int(out, age_us / PO_US_PER_S);
    else
        po_json_out_null(out);
    po_fact_put_int(out, "own_events_left_out", (int64_t)events->own);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- ledger.sealing ------------------------------------------------------------------------------- */

struct own_keys {
    po_tenant_id tenant;
    const struct po_store_data_key_info *at; /* of all tenants */
    size_t count;
};

static bool is_epoch_live(const struct own_keys *keys, size_t epoch)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->at[i].tenant.value == keys->tenant.value && keys->at[i].epoch == epoch &&
            keys->at[i].opens)
            return true;
    return false;
}

PO_FACT_READER(ledger_sealing)
{
    const struct po_fact_records *records = NULL;
    const struct po_fact_events *events = NULL;
    struct po_store *store = NULL;
    struct po_store_data_key_info *keys = NULL;
    size_t key_count = 0;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    PO_TRY(cx, po_fact_store(cx, set, &store));
    PO_TRY(cx, po_store_data_key_list(cx, store, &keys, &key_count));
    const struct own_keys own = {set->tenant, keys, key_count};
    uint64_t live = 0;
    po_json_out_object(out);
    po_fact_put_array(out, "epochs");
    for (size_t epoch = 0; epoch < PO_FACT_EPOCHS_MAX; epoch++) {
        if (records->epochs[epoch] == 0) continue;
        bool is_live = is_epoch_live(&own, epoch);
        live += is_live ? records->epochs[epoch] : 0;
        po_json_out_object(out);
        po_fact_put_int(out, "epoch", (int64_t)epoch);
        po_fact_put_int(out, "leaves", (int64_t)records->epochs[epoch]);
        po_fact_put_bool(out, "key_opens", is_live);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "leaves", (int64_t)records->events);
    po_fact_put_int(out, "leaves_with_live_key", (int64_t)live);
    po_fact_put_int(out, "sealed_by_retired", (int64_t)records->sealed_by_retired);
    po_fact_put_int(out, "tags_checked", (int64_t)(events->opened + events->refused));
    po_fact_put_int(out, "tags_verified", (int64_t)events->opened);
    po_json_out_object_end(out);
    return po_rc_ok();
}
