/* Checker, part three: statements, blocks, function bodies. */
#include "script/type_priv.h"

/* ---- does control leave? ---------------------------------------------------------------------- */

typedef bool (*node_test)(const struct po_node *n, bool *ret_stop);

/* Is there a node below `n` (itself included) for which `test` holds? */
static bool any_node(struct po_check *k, const struct po_node *n, node_test test, uint32_t depth)
{
    for (; n != NULL; n = n->next) {
        bool stop = false;
        if (depth > PO_COMP_DEPTH_MAX || !po_comp_burn(k->c, 1)) return false;
        if (test(n, &stop)) return true;
        if (stop) continue;
        const struct po_node *parts[] = {n->a, n->b, n->c, n->d, n->list, n->list2};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            if (parts[i] != NULL && any_node(k, parts[i], test, depth + 1)) return true;
        }
    }
    return false;
}

static bool is_break(const struct po_node *n, bool *ret_stop)
{
    *ret_stop = n->kind == NK_WHILE || n->kind == NK_FOR || n->kind == NK_WHILELET ||
                n->kind == NK_CLOSURE || n->kind == NK_FN;
    return n->kind == NK_BREAK;
}

static bool diverges_call(const struct po_node *n)
{
    if (n->a->kind != NK_ID) return false;
    po_str name = n->a->name->s;
    return po_str_eq_cstr(name, "panic") || po_str_eq_cstr(name, "unreachable") ||
           po_str_eq_cstr(name, "todo") || po_str_eq_cstr(name, "unimplemented");
}

static bool all_diverge(struct po_check *k, const struct po_node *list)
{
    for (; list != NULL; list = list->next) {
        if (!po_check_diverges(k, list->a)) return false;
    }
    return true;
}

static bool any_diverges(struct po_check *k, const struct po_node *list)
{
    for (; list != NULL; list = list->next) {
        if (po_check_diverges(k, list)) return true;
    }
    return false;
}

static bool diverges(struct po_check *k, const struct po_node *n)
{
    switch (n->kind) {
    case NK_RETURN:
    case NK_BREAK:
    case NK_CONTINUE:
    case NK_STMTEXPR: return true;
    case NK_BLOCK: return any_diverges(k, n->list) || po_check_diverges(k, n->a);
    case NK_EXPR: return po_check_diverges(k, n->a);
    case NK_IF:
    case NK_IFLET: return n->c != NULL && po_check_diverges(k, n->b) && po_check_diverges(k, n->c);
    case NK_MATCH: return n->list != NULL && all_diverge(k, n->list);
    case NK_WHILE:
        return n->a->kind == NK_BOOL && n->a->v.i && !any_node(k, n->b->list, is_break, 0) &&
               !(n->b->a != NULL && any_node(k, n->b->a, is_break, 0));
    case NK_CALL: return diverges_call(n);
    case NK_TRY: return po_check_diverges(k, n->a) && all_diverge(k, n->list);
    default: return false;
    }
}

