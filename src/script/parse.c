/*
 * Parser, part one: cursor, recovery, statements and declarations.
 *
 * Recursive descent. An error makes the current token read as end of file, so every loop ends; the
 * top level then skips to the next declaration and goes on. Recursion passes po_p_enter, which holds
 * the nesting to PO_SCRIPT_NESTING_MAX.
 */
#include "script/parse_priv.h"

static const struct po_tok eof_tok = {.kind = TK_EOF, .nl = true, .breaks = true, .sp = true};

const struct po_tok *po_p_peek(const struct po_parser *p, uint32_t k)
{
    if (p->is_bad || p->c->is_dead) return &eof_tok;
    uint32_t at = p->at + k;
    return &p->toks[at < p->count ? at : p->count - 1];
}

const struct po_tok *po_p_next(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind != TK_EOF) p->at++;
    return tok;
}

bool po_p_accept(struct po_parser *p, int kind)
{
    if (!po_p_at(p, kind) || kind == TK_EOF) return false;
    p->at++;
    return true;
}

static uint32_t last_end(const struct po_parser *p)
{
    return p->at > 0 ? p->toks[p->at - 1].end : 0;
}

void po_p_fail_code(struct po_parser *p, uint32_t pos, const char *code, const char *msg)
{
    if (!p->is_bad && !p->is_trial) po_comp_report(p->c, p->m, pos, code, "%s", msg);
    p->is_bad = true;
}

void po_p_fail(struct po_parser *p, const char *what)
{
    if (!p->is_bad && !p->is_trial) {
        const struct po_tok *tok = po_p_cur(p);
        if (tok->kind == TK_EOF) {
            po_comp_report(p->c, p->m, p->toks[p->count - 1].pos, "E0200", "%s, found end of file",
                           what);
        } else {
            po_str text = po_str_slice(p->m->text, tok->pos, tok->end);
            po_comp_report(p->c, p->m, tok->pos, "E0200", "%s, found '%.*s'", what,
                           (int)(text.len > 40 ? 40 : text.len), text.ptr);
        }
    }
    p->is_bad = true;
}

bool po_p_expect(struct po_parser *p, int kind, const char *where)
{
    if (po_p_accept(p, kind)) return true;
    char what[96];
    size_t used = 0;
    const char *parts[] = {"expected '", po_tok_text(kind), "'", where[0] ? " " : "", where};
    for (size_t i = 0; i < 5; i++) {
        for (const char *s = parts[i]; *s != '\0' && used + 1 < sizeof what; s++) {
            what[used++] = *s;
        }
    }
    what[used] = '\0';
    po_p_fail(p, what);
    return false;
}

struct po_node *po_p_node(struct po_parser *p, int kind, uint32_t pos)
{
    struct po_node *node = po_comp_alloc(p->c, 1, sizeof *node);
    if (node == NULL) {
        p->is_bad = true;
        p->c->dummy = (struct po_node){.kind = NK_UNIT, .name = &p->c->dummy_name, .index = -1};
        return &p->c->dummy;
    }
    node->kind = (uint8_t)kind;
    node->pos = pos;
    node->index = -1;
    return node;
}

struct po_name *po_p_ident(struct po_parser *p, const char *what)
{
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind != TK_ID) {
        char text[80] = "expected ";
        size_t used = 9;
        while (*what != '\0' && used + 1 < sizeof text) {
            text[used++] = *what++;
        }
        text[used] = '\0';
        po_p_fail(p, text);
        return &p->c->dummy_name;
    }
    p->at++;
    return tok->name;
}

struct po_name *po_p_ident_any(struct po_parser *p, const char *what)
{
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind >= TK_FN && tok->kind <= TK_NULL) {
        p->at++;
        return tok->name;
    }
    return po_p_ident(p, what);
}

bool po_p_enter(struct po_parser *p)
{
    p->depth++;
    if (p->depth <= PO_SCRIPT_NESTING_MAX) return true;
    po_p_fail_code(p, po_p_cur(p)->pos, "E0202", "nesting deeper than 200");
    return false;
}

/* ---- statements ------------------------------------------------------------------------------- */

static void end_statement(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    if (tok->kind == TK_EOF || tok->kind == TK_RBRACE || po_p_accept(p, TK_SEMI) || tok->breaks)
        return;
    if (p->at > 0 && p->toks[p->at - 1].kind == TK_RBRACE) return;
    po_p_fail(p, "expected newline or ';' after statement");
}

