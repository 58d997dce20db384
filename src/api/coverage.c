/*
 * Audit coverage: what requests owe the ledger, held against what stands there.
 *
 * An allowed request owes what duties.def says of its route; if its action is privileged also the grant. A
 * request that was not allowed owes its refusal. Who, where, what and how it ended must all fit: any event
 * with the request's id is not enough.
 */
#include "api/api_priv.h"

#define RESOURCE_BYTES_COMPARED 256 /* what the record of a decision keeps of it */
#define FNV_START 0xcbf29ce484222325U
#define FNV_PRIME 0x100000001b3U

enum place { PLACE_ROW, PLACE_CALL, PLACE_VALUE, PLACE_OTHER };

struct duty {
    const char *route;
    enum po_event_type type;
    const char *action; /* "" is the route's own */
    enum place place;
    const char *resource;
};
static const struct duty duties[] = {
#define X(route, type, action, place, resource)                                                    \
    {#route, PO_EVENT_TYPE_##type, action, PLACE_##place, resource},
#include "api/duties.def"
#undef X
};
#define DUTY_COUNT (sizeof duties / sizeof *duties)

/* What a refusal may be, and which outcomes it tells of. */
#define OF(outcome) (1U << PO_API_##outcome)
static const struct {
    enum po_event_type type;
    const char *result;
    unsigned outcomes;
} refusals[] = {
    {PO_EVENT_TYPE_ACCESS_DENIED, "denied", OF(DENIED) | OF(UNAUTHENTICATED)},
    {PO_EVENT_TYPE_COMMAND_DENIED, "denied", OF(DENIED) | OF(UNAUTHENTICATED)},
    {PO_EVENT_TYPE_COMMAND_FAILED, "error", OF(FOREIGN) | OF(MALFORMED)},
    {PO_EVENT_TYPE_REQUEST_REFUSED, "error", OF(FOREIGN) | OF(MALFORMED)},
};

static uint64_t fnv(uint64_t hash, po_str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.ptr[i]) * FNV_PRIME;
    return hash;
}

uint64_t po_api_resource_hash(po_str resource)
{
    return fnv(FNV_START, po_str_slice(resource, 0, RESOURCE_BYTES_COMPARED));
}

/* What is refused before it names a route is recorded as a request. */
static const struct po_api_route *route_of(const struct po_api_obligation *owed)
{
    static const struct po_api_route none = {
        .id = "", .action = "request", .access = PO_API_DECIDED};
    return owed->route == PO_API_NO_ROUTE ? &none : po_api_route_at(owed->route);
}

bool po_api_has_duty(const struct po_api_route *route)
{
    for (size_t i = 0; i < DUTY_COUNT; i++)
        if (po_str_eq_cstr(po_str_of(route->id), duties[i].route)) return true;
    return false;
}

bool po_api_duty_routes_exist(void)
{
    for (size_t i = 0; i < DUTY_COUNT; i++)
        if (po_api_route_find(duties[i].route) == NULL) return false;
    return true;
}

/* -- one event ------------------------------------------------------------------------------------- */

static bool is_row(const struct po_api_route *route, po_str resource)
{
    return route->command != NULL && po_str_starts(resource, PO_LIT("command:")) &&
           po_str_eq_cstr(po_str_slice(resource, 8, resource.len), route->command);
}

static bool is_place(const struct po_api_obligation *owed, const struct duty *duty,
                     const struct po_event_view *view)
{
    po_str resource = view->resource;
    switch (duty->place) {
    case PLACE_ROW: return is_row(route_of(owed), resource);
    case PLACE_CALL: return po_api_resource_hash(resource) == owed->resource_hash;
    case PLACE_VALUE:
        return fnv(fnv(FNV_START, po_str_of(duty->resource)), resource) == owed->resource_hash;
    case PLACE_OTHER: return po_str_starts(resource, po_str_of(duty->resource));
    }
    return false;
}

/* How an event of a duty ends: a check that did not pass was done all the same. */
static bool is_result(const struct po_api_obligation *owed, enum po_event_type type, po_str result)
{
    bool is_success = po_str_eq_cstr(result, "success");
    if (type == PO_EVENT_TYPE_AUTH_FAILED) return po_str_eq_cstr(result, "failure");
    if (type == PO_EVENT_TYPE_AUTH_REFUSED) return po_str_eq_cstr(result, "denied");
    return owed->outcome == PO_API_ALLOWED && (is_success || po_str_eq_cstr(result, "failure"));
}

static bool is_of_outcome(const struct po_api_obligation *owed, enum po_event_type type)
{
    bool is_failure = type == PO_EVENT_TYPE_AUTH_FAILED || type == PO_EVENT_TYPE_AUTH_REFUSED;
    return is_failure == (owed->outcome != PO_API_ALLOWED);
}

static bool is_action(const struct po_api_route *route, const char *action, po_str of_event)
{
    return po_str_eq_cstr(of_event, action[0] != '\0' ? action : route->action);
}

/* NULL when the event is one that the route's lines ask for. */
static const char *misses_duties(const struct po_api_obligation *owed,
                                 const struct po_home_event *event)
{
    const struct po_api_route *route = route_of(owed);
    const char *why = "another event";
    for (size_t i = 0; i < DUTY_COUNT; i++) {
        const struct duty *duty = &duties[i];
        enum po_event_type type = (enum po_event_type)event->record.event_type;
        if (duty->type != type || !po_str_eq_cstr(po_str_of(route->id), duty->route)) continue;
        if (!is_of_outcome(owed, type) || !is_result(owed, type, event->view.result))
            why = "another result";
        else if (!is_action(route, duty->action, event->view.action))
            why = "another action";
        else if (!is_place(owed, duty, &event->view))
            why = "another resource";
        else
            return NULL;
    }
    return why;
}