bool po_check_diverges(struct po_check *k, const struct po_node *n)
{
    if (n == NULL || !po_check_enter(k, n->pos)) return false;
    bool result = diverges(k, n);
    po_check_leave(k);
    return result;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static void hoist(struct po_check *k, struct po_node *list) { po_check_collect(k, list, false); }

static void check_list(struct po_check *k, struct po_node *list)
{
    for (struct po_node *s = list; s != NULL && !k->c->is_dead; s = s->next) {
        po_check_stmt(k, s);
    }
}

struct po_type *po_check_block(struct po_check *k, struct po_node *block)
{
    if (block == NULL || !po_check_enter(k, block->pos)) return &k->t_unknown;
    struct po_scope scope;
    po_check_push(k, &scope);
    hoist(k, block->list);
    check_list(k, block->list);
    struct po_type *t = &k->t_unit;
    if (block->a != NULL) {
        t = po_check_synth(k, block->a, NULL, true);
        if (any_diverges(k, block->list)) t = &k->t_never;
    } else if (po_check_diverges(k, block)) {
        t = &k->t_never;
    }
    po_check_pop(k);
    po_check_leave(k);
    block->t = t;
    return t;
}

void po_check_block_as(struct po_check *k, struct po_node *block, struct po_type *want,
                       const char *code)
{
    if (!po_check_enter(k, block->pos)) return;
    struct po_scope scope;
    po_check_push(k, &scope);
    hoist(k, block->list);
    check_list(k, block->list);
    block->t = want;
    if (block->a != NULL) {
        po_check_as(k, block->a, want, code);
    } else if (po_check_diverges(k, block)) {
        block->t = &k->t_never;
    } else if (!po_type_unify(k, want, &k->t_unit)) {
        po_check_err(k, block->pos, code, "expected %s, found ()", po_type_show(k, want));
    }
    po_check_pop(k);
    po_check_leave(k);
}

struct po_type *po_check_elem(struct po_check *k, struct po_type *t, uint32_t pos)
{
    t = po_type_known(k, t);
    switch (t->kind) {
    case TY_VAR: {
        struct po_type *e = po_type_var(k);
        (void)po_type_unify(k, t, po_type_array(k, e));
        return e;
    }
    case TY_ARRAY:
    case TY_SET: return t->args[0];
    case TY_RANGE: return &k->t_int;
    case TY_STR: return &k->t_str;
    case TY_UNKNOWN:
    case TY_NEVER: return &k->t_unknown;
    case TY_MAP: {
        struct po_type *pair = po_type_make(k, TY_TUPLE, 2);
        if (pair->n == 2) memcpy(pair->args, t->args, 2 * sizeof t->args[0]);
        return pair;
    }
    default: break;
    }
    return po_check_bad(k, pos, "E0414", "%s is not iterable", po_type_show(k, t));
}

/* ---- statements ------------------------------------------------------------------------------- */

/* A closure bound by let may call itself: the name is visible in its own body. */
static void let_closure(struct po_check *k, struct po_node *s)
{
    struct po_type *t = po_type_var(k);
    struct po_sym *sym =
        po_check_define(k, s->p->name, t, s->flag ? SYM_CONST : SYM_LET, s->p->pos);
    s->p->sym = sym;
    struct po_sym *saved = k->defining;
    k->defining = sym;
    struct po_type *u = po_check_synth(k, s->a, NULL, false);
    k->defining = saved;
    if (!po_type_unify(k, t, u)) {
        po_check_err(k, s->pos, "E0400", "recursive closure has inconsistent type");
    }
}

static void let_stmt(struct po_check *k, struct po_node *s)
{
    if (s->a != NULL && s->a->kind == NK_CLOSURE && s->p->kind == PK_BIND && s->c == NULL) {
        let_closure(k, s);
        return;
    }
    struct po_type *t = s->c != NULL ? po_check_type(k, s->c) : NULL;
    if (s->a != NULL && t != NULL) {
        po_check_as(k, s->a, t, "E0401");
    } else if (s->a != NULL) {
        t = po_check_synth(k, s->a, NULL, false);
    } else if (t == NULL) {
        po_check_err(k, s->pos, "E0405", "variable needs a type or an initializer");
        t = &k->t_unknown;
    }
    if (s->b != NULL) {
        struct po_type *other = po_check_block(k, s->b);
        if (!po_type_is(other, TY_NEVER)) {
            po_check_err(k, s->b->pos, "E0412",
                         "the else branch of let-else must not fall through");
        }
    }
    po_check_pattern(k, s->p, t, s->flag ? SYM_CONST : SYM_LET);
    if (s->b == NULL) po_check_irrefutable(k, s->p, t);
    s->t = t;
    if (s->p->kind == PK_BIND && s->p->sym != NULL) {
        s->p->sym->is_uninit = s->a == NULL;
        s->p->sym->is_i32 = po_node_is_i32(s->c);
    }
}

static void return_stmt(struct po_check *k, struct po_node *s)
{
    if (k->fn == NULL) {
        po_check_err(k, s->pos, "E0410", "return outside a function");
        return;
    }
    struct po_type *ret = k->fn->ret;
    if (s->a != NULL) {
        po_check_as(k, s->a, ret, "E0402");
    } else if (!po_type_unify(k, ret, &k->t_unit)) {
        po_check_err(k, s->pos, "E0402", "missing return value: expected %s", po_type_show(k, ret));
    }
}

static void loop_body(struct po_check *k, struct po_node *body)
{
    k->loop++;
    (void)po_check_block(k, body);
    k->loop--;
}

static void while_let(struct po_check *k, struct po_node *s)
{
    struct po_scope scope;
    po_check_push(k, &scope);
    struct po_type *t = po_check_synth(k, s->a, NULL, false);
    po_check_pattern(k, s->p, t, SYM_PAT);
    loop_body(k, s->b);
    po_check_pop(k);
}

static void for_stmt(struct po_check *k, struct po_node *s)
{
    struct po_scope scope;
    struct po_type *t = po_check_elem(k, po_check_synth(k, s->a, NULL, false), s->a->pos);
    po_check_push(k, &scope);
    po_check_pattern(k, s->p, t, SYM_LOOP);
    po_check_irrefutable(k, s->p, t);
    loop_body(k, s->b);
    po_check_pop(k);
    s->t = t;
}

static void check_attrs(struct po_check *k, const struct po_node *s)
{
    static const char *const known[] = {"test",       "setup",    "teardown", "const",  "derive",
                                        "deprecated", "doc",      "check",    "repair", "detect",
                                        "control",    "playbook", "report",   "needs",  "limit",
                                        "inline",     "generate", "host"};
    for (const struct po_node *attr = s->attrs; attr != NULL; attr = attr->next) {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && !po_str_eq_cstr(attr->name->s, known[i])) {
            i++;
        }
        if (i == sizeof known / sizeof known[0]) {
            po_check_err(k, attr->pos, "W0104", "unknown attribute '@%.*s'",
                         PO_STR_ARG(attr->name->s));
        }
    }
}

