#include "lib/test.h"
#include "unit/control/control_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static struct po_control_result *results_of(struct po_ctx *cx, const struct po_catalog *catalog,
                                            enum po_control_state state)
{
    struct po_control_result *r =
        po_arena_alloc(cx->arena, catalog->control_count, sizeof(struct po_control_result));
    check_that(r != NULL);
    for (size_t i = 0; i < catalog->control_count; i++)
        r[i] = (struct po_control_result){.state = state, .leaf = PO_LEAF_NONE};
    return r;
}

/* rule: a sixth parameter keeps a state in one line of a test */
static void set_state(const struct po_catalog *catalog, struct po_control_result *r, const char *id,
                      enum po_control_state state, int64_t passing, int64_t total)
{
    const struct po_control *control = po_catalog_control(catalog, po_str_of(id));
    check_that(control != NULL);
    struct po_control_result *one = &r[po_control_position(catalog, control)];
    one->state = state;
    one->passing = passing;
    one->total = total;
}

static const struct po_category_score *category_of(const struct po_catalog *catalog,
                                                   const struct po_scores *scores, const char *slug)
{
    const struct po_category *c = po_catalog_category(catalog, po_str_of(slug));
    check_that(c != NULL);
    return &scores->categories[c - catalog->categories];
}

TEST(score__gives_nothing_for_nothing_tested)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    struct po_scores scores;
    check_ok(cx,
             po_scores_compute(cx, catalog, results_of(cx, catalog, PO_CONTROL_UNTESTED), &scores));
    check_eq_int(scores.categories_met, 0);
    check_eq_int(scores.categories_in_scope, 5);
    check_eq_int(scores.criteria_met, 0);
    check_eq_int(scores.criteria_in_scope, 61);
    for (size_t i = 0; i < scores.category_count; i++) {
        check_eq_int(scores.categories[i].score, 0);
        check_eq_int(scores.categories[i].status, PO_MET_NOT);
    }
}

TEST(score__gives_all_for_all_passing)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    struct po_scores scores;
    check_ok(cx, po_scores_compute(cx, catalog, results_of(cx, catalog, PO_CONTROL_PASS), &scores));
    check_eq_int(scores.categories_met, 5);
    check_eq_int(scores.criteria_met, 61);
    for (size_t i = 0; i < scores.category_count; i++)
        check_eq_int(scores.categories[i].score, 100);
}

/* The sanity runs of the model, with the figures it printed. */
static const struct {
    const char *name;
    const char *control;
    enum po_control_state state;
    int64_t passing;
    int64_t total;
    const char *category;
    int64_t score;
    enum po_met status;
} sanity[] = {
    {"MFA 19 of 20", "IAM-02", PO_CONTROL_FAIL, 19, 20, "security", 96, PO_MET_NOT},
    {"one policy overdue", "GOV-04", PO_CONTROL_FAIL, 24, 25, "security", 97, PO_MET_PARTIAL},
    {"failover waived", "DR-03", PO_CONTROL_WAIVED, 0, 0, "availability", 99,
     PO_MET_WITH_EXCEPTION},
    {"restore test stale", "BKP-05", PO_CONTROL_STALE, 0, 0, "availability", 80, PO_MET_NOT},
};

TEST(score__repeats_the_sanity_runs_of_the_model)
{
    TEST_EACH(row, sanity)
    {
        TEST_CX(cx);
        const struct po_catalog *catalog = real_catalog(cx);
        struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
        set_state(catalog, r, row->control, row->state, row->passing, row->total);
        struct po_scores scores;
        check_ok(cx, po_scores_compute(cx, catalog, r, &scores));
        const struct po_category_score *c = category_of(catalog, &scores, row->category);
        check_eq_int(c->score, row->score);
        check_eq_int(c->status, row->status);
    }
}

