/*
 * Every judge with facts that hold and facts that do not, and what an empty population gives.
 */
#include "assess/assess.h"
#include "assess/assess_priv.h"
#include "lib/test.h"
#include "unit/assess/golden.h"
#include "unit/assess/judge_rows.h"

static const char *says(struct po_ctx *cx, const struct judge_row *row)
{
    const struct golden_program *asked = golden_find("control", row->clause);
    struct po_json given[JUDGE_ROW_FACTS_MAX];
    struct po_json_out json;
    PO_BUF_AUTO out;
    for (size_t i = 0; i < JUDGE_ROW_FACTS_MAX && row->facts[i] != NULL; i++) {
        struct po_json *fact = NULL;
        check_ok(cx, po_json_parse(cx, po_str_of(row->facts[i]), PO_JSON_STRICT, &fact));
        given[i] = *fact;
        given[i].next = NULL;
        if (i > 0) given[i - 1].next = &given[i];
        check_that(asked->facts[i] != NULL, "%s reads no fact %zu", row->clause, i);
    }
    po_buf_init(&out, 1 << 20);
    po_json_out_init(&json, &out, 0);
    golden_ask(cx, asked, given, &json);
    return po_arena_strdup(cx->arena, po_buf_str(&out));
}

TEST(judges__say_what_the_facts_say)
{
    for (size_t i = 0; judge_row_at(i) != NULL; i++) {
        TEST_CX(cx);
        const struct judge_row *row = judge_row_at(i);
        const char *got = says(cx, row);
        const char *want =
            po_arena_printf(cx->arena, "{\"state\":\"%s\",\"passing\":%ld,\"total\":%ld",
                            po_run_state_name(row->state), (long)row->passing, (long)row->total);
        check_that(strncmp(got, want, strlen(want)) == 0, "row %zu %s: %s, want %s", i, row->clause,
                   got, want);
        check_that((strstr(got, "\"reason\"") == NULL) == (row->state == PO_RUN_PASS),
                   "row %zu: reason", i);
    }
}

/* A judge that can only say one thing judges nothing. */
TEST(judges__each_can_pass_and_can_refuse)
{
    TEST_CX(cx);
    size_t count = 0;
    const struct po_check *checks = NULL;
    check_ok(cx, po_check_table(cx, NULL, &checks, &count));
    for (size_t i = 0; i < count; i++) {
        bool passes = false;
        bool refuses = false;
        for (size_t k = 0; judge_row_at(k) != NULL; k++) {
            if (strcmp(judge_row_at(k)->clause, checks[i].clause) != 0) continue;
            if (judge_row_at(k)->state == PO_RUN_PASS)
                passes = true;
            else
                refuses = true;
        }
        check_that(passes && refuses, "%s has no row that passes and one that does not",
                   checks[i].clause);
    }
}

TEST(judges__every_check_tests_a_clause_of_the_catalog)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = NULL;
    const bool *wanted = NULL;
    size_t count = 0;
    size_t marked = 0;
    check_ok(cx, po_catalog_load_embedded(cx, &catalog));
    check_ok(cx, po_check_wanted(cx, NULL, catalog, &wanted));
    const struct po_check *checks = NULL;
    check_ok(cx, po_check_table(cx, NULL, &checks, &count));
    for (size_t i = 0; i < catalog->clause_count; i++)
        marked += wanted[i] ? 1 : 0;
    check_eq_u64(marked, count);
}

TEST(judgement__an_empty_population_passes_nothing)
{
    struct po_judgement empty = {0};
    po_judgement_settle(&empty);
    check_eq_int(empty.state, PO_RUN_UNTESTED);
    struct po_judgement short_count = {.passing = 3, .total = 4};
    po_judgement_settle(&short_count);
    check_eq_int(short_count.state, PO_RUN_FAIL);
    check_that(short_count.reason != NULL);
    struct po_judgement contradictory = {.state = PO_RUN_FAIL, .passing = 4, .total = 4};
    po_judgement_settle(&contradictory);
    check_eq_int(contradictory.passing, 3);
}

/* ---- what a program may give ---------------------------------------------------------------------- */

#define GIVEN(state, reason, counts, deviations)                                                   \
    "{\"deviations\":" deviations "," counts ",\"reason\":\"" reason "\",\"state\":\"" state "\"}"
#define COUNTS "\"deviations_total\":1,\"passing\":2,\"total\":3"

static struct po_judgement *read_value(struct po_ctx *cx, const char *json)
{
    struct po_judgement *out = po_arena_alloc(cx->arena, 1, sizeof *out);
    const struct po_script_outcome outcome = {.status = PO_SCRIPT_OK,
                                              .value_json = po_str_of(json)};
    check_that(out != NULL);
    check_ok(cx, po_judgement_read(cx, &outcome, out));
    check_eq_cstr(po_err_msg(cx), "");
    return out;
}

TEST(judgement_read__takes_what_the_program_says)
{
    TEST_CX(cx);
    const struct po_judgement *out = read_value(
        cx, GIVEN("Fail", "two\\nlines", COUNTS, "[{\"fact\":\"0644\",\"subject\":\".env\"}]"));
    check_eq_int(out->state, PO_RUN_FAIL);
    check_eq_cstr(out->reason, "two lines");
    check_eq_int(out->passing, 2);
    check_eq_int(out->total, 3);
    check_eq_u64(out->deviation_count, 1);
    check_eq_str(out->deviations[0].subject, ".env");
    check_eq_str(out->deviations[0].fact, "0644");
}

TEST(judgement_read__takes_anything_else_for_an_error)
{
    static const char *const values[] = {
        "null",
        "[]",
        "\"Pass\"",
        "{}",
        GIVEN("Pass", "", COUNTS, "null"),
        GIVEN("Pass", "", COUNTS, "[1]"),
        GIVEN("Pass", "", "\"deviations_total\":0,\"passing\":1.5,\"total\":3", "[]"),
        GIVEN("Error", "", COUNTS, "[]"),
        GIVEN("pass", "", COUNTS, "[]"),
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        TEST_CX(cx);
        const struct po_judgement *out = read_value(cx, values[i]);
        check_that(out->state == PO_RUN_ERROR, "value %zu", i);
        check_contains(out->reason, "no judgement");
        check_eq_int(out->total, 0);
    }
}

TEST(judgement_read__says_how_a_program_faulted)
{
    TEST_CX(cx);
    struct po_judgement *out = po_arena_alloc(cx->arena, 1, sizeof *out);
    const struct po_script_outcome outcome = {.status = PO_SCRIPT_FAULT,
                                              .fault_kind = PO_LIT("StepLimit"),
                                              .fault_message = PO_LIT("too many steps")};
    check_ok(cx, po_judgement_read(cx, &outcome, out));
    check_eq_int(out->state, PO_RUN_ERROR);
    check_eq_cstr(out->reason, "StepLimit: too many steps");
}

TEST(judgement_read__cuts_texts_between_characters)
{
    TEST_CX(cx);
    PO_BUF_AUTO json;
    po_buf_init(&json, 1 << 16);
    po_buf_append_cstr(&json, "{\"deviations\":[]," COUNTS ",\"state\":\"Fail\",\"reason\":\"x");
    for (int i = 0; i < 600; i++)
        po_buf_append_cstr(&json, "ü");
    po_buf_append_cstr(&json, "\"}");
    const struct po_judgement *out = read_value(cx, json.ptr);
    check_eq_u64(strlen(out->reason), PO_RUN_REASON_BYTES_MAX - 1);
}
