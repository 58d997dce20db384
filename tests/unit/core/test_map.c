#include "core/map.h"

#include "lib/test.h"

#include <stdio.h>

static po_str number_key(char out[static 24], size_t i)
{
    return po_str_n(out, (size_t)snprintf(out, 24, "key-%zu", i));
}

TEST(map__finds_what_was_added_and_nothing_else)
{
    TEST_CX(cx);
    struct po_map *map = NULL;
    int values[2] = {0};
    check_ok(cx, po_map_new(cx, 10, &map));
    check_that(po_map_find(map, PO_LIT("a")) == NULL);
    check_ok(cx, po_map_add(cx, map, PO_LIT("a"), &values[0]));
    check_ok(cx, po_map_add(cx, map, PO_LIT(""), &values[1]));
    check_that(po_map_find(map, PO_LIT("a")) == &values[0]);
    check_that(po_map_find(map, (po_str){NULL, 0}) == &values[1]);
    check_that(po_map_find(map, PO_LIT("b")) == NULL);
    check_that(po_map_find(map, po_str_n("a\0", 2)) == NULL);
    check_eq_u64(po_map_count(map), 2);
}

TEST(map__keeps_thousands_in_insertion_order)
{
    TEST_CX(cx);
    enum { COUNT = 20000 };
    static int values[COUNT];
    struct po_map *map = NULL;
    char room[24];
    check_ok(cx, po_map_new(cx, COUNT, &map));
    for (size_t i = 0; i < COUNT; i++)
        check_ok(cx, po_map_add(cx, map, number_key(room, i), &values[i]));
    check_eq_u64(po_map_count(map), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        po_str key = {0};
        check_that(po_map_find(map, number_key(room, i)) == &values[i]);
        check_that(po_map_at(map, i, &key) == &values[i]);
        check_eq_postr(key, number_key(room, i));
    }
    check_that(po_map_find(map, number_key(room, COUNT)) == NULL);
}

TEST(map__copies_its_keys)
{
    TEST_CX(cx);
    struct po_map *map = NULL;
    int value = 0;
    char key[] = "first";
    check_ok(cx, po_map_new(cx, 10, &map));
    check_ok(cx, po_map_add(cx, map, po_str_of(key), &value));
    key[0] = 'F';
    check_that(po_map_find(map, PO_LIT("first")) == &value);
    check_that(po_map_find(map, PO_LIT("First")) == NULL);
}

TEST(map__a_key_is_there_once)
{
    TEST_CX(cx);
    struct po_map *map = NULL;
    int values[2] = {0};
    check_ok(cx, po_map_new(cx, 1, &map));
    check_ok(cx, po_map_add(cx, map, PO_LIT("a"), &values[0]));
    check_fails(cx, po_map_add(cx, map, PO_LIT("a"), &values[1]), PO_EXISTS);
    check_that(po_map_find(map, PO_LIT("a")) == &values[0]);
    check_eq_u64(po_map_count(map), 1);
}

TEST(map__its_maximum_is_exact)
{
    for (size_t max = 0; max < 70; max++) {
        TEST_CX(cx);
        struct po_map *map = NULL;
        char room[24];
        int value = 0;
        check_ok(cx, po_map_new(cx, max, &map));
        for (size_t i = 0; i < max; i++)
            check_ok(cx, po_map_add(cx, map, number_key(room, i), &value));
        check_fails(cx, po_map_add(cx, map, PO_LIT("more"), &value), PO_LIMIT);
        check_eq_u64(po_map_count(map), max);
        check_that(po_map_find(map, PO_LIT("more")) == NULL);
    }
    TEST_CX(cx);
    struct po_map *map = NULL;
    check_fails(cx, po_map_new(cx, SIZE_MAX, &map), PO_LIMIT);
    check_that(map == NULL);
}

TEST_FAULTS(map__a_failed_add_leaves_the_map_as_it_was)
{
    TEST_CX(cx);
    static int values[40];
    struct po_map *map = NULL;
    char room[24];
    if (!test_survived(po_map_new(cx, 40, &map))) return;
    size_t added = 0;
    for (size_t i = 0; i < 40; i++) {
        if (!test_survived(po_map_add(cx, map, number_key(room, i), &values[i]))) break;
        added++;
    }
    test_faults_off();
    check_eq_u64(po_map_count(map), added);
    for (size_t i = 0; i < added; i++)
        check_that(po_map_find(map, number_key(room, i)) == &values[i]);
    for (size_t i = added; i < 40; i++)
        check_ok(cx, po_map_add(cx, map, number_key(room, i), &values[i]));
    check_eq_u64(po_map_count(map), 40);
}
