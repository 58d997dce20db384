/*
 * The front's arguments, and its certificate.
 */
#include "daemon/front_priv.h"

#include "core/cfg.h"
#include "core/fs.h"

#include <arpa/inet.h>
#include <stdio.h>

#define RATE_PERCENT_MAX 1000000

/* ---- addresses ------------------------------------------------------------------------------------ */

PO_RC po_front_address_read(struct po_ctx *cx, const char *text,
                            struct po_front_listener *ret_listener)
{
    po_str all = po_str_of(text);
    size_t colon = all.len;
    uint64_t port = 0;
    while (colon > 0 && all.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2) return PO_FAIL(cx, PO_USAGE, "'%s' is not ADDRESS:PORT", text);
    po_str address = po_str_slice(all, 0, colon - 1);
    bool has_brackets = po_str_starts(address, PO_LIT("[")) && po_str_ends(address, PO_LIT("]"));
    if (has_brackets) address = po_str_slice(address, 1, address.len - 1);
    bool is_long = address.len == 0 || address.len >= sizeof ret_listener->text;
    bool is_bare_v6 = !has_brackets && po_str_find_char(address, ':', 0) != SIZE_MAX;
    if (is_long || is_bare_v6 ||
        !po_is_ok(po_str_to_u64(po_str_slice(all, colon, all.len), UINT16_MAX, &port)))
        return PO_FAIL(cx, PO_USAGE, "'%s' is not ADDRESS:PORT", text);
    *ret_listener = (struct po_front_listener){.port = (uint16_t)port};
    memcpy(ret_listener->text, address.ptr, address.len);
    uint8_t bytes[16];
    if (inet_pton(has_brackets ? AF_INET6 : AF_INET, ret_listener->text, bytes) != 1)
        return PO_FAIL(cx, PO_USAGE, "'%s' is no address to listen on", text);
    return po_rc_ok();
}

bool po_front_address_is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* ---- one option ----------------------------------------------------------------------------------- */

static PO_RC add_listener(struct po_ctx *cx, struct po_front_options *options,
                          const struct po_front_listener *listener)
{
    if (options->listener_count == PO_FRONT_LISTENERS_MAX)
        return PO_FAIL(cx, PO_USAGE, "more than %d listeners", PO_FRONT_LISTENERS_MAX);
    options->listeners[options->listener_count++] = *listener;
    return po_rc_ok();
}

static PO_RC read_listen(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    struct po_front_listener listener;
    PO_TRY(cx, po_front_address_read(cx, value, &listener));
    listener.is_tls = true;
    return add_listener(cx, options, &listener);
}

/* Without TLS only where nobody can listen in: this machine. */
static PO_RC read_plain(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    struct po_front_listener listener = {.is_unix = true};
    if (value[0] == '/') {
        if (strlen(value) >= sizeof listener.text)
            return PO_FAIL(cx, PO_USAGE, "the path of a socket is too long");
        memcpy(listener.text, value, strlen(value) + 1);
        return add_listener(cx, options, &listener);
    }
    PO_TRY(cx, po_front_address_read(cx, value, &listener));
    if (!po_front_address_is_loopback(listener.text))
        return PO_FAIL(cx, PO_USAGE, "'%s' would be reached without TLS: only loopback may", value);
    return add_listener(cx, options, &listener);
}

static PO_RC read_management(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    struct po_front_listener listener;
    options->has_management = true;
    if (strcmp(value, "none") == 0) return po_rc_ok();
    PO_TRY(cx, po_front_address_read(cx, value, &listener));
    if (!po_front_address_is_loopback(listener.text))
        return PO_FAIL(cx, PO_USAGE, "'%s': probes and metrics are for loopback only", value);
    listener.tag = PO_FRONT_MANAGEMENT;
    return add_listener(cx, options, &listener);
}

static PO_RC read_rate(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    po_rc rc = po_str_to_u64(po_str_of(value), RATE_PERCENT_MAX, &options->rate_percent);
    if (!po_is_ok(rc) || options->rate_percent == 0)
        return PO_FAIL(cx, PO_USAGE, "'%s' is no share of the rates", value);
    return po_rc_ok();
}

static PO_RC read_proxy(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    uint8_t bytes[16];
    int family = inet_pton(AF_INET6, value, bytes) == 1 ? AF_INET6 : AF_INET;
    bool is_unix = strcmp(value, "unix") == 0;
    if (!is_unix && family == AF_INET && inet_pton(AF_INET, value, bytes) != 1)
        return PO_FAIL(cx, PO_USAGE, "'%s' is no address of a proxy", value);
    if (options->proxy_count == PO_FRONT_PROXIES_MAX)
        return PO_FAIL(cx, PO_USAGE, "more than %d proxies", PO_FRONT_PROXIES_MAX);
    char *text = options->proxies[options->proxy_count++];
    if (is_unix)
        memcpy(text, value, sizeof "unix");
    else
        (void)inet_ntop(family, bytes, text, PO_FRONT_PROXY_BYTES_MAX);
    return po_rc_ok();
}

static PO_RC read_name(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    if (options->name_count == PO_FRONT_NAMES_MAX)
        return PO_FAIL(cx, PO_USAGE, "more than %d names", PO_FRONT_NAMES_MAX);
    options->names[options->name_count++] = po_str_of(value);
    return po_rc_ok();
}

static PO_RC read_home(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    (void)cx;
    options->home = value;
    return po_rc_ok();
}

