/* Code generation, part five: patterns, match, declarations of variables. */
#include "script/gen_priv.h"

/* ---- variables -------------------------------------------------------------------------------- */

static bool needs_cell(const struct po_sym *sym)
{
    bool is_let = sym->kind == SYM_LET || sym->kind == SYM_CONST || sym->kind == SYM_FN;
    return is_let && sym->is_captured && (sym->is_assigned || sym->is_early || sym->is_uninit);
}

/* A top-level variable that somebody else sees, or for which no register is left. */
static bool lives_outside(const struct po_gen *g, const struct po_sym *sym)
{
    bool is_top = sym->is_global && g->parent == NULL && g->fn == NULL;
    return is_top && (sym->is_captured || sym->is_exported || g->top > 150);
}

int po_gen_declare_slot(struct po_gen *g, struct po_sym *sym)
{
    if (sym->gen == g && sym->is_cell && sym->is_early) return -1; /* made at the block's start */
    sym->is_cell = !sym->is_global && needs_cell(sym);
    if (lives_outside(g, sym)) {
        (void)po_global_slot(g->b, sym);
        sym->reg = -1;
        return -1;
    }
    sym->is_global = false;
    sym->gen = g;
    sym->reg = po_reg(g);
    if (sym->is_cell) {
        po_emit(g, OP_NEWCELL, sym->reg, 0, 0, 0);
        return -1;
    }
    return sym->reg;
}

/* The symbol takes the value in `reg`; `reg` itself becomes the variable when it may. */
void po_gen_declare(struct po_gen *g, struct po_sym *sym, int reg)
{
    sym = po_sym_real(sym);
    bool is_fixed = sym->kind == SYM_PARAM || sym->kind == SYM_LOOP || sym->kind == SYM_PAT;
    if (is_fixed) {
        sym->gen = g;
        sym->reg = reg;
        sym->is_cell = false;
        return;
    }
    int slot = po_gen_declare_slot(g, sym);
    if (slot >= 0) {
        po_emit(g, OP_MOVE, slot, reg, 0, 0);
    } else if (sym->reg < 0) {
        po_emit(g, OP_SETG, reg, 0, 0, po_global_slot(g->b, sym));
    } else {
        po_emit(g, OP_SETCELL, sym->reg, reg, 0, 0);
    }
}

/* Cells of variables that functions of this block capture before the variables get their values. */
static void early_pattern(struct po_gen *g, struct po_node *p, uint32_t depth)
{
    struct po_sym *sym = p->sym != NULL ? po_sym_real(p->sym) : NULL;
    if (depth > PO_SCRIPT_NESTING_MAX) return;
    bool is_let = sym != NULL && (sym->kind == SYM_LET || sym->kind == SYM_CONST);
    if (is_let && sym->is_early && !sym->is_global && needs_cell(sym)) {
        sym->gen = g;
        sym->is_cell = true;
        sym->reg = po_reg(g);
        po_emit(g, OP_NEWCELL, sym->reg, 0, 0, 0);
    }
    for (struct po_node *q = p->list; q != NULL; q = q->next) {
        early_pattern(g, q->kind == NK_FIELD ? q->p : q, depth + 1);
    }
}

void po_gen_early(struct po_gen *g, struct po_node *list)
{
    for (struct po_node *s = list; s != NULL; s = s->next) {
        bool has_closure = s->kind == NK_FN && s->fn != NULL && !po_fn_is_static(s->fn);
        if (has_closure && s->sym != NULL) {
            s->sym->gen = g;
            s->sym->is_cell = s->sym->is_captured;
            s->sym->reg = po_reg(g);
            if (s->sym->is_cell) po_emit(g, OP_NEWCELL, s->sym->reg, 0, 0, 0);
        }
    }
    for (struct po_node *s = list; s != NULL; s = s->next) {
        if (s->kind == NK_LET) early_pattern(g, s->p, 0);
    }
}

/* ---- patterns --------------------------------------------------------------------------------- */

static bool is_open(struct po_type *t)
{
    t = po_type_find(t);
    return t->kind == TY_UNKNOWN || t->kind == TY_VAR || t->kind == TY_RIGID;
}

