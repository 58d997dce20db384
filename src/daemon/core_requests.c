/*
 * Requests that front passes on, their password work at keeper, and open streams.
 *
 * Invariants
 *  1. what a frame says of its sender is checked again: core knows a caller by the credential alone.
 *  2. each request has one answer, unless front said that nobody waits for it.
 *
 *   REQUEST -> api -> RESPONSE
 *                \-> PASSWORD_VERIFY -> PASSWORD_HASH -> resume -> …
 *                \-> STREAM_OPEN -> STREAM_EVENT* -> STREAM_CLOSE
 */
#include "daemon/core_priv.h"

#include "core/log.h"
#include "core/secret.h"
#include "store/store.h"

#include <stdio.h>

#define WS_FAILED 1011
#define WS_UNAUTH 4401
#define WS_DENIED 4403

static const char *const names[] = {
#define X(id, text) [PO_HTTP_##id] = (text),
    PO_HTTP_NAME_TABLE(X)
#undef X
};

po_rc po_core_requests_begin(struct po_ctx *cx, struct po_core *core)
{
    const struct po_api_config config = {.home = core->home};
    PO_TRY(cx, po_api_new(cx, &config, &core->api));
    po_api_report(core->api);
    return po_rc_ok();
}

void po_core_cover(struct po_ctx *cx, struct po_core *core)
{
    if (po_api_unsettled(core->api) < PO_CORE_COVER_EACH) return;
    if (po_is_ok(po_api_settle(cx, core->api, PO_CORE_COVER_EACH))) return;
    po_log(cx, PO_LOG_ERROR, "service.not_covered", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx); /* tried again in the next turn */
}

void po_core_requests_done(struct po_core *core) { po_api_freep(&core->api); }

/* ---- answers ------------------------------------------------------------------------------------ */

static void send(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    if (core->front.fd < 0) return;
    po_rc rc = po_wire_end_send(cx, &core->front, msg);
    if (po_is_ok(rc)) return;
    po_log(cx, PO_LOG_ERROR, "service.answer_lost", PO_F_CSTR("error", po_err_msg(cx)));
    po_core_front_broken(cx, core, rc); /* it reads nothing; who waits there is told so by it */
}

static void send_status(struct po_ctx *cx, struct po_core *core, uint64_t frame, unsigned status)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_RESPONSE, frame);
    po_wire_set_number(&msg, PO_WIRE_STATUS, status);
    if (status == 503) {
        po_ignore(po_wire_add(&msg, po_str_of(names[PO_HTTP_RETRY_AFTER])), "the list is empty");
        po_ignore(po_wire_add(&msg, PO_LIT("1")), "the list is empty");
    }
    send(cx, core, &msg);
}

static void put_fields(const struct po_api_response *res, struct po_wire_msg *msg)
{
    for (size_t i = 0; i < res->field_count; i++) {
        po_ignore(po_wire_add(msg, po_str_of(names[res->fields[i].name])), "fewer than fit");
        po_ignore(po_wire_add(msg, res->fields[i].value), "fewer than fit");
    }
}

static void send_response(struct po_ctx *cx, struct po_core *core, uint64_t frame,
                          const struct po_api_response *res)
{
    struct po_wire_msg msg;
    po_str body = po_buf_str(&res->body);
    if (body.len > PO_WIRE_BODY_BYTES_MAX || !po_is_ok(po_buf_check(&res->body))) {
        send_status(cx, core, frame, 500);
        return;
    }
    po_wire_begin(&msg, PO_WIRE_KIND_RESPONSE, frame);
    po_wire_set_number(&msg, PO_WIRE_STATUS, res->status);
    if (res->field_count > 0) put_fields(res, &msg);
    if (body.len > 0) po_wire_set_text(&msg, PO_WIRE_BODY, body);
    send(cx, core, &msg);
}

/* ---- password work ------------------------------------------------------------------------------ */

