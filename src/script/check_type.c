/* Checker, part nine: types from the tree. */
#include "script/type_priv.h"

/* ---- types from the tree ---------------------------------------------------------------------- */

static struct po_type *alias_type(struct po_check *k, po_str name)
{
    static const char *const ints[] = {"i32", "i64", "int", "Int", "usize"};
    static const char *const floats[] = {"f32", "f64", "float", "Float"};
    static const char *const bools[] = {"bool", "Bool", "Boolean"};
    static const char *const unknowns[] = {"unknown", "any", "Any"};
    for (size_t i = 0; i < 5; i++) {
        if (po_str_eq_cstr(name, ints[i])) return &k->t_int;
    }
    for (size_t i = 0; i < 4; i++) {
        if (po_str_eq_cstr(name, floats[i])) return &k->t_float;
    }
    for (size_t i = 0; i < 3; i++) {
        if (po_str_eq_cstr(name, bools[i])) return &k->t_bool;
        if (po_str_eq_cstr(name, unknowns[i])) return &k->t_unknown;
    }
    if (po_str_eq_cstr(name, "string") || po_str_eq_cstr(name, "String")) return &k->t_str;
    if (po_str_eq_cstr(name, "ErrorKind")) return &k->t_str;
    if (po_str_eq_cstr(name, "unit")) return &k->t_unit;
    if (po_str_eq_cstr(name, "never")) return &k->t_never;
    if (po_str_eq_cstr(name, "Secret")) return &k->t_secret;
    if (po_str_eq_cstr(name, "Range")) return &k->t_range;
    if (po_str_eq_cstr(name, "Error")) return k->t_error;
    return NULL;
}

static const struct {
    const char *name;
    uint8_t kind; /* TY_VAR: Box */
    uint8_t arity;
} containers[] = {
    {"Array", TY_ARRAY, 1},  {"Vec", TY_ARRAY, 1},    {"HashMap", TY_MAP, 2},
    {"Map", TY_MAP, 2},      {"HashSet", TY_SET, 1},  {"Set", TY_SET, 1},
    {"Option", TY_NAMED, 1}, {"Result", TY_NAMED, 2}, {"Future", TY_FUTURE, 1},
    {"Box", TY_VAR, 1},
};

static struct po_type *container_type(struct po_check *k, struct po_node *node, size_t row)
{
    uint32_t given = po_list_len(node->list);
    uint32_t arity = containers[row].arity;
    struct po_type *args[2];
    uint32_t n = 0;
    for (struct po_node *arg = node->list; arg != NULL && n < arity; arg = arg->next) {
        args[n++] = po_check_type(k, arg);
    }
    bool is_result = po_str_eq_cstr(node->name->s, "Result");
    if (is_result && n == 1) args[n++] = k->t_error;
    while (n < arity) {
        args[n++] = po_type_var(k);
    }
    if (given > arity) {
        po_check_err(k, node->pos, "E0406", "type '%.*s' takes %u type argument(s)",
                     PO_STR_ARG(node->name->s), arity);
    }
    if (containers[row].kind == TY_VAR) return args[0];
    struct po_type *t = po_type_make(k, containers[row].kind, arity);
    if (t->n == arity) memcpy(t->args, args, arity * sizeof args[0]);
    if (t->kind == TY_NAMED) t->def = is_result ? k->result : k->option;
    return t;
}

static struct po_type *def_type(struct po_check *k, struct po_node *node, struct po_def *def)
{
    uint32_t given = po_list_len(node->list);
    struct po_type *t = po_type_named(k, def, def->param_count);
    if (t->kind != TY_NAMED) return t;
    if (given != 0 && given != def->param_count) {
        po_check_err(k, node->pos, "E0406", "type '%.*s' takes %u type argument(s), got %u",
                     PO_STR_ARG(def->name->s), def->param_count, given);
    }
    struct po_node *arg = given == def->param_count ? node->list : NULL;
    for (uint32_t i = 0; i < def->param_count; i++) {
        t->args[i] = arg != NULL ? po_check_type(k, arg) : po_type_var(k);
        arg = arg != NULL ? arg->next : NULL;
    }
    return t;
}

static struct po_def *module_def(struct po_name *alias, const struct po_name *name)
{
    if (alias->sym == NULL || alias->sym->kind != SYM_MODULE) return NULL;
    for (struct po_export *x = alias->sym->exports; x != NULL; x = x->next) {
        if (x->name == name && x->def != NULL) return x->def;
    }
    return NULL;
}

static struct po_type *named_type(struct po_check *k, struct po_node *node)
{
    struct po_name *name = node->name;
    if (node->name2 != NULL) {
        struct po_def *def = module_def(node->name2, name);
        if (def != NULL) return def_type(k, node, def);
        return po_check_bad(k, node->pos, "E0302", "unknown type '%.*s.%.*s'",
                            PO_STR_ARG(node->name2->s), PO_STR_ARG(name->s));
    }
    for (uint32_t i = k->rigid_count; i > 0; i--) {
        if (k->rigid[i - 1].name == name) return k->rigid[i - 1].type;
    }
    if (name->def != NULL && !name->def->is_builtin) return def_type(k, node, name->def);
    struct po_type *alias = alias_type(k, name->s);
    if (alias != NULL) return alias;
    for (size_t row = 0; row < sizeof containers / sizeof containers[0]; row++) {
        if (po_str_eq_cstr(name->s, containers[row].name)) return container_type(k, node, row);
    }
    return po_check_bad(k, node->pos, "E0302", "unknown type '%.*s'", PO_STR_ARG(name->s));
}

static struct po_type *list_type(struct po_check *k, struct po_node *node, int kind)
{
    uint32_t n = po_list_len(node->list);
    struct po_type *t = po_type_make(k, kind, kind == TY_FN ? n + 1 : n);
    if (t->kind != kind) return t;
    uint32_t i = 0;
    for (struct po_node *arg = node->list; arg != NULL; arg = arg->next) {
        t->args[i++] = po_check_type(k, arg);
    }
    if (kind == TY_FN) t->args[i] = po_check_type(k, node->a);
    return t;
}

static struct po_type *record_type(struct po_check *k, struct po_node *node)
{
    uint32_t n = po_list_len(node->list);
    struct po_type *t = po_type_make(k, TY_RECORD, n);
    struct po_name **names = po_comp_alloc(k->c, n, sizeof(struct po_name *));
    if (t->kind != TY_RECORD || names == NULL) return &k->t_unknown;
    uint32_t i = 0;
    for (struct po_node *field = node->list; field != NULL; field = field->next) {
        names[i] = field->name;
        t->args[i++] = po_check_type(k, field->c);
    }
    t->names = names;
    return t;
}

struct po_type *po_check_type(struct po_check *k, struct po_node *node)
{
    if (node == NULL) return po_type_var(k);
    if (!po_check_enter(k, node->pos)) return &k->t_unknown;
    struct po_type *t = &k->t_unknown;
    switch (node->kind) {
    case YK_ARR: t = po_type_array(k, po_check_type(k, node->a)); break;
    case YK_UNIT: t = &k->t_unit; break;
    case YK_TUP: t = list_type(k, node, TY_TUPLE); break;
    case YK_FN: t = list_type(k, node, TY_FN); break;
    case YK_REC: t = record_type(k, node); break;
    case YK_WILD: t = po_type_var(k); break;
    default: t = named_type(k, node); break;
    }
    po_check_leave(k);
    return t;
}
