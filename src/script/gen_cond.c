/* Code generation: conditions as jumps. */
#include "script/gen_priv.h"

static const struct po_node *strip(const struct po_node *e)
{
    while (e->kind == NK_PAREN) {
        e = e->a;
    }
    return e;
}

static bool small_int(const struct po_node *e, int *ret_value)
{
    bool is_negative = false;
    e = strip(e);
    if (e->kind == NK_UN && e->op == TK_MINUS) {
        is_negative = true;
        e = strip(e->a);
    }
    if (e->kind != NK_INT || e->v.i < -32000 || e->v.i > 32000) return false;
    *ret_value = is_negative ? (int)-e->v.i : (int)e->v.i;
    return true;
}

/* The operator that holds exactly when `op` does not. */
static int negated(int op)
{
    switch (op) {
    case TK_EQEQ: return TK_NOTEQ;
    case TK_NOTEQ: return TK_EQEQ;
    case TK_LT: return TK_GE;
    case TK_GE: return TK_LT;
    case TK_GT: return TK_LE;
    default: return TK_GT;
    }
}

static void jump_int(struct po_gen *g, struct po_node *e, int op, int32_t *list)
{
    int imm = 0;
    int l = po_gen_stable(g, e->a, e->b);
    if (small_int(e->b, &imm)) {
        int code = op == TK_LT     ? OP_JLT_IK
                   : op == TK_LE   ? OP_JLE_IK
                   : op == TK_GT   ? OP_JGT_IK
                   : op == TK_GE   ? OP_JGE_IK
                   : op == TK_EQEQ ? OP_JEQ_IK
                                   : OP_JNE_IK;
        po_emit_jump(g, code, l, imm & 0xFF, (imm >> 8) & 0xFF, list);
        return;
    }
    int r = po_gen_expr(g, e->b);
    bool swaps = op == TK_GT || op == TK_GE;
    int code = op == TK_LT || op == TK_GT   ? OP_JLT_I
               : op == TK_LE || op == TK_GE ? OP_JLE_I
               : op == TK_EQEQ              ? OP_JEQ_I
                                            : OP_JNE_I;
    po_emit_jump(g, code, swaps ? r : l, swaps ? l : r, 0, list);
}

static bool jump_compare(struct po_gen *g, struct po_node *e, bool when, int32_t *list)
{
    bool is_order = e->op == TK_LT || e->op == TK_LE || e->op == TK_GT || e->op == TK_GE;
    bool is_equal = e->op == TK_EQEQ || e->op == TK_NOTEQ;
    if (!is_order && !is_equal) return false;
    int l_tag = po_tag_of(e->a->t);
    int r_tag = po_tag_of(e->b->t);
    int op = when ? e->op : negated(e->op);
    if (l_tag == V_INT && r_tag == V_INT) {
        jump_int(g, e, op, list);
        return true;
    }
    if (l_tag == V_FLOAT && r_tag == V_FLOAT && is_order) {
        int l = po_gen_stable(g, e->a, e->b);
        int r = po_gen_expr(g, e->b);
        bool swaps = op == TK_GT || op == TK_GE;
        bool is_strict = op == TK_LT || op == TK_GT;
        po_emit_jump(g, is_strict ? OP_JLT_F : OP_JLE_F, swaps ? r : l, swaps ? l : r, 0, list);
        return true;
    }
    struct po_node *literal = e->b->kind == NK_STR ? e->b : NULL;
    if (!is_equal || literal == NULL) return false;
    int32_t index = po_const_name(g, literal->name);
    if (index > 0xFFFF) return false;
    int l = po_gen_expr(g, e->a);
    po_emit_jump(g, op == TK_EQEQ ? OP_JEQK : OP_JNEK, l, index & 0xFF, index >> 8, list);
    return true;
}

static void jump_logic(struct po_gen *g, struct po_node *e, bool when, int32_t *list)
{
    /* a && b jumps when true only through both; a || b when false only through both */
    bool both = (e->op == TK_ANDAND) == when;
    if (!both) {
        po_gen_cond(g, e->a, when, list);
        po_gen_cond(g, e->b, when, list);
        return;
    }
    int32_t skip = -1;
    po_gen_cond(g, e->a, !when, &skip);
    po_gen_cond(g, e->b, when, list);
    po_patch_here(g, skip);
}

void po_gen_cond(struct po_gen *g, struct po_node *e, bool when, int32_t *list)
{
    uint32_t top = g->top;
    g->at = e->pos;
    if (!po_check_enter(g->b->k, e->pos)) {
        g->b->is_bad = true;
        return;
    }
    bool is_logic = e->kind == NK_BIN && (e->op == TK_ANDAND || e->op == TK_OROR);
    if (e->kind == NK_PAREN && po_tag_of(e->a->t) == V_BOOL) {
        po_gen_cond(g, e->a, when, list);
    } else if (e->kind == NK_UN && e->op == TK_BANG && po_tag_of(e->a->t) == V_BOOL) {
        po_gen_cond(g, e->a, !when, list);
    } else if (is_logic) {
        jump_logic(g, e, when, list);
    } else if (e->kind == NK_BOOL) {
        if ((e->v.i != 0) == when) po_emit_jump(g, OP_JMP, 0, 0, 0, list);
    } else if (e->kind != NK_BIN || !jump_compare(g, e, when, list)) {
        int reg = po_gen_as_any(g, e, &g->b->k->t_bool);
        if (!po_type_is(e->t, TY_NEVER)) po_emit_jump(g, when ? OP_JT : OP_JF, reg, 0, 0, list);
    }
    po_check_leave(g->b->k);
    g->top = top;
}
