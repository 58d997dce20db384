/*
 * Run records: canonical JSON and back (docs/spec/run-record.md). Members are written in sorted
 * order, so the bytes are RFC 8785; a test compares them with po_json_canonical.
 */
#include "control/catalog_priv.h"

#include "core/codec.h"

#include <inttypes.h>

#define RUN_VERSION 1
#define SHA256_HEX_BYTES (2 * (size_t)PO_SHA256_BYTES)

const char *const po_ctl_run_state_names[] = {"pass", "fail", "error", "skipped", "untested", NULL};

const char *po_run_state_name(enum po_run_state state) { return po_ctl_run_state_names[state]; }

/* -- rules --------------------------------------------------------------------------------------- */

static PO_RC check_line(struct po_ctx *cx, po_str clause, const char *member, po_str text,
                        size_t bytes_max)
{
    if (text.len > bytes_max)
        return PO_FAIL(cx, PO_LIMIT, "run of '%.*s': '%s' is longer than %zu bytes",
                       PO_STR_ARG(clause), member, bytes_max);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ')
            return PO_FAIL(cx, PO_INVALID, "run of '%.*s': '%s' is not one line",
                           PO_STR_ARG(clause), member);
    }
    if (po_utf8_find_invalid(text) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s': '%s' is not UTF-8", PO_STR_ARG(clause),
                       member);
    return po_rc_ok();
}

static PO_RC check_word(struct po_ctx *cx, po_str clause, const char *member, po_str text)
{
    if (text.len == 0)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s' has no '%s'", PO_STR_ARG(clause), member);
    PO_TRY(cx, check_line(cx, clause, member, text, PO_RUN_TEXT_BYTES_MAX));
    return po_rc_ok();
}

static PO_RC check_texts(struct po_ctx *cx, const struct po_run *run)
{
    PO_TRY(cx, check_word(cx, run->clause, "control", run->control));
    PO_TRY(cx, check_word(cx, run->clause, "clause", run->clause));
    PO_TRY(cx, check_word(cx, run->clause, "check", run->check));
    PO_TRY(cx, check_word(cx, run->clause, "engine", run->engine));
    PO_TRY(cx, check_word(cx, run->clause, "run_id", run->run_id));
    PO_TRY(cx, check_line(cx, run->clause, "reason", run->reason, PO_RUN_REASON_BYTES_MAX));
    for (size_t i = 0; i < run->deviation_count; i++) {
        PO_TRY(cx, check_word(cx, run->clause, "subject", run->deviations[i].subject));
        PO_TRY(cx, check_word(cx, run->clause, "fact", run->deviations[i].fact));
    }
    for (size_t i = 0; i < run->fact_count; i++)
        PO_TRY(cx, check_word(cx, run->clause, "name", run->facts[i].name));
    return po_rc_ok();
}

/* docs/spec/run-record.md 3: what each state may say about counts and reason. */
static PO_RC check_state(struct po_ctx *cx, const struct po_run *run)
{
    bool holds = run->passing >= 0 && run->passing <= run->total;
    if (run->state == PO_RUN_PASS) holds = holds && run->total > 0 && run->passing == run->total;
    if (run->state == PO_RUN_FAIL) holds = holds && run->passing < run->total;
    if (!holds)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s': '%s' with %" PRId64 " of %" PRId64,
                       PO_STR_ARG(run->clause), po_run_state_name(run->state), run->passing,
                       run->total);
    if (run->state == PO_RUN_PASS && run->deviations_total != 0)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s' passes with deviations",
                       PO_STR_ARG(run->clause));
    if (run->state != PO_RUN_PASS && run->reason.len == 0)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s' does not pass and gives no reason",
                       PO_STR_ARG(run->clause));
    return po_rc_ok();
}

