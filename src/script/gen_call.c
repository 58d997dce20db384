/*
 * Code generation, part four: calls, comprehensions, and the array methods whose closure is generated
 * in place (map, filter, fold, ...): a loop without a call per element.
 *
 * A closure is generated in place only when its body is pure: it changes nothing and calls nothing
 * but pure built-ins, so that nobody can see that there was no call.
 */
#include "script/gen_priv.h"

enum inline_kind {
    IN_NONE,
    IN_MAP,
    IN_FILTER,
    IN_FOLD,
    IN_REDUCE,
    IN_ANY,
    IN_ALL,
    IN_COUNT,
    IN_FIND
};

static enum inline_kind inline_kind_of(const struct po_builtin *b)
{
    static const struct {
        const char *name;
        enum inline_kind kind;
    } table[] = {{"map", IN_MAP},       {"filter", IN_FILTER}, {"fold", IN_FOLD},
                 {"reduce", IN_REDUCE}, {"any", IN_ANY},       {"some", IN_ANY},
                 {"all", IN_ALL},       {"every", IN_ALL},     {"count", IN_COUNT},
                 {"find", IN_FIND}};
    if (b == NULL || b->recv != RECV_ARRAY) return IN_NONE;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (po_str_eq_cstr(b->name, table[i].name)) return table[i].kind;
    }
    return IN_NONE;
}

static struct po_node *inline_closure(const struct po_node *e, enum inline_kind kind)
{
    struct po_node *arg = e->list;
    if (kind == IN_FOLD && arg != NULL) arg = arg->next;
    bool is_closure = arg != NULL && arg->kind == NK_CLOSURE;
    return is_closure ? arg : NULL;
}

static bool pure_list(struct po_gen *g, const struct po_node *list, uint32_t depth)
{
    for (; list != NULL; list = list->next) {
        const struct po_node *e = list->kind == NK_FIELD ? list->a : list;
        if (!po_gen_is_pure(g, e, depth + 1)) return false;
    }
    return true;
}

static bool pure_closure(struct po_gen *g, const struct po_node *closure, uint32_t depth)
{
    for (const struct po_node *p = closure->list; p != NULL; p = p->next) {
        bool is_plain = p->p->kind == PK_BIND || p->p->kind == PK_WILD || p->p->kind == PK_TUP;
        if (!is_plain || po_node_is_i32(p->c)) return false;
    }
    return !po_node_is_i32(closure->c) && po_gen_is_pure(g, closure->a, depth + 1);
}

static bool pure_call(struct po_gen *g, const struct po_node *e, uint32_t depth)
{
    const struct po_node *f = e->a;
    const struct po_builtin *b = e->builtin != NULL ? e->builtin : f->builtin;
    bool is_variant = (f->kind == NK_ID || f->kind == NK_PATH) && f->def != NULL && f->index >= 0;
    if (e->flag == 1 || e->fn != NULL || e->list2 != NULL) return false;
    if (is_variant) return pure_list(g, e->list, depth);
    if (b == NULL || (e->builtin == NULL && f->kind != NK_ID)) return false;
    bool is_method = f->kind == NK_MEMBER && e->builtin != NULL;
    if (is_method && !po_gen_is_pure(g, f->a, depth + 1)) return false;
    enum inline_kind kind = inline_kind_of(b);
    const struct po_node *closure = kind != IN_NONE ? inline_closure(e, kind) : NULL;
    if (closure != NULL) return pure_closure(g, closure, depth);
    return b->is_pure && pure_list(g, e->list, depth);
}

bool po_gen_is_pure(struct po_gen *g, const struct po_node *e, uint32_t depth)
{
    if (depth > 40) return false;
    switch (e->kind) {
    case NK_INT:
    case NK_FLOAT:
    case NK_STR:
    case NK_BOOL:
    case NK_UNIT:
    case NK_ID: return true;
    case NK_PATH: return e->fn == NULL;
    case NK_UN:
    case NK_MEMBER:
    case NK_TFIELD:
    case NK_CAST:
    case NK_PAREN: return po_gen_is_pure(g, e->a, depth + 1);
    case NK_BIN:
    case NK_INDEX: return po_gen_is_pure(g, e->a, depth + 1) && po_gen_is_pure(g, e->b, depth + 1);
    case NK_TUPLE:
    case NK_ARRAY:
    case NK_RECORD: return pure_list(g, e->list, depth);
    case NK_STRUCTLIT: return e->b == NULL && pure_list(g, e->list, depth);
    case NK_IF:
        return e->c != NULL && po_gen_is_pure(g, e->a, depth + 1) &&
               po_gen_is_pure(g, e->b, depth + 1) && po_gen_is_pure(g, e->c, depth + 1);
    case NK_BLOCK: return e->list == NULL && e->a != NULL && po_gen_is_pure(g, e->a, depth + 1);
    case NK_MATCH:
        for (const struct po_node *arm = e->list; arm != NULL; arm = arm->next) {
            if (arm->b != NULL && !po_gen_is_pure(g, arm->b, depth + 1)) return false;
            if (!po_gen_is_pure(g, arm->a, depth + 1)) return false;
        }
        return po_gen_is_pure(g, e->a, depth + 1);
    case NK_CALL: return pure_call(g, e, depth);
    default: return false;
    }
}

