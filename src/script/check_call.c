/* Checker, part seven: calls of functions, methods, variants and built-ins. */
#include "script/type_priv.h"

static void synth_all(struct po_check *k, struct po_node *list)
{
    for (; list != NULL; list = list->next) {
        (void)po_check_synth(k, list, NULL, false);
    }
}

/* Arguments against parameters; closures last, when the other arguments have told their types. */
static struct po_type *apply(struct po_check *k, struct po_type *t, uint32_t skip,
                             struct po_node *e, po_str name)
{
    t = po_type_known(k, t);
    if (t->kind == TY_UNKNOWN) {
        synth_all(k, e->list);
        return &k->t_unknown;
    }
    if (t->kind == TY_VAR) {
        struct po_type *fn = po_type_make(k, TY_FN, e->n + 1);
        uint32_t i = 0;
        for (struct po_node *a = e->list; a != NULL && fn->kind == TY_FN; a = a->next) {
            fn->args[i++] = po_check_synth(k, a, NULL, false);
        }
        struct po_type *ret = po_type_var(k);
        if (fn->kind == TY_FN) fn->args[e->n] = ret;
        (void)po_type_unify(k, t, fn);
        return ret;
    }
    if (t->kind != TY_FN) {
        synth_all(k, e->list);
        return po_check_bad(k, e->pos, "E0427", "'%.*s' is not a function (%s)", PO_STR_ARG(name),
                            po_type_show(k, t));
    }
    uint32_t want = t->n - 1 - skip;
    if (want != e->n) {
        po_check_err(k, e->pos, "E0423", "'%.*s' expects %u argument(s), got %u", PO_STR_ARG(name),
                     want, e->n);
        synth_all(k, e->list);
        return po_type_ret(t);
    }
    for (int round = 0; round < 2; round++) {
        uint32_t i = skip;
        for (struct po_node *a = e->list; a != NULL; a = a->next, i++) {
            bool is_closure = a->kind == NK_CLOSURE;
            if (is_closure == (round == 1)) po_check_as(k, a, t->args[i], "E0401");
        }
    }
    return po_type_ret(t);
}

/* ---- built-ins with a typing of their own ----------------------------------------------------- */

/* "{}" and "{:?}" in a format string. */
static uint32_t placeholders(po_str s)
{
    uint32_t n = 0;
    for (size_t i = 0; i + 1 < s.len; i++) {
        if (s.ptr[i] != '{') continue;
        bool is_plain = s.ptr[i + 1] == '}';
        bool is_debug =
            i + 3 < s.len && s.ptr[i + 1] == ':' && s.ptr[i + 2] == '?' && s.ptr[i + 3] == '}';
        if (is_plain || is_debug) n++;
    }
    return n;
}

static void count_placeholders(struct po_check *k, struct po_node *e, uint32_t n)
{
    if (n == e->n - 1) return;
    po_check_err(k, e->pos, "E0431", "format string has %u placeholder(s), %u value(s) given", n,
                 e->n - 1);
}

static struct po_type *print_call(struct po_check *k, struct po_node *e)
{
    synth_all(k, e->list);
    if (e->n > 1 && e->list->kind == NK_STR) {
        uint32_t n = placeholders(e->list->name->s);
        if (n > 0) count_placeholders(k, e, n);
    }
    for (struct po_node *a = e->list; a != NULL; a = a->next) {
        if (po_type_is(a->t, TY_FN)) {
            po_check_err(k, a->pos, "E0408", "a function cannot be printed");
        }
    }
    return &k->t_unit;
}

static struct po_type *format_call(struct po_check *k, struct po_node *e)
{
    synth_all(k, e->list);
    if (e->n == 0 || e->list->kind != NK_STR) {
        po_check_err(k, e->pos, "E0431", "format needs a literal format string");
        return &k->t_str;
    }
    count_placeholders(k, e, placeholders(e->list->name->s));
    return &k->t_str;
}

