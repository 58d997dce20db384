/* Checker, part four: expressions, in both directions (synthesise a type, check against one). */
#include "script/type_priv.h"

bool po_check_is_int_literal(const struct po_node *e)
{
    for (uint32_t i = 0; i < PO_COMP_DEPTH_MAX; i++) {
        bool is_wrapper = e->kind == NK_PAREN || (e->kind == NK_UN && e->op == TK_MINUS);
        if (is_wrapper) {
            e = e->a;
            continue;
        }
        bool is_sum =
            e->kind == NK_BIN && (e->op == TK_PLUS || e->op == TK_MINUS || e->op == TK_STAR);
        if (!is_sum) return e->kind == NK_INT;
        if (e->b->kind == NK_BIN || !po_check_is_int_literal(e->b)) return false;
        e = e->a;
    }
    return false;
}

void po_check_make_float(struct po_check *k, struct po_node *e)
{
    if (!po_check_enter(k, e->pos)) return;
    e->t = &k->t_float;
    if (e->kind == NK_INT) {
        e->kind = NK_FLOAT;
        e->v.f = (double)e->v.i;
    } else {
        po_check_make_float(k, e->a);
        if (e->kind == NK_BIN) po_check_make_float(k, e->b);
    }
    po_check_leave(k);
}

struct po_type *po_check_join(struct po_check *k, struct po_type *a, struct po_type *b,
                              uint32_t pos, bool is_stmt)
{
    if (po_type_is(a, TY_NEVER)) return b;
    if (po_type_is(b, TY_NEVER)) return a;
    if (is_stmt && (po_type_is(a, TY_UNIT) || po_type_is(b, TY_UNIT))) return &k->t_unit;
    bool is_unknown = po_type_is(a, TY_UNKNOWN) || po_type_is(b, TY_UNKNOWN);
    if (po_type_unify(k, a, b)) return is_unknown ? &k->t_unknown : a;
    if (is_stmt) return &k->t_unit;
    return po_check_bad(k, pos, "E0422", "branches have different types: %s and %s",
                        po_type_show(k, a), po_type_show(k, b));
}

/* ---- check against a type --------------------------------------------------------------------- */

static bool check_parts(struct po_check *k, struct po_node *e, struct po_type *w, const char *code)
{
    switch (e->kind) {
    case NK_ARRAY:
        if (w->kind != TY_ARRAY) return false;
        for (struct po_node *x = e->list; x != NULL; x = x->next) {
            po_check_as(k, x, w->args[0], "E0401");
        }
        return true;
    case NK_TUPLE: {
        if (w->kind != TY_TUPLE || w->n != e->n) return false;
        uint32_t i = 0;
        for (struct po_node *x = e->list; x != NULL; x = x->next) {
            po_check_as(k, x, w->args[i++], "E0401");
        }
        return true;
    }
    case NK_PAREN: po_check_as(k, e->a, w, code); return true;
    case NK_IF:
        if (e->c == NULL) return false;
        po_check_as(k, e->a, &k->t_bool, "E0403");
        po_check_block_as(k, e->b, w, code);
        po_check_as(k, e->c, w, code);
        return true;
    case NK_MATCH: (void)po_check_match(k, e, w, code, false); return true;
    case NK_BLOCK: po_check_block_as(k, e, w, code); return true;
    default: return false;
    }
}

void po_check_as(struct po_check *k, struct po_node *e, struct po_type *want, const char *code)
{
    struct po_type *w = po_type_find(want);
    if (w->kind == TY_FLOAT && po_check_is_int_literal(e)) {
        po_check_make_float(k, e);
        return;
    }
    if (!po_check_enter(k, e->pos)) return;
    if (check_parts(k, e, w, code)) {
        bool keeps_own = e->kind == NK_BLOCK && e->t != NULL;
        if (!keeps_own) e->t = want;
    } else {
        struct po_type *t = e->kind == NK_CLOSURE ? po_check_closure(k, e, want)
                                                  : po_check_synth(k, e, want, false);
        e->t = t;
        if (!po_type_unify(k, want, t)) {
            po_check_err(k, e->pos, code, "expected %s, found %s", po_type_show(k, want),
                         po_type_show(k, t));
        }
    }
    po_check_leave(k);
}

/* ---- synthesise ------------------------------------------------------------------------------- */

