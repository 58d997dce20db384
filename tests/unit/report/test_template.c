#include "lib/test.h"
#include "report/report.h"
#include "unit/report/report_fixture.h"

#include <stdlib.h>

/* The text of `template` over a fixture, NUL-terminated, in the arena. */
static const char *rendered(struct po_ctx *cx, const char *fixture, const char *text)
{
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, fixture);
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render_template(cx, catalog, &view, PO_LIT("t"), po_str_of(text), &out));
    char *copy = po_arena_strdup(cx->arena, po_buf_str(&out));
    check_that(copy != NULL);
    return copy;
}

/* Fixture "one_critical_failing": IAM-02 fails, DR-03 is out of scope, all else passes. */
static const struct {
    const char *name;
    const char *fixture;
    const char *text;
    const char *want;
} macros[] = {
    {"plain", "all_pass", "a\n\nb { c }", "a\n\nb { c }\n"},
    {"mark pass", "all_pass", "{{mark S1-104}}", "✅\n"},
    {"mark fail", "one_critical_failing", "{{mark S1-104}}", "❌\n"},
    {"mark out of scope", "one_critical_failing", "{{mark S2-019}}", "➖\n"},
    {"mark untested", "nothing", "{{mark S1-104}}", "⏳\n"},
    {"mark stale", "stale_week", "{{mark S1-104}}", "⏳\n"},
    {"mark one of two passes", "seed1_as_recorded", "{{mark S1-045}}", "❌\n"},
    {"mark partial", "seed1_as_recorded", "{{mark S1-025}} {{mark S1-120}}", "✅ ⚠️\n"},
    {"mark section", "one_critical_failing",
     "# {{mark section}}\n{{refs S1-001}}\n{{refs S1-104}}\n# {{mark section}}\n{{box S1-001}}",
     "# ❌\n(RPT-01 pass, leaf 903; AUD-08 pass, leaf 413)\n(IAM-02 fail, leaf 161)\n# ✅\n[x]\n"},
    {"mark overall", "all_pass", "{{mark overall}}", "✅\n"},
    {"mark overall not ready", "stale_week", "{{mark overall}}", "❌\n"},
    {"box", "one_critical_failing", "{{box S1-103}} {{box S1-104}} {{box S2-019}}",
     "[x] [ ] [ ]\n"},
    {"refs", "seed1_as_recorded", "{{refs S1-004}}{{refs S1-104}}",
     "(CFG-01 fail, leaf 291)(IAM-02 untested)\n"},
    {"light", "one_critical_failing",
     "{{light S2-047}}{{light S2-046}}{{light S2-019}} {{light category}} Security",
     "🟢🔴⚪ 🔴 Security\n"},
    {"light untested", "nothing", "{{light S2-047}}", "⚪\n"},
    {"light some", "seed2_as_described", "{{light S2-055}}", "🟡\n"},
    {"word", "one_critical_failing", "{{word S2-047}},{{word S2-046}},{{word S2-019}}",
     "Implemented,Critical Gap,Out of scope\n"},
    {"word unknown", "nothing", "{{word S2-047}}", "Untested\n"},
    {"word stale", "stale_week", "{{word S2-047}}", "Stale\n"},
    {"word some", "seed2_as_described", "{{word S2-055}}", "Partial\n"},
    {"impl", "one_critical_failing", "{{impl S2-047}}{{impl S2-046}}{{impl S2-019}}", "✓✗–\n"},
    {"impl some", "seed2_as_described", "{{impl S2-055}}{{impl S2-047}}", "⚠️⏳\n"},
    {"pct", "one_critical_failing", "{{pct S1-096}}|{{pct S2-019}}", "66 % (2/3)|n/a\n"},
    {"pct of a phase", "seed1_as_recorded", "{{pct S2-082}}", "0 % (0/3)\n"},
    {"pct of a row in a phase", "all_pass", "{{pct S2-093}}", "100 % (2/2)\n"},
    {"if-pass keeps", "all_pass", "{{if-pass S1-104}}- yes\nend", "- yes\nend\n"},
    {"if-pass drops", "one_critical_failing", "{{if-pass S1-104}}- yes\nend", "end\n"},
    {"if-none-met", "nothing", "{{if-none-met privacy \"A b\" else \"C\"}}", "A b\n"},
    {"if-none-met else", "all_pass", "{{if-none-met privacy \"A b\" else \"C\"}}", "C\n"},
    {"opt", "one_critical_failing", "({{opt health.skipped \", %s skipped\"}})", "(, 1 skipped)\n"},
    {"opt zero", "all_pass", "({{opt health.skipped \", %s skipped\"}})", "()\n"},
    {"register", "all_pass", "{{register cost.audit}} of {{register cost.audit.date}}",
     "$30,000-50,000 of 2026-11-02\n"},
    {"register not set", "nothing", "{{register cost.audit}} of {{register cost.audit.date}}",
     "not set of n/a\n"},
    {"register is escaped", "all_pass", "{{register cost.annual}}", "$100,000 \\| \\<b\\>\n"},
    {"list met", "seed1_as_recorded", "{{list met availability}}", "- none\n"},
    {"list all passes", "all_pass", "{{list gaps privacy}}", "- none\n"},
    {"list out of scope", "one_critical_failing", "{{list gaps availability}}",
     "- ➖ Out of scope: Standby takes over, tested (DR-03 na, leaf 5)\n"},
    {"list gap as a fact", "seed2_as_described", "{{list all confidentiality}}",
     "- ⏳ Not proven: Everything stored is encrypted (CRY-01 untested)\n"
     "- ⏳ Not proven: Confidential classes restricted by role (IAM-05 untested; DAT-01 "
     "untested)\n"
     "- ⏳ Not proven: Data classified and inventoried (DAT-01 untested)\n"
     "- ⏳ Not proven: Keys managed through their life (CRY-03 untested)\n"
     "- ⏳ Not proven: No secret reaches a log (AUD-07 untested; CFG-01 untested)\n"
     "- ⏳ C1.2 NOT MET, 0/100 (DAT-03 untested)\n"},
};

