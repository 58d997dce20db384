/*
 * Plan -> apply -> verify, each step recorded.
 *
 *   planned --flag off--> off
 *   planned --3 failures within a day--> given up
 *   planned --apply, then the same plan no longer names it--> applied
 *   planned --apply fails, or it is still there--> failed
 */
#include "core/flags.h"
#include "core/fs.h"
#include "doctor_priv.h"

#define TRIES_WINDOW PO_US_PER_DAY
#define MARKER ".autodoctor_last_success"
#define VERIFY_ARENA_BYTES_MAX ((size_t)32 << 20)

size_t po_repair_count(void)
{
    size_t count = 0;
    (void)po_repair_table(&count);
    return count;
}

static const struct po_repair *repair_at(size_t i)
{
    size_t count = 0;
    return &po_repair_table(&count)[i];
}

const char *po_repair_name(size_t i) { return repair_at(i)->name; }
const char *po_repair_doc(size_t i) { return repair_at(i)->doc; }

const char *po_repair_state_name(enum po_repair_state state)
{
    static const char *const names[] = {[PO_REPAIR_PLANNED] = "planned",
                                        [PO_REPAIR_OFF] = "off",
                                        [PO_REPAIR_GIVEN_UP] = "given up",
                                        [PO_REPAIR_APPLIED] = "applied",
                                        [PO_REPAIR_FAILED] = "failed"};
    return names[state];
}

/* -- tries --------------------------------------------------------------------------------------- */

static PO_RC resource_of(struct po_ctx *cx, const struct po_repair_step *step, po_str *ret_resource)
{
    const char *text = po_arena_printf(cx->arena, "repair:%s:%s", step->repair, step->subject);
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_resource = po_str_of(text);
    return po_rc_ok();
}

struct failure_count {
    po_str resource;
    size_t failures;
};

static po_rc count_failure(struct po_ctx *step, void *user, const struct po_home_event *event,
                           bool *ret_stop)
{
    (void)step;
    struct failure_count *count = user;
    if (!po_str_eq(event->view.resource, count->resource)) return po_rc_ok();
    if (event->record.result == PO_EVENT_SUCCESS)
        *ret_stop = true;
    else
        count->failures++;
    return po_rc_ok();
}

/* Failures of this step within a day, back to its last success. */
static PO_RC count_failures(struct po_ctx *cx, struct po_home *home, po_str resource,
                            size_t *ret_count)
{
    struct failure_count count = {.resource = resource};
    struct po_home_walk walk = {.type = PO_EVENT_TYPE_REPAIR_APPLIED,
                                .size = po_ledger_size(po_home_ledger(home)),
                                .since_us = po_ctx_now_us(cx) - TRIES_WINDOW,
                                .visit = count_failure,
                                .user = &count};
    PO_TRY(cx, po_home_walk_back(cx, home, &walk));
    *ret_count = count.failures;
    return po_rc_ok();
}

/* -- plan ---------------------------------------------------------------------------------------- */

static bool is_chosen(const po_str *names, size_t count, const char *name)
{
    if (names == NULL) return true;
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(names[i], name)) return true;
    return false;
}

static PO_RC check_names(struct po_ctx *cx, const po_str *names, size_t count)
{
    size_t known = po_repair_count();
    for (size_t i = 0; names != NULL && i < count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < known; k++)
            if (po_str_eq_cstr(names[i], po_repair_name(k))) is_known = true;
        if (!is_known)
            return PO_FAIL(cx, PO_NOTFOUND,
                           "there is no repair '%.*s': missing_directory, wrong_mode, stale_lock",
                           PO_STR_ARG(names[i]));
    }
    return po_rc_ok();
}

