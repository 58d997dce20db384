/*
 * Requests and streams that core works on: found by the id of their frames and by that of http/.
 */
#include "daemon/front_priv.h"

#include "core/alloc.h"

#define NONE UINT32_MAX
#define BUCKETS (2 * PO_FRONT_FLOWS_MAX)

po_time_us po_front_now_us(const struct po_ctx *cx)
{
    return cx->clock->monotonic_us(cx->clock->user);
}

bool po_front_has_core(const struct po_front *front) { return front->core.fd >= 0; }

PO_RC po_front_flows_init(struct po_ctx *cx, struct po_front_flows *flows)
{
    *flows = (struct po_front_flows){0};
    flows->all = po_calloc(PO_FRONT_FLOWS_MAX, sizeof *flows->all);
    flows->by_id = po_calloc(BUCKETS, sizeof *flows->by_id);
    flows->by_http = po_calloc(BUCKETS, sizeof *flows->by_http);
    if (flows->all == NULL || flows->by_id == NULL || flows->by_http == NULL)
        return PO_FAIL(cx, PO_NOMEM, "no memory for requests under way");
    for (uint32_t i = 0; i < BUCKETS; i++)
        flows->by_id[i] = flows->by_http[i] = NONE;
    for (uint32_t i = 0; i < PO_FRONT_FLOWS_MAX; i++)
        flows->all[i].next_by_id = i + 1 < PO_FRONT_FLOWS_MAX ? i + 1 : NONE;
    return po_rc_ok();
}

void po_front_flows_done(struct po_front_flows *flows)
{
    po_free(flows->all);
    po_free(flows->by_id);
    po_free(flows->by_http);
    *flows = (struct po_front_flows){0};
}

/* Ids are made here and in http/: nobody chooses where they fall. */
static uint32_t *bucket_of(uint32_t *buckets, uint64_t id)
{
    uint64_t hash = id * 0x9e3779b97f4a7c15u;
    return &buckets[(hash >> 32) % BUCKETS];
}

static void link_http(struct po_front_flows *flows, struct po_front_flow *flow)
{
    uint32_t *bucket = bucket_of(flows->by_http, flow->http.value);
    flow->next_by_http = *bucket;
    *bucket = (uint32_t)(flow - flows->all);
}

static void unlink_http(struct po_front_flows *flows, const struct po_front_flow *flow)
{
    uint32_t index = (uint32_t)(flow - flows->all);
    uint32_t *link = bucket_of(flows->by_http, flow->http.value);
    while (*link != NONE && *link != index)
        link = &flows->all[*link].next_by_http;
    if (*link == index) *link = flow->next_by_http;
}

struct po_front_flow *po_front_flow_add(struct po_front_flows *flows, po_http_id http)
{
    uint32_t index = flows->free;
    if (index == NONE) return NULL;
    struct po_front_flow *flow = &flows->all[index];
    flows->free = flow->next_by_id;
    *flow = (struct po_front_flow){.id = ++flows->serial, .http = http, .state = PO_FLOW_WAITS};
    uint32_t *bucket = bucket_of(flows->by_id, flow->id);
    flow->next_by_id = *bucket;
    *bucket = index;
    link_http(flows, flow);
    flows->waiting++;
    return flow;
}

struct po_front_flow *po_front_flow_find(struct po_front_flows *flows, uint64_t id)
{
    uint32_t at = *bucket_of(flows->by_id, id);
    while (at != NONE && flows->all[at].id != id)
        at = flows->all[at].next_by_id;
    return at != NONE ? &flows->all[at] : NULL;
}

struct po_front_flow *po_front_flow_of_http(struct po_front_flows *flows, po_http_id http)
{
    uint32_t at = *bucket_of(flows->by_http, http.value);
    while (at != NONE && flows->all[at].http.value != http.value)
        at = flows->all[at].next_by_http;
    return at != NONE ? &flows->all[at] : NULL;
}

void po_front_flow_open(struct po_front_flows *flows, struct po_front_flow *flow, po_http_id http,
                        enum po_front_flow_state state)
{
    unlink_http(flows, flow);
    flow->http = http;
    flow->state = state;
    link_http(flows, flow);
    flows->waiting--;
    flows->streams++;
}

void po_front_flow_remove(struct po_front_flows *flows, struct po_front_flow *flow)
{
    uint32_t index = (uint32_t)(flow - flows->all);
    uint32_t *link = bucket_of(flows->by_id, flow->id);
    while (*link != NONE && *link != index)
        link = &flows->all[*link].next_by_id;
    if (*link == index) *link = flow->next_by_id;
    unlink_http(flows, flow);
    if (flow->state == PO_FLOW_WAITS)
        flows->waiting--;
    else
        flows->streams--;
    *flow = (struct po_front_flow){.state = PO_FLOW_FREE, .next_by_id = flows->free};
    flows->free = index;
}