static void literal(struct po_gen *g, struct po_node *p, int reg, int32_t *fail)
{
    int tag = po_tag_of(p->t);
    if (tag == V_INT && p->op == TK_INT && p->v.i >= -32000 && p->v.i <= 32000) {
        uint16_t imm = (uint16_t)p->v.i; /* two's complement, read back by the machine */
        po_emit_jump(g, OP_JNE_IK, reg, imm & 0xFF, imm >> 8, fail);
        return;
    }
    if (tag == V_BOOL && p->op == TK_TRUE) {
        po_emit_jump(g, p->v.i ? OP_JF : OP_JT, reg, 0, 0, fail);
        return;
    }
    int32_t index = 0;
    switch (p->op) {
    case TK_STR: index = po_const_name(g, p->name); break;
    case TK_INT: index = po_const_val(g, po_val_int(p->v.i)); break;
    case TK_FLOAT: index = po_const_val(g, po_val_float(p->v.f)); break;
    default: index = po_const_val(g, po_val_bool(p->v.i != 0)); break;
    }
    if (index > 0xFFFF) {
        po_gen_error(g, "E0602", "the program is too large");
        return;
    }
    po_emit_jump(g, OP_JNEK, reg, index & 0xFF, index >> 8, fail);
}

static void range(struct po_gen *g, struct po_node *p, int reg, int32_t *fail)
{
    int value = reg;
    if (po_tag_of(p->t) != V_INT) {
        po_emit_jump(g, OP_JNTAG, reg, V_INT, 0, fail);
        value = po_reg(g);
        po_emit(g, OP_MOVE, value, reg, 0, 0);
        po_emit(g, OP_CHK, value, V_INT, 0, 0);
    }
    int bound = po_reg(g);
    po_emit(g, OP_LOADK, bound, 0, 0, po_const_val(g, po_val_int(p->v.i)));
    po_emit_jump(g, OP_JLT_I, value, bound, 0, fail);
    po_emit(g, OP_LOADK, bound, 0, 0, po_const_val(g, po_val_int(p->b->v.i)));
    po_emit_jump(g, p->flag ? OP_JLT_I : OP_JLE_I, bound, value, 0, fail);
}

/* One part of a value into a fresh register, then its pattern. */
static void part(struct po_gen *g, struct po_node *q, struct po_type *t, struct po_ins load,
                 int32_t *fail)
{
    if (q->kind == PK_WILD) return;
    int reg = po_reg(g);
    int32_t tag = po_tag_of(t);
    bool has_id = load.op == OP_GETF || load.op == OP_GETREC;
    int32_t k = has_id ? (int32_t)((uint32_t)load.k | (uint32_t)tag << PO_ID_BITS) : tag;
    po_emit(g, load.op, reg, load.b, load.c, k);
    po_gen_pattern(g, q, reg, t, fail);
}

static void tuple(struct po_gen *g, struct po_node *p, int reg, int32_t *fail)
{
    struct po_type *t = po_type_find(p->t);
    if (t->kind != TY_TUPLE) po_emit_jump(g, OP_JNTAG, reg, V_TUPLE, (int)p->n, fail);
    uint32_t i = 0;
    for (struct po_node *q = p->list; q != NULL; q = q->next, i++) {
        struct po_type *et = t->kind == TY_TUPLE ? t->args[i] : &g->b->k->t_unknown;
        part(g, q, et, (struct po_ins){.op = OP_GETT, .b = (uint8_t)reg, .c = (uint8_t)i}, fail);
    }
}

