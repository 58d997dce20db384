/*
 * Between http/ and core: requests become frames, frames become answers and streams.
 *
 * Invariants
 *  1. a request has one flow from its frame to its answer, its stream's end, or the end of its client;
 *     core is told (CANCEL) when nobody waits any more.
 *  2. core's frames are checked like anyone's: what does not fit the protocol ends the connection to core,
 *     never the front.
 *  3. a field that decides who is asking stands once in a request, or the request is refused.
 */
#include "daemon/front_priv.h"

#include "core/json.h"

#define WS_RESTART 1012
#define WS_SLOW 1013
#define WS_FAILED 1011
#define WS_DONE 1000

/* ---- a request to core ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum po_wire_field field;
} FIELDS[] = {
    {"authorization", PO_WIRE_AUTHORIZATION},
    {"cookie", PO_WIRE_COOKIE},
    {"content-type", PO_WIRE_CONTENT_TYPE},
    {"accept", PO_WIRE_ACCEPT},
    {"if-match", PO_WIRE_IF_MATCH},
    {"if-none-match", PO_WIRE_IF_NONE_MATCH},
    {"idempotency-key", PO_WIRE_IDEMPOTENCY_KEY},
    {"origin", PO_WIRE_ORIGIN},
    {"sec-fetch-site", PO_WIRE_SEC_FETCH_SITE},
    {"user-agent", PO_WIRE_USER_AGENT},
    {"last-event-id", PO_WIRE_LAST_EVENT_ID},
};

/* False: one of them stands there twice. */
static bool add_fields(const struct po_http_request *req, struct po_wire_msg *msg)
{
    for (size_t i = 0; i < po_http_field_count(req); i++) {
        struct po_http_field field = po_http_field_at(req, i);
        for (size_t f = 0; f < sizeof FIELDS / sizeof *FIELDS; f++) {
            if (!po_str_eq_cstr(field.name, FIELDS[f].name)) continue;
            if (po_wire_has(msg, FIELDS[f].field)) return false;
            po_wire_set_text(msg, FIELDS[f].field, field.value);
        }
    }
    return true;
}

/* What a proxy says of its client's side; believed when it is a trusted one. */
static void add_client(const struct po_front *front, const struct po_http_request *req,
                       struct po_wire_msg *msg)
{
    po_str client = req->peer;
    po_str forwarded = {0};
    po_str proto = {0};
    bool is_tls = req->is_tls;
    po_str self = {0};
    bool is_proxied = po_front_is_trusted(&front->options, req->peer);
    if (is_proxied && po_is_ok(po_http_field_get(req, PO_LIT("x-forwarded-for"), &forwarded)) &&
        po_front_client_of(&front->options, req->peer, forwarded, &self))
        client = self;
    if (is_proxied && po_is_ok(po_http_field_get(req, PO_LIT("x-forwarded-proto"), &proto)))
        is_tls |= po_str_eq_cstr(proto, "https");
    po_wire_set_text(msg, PO_WIRE_PEER, client);
    po_wire_set_number(msg, PO_WIRE_IS_TLS, is_tls);
}

static bool make_frame(const struct po_front *front, const struct po_http_request *req, uint64_t id,
                       struct po_wire_msg *msg)
{
    po_wire_begin(msg, PO_WIRE_KIND_REQUEST, id);
    po_wire_set_text(msg, PO_WIRE_METHOD, po_str_of(po_http_method_name(req->method)));
    po_wire_set_text(msg, PO_WIRE_PATH, req->path);
    if (req->query.len > 0) po_wire_set_text(msg, PO_WIRE_QUERY, req->query);
    po_wire_set_number(msg, PO_WIRE_LISTENER, req->listener);
    if (req->host.len > 0) po_wire_set_text(msg, PO_WIRE_HOST, req->host);
    if (req->port != 0) po_wire_set_number(msg, PO_WIRE_PORT, req->port);
    if (req->wants_websocket) po_wire_set_number(msg, PO_WIRE_WANTS_WEBSOCKET, 1);
    if (req->body.len > 0) po_wire_set_text(msg, PO_WIRE_BODY, req->body);
    add_client(front, req, msg);
    return add_fields(req, msg);
}

/* Content in a coding that nobody here undoes must not be read as if it were plain. */
static bool is_encoded(const struct po_http_request *req)
{
    po_str coding = {0};
    po_rc rc = po_http_field_get(req, PO_LIT("content-encoding"), &coding);
    return rc.code != PO_NOTFOUND && !po_str_eq_cstr(coding, "identity");
}

static size_t channel_waits(const struct po_front *front)
{
    return front->core.out.len - front->core.out_sent;
}