TEST(template__prints_every_macro_by_state)
{
    TEST_EACH(row, macros)
    {
        TEST_CX(cx);
        check_eq_cstr(rendered(cx, row->fixture, row->text), row->want);
    }
}

TEST(template__expands_figures_inside_gap_sentences)
{
    TEST_CX(cx);
    check_contains(rendered(cx, "seed1_as_recorded", "{{list gaps security}}"),
                   "- ❌ System can crash: untested reachable abort sites, untested crashes "
                   "(PIN-07 fail, leaf 891)");
}

TEST(refs__say_how_far_a_control_is_tested)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "nothing");
    view.as_of.size = 3;
    view.as_of.time_us = view.states.as_of_us = TEST_CLOCK_START_US;
    const struct po_clause *clause = po_catalog_clause(catalog, PO_LIT("CFG-01.2"));
    struct po_clause_run *runs = (struct po_clause_run *)(uintptr_t)view.states.runs;
    runs[po_clause_position(catalog, clause)] =
        (struct po_clause_run){.run = {.clause = clause->id,
                                       .state = PO_RUN_PASS,
                                       .passing = 1,
                                       .total = 1,
                                       .finished_us = TEST_CLOCK_START_US},
                               .leaf = 2,
                               .received_us = TEST_CLOCK_START_US};
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render_template(cx, catalog, &view, PO_LIT("t"),
                                           PO_LIT("{{mark S1-004}} {{refs S1-004}} {{box S1-004}}"),
                                           &out));
    check_eq_postr(po_buf_str(&out), PO_LIT("⏳ (CFG-01 untested, 1 of 4 clauses pass) [ ]\n"));
}

