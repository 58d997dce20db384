/* Library: arrays and ranges. Methods with closures work on the elements present at the start. */
#include "script/lib_fns_priv.h"

#include "script/comp_priv.h"

LIB(arr_new) { return po_val_array(vm, 0, ret); }

static bool out_of_bounds(struct po_vm *vm, int64_t index, uint32_t count)
{
    return po_raise(vm, "IndexOutOfBounds", "index %lld out of bounds for length %u",
                    (long long)index, count);
}

static bool is_inside(int64_t index, uint32_t count)
{
    return index >= 0 && index < (int64_t)count;
}

/* ---- elements --------------------------------------------------------------------------------- */

LIB(arr_push)
{
    bool is_good = po_array_push(vm, a[0].u.arr, a[1]);
    *ret = po_val_unit();
    return is_good;
}

LIB(arr_pop)
{
    struct po_array *arr = a[0].u.arr;
    *ret = po_val_none();
    return arr->count == 0 || po_val_some(vm, arr->items[--arr->count], ret);
}

static bool element(struct po_vm *vm, const struct po_array *arr, int64_t index, struct po_val *ret)
{
    *ret = po_val_none();
    return !is_inside(index, arr->count) || po_val_some(vm, arr->items[index], ret);
}

LIB(arr_get) { return element(vm, a[0].u.arr, a[1].u.i, ret); }
LIB(arr_first) { return element(vm, a[0].u.arr, 0, ret); }
LIB(arr_last) { return element(vm, a[0].u.arr, (int64_t)a[0].u.arr->count - 1, ret); }

LIB(arr_set)
{
    struct po_array *arr = a[0].u.arr;
    if (!is_inside(a[1].u.i, arr->count)) return out_of_bounds(vm, a[1].u.i, arr->count);
    arr->items[a[1].u.i] = a[2];
    return po_give(ret, po_val_unit());
}

LIB(arr_insert)
{
    struct po_array *arr = a[0].u.arr;
    int64_t index = a[1].u.i;
    struct po_val v = a[2];
    if (!is_inside(index, arr->count + 1)) return out_of_bounds(vm, index, arr->count);
    if (!po_charge(vm, 1 + (arr->count - (uint32_t)index) / 4) || !po_array_push(vm, arr, v))
        return false;
    memmove(arr->items + index + 1, arr->items + index,
            (arr->count - 1 - (size_t)index) * sizeof v);
    arr->items[index] = v;
    return po_give(ret, po_val_unit());
}

LIB(arr_remove)
{
    struct po_array *arr = a[0].u.arr;
    int64_t index = a[1].u.i;
    if (!is_inside(index, arr->count)) return out_of_bounds(vm, index, arr->count);
    if (!po_charge(vm, 1 + (arr->count - (uint32_t)index) / 4)) return false;
    *ret = arr->items[index];
    memmove(arr->items + index, arr->items + index + 1,
            (arr->count - 1 - (size_t)index) * sizeof *ret);
    arr->count--;
    return true;
}

LIB(arr_clear)
{
    a[0].u.arr->count = 0;
    return po_give(ret, po_val_unit());
}

static bool find(struct po_vm *vm, const struct po_array *arr, struct po_val v, int64_t *ret)
{
    *ret = -1;
    for (uint32_t i = 0; i < arr->count && *ret < 0; i++) {
        bool is_same = false;
        if (!po_val_equal(vm, arr->items[i], v, &is_same)) return false;
        if (is_same) *ret = i;
    }
    return true;
}

LIB(arr_contains)
{
    int64_t at = -1;
    bool is_good = find(vm, a[0].u.arr, a[1], &at);
    *ret = po_val_bool(at >= 0);
    return is_good;
}

LIB(arr_index_of)
{
    int64_t at = -1;
    if (!find(vm, a[0].u.arr, a[1], &at)) return false;
    *ret = po_val_none();
    return at < 0 || po_val_some(vm, po_val_int(at), ret);
}

/* ---- parts ------------------------------------------------------------------------------------ */