/* ---- loops in place --------------------------------------------------------------------------- */

struct po_walk po_walk_begin(struct po_gen *g, int obj)
{
    struct po_walk w = {.base = po_regs(g, 4), .to_next = -1};
    po_emit(g, OP_ITER, w.base, obj, 0, 0);
    po_emit_jump(g, OP_JMP, 0, 0, 0, &w.to_next);
    w.body = po_here(g);
    return w;
}

void po_walk_end(struct po_gen *g, const struct po_walk *w, struct po_type *elem)
{
    po_patch_here(g, w->to_next);
    po_emit(g, OP_NEXT, w->base, po_tag_of(elem), 0, (int32_t)w->body);
}

static void inline_map(struct po_gen *g, struct po_node *closure, int obj, int dst)
{
    int out = po_reg(g);
    int value = po_reg(g);
    po_emit(g, OP_NEWARR, out, 0, 0, 0);
    struct po_walk w = po_walk_begin(g, obj);
    po_gen_bind(g, closure->list->p, w.base + 3, closure->list->t);
    po_gen_as(g, closure->a, closure->fn->ret, value);
    po_emit(g, OP_PUSH, out, value, 0, 0);
    po_walk_end(g, &w, closure->list->t);
    po_emit(g, OP_MOVE, dst, out, 0, 0);
}

static void inline_filter(struct po_gen *g, struct po_node *closure, int obj, int dst)
{
    int out = po_reg(g);
    po_emit(g, OP_NEWARR, out, 0, 0, 0);
    struct po_walk w = po_walk_begin(g, obj);
    po_gen_bind(g, closure->list->p, w.base + 3, closure->list->t);
    po_gen_cond(g, closure->a, false, &w.to_next);
    po_emit(g, OP_PUSH, out, w.base + 3, 0, 0);
    po_walk_end(g, &w, closure->list->t);
    po_emit(g, OP_MOVE, dst, out, 0, 0);
}

static void inline_fold(struct po_gen *g, struct po_node *e, struct po_node *closure, int obj,
                        int dst)
{
    struct po_node *init = closure == e->list ? closure->next : e->list;
    struct po_node *acc_param = closure->list;
    int acc = po_reg(g);
    int value = po_reg(g);
    po_gen_as(g, init, acc_param->t, acc);
    struct po_walk w = po_walk_begin(g, obj);
    po_gen_bind(g, acc_param->p, acc, acc_param->t);
    po_gen_bind(g, acc_param->next->p, w.base + 3, acc_param->next->t);
    po_gen_as(g, closure->a, closure->fn->ret, value);
    po_gen_check(g, value, closure->fn->ret, acc_param->t);
    po_emit(g, OP_MOVE, acc, value, 0, 0);
    po_walk_end(g, &w, acc_param->next->t);
    po_emit(g, OP_MOVE, dst, acc, 0, 0);
    if (po_tag_of(e->t) && !po_tag_of(acc_param->t)) po_emit(g, OP_CHK, dst, po_tag_of(e->t), 0, 0);
}

/* any, all, count, find: walk until the answer is known. */
static void inline_search(struct po_gen *g, struct po_node *closure, enum inline_kind kind, int obj,
                          int dst)
{
    int out = po_reg(g);
    int32_t found = -1;
    if (kind == IN_COUNT) {
        po_emit(g, OP_LOADI, out, 0, 0, 0);
    } else if (kind == IN_FIND) {
        po_emit(g, OP_LOADENUM, out, 0, 0, PO_CTOR_NONE);
    } else {
        po_emit(g, OP_LOADBOOL, out, kind == IN_ALL, 0, 0);
    }
    struct po_walk w = po_walk_begin(g, obj);
    po_gen_bind(g, closure->list->p, w.base + 3, closure->list->t);
    if (kind == IN_COUNT) {
        po_gen_cond(g, closure->a, false, &w.to_next);
        po_emit(g, OP_ADD_IK, out, out, 0, 1);
    } else {
        po_gen_cond(g, closure->a, kind != IN_ALL, &found);
    }
    po_walk_end(g, &w, closure->list->t);
    if (found >= 0) {
        int32_t end = -1;
        po_emit_jump(g, OP_JMP, 0, 0, 0, &end);
        po_patch_here(g, found);
        if (kind == IN_FIND) {
            po_emit(g, OP_NEWENUM, out, w.base + 3, 1, PO_CTOR_SOME);
        } else {
            po_emit(g, OP_LOADBOOL, out, kind == IN_ANY, 0, 0);
        }
        po_patch_here(g, end);
    }
    po_emit(g, OP_MOVE, dst, out, 0, 0);
}

