/* Checker, part two: declarations collected before bodies are checked: types, functions, imports. */
#include "script/type_priv.h"

static struct po_type *make_rigid(struct po_check *k, struct po_name *name)
{
    struct po_type *t = po_type_make(k, TY_RIGID, 0);
    struct po_name **names = po_comp_alloc(k->c, 1, sizeof(struct po_name *));
    if (t->kind != TY_RIGID || names == NULL) return &k->t_unknown;
    names[0] = name;
    t->names = names;
    return t;
}

static void push_rigid(struct po_check *k, struct po_name *name, struct po_type *type, uint32_t pos)
{
    uint32_t room = sizeof k->rigid / sizeof k->rigid[0];
    if (k->rigid_count >= room) {
        po_check_err(k, pos, "E0441", "too many type parameters in scope");
        return;
    }
    k->rigid[k->rigid_count++] = (struct po_rigid_scope){name, type};
}

static uint8_t check_bounds(struct po_check *k, struct po_node *bounds, uint32_t pos)
{
    static const struct {
        const char *name;
        uint8_t mask;
    } known[] = {
        {"Eq", BOUND_EQ},
        {"Ord", BOUND_EQ | BOUND_ORD},
        {"PartialEq", BOUND_EQ},
        {"PartialOrd", BOUND_EQ | BOUND_ORD},
        {"Hash", BOUND_EQ},
        {"Add", BOUND_ADD},
        {"Sub", BOUND_SUB},
        {"Mul", BOUND_MUL},
        {"Div", BOUND_DIV},
        {"Num", BOUND_NUM},
        {"Clone", 0},
        {"Copy", 0},
        {"Debug", 0},
        {"Display", 0},
        {"Default", 0},
        {"Serialize", 0},
        {"Send", 0},
        {"Sync", 0},
        {"From", 0},
    };
    enum { KNOWN_COUNT = sizeof known / sizeof known[0] };
    uint8_t mask = 0;
    for (struct po_node *b = bounds; b != NULL; b = b->next) {
        if (b->kind != NK_NAME) continue;
        size_t i = 0;
        while (i < KNOWN_COUNT && !po_str_eq_cstr(b->name->s, known[i].name)) {
            i++;
        }
        if (i < KNOWN_COUNT) {
            mask |= known[i].mask;
        } else {
            po_check_err(k, pos, "E0302", "unknown bound '%.*s'", PO_STR_ARG(b->name->s));
        }
    }
    return mask;
}

/* ---- structs and enums ------------------------------------------------------------------------ */

/* `enum Option<T> { Some(T), None }` of the original's programs: identical, so ignored. */
static bool is_redeclared_builtin(struct po_check *k, struct po_node *s)
{
    bool is_option = po_str_eq_cstr(s->name->s, "Option");
    if (!is_option && !po_str_eq_cstr(s->name->s, "Result")) return false;
    const char *a = is_option ? "Some" : "Ok";
    const char *b = is_option ? "None" : "Err";
    uint32_t good = 0;
    uint32_t total = 0;
    for (struct po_node *v = s->list; v != NULL; v = v->next, total++) {
        bool is_a = po_str_eq_cstr(v->name->s, a);
        bool is_b = po_str_eq_cstr(v->name->s, b);
        bool has_one = v->list != NULL && v->list->next == NULL;
        if (is_a && has_one) good++;
        if (is_b && (is_option ? v->list == NULL : has_one)) good++;
    }
    if (s->kind == NK_ENUM && good == 2 && total == 2) {
        po_check_err(k, s->pos, "W0101", "'%.*s' is built in; identical redeclaration ignored",
                     PO_STR_ARG(s->name->s));
    } else {
        po_check_err(k, s->pos, "E0303", "'%.*s' is a built-in type", PO_STR_ARG(s->name->s));
    }
    return true;
}