static struct po_type *num_call(struct po_check *k, struct po_node *e, const struct po_builtin *b)
{
    uint32_t arity = po_builtin_arity_min(b);
    synth_all(k, e->list);
    if (e->n != arity)
        return po_check_bad(k, e->pos, "E0423", "'%.*s' expects %u argument(s), got %u",
                            PO_STR_ARG(b->name), arity, e->n);
    bool has_float = false;
    struct po_type *want = NULL;
    for (struct po_node *a = e->list; a != NULL; a = a->next) {
        if (po_type_is(a->t, TY_VAR)) po_check_solve(k, false);
        has_float = has_float || po_type_is(a->t, TY_FLOAT);
    }
    for (struct po_node *a = e->list; a != NULL; a = a->next) {
        if (has_float && po_type_is(a->t, TY_INT) && po_check_is_int_literal(a)) {
            po_check_make_float(k, a);
        }
        if (want == NULL && !po_type_is(a->t, TY_VAR)) want = po_type_find(a->t);
    }
    if (want == NULL) want = &k->t_int;
    bool has_unknown = false;
    for (struct po_node *a = e->list; a != NULL; a = a->next) {
        if (!po_type_unify(k, a->t, want))
            return po_check_bad(k, e->pos, "E0401", "'%.*s' needs numbers of one type",
                                PO_STR_ARG(b->name));
        has_unknown = has_unknown || po_type_is(a->t, TY_UNKNOWN);
    }
    if (has_unknown) return &k->t_unknown;
    if (want->kind == TY_INT || want->kind == TY_FLOAT) return want;
    return po_check_bad(k, e->pos, "E0401", "'%.*s' needs numbers, found %s", PO_STR_ARG(b->name),
                        po_type_show(k, want));
}

static struct po_type *len_call(struct po_check *k, struct po_node *e)
{
    synth_all(k, e->list);
    if (e->n != 1) {
        po_check_err(k, e->pos, "E0423", "'len' expects 1 argument(s), got %u", e->n);
        return &k->t_int;
    }
    struct po_type *t = po_type_known(k, e->list->t);
    bool is_sized = t->kind == TY_VAR || t->kind == TY_ARRAY || t->kind == TY_STR ||
                    t->kind == TY_MAP || t->kind == TY_SET || t->kind == TY_UNKNOWN ||
                    t->kind == TY_RANGE;
    if (!is_sized) {
        po_check_err(k, e->pos, "E0401", "len needs a collection or string, found %s",
                     po_type_show(k, t));
    }
    return &k->t_int;
}

static struct po_type *assert_call(struct po_check *k, struct po_node *e)
{
    if (e->n < 1 || e->n > 2) {
        po_check_err(k, e->pos, "E0423", "'assert' expects 1 or 2 arguments");
        synth_all(k, e->list);
        return &k->t_unit;
    }
    po_check_as(k, e->list, &k->t_bool, "E0401");
    if (e->n == 2) po_check_as(k, e->list->next, &k->t_str, "E0401");
    return &k->t_unit;
}

static struct po_type *assert_eq_call(struct po_check *k, struct po_node *e,
                                      const struct po_builtin *b)
{
    synth_all(k, e->list);
    if (e->n < 2 || e->n > 3) {
        po_check_err(k, e->pos, "E0423", "'%.*s' expects 2 arguments", PO_STR_ARG(b->name));
        return &k->t_unit;
    }
    struct po_node *l = e->list;
    struct po_node *r = l->next;
    if (po_type_is(l->t, TY_FLOAT) && po_check_is_int_literal(r)) po_check_make_float(k, r);
    if (po_type_is(r->t, TY_FLOAT) && po_check_is_int_literal(l)) po_check_make_float(k, l);
    if (!po_type_unify(k, l->t, r->t)) {
        po_check_err(k, e->pos, "E0401", "'%.*s' compares %s with %s", PO_STR_ARG(b->name),
                     po_type_show(k, l->t), po_type_show(k, r->t));
    }
    return &k->t_unit;
}

static struct po_type *range_call(struct po_check *k, struct po_node *e)
{
    for (struct po_node *a = e->list; a != NULL; a = a->next) {
        po_check_as(k, a, &k->t_int, "E0401");
    }
    if (e->n < 1 || e->n > 3) po_check_err(k, e->pos, "E0423", "'range' expects 1 to 3 arguments");
    return po_type_array(k, &k->t_int);
}

static struct po_type *special_call(struct po_check *k, struct po_node *e,
                                    const struct po_builtin *b)
{
    e->builtin = b;
    switch (b->special) {
    case SPECIAL_PRINT: return print_call(k, e);
    case SPECIAL_FORMAT: return format_call(k, e);
    case SPECIAL_NUM: return num_call(k, e, b);
    case SPECIAL_LEN: return len_call(k, e);
    case SPECIAL_ASSERT: return assert_call(k, e);
    case SPECIAL_ASSERT_EQ: return assert_eq_call(k, e, b);
    default: return range_call(k, e);
    }
}

/* ---- methods ---------------------------------------------------------------------------------- */

static enum po_recv recv_of(struct po_check *k, const struct po_type *o)
{
    switch (o->kind) {
    case TY_STR: return RECV_STRING;
    case TY_ARRAY: return RECV_ARRAY;
    case TY_MAP: return RECV_MAP;
    case TY_SET: return RECV_SET;
    case TY_INT: return RECV_INT;
    case TY_FLOAT: return RECV_FLOAT;
    case TY_RANGE: return RECV_RANGE;
    case TY_NAMED:
        if (o->def == k->option) return RECV_OPTION;
        if (o->def == k->result) return RECV_RESULT;
        if (o->def == k->error) return RECV_ERROR;
        return RECV_ANY;
    default: return RECV_ANY;
    }
}