static void array(struct po_gen *g, struct po_node *p, int reg, int32_t *fail)
{
    struct po_type *t = po_type_find(p->t);
    struct po_type *et = t->kind == TY_ARRAY ? t->args[0] : &g->b->k->t_unknown;
    if (t->kind != TY_ARRAY) po_emit_jump(g, OP_JNTAG, reg, V_ARRAY, 0, fail);
    if (p->n > 250) {
        po_gen_error(g, "E0601", "array pattern with more than 250 elements");
        return;
    }
    int len = po_reg(g);
    po_emit(g, OP_LEN, len, reg, 0, 0);
    po_emit_jump(g, p->flag ? OP_JLT_IK : OP_JNE_IK, len, (int)p->n, 0, fail);
    uint32_t i = 0;
    for (struct po_node *q = p->list; q != NULL; q = q->next, i++) {
        bool is_tail = p->flag && i >= (uint32_t)p->v.i;
        if (q->kind == PK_WILD) continue;
        int value = po_reg(g);
        if (is_tail) {
            po_emit(g, OP_GETEND, value, reg, (int)(p->n - i), po_tag_of(et));
        } else {
            int index = po_reg(g);
            po_emit(g, OP_LOADI, index, 0, 0, (int32_t)i);
            po_emit(g, OP_INDEX, value, reg, index, po_tag_of(et));
        }
        po_gen_pattern(g, q, value, et, fail);
    }
    if (p->name == NULL || p->sym == NULL) return;
    int rest = po_reg(g);
    po_emit(g, OP_SUBARR, rest, reg, (int)p->v.i, (int32_t)(p->n - (uint32_t)p->v.i));
    po_gen_declare(g, p->sym, rest);
}

static void record(struct po_gen *g, struct po_node *p, int reg, struct po_type *t, int32_t *fail)
{
    bool is_unknown = is_open(t);
    if (p->def != NULL && is_unknown) {
        int32_t id = po_def_id(g->b, p->def);
        po_emit_jump(g, OP_JNTYPE, reg, id & 0xFF, id >> 8, fail);
    }
    for (struct po_node *f = p->list; f != NULL; f = f->next) {
        struct po_ins load = {.b = (uint8_t)reg, .c = (uint8_t)(f->index >= 0 ? f->index : 0)};
        if (p->def != NULL && f->index >= 0 && f->index < 256) {
            load.op = OP_GETF;
            load.k = po_def_id(g->b, p->def);
        } else {
            int32_t name = po_const_name(g, f->name);
            if (name > 0xFFFF) po_gen_error(g, "E0602", "the program is too large");
            if (is_unknown) po_emit_jump(g, OP_JNFIELD, reg, name & 0xFF, name >> 8, fail);
            load.op = OP_GETREC;
            load.k = name;
        }
        part(g, f->p, f->t, load, fail);
    }
}

static void variant(struct po_gen *g, struct po_node *p, int reg, int32_t *fail)
{
    if (p->def == NULL || p->index < 0) return;
    int32_t ctor = po_ctor_id(g->b, p->def, p->index);
    struct po_variant *v = &p->def->variants[p->index];
    if (p->def->variant_count > 1 || is_open(p->t)) {
        po_emit_jump(g, OP_JNCTOR, reg, ctor & 0xFF, ctor >> 8, fail);
    }
    uint32_t i = 0;
    for (struct po_node *q = p->list; q != NULL; q = q->next, i++) {
        bool is_field = q->kind == NK_FIELD;
        uint32_t index = is_field ? (uint32_t)q->index : i;
        struct po_node *sub = is_field ? q->p : q;
        if (index >= v->n) continue;
        struct po_type *t = sub->t != NULL ? sub->t : &g->b->k->t_unknown;
        part(g, sub, t, (struct po_ins){.op = OP_GETE, .b = (uint8_t)reg, .c = (uint8_t)index},
             fail);
    }
}

/* Every alternative leaves its values in the registers of the first one's names. */
static void alternatives(struct po_gen *g, struct po_node *p, int reg, struct po_type *t,
                         int32_t *fail)
{
    int32_t matched = -1;
    for (struct po_node *q = p->list; q != NULL && !g->b->is_bad; q = q->next) {
        int32_t next = -1;
        po_gen_pattern(g, q, reg, t, q->next != NULL ? &next : fail);
        if (q->next == NULL) break;
        po_emit_jump(g, OP_JMP, 0, 0, 0, &matched);
        po_patch_here(g, next);
    }
    po_patch_here(g, matched);
}

