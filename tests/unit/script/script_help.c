/* Compile and run texts for the cases of Script. */
#include "unit/script/script_help.h"

#include "core/fs.h"

#include <stdlib.h>

po_str script_read(struct po_ctx *cx, const char *source_path)
{
    size_t len = 0;
    char *bytes = test_read_file(test_source_path(source_path), &len);
    po_str copy = {NULL, 0};
    check_ok_leaf(po_arena_copy(cx->arena, po_str_n(bytes, len), &copy));
    free(bytes);
    return copy;
}

static struct po_script *compile_with(struct po_ctx *cx, po_str text,
                                      const struct po_script_loader *loader,
                                      struct po_script_diags *diags)
{
    const struct po_script_config config = {.loader = loader, .keep_going_without_needs = true};
    struct po_script *script = NULL;
    po_rc rc = po_script_compile(cx, &config, PO_LIT("t.script"), text, diags, &script);
    check_that(po_is_ok(rc) == (script != NULL));
    return script;
}

struct po_script *script_compile(struct po_ctx *cx, po_str text, struct po_script_diags *diags)
{
    return compile_with(cx, text, NULL, diags);
}

static struct script_result *run_with(struct po_ctx *cx, po_str text,
                                      const struct po_script_limits *limits,
                                      const struct po_script_loader *loader)
{
    struct script_result *r = po_arena_alloc(cx->arena, 1, sizeof *r);
    PO_BUF_AUTO out;
    po_buf_init(&out, 16u << 20);
    check_that(r != NULL);
    struct po_script *script = compile_with(cx, text, loader, &r->diags);
    r->is_compiled = script != NULL;
    if (script == NULL) return r;
    struct po_script_run run = {.limits =
                                    limits ? *limits : po_script_limits_of(PO_SCRIPT_KIND_PLAIN),
                                .crypto = &script_test_crypto,
                                .output = &out};
    check_ok(cx, po_script_run(cx, script, &run, &r->outcome));
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&out), &r->output));
    po_script_free(script);
    return r;
}

struct script_result *script_run_text(struct po_ctx *cx, po_str text,
                                      const struct po_script_limits *limits)
{
    return run_with(cx, text, limits, NULL);
}

void script_report(struct po_ctx *cx, po_str text, struct po_buf *out)
{
    script_report_with(cx, text, NULL, out);
}

void script_report_with(struct po_ctx *cx, po_str text, const struct po_script_loader *loader,
                        struct po_buf *out)
{
    struct script_result *r = run_with(cx, text, NULL, loader);
    for (size_t i = 0; i < r->diags.count; i++) {
        const struct po_script_diag *d = &r->diags.at[i];
        if (d->severity == PO_SCRIPT_WARNING) continue;
        po_buf_printf(out, "%s %u:%u %.*s\n", d->code, d->line, d->column, PO_STR_ARG(d->message));
    }
    po_buf_append(out, r->output);
    if (!r->is_compiled || r->outcome.status == PO_SCRIPT_OK) return;
    if (r->outcome.status == PO_SCRIPT_PROGRAM_ERROR) {
        po_buf_printf(out, "ProgramError %.*s\n", PO_STR_ARG(r->outcome.fault_message));
        return;
    }
    po_buf_printf(out, "%.*s %u %.*s\n", PO_STR_ARG(r->outcome.fault_kind),
                  r->outcome.trace_count > 0 ? r->outcome.trace[0].line : 0,
                  PO_STR_ARG(r->outcome.fault_message));
}

void check_fault(struct po_ctx *cx, const char *text, const struct po_script_limits *limits,
                 const char *kind)
{
    struct script_result *r = script_run_text(cx, po_str_of(text), limits);
    test_row(text);
    check_that(r->is_compiled);
    check_eq_int(r->outcome.status, PO_SCRIPT_FAULT);
    check_eq_str(r->outcome.fault_kind, kind);
    const struct po_script_limits *l = limits;
    if (l != NULL) check_that(r->outcome.steps <= l->steps);
    if (l != NULL) check_that(r->outcome.memory_bytes <= l->memory_bytes);
    test_row(NULL);
}
