/*
 * TLS: certificates, handshakes, reload; a client of OpenSSL over a socket pair.
 */
#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"
#include "unit/http/rig.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct po_http_tls make_cert(struct rig *rig, const char *stem,
                                    char fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    static const po_str names[] = {PO_LIT("localhost"), PO_LIT("127.0.0.1"), PO_LIT("::1")};
    struct po_http_cert_names list = {names, 3};
    struct po_http_tls tls = {
        .cert_path = po_arena_printf(rig->cx->arena, "%s/%s.crt", test_tmpdir(), stem),
        .key_path = po_arena_printf(rig->cx->arena, "%s/%s.key", test_tmpdir(), stem)};
    check_ok(rig->cx, po_http_cert_create(rig->cx, &tls, &list, fingerprint));
    return tls;
}

struct client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

static void client_done(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    if (client->fd >= 0) (void)close(client->fd);
}
#define CLIENT_AUTO PO_CLEANUP(client_done) struct client

static void client_open(struct client *client, struct rig *rig)
{
    client->fd = rig_connect(rig, true);
    client->ctx = SSL_CTX_new(TLS_client_method());
    client->ssl = SSL_new(client->ctx);
    check_that(client->ssl != NULL && SSL_set_fd(client->ssl, client->fd) == 1);
    SSL_set_connect_state(client->ssl);
}

static bool handshake(struct client *client, struct rig *rig)
{
    for (int i = 0; i < 20; i++) {
        int result = SSL_do_handshake(client->ssl);
        if (result == 1) {
            rig_turns(rig, 3);
            return true;
        }
        int why = SSL_get_error(client->ssl, result);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) break;
        rig_turns(rig, 1);
    }
    ERR_clear_error();
    return false;
}

static po_str ask(struct client *client, struct rig *rig, const char *request, char *buf,
                  size_t cap)
{
    size_t len = 0;
    check_that(SSL_write(client->ssl, request, (int)strlen(request)) > 0);
    for (int quiet = 0; quiet < 4;) {
        rig_turns(rig, 1);
        int got = SSL_read(client->ssl, buf + len, (int)(cap - len));
        quiet = got > 0 ? 0 : quiet + 1;
        if (got > 0) len += (size_t)got;
    }
    ERR_clear_error();
    return po_str_n(buf, len);
}

static void fingerprint_of_peer(const struct client *client,
                                char out[static PO_HTTP_FINGERPRINT_BYTES])
{
    unsigned char digest[32];
    unsigned len = 0;
    X509 *cert = SSL_get1_peer_certificate(client->ssl);
    check_that(cert != NULL && X509_digest(cert, EVP_sha256(), digest, &len) == 1 && len == 32);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(out + 3 * i, 4, "%02X%s", digest[i], i == 31 ? "" : ":");
    X509_free(cert);
}

