/* Checker, part eight: patterns and match. */
#include "script/type_priv.h"

static void unknown_parts(struct po_check *k, struct po_node *p, int kind)
{
    for (struct po_node *q = p->list; q != NULL; q = q->next) {
        po_check_pattern(k, q->kind == NK_FIELD ? q->p : q, &k->t_unknown, kind);
    }
}

static void literal_pattern(struct po_check *k, struct po_node *p, struct po_type *t)
{
    struct po_type *lt = p->op == TK_INT     ? &k->t_int
                         : p->op == TK_FLOAT ? &k->t_float
                         : p->op == TK_STR   ? &k->t_str
                                             : &k->t_bool;
    if (p->op == TK_INT && po_type_is(t, TY_FLOAT)) {
        p->op = TK_FLOAT;
        p->v.f = (double)p->v.i;
        return;
    }
    if (po_type_unify(k, t, lt)) return;
    po_check_err(k, p->pos, "E0428", "pattern of type %s cannot match %s", po_type_show(k, lt),
                 po_type_show(k, t));
}

/* Every alternative binds the same names; later uses see the first one's symbols. */
static void or_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    struct po_scope scope;
    uint32_t first_count = 0;
    for (struct po_node *q = p->list; q != NULL; q = q->next) {
        po_check_push(k, &scope);
        po_check_pattern(k, q, t, kind);
        uint32_t count = 0;
        for (struct po_sym *sym = scope.syms; sym != NULL; sym = sym->next_in_scope) {
            count++;
        }
        po_check_pop(k);
        if (q == p->list) {
            first_count = count;
            for (struct po_sym *sym = scope.syms; sym != NULL;) {
                struct po_sym *next = sym->next_in_scope;
                struct po_sym *outer = po_check_define(k, sym->name, sym->type, kind, p->pos);
                sym->target = outer;
                sym = next;
            }
            continue;
        }
        bool is_same = count == first_count;
        for (struct po_sym *sym = scope.syms; sym != NULL; sym = sym->next_in_scope) {
            struct po_sym *outer = sym->name->sym;
            bool is_bound = outer != NULL && outer->level == k->scope->level;
            is_same = is_same && is_bound;
            if (!is_bound) continue;
            sym->target = outer;
            (void)po_type_unify(k, sym->type, outer->type);
        }
        if (!is_same) po_check_err(k, q->pos, "E0429", "alternatives bind different names");
    }
}

static void tuple_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    struct po_type *r = po_type_find(t);
    if (r->kind == TY_VAR) {
        struct po_type *tuple = po_type_make(k, TY_TUPLE, p->n);
        for (uint32_t i = 0; i < tuple->n; i++) {
            tuple->args[i] = po_type_var(k);
        }
        (void)po_type_unify(k, r, tuple);
        r = po_type_find(r);
    }
    if (r->kind == TY_UNKNOWN) {
        unknown_parts(k, p, kind);
        return;
    }
    if (r->kind != TY_TUPLE || r->n != p->n) {
        po_check_err(k, p->pos, "E0428", "tuple pattern with %u elements cannot match %s", p->n,
                     po_type_show(k, t));
        unknown_parts(k, p, kind);
        return;
    }
    uint32_t i = 0;
    for (struct po_node *q = p->list; q != NULL; q = q->next) {
        po_check_pattern(k, q, r->args[i++], kind);
    }
}

static void array_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    struct po_type *e = po_type_var(k);
    if (po_type_is(t, TY_UNKNOWN)) {
        e = &k->t_unknown;
    } else if (!po_type_unify(k, t, po_type_array(k, e))) {
        po_check_err(k, p->pos, "E0428", "array pattern cannot match %s", po_type_show(k, t));
        e = &k->t_unknown;
    }
    for (struct po_node *q = p->list; q != NULL; q = q->next) {
        po_check_pattern(k, q, e, kind);
    }
    if (p->name != NULL) {
        p->sym = po_check_define(k, p->name, po_type_array(k, e), kind, p->pos);
    }
}

/* Fields and type arguments a record pattern works on; false = already reported. */
static bool record_target(struct po_check *k, struct po_node *p, struct po_type *t)
{
    struct po_type *r = po_type_find(t);
    if (p->name != NULL) {
        struct po_def *def = p->name->def;
        if (def == NULL || def->is_enum) {
            po_check_err(k, p->pos, "E0302", "unknown struct '%.*s' in pattern",
                         PO_STR_ARG(p->name->s));
            return false;
        }
        struct po_type *self = po_type_named(k, def, def->param_count);
        for (uint32_t i = 0; i < self->n; i++) {
            self->args[i] = po_type_var(k);
        }
        p->def = def;
        if (!po_type_unify(k, t, self)) {
            po_check_err(k, p->pos, "E0428", "pattern '%.*s' cannot match %s",
                         PO_STR_ARG(p->name->s), po_type_show(k, t));
        }
        p->t = self;
        return true;
    }
    p->t = r;
    if (r->kind == TY_NAMED && !r->def->is_enum) {
        p->def = r->def;
        return true;
    }
    if (r->kind == TY_RECORD || r->kind == TY_UNKNOWN) return true;
    po_check_err(k, p->pos, "E0428", "record pattern cannot match %s", po_type_show(k, t));
    return false;
}

