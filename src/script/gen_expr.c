/* Code generation, part two: expressions, conditions, variables. */
#include "script/gen_priv.h"

bool po_gen_is_simple(const struct po_node *e)
{
    switch (e->kind) {
    case NK_INT:
    case NK_FLOAT:
    case NK_STR:
    case NK_BOOL:
    case NK_UNIT:
    case NK_NULL:
    case NK_ID:
    case NK_PATH:
    case NK_CLOSURE: return true;
    case NK_UN:
    case NK_MEMBER:
    case NK_TFIELD:
    case NK_CAST:
    case NK_TRYQ:
    case NK_AWAIT: return po_gen_is_simple(e->a);
    case NK_BIN:
    case NK_INDEX:
    case NK_RANGE: return po_gen_is_simple(e->b) && po_gen_is_simple(e->a);
    case NK_CALL:
        for (const struct po_node *a = e->list; a != NULL; a = a->next) {
            if (!po_gen_is_simple(a)) return false;
        }
        return po_gen_is_simple(e->a);
    default: return false;
    }
}

/* ---- variables -------------------------------------------------------------------------------- */

static int find_upval(struct po_gen *g, struct po_sym *sym, uint32_t depth)
{
    for (uint32_t i = 0; i < g->upval_count; i++) {
        if (g->upvals[i].sym == sym) return (int)i;
    }
    if (g->parent == NULL || g->upval_count == PO_UPVALS_MAX || depth > PO_COMP_DEPTH_MAX) {
        po_gen_error(g, "E0603", "too many captured variables");
        return 0;
    }
    struct po_upref *ref = &g->upvals[g->upval_count];
    int tag = sym->is_cell ? V_CELL : sym->kind == SYM_FN ? 0 : po_tag_of(sym->type);
    ref->sym = sym;
    ref->desc.tag = (uint8_t)tag;
    ref->desc.is_reg = po_gen_is_local(g->parent, sym);
    g->upval_count++;
    int index = (int)g->upval_count - 1;
    g->upvals[index].desc.index =
        (uint8_t)(ref->desc.is_reg ? sym->reg : find_upval(g->parent, sym, depth + 1));
    return index;
}

static void check_init(struct po_gen *g, const struct po_sym *sym, int reg)
{
    if (sym->is_uninit) po_emit(g, OP_CHKINIT, reg, 0, 0, 0);
}

void po_gen_load(struct po_gen *g, struct po_sym *sym, struct po_type *t, int dst)
{
    sym = po_sym_real(sym);
    int tag = po_tag_of(t);
    if (sym->kind == SYM_FN && po_fn_is_static(sym->fn)) {
        po_emit(g, OP_MKCLOS, dst, 0, 0, po_fn_proto(g->b, sym->fn));
    } else if (sym->kind == SYM_BUILTIN) {
        po_emit(g, OP_LOADBI, dst, 0, 0, (int32_t)(sym->builtin - po_builtins));
    } else if (sym->kind == SYM_HOST) {
        po_emit(g, OP_LOADHOST, dst, 0, 0, (int32_t)sym->host_index);
    } else if (po_gen_is_local(g, sym)) {
        if (sym->is_cell) {
            po_emit(g, OP_GETCELL, dst, sym->reg, tag, 0);
        } else {
            check_init(g, sym, sym->reg);
            if (dst != sym->reg) po_emit(g, OP_MOVE, dst, sym->reg, 0, 0);
            if (sym->is_uninit && tag != 0) po_emit(g, OP_CHK, dst, tag, 0, 0);
        }
    } else if (sym->is_global) {
        po_emit(g, OP_GETG, dst, tag, 0, po_global_slot(g->b, sym));
    } else {
        int up = find_upval(g, sym, 0);
        po_emit(g, sym->is_cell ? OP_GETUPC : OP_GETUP, dst, up, tag, 0);
    }
}

