/*
 * Idempotency-Key: a repetition gets the answer of the first request and does nothing.
 *
 * The key is bound to actor and route. It is durable before the work begins, or commits with a work that
 * is nothing but a change of the store; when core dies in between, a repetition is told that the outcome is
 * not known, and never does the work twice.
 */
#include "api/api_priv.h"
#include "store/store.h"

#define KEPT_BYTES_MAX ((size_t)60 << 10)

static bool is_key(po_str key)
{
    if (key.len == 0 || key.len > PO_API_KEY_BYTES_MAX) return false;
    for (size_t i = 0; i < key.len; i++)
        if ((uint8_t)key.ptr[i] <= 0x20U || (uint8_t)key.ptr[i] >= 0x7fU) return false;
    return true;
}

/* SHA-256 over the parts, each after its length. */
static PO_RC hash_parts(struct po_ctx *cx, const po_str *parts, size_t count,
                        uint8_t out[static PO_SHA256_BYTES])
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 2 * PO_API_BODY_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        po_buf_append_le64(&text, parts[i].len);
        po_buf_append(&text, parts[i]);
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "no memory for a request's digest");
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&text), out), "hashing a request");
    return po_rc_ok();
}

static PO_RC hash_call(struct po_ctx *cx, struct po_api_call *call,
                       uint8_t ret_request[static PO_SHA256_BYTES])
{
    const struct po_api_request *req = call->req;
    const po_str named[] = {PO_LIT("paulyops/v1/replay"), po_str_of(cx->actor),
                            po_str_of(call->route->id), req->fields[PO_API_FIELD_IDEMPOTENCY_KEY]};
    const po_str asked[] = {po_str_of(po_http_method_name(req->method)), req->path, req->query,
                            req->fields[PO_API_FIELD_IF_MATCH], req->body};
    PO_TRY(cx, hash_parts(cx, named, sizeof named / sizeof *named, call->kept_hash));
    return hash_parts(cx, asked, sizeof asked / sizeof *asked, ret_request);
}

static PO_RC kept_event(struct po_ctx *cx, struct po_api_call *call, struct po_tx *tx,
                        const char *step)
{
    const char *detail =
        po_arena_printf(cx->arena, "{\"route\":\"%s\",\"step\":\"%s\"}", call->route->id, step);
    if (detail == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = PO_EVENT_TYPE_REQUEST_KEPT,
                             .resource = PO_LIT("api"),
                             .action = po_str_of(call->route->action),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_str_of(detail)};
    return po_home_commit(cx, call->api->home, tx, &event);
}

static PO_RC begin(struct po_ctx *cx, struct po_api_call *call,
                   const uint8_t request[static PO_SHA256_BYTES])
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(call->api->home), &tx));
    PO_TRY(cx, po_store_replay_begin(cx, tx, call->kept_hash, request));
    PO_TRY(cx, kept_event(cx, call, tx, "begun"));
    call->is_kept = true;
    /* What else is one change of the store is durable together with the key. */
    bool is_long = call->route->rate == PO_API_RATE_RUN || call->route->rate == PO_API_RATE_EXPORT;
    return is_long ? po_store_group_end(cx, po_home_store(call->api->home)) : po_rc_ok();
}

static PO_RC replay(struct po_ctx *cx, struct po_api_call *call, const struct po_store_replay *kept)
{
    struct po_api_response *res = call->res;
    if (kept->status == 0)
        return po_api_refuse(cx, call, PO_CONFLICT,
                             "the request was begun before; its outcome is not known",
                             PO_LIT("idempotency-key"));
    if (kept->response.len == 0)
        return po_api_refuse(cx, call, PO_CONFLICT,
                             "the request was done before; its answer is not kept",
                             PO_LIT("idempotency-key"));
    PO_TRY(cx,
           po_api_record(cx, call, PO_EVENT_TYPE_REQUEST_REPLAYED, PO_EVENT_SUCCESS, po_rc_ok()));
    res->status = kept->status;
    po_buf_append(&res->body, kept->response);
    po_api_set(res, PO_HTTP_CONTENT_TYPE,
               kept->status >= 400 ? PO_LIT("application/problem+json")
                                   : PO_LIT("application/json"));
    po_api_set(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    po_api_set(res, PO_HTTP_IDEMPOTENCY_KEY, call->req->fields[PO_API_FIELD_IDEMPOTENCY_KEY]);
    return po_rc_ok();
}

po_rc po_api_replay_begin(struct po_ctx *cx, struct po_api_call *call, bool *ret_is_replayed)
{
    po_str key = call->req->fields[PO_API_FIELD_IDEMPOTENCY_KEY];
    bool is_change = call->req->method != PO_HTTP_GET && call->req->method != PO_HTTP_HEAD;
    *ret_is_replayed = false;
    bool is_auth = call->route->access == PO_API_PUBLIC || call->route->rate == PO_API_RATE_AUTH;
    if (key.ptr == NULL || !is_change || is_auth) return po_rc_ok();
    if (!is_key(key))
        return po_api_refuse(cx, call, PO_INVALID, "the key has 1 to 128 printable characters",
                             PO_LIT("idempotency-key"));
    uint8_t request[PO_SHA256_BYTES];
    struct po_store_replay *kept = NULL;
    PO_TRY(cx, hash_call(cx, call, request));
    PO_TRY(cx, po_store_replay_find(cx, po_home_store(call->api->home), call->kept_hash, &kept));
    if (kept == NULL) return begin(cx, call, request);
    if (!po_str_eq_secret(po_str_n(kept->request, sizeof kept->request),
                          po_str_n(request, sizeof request)))
        return po_api_refuse_as(cx, call, 422, PO_CONFLICT, "the key was used for another request");
    *ret_is_replayed = true;
    return replay(cx, call, kept);
}

/* Secrets are shown once; what is large or no JSON is not kept either. */
static po_str kept_body(const struct po_api_call *call)
{
    po_str body = po_buf_str(&call->res->body);
    bool is_json =
        call->route->result != PO_API_RESULT_TEXT && call->route->result != PO_API_RESULT_SECRET;
    bool is_problem = call->res->status >= 400;
    if ((!is_json && !is_problem) || body.len > KEPT_BYTES_MAX) return PO_LIT("");
    return body;
}

po_rc po_api_replay_end(struct po_ctx *cx, struct po_api_call *call)
{
    if (!call->is_kept) return po_rc_ok();
    PO_TX_AUTO *tx = NULL;
    bool is_dropped = call->res->status >= 500 || call->res->status == 429;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(call->api->home), &tx));
    if (is_dropped)
        PO_TRY(cx, po_store_replay_drop(cx, tx, call->kept_hash));
    else
        PO_TRY(cx,
               po_store_replay_end(cx, tx, call->kept_hash, call->res->status, kept_body(call)));
    return kept_event(cx, call, tx, is_dropped ? "dropped" : "kept");
}