/* NULL when the event is a refusal of the request. */
static const char *misses_refusal(const struct po_api_obligation *owed,
                                  const struct po_home_event *event)
{
    const struct po_api_route *route = route_of(owed);
    po_str resource = event->view.resource;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (event->record.event_type != refusals[i].type) continue;
        if ((refusals[i].outcomes & 1U << owed->outcome) == 0 ||
            !po_str_eq_cstr(event->view.result, refusals[i].result))
            return "another result";
        if (!is_action(route, "", event->view.action)) return "another action";
        if (!is_row(route, resource) && po_api_resource_hash(resource) != owed->resource_hash)
            return "another resource";
        return NULL;
    }
    return misses_duties(owed, event);
}

/* NULL when it is the event of a kept answer that was given again. */
static const char *misses_replay(const struct po_api_obligation *owed,
                                 const struct po_home_event *event)
{
    if (event->record.event_type != PO_EVENT_TYPE_REQUEST_REPLAYED) return "another event";
    if (!is_action(route_of(owed), "", event->view.action)) return "another action";
    return NULL;
}

static bool is_grant(const struct po_api_obligation *owed, const struct po_home_event *event)
{
    return event->record.event_type == PO_EVENT_TYPE_ACCESS_GRANTED &&
           is_action(route_of(owed), "", event->view.action) &&
           po_str_eq_cstr(event->view.result, "success") &&
           po_api_resource_hash(event->view.resource) == owed->resource_hash;
}

/* Who signs in is nobody before, and named by the event that says so. */
static bool is_actor(const struct po_api_obligation *owed, const struct po_event_view *view)
{
    if (po_str_eq_cstr(view->user_id, owed->actor)) return true;
    return route_of(owed)->access == PO_API_PUBLIC && po_str_eq(view->user_id, view->resource);
}

/* -- the walk -------------------------------------------------------------------------------------- */

struct coverage_walk {
    const struct po_api_obligation *obligations;
    size_t count;
    uint64_t from_leaf;
    const char **whys; /* of each: NULL when met */
    bool *has_grant;
    uint32_t *slots; /* hash of request ids: index + 1 */
    size_t slot_mask;
    bool *is_met; /* the caller's; NULL */
};

static size_t slot_of(const struct coverage_walk *walk, po_str id)
{
    uint64_t hash = fnv(FNV_START, id);
    size_t slot = (size_t)(hash ^ (hash >> 32)) & walk->slot_mask;
    while (walk->slots[slot] != 0 &&
           !po_str_eq_cstr(id, walk->obligations[walk->slots[slot] - 1].request_id))
        slot = (slot + 1) & walk->slot_mask;
    return slot;
}

static const char *misfit(const struct po_api_obligation *owed, const struct po_home_event *event)
{
    if (!is_actor(owed, &event->view)) return "another actor";
    if (event->view.tenant != (int64_t)owed->tenant.value) return "another tenant";
    if (owed->is_replayed) return misses_replay(owed, event);
    return owed->outcome == PO_API_ALLOWED ? misses_duties(owed, event)
                                           : misses_refusal(owed, event);
}

static po_rc hold_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                        bool *ret_stop)
{
    (void)step;
    struct coverage_walk *walk = user;
    *ret_stop = event->leaf <= walk->from_leaf;
    if (event->leaf < walk->from_leaf) return po_rc_ok();
    uint32_t at = walk->slots[slot_of(walk, event->view.correlation_id)];
    if (at == 0) return po_rc_ok();
    const struct po_api_obligation *owed = &walk->obligations[at - 1];
    const char **why = &walk->whys[at - 1];
    if (is_actor(owed, &event->view) && is_grant(owed, event)) walk->has_grant[at - 1] = true;
    if (*why != NULL) *why = misfit(owed, event);
    return po_rc_ok();
}

static void sum_up(const struct coverage_walk *walk, struct po_api_coverage *ret_coverage)
{
    *ret_coverage = (struct po_api_coverage){.obligations = walk->count};
    for (size_t i = 0; i < walk->count; i++) {
        const char *why = walk->whys[i];
        if (why == NULL && walk->obligations[i].owes_grant && !walk->has_grant[i])
            why = "no event of the grant";
        if (walk->is_met != NULL) walk->is_met[i] = why == NULL;
        if (why == NULL) ret_coverage->met++;
        if (why == NULL || ret_coverage->unmet_count == PO_API_UNMET_MAX) continue;
        ret_coverage->unmet[ret_coverage->unmet_count].index = i;
        ret_coverage->unmet[ret_coverage->unmet_count++].why = why;
    }
}

const char *po_api_obligation_route(const struct po_api_obligation *owed)
{
    return route_of(owed)->id;
}

const char *po_api_ended_name(enum po_api_ended outcome)
{
    static const char *const names[PO_API_OUTCOME_COUNT] = {
        [PO_API_ALLOWED] = "allowed",
        [PO_API_DENIED] = "denied",
        [PO_API_UNAUTHENTICATED] = "unauthenticated",
        [PO_API_FOREIGN] = "not found",
        [PO_API_MALFORMED] = "refused",
    };
    return (unsigned)outcome < PO_API_OUTCOME_COUNT ? names[outcome] : "unknown";
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
                                 .slot_mask = slots - 1,
                                 .is_met = owed->is_met};
    PO_ARENA_NEW(cx, walk.whys, owed->count + 1);
    PO_ARENA_NEW(cx, walk.has_grant, owed->count + 1);
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
