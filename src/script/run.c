/* Runs: setting up a machine, loading modules, entry points, outcomes. */
#include "script/vm_priv.h"

#include "core/alloc.h"

struct po_script_limits po_script_limits_of(enum po_script_kind kind)
{
    static const struct po_script_limits table[] = {
        [PO_SCRIPT_KIND_CHECK] = {2000000, 16u << 20, 256u << 10, 10 * PO_US_PER_S, 256, 500},
        [PO_SCRIPT_KIND_DETECT] = {50000000, 64u << 20, 1u << 20, 5 * PO_US_PER_S, 256, 100},
        [PO_SCRIPT_KIND_REPAIR] = {5000000, 32u << 20, 256u << 10, 60 * PO_US_PER_S, 256, 1000},
        [PO_SCRIPT_KIND_PLAYBOOK] = {20000000, 64u << 20, 1u << 20, 15 * PO_US_PER_MIN, 256, 2000},
        [PO_SCRIPT_KIND_REPORT] = {100000000, 128u << 20, 8u << 20, 60 * PO_US_PER_S, 512, 2000},
        [PO_SCRIPT_KIND_PLAIN] = {100000000, 256u << 20, 8u << 20, 60 * PO_US_PER_S, 2000, 2000},
    };
    return table[kind];
}

enum po_script_kind po_script_kind_of(po_str attribute)
{
    static const struct {
        const char *name;
        enum po_script_kind kind;
    } table[] = {{"check", PO_SCRIPT_KIND_CHECK},       {"control", PO_SCRIPT_KIND_CHECK},
                 {"detect", PO_SCRIPT_KIND_DETECT},     {"repair", PO_SCRIPT_KIND_REPAIR},
                 {"playbook", PO_SCRIPT_KIND_PLAYBOOK}, {"report", PO_SCRIPT_KIND_REPORT}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (po_str_eq_cstr(attribute, table[i].name)) return table[i].kind;
    }
    return PO_SCRIPT_KIND_PLAIN;
}

/* ---- a machine -------------------------------------------------------------------------------- */

static void vm_done(struct po_vm *vm)
{
    po_heap_done(&vm->heap);
    po_buf_done(&vm->scratch);
    po_free(vm->stack);
    po_free(vm->frames);
    po_free(vm->globals);
    po_free(vm->is_loaded);
}

static PO_RC vm_init(struct po_ctx *cx, struct po_vm *vm, const struct po_script *script,
                     const struct po_script_run *run)
{
    const struct po_script_limits *limits = &run->limits;
    *vm = (struct po_vm){.cx = cx, .s = script, .run = run};
    if (limits->depth == 0 || limits->depth > PO_SCRIPT_DEPTH_MAX ||
        limits->steps > INT64_MAX / 2) {
        return PO_FAIL(cx, PO_INVALID, "limits of a script run are out of range");
    }
    /* untouched pages of the register stack cost nothing */
    size_t slots = ((size_t)limits->depth + 2) * 256;
    size_t most = (size_t)1 << 19;
    if (slots > most) slots = most;
    vm->depth_max = limits->depth;
    vm->heap.limit = limits->memory_bytes;
    vm->stack = po_calloc(slots, sizeof *vm->stack);
    vm->frames = po_calloc((size_t)limits->depth + 1, sizeof *vm->frames);
    vm->globals = po_calloc(script->global_count + 1, sizeof *vm->globals);
    vm->is_loaded = po_calloc(script->module_count + 1, sizeof *vm->is_loaded);
    if (!vm->stack || !vm->frames || !vm->globals || !vm->is_loaded) {
        return PO_FAIL(cx, PO_NOMEM, "out of memory for a script run");
    }
    vm->stack_end = vm->stack + slots;
    po_buf_init(&vm->scratch, limits->memory_bytes);
    if (limits->time_us > 0) {
        vm->deadline_us = cx->clock->monotonic_us(cx->clock->user) + limits->time_us;
    }
    return po_rc_ok();
}

static bool call_proto(struct po_vm *vm, uint32_t proto, const struct po_val *args, uint32_t n,
                       struct po_val *ret)
{
    struct po_val fn;
    return po_vm_make_closure(vm, vm->s->protos[proto], &fn) && po_vm_call(vm, fn, args, n, ret) &&
           po_vm_await(vm, *ret, ret);
}

/* Modules in order of dependency, the entry's top level last. */
static bool load_modules(struct po_vm *vm)
{
    for (uint32_t i = 0; i < vm->s->module_count; i++) {
        struct po_val ignored;
        if (!call_proto(vm, (uint32_t)vm->s->modules[i].init_proto, NULL, 0, &ignored))
            return false;
        vm->is_loaded[i] = i + 1 < vm->s->module_count;
    }
    return true;
}

/* ---- outcomes --------------------------------------------------------------------------------- */

static PO_RC keep(struct po_ctx *cx, po_str s, po_str *ret)
{
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, s, ret), "out of memory for the outcome of a script");
    return po_rc_ok();
}