static struct po_type *if_type(struct po_check *k, struct po_node *e, bool is_stmt)
{
    struct po_scope scope;
    struct po_type *a = NULL;
    if (e->kind == NK_IF) {
        po_check_as(k, e->a, &k->t_bool, "E0403");
        a = po_check_block(k, e->b);
    } else {
        struct po_type *t = po_check_synth(k, e->a, NULL, false);
        po_check_push(k, &scope);
        po_check_pattern(k, e->p, t, SYM_PAT);
        a = po_check_block(k, e->b);
        po_check_pop(k);
    }
    if (e->c == NULL) return &k->t_unit;
    struct po_type *b =
        e->c->kind == NK_BLOCK ? po_check_block(k, e->c) : po_check_synth(k, e->c, NULL, is_stmt);
    return po_check_join(k, a, b, e->c->pos, is_stmt);
}

static struct po_type *negate(struct po_check *k, struct po_node *e)
{
    if (e->op == TK_BANG) {
        po_check_as(k, e->a, &k->t_bool, "E0408");
        return &k->t_bool;
    }
    struct po_type *t = po_type_known(k, po_check_synth(k, e->a, NULL, false));
    if (po_type_is(t, TY_VAR)) (void)po_type_unify(k, t, &k->t_int);
    if (po_type_is(t, TY_INT) || po_type_is(t, TY_FLOAT) || po_type_is(t, TY_UNKNOWN)) return t;
    return po_check_bad(k, e->pos, "E0408", "operator '-' needs a number, found %s",
                        po_type_show(k, t));
}

static struct po_type *list_types(struct po_check *k, struct po_node *e, int kind)
{
    struct po_type *t = po_type_make(k, kind, e->n);
    struct po_name **names =
        kind == TY_RECORD ? po_comp_alloc(k->c, e->n, sizeof(struct po_name *)) : NULL;
    uint32_t i = 0;
    for (struct po_node *x = e->list; x != NULL; x = x->next) {
        struct po_type *u = po_check_synth(k, kind == TY_RECORD ? x->a : x, NULL, false);
        if (i < t->n) t->args[i] = u;
        if (names != NULL && i < t->n) names[i] = x->name;
        for (uint32_t j = 0; names != NULL && j < i && j < t->n; j++) {
            if (names[j] == x->name) {
                po_check_err(k, x->pos, "E0307", "field '%.*s' given twice",
                             PO_STR_ARG(x->name->s));
            }
        }
        i++;
    }
    t->names = names;
    return t;
}

static struct po_type *array_type(struct po_check *k, struct po_node *e, struct po_type *want)
{
    struct po_type *w = want != NULL ? po_type_find(want) : NULL;
    struct po_type *t = w != NULL && w->kind == TY_ARRAY ? w->args[0] : po_type_var(k);
    for (struct po_node *x = e->list; x != NULL; x = x->next) {
        if (x == e->list && po_type_is(t, TY_VAR)) {
            (void)po_type_unify(k, t, po_check_synth(k, x, NULL, false));
        } else {
            po_check_as(k, x, t, "E0409");
        }
    }
    return po_type_array(k, t);
}

static struct po_type *comprehension(struct po_check *k, struct po_node *e)
{
    struct po_scope scopes[8];
    uint32_t n = 0;
    for (struct po_node *c = e->list; c != NULL; c = c->next) {
        if (c->kind == NK_CLAUSE_IF) {
            po_check_as(k, c->a, &k->t_bool, "E0403");
            continue;
        }
        if (n == sizeof scopes / sizeof scopes[0]) {
            po_check_err(k, c->pos, "E0444", "more than 8 'for' in one comprehension");
            break;
        }
        struct po_type *t = po_check_elem(k, po_check_synth(k, c->a, NULL, false), e->pos);
        po_check_push(k, &scopes[n++]);
        po_check_pattern(k, c->p, t, SYM_LOOP);
        po_check_irrefutable(k, c->p, t);
        c->t = t;
    }
    struct po_type *t = po_check_synth(k, e->a, NULL, false);
    while (n-- > 0) {
        po_check_pop(k);
    }
    return po_type_array(k, t);
}