static const struct {
    const char *name;
    const char *text;
    const char *message;
} bad[] = {
    {"unknown macro", "a\n{{figure report.date}}", "t:2: unknown macro 'figure'"},
    {"unknown figure", "{{fig report.dates}}", "t:1: unknown figure 'report.dates'"},
    {"unknown row", "\n\n{{mark S1-999}}", "t:3: unknown row 'S1-999'"},
    {"unknown row in refs", "{{refs S9-001}}", "t:1: unknown row 'S9-001'"},
    {"unknown row on a dropped line", "{{if-pass S1-104}}{{box S1-999}}", "unknown row 'S1-999'"},
    {"unknown category", "{{list met safety}}", "t:1: unknown category 'safety'"},
    {"unknown list", "{{list some security}}", "t:1: unknown list 'some'"},
    {"unknown register", "{{register cost.lunch}}", "t:1: unknown register 'cost.lunch'"},
    {"open brace", "a {{fig report.date", "t:1: '{{' without '}}'"},
    {"empty", "{{ }}", "is empty"},
    {"too few words", "{{mark}}", "t:1: 'mark' takes 1 words"},
    {"too many words", "{{mark S1-001 S1-002}}", "t:1: 'mark' takes 1 words"},
    {"far too many words", "{{mark a b c d e f g}}", "more than 6 words"},
    {"opt without place", "{{opt health.skipped \"x\"}}", "has no %s"},
    {"opt unquoted", "{{opt health.skipped %s}}", "has no %s"},
    {"opt of unknown figure", "{{opt x \"%s\"}}", "unknown figure 'x'"},
    {"else missing", "{{if-none-met privacy \"a\" or \"b\"}}", "'if-none-met' is CATEGORY"},
    {"section without rows", "# {{mark section}}\ntext\n# next", "t:1: the section names no row"},
    {"broken macro in a section", "# {{mark section}}\n{{mark S1-001", "t:2: '{{' without '}}'"},
    {"light without category", "{{light category}} Nothing", "names no category"},
};

TEST(template__refuses_what_it_does_not_know_and_names_the_line)
{
    TEST_EACH(row, bad)
    {
        TEST_CX(cx);
        const struct po_catalog *catalog = fixture_catalog(cx);
        struct po_view view = fixture_view(cx, catalog, "all_pass");
        PO_BUF_AUTO out;
        po_buf_init(&out, PO_REPORT_BYTES_MAX);
        check_fails(
            cx,
            po_report_render_template(cx, catalog, &view, PO_LIT("t"), po_str_of(row->text), &out),
            PO_INVALID);
        check_contains(po_err_msg(cx), row->message);
    }
}

TEST(template__refuses_more_than_its_limits)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    PO_BUF_AUTO big;
    po_buf_init(&big, PO_TEMPLATE_BYTES_MAX + 16);
    po_buf_append_zeros(&big, PO_TEMPLATE_BYTES_MAX + 1);
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_fails(cx,
                po_report_render_template(cx, catalog, &view, PO_LIT("t"), po_buf_str(&big), &out),
                PO_LIMIT);
    PO_BUF_AUTO small;
    po_buf_init(&small, 64);
    check_fails(cx, po_report_render(cx, catalog, &view, PO_REPORT_STATUS, &small), PO_LIMIT);
}

/* -- figures ------------------------------------------------------------------------------------ */

static const char *figure(struct po_ctx *cx, const struct po_view *view, const char *name)
{
    PO_BUF_AUTO out;
    po_buf_init(&out, 4096);
    check_ok(cx, po_figure_text(cx, fixture_catalog(cx), view, po_str_of(name), &out));
    char *copy = po_arena_strdup(cx->arena, po_buf_str(&out));
    check_that(copy != NULL);
    return copy;
}

TEST_TIMEOUT(figure__every_one_prints_something_and_names_its_query, 60)
{
    static const char *const fixtures[] = {"nothing", "all_pass", "stale_week"};
    for (size_t f = 0; f < 3; f++) {
        TEST_CX(cx);
        const struct po_catalog *catalog = fixture_catalog(cx);
        struct po_view view = fixture_view(cx, catalog, fixtures[f]);
        for (size_t i = 0; i < po_figure_count(); i++) {
            const struct po_figure *one = po_figure_at(i);
            test_row(one->name);
            PO_BUF_AUTO out;
            po_buf_init(&out, 4096);
            check_ok(cx, po_figure_text(cx, catalog, &view, po_str_of(one->name), &out));
            check_that(out.len > 0);
            check_that(strlen(one->query) > 4);
        }
    }
    test_row(NULL);
}