static bool try_inline(struct po_gen *g, struct po_node *e, int dst)
{
    enum inline_kind kind = e->a->kind == NK_MEMBER ? inline_kind_of(e->builtin) : IN_NONE;
    struct po_node *closure = kind != IN_NONE ? inline_closure(e, kind) : NULL;
    if (closure == NULL || closure->fn == NULL || !pure_closure(g, closure, 0)) return false;
    if (!po_type_is(e->a->a->t, TY_ARRAY)) return false;
    bool is_bool = kind != IN_MAP && kind != IN_FOLD && kind != IN_REDUCE;
    if (is_bool && po_tag_of(closure->a->t) != V_BOOL) return false;
    int obj = po_gen_stable(g, e->a->a, e);
    g->at = e->pos;
    if (kind == IN_MAP) {
        inline_map(g, closure, obj, dst);
    } else if (kind == IN_FILTER) {
        inline_filter(g, closure, obj, dst);
    } else if (kind == IN_FOLD || kind == IN_REDUCE) {
        inline_fold(g, e, closure, obj, dst);
    } else {
        inline_search(g, closure, kind, obj, dst);
    }
    return true;
}

/* ---- comprehensions --------------------------------------------------------------------------- */

void po_gen_comp(struct po_gen *g, struct po_node *e, int dst)
{
    struct po_walk walks[8];
    struct po_node *fors[8];
    uint32_t n = 0;
    int out = po_reg(g);
    po_emit(g, OP_NEWARR, out, 0, 0, 0);
    for (struct po_node *c = e->list; c != NULL && !g->b->is_bad; c = c->next) {
        g->at = c->pos;
        if (c->kind == NK_CLAUSE_IF) {
            po_gen_cond(g, c->a, false, &walks[n - 1].to_next);
            continue;
        }
        if (n == 8) break;
        int obj = po_gen_expr(g, c->a);
        walks[n] = po_walk_begin(g, obj);
        fors[n] = c;
        po_gen_bind(g, c->p, walks[n++].base + 3, c->t);
    }
    int value = po_gen_expr(g, e->a);
    po_emit(g, OP_PUSH, out, value, 0, 0);
    while (n-- > 0) {
        po_walk_end(g, &walks[n], fors[n]->t);
    }
    po_emit(g, OP_MOVE, dst, out, 0, 0);
}

/* ---- calls ------------------------------------------------------------------------------------ */

/* Registers for a call: in place when the destination is the newest register. */
static int call_base(struct po_gen *g, int dst, uint32_t n)
{
    if (dst >= 0 && (uint32_t)dst + 1 == g->top) {
        if (n > 1) (void)po_regs(g, n - 1);
        return dst;
    }
    return po_regs(g, n > 0 ? n : 1);
}

static void finish_call(struct po_gen *g, struct po_node *e, int base, int dst, bool is_checked)
{
    if (po_tag_of(e->t) && !is_checked) po_emit(g, OP_CHK, base, po_tag_of(e->t), 0, 0);
    if (dst != base) po_emit(g, OP_MOVE, dst, base, 0, 0);
    if (po_type_is(e->t, TY_NEVER)) po_emit(g, OP_UNREACH, 0, 0, 0, 0);
}

static void gen_args(struct po_gen *g, struct po_node *list, int reg)
{
    for (; list != NULL; list = list->next) {
        po_gen_to(g, list, reg++);
    }
}

static void call_fn(struct po_gen *g, struct po_node *e, struct po_fn *fn, int dst)
{
    bool is_method = e->fn == fn && e->a->kind == NK_MEMBER;
    uint32_t n = e->n + (is_method ? 1 : 0);
    int base = call_base(g, dst, n);
    if (fn->sig == NULL || fn->sig->n - 1 != n) {
        po_emit(g, OP_UNREACH, 0, 0, 0, 0);
        return;
    }
    uint32_t i = 0;
    if (is_method) po_gen_to(g, e->a->a, base + (int)i++);
    for (struct po_node *a = e->list; a != NULL; a = a->next, i++) {
        po_gen_as(g, a, fn->sig->args[i], base + (int)i);
    }
    g->at = e->pos;
    po_emit(g, fn->is_async ? OP_MKFUT : OP_CALL, base, (int)n, 0, po_fn_proto(g->b, fn));
    bool is_checked = !fn->is_async && po_tag_of(fn->ret) == po_tag_of(e->t);
    finish_call(g, e, base, dst, is_checked);
}

