/*
 * Probes and metrics, on a listener of their own.
 *
 *   /livez    the front's loop turns
 *   /readyz   core answers within PO_FRONT_PROBE_US
 *   /metrics  the front's counters, and core's figures when it answers
 */
#include "daemon/front_priv.h"

#include "core/json.h"

#include <inttypes.h>

#define FIGURES_MAX 512
#define NAME_BYTES_MAX 96

static void respond(struct po_front *front, struct po_http_response *res, unsigned status,
                    po_str text)
{
    po_http_status(res, status);
    po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain; charset=utf-8"));
    po_front_secure(res, false, PO_FRONT_HAS(CONTENT_TYPE));
    po_http_body(res, text);
    po_metrics_request(&front->metrics, PO_FRONT_CLASS_PROBE, status, 0);
}

static void respond_ready(struct po_front *front, struct po_http_response *res, bool is_ready)
{
    if (is_ready)
        respond(front, res, 200, PO_LIT("ready\n"));
    else
        respond(front, res, 503, PO_LIT("core does not answer\n"));
}

/* ---- core's figures ------------------------------------------------------------------------------- */

struct figures {
    struct po_buf *out;
    size_t count;
};

static bool append_name(char name[static NAME_BYTES_MAX], size_t *len, po_str part)
{
    if (*len + part.len + 2 > NAME_BYTES_MAX || part.len == 0) return false;
    if (*len > 0) name[(*len)++] = '_';
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        name[(*len)++] = is_plain ? c : '_';
    }
    name[*len] = '\0';
    return true;
}

static void put_figure(struct figures *figures, const char *name, int64_t value)
{
    if (figures->count++ >= FIGURES_MAX) return;
    po_buf_printf(
        figures->out,
        "# HELP paulyops_%s Figure of core.\n# TYPE paulyops_%s gauge\npaulyops_%s %" PRId64 "\n",
        name, name, name, value);
}

/* Objects within objects: {"ledger":{"size":7}} is ledger_size; texts and lists are no figures. */
static void put_members(struct figures *figures, const struct po_json *object,
                        const char prefix[static NAME_BYTES_MAX], int depth)
{
    for (const struct po_json *at = object->first; at != NULL; at = at->next) {
        char name[NAME_BYTES_MAX] = {0};
        size_t len = strlen(prefix);
        memcpy(name, prefix, len);
        if (!append_name(name, &len, at->key)) continue;
        if (at->type == PO_JSON_INT) put_figure(figures, name, at->integer);
        if (at->type == PO_JSON_BOOL) put_figure(figures, name, at->boolean ? 1 : 0);
        if (at->type == PO_JSON_OBJECT && depth > 0) put_members(figures, at, name, depth - 1);
    }
}

void po_front_figures(struct po_ctx *cx, po_str json, struct po_buf *out)
{
    struct po_json *root = NULL;
    struct figures figures = {.out = out};
    char prefix[NAME_BYTES_MAX] = {0};
    if (json.len == 0) return;
    po_rc rc = po_json_parse(cx, json, PO_JSON_ALLOW_REAL, &root);
    if (po_is_ok(rc) && root->type == PO_JSON_OBJECT) {
        (void)append_name(prefix, &(size_t){0}, PO_LIT("core"));
        put_members(&figures, root, prefix, 3);
    }
    po_err_clear(cx);
}

