/*
 * Code generation, part one: the image, its tables, functions.
 *
 * Role: turn a checked tree into protos. Every size that could grow is bounded: 250 registers, 120
 * captured variables and 400,000 instructions end in diagnostics E0601..E0603.
 */
#include "script/gen_priv.h"

void po_gen_error(struct po_gen *g, const char *code, const char *msg)
{
    if (!g->b->is_bad) po_comp_report(g->b->c, g->m, g->at, code, "%s", msg);
    g->b->is_bad = true;
}

void *po_image_alloc(struct po_build *b, size_t count, size_t size)
{
    void *mem = po_arena_alloc(b->s->arena, count ? count : 1, size);
    if (mem == NULL) {
        b->is_bad = true;
        b->c->is_dead = b->c->is_out_of_memory = true;
    }
    return mem;
}

po_str po_image_str(struct po_build *b, po_str s)
{
    po_str copy = {NULL, 0};
    if (!po_is_ok(po_arena_copy(b->s->arena, s, &copy))) {
        b->is_bad = true;
        b->c->is_dead = b->c->is_out_of_memory = true;
    }
    return copy;
}

/* Room for one more element: doubles inside the image's arena. */
static void *grow(struct po_build *b, void *old, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap) return old;
    uint32_t bigger = *cap ? *cap * 2 : 32;
    void *mem = po_image_alloc(b, bigger, size);
    if (mem == NULL) return NULL;
    if (count > 0) memcpy(mem, old, count * size);
    *cap = bigger;
    return mem;
}

/* ---- instructions ----------------------------------------------------------------------------- */

/* six parameters: the operands of an instruction */
uint32_t po_emit(struct po_gen *g, int op, int a, int b, int c, int32_t k)
{
    if (g->count == g->cap) {
        uint32_t cap = g->cap ? g->cap * 2 : 64;
        struct po_ins *code = po_comp_alloc(g->b->c, cap, sizeof *code);
        uint32_t *pos = po_comp_alloc(g->b->c, cap, sizeof *pos);
        if (code == NULL || pos == NULL) {
            g->b->is_bad = true;
            return 0;
        }
        if (g->count > 0) {
            memcpy(code, g->code, g->count * sizeof *code);
            memcpy(pos, g->pos, g->count * sizeof *pos);
        }
        g->code = code;
        g->pos = pos;
        g->cap = cap;
    }
    if (++g->b->code_total > PO_CODE_MAX) po_gen_error(g, "E0602", "the program is too large");
    if (g->b->is_bad && g->count > 0) return g->count - 1;
    g->code[g->count] = (struct po_ins){(uint8_t)op, (uint8_t)a, (uint8_t)b, (uint8_t)c, k};
    g->pos[g->count] = g->at;
    return g->count++;
}

/* six parameters: as po_emit */
void po_emit_jump(struct po_gen *g, int op, int a, int b, int c, int32_t *list)
{
    uint32_t at = po_emit(g, op, a, b, c, *list);
    if (!g->b->is_bad) *list = (int32_t)at;
}

void po_patch(struct po_gen *g, int32_t list, uint32_t target)
{
    while (list >= 0 && !g->b->is_bad) {
        int32_t next = g->code[list].k;
        g->code[list].k = (int32_t)target;
        list = next;
    }
}

void po_patch_here(struct po_gen *g, int32_t list) { po_patch(g, list, g->count); }

int po_regs(struct po_gen *g, uint32_t n)
{
    if (g->top + n > PO_REGS_MAX) {
        po_gen_error(g, "E0601", "function needs too many registers; split it");
        return 0;
    }
    int reg = (int)g->top;
    g->top += n;
    if (g->top > g->max) g->max = g->top;
    return reg;
}

int po_reg(struct po_gen *g) { return po_regs(g, 1); }

int po_tag_of(struct po_type *t)
{
    switch (po_type_find(t)->kind) {
    case TY_INT: return V_INT;
    case TY_FLOAT: return V_FLOAT;
    case TY_BOOL: return V_BOOL;
    default: return 0;
    }
}

