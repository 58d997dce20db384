/*
 * Requests of the drill: of each route a good one, and bad ones of many kinds.
 */
#include "api/drill_priv.h"

#define TEXT_BYTES_MAX ((size_t)64 << 10)

/* Of a route (NULL: any) and a member. "%name" is of the subject. */
static const struct {
    const char *route;
    const char *member;
    const char *value;
} values[] = {
    {"setFlag", "name", "company_name"},
    {"getFlag", "name", "company_name"},
    {"setRegisterEntry", "name", "programme.target"},
    {"setRegisterEntry", "value", "100"},
    {"getRegisterEntry", "name", "programme.target"},
    {"createRole", "name", "drilled"},
    {"deleteRole", "role", "drilled"},
    {"setUserRole", "role", "operator"},
    {"getRole", "role", "auditor"},
    {"removeTrustKey", "name", "%key"},
    {"signIn", "email", PO_API_DRILL_EMAIL},
    {"signIn", "password", PO_API_DRILL_PASSWORD},
    {NULL, "control", "AUD-03"},
    {NULL, "controls", "CFG-02"},
    {NULL, "check", "HC-06"},
    {NULL, "report", "%report"},
    {NULL, "leaf", "0"},
    {NULL, "run", "%run"},
    {NULL, "user", "%user"},
    {NULL, "session", "%session"},
    {NULL, "token", "%token"},
    {NULL, "email", "%email"},
    {NULL, "role", "member"},
    {NULL, "actions", "control.list"},
    {NULL, "action", "control.list"},
    {NULL, "scopes", "control.list"},
    {NULL, "life", "24h"},
    {NULL, "days", "30"},
    {NULL, "vkey", "%vkey"},
    {NULL, "file", "drilled.script"},
    {NULL, "files", "drilled.script"},
    {NULL, "password", "not the password of anybody"},
    {NULL, "new_password", "nor is this one, until now"},
};

static const char *of_subject(const struct po_api_drill_subject *subject, const char *name)
{
    const struct {
        const char *name;
        const char *value;
    } of[] = {{"%user", subject->user},   {"%session", subject->session},
              {"%token", subject->token}, {"%email", subject->email},
              {"%run", subject->run},     {"%report", subject->report},
              {"%vkey", subject->vkey},   {"%key", subject->key}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (po_str_eq_cstr(po_str_of(name), of[i].name)) return of[i].value;
    return name;
}

/* A good value, or a bad one of PROGRAM's shape. */
static const char *value_of(struct po_ctx *cx, const struct po_api_drill_wish *wish,
                            const struct po_api_param *param)
{
    static const char *const outside[PO_API_DRILL_PATHS] = {
        "../drilled.script", "/etc/passwd", "a/../../drilled.script", "..",
        "./../config/.env",  "a/..",        "..\\drilled.script",     ".hidden/drilled.script"};
    po_str name = po_str_of(param->name);
    if (wish->input == PO_API_INPUT_OUTSIDE && param->shape == PO_API_SHAPE_PROGRAM)
        return outside[wish->variant % PO_API_DRILL_PATHS];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *route = values[i].route;
        if (route != NULL && !po_str_eq_cstr(po_str_of(route), wish->route->id)) continue;
        if (po_str_eq_cstr(name, values[i].member))
            return of_subject(wish->subject, values[i].value);
    }
    if (param->choices == NULL) return "drilled";
    po_str rest = po_str_of(param->choices);
    po_str first = rest;
    (void)po_str_next_field(&rest, '|', &first);
    const char *text = po_arena_strdup(cx->arena, first);
    return text != NULL ? text : "drilled";
}

/* -- path and query -------------------------------------------------------------------------------- */

static const struct po_api_param *next_path_param(const struct po_api_route *route, size_t *at)
{
    while (route->params[*at].name != NULL && route->params[*at].in != PO_API_IN_PATH)
        (*at)++;
    return &route->params[(*at)++];
}

static void write_path(struct po_ctx *cx, const struct po_api_drill_wish *wish, struct po_buf *out)
{
    size_t at = 0;
    bool is_bad = wish->input == PO_API_INPUT_BAD_PATH;
    po_buf_append_cstr(out, PO_API_PREFIX);
    for (const char *c = wish->route->path; *c != '\0'; c++) {
        if (*c != '{') {
            po_buf_append_char(out, *c);
            continue;
        }
        const struct po_api_param *param = next_path_param(wish->route, &at);
        po_buf_append_cstr(out, is_bad ? "no \"name\"" : value_of(cx, wish, param));
        while (*c != '}')
            c++;
    }
}

