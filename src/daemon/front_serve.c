/*
 * A request at the front: whose it is, what it may cost, where it goes.
 *
 *   management listener ──────────────────────────> probes, metrics
 *   rate of the address ─> credentials in the address ─> page of ours
 *                                                     └> /api: core
 *
 * Nothing here grants anything: core knows the caller by the credential alone.
 */
#include "daemon/front_priv.h"

#include <arpa/inet.h>
#include <stdio.h>

/* ---- classes -------------------------------------------------------------------------------------- */

static bool is_below(po_str path, po_str dir)
{
    return po_str_starts(path, dir) && (path.len == dir.len || path.ptr[dir.len] == '/');
}

enum po_front_class po_front_class_of(enum po_http_method method, po_str path)
{
    bool is_read = method == PO_HTTP_GET || method == PO_HTTP_HEAD || method == PO_HTTP_OPTIONS;
    if (!is_below(path, PO_LIT("/api"))) return PO_FRONT_CLASS_PAGE;
    if (is_below(path, PO_LIT("/api/v1/stream"))) return PO_FRONT_CLASS_STREAM;
    if (is_read) return PO_FRONT_CLASS_READ;
    return is_below(path, PO_LIT("/api/v1/auth")) ? PO_FRONT_CLASS_AUTH : PO_FRONT_CLASS_WRITE;
}

void po_front_admit(void *user, const struct po_http_request *req, struct po_http_admission *ret)
{
    (void)user;
    bool is_api = is_below(req->path, PO_LIT("/api"));
    bool is_small = !is_api || req->listener == PO_FRONT_MANAGEMENT ||
                    is_below(req->path, PO_LIT("/api/v1/auth"));
    ret->body_bytes_max = is_small ? PO_FRONT_AUTH_BODY_BYTES_MAX : PO_FRONT_BODY_BYTES_MAX;
}

/* ---- credentials where they do not belong --------------------------------------------------------- */

/* Addresses end up in logs, histories and referrers. */
static const char *const SECRET_NAMES[] = {
    "token",         "access_token", "refresh_token", "id_token",   "api_token", "bearer",
    "authorization", "auth",         "api_key",       "apikey",     "api-key",   "secret",
    "client_secret", "password",     "passwd",        "pwd",        "session",   "session_id",
    "sessionid",     "sid",          "cookie",        "jwt",        "ticket",    "otp",
    "totp",          "csrf",         "csrf_token",    "credential", "passcode",  "recovery_code",
};

static bool is_secret_name(po_str name)
{
    char lower[32];
    if (name.len >= sizeof lower) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    for (size_t i = 0; i < sizeof SECRET_NAMES / sizeof *SECRET_NAMES; i++)
        if (po_str_eq_cstr(po_str_n(lower, name.len), SECRET_NAMES[i])) return true;
    return false;
}

bool po_front_query_has_secret(struct po_ctx *cx, po_str query)
{
    po_str rest = query;
    struct po_http_field pair = {0};
    po_rc rc = po_rc_ok();
    while (po_http_query_next(cx, &rest, &pair, &rc) && po_is_ok(rc)) {
        bool holds_token = po_str_find(pair.name, PO_LIT("pot_"), 0) != SIZE_MAX ||
                           po_str_find(pair.value, PO_LIT("pot_"), 0) != SIZE_MAX;
        if (holds_token || is_secret_name(pair.name)) return true;
    }
    return !po_is_ok(rc);
}

/* ---- who asks ------------------------------------------------------------------------------------- */

bool po_front_is_trusted(const struct po_front_options *options, po_str address)
{
    for (size_t i = 0; i < options->proxy_count; i++)
        if (po_str_eq_cstr(address, options->proxies[i])) return true;
    return false;
}

/* In its one spelling: two of one address would be two clients. */
static bool is_address(po_str text)
{
    char copy[PO_FRONT_PROXY_BYTES_MAX] = {0};
    char spelled[PO_FRONT_PROXY_BYTES_MAX] = {0};
    uint8_t bytes[16];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    int family = inet_pton(AF_INET6, copy, bytes) == 1 ? AF_INET6 : AF_INET;
    if (family == AF_INET && inet_pton(AF_INET, copy, bytes) != 1) return false;
    return inet_ntop(family, bytes, spelled, sizeof spelled) != NULL &&
           po_str_eq_cstr(text, spelled);
}

bool po_front_client_of(const struct po_front_options *options, po_str peer, po_str forwarded,
                        po_str *ret_client)
{
    *ret_client = peer;
    while (forwarded.len > 0 && po_front_is_trusted(options, *ret_client)) {
        size_t comma = forwarded.len;
        while (comma > 0 && forwarded.ptr[comma - 1] != ',')
            comma--;
        po_str last = po_str_trim(po_str_slice(forwarded, comma, forwarded.len));
        if (!is_address(last)) return false;
        *ret_client = last;
        forwarded = po_str_slice(forwarded, 0, comma > 0 ? comma - 1 : 0);
    }
    return true;
}

/* ---- answers of our own --------------------------------------------------------------------------- */

#define PAGE_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#define DATA_POLICY "default-src 'none'; frame-ancestors 'none'"

static void set_missing(struct po_http_response *res, enum po_http_name name, po_str value,
                        uint64_t mask)
{
    if ((mask & (uint64_t)1 << name) == 0) po_http_set(res, name, value);
}

