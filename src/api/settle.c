/*
 * What the running service owed the ledger, and what of it stands there: the figures of AUD-02.2 and
 * IAM-01.1.
 *
 * Invariants
 *  1. Each operation is counted when its request ends, apart from the ledger, and looked at once, after a
 *     flush that came later. Its events are behind the leaf at which it began.
 *  2. A tenant is told of its own operations alone; those of strangers are the default tenant's.
 *  3. One that is forgotten before it was looked at counts as not recorded.
 */
#include "api/api_priv.h"
#include "assess/assess.h"

static struct po_api *reported; /* the one api of the process that assessments are told of */

uint64_t po_api_operations(const struct po_api *api) { return api->served.operations; }

uint64_t po_api_unsettled(const struct po_api *api)
{
    return api->served.operations - api->settled.count;
}

struct po_api_of_tenant *po_api_of_tenant(struct po_api *api, po_tenant_id tenant)
{
    for (size_t i = 0; i < api->tenant_count; i++)
        if (api->tenants[i].tenant.value == tenant.value) return &api->tenants[i];
    /* There are no more tenants than places. */
    if (api->tenant_count == PO_STORE_TENANTS_MAX) return &api->tenants[0];
    api->tenants[api->tenant_count].tenant = tenant;
    return &api->tenants[api->tenant_count++];
}

static void put_wrong(struct po_api_settled *settled, const struct po_api_obligation *owed,
                      const char *why)
{
    size_t at = (size_t)(settled->wrong_count++ % PO_API_UNMET_MAX);
    settled->wrong[at].route = owed->route;
    settled->wrong[at].outcome = owed->outcome;
    settled->wrong[at].why = why;
}

static void note_wrong(struct po_api *api, const struct po_api_obligation *owed, const char *why)
{
    put_wrong(&api->settled, owed, why);
    put_wrong(&po_api_of_tenant(api, owed->tenant)->settled, owed, why);
}

void po_api_settle_forget(struct po_api *api)
{
    uint64_t oldest = api->served.operations - api->kept_count;
    if (api->settled.count > oldest) return;
    note_wrong(api, po_api_kept_at(api, 0), "not looked at in time");
    api->settled.count++;
}

/* A run of obligations that stand behind each other. */
static PO_RC settle_run(struct po_ctx *cx, struct po_api *api, const struct po_api_obligation *owed,
                        size_t count)
{
    struct po_api_coverage coverage = {0};
    struct po_api_owed run = {.items = owed, .count = count, .from_leaf = owed[0].from_leaf};
    PO_ARENA_NEW(cx, run.is_met, count);
    for (size_t i = 1; i < count; i++)
        if (owed[i].from_leaf < run.from_leaf) run.from_leaf = owed[i].from_leaf;
    PO_TRY(cx, po_api_coverage(cx, api->home, &run, &coverage));
    for (size_t i = 0; i < coverage.unmet_count; i++)
        note_wrong(api, &owed[coverage.unmet[i].index], coverage.unmet[i].why);
    for (size_t i = 0; i < count; i++)
        if (run.is_met[i]) po_api_of_tenant(api, owed[i].tenant)->settled.recorded++;
    api->settled.recorded += coverage.met;
    api->settled.count += count;
    return po_rc_ok();
}

po_rc po_api_settle(struct po_ctx *cx, struct po_api *api, uint64_t most)
{
    while (most > 0 && po_api_unsettled(api) > 0) {
        uint64_t oldest = api->served.operations - api->kept_count;
        size_t skip = (size_t)(api->settled.count - oldest);
        size_t first = (api->kept_first + skip) % PO_API_KEPT_MAX;
        size_t count = PO_API_KEPT_MAX - first;
        if (count > po_api_unsettled(api)) count = (size_t)po_api_unsettled(api);
        if (count > most) count = (size_t)most;
        PO_TRY(cx, settle_run(cx, api, &api->kept[first], count));
        most -= count;
    }
    return po_rc_ok();
}

/* -- the fact ------------------------------------------------------------------------------------- */

static void write_wrong(const struct po_api_settled *settled, struct po_json_out *out)
{
    po_json_out_key(out, "wrong");
    po_json_out_array(out);
    for (size_t i = 0; i < PO_API_UNMET_MAX && i < settled->wrong_count; i++) {
        const struct po_api_obligation owed = {.route = settled->wrong[i].route};
        po_json_out_object(out);
        po_json_out_field(out, "operation", po_str_of(po_api_obligation_route(&owed)));
        po_json_out_field(out, "outcome", po_str_of(po_api_ended_name(settled->wrong[i].outcome)));
        po_json_out_field(out, "why", po_str_of(settled->wrong[i].why));
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

static po_rc write_served(struct po_ctx *cx, void *user, struct po_json_out *out)
{
    struct po_api *api = user;
    PO_TRY(cx, po_api_settle(cx, api, po_api_unsettled(api)));
    const struct po_api_of_tenant *own = po_api_of_tenant(api, cx->tenant);
    const struct po_api_served *served = &own->served;
    po_json_out_object(out);
    po_json_out_field_int(out, "since_s", api->since_us / PO_US_PER_S);
    po_json_out_field_int(out, "operations", (int64_t)served->operations);
    po_json_out_field_int(out, "recorded", (int64_t)own->settled.recorded);
    po_json_out_field_int(out, "past_authentication", (int64_t)served->past_authentication);
    po_json_out_field_int(out, "named", (int64_t)served->named);
    write_wrong(&own->settled, out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

void po_api_report(struct po_api *api)
{
    reported = api;
    po_assess_served_set(write_served, api);
}

void po_api_report_end(const struct po_api *api)
{
    if (reported != api) return;
    reported = NULL;
    po_assess_served_set(NULL, NULL);
}
