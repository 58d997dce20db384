/*
 * Facts of data in motion: which versions of TLS our listeners' own settings speak, tried by handshakes
 * within this process, and how long the service's certificate is valid.
 */
#include "assess/assess_priv.h"

#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "http/http.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#define STEPS_MAX 64
#define BLOCK_BYTES 4096
#define CERT_BYTES_MAX ((size_t)64 << 10)

static void put_bool(struct po_json_out *out, const char *key, bool value)
{
    po_json_out_key(out, key);
    po_json_out_bool(out, value);
}

/* ---- handshakes -------------------------------------------------------------------------------- */

static void ssl_freep(SSL **ssl) { SSL_free(*ssl); }
static void ssl_ctx_freep(SSL_CTX **ctx) { SSL_CTX_free(*ctx); }

/* A client of exactly one version that would take anything: it is the listener that must refuse. */
static SSL_CTX *client_of(int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) return NULL;
    bool is_set = SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0") == 1 &&
                  SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
                  SSL_CTX_set_max_proto_version(ctx, version) == 1;
    if (is_set) return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static void no_answer(struct po_ctx *cx, void *user, const struct po_http_request *req,
                      struct po_http_response *res)
{
    (void)cx;
    (void)user;
    (void)req;
    po_http_status(res, 404);
}

/* What the client has written goes to the listener. */
static PO_RC send_out(struct po_ctx *cx, SSL *client, int fd)
{
    char block[BLOCK_BYTES];
    for (;;) {
        int n = BIO_read(SSL_get_wbio(client), block, sizeof block);
        if (n <= 0) return po_rc_ok();
        po_str left = po_str_n(block, (size_t)n);
        while (left.len > 0) {
            ssize_t sent = po_sys_send(fd, left.ptr, left.len);
            if (sent < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "sending a handshake");
            left = po_str_slice(left, (size_t)sent, left.len);
        }
    }
}

/* And what the listener answered, if anything, to the client. */
static PO_RC take_in(struct po_ctx *cx, SSL *client, int fd)
{
    char block[BLOCK_BYTES];
    bool has_any = false;
    for (;;) {
        ssize_t got = po_sys_recv(fd, block, sizeof block);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return po_rc_ok();
        if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "receiving a handshake");
        if (got == 0 && has_any) return po_rc_ok();
        if (got == 0) return PO_FAIL(cx, PO_IO, "the listener ended a handshake without an answer");
        if (BIO_write(SSL_get_rbio(client), block, (int)got) != got)
            return PO_FAIL(cx, PO_NOMEM, "no memory for a handshake");
        has_any = true;
    }
}

/*
 * Both ends in turn until the client is done or was refused. Only what a listener says is a refusal: one that
 * fails is an error.
 */
static PO_RC shake(struct po_ctx *cx, struct po_http_server *server, SSL *client, int fd,
                   bool *ret_is_accepted)
{
    *ret_is_accepted = false;
    for (int i = 0; i < STEPS_MAX; i++) {
        ERR_clear_error();
        int result = SSL_do_handshake(client);
        int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(client, result);
        *ret_is_accepted = why == SSL_ERROR_NONE;
        ERR_clear_error();
        if (why == SSL_ERROR_NONE || why == SSL_ERROR_SSL) return po_rc_ok();
        if (why != SSL_ERROR_WANT_READ)
            return PO_FAIL(cx, PO_CRYPTO, "a handshake ended with OpenSSL's error %d", why);
        PO_TRY(cx, send_out(cx, client, fd));
        PO_TRY(cx, po_http_server_step(cx, server, 20));
        PO_TRY(cx, take_in(cx, client, fd));
    }
    return PO_FAIL(cx, PO_TIMEOUT, "a handshake did not end");
}

/* Its bytes are moved by us, so that what goes wrong with them is not taken for a refusal. */
static PO_RC set_client(struct po_ctx *cx, SSL *client)
{
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = in == NULL ? NULL : BIO_new(BIO_s_mem());
    if (out == NULL) {
        BIO_free(in);
        ERR_clear_error();
        return PO_FAIL(cx, PO_NOMEM, "no memory for a handshake");
    }
    SSL_set_bio(client, in, out); /* takes both */
    SSL_set_connect_state(client);
    return po_rc_ok();
}

static PO_RC try_version(struct po_ctx *cx, struct po_http_server *server, int version,
                         bool *ret_is_accepted)
{
    int pair[2] = {-1, -1};
    PO_CLEANUP(ssl_ctx_freep) SSL_CTX *ctx = client_of(version);
    PO_CLEANUP(ssl_freep) SSL *client = ctx == NULL ? NULL : SSL_new(ctx);
    if (client == NULL) {
        ERR_clear_error();
        return PO_FAIL(cx, PO_CRYPTO, "no TLS client can be made");
    }
    if (po_sys_socketpair(pair) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "a pair of sockets for a handshake");
    /* An end that blocks would wait for the other in the same thread. */
    if (po_sys_set_nonblocking(pair[0]) != 0 || po_sys_set_nonblocking(pair[1]) != 0) {
        int saved_errno = errno;
        (void)po_sys_close(pair[0]);
        (void)po_sys_close(pair[1]);
        return PO_FAIL_SYS(cx, PO_IO, saved_errno, "a pair of sockets for a handshake");
    }
    po_rc rc = po_http_server_adopt(cx, server, pair[1], true);
    if (po_is_ok(rc)) rc = set_client(cx, client);
    if (po_is_ok(rc)) rc = shake(cx, server, client, pair[0], ret_is_accepted);
    (void)po_sys_close(pair[0]);
    return rc;
}

