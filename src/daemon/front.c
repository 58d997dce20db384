/*
 * The front: its start, its loop, its end (front.h).
 *
 * Invariants
 *  1. no byte of a client is read before the sandbox is up.
 *  2. the loop never waits for core: what core does not answer in time is answered here.
 *  3. core may go and come at any time; requests meanwhile get 503 and Retry-After.
 *
 *   start -> listen -> lock in -> READY -> serve { LINK, RELOAD } -> STOP -> drain -> end
 */
#include "daemon/front_priv.h"

#include "core/alloc.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/sys.h"
#include "daemon/daemon_priv.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define WAIT_BLOCKED_MS                                                                            \
    50 /* http/'s own deadlines are looked at that often while a channel is full */
#define WAIT_PROBE_MS 250

static void front_done(struct po_front *front)
{
    po_http_server_freep(&front->server);
    po_wire_end_done(&front->core);
    po_wire_end_done(&front->control);
    po_front_flows_done(&front->flows);
    po_front_rates_done(&front->rates);
}

static void front_freep(struct po_front **front)
{
    if (*front != NULL) front_done(*front);
    po_free(*front);
    *front = NULL;
}

/* ---- the supervisor ------------------------------------------------------------------------------- */

static void read_core(struct po_ctx *cx, void *user, int fd)
{
    struct po_front *front = user;
    if (fd != front->core.fd) return;
    po_rc rc = po_front_take(cx, front);
    if (!po_is_ok(rc)) {
        po_log(cx, PO_LOG_WARN, "front.core_lost", PO_F_CSTR("why", po_err_msg(cx)));
        po_front_core_lost(cx, front);
    }
    po_err_clear(cx);
}

static PO_RC take_link(struct po_ctx *cx, struct po_front *front, const struct po_wire_msg *msg,
                       int *link)
{
    if (!po_str_eq_cstr(msg->text[PO_WIRE_ROLE], PO_DAEMON_ROLE_CORE) || *link < 0)
        return PO_FAIL(cx, PO_INVALID, "a link that the front has no use for");
    po_front_core_lost(cx, front);
    if (po_sys_set_nonblocking(*link) != 0)
        return PO_FAIL(cx, PO_IO, "setting up the link to core");
    po_wire_end_init(&front->core, PO_TAKE_FD(*link));
    return po_http_server_watch(cx, front->server, front->core.fd, read_core, front);
}

/* A certificate that cannot be used changes nothing; the old one stays. */
static void reload(struct po_ctx *cx, struct po_front *front)
{
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES] = "";
    if (front->options.tls.cert_path == NULL) return;
    po_rc rc = po_http_tls_load(cx, front->server, &front->options.tls, fingerprint);
    if (po_is_ok(rc))
        po_log(cx, PO_LOG_INFO, "front.certificate_loaded", PO_F_CSTR("sha256", fingerprint));
    else
        po_log(cx, PO_LOG_ERROR, "front.certificate_refused", PO_F_CSTR("why", po_err_msg(cx)));
    po_err_clear(cx);
}

static void stop(struct po_ctx *cx, struct po_front *front)
{
    if (front->is_stopping) return;
    front->is_stopping = true;
    po_http_server_drain(cx, front->server, PO_FRONT_DRAIN_MS);
}

static PO_RC take_control(struct po_ctx *cx, struct po_front *front, const struct po_wire_msg *msg,
                          int *link)
{
    struct po_wire_msg answer;
    switch ((unsigned)msg->kind) {
    case PO_WIRE_KIND_PING:
        po_wire_begin(&answer, PO_WIRE_KIND_PONG, msg->id);
        return po_wire_end_send(cx, &front->control, &answer);
    case PO_WIRE_KIND_LINK: return take_link(cx, front, msg, link);
    case PO_WIRE_KIND_RELOAD: reload(cx, front); return po_rc_ok();
    case PO_WIRE_KIND_STOP: stop(cx, front); return po_rc_ok();
    default: break;
    }
    return PO_FAIL(cx, PO_INVALID, "the supervisor sent a frame '%s'",
                   po_wire_kind_name(msg->kind));
}

