/*
 * Event streams and WebSockets through a server.
 */
#include "http/parse_priv.h"
#include "lib/test.h"
#include "unit/http/rig.h"
#include "unit/http/ws_cases.h"
#include "unit/http/ws_run.h"

#include <stdio.h>
#include <unistd.h>

#define GET_EVENTS "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
#define UPGRADE_TO(path)                                                                           \
    "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

static int open_events(struct rig *rig)
{
    int fd = rig_connect(rig, false);
    po_str response = rig_ask(rig, fd, GET_EVENTS, NULL);
    check_eq_int(rig_status(response), 200);
    check_that(po_str_find(response, PO_LIT("Content-Type: text/event-stream\r\n"), 0) != SIZE_MAX);
    check_that(po_str_find(response, PO_LIT("Content-Length"), 0) == SIZE_MAX);
    check_eq_u64(rig_body(response).len, 0);
    return fd;
}

TEST(http_events__are_framed_line_by_line)
{
    static const struct {
        const char *name;
        struct po_http_event event;
        const char *want;
    } ROWS[] = {
        {"data", {.data = PO_LIT("a")}, "data: a\n\n"},
        {"all", {PO_LIT("7"), PO_LIT("n"), PO_LIT("a")}, "id: 7\nevent: n\ndata: a\n\n"},
        {"lines", {.data = PO_LIT("a\nb\r\nc\rd")}, "data: a\ndata: b\ndata: c\ndata: d\n\n"},
        {"empty", {.data = PO_LIT("")}, "data: \n\n"},
        {"injection", {.data = PO_LIT("a\n\nevent: x")}, "data: a\ndata: \ndata: event: x\n\n"},
    };
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = open_events(&rig);
    TEST_EACH(row, ROWS)
    {
        check_ok(cx, po_http_event(cx, rig.server, rig.id, &row->event));
        check_eq_str(rig_receive(&rig, fd, NULL), row->want);
    }
    static const struct po_http_event BAD[] = {
        {.id = PO_LIT("a\nb")},   {.id = PO_LIT("a\rb")},   {.id = PO_LIT("a\0b")},
        {.name = PO_LIT("a\nb")}, {.data = PO_LIT("\xff")}, {.name = PO_LIT("\xc0\x80")}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        check_fails(cx, po_http_event(cx, rig.server, rig.id, &BAD[i]), PO_INVALID);
        po_err_clear(cx);
    }
    (void)close(fd);
}

TEST(http_events__show_life_and_end_with_their_client)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = open_events(&rig);
    struct po_http_event event = {.data = PO_LIT("a")};
    rig_advance_ms(&rig, 30100);
    check_eq_str(rig_receive(&rig, fd, NULL), ":\n\n");
    (void)close(fd);
    rig_turns(&rig, 2);
    check_eq_int(rig.gone, 1);
    check_fails(cx, po_http_event(cx, rig.server, rig.id, &event), PO_NOTFOUND);
}

TEST(http_events__end_when_told_after_all_was_sent)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = open_events(&rig);
    struct po_http_event event = {.data = PO_LIT("last")};
    check_ok(cx, po_http_event(cx, rig.server, rig.id, &event));
    po_http_stream_close(cx, rig.server, rig.id, 1000);
    check_fails(cx, po_http_event(cx, rig.server, rig.id, &event), PO_NOTFOUND);
    check_eq_str(rig_receive(&rig, fd, &is_closed), "data: last\n\n");
    check_that(is_closed);
    (void)close(fd);
}

TEST(http_events__do_not_wait_without_end_for_a_slow_client)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    static char text[100000];
    struct po_http_event event = {.data = po_str_n(text, sizeof text)};
    rig_open(&rig, cx, NULL);
    memset(text, 'x', sizeof text);
    int fd = open_events(&rig);
    po_rc rc = po_rc_ok();
    for (int i = 0; i < 100 && po_is_ok(rc); i++)
        rc = po_http_event(cx, rig.server, rig.id, &event);
    check_eq_int(rc.code, PO_BUSY);
    po_err_clear(cx);
    rig_advance_ms(&rig, 30100);
    rig_advance_ms(&rig, 30100);
    check_eq_int(rig.gone, 1);
    (void)close(fd);
}