static struct po_node *attr_value(struct po_parser *p)
{
    const struct po_tok *tok = po_p_next(p);
    struct po_node *node = po_p_node(p, NK_UNIT, tok->pos);
    switch (tok->kind) {
    case TK_STR:
        node->kind = NK_STR;
        node->name = tok->name;
        break;
    case TK_ID:
        node->kind = NK_ID;
        node->name = tok->name;
        break;
    case TK_INT:
        node->kind = NK_INT;
        node->v.i = tok->v.i;
        break;
    case TK_FLOAT:
        node->kind = NK_FLOAT;
        node->v.f = tok->v.f;
        break;
    case TK_TRUE:
    case TK_FALSE:
        node->kind = NK_BOOL;
        node->v.i = tok->kind == TK_TRUE;
        break;
    case TK_LBRACKET: {
        struct po_list list = {0};
        node->kind = NK_ARRAY;
        while (po_p_enter(p) && po_p_more(p, TK_RBRACKET)) {
            po_list_add(&list, attr_value(p));
            po_p_leave(p);
            if (!po_p_accept(p, TK_COMMA)) break;
            if (!po_p_more(p, TK_RBRACKET)) break;
        }
        po_p_expect(p, TK_RBRACKET, "");
        node->list = list.first;
        break;
    }
    default: po_p_fail(p, "expected literal in attribute"); break;
    }
    return node;
}

static struct po_node *attribute_args(struct po_parser *p)
{
    struct po_list args = {0};
    po_p_next(p);
    while (po_p_more(p, TK_RPAREN)) {
        struct po_node *arg = po_p_node(p, NK_NAMED, po_p_cur(p)->pos);
        if (po_p_at(p, TK_ID) && po_p_peek(p, 1)->kind == TK_EQ) {
            arg->name = po_p_next(p)->name;
            po_p_next(p);
        }
        arg->a = attr_value(p);
        po_list_add(&args, arg);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RPAREN, "after attribute arguments");
    return args.first;
}

struct po_node *po_p_attributes(struct po_parser *p)
{
    struct po_list list = {0};
    while (po_p_at(p, TK_AT)) {
        uint32_t pos = po_p_next(p)->pos;
        struct po_node *attr = po_p_node(p, NK_ATTR, pos);
        attr->name = po_p_ident_any(p, "attribute name");
        bool has_args = po_p_at(p, TK_LPAREN) && !po_p_cur(p)->breaks;
        if (has_args) attr->list = attribute_args(p);
        po_list_add(&list, attr);
    }
    return list.first;
}

/* In let, for and parameters a bare capitalised name is a binding, not a variant. */
struct po_node *po_p_as_binding(struct po_node *pat)
{
    bool is_bare = pat->kind == PK_VAR && pat->name2 == NULL && pat->flag == FLAG_UNIT;
    if (is_bare && !po_str_eq_cstr(pat->name->s, "None")) pat->kind = PK_BIND;
    return pat;
}

struct po_node *po_p_params(struct po_parser *p, bool is_method)
{
    struct po_list list = {0};
    po_p_expect(p, TK_LPAREN, "");
    while (po_p_more(p, TK_RPAREN)) {
        struct po_node *param = po_p_node(p, NK_PARAM, po_p_cur(p)->pos);
        po_p_accept(p, TK_AMP);
        po_p_accept(p, TK_MUT);
        const struct po_tok *tok = po_p_cur(p);
        if (is_method && list.count == 0 && tok->kind == TK_ID &&
            po_str_eq_cstr(tok->name->s, "self")) {
            param->flag = 1;
            param->p = po_p_node(p, PK_BIND, tok->pos);
            param->p->name = po_p_next(p)->name;
        } else {
            param->p = po_p_as_binding(po_p_pattern_prim(p));
            if (po_p_accept(p, TK_COLON)) param->c = po_p_type(p);
        }
        po_list_add(&list, param);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RPAREN, "after parameters");
    return list.first;
}

struct po_node *po_p_wheres(struct po_parser *p)
{
    struct po_list list = {0};
    if (!po_p_accept(p, TK_WHERE)) return NULL;
    do {
        struct po_node *where = po_p_node(p, NK_WHERE, po_p_cur(p)->pos);
        where->c = po_p_type(p);
        po_p_expect(p, TK_COLON, "");
        where->list = po_p_bounds(p);
        po_list_add(&list, where);
    } while (po_p_accept(p, TK_COMMA) && !po_p_at(p, TK_LBRACE) && po_p_more(p, TK_RBRACE));
    return list.first;
}

