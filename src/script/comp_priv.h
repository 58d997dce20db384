/*
 * One compilation: arena, names, tokens, syntax tree, diagnostics.
 *
 * Running out of memory or of fuel is sticky (`is_dead`): everything that allocates then gives a
 * dummy object, every loop of the parser ends because the current token reads as end of file, and
 * the compilation is dropped before anybody walks the tree. Recursion is bounded by po_comp.depth.
 */
#ifndef PO_SCRIPT_COMP_PRIV_H
#define PO_SCRIPT_COMP_PRIV_H

#include "script/script.h"

#define PO_COMP_FUEL ((int64_t)40000000) /* checker steps; about a second */
#define PO_COMP_DEPTH_MAX 1000           /* nesting of any walk over the tree */
#define PO_COMMENT_NESTING_MAX 32

/* Token kinds: classes, then keywords, then operators. */
/* clang-format off */
#define PO_KEYWORD_TABLE(X)                                                                        \
    X(FN, "fn")                                                                                    \
    X(LET, "let")                                                                                  \
    X(MUT, "mut") X(CONST, "const") X(IF, "if") X(ELSE, "else") X(WHILE, "while") X(FOR, "for")    \
        X(IN, "in") X(RETURN, "return") X(TRUE, "true") X(FALSE, "false") X(MATCH, "match")        \
            X(ASYNC, "async") X(AWAIT, "await") X(STRUCT, "struct") X(ENUM, "enum")                \
                X(IMPL, "impl") X(WHERE, "where") X(TRY, "try") X(CATCH, "catch")                  \
                    X(FINALLY, "finally") X(IMPORT, "import") X(EXPORT, "export") X(FROM, "from")  \
                        X(AS, "as") X(BREAK, "break") X(CONTINUE, "continue") X(NULL, "null")
/* Longest first: the lexer takes the first that fits. */
#define PO_OPERATOR_TABLE(X)                                                                       \
    X(DOTDOTEQ, "..=")                                                                             \
    X(DOT3, "...")                                                                                 \
    X(COLON2, "::") X(ARROW, "->") X(FATARROW, "=>") X(DOTDOT, "..") X(EQEQ, "==") X(NOTEQ, "!=")  \
        X(LE, "<=") X(GE, ">=") X(ANDAND, "&&") X(OROR, "||") X(PLUSEQ, "+=") X(MINUSEQ, "-=")     \
            X(STAREQ, "*=") X(SLASHEQ, "/=") X(PERCENTEQ, "%=") X(PLUS, "+") X(MINUS, "-")         \
                X(STAR, "*") X(SLASH, "/") X(PERCENT, "%") X(LT, "<") X(GT, ">") X(EQ, "=")        \
                    X(BANG, "!") X(LPAREN, "(") X(RPAREN, ")") X(LBRACKET, "[") X(RBRACKET, "]")   \
                        X(LBRACE, "{") X(RBRACE, "}") X(COMMA, ",") X(SEMI, ";") X(COLON, ":")     \
                            X(DOT, ".") X(PIPE, "|") X(AMP, "&") X(AT, "@") X(QUESTION, "?")       \
                                X(UNDERSCORE, "_") X(HASH, "#")

enum po_tok_kind {
    TK_EOF,
    TK_ID,
    TK_INT,
    TK_FLOAT,
    TK_STR,
#define X(name, text) TK_##name,
    PO_KEYWORD_TABLE(X) PO_OPERATOR_TABLE(X)
#undef X
        TK_COUNT
};
/* clang-format on */

struct po_sym;
struct po_def;
struct po_type;
struct po_fn;

/* An interned identifier or string; what it means right now is reached from here. */
struct po_name {
    po_str s;
    struct po_sym *sym; /* innermost visible value symbol */
    struct po_def *def; /* type of this name in the module being checked */
    struct po_name *chain;
    uint32_t hash;
    int32_t const_index; /* string constant of the image, -1 = none yet */
};

struct po_tok {
    uint8_t kind;
    bool nl;     /* first on its line */
    bool breaks; /* and the break before it may end a statement: not inside ( and [ */
    bool sp;     /* white space before it */
    bool is_big; /* TK_INT: 9223372036854775808, only good after '-' */
    uint32_t pos;
    uint32_t end;
    struct po_name *name; /* TK_ID, TK_STR and keywords */
    union {
        int64_t i;
        double f;
    } v;
};

