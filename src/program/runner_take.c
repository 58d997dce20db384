/*
 * What a runner child says, and what is believed of it.
 *
 * Invariants
 *  1. nothing is answered, and no effect is recorded, that the gate here refuses.
 *  2. the recorded answer of a call that this side answered is what this side answered.
 *  3. calls are numbered without a gap.
 */
#include "program/runner_parent_priv.h"

#define FRAME_ARENA_BYTES_MAX ((size_t)64 << 20)

static PO_RC lie(struct po_ctx *cx, const char *how) { return PO_FAIL(cx, PO_TAMPER, "%s", how); }

/* ---- calls --------------------------------------------------------------------------------------- */

/* A call as a frame names it. */
static PO_RC get_call(struct po_ctx *cx, const struct po_runner *runner, po_str frame,
                      const struct po_json *object, struct po_script_host_call *ret_call)
{
    struct po_script_host_call call = {0};
    int64_t seq = 0;
    const struct po_json *args = NULL;
    PO_TRY(cx, po_json_get_int(cx, object, "seq", &seq));
    if (seq < 1 || (uint64_t)seq != runner->call_count + 1) return lie(cx, "a call out of turn");
    call.seq = (uint64_t)seq;
    PO_TRY(cx, po_json_get_str(cx, object, "module", &call.module));
    PO_TRY(cx, po_json_get_str(cx, object, "name", &call.name));
    PO_TRY(cx, po_json_get_array(cx, object, "args", &args));
    call.args_json = po_str_slice(frame, args->offset, args->end);
    call.fn_index =
        po_host_find(runner->program->fns, runner->program->fn_count, call.module, call.name);
    if (call.fn_index == SIZE_MAX) return lie(cx, "a call of an unknown function");
    *ret_call = call;
    return po_rc_ok();
}

static PO_RC keep_denial(struct po_ctx *cx, struct po_runner *runner,
                         const struct po_program_denial *denial)
{
    if (runner->denial_count == PO_PROGRAM_DENIALS_MAX) return po_rc_ok();
    struct po_program_denial kept = *denial;
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, denial->value, &kept.value),
                "out of memory for a denial");
    runner->denials[runner->denial_count++] = kept;
    return po_rc_ok();
}

/* The gate as this side sees it. An honest child asked the same gate before. */
static PO_RC judge(struct po_ctx *cx, struct po_ctx *run_cx, struct po_runner *runner,
                   const struct po_script_host_call *call)
{
    struct po_host_ask ask = {0};
    struct po_program_denial denial = {0};
    if (PO_RUNNER_TEST(is_parent_open)) return po_rc_ok();
    po_rc rc =
        po_gate_ask(cx, runner->gate, &runner->program->fns[call->fn_index], call, &ask, &denial);
    if (po_is_ok(rc) || rc.code == PO_NOMEM) return rc;
    if (denial.fence != NULL) PO_TRY(run_cx, keep_denial(run_cx, runner, &denial));
    return PO_FAIL(cx, PO_TAMPER, "a call beyond its capabilities: %s.%s",
                   runner->program->fns[call->fn_index].module,
                   runner->program->fns[call->fn_index].name);
}

/* ---- ask ----------------------------------------------------------------------------------------- */

static PO_RC send_answer(struct po_ctx *cx, struct po_runner *runner, po_rc rc, const char *kind)
{
    PO_BUF_AUTO frame = {0};
    struct po_json_out out = {0};
    po_buf_init(&frame, PO_FRAME_BYTES_MAX + 1024);
    po_json_out_init(&out, &frame, 0);
    po_json_out_object(&out);
    po_json_out_field(&out, "op", PO_LIT("answer"));
    po_json_out_field_int(&out, "seq", (int64_t)runner->asked_seq);
    if (po_is_ok(rc)) {
        po_json_out_key(&out, "value");
        po_json_out_raw(&out, po_buf_str(&runner->answered));
    } else {
        po_json_out_field_int(&out, "code", rc.code);
        po_json_out_field(&out, "kind", po_str_of(kind != NULL ? kind : ""));
        po_json_out_field(&out, "message", po_str_of(po_err_msg(cx)));
        po_err_clear(cx);
    }
    po_json_out_object_end(&out);
    PO_TRY_LEAF(cx, po_buf_check(&frame), "out of memory for an answer");
    return po_frame_send(cx, &runner->end, po_buf_str(&frame));
}

