/*
 * Deadlines that no byte moves, limits of connections, draining.
 */
#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"
#include "unit/http/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#define GET_ECHO "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_LATER "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

/* One byte every half second until the end; how long it took, and what was answered. */
static int64_t drip(struct rig *rig, const char *head, const char *bytes, unsigned *ret_status)
{
    bool is_closed = false;
    int fd = rig_connect(rig, false);
    if (head[0] != '\0') rig_send(rig, fd, po_str_of(head));
    int64_t ms = 0;
    size_t len = strlen(bytes);
    for (size_t i = 0; !is_closed && i < 1000; i++) {
        (void)po_sys_send(fd, bytes + (i % len), 1);
        rig_advance_ms(rig, 500);
        ms += 500;
        po_str response = rig_receive(rig, fd, &is_closed);
        if (response.len > 0) *ret_status = rig_status(response);
    }
    check_that(is_closed);
    (void)close(fd);
    return ms;
}

TEST(http_deadline__of_a_head_is_not_moved_by_drips)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    unsigned status = 0;
    rig_open(&rig, cx, NULL);
    int64_t ms = drip(&rig, "GET / HTTP/1.1\r\nHost: a\r\nX: ", "a", &status);
    check_that(ms >= 10000 && ms <= 10500, "%d ms", (int)ms);
    check_eq_int(status, 408);
}

TEST(http_deadline__of_content_is_not_moved_by_drips)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    unsigned status = 0;
    rig_open(&rig, cx, NULL);
    int64_t ms =
        drip(&rig, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", "a", &status);
    check_that(ms >= 30000 && ms <= 30500, "%d ms", (int)ms);
    check_eq_int(status, 408);
    status = 0;
    ms = drip(&rig, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
              "1\r\na\r\n", &status);
    check_that(ms >= 30000 && ms <= 30500, "%d ms", (int)ms);
    check_eq_int(status, 408);
    check_eq_int(rig.handled, 0);
}

TEST(http_deadline__of_a_silent_connection_ends_it_without_a_word)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    rig_turns(&rig, 1);
    rig_advance_ms(&rig, 9900);
    (void)rig_receive(&rig, fd, &is_closed);
    check_that(!is_closed);
    rig_advance_ms(&rig, 200);
    check_eq_u64(rig_receive(&rig, fd, &is_closed).len, 0);
    check_that(is_closed);
    (void)close(fd);
}

TEST(http_deadline__of_an_idle_connection_is_a_minute)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    for (int i = 0; i < 3; i++) {
        check_eq_int(rig_status(rig_ask(&rig, fd, GET_ECHO, NULL)), 200);
        rig_advance_ms(&rig, 59000);
    }
    (void)rig_receive(&rig, fd, &is_closed);
    check_that(!is_closed);
    rig_advance_ms(&rig, 1100);
    check_eq_u64(rig_receive(&rig, fd, &is_closed).len, 0);
    check_that(is_closed);
    (void)close(fd);
}

TEST(http_deadline__of_a_later_request_begins_with_its_first_byte)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    check_eq_int(rig_status(rig_ask(&rig, fd, GET_ECHO, NULL)), 200);
    rig_advance_ms(&rig, 50000);
    rig_send(&rig, fd, PO_LIT("G"));
    rig_turns(&rig, 1);
    rig_advance_ms(&rig, 9900);
    (void)rig_receive(&rig, fd, &is_closed);
    check_that(!is_closed);
    rig_advance_ms(&rig, 200);
    check_eq_int(rig_status(rig_receive(&rig, fd, &is_closed)), 408);
    check_that(is_closed);
    (void)close(fd);
}

