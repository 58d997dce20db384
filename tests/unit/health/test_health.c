/*
 * The 15 checks: each with facts that make it pass, fail and stay untested, and what makes a check an
 * error or skipped.
 */
#include "health/health_priv.h"

#include "core/codec.h"
#include "core/embed.h"
#include "core/flags.h"
#include "fact/fact_priv.h"
#include "home/home.h"
#include "lib/test.h"
#include "unit/assess/golden.h"
#include "unit/fact/fact_fixture.h"
#include "unit/health/health_rows.h"

/* What the check's program says of a row's facts, as golden_ask writes it. */
static const struct po_json *says(struct po_ctx *cx, const struct health_row *row)
{
    const struct golden_program *asked = golden_find("check", row->id);
    struct po_json given[HEALTH_ROW_FACTS_MAX];
    struct po_json_out json;
    struct po_json *said = NULL;
    po_str text = {0};
    PO_BUF_AUTO out;
    for (size_t i = 0; i < HEALTH_ROW_FACTS_MAX && row->facts[i] != NULL; i++) {
        struct po_json *fact = NULL;
        check_ok(cx, po_json_parse(cx, po_str_of(row->facts[i]), PO_JSON_STRICT, &fact));
        given[i] = *fact;
        given[i].next = NULL;
        if (i > 0) given[i - 1].next = &given[i];
    }
    po_buf_init(&out, 1 << 20);
    po_json_out_init(&json, &out, 0);
    golden_ask(cx, asked, given, &json);
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&out), &text));
    check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &said));
    return said;
}

TEST(health_judge__says_what_the_facts_hold)
{
    for (size_t r = 0; r < health_row_count; r++) {
        const struct health_row *row = &health_rows[r];
        test_row(row->name);
        TEST_CX(cx);
        const struct po_json *said = says(cx, row);
        check_eq_str(po_json_get(said, "state")->str, po_health_state_name(row->want));
        const char *reason = po_arena_strdup(cx->arena, po_json_get(said, "reason")->str);
        check_contains(reason, row->reason);
        check_that(reason[0] != '\0' && strchr(reason, '\n') == NULL);
    }
}

/* Law 1: a fact with nothing in it never makes a check pass. */
TEST(health_judge__never_passes_on_empty_facts)
{
    const struct po_health_check *table = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        TEST_CX(cx);
        const struct health_row empty = {.id = table[i].id, .facts = {"{}", "{}", "{}"}};
        test_row(table[i].id);
        check_that(!po_str_eq_cstr(po_json_get(says(cx, &empty), "state")->str, "pass"));
    }
}

/* ---- what a program may give -------------------------------------------------------------------- */

static void read_ok(struct po_ctx *cx, const char *json, struct po_health_verdict *out)
{
    const struct po_script_outcome outcome = {.status = PO_SCRIPT_OK,
                                              .value_json = po_str_of(json)};
    check_ok(cx, po_health_read(cx, &outcome, out));
    check_eq_cstr(po_err_msg(cx), "");
}

TEST(health_read__takes_state_reason_and_figures)
{
    TEST_CX(cx);
    struct po_health_verdict verdict;
    read_ok(cx,
            "{\"observed\":[{\"name\":\"files\",\"value\":2}],\"reason\":\"two\\nlines\","
            "\"state\":\"Fail\"}",
            &verdict);
    check_eq_int(verdict.state, PO_HEALTH_FAIL);
    check_eq_cstr(verdict.reason, "two lines");
    check_eq_u64(verdict.observed_count, 1);
    check_eq_cstr(verdict.observed[0].key, "files");
    check_eq_int(verdict.observed[0].value, 2);
}

TEST(health_read__takes_anything_else_for_an_error)
{
    static const char *const values[] = {
        "null",
        "\"Pass\"",
        "{}",
        "{\"state\":\"Pass\"}",
        "{\"observed\":[],\"reason\":\"x\",\"state\":\"Skipped\"}",
        "{\"observed\":[{}],\"reason\":\"x\",\"state\":\"Pass\"}",
        "{\"observed\":[{\"name\":\"a\",\"value\":1.5}],\"reason\":\"x\",\"state\":\"Pass\"}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        TEST_CX(cx);
        struct po_health_verdict verdict;
        read_ok(cx, values[i], &verdict);
        check_eq_int(verdict.state, PO_HEALTH_ERROR);
        check_contains(verdict.reason, "no verdict");
    }
}

