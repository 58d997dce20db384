/*
 * Parser, part two: expressions.
 *
 * Binary operators by precedence; comparisons do not chain. Two ambiguities are decided here: a '<'
 * after a name opens type arguments only if it closes before '(' or '::', and '{' after a name opens
 * a struct literal only for capitalised names outside the heads of if, while, match and for.
 */
#include "script/parse_priv.h"

static struct po_node *unary(struct po_parser *p);
static struct po_node *primary(struct po_parser *p);

static struct po_node *free_expr(struct po_parser *p)
{
    bool saved = p->no_struct;
    p->no_struct = false;
    struct po_node *e = po_p_expr(p);
    p->no_struct = saved;
    return e;
}

struct po_node *po_p_head_expr(struct po_parser *p)
{
    bool saved = p->no_struct;
    p->no_struct = true;
    struct po_node *e = po_p_expr(p);
    p->no_struct = saved;
    return e;
}

static int precedence(int kind)
{
    switch (kind) {
    case TK_OROR: return 1;
    case TK_ANDAND: return 2;
    case TK_EQEQ:
    case TK_NOTEQ: return 3;
    case TK_LT:
    case TK_GT:
    case TK_LE:
    case TK_GE: return 4;
    case TK_PLUS:
    case TK_MINUS: return 5;
    case TK_STAR:
    case TK_SLASH:
    case TK_PERCENT: return 6;
    default: return 0;
    }
}

static struct po_node *cast(struct po_parser *p)
{
    struct po_node *e = unary(p);
    while (po_p_at(p, TK_AS) && !po_p_cur(p)->breaks) {
        struct po_node *node = po_p_node(p, NK_CAST, po_p_next(p)->pos);
        node->a = e;
        node->c = po_p_type(p);
        e = node;
    }
    return e;
}

static struct po_node *binary(struct po_parser *p, int level)
{
    if (level > 6) return cast(p);
    struct po_node *e = binary(p, level + 1);
    bool is_chainable = level != 3 && level != 4;
    while (precedence(po_p_cur(p)->kind) == level && !po_p_cur(p)->breaks) {
        const struct po_tok *tok = po_p_next(p);
        struct po_node *node = po_p_node(p, NK_BIN, tok->pos);
        node->op = tok->kind;
        node->a = e;
        node->b = binary(p, level + 1);
        e = node;
        if (!is_chainable && precedence(po_p_cur(p)->kind) == level && !po_p_cur(p)->breaks) {
            po_p_fail(p, "comparison operators cannot be chained");
        }
    }
    return e;
}

struct po_node *po_p_expr(struct po_parser *p)
{
    if (!po_p_enter(p)) {
        po_p_leave(p);
        return po_p_node(p, NK_UNIT, 0);
    }
    struct po_node *e = binary(p, 1);
    if ((po_p_at(p, TK_DOTDOT) || po_p_at(p, TK_DOTDOTEQ)) && !po_p_cur(p)->breaks) {
        const struct po_tok *tok = po_p_next(p);
        struct po_node *node = po_p_node(p, NK_RANGE, tok->pos);
        node->a = e;
        node->b = binary(p, 1);
        node->flag = tok->kind == TK_DOTDOTEQ;
        e = node;
    }
    po_p_leave(p);
    return e;
}

static struct po_node *assign_value(struct po_parser *p)
{
    if (!po_p_enter(p)) return po_p_node(p, NK_UNIT, 0);
    struct po_node *e = po_p_expr(p);
    if (po_p_at(p, TK_EQ)) {
        struct po_node *node = po_p_node(p, NK_ASSIGN, po_p_next(p)->pos);
        node->a = e;
        node->b = assign_value(p);
        e = node;
    }
    po_p_leave(p);
    return e;
}

static int assign_op(int kind)
{
    switch (kind) {
    case TK_PLUSEQ: return TK_PLUS;
    case TK_MINUSEQ: return TK_MINUS;
    case TK_STAREQ: return TK_STAR;
    case TK_SLASHEQ: return TK_SLASH;
    case TK_PERCENTEQ: return TK_PERCENT;
    default: return 0;
    }
}