static bool part(struct po_vm *vm, struct po_val v, int64_t from, int64_t to, struct po_val *ret)
{
    int64_t n = v.u.arr->count;
    if (from > n) from = n;
    if (to > n) to = n;
    if (to < from) to = from;
    return po_vm_subarray(vm, v, (uint32_t)from, (uint32_t)(n - to), ret);
}

LIB(arr_take) { return part(vm, a[0], 0, a[1].u.i < 0 ? 0 : a[1].u.i, ret); }
LIB(arr_skip) { return part(vm, a[0], a[1].u.i < 0 ? 0 : a[1].u.i, INT64_MAX, ret); }

LIB(arr_slice)
{
    uint32_t n1 = a[0].u.arr->count + 1;
    if (!is_inside(a[1].u.i, n1)) return out_of_bounds(vm, a[1].u.i, n1);
    if (!is_inside(a[2].u.i, n1)) return out_of_bounds(vm, a[2].u.i, n1);
    return part(vm, a[0], a[1].u.i, a[2].u.i, ret);
}

LIB(arr_reverse)
{
    if (!po_vm_subarray(vm, a[0], 0, 0, ret)) return false;
    struct po_array *arr = ret->u.arr;
    for (uint32_t i = 0; i < arr->count / 2; i++) {
        struct po_val t = arr->items[i];
        arr->items[i] = arr->items[arr->count - 1 - i];
        arr->items[arr->count - 1 - i] = t;
    }
    return true;
}

LIB(arr_concat) { return po_val_arith(vm, TK_PLUS, a[0], a[1], ret); }

static bool pair_up(struct po_vm *vm, struct po_val x, struct po_val y, struct po_array *out)
{
    struct po_val pair[2] = {x, y};
    struct po_val tuple;
    return po_charge(vm, 1) && po_val_tuple(vm, pair, 2, &tuple) && po_array_push(vm, out, tuple);
}

LIB(arr_enumerate)
{
    struct po_array *arr = a[0].u.arr;
    if (!po_val_array(vm, arr->count, ret)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        if (!pair_up(vm, po_val_int(i), arr->items[i], ret->u.arr)) return false;
    }
    return true;
}

LIB(arr_zip)
{
    struct po_array *x = a[0].u.arr;
    struct po_array *y = a[1].u.arr;
    if (!po_val_array(vm, 0, ret)) return false;
    for (uint32_t i = 0; i < x->count && i < y->count; i++) {
        if (!pair_up(vm, x->items[i], y->items[i], ret->u.arr)) return false;
    }
    return true;
}

LIB(arr_unique)
{
    struct po_val set;
    struct po_array *arr = a[0].u.arr;
    if (!po_map_make(vm, V_SET, &set)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val old;
        if (!po_charge(vm, 1) || !po_vmap_put(vm, set.u.map, arr->items[i], po_val_unit(), &old))
            return false;
    }
    return po_val_iter(vm, set, ret);
}

static bool sum_from(struct po_vm *vm, const struct po_array *arr, struct po_val sum,
                     struct po_val *ret)
{
    for (uint32_t i = 0; i < arr->count; i++) {
        double f = 0;
        if (arr->items[i].tag != sum.tag)
            return po_raise(vm, "TypeMismatch", "sum needs numbers of one type");
        if (sum.tag == V_FLOAT) {
            f = sum.u.f + arr->items[i].u.f;
            if (!po_val_finite(vm, f, &sum)) return false;
        } else if (__builtin_add_overflow(sum.u.i, arr->items[i].u.i, &sum.u.i)) {
            return po_raise(vm, "IntegerOverflow", "integer overflow");
        }
    }
    *ret = sum;
    return po_charge(vm, 1 + arr->count / 4);
}

LIB(arr_sum)
{
    struct po_array *arr = a[0].u.arr;
    bool is_float = arr->count > 0 && arr->items[0].tag == V_FLOAT;
    return sum_from(vm, arr, is_float ? po_val_float(0) : po_val_int(0), ret);
}

/* The checker knows that the elements are floats: an empty array gives 0.0. */
LIB(arr_sum_floats) { return sum_from(vm, a[0].u.arr, po_val_float(0), ret); }

