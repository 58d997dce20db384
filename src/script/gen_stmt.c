/* Code generation, part six: statements, blocks, loops, try, closures. */
#include "script/gen_priv.h"

/* ---- early exits and finally ------------------------------------------------------------------ */

static void close_segment(struct po_gen *g, struct po_trying *t)
{
    if (po_here(g) == t->from) return;
    struct po_range_list *range = po_comp_alloc(g->b->c, 1, sizeof *range);
    if (range == NULL) return;
    *range = (struct po_range_list){t->ranges, t->from, po_here(g)};
    t->ranges = range;
}

/* Before control leaves the tries above `stop`: run their finally blocks, innermost first. */
void po_gen_leave(struct po_gen *g, struct po_trying *stop)
{
    struct po_trying *saved = g->tries;
    struct po_loop *loop = g->loop;
    for (struct po_trying *t = saved; t != stop && t != NULL; t = t->up) {
        close_segment(g, t);
        g->tries = t->up;
        if (t->fin == NULL || !po_check_enter(g->b->k, t->fin->pos)) continue;
        uint32_t top = g->top;
        int reg = po_reg(g);
        po_gen_block(g, t->fin, &g->b->k->t_unit, reg);
        g->top = top;
        po_check_leave(g->b->k);
    }
    g->tries = saved;
    g->loop = loop;
}

/* After the jump that leaves: the code that follows is inside the tries again. */
void po_gen_reopen(struct po_gen *g, struct po_trying *stop)
{
    for (struct po_trying *t = g->tries; t != stop && t != NULL; t = t->up) {
        t->from = po_here(g);
    }
}

static bool grow_handlers(struct po_gen *g)
{
    if (g->handler_count < g->handler_cap) return true;
    uint32_t cap = g->handler_cap ? g->handler_cap * 2 : 8;
    struct po_handler *table =
        cap > PO_HANDLERS_MAX ? NULL : po_comp_alloc(g->b->c, cap, sizeof *table);
    if (table == NULL) {
        po_gen_error(g, "E0604", "too many try blocks in one function");
        return false;
    }
    if (g->handler_count > 0) memcpy(table, g->handlers, g->handler_count * sizeof *table);
    g->handlers = table;
    g->handler_cap = cap;
    return true;
}

static void add_handlers(struct po_gen *g, const struct po_trying *t, uint32_t target, int reg)
{
    for (const struct po_range_list *r = t->ranges; r != NULL && grow_handlers(g); r = r->next) {
        g->handlers[g->handler_count++] = (struct po_handler){r->from, r->to, target, (uint8_t)reg};
    }
}

static void gen_finally(struct po_gen *g, struct po_node *fin)
{
    if (fin == NULL) return;
    uint32_t top = g->top;
    int reg = po_reg(g);
    po_gen_block(g, fin, &g->b->k->t_unit, reg);
    g->top = top;
}

/* The variable of a catch: the error, or its message. */
static void catch_variable(struct po_gen *g, struct po_node *c, int err)
{
    int var = err;
    if (c->sym == NULL) return;
    if (po_type_is(c->t, TY_STR)) {
        var = po_reg(g);
        po_emit(g, OP_CATCHMSG, var, err, 0, 0);
    }
    po_gen_declare(g, c->sym, var);
}

static void catches(struct po_gen *g, struct po_node *e, int err, int dst, int32_t *done)
{
    for (struct po_node *c = e->list; c != NULL && !g->b->is_bad; c = c->next) {
        uint32_t top = g->top;
        int32_t next = -1;
        if (c->b != NULL) {
            catch_variable(g, c, err);
            po_gen_cond(g, c->b, false, &next);
        }
        catch_variable(g, c, err);
        po_gen_as(g, c->a, e->t, dst);
        po_emit_jump(g, OP_JMP, 0, 0, 0, done);
        po_patch_here(g, next);
        g->top = top;
    }
    po_emit(g, OP_RETHROW, err, 0, 0, 0);
}

