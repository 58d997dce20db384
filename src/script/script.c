/*
 * Script: from source to a program that may be shared, and what a program tells about itself.
 *
 * Role: the only file that sees all stages. Source -> tokens -> tree -> checked tree -> protos ->
 * verified protos. The tree and its types live in a scratch arena that is dropped at the end; the
 * program keeps its own arena.
 */
#include "script/gen_priv.h"
#include "script/vm_priv.h"

#include "core/alloc.h"
#include "core/json.h"

void po_script_free(struct po_script *script)
{
    if (script == NULL) return;
    po_arena_free(script->arena);
    po_free(script);
}

void po_script_freep(struct po_script **script)
{
    po_script_free(*script);
    *script = NULL;
}

/* ---- attributes as JSON ----------------------------------------------------------------------- */

static void write_literal(struct po_json_out *out, const struct po_node *v, unsigned depth)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 64);
    char number[40];
    switch (v->kind) {
    case NK_STR:
    case NK_ID: po_json_out_str(out, v->name->s); break;
    case NK_INT: po_json_out_int(out, v->v.i); break;
    case NK_BOOL: po_json_out_bool(out, v->v.i != 0); break;
    case NK_FLOAT: po_json_out_raw(out, po_str_n(number, po_format_float(v->v.f, number))); break;
    case NK_ARRAY:
        po_json_out_array(out);
        for (const struct po_node *x = v->list; x != NULL && depth < 20; x = x->next) {
            write_literal(out, x, depth + 1);
        }
        po_json_out_array_end(out);
        break;
    default: po_json_out_null(out); break;
    }
}

static po_str attr_json(struct po_build *b, const struct po_node *attrs, const char *name)
{
    PO_BUF_AUTO buf;
    struct po_json_out out;
    po_buf_init(&buf, 64u << 10);
    po_json_out_init(&out, &buf, 0);
    po_json_out_object(&out);
    for (const struct po_node *attr = attrs; attr != NULL; attr = attr->next) {
        if (!po_str_eq_cstr(attr->name->s, name)) continue;
        unsigned position = 0;
        for (const struct po_node *arg = attr->list; arg != NULL; arg = arg->next) {
            char key[64] = "0";
            size_t len = arg->name != NULL ? arg->name->s.len : 1;
            if (len > sizeof key - 1) continue;
            if (arg->name != NULL) memcpy(key, arg->name->s.ptr, len);
            if (arg->name == NULL) key[0] = (char)('0' + position++ % 10);
            key[len] = '\0';
            po_json_out_key(&out, key);
            write_literal(&out, arg->a, 0);
        }
    }
    po_json_out_object_end(&out);
    /* half of a @needs would be other needs */
    if (buf.status != PO_OK) b->c->is_dead = true;
    if (buf.status == PO_NOMEM) b->c->is_out_of_memory = true;
    return po_image_str(b, po_buf_str(&buf));
}

static const struct po_node *find_attr(const struct po_node *attrs, const char *name)
{
    for (; attrs != NULL; attrs = attrs->next) {
        if (po_str_eq_cstr(attrs->name->s, name)) return attrs;
    }
    return NULL;
}

static bool has_arg(const struct po_node *attr, const char *name)
{
    for (const struct po_node *arg = attr->list; arg != NULL; arg = arg->next) {
        bool is_it = arg->name != NULL
                         ? po_str_eq_cstr(arg->name->s, name)
                         : arg->a->kind == NK_ID && po_str_eq_cstr(arg->a->name->s, name);
        if (is_it) return true;
    }
    return false;
}

/* ---- entry points ----------------------------------------------------------------------------- */

static const char *entry_kind(const struct po_node *attrs)
{
    static const char *const kinds[] = {"check",    "repair", "detect", "control",
                                        "playbook", "report", "test"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (find_attr(attrs, kinds[i]) != NULL) return kinds[i];
    }
    return "";
}

