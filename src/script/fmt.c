/*
 * Formatter: one style, no options.
 *
 * Works on tokens and the comments between them: line breaks stay where the author put them (at most
 * one blank line), indentation and blanks inside lines are ours, spellings of the original become the
 * documented ones. The result is lexed again and must hold the same tokens, so formatting can never
 * change what a program means.
 */
#include "script/lib_priv.h"
#include "script/parse_priv.h"

#define FMT_DEPTH_MAX 400
#define FMT_OUT_BYTES_MAX ((size_t)8 << 20)

struct fmt {
    struct po_comp *c;
    struct po_module *m;
    struct po_buf *out;
    uint32_t levels[FMT_DEPTH_MAX]; /* level of the line that opened each bracket */
    uint32_t depth;
    uint32_t line_level;
};

static const struct po_tok *tok_at(const struct fmt *f, uint32_t i)
{
    return &f->m->toks[i < f->m->tok_count ? i : f->m->tok_count - 1];
}

static po_str text_of(const struct fmt *f, const struct po_tok *tok)
{
    return po_str_slice(f->m->text, tok->pos, tok->end);
}

/* ---- macros ----------------------------------------------------------------------------------- */

/* A name with '!' that the parser takes for a macro; not an attribute's before a negation. */
static bool is_macro(const struct po_module *m, uint32_t i, int before)
{
    if (i + 2 >= m->tok_count || before == TK_AT) return false;
    const struct po_tok *name = &m->toks[i];
    const struct po_tok *bang = &m->toks[i + 1];
    const struct po_tok *open = &m->toks[i + 2];
    return name->kind == TK_ID && po_p_is_macro(name->name->s) && bang->kind == TK_BANG &&
           !bang->sp && !bang->nl && !open->sp &&
           (open->kind == TK_LPAREN || open->kind == TK_LBRACKET);
}

/* println!( is print(: the '!' goes, and so does the vec of vec![, whose place its bracket takes. */
static void drop_macros(struct po_module *m)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->tok_count; i++) {
        struct po_tok tok = m->toks[i];
        if (is_macro(m, i, kept > 0 ? m->toks[kept - 1].kind : TK_EOF)) {
            bool is_vec = po_str_eq_cstr(tok.name->s, "vec") && m->toks[i + 2].kind == TK_LBRACKET;
            i += is_vec ? 2 : 1;
            if (is_vec) {
                struct po_tok bracket = m->toks[i];
                bracket.nl = tok.nl;
                bracket.breaks = tok.breaks;
                bracket.sp = tok.sp;
                tok = bracket;
            }
        }
        m->toks[kept++] = tok;
    }
    m->tok_count = kept;
}

/* ---- spellings -------------------------------------------------------------------------------- */

/* Does the program give this name a meaning of its own? */
static bool is_declared(const struct fmt *f, const struct po_name *name)
{
    for (uint32_t i = 0; i < f->m->tok_count; i++) {
        const struct po_tok *tok = tok_at(f, i);
        if (tok->kind != TK_ID || tok->name != name) continue;
        int before = i > 0 ? tok_at(f, i - 1)->kind : TK_EOF;
        int after = tok_at(f, i + 1)->kind;
        bool declares = before == TK_FN || before == TK_LET || before == TK_MUT ||
                        before == TK_CONST || before == TK_STRUCT || before == TK_ENUM ||
                        (after == TK_COLON && before != TK_DOT) ||
                        ((before == TK_LBRACE || before == TK_COMMA || before == TK_PIPE) &&
                         after != TK_LPAREN && after != TK_GT);
        if (declares) return true;
    }
    return false;
}