void po_gen_try(struct po_gen *g, struct po_node *e, int dst)
{
    struct po_trying outer = {.up = g->tries, .fin = e->b, .from = po_here(g)};
    if (e->b != NULL) g->tries = &outer;
    struct po_trying inner = {.up = g->tries, .from = po_here(g)};
    int32_t done = -1;
    int err = po_reg(g);
    if (e->list != NULL) g->tries = &inner;
    po_gen_as(g, e->a, e->t, dst);
    if (e->list != NULL) {
        close_segment(g, &inner);
        g->tries = inner.up;
        po_emit_jump(g, OP_JMP, 0, 0, 0, &done);
        add_handlers(g, &inner, po_here(g), err);
        catches(g, e, err, dst, &done);
    }
    po_patch_here(g, done);
    if (e->b == NULL) return;
    close_segment(g, &outer);
    g->tries = outer.up;
    gen_finally(g, e->b);
    int32_t end = -1;
    po_emit_jump(g, OP_JMP, 0, 0, 0, &end);
    int again = po_reg(g);
    add_handlers(g, &outer, po_here(g), again);
    gen_finally(g, e->b);
    po_emit(g, OP_RETHROW, again, 0, 0, 0);
    po_patch_here(g, end);
}

/* ---- closures and nested functions ------------------------------------------------------------ */

void po_gen_closure(struct po_gen *g, struct po_node *e, int dst)
{
    e->fn->proto = -1; /* generated anew when a finally block is repeated */
    po_gen_fn(g, g->b, e->fn);
    po_emit(g, OP_MKCLOS, dst, 0, 0, po_fn_proto(g->b, e->fn));
}

static void nested_fn(struct po_gen *g, struct po_node *s)
{
    if (s->fn == NULL) return;
    if (po_fn_is_static(s->fn)) {
        po_gen_fn(NULL, g->b, s->fn);
        return;
    }
    uint32_t top = g->top;
    int reg = s->sym->is_cell ? po_reg(g) : s->sym->reg;
    s->fn->proto = -1;
    po_gen_fn(g, g->b, s->fn);
    po_emit(g, OP_MKCLOS, reg, 0, 0, po_fn_proto(g->b, s->fn));
    if (s->sym->is_cell) po_emit(g, OP_SETCELL, s->sym->reg, reg, 0, 0);
    g->top = top;
}

/* ---- statements ------------------------------------------------------------------------------- */

static void let_closure(struct po_gen *g, struct po_node *s)
{
    struct po_sym *sym = po_sym_real(s->p->sym);
    int slot = po_gen_declare_slot(g, sym);
    int reg = slot >= 0 ? slot : po_reg(g);
    po_gen_to(g, s->a, reg);
    if (slot >= 0) return;
    if (sym->reg >= 0) {
        po_emit(g, OP_SETCELL, sym->reg, reg, 0, 0);
        g->top = (uint32_t)reg;
    } else {
        po_emit(g, OP_SETG, reg, 0, 0, po_global_slot(g->b, sym));
        g->top = (uint32_t)reg;
    }
}

static void let_uninit(struct po_gen *g, struct po_node *s)
{
    struct po_sym *sym = s->p->sym != NULL ? po_sym_real(s->p->sym) : NULL;
    if (sym == NULL) return;
    int slot = po_gen_declare_slot(g, sym);
    if (slot >= 0) po_emit(g, OP_UNINIT, slot, 0, 0, 0);
}

/* A plain variable: its value is computed in its own register. */
static bool let_plain(struct po_gen *g, struct po_node *s)
{
    if (s->p->kind != PK_BIND || s->b != NULL) return false;
    struct po_sym *sym = po_sym_real(s->p->sym);
    if (sym->kind != SYM_LET && sym->kind != SYM_CONST) return false;
    int slot = po_gen_declare_slot(g, sym);
    int saved = sym->reg;
    struct po_gen *owner = sym->gen;
    uint32_t top = g->top;
    int reg = slot >= 0 ? slot : po_reg(g);
    po_gen_as(g, s->a, s->t, reg);
    sym->reg = saved;
    sym->gen = owner;
    if (sym->is_i32) po_emit(g, OP_CHKI32, reg, 0, 0, 0);
    if (slot < 0 && saved >= 0) po_emit(g, OP_SETCELL, saved, reg, 0, 0);
    if (slot < 0 && saved < 0) po_emit(g, OP_SETG, reg, 0, 0, po_global_slot(g->b, sym));
    g->top = top;
    return true;
}

