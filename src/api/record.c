/*
 * What a request owes the ledger, and whether the ledger has it.
 *
 * Obligations: one event for each request that names a route. A command's row and a handler's change bring
 * their own; what brought none gets request.completed or request.refused here.
 */
#include "api/api_priv.h"
#include "store/store.h"

#include <stdio.h>

static po_str resource_of(const struct po_api_call *call)
{
    return call->resource.len > 0 ? call->resource : PO_LIT("api");
}

static void write_detail(const struct po_api_call *call, po_rc why, uint64_t dropped,
                         struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "method", po_str_of(po_http_method_name(call->req->method)));
    po_json_out_field(&json, "route", po_str_of(call->route != NULL ? call->route->id : ""));
    if (!po_is_ok(why)) {
        po_json_out_field(&json, "code", po_str_of(po_code_name(why.code)));
        if (call->detail != NULL) po_json_out_field(&json, "why", po_str_of(call->detail));
    }
    if (dropped > 0) po_json_out_field_int(&json, "limited_before", (int64_t)dropped);
    po_json_out_object_end(&json);
}

po_rc po_api_record(struct po_ctx *cx, struct po_api_call *call, enum po_event_type type,
                    enum po_event_result result, po_rc why)
{
    struct po_api *api = call->api;
    if (po_home_read_only_reason(api->home) != NULL) return po_rc_ok();
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 4096);
    struct po_api_of_tenant *own = po_api_of_tenant(api, cx->tenant);
    write_detail(call, why, own->dropped, &detail);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "an event's detail");
    const char *action = call->route != NULL ? call->route->action : "request";
    struct po_event event = {.type = type,
                             .resource = resource_of(call),
                             .action = po_str_of(action),
                             .result = result,
                             .detail = po_buf_str(&detail)};
    PO_TRY(cx, po_home_record(cx, api->home, &event));
    own->dropped = 0;
    return po_rc_ok();
}

po_rc po_api_event_mark(struct po_ctx *cx, const struct po_api *api, uint64_t *ret_mark)
{
    uint64_t pending = 0;
    PO_TRY(cx, po_store_pending_count(cx, po_home_store(api->home), &pending));
    *ret_mark = pending + po_ledger_size(po_home_ledger(api->home));
    return po_rc_ok();
}

static enum po_api_ended outcome_of(po_rc rc)
{
    if (po_is_ok(rc)) return PO_API_ALLOWED;
    if (rc.code == PO_DENIED) return PO_API_DENIED;
    if (rc.code == PO_UNAUTH) return PO_API_UNAUTHENTICATED;
    if (rc.code == PO_NOTFOUND) return PO_API_FOREIGN;
    return PO_API_MALFORMED;
}

static uint16_t index_of(const struct po_api_route *route)
{
    return route != NULL ? (uint16_t)po_api_route_index(route) : PO_API_NO_ROUTE;
}

/* A person or service account, by id. */
static bool is_named(const char *actor)
{
    po_str text = po_str_of(actor);
    return po_str_starts(text, PO_LIT("user:usr_")) || po_str_starts(text, PO_LIT("user:svc_"));
}

static void count(struct po_api_served *served, const struct po_ctx *cx, bool is_past)
{
    served->operations++;
    if (is_past) served->past_authentication++;
    if (is_past && is_named(cx->actor)) served->named++;
}

void po_api_keep(const struct po_ctx *cx, const struct po_api_call *call, po_rc rc)
{
    struct po_api *api = call->api;
    /* What names no route owes its refusal, unless it names nothing that there is. */
    bool is_nothing = call->route == NULL && (po_is_ok(rc) || rc.code == PO_NOTFOUND);
    if (is_nothing || rc.code == PO_RATE || call->owes_nothing) return;
    if (po_home_read_only_reason(api->home) != NULL) return; /* nothing can be recorded */
    bool is_past = po_is_ok(rc) && call->route != NULL && call->route->access != PO_API_PUBLIC;
    if (api->kept_count == PO_API_KEPT_MAX) po_api_settle_forget(api);
    count(&api->served, cx, is_past);
    count(&po_api_of_tenant(api, cx->tenant)->served, cx, is_past);
    struct po_api_obligation *kept =
        &api->kept[(api->kept_first + api->kept_count) % PO_API_KEPT_MAX];
    if (api->kept_count < PO_API_KEPT_MAX)
        api->kept_count++;
    else
        api->kept_first = (api->kept_first + 1) % PO_API_KEPT_MAX;
    *kept = (struct po_api_obligation){.tenant = cx->tenant,
                                       .route = index_of(call->route),
                                       .outcome = outcome_of(rc),
                                       .owes_grant = call->is_granted,
                                       .is_replayed = call->is_replayed,
                                       .resource_hash = po_api_resource_hash(resource_of(call)),
                                       .from_leaf = call->from_leaf};
    (void)snprintf(kept->request_id, sizeof kept->request_id, "%s", cx->request);
    (void)snprintf(kept->actor, sizeof kept->actor, "%s", cx->actor);
}

size_t po_api_kept_count(const struct po_api *api) { return api->kept_count; }

const struct po_api_obligation *po_api_kept_at(const struct po_api *api, size_t i)
{
    return &api->kept[(api->kept_first + i) % PO_API_KEPT_MAX];
}