TEST(http_deadline__nothing_of_an_earlier_request_is_in_the_refusal)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    const char *head = "HEAD /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    check_eq_int(rig_status(rig_ask(&rig, fd, head, NULL)), 200);
    check_eq_u64(rig_ask(&rig, fd, "GET / HT", NULL).len, 0);
    rig_advance_ms(&rig, 10100);
    po_str response = rig_receive(&rig, fd, NULL);
    check_eq_int(rig_status(response), 408);
    check_that(rig_body(response).len > 0, "this was no HEAD");
    (void)close(fd);
}

TEST(http_deadline__of_an_answer_that_is_not_read_ends_the_connection)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    rig_send(&rig, fd, PO_LIT("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
    rig_turns(&rig, 3);
    int64_t limit_ms = 30000 + (int64_t)(RIG_LARGE / PO_HTTP_RATE_BYTES_MIN) * 1000;
    rig_advance_ms(&rig, limit_ms - 100);
    check_eq_u64(po_http_server_stats(rig.server).open, 1);
    rig_advance_ms(&rig, 200);
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
    (void)close(fd);
}

TEST(http_deadline__of_lingering_is_a_second)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    check_eq_int(rig_status(rig_ask(&rig, fd, "BAD\r\n", NULL)), 400);
    check_eq_u64(po_http_server_stats(rig.server).open, 1);
    for (int i = 0; i < 8; i++) {
        (void)po_sys_send(fd, "more", 4);
        rig_advance_ms(&rig, 120);
    }
    check_eq_u64(po_http_server_stats(rig.server).open, 1);
    rig_advance_ms(&rig, 150);
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
    (void)close(fd);
}

TEST(http_linger__drops_at_most_256_kib)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    static char text[65536];
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    check_eq_int(rig_status(rig_ask(&rig, fd, "BAD\r\n", NULL)), 400);
    for (int i = 0; i < 4; i++) {
        rig_send(&rig, fd, po_str_n(text, sizeof text - 16));
        rig_turns(&rig, 10);
        check_eq_u64(po_http_server_stats(rig.server).open, 1);
    }
    rig_send(&rig, fd, po_str_n(text, 4096));
    rig_turns(&rig, 10);
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
    (void)close(fd);
}

TEST(http_linger__waits_for_content_that_was_refused)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    const char *head = "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n";
    check_eq_int(rig_status(rig_ask(&rig, fd, head, &is_closed)), 413);
    check_that(is_closed, "our half");
    check_eq_u64(po_http_server_stats(rig.server).open, 1);
    check_that(po_sys_send(fd, "hello", 5) == 5, "the other half is still there");
    rig_turns(&rig, 2);
    check_that(po_sys_send(fd, "hello", 5) == 5);
    check_eq_u64(po_http_server_stats(rig.server).open, 1);
    (void)close(fd);
    rig_turns(&rig, 2);
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
}

/* ---- limits of connections -------------------------------------------------------------------------- */

static uint16_t listen_tcp(struct rig *rig, const char *address)
{
    struct po_http_listen listen = {.address = address, .tag = 7};
    uint16_t port = 0;
    check_ok(rig->cx, po_http_server_listen(rig->cx, rig->server, &listen, &port));
    check_that(port != 0);
    return port;
}

static int dial(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = po_sys_socket(AF_INET, SOCK_STREAM, 0);
    check_that(fd >= 0);
    int ret = po_sys_connect(fd, (const struct sockaddr *)(const void *)&to, sizeof to);
    check_that(ret == 0 || errno == EINPROGRESS);
    return fd;
}

TEST(http_limits__of_one_address_are_kept)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    struct po_http_limits limits = {.address_connections_max = 3};
    int fds[4];
    rig_open(&rig, cx, &limits);
    uint16_t port = listen_tcp(&rig, "127.0.0.1");
    for (int i = 0; i < 4; i++) {
        fds[i] = dial(port);
        rig_turns(&rig, 2);
    }
    (void)rig_receive(&rig, fds[3], &is_closed);
    check_that(is_closed);
    check_eq_int(rig_status(rig_ask(&rig, fds[2], GET_ECHO, NULL)), 200);
    check_eq_u64(po_http_server_stats(rig.server).refused_address, 1);
    (void)close(fds[0]);
    rig_turns(&rig, 2);
    int again = dial(port);
    rig_turns(&rig, 2);
    check_eq_int(rig_status(rig_ask(&rig, again, GET_ECHO, NULL)), 200);
    for (int i = 1; i < 4; i++)
        (void)close(fds[i]);
    (void)close(again);
}

