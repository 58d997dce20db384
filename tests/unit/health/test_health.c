/*
 * The 15 checks: each with facts that make it pass, fail and stay untested, and what makes a check an
 * error or skipped.
 */
#include "health/health.h"

#include "core/embed.h"
#include "core/flags.h"
#include "fact/fact_priv.h"
#include "home/home.h"
#include "lib/test.h"
#include "unit/fact/fact_fixture.h"
#include "unit/health/health_rows.h"

TEST(health_judge__says_what_the_facts_hold)
{
    for (size_t r = 0; r < health_row_count; r++) {
        const struct health_row *row = &health_rows[r];
        test_row(row->name);
        TEST_CX(cx);
        const struct po_health_check *check = po_health_find(po_str_of(row->id));
        const struct po_json *facts[PO_HEALTH_FACTS_MAX] = {NULL};
        struct po_health_verdict verdict = {.state = PO_HEALTH_UNTESTED};
        check_that(check != NULL);
        for (size_t i = 0; i < PO_HEALTH_FACTS_MAX && row->facts[i] != NULL; i++) {
            struct po_json *root = NULL;
            check_ok(cx, po_json_parse(cx, po_str_of(row->facts[i]), PO_JSON_STRICT, &root));
            facts[i] = root;
        }
        check->judge(facts, &verdict);
        check_eq_cstr(po_health_state_name(verdict.state), po_health_state_name(row->want));
        check_contains(verdict.reason, row->reason);
        check_that(verdict.reason[0] != '\0' && strchr(verdict.reason, '\n') == NULL);
    }
}

/* Law 1: a fact with nothing in it never makes a check pass. */
TEST(health_judge__never_passes_on_empty_facts)
{
    const struct po_health_check *table = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        TEST_CX(cx);
        struct po_json *empty = NULL;
        check_ok(cx, po_json_parse(cx, PO_LIT("{}"), PO_JSON_STRICT, &empty));
        const struct po_json *facts[PO_HEALTH_FACTS_MAX] = {empty, empty, empty};
        const struct po_json *none[PO_HEALTH_FACTS_MAX] = {NULL};
        struct po_health_verdict verdict = {.state = PO_HEALTH_UNTESTED};
        test_row(table[i].id);
        table[i].judge(facts, &verdict);
        check_that(verdict.state != PO_HEALTH_PASS);
        verdict = (struct po_health_verdict){.state = PO_HEALTH_UNTESTED};
        table[i].judge(none, &verdict);
        check_that(verdict.state != PO_HEALTH_PASS);
    }
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
        for (size_t k = 0; k < PO_HEALTH_FACTS_MAX && table[i].facts[k] != NULL; k++)
            check_that(po_fact_find(po_str_of(table[i].facts[k])) != NULL, "%s", table[i].facts[k]);
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
