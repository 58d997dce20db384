/*
 * Changes outside the database, bracketed by a durable intent and an outcome (law 2).
 */
#include "home_priv.h"

#include "core/random.h"

PO_RC po_intent_begin(struct po_ctx *cx, struct po_home *home, struct po_intent *intent)
{
    if (intent->detail.len == 0) intent->detail = PO_LIT("{}");
    PO_TRY_LEAF(cx, po_uuid7(po_ctx_now_us(cx), intent->event_id), "no randomness for an event id");
    PO_TRY(cx,
           po_store_group_end(cx, home->store)); /* durable when this returns, and what led to it */
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, home->store, &tx));
    struct po_store_intent row = {.kind = po_str_of(intent->action), .detail = intent->detail};
    memcpy(row.id, intent->event_id, sizeof row.id);
    PO_TRY(cx, po_store_intent_open(cx, tx, &row));
    struct po_event event = {.type = PO_EVENT_TYPE_INTENT_OPENED,
                             .resource = intent->resource,
                             .action = po_str_of(intent->action),
                             .result = PO_EVENT_SUCCESS,
                             .detail = intent->detail};
    memcpy(event.event_id, intent->event_id, sizeof event.event_id);
    return po_home_commit(cx, home, tx, &event);
}

PO_RC po_intent_end(struct po_ctx *cx, struct po_home *home, struct po_intent *intent,
                    enum po_event_result result, po_str detail_json)
{
    char id[PO_UUID_TEXT_BYTES];
    po_uuid_format(intent->event_id, id);
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, home->store, &tx));
    PO_TRY(cx, po_store_intent_close(cx, tx, intent->event_id));
    struct po_event event = {.type = PO_EVENT_TYPE_INTENT_CLOSED,
                             .resource = intent->resource,
                             .action = po_str_of(intent->action),
                             .result = result,
                             .detail = detail_json,
                             .correlation_id = po_str_of(id)};
    return po_home_commit(cx, home, tx, &event);
}
