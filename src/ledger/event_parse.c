/*
 * The validator of event bytes: members, order, types, closed sets (docs/spec/audit-event.md).
 */
#include "core/json.h"
#include "core/random.h"
#include "ledger/event_priv.h"
#include "ledger/ledger.h"

enum member {
    M_TIMESTAMP,
    M_EVENT_TYPE,
    M_USER_ID,
    M_RESOURCE,
    M_ACTION,
    M_RESULT,
    M_IP_ADDRESS,
    M_SESSION_ID,
    M_V,
    M_EVENT_ID,
    M_TENANT,
    M_SEVERITY,
    M_CHANNEL,
    M_CORRELATION_ID,
    M_DETAIL,
    MEMBER_COUNT
};

static const struct {
    const char *name;
    enum po_json_type type;
    size_t least; /* bytes of a string */
} members[MEMBER_COUNT] = {
    [M_TIMESTAMP] = {"timestamp", PO_JSON_STR, 1},
    [M_EVENT_TYPE] = {"event_type", PO_JSON_STR, 1},
    [M_USER_ID] = {"user_id", PO_JSON_STR, 1},
    [M_RESOURCE] = {"resource", PO_JSON_STR, 1},
    [M_ACTION] = {"action", PO_JSON_STR, 1},
    [M_RESULT] = {"result", PO_JSON_STR, 1},
    [M_IP_ADDRESS] = {"ip_address", PO_JSON_STR, 0},
    [M_SESSION_ID] = {"session_id", PO_JSON_STR, 1},
    [M_V] = {"v", PO_JSON_INT, 0},
    [M_EVENT_ID] = {"event_id", PO_JSON_STR, 1},
    [M_TENANT] = {"tenant", PO_JSON_INT, 0},
    [M_SEVERITY] = {"severity", PO_JSON_STR, 1},
    [M_CHANNEL] = {"channel", PO_JSON_STR, 1},
    [M_CORRELATION_ID] = {"correlation_id", PO_JSON_STR, 0},
    [M_DETAIL] = {"detail", PO_JSON_OBJECT, 0},
};

static po_rc collect(struct po_ctx *cx, const struct po_json *root,
                     const struct po_json *ret_members[static MEMBER_COUNT])
{
    if (root->type != PO_JSON_OBJECT) return PO_FAIL(cx, PO_INVALID, "an event is an object");
    if (root->count != MEMBER_COUNT)
        return PO_FAIL(cx, PO_INVALID, "an event has %d members, not %zu", MEMBER_COUNT,
                       root->count);
    const struct po_json *at = root->first;
    for (size_t i = 0; i < MEMBER_COUNT; i++, at = at->next) {
        if (!po_str_eq_cstr(at->key, members[i].name))
            return PO_FAIL(cx, PO_INVALID, "event member %zu is '%.*s', not '%s'", i + 1,
                           PO_STR_ARG(at->key), members[i].name);
        if (at->type != members[i].type)
            return PO_FAIL(cx, PO_INVALID, "event member '%s' has another type", members[i].name);
        if (at->type == PO_JSON_STR && at->str.len < members[i].least)
            return PO_FAIL(cx, PO_INVALID, "event member '%s' is empty", members[i].name);
        if (at->type == PO_JSON_STR && at->str.len > PO_EVENT_FIELD_BYTES_MAX)
            return PO_FAIL(cx, PO_LIMIT, "event member '%s' has %zu bytes", members[i].name,
                           at->str.len);
        ret_members[i] = at;
    }
    return po_rc_ok();
}

static bool is_channel(po_str text)
{
    for (int i = PO_CHANNEL_CLI; i <= PO_CHANNEL_SYSLOG; i++)
        if (po_str_eq_cstr(text, po_channel_name((enum po_channel)i))) return true;
    return false;
}

/* Lower-case UUIDv7. */
static bool is_event_id(po_str text)
{
    uint8_t id[16];
    char again[PO_UUID_TEXT_BYTES];
    if (!po_is_ok(po_uuid_parse(text, id))) return false;
    po_uuid_format(id, again);
    return po_str_eq_cstr(text, again) && (id[6] >> 4) == 7 && (id[8] >> 6) == 2;
}