static PO_RC read_frames(struct po_ctx *cx, struct po_front *front)
{
    struct po_wire_msg msg;
    bool has = true;
    PO_FD_AUTO link = -1;
    PO_TRY(cx, po_wire_end_fill_fd(cx, &front->control, &link));
    while (has) {
        PO_TRY(cx, po_wire_end_next(cx, &front->control, &msg, &has));
        if (has) PO_TRY(cx, take_control(cx, front, &msg, &link));
    }
    return po_rc_ok();
}

static void read_control(struct po_ctx *cx, void *user, int fd)
{
    struct po_front *front = user;
    (void)fd;
    po_rc rc = read_frames(cx, front);
    if (po_is_ok(rc)) return;
    /* Without a supervisor there is nobody to say when to end: now. */
    if (rc.code != PO_CANCELED)
        po_log(cx, PO_LOG_ERROR, "front.control_lost", PO_F_CSTR("why", po_err_msg(cx)));
    po_err_clear(cx);
    front->is_over = true;
}

/* ---- the start ------------------------------------------------------------------------------------ */

static bool wants_tls(const struct po_front_options *options)
{
    for (size_t i = 0; i < options->listener_count; i++)
        if (options->listeners[i].is_tls) return true;
    return false;
}

static PO_RC make_certificate(struct po_ctx *cx, struct po_front *front,
                              char fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    static const po_str own[] = {PO_LIT("localhost"), PO_LIT("127.0.0.1"), PO_LIT("::1")};
    struct po_front_options *options = &front->options;
    struct po_http_cert_names names = {own, sizeof own / sizeof *own};
    if (!wants_tls(options)) return po_rc_ok();
    if (options->name_count > 0)
        names = (struct po_http_cert_names){options->names, options->name_count};
    if (options->tls.cert_path == NULL) {
        if (options->state == NULL && options->home == NULL)
            return PO_FAIL(cx, PO_USAGE, "the front needs a certificate: --state or --cert");
        if (options->state == NULL)
            PO_TRY(cx, po_front_state_dir(cx, options->home, &options->state));
        PO_TRY(cx, po_front_certificate(cx, options->state, &names, &options->tls, fingerprint));
    }
    return po_http_tls_load(cx, front->server, &options->tls, fingerprint);
}

static PO_RC open_listeners(struct po_ctx *cx, struct po_front *front, struct po_buf *said)
{
    for (size_t i = 0; i < front->options.listener_count; i++) {
        const struct po_front_listener *from = &front->options.listeners[i];
        bool is_v6 = !from->is_unix && strchr(from->text, ':') != NULL;
        struct po_http_listen listen = {.address = from->is_unix ? NULL : from->text,
                                        .unix_path = from->is_unix ? from->text : NULL,
                                        .port = from->port,
                                        .is_tls = from->is_tls,
                                        .tag = from->tag};
        uint16_t port = 0;
        PO_TRY(cx, po_http_server_listen(cx, front->server, &listen, &port));
        po_buf_append_cstr(said, from->tag == PO_FRONT_MANAGEMENT ? "management " : "");
        if (from->is_unix)
            po_buf_printf(said, "unix:%s\n", from->text);
        else
            po_buf_printf(said, "http%s://%s%s%s:%u\n", from->is_tls ? "s" : "", is_v6 ? "[" : "",
                          from->text, is_v6 ? "]" : "", port);
    }
    return po_rc_ok();
}

static PO_RC make_server(struct po_ctx *cx, struct po_front *front)
{
    struct po_http_config config = {.handler = {.user = front,
                                                .admit = po_front_admit,
                                                .handle = po_front_handle,
                                                .gone = po_front_gone},
                                    .limits = {.handle_ms = PO_FRONT_ANSWER_MS}};
    return po_http_server_new(cx, &config, &front->server);
}

static PO_RC announce(struct po_ctx *cx, struct po_front *front, const struct po_buf *said)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_READY, 0);
    po_wire_set_text(&msg, PO_WIRE_MESSAGE, po_buf_str(said));
    PO_TRY(cx, po_wire_end_send(cx, &front->control, &msg));
    return po_wire_end_flush(cx, &front->control);
}

