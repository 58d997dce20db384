/*
 * A small server for the system tests of http/ and for measuring.
 *
 * usage: http_tool [--unix PATH | --port N] [--tls CERT KEY] [--idle-ms N] [--many]
 *
 * Prints "listening PORT FINGERPRINT" (0 and - where there is none). SIGTERM drains and ends with 0,
 * SIGHUP reads the certificate again. --many lifts the limit per address.
 *
 *   /            "hello"                      /echo      the request's content
 *   /show        method, path, query, fields  /asset     an asset with a gzip form
 *   /events?n=3  so many events, then the end /ws        sends messages back
 *   /later       answered in the next turn    /slow      answered when drained or asked again
 */
#include "http/http.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    struct po_http_server *server;
    po_http_id later;
    po_http_id slow;
    struct po_http_asset asset;
    struct po_http_tls tls;
} tool;

static volatile sig_atomic_t wants_drain;
static volatile sig_atomic_t wants_reload;

static void on_signal(int number)
{
    if (number == SIGTERM)
        wants_drain = 1;
    else
        wants_reload = 1;
}

static void show(const struct po_http_request *req, struct po_http_response *res)
{
    struct po_buf *out = po_http_body_buf(res);
    po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain; charset=utf-8"));
    po_buf_printf(out, "%s %.*s ?%.*s %.*s %zu\n", po_http_method_name(req->method),
                  PO_STR_ARG(req->path), PO_STR_ARG(req->query), PO_STR_ARG(req->peer),
                  req->body.len);
    for (size_t i = 0; i < po_http_field_count(req); i++) {
        struct po_http_field field = po_http_field_at(req, i);
        po_buf_printf(out, "%.*s: %.*s\n", PO_STR_ARG(field.name), PO_STR_ARG(field.value));
    }
}

static void events(struct po_ctx *cx, const struct po_http_request *req,
                   struct po_http_response *res)
{
    po_str rest = req->query;
    struct po_http_field pair = {0};
    po_rc rc = po_rc_ok();
    uint64_t count = 3;
    while (po_is_ok(rc) && po_http_query_next(cx, &rest, &pair, &rc))
        if (po_is_ok(rc) && po_str_eq_cstr(pair.name, "n"))
            rc = po_str_to_u64(pair.value, 1000, &count);
    if (!po_is_ok(rc)) {
        po_http_problem(res, 400, NULL);
        return;
    }
    po_http_set(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    tool.later = po_http_events(res);
}

static void handle(struct po_ctx *cx, void *user, const struct po_http_request *req,
                   struct po_http_response *res)
{
    (void)user;
    if (po_str_eq_cstr(req->path, "/")) {
        po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain"));
        po_http_body_static(res, PO_LIT("hello, this is a body of fifty bytes for measuring"));
    } else if (po_str_eq_cstr(req->path, "/echo")) {
        po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("application/octet-stream"));
        po_http_body(res, req->body);
    } else if (po_str_eq_cstr(req->path, "/show")) {
        show(req, res);
    } else if (po_str_eq_cstr(req->path, "/events")) {
        events(cx, req, res);
    } else if (po_str_eq_cstr(req->path, "/ws")) {
        po_http_id id = po_http_websocket(res, PO_LIT(""));
        (void)id;
    } else if (po_str_eq_cstr(req->path, "/asset")) {
        po_http_asset_respond(req, &tool.asset, res);
    } else if (po_str_eq_cstr(req->path, "/later")) {
        tool.later = po_http_defer(res);
    } else if (po_str_eq_cstr(req->path, "/slow")) {
        tool.slow = po_http_defer(res);
    } else {
        po_http_problem(res, 404, NULL);
    }
}

static void message(struct po_ctx *cx, void *user, po_http_id id, enum po_http_message kind,
                    po_str bytes)
{
    (void)user;
    po_ignore(po_http_message_send(cx, tool.server, id, kind, bytes), "its client is gone");
    po_err_clear(cx);
}

static void answer(struct po_ctx *cx, po_http_id *id, po_str text)
{
    struct po_http_response *res = po_http_answer(tool.server, *id);
    if (res == NULL) return;
    po_http_body(res, text);
    po_http_answer_send(cx, tool.server, *id, res);
    *id = (po_http_id){0};
}

