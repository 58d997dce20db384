/* Parser, part three: types, generics and patterns. */
#include "script/parse_priv.h"

struct po_node *po_p_type_list(struct po_parser *p, int close)
{
    struct po_list list = {0};
    while (po_p_more(p, close)) {
        po_list_add(&list, po_p_type(p));
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    return list.first;
}

struct po_node *po_p_type_args(struct po_parser *p)
{
    po_p_expect(p, TK_LT, "");
    struct po_node *list = po_p_type_list(p, TK_GT);
    po_p_expect(p, TK_GT, "to close type arguments");
    return list;
}

static struct po_node *bound(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind == TK_LPAREN || tok->kind == TK_FN) return po_p_type(p);
    bool is_fn = tok->kind == TK_ID && po_p_peek(p, 1)->kind == TK_LPAREN &&
                 (po_str_eq_cstr(tok->name->s, "Fn") || po_str_eq_cstr(tok->name->s, "FnMut") ||
                  po_str_eq_cstr(tok->name->s, "FnOnce"));
    if (is_fn) {
        struct po_node *type = po_p_node(p, YK_FN, tok->pos);
        po_p_next(p);
        po_p_next(p);
        type->list = po_p_type_list(p, TK_RPAREN);
        po_p_expect(p, TK_RPAREN, "");
        type->a = po_p_accept(p, TK_ARROW) ? po_p_type(p) : po_p_node(p, YK_UNIT, tok->pos);
        return type;
    }
    struct po_node *name = po_p_node(p, NK_NAME, tok->pos);
    name->name = po_p_ident(p, "bound name");
    if (po_p_at(p, TK_LT)) (void)po_p_type_args(p);
    return name;
}

struct po_node *po_p_bounds(struct po_parser *p)
{
    struct po_list list = {0};
    do {
        po_list_add(&list, bound(p));
    } while (po_p_accept(p, TK_PLUS));
    return list.first;
}

struct po_node *po_p_generics(struct po_parser *p)
{
    struct po_list list = {0};
    if (!po_p_accept(p, TK_LT)) return NULL;
    while (po_p_more(p, TK_GT)) {
        struct po_node *generic = po_p_node(p, NK_GENERIC, po_p_cur(p)->pos);
        generic->name = po_p_ident(p, "type parameter");
        if (po_p_accept(p, TK_COLON)) generic->list = po_p_bounds(p);
        po_list_add(&list, generic);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_GT, "after type parameters");
    return list.first;
}

static struct po_node *paren_type(struct po_parser *p, uint32_t pos)
{
    struct po_node *list = po_p_type_list(p, TK_RPAREN);
    po_p_expect(p, TK_RPAREN, "");
    if (po_p_accept(p, TK_ARROW)) {
        struct po_node *type = po_p_node(p, YK_FN, pos);
        type->list = list;
        type->a = po_p_type(p);
        return type;
    }
    if (list == NULL) return po_p_node(p, YK_UNIT, pos);
    if (list->next == NULL) return list;
    struct po_node *type = po_p_node(p, YK_TUP, pos);
    type->list = list;
    return type;
}

static struct po_node *fn_type(struct po_parser *p, uint32_t pos)
{
    struct po_node *type = po_p_node(p, YK_FN, pos);
    po_p_next(p);
    po_p_expect(p, TK_LPAREN, "");
    type->list = po_p_type_list(p, TK_RPAREN);
    po_p_expect(p, TK_RPAREN, "");
    type->a = po_p_accept(p, TK_ARROW) ? po_p_type(p) : po_p_node(p, YK_UNIT, pos);
    return type;
}

static struct po_node *record_type(struct po_parser *p, uint32_t pos)
{
    struct po_node *type = po_p_node(p, YK_REC, pos);
    struct po_list list = {0};
    while (po_p_more(p, TK_RBRACE)) {
        struct po_node *field = po_p_node(p, NK_FIELD, po_p_cur(p)->pos);
        field->name = po_p_ident_any(p, "field name");
        po_p_expect(p, TK_COLON, "");
        field->c = po_p_type(p);
        po_list_add(&list, field);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RBRACE, "");
    type->list = list.first;
    return type;
}

static struct po_node *named_type(struct po_parser *p, uint32_t pos)
{
    struct po_node *type = po_p_node(p, YK_NAME, pos);
    type->name = po_p_ident(p, "type name");
    if (po_p_at(p, TK_DOT) && po_p_peek(p, 1)->kind == TK_ID) {
        po_p_next(p);
        type->name2 = type->name; /* module alias */
        type->name = po_p_ident(p, "type name");
    }
    if (po_p_at(p, TK_LT)) type->list = po_p_type_args(p);
    return type;
}

