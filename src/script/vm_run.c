/*
 * The interpreter loop: one label per instruction of vm_ops.def, computed goto.
 *
 * Size exemption (scripts/size-exempt): one function by nature; each body is at most 12 lines.
 *
 * Invariants
 *  1. The code was accepted by po_verify: operands are in range, jumps land on instructions, typed
 *     instructions see registers of their type.
 *  2. Whoever follows a pointer checks the value's tag first, so that even a mistake of checker and
 *     verifier together is a TypeMismatch and not a memory error.
 *  3. frame->pc is current whenever something is called that may raise a fault.
 */
#include "script/vm_priv.h"

#include "script/comp_priv.h"

#include <math.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define A base[in.a]
#define B base[in.b]
#define C base[in.c]
#define IMM16 ((int64_t)(int16_t)(uint16_t)(in.b | in.c << 8))
#define U16 ((uint32_t)(in.b | in.c << 8))
#define SET_INT(r, x) ((r).tag = V_INT, (r).u.i = (x))
#define SET_FLOAT(r, x) ((r).tag = V_FLOAT, (r).u.f = (x))
#define SET_BOOL(r, x) ((r).tag = V_BOOL, (r).u.i = (x))
#define NEXT                                                                                       \
    do {                                                                                           \
        in = *pc++;                                                                                \
        goto *labels[in.op];                                                                       \
    } while (0)
#define CASE(name) L_##name:
#define SAVE (fr->pc = pc)
#define TRY(call)                                                                                  \
    do {                                                                                           \
        SAVE;                                                                                      \
        if (UNLIKELY(!(call))) goto fault;                                                         \
    } while (0)
#define FAULT(kind, ...)                                                                           \
    do {                                                                                           \
        SAVE;                                                                                      \
        (void)po_raise(vm, kind, __VA_ARGS__);                                                     \
        goto fault;                                                                                \
    } while (0)
#define STEP                                                                                       \
    do {                                                                                           \
        if (UNLIKELY(--vm->fuel < 0)) TRY(po_fuel_slow(vm));                                       \
    } while (0)
/* A value read from a container into a place of known type. */
#define STORE_CHECKED(v, want)                                                                     \
    do {                                                                                           \
        struct po_val got_ = (v);                                                                  \
        if (UNLIKELY((want) != 0 && got_.tag != (uint32_t)(want))) {                               \
            SAVE;                                                                                  \
            (void)po_vm_mismatch(vm, got_, (uint32_t)(want));                                      \
            goto fault;                                                                            \
        }                                                                                          \
        A = got_;                                                                                  \
    } while (0)
#define RELOAD                                                                                     \
    do {                                                                                           \
        fr = &vm->frames[vm->frame_count - 1];                                                     \
        base = fr->base;                                                                           \
        pc = fr->pc;                                                                               \
    } while (0)
#define JUMP_IF(cond)                                                                              \
    do {                                                                                           \
        if (cond) pc = fr->proto->code + in.k;                                                     \
        NEXT;                                                                                      \
    } while (0)
#define INT_OP(fn)                                                                                 \
    do {                                                                                           \
        int64_t out_;                                                                              \
        if (UNLIKELY(fn)) FAULT("IntegerOverflow", "integer overflow");                            \
        SET_INT(A, out_);                                                                          \
        NEXT;                                                                                      \
    } while (0)
#define FLOAT_OP(expr)                                                                             \
    do {                                                                                           \
        double out_ = (expr);                                                                      \
        if (UNLIKELY(!isfinite(out_))) FAULT("InvalidFloat", "result is not a finite number");     \
        SET_FLOAT(A, out_);                                                                        \
        NEXT;                                                                                      \
    } while (0)