/* What was put off: answers, and the events of a stream just opened. */
static void after_turn(struct po_ctx *cx)
{
    if (tool.later.value == 0) return;
    if (po_http_answer(tool.server, tool.later) != NULL) {
        answer(cx, &tool.later, PO_LIT("later\n"));
        return;
    }
    for (int i = 1; i <= 3; i++) {
        char data[32];
        (void)snprintf(data, sizeof data, "event %d\nof three", i);
        struct po_http_event event = {po_str_of(data + 6), PO_LIT("tick"), po_str_of(data)};
        event.id.len = 1;
        po_ignore(po_http_event(cx, tool.server, tool.later, &event), "its client is gone");
        po_err_clear(cx);
    }
    po_http_stream_close(cx, tool.server, tool.later, 1000);
    tool.later = (po_http_id){0};
}

static int complain(struct po_ctx *cx)
{
    (void)fprintf(stderr, "http_tool: %s\n", po_err_msg(cx));
    return 1;
}

static po_rc load_certificate(struct po_ctx *cx, char fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    static const po_str names[] = {PO_LIT("localhost"), PO_LIT("127.0.0.1"), PO_LIT("::1")};
    struct po_http_cert_names list = {names, 3};
    if (tool.tls.cert_path == NULL) return po_rc_ok();
    po_rc rc = po_http_cert_create(cx, &tool.tls, &list, fingerprint);
    if (!po_is_ok(rc) && rc.code != PO_EXISTS) return rc;
    po_err_clear(cx);
    return po_http_tls_load(cx, tool.server, &tool.tls, fingerprint);
}

static int serve(struct po_ctx *cx, struct po_http_listen *listen)
{
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES] = "-";
    uint16_t port = 0;
    if (!po_is_ok(load_certificate(cx, fingerprint))) return complain(cx);
    listen->is_tls = tool.tls.cert_path != NULL;
    if (!po_is_ok(po_http_server_listen(cx, tool.server, listen, &port))) return complain(cx);
    printf("listening %u %s\n", port, fingerprint);
    (void)fflush(stdout);
    while (!po_http_server_is_drained(tool.server)) {
        if (wants_drain == 1) {
            wants_drain = 2;
            po_http_server_drain(cx, tool.server, 5000);
            answer(cx, &tool.slow, PO_LIT("drained\n"));
        }
        if (wants_reload == 1) {
            wants_reload = 0;
            po_rc rc = load_certificate(cx, fingerprint);
            printf("reloaded %s\n", po_is_ok(rc) ? fingerprint : po_err_msg(cx));
            (void)fflush(stdout);
            po_err_clear(cx);
        }
        if (!po_is_ok(po_http_server_step(cx, tool.server, 50))) return complain(cx);
        after_turn(cx);
    }
    return 0;
}

int main(int argc, char **argv)
{
    PO_CTX_AUTO cx = {0};
    struct po_http_listen listen = {.address = "127.0.0.1"};
    struct po_http_config config = {.handler = {.handle = handle, .message = message}};
    config.limits.body_bytes_max = (uint64_t)8 << 20;
    config.limits.ws_message_bytes_max = (uint64_t)16 << 20;
    config.limits.stream_bytes_max = (uint64_t)32 << 20;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--unix") == 0 && i + 1 < argc) {
            listen.unix_path = argv[++i];
            listen.address = NULL;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            listen.port = (uint16_t)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--tls") == 0 && i + 2 < argc) {
            tool.tls = (struct po_http_tls){.cert_path = argv[i + 1], .key_path = argv[i + 2]};
            i += 2;
        } else if (strcmp(argv[i], "--idle-ms") == 0 && i + 1 < argc) {
            config.limits.idle_ms = strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--many") == 0) {
            config.limits.connections_max = 20000;
            config.limits.address_connections_max = 20000;
            config.limits.requests_max = UINT32_MAX;
        } else {
            (void)fprintf(stderr, "http_tool: what is '%s'?\n", argv[i]);
            return 64;
        }
    }
    tool.asset =
        (struct po_http_asset){.type = PO_LIT("text/css"), .identity = PO_LIT("body { }\n")};
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGHUP, on_signal);
    if (!po_is_ok(po_ctx_init(&cx)) || !po_is_ok(po_http_asset_init(&tool.asset)) ||
        !po_is_ok(po_http_server_new(&cx, &config, &tool.server)))
        return complain(&cx);
    int code = serve(&cx, &listen);
    po_http_server_freep(&tool.server);
    return code;
}
