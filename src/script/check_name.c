/* Checker, part six: names, paths, members, struct literals, built-in and host signatures. */
#include "script/type_priv.h"

/* ---- signatures ------------------------------------------------------------------------------- */

static void parse_scheme(struct po_check *k, struct po_scheme *scheme, po_str text)
{
    struct po_node *generics = NULL;
    scheme->is_tried = true;
    scheme->type = &k->t_unknown;
    struct po_node *node = po_parse_signature(k->c, text, &generics);
    if (node == NULL) return;
    uint32_t base = k->rigid_count;
    scheme->gens = po_comp_alloc(k->c, PO_GENERICS_MAX, sizeof(struct po_type *));
    for (struct po_node *g = generics; g != NULL && scheme->gens != NULL; g = g->next) {
        struct po_type *t = po_type_make(k, TY_RIGID, 0);
        struct po_name **names = po_comp_alloc(k->c, 1, sizeof(struct po_name *));
        bool is_full = scheme->gen_count == PO_GENERICS_MAX ||
                       k->rigid_count == sizeof k->rigid / sizeof k->rigid[0];
        if (t->kind != TY_RIGID || names == NULL || is_full) break;
        names[0] = g->name;
        t->names = names;
        scheme->gens[scheme->gen_count++] = t;
        k->rigid[k->rigid_count++] = (struct po_rigid_scope){g->name, t};
    }
    struct po_def *shadow = po_comp_intern_cstr(k->c, "Error")->def;
    po_comp_intern_cstr(k->c, "Error")->def = k->error;
    scheme->type = po_check_type(k, node);
    po_comp_intern_cstr(k->c, "Error")->def = shadow;
    k->rigid_count = base;
}

const struct po_scheme *po_check_scheme(struct po_check *k, const struct po_builtin *b)
{
    struct po_scheme *scheme = &k->schemes[b - po_builtins];
    if (!scheme->is_tried) parse_scheme(k, scheme, po_str_of(b->sig));
    return scheme;
}

const struct po_scheme *po_check_host_scheme(struct po_check *k, uint32_t index)
{
    struct po_scheme *scheme = &k->host_schemes[index];
    if (!scheme->is_tried) {
        parse_scheme(k, scheme, po_str_of(k->c->config->host->fns[index].signature));
    }
    return scheme;
}

/* ---- capabilities ----------------------------------------------------------------------------- */

static bool has_word(po_str list, char separator, po_str word)
{
    po_str part = {NULL, 0};
    while (po_str_next_field(&list, separator, &part)) {
        if (po_str_eq(po_str_trim(part), word)) return true;
    }
    return false;
}

/* Does the program's @needs cover this host function, as far as can be seen before it runs? */
static void host_use(struct po_check *k, uint32_t index, uint32_t pos)
{
    const struct po_script_host_fn *fn = &k->c->config->host->fns[index];
    k->host_used[index] = true;
    if (fn->needs == NULL || k->c->config->keep_going_without_needs) return;
    for (uint32_t i = 0; i < k->need_count; i++) {
        if (!has_word(po_str_of(fn->needs), '|', k->needs[i].name)) continue;
        bool is_listed = fn->needs_value == NULL || k->needs[i].value.len == 0 ||
                         has_word(k->needs[i].value, ',', PO_LIT("*")) ||
                         has_word(k->needs[i].value, ',', po_str_of(fn->needs_value));
        if (is_listed) return;
    }
    po_check_err(k, pos, "E0506", "%s.%s needs a capability that @needs does not name", fn->module,
                 fn->name);
    po_comp_hint(k->c, "add @needs(%s) to the entry point", fn->needs);
}

