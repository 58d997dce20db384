/*
 * Reading a parsed tree: members by name and by type, members in order.
 */
#include "core/json_priv.h"

const struct po_json *po_json_get(const struct po_json *object, const char *key)
{
    if (object == NULL || object->type != PO_JSON_OBJECT) return NULL;
    po_str wanted = po_str_of(key);
    for (const struct po_json *member = object->first; member != NULL; member = member->next)
        if (po_str_eq(member->key, wanted)) return member;
    return NULL;
}

/* Stands in until a member is found, so that no reader can follow a NULL. */
static const struct po_json NOTHING = {.type = PO_JSON_NULL};

static PO_RC get_typed(struct po_ctx *cx, const struct po_json *object, const char *key,
                       enum po_json_type type, const struct po_json **ret_member)
{
    static const char *const WANTED[] = {
        [PO_JSON_NULL] = "null",        [PO_JSON_BOOL] = "true or false",
        [PO_JSON_INT] = "an integer",   [PO_JSON_REAL] = "a number",
        [PO_JSON_STR] = "a string",     [PO_JSON_ARRAY] = "an array",
        [PO_JSON_OBJECT] = "an object",
    };
    const struct po_json *member = po_json_get(object, key);
    if (member == NULL) return PO_FAIL(cx, PO_INVALID, "'%s' is missing", key);
    if (member->type != type) return PO_FAIL(cx, PO_INVALID, "'%s' is not %s", key, WANTED[type]);
    *ret_member = member;
    return po_rc_ok();
}

po_rc po_json_get_str(struct po_ctx *cx, const struct po_json *object, const char *key,
                      po_str *ret_str)
{
    const struct po_json *member = &NOTHING;
    PO_TRY(cx, get_typed(cx, object, key, PO_JSON_STR, &member));
    *ret_str = member->str;
    return po_rc_ok();
}

po_rc po_json_get_int(struct po_ctx *cx, const struct po_json *object, const char *key,
                      int64_t *ret_int)
{
    const struct po_json *member = &NOTHING;
    PO_TRY(cx, get_typed(cx, object, key, PO_JSON_INT, &member));
    *ret_int = member->integer;
    return po_rc_ok();
}

po_rc po_json_get_array(struct po_ctx *cx, const struct po_json *object, const char *key,
                        const struct po_json **ret_array)
{
    const struct po_json *member = &NOTHING;
    PO_TRY(cx, get_typed(cx, object, key, PO_JSON_ARRAY, &member));
    *ret_array = member;
    return po_rc_ok();
}

/* Equal keys: input order. */
static bool is_before(const struct po_json *a, const struct po_json *b, po_json_key_order *order)
{
    int by_key = order(a->key, b->key);
    return by_key != 0 ? by_key < 0 : a->offset < b->offset;
}

static void sift_down(const struct po_json **heap, size_t root, size_t count,
                      po_json_key_order *order)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && is_before(heap[child], heap[child + 1], order)) child++;
        if (!is_before(heap[root], heap[child], order)) return;
        const struct po_json *moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}

static void heap_sort(const struct po_json **members, size_t count, po_json_key_order *order)
{
    for (size_t i = count / 2; i > 0; i--)
        sift_down(members, i - 1, count, order);
    for (size_t last = count; last > 1; last--) {
        const struct po_json *largest = members[0];
        members[0] = members[last - 1];
        members[last - 1] = largest;
        sift_down(members, 0, last - 1, order);
    }
}

po_rc po_json_sorted_members(struct po_ctx *cx, const struct po_json *object,
                             po_json_key_order *order, const struct po_json ***ret_members)
{
    const struct po_json **members = NULL;
    PO_ARENA_NEW(cx, members, object->count);
    size_t count = 0;
    for (const struct po_json *m = object->first; m != NULL && count < object->count; m = m->next)
        members[count++] = m;
    heap_sort(members, count, order);
    *ret_members = members;
    return po_rc_ok();
}
