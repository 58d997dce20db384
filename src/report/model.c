/*
 * The model: all states, scores and orders a body needs, computed once from catalog and view.
 */
#include "report_priv.h"

bool po_met_is_met(enum po_met status)
{
    return status == PO_MET || status == PO_MET_WITH_EXCEPTION;
}

const char *po_met_light(enum po_met status)
{
    switch (status) {
    case PO_MET: return "🟢";
    case PO_MET_WITH_EXCEPTION:
    case PO_MET_PARTIAL: return "🟡";
    case PO_MET_NOT: return "🔴";
    case PO_MET_OUT_OF_SCOPE: break;
    }
    return "⚪";
}

const struct po_category_score *po_model_category(const struct po_model *model, size_t category)
{
    return &model->scores.categories[category];
}

const struct po_view_register *po_model_register(const struct po_model *model, po_str name)
{
    for (size_t i = 0; i < model->view->register_count; i++) {
        const struct po_view_register *r = &model->view->registers[i];
        if (po_str_eq(r->name, name)) return r;
    }
    return NULL;
}

struct po_health_row po_model_health(const struct po_model *model, size_t check)
{
    const struct po_view *view = model->view;
    struct po_health_row row = {.def = &model->catalog->health[check],
                                .state = PO_VIEW_HEALTH_UNTESTED,
                                .reason = PO_LIT("never checked"),
                                .age_us = -1,
                                .leaf = PO_LEAF_NONE};
    for (size_t i = 0; i < view->health_count; i++) {
        const struct po_view_health *h = &view->health[i];
        if (!po_str_eq(h->id, row.def->id)) continue;
        row.age_us = view->as_of.time_us > h->checked_us ? view->as_of.time_us - h->checked_us : 0;
        row.leaf = h->leaf;
        row.reason = h->reason;
        row.state = h->state;
        if (row.age_us > PO_VIEW_HEALTH_TTL_US) {
            row.state = PO_VIEW_HEALTH_UNTESTED;
            row.reason = PO_LIT("the newest result is too old");
        }
        return row;
    }
    return row;
}

struct po_health_totals po_model_health_totals(const struct po_model *model)
{
    struct po_health_totals totals = {.total = (int64_t)model->catalog->health_count};
    for (size_t i = 0; i < model->catalog->health_count; i++) {
        switch (po_model_health(model, i).state) {
        case PO_VIEW_HEALTH_PASS: totals.passed++; break;
        case PO_VIEW_HEALTH_FAIL:
        case PO_VIEW_HEALTH_ERROR: totals.failed++; break;
        case PO_VIEW_HEALTH_SKIPPED: totals.skipped++; break;
        case PO_VIEW_HEALTH_UNTESTED: totals.untested++; break;
        }
    }
    return totals;
}

static size_t count_critical(const struct po_model *model, enum po_control_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < model->catalog->control_count; i++) {
        if (model->catalog->controls[i].severity == PO_SEVERITY_CRITICAL &&
            model->controls[i].state == state)
            n++;
    }
    return n;
}

/* docs/spec/scoring.md 4: the first condition that does not hold, or NULL. */
static const char *find_obstacle(struct po_ctx *cx, const struct po_model *model)
{
    const struct po_view *view = model->view;
    const struct po_scores *scores = &model->scores;
    if (view->as_of.size == 0) return "nothing is recorded yet";
    if (scores->criteria_in_scope == 0) return "no criterion is in scope";
    if (scores->criteria_met < scores->criteria_in_scope)
        return po_arena_printf(cx->arena, "%ld of %ld criteria are met", (long)scores->criteria_met,
                               (long)scores->criteria_in_scope);
    if (count_critical(model, PO_CONTROL_WAIVED) > 0) return "a critical control is waived";
    const struct po_control *description = po_catalog_control(model->catalog, PO_LIT("GOV-08"));
    if (description != NULL &&
        model->controls[po_control_position(model->catalog, description)].state != PO_CONTROL_PASS)
        return "the system description is not proven current";
    if (!view->findings_overdue.is_known) return "overdue findings are untested";
    if (view->findings_overdue.value > 0) return "a critical or high finding is overdue";
    if (!view->assertion.is_known || view->assertion.value == 0)
        return "management has signed no assertion";
    return "";
}

static PO_RC judge_readiness(struct po_ctx *cx, struct po_model *model)
{
    const char *why = find_obstacle(cx, model);
    if (why == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    model->readiness.why = po_str_of(why);
    model->readiness.is_ready = why[0] == '\0';
    model->readiness.word = model->readiness.is_ready ? "READY" : "NOT READY";
    return po_rc_ok();
}

static PO_RC compute_previous(struct po_ctx *cx, struct po_model *model)
{
    const struct po_view_previous *previous = &model->view->previous;
    if (!previous->is_known) return po_rc_ok();
    PO_TRY(cx, po_states_compute(cx, model->catalog, &previous->states, &model->previous_controls,
                                 NULL));
    PO_TRY(cx, po_scores_compute(cx, model->catalog, model->previous_controls, &model->previous));
    return po_rc_ok();
}

PO_RC po_model_make(struct po_ctx *cx, const struct po_catalog *catalog, const struct po_view *view,
                    enum po_report_kind kind, struct po_model *ret)
{
    if (view->health_count > PO_VIEW_HEALTH_MAX || view->register_count > PO_VIEW_REGISTER_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the evidence view lists too much");
    struct po_model model = {.catalog = catalog, .view = view, .kind = kind};
    model.window_days = view->window_days > 0 ? view->window_days : PO_VIEW_WINDOW_DAYS;
    PO_TRY(cx, po_states_compute(cx, catalog, &view->states, &model.controls, &model.clauses));
    PO_TRY(cx, po_scores_compute(cx, catalog, model.controls, &model.scores));
    model.data_score = po_scores_tag(catalog, model.controls, PO_LIT("data"));
    PO_TRY(cx, po_plan_compute(cx, catalog, model.controls, &model.plan, &model.plan_count));
    PO_TRY(cx, po_plan_critical_path(cx, catalog, model.controls, &model.critical_path));
    PO_TRY(cx, judge_readiness(cx, &model));
    PO_TRY(cx, compute_previous(cx, &model));
    PO_TRY(cx, po_report_id(cx, view, kind, &model.report_id));
    *ret = model;
    return po_rc_ok();
}

PO_RC po_report_readiness(struct po_ctx *cx, const struct po_catalog *catalog,
                          const struct po_view *view, struct po_readiness *ret_readiness)
{
    struct po_model model;
    PO_TRY(cx, po_model_make(cx, catalog, view, PO_REPORT_READINESS, &model));
    *ret_readiness = model.readiness;
    return po_rc_ok();
}
