/*
 * Every judge with facts that hold and facts that do not, and what an empty population gives.
 */
#include "assess/assess.h"
#include "assess/judge_priv.h"
#include "lib/test.h"
#include "unit/assess/judge_rows.h"

static const struct po_check *find_check(const char *clause)
{
    size_t count = 0;
    const struct po_check *checks = po_check_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(checks[i].clause, clause) == 0) return &checks[i];
    return NULL;
}

static void judge_row(struct po_ctx *cx, size_t row, struct po_judgement *out)
{
    const struct po_check *check = find_check(judge_rows[row].clause);
    const struct po_json *facts[PO_CHECK_FACTS_MAX] = {NULL};
    check_that(check != NULL, "row %zu: no check for %s", row, judge_rows[row].clause);
    for (size_t i = 0; i < 2 && judge_rows[row].facts[i] != NULL; i++) {
        struct po_json *fact = NULL;
        check_ok(cx, po_json_parse(cx, po_str_of(judge_rows[row].facts[i]), PO_JSON_STRICT, &fact));
        facts[i] = fact;
        check_that(check->facts[i] != NULL, "%s reads no fact %zu", judge_rows[row].clause, i);
    }
    check_ok(cx, check->judge(cx, facts, out));
    po_judgement_settle(out);
}

TEST(judges__say_what_the_facts_say)
{
    TEST_CX(cx);
    struct po_clock_fake fake;
    po_clock_fake_init(&fake, JUDGE_NOW_US);
    cx->clock = &fake.clock;
    for (size_t i = 0; i < judge_row_count; i++) {
        struct po_judgement *out = po_arena_alloc(cx->arena, 1, sizeof *out);
        check_that(out != NULL);
        judge_row(cx, i, out);
        check_that(out->state == judge_rows[i].state, "row %zu %s: state %d, want %d", i,
                   judge_rows[i].clause, (int)out->state, (int)judge_rows[i].state);
        check_that(out->passing == judge_rows[i].passing && out->total == judge_rows[i].total,
                   "row %zu %s: %ld of %ld, want %ld of %ld", i, judge_rows[i].clause,
                   (long)out->passing, (long)out->total, (long)judge_rows[i].passing,
                   (long)judge_rows[i].total);
        check_that((out->reason == NULL) == (out->state == PO_RUN_PASS), "row %zu: reason", i);
    }
}

/* A judge that can only say one thing judges nothing. */
TEST(judges__each_can_pass_and_can_refuse)
{
    size_t count = 0;
    const struct po_check *checks = po_check_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool passes = false;
        bool refuses = false;
        for (size_t k = 0; k < judge_row_count; k++) {
            if (strcmp(judge_rows[k].clause, checks[i].clause) != 0) continue;
            if (judge_rows[k].state == PO_RUN_PASS)
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
    check_ok(cx, po_check_wanted(cx, catalog, &wanted));
    (void)po_check_table(&count);
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
