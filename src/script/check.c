/*
 * Checker, part one: modules in dependency order, scopes, types from the tree.
 *
 * Role: decide that a program may run. After it, every expression has a type, every name a symbol,
 * every match is exhaustive, every value that leaves `unknown` for a typed place is marked for a
 * check at run time.
 *
 * Invariants
 *  1. A module is checked after the modules it imports; po_comp.modules is in that order.
 *  2. Outside a module's check no po_name carries a symbol or a user's type.
 *  3. Recursion passes po_check_enter; loops burn fuel.
 */
#include "script/type_priv.h"

#define PATH_BYTES_MAX 512

bool po_check_enter(struct po_check *k, uint32_t pos)
{
    if (k->c->depth < PO_COMP_DEPTH_MAX && po_comp_burn(k->c, 1)) {
        k->c->depth++;
        if (pos > 0) {
            k->last_m = k->m;
            k->last_pos = pos;
        }
        return true;
    }
    if (!k->c->is_dead) po_check_err(k, pos, "E0203", "expression is nested too deeply");
    return false;
}

void po_check_leave(struct po_check *k) { k->c->depth--; }

uint32_t po_check_fn_enter(struct po_check *k, struct po_fn *fn)
{
    uint32_t loop = k->loop;
    k->fn = fn;
    k->fn_depth++;
    k->loop = 0;
    return loop;
}

void po_check_fn_leave(struct po_check *k, uint32_t loop)
{
    k->fn = k->fn->parent;
    k->fn_depth--;
    k->loop = loop;
}

void po_check_push(struct po_check *k, struct po_scope *scope)
{
    *scope = (struct po_scope){.up = k->scope, .level = k->scope ? k->scope->level + 1 : 1};
    k->scope = scope;
}

void po_check_pop(struct po_check *k)
{
    for (struct po_sym *sym = k->scope->syms; sym != NULL; sym = sym->next_in_scope) {
        sym->name->sym = sym->shadow;
    }
    k->scope = k->scope->up;
}

struct po_sym *po_check_define(struct po_check *k, struct po_name *name, struct po_type *type,
                               int kind, uint32_t pos)
{
    struct po_sym *old = name->sym;
    bool is_taken = old != NULL && old->level == k->scope->level && old->kind != SYM_BUILTIN &&
                    old->kind != SYM_HOST;
    if (is_taken) {
        po_check_err(k, pos, "E0303", "'%.*s' is already defined in this scope",
                     PO_STR_ARG(name->s));
    }
    struct po_sym *sym = po_comp_alloc(k->c, 1, sizeof *sym);
    if (sym == NULL) {
        k->none = (struct po_sym){.name = name}; /* the compilation is dead: nobody looks at it */
        return &k->none;
    }
    sym->name = name;
    sym->type = type;
    sym->kind = (uint8_t)kind;
    sym->is_mutable = kind == SYM_LET;
    sym->is_global = k->fn == NULL && k->scope->level == 1;
    sym->pos = pos;
    sym->level = k->scope->level;
    sym->shadow = old;
    sym->owner = k->fn;
    sym->module = k->m;
    sym->slot = -1;
    sym->reg = -1;
    sym->next_in_scope = k->scope->syms;
    k->scope->syms = sym;
    name->sym = sym;
    return sym;
}

/* ---- loading modules -------------------------------------------------------------------------- */

/* Join `spec` to the directory of `from`, resolve "." and "..", add the extension. */
static bool resolve_path(po_str from, po_str spec, char *out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < spec.len; i++) {
        char ch = spec.ptr[i];
        bool is_good = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                       (ch >= '0' && ch <= '9') || strchr("_./-", ch) != NULL;
        if (!is_good || ch == '\0') return false;
    }
    if (spec.len == 0 || spec.ptr[0] == '/' || spec.len + from.len + 10 > PATH_BYTES_MAX)
        return false;
    size_t dir = from.len;
    while (dir > 0 && from.ptr[dir - 1] != '/') {
        dir--;
    }
    memcpy(out, from.ptr, dir);
    len = dir; /* "" or "a/b/" */
    po_str part = {NULL, 0};
    po_str rest = spec;
    while (po_str_next_field(&rest, '/', &part)) {
        if (part.len == 0 || po_str_eq_cstr(part, ".")) continue;
        if (!po_str_eq_cstr(part, "..")) {
            memcpy(out + len, part.ptr, part.len);
            len += part.len;
            out[len++] = '/';
            continue;
        }
        if (len == 0) return false;
        for (len--; len > 0 && out[len - 1] != '/'; len--) {
        }
    }
    if (len == 0) return false;
    len--; /* the last slash */
    if (!po_str_ends(po_str_n(out, len), PO_LIT(".script"))) {
        memcpy(out + len, ".script", 7);
        len += 7;
    }
    *ret_len = len;
    return true;
}