/* ---- WebSocket -------------------------------------------------------------------------------------- */

static int open_socket(struct rig *rig)
{
    int fd = rig_connect(rig, false);
    po_str response = rig_ask(rig, fd, UPGRADE_TO("/ws") "\r\n", NULL);
    check_eq_int(rig_status(response), 101);
    check_that(po_str_find(response,
                           PO_LIT("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                           0) != SIZE_MAX);
    return fd;
}

static void send_script(struct rig *rig, int fd, const char *script)
{
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, 1 << 20);
    ws_build(script, &bytes);
    rig_send(rig, fd, po_buf_str(&bytes));
}

/* What comes back: t text, i ping, o pong, c close with its code; a head's length form is checked. */
static void read_frames(po_str bytes, struct po_buf *out)
{
    size_t at = 0;
    while (at < bytes.len) {
        const uint8_t *head = (const uint8_t *)bytes.ptr + at;
        size_t len = head[1];
        size_t extra = len == 126 ? 2 : len == 127 ? 8 : 0;
        check_that(head[1] < 128, "a server does not mask");
        for (size_t i = 0; i < extra; i++)
            len = (i == 0 ? 0 : len << 8) | head[2 + i];
        po_str payload = po_str_n(head + 2 + extra, len);
        at += 2 + extra + len;
        check_that(at <= bytes.len);
        if (head[0] == 0x88 && len >= 2)
            po_buf_printf(out, "c:%u|", (unsigned)(head[2] << 8 | head[3]));
        else
            ws_note(out, "?tb?????cio"[head[0] & 15], payload);
    }
}

static void check_frames(struct rig *rig, int fd, const char *want, bool closes)
{
    PO_BUF_AUTO out = {0};
    bool is_closed = false;
    po_buf_init(&out, 1 << 16);
    read_frames(rig_receive(rig, fd, &is_closed), &out);
    check_eq_str(po_buf_str(&out), want);
    check_eq_int(is_closed, closes);
}

TEST(http_websocket__sends_back_answers_pings_and_closes)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = open_socket(&rig);
    send_script(&rig, fd, "81:hello|");
    check_frames(&rig, fd, "t:hello|", false);
    send_script(&rig, fd, "02:a|89:p|80:b|");
    check_frames(&rig, fd, "o:p|b:ab|", false);
    send_script(&rig, fd, "82*65536:z|");
    check_frames(&rig, fd, "b#65536|", false);
    send_script(&rig, fd, "88x0fa1:|81:not any more|");
    check_frames(&rig, fd, "c:4001|", true);
    check_eq_int(rig.gone, 1);
    check_eq_int(rig.gone_code, 4001);
    (void)close(fd);
}

TEST(http_websocket__failures_close_with_their_code)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    TEST_EACH(row, WS_CASES)
    {
        size_t at = po_str_find(po_str_of(row->want), PO_LIT("f:"), 0);
        if (at == SIZE_MAX) continue;
        char want[8];
        bool is_closed = false;
        (void)snprintf(want, sizeof want, "c:%.4s|", row->want + at + 2);
        int fd = open_socket(&rig);
        send_script(&rig, fd, row->script);
        PO_BUF_AUTO out = {0};
        po_buf_init(&out, 1 << 20);
        read_frames(rig_receive(&rig, fd, &is_closed), &out);
        check_that(is_closed);
        check_that(po_str_ends(po_buf_str(&out), po_str_of(want)));
        (void)close(fd);
        rig_turns(&rig, 2);
    }
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
}

TEST(http_websocket__frames_behind_the_request_are_read)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    PO_BUF_AUTO bytes = {0};
    rig_open(&rig, cx, NULL);
    po_buf_init(&bytes, 4096);
    po_buf_append_cstr(&bytes, UPGRADE_TO("/ws") "\r\n");
    ws_build("81:early|", &bytes);
    int fd = rig_connect(&rig, false);
    rig_send(&rig, fd, po_buf_str(&bytes));
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 4096);
    read_frames(rig_body(rig_receive(&rig, fd, NULL)), &out);
    check_eq_str(po_buf_str(&out), "t:early|");
    (void)close(fd);
}