TEST(score__leaves_out_a_criterion_whose_primaries_are_all_na)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
    set_state(catalog, r, "AAA-02", PO_CONTROL_NA, 0, 0); /* the only primary of X1.2 */
    set_state(catalog, r, "AAA-01", PO_CONTROL_UNTESTED, 0, 0);
    struct po_scores scores;
    check_ok(cx, po_scores_compute(cx, catalog, r, &scores));
    const struct po_category_score *first = category_of(catalog, &scores, "first_part");
    check_eq_int(first->of, 1);
    check_eq_int(first->met, 0);
    check_eq_int(first->criteria[1].status, PO_MET_OUT_OF_SCOPE);
    check_eq_str(first->criteria[1].why[0], "no control in scope");
    check_eq_int(first->score, first->criteria[0].score); /* the mean of what is in scope */
    check_eq_int(scores.criteria_in_scope, 2);
}

TEST(score__puts_a_category_without_criteria_in_scope_out_of_scope)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
    set_state(catalog, r, "BBB-01", PO_CONTROL_NA, 0, 0);
    set_state(catalog, r, "BBB-02", PO_CONTROL_NA, 0, 0);
    struct po_scores scores;
    check_ok(cx, po_scores_compute(cx, catalog, r, &scores));
    const struct po_category_score *second = category_of(catalog, &scores, "second");
    check_eq_int(second->status, PO_MET_OUT_OF_SCOPE);
    check_eq_int(second->score, 0);
    check_eq_int(second->of, 0);
    check_eq_int(scores.categories_in_scope, 1);
    check_eq_int(scores.categories_met, 1);
}

/* Caps of a primary control that does not pass, whatever the average. */
static const struct {
    const char *name;
    const char *control;
    enum po_control_state state;
    const char *category;
    size_t criterion;
    int64_t score;
} caps[] = {
    {"critical", "AAA-01", PO_CONTROL_ERROR, "first_part", 0, 38},
    {"critical, near", "AAA-01", PO_CONTROL_FAIL, "first_part", 0, 49},
    {"low", "BBB-02", PO_CONTROL_FAIL, "second", 0, 92},
    {"waived", "BBB-02", PO_CONTROL_WAIVED, "second", 0, 92},
};

TEST(score__caps_by_severity_and_floors)
{
    TEST_EACH(row, caps)
    {
        TEST_CX(cx);
        const struct po_catalog *catalog = small_catalog(cx);
        struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
        set_state(catalog, r, row->control, row->state, 999, 1000);
        struct po_scores scores;
        check_ok(cx, po_scores_compute(cx, catalog, r, &scores));
        const struct po_category_score *c = category_of(catalog, &scores, row->category);
        check_eq_int(c->criteria[row->criterion].score, row->score);
    }
}

TEST(score__failing_control_earns_at_most_half)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_FAIL);
    for (size_t i = 0; i < catalog->control_count; i++)
        r[i].passing = r[i].total = PO_RUN_COUNT_MAX;
    struct po_scores scores;
    check_ok(cx, po_scores_compute(cx, catalog, r, &scores));
    check_eq_int(category_of(catalog, &scores, "second")->score, 50);
    check_eq_int(category_of(catalog, &scores, "first_part")->criteria[1].score, 50);
}

TEST(score_tag__counts_only_tagged_controls_and_caps)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
    set_state(catalog, r, "AAA-02", PO_CONTROL_FAIL, 0, 1);
    struct po_tag_score score = po_scores_tag(catalog, r, PO_LIT("data"));
    check_eq_int(score.score, 100);
    check_eq_int(score.in_scope, 2);
    check_eq_int(score.passing, 2);
    set_state(catalog, r, "BBB-01", PO_CONTROL_STALE, 0, 0);
    score = po_scores_tag(catalog, r, PO_LIT("data"));
    check_eq_int(score.score, 80); /* 8 of 10, below the cap of medium */
    set_state(catalog, r, "AAA-01", PO_CONTROL_NA, 0, 0);
    set_state(catalog, r, "BBB-01", PO_CONTROL_NA, 0, 0);
    score = po_scores_tag(catalog, r, PO_LIT("data"));
    check_eq_int(score.in_scope, 0);
    check_eq_int(score.score, 0);
}

