/* The library's table and how to find things in it. */
#include "script/lib_fns_priv.h"

const struct po_builtin po_builtins[] = {
#define X(recv_, module_, name_, canon_, tags_, pure_, special_, sig_, fn_)                        \
    {.recv = RECV_##recv_,                                                                         \
     .special = SPECIAL_##special_,                                                                \
     .is_pure = (pure_) != 0,                                                                      \
     .name = {name_, sizeof(name_) - 1},                                                           \
     .module = {module_, sizeof(module_) - 1},                                                     \
     .canon = canon_,                                                                              \
     .tags = tags_,                                                                                \
     .sig = sig_,                                                                                  \
     .fn = po_lib_##fn_},
#include "script/lib.def"
#undef X
};
const size_t po_builtin_count = sizeof po_builtins / sizeof po_builtins[0];

const struct po_builtin *po_builtin_find(enum po_recv recv, po_str name)
{
    for (size_t i = 0; i < po_builtin_count; i++) {
        const struct po_builtin *b = &po_builtins[i];
        bool is_it = b->recv == recv && b->name.len == name.len &&
                     memcmp(b->name.ptr, name.ptr, name.len) == 0;
        if (is_it) return b;
    }
    return NULL;
}

const struct po_builtin *po_builtin_find_in(enum po_recv recv, po_str module, po_str name)
{
    for (size_t i = 0; i < po_builtin_count; i++) {
        const struct po_builtin *b = &po_builtins[i];
        if (b->recv == recv && po_str_eq(b->module, module) && po_str_eq(b->name, name)) return b;
    }
    return NULL;
}

bool po_builtin_has_module(po_str module)
{
    for (size_t i = 0; i < po_builtin_count; i++) {
        if (po_builtins[i].recv == RECV_STD && po_str_eq(po_builtins[i].module, module))
            return true;
    }
    return false;
}

uint32_t po_builtin_arity_min(const struct po_builtin *b)
{
    uint32_t n = 0;
    for (const char *t = b->tags; *t != '>' && *t != '\0'; t++) {
        bool is_letter = *t != '+' && *t != '?';
        bool is_optional = t[1] == '+' || t[1] == '?';
        if (is_letter && !is_optional) n++;
    }
    return n;
}
