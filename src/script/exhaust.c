/*
 * Exhaustiveness and usefulness of patterns by constructor matrices (Maranget).
 *
 * A row is a linked list of patterns, one per column; a column has a type. Specialising by a
 * constructor replaces the first column by the constructor's fields. Work burns fuel; when it runs
 * out the compilation ends with E0440, never with a wrong answer.
 */
#include "script/type_priv.h"

#define COLUMNS_MAX 64
#define WITNESS_BYTES 160

struct cell {
    struct po_node *p; /* NULL = wildcard */
    struct cell *rest;
};

struct row {
    struct cell *cells;
    struct row *next;
};

/* Columns still to look at. */
struct column {
    struct po_type *t;
    struct column *rest;
};

enum ctor_kind { CTOR_TRUE, CTOR_FALSE, CTOR_TUPLE, CTOR_VARIANT, CTOR_LENGTH, CTOR_LONGER };

struct ctor {
    enum ctor_kind kind;
    uint32_t index; /* variant; length */
    uint32_t arity;
    struct po_type **types; /* arity of them; CTOR_LENGTH and LONGER: one for all */
};

static bool is_wild(const struct po_node *p)
{
    return p == NULL || p->kind == PK_WILD || p->kind == PK_BIND || p->kind == PK_UNIT;
}

static struct cell *new_cell(struct po_check *k, struct po_node *p, struct cell *rest)
{
    struct cell *cell = po_comp_alloc(k->c, 1, sizeof *cell);
    if (cell != NULL) *cell = (struct cell){p, rest};
    (void)po_comp_burn(k->c, 1);
    return cell;
}

static void add_row(struct po_check *k, struct row **list, struct cell *cells)
{
    struct row *row = po_comp_alloc(k->c, 1, sizeof *row);
    if (row == NULL) return;
    *row = (struct row){cells, NULL};
    while (*list != NULL) {
        list = &(*list)->next;
        if (!po_comp_burn(k->c, 1)) return;
    }
    *list = row;
}

static uint32_t longest(const struct row *rows)
{
    uint32_t max = 0;
    for (; rows != NULL; rows = rows->next) {
        const struct po_node *p = rows->cells != NULL ? rows->cells->p : NULL;
        if (p == NULL) continue;
        if (p->kind == PK_ARR && p->n > max) max = p->n;
        for (const struct po_node *q = p->kind == PK_OR ? p->list : NULL; q != NULL; q = q->next) {
            if (q->kind == PK_ARR && q->n > max) max = q->n;
        }
    }
    return max;
}

/* Number of constructors of `t`, 0 when there are infinitely many. */
static uint32_t ctor_count(const struct po_type *t, uint32_t max_length)
{
    switch (t->kind) {
    case TY_BOOL: return 2;
    case TY_TUPLE:
    case TY_RECORD:
    case TY_UNIT: return 1;
    case TY_NAMED: return t->def->is_enum ? t->def->variant_count : 1;
    case TY_ARRAY: return max_length + 2;
    default: return 0;
    }
}

static struct po_type **field_types(struct po_check *k, struct po_type *t, struct po_field *fields,
                                    uint32_t n)
{
    struct po_type **types = po_comp_alloc(k->c, n, sizeof(struct po_type *));
    struct po_subst s = {t->def->params, t->args, t->n};
    for (uint32_t i = 0; i < n && types != NULL; i++) {
        types[i] = po_type_subst(k, fields[i].type, &s);
    }
    return types;
}

static struct ctor ctor_at(struct po_check *k, struct po_type *t, uint32_t i, uint32_t max_length)
{
    switch (t->kind) {
    case TY_BOOL: return (struct ctor){i == 0 ? CTOR_TRUE : CTOR_FALSE, 0, 0, NULL};
    case TY_TUPLE:
    case TY_RECORD: return (struct ctor){CTOR_TUPLE, 0, t->n, t->args};
    case TY_ARRAY: return (struct ctor){i <= max_length ? CTOR_LENGTH : CTOR_LONGER, i, i, t->args};
    case TY_NAMED: break;
    default: return (struct ctor){CTOR_TUPLE, 0, 0, NULL};
    }
    if (!t->def->is_enum) {
        return (struct ctor){CTOR_TUPLE, 0, t->def->field_count,
                             field_types(k, t, t->def->fields, t->def->field_count)};
    }
    struct po_variant *v = &t->def->variants[i];
    return (struct ctor){CTOR_VARIANT, i, v->n, field_types(k, t, v->fields, v->n)};
}

static struct po_type *ctor_type(const struct ctor *c, uint32_t i)
{
    bool is_array = c->kind == CTOR_LENGTH || c->kind == CTOR_LONGER;
    return c->types[is_array ? 0 : i];
}

