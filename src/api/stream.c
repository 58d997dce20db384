/*
 * Streams: the tenant's events from the ledger, in the order of their leaves.
 *
 * There is nothing to a stream but a position, so it resumes anywhere (Last-Event-ID) and cannot lose an
 * event: what a client does not take now, comes at the next step. Before each step the caller is read
 * anew: a session or token that is no more ends the stream.
 */
#include "api/handlers_priv.h"
#include "api/stream_priv.h"

#include <stdio.h>

#define STEP_EVENTS_MAX 256 /* of one step, so that one listener does not hold up core */
#define STEP_ARENA_BYTES_MAX ((size_t)6 << 20)

static const struct {
    const char *name;
    const char *prefixes[4]; /* of event types */
} topics[PO_API_TOPIC_COUNT] = {
    [PO_API_TOPIC_EVENT] = {"event", {NULL}},
    [PO_API_TOPIC_CONTROL] = {"control", {"control.", "waiver.", "attestation.", NULL}},
    [PO_API_TOPIC_HEALTH] = {"health", {"health.", "repair.", NULL}},
    [PO_API_TOPIC_JOB] = {"job", {"assessment.", "report.", "job.", "pack."}},
};

const char *po_api_topic_name(enum po_api_topic topic) { return topics[topic].name; }

static enum po_api_topic topic_of(po_str type)
{
    for (size_t t = PO_API_TOPIC_CONTROL; t < PO_API_TOPIC_COUNT; t++)
        for (size_t i = 0; i < 4 && topics[t].prefixes[i] != NULL; i++)
            if (po_str_starts(type, po_str_of(topics[t].prefixes[i]))) return (enum po_api_topic)t;
    return PO_API_TOPIC_EVENT;
}

/* -- opening ------------------------------------------------------------------------------------- */

/* One account does not take the places of all others. */
static PO_RC find_place(struct po_ctx *cx, struct po_api_call *call,
                        struct po_api_stream **ret_stream)
{
    struct po_api_stream *place = NULL;
    size_t own = 0;
    for (size_t i = 0; i < PO_API_STREAMS_MAX; i++) {
        struct po_api_stream *stream = &call->api->streams[i];
        if (stream->id == 0 && place == NULL) place = stream;
        if (stream->id != 0 && strcmp(stream->actor, cx->actor) == 0) own++;
    }
    call->retry_after_s = 10;
    if (own >= PO_API_STREAMS_OF_ACTOR_MAX)
        return po_api_refuse_as(cx, call, 429, PO_BUSY, "too many streams of this account");
    if (place == NULL) return po_api_refuse_as(cx, call, 503, PO_BUSY, "too many streams are open");
    *ret_stream = place;
    return po_rc_ok();
}

/* Behind Last-Event-ID, else behind `after`, else at the end. */
static PO_RC find_start(struct po_ctx *cx, struct po_api_call *call, uint64_t *ret_leaf)
{
    uint64_t size = po_ledger_size(po_home_ledger(call->api->home));
    po_str last = call->req->fields[PO_API_FIELD_LAST_EVENT_ID];
    const struct po_api_value *after = po_api_value(call, "after");
    uint64_t leaf = 0;
    *ret_leaf = size;
    if (last.len > 0 && !po_is_ok(po_str_to_u64(last, PO_LEDGER_LEAVES_MAX, &leaf)))
        return po_api_refuse(cx, call, PO_INVALID, "it is the number of a leaf",
                             PO_LIT("last-event-id"));
    if (last.len == 0 && after == NULL) return po_rc_ok();
    if (last.len == 0) leaf = (uint64_t)after->integer;
    *ret_leaf = leaf < size ? leaf + 1 : size;
    return po_rc_ok();
}