static void struct_defaults(struct po_check *k, struct po_node *s)
{
    for (uint32_t i = 0; s->def != NULL && i < s->def->field_count; i++) {
        struct po_field *field = &s->def->fields[i];
        if (field->init != NULL) po_check_as(k, field->init, field->type, "E0401");
    }
}

static void export_default(struct po_check *k, struct po_node *s)
{
    struct po_name *name = po_comp_intern_cstr(k->c, "default export");
    struct po_type *t = po_check_synth(k, s->b, NULL, false);
    s->sym = po_check_define(k, name, t, SYM_CONST, s->pos);
}

static void expr_stmt(struct po_check *k, struct po_node *s)
{
    struct po_type *t = po_check_synth(k, s->a, NULL, true);
    if (po_type_is_def(t, k->result) && s->a->kind != NK_ASSIGN) {
        po_check_err(k, s->a->pos, "W0103", "Result is not used");
    }
}

static void stmt_of(struct po_check *k, struct po_node *s)
{
    switch (s->kind) {
    case NK_LET: let_stmt(k, s); break;
    case NK_FN: po_check_fn_body(k, s); break;
    case NK_IMPL:
        for (struct po_node *m = s->list; m != NULL && !s->flag2; m = m->next) {
            po_check_fn_body(k, m);
        }
        break;
    case NK_STRUCT: struct_defaults(k, s); break;
    case NK_EXPORT:
        if (s->b != NULL) export_default(k, s);
        break;
    case NK_RETURN: return_stmt(k, s); break;
    case NK_BREAK:
    case NK_CONTINUE:
        if (k->loop == 0) {
            po_check_err(k, s->pos, "E0411", "%s outside a loop",
                         s->kind == NK_BREAK ? "break" : "continue");
        }
        break;
    case NK_WHILE:
        po_check_as(k, s->a, &k->t_bool, "E0403");
        loop_body(k, s->b);
        break;
    case NK_WHILELET: while_let(k, s); break;
    case NK_FOR: for_stmt(k, s); break;
    case NK_EXPR: expr_stmt(k, s); break;
    default: break;
    }
}

void po_check_stmt(struct po_check *k, struct po_node *s)
{
    struct po_node *d = s->kind == NK_EXPORT && s->a != NULL ? s->a : s;
    check_attrs(k, s);
    if (!po_check_enter(k, s->pos)) return;
    stmt_of(k, d);
    po_check_leave(k);
}

