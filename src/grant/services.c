/*
 * What programs may ask of the instance: flags, the environment, the register, events, evidence.
 *
 * The gate asked the three sets of capabilities before a call comes here. What a program adds is kept
 * and recorded with its run, so that no fact of the same command sees it (law 6).
 */
#include "grant/grant.h"

#include "core/cfg.h"
#include "core/flags.h"
#include "core/random.h"
#include "store/store.h"

#define NAME_BYTES_MAX 256
#define EVIDENCE_BYTES_MAX ((size_t)256 << 10)
#define QUERY_ROWS_MAX 1000
#define QUERY_BYTES_MAX ((size_t)1 << 20)

/* The i-th argument, NULL when there is none. */
static const struct po_json *arg_at(const struct po_program_request *request, size_t i)
{
    const struct po_json *arg = request->args->first;
    for (; i > 0 && arg != NULL; i--)
        arg = arg->next;
    return arg;
}

static PO_RC text_arg(struct po_ctx *cx, const struct po_program_request *request, size_t i,
                      po_str *ret_text)
{
    const struct po_json *arg = arg_at(request, i);
    if (arg == NULL || arg->type != PO_JSON_STR || arg->str.len == 0 ||
        arg->str.len > NAME_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "argument %zu is no text of 1 to %d bytes", i + 1,
                       NAME_BYTES_MAX);
    *ret_text = arg->str;
    return po_rc_ok();
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* null for a flag that there is not: the program asked for an Option. */
static PO_RC flag_get(struct po_ctx *cx, struct po_services *services,
                      const struct po_program_request *request, struct po_buf *ret_json)
{
    po_str name = {NULL, 0};
    struct po_flag_row row;
    struct po_json_out json;
    PO_TRY(cx, text_arg(cx, request, 0, &name));
    po_json_out_init(&json, ret_json, 0);
    for (size_t i = 0; po_flags_row_at(po_home_flags(services->home), i, &row); i++) {
        if (!po_str_eq_cstr(name, row.name)) continue;
        if (row.type == PO_FLAG_TYPE_STR)
            po_json_out_str(&json, row.value_text);
        else
            po_json_out_raw(&json, row.value_text);
        return po_rc_ok();
    }
    po_json_out_null(&json);
    return po_rc_ok();
}

static PO_RC env_get(struct po_ctx *cx, struct po_services *services,
                     const struct po_program_request *request, struct po_buf *ret_json)
{
    (void)services;
    po_str name = {NULL, 0};
    struct po_json_out json;
    PO_TRY(cx, text_arg(cx, request, 0, &name));
    const char *key = po_arena_strdup(cx->arena, name);
    if (key == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    const char *value = po_env(key);
    po_json_out_init(&json, ret_json, 0);
    if (value != NULL)
        po_json_out_cstr(&json, value);
    else
        po_json_out_null(&json);
    return po_rc_ok();
}

/* The one named query there is: the operator's figures. */
static PO_RC read_register(struct po_ctx *cx, struct po_services *services,
                           const struct po_program_request *request,
                           struct po_store_register_entry **ret_entries, size_t *ret_count)
{
    po_str name = {NULL, 0};
    PO_TRY(cx, text_arg(cx, request, 0, &name));
    if (!po_str_eq_cstr(name, "register"))
        return PO_FAIL(cx, PO_NOTFOUND, "there is no query '%.*s'", PO_STR_ARG(name));
    return po_store_register_list(cx, po_home_store(services->home), false, ret_entries, ret_count);
}

static PO_RC store_query(struct po_ctx *cx, struct po_services *services,
                         const struct po_program_request *request, struct po_buf *ret_json)
{
    struct po_store_register_entry *entries = NULL;
    size_t count = 0;
    int64_t limit = 0;
    struct po_json_out json;
    PO_TRY(cx, read_register(cx, services, request, &entries, &count));
    PO_TRY(cx, po_json_get_int(cx, arg_at(request, 1), "limit", &limit));
    po_json_out_init(&json, ret_json, 0);
    po_json_out_array(&json);
    for (size_t i = 0; i < count && (int64_t)i < limit; i++) {
        po_json_out_object(&json);
        po_json_out_field(&json, "name", entries[i].name);
        po_json_out_field_int(&json, "set_at", entries[i].time_us / PO_US_PER_S);
        po_json_out_field(&json, "value", entries[i].value);
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    return po_rc_ok();
}

static PO_RC store_count(struct po_ctx *cx, struct po_services *services,
                         const struct po_program_request *request, struct po_buf *ret_json)
{
    struct po_store_register_entry *entries = NULL;
    size_t count = 0;
    PO_TRY(cx, read_register(cx, services, request, &entries, &count));
    po_buf_append_u64(ret_json, count);
    return po_rc_ok();
}

/* ---- audit.query ---------------------------------------------------------------------------------- */

struct query {
    po_str type; /* empty: all; a prefix when it ends in '.' */
    struct po_buf rows;
    size_t count;
};

static void put_event(struct po_json_out *json, const struct po_event_view *view)
{
    po_json_out_object(json);
    po_json_out_field(json, "action", view->action);
    po_json_out_field(json, "event_type", view->event_type);
    po_json_out_field(json, "ip_address", view->ip_address);
    po_json_out_field(json, "resource", view->resource);
    po_json_out_field(json, "result", view->result);
    po_json_out_field(json, "session_id", view->session_id);
    po_json_out_field_int(json, "timestamp", view->time_us / PO_US_PER_S);
    po_json_out_field(json, "user_id", view->user_id);
    po_json_out_object_end(json);
}

static po_rc take_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                        bool *ret_stop)
{
    struct query *query = user;
    struct po_json_out json;
    bool is_it = query->type.len == 0 || po_str_eq(query->type, event->view.event_type) ||
                 (po_str_ends(query->type, PO_LIT(".")) &&
                  po_str_starts(event->view.event_type, query->type));
    if (!is_it) return po_rc_ok();
    if (query->count > 0) po_buf_append_char(&query->rows, ',');
    po_json_out_init(&json, &query->rows, 0);
    put_event(&json, &event->view);
    query->count++;
    PO_TRY_LEAF(step, po_buf_check(&query->rows), "the answer is too long: narrow the query");
    *ret_stop = query->count == QUERY_ROWS_MAX;
    return po_rc_ok();
}

static void query_done(struct query *query) { po_buf_done(&query->rows); }

/* The newest QUERY_ROWS_MAX events between two times, newest first. */
static PO_RC audit_query(struct po_ctx *cx, struct po_services *services,
                         const struct po_program_request *request, struct po_buf *ret_json)
{
    PO_CLEANUP(query_done) struct query query = {0};
    const struct po_json *what = arg_at(request, 0);
    int64_t since = 0;
    int64_t until = 0;
    po_buf_init(&query.rows, QUERY_BYTES_MAX);
    PO_TRY(cx, po_json_get_int(cx, what, "since", &since));
    PO_TRY(cx, po_json_get_int(cx, what, "until", &until));
    PO_TRY(cx, po_json_get_str(cx, what, "event_type", &query.type));
    if (since < 0 || until < 0 || since > INT64_MAX / PO_US_PER_S ||
        until > INT64_MAX / PO_US_PER_S)
        return PO_FAIL(cx, PO_INVALID, "'since' and 'until' are seconds since 1970");
    const struct po_home_walk walk = {.size = po_ledger_size(po_home_ledger(services->home)),
                                      .since_us = since * PO_US_PER_S,
                                      .until_us = until * PO_US_PER_S,
                                      .visit = take_event,
                                      .user = &query};
    PO_TRY(cx, po_home_walk_back(cx, services->home, &walk));
    po_buf_append_char(ret_json, '[');
    po_buf_append(ret_json, po_buf_str(&query.rows));
    po_buf_append_char(ret_json, ']');
    return po_rc_ok();
}

/* ---- adding --------------------------------------------------------------------------------------- */

/* Kept for po_program_run_events; its texts live in the arena of whoever records. */
static PO_RC keep_event(struct po_services *services, struct po_event *event,
                        struct po_buf *ret_json)
{
    struct po_ctx *cx = services->cx;
    char id[PO_UUID_TEXT_BYTES];
    struct po_json_out json;
    po_str *const texts[] = {&event->resource, &event->action, &event->detail};
    if (services->event_count == PO_SERVICES_EVENTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a run adds at most %d events", PO_SERVICES_EVENTS_MAX);
    PO_TRY_LEAF(cx, po_uuid7(po_ctx_now_us(cx), event->event_id), "no randomness for an event id");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, *texts[i], texts[i]), "out of request memory");
    services->events[services->event_count++] = *event;
    po_uuid_format(event->event_id, id);
    po_json_out_init(&json, ret_json, 0);
    po_json_out_cstr(&json, id);
    return po_rc_ok();
}

/* Its error is the program's to see. */
static PO_RC add_event(struct po_ctx *cx, struct po_services *services, struct po_event *event,
                       struct po_buf *ret_json)
{
    po_rc rc = keep_event(services, event, ret_json);
    if (po_is_ok(rc) || services->cx == cx) return rc;
    cx->err = services->cx->err;
    po_err_clear(services->cx);
    return rc;
}

static PO_RC audit_emit(struct po_ctx *cx, struct po_services *services,
                        const struct po_program_request *request, struct po_buf *ret_json)
{
    PO_BUF_AUTO detail;
    struct po_json_out json;
    struct po_event event = {.type = PO_EVENT_TYPE_PROGRAM_EMITTED};
    po_str type = {NULL, 0};
    po_str result = {NULL, 0};
    po_buf_init(&detail, 8192);
    PO_TRY(cx, text_arg(cx, request, 0, &type));
    PO_TRY(cx, text_arg(cx, request, 1, &event.resource));
    PO_TRY(cx, text_arg(cx, request, 2, &event.action));
    PO_TRY(cx, text_arg(cx, request, 3, &result));
    PO_TRY_LEAF(cx, po_event_result_parse(result, &event.result),
                "a result is success, failure, denied or error");
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "event_type", type);
    po_json_out_field(&json, "program", services->program);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "the event is too long");
    event.detail = po_buf_str(&detail);
    return add_event(cx, services, &event, ret_json);
}