TEST(figure__names_are_unique)
{
    for (size_t i = 0; i < po_figure_count(); i++)
        for (size_t j = 0; j < i; j++)
            check_that(strcmp(po_figure_at(i)->name, po_figure_at(j)->name) != 0);
}

TEST(figure__unknown_name_is_not_found)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "nothing");
    PO_BUF_AUTO out;
    po_buf_init(&out, 64);
    check_fails(cx, po_figure_text(cx, catalog, &view, PO_LIT("x"), &out), PO_NOTFOUND);
}

TEST(figure_panic_sites__counts_only_with_a_manifest_of_this_program)
{
    TEST_CX(cx);
    struct po_view view = fixture_view(cx, fixture_catalog(cx), "all_pass");
    check_eq_cstr(figure(cx, &view, "panic.sites"), "0");
    view.build.manifest_matches = false;
    check_eq_cstr(figure(cx, &view, "panic.sites"), "untested");
    view.build.manifest_matches = true;
    view.build.abort_sites = -1;
    check_eq_cstr(figure(cx, &view, "panic.sites"), "untested");
    view.build = (struct po_view_build){.manifest_matches = true};
    check_eq_cstr(figure(cx, &view, "panic.sites"), "untested");
    check_eq_cstr(figure(cx, &view, "build.version"), "untested");
}

TEST(figure_metrics__follow_their_definitions)
{
    TEST_CX(cx);
    struct po_view view = fixture_view(cx, fixture_catalog(cx), "one_critical_failing");
    check_eq_cstr(figure(cx, &view, "metric.security.value"), "96 % (NOT MET)");
    check_eq_cstr(figure(cx, &view, "metric.security.gap"), "0 points");
    view.uptime.good_minutes = 43100;
    check_eq_cstr(figure(cx, &view, "metric.availability.value"), "99.768 %");
    check_eq_cstr(figure(cx, &view, "metric.availability.gap"), "0.132 %");
    view.uptime.all_minutes = 0; /* 0 of 0 proves nothing */
    view.uptime.good_minutes = 0;
    check_eq_cstr(figure(cx, &view, "metric.availability.value"), "untested");
    view.recovery.worst_ms = 60001;
    check_eq_cstr(figure(cx, &view, "metric.recovery_time.value"),
                  "60.1 s (p50 2.1 s, p95 18.1 s, 12 measured)");
    check_eq_cstr(figure(cx, &view, "metric.recovery_time.gap"), "0.1 s");
    view.recovery.samples = 0;
    check_eq_cstr(figure(cx, &view, "metric.recovery_time.value"), "untested");
}

TEST(figure_coverage__is_the_newest_run_of_its_clause_while_fresh)
{
    TEST_CX(cx);
    struct po_view view = fixture_view(cx, fixture_catalog(cx), "seed1_as_recorded");
    check_eq_cstr(figure(cx, &view, "metric.audit_coverage.value"), "36 % (7 of 19 obligations)");
    check_eq_cstr(figure(cx, &view, "metric.audit_coverage.gap"), "64 points");
    view = fixture_view(cx, fixture_catalog(cx), "stale_week");
    check_eq_cstr(figure(cx, &view, "metric.audit_coverage.value"), "stale");
    check_eq_cstr(figure(cx, &view, "metric.audit_coverage.gap"), "n/a");
}

