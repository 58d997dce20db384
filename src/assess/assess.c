/*
 * One assessment: facts are read once, due checks judge them, every result becomes an event.
 *
 * A check's program is compiled when it is due, and its facts are read before it runs.
 *
 * Order matters (law 6): the ledger position and all facts are taken before the first event of this
 * command is queued, so no check sees its own traces.
 */
#include "site_priv.h"

#include "core/build.h"
#include "core/cfg.h"
#include "core/flags.h"
#include "crypto/crypto.h"
#include "store/store.h"

#define FACTS_USED_MAX 128

struct assessment {
    struct po_assess_inputs in;
    struct po_evidence_at at;
    const struct po_assess_options *options;
    struct po_check_list checks; /* of this build, and what the site was granted */
    struct po_event *events;     /* what this assessment will record, in order */
    size_t event_count;
    uint8_t (*stored)[PO_SHA256_BYTES]; /* programs whose texts are among the events */
    size_t stored_count;
    const char *facts_used[FACTS_USED_MAX]; /* by the runs of this assessment */
    size_t facts_used_count;
    const struct po_check **due;
    size_t due_count;
    struct po_assess_result result;
};

static bool is_chosen(const struct po_assess_options *options, po_str control)
{
    if (options->controls == NULL) return true;
    for (size_t i = 0; i < options->control_count; i++)
        if (po_str_eq(options->controls[i], control)) return true;
    return false;
}

/* Due a little early, so that a timer of the same period does not miss every second slot. */
static bool is_due(const struct assessment *run, const struct po_control *control, size_t clause,
                   po_time_us now_us)
{
    const struct po_clause_run *newest = &run->in.newest[clause];
    if (run->options->is_all || run->options->controls != NULL) return true;
    if (run->options->also != NULL && run->options->also[clause]) return true;
    if (newest->leaf == PO_LEAF_NONE || newest->run.state == PO_RUN_ERROR) return true;
    /* Evidence from a clock that was ahead says nothing of how long ago it was. */
    if (newest->received_us > now_us) return true;
    po_time_us slack_us = control->period_us / 10;
    return now_us - newest->received_us >= control->period_us - slack_us;
}

/* One clause under test. */
struct clause_test {
    const struct po_check *check;
    struct po_program program;
    struct po_run record;
    struct po_judgement *judgement;
};

static void clause_test_done(struct clause_test *test) { po_program_done(&test->program); }

/* From the snapshot, or made by this layer and then from the snapshot. */
static PO_RC get_fact(struct po_ctx *cx, struct assessment *run, const char *name,
                      const struct po_fact_value **ret_value)
{
    po_rc rc = po_fact_get(cx, run->in.facts, name, ret_value);
    if (rc.code != PO_NOTFOUND) return rc;
    po_err_clear(cx);
    PO_TRY(cx, po_assess_provide(cx, &run->in, name));
    return po_fact_get(cx, run->in.facts, name, ret_value);
}