static po_rc check_values(struct po_ctx *cx, const struct po_json *const m[static MEMBER_COUNT],
                          po_time_us *ret_time)
{
    char time_text[PO_TIME_RFC3339_BYTES];
    enum po_event_result result = PO_EVENT_SUCCESS;
    PO_TRY_LEAF(cx, po_time_parse(m[M_TIMESTAMP]->str, ret_time),
                "event timestamp is not RFC 3339 UTC");
    po_time_format(*ret_time, time_text);
    if (!po_str_eq_cstr(m[M_TIMESTAMP]->str, time_text))
        return PO_FAIL(cx, PO_INVALID, "event timestamp needs six decimals");
    if (po_event_type_find(m[M_EVENT_TYPE]->str) == NULL)
        return PO_FAIL(cx, PO_INVALID, "event type '%.*s' is not registered",
                       PO_STR_ARG(m[M_EVENT_TYPE]->str));
    PO_TRY_LEAF(cx, po_event_result_parse(m[M_RESULT]->str, &result),
                "event result '%.*s' is not one of the four", PO_STR_ARG(m[M_RESULT]->str));
    if (m[M_V]->integer != 1) return PO_FAIL(cx, PO_INVALID, "event version is not 1");
    if (!is_event_id(m[M_EVENT_ID]->str))
        return PO_FAIL(cx, PO_INVALID, "event_id is not a lower-case UUIDv7");
    if (m[M_TENANT]->integer < 1) return PO_FAIL(cx, PO_INVALID, "event tenant is not positive");
    if (!po_event_severity_is_known(m[M_SEVERITY]->str))
        return PO_FAIL(cx, PO_INVALID, "event severity '%.*s' is unknown",
                       PO_STR_ARG(m[M_SEVERITY]->str));
    if (!is_channel(m[M_CHANNEL]->str))
        return PO_FAIL(cx, PO_INVALID, "event channel '%.*s' is unknown",
                       PO_STR_ARG(m[M_CHANNEL]->str));
    return po_rc_ok();
}

po_rc po_event_parse(struct po_ctx *cx, po_str bytes, struct po_event_view *ret_view)
{
    struct po_json *root = NULL;
    const struct po_json *m[MEMBER_COUNT] = {0};
    po_time_us time_us = 0;
    if (bytes.len > PO_EVENT_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "event of %zu bytes", bytes.len);
    PO_TRY_MSG(cx, po_json_parse(cx, bytes, PO_JSON_STRICT, &root), "event");
    PO_TRY(cx, collect(cx, root, m));
    PO_TRY(cx, check_values(cx, m, &time_us));
    *ret_view = (struct po_event_view){
        .time_us = time_us,
        .timestamp = m[M_TIMESTAMP]->str,
        .event_type = m[M_EVENT_TYPE]->str,
        .user_id = m[M_USER_ID]->str,
        .resource = m[M_RESOURCE]->str,
        .action = m[M_ACTION]->str,
        .result = m[M_RESULT]->str,
        .ip_address = m[M_IP_ADDRESS]->str,
        .session_id = m[M_SESSION_ID]->str,
        .event_id = m[M_EVENT_ID]->str,
        .tenant = m[M_TENANT]->integer,
        .severity = m[M_SEVERITY]->str,
        .channel = m[M_CHANNEL]->str,
        .correlation_id = m[M_CORRELATION_ID]->str,
        .detail = po_str_slice(bytes, m[M_DETAIL]->offset, m[M_DETAIL]->end),
        .json = root,
    };
    return po_rc_ok();
}

/* @control CC7.2 */
po_rc po_event_validate(struct po_ctx *cx, po_str bytes)
{
    struct po_event_view view = {0};
    PO_TRY(cx, po_event_parse(cx, bytes, &view));
    return po_rc_ok();
}
