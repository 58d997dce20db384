/* Library: output, assertions, conversions, Option and Result. */
#include "script/lib_fns_priv.h"

/* ---- print and format ------------------------------------------------------------------------- */

static size_t placeholder(po_str s, size_t at)
{
    if (s.ptr[at] != '{') return 0;
    if (at + 1 < s.len && s.ptr[at + 1] == '}') return 2;
    bool is_debug = at + 3 < s.len && memcmp(s.ptr + at, "{:?}", 4) == 0;
    return is_debug ? 4 : 0;
}

static bool has_placeholder(po_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (placeholder(s, i)) return true;
    }
    return false;
}

static bool fill(struct po_vm *vm, const struct po_val *a, uint32_t n, struct po_buf *out)
{
    po_str s = po_text(a[0]);
    uint32_t next = 1;
    size_t run = 0;
    for (size_t i = 0; i < s.len; i++) {
        size_t len = placeholder(s, i);
        if (len == 0 || next >= n) continue;
        po_buf_append(out, po_str_slice(s, run, i));
        if (!po_val_show(vm, a[next++], len == 2, out)) return false;
        i += len - 1;
        run = i + 1;
    }
    po_buf_append(out, po_str_slice(s, run, s.len));
    return po_charge_bytes(vm, s.len);
}

static bool render(struct po_vm *vm, const struct po_val *a, uint32_t n, struct po_buf *out)
{
    po_text_begin(vm);
    if (n > 1 && a[0].tag == V_STR && has_placeholder(po_text(a[0]))) return fill(vm, a, n, out);
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) po_buf_append_char(out, ' ');
        if (!po_val_show(vm, a[i], true, out)) return false;
    }
    return true;
}

LIB(core_print)
{
    *ret = po_val_unit();
    if (!render(vm, a, n, &vm->scratch)) return false;
    po_buf_append_char(&vm->scratch, '\n');
    return po_text_print(vm);
}

LIB(core_print_end)
{
    *ret = po_val_unit();
    if (!render(vm, a, n - 1, &vm->scratch)) return false;
    if (!po_val_show(vm, a[n - 1], true, &vm->scratch)) return false;
    return po_text_print(vm);
}

LIB(core_eprintln)
{
    *ret = po_val_unit();
    return render(vm, a, n, &vm->scratch);
}

LIB(core_format)
{
    po_text_begin(vm);
    return fill(vm, a, n, &vm->scratch) && po_text_end(vm, ret);
}

LIB(core_to_string) { return po_val_display(vm, a[0], ret); }

LIB(core_type_of)
{
    po_str name = po_str_of(po_val_kind(a[0]));
    if (a[0].tag == V_STRUCT) name = vm->s->types[a[0].aux].name;
    if (a[0].tag == V_ENUM) name = vm->s->ctors[a[0].aux].type_name;
    return po_val_str(vm, name, ret);
}

/* ---- sizes, copies ---------------------------------------------------------------------------- */

static bool size_of(struct po_vm *vm, struct po_val v, int64_t *ret)
{
    switch (v.tag) {
    case V_ARRAY: *ret = v.u.arr->count; return true;
    case V_MAP:
    case V_SET: *ret = v.u.map->count; return true;
    case V_RANGE:
        if (v.u.range->hi <= v.u.range->lo)
            *ret = 0;
        else if (__builtin_sub_overflow(v.u.range->hi, v.u.range->lo, ret))
            return po_raise(vm, "IntegerOverflow", "integer overflow");
        return true;
    case V_STR:
        *ret = po_is_wide(v) ? (int64_t)po_count_points(po_text(v)) : (int64_t)po_len(v);
        return !po_is_wide(v) || po_charge_bytes(vm, po_len(v));
    default: return po_raise(vm, "TypeMismatch", "value has no length");
    }
}

LIB(core_len)
{
    int64_t size = 0;
    bool is_good = size_of(vm, a[0], &size);
    *ret = po_val_int(size);
    return is_good;
}

LIB(core_is_empty)
{
    if (a[0].tag == V_STR) return po_give(ret, po_val_bool(po_len(a[0]) == 0));
    int64_t size = 0;
    bool is_good = size_of(vm, a[0], &size);
    *ret = po_val_bool(size == 0);
    return is_good;
}

LIB(core_identity) { return po_give(ret, a[0]); }

