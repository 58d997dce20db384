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

/* What one opened event is looked at with. */
struct event_walk {
    struct po_ctx *cx; /* what is kept goes into its arena */
    struct po_fact_events *events;
    const struct po_event_view *view;
    po_time_us received_us;
    uint64_t leaf;
};

static PO_RC keep_text(struct po_ctx *cx, po_str text, const char **ret_text)
{
    *ret_text = po_arena_strdup(cx->arena, text);
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

/* A map entry of `size` zeroed bytes, made at first sight; NULL when the map is full. */
static PO_RC entry_of(struct event_walk *walk, struct po_map *map, po_str key, size_t size,
                      void **ret_entry)
{
    *ret_entry = po_map_find(map, key);
    if (*ret_entry != NULL) return po_rc_ok();
    void *entry = po_arena_alloc(walk->cx->arena, 1, size);
    if (entry == NULL) return PO_FAIL(walk->cx, PO_NOMEM, "out of request memory");
    po_rc rc = po_map_add(walk->cx, map, key, entry);
    if (rc.code == PO_LIMIT) {
        po_err_clear(walk->cx);
        walk->events->is_cut = true;
        return po_rc_ok();
    }
    PO_TRY(walk->cx, rc);
    *ret_entry = entry;
    return po_rc_ok();
}

static PO_RC add_run(struct event_walk *walk)
{
    const struct po_json *detail = po_json_get(walk->view->json, "detail");
    const struct po_json *clause = po_json_get(detail, "clause");
    const struct po_json *state = po_json_get(detail, "state");
    if (clause == NULL || clause->type != PO_JSON_STR) return po_rc_ok();
    void *entry = NULL;
    PO_TRY(walk->cx,
           entry_of(walk, walk->events->runs, clause->str, sizeof(struct po_fact_run), &entry));
    struct po_fact_run *run = entry;
    if (run == NULL) return po_rc_ok();
    run->leaf = walk->leaf;
    run->received_us = walk->received_us;
    po_str word = state != NULL && state->type == PO_JSON_STR ? state->str : PO_LIT("unknown");
    PO_TRY(walk->cx, keep_text(walk->cx, word, &run->state));
    return keep_text(walk->cx, walk->view->event_id, &run->event_id);
}

static PO_RC add_session(struct event_walk *walk)
{
    void *entry = NULL;
    PO_TRY(walk->cx, entry_of(walk, walk->events->sessions, walk->view->session_id,
                              sizeof(struct po_fact_session), &entry));
    struct po_fact_session *session = entry;
    if (session == NULL) return po_rc_ok();
    if (session->runs == 0) session->first_us = walk->received_us;
    session->last_us = walk->received_us;
    session->runs++;
    session->is_own = po_str_eq_cstr(walk->view->session_id, walk->cx->session);
    return po_rc_ok();
}

static PO_RC add_intent_opened(struct event_walk *walk)
{
    void *entry = NULL;
    PO_TRY(walk->cx, entry_of(walk, walk->events->intents, walk->view->event_id,
                              sizeof(struct po_fact_intent), &entry));
    struct po_fact_intent *intent = entry;
    if (intent == NULL) return po_rc_ok();
    intent->is_opening_seen = true;
    intent->opened_us = walk->received_us;
    PO_TRY(walk->cx, keep_text(walk->cx, walk->view->event_id, &intent->id));
    PO_TRY(walk->cx, keep_text(walk->cx, walk->view->action, &intent->action));
    return keep_text(walk->cx, walk->view->resource, &intent->resource);
}

static PO_RC add_intent_ended(struct event_walk *walk, bool is_abandoned)
{
    void *entry = NULL;
    if (walk->view->correlation_id.len == 0) return po_rc_ok();
    PO_TRY(walk->cx, entry_of(walk, walk->events->intents, walk->view->correlation_id,
                              sizeof(struct po_fact_intent), &entry));
    struct po_fact_intent *intent = entry;
    if (intent == NULL) return po_rc_ok();
    intent->ended_us = walk->received_us;
    po_str result = is_abandoned ? PO_LIT("abandoned") : walk->view->result;
    return keep_text(walk->cx, result, &intent->result);
}

static PO_RC add_session_of_other(struct event_walk *walk)
{
    if (po_str_eq_cstr(walk->view->session_id, walk->cx->session)) {
        walk->events->own++;
        return po_rc_ok();
    }
    walk->events->last_other_us = walk->received_us;
    const char *known = walk->events->last_other_session;
    if (known != NULL && po_str_eq_cstr(walk->view->session_id, known)) return po_rc_ok();
    return keep_text(walk->cx, walk->view->session_id, &walk->events->last_other_session);
}

static PO_RC add_event(struct event_walk *walk, uint16_t type)
{
    PO_TRY(walk->cx, add_session_of_other(walk));
    switch (type) {
    case PO_EVENT_TYPE_CONTROL_TESTED: PO_TRY(walk->cx, add_run(walk)); return add_session(walk);
    case PO_EVENT_TYPE_INTENT_OPENED: return add_intent_opened(walk);
    case PO_EVENT_TYPE_INTENT_CLOSED: return add_intent_ended(walk, false);
    case PO_EVENT_TYPE_INTENT_ABANDONED: return add_intent_ended(walk, true);
    default: return po_rc_ok();
    }
}

static PO_RC note_bad(struct event_walk *walk, const struct po_ctx *scratch)
{
    if (walk->events->first_bad_why != NULL) return po_rc_ok();
    walk->events->first_bad_leaf = walk->leaf;
    return keep_text(walk->cx, po_str_of(po_err_msg(scratch)), &walk->events->first_bad_why);
}

/* Opening failed: an answer about the leaf, unless the file could not be read at all. */
static PO_RC count_unopened(struct event_walk *walk, const struct po_ctx *scratch, po_rc rc)
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

static PO_RC look_at_leaf(struct po_ctx *scratch, struct po_ledger *ledger, struct event_walk *walk,
                          struct po_buf *bytes)
{
    struct po_record record = {0};
    po_rc rc = po_ledger_record_at(scratch, ledger, walk->leaf, &record);
    PO_TRY(walk->cx, po_fact_scratch_end(walk->cx, scratch, rc));
    if (record.kind != PO_RECORD_EVENT) return po_rc_ok();
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
    return add_event(walk, record.event_type);
}

static PO_RC walk_batch(struct event_walk *walk, struct po_ledger *ledger)
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

static PO_RC walk_events(struct po_ctx *cx, struct po_ledger *ledger, struct po_fact_events *events)
{
    PO_TRY(cx, po_map_new(cx, PO_FACT_CLAUSES_MAX, &events->runs));
    PO_TRY(cx, po_map_new(cx, PO_FACT_INTENTS_MAX, &events->intents));
    PO_TRY(cx, po_map_new(cx, PO_FACT_SESSIONS_MAX, &events->sessions));
    events->to = po_ledger_size(ledger);
    events->from = events->to > PO_FACT_EVENTS_MAX ? events->to - PO_FACT_EVENTS_MAX : 0;
    struct event_walk walk = {.cx = cx, .events = events, .leaf = events->from};
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
        PO_TRY_MSG(cx, walk_events(cx, ledger, events), "reading the ledger's events");
        set->events = events;
    }
    *ret_events = set->events;
    return po_rc_ok();
}
