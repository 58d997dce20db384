/*
 * Entity tags: the first half of the SHA-256 of a representation. A change may be bound to what was read
 * (If-Match); core does one request at a time, so nothing comes between the comparison and the change.
 */
#include "api/api_priv.h"
#include "core/codec.h"

#define ETAG_BYTES 16

po_rc po_api_etag(struct po_ctx *cx, po_str body, po_str *ret_etag)
{
    uint8_t digest[PO_SHA256_BYTES];
    char hex[2 * ETAG_BYTES + 1];
    PO_TRY_LEAF(cx, po_sha256(body, digest), "hashing a response");
    po_hex_encode(digest, ETAG_BYTES, hex);
    const char *etag = po_arena_printf(cx->arena, "\"%s\"", hex);
    if (etag == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_etag = po_str_of(etag);
    return po_rc_ok();
}

bool po_api_etag_in(po_str list, po_str etag, bool is_weak)
{
    po_str item;
    if (po_str_eq_cstr(po_str_trim(list), "*")) return true;
    while (po_str_next_field(&list, ',', &item)) {
        item = po_str_trim(item);
        if (is_weak && po_str_starts(item, PO_LIT("W/"))) item = po_str_slice(item, 2, item.len);
        if (po_str_eq(item, etag)) return true;
    }
    return false;
}

/* The representation that a change is about: the GET route's, made by the same command. */
static PO_RC represent(struct po_ctx *cx, struct po_api_call *call, struct po_api_response *res)
{
    struct po_api_call *get = NULL;
    PO_ARENA_NEW(cx, get, 1);
    *get = *call;
    get->res = res;
    get->route = po_api_route_find(call->route->etag_of);
    get->value_count = 0;
    PO_INVARIANT(cx, get->route != NULL && get->route->command != NULL);
    PO_TRY(cx, po_api_params_path(cx, get));
    return po_api_command(cx, get);
}

static PO_RC compare(struct po_ctx *cx, struct po_api_call *call, po_str wanted)
{
    PO_API_RESPONSE_AUTO res;
    po_str etag = {"", 0};
    po_api_response_init(&res);
    po_rc rc = represent(cx, call, &res);
    if (rc.code == PO_NOTFOUND)
        return po_api_refuse_as(cx, call, 412, PO_CONFLICT, "there is no such thing to be changed");
    PO_TRY(cx, rc);
    PO_TRY(cx, po_api_etag(cx, po_buf_str(&res.body), &etag));
    if (po_api_etag_in(wanted, etag, false)) return po_rc_ok();
    return po_api_refuse_as(cx, call, 412, PO_CONFLICT, "read it again before you change it");
}

po_rc po_api_precondition(struct po_ctx *cx, struct po_api_call *call)
{
    po_str wanted = call->req->fields[PO_API_FIELD_IF_MATCH];
    if (wanted.ptr == NULL) return po_rc_ok();
    if (call->route->etag_of == NULL)
        return po_api_refuse_as(cx, call, 412, PO_CONFLICT, "nothing here has an entity tag");
    return compare(cx, call, wanted);
}

/* What changes with time, or is a stream of events, has no tag that would ever fit again. */
static bool has_etag(const struct po_api_route *route)
{
    if (route->method != PO_HTTP_GET || route->access == PO_API_OWN) return false;
    return route->result == PO_API_RESULT_OBJECT || route->result == PO_API_RESULT_LIST ||
           route->result == PO_API_RESULT_ITEM || route->result == PO_API_RESULT_ONE;
}

po_rc po_api_etag_respond(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_api_response *res = call->res;
    po_str etag = {"", 0};
    po_str known = call->req->fields[PO_API_FIELD_IF_NONE_MATCH];
    if (res->status != 200 || res->next != PO_API_DONE || !has_etag(call->route)) return po_rc_ok();
    PO_TRY(cx, po_api_etag(cx, po_buf_str(&res->body), &etag));
    po_api_set(res, PO_HTTP_ETAG, etag);
    if (known.ptr == NULL || !po_api_etag_in(known, etag, true)) return po_rc_ok();
    res->status = 304;
    po_buf_clear(&res->body);
    return po_rc_ok();
}