static po_str line_text(const struct po_image_module *m, uint32_t line)
{
    struct po_lines lines = {m->text, m->line_starts, m->line_count};
    return po_line_text(&lines, line);
}

static PO_RC keep_fault(struct po_ctx *cx, struct po_vm *vm, struct po_script_outcome *out)
{
    struct po_fault_info *f = &vm->fault;
    out->status = PO_SCRIPT_FAULT;
    if (vm->heap.is_out_of_memory) return PO_FAIL(cx, PO_NOMEM, "out of memory in a script run");
    PO_TRY(cx, keep(cx, po_str_of(f->kind != NULL ? f->kind : "Panic"), &out->fault_kind));
    PO_TRY(cx, keep(cx, f->message, &out->fault_message));
    for (uint32_t i = 0; i < vm->trace_count && f->has_place; i++) {
        const struct po_proto *p = vm->trace[i].proto;
        const struct po_image_module *m = &vm->s->modules[p->module];
        struct po_script_frame *frame = &out->trace[out->trace_count++];
        PO_TRY(cx, keep(cx, p->name, &frame->function));
        PO_TRY(cx, keep(cx, m->path, &frame->path));
        frame->line = po_vm_line(vm, p->module, vm->trace[i].pos);
        frame->column = 1;
        for (uint32_t at = m->line_starts[frame->line - 1]; at < vm->trace[i].pos; at++) {
            if (((uint8_t)m->text.ptr[at] & 0xC0) != 0x80) frame->column++;
        }
        if (i == 0) PO_TRY(cx, keep(cx, line_text(m, frame->line), &out->source_line));
    }
    return po_rc_ok();
}

static PO_RC keep_value(struct po_ctx *cx, struct po_vm *vm, struct po_val v,
                        struct po_script_outcome *out)
{
    bool is_err = v.tag == V_ENUM && v.aux == PO_CTOR_ERR;
    struct po_buf *text = &vm->scratch;
    text->max = vm->heap.limit; /* the result may be as large as what it was made from */
    po_buf_clear(text);
    if (!po_val_show(vm, v, false, text) || !po_text_check(vm)) return keep_fault(cx, vm, out);
    PO_TRY(cx, keep(cx, po_buf_str(text), &out->display));
    po_buf_clear(text);
    if (!po_json_write(vm, v, text) || !po_text_check(vm)) return keep_fault(cx, vm, out);
    PO_TRY(cx, keep(cx, po_buf_str(text), &out->value_json));
    if (!is_err) return po_rc_ok();
    out->status = PO_SCRIPT_PROGRAM_ERROR;
    po_buf_clear(text);
    if (!po_val_show(vm, v.u.vals[0], true, text)) return keep_fault(cx, vm, out);
    return keep(cx, po_buf_str(text), &out->fault_message);
}

static PO_RC finish(struct po_ctx *cx, struct po_vm *vm, bool is_good, struct po_val v,
                    struct po_script_outcome *out)
{
    *out = (struct po_script_outcome){.value_json = PO_LIT("null"), .display = PO_LIT("()")};
    po_rc rc = is_good ? keep_value(cx, vm, v, out) : keep_fault(cx, vm, out);
    out->steps = vm->steps_granted - (vm->fuel > 0 ? (uint64_t)vm->fuel : 0);
    out->memory_bytes = vm->heap.used;
    out->host_calls = vm->host_calls;
    out->output_bytes = vm->output_bytes;
    return rc;
}

/* ---- entry points ----------------------------------------------------------------------------- */

PO_RC po_script_run(struct po_ctx *cx, const struct po_script *script,
                    const struct po_script_run *run, struct po_script_outcome *ret_outcome)
{
    PO_CLEANUP(vm_done) struct po_vm vm = {0};
    struct po_val v = po_val_unit();
    PO_TRY(cx, vm_init(cx, &vm, script, run));
    bool is_good = load_modules(&vm);
    if (is_good && script->main_proto >= 0) {
        is_good = call_proto(&vm, (uint32_t)script->main_proto, NULL, 0, &v);
    }
    return finish(cx, &vm, is_good, v, ret_outcome);
}

static const struct po_entry_fn *find_fn(const struct po_script *script, po_str name)
{
    for (uint32_t i = 0; i < script->fn_count; i++) {
        if (po_str_eq(script->fns[i].name, name)) return &script->fns[i];
    }
    return NULL;
}

/* The elements of a JSON array as texts, decoded one by one by the parameters' types. */
static PO_RC decode_args(struct po_ctx *cx, struct po_vm *vm, const struct po_entry_fn *fn,
                         po_str args_json, struct po_val *args)
{
    struct po_desc tuple = {.kind = DESC_TUPLE, .count = fn->param_count, .parts = fn->params};
    struct po_val v;
    bool fits = false;
    if (!po_json_decode(vm, args_json, &tuple, &v, &fits) || !fits) {
        return PO_FAIL(cx, PO_INVALID, "arguments of '%.*s' do not fit its parameters",
                       PO_STR_ARG(fn->name));
    }
    if (fn->param_count > 0) po_copy(args, v.u.vals, fn->param_count * sizeof *args);
    return po_rc_ok();
}

