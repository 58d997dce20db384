/*
 * The API: one request through its steps, one response.
 *
 * Invariants
 *  1. Whatever goes wrong is a problem document with public text and a request id; what an operator may
 *     know stays in cx->err and in events.
 *  2. A caller is known before anything of the request but its shape is looked at; what they may do is
 *     decided before members are read, so that a stranger learns nothing from refusals.
 *  3. Each request that names a route leaves at least one event with its request id (law 2), unless the
 *     home is read-only or the caller is over the rate (counted, and told in the next event).
 */
#include "api/api_priv.h"
#include "api/stream_priv.h"
#include "cli/cli.h"
#include "core/alloc.h"
#include "core/codec.h"
#include "core/random.h"

#include <stdio.h>

#define REQUEST_ID_BYTES 16

po_rc po_api_new(struct po_ctx *cx, const struct po_api_config *config, struct po_api **ret_api)
{
    PO_CLEANUP(po_api_freep) struct po_api *api = po_calloc(1, sizeof *api);
    if (api == NULL) return PO_FAIL(cx, PO_NOMEM, "no memory for the API");
    api->home = config->home;
    api->since_us = po_ctx_now_us(cx);
    api->run = config->run != NULL ? config->run : po_cli_run_on;
    api->rates = po_api_rates_new();
    api->waiting = po_calloc(PO_API_WAITING_MAX, sizeof *api->waiting);
    api->streams = po_calloc(PO_API_STREAMS_MAX, sizeof *api->streams);
    api->kept = po_calloc(PO_API_KEPT_MAX, sizeof *api->kept);
    api->tenants = po_calloc(PO_STORE_TENANTS_MAX, sizeof *api->tenants);
    if (api->rates == NULL || api->waiting == NULL || api->streams == NULL || api->kept == NULL ||
        api->tenants == NULL)
        return PO_FAIL(cx, PO_NOMEM, "no memory for the API");
    *ret_api = PO_TAKE(api);
    return po_rc_ok();
}

void po_api_free(struct po_api *api)
{
    if (api == NULL) return;
    po_api_report_end(api);
    for (size_t i = 0; api->waiting != NULL && i < PO_API_WAITING_MAX; i++)
        po_credential_job_done(&api->waiting[i].job);
    po_api_rates_free(api->rates);
    po_free(api->waiting);
    po_free(api->streams);
    po_free(api->kept);
    po_free(api->tenants);
    po_free(api);
}

void po_api_freep(struct po_api **api)
{
    po_api_free(*api);
    *api = NULL;
}

/* -- steps --------------------------------------------------------------------------------------- */

static PO_RC name_request(struct po_ctx *cx)
{
    uint8_t bytes[REQUEST_ID_BYTES];
    char hex[2 * REQUEST_ID_BYTES + 1];
    PO_TRY_LEAF(cx, po_random_fill(bytes, sizeof bytes), "no randomness for a request's id");
    po_hex_encode(bytes, sizeof bytes, hex);
    (void)snprintf(cx->request, sizeof cx->request, "req_%s", hex);
    return po_rc_ok();
}

static PO_RC begin(struct po_ctx *cx)
{
    cx->channel = PO_CHANNEL_API;
    cx->tenant = PO_TENANT_DEFAULT;
    cx->ip[0] = '\0';
    cx->request[0] = '\0';
    (void)snprintf(cx->actor, sizeof cx->actor, "anonymous");
    PO_TRY(cx, name_request(cx));
    /* An event names a session or a run: who has none is known by the request. */
    (void)snprintf(cx->session, sizeof cx->session, "%s", cx->request);
    return po_rc_ok();
}

/* "GET, HEAD, OPTIONS" */
static PO_RC allow(struct po_ctx *cx, struct po_api_call *call)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 256);
    unsigned methods = call->match.methods | 1U << PO_HTTP_OPTIONS;
    if ((methods & 1U << PO_HTTP_GET) != 0) methods |= 1U << PO_HTTP_HEAD;
    for (unsigned i = 0; i < PO_HTTP_METHOD_COUNT; i++) {
        if ((methods & 1U << i) == 0) continue;
        if (text.len > 0) po_buf_append_cstr(&text, ", ");
        po_buf_append_cstr(&text, po_http_method_name((enum po_http_method)i));
    }
    po_str value = {NULL, 0};
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), &value), "out of memory");
    po_api_set(call->res, PO_HTTP_ALLOW, value);
    return po_rc_ok();
}