static const struct po_api_param *int_query(const struct po_api_route *route)
{
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++)
        if (route->params[i].in == PO_API_IN_QUERY && route->params[i].type == PO_API_INT)
            return &route->params[i];
    return NULL;
}

static void write_query(struct po_ctx *cx, const struct po_api_drill_wish *wish, struct po_buf *out)
{
    const struct po_api_route *route = wish->route;
    const struct po_api_param *bad =
        wish->input == PO_API_INPUT_BAD_QUERY ? int_query(route) : NULL;
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
        const struct po_api_param *param = &route->params[i];
        if (param->in != PO_API_IN_QUERY || (!param->is_required && param != bad)) continue;
        po_buf_printf(out, "%s%s=%s", out->len > 0 ? "&" : "", param->name,
                      param == bad ? "1e3" : value_of(cx, wish, param));
    }
    const char *more = wish->input == PO_API_INPUT_UNKNOWN_QUERY  ? "no_such_member=1"
                       : wish->input == PO_API_INPUT_SECRET_QUERY ? "password=x"
                                                                  : NULL;
    if (more != NULL) po_buf_printf(out, "%s%s", out->len > 0 ? "&" : "", more);
}

/* -- body ------------------------------------------------------------------------------------------ */

static const struct po_api_param *first_body(const struct po_api_route *route, bool is_text)
{
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
        const struct po_api_param *param = &route->params[i];
        if (param->in != PO_API_IN_BODY) continue;
        bool fits = param->type == PO_API_STR && param->choices == NULL &&
                    param->shape != PO_API_SHAPE_SECRET;
        if (!is_text || fits) return param;
    }
    return NULL;
}

static void write_value(struct po_ctx *cx, const struct po_api_drill_wish *wish,
                        const struct po_api_param *param, struct po_buf *out)
{
    const char *value = value_of(cx, wish, param);
    if (param->type == PO_API_STR)
        po_buf_printf(out, "\"%s\"", value);
    else if (param->type == PO_API_LIST)
        po_buf_printf(out, "[\"%s\"]", value);
    else
        po_buf_append_cstr(out, param->type == PO_API_INT ? "1" : "true");
}

static void write_too_long(const struct po_api_param *param, struct po_buf *out)
{
    po_buf_append_char(out, '"');
    for (size_t i = 0; i <= po_api_shape_max(param->shape); i++)
        po_buf_append_char(out, 'a');
    po_buf_append_char(out, '"');
}

static void write_member(struct po_ctx *cx, const struct po_api_drill_wish *wish,
                         const struct po_api_param *param, struct po_buf *out)
{
    bool is_first = param == first_body(wish->route, false);
    bool is_text = param == first_body(wish->route, true);
    po_buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", param->name);
    if (is_first && wish->input == PO_API_INPUT_WRONG_TYPE)
        po_buf_append_cstr(out, "{\"a\":1.5}");
    else if (is_text && wish->input == PO_API_INPUT_CONTROL)
        po_buf_append_cstr(out, "\"a\\u0007\\u202eb\"");
    else if (is_text && wish->input == PO_API_INPUT_TOO_LONG)
        write_too_long(param, out);
    else
        write_value(cx, wish, param, out);
    if (!is_first || wish->input != PO_API_INPUT_TWICE) return;
    po_buf_printf(out, ",\"%s\":", param->name);
    write_value(cx, wish, param, out);
}

/* Of the members that may be left out only the paths are given: what a request does stays small. */
static bool is_given(const struct po_api_drill_wish *wish, const struct po_api_param *param)
{
    if (param->in != PO_API_IN_BODY) return false;
    if (wish->input == PO_API_INPUT_MISSING) return false;
    bool is_first =
        param == first_body(wish->route, false) || param == first_body(wish->route, true);
    bool is_bad = wish->input != PO_API_INPUT_GOOD && is_first;
    return param->is_required || is_bad || param->shape == PO_API_SHAPE_PROGRAM;
}

