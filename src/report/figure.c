/*
 * The registry of figures: every name a template may print, the query behind it, its function.
 *
 * Invariant: a figure that the evidence does not decide prints `untested`, `n/a` or `not set`.
 */
#include "report_priv.h"

#include "core/codec.h"

#define SECURITY_TARGET 95
#define AVAILABILITY_TARGET_MILLI 99900 /* thousandths of a percent */
#define DATA_TARGET 95
#define COVERAGE_TARGET 100
#define RECOVERY_TARGET_MS 60000
#define SHORT_HEX 12
#define MS_PER_TENTH 100
#define UNTESTED PO_LIT("untested")
#define NOT_APPLICABLE PO_LIT("n/a")
#define COVERAGE_CLAUSE PO_LIT("AUD-02.1")

typedef PO_RC figure_fn(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out);

/* -- report, build, ledger ----------------------------------------------------------------------- */

static PO_RC report_date(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    char text[PO_TIME_RFC3339_BYTES];
    po_time_format_s(m->view->as_of.time_us, text);
    po_buf_append(out, m->view->as_of.size == 0 ? NOT_APPLICABLE : po_str_of(text));
    return po_rc_ok();
}

static PO_RC report_id(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    po_buf_append(out, m->report_id);
    return po_rc_ok();
}

static PO_RC build_version(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    if (m->view->build.is_known)
        po_report_append_text(out, m->view->build.version);
    else
        po_buf_append(out, UNTESTED);
    return po_rc_ok();
}

static PO_RC build_digest(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    if (m->view->build.is_known && m->view->build.digest.len >= SHORT_HEX)
        po_report_append_text(out, po_str_slice(m->view->build.digest, 0, SHORT_HEX));
    else
        po_buf_append(out, UNTESTED);
    return po_rc_ok();
}

static PO_RC ledger_size(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    po_buf_append_u64(out, m->view->as_of.size);
    return po_rc_ok();
}

static PO_RC ledger_root(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    if (m->view->as_of.size == 0)
        po_buf_append(out, NOT_APPLICABLE);
    else
        po_hex_append(out, m->view->as_of.root, (size_t)arg);
    return po_rc_ok();
}

/* -- health -------------------------------------------------------------------------------------- */

enum health_arg { HEALTH_PASSED, HEALTH_TOTAL, HEALTH_PERCENT, HEALTH_SKIPPED, HEALTH_UNTESTED };

static PO_RC health(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    struct po_health_totals t = po_model_health_totals(m);
    const int64_t values[] = {[HEALTH_PASSED] = t.passed,
                              [HEALTH_TOTAL] = t.total,
                              [HEALTH_PERCENT] = 100 * t.passed / t.total,
                              [HEALTH_SKIPPED] = t.skipped,
                              [HEALTH_UNTESTED] = t.untested};
    po_buf_append_i64(out, values[arg]);
    return po_rc_ok();
}

/* -- the five metrics ---------------------------------------------------------------------------- */

enum metric_arg { METRIC_VALUE, METRIC_TARGET, METRIC_GAP };

static void append_gap(struct po_buf *out, int64_t gap)
{
    po_buf_printf(out, "%ld points", (long)(gap > 0 ? gap : 0));
}

static PO_RC metric_security(struct po_ctx *cx, const struct po_model *m, int arg,
                             struct po_buf *out)
{
    (void)cx;
    const struct po_category *category = po_catalog_category(m->catalog, PO_LIT("security"));
    const struct po_category_score *score =
        category == NULL ? NULL : po_model_category(m, (size_t)(category - m->catalog->categories));
    if (arg == METRIC_TARGET)
        po_buf_printf(out, "%d %%", SECURITY_TARGET);
    else if (score == NULL || score->status == PO_MET_OUT_OF_SCOPE)
        po_buf_append(out, NOT_APPLICABLE);
    else if (arg == METRIC_VALUE)
        po_buf_printf(out, "%ld %% (%s)", (long)score->score, po_met_name(score->status));
    else
        append_gap(out, SECURITY_TARGET - score->score);
    return po_rc_ok();
}