/* The route; *ret_is_answered when the method alone was the question. */
static PO_RC find_route(struct po_ctx *cx, struct po_api_call *call, bool *ret_is_answered)
{
    const struct po_api_request *req = call->req;
    *ret_is_answered = false;
    po_api_match(req->path, req->method, &call->match);
    if (call->match.methods == 0) return po_api_refuse(cx, call, PO_NOTFOUND, NULL, PO_LIT(""));
    if (call->match.route == NULL) PO_TRY(cx, allow(cx, call));
    if (call->match.route == NULL && req->method == PO_HTTP_OPTIONS) {
        call->res->status = 204;
        *ret_is_answered = true;
        return po_rc_ok();
    }
    if (call->match.route == NULL) return po_api_refuse_as(cx, call, 405, PO_INVALID, NULL);
    call->route = call->match.route;
    return po_rc_ok();
}

static PO_RC take_rate(struct po_ctx *cx, struct po_api_call *call, enum po_api_rate rate,
                       po_str who)
{
    struct po_api *api = call->api;
    call->retry_after_s =
        po_api_rate_take(api->rates, rate, who, cx->clock->monotonic_us(cx->clock->user));
    if (call->retry_after_s == 0) return po_rc_ok();
    po_api_of_tenant(api, cx->tenant)->dropped++;
    call->is_recorded = true; /* with the next event */
    return po_api_refuse(cx, call, PO_RATE, NULL, PO_LIT(""));
}

static PO_RC name_resource(struct po_ctx *cx, struct po_api_call *call)
{
    po_str value = call->match.value_count > 0 ? call->match.values[0] : PO_LIT("");
    const char *text = po_arena_printf(cx->arena, "%s%s%.*s", call->route->resource,
                                       value.len > 0 ? ":" : "", PO_STR_ARG(value));
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    call->resource = po_str_of(text);
    return po_rc_ok();
}

/* @control CC6.1 */
static PO_RC authorize(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_decision decision = {0};
    po_str action = po_str_of(call->route->action);
    if (call->route->access == PO_API_PUBLIC) return po_rc_ok();
    if (call->by == PO_API_BY_NOBODY)
        return po_api_refuse(cx, call, PO_UNAUTH, "sign in, or send a token", PO_LIT(""));
    po_access_decide(&call->identity, action, call->resource, cx->tenant, &decision);
    po_rc rc = po_access_check(cx, call->api->home, &call->identity, action, call->resource);
    call->is_granted = po_is_ok(rc) && decision.is_privileged;
    if (rc.code != PO_DENIED) return rc;
    call->is_recorded = true;
    call->detail = decision.reason;
    call->rule = decision.rule;
    return rc;
}

static PO_RC admit(struct po_ctx *cx, struct po_api_call *call)
{
    bool is_public = call->route->access == PO_API_PUBLIC;
    if (is_public) PO_TRY(cx, take_rate(cx, call, call->route->rate, po_str_of(cx->ip)));
    if (is_public && call->route->rate == PO_API_RATE_AUTH)
        PO_TRY(cx, take_rate(cx, call, PO_API_RATE_SIGN_INS, PO_LIT("")));
    PO_TRY(cx, name_resource(cx, call));
    po_rc rc = po_api_who(cx, call);
    if (!po_is_ok(rc) || (call->by == PO_API_BY_NOBODY && !is_public)) {
        PO_TRY(cx, take_rate(cx, call, PO_API_RATE_REFUSED, po_str_of(cx->ip)));
        PO_TRY(cx, rc);
    } else if (!is_public) {
        PO_TRY(cx, take_rate(cx, call, call->route->rate, po_str_of(cx->actor)));
    }
    PO_TRY(cx, po_api_same_origin(cx, call));
    PO_TRY(cx, po_api_params_path(cx, call));
    return authorize(cx, call);
}

/* The work itself; what left no event of its own is recorded as completed. */
static PO_RC work(struct po_ctx *cx, struct po_api_call *call)
{
    uint64_t before = 0;
    uint64_t after = 0;
    PO_TRY(cx, po_api_event_mark(cx, call->api, &before));
    po_rc rc =
        call->route->command != NULL ? po_api_command(cx, call) : call->route->handler(cx, call);
    struct po_err first = cx->err;
    po_rc marked = po_api_event_mark(cx, call->api, &after);
    if (po_is_ok(marked) && after > before && !call->is_refused_late) call->is_recorded = true;
    if (!po_is_ok(rc)) {
        cx->err = first;
        return rc;
    }
    PO_TRY(cx, marked);
    if (call->is_recorded) return po_rc_ok();
    call->is_recorded = true;
    return po_api_record(cx, call, PO_EVENT_TYPE_REQUEST_COMPLETED, PO_EVENT_SUCCESS, po_rc_ok());
}

