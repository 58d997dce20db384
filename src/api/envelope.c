/*
 * What a front may send at all. A front that was taken over must not get further than a client could:
 * its frames are checked as if a client had written them.
 */
#include "api/api_priv.h"
#include "core/codec.h"

#include <arpa/inet.h>
#include <stdio.h>

bool po_api_owns(po_str path)
{
    return po_str_eq(path, PO_LIT("/api")) || po_str_starts(path, PO_LIT("/api/"));
}

/* Field values as docs/spec/http.md 2 lets them pass. */
static bool is_field_value(po_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c != '\t' && (c < 0x20U || c == 0x7fU)) return false;
    }
    return true;
}

/* "/a/b": UTF-8 without control bytes, no empty segment, no "." or "..", no backslash. */
static bool is_path(po_str path)
{
    if (path.len == 0 || path.ptr[0] != '/' || path.len > PO_API_PATH_BYTES_MAX) return false;
    if (po_utf8_find_invalid(path) != SIZE_MAX || !is_field_value(path)) return false;
    if (po_str_find_char(path, '\\', 0) != SIZE_MAX || po_str_find_char(path, '\t', 0) != SIZE_MAX)
        return false;
    po_str rest = po_str_slice(path, 1, path.len);
    po_str segment;
    while (po_str_next_field(&rest, '/', &segment))
        if (segment.len == 0 || po_str_eq_cstr(segment, ".") || po_str_eq_cstr(segment, ".."))
            return path.len == 1;
    return true;
}

static bool is_query(po_str query)
{
    if (query.len > PO_API_QUERY_BYTES_MAX) return false;
    for (size_t i = 0; i < query.len; i++)
        if ((uint8_t)query.ptr[i] <= 0x20U || (uint8_t)query.ptr[i] >= 0x7fU) return false;
    return true;
}

/* An address in its one spelling, or "unix". */
static bool is_peer(po_str peer)
{
    char text[PO_IP_BYTES_MAX];
    char again[PO_IP_BYTES_MAX];
    uint8_t address[16];
    if (po_str_eq(peer, PO_LIT("unix"))) return true;
    if (peer.len == 0 || peer.len >= sizeof text) return false;
    if (po_str_find_char(peer, '\0', 0) != SIZE_MAX) return false;
    memcpy(text, peer.ptr, peer.len);
    text[peer.len] = '\0';
    int family = po_str_find_char(peer, ':', 0) == SIZE_MAX ? AF_INET : AF_INET6;
    if (inet_pton(family, text, address) != 1) return false;
    if (inet_ntop(family, address, again, sizeof again) == NULL) return false;
    return strcmp(text, again) == 0;
}

static bool is_host(po_str host)
{
    if (host.len > 255) return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && strchr(".-_[]:", c) == NULL) return false;
    }
    return true;
}

po_rc po_api_envelope_check(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_api_request *req = call->req;
    const po_str nothing = {"", 0};
    if (!is_peer(req->peer))
        return po_api_refuse(cx, call, PO_INVALID, "the request is malformed", nothing);
    (void)snprintf(cx->ip, sizeof cx->ip, "%.*s", PO_STR_ARG(req->peer));
    if (req->listener != PO_API_LISTENER_PUBLIC)
        return po_api_refuse(cx, call, PO_NOTFOUND, "not on this listener", nothing);
    if ((unsigned)req->method >= PO_HTTP_METHOD_COUNT)
        return po_api_refuse(cx, call, PO_INVALID, "the method is not known", nothing);
    if (!is_path(req->path) || !is_query(req->query))
        return po_api_refuse(cx, call, PO_INVALID, "the URL is malformed", nothing);
    for (size_t i = 0; i < PO_API_FIELD_COUNT; i++)
        if (req->fields[i].len > PO_API_FIELD_BYTES_MAX || !is_field_value(req->fields[i]))
            return po_api_refuse(cx, call, PO_INVALID, "a header field is malformed",
                                 po_str_of(po_api_field_name((enum po_api_field)i)));
    if (!is_host(req->fields[PO_API_FIELD_HOST]))
        return po_api_refuse(cx, call, PO_INVALID, "a header field is malformed", PO_LIT("host"));
    if (req->body.len > PO_API_BODY_BYTES_MAX)
        return po_api_refuse(cx, call, PO_LIMIT, "the body is too large", nothing);
    return po_rc_ok();
}

/* Names under which clients put credentials into URLs, where logs and histories keep them. */
static const char *const secret_names[] = {
    "access_token", "api_key",     "apikey",   "auth",   "authorization", "bearer", "code",
    "cookie",       "credentials", "password", "secret", "session_token", "ticket", "token"};

static bool is_secret_name(po_str name)
{
    for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++)
        if (po_str_eq_cstr(name, secret_names[i])) return true;
    return false;
}

bool po_api_url_has_secret(const struct po_api_request *req)
{
    if (po_str_find(req->path, PO_LIT("pot_"), 0) != SIZE_MAX) return true;
    if (po_str_find(req->query, PO_LIT("pot_"), 0) != SIZE_MAX) return true;
    if (po_str_find(req->query, PO_LIT("pot%5f"), 0) != SIZE_MAX) return true;
    if (po_str_find(req->query, PO_LIT("pot%5F"), 0) != SIZE_MAX) return true;
    po_str rest = req->query;
    po_str pair;
    while (po_str_next_field(&rest, '&', &pair)) {
        size_t equals = po_str_find_char(pair, '=', 0);
        if (is_secret_name(po_str_slice(pair, 0, equals))) return true;
    }
    return false;
}
