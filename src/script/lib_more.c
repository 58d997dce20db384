/* Library: maps, sets, numbers. */
#include "script/lib_fns_priv.h"

#include <math.h>
#include <stdio.h>

/* ---- maps and sets ---------------------------------------------------------------------------- */

LIB(map_new) { return po_map_make(vm, V_MAP, ret); }
LIB(set_new) { return po_map_make(vm, V_SET, ret); }

static bool as_option(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    *ret = po_val_none();
    return v.tag == V_UNINIT || po_val_some(vm, v, ret);
}

LIB(map_insert)
{
    struct po_val old;
    return po_vmap_put(vm, a[0].u.map, a[1], a[2], &old) && as_option(vm, old, ret);
}

LIB(map_get)
{
    struct po_entry *e = NULL;
    if (!po_vmap_find(vm, a[0].u.map, a[1], &e)) return false;
    return as_option(vm, e != NULL ? e->val : (struct po_val){0}, ret);
}

LIB(map_get_or)
{
    struct po_entry *e = NULL;
    if (!po_vmap_find(vm, a[0].u.map, a[1], &e)) return false;
    return po_give(ret, e != NULL ? e->val : a[2]);
}

LIB(map_entry)
{
    struct po_entry *e = NULL;
    struct po_val old;
    struct po_val value = a[2];
    if (!po_vmap_find(vm, a[0].u.map, a[1], &e)) return false;
    if (e != NULL) return po_give(ret, e->val);
    if (!po_vmap_put(vm, a[0].u.map, a[1], value, &old)) return false;
    return po_give(ret, value);
}

LIB(map_remove)
{
    struct po_val old;
    return po_vmap_remove(vm, a[0].u.map, a[1], &old) && as_option(vm, old, ret);
}

LIB(map_contains)
{
    struct po_entry *e = NULL;
    if (!po_vmap_find(vm, a[0].u.map, a[1], &e)) return false;
    return po_give(ret, po_val_bool(e != NULL));
}

static bool collect(struct po_vm *vm, const struct po_map_obj *m, bool keys, struct po_val *ret)
{
    if (!po_charge(vm, 1 + m->used / 4) || !po_val_array(vm, m->count, ret)) return false;
    for (uint32_t i = 0; i < m->used; i++) {
        const struct po_entry *e = &m->entries[i];
        if (e->key.tag == V_UNINIT) continue;
        if (!po_array_push(vm, ret->u.arr, keys ? e->key : e->val)) return false;
    }
    return true;
}

LIB(map_keys) { return collect(vm, a[0].u.map, true, ret); }
LIB(map_values) { return collect(vm, a[0].u.map, false, ret); }
LIB(map_entries) { return po_val_iter(vm, a[0], ret); }
LIB(map_clear)
{
    po_vmap_clear(a[0].u.map);
    return po_give(ret, po_val_unit());
}

LIB(set_insert)
{
    struct po_entry *e = NULL;
    struct po_val old;
    if (!po_vmap_find(vm, a[0].u.map, a[1], &e)) return false;
    if (e == NULL && !po_vmap_put(vm, a[0].u.map, a[1], po_val_unit(), &old)) return false;
    return po_give(ret, po_val_bool(e == NULL));
}

LIB(set_remove)
{
    struct po_val old;
    if (!po_vmap_remove(vm, a[0].u.map, a[1], &old)) return false;
    return po_give(ret, po_val_bool(old.tag != V_UNINIT));
}

/* Elements of `from` into `to`; when `filter` is given, only those (not) in it. */
static bool pour(struct po_vm *vm, const struct po_map_obj *from, const struct po_map_obj *filter,
                 bool want, struct po_map_obj *to)
{
    for (uint32_t i = 0; i < from->used; i++) {
        struct po_entry *e = NULL;
        struct po_entry *there = NULL;
        struct po_val key = from->entries[i].key;
        struct po_val old;
        if (key.tag == V_UNINIT) continue;
        if (!po_charge(vm, 1)) return false;
        if (filter != NULL && !po_vmap_find(vm, filter, key, &e)) return false;
        if (filter != NULL && (e != NULL) != want) continue;
        if (!po_vmap_find(vm, to, key, &there)) return false;
        if (there == NULL && !po_vmap_put(vm, to, key, po_val_unit(), &old)) return false;
    }
    return true;
}

LIB(set_union)
{
    struct po_val out;
    bool is_good = po_map_make(vm, V_SET, &out) && pour(vm, a[0].u.map, NULL, true, out.u.map) &&
                   pour(vm, a[1].u.map, NULL, true, out.u.map);
    *ret = out;
    return is_good;
}

static bool filtered(struct po_vm *vm, struct po_val *a, bool want, struct po_val *ret)
{
    struct po_val out;
    bool is_good =
        po_map_make(vm, V_SET, &out) && pour(vm, a[0].u.map, a[1].u.map, want, out.u.map);
    *ret = out;
    return is_good;
}