static struct po_type *slice_type(struct po_check *k, struct po_node *e, struct po_type *o)
{
    (void)po_check_synth(k, e->b, NULL, false);
    if (o->kind == TY_ARRAY || o->kind == TY_STR) return o;
    if (o->kind != TY_UNKNOWN) {
        po_check_err(k, e->pos, "E0415", "%s cannot be sliced", po_type_show(k, o));
    }
    return &k->t_unknown;
}

static struct po_type *index_type(struct po_check *k, struct po_node *e)
{
    struct po_type *o = po_type_known(k, po_check_synth(k, e->a, NULL, false));
    if (e->b->kind == NK_RANGE) return slice_type(k, e, o);
    switch (o->kind) {
    case TY_ARRAY: po_check_as(k, e->b, &k->t_int, "E0415"); return o->args[0];
    case TY_STR: po_check_as(k, e->b, &k->t_int, "E0415"); return &k->t_str;
    case TY_MAP: po_check_as(k, e->b, o->args[0], "E0401"); return o->args[1];
    case TY_UNKNOWN: (void)po_check_synth(k, e->b, NULL, false); return &k->t_unknown;
    case TY_VAR: {
        struct po_type *v = po_type_var(k);
        po_check_as(k, e->b, &k->t_int, "E0415");
        (void)po_type_unify(k, o, po_type_array(k, v));
        return v;
    }
    default: break;
    }
    (void)po_check_synth(k, e->b, NULL, false);
    return po_check_bad(k, e->pos, "E0415", "%s cannot be indexed", po_type_show(k, o));
}

static struct po_type *tuple_field(struct po_check *k, struct po_node *e)
{
    struct po_type *o = po_type_known(k, po_check_synth(k, e->a, NULL, false));
    if (o->kind == TY_TUPLE && e->v.i < (int64_t)o->n) return o->args[e->v.i];
    if (o->kind == TY_TUPLE) {
        po_check_err(k, e->pos, "E0416", "tuple has %u elements", o->n);
    } else if (o->kind != TY_UNKNOWN) {
        po_check_err(k, e->pos, "E0416", "%s is not a tuple", po_type_show(k, o));
    }
    return &k->t_unknown;
}

/* '?' on a Result; flag 1 = a string error is wrapped into Error on the way out. */
static struct po_type *question_result(struct po_check *k, struct po_node *e, struct po_type *t)
{
    struct po_type *r = po_type_find(k->fn->ret);
    if (r->kind == TY_VAR) {
        (void)po_type_unify(k, r, po_type_result(k, po_type_var(k), t->args[1]));
        r = po_type_find(r);
    }
    if (po_type_is_def(r, k->result)) {
        bool wraps = po_type_is(t->args[1], TY_STR) && po_type_is_def(r->args[1], k->error);
        e->flag = wraps;
        if (!wraps && !po_type_unify(k, r->args[1], t->args[1])) {
            po_check_err(k, e->pos, "E0417", "'?' error type %s does not match %s",
                         po_type_show(k, t->args[1]), po_type_show(k, r->args[1]));
        }
    } else if (r->kind != TY_UNKNOWN) {
        po_check_err(k, e->pos, "E0417", "'?' on Result needs a function returning Result, not %s",
                     po_type_show(k, r));
    }
    return t->args[0];
}

static struct po_type *question(struct po_check *k, struct po_node *e)
{
    struct po_type *t = po_type_known(k, po_check_synth(k, e->a, NULL, false));
    if (k->fn == NULL) return po_check_bad(k, e->pos, "E0417", "'?' outside a function");
    if (po_type_is_def(t, k->result)) return question_result(k, e, t);
    if (po_type_is_def(t, k->option)) {
        struct po_type *r = po_type_find(k->fn->ret);
        if (r->kind == TY_VAR) {
            (void)po_type_unify(k, r, po_type_option(k, po_type_var(k)));
            r = po_type_find(r);
        }
        if (!po_type_is_def(r, k->option) && r->kind != TY_UNKNOWN) {
            po_check_err(k, e->pos, "E0417",
                         "'?' on Option needs a function returning Option, not %s",
                         po_type_show(k, r));
        }
        return t->args[0];
    }
    if (t->kind != TY_UNKNOWN) {
        po_check_err(k, e->pos, "E0418", "'?' needs a Result or Option, found %s",
                     po_type_show(k, t));
    }
    return &k->t_unknown;
}