TEST(health_read__says_how_a_program_faulted)
{
    TEST_CX(cx);
    struct po_health_verdict verdict;
    const struct po_script_outcome outcome = {.status = PO_SCRIPT_FAULT,
                                              .fault_kind = PO_LIT("DivisionByZero"),
                                              .fault_message = PO_LIT("division by zero")};
    check_ok(cx, po_health_read(cx, &outcome, &verdict));
    check_eq_int(verdict.state, PO_HEALTH_ERROR);
    check_eq_cstr(verdict.reason, "DivisionByZero: division by zero");
}

TEST(health_read__cuts_a_reason_between_characters)
{
    TEST_CX(cx);
    struct po_health_verdict verdict;
    PO_BUF_AUTO json;
    po_buf_init(&json, 4096);
    po_buf_append_cstr(&json, "{\"observed\":[],\"state\":\"Pass\",\"reason\":\"x");
    for (int i = 0; i < 300; i++)
        po_buf_append_cstr(&json, "ü");
    po_buf_append_cstr(&json, "\"}");
    read_ok(cx, json.ptr, &verdict);
    check_that(strlen(verdict.reason) < PO_HEALTH_REASON_BYTES_MAX);
    check_eq_u64(po_utf8_find_invalid(po_str_of(verdict.reason)), SIZE_MAX);
}

TEST(health_table__has_the_fifteen_with_facts_that_exist)
{
    const struct po_health_check *table = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        char id[8] = {'H', 'C', '-', (char)('0' + (i + 1) / 10), (char)('0' + (i + 1) % 10), '\0'};
        test_row(table[i].id);
        check_eq_cstr(table[i].id, id);
        check_that(po_health_find(po_str_of(id)) == &table[i]);
        check_that(table[i].period_us > 0 && table[i].name[0] && table[i].measures[0]);
        check_eq_str(golden_find("check", id)->program.row.name, table[i].name);
    }
    check_that(po_health_find(PO_LIT("HC-16")) == NULL);
}

/* Names are those of the catalog's file: "intake (Dropzone)". */
TEST(health_table__names_are_those_of_the_catalog)
{
    TEST_CX(cx);
    po_str bytes = {0};
    struct po_json *root = NULL;
    const struct po_json *list = NULL;
    check_that(po_embed_find(PO_LIT("content/controls/health.json"), &bytes));
    check_ok(cx, po_json_parse(cx, bytes, PO_JSON_STRICT, &root));
    check_ok(cx, po_json_get_array(cx, root, "checks", &list));
    check_eq_u64(list->count, PO_HEALTH_COUNT);
    const struct po_health_check *check = po_health_table();
    for (const struct po_json *row = list->first; row != NULL; row = row->next, check++) {
        const char *name = po_arena_printf(cx->arena, "%s (%s)", check->name, check->original_name);
        check_eq_str(po_json_get(row, "name")->str, name);
    }
}

/* ---- over a snapshot ------------------------------------------------------------------------------------ */

TEST(health_run__is_an_error_without_its_facts)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx); /* no home behind it */
    struct po_health_verdict verdict = {0};
    check_ok(cx, po_health_run(cx, set, po_health_find(PO_LIT("HC-06")), &verdict));
    check_eq_int(verdict.state, PO_HEALTH_ERROR);
    check_contains(verdict.reason, "store");
    check_eq_cstr(po_err_msg(cx), "");
}

static const struct po_json *put_all(struct po_ctx *cx, const struct po_health_verdict *verdicts)
{
    struct po_json *root = NULL;
    struct po_json_out out = {0};
    po_str text = {0};
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 65536);
    po_json_out_init(&out, &buf, 0);
    po_health_put(&out, verdicts);
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &text));
    check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
    return root;
}