static void let_stmt(struct po_gen *g, struct po_node *s)
{
    if (s->a == NULL) {
        let_uninit(g, s);
        return;
    }
    if (s->a->kind == NK_CLOSURE && s->p->kind == PK_BIND && s->c == NULL) {
        let_closure(g, s);
        return;
    }
    if (let_plain(g, s)) return;
    int reg = po_reg(g);
    po_gen_as(g, s->a, s->t, reg);
    int32_t fail = -1;
    int32_t over = -1;
    po_gen_pattern(g, s->p, reg, s->t, &fail);
    if (fail < 0) return;
    po_emit_jump(g, OP_JMP, 0, 0, 0, &over);
    po_patch_here(g, fail);
    if (s->b != NULL) {
        int unit = po_reg(g);
        po_gen_block(g, s->b, &g->b->k->t_unit, unit);
    } else {
        po_emit(g, OP_MATCHFAIL, 0, 0, 0, 0);
    }
    po_patch_here(g, over);
}

static void return_stmt(struct po_gen *g, struct po_node *s)
{
    int reg = po_reg(g);
    if (s->a == NULL) {
        po_emit(g, OP_LOADUNIT, reg, 0, 0, 0);
    } else {
        po_gen_as(g, s->a, g->ret, reg);
        if (g->fn != NULL && po_node_is_i32(g->fn->node->c)) po_emit(g, OP_CHKI32, reg, 0, 0, 0);
    }
    po_gen_leave(g, NULL);
    po_emit(g, OP_RET, reg, 0, 0, 0);
    po_gen_reopen(g, NULL);
}

static void jump_stmt(struct po_gen *g, struct po_node *s)
{
    struct po_loop *loop = g->loop;
    if (loop == NULL) return;
    po_gen_leave(g, loop->tries);
    po_emit_jump(g, OP_JMP, 0, 0, 0, s->kind == NK_BREAK ? &loop->breaks : &loop->continues);
    po_gen_reopen(g, loop->tries);
}

static void loop_body(struct po_gen *g, struct po_node *body)
{
    uint32_t top = g->top;
    int unit = po_reg(g);
    po_gen_block(g, body, &g->b->k->t_unit, unit);
    g->top = top;
}

static void while_stmt(struct po_gen *g, struct po_node *s)
{
    struct po_loop loop = {.up = g->loop, .tries = g->tries, .breaks = -1, .continues = -1};
    int32_t out = -1;
    uint32_t start = po_here(g);
    uint32_t top = g->top;
    g->loop = &loop;
    if (s->kind == NK_WHILE) {
        po_gen_cond(g, s->a, false, &out);
    } else {
        int reg = po_reg(g);
        po_gen_to(g, s->a, reg);
        po_gen_pattern(g, s->p, reg, s->a->t, &out);
    }
    loop_body(g, s->b);
    po_patch_here(g, loop.continues);
    po_emit(g, OP_LOOP, 0, 0, 0, (int32_t)start);
    po_patch_here(g, out);
    po_patch_here(g, loop.breaks);
    g->loop = loop.up;
    g->top = top;
}

/* for i in a..b: two integers, no range object. */
static void range_loop(struct po_gen *g, struct po_node *s, struct po_loop *loop)
{
    int base = po_regs(g, 2);
    po_gen_as(g, s->a->a, &g->b->k->t_int, base);
    po_gen_as(g, s->a->b, &g->b->k->t_int, base + 1);
    g->at = s->a->pos;
    if (s->a->flag) po_emit(g, OP_ADD_IK, base + 1, base + 1, 0, 1);
    int32_t out = -1;
    po_emit_jump(g, OP_FORPREP, base, 0, 0, &out);
    uint32_t body = po_here(g);
    int32_t fail = -1;
    po_gen_pattern(g, s->p, base, s->t, &fail);
    loop_body(g, s->b);
    po_patch_here(g, loop->continues);
    if (fail >= 0) po_patch_here(g, fail);
    g->at = s->pos;
    po_emit(g, OP_FORLOOP, base, 0, 0, (int32_t)body);
    po_patch_here(g, out);
}