static struct po_type *await_type(struct po_check *k, struct po_node *e)
{
    if (k->fn == NULL || !k->fn->is_async) {
        po_check_err(k, e->pos, "E0419", "await is only allowed in async functions");
    }
    struct po_type *t = po_type_find(po_check_synth(k, e->a, NULL, false));
    if (t->kind == TY_FUTURE) return t->args[0];
    if (t->kind == TY_VAR) {
        struct po_type *v = po_type_var(k);
        (void)po_type_unify(k, t, po_type_future(k, v));
        return v;
    }
    if (t->kind != TY_UNKNOWN) {
        po_check_err(k, e->pos, "E0420", "await needs a Future, found %s", po_type_show(k, t));
    }
    return &k->t_unknown;
}

static struct po_fn *inner_fn(struct po_check *k, struct po_node *e, struct po_type *ret,
                              bool is_async)
{
    struct po_fn *fn = po_comp_alloc(k->c, 1, sizeof *fn);
    if (fn == NULL) return NULL;
    fn->node = e;
    fn->parent = k->fn;
    fn->module = k->m;
    fn->ret = ret;
    fn->is_async = is_async;
    fn->is_closure = true;
    fn->proto = -1;
    e->fn = fn;
    return fn;
}

static struct po_type *async_block(struct po_check *k, struct po_node *e)
{
    struct po_type *v = po_type_var(k);
    struct po_fn *fn = inner_fn(k, e, v, true);
    if (fn == NULL) return &k->t_unknown;
    uint32_t loop = po_check_fn_enter(k, fn);
    struct po_type *t = po_check_block(k, e->a);
    po_check_fn_leave(k, loop);
    if (po_type_is(v, TY_VAR)) (void)po_type_unify(k, v, t);
    return po_type_future(k, v);
}

static struct po_type *try_type(struct po_check *k, struct po_node *e, bool is_stmt)
{
    struct po_scope scope;
    struct po_type *t = po_check_block(k, e->a);
    for (struct po_node *c = e->list; c != NULL; c = c->next) {
        po_check_push(k, &scope);
        if (c->name != NULL) {
            struct po_type *ct = c->c != NULL ? po_check_type(k, c->c) : k->t_error;
            bool is_good = po_type_is(ct, TY_STR) || po_type_is_def(ct, k->error) ||
                           po_type_is(ct, TY_UNKNOWN);
            if (!is_good) {
                po_check_err(k, c->pos, "E0421", "catch variable must be Error or string");
            }
            c->t = ct;
            c->sym = po_check_define(k, c->name, ct, SYM_PAT, c->pos);
        }
        if (c->b != NULL) po_check_as(k, c->b, &k->t_bool, "E0403");
        struct po_type *u = po_check_block(k, c->a);
        po_check_pop(k);
        t = po_check_join(k, t, u, c->pos, is_stmt);
    }
    if (e->b != NULL) (void)po_check_block(k, e->b);
    return t;
}

static void closure_params(struct po_check *k, struct po_node *e, struct po_type *w,
                           struct po_type *sig)
{
    uint32_t i = 0;
    for (struct po_node *p = e->list; p != NULL; p = p->next) {
        struct po_type *t = p->c != NULL ? po_check_type(k, p->c) : po_type_var(k);
        if (w != NULL && !po_type_unify(k, w->args[i], t)) {
            po_check_err(k, p->pos, "E0401", "closure parameter: expected %s, found %s",
                         po_type_show(k, w->args[i]), po_type_show(k, t));
        }
        if (i < sig->n) sig->args[i] = t;
        p->t = t;
        i++;
        po_check_pattern(k, p->p, t, SYM_PARAM);
        po_check_irrefutable(k, p->p, t);
    }
}

static void closure_body(struct po_check *k, struct po_node *e, struct po_type *ret, bool has_want)
{
    if (e->c != NULL || (has_want && !po_type_is(ret, TY_VAR))) {
        if (po_type_is(ret, TY_UNIT)) {
            (void)po_check_synth(k, e->a, NULL, true);
        } else {
            po_check_as(k, e->a, ret, "E0401");
        }
        return;
    }
    struct po_type *t = po_check_synth(k, e->a, NULL, true);
    if (!po_type_is(t, TY_NEVER) && !po_type_unify(k, ret, t)) {
        po_check_err(k, e->pos, "E0402", "closure returns both %s and %s", po_type_show(k, ret),
                     po_type_show(k, t));
    }
}