TEST(figure_health__old_and_missing_results_are_untested)
{
    TEST_CX(cx);
    struct po_view view = fixture_view(cx, fixture_catalog(cx), "all_pass");
    check_eq_cstr(figure(cx, &view, "health.passed"), "15");
    view.health_count = 14;
    check_eq_cstr(figure(cx, &view, "health.passed"), "14");
    check_eq_cstr(figure(cx, &view, "health.total"), "15");
    check_eq_cstr(figure(cx, &view, "health.percent"), "93");
    check_eq_cstr(figure(cx, &view, "health.untested"), "1");
    view = fixture_view(cx, fixture_catalog(cx), "stale_week");
    check_eq_cstr(figure(cx, &view, "health.passed"), "0");
    check_eq_cstr(figure(cx, &view, "health.untested"), "15");
}

TEST(figure_forecast__needs_a_pace)
{
    TEST_CX(cx);
    struct po_view view = fixture_view(cx, fixture_catalog(cx), "seed1_as_recorded");
    check_eq_cstr(figure(cx, &view, "programme.forecast"), "n/a");
    view.closed_recently.is_known = true;
    check_eq_cstr(figure(cx, &view, "programme.forecast"), "none, nothing was closed in 56 days");
    view.closed_recently.value = 86; /* all 86 open ones in eight weeks more */
    check_eq_cstr(figure(cx, &view, "programme.forecast"),
                  "2025-10-09 at the pace of the last 8 weeks");
    view.closed_recently.value = 1;
    check_eq_cstr(figure(cx, &view, "programme.forecast"), "more than ten years at this pace");
}

/* -- readiness ------------------------------------------------------------------------------------ */

enum missing { NOTHING, OVERDUE, OVERDUE_UNKNOWN, ASSERTION, ASSERTION_NONE };
static const struct {
    const char *name;
    const char *fixture;
    enum missing missing;
    const char *why;
} obstacles[] = {
    {"ready", "all_pass", NOTHING, ""},
    {"nothing", "nothing", NOTHING, "nothing is recorded yet"},
    {"criteria", "one_critical_failing", NOTHING, "59 of 61 criteria are met"},
    {"overdue", "all_pass", OVERDUE, "a critical or high finding is overdue"},
    {"overdue unknown", "all_pass", OVERDUE_UNKNOWN, "overdue findings are untested"},
    {"no assertion", "all_pass", ASSERTION, "management has signed no assertion"},
    {"none signed", "all_pass", ASSERTION_NONE, "management has signed no assertion"},
};

TEST(readiness__needs_every_condition)
{
    TEST_EACH(row, obstacles)
    {
        TEST_CX(cx);
        const struct po_catalog *catalog = fixture_catalog(cx);
        struct po_view view = fixture_view(cx, catalog, row->fixture);
        if (row->missing == OVERDUE) view.findings_overdue.value = 1;
        if (row->missing == OVERDUE_UNKNOWN) view.findings_overdue.is_known = false;
        if (row->missing == ASSERTION) view.assertion.is_known = false;
        if (row->missing == ASSERTION_NONE) view.assertion.value = 0;
        struct po_readiness readiness;
        check_ok(cx, po_report_readiness(cx, catalog, &view, &readiness));
        check_eq_int(readiness.is_ready, row->why[0] == '\0');
        check_eq_cstr(readiness.word, row->why[0] == '\0' ? "READY" : "NOT READY");
        check_eq_str(readiness.why, row->why);
    }
}

TEST(readiness__a_waived_critical_control_prevents_it)
{
    static const po_str by[] = {{"CFG-03", 6}};
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "one_critical_failing");
    const struct po_waiver waiver = {.id = PO_LIT("W-1"),
                                     .control = PO_LIT("IAM-02"),
                                     .reason = PO_LIT("hardware keys ordered"),
                                     .compensating = by,
                                     .compensating_count = 1,
                                     .requested_by = PO_LIT("u-1"),
                                     .approved_by = PO_LIT("u-2"),
                                     .from_us = view.as_of.time_us - PO_US_PER_DAY,
                                     .expires_us = view.as_of.time_us + PO_US_PER_DAY};
    view.states.waivers = &waiver;
    view.states.waiver_count = 1;
    struct po_readiness readiness;
    check_ok(cx, po_report_readiness(cx, catalog, &view, &readiness));
    check_that(!readiness.is_ready);
    check_eq_str(readiness.why, "a critical control is waived");
}