struct po_node *po_p_function(struct po_parser *p, uint32_t pos, bool is_async, bool is_method)
{
    struct po_node *fn = po_p_node(p, NK_FN, pos);
    fn->flag = is_async;
    fn->name = po_p_ident(p, "function name");
    fn->list2 = po_p_generics(p);
    fn->list = po_p_params(p, is_method);
    if (po_p_accept(p, TK_ARROW)) fn->c = po_p_type(p);
    fn->d = po_p_wheres(p);
    fn->a = po_p_block(p);
    return fn;
}

static struct po_node *let_stmt(struct po_parser *p)
{
    struct po_node *let = po_p_node(p, NK_LET, po_p_next(p)->pos);
    po_p_accept(p, TK_MUT);
    let->p = po_p_as_binding(po_p_pattern(p));
    if (po_p_accept(p, TK_COLON)) let->c = po_p_type(p);
    if (po_p_accept(p, TK_EQ)) {
        let->a = po_p_expr(p);
        if (po_p_accept(p, TK_ELSE)) let->b = po_p_block(p);
    }
    return let;
}

static struct po_node *const_stmt(struct po_parser *p)
{
    struct po_node *let = po_p_node(p, NK_LET, po_p_next(p)->pos);
    let->flag = 1;
    let->p = po_p_node(p, PK_BIND, po_p_cur(p)->pos);
    let->p->name = po_p_ident(p, "identifier");
    if (po_p_accept(p, TK_COLON)) let->c = po_p_type(p);
    po_p_expect(p, TK_EQ, "");
    let->a = po_p_expr(p);
    return let;
}

static struct po_node *while_stmt(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_WHILE, po_p_next(p)->pos);
    if (po_p_accept(p, TK_LET)) {
        node->kind = NK_WHILELET;
        node->p = po_p_pattern(p);
        po_p_expect(p, TK_EQ, "");
    }
    node->a = po_p_head_expr(p);
    node->b = po_p_block(p);
    return node;
}

static struct po_node *for_stmt(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_FOR, po_p_next(p)->pos);
    node->p = po_p_as_binding(po_p_pattern_prim(p));
    po_p_expect(p, TK_IN, "in for loop");
    node->a = po_p_head_expr(p);
    node->b = po_p_block(p);
    return node;
}

/* `{ a, b as c }` of import and export; the opening brace is taken already. */
static struct po_node *alias_list(struct po_parser *p)
{
    struct po_list list = {0};
    while (po_p_more(p, TK_RBRACE)) {
        struct po_node *item = po_p_node(p, NK_NAME, po_p_cur(p)->pos);
        item->name = po_p_ident(p, "name");
        item->name2 = po_p_accept(p, TK_AS) ? po_p_ident(p, "alias") : item->name;
        po_list_add(&list, item);
        if (!po_p_accept(p, TK_COMMA)) break;
    }
    po_p_expect(p, TK_RBRACE, "");
    return list.first;
}

static struct po_node *import_stmt(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_IMPORT, po_p_next(p)->pos);
    if (po_p_at(p, TK_STR)) {
        node->name = po_p_next(p)->name;
        node->flag = '*';
        if (po_p_accept(p, TK_AS)) {
            node->flag = 's';
            node->name2 = po_p_ident(p, "alias");
        }
        return node;
    }
    if (po_p_accept(p, TK_STAR)) {
        node->flag = 's';
        po_p_expect(p, TK_AS, "");
        node->name2 = po_p_ident(p, "alias");
    } else if (po_p_accept(p, TK_LBRACE)) {
        node->flag = 'n';
        node->list = alias_list(p);
    } else {
        node->flag = 'd';
        node->name2 = po_p_ident(p, "import name");
    }
    po_p_expect(p, TK_FROM, "after import specifiers");
    if (!po_p_at(p, TK_STR)) po_p_fail(p, "expected module path string");
    node->name = po_p_at(p, TK_STR) ? po_p_next(p)->name : &p->c->dummy_name;
    return node;
}