static void ask_keeper(struct po_ctx *cx, struct po_core *core, struct po_core_wait *wait)
{
    struct po_wire_msg msg;
    const struct po_secret *secret =
        wait->is_hashing ? wait->job->new_password : wait->job->password;
    wait->asked = ++core->keeper_serial;
    po_wire_begin(&msg,
                  wait->is_hashing ? PO_WIRE_KIND_PASSWORD_HASH : PO_WIRE_KIND_PASSWORD_VERIFY,
                  wait->asked);
    po_wire_set_text(&msg, PO_WIRE_SECRET, po_secret_bytes(secret));
    if (wait->is_hashing) {
        po_wire_set_number(&msg, PO_WIRE_MEMORY_KIB, wait->job->cost.memory_kib);
        po_wire_set_number(&msg, PO_WIRE_PASSES, wait->job->cost.passes);
    } else {
        po_wire_set_text(&msg, PO_WIRE_HASH, po_str_of(wait->job->hash));
    }
    if (core->keeper.fd >= 0 && po_is_ok(po_wire_end_send(cx, &core->keeper, &msg))) return;
    po_err_clear(cx);
    wait->asked = 0; /* nobody will answer: see po_core_password_lost */
    core->has_more = true;
}

static void act(struct po_ctx *cx, struct po_core *core, uint64_t frame,
                const struct po_api_response *res);

/* The work is done, or cannot be: the request goes on. */
static void resume(struct po_ctx *parent, struct po_core *core, struct po_core_wait *wait,
                   enum po_code code)
{
    PO_CTX_AUTO cx = {0};
    PO_API_RESPONSE_AUTO res;
    const struct po_core_wait was = *wait;
    const struct po_api_result result = {
        .ticket = was.ticket, .code = code, .answer = code == PO_OK ? &was.answer : NULL};
    *wait = (struct po_core_wait){0};
    core->wait_count--;
    po_api_response_init(&res);
    if (!po_is_ok(po_core_cx_init(core, &cx))) {
        po_api_cancel(core->api, was.ticket);
        send_status(parent, core, was.frame, 503);
        return;
    }
    po_api_resume(&cx, core->api, &result, &res);
    core->has_events = true;
    act(&cx, core, was.frame, &res);
}

static void begin_wait(struct po_ctx *cx, struct po_core *core, uint64_t frame,
                       const struct po_api_work *work)
{
    for (size_t i = 0; i < PO_CORE_WAITS_MAX; i++) {
        struct po_core_wait *wait = &core->waits[i];
        if (wait->ticket != 0) continue;
        *wait = (struct po_core_wait){.ticket = work->ticket,
                                      .frame = frame,
                                      .job = work->job,
                                      .answer = {.is_right = work->job->password == NULL},
                                      .is_hashing = work->job->password == NULL};
        core->wait_count++;
        ask_keeper(cx, core, wait);
        return;
    }
    po_api_cancel(core->api, work->ticket);
    send_status(cx, core, frame, 503);
}

static struct po_core_wait *find_asked(struct po_core *core, uint64_t asked)
{
    for (size_t i = 0; i < PO_CORE_WAITS_MAX; i++)
        if (core->waits[i].ticket != 0 && core->waits[i].asked == asked) return &core->waits[i];
    return NULL;
}

po_rc po_core_password_answer(struct po_ctx *cx, struct po_core *core,
                              const struct po_wire_msg *msg)
{
    struct po_core_wait *wait = find_asked(core, msg->id);
    uint64_t code = msg->number[PO_WIRE_CODE];
    po_str hash = msg->text[PO_WIRE_HASH];
    if (msg->id == 0 || msg->id > core->keeper_serial)
        return PO_FAIL(cx, PO_INVALID, "an answer to nothing");
    if (wait == NULL) return po_rc_ok(); /* nobody waits for it any more */
    if (code > PO_UNAVAILABLE || hash.len >= sizeof wait->answer.new_hash)
        return PO_FAIL(cx, PO_INVALID, "an answer that cannot be");
    if (code != PO_OK) {
        resume(cx, core, wait, (enum po_code)code);
        return po_rc_ok();
    }
    if (!wait->is_hashing) {
        wait->answer.is_right = msg->number[PO_WIRE_IS_MATCH] == 1;
        wait->is_hashing = wait->answer.is_right && wait->job->new_password != NULL;
        if (wait->is_hashing) {
            ask_keeper(cx, core, wait);
            return po_rc_ok();
        }
    } else {
        (void)snprintf(wait->answer.new_hash, sizeof wait->answer.new_hash, "%.*s",
                       PO_STR_ARG(hash));
    }
    resume(cx, core, wait, PO_OK);
    return po_rc_ok();
}

