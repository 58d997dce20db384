/*
 * Requests and answers through a server: framing, keep-alive, pipelining, refusals, responses.
 */
#include "lib/test.h"
#include "unit/http/head_cases.h"
#include "unit/http/rig.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET_ECHO "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct po_http_limits ROOMY = {.body_bytes_max = 100000};

static void check_case(struct rig *rig, const struct head_case *row, size_t piece)
{
    int fd = rig_connect(rig, false);
    bool is_closed = false;
    for (size_t at = 0; at < row->bytes.len; at += piece)
        rig_send(rig, fd, po_str_slice(row->bytes, at, at + piece));
    po_str response = rig_receive(rig, fd, &is_closed);
    check_eq_int(rig_status(response), row->status);
    bool is_head = po_str_starts(row->bytes, PO_LIT("HEAD "));
    if (is_head)
        check_eq_str(rig_body(response), "");
    else if (row->status == 200)
        check_eq_str(rig_body(response), row->want);
    check_that(row->status == 200 || is_closed, "a refused connection must end");
    check_that(po_str_find(response, PO_LIT("HTTP/1.1"), 9) == SIZE_MAX, "one answer only");
    (void)close(fd);
    rig_turns(rig, 2);
}

TEST_TIMEOUT(http_server__answers_each_request_of_the_table, 60)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, &ROOMY);
    TEST_EACH(row, HEAD_CASES)
    {
        check_case(&rig, row, row->bytes.len);
        check_case(&rig, row, 1);
        check_case(&rig, row, 1 + (size_t)test_random_below(30));
    }
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
}

TEST(http_server__keeps_a_connection_for_more_requests)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = true;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    for (int i = 0; i < 5; i++) {
        check_eq_str(rig_body(rig_ask(&rig, fd, GET_ECHO, &is_closed)), "GET /echo ? ");
        check_that(!is_closed);
    }
    check_eq_u64(po_http_server_stats(rig.server).requests, 5);
    (void)close(fd);
}

static size_t count(po_str text, const char *part)
{
    size_t n = 0;
    po_str needle = po_str_of(part);
    for (size_t at = po_str_find(text, needle, 0); at != SIZE_MAX;
         at = po_str_find(text, needle, at + 1))
        n++;
    return n;
}

TEST(http_server__answers_what_was_sent_ahead_in_order)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    PO_BUF_AUTO many = {0};
    rig_open(&rig, cx, NULL);
    po_buf_init(&many, 1 << 20);
    for (int i = 0; i < 2000; i++)
        po_buf_printf(&many, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", i);
    int fd = rig_connect(&rig, false);
    PO_BUF_AUTO all = {0};
    po_buf_init(&all, 4 << 20);
    for (size_t at = 0; at < many.len; at += 5000) {
        rig_send(&rig, fd, po_str_slice(po_buf_str(&many), at, at + 5000));
        po_buf_append(&all, rig_receive(&rig, fd, NULL));
    }
    po_str rest = po_buf_str(&all);
    for (int i = 0; i < 2000; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "POST /%d ? abc", i);
        size_t at = po_str_find(rest, po_str_of(want), 0);
        check_that(at != SIZE_MAX && at < 400, "answer %d", i);
        rest = po_str_slice(rest, at + 1, rest.len);
    }
    (void)close(fd);
}

TEST(http_server__lets_others_have_their_turn)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    PO_BUF_AUTO many = {0};
    rig_open(&rig, cx, NULL);
    po_buf_init(&many, 1 << 20);
    for (int i = 0; i < 500; i++)
        po_buf_append_cstr(&many, GET_ECHO);
    int fd = rig_connect(&rig, false);
    rig_turns(&rig, 1);
    check_eq_int(send(fd, many.ptr, many.len, 0), many.len);
    rig_turns(&rig, 1);
    check_that(rig.handled > 0 && rig.handled <= 70, "%u at once", rig.handled);
    (void)rig_receive(&rig, fd, NULL);
    rig_turns(&rig, 100);
    check_eq_int(rig.handled, 500);
    (void)close(fd);
}