void po_gen_store(struct po_gen *g, struct po_sym *sym, int reg)
{
    sym = po_sym_real(sym);
    if (sym->is_i32) po_emit(g, OP_CHKI32, reg, 0, 0, 0);
    if (po_gen_is_local(g, sym)) {
        po_emit(g, sym->is_cell ? OP_SETCELL : OP_MOVE, sym->reg, reg, 0, 0);
    } else if (sym->is_global) {
        po_emit(g, OP_SETG, reg, 1, 0, po_global_slot(g->b, sym));
    } else {
        po_emit(g, OP_SETUPC, reg, find_upval(g, sym, 0), 0, 0);
    }
}

/* ---- places ----------------------------------------------------------------------------------- */

void po_gen_check(struct po_gen *g, int reg, struct po_type *have, struct po_type *want)
{
    static const uint8_t tags[] = {
        [TY_INT] = V_INT,       [TY_FLOAT] = V_FLOAT, [TY_BOOL] = V_BOOL, [TY_STR] = V_STR,
        [TY_ARRAY] = V_ARRAY,   [TY_MAP] = V_MAP,     [TY_SET] = V_SET,   [TY_RANGE] = V_RANGE,
        [TY_FUTURE] = V_FUTURE, [TY_TUPLE] = V_TUPLE, [TY_UNIT] = V_UNIT};
    have = po_type_find(have);
    want = po_type_find(want);
    if (have->kind != TY_UNKNOWN && have->kind != TY_RIGID && have->kind != TY_VAR) return;
    if (want->kind == TY_NAMED) {
        po_emit(g, OP_CHKTYPE, reg, 0, 0, po_def_id(g->b, want->def));
    } else if (want->kind < sizeof tags && tags[want->kind] != 0) {
        po_emit(g, OP_CHK, reg, tags[want->kind], 0, 0);
    }
}

static bool passes_want(const struct po_node *e)
{
    return e->kind == NK_PAREN || e->kind == NK_IF || e->kind == NK_IFLET || e->kind == NK_MATCH ||
           e->kind == NK_BLOCK || e->kind == NK_TRY;
}

void po_gen_as(struct po_gen *g, struct po_node *e, struct po_type *want, int dst)
{
    struct po_type *have = e->t != NULL ? po_type_find(e->t) : &g->b->k->t_unknown;
    want = po_type_find(want);
    po_gen_to(g, e, dst);
    if (have->kind == TY_NEVER) return;
    if (want->kind == TY_UNIT && have->kind != TY_UNIT && have->kind != TY_UNKNOWN) {
        po_emit(g, OP_LOADUNIT, dst, 0, 0, 0);
        return;
    }
    po_gen_check(g, dst, have, want);
}

int po_gen_as_any(struct po_gen *g, struct po_node *e, struct po_type *want)
{
    int have = po_tag_of(e->t != NULL ? e->t : want);
    if (have == po_tag_of(want) && !passes_want(e)) return po_gen_expr(g, e);
    int reg = po_reg(g);
    po_gen_as(g, e, want, reg);
    return reg;
}

int po_gen_expr(struct po_gen *g, struct po_node *e)
{
    if (e->kind == NK_PAREN && po_tag_of(e->t) == po_tag_of(e->a->t)) return po_gen_expr(g, e->a);
    if (e->kind == NK_ID && e->sym != NULL) {
        struct po_sym *sym = po_sym_real(e->sym);
        bool is_plain =
            po_gen_is_local(g, sym) && !sym->is_cell && !sym->is_uninit && sym->kind != SYM_FN;
        if (is_plain && po_tag_of(sym->type) == po_tag_of(e->t)) return sym->reg;
    }
    int reg = po_reg(g);
    po_gen_to(g, e, reg);
    return reg;
}

/* The left operand, kept safe from assignments that evaluating `then` may do. */
int po_gen_stable(struct po_gen *g, struct po_node *e, const struct po_node *then)
{
    int reg = po_gen_expr(g, e);
    bool is_variable = e->kind == NK_ID || e->kind == NK_PAREN;
    if (!is_variable || po_gen_is_simple(then)) return reg;
    int copy = po_reg(g);
    po_emit(g, OP_MOVE, copy, reg, 0, 0);
    return copy;
}