static struct po_node *type_of(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    uint32_t pos = tok->pos;
    struct po_node *type = NULL;
    switch (tok->kind) {
    case TK_AMP:
        po_p_next(p);
        po_p_accept(p, TK_MUT);
        return po_p_type(p);
    case TK_LBRACKET:
        po_p_next(p);
        type = po_p_node(p, YK_ARR, pos);
        type->a = po_p_type(p);
        po_p_expect(p, TK_RBRACKET, "");
        break;
    case TK_LPAREN:
        po_p_next(p);
        type = paren_type(p, pos);
        if (type->kind == YK_FN) return type;
        break;
    case TK_FN: return fn_type(p, pos);
    case TK_LBRACE:
        po_p_next(p);
        type = record_type(p, pos);
        break;
    case TK_UNDERSCORE:
        po_p_next(p);
        type = po_p_node(p, YK_WILD, pos);
        break;
    default: type = named_type(p, pos); break;
    }
    while (po_p_at(p, TK_QUESTION) && !po_p_cur(p)->sp) {
        po_p_next(p);
        struct po_node *opt = po_p_node(p, YK_NAME, pos);
        opt->name = po_comp_intern_cstr(p->c, "Option");
        opt->list = type;
        type = opt;
    }
    return type;
}

struct po_node *po_p_type(struct po_parser *p)
{
    struct po_node *type = po_p_enter(p) ? type_of(p) : po_p_node(p, YK_UNIT, 0);
    po_p_leave(p);
    return type;
}

/* ---- patterns --------------------------------------------------------------------------------- */

struct po_node *po_p_pattern(struct po_parser *p)
{
    struct po_node *first = po_p_pattern_prim(p);
    if (!po_p_at(p, TK_PIPE)) return first;
    struct po_node *alt = po_p_node(p, PK_OR, first->pos);
    struct po_list list = {0};
    po_list_add(&list, first);
    while (po_p_accept(p, TK_PIPE)) {
        po_list_add(&list, po_p_pattern_prim(p));
    }
    alt->list = list.first;
    alt->n = list.count;
    return alt;
}

/* [-] NUMBER, folded; integers of 2^63 only with the sign. */
static bool signed_number(struct po_parser *p, struct po_node *pat, int64_t *ret_int)
{
    bool is_negative = po_p_accept(p, TK_MINUS);
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind == TK_FLOAT && pat != NULL) {
        po_p_next(p);
        pat->op = TK_FLOAT;
        pat->v.f = is_negative ? -tok->v.f : tok->v.f;
        return false;
    }
    if (tok->kind != TK_INT || (tok->is_big && !is_negative)) {
        po_p_fail(p, pat != NULL ? "expected number" : "expected integer in range pattern");
        return false;
    }
    po_p_next(p);
    *ret_int = is_negative && !tok->is_big ? -tok->v.i : tok->v.i;
    return true;
}

static struct po_node *number_pattern(struct po_parser *p, uint32_t pos)
{
    struct po_node *pat = po_p_node(p, PK_LIT, pos);
    pat->op = TK_INT;
    int64_t low = 0;
    if (!signed_number(p, pat, &low)) return pat;
    pat->v.i = low;
    if (!po_p_at(p, TK_DOTDOT) && !po_p_at(p, TK_DOTDOTEQ)) return pat;
    pat->kind = PK_RANGE;
    pat->flag = po_p_next(p)->kind == TK_DOTDOTEQ;
    pat->b = po_p_node(p, NK_INT, pos);
    int64_t high = 0;
    if (signed_number(p, NULL, &high)) pat->b->v.i = high;
    return pat;
}

static struct po_node *pattern_list(struct po_parser *p, int close, uint32_t *ret_count)
{
    struct po_list list = {0};
    while (po_p_more(p, close)) {
        po_list_add(&list, po_p_pattern(p));
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, close, "in pattern");
    *ret_count = list.count;
    return list.first;
}

static struct po_node *tuple_pattern(struct po_parser *p, uint32_t pos)
{
    struct po_node *pat = po_p_node(p, PK_TUP, pos);
    pat->list = pattern_list(p, TK_RPAREN, &pat->n);
    if (pat->n == 0) pat->kind = PK_UNIT;
    return pat->n == 1 ? pat->list : pat;
}

/* flag 1 = has a rest at index v.i, bound to `name` when given. */
static struct po_node *array_pattern(struct po_parser *p, uint32_t pos)
{
    struct po_node *pat = po_p_node(p, PK_ARR, pos);
    struct po_list list = {0};
    while (po_p_more(p, TK_RBRACKET)) {
        if (po_p_accept(p, TK_DOTDOT) || po_p_accept(p, TK_DOT3)) {
            if (pat->flag) po_p_fail(p, "only one rest pattern is allowed");
            pat->flag = 1;
            pat->v.i = list.count;
            if (po_p_at(p, TK_ID)) {
                pat->name = po_p_next(p)->name;
            } else {
                po_p_accept(p, TK_UNDERSCORE);
            }
        } else {
            po_list_add(&list, po_p_pattern(p));
        }
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RBRACKET, "in pattern");
    pat->list = list.first;
    pat->n = list.count;
    return pat;
}

