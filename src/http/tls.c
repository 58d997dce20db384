/*
 * TLS over OpenSSL, its bytes moved by core/sys_net.
 *
 * Source: docs/spec/http.md 7
 */
#include "http/server_priv.h"

#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#define TLS12_SUITES                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* ---- the socket, as OpenSSL sees it -------------------------------------------------------------- */

static int fd_of(BIO *bio) { return (int)(intptr_t)BIO_get_data(bio); }

static int bio_read(BIO *bio, char *buf, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t got = po_sys_recv(fd_of(bio), buf, (size_t)len);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
    return (int)got;
}

static int bio_write(BIO *bio, const char *buf, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t sent = po_sys_send(fd_of(bio), buf, (size_t)len);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
    return (int)sent;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *new_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "po_sys_net");
    if (method == NULL) return NULL;
    if (BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_write(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_ctrl) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

PO_RC po_http_tls_attach(struct po_ctx *cx, struct po_http_server *server,
                         struct po_http_conn *conn)
{
    if (server->tls == NULL) return PO_FAIL(cx, PO_INVALID, "no certificate has been loaded");
    conn->ssl = SSL_new(server->tls);
    BIO *bio = conn->ssl == NULL ? NULL : BIO_new(server->bio);
    if (bio == NULL) {
        ERR_clear_error();
        return PO_FAIL(cx, PO_NOMEM, "no memory for a TLS connection");
    }
    BIO_set_data(bio, (void *)(intptr_t)conn->fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(conn->ssl, bio, bio);
    SSL_set_accept_state(conn->ssl);
    return po_rc_ok();
}

/* What a call that did not succeed means: -1 later, 0 the end, -2 broken. */
static ssize_t why_not(struct po_http_conn *conn, int result)
{
    int why = SSL_get_error(conn->ssl, result);
    conn->wants_write = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -1;
    ERR_clear_error();
    return why == SSL_ERROR_ZERO_RETURN ? 0 : -2;
}

enum po_http_turn po_http_tls_handshake(struct po_http_server *server, struct po_http_conn *conn)
{
    ERR_clear_error();
    int result = SSL_do_handshake(conn->ssl);
    if (result != 1) {
        if (why_not(conn, result) == -1) {
            conn->is_readable = false;
            return PO_HTTP_WAIT;
        }
        server->stats.handshakes_failed++;
        return PO_HTTP_END;
    }
    conn->wants_write = false;
    conn->is_readable = true; /* the first request may be in OpenSSL's buffer */
    po_http_conn_phase(server, conn, PO_HTTP_PHASE_HEAD, server->limits.head_ms);
    return PO_HTTP_GO;
}

ssize_t po_http_tls_recv(struct po_http_conn *conn, char *buf, size_t len)
{
    size_t got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(conn->ssl, buf, len, &got);
    if (result != 1) return why_not(conn, result);
    conn->wants_write = false;
    conn->is_readable = SSL_has_pending(conn->ssl) == 1;
    return (ssize_t)got;
}

ssize_t po_http_tls_send(struct po_http_conn *conn, po_str bytes)
{
    size_t sent = 0;
    ERR_clear_error();
    int result = SSL_write_ex(conn->ssl, bytes.ptr, bytes.len, &sent);
    if (result == 1) return (ssize_t)sent;
    ssize_t why = why_not(conn, result);
    return why == 0 ? -2 : why;
}

void po_http_tls_end(struct po_http_conn *conn)
{
    ERR_clear_error();
    if (SSL_is_init_finished(conn->ssl)) (void)SSL_shutdown(conn->ssl);
    ERR_clear_error();
}

/* ---- certificate and settings -------------------------------------------------------------------- */

/* rule: six parameters, because the type is OpenSSL's */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *user)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)user;
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (in[at] != ours[0] || in_len - at < sizeof ours - 1) continue;
        if (memcmp(in + at, ours, sizeof ours - 1) != 0) continue;
        *out = ours + 1;
        *out_len = ours[0];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void ctx_freep(SSL_CTX **ctx) { SSL_CTX_free(*ctx); }

