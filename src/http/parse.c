/*
 * Request head: a state machine over bytes that keeps positions, not copies.
 *
 * Invariants
 *  1. every byte before `pos` has been accepted by a state; no state looks back or ahead of `len`.
 *  2. the result depends on the bytes alone, not on how calls cut them.
 *  3. after BAD nothing of the head may be used but `status`.
 *
 *   METHOD -> TARGET -> VERSION -> VERSION_LF -> FIELD -> NAME -> BLANK -> VALUE -> VALUE_LF -> FIELD
 *                                                FIELD -> END_LF -> done
 *
 * Source: RFC 9112 2-6, docs/spec/http.md 1 and 2
 */
#include "http/parse_priv.h"

enum state {
    STATE_METHOD,
    STATE_TARGET,
    STATE_VERSION,
    STATE_VERSION_LF,
    STATE_FIELD,
    STATE_NAME,
    STATE_BLANK,
    STATE_VALUE,
    STATE_VALUE_LF,
    STATE_END_LF,
    STATE_COUNT
};

#define METHOD_BYTES_MAX 16
#define VERSION_BYTES 8

static const char *const METHOD_NAMES[PO_HTTP_METHOD_COUNT] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
};

const char *po_http_method_name(enum po_http_method method)
{
    return (unsigned)method < PO_HTTP_METHOD_COUNT ? METHOD_NAMES[method] : "";
}

void po_http_head_init(struct po_http_head *head, char *base)
{
    /* Not the whole struct: the fields are written before they are read. */
    memset(head, 0, offsetof(struct po_http_head, fields));
    head->base = base;
}

static enum po_http_parse bad(struct po_http_head *head, unsigned status)
{
    head->status = (uint16_t)status;
    return PO_HTTP_PARSE_BAD;
}

static enum po_http_parse go(struct po_http_head *head, enum state state)
{
    head->state = (uint8_t)state;
    return PO_HTTP_PARSE_MORE;
}

static struct po_http_span span_from_mark(const struct po_http_head *head)
{
    return (struct po_http_span){head->mark, (uint16_t)(head->pos - head->mark)};
}

static enum po_http_parse in_method(struct po_http_head *head, size_t end)
{
    while (head->pos < end && head->base[head->pos] >= 'A' && head->base[head->pos] <= 'Z' &&
           head->pos < METHOD_BYTES_MAX)
        head->pos++;
    if (head->pos == end) return PO_HTTP_PARSE_MORE;
    if (head->base[head->pos] != ' ' || head->pos == 0) return bad(head, 400);
    po_str name = po_http_span_str(head, span_from_mark(head));
    for (head->method = 0; head->method < PO_HTTP_METHOD_COUNT; head->method++)
        if (po_str_eq_cstr(name, METHOD_NAMES[head->method])) break;
    if (head->method == PO_HTTP_METHOD_COUNT) return bad(head, 501);
    head->mark = ++head->pos;
    return go(head, STATE_TARGET);
}

static enum po_http_parse in_target(struct po_http_head *head, size_t end)
{
    size_t limit = (size_t)head->mark + PO_HTTP_TARGET_BYTES_MAX;
    size_t stop = end < limit ? end : limit;
    while (head->pos < stop && po_http_is(head->base[head->pos], PO_HTTP_C_TARGET))
        head->pos++;
    if (head->pos == end) return PO_HTTP_PARSE_MORE;
    if (po_http_is(head->base[head->pos], PO_HTTP_C_TARGET)) return bad(head, 414);
    if (head->base[head->pos] != ' ' || head->pos == head->mark) return bad(head, 400);
    head->target = span_from_mark(head);
    unsigned status = po_http_target_parse(head);
    if (status != 0) return bad(head, status);
    head->mark = ++head->pos;
    return go(head, STATE_VERSION);
}

static enum po_http_parse in_version(struct po_http_head *head, size_t end)
{
    static const char shape[VERSION_BYTES + 1] = "HTTP/0.0";
    while (head->pos < end && head->pos - head->mark < VERSION_BYTES) {
        char c = head->base[head->pos];
        char want = shape[head->pos - head->mark];
        if (want == '0' ? (c < '0' || c > '9') : c != want) return bad(head, 400);
        head->pos++;
    }
    if (head->pos == end) return PO_HTTP_PARSE_MORE;
    if (head->base[head->pos] != '\r') return bad(head, 400);
    const char *text = head->base + head->mark;
    if (text[5] != '1' || (text[7] != '0' && text[7] != '1')) return bad(head, 505);
    head->minor = text[7] == '1';
    head->pos++;
    return go(head, STATE_VERSION_LF);
}