void po_check_import_needs(struct po_check *k, po_str path, uint32_t pos)
{
    bool is_host = po_str_starts(path, PO_LIT("host/"));
    if (!is_host || k->c->config->keep_going_without_needs) return;
    po_str module = po_str_slice(path, 5, path.len);
    const struct po_script_host *host = k->c->config->host;
    for (size_t i = 0; i < host->fn_count; i++) {
        if (!po_str_eq_cstr(path, host->fns[i].module)) continue;
        if (host->fns[i].needs == NULL) return;
        for (uint32_t j = 0; j < k->need_count; j++) {
            if (has_word(po_str_of(host->fns[i].needs), '|', k->needs[j].name)) return;
        }
    }
    po_check_err(k, pos, "E0506", "import of 'host/%.*s' without a matching @needs",
                 PO_STR_ARG(module));
}

static struct po_export *add_std(struct po_check *k, struct po_export *list, po_str name,
                                 struct po_sym model)
{
    struct po_sym *sym = po_comp_alloc(k->c, 1, sizeof *sym);
    struct po_export *x = po_comp_alloc(k->c, 1, sizeof *x);
    if (sym == NULL || x == NULL) return list;
    *sym = model;
    sym->name = po_comp_intern(k->c, name);
    sym->type = &k->t_unknown; /* found when used */
    sym->is_global = true;
    sym->slot = -1;
    *x = (struct po_export){list, sym->name, sym, NULL};
    return x;
}

struct po_export *po_check_std_exports(struct po_check *k, po_str path, bool *ret_found)
{
    struct po_export *list = NULL;
    const struct po_script_host *host = k->c->config->host;
    *ret_found = po_builtin_has_module(path);
    for (size_t i = 0; i < po_builtin_count && *ret_found; i++) {
        const struct po_builtin *b = &po_builtins[i];
        if (b->recv != RECV_STD || !po_str_eq(b->module, path)) continue;
        list = add_std(k, list, b->name, (struct po_sym){.kind = SYM_BUILTIN, .builtin = b});
    }
    for (uint32_t i = 0; host != NULL && i < host->fn_count; i++) {
        if (!po_str_eq_cstr(path, host->fns[i].module)) continue;
        *ret_found = true;
        list = add_std(k, list, po_str_of(host->fns[i].name),
                       (struct po_sym){.kind = SYM_HOST, .host_index = i});
    }
    return list;
}

/* ---- names ------------------------------------------------------------------------------------ */

/* Note who uses a variable from where: what is captured lives longer than its register. */
void po_check_use(struct po_check *k, struct po_sym *alias)
{
    struct po_sym *sym = alias->target != NULL ? alias->target : alias;
    if (sym->is_global) {
        if (k->fn != NULL || sym->module != k->m) sym->is_captured = true;
        return;
    }
    if (sym->owner == k->fn) return;
    bool is_fn = sym->kind == SYM_FN;
    sym->is_captured = true;
    if (sym == k->defining) sym->is_early = true;
    for (struct po_fn *fn = k->fn; fn != NULL && fn != sym->owner; fn = fn->parent) {
        if (is_fn && fn == sym->fn) continue;
        fn->has_outer = true;
        if (!fn->is_closure) sym->is_early = true;
    }
}

static struct po_type *sym_type(struct po_check *k, struct po_node *e, struct po_sym *sym)
{
    e->sym = sym;
    if (sym->kind == SYM_BUILTIN) {
        const struct po_scheme *scheme = po_check_scheme(k, sym->builtin);
        e->builtin = sym->builtin;
        return po_type_instance(k, scheme->type, scheme->gens, scheme->gen_count);
    }
    if (sym->kind == SYM_HOST) {
        const struct po_scheme *scheme = po_check_host_scheme(k, sym->host_index);
        host_use(k, sym->host_index, e->pos);
        return po_type_instance(k, scheme->type, scheme->gens, scheme->gen_count);
    }
    po_check_use(k, sym);
    if (sym->gen_count == 0) return sym->type;
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_subst s = po_type_fresh(k, sym->gens, sym->gen_count, to);
    po_check_bounds(k, &s, e);
    return po_type_subst(k, sym->type, &s);
}

