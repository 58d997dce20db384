/*
 * The table of built-in functions and methods (lib.def), as checker, generator and machine see it.
 *
 * tags: one letter per argument, '>' and one for the result; the machine checks arguments against
 * it before every call, so an implementation may trust them.
 *   * any  i int  f float  n number  s string  b bool  u ()  a array  m map  h set  o Option
 *   r Result  c callable  g Range  F Future  E Error  ! never
 * A '+' after a letter: none or more of it; '?': it may be left out.
 */
#ifndef PO_SCRIPT_LIB_PRIV_H
#define PO_SCRIPT_LIB_PRIV_H

#include "core/str.h"

struct po_vm;
struct po_val;

/* Returns false when it raised a fault. `args` are registers: they may be overwritten. */
typedef bool (*po_builtin_fn)(struct po_vm *vm, struct po_val *args, uint32_t n,
                              struct po_val *ret);

enum po_recv {
    RECV_FREE,
    RECV_STATIC,
    RECV_ANY,
    RECV_STRING,
    RECV_ARRAY,
    RECV_MAP,
    RECV_SET,
    RECV_OPTION,
    RECV_RESULT,
    RECV_INT,
    RECV_FLOAT,
    RECV_RANGE,
    RECV_ERROR,
    RECV_STD
};

enum po_special {
    SPECIAL_NONE,
    SPECIAL_PRINT,
    SPECIAL_FORMAT,
    SPECIAL_NUM,
    SPECIAL_LEN,
    SPECIAL_ASSERT,
    SPECIAL_ASSERT_EQ,
    SPECIAL_RANGE,
    SPECIAL_SUM,
    SPECIAL_CONST,
    SPECIAL_HOST
};

struct po_builtin {
    uint8_t recv;
    uint8_t special;
    bool is_pure; /* calls no closure, changes nothing: may stand in an inlined closure */
    po_str name;
    po_str module;     /* RECV_STD: "std/json"; RECV_STATIC: "Vec" */
    const char *canon; /* the documented name, NULL = this one */
    const char *tags;
    const char *sig;
    po_builtin_fn fn;
};

extern const struct po_builtin po_builtins[];
extern const size_t po_builtin_count;

const struct po_builtin *po_builtin_find(enum po_recv recv, po_str name);
const struct po_builtin *po_builtin_find_in(enum po_recv recv, po_str module, po_str name);
bool po_builtin_has_module(po_str module);
uint32_t po_builtin_arity_min(const struct po_builtin *b);

#endif
