/*
 * The machine: heap, values' operations, frames, faults. Private to vm*.c, val*.c and lib*.c.
 *
 * Nothing is freed before the run ends (big blocks that were grown are reused by the allocator, but
 * stay counted), so no pointer can dangle. Every size is charged to the memory budget before it is
 * taken; every piece of work to the step budget.
 */
#ifndef PO_SCRIPT_VM_PRIV_H
#define PO_SCRIPT_VM_PRIV_H

#include "script/code_priv.h"

#define PO_NATIVE_DEPTH_MAX 190 /* built-ins calling closures calling built-ins */
#define PO_VALUE_DEPTH_MAX 200  /* nesting of values compared, hashed, shown */
#define PO_FUEL_SLICE 2048      /* steps between looks at the clock */
#define PO_BIG_BYTES ((size_t)8192)

/* memcpy that takes no bytes from nowhere. */
static inline void po_copy(void *to, const void *from, size_t n)
{
    if (n > 0) memcpy(to, from, n);
}

struct po_array {
    struct po_val *items;
    uint32_t count;
    uint32_t cap;
};
struct po_entry {
    struct po_val key; /* V_UNINIT: removed */
    struct po_val val;
};
struct po_slot {
    uint32_t hash;
    uint32_t entry; /* index + 1; 0 = free, UINT32_MAX = removed */
};
struct po_map_obj {
    struct po_entry *entries;
    struct po_slot *slots;
    uint32_t count; /* live */
    uint32_t used;  /* entries written, removed ones included */
    uint32_t cap;
    uint32_t mask;
};
struct po_record {
    const struct po_shape *shape;
    struct po_val vals[];
};
struct po_range {
    int64_t lo;
    int64_t hi; /* exclusive */
};
struct po_closure {
    const struct po_proto *proto;
    uint32_t count;
    struct po_val ups[];
};
struct po_future {
    uint32_t state; /* 0 = not started, 1 = running, 2 = done */
    uint32_t kind;  /* 0 = function, 1 = all, 2 = first of an array */
    struct po_closure *fn;
    struct po_val value; /* when done; before: the array of a group */
    uint32_t arg_count;
    struct po_val args[];
};

struct po_block {
    struct po_block *prev;
    struct po_block *next;
    size_t size;
    size_t pad;
};
struct po_heap {
    char *at; /* objects, 16-aligned */
    char *end;
    char *str_at;
    char *str_end;
    struct {
        char *at;
        char *end;
    } open[4]; /* long strings that may grow in place */
    uint32_t open_next;
    struct po_block *blocks;
    size_t chunk;
    uint64_t used;
    uint64_t limit;
    bool is_out_of_memory; /* the machine's, not the budget's */
};

struct po_frame {
    const struct po_ins *pc;
    struct po_val *base;
    struct po_val *dst;
    const struct po_proto *proto;
    struct po_closure *fn;
};

struct po_fault_info {
    const char *kind; /* NULL = none */
    po_str message;
    bool is_limit; /* not catchable */
    bool has_place;
    uint32_t module;
    uint32_t pos;
    struct po_val error; /* a thrown Error value, or V_UNINIT */
    char text[256];
};

struct po_place {
    const struct po_proto *proto;
    uint32_t pos;
};

struct po_vm {
    struct po_ctx *cx;
    const struct po_script *s;
    const struct po_script_run *run;
    struct po_heap heap;
    struct po_val *stack;
    struct po_val *stack_end;
    struct po_frame *frames;
    uint32_t frame_count;
    uint32_t depth_max;
    uint32_t native_depth;
    int64_t fuel; /* steps until the next look at clock and budget */
    uint64_t steps_granted;
    int64_t deadline_us;
    struct po_val *globals;
    bool *is_loaded; /* modules */
    uint64_t host_calls;
    uint64_t output_bytes;
    struct po_fault_info fault;
    struct po_place trace[PO_SCRIPT_TRACE_MAX];
    uint32_t trace_count;
    struct po_buf scratch;
    struct po_shape **shapes; /* run-time shapes by hash */
    uint32_t shape_slots;
    uint32_t shape_count;
};

/* The usual end of a built-in: a value and no fault. */
static inline bool po_give(struct po_val *ret, struct po_val v)
{
    *ret = v;
    return true;
}