static void write_body(struct po_ctx *cx, const struct po_api_drill_wish *wish, struct po_buf *out)
{
    const struct po_api_route *route = wish->route;
    bool is_unknown = wish->input == PO_API_INPUT_UNKNOWN_MEMBER;
    bool has_body = is_unknown || first_body(route, false) != NULL;
    if (!has_body && wish->input != PO_API_INPUT_NOT_JSON && wish->input != PO_API_INPUT_TOO_LARGE)
        return;
    po_buf_append_char(out, '{');
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++)
        if (is_given(wish, &route->params[i])) write_member(cx, wish, &route->params[i], out);
    if (is_unknown) po_buf_printf(out, "%s\"no_such_member\":1", out->len > 1 ? "," : "");
    if (wish->input == PO_API_INPUT_NOT_JSON) po_buf_append_cstr(out, "\"a\":");
    po_buf_append_char(out, '}');
    if (wish->input != PO_API_INPUT_TOO_LARGE) return;
    while (out->len <= route->body_bytes_max)
        po_buf_append_char(out, ' ');
}

/* -- which -------------------------------------------------------------------------------------------- */

static bool has_param(const struct po_api_route *route, enum po_api_in in, bool is_required)
{
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++)
        if (route->params[i].in == in && (route->params[i].is_required || !is_required))
            return true;
    return false;
}

static bool has_program(const struct po_api_route *route)
{
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++)
        if (route->params[i].shape == PO_API_SHAPE_PROGRAM) return true;
    return false;
}

static bool is_possible(const struct po_api_drill_wish *wish)
{
    const struct po_api_route *route = wish->route;
    bool takes_body = route->body_bytes_max > 0;
    switch (wish->input) {
    case PO_API_INPUT_GOOD:
    case PO_API_INPUT_UNKNOWN_QUERY:
    case PO_API_INPUT_SECRET_QUERY: return true;
    case PO_API_INPUT_BAD_QUERY: return int_query(route) != NULL;
    case PO_API_INPUT_BAD_PATH: return has_param(route, PO_API_IN_PATH, true);
    case PO_API_INPUT_NOT_JSON:
    case PO_API_INPUT_UNKNOWN_MEMBER:
    case PO_API_INPUT_TOO_LARGE: return takes_body && route->body_bytes_max < TEXT_BYTES_MAX;
    case PO_API_INPUT_NO_TYPE: return takes_body && route->access != PO_API_PUBLIC;
    case PO_API_INPUT_MISSING: return has_param(route, PO_API_IN_BODY, true);
    case PO_API_INPUT_TWICE:
    case PO_API_INPUT_WRONG_TYPE: return first_body(route, false) != NULL;
    case PO_API_INPUT_CONTROL:
    case PO_API_INPUT_TOO_LONG: return first_body(route, true) != NULL;
    case PO_API_INPUT_OUTSIDE: return has_program(route);
    case PO_API_INPUT_COUNT: break;
    }
    return false;
}

static PO_RC keep(struct po_ctx *cx, const struct po_buf *text, const char **ret_text)
{
    PO_TRY_LEAF(cx, po_buf_check(text), "a request of the drill is too large");
    *ret_text = po_arena_strdup(cx->arena, po_buf_str(text));
    return *ret_text != NULL ? po_rc_ok() : PO_FAIL(cx, PO_NOMEM, "out of request memory");
}

PO_RC po_api_drill_write(struct po_ctx *cx, const struct po_api_drill_wish *wish,
                         struct po_api_drill_written *ret_written, bool *ret_is_possible)
{
    PO_BUF_AUTO path;
    PO_BUF_AUTO query;
    PO_BUF_AUTO body;
    po_buf_init(&path, TEXT_BYTES_MAX);
    po_buf_init(&query, TEXT_BYTES_MAX);
    po_buf_init(&body, 2 * TEXT_BYTES_MAX);
    *ret_is_possible = is_possible(wish);
    if (!*ret_is_possible) return po_rc_ok();
    write_path(cx, wish, &path);
    write_query(cx, wish, &query);
    write_body(cx, wish, &body);
    PO_TRY(cx, keep(cx, &path, &ret_written->path));
    PO_TRY(cx, keep(cx, &query, &ret_written->query));
    return keep(cx, &body, &ret_written->body);
}
