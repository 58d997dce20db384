/*
 * Sentences computed from states: status, conclusion, summary, plan.
 *
 * Wording (law 7): readiness is self-assessed; nothing here says certified or compliant.
 */
#include "report_priv.h"

#define BLOCKERS_SHOWN 3
#define PACE_WEEKS 8
#define DAYS_PER_WEEK 7
#define FORECAST_WEEKS_MAX 520

/* How many controls stand how, for sentences. */
static const struct {
    const char *text;
    enum po_control_state state;
} state_words[] = {{"pass", PO_CONTROL_PASS},         {"fail", PO_CONTROL_FAIL},
                   {"are waived", PO_CONTROL_WAIVED}, {"stale", PO_CONTROL_STALE},
                   {"in error", PO_CONTROL_ERROR},    {"untested", PO_CONTROL_UNTESTED},
                   {"out of scope", PO_CONTROL_NA},   {NULL, PO_CONTROL_NA}};

static int64_t count_state(const struct po_model *model, enum po_control_state state)
{
    int64_t n = 0;
    for (size_t i = 0; i < model->catalog->control_count; i++) {
        if (model->controls[i].state == state) n++;
    }
    return n;
}

static int64_t count_critical_open(const struct po_model *model)
{
    int64_t n = 0;
    for (size_t i = 0; i < model->plan_count; i++) {
        const struct po_control *control = &model->catalog->controls[model->plan[i].control];
        if (control->severity == PO_SEVERITY_CRITICAL) n++;
    }
    return n;
}

PO_RC po_text_status_line(struct po_ctx *cx, const struct po_model *model, struct po_buf *out)
{
    (void)cx;
    po_buf_append_cstr(out, model->readiness.is_ready ? "✅ " : "❌ ");
    po_buf_printf(out,
                  "%s for a SOC 2 Type I audit: %ld of %ld criteria met (readiness, "
                  "self-assessed",
                  model->readiness.word, (long)model->scores.criteria_met,
                  (long)model->scores.criteria_in_scope);
    bool says_more = model->scores.criteria_met == model->scores.criteria_in_scope ||
                     model->view->as_of.size == 0;
    if (!model->readiness.is_ready && says_more) {
        po_buf_append(out, PO_LIT("; "));
        po_buf_append(out, model->readiness.why);
    }
    po_buf_append_char(out, ')');
    return po_rc_ok();
}

static void append_counts(const struct po_model *model, struct po_buf *out)
{
    po_buf_printf(out, "Of %zu controls", model->catalog->control_count);
    for (size_t i = 0; state_words[i].text != NULL; i++) {
        if (i > 0) po_buf_append_char(out, ',');
        po_buf_printf(out, " %ld %s", (long)count_state(model, state_words[i].state),
                      state_words[i].text);
    }
    po_buf_append(out, PO_LIT(". "));
}

PO_RC po_text_conclusion(struct po_ctx *cx, const struct po_model *model, struct po_buf *out)
{
    (void)cx;
    const struct po_scores *scores = &model->scores;
    po_buf_printf(out, "By its own evidence this instance is **%s** for a SOC 2 Type I audit",
                  model->readiness.word);
    if (!model->readiness.is_ready) {
        po_buf_append(out, PO_LIT(": "));
        po_buf_append(out, model->readiness.why);
    }
    po_buf_printf(out, ". %ld of %ld categories", (long)scores->categories_met,
                  (long)scores->categories_in_scope);
    if (model->readiness.is_ready)
        po_buf_printf(out, " and %ld of %ld criteria", (long)scores->criteria_met,
                      (long)scores->criteria_in_scope);
    po_buf_append(out, PO_LIT(" are met. "));
    append_counts(model, out);
    po_buf_append(out, PO_LIT("This is a self-assessment; only a licensed CPA firm attests."));
    return po_rc_ok();
}

/* "PIN-07 (Nothing panics; ..., untested)" */
static void append_item(const struct po_model *model, const struct po_plan_item *item,
                        struct po_buf *out)
{
    const struct po_control *control = &model->catalog->controls[item->control];
    po_buf_append(out, control->id);
    po_buf_append(out, PO_LIT(" ("));
    po_buf_append(out, control->title);
    po_buf_append(out, PO_LIT(": "));
    po_buf_append_cstr(out, po_control_state_name(item->state));
    po_buf_append_char(out, ')');
}

static void append_first_items(const struct po_model *model, const char *last_joint,
                               struct po_buf *out)
{
    size_t count = model->plan_count < BLOCKERS_SHOWN ? model->plan_count : BLOCKERS_SHOWN;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) po_buf_append_cstr(out, i + 1 == count ? last_joint : ", ");
        append_item(model, &model->plan[i], out);
    }
}

PO_RC po_text_summary(struct po_ctx *cx, const struct po_model *model, struct po_buf *out)
{
    (void)cx;
    po_buf_printf(out, "By its own evidence this instance is %s: %ld of %ld criteria are met.",
                  model->readiness.word, (long)model->scores.criteria_met,
                  (long)model->scores.criteria_in_scope);
    if (model->plan_count > 0) {
        po_buf_append(out, PO_LIT(" First in the way: "));
        append_first_items(model, " and ", out);
        po_buf_append_char(out, '.');
    } else if (!model->readiness.is_ready) {
        po_buf_append(out, PO_LIT(" In the way: "));
        po_buf_append(out, model->readiness.why);
        po_buf_append_char(out, '.');
    }
    return po_rc_ok();
}