static po_str json_of(struct po_ctx *cx, const struct po_catalog *catalog,
                      const struct po_control_result *r, const struct po_as_of *as_of)
{
    struct po_scores scores;
    check_ok(cx, po_scores_compute(cx, catalog, r, &scores));
    PO_BUF_AUTO out;
    po_buf_init(&out, 1 << 20);
    check_ok(cx, po_scores_json(cx, catalog, &scores, as_of, &out));
    po_str copy;
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&out), &copy));
    return copy;
}

TEST(score_json__has_exactly_the_shape_of_the_design)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
    set_state(catalog, r, "BBB-02", PO_CONTROL_FAIL, 1, 3);
    const struct po_as_of as_of = {
        .size = 7, .root = {0xAB, 0xCD}, .time_us = TEST_CLOCK_START_US + 1};
    check_eq_str(
        json_of(cx, catalog, r, &as_of),
        "{\"as_of\":{\"size\":7,\"root\":\"abcd000000000000000000000000000000000000000000000000"
        "000000000000\",\"time\":\"2026-01-02T03:04:05.000001Z\"},\"categories\":["
        "{\"category\":\"First Part\",\"score\":100,\"status\":\"MET\",\"met\":2,\"of\":2,"
        "\"criteria\":[{\"id\":\"X1.1\",\"score\":100,\"status\":\"MET\",\"why\":[]},"
        "{\"id\":\"X1.2\",\"score\":100,\"status\":\"MET\",\"why\":[]}]},"
        "{\"category\":\"Second\",\"score\":88,\"status\":\"PARTIAL\",\"met\":0,\"of\":1,"
        "\"criteria\":[{\"id\":\"Y1.1\",\"score\":88,\"status\":\"PARTIAL\","
        "\"why\":[\"BBB-02:fail\"]}]}]}");
}

/* Two minutes: a slow machine runs the model for many vectors. */
TEST_TIMEOUT(score__equals_the_slow_model_for_random_vectors, 120)
{
    char command[256];
    const char *model = test_source_path("tests/prop/score_model.py");
    (void)snprintf(command, sizeof command, "python3 '%s' vectors %lu %lu 2>/dev/null", model,
                   (unsigned long)test_rounds(2000), (unsigned long)(test_random_u64() >> 1));
    FILE *vectors = popen(command, "r");
    check_that(vectors != NULL);
    TEST_CX(catalog_cx);
    const struct po_catalog *catalog = real_catalog(catalog_cx);
    const struct po_as_of hypothetical = {.is_hypothetical = true};
    char *line = NULL;
    size_t cap = 0;
    size_t count = 0;
    ssize_t len = getline(&line, &cap, vectors);
    while (len > 0) {
        TEST_CX(cx);
        struct po_json *root = NULL;
        po_str text = po_str_trim(po_str_n(line, (size_t)len));
        check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
        const struct po_json *states = po_json_get(root, "states");
        const struct po_json *want = po_json_get(root, "want");
        const struct po_control_result *r = NULL;
        check_ok(cx,
                 po_states_parse(cx, catalog, po_str_slice(text, states->offset, states->end), &r));
        check_eq_postr(json_of(cx, catalog, r, &hypothetical),
                       po_str_slice(text, want->offset, want->end));
        count++;
        len = getline(&line, &cap, vectors);
    }
    free(line);
    if (pclose(vectors) != 0 && count == 0) test_skip("python3 is not here");
    check_eq_u64(count, test_rounds(2000));
}

