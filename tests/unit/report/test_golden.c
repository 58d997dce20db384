/*
 * Did visible output change? Every report over every fixture, byte for byte.
 *
 * After a wanted change: PO_GOLDEN_UPDATE=1 make test T='golden*' rewrites the files; read the diff.
 */
#include "lib/test.h"
#include "unit/report/report_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const fixtures[] = {"nothing",    "all_pass",          "one_critical_failing",
                                       "stale_week", "seed1_as_recorded", "seed2_as_described"};
#define FIXTURE_COUNT (sizeof fixtures / sizeof fixtures[0])

static const enum po_report_kind kinds[] = {PO_REPORT_READINESS, PO_REPORT_STATUS, PO_REPORT_HEALTH,
                                            PO_REPORT_NIGHTLY};

static void hold_against(const char *fixture, const char *file, po_str got)
{
    char path[256];
    (void)snprintf(path, sizeof path, "tests/golden/report/%s/%s", fixture, file);
    if (getenv("PO_GOLDEN_UPDATE") != NULL) {
        test_write_file(test_source_path(path), got.ptr, got.len);
        return;
    }
    size_t len = 0;
    char *want = test_read_file(test_source_path(path), &len);
    test_row(path);
    check_eq_postr(got, po_str_n(want, len));
    test_row(NULL);
    free(want);
}

TEST(golden__reports_are_those_on_file)
{
    for (size_t f = 0; f < FIXTURE_COUNT; f++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            TEST_CX(cx);
            const struct po_catalog *catalog = fixture_catalog(cx);
            struct po_view view = fixture_view(cx, catalog, fixtures[f]);
            PO_BUF_AUTO body;
            po_buf_init(&body, PO_REPORT_BYTES_MAX);
            check_ok(cx, po_report_render(cx, catalog, &view, kinds[k], &body));
            char file[64];
            (void)snprintf(file, sizeof file, "%s.md", po_report_kind_name(kinds[k]));
            hold_against(fixtures[f], file, po_buf_str(&body));
        }
    }
}

TEST(golden__scores_are_those_on_file)
{
    for (size_t f = 0; f < FIXTURE_COUNT; f++) {
        TEST_CX(cx);
        const struct po_catalog *catalog = fixture_catalog(cx);
        struct po_view view = fixture_view(cx, catalog, fixtures[f]);
        const struct po_control_result *controls = NULL;
        struct po_scores scores;
        check_ok(cx, po_states_compute(cx, catalog, &view.states, &controls, NULL));
        check_ok(cx, po_scores_compute(cx, catalog, controls, &scores));
        PO_BUF_AUTO json;
        po_buf_init(&json, 1 << 20);
        check_ok(cx, po_scores_json(cx, catalog, &scores, &view.as_of, &json));
        po_buf_append_char(&json, '\n');
        hold_against(fixtures[f], "score.json", po_buf_str(&json));
    }
}

static bool has(po_str text, const char *part)
{
    return po_str_find(text, po_str_of(part), 0) != SIZE_MAX;
}

/* Words that law 7 forbids, in any case. */
static const char *const forbidden[] = {"tamper-proof", "Tamper-proof", "certified",
                                        "Certified",    "is compliant", "fully compliant"};

TEST(golden__no_report_says_more_than_holds)
{
    for (size_t f = 0; f < FIXTURE_COUNT; f++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            TEST_CX(cx);
            const struct po_catalog *catalog = fixture_catalog(cx);
            struct po_view view = fixture_view(cx, catalog, fixtures[f]);
            PO_BUF_AUTO body;
            po_buf_init(&body, PO_REPORT_BYTES_MAX);
            check_ok(cx, po_report_render(cx, catalog, &view, kinds[k], &body));
            po_str text = po_buf_str(&body);
            for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
                check_that(!has(text, forbidden[i]), "'%s' in %s", forbidden[i], fixtures[f]);
            check_that(!has(text, "{{"));
        }
    }
}

TEST(golden__nothing_recorded_shows_no_green)
{
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        TEST_CX(cx);
        const struct po_catalog *catalog = fixture_catalog(cx);
        struct po_view view = fixture_view(cx, catalog, "nothing");
        PO_BUF_AUTO body;
        po_buf_init(&body, PO_REPORT_BYTES_MAX);
        check_ok(cx, po_report_render(cx, catalog, &view, kinds[k], &body));
        po_str text = po_buf_str(&body);
        po_str line;
        while (po_str_next_line(&text, &line)) {
            if (has(line, "✅ **Successes:** 0 of 15")) continue;
            check_that(!has(line, "✅") && !has(line, "🟢") && !has(line, "[x]"), "%.*s",
                       PO_STR_ARG(line));
        }
    }
}

TEST(golden__bodies_are_pure_functions_of_view_and_template)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        PO_BUF_AUTO first;
        PO_BUF_AUTO second;
        po_buf_init(&first, PO_REPORT_BYTES_MAX);
        po_buf_init(&second, PO_REPORT_BYTES_MAX);
        struct po_view view = fixture_view(cx, catalog, "one_critical_failing");
        check_ok(cx, po_report_render(cx, catalog, &view, kinds[k], &first));
        po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
        TEST_CX(later);
        const struct po_catalog *again = fixture_catalog(later);
        view = fixture_view(later, again, "one_critical_failing");
        check_ok(later, po_report_render(later, again, &view, kinds[k], &second));
        check_eq_postr(po_buf_str(&second), po_buf_str(&first));
    }
}
