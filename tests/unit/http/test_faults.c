/*
 * Each allocation and system call of a server failing once, while it listens, speaks TLS, streams.
 */
#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"
#include "unit/http/rig.h"
#include "unit/http/ws_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#define GET_ECHO "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"

/* Turns that may fail once. */
static void turns(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        po_rc rc = po_http_server_step(rig->cx, rig->server, 0);
        check_that(po_is_ok(rc) || test_fault_fired());
        po_err_clear(rig->cx);
    }
}

static void fd_closep(int *fd)
{
    if (*fd >= 0) (void)close(*fd);
}
#define FD_AUTO PO_CLEANUP(fd_closep) int

/* Connected to a unix socket of a server; libc's calls, so that only the server's fail. */
static int dial_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check_that(fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&to, sizeof to) == 0);
    return fd;
}

/* The status of an answer, 0 when the connection ended or nothing came. */
static unsigned status_of(struct rig *rig, int fd, const char *request)
{
    char buf[4096];
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    turns(rig, 6);
    po_clock_fake_advance(test_clock(), 200 * PO_US_PER_MS); /* a pause after a failed accept */
    turns(rig, 6);
    ssize_t got = recv(fd, buf, sizeof buf, 0);
    return got > 0 ? rig_status(po_str_n(buf, (size_t)got)) : 0;
}

TEST_FAULTS(http_listen__takes_connections_again_after_any_failure)
{
    TEST_CX(cx);
    RIG_AUTO rig = {0};
    uint16_t port = 0;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/s", test_tmpdir());
    struct po_http_listen listen_unix = {.unix_path = path};
    struct po_http_listen listen_tcp = {.address = "127.0.0.1"};
    if (!test_survived(rig_try_open(&rig, cx, NULL))) return;
    if (!test_survived(po_http_server_listen(cx, rig.server, &listen_tcp, &port))) return;
    if (!test_survived(po_http_server_listen(cx, rig.server, &listen_unix, &port))) return;
    FD_AUTO first = dial_unix(path);
    unsigned status = status_of(&rig, first, GET_ECHO);
    check_that(status == 200 || test_fault_fired());
    /* Whatever failed, it failed for that connection alone. */
    FD_AUTO second = dial_unix(path);
    bool had_fired = test_fault_fired();
    status = status_of(&rig, second, GET_ECHO);
    check_that(status == 200 || (test_fault_fired() && !had_fired));
    test_faults_off();
    FD_AUTO third = dial_unix(path);
    check_eq_int(status_of(&rig, third, GET_ECHO), 200);
}

/* A client's half of a TLS connection, as far as it goes; the status of the answer. */
static unsigned tls_status(struct rig *rig, int fd)
{
    char buf[4096];
    int got = -1;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    check_that(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
    SSL_set_connect_state(ssl);
    int result = 0;
    for (int i = 0; i < 10 && result != 1; i++) {
        result = SSL_do_handshake(ssl);
        turns(rig, 2);
    }
    if (result == 1) {
        (void)SSL_write(ssl, GET_ECHO, sizeof GET_ECHO - 1);
        turns(rig, 6);
        got = SSL_read(ssl, buf, sizeof buf);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return got > 0 ? rig_status(po_str_n(buf, (size_t)got)) : 0;
}

TEST_FAULTS_MANUAL(http_tls__any_failure_ends_one_connection_at_most)
{
    TEST_CX(cx);
    RIG_AUTO rig = {0};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    po_str name = PO_LIT("localhost");
    struct po_http_cert_names names = {&name, 1};
    char cert[4096];
    char key[4096];
    int fds[2] = {-1, -1};
    (void)snprintf(cert, sizeof cert, "%s/c", test_tmpdir());
    (void)snprintf(key, sizeof key, "%s/k", test_tmpdir());
    struct po_http_tls tls = {.cert_path = cert, .key_path = key};
    (void)signal(SIGPIPE, SIG_IGN); /* the client's half is OpenSSL's own */
    rig_open(&rig, cx, NULL);
    check_ok(cx, po_http_cert_create(cx, &tls, &names, fingerprint));
    check_that(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    FD_AUTO fd = fds[0];
    test_faults_arm();
    po_rc rc = po_http_tls_load(cx, rig.server, &tls, fingerprint);
    if (!test_survived(rc)) {
        (void)close(fds[1]);
        return;
    }
    if (!test_survived(po_http_server_adopt(cx, rig.server, fds[1], true))) return;
    unsigned status = tls_status(&rig, fd);
    check_that(status == 200 || test_fault_fired());
    test_faults_off();
    check_that(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    FD_AUTO again = fds[0];
    check_ok(cx, po_http_server_adopt(cx, rig.server, fds[1], true));
    check_eq_int(tls_status(&rig, again), 200);
}

TEST_FAULTS_MANUAL(http_stream__any_failure_ends_one_stream_at_most)
{
    static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    TEST_CX(cx);
    RIG_AUTO rig = {0};
    PO_BUF_AUTO frames = {0};
    struct po_http_event event = {.id = PO_LIT("1"), .data = PO_LIT("a\nb")};
    int fds[2] = {-1, -1};
    char buf[4096];
    po_buf_init(&frames, 1 << 20);
    ws_build("01:hel|89:p|80:lo|82*3000:x|", &frames);
    rig_open(&rig, cx, NULL);
    FD_AUTO events = rig_connect(&rig, false);
    check_that(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    FD_AUTO fd = fds[0];
    check_ok(cx, po_http_server_adopt(cx, rig.server, fds[1], false));
    test_faults_arm();
    unsigned status = status_of(&rig, fd, upgrade);
    check_that(status == 101 || test_fault_fired());
    (void)send(fd, frames.ptr, frames.len, MSG_NOSIGNAL);
    turns(&rig, 6);
    check_that(recv(fd, buf, sizeof buf, 0) > 0 || test_fault_fired());
    status = status_of(&rig, events, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    check_that(status == 200 || test_fault_fired());
    po_rc rc = po_http_event(cx, rig.server, rig.id, &event);
    check_that(po_is_ok(rc) || test_fault_fired());
    turns(&rig, 2);
    test_faults_off();
    int next = rig_connect(&rig, false);
    check_eq_int(rig_status(rig_ask(&rig, next, GET_ECHO, NULL)), 200);
    (void)close(next);
}
