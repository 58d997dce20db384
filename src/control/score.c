/*
 * Scores from control states: integers only, floor, caps by severity (docs/spec/scoring.md 3).
 *
 * Invariants
 * 1. A failing control earns at most half its weight; stale, error and untested earn nothing.
 * 2. The cap of the worst primary control that does not pass holds whatever the average says.
 * 3. `na` leaves numerator and denominator; a criterion whose primaries are all `na` is out of scope
 *    and leaves its category's numerator and denominator.
 */
#include "control/catalog_priv.h"

#include "core/codec.h"

#define CREDIT_FULL 1000 /* per mille */
#define CREDIT_HALF 500
#define CAP_NONE 100
#define CAP_WAIVED 97

static const int64_t cap_by_severity[] = {[PO_SEVERITY_LOW] = 94,
                                          [PO_SEVERITY_MEDIUM] = 89,
                                          [PO_SEVERITY_HIGH] = 69,
                                          [PO_SEVERITY_CRITICAL] = 49};

const char *po_met_name(enum po_met met)
{
    static const char *const names[] = {"MET", "MET WITH EXCEPTION", "PARTIAL", "NOT MET",
                                        "OUT OF SCOPE"};
    return names[met];
}

static int64_t credit_of(const struct po_control_result *result)
{
    if (result->state == PO_CONTROL_PASS) return CREDIT_FULL;
    if (result->state == PO_CONTROL_WAIVED) return CREDIT_HALF;
    if (result->state == PO_CONTROL_FAIL && result->total > 0)
        return CREDIT_HALF * result->passing / result->total;
    return 0;
}

static int64_t cap_of(const struct po_control *control, enum po_control_state state)
{
    if (state == PO_CONTROL_PASS) return CAP_NONE;
    return state == PO_CONTROL_WAIVED ? CAP_WAIVED : cap_by_severity[control->severity];
}

/* Running sums over controls. */
struct tally {
    int64_t earned;
    int64_t possible;
    int64_t cap;
    size_t in_scope;
    size_t waived;
    size_t open; /* neither pass nor waived */
    bool has_critical_open;
};

static void tally_add(struct tally *t, const struct po_control *control,
                      const struct po_control_result *result, int64_t multiplier)
{
    int64_t weight = control->weight * multiplier;
    t->earned += weight * credit_of(result);
    t->possible += weight * CREDIT_FULL;
}

/* What only primary controls decide. */
static void tally_add_primary(struct tally *t, const struct po_control *control,
                              const struct po_control_result *result)
{
    int64_t cap = cap_of(control, result->state);
    if (cap < t->cap) t->cap = cap;
    t->in_scope++;
    if (result->state == PO_CONTROL_WAIVED) t->waived++;
    if (result->state == PO_CONTROL_PASS || result->state == PO_CONTROL_WAIVED) return;
    t->open++;
    if (control->severity == PO_SEVERITY_CRITICAL) t->has_critical_open = true;
}

static int64_t tally_score(const struct tally *t)
{
    int64_t score = t->possible > 0 ? 100 * t->earned / t->possible : 0;
    return score < t->cap ? score : t->cap;
}

/* One criterion being scored. */
struct scoring {
    const struct po_catalog *catalog;
    const struct po_control_result *results;
    struct tally tally;
    po_str *why;
    size_t why_count;
};

static PO_RC add_why(struct po_ctx *cx, struct scoring *s, size_t control)
{
    if (s->results[control].state == PO_CONTROL_PASS) return po_rc_ok();
    const char *text =
        po_arena_printf(cx->arena, "%.*s:%s", PO_STR_ARG(s->catalog->controls[control].id),
                        po_control_state_name(s->results[control].state));
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    s->why[s->why_count++] = po_str_of(text);
    return po_rc_ok();
}

static enum po_met status_of(const struct tally *t, int64_t score)
{
    if (t->open == 0) return t->waived > 0 ? PO_MET_WITH_EXCEPTION : PO_MET;
    return t->has_critical_open || score < 50 ? PO_MET_NOT : PO_MET_PARTIAL;
}

static PO_RC add_list(struct po_ctx *cx, struct scoring *s, po_id_list list, bool primary)
{
    for (size_t i = 0; i < list.count; i++) {
        const struct po_control *control = &s->catalog->controls[list.at[i]];
        const struct po_control_result *result = &s->results[list.at[i]];
        if (result->state == PO_CONTROL_NA) continue;
        tally_add(&s->tally, control, result, primary ? 2 : 1);
        if (primary) tally_add_primary(&s->tally, control, result);
        PO_TRY(cx, add_why(cx, s, list.at[i]));
    }
    return po_rc_ok();
}

static PO_RC score_criterion(struct po_ctx *cx, const struct po_catalog *catalog, size_t criterion,
                             const struct po_control_result *results,
                             struct po_criterion_score *ret)
{
    const struct po_criterion *c = &catalog->criteria[criterion];
    struct scoring s = {.catalog = catalog, .results = results, .tally = {.cap = CAP_NONE}};
    PO_ARENA_NEW(cx, s.why, c->primary.count + c->supporting.count);
    PO_TRY(cx, add_list(cx, &s, c->primary, true));
    *ret = (struct po_criterion_score){.criterion = criterion, .why = s.why};
    if (s.tally.in_scope == 0) {
        s.why[0] = PO_LIT("no control in scope");
        ret->why_count = 1;
        ret->status = PO_MET_OUT_OF_SCOPE;
        return po_rc_ok();
    }
    PO_TRY(cx, add_list(cx, &s, c->supporting, false));
    ret->score = tally_score(&s.tally);
    ret->status = status_of(&s.tally, ret->score);
    ret->why_count = s.why_count;
    return po_rc_ok();
}