static PO_RC check_run(struct po_ctx *cx, const struct po_run *run)
{
    PO_TRY(cx, check_texts(cx, run));
    PO_TRY(cx, check_state(cx, run));
    size_t dot = po_str_find_char(run->clause, '.', 0);
    if (!po_str_eq(po_str_slice(run->clause, 0, dot), run->control))
        return PO_FAIL(cx, PO_INVALID, "clause '%.*s' is none of control '%.*s'",
                       PO_STR_ARG(run->clause), PO_STR_ARG(run->control));
    if (run->total > PO_RUN_COUNT_MAX || run->deviations_total > PO_RUN_COUNT_MAX ||
        run->deviation_count > PO_RUN_DEVIATIONS_MAX || run->fact_count > PO_RUN_FACTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "run of '%.*s' lists or counts too much",
                       PO_STR_ARG(run->clause));
    if (run->deviations_total < (int64_t)run->deviation_count)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s' lists more deviations than it counts",
                       PO_STR_ARG(run->clause));
    if (run->started_us < 0 || run->finished_us < run->started_us || run->cost_us < 0)
        return PO_FAIL(cx, PO_INVALID, "run of '%.*s' ends before it starts",
                       PO_STR_ARG(run->clause));
    for (size_t i = 0; i < run->fact_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (po_str_eq(run->facts[i].name, run->facts[j].name))
                return PO_FAIL(cx, PO_INVALID, "run of '%.*s' names fact '%.*s' twice",
                               PO_STR_ARG(run->clause), PO_STR_ARG(run->facts[i].name));
        }
    }
    return po_rc_ok();
}

PO_RC po_run_validate(struct po_ctx *cx, const struct po_catalog *catalog, const struct po_run *run)
{
    PO_TRY(cx, check_run(cx, run));
    if (po_catalog_control(catalog, run->control) == NULL)
        return PO_FAIL(cx, PO_INVALID, "unknown control '%.*s'", PO_STR_ARG(run->control));
    if (po_catalog_clause(catalog, run->clause) == NULL)
        return PO_FAIL(cx, PO_INVALID, "unknown clause '%.*s'", PO_STR_ARG(run->clause));
    return po_rc_ok();
}

/* -- writing ------------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t digest[static PO_SHA256_BYTES])
{
    uint8_t any = 0;
    for (size_t i = 0; i < PO_SHA256_BYTES; i++)
        any |= digest[i];
    return any == 0;
}

static void write_digest(struct po_json_out *out, const char *key,
                         const uint8_t digest[static PO_SHA256_BYTES])
{
    char hex[SHA256_HEX_BYTES + 1];
    po_hex_encode(digest, PO_SHA256_BYTES, hex);
    po_json_out_field(out, key, po_str_of(hex));
}

static void write_time(struct po_json_out *out, const char *key, po_time_us time_us)
{
    char text[PO_TIME_RFC3339_BYTES];
    po_time_format(time_us, text);
    po_json_out_field(out, key, po_str_of(text));
}

static void write_deviations(struct po_json_out *out, const struct po_run *run)
{
    po_json_out_key(out, "deviations");
    po_json_out_array(out);
    for (size_t i = 0; i < run->deviation_count; i++) {
        po_json_out_object(out);
        po_json_out_field(out, "fact", run->deviations[i].fact);
        po_json_out_field(out, "subject", run->deviations[i].subject);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_field_int(out, "deviations_total", run->deviations_total);
}

static void write_facts(struct po_json_out *out, const struct po_run *run)
{
    po_json_out_key(out, "facts");
    po_json_out_array(out);
    for (size_t i = 0; i < run->fact_count; i++) {
        po_json_out_object(out);
        po_json_out_field(out, "name", run->facts[i].name);
        write_time(out, "read_at", run->facts[i].read_at_us);
        write_digest(out, "sha256", run->facts[i].digest);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

PO_RC po_run_encode(struct po_ctx *cx, const struct po_run *run, struct po_buf *out)
{
    PO_TRY(cx, check_run(cx, run));
    size_t start = out->len;
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    write_digest(&json, "catalog_sha256", run->catalog_digest);
    po_json_out_field(&json, "check", run->check);
    po_json_out_field(&json, "clause", run->clause);
    po_json_out_field(&json, "control", run->control);
    po_json_out_field_int(&json, "cost_us", run->cost_us);
    write_deviations(&json, run);
    po_json_out_field(&json, "engine", run->engine);
    write_facts(&json, run);
    write_time(&json, "finished", run->finished_us);
    po_json_out_field(&json, "kind", PO_LIT("run"));
    po_json_out_field_int(&json, "passing", run->passing);
    if (is_zero(run->population_digest)) {
        po_json_out_key(&json, "population_sha256");
        po_json_out_null(&json);
    } else {
        write_digest(&json, "population_sha256", run->population_digest);
    }
    write_digest(&json, "program_sha256", run->program_digest);
    po_json_out_field(&json, "reason", run->reason);
    po_json_out_field(&json, "run_id", run->run_id);
    write_time(&json, "started", run->started_us);
    po_json_out_field(&json, "state", po_str_of(po_run_state_name(run->state)));
    po_json_out_field_int(&json, "total", run->total);
    po_json_out_field_int(&json, "v", RUN_VERSION);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the run of '%.*s'", PO_STR_ARG(run->clause));
    if (out->len - start > PO_RUN_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the run of '%.*s' is larger than %zu bytes",
                       PO_STR_ARG(run->clause), PO_RUN_BYTES_MAX);
    return po_rc_ok();
}

/* -- reading ------------------------------------------------------------------------------------- */

