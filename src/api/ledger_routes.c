/*
 * Texts of the ledger for other verifiers: checkpoint and verifier key.
 */
#include "api/handlers_priv.h"

static PO_RC respond(struct po_ctx *cx, struct po_api_call *call)
{
    po_api_set(call->res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain; charset=utf-8"));
    po_api_set(call->res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    return po_api_record(cx, call, PO_EVENT_TYPE_LEDGER_READ, PO_EVENT_SUCCESS, po_rc_ok());
}

po_rc po_api_checkpoint(struct po_ctx *cx, struct po_api_call *call)
{
    PO_TRY(cx, po_ledger_note(cx, po_home_ledger(call->api->home), &call->res->body));
    return respond(cx, call);
}

po_rc po_api_verifier_key(struct po_ctx *cx, struct po_api_call *call)
{
    PO_TRY(cx, po_ledger_vkey(cx, po_home_ledger(call->api->home), &call->res->body));
    po_buf_append_char(&call->res->body, '\n');
    return respond(cx, call);
}
