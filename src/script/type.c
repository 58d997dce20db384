/*
 * Types: making, unifying, instantiating, showing.
 *
 * Every walk burns fuel and is bounded by PO_TYPE_DEPTH_MAX, so that types of exponential size end
 * in a diagnostic (E0440) instead of hours.
 */
#include "script/type_priv.h"

struct po_type *po_type_find(struct po_type *t)
{
    while (t->kind == TY_VAR && t->ref != NULL) {
        t = t->ref;
    }
    return t;
}

struct po_type *po_type_make(struct po_check *k, int kind, uint32_t n)
{
    struct po_type *t = po_comp_alloc(k->c, 1, sizeof *t);
    struct po_type **args =
        n > 0 && t != NULL ? po_comp_alloc(k->c, n, sizeof(struct po_type *)) : NULL;
    if (t == NULL || (n > 0 && args == NULL)) return &k->t_unknown;
    for (uint32_t i = 0; i < n; i++) {
        args[i] = &k->t_unknown;
    }
    t->kind = (uint8_t)kind;
    t->n = n;
    t->args = args;
    return t;
}

struct po_type *po_type_var(struct po_check *k) { return po_type_make(k, TY_VAR, 0); }

static struct po_type *make1(struct po_check *k, int kind, struct po_type *e)
{
    struct po_type *t = po_type_make(k, kind, 1);
    if (t->n == 1) t->args[0] = e;
    return t;
}

struct po_type *po_type_array(struct po_check *k, struct po_type *e)
{
    return make1(k, TY_ARRAY, e);
}
struct po_type *po_type_future(struct po_check *k, struct po_type *e)
{
    return make1(k, TY_FUTURE, e);
}

struct po_type *po_type_named(struct po_check *k, struct po_def *def, uint32_t n)
{
    struct po_type *t = po_type_make(k, TY_NAMED, n);
    if (t->kind == TY_NAMED) t->def = def;
    return t;
}

struct po_type *po_type_option(struct po_check *k, struct po_type *e)
{
    struct po_type *t = po_type_named(k, k->option, 1);
    if (t->n == 1) t->args[0] = e;
    return t;
}

struct po_type *po_type_result(struct po_check *k, struct po_type *ok, struct po_type *err)
{
    struct po_type *t = po_type_named(k, k->result, 2);
    if (t->n == 2) {
        t->args[0] = ok;
        t->args[1] = err;
    }
    return t;
}

struct po_type *po_type_fn1(struct po_check *k, struct po_type *param, struct po_type *ret)
{
    struct po_type *t = po_type_make(k, TY_FN, 2);
    if (t->n == 2) {
        t->args[0] = param;
        t->args[1] = ret;
    }
    return t;
}

bool po_type_is(struct po_type *t, int kind) { return po_type_find(t)->kind == kind; }

bool po_type_is_def(struct po_type *t, const struct po_def *def)
{
    t = po_type_find(t);
    return t->kind == TY_NAMED && t->def == def;
}

/* A type too deep to walk ends the compilation as one too large does: E0440. */
static bool may_walk(struct po_check *k, uint32_t depth)
{
    return po_comp_burn(k->c, depth <= PO_TYPE_DEPTH_MAX ? 1 : PO_COMP_FUEL);
}

static bool occurs(struct po_check *k, struct po_type *var, struct po_type *t, uint32_t depth)
{
    t = po_type_find(t);
    if (t == var) return true;
    if (!may_walk(k, depth)) return true;
    for (uint32_t i = 0; i < t->n; i++) {
        if (occurs(k, var, t->args[i], depth + 1)) return true;
    }
    return false;
}

static bool unify(struct po_check *k, struct po_type *a, struct po_type *b, uint32_t depth);

/* unknown meets a structure: its open places become unknown too. */
static void open_to_unknown(struct po_check *k, struct po_type *t, uint32_t depth)
{
    bool is_container = t->kind == TY_ARRAY || t->kind == TY_MAP || t->kind == TY_SET ||
                        t->kind == TY_FUTURE || t->kind == TY_NAMED;
    for (uint32_t i = 0; is_container && i < t->n; i++) {
        (void)unify(k, t->args[i], &k->t_unknown, depth + 1);
    }
}

static bool unify_records(struct po_check *k, struct po_type *a, struct po_type *b, uint32_t depth)
{
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t j = 0;
        while (j < b->n && b->names[j] != a->names[i]) {
            j++;
        }
        if (j == b->n || !unify(k, a->args[i], b->args[j], depth + 1)) return false;
    }
    return true;
}

static bool unify(struct po_check *k, struct po_type *a, struct po_type *b, uint32_t depth)
{
    a = po_type_find(a);
    b = po_type_find(b);
    if (a == b) return true;
    if (!may_walk(k, depth)) return false;
    if (a->kind == TY_VAR) {
        if (occurs(k, a, b, depth)) return false;
        a->ref = b;
        return true;
    }
    if (b->kind == TY_VAR) return unify(k, b, a, depth + 1);
    if (a->kind == TY_UNKNOWN || b->kind == TY_UNKNOWN) {
        open_to_unknown(k, a, depth);
        open_to_unknown(k, b, depth);
        return true;
    }
    if (a->kind == TY_NEVER || b->kind == TY_NEVER) return true;
    if (a->kind != b->kind || a->kind == TY_RIGID) return false;
    if (a->kind == TY_RECORD) return unify_records(k, a, b, depth);
    if (a->n != b->n || a->def != b->def) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (!unify(k, a->args[i], b->args[i], depth + 1)) return false;
    }
    return true;
}

