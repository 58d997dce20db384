/*
 * Checker, part five: operators, assignment, casts.
 *
 * An operator whose operands are still open is deferred and solved when more is known; at the end of
 * the outermost function what is left defaults to int.
 */
#include "script/type_priv.h"

static bool is_order_op(int op) { return op == TK_LT || op == TK_GT || op == TK_LE || op == TK_GE; }
static bool is_equal_op(int op) { return op == TK_EQEQ || op == TK_NOTEQ; }

static void set_out(struct po_check *k, const struct po_deferred *d, struct po_type *t)
{
    if (d->out != NULL) (void)po_type_unify(k, d->out, t);
}

static void concat(struct po_check *k, const struct po_deferred *d, bool is_final)
{
    struct po_type *sides[2] = {po_type_find(d->l), po_type_find(d->r)};
    for (size_t i = 0; i < 2; i++) {
        if (sides[i]->kind == TY_FN) {
            po_check_err(k, d->node->pos, "E0408", "cannot concatenate a function");
        }
        if (sides[i]->kind == TY_UNIT) {
            po_check_err(k, d->node->pos, "E0408", "cannot concatenate ()");
        }
        if (sides[i]->kind == TY_VAR && is_final) (void)po_type_unify(k, sides[i], &k->t_str);
    }
    set_out(k, d, &k->t_str);
}

static void equality(struct po_check *k, const struct po_deferred *d)
{
    struct po_type *l = po_type_find(d->l);
    if (!po_type_unify(k, l, d->r)) {
        po_check_err(k, d->node->pos, "E0408", "cannot compare %s with %s", po_type_show(k, d->l),
                     po_type_show(k, d->r));
    } else if (l->kind == TY_FN) {
        po_check_err(k, d->node->pos, "E0408", "functions cannot be compared");
    } else if (l->kind == TY_RIGID && !(l->bounds & BOUND_EQ)) {
        po_check_err(k, d->node->pos, "E0424", "'%s' on %s needs the bound Eq", po_tok_text(d->op),
                     po_type_show(k, l));
    }
}

static void ordering(struct po_check *k, const struct po_deferred *d)
{
    struct po_type *l = po_type_find(d->l);
    bool is_ordered = l->kind == TY_INT || l->kind == TY_FLOAT || l->kind == TY_STR ||
                      l->kind == TY_RIGID || l->kind == TY_NEVER;
    if (!po_type_unify(k, l, d->r) || !is_ordered) {
        po_check_err(k, d->node->pos, "E0408", "cannot order %s and %s", po_type_show(k, d->l),
                     po_type_show(k, d->r));
    } else if (l->kind == TY_RIGID && !(l->bounds & BOUND_ORD)) {
        po_check_err(k, d->node->pos, "E0424", "'%s' on %s needs the bound Ord", po_tok_text(d->op),
                     po_type_show(k, l));
    }
}

static uint8_t bound_of(int op)
{
    switch (op) {
    case TK_PLUS: return BOUND_ADD;
    case TK_MINUS: return BOUND_SUB;
    case TK_STAR: return BOUND_MUL;
    default: return BOUND_DIV;
    }
}

/* What a type gives to a bounded type parameter. */
static uint8_t bounds_met(const struct po_type *t)
{
    switch (t->kind) {
    case TY_RIGID: return t->bounds;
    case TY_INT:
    case TY_FLOAT: return BOUND_EQ | BOUND_ORD | BOUND_NUM;
    case TY_STR: return BOUND_EQ | BOUND_ORD | BOUND_ADD;
    case TY_TUPLE: return BOUND_EQ | BOUND_ORD; /* as sort keys */
    case TY_ARRAY: return BOUND_EQ | BOUND_ADD;
    case TY_FN: return 0;
    case TY_VAR:
    case TY_NEVER:
    case TY_UNKNOWN: return UINT8_MAX;
    default: return BOUND_EQ;
    }
}

static void bounded(struct po_check *k, const struct po_deferred *d)
{
    const struct po_type *t = po_type_find(d->l);
    uint8_t missing = d->r->bounds & (uint8_t)~bounds_met(t);
    if (missing == 0) return;
    po_check_err(k, d->node->pos, "E0424", "%s does not meet the bound %s of %s",
                 po_type_show(k, d->l),
                 missing & BOUND_ORD  ? "Ord"
                 : missing & BOUND_EQ ? "Eq"
                                      : "Num",
                 po_type_show(k, d->r));
}

