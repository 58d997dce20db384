/* What the cases of Script share: compile and run a text. */
#ifndef TESTS_UNIT_SCRIPT_HELP_H
#define TESTS_UNIT_SCRIPT_HELP_H

#include "lib/test.h"
#include "script/script.h"
#include "unit/script/host_fixture.h"

struct script_result {
    struct po_script_diags diags;
    struct po_script_outcome outcome;
    po_str output;
    bool is_compiled;
};

/* Compile and run under `limits` (NULL: those of a plain file); the result is the case's, not freed. */
struct script_result *script_run_text(struct po_ctx *cx, po_str text,
                                      const struct po_script_limits *limits);
/* Compile only; the script is the caller's (NULL when it has errors). */
struct po_script *script_compile(struct po_ctx *cx, po_str text, struct po_script_diags *diags);
po_str script_read(struct po_ctx *cx, const char *source_path);
/* As script_tool prints it: diagnostics, or output and how the run ended. */
void script_report(struct po_ctx *cx, po_str text, struct po_buf *out);
void script_report_with(struct po_ctx *cx, po_str text, const struct po_script_loader *loader,
                        struct po_buf *out);
void check_fault(struct po_ctx *cx, const char *text, const struct po_script_limits *limits,
                 const char *kind);

#endif