void po_front_forward(struct po_ctx *cx, struct po_front *front, const struct po_http_request *req,
                      struct po_http_response *res)
{
    struct po_wire_msg msg;
    struct po_front_refusal refusal = {.status = 503,
                                       .retry_after_s = PO_FRONT_RETRY_S,
                                       .class = po_front_class_of(req->method, req->path),
                                       .is_tls = req->is_tls};
    bool is_full = channel_waits(front) > PO_FRONT_CHANNEL_BYTES_MAX ||
                   front->flows.waiting + front->flows.streams >= PO_FRONT_FLOWS_MAX;
    if (!po_front_has_core(front) || is_full || front->is_stopping) {
        po_front_refuse(front, res, &refusal);
        return;
    }
    refusal.retry_after_s = 0;
    refusal.status = 415;
    if (is_encoded(req)) {
        po_front_refuse(front, res, &refusal);
        return;
    }
    refusal.status = 400;
    if (!make_frame(front, req, front->flows.serial + 1, &msg)) {
        po_front_refuse(front, res, &refusal);
        return;
    }
    po_rc rc = po_wire_end_send(cx, &front->core, &msg);
    if (!po_is_ok(rc)) {
        refusal.status = rc.code == PO_LIMIT ? 431 : rc.code == PO_NOMEM ? 503 : 400;
        po_front_refuse(front, res, &refusal);
        return;
    }
    struct po_front_flow *flow = po_front_flow_add(&front->flows, po_http_defer(res));
    if (flow == NULL) return; /* not when it is not full */
    flow->class = refusal.class;
    flow->is_tls = req->is_tls;
    flow->since_us = po_front_now_us(cx);
}

static void tell_core_gone(struct po_ctx *cx, struct po_front *front, uint64_t id)
{
    struct po_wire_msg msg;
    if (!po_front_has_core(front)) return;
    po_wire_begin(&msg, PO_WIRE_KIND_CANCEL, id);
    po_ignore(po_wire_end_send(cx, &front->core, &msg), "core forgets it when it answers");
    po_err_clear(cx);
}

void po_front_gone(struct po_ctx *cx, void *user, po_http_id id, uint16_t ws_code)
{
    struct po_front *front = user;
    struct po_front_flow *flow = po_front_flow_of_http(&front->flows, id);
    (void)ws_code;
    if (flow == NULL) return;
    if (flow->state == PO_FLOW_WAITS) {
        po_time_us took_us = po_front_now_us(cx) - flow->since_us;
        bool is_late = took_us >= PO_FRONT_ANSWER_MS * PO_US_PER_MS;
        po_metrics_request(&front->metrics, flow->class, is_late ? 503 : 499, took_us);
    }
    if (flow->kind == PO_FLOW_REQUEST) tell_core_gone(cx, front, flow->id);
    po_front_flow_remove(&front->flows, flow);
}

/* ---- an answer of core ---------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum po_http_name name;
} NAMES[] = {
#define X(id, text) {(text), PO_HTTP_##id},
    PO_HTTP_NAME_TABLE(X)
#undef X
};

static bool is_same_name(po_str a, const char *b)
{
    if (a.len != strlen(b)) return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i];
        if (x >= 'A' && x <= 'Z') x = (char)(x | 0x20);
        char y = b[i];
        if (y >= 'A' && y <= 'Z') y = (char)(y | 0x20);
        if (x != y) return false;
    }
    return true;
}

/*
 * Name, value, name, value: false when one is not in the table of http/. Those of `skipped` are left to
 * http/, which knows a stream's type.
 */
static bool set_fields(const struct po_wire_msg *msg, struct po_http_response *res,
                       uint64_t skipped, uint64_t *ret_mask)
{
    *ret_mask = 0;
    if (msg->list_count % 2 != 0) return false;
    for (size_t i = 0; i < msg->list_count; i += 2) {
        size_t at = 0;
        while (at < PO_HTTP_NAME_COUNT && !is_same_name(msg->list[i], NAMES[at].text))
            at++;
        if (at == PO_HTTP_NAME_COUNT) return false;
        if ((skipped & (uint64_t)1 << NAMES[at].name) != 0) continue;
        po_http_set(res, NAMES[at].name, msg->list[i + 1]);
        *ret_mask |= (uint64_t)1 << NAMES[at].name;
    }
    return true;
}

static void send_answer(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                        struct po_http_response *res)
{
    po_metrics_request(&front->metrics, flow->class, po_http_status_get(res),
                       po_front_now_us(cx) - flow->since_us);
    po_http_answer_send(cx, front->server, flow->http, res);
}