static enum po_http_parse in_version_lf(struct po_http_head *head, size_t end)
{
    (void)end;
    if (head->base[head->pos] != '\n') return bad(head, 400);
    head->pos++;
    return go(head, STATE_FIELD);
}

static enum po_http_parse in_field(struct po_http_head *head, size_t end)
{
    (void)end;
    if (head->base[head->pos] == '\r') {
        head->pos++;
        return go(head, STATE_END_LF);
    }
    if (!po_http_is(head->base[head->pos], PO_HTTP_C_TOKEN)) return bad(head, 400);
    if (head->field_count == PO_HTTP_FIELDS_MAX) return bad(head, 431);
    head->mark = head->pos;
    return go(head, STATE_NAME);
}

static enum po_http_parse in_name(struct po_http_head *head, size_t end)
{
    while (head->pos < end && po_http_is(head->base[head->pos], PO_HTTP_C_TOKEN)) {
        char c = head->base[head->pos];
        if (c >= 'A' && c <= 'Z') head->base[head->pos] = (char)(c | 0x20);
        if (head->pos - head->mark == PO_HTTP_NAME_BYTES_MAX) return bad(head, 431);
        head->pos++;
    }
    if (head->pos == end) return PO_HTTP_PARSE_MORE;
    if (head->base[head->pos] != ':') return bad(head, 400);
    head->fields[head->field_count].name = span_from_mark(head);
    head->pos++;
    return go(head, STATE_BLANK);
}

static enum po_http_parse in_blank(struct po_http_head *head, size_t end)
{
    while (head->pos < end && (head->base[head->pos] == ' ' || head->base[head->pos] == '\t'))
        head->pos++;
    if (head->pos == end) return PO_HTTP_PARSE_MORE;
    head->mark = head->pos;
    return go(head, STATE_VALUE);
}

static enum po_http_parse in_value(struct po_http_head *head, size_t end)
{
    const char *p = head->base + head->pos;
    const char *stop = head->base + end;
    while (p < stop && po_http_is(*p, PO_HTTP_C_VALUE))
        p++;
    head->pos = (uint16_t)(p - head->base);
    if (p == stop) return PO_HTTP_PARSE_MORE;
    if (*p != '\r') return bad(head, 400);
    struct po_http_span value = span_from_mark(head);
    while (value.len > 0 && (head->base[value.at + value.len - 1] == ' ' ||
                             head->base[value.at + value.len - 1] == '\t'))
        value.len--;
    head->fields[head->field_count].value = value;
    head->pos++;
    return go(head, STATE_VALUE_LF);
}

static enum po_http_parse in_value_lf(struct po_http_head *head, size_t end)
{
    (void)end;
    if (head->base[head->pos] != '\n') return bad(head, 400);
    unsigned status = po_http_field_act(head, head->field_count);
    if (status != 0) return bad(head, status);
    head->field_count++;
    head->pos++;
    return go(head, STATE_FIELD);
}

static enum po_http_parse in_end_lf(struct po_http_head *head, size_t end)
{
    (void)end;
    if (head->base[head->pos] != '\n') return bad(head, 400);
    head->pos++;
    unsigned status = po_http_head_finish(head);
    return status != 0 ? bad(head, status) : PO_HTTP_PARSE_DONE;
}

enum po_http_parse po_http_head_parse(struct po_http_head *head, size_t len)
{
    typedef enum po_http_parse state_fn(struct po_http_head * head, size_t end);
    static state_fn *const STATES[STATE_COUNT] = {
        [STATE_METHOD] = in_method,     [STATE_TARGET] = in_target,
        [STATE_VERSION] = in_version,   [STATE_VERSION_LF] = in_version_lf,
        [STATE_FIELD] = in_field,       [STATE_NAME] = in_name,
        [STATE_BLANK] = in_blank,       [STATE_VALUE] = in_value,
        [STATE_VALUE_LF] = in_value_lf, [STATE_END_LF] = in_end_lf,
    };
    size_t end = len < PO_HTTP_HEAD_BYTES_MAX ? len : PO_HTTP_HEAD_BYTES_MAX;
    while (head->pos < end) {
        enum po_http_parse result = STATES[head->state](head, end);
        if (result != PO_HTTP_PARSE_MORE) return result;
    }
    if (head->pos == PO_HTTP_HEAD_BYTES_MAX) return bad(head, 431);
    return PO_HTTP_PARSE_MORE;
}
