/*
 * Types, symbols and the state of the checker.
 *
 * A type variable points to what it was unified with (po_type_find follows the chain). Rigid types
 * are the parameters of generic functions and types; an instance replaces them by fresh variables.
 */
#ifndef PO_SCRIPT_TYPE_PRIV_H
#define PO_SCRIPT_TYPE_PRIV_H

#include "script/comp_priv.h"
#include "script/lib_priv.h"

#define PO_TYPE_DEPTH_MAX (PO_SCRIPT_NESTING_MAX + 10) /* what the parser lets through, and a bit */
#define PO_GENERICS_MAX 16

enum po_type_kind {
    TY_VAR,
    TY_INT,
    TY_FLOAT,
    TY_BOOL,
    TY_STR,
    TY_UNIT,
    TY_NEVER,
    TY_UNKNOWN,
    TY_SECRET,
    TY_RANGE,
    TY_ARRAY,
    TY_MAP,
    TY_SET,
    TY_FUTURE,
    TY_NAMED,
    TY_RIGID,
    TY_FN,
    TY_TUPLE,
    TY_RECORD
};
enum {
    BOUND_EQ = 1,
    BOUND_ORD = 2,
    BOUND_ADD = 4,
    BOUND_SUB = 8,
    BOUND_MUL = 16,
    BOUND_DIV = 32, /* and the remainder */
    BOUND_NUM = BOUND_ADD | BOUND_SUB | BOUND_MUL | BOUND_DIV
};
#define PO_OP_BOUND 0 /* a deferred row that is no operator: does `l` meet the bounds of `r`? */

/* TY_FN: args = parameters, then the result last (n counts all). TY_RECORD: names beside args. */
struct po_type {
    uint8_t kind;
    uint8_t bounds; /* TY_RIGID */
    uint32_t n;
    struct po_type **args;
    struct po_type *ref;    /* TY_VAR */
    struct po_def *def;     /* TY_NAMED */
    struct po_name **names; /* TY_RECORD; TY_RIGID: names[0] */
};

struct po_field {
    struct po_name *name;
    struct po_type *type;
    struct po_node *init; /* default, or NULL */
    bool is_i32;
};

struct po_variant {
    struct po_name *name;
    uint8_t kind; /* FLAG_UNIT, FLAG_TUPLE, FLAG_STRUCT */
    uint32_t n;
    struct po_field *fields;
};

struct po_method {
    struct po_method *next;
    struct po_name *name;
    struct po_type *type; /* self included */
    struct po_type *self;
    struct po_type **gens;
    uint32_t gen_count;
    bool is_static;
    struct po_fn *fn;
};

struct po_def {
    struct po_name *name;
    bool is_enum;
    bool is_builtin;
    struct po_module *module;
    struct po_node *node;
    struct po_def *next; /* of the module */
    struct po_type *params[PO_GENERICS_MAX];
    uint32_t param_count;
    struct po_field *fields;
    uint32_t field_count;
    struct po_variant *variants;
    uint32_t variant_count;
    struct po_method *methods;
    int32_t type_id;   /* of the image, -1 = not yet */
    int32_t ctor_base; /* enums: id of the first constructor */
    struct po_known_desc *descs;
};

/* The generator's: what it described already, by the type's arguments. */
struct po_known_desc {
    struct po_type *type;
    struct po_desc *desc;
    struct po_known_desc *next;
};

enum po_sym_kind {
    SYM_FN,
    SYM_LET,
    SYM_CONST,
    SYM_PARAM,
    SYM_LOOP,
    SYM_PAT,
    SYM_MODULE,
    SYM_BUILTIN,
    SYM_HOST,
    SYM_DEFAULT
};

struct po_gen;

struct po_sym {
    struct po_name *name;
    struct po_type *type;
    struct po_type **gens;
    uint32_t gen_count;
    uint8_t kind;
    bool is_mutable;
    bool is_global;   /* declared at the top level of its module */
    bool is_imported; /* an alias made by import */
    bool is_captured;
    bool is_assigned;
    bool is_early;  /* captured by a function that exists before the variable does */
    bool is_uninit; /* declared without a value */
    bool is_i32;
    bool is_exported;
    uint32_t pos;
    uint32_t level;
    struct po_sym *shadow;
    struct po_sym *next_in_scope;
    struct po_sym *target; /* SYM imported: what it stands for */
    struct po_fn *owner;   /* function it is declared in */
    struct po_fn *fn;      /* SYM_FN */
    struct po_module *module;
    const struct po_builtin *builtin; /* SYM_BUILTIN */
    uint32_t host_index;              /* SYM_HOST */
    struct po_export *exports;        /* SYM_MODULE */
    /* code generation */
    struct po_gen *gen;
    int32_t reg;
    int32_t slot; /* global, -1 = none yet */
    bool is_cell;
};