/* ---- tables ----------------------------------------------------------------------------------- */

int32_t po_const_val(struct po_gen *g, struct po_val v)
{
    struct po_script *s = g->b->s;
    struct po_val *table = grow(g->b, s->consts, s->const_count, &g->b->const_cap, sizeof *table);
    if (table == NULL) return 0;
    s->consts = table;
    s->consts[s->const_count] = v;
    return (int32_t)s->const_count++;
}

int32_t po_const_name(struct po_gen *g, struct po_name *name)
{
    if (name->const_index >= 0) return name->const_index;
    po_str copy = po_image_str(g->b, name->s);
    uint32_t wide = 0;
    for (size_t i = 0; i < name->s.len; i++) {
        if ((uint8_t)name->s.ptr[i] >= 0x80) wide = PO_STR_WIDE;
    }
    name->const_index = po_const_val(
        g, (struct po_val){.tag = V_STR, .aux = (uint32_t)name->s.len | wide, .u.s = copy.ptr});
    return name->const_index;
}

static bool same_shape(const struct po_shape *shape, const struct po_node *record)
{
    uint32_t i = 0;
    for (const struct po_node *f = record->list; f != NULL; f = f->next, i++) {
        if (i >= shape->count || !po_str_eq(shape->names[i], f->name->s)) return false;
    }
    return i == shape->count;
}

int32_t po_shape_of(struct po_gen *g, const struct po_node *record)
{
    struct po_script *s = g->b->s;
    for (uint32_t i = 0; i < s->shape_count; i++) {
        if (same_shape(&s->shapes[i], record)) return (int32_t)i;
    }
    struct po_shape *table = grow(g->b, s->shapes, s->shape_count, &g->b->shape_cap, sizeof *table);
    po_str *names = po_image_alloc(g->b, record->n, sizeof *names);
    if (table == NULL || names == NULL) return 0;
    uint32_t i = 0;
    for (const struct po_node *f = record->list; f != NULL; f = f->next) {
        int32_t index = po_const_name(g, f->name); /* may move the table */
        if (g->b->is_bad) return 0;
        const struct po_val *name = &s->consts[index];
        names[i++] = po_str_n(name->u.s, name->aux & PO_STR_LEN_MAX);
    }
    s->shapes = table;
    s->shapes[s->shape_count] = (struct po_shape){.count = record->n, .names = names};
    return (int32_t)s->shape_count++;
}

int32_t po_global_slot(struct po_build *b, struct po_sym *sym)
{
    if (sym->slot >= 0) return sym->slot;
    struct po_script *s = b->s;
    uint32_t *table = grow(b, s->global_module, s->global_count, &b->global_cap, sizeof *table);
    if (table == NULL) return 0;
    s->global_module = table;
    s->global_module[s->global_count] = sym->module != NULL ? sym->module->index : 0;
    sym->slot = (int32_t)s->global_count++;
    return sym->slot;
}

int32_t po_fn_proto(struct po_build *b, struct po_fn *fn)
{
    if (fn->proto >= 0) return fn->proto;
    struct po_script *s = b->s;
    struct po_proto **table = grow(b, s->protos, s->proto_count, &b->proto_cap, sizeof *table);
    struct po_proto *proto = po_image_alloc(b, 1, sizeof *proto);
    if (table == NULL || proto == NULL) return 0;
    s->protos = table;
    s->protos[s->proto_count] = proto;
    fn->proto = (int32_t)s->proto_count++;
    return fn->proto;
}

struct po_sym *po_sym_real(struct po_sym *sym)
{
    for (int i = 0; i < 64 && sym->target != NULL; i++) {
        sym = sym->target;
    }
    return sym;
}

bool po_fn_is_static(const struct po_fn *fn) { return fn->parent == NULL || !fn->has_outer; }

/* ---- types and constructors ------------------------------------------------------------------- */

