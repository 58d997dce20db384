/*
 * The two reports with fixed layouts: System_Health_Report.md and Nightly_Update_Report_*.md, in
 * the sections and order of the original (docs/spec/report.md 5).
 */
#include "report_priv.h"

#include "core/codec.h"

#define PLAN_SHOWN 10
#define CHANGES_SHOWN 20

static const char *health_mark(enum po_view_health_state state)
{
    switch (state) {
    case PO_VIEW_HEALTH_PASS: return "✅ PASS";
    case PO_VIEW_HEALTH_FAIL: return "❌ FAIL";
    case PO_VIEW_HEALTH_SKIPPED: return "⚠️ SKIPPED";
    case PO_VIEW_HEALTH_ERROR: return "❌ ERROR";
    case PO_VIEW_HEALTH_UNTESTED: break;
    }
    return "⏳ UNTESTED";
}

static void append_known(struct po_buf *out, po_str text)
{
    if (text.len == 0)
        po_buf_append(out, PO_LIT("n/a"));
    else
        po_report_append_text(out, text);
}

static void append_time(struct po_buf *out, const struct po_model *m)
{
    char time[PO_TIME_RFC3339_BYTES];
    po_time_format_s(m->view->as_of.time_us, time);
    po_buf_append(out, m->view->as_of.size == 0 ? PO_LIT("n/a") : po_str_of(time));
}

static void append_position(struct po_buf *out, const struct po_model *m)
{
    po_buf_append(out, PO_LIT("ledger size "));
    po_buf_append_u64(out, m->view->as_of.size);
    po_buf_append(out, PO_LIT(", root `"));
    if (m->view->as_of.size == 0)
        po_buf_append(out, PO_LIT("n/a"));
    else
        po_hex_append(out, m->view->as_of.root, PO_SHA256_BYTES);
    po_buf_append(out, PO_LIT("` · reproduce: `paulyops report verify "));
    po_buf_append(out, m->report_id);
    po_buf_append(out, PO_LIT("`"));
}

static bool all_healthy(const struct po_model *m)
{
    struct po_health_totals totals = po_model_health_totals(m);
    return totals.passed == totals.total;
}

static void append_overall(struct po_buf *out, const struct po_model *m)
{
    po_buf_append_cstr(out, all_healthy(m) ? "**Overall:** ✅ PASS\n"
                                           : "**Overall:** ❌ ATTENTION NEEDED\n");
}

static void append_leaf(struct po_buf *out, uint64_t leaf)
{
    if (leaf == PO_LEAF_NONE)
        po_buf_append(out, PO_LIT("–"));
    else
        po_buf_append_u64(out, leaf);
}

/* -- System_Health_Report.md ------------------------------------------------------------------- */

static void append_health_header(const struct po_model *m, struct po_buf *out)
{
    po_buf_append(out, PO_LIT("# System Health Report\n\n**Generated:** "));
    append_time(out, m);
    po_buf_append(out, PO_LIT("  \n**Environment:** "));
    append_known(out, m->view->environment);
    po_buf_append(out, PO_LIT("  \n**Storage Provider:** "));
    append_known(out, m->view->storage_provider);
    po_buf_append(out, PO_LIT("  \n**Evidence as of:** "));
    append_position(out, m);
    po_buf_append(out, PO_LIT("\n\n"));
    append_overall(out, m);
}

static void append_health_summary(const struct po_model *m, struct po_buf *out)
{
    struct po_health_totals t = po_model_health_totals(m);
    po_buf_printf(out, "\n## Summary\n\n- ✅ **Successes:** %ld of %ld\n", (long)t.passed,
                  (long)t.total);
    po_buf_printf(out, "- ⚠️ **Warnings:** %ld (%ld skipped, %ld untested)\n",
                  (long)(t.skipped + t.untested), (long)t.skipped, (long)t.untested);
    po_buf_printf(out, "- ❌ **Issues:** %ld\n", (long)t.failed);
}

