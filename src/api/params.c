/*
 * Members of a request: path, query and body against the route's table. What the table does not name is
 * refused, so nothing can be assigned that was not offered.
 */
#include "api/api_priv.h"
#include "core/codec.h"

static const struct {
    const char *pattern;
    size_t max;
} shapes[] = {
#define X(id, pattern, max) {pattern, max},
    PO_API_SHAPE_TABLE(X)
#undef X
};

const char *po_api_shape_pattern(enum po_api_shape shape) { return shapes[shape].pattern; }
size_t po_api_shape_max(enum po_api_shape shape) { return shapes[shape].max; }

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_control(uint32_t c) { return c < 0x20U || (c >= 0x7fU && c <= 0x9fU); }

/* Line ends that no byte shows, and overrides of direction: text that reads as what it is not. */
static bool is_trick(uint32_t c)
{
    return (c >= 0x2028U && c <= 0x202eU) || (c >= 0x2066U && c <= 0x2069U);
}

/* UTF-8 without control characters and tricks; blanks where `has_blanks`. */
static bool is_text(po_str text, bool has_blanks)
{
    size_t at = 0;
    while (at < text.len) {
        uint32_t c = 0;
        if (!po_is_ok(po_utf8_next(text, &at, &c))) return false;
        if (is_control(c) || is_trick(c) || (c == ' ' && !has_blanks)) return false;
    }
    return true;
}

/* An alphanumeric byte, then those and `others`. */
static bool is_word(po_str text, const char *others)
{
    if (text.len == 0 || !is_alnum(text.ptr[0])) return false;
    for (size_t i = 1; i < text.len; i++)
        if (!is_alnum(text.ptr[i]) && (text.ptr[i] == '\0' || !strchr(others, text.ptr[i])))
            return false;
    return true;
}

/* As is_word; no two of '.' and '/' side by side and none at the end: it stays below its directory. */
static bool is_program(po_str text)
{
    if (!is_word(text, "_-./")) return false;
    for (size_t i = 1; i < text.len; i++) {
        bool is_mark = text.ptr[i] == '.' || text.ptr[i] == '/';
        if (is_mark && (i + 1 == text.len || !is_alnum(text.ptr[i + 1]))) return false;
    }
    return true;
}

static bool is_of(po_str text, const char *marks, bool has_upper)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        if (is_upper && !has_upper) return false;
        if (!is_alnum(c) && (c == '\0' || !strchr(marks, c))) return false;
    }
    return text.len > 0;
}

/* "ses_" and what stands behind it. */
static bool is_id(po_str text)
{
    if (text.len < 5 || text.ptr[3] != '_') return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_lower = text.ptr[i] >= 'a' && text.ptr[i] <= 'z';
        if (i < 3 ? !is_lower : i > 3 && !is_alnum(text.ptr[i])) return false;
    }
    return true;
}

bool po_api_shape_fits(enum po_api_shape shape, po_str text)
{
    if (text.len > shapes[shape].max) return false;
    switch (shape) {
    case PO_API_SHAPE_TEXT: return is_text(text, true);
    case PO_API_SHAPE_SECRET: return text.len > 0 && po_utf8_find_invalid(text) == SIZE_MAX;
    case PO_API_SHAPE_WORD: return is_word(text, "_.:@-");
    case PO_API_SHAPE_ID: return is_id(text);
    case PO_API_SHAPE_SCOPE:
        if (po_str_ends(text, PO_LIT("*"))) text.len--;
        return is_of(text, "_.", false) && text.ptr[0] >= 'a' && text.ptr[0] <= 'z';
    case PO_API_SHAPE_WORD_OR_DASH: return is_of(text, "_-", true);
    case PO_API_SHAPE_EVENT:
        return is_of(text, "_.", false) && text.ptr[0] >= 'a' && text.ptr[0] <= 'z';
    case PO_API_SHAPE_PROGRAM: return is_program(text);
    case PO_API_SHAPE_VKEY: return is_word(text, "_./+=-");
    case PO_API_SHAPE_REPORT:
        return text.len > 2 && po_str_starts(text, PO_LIT("R-")) && is_of(text, "-", true);
    case PO_API_SHAPE_TIME: return is_of(text, ":.-", true);
    case PO_API_SHAPE_CURSOR: return is_of(text, "-", false);
    case PO_API_SHAPE_EMAIL: return text.len > 0 && is_text(text, false);
    case PO_API_SHAPE_COUNT: break;
    }
    return false;
}

