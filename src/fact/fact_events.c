/*
 * The walk over opened events: shape, test runs, intents, sessions.
 *
 * Walked forwards, so that the newest of a kind overwrites the older. Events are opened and parsed in
 * scratch contexts of bounded size, so that memory does not grow with the ledger.
 */
#include "fact_pass_priv.h"

#define BATCH_BYTES_MAX ((size_t)4 << 20)

PO_RC po_fact_scratch_init(const struct po_ctx *cx, struct po_ctx *scratch)
{
    PO_PASS(po_ctx_init(scratch));
    scratch->clock = cx->clock;
    scratch->tenant = cx->tenant;
    scratch->deadline_us = cx->deadline_us;
    memcpy(scratch->actor, cx->actor, sizeof scratch->actor);
    memcpy(scratch->session, cx->session, sizeof scratch->session);
    return po_rc_ok();
}

PO_RC po_fact_scratch_end(struct po_ctx *cx, const struct po_ctx *scratch, po_rc rc)
{
    if (po_is_ok(rc)) return rc;
    return PO_FAIL(cx, rc.code, "%s", po_err_msg(scratch));
}

static PO_RC note_bad(struct po_fact_event_walk *walk, const struct po_ctx *scratch)
{
    if (walk->events->first_bad_why != NULL) return po_rc_ok();
    walk->events->first_bad_leaf = walk->leaf;
    return po_fact_keep(walk->cx, po_str_of(po_err_msg(scratch)), &walk->events->first_bad_why);
}

/* Opening failed: an answer about the leaf, unless the file could not be read at all. */
static PO_RC count_unopened(struct po_fact_event_walk *walk, const struct po_ctx *scratch, po_rc rc)
{
    if (rc.code == PO_NOTFOUND) {
        walk->events->foreign++;
        return po_rc_ok();
    }
    if (rc.code == PO_UNAVAILABLE) {
        walk->events->no_key++;
        return po_rc_ok();
    }
    bool is_about_leaf = rc.code == PO_TAMPER || rc.code == PO_CORRUPT || rc.code == PO_INVALID;
    if (!is_about_leaf) return po_fact_scratch_end(walk->cx, scratch, rc);
    walk->events->refused++;
    return note_bad(walk, scratch);
}

static PO_RC look_at_leaf(struct po_ctx *scratch, struct po_ledger *ledger,
                          struct po_fact_event_walk *walk, struct po_buf *bytes)
{
    struct po_record record = {0};
    po_rc rc = po_ledger_record_at(scratch, ledger, walk->leaf, &record);
    PO_TRY(walk->cx, po_fact_scratch_end(walk->cx, scratch, rc));
    if (record.kind != PO_RECORD_EVENT) return po_rc_ok();
    if (po_fact_is_foreign(walk->events->pseudonym, &record)) return po_rc_ok();
    walk->received_us = record.recv_time_us;
    walk->events->checked++;
    rc = po_ledger_event_at(scratch, ledger, walk->leaf, bytes, NULL);
    if (!po_is_ok(rc)) {
        PO_TRY(walk->cx, count_unopened(walk, scratch, rc));
        po_err_clear(scratch);
        return po_rc_ok();
    }
    walk->events->opened++;
    struct po_event_view view = {0};
    rc = po_event_parse(scratch, po_buf_str(bytes), &view);
    if (rc.code == PO_NOMEM) return po_fact_scratch_end(walk->cx, scratch, rc);
    if (!po_is_ok(rc)) {
        PO_TRY(walk->cx, note_bad(walk, scratch));
        po_err_clear(scratch);
        return po_rc_ok();
    }
    walk->events->valid++;
    walk->view = &view;
    return po_fact_event_add(walk, record.event_type);
}

static PO_RC walk_batch(struct po_fact_event_walk *walk, struct po_ledger *ledger)
{
    PO_CTX_AUTO scratch = {0};
    PO_TRY_LEAF(walk->cx, po_fact_scratch_init(walk->cx, &scratch), "reading events");
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    while (walk->leaf < walk->events->to && po_arena_used_bytes(scratch.arena) < BATCH_BYTES_MAX) {
        PO_TRY(walk->cx, look_at_leaf(&scratch, ledger, walk, &bytes));
        walk->leaf++;
    }
    return po_rc_ok();
}

/* Behind it are PO_FACT_EVENTS_MAX leaves that are no other tenant's: a busy one takes nobody's window. */
static PO_RC find_from(struct po_ctx *cx, struct po_ledger *ledger, struct po_fact_events *events)
{
    uint64_t floor = events->to > PO_FACT_RECORDS_MAX ? events->to - PO_FACT_RECORDS_MAX : 0;
    uint64_t count = 0;
    events->from = events->to;
    while (events->from > floor && count < PO_FACT_EVENTS_MAX) {
        struct po_record record = {0};
        PO_TRY(cx, po_ledger_record_at(cx, ledger, --events->from, &record));
        count += po_fact_is_foreign(events->pseudonym, &record) ? 0 : 1;
    }
    return po_rc_ok();
}

static PO_RC walk_events(struct po_ctx *cx, struct po_ledger *ledger, struct po_fact_events *events)
{
    PO_TRY(cx, po_map_new(cx, PO_FACT_CLAUSES_MAX, &events->runs));
    PO_TRY(cx, po_map_new(cx, PO_FACT_INTENTS_MAX, &events->intents));
    PO_TRY(cx, po_map_new(cx, PO_FACT_SESSIONS_MAX, &events->sessions));
    PO_TRY(cx, po_map_new(cx, PO_FACT_SESSIONS_MAX, &events->reports));
    events->to = po_ledger_size(ledger);
    PO_TRY(cx, find_from(cx, ledger, events));
    struct po_fact_event_walk walk = {.cx = cx, .events = events, .leaf = events->from};
    while (walk.leaf < events->to)
        PO_TRY(cx, walk_batch(&walk, ledger));
    return po_rc_ok();
}

PO_RC po_fact_events_get(struct po_ctx *cx, struct po_fact_set *set,
                         const struct po_fact_events **ret_events)
{
    if (set->events == NULL) {
        struct po_ledger *ledger = NULL;
        PO_TRY(cx, po_fact_ledger(cx, set, &ledger));
        struct po_fact_events *events = NULL;
        PO_ARENA_NEW(cx, events, 1);
        PO_TRY(cx, po_fact_pseudonym(cx, set, ledger, &events->pseudonym));
        PO_TRY_MSG(cx, walk_events(cx, ledger, events), "reading the ledger's events");
        set->events = events;
    }
    *ret_events = set->events;
    return po_rc_ok();
}