static void append_milli(struct po_buf *out, int64_t milli)
{
    po_buf_printf(out, "%ld.%03ld %%", (long)(milli / 1000), (long)(milli % 1000));
}

static PO_RC metric_availability(struct po_ctx *cx, const struct po_model *m, int arg,
                                 struct po_buf *out)
{
    (void)cx;
    const struct po_view_uptime *uptime = &m->view->uptime;
    bool is_known = uptime->is_known && uptime->all_minutes > 0;
    int64_t milli = is_known ? 100000 * uptime->good_minutes / uptime->all_minutes : 0;
    if (arg == METRIC_TARGET)
        append_milli(out, AVAILABILITY_TARGET_MILLI);
    else if (!is_known)
        po_buf_append(out, arg == METRIC_VALUE ? UNTESTED : NOT_APPLICABLE);
    else if (arg == METRIC_VALUE)
        append_milli(out, milli);
    else
        append_milli(out,
                     milli < AVAILABILITY_TARGET_MILLI ? AVAILABILITY_TARGET_MILLI - milli : 0);
    return po_rc_ok();
}

static PO_RC metric_data(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    const struct po_tag_score *score = &m->data_score;
    if (arg == METRIC_TARGET)
        po_buf_printf(out, "%d %%", DATA_TARGET);
    else if (score->in_scope == 0)
        po_buf_append(out, NOT_APPLICABLE);
    else if (arg == METRIC_VALUE)
        po_buf_printf(out, "%ld %% (%ld of %ld controls pass)", (long)score->score,
                      (long)score->passing, (long)score->in_scope);
    else
        append_gap(out, DATA_TARGET - score->score);
    return po_rc_ok();
}

/* Obligations that produced their event in the last fresh run. */
static PO_RC metric_coverage(struct po_ctx *cx, const struct po_model *m, int arg,
                             struct po_buf *out)
{
    (void)cx;
    const struct po_clause *clause = po_catalog_clause(m->catalog, COVERAGE_CLAUSE);
    size_t at = clause == NULL ? 0 : po_clause_position(m->catalog, clause);
    enum po_clause_state state = clause == NULL ? PO_CLAUSE_UNTESTED : m->clauses[at].state;
    if (arg == METRIC_TARGET) {
        po_buf_printf(out, "%d %%", COVERAGE_TARGET);
        return po_rc_ok();
    }
    if (state != PO_CLAUSE_PASS && state != PO_CLAUSE_FAIL) {
        po_buf_append(out, arg == METRIC_VALUE ? po_str_of(po_clause_state_name(state))
                                               : NOT_APPLICABLE);
        return po_rc_ok();
    }
    const struct po_run *run = &m->view->states.runs[at].run;
    int64_t percent = 100 * run->passing / run->total;
    if (arg == METRIC_VALUE)
        po_buf_printf(out, "%ld %% (%ld of %ld obligations)", (long)percent, (long)run->passing,
                      (long)run->total);
    else
        append_gap(out, COVERAGE_TARGET - percent);
    return po_rc_ok();
}

/* Seconds with one decimal, rounded up: a recovery is never shown shorter than it was. */
static void append_seconds(struct po_buf *out, int64_t ms)
{
    int64_t tenths = (ms + MS_PER_TENTH - 1) / MS_PER_TENTH;
    po_buf_printf(out, "%ld.%ld s", (long)(tenths / 10), (long)(tenths % 10));
}

