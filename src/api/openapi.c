/*
 * The OpenAPI 3.1 document, made from the route table: what is served is what is described.
 */
#include "api/handlers_priv.h"

static void ref(struct po_json_out *json, struct po_ctx *cx, const char *kind, const char *name)
{
    const char *path = po_arena_printf(cx->arena, "#/components/%s/%s", kind, name);
    po_json_out_object(json);
    po_json_out_key(json, "$ref");
    po_json_out_cstr(json, path != NULL ? path : "");
    po_json_out_object_end(json);
}

static void field(struct po_json_out *json, const char *key, const char *value)
{
    po_json_out_key(json, key);
    po_json_out_cstr(json, value);
}

/* -- schemas of responses ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    const char *type;
    const char *format;
} plain_types[] = {{"str", "string", NULL},
                   {"int", "integer", "int64"},
                   {"bool", "boolean", NULL},
                   {"time", "string", "date-time"}};

static void plain_type(struct po_json_out *json, const char *type, const char *format,
                       bool is_nullable)
{
    po_json_out_object(json);
    po_json_out_key(json, "type");
    if (is_nullable) {
        po_json_out_array(json);
        po_json_out_cstr(json, type);
        po_json_out_cstr(json, "null");
        po_json_out_array_end(json);
    } else {
        po_json_out_cstr(json, type);
    }
    if (format != NULL) field(json, "format", format);
    po_json_out_object_end(json);
}

/* "str", "int?", "Leaf" without its "[]". */
static void one_type(struct po_json_out *json, struct po_ctx *cx, po_str type)
{
    bool is_nullable = po_str_ends(type, PO_LIT("?"));
    if (is_nullable) type = po_str_slice(type, 0, type.len - 1);
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++) {
        if (!po_str_eq_cstr(type, plain_types[i].name)) continue;
        plain_type(json, plain_types[i].type, plain_types[i].format, is_nullable);
        return;
    }
    if (!po_str_eq_cstr(type, "json")) {
        const char *name = po_arena_strdup(cx->arena, type);
        ref(json, cx, "schemas", name != NULL ? name : "Object");
        return;
    }
    po_json_out_object(json);
    po_json_out_object_end(json);
}

static void any_type(struct po_json_out *json, struct po_ctx *cx, po_str type)
{
    bool is_array = po_str_ends(type, PO_LIT("[]"));
    if (!is_array) {
        one_type(json, cx, type);
        return;
    }
    po_json_out_object(json);
    field(json, "type", "array");
    po_json_out_key(json, "items");
    one_type(json, cx, po_str_slice(type, 0, type.len - 2));
    po_json_out_object_end(json);
}

/* "name:type" or "name?:type" */
struct member {
    po_str name;
    po_str type;
    bool is_optional;
};

static bool next_member(po_str *rest, struct member *ret_member)
{
    po_str word;
    if (rest->len == 0 || !po_str_next_field(rest, ' ', &word)) return false;
    size_t colon = po_str_find_char(word, ':', 0);
    po_str name = po_str_slice(word, 0, colon);
    bool is_optional = po_str_ends(name, PO_LIT("?"));
    if (is_optional) name = po_str_slice(name, 0, name.len - 1);
    *ret_member = (struct member){name, po_str_slice(word, colon + 1, word.len), is_optional};
    return true;
}

static void schema(struct po_json_out *json, struct po_ctx *cx, const char *text)
{
    po_str rest = po_str_of(text);
    struct member member;
    po_json_out_object(json);
    field(json, "type", "object");
    po_json_out_key(json, "properties");
    po_json_out_object(json);
    while (next_member(&rest, &member)) {
        const char *name = po_arena_strdup(cx->arena, member.name);
        po_json_out_key(json, name != NULL ? name : "");
        any_type(json, cx, member.type);
    }
    po_json_out_object_end(json);
    po_json_out_key(json, "required");
    po_json_out_array(json);
    rest = po_str_of(text);
    while (next_member(&rest, &member))
        if (!member.is_optional) po_json_out_str(json, member.name);
    po_json_out_array_end(json);
    po_json_out_object_end(json);
}

