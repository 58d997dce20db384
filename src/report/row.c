/*
 * Rows of the two source texts: how their controls stand, and how that is printed.
 */
#include "report_priv.h"

#define ROADMAP_SECTION PO_LIT("Roadmap phase ")

static bool has_some(const struct po_control_result *result)
{
    return result->state == PO_CONTROL_PASS || result->state == PO_CONTROL_WAIVED ||
           result->clauses_passing > 0 || result->passing > 0;
}

struct po_row po_row_of_controls(const struct po_model *model, po_id_list controls)
{
    struct po_row row = {.grade = PO_ROW_UNTESTED};
    int64_t waived = 0;
    bool has_fail = false;
    bool has_stale = false;
    for (size_t i = 0; i < controls.count; i++) {
        const struct po_control_result *result = &model->controls[controls.at[i]];
        if (result->state == PO_CONTROL_NA) continue;
        row.in_scope++;
        if (result->state == PO_CONTROL_PASS) row.passing++;
        if (result->state == PO_CONTROL_WAIVED) waived++;
        if (result->state == PO_CONTROL_STALE || result->state == PO_CONTROL_ERROR)
            has_stale = true;
        if (has_some(result)) row.has_some = true;
        if (result->state != PO_CONTROL_FAIL) continue;
        has_fail = true;
        if (model->catalog->controls[controls.at[i]].severity == PO_SEVERITY_CRITICAL)
            row.has_critical_fail = true;
    }
    if (row.in_scope == 0)
        row.grade = PO_ROW_NA;
    else if (has_fail)
        row.grade = PO_ROW_FAIL;
    else if (row.passing == row.in_scope)
        row.grade = PO_ROW_PASS;
    else if (row.passing + waived == row.in_scope)
        row.grade = PO_ROW_WAIVED;
    else if (row.passing + waived > 0)
        row.grade = PO_ROW_PARTIAL;
    else if (has_stale)
        row.grade = PO_ROW_STALE;
    return row;
}

enum po_row_grade po_row_worse(enum po_row_grade a, enum po_row_grade b)
{
    static const int rank[] = {
        [PO_ROW_NA] = 0,    [PO_ROW_PASS] = 1,     [PO_ROW_WAIVED] = 2, [PO_ROW_PARTIAL] = 3,
        [PO_ROW_STALE] = 4, [PO_ROW_UNTESTED] = 5, [PO_ROW_FAIL] = 6};
    return rank[a] >= rank[b] ? a : b;
}

const char *po_row_mark(enum po_row_grade grade)
{
    switch (grade) {
    case PO_ROW_PASS: return "✅";
    case PO_ROW_WAIVED:
    case PO_ROW_PARTIAL: return "⚠️";
    case PO_ROW_STALE:
    case PO_ROW_UNTESTED: return "⏳";
    case PO_ROW_FAIL: return "❌";
    case PO_ROW_NA: break;
    }
    return "➖";
}

const char *po_row_word(const struct po_row *row)
{
    switch (row->grade) {
    case PO_ROW_PASS: return "Implemented";
    case PO_ROW_WAIVED: return "Partial (waived)";
    case PO_ROW_PARTIAL: return "Partial";
    case PO_ROW_STALE: return "Stale";
    case PO_ROW_UNTESTED: return "Untested";
    case PO_ROW_FAIL: break;
    case PO_ROW_NA: return "Out of scope";
    }
    if (row->has_critical_fail) return "Critical Gap";
    return row->has_some ? "Partial" : "Missing";
}

const char *po_row_light(const struct po_row *row)
{
    switch (row->grade) {
    case PO_ROW_PASS: return "🟢";
    case PO_ROW_WAIVED:
    case PO_ROW_PARTIAL: return "🟡";
    case PO_ROW_STALE:
    case PO_ROW_UNTESTED:
    case PO_ROW_NA: return "⚪";
    case PO_ROW_FAIL: break;
    }
    return row->has_some && !row->has_critical_fail ? "🟡" : "🔴";
}