TEST(http_server__ends_where_it_was_asked_to)
{
    static const struct {
        const char *name;
        const char *request;
        bool closes;
        const char *connection;
    } ROWS[] = {
        {"1.1", GET_ECHO, false, NULL},
        {"1.1 close", "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", true,
         "Connection: close\r\n"},
        {"1.0", "GET /echo HTTP/1.0\r\n\r\n", true, "Connection: close\r\n"},
        {"1.0 keep-alive", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false,
         "Connection: keep-alive\r\n"},
        {"handler closes", "GET /close HTTP/1.1\r\nHost: a\r\n\r\n", true, "Connection: close\r\n"},
    };
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    TEST_EACH(row, ROWS)
    {
        bool is_closed = false;
        int fd = rig_connect(&rig, false);
        po_str response = rig_ask(&rig, fd, row->request, &is_closed);
        check_eq_int(rig_status(response), 200);
        check_eq_int(is_closed, row->closes);
        size_t at = po_str_find(response, PO_LIT("Connection:"), 0);
        check_eq_int(at != SIZE_MAX, row->connection != NULL);
        if (row->connection != NULL)
            check_that(po_str_find(response, po_str_of(row->connection), 0) != SIZE_MAX);
        (void)close(fd);
    }
}

TEST(http_server__answers_nothing_behind_a_refused_request)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    po_str response = rig_ask(&rig, fd,
                              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                              "Content-Length: 6\r\n\r\nhello" GET_ECHO,
                              &is_closed);
    check_eq_int(rig_status(response), 400);
    check_eq_u64(count(response, "HTTP/1.1 "), 1);
    check_that(is_closed);
    check_eq_int(rig.handled, 0);
    check_eq_u64(po_http_server_stats(rig.server).malformed, 1);
    (void)close(fd);
}

TEST(http_server__takes_large_content_of_both_codings)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    static char text[200000];
    PO_BUF_AUTO request = {0};
    rig_open(&rig, cx, NULL);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        po_buf_done(&request);
        po_buf_init(&request, 1 << 20);
        po_buf_append_cstr(&request, "POST /echo HTTP/1.1\r\nHost: a\r\n");
        if (is_chunked == 0)
            po_buf_printf(&request, "Content-Length: %zu\r\n\r\n", sizeof text);
        else
            po_buf_append_cstr(&request, "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < sizeof text; at += 7000) {
            po_str piece = po_str_slice(po_str_n(text, sizeof text), at, at + 7000);
            if (is_chunked == 1) po_buf_printf(&request, "%zx\r\n", piece.len);
            po_buf_append(&request, piece);
            if (is_chunked == 1) po_buf_append_cstr(&request, "\r\n");
        }
        if (is_chunked == 1) po_buf_append_cstr(&request, "0\r\n\r\n");
        po_buf_append_cstr(&request, GET_ECHO);
        int fd = rig_connect(&rig, false);
        rig_send(&rig, fd, po_buf_str(&request));
        po_str response = rig_receive(&rig, fd, NULL);
        po_str body = rig_body(response);
        check_that(po_str_starts(body, PO_LIT("POST /echo ? ")));
        check_eq_mem(body.ptr + 13, text, sizeof text);
        check_that(po_str_ends(response, PO_LIT("GET /echo ? ")));
        (void)close(fd);
    }
}