static PO_RC say_error(struct po_ctx *cx, struct po_judgement *out, const char *reason)
{
    if (reason == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *out = (struct po_judgement){.state = PO_RUN_ERROR, .reason = reason};
    return po_rc_ok();
}

static PO_RC note_used(struct po_ctx *cx, struct assessment *run, const char *name)
{
    for (size_t i = 0; i < run->facts_used_count; i++)
        if (strcmp(run->facts_used[i], name) == 0) return po_rc_ok();
    if (run->facts_used_count == FACTS_USED_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d facts in one assessment", FACTS_USED_MAX);
    run->facts_used[run->facts_used_count++] = name;
    return po_rc_ok();
}

/* A fact that could not be read makes the result an error with the fact named. */
static PO_RC read_facts(struct po_ctx *cx, struct assessment *run, struct clause_test *test)
{
    const char *const *names = NULL;
    struct po_run *record = &test->record;
    struct po_run_fact *used = NULL;
    PO_TRY(cx, po_program_facts(cx, &test->program, &names));
    PO_ARENA_NEW(cx, used, PO_CHECK_FACTS_MAX);
    record->facts = used;
    for (size_t i = 0; i < PO_CHECK_FACTS_MAX && names[i] != NULL; i++) {
        const struct po_fact_value *value = NULL;
        po_rc rc = get_fact(cx, run, names[i], &value);
        if (rc.code == PO_NOMEM) return rc;
        if (!po_is_ok(rc)) {
            const char *reason = po_arena_printf(cx->arena, "fact '%s' could not be read: %.300s",
                                                 names[i], po_err_msg(cx));
            po_err_clear(cx);
            return say_error(cx, test->judgement, reason);
        }
        PO_TRY(cx, note_used(cx, run, names[i]));
        used[i].name = po_str_of(names[i]);
        used[i].read_at_us = value->read_at_us;
        memcpy(used[i].digest, value->digest, sizeof used[i].digest);
        record->fact_count = i + 1;
    }
    return po_rc_ok();
}

/* The program's text goes to the ledger with its first run. */
static PO_RC keep_program(struct po_ctx *cx, struct assessment *run,
                          const struct po_program *program)
{
    bool is_new = false;
    PO_TRY(cx, po_assess_keep_program(cx, run->in.source.home, program, &is_new,
                                      &run->events[run->event_count]));
    if (!is_new) return po_rc_ok();
    memcpy(run->stored[run->stored_count++], program->digest, PO_SHA256_BYTES);
    run->event_count++;
    return po_rc_ok();
}

/* A program that cannot be had makes the result an error, too. */
static PO_RC load_program(struct po_ctx *cx, struct assessment *run, struct clause_test *test)
{
    po_rc rc = po_program_load_row(cx, test->check->bundle, test->check->row, &test->program);
    if (rc.code == PO_NOMEM) return rc;
    if (!po_is_ok(rc)) {
        const char *reason = po_arena_printf(cx->arena, "the program '%s' cannot be run: %.300s",
                                             test->check->name, po_err_msg(cx));
        po_err_clear(cx);
        return say_error(cx, test->judgement, reason);
    }
    memcpy(test->record.program_digest, test->program.digest, PO_SHA256_BYTES);
    return keep_program(cx, run, &test->program);
}

static void count_result(struct po_assess_result *result, enum po_run_state state)
{
    size_t *const counters[] = {[PO_RUN_PASS] = &result->passed,
                                [PO_RUN_FAIL] = &result->failed,
                                [PO_RUN_ERROR] = &result->errors,
                                [PO_RUN_SKIPPED] = &result->skipped,
                                [PO_RUN_UNTESTED] = &result->untested};
    (*counters[state])++;
    result->tested++;
}

static PO_RC queue_run(struct po_ctx *cx, struct assessment *run, const struct po_run *record)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_RUN_BYTES_MAX);
    PO_TRY_MSG(cx, po_run_encode(cx, record, &bytes), "recording '%.*s'",
               PO_STR_ARG(record->clause));
    po_str kept = {NULL, 0};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &kept), "out of request memory");
    const char *resource = po_arena_printf(cx->arena, "control:%.*s", PO_STR_ARG(record->clause));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    static const enum po_event_result results[] = {[PO_RUN_PASS] = PO_EVENT_SUCCESS,
                                                   [PO_RUN_FAIL] = PO_EVENT_FAILURE,
                                                   [PO_RUN_ERROR] = PO_EVENT_ERROR,
                                                   [PO_RUN_SKIPPED] = PO_EVENT_FAILURE,
                                                   [PO_RUN_UNTESTED] = PO_EVENT_FAILURE};
    run->events[run->event_count++] = (struct po_event){.type = PO_EVENT_TYPE_CONTROL_TESTED,
                                                        .resource = po_str_of(resource),
                                                        .action = PO_LIT("test"),
                                                        .result = results[record->state],
                                                        .detail = kept};
    return po_rc_ok();
}

static void fill_record(struct po_run *record, const struct po_judgement *judgement)
{
    record->state = judgement->state;
    record->passing = judgement->passing;
    record->total = judgement->total;
    record->reason = po_str_of(judgement->reason);
    if (judgement->reason == NULL) record->reason = PO_LIT("");
    if (record->reason.len > PO_RUN_REASON_BYTES_MAX)
        record->reason = po_str_slice(record->reason, 0, PO_RUN_REASON_BYTES_MAX);
    record->deviations = judgement->deviations;
    record->deviation_count = judgement->deviation_count;
    record->deviations_total = judgement->deviations_total;
}

/* What no record can hold (a negative count, say) is an error of the check, not of the assessment. */
static PO_RC settle_record(struct po_ctx *cx, struct clause_test *test)
{
    PO_BUF_AUTO bytes;
    po_judgement_settle(test->judgement);
    fill_record(&test->record, test->judgement);
    po_buf_init(&bytes, PO_RUN_BYTES_MAX);
    po_rc rc = po_run_encode(cx, &test->record, &bytes);
    if (rc.code != PO_INVALID && rc.code != PO_LIMIT) return rc;
    const char *reason =
        po_arena_printf(cx->arena, "the program's judgement is not valid: %.300s", po_err_msg(cx));
    po_err_clear(cx);
    PO_TRY(cx, say_error(cx, test->judgement, reason));
    fill_record(&test->record, test->judgement);
    return po_rc_ok();
}

