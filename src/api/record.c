/*
 * What a request owes the ledger, and whether the ledger has it.
 *
 * Obligations: one event for each request that names a route. A command's row and a handler's change bring
 * their own; what brought none gets request.completed or request.refused here.
 */
#include "api/api_priv.h"
#include "store/store.h"

#include <stdio.h>

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
    write_detail(call, why, api->dropped, &detail);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "an event's detail");
    const char *action = call->route != NULL ? call->route->action : "request";
    struct po_event event = {.type = type,
                             .resource = call->resource.len > 0 ? call->resource : PO_LIT("api"),
                             .action = po_str_of(action),
                             .result = result,
                             .detail = po_buf_str(&detail)};
    PO_TRY(cx, po_home_record(cx, api->home, &event));
    api->dropped = 0;
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

void po_api_keep(const struct po_ctx *cx, const struct po_api_call *call, po_rc rc)
{
    struct po_api *api = call->api;
    if (call->route == NULL || rc.code == PO_RATE || call->owes_nothing) return;
    struct po_api_obligation *kept =
        &api->kept[(api->kept_first + api->kept_count) % PO_API_KEPT_MAX];
    if (api->kept_count < PO_API_KEPT_MAX)
        api->kept_count++;
    else
        api->kept_first = (api->kept_first + 1) % PO_API_KEPT_MAX;
    *kept = (struct po_api_obligation){.tenant = cx->tenant,
                                       .route = (uint16_t)po_api_route_index(call->route),
                                       .outcome = outcome_of(rc)};
    (void)snprintf(kept->request_id, sizeof kept->request_id, "%s", cx->request);
    (void)snprintf(kept->actor, sizeof kept->actor, "%s", cx->actor);
}

size_t po_api_kept_count(const struct po_api *api) { return api->kept_count; }

const struct po_api_obligation *po_api_kept_at(const struct po_api *api, size_t i)
{
    return &api->kept[(api->kept_first + i) % PO_API_KEPT_MAX];
}

/* -- coverage ------------------------------------------------------------------------------------ */

static bool result_fits(enum po_api_ended outcome, po_str result)
{
    static const char *const words[PO_API_OUTCOME_COUNT][3] = {
        [PO_API_ALLOWED] = {"success", "failure", ""},
        [PO_API_DENIED] = {"denied", "", ""},
        [PO_API_UNAUTHENTICATED] = {"denied", "failure", ""},
        [PO_API_FOREIGN] = {"error", "failure", "denied"},
        [PO_API_MALFORMED] = {"error", "denied", "failure"},
    };
    for (size_t i = 0; i < 3; i++)
        if (result.len > 0 && po_str_eq_cstr(result, words[outcome][i])) return true;
    return false;
}

struct coverage_walk {
    const struct po_api_obligation *obligations;
    size_t count;
    uint64_t from_leaf;
    const char **whys; /* of each: NULL when met */
    uint32_t *slots;   /* hash of request ids: index + 1 */
    size_t slot_mask;
};

static size_t slot_of(const struct coverage_walk *walk, po_str id)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.ptr[i]) * 0x100000001b3U;
    size_t slot = (size_t)(hash ^ (hash >> 32)) & walk->slot_mask;
    while (walk->slots[slot] != 0 &&
           !po_str_eq_cstr(id, walk->obligations[walk->slots[slot] - 1].request_id))
        slot = (slot + 1) & walk->slot_mask;
    return slot;
}

static po_rc hold_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                        bool *ret_stop)
{
    (void)step;
    struct coverage_walk *walk = user;
    *ret_stop = event->leaf <= walk->from_leaf;
    if (event->leaf < walk->from_leaf) return po_rc_ok();
    uint32_t at = walk->slots[slot_of(walk, event->view.correlation_id)];
    if (at == 0 || walk->whys[at - 1] == NULL) return po_rc_ok();
    const struct po_api_obligation *owed = &walk->obligations[at - 1];
    const char **why = &walk->whys[at - 1];
    if (!po_str_eq_cstr(event->view.user_id, owed->actor))
        *why = "another actor";
    else if (event->view.tenant != (int64_t)owed->tenant.value)
        *why = "another tenant";
    else if (!result_fits(owed->outcome, event->view.result))
        *why = "another result";
    else
        *why = NULL;
    return po_rc_ok();
}

static void sum_up(const struct coverage_walk *walk, struct po_api_coverage *ret_coverage)
{
    *ret_coverage = (struct po_api_coverage){.obligations = walk->count, .first_unmet = SIZE_MAX};
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->whys[i] == NULL) ret_coverage->met++;
        if (walk->whys[i] == NULL || ret_coverage->first_unmet != SIZE_MAX) continue;
        ret_coverage->first_unmet = i;
        ret_coverage->first_unmet_why = walk->whys[i];
    }
}

/* Events of each tenant are walked with that tenant's own eyes. */
static PO_RC walk_tenant(struct po_ctx *cx, struct po_home *home, struct coverage_walk *walk,
                         po_tenant_id tenant)
{
    struct po_home_walk back = {
        .size = po_ledger_size(po_home_ledger(home)), .visit = hold_event, .user = walk};
    struct po_ctx child;
    PO_TRY(cx, po_ctx_child_begin(cx, PO_CX_ARENA_BYTES_MAX, &child));
    child.tenant = tenant;
    po_rc rc = po_home_walk_back(&child, home, &back);
    return po_ctx_child_end(cx, &child, rc);
}

static bool is_first_of_tenant(const struct po_api_obligation *obligations, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (obligations[i].tenant.value == obligations[at].tenant.value) return false;
    return true;
}

po_rc po_api_coverage(struct po_ctx *cx, struct po_home *home, const struct po_api_owed *owed,
                      struct po_api_coverage *ret_coverage)
{
    size_t slots = 64;
    while (slots < 4 * owed->count)
        slots *= 2;
    struct coverage_walk walk = {.obligations = owed->items,
                                 .count = owed->count,
                                 .from_leaf = owed->from_leaf,
                                 .slot_mask = slots - 1};
    PO_ARENA_NEW(cx, walk.whys, owed->count + 1);
    PO_ARENA_NEW(cx, walk.slots, slots);
    for (size_t i = 0; i < owed->count; i++) {
        walk.whys[i] = "no event";
        walk.slots[slot_of(&walk, po_str_of(owed->items[i].request_id))] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < owed->count; i++)
        if (is_first_of_tenant(owed->items, i))
            PO_TRY(cx, walk_tenant(cx, home, &walk, owed->items[i].tenant));
    sum_up(&walk, ret_coverage);
    return po_rc_ok();
}