po_rc po_api_stream_open(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_api_stream *stream = NULL;
    struct po_api_response *res = call->res;
    uint64_t leaf = 0;
    po_str topic = po_api_text(call, "topic");
    if (call->is_head)
        return po_api_refuse_as(cx, call, 405, PO_INVALID, "a stream has no head of its own");
    PO_TRY(cx, find_start(cx, call, &leaf));
    PO_TRY(cx, find_place(cx, call, &stream));
    PO_TRY(cx, po_api_record(cx, call, PO_EVENT_TYPE_STREAM_OPENED, PO_EVENT_SUCCESS, po_rc_ok()));
    *stream = (struct po_api_stream){.id = ++call->api->last_stream,
                                     .topic = PO_API_TOPIC_ALL,
                                     .next_leaf = leaf,
                                     .tenant = cx->tenant};
    for (size_t i = 0; i < PO_API_TOPIC_COUNT; i++)
        if (po_str_eq_cstr(topic, topics[i].name)) stream->topic = (enum po_api_topic)i;
    (void)snprintf(stream->type, sizeof stream->type, "%.*s",
                   PO_STR_ARG(po_api_text(call, "type")));
    memcpy(stream->actor, cx->actor, sizeof stream->actor);
    memcpy(stream->session, cx->session, sizeof stream->session);
    memcpy(stream->ip, cx->ip, sizeof stream->ip);
    res->next = PO_API_STREAM;
    res->stream = stream->id;
    res->is_websocket = call->req->wants_websocket;
    if (!res->is_websocket) po_api_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/event-stream"));
    po_api_set(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    return po_rc_ok();
}

/* -- giving -------------------------------------------------------------------------------------- */

static struct po_api_stream *find(struct po_api *api, uint64_t id)
{
    for (size_t i = 0; i < PO_API_STREAMS_MAX && id != 0; i++)
        if (api->streams[i].id == id) return &api->streams[i];
    return NULL;
}

void po_api_stream_close(struct po_api *api, uint64_t stream)
{
    struct po_api_stream *found = find(api, stream);
    if (found != NULL) *found = (struct po_api_stream){0};
}

size_t po_api_stream_count(const struct po_api *api)
{
    size_t count = 0;
    for (size_t i = 0; i < PO_API_STREAMS_MAX; i++)
        count += api->streams[i].id != 0;
    return count;
}

static bool is_wanted(const struct po_api_stream *stream, po_str type)
{
    po_str wanted = po_str_of(stream->type);
    bool is_type = wanted.len == 0 || po_str_eq(type, wanted) ||
                   (wanted.ptr[wanted.len - 1] == '.' && po_str_starts(type, wanted));
    return is_type && (stream->topic == PO_API_TOPIC_ALL || stream->topic == topic_of(type));
}

struct giving {
    struct po_api *api;
    struct po_api_stream *stream;
    po_api_sink *sink;
    void *user;
};

static PO_RC send_event(struct po_ctx *cx, const struct giving *giving, uint64_t leaf, po_str bytes,
                        po_str type)
{
    PO_BUF_AUTO data;
    struct po_json_out json;
    po_buf_init(&data, 2 * PO_EVENT_BYTES_MAX);
    po_json_out_init(&json, &data, 0);
    po_json_out_object(&json);
    po_json_out_field_int(&json, "seq", (int64_t)leaf);
    po_json_out_key(&json, "event");
    po_json_out_raw(&json, bytes);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&data), "an event for a stream");
    const char *id = po_arena_printf(cx->arena, "%lu", (unsigned long)leaf);
    if (id == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    const struct po_api_event event = {.id = po_str_of(id),
                                       .name = po_str_of(topics[topic_of(type)].name),
                                       .data = po_buf_str(&data)};
    return giving->sink(cx, giving->user, &event);
}

static PO_RC give_leaf(struct po_ctx *cx, const struct giving *giving, uint64_t leaf,
                       const struct po_event_type_row *type)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    PO_TRY(cx, po_ledger_event_at(cx, po_home_ledger(giving->api->home), leaf, &bytes, NULL));
    return send_event(cx, giving, leaf, po_buf_str(&bytes), po_str_of(type->name));
}

static PO_RC give_step(struct po_ctx *cx, const struct giving *giving, uint64_t leaf,
                       const struct po_event_type_row *type)
{
    struct po_ctx step;
    PO_TRY(cx, po_ctx_child_begin(cx, STEP_ARENA_BYTES_MAX, &step));
    po_rc rc = give_leaf(&step, giving, leaf, type);
    return po_ctx_child_end(cx, &step, rc);
}

static PO_RC give(struct po_ctx *cx, const struct giving *giving)
{
    struct po_api_stream *stream = giving->stream;
    struct po_ledger *ledger = po_home_ledger(giving->api->home);
    const struct po_ledger_filter filter = {.is_own_tenant = true};
    size_t given = 0;
    while (given < STEP_EVENTS_MAX) {
        bool is_found = false;
        uint64_t leaf = 0;
        struct po_record record;
        PO_TRY(cx,
               po_ledger_next(cx, ledger, stream->next_leaf, &filter, &is_found, &leaf, &record));
        if (!is_found) {
            stream->next_leaf = po_ledger_size(ledger);
            break;
        }
        const struct po_event_type_row *type = po_event_type_get(record.event_type);
        if (type != NULL && record.kind == PO_RECORD_EVENT &&
            is_wanted(stream, po_str_of(type->name))) {
            PO_TRY(cx, give_step(cx, giving, leaf, type));
            given++;
        }
        stream->next_leaf = leaf + 1;
    }
    return po_rc_ok();
}

/* Whoever listens, as they are now. */
static PO_RC check_listener(struct po_ctx *cx, struct po_api *api,
                            const struct po_api_stream *stream)
{
    struct po_identity identity = {0};
    struct po_decision decision = {0};
    cx->channel = PO_CHANNEL_API;
    cx->tenant = stream->tenant;
    memcpy(cx->actor, stream->actor, sizeof cx->actor);
    memcpy(cx->session, stream->session, sizeof cx->session);
    memcpy(cx->ip, stream->ip, sizeof cx->ip);
    PO_TRY(cx, po_identity_current(cx, api->home, &identity));
    po_access_decide(&identity, PO_LIT("audit.list"), PO_LIT("stream"), stream->tenant, &decision);
    if (decision.is_allowed) return po_rc_ok();
    return PO_FAIL(cx, PO_DENIED, "%s", decision.reason);
}

po_rc po_api_stream_step(struct po_ctx *cx, struct po_api *api, uint64_t stream, po_api_sink *sink,
                         void *user)
{
    struct po_api_stream *found = find(api, stream);
    if (found == NULL) return PO_FAIL(cx, PO_NOTFOUND, "there is no such stream");
    const struct giving giving = {api, found, sink, user};
    po_rc rc = check_listener(cx, api, found);
    if (po_is_ok(rc)) rc = give(cx, &giving);
    if (rc.code == PO_BUSY) {
        po_err_clear(cx); /* it takes no more now */
        return po_rc_ok();
    }
    if (!po_is_ok(rc)) po_api_stream_close(api, stream);
    return rc;
}