/* The i-th sub-pattern of `p` under constructor `c`: false when p does not match c. */
static bool sub_pattern(const struct po_node *p, const struct ctor *c, uint32_t i,
                        struct po_node **ret_sub)
{
    *ret_sub = NULL;
    struct po_node *q = p->list;
    switch (p->kind) {
    case PK_LIT: return p->op == TK_TRUE && c->kind == (p->v.i ? CTOR_TRUE : CTOR_FALSE);
    case PK_TUP: break;
    case PK_REC:
        for (; q != NULL; q = q->next) {
            if (q->index == (int32_t)i) *ret_sub = q->p;
        }
        return true;
    case PK_VAR:
        if (c->kind != CTOR_VARIANT || p->index != (int32_t)c->index) return false;
        for (; q != NULL && q->kind == NK_FIELD; q = q->next) {
            if (q->index == (int32_t)i) *ret_sub = q->p;
        }
        if (q == NULL) return true;
        break;
    case PK_ARR: {
        bool is_longer = c->kind == CTOR_LONGER;
        if (!p->flag && (is_longer || p->n != c->arity)) return false;
        if (p->n > c->arity) return false;
        uint32_t gap = c->arity - p->n;
        if (gap > 0 && i >= (uint32_t)p->v.i && i < (uint32_t)p->v.i + gap) return true;
        if (gap > 0 && i >= (uint32_t)p->v.i) i -= gap;
        break;
    }
    default: return false;
    }
    while (q != NULL && i > 0) {
        q = q->next;
        i--;
    }
    *ret_sub = q;
    return true;
}

/* Append the specialisations of one row to `out`. */
static void specialise(struct po_check *k, const struct cell *cells, const struct ctor *c,
                       struct row **out, uint32_t depth)
{
    struct po_node *p = cells->p;
    if (depth > 8 || !po_comp_burn(k->c, 1 + c->arity)) return;
    if (p != NULL && p->kind == PK_OR) {
        for (struct po_node *q = p->list; q != NULL; q = q->next) {
            struct cell one = {q, cells->rest};
            specialise(k, &one, c, out, depth + 1);
        }
        return;
    }
    struct cell *built = cells->rest;
    struct po_node *sub = NULL;
    if (!is_wild(p) && !sub_pattern(p, c, 0, &sub)) return;
    for (uint32_t i = c->arity; i > 0; i--) {
        sub = NULL;
        if (!is_wild(p)) (void)sub_pattern(p, c, i - 1, &sub);
        built = new_cell(k, sub, built);
        if (built == NULL) return;
    }
    add_row(k, out, built);
}

static bool has_wild(const struct po_node *p)
{
    if (is_wild(p)) return true;
    if (p->kind != PK_OR) return false;
    for (const struct po_node *q = p->list; q != NULL; q = q->next) {
        if (is_wild(q)) return true;
    }
    return false;
}

static bool all_wild(const struct row *rows)
{
    for (; rows != NULL; rows = rows->next) {
        const struct po_node *p = rows->cells->p;
        if (is_wild(p)) continue;
        if (p->kind != PK_OR) return false;
        for (const struct po_node *q = p->list; q != NULL; q = q->next) {
            if (!is_wild(q)) return false;
        }
    }
    return true;
}

/* Rows whose first pattern takes everything, without it. */
static struct row *default_rows(struct po_check *k, const struct row *rows)
{
    struct row *out = NULL;
    for (; rows != NULL && !k->c->is_dead; rows = rows->next) {
        if (has_wild(rows->cells->p)) add_row(k, &out, rows->cells->rest);
    }
    return out;
}

static struct column *push_columns(struct po_check *k, const struct ctor *c, struct column *rest)
{
    for (uint32_t i = c->arity; i > 0; i--) {
        struct column *col = po_comp_alloc(k->c, 1, sizeof *col);
        if (col == NULL) return rest;
        *col = (struct column){po_type_find(ctor_type(c, i - 1)), rest};
        rest = col;
    }
    return rest;
}

/* ---- missing values --------------------------------------------------------------------------- */

struct witness {
    const char *text;
    struct witness *next;
};

static struct witness *new_witness(struct po_check *k, const char *text, struct witness *next)
{
    struct witness *w = po_comp_alloc(k->c, 1, sizeof *w);
    if (w != NULL) *w = (struct witness){text, next};
    return w;
}

static const char *copy_text(struct po_check *k, const struct po_buf *buf)
{
    char *text = po_arena_strdup(k->c->arena, po_buf_str(buf));
    if (text == NULL) k->c->is_dead = k->c->is_out_of_memory = true;
    return text != NULL ? text : "_";
}