/* ---- operators -------------------------------------------------------------------------------- */

static void bool_value(struct po_gen *g, struct po_node *e, int dst)
{
    int32_t yes = -1;
    int32_t end = -1;
    po_gen_cond(g, e, true, &yes);
    po_emit(g, OP_LOADBOOL, dst, 0, 0, 0);
    po_emit_jump(g, OP_JMP, 0, 0, 0, &end);
    po_patch_here(g, yes);
    po_emit(g, OP_LOADBOOL, dst, 1, 0, 0);
    po_patch_here(g, end);
}

static void compare(struct po_gen *g, struct po_node *e, int dst)
{
    int l = po_gen_stable(g, e->a, e->b);
    int r = po_gen_expr(g, e->b);
    int l_tag = po_tag_of(e->a->t);
    int r_tag = po_tag_of(e->b->t);
    bool swaps = e->op == TK_GT || e->op == TK_GE;
    bool is_strict = e->op == TK_LT || e->op == TK_GT;
    int x = swaps ? r : l;
    int y = swaps ? l : r;
    bool is_int = l_tag == V_INT && r_tag == V_INT;
    bool is_float = l_tag == V_FLOAT && r_tag == V_FLOAT;
    if (e->op == TK_EQEQ || e->op == TK_NOTEQ) {
        bool is_eq = e->op == TK_EQEQ;
        int op = is_int ? (is_eq ? OP_EQ_I : OP_NE_I) : is_eq ? OP_EQ : OP_NE;
        po_emit(g, op, dst, l, r, 0);
    } else if (is_int) {
        po_emit(g, is_strict ? OP_LT_I : OP_LE_I, dst, x, y, 0);
    } else if (is_float) {
        po_emit(g, is_strict ? OP_LT_F : OP_LE_F, dst, x, y, 0);
    } else {
        po_emit(g, OP_ORDER, dst, l, r, e->op);
    }
}

static bool is_text_sum(const struct po_node *e)
{
    return e->kind == NK_BIN && e->op == TK_PLUS && e->t != NULL && po_type_is(e->t, TY_STR);
}

/* "a" + b + c: one allocation for the whole chain. */
static void concat(struct po_gen *g, struct po_node *e, int dst)
{
    struct po_node *parts[64];
    uint32_t n = 0;
    struct po_node *left = e;
    while (is_text_sum(left) && n < 62) {
        parts[n++] = left->b;
        left = left->a;
    }
    parts[n++] = left;
    int base = po_regs(g, n);
    for (uint32_t i = 0; i < n; i++) {
        po_gen_to(g, parts[n - 1 - i], base + (int)i);
    }
    g->at = e->pos;
    po_emit(g, OP_CONCAT, dst, base, (int)n, 0);
}

static void binary(struct po_gen *g, struct po_node *e, int dst)
{
    switch (e->op) {
    case TK_ANDAND:
    case TK_OROR: bool_value(g, e, dst); return;
    case TK_EQEQ:
    case TK_NOTEQ:
    case TK_LT:
    case TK_GT:
    case TK_LE:
    case TK_GE: compare(g, e, dst); return;
    default: break;
    }
    if (is_text_sum(e)) {
        concat(g, e, dst);
        return;
    }
    struct po_operand l = {po_gen_stable(g, e->a, e->b), po_tag_of(e->a->t)};
    g->at = e->pos;
    if (l.tag == V_INT && po_gen_arith_literal(g, e->op, dst, l.reg, e->b)) return;
    struct po_operand r = {po_gen_expr(g, e->b), po_tag_of(e->b->t)};
    g->at = e->pos;
    po_gen_arith(g, e->op, dst, l, r);
    if (l.tag != r.tag || (l.tag != V_INT && l.tag != V_FLOAT)) {
        po_gen_check(g, dst, &g->b->k->t_unknown, e->t);
    }
}