static bool is_met(enum po_met status)
{
    return status == PO_MET || status == PO_MET_WITH_EXCEPTION;
}

static void conclude_category(struct po_category_score *category)
{
    int64_t sum = 0;
    int64_t not_met = 0;
    int64_t with_exception = 0;
    for (size_t i = 0; i < category->criterion_count; i++) {
        const struct po_criterion_score *c = &category->criteria[i];
        if (c->status == PO_MET_OUT_OF_SCOPE) continue;
        category->of++;
        sum += c->score;
        if (is_met(c->status)) category->met++;
        if (c->status == PO_MET_WITH_EXCEPTION) with_exception++;
        if (c->status == PO_MET_NOT) not_met++;
    }
    if (category->of == 0) {
        category->status = PO_MET_OUT_OF_SCOPE;
        return;
    }
    category->score = sum / category->of;
    if (category->met == category->of)
        category->status = with_exception > 0 ? PO_MET_WITH_EXCEPTION : PO_MET;
    else
        category->status = category->score >= 50 && not_met == 0 ? PO_MET_PARTIAL : PO_MET_NOT;
}

PO_RC po_scores_compute(struct po_ctx *cx, const struct po_catalog *catalog,
                        const struct po_control_result *controls, struct po_scores *ret_scores)
{
    struct po_scores scores = {.category_count = catalog->category_count};
    for (size_t k = 0; k < catalog->category_count; k++) {
        struct po_category_score *category = &scores.categories[k];
        category->category = k;
        PO_ARENA_NEW(cx, category->criteria, catalog->criterion_count);
        for (size_t i = 0; i < catalog->criterion_count; i++) {
            if (catalog->criteria[i].category != k) continue;
            PO_TRY(cx, score_criterion(cx, catalog, i, controls,
                                       &category->criteria[category->criterion_count]));
            category->criterion_count++;
        }
        conclude_category(category);
        scores.criteria_met += category->met;
        scores.criteria_in_scope += category->of;
        if (category->status != PO_MET_OUT_OF_SCOPE) scores.categories_in_scope++;
        if (is_met(category->status)) scores.categories_met++;
    }
    *ret_scores = scores;
    return po_rc_ok();
}

static bool has_tag(const struct po_control *control, po_str tag)
{
    for (size_t i = 0; i < control->tags_count; i++) {
        if (po_str_eq(control->tags[i], tag)) return true;
    }
    return false;
}

struct po_tag_score po_scores_tag(const struct po_catalog *catalog,
                                  const struct po_control_result *controls, po_str tag)
{
    struct tally t = {.cap = CAP_NONE};
    struct po_tag_score score = {0};
    for (size_t i = 0; i < catalog->control_count; i++) {
        if (controls[i].state == PO_CONTROL_NA || !has_tag(&catalog->controls[i], tag)) continue;
        tally_add(&t, &catalog->controls[i], &controls[i], 1);
        tally_add_primary(&t, &catalog->controls[i], &controls[i]);
        if (controls[i].state == PO_CONTROL_PASS) score.passing++;
    }
    score.in_scope = (int64_t)t.in_scope;
    score.score = tally_score(&t);
    return score;
}

static void write_criterion(const struct po_catalog *catalog, const struct po_criterion_score *c,
                            struct po_json_out *out)
{
    po_json_out_object(out);
    po_json_out_field(out, "id", catalog->criteria[c->criterion].id);
    po_json_out_field_int(out, "score", c->score);
    po_json_out_field(out, "status", po_str_of(po_met_name(c->status)));
    po_json_out_key(out, "why");
    po_json_out_array(out);
    for (size_t i = 0; i < c->why_count; i++)
        po_json_out_str(out, c->why[i]);
    po_json_out_array_end(out);
    po_json_out_object_end(out);
}

static void write_as_of(const struct po_as_of *as_of, struct po_json_out *out)
{
    po_json_out_key(out, "as_of");
    po_json_out_object(out);
    po_json_out_field_int(out, "size", as_of->is_hypothetical ? 0 : (int64_t)as_of->size);
    if (as_of->is_hypothetical) {
        po_json_out_key(out, "root");
        po_json_out_null(out);
        po_json_out_key(out, "time");
        po_json_out_null(out);
    } else {
        char root[2 * PO_SHA256_BYTES + 1];
        char time[PO_TIME_RFC3339_BYTES];
        po_hex_encode(as_of->root, sizeof as_of->root, root);
        po_time_format(as_of->time_us, time);
        po_json_out_field(out, "root", po_str_of(root));
        po_json_out_field(out, "time", po_str_of(time));
    }
    po_json_out_object_end(out);
}

PO_RC po_scores_json(struct po_ctx *cx, const struct po_catalog *catalog,
                     const struct po_scores *scores, const struct po_as_of *as_of,
                     struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    write_as_of(as_of, &json);
    po_json_out_key(&json, "categories");
    po_json_out_array(&json);
    for (size_t k = 0; k < scores->category_count; k++) {
        const struct po_category_score *category = &scores->categories[k];
        po_json_out_object(&json);
        po_json_out_field(&json, "category", catalog->categories[category->category].name);
        po_json_out_field_int(&json, "score", category->score);
        po_json_out_field(&json, "status", po_str_of(po_met_name(category->status)));
        po_json_out_field_int(&json, "met", category->met);
        po_json_out_field_int(&json, "of", category->of);
        po_json_out_key(&json, "criteria");
        po_json_out_array(&json);
        for (size_t i = 0; i < category->criterion_count; i++)
            write_criterion(catalog, &category->criteria[i], &json);
        po_json_out_array_end(&json);
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the scores");
    return po_rc_ok();
}