static void append_health_tables(const struct po_model *m, struct po_buf *out)
{
    po_buf_append(out,
                  PO_LIT("\n## System Status\n\n| Component | Status | Details |\n|---|---|---|"
                         "\n"));
    for (size_t i = 0; i < m->catalog->health_count; i++) {
        struct po_health_row row = po_model_health(m, i);
        po_buf_append(out, PO_LIT("| "));
        po_buf_append(out, row.def->component);
        po_buf_printf(out, " | %s | ", health_mark(row.state));
        po_report_append_text(out, row.reason.len > 0 ? row.reason : PO_LIT("–"));
        po_buf_append(out, PO_LIT(" |\n"));
    }
    po_buf_append(out,
                  PO_LIT("\n## Detailed Results\n\n| Check | Status | Measures | Passes when | "
                         "Age | Leaf |\n|---|---|---|---|---:|---:|\n"));
    for (size_t i = 0; i < m->catalog->health_count; i++) {
        struct po_health_row row = po_model_health(m, i);
        po_buf_append(out, PO_LIT("| "));
        po_buf_append(out, row.def->id);
        po_buf_append_char(out, ' ');
        po_buf_append(out, row.def->name);
        po_buf_printf(out, " | %s | ", health_mark(row.state));
        po_report_append_text(out, row.def->measures);
        po_buf_append(out, PO_LIT(" | "));
        po_report_append_text(out, row.def->pass);
        po_buf_append(out, PO_LIT(" | "));
        po_report_append_age(out, row.age_us);
        po_buf_append(out, PO_LIT(" | "));
        append_leaf(out, row.leaf);
        po_buf_append(out, PO_LIT(" |\n"));
    }
}

PO_RC po_layout_health(struct po_ctx *cx, const struct po_model *m, struct po_buf *out)
{
    append_health_header(m, out);
    append_health_summary(m, out);
    append_health_tables(m, out);
    po_buf_append(out, PO_LIT("\n## Recommendations\n\n"));
    size_t count = 0;
    for (size_t i = 0; i < m->catalog->health_count; i++) {
        struct po_health_row row = po_model_health(m, i);
        if (row.state == PO_VIEW_HEALTH_PASS) continue;
        po_buf_append(out, PO_LIT("- "));
        po_buf_append(out, row.def->id);
        po_buf_append_char(out, ' ');
        po_buf_append(out, row.def->component);
        po_buf_append_cstr(out, row.state == PO_VIEW_HEALTH_FAIL ? ": " : ": run the check; then ");
        po_report_append_text(out, row.def->repair);
        po_buf_append_char(out, '\n');
        count++;
    }
    if (count == 0) po_buf_append(out, PO_LIT("- none\n"));
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the health report");
    return po_rc_ok();
}

/* -- Nightly_Update_Report_YYYY-MM-DD.md ------------------------------------------------------- */

/* "- Latest: ✅ PASS — reason" for one health check. */
static void append_check(const struct po_model *m, const char *label, const char *id,
                         struct po_buf *out)
{
    const struct po_health_def *def = po_catalog_health(m->catalog, po_str_of(id));
    po_buf_printf(out, "- %s: ", label);
    if (def == NULL) {
        po_buf_append(out, PO_LIT("n/a\n"));
        return;
    }
    struct po_health_row row = po_model_health(m, (size_t)(def - m->catalog->health));
    po_buf_append_cstr(out, health_mark(row.state));
    if (row.reason.len > 0) {
        po_buf_append(out, PO_LIT(" — "));
        po_report_append_text(out, row.reason);
    }
    po_buf_printf(out, " (%s)\n", id);
}

static void append_nightly_checks(const struct po_model *m, struct po_buf *out)
{
    static const struct {
        const char *heading;
        const char *label;
        const char *id;
    } lines[] = {
        {"## Backups", "Latest", "HC-02"},
        {NULL, "Files", "HC-04"},
        {NULL, "Rotation", "HC-03"},
        {NULL, "Archive", "HC-05"},
        {NULL, "Uploads", "HC-08"},
        {"## Router", "Intake", "HC-01"},
        {NULL, "Routing", "HC-09"},
        {"## launchd (jobs)", "Jobs", "HC-07"},
        {NULL, "Nightly report", "HC-15"},
        {"## Git (last 24h)", "Work tree", "HC-10"},
        {NULL, "Remote", "HC-11"},
        {NULL, "History", "HC-12"},
        {"## Endpoints", "Service", "HC-13"},
        {NULL, "Index", "HC-14"},
        {NULL, "Logs", "HC-06"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].heading != NULL) po_buf_printf(out, "\n%s\n\n", lines[i].heading);
        append_check(m, lines[i].label, lines[i].id, out);
    }
}