static uint32_t distance(po_str a, po_str b)
{
    uint32_t row[32];
    if (a.len >= 31 || b.len >= 31) return 99;
    for (uint32_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (uint32_t i = 1; i <= a.len; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b.len; j++) {
            uint32_t cost = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < cost) cost = row[j] + 1;
            if (row[j - 1] + 1 < cost) cost = row[j - 1] + 1;
            row[j] = cost;
        }
    }
    return row[b.len];
}

/* "did you mean" for an undefined name: a visible symbol or built-in within two edits. */
static void suggest_name(struct po_check *k, po_str name)
{
    po_str best = {NULL, 0};
    uint32_t best_distance = name.len > 4 ? 3 : 2;
    for (struct po_scope *scope = k->scope; scope != NULL; scope = scope->up) {
        for (struct po_sym *sym = scope->syms; sym != NULL; sym = sym->next_in_scope) {
            uint32_t d = distance(name, sym->name->s);
            if (d < best_distance && po_comp_burn(k->c, 40)) {
                best = sym->name->s;
                best_distance = d;
            }
        }
    }
    for (size_t i = 0; i < po_builtin_count; i++) {
        if (po_builtins[i].recv != RECV_FREE) continue;
        uint32_t d = distance(name, po_builtins[i].name);
        if (d < best_distance) {
            best = po_builtins[i].name;
            best_distance = d;
        }
    }
    if (best.len > 0) po_comp_hint(k->c, "did you mean '%.*s'?", PO_STR_ARG(best));
}

static struct po_type *constructor(struct po_check *k, struct po_node *e, po_str name)
{
    struct po_type *v = po_type_var(k);
    bool is_some = po_str_eq_cstr(name, "Some");
    bool is_ok = po_str_eq_cstr(name, "Ok");
    if (po_str_eq_cstr(name, "None")) {
        e->def = k->option;
        e->index = 1;
        return po_type_option(k, v);
    }
    if (!is_some && !is_ok && !po_str_eq_cstr(name, "Err")) return NULL;
    e->def = is_some ? k->option : k->result;
    e->index = is_some || is_ok ? 0 : 1;
    struct po_type *w = po_type_var(k);
    struct po_type *result = is_some ? po_type_option(k, v)
                             : is_ok ? po_type_result(k, v, w)
                                     : po_type_result(k, w, v);
    return po_type_fn1(k, v, result);
}

/* The host function behind an upstream spelling such as read_file. */
static struct po_type *host_alias(struct po_check *k, struct po_node *e, const struct po_builtin *b)
{
    const struct po_script_host *host = k->c->config->host;
    for (uint32_t i = 0; host != NULL && i < host->fn_count; i++) {
        bool is_it = po_str_eq_cstr(b->module, host->fns[i].module) &&
                     po_str_eq_cstr(po_str_of(b->canon), host->fns[i].name);
        if (!is_it) continue;
        struct po_sym *sym = po_comp_alloc(k->c, 1, sizeof *sym);
        if (sym == NULL) break;
        sym->name = e->name;
        sym->kind = SYM_HOST;
        sym->host_index = i;
        sym->is_global = true;
        return sym_type(k, e, sym);
    }
    return po_check_bad(k, e->pos, "E0300", "'%.*s' needs %.*s, which is not available here",
                        PO_STR_ARG(e->name->s), PO_STR_ARG(b->module));
}

struct po_type *po_check_ident(struct po_check *k, struct po_node *e)
{
    struct po_sym *sym = e->name->sym;
    if (sym != NULL && sym->kind == SYM_MODULE)
        return po_check_bad(k, e->pos, "E0300", "'%.*s' is a module", PO_STR_ARG(e->name->s));
    if (sym != NULL) return sym_type(k, e, sym);
    const struct po_builtin *b = po_builtin_find(RECV_FREE, e->name->s);
    if (b != NULL && b->special == SPECIAL_HOST) return host_alias(k, e, b);
    if (b != NULL) {
        e->builtin = b;
        if (b->special == SPECIAL_CONST) return &k->t_float;
        if (b->special != SPECIAL_NONE) return &k->t_unknown;
        const struct po_scheme *scheme = po_check_scheme(k, b);
        return po_type_instance(k, scheme->type, scheme->gens, scheme->gen_count);
    }
    struct po_type *t = constructor(k, e, e->name->s);
    if (t != NULL) return t;
    po_check_err(k, e->pos, "E0300", "undefined name '%.*s'", PO_STR_ARG(e->name->s));
    suggest_name(k, e->name->s);
    return &k->t_unknown;
}

