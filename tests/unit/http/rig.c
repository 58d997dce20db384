#include "unit/http/rig.h"

#include "core/sys.h"
#include "core/sys_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char large[RIG_LARGE];
static struct po_http_asset asset;

static void handle_status(const struct po_http_request *req, struct po_http_response *res)
{
    uint64_t status = 0;
    if (!po_is_ok(po_str_to_u64(po_str_slice(req->path, 8, req->path.len), 999, &status)))
        status = 0;
    po_http_status(res, (unsigned)status);
    po_http_body(res, PO_LIT("text"));
}

static void handle_echo(const struct po_http_request *req, struct po_http_response *res)
{
    struct po_buf *body = po_http_body_buf(res);
    po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain"));
    po_buf_printf(body, "%s ", po_http_method_name(req->method));
    po_buf_append(body, req->path);
    po_buf_append_cstr(body, " ?");
    po_buf_append(body, req->query);
    po_buf_append_char(body, ' ');
    po_buf_append(body, req->body);
}

static void handle(struct po_ctx *cx, void *user, const struct po_http_request *req,
                   struct po_http_response *res)
{
    struct rig *rig = user;
    (void)cx;
    rig->handled++;
    if (po_str_starts(req->path, PO_LIT("/status/")))
        handle_status(req, res);
    else if (po_str_eq_cstr(req->path, "/large"))
        po_http_body_static(res, po_str_n(large, RIG_LARGE));
    else if (po_str_eq_cstr(req->path, "/large-own"))
        po_http_body(res, po_str_n(large, RIG_LARGE));
    else if (po_str_eq_cstr(req->path, "/inject"))
        po_http_set(res, PO_HTTP_LOCATION, PO_LIT("/\r\nSet-Cookie: a=b"));
    else if (po_str_eq_cstr(req->path, "/later"))
        rig->id = po_http_defer(res);
    else if (po_str_eq_cstr(req->path, "/events"))
        rig->id = po_http_events(res);
    else if (po_str_eq_cstr(req->path, "/ws"))
        rig->id = po_http_websocket(res, PO_LIT(""));
    else if (po_str_eq_cstr(req->path, "/ws-chat"))
        rig->id = po_http_websocket(res, PO_LIT("chat"));
    else if (po_str_eq_cstr(req->path, "/asset"))
        po_http_asset_respond(req, &asset, res);
    else if (po_str_eq_cstr(req->path, "/close"))
        po_http_close_after(res);
    else
        handle_echo(req, res);
}

static void admit(void *user, const struct po_http_request *req, struct po_http_admission *ret)
{
    (void)user;
    if (po_str_eq_cstr(req->path, "/refused")) ret->status = 403;
    if (po_str_eq_cstr(req->path, "/small")) ret->body_bytes_max = 10;
}

static void message(struct po_ctx *cx, void *user, po_http_id id, enum po_http_message kind,
                    po_str bytes)
{
    struct rig *rig = user;
    rig->messages++;
    if (po_str_eq_cstr(bytes, "please close")) {
        po_http_stream_close(cx, rig->server, id, 4001);
        return;
    }
    po_ignore(po_http_message_send(cx, rig->server, id, kind, bytes), "the test sees what came");
    po_err_clear(cx);
}

static void gone(struct po_ctx *cx, void *user, po_http_id id, uint16_t code)
{
    struct rig *rig = user;
    (void)cx;
    (void)id;
    rig->gone++;
    rig->gone_code = code;
}

po_rc rig_try_open(struct rig *rig, struct po_ctx *cx, const struct po_http_limits *limits)
{
    *rig = (struct rig){.cx = cx};
    struct po_http_config config = {.handler = {rig, admit, handle, message, gone}};
    if (limits != NULL) config.limits = *limits;
    for (size_t i = 0; i < RIG_LARGE; i++)
        large[i] = (char)('a' + i % 26);
    asset = (struct po_http_asset){.type = PO_LIT("text/css"),
                                   .identity = PO_LIT("identity bytes"),
                                   .gzip = PO_LIT("gzip bytes"),
                                   .brotli = PO_LIT("br bytes")};
    po_rc rc = po_http_asset_init(&asset);
    return po_is_ok(rc) ? po_http_server_new(cx, &config, &rig->server) : rc;
}

void rig_open(struct rig *rig, struct po_ctx *cx, const struct po_http_limits *limits)
{
    check_ok(cx, rig_try_open(rig, cx, limits));
}

void rig_close(struct rig *rig) { po_http_server_freep(&rig->server); }

int rig_connect(struct rig *rig, bool is_tls)
{
    int fds[2] = {-1, -1};
    check_that(po_sys_socketpair(fds) == 0);
    check_that(po_sys_set_nonblocking(fds[0]) == 0 && po_sys_set_nonblocking(fds[1]) == 0);
    check_ok(rig->cx, po_http_server_adopt(rig->cx, rig->server, fds[1], is_tls));
    return fds[0];
}

void rig_turns(struct rig *rig, int turns)
{
    for (int i = 0; i < turns; i++)
        check_ok(rig->cx, po_http_server_step(rig->cx, rig->server, 0));
}

void rig_send(struct rig *rig, int fd, po_str bytes)
{
    size_t at = 0;
    for (int i = 0; at < bytes.len && i < 10000; i++) {
        ssize_t sent = po_sys_send(fd, bytes.ptr + at, bytes.len - at);
        if (sent < 0 && errno != EAGAIN) return; /* closed: the test looks at what came */
        if (sent > 0) at += (size_t)sent;
        rig_turns(rig, 1);
    }
    check_eq_u64(at, bytes.len);
}

static struct po_buf received;

po_str rig_receive(struct rig *rig, int fd, bool *ret_is_closed)
{
    bool is_closed = false;
    po_buf_done(&received);
    po_buf_init(&received, (size_t)64 << 20);
    for (int quiet = 0; quiet < 3 && !is_closed;) {
        char buf[65536];
        rig_turns(rig, 1);
        ssize_t got = po_sys_recv(fd, buf, sizeof buf);
        quiet = got > 0 ? 0 : quiet + 1;
        if (got > 0) po_buf_append(&received, po_str_n(buf, (size_t)got));
        is_closed = got == 0 || (got < 0 && errno == ECONNRESET);
    }
    check_ok_leaf(po_buf_check(&received));
    if (ret_is_closed != NULL) *ret_is_closed = is_closed;
    return po_buf_str(&received);
}

po_str rig_ask(struct rig *rig, int fd, const char *text, bool *ret_is_closed)
{
    rig_send(rig, fd, po_str_of(text));
    return rig_receive(rig, fd, ret_is_closed);
}

void rig_advance_ms(struct rig *rig, int64_t ms)
{
    po_clock_fake_advance(test_clock(), ms * PO_US_PER_MS);
    rig_turns(rig, 2);
}

unsigned rig_status(po_str response)
{
    if (response.len < 12 || !po_str_starts(response, PO_LIT("HTTP/1.1 "))) return 0;
    return (unsigned)strtoul(response.ptr + 9, NULL, 10);
}

po_str rig_body(po_str response)
{
    size_t at = po_str_find(response, PO_LIT("\r\n\r\n"), 0);
    return at == SIZE_MAX ? PO_LIT("") : po_str_slice(response, at + 4, response.len);
}