static PO_RC read_digest(struct po_ctx *cx, const struct po_json *object, const char *key,
                         uint8_t out[static PO_SHA256_BYTES])
{
    po_str hex;
    PO_TRY(cx, po_json_get_str(cx, object, key, &hex));
    for (size_t i = 0; i < hex.len; i++) {
        if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F')
            return PO_FAIL(cx, PO_INVALID, "'%s' is not lower-case hex", key);
    }
    PO_TRY_LEAF(cx, po_hex_decode(hex, out, PO_SHA256_BYTES), "'%s' is no SHA-256 digest", key);
    return po_rc_ok();
}

static PO_RC read_time(struct po_ctx *cx, const struct po_json *object, const char *key,
                       po_time_us *ret_time)
{
    po_str text;
    PO_TRY(cx, po_json_get_str(cx, object, key, &text));
    PO_TRY_LEAF(cx, po_time_parse(text, ret_time), "'%s' is no UTC time", key);
    return po_rc_ok();
}

/* Array `key` of at most `max` objects. */
static PO_RC read_array(struct po_ctx *cx, const struct po_json *root, const char *key, size_t max,
                        const struct po_json **ret_array)
{
    PO_TRY(cx, po_json_get_array(cx, root, key, ret_array));
    if ((*ret_array)->count > max)
        return PO_FAIL(cx, PO_LIMIT, "'%s' has more than %zu entries", key, max);
    return po_rc_ok();
}

static PO_RC read_deviations(struct po_ctx *cx, const struct po_json *root, struct po_run *run)
{
    static const char *const names[] = {"fact", "subject", NULL};
    const struct po_json *array = NULL;
    struct po_run_deviation *deviations = NULL;
    PO_TRY(cx, read_array(cx, root, "deviations", PO_RUN_DEVIATIONS_MAX, &array));
    PO_ARENA_NEW(cx, deviations, array->count + 1);
    for (const struct po_json *v = array->first; v != NULL; v = v->next) {
        struct po_run_deviation *d = &deviations[run->deviation_count];
        PO_TRY(cx, po_ctl_members(cx, &(struct po_ctl_object){v, "deviation", run->clause}, names));
        PO_TRY(cx, po_json_get_str(cx, v, "fact", &d->fact));
        PO_TRY(cx, po_json_get_str(cx, v, "subject", &d->subject));
        run->deviation_count++;
    }
    run->deviations = deviations;
    PO_TRY(cx, po_json_get_int(cx, root, "deviations_total", &run->deviations_total));
    return po_rc_ok();
}

static PO_RC read_facts(struct po_ctx *cx, const struct po_json *root, struct po_run *run)
{
    static const char *const names[] = {"name", "read_at", "sha256", NULL};
    const struct po_json *array = NULL;
    struct po_run_fact *facts = NULL;
    PO_TRY(cx, read_array(cx, root, "facts", PO_RUN_FACTS_MAX, &array));
    PO_ARENA_NEW(cx, facts, array->count + 1);
    for (const struct po_json *v = array->first; v != NULL; v = v->next) {
        struct po_run_fact *f = &facts[run->fact_count];
        PO_TRY(cx, po_ctl_members(cx, &(struct po_ctl_object){v, "fact of", run->clause}, names));
        PO_TRY(cx, po_json_get_str(cx, v, "name", &f->name));
        PO_TRY(cx, read_time(cx, v, "read_at", &f->read_at_us));
        PO_TRY(cx, read_digest(cx, v, "sha256", f->digest));
        run->fact_count++;
    }
    run->facts = facts;
    return po_rc_ok();
}