static void record_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    if (!record_target(k, p, t)) {
        unknown_parts(k, p, kind);
        return;
    }
    struct po_type *r = po_type_find(p->t);
    struct po_def *def = p->def;
    for (struct po_node *f = p->list; f != NULL; f = f->next) {
        struct po_type *ft = NULL;
        uint32_t n = def != NULL ? def->field_count : r->kind == TY_RECORD ? r->n : 0;
        for (uint32_t i = 0; i < n && ft == NULL; i++) {
            struct po_name *name = def != NULL ? def->fields[i].name : r->names[i];
            if (name != f->name) continue;
            struct po_subst s = {def != NULL ? def->params : NULL, r->args, r->n};
            ft = def != NULL ? po_type_subst(k, def->fields[i].type, &s) : r->args[i];
            f->index = (int32_t)i;
        }
        if (ft == NULL && r->kind != TY_UNKNOWN) {
            po_check_err(k, f->p->pos, "E0307", "no field '%.*s'", PO_STR_ARG(f->name->s));
        }
        f->t = ft != NULL ? ft : &k->t_unknown;
        po_check_pattern(k, f->p, f->t, kind);
    }
}

/* ---- variants --------------------------------------------------------------------------------- */

static int find_variant(const struct po_def *def, const struct po_name *name)
{
    for (uint32_t i = 0; def != NULL && def->is_enum && i < def->variant_count; i++) {
        if (def->variants[i].name == name) return (int)i;
    }
    return -1;
}

/* An unqualified variant belongs to the value's type, else to the only enum that has it. */
static struct po_def *unqualified(struct po_check *k, struct po_node *p, const struct po_type *r)
{
    if (r->kind == TY_NAMED && find_variant(r->def, p->name) >= 0) return r->def;
    if (find_variant(k->option, p->name) >= 0) return k->option;
    if (find_variant(k->result, p->name) >= 0) return k->result;
    struct po_def *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i <= k->c->module_count; i++) {
        struct po_def *def = i < k->c->module_count ? k->c->modules[i]->defs : k->m->defs;
        for (; def != NULL; def = def->next) {
            bool is_visible = def->name->def == def;
            if (!is_visible || find_variant(def, p->name) < 0) continue;
            found = def;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

static struct po_def *pattern_enum(struct po_check *k, struct po_node *p, const struct po_type *r)
{
    if (p->name2 == NULL) return unqualified(k, p, r);
    if (p->name2->def != NULL) return p->name2->def;
    /* mod.Enum::Variant: the alias was dropped by the parser, the type decides */
    if (r->kind == TY_NAMED && r->def->name == p->name2) return r->def;
    return NULL;
}

static void variant_fields(struct po_check *k, struct po_node *p, const struct po_variant *v,
                           const struct po_subst *s, int kind)
{
    for (struct po_node *f = p->list; f != NULL; f = f->next) {
        struct po_type *ft = &k->t_unknown;
        for (uint32_t i = 0; i < v->n; i++) {
            if (v->fields[i].name != f->name) continue;
            f->index = (int32_t)i;
            ft = po_type_subst(k, v->fields[i].type, s);
        }
        if (f->index < 0) {
            po_check_err(k, f->p->pos, "E0307", "variant '%.*s' has no field '%.*s'",
                         PO_STR_ARG(p->name->s), PO_STR_ARG(f->name->s));
        }
        f->t = ft;
        po_check_pattern(k, f->p, ft, kind);
    }
}

static void variant_payload(struct po_check *k, struct po_node *p, const struct po_variant *v,
                            const struct po_subst *s, int kind)
{
    if (v->kind == FLAG_TUPLE) {
        if (p->flag != FLAG_TUPLE || p->n != v->n) {
            po_check_err(k, p->pos, "E0306", "variant '%.*s' has %u field(s)",
                         PO_STR_ARG(p->name->s), v->n);
            unknown_parts(k, p, kind);
            return;
        }
        uint32_t i = 0;
        for (struct po_node *q = p->list; q != NULL; q = q->next) {
            po_check_pattern(k, q, po_type_subst(k, v->fields[i++].type, s), kind);
        }
    } else if (v->kind == FLAG_STRUCT && p->flag == FLAG_TUPLE) {
        po_check_err(k, p->pos, "E0306", "variant '%.*s' has named fields", PO_STR_ARG(p->name->s));
        unknown_parts(k, p, kind);
    } else if (v->kind == FLAG_STRUCT) {
        variant_fields(k, p, v, s, kind);
    } else if (p->list != NULL || p->flag == FLAG_TUPLE) {
        po_check_err(k, p->pos, "E0306", "variant '%.*s' takes no arguments",
                     PO_STR_ARG(p->name->s));
        unknown_parts(k, p, kind);
    }
}

static void variant_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    struct po_type *r = po_type_known(k, t);
    struct po_def *def = pattern_enum(k, p, r);
    if (def == NULL || !def->is_enum) {
        bool is_path = p->name2 != NULL;
        po_check_err(k, p->pos, "E0305", is_path ? "unknown enum '%.*s'" : "unknown variant '%.*s'",
                     PO_STR_ARG(is_path ? p->name2->s : p->name->s));
        unknown_parts(k, p, kind);
        return;
    }
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_subst s = po_type_fresh(k, def->params, def->param_count, to);
    struct po_type *self = po_type_named(k, def, def->param_count);
    for (uint32_t i = 0; i < self->n; i++) {
        self->args[i] = to[i];
    }
    if (!po_type_unify(k, t, self)) {
        po_check_err(k, p->pos, "E0428", "pattern %.*s::%.*s cannot match %s",
                     PO_STR_ARG(def->name->s), PO_STR_ARG(p->name->s), po_type_show(k, t));
    }
    int index = find_variant(def, p->name);
    if (index < 0) {
        po_check_err(k, p->pos, "E0305", "enum '%.*s' has no variant '%.*s'",
                     PO_STR_ARG(def->name->s), PO_STR_ARG(p->name->s));
        unknown_parts(k, p, kind);
        return;
    }
    p->def = def;
    p->index = index;
    variant_payload(k, p, &def->variants[index], &s, kind);
}

/* ---- patterns --------------------------------------------------------------------------------- */

/* `Done { code }` where no struct is called Done: a variant, as `Done(code)` is. */
static bool is_bare_variant(struct po_check *k, struct po_node *p, struct po_type *t)
{
    bool is_struct = p->name == NULL || (p->name->def != NULL && !p->name->def->is_enum);
    return p->kind == PK_REC && !is_struct && unqualified(k, p, po_type_find(t)) != NULL;
}

static void pattern_of(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    if (is_bare_variant(k, p, t)) p->kind = PK_VAR;
    switch (p->kind) {
    case PK_UNIT:
        if (!po_type_unify(k, t, &k->t_unit)) {
            po_check_err(k, p->pos, "E0428", "pattern () cannot match %s", po_type_show(k, t));
        }
        break;
    case PK_BIND: p->sym = po_check_define(k, p->name, t, kind, p->pos); break;
    case PK_LIT: literal_pattern(k, p, t); break;
    case PK_RANGE:
        if (!po_type_unify(k, t, &k->t_int)) {
            po_check_err(k, p->pos, "E0428", "range pattern cannot match %s", po_type_show(k, t));
        }
        break;
    case PK_OR: or_pattern(k, p, t, kind); break;
    case PK_TUP: tuple_pattern(k, p, t, kind); break;
    case PK_ARR: array_pattern(k, p, t, kind); break;
    case PK_REC: record_pattern(k, p, t, kind); break;
    case PK_VAR: variant_pattern(k, p, t, kind); break;
    default: break;
    }
}

void po_check_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind)
{
    if (!po_check_enter(k, p->pos)) return;
    p->t = t;
    pattern_of(k, p, t, kind);
    po_check_leave(k);
}