void po_core_password_lost(struct po_ctx *cx, struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_WAITS_MAX; i++) {
        struct po_core_wait *wait = &core->waits[i];
        bool is_lost = core->keeper.fd < 0 || wait->asked == 0;
        if (wait->ticket != 0 && is_lost && !core->is_lent) resume(cx, core, wait, PO_BUSY);
    }
}

/* ---- streams ------------------------------------------------------------------------------------ */

static struct po_core_stream *find_stream(struct po_core *core, uint64_t frame)
{
    for (size_t i = 0; i < PO_CORE_STREAMS_MAX; i++)
        if (core->streams[i].stream != 0 && core->streams[i].frame == frame)
            return &core->streams[i];
    return NULL;
}

static void open_stream(struct po_ctx *cx, struct po_core *core, uint64_t frame,
                        const struct po_api_response *res)
{
    struct po_wire_msg msg;
    struct po_core_stream *stream = NULL;
    for (size_t i = 0; i < PO_CORE_STREAMS_MAX && stream == NULL; i++)
        if (core->streams[i].stream == 0) stream = &core->streams[i];
    if (stream == NULL) {
        po_api_stream_close(core->api, res->stream);
        send_status(cx, core, frame, 503);
        return;
    }
    *stream = (struct po_core_stream){.stream = res->stream, .frame = frame};
    core->stream_count++;
    core->stepped_us = 0; /* at once */
    po_wire_begin(&msg, PO_WIRE_KIND_STREAM_OPEN, frame);
    po_wire_set_number(&msg, PO_WIRE_STATUS, res->status);
    if (res->field_count > 0) put_fields(res, &msg);
    if (res->is_websocket) po_wire_set_number(&msg, PO_WIRE_IS_WEBSOCKET, 1);
    send(cx, core, &msg);
}

static void close_stream(struct po_core *core, struct po_core_stream *stream)
{
    po_api_stream_close(core->api, stream->stream);
    *stream = (struct po_core_stream){0};
    core->stream_count--;
}

struct sink {
    struct po_core *core;
    struct po_core_stream *stream;
};

static po_rc take_event(struct po_ctx *cx, void *user, const struct po_api_event *event)
{
    struct sink *sink = user;
    struct po_wire_msg msg;
    if (sink->stream->under_way >= PO_WIRE_STREAM_WINDOW) return po_rc_of(PO_BUSY);
    po_wire_begin(&msg, PO_WIRE_KIND_STREAM_EVENT, sink->stream->frame);
    po_wire_set_text(&msg, PO_WIRE_BODY, event->data);
    if (event->name.len > 0) po_wire_set_text(&msg, PO_WIRE_NAME, event->name);
    if (event->id.len > 0) po_wire_set_text(&msg, PO_WIRE_EVENT_ID, event->id);
    PO_TRY(cx, po_wire_end_send(cx, &sink->core->front, &msg));
    sink->stream->under_way++;
    return po_rc_ok();
}

static void step_stream(struct po_ctx *cx, struct po_core *core, struct po_core_stream *stream)
{
    struct sink sink = {core, stream};
    struct po_wire_msg msg;
    po_rc rc = po_api_stream_step(cx, core->api, stream->stream, take_event, &sink);
    po_err_clear(cx);
    if (po_is_ok(rc) || rc.code == PO_BUSY) return;
    po_wire_begin(&msg, PO_WIRE_KIND_STREAM_CLOSE, stream->frame);
    po_wire_set_number(&msg, PO_WIRE_CODE,
                       rc.code == PO_UNAUTH   ? WS_UNAUTH
                       : rc.code == PO_DENIED ? WS_DENIED
                                              : WS_FAILED);
    close_stream(core, stream);
    send(cx, core, &msg);
}

void po_core_step_streams(struct po_ctx *cx, struct po_core *core)
{
    po_time_us now_us = po_core_now_us(cx);
    if (core->stream_count == 0 || core->is_lent) return;
    if (now_us - core->stepped_us < PO_CORE_STREAM_STEP_US) return;
    core->stepped_us = now_us;
    for (size_t i = 0; i < PO_CORE_STREAMS_MAX && core->front.fd >= 0; i++)
        if (core->streams[i].stream != 0) step_stream(cx, core, &core->streams[i]);
}