static PO_RC settle_state(struct po_ctx *cx, struct po_home *home, struct po_repair_step *step)
{
    if (!po_flags_repair_is_on(po_home_flags(home), po_str_of(step->repair))) {
        step->state = PO_REPAIR_OFF;
        step->why = "switched off by a status flag";
        return po_rc_ok();
    }
    po_str resource = {"", 0};
    size_t failures = 0;
    PO_TRY(cx, resource_of(cx, step, &resource));
    PO_TRY(cx, count_failures(cx, home, resource, &failures));
    if (failures < PO_DOCTOR_TRIES_MAX) return po_rc_ok();
    step->state = PO_REPAIR_GIVEN_UP;
    step->why = "failed 3 times within a day; needs a person";
    return po_rc_ok();
}

PO_RC po_doctor_plan(struct po_ctx *cx, struct po_home *home, const po_str *names, size_t count,
                     struct po_doctor_plan *ret_plan)
{
    struct po_doctor_plan plan = {0};
    size_t repairs = 0;
    const struct po_repair *table = po_repair_table(&repairs);
    PO_PLANNERS_AUTO planners = {0};
    PO_TRY(cx, check_names(cx, names, count));
    PO_TRY(cx, po_planners_open(cx, &planners));
    PO_ARENA_NEW(cx, plan.steps, PO_DOCTOR_STEPS_MAX);
    for (size_t i = 0; i < repairs; i++)
        if (is_chosen(names, count, table[i].name))
            PO_TRY_MSG(cx, po_repair_plan(cx, home, &planners, &table[i], &plan), "planning '%s'",
                       table[i].name);
    for (size_t i = 0; i < plan.count; i++) {
        PO_TRY(cx, settle_state(cx, home, &plan.steps[i]));
        if (plan.steps[i].state != PO_REPAIR_PLANNED) plan.left++;
    }
    *ret_plan = plan;
    return po_rc_ok();
}

/* -- apply --------------------------------------------------------------------------------------- */

static PO_RC step_json(struct po_ctx *cx, const struct po_repair_step *step, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "repair", po_str_of(step->repair));
    po_json_out_field(&json, "subject", po_str_of(step->subject));
    po_json_out_field(&json, "before", po_str_of(step->before));
    po_json_out_field(&json, "after", po_str_of(step->after));
    po_json_out_field(&json, "state", po_str_of(po_repair_state_name(step->state)));
    po_json_out_field(&json, "why", po_str_of(step->why));
    po_json_out_key(&json, "destructive");
    po_json_out_bool(&json, false);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "repair event");
    return po_rc_ok();
}

/* What applying works with. */
struct applying {
    struct po_home *home;
    struct po_planners *planners;
    const struct po_repair *repair; /* of the step at hand */
};

static PO_RC plan_again(struct po_ctx *cx, const struct applying *how, const char *subject,
                        bool *ret_is_there)
{
    struct po_doctor_plan again = {0};
    PO_ARENA_NEW(cx, again.steps, PO_DOCTOR_STEPS_MAX);
    PO_TRY(cx, po_repair_plan(cx, how->home, how->planners, how->repair, &again));
    *ret_is_there = false;
    for (size_t i = 0; i < again.count; i++)
        if (strcmp(again.steps[i].subject, subject) == 0) *ret_is_there = true;
    return po_rc_ok();
}

/* The plan made anew must no longer name the step. */
static PO_RC verify_step(struct po_ctx *cx, const struct applying *how, struct po_repair_step *step)
{
    struct po_ctx scratch = {0};
    bool is_there = true;
    PO_TRY(cx, po_ctx_child_begin(cx, VERIFY_ARENA_BYTES_MAX, &scratch));
    po_rc rc = plan_again(&scratch, how, step->subject, &is_there);
    PO_TRY(cx, po_ctx_child_end(cx, &scratch, rc));
    step->state = is_there ? PO_REPAIR_FAILED : PO_REPAIR_APPLIED;
    if (is_there) step->why = "applied, and still there";
    return po_rc_ok();
}