/* -- members of requests ------------------------------------------------------------------------- */

static void choices(struct po_json_out *json, const char *text)
{
    po_str rest = po_str_of(text);
    po_str choice;
    po_json_out_key(json, "enum");
    po_json_out_array(json);
    while (po_str_next_field(&rest, '|', &choice))
        po_json_out_str(json, choice);
    po_json_out_array_end(json);
}

static void text_schema(struct po_json_out *json, const struct po_api_param *param)
{
    const char *pattern = po_api_shape_pattern(param->shape);
    po_json_out_object(json);
    field(json, "type", "string");
    if (!po_api_shape_fits(param->shape, PO_LIT(""))) po_json_out_field_int(json, "minLength", 1);
    po_json_out_field_int(json, "maxLength", (int64_t)po_api_shape_max(param->shape));
    if (param->choices != NULL)
        choices(json, param->choices);
    else if (pattern[0] != '\0')
        field(json, "pattern", pattern);
    else /* not ASCII alone, and JSON Schema counts characters */
        field(json, "description", "The length is counted in bytes of UTF-8.");
    po_json_out_object_end(json);
}

static void param_schema(struct po_json_out *json, const struct po_api_param *param)
{
    if (param->type == PO_API_STR) {
        text_schema(json, param);
        return;
    }
    po_json_out_object(json);
    if (param->type == PO_API_LIST) {
        field(json, "type", "array");
        po_json_out_field_int(json, "minItems", 1);
        po_json_out_field_int(json, "maxItems", PO_API_LIST_VALUES_MAX);
        po_json_out_key(json, "items");
        text_schema(json, param);
    } else if (param->type == PO_API_BOOL) {
        field(json, "type", "boolean");
    } else {
        field(json, "type", "integer");
        field(json, "format", "int64");
        po_json_out_field_int(json, "minimum", param->min);
        /* beyond 2^53 other programs would round it */
        if (param->max < (int64_t)1 << 53) po_json_out_field_int(json, "maximum", param->max);
    }
    po_json_out_object_end(json);
}

static void header_parameter(struct po_json_out *json, const char *name, const char *doc)
{
    po_json_out_object(json);
    field(json, "name", name);
    field(json, "in", "header");
    field(json, "description", doc);
    po_json_out_key(json, "schema");
    plain_type(json, "string", NULL, false);
    po_json_out_object_end(json);
}

static bool is_change(const struct po_api_route *route) { return route->method != PO_HTTP_GET; }

static void parameters(struct po_json_out *json, const struct po_api_route *route)
{
    po_json_out_key(json, "parameters");
    po_json_out_array(json);
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
        const struct po_api_param *param = &route->params[i];
        if (param->in == PO_API_IN_BODY) continue;
        po_json_out_object(json);
        field(json, "name", param->name);
        field(json, "in", param->in == PO_API_IN_PATH ? "path" : "query");
        po_json_out_key(json, "required");
        po_json_out_bool(json, param->is_required);
        field(json, "description", param->doc);
        po_json_out_key(json, "schema");
        param_schema(json, param);
        po_json_out_object_end(json);
    }
    if (is_change(route) && route->access != PO_API_PUBLIC && route->rate != PO_API_RATE_AUTH)
        header_parameter(json, "Idempotency-Key", "a repetition within a day is not done again");
    if (route->etag_of != NULL)
        header_parameter(json, "If-Match", "the ETag of what was read; 412 when it changed");
    po_json_out_array_end(json);
}

static bool has_body(const struct po_api_route *route, bool *ret_is_required)
{
    bool has = false;
    *ret_is_required = false;
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
        if (route->params[i].in != PO_API_IN_BODY) continue;
        has = true;
        if (route->params[i].is_required) *ret_is_required = true;
    }
    return has;
}

