/*
 * Walking back over the tenant's events, each opened in memory of its own.
 */
#include "home_priv.h"

#define STEP_ARENA_BYTES_MAX ((size_t)6 << 20)

/* `step` holds what is thrown away with the event. */
static PO_RC visit_leaf(struct po_ctx *step, struct po_home *home, const struct po_home_walk *walk,
                        struct po_home_event *event, bool *ret_stop)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    PO_TRY(step, po_ledger_event_at(step, home->ledger, event->leaf, &bytes, NULL));
    event->bytes = po_buf_str(&bytes);
    PO_TRY(step, po_event_parse(step, event->bytes, &event->view));
    return walk->visit(step, walk->user, event, ret_stop);
}

PO_RC po_home_walk_back(struct po_ctx *cx, struct po_home *home, const struct po_home_walk *walk)
{
    const struct po_ledger_filter filter = {.type = walk->type, .is_own_tenant = true};
    uint64_t from = walk->size;
    bool is_stopped = false;
    while (from > 0 && !is_stopped) {
        bool is_found = false;
        struct po_home_event event = {0};
        PO_TRY(cx, po_ledger_prev(cx, home->ledger, from - 1, &filter, &is_found, &from,
                                  &event.record));
        if (!is_found || event.record.recv_time_us < walk->since_us) return po_rc_ok();
        if (walk->until_us > 0 && event.record.recv_time_us > walk->until_us) continue;
        event.leaf = from;
        struct po_ctx step;
        PO_TRY(cx, po_ctx_child_begin(cx, STEP_ARENA_BYTES_MAX, &step));
        po_rc rc = visit_leaf(&step, home, walk, &event, &is_stopped);
        PO_TRY_MSG(cx, po_ctx_child_end(cx, &step, rc), "reading leaf %lu", (unsigned long)from);
    }
    return po_rc_ok();
}