static void unary(struct po_gen *g, struct po_node *e, int dst)
{
    if (e->op == TK_BANG) {
        bool_value(g, e, dst);
        return;
    }
    int reg = po_gen_expr(g, e->a);
    int tag = po_tag_of(e->a->t);
    g->at = e->pos;
    po_emit(g, tag == V_INT ? OP_NEG_I : tag == V_FLOAT ? OP_NEG_F : OP_NEG, dst, reg, 0, 0);
}

static void cast(struct po_gen *g, struct po_node *e, int dst)
{
    struct po_type *t = po_type_find(e->t);
    int from = po_tag_of(e->a->t);
    int reg = po_gen_expr(g, e->a);
    g->at = e->pos;
    if (t->kind == TY_INT) {
        po_emit(g, from == V_INT ? OP_MOVE : OP_CASTI, dst, reg, 0, 0);
        if (po_node_is_i32(e->c)) po_emit(g, OP_CHKI32, dst, 0, 0, 0);
    } else if (t->kind == TY_FLOAT) {
        po_emit(g, from == V_INT ? OP_I2F : from == V_FLOAT ? OP_MOVE : OP_CASTF, dst, reg, 0, 0);
    } else {
        int kind = t->kind == TY_STR ? V_STR : t->kind == TY_BOOL ? V_BOOL : 0;
        po_emit(g, OP_CASTK, dst, reg, kind, 0);
        if (kind == V_BOOL) po_emit(g, OP_CHK, dst, V_BOOL, 0, 0);
        if (kind == 0) po_gen_check(g, dst, e->a->t, t);
    }
}

int32_t po_gen_name_operand(struct po_gen *g, struct po_name *name, int tag)
{
    int32_t index = po_const_name(g, name);
    if (index > PO_ID_MASK) po_gen_error(g, "E0602", "the program is too large");
    return index | (int32_t)((uint32_t)tag << PO_ID_BITS);
}

void po_gen_member(struct po_gen *g, struct po_node *e, int obj, int dst)
{
    int tag = po_tag_of(e->t);
    g->at = e->pos;
    if (e->def != NULL && e->index >= 0 && e->index < 256) {
        int32_t id = po_def_id(g->b, e->def) | (int32_t)((uint32_t)tag << PO_ID_BITS);
        po_emit(g, OP_GETF, dst, obj, e->index, id);
        return;
    }
    int guess = e->index >= 0 && e->index < 256 ? e->index : 0;
    po_emit(g, OP_GETREC, dst, obj, guess, po_gen_name_operand(g, e->name, tag));
}

/* ---- values ----------------------------------------------------------------------------------- */

static void load_int(struct po_gen *g, int64_t value, int dst)
{
    if (value >= INT32_MIN && value <= INT32_MAX) {
        po_emit(g, OP_LOADI, dst, 0, 0, (int32_t)value);
        return;
    }
    po_emit(g, OP_LOADK, dst, 0, 0, po_const_val(g, po_val_int(value)));
}

static void load_float(struct po_gen *g, double value, int dst)
{
    po_emit(g, OP_LOADK, dst, 0, 0, po_const_val(g, po_val_float(value)));
}

static void sequence(struct po_gen *g, struct po_node *e, int dst)
{
    if (e->kind == NK_ARRAY) {
        int arr = po_reg(g);
        po_emit(g, OP_NEWARR, arr, 0, 0, (int32_t)e->n);
        for (struct po_node *x = e->list; x != NULL; x = x->next) {
            uint32_t top = g->top;
            int reg = po_gen_expr(g, x);
            po_emit(g, OP_PUSH, arr, reg, 0, 0);
            g->top = top;
        }
        po_emit(g, OP_MOVE, dst, arr, 0, 0);
        return;
    }
    int base = po_regs(g, e->n);
    int i = base;
    for (struct po_node *x = e->list; x != NULL; x = x->next) {
        po_gen_to(g, e->kind == NK_RECORD ? x->a : x, i++);
    }
    if (e->kind == NK_TUPLE) {
        po_emit(g, OP_NEWTUP, dst, base, (int)e->n, 0);
    } else {
        po_emit(g, OP_NEWREC, dst, base, (int)e->n, po_shape_of(g, e));
    }
}