/* clang-format off: an instruction a line */
bool po_vm_execute(struct po_vm *vm, uint32_t stop)
{
    static const void *const labels[OP_COUNT] = {
#define OP(name, format, text) &&L_##name,
#include "script/vm_ops.def"
#undef OP
    };
    struct po_frame *fr;
    struct po_val *base;
    const struct po_ins *pc;
    struct po_ins in;
    const struct po_val *consts = vm->s->consts;
    RELOAD;
    NEXT;

    CASE(MOVE) A = B;
    NEXT;
    CASE(LOADK) A = consts[in.k];
    NEXT;
    CASE(LOADI) SET_INT(A, in.k);
    NEXT;
    CASE(LOADUNIT) A = po_val_unit();
    NEXT;
    CASE(LOADBOOL) SET_BOOL(A, in.b != 0);
    NEXT;
    CASE(LOADBI) A = (struct po_val){.tag = V_BUILTIN, .u.bi = &po_builtins[in.k]};
    NEXT;
    CASE(LOADHOST) A = (struct po_val){.tag = V_HOST, .aux = (uint32_t)in.k};
    NEXT;
    CASE(LOADCTOR) A = (struct po_val){.tag = V_CTOR, .aux = (uint32_t)in.k};
    NEXT;
    CASE(LOADENUM) A = (struct po_val){.tag = V_ENUM, .aux = (uint32_t)in.k};
    NEXT;
    CASE(MKCLOS) TRY(po_vm_make_closure(vm, vm->s->protos[in.k], &A));
    NEXT;
    CASE(GETG) STORE_CHECKED(vm->globals[in.k], in.b);
    if (UNLIKELY(A.tag == V_UNINIT))
        FAULT("Uninitialized", "a variable is used before it is initialized");
    NEXT;
    CASE(SETG)
    if (in.b != 0 && vm->is_loaded[vm->s->global_module[in.k]]) {
        FAULT("TypeMismatch", "the bindings of a loaded module are frozen");
    }
    vm->globals[in.k] = A;
    NEXT;
    CASE(GETUP) STORE_CHECKED(fr->fn->ups[in.b], in.c);
    NEXT;
    CASE(GETUPC) STORE_CHECKED(fr->fn->ups[in.b].u.vals[0], in.c);
    if (UNLIKELY(A.tag == V_UNINIT))
        FAULT("Uninitialized", "a variable is used before it is initialized");
    NEXT;
    CASE(SETUPC) fr->fn->ups[in.b].u.vals[0] = A;
    NEXT;
    CASE(NEWCELL) TRY(po_vm_make_cell(vm, &A));
    NEXT;
    CASE(GETCELL)
    if (UNLIKELY(B.tag != V_CELL)) FAULT("TypeMismatch", "no cell");
    STORE_CHECKED(B.u.vals[0], in.c);
    if (UNLIKELY(A.tag == V_UNINIT))
        FAULT("Uninitialized", "a variable is used before it is initialized");
    NEXT;
    CASE(SETCELL)
    if (UNLIKELY(A.tag != V_CELL)) FAULT("TypeMismatch", "no cell");
    A.u.vals[0] = B;
    NEXT;

    CASE(ADD_I) INT_OP(__builtin_add_overflow(B.u.i, C.u.i, &out_));
    CASE(SUB_I) INT_OP(__builtin_sub_overflow(B.u.i, C.u.i, &out_));
    CASE(MUL_I) INT_OP(__builtin_mul_overflow(B.u.i, C.u.i, &out_));
    CASE(ADD_IK) INT_OP(__builtin_add_overflow(B.u.i, (int64_t)in.k, &out_));
    CASE(MUL_IK) INT_OP(__builtin_mul_overflow(B.u.i, (int64_t)in.k, &out_));
    CASE(NEG_I) INT_OP(__builtin_sub_overflow((int64_t)0, B.u.i, &out_));
    CASE(DIV_I) TRY(po_val_arith(vm, TK_SLASH, B, C, &A));
    NEXT;
    CASE(MOD_I) TRY(po_val_arith(vm, TK_PERCENT, B, C, &A));
    NEXT;
    CASE(DIV_IK)
    /* 32-bit division is several times faster than 64-bit and most numbers are small */
    if ((uint64_t)B.u.i <= UINT32_MAX) {
        SET_INT(A, (int64_t)((uint32_t)B.u.i / (uint32_t)in.k));
    } else {
        SET_INT(A, B.u.i / in.k);
    }
    NEXT;
    CASE(MOD_IK)
    if ((uint64_t)B.u.i <= UINT32_MAX) {
        SET_INT(A, (int64_t)((uint32_t)B.u.i % (uint32_t)in.k));
    } else {
        SET_INT(A, B.u.i % in.k);
    }
    NEXT;
    CASE(ADD_F) FLOAT_OP(B.u.f + C.u.f);
    CASE(SUB_F) FLOAT_OP(B.u.f - C.u.f);
    CASE(MUL_F) FLOAT_OP(B.u.f * C.u.f);
    CASE(NEG_F) FLOAT_OP(-B.u.f);
    CASE(DIV_F)
    if (UNLIKELY(C.u.f == 0.0)) FAULT("DivisionByZero", "division by zero");
    FLOAT_OP(B.u.f / C.u.f);
    CASE(MOD_F)
    if (UNLIKELY(C.u.f == 0.0)) FAULT("DivisionByZero", "division by zero");
    FLOAT_OP(fmod(B.u.f, C.u.f));
    CASE(ARITH) TRY(po_val_arith(vm, in.k, B, C, &A));
    NEXT;
    CASE(NEG) TRY(po_vm_negate(vm, B, &A));
    NEXT;
    CASE(NOT) SET_BOOL(A, !B.u.i);
    NEXT;
    CASE(LT_I)
    {
        bool r = B.u.i < C.u.i;
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(LE_I)
    {
        bool r = B.u.i <= C.u.i;
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(EQ_I)
    {
        bool r = B.u.i == C.u.i;
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(NE_I)
    {
        bool r = B.u.i != C.u.i;
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(LT_F)
    {
        bool r = B.u.f < C.u.f;
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(LE_F)
    {
        bool r = B.u.f <= C.u.f;
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(EQ)
    {
        bool r = false;
        TRY(po_vm_equal(vm, &B, &C, &r));
        SET_BOOL(A, r);
    }
    NEXT;
    CASE(NE)
    {
        bool r = false;
        TRY(po_vm_equal(vm, &B, &C, &r));
        SET_BOOL(A, !r);
    }
    NEXT;
    CASE(ORDER)
    {
        bool r = false;
        TRY(po_vm_order(vm, in.k, B, C, &r));
        SET_BOOL(A, r);
    }
    NEXT;

    CASE(JMP) pc = fr->proto->code + in.k;
    NEXT;
    CASE(LOOP) STEP;
    pc = fr->proto->code + in.k;
    NEXT;
    CASE(JT) JUMP_IF(A.u.i);
    CASE(JF) JUMP_IF(!A.u.i);
    CASE(JLT_I) JUMP_IF(A.u.i < B.u.i);
    CASE(JLE_I) JUMP_IF(A.u.i <= B.u.i);
    CASE(JEQ_I) JUMP_IF(A.u.i == B.u.i);
    CASE(JNE_I) JUMP_IF(A.u.i != B.u.i);
    CASE(JLT_F) JUMP_IF(A.u.f < B.u.f);
    CASE(JLE_F) JUMP_IF(A.u.f <= B.u.f);
    CASE(JLT_IK) JUMP_IF(A.u.i < IMM16);
    CASE(JLE_IK) JUMP_IF(A.u.i <= IMM16);
    CASE(JGT_IK) JUMP_IF(A.u.i > IMM16);
    CASE(JGE_IK) JUMP_IF(A.u.i >= IMM16);
    CASE(JEQ_IK) JUMP_IF(A.u.i == IMM16);
    CASE(JNE_IK) JUMP_IF(A.u.i != IMM16);
    CASE(JEQK)
    {
        bool r = false;
        TRY(po_vm_equal(vm, &A, &consts[U16], &r));
        JUMP_IF(r);
    }
    CASE(JNEK)
    {
        bool r = false;
        TRY(po_vm_equal(vm, &A, &consts[U16], &r));
        JUMP_IF(!r);
    }
    CASE(JCTOR) JUMP_IF(A.tag == V_ENUM && A.aux == U16);
    CASE(JNCTOR) JUMP_IF(A.tag != V_ENUM || A.aux != U16);
    CASE(JNTAG) JUMP_IF(A.tag != in.b || (in.b == V_TUPLE && A.aux != in.c));
    CASE(JNTYPE) JUMP_IF(A.tag != V_STRUCT || A.aux != U16);
    CASE(JNFIELD)
    {
        struct po_val v;
        JUMP_IF(!po_val_has_field(vm, A, po_text(consts[U16]), &v));
    }

    CASE(LEN)
    if (UNLIKELY(B.tag != V_ARRAY))
        FAULT("TypeMismatch", "expected array, found %s", po_val_kind(B));
    SET_INT(A, B.u.arr->count);
    NEXT;
    CASE(NEWARR) TRY(po_val_array(vm, (uint32_t)in.k, &A));
    NEXT;
    CASE(PUSH)
    if (UNLIKELY(A.tag != V_ARRAY))
        FAULT("TypeMismatch", "expected array, found %s", po_val_kind(A));
    if (A.u.arr->count < A.u.arr->cap) {
        A.u.arr->items[A.u.arr->count++] = B;
    } else {
        TRY(po_array_push(vm, A.u.arr, B));
    }
    NEXT;
    CASE(NEWTUP) TRY(po_val_tuple(vm, &B, in.c, &A));
    NEXT;
    CASE(NEWSTRUCT)
    {
        struct po_val *vals = po_heap_alloc(vm, in.c ? in.c * sizeof *vals : 16);
        TRY(vals != NULL);
        memcpy(vals, &B, in.c * sizeof *vals);
        A = (struct po_val){.tag = V_STRUCT, .aux = (uint32_t)in.k, .u.vals = vals};
    }
    NEXT;
    CASE(NEWREC) TRY(po_vm_make_record(vm, &vm->s->shapes[in.k], &B, &A));
    NEXT;
    CASE(NEWENUM)
    {
        struct po_val *vals = po_heap_alloc(vm, in.c * sizeof *vals);
        TRY(vals != NULL);
        memcpy(vals, &B, in.c * sizeof *vals);
        A = (struct po_val){.tag = V_ENUM, .aux = (uint32_t)in.k, .u.vals = vals};
    }
    NEXT;
    CASE(NEWRANGE) TRY(po_vm_make_range(vm, B.u.i, C.u.i, in.k != 0, &A));
    NEXT;
    CASE(GETF)
    if (UNLIKELY(B.tag != V_STRUCT || B.aux != (uint32_t)(in.k & PO_ID_MASK))) {
        FAULT("TypeMismatch", "value has another type than expected");
    }
    STORE_CHECKED(B.u.vals[in.c], (uint32_t)in.k >> PO_ID_BITS);
    NEXT;
    CASE(SETF)
    if (UNLIKELY(A.tag != V_STRUCT || A.aux != (uint32_t)(in.k & PO_ID_MASK))) {
        FAULT("TypeMismatch", "value has another type than expected");
    }
    A.u.vals[in.c] = B;
    NEXT;
    CASE(GETREC)
    {
        po_str name = po_text(consts[in.k & PO_ID_MASK]);
        struct po_val v = B;
        bool is_guess = v.tag == V_RECORD && in.c < v.u.rec->shape->count &&
                        v.u.rec->shape->names[in.c].ptr == name.ptr;
        if (is_guess)
            v = v.u.rec->vals[in.c];
        else
            TRY(po_val_field(vm, v, name, &v));
        STORE_CHECKED(v, (uint32_t)in.k >> PO_ID_BITS);
    }
    NEXT;
    CASE(SETREC) TRY(po_val_set_field(vm, A, po_text(consts[in.k & PO_ID_MASK]), B));
    NEXT;
    CASE(GETT)
    if (UNLIKELY(B.tag != V_TUPLE || in.c >= B.aux))
        FAULT("TypeMismatch", "not a tuple of that size");
    STORE_CHECKED(B.u.vals[in.c], in.k);
    NEXT;
    CASE(GETE)
    if (UNLIKELY(B.tag != V_ENUM || B.u.vals == NULL || in.c >= vm->s->ctors[B.aux].count)) {
        FAULT("TypeMismatch", "value has no such payload");
    }
    STORE_CHECKED(B.u.vals[in.c], in.k);
    NEXT;
    CASE(INDEX)
    {
        struct po_val v;
        if (B.tag == V_ARRAY && C.tag == V_INT && (uint64_t)C.u.i < B.u.arr->count) {
            v = B.u.arr->items[C.u.i];
        } else {
            TRY(po_val_index(vm, B, C, &v));
        }
        STORE_CHECKED(v, in.k);
    }
    NEXT;
    CASE(SETIDX)
    if (A.tag == V_ARRAY && B.tag == V_INT && (uint64_t)B.u.i < A.u.arr->count) {
        A.u.arr->items[B.u.i] = C;
    } else {
        TRY(po_val_set_index(vm, A, B, C));
    }
    NEXT;
    CASE(GETEND)
    if (UNLIKELY(B.tag != V_ARRAY || in.c == 0 || in.c > B.u.arr->count))
        FAULT("TypeMismatch", "no such element");
    STORE_CHECKED(B.u.arr->items[B.u.arr->count - in.c], in.k);
    NEXT;
    CASE(SUBARR) TRY(po_vm_subarray(vm, B, in.c, (uint32_t)in.k, &A));
    NEXT;
    CASE(CONCAT) TRY(po_val_concat(vm, &B, in.c, &A));
    NEXT;

    CASE(FORPREP) JUMP_IF(A.u.i >= base[in.a + 1].u.i);
    CASE(FORLOOP)
    STEP;
    if (++A.u.i < base[in.a + 1].u.i) pc = fr->proto->code + in.k;
    NEXT;
    CASE(ITER) TRY(po_vm_iterate(vm, B, &A));
    NEXT;
    CASE(NEXT)
    STEP;
    if (A.tag == V_ARRAY && base[in.a + 1].u.i < base[in.a + 2].u.i &&
        base[in.a + 1].u.i < A.u.arr->count) {
        struct po_val v = A.u.arr->items[base[in.a + 1].u.i++];
        if (UNLIKELY(in.b != 0 && v.tag != in.b)) TRY(po_vm_mismatch(vm, v, in.b));
        base[in.a + 3] = v;
        pc = fr->proto->code + in.k;
    } else if (A.tag == V_RANGE && base[in.a + 1].u.i < base[in.a + 2].u.i) {
        SET_INT(base[in.a + 3], base[in.a + 1].u.i++);
        pc = fr->proto->code + in.k;
    }
    NEXT;

    CASE(CALL)
    {
        const struct po_proto *p = vm->s->protos[in.k];
        struct po_val *args = &A;
        SAVE;
        if (UNLIKELY(--vm->fuel < 0) && !po_fuel_slow(vm)) goto fault;
        if (UNLIKELY(!po_vm_enter(vm, p, NULL, args, args))) goto fault;
        fr = &vm->frames[vm->frame_count - 1];
        base = args;
        pc = p->code;
    }
    NEXT;
    CASE(CALLV)
    STEP;
    if (A.tag == V_FN && !A.u.fn->proto->is_async) {
        const struct po_proto *p = A.u.fn->proto;
        TRY(po_vm_check_args(vm, p, &A + 1, in.b));
        TRY(po_vm_enter(vm, p, A.u.fn, &A + 1, &A));
        RELOAD;
    } else {
        TRY(po_vm_call(vm, A, &A + 1, in.b, &A));
    }
    NEXT;
    /* the result may not overwrite an argument before it was read */
    CASE(CALLB)
    {
        struct po_val r;
        STEP;
        TRY(po_vm_builtin(vm, &po_builtins[in.k], &B, in.c, &r));
        A = r;
    }
    NEXT;
    CASE(CALLM)
    {
        struct po_val r;
        STEP;
        TRY(po_vm_method(vm, &A, in.b + 1u, po_text(consts[in.k]), &r));
        A = r;
    }
    NEXT;
    CASE(CALLH)
    {
        struct po_val r;
        STEP;
        TRY(po_vm_host(vm, (uint32_t)in.k, &A, in.b, &r));
        A = r;
    }
    NEXT;
    CASE(MKFUT) STEP;
    TRY(po_vm_make_future(vm, vm->s->protos[in.k], &A, in.b, &A));
    NEXT;
    CASE(AWAIT) TRY(po_vm_await(vm, B, &A));
    NEXT;
    CASE(RET)
    {
        struct po_val v = A;
        *fr->dst = v;
        if (--vm->frame_count == stop) return true;
        RELOAD;
    }
    NEXT;
    CASE(RETU)
    *fr->dst = po_val_unit();
    if (--vm->frame_count == stop) return true;
    RELOAD;
    NEXT;

    CASE(CHK)
    if (UNLIKELY(A.tag != in.b)) TRY(po_vm_mismatch(vm, A, in.b));
    NEXT;
    CASE(CHKTYPE) TRY(po_vm_check_type(vm, A, (uint32_t)(in.k & PO_ID_MASK)));
    NEXT;
    CASE(CHKI32)
    if (UNLIKELY(A.u.i < INT32_MIN || A.u.i > INT32_MAX))
        FAULT("IntegerOverflow", "value does not fit i32");
    NEXT;
    CASE(CHKINIT)
    if (UNLIKELY(A.tag == V_UNINIT))
        FAULT("Uninitialized", "a variable is used before it is initialized");
    NEXT;
    CASE(UNINIT) A = (struct po_val){0};
    NEXT;
    CASE(TRY)
    if (B.tag == V_ENUM && (B.aux == PO_CTOR_OK || B.aux == PO_CTOR_SOME)) {
        A = B.u.vals[0];
        pc = fr->proto->code + in.k;
    } else if (UNLIKELY(B.tag != V_ENUM || B.aux > PO_CTOR_ERR)) {
        FAULT("TypeMismatch", "'?' needs a Result or Option");
    }
    NEXT;
    CASE(WRAPERR) TRY(po_vm_wrap_error(vm, B, &A));
    NEXT;
    CASE(CASTI) TRY(po_vm_cast_int(vm, B, &A));
    NEXT;
    CASE(CASTF) TRY(po_vm_cast_float(vm, B, &A));
    NEXT;
    CASE(CASTK)
    if (UNLIKELY(in.c != 0 && B.tag != in.c))
        FAULT("CastFailed", in.c == V_STR ? "value is not a string" : "value is not a bool");
    A = B;
    NEXT;
    CASE(I2F)
    {
        double f = (double)B.u.i;
        SET_FLOAT(A, f);
    }
    NEXT;
    CASE(CATCHMSG)
    if (UNLIKELY(B.tag != V_STRUCT || B.aux != PO_TYPE_ERROR))
        FAULT("TypeMismatch", "not an Error");
    A = B.u.vals[1];
    NEXT;
    CASE(RETHROW) TRY(po_vm_rethrow(vm, A));
    CASE(UNREACH) FAULT("Panic", "internal error: unreachable code was reached");
    CASE(MATCHFAIL) FAULT("MatchFailed", "no pattern matched");
    CASE(COVER)
    if (vm->run->line_counts != NULL) vm->run->line_counts[in.k]++;
    NEXT;

fault:
    if (!po_vm_unwind(vm, stop)) return false;
    RELOAD;
    NEXT;
}
/* clang-format on */