enum po_node_kind {
    /* expressions */
    NK_INT,
    NK_FLOAT,
    NK_STR,
    NK_BOOL,
    NK_UNIT,
    NK_NULL,
    NK_ID,
    NK_PATH,
    NK_INST,
    NK_PAREN,
    NK_BLOCK,
    NK_IF,
    NK_IFLET,
    NK_MATCH,
    NK_BIN,
    NK_UN,
    NK_ASSIGN,
    NK_CAST,
    NK_RANGE,
    NK_TUPLE,
    NK_ARRAY,
    NK_COMP,
    NK_RECORD,
    NK_STRUCTLIT,
    NK_CLOSURE,
    NK_CALL,
    NK_INDEX,
    NK_MEMBER,
    NK_TFIELD,
    NK_TRYQ,
    NK_AWAIT,
    NK_ASYNCBLOCK,
    NK_TRY,
    NK_STMTEXPR,
    /* statements */
    NK_LET,
    NK_FN,
    NK_STRUCT,
    NK_ENUM,
    NK_IMPL,
    NK_IMPORT,
    NK_EXPORT,
    NK_RETURN,
    NK_BREAK,
    NK_CONTINUE,
    NK_WHILE,
    NK_WHILELET,
    NK_FOR,
    NK_EXPR,
    /* parts */
    NK_ARM,
    NK_CATCH,
    NK_PARAM,
    NK_FIELD,
    NK_VARIANT,
    NK_ATTR,
    NK_NAME,
    NK_CLAUSE_FOR,
    NK_CLAUSE_IF,
    NK_GENERIC,
    NK_NAMED,
    NK_WHERE,
    /* patterns */
    PK_WILD,
    PK_UNIT,
    PK_BIND,
    PK_LIT,
    PK_RANGE,
    PK_OR,
    PK_TUP,
    PK_ARR,
    PK_REC,
    PK_VAR,
    /* types */
    YK_ARR,
    YK_UNIT,
    YK_TUP,
    YK_FN,
    YK_REC,
    YK_WILD,
    YK_NAME
};

/*
 * One node for everything. What the children mean, by kind (list = children chained by next):
 *   NK_BIN op a b | NK_UN op a | NK_ASSIGN op(0 or operator) a=target b=value | NK_CAST a c=type
 *   NK_RANGE a b flag=inclusive | NK_TUPLE/ARRAY list | NK_COMP a=element list=clauses
 *   NK_RECORD/STRUCTLIT list of NK_FIELD(name, a); STRUCTLIT a=head b=base
 *   NK_CLOSURE list=params a=body c=return type | NK_CALL a=callee list=args list2=NK_NAMED
 *   NK_INDEX a b | NK_MEMBER a name | NK_TFIELD a v.i | NK_PATH a=base name | NK_INST a list=types
 *   NK_BLOCK list=statements a=final | NK_IF a b=then c=else | NK_IFLET p=pattern a b c
 *   NK_MATCH a list=NK_ARM(p, b=guard, a=body) | NK_TRY a list=NK_CATCH(name c=type b=guard a) b=finally
 *   NK_LET p c=type a=init b=else flag=const | NK_FN name list=params list2=generics c=return
 *   d=wheres a=body flag=async | NK_PARAM p name c=type flag=self | NK_FOR p a b=body
 *   NK_WHILE a b | NK_WHILELET p a b | NK_EXPORT a=decl list=NK_NAME b=default
 *   NK_IMPORT name=path list=NK_NAME name2=alias flag: 'n'ames 's'pace 'd'efault '*'
 *   NK_STRUCT/ENUM name list2=generics list=NK_FIELD(name c=type a=default)/NK_VARIANT(name flag list)
 *   NK_IMPL name list=fns list2=generics d=type args | NK_ATTR name list=NK_NAMED(name a)
 */