/* ---- Type::member ----------------------------------------------------------------------------- */

static struct po_type *variant_type(struct po_check *k, const struct po_variant *v,
                                    struct po_type *self, const struct po_subst *s)
{
    if (v->kind == FLAG_UNIT) return self;
    uint32_t n = v->kind == FLAG_TUPLE ? v->n : 0;
    struct po_type *fn = po_type_make(k, TY_FN, n + 1);
    if (fn->kind != TY_FN) return fn;
    for (uint32_t i = 0; i < n; i++) {
        fn->args[i] = po_type_subst(k, v->fields[i].type, s);
    }
    fn->args[n] = self;
    return fn;
}

static struct po_type *method_path(struct po_check *k, struct po_node *e, struct po_method *m,
                                   struct po_node *targs)
{
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_subst s = po_type_fresh(k, m->gens, m->gen_count, to);
    uint32_t i = 0;
    for (struct po_node *arg = targs; arg != NULL && m->is_static && i < m->self->n;
         arg = arg->next) {
        (void)po_type_unify(k, po_type_subst(k, m->self->args[i++], &s), po_check_type(k, arg));
    }
    po_check_bounds(k, &s, e);
    e->fn = m->fn;
    return po_type_subst(k, m->type, &s);
}

static struct po_type *def_member(struct po_check *k, struct po_node *e, struct po_def *def,
                                  struct po_node *targs)
{
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_subst s = po_type_fresh(k, def->params, def->param_count, to);
    struct po_type *self = po_type_named(k, def, def->param_count);
    struct po_node *arg = targs;
    for (uint32_t i = 0; i < def->param_count && self->kind == TY_NAMED; i++) {
        self->args[i] = to[i];
        if (arg != NULL) (void)po_type_unify(k, to[i], po_check_type(k, arg));
        arg = arg != NULL ? arg->next : NULL;
    }
    for (uint32_t i = 0; i < def->variant_count; i++) {
        if (def->variants[i].name != e->name) continue;
        e->def = def;
        e->index = (int32_t)i;
        return variant_type(k, &def->variants[i], self, &s);
    }
    static const char *const lower[] = {"some", "none", "ok", "err"};
    static const char *const upper[] = {"Some", "None", "Ok", "Err"};
    for (size_t i = 0; i < 4 && def->is_builtin; i++) {
        bool is_of_def = (i < 2) == (def == k->option);
        if (!is_of_def || !po_str_eq_cstr(e->name->s, lower[i])) continue;
        struct po_type *t = constructor(k, e, po_str_of(upper[i]));
        if (i != 1 || t == NULL) return t;
        struct po_type *fn = po_type_make(k, TY_FN, 1);
        if (fn->kind == TY_FN) fn->args[0] = t;
        return fn;
    }
    for (struct po_method *m = def->methods; m != NULL; m = m->next) {
        if (m->name == e->name) return method_path(k, e, m, targs);
    }
    return po_check_bad(k, e->pos, "E0305", "%s '%.*s' has no %s '%.*s'",
                        def->is_enum ? "enum" : "struct", PO_STR_ARG(def->name->s),
                        def->is_enum ? "variant" : "function", PO_STR_ARG(e->name->s));
}

static struct po_export *find_export(struct po_export *list, const struct po_name *name,
                                     bool is_type)
{
    for (struct po_export *x = list; x != NULL; x = x->next) {
        if (x->name == name && (is_type ? x->def != NULL : x->sym != NULL)) return x;
    }
    return NULL;
}