static void declare_type(struct po_check *k, struct po_node *s)
{
    if (is_redeclared_builtin(k, s)) return;
    if (s->name->def != NULL && !s->name->def->is_builtin) {
        po_check_err(k, s->pos, "E0303", "type '%.*s' is already defined", PO_STR_ARG(s->name->s));
    }
    struct po_def *def = po_comp_alloc(k->c, 1, sizeof *def);
    if (def == NULL) return;
    def->name = s->name;
    def->is_enum = s->kind == NK_ENUM;
    def->module = k->m;
    def->node = s;
    def->type_id = -1;
    for (struct po_node *g = s->list2; g != NULL; g = g->next) {
        if (def->param_count == PO_GENERICS_MAX) {
            po_check_err(k, g->pos, "E0441", "more than %d type parameters", PO_GENERICS_MAX);
            break;
        }
        struct po_type *t = make_rigid(k, g->name);
        if (t->kind == TY_RIGID) t->bounds = check_bounds(k, g->list, g->pos);
        def->params[def->param_count++] = t;
    }
    def->next = k->m->defs;
    k->m->defs = def;
    s->def = def;
    s->name->def = def;
}

static struct po_field *declare_fields(struct po_check *k, struct po_node *list, uint32_t *ret_n)
{
    uint32_t n = po_list_len(list);
    struct po_field *fields = po_comp_alloc(k->c, n, sizeof *fields);
    uint32_t used = 0;
    for (struct po_node *f = list; f != NULL && fields != NULL; f = f->next) {
        for (uint32_t i = 0; i < used; i++) {
            if (f->kind == NK_FIELD && fields[i].name == f->name) {
                po_check_err(k, f->pos, "E0303", "duplicate field '%.*s'", PO_STR_ARG(f->name->s));
            }
        }
        bool is_named = f->kind == NK_FIELD;
        struct po_node *type = is_named ? f->c : f;
        fields[used++] = (struct po_field){.name = is_named ? f->name : NULL,
                                           .type = po_check_type(k, type),
                                           .init = is_named ? f->a : NULL,
                                           .is_i32 = po_node_is_i32(type)};
    }
    *ret_n = used;
    return fields;
}

static void declare_variants(struct po_check *k, struct po_node *s, struct po_def *def)
{
    uint32_t n = po_list_len(s->list);
    def->variants = po_comp_alloc(k->c, n, sizeof *def->variants);
    for (struct po_node *v = s->list; v != NULL && def->variants != NULL; v = v->next) {
        for (uint32_t i = 0; i < def->variant_count; i++) {
            if (def->variants[i].name == v->name) {
                po_check_err(k, v->pos, "E0303", "duplicate variant '%.*s'",
                             PO_STR_ARG(v->name->s));
            }
        }
        struct po_variant *variant = &def->variants[def->variant_count++];
        variant->name = v->name;
        variant->kind = v->flag;
        variant->fields = declare_fields(k, v->list, &variant->n);
    }
}

static void complete_type(struct po_check *k, struct po_node *s)
{
    struct po_def *def = s->def;
    if (def == NULL) return;
    uint32_t base = k->rigid_count;
    for (uint32_t i = 0; i < def->param_count; i++) {
        if (def->params[i]->kind == TY_RIGID) {
            push_rigid(k, def->params[i]->names[0], def->params[i], s->pos);
        }
    }
    if (def->is_enum) {
        declare_variants(k, s, def);
    } else {
        def->fields = declare_fields(k, s->list, &def->field_count);
    }
    k->rigid_count = base;
}

/* ---- functions -------------------------------------------------------------------------------- */

static struct po_fn *new_fn(struct po_check *k, struct po_node *node)
{
    struct po_fn *fn = po_comp_alloc(k->c, 1, sizeof *fn);
    if (fn == NULL) return NULL;
    fn->node = node;
    fn->name = node->name;
    fn->module = k->m;
    fn->parent = k->fn;
    fn->is_async = node->flag != 0;
    fn->proto = -1;
    for (struct po_node *attr = node->attrs; attr != NULL; attr = attr->next) {
        if (po_str_eq_cstr(attr->name->s, "const")) fn->is_const = true;
    }
    return fn;
}

/* The type parameters visible inside `fn`, kept for its body. */
static bool keep_rigids(struct po_check *k, struct po_fn *fn, uint32_t base)
{
    uint32_t n = k->rigid_count - base;
    fn->rigids = po_comp_alloc(k->c, n, sizeof(struct po_type *));
    fn->rigid_names = po_comp_alloc(k->c, n, sizeof(struct po_name *));
    if (fn->rigids == NULL || fn->rigid_names == NULL) return false;
    for (uint32_t i = 0; i < n; i++) {
        fn->rigids[i] = k->rigid[base + i].type;
        fn->rigid_names[i] = k->rigid[base + i].name;
    }
    fn->rigid_count = n;
    return true;
}