static void add_ctor(struct po_build *b, struct po_def *def, const struct po_variant *v)
{
    struct po_script *s = b->s;
    struct po_ctor *ctor = &s->ctors[s->ctor_count++];
    *ctor = (struct po_ctor){.name = po_image_str(b, v->name->s),
                             .type_name = po_image_str(b, def->name->s),
                             .type_id = (uint32_t)def->type_id,
                             .count = v->n,
                             .is_builtin = def->is_builtin};
    for (uint32_t i = 0; i < v->n && i < 16; i++) {
        if (v->fields[i].is_i32) ctor->i32_mask |= (uint16_t)(1u << i);
    }
    if (v->kind != FLAG_STRUCT) return;
    ctor->fields = po_image_alloc(b, v->n, sizeof *ctor->fields);
    for (uint32_t i = 0; i < v->n && ctor->fields != NULL; i++) {
        ctor->fields[i] = po_image_str(b, v->fields[i].name->s);
    }
}

static void add_def(struct po_build *b, struct po_def *def)
{
    struct po_script *s = b->s;
    struct po_type_info *info = &s->types[s->type_count];
    def->type_id = (int32_t)s->type_count++;
    def->ctor_base = (int32_t)s->ctor_count;
    info->name = po_image_str(b, def->name->s);
    info->is_enum = def->is_enum;
    info->ctor_base = s->ctor_count;
    info->count = def->is_enum ? def->variant_count : def->field_count;
    for (uint32_t i = 0; def->is_enum && i < def->variant_count; i++) {
        add_ctor(b, def, &def->variants[i]);
    }
    if (def->is_enum) return;
    info->fields = po_image_alloc(b, def->field_count, sizeof *info->fields);
    for (uint32_t i = 0; i < def->field_count && info->fields != NULL; i++) {
        info->fields[i] = po_image_str(b, def->fields[i].name->s);
    }
}

static void add_types(struct po_build *b)
{
    uint32_t types = 3;
    uint32_t ctors = 4;
    for (uint32_t i = 0; i < b->c->module_count; i++) {
        for (struct po_def *def = b->c->modules[i]->defs; def != NULL; def = def->next) {
            types++;
            ctors += def->variant_count;
        }
    }
    b->s->types = po_image_alloc(b, types, sizeof *b->s->types);
    b->s->ctors = po_image_alloc(b, ctors, sizeof *b->s->ctors);
    if (b->is_bad) return;
    if (ctors > 60000 || types > 60000) b->is_bad = true;
    add_def(b, b->k->error);
    add_def(b, b->k->option);
    add_def(b, b->k->result);
    for (uint32_t i = 0; i < b->c->module_count && !b->is_bad; i++) {
        for (struct po_def *def = b->c->modules[i]->defs; def != NULL; def = def->next) {
            add_def(b, def);
        }
    }
}

int32_t po_def_id(struct po_build *b, struct po_def *def)
{
    (void)b;
    return def->type_id;
}

int32_t po_ctor_id(struct po_build *b, struct po_def *def, int32_t variant)
{
    (void)b;
    return def->ctor_base + variant;
}

/* Methods by name, for calls on values of unknown type. */
static void add_methods(struct po_build *b, const struct po_def *def)
{
    for (struct po_method *m = def->methods; m != NULL && !b->is_bad; m = m->next) {
        struct po_impl *impl = po_image_alloc(b, 1, sizeof *impl);
        if (m->is_static || impl == NULL) continue;
        impl->name = po_image_str(b, m->name->s);
        impl->proto = (uint32_t)po_fn_proto(b, m->fn);
        impl->next = b->s->types[def->type_id].impls;
        b->s->types[def->type_id].impls = impl;
    }
}

static void add_impls(struct po_build *b)
{
    for (uint32_t i = 0; i < b->c->module_count && !b->is_bad; i++) {
        for (struct po_def *def = b->c->modules[i]->defs; def != NULL; def = def->next) {
            add_methods(b, def);
        }
    }
}

/* ---- descriptions for JSON -------------------------------------------------------------------- */

#define DESC_DEPTH_MAX 64 /* of types that are no circle: struct S<T> { s: Option<S<[T]>> } */

static const struct po_desc desc_any = {.kind = DESC_ANY};