TEST(http_server__refuses_before_the_content_comes)
{
    static const struct {
        const char *name;
        const char *request;
        unsigned status;
    } ROWS[] = {
        {"admit", "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 403},
        {"length of the route", "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n",
         413},
        {"chunk of the route",
         "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n", 413},
        {"with expect",
         "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n",
         413},
    };
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    TEST_EACH(row, ROWS)
    {
        bool is_closed = false;
        int fd = rig_connect(&rig, false);
        check_eq_int(rig_status(rig_ask(&rig, fd, row->request, &is_closed)), row->status);
        check_that(is_closed);
        (void)close(fd);
    }
    check_eq_int(rig.handled, 0);
}

TEST(http_server__limits_the_content_of_all_requests_together)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    static char part[60000];
    struct po_http_limits limits = {.bodies_bytes_max = 100000};
    rig_open(&rig, cx, &limits);
    memset(part, 'x', sizeof part);
    int first = rig_connect(&rig, false);
    int second = rig_connect(&rig, false);
    const char *head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n";
    rig_send(&rig, first, po_str_of(head));
    rig_send(&rig, first, po_str_n(part, sizeof part));
    rig_send(&rig, second, po_str_of(head));
    rig_send(&rig, second, po_str_n(part, sizeof part));
    check_eq_int(rig_status(rig_receive(&rig, second, NULL)), 503);
    (void)close(second);
    rig_send(&rig, first, po_str_n(part, 30000));
    check_eq_int(rig_status(rig_receive(&rig, first, NULL)), 200);
    (void)close(first);
    rig_turns(&rig, 2);
    int third = rig_connect(&rig, false);
    rig_send(&rig, third, po_str_of(head));
    rig_send(&rig, third, po_str_n(part, sizeof part));
    rig_send(&rig, third, po_str_n(part, 30000));
    check_eq_int(rig_status(rig_receive(&rig, third, NULL)), 200);
    (void)close(third);
}

TEST(http_server__asks_for_content_that_waits_to_be_asked_for)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    const char *head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                       "Expect: 100-Continue\r\n\r\n";
    check_eq_str(rig_ask(&rig, fd, head, NULL), "HTTP/1.1 100 Continue\r\n\r\n");
    check_eq_str(rig_body(rig_ask(&rig, fd, "hi", NULL)), "POST /echo ? hi");
    /* Content that is there already is not asked for. */
    char both[256];
    (void)snprintf(both, sizeof both, "%shi", head);
    check_eq_int(rig_status(rig_ask(&rig, fd, both, NULL)), 200);
    (void)close(fd);
}

/* ---- responses ------------------------------------------------------------------------------------ */

TEST(http_response__has_a_length_where_content_may_stand)
{
    static const struct {
        const char *name;
        const char *method;
        unsigned status;
        const char *length; /* NULL: none */
        const char *body;
    } ROWS[] = {
        {"200", "GET", 200, "Content-Length: 4\r\n", "text"},
        {"404", "GET", 404, "Content-Length: 4\r\n", "text"},
        {"head", "HEAD", 200, "Content-Length: 4\r\n", ""},
        {"204", "GET", 204, NULL, ""},
        {"304", "GET", 304, NULL, ""},
        {"unknown status", "GET", 299, "Content-Length: 4\r\n", "text"},
    };
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    TEST_EACH(row, ROWS)
    {
        char request[128];
        (void)snprintf(request, sizeof request, "%s /status/%u HTTP/1.1\r\nHost: a\r\n\r\n",
                       row->method, row->status);
        po_str response = rig_ask(&rig, fd, request, NULL);
        check_eq_int(rig_status(response), row->status);
        check_eq_str(rig_body(response), row->body);
        check_eq_u64(count(response, "Content-Length"), row->length != NULL);
        if (row->length != NULL) check_eq_u64(count(response, row->length), 1);
    }
    (void)close(fd);
}

TEST(http_response__of_a_bad_handler_is_500)
{
    static const char *const PATHS[] = {"/inject", "/status/100", "/status/199", "/status/600",
                                        "/status/0"};
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        char request[128];
        int fd = rig_connect(&rig, false);
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", PATHS[i]);
        po_str response = rig_ask(&rig, fd, request, NULL);
        check_eq_int(rig_status(response), 500);
        check_eq_u64(count(response, "Set-Cookie"), 0);
        check_eq_str(
            rig_body(response),
            "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500}\n");
        (void)close(fd);
    }
}

TEST(http_response__has_the_date_of_the_clock_and_no_server)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    po_str response = rig_ask(&rig, fd, GET_ECHO, NULL);
    check_eq_u64(count(response, "\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n"), 1);
    check_eq_u64(count(response, "Server:"), 0);
    rig_advance_ms(&rig, 2000);
    check_eq_u64(count(rig_ask(&rig, fd, GET_ECHO, NULL), "Date: Fri, 02 Jan 2026 03:04:07 GMT"),
                 1);
    (void)close(fd);
}