static PO_RC try_step(struct po_ctx *cx, const struct applying *how, struct po_repair_step *step)
{
    po_rc rc = po_repair_apply(cx, how->home, step);
    if (rc.code == PO_NOMEM) return rc;
    if (po_is_ok(rc)) return verify_step(cx, how, step);
    step->state = PO_REPAIR_FAILED;
    step->why = po_arena_strdup(cx->arena, po_str_of(po_err_msg(cx)));
    if (step->why == NULL) step->why = "out of memory";
    po_err_clear(cx);
    return po_rc_ok();
}

static PO_RC record_step(struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step)
{
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 32768);
    po_str resource = {"", 0};
    PO_TRY(cx, step_json(cx, step, &detail));
    PO_TRY(cx, resource_of(cx, step, &resource));
    struct po_event event = {.type = PO_EVENT_TYPE_REPAIR_APPLIED,
                             .resource = resource,
                             .action = PO_LIT("repair"),
                             .result = step->state == PO_REPAIR_APPLIED ? PO_EVENT_SUCCESS
                                                                        : PO_EVENT_FAILURE,
                             .detail = po_buf_str(&detail)};
    return po_home_record(cx, home, &event);
}

static const struct po_repair *find_repair(const char *name)
{
    size_t count = 0;
    const struct po_repair *table = po_repair_table(&count);
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(po_str_of(name), table[i].name)) return &table[i];
    return NULL;
}

static PO_RC apply_step(struct po_ctx *cx, struct applying *how, struct po_repair_step *step)
{
    struct po_home *home = how->home;
    how->repair = find_repair(step->repair);
    PO_INVARIANT(cx, how->repair != NULL);
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 32768);
    po_str resource = {"", 0};
    PO_TRY(cx, step_json(cx, step, &detail));
    PO_TRY(cx, resource_of(cx, step, &resource));
    struct po_intent intent = {
        .action = "repair.apply", .resource = resource, .detail = po_buf_str(&detail)};
    PO_TRY(cx, po_intent_begin(cx, home, &intent));
    PO_TRY(cx, try_step(cx, how, step));
    PO_TRY(cx, po_intent_end(cx, home, &intent,
                             step->state == PO_REPAIR_APPLIED ? PO_EVENT_SUCCESS : PO_EVENT_FAILURE,
                             PO_LIT("{}")));
    return record_step(cx, home, step);
}

static PO_RC write_marker(struct po_ctx *cx, struct po_home *home)
{
    char now[PO_TIME_RFC3339_BYTES];
    const char *path = NULL;
    po_time_format_s(po_ctx_now_us(cx), now);
    const char *line = po_arena_printf(cx->arena, "%s\n", now);
    if (line == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_path_join(cx, po_home_path(home, PO_PLACE_LOGS), MARKER, &path));
    return po_fs_write_atomic(cx, path, po_str_of(line), 0640);
}

PO_RC po_doctor_apply(struct po_ctx *cx, struct po_home *home, struct po_doctor_plan *plan)
{
    size_t applied_max = (size_t)po_flags_int(po_home_flags(home), PO_FLAG_DOCTOR_REPAIRS_MAX);
    PO_PLANNERS_AUTO planners = {0};
    PO_TRY(cx, po_planners_open(cx, &planners));
    struct applying how = {.home = home, .planners = &planners};
    for (size_t i = 0; i < plan->count && plan->applied + plan->failed < applied_max; i++) {
        struct po_repair_step *step = &plan->steps[i];
        if (step->state != PO_REPAIR_PLANNED) continue;
        PO_TRY_MSG(cx, apply_step(cx, &how, step), "repairing '%s'", step->subject);
        if (step->state == PO_REPAIR_APPLIED)
            plan->applied++;
        else
            plan->failed++;
    }
    PO_TRY(cx, po_home_flush(cx, home));
    PO_TRY(cx, po_doctor_log_write(cx, home));
    if (plan->failed == 0 && plan->left == 0) PO_TRY(cx, write_marker(cx, home));
    return po_rc_ok();
}