static const struct {
    const char *name;
    const char *json;
    const char *message;
    enum po_code code;
} bad_states[] = {
    {"unknown control", "{\"IAM-99\":{\"state\":\"pass\"}}", "unknown control 'IAM-99'",
     PO_INVALID},
    {"no object", "[]", "not an object of control ids", PO_INVALID},
    {"value no object", "{\"IAM-01\":\"pass\"}", "control 'IAM-01' is not an object", PO_INVALID},
    {"no state", "{\"IAM-01\":{\"passing\":0,\"total\":1}}", "'state' is not a text", PO_INVALID},
    {"unknown state", "{\"IAM-01\":{\"state\":\"good\"}}", "unknown state 'good'", PO_INVALID},
    {"unknown member", "{\"IAM-01\":{\"state\":\"pass\",\"score\":1}}", "unknown member 'score'",
     PO_INVALID},
    {"one count", "{\"IAM-01\":{\"state\":\"fail\",\"passing\":1}}", "not both counts", PO_INVALID},
    {"count no number", "{\"IAM-01\":{\"state\":\"fail\",\"passing\":\"1\",\"total\":2}}",
     "not both counts", PO_INVALID},
    {"negative", "{\"IAM-01\":{\"state\":\"fail\",\"passing\":-1,\"total\":2}}",
     "not in 0..'total'", PO_INVALID},
    {"too many passing", "{\"IAM-01\":{\"state\":\"fail\",\"passing\":3,\"total\":2}}",
     "not in 0..'total'", PO_INVALID},
    {"beyond the limit", "{\"IAM-01\":{\"state\":\"fail\",\"passing\":1,\"total\":1000000001}}",
     "is more than", PO_LIMIT},
    {"named twice", "{\"IAM-01\":{\"state\":\"pass\"},\"IAM-01\":{\"state\":\"fail\"}}", "IAM-01",
     PO_INVALID},
    {"no JSON", "IAM-01=pass", "", PO_INVALID},
    {"nothing", "", "", PO_INVALID},
};

TEST(states_parse__refuses_what_it_does_not_know)
{
    TEST_EACH(row, bad_states)
    {
        TEST_CX(cx);
        const struct po_control_result *r = NULL;
        check_fails(cx, po_states_parse(cx, real_catalog(cx), po_str_of(row->json), &r), row->code);
        check_contains(po_err_msg(cx), row->message);
    }
}

TEST(states_parse__takes_controls_not_named_as_untested)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    const struct po_control_result *r = NULL;
    check_ok(cx, po_states_parse(cx, catalog,
                                 PO_LIT("{\"AAA-02\":{\"state\":\"fail\",\"passing\":2,"
                                        "\"total\":3},\"BBB-01\":{\"state\":\"na\"}}"),
                                 &r));
    check_eq_int(r[0].state, PO_CONTROL_UNTESTED);
    check_eq_int(r[1].state, PO_CONTROL_FAIL);
    check_eq_int(r[1].passing, 2);
    check_eq_int(r[1].total, 3);
    check_eq_int(r[2].state, PO_CONTROL_NA);
}

TEST_FAULTS(scores_compute__fails_cleanly_without_memory)
{
    TEST_CX(cx);
    struct po_catalog_source source = small_source();
    const struct po_catalog *catalog = NULL;
    if (!test_survived(po_catalog_load(cx, &source, &catalog))) return;
    const struct po_control_result *r = NULL;
    if (!test_survived(
            po_states_parse(cx, catalog, PO_LIT("{\"AAA-01\":{\"state\":\"pass\"}}"), &r)))
        return;
    struct po_scores scores;
    if (!test_survived(po_scores_compute(cx, catalog, r, &scores))) return;
    PO_BUF_AUTO out;
    po_buf_init(&out, 1 << 16);
    const struct po_as_of as_of = {.is_hypothetical = true};
    if (!test_survived(po_scores_json(cx, catalog, &scores, &as_of, &out))) return;
    test_faults_off();
    check_eq_int(scores.categories_met, 0);
}

/* -- plan -------------------------------------------------------------------------------------- */