static void body_schema(struct po_json_out *json, const struct po_api_route *route)
{
    po_json_out_object(json);
    field(json, "type", "object");
    po_json_out_key(json, "additionalProperties");
    po_json_out_bool(json, false);
    po_json_out_key(json, "properties");
    po_json_out_object(json);
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
        if (route->params[i].in != PO_API_IN_BODY) continue;
        po_json_out_key(json, route->params[i].name);
        param_schema(json, &route->params[i]);
    }
    po_json_out_object_end(json);
    po_json_out_key(json, "required");
    po_json_out_array(json);
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++)
        if (route->params[i].in == PO_API_IN_BODY && route->params[i].is_required)
            po_json_out_cstr(json, route->params[i].name);
    po_json_out_array_end(json);
    po_json_out_object_end(json);
}

static void request_body(struct po_json_out *json, const struct po_api_route *route)
{
    bool is_required = false;
    if (!has_body(route, &is_required)) return;
    po_json_out_key(json, "requestBody");
    po_json_out_object(json);
    po_json_out_key(json, "required");
    po_json_out_bool(json, is_required);
    po_json_out_key(json, "content");
    po_json_out_object(json);
    po_json_out_key(json, "application/json");
    po_json_out_object(json);
    po_json_out_key(json, "schema");
    body_schema(json, route);
    po_json_out_object_end(json);
    po_json_out_object_end(json);
    po_json_out_object_end(json);
}

/* -- responses ----------------------------------------------------------------------------------- */

/* {"data":[…],"next_cursor":…} or {"passed":…,"result":…} around a schema. */
static void wrapped(struct po_json_out *json, struct po_ctx *cx, const struct po_api_route *route)
{
    bool is_run = route->result == PO_API_RESULT_RUN;
    po_json_out_object(json);
    field(json, "type", "object");
    po_json_out_key(json, "properties");
    po_json_out_object(json);
    po_json_out_key(json, is_run ? "passed" : "next_cursor");
    plain_type(json, is_run ? "boolean" : "string", NULL, !is_run);
    po_json_out_key(json, is_run ? "result" : "data");
    if (is_run) {
        ref(json, cx, "schemas", route->schema);
    } else {
        po_json_out_object(json);
        field(json, "type", "array");
        po_json_out_key(json, "items");
        ref(json, cx, "schemas", route->schema);
        po_json_out_object_end(json);
    }
    po_json_out_object_end(json);
    po_json_out_key(json, "required");
    po_json_out_array(json);
    po_json_out_cstr(json, is_run ? "passed" : "next_cursor");
    po_json_out_cstr(json, is_run ? "result" : "data");
    po_json_out_array_end(json);
    po_json_out_object_end(json);
}

static void content(struct po_json_out *json, struct po_ctx *cx, const struct po_api_route *route)
{
    bool is_text = route->result == PO_API_RESULT_TEXT;
    bool is_list = route->result == PO_API_RESULT_LIST || route->result == PO_API_RESULT_EVENTS;
    po_json_out_key(json, "content");
    po_json_out_object(json);
    po_json_out_key(json, is_text ? route->schema : "application/json");
    po_json_out_object(json);
    po_json_out_key(json, "schema");
    if (is_text)
        plain_type(json, "string", NULL, false);
    else if (is_list || route->result == PO_API_RESULT_RUN)
        wrapped(json, cx, route);
    else
        ref(json, cx, "schemas", route->schema);
    po_json_out_object_end(json);
    po_json_out_object_end(json);
}

static void responses(struct po_json_out *json, struct po_ctx *cx, const struct po_api_route *route)
{
    bool is_empty = route->schema[0] == '\0';
    po_json_out_key(json, "responses");
    po_json_out_object(json);
    po_json_out_key(json, is_empty ? "204" : "200");
    po_json_out_object(json);
    field(json, "description", is_empty ? "done" : route->summary);
    if (!is_empty) content(json, cx, route);
    po_json_out_object_end(json);
    po_json_out_key(json, "default");
    ref(json, cx, "responses", "Problem");
    po_json_out_object_end(json);
}

