/*
 * What programs did, told to the ledger: texts once, runs and refusals each time.
 */
#include "grant/grant.h"

#include "core/codec.h"
#include "store/store.h"

PO_RC po_program_resource(struct po_ctx *cx, const struct po_program *program, po_str *ret_name)
{
    const char *name =
        po_arena_printf(cx->arena, "program:%.*s#%.*s", PO_STR_ARG(program->row.file),
                        PO_STR_ARG(program->row.entry));
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_name = po_str_of(name);
    return po_rc_ok();
}

static void put_digest(struct po_json_out *json, const char *key, const uint8_t *digest)
{
    char hex[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(digest, PO_SHA256_BYTES, hex);
    po_json_out_field(json, key, po_str_of(hex));
}

/* ---- refusals ------------------------------------------------------------------------------------- */

PO_RC po_program_denied_event(struct po_ctx *cx, const struct po_refusal *refusal,
                              struct po_event *ret_event)
{
    PO_BUF_AUTO detail;
    struct po_json_out json;
    po_str kept = {NULL, 0};
    po_buf_init(&detail, 32768);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "argument",
                      po_str_slice(refusal->argument, 0, PO_CAP_VALUE_BYTES_MAX));
    if (refusal->capability != NULL)
        po_json_out_field(&json, "capability", po_str_of(refusal->capability));
    po_json_out_field(&json, "fence", po_str_of(refusal->fence));
    po_json_out_field(&json, "program", refusal->program);
    if (refusal->digest != NULL) put_digest(&json, "program_sha256", refusal->digest);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "denial event");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&detail), &kept), "out of request memory");
    *ret_event = (struct po_event){.type = PO_EVENT_TYPE_PROGRAM_DENIED,
                                   .resource = refusal->program,
                                   .action = PO_LIT("deny"),
                                   .result = PO_EVENT_DENIED,
                                   .detail = kept};
    return po_rc_ok();
}

PO_RC po_program_deny(struct po_ctx *cx, struct po_home *home, const struct po_refusal *refusal)
{
    struct po_event event;
    if (po_home_read_only_reason(home) != NULL) return po_rc_ok();
    PO_TRY(cx, po_program_denied_event(cx, refusal, &event));
    return po_home_record(cx, home, &event);
}

/* ---- texts ---------------------------------------------------------------------------------------- */

PO_RC po_program_texts(struct po_ctx *cx, const struct po_program *program, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "entry", program->row.entry);
    po_json_out_field(&json, "file", program->row.file);
    po_json_out_key(&json, "files");
    po_json_out_object(&json);
    for (size_t i = 0; i < po_script_module_count(program->script); i++) {
        const char *path = po_arena_strdup(cx->arena, po_script_module_path(program->script, i));
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        po_json_out_field(&json, path, po_script_module_text(program->script, i));
    }
    po_json_out_object_end(&json);
    put_digest(&json, "program_sha256", program->digest);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "the texts of '%.*s' are too long for one event",
                PO_STR_ARG(program->row.file));
    return po_rc_ok();
}

PO_RC po_program_texts_queue(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                             const struct po_program *program)
{
    bool has = false;
    PO_BUF_AUTO texts;
    po_str resource = {NULL, 0};
    po_buf_init(&texts, PO_EVENT_BYTES_MAX - 8192);
    PO_TRY(cx, po_store_program_has(cx, po_home_store(home), program->digest, &has));
    if (has) return po_rc_ok();
    PO_TRY(cx, po_program_texts(cx, program, &texts));
    PO_TRY(cx, po_program_resource(cx, program, &resource));
    PO_TRY(cx, po_store_program_add(cx, tx, program->digest));
    const struct po_event event = {.type = PO_EVENT_TYPE_PROGRAM_STORED,
                                   .resource = resource,
                                   .action = PO_LIT("record"),
                                   .result = PO_EVENT_SUCCESS,
                                   .detail = po_buf_str(&texts)};
    return po_home_queue(cx, home, tx, &event);
}

/* ---- runs ----------------------------------------------------------------------------------------- */

/*
 * A text of a run. One that is to be cut because the record would not fit an event keeps its head,
 * its length and the digest of all of it, which a replay compares.
 */
static void put_text(struct po_json_out *json, const char *const keys[3], po_str text, bool is_cut)
{
    uint8_t digest[PO_SHA256_BYTES] = {0};
    size_t kept = PO_RUN_TEXT_HEAD_BYTES;
    if (!is_cut || text.len <= kept || !po_is_ok(po_sha256(text, digest))) {
        po_json_out_field(json, keys[0], text);
        return;
    }
    while (kept > 0 && ((uint8_t)text.ptr[kept] & 0xC0) == 0x80) {
        kept--; /* between characters */
    }
    po_json_out_field(json, keys[0], po_str_slice(text, 0, kept));
    po_json_out_field_int(json, keys[1], (int64_t)text.len);
    put_digest(json, keys[2], digest);
}

static void put_outcome(struct po_json_out *json, const struct po_script_outcome *outcome,
                        bool is_cut)
{
    static const char *const keys[] = {"value", "value_bytes", "value_sha256"};
    static const char *const names[] = {
        [PO_SCRIPT_OK] = "ok", [PO_SCRIPT_PROGRAM_ERROR] = "error", [PO_SCRIPT_FAULT] = "fault"};
    po_json_out_object(json);
    po_json_out_field_int(json, "host_calls", (int64_t)outcome->host_calls);
    if (outcome->status != PO_SCRIPT_OK) {
        po_json_out_field(json, "kind", outcome->fault_kind);
        po_json_out_field(json, "message", outcome->fault_message);
    }
    po_json_out_field_int(json, "memory_bytes", (int64_t)outcome->memory_bytes);
    po_json_out_field(json, "status", po_str_of(names[outcome->status]));
    po_json_out_field_int(json, "steps", (int64_t)outcome->steps);
    /* as text: what a program gives may hold numbers that JSON of events does not take */
    put_text(json, keys, outcome->value_json, is_cut);
    po_json_out_object_end(json);
}