struct po_type *po_check_closure(struct po_check *k, struct po_node *e, struct po_type *want)
{
    struct po_type *w = want != NULL ? po_type_find(want) : NULL;
    if (w != NULL && w->kind != TY_FN) w = NULL;
    if (w != NULL && w->n - 1 != e->n) {
        po_check_err(k, e->pos, "E0423", "closure takes %u parameter(s), expected %u", e->n,
                     w->n - 1);
        w = NULL;
    }
    struct po_scope scope;
    struct po_fn *fn = inner_fn(k, e, &k->t_unknown, false);
    struct po_type *sig = po_type_make(k, TY_FN, e->n + 1);
    if (fn == NULL || sig->kind != TY_FN) return &k->t_unknown;
    uint32_t loop = po_check_fn_enter(k, fn);
    po_check_push(k, &scope);
    closure_params(k, e, w, sig);
    fn->ret = e->c != NULL ? po_check_type(k, e->c) : w != NULL ? po_type_ret(w) : po_type_var(k);
    fn->sig = sig;
    sig->args[e->n] = fn->ret;
    closure_body(k, e, fn->ret, w != NULL);
    po_check_pop(k);
    po_check_fn_leave(k, loop);
    return sig;
}

static struct po_type *range_type(struct po_check *k, struct po_node *e)
{
    po_check_as(k, e->a, &k->t_int, "E0401");
    po_check_as(k, e->b, &k->t_int, "E0401");
    return &k->t_range;
}

static struct po_type *synth(struct po_check *k, struct po_node *e, struct po_type *want,
                             bool is_stmt)
{
    switch (e->kind) {
    case NK_INT: return &k->t_int;
    case NK_FLOAT: return &k->t_float;
    case NK_STR: return &k->t_str;
    case NK_BOOL: return &k->t_bool;
    case NK_UNIT: return &k->t_unit;
    case NK_NULL:
        po_check_err(k, e->pos, "W0105", "null means None");
        return po_type_option(k, po_type_var(k));
    case NK_PAREN: return po_check_synth(k, e->a, want, false);
    case NK_ID: return po_check_ident(k, e);
    case NK_PATH: return po_check_path(k, e);
    case NK_INST: return po_check_synth(k, e->a, NULL, false);
    case NK_BLOCK: return po_check_block(k, e);
    case NK_IF:
    case NK_IFLET: return if_type(k, e, is_stmt);
    case NK_MATCH: return po_check_match(k, e, NULL, "E0401", is_stmt);
    case NK_BIN: return po_check_binary(k, e);
    case NK_UN: return negate(k, e);
    case NK_ASSIGN: return po_check_assign(k, e);
    case NK_CAST: return po_check_cast(k, e);
    case NK_RANGE: return range_type(k, e);
    case NK_TUPLE: return list_types(k, e, TY_TUPLE);
    case NK_RECORD: return list_types(k, e, TY_RECORD);
    case NK_ARRAY: return array_type(k, e, want);
    case NK_COMP: return comprehension(k, e);
    case NK_STRUCTLIT: return po_check_structlit(k, e);
    case NK_CLOSURE: return po_check_closure(k, e, want);
    case NK_CALL: return po_check_call(k, e);
    case NK_INDEX: return index_type(k, e);
    case NK_MEMBER: return po_check_member(k, e);
    case NK_TFIELD: return tuple_field(k, e);
    case NK_TRYQ: return question(k, e);
    case NK_AWAIT: return await_type(k, e);
    case NK_ASYNCBLOCK: return async_block(k, e);
    case NK_TRY: return try_type(k, e, is_stmt);
    case NK_STMTEXPR: po_check_stmt(k, e->a); return &k->t_never;
    default: return &k->t_unknown;
    }
}

struct po_type *po_check_synth(struct po_check *k, struct po_node *e, struct po_type *want,
                               bool is_stmt)
{
    if (!po_check_enter(k, e->pos)) {
        e->t = &k->t_unknown;
        return e->t;
    }
    struct po_type *t = synth(k, e, want, is_stmt);
    po_check_leave(k);
    e->t = t;
    return t;
}
