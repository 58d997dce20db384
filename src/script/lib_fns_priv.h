/* Prototypes of every function of lib.def, and helpers the lib*.c files share. */
#ifndef PO_SCRIPT_LIB_FNS_PRIV_H
#define PO_SCRIPT_LIB_FNS_PRIV_H

#include "script/vm_priv.h"

#define X(recv, module, name, canon, tags, pure, special, sig, fn)                                 \
    bool po_lib_##fn(struct po_vm *vm, struct po_val *a, uint32_t n, struct po_val *ret);
#include "script/lib.def"
#undef X

/* Head of an implementation: LIB(str_trim) { ... } with vm, a, n, ret. */
#define LIB(name)                                                                                  \
    bool po_lib_##name(MAYBE struct po_vm *vm, MAYBE struct po_val *a, MAYBE uint32_t n,           \
                       MAYBE struct po_val *ret)
#define MAYBE __attribute__((unused))

/* '*' any text, '?' one code point; linear in both. */
bool po_glob_matches(struct po_vm *vm, po_str pattern, po_str text, bool *ret);

/* The elements at the start of a method whose closure may change the array. */
bool po_lib_snapshot(struct po_vm *vm, struct po_val v, struct po_array **ret);
/* The code point at *at, which moves on. */
uint32_t po_lib_point_at(po_str s, size_t *at);
/* Without white space at the start, the end, or both. */
bool po_lib_trim(struct po_vm *vm, struct po_val s, bool start, bool end, struct po_val *ret);

#endif
