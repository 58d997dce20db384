/*
 * The machine around the loop: calls, faults, budgets, futures, runs.
 *
 * A fault is a kind, a message and a place; it travels as `false` through every C function and is
 * caught by the loop of the frame that has a handler. The limits' faults are not catchable.
 */
#include "script/vm_priv.h"

#include "core/alloc.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- faults ----------------------------------------------------------------------------------- */

bool po_raise(struct po_vm *vm, const char *kind, const char *fmt, ...)
{
    struct po_fault_info *f = &vm->fault;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    return po_raise_str(vm, kind, po_str_n(f->text, po_printed(len, sizeof f->text)));
}

bool po_raise_str(struct po_vm *vm, const char *kind, po_str message)
{
    struct po_fault_info *f = &vm->fault;
    if (f->kind != NULL && f->is_limit) return false;
    f->kind = kind;
    f->message = message;
    f->is_limit = false;
    f->has_place = false;
    f->error = (struct po_val){0};
    return false;
}

bool po_raise_limit(struct po_vm *vm, const char *kind, const char *message)
{
    (void)po_raise_str(vm, kind, po_str_of(message));
    vm->fault.is_limit = true;
    return false;
}

/* The slice of steps is used up: look at the clock and the budget. */
bool po_fuel_slow(struct po_vm *vm)
{
    const struct po_script_limits *limits = &vm->run->limits;
    if (vm->fault.kind != NULL && vm->fault.is_limit) return false;
    if (vm->run->is_cancelled != NULL && vm->run->is_cancelled(vm->run->cancel_user)) {
        return po_raise_limit(vm, "Cancelled", "the run was cancelled");
    }
    const struct po_clock *clock = vm->cx->clock;
    if (vm->deadline_us != 0 && clock->monotonic_us(clock->user) > vm->deadline_us) {
        return po_raise_limit(vm, "TimeLimit", "time limit exceeded");
    }
    while (vm->fuel < 0) {
        uint64_t left = limits->steps - vm->steps_granted;
        if (left == 0) return po_raise_limit(vm, "StepLimit", "step limit exceeded");
        uint64_t slice = left < PO_FUEL_SLICE ? left : PO_FUEL_SLICE;
        uint64_t debt = (uint64_t)-vm->fuel;
        if (debt > slice) slice = debt < left ? debt : left;
        vm->steps_granted += slice;
        vm->fuel += (int64_t)slice;
    }
    return true;
}

uint32_t po_vm_line(const struct po_vm *vm, uint32_t module, uint32_t pos)
{
    const struct po_image_module *m = &vm->s->modules[module];
    struct po_lines lines = {m->text, m->line_starts, m->line_count};
    return po_line_at(&lines, pos);
}

/* ---- calls ------------------------------------------------------------------------------------ */

bool po_vm_enter(struct po_vm *vm, const struct po_proto *p, struct po_closure *fn,
                 struct po_val *base, struct po_val *dst)
{
    if (__builtin_expect(
            vm->frame_count >= vm->depth_max || (size_t)(vm->stack_end - base) < p->reg_count, 0)) {
        return po_raise(vm, "StackOverflow", "call depth of %u exceeded", vm->depth_max);
    }
    vm->frames[vm->frame_count++] =
        (struct po_frame){.pc = p->code, .base = base, .dst = dst, .proto = p, .fn = fn};
    return true;
}

/* Arguments from untyped callers against what the function's code relies on. */
bool po_vm_check_args(struct po_vm *vm, const struct po_proto *p, const struct po_val *args,
                      uint32_t n)
{
    if (n != p->param_count) return po_raise(vm, "TypeMismatch", "wrong number of arguments");
    if (!p->has_checked_params) return true;
    for (uint32_t i = 0; i < n; i++) {
        bool is_good = p->param_tags[i] == 0 || args[i].tag == p->param_tags[i];
        if (!is_good) return po_vm_mismatch(vm, args[i], p->param_tags[i]);
    }
    return true;
}

