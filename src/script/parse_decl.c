/* Parser: declarations of structs, enums and impl blocks. */
#include "script/parse_priv.h"

static struct po_node *fields(struct po_parser *p)
{
    struct po_list list = {0};
    po_p_expect(p, TK_LBRACE, "");
    while (po_p_more(p, TK_RBRACE)) {
        struct po_node *field = po_p_node(p, NK_FIELD, po_p_cur(p)->pos);
        field->name = po_p_ident_any(p, "field name");
        po_p_expect(p, TK_COLON, "");
        field->c = po_p_type(p);
        if (po_p_accept(p, TK_EQ)) field->a = po_p_expr(p);
        po_list_add(&list, field);
        po_p_separator(p, "expected ',' or newline after field");
    }
    po_p_expect(p, TK_RBRACE, "");
    return list.first;
}

struct po_node *po_p_struct(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_STRUCT, po_p_next(p)->pos);
    node->name = po_p_ident(p, "struct name");
    node->list2 = po_p_generics(p);
    (void)po_p_wheres(p);
    node->list = fields(p);
    return node;
}

struct po_node *po_p_enum(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_ENUM, po_p_next(p)->pos);
    struct po_list list = {0};
    node->name = po_p_ident(p, "enum name");
    node->list2 = po_p_generics(p);
    (void)po_p_wheres(p);
    po_p_expect(p, TK_LBRACE, "");
    while (po_p_more(p, TK_RBRACE)) {
        struct po_node *variant = po_p_node(p, NK_VARIANT, po_p_cur(p)->pos);
        variant->name = po_p_ident(p, "variant name");
        if (po_p_accept(p, TK_LPAREN)) {
            variant->flag = FLAG_TUPLE;
            variant->list = po_p_type_list(p, TK_RPAREN);
            po_p_expect(p, TK_RPAREN, "");
        } else if (po_p_at(p, TK_LBRACE)) {
            variant->flag = FLAG_STRUCT;
            variant->list = fields(p);
        }
        po_list_add(&list, variant);
        po_p_separator(p, "expected ',' or newline after variant");
    }
    po_p_expect(p, TK_RBRACE, "");
    node->list = list.first;
    return node;
}

struct po_node *po_p_impl(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_IMPL, po_p_next(p)->pos);
    struct po_list list = {0};
    node->list2 = po_p_generics(p);
    node->name = po_p_ident(p, "type name after 'impl'");
    if (po_p_at(p, TK_LT)) node->d = po_p_type_args(p);
    if (po_p_at(p, TK_FOR)) po_p_fail(p, "trait implementations are not part of this dialect");
    (void)po_p_wheres(p);
    po_p_expect(p, TK_LBRACE, "");
    while (po_p_more(p, TK_RBRACE)) {
        struct po_node *attrs = po_p_attributes(p);
        uint32_t pos = po_p_cur(p)->pos;
        bool is_async = po_p_accept(p, TK_ASYNC);
        po_p_expect(p, TK_FN, "in impl block");
        struct po_node *fn = po_p_function(p, pos, is_async, true);
        fn->attrs = attrs;
        po_list_add(&list, fn);
        po_p_accept(p, TK_SEMI);
    }
    po_p_expect(p, TK_RBRACE, "");
    node->list = list.first;
    return node;
}
