/*
 * Self-signed certificates, and fingerprints.
 *
 * Source: docs/spec/http.md 7
 */
#include "http/http.h"

#include "core/fs.h"
#include "core/random.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define NAMES_MAX 16
#define DAYS 397
#define SERIAL_BYTES 20

static void key_freep(EVP_PKEY **key) { EVP_PKEY_free(*key); }
static void cert_freep(X509 **cert) { X509_free(*cert); }
static void bio_freep(BIO **bio) { BIO_free_all(*bio); }
static void ext_freep(X509_EXTENSION **ext) { X509_EXTENSION_free(*ext); }

static PO_RC refused(struct po_ctx *cx, const char *what)
{
    ERR_clear_error();
    return PO_FAIL(cx, PO_CRYPTO, "OpenSSL refused: %s", what);
}

static bool is_address(po_str name)
{
    char text[64];
    uint8_t raw[16];
    if (name.len >= sizeof text) return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

static bool is_host_name(po_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       ((c == '-' || c == '.') && i > 0);
        if (!is_good) return false;
    }
    return name.len > 0 && name.len <= 63;
}

/* "DNS:a,IP:192.0.2.1"; the names have been checked, so that none can add another. */
static PO_RC alt_names(struct po_ctx *cx, const struct po_http_cert_names *names,
                       struct po_buf *out)
{
    if (names->count == 0 || names->count > NAMES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a certificate has 1 to %d names", NAMES_MAX);
    for (size_t i = 0; i < names->count; i++) {
        po_str name = names->names[i];
        bool is_ip = is_address(name);
        if (!is_ip && !is_host_name(name))
            return PO_FAIL(cx, PO_INVALID, "'%.*s' is no name for a certificate", PO_STR_ARG(name));
        po_buf_printf(out, "%s%s:%.*s", i == 0 ? "" : ",", is_ip ? "IP" : "DNS", PO_STR_ARG(name));
    }
    PO_TRY_LEAF(cx, po_buf_check(out), "no memory for the names");
    return po_rc_ok();
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    PO_CLEANUP(ext_freep)
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    return extension != NULL && X509_add_ext(cert, extension, -1) == 1;
}

static PO_RC set_serial(struct po_ctx *cx, X509 *cert)
{
    uint8_t serial[SERIAL_BYTES];
    PO_TRY_LEAF(cx, po_random_fill(serial, sizeof serial), "no randomness");
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, 159 bits, never short */
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool is_set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return is_set ? po_rc_ok() : refused(cx, "serial number");
}

static PO_RC fill(struct po_ctx *cx, X509 *cert, EVP_PKEY *key,
                  const struct po_http_cert_names *names)
{
    PO_BUF_AUTO alt = {0};
    po_buf_init(&alt, 4096);
    PO_TRY(cx, alt_names(cx, names, &alt));
    PO_TRY(cx, set_serial(cx, cert));
    time_t now = (time_t)(po_ctx_now_us(cx) / PO_US_PER_S);
    X509_NAME *subject = X509_get_subject_name(cert);
    po_str first = names->names[0];
    bool is_good =
        X509_set_version(cert, X509_VERSION_3) == 1 &&
        ASN1_TIME_adj(X509_getm_notBefore(cert), now, 0, -3600) != NULL &&
        ASN1_TIME_adj(X509_getm_notAfter(cert), now, DAYS, 0) != NULL &&
        X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                   (const unsigned char *)first.ptr, (int)first.len, -1, 0) == 1 &&
        X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
        add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, NID_ext_key_usage, "serverAuth") &&
        add_extension(cert, NID_subject_key_identifier, "hash") &&
        add_extension(cert, NID_subject_alt_name, alt.ptr) &&
        X509_sign(cert, key, EVP_sha256()) > 0;
    return is_good ? po_rc_ok() : refused(cx, "certificate");
}

/* ---- fingerprint ----------------------------------------------------------------------------------- */

static PO_RC fingerprint_of(struct po_ctx *cx, const X509 *cert,
                            char ret_text[static PO_HTTP_FINGERPRINT_BYTES])
{
    static const char hex[] = "0123456789ABCDEF";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1 || len != 32)
        return refused(cx, "digest of a certificate");
    for (size_t i = 0; i < 32; i++) {
        ret_text[3 * i] = hex[digest[i] >> 4];
        ret_text[3 * i + 1] = hex[digest[i] & 15];
        ret_text[3 * i + 2] = i == 31 ? '\0' : ':';
    }
    return po_rc_ok();
}

PO_RC po_http_cert_fingerprint(struct po_ctx *cx, const char *cert_path,
                               char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    PO_BUF_AUTO pem = {0};
    po_buf_init(&pem, PO_HTTP_PEM_BYTES_MAX);
    PO_TRY(cx, po_fs_read(cx, cert_path, &pem));
    PO_CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL) return refused(cx, "memory");
    PO_CLEANUP(cert_freep) X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (cert == NULL) {
        ERR_clear_error();
        return PO_FAIL(cx, PO_INVALID, "'%s' is no certificate in PEM", cert_path);
    }
    return fingerprint_of(cx, cert, ret_fingerprint);
}

/* ---- files ----------------------------------------------------------------------------------------- */

static PO_RC write_key(struct po_ctx *cx, EVP_PKEY *key, const char *path)
{
    /* Memory of the secure kind is wiped when it is freed. */
    PO_CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return refused(cx, "key");
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0) return refused(cx, "key");
    return po_fs_write_new(cx, path, po_str_n(text, (size_t)len), 0600);
}

static PO_RC write_cert(struct po_ctx *cx, X509 *cert, const char *path)
{
    PO_CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1) return refused(cx, "certificate");
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0) return refused(cx, "certificate");
    return po_fs_write_new(cx, path, po_str_n(text, (size_t)len), 0640);
}

PO_RC po_http_cert_create(struct po_ctx *cx, const struct po_http_tls *where,
                          const struct po_http_cert_names *names,
                          char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    struct po_fs_info info = {0};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    PO_TRY(cx, po_fs_info(cx, where->cert_path, &info));
    if (info.exists) return PO_FAIL(cx, PO_EXISTS, "'%s' is there already", where->cert_path);
    PO_CLEANUP(key_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
    PO_CLEANUP(cert_freep) X509 *cert = X509_new();
    if (key == NULL || cert == NULL) return refused(cx, "key");
    PO_TRY(cx, fill(cx, cert, key, names));
    PO_TRY(cx, fingerprint_of(cx, cert, fingerprint));
    PO_TRY(cx, write_key(cx, key, where->key_path));
    po_rc rc = write_cert(cx, cert, where->cert_path);
    if (!po_is_ok(rc)) {
        /* One without the other would be in the way of the next attempt. */
        struct po_err why = cx->err;
        if (rc.code != PO_EXISTS)
            po_ignore(po_fs_unlink(cx, where->cert_path), "it may not be there");
        po_ignore(po_fs_unlink(cx, where->key_path), "the first failure is what matters");
        cx->err = why;
        return rc;
    }
    memcpy(ret_fingerprint, fingerprint, sizeof fingerprint);
    return po_rc_ok();
}