struct po_node {
    uint8_t kind;
    uint8_t op; /* token kind of an operator; literal kind of PK_LIT */
    uint8_t flag;
    uint8_t flag2;
    uint32_t pos;
    uint32_t end;
    uint32_t n; /* number of things in list, where somebody needs it */
    struct po_node *next;
    struct po_node *a;
    struct po_node *b;
    struct po_node *c;
    struct po_node *d;
    struct po_node *p;
    struct po_node *list;
    struct po_node *list2;
    struct po_node *attrs;
    struct po_name *name;
    struct po_name *name2;
    union {
        int64_t i;
        double f;
    } v;
    struct po_type *t;   /* checker: type of an expression */
    struct po_sym *sym;  /* checker: what an identifier or binding is */
    struct po_def *def;  /* checker: struct or enum meant */
    struct po_fn *fn;    /* checker: function of NK_FN, NK_CLOSURE, NK_ASYNCBLOCK; method called */
    const void *builtin; /* checker: struct po_builtin called */
    int32_t index;       /* checker: variant, field; -1 = none */
};

enum { FLAG_UNIT = 0, FLAG_TUPLE = 1, FLAG_STRUCT = 2 }; /* NK_VARIANT.flag */

/* A list being built. */
struct po_list {
    struct po_node *first;
    struct po_node *last;
    uint32_t count;
};

struct po_module {
    po_str path;
    po_str text;
    uint32_t index;
    bool is_entry;
    uint32_t *line_starts;
    uint32_t line_count;
    struct po_tok *toks;
    uint32_t tok_count;
    struct po_node *root; /* list = statements */
    struct po_sym *exports;
    struct po_def *defs; /* chained by next_in_module */
    struct po_export *export_list;
    int32_t init_proto;
    bool has_errors;
};

struct po_export {
    struct po_export *next;
    struct po_name *name;
    struct po_sym *sym; /* a value, a type, or both */
    struct po_def *def;
};

struct po_builtin;

struct po_comp {
    struct po_ctx *cx;
    const struct po_script_config *config;
    struct po_arena *arena; /* tree and types; dropped after compilation */
    struct po_script_diags *diags;
    struct po_name **names; /* hash table */
    uint32_t name_slots;
    uint32_t name_count;
    int64_t fuel;
    uint32_t depth;
    bool is_dead; /* out of memory or of fuel; sticky */
    bool is_out_of_memory;
    struct po_module *modules[PO_SCRIPT_MODULES_MAX]; /* in order of loading */
    uint32_t module_count;
    struct po_module *stack[PO_SCRIPT_MODULE_DEPTH_MAX + 1];
    uint32_t stack_depth;
    struct po_node dummy;
    struct po_name dummy_name;
};

/* comp.c */
void *po_comp_alloc(struct po_comp *c, size_t count, size_t size); /* NULL sets is_dead */
struct po_name *po_comp_intern(struct po_comp *c, po_str s);       /* never NULL */
struct po_name *po_comp_intern_cstr(struct po_comp *c, const char *s);
bool po_comp_burn(struct po_comp *c, uint32_t fuel); /* false = no fuel left */
void po_comp_report(struct po_comp *c, struct po_module *m, uint32_t pos, const char *code,
                    const char *fmt, ...) PO_PRINTF(5, 6);
void po_comp_hint(struct po_comp *c, const char *fmt, ...) PO_PRINTF(2, 3); /* on the last report */
/* Are this module's lines the ones that coverage counts? */
bool po_comp_is_covered(const struct po_comp *c, const struct po_module *m);
void po_module_locate(const struct po_module *m, uint32_t pos, uint32_t *ret_line,
                      uint32_t *ret_column);
bool po_module_index_lines(struct po_comp *c, struct po_module *m);
const char *po_tok_text(int kind);

/* lex.c: fills m->toks; reports and returns false on a lexical error. */
bool po_lex(struct po_comp *c, struct po_module *m);
/* parse.c: fills m->root; reports errors. */
void po_parse(struct po_comp *c, struct po_module *m);
/* A type alone, for signatures: "<T>([T], int) -> T". NULL on failure. list2 of ret = generics. */
struct po_node *po_parse_signature(struct po_comp *c, po_str text, struct po_node **ret_generics);

/* A place of this type takes 32 bits only. */
static inline bool po_node_is_i32(const struct po_node *type)
{
    return type != NULL && type->kind == YK_NAME && po_str_eq_cstr(type->name->s, "i32");
}
static inline uint32_t po_list_len(const struct po_node *list)
{
    uint32_t n = 0;
    for (; list != NULL; list = list->next) {
        n++;
    }
    return n;
}
static inline void po_list_add(struct po_list *list, struct po_node *node)
{
    if (list->last == NULL) {
        list->first = node;
    } else {
        list->last->next = node;
    }
    list->last = node;
    list->count++;
}

#endif