static PO_RC metric_recovery(struct po_ctx *cx, const struct po_model *m, int arg,
                             struct po_buf *out)
{
    (void)cx;
    const struct po_view_recovery *recovery = &m->view->recovery;
    bool is_known = recovery->is_known && recovery->samples > 0;
    if (arg == METRIC_TARGET) {
        po_buf_printf(out, "< %d s", RECOVERY_TARGET_MS / 1000);
    } else if (!is_known) {
        po_buf_append(out, arg == METRIC_VALUE ? UNTESTED : NOT_APPLICABLE);
    } else if (arg == METRIC_GAP) {
        append_seconds(out, recovery->worst_ms > RECOVERY_TARGET_MS
                                ? recovery->worst_ms - RECOVERY_TARGET_MS
                                : 0);
    } else {
        append_seconds(out, recovery->worst_ms);
        po_buf_append(out, PO_LIT(" (p50 "));
        append_seconds(out, recovery->p50_ms);
        po_buf_append(out, PO_LIT(", p95 "));
        append_seconds(out, recovery->p95_ms);
        po_buf_printf(out, ", %ld measured)", (long)recovery->samples);
    }
    return po_rc_ok();
}

/* -- categories and criteria ----------------------------------------------------------------------- */

enum tsc_arg { TSC_ICON, TSC_STATUS, TSC_MET, TSC_IN_SCOPE, TSC_CRITERIA_MET, TSC_CRITERIA };

static PO_RC tsc(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    switch ((enum tsc_arg)arg) {
    case TSC_ICON: po_buf_append_cstr(out, m->readiness.is_ready ? "✅" : "❌"); break;
    case TSC_STATUS: po_buf_append_cstr(out, m->readiness.word); break;
    case TSC_MET: po_buf_append_i64(out, m->scores.categories_met); break;
    case TSC_IN_SCOPE: po_buf_append_i64(out, m->scores.categories_in_scope); break;
    case TSC_CRITERIA_MET: po_buf_append_i64(out, m->scores.criteria_met); break;
    case TSC_CRITERIA: po_buf_append_i64(out, m->scores.criteria_in_scope); break;
    }
    return po_rc_ok();
}

/* Slugs of the five categories of the criteria; the order is that of the arguments below. */
static const char *const category_slugs[] = {"security", "availability", "processing_integrity",
                                             "confidentiality", "privacy"};
enum category_arg { CATEGORY_STATUS, CATEGORY_SCORE, CATEGORY_MET, CATEGORY_OF, CATEGORY_ARGS };

static PO_RC category(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    const char *slug = category_slugs[arg / CATEGORY_ARGS];
    const struct po_category *found = po_catalog_category(m->catalog, po_str_of(slug));
    if (found == NULL) return PO_FAIL(cx, PO_INVALID, "the criteria have no category '%s'", slug);
    const struct po_category_score *score =
        po_model_category(m, (size_t)(found - m->catalog->categories));
    switch ((enum category_arg)(arg % CATEGORY_ARGS)) {
    case CATEGORY_STATUS: po_buf_append_cstr(out, po_met_name(score->status)); break;
    case CATEGORY_SCORE: po_buf_append_i64(out, score->score); break;
    case CATEGORY_MET: po_buf_append_i64(out, score->met); break;
    case CATEGORY_OF:
    case CATEGORY_ARGS: po_buf_append_i64(out, score->of); break;
    }
    return po_rc_ok();
}

/* -- the rest -------------------------------------------------------------------------------------- */

static PO_RC panic_sites(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    const struct po_view_build *build = &m->view->build;
    if (build->is_known && build->manifest_matches && build->abort_sites >= 0)
        po_buf_append_i64(out, build->abort_sites);
    else
        po_buf_append(out, UNTESTED);
    return po_rc_ok();
}

static PO_RC panic_crashes(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    if (m->view->crashes.is_known)
        po_buf_append_i64(out, m->view->crashes.value);
    else
        po_buf_append(out, UNTESTED);
    return po_rc_ok();
}

static PO_RC window_days(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    (void)cx;
    (void)arg;
    po_buf_append_i64(out, m->window_days);
    return po_rc_ok();
}

