/*
 * Audit events: registry of types, and the one writer of event bytes.
 *
 * Invariants
 *  1. An event's bytes are produced here, once, with the members in schema order.
 *  2. What is written passes po_event_validate.
 *
 * Source   docs/spec/audit-event.md
 */
#include "core/codec.h"
#include "core/json.h"
#include "core/random.h"
#include "ledger/event_priv.h"
#include "ledger/ledger.h"

static const struct po_event_type_row event_types[] = {
#define X(symbol, code, type_name, type_class, type_severity, type_retention)                      \
    {.type = PO_EVENT_TYPE_##symbol,                                                               \
     .name = (type_name),                                                                          \
     .class = PO_EVENT_CLASS_##type_class,                                                         \
     .severity = PO_EVENT_SEVERITY_##type_severity,                                                \
     .retention = PO_RETENTION_##type_retention},
#include "ledger/event_types.def"
#undef X
};
#define EVENT_TYPE_COUNT (sizeof event_types / sizeof event_types[0])

static const char *const class_names[] = {
    [PO_EVENT_CLASS_AUTH] = "auth",         [PO_EVENT_CLASS_AUTHZ] = "authz",
    [PO_EVENT_CLASS_DATA] = "data_access",  [PO_EVENT_CLASS_CONFIG] = "config_change",
    [PO_EVENT_CLASS_ERROR] = "error",       [PO_EVENT_CLASS_SECURITY] = "security",
    [PO_EVENT_CLASS_SYSTEM] = "system",     [PO_EVENT_CLASS_AGENT] = "agent_action",
    [PO_EVENT_CLASS_EVIDENCE] = "evidence",
};
static const char *const severity_names[] = {
    [PO_EVENT_SEVERITY_DEFAULT] = "",      [PO_EVENT_SEVERITY_INFO] = "info",
    [PO_EVENT_SEVERITY_NOTICE] = "notice", [PO_EVENT_SEVERITY_WARNING] = "warning",
    [PO_EVENT_SEVERITY_ERROR] = "error",   [PO_EVENT_SEVERITY_CRITICAL] = "critical",
};
static const char *const result_names[] = {
    [0] = "",
    [PO_EVENT_SUCCESS] = "success",
    [PO_EVENT_FAILURE] = "failure",
    [PO_EVENT_DENIED] = "denied",
    [PO_EVENT_ERROR] = "error",
};
#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

const struct po_event_type_row *po_event_type_find(po_str name)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        if (po_str_eq_cstr(name, event_types[i].name)) return &event_types[i];
    return NULL;
}

const struct po_event_type_row *po_event_type_get(uint16_t code)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        if (event_types[i].type == code) return &event_types[i];
    return NULL;
}

const struct po_event_type_row *po_event_type_table(size_t *ret_count)
{
    *ret_count = EVENT_TYPE_COUNT;
    return event_types;
}

const char *po_event_class_name(enum po_event_class class)
{
    return (size_t) class < COUNT_OF(class_names) ? class_names[class] : "";
}

const char *po_event_severity_name(enum po_event_severity severity)
{
    return (size_t)severity < COUNT_OF(severity_names) ? severity_names[severity] : "";
}

const char *po_event_result_name(enum po_event_result result)
{
    return (size_t)result < COUNT_OF(result_names) ? result_names[result] : "";
}

po_rc po_event_result_parse(po_str text, enum po_event_result *ret_result)
{
    for (size_t i = 1; i < COUNT_OF(result_names); i++) {
        if (!po_str_eq_cstr(text, result_names[i])) continue;
        *ret_result = (enum po_event_result)i;
        return po_rc_ok();
    }
    return po_rc_of(PO_INVALID);
}

