/*
 * Strict reading of the set's JSON: exact members, bounded texts, known ids. Every refusal names
 * the object and the member.
 */
#include "control/catalog_priv.h"

#define OBJECT_ARGS(o) (o)->what, PO_STR_ARG((o)->id)

PO_RC po_ctl_index_add(struct po_ctx *cx, struct po_map *map, const struct po_ctl_object *o,
                       size_t position)
{
    if (po_map_find(map, o->id) != NULL)
        return PO_FAIL(cx, PO_INVALID, "%s '%.*s' occurs twice", OBJECT_ARGS(o));
    /* Positions are kept as pointers plus one: the map's values cannot be NULL. */
    PO_TRY(cx, po_map_add(cx, map, o->id, (void *)(uintptr_t)(position + 1)));
    return po_rc_ok();
}

size_t po_ctl_index_find(const struct po_map *map, po_str id)
{
    const void *value = po_map_find(map, id);
    return value == NULL ? SIZE_MAX : (size_t)((uintptr_t)value - 1);
}

static bool is_listed(const char *const *names, po_str name)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (po_str_eq_cstr(name, names[i])) return true;
    }
    return false;
}

PO_RC po_ctl_members(struct po_ctx *cx, const struct po_ctl_object *o, const char *const *names)
{
    const struct po_json *value = o->json;
    if (value == NULL || value->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "%s '%.*s' is not an object", OBJECT_ARGS(o));
    for (const struct po_json *m = value->first; m != NULL; m = m->next) {
        if (!is_listed(names, m->key))
            return PO_FAIL(cx, PO_INVALID, "%s '%.*s' has an unknown member '%.*s'", OBJECT_ARGS(o),
                           PO_STR_ARG(m->key));
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        if (po_json_get(value, names[i]) == NULL)
            return PO_FAIL(cx, PO_INVALID, "%s '%.*s' has no member '%s'", OBJECT_ARGS(o),
                           names[i]);
    }
    return po_rc_ok();
}

static PO_RC check_text(struct po_ctx *cx, const struct po_json *value, const char *key,
                        const struct po_ctl_object *o)
{
    if (value == NULL || value->type != PO_JSON_STR || value->str.len == 0)
        return PO_FAIL(cx, PO_INVALID, "%s '%.*s': '%s' is not a text", OBJECT_ARGS(o), key);
    if (value->str.len > PO_CONTROL_TEXT_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "%s '%.*s': '%s' is longer than %d bytes", OBJECT_ARGS(o), key,
                       PO_CONTROL_TEXT_BYTES_MAX);
    if (po_str_find_char(value->str, '\n', 0) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "%s '%.*s': '%s' is not one line", OBJECT_ARGS(o), key);
    return po_rc_ok();
}

PO_RC po_ctl_text(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                  po_str *ret_text)
{
    const struct po_json *value = po_json_get(o->json, key);
    PO_TRY(cx, check_text(cx, value, key, o));
    *ret_text = value->str;
    return po_rc_ok();
}

/* A member that is an array of at most PO_CONTROL_REFS_MAX different texts. */
static PO_RC get_text_array(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                            const struct po_json **ret_array)
{
    const struct po_json *array = po_json_get(o->json, key);
    if (array == NULL || array->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "%s '%.*s': '%s' is not a list", OBJECT_ARGS(o), key);
    if (array->count > PO_CONTROL_REFS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "%s '%.*s': '%s' has more than %d entries", OBJECT_ARGS(o),
                       key, PO_CONTROL_REFS_MAX);
    for (const struct po_json *a = array->first; a != NULL; a = a->next) {
        PO_TRY(cx, check_text(cx, a, key, o));
        for (const struct po_json *b = array->first; b != a; b = b->next) {
            if (po_str_eq(a->str, b->str))
                return PO_FAIL(cx, PO_INVALID, "%s '%.*s': '%s' lists '%.*s' twice", OBJECT_ARGS(o),
                               key, PO_STR_ARG(a->str));
        }
    }
    *ret_array = array;
    return po_rc_ok();
}

PO_RC po_ctl_texts(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                   const po_str **ret_texts, size_t *ret_count)
{
    const struct po_json *array = NULL;
    PO_TRY(cx, get_text_array(cx, o, key, &array));
    po_str *texts = NULL;
    PO_ARENA_NEW(cx, texts, array->count + 1);
    size_t n = 0;
    for (const struct po_json *a = array->first; a != NULL; a = a->next)
        texts[n++] = a->str;
    *ret_texts = texts;
    *ret_count = n;
    return po_rc_ok();
}

PO_RC po_ctl_refs(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                  const struct po_map *map, po_id_list *ret_list)
{
    const struct po_json *array = NULL;
    PO_TRY(cx, get_text_array(cx, o, key, &array));
    uint16_t *at = NULL;
    PO_ARENA_NEW(cx, at, array->count + 1);
    size_t n = 0;
    for (const struct po_json *a = array->first; a != NULL; a = a->next) {
        size_t position = po_ctl_index_find(map, a->str);
        if (position == SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID, "%s '%.*s': '%s' names unknown '%.*s'", OBJECT_ARGS(o),
                           key, PO_STR_ARG(a->str));
        at[n++] = (uint16_t)position;
    }
    *ret_list = (po_id_list){at, n};
    return po_rc_ok();
}

PO_RC po_ctl_choice(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                    const char *const *names, size_t *ret_choice)
{
    po_str text;
    PO_TRY(cx, po_ctl_text(cx, o, key, &text));
    for (size_t i = 0; names[i] != NULL; i++) {
        if (po_str_eq_cstr(text, names[i])) {
            *ret_choice = i;
            return po_rc_ok();
        }
    }
    return PO_FAIL(cx, PO_INVALID, "%s '%.*s': unknown %s '%.*s'", OBJECT_ARGS(o), key,
                   PO_STR_ARG(text));
}

PO_RC po_ctl_file(struct po_ctx *cx, po_str bytes, const struct po_ctl_file *file,
                  const struct po_json **ret_root, const struct po_json **ret_array)
{
    struct po_json *root = NULL;
    PO_TRY_MSG(cx, po_json_parse(cx, bytes, PO_JSON_STRICT, &root), "reading '%s'", file->name);
    PO_TRY(cx, po_ctl_members(cx, &(struct po_ctl_object){root, "file", po_str_of(file->name)},
                              file->members));
    const struct po_json *array = po_json_get(root, file->list);
    const struct po_json *count = po_json_get(root, "count");
    if (array->type != PO_JSON_ARRAY || array->count == 0)
        return PO_FAIL(cx, PO_INVALID, "file '%s': '%s' is not a list with entries", file->name,
                       file->list);
    if (array->count > file->max)
        return PO_FAIL(cx, PO_LIMIT, "file '%s': more than %zu %s", file->name, file->max,
                       file->list);
    if (count->type != PO_JSON_INT || count->integer != (int64_t)array->count)
        return PO_FAIL(cx, PO_INVALID, "file '%s': 'count' is not the number of %s, %zu",
                       file->name, file->list, array->count);
    *ret_root = root;
    *ret_array = array;
    return po_rc_ok();
}