PO_RC po_script_call(struct po_ctx *cx, const struct po_script *script,
                     const struct po_script_run *run, po_str function, po_str args_json,
                     struct po_script_outcome *ret_outcome)
{
    PO_CLEANUP(vm_done) struct po_vm vm = {0};
    struct po_val v = po_val_unit();
    struct po_val args[16];
    const struct po_entry_fn *fn = find_fn(script, function);
    if (fn == NULL || fn->param_count > 16) {
        return PO_FAIL(cx, PO_NOTFOUND, "no function '%.*s' to call", PO_STR_ARG(function));
    }
    PO_TRY(cx, vm_init(cx, &vm, script, run));
    PO_TRY(cx, decode_args(cx, &vm, fn, args_json, args));
    bool is_good = load_modules(&vm) && call_proto(&vm, fn->proto, args, fn->param_count, &v);
    return finish(cx, &vm, is_good, v, ret_outcome);
}

static bool call_marked(struct po_vm *vm, bool is_setup, const struct po_val *args)
{
    for (uint32_t i = 0; i < vm->s->fn_count; i++) {
        const struct po_entry_fn *fn = &vm->s->fns[i];
        bool is_it = is_setup ? fn->is_setup : fn->is_teardown;
        struct po_val v;
        if (is_it && fn->param_count == 0 && !call_proto(vm, fn->proto, args, 0, &v)) return false;
    }
    return true;
}

PO_RC po_script_test_run(struct po_ctx *cx, const struct po_script *script,
                         const struct po_script_run *run, const struct po_script_entry *test,
                         enum po_script_test_result *ret_result,
                         struct po_script_outcome *ret_outcome)
{
    PO_CLEANUP(vm_done) struct po_vm vm = {0};
    struct po_val v = po_val_unit();
    const struct po_entry_fn *fn = find_fn(script, test->name);
    if (fn == NULL || !fn->is_test) {
        return PO_FAIL(cx, PO_NOTFOUND, "no test '%.*s'", PO_STR_ARG(test->name));
    }
    PO_TRY(cx, vm_init(cx, &vm, script, run));
    if (fn->is_skipped) {
        *ret_result = PO_SCRIPT_TEST_SKIP;
        return finish(cx, &vm, true, v, ret_outcome);
    }
    bool is_good = load_modules(&vm) && call_marked(&vm, true, NULL) &&
                   call_proto(&vm, fn->proto, NULL, 0, &v);
    bool is_pass = is_good != fn->should_panic;
    if (is_good && fn->should_panic) {
        is_good = po_raise(&vm, "AssertionFailed", "the test should have failed");
    }
    struct po_fault_info fault = vm.fault;
    vm.fault.kind = NULL;
    vm.fault.is_limit = false;
    if (!call_marked(&vm, false, NULL) && is_good) {
        is_good = is_pass = false;
    } else {
        vm.fault = fault;
        if (fault.message.ptr == fault.text) vm.fault.message.ptr = vm.fault.text;
    }
    *ret_result = is_pass ? PO_SCRIPT_TEST_PASS : PO_SCRIPT_TEST_FAIL;
    if (is_pass) is_good = true;
    return finish(cx, &vm, is_good, is_good && fn->should_panic ? po_val_unit() : v, ret_outcome);
}

void po_script_outcome_render(const struct po_script_outcome *outcome, struct po_buf *out)
{
    struct po_script_diag diag = {.severity = PO_SCRIPT_ERROR, .code = "fault", .width = 1};
    if (outcome->status != PO_SCRIPT_FAULT) {
        po_buf_append_cstr(out, "error: ");
        po_buf_append(out, outcome->fault_message);
        po_buf_append_char(out, '\n');
        return;
    }
    PO_BUF_AUTO text;
    po_buf_init(&text, 8192);
    po_buf_append(&text, outcome->fault_kind);
    po_buf_append_cstr(&text, ": ");
    po_buf_append(&text, outcome->fault_message);
    diag.message = po_buf_str(&text);
    if (text.status == PO_NOMEM) out->status = PO_NOMEM;
    if (outcome->trace_count > 0) {
        diag.path = outcome->trace[0].path;
        diag.line = outcome->trace[0].line;
        diag.column = outcome->trace[0].column;
        diag.source_line = outcome->source_line;
    }
    po_script_diag_render(&diag, out);
    for (size_t i = 1; i < outcome->trace_count; i++) {
        const struct po_script_frame *frame = &outcome->trace[i];
        po_buf_append_cstr(out, "  called from ");
        po_buf_append(out, frame->function);
        po_buf_append_cstr(out, " at ");
        po_buf_append(out, frame->path);
        po_buf_append_char(out, ':');
        po_buf_append_u64(out, frame->line);
        po_buf_append_char(out, '\n');
    }
}