static struct po_node *export_stmt(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_EXPORT, po_p_next(p)->pos);
    const struct po_tok *tok = po_p_cur(p);
    if (po_p_accept(p, TK_LBRACE)) {
        node->list = alias_list(p);
        return node;
    }
    if (tok->kind == TK_ID && po_str_eq_cstr(tok->name->s, "default")) {
        po_p_next(p);
        node->b = po_p_expr(p);
        return node;
    }
    switch (tok->kind) {
    case TK_FN:
    case TK_LET:
    case TK_CONST:
    case TK_STRUCT:
    case TK_ENUM:
    case TK_ASYNC: node->a = po_p_stmt(p); break;
    default: po_p_fail(p, "expected declaration after 'export'"); break;
    }
    return node;
}

static bool is_foreign_word(const struct po_parser *p)
{
    static const char *const words[] = {"trait", "actor", "interface", "module", "mod", "function",
                                        "class", "type",  "use",       "pub",    "loop"};
    const struct po_tok *tok = po_p_cur(p);
    const struct po_tok *next = po_p_peek(p, 1);
    if (tok->kind != TK_ID || next->breaks) return false;
    if (next->kind != TK_ID && next->kind != TK_FN && next->kind != TK_LBRACE) return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bool is_it = po_str_eq_cstr(tok->name->s, words[i]);
        if (is_it && (next->kind == TK_ID || i == 9 || i == 10)) return true;
    }
    return false;
}

static struct po_node *return_stmt(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_RETURN, po_p_next(p)->pos);
    const struct po_tok *tok = po_p_cur(p);
    bool is_bare = tok->breaks || tok->kind == TK_SEMI || tok->kind == TK_RBRACE ||
                   tok->kind == TK_COMMA || tok->kind == TK_EOF || tok->kind == TK_RPAREN;
    if (!is_bare) node->a = po_p_expr(p);
    return node;
}

static struct po_node *async_stmt(struct po_parser *p, uint32_t pos)
{
    po_p_next(p);
    if (po_p_accept(p, TK_EXPORT)) {
        struct po_node *node = po_p_node(p, NK_EXPORT, pos);
        po_p_expect(p, TK_FN, "");
        node->a = po_p_function(p, pos, true, false);
        return node;
    }
    po_p_next(p);
    return po_p_function(p, pos, true, false);
}

static struct po_node *expr_stmt(struct po_parser *p)
{
    struct po_node *node = po_p_node(p, NK_EXPR, po_p_cur(p)->pos);
    node->a = po_p_expr_stmt(p);
    return node;
}

static struct po_node *stmt_of(struct po_parser *p)
{
    const struct po_tok *tok = po_p_cur(p);
    int next = po_p_peek(p, 1)->kind;
    switch (tok->kind) {
    case TK_EXPORT: return export_stmt(p);
    case TK_IMPORT: return import_stmt(p);
    case TK_LET: return let_stmt(p);
    case TK_CONST: return const_stmt(p);
    case TK_STRUCT: return po_p_struct(p);
    case TK_ENUM: return po_p_enum(p);
    case TK_IMPL: return po_p_impl(p);
    case TK_WHILE: return while_stmt(p);
    case TK_FOR: return for_stmt(p);
    case TK_RETURN: return return_stmt(p);
    case TK_BREAK: return po_p_node(p, NK_BREAK, po_p_next(p)->pos);
    case TK_CONTINUE: return po_p_node(p, NK_CONTINUE, po_p_next(p)->pos);
    default: break;
    }
    if (tok->kind == TK_ASYNC && (next == TK_FN || next == TK_EXPORT))
        return async_stmt(p, tok->pos);
    if (tok->kind == TK_FN && next == TK_ID) {
        po_p_next(p);
        return po_p_function(p, tok->pos, false, false);
    }
    if (is_foreign_word(p)) {
        po_p_fail(p, "this word is not part of the dialect");
        return expr_stmt(p);
    }
    return expr_stmt(p);
}

struct po_node *po_p_stmt(struct po_parser *p)
{
    struct po_node *attrs = po_p_attributes(p);
    struct po_node *stmt = stmt_of(p);
    stmt->attrs = attrs;
    if (stmt->kind == NK_EXPORT && stmt->a != NULL && attrs != NULL) stmt->a->attrs = attrs;
    stmt->end = last_end(p);
    return stmt;
}

