/*
 * Code generation: one po_gen per function being generated, one po_build per program.
 *
 * Registers: parameters, then locals and temporaries in stack order. What the checker proved is kept
 * in the register's content: an expression of type int, float or bool is always held in a register
 * of that tag, because every load from a container checks it (the verifier proves this again).
 */
#ifndef PO_SCRIPT_GEN_PRIV_H
#define PO_SCRIPT_GEN_PRIV_H

#include "script/code_priv.h"
#include "script/type_priv.h"

#define PO_CODE_MAX 400000 /* instructions of one program */
#define PO_UPVALS_MAX 120
#define PO_HANDLERS_MAX 4096

struct po_build {
    struct po_comp *c;
    struct po_check *k;
    struct po_script *s;
    uint32_t proto_cap;
    uint32_t const_cap;
    uint32_t shape_cap;
    uint32_t global_cap;
    uint32_t code_total;
    bool is_bad; /* reported */
};

struct po_range_list {
    struct po_range_list *next;
    uint32_t from;
    uint32_t to;
};

/* A try whose body or catches are being generated. */
struct po_trying {
    struct po_trying *up;
    struct po_node *fin;
    uint32_t from; /* start of the open segment */
    struct po_range_list *ranges;
};

struct po_loop {
    struct po_loop *up;
    struct po_trying *tries;
    int32_t breaks;
    int32_t continues;
};

struct po_upref {
    struct po_sym *sym;
    struct po_upval desc;
};

struct po_gen {
    struct po_build *b;
    struct po_gen *parent;
    struct po_fn *fn; /* NULL: top level of a module */
    struct po_module *m;
    struct po_ins *code;
    uint32_t *pos;
    uint32_t count;
    uint32_t cap;
    uint32_t at; /* source position for the next instruction */
    uint32_t top;
    uint32_t max;
    struct po_type *ret;
    struct po_loop *loop;
    struct po_trying *tries;
    struct po_upref upvals[PO_UPVALS_MAX];
    uint32_t upval_count;
    struct po_handler *handlers;
    uint32_t handler_count;
    uint32_t handler_cap;
};

/* gen.c */
bool po_gen_program(struct po_build *b);
void po_gen_error(struct po_gen *g, const char *code, const char *msg);
uint32_t po_emit(struct po_gen *g, int op, int a, int b, int c, int32_t k);
static inline uint32_t po_here(const struct po_gen *g) { return g->count; }
/* Forward jumps: a list threads through the k of its jumps; -1 is the empty list. */
void po_emit_jump(struct po_gen *g, int op, int a, int b, int c, int32_t *list);
void po_patch(struct po_gen *g, int32_t list, uint32_t target);
void po_patch_here(struct po_gen *g, int32_t list);
int po_reg(struct po_gen *g);              /* next free register */
int po_regs(struct po_gen *g, uint32_t n); /* n in a row */
int po_tag_of(struct po_type *t);          /* V_INT, V_FLOAT, V_BOOL or 0 */
int32_t po_const_name(struct po_gen *g, struct po_name *name);
int32_t po_const_val(struct po_gen *g, struct po_val v);
int32_t po_shape_of(struct po_gen *g, const struct po_node *record);
int32_t po_def_id(struct po_build *b, struct po_def *def);
int32_t po_ctor_id(struct po_build *b, struct po_def *def, int32_t variant);
int32_t po_global_slot(struct po_build *b, struct po_sym *sym);
int32_t po_fn_proto(struct po_build *b, struct po_fn *fn); /* reserves the index */
void po_gen_fn(struct po_gen *parent, struct po_build *b, struct po_fn *fn);
struct po_sym *po_sym_real(struct po_sym *sym);
bool po_fn_is_static(const struct po_fn *fn);
const struct po_desc *po_desc_of(struct po_build *b, struct po_type *t, uint32_t depth);
void *po_image_alloc(struct po_build *b, size_t count, size_t size);
po_str po_image_str(struct po_build *b, po_str s);