TEST(readiness__needs_the_system_description)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    const struct po_scope_out out = {PO_LIT("GOV-08"), PO_LIT("none written"), 7};
    view.states.scope_outs = &out;
    view.states.scope_out_count = 1;
    struct po_readiness readiness;
    check_ok(cx, po_report_readiness(cx, catalog, &view, &readiness));
    check_that(!readiness.is_ready);
    check_eq_str(readiness.why, "the system description is not proven current");
    check_contains(figure(cx, &view, "summary.sentence"),
                   "In the way: the system description is not proven current.");
    check_eq_cstr(figure(cx, &view, "plan.critical_path"),
                  "the system description is not proven current → READY");
    check_eq_cstr(figure(cx, &view, "plan.recommendation.1"), "No further open control");
}

/* DR-03 fails and is waived: one criterion of Availability is met with an exception. */
TEST(row__waived_is_shown_as_partial_and_named)
{
    static const po_str by[] = {{"BKP-05", 6}};
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    const struct po_waiver waiver = {.id = PO_LIT("W-7"),
                                     .control = PO_LIT("DR-03"),
                                     .reason = PO_LIT("one node"),
                                     .compensating = by,
                                     .compensating_count = 1,
                                     .requested_by = PO_LIT("u-1"),
                                     .approved_by = PO_LIT("u-2"),
                                     .from_us = view.as_of.time_us,
                                     .expires_us = view.as_of.time_us + PO_US_PER_DAY,
                                     .leaf = 12};
    view.states.waivers = &waiver;
    view.states.waiver_count = 1;
    const struct po_control *standby = po_catalog_control(catalog, PO_LIT("DR-03"));
    struct po_clause_run *runs = (struct po_clause_run *)(uintptr_t)view.states.runs;
    runs[standby->clause_first].run.state = PO_RUN_FAIL;
    runs[standby->clause_first].run.passing = 0;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render_template(
                     cx, catalog, &view, PO_LIT("t"),
                     PO_LIT("{{mark S2-019}} {{box S2-019}} {{light S2-019}} {{word S2-019}} "
                            "{{impl S2-019}} {{refs S2-019}}\n{{light category}} Availability\n"
                            "{{fig category.availability.status}}\n"),
                     &out));
    check_eq_postr(
        po_buf_str(&out),
        PO_LIT("⚠️ [ ] 🟡 Partial (waived) ⚠️ (DR-03 waived, leaf 12, 2 of 3 clauses "
               "pass)\n🟡 Availability\nMET WITH EXCEPTION\n"));
}

TEST(light__a_category_out_of_scope_is_grey_and_has_no_score)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    struct po_scope_out outs[PO_CONTROLS_MAX];
    for (size_t i = 0; i < catalog->control_count; i++)
        outs[i] = (struct po_scope_out){catalog->controls[i].id, PO_LIT("nothing is used"), 3};
    view.states.scope_outs = outs;
    view.states.scope_out_count = catalog->control_count;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render_template(
                     cx, catalog, &view, PO_LIT("t"),
                     PO_LIT("{{light category}} Privacy {{fig metric.security.value}} "
                            "{{fig metric.data_protection.value}} {{mark S1-004}}\n"),
                     &out));
    check_eq_postr(po_buf_str(&out), PO_LIT("⚪ Privacy n/a n/a ➖\n"));
    struct po_readiness readiness;
    check_ok(cx, po_report_readiness(cx, catalog, &view, &readiness));
    check_eq_str(readiness.why, "no criterion is in scope");
}

TEST_FAULTS_MANUAL(report_render__fails_cleanly_without_memory)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "one_critical_failing");
    test_faults_arm();
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    if (!test_survived(
            po_report_render_template(cx, catalog, &view, PO_LIT("t"),
                                      PO_LIT("{{list gaps security}}\n{{fig summary.sentence}}\n"
                                             "{{opt health.skipped \"%s\"}}\n"),
                                      &out)))
        return;
    test_faults_off();
    check_that(out.len > 100);
}
