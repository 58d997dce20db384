/*
 * The runner child: one process, one run.
 *
 *   read the job -> lock in (sandbox.h) -> compile -> run (po_run_here) -> report -> end
 *
 * Invariants
 *  1. nothing of the program is looked at before the sandbox is up.
 *  2. it holds no key, no database and no socket but its channel; what fs and exec do not answer is
 *     asked of the parent, which judges by itself.
 *  3. every call is reported as it was recorded before the next one is made.
 *  4. when the channel is gone it ends.
 */
#include "program/runner_wire_priv.h"

#include "core/sys.h"

#include <signal.h>
#include <sys/prctl.h>

struct child {
    struct po_ctx *cx; /* the run's */
    struct po_frame_end end;
    struct po_runner_job job;
    struct po_script_host_fn *fns;
    size_t fn_count;
    struct po_script *script;
    po_time_us deadline_us;
    bool is_cut_off; /* the channel failed: nothing that follows would be known */
};

static void child_done(struct child *child) { po_script_freep(&child->script); }

/* ---- frames to the parent ----------------------------------------------------------------------- */

static void begin_frame(struct po_json_out *out, struct po_buf *frame, const char *op)
{
    po_buf_init(frame, PO_FRAME_BYTES_MAX);
    po_json_out_init(out, frame, 0);
    po_json_out_object(out);
    po_json_out_field(out, "op", po_str_of(op));
}

static PO_RC end_frame(struct po_ctx *cx, struct child *child, struct po_json_out *out)
{
    po_json_out_object_end(out);
    PO_TRY_LEAF(cx, po_buf_check(out->buf), "a frame is too large");
    po_rc rc = po_frame_send(cx, &child->end, po_buf_str(out->buf));
    if (!po_is_ok(rc)) child->is_cut_off = true;
    return rc;
}

static PO_RC say(struct po_ctx *cx, struct child *child, const char *op)
{
    PO_BUF_AUTO frame = {0};
    struct po_json_out out = {0};
    begin_frame(&out, &frame, op);
    return end_frame(cx, child, &out);
}