static int result_tag(const struct po_builtin *b)
{
    const char *gt = strchr(b->tags, '>');
    if (gt == NULL) return 0;
    return gt[1] == 'i' ? V_INT : gt[1] == 'f' ? V_FLOAT : gt[1] == 'b' ? V_BOOL : 0;
}

static void call_builtin(struct po_gen *g, struct po_node *e, const struct po_builtin *b, int dst)
{
    bool is_method = e->a->kind == NK_MEMBER && e->a->sym == NULL;
    uint32_t n = e->n + (is_method ? 1 : 0) + (e->list2 != NULL ? 1 : 0);
    int base = call_base(g, dst, n);
    if (is_method) po_gen_to(g, e->a->a, base);
    gen_args(g, e->list, base + (is_method ? 1 : 0));
    if (e->list2 != NULL) {
        b = po_builtin_find(RECV_FREE, PO_LIT("print end"));
        po_gen_to(g, e->list2->a, base + (int)n - 1);
    }
    g->at = e->pos;
    po_emit(g, OP_CALLB, base, base, (int)n, (int32_t)(b - po_builtins));
    finish_call(g, e, base, dst, result_tag(b) == po_tag_of(e->t));
}

static void call_value(struct po_gen *g, struct po_node *e, int dst)
{
    int base = call_base(g, dst, e->n + 1);
    po_gen_to(g, e->a, base);
    gen_args(g, e->list, base + 1);
    g->at = e->pos;
    po_emit(g, OP_CALLV, base, (int)e->n, 0, 0);
    finish_call(g, e, base, dst, false);
}

static void call_host(struct po_gen *g, struct po_node *e, uint32_t index, int dst)
{
    int base = call_base(g, dst, e->n);
    gen_args(g, e->list, base);
    g->at = e->pos;
    po_emit(g, OP_CALLH, base, (int)e->n, 0, (int32_t)index);
    finish_call(g, e, base, dst, false);
}

static void call_variant(struct po_gen *g, struct po_node *e, const struct po_node *f, int dst)
{
    struct po_variant *v = &f->def->variants[f->index];
    int32_t ctor = po_ctor_id(g->b, f->def, f->index);
    if (v->kind == FLAG_UNIT) {
        po_emit(g, OP_LOADENUM, dst, 0, 0, ctor);
        return;
    }
    int base = po_regs(g, e->n);
    gen_args(g, e->list, base);
    for (uint32_t i = 0; i < e->n && i < v->n; i++) {
        if (v->fields[i].is_i32) po_emit(g, OP_CHKI32, base + (int)i, 0, 0, 0);
    }
    po_emit(g, OP_NEWENUM, dst, base, (int)e->n, ctor);
}

static void call_dynamic_method(struct po_gen *g, struct po_node *e, int dst)
{
    int base = call_base(g, dst, e->n + 1);
    po_gen_to(g, e->a->a, base);
    gen_args(g, e->list, base + 1);
    g->at = e->pos;
    po_emit(g, OP_CALLM, base, (int)e->n, 0, po_const_name(g, e->a->name));
    finish_call(g, e, base, dst, false);
}

void po_gen_call(struct po_gen *g, struct po_node *e, int dst)
{
    struct po_node *f = e->a;
    while (f->kind == NK_INST) {
        f = f->a;
    }
    struct po_sym *sym = f->sym != NULL ? po_sym_real(f->sym) : NULL;
    bool is_name = f->kind == NK_ID || f->kind == NK_PATH;
    if (e->n > 200) {
        po_gen_error(g, "E0601", "call with more than 200 arguments");
    } else if (try_inline(g, e, dst)) {
        return;
    } else if (e->builtin != NULL) {
        call_builtin(g, e, e->builtin, dst);
    } else if (e->flag == 1) {
        call_dynamic_method(g, e, dst);
    } else if (e->fn != NULL) {
        call_fn(g, e, e->fn, dst);
    } else if (is_name && f->def != NULL && f->index >= 0) {
        call_variant(g, e, f, dst);
    } else if (sym != NULL && sym->kind == SYM_FN && po_fn_is_static(sym->fn)) {
        call_fn(g, e, sym->fn, dst);
    } else if (sym != NULL && sym->kind == SYM_HOST) {
        call_host(g, e, sym->host_index, dst);
    } else if (sym != NULL && sym->kind == SYM_BUILTIN) {
        call_builtin(g, e, sym->builtin, dst);
    } else if (is_name && f->fn != NULL) {
        call_fn(g, e, f->fn, dst);
    } else if (is_name && f->builtin != NULL) {
        const struct po_builtin *b = f->builtin;
        call_builtin(g, e, b, dst);
    } else {
        call_value(g, e, dst);
    }
}