TEST(http_limits__in_total_end_the_longest_idle_first)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    struct po_http_limits limits = {.connections_max = 3};
    int fds[4];
    rig_open(&rig, cx, &limits);
    uint16_t port = listen_tcp(&rig, "127.0.0.1");
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(port);
        rig_turns(&rig, 2);
    }
    /* None is idle yet: the new one is turned away. */
    fds[3] = dial(port);
    (void)rig_receive(&rig, fds[3], &is_closed);
    check_that(is_closed);
    check_eq_u64(po_http_server_stats(rig.server).refused_total, 1);
    (void)close(fds[3]);
    check_eq_int(rig_status(rig_ask(&rig, fds[1], GET_ECHO, NULL)), 200);
    check_eq_int(rig_status(rig_ask(&rig, fds[0], GET_ECHO, NULL)), 200);
    fds[3] = dial(port);
    rig_turns(&rig, 2);
    check_eq_int(rig_status(rig_ask(&rig, fds[3], GET_ECHO, NULL)), 200);
    check_eq_u64(po_http_server_stats(rig.server).evicted, 1);
    (void)rig_receive(&rig, fds[1], &is_closed);
    check_that(is_closed);
    (void)rig_receive(&rig, fds[0], &is_closed);
    check_that(!is_closed);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
}

TEST(http_limits__without_descriptors_connections_wait)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    struct rlimit before = {0};
    rig_open(&rig, cx, NULL);
    uint16_t port = listen_tcp(&rig, "127.0.0.1");
    int fd = dial(port);
    int next = dup(fd);
    check_that(next > fd && close(next) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit none = {(rlim_t)next, before.rlim_max};
    check_that(setrlimit(RLIMIT_NOFILE, &none) == 0);
    rig_send(&rig, fd, PO_LIT(GET_ECHO));
    rig_advance_ms(&rig, 150);
    check_eq_u64(po_http_server_stats(rig.server).accepted, 0);
    check_that(setrlimit(RLIMIT_NOFILE, &before) == 0);
    check_eq_u64(rig_receive(&rig, fd, NULL).len, 0);
    rig_advance_ms(&rig, 150);
    check_eq_int(rig_status(rig_receive(&rig, fd, NULL)), 200);
    (void)close(fd);
}

TEST(http_adopt__closes_what_is_too_much)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    struct po_http_limits limits = {.connections_max = 1};
    int fds[2];
    char byte = 0;
    rig_open(&rig, cx, &limits);
    int fd = rig_connect(&rig, false);
    check_that(po_sys_socketpair(fds) == 0);
    check_fails(cx, po_http_server_adopt(cx, rig.server, fds[1], false), PO_LIMIT);
    check_eq_int(recv(fds[0], &byte, 1, MSG_DONTWAIT), 0);
    (void)close(fds[0]), (void)close(fd);
}

TEST(http_limits__of_requests_end_a_connection)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    struct po_http_limits limits = {.requests_max = 3};
    rig_open(&rig, cx, &limits);
    int fd = rig_connect(&rig, false);
    for (int i = 0; i < 3; i++) {
        check_that(!is_closed);
        check_eq_int(rig_status(rig_ask(&rig, fd, GET_ECHO, &is_closed)), 200);
    }
    check_that(is_closed);
    (void)close(fd);
}