static PO_RC start(struct po_ctx *cx, struct po_front *front)
{
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES] = "";
    PO_BUF_AUTO said = {0};
    po_buf_init(&said, PO_FRONT_READY_BYTES_MAX);
    PO_TRY(cx, po_role_begin(cx, &front->control));
    PO_TRY(cx, po_pages_init(cx, &front->pages));
    PO_TRY(cx, po_front_rates_init(cx, &front->rates, front->options.rate_percent));
    PO_TRY(cx, po_front_flows_init(cx, &front->flows));
    PO_TRY(cx, make_server(cx, front));
    PO_TRY(cx, make_certificate(cx, front, fingerprint));
    PO_TRY(cx, open_listeners(cx, front, &said));
    if (fingerprint[0] != '\0') po_buf_printf(&said, "certificate SHA-256 %s\n", fingerprint);
    PO_TRY_LEAF(cx, po_buf_check(&said), "too many listeners to name");
    PO_TRY(cx, po_http_server_watch(cx, front->server, front->control.fd, read_control, front));
    PO_TRY(cx, po_front_lock_in(cx, front));
    front->started_us = po_ctx_now_us(cx);
    return announce(cx, front, &said);
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static void flush_core(struct po_ctx *cx, struct po_front *front)
{
    if (!po_front_has_core(front) || !po_wire_end_is_waiting(&front->core)) return;
    if (po_is_ok(po_wire_end_flush(cx, &front->core))) return;
    po_err_clear(cx);
    po_front_core_lost(cx, front);
}

static void flush_control(struct po_ctx *cx, struct po_front *front)
{
    if (!po_wire_end_is_waiting(&front->control)) return;
    if (!po_is_ok(po_wire_end_flush(cx, &front->control))) front->is_over = true;
    po_err_clear(cx);
}

/* A full channel is waited for here, because http/ watches for reading only. */
static int wait_for_channels(const struct po_front *front)
{
    struct pollfd polled[3] = {
        {.fd = po_http_server_fd(front->server), .events = POLLIN}, {.fd = -1}, {.fd = -1}};
    bool core_waits = po_front_has_core(front) && po_wire_end_is_waiting(&front->core);
    bool control_waits = po_wire_end_is_waiting(&front->control);
    if (!core_waits && !control_waits)
        return front->flows.waiting > 0 || front->is_stopping ? WAIT_PROBE_MS : -1;
    if (core_waits) polled[1] = (struct pollfd){.fd = front->core.fd, .events = POLLOUT};
    if (control_waits) polled[2] = (struct pollfd){.fd = front->control.fd, .events = POLLOUT};
    (void)po_sys_poll(polled, 3, WAIT_BLOCKED_MS);
    return 0;
}

static PO_RC serve(struct po_ctx *cx, struct po_front *front)
{
    while (!front->is_over) {
        if (front->is_stopping && po_http_server_is_drained(front->server)) break;
        PO_TRY(cx, po_http_server_step(cx, front->server, wait_for_channels(front)));
        po_front_tick(cx, front);
        flush_core(cx, front);
        flush_control(cx, front);
        po_err_clear(cx);
    }
    return po_rc_ok();
}

static PO_RC run(struct po_ctx *cx, struct po_front *front, int argc, char **argv)
{
    PO_TRY(cx, po_front_options_read(cx, argc, argv, &front->options));
    PO_TRY(cx, start(cx, front));
    return serve(cx, front);
}

int po_front_role_run(int argc, char **argv)
{
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_log_freep) struct po_log *log = po_log_new(STDERR_FILENO, PO_LOG_INFO);
    PO_CLEANUP(front_freep) struct po_front *front = po_calloc(1, sizeof *front);
    po_rc rc = po_ctx_init(&cx);
    cx.log = log;
    if (!po_is_ok(rc) || front == NULL) return po_code_exit(PO_NOMEM);
    po_wire_end_init(&front->core, -1);
    po_wire_end_init(&front->control, -1);
    rc = run(&cx, front, argc, argv);
    if (po_is_ok(rc)) return 0;
    po_log(&cx, PO_LOG_ERROR, "front.failed", PO_F_CSTR("why", po_err_msg(&cx)));
    return po_role_fail(&cx, &front->control);
}
