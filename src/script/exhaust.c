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

struct po_pat_row {
    struct cell *cells;
    struct po_pat_row *next;
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

/* Fuel for what stays allocated: it runs out before the memory of a compilation does. */
#define ALLOC_FUEL 16

static struct cell *new_cell(struct po_check *k, struct po_node *p, struct cell *rest)
{
    struct cell *cell =
        po_comp_burn(k->c, ALLOC_FUEL) ? po_comp_alloc(k->c, 1, sizeof *cell) : NULL;
    if (cell != NULL) *cell = (struct cell){p, rest};
    return cell;
}

/* A matrix is a set: the order of its rows is of no account. */
static void add_row(struct po_check *k, struct po_pat_row **list, struct cell *cells)
{
    struct po_pat_row *row =
        po_comp_burn(k->c, ALLOC_FUEL) ? po_comp_alloc(k->c, 1, sizeof *row) : NULL;
    if (row == NULL) return;
    *row = (struct po_pat_row){cells, *list};
    *list = row;
}

static uint32_t longest(const struct po_pat_row *rows)
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
                       struct po_pat_row **out, uint32_t depth)
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

static bool all_wild(const struct po_pat_row *rows)
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
static struct po_pat_row *default_rows(struct po_check *k, const struct po_pat_row *rows)
{
    struct po_pat_row *out = NULL;
    for (; rows != NULL && po_comp_burn(k->c, 1); rows = rows->next) {
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

/* What a default row's value shows for its column: the only constructor, else "_". */
static const char *any_text(struct po_check *k, struct po_type *t, bool is_first_row)
{
    struct witness blank = {"_", NULL};
    uint32_t count = ctor_count(t, 0);
    if (!is_first_row || count == 0 || t->kind == TY_ARRAY) return "_";
    struct ctor c = ctor_at(k, t, 0, 0);
    return c.arity <= 1 && !k->c->is_dead ? ctor_text(k, t, &c, &blank) : "_";
}

/* ---- useful patterns -------------------------------------------------------------------------- */

/*
 * Is there a value that the row `q` matches and no row of the matrix does? With `ret_witness` (only
 * for rows of wildcards) such a value is shown, a text for each column.
 */
static bool useful(struct po_check *k, const struct po_pat_row *rows, const struct cell *q,
                   struct column *cols, struct witness **ret_witness);

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

static bool useful_literal(struct po_check *k, const struct po_pat_row *rows, const struct cell *q,
                           struct column *cols)
{
    struct po_pat_row *sub = NULL;
    for (const struct po_pat_row *r = rows; r != NULL && po_comp_burn(k->c, 1); r = r->next) {
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
    return useful(k, sub, q->rest, cols->rest, NULL);
}

static bool useful_or(struct po_check *k, const struct po_pat_row *rows, const struct cell *q,
                      struct column *cols)
{
    struct po_pat_row *before = NULL;
    for (const struct po_pat_row *r = rows; r != NULL && !k->c->is_dead; r = r->next) {
        add_row(k, &before, r->cells);
    }
    for (struct po_node *alt = q->p->list; alt != NULL && !k->c->is_dead; alt = alt->next) {
        struct cell *one = new_cell(k, alt, q->rest);
        if (one == NULL || useful(k, before, one, cols, NULL)) return true;
        add_row(k, &before, one);
    }
    return false;
}

/* six parameters: the matrix is rows and columns, the query a row */
static bool useful_ctor(struct po_check *k, const struct po_pat_row *rows, const struct cell *q,
                        struct column *cols, const struct ctor *c, struct witness **ret_witness)
{
    struct po_pat_row *query = NULL;
    struct po_pat_row *sub = NULL;
    struct witness *w = NULL;
    specialise(k, q, c, &query, 0);
    if (query == NULL || k->c->is_dead) return false;
    for (const struct po_pat_row *r = rows; r != NULL && !k->c->is_dead; r = r->next) {
        specialise(k, r->cells, c, &sub, 0);
    }
    bool is_useful = useful(k, sub, query->cells, push_columns(k, c, cols->rest),
                            ret_witness != NULL ? &w : NULL);
    if (!is_useful || ret_witness == NULL) return is_useful;
    const char *text = ctor_text(k, cols->t, c, w);
    for (uint32_t i = 0; i < c->arity && w != NULL; i++) {
        w = w->next;
    }
    *ret_witness = new_witness(k, text, w);
    return true;
}

static bool useful_default(struct po_check *k, const struct po_pat_row *rows, const struct cell *q,
                           struct column *cols, struct witness **ret_witness)
{
    struct witness *w = NULL;
    if (!useful(k, default_rows(k, rows), q->rest, cols->rest, ret_witness != NULL ? &w : NULL))
        return false;
    if (ret_witness != NULL) *ret_witness = new_witness(k, any_text(k, cols->t, rows == NULL), w);
    return true;
}

static bool useful(struct po_check *k, const struct po_pat_row *rows, const struct cell *q,
                   struct column *cols, struct witness **ret_witness)
{
    bool when_dead = ret_witness == NULL; /* neither "unreachable" nor "missing" is said then */
    if (k->c->is_dead) return when_dead;
    if (cols == NULL || q == NULL) return rows == NULL;
    if (!po_check_enter(k, 0)) return when_dead;
    bool result = false;
    struct cell copy = *q;
    struct po_pat_row own = {&copy, NULL};
    uint32_t max_length = longest(rows);
    if (longest(&own) > max_length) max_length = longest(&own);
    uint32_t count = ctor_count(cols->t, max_length);
    if (q->p != NULL && q->p->kind == PK_OR) {
        result = useful_or(k, rows, q, cols);
    } else if (count == 0 && !is_wild(q->p)) {
        result = useful_literal(k, rows, q, cols);
    } else if (count == 0 || (is_wild(q->p) && all_wild(rows))) {
        /* also where a recursive type would unfold for ever */
        result = useful_default(k, rows, q, cols, ret_witness);
    } else {
        for (uint32_t i = 0; i < count && !result && !k->c->is_dead; i++) {
            struct ctor c = ctor_at(k, cols->t, i, max_length);
            result = useful_ctor(k, rows, q, cols, &c, ret_witness);
        }
    }
    po_check_leave(k);
    return result && !(k->c->is_dead && ret_witness != NULL);
}

struct po_pat_row *po_exhaust_add(struct po_check *k, struct po_pat_row *seen, struct po_node *p)
{
    struct cell *cell = new_cell(k, p, NULL);
    if (cell != NULL) add_row(k, &seen, cell);
    return seen;
}

const char *po_exhaust_missing(struct po_check *k, const struct po_pat_row *seen, struct po_type *t)
{
    struct column column = {po_type_find(t), NULL};
    struct cell wild = {NULL, NULL};
    struct witness *w = NULL;
    if (!useful(k, seen, &wild, &column, &w)) return NULL;
    return w != NULL ? w->text : "_";
}

bool po_exhaust_useful(struct po_check *k, const struct po_pat_row *seen, struct po_node *p,
                       struct po_type *t)
{
    struct column column = {po_type_find(t), NULL};
    struct cell query = {p, NULL};
    return useful(k, seen, &query, &column, NULL);
}
