/*
 * Private to report/: what figures, macros and layouts compute from.
 */
#ifndef PO_REPORT_REPORT_PRIV_H
#define PO_REPORT_REPORT_PRIV_H

#include "report/report.h"

/* Everything a body needs, computed once from catalog and view. */
struct po_model {
    const struct po_catalog *catalog;
    const struct po_view *view;
    enum po_report_kind kind;
    const struct po_control_result *controls;
    const struct po_clause_result *clauses;
    struct po_scores scores;
    struct po_tag_score data_score;
    const struct po_plan_item *plan;
    size_t plan_count;
    po_id_list critical_path;
    struct po_readiness readiness;
    po_str report_id;
    struct po_scores previous; /* with view->previous.is_known */
    const struct po_control_result *previous_controls;
    int64_t window_days;
};
PO_RC po_model_make(struct po_ctx *cx, const struct po_catalog *catalog, const struct po_view *view,
                    enum po_report_kind kind, struct po_model *ret);

/* State of one health check at the as-of time: stale and missing are untested. */
struct po_health_row {
    const struct po_health_def *def;
    enum po_view_health_state state;
    po_str reason;
    po_time_us age_us; /* < 0: never */
    uint64_t leaf;
};
struct po_health_row po_model_health(const struct po_model *model, size_t check);
struct po_health_totals {
    int64_t passed;
    int64_t failed; /* fail and error */
    int64_t skipped;
    int64_t untested;
    int64_t total; /* from the catalog */
};
struct po_health_totals po_model_health_totals(const struct po_model *model);

/* How a seed row stands, from its controls (docs/spec/report.md 3). */
enum po_row_grade {
    PO_ROW_PASS,
    PO_ROW_WAIVED,  /* all pass or waived */
    PO_ROW_PARTIAL, /* none fails, a control passes, not all */
    PO_ROW_STALE,   /* none fails or passes; something stale or in error */
    PO_ROW_UNTESTED,
    PO_ROW_FAIL,
    PO_ROW_NA /* no control in scope */
};
struct po_row {
    enum po_row_grade grade;
    int64_t passing; /* controls */
    int64_t in_scope;
    bool has_critical_fail;
    bool has_some; /* a control, a clause or a part of a population passes */
};
struct po_row po_row_of_controls(const struct po_model *model, po_id_list controls);
/* Worse of two grades: what a section shows. */
enum po_row_grade po_row_worse(enum po_row_grade a, enum po_row_grade b);
const char *po_row_mark(enum po_row_grade grade);
const char *po_row_light(const struct po_row *row);
const char *po_row_word(const struct po_row *row);
const char *po_row_impl(const struct po_row *row);
/* "(CFG-01 fail, leaf 17, 2 of 4 clauses pass; CRY-01 untested)" */
void po_row_refs(const struct po_model *model, po_id_list controls, struct po_buf *out);
/* "40 % (2/5)"; of the rows of its section when it heads a roadmap phase. */
void po_row_pct(const struct po_model *model, const struct po_requirement *row, struct po_buf *out);

enum po_list_kind { PO_LIST_MET, PO_LIST_GAPS, PO_LIST_ALL };
PO_RC po_row_list(struct po_ctx *cx, const struct po_model *model, enum po_list_kind kind,
                  size_t category, struct po_buf *out);
bool po_row_list_has_met(const struct po_model *model, size_t category);

const struct po_category_score *po_model_category(const struct po_model *model, size_t category);
bool po_met_is_met(enum po_met status);
const char *po_met_light(enum po_met status);

/* PO_NOTFOUND for an unknown name. */
PO_RC po_figure_render(struct po_ctx *cx, const struct po_model *model, po_str name,
                       struct po_buf *out);
const struct po_view_register *po_model_register(const struct po_model *model, po_str name);

/* Sentences of figure_text.c. */
PO_RC po_text_status_line(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);
PO_RC po_text_conclusion(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);
PO_RC po_text_summary(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);
PO_RC po_text_next_steps(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);
PO_RC po_text_recommendation(struct po_ctx *cx, const struct po_model *model, size_t number,
                             struct po_buf *out);
PO_RC po_text_critical_path(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);
PO_RC po_text_forecast(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);

/* Text from outside the program, made safe for a Markdown table cell: one line, bounded, `|<>`
 * and backticks escaped. */
void po_report_append_text(struct po_buf *out, po_str text);
/* "3 min", "2 h", "5 d" */
void po_report_append_age(struct po_buf *out, po_time_us age_us);

PO_RC po_template_render(struct po_ctx *cx, const struct po_model *model, po_str name, po_str text,
                         struct po_buf *out);
PO_RC po_layout_health(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);
PO_RC po_layout_nightly(struct po_ctx *cx, const struct po_model *model, struct po_buf *out);

#endif
