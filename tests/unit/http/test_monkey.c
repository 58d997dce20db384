/*
 * Many connections doing anything at any time: the server stays alive, counts what is open, and serves
 * the next client. With sanitizers this is where a use after its end would show.
 */
#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"
#include "unit/http/head_cases.h"
#include "unit/http/rig.h"
#include "unit/http/ws_cases.h"
#include "unit/http/ws_run.h"

#include <stdio.h>
#include <unistd.h>

#define CONNS 12
#define GET_ECHO "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"

struct monkey {
    struct rig rig;
    int fds[CONNS];
    po_http_id ids[64]; /* seen lately */
    size_t id_count;
};

static size_t any(size_t count) { return (size_t)test_random_below(count); }

static void put(int fd, po_str bytes)
{
    if (fd >= 0 && bytes.len > 0) (void)po_sys_send(fd, bytes.ptr, bytes.len);
}

static void do_send(struct monkey *monkey, int fd)
{
    static const char *const TEXTS[] = {
        GET_ECHO,
        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\nxxxxx",
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"};
    const struct head_case *row = &HEAD_CASES[any(HEAD_CASE_COUNT)];
    size_t cut = any(row->bytes.len + 1);
    (void)monkey;
    switch (any(4)) {
    case 0: put(fd, po_str_of(TEXTS[any(sizeof TEXTS / sizeof TEXTS[0])])); break;
    case 1: put(fd, row->bytes); break;
    case 2: put(fd, po_str_slice(row->bytes, 0, cut)); break;
    default: put(fd, po_str_slice(row->bytes, cut, row->bytes.len)); break;
    }
}

static void do_frames(int fd)
{
    const struct ws_case *row = &WS_CASES[any(sizeof WS_CASES / sizeof WS_CASES[0])];
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, 1 << 20);
    ws_build(row->script, &bytes);
    put(fd, po_buf_str(&bytes));
}

static po_http_id any_id(struct monkey *monkey)
{
    if (monkey->rig.id.value != 0) monkey->ids[monkey->id_count++ % 64] = monkey->rig.id;
    return monkey->ids[any(64)];
}

static void do_server_side(struct monkey *monkey)
{
    struct po_ctx *cx = monkey->rig.cx;
    struct po_http_server *server = monkey->rig.server;
    po_http_id id = any_id(monkey);
    struct po_http_event event = {.data = PO_LIT("something\nhappened")};
    struct po_http_response *res = NULL;
    po_rc rc = po_rc_ok();
    switch (any(4)) {
    case 0:
        res = po_http_answer(server, id);
        if (res != NULL) po_http_answer_send(cx, server, id, res);
        break;
    case 1: rc = po_http_event(cx, server, id, &event); break;
    case 2: rc = po_http_message_send(cx, server, id, PO_HTTP_MESSAGE_TEXT, PO_LIT("hello")); break;
    default: po_http_stream_close(cx, server, id, 1000); break;
    }
    check_that(po_is_ok(rc) || rc.code == PO_NOTFOUND || rc.code == PO_BUSY);
    po_err_clear(cx);
}

static void reconnect(struct monkey *monkey, int *fd)
{
    if (*fd >= 0) (void)close(*fd);
    *fd = rig_connect(&monkey->rig, false);
}

static void do_receive(struct monkey *monkey, int *fd)
{
    char buf[65536];
    if (po_sys_recv(*fd, buf, sizeof buf) == 0) reconnect(monkey, fd);
}

static void do_anything(struct monkey *monkey)
{
    int *fd = &monkey->fds[any(CONNS)];
    if (*fd < 0) reconnect(monkey, fd);
    switch (any(20)) {
    case 0: reconnect(monkey, fd); break;
    case 1:
        if (any(4) == 0) (void)po_sys_shutdown_write(*fd);
        break;
    case 2:
        if (any(3) == 0) po_clock_fake_advance(test_clock(), (po_time_us)any(20000) * PO_US_PER_MS);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: do_receive(monkey, fd); break;
    case 9:
    case 10: do_frames(*fd); break;
    case 11:
    case 12:
    case 13: do_server_side(monkey); break;
    default: do_send(monkey, *fd); break;
    }
}

TEST_TIMEOUT(http_server__survives_anything_in_any_order, 120)
{
    TEST_CX(cx);
    static struct monkey monkey;
    struct po_http_limits limits = {
        .connections_max = 64, .stream_bytes_max = 100000, .bodies_bytes_max = 100000};
    rig_open(&monkey.rig, cx, &limits);
    for (size_t i = 0; i < CONNS; i++)
        monkey.fds[i] = -1;
    for (uint64_t round = 0; round < test_rounds(40000); round++) {
        /* Beyond the limit rig_connect would fail: room is made first. */
        if (po_http_server_stats(monkey.rig.server).open >= 60) {
            size_t which = any(CONNS);
            if (monkey.fds[which] >= 0) (void)close(monkey.fds[which]);
            monkey.fds[which] = -1;
            po_clock_fake_advance(test_clock(), 100 * PO_US_PER_S);
            rig_turns(&monkey.rig, 2);
            continue;
        }
        do_anything(&monkey);
        if (any(3) > 0) rig_turns(&monkey.rig, 1);
    }
    for (size_t i = 0; i < CONNS; i++)
        if (monkey.fds[i] >= 0) (void)close(monkey.fds[i]);
    rig_turns(&monkey.rig, 100);
    for (int i = 0; i < 10; i++)
        rig_advance_ms(&monkey.rig, 60000);
    check_eq_u64(po_http_server_stats(monkey.rig.server).open, 0);
    check_that(monkey.rig.handled > 400 && monkey.rig.gone > 150, "%u handled, %u gone",
               monkey.rig.handled, monkey.rig.gone);
    int fd = rig_connect(&monkey.rig, false);
    check_eq_int(rig_status(rig_ask(&monkey.rig, fd, GET_ECHO, NULL)), 200);
    (void)close(fd);
    rig_close(&monkey.rig);
}