static PO_RC serve(struct po_ctx *cx, struct po_api_call *call)
{
    bool is_answered = false;
    PO_TRY(cx, po_api_envelope_check(cx, call));
    if (po_api_url_has_secret(call->req))
        return po_api_refuse(cx, call, PO_INVALID, "a credential never belongs in a URL",
                             PO_LIT(""));
    PO_TRY(cx, find_route(cx, call, &is_answered));
    if (is_answered) return po_rc_ok();
    PO_TRY(cx, admit(cx, call));
    PO_TRY(cx, po_api_params_read(cx, call));
    PO_TRY(cx, po_api_precondition(cx, call));
    bool is_public = call->route->access == PO_API_PUBLIC; /* keys mean nothing there */
    if (!is_public && call->req->fields[PO_API_FIELD_IDEMPOTENCY_KEY].ptr != NULL)
        PO_TRY(cx, take_rate(cx, call, PO_API_RATE_KEYS, po_str_of(cx->actor)));
    PO_TRY(cx, po_api_replay_begin(cx, call, &is_answered));
    if (is_answered) {
        call->is_recorded = true;
        call->is_replayed = true;
        return po_rc_ok();
    }
    PO_TRY(cx, work(cx, call));
    return po_api_etag_respond(cx, call);
}

/* -- the end of a request ------------------------------------------------------------------------ */

/* Whether a stranger's refusal is only counted: however many they are, the ledger grows no faster. */
static bool is_over(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_api_rates *rates = call->api->rates;
    po_time_us now_us = cx->clock->monotonic_us(cx->clock->user);
    bool was_counted = call->route != NULL && call->route->access != PO_API_PUBLIC;
    if (call->by != PO_API_BY_NOBODY) return false;
    if (!was_counted && po_api_rate_take(rates, PO_API_RATE_REFUSED, po_str_of(cx->ip), now_us) > 0)
        return true;
    return po_api_rate_take(rates, PO_API_RATE_STRANGERS, PO_LIT(""), now_us) > 0;
}

/* A refusal that nothing has recorded yet. Returns what the caller is told: no refusal goes unrecorded. */
static po_rc record_refusal(struct po_ctx *cx, struct po_api_call *call, po_rc rc)
{
    if (call->is_recorded) return rc;
    if (call->route == NULL && rc.code == PO_NOTFOUND) return rc;
    if (is_over(cx, call)) {
        call->owes_nothing = true; /* with the next event */
        po_api_of_tenant(call->api, cx->tenant)->dropped++;
        return rc;
    }
    struct po_err first = cx->err;
    bool is_denial = rc.code == PO_UNAUTH || rc.code == PO_DENIED;
    po_rc recorded = po_api_record(
        cx, call, is_denial ? PO_EVENT_TYPE_ACCESS_DENIED : PO_EVENT_TYPE_REQUEST_REFUSED,
        is_denial ? PO_EVENT_DENIED : PO_EVENT_ERROR, rc);
    if (po_is_ok(recorded))
        cx->err = first;
    else
        call->status = 0; /* what the refusal would have been */
    return po_is_ok(recorded) ? rc : recorded;
}

static void end(struct po_ctx *cx, struct po_api_call *call, po_rc rc)
{
    struct po_api_response *res = call->res;
    if (!po_is_ok(rc)) {
        rc = record_refusal(cx, call, rc);
        po_api_problem(cx, call, rc);
    }
    if (res->next != PO_API_WORK) {
        rc = po_api_replay_end(cx, call);
        if (!po_is_ok(rc)) po_api_problem(cx, call, rc);
        po_api_keep(cx, call, po_is_ok(rc) ? call->rc : rc);
    }
    if (!po_is_ok(po_buf_check(&res->body))) {
        res->status = 503;
        po_buf_clear(&res->body);
    }
    po_api_set(res, PO_HTTP_X_REQUEST_ID, po_str_of(cx->request));
    if (call->is_head) po_buf_clear(&res->body);
}