static void respond_metrics(struct po_ctx *cx, struct po_front *front, struct po_http_response *res,
                            po_str json)
{
    PO_BUF_AUTO text = {0};
    PO_BUF_AUTO figures = {0};
    PO_CTX_AUTO own = {0};
    po_buf_init(&text, PO_METRICS_TEXT_BYTES_MAX);
    po_buf_init(&figures, PO_METRICS_TEXT_BYTES_MAX / 2);
    if (po_is_ok(po_ctx_child_begin(cx, (size_t)4 << 20, &own)))
        po_front_figures(&own, json, &figures);
    bool is_clean = po_is_ok(po_buf_check(&figures)) && po_metrics_is_text(po_buf_str(&figures));
    struct po_metrics_now now = {.http = po_http_server_stats(front->server),
                                 .started_us = front->started_us,
                                 .flows = front->flows.waiting,
                                 .streams = front->flows.streams,
                                 .channel_bytes = front->core.out.len - front->core.out_sent,
                                 .is_ready = json.len > 0,
                                 .core = is_clean ? po_buf_str(&figures) : PO_LIT("")};
    po_metrics_write(&front->metrics, &now, &text);
    if (!po_is_ok(po_buf_check(&text))) {
        respond(front, res, 503, PO_LIT("out of memory\n"));
        return;
    }
    po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain; version=0.0.4; charset=utf-8"));
    po_front_secure(res, false, PO_FRONT_HAS(CONTENT_TYPE));
    po_http_body(res, po_buf_str(&text));
    po_metrics_request(&front->metrics, PO_FRONT_CLASS_PROBE, 200, 0);
}

/* ---- probes --------------------------------------------------------------------------------------- */

static void answer_probe(struct po_ctx *cx, struct po_front *front, enum po_front_flow_kind kind,
                         struct po_http_response *res, po_str json)
{
    if (kind == PO_FLOW_READY)
        respond_ready(front, res, json.len > 0);
    else
        respond_metrics(cx, front, res, json);
}

void po_front_stats(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                    po_str json)
{
    struct po_http_response *res = po_http_answer(front->server, flow->http);
    po_http_id http = flow->http;
    enum po_front_flow_kind kind = flow->kind;
    po_front_flow_remove(&front->flows, flow);
    if (res == NULL) return;
    answer_probe(cx, front, kind, res, json);
    po_http_answer_send(cx, front->server, http, res);
}

/* Ask core; without one the probe is answered at once. */
static void ask_core(struct po_ctx *cx, struct po_front *front, enum po_front_flow_kind kind,
                     struct po_http_response *res)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_STATS, front->flows.serial + 1);
    bool is_sent = po_front_has_core(front) && !front->is_stopping &&
                   po_is_ok(po_wire_end_send(cx, &front->core, &msg));
    po_err_clear(cx);
    struct po_front_flow *flow =
        is_sent ? po_front_flow_add(&front->flows, po_http_defer(res)) : NULL;
    if (flow == NULL) {
        answer_probe(cx, front, kind, res, (po_str){0});
        return;
    }
    flow->kind = kind;
    flow->class = PO_FRONT_CLASS_PROBE;
    flow->since_us = po_front_now_us(cx);
}

void po_front_manage(struct po_ctx *cx, struct po_front *front, const struct po_http_request *req,
                     struct po_http_response *res)
{
    struct po_front_refusal refusal = {.status = 404, .class = PO_FRONT_CLASS_PROBE};
    bool is_read = req->method == PO_HTTP_GET || req->method == PO_HTTP_HEAD;
    if (!is_read) {
        refusal.status = 405;
        po_front_refuse(front, res, &refusal);
    } else if (po_str_eq_cstr(req->path, "/livez")) {
        respond(front, res, 200, PO_LIT("alive\n"));
    } else if (po_str_eq_cstr(req->path, "/readyz")) {
        ask_core(cx, front, PO_FLOW_READY, res);
    } else if (po_str_eq_cstr(req->path, "/metrics")) {
        ask_core(cx, front, PO_FLOW_METRICS, res);
    } else {
        po_front_refuse(front, res, &refusal);
    }
}

void po_front_tick(struct po_ctx *cx, struct po_front *front)
{
    po_time_us now_us = po_front_now_us(cx);
    if (now_us - front->tick_us < PO_FRONT_TICK_US) return;
    front->tick_us = now_us;
    if (front->flows.waiting == 0) return;
    for (size_t i = 0; i < PO_FRONT_FLOWS_MAX; i++) {
        struct po_front_flow *flow = &front->flows.all[i];
        bool is_probe = flow->state == PO_FLOW_WAITS && flow->kind != PO_FLOW_REQUEST;
        if (is_probe && now_us - flow->since_us >= PO_FRONT_PROBE_US)
            po_front_stats(cx, front, flow, (po_str){0});
    }
}