struct po_node *po_p_expr_stmt(struct po_parser *p)
{
    struct po_node *e = po_p_expr(p);
    int kind = po_p_cur(p)->kind;
    int op = assign_op(kind);
    if (kind != TK_EQ && op == 0) return e;
    struct po_node *node = po_p_node(p, NK_ASSIGN, po_p_next(p)->pos);
    node->op = (uint8_t)op;
    node->a = e;
    node->b = assign_value(p);
    if (e->kind != NK_ID && e->kind != NK_INDEX && e->kind != NK_MEMBER) {
        po_p_fail_code(p, e->pos, "E0201", "invalid assignment target");
    }
    return node;
}

static struct po_node *unary(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    int kind = tok->kind;
    if (kind != TK_BANG && kind != TK_MINUS && kind != TK_AMP) return primary(p);
    struct po_node *node = po_p_node(p, NK_UN, tok->pos);
    if (!po_p_enter(p)) return node;
    po_p_next(p);
    if (kind == TK_AMP) {
        po_p_accept(p, TK_MUT);
        node = unary(p);
    } else {
        node->op = (uint8_t)kind;
        const struct po_tok *next = po_p_cur(p);
        if (kind == TK_MINUS && next->kind == TK_INT && next->is_big) {
            node->kind = NK_INT;
            node->v.i = po_p_next(p)->v.i;
        } else {
            node->a = unary(p);
        }
    }
    po_p_leave(p);
    return node;
}

/* ---- calls, members, literals ----------------------------------------------------------------- */

static void arguments(struct po_parser *p, struct po_node *call)
{
    struct po_list args = {0};
    struct po_list named = {0};
    bool saved = p->no_struct;
    p->no_struct = false;
    while (po_p_more(p, TK_RPAREN)) {
        if (po_p_at(p, TK_ID) && po_p_peek(p, 1)->kind == TK_EQ) {
            struct po_node *arg = po_p_node(p, NK_NAMED, po_p_cur(p)->pos);
            arg->name = po_p_next(p)->name;
            po_p_next(p);
            arg->a = po_p_expr(p);
            po_list_add(&named, arg);
        } else {
            po_list_add(&args, po_p_expr(p));
        }
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RPAREN, "after arguments");
    p->no_struct = saved;
    call->list = args.first;
    call->list2 = named.first;
    call->n = args.count;
}

static struct po_node *member_node(struct po_parser *p, struct po_node *object, uint32_t pos)
{
    struct po_node *node = po_p_node(p, NK_MEMBER, pos);
    node->a = object;
    node->name = po_p_ident_any(p, "property name");
    if (po_p_at(p, TK_COLON2) && po_p_peek(p, 1)->kind == TK_LT) {
        po_p_next(p);
        (void)po_p_type_args(p);
    }
    return node;
}

/* After '.': a name, an index, two indices that were lexed as a float, or await. */
static struct po_node *dot(struct po_parser *p, struct po_node *object)
{
    uint32_t pos = po_p_next(p)->pos;
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind == TK_AWAIT) {
        struct po_node *node = po_p_node(p, NK_AWAIT, po_p_next(p)->pos);
        node->a = object;
        return node;
    }
    if (tok->kind != TK_INT && tok->kind != TK_FLOAT) return member_node(p, object, pos);
    po_p_next(p);
    po_str rest = po_str_slice(p->m->text, tok->pos, tok->end);
    po_str part = {NULL, 0};
    while (po_str_next_field(&rest, '.', &part)) {
        struct po_node *node = po_p_node(p, NK_TFIELD, pos);
        uint64_t index = 0;
        if (!po_is_ok(po_str_to_u64(part, 10000, &index))) {
            po_p_fail_code(p, tok->pos, "E0200", "expected a tuple index");
        }
        node->v.i = (int64_t)index;
        node->a = object;
        object = node;
    }
    return object;
}