void po_core_stream_taken(struct po_core *core, uint64_t frame, uint64_t count)
{
    struct po_core_stream *stream = find_stream(core, frame);
    if (stream == NULL) return;
    bool was_full = stream->under_way >= PO_WIRE_STREAM_WINDOW;
    stream->under_way -= count < stream->under_way ? (unsigned)count : stream->under_way;
    if (was_full) core->stepped_us = 0;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void act(struct po_ctx *cx, struct po_core *core, uint64_t frame,
                const struct po_api_response *res)
{
    if (res->next == PO_API_WORK)
        begin_wait(cx, core, frame, &res->work);
    else if (res->next == PO_API_STREAM)
        open_stream(cx, core, frame, res);
    else
        send_response(cx, core, frame, res);
}

static bool find_method(po_str text, enum po_http_method *ret_method)
{
    for (unsigned i = 0; i < PO_HTTP_METHOD_COUNT; i++) {
        if (!po_str_eq_cstr(text, po_http_method_name((enum po_http_method)i))) continue;
        *ret_method = (enum po_http_method)i;
        return true;
    }
    return false;
}

static bool read_request(const struct po_wire_msg *msg, struct po_api_request *ret_req)
{
    static const enum po_wire_field fields[PO_API_FIELD_COUNT] = {
#define X(id, text) [PO_API_FIELD_##id] = PO_WIRE_##id,
        PO_API_FIELD_TABLE(X)
#undef X
    };
    *ret_req =
        (struct po_api_request){.path = msg->text[PO_WIRE_PATH],
                                .query = msg->text[PO_WIRE_QUERY],
                                .body = msg->text[PO_WIRE_BODY],
                                .peer = msg->text[PO_WIRE_PEER],
                                .port = (uint16_t)msg->number[PO_WIRE_PORT],
                                .is_tls = msg->number[PO_WIRE_IS_TLS] == 1,
                                .wants_websocket = msg->number[PO_WIRE_WANTS_WEBSOCKET] == 1};
    if (msg->number[PO_WIRE_PORT] > UINT16_MAX) return false;
    if (msg->number[PO_WIRE_LISTENER] > PO_API_LISTENER_MANAGEMENT) return false;
    ret_req->listener = (enum po_api_listener)msg->number[PO_WIRE_LISTENER];
    for (size_t i = 0; i < PO_API_FIELD_COUNT; i++)
        ret_req->fields[i] = msg->text[fields[i]];
    return find_method(msg->text[PO_WIRE_METHOD], &ret_req->method);
}

void po_core_request(struct po_ctx *parent, struct po_core *core, const struct po_wire_msg *msg)
{
    PO_CTX_AUTO cx = {0};
    PO_API_RESPONSE_AUTO res;
    struct po_api_request req;
    po_api_response_init(&res);
    core->figures.requests++;
    if (core->is_lent || core->is_stopping || !po_is_ok(po_core_cx_init(core, &cx))) {
        send_status(parent, core, msg->id, 503);
        return;
    }
    if (!read_request(msg, &req)) {
        send_status(parent, core, msg->id, 400);
        return;
    }
    po_store_group_begin(po_home_store(core->home)); /* until the flush of this turn */
    po_api_handle(&cx, core->api, &req, &res);
    core->has_events = true;
    act(&cx, core, msg->id, &res);
}

void po_core_cancel(struct po_core *core, uint64_t frame)
{
    struct po_core_stream *stream = find_stream(core, frame);
    if (stream != NULL) close_stream(core, stream);
    for (size_t i = 0; i < PO_CORE_WAITS_MAX; i++) {
        struct po_core_wait *wait = &core->waits[i];
        if (wait->ticket == 0 || wait->frame != frame) continue;
        po_api_cancel(core->api, wait->ticket);
        *wait = (struct po_core_wait){0};
        core->wait_count--;
    }
}

void po_core_cancel_all(struct po_core *core)
{
    for (size_t i = 0; i < PO_CORE_STREAMS_MAX; i++)
        if (core->streams[i].stream != 0) close_stream(core, &core->streams[i]);
    for (size_t i = 0; i < PO_CORE_WAITS_MAX; i++)
        if (core->waits[i].ticket != 0) po_core_cancel(core, core->waits[i].frame);
}