static void desc_parts(struct po_build *b, struct po_desc *d, struct po_type **args, uint32_t n,
                       uint32_t depth)
{
    d->parts = po_image_alloc(b, n, sizeof(const struct po_desc *));
    d->count = n;
    for (uint32_t i = 0; i < n && d->parts != NULL; i++) {
        d->parts[i] = args[i] != NULL ? po_desc_of(b, args[i], depth + 1) : &desc_any;
    }
}

static bool is_same_type(struct po_build *b, struct po_type *x, struct po_type *y, uint32_t depth)
{
    x = po_type_find(x);
    y = po_type_find(y);
    if (x == y) return true;
    if (depth > DESC_DEPTH_MAX || !po_comp_burn(b->c, 1)) return false;
    bool is_same = x->kind == y->kind && x->def == y->def && x->n == y->n && x->names == y->names;
    for (uint32_t i = 0; i < x->n && is_same; i++) {
        is_same = is_same_type(b, x->args[i], y->args[i], depth + 1);
    }
    return is_same && x->kind != TY_VAR && x->kind != TY_RIGID;
}

/* The description of a struct or enum, made before: recursive types are circles. */
static struct po_desc *desc_known(struct po_build *b, struct po_type *t)
{
    for (struct po_known_desc *known = t->def->descs; known != NULL; known = known->next) {
        if (is_same_type(b, known->type, t, 0)) return known->desc;
    }
    return NULL;
}

static void desc_named(struct po_build *b, struct po_desc *d, struct po_type *t, uint32_t depth)
{
    struct po_def *def = t->def;
    struct po_known_desc *known = po_comp_alloc(b->c, 1, sizeof *known);
    if (known == NULL) return;
    *known = (struct po_known_desc){t, d, def->descs};
    def->descs = known;
    d->id = (uint32_t)def->type_id;
    d->kind = def == b->k->option   ? DESC_OPTION
              : def == b->k->result ? DESC_RESULT
              : def->is_enum        ? DESC_ENUM
                                    : DESC_STRUCT;
    struct po_subst s = {def->params, t->args, t->n};
    struct po_type *parts[128];
    uint32_t n = 0;
    for (uint32_t i = 0; i < def->field_count && n < 128; i++) {
        parts[n++] = po_type_subst(b->k, def->fields[i].type, &s);
    }
    for (uint32_t v = 0; v < def->variant_count; v++) {
        for (uint32_t i = 0; i < def->variants[v].n && n < 128; i++) {
            parts[n++] = po_type_subst(b->k, def->variants[v].fields[i].type, &s);
        }
    }
    desc_parts(b, d, parts, n, depth);
}

const struct po_desc *po_desc_of(struct po_build *b, struct po_type *t, uint32_t depth)
{
    static const uint8_t kinds[] = {
        [TY_INT] = DESC_INT,       [TY_FLOAT] = DESC_FLOAT,  [TY_BOOL] = DESC_BOOL,
        [TY_STR] = DESC_STR,       [TY_UNIT] = DESC_UNIT,    [TY_ARRAY] = DESC_ARRAY,
        [TY_MAP] = DESC_MAP,       [TY_SET] = DESC_SET,      [TY_TUPLE] = DESC_TUPLE,
        [TY_RECORD] = DESC_RECORD, [TY_SECRET] = DESC_SECRET};
    t = po_type_find(t);
    if (depth > DESC_DEPTH_MAX || !po_comp_burn(b->c, 1)) return &desc_any;
    struct po_desc *known = t->kind == TY_NAMED ? desc_known(b, t) : NULL;
    if (known != NULL) return known;
    struct po_desc *d = po_image_alloc(b, 1, sizeof *d);
    if (d == NULL) return &desc_any;
    d->kind = t->kind < sizeof kinds ? kinds[t->kind] : DESC_ANY;
    if (t->kind == TY_NAMED) {
        desc_named(b, d, t, depth);
        return d;
    }
    if (d->kind == DESC_ANY) return d;
    desc_parts(b, d, t->args, t->n, depth);
    if (t->kind == TY_RECORD) {
        d->names = po_image_alloc(b, t->n, sizeof *d->names);
        for (uint32_t i = 0; i < t->n && d->names != NULL; i++) {
            d->names[i] = po_image_str(b, t->names[i]->s);
        }
    }
    return d;
}