void po_api_handle(struct po_ctx *cx, struct po_api *api, const struct po_api_request *req,
                   struct po_api_response *res)
{
    struct po_api_call call = {
        .api = api, .req = req, .res = res, .is_head = req->method == PO_HTTP_HEAD};
    call.from_leaf = po_ledger_size(po_home_ledger(api->home));
    po_rc rc = begin(cx);
    if (po_is_ok(rc)) rc = serve(cx, &call);
    call.rc = rc;
    end(cx, &call, rc);
}

/* -- requests that wait for a keeper ------------------------------------------------------------- */

po_rc po_api_wait(struct po_ctx *cx, struct po_api_call *call, struct po_credential_job *job)
{
    struct po_api *api = call->api;
    for (size_t i = 0; i < PO_API_WAITING_MAX; i++) {
        struct po_api_waiting *waiting = &api->waiting[i];
        if (waiting->ticket != 0) continue;
        *waiting = (struct po_api_waiting){.ticket = ++api->last_ticket,
                                           .route = call->route,
                                           .identity = call->identity,
                                           .by = call->by,
                                           .job = *job};
        *job = (struct po_credential_job){0}; /* its secrets are the waiting request's now */
        memcpy(waiting->request_id, cx->request, sizeof waiting->request_id);
        memcpy(waiting->actor, cx->actor, sizeof waiting->actor);
        memcpy(waiting->session, cx->session, sizeof waiting->session);
        memcpy(waiting->ip, cx->ip, sizeof waiting->ip);
        waiting->tenant = cx->tenant;
        call->res->next = PO_API_WORK;
        call->res->work = (struct po_api_work){waiting->ticket, &waiting->job};
        call->is_recorded = true; /* the end of the work records it */
        return po_rc_ok();
    }
    call->retry_after_s = 1;
    return po_api_refuse_as(cx, call, 429, PO_BUSY, NULL);
}

static struct po_api_waiting *find_waiting(struct po_api *api, uint64_t ticket)
{
    for (size_t i = 0; i < PO_API_WAITING_MAX && ticket != 0; i++)
        if (api->waiting[i].ticket == ticket) return &api->waiting[i];
    return NULL;
}

void po_api_cancel(struct po_api *api, uint64_t ticket)
{
    struct po_api_waiting *waiting = find_waiting(api, ticket);
    if (waiting == NULL) return;
    po_credential_job_done(&waiting->job);
    *waiting = (struct po_api_waiting){0};
}

static void take_up(struct po_ctx *cx, const struct po_api_waiting *waiting)
{
    cx->channel = PO_CHANNEL_API;
    cx->tenant = waiting->tenant;
    memcpy(cx->request, waiting->request_id, sizeof cx->request);
    memcpy(cx->actor, waiting->actor, sizeof cx->actor);
    memcpy(cx->session, waiting->session, sizeof cx->session);
    memcpy(cx->ip, waiting->ip, sizeof cx->ip);
}

static PO_RC go_on(struct po_ctx *cx, struct po_api_call *call,
                   const struct po_api_waiting *waiting, const struct po_api_result *result)
{
    if (result->code == PO_BUSY) {
        call->retry_after_s = 1;
        return po_api_refuse_as(cx, call, 429, PO_BUSY, NULL);
    }
    if (result->code != PO_OK || result->answer == NULL)
        return PO_FAIL(cx, result->code != PO_OK ? result->code : PO_BUG, "no password work");
    uint64_t before = 0;
    uint64_t after = 0;
    PO_TRY(cx, po_api_event_mark(cx, call->api, &before));
    po_rc rc = po_api_finish(cx, call, &waiting->job, result->answer);
    struct po_err first = cx->err;
    if (po_is_ok(po_api_event_mark(cx, call->api, &after)) && after > before)
        call->is_recorded = true;
    cx->err = first;
    return rc;
}

void po_api_resume(struct po_ctx *cx, struct po_api *api, const struct po_api_result *result,
                   struct po_api_response *res)
{
    static const struct po_api_request nothing = {.method = PO_HTTP_POST};
    struct po_api_call call = {.api = api, .req = &nothing, .res = res};
    call.from_leaf = po_ledger_size(po_home_ledger(api->home));
    struct po_api_waiting *waiting = find_waiting(api, result->ticket);
    po_rc rc = po_rc_of(PO_NOTFOUND);
    if (waiting != NULL) {
        take_up(cx, waiting);
        call.route = waiting->route;
        call.identity = waiting->identity;
        call.by = waiting->by;
        call.match.route = waiting->route;
        rc = go_on(cx, &call, waiting, result);
    }
    po_api_cancel(api, result->ticket);
    call.rc = rc;
    end(cx, &call, rc);
}