struct po_node *po_p_block(struct po_parser *p)
{
    struct po_node *block = po_p_node(p, NK_BLOCK, po_p_cur(p)->pos);
    if (!po_p_expect(p, TK_LBRACE, "") || !po_p_enter(p)) return block;
    bool saved = p->no_struct;
    p->no_struct = false;
    struct po_list list = {0};
    struct po_node *before_last = NULL;
    bool has_semi = false;
    while (po_p_more(p, TK_RBRACE)) {
        if (po_p_accept(p, TK_SEMI)) continue;
        struct po_node *stmt = po_p_stmt(p);
        bool is_outer = stmt->kind == NK_IMPORT || stmt->kind == NK_EXPORT;
        if (is_outer) {
            po_p_fail_code(p, stmt->pos, "E0200", "import and export stand outside of blocks");
        }
        uint32_t at = p->at;
        end_statement(p);
        has_semi = p->at > at;
        before_last = list.last;
        po_list_add(&list, stmt);
    }
    po_p_expect(p, TK_RBRACE, "");
    po_p_leave(p);
    p->no_struct = saved;
    if (list.last != NULL && list.last->kind == NK_EXPR && !has_semi) {
        block->a = list.last->a;
        if (before_last != NULL) before_last->next = NULL;
        if (list.first == list.last) list.first = NULL;
    }
    block->list = list.first;
    block->end = last_end(p);
    return block;
}

struct po_node *po_p_block_in_expr(struct po_parser *p)
{
    p->depth--;
    struct po_node *block = po_p_block(p);
    p->depth++;
    return block;
}

/* After an error: go to the next line that starts a declaration at column 1. */
static void recover(struct po_parser *p)
{
    p->is_bad = false;
    p->no_struct = false;
    p->depth = 0;
    po_p_next(p);
    for (; !po_p_at(p, TK_EOF); p->at++) {
        const struct po_tok *tok = po_p_cur(p);
        bool is_column_1 = tok->pos == 0 || p->m->text.ptr[tok->pos - 1] == '\n';
        bool is_start = tok->kind == TK_AT || tok->kind == TK_FN || tok->kind == TK_STRUCT ||
                        tok->kind == TK_ENUM || tok->kind == TK_IMPL || tok->kind == TK_EXPORT ||
                        tok->kind == TK_LET || tok->kind == TK_CONST || tok->kind == TK_IMPORT;
        if (is_column_1 && is_start) return;
    }
}

/* Inside ( and [ no line break ends anything; inside a { within them it does again. */
static void join_lines(struct po_comp *c, struct po_module *m)
{
    uint8_t *open = po_comp_alloc(c, m->tok_count, 1);
    uint32_t depth = 0;
    for (uint32_t i = 0; i < m->tok_count && open != NULL; i++) {
        struct po_tok *tok = &m->toks[i];
        tok->breaks = tok->nl && (depth == 0 || open[depth - 1] == TK_LBRACE);
        switch (tok->kind) {
        case TK_LPAREN:
        case TK_LBRACKET:
        case TK_LBRACE: open[depth++] = (uint8_t)tok->kind; break;
        case TK_RPAREN:
        case TK_RBRACKET:
        case TK_RBRACE: depth -= depth > 0; break;
        default: break;
        }
    }
}

void po_parse(struct po_comp *c, struct po_module *m)
{
    join_lines(c, m);
    struct po_parser parser = {.c = c, .m = m, .toks = m->toks, .count = m->tok_count};
    struct po_parser *p = &parser;
    struct po_list list = {0};
    while (!po_p_at(p, TK_EOF)) {
        if (po_p_accept(p, TK_SEMI)) continue;
        struct po_node *stmt = po_p_stmt(p);
        end_statement(p);
        if (p->is_bad && !c->is_dead) {
            recover(p);
        } else {
            po_list_add(&list, stmt);
        }
    }
    m->root = po_p_node(p, NK_BLOCK, 0);
    m->root->list = list.first;
}

struct po_node *po_parse_signature(struct po_comp *c, po_str text, struct po_node **ret_generics)
{
    struct po_module *m = po_comp_alloc(c, 1, sizeof *m);
    if (m == NULL) return NULL;
    m->text = text;
    if (!po_lex(c, m)) return NULL;
    struct po_parser p = {.c = c, .m = m, .toks = m->toks, .count = m->tok_count, .is_trial = true};
    *ret_generics = po_p_generics(&p);
    struct po_node *type = po_p_type(&p);
    bool is_good = !p.is_bad && !c->is_dead && po_p_at(&p, TK_EOF);
    return is_good ? type : NULL;
}