TEST(plan__puts_what_must_come_first_first)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    const struct po_plan_item *items = NULL;
    size_t count = 0;
    check_ok(cx, po_plan_compute(cx, catalog, results_of(cx, catalog, PO_CONTROL_UNTESTED), &items,
                                 &count));
    check_eq_u64(count, 4);
    check_eq_u64(items[0].control, 0); /* AAA-01: effect 8, nothing before it */
    check_eq_u64(items[1].control, 2); /* BBB-01: effect 2 beats BBB-02's 1 */
    check_eq_u64(items[2].control, 1); /* AAA-02: effect 8, ready only after BBB-01 */
    check_eq_u64(items[3].control, 3);
    check_eq_int(items[2].effect, 8);
}

TEST(plan__leaves_out_what_passes_is_waived_or_out_of_scope)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
    set_state(catalog, r, "AAA-01", PO_CONTROL_WAIVED, 0, 0);
    set_state(catalog, r, "BBB-01", PO_CONTROL_NA, 0, 0);
    set_state(catalog, r, "AAA-02", PO_CONTROL_STALE, 0, 0);
    const struct po_plan_item *items = NULL;
    size_t count = 0;
    check_ok(cx, po_plan_compute(cx, catalog, r, &items, &count));
    check_eq_u64(count, 1);
    check_eq_u64(items[0].control, 1);
    check_eq_int(items[0].state, PO_CONTROL_STALE);
}

TEST(plan__prefers_the_longest_known_of_equal_effect)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
    set_state(catalog, r, "PRV-01", PO_CONTROL_FAIL, 0, 1); /* medium, one criterion */
    set_state(catalog, r, "GOV-01", PO_CONTROL_FAIL, 0, 1); /* the same, earlier in the catalog */
    const struct po_control *privacy = po_catalog_control(catalog, PO_LIT("PRV-01"));
    const struct po_control *conduct = po_catalog_control(catalog, PO_LIT("GOV-01"));
    r[po_control_position(catalog, privacy)].leaf = 5;
    r[po_control_position(catalog, conduct)].leaf = 9;
    const struct po_plan_item *items = NULL;
    size_t count = 0;
    check_ok(cx, po_plan_compute(cx, catalog, r, &items, &count));
    check_eq_u64(count, 2);
    check_eq_u64(items[0].control, po_control_position(catalog, privacy));
}

TEST(plan_critical_path__is_the_longest_open_chain)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_FAIL);
    po_id_list path;
    check_ok(cx, po_plan_critical_path(cx, catalog, r, &path));
    check_eq_u64(path.count, 3);
    check_eq_u64(path.at[0], 0);
    check_eq_u64(path.at[1], 2);
    check_eq_u64(path.at[2], 1);
    set_state(catalog, r, "BBB-01", PO_CONTROL_PASS, 0, 0); /* breaks the chain */
    check_ok(cx, po_plan_critical_path(cx, catalog, r, &path));
    check_eq_u64(path.count, 1);
    check_ok(cx,
             po_plan_critical_path(cx, catalog, results_of(cx, catalog, PO_CONTROL_PASS), &path));
    check_eq_u64(path.count, 0);
}

TEST(plan__never_recommends_a_control_before_what_it_needs)
{
    for (uint64_t round = 0; round < test_rounds(50); round++) {
        TEST_CX(cx);
        const struct po_catalog *catalog = real_catalog(cx);
        struct po_control_result *r = results_of(cx, catalog, PO_CONTROL_PASS);
        for (size_t i = 0; i < catalog->control_count; i++)
            r[i].state = (enum po_control_state)test_random_below(7);
        const struct po_plan_item *items = NULL;
        size_t count = 0;
        check_ok(cx, po_plan_compute(cx, catalog, r, &items, &count));
        size_t place[PO_CONTROLS_MAX];
        for (size_t i = 0; i < catalog->control_count; i++)
            place[i] = SIZE_MAX;
        for (size_t i = 0; i < count; i++)
            place[items[i].control] = i;
        for (size_t i = 0; i < count; i++) {
            const struct po_control *control = &catalog->controls[items[i].control];
            for (size_t k = 0; k < control->after.count; k++) {
                size_t before = place[control->after.at[k]];
                check_that(before == SIZE_MAX || before < i);
            }
        }
    }
}