TEST(http_server__refuses_limits_that_cannot_be)
{
    static const struct {
        const char *name;
        struct po_http_limits limits;
    } ROWS[] = {
        {"connections", {.connections_max = PO_HTTP_CONNECTIONS_MAX + 1}},
        {"body", {.body_bytes_max = PO_HTTP_BODY_BYTES_MAX + 1}},
        {"message", {.ws_message_bytes_max = PO_HTTP_BODY_BYTES_MAX + 1}},
        {"time", {.idle_ms = -1}},
    };
    TEST_CX(cx);
    TEST_EACH(row, ROWS)
    {
        RIG_AUTO rig;
        check_fails(cx, rig_try_open(&rig, cx, &row->limits), PO_INVALID);
        po_err_clear(cx);
    }
}

/* ---- listeners --------------------------------------------------------------------------------------- */

TEST(http_listen__on_a_unix_socket_replaces_a_leftover_but_no_file)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    RIG_AUTO second;
    uint16_t port = 1;
    struct stat st;
    rig_open(&rig, cx, NULL);
    rig_open(&second, cx, NULL);
    struct po_http_listen listen = {.unix_path = test_tmp("s")};
    check_ok(cx, po_http_server_listen(cx, rig.server, &listen, &port));
    check_eq_int(port, 0);
    check_that(po_sys_stat(test_tmp("s"), &st) == 0 && (st.st_mode & 0777) == 0600);
    check_ok(cx, po_http_server_listen(cx, second.server, &listen, &port));
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", test_tmp("s"));
    int fd = po_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    check_that(po_sys_connect(fd, (const struct sockaddr *)(const void *)&to, sizeof to) == 0);
    check_eq_int(rig_status(rig_ask(&second, fd, GET_ECHO, NULL)), 200);
    (void)close(fd);
    test_write_file(test_tmp("f"), "x", 1);
    listen.unix_path = test_tmp("f");
    check_fails(cx, po_http_server_listen(cx, rig.server, &listen, &port), PO_EXISTS);
}

TEST(http_listen__refuses_what_is_no_address_and_what_is_taken)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    uint16_t port = 0;
    rig_open(&rig, cx, NULL);
    struct po_http_listen listen = {.address = "localhost"};
    check_fails(cx, po_http_server_listen(cx, rig.server, &listen, &port), PO_INVALID);
    listen = (struct po_http_listen){.address = "127.0.0.1", .is_tls = true};
    check_fails(cx, po_http_server_listen(cx, rig.server, &listen, &port), PO_INVALID);
    listen = (struct po_http_listen){0};
    check_fails(cx, po_http_server_listen(cx, rig.server, &listen, &port), PO_INVALID);
    listen = (struct po_http_listen){.address = "127.0.0.1", .port = listen_tcp(&rig, "127.0.0.1")};
    check_fails(cx, po_http_server_listen(cx, rig.server, &listen, &port), PO_BUSY);
}

/* ---- draining ------------------------------------------------------------------------------------------ */

TEST(http_drain__finishes_what_is_under_way)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    rig_open(&rig, cx, NULL);
    uint16_t port = listen_tcp(&rig, "127.0.0.1");
    int idle = dial(port);
    check_eq_int(rig_status(rig_ask(&rig, idle, GET_ECHO, NULL)), 200);
    int later = dial(port);
    (void)rig_ask(&rig, later, GET_LATER, NULL);
    int half = dial(port);
    (void)rig_ask(&rig, half, "GET /echo HTTP/1.1\r\n", NULL);
    po_http_server_drain(cx, rig.server, 20000);
    check_that(!po_http_server_is_drained(rig.server));
    (void)rig_receive(&rig, idle, &is_closed);
    check_that(is_closed, "idle connections end at once");
    int fresh = dial(port);
    rig_turns(&rig, 2);
    check_that(po_sys_send(fresh, "G", 1) < 0, "no listener any more");
    po_str response = rig_ask(&rig, half, "Host: a\r\n\r\n", &is_closed);
    check_eq_int(rig_status(response), 200);
    check_that(is_closed && po_str_find(response, PO_LIT("Connection: close"), 0) != SIZE_MAX);
    struct po_http_response *res = po_http_answer(rig.server, rig.id);
    check_that(res != NULL);
    po_http_answer_send(cx, rig.server, rig.id, res);
    check_eq_int(rig_status(rig_receive(&rig, later, &is_closed)), 200);
    check_that(is_closed);
    check_that(po_http_server_is_drained(rig.server));
    (void)close(idle), (void)close(later), (void)close(half), (void)close(fresh);
}