/* { name, name: pattern, .. } into NK_FIELD(name, p). */
static struct po_node *field_patterns(struct po_parser *p)
{
    struct po_list list = {0};
    po_p_expect(p, TK_LBRACE, "");
    while (po_p_more(p, TK_RBRACE)) {
        if (po_p_accept(p, TK_DOTDOT) || po_p_accept(p, TK_DOT3)) {
            po_p_accept(p, TK_COMMA);
            break;
        }
        struct po_node *field = po_p_node(p, NK_FIELD, po_p_cur(p)->pos);
        field->name = po_p_ident_any(p, "field name");
        if (po_p_accept(p, TK_COLON)) {
            field->p = po_p_pattern(p);
        } else {
            field->p = po_p_node(p, PK_BIND, field->pos);
            field->p->name = field->name;
        }
        po_list_add(&list, field);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RBRACE, "in pattern");
    return list.first;
}

static bool is_capital(const struct po_name *name)
{
    return name->s.len > 0 && name->s.ptr[0] >= 'A' && name->s.ptr[0] <= 'Z';
}

/* name | Variant | Enum::Variant | mod.Enum::Variant, with payload; name2 = enum. */
static struct po_node *name_pattern(struct po_parser *p, uint32_t pos)
{
    struct po_node *pat = po_p_node(p, PK_BIND, pos);
    po_p_accept(p, TK_MUT);
    pat->name = po_p_ident(p, "pattern");
    while (po_p_at(p, TK_DOT) && po_p_peek(p, 1)->kind == TK_ID) {
        po_p_next(p);
        pat->name = po_p_ident(p, "pattern");
    }
    bool has_path = false;
    while (po_p_accept(p, TK_COLON2)) {
        has_path = true;
        pat->name2 = pat->name;
        pat->name = po_p_ident(p, "variant name");
    }
    bool is_type = has_path || is_capital(pat->name);
    if (po_p_accept(p, TK_LPAREN)) {
        pat->kind = PK_VAR;
        pat->flag = FLAG_TUPLE;
        pat->list = pattern_list(p, TK_RPAREN, &pat->n);
    } else if (is_type && po_p_at(p, TK_LBRACE) && !po_p_cur(p)->breaks) {
        pat->kind = has_path ? PK_VAR : PK_REC;
        pat->flag = FLAG_STRUCT;
        pat->list = field_patterns(p);
    } else if (is_type) {
        pat->kind = PK_VAR;
    }
    return pat;
}

static struct po_node *prim_of(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    struct po_node *pat = NULL;
    switch (tok->kind) {
    case TK_UNDERSCORE: po_p_next(p); return po_p_node(p, PK_WILD, tok->pos);
    case TK_AMP: po_p_next(p); return po_p_pattern_prim(p);
    case TK_INT:
    case TK_FLOAT:
    case TK_MINUS: return number_pattern(p, tok->pos);
    case TK_STR:
        pat = po_p_node(p, PK_LIT, tok->pos);
        pat->op = TK_STR;
        pat->name = po_p_next(p)->name;
        return pat;
    case TK_TRUE:
    case TK_FALSE:
        pat = po_p_node(p, PK_LIT, tok->pos);
        pat->op = TK_TRUE;
        pat->v.i = po_p_next(p)->kind == TK_TRUE;
        return pat;
    case TK_NULL:
        po_p_next(p);
        pat = po_p_node(p, PK_VAR, tok->pos);
        pat->name = po_comp_intern_cstr(p->c, "None");
        return pat;
    case TK_LPAREN: po_p_next(p); return tuple_pattern(p, tok->pos);
    case TK_LBRACKET: po_p_next(p); return array_pattern(p, tok->pos);
    case TK_LBRACE:
        pat = po_p_node(p, PK_REC, tok->pos);
        pat->list = field_patterns(p);
        return pat;
    case TK_ID:
    case TK_MUT: return name_pattern(p, tok->pos);
    default: break;
    }
    po_p_fail(p, "expected pattern");
    return po_p_node(p, PK_WILD, tok->pos);
}

struct po_node *po_p_pattern_prim(struct po_parser *p)
{
    struct po_node *pat = po_p_enter(p) ? prim_of(p) : po_p_node(p, PK_WILD, 0);
    po_p_leave(p);
    return pat;
}