/* "Name(a, b)" from the constructor and the texts of its fields. */
static const char *ctor_text(struct po_check *k, struct po_type *t, const struct ctor *c,
                             const struct witness *args)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 4096);
    const char *open = "(";
    const char *close = ")";
    switch (c->kind) {
    case CTOR_TRUE: return "true";
    case CTOR_FALSE: return "false";
    case CTOR_VARIANT:
        if (!t->def->is_builtin) {
            po_buf_append(&buf, t->def->name->s);
            po_buf_append_cstr(&buf, "::");
        }
        po_buf_append(&buf, t->def->variants[c->index].name->s);
        if (t->def->variants[c->index].kind == FLAG_STRUCT) {
            po_buf_append_cstr(&buf, " { .. }");
            return copy_text(k, &buf);
        }
        if (c->arity == 0) return copy_text(k, &buf);
        break;
    case CTOR_TUPLE:
        if (t->kind == TY_RECORD || t->kind == TY_NAMED) return "{ .. }";
        break;
    case CTOR_LENGTH:
        open = "[";
        close = "]";
        break;
    case CTOR_LONGER:
        open = "[";
        close = ", ..]";
        break;
    }
    po_buf_append_cstr(&buf, open);
    for (uint32_t i = 0; i < c->arity && args != NULL; i++, args = args->next) {
        if (i > 0) po_buf_append_cstr(&buf, ", ");
        po_buf_append_cstr(&buf, args->text);
    }
    po_buf_append_cstr(&buf, close);
    return buf.len > WITNESS_BYTES ? "_" : copy_text(k, &buf);
}

static bool missing(struct po_check *k, const struct row *rows, struct column *cols,
                    struct witness **ret);

static bool missing_ctor(struct po_check *k, const struct row *rows, struct column *cols,
                         const struct ctor *c, struct witness **ret)
{
    struct row *sub = NULL;
    for (const struct row *r = rows; r != NULL && !k->c->is_dead; r = r->next) {
        specialise(k, r->cells, c, &sub, 0);
    }
    struct column end = {NULL, NULL};
    struct column *rest = cols->rest != NULL ? cols->rest : &end;
    struct witness *w = NULL;
    if (!missing(k, sub, push_columns(k, c, rest), &w)) return false;
    const char *text = ctor_text(k, cols->t, c, w);
    for (uint32_t i = 0; i < c->arity && w != NULL; i++) {
        w = w->next;
    }
    *ret = new_witness(k, text, w);
    return true;
}

/* Is there a value no row matches? The column list ends with t == NULL. */
static bool missing(struct po_check *k, const struct row *rows, struct column *cols,
                    struct witness **ret)
{
    *ret = NULL;
    if (k->c->is_dead || cols == NULL || cols->t == NULL) return rows == NULL && !k->c->is_dead;
    if (!po_check_enter(k, 0)) return false;
    bool result = false;
    uint32_t max_length = longest(rows);
    uint32_t count = ctor_count(cols->t, max_length);
    struct column end = {NULL, NULL};
    struct column *rest = cols->rest != NULL ? cols->rest : &end;
    struct witness *w = NULL;
    if (count == 0 || all_wild(rows)) {
        result = missing(k, default_rows(k, rows), rest, &w);
        if (result) {
            struct ctor c = {0};
            bool is_shown = rows == NULL && count > 0 && cols->t->kind != TY_ARRAY;
            if (is_shown) c = ctor_at(k, cols->t, 0, max_length);
            struct witness blank = {"_", NULL};
            *ret = new_witness(
                k, is_shown && c.arity <= 1 ? ctor_text(k, cols->t, &c, &blank) : "_", w);
        }
    } else {
        for (uint32_t i = 0; i < count && !result && !k->c->is_dead; i++) {
            struct ctor c = ctor_at(k, cols->t, i, max_length);
            result = !k->c->is_dead && missing_ctor(k, rows, cols, &c, ret);
        }
    }
    po_check_leave(k);
    return result;
}

static struct row *single_rows(struct po_check *k, struct po_node **rows, uint32_t n)
{
    struct row *list = NULL;
    for (uint32_t i = 0; i < n && !k->c->is_dead; i++) {
        struct cell *cell = new_cell(k, rows[i], NULL);
        if (cell != NULL) add_row(k, &list, cell);
    }
    return list;
}

const char *po_exhaust_missing(struct po_check *k, struct po_node **rows, uint32_t n,
                               struct po_type *t)
{
    struct column end = {NULL, NULL};
    struct column first = {po_type_find(t), &end};
    struct witness *w = NULL;
    struct row *list = single_rows(k, rows, n);
    if (!missing(k, list, &first, &w)) return NULL;
    return w != NULL ? w->text : "_";
}

