/* The longer halves of instructions: building values, checks, casts, errors. */
#include "script/vm_priv.h"

#include "script/comp_priv.h"

#include <math.h>

bool po_vm_make_closure(struct po_vm *vm, const struct po_proto *p, struct po_val *ret)
{
    const struct po_frame *fr = vm->frame_count > 0 ? &vm->frames[vm->frame_count - 1] : NULL;
    struct po_closure *fn = po_heap_alloc(vm, sizeof *fn + p->upval_count * sizeof fn->ups[0]);
    if (fn == NULL) return false;
    fn->proto = p;
    fn->count = p->upval_count;
    for (uint32_t i = 0; i < p->upval_count && fr != NULL; i++) {
        const struct po_upval *up = &p->upvals[i];
        fn->ups[i] = up->is_reg ? fr->base[up->index] : fr->fn->ups[up->index];
    }
    *ret = (struct po_val){.tag = V_FN, .u.fn = fn};
    return true;
}

bool po_vm_make_cell(struct po_vm *vm, struct po_val *ret)
{
    struct po_val *cell = po_heap_alloc(vm, sizeof *cell);
    if (cell == NULL) return false;
    *cell = (struct po_val){0};
    *ret = (struct po_val){.tag = V_CELL, .u.vals = cell};
    return true;
}

bool po_vm_make_record(struct po_vm *vm, const struct po_shape *shape, const struct po_val *vals,
                       struct po_val *ret)
{
    struct po_record *rec = po_heap_alloc(vm, sizeof *rec + shape->count * sizeof *vals);
    if (rec == NULL) return false;
    rec->shape = shape;
    po_copy(rec->vals, vals, shape->count * sizeof *vals);
    *ret = (struct po_val){.tag = V_RECORD, .u.rec = rec};
    return true;
}

bool po_vm_make_range(struct po_vm *vm, int64_t lo, int64_t hi, bool is_inclusive,
                      struct po_val *ret)
{
    struct po_range *range = po_heap_alloc(vm, sizeof *range);
    if (range == NULL) return false;
    if (is_inclusive && __builtin_add_overflow(hi, 1, &hi)) {
        return po_raise(vm, "IntegerOverflow", "integer overflow");
    }
    *range = (struct po_range){lo, hi};
    *ret = (struct po_val){.tag = V_RANGE, .u.range = range};
    return true;
}

bool po_vm_make_future(struct po_vm *vm, const struct po_proto *p, const struct po_val *args,
                       uint32_t n, struct po_val *ret)
{
    struct po_future *fut = po_heap_alloc(vm, sizeof *fut + n * sizeof *args);
    struct po_val fn;
    if (fut == NULL || !po_vm_make_closure(vm, p, &fn)) return false;
    *fut = (struct po_future){.fn = fn.u.fn, .arg_count = n};
    po_copy(fut->args, args, n * sizeof *args);
    *ret = (struct po_val){.tag = V_FUTURE, .u.fut = fut};
    return true;
}

bool po_vm_subarray(struct po_vm *vm, struct po_val v, uint32_t from, uint32_t tail,
                    struct po_val *ret)
{
    if (v.tag != V_ARRAY || v.u.arr->count < from + tail) {
        return po_raise(vm, "TypeMismatch", "no such elements");
    }
    uint32_t n = v.u.arr->count - from - tail;
    struct po_array *src = v.u.arr;
    if (!po_charge(vm, 1 + n / 4) || !po_val_array(vm, n, ret)) return false;
    if (n > 0) po_copy(ret->u.arr->items, src->items + from, n * sizeof v);
    ret->u.arr->count = n;
    return true;
}

/* regs[0] = what is walked, regs[1] = next index, regs[2] = end. */
bool po_vm_iterate(struct po_vm *vm, struct po_val v, struct po_val *regs)
{
    struct po_val it = v;
    if (v.tag != V_ARRAY && !po_val_iter(vm, v, &it)) return false;
    bool is_range = it.tag == V_RANGE;
    regs[0] = it;
    regs[1] = po_val_int(is_range ? it.u.range->lo : 0);
    regs[2] = po_val_int(is_range ? it.u.range->hi : (int64_t)it.u.arr->count);
    return true;
}

bool po_vm_mismatch(struct po_vm *vm, struct po_val v, uint32_t want)
{
    if (v.tag == V_UNINIT) {
        return po_raise(vm, "Uninitialized", "a variable is used before it is initialized");
    }
    return po_raise(vm, "TypeMismatch", "expected %s", po_val_kind((struct po_val){.tag = want}));
}

bool po_vm_check_type(struct po_vm *vm, struct po_val v, uint32_t type)
{
    bool is_struct = v.tag == V_STRUCT && v.aux == type;
    bool is_enum = v.tag == V_ENUM && vm->s->ctors[v.aux].type_id == type;
    if (is_struct || is_enum) return true;
    return po_raise(vm, "TypeMismatch", "expected %.*s, found %s",
                    PO_STR_ARG(vm->s->types[type].name), po_val_kind(v));
}

bool po_vm_negate(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    if (v.tag == V_INT) return po_val_arith(vm, TK_MINUS, po_val_int(0), v, ret);
    if (v.tag != V_FLOAT) return po_raise(vm, "TypeMismatch", "operator '-' needs a number");
    return po_give(ret, po_val_float(-v.u.f));
}

bool po_vm_equal(struct po_vm *vm, const struct po_val *a, const struct po_val *b, bool *ret)
{
    if (a->tag == V_STR && b->tag == V_STR && po_len(*a) <= 64) {
        uint32_t n = po_len(*a);
        *ret = n == po_len(*b) && (a->u.s == b->u.s || memcmp(a->u.s, b->u.s, n) == 0);
        return true;
    }
    return po_val_equal(vm, *a, *b, ret);
}