static struct po_type *static_builtin(struct po_check *k, struct po_node *e, struct po_name *type,
                                      struct po_node *targs)
{
    const struct po_builtin *b = po_builtin_find_in(RECV_STATIC, type->s, e->name->s);
    if (b == NULL)
        return po_check_bad(k, e->pos, "E0300", "undefined path '%.*s::%.*s'", PO_STR_ARG(type->s),
                            PO_STR_ARG(e->name->s));
    const struct po_scheme *scheme = po_check_scheme(k, b);
    struct po_type *t = po_type_instance(k, scheme->type, scheme->gens, scheme->gen_count);
    e->builtin = b;
    if (t->kind != TY_FN) return t;
    struct po_type *ret = po_type_find(po_type_ret(t));
    uint32_t i = 0;
    for (struct po_node *arg = targs; arg != NULL && i < ret->n; arg = arg->next) {
        (void)po_type_unify(k, ret->args[i++], po_check_type(k, arg));
    }
    return t;
}

struct po_type *po_check_path(struct po_check *k, struct po_node *e)
{
    struct po_node *base = e->a;
    struct po_node *targs = NULL;
    if (base->kind == NK_INST) {
        targs = base->list;
        base = base->a;
    }
    if (base->kind == NK_MEMBER && base->a->kind == NK_ID) {
        struct po_sym *sym = base->a->name->sym;
        struct po_export *x = sym != NULL && sym->kind == SYM_MODULE
                                  ? find_export(sym->exports, base->name, true)
                                  : NULL;
        if (x != NULL) return def_member(k, e, x->def, targs);
    }
    if (base->kind != NK_ID) return po_check_bad(k, e->pos, "E0300", "invalid path");
    struct po_sym *sym = base->name->sym;
    if (sym != NULL && sym->kind == SYM_MODULE && base->name->def == NULL) {
        struct po_export *x = find_export(sym->exports, e->name, false);
        if (x != NULL) return sym_type(k, e, x->sym);
        return po_check_bad(k, e->pos, "E0502", "module has no '%.*s'", PO_STR_ARG(e->name->s));
    }
    struct po_def *def = base->name->def;
    for (uint32_t i = k->rigid_count; i > 0 && def == NULL; i--) {
        bool is_self = k->rigid[i - 1].name == base->name && k->rigid[i - 1].type->kind == TY_NAMED;
        if (is_self) def = k->rigid[i - 1].type->def;
    }
    if (def != NULL) return def_member(k, e, def, targs);
    return static_builtin(k, e, base->name, targs);
}

/* ---- fields ----------------------------------------------------------------------------------- */

struct po_type *po_check_member(struct po_check *k, struct po_node *e)
{
    if (e->a->kind == NK_ID && e->a->name->sym != NULL && e->a->name->sym->kind == SYM_MODULE) {
        struct po_export *x = find_export(e->a->name->sym->exports, e->name, false);
        if (x != NULL) return sym_type(k, e, x->sym);
        return po_check_bad(k, e->pos, "E0502", "module '%.*s' has no '%.*s'",
                            PO_STR_ARG(e->a->name->s), PO_STR_ARG(e->name->s));
    }
    struct po_type *o = po_type_known(k, po_check_synth(k, e->a, NULL, false));
    if (o->kind == TY_UNKNOWN || o->kind == TY_VAR) return &k->t_unknown;
    for (uint32_t i = 0; o->kind == TY_RECORD && i < o->n; i++) {
        if (o->names[i] != e->name) continue;
        e->index = (int32_t)i;
        return o->args[i];
    }
    if (o->kind == TY_NAMED && !o->def->is_enum) {
        for (uint32_t i = 0; i < o->def->field_count; i++) {
            if (o->def->fields[i].name != e->name) continue;
            struct po_subst s = {o->def->params, o->args, o->n};
            e->index = (int32_t)i;
            e->def = o->def;
            return po_type_subst(k, o->def->fields[i].type, &s);
        }
    }
    bool is_sized =
        o->kind == TY_ARRAY || o->kind == TY_STR || o->kind == TY_MAP || o->kind == TY_SET;
    if (is_sized && po_str_eq_cstr(e->name->s, "length")) return &k->t_int;
    return po_check_bad(k, e->pos, "E0307", "%s has no field '%.*s'", po_type_show(k, o),
                        PO_STR_ARG(e->name->s));
}