void po_front_secure(struct po_http_response *res, bool is_tls, uint64_t mask)
{
    set_missing(res, PO_HTTP_CONTENT_SECURITY_POLICY, PO_LIT(DATA_POLICY), mask);
    set_missing(res, PO_HTTP_X_CONTENT_TYPE_OPTIONS, PO_LIT("nosniff"), mask);
    set_missing(res, PO_HTTP_X_FRAME_OPTIONS, PO_LIT("DENY"), mask);
    set_missing(res, PO_HTTP_REFERRER_POLICY, PO_LIT("no-referrer"), mask);
    set_missing(res, PO_HTTP_CROSS_ORIGIN_OPENER_POLICY, PO_LIT("same-origin"), mask);
    set_missing(res, PO_HTTP_CROSS_ORIGIN_RESOURCE_POLICY, PO_LIT("same-origin"), mask);
    set_missing(res, PO_HTTP_PERMISSIONS_POLICY,
                PO_LIT("camera=(), geolocation=(), microphone=(), payment=(), usb=()"), mask);
    set_missing(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"), mask);
    if (is_tls)
        set_missing(res, PO_HTTP_STRICT_TRANSPORT_SECURITY, PO_LIT("max-age=31536000"), mask);
}

void po_front_refuse(struct po_front *front, struct po_http_response *res,
                     const struct po_front_refusal *refusal)
{
    po_http_problem(res, refusal->status, refusal->title);
    /* A problem document says no-store by itself. */
    po_front_secure(res, refusal->is_tls, PO_FRONT_HAS(CACHE_CONTROL));
    if (refusal->retry_after_s > 0) {
        char seconds[12];
        (void)snprintf(seconds, sizeof seconds, "%u", refusal->retry_after_s);
        po_http_set(res, PO_HTTP_RETRY_AFTER, po_str_of(seconds));
    }
    po_metrics_request(&front->metrics, refusal->class, refusal->status, 0);
}

static void serve_page(struct po_front *front, const struct po_page *page,
                       const struct po_http_request *req, struct po_http_response *res)
{
    uint64_t mask = PO_FRONT_HAS(CACHE_CONTROL);
    po_pages_respond(page, req, res);
    if (page->is_document) {
        po_http_set(res, PO_HTTP_CONTENT_SECURITY_POLICY, PO_LIT(PAGE_POLICY));
        mask |= PO_FRONT_HAS(CONTENT_SECURITY_POLICY);
    }
    po_front_secure(res, req->is_tls, mask);
    po_metrics_request(&front->metrics, PO_FRONT_CLASS_PAGE, po_http_status_get(res), 0);
}

/* ---- the order of things -------------------------------------------------------------------------- */

/* Whether the request goes on; if not, `refusal` says why. */
static bool is_let_in(struct po_ctx *cx, struct po_front *front, const struct po_http_request *req,
                      struct po_front_refusal *refusal)
{
    po_str client = req->peer;
    po_str forwarded = {0};
    po_rc rc = po_http_field_get(req, PO_LIT("x-forwarded-for"), &forwarded);
    bool is_believed = po_front_is_trusted(&front->options, req->peer);
    bool is_clear = rc.code == PO_NOTFOUND || po_is_ok(rc);
    if (is_believed &&
        (!is_clear || !po_front_client_of(&front->options, req->peer, forwarded, &client))) {
        refusal->status = 400;
        return false;
    }
    refusal->retry_after_s =
        po_front_rate_take(&front->rates, client, refusal->class, po_front_now_us(cx));
    if (refusal->retry_after_s > 0) {
        refusal->status = 429;
        return false;
    }
    if (po_front_query_has_secret(cx, req->query)) {
        front->metrics.query_secrets++;
        refusal->status = 400;
        refusal->title = "Credentials do not belong in an address";
        return false;
    }
    return true;
}

static void serve(struct po_ctx *cx, struct po_front *front, const struct po_http_request *req,
                  struct po_http_response *res)
{
    struct po_front_refusal refusal = {.class = po_front_class_of(req->method, req->path),
                                       .is_tls = req->is_tls};
    const struct po_page *page = po_pages_find(&front->pages, req->path);
    if (refusal.class == PO_FRONT_CLASS_PAGE && page == NULL) refusal.class = PO_FRONT_CLASS_OTHER;
    if (!is_let_in(cx, front, req, &refusal)) {
        po_front_refuse(front, res, &refusal);
    } else if (page != NULL) {
        serve_page(front, page, req, res);
    } else if (is_below(req->path, PO_LIT("/api"))) {
        po_front_forward(cx, front, req, res);
    } else {
        refusal.status = 404;
        po_front_refuse(front, res, &refusal);
    }
}

void po_front_handle(struct po_ctx *cx, void *user, const struct po_http_request *req,
                     struct po_http_response *res)
{
    struct po_front *front = user;
    PO_CTX_AUTO own = {0};
    struct po_front_refusal refusal = {.status = 503, .class = PO_FRONT_CLASS_OTHER};
    if (req->listener == PO_FRONT_MANAGEMENT) {
        po_front_manage(cx, front, req, res);
    } else if (po_is_ok(po_ctx_child_begin(cx, 64 << 10, &own))) {
        serve(&own, front, req, res);
    } else {
        po_front_refuse(front, res, &refusal);
    }
    po_err_clear(cx);
}