static void push_generics(struct po_check *k, struct po_node *list)
{
    for (struct po_node *g = list; g != NULL; g = g->next) {
        struct po_type *t = make_rigid(k, g->name);
        if (t->kind == TY_RIGID) t->bounds = check_bounds(k, g->list, g->pos);
        push_rigid(k, g->name, t, g->pos);
    }
    /* F: Fn(T) -> U is just the function type; later parameters may appear in it. */
    for (struct po_node *g = list; g != NULL; g = g->next) {
        if (g->list == NULL || g->list->kind == NK_NAME) continue;
        struct po_type *t = po_check_type(k, g->list);
        for (uint32_t i = k->rigid_count; i > 0; i--) {
            if (k->rigid[i - 1].name != g->name) continue;
            k->rigid[i - 1].type = t;
            break;
        }
    }
}

static void apply_wheres(struct po_check *k, struct po_node *list)
{
    for (struct po_node *w = list; w != NULL; w = w->next) {
        uint8_t mask = check_bounds(k, w->list, w->pos);
        bool is_fn = w->list != NULL && w->list->kind != NK_NAME;
        for (uint32_t i = k->rigid_count; i > 0 && w->c->kind == YK_NAME; i--) {
            if (k->rigid[i - 1].name != w->c->name) continue;
            if (is_fn) {
                k->rigid[i - 1].type = po_check_type(k, w->list);
            } else if (k->rigid[i - 1].type->kind == TY_RIGID) {
                k->rigid[i - 1].type->bounds |= mask;
            }
            break;
        }
        if (!is_fn) (void)po_check_type(k, w->c);
    }
}

static void strict_param(struct po_check *k, const struct po_node *p)
{
    if (k->c->config->strict && p->c == NULL && !p->flag) {
        po_check_err(k, p->pos, "E0442", "a parameter needs a type in strict mode");
    }
}

bool po_check_fn_sig(struct po_check *k, struct po_node *node, const struct po_rigid_scope *extra,
                     uint32_t extra_count)
{
    struct po_fn *fn = new_fn(k, node);
    if (fn == NULL) return false;
    node->fn = fn;
    uint32_t base = k->rigid_count;
    struct po_type *self = &k->t_unknown;
    for (uint32_t i = 0; i < extra_count; i++) {
        push_rigid(k, extra[i].name, extra[i].type, node->pos);
        if (po_str_eq_cstr(extra[i].name->s, "Self")) self = extra[i].type;
    }
    push_generics(k, node->list2);
    apply_wheres(k, node->d);
    uint32_t n = po_list_len(node->list);
    fn->sig = po_type_make(k, TY_FN, n + 1);
    uint32_t i = 0;
    for (struct po_node *p = node->list; p != NULL && fn->sig->kind == TY_FN; p = p->next) {
        strict_param(k, p);
        fn->sig->args[i++] = p->flag ? self : p->c == NULL ? &k->t_unknown : po_check_type(k, p->c);
    }
    fn->ret = node->c == NULL ? po_type_var(k) : po_check_type(k, node->c);
    if (fn->sig->kind == TY_FN) fn->sig->args[n] = fn->ret;
    bool is_kept = keep_rigids(k, fn, base);
    k->rigid_count = base;
    if (n > 120) po_check_err(k, node->pos, "E0443", "more than 120 parameters");
    return is_kept && fn->sig->kind == TY_FN;
}

static struct po_type *public_type(struct po_check *k, const struct po_fn *fn)
{
    if (!fn->is_async) return fn->sig;
    struct po_type *t = po_type_make(k, TY_FN, fn->sig->n);
    if (t->kind != TY_FN) return t;
    for (uint32_t i = 0; i < t->n; i++) {
        t->args[i] = fn->sig->args[i];
    }
    t->args[t->n - 1] = po_type_future(k, fn->ret);
    return t;
}

/* Rigid types among the visible ones: what an instance makes fresh. */
static struct po_type **collect_gens(struct po_check *k, const struct po_fn *fn, uint32_t *ret_n)
{
    struct po_type **gens = po_comp_alloc(k->c, PO_GENERICS_MAX * 2, sizeof(struct po_type *));
    uint32_t n = 0;
    for (uint32_t i = 0; gens != NULL && i < fn->rigid_count; i++) {
        if (fn->rigids[i]->kind != TY_RIGID) continue;
        if (n == PO_GENERICS_MAX * 2) {
            po_check_err(k, fn->node->pos, "E0441", "too many type parameters");
            break;
        }
        gens[n++] = fn->rigids[i];
    }
    *ret_n = n;
    return gens;
}

