/*
 * Fact ledger.verification: the whole ledger read again, and held against every earlier position that
 * a report record names.
 */
#include "fact_pass_priv.h"

#include "store/store.h"

#define FINDINGS_MAX 50
#define AGAINST_MAX 500
/* Beyond this many leaves the commitments are left to the window that ledger.events opens. */
#define COMMITMENTS_LEAVES_MAX 20000

static PO_RC list_against(struct po_ctx *cx, const struct po_fact_events *events,
                          struct po_ledger_against **ret_against, size_t *ret_count)
{
    size_t count = po_map_count(events->reports);
    size_t first = count > AGAINST_MAX ? count - AGAINST_MAX : 0;
    struct po_ledger_against *against = NULL;
    PO_ARENA_NEW(cx, against, count - first + 1);
    *ret_count = 0;
    for (size_t i = first; i < count; i++) {
        po_str id = {0};
        const struct po_fact_report *report = po_map_at(events->reports, i, &id);
        if (!report->has_as_of) continue;
        struct po_ledger_against *one = &against[(*ret_count)++];
        one->name = po_arena_printf(cx->arena, "report record in leaf %zu", (size_t)report->leaf);
        if (one->name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        one->size = report->as_of_size;
        memcpy(one->root, report->as_of_root, sizeof one->root);
    }
    *ret_against = against;
    return po_rc_ok();
}

/* The fact is one of the instance: the events of every tenant are opened. */
static PO_RC list_tenants(struct po_ctx *cx, struct po_fact_set *set,
                          struct po_ledger_verify_options *options)
{
    struct po_store *store = NULL;
    po_tenant_id *ids = NULL;
    PO_TRY(cx, po_fact_store(cx, set, &store));
    PO_TRY(cx, po_store_tenant_ids(cx, store, &ids, &options->tenant_count));
    options->tenants = ids;
    return po_rc_ok();
}

static void put_verdicts(struct po_json_out *out, const struct po_ledger_verification *result)
{
    po_fact_put_array(out, "verdicts");
    for (size_t i = 0; i < PO_VERDICT_KIND_COUNT; i++) {
        const struct po_verdict *verdict = &result->verdicts[i];
        po_json_out_object(out);
        po_fact_put_cstr(out, "kind", po_verdict_kind_name((enum po_verdict_kind)i));
        po_fact_put_cstr(out, "state", po_verdict_state_name(verdict->state));
        po_fact_put_int(out, "checked", (int64_t)verdict->checked);
        po_fact_put_cstr(out, "why", verdict->why == NULL ? "" : verdict->why);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

static void put_findings(struct po_json_out *out, const struct po_ledger_verification *result)
{
    po_fact_put_array(out, "findings");
    for (size_t i = 0; i < result->finding_count && i < FINDINGS_MAX; i++) {
        const struct po_verdict_finding *finding = &result->findings[i];
        po_json_out_object(out);
        po_fact_put_cstr(out, "kind", po_verdict_kind_name(finding->kind));
        po_fact_put_cstr(out, "file", finding->file == NULL ? "" : finding->file);
        po_fact_put_cstr(out, "why", finding->why == NULL ? "" : finding->why);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

PO_FACT_READER(ledger_verification)
{
    struct po_ledger *ledger = NULL;
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_ledger(cx, set, &ledger));
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    struct po_ledger_against *against = NULL;
    struct po_ledger_verify_options options = {.skip_commitments =
                                                   po_ledger_size(ledger) > COMMITMENTS_LEAVES_MAX};
    PO_TRY(cx, list_against(cx, events, &against, &options.against_count));
    options.against = against;
    PO_TRY(cx, list_tenants(cx, set, &options));
    struct po_ledger_verification *result = NULL;
    PO_ARENA_NEW(cx, result, 1);
    PO_TRY_MSG(cx, po_ledger_verify(cx, ledger, &options, result), "verifying the ledger");
    po_json_out_object(out);
    po_fact_put_bool(out, "ok", result->is_ok);
    po_fact_put_int(out, "size", (int64_t)result->size);
    po_fact_put_digest(out, "root", result->root);
    po_fact_put_int(out, "earlier_positions", (int64_t)options.against_count);
    put_verdicts(out, result);
    put_findings(out, result);
    po_fact_put_int(out, "finding_count",
                    (int64_t)(result->finding_count + result->findings_dropped));
    po_json_out_object_end(out);
    return po_rc_ok();
}