struct po_fn {
    struct po_node *node;
    struct po_fn *parent;
    struct po_sym *sym;
    struct po_name *name;
    struct po_def *self_def; /* methods */
    struct po_module *module;
    struct po_type *sig; /* TY_FN with the inner result */
    struct po_type *ret;
    bool is_async;
    bool is_closure;
    bool has_outer; /* uses a variable of an enclosing function, or a nested function */
    bool is_const;
    uint32_t rigid_base;
    struct po_type **rigids; /* visible type parameters: own, impl's, Self */
    struct po_name **rigid_names;
    uint32_t rigid_count;
    struct po_sym *early; /* block variables to create early: see gen */
    int32_t proto;
    struct po_fn *next; /* all functions, for generation */
};

/* A parsed built-in or host signature. */
struct po_scheme {
    struct po_type *type;
    struct po_type **gens;
    uint32_t gen_count;
    bool is_tried;
};

struct po_scope {
    struct po_scope *up;
    struct po_sym *syms;
    uint32_t level;
};

struct po_deferred {
    struct po_deferred *next;
    int op;
    struct po_type *l;
    struct po_type *r;
    struct po_type *out; /* NULL: bool */
    struct po_node *node;
};

struct po_rigid_scope {
    struct po_name *name;
    struct po_type *type;
};

struct po_need {
    po_str name;
    po_str value; /* "" = true */
};

/* State of one compilation's checking, shared by its modules. */
struct po_check {
    struct po_comp *c;
    struct po_module *m;
    struct po_module *last_m; /* where the walk was last: said when it has to give up */
    uint32_t last_pos;
    struct po_scope *scope;
    struct po_fn *fn; /* function whose body is checked; NULL at the top level */
    uint32_t fn_depth;
    uint32_t loop;
    struct po_deferred *deferred;
    struct po_rigid_scope rigid[256];
    uint32_t rigid_count;
    struct po_def *def_list; /* defs of the module, for unqualified variants */
    struct po_fn *all_fns;
    struct po_fn *all_fns_last;
    struct po_type t_int, t_float, t_bool, t_str, t_unit, t_never, t_unknown, t_secret, t_range;
    struct po_def *option;
    struct po_def *result;
    struct po_def *error;
    struct po_type *t_error;
    struct po_scheme *schemes;      /* by built-in */
    struct po_scheme *host_schemes; /* by host function */
    bool *host_used;
    struct po_need needs[64]; /* of the entry file */
    uint32_t need_count;
    bool has_needs;
    struct po_sym none;
    struct po_sym *defining; /* the `let f = |..|` being checked */
};

/* ---- type.c */
struct po_type *po_type_find(struct po_type *t);
struct po_type *po_type_var(struct po_check *k);
struct po_type *po_type_make(struct po_check *k, int kind, uint32_t n);
struct po_type *po_type_array(struct po_check *k, struct po_type *e);
struct po_type *po_type_named(struct po_check *k, struct po_def *def, uint32_t n);
struct po_type *po_type_option(struct po_check *k, struct po_type *e);
struct po_type *po_type_result(struct po_check *k, struct po_type *ok, struct po_type *err);
struct po_type *po_type_future(struct po_check *k, struct po_type *e);
struct po_type *po_type_fn1(struct po_check *k, struct po_type *param, struct po_type *ret);
bool po_type_is(struct po_type *t, int kind);
bool po_type_is_def(struct po_type *t, const struct po_def *def);
bool po_type_unify(struct po_check *k, struct po_type *a, struct po_type *b);
/* Replace rigid types from[i] by to[i]. */
struct po_subst {
    struct po_type **from;
    struct po_type **to;
    uint32_t n;
};
struct po_type *po_type_subst(struct po_check *k, struct po_type *t, const struct po_subst *s);
/* Fresh variables for `gens`; `to` has room for PO_GENERICS_MAX * 2. */
struct po_subst po_type_fresh(struct po_check *k, struct po_type **gens, uint32_t n,
                              struct po_type **to);
struct po_type *po_type_instance(struct po_check *k, struct po_type *t, struct po_type **gens,
                                 uint32_t n);
const char *po_type_show(struct po_check *k, struct po_type *t);
static inline struct po_type *po_type_ret(const struct po_type *fn) { return fn->args[fn->n - 1]; }

/* ---- check.c: modules and declarations */
bool po_check_program(struct po_check *k); /* all modules, dependencies first */
struct po_sym *po_check_define(struct po_check *k, struct po_name *name, struct po_type *type,
                               int kind, uint32_t pos);