static void arithmetic(struct po_check *k, const struct po_deferred *d)
{
    struct po_type *l = po_type_find(d->l);
    struct po_type *r = po_type_find(d->r);
    bool is_bounded = l == r && l->kind == TY_RIGID && (l->bounds & bound_of(d->op));
    if (is_bounded || (l->kind == r->kind && (l->kind == TY_INT || l->kind == TY_FLOAT))) {
        set_out(k, d, l);
        return;
    }
    if (d->op == TK_PLUS && l->kind == TY_ARRAY && r->kind == TY_ARRAY) {
        if (!po_type_unify(k, l, r)) {
            po_check_err(k, d->node->pos, "E0408", "cannot join %s and %s", po_type_show(k, l),
                         po_type_show(k, r));
        }
        set_out(k, d, l);
        return;
    }
    set_out(k, d, &k->t_unknown);
    if (l->kind == TY_NEVER || r->kind == TY_NEVER) return;
    bool is_mixed =
        (l->kind == TY_INT && r->kind == TY_FLOAT) || (l->kind == TY_FLOAT && r->kind == TY_INT);
    if (is_mixed) {
        po_check_err(k, d->node->pos, "E0408", "'%s' mixes int and float; convert with 'as'",
                     po_tok_text(d->op));
    } else {
        po_check_err(k, d->node->pos, "E0408", "operator '%s' cannot be applied to %s and %s",
                     po_tok_text(d->op), po_type_show(k, l), po_type_show(k, r));
    }
}

/* True when decided, false when it must wait. */
static bool solve_op(struct po_check *k, const struct po_deferred *d, bool is_final)
{
    struct po_type *l = po_type_find(d->l);
    struct po_type *r = po_type_find(d->r);
    if (d->op == PO_OP_BOUND) {
        if (l->kind == TY_VAR && !is_final) return false;
        bounded(k, d);
        return true;
    }
    if (d->op == TK_PLUS && (l->kind == TY_STR || r->kind == TY_STR)) {
        concat(k, d, is_final);
        return true;
    }
    bool is_l_open = l->kind == TY_VAR;
    bool is_r_open = r->kind == TY_VAR;
    if (is_l_open && is_r_open) {
        if (!is_final) return false;
        (void)po_type_unify(k, l, &k->t_int);
        (void)po_type_unify(k, r, &k->t_int);
    } else if ((is_l_open || is_r_open) && !is_final && d->op == TK_PLUS) {
        struct po_type *known = is_l_open ? r : l;
        if (known->kind != TY_INT && known->kind != TY_FLOAT) return false;
        (void)po_type_unify(k, l, r);
        set_out(k, d, known);
        return true;
    }
    if (po_type_is(l, TY_VAR)) (void)po_type_unify(k, l, r);
    if (po_type_is(r, TY_VAR)) (void)po_type_unify(k, r, l);
    if (po_type_is(l, TY_UNKNOWN) || po_type_is(r, TY_UNKNOWN)) {
        set_out(k, d, &k->t_unknown);
    } else if (is_equal_op(d->op)) {
        equality(k, d);
    } else if (is_order_op(d->op)) {
        ordering(k, d);
    } else {
        arithmetic(k, d);
    }
    return true;
}

static void apply_op(struct po_check *k, struct po_deferred d)
{
    if (solve_op(k, &d, false)) return;
    struct po_deferred *kept = po_comp_alloc(k->c, 1, sizeof *kept);
    if (kept == NULL) return;
    *kept = d;
    kept->next = NULL;
    struct po_deferred **end = &k->deferred;
    while (*end != NULL) {
        end = &(*end)->next;
        if (!po_comp_burn(k->c, 1)) return;
    }
    *end = kept;
}

void po_check_bounds(struct po_check *k, const struct po_subst *s, struct po_node *node)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->from[i]->bounds == 0) continue;
        apply_op(k, (struct po_deferred){
                        .op = PO_OP_BOUND, .l = s->to[i], .r = s->from[i], .node = node});
    }
}

void po_check_solve(struct po_check *k, bool is_final)
{
    bool again = k->deferred != NULL;
    while (again && !k->c->is_dead) {
        again = false;
        struct po_deferred **link = &k->deferred;
        while (*link != NULL && po_comp_burn(k->c, 1)) {
            struct po_deferred *d = *link;
            if (solve_op(k, d, false)) {
                *link = d->next;
                again = true;
            } else {
                link = &d->next;
            }
        }
    }
    if (!is_final && k->fn_depth > 1) return;
    while (k->deferred != NULL && !k->c->is_dead) {
        struct po_deferred *d = k->deferred;
        k->deferred = d->next;
        (void)solve_op(k, d, true);
    }
}

struct po_type *po_type_known(struct po_check *k, struct po_type *t)
{
    if (po_type_is(t, TY_VAR)) po_check_solve(k, false);
    return po_type_find(t);
}