static PO_RC evidence_add(struct po_ctx *cx, struct po_services *services,
                          const struct po_program_request *request, struct po_buf *ret_json)
{
    PO_BUF_AUTO detail;
    PO_BUF_AUTO value;
    struct po_json_out json;
    po_str id = {NULL, 0};
    const struct po_json *what = arg_at(request, 1);
    po_buf_init(&detail, 2 * EVIDENCE_BYTES_MAX);
    po_buf_init(&value, EVIDENCE_BYTES_MAX);
    PO_TRY(cx, text_arg(cx, request, 0, &id));
    if (what == NULL) return PO_FAIL(cx, PO_INVALID, "evidence has a value");
    PO_TRY(cx, po_json_canonical(cx, what, &value));
    const char *resource = po_arena_printf(cx->arena, "evidence:%.*s", PO_STR_ARG(id));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "id", id);
    po_json_out_field(&json, "program", services->program);
    po_json_out_key(&json, "value");
    po_json_out_raw(&json, po_buf_str(&value));
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "the evidence is too long");
    struct po_event event = {.type = PO_EVENT_TYPE_EVIDENCE_ADDED,
                             .resource = po_str_of(resource),
                             .action = PO_LIT("record"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_buf_str(&detail)};
    return add_event(cx, services, &event, ret_json);
}