/* gen_expr.c */
int po_gen_expr(struct po_gen *g, struct po_node *e); /* some register; not to be written */
void po_gen_to(struct po_gen *g, struct po_node *e, int dst);
/* The value for a place of type `want`: leaves `unknown` through a check. */
void po_gen_as(struct po_gen *g, struct po_node *e, struct po_type *want, int dst);
int po_gen_as_any(struct po_gen *g, struct po_node *e, struct po_type *want);
void po_gen_check(struct po_gen *g, int reg, struct po_type *have, struct po_type *want);
void po_gen_cond(struct po_gen *g, struct po_node *e, bool when, int32_t *list);
bool po_gen_is_simple(const struct po_node *e); /* writes no local */
void po_gen_store(struct po_gen *g, struct po_sym *sym, int reg);
void po_gen_load(struct po_gen *g, struct po_sym *sym, struct po_type *t, int dst);

void po_gen_effect(struct po_gen *g, struct po_node *e); /* value not wanted */
int po_gen_stable(struct po_gen *g, struct po_node *e, const struct po_node *then);
void po_gen_member(struct po_gen *g, struct po_node *e, int obj, int dst);
int32_t po_gen_name_operand(struct po_gen *g, struct po_name *name, int tag);
static inline bool po_gen_is_local(const struct po_gen *g, const struct po_sym *sym)
{
    return sym->gen == g && sym->reg >= 0;
}

/* gen_assign.c */
struct po_operand {
    int reg;
    int tag;
};
void po_gen_arith(struct po_gen *g, int op, int dst, struct po_operand l, struct po_operand r);
bool po_gen_arith_literal(struct po_gen *g, int op, int dst, int l, const struct po_node *r);
void po_gen_assign(struct po_gen *g, struct po_node *e, int dst);
void po_gen_struct(struct po_gen *g, struct po_node *e, int dst);

/* gen_call.c */
void po_gen_call(struct po_gen *g, struct po_node *e, int dst);
bool po_gen_is_pure(struct po_gen *g, const struct po_node *e, uint32_t depth);
void po_gen_comp(struct po_gen *g, struct po_node *e, int dst);

/* gen_stmt.c */
void po_gen_stmts(struct po_gen *g, struct po_node *list);
/* Count the line of a statement or of a block's value, where coverage is asked for. */
void po_gen_cover(struct po_gen *g, const struct po_node *s);
void po_gen_stmt(struct po_gen *g, struct po_node *s);
void po_gen_block(struct po_gen *g, struct po_node *block, struct po_type *want, int dst);
void po_gen_try(struct po_gen *g, struct po_node *e, int dst);
void po_gen_leave(struct po_gen *g, struct po_trying *stop); /* finally blocks of an early exit */
void po_gen_reopen(struct po_gen *g, struct po_trying *stop);
void po_gen_closure(struct po_gen *g, struct po_node *e, int dst);

/* gen_pat.c */
/* Test and bind; jumps to *fail when `reg` does not match. */
void po_gen_pattern(struct po_gen *g, struct po_node *p, int reg, struct po_type *t, int32_t *fail);
/* A loop over what `obj` iterates: the element is in base + 3 between begin and end. */
struct po_walk {
    int base; /* iterable, index, limit, element */
    int32_t to_next;
    uint32_t body;
};
struct po_walk po_walk_begin(struct po_gen *g, int obj);
void po_walk_end(struct po_gen *g, const struct po_walk *w, struct po_type *elem);
/* The same where nothing else is tried: a fault when it does not match. */
void po_gen_bind(struct po_gen *g, struct po_node *p, int reg, struct po_type *t);
void po_gen_declare(struct po_gen *g, struct po_sym *sym, int reg); /* takes the value in reg */
int po_gen_declare_slot(struct po_gen *g, struct po_sym *sym);      /* register to fill, or -1 */
void po_gen_match(struct po_gen *g, struct po_node *e, int dst);
void po_gen_early(struct po_gen *g, struct po_node *list);

#endif