PO_RC po_text_next_steps(struct po_ctx *cx, const struct po_model *model, struct po_buf *out)
{
    (void)cx;
    if (model->plan_count == 0) {
        po_buf_append(out, PO_LIT("No control is open; keep the evidence fresh."));
        return po_rc_ok();
    }
    po_buf_append(out, PO_LIT("First "));
    append_first_items(model, ", then ", out);
    po_buf_printf(out, "; %ld controls are open.", (long)model->plan_count);
    return po_rc_ok();
}

static const char *verb_of(enum po_control_state state)
{
    if (state == PO_CONTROL_FAIL) return "Fix";
    if (state == PO_CONTROL_STALE) return "Test again";
    if (state == PO_CONTROL_ERROR) return "Make testable";
    return "Prove";
}

/* "**Fix IAM-01**: Every access ... — critical, CC6.1. IAM-01.2: two shared accounts" */
static void append_recommendation(const struct po_model *model, const struct po_plan_item *item,
                                  struct po_buf *out)
{
    const struct po_control *control = &model->catalog->controls[item->control];
    po_buf_printf(out, "**%s %.*s**: ", verb_of(item->state), PO_STR_ARG(control->id));
    po_buf_append(out, control->title);
    po_buf_printf(out, " — %s, ", po_severity_name(control->severity));
    for (size_t i = 0; i < control->criteria.count; i++) {
        if (i > 0) po_buf_append_char(out, ' ');
        po_buf_append(out, model->catalog->criteria[control->criteria.at[i]].id);
    }
    const struct po_control_result *result = &model->controls[item->control];
    if (result->reason.len > 0) {
        po_buf_append(out, PO_LIT(". "));
        po_report_append_text(out, result->reason);
    }
}

PO_RC po_text_recommendation(struct po_ctx *cx, const struct po_model *model, size_t number,
                             struct po_buf *out)
{
    (void)cx;
    int64_t critical = count_critical_open(model);
    size_t item = number - 1;
    if (critical > 0) {
        if (item == 0) {
            po_buf_printf(out,
                          "**Do not start an audit yet**: critical controls that do not pass: %ld",
                          (long)critical);
            return po_rc_ok();
        }
        item--;
    }
    if (item < model->plan_count)
        append_recommendation(model, &model->plan[item], out);
    else
        po_buf_append(out, PO_LIT("No further open control"));
    return po_rc_ok();
}

PO_RC po_text_critical_path(struct po_ctx *cx, const struct po_model *model, struct po_buf *out)
{
    (void)cx;
    for (size_t i = 0; i < model->critical_path.count; i++) {
        po_buf_append(out, model->catalog->controls[model->critical_path.at[i]].id);
        po_buf_append(out, PO_LIT(" → "));
    }
    if (model->critical_path.count == 0 && !model->readiness.is_ready) {
        po_buf_append(out, model->readiness.why);
        po_buf_append(out, PO_LIT(" → "));
    }
    po_buf_append(out, PO_LIT("READY"));
    return po_rc_ok();
}

PO_RC po_text_forecast(struct po_ctx *cx, const struct po_model *model, struct po_buf *out)
{
    (void)cx;
    const struct po_view_count *closed = &model->view->closed_recently;
    if (model->plan_count == 0 && model->readiness.is_ready) {
        po_buf_append(out, PO_LIT("reached"));
        return po_rc_ok();
    }
    if (!closed->is_known || closed->value <= 0) {
        po_buf_append(out, closed->is_known ? PO_LIT("none, nothing was closed in 56 days")
                                            : PO_LIT("n/a"));
        return po_rc_ok();
    }
    int64_t weeks = ((int64_t)model->plan_count * PACE_WEEKS + closed->value - 1) / closed->value;
    if (weeks > FORECAST_WEEKS_MAX) {
        po_buf_append(out, PO_LIT("more than ten years at this pace"));
        return po_rc_ok();
    }
    char date[PO_TIME_DATE_BYTES];
    po_time_format_date(model->view->as_of.time_us + weeks * DAYS_PER_WEEK * PO_US_PER_DAY, date);
    po_buf_printf(out, "%s at the pace of the last %d weeks", date, PACE_WEEKS);
    return po_rc_ok();
}

/* -- helpers ----------------------------------------------------------------------------------- */

void po_report_append_text(struct po_buf *out, po_str text)
{
    bool is_cut = text.len > PO_VIEW_TEXT_BYTES_MAX;
    text = po_str_slice(text, 0, PO_VIEW_TEXT_BYTES_MAX);
    if (is_cut) /* not in the middle of a code point */
        while (text.len > 0 && ((unsigned char)text.ptr[text.len - 1] & 0xC0) == 0x80)
            text.len--;
    if (is_cut && text.len > 0 && (unsigned char)text.ptr[text.len - 1] >= 0xC0) text.len--;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c < ' ' || c == 0x7F) c = ' ';
        if (c == '|' || c == '<' || c == '>' || c == '`' || c == '\\')
            po_buf_append_char(out, '\\');
        po_buf_append_char(out, c);
    }
    if (is_cut) po_buf_append(out, PO_LIT("…"));
}

void po_report_append_age(struct po_buf *out, po_time_us age_us)
{
    if (age_us < 0)
        po_buf_append(out, PO_LIT("never"));
    else if (age_us < PO_US_PER_MIN)
        po_buf_printf(out, "%ld s", (long)(age_us / PO_US_PER_S));
    else if (age_us < 2 * PO_US_PER_HOUR)
        po_buf_printf(out, "%ld min", (long)(age_us / PO_US_PER_MIN));
    else if (age_us < 2 * PO_US_PER_DAY)
        po_buf_printf(out, "%ld h", (long)(age_us / PO_US_PER_HOUR));
    else
        po_buf_printf(out, "%ld d", (long)(age_us / PO_US_PER_DAY));
}