/* A name or path as a value. */
static void name_value(struct po_gen *g, struct po_node *e, int dst)
{
    if (e->def != NULL && e->index >= 0) {
        struct po_variant *v = &e->def->variants[e->index];
        int op = v->kind == FLAG_UNIT ? OP_LOADENUM : OP_LOADCTOR;
        po_emit(g, op, dst, 0, 0, po_ctor_id(g->b, e->def, e->index));
    } else if (e->sym != NULL) {
        po_gen_load(g, e->sym, e->t, dst);
    } else if (e->fn != NULL) {
        po_emit(g, OP_MKCLOS, dst, 0, 0, po_fn_proto(g->b, e->fn));
    } else if (e->builtin != NULL) {
        const struct po_builtin *b = e->builtin;
        if (b->special == SPECIAL_CONST) {
            bool is_pi = po_str_eq_cstr(b->name, "PI");
            load_float(g, is_pi ? 3.14159265358979323846 : 2.71828182845904523536, dst);
        } else {
            po_emit(g, OP_LOADBI, dst, 0, 0, (int32_t)(b - po_builtins));
        }
    } else {
        po_emit(g, OP_UNREACH, 0, 0, 0, 0);
    }
}

static void if_value(struct po_gen *g, struct po_node *e, int dst)
{
    int32_t other = -1;
    int32_t end = -1;
    if (e->kind == NK_IF) {
        po_gen_cond(g, e->a, false, &other);
    } else {
        int reg = po_reg(g);
        po_gen_to(g, e->a, reg);
        po_gen_pattern(g, e->p, reg, e->a->t, &other);
    }
    struct po_type *t = e->c != NULL ? e->t : &g->b->k->t_unit;
    po_gen_as(g, e->b, t, dst);
    if (!po_type_is(e->b->t, TY_NEVER)) po_emit_jump(g, OP_JMP, 0, 0, 0, &end);
    po_patch_here(g, other);
    if (e->c != NULL) {
        po_gen_as(g, e->c, t, dst);
    } else {
        po_emit(g, OP_LOADUNIT, dst, 0, 0, 0);
    }
    po_patch_here(g, end);
}

static void question(struct po_gen *g, struct po_node *e, int dst)
{
    int reg = po_gen_expr(g, e->a);
    int out = po_reg(g);
    int32_t good = -1;
    g->at = e->pos;
    po_emit_jump(g, OP_TRY, dst, reg, 0, &good);
    po_emit(g, e->flag ? OP_WRAPERR : OP_MOVE, out, reg, 0, 0);
    po_gen_leave(g, NULL);
    po_emit(g, OP_RET, out, 0, 0, 0);
    po_gen_reopen(g, NULL);
    po_patch_here(g, good);
    po_gen_check(g, dst, &g->b->k->t_unknown, po_tag_of(e->t) ? e->t : &g->b->k->t_unknown);
}

static void index_value(struct po_gen *g, struct po_node *e, int dst)
{
    int obj = po_gen_stable(g, e->a, e->b);
    int index = po_gen_expr(g, e->b);
    g->at = e->pos;
    po_emit(g, OP_INDEX, dst, obj, index, po_tag_of(e->t));
}

static void member_value(struct po_gen *g, struct po_node *e, int dst)
{
    if (e->sym != NULL) {
        name_value(g, e, dst);
        return;
    }
    int obj = po_gen_expr(g, e->a);
    po_gen_member(g, e, obj, dst);
}

static void async_block(struct po_gen *g, struct po_node *e, int dst)
{
    int reg = po_reg(g);
    po_gen_closure(g, e, reg);
    po_emit(g, OP_CALLV, reg, 0, 0, 0);
    po_emit(g, OP_MOVE, dst, reg, 0, 0);
}