static bool call_closure(struct po_vm *vm, struct po_closure *fn, const struct po_val *args,
                         uint32_t n, struct po_val *ret)
{
    const struct po_proto *p = fn->proto;
    struct po_frame *top = vm->frame_count > 0 ? &vm->frames[vm->frame_count - 1] : NULL;
    struct po_val *base = top != NULL ? top->base + top->proto->reg_count : vm->stack;
    uint32_t stop = vm->frame_count;
    struct po_val result = po_val_unit();
    if (vm->native_depth >= PO_NATIVE_DEPTH_MAX) {
        return po_raise(vm, "StackOverflow", "calls through built-ins are nested too deeply");
    }
    if (!po_vm_check_args(vm, p, args, n) || !po_vm_enter(vm, p, fn, base, &result)) return false;
    if (n > 0) po_copy(base, args, n * sizeof *args);
    vm->native_depth++;
    bool is_good = po_vm_execute(vm, stop);
    vm->native_depth--;
    if (is_good) *ret = result;
    return is_good;
}

bool po_vm_call(struct po_vm *vm, struct po_val callee, const struct po_val *args, uint32_t n,
                struct po_val *ret)
{
    struct po_val copy[16];
    if (!po_charge(vm, 1)) return false;
    switch (callee.tag) {
    case V_FN:
        if (!callee.u.fn->proto->is_async) return call_closure(vm, callee.u.fn, args, n, ret);
        if (n != callee.u.fn->proto->param_count) {
            return po_raise(vm, "TypeMismatch", "wrong number of arguments");
        }
        if (!po_vm_make_future(vm, callee.u.fn->proto, args, n, ret)) return false;
        ret->u.fut->fn = callee.u.fn;
        return true;
    case V_CTOR:
        if (n != vm->s->ctors[callee.aux].count || n == 0 || n > 16) break;
        for (uint32_t i = 0; i < n; i++) {
            bool is_i32 = (vm->s->ctors[callee.aux].i32_mask >> i & 1) != 0;
            bool fits =
                args[i].tag != V_INT || (args[i].u.i >= INT32_MIN && args[i].u.i <= INT32_MAX);
            if (is_i32 && !fits) return po_raise(vm, "IntegerOverflow", "value does not fit i32");
        }
        if (!po_val_tuple(vm, args, n, ret)) return false;
        ret->tag = V_ENUM;
        ret->aux = callee.aux;
        return true;
    case V_BUILTIN:
    case V_HOST:
        if (n > 16) break;
        po_copy(copy, args, n * sizeof *args);
        if (callee.tag == V_HOST) return po_vm_host(vm, callee.aux, copy, n, ret);
        return po_vm_builtin(vm, callee.u.bi, copy, n, ret);
    default: return po_raise(vm, "TypeMismatch", "value is not a function");
    }
    return po_raise(vm, "TypeMismatch", "wrong number of arguments");
}

static bool fits(struct po_val v, char want)
{
    switch (want) {
    case 'i': return v.tag == V_INT;
    case 'f': return v.tag == V_FLOAT;
    case 'n': return v.tag == V_INT || v.tag == V_FLOAT;
    case 's': return v.tag == V_STR;
    case 'b': return v.tag == V_BOOL;
    case 'a': return v.tag == V_ARRAY;
    case 'm': return v.tag == V_MAP;
    case 'h': return v.tag == V_SET;
    case 'o': return v.tag == V_ENUM && v.aux <= PO_CTOR_NONE;
    case 'r': return v.tag == V_ENUM && (v.aux == PO_CTOR_OK || v.aux == PO_CTOR_ERR);
    case 'c': return v.tag >= V_FN && v.tag <= V_CTOR;
    case 'g': return v.tag == V_RANGE;
    case 'F': return v.tag == V_FUTURE;
    case 'E': return v.tag == V_STRUCT && v.aux == PO_TYPE_ERROR;
    case 'u': return v.tag == V_UNIT;
    default: return true;
    }
}

bool po_vm_builtin(struct po_vm *vm, const struct po_builtin *b, struct po_val *args, uint32_t n,
                   struct po_val *ret)
{
    const char *t = b->tags;
    bool is_full = true;
    for (uint32_t i = 0; i < n && is_full; i++) {
        is_full = *t != '>';
        if (is_full && !fits(args[i], *t)) {
            return po_raise(vm, "TypeMismatch", "'%.*s' does not take a %s", PO_STR_ARG(b->name),
                            po_val_kind(args[i]));
        }
        if (is_full) t += t[1] == '+' ? 0 : t[1] == '?' ? 2 : 1;
    }
    while (*t != '>' && (t[1] == '+' || t[1] == '?')) {
        t += 2;
    }
    if (!is_full || *t != '>') return po_raise(vm, "TypeMismatch", "wrong number of arguments");
    return b->fn(vm, args, n, ret);
}

