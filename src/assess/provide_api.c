/*
 * Facts of the HTTP interface. What it says of itself (api.operations, api.cookies): its document is made
 * from the table that serves it, its cookies by what sets them. What it does (api.drill, api.served). That
 * lies above this layer: main.c and the service hand it down.
 */
#include "assess/assess_priv.h"

#include "identity/identity.h"

#define DOCUMENT_BYTES_MAX ((size_t)4 << 20)
#define COOKIES_BYTES_MAX 8192
#define DRILL_TIMEOUT_MS 45000

static po_assess_openapi *write_document;

void po_assess_openapi_set(po_assess_openapi *write) { write_document = write; }

static po_assess_openapi *write_cookies;

void po_assess_cookies_set(po_assess_openapi *write) { write_cookies = write; }

static po_assess_served *write_served;
static void *served_user;

void po_assess_served_set(po_assess_served *write, void *user)
{
    write_served = write;
    served_user = user;
}

static po_str text_of(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

/* An object that says something: {} would take anything. */
static bool is_schema(const struct po_json *schema)
{
    return schema != NULL && schema->type == PO_JSON_OBJECT && schema->first != NULL;
}

/* A body is described, and members that are not described are refused. */
static bool has_body_schema(const struct po_json *body)
{
    const struct po_json *content = po_json_get(body, "content");
    const struct po_json *media = content != NULL ? content->first : NULL;
    const struct po_json *schema = media != NULL ? po_json_get(media, "schema") : NULL;
    const struct po_json *more =
        is_schema(schema) ? po_json_get(schema, "additionalProperties") : NULL;
    return more != NULL && more->type == PO_JSON_BOOL && !more->boolean;
}

/* Each parameter and the body, when there is one, has a schema. */
static bool has_schemas(const struct po_json *operation)
{
    const struct po_json *parameters = po_json_get(operation, "parameters");
    const struct po_json *body = po_json_get(operation, "requestBody");
    if (parameters == NULL || parameters->type != PO_JSON_ARRAY) return false;
    for (const struct po_json *at = parameters->first; at != NULL; at = at->next)
        if (!is_schema(po_json_get(at, "schema"))) return false;
    return body == NULL || has_body_schema(body);
}

/* It says that nobody need be signed in. Saying nothing is not that. */
static bool is_public(const struct po_json *operation)
{
    const struct po_json *security = po_json_get(operation, "security");
    return security != NULL && security->type == PO_JSON_ARRAY && security->first == NULL;
}

static void put_operation(struct po_json_out *out, const struct po_json *operation)
{
    po_str action = text_of(operation, "x-paulyops-action");
    po_json_out_object(out);
    po_json_out_field(out, "id", text_of(operation, "operationId"));
    po_json_out_field(out, "action", action);
    po_json_out_key(out, "known_action");
    po_json_out_bool(out, po_action_find(action) != NULL);
    po_json_out_key(out, "public");
    po_json_out_bool(out, is_public(operation));
    po_json_out_key(out, "schemas");
    po_json_out_bool(out, has_schemas(operation));
    po_json_out_object_end(out);
}

static PO_RC put_operations(struct po_ctx *cx, struct po_json_out *out)
{
    PO_BUF_AUTO text;
    struct po_json *root = NULL;
    po_buf_init(&text, DOCUMENT_BYTES_MAX);
    if (write_document == NULL) return po_rc_ok();
    PO_TRY(cx, write_document(cx, &text));
    PO_TRY_MSG(cx, po_json_parse(cx, po_buf_str(&text), PO_JSON_STRICT, &root),
               "the interface's own document");
    const struct po_json *paths = po_json_get(root, "paths");
    for (const struct po_json *path = paths != NULL ? paths->first : NULL; path != NULL;
         path = path->next)
        for (const struct po_json *at = path->first; at != NULL; at = at->next)
            if (po_json_get(at, "operationId") != NULL) put_operation(out, at);
    return po_rc_ok();
}

PO_RC po_assess_api_operations(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out)
{
    (void)in;
    po_json_out_object(out);
    po_json_out_key(out, "operations");
    po_json_out_array(out);
    PO_TRY(cx, put_operations(cx, out));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_RC po_assess_api_cookies(struct po_ctx *cx, const struct po_assess_inputs *in,
                            struct po_json_out *out)
{
    PO_BUF_AUTO text;
    po_str line;
    (void)in;
    po_buf_init(&text, COOKIES_BYTES_MAX);
    if (write_cookies != NULL) PO_TRY(cx, write_cookies(cx, &text));
    PO_TRY_LEAF(cx, po_buf_check(&text), "the interface's cookies are too large");
    po_str rest = po_buf_str(&text);
    po_json_out_object(out);
    po_json_out_key(out, "cookies");
    po_json_out_array(out);
    while (po_str_next_line(&rest, &line))
        po_json_out_str(out, line);
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_RC po_assess_api_served(struct po_ctx *cx, const struct po_assess_inputs *in,
                           struct po_json_out *out)
{
    (void)in;
    po_json_out_object(out);
    po_json_out_key(out, "services");
    po_json_out_array(out);
    if (write_served != NULL) PO_TRY(cx, write_served(cx, served_user, out));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_RC po_assess_api_drill(struct po_ctx *cx, const struct po_assess_inputs *in,
                          struct po_json_out *out)
{
    const struct po_assess_drill_child child = {PO_API_DRILL_ROLE, DRILL_TIMEOUT_MS};
    return po_assess_drill_child_run(cx, in, &child, out);
}