/* ---- closures --------------------------------------------------------------------------------- */

/* The elements at the start: a closure may change the array. */
bool po_lib_snapshot(struct po_vm *vm, struct po_val v, struct po_array **ret)
{
    struct po_val copy;
    if (!po_vm_subarray(vm, v, 0, 0, &copy)) return false;
    *ret = copy.u.arr;
    return true;
}

static bool test(struct po_vm *vm, struct po_val f, struct po_val *arg, bool *ret)
{
    struct po_val v;
    if (!po_vm_call(vm, f, arg, 1, &v)) return false;
    if (v.tag != V_BOOL) return po_vm_mismatch(vm, v, V_BOOL);
    *ret = v.u.i != 0;
    return true;
}

LIB(arr_map)
{
    struct po_val f = a[1];
    struct po_array *arr = NULL;
    struct po_val out;
    if (!po_lib_snapshot(vm, a[0], &arr) || !po_val_array(vm, arr->count, &out)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val v;
        if (!po_vm_call(vm, f, &arr->items[i], 1, &v) || !po_array_push(vm, out.u.arr, v))
            return false;
    }
    return po_give(ret, out);
}

LIB(arr_for_each)
{
    struct po_val f = a[1];
    struct po_array *arr = NULL;
    if (!po_lib_snapshot(vm, a[0], &arr)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val v;
        if (!po_vm_call(vm, f, &arr->items[i], 1, &v)) return false;
    }
    return po_give(ret, po_val_unit());
}

static bool split_by(struct po_vm *vm, struct po_val *a, struct po_array *yes, struct po_array *no)
{
    struct po_val f = a[1];
    struct po_array *arr = NULL;
    if (!po_lib_snapshot(vm, a[0], &arr)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        bool keeps = false;
        if (!test(vm, f, &arr->items[i], &keeps)) return false;
        struct po_array *out = keeps ? yes : no;
        if (out != NULL && !po_array_push(vm, out, arr->items[i])) return false;
    }
    return true;
}

LIB(arr_filter)
{
    struct po_val out;
    if (!po_val_array(vm, 0, &out) || !split_by(vm, a, out.u.arr, NULL)) return false;
    return po_give(ret, out);
}

LIB(arr_partition)
{
    struct po_val both[2];
    if (!po_val_array(vm, 0, &both[0]) || !po_val_array(vm, 0, &both[1])) return false;
    return split_by(vm, a, both[0].u.arr, both[1].u.arr) && po_val_tuple(vm, both, 2, ret);
}

LIB(arr_retain)
{
    struct po_array *self = a[0].u.arr;
    struct po_val out;
    if (!po_val_array(vm, 0, &out) || !split_by(vm, a, out.u.arr, NULL)) return false;
    *self = *out.u.arr;
    return po_give(ret, po_val_unit());
}

static bool fold(struct po_vm *vm, struct po_val arr_val, struct po_val acc, struct po_val f,
                 struct po_val *ret)
{
    struct po_array *arr = NULL;
    if (!po_lib_snapshot(vm, arr_val, &arr)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val args[2] = {acc, arr->items[i]};
        if (!po_vm_call(vm, f, args, 2, &acc)) return false;
    }
    return po_give(ret, acc);
}

static bool is_callable(struct po_val v) { return v.tag >= V_FN && v.tag <= V_CTOR; }

LIB(arr_fold) { return fold(vm, a[0], a[1], a[2], ret); }
LIB(arr_reduce)
{
    bool is_first = is_callable(a[1]);
    return fold(vm, a[0], is_first ? a[2] : a[1], is_first ? a[1] : a[2], ret);
}

/* Index of the first element for which the test gives `want`, or the count. */
static bool search(struct po_vm *vm, struct po_val *a, bool want, uint32_t *ret,
                   struct po_array **ret_arr)
{
    struct po_val f = a[1];
    if (!po_lib_snapshot(vm, a[0], ret_arr)) return false;
    for (*ret = 0; *ret < (*ret_arr)->count; (*ret)++) {
        bool holds = false;
        if (!test(vm, f, &(*ret_arr)->items[*ret], &holds)) return false;
        if (holds == want) return true;
    }
    return true;
}