TEST(http_cert__has_what_clients_want)
{
    TEST_CX(cx);
    struct rig rig = {.cx = cx};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    struct stat st;
    check_that(stat(tls.key_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    FILE *file = fopen(tls.cert_path, "r");
    check_that(file != NULL);
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    check_that(cert != NULL);
    EVP_PKEY *key = X509_get0_pubkey(cert);
    check_eq_int(EVP_PKEY_get_bits(key), 256);
    check_eq_int(X509_verify(cert, key), 1);
    check_eq_int(X509_get_version(cert), 2);
    check_eq_int(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    check_eq_int(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    check_eq_int(X509_check_ip_asc(cert, "::1", 0), 1);
    check_eq_int(X509_check_host(cert, "other", 0, 0, NULL), 0);
    check_eq_int(X509_check_ca(cert), 0);
    int days = 0;
    int seconds = 0;
    check_eq_int(
        ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert), X509_get0_notAfter(cert)), 1);
    check_eq_int(days, 397);
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    check_eq_int(BN_num_bits(serial), 159);
    BN_free(serial);
    X509_free(cert);
}

TEST(http_cert__takes_names_only_and_replaces_nothing)
{
    static const char *const BAD[] = {"", "a b", "a,DNS:b", "*.example", "-a", "a\n", "e/mail:x"};
    TEST_CX(cx);
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    struct po_http_tls tls = {.cert_path = test_tmp("c")};
    char key_path[4096];
    (void)snprintf(key_path, sizeof key_path, "%s.key", tls.cert_path);
    tls.key_path = key_path;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        po_str name = po_str_of(BAD[i]);
        struct po_http_cert_names names = {&name, 1};
        check_fails(cx, po_http_cert_create(cx, &tls, &names, fingerprint), PO_INVALID);
        po_err_clear(cx);
    }
    struct po_http_cert_names none = {NULL, 0};
    check_fails(cx, po_http_cert_create(cx, &tls, &none, fingerprint), PO_INVALID);
    po_str good = PO_LIT("a");
    struct po_http_cert_names names = {&good, 1};
    check_ok(cx, po_http_cert_create(cx, &tls, &names, fingerprint));
    check_fails(cx, po_http_cert_create(cx, &tls, &names, fingerprint), PO_EXISTS);
}

TEST_FAULTS(http_cert__leaves_nothing_behind_when_it_fails)
{
    TEST_CX(cx);
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    char cert[4096];
    char key[4096];
    po_str name = PO_LIT("a");
    struct po_http_cert_names names = {&name, 1};
    (void)snprintf(cert, sizeof cert, "%s/c", test_tmpdir());
    (void)snprintf(key, sizeof key, "%s/k", test_tmpdir());
    struct po_http_tls tls = {.cert_path = cert, .key_path = key};
    po_rc rc = po_http_cert_create(cx, &tls, &names, fingerprint);
    test_faults_off();
    if (test_survived(rc)) return;
    check_that(access(cert, F_OK) != 0 || access(key, F_OK) == 0, "a certificate without its key");
}

TEST(http_tls__serves_and_shows_its_fingerprint)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    CLIENT_AUTO client = {.fd = -1};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    char loaded[PO_HTTP_FINGERPRINT_BYTES];
    char seen[PO_HTTP_FINGERPRINT_BYTES];
    char buf[65536];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls, loaded));
    check_eq_cstr(loaded, fingerprint);
    client_open(&client, &rig);
    static const unsigned char alpn[] = "\x02h2\x08http/1.1";
    check_eq_int(SSL_set_alpn_protos(client.ssl, alpn, sizeof alpn - 1), 0);
    check_that(handshake(&client, &rig));
    check_eq_cstr(SSL_get_version(client.ssl), "TLSv1.3");
    fingerprint_of_peer(&client, seen);
    check_eq_cstr(seen, fingerprint);
    for (int i = 0; i < 3; i++) {
        po_str response =
            ask(&client, &rig, "GET /echo?x HTTP/1.1\r\nHost: a\r\n\r\n", buf, sizeof buf);
        check_eq_int(rig_status(response), 200);
        check_eq_str(rig_body(response), "GET /echo ?x ");
    }
    po_str two =
        ask(&client, &rig, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
            buf, sizeof buf);
    check_that(po_str_find(two, PO_LIT("GET /1"), 0) != SIZE_MAX &&
               po_str_ends(two, PO_LIT("GET /2 ? ")));
    check_eq_int(rig_status(ask(&client, &rig, "GET / HTTP/1.1\r\n\r\n", buf, sizeof buf)), 400);
}

/* Several records may be in OpenSSL's buffer when the socket has nothing more to say. */
TEST(http_tls__requests_in_records_that_came_together_are_all_answered)
{
    static const char *const PARTS[] = {"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /2 HTT",
                                        "P/1.1\r\nHost: a\r\n\r\nGET /3", " HTTP/1.1\r\n",
                                        "Host: a\r\n\r\n"};
    TEST_CX(cx);
    RIG_AUTO rig;
    CLIENT_AUTO client = {.fd = -1};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    char buf[4096];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls, fingerprint));
    client_open(&client, &rig);
    check_that(handshake(&client, &rig));
    for (size_t i = 0; i < 5; i++)
        check_that(SSL_write(client.ssl, PARTS[i], (int)strlen(PARTS[i])) > 0);
    po_str all = ask(&client, &rig, "GET /4 HTTP/1.1\r\nHost: a\r\n\r\n", buf, sizeof buf);
    for (int i = 1; i <= 4; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "GET /%d ? ", i);
        check_that(po_str_find(all, po_str_of(want), 0) != SIZE_MAX, "answer %d", i);
    }
}