static void answer_problem(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                           unsigned status, const char *title)
{
    struct po_http_response *res = po_http_answer(front->server, flow->http);
    struct po_front_refusal refusal = {.status = status,
                                       .title = title,
                                       .retry_after_s = status == 503 ? PO_FRONT_RETRY_S : 0,
                                       .class = flow->class,
                                       .is_tls = flow->is_tls};
    if (res == NULL) return;
    po_front_refuse(front, res, &refusal);
    po_http_answer_send(cx, front->server, flow->http, res);
}

static PO_RC take_response(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                           const struct po_wire_msg *msg)
{
    uint64_t mask = 0;
    uint64_t status = msg->number[PO_WIRE_STATUS];
    if (flow->state != PO_FLOW_WAITS || flow->kind != PO_FLOW_REQUEST || status < 200 ||
        status > 599)
        return PO_FAIL(cx, PO_INVALID, "core gave an answer out of turn");
    struct po_http_response *res = po_http_answer(front->server, flow->http);
    if (res != NULL) {
        po_http_status(res, (unsigned)status);
        if (!set_fields(msg, res, 0, &mask)) {
            answer_problem(cx, front, flow, 500, NULL);
            po_front_flow_remove(&front->flows, flow);
            return PO_FAIL(cx, PO_INVALID, "core gave an answer with an unknown field");
        }
        po_front_secure(res, flow->is_tls, mask);
        if (po_wire_has(msg, PO_WIRE_BODY)) po_http_body(res, msg->text[PO_WIRE_BODY]);
        send_answer(cx, front, flow, res);
    }
    po_front_flow_remove(&front->flows, flow);
    return po_rc_ok();
}

/* ---- streams -------------------------------------------------------------------------------------- */

static PO_RC open_stream(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                         const struct po_wire_msg *msg)
{
    uint64_t mask = 0;
    if (flow->state != PO_FLOW_WAITS || flow->kind != PO_FLOW_REQUEST)
        return PO_FAIL(cx, PO_INVALID, "core opened a stream out of turn");
    struct po_http_response *res = po_http_answer(front->server, flow->http);
    if (res == NULL || !set_fields(msg, res, PO_FRONT_HAS(CONTENT_TYPE), &mask)) {
        if (res != NULL) answer_problem(cx, front, flow, 500, NULL);
        po_front_flow_remove(&front->flows, flow);
        return po_rc_ok();
    }
    po_http_id old = flow->http;
    bool is_socket =
        po_wire_has(msg, PO_WIRE_IS_WEBSOCKET) && msg->number[PO_WIRE_IS_WEBSOCKET] != 0;
    po_http_id opened = {0};
    if (is_socket) {
        opened = po_http_websocket(res, PO_LIT(""));
    } else {
        po_front_secure(res, flow->is_tls, mask | PO_FRONT_HAS(CONTENT_TYPE));
        opened = po_http_events(res);
    }
    unsigned status = is_socket && opened.value != 0 ? 200 : po_http_status_get(res);
    po_metrics_request(&front->metrics, flow->class, status, po_front_now_us(cx) - flow->since_us);
    if (opened.value != 0) {
        po_front_flow_open(&front->flows, flow, opened,
                           is_socket ? PO_FLOW_SOCKET : PO_FLOW_EVENTS);
    } else {
        tell_core_gone(cx, front, flow->id);
        po_front_flow_remove(&front->flows, flow);
    }
    po_http_answer_send(cx, front->server, old, res);
    return po_rc_ok();
}

/* A WebSocket has no ids and names: they stand around the data. */
static PO_RC send_message(struct po_ctx *cx, struct po_front *front,
                          const struct po_front_flow *flow, const struct po_wire_msg *msg)
{
    PO_BUF_AUTO text = {0};
    struct po_json_out out = {0};
    po_buf_init(&text, PO_WIRE_BODY_BYTES_MAX + 2048);
    po_json_out_init(&out, &text, 0);
    po_json_out_object(&out);
    po_json_out_field(&out, "id", msg->text[PO_WIRE_EVENT_ID]);
    po_json_out_field(&out, "event", msg->text[PO_WIRE_NAME]);
    po_json_out_key(&out, "data");
    po_json_out_raw(&out,
                    msg->text[PO_WIRE_BODY].len > 0 ? msg->text[PO_WIRE_BODY] : PO_LIT("null"));
    po_json_out_object_end(&out);
    PO_TRY_LEAF(cx, po_buf_check(&text), "no memory for a message");
    return po_http_message_send(cx, front->server, flow->http, PO_HTTP_MESSAGE_TEXT,
                                po_buf_str(&text));
}

static void end_stream(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                       uint16_t code)
{
    po_http_id http = flow->http;
    po_front_flow_remove(&front->flows, flow);
    po_http_stream_close(cx, front->server, http, code);
}