TEST(http_response__of_megabytes_arrives_whole)
{
    static const char *const PATHS[] = {"/large", "/large-own"};
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    for (size_t i = 0; i < 2; i++) {
        char request[64];
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", PATHS[i]);
        po_str body = rig_body(rig_ask(&rig, fd, request, NULL));
        check_eq_u64(body.len, RIG_LARGE);
        for (size_t at = 0; at < body.len; at++)
            check_that(body.ptr[at] == (char)('a' + at % 26));
    }
    check_eq_str(rig_body(rig_ask(&rig, fd, GET_ECHO, NULL)), "GET /echo ? ");
    (void)close(fd);
}

/* ---- assets --------------------------------------------------------------------------------------- */

TEST(http_asset__comes_in_the_form_that_is_wanted_and_only_when_changed)
{
    static const struct {
        const char *name;
        const char *method;
        const char *fields;
        unsigned status;
        const char *body;
    } ROWS[] = {
        {"plain", "GET", "", 200, "identity bytes"},
        {"head", "HEAD", "", 200, ""},
        {"gzip", "GET", "Accept-Encoding: gzip, deflate\r\n", 200, "gzip bytes"},
        {"br before gzip", "GET", "Accept-Encoding: gzip, br\r\n", 200, "br bytes"},
        {"br not wanted", "GET", "Accept-Encoding: gzip;q=0.5, br;q=0\r\n", 200, "gzip bytes"},
        {"none wanted", "GET", "Accept-Encoding: gzip;q=0.0, br; q=0\r\n", 200, "identity bytes"},
        {"case", "GET", "Accept-Encoding: GZIP\r\n", 200, "gzip bytes"},
        {"unknown", "GET", "Accept-Encoding: zstd\r\n", 200, "identity bytes"},
        {"any tag", "GET", "If-None-Match: *\r\n", 304, ""},
        {"other tag", "GET", "If-None-Match: \"abc\"\r\n", 200, "identity bytes"},
        {"post", "POST", "Content-Length: 0\r\n", 405, NULL},
    };
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    TEST_EACH(row, ROWS)
    {
        char request[256];
        (void)snprintf(request, sizeof request, "%s /asset HTTP/1.1\r\nHost: a\r\n%s\r\n",
                       row->method, row->fields);
        po_str response = rig_ask(&rig, fd, request, NULL);
        check_eq_int(rig_status(response), row->status);
        if (row->body != NULL) check_eq_str(rig_body(response), row->body);
        if (row->status != 405) check_eq_u64(count(response, "Vary: Accept-Encoding\r\n"), 1);
    }
    (void)close(fd);
}

TEST(http_asset__is_not_sent_again_to_who_has_it)
{
    static const char *const FORMS[] = {"Accept-Encoding: identity", "Accept-Encoding: gzip",
                                        "Accept-Encoding: br"};
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    for (size_t i = 0; i < 3; i++) {
        char request[512];
        (void)snprintf(request, sizeof request, "GET /asset HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n",
                       FORMS[i]);
        po_str response = rig_ask(&rig, fd, request, NULL);
        size_t from = po_str_find(response, PO_LIT("ETag: "), 0);
        check_that(from != SIZE_MAX);
        size_t to = po_str_find_char(response, '\r', from);
        po_str tag = po_str_slice(response, from + 6, to);
        check_that(tag.len >= 34 && tag.ptr[0] == '"');
        (void)snprintf(
            request, sizeof request,
            "GET /asset HTTP/1.1\r\nHost: a\r\n%s\r\nIf-None-Match: \"x\", W/%.*s\r\n\r\n",
            FORMS[i], PO_STR_ARG(tag));
        check_eq_int(rig_status(rig_ask(&rig, fd, request, NULL)), 304);
    }
    (void)close(fd);
}
