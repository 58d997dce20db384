/*
 * The state of a run on the parent's side, and the reading of the child's frames.
 */
#ifndef PO_PROGRAM_RUNNER_PARENT_PRIV_H
#define PO_PROGRAM_RUNNER_PARENT_PRIV_H

#include "program/runner_wire_priv.h"

#define PO_RUNNER_OUTPUT_SLACK_BYTES 4096

enum po_runner_text { PO_RUNNER_OUTPUT, PO_RUNNER_VALUE, PO_RUNNER_DISPLAY, PO_RUNNER_TEXT_COUNT };

struct po_runner {
    const struct po_program *program;
    const struct po_program_job *job;
    const struct po_gate *gate;
    struct po_frame_end end;
    pid_t pid;
    bool has_ended; /* and is reaped */
    int status;
    bool is_ready;
    bool is_over;
    bool is_refused;     /* the child said that the run cannot be made: cx->err is its reason */
    struct po_buf calls; /* "[" entry "," entry ... */
    uint64_t call_count;
    uint64_t asked_seq; /* the call that was asked and is not reported yet; 0: none */
    bool is_answered_ok;
    struct po_buf answered; /* what it was told */
    struct po_buf texts[PO_RUNNER_TEXT_COUNT];
    struct po_program_denial denials[PO_PROGRAM_DENIALS_MAX];
    size_t denial_count;
    struct po_program_result result;
};

/*
 * Act on one frame of the child.
 *
 * Errors   PO_TAMPER the child lies (says how);  with runner->is_refused, the child's own error;
 *          PO_CANCELED, PO_TIMEOUT, PO_IO sending the answer;  PO_NOMEM
 */
PO_RC po_runner_take_frame(struct po_ctx *cx, struct po_runner *runner, po_str frame);

#endif