/* `run_cx` outlives the frame: what a fact keeps is kept there. */
static PO_RC take_ask(struct po_ctx *cx, struct po_ctx *run_cx, struct po_runner *runner,
                      po_str frame, const struct po_json *root)
{
    struct po_script_host_call call = {0};
    const char *kind = NULL;
    struct po_parent parent = {.gate = runner->gate,
                               .job = runner->job,
                               .fns = runner->program->fns,
                               .fn_count = runner->program->fn_count};
    PO_TRY(cx, get_call(cx, runner, frame, root, &call));
    if (runner->asked_seq != 0 || runner->job->replay_calls.len > 0)
        return lie(cx, "a question out of turn");
    if (po_host_row_at(call.fn_index)->side != PO_HOST_PARENT)
        return lie(cx, "a question that is not the parent's");
    PO_TRY(cx, judge(cx, run_cx, runner, &call));
    runner->asked_seq = call.seq;
    po_buf_clear(&runner->answered);
    po_rc rc = po_parent_answer(run_cx, &parent, &call, &runner->answered, &kind);
    if (po_is_ok(rc) && !po_is_ok(po_buf_check(&runner->answered)))
        rc = PO_FAIL(run_cx, PO_LIMIT, "the answer is larger than %zu bytes", PO_FRAME_BYTES_MAX);
    runner->is_answered_ok = po_is_ok(rc);
    rc = send_answer(run_cx, runner, rc, kind);
    if (!po_is_ok(rc)) cx->err = run_cx->err;
    return rc;
}

/* ---- call ---------------------------------------------------------------------------------------- */

/* Whether the answer of a call may be what the child says it was. */
static PO_RC check_value(struct po_ctx *cx, const struct po_runner *runner,
                         const struct po_script_host_call *call, po_str value)
{
    const struct po_host_row *row = po_host_row_at(call->fn_index);
    bool is_masked = runner->job->is_dry_run && row->dry != NULL;
    if (row->side == PO_HOST_NOWHERE) return lie(cx, "an answer of a function that is not built");
    if (is_masked && !po_str_eq_cstr(value, row->dry)) return lie(cx, "an effect in a dry run");
    if (is_masked || row->side != PO_HOST_PARENT) return po_rc_ok();
    bool is_ours = runner->asked_seq == call->seq && runner->is_answered_ok &&
                   po_str_eq(value, po_buf_str(&runner->answered));
    return is_ours ? po_rc_ok() : lie(cx, "an answer that was not given");
}

static PO_RC check_entry(struct po_ctx *cx, struct po_ctx *run_cx, struct po_runner *runner,
                         po_str frame, const struct po_json *entry)
{
    struct po_script_host_call call = {0};
    int64_t seq = 0;
    const struct po_json *value = po_json_get(entry, "value");
    /* Too long for the list: by its digest alone. */
    if (po_json_get(entry, "sha256") != NULL) {
        PO_TRY(cx, po_json_get_int(cx, entry, "seq", &seq));
        bool is_next = seq > 0 && (uint64_t)seq == runner->call_count + 1;
        return is_next ? po_rc_ok() : lie(cx, "a call out of turn");
    }
    PO_TRY(cx, get_call(cx, runner, frame, entry, &call));
    if (value == NULL) return po_rc_ok();
    if (runner->job->replay_calls.len > 0) return po_rc_ok();
    PO_TRY(cx, judge(cx, run_cx, runner, &call));
    return check_value(cx, runner, &call, po_str_slice(frame, value->offset, value->end));
}

static PO_RC get_denial(struct po_ctx *cx, const struct po_json *object,
                        struct po_program_denial *ret_denial)
{
    static const char *const fences[] = {"needs", "grant", "ceiling"};
    struct po_program_denial denial = {.kind = PO_CAP_COUNT};
    po_str capability = {0};
    po_str fence = {0};
    PO_TRY(cx, po_json_get_str(cx, object, "capability", &capability));
    PO_TRY(cx, po_json_get_str(cx, object, "fence", &fence));
    PO_TRY(cx, po_json_get_str(cx, object, "value", &denial.value));
    for (size_t i = 0; i < PO_CAP_COUNT; i++)
        if (po_str_eq_cstr(capability, po_cap_name((enum po_cap_kind)i)))
            denial.kind = (enum po_cap_kind)i;
    for (size_t i = 0; i < sizeof fences / sizeof *fences; i++)
        if (po_str_eq_cstr(fence, fences[i])) denial.fence = fences[i];
    if (denial.kind == PO_CAP_COUNT || denial.fence == NULL) return lie(cx, "an unknown denial");
    *ret_denial = denial;
    return po_rc_ok();
}