static void check_module(struct po_check *k, struct po_module *m);
static struct po_module *load_text(struct po_check *k, po_str path, po_str text, bool is_entry);
static void collect_needs(struct po_check *k, const struct po_module *m);

static bool is_builtin_path(po_str path)
{
    return po_str_starts(path, PO_LIT("host/")) || po_str_starts(path, PO_LIT("std/"));
}

static struct po_module *find_module(struct po_check *k, po_str path)
{
    for (uint32_t i = 0; i < k->c->module_count; i++) {
        if (po_str_eq(k->c->modules[i]->path, path)) return k->c->modules[i];
    }
    return NULL;
}

static bool is_on_stack(struct po_check *k, po_str path)
{
    for (uint32_t i = 0; i < k->c->stack_depth; i++) {
        if (po_str_eq(k->c->stack[i]->path, path)) return true;
    }
    return false;
}

/* The file an import names: loaded and checked, or NULL and a diagnostic in `from`. */
static struct po_module *load_import(struct po_check *k, struct po_module *from,
                                     struct po_node *node)
{
    char path[PATH_BYTES_MAX];
    size_t len = 0;
    po_str spec = node->name->s;
    const struct po_script_loader *loader = k->c->config->loader;
    if (!resolve_path(from->path, spec, path, &len)) {
        po_comp_report(k->c, from, node->pos, "E0504",
                       "module path '%.*s' is not a relative path inside the root",
                       PO_STR_ARG(spec));
        return NULL;
    }
    po_str full = {NULL, 0};
    po_str text = {NULL, 0};
    if (!po_is_ok(po_arena_copy(k->c->arena, po_str_n(path, len), &full))) {
        k->c->is_dead = k->c->is_out_of_memory = true;
        return NULL;
    }
    if (is_on_stack(k, full)) {
        po_comp_report(k->c, from, node->pos, "E0503", "circular import of '%.*s'",
                       PO_STR_ARG(full));
        return NULL;
    }
    struct po_module *known = find_module(k, full);
    if (known != NULL) return known;
    if (k->c->stack_depth >= PO_SCRIPT_MODULE_DEPTH_MAX ||
        k->c->module_count + k->c->stack_depth >= PO_SCRIPT_MODULES_MAX) {
        po_comp_report(k->c, from, node->pos, "E0508", "too many modules or imports too deep");
        return NULL;
    }
    bool is_found = loader != NULL && po_is_ok(loader->load(loader->user, k->c->cx, full, &text));
    if (!is_found) {
        po_err_clear(k->c->cx);
        po_comp_report(k->c, from, node->pos, "E0501", "module '%.*s' not found", PO_STR_ARG(spec));
        return NULL;
    }
    return load_text(k, full, text, false);
}

static void load_imports(struct po_check *k, struct po_module *m)
{
    for (struct po_node *s = m->root->list; s != NULL && !k->c->is_dead; s = s->next) {
        if (s->kind != NK_IMPORT || is_builtin_path(s->name->s)) continue;
        struct po_module *dep = load_import(k, m, s);
        s->flag2 = dep == NULL; /* 1 = already reported */
        if (dep == NULL) continue;
        s->index = (int32_t)dep->index;
        if (dep->has_errors) {
            s->flag2 = 1;
            po_comp_report(k->c, m, s->pos, "E0505", "module '%.*s' has errors",
                           PO_STR_ARG(s->name->s));
        }
    }
}

static struct po_module *load_text(struct po_check *k, po_str path, po_str text, bool is_entry)
{
    struct po_module *m = po_comp_alloc(k->c, 1, sizeof *m);
    if (m == NULL) return NULL;
    m->path = path;
    m->text = text;
    m->is_entry = is_entry;
    m->init_proto = -1;
    k->c->stack[k->c->stack_depth++] = m;
    if (po_lex(k->c, m)) {
        po_parse(k->c, m);
        if (!k->c->is_dead && is_entry) collect_needs(k, m);
        if (!k->c->is_dead) load_imports(k, m);
        if (!k->c->is_dead && !m->has_errors) check_module(k, m);
    }
    k->c->stack_depth--;
    m->index = k->c->module_count;
    k->c->modules[k->c->module_count++] = m;
    return m;
}

/* ---- checking one module ---------------------------------------------------------------------- */

static void add_export(struct po_check *k, struct po_module *m, struct po_name *name,
                       struct po_sym *sym, struct po_def *def)
{
    struct po_export *x = po_comp_alloc(k->c, 1, sizeof *x);
    if (x == NULL) return;
    *x = (struct po_export){m->export_list, name, sym, def};
    m->export_list = x;
    if (sym != NULL) sym->is_exported = true;
}