static struct po_field *literal_fields(struct po_check *k, struct po_node *e, uint32_t *ret_n)
{
    struct po_node *head = e->a;
    struct po_def *def = NULL;
    po_str name = PO_LIT("?");
    if (head->kind == NK_ID) {
        name = head->name->s;
        def = head->name->def;
        for (uint32_t i = k->rigid_count; i > 0 && def == NULL; i--) {
            bool is_self =
                k->rigid[i - 1].name == head->name && k->rigid[i - 1].type->kind == TY_NAMED;
            if (is_self) def = k->rigid[i - 1].type->def;
        }
        e->def = def;
        if (def != NULL && !def->is_enum) {
            *ret_n = def->field_count;
            return def->fields;
        }
    } else if (head->kind == NK_PATH) {
        (void)po_check_path(k, head);
        def = head->def;
        if (def == NULL) return NULL;
        struct po_variant *v = &def->variants[head->index];
        e->def = def;
        e->index = head->index;
        *ret_n = v->n;
        if (v->kind == FLAG_STRUCT) return v->fields;
        po_check_err(k, e->pos, "E0306", "variant '%.*s' has no named fields",
                     PO_STR_ARG(v->name->s));
        return NULL;
    }
    po_check_err(k, e->pos, "E0302", "unknown struct '%.*s'", PO_STR_ARG(name));
    return NULL;
}

static void literal_field(struct po_check *k, struct po_node *e, struct po_node *f,
                          struct po_field *fields, const struct po_subst *s)
{
    uint32_t n = e->index >= 0 ? e->def->variants[e->index].n : e->def->field_count;
    for (struct po_node *g = e->list; g != f; g = g->next) {
        if (g->name == f->name) {
            po_check_err(k, f->pos, "E0307", "field '%.*s' given twice", PO_STR_ARG(f->name->s));
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i].name != f->name) continue;
        f->index = (int32_t)i;
        po_check_as(k, f->a, po_type_subst(k, fields[i].type, s), "E0401");
        return;
    }
    po_check_err(k, f->pos, "E0307", "'%.*s' has no field '%.*s'", PO_STR_ARG(e->def->name->s),
                 PO_STR_ARG(f->name->s));
    (void)po_check_synth(k, f->a, NULL, false);
}

struct po_type *po_check_structlit(struct po_check *k, struct po_node *e)
{
    uint32_t n = 0;
    struct po_field *fields = literal_fields(k, e, &n);
    if (fields == NULL) {
        for (struct po_node *f = e->list; f != NULL; f = f->next) {
            (void)po_check_synth(k, f->a, NULL, false);
        }
        return &k->t_unknown;
    }
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_def *def = e->def;
    struct po_subst s = po_type_fresh(k, def->params, def->param_count, to);
    struct po_type *t = po_type_named(k, def, def->param_count);
    for (uint32_t i = 0; i < def->param_count && t->kind == TY_NAMED; i++) {
        t->args[i] = to[i];
    }
    for (struct po_node *f = e->list; f != NULL; f = f->next) {
        literal_field(k, e, f, fields, &s);
    }
    if (e->b != NULL) {
        po_check_as(k, e->b, t, "E0401");
        return t;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool is_given = fields[i].init != NULL;
        for (struct po_node *f = e->list; f != NULL && !is_given; f = f->next) {
            is_given = f->name == fields[i].name;
        }
        if (is_given) continue;
        po_check_err(k, e->pos, "E0308", "missing field '%.*s' in '%.*s'",
                     PO_STR_ARG(fields[i].name->s), PO_STR_ARG(def->name->s));
    }
    return t;
}