bool po_event_severity_is_known(po_str text)
{
    for (size_t i = 1; i < COUNT_OF(severity_names); i++)
        if (po_str_eq_cstr(text, severity_names[i])) return true;
    return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

static po_rc check_text(struct po_ctx *cx, const char *name, po_str text, size_t least)
{
    if (text.len < least) return PO_FAIL(cx, PO_INVALID, "an event needs '%s'", name);
    if (text.len > PO_EVENT_FIELD_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "event member '%s' has %zu bytes", name, text.len);
    if (po_utf8_find_invalid(text) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "event member '%s' is not UTF-8", name);
    return po_rc_ok();
}

static po_rc check_detail(struct po_ctx *cx, po_str detail)
{
    struct po_json *root = NULL;
    if (detail.len > PO_EVENT_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "event detail of %zu bytes", detail.len);
    PO_TRY_MSG(cx, po_json_parse(cx, detail, PO_JSON_STRICT, &root), "event detail");
    if (root->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "event detail is not a JSON object");
    return po_rc_ok();
}

static bool is_zero_id(const uint8_t id[static 16])
{
    uint8_t any = 0;
    for (size_t i = 0; i < 16; i++)
        any |= id[i];
    return any == 0;
}

/* Everything defaulted, before a byte is written. */
struct event_parts {
    const struct po_event_type_row *row;
    po_str user_id;
    po_str session_id;
    po_str ip_address;
    po_str correlation_id;
    po_str detail;
    const char *severity;
    po_time_us time_us;
    uint8_t id[16];
};

static po_rc fill_parts(struct po_ctx *cx, const struct po_event *event, struct event_parts *parts)
{
    parts->row = po_event_type_get((uint16_t)event->type);
    if (parts->row == NULL)
        return PO_FAIL(cx, PO_INVALID, "unknown event type %d", (int)event->type);
    if (event->result < PO_EVENT_SUCCESS || event->result > PO_EVENT_ERROR)
        return PO_FAIL(cx, PO_INVALID, "event '%s' has no result", parts->row->name);
    if (cx->tenant.value == 0 || cx->tenant.value > INT64_MAX)
        return PO_FAIL(cx, PO_INVALID, "event '%s' has no tenant", parts->row->name);
    parts->user_id = event->user_id.len > 0 ? event->user_id : po_str_of(cx->actor);
    parts->session_id = event->session_id.len > 0 ? event->session_id : po_str_of(cx->session);
    parts->ip_address = event->ip_address.len > 0 ? event->ip_address : po_str_of(cx->ip);
    parts->correlation_id =
        event->correlation_id.len > 0 ? event->correlation_id : po_str_of(cx->request);
    parts->detail = event->detail.len > 0 ? event->detail : PO_LIT("{}");
    enum po_event_severity severity =
        event->severity == PO_EVENT_SEVERITY_DEFAULT ? parts->row->severity : event->severity;
    parts->severity = po_event_severity_name(severity);
    if (parts->severity[0] == '\0')
        return PO_FAIL(cx, PO_INVALID, "unknown event severity %d", (int)severity);
    parts->time_us = event->time_us != 0 ? event->time_us : po_ctx_now_us(cx);
    memcpy(parts->id, event->event_id, 16);
    if (is_zero_id(parts->id))
        PO_TRY_LEAF(cx, po_uuid7(parts->time_us, parts->id), "drawing an event id");
    PO_TRY(cx, check_text(cx, "user_id", parts->user_id, 1));
    PO_TRY(cx, check_text(cx, "resource", event->resource, 1));
    PO_TRY(cx, check_text(cx, "action", event->action, 1));
    PO_TRY(cx, check_text(cx, "ip_address", parts->ip_address, 0));
    PO_TRY(cx, check_text(cx, "session_id", parts->session_id, 1));
    PO_TRY(cx, check_text(cx, "correlation_id", parts->correlation_id, 0));
    PO_TRY(cx, check_detail(cx, parts->detail));
    return po_rc_ok();
}

static void write_members(struct po_ctx *cx, const struct po_event *event,
                          const struct event_parts *parts, struct po_buf *out)
{
    char time_text[PO_TIME_RFC3339_BYTES];
    char id_text[PO_UUID_TEXT_BYTES];
    po_time_format(parts->time_us, time_text);
    po_uuid_format(parts->id, id_text);
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "timestamp", po_str_of(time_text));
    po_json_out_field(&json, "event_type", po_str_of(parts->row->name));
    po_json_out_field(&json, "user_id", parts->user_id);
    po_json_out_field(&json, "resource", event->resource);
    po_json_out_field(&json, "action", event->action);
    po_json_out_field(&json, "result", po_str_of(po_event_result_name(event->result)));
    po_json_out_field(&json, "ip_address", parts->ip_address);
    po_json_out_field(&json, "session_id", parts->session_id);
    po_json_out_field_int(&json, "v", 1);
    po_json_out_field(&json, "event_id", po_str_of(id_text));
    po_json_out_field_int(&json, "tenant", (int64_t)cx->tenant.value);
    po_json_out_field(&json, "severity", po_str_of(parts->severity));
    po_json_out_field(&json, "channel", po_str_of(po_channel_name(cx->channel)));
    po_json_out_field(&json, "correlation_id", parts->correlation_id);
    po_json_out_key(&json, "detail");
    po_json_out_raw(&json, parts->detail);
    po_json_out_object_end(&json);
}

/* @control CC7.2 */
po_rc po_event_write(struct po_ctx *cx, const struct po_event *event, struct po_buf *out,
                     uint8_t ret_id[16])
{
    struct event_parts parts = {0};
    size_t start = out->len;
    PO_TRY(cx, fill_parts(cx, event, &parts));
    write_members(cx, event, &parts, out);
    if (po_buf_check(out).code != PO_OK || out->len - start > PO_EVENT_BYTES_MAX) {
        enum po_code code = out->status == PO_OK ? PO_LIMIT : out->status;
        po_buf_truncate(out, start);
        return PO_FAIL(cx, code, "event '%s' of over %zu bytes", parts.row->name,
                       PO_EVENT_BYTES_MAX);
    }
    if (ret_id != NULL) memcpy(ret_id, parts.id, 16);
    return po_rc_ok();
}