static PO_RC read_fixed(struct po_ctx *cx, const struct po_json *root, struct po_run *run)
{
    po_str kind;
    int64_t version = 0;
    PO_TRY(cx, po_json_get_str(cx, root, "kind", &kind));
    PO_TRY(cx, po_json_get_int(cx, root, "v", &version));
    if (!po_str_eq_cstr(kind, "run") || version != RUN_VERSION)
        return PO_FAIL(cx, PO_INVALID, "this is no run record of version %d", RUN_VERSION);
    size_t state = 0;
    PO_TRY(cx, po_ctl_choice(cx, &(struct po_ctl_object){root, "run of", run->clause}, "state",
                             po_ctl_run_state_names, &state));
    run->state = (enum po_run_state)state;
    PO_TRY(cx, read_digest(cx, root, "catalog_sha256", run->catalog_digest));
    PO_TRY(cx, read_digest(cx, root, "program_sha256", run->program_digest));
    if (po_json_get(root, "population_sha256")->type != PO_JSON_NULL)
        PO_TRY(cx, read_digest(cx, root, "population_sha256", run->population_digest));
    return po_rc_ok();
}

PO_RC po_run_from_json(struct po_ctx *cx, const struct po_json *root, struct po_run *ret_run)
{
    static const char *const names[] = {"catalog_sha256",
                                        "check",
                                        "clause",
                                        "control",
                                        "cost_us",
                                        "deviations",
                                        "deviations_total",
                                        "engine",
                                        "facts",
                                        "finished",
                                        "kind",
                                        "passing",
                                        "population_sha256",
                                        "program_sha256",
                                        "reason",
                                        "run_id",
                                        "started",
                                        "state",
                                        "total",
                                        "v",
                                        NULL};
    struct po_run run = {0};
    PO_TRY(cx, po_ctl_members(cx, &(struct po_ctl_object){root, "run", PO_LIT("record")}, names));
    PO_TRY(cx, po_json_get_str(cx, root, "clause", &run.clause));
    PO_TRY(cx, po_json_get_str(cx, root, "control", &run.control));
    PO_TRY(cx, po_json_get_str(cx, root, "check", &run.check));
    PO_TRY(cx, po_json_get_str(cx, root, "engine", &run.engine));
    PO_TRY(cx, po_json_get_str(cx, root, "run_id", &run.run_id));
    PO_TRY(cx, po_json_get_str(cx, root, "reason", &run.reason));
    PO_TRY(cx, read_time(cx, root, "started", &run.started_us));
    PO_TRY(cx, read_time(cx, root, "finished", &run.finished_us));
    PO_TRY(cx, po_json_get_int(cx, root, "passing", &run.passing));
    PO_TRY(cx, po_json_get_int(cx, root, "total", &run.total));
    PO_TRY(cx, po_json_get_int(cx, root, "cost_us", &run.cost_us));
    PO_TRY(cx, read_fixed(cx, root, &run));
    PO_TRY(cx, read_deviations(cx, root, &run));
    PO_TRY(cx, read_facts(cx, root, &run));
    PO_TRY(cx, check_run(cx, &run));
    *ret_run = run;
    return po_rc_ok();
}

PO_RC po_run_decode(struct po_ctx *cx, po_str json, struct po_run *ret_run)
{
    if (json.len > PO_RUN_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the run record is larger than %zu bytes", PO_RUN_BYTES_MAX);
    struct po_json *root = NULL;
    PO_TRY(cx, po_json_parse(cx, json, PO_JSON_STRICT, &root));
    PO_TRY(cx, po_run_from_json(cx, root, ret_run));
    return po_rc_ok();
}