/* ---- functions -------------------------------------------------------------------------------- */

static void finish(struct po_gen *g, int32_t proto_index, uint32_t params, po_str name)
{
    struct po_build *b = g->b;
    if (b->is_bad) return;
    struct po_proto *p = b->s->protos[proto_index];
    p->code = po_image_alloc(b, g->count, sizeof *p->code);
    p->pos = po_image_alloc(b, g->count, sizeof *p->pos);
    p->handlers = po_image_alloc(b, g->handler_count, sizeof *p->handlers);
    p->upvals = po_image_alloc(b, g->upval_count, sizeof *p->upvals);
    p->param_tags = p->param_tags ? p->param_tags : po_image_alloc(b, params, 1);
    if (b->is_bad || g->count == 0) return;
    memcpy(p->code, g->code, g->count * sizeof *p->code);
    memcpy(p->pos, g->pos, g->count * sizeof *p->pos);
    if (g->handler_count > 0) {
        memcpy(p->handlers, g->handlers, g->handler_count * sizeof *p->handlers);
    }
    for (uint32_t i = 0; i < g->upval_count; i++) {
        p->upvals[i] = g->upvals[i].desc;
    }
    p->code_count = g->count;
    p->reg_count = g->max + 4;
    p->param_count = params;
    p->upval_count = g->upval_count;
    p->handler_count = g->handler_count;
    p->name = po_image_str(b, name);
    p->module = g->m->index;
}

/* Parameters into registers 0.., patterns taken apart behind them. */
static uint32_t gen_params(struct po_gen *g, struct po_fn *fn, struct po_proto *p)
{
    uint32_t n = po_list_len(fn->node->list);
    p->param_tags = po_image_alloc(g->b, n, 1);
    (void)po_regs(g, n);
    uint32_t i = 0;
    for (struct po_node *param = fn->node->list; param != NULL && !g->b->is_bad;
         param = param->next) {
        int tag = po_tag_of(param->t);
        p->param_tags[i] = (uint8_t)tag;
        p->has_checked_params = p->has_checked_params || tag != 0;
        if (po_node_is_i32(param->c)) po_emit(g, OP_CHKI32, (int)i, 0, 0, 0);
        i++;
    }
    i = 0;
    for (struct po_node *param = fn->node->list; param != NULL && !g->b->is_bad;
         param = param->next) {
        po_gen_bind(g, param->p, (int)i++, param->t);
    }
    return n;
}

static void gen_body(struct po_gen *g, struct po_fn *fn)
{
    struct po_node *body = fn->node->a;
    struct po_type *ret = po_type_find(fn->ret);
    if (ret->kind == TY_UNIT) {
        int reg = po_reg(g);
        po_gen_as(g, body, &g->b->k->t_unit, reg);
        po_emit(g, OP_RETU, 0, 0, 0, 0);
        return;
    }
    bool diverges = body->kind == NK_BLOCK && body->a == NULL;
    int reg = po_reg(g);
    po_gen_as(g, body, fn->ret, reg);
    if (diverges && ret->kind != TY_UNKNOWN && ret->kind != TY_VAR) {
        po_emit(g, OP_UNREACH, 0, 0, 0, 0);
        return;
    }
    bool is_i32 = fn->node->kind != NK_ASYNCBLOCK && po_node_is_i32(fn->node->c);
    if (is_i32) po_emit(g, OP_CHKI32, reg, 0, 0, 0);
    po_emit(g, OP_RET, reg, 0, 0, 0);
}