/* A program of the site is told beside its run record: it may do more than read facts. */
static PO_RC judge(struct po_ctx *cx, struct assessment *run, struct clause_test *test)
{
    const struct po_program_job job = {.facts = run->in.facts,
                                       .grant = test->check->grant,
                                       .home = po_home_root(run->in.source.home),
                                       .now_us = test->record.started_us};
    struct po_site_told told = {&run->events[run->event_count], 0};
    if (test->check->grant == NULL) return po_check_run(cx, &test->program, &job, test->judgement);
    PO_TRY(cx, po_site_check_run(cx, run->in.source.home, &test->program, &job, test->judgement,
                                 &told));
    run->event_count += told.count;
    return po_rc_ok();
}

static PO_RC test_clause(struct po_ctx *cx, struct assessment *run, const struct po_check *check,
                         const struct po_control *control)
{
    PO_CLEANUP(clause_test_done) struct clause_test test = {.check = check};
    struct po_run *record = &test.record;
    PO_ARENA_NEW(cx, test.judgement, 1);
    *record = (struct po_run){.control = control->id,
                              .clause = po_str_of(check->clause),
                              .check = po_str_of(check->name),
                              .engine = po_str_of(po_build.version),
                              .run_id = po_str_of(cx->session),
                              .started_us = po_ctx_now_us(cx)};
    memcpy(record->catalog_digest, run->in.source.catalog->digest, sizeof record->catalog_digest);
    PO_TRY(cx, load_program(cx, run, &test));
    if (test.judgement->state == PO_RUN_PASS) PO_TRY(cx, read_facts(cx, run, &test));
    if (test.judgement->state == PO_RUN_PASS) PO_TRY(cx, judge(cx, run, &test));
    record->finished_us = po_ctx_now_us(cx);
    if (record->finished_us < record->started_us) record->finished_us = record->started_us;
    record->cost_us = record->finished_us - record->started_us;
    PO_TRY(cx, settle_record(cx, &test));
    count_result(&run->result, test.judgement->state);
    return queue_run(cx, run, record);
}

/* The checks to make now, in the table's order. */
static PO_RC find_due(struct po_ctx *cx, struct assessment *run)
{
    const struct po_check *checks = run->checks.at;
    po_time_us now_us = po_ctx_now_us(cx);
    PO_ARENA_NEW(cx, run->due, run->checks.count + 1);
    for (size_t i = 0; i < run->checks.count; i++) {
        const struct po_catalog *catalog = run->in.source.catalog;
        const struct po_clause *clause = po_catalog_clause(catalog, po_str_of(checks[i].clause));
        PO_INVARIANT(cx, clause != NULL);
        const struct po_control *control = &catalog->controls[clause->control];
        if (!is_chosen(run->options, control->id)) continue;
        if (is_due(run, control, po_clause_position(catalog, clause), now_us))
            run->due[run->due_count++] = &checks[i];
        else
            run->result.not_due++;
    }
    return po_rc_ok();
}

static PO_RC test_clauses(struct po_ctx *cx, struct assessment *run)
{
    const struct po_catalog *catalog = run->in.source.catalog;
    for (size_t i = 0; i < run->due_count; i++) {
        const struct po_check *check = run->due[i];
        const struct po_clause *clause = po_catalog_clause(catalog, po_str_of(check->clause));
        PO_INVARIANT(cx, clause != NULL);
        po_ctx_pulse(cx);
        if (run->options->progress != NULL)
            run->options->progress(run->options->user, check->clause);
        PO_TRY_MSG(cx, test_clause(cx, run, check, &catalog->controls[clause->control]),
                   "testing '%s'", check->clause);
    }
    return po_rc_ok();
}

static PO_RC check_controls(struct po_ctx *cx, const struct assessment *run)
{
    for (size_t i = 0; i < run->options->control_count; i++)
        if (po_catalog_control(run->in.source.catalog, run->options->controls[i]) == NULL)
            return PO_FAIL(cx, PO_NOTFOUND, "there is no control '%.*s'",
                           PO_STR_ARG(run->options->controls[i]));
    return po_rc_ok();
}

