/* Parser: closures, comprehensions, if, match, try. */
#include "script/parse_priv.h"

struct po_node *po_p_closure(struct po_parser *p)
{
    const struct po_tok *tok = po_p_next(p);
    struct po_node *node = po_p_node(p, NK_CLOSURE, tok->pos);
    struct po_list list = {0};
    while (tok->kind == TK_PIPE && po_p_more(p, TK_PIPE)) {
        struct po_node *param = po_p_node(p, NK_PARAM, po_p_cur(p)->pos);
        param->p = po_p_as_binding(po_p_pattern_prim(p));
        if (po_p_accept(p, TK_COLON)) param->c = po_p_type(p);
        po_list_add(&list, param);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    if (tok->kind == TK_PIPE) po_p_expect(p, TK_PIPE, "after closure parameters");
    if (po_p_accept(p, TK_ARROW)) node->c = po_p_type(p);
    node->list = list.first;
    node->n = list.count;
    node->a = po_p_expr_stmt(p);
    return node;
}

struct po_node *po_p_fn_closure(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_CLOSURE, po_p_next(p)->pos);
    node->list = po_p_params(p, false);
    for (struct po_node *param = node->list; param != NULL; param = param->next) {
        node->n++;
    }
    if (po_p_accept(p, TK_ARROW)) node->c = po_p_type(p);
    node->a = po_p_accept(p, TK_FATARROW) ? po_p_expr(p) : po_p_block_in_expr(p);
    return node;
}

struct po_node *po_p_comprehension(struct po_parser *p, struct po_node *node)
{
    struct po_list list = {0};
    node->kind = NK_COMP;
    while (po_p_accept(p, TK_FOR)) {
        struct po_node *clause = po_p_node(p, NK_CLAUSE_FOR, po_p_cur(p)->pos);
        clause->p = po_p_as_binding(po_p_pattern_prim(p));
        po_p_expect(p, TK_IN, "");
        clause->a = po_p_expr(p);
        po_list_add(&list, clause);
        while (po_p_accept(p, TK_IF)) {
            struct po_node *cond = po_p_node(p, NK_CLAUSE_IF, po_p_cur(p)->pos);
            cond->a = po_p_expr(p);
            po_list_add(&list, cond);
        }
    }
    po_p_expect(p, TK_RBRACKET, "after list comprehension");
    node->list = list.first;
    return node;
}

/* One `if` with its head and first block; the caller hangs on what follows `else`. */
static struct po_node *if_head(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_IF, po_p_next(p)->pos);
    if (po_p_accept(p, TK_LET)) {
        node->kind = NK_IFLET;
        node->p = po_p_pattern(p);
        po_p_expect(p, TK_EQ, "");
    }
    node->a = po_p_head_expr(p);
    node->b = po_p_block_in_expr(p);
    return node;
}

struct po_node *po_p_if(struct po_parser *p)
{
    struct po_node *first = if_head(p);
    struct po_node *last = first;
    while (po_p_accept(p, TK_ELSE)) {
        if (!po_p_at(p, TK_IF)) {
            last->c = po_p_block_in_expr(p);
            break;
        }
        last->c = if_head(p);
        last = last->c;
    }
    return first;
}

struct po_node *po_p_jump(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_STMTEXPR, po_p_cur(p)->pos);
    node->a = po_p_stmt(p);
    return node;
}

static struct po_node *arm_body(struct po_parser *p)
{
    switch (po_p_cur(p)->kind) {
    case TK_LBRACE: return po_p_brace(p);
    case TK_RETURN:
    case TK_BREAK:
    case TK_CONTINUE: return po_p_jump(p);
    default: return po_p_expr_stmt(p);
    }
}

struct po_node *po_p_match(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_MATCH, po_p_next(p)->pos);
    struct po_list list = {0};
    node->a = po_p_head_expr(p);
    bool saved = p->no_struct;
    p->no_struct = false;
    po_p_expect(p, TK_LBRACE, "");
    while (po_p_more(p, TK_RBRACE)) {
        struct po_node *arm = po_p_node(p, NK_ARM, po_p_cur(p)->pos);
        arm->p = po_p_pattern(p);
        if (po_p_accept(p, TK_IF)) arm->b = po_p_expr(p);
        po_p_expect(p, TK_FATARROW, "after match pattern");
        arm->a = arm_body(p);
        po_list_add(&list, arm);
        bool is_closed = p->at > 0 && p->toks[p->at - 1].kind == TK_RBRACE;
        if (po_p_accept(p, TK_SEMI) || (is_closed && !po_p_at(p, TK_COMMA))) continue;
        po_p_separator(p, "expected ',' or newline after match arm");
    }
    po_p_expect(p, TK_RBRACE, "");
    p->no_struct = saved;
    node->list = list.first;
    node->n = list.count;
    return node;
}

struct po_node *po_p_try(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_TRY, po_p_next(p)->pos);
    struct po_list list = {0};
    node->a = po_p_block_in_expr(p);
    while (po_p_at(p, TK_CATCH)) {
        struct po_node *clause = po_p_node(p, NK_CATCH, po_p_next(p)->pos);
        if (po_p_accept(p, TK_LPAREN)) {
            clause->name = po_p_ident(p, "identifier");
            if (po_p_accept(p, TK_COLON)) clause->c = po_p_type(p);
            po_p_expect(p, TK_RPAREN, "");
        }
        if (po_p_accept(p, TK_IF)) clause->b = po_p_head_expr(p);
        clause->a = po_p_block_in_expr(p);
        po_list_add(&list, clause);
    }
    if (po_p_accept(p, TK_FINALLY)) node->b = po_p_block_in_expr(p);
    node->list = list.first;
    if (list.count == 0 && node->b == NULL) {
        po_p_fail(p, "try needs at least one catch or a finally");
    }
    return node;
}