static PO_RC take_call(struct po_ctx *cx, struct po_ctx *run_cx, struct po_runner *runner,
                       po_str frame, const struct po_json *root)
{
    const struct po_json *entry = po_json_get(root, "entry");
    const struct po_json *refused = po_json_get(root, "denial");
    struct po_program_denial denial = {0};
    if (entry == NULL || entry->type != PO_JSON_OBJECT) return lie(cx, "a call without an entry");
    PO_TRY(cx, check_entry(cx, run_cx, runner, frame, entry));
    if (refused != NULL) {
        PO_TRY(cx, get_denial(cx, refused, &denial));
        PO_TRY(run_cx, keep_denial(run_cx, runner, &denial));
    }
    po_str text = po_str_slice(frame, entry->offset, entry->end);
    if (text.len + sizeof ",]" > runner->calls.max - runner->calls.len)
        return lie(cx, "more calls than a record holds");
    if (runner->calls.len > 1) po_buf_append_char(&runner->calls, ',');
    po_buf_append(&runner->calls, text);
    PO_TRY_LEAF(cx, po_buf_check(&runner->calls), "out of memory for a program's calls");
    runner->call_count++;
    runner->asked_seq = 0;
    return po_rc_ok();
}

/* ---- part, end, error ---------------------------------------------------------------------------- */

static PO_RC take_part(struct po_ctx *cx, struct po_runner *runner, const struct po_json *root)
{
    static const char *const names[PO_RUNNER_TEXT_COUNT] = {[PO_RUNNER_OUTPUT] = "output",
                                                            [PO_RUNNER_VALUE] = "value",
                                                            [PO_RUNNER_DISPLAY] = "display"};
    po_str name = {0};
    po_str text = {0};
    PO_TRY(cx, po_json_get_str(cx, root, "of", &name));
    PO_TRY(cx, po_json_get_str(cx, root, "text", &text));
    for (size_t i = 0; i < PO_RUNNER_TEXT_COUNT; i++) {
        if (!po_str_eq_cstr(name, names[i])) continue;
        struct po_buf *kept = &runner->texts[i];
        if (text.len > kept->max - kept->len)
            return PO_FAIL(cx, PO_TAMPER, "the %s is beyond its limit", names[i]);
        po_buf_append(kept, text);
        PO_TRY_LEAF(cx, po_buf_check(kept), "out of memory for a program's result");
        return po_rc_ok();
    }
    return lie(cx, "a part of nothing");
}

static PO_RC get_text(struct po_ctx *cx, struct po_ctx *run_cx, const struct po_json *object,
                      const char *key, po_str *ret_text)
{
    po_str text = {0};
    PO_TRY(cx, po_json_get_str(cx, object, key, &text));
    PO_TRY_LEAF(cx, po_arena_copy(run_cx->arena, text, ret_text), "out of memory for an outcome");
    return po_rc_ok();
}

static PO_RC get_count(struct po_ctx *cx, const struct po_json *object, const char *key,
                       uint64_t *ret_count)
{
    int64_t count = 0;
    PO_TRY(cx, po_json_get_int(cx, object, key, &count));
    if (count < 0) return lie(cx, "a negative count");
    *ret_count = (uint64_t)count;
    return po_rc_ok();
}

static PO_RC get_trace(struct po_ctx *cx, struct po_ctx *run_cx, const struct po_json *root,
                       struct po_script_outcome *outcome)
{
    const struct po_json *trace = NULL;
    PO_TRY(cx, po_json_get_array(cx, root, "trace", &trace));
    if (trace->count > PO_SCRIPT_TRACE_MAX) return lie(cx, "a trace beyond its limit");
    for (const struct po_json *item = trace->first; item != NULL; item = item->next) {
        struct po_script_frame *frame = &outcome->trace[outcome->trace_count++];
        uint64_t line = 0;
        uint64_t column = 0;
        PO_TRY(cx, get_text(cx, run_cx, item, "function", &frame->function));
        PO_TRY(cx, get_text(cx, run_cx, item, "path", &frame->path));
        PO_TRY(cx, get_count(cx, item, "line", &line));
        PO_TRY(cx, get_count(cx, item, "column", &column));
        frame->line = (uint32_t)line;
        frame->column = (uint32_t)column;
    }
    return po_rc_ok();
}