static struct po_type *user_method(struct po_check *k, struct po_node *e, struct po_type *o,
                                   struct po_method *m)
{
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_subst s = po_type_fresh(k, m->gens, m->gen_count, to);
    struct po_type *t = po_type_find(po_type_subst(k, m->type, &s));
    po_check_bounds(k, &s, e);
    e->fn = m->fn;
    if (t->kind != TY_FN) return &k->t_unknown;
    if (!po_type_unify(k, t->args[0], o)) {
        po_check_err(k, e->pos, "E0401", "method '%.*s' cannot be called on %s",
                     PO_STR_ARG(m->name->s), po_type_show(k, o));
    }
    return apply(k, t, 1, e, m->name->s);
}

static struct po_type *sum_method(struct po_check *k, struct po_node *e, struct po_type *o)
{
    struct po_type *t = po_type_known(k, o->args[0]);
    if (t->kind == TY_VAR) (void)po_type_unify(k, t, &k->t_int);
    t = po_type_find(t);
    if (e->n > 0) po_check_err(k, e->pos, "E0423", "'sum' expects 0 argument(s)");
    if (t->kind == TY_FLOAT) e->builtin = po_builtin_find(RECV_ARRAY, PO_LIT("sum of floats"));
    if (t->kind == TY_INT || t->kind == TY_FLOAT || t->kind == TY_UNKNOWN) return t;
    return po_check_bad(k, e->pos, "E0408", "sum needs numbers, found %s", po_type_show(k, t));
}

static void suggest_method(struct po_check *k, enum po_recv recv, po_str name)
{
    for (size_t i = 0; i < po_builtin_count; i++) {
        const struct po_builtin *b = &po_builtins[i];
        bool is_close = b->recv == recv && b->canon == NULL && name.len >= 3 && b->name.len >= 3 &&
                        memcmp(b->name.ptr, name.ptr, 3) == 0;
        if (!is_close) continue;
        po_comp_hint(k->c, "did you mean '%.*s'?", PO_STR_ARG(b->name));
        return;
    }
}

static struct po_type *builtin_method(struct po_check *k, struct po_node *e, struct po_type *o)
{
    po_str name = e->a->name->s;
    enum po_recv recv = recv_of(k, o);
    const struct po_builtin *b = po_builtin_find(recv, name);
    if (b == NULL && o->kind != TY_FN) {
        b = po_builtin_find(RECV_ANY, name);
        if (b != NULL && po_builtin_arity_min(b) != e->n + 1) b = NULL;
    }
    if (b == NULL) {
        synth_all(k, e->list);
        po_check_err(k, e->pos, "E0310", "%s has no method '%.*s'", po_type_show(k, o),
                     PO_STR_ARG(name));
        suggest_method(k, recv, name);
        return &k->t_unknown;
    }
    e->builtin = b;
    if (b->special == SPECIAL_SUM) return sum_method(k, e, o);
    const struct po_scheme *scheme = po_check_scheme(k, b);
    struct po_type *t = po_type_instance(k, scheme->type, scheme->gens, scheme->gen_count);
    if (t->kind != TY_FN) return &k->t_unknown;
    if (!po_type_unify(k, t->args[0], o))
        return po_check_bad(k, e->pos, "E0401", "method '%.*s' cannot be called on %s",
                            PO_STR_ARG(name), po_type_show(k, o));
    return apply(k, t, 1, e, name);
}

/* NULL: not a method call; flag of e tells the generator: 1 = method on an unknown value. */
static struct po_type *method_call(struct po_check *k, struct po_node *e)
{
    struct po_node *f = e->a;
    struct po_node *object = f->a;
    if (object->kind == NK_ID && object->name->sym != NULL &&
        object->name->sym->kind == SYM_MODULE) {
        return NULL;
    }
    struct po_type *o = po_type_known(k, po_check_synth(k, object, NULL, false));
    if (o->kind == TY_UNKNOWN || o->kind == TY_VAR) {
        synth_all(k, e->list);
        e->flag = 1;
        return &k->t_unknown;
    }
    if (o->kind == TY_NAMED) {
        for (struct po_method *m = o->def->methods; m != NULL; m = m->next) {
            if (m->name == f->name && !m->is_static) return user_method(k, e, o, m);
        }
        for (uint32_t i = 0; i < o->def->field_count && !o->def->is_enum; i++) {
            if (o->def->fields[i].name == f->name) return NULL;
        }
    }
    for (uint32_t i = 0; o->kind == TY_RECORD && i < o->n; i++) {
        if (o->names[i] == f->name) return NULL;
    }
    return builtin_method(k, e, o);
}

