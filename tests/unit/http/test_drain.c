/*
 * Draining: clients that owe us something do not hold the end up; those we owe an answer get it.
 */
#include "lib/test.h"
#include "unit/http/rig.h"

#include <unistd.h>

#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

TEST(http_drain__does_not_wait_for_clients_that_owe_something)
{
    static const struct {
        const char *name;
        const char *sent;
    } rows[] = {
        {"nothing at all", NULL},
        {"half of a head", "GET /echo HTTP/1.1\r\nHost:"},
        {"half of a body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"},
        {"half of a large body",
         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nab"},
        {"half of chunks",
         "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na"},
        {"a socket that says no goodbye", UPGRADE},
        {"an event stream", "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        RIG_AUTO rig;
        rig_open(&rig, cx, NULL);
        int fd = rig_connect(&rig, false);
        if (row->sent != NULL) (void)rig_ask(&rig, fd, row->sent, NULL);
        po_http_server_drain(cx, rig.server, 8000);
        rig_turns(&rig, 4);
        rig_advance_ms(&rig, 600);
        rig_advance_ms(&rig, 100);
        check_that(po_http_server_is_drained(rig.server));
        (void)close(fd);
    }
}

TEST(http_drain__takes_what_is_whole_in_time_and_waits_for_its_answer)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    (void)rig_ask(&rig, fd, "GET /later HTTP/1.1\r\n", NULL);
    po_http_server_drain(cx, rig.server, 8000);
    rig_advance_ms(&rig, 400);
    (void)rig_ask(&rig, fd, "Host: a\r\n\r\n", NULL);
    rig_advance_ms(&rig, 3000); /* the handler has its time */
    check_that(!po_http_server_is_drained(rig.server));
    struct po_http_response *res = po_http_answer(rig.server, rig.id);
    check_that(res != NULL);
    po_http_answer_send(cx, rig.server, rig.id, res);
    check_eq_int(rig_status(rig_receive(&rig, fd, &is_closed)), 200);
    check_that(is_closed && po_http_server_is_drained(rig.server));
    (void)close(fd);
}
