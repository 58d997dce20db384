/*
 * The first frame: everything a runner child works with.
 */
#include "program/runner_wire_priv.h"

#define VERSION 1

po_time_us po_runner_time_us(const struct po_script_limits *limits)
{
    bool is_bounded = limits->time_us > 0 && limits->time_us < PO_RUNNER_TIME_US_MAX;
    po_time_us time_us = is_bounded ? limits->time_us : PO_RUNNER_TIME_US_MAX;
    return time_us + time_us / 10;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_files(struct po_json_out *out, const struct po_script *script)
{
    po_json_out_key(out, "files");
    po_json_out_array(out);
    for (size_t i = 0; i < po_script_module_count(script); i++) {
        po_json_out_object(out);
        po_json_out_field(out, "path", po_script_module_path(script, i));
        po_json_out_field(out, "text", po_script_module_text(script, i));
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

static void put_facts(struct po_json_out *out, const struct po_program *program)
{
    po_json_out_key(out, "facts");
    po_json_out_array(out);
    for (size_t i = 0; i < program->fn_count; i++) {
        const struct po_script_host_fn *fn = &program->fns[i];
        if (strcmp(fn->module, "host/fact") != 0) continue;
        po_json_out_object(out);
        po_json_out_field(out, "name", po_str_of(fn->name));
        po_json_out_field(out, "needs_value", po_str_of(fn->needs_value));
        po_json_out_field(out, "signature", po_str_of(fn->signature));
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

static void put_caps(struct po_json_out *out, const char *key, const struct po_caps *caps)
{
    po_json_out_key(out, key);
    if (caps == NULL)
        po_json_out_null(out);
    else
        po_caps_put(caps, out);
}

static void put_limits(struct po_json_out *out, const struct po_script_limits *limits)
{
    po_json_out_key(out, "limits");
    po_json_out_object(out);
    po_json_out_field_int(out, "steps", (int64_t)limits->steps);
    po_json_out_field_int(out, "memory_bytes", (int64_t)limits->memory_bytes);
    po_json_out_field_int(out, "output_bytes", (int64_t)limits->output_bytes);
    po_json_out_field_int(out, "time_us", limits->time_us);
    po_json_out_field_int(out, "depth", limits->depth);
    po_json_out_field_int(out, "host_calls", limits->host_calls);
    po_json_out_object_end(out);
}

po_rc po_runner_job_put(struct po_ctx *cx, const struct po_program *program,
                        const struct po_program_job *job, const struct po_gate *gate,
                        struct po_buf *frame)
{
    struct po_json_out out = {0};
    po_json_out_init(&out, frame, 0);
    po_json_out_object(&out);
    po_json_out_field_int(&out, "v", VERSION);
    put_files(&out, program->script);
    put_facts(&out, program);
    po_json_out_field(&out, "file", program->row.file);
    po_json_out_field(&out, "entry", program->row.entry);
    po_json_out_field(&out, "args", job->args_json);
    put_caps(&out, "needs", gate->needs);
    put_caps(&out, "grant", gate->grant);
    put_caps(&out, "ceiling", gate->ceiling);
    po_json_out_field(&out, "home", po_str_of(gate->home != NULL ? gate->home : ""));
    put_limits(&out, &program->limits);
    po_json_out_field_int(&out, "now_us", job->now_us);
    po_json_out_key(&out, "dry_run");
    po_json_out_bool(&out, job->is_dry_run);
    po_json_out_field(&out, "replay", job->replay_calls);
    po_json_out_object_end(&out);
    po_rc rc = po_buf_check(frame);
    if (rc.code == PO_LIMIT)
        return PO_FAIL(cx, PO_LIMIT, "the program with its imports is larger than %zu bytes",
                       PO_FRAME_BYTES_MAX);
    PO_TRY_LEAF(cx, rc, "out of memory for a runner's job");
    return po_rc_ok();
}

/* ---- reading ------------------------------------------------------------------------------------ */

static PO_RC get_files(struct po_ctx *cx, const struct po_json *root, struct po_runner_job *job)
{
    const struct po_json *files = NULL;
    PO_TRY(cx, po_json_get_array(cx, root, "files", &files));
    PO_ARENA_NEW(cx, job->files, files->count + 1);
    for (const struct po_json *file = files->first; file != NULL; file = file->next) {
        struct po_runner_file *at = &job->files[job->file_count++];
        PO_TRY(cx, po_json_get_str(cx, file, "path", &at->path));
        PO_TRY(cx, po_json_get_str(cx, file, "text", &at->text));
    }
    return po_rc_ok();
}

static PO_RC get_cstr(struct po_ctx *cx, const struct po_json *object, const char *key,
                      const char **ret_cstr)
{
    po_str text = {0};
    PO_TRY(cx, po_json_get_str(cx, object, key, &text));
    *ret_cstr = po_arena_strdup(cx->arena, text);
    if (*ret_cstr == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a runner's job");
    return po_rc_ok();
}

static PO_RC get_facts(struct po_ctx *cx, const struct po_json *root, struct po_runner_job *job)
{
    const struct po_json *facts = NULL;
    PO_TRY(cx, po_json_get_array(cx, root, "facts", &facts));
    PO_ARENA_NEW(cx, job->facts, facts->count + 1);
    for (const struct po_json *fact = facts->first; fact != NULL; fact = fact->next) {
        struct po_script_host_fn *fn = &job->facts[job->fact_count++];
        fn->module = "host/fact";
        fn->needs = "fact";
        PO_TRY(cx, get_cstr(cx, fact, "name", &fn->name));
        PO_TRY(cx, get_cstr(cx, fact, "needs_value", &fn->needs_value));
        PO_TRY(cx, get_cstr(cx, fact, "signature", &fn->signature));
    }
    return po_rc_ok();
}

static enum po_cap_kind kind_of(po_str name)
{
    size_t kind = 0;
    while (kind < PO_CAP_COUNT && !po_str_eq_cstr(name, po_cap_name((enum po_cap_kind)kind)))
        kind++;
    return (enum po_cap_kind)kind;
}

/* As po_caps_put wrote it. A ceiling holds values that no @needs may have, so this is not its parser. */
static PO_RC get_caps(struct po_ctx *cx, const struct po_json *object, struct po_caps *ret_caps)
{
    struct po_caps caps = {0};
    if (object == NULL || object->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "a set of capabilities is missing");
    PO_ARENA_NEW(cx, caps.at, PO_CAPS_MAX);
    for (const struct po_json *list = object->first; list != NULL; list = list->next) {
        enum po_cap_kind kind = kind_of(list->key);
        if (kind == PO_CAP_COUNT || caps.count + list->count > PO_CAPS_MAX)
            return PO_FAIL(cx, PO_INVALID, "a set of capabilities that is none");
        for (const struct po_json *value = list->first; value != NULL; value = value->next)
            caps.at[caps.count++] = (struct po_cap){.kind = kind, .value = value->str};
    }
    *ret_caps = caps;
    return po_rc_ok();
}

static PO_RC get_limits(struct po_ctx *cx, const struct po_json *root,
                        struct po_script_limits *limits)
{
    const struct po_json *object = po_json_get(root, "limits");
    int64_t steps = 0;
    int64_t memory = 0;
    int64_t output = 0;
    int64_t depth = 0;
    int64_t host_calls = 0;
    PO_TRY(cx, po_json_get_int(cx, object, "steps", &steps));
    PO_TRY(cx, po_json_get_int(cx, object, "memory_bytes", &memory));
    PO_TRY(cx, po_json_get_int(cx, object, "output_bytes", &output));
    PO_TRY(cx, po_json_get_int(cx, object, "time_us", &limits->time_us));
    PO_TRY(cx, po_json_get_int(cx, object, "depth", &depth));
    PO_TRY(cx, po_json_get_int(cx, object, "host_calls", &host_calls));
    limits->steps = (uint64_t)steps;
    limits->memory_bytes = (uint64_t)memory;
    limits->output_bytes = (uint64_t)output;
    limits->depth = (uint32_t)depth;
    limits->host_calls = (uint32_t)host_calls;
    return po_rc_ok();
}

static PO_RC get_sets(struct po_ctx *cx, const struct po_json *root, struct po_runner_job *job)
{
    const struct po_json *grant = po_json_get(root, "grant");
    PO_TRY(cx, get_caps(cx, po_json_get(root, "needs"), &job->needs));
    PO_TRY(cx, get_caps(cx, po_json_get(root, "ceiling"), &job->ceiling));
    if (grant == NULL) return PO_FAIL(cx, PO_INVALID, "a set of capabilities is missing");
    job->has_grant = grant->type != PO_JSON_NULL;
    if (job->has_grant) PO_TRY(cx, get_caps(cx, grant, &job->grant));
    return po_rc_ok();
}

po_rc po_runner_job_get(struct po_ctx *cx, po_str frame, struct po_runner_job *ret_job)
{
    struct po_runner_job job = {0};
    struct po_json *root = NULL;
    int64_t version = 0;
    PO_TRY(cx, po_json_parse(cx, frame, PO_JSON_STRICT, &root));
    PO_TRY(cx, po_json_get_int(cx, root, "v", &version));
    if (version != VERSION) return PO_FAIL(cx, PO_INVALID, "a job of another version");
    PO_TRY(cx, get_files(cx, root, &job));
    PO_TRY(cx, get_facts(cx, root, &job));
    PO_TRY(cx, po_json_get_str(cx, root, "file", &job.file));
    PO_TRY(cx, po_json_get_str(cx, root, "entry", &job.entry));
    PO_TRY(cx, po_json_get_str(cx, root, "args", &job.args_json));
    PO_TRY(cx, po_json_get_str(cx, root, "replay", &job.replay_calls));
    PO_TRY(cx, get_sets(cx, root, &job));
    PO_TRY(cx, get_cstr(cx, root, "home", &job.home));
    if (job.home[0] == '\0') job.home = NULL;
    PO_TRY(cx, get_limits(cx, root, &job.limits));
    PO_TRY(cx, po_json_get_int(cx, root, "now_us", &job.now_us));
    const struct po_json *dry_run = po_json_get(root, "dry_run");
    if (dry_run == NULL || dry_run->type != PO_JSON_BOOL)
        return PO_FAIL(cx, PO_INVALID, "'dry_run' is missing");
    job.is_dry_run = dry_run->boolean;
    *ret_job = job;
    return po_rc_ok();
}