static void declare_fn(struct po_check *k, struct po_node *s)
{
    if (!po_check_fn_sig(k, s, NULL, 0)) return;
    struct po_sym *sym = po_check_define(k, s->name, public_type(k, s->fn), SYM_FN, s->pos);
    sym->gens = collect_gens(k, s->fn, &sym->gen_count);
    sym->fn = s->fn;
    s->sym = sym;
    s->fn->sym = sym;
}

static void declare_method(struct po_check *k, struct po_def *def, struct po_node *node,
                           struct po_type *self)
{
    for (struct po_method *old = def->methods; old != NULL; old = old->next) {
        if (old->name == node->name) {
            po_check_err(k, node->pos, "E0303", "method '%.*s' is already defined on '%.*s'",
                         PO_STR_ARG(node->name->s), PO_STR_ARG(def->name->s));
        }
    }
    struct po_method *method = po_comp_alloc(k->c, 1, sizeof *method);
    if (method == NULL) return;
    node->fn->self_def = def;
    method->name = node->name;
    method->type = public_type(k, node->fn);
    method->self = self;
    method->gens = collect_gens(k, node->fn, &method->gen_count);
    method->is_static = node->list == NULL || !node->list->flag;
    method->fn = node->fn;
    method->next = def->methods;
    def->methods = method;
}

static struct po_type *impl_self(struct po_check *k, struct po_node *s, struct po_def *def)
{
    struct po_type *self = po_type_named(k, def, def->param_count);
    struct po_node *arg = s->d;
    for (uint32_t i = 0; i < def->param_count && self->kind == TY_NAMED; i++) {
        struct po_type *t = def->params[i];
        for (uint32_t j = k->rigid_count; j > 0 && s->d == NULL && t->kind == TY_RIGID; j--) {
            if (k->rigid[j - 1].name == t->names[0]) t = k->rigid[j - 1].type;
            if (t != def->params[i]) break;
        }
        if (s->d != NULL) t = arg != NULL ? po_check_type(k, arg) : po_type_var(k);
        arg = arg != NULL ? arg->next : NULL;
        self->args[i] = t;
    }
    return self;
}

static void declare_impl(struct po_check *k, struct po_node *s)
{
    struct po_def *def = s->name->def;
    if (def == NULL || def->is_builtin) {
        po_check_err(k, s->pos, "E0302", "impl for unknown type '%.*s'", PO_STR_ARG(s->name->s));
        s->flag2 = 1;
        return;
    }
    uint32_t base = k->rigid_count;
    push_generics(k, s->list2);
    struct po_type *self = impl_self(k, s, def);
    for (uint32_t i = 0; i < def->param_count && self->kind == TY_NAMED; i++) {
        bool is_open = def->params[i]->kind == TY_RIGID && self->args[i]->kind == TY_RIGID;
        if (is_open) push_rigid(k, def->params[i]->names[0], self->args[i], s->pos);
    }
    push_rigid(k, po_comp_intern_cstr(k->c, "Self"), self, s->pos);
    struct po_rigid_scope extra[PO_GENERICS_MAX * 2 + 2];
    uint32_t n = k->rigid_count - base;
    if (n > sizeof extra / sizeof extra[0]) n = sizeof extra / sizeof extra[0];
    memcpy(extra, &k->rigid[base], n * sizeof extra[0]);
    k->rigid_count = base;
    s->def = def;
    for (struct po_node *m = s->list; m != NULL; m = m->next) {
        if (po_check_fn_sig(k, m, extra, n)) declare_method(k, def, m, self);
    }
}

/* ---- imports ---------------------------------------------------------------------------------- */