static bool looks_like_struct(const struct po_parser *p)
{
    int a = po_p_peek(p, 1)->kind;
    int b = po_p_peek(p, 2)->kind;
    if (a == TK_RBRACE || a == TK_DOTDOT) return true;
    bool is_name = a == TK_ID || (a >= TK_FN && a <= TK_NULL);
    return is_name && (b == TK_COLON || b == TK_COMMA || b == TK_RBRACE);
}

static struct po_node *shorthand(struct po_parser *p, const struct po_tok *tok)
{
    struct po_node *id = po_p_node(p, NK_ID, tok->pos);
    id->name = tok->name;
    return id;
}

void po_p_separator(struct po_parser *p, const char *what)
{
    if (po_p_accept(p, TK_COMMA) || po_p_at(p, TK_RBRACE) || po_p_cur(p)->breaks) return;
    po_p_fail(p, what);
}

static struct po_node *struct_literal(struct po_parser *p, struct po_node *head)
{
    struct po_node *node = po_p_node(p, NK_STRUCTLIT, head->pos);
    struct po_list list = {0};
    bool saved = p->no_struct;
    p->no_struct = false;
    node->a = head;
    po_p_expect(p, TK_LBRACE, "");
    while (po_p_more(p, TK_RBRACE)) {
        if (po_p_accept(p, TK_DOTDOT)) {
            node->b = po_p_expr(p);
            po_p_accept(p, TK_COMMA);
            break;
        }
        const struct po_tok *tok = po_p_cur(p);
        struct po_node *field = po_p_node(p, NK_FIELD, tok->pos);
        field->name = po_p_ident_any(p, "field name");
        field->a = po_p_accept(p, TK_COLON) ? po_p_expr(p) : shorthand(p, tok);
        po_list_add(&list, field);
        po_p_separator(p, "expected ',' or '}' in struct literal");
    }
    po_p_expect(p, TK_RBRACE, "");
    p->no_struct = saved;
    node->list = list.first;
    node->n = list.count;
    return node;
}

static struct po_node *index_node(struct po_parser *p, struct po_node *object)
{
    struct po_node *node = po_p_node(p, NK_INDEX, po_p_next(p)->pos);
    node->a = object;
    node->b = free_expr(p);
    po_p_expect(p, TK_RBRACKET, "");
    return node;
}

static struct po_node *path_node(struct po_parser *p, struct po_node *base)
{
    uint32_t pos = po_p_next(p)->pos;
    if (po_p_at(p, TK_LT)) {
        struct po_node *inst = po_p_node(p, NK_INST, pos);
        inst->a = base;
        inst->list = po_p_type_args(p);
        return inst;
    }
    struct po_node *path = po_p_node(p, NK_PATH, base->pos);
    path->a = base;
    path->name = po_p_ident(p, "name after '::'");
    return path;
}

static struct po_node *call_node(struct po_parser *p, struct po_node *callee)
{
    struct po_node *call = po_p_node(p, NK_CALL, callee->pos);
    po_p_next(p);
    call->a = callee;
    arguments(p, call);
    return call;
}

static struct po_node *suffixes(struct po_parser *p, struct po_node *e, bool with_question)
{
    for (;;) {
        const struct po_tok *tok = po_p_cur(p);
        bool is_pathy =
            e->kind == NK_ID || e->kind == NK_PATH || e->kind == NK_MEMBER || e->kind == NK_INST;
        if (tok->kind == TK_LPAREN && !tok->breaks) {
            e = call_node(p, e);
        } else if (tok->kind == TK_LBRACKET && !tok->breaks) {
            e = index_node(p, e);
        } else if (tok->kind == TK_DOT) {
            e = dot(p, e);
        } else if (tok->kind == TK_QUESTION && !tok->breaks && with_question) {
            struct po_node *node = po_p_node(p, NK_TRYQ, po_p_next(p)->pos);
            node->a = e;
            e = node;
        } else if (tok->kind == TK_COLON2 && is_pathy) {
            e = path_node(p, e);
        } else if (tok->kind == TK_LBRACE && e->kind == NK_PATH && !tok->breaks && !p->no_struct &&
                   looks_like_struct(p)) {
            e = struct_literal(p, e);
        } else {
            return e;
        }
    }
}

