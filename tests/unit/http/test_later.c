/*
 * Answers that come later.
 */
#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"
#include "unit/http/rig.h"

#include <unistd.h>

#define GET_ECHO "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_LATER "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(http_later__the_answer_comes_when_it_is_given)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    check_eq_u64(rig_ask(&rig, fd, GET_LATER GET_ECHO, NULL).len, 0);
    check_eq_int(rig.handled, 1);
    struct po_http_response *res = po_http_answer(rig.server, rig.id);
    check_that(res != NULL);
    po_http_status(res, 202);
    po_http_body(res, PO_LIT("later"));
    po_http_answer_send(cx, rig.server, rig.id, res);
    check_that(po_http_answer(rig.server, rig.id) == NULL, "it was answered");
    po_str response = rig_receive(&rig, fd, NULL);
    check_eq_int(rig_status(response), 202);
    check_that(po_str_ends(response, PO_LIT("GET /echo ? ")), "and what waited comes then");
    check_eq_int(rig.gone, 0);
    (void)close(fd);
}

TEST(http_later__the_end_of_its_client_is_told)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    (void)rig_ask(&rig, fd, GET_LATER, NULL);
    check_that(po_http_answer(rig.server, rig.id) != NULL);
    (void)close(fd);
    rig_turns(&rig, 2);
    check_eq_int(rig.gone, 1);
    check_that(po_http_answer(rig.server, rig.id) == NULL);
}

TEST(http_later__without_an_answer_is_503)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    (void)rig_ask(&rig, fd, GET_LATER, NULL);
    rig_advance_ms(&rig, 29900);
    check_eq_u64(rig_receive(&rig, fd, NULL).len, 0);
    rig_advance_ms(&rig, 200);
    check_eq_int(rig_status(rig_receive(&rig, fd, &is_closed)), 503);
    check_that(is_closed);
    check_eq_int(rig.gone, 1);
    check_that(po_http_answer(rig.server, rig.id) == NULL);
    (void)close(fd);
}

TEST(http_later__the_answer_may_open_a_stream)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    (void)rig_ask(&rig, fd, GET_LATER, NULL);
    po_http_id asked = rig.id;
    struct po_http_response *res = po_http_answer(rig.server, asked);
    check_that(res != NULL);
    po_http_id stream = po_http_events(res);
    check_that(stream.value != 0 && stream.value != asked.value);
    check_eq_int(po_http_status_get(res), 200);
    po_http_answer_send(cx, rig.server, asked, res);
    struct po_http_event event = {.data = PO_LIT("one")};
    check_fails(cx, po_http_event(cx, rig.server, asked, &event), PO_NOTFOUND);
    po_err_clear(cx);
    check_ok(cx, po_http_event(cx, rig.server, stream, &event));
    po_http_stream_close(cx, rig.server, stream, 1000);
    po_str text = rig_receive(&rig, fd, &is_closed);
    check_eq_int(rig_status(text), 200);
    check_that(is_closed && po_str_ends(text, PO_LIT("data: one\n\n")));
    check_eq_int(rig.gone, 1);
    (void)close(fd);
}