static PO_RC take_event(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                        const struct po_wire_msg *msg)
{
    struct po_http_event event = {.id = msg->text[PO_WIRE_EVENT_ID],
                                  .name = msg->text[PO_WIRE_NAME],
                                  .data = msg->text[PO_WIRE_BODY]};
    po_rc rc = po_rc_ok();
    if (flow->state == PO_FLOW_WAITS) return PO_FAIL(cx, PO_INVALID, "an event without a stream");
    if (flow->state == PO_FLOW_SOCKET)
        rc = send_message(cx, front, flow, msg);
    else
        rc = po_http_event(cx, front->server, flow->http, &event);
    po_err_clear(cx);
    if (po_is_ok(rc)) {
        struct po_wire_msg taken;
        po_wire_begin(&taken, PO_WIRE_KIND_STREAM_TAKEN, flow->id);
        po_wire_set_number(&taken, PO_WIRE_COUNT, 1);
        return po_wire_end_send(cx, &front->core, &taken);
    }
    /* Its reader takes nothing, or it is ending already. */
    if (rc.code == PO_BUSY) front->metrics.slow_streams++;
    tell_core_gone(cx, front, flow->id);
    end_stream(cx, front, flow, rc.code == PO_BUSY ? WS_SLOW : WS_FAILED);
    return po_rc_ok();
}

static PO_RC close_stream(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                          const struct po_wire_msg *msg)
{
    uint64_t code = po_wire_has(msg, PO_WIRE_CODE) ? msg->number[PO_WIRE_CODE] : WS_DONE;
    if (flow->state == PO_FLOW_WAITS) {
        answer_problem(cx, front, flow, 503, NULL);
        po_front_flow_remove(&front->flows, flow);
        return po_rc_ok();
    }
    end_stream(cx, front, flow, code >= WS_DONE && code <= 4999 ? (uint16_t)code : WS_DONE);
    return po_rc_ok();
}

/* ---- core ----------------------------------------------------------------------------------------- */

static PO_RC take_frame(struct po_ctx *cx, struct po_front *front, const struct po_wire_msg *msg)
{
    struct po_front_flow *flow = po_front_flow_find(&front->flows, msg->id);
    switch ((unsigned)msg->kind) {
    case PO_WIRE_KIND_RESPONSE:
        return flow != NULL ? take_response(cx, front, flow, msg) : po_rc_ok();
    case PO_WIRE_KIND_STREAM_OPEN:
        return flow != NULL ? open_stream(cx, front, flow, msg) : po_rc_ok();
    case PO_WIRE_KIND_STREAM_EVENT:
        return flow != NULL ? take_event(cx, front, flow, msg) : po_rc_ok();
    case PO_WIRE_KIND_STREAM_CLOSE:
        return flow != NULL ? close_stream(cx, front, flow, msg) : po_rc_ok();
    case PO_WIRE_KIND_STATS_ANSWER:
        if (flow != NULL && flow->kind != PO_FLOW_REQUEST)
            po_front_stats(cx, front, flow, msg->text[PO_WIRE_BODY]);
        return po_rc_ok();
    default: break;
    }
    return PO_FAIL(cx, PO_INVALID, "core sent a frame '%s'", po_wire_kind_name(msg->kind));
}

PO_RC po_front_take(struct po_ctx *cx, struct po_front *front)
{
    struct po_wire_msg msg;
    bool has = true;
    po_rc filled = po_wire_end_fill(cx, &front->core);
    /* What came before the end counts. */
    if (!po_is_ok(filled)) po_err_clear(cx);
    while (has) {
        PO_TRY(cx, po_wire_end_next(cx, &front->core, &msg, &has));
        if (has) PO_TRY(cx, take_frame(cx, front, &msg));
    }
    if (!po_is_ok(filled)) return PO_FAIL(cx, filled.code, "core has gone");
    return po_rc_ok();
}

void po_front_core_lost(struct po_ctx *cx, struct po_front *front)
{
    if (front->core.fd < 0) return;
    front->metrics.core_lost++;
    for (size_t i = 0; i < PO_FRONT_FLOWS_MAX; i++) {
        struct po_front_flow *flow = &front->flows.all[i];
        if (flow->state == PO_FLOW_FREE) continue;
        if (flow->state != PO_FLOW_WAITS) {
            end_stream(cx, front, flow, WS_RESTART);
        } else if (flow->kind == PO_FLOW_REQUEST) {
            answer_problem(cx, front, flow, 503, "The answer was lost; what was asked may be done");
            po_front_flow_remove(&front->flows, flow);
        } else {
            po_front_stats(cx, front, flow, (po_str){0});
        }
    }
    po_http_server_unwatch(front->server, front->core.fd);
    po_wire_end_done(&front->core);
}
