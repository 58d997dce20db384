#include "core/json_priv.h"

#include "lib/test.h"

static const struct po_json *parse(struct po_ctx *cx, const char *text)
{
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, po_str_of(text), PO_JSON_ALLOW_REAL, &root));
    return root;
}

TEST(json_tree__get_finds_members_by_name)
{
    TEST_CX(cx);
    const struct po_json *root = parse(cx, "{\"a\":1,\"b\":{\"a\":2},\"\":3}");
    check_eq_int(po_json_get(root, "a")->integer, 1);
    check_eq_int(po_json_get(po_json_get(root, "b"), "a")->integer, 2);
    check_eq_int(po_json_get(root, "")->integer, 3);
    check_that(po_json_get(root, "c") == NULL);
    check_that(po_json_get(root, "A") == NULL);
    check_that(po_json_get(NULL, "a") == NULL);
    check_that(po_json_get(po_json_get(root, "a"), "a") == NULL);
    check_that(po_json_get(parse(cx, "[1]"), "") == NULL);
}

TEST(json_tree__typed_getters_give_values)
{
    TEST_CX(cx);
    const struct po_json *root = parse(cx, "{\"s\":\"x\",\"i\":-7,\"a\":[1,2]}");
    po_str text = {0};
    int64_t number = 0;
    const struct po_json *array = NULL;
    check_ok(cx, po_json_get_str(cx, root, "s", &text));
    check_eq_str(text, "x");
    check_ok(cx, po_json_get_int(cx, root, "i", &number));
    check_eq_int(number, -7);
    check_ok(cx, po_json_get_array(cx, root, "a", &array));
    check_eq_u64(array->count, 2);
}

TEST(json_tree__typed_getters_name_the_key_they_miss)
{
    TEST_CX(cx);
    const struct po_json *root = parse(cx, "{\"s\":\"x\",\"i\":-7,\"n\":null,\"r\":1.5}");
    po_str text = PO_LIT("untouched");
    int64_t number = 4711;
    const struct po_json *array = NULL;
    check_fails(cx, po_json_get_str(cx, root, "none", &text), PO_INVALID);
    check_eq_cstr(po_err_msg(cx), "'none' is missing");
    check_fails(cx, po_json_get_str(cx, root, "i", &text), PO_INVALID);
    check_eq_cstr(po_err_msg(cx), "'i' is not a string");
    check_fails(cx, po_json_get_str(cx, root, "r", &text), PO_INVALID);
    check_fails(cx, po_json_get_int(cx, root, "r", &number), PO_INVALID);
    check_eq_cstr(po_err_msg(cx), "'r' is not an integer");
    check_fails(cx, po_json_get_int(cx, root, "s", &number), PO_INVALID);
    check_fails(cx, po_json_get_int(cx, NULL, "s", &number), PO_INVALID);
    check_fails(cx, po_json_get_array(cx, root, "n", &array), PO_INVALID);
    check_eq_cstr(po_err_msg(cx), "'n' is not an array");
    check_fails(cx, po_json_get_array(cx, root, "none", &array), PO_INVALID);
    check_eq_str(text, "untouched");
    check_eq_int(number, 4711);
    check_that(array == NULL);
}

TEST(json_tree__sorts_members_of_any_count)
{
    TEST_CX(cx);
    for (size_t count = 0; count < 70; count++) {
        struct po_json object = {.type = PO_JSON_OBJECT, .count = count};
        struct po_json nodes[70] = {0};
        for (size_t i = 0; i < count; i++) {
            const char *name = po_arena_printf(cx->arena, "%lu", test_random_below(20));
            nodes[i] = (struct po_json){.key = po_str_of(name), .offset = i};
            if (i + 1 < count) nodes[i].next = &nodes[i + 1];
        }
        object.first = count == 0 ? NULL : nodes;
        const struct po_json **sorted = NULL;
        check_ok(cx, po_json_sorted_members(cx, &object, po_str_cmp, &sorted));
        uint64_t seen = 0;
        for (size_t i = 0; i < count; i++) {
            seen += sorted[i]->offset;
            if (i == 0) continue;
            int order = po_str_cmp(sorted[i - 1]->key, sorted[i]->key);
            check_that(order < 0 || (order == 0 && sorted[i - 1]->offset < sorted[i]->offset));
        }
        check_eq_u64(seen, count == 0 ? 0 : count * (count - 1) / 2);
    }
}