struct tried {
    int64_t old; /* below 1.2 */
    int64_t old_refused;
    int64_t present;
    int64_t present_accepted;
};

/* One setting of a listener against each version. */
static PO_RC try_setting(struct po_ctx *cx, const struct po_http_tls *tls, struct tried *tried)
{
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    const struct po_http_config config = {.handler = {.handle = no_answer}};
    PO_CLEANUP(po_http_server_freep) struct po_http_server *server = NULL;
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    PO_TRY(cx, po_http_server_new(cx, &config, &server));
    PO_TRY(cx, po_http_tls_load(cx, server, tls, fingerprint));
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        bool is_accepted = false;
        bool is_old = versions[i] < TLS1_2_VERSION;
        bool is_offered = versions[i] == TLS1_3_VERSION || tls->allows_tls12;
        if (!is_old && !is_offered) continue;
        PO_TRY(cx, try_version(cx, server, versions[i], &is_accepted));
        tried->old += is_old ? 1 : 0;
        tried->old_refused += is_old && !is_accepted ? 1 : 0;
        tried->present += is_old ? 0 : 1;
        tried->present_accepted += !is_old && is_accepted ? 1 : 0;
    }
    return po_rc_ok();
}

static PO_RC try_settings(struct po_ctx *cx, const char *dir, struct tried *tried)
{
    static const po_str names[] = {{"localhost", 9}};
    const struct po_http_cert_names cert_names = {.names = names, .count = 1};
    struct po_http_tls tls = {0};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    PO_TRY(cx, po_path_join(cx, dir, "cert.pem", &tls.cert_path));
    PO_TRY(cx, po_path_join(cx, dir, "key.pem", &tls.key_path));
    PO_TRY(cx, po_http_cert_create(cx, &tls, &cert_names, fingerprint));
    PO_TRY(cx, try_setting(cx, &tls, tried));
    tls.allows_tls12 = true;
    return try_setting(cx, &tls, tried);
}

PO_RC po_assess_tls_versions(struct po_ctx *cx, const struct po_assess_inputs *in,
                             struct po_json_out *out)
{
    struct tried tried = {0};
    const char *dir = NULL;
    PO_TRY(cx, po_assess_scratch(cx, in, &dir));
    po_rc rc = try_settings(cx, dir, &tried);
    PO_TRY(cx, po_assess_scratch_end(cx, dir, rc));
    po_json_out_object(out);
    po_json_out_field_int(out, "old", tried.old);
    po_json_out_field_int(out, "old_refused", tried.old_refused);
    po_json_out_field_int(out, "present", tried.present);
    po_json_out_field_int(out, "present_accepted", tried.present_accepted);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- certificates ------------------------------------------------------------------------------ */

static void x509_freep(X509 **cert) { X509_free(*cert); }
static void bio_freep(BIO **bio) { BIO_free_all(*bio); }

/* Days until it ends, rounded down; null when it cannot be read. */
static bool days_left(struct po_ctx *cx, po_str pem, int64_t *ret_days)
{
    PO_CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    PO_CLEANUP(x509_freep)
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    int days = 0;
    int seconds = 0;
    bool is_read = false;
    ASN1_TIME *now =
        cert == NULL ? NULL : ASN1_TIME_set(NULL, (time_t)(po_ctx_now_us(cx) / PO_US_PER_S));
    if (now != NULL) is_read = ASN1_TIME_diff(&days, &seconds, now, X509_get0_notAfter(cert)) == 1;
    ASN1_TIME_free(now);
    ERR_clear_error();
    *ret_days = seconds < 0 ? days - 1 : days;
    return is_read;
}

static PO_RC put_certificate(struct po_ctx *cx, const char *path, struct po_json_out *out)
{
    struct po_fs_info info = {0};
    int64_t days = 0;
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return po_rc_ok();
    PO_BUF_AUTO pem = {0};
    po_buf_init(&pem, CERT_BYTES_MAX);
    PO_TRY(cx, po_fs_read(cx, path, &pem));
    bool is_read = days_left(cx, po_buf_str(&pem), &days);
    po_json_out_object(out);
    put_bool(out, "readable", is_read);
    po_json_out_field_int(out, "days_left", days);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* What the service presents: docs/spec/daemon.md says where it stands. */
PO_RC po_assess_tls_certificates(struct po_ctx *cx, const struct po_assess_inputs *in,
                                 struct po_json_out *out)
{
    const char *dir = NULL;
    const char *path = NULL;
    PO_TRY(cx, po_path_join(cx, po_home_state_dir(in->source.home), "tls", &dir));
    PO_TRY(cx, po_path_join(cx, dir, "cert.pem", &path));
    po_json_out_object(out);
    po_json_out_key(out, "certificates");
    po_json_out_array(out);
    PO_TRY(cx, put_certificate(cx, path, out));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}