static void bind(struct po_gen *g, struct po_node *p, int reg)
{
    if (p->sym == NULL) return;
    struct po_sym *real = po_sym_real(p->sym);
    bool is_alternative = real != p->sym;
    if (!is_alternative) {
        po_gen_declare(g, real, reg);
        return;
    }
    /* an alternative of an or-pattern: all of them fill one register */
    po_emit(g, OP_MOVE, real->reg >= 0 ? real->reg : reg, reg, 0, 0);
}

/* Names of an or-pattern get their registers before the alternatives are tried. */
static void reserve(struct po_gen *g, struct po_node *p, uint32_t depth)
{
    if (depth > PO_SCRIPT_NESTING_MAX) return;
    struct po_sym *real = p->sym != NULL ? po_sym_real(p->sym) : NULL;
    if (real != NULL && p->kind != NK_FIELD && real != p->sym) {
        real->gen = g;
        real->is_cell = false;
        real->reg = po_reg(g);
    }
    for (struct po_node *q = p->list; q != NULL; q = q->next) {
        reserve(g, q->kind == NK_FIELD ? q->p : q, depth + 1);
    }
}

void po_gen_pattern(struct po_gen *g, struct po_node *p, int reg, struct po_type *t, int32_t *fail)
{
    if (g->b->is_bad || !po_check_enter(g->b->k, p->pos)) {
        g->b->is_bad = true;
        return;
    }
    g->at = p->pos;
    switch (p->kind) {
    case PK_BIND: bind(g, p, reg); break;
    case PK_UNIT:
        if (is_open(t)) po_emit_jump(g, OP_JNTAG, reg, V_UNIT, 0, fail);
        break;
    case PK_LIT: literal(g, p, reg, fail); break;
    case PK_RANGE: range(g, p, reg, fail); break;
    case PK_TUP: tuple(g, p, reg, fail); break;
    case PK_ARR: array(g, p, reg, fail); break;
    case PK_REC: record(g, p, reg, t, fail); break;
    case PK_VAR: variant(g, p, reg, fail); break;
    case PK_OR:
        reserve(g, p->list, 0);
        alternatives(g, p, reg, t, fail);
        break;
    default: break;
    }
    po_check_leave(g->b->k);
}

/* ---- match ------------------------------------------------------------------------------------ */

void po_gen_match(struct po_gen *g, struct po_node *e, int dst)
{
    int reg = po_gen_expr(g, e->a);
    bool is_variable = e->a->kind == NK_ID;
    if (is_variable && po_sym_real(e->a->sym != NULL ? e->a->sym : &g->b->k->none)->is_assigned) {
        int copy = po_reg(g);
        po_emit(g, OP_MOVE, copy, reg, 0, 0);
        reg = copy;
    }
    int32_t end = -1;
    int32_t next = -1;
    for (struct po_node *arm = e->list; arm != NULL && !g->b->is_bad; arm = arm->next) {
        uint32_t top = g->top;
        po_patch_here(g, next);
        next = -1;
        po_gen_pattern(g, arm->p, reg, e->a->t, &next);
        if (arm->b != NULL) po_gen_cond(g, arm->b, false, &next);
        po_gen_cover(g, arm->a);
        po_gen_as(g, arm->a, e->t, dst);
        bool leaves = arm->a->t != NULL && po_type_is(arm->a->t, TY_NEVER);
        if (!leaves && (arm->next != NULL || next >= 0)) po_emit_jump(g, OP_JMP, 0, 0, 0, &end);
        g->top = top;
    }
    if (next >= 0) {
        po_patch_here(g, next);
        g->at = e->pos;
        po_emit(g, OP_MATCHFAIL, 0, 0, 0, 0);
    }
    po_patch_here(g, end);
}

void po_gen_bind(struct po_gen *g, struct po_node *p, int reg, struct po_type *t)
{
    int32_t fail = -1;
    int32_t over = -1;
    po_gen_pattern(g, p, reg, t, &fail);
    if (fail < 0) return;
    po_emit_jump(g, OP_JMP, 0, 0, 0, &over);
    po_patch_here(g, fail);
    po_emit(g, OP_MATCHFAIL, 0, 0, 0, 0);
    po_patch_here(g, over);
}