LIB(arr_find)
{
    struct po_array *arr = NULL;
    uint32_t at = 0;
    if (!search(vm, a, true, &at, &arr)) return false;
    *ret = po_val_none();
    return at == arr->count || po_val_some(vm, arr->items[at], ret);
}

LIB(arr_any)
{
    struct po_array *arr = NULL;
    uint32_t at = 0;
    if (!search(vm, a, true, &at, &arr)) return false;
    return po_give(ret, po_val_bool(at < arr->count));
}

LIB(arr_all)
{
    struct po_array *arr = NULL;
    uint32_t at = 0;
    if (!search(vm, a, false, &at, &arr)) return false;
    return po_give(ret, po_val_bool(at == arr->count));
}

LIB(arr_take_while)
{
    struct po_array *arr = NULL;
    uint32_t at = 0;
    return search(vm, a, false, &at, &arr) && part(vm, a[0], 0, at, ret);
}

LIB(arr_skip_while)
{
    struct po_array *arr = NULL;
    uint32_t at = 0;
    return search(vm, a, false, &at, &arr) && part(vm, a[0], at, INT64_MAX, ret);
}

LIB(arr_count)
{
    struct po_val out;
    if (!po_val_array(vm, 0, &out) || !split_by(vm, a, out.u.arr, NULL)) return false;
    return po_give(ret, po_val_int(out.u.arr->count));
}

LIB(arr_flat_map)
{
    struct po_val f = a[1];
    struct po_array *arr = NULL;
    struct po_val out;
    if (!po_lib_snapshot(vm, a[0], &arr) || !po_val_array(vm, 0, &out)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val v;
        if (!po_vm_call(vm, f, &arr->items[i], 1, &v)) return false;
        if (v.tag != V_ARRAY) return po_vm_mismatch(vm, v, V_ARRAY);
        for (uint32_t j = 0; j < v.u.arr->count; j++) {
            if (!po_charge(vm, 1) || !po_array_push(vm, out.u.arr, v.u.arr->items[j])) return false;
        }
    }
    return po_give(ret, out);
}

LIB(arr_group_by)
{
    struct po_val f = a[1];
    struct po_array *arr = NULL;
    struct po_val map;
    if (!po_lib_snapshot(vm, a[0], &arr) || !po_map_make(vm, V_MAP, &map)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val key;
        struct po_val list;
        struct po_entry *entry = NULL;
        if (!po_vm_call(vm, f, &arr->items[i], 1, &key)) return false;
        if (!po_vmap_find(vm, map.u.map, key, &entry)) return false;
        if (entry != NULL) {
            list = entry->val;
        } else {
            struct po_val old;
            if (!po_val_array(vm, 0, &list) || !po_vmap_put(vm, map.u.map, key, list, &old))
                return false;
        }
        if (!po_array_push(vm, list.u.arr, arr->items[i])) return false;
    }
    return po_give(ret, map);
}

/* ---- ranges ----------------------------------------------------------------------------------- */

LIB(range_to_array)
{
    struct po_range r = *a[0].u.range;
    if (!po_val_array(vm, 0, ret)) return false;
    for (int64_t i = r.lo; i < r.hi; i++) {
        if (!po_charge(vm, 1) || !po_array_push(vm, ret->u.arr, po_val_int(i))) return false;
    }
    return true;
}

LIB(range_map)
{
    struct po_range r = *a[0].u.range;
    struct po_val f = a[1];
    struct po_val out;
    if (!po_val_array(vm, 0, &out)) return false;
    for (int64_t i = r.lo; i < r.hi; i++) {
        struct po_val arg = po_val_int(i);
        struct po_val v;
        if (!po_vm_call(vm, f, &arg, 1, &v) || !po_array_push(vm, out.u.arr, v)) return false;
    }
    return po_give(ret, out);
}

LIB(range_contains)
{
    return po_give(ret, po_val_bool(a[1].u.i >= a[0].u.range->lo && a[1].u.i < a[0].u.range->hi));
}