TEST_TIMEOUT(http_tls__large_content_goes_both_ways, 60)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    CLIENT_AUTO client = {.fd = -1};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    static char buf[4 << 20];
    static char request[400000];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls, fingerprint));
    client_open(&client, &rig);
    check_that(handshake(&client, &rig));
    po_str response = ask(&client, &rig, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", buf, sizeof buf);
    check_eq_u64(rig_body(response).len, RIG_LARGE);
    int head = snprintf(request, sizeof request,
                        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
    memset(request + head, 'b', 300000);
    SSL_set_mode(client.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    for (int at = 0; at < head + 300000;) {
        int sent = SSL_write(client.ssl, request + at, head + 300000 - at);
        if (sent > 0) at += sent;
        rig_turns(&rig, 1);
    }
    response = ask(&client, &rig, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n", buf, sizeof buf);
    check_that(po_str_starts(rig_body(response), PO_LIT("POST /echo ? bbbb")));
    check_that(po_str_ends(response, PO_LIT("GET /next ? ")));
}

TEST(http_tls__refuses_old_versions_and_other_protocols)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    static const struct {
        const char *name;
        int max_version;
        bool allows_tls12;
        const char *alpn;
        bool want;
    } ROWS[] = {
        {"1.3", TLS1_3_VERSION, false, NULL, true},
        {"1.2 not allowed", TLS1_2_VERSION, false, NULL, false},
        {"1.2 allowed", TLS1_2_VERSION, true, NULL, true},
        {"1.1", TLS1_1_VERSION, true, NULL, false},
        {"alpn h2 only", TLS1_3_VERSION, false, "\x02h2", false},
        {"alpn http/1.1", TLS1_3_VERSION, false, "\x08http/1.1", true},
    };
    TEST_EACH(row, ROWS)
    {
        CLIENT_AUTO client = {.fd = -1};
        tls.allows_tls12 = row->allows_tls12;
        check_ok(cx, po_http_tls_load(cx, rig.server, &tls, fingerprint));
        client_open(&client, &rig);
        SSL_set_security_level(client.ssl, 0);
        check_eq_int(SSL_set_min_proto_version(client.ssl, 0), 1);
        check_eq_int(SSL_set_max_proto_version(client.ssl, row->max_version), 1);
        if (row->alpn != NULL)
            check_eq_int(SSL_set_alpn_protos(client.ssl, (const unsigned char *)row->alpn,
                                             (unsigned)strlen(row->alpn)),
                         0);
        check_eq_int(handshake(&client, &rig), row->want);
    }
    check_eq_u64(po_http_server_stats(rig.server).handshakes_failed, 3);
}

TEST(http_tls__a_stalled_handshake_ends)
{
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls, fingerprint));
    int fds[2] = {rig_connect(&rig, true), rig_connect(&rig, true)};
    for (int i = 0; i < 20; i++) {
        (void)po_sys_send(fds[0], hello + i % 11, 1); /* the first drips, the second says nothing */
        rig_advance_ms(&rig, 495);
    }
    check_eq_u64(po_http_server_stats(rig.server).open, 2);
    rig_advance_ms(&rig, 200);
    check_eq_u64(po_http_server_stats(rig.server).open, 0);
    check_eq_u64(rig_receive(&rig, fds[1], &is_closed).len, 0);
    check_that(is_closed);
    check_eq_u64(po_http_server_stats(rig.server).timeouts, 2);
    (void)close(fds[0]), (void)close(fds[1]);
}

TEST(http_tls__plain_text_on_a_tls_port_is_no_request)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    bool is_closed = false;
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls = make_cert(&rig, "a", fingerprint);
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls, fingerprint));
    int fd = rig_connect(&rig, true);
    po_str response = rig_ask(&rig, fd, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", &is_closed);
    check_eq_int(rig_status(response), 0);
    check_that(is_closed);
    check_eq_int(rig.handled, 0);
    (void)close(fd);
}