static PO_RC programme_target(struct po_ctx *cx, const struct po_model *m, int arg,
                              struct po_buf *out)
{
    (void)cx;
    (void)arg;
    const struct po_view_register *target = po_model_register(m, PO_LIT("programme.target"));
    if (target == NULL) {
        po_buf_append(out, PO_LIT("not set"));
        return po_rc_ok();
    }
    char date[PO_TIME_DATE_BYTES];
    po_time_format_date(target->set_us, date);
    po_report_append_text(out, target->value);
    po_buf_printf(out, " (operator estimate of %s)", date);
    return po_rc_ok();
}

enum text_arg { TEXT_STATUS, TEXT_CONCLUSION, TEXT_SUMMARY, TEXT_STEPS, TEXT_PATH, TEXT_FORECAST };

static PO_RC text(struct po_ctx *cx, const struct po_model *m, int arg, struct po_buf *out)
{
    switch ((enum text_arg)arg) {
    case TEXT_STATUS: return po_text_status_line(cx, m, out);
    case TEXT_CONCLUSION: return po_text_conclusion(cx, m, out);
    case TEXT_SUMMARY: return po_text_summary(cx, m, out);
    case TEXT_STEPS: return po_text_next_steps(cx, m, out);
    case TEXT_PATH: return po_text_critical_path(cx, m, out);
    case TEXT_FORECAST: break;
    }
    return po_text_forecast(cx, m, out);
}

static PO_RC recommendation(struct po_ctx *cx, const struct po_model *m, int arg,
                            struct po_buf *out)
{
    return po_text_recommendation(cx, m, (size_t)arg, out);
}

struct figure_row {
    struct po_figure figure;
    figure_fn *fn;
    int arg;
};

#define METRIC(NAME, FN, QUERY)                                                                    \
    {{"metric." NAME ".value", QUERY}, FN, METRIC_VALUE},                                          \
        {{"metric." NAME ".target", "target of " QUERY}, FN, METRIC_TARGET},                       \
    {                                                                                              \
        {"metric." NAME ".gap", "distance to the target of " QUERY}, FN, METRIC_GAP                \
    }
#define CATEGORY(NAME, I)                                                                          \
    {{"category." NAME ".status", "q_category(" NAME "): state of its criteria"},                  \
     category,                                                                                     \
     (I)*CATEGORY_ARGS + CATEGORY_STATUS},                                                         \
        {{"category." NAME ".score", "q_category(" NAME "): floor of the mean of its criteria"},   \
         category,                                                                                 \
         (I)*CATEGORY_ARGS + CATEGORY_SCORE},                                                      \
        {{"category." NAME ".met", "q_category(" NAME "): criteria met"},                          \
         category,                                                                                 \
         (I)*CATEGORY_ARGS + CATEGORY_MET},                                                        \
    {                                                                                              \
        {"category." NAME ".of", "q_category(" NAME "): criteria in scope"}, category,             \
            (I)*CATEGORY_ARGS + CATEGORY_OF                                                        \
    }

