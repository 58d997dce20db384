/*
 * What the layers above need to run the programs of this build in batches: find one by what it is
 * for, read its facts first, keep it compiled.
 */
#include "program/program.h"

#define BATCH_ARENA_BYTES_MAX ((size_t)24 << 20)

const struct po_bundle_program *po_bundle_program_find(const struct po_bundle *bundle, po_str kind,
                                                       po_str id)
{
    for (size_t i = 0; i < po_bundle_program_count(bundle); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(bundle, i);
        if (po_str_eq(row->kind, kind) && po_str_eq(row->id, id)) return row;
    }
    return NULL;
}

PO_RC po_program_facts(struct po_ctx *cx, const struct po_program *program,
                       const char *const **ret_names)
{
    const struct po_caps *needs = &program->row.needs;
    const char **names = NULL;
    size_t count = 0;
    PO_ARENA_NEW(cx, names, needs->count + 1);
    for (size_t i = 0; i < needs->count; i++) {
        if (needs->at[i].kind != PO_CAP_FACT) continue;
        names[count] = po_arena_strdup(cx->arena, needs->at[i].value);
        if (names[count++] == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a program");
    }
    *ret_names = names;
    return po_rc_ok();
}

/* Why it does not compile: its first error, in one line. */
static po_rc name_error(struct po_ctx *cx, const struct po_script_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct po_script_diag *diag = &diags->at[i];
        if (diag->severity != PO_SCRIPT_ERROR) continue;
        return PO_FAIL(cx, PO_INVALID, "%.*s:%u:%u: %s: %.*s", PO_STR_ARG(diag->path), diag->line,
                       diag->column, diag->code, PO_STR_ARG(diag->message));
    }
    return po_rc_of(PO_INVALID);
}

PO_RC po_program_load_row(struct po_ctx *cx, struct po_bundle *bundle,
                          const struct po_bundle_program *row, struct po_program *ret_program)
{
    struct po_script_diags *diags = NULL;
    PO_ARENA_NEW(cx, diags, 1);
    po_rc rc = po_program_load(cx, bundle, row->file, row->entry, diags, ret_program);
    if (rc.code == PO_INVALID && diags->error_count > 0) return name_error(cx, diags);
    return rc;
}

PO_RC po_program_ask(struct po_ctx *cx, const struct po_program *program,
                     const struct po_program_job *job, po_program_reader *read, void *user)
{
    struct po_program_result *result = NULL;
    struct po_ctx step = {0};
    PO_TRY(cx, po_ctx_child_begin(cx, BATCH_ARENA_BYTES_MAX, &step));
    result = po_arena_alloc(step.arena, 1, sizeof *result);
    po_rc rc = result != NULL ? po_program_run(&step, program, job, result)
                              : PO_FAIL(&step, PO_NOMEM, "out of memory for a program");
    if (po_is_ok(rc)) rc = read(user, &step, &result->outcome);
    return po_ctx_child_end(cx, &step, rc);
}

const char *po_program_fault(struct po_ctx *cx, const struct po_script_outcome *outcome)
{
    const char *text = po_arena_printf(cx->arena, "%.*s: %.*s", PO_STR_ARG(outcome->fault_kind),
                                       PO_STR_ARG(outcome->fault_message));
    char *line = text != NULL ? po_arena_strdup(cx->arena, po_str_of(text)) : NULL;
    for (char *c = line; c != NULL && *c != '\0'; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7F) *c = ' ';
    return line;
}