static bool is_choice(const char *choices, po_str text)
{
    po_str rest = po_str_of(choices);
    po_str choice;
    while (po_str_next_field(&rest, '|', &choice))
        if (po_str_eq(choice, text)) return true;
    return false;
}

static bool text_fits(const struct po_api_param *param, po_str text)
{
    if (!po_api_shape_fits(param->shape, text)) return false;
    return param->choices == NULL || is_choice(param->choices, text);
}

static PO_RC bad(struct po_ctx *cx, struct po_api_call *call, const struct po_api_param *param)
{
    return po_api_refuse(cx, call, PO_INVALID, "the value is not one this member takes",
                         po_str_of(param->name));
}

static PO_RC add(struct po_ctx *cx, struct po_api_call *call, struct po_api_value value)
{
    (void)cx;
    PO_INVARIANT(cx, call->value_count < PO_API_PARAMS_MAX);
    call->values[call->value_count++] = value;
    return po_rc_ok();
}

/* A value that came as text: of the path or the query. */
static PO_RC add_text(struct po_ctx *cx, struct po_api_call *call, const struct po_api_param *param,
                      po_str text)
{
    struct po_api_value value = {.param = param, .text = text};
    if (param->type == PO_API_INT) {
        if (!po_is_ok(po_str_to_i64(text, &value.integer)) || value.integer < param->min ||
            value.integer > param->max)
            return bad(cx, call, param);
    } else if (param->type == PO_API_BOOL) {
        value.boolean = po_str_eq_cstr(text, "true");
        if (!value.boolean && !po_str_eq_cstr(text, "false")) return bad(cx, call, param);
    } else if (!text_fits(param, text)) {
        return bad(cx, call, param);
    }
    return add(cx, call, value);
}

const struct po_api_value *po_api_value(const struct po_api_call *call, const char *name)
{
    for (size_t i = 0; i < call->value_count; i++)
        if (strcmp(call->values[i].param->name, name) == 0) return &call->values[i];
    return NULL;
}

po_str po_api_text(const struct po_api_call *call, const char *name)
{
    const struct po_api_value *value = po_api_value(call, name);
    return value != NULL ? value->text : (po_str){"", 0};
}

static const struct po_api_param *find(const struct po_api_call *call, enum po_api_in in,
                                       po_str name)
{
    const struct po_api_param *params = call->route->params;
    for (size_t i = 0; i < PO_API_PARAMS_MAX && params[i].name != NULL; i++)
        if (params[i].in == in && po_str_eq_cstr(name, params[i].name)) return &params[i];
    return NULL;
}

po_rc po_api_params_path(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_api_param *params = call->route->params;
    size_t at = 0;
    for (size_t i = 0; i < PO_API_PARAMS_MAX && params[i].name != NULL; i++) {
        if (params[i].in != PO_API_IN_PATH) continue;
        PO_INVARIANT(cx, at < call->match.value_count);
        PO_TRY(cx, add_text(cx, call, &params[i], call->match.values[at++]));
    }
    return po_rc_ok();
}

/* -- query --------------------------------------------------------------------------------------- */

static PO_RC add_pair(struct po_ctx *cx, struct po_api_call *call, struct po_http_field pair)
{
    const struct po_api_param *param = find(call, PO_API_IN_QUERY, pair.name);
    if (param == NULL)
        return po_api_refuse(cx, call, PO_INVALID, "there is no such query parameter", pair.name);
    if (po_api_value(call, param->name) != NULL)
        return po_api_refuse(cx, call, PO_INVALID, "a query parameter is given twice", pair.name);
    return add_text(cx, call, param, pair.value);
}

static PO_RC read_query(struct po_ctx *cx, struct po_api_call *call)
{
    po_str rest = call->req->query;
    struct po_http_field pair = {0};
    po_rc rc = po_rc_ok();
    while (po_http_query_next(cx, &rest, &pair, &rc)) {
        if (rc.code == PO_INVALID)
            return po_api_refuse(cx, call, PO_INVALID, "the query is malformed", PO_LIT(""));
        PO_TRY(cx, rc);
        PO_TRY(cx, add_pair(cx, call, pair));
    }
    return po_rc_ok();
}

/* -- body ---------------------------------------------------------------------------------------- */