static void gen_value(struct po_gen *g, struct po_node *e, int dst)
{
    int l = 0;
    switch (e->kind) {
    case NK_INT: load_int(g, e->v.i, dst); break;
    case NK_FLOAT: load_float(g, e->v.f, dst); break;
    case NK_STR: po_emit(g, OP_LOADK, dst, 0, 0, po_const_name(g, e->name)); break;
    case NK_BOOL: po_emit(g, OP_LOADBOOL, dst, (int)e->v.i, 0, 0); break;
    case NK_UNIT: po_emit(g, OP_LOADUNIT, dst, 0, 0, 0); break;
    case NK_NULL: po_emit(g, OP_LOADENUM, dst, 0, 0, PO_CTOR_NONE); break;
    case NK_ID:
    case NK_PATH: name_value(g, e, dst); break;
    case NK_INST: po_gen_to(g, e->a, dst); break;
    case NK_PAREN: po_gen_as(g, e->a, e->t, dst); break;
    case NK_BLOCK: po_gen_block(g, e, e->t, dst); break;
    case NK_IF:
    case NK_IFLET: if_value(g, e, dst); break;
    case NK_MATCH: po_gen_match(g, e, dst); break;
    case NK_BIN: binary(g, e, dst); break;
    case NK_UN: unary(g, e, dst); break;
    case NK_ASSIGN: po_gen_assign(g, e, dst); break;
    case NK_CAST: cast(g, e, dst); break;
    case NK_RANGE:
        l = po_tag_of(e->a->t) == V_INT ? po_gen_stable(g, e->a, e->b)
                                        : po_gen_as_any(g, e->a, &g->b->k->t_int);
        po_emit(g, OP_NEWRANGE, dst, l, po_gen_as_any(g, e->b, &g->b->k->t_int), e->flag);
        break;
    case NK_TUPLE:
    case NK_ARRAY:
    case NK_RECORD: sequence(g, e, dst); break;
    case NK_COMP: po_gen_comp(g, e, dst); break;
    case NK_STRUCTLIT: po_gen_struct(g, e, dst); break;
    case NK_CLOSURE: po_gen_closure(g, e, dst); break;
    case NK_CALL: po_gen_call(g, e, dst); break;
    case NK_INDEX: index_value(g, e, dst); break;
    case NK_MEMBER: member_value(g, e, dst); break;
    case NK_TFIELD:
        l = po_gen_expr(g, e->a);
        po_emit(g, OP_GETT, dst, l, (int)(e->v.i & 0xFF), po_tag_of(e->t));
        break;
    case NK_TRYQ: question(g, e, dst); break;
    case NK_AWAIT:
        l = po_gen_expr(g, e->a);
        po_emit(g, OP_AWAIT, dst, l, 0, 0);
        if (po_tag_of(e->t)) po_emit(g, OP_CHK, dst, po_tag_of(e->t), 0, 0);
        break;
    case NK_ASYNCBLOCK: async_block(g, e, dst); break;
    case NK_TRY: po_gen_try(g, e, dst); break;
    case NK_STMTEXPR: po_gen_stmt(g, e->a); break;
    default: po_emit(g, OP_UNREACH, 0, 0, 0, 0); break;
    }
}

void po_gen_to(struct po_gen *g, struct po_node *e, int dst)
{
    uint32_t top = g->top;
    if (g->b->is_bad || !po_check_enter(g->b->k, e->pos)) {
        g->b->is_bad = true;
        return;
    }
    g->at = e->pos;
    gen_value(g, e, dst);
    po_check_leave(g->b->k);
    g->top = top;
}

void po_gen_effect(struct po_gen *g, struct po_node *e)
{
    uint32_t top = g->top;
    g->at = e->pos;
    if (e->kind == NK_ASSIGN) {
        po_gen_assign(g, e, -1);
    } else {
        (void)po_gen_expr(g, e);
    }
    g->top = top;
}
