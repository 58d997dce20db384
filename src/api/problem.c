/*
 * Responses: fields, JSON bodies, and problem documents (RFC 9457) that hold public text only.
 */
#include "api/api_priv.h"

#include <stdio.h>

void po_api_response_init(struct po_api_response *res)
{
    *res = (struct po_api_response){.status = 200};
    po_buf_init(&res->body, PO_API_RESPONSE_BYTES_MAX);
}

/* Bodies may hold secrets that are shown once. */
void po_api_response_done(struct po_api_response *res) { po_buf_wipe(&res->body); }

const char *po_api_field_name(enum po_api_field field)
{
    static const char *const names[] = {
#define X(id, text) text,
        PO_API_FIELD_TABLE(X)
#undef X
    };
    return names[field];
}

void po_api_set(struct po_api_response *res, enum po_http_name name, po_str value)
{
    if (res->field_count == PO_API_RESPONSE_FIELDS_MAX) return;
    res->fields[res->field_count++] = (struct po_api_response_field){name, value};
}

po_rc po_api_refuse(struct po_ctx *cx, struct po_api_call *call, enum po_code code,
                    const char *detail, po_str member)
{
    call->detail = detail;
    call->member = po_str_slice(member, 0, PO_API_NAME_BYTES_SHOWN);
    return PO_FAIL(cx, code, "%s", detail);
}

po_rc po_api_refuse_as(struct po_ctx *cx, struct po_api_call *call, unsigned status,
                       enum po_code code, const char *detail)
{
    call->status = status;
    return po_api_refuse(cx, call, code, detail, PO_LIT(""));
}

static const struct {
    unsigned status;
    const char *title;
} titles[] = {
    {404, "no such thing"},
    {405, "the method is not allowed here"},
    {406, "not in that form"},
    {412, "it is not what it was when it was read"},
    {415, "the content is not of a type that is taken here"},
    {422, "the key was used for another request"},
    {428, "say what it was when it was read (If-Match)"},
};

static const char *title_of(unsigned status, enum po_code code)
{
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status) return titles[i].title;
    return po_code_public_text(code);
}

static void set_retry_after(struct po_ctx *cx, struct po_api_call *call, unsigned status)
{
    uint32_t seconds = call->retry_after_s;
    if (seconds == 0 && (status == 429 || status == 503)) seconds = 1;
    if (seconds == 0) return;
    const char *text = po_arena_printf(cx->arena, "%u", seconds);
    if (text != NULL) po_api_set(call->res, PO_HTTP_RETRY_AFTER, po_str_of(text));
}

static void write_problem(struct po_ctx *cx, const struct po_api_call *call, unsigned status,
                          enum po_code code)
{
    struct po_json_out json;
    struct po_buf *body = &call->res->body;
    const char *name = po_code_name(code);
    const char *type = po_arena_printf(cx->arena, "urn:paulyops:problem:%s", name);
    po_json_out_init(&json, body, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "type", po_str_of(type != NULL ? type : "about:blank"));
    po_json_out_field(&json, "title", po_str_of(title_of(status, code)));
    po_json_out_field_int(&json, "status", (int64_t)status);
    if (call->detail != NULL) po_json_out_field(&json, "detail", po_str_of(call->detail));
    if (call->member.len > 0) po_json_out_field(&json, "member", call->member);
    if (call->rule != NULL) po_json_out_field(&json, "rule", po_str_of(call->rule));
    po_json_out_field(&json, "code", po_str_of(name));
    po_json_out_field(&json, "request_id", po_str_of(cx->request));
    po_json_out_object_end(&json);
    po_buf_append_char(body, '\n');
}

static bool keeps_field(enum po_http_name name)
{
    return name == PO_HTTP_ALLOW || name == PO_HTTP_CLEAR_SITE_DATA || name == PO_HTTP_SET_COOKIE;
}

void po_api_problem(struct po_ctx *cx, struct po_api_call *call, po_rc rc)
{
    struct po_api_response *res = call->res;
    unsigned status = call->status != 0 ? call->status : (unsigned)po_code_http(rc.code);
    if (status > 599 || status < 400) status = 500;
    size_t kept = 0;
    for (size_t i = 0; i < res->field_count; i++)
        if (keeps_field(res->fields[i].name)) res->fields[kept++] = res->fields[i];
    res->field_count = kept;
    res->next = PO_API_DONE;
    res->status = status;
    po_buf_clear(&res->body);
    po_api_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("application/problem+json"));
    po_api_set(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    if (status == 401)
        po_api_set(res, PO_HTTP_WWW_AUTHENTICATE, PO_LIT("Bearer realm=\"paulyops\""));
    set_retry_after(cx, call, status);
    write_problem(cx, call, status, rc.code);
}

po_rc po_api_json(struct po_ctx *cx, struct po_api_call *call, unsigned status)
{
    call->res->status = status;
    po_api_set(call->res, PO_HTTP_CONTENT_TYPE, PO_LIT("application/json"));
    po_api_set(call->res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    PO_TRY_LEAF(cx, po_buf_check(&call->res->body), "the response is too large");
    return po_rc_ok();
}