bool po_type_unify(struct po_check *k, struct po_type *a, struct po_type *b)
{
    return unify(k, a, b, 0);
}

static bool has_rigid(struct po_check *k, struct po_type *t, uint32_t depth)
{
    t = po_type_find(t);
    if (t->kind == TY_RIGID) return true;
    if (!may_walk(k, depth)) return false;
    for (uint32_t i = 0; i < t->n; i++) {
        if (has_rigid(k, t->args[i], depth + 1)) return true;
    }
    return false;
}

static struct po_type *subst(struct po_check *k, struct po_type *t, const struct po_subst *s,
                             uint32_t depth)
{
    t = po_type_find(t);
    if (t->kind == TY_RIGID) {
        for (uint32_t i = 0; i < s->n; i++) {
            if (s->from[i] == t) return s->to[i];
        }
        return t;
    }
    if (t->n == 0 || !may_walk(k, depth) || !has_rigid(k, t, depth)) return t;
    struct po_type *copy = po_type_make(k, t->kind, t->n);
    if (copy->n != t->n) return copy;
    copy->def = t->def;
    copy->names = t->names;
    for (uint32_t i = 0; i < t->n; i++) {
        copy->args[i] = subst(k, t->args[i], s, depth + 1);
    }
    return copy;
}

struct po_type *po_type_subst(struct po_check *k, struct po_type *t, const struct po_subst *s)
{
    return s->n == 0 ? t : subst(k, t, s, 0);
}

struct po_subst po_type_fresh(struct po_check *k, struct po_type **gens, uint32_t n,
                              struct po_type **to)
{
    for (uint32_t i = 0; i < n; i++) {
        to[i] = po_type_var(k);
    }
    return (struct po_subst){gens, to, n};
}

struct po_type *po_type_instance(struct po_check *k, struct po_type *t, struct po_type **gens,
                                 uint32_t n)
{
    struct po_type *to[PO_GENERICS_MAX * 2];
    struct po_subst s = po_type_fresh(k, gens, n, to);
    return po_type_subst(k, t, &s);
}

/* ---- showing ---------------------------------------------------------------------------------- */

struct shower {
    struct po_check *k;
    char text[200];
    size_t len;
};

static void put(struct shower *sh, po_str s)
{
    for (size_t i = 0; i < s.len && sh->len + 4 < sizeof sh->text; i++) {
        sh->text[sh->len++] = s.ptr[i];
    }
}

static void show(struct shower *sh, struct po_type *t, uint32_t depth);

static void show_list(struct shower *sh, struct po_type **args, uint32_t n, uint32_t depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) put(sh, PO_LIT(", "));
        show(sh, args[i], depth + 1);
    }
}

static void show_generic(struct shower *sh, po_str name, struct po_type *t, uint32_t depth)
{
    put(sh, name);
    if (t->n == 0) return;
    put(sh, PO_LIT("<"));
    show_list(sh, t->args, t->n, depth);
    put(sh, PO_LIT(">"));
}

static void show_record(struct shower *sh, struct po_type *t, uint32_t depth)
{
    put(sh, PO_LIT("{"));
    for (uint32_t i = 0; i < t->n; i++) {
        if (i > 0) put(sh, PO_LIT(", "));
        put(sh, t->names[i]->s);
        put(sh, PO_LIT(": "));
        show(sh, t->args[i], depth + 1);
    }
    put(sh, PO_LIT("}"));
}

static void show(struct shower *sh, struct po_type *t, uint32_t depth)
{
    static const char *const names[] = {"_",  "int",   "float",   "bool",   "string",
                                        "()", "never", "unknown", "Secret", "Range"};
    t = po_type_find(t);
    if (depth > 12 || sh->len + 8 > sizeof sh->text) {
        put(sh, PO_LIT(".."));
        return;
    }
    if (t->kind <= TY_RANGE) {
        put(sh, po_str_of(names[t->kind]));
        return;
    }
    switch (t->kind) {
    case TY_ARRAY:
        put(sh, PO_LIT("["));
        show(sh, t->args[0], depth + 1);
        put(sh, PO_LIT("]"));
        break;
    case TY_MAP: show_generic(sh, PO_LIT("HashMap"), t, depth); break;
    case TY_SET: show_generic(sh, PO_LIT("HashSet"), t, depth); break;
    case TY_FUTURE: show_generic(sh, PO_LIT("Future"), t, depth); break;
    case TY_NAMED: show_generic(sh, t->def->name->s, t, depth); break;
    case TY_RIGID: put(sh, t->names[0]->s); break;
    case TY_RECORD: show_record(sh, t, depth); break;
    case TY_FN:
        put(sh, PO_LIT("("));
        show_list(sh, t->args, t->n - 1, depth);
        put(sh, PO_LIT(") -> "));
        show(sh, po_type_ret(t), depth + 1);
        break;
    default:
        put(sh, PO_LIT("("));
        show_list(sh, t->args, t->n, depth);
        put(sh, PO_LIT(")"));
        break;
    }
}

const char *po_type_show(struct po_check *k, struct po_type *t)
{
    struct shower sh = {.k = k};
    show(&sh, t, 0);
    char *copy = po_arena_strdup(k->c->arena, po_str_n(sh.text, sh.len));
    if (copy == NULL) k->c->is_dead = k->c->is_out_of_memory = true;
    return copy != NULL ? copy : "?";
}
