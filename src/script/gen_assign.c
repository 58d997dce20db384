/* Code generation, part three: arithmetic, assignment, struct literals. */
#include "script/gen_priv.h"

static int int_op(int op)
{
    switch (op) {
    case TK_PLUS: return OP_ADD_I;
    case TK_MINUS: return OP_SUB_I;
    case TK_STAR: return OP_MUL_I;
    case TK_SLASH: return OP_DIV_I;
    default: return OP_MOD_I;
    }
}

static int float_op(int op)
{
    switch (op) {
    case TK_PLUS: return OP_ADD_F;
    case TK_MINUS: return OP_SUB_F;
    case TK_STAR: return OP_MUL_F;
    case TK_SLASH: return OP_DIV_F;
    default: return OP_MOD_F;
    }
}

/* int op literal, when there is an instruction for it. */
bool po_gen_arith_literal(struct po_gen *g, int op, int dst, int l, const struct po_node *r)
{
    while (r->kind == NK_PAREN) {
        r = r->a;
    }
    if (r->kind != NK_INT || r->v.i > 2000000000 || r->v.i < -2000000000) return false;
    int32_t k = (int32_t)r->v.i;
    bool is_divisor = (op == TK_SLASH || op == TK_PERCENT) && k > 0;
    if (op == TK_PLUS || op == TK_MINUS) {
        po_emit(g, OP_ADD_IK, dst, l, 0, op == TK_PLUS ? k : -k);
    } else if (op == TK_STAR) {
        po_emit(g, OP_MUL_IK, dst, l, 0, k);
    } else if (is_divisor) {
        po_emit(g, op == TK_SLASH ? OP_DIV_IK : OP_MOD_IK, dst, l, 0, k);
    } else {
        return false;
    }
    return true;
}

void po_gen_arith(struct po_gen *g, int op, int dst, struct po_operand l, struct po_operand r)
{
    if (l.tag == V_INT && r.tag == V_INT) {
        po_emit(g, int_op(op), dst, l.reg, r.reg, 0);
    } else if (l.tag == V_FLOAT && r.tag == V_FLOAT) {
        po_emit(g, float_op(op), dst, l.reg, r.reg, 0);
    } else {
        po_emit(g, OP_ARITH, dst, l.reg, r.reg, op);
    }
}

/* ---- assignment ------------------------------------------------------------------------------- */

static bool is_int_literal(const struct po_node *e)
{
    while (e->kind == NK_PAREN) {
        e = e->a;
    }
    return e->kind == NK_INT;
}

/* Where an assignment goes. */
struct place {
    struct po_node *target;
    struct po_sym *sym; /* a name */
    bool is_plain;      /* a register of this function, nothing to check */
    int obj;
    int index;
};

static int load_place(struct po_gen *g, const struct place *place)
{
    if (place->is_plain) return place->sym->reg;
    int reg = po_reg(g);
    g->at = place->target->pos;
    if (place->sym != NULL) {
        po_gen_load(g, place->sym, place->sym->type, reg);
    } else if (place->target->kind == NK_MEMBER) {
        po_gen_member(g, place->target, place->obj, reg);
    } else {
        po_emit(g, OP_INDEX, reg, place->obj, place->index, po_tag_of(place->target->t));
    }
    return reg;
}

/* place op= b: the right side first, then the old value. */
static int compound(struct po_gen *g, struct po_node *e, struct po_type *t,
                    const struct place *place)
{
    int tag = po_tag_of(t);
    bool is_same = tag != 0 && tag == po_tag_of(e->b->t) && tag != V_BOOL;
    int dst = place->is_plain && is_same ? place->sym->reg : po_reg(g);
    if (tag == V_INT && is_same && is_int_literal(e->b)) {
        int old = load_place(g, place);
        g->at = e->pos;
        if (po_gen_arith_literal(g, e->op, dst, old, e->b)) return dst;
    }
    int base = po_regs(g, 2);
    bool is_text = e->op == TK_PLUS && (po_type_is(t, TY_STR) || po_type_is(e->b->t, TY_STR));
    int r = is_text || !po_gen_is_simple(e->b) ? base + 1 : po_gen_expr(g, e->b);
    if (r == base + 1) po_gen_to(g, e->b, r);
    int old = load_place(g, place);
    g->at = e->pos;
    if (is_text) {
        po_emit(g, OP_MOVE, base, old, 0, 0);
        po_emit(g, OP_CONCAT, dst, base, 2, 0);
    } else {
        po_gen_arith(g, e->op, dst, (struct po_operand){old, tag},
                     (struct po_operand){r, po_tag_of(e->b->t)});
    }
    if (!is_same) po_gen_check(g, dst, &g->b->k->t_unknown, t);
    return dst;
}

