/*
 * The walk over records: what the ledger says without any key.
 */
#include "fact_pass_priv.h"

#include "home/home.h"

PO_RC po_fact_ledger(struct po_ctx *cx, struct po_fact_set *set, struct po_ledger **ret_ledger)
{
    struct po_ledger *ledger = set->ledger;
    if (ledger == NULL && set->home != NULL) ledger = po_home_ledger(set->home);
    if (ledger == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "there is no open ledger");
    *ret_ledger = ledger;
    return po_rc_ok();
}

PO_RC po_fact_store(struct po_ctx *cx, struct po_fact_set *set, struct po_store **ret_store)
{
    struct po_store *store = set->store;
    if (store == NULL && set->home != NULL) store = po_home_store(set->home);
    if (store == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "there is no open store");
    *ret_store = store;
    return po_rc_ok();
}

PO_RC po_fact_keyring(struct po_ctx *cx, struct po_fact_set *set, struct po_keyring **ret_keyring)
{
    struct po_keyring *keyring = set->keyring;
    if (keyring == NULL && set->home != NULL) keyring = po_home_keyring(set->home);
    if (keyring == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "there are no keys at hand");
    *ret_keyring = keyring;
    return po_rc_ok();
}

PO_RC po_fact_pseudonym(struct po_ctx *cx, struct po_fact_set *set, struct po_ledger *ledger,
                        uint64_t *ret_pseudonym)
{
    if (!set->has_pseudonym) {
        po_rc rc = po_ledger_pseudonym(cx, ledger, &set->pseudonym);
        if (rc.code != PO_UNAVAILABLE) PO_TRY(cx, rc);
        po_err_clear(cx);
        set->has_pseudonym = true;
    }
    *ret_pseudonym = set->pseudonym;
    return po_rc_ok();
}

static struct po_fact_tenant *tenant_of(struct po_fact_records *records, uint64_t pseudonym)
{
    for (size_t i = 0; i < records->tenant_count; i++)
        if (records->tenants[i].pseudonym == pseudonym) return &records->tenants[i];
    if (records->tenant_count == PO_FACT_TENANTS_MAX) {
        records->is_tenants_full = true;
        return NULL;
    }
    struct po_fact_tenant *tenant = &records->tenants[records->tenant_count++];
    *tenant = (struct po_fact_tenant){.pseudonym = pseudonym};
    return tenant;
}

/* Sequence numbers rise by one per tenant; in a walk from leaf 0 they start at 1. */
static void add_sequence(struct po_fact_records *records, const struct po_record *record)
{
    struct po_fact_tenant *tenant = tenant_of(records, record->tenant);
    if (tenant == NULL) return;
    uint64_t seq = record->tenant_seq;
    bool is_first = tenant->count == 0;
    uint64_t wanted = is_first ? (records->from == 0 ? 1 : seq) : tenant->last_seq + 1;
    if (seq > wanted)
        records->missing += seq - wanted;
    else if (seq < wanted)
        records->repeated++;
    if (is_first) tenant->first_seq = seq;
    if (is_first || seq > tenant->last_seq) tenant->last_seq = seq;
    tenant->count++;
}

/* After the first leaf of a newer epoch nothing of that tenant is sealed by an older one. */
static void add_epoch(struct po_fact_records *records, const struct po_record *record)
{
    records->epochs[record->key_epoch]++;
    struct po_fact_tenant *tenant = tenant_of(records, record->tenant);
    if (tenant == NULL) return;
    if (record->key_epoch < tenant->epoch)
        records->sealed_by_retired++;
    else
        tenant->epoch = record->key_epoch;
}

static void add_type(struct po_fact_records *records, const struct po_record *record, uint64_t leaf)
{
    if (record->event_type >= PO_FACT_TYPES_MAX) {
        records->unknown_types++;
        return;
    }
    struct po_fact_type_count *type = &records->types[record->event_type];
    type->count++;
    if (record->event_type == PO_EVENT_TYPE_SERVICE_HEARTBEAT ||
        record->event_type == PO_EVENT_TYPE_ASSESSMENT_COMPLETED)
        po_fact_minutes_sign(&records->minutes, record->recv_time_us);
    if (record->result != PO_EVENT_SUCCESS) type->failed++;
    type->newest_us = record->recv_time_us;
    type->newest_leaf = leaf;
}

static void add_retention(struct po_fact_records *records, const struct po_record *record)
{
    if (record->retention >= PO_FACT_RETENTIONS) return;
    struct po_fact_retention *class = &records->retentions[record->retention];
    if (class->count == 0) class->oldest_us = record->recv_time_us;
    class->newest_us = record->recv_time_us;
    class->count++;
}

static void add_record(struct po_fact_records *records, const struct po_record *record,
                       uint64_t leaf, bool is_foreign)
{
    if (leaf > records->from && record->recv_time_us < records->newest_us) records->time_back++;
    records->newest_us = record->recv_time_us;
    if (record->flags & PO_RECORD_FLAG_CLOCK_BACK) records->clock_back++;
    if (record->kind == PO_RECORD_GAP) records->gap_records++;
    if (record->kind == PO_RECORD_PAYLOAD_PURGED || record->kind == PO_RECORD_KEY_DESTROYED)
        records->tombstones++;
    if (is_foreign) records->foreign++;
    if (record->kind != PO_RECORD_EVENT || is_foreign) return;
    records->events++;
    add_epoch(records, record);
    add_sequence(records, record);
    add_type(records, record, leaf);
    add_retention(records, record);
}

static PO_RC walk(struct po_ctx *cx, struct po_ledger *ledger, uint64_t pseudonym,
                  struct po_fact_records *records)
{
    records->size = po_ledger_size(ledger);
    records->from = records->size > PO_FACT_RECORDS_MAX ? records->size - PO_FACT_RECORDS_MAX : 0;
    if (records->size == 0) return po_rc_ok();
    struct po_record record = {0};
    PO_TRY(cx, po_ledger_record_at(cx, ledger, 0, &record));
    records->first_us = record.recv_time_us;
    for (uint64_t leaf = records->from; leaf < records->size; leaf++) {
        PO_TRY(cx, po_ledger_record_at(cx, ledger, leaf, &record));
        add_record(records, &record, leaf, po_fact_is_foreign(pseudonym, &record));
    }
    return po_rc_ok();
}

PO_RC po_fact_records_get(struct po_ctx *cx, struct po_fact_set *set,
                          const struct po_fact_records **ret_records)
{
    if (set->records == NULL) {
        struct po_ledger *ledger = NULL;
        PO_TRY(cx, po_fact_ledger(cx, set, &ledger));
        struct po_fact_records *records = NULL;
        uint64_t pseudonym = 0;
        PO_TRY(cx, po_fact_pseudonym(cx, set, ledger, &pseudonym));
        PO_ARENA_NEW(cx, records, 1);
        PO_TRY(cx, po_fact_minutes_init(cx, set->now_us, &records->minutes));
        PO_TRY_MSG(cx, walk(cx, ledger, pseudonym, records), "walking the ledger's records");
        set->records = records;
    }
    *ret_records = set->records;
    return po_rc_ok();
}