LIB(set_intersection) { return filtered(vm, a, true, ret); }
LIB(set_difference) { return filtered(vm, a, false, ret); }

/* ---- numbers ---------------------------------------------------------------------------------- */

static bool overflow(struct po_vm *vm)
{
    return po_raise(vm, "IntegerOverflow", "integer overflow");
}

LIB(math_abs)
{
    if (a[0].tag == V_FLOAT) return po_give(ret, po_val_float(fabs(a[0].u.f)));
    if (a[0].u.i == INT64_MIN) return overflow(vm);
    return po_give(ret, po_val_int(a[0].u.i < 0 ? -a[0].u.i : a[0].u.i));
}

LIB(math_sign)
{
    bool is_float = a[0].tag == V_FLOAT;
    int s = is_float ? (a[0].u.f > 0) - (a[0].u.f < 0) : (a[0].u.i > 0) - (a[0].u.i < 0);
    return po_give(ret, is_float ? po_val_float(s) : po_val_int(s));
}

static bool pick(struct po_vm *vm, struct po_val x, struct po_val y, int sign, struct po_val *ret)
{
    int c = 0;
    if (!po_val_order(vm, y, x, &c)) return false;
    return po_give(ret, c * sign > 0 ? y : x);
}

LIB(math_min) { return pick(vm, a[0], a[1], -1, ret); }
LIB(math_max) { return pick(vm, a[0], a[1], 1, ret); }

/* clamp(x, low, high): low wins when the bounds cross */
LIB(math_clamp)
{
    struct po_val upper;
    return pick(vm, a[2], a[0], -1, &upper) && pick(vm, a[1], upper, 1, ret);
}
LIB(math_clamp_method) { return po_lib_math_clamp(vm, a, n, ret); }

LIB(math_and) { return po_give(ret, po_val_int(a[0].u.i & a[1].u.i)); }
LIB(math_or) { return po_give(ret, po_val_int(a[0].u.i | a[1].u.i)); }
LIB(math_xor) { return po_give(ret, po_val_int(a[0].u.i ^ a[1].u.i)); }

LIB(math_int_pow)
{
    int64_t base = a[0].u.i;
    int64_t exponent = a[1].u.i;
    int64_t out = 1;
    if (exponent < 0) return po_raise(vm, "InvalidArgument", "negative exponent");
    if (base == 0 || base == 1) exponent = exponent > 0;
    if (base == -1) exponent = exponent > 0 ? 2 - exponent % 2 : 0;
    for (; exponent > 0; exponent--) {
        if (__builtin_mul_overflow(out, base, &out)) return overflow(vm);
    }
    return po_give(ret, po_val_int(out));
}

/* The library's root is off by a bit for 27: one step of Newton's. */
static double cube_root(double x)
{
    double y = cbrt(x);
    return x < 0 || x > 0 ? y - (y * y * y - x) / (3 * y * y) : x;
}

#define MATH1(name, expr)                                                                          \
    LIB(name)                                                                                      \
    {                                                                                              \
        double x = a[0].u.f;                                                                       \
        return po_val_finite(vm, (expr), ret);                                                     \
    }
#define MATH2(name, expr)                                                                          \
    LIB(name)                                                                                      \
    {                                                                                              \
        double x = a[0].u.f;                                                                       \
        double y = a[1].u.f;                                                                       \
        return po_val_finite(vm, (expr), ret);                                                     \
    }
MATH1(math_sqrt, sqrt(x))
MATH1(math_cbrt, cube_root(x))
MATH1(math_exp, exp(x))
MATH1(math_log, log(x))
MATH1(math_log10, log10(x))
MATH1(math_log2, log2(x))
MATH1(math_sin, sin(x))
MATH1(math_cos, cos(x))
MATH1(math_tan, tan(x))
MATH1(math_sinh, sinh(x))
MATH1(math_cosh, cosh(x))
MATH1(math_tanh, tanh(x))
MATH1(math_asin, asin(x))
MATH1(math_acos, acos(x))
MATH1(math_atan, atan(x))
MATH1(math_floor, floor(x))
MATH1(math_ceil, ceil(x))
MATH1(math_round, round(x))
MATH1(math_trunc, trunc(x))
MATH1(math_rad, x *(3.14159265358979323846 / 180.0))
MATH1(math_deg, x *(180.0 / 3.14159265358979323846))
MATH2(math_pow, pow(x, y))
MATH2(math_atan2, atan2(x, y))

LIB(math_lerp) { return po_val_finite(vm, a[0].u.f + (a[1].u.f - a[0].u.f) * a[2].u.f, ret); }

LIB(math_to_fixed)
{
    char text[400]; /* 309 digits, 17 decimals; see po_format_float about the format */
    int decimals = a[1].u.i < 0 ? 0 : a[1].u.i > 17 ? 17 : (int)a[1].u.i;
    int len = snprintf(text, sizeof text, "%.*f", decimals, a[0].u.f);
    return po_val_str(vm, po_str_n(text, len > 0 ? (size_t)len : 0), ret);
}