void po_gen_fn(struct po_gen *parent, struct po_build *b, struct po_fn *fn)
{
    struct po_gen *g = po_comp_alloc(b->c, 1, sizeof *g);
    int32_t index = po_fn_proto(b, fn);
    if (g == NULL || b->is_bad || !po_check_enter(b->k, fn->node->pos)) return;
    struct po_proto *p = b->s->protos[index];
    g->b = b;
    g->parent = parent;
    g->fn = fn;
    g->m = fn->module;
    g->at = fn->node->pos;
    g->ret = fn->ret;
    p->is_async = fn->is_async;
    p->ret_tag = fn->is_async ? 0 : (uint8_t)po_tag_of(fn->ret);
    if (fn->is_async) g->ret = fn->ret;
    uint32_t params = fn->node->kind == NK_ASYNCBLOCK ? 0 : gen_params(g, fn, p);
    gen_body(g, fn);
    po_str name = fn->name != NULL ? fn->name->s : PO_LIT("closure");
    finish(g, index, params, name);
    po_check_leave(b->k);
}

/* ---- the program ------------------------------------------------------------------------------ */

static void gen_module(struct po_build *b, struct po_module *m)
{
    struct po_fn *fn = po_comp_alloc(b->c, 1, sizeof *fn);
    struct po_gen *g = po_comp_alloc(b->c, 1, sizeof *g);
    if (fn == NULL || g == NULL) return;
    fn->proto = -1;
    fn->node = m->root;
    int32_t index = po_fn_proto(b, fn);
    g->b = b;
    g->m = m;
    g->ret = &b->k->t_unit;
    m->init_proto = index;
    po_gen_stmts(g, m->root->list);
    po_emit(g, OP_RETU, 0, 0, 0, 0);
    finish(g, index, 0, PO_LIT("top level"));
}

static void keep_modules(struct po_build *b)
{
    struct po_script *s = b->s;
    s->modules = po_image_alloc(b, b->c->module_count, sizeof *s->modules);
    for (uint32_t i = 0; i < b->c->module_count && !b->is_bad; i++) {
        struct po_module *m = b->c->modules[i];
        struct po_image_module *im = &s->modules[s->module_count++];
        im->path = po_image_str(b, m->path);
        im->text = po_image_str(b, m->text);
        im->line_starts = po_image_alloc(b, m->line_count, sizeof *im->line_starts);
        im->line_count = m->line_count;
        im->init_proto = m->init_proto;
        if (b->is_bad) return;
        memcpy(im->line_starts, m->line_starts, m->line_count * sizeof *im->line_starts);
    }
}

static void keep_hosts(struct po_build *b)
{
    const struct po_script_host *host = b->c->config->host;
    size_t n = host != NULL ? host->fn_count : 0;
    struct po_script *s = b->s;
    s->host_count = (uint32_t)n;
    s->host_used = po_image_alloc(b, n, sizeof *s->host_used);
    s->host_results = po_image_alloc(b, n, sizeof *s->host_results);
    s->host_is_result = po_image_alloc(b, n, sizeof *s->host_is_result);
    for (uint32_t i = 0; i < n && !b->is_bad; i++) {
        if (!b->k->host_used[i]) continue;
        struct po_type *t = po_type_find(po_check_host_scheme(b->k, i)->type);
        if (t->kind != TY_FN) {
            b->is_bad = true;
            po_comp_report(b->c, NULL, 0, "E0509", "host function '%s.%s' has a bad signature",
                           host->fns[i].module, host->fns[i].name);
            return;
        }
        struct po_type *ret = po_type_find(po_type_ret(t));
        s->host_used[s->host_used_count++] = i;
        s->host_is_result[i] = po_type_is_def(ret, b->k->result);
        s->host_results[i] = po_desc_of(b, s->host_is_result[i] ? ret->args[0] : ret, 0);
    }
}

bool po_gen_program(struct po_build *b)
{
    add_types(b);
    b->s->main_proto = -1;
    if (b->is_bad) return false;
    add_impls(b);
    for (uint32_t i = 0; i < b->c->module_count && !b->is_bad; i++) {
        gen_module(b, b->c->modules[i]);
    }
    if (!b->is_bad) keep_modules(b);
    if (!b->is_bad) keep_hosts(b);
    return !b->is_bad && !b->c->is_dead;
}