/* ---- heap.c */
void *po_heap_alloc(struct po_vm *vm, size_t size); /* NULL: MemoryLimit raised */
/* Bytes the budget still holds. */
size_t po_heap_left(const struct po_vm *vm);
/* To how many items a full container grows: twice as many, or half of what the budget still holds. */
uint32_t po_heap_next_cap(const struct po_vm *vm, uint32_t cap, size_t item_size);
void *po_heap_grow(struct po_vm *vm, void *old, size_t old_size, size_t size);
char *po_heap_str(struct po_vm *vm, size_t len);
/* `len` bytes directly behind a + a_len when there is room, else NULL. */
char *po_heap_extend(struct po_vm *vm, const char *a, size_t a_len, size_t len);
void po_heap_done(struct po_heap *heap);

/* ---- faults: vm.c. All return false. */
bool po_raise(struct po_vm *vm, const char *kind, const char *fmt, ...) PO_PRINTF(3, 4);
bool po_raise_str(struct po_vm *vm, const char *kind, po_str message);
bool po_raise_limit(struct po_vm *vm, const char *kind, const char *message);
bool po_fuel_slow(struct po_vm *vm);
/* Charge `steps`; false when the budget ends. */
static inline bool po_charge(struct po_vm *vm, uint64_t steps)
{
    vm->fuel -= (int64_t)steps;
    return vm->fuel >= 0 || po_fuel_slow(vm);
}
static inline bool po_charge_bytes(struct po_vm *vm, size_t bytes)
{
    return po_charge(vm, 1 + bytes / 64);
}

/* ---- vm.c / vm_run.c */
bool po_vm_call(struct po_vm *vm, struct po_val callee, const struct po_val *args, uint32_t n,
                struct po_val *ret);
bool po_vm_execute(struct po_vm *vm, uint32_t stop);
bool po_vm_enter(struct po_vm *vm, const struct po_proto *p, struct po_closure *fn,
                 struct po_val *base, struct po_val *dst);
bool po_vm_check_args(struct po_vm *vm, const struct po_proto *p, const struct po_val *args,
                      uint32_t n);
bool po_vm_method(struct po_vm *vm, struct po_val *args, uint32_t n, po_str name,
                  struct po_val *ret);
bool po_vm_builtin(struct po_vm *vm, const struct po_builtin *b, struct po_val *args, uint32_t n,
                   struct po_val *ret);
bool po_vm_await(struct po_vm *vm, struct po_val v, struct po_val *ret);
bool po_vm_output(struct po_vm *vm, po_str text);
uint32_t po_vm_line(const struct po_vm *vm, uint32_t module, uint32_t pos);

/* ---- vm_help.c: the longer halves of instructions */
bool po_vm_make_closure(struct po_vm *vm, const struct po_proto *p, struct po_val *ret);
bool po_vm_make_cell(struct po_vm *vm, struct po_val *ret);
bool po_vm_make_record(struct po_vm *vm, const struct po_shape *shape, const struct po_val *vals,
                       struct po_val *ret);
bool po_vm_make_range(struct po_vm *vm, int64_t lo, int64_t hi, bool is_inclusive,
                      struct po_val *ret);
bool po_vm_make_future(struct po_vm *vm, const struct po_proto *p, const struct po_val *args,
                       uint32_t n, struct po_val *ret);
bool po_vm_subarray(struct po_vm *vm, struct po_val v, uint32_t from, uint32_t tail,
                    struct po_val *ret);
bool po_vm_iterate(struct po_vm *vm, struct po_val v, struct po_val *regs);
bool po_vm_mismatch(struct po_vm *vm, struct po_val v, uint32_t want);
bool po_vm_check_type(struct po_vm *vm, struct po_val v, uint32_t type);
bool po_vm_negate(struct po_vm *vm, struct po_val v, struct po_val *ret);
bool po_vm_equal(struct po_vm *vm, const struct po_val *a, const struct po_val *b, bool *ret);
bool po_vm_order(struct po_vm *vm, int op, struct po_val a, struct po_val b, bool *ret);
bool po_vm_wrap_error(struct po_vm *vm, struct po_val v, struct po_val *ret);
bool po_vm_cast_int(struct po_vm *vm, struct po_val v, struct po_val *ret);
bool po_vm_cast_float(struct po_vm *vm, struct po_val v, struct po_val *ret);
bool po_vm_rethrow(struct po_vm *vm, struct po_val error);
bool po_vm_unwind(struct po_vm *vm, uint32_t stop);

/* ---- host.c */
bool po_vm_host(struct po_vm *vm, uint32_t index, struct po_val *args, uint32_t n,
                struct po_val *ret);
