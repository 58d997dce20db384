/*
 * What is kept of an opened event, by its type.
 */
#include "fact_pass_priv.h"

#include "core/codec.h"

PO_RC po_fact_keep(struct po_ctx *cx, po_str text, const char **ret_text)
{
    *ret_text = po_arena_strdup(cx->arena, text);
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

/* A map entry of `size` zeroed bytes, made at first sight; NULL when the map is full. */
static PO_RC entry_of(struct po_fact_event_walk *walk, struct po_map *map, po_str key, size_t size,
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

static PO_RC add_run(struct po_fact_event_walk *walk)
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
    PO_TRY(walk->cx, po_fact_keep(walk->cx, word, &run->state));
    return po_fact_keep(walk->cx, walk->view->event_id, &run->event_id);
}

static PO_RC add_session(struct po_fact_event_walk *walk)
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

static PO_RC add_intent_opened(struct po_fact_event_walk *walk)
{
    void *entry = NULL;
    PO_TRY(walk->cx, entry_of(walk, walk->events->intents, walk->view->event_id,
                              sizeof(struct po_fact_intent), &entry));
    struct po_fact_intent *intent = entry;
    if (intent == NULL) return po_rc_ok();
    intent->is_opening_seen = true;
    intent->opened_us = walk->received_us;
    PO_TRY(walk->cx, po_fact_keep(walk->cx, walk->view->event_id, &intent->id));
    PO_TRY(walk->cx, po_fact_keep(walk->cx, walk->view->action, &intent->action));
    return po_fact_keep(walk->cx, walk->view->resource, &intent->resource);
}

static PO_RC add_intent_ended(struct po_fact_event_walk *walk, bool is_abandoned)
{
    void *entry = NULL;
    if (walk->view->correlation_id.len == 0) return po_rc_ok();
    PO_TRY(walk->cx, entry_of(walk, walk->events->intents, walk->view->correlation_id,
                              sizeof(struct po_fact_intent), &entry));
    struct po_fact_intent *intent = entry;
    if (intent == NULL) return po_rc_ok();
    intent->ended_us = walk->received_us;
    po_str result = is_abandoned ? PO_LIT("abandoned") : walk->view->result;
    return po_fact_keep(walk->cx, result, &intent->result);
}

static bool has_text(const struct po_json *object, const char *key)
{
    const struct po_json *member = po_json_get(object, key);
    return member != NULL && member->type == PO_JSON_STR;
}

static bool has_some_text(const struct po_json *object, const char *key)
{
    return has_text(object, key) && po_json_get(object, key)->str.len > 0;
}

static void add_change(struct po_fact_event_walk *walk)
{
    const struct po_json *detail = po_json_get(walk->view->json, "detail");
    struct po_fact_events *events = walk->events;
    events->changes++;
    if (walk->view->user_id.len > 0) events->changes_with_actor++;
    if (has_text(detail, "old") && has_text(detail, "new")) events->changes_with_values++;
    if (has_some_text(detail, "reason")) events->changes_with_reason++;
}

/* Hex digest at the end of a text, so that "sha256:<hex>" is one too. */
static bool read_digest(const struct po_json *member, uint8_t out[static 32])
{
    if (member == NULL || member->type != PO_JSON_STR || member->str.len < 64) return false;
    return po_is_ok(
        po_hex_decode(po_str_slice(member->str, member->str.len - 64, member->str.len), out, 32));
}

static const struct po_json *find_starting(const struct po_json *object, po_str prefix)
{
    const struct po_json *member = object != NULL ? object->first : NULL;
    for (; member != NULL; member = member->next)
        if (po_str_starts(member->key, prefix)) return member;
    return NULL;
}

static PO_RC add_report(struct po_fact_event_walk *walk)
{
    const struct po_json *detail = po_json_get(walk->view->json, "detail");
    const struct po_json *as_of = po_json_get(detail, "as_of");
    if (as_of == NULL || as_of->type != PO_JSON_OBJECT) as_of = detail;
    const struct po_json *size = po_json_get(as_of, "size");
    struct po_fact_report report = {.leaf = walk->leaf, .received_us = walk->received_us};
    report.has_body = read_digest(find_starting(detail, PO_LIT("body")), report.body);
    report.has_as_of = size != NULL && size->type == PO_JSON_INT && size->integer > 0 &&
                       read_digest(po_json_get(as_of, "root"), report.as_of_root);
    if (report.has_as_of) report.as_of_size = (uint64_t)size->integer;
    void *entry = NULL;
    PO_TRY(walk->cx, entry_of(walk, walk->events->reports, walk->view->event_id,
                              sizeof(struct po_fact_report), &entry));
    if (entry != NULL) memcpy(entry, &report, sizeof report);
    return po_rc_ok();
}

static void add_job(struct po_fact_event_walk *walk, po_time_us *last_us)
{
    bool is_own = po_str_eq_cstr(walk->view->session_id, walk->cx->session);
    bool is_success = po_str_eq_cstr(walk->view->result, "success");
    if (is_own || !is_success || !po_str_eq_cstr(walk->view->channel, "timer")) return;
    *last_us = walk->received_us;
}

static PO_RC add_session_of_other(struct po_fact_event_walk *walk)
{
    if (po_str_eq_cstr(walk->view->session_id, walk->cx->session)) {
        walk->events->own++;
        return po_rc_ok();
    }
    walk->events->last_other_us = walk->received_us;
    const char *known = walk->events->last_other_session;
    if (known != NULL && po_str_eq_cstr(walk->view->session_id, known)) return po_rc_ok();
    return po_fact_keep(walk->cx, walk->view->session_id, &walk->events->last_other_session);
}

/* What the supervisor had started anew when core recorded it. */
static void add_crash(struct po_fact_event_walk *walk)
{
    if (po_str_starts(walk->view->resource, PO_LIT("process:")) &&
        po_str_eq_cstr(walk->view->action, "restart"))
        po_fact_crash_add(&walk->events->crashes, walk->received_us);
}

static bool read_number(const struct po_json *object, const char *key, int64_t *ret)
{
    const struct po_json *member = po_json_get(object, key);
    if (member == NULL || member->type != PO_JSON_INT || member->integer < 0) return false;
    *ret = member->integer;
    return true;
}

/* A heartbeat without it, and a new start, know of none. */
static void add_endpoint(struct po_fact_event_walk *walk)
{
    const struct po_json *detail = po_json_get(walk->view->json, "detail");
    const struct po_json *said = po_json_get(detail, "endpoint");
    struct po_fact_endpoint endpoint = {0};
    int64_t age_s = 0;
    endpoint.is_asked = read_number(said, "status", &endpoint.status) &&
                        read_number(said, "took_ms", &endpoint.took_ms) &&
                        read_number(said, "age_s", &age_s) && age_s <= PO_FACT_ENDPOINT_AGE_S_MAX;
    endpoint.asked_us = walk->received_us - age_s * PO_US_PER_S;
    walk->events->endpoint = endpoint.is_asked ? endpoint : (struct po_fact_endpoint){0};
}

PO_RC po_fact_event_add(struct po_fact_event_walk *walk, uint16_t type)
{
    PO_TRY(walk->cx, add_session_of_other(walk));
    switch (type) {
    case PO_EVENT_TYPE_CONTROL_TESTED: PO_TRY(walk->cx, add_run(walk)); return add_session(walk);
    case PO_EVENT_TYPE_CONFIG_CHANGED:
    case PO_EVENT_TYPE_FLAG_CHANGED: add_change(walk); return po_rc_ok();
    case PO_EVENT_TYPE_ASSESSMENT_COMPLETED:
        add_job(walk, &walk->events->timer_assess_us);
        return po_rc_ok();
    case PO_EVENT_TYPE_REPORT_CREATED:
        add_job(walk, &walk->events->timer_report_us);
        return add_report(walk);
    case PO_EVENT_TYPE_PROCESS_CRASHED: add_crash(walk); return po_rc_ok();
    case PO_EVENT_TYPE_SERVICE_STARTED:
    case PO_EVENT_TYPE_SERVICE_HEARTBEAT:
        add_endpoint(walk);
        po_fact_crash_sign(&walk->events->crashes, walk->received_us);
        return po_rc_ok();
    case PO_EVENT_TYPE_INTENT_OPENED: return add_intent_opened(walk);
    case PO_EVENT_TYPE_INTENT_CLOSED: return add_intent_ended(walk, false);
    case PO_EVENT_TYPE_INTENT_ABANDONED: return add_intent_ended(walk, true);
    default: return po_rc_ok();
    }
}