TEST(http_drain__ends_at_its_deadline)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    rig_open(&rig, cx, NULL);
    int fd = rig_connect(&rig, false);
    (void)rig_ask(&rig, fd, GET_LATER, NULL);
    po_http_server_drain(cx, rig.server, 5000);
    rig_advance_ms(&rig, 4900);
    check_that(!po_http_server_is_drained(rig.server));
    rig_advance_ms(&rig, 200);
    check_that(po_http_server_is_drained(rig.server));
    check_eq_int(rig.gone, 1);
    (void)close(fd);
}

/* ---- watches ------------------------------------------------------------------------------------------- */

static void read_watch(struct po_ctx *cx, void *user, int fd)
{
    char byte = 0;
    (void)cx;
    if (po_sys_recv(fd, &byte, 1) == 1) *(char *)user = byte;
}

TEST(http_watch__is_called_when_something_is_there)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    int fds[2];
    char seen = 0;
    rig_open(&rig, cx, NULL);
    check_that(po_sys_socketpair(fds) == 0 && po_sys_set_nonblocking(fds[0]) == 0);
    check_ok(cx, po_http_server_watch(cx, rig.server, fds[0], read_watch, &seen));
    rig_turns(&rig, 1);
    check_eq_int(seen, 0);
    check_that(po_sys_send(fds[1], "x", 1) == 1);
    rig_turns(&rig, 1);
    check_eq_int(seen, 'x');
    po_http_server_unwatch(rig.server, fds[0]);
    check_that(po_sys_send(fds[1], "y", 1) == 1);
    rig_turns(&rig, 1);
    check_eq_int(seen, 'x');
    (void)close(fds[0]), (void)close(fds[1]);
}

/* ---- failures ------------------------------------------------------------------------------------------ */

TEST_FAULTS(http_server__survives_each_failure_while_it_serves)
{
    TEST_CX(cx);
    RIG_AUTO rig = {0};
    char buf[4096];
    int fds[2];
    if (!test_survived(rig_try_open(&rig, cx, NULL))) return;
    if (po_sys_socketpair(fds) != 0) return;
    bool is_set = po_sys_set_nonblocking(fds[0]) == 0 && po_sys_set_nonblocking(fds[1]) == 0;
    if (!is_set || !test_survived(po_http_server_adopt(cx, rig.server, fds[1], false))) {
        /* The server has closed what it could not take. */
        (void)close(fds[0]);
        if (!is_set) (void)close(fds[1]);
        return;
    }
    const char *request = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "5\r\nhello\r\n0\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)po_sys_send(fds[0], request, strlen(request));
    ssize_t got = 0;
    size_t all = 0;
    for (int i = 0; i < 300; i++) {
        po_rc rc = po_http_server_step(cx, rig.server, 0);
        if (!po_is_ok(rc)) check_that(test_fault_fired());
        got = po_sys_recv(fds[0], buf, sizeof buf);
        if (got > 0 && all == 0 && got > 12) {
            unsigned status = rig_status(po_str_n(buf, (size_t)got));
            check_that(status == 200 || (test_fault_fired() && status >= 500));
        }
        all += got > 0 ? (size_t)got : 0;
    }
    check_that(all > 100 || test_fault_fired());
    po_http_server_freep(&rig.server);
    (void)close(fds[0]);
}