bool po_json_write(struct po_vm *vm, struct po_val v, struct po_buf *out);
bool po_json_read(struct po_vm *vm, po_str text, struct po_val *ret, bool *ret_valid);
/* Decode by a description; *ret_fits is false when the shape differs. */
bool po_json_decode(struct po_vm *vm, po_str text, const struct po_desc *desc, struct po_val *ret,
                    bool *ret_fits);

/* ---- val.c */
static inline uint32_t po_len(struct po_val v) { return v.aux & PO_STR_LEN_MAX; }
static inline bool po_is_wide(struct po_val v) { return (v.aux & PO_STR_WIDE) != 0; }
static inline po_str po_text(struct po_val v) { return po_str_n(v.u.s, po_len(v)); }
struct po_val po_val_slice(struct po_val s, size_t from, size_t to); /* byte offsets */
bool po_val_str(struct po_vm *vm, po_str s, struct po_val *ret);     /* copies */
bool po_val_concat(struct po_vm *vm, struct po_val *parts, uint32_t n, struct po_val *ret);
bool po_val_equal(struct po_vm *vm, struct po_val a, struct po_val b, bool *ret);
bool po_val_order(struct po_vm *vm, struct po_val a, struct po_val b, int *ret); /* -1 0 1 */
bool po_val_arith(struct po_vm *vm, int op, struct po_val a, struct po_val b, struct po_val *ret);
bool po_val_show(struct po_vm *vm, struct po_val v, bool is_top, struct po_buf *out);
bool po_val_display(struct po_vm *vm, struct po_val v, struct po_val *ret); /* top level text */
/* A text in vm->scratch, and its end: it becomes a value. */
void po_text_begin(struct po_vm *vm);
bool po_text_end(struct po_vm *vm, struct po_val *ret);
bool po_text_print(struct po_vm *vm);
bool po_text_check(struct po_vm *vm); /* false: it did not fit, the fault is raised */
const char *po_val_kind(struct po_val v);
size_t po_format_int(int64_t value, char out[static 24]);
size_t po_format_float(double value, char out[static 40]);
size_t po_count_points(po_str s);
/* The byte behind the code point that begins at `at`. */
static inline size_t po_point_end(po_str s, size_t at)
{
    do {
        at++;
    } while (at < s.len && ((uint8_t)s.ptr[at] & 0xC0) == 0x80);
    return at;
}
size_t po_point_offset(po_str s, size_t index); /* byte offset of a code point; s.len at the end */
bool po_val_finite(struct po_vm *vm, double value, struct po_val *ret);
bool po_val_array(struct po_vm *vm, uint32_t cap, struct po_val *ret);
bool po_array_push(struct po_vm *vm, struct po_array *arr, struct po_val v);
bool po_val_enum(struct po_vm *vm, uint32_t ctor, struct po_val payload, struct po_val *ret);
bool po_val_tuple(struct po_vm *vm, const struct po_val *vals, uint32_t n, struct po_val *ret);
bool po_val_error(struct po_vm *vm, po_str kind, po_str message, struct po_val *ret);
static inline struct po_val po_val_none(void)
{
    return (struct po_val){.tag = V_ENUM, .aux = PO_CTOR_NONE};
}
static inline bool po_val_some(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    return po_val_enum(vm, PO_CTOR_SOME, v, ret);
}
bool po_val_index(struct po_vm *vm, struct po_val o, struct po_val i, struct po_val *ret);
bool po_val_set_index(struct po_vm *vm, struct po_val o, struct po_val i, struct po_val v);
bool po_val_field(struct po_vm *vm, struct po_val o, po_str name, struct po_val *ret);
bool po_val_set_field(struct po_vm *vm, struct po_val o, po_str name, struct po_val v);
bool po_val_has_field(struct po_vm *vm, struct po_val o, po_str name, struct po_val *ret);
bool po_val_iter(struct po_vm *vm, struct po_val v, struct po_val *ret); /* array or range */
const struct po_shape *po_vm_shape(struct po_vm *vm, const po_str *names, uint32_t n);

/* ---- map.c */
bool po_map_make(struct po_vm *vm, uint32_t tag, struct po_val *ret);
bool po_vmap_find(struct po_vm *vm, const struct po_map_obj *m, struct po_val key,
                  struct po_entry **ret);
bool po_vmap_put(struct po_vm *vm, struct po_map_obj *m, struct po_val key, struct po_val val,
                 struct po_val *ret_old); /* V_UNINIT: there was none */
bool po_vmap_remove(struct po_vm *vm, struct po_map_obj *m, struct po_val key,
                    struct po_val *ret_old);
void po_vmap_clear(struct po_map_obj *m);

#endif