const char *po_row_impl(const struct po_row *row)
{
    switch (row->grade) {
    case PO_ROW_PASS: return "✓";
    case PO_ROW_WAIVED:
    case PO_ROW_PARTIAL: return "⚠️";
    case PO_ROW_STALE:
    case PO_ROW_UNTESTED: return "⏳";
    case PO_ROW_NA: return "–";
    case PO_ROW_FAIL: break;
    }
    return row->has_some && !row->has_critical_fail ? "⚠️" : "✗";
}

/* "CFG-01 untested, leaf 17, 2 of 4 clauses pass" */
static void append_ref(const struct po_model *model, size_t control, struct po_buf *out)
{
    const struct po_control_result *result = &model->controls[control];
    const struct po_control *c = &model->catalog->controls[control];
    po_buf_append(out, c->id);
    po_buf_append_char(out, ' ');
    po_buf_append_cstr(out, po_control_state_name(result->state));
    if (result->leaf != PO_LEAF_NONE) {
        po_buf_append(out, PO_LIT(", leaf "));
        po_buf_append_u64(out, result->leaf);
    }
    if (result->clauses_passing > 0 && result->clauses_passing < c->clause_count)
        po_buf_printf(out, ", %zu of %u clauses pass", result->clauses_passing,
                      (unsigned)c->clause_count);
}

void po_row_refs(const struct po_model *model, po_id_list controls, struct po_buf *out)
{
    po_buf_append_char(out, '(');
    for (size_t i = 0; i < controls.count; i++) {
        if (i > 0) po_buf_append(out, PO_LIT("; "));
        append_ref(model, controls.at[i], out);
    }
    po_buf_append_char(out, ')');
}

/* Closed controls among those of the rows in `section`, each control once. */
static void count_section(const struct po_model *model, const struct po_requirement *head,
                          int64_t *closed, int64_t *in_scope)
{
    const struct po_catalog *catalog = model->catalog;
    bool seen[PO_CONTROLS_MAX] = {false};
    for (size_t r = 0; r < catalog->requirement_count; r++) {
        const struct po_requirement *row = &catalog->requirements[r];
        if (row == head || !po_str_eq(row->section, head->section)) continue;
        for (size_t i = 0; i < row->controls.count; i++) {
            size_t control = row->controls.at[i];
            if (seen[control] || model->controls[control].state == PO_CONTROL_NA) continue;
            seen[control] = true;
            (*in_scope)++;
            if (model->controls[control].state == PO_CONTROL_PASS) (*closed)++;
        }
    }
}

void po_row_pct(const struct po_model *model, const struct po_requirement *row, struct po_buf *out)
{
    struct po_row state = po_row_of_controls(model, row->controls);
    int64_t closed = state.passing;
    int64_t in_scope = state.in_scope;
    if (po_str_starts(row->section, ROADMAP_SECTION) && po_str_eq_cstr(row->kind, "report")) {
        closed = 0;
        in_scope = 0;
        count_section(model, row, &closed, &in_scope);
    }
    if (in_scope == 0) {
        po_buf_append(out, PO_LIT("n/a"));
        return;
    }
    po_buf_append_i64(out, 100 * closed / in_scope);
    po_buf_printf(out, " %% (%ld/%ld)", (long)closed, (long)in_scope);
}

/* -- lists ----------------------------------------------------------------------------------------- */

static bool is_met_row(const struct po_row *row)
{
    return row->grade == PO_ROW_PASS || row->grade == PO_ROW_WAIVED;
}

/* A text with figures in braces: "{panic.sites} reachable abort sites". */
static PO_RC append_expanded(struct po_ctx *cx, const struct po_model *model, po_str text,
                             struct po_buf *out)
{
    while (text.len > 0) {
        size_t open = po_str_find_char(text, '{', 0);
        size_t close = open == SIZE_MAX ? SIZE_MAX : po_str_find_char(text, '}', open);
        po_buf_append(out, po_str_slice(text, 0, open));
        if (close == SIZE_MAX) return po_rc_ok();
        PO_TRY(cx, po_figure_render(cx, model, po_str_slice(text, open + 1, close), out));
        text = po_str_slice(text, close + 1, text.len);
    }
    return po_rc_ok();
}