TEST(http_tls__a_reload_is_for_new_handshakes_and_a_failed_one_for_none)
{
    TEST_CX(cx);
    RIG_AUTO rig;
    CLIENT_AUTO first = {.fd = -1};
    CLIENT_AUTO second = {.fd = -1};
    char a[PO_HTTP_FINGERPRINT_BYTES];
    char b[PO_HTTP_FINGERPRINT_BYTES];
    char seen[PO_HTTP_FINGERPRINT_BYTES];
    char buf[4096];
    rig_open(&rig, cx, NULL);
    struct po_http_tls tls_a = make_cert(&rig, "a", a);
    struct po_http_tls tls_b = make_cert(&rig, "b", b);
    check_that(strcmp(a, b) != 0);
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls_a, seen));
    client_open(&first, &rig);
    check_that(handshake(&first, &rig));
    /* Nothing of these changes what is served. */
    struct po_http_tls mixed = {.cert_path = tls_b.cert_path, .key_path = tls_a.key_path};
    check_fails(cx, po_http_tls_load(cx, rig.server, &mixed, seen), PO_INVALID);
    struct po_http_tls absent = {.cert_path = test_tmp("none"), .key_path = tls_a.key_path};
    check_fails(cx, po_http_tls_load(cx, rig.server, &absent, seen), PO_NOTFOUND);
    struct po_http_tls swapped = {.cert_path = tls_b.key_path, .key_path = tls_b.key_path};
    check_fails(cx, po_http_tls_load(cx, rig.server, &swapped, seen), PO_INVALID);
    struct po_http_tls no_key = {.cert_path = tls_b.cert_path, .key_path = test_tmp("none")};
    check_fails(cx, po_http_tls_load(cx, rig.server, &no_key, seen), PO_NOTFOUND);
    struct po_http_tls no_file = {.cert_path = test_tmpdir(), .key_path = tls_b.key_path};
    check_fails(cx, po_http_tls_load(cx, rig.server, &no_file, seen), PO_INVALID);
    struct po_http_tls fifo = {.cert_path = test_tmp("fifo"), .key_path = tls_b.key_path};
    check_that(mkfifo(fifo.cert_path, 0600) == 0);
    check_fails(cx, po_http_tls_load(cx, rig.server, &fifo, seen), PO_INVALID);
    struct po_http_tls long_chain = {.cert_path = test_tmp("long"), .key_path = tls_b.key_path};
    test_write_file(long_chain.cert_path, "x", 1);
    check_that(truncate(long_chain.cert_path, PO_HTTP_PEM_BYTES_MAX + 1) == 0);
    check_fails(cx, po_http_tls_load(cx, rig.server, &long_chain, seen), PO_LIMIT);
    check_that(chmod(tls_b.key_path, 0640) == 0);
    check_fails(cx, po_http_tls_load(cx, rig.server, &tls_b, seen), PO_DENIED);
    check_that(chmod(tls_b.key_path, 0600) == 0);
    po_err_clear(cx);
    const char *link = po_arena_printf(cx->arena, "%s/link", test_tmpdir());
    check_that(symlink(tls_b.key_path, link) == 0);
    tls_b.key_path = link;
    check_ok(cx, po_http_tls_load(cx, rig.server, &tls_b, seen));
    check_eq_cstr(seen, b);
    client_open(&second, &rig);
    check_that(handshake(&second, &rig));
    fingerprint_of_peer(&first, seen);
    check_eq_cstr(seen, a);
    fingerprint_of_peer(&second, seen);
    check_eq_cstr(seen, b);
    check_eq_int(
        rig_status(ask(&first, &rig, "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", buf, sizeof buf)),
        200);
    po_clock_fake_advance(test_clock(), 398 * PO_US_PER_DAY);
    check_fails(cx, po_http_tls_load(cx, rig.server, &tls_b, seen), PO_EXPIRED);
}