TEST(http_websocket__who_does_not_answer_pings_is_gone)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = open_socket(&rig);
    rig_advance_ms(&rig, 30100);
    check_frames(&rig, fd, "i|", false);
    send_script(&rig, fd, "8a:|");
    rig_turns(&rig, 2);
    rig_advance_ms(&rig, 30100);
    check_frames(&rig, fd, "i|", false);
    send_script(&rig, fd, "81:other bytes are no pong|");
    check_frames(&rig, fd, "t:other bytes are no pong|", false);
    rig_advance_ms(&rig, 30100);
    check_frames(&rig, fd, "", true);
    check_eq_int(rig.gone_code, 1006);
    (void)close(fd);
}

TEST(http_websocket__who_pings_without_reading_is_gone)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    PO_BUF_AUTO pings = {0};
    struct po_http_limits limits = {.stream_bytes_max = 65536};
    rig_open(&rig, cx, &limits);
    po_buf_init(&pings, 4 << 20);
    for (int i = 0; i < 10000; i++)
        ws_build("89*125:p|", &pings);
    int fd = open_socket(&rig);
    for (size_t at = 0; at < pings.len && po_http_server_stats(rig.server).open > 0; at += 20000)
        rig_send(&rig, fd, po_str_slice(po_buf_str(&pings), at, at + 20000));
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
    check_eq_int(rig.gone, 1);
    (void)close(fd);
}

TEST(http_websocket__a_close_of_ours_waits_for_theirs)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = open_socket(&rig);
    send_script(&rig, fd, "81:please close|");
    check_frames(&rig, fd, "c:4001|", false);
    check_fails(cx, po_http_message_send(cx, rig.server, rig.id, PO_HTTP_MESSAGE_TEXT, PO_LIT("a")),
                PO_NOTFOUND);
    send_script(&rig, fd, "81:ignored|88x0fa1:|");
    check_frames(&rig, fd, "", true);
    check_eq_int(rig.messages, 1);
    (void)close(fd);
    fd = open_socket(&rig);
    send_script(&rig, fd, "81:please close|");
    check_frames(&rig, fd, "c:4001|", false);
    rig_advance_ms(&rig, 2100);
    check_frames(&rig, fd, "", true);
    (void)close(fd);
}

TEST(http_websocket__draining_says_going_away)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = open_socket(&rig);
    int events = open_events(&rig);
    po_http_server_drain(cx, rig.server, 10000);
    bool is_closed = false;
    check_frames(&rig, fd, "c:1001|", false);
    (void)rig_receive(&rig, events, &is_closed);
    check_that(is_closed);
    send_script(&rig, fd, "88x03e9:|");
    check_frames(&rig, fd, "", true);
    check_that(po_http_server_is_drained(rig.server));
    (void)close(fd), (void)close(events);
}

TEST(http_websocket__opens_only_when_asked_for_well)
{
    static const struct {
        const char *name;
        const char *request;
        unsigned status;
        const char *part;
    } ROWS[] = {
        {"plain get", "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
        {"old version",
         "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
         426, "Sec-WebSocket-Version: 13\r\n"},
        {"protocol not offered", UPGRADE_TO("/ws-chat") "\r\n", 400, ""},
        {"protocol", UPGRADE_TO("/ws-chat") "Sec-WebSocket-Protocol: a, chat\r\n\r\n", 101,
         "Sec-WebSocket-Protocol: chat\r\n"},
        {"protocol in another case", UPGRADE_TO("/ws-chat") "Sec-WebSocket-Protocol: Chat\r\n\r\n",
         400, ""},
        {"extensions are not taken",
         UPGRADE_TO("/ws") "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101, ""},
    };
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    TEST_EACH(row, ROWS)
    {
        int fd = rig_connect(&rig, false);
        po_str response = rig_ask(&rig, fd, row->request, NULL);
        check_eq_int(rig_status(response), row->status);
        check_that(po_str_find(response, po_str_of(row->part), 0) != SIZE_MAX);
        check_that(po_str_find(response, PO_LIT("Extensions"), 0) == SIZE_MAX);
        (void)close(fd);
    }
}