static const struct figure_row table[] = {
    {{"report.date", "q_checkpoint(as_of): receive time of the as-of leaf"}, report_date, 0},
    {{"report.id", "date, kind and ledger size of this report"}, report_id, 0},
    {{"build.version", "q_build: version of the program that judged"}, build_version, 0},
    {{"build.digest12", "q_build: SHA-256 of that program, first 12 digits"}, build_digest, 0},
    {{"ledger.size", "q_checkpoint(as_of): leaves"}, ledger_size, 0},
    {{"ledger.root",
      "q_checkpoint(as_of): tree root; an earlier report contradicts a rewritten ledger"},
     ledger_root,
     PO_SHA256_BYTES},
    {{"ledger.root12", "q_checkpoint(as_of): tree root, first 12 digits"},
     ledger_root,
     SHORT_HEX / 2},
    {{"readiness.status_line", "q_readiness(Type I): word and criteria met"}, text, TEXT_STATUS},
    {{"readiness.conclusion_sentence", "q_readiness(Type I): word, reason, counts of controls"},
     text,
     TEXT_CONCLUSION},
    {{"summary.sentence", "q_summary: word and the first three open controls"}, text, TEXT_SUMMARY},
    {{"health.passed", "q_health_latest: checks that passed in time"}, health, HEALTH_PASSED},
    {{"health.total", "q_health_latest: checks of the catalog"}, health, HEALTH_TOTAL},
    {{"health.percent", "q_health_latest: floor(100 x passed / total)"}, health, HEALTH_PERCENT},
    {{"health.skipped", "q_health_latest: checks switched off"}, health, HEALTH_SKIPPED},
    {{"health.untested", "q_health_latest: checks without a result in time"},
     health,
     HEALTH_UNTESTED},
    METRIC("security", metric_security, "q_score('Security')"),
    METRIC("availability", metric_availability, "q_uptime(window)"),
    METRIC("data_protection", metric_data, "q_score_tag('data')"),
    METRIC("audit_coverage", metric_coverage, "q_audit_obligations: newest run of AUD-02.1"),
    METRIC("recovery_time", metric_recovery, "q_recovery(window)"),
    {{"tsc.icon", "q_readiness(Type I)"}, tsc, TSC_ICON},
    {{"tsc.status", "q_readiness(Type I)"}, tsc, TSC_STATUS},
    {{"tsc.met", "q_categories: categories met"}, tsc, TSC_MET},
    {{"tsc.in_scope", "q_categories: categories in scope"}, tsc, TSC_IN_SCOPE},
    {{"criteria.met", "q_categories: criteria met"}, tsc, TSC_CRITERIA_MET},
    {{"criteria.in_scope", "q_categories: criteria in scope"}, tsc, TSC_CRITERIA},
    CATEGORY("security", 0),
    CATEGORY("availability", 1),
    CATEGORY("processing_integrity", 2),
    CATEGORY("confidentiality", 3),
    CATEGORY("privacy", 4),
    {{"panic.sites", "q_panic: abort sites in the build manifest that names this program"},
     panic_sites,
     0},
    {{"panic.crashes", "q_panic: process.crashed events in the window"}, panic_crashes, 0},
    {{"window.days", "length of the window in days"}, window_days, 0},
    {{"programme.target", "q_register('programme.target')"}, programme_target, 0},
    {{"programme.forecast", "q_programme: open controls at the pace of the last 56 days"},
     text,
     TEXT_FORECAST},
    {{"plan.next_steps_sentence", "q_plan: the first three open controls"}, text, TEXT_STEPS},
    {{"plan.recommendation.1", "q_plan: open controls in working order"}, recommendation, 1},
    {{"plan.recommendation.2", "q_plan: open controls in working order"}, recommendation, 2},
    {{"plan.recommendation.3", "q_plan: open controls in working order"}, recommendation, 3},
    {{"plan.recommendation.4", "q_plan: open controls in working order"}, recommendation, 4},
    {{"plan.recommendation.5", "q_plan: open controls in working order"}, recommendation, 5},
    {{"plan.critical_path", "q_critical_path: longest chain of open controls"}, text, TEXT_PATH},
};

size_t po_figure_count(void) { return sizeof table / sizeof table[0]; }

const struct po_figure *po_figure_at(size_t i) { return &table[i].figure; }

PO_RC po_figure_render(struct po_ctx *cx, const struct po_model *model, po_str name,
                       struct po_buf *out)
{
    for (size_t i = 0; i < po_figure_count(); i++) {
        if (po_str_eq_cstr(name, table[i].figure.name))
            return table[i].fn(cx, model, table[i].arg, out);
    }
    return PO_FAIL(cx, PO_NOTFOUND, "unknown figure '%.*s'", PO_STR_ARG(name));
}

PO_RC po_figure_text(struct po_ctx *cx, const struct po_catalog *catalog,
                     const struct po_view *view, po_str name, struct po_buf *out)
{
    struct po_model model;
    PO_TRY(cx, po_model_make(cx, catalog, view, PO_REPORT_READINESS, &model));
    PO_TRY(cx, po_figure_render(cx, &model, name, out));
    PO_TRY_LEAF(cx, po_buf_check(out), "writing a figure");
    return po_rc_ok();
}