static PO_RC begin(struct po_ctx *cx, struct assessment *run)
{
    PO_TRY(cx, po_catalog_load_embedded(cx, &run->in.source.catalog));
    PO_TRY(cx, check_controls(cx, run));
    struct po_home *home = run->in.source.home;
    const struct po_catalog *catalog = run->in.source.catalog;
    PO_TRY(cx, po_check_table(cx, NULL, &run->checks.at, &run->checks.count));
    PO_TRY(cx, po_site_checks_add(cx, home, catalog, &run->checks));
    PO_TRY(cx, po_check_wanted(cx, home, catalog, &run->in.source.is_wanted));
    for (size_t i = 0; i < run->in.source.catalog->clause_count; i++)
        if (!run->in.source.is_wanted[i]) run->result.without_check++;
    run->in.at = &run->at;
    PO_TRY(cx, po_evidence_locate(cx, run->in.source.home, 0, &run->at));
    PO_TRY(cx, po_evidence_runs(cx, &run->in.source, &run->at, &run->in.newest));
    return find_due(cx, run);
}

/* Members of facts: one that is absent is 0, false or empty. */
static int64_t int_of(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type == PO_JSON_INT ? value->integer : 0;
}

static bool bool_of(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type == PO_JSON_BOOL && value->boolean;
}

static po_str str_of(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

/* Members that reports need later: they are filled from the ledger alone. */
static PO_RC put_build(struct po_ctx *cx, struct assessment *run, struct po_json_out *json)
{
    const struct po_fact_value *build = NULL;
    po_rc rc = get_fact(cx, run, "build.program", &build);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx);
    if (!po_is_ok(rc)) return po_rc_ok();
    po_json_out_key(json, "build");
    po_json_out_object(json);
    po_json_out_field(json, "version", str_of(build->json, "version"));
    po_json_out_field(json, "digest", str_of(build->json, "digest"));
    po_json_out_key(json, "manifest_matches");
    po_json_out_bool(json, bool_of(build->json, "manifest_matches"));
    po_json_out_field_int(json, "abort_sites", int_of(build->json, "abort_sites"));
    po_json_out_object_end(json);
    return po_rc_ok();
}

static bool is_used(const struct assessment *run, const char *fact)
{
    for (size_t i = 0; i < run->facts_used_count; i++)
        if (strcmp(run->facts_used[i], fact) == 0) return true;
    return false;
}

/* The newest kill drill that was made, by this assessment or an earlier one of this snapshot. */
static PO_RC put_recovery(struct po_ctx *cx, struct assessment *run, struct po_json_out *json)
{
    const struct po_fact_value *drill = NULL;
    if (!is_used(run, "drill.kill")) return po_rc_ok();
    PO_TRY(cx, get_fact(cx, run, "drill.kill", &drill));
    po_json_out_key(json, "recovery");
    po_json_out_object(json);
    po_json_out_field_int(json, "samples", int_of(drill->json, "kills"));
    po_json_out_field_int(json, "worst_ms", int_of(drill->json, "worst_ms"));
    po_json_out_field_int(json, "p50_ms", int_of(drill->json, "p50_ms"));
    po_json_out_field_int(json, "p95_ms", int_of(drill->json, "p95_ms"));
    po_json_out_object_end(json);
    return po_rc_ok();
}

static void put_counts(const struct po_assess_result *result, struct po_json_out *json)
{
    po_json_out_field_int(json, "tested", (int64_t)result->tested);
    po_json_out_field_int(json, "passed", (int64_t)result->passed);
    po_json_out_field_int(json, "failed", (int64_t)result->failed);
    po_json_out_field_int(json, "errors", (int64_t)result->errors);
    po_json_out_field_int(json, "untested", (int64_t)result->untested);
    po_json_out_field_int(json, "skipped", (int64_t)result->skipped);
    po_json_out_field_int(json, "not_due", (int64_t)result->not_due);
}

/* The configuration names who runs the instance; another tenant is known by its own name. */
static PO_RC find_company(struct po_ctx *cx, struct po_home *home, po_str *ret_company)
{
    struct po_store_tenant tenant = {0};
    *ret_company = po_flags_str(po_home_flags(home), PO_FLAG_COMPANY_NAME);
    if (ret_company->len == 0) *ret_company = po_cfg_str(po_home_cfg(home), PO_CFG_ORG_NAME);
    if (cx->tenant.value == PO_TENANT_DEFAULT.value) return po_rc_ok();
    PO_TRY(cx, po_store_tenant_get(cx, po_home_store(home), cx->tenant, &tenant));
    *ret_company = tenant.name;
    return po_rc_ok();
}