bool po_vm_order(struct po_vm *vm, int op, struct po_val a, struct po_val b, bool *ret)
{
    int c = 0;
    if (a.tag == V_TUPLE || b.tag == V_TUPLE) {
        return po_raise(vm, "TypeMismatch", "values cannot be ordered");
    }
    if (!po_val_order(vm, a, b, &c)) return false;
    *ret = op == TK_LT ? c < 0 : op == TK_LE ? c <= 0 : op == TK_GT ? c > 0 : c >= 0;
    return true;
}

bool po_vm_wrap_error(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    *ret = v;
    bool is_text = v.tag == V_ENUM && v.aux == PO_CTOR_ERR && v.u.vals[0].tag == V_STR;
    if (!is_text) return true;
    struct po_val error;
    return po_val_error(vm, PO_LIT("Error"), po_text(v.u.vals[0]), &error) &&
           po_val_enum(vm, PO_CTOR_ERR, error, ret);
}

bool po_vm_cast_int(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    switch (v.tag) {
    case V_INT:
    case V_BOOL: *ret = po_val_int(v.u.i); return true;
    case V_FLOAT:
        if (v.u.f >= 9223372036854775808.0 || v.u.f < -9223372036854775808.0) {
            return po_raise(vm, "IntegerOverflow", "integer overflow");
        }
        return po_give(ret, po_val_int((int64_t)v.u.f));
    default: return po_raise(vm, "CastFailed", "cannot cast to int");
    }
}

bool po_vm_cast_float(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    if (v.tag != V_INT && v.tag != V_FLOAT)
        return po_raise(vm, "CastFailed", "cannot cast to float");
    return po_give(ret, v.tag == V_FLOAT ? v : po_val_float((double)v.u.i));
}

/* ---- errors ----------------------------------------------------------------------------------- */

/* The caught fault as a value of type Error. */
static bool error_value(struct po_vm *vm, struct po_val *ret)
{
    struct po_fault_info *f = &vm->fault;
    if (f->error.tag == V_STRUCT) return po_give(ret, f->error);
    if (!po_val_error(vm, po_str_of(f->kind), f->message, ret)) return false;
    uint32_t line = f->has_place ? po_vm_line(vm, f->module, f->pos) : 0;
    ret->u.vals[2] = po_val_int(line);
    return true;
}

bool po_vm_rethrow(struct po_vm *vm, struct po_val error)
{
    bool is_error = error.tag == V_STRUCT && error.aux == PO_TYPE_ERROR &&
                    error.u.vals[0].tag == V_STR && error.u.vals[1].tag == V_STR;
    if (!is_error) return po_raise(vm, "TypeMismatch", "only an Error can be raised again");
    static const char *const kinds[] = {
        "IndexOutOfBounds", "KeyNotFound",      "DivisionByZero", "IntegerOverflow", "InvalidFloat",
        "CastFailed",       "TypeMismatch",     "MatchFailed",    "UnwrapFailed",    "Panic",
        "AssertionFailed",  "CapabilityDenied", "HostError",      "StackOverflow",   "DepthLimit",
        "Uninitialized",    "InvalidArgument"};
    const char *kind = "Panic";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (po_str_eq_cstr(po_text(error.u.vals[0]), kinds[i])) kind = kinds[i];
    }
    (void)po_raise_str(vm, kind, po_text(error.u.vals[1]));
    vm->fault.error = error;
    return false;
}

static const struct po_handler *find_handler(const struct po_frame *fr)
{
    uint32_t at = (uint32_t)(fr->pc - fr->proto->code) - 1;
    for (uint32_t i = 0; i < fr->proto->handler_count; i++) {
        const struct po_handler *h = &fr->proto->handlers[i];
        if (at >= h->from && at < h->to) return h;
    }
    return NULL;
}

/* Where the fault happened and who called whom; kept when an error is raised again. */
static void note_place(struct po_vm *vm)
{
    struct po_fault_info *f = &vm->fault;
    if (f->has_place) return;
    f->has_place = true;
    vm->trace_count = 0;
    for (uint32_t i = vm->frame_count; i > 0 && vm->trace_count < PO_SCRIPT_TRACE_MAX; i--) {
        const struct po_frame *fr = &vm->frames[i - 1];
        uint32_t at = (uint32_t)(fr->pc - fr->proto->code);
        vm->trace[vm->trace_count++] =
            (struct po_place){fr->proto, fr->proto->pos[at > 0 ? at - 1 : 0]};
    }
    if (vm->trace_count > 0) {
        f->module = vm->trace[0].proto->module;
        f->pos = vm->trace[0].pos;
    }
}

/* Find who catches the fault among the frames above `stop`; drop the others. */
bool po_vm_unwind(struct po_vm *vm, uint32_t stop)
{
    note_place(vm);
    for (; vm->frame_count > stop; vm->frame_count--) {
        struct po_frame *fr = &vm->frames[vm->frame_count - 1];
        const struct po_handler *h = vm->fault.is_limit ? NULL : find_handler(fr);
        if (h == NULL) continue;
        struct po_val error;
        if (!error_value(vm, &error)) { /* memory ran out: now a limit fault, of this frame */
            note_place(vm);
            continue;
        }
        fr->base[h->reg] = error;
        fr->pc = fr->proto->code + h->target;
        vm->fault.kind = NULL;
        return true;
    }
    return false;
}