static struct po_node *record(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_RECORD, po_p_next(p)->pos);
    struct po_list list = {0};
    bool saved = p->no_struct;
    p->no_struct = false;
    while (po_p_more(p, TK_RBRACE)) {
        const struct po_tok *tok = po_p_cur(p);
        struct po_node *field = po_p_node(p, NK_FIELD, tok->pos);
        if (tok->kind == TK_STR) {
            field->name = po_p_next(p)->name;
        } else {
            field->name = po_p_ident_any(p, "field name");
        }
        bool is_short = tok->kind == TK_ID && (po_p_at(p, TK_COMMA) || po_p_at(p, TK_RBRACE));
        if (is_short) {
            field->a = shorthand(p, tok);
        } else {
            po_p_expect(p, TK_COLON, "");
            field->a = po_p_expr(p);
        }
        po_list_add(&list, field);
        po_p_separator(p, "expected ',' or '}' in record");
    }
    po_p_expect(p, TK_RBRACE, "");
    p->no_struct = saved;
    node->list = list.first;
    node->n = list.count;
    return node;
}

struct po_node *po_p_brace(struct po_parser *p)
{
    int a = po_p_peek(p, 1)->kind;
    bool is_record = (a == TK_ID || a == TK_STR) && po_p_peek(p, 2)->kind == TK_COLON;
    return is_record ? record(p) : po_p_block_in_expr(p);
}

static struct po_node *array(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_ARRAY, po_p_next(p)->pos);
    bool saved = p->no_struct;
    p->no_struct = false;
    struct po_list list = {0};
    while (po_p_more(p, TK_RBRACKET)) {
        struct po_node *e = po_p_expr(p);
        if (list.count == 0 && po_p_at(p, TK_FOR)) {
            node->a = e;
            po_p_comprehension(p, node);
            p->no_struct = saved;
            return node;
        }
        po_list_add(&list, e);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RBRACKET, "after array elements");
    p->no_struct = saved;
    node->list = list.first;
    node->n = list.count;
    return node;
}

static struct po_node *await_expr(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_AWAIT, po_p_next(p)->pos);
    if (!po_p_enter(p)) return node;
    node->a = po_p_at(p, TK_AWAIT) ? await_expr(p) : primary(p);
    po_p_leave(p);
    struct po_node *e = node;
    while (po_p_at(p, TK_QUESTION) && !po_p_cur(p)->breaks) {
        struct po_node *question = po_p_node(p, NK_TRYQ, po_p_next(p)->pos);
        question->a = e;
        e = question;
    }
    return e;
}

/* `Name<T>` before '(' or '::': tried without reporting, undone when it is a comparison. */
static struct po_node *instantiation(struct po_parser *p, struct po_node *id)
{
    if (!po_p_at(p, TK_LT) || po_p_cur(p)->breaks) return id;
    struct po_parser saved = *p;
    p->is_trial = true;
    struct po_node *args = po_p_type_args(p);
    if (!p->is_bad && (po_p_at(p, TK_LPAREN) || po_p_at(p, TK_COLON2))) {
        p->is_trial = saved.is_trial;
        struct po_node *inst = po_p_node(p, NK_INST, id->pos);
        inst->a = id;
        inst->list = args;
        return inst;
    }
    *p = saved;
    return id;
}

bool po_p_is_macro(po_str name)
{
    static const char *const macros[] = {"print",     "println",     "eprintln", "format",
                                         "panic",     "vec",         "assert",   "assert_eq",
                                         "assert_ne", "unreachable", "todo",     "unimplemented"};
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++) {
        if (po_str_eq_cstr(name, macros[i])) return true;
    }
    return false;
}