/* The value must be JSON: others put it into documents of theirs as it is. */
static PO_RC check_result(struct po_ctx *cx, struct po_runner *runner)
{
    struct po_json *value = NULL;
    po_str text = po_buf_str(&runner->texts[PO_RUNNER_VALUE]);
    if (text.len == 0 && runner->result.outcome.status == PO_SCRIPT_FAULT) return po_rc_ok();
    return po_json_parse(cx, text, PO_JSON_ALLOW_REAL, &value);
}

static PO_RC take_end(struct po_ctx *cx, struct po_ctx *run_cx, struct po_runner *runner,
                      const struct po_json *root)
{
    struct po_script_outcome *outcome = &runner->result.outcome;
    uint64_t status = 0;
    PO_TRY(cx, get_count(cx, root, "status", &status));
    if (status > PO_SCRIPT_FAULT) return lie(cx, "an end of no kind");
    if (runner->asked_seq != 0) return lie(cx, "an end in the middle of a call");
    outcome->status = (enum po_script_status)status;
    PO_TRY(cx, get_text(cx, run_cx, root, "fault_kind", &outcome->fault_kind));
    PO_TRY(cx, get_text(cx, run_cx, root, "fault_message", &outcome->fault_message));
    PO_TRY(cx, get_text(cx, run_cx, root, "source_line", &outcome->source_line));
    PO_TRY(cx, get_trace(cx, run_cx, root, outcome));
    PO_TRY(cx, get_count(cx, root, "steps", &outcome->steps));
    PO_TRY(cx, get_count(cx, root, "memory_bytes", &outcome->memory_bytes));
    PO_TRY(cx, get_count(cx, root, "host_calls", &outcome->host_calls));
    PO_TRY(cx, get_count(cx, root, "output_bytes", &outcome->output_bytes));
    PO_TRY(cx, check_result(cx, runner));
    runner->is_over = true;
    return po_rc_ok();
}

static PO_RC take_error(struct po_ctx *cx, struct po_runner *runner, const struct po_json *root)
{
    int64_t code = 0;
    po_str message = {0};
    PO_TRY(cx, po_json_get_int(cx, root, "code", &code));
    PO_TRY(cx, po_json_get_str(cx, root, "message", &message));
    bool is_code = code > PO_OK && code <= PO_UNAVAILABLE && code != PO_TAMPER;
    if (!is_code) return lie(cx, "an error of no kind");
    runner->is_refused = true;
    return PO_FAIL(cx, (enum po_code)code, "%.*s", PO_STR_ARG(message));
}

/* ---- dispatch ------------------------------------------------------------------------------------ */

static PO_RC take(struct po_ctx *cx, struct po_ctx *run_cx, struct po_runner *runner, po_str frame)
{
    struct po_json *root = NULL;
    po_str op = {0};
    PO_TRY(cx, po_json_parse(cx, frame, PO_JSON_ALLOW_REAL, &root));
    PO_TRY(cx, po_json_get_str(cx, root, "op", &op));
    if (po_str_eq_cstr(op, "error")) return take_error(cx, runner, root);
    if (!runner->is_ready) {
        if (!po_str_eq_cstr(op, "ready")) return lie(cx, "a frame before it is ready");
        runner->is_ready = true;
        return po_rc_ok();
    }
    if (po_str_eq_cstr(op, "ask")) return take_ask(cx, run_cx, runner, frame, root);
    if (po_str_eq_cstr(op, "call")) return take_call(cx, run_cx, runner, frame, root);
    if (po_str_eq_cstr(op, "part")) return take_part(cx, runner, root);
    if (po_str_eq_cstr(op, "end")) return take_end(cx, run_cx, runner, root);
    return lie(cx, "a frame of no kind");
}

/* What cannot be read is a lie, too: the child is this build and writes what this file reads. */
static bool is_unreadable(const struct po_runner *runner, po_rc rc)
{
    return !runner->is_refused && (rc.code == PO_INVALID || rc.code == PO_LIMIT);
}

po_rc po_runner_take_frame(struct po_ctx *cx, struct po_runner *runner, po_str frame)
{
    struct po_ctx scratch = {0};
    PO_TRY(cx, po_ctx_child_begin(cx, FRAME_ARENA_BYTES_MAX, &scratch));
    po_rc rc = take(&scratch, cx, runner, frame);
    rc = po_ctx_child_end(cx, &scratch, rc);
    if (is_unreadable(runner, rc)) return PO_FAIL(cx, PO_TAMPER, "a frame that is none");
    return rc;
}