static void security(struct po_json_out *json, const struct po_api_route *route)
{
    static const char *const schemes[] = {"token", "session"};
    po_json_out_key(json, "security");
    po_json_out_array(json);
    for (size_t i = 0; i < 2 && route->access != PO_API_PUBLIC; i++) {
        po_json_out_object(json);
        po_json_out_key(json, schemes[i]);
        po_json_out_array(json);
        po_json_out_array_end(json);
        po_json_out_object_end(json);
    }
    po_json_out_array_end(json);
}

static const char *const verbs[PO_HTTP_METHOD_COUNT] = {"get",   "head",   "post",   "put",
                                                        "patch", "delete", "options"};

static void operation(struct po_json_out *json, struct po_ctx *cx, const struct po_api_route *route)
{
    po_json_out_key(json, verbs[route->method]);
    po_json_out_object(json);
    field(json, "operationId", route->id);
    field(json, "summary", route->summary);
    field(json, "x-paulyops-action", route->action);
    field(json, "x-paulyops-rate", po_api_rate_name(route->rate));
    if (route->command != NULL) field(json, "x-paulyops-command", route->command);
    parameters(json, route);
    request_body(json, route);
    responses(json, cx, route);
    security(json, route);
    po_json_out_object_end(json);
}

/* All methods of a path stand together, at its first row. */
static bool is_first(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(po_api_route_at(i)->path, po_api_route_at(at)->path) == 0) return false;
    return true;
}

static void paths(struct po_json_out *json, struct po_ctx *cx)
{
    size_t count = po_api_route_count();
    po_json_out_key(json, "paths");
    po_json_out_object(json);
    for (size_t i = 0; i < count; i++) {
        const char *path = po_api_route_at(i)->path;
        if (!is_first(i)) continue;
        po_json_out_key(json, path);
        po_json_out_object(json);
        for (size_t k = i; k < count; k++)
            if (strcmp(po_api_route_at(k)->path, path) == 0)
                operation(json, cx, po_api_route_at(k));
        po_json_out_object_end(json);
    }
    po_json_out_object_end(json);
}

static void components(struct po_json_out *json, struct po_ctx *cx)
{
    size_t count = 0;
    const struct po_api_schema *all = po_api_schemas(&count);
    po_json_out_key(json, "components");
    po_json_out_object(json);
    po_json_out_key(json, "schemas");
    po_json_out_object(json);
    for (size_t i = 0; i < count; i++) {
        po_json_out_key(json, all[i].name);
        schema(json, cx, all[i].text);
    }
    po_json_out_object_end(json);
    po_json_out_key(json, "responses");
    po_json_out_raw(json, PO_LIT("{\"Problem\":{\"description\":\"what went wrong (RFC 9457)\","
                                 "\"content\":{\"application/problem+json\":{\"schema\":{"
                                 "\"$ref\":\"#/components/schemas/Problem\"}}}}}"));
    po_json_out_key(json, "securitySchemes");
    po_json_out_raw(json, PO_LIT("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                                 "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\","
                                 "\"name\":\"" PO_API_COOKIE "\"}}"));
    po_json_out_object_end(json);
}

po_rc po_api_openapi(struct po_ctx *cx, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    field(&json, "openapi", "3.1.0");
    po_json_out_key(&json, "info");
    po_json_out_object(&json);
    field(&json, "title", "PaulyOps");
    field(&json, "version", "1");
    field(&json, "description", "SOC 2 control plane; docs/spec/api.md says what is promised.");
    po_json_out_object_end(&json);
    po_json_out_key(&json, "servers");
    po_json_out_raw(&json, PO_LIT("[{\"url\":\"" PO_API_PREFIX "\"}]"));
    paths(&json, cx);
    components(&json, cx);
    po_json_out_object_end(&json);
    po_buf_append_char(out, '\n');
    PO_TRY_LEAF(cx, po_buf_check(out), "the document of the API");
    return po_rc_ok();
}

po_rc po_api_document(struct po_ctx *cx, struct po_api_call *call)
{
    call->is_recorded = true;
    call->owes_nothing = true; /* public text; nobody's data */
    PO_TRY(cx, po_api_openapi(cx, &call->res->body));
    return po_api_json(cx, call, 200);
}