/* ---- calls ------------------------------------------------------------------------------------ */

static struct po_type *instantiated_call(struct po_check *k, struct po_node *e, struct po_sym *sym)
{
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_node *inst = e->a;
    struct po_fn *fn = sym->fn;
    struct po_subst s = po_type_fresh(k, sym->gens, sym->gen_count, to);
    uint32_t given = 0;
    uint32_t known = 0;
    for (struct po_node *g = fn->node->list2; g != NULL; g = g->next) {
        known++;
    }
    struct po_node *g = fn->node->list2;
    for (struct po_node *arg = inst->list; arg != NULL; arg = arg->next, given++) {
        struct po_type *t = po_check_type(k, arg);
        for (uint32_t i = 0; g != NULL && i < s.n; i++) {
            if (s.from[i]->names[0] == g->name) (void)po_type_unify(k, s.to[i], t);
        }
        g = g != NULL ? g->next : NULL;
    }
    if (given != known) {
        po_check_err(k, e->pos, "E0406", "'%.*s' takes %u type argument(s)",
                     PO_STR_ARG(inst->a->name->s), known);
    }
    po_check_use(k, sym);
    po_check_bounds(k, &s, e);
    inst->a->sym = sym;
    inst->a->t = po_type_subst(k, sym->type, &s);
    inst->t = inst->a->t;
    return apply(k, inst->t, 0, e, inst->a->name->s);
}

/* Vec<int>(): an empty container. */
static struct po_type *container_call(struct po_check *k, struct po_node *e)
{
    struct po_node *inst = e->a;
    const struct po_builtin *b = po_builtin_find_in(RECV_STATIC, inst->a->name->s, PO_LIT("new"));
    if (b == NULL) return NULL;
    struct po_node type = {
        .kind = YK_NAME, .pos = e->pos, .name = inst->a->name, .list = inst->list};
    e->builtin = b;
    return po_check_type(k, &type);
}

static void named_args(struct po_check *k, struct po_node *e)
{
    struct po_node *f = e->a;
    bool is_print = f->kind == NK_ID && f->name->sym == NULL &&
                    (po_str_eq_cstr(f->name->s, "print") || po_str_eq_cstr(f->name->s, "println"));
    bool is_end =
        e->list2 != NULL && e->list2->next == NULL && po_str_eq_cstr(e->list2->name->s, "end");
    if (e->list2 != NULL && !(is_print && is_end)) {
        po_check_err(k, e->pos, "E0426", "named arguments are not supported");
    }
    for (struct po_node *n = e->list2; n != NULL; n = n->next) {
        (void)po_check_synth(k, n->a, NULL, false);
    }
}

struct po_type *po_check_call(struct po_check *k, struct po_node *e)
{
    struct po_node *f = e->a;
    named_args(k, e);
    if (f->kind == NK_INST && f->a->kind == NK_ID) {
        struct po_sym *sym = f->a->name->sym;
        if (sym != NULL && sym->kind == SYM_FN && sym->fn != NULL)
            return instantiated_call(k, e, sym);
        struct po_type *t = sym == NULL ? container_call(k, e) : NULL;
        if (t != NULL) return t;
    }
    if (f->kind == NK_ID && f->name->sym == NULL) {
        const struct po_builtin *b = po_builtin_find(RECV_FREE, f->name->s);
        bool is_special = b != NULL && b->special != SPECIAL_NONE && b->special != SPECIAL_CONST &&
                          b->special != SPECIAL_HOST;
        if (is_special) return special_call(k, e, b);
    }
    if (f->kind == NK_MEMBER) {
        struct po_type *t = method_call(k, e);
        if (t != NULL) return t;
    }
    struct po_type *t = po_check_synth(k, f, NULL, false);
    struct po_node *callee = f->kind == NK_INST ? f->a : f;
    bool is_variant = callee->kind == NK_PATH && callee->def != NULL && callee->index >= 0 &&
                      callee->def->variants[callee->index].kind != FLAG_TUPLE;
    bool is_none_call = is_variant && callee->def->is_builtin;
    if (is_variant && !is_none_call) {
        po_check_err(k, e->pos, "E0306", "variant '%.*s' takes no arguments",
                     PO_STR_ARG(callee->name->s));
        synth_all(k, e->list);
        return &k->t_unknown;
    }
    bool has_name = f->kind == NK_ID || f->kind == NK_MEMBER || f->kind == NK_PATH;
    return apply(k, t, 0, e, has_name ? f->name->s : PO_LIT("closure"));
}