static void assign_name(struct po_gen *g, struct po_node *e)
{
    struct po_sym *sym = po_sym_real(e->a->sym);
    struct place place = {.target = e->a, .sym = sym};
    place.is_plain = po_gen_is_local(g, sym) && !sym->is_cell && !sym->is_uninit && !sym->is_i32;
    /* straight into the variable when evaluating cannot leave it half done */
    bool is_direct = e->b->kind == NK_BIN || e->b->kind == NK_CALL || e->b->kind == NK_INT;
    if (e->op == 0 && place.is_plain && is_direct && po_gen_is_simple(e->b) &&
        po_tag_of(e->b->t) == po_tag_of(sym->type)) {
        (void)po_reg(g); /* so that a call does not build its arguments in the variable */
        po_gen_as(g, e->b, sym->type, sym->reg);
        return;
    }
    int value = e->op != 0 ? compound(g, e, sym->type, &place) : po_gen_as_any(g, e->b, sym->type);
    g->at = e->pos;
    if (!place.is_plain || value != sym->reg) po_gen_store(g, sym, value);
}

static bool field_is_i32(const struct po_node *e)
{
    return e->def != NULL && e->index >= 0 && e->def->fields[e->index].is_i32;
}

static void assign_member(struct po_gen *g, struct po_node *e)
{
    struct po_node *target = e->a;
    struct place place = {.target = target, .obj = po_gen_stable(g, target->a, e->b)};
    int value = e->op != 0 ? compound(g, e, target->t, &place) : po_gen_as_any(g, e->b, target->t);
    if (field_is_i32(target)) po_emit(g, OP_CHKI32, value, 0, 0, 0);
    g->at = e->pos;
    if (target->def != NULL && target->index >= 0 && target->index < 256) {
        po_emit(g, OP_SETF, place.obj, value, target->index, po_def_id(g->b, target->def));
    } else {
        int guess = target->index >= 0 && target->index < 256 ? target->index : 0;
        po_emit(g, OP_SETREC, place.obj, value, guess, po_gen_name_operand(g, target->name, 0));
    }
}

static void assign_index(struct po_gen *g, struct po_node *e)
{
    struct po_node *target = e->a;
    struct place place = {.target = target};
    bool is_simple = po_gen_is_simple(e->b);
    place.obj = po_gen_stable(g, target->a, is_simple ? target->b : e->b);
    place.index = po_gen_stable(g, target->b, e->b);
    int value = e->op != 0 ? compound(g, e, target->t, &place) : po_gen_as_any(g, e->b, target->t);
    g->at = e->pos;
    po_emit(g, OP_SETIDX, place.obj, place.index, value, 0);
}

void po_gen_assign(struct po_gen *g, struct po_node *e, int dst)
{
    switch (e->a->kind) {
    case NK_ID: assign_name(g, e); break;
    case NK_MEMBER: assign_member(g, e); break;
    default: assign_index(g, e); break;
    }
    if (dst >= 0) po_emit(g, OP_LOADUNIT, dst, 0, 0, 0);
}

/* ---- struct literals -------------------------------------------------------------------------- */

static void struct_field(struct po_gen *g, struct po_field *field, struct po_node *value, int reg)
{
    po_gen_as(g, value, field->type, reg);
    if (field->is_i32) po_emit(g, OP_CHKI32, reg, 0, 0, 0);
}

void po_gen_struct(struct po_gen *g, struct po_node *e, int dst)
{
    struct po_def *def = e->def;
    struct po_variant *v = e->index >= 0 ? &def->variants[e->index] : NULL;
    struct po_field *fields = v != NULL ? v->fields : def->fields;
    uint32_t n = v != NULL ? v->n : def->field_count;
    if (n > 200) {
        po_gen_error(g, "E0601", "struct literal with more than 200 fields");
        return;
    }
    int from = e->b != NULL ? po_reg(g) : -1;
    int base = po_regs(g, n);
    if (from >= 0) po_gen_to(g, e->b, from);
    bool given[256] = {false};
    for (struct po_node *f = e->list; f != NULL; f = f->next) {
        if (f->index < 0) continue;
        struct_field(g, &fields[f->index], f->a, base + f->index);
        given[f->index] = true;
    }
    int32_t id = po_def_id(g->b, def);
    for (uint32_t i = 0; i < n; i++) {
        if (given[i]) continue;
        if (from >= 0) {
            po_emit(g, OP_GETF, base + (int)i, from, (int)i, id);
        } else if (fields[i].init != NULL) {
            struct_field(g, &fields[i], fields[i].init, base + (int)i);
        }
    }
    g->at = e->pos;
    int32_t ctor = v != NULL ? po_ctor_id(g->b, def, e->index) : 0;
    po_emit(g, v != NULL ? OP_NEWENUM : OP_NEWSTRUCT, dst, base, (int)n, v != NULL ? ctor : id);
}