static bool configure(SSL_CTX *ctx, bool allows_tls12)
{
    uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF;
    char groups[] = "X25519:P-256:P-384"; /* not const: the macro casts */
    (void)SSL_CTX_set_options(ctx, options);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ctx, allows_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) ==
               1 &&
           SSL_CTX_set_cipher_list(ctx, TLS12_SUITES) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set1_groups_list(ctx, groups) == 1;
}

/*
 * OpenSSL opens the files itself: a FIFO would hold the whole front up, and a chain of thousands every
 * handshake. Certificates are often links to what was issued last: the file at their end counts.
 */
static PO_RC check_file(struct po_ctx *cx, const char *what, const char *path,
                        struct stat *ret_stat)
{
    if (po_sys_stat(path, ret_stat) != 0) {
        if (errno == ENOENT) return PO_FAIL(cx, PO_NOTFOUND, "there is no %s '%s'", what, path);
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "the %s '%s'", what, path);
    }
    if (!S_ISREG(ret_stat->st_mode))
        return PO_FAIL(cx, PO_INVALID, "the %s '%s' is no file", what, path);
    if (ret_stat->st_size > PO_HTTP_PEM_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the %s '%s' has more than %d bytes", what, path,
                       PO_HTTP_PEM_BYTES_MAX);
    return po_rc_ok();
}

/* The key must be a file that nobody else can read. */
static PO_RC check_files(struct po_ctx *cx, const struct po_http_tls *tls)
{
    struct stat st = {0};
    PO_TRY(cx, check_file(cx, "certificate", tls->cert_path, &st));
    PO_TRY(cx, check_file(cx, "key", tls->key_path, &st));
    if ((st.st_mode & 077) != 0)
        return PO_FAIL(cx, PO_DENIED, "others may read the key '%s'", tls->key_path);
    return po_rc_ok();
}

static PO_RC fail_of(struct po_ctx *cx, enum po_code code, const char *what, const char *path)
{
    ERR_clear_error();
    return PO_FAIL(cx, code, "%s '%s'", what, path);
}

static PO_RC load(struct po_ctx *cx, SSL_CTX *ctx, const struct po_http_tls *tls)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_path) != 1)
        return fail_of(cx, PO_INVALID, "not a certificate in PEM:", tls->cert_path);
    if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_path, SSL_FILETYPE_PEM) != 1)
        return fail_of(cx, PO_INVALID, "not the certificate's key in PEM:", tls->key_path);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail_of(cx, PO_INVALID,
                       "key and certificate do not belong together:", tls->key_path);
    time_t now = (time_t)(po_ctx_now_us(cx) / PO_US_PER_S);
    if (X509_cmp_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)), &now) <= 0)
        return fail_of(cx, PO_EXPIRED, "the certificate has expired:", tls->cert_path);
    return po_rc_ok();
}

PO_RC po_http_tls_load(struct po_ctx *cx, struct po_http_server *server,
                       const struct po_http_tls *tls,
                       char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    PO_CLEANUP(ctx_freep) SSL_CTX *ctx = NULL;
    PO_TRY(cx, check_files(cx, tls));
    if (server->bio == NULL) server->bio = new_bio_method();
    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || server->bio == NULL || !configure(ctx, tls->allows_tls12))
        return fail_of(cx, PO_CRYPTO, "TLS cannot be set up for", tls->cert_path);
    PO_TRY(cx, load(cx, ctx, tls));
    PO_TRY(cx, po_http_cert_fingerprint(cx, tls->cert_path, fingerprint));
    SSL_CTX_free(server->tls);
    server->tls = PO_TAKE(ctx);
    memcpy(ret_fingerprint, fingerprint, sizeof fingerprint);
    return po_rc_ok();
}