/* Inside the body of `fn`; returns how deep in loops it stands, for the way back. */
uint32_t po_check_fn_enter(struct po_check *k, struct po_fn *fn);
void po_check_fn_leave(struct po_check *k, uint32_t loop);
void po_check_push(struct po_check *k, struct po_scope *scope);
void po_check_pop(struct po_check *k);
struct po_type *po_check_type(struct po_check *k, struct po_node *node);
#define po_check_err(k, pos, ...) po_comp_report((k)->c, (k)->m, (pos), __VA_ARGS__)
/* The same as the type of what is wrong, so that nothing follows from it. */
#define po_check_bad(k, pos, ...) (po_check_err((k), (pos), __VA_ARGS__), &(k)->t_unknown)
bool po_check_enter(struct po_check *k, uint32_t pos);
void po_check_leave(struct po_check *k);

/* ---- check_decl.c */
void po_check_collect(struct po_check *k, struct po_node *list, bool with_imports);
bool po_check_fn_sig(struct po_check *k, struct po_node *fn, const struct po_rigid_scope *extra,
                     uint32_t extra_count);
struct po_export *po_check_std_exports(struct po_check *k, po_str path, bool *ret_found);

/* ---- check_stmt.c */
void po_check_stmt(struct po_check *k, struct po_node *s);
void po_check_fn_body(struct po_check *k, struct po_node *s);
bool po_check_diverges(struct po_check *k, const struct po_node *n);
struct po_type *po_check_block(struct po_check *k, struct po_node *block);
void po_check_block_as(struct po_check *k, struct po_node *block, struct po_type *want,
                       const char *code);
struct po_type *po_check_elem(struct po_check *k, struct po_type *t, uint32_t pos);

/* ---- check_expr.c */
struct po_type *po_check_synth(struct po_check *k, struct po_node *e, struct po_type *want,
                               bool is_stmt);
void po_check_as(struct po_check *k, struct po_node *e, struct po_type *want, const char *code);
struct po_type *po_check_closure(struct po_check *k, struct po_node *e, struct po_type *want);
struct po_type *po_check_join(struct po_check *k, struct po_type *a, struct po_type *b,
                              uint32_t pos, bool is_stmt);
/* A literal that can become a float, and making it one. */
bool po_check_is_int_literal(const struct po_node *e);
void po_check_make_float(struct po_check *k, struct po_node *e);

/* ---- check_op.c */
struct po_type *po_check_binary(struct po_check *k, struct po_node *e);
struct po_type *po_check_assign(struct po_check *k, struct po_node *e);
struct po_type *po_check_cast(struct po_check *k, struct po_node *e);
void po_check_solve(struct po_check *k, bool is_final);
/* What `t` stands for, after the operators that wait have been looked at if it is open. */
struct po_type *po_type_known(struct po_check *k, struct po_type *t);
/* The type arguments of an instance against the bounds of its parameters, now or when known. */
void po_check_bounds(struct po_check *k, const struct po_subst *s, struct po_node *node);

/* ---- check_name.c */
struct po_type *po_check_ident(struct po_check *k, struct po_node *e);
struct po_type *po_check_path(struct po_check *k, struct po_node *e);
struct po_type *po_check_structlit(struct po_check *k, struct po_node *e);
struct po_type *po_check_member(struct po_check *k, struct po_node *e);
void po_check_use(struct po_check *k, struct po_sym *alias);
const struct po_scheme *po_check_scheme(struct po_check *k, const struct po_builtin *b);
const struct po_scheme *po_check_host_scheme(struct po_check *k, uint32_t index);
void po_check_import_needs(struct po_check *k, po_str path, uint32_t pos);
struct po_field *po_check_fields(struct po_check *k, struct po_type *t, uint32_t *ret_n);

/* ---- check_call.c */
struct po_type *po_check_call(struct po_check *k, struct po_node *e);

/* ---- check_pat.c */
void po_check_pattern(struct po_check *k, struct po_node *p, struct po_type *t, int kind);
void po_check_irrefutable(struct po_check *k, struct po_node *p, struct po_type *t);
struct po_type *po_check_match(struct po_check *k, struct po_node *e, struct po_type *want,
                               const char *code, bool is_stmt);
/* ---- exhaust.c */
struct po_pat_row; /* patterns seen so far, as a set */
struct po_pat_row *po_exhaust_add(struct po_check *k, struct po_pat_row *seen, struct po_node *p);
/* Text of a value that no pattern seen covers, or NULL. */
const char *po_exhaust_missing(struct po_check *k, const struct po_pat_row *seen,
                               struct po_type *t);
/* Does `p` match a value that no pattern seen does? */
bool po_exhaust_useful(struct po_check *k, const struct po_pat_row *seen, struct po_node *p,
                       struct po_type *t);

#endif
