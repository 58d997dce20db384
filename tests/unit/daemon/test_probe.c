/*
 * Asking the service's own endpoint: what counts as an answer, and where it is.
 */
#include "core/clock.h"
#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "daemon/supervisor_priv.h"
#include "lib/test.h"

#include <netinet/in.h>

TEST(probe__takes_a_status_line_and_nothing_else)
{
    static const struct {
        const char *head;
        uint64_t status;
    } rows[] = {
        {"HTTP/1.1 200", 200}, {"HTTP/1.1 503", 503}, {"HTTP/1.1 20", 0},    {"HTTP/1.0 200", 0},
        {"HTTP/1.1 2x0", 0},   {"HTTP/1.1 999", 0},   {"ready\nready\n", 0}, {"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_row(rows[i].head);
        check_eq_u64(po_probe_status(po_str_of(rows[i].head)), rows[i].status);
    }
    test_row(NULL);
}

TEST(probe__asks_where_the_front_says)
{
    TEST_CX(cx);
    struct po_supervisor sup = {.probe.fd = -1};
    po_probe_found(cx, &sup, PO_LIT("https://127.0.0.1:8443\nmanagement http://nonsense\n"));
    check_eq_u64(sup.probe.address_len, 0);
    po_probe_found(cx, &sup, PO_LIT("https://0.0.0.0:1\nmanagement http://127.0.0.1:9443\n"));
    const struct sockaddr_in *v4 = (const void *)&sup.probe.address;
    check_eq_u64(sup.probe.address_len, sizeof *v4);
    check_eq_u64(ntohs(v4->sin_port), 9443);
    check_eq_u64(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
    po_probe_found(cx, &sup, PO_LIT("management http://[::1]:9444\n"));
    const struct sockaddr_in6 *v6 = (const void *)&sup.probe.address;
    check_eq_u64(sup.probe.address_len, sizeof *v6);
    check_eq_u64(ntohs(v6->sin6_port), 9444);
}

/* A supervisor whose core we are, and a listener that it asks. */
struct asked {
    struct po_supervisor sup;
    struct po_wire_end core;
    int listener;
    int conn;
};

static void begin(struct po_ctx *cx, struct asked *asked)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int pair[2];
    asked->listener = po_sys_socket(AF_INET, SOCK_STREAM, 0);
    asked->conn = -1;
    check_that(po_sys_bind(asked->listener, (void *)&address, len) == 0);
    check_that(po_sys_listen(asked->listener, 1) == 0);
    check_that(po_sys_getsockname(asked->listener, (void *)&address, &len) == 0);
    asked->sup = (struct po_supervisor){
        .epoll_fd = po_sys_epoll_create(), .signal_fd = -1, .is_ready = true, .probe.fd = -1};
    check_that(po_sys_socketpair(pair) == 0);
    check_that(po_sys_set_nonblocking(pair[0]) == 0 && po_sys_set_nonblocking(pair[1]) == 0);
    po_wire_end_init(&asked->sup.roles[PO_ROLE_CORE].control, pair[0]);
    po_wire_end_init(&asked->core, pair[1]);
    asked->sup.roles[PO_ROLE_CORE].is_ready = true;
    const char *said =
        po_arena_printf(cx->arena, "management http://127.0.0.1:%u\n", ntohs(address.sin_port));
    po_probe_found(cx, &asked->sup, po_str_of(said));
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    po_probe_pass_time(cx, &asked->sup, po_supervisor_now_us(cx));
    check_that(asked->sup.probe.fd >= 0, "it is due at once");
}

static void question_arrives(struct po_ctx *cx, struct asked *asked)
{
    struct epoll_event event;
    char text[128] = "";
    check_eq_int(po_sys_epoll_wait(asked->sup.epoll_fd, &event, 1, 5000), 1);
    check_eq_u64(event.data.u64, PO_SUPERVISOR_TAG_PROBE);
    po_probe_step(cx, &asked->sup);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    asked->conn = po_sys_accept(asked->listener, (void *)&peer, &len);
    check_that(asked->conn >= 0);
    check_that(po_sys_recv(asked->conn, text, sizeof text - 1) > 0);
    check_that(po_str_starts(po_str_of(text), PO_LIT("GET /readyz HTTP/1.1\r\n")));
}

static void core_is_told(struct po_ctx *cx, struct asked *asked, uint64_t status, uint64_t took_ms)
{
    struct po_wire_msg msg;
    bool has = false;
    check_that(asked->sup.probe.fd < 0, "it is over");
    check_ok(cx, po_wire_end_fill(cx, &asked->core));
    check_ok(cx, po_wire_end_next(cx, &asked->core, &msg, &has));
    check_that(has && msg.kind == PO_WIRE_KIND_PROBED);
    check_eq_u64(msg.number[PO_WIRE_STATUS], status);
    check_eq_u64(msg.number[PO_WIRE_TOOK_MS], took_ms);
}

static void end(struct asked *asked)
{
    po_wire_end_done(&asked->core);
    po_wire_end_done(&asked->sup.roles[PO_ROLE_CORE].control);
    po_fd_closep(&asked->sup.epoll_fd);
    po_fd_closep(&asked->listener);
    po_fd_closep(&asked->conn);
}

TEST(probe__tells_core_status_and_time)
{
    TEST_CX(cx);
    struct asked asked;
    struct epoll_event event;
    begin(cx, &asked);
    question_arrives(cx, &asked);
    po_clock_fake_advance(test_clock(), 7 * PO_US_PER_MS);
    check_eq_int(po_sys_send(asked.conn, "HTTP/1.1 200 OK\r\n", 17), 17);
    check_eq_int(po_sys_epoll_wait(asked.sup.epoll_fd, &event, 1, 5000), 1);
    po_probe_step(cx, &asked.sup);
    core_is_told(cx, &asked, 200, 7);
    po_probe_pass_time(cx, &asked.sup, asked.sup.probe.since_us + PO_PROBE_PERIOD_US - 1);
    check_that(asked.sup.probe.fd < 0, "once a minute");
    po_probe_pass_time(cx, &asked.sup, asked.sup.probe.since_us + PO_PROBE_PERIOD_US);
    check_that(asked.sup.probe.fd >= 0);
    po_fd_closep(&asked.sup.probe.fd);
    end(&asked);
}

TEST(probe__silence_is_no_answer)
{
    TEST_CX(cx);
    struct asked asked;
    begin(cx, &asked);
    question_arrives(cx, &asked);
    po_clock_fake_advance(test_clock(), PO_PROBE_WAIT_US);
    po_probe_pass_time(cx, &asked.sup, po_supervisor_now_us(cx));
    core_is_told(cx, &asked, 0, 2000);
    end(&asked);
}