static PO_RC read_state(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    (void)cx;
    options->state = value;
    return po_rc_ok();
}

static PO_RC read_cert(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    (void)cx;
    options->tls.cert_path = value;
    return po_rc_ok();
}

static PO_RC read_key(struct po_ctx *cx, struct po_front_options *options, const char *value)
{
    (void)cx;
    options->tls.key_path = value;
    return po_rc_ok();
}

static const struct {
    const char *name;
    po_rc (*read)(struct po_ctx *cx, struct po_front_options *options, const char *value);
} OPTIONS[] = {
    {"--listen", read_listen},     {"--plain", read_plain}, {"--management", read_management},
    {"--home", read_home},         {"--state", read_state}, {"--cert", read_cert},
    {"--key", read_key},           {"--name", read_name},   {"--trusted-proxy", read_proxy},
    {"--rate-percent", read_rate},
};

/* "--name=value" */
static PO_RC read_one(struct po_ctx *cx, struct po_front_options *options, const char *argument)
{
    po_str text = po_str_of(argument);
    size_t equals = po_str_find_char(text, '=', 0);
    if (equals == SIZE_MAX) return PO_FAIL(cx, PO_USAGE, "'%s' needs a value", argument);
    po_str name = po_str_slice(text, 0, equals);
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if (po_str_eq_cstr(name, OPTIONS[i].name))
            return OPTIONS[i].read(cx, options, argument + equals + 1);
    return PO_FAIL(cx, PO_USAGE, "the front has no option '%s'", argument);
}

static PO_RC add_defaults(struct po_ctx *cx, struct po_front_options *options)
{
    char address[PO_FRONT_ADDRESS_BYTES_MAX];
    bool has_public = false;
    for (size_t i = 0; i < options->listener_count; i++)
        has_public |= options->listeners[i].tag == PO_FRONT_PUBLIC;
    if (!has_public) {
        (void)snprintf(address, sizeof address, "127.0.0.1:%d", PO_FRONT_PORT);
        PO_TRY(cx, read_listen(cx, options, address));
    }
    if (!options->has_management) {
        (void)snprintf(address, sizeof address, "127.0.0.1:%d", PO_FRONT_MANAGEMENT_PORT);
        PO_TRY(cx, read_management(cx, options, address));
    }
    if ((options->tls.cert_path == NULL) != (options->tls.key_path == NULL))
        return PO_FAIL(cx, PO_USAGE, "a certificate needs its key");
    return po_rc_ok();
}

PO_RC po_front_options_read(struct po_ctx *cx, int argc, char **argv,
                            struct po_front_options *ret_options)
{
    struct po_front_options options = {.rate_percent = 100};
    for (int i = 0; i < argc; i++)
        PO_TRY(cx, read_one(cx, &options, argv[i]));
    PO_TRY(cx, add_defaults(cx, &options));
    *ret_options = options;
    return po_rc_ok();
}

/* ---- the certificate ------------------------------------------------------------------------------ */

PO_RC po_front_state_dir(struct po_ctx *cx, const char *home, const char **ret_dir)
{
    PO_BUF_AUTO text = {0};
    const char *path = NULL;
    const char *base = po_env("XDG_STATE_HOME");
    const char *user_home = po_env("HOME");
    po_buf_init(&text, 128);
    PO_TRY(cx, po_path_join(cx, home, "data/instance", &path));
    PO_TRY(cx, po_fs_read(cx, path, &text));
    po_str name = po_str_trim(po_buf_str(&text));
    if (!po_path_is_name(name)) return PO_FAIL(cx, PO_CORRUPT, "'%s' names no instance", path);
    if (base != NULL && base[0] == '/')
        *ret_dir = po_arena_printf(cx->arena, "%s/paulyops/%.*s", base, PO_STR_ARG(name));
    else if (user_home != NULL && user_home[0] == '/')
        *ret_dir = po_arena_printf(cx->arena, "%s/.local/state/paulyops/%.*s", user_home,
                                   PO_STR_ARG(name));
    else
        return PO_FAIL(cx, PO_CONFIG, "no place for keys: set HOME or XDG_STATE_HOME");
    if (*ret_dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

PO_RC po_front_certificate(struct po_ctx *cx, const char *dir,
                           const struct po_http_cert_names *names, struct po_http_tls *ret_tls,
                           char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES])
{
    const char *tls_dir = NULL;
    struct po_http_tls tls = {0};
    struct po_fs_info cert;
    struct po_fs_info key;
    PO_TRY(cx, po_path_join(cx, dir, "tls", &tls_dir));
    PO_TRY(cx, po_path_join(cx, tls_dir, "cert.pem", &tls.cert_path));
    PO_TRY(cx, po_path_join(cx, tls_dir, "key.pem", &tls.key_path));
    PO_TRY(cx, po_fs_mkdir_all(cx, tls_dir, 0700));
    PO_TRY(cx, po_fs_info(cx, tls.cert_path, &cert));
    PO_TRY(cx, po_fs_info(cx, tls.key_path, &key));
    if (cert.exists != key.exists)
        return PO_FAIL(cx, PO_INVALID, "one of 'cert.pem' and 'key.pem' is missing in '%s'",
                       tls_dir);
    if (cert.exists)
        PO_TRY(cx, po_http_cert_fingerprint(cx, tls.cert_path, ret_fingerprint));
    else
        PO_TRY(cx, po_http_cert_create(cx, &tls, names, ret_fingerprint));
    *ret_tls = tls;
    return po_rc_ok();
}