/* Where to cut `text` so that a piece is whole characters. */
static size_t piece_of(po_str text)
{
    size_t len = text.len < PO_FRAME_PART_BYTES_MAX ? text.len : PO_FRAME_PART_BYTES_MAX;
    while (len < text.len && len > 0 && ((uint8_t)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static PO_RC send_text(struct po_ctx *cx, struct child *child, const char *name, po_str text)
{
    while (text.len > 0) {
        PO_BUF_AUTO frame = {0};
        struct po_json_out out = {0};
        size_t len = piece_of(text);
        begin_frame(&out, &frame, "part");
        po_json_out_field(&out, "of", po_str_of(name));
        po_json_out_field(&out, "text", po_str_slice(text, 0, len));
        PO_TRY(cx, end_frame(cx, child, &out));
        text = po_str_slice(text, len, text.len);
    }
    return po_rc_ok();
}

static void put_trace(struct po_json_out *out, const struct po_script_outcome *outcome)
{
    po_json_out_key(out, "trace");
    po_json_out_array(out);
    for (size_t i = 0; i < outcome->trace_count; i++) {
        const struct po_script_frame *frame = &outcome->trace[i];
        po_json_out_object(out);
        po_json_out_field_int(out, "column", frame->column);
        po_json_out_field(out, "function", frame->function);
        po_json_out_field_int(out, "line", frame->line);
        po_json_out_field(out, "path", frame->path);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

static PO_RC send_end(struct po_ctx *cx, struct child *child,
                      const struct po_program_result *result)
{
    const struct po_script_outcome *outcome = &result->outcome;
    PO_BUF_AUTO frame = {0};
    struct po_json_out out = {0};
    PO_TRY(cx, send_text(cx, child, "output", result->output));
    PO_TRY(cx, send_text(cx, child, "value", outcome->value_json));
    PO_TRY(cx, send_text(cx, child, "display", outcome->display));
    begin_frame(&out, &frame, "end");
    po_json_out_field_int(&out, "status", outcome->status);
    po_json_out_field(&out, "fault_kind", outcome->fault_kind);
    po_json_out_field(&out, "fault_message", outcome->fault_message);
    po_json_out_field(&out, "source_line", outcome->source_line);
    put_trace(&out, outcome);
    po_json_out_field_int(&out, "steps", (int64_t)outcome->steps);
    po_json_out_field_int(&out, "memory_bytes", (int64_t)outcome->memory_bytes);
    po_json_out_field_int(&out, "host_calls", (int64_t)outcome->host_calls);
    po_json_out_field_int(&out, "output_bytes", (int64_t)outcome->output_bytes);
    return end_frame(cx, child, &out);
}

/* What kept the run from being made; cx->err says why. */
static PO_RC send_error(struct po_ctx *cx, struct child *child, enum po_code code)
{
    PO_BUF_AUTO frame = {0};
    struct po_json_out out = {0};
    begin_frame(&out, &frame, "error");
    po_json_out_field_int(&out, "code", code);
    po_json_out_field(&out, "message", po_str_of(po_err_msg(cx)));
    po_err_clear(cx);
    return end_frame(cx, child, &out);
}

/* ---- calls -------------------------------------------------------------------------------------- */

/* {"op":"answer","seq","value"} or {"op":"answer","seq","code","kind","message"}. */
static PO_RC take_answer(struct po_ctx *cx, const struct po_host_ask *ask, po_str frame,
                         struct po_buf *ret_json, const char **ret_kind)
{
    struct po_json *root = NULL;
    int64_t seq = 0;
    int64_t code = 0;
    po_str message = {0};
    po_str kind = {0};
    PO_TRY(cx, po_json_parse(cx, frame, PO_JSON_ALLOW_REAL, &root));
    PO_TRY(cx, po_json_get_int(cx, root, "seq", &seq));
    if ((uint64_t)seq != ask->call->seq) return PO_FAIL(cx, PO_CORRUPT, "an answer out of turn");
    const struct po_json *value = po_json_get(root, "value");
    if (value != NULL) {
        po_buf_append(ret_json, po_str_slice(frame, value->offset, value->end));
        return po_rc_ok();
    }
    PO_TRY(cx, po_json_get_int(cx, root, "code", &code));
    PO_TRY(cx, po_json_get_str(cx, root, "kind", &kind));
    PO_TRY(cx, po_json_get_str(cx, root, "message", &message));
    *ret_kind = kind.len > 0 ? po_arena_strdup(cx->arena, kind) : NULL;
    return PO_FAIL(cx, code > PO_OK && code <= PO_UNAVAILABLE ? (enum po_code)code : PO_IO, "%.*s",
                   PO_STR_ARG(message));
}

static PO_RC ask_parent(struct po_ctx *cx, struct child *child, const struct po_host_ask *ask,
                        struct po_buf *ret_json, const char **ret_kind)
{
    PO_BUF_AUTO frame = {0};
    struct po_json_out out = {0};
    begin_frame(&out, &frame, "ask");
    po_json_out_field_int(&out, "seq", (int64_t)ask->call->seq);
    po_json_out_field(&out, "module", ask->call->module);
    po_json_out_field(&out, "name", ask->call->name);
    po_json_out_key(&out, "args");
    po_json_out_raw(&out, ask->call->args_json);
    PO_TRY(cx, end_frame(cx, child, &out));
    po_rc rc = po_frame_read(cx, &child->end, &frame);
    if (!po_is_ok(rc)) child->is_cut_off = true;
    PO_TRY(cx, rc);
    return take_answer(cx, ask, po_buf_str(&frame), ret_json, ret_kind);
}

static po_rc answer(void *user, struct po_ctx *cx, const struct po_host_ask *ask,
                    struct po_buf *ret_json, const char **ret_kind)
{
    struct child *child = user;
    if (child->is_cut_off) return PO_FAIL(cx, PO_CANCELED, "the runner channel is closed");
    if (ask->row->side != PO_HOST_CHILD) return ask_parent(cx, child, ask, ret_json, ret_kind);
    /* A file that the user may not read is no denied capability. */
    *ret_kind = "HostError";
    if (po_str_eq_cstr(ask->call->module, "host/fs")) return po_host_fs_answer(cx, ask, ret_json);
    po_time_us left = child->deadline_us - po_frame_now_us();
    return po_host_exec_answer(cx, ask, left > 0 ? left : 1, ret_json);
}

static void put_denial(struct po_json_out *out, const struct po_program_denial *denial)
{
    po_json_out_key(out, "denial");
    po_json_out_object(out);
    po_json_out_field(out, "capability", po_str_of(po_cap_name(denial->kind)));
    po_json_out_field(out, "fence", po_str_of(denial->fence));
    po_json_out_field(out, "value", denial->value);
    po_json_out_object_end(out);
}

static void on_call(void *user, po_str entry_json, const struct po_program_denial *denial)
{
    struct child *child = user;
    PO_BUF_AUTO frame = {0};
    struct po_json_out out = {0};
    if (child->is_cut_off) return;
    begin_frame(&out, &frame, "call");
    po_json_out_key(&out, "entry");
    po_json_out_raw(&out, entry_json);
    if (denial != NULL && denial->fence != NULL) put_denial(&out, denial);
    /* The parent misses a call then, and refuses the result. */
    if (!po_is_ok(end_frame(child->cx, child, &out))) po_err_clear(child->cx);
}

/* ---- the run ------------------------------------------------------------------------------------ */

static po_rc load_file(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    const struct po_runner_job *job = user;
    for (size_t i = 0; i < job->file_count; i++) {
        if (!po_str_eq(job->files[i].path, path)) continue;
        *ret_text = job->files[i].text;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND, "no file '%.*s'", PO_STR_ARG(path));
}

/* The table as the parent has it: the fixed functions of this build, then the parent's facts. */
static PO_RC make_table(struct po_ctx *cx, struct child *child)
{
    const struct po_script_host_fn *own = NULL;
    size_t count = 0;
    PO_TRY(cx, po_program_host_table(cx, &own, &count));
    PO_ARENA_NEW(cx, child->fns, count + child->job.fact_count + 1);
    for (size_t i = 0; i < count && strcmp(own[i].module, "host/fact") != 0; i++)
        child->fns[child->fn_count++] = own[i];
    for (size_t i = 0; i < child->job.fact_count; i++)
        child->fns[child->fn_count++] = child->job.facts[i];
    return po_rc_ok();
}

static PO_RC compile(struct po_ctx *cx, struct child *child)
{
    struct po_script_diags *diags = NULL;
    struct po_script_host host = {.fns = child->fns, .fn_count = child->fn_count};
    struct po_script_loader loader = {.load = load_file, .user = &child->job};
    struct po_script_config config = {.host = &host, .loader = &loader};
    po_str text = {0};
    PO_ARENA_NEW(cx, diags, 1);
    PO_TRY(cx, load_file(&child->job, cx, child->job.file, &text));
    return po_script_compile(cx, &config, child->job.file, text, diags, &child->script);
}

static struct po_gate gate_of(const struct po_runner_job *job)
{
    struct po_gate gate = {.needs = &job->needs,
                           .grant = job->has_grant ? &job->grant : NULL,
                           .ceiling = &job->ceiling,
                           .home = job->home};
#ifdef PO_FAULTS
    /* rows by kind: everything that can be named */
    static struct po_cap all[] = {{PO_CAP_FS_STAT, {"/**", 3}},
                                  {PO_CAP_FS_READ, {"/**", 3}},
                                  {PO_CAP_FS_WRITE, {"/**", 3}},
                                  {PO_CAP_EXEC, {"/**", 3}}};
    static const struct po_caps open_set = {sizeof all / sizeof *all, all};
    if (po_runner_test.is_gate_open) gate = (struct po_gate){&open_set, NULL, &open_set, job->home};
#endif
    return gate;
}

static PO_RC run(struct po_ctx *cx, struct child *child)
{
    const struct po_runner_job *job = &child->job;
    struct po_program_result result = {0};
    PO_TRY(cx, make_table(cx, child));
    PO_TRY(cx, compile(cx, child));
    struct po_run_spec spec = {.script = child->script,
                               .fns = child->fns,
                               .fn_count = child->fn_count,
                               .entry = job->entry,
                               .args_json = job->args_json,
                               .limits = job->limits,
                               .gate = gate_of(job),
                               .now_us = job->now_us,
                               .is_dry_run = job->is_dry_run,
                               .replay_calls = job->replay_calls,
                               .answer = answer,
                               .on_call = on_call,
                               .user = child};
    child->deadline_us = po_frame_now_us() + po_runner_time_us(&job->limits);
    PO_TRY(cx, say(cx, child, "ready"));
    PO_TRY(cx, po_run_here(cx, &spec, &result));
    return send_end(cx, child, &result);
}

static PO_RC lock_in(struct po_ctx *cx, struct child *child)
{
    struct po_sandbox_options options = {0};
    struct po_sandbox_support support = {0};
    PO_TRY(cx, po_runner_rules(cx, &child->job, &options));
    options.landlock_abi_max = PO_RUNNER_TEST(landlock_abi_max);
    options.fd_first_closed = child->end.fd + 1;
    PO_TRY(cx, po_sandbox_enter(cx, &options, &support));
    /* The parent asked the host before; who is to change things does not rely on that. */
    if ((options.can_write || options.can_exec) && !po_sandbox_is_full(&support))
        return PO_FAIL(cx, PO_DENIED, "the sandbox has only: %s", support.text);
    return po_rc_ok();
}

static PO_RC serve(struct po_ctx *cx, struct child *child, struct po_buf *frame)
{
    /* Whoever started us is gone: so are we. */
    if (po_sys_prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return PO_FAIL(cx, PO_IO, "asking to end with the parent");
    PO_TRY_LEAF(cx, po_crypto_init(), "starting the cryptographic library");
    PO_TRY(cx, po_frame_read(cx, &child->end, frame));
    PO_TRY(cx, po_runner_job_get(cx, po_buf_str(frame), &child->job));
    PO_TRY(cx, lock_in(cx, child));
    return run(cx, child);
}

int po_runner_child_serve(int channel)
{
    PO_CTX_AUTO storage = {0};
    struct po_ctx *cx = &storage;
    PO_BUF_AUTO frame = {0};
    PO_CLEANUP(child_done) struct child child = {.cx = cx, .end = {.fd = channel}};
    po_rc rc = po_ctx_init(cx);
    if (!po_is_ok(rc)) return po_code_exit(rc.code);
    po_buf_init(&frame, PO_FRAME_BYTES_MAX);
    rc = serve(cx, &child, &frame);
    if (!po_is_ok(rc) && !child.is_cut_off) {
        po_rc sent = send_error(cx, &child, rc.code);
        if (!po_is_ok(sent)) return po_code_exit(sent.code);
    }
    return po_code_exit(rc.code);
}

int po_program_role_run(int argc, char **argv)
{
    (void)argv;
    if (argc != 0) return po_code_exit(PO_USAGE);
    return po_runner_child_serve(PO_RUNNER_CHANNEL);
}