static const char *type_spelling(po_str name)
{
    static const struct {
        const char *from;
        const char *to;
    } table[] = {{"i64", "int"},      {"Int", "int"},     {"usize", "int"},     {"f64", "float"},
                 {"f32", "float"},    {"Float", "float"}, {"String", "string"}, {"Bool", "bool"},
                 {"Boolean", "bool"}, {"Any", "unknown"}, {"any", "unknown"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (po_str_eq_cstr(name, table[i].from)) return table[i].to;
    }
    return NULL;
}

static bool stands_as_type(const struct fmt *f, uint32_t i)
{
    int before = i > 0 ? tok_at(f, i - 1)->kind : TK_EOF;
    int after = tok_at(f, i + 1)->kind;
    bool opens = before == TK_COLON || before == TK_ARROW || before == TK_LT || before == TK_AS ||
                 before == TK_LBRACKET || before == TK_COMMA || before == TK_LPAREN;
    return opens && after != TK_LPAREN && after != TK_DOT && after != TK_COLON2 &&
           after != TK_COLON;
}

/* The documented name of a method or function, or NULL when it is that already. */
static const char *call_spelling(po_str name, bool is_method)
{
    const char *canon = NULL;
    for (size_t i = 0; i < po_builtin_count; i++) {
        const struct po_builtin *b = &po_builtins[i];
        bool is_kind =
            is_method ? b->recv > RECV_STATIC && b->recv < RECV_STD : b->recv == RECV_FREE;
        if (!is_kind || !po_str_eq(b->name, name)) continue;
        if (b->canon == NULL || b->special == SPECIAL_HOST)
            return NULL; /* documented for some type */
        canon = b->canon;
    }
    return canon;
}

static po_str spelling(const struct fmt *f, uint32_t i)
{
    const struct po_tok *tok = tok_at(f, i);
    const char *to = NULL;
    if (tok->kind == TK_NULL) to = "None";
    if (tok->kind == TK_ID) {
        int before = i > 0 ? tok_at(f, i - 1)->kind : TK_EOF;
        int after = tok_at(f, i + 1)->kind;
        if (after == TK_LPAREN && before != TK_FN && before != TK_COLON2) {
            to = call_spelling(tok->name->s, before == TK_DOT);
        } else if (stands_as_type(f, i)) {
            to = type_spelling(tok->name->s);
        }
        if (to != NULL && is_declared(f, tok->name)) to = NULL;
    }
    return to != NULL ? po_str_of(to) : text_of(f, tok);
}

/* ---- blanks ----------------------------------------------------------------------------------- */

static bool ends_operand(int kind)
{
    return kind == TK_ID || kind == TK_INT || kind == TK_FLOAT || kind == TK_STR ||
           kind == TK_RPAREN || kind == TK_RBRACKET || kind == TK_RBRACE || kind == TK_QUESTION ||
           kind == TK_TRUE || kind == TK_FALSE || kind == TK_NULL || kind == TK_UNDERSCORE;
}

static bool is_tight_both(int kind)
{
    return kind == TK_DOT || kind == TK_COLON2 || kind == TK_DOTDOT || kind == TK_DOTDOTEQ ||
           kind == TK_DOT3;
}

/* A '-', '&' or '!' that belongs to what follows it. */
static bool is_prefix(const struct fmt *f, uint32_t i)
{
    int kind = tok_at(f, i)->kind;
    if (kind == TK_BANG || kind == TK_AT) return true;
    if (kind != TK_MINUS && kind != TK_AMP) return false;
    return i == 0 || !ends_operand(tok_at(f, i - 1)->kind);
}

/* `1. 5` and `pair.0 .1` have a field after a number: without a blank it would be another number. */
static bool splits_number(const struct fmt *f, uint32_t before, uint32_t i)
{
    int next = tok_at(f, i + 1)->kind;
    return tok_at(f, before)->kind == TK_INT && tok_at(f, i)->kind == TK_DOT &&
           (next == TK_INT || next == TK_FLOAT);
}

static bool blank_between(const struct fmt *f, uint32_t i)
{
    const struct po_tok *tok = tok_at(f, i);
    uint32_t before = i - 1;
    int left = tok_at(f, before)->kind;
    int right = tok->kind;
    if (right == TK_COMMA || right == TK_SEMI || right == TK_RPAREN || right == TK_RBRACKET)
        return false;
    if (left == TK_COMMA || left == TK_SEMI) return true;
    if (left == TK_AMP && (right == TK_AMP || right == TK_ANDAND)) return true; /* two tokens */
    if (left == TK_LPAREN || left == TK_LBRACKET || is_prefix(f, before)) return false;
    if (right == TK_RBRACE) return left != TK_LBRACE;
    if (splits_number(f, before, i)) return true;
    if (is_tight_both(right) || is_tight_both(left)) {
        bool is_rest = (right == TK_DOTDOT || right == TK_DOT3) && !ends_operand(left);
        return is_rest && left != TK_LBRACKET;
    }
    if (right == TK_COLON || (right == TK_QUESTION && !tok->sp)) return false;
    if (right == TK_LBRACE || left == TK_LBRACE) return true;
    if (right == TK_LPAREN || right == TK_LBRACKET) {
        bool is_open = left == TK_LT || left == TK_GT || left == TK_PIPE || left == TK_OROR ||
                       left == TK_UNDERSCORE;
        if (is_open) return tok->sp;
        bool is_word = left == TK_ID || left == TK_NULL || left == TK_RPAREN ||
                       left == TK_RBRACKET || left == TK_QUESTION || left == TK_STR ||
                       left == TK_AT;
        return !is_word && left != TK_FN;
    }
    bool is_open_question = left == TK_LT || left == TK_GT || left == TK_PIPE || right == TK_LT ||
                            right == TK_GT || right == TK_PIPE;
    if (is_open_question) return tok->sp;
    return true;
}

/* ---- lines ------------------------------------------------------------------------------------ */

static void indent(struct fmt *f, uint32_t level)
{
    for (uint32_t i = 0; i < level * 4; i++) {
        po_buf_append_char(f->out, ' ');
    }
}

static uint32_t inner_level(const struct fmt *f)
{
    return f->depth > 0 ? f->levels[f->depth - 1] + 1 : 0;
}

static bool continues(int left, int right)
{
    if (right == TK_DOT) return true;
    return left == TK_EQ || left == TK_FATARROW || left == TK_ARROW || left == TK_ANDAND ||
           left == TK_OROR || (left >= TK_EQEQ && left <= TK_GE) ||
           (left >= TK_PLUS && left <= TK_PERCENT);
}

static bool is_closer(int kind)
{
    return kind == TK_RPAREN || kind == TK_RBRACKET || kind == TK_RBRACE;
}
static bool is_opener(int kind)
{
    return kind == TK_LPAREN || kind == TK_LBRACKET || kind == TK_LBRACE;
}

/* Level of a line that starts with token i: leading closers go back to who opened them. */
static uint32_t level_of_line(const struct fmt *f, uint32_t i)
{
    uint32_t closers = 0;
    while (is_closer(tok_at(f, i + closers)->kind) &&
           (closers == 0 || !tok_at(f, i + closers)->nl)) {
        closers++;
    }
    if (closers > 0) return f->depth >= closers ? f->levels[f->depth - closers] : 0;
    bool more = i > 0 && continues(tok_at(f, i - 1)->kind, tok_at(f, i)->kind);
    return inner_level(f) + (more ? 1 : 0);
}

/* The comments between two tokens; returns whether a new line was begun. */
static bool put_gap(struct fmt *f, uint32_t i)
{
    size_t at = i > 0 ? tok_at(f, i - 1)->end : 0;
    size_t end = tok_at(f, i)->pos;
    const char *s = f->m->text.ptr;
    unsigned newlines = i == 0 ? 1 : 0;
    bool wrote_line = i == 0;
    bool first = i == 0;
    while (at < end) {
        if (s[at] != '/') {
            newlines += s[at++] == '\n';
            continue;
        }
        size_t from = at;
        bool is_line = s[at + 1] == '/';
        unsigned nesting = 0;
        while (at < end && (is_line ? s[at] != '\n' : true)) {
            bool opens = !is_line && at + 1 < end && s[at] == '/' && s[at + 1] == '*';
            bool closes = !is_line && at + 1 < end && s[at] == '*' && s[at + 1] == '/';
            at += opens || closes ? 2 : 1;
            nesting += opens ? 1 : 0;
            if (closes && --nesting == 0) break;
        }
        po_str comment = po_str_trim(po_str_slice(f->m->text, from, at));
        if (newlines > 0 && !first) po_buf_append_char(f->out, '\n');
        if (newlines > 1 && !first && tok_at(f, i > 0 ? i - 1 : 0)->kind != TK_LBRACE) {
            po_buf_append_char(f->out, '\n');
        }
        if (newlines > 0) indent(f, inner_level(f));
        if (newlines == 0) po_buf_append_char(f->out, ' ');
        po_buf_append(f->out, comment);
        wrote_line = is_line;
        newlines = 0;
        first = false;
    }
    bool breaks = tok_at(f, i)->nl || wrote_line;
    if (!breaks || i == 0) {
        if (i == 0 && !first) po_buf_append_cstr(f->out, newlines > 1 ? "\n\n" : "\n");
        return i == 0;
    }
    po_buf_append_char(f->out, '\n');
    bool keeps_blank = newlines > 1 && tok_at(f, i - 1)->kind != TK_LBRACE &&
                       tok_at(f, i)->kind != TK_RBRACE && tok_at(f, i)->kind != TK_EOF;
    if (keeps_blank) po_buf_append_char(f->out, '\n');
    return true;
}

static bool has_comment(const struct fmt *f, uint32_t i)
{
    po_str gap = po_str_slice(f->m->text, tok_at(f, i - 1)->end, tok_at(f, i)->pos);
    return po_str_find_char(gap, '/', 0) != SIZE_MAX;
}

static void put_token(struct fmt *f, uint32_t i)
{
    const struct po_tok *tok = tok_at(f, i);
    bool begins = put_gap(f, i);
    if (tok->kind == TK_EOF) return;
    if (begins) {
        f->line_level = level_of_line(f, i);
        indent(f, f->line_level);
    } else if (has_comment(f, i) || blank_between(f, i)) {
        po_buf_append_char(f->out, ' ');
    }
    po_buf_append(f->out, spelling(f, i));
    if (is_opener(tok->kind) && f->depth < FMT_DEPTH_MAX) f->levels[f->depth++] = f->line_level;
    if (is_closer(tok->kind) && f->depth > 0) f->depth--;
}

/* ---- the whole -------------------------------------------------------------------------------- */

/* The formatted text holds the same tokens on the same lines. */
static bool is_same(struct fmt *f, struct po_module *again)
{
    if (again->tok_count != f->m->tok_count) return false;
    for (uint32_t i = 0; i < f->m->tok_count; i++) {
        const struct po_tok *a = tok_at(f, i);
        const struct po_tok *b = &again->toks[i];
        po_str text = po_str_slice(again->text, b->pos, b->end);
        bool is_renamed = a->kind == TK_NULL && b->kind == TK_ID;
        if ((a->kind != b->kind && !is_renamed) || !po_str_eq(spelling(f, i), text)) return false;
        if (a->nl != b->nl) return false;
    }
    return true;
}

static po_rc format(struct po_comp *c, struct po_module *m, struct po_buf *out)
{
    struct po_ctx *cx = c->cx;
    if (po_lex(c, m)) po_parse(c, m);
    if (c->is_out_of_memory) return PO_FAIL(cx, PO_NOMEM, "out of memory formatting a script");
    if (c->diags->error_count > 0) {
        return PO_FAIL(cx, PO_INVALID, "'%.*s' has errors", PO_STR_ARG(m->path));
    }
    struct fmt *f = po_comp_alloc(c, 1, sizeof *f);
    struct po_module *again = po_comp_alloc(c, 1, sizeof *again);
    if (f == NULL || again == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory formatting a script");
    PO_BUF_AUTO text;
    po_buf_init(&text, FMT_OUT_BYTES_MAX);
    drop_macros(m);
    f->c = c;
    f->m = m;
    f->out = &text;
    for (uint32_t i = 0; i < m->tok_count; i++) {
        put_token(f, i);
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' ')) {
        po_buf_truncate(&text, text.len - 1);
    }
    if (text.len > 0) po_buf_append_char(&text, '\n');
    PO_TRY_LEAF(cx, po_buf_check(&text), "formatted script is too large");
    again->path = m->path;
    again->text = po_buf_str(&text);
    bool is_good = po_lex(c, again) && is_same(f, again);
    if (c->is_out_of_memory) return PO_FAIL(cx, PO_NOMEM, "out of memory formatting a script");
    if (!is_good)
        return PO_FAIL(cx, PO_BUG, "formatting '%.*s' would change it", PO_STR_ARG(m->path));
    po_buf_append(out, po_buf_str(&text));
    PO_TRY_LEAF(cx, po_buf_check(out), "formatted script is too large");
    return po_rc_ok();
}

PO_RC po_script_fmt(struct po_ctx *cx, po_str path, po_str text, struct po_buf *out,
                    struct po_script_diags *ret_diags)
{
    static const struct po_script_config config = {0};
    PO_CLEANUP(po_arena_freep) struct po_arena *scratch = po_arena_new(PO_SCRIPT_COMPILE_BYTES_MAX);
    *ret_diags = (struct po_script_diags){0};
    struct po_comp *c = scratch != NULL ? po_arena_alloc(scratch, 1, sizeof *c) : NULL;
    if (c == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory formatting a script");
    struct po_module module = {.path = path, .text = text};
    c->cx = cx;
    c->config = &config;
    c->arena = scratch;
    c->diags = ret_diags;
    c->fuel = PO_COMP_FUEL;
    c->dummy_name.s = PO_LIT("?");
    return format(c, &module, out);
}