/* ---- the door ------------------------------------------------------------------------------------- */

static po_rc answer(void *user, struct po_ctx *cx, const struct po_program_request *request,
                    struct po_buf *ret_json)
{
    static const struct {
        const char *module;
        const char *name;
        PO_RC(*answer)
        (struct po_ctx *cx, struct po_services *services, const struct po_program_request *request,
         struct po_buf *ret_json);
    } rows[] = {
        {"host/audit", "emit", audit_emit},   {"host/audit", "query", audit_query},
        {"host/env", "get", env_get},         {"host/evidence", "add", evidence_add},
        {"host/flags", "get", flag_get},      {"host/store", "count", store_count},
        {"host/store", "query", store_query},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_it = po_str_eq_cstr(request->module, rows[i].module) &&
                     po_str_eq_cstr(request->name, rows[i].name);
        if (!is_it) continue;
        PO_TRY(cx, rows[i].answer(cx, user, request, ret_json));
        PO_TRY_LEAF(cx, po_buf_check(ret_json), "the answer is too long");
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_UNAVAILABLE, "%.*s.%.*s: this build has nothing to answer with",
                   PO_STR_ARG(request->module), PO_STR_ARG(request->name));
}

PO_RC po_services_init(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                       struct po_services *ret_services)
{
    *ret_services = (struct po_services){
        .door = {.call = answer, .user = ret_services}, .cx = cx, .home = home};
    return po_program_resource(cx, program, &ret_services->program);
}
