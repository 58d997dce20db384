/*
 * The caller: a bearer token or the session's cookie, never both, never in the URL; and whether a request
 * with a cookie comes from our own pages.
 */
#include "api/api_priv.h"

#include <stdio.h>

#define SECRET_BYTES_MAX 128

/* "Bearer <token>"; the scheme's case does not matter (RFC 9110 11.1). */
static PO_RC read_bearer(struct po_ctx *cx, struct po_api_call *call, po_str field,
                         po_str *ret_token)
{
    static const char scheme[] = "bearer ";
    bool is_bearer = field.len > sizeof scheme - 1 && field.len < SECRET_BYTES_MAX;
    for (size_t i = 0; is_bearer && i < sizeof scheme - 1; i++)
        is_bearer = (field.ptr[i] | 0x20) == (scheme[i] | 0x20);
    if (!is_bearer)
        return po_api_refuse(cx, call, PO_UNAUTH, "a bearer token is taken", PO_LIT(""));
    *ret_token = po_str_slice(field, sizeof scheme - 1, field.len);
    return po_rc_ok();
}

/* The value of our cookie: ptr NULL when there is none. Other cookies are not looked at. */
static PO_RC read_cookie(struct po_ctx *cx, struct po_api_call *call, po_str *ret_value)
{
    po_str rest = call->req->fields[PO_API_FIELD_COOKIE];
    po_str pair;
    *ret_value = (po_str){NULL, 0};
    while (po_str_next_field(&rest, ';', &pair)) {
        pair = po_str_trim(pair);
        size_t equals = po_str_find_char(pair, '=', 0);
        if (!po_str_eq_cstr(po_str_slice(pair, 0, equals), PO_API_COOKIE)) continue;
        bool is_bad = equals == SIZE_MAX || ret_value->ptr != NULL || pair.len > SECRET_BYTES_MAX;
        if (is_bad)
            return po_api_refuse(cx, call, PO_INVALID, "the cookie is malformed", PO_LIT("cookie"));
        *ret_value = po_str_slice(pair, equals + 1, pair.len);
    }
    return po_rc_ok();
}

/* One text for whatever is wrong with a credential. */
static PO_RC not_known(struct po_ctx *cx, struct po_api_call *call, po_rc rc)
{
    if (rc.code != PO_UNAUTH) return rc;
    return po_api_refuse(cx, call, PO_UNAUTH, "the credential does not hold", PO_LIT(""));
}

po_rc po_api_who(struct po_ctx *cx, struct po_api_call *call)
{
    po_str authorization = call->req->fields[PO_API_FIELD_AUTHORIZATION];
    po_str cookie = {NULL, 0};
    po_str token = {NULL, 0};
    po_rc rc = po_rc_ok();
    PO_TRY(cx, read_cookie(cx, call, &cookie));
    if (authorization.ptr != NULL && cookie.ptr != NULL)
        return po_api_refuse(cx, call, PO_INVALID, "give one credential, not two",
                             PO_LIT("authorization"));
    if (authorization.ptr != NULL) {
        PO_TRY(cx, read_bearer(cx, call, authorization, &token));
        rc = po_identity_from_token(cx, call->api->home, token, &call->identity);
        call->by = PO_API_BY_TOKEN;
    } else if (cookie.ptr != NULL) {
        rc = po_identity_from_session(cx, call->api->home, cookie, &call->identity);
        call->by = PO_API_BY_SESSION;
    }
    if (!po_is_ok(rc)) {
        call->by = PO_API_BY_NOBODY;
        bool is_public = call->route->access == PO_API_PUBLIC;
        if (rc.code != PO_UNAUTH || cookie.ptr == NULL || !is_public)
            return not_known(cx, call, rc);
        /* The cookie of a session that has ended must not keep its owner from signing in again. */
        call->identity = (struct po_identity){0};
        po_err_clear(cx);
    }
    if (call->by != PO_API_BY_NOBODY) po_identity_apply(cx, &call->identity);
    return po_rc_ok();
}

/* -- same origin --------------------------------------------------------------------------------- */

/* "https://host[:port]" as the request was addressed; a proxy before us may have ended the TLS. */
static bool is_our_origin(const struct po_api_request *req, po_str origin)
{
    po_str rest = {NULL, 0};
    if (po_str_starts(origin, PO_LIT("https://")))
        rest = po_str_slice(origin, 8, origin.len);
    else if (!req->is_tls && po_str_starts(origin, PO_LIT("http://")))
        rest = po_str_slice(origin, 7, origin.len);
    po_str host = req->fields[PO_API_FIELD_HOST];
    if (host.len == 0 || !po_str_starts(rest, host)) return false;
    rest = po_str_slice(rest, host.len, rest.len);
    if (rest.len == 0) return req->port == 0 || req->port == 443 || req->port == 80;
    uint64_t port = 0;
    if (rest.ptr[0] != ':') return false;
    if (!po_is_ok(po_str_to_u64(po_str_slice(rest, 1, rest.len), UINT16_MAX, &port))) return false;
    return port == req->port;
}

po_rc po_api_same_origin(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_api_request *req = call->req;
    po_str origin = req->fields[PO_API_FIELD_ORIGIN];
    po_str site = req->fields[PO_API_FIELD_SEC_FETCH_SITE];
    bool is_safe =
        (req->method == PO_HTTP_GET || req->method == PO_HTTP_HEAD) && !req->wants_websocket;
    bool is_public = call->route->access == PO_API_PUBLIC;
    if (is_safe || call->by == PO_API_BY_TOKEN) return po_rc_ok();
    if (call->by == PO_API_BY_NOBODY && !is_public) return po_rc_ok();
    bool is_proven = origin.ptr != NULL || site.ptr != NULL;
    bool is_ours = (origin.ptr == NULL || is_our_origin(req, origin)) &&
                   (site.ptr == NULL || po_str_eq_cstr(site, "same-origin"));
    if (!is_ours || (!is_proven && call->by == PO_API_BY_SESSION))
        return po_api_refuse(cx, call, PO_DENIED, "the request does not come from our own pages",
                             PO_LIT("origin"));
    bool has_content =
        req->method == PO_HTTP_POST || req->method == PO_HTTP_PUT || req->method == PO_HTTP_PATCH;
    if (has_content && !po_api_is_json(req->fields[PO_API_FIELD_CONTENT_TYPE]))
        return po_api_refuse_as(cx, call, 415, PO_INVALID, "send application/json");
    return po_rc_ok();
}