static void put_limits(struct po_json_out *json, const struct po_script_limits *limits)
{
    po_json_out_object(json);
    po_json_out_field_int(json, "depth", limits->depth);
    po_json_out_field_int(json, "host_calls", limits->host_calls);
    po_json_out_field_int(json, "memory_bytes", (int64_t)limits->memory_bytes);
    po_json_out_field_int(json, "output_bytes", (int64_t)limits->output_bytes);
    po_json_out_field_int(json, "steps", (int64_t)limits->steps);
    po_json_out_field_int(json, "time_us", limits->time_us);
    po_json_out_object_end(json);
}

static void put_run(struct po_json_out *json, const struct po_program *program,
                    const struct po_program_job *job, const struct po_program_result *result,
                    bool is_cut)
{
    static const char *const keys[] = {"output", "output_bytes", "output_sha256"};
    po_json_out_object(json);
    po_json_out_field(json, "args", job->args_json.len > 0 ? job->args_json : PO_LIT("[]"));
    po_json_out_field(json, "calls", result->calls_json);
    put_digest(json, "calls_sha256", result->calls_digest);
    po_json_out_key(json, "dry_run");
    po_json_out_bool(json, job->is_dry_run);
    po_json_out_field(json, "entry", program->row.entry);
    po_json_out_key(json, "grant");
    if (job->grant != NULL)
        po_caps_put(job->grant, json);
    else
        po_json_out_null(json);
    po_json_out_key(json, "limits");
    put_limits(json, &program->limits);
    po_json_out_key(json, "needs");
    po_caps_put(&program->row.needs, json);
    po_json_out_field_int(json, "now_us", job->now_us);
    po_json_out_key(json, "outcome");
    put_outcome(json, &result->outcome, is_cut);
    put_text(json, keys, result->output, is_cut);
    po_json_out_field(json, "program", program->row.file);
    put_digest(json, "program_sha256", program->digest);
    po_json_out_field(json, "sandbox", result->sandbox);
    po_json_out_field(json, "trust", po_str_of(po_trust_name(program->trust)));
    po_json_out_object_end(json);
}

static PO_RC ran_event(struct po_ctx *cx, const struct po_program *program,
                       const struct po_program_job *job, const struct po_program_result *result,
                       struct po_event *ret_event)
{
    PO_BUF_AUTO detail;
    struct po_json_out json;
    struct po_event event = {.type = PO_EVENT_TYPE_PROGRAM_RAN,
                             .action = PO_LIT("run"),
                             .result = result->outcome.status == PO_SCRIPT_OK ? PO_EVENT_SUCCESS
                                                                              : PO_EVENT_FAILURE};
    po_buf_init(&detail, PO_EVENT_BYTES_MAX - 8192);
    po_json_out_init(&json, &detail, 0);
    put_run(&json, program, job, result, false);
    if (po_buf_check(&detail).code == PO_LIMIT) {
        po_buf_clear(&detail);
        po_json_out_init(&json, &detail, 0);
        put_run(&json, program, job, result, true);
    }
    PO_TRY_LEAF(cx, po_buf_check(&detail), "the record of '%.*s' is too long for one event",
                PO_STR_ARG(program->row.file));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&detail), &event.detail),
                "out of request memory");
    PO_TRY(cx, po_program_resource(cx, program, &event.resource));
    *ret_event = event;
    return po_rc_ok();
}

PO_RC po_program_run_events(struct po_ctx *cx, const struct po_program_ran *ran,
                            struct po_event *events, size_t *ret_count)
{
    const struct po_program *program = ran->program;
    const struct po_program_result *result = ran->result;
    po_str resource = {NULL, 0};
    size_t count = 0;
    PO_TRY(cx, po_program_resource(cx, program, &resource));
    for (size_t i = 0; ran->services != NULL && i < ran->services->event_count; i++)
        events[count++] = ran->services->events[i];
    for (size_t i = 0; i < result->denial_count && i < PO_RUN_DENIALS_MAX; i++) {
        const struct po_program_denial *denial = &result->denials[i];
        const struct po_refusal refusal = {.program = resource,
                                           .digest = program->digest,
                                           .capability = po_cap_name(denial->kind),
                                           .argument = denial->value,
                                           .fence = denial->fence};
        PO_TRY(cx, po_program_denied_event(cx, &refusal, &events[count++]));
    }
    PO_TRY(cx, ran_event(cx, program, ran->job, result, &events[count++]));
    *ret_count = count;
    return po_rc_ok();
}

PO_RC po_program_record(struct po_ctx *cx, struct po_home *home, const struct po_program_ran *ran)
{
    struct po_event *events = NULL;
    size_t count = 0;
    PO_ARENA_NEW(cx, events, PO_RUN_EVENTS_MAX);
    PO_TRY(cx, po_program_run_events(cx, ran, events, &count));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_program_texts_queue(cx, home, tx, ran->program));
    for (size_t i = 0; i + 1 < count; i++)
        PO_TRY(cx, po_home_queue(cx, home, tx, &events[i]));
    return po_home_commit(cx, home, tx, &events[count - 1]);
}
