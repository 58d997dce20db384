/* Library: sorting and extremes. Stable, bottom-up merge over runs of eight. */
#include "script/lib_fns_priv.h"

struct sorter {
    struct po_vm *vm;
    struct po_val less;        /* V_UNINIT: natural order */
    const struct po_val *keys; /* parallel to the indices, or NULL */
};

/* Does y go before x? */
static bool goes_before(struct sorter *so, struct po_val y, struct po_val x, bool *ret)
{
    if (so->less.tag != V_UNINIT) {
        struct po_val args[2] = {y, x};
        struct po_val v;
        if (!po_vm_call(so->vm, so->less, args, 2, &v)) return false;
        if (v.tag != V_BOOL) return po_vm_mismatch(so->vm, v, V_BOOL);
        *ret = v.u.i != 0;
        return true;
    }
    int c = 0;
    if (so->keys != NULL) {
        y = so->keys[y.u.i];
        x = so->keys[x.u.i];
    }
    if (y.tag == V_INT && x.tag == V_INT) {
        *ret = y.u.i < x.u.i;
        return true;
    }
    bool is_good = po_val_order(so->vm, y, x, &c);
    *ret = c < 0;
    return is_good;
}

static bool merge(struct sorter *so, struct po_val *dst, const struct po_val *src, size_t mid,
                  size_t len)
{
    size_t i = 0;
    size_t j = mid;
    for (size_t k = 0; k < len; k++) {
        bool takes_right = i >= mid;
        if (i < mid && j < len && !goes_before(so, src[j], src[i], &takes_right)) return false;
        dst[k] = takes_right ? src[j++] : src[i++];
    }
    return true;
}

static bool insertion(struct sorter *so, struct po_val *items, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        struct po_val v = items[i];
        size_t j = i;
        for (; j > 0; j--) {
            bool moves = false;
            if (!goes_before(so, v, items[j - 1], &moves)) return false;
            if (!moves) break;
            items[j] = items[j - 1];
        }
        items[j] = v;
    }
    return true;
}

static bool sort_items(struct sorter *so, struct po_array *arr)
{
    size_t n = arr->count;
    struct po_val *a = arr->items;
    struct po_val *b = po_heap_alloc(so->vm, (n > 0 ? n : 1) * sizeof *b);
    if (b == NULL) return false;
    for (size_t at = 0; at < n; at += 8) {
        if (!po_charge(so->vm, 8) || !insertion(so, a + at, n - at < 8 ? n - at : 8)) return false;
    }
    for (size_t width = 8; width < n; width *= 2) {
        if (!po_charge(so->vm, n / 2)) return false;
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t len = n - at < 2 * width ? n - at : 2 * width;
            if (!merge(so, b + at, a + at, len < width ? len : width, len)) return false;
        }
        struct po_val *t = a;
        a = b;
        b = t;
    }
    if (a != arr->items) po_copy(arr->items, a, n * sizeof *a);
    return true;
}

/* A lone element of a kind without order is refused as well. */
static bool check_orderable(struct po_vm *vm, const struct po_val *vals, uint32_t n)
{
    int c = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool is_plain = vals[i].tag == V_INT || vals[i].tag == V_STR || vals[i].tag == V_FLOAT;
        if (!is_plain && !po_val_order(vm, vals[i], vals[i], &c)) return false;
    }
    return true;
}

LIB(arr_sort)
{
    struct sorter so = {.vm = vm};
    struct po_val out;
    if (!po_vm_subarray(vm, a[0], 0, 0, &out)) return false;
    if (!check_orderable(vm, out.u.arr->items, out.u.arr->count) || !sort_items(&so, out.u.arr))
        return false;
    return po_give(ret, out);
}

LIB(arr_sort_by)
{
    struct sorter so = {.vm = vm, .less = a[1]};
    struct po_val out;
    if (!po_vm_subarray(vm, a[0], 0, 0, &out) || !sort_items(&so, out.u.arr)) return false;
    return po_give(ret, out);
}

static bool keys_of(struct po_vm *vm, struct po_val f, const struct po_array *arr,
                    struct po_val *ret)
{
    if (!po_val_array(vm, arr->count, ret)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        struct po_val key;
        if (!po_vm_call(vm, f, &arr->items[i], 1, &key) || !po_array_push(vm, ret->u.arr, key))
            return false;
    }
    return check_orderable(vm, ret->u.arr->items, arr->count);
}

LIB(arr_sort_by_key)
{
    struct po_array *arr = NULL;
    struct po_val keys;
    struct po_val order;
    struct po_val out;
    if (!po_lib_snapshot(vm, a[0], &arr) || !keys_of(vm, a[1], arr, &keys)) return false;
    if (!po_val_array(vm, arr->count, &order) || !po_val_array(vm, arr->count, &out)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        if (!po_array_push(vm, order.u.arr, po_val_int(i))) return false;
    }
    struct sorter so = {.vm = vm, .keys = keys.u.arr->items};
    if (!sort_items(&so, order.u.arr)) return false;
    for (uint32_t i = 0; i < arr->count; i++) {
        if (!po_array_push(vm, out.u.arr, arr->items[order.u.arr->items[i].u.i])) return false;
    }
    return po_give(ret, out);
}

/* The first of the greatest (sign 1) or least (-1); keys parallel to items. */
static bool extreme(struct po_vm *vm, const struct po_array *items, const struct po_array *keys,
                    int sign, struct po_val *ret)
{
    uint32_t best = 0;
    *ret = po_val_none();
    if (items->count == 0) return true;
    if (!check_orderable(vm, keys->items, keys->count)) return false;
    for (uint32_t i = 1; i < keys->count; i++) {
        int c = 0;
        if (!po_charge(vm, 1) || !po_val_order(vm, keys->items[i], keys->items[best], &c))
            return false;
        if (c * sign > 0) best = i;
    }
    return po_val_some(vm, items->items[best], ret);
}

LIB(arr_max) { return extreme(vm, a[0].u.arr, a[0].u.arr, 1, ret); }
LIB(arr_min) { return extreme(vm, a[0].u.arr, a[0].u.arr, -1, ret); }

static bool extreme_by(struct po_vm *vm, struct po_val *a, int sign, struct po_val *ret)
{
    struct po_array *arr = NULL;
    struct po_val keys;
    return po_lib_snapshot(vm, a[0], &arr) && keys_of(vm, a[1], arr, &keys) &&
           extreme(vm, arr, keys.u.arr, sign, ret);
}

LIB(arr_max_by_key) { return extreme_by(vm, a, 1, ret); }
LIB(arr_min_by_key) { return extreme_by(vm, a, -1, ret); }