static void alias(struct po_check *k, struct po_name *name, struct po_export *x, uint32_t pos)
{
    if (x->def != NULL) name->def = x->def;
    if (x->sym == NULL) return;
    struct po_sym *old = name->sym;
    bool is_taken = old != NULL && old->level == k->scope->level && !old->is_imported &&
                    old->kind != SYM_BUILTIN && old->kind != SYM_HOST;
    if (is_taken) name->sym = NULL;
    struct po_sym *sym = po_check_define(k, name, x->sym->type, x->sym->kind, pos);
    uint32_t level = sym->level;
    struct po_sym *shadow = sym->shadow;
    struct po_sym *next = sym->next_in_scope;
    *sym = *x->sym;
    sym->name = name;
    sym->level = level;
    sym->shadow = is_taken ? old : shadow;
    sym->next_in_scope = next;
    sym->is_imported = true;
    sym->is_mutable = false;
    sym->target = x->sym->target != NULL ? x->sym->target : x->sym;
    sym->target->is_captured = true;
}

static struct po_export *find_export(struct po_export *list, const struct po_name *name,
                                     struct po_export *ret_both)
{
    *ret_both = (struct po_export){0};
    for (struct po_export *x = list; x != NULL; x = x->next) {
        if (x->name != name) continue;
        ret_both->name = x->name;
        if (x->sym != NULL && ret_both->sym == NULL) ret_both->sym = x->sym;
        if (x->def != NULL && ret_both->def == NULL) ret_both->def = x->def;
    }
    return ret_both->name != NULL ? ret_both : NULL;
}

static void import_names(struct po_check *k, struct po_node *s, struct po_export *list)
{
    struct po_export both;
    for (struct po_node *item = s->list; item != NULL; item = item->next) {
        struct po_export *x = find_export(list, item->name, &both);
        if (x == NULL) {
            po_check_err(k, item->pos, "E0502", "module '%.*s' does not export '%.*s'",
                         PO_STR_ARG(s->name->s), PO_STR_ARG(item->name->s));
            continue;
        }
        alias(k, item->name2, x, item->pos);
    }
}

static void import(struct po_check *k, struct po_node *s)
{
    struct po_export *list = NULL;
    if (s->index >= 0) {
        list = k->c->modules[s->index]->export_list;
    } else {
        bool is_found = false;
        list = po_check_std_exports(k, s->name->s, &is_found);
        if (!is_found) {
            po_check_err(k, s->pos, "E0501", "unknown host module '%.*s'", PO_STR_ARG(s->name->s));
            return;
        }
        po_check_import_needs(k, s->name->s, s->pos);
    }
    struct po_export both;
    if (s->flag == 'n') {
        import_names(k, s, list);
    } else if (s->flag == 's') {
        struct po_sym *sym = po_check_define(k, s->name2, &k->t_unknown, SYM_MODULE, s->pos);
        sym->is_mutable = false;
        sym->exports = list;
    } else if (s->flag == 'd') {
        struct po_export *x = find_export(list, po_comp_intern_cstr(k->c, "default"), &both);
        if (x != NULL) {
            alias(k, s->name2, x, s->pos);
        } else {
            po_check_err(k, s->pos, "E0502", "module '%.*s' has no default export",
                         PO_STR_ARG(s->name->s));
        }
    } else {
        po_check_err(k, s->pos, "W0102", "wildcard import of '%.*s'", PO_STR_ARG(s->name->s));
        for (struct po_export *x = list; x != NULL; x = x->next) {
            alias(k, x->name, x, s->pos);
        }
    }
}

/* ---- collection ------------------------------------------------------------------------------- */

static struct po_node *declaration(struct po_node *s)
{
    return s->kind == NK_EXPORT && s->a != NULL ? s->a : s;
}

void po_check_collect(struct po_check *k, struct po_node *list, bool with_imports)
{
    for (struct po_node *s = list; s != NULL && with_imports; s = s->next) {
        if (s->kind == NK_IMPORT && !s->flag2) import(k, s);
    }
    for (struct po_node *s = list; s != NULL; s = s->next) {
        struct po_node *d = declaration(s);
        if (d->kind == NK_STRUCT || d->kind == NK_ENUM) declare_type(k, d);
    }
    for (struct po_node *s = list; s != NULL; s = s->next) {
        struct po_node *d = declaration(s);
        if (d->kind == NK_STRUCT || d->kind == NK_ENUM) complete_type(k, d);
    }
    for (struct po_node *s = list; s != NULL && !k->c->is_dead; s = s->next) {
        struct po_node *d = declaration(s);
        if (d->kind == NK_FN) declare_fn(k, d);
        if (d->kind == NK_IMPL) declare_impl(k, d);
    }
}