static bool clone_map(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    if (!po_map_make(vm, v.tag, ret)) return false;
    for (uint32_t i = 0; i < v.u.map->used; i++) {
        struct po_val old;
        const struct po_entry *e = &v.u.map->entries[i];
        if (e->key.tag == V_UNINIT) continue;
        if (!po_charge(vm, 1) || !po_vmap_put(vm, ret->u.map, e->key, e->val, &old)) return false;
    }
    return true;
}

/* One level: what is inside stays shared. */
LIB(core_clone)
{
    struct po_val v = a[0];
    *ret = v;
    switch (v.tag) {
    case V_ARRAY: return po_vm_subarray(vm, v, 0, 0, ret);
    case V_MAP:
    case V_SET: return clone_map(vm, v, ret);
    case V_RECORD: return po_vm_make_record(vm, v.u.rec->shape, v.u.rec->vals, ret);
    case V_STRUCT:
        if (!po_val_tuple(vm, v.u.vals, vm->s->types[v.aux].count, ret)) return false;
        ret->tag = v.tag;
        ret->aux = v.aux;
        return true;
    default: return true;
    }
}

LIB(core_eq)
{
    bool is_equal = false;
    bool is_good = po_val_equal(vm, a[0], a[1], &is_equal);
    *ret = po_val_bool(is_equal);
    return is_good;
}