static PO_RC queue_summary(struct po_ctx *cx, struct assessment *run)
{
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 16384);
    struct po_json_out json;
    po_str company = {"", 0};
    PO_TRY(cx, find_company(cx, run->in.source.home, &company));
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    put_counts(&run->result, &json);
    PO_TRY(cx, put_build(cx, run, &json));
    PO_TRY(cx, put_recovery(cx, run, &json));
    po_json_out_field(&json, "company", company);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "assessment event");
    po_str kept = {NULL, 0};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&detail), &kept), "out of request memory");
    run->events[run->event_count++] = (struct po_event){.type = PO_EVENT_TYPE_ASSESSMENT_COMPLETED,
                                                        .resource = PO_LIT("assessment:clauses"),
                                                        .action = PO_LIT("assess"),
                                                        .result = PO_EVENT_SUCCESS,
                                                        .detail = kept};
    return po_rc_ok();
}

/* All events in one transaction, with the note of which texts the ledger then holds. */
static PO_RC record_events(struct po_ctx *cx, struct assessment *run)
{
    struct po_home *home = run->in.source.home;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    for (size_t i = 0; i < run->stored_count; i++)
        PO_TRY(cx, po_store_program_add(cx, tx, run->stored[i]));
    for (size_t i = 0; i + 1 < run->event_count; i++)
        PO_TRY(cx, po_home_queue(cx, home, tx, &run->events[i]));
    return po_home_commit(cx, home, tx, &run->events[run->event_count - 1]);
}

/* Health first: its results are a fact, and an assessment of everything records them. */
static PO_RC make_events(struct po_ctx *cx, struct assessment *run)
{
    bool with_health = run->options->controls == NULL;
    size_t room = 3; /* health, facts, summary; for each clause its program and its run */
    for (size_t i = 0; i < run->due_count; i++)
        room += run->due[i]->grant != NULL ? 2 + PO_RUN_EVENTS_MAX : 2;
    PO_ARENA_NEW(cx, run->events, room);
    PO_ARENA_NEW(cx, run->stored, run->due_count + 1);
    struct po_event *health = with_health ? &run->events[run->event_count++] : NULL;
    PO_TRY(cx, po_assess_health(cx, run->in.facts, health));
    PO_TRY(cx, test_clauses(cx, run));
    if (run->facts_used_count > 0)
        PO_TRY(cx, po_assess_keep_facts(cx, run->in.facts, run->facts_used, run->facts_used_count,
                                        &run->events[run->event_count++]));
    return queue_summary(cx, run);
}

PO_RC po_assess_run(struct po_ctx *cx, struct po_home *home,
                    const struct po_assess_options *options, struct po_assess_result *ret_result)
{
    struct assessment run = {.in.source.home = home, .options = options};
    po_time_us started_us = cx->clock->monotonic_us(cx->clock->user);
    PO_TRY(cx, po_home_flush(cx, home));
    PO_TRY(cx, begin(cx, &run));
    PO_TRY(cx, po_fact_set_new(cx, home, &run.in.facts));
    if (options->shared != NULL) po_fact_set_share(run.in.facts, options->shared);
    PO_TRY(cx, make_events(cx, &run));
    PO_TRY(cx, record_events(cx, &run));
    PO_TRY(cx, po_site_refusals_record(cx, home, run.checks.site));
    PO_TRY(cx, po_home_flush(cx, home));
    run.result.elapsed_us = cx->clock->monotonic_us(cx->clock->user) - started_us;
    *ret_result = run.result;
    return po_rc_ok();
}

PO_RC po_assess_plan(struct po_ctx *cx, struct po_home *home,
                     const struct po_assess_options *options, const struct po_check ***ret_checks,
                     size_t *ret_count)
{
    struct assessment run = {.in.source.home = home, .options = options};
    PO_TRY(cx, begin(cx, &run));
    *ret_checks = run.due;
    *ret_count = run.due_count;
    return po_rc_ok();
}

PO_RC po_assess_health_run(struct po_ctx *cx, struct po_home *home, po_str *ret_detail)
{
    struct po_fact_set *facts = NULL;
    struct po_event event;
    bool is_writable = po_home_read_only_reason(home) == NULL;
    if (is_writable) PO_TRY(cx, po_home_flush(cx, home));
    PO_TRY(cx, po_fact_set_new(cx, home, &facts));
    PO_TRY(cx, po_assess_health(cx, facts, &event));
    *ret_detail = event.detail;
    if (!is_writable) return po_rc_ok();
    PO_TRY(cx, po_home_record(cx, home, &event));
    return po_home_flush(cx, home);
}
