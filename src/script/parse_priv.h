/* The parser's own state and the functions its three files share. */
#ifndef PO_SCRIPT_PARSE_PRIV_H
#define PO_SCRIPT_PARSE_PRIV_H

#include "script/comp_priv.h"

struct po_parser {
    struct po_comp *c;
    struct po_module *m;
    const struct po_tok *toks;
    uint32_t count; /* with the final TK_EOF */
    uint32_t at;
    uint32_t depth;
    bool is_bad;    /* an error in this statement: the current token reads as TK_EOF */
    bool is_trial;  /* errors are not reported */
    bool no_struct; /* inside the head of if/while/match/for */
};

const struct po_tok *po_p_peek(const struct po_parser *p, uint32_t k);
static inline const struct po_tok *po_p_cur(const struct po_parser *p) { return po_p_peek(p, 0); }
static inline bool po_p_at(const struct po_parser *p, int kind)
{
    return po_p_cur(p)->kind == kind;
}
/* May another element follow in a list closed by `close`? */
static inline bool po_p_more(const struct po_parser *p, int close)
{
    int kind = po_p_cur(p)->kind;
    return kind != close && kind != TK_EOF;
}
const struct po_tok *po_p_next(struct po_parser *p);
bool po_p_accept(struct po_parser *p, int kind);
bool po_p_expect(struct po_parser *p, int kind, const char *where);
/* Names that upstream writes as macros: `println!(…)` is taken as `println(…)`. */
bool po_p_is_macro(po_str name);
void po_p_fail(struct po_parser *p, const char *what);
void po_p_fail_code(struct po_parser *p, uint32_t pos, const char *code, const char *msg);
struct po_node *po_p_node(struct po_parser *p, int kind, uint32_t pos);
struct po_name *po_p_ident(struct po_parser *p, const char *what);
struct po_name *po_p_ident_any(struct po_parser *p, const char *what); /* keywords too */
bool po_p_enter(struct po_parser *p); /* false and an error when nested too deeply */
static inline void po_p_leave(struct po_parser *p) { p->depth--; }

/* parse.c */
struct po_node *po_p_stmt(struct po_parser *p);
struct po_node *po_p_block(struct po_parser *p);
/* The block of an expression (if, try, match arm, closure, bare): one level of nesting with it. */
struct po_node *po_p_block_in_expr(struct po_parser *p);
struct po_node *po_p_as_binding(struct po_node *pat);
struct po_node *po_p_params(struct po_parser *p, bool is_method);
struct po_node *po_p_attributes(struct po_parser *p);
struct po_node *po_p_wheres(struct po_parser *p);
struct po_node *po_p_function(struct po_parser *p, uint32_t pos, bool is_async, bool is_method);
/* parse_decl.c */
struct po_node *po_p_struct(struct po_parser *p);
struct po_node *po_p_enum(struct po_parser *p);
struct po_node *po_p_impl(struct po_parser *p);
/* parse_expr.c */
struct po_node *po_p_expr(struct po_parser *p);
struct po_node *po_p_head_expr(struct po_parser *p); /* no struct literal */
struct po_node *po_p_expr_stmt(struct po_parser *p); /* with assignment */
struct po_node *po_p_brace(struct po_parser *p);     /* record or block */
/* Behind an element between braces: a comma or a line break, unless it was the last. */
void po_p_separator(struct po_parser *p, const char *what);
/* parse_flow.c */
struct po_node *po_p_closure(struct po_parser *p);
struct po_node *po_p_fn_closure(struct po_parser *p);
struct po_node *po_p_comprehension(struct po_parser *p, struct po_node *node);
struct po_node *po_p_if(struct po_parser *p);
struct po_node *po_p_jump(struct po_parser *p);
struct po_node *po_p_match(struct po_parser *p);
struct po_node *po_p_try(struct po_parser *p);
/* parse_type.c */
struct po_node *po_p_type(struct po_parser *p);
struct po_node *po_p_type_list(struct po_parser *p, int close);
struct po_node *po_p_type_args(struct po_parser *p);
struct po_node *po_p_generics(struct po_parser *p);
struct po_node *po_p_bounds(struct po_parser *p);
struct po_node *po_p_pattern(struct po_parser *p);
struct po_node *po_p_pattern_prim(struct po_parser *p);

#endif