static enum po_recv recv_of(struct po_val v)
{
    switch (v.tag) {
    case V_STR: return RECV_STRING;
    case V_ARRAY: return RECV_ARRAY;
    case V_MAP: return RECV_MAP;
    case V_SET: return RECV_SET;
    case V_INT: return RECV_INT;
    case V_FLOAT: return RECV_FLOAT;
    case V_RANGE: return RECV_RANGE;
    case V_ENUM:
        return v.aux <= PO_CTOR_NONE ? RECV_OPTION : v.aux <= PO_CTOR_ERR ? RECV_RESULT : RECV_ANY;
    case V_STRUCT: return v.aux == PO_TYPE_ERROR ? RECV_ERROR : RECV_ANY;
    default: return RECV_ANY;
    }
}

/* A method on a value whose type is known only now. */
bool po_vm_method(struct po_vm *vm, struct po_val *args, uint32_t n, po_str name,
                  struct po_val *ret)
{
    struct po_val o = args[0];
    bool is_user = o.tag == V_STRUCT || o.tag == V_ENUM;
    const struct po_impl *impl = NULL;
    if (is_user) {
        impl = vm->s->types[o.tag == V_STRUCT ? o.aux : vm->s->ctors[o.aux].type_id].impls;
    }
    for (; impl != NULL; impl = impl->next) {
        if (!po_str_eq(impl->name, name)) continue;
        struct po_val fn;
        if (!po_vm_make_closure(vm, vm->s->protos[impl->proto], &fn)) return false;
        return po_vm_call(vm, fn, args, n, ret);
    }
    struct po_val field;
    if (po_val_has_field(vm, o, name, &field)) return po_vm_call(vm, field, args + 1, n - 1, ret);
    const struct po_builtin *b = po_builtin_find(recv_of(o), name);
    if (b == NULL) b = po_builtin_find(RECV_ANY, name);
    if (b != NULL) return po_vm_builtin(vm, b, args, n, ret);
    return po_raise(vm, "TypeMismatch", "value has no method '%.*s'", PO_STR_ARG(name));
}

/* ---- futures: sequential, in the order in which they are awaited ------------------------------ */

static bool await_group(struct po_vm *vm, struct po_future *fut, struct po_val *ret)
{
    struct po_array *tasks = fut->value.u.arr;
    if (fut->kind == 2) {
        if (tasks->count == 0) return po_raise(vm, "InvalidArgument", "race of no futures");
        return po_vm_await(vm, tasks->items[0], ret);
    }
    uint32_t n = tasks->count;
    if (!po_val_array(vm, n, ret)) return false;
    for (uint32_t i = 0; i < n && i < tasks->count; i++) {
        struct po_val v;
        if (!po_vm_await(vm, tasks->items[i], &v) || !po_array_push(vm, ret->u.arr, v))
            return false;
    }
    return true;
}

bool po_vm_await(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    if (v.tag != V_FUTURE) return po_give(ret, v);
    struct po_future *fut = v.u.fut;
    if (fut->state == 2) return po_give(ret, fut->value);
    if (fut->state == 1) return po_raise(vm, "Panic", "a future waits for itself");
    if (vm->native_depth >= PO_NATIVE_DEPTH_MAX) {
        return po_raise(vm, "StackOverflow", "futures are nested too deeply");
    }
    fut->state = 1;
    struct po_val value;
    vm->native_depth++;
    bool is_good = fut->kind != 0 ? await_group(vm, fut, &value)
                                  : call_closure(vm, fut->fn, fut->args, fut->arg_count, &value);
    vm->native_depth--;
    fut->state = is_good ? 2 : 0;
    if (!is_good) return false;
    fut->value = value;
    return po_give(ret, value);
}

bool po_vm_output(struct po_vm *vm, po_str text)
{
    vm->output_bytes += text.len;
    if (vm->output_bytes > vm->run->limits.output_bytes) {
        return po_raise_limit(vm, "OutputLimit", "output limit exceeded");
    }
    if (vm->run->output == NULL) return true;
    po_buf_append(vm->run->output, text);
    if (vm->run->output->status == PO_OK) return true;
    return po_raise_limit(vm, "OutputLimit", "output limit exceeded");
}