LIB(core_range)
{
    int64_t lo = n > 1 ? a[0].u.i : 0;
    int64_t hi = n > 1 ? a[1].u.i : a[0].u.i;
    int64_t step = n > 2 ? a[2].u.i : 1;
    if (step == 0) return po_raise(vm, "InvalidArgument", "range step is zero");
    if (!po_val_array(vm, 0, ret)) return false;
    for (int64_t i = lo; step > 0 ? i < hi : i > hi;) {
        if (!po_charge(vm, 1) || !po_array_push(vm, ret->u.arr, po_val_int(i))) return false;
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return true;
}

/* ---- faults on purpose ------------------------------------------------------------------------ */

static bool fail(struct po_vm *vm, const char *kind, const char *message)
{
    return po_raise_str(vm, kind, po_str_of(message));
}

LIB(core_never)
{
    (void)ret;
    return fail(vm, "Panic", "not callable");
}

LIB(core_panic)
{
    (void)ret;
    struct po_val text;
    return po_val_display(vm, a[0], &text) && po_raise_str(vm, "Panic", po_text(text));
}

LIB(core_todo)
{
    (void)ret;
    return fail(vm, "Panic", "not yet implemented");
}
LIB(core_unimplemented)
{
    (void)ret;
    return fail(vm, "Panic", "not implemented");
}
LIB(core_unreachable)
{
    (void)ret;
    return fail(vm, "Panic", "entered unreachable code");
}

LIB(core_error) { return po_val_error(vm, po_text(a[0]), po_text(a[1]), ret); }

static bool check(struct po_vm *vm, bool holds, const char *message, struct po_val *ret)
{
    *ret = po_val_unit();
    return holds || fail(vm, "AssertionFailed", message);
}

LIB(core_assert)
{
    *ret = po_val_unit();
    if (a[0].u.i) return true;
    return n > 1 ? po_raise_str(vm, "AssertionFailed", po_text(a[1]))
                 : fail(vm, "AssertionFailed", "assertion failed");
}

static bool compare_message(struct po_vm *vm, const struct po_val *a, const char *op)
{
    struct po_val text;
    po_text_begin(vm);
    po_buf_append_cstr(&vm->scratch, "expected ");
    if (!po_val_show(vm, a[0], false, &vm->scratch)) return false;
    po_buf_append_cstr(&vm->scratch, op);
    if (!po_val_show(vm, a[1], false, &vm->scratch)) return false;
    return po_text_end(vm, &text) && po_raise_str(vm, "AssertionFailed", po_text(text));
}

LIB(core_assert_eq)
{
    bool is_equal = false;
    *ret = po_val_unit();
    if (!po_val_equal(vm, a[0], a[1], &is_equal)) return false;
    return is_equal || compare_message(vm, a, " == ");
}

LIB(core_assert_ne)
{
    bool is_equal = false;
    *ret = po_val_unit();
    if (!po_val_equal(vm, a[0], a[1], &is_equal)) return false;
    return !is_equal || compare_message(vm, a, " != ");
}

/* six parameters: low and high are one range */
static bool assert_order(struct po_vm *vm, const struct po_val *a, int low, int high,
                         const char *message, struct po_val *ret)
{
    int c = 0;
    return po_val_order(vm, a[0], a[1], &c) && check(vm, c >= low && c <= high, message, ret);
}

LIB(core_assert_gt) { return assert_order(vm, a, 1, 1, "expected greater", ret); }
LIB(core_assert_ge) { return assert_order(vm, a, 0, 1, "expected >=", ret); }
LIB(core_assert_lt) { return assert_order(vm, a, -1, -1, "expected less", ret); }
LIB(core_assert_le) { return assert_order(vm, a, -1, 0, "expected <=", ret); }
LIB(core_assert_true) { return check(vm, a[0].u.i != 0, "expected true", ret); }
LIB(core_assert_false) { return check(vm, a[0].u.i == 0, "expected false", ret); }
LIB(core_assert_empty) { return check(vm, a[0].u.arr->count == 0, "expected empty", ret); }

LIB(core_assert_len)
{
    *ret = po_val_unit();
    if (a[0].u.arr->count == a[1].u.i) return true;
    return po_raise(vm, "AssertionFailed", "expected length %lld, got %u", (long long)a[1].u.i,
                    a[0].u.arr->count);
}

LIB(core_assert_contains)
{
    if (!po_charge_bytes(vm, po_len(a[0]))) return false;
    return check(vm, po_str_find(po_text(a[0]), po_text(a[1]), 0) != SIZE_MAX,
                 "expected to contain", ret);
}

LIB(core_assert_approx)
{
    double d = a[0].u.f - a[1].u.f;
    return check(vm, (d < 0 ? -d : d) <= a[2].u.f, "expected approximately equal", ret);
}

/* ---- futures ---------------------------------------------------------------------------------- */

static bool group(struct po_vm *vm, struct po_val tasks, uint32_t kind, struct po_val *ret)
{
    struct po_future *fut = po_heap_alloc(vm, sizeof *fut);
    if (fut == NULL) return false;
    *fut = (struct po_future){.kind = kind, .value = tasks};
    *ret = (struct po_val){.tag = V_FUTURE, .u.fut = fut};
    return true;
}

LIB(core_all) { return group(vm, a[0], 1, ret); }
LIB(core_race) { return group(vm, a[0], 2, ret); }
/* The time limit of the run bounds a task; a limit of its own waits for overlapping execution. */
LIB(core_timeout) { return po_give(ret, a[0]); }

/* ---- Option and Result: Some and Ok are "good" ------------------------------------------------ */

static bool is_good_val(struct po_val v) { return v.aux == PO_CTOR_SOME || v.aux == PO_CTOR_OK; }
static bool is_option(struct po_val v) { return v.aux <= PO_CTOR_NONE; }

LIB(opt_is_good) { return po_give(ret, po_val_bool(is_good_val(a[0]))); }
LIB(opt_is_bad) { return po_give(ret, po_val_bool(!is_good_val(a[0]))); }

LIB(opt_unwrap)
{
    if (is_good_val(a[0])) return po_give(ret, a[0].u.vals[0]);
    if (n > 1) return po_raise_str(vm, "UnwrapFailed", po_text(a[1]));
    if (a[0].aux == PO_CTOR_NONE) return fail(vm, "UnwrapFailed", "called unwrap on None");
    struct po_val text;
    po_text_begin(vm);
    po_buf_append_cstr(&vm->scratch, "called unwrap on Err(");
    if (!po_val_show(vm, a[0].u.vals[0], false, &vm->scratch)) return false;
    po_buf_append_char(&vm->scratch, ')');
    return po_text_end(vm, &text) && po_raise_str(vm, "UnwrapFailed", po_text(text));
}

LIB(opt_unwrap_err)
{
    if (is_good_val(a[0])) return fail(vm, "UnwrapFailed", "called unwrap_err on Ok");
    return po_give(ret, a[0].u.vals[0]);
}

LIB(opt_unwrap_or) { return po_give(ret, is_good_val(a[0]) ? a[0].u.vals[0] : a[1]); }

LIB(opt_unwrap_or_else)
{
    if (is_good_val(a[0])) return po_give(ret, a[0].u.vals[0]);
    return po_vm_call(vm, a[1], a[0].u.vals, is_option(a[0]) ? 0 : 1, ret);
}

LIB(opt_map)
{
    struct po_val o = a[0];
    struct po_val v;
    *ret = o;
    if (!is_good_val(o)) return true;
    return po_vm_call(vm, a[1], o.u.vals, 1, &v) && po_val_enum(vm, o.aux, v, ret);
}

LIB(opt_map_err)
{
    struct po_val o = a[0];
    struct po_val v;
    *ret = o;
    if (is_good_val(o)) return true;
    return po_vm_call(vm, a[1], o.u.vals, 1, &v) && po_val_enum(vm, PO_CTOR_ERR, v, ret);
}

LIB(opt_and_then)
{
    *ret = a[0];
    return !is_good_val(a[0]) || po_vm_call(vm, a[1], a[0].u.vals, 1, ret);
}

LIB(opt_or) { return po_give(ret, is_good_val(a[0]) ? a[0] : a[1]); }
LIB(opt_and) { return po_give(ret, is_good_val(a[0]) ? a[1] : a[0]); }

LIB(opt_or_else)
{
    *ret = a[0];
    return is_good_val(a[0]) || po_vm_call(vm, a[1], a[0].u.vals, is_option(a[0]) ? 0 : 1, ret);
}

LIB(opt_filter)
{
    struct po_val o = a[0];
    struct po_val keeps = po_val_bool(false);
    if (is_good_val(o) && !po_vm_call(vm, a[1], o.u.vals, 1, &keeps)) return false;
    return po_give(ret, keeps.tag == V_BOOL && keeps.u.i ? o : po_val_none());
}

LIB(opt_ok_or)
{
    bool is_some = is_good_val(a[0]);
    return po_val_enum(vm, is_some ? PO_CTOR_OK : PO_CTOR_ERR, is_some ? a[0].u.vals[0] : a[1],
                       ret);
}

LIB(opt_flatten) { return po_give(ret, is_good_val(a[0]) ? a[0].u.vals[0] : a[0]); }

LIB(opt_inspect)
{
    struct po_val o = a[0];
    struct po_val ignored;
    if (is_good_val(o) && !po_vm_call(vm, a[1], o.u.vals, 1, &ignored)) return false;
    return po_give(ret, o);
}

LIB(opt_inspect_err)
{
    struct po_val o = a[0];
    struct po_val ignored;
    if (!is_good_val(o) && !po_vm_call(vm, a[1], o.u.vals, 1, &ignored)) return false;
    return po_give(ret, o);
}

/* Option<Result> <-> Result<Option> */
LIB(opt_transpose)
{
    struct po_val o = a[0];
    struct po_val inner;
    if (o.aux == PO_CTOR_NONE) return po_val_enum(vm, PO_CTOR_OK, o, ret);
    if (o.aux == PO_CTOR_ERR) return po_val_some(vm, o, ret);
    struct po_val x = o.u.vals[0];
    if (x.tag != V_ENUM || x.aux > PO_CTOR_ERR)
        return po_raise(vm, "TypeMismatch", "cannot transpose");
    if (o.aux == PO_CTOR_SOME) {
        *ret = x;
        if (x.aux != PO_CTOR_OK) return true;
        return po_val_some(vm, x.u.vals[0], &inner) && po_val_enum(vm, PO_CTOR_OK, inner, ret);
    }
    *ret = x;
    if (x.aux != PO_CTOR_SOME) return true;
    return po_val_enum(vm, PO_CTOR_OK, x.u.vals[0], &inner) && po_val_some(vm, inner, ret);
}

LIB(opt_zip)
{
    *ret = po_val_none();
    if (!is_good_val(a[0]) || !is_good_val(a[1])) return true;
    struct po_val pair[2] = {a[0].u.vals[0], a[1].u.vals[0]};
    struct po_val tuple;
    return po_val_tuple(vm, pair, 2, &tuple) && po_val_some(vm, tuple, ret);
}

LIB(opt_ok)
{
    *ret = po_val_none();
    return !is_good_val(a[0]) || po_val_some(vm, a[0].u.vals[0], ret);
}

LIB(opt_err)
{
    *ret = po_val_none();
    return is_good_val(a[0]) || po_val_some(vm, a[0].u.vals[0], ret);
}