/* ---- function bodies -------------------------------------------------------------------------- */

static void body_value(struct po_check *k, struct po_node *s)
{
    struct po_node *body = s->a;
    struct po_type *ret = s->fn->ret;
    po_str name = s->name->s;
    if (body->a != NULL && s->c != NULL && po_type_is(ret, TY_UNIT)) {
        (void)po_check_synth(k, body->a, NULL, true);
    } else if (body->a != NULL && s->c != NULL) {
        po_check_as(k, body->a, ret, "E0402");
    } else if (body->a != NULL) {
        struct po_type *t = po_check_synth(k, body->a, NULL, true);
        if (po_type_is(ret, TY_VAR)) {
            (void)po_type_unify(k, ret, po_type_is(t, TY_NEVER) ? &k->t_unit : t);
        } else if (!po_type_unify(k, ret, t) && !po_type_is(ret, TY_UNIT)) {
            po_check_err(k, body->a->pos, "E0402", "inconsistent return types %s and %s",
                         po_type_show(k, ret), po_type_show(k, t));
        }
    } else if (!po_check_diverges(k, body)) {
        bool is_fine = s->c != NULL || po_type_is(ret, TY_VAR)
                           ? po_type_unify(k, ret, &k->t_unit)
                           : po_type_is(ret, TY_UNIT) || po_type_is(ret, TY_UNKNOWN);
        if (!is_fine) {
            po_check_err(k, s->pos, "E0404", "function '%.*s' may end without returning %s",
                         PO_STR_ARG(name), po_type_show(k, ret));
        }
    } else if (s->c == NULL && po_type_is(ret, TY_VAR)) {
        (void)po_type_unify(k, ret, &k->t_unit);
    }
}

static bool breaks_const(const struct po_node *n, bool *ret_stop)
{
    static const char *const effects[] = {"print",  "println",  "eprintln",
                                          "random", "time_now", "sleep"};
    *ret_stop = false;
    if (n->kind != NK_CALL || n->a->kind != NK_ID) return false;
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        if (po_str_eq_cstr(n->a->name->s, effects[i])) return true;
    }
    const struct po_sym *sym = n->a->sym;
    return sym != NULL && sym->kind == SYM_FN && sym->fn != NULL && !sym->fn->is_const;
}

static void check_const(struct po_check *k, struct po_node *s)
{
    if (s->flag) po_check_err(k, s->pos, "E0413", "@const function cannot be async");
    if (any_node(k, s->a, breaks_const, 0)) {
        po_check_err(k, s->pos, "E0413",
                     "@const function '%.*s' has an effect or calls a non-const function",
                     PO_STR_ARG(s->name->s));
    }
}

static void params(struct po_check *k, struct po_node *s)
{
    uint32_t i = 0;
    for (struct po_node *p = s->list; p != NULL; p = p->next) {
        struct po_type *t = s->fn->sig->args[i++];
        po_check_pattern(k, p->p, t, SYM_PARAM);
        if (!p->flag) po_check_irrefutable(k, p->p, t);
        p->t = t;
    }
}

void po_check_fn_body(struct po_check *k, struct po_node *s)
{
    if (s->fn == NULL) return;
    struct po_scope outer;
    struct po_scope inner;
    struct po_fn *fn = s->fn;
    uint32_t saved_rigid = k->rigid_count;
    uint32_t room = sizeof k->rigid / sizeof k->rigid[0];
    for (uint32_t i = 0; i < fn->rigid_count && k->rigid_count < room; i++) {
        k->rigid[k->rigid_count++] = (struct po_rigid_scope){fn->rigid_names[i], fn->rigids[i]};
    }
    uint32_t loop = po_check_fn_enter(k, fn);
    po_check_push(k, &outer);
    params(k, s);
    po_check_push(k, &inner);
    hoist(k, s->a->list);
    check_list(k, s->a->list);
    body_value(k, s);
    s->a->t = fn->ret;
    po_check_solve(k, false);
    po_check_pop(k);
    po_check_pop(k);
    po_check_fn_leave(k, loop);
    k->rigid_count = saved_rigid;
    if (fn->is_const) check_const(k, s);
}