static PO_RC append_row(struct po_ctx *cx, const struct po_model *model,
                        const struct po_requirement *requirement, const struct po_row *row,
                        struct po_buf *out)
{
    po_buf_append(out, PO_LIT("- "));
    po_buf_append_cstr(out, po_row_mark(row->grade));
    po_buf_append_char(out, ' ');
    /* The negative sentence states a fact, so it needs a failing control; unknown is "not proven". */
    if (row->grade == PO_ROW_NA) po_buf_append(out, PO_LIT("Out of scope: "));
    if (!is_met_row(row) && row->grade != PO_ROW_NA && row->grade != PO_ROW_FAIL)
        po_buf_append(out, PO_LIT("Not proven: "));
    PO_TRY(cx, append_expanded(
                   cx, model,
                   row->grade == PO_ROW_FAIL ? requirement->text_gap : requirement->text_met, out));
    po_buf_append_char(out, ' ');
    po_row_refs(model, requirement->controls, out);
    po_buf_append_char(out, '\n');
    return po_rc_ok();
}

/* Whether a row of the category's list names the criterion. */
static bool is_named(const struct po_catalog *catalog, size_t category, size_t criterion)
{
    for (size_t r = 0; r < catalog->requirement_count; r++) {
        const struct po_requirement *row = &catalog->requirements[r];
        if (row->list != category) continue;
        for (size_t i = 0; i < row->criteria.count; i++) {
            if (row->criteria.at[i] == criterion) return true;
        }
    }
    return false;
}

/* Criteria not met that no row of the list names. */
static size_t append_criteria(const struct po_model *model, size_t category, struct po_buf *out)
{
    const struct po_category_score *score = po_model_category(model, category);
    size_t count = 0;
    for (size_t i = 0; i < score->criterion_count; i++) {
        const struct po_criterion_score *c = &score->criteria[i];
        const struct po_criterion *criterion = &model->catalog->criteria[c->criterion];
        if (po_met_is_met(c->status) || c->status == PO_MET_OUT_OF_SCOPE ||
            is_named(model->catalog, category, c->criterion))
            continue;
        struct po_row row = po_row_of_controls(model, criterion->primary);
        po_buf_append(out, PO_LIT("- "));
        po_buf_append_cstr(out, po_row_mark(row.grade));
        po_buf_append_char(out, ' ');
        po_buf_append(out, criterion->id);
        po_buf_printf(out, " %s, %ld/100 ", po_met_name(c->status), (long)c->score);
        po_row_refs(model, criterion->primary, out);
        po_buf_append_char(out, '\n');
        count++;
    }
    return count;
}

bool po_row_list_has_met(const struct po_model *model, size_t category)
{
    for (size_t r = 0; r < model->catalog->requirement_count; r++) {
        const struct po_requirement *requirement = &model->catalog->requirements[r];
        if (requirement->list != category) continue;
        struct po_row row = po_row_of_controls(model, requirement->controls);
        if (is_met_row(&row)) return true;
    }
    return false;
}

PO_RC po_row_list(struct po_ctx *cx, const struct po_model *model, enum po_list_kind kind,
                  size_t category, struct po_buf *out)
{
    size_t count = 0;
    for (size_t r = 0; r < model->catalog->requirement_count; r++) {
        const struct po_requirement *requirement = &model->catalog->requirements[r];
        if (requirement->list != category) continue;
        struct po_row row = po_row_of_controls(model, requirement->controls);
        bool belongs = kind == PO_LIST_ALL || is_met_row(&row) == (kind == PO_LIST_MET);
        if (!belongs) continue;
        PO_TRY(cx, append_row(cx, model, requirement, &row, out));
        count++;
    }
    if (kind != PO_LIST_MET) count += append_criteria(model, category, out);
    if (count == 0) po_buf_append(out, PO_LIT("- none\n"));
    /* The macro stands on a line of its own: its last newline is the line's. */
    po_buf_truncate(out, out->len - 1);
    return po_rc_ok();
}