/* Controls whose state changed since the previous position, then the first open ones. */
static void append_findings(const struct po_model *m, struct po_buf *out)
{
    po_buf_append(out, PO_LIT("\n## Findings\n\n"));
    size_t changes = 0;
    for (size_t i = 0; m->view->previous.is_known && i < m->catalog->control_count; i++) {
        enum po_control_state before = m->previous_controls[i].state;
        enum po_control_state now = m->controls[i].state;
        if (before == now) continue;
        if (++changes > CHANGES_SHOWN) continue;
        po_buf_append(out, PO_LIT("- "));
        po_buf_append(out, m->catalog->controls[i].id);
        po_buf_printf(out, ": %s, was %s\n", po_control_state_name(now),
                      po_control_state_name(before));
    }
    if (changes > CHANGES_SHOWN)
        po_buf_printf(out, "- and %zu more changed\n", changes - CHANGES_SHOWN);
    if (!m->view->previous.is_known)
        po_buf_append(out, PO_LIT("- changes since the last report: n/a\n"));
    else if (changes == 0)
        po_buf_append(out, PO_LIT("- no control changed since the last report\n"));
    size_t shown = m->plan_count < PLAN_SHOWN ? m->plan_count : PLAN_SHOWN;
    po_buf_printf(out, "- open controls: %zu, first in working order:\n", m->plan_count);
    for (size_t i = 0; i < shown; i++) {
        const struct po_control *control = &m->catalog->controls[m->plan[i].control];
        po_buf_append(out, PO_LIT("  - "));
        po_buf_append(out, control->id);
        po_buf_append_char(out, ' ');
        po_buf_append(out, control->title);
        po_buf_printf(out, ": %s\n", po_control_state_name(m->plan[i].state));
    }
}

static void append_scores(const struct po_model *m, struct po_buf *out)
{
    po_buf_append(out,
                  PO_LIT("\n## Scores\n\n| Category | Score | Status | Criteria met | Since last "
                         "report |\n|---|---:|---|---:|---:|\n"));
    for (size_t i = 0; i < m->scores.category_count; i++) {
        const struct po_category_score *score = &m->scores.categories[i];
        po_buf_append(out, PO_LIT("| "));
        po_buf_append(out, m->catalog->categories[i].name);
        po_buf_printf(out, " | %ld/100 | %s | %ld/%ld | ", (long)score->score,
                      po_met_name(score->status), (long)score->met, (long)score->of);
        if (m->view->previous.is_known) {
            long change = (long)(score->score - m->previous.categories[i].score);
            po_buf_printf(out, "%s%ld |\n", change > 0 ? "+" : "", change);
        } else {
            po_buf_append(out, PO_LIT("n/a |\n"));
        }
    }
    po_buf_printf(out, "\nReadiness (self-assessed): **%s**", m->readiness.word);
    if (!m->readiness.is_ready) {
        po_buf_append(out, PO_LIT(" — "));
        po_buf_append(out, m->readiness.why);
    }
    po_buf_append_char(out, '\n');
}

PO_RC po_layout_nightly(struct po_ctx *cx, const struct po_model *m, struct po_buf *out)
{
    char date[PO_TIME_DATE_BYTES];
    char time[PO_TIME_RFC3339_BYTES];
    po_time_format_date(m->view->as_of.time_us, date);
    po_time_format_s(m->view->as_of.time_us, time);
    po_buf_append(out, PO_LIT("# Nightly Update Report — "));
    po_buf_append_cstr(out, date);
    po_buf_printf(out, " %.8s UTC\n\n_Host: ", time + sizeof "2026-11-21T" - 1);
    append_known(out, m->view->instance);
    po_buf_append(out, PO_LIT("_\n"));
    append_nightly_checks(m, out);
    po_buf_append_char(out, '\n');
    append_overall(out, m);
    append_findings(m, out);
    append_scores(m, out);
    po_buf_append(out, PO_LIT("\n## Evidence\n\nEvidence as of: "));
    append_position(out, m);
    po_buf_append_char(out, '\n');
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the nightly report");
    return po_rc_ok();
}