static void add_fn(struct po_build *b, struct po_module *m, struct po_node *node)
{
    struct po_entry_fn *fn = &b->s->fns[b->s->fn_count++];
    const struct po_node *attrs = node->attrs;
    const struct po_node *test = find_attr(attrs, "test");
    const char *kind = entry_kind(attrs);
    uint32_t column = 0;
    fn->name = po_image_str(b, node->name->s);
    fn->proto = (uint32_t)po_fn_proto(b, node->fn);
    fn->param_count = node->fn->sig->n - 1;
    fn->params = po_image_alloc(b, fn->param_count, sizeof(const struct po_desc *));
    for (uint32_t i = 0; i < fn->param_count && fn->params != NULL; i++) {
        fn->params[i] = po_desc_of(b, node->fn->sig->args[i], 0);
    }
    fn->is_setup = find_attr(attrs, "setup") != NULL;
    fn->is_teardown = find_attr(attrs, "teardown") != NULL;
    fn->is_test = test != NULL && fn->param_count == 0;
    fn->should_panic = test != NULL && has_arg(test, "should_panic");
    fn->is_skipped = test != NULL && has_arg(test, "skip");
    fn->entry.name = fn->name;
    fn->entry.kind = po_str_of(kind);
    po_module_locate(m, node->pos, &fn->entry.line, &column);
    if (kind[0] == '\0') return;
    fn->entry.args_json = attr_json(b, attrs, kind);
    fn->entry.needs_json = attr_json(b, attrs, "needs");
    fn->entry.signature = po_image_str(b, po_str_of(po_type_show(b->k, node->fn->sig)));
    b->s->entries[b->s->entry_count++] = &fn->entry;
}

static bool calls_main(const struct po_module *m)
{
    for (const struct po_node *s = m->root->list; s != NULL; s = s->next) {
        const struct po_node *e = s->kind == NK_EXPR ? s->a : NULL;
        if (e != NULL && e->kind == NK_AWAIT) e = e->a;
        bool is_main = e != NULL && e->kind == NK_CALL && e->a->kind == NK_ID &&
                       po_str_eq_cstr(e->a->name->s, "main");
        if (is_main) return true;
    }
    return false;
}

static void add_entries(struct po_build *b)
{
    struct po_module *m = b->c->modules[b->c->module_count - 1];
    uint32_t n = po_list_len(m->root->list);
    b->s->fns = po_image_alloc(b, n, sizeof *b->s->fns);
    b->s->entries = po_image_alloc(b, n, sizeof(const struct po_script_entry *));
    for (struct po_node *s = m->root->list; s != NULL && !b->is_bad; s = s->next) {
        struct po_node *d = s->kind == NK_EXPORT && s->a != NULL ? s->a : s;
        if (d->kind != NK_FN || d->fn == NULL) continue;
        add_fn(b, m, d);
        bool is_main = po_str_eq_cstr(d->name->s, "main") && d->list == NULL && !calls_main(m);
        if (is_main) b->s->main_proto = po_fn_proto(b, d->fn);
    }
}

static void add_lines(struct po_build *b)
{
    struct po_script *s = b->s;
    const struct po_module *m = NULL;
    for (uint32_t i = 0; i < b->c->module_count; i++)
        if (po_comp_is_covered(b->c, b->c->modules[i])) m = b->c->modules[i];
    if (m == NULL) return;
    bool *seen = po_comp_alloc(b->c, m->line_count + 1, sizeof *seen);
    s->lines = po_image_alloc(b, m->line_count + 1, sizeof *s->lines);
    if (seen == NULL || s->lines == NULL) return;
    for (uint32_t i = 0; i < s->proto_count; i++) {
        struct po_proto *p = s->protos[i];
        for (uint32_t j = 0; j < p->code_count; j++) {
            bool is_new = p->code[j].op == OP_COVER && !seen[p->code[j].k];
            if (is_new) seen[p->code[j].k] = true;
        }
    }
    uint32_t *slot_of = po_comp_alloc(b->c, m->line_count + 1, sizeof *slot_of);
    if (slot_of == NULL) return;
    for (uint32_t line = 1; line <= m->line_count; line++) {
        slot_of[line] = s->line_count;
        if (seen[line]) s->lines[s->line_count++] = line;
    }
    for (uint32_t i = 0; i < s->proto_count; i++) {
        struct po_proto *p = s->protos[i];
        for (uint32_t j = 0; j < p->code_count; j++) {
            if (p->code[j].op == OP_COVER) p->code[j].k = (int32_t)slot_of[p->code[j].k];
        }
    }
}

/* ---- compilation ------------------------------------------------------------------------------ */

static bool build(struct po_comp *c, struct po_check *k, struct po_script *script)
{
    struct po_build b = {.c = c, .k = k, .s = script};
    const char *why = NULL;
    c->fuel = PO_COMP_FUEL;
    if (!po_gen_program(&b)) return false;
    add_entries(&b);
    if (!b.is_bad) add_lines(&b);
    if (b.is_bad || c->is_dead) return false;
    if (po_verify(script, c->arena, &why)) return true;
    if (why == NULL) c->is_dead = c->is_out_of_memory = true;
    if (why == NULL) return false;
    po_comp_report(c, NULL, 0, "E0699", "internal error: generated code is not valid: %s", why);
    return false;
}