/* ---- useful arms ------------------------------------------------------------------------------ */

static bool useful(struct po_check *k, const struct row *rows, const struct cell *q,
                   struct column *cols);

static bool covers_literal(const struct po_node *x, const struct po_node *p)
{
    if (is_wild(x)) return true;
    if (x->kind == PK_RANGE && p->kind == PK_LIT && p->op == TK_INT) {
        return x->v.i <= p->v.i && (p->v.i < x->b->v.i || (x->flag && p->v.i == x->b->v.i));
    }
    if (x->kind != p->kind) return false;
    if (x->kind == PK_RANGE) {
        return x->v.i == p->v.i && x->b->v.i == p->b->v.i && x->flag == p->flag;
    }
    if (x->kind != PK_LIT || x->op != p->op) return false;
    if (x->op == TK_STR) return x->name == p->name;
    return x->op == TK_FLOAT ? x->v.f == p->v.f : x->v.i == p->v.i;
}

static bool useful_literal(struct po_check *k, const struct row *rows, const struct cell *q,
                           struct column *cols)
{
    struct row *sub = NULL;
    for (const struct row *r = rows; r != NULL && !k->c->is_dead; r = r->next) {
        const struct po_node *x = r->cells->p;
        bool covers = false;
        if (x != NULL && x->kind == PK_OR) {
            for (const struct po_node *y = x->list; y != NULL; y = y->next) {
                covers = covers || covers_literal(y, q->p);
            }
        } else {
            covers = covers_literal(x, q->p);
        }
        if (covers) add_row(k, &sub, r->cells->rest);
    }
    return useful(k, sub, q->rest, cols->rest);
}

/* six parameters: the matrix is rows and columns, the query a row */
static bool useful_ctors(struct po_check *k, const struct row *rows, const struct cell *q,
                         struct column *cols, uint32_t count, uint32_t max_length)
{
    for (uint32_t i = 0; i < count && !k->c->is_dead; i++) {
        struct ctor c = ctor_at(k, cols->t, i, max_length);
        struct row *query = NULL;
        struct row *sub = NULL;
        specialise(k, q, &c, &query, 0);
        if (query == NULL || k->c->is_dead) continue;
        for (const struct row *r = rows; r != NULL && !k->c->is_dead; r = r->next) {
            specialise(k, r->cells, &c, &sub, 0);
        }
        if (useful(k, sub, query->cells, push_columns(k, &c, cols->rest))) return true;
    }
    return false;
}

static bool useful_or(struct po_check *k, const struct row *rows, const struct cell *q,
                      struct column *cols)
{
    struct row *before = NULL;
    for (const struct row *r = rows; r != NULL && !k->c->is_dead; r = r->next) {
        add_row(k, &before, r->cells);
    }
    for (struct po_node *alt = q->p->list; alt != NULL && !k->c->is_dead; alt = alt->next) {
        struct cell *one = new_cell(k, alt, q->rest);
        if (one == NULL || useful(k, before, one, cols)) return true;
        add_row(k, &before, one);
    }
    return false;
}

static bool useful(struct po_check *k, const struct row *rows, const struct cell *q,
                   struct column *cols)
{
    if (k->c->is_dead) return true;
    if (cols == NULL || cols->t == NULL || q == NULL) return rows == NULL;
    if (!po_check_enter(k, 0)) return true;
    bool result = false;
    struct row own = {NULL, NULL};
    struct cell copy = *q;
    own.cells = &copy;
    uint32_t max_length = longest(rows);
    if (longest(&own) > max_length) max_length = longest(&own);
    uint32_t count = ctor_count(cols->t, max_length);
    if (q->p != NULL && q->p->kind == PK_OR) {
        result = useful_or(k, rows, q, cols);
    } else if (count == 0 && !is_wild(q->p)) {
        result = useful_literal(k, rows, q, cols);
    } else if (count == 0 || (is_wild(q->p) && all_wild(rows))) {
        /* also where a recursive type would unfold for ever */
        result = useful(k, default_rows(k, rows), q->rest, cols->rest);
    } else {
        result = useful_ctors(k, rows, q, cols, count, max_length);
    }
    po_check_leave(k);
    return result;
}

bool po_exhaust_useful(struct po_check *k, struct po_node **rows, uint32_t n, struct po_node *p,
                       struct po_type *t)
{
    struct column end = {NULL, NULL};
    struct column first = {po_type_find(t), &end};
    struct cell query = {p, NULL};
    return useful(k, single_rows(k, rows, n), &query, &first);
}