static struct po_node *name_expr(struct po_parser *p)
{
    const struct po_tok *tok = po_p_next(p);
    struct po_node *id = po_p_node(p, NK_ID, tok->pos);
    id->name = tok->name;
    const struct po_tok *bang = po_p_cur(p);
    const struct po_tok *open = po_p_peek(p, 1);
    bool is_call = (open->kind == TK_LPAREN || open->kind == TK_LBRACKET) && !open->sp;
    if (bang->kind == TK_BANG && !bang->sp && is_call && po_p_is_macro(tok->name->s)) {
        po_p_next(p);
        return po_str_eq_cstr(tok->name->s, "vec") && open->kind == TK_LBRACKET ? array(p) : id;
    }
    struct po_node *e = instantiation(p, id);
    bool is_capital =
        tok->name->s.len > 0 && tok->name->s.ptr[0] >= 'A' && tok->name->s.ptr[0] <= 'Z';
    bool is_literal = po_p_at(p, TK_LBRACE) && !po_p_cur(p)->breaks && !p->no_struct && is_capital;
    return is_literal && looks_like_struct(p) ? struct_literal(p, e) : e;
}

static struct po_node *paren(struct po_parser *p)
{
    uint32_t pos = po_p_next(p)->pos;
    bool saved = p->no_struct;
    p->no_struct = false;
    struct po_node *node = po_p_node(p, NK_UNIT, pos);
    if (!po_p_accept(p, TK_RPAREN)) {
        struct po_list list = {0};
        po_list_add(&list, po_p_expr_stmt(p));
        node->kind = NK_PAREN;
        while (po_p_accept(p, TK_COMMA)) {
            node->kind = NK_TUPLE;
            if (po_p_at(p, TK_RPAREN)) break;
            po_list_add(&list, po_p_expr(p));
        }
        po_p_expect(p, TK_RPAREN, "");
        node->a = list.first;
        node->n = list.count;
        if (node->kind == NK_TUPLE) {
            node->list = list.first;
            node->a = NULL;
        }
    }
    p->no_struct = saved;
    return node;
}

static struct po_node *literal(struct po_parser *p)
{
    const struct po_tok *tok = po_p_next(p);
    struct po_node *node = po_p_node(p, NK_INT, tok->pos);
    switch (tok->kind) {
    case TK_INT:
        node->v.i = tok->v.i;
        if (tok->is_big) po_p_fail_code(p, tok->pos, "E0108", "integer literal out of range");
        break;
    case TK_FLOAT:
        node->kind = NK_FLOAT;
        node->v.f = tok->v.f;
        break;
    case TK_STR:
        node->kind = NK_STR;
        node->name = tok->name;
        break;
    case TK_NULL: node->kind = NK_NULL; break;
    default:
        node->kind = NK_BOOL;
        node->v.i = tok->kind == TK_TRUE;
        break;
    }
    return node;
}

static struct po_node *primary_of(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    switch (tok->kind) {
    case TK_INT:
    case TK_FLOAT:
    case TK_STR:
    case TK_NULL:
    case TK_TRUE:
    case TK_FALSE: return literal(p);
    case TK_IF: return po_p_if(p);
    case TK_MATCH: return po_p_match(p);
    case TK_TRY: return po_p_try(p);
    case TK_FN: return po_p_fn_closure(p);
    case TK_RETURN:
    case TK_BREAK:
    case TK_CONTINUE: return po_p_jump(p);
    case TK_ID: return name_expr(p);
    case TK_LPAREN: return paren(p);
    case TK_PIPE:
    case TK_OROR: return po_p_closure(p);
    case TK_LBRACKET: return array(p);
    case TK_LBRACE: return po_p_brace(p);
    default: break;
    }
    if (tok->kind == TK_ASYNC && po_p_peek(p, 1)->kind == TK_LBRACE) {
        struct po_node *node = po_p_node(p, NK_ASYNCBLOCK, po_p_next(p)->pos);
        node->a = po_p_block_in_expr(p);
        return node;
    }
    po_p_fail(p, "expected expression");
    return po_p_node(p, NK_UNIT, tok->pos);
}

static struct po_node *primary(struct po_parser *p)
{
    if (po_p_at(p, TK_AWAIT)) return await_expr(p);
    bool with_question = p->at == 0 || p->toks[p->at - 1].kind != TK_AWAIT;
    return suffixes(p, primary_of(p), with_question);
}