static po_rc compile(struct po_comp *c, po_str path, po_str text, struct po_script *script)
{
    struct po_ctx *cx = c->cx;
    struct po_module entry = {.path = path, .text = text};
    struct po_check *k = po_comp_alloc(c, 1, sizeof *k);
    if (k == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a script");
    k->c = c;
    c->stack[0] = &entry;
    bool is_good = po_check_program(k) && build(c, k, script);
    if (c->is_out_of_memory) {
        return PO_FAIL(cx, PO_NOMEM, "out of memory compiling '%.*s'", PO_STR_ARG(path));
    }
    if (!is_good && c->diags->error_count == 0) {
        po_comp_report(c, NULL, 0, "E0440", "the program is too complex to compile");
    }
    if (is_good && c->diags->error_count == 0) return po_rc_ok();
    return PO_FAIL(cx, PO_INVALID, "'%.*s' has %zu errors", PO_STR_ARG(path),
                   c->diags->error_count);
}

/* six parameters: the published interface: what, from where, and two results */
PO_RC po_script_compile(struct po_ctx *cx, const struct po_script_config *config, po_str path,
                        po_str text, struct po_script_diags *ret_diags,
                        struct po_script **ret_script)
{
    PO_CLEANUP(po_arena_freep) struct po_arena *scratch = po_arena_new(PO_SCRIPT_COMPILE_BYTES_MAX);
    PO_CLEANUP(po_script_freep) struct po_script *script = po_calloc(1, sizeof *script);
    *ret_diags = (struct po_script_diags){0};
    *ret_script = NULL;
    if (scratch == NULL || script == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory for a script");
    script->arena = po_arena_new(PO_SCRIPT_COMPILE_BYTES_MAX);
    struct po_comp *c = po_arena_alloc(scratch, 1, sizeof *c);
    if (script->arena == NULL || c == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory for a script");
    c->cx = cx;
    c->config = config;
    c->arena = scratch;
    c->diags = ret_diags;
    c->fuel = PO_COMP_FUEL;
    c->dummy_name.s = PO_LIT("?");
    c->dummy_name.const_index = -1;
    PO_TRY(cx, compile(c, path, text, script));
    *ret_script = PO_TAKE(script);
    return po_rc_ok();
}

/* ---- questions -------------------------------------------------------------------------------- */

size_t po_script_entry_count(const struct po_script *script) { return script->entry_count; }

const struct po_script_entry *po_script_entry_at(const struct po_script *script, size_t i)
{
    return i < script->entry_count ? script->entries[i] : NULL;
}

const struct po_script_entry *po_script_entry_find(const struct po_script *script, po_str name)
{
    for (size_t i = 0; i < script->entry_count; i++) {
        if (po_str_eq(script->entries[i]->name, name)) return script->entries[i];
    }
    return NULL;
}

size_t po_script_module_count(const struct po_script *script) { return script->module_count; }

po_str po_script_module_path(const struct po_script *script, size_t i)
{
    return i < script->module_count ? script->modules[i].path : PO_LIT("");
}

po_str po_script_module_text(const struct po_script *script, size_t i)
{
    return i < script->module_count ? script->modules[i].text : PO_LIT("");
}

size_t po_script_host_use_count(const struct po_script *script) { return script->host_used_count; }

size_t po_script_host_use_at(const struct po_script *script, size_t i)
{
    return i < script->host_used_count ? script->host_used[i] : SIZE_MAX;
}

size_t po_script_line_slots(const struct po_script *script) { return script->line_count; }

uint32_t po_script_line_at(const struct po_script *script, size_t slot)
{
    return slot < script->line_count ? script->lines[slot] : 0;
}

PO_RC po_script_disassemble(const struct po_script *script, struct po_buf *out)
{
    for (uint32_t i = 0; i < script->proto_count; i++) {
        const struct po_proto *p = script->protos[i];
        po_buf_printf(out, "function %u '%.*s' params %u registers %u\n", i, PO_STR_ARG(p->name),
                      p->param_count, p->reg_count);
        for (uint32_t j = 0; j < p->code_count; j++) {
            const struct po_ins *in = &p->code[j];
            po_buf_printf(out, "%5u  %s %u %u %u %d\n", j, po_op_name(in->op), in->a, in->b, in->c,
                          in->k);
        }
    }
    return po_buf_check(out);
}