static void walk_loop(struct po_gen *g, struct po_node *s, struct po_loop *loop)
{
    int obj = po_gen_expr(g, s->a);
    g->at = s->a->pos;
    struct po_walk w = po_walk_begin(g, obj);
    po_gen_bind(g, s->p, w.base + 3, s->t);
    loop_body(g, s->b);
    po_patch_here(g, loop->continues);
    g->at = s->pos;
    po_walk_end(g, &w, s->t);
}

static void for_stmt(struct po_gen *g, struct po_node *s)
{
    struct po_loop loop = {.up = g->loop, .tries = g->tries, .breaks = -1, .continues = -1};
    uint32_t top = g->top;
    g->loop = &loop;
    if (s->a->kind == NK_RANGE) {
        range_loop(g, s, &loop);
    } else {
        walk_loop(g, s, &loop);
    }
    po_patch_here(g, loop.breaks);
    g->loop = loop.up;
    g->top = top;
}

static void export_default(struct po_gen *g, struct po_node *s)
{
    int reg = po_reg(g);
    po_gen_to(g, s->b, reg);
    if (s->sym != NULL) po_emit(g, OP_SETG, reg, 0, 0, po_global_slot(g->b, s->sym));
}

void po_gen_cover(struct po_gen *g, const struct po_node *s)
{
    if (!po_comp_is_covered(g->b->c, g->m)) return;
    if (s->kind == NK_EXPORT && s->a != NULL) s = s->a;
    if (s->kind == NK_FN || s->kind == NK_STRUCT || s->kind == NK_ENUM || s->kind == NK_IMPL ||
        s->kind == NK_IMPORT || s->kind == NK_BLOCK)
        return;
    uint32_t line = 0;
    uint32_t column = 0;
    po_module_locate(g->m, s->pos, &line, &column);
    po_emit(g, OP_COVER, 0, 0, 0, (int32_t)line);
}

void po_gen_stmt(struct po_gen *g, struct po_node *s)
{
    if (g->b->is_bad || !po_check_enter(g->b->k, s->pos)) {
        g->b->is_bad = true;
        return;
    }
    g->at = s->pos;
    po_gen_cover(g, s);
    switch (s->kind) {
    case NK_LET: let_stmt(g, s); break;
    case NK_IMPL:
        for (struct po_node *m = s->list; m != NULL; m = m->next) {
            if (m->fn != NULL) po_gen_fn(NULL, g->b, m->fn);
        }
        break;
    case NK_RETURN: return_stmt(g, s); break;
    case NK_BREAK:
    case NK_CONTINUE: jump_stmt(g, s); break;
    case NK_WHILE:
    case NK_WHILELET: while_stmt(g, s); break;
    case NK_FOR: for_stmt(g, s); break;
    case NK_EXPR: po_gen_effect(g, s->a); break;
    case NK_EXPORT:
        if (s->a != NULL && s->a->kind == NK_LET) let_stmt(g, s->a);
        if (s->b != NULL) export_default(g, s);
        break;
    default: break;
    }
    po_check_leave(g->b->k);
}

void po_gen_stmts(struct po_gen *g, struct po_node *list)
{
    po_gen_early(g, list);
    for (struct po_node *s = list; s != NULL && !g->b->is_bad; s = s->next) {
        struct po_node *d = s->kind == NK_EXPORT && s->a != NULL ? s->a : s;
        if (d->kind == NK_FN) nested_fn(g, d);
    }
    for (struct po_node *s = list; s != NULL && !g->b->is_bad; s = s->next) {
        po_gen_stmt(g, s);
    }
}

void po_gen_block(struct po_gen *g, struct po_node *block, struct po_type *want, int dst)
{
    uint32_t top = g->top;
    po_gen_stmts(g, block->list);
    if (block->a != NULL) po_gen_cover(g, block->a);
    if (block->a != NULL && dst >= 0) {
        po_gen_as(g, block->a, want, dst);
    } else if (block->t == NULL || !po_type_is(block->t, TY_NEVER)) {
        po_emit(g, OP_LOADUNIT, dst, 0, 0, 0);
    }
    g->top = top;
}