static void export_names(struct po_check *k, struct po_module *m, struct po_node *s)
{
    for (struct po_node *item = s->list; item != NULL; item = item->next) {
        struct po_sym *sym = item->name->sym;
        struct po_def *def = item->name->def;
        if (def != NULL && def->is_builtin) def = NULL;
        if (sym == NULL && def == NULL) {
            po_check_err(k, item->pos, "E0304", "cannot export undefined name '%.*s'",
                         PO_STR_ARG(item->name->s));
            continue;
        }
        add_export(k, m, item->name2, sym, def);
    }
}

static void export_patterns(struct po_check *k, struct po_module *m, struct po_node *p)
{
    if (p->kind == PK_BIND && p->sym != NULL) add_export(k, m, p->name, p->sym, NULL);
    for (struct po_node *q = p->list; q != NULL && p->kind == PK_TUP; q = q->next) {
        if (q->kind == PK_BIND && q->sym != NULL) add_export(k, m, q->name, q->sym, NULL);
    }
}

static void collect_exports(struct po_check *k, struct po_module *m)
{
    for (struct po_node *s = m->root->list; s != NULL; s = s->next) {
        if (s->kind != NK_EXPORT) continue;
        struct po_node *d = s->a;
        if (d == NULL) {
            export_names(k, m, s);
            if (s->b != NULL && s->sym != NULL) {
                add_export(k, m, po_comp_intern_cstr(k->c, "default"), s->sym, NULL);
            }
        } else if (d->kind == NK_FN) {
            add_export(k, m, d->name, d->sym, NULL);
        } else if (d->kind == NK_LET) {
            export_patterns(k, m, d->p);
        } else if (d->kind == NK_STRUCT || d->kind == NK_ENUM) {
            add_export(k, m, d->name, NULL, d->def);
        }
    }
}

/* An entry file has no effects of its own at the top level. */
static void check_top_level(struct po_check *k, struct po_module *m, bool has_entries)
{
    for (struct po_node *s = m->root->list; s != NULL && has_entries; s = s->next) {
        bool is_effect = s->kind == NK_EXPR || s->kind == NK_WHILE || s->kind == NK_FOR ||
                         s->kind == NK_WHILELET;
        if (is_effect) {
            po_check_err(k, s->pos, "E0507",
                         "a file with entry points has no statements at the top level");
        }
    }
}

static bool is_entry_kind(po_str name)
{
    static const char *const kinds[] = {"check",   "repair",   "detect",
                                        "control", "playbook", "report"};
    for (size_t i = 0; i < 6; i++) {
        if (po_str_eq_cstr(name, kinds[i])) return true;
    }
    return false;
}

static void add_needs(struct po_check *k, const struct po_node *attr)
{
    for (struct po_node *arg = attr->list; arg != NULL; arg = arg->next) {
        bool is_full = k->need_count == sizeof k->needs / sizeof k->needs[0];
        if (arg->name == NULL || is_full) continue;
        po_str value = arg->a->kind == NK_STR ? arg->a->name->s : PO_LIT("");
        k->needs[k->need_count++] = (struct po_need){arg->name->s, value};
    }
}

/* Names and values of all @needs of the entry file: what its imports may ask for. */
static void collect_needs(struct po_check *k, const struct po_module *m)
{
    for (struct po_node *s = m->root->list; s != NULL; s = s->next) {
        for (struct po_node *attr = s->attrs; attr != NULL; attr = attr->next) {
            if (po_str_eq_cstr(attr->name->s, "needs")) add_needs(k, attr);
        }
    }
}

static bool has_entries(const struct po_module *m)
{
    for (struct po_node *s = m->root->list; s != NULL; s = s->next) {
        for (struct po_node *attr = s->attrs; attr != NULL; attr = attr->next) {
            if (is_entry_kind(attr->name->s)) return true;
        }
    }
    return false;
}

static void reset_names(struct po_check *k)
{
    for (uint32_t i = 0; i < k->c->name_slots; i++) {
        for (struct po_name *name = k->c->names[i]; name != NULL; name = name->chain) {
            bool is_user = name->def != NULL && !name->def->is_builtin;
            if (is_user) name->def = NULL;
        }
    }
    po_comp_intern_cstr(k->c, "Option")->def = k->option;
    po_comp_intern_cstr(k->c, "Result")->def = k->result;
    po_comp_intern_cstr(k->c, "Error")->def = k->error;
}

static void check_module(struct po_check *k, struct po_module *m)
{
    struct po_scope scope;
    k->m = m;
    k->fn = NULL;
    k->loop = 0;
    k->deferred = NULL;
    k->rigid_count = 0;
    k->def_list = NULL;
    po_check_push(k, &scope);
    reset_names(k);
    po_check_collect(k, m->root->list, true);
    for (struct po_node *s = m->root->list; s != NULL && !k->c->is_dead; s = s->next) {
        po_check_stmt(k, s);
    }
    po_check_solve(k, true);
    collect_exports(k, m);
    check_top_level(k, m, m->is_entry && has_entries(m));
    po_check_pop(k);
    reset_names(k);
}