TEST_TIMEOUT(health_run_all__counts_all_fifteen_on_a_new_home, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_health_verdict verdicts[PO_HEALTH_COUNT];
    check_ok(cx, po_health_run_all(cx, set, verdicts));
    const struct po_json *json = put_all(cx, verdicts);
    check_eq_int(fixture_at(json, "checks")->count, 15);
    check_eq_int(fixture_int(json, "of"), 15);
    check_eq_int(fixture_int(json, "passed") + fixture_int(json, "failed") +
                     fixture_int(json, "errors") + fixture_int(json, "skipped") +
                     fixture_int(json, "untested"),
                 15);
    check_eq_int(fixture_int(json, "errors"), 0);
    check_eq_str(fixture_str(json, "checks.0.id"), "HC-01");
    check_eq_str(fixture_str(json, "checks.0.state"), "pass");
    check_eq_int(fixture_int(json, "checks.0.observed.files"), 0);
}

TEST_TIMEOUT(health_run__is_skipped_and_listed_when_its_flag_is_off, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    const char *path = po_home_path(set->home, PO_PLACE_FLAGS);
    struct po_health_verdict verdicts[PO_HEALTH_COUNT];
    check_ok(cx, po_flags_load(cx, path, &flags));
    check_ok(cx, po_flags_set(cx, flags, PO_FLAG_CHECK_HC_01, PO_LIT("false")));
    check_ok(cx, po_flags_save(cx, flags, path));
    check_ok(cx, po_health_run_all(cx, set, verdicts));
    check_eq_int(verdicts[0].state, PO_HEALTH_SKIPPED);
    check_contains(verdicts[0].reason, "check_HC-01");
    check_eq_int(fixture_int(put_all(cx, verdicts), "skipped"), 1);
    check_that(verdicts[5].state != PO_HEALTH_SKIPPED);
}

/* HC-06 looks at events before this command's own: its own ones must not make the log look alive. */
TEST_TIMEOUT(health_logs__does_not_take_its_own_events_for_a_heartbeat, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_fact_set *later = NULL;
    struct po_health_verdict verdict = {0};
    struct po_event event = {.type = PO_EVENT_TYPE_HEALTH_CHECKED,
                             .resource = PO_LIT("health:all"),
                             .action = PO_LIT("check"),
                             .result = PO_EVENT_SUCCESS};
    memcpy(cx->session, "run_second", sizeof "run_second");
    po_clock_fake_advance(test_clock(), 3 * PO_US_PER_MIN);
    for (int i = 0; i < 3; i++)
        check_ok(cx, po_home_record(cx, set->home, &event));
    check_ok(cx, po_home_flush(cx, set->home));
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &later));
    check_ok(cx, po_health_run(cx, later, po_health_find(PO_LIT("HC-06")), &verdict));
    check_eq_int(verdict.state, PO_HEALTH_FAIL);
    check_contains(verdict.reason, "the last event is 180 s old");
    check_eq_int(fixture_int(fixture_read(cx, later, "ledger.heartbeat"), "own_events_left_out"),
                 3);

    memcpy(cx->session, "run_third", sizeof "run_third"); /* to another command they count */
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &later));
    check_eq_int(fixture_int(fixture_read(cx, later, "ledger.heartbeat"), "age_s"), 0);
}

TEST_TIMEOUT(health_run_all__changes_nothing, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_health_verdict verdicts[PO_HEALTH_COUNT];
    const char *before = fixture_tree_digest(cx, test_tmp("home"));
    check_ok(cx, po_health_run_all(cx, set, verdicts));
    check_eq_cstr(fixture_tree_digest(cx, test_tmp("home")), before);
}

/* Whatever fails on the way, a check that did not find out is no pass. */
TEST_FAULTS_SITES(health_run__is_the_right_verdict_or_an_error)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_health_verdict verdict = {.state = PO_HEALTH_ERROR};
    test_faults_arm();
    if (!test_survived(po_health_run(cx, set, po_health_find(PO_LIT("HC-03")), &verdict))) return;
    test_faults_off();
    check_that(verdict.state == PO_HEALTH_UNTESTED ||
               (test_fault_fired() && verdict.state == PO_HEALTH_ERROR));
}
