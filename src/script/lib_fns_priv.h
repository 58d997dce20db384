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
    bool po_lib_##name(struct po_vm *vm, struct po_val *a, uint32_t n, struct po_val *ret)
#define UNUSED_ARGS (void)vm, (void)a, (void)n

/* '*' any text, '?' one code point; linear in both. */
bool po_glob_matches(struct po_vm *vm, po_str pattern, po_str text, bool *ret);
/* Text in vm->scratch becomes the result. */
bool po_lib_finish_text(struct po_vm *vm, struct po_val *ret);

#endif
