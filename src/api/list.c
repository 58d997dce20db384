/*
 * Pages of lists and single rows of them, cut from a command's JSON output without writing it anew.
 *
 * A cursor of a list is "<rows to skip>-<check>", where the check binds it to route and filters; one of
 * events is the leaf that the page before ended at, so that it stays right while events arrive.
 */
#include "api/api_priv.h"

struct list {
    po_str json;
    const struct po_json *data;
};

static PO_RC read_list(struct po_ctx *cx, po_str json, struct list *list)
{
    struct po_json *root = NULL;
    list->json = json;
    PO_TRY(cx, po_json_parse(cx, json, PO_JSON_ALLOW_REAL, &root));
    return po_json_get_array(cx, root, "data", &list->data);
}

static po_str bytes_of(const struct list *list, const struct po_json *row)
{
    return po_str_slice(list->json, row->offset, row->end);
}

/* FNV-1a of the route and all members but the page's own. */
static uint32_t filter_check(const struct po_api_call *call)
{
    uint32_t hash = 2166136261U;
    const po_str parts[] = {po_str_of(call->route->id), call->req->path};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < parts[i].len; k++)
            hash = (hash ^ (uint8_t)parts[i].ptr[k]) * 16777619U;
    for (size_t i = 0; i < call->value_count; i++) {
        const struct po_api_value *value = &call->values[i];
        if (strcmp(value->param->name, "limit") == 0 || strcmp(value->param->name, "cursor") == 0)
            continue;
        po_str name = po_str_of(value->param->name);
        for (size_t k = 0; k < name.len; k++)
            hash = (hash ^ (uint8_t)name.ptr[k]) * 16777619U;
        for (size_t k = 0; k < value->text.len; k++)
            hash = (hash ^ (uint8_t)value->text.ptr[k]) * 16777619U;
    }
    return hash;
}

static size_t page_limit(const struct po_api_call *call)
{
    const struct po_api_value *limit = po_api_value(call, "limit");
    return limit != NULL ? (size_t)limit->integer : PO_API_PAGE_DEFAULT;
}

static PO_RC bad_cursor(struct po_ctx *cx, struct po_api_call *call)
{
    return po_api_refuse(cx, call, PO_INVALID, "it is no cursor of this list", PO_LIT("cursor"));
}

static PO_RC read_cursor(struct po_ctx *cx, struct po_api_call *call, size_t *ret_skip)
{
    po_str cursor = po_api_text(call, "cursor");
    *ret_skip = 0;
    if (cursor.len == 0) return po_rc_ok();
    size_t dash = po_str_find_char(cursor, '-', 0);
    uint64_t skip = 0;
    if (dash == SIZE_MAX || !po_is_ok(po_str_to_u64(po_str_slice(cursor, 0, dash), 1000000, &skip)))
        return bad_cursor(cx, call);
    const char *wanted =
        po_arena_printf(cx->arena, "%lu-%x", (unsigned long)skip, filter_check(call));
    if (wanted == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    if (!po_str_eq_cstr(cursor, wanted)) return bad_cursor(cx, call);
    *ret_skip = (size_t)skip;
    return po_rc_ok();
}

static void end_list(struct po_buf *body, const char *cursor_or_null)
{
    po_buf_append_cstr(body, "],\"next_cursor\":");
    if (cursor_or_null != NULL)
        po_json_quote(body, po_str_of(cursor_or_null));
    else
        po_buf_append_cstr(body, "null");
    po_buf_append_cstr(body, "}\n");
}

po_rc po_api_page(struct po_ctx *cx, struct po_api_call *call, po_str json)
{
    struct list list;
    struct po_buf *body = &call->res->body;
    size_t skip = 0;
    size_t limit = page_limit(call);
    PO_TRY(cx, read_cursor(cx, call, &skip));
    PO_TRY(cx, read_list(cx, json, &list));
    size_t at = 0;
    po_buf_append_cstr(body, "{\"data\":[");
    for (const struct po_json *row = list.data->first; row != NULL; row = row->next, at++) {
        if (at < skip || at >= skip + limit) continue;
        if (at > skip) po_buf_append_char(body, ',');
        po_buf_append(body, bytes_of(&list, row));
    }
    const char *next = NULL;
    if (at > skip + limit)
        next =
            po_arena_printf(cx->arena, "%lu-%x", (unsigned long)(skip + limit), filter_check(call));
    end_list(body, next);
    return po_api_json(cx, call, 200);
}

po_rc po_api_page_events(struct po_ctx *cx, struct po_api_call *call, po_str json)
{
    struct list list;
    struct po_buf *body = &call->res->body;
    size_t limit = page_limit(call);
    PO_TRY(cx, read_list(cx, json, &list));
    size_t count = list.data->count;
    const struct po_json **rows = NULL;
    PO_ARENA_NEW(cx, rows, count + 1);
    size_t at = count;
    for (const struct po_json *row = list.data->first; row != NULL; row = row->next)
        rows[--at] = row;
    size_t shown = count > limit ? limit : count;
    po_buf_append_cstr(body, "{\"data\":[");
    for (size_t i = 0; i < shown; i++) {
        if (i > 0) po_buf_append_char(body, ',');
        po_buf_append(body, bytes_of(&list, rows[i]));
    }
    const char *next = NULL;
    if (count > limit) {
        int64_t leaf = 0;
        PO_TRY(cx, po_json_get_int(cx, rows[shown - 1], "seq", &leaf));
        next = po_arena_printf(cx->arena, "%ld", (long)leaf);
    }
    end_list(body, next);
    return po_api_json(cx, call, 200);
}

static PO_RC respond_row(struct po_ctx *cx, struct po_api_call *call, po_str row)
{
    po_buf_append(&call->res->body, row);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

po_rc po_api_one(struct po_ctx *cx, struct po_api_call *call, po_str json)
{
    struct list list;
    PO_TRY(cx, read_list(cx, json, &list));
    if (list.data->first == NULL) return po_api_refuse(cx, call, PO_NOTFOUND, NULL, PO_LIT(""));
    return respond_row(cx, call, bytes_of(&list, list.data->first));
}

po_rc po_api_pick(struct po_ctx *cx, struct po_api_call *call, po_str json)
{
    struct list list;
    po_str wanted = call->match.values[call->match.value_count - 1];
    PO_TRY(cx, read_list(cx, json, &list));
    for (const struct po_json *row = list.data->first; row != NULL; row = row->next) {
        const struct po_json *key = po_json_get(row, call->route->pick);
        if (key == NULL || key->type != PO_JSON_STR || !po_str_eq(key->str, wanted)) continue;
        return respond_row(cx, call, bytes_of(&list, row));
    }
    return po_api_refuse(cx, call, PO_NOTFOUND, NULL, PO_LIT(""));
}