/* ---- the built-in world ----------------------------------------------------------------------- */

static struct po_def *builtin_def(struct po_check *k, const char *name, bool is_enum,
                                  uint32_t params)
{
    struct po_def *def = po_comp_alloc(k->c, 1, sizeof *def);
    if (def == NULL) return NULL;
    def->name = po_comp_intern_cstr(k->c, name);
    def->is_enum = is_enum;
    def->is_builtin = true;
    def->type_id = -1;
    def->param_count = params;
    for (uint32_t i = 0; i < params; i++) {
        def->params[i] = po_type_make(k, TY_RIGID, 0);
        struct po_name **names = po_comp_alloc(k->c, 1, sizeof(struct po_name *));
        if (names == NULL) return NULL;
        names[0] = po_comp_intern_cstr(k->c, i == 0 ? "T" : "E");
        if (def->params[i]->kind == TY_RIGID) def->params[i]->names = names;
    }
    return def;
}

static bool add_variant(struct po_check *k, struct po_def *def, const char *name,
                        struct po_type *payload)
{
    struct po_variant *v = &def->variants[def->variant_count++];
    v->name = po_comp_intern_cstr(k->c, name);
    v->kind = payload != NULL ? FLAG_TUPLE : FLAG_UNIT;
    v->n = payload != NULL ? 1 : 0;
    v->fields = po_comp_alloc(k->c, 1, sizeof *v->fields);
    if (v->fields == NULL) return false;
    v->fields[0] = (struct po_field){.name = po_comp_intern_cstr(k->c, "0"), .type = payload};
    return true;
}

static bool build_world(struct po_check *k)
{
    static const uint8_t kinds[] = {TY_INT,   TY_FLOAT,   TY_BOOL,   TY_STR,  TY_UNIT,
                                    TY_NEVER, TY_UNKNOWN, TY_SECRET, TY_RANGE};
    struct po_type *slots[] = {&k->t_int,   &k->t_float,   &k->t_bool,   &k->t_str,  &k->t_unit,
                               &k->t_never, &k->t_unknown, &k->t_secret, &k->t_range};
    for (size_t i = 0; i < sizeof kinds; i++) {
        slots[i]->kind = kinds[i];
    }
    k->option = builtin_def(k, "Option", true, 1);
    k->result = builtin_def(k, "Result", true, 2);
    k->error = builtin_def(k, "Error", false, 0);
    if (k->option == NULL || k->result == NULL || k->error == NULL) return false;
    k->option->variants = po_comp_alloc(k->c, 2, sizeof(struct po_variant));
    k->result->variants = po_comp_alloc(k->c, 2, sizeof(struct po_variant));
    k->error->fields = po_comp_alloc(k->c, 3, sizeof(struct po_field));
    if (k->c->is_dead) return false;
    bool is_good = add_variant(k, k->option, "Some", k->option->params[0]) &&
                   add_variant(k, k->option, "None", NULL) &&
                   add_variant(k, k->result, "Ok", k->result->params[0]) &&
                   add_variant(k, k->result, "Err", k->result->params[1]);
    if (!is_good) return false;
    static const char *const fields[] = {"kind", "message", "line"};
    for (size_t i = 0; i < 3; i++) {
        k->error->fields[i].name = po_comp_intern_cstr(k->c, fields[i]);
        k->error->fields[i].type = i < 2 ? &k->t_str : &k->t_int;
    }
    k->error->field_count = 3;
    k->t_error = po_type_named(k, k->error, 0);
    size_t hosts = k->c->config->host != NULL ? k->c->config->host->fn_count : 0;
    k->schemes = po_comp_alloc(k->c, po_builtin_count, sizeof *k->schemes);
    k->host_schemes = po_comp_alloc(k->c, hosts, sizeof *k->host_schemes);
    k->host_used = po_comp_alloc(k->c, hosts, sizeof *k->host_used);
    return !k->c->is_dead;
}

bool po_check_program(struct po_check *k)
{
    struct po_module *entry = k->c->stack[0];
    k->c->stack_depth = 0;
    if (!build_world(k)) return false;
    (void)load_text(k, entry->path, entry->text, true);
    if (k->c->is_dead && !k->c->is_out_of_memory) {
        k->c->is_dead = false; /* this one is to be said */
        po_comp_report(k->c, k->last_m, k->last_pos, "E0440", "too complex to check from here on");
        k->c->is_dead = true;
    }
    return !k->c->is_dead && k->c->diags->error_count == 0;
}