struct po_type *po_check_binary(struct po_check *k, struct po_node *e)
{
    if (e->op == TK_ANDAND || e->op == TK_OROR) {
        po_check_as(k, e->a, &k->t_bool, "E0408");
        po_check_as(k, e->b, &k->t_bool, "E0408");
        return &k->t_bool;
    }
    struct po_type *l = po_check_synth(k, e->a, NULL, false);
    struct po_type *r = po_check_synth(k, e->b, NULL, false);
    if (po_type_is(l, TY_FLOAT) && po_check_is_int_literal(e->b)) {
        po_check_make_float(k, e->b);
        r = &k->t_float;
    } else if (po_type_is(r, TY_FLOAT) && po_check_is_int_literal(e->a)) {
        po_check_make_float(k, e->a);
        l = &k->t_float;
    }
    bool is_bool = is_equal_op(e->op) || is_order_op(e->op);
    struct po_type *out = is_bool ? NULL : po_type_var(k);
    apply_op(k, (struct po_deferred){.op = e->op, .l = l, .r = r, .out = out, .node = e});
    return is_bool ? &k->t_bool : out;
}

/* ---- assignment ------------------------------------------------------------------------------- */

static struct po_type *target_name(struct po_check *k, struct po_node *e)
{
    struct po_node *target = e->a;
    struct po_sym *sym = target->name->sym;
    if (sym == NULL) {
        po_check_err(k, target->pos, "E0300", "undefined name '%.*s'", PO_STR_ARG(target->name->s));
        return NULL;
    }
    target->sym = sym;
    target->t = sym->type;
    bool is_fixed = sym->kind == SYM_FN || sym->kind == SYM_BUILTIN || sym->kind == SYM_HOST ||
                    sym->kind == SYM_MODULE;
    if (is_fixed) {
        po_check_err(k, e->pos, "E0309", "cannot assign to '%.*s'", PO_STR_ARG(target->name->s));
        return NULL;
    }
    if (!sym->is_mutable) {
        po_check_err(k, e->pos, "E0309", "cannot assign to immutable '%.*s'",
                     PO_STR_ARG(target->name->s));
        if (sym->kind == SYM_PARAM || sym->kind == SYM_LOOP || sym->kind == SYM_PAT) {
            po_comp_hint(k->c, "bind it again: let %.*s2 = %.*s", PO_STR_ARG(target->name->s),
                         PO_STR_ARG(target->name->s));
        }
    }
    sym->is_assigned = true;
    if (sym->target != NULL) sym->target->is_assigned = true;
    po_check_use(k, sym);
    return sym->type;
}

struct po_type *po_check_assign(struct po_check *k, struct po_node *e)
{
    struct po_type *t = NULL;
    if (e->a->kind == NK_ID) {
        t = target_name(k, e);
    } else {
        t = po_check_synth(k, e->a, NULL, false);
        if (e->a->kind == NK_INDEX && e->a->a->t != NULL && po_type_is(e->a->a->t, TY_STR)) {
            po_check_err(k, e->pos, "E0309", "strings are immutable");
        }
        bool is_field = e->a->kind == NK_INDEX || e->a->kind == NK_MEMBER;
        if (!is_field) po_check_err(k, e->a->pos, "E0201", "invalid assignment target");
        if (e->a->kind == NK_MEMBER && e->a->sym != NULL) {
            po_check_err(k, e->pos, "E0309", "a module's bindings are frozen");
        }
    }
    if (t == NULL) {
        (void)po_check_synth(k, e->b, NULL, false);
        return &k->t_unit;
    }
    if (e->op == 0) {
        po_check_as(k, e->b, t, "E0401");
        return &k->t_unit;
    }
    struct po_type *v = po_check_synth(k, e->b, NULL, false);
    if (po_type_is(t, TY_FLOAT) && po_check_is_int_literal(e->b)) {
        po_check_make_float(k, e->b);
        v = &k->t_float;
    }
    struct po_type *out = po_type_var(k);
    apply_op(k, (struct po_deferred){.op = e->op, .l = t, .r = v, .out = out, .node = e});
    if (!po_type_unify(k, t, out)) {
        po_check_err(k, e->pos, "E0401", "expected %s, found %s", po_type_show(k, t),
                     po_type_show(k, out));
    }
    return &k->t_unit;
}

/* ---- casts ------------------------------------------------------------------------------------ */

struct po_type *po_check_cast(struct po_check *k, struct po_node *e)
{
    struct po_type *t = po_type_find(po_check_type(k, e->c));
    struct po_type *s = po_type_known(k, po_check_synth(k, e->a, NULL, false));
    if (s->kind == TY_VAR) {
        (void)po_type_unify(k, s, &k->t_int);
        return t;
    }
    if (s->kind == TY_UNKNOWN || t->kind == TY_UNKNOWN) return t;
    bool is_number =
        (s->kind == TY_INT || s->kind == TY_FLOAT) && (t->kind == TY_INT || t->kind == TY_FLOAT);
    bool is_bool = s->kind == TY_BOOL && t->kind == TY_INT;
    if (is_number || is_bool || po_type_unify(k, s, t)) return t;
    po_check_err(k, e->pos, "E0425", "cannot cast %s to %s", po_type_show(k, s),
                 po_type_show(k, t));
    return t;
}
