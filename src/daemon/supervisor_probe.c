/*
 * The service's own endpoint, asked from outside the front: GET /readyz of its management listener, once a
 * minute. The supervisor asks because core has no network socket; core keeps what came of it (PROBED).
 */
#include "daemon/supervisor_priv.h"

#include "core/fs.h"
#include "core/sys_net.h"
#include "daemon/front_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#define STATUS_AT 9 /* "HTTP/1.1 200" */

static const char question[] =
    "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/* "ADDRESS:PORT" as the front says it. */
static PO_RC set_address(struct po_ctx *cx, struct po_probe *probe, po_str text)
{
    struct po_front_listener listener = {0};
    const char *copy = po_arena_strdup(cx->arena, text);
    if (copy == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for an address");
    PO_TRY(cx, po_front_address_read(cx, copy, &listener));
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&address;
    if (inet_pton(AF_INET, listener.text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(listener.port);
        probe->address_len = sizeof *v4;
    } else if (inet_pton(AF_INET6, listener.text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(listener.port);
        probe->address_len = sizeof *v6;
    } else {
        return PO_FAIL(cx, PO_INVALID, "no address");
    }
    probe->address = address;
    return po_rc_ok();
}

void po_probe_found(struct po_ctx *cx, struct po_supervisor *sup, po_str said)
{
    const po_str begin = PO_LIT("management http://");
    po_str line;
    while (po_str_next_line(&said, &line)) {
        if (!po_str_starts(line, begin)) continue;
        po_ignore(set_address(cx, &sup->probe, po_str_slice(line, begin.len, line.len)),
                  "what cannot be asked is not: no result is no good result");
        po_err_clear(cx);
    }
}

/* status 0: no answer. */
static void finish(struct po_ctx *cx, struct po_supervisor *sup, uint64_t status)
{
    struct po_role *core = &sup->roles[PO_ROLE_CORE];
    po_time_us took_us = po_supervisor_now_us(cx) - sup->probe.since_us;
    struct po_wire_msg msg;
    po_fd_closep(&sup->probe.fd); /* closing takes it out of epoll, too */
    if (!core->is_ready) return;
    po_wire_begin(&msg, PO_WIRE_KIND_PROBED, 0);
    po_wire_set_number(&msg, PO_WIRE_STATUS, status);
    po_wire_set_number(&msg, PO_WIRE_TOOK_MS,
                       (uint64_t)((took_us + PO_US_PER_MS - 1) / PO_US_PER_MS));
    po_rc rc = po_wire_end_send(cx, &core->control, &msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(cx, &core->control);
    po_ignore(rc, "a core that cannot be reached is seen by its end");
    po_err_clear(cx);
}

static bool watch(struct po_supervisor *sup, int operation, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted, .data.u64 = PO_SUPERVISOR_TAG_PROBE};
    return po_sys_epoll_ctl(sup->epoll_fd, operation, sup->probe.fd, &event) == 0;
}

static void start(struct po_ctx *cx, struct po_supervisor *sup)
{
    struct po_probe *probe = &sup->probe;
    probe->is_sent = false;
    probe->len = 0;
    probe->fd = po_sys_socket(probe->address.ss_family, SOCK_STREAM, 0);
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&probe->address;
    bool is_connecting =
        probe->fd >= 0 &&
        (po_sys_connect(probe->fd, address, probe->address_len) == 0 || errno == EINPROGRESS);
    if (!is_connecting || !watch(sup, EPOLL_CTL_ADD, EPOLLOUT)) finish(cx, sup, 0);
}

static void ask(struct po_ctx *cx, struct po_supervisor *sup)
{
    const size_t len = sizeof question - 1;
    sup->probe.is_sent = true;
    bool is_asked = po_sys_send(sup->probe.fd, question, len) == (ssize_t)len;
    if (!is_asked || !watch(sup, EPOLL_CTL_MOD, EPOLLIN)) finish(cx, sup, 0);
}

uint64_t po_probe_status(po_str head)
{
    uint64_t status = 0;
    if (head.len < PO_PROBE_HEAD_BYTES || !po_str_starts(head, PO_LIT("HTTP/1.1 "))) return 0;
    po_rc rc = po_str_to_u64(po_str_slice(head, STATUS_AT, PO_PROBE_HEAD_BYTES), 599, &status);
    return po_is_ok(rc) ? status : 0;
}

void po_probe_step(struct po_ctx *cx, struct po_supervisor *sup)
{
    struct po_probe *probe = &sup->probe;
    if (probe->fd < 0) return;
    if (!probe->is_sent) {
        ask(cx, sup);
        return;
    }
    ssize_t got =
        po_sys_recv(probe->fd, probe->head + probe->len, PO_PROBE_HEAD_BYTES - probe->len);
    if (got < 0 && errno == EAGAIN) return;
    if (got > 0) probe->len += (size_t)got;
    if (got <= 0 || probe->len == PO_PROBE_HEAD_BYTES)
        finish(cx, sup, po_probe_status(po_str_n(probe->head, probe->len)));
}

void po_probe_pass_time(struct po_ctx *cx, struct po_supervisor *sup, po_time_us now_us)
{
    struct po_probe *probe = &sup->probe;
    if (probe->fd >= 0 && now_us - probe->since_us >= PO_PROBE_WAIT_US) finish(cx, sup, 0);
    bool is_due = probe->since_us == 0 || now_us - probe->since_us >= PO_PROBE_PERIOD_US;
    if (!sup->is_ready || probe->fd >= 0 || probe->address_len == 0 || !is_due) return;
    probe->since_us = now_us;
    start(cx, sup);
}