void po_check_irrefutable(struct po_check *k, struct po_node *p, struct po_type *t)
{
    if (p->kind == PK_BIND || p->kind == PK_WILD) return;
    const char *missing = po_exhaust_missing(k, po_exhaust_add(k, NULL, p), t);
    if (missing != NULL) {
        po_check_err(k, p->pos, "E0407",
                     "pattern does not cover %s; use match, if let or let ... else", missing);
    }
}

struct po_type *po_check_match(struct po_check *k, struct po_node *e, struct po_type *want,
                               const char *code, bool is_stmt)
{
    struct po_type *t = po_check_synth(k, e->a, NULL, false);
    if (po_type_is(t, TY_VAR)) po_check_solve(k, false);
    if (e->list == NULL) return po_check_bad(k, e->pos, "E0430", "match has no arms");
    struct po_type *out = NULL;
    for (struct po_node *arm = e->list; arm != NULL && !k->c->is_dead; arm = arm->next) {
        struct po_scope scope;
        po_check_push(k, &scope);
        po_check_pattern(k, arm->p, t, SYM_PAT);
        if (arm->b != NULL) po_check_as(k, arm->b, &k->t_bool, "E0403");
        if (want != NULL) {
            po_check_as(k, arm->a, want, code);
        } else {
            struct po_type *u = po_check_synth(k, arm->a, NULL, is_stmt);
            out = out == NULL ? u : po_check_join(k, out, u, arm->a->pos, is_stmt);
        }
        po_check_pop(k);
    }
    if (k->c->diags->error_count > 50) return want != NULL ? want : out;
    struct po_pat_row *seen = NULL;
    for (struct po_node *arm = e->list; arm != NULL; arm = arm->next) {
        if (!po_exhaust_useful(k, seen, arm->p, t)) {
            po_check_err(k, arm->pos, "W0430", "unreachable match arm");
        }
        if (arm->b == NULL) seen = po_exhaust_add(k, seen, arm->p);
    }
    const char *missing = po_exhaust_missing(k, seen, t);
    if (missing != NULL) {
        po_check_err(k, e->pos, "E0430", "match is not exhaustive: %s is not covered", missing);
        po_comp_hint(k->c, "add `%s => ...`", missing);
    }
    return want != NULL ? want : out;
}