bool po_api_is_json(po_str type)
{
    size_t end = po_str_find_char(type, ';', 0);
    po_str rest = end == SIZE_MAX ? PO_LIT("") : po_str_trim(po_str_slice(type, end + 1, type.len));
    if (!po_str_eq_cstr(po_str_trim(po_str_slice(type, 0, end)), "application/json")) return false;
    return rest.len == 0 || po_str_eq_cstr(rest, "charset=utf-8") ||
           po_str_eq_cstr(rest, "charset=UTF-8");
}

/* Nesting before anything is parsed: braces in strings do not count. */
static size_t json_depth(po_str text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool is_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_string && c == '\\') i++;
        if (c == '"') is_string = !is_string;
        if (is_string) continue;
        if ((c == '{' || c == '[') && ++depth > deepest) deepest = depth;
        if ((c == '}' || c == ']') && depth > 0) depth--;
    }
    return deepest;
}

static PO_RC add_list(struct po_ctx *cx, struct po_api_call *call, const struct po_api_param *param,
                      const struct po_json *json)
{
    struct po_api_value value = {.param = param, .list_count = json->count};
    po_str *items = NULL;
    if (json->count == 0 || json->count > PO_API_LIST_VALUES_MAX) return bad(cx, call, param);
    PO_ARENA_NEW(cx, items, json->count);
    size_t at = 0;
    for (const struct po_json *item = json->first; item != NULL; item = item->next) {
        if (item->type != PO_JSON_STR || !text_fits(param, item->str)) return bad(cx, call, param);
        items[at++] = item->str;
    }
    value.list = items;
    return add(cx, call, value);
}

static PO_RC add_member(struct po_ctx *cx, struct po_api_call *call, const struct po_json *json)
{
    const struct po_api_param *param = find(call, PO_API_IN_BODY, json->key);
    if (param == NULL)
        return po_api_refuse(cx, call, PO_INVALID, "there is no such member", json->key);
    struct po_api_value value = {
        .param = param, .text = json->str, .integer = json->integer, .boolean = json->boolean};
    static const enum po_json_type types[] = {[PO_API_STR] = PO_JSON_STR,
                                              [PO_API_INT] = PO_JSON_INT,
                                              [PO_API_BOOL] = PO_JSON_BOOL,
                                              [PO_API_LIST] = PO_JSON_ARRAY};
    if (json->type != types[param->type]) return bad(cx, call, param);
    if (param->type == PO_API_LIST) return add_list(cx, call, param, json);
    if (param->type == PO_API_STR && !text_fits(param, json->str)) return bad(cx, call, param);
    if (param->type == PO_API_INT && (json->integer < param->min || json->integer > param->max))
        return bad(cx, call, param);
    return add(cx, call, value);
}

static PO_RC read_body(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_api_request *req = call->req;
    struct po_json *root = NULL;
    if (req->body.len == 0) return po_rc_ok();
    if (call->route->body_bytes_max == 0)
        return po_api_refuse(cx, call, PO_INVALID, "no content is taken here", PO_LIT(""));
    if (req->body.len > call->route->body_bytes_max)
        return po_api_refuse(cx, call, PO_LIMIT, "the content is too large", PO_LIT(""));
    if (!po_api_is_json(req->fields[PO_API_FIELD_CONTENT_TYPE]))
        return po_api_refuse_as(cx, call, 415, PO_INVALID, "send application/json");
    if (json_depth(req->body) > PO_API_JSON_DEPTH_MAX)
        return po_api_refuse(cx, call, PO_INVALID, "the JSON text is nested too deeply",
                             PO_LIT(""));
    po_rc rc = po_json_parse(cx, req->body, PO_JSON_STRICT, &root);
    if (!po_is_ok(rc) && rc.code != PO_INVALID && rc.code != PO_LIMIT) return rc;
    if (!po_is_ok(rc) || root->type != PO_JSON_OBJECT)
        return po_api_refuse(cx, call, PO_INVALID, "the content is no JSON object", PO_LIT(""));
    for (const struct po_json *member = root->first; member != NULL; member = member->next)
        PO_TRY(cx, add_member(cx, call, member));
    return po_rc_ok();
}

po_rc po_api_params_read(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_api_param *params = call->route->params;
    PO_TRY(cx, read_query(cx, call));
    PO_TRY(cx, read_body(cx, call));
    for (size_t i = 0; i < PO_API_PARAMS_MAX && params[i].name != NULL; i++)
        if (params[i].is_required && po_api_value(call, params[i].name) == NULL)
            return po_api_refuse(cx, call, PO_INVALID, "a member is missing",
                                 po_str_of(params[i].name));
    return po_rc_ok();
}
