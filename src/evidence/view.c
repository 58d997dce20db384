/*
 * Filling a report's view from the ledger alone, so that it can be filled again and be the same.
 *
 * Where each part comes from: states from control.tested runs; health from health.checked; program,
 * recovery and names from assessment.completed; operator figures from register.changed; crashes from
 * process.crashed; the instance from instance.created.
 */
#include "evidence/evidence.h"

#include "core/codec.h"

#define STEP_ARENA_BYTES_MAX ((size_t)4 << 20)
/* A day of assessments every 5 minutes: the daily drill is among them. */
#define ASSESSMENTS_MAX 320
#define WINDOW (PO_VIEW_WINDOW_DAYS * PO_US_PER_DAY)

static po_str text_member(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

static int64_t int_member(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_INT ? value->integer : 0;
}

static bool bool_member(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_BOOL && value->boolean;
}

/* -- health -------------------------------------------------------------------------------------- */

static enum po_view_health_state health_state(po_str word)
{
    static const struct {
        const char *word;
        enum po_view_health_state state;
    } words[] = {{"pass", PO_VIEW_HEALTH_PASS},
                 {"fail", PO_VIEW_HEALTH_FAIL},
                 {"skipped", PO_VIEW_HEALTH_SKIPPED},
                 {"error", PO_VIEW_HEALTH_ERROR}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (po_str_eq_cstr(word, words[i].word)) return words[i].state;
    return PO_VIEW_HEALTH_UNTESTED;
}

static PO_RC fill_health(struct po_ctx *cx, struct po_home *home, const struct po_evidence_at *at,
                         struct po_view *view)
{
    struct po_evidence_event newest;
    PO_TRY(cx, po_evidence_newest(cx, home, at, PO_EVENT_TYPE_HEALTH_CHECKED, &newest));
    if (!newest.is_found) return po_rc_ok();
    const struct po_json *checks = po_json_get(po_json_get(newest.event.json, "detail"), "checks");
    if (checks == NULL || checks->type != PO_JSON_ARRAY || checks->count > PO_VIEW_HEALTH_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "leaf %lu holds no health results",
                       (unsigned long)newest.leaf);
    struct po_view_health *health = NULL;
    PO_ARENA_NEW(cx, health, checks->count + 1);
    for (const struct po_json *check = checks->first; check != NULL; check = check->next)
        health[view->health_count++] = (struct po_view_health){
            .id = text_member(check, "id"),
            .state = health_state(text_member(check, "state")),
            .reason = text_member(check, "reason"),
            .checked_us = newest.event.time_us,
            .leaf = newest.leaf,
        };
    view->health = health;
    return po_rc_ok();
}

/* -- program, recovery, names --------------------------------------------------------------------- */

static void fill_build(const struct po_json *build, struct po_view *view)
{
    if (build == NULL || build->type != PO_JSON_OBJECT) return;
    view->build = (struct po_view_build){.is_known = true,
                                         .version = text_member(build, "version"),
                                         .digest = text_member(build, "digest"),
                                         .manifest_matches = bool_member(build, "manifest_matches"),
                                         .abort_sites = int_member(build, "abort_sites")};
}

static void fill_recovery(const struct po_json *recovery, struct po_view *view)
{
    if (recovery == NULL || recovery->type != PO_JSON_OBJECT) return;
    view->recovery = (struct po_view_recovery){.is_known = int_member(recovery, "samples") > 0,
                                               .worst_ms = int_member(recovery, "worst_ms"),
                                               .p50_ms = int_member(recovery, "p50_ms"),
                                               .p95_ms = int_member(recovery, "p95_ms"),
                                               .samples = int_member(recovery, "samples")};
}

/* The newest assessment names program and company; the newest with a kill drill, the recovery. */
static PO_RC fill_assessment(struct po_ctx *cx, struct po_home *home,
                             const struct po_evidence_at *at, struct po_view *view)
{
    struct po_evidence_at upto = *at;
    for (size_t i = 0; i < ASSESSMENTS_MAX && !view->recovery.is_known; i++) {
        struct po_evidence_event newest;
        PO_TRY(cx,
               po_evidence_newest(cx, home, &upto, PO_EVENT_TYPE_ASSESSMENT_COMPLETED, &newest));
        if (!newest.is_found || newest.event.time_us < at->time_us - WINDOW) break;
        const struct po_json *detail = po_json_get(newest.event.json, "detail");
        if (i == 0) {
            fill_build(po_json_get(detail, "build"), view);
            view->company = text_member(detail, "company");
        }
        fill_recovery(po_json_get(detail, "recovery"), view);
        upto.size = newest.leaf;
    }
    return po_rc_ok();
}

/* -- operator figures ----------------------------------------------------------------------------- */

static bool has_register(const struct po_view_register *registers, size_t count, po_str name)
{
    for (size_t i = 0; i < count; i++)
        if (po_str_eq(registers[i].name, name)) return true;
    return false;
}

static PO_RC take_register(struct po_ctx *cx, struct po_home *home, uint64_t leaf,
                           struct po_view_register *registers, size_t *count)
{
    struct po_evidence_at upto = {.size = leaf + 1};
    struct po_evidence_event found;
    PO_TRY(cx, po_evidence_newest(cx, home, &upto, PO_EVENT_TYPE_REGISTER_CHANGED, &found));
    const struct po_json *detail = po_json_get(found.event.json, "detail");
    po_str name = text_member(detail, "name");
    if (has_register(registers, *count, name)) return po_rc_ok();
    if (*count == PO_VIEW_REGISTER_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d operator figures", PO_VIEW_REGISTER_MAX);
    registers[(*count)++] = (struct po_view_register){.name = name,
                                                      .value = text_member(detail, "new"),
                                                      .set_us = found.event.time_us,
                                                      .leaf = leaf};
    return po_rc_ok();
}

PO_RC po_evidence_registers(struct po_ctx *cx, struct po_home *home,
                            const struct po_evidence_at *at,
                            const struct po_view_register **ret_registers, size_t *ret_count)
{
    const struct po_ledger_filter filter = {.type = PO_EVENT_TYPE_REGISTER_CHANGED,
                                            .is_own_tenant = true};
    struct po_view_register *registers = NULL;
    size_t count = 0;
    PO_ARENA_NEW(cx, registers, PO_VIEW_REGISTER_MAX);
    uint64_t from = at->size;
    while (from > 0) {
        bool is_found = false;
        struct po_record record;
        PO_TRY(cx, po_ledger_prev(cx, po_home_ledger(home), from - 1, &filter, &is_found, &from,
                                  &record));
        if (!is_found) break;
        PO_TRY(cx, take_register(cx, home, from, registers, &count));
    }
    *ret_registers = registers;
    *ret_count = count;
    return po_rc_ok();
}

/* -- counts -------------------------------------------------------------------------------------- */

static PO_RC fill_crashes(struct po_ctx *cx, struct po_home *home, const struct po_evidence_at *at,
                          struct po_view *view)
{
    const struct po_ledger_filter filter = {.type = PO_EVENT_TYPE_PROCESS_CRASHED};
    uint64_t from = at->size;
    view->window_days = PO_VIEW_WINDOW_DAYS;
    view->crashes.is_known = at->size > 0;
    while (from > 0) {
        bool is_found = false;
        struct po_record record;
        PO_TRY(cx, po_ledger_prev(cx, po_home_ledger(home), from - 1, &filter, &is_found, &from,
                                  &record));
        if (!is_found || record.recv_time_us < at->time_us - WINDOW) break;
        view->crashes.value++;
    }
    return po_rc_ok();
}

static PO_RC fill_instance(struct po_ctx *cx, struct po_home *home, const struct po_evidence_at *at,
                           struct po_view *view)
{
    struct po_evidence_event newest;
    PO_TRY(cx, po_evidence_newest(cx, home, at, PO_EVENT_TYPE_INSTANCE_CREATED, &newest));
    if (!newest.is_found) return po_rc_ok();
    po_str prefix = PO_LIT("instance:");
    po_str resource = newest.event.resource;
    bool is_named = po_str_starts(resource, prefix);
    view->instance = is_named ? po_str_slice(resource, prefix.len, resource.len) : resource;
    return po_rc_ok();
}

/* -- the same, a day before ------------------------------------------------------------------------ */

static PO_RC fill_previous(struct po_ctx *cx, const struct po_evidence_source *source,
                           const struct po_evidence *evidence, struct po_view *view)
{
    uint64_t size = 0;
    struct po_evidence_at at;
    const struct po_clause_run *runs = NULL;
    PO_TRY(cx, po_ledger_size_at_time(cx, po_home_ledger(source->home),
                                      evidence->at.time_us - PO_US_PER_DAY, &size));
    if (size == 0 || size >= evidence->at.size) return po_rc_ok();
    PO_TRY(cx, po_evidence_locate(cx, source->home, size, &at));
    PO_TRY(cx, po_evidence_runs(cx, source, &at, &runs));
    view->previous.is_known = true;
    view->previous.as_of = po_evidence_as_of(&at);
    view->previous.states = (struct po_state_input){.as_of_us = at.time_us, .runs = runs};
    return po_rc_ok();
}

struct po_as_of po_evidence_as_of(const struct po_evidence_at *at)
{
    struct po_as_of as_of = {.size = at->size, .time_us = at->time_us};
    memcpy(as_of.root, at->root, sizeof as_of.root);
    return as_of;
}

PO_RC po_evidence_view(struct po_ctx *cx, const struct po_evidence_source *source,
                       const struct po_evidence *evidence, struct po_view *ret_view)
{
    struct po_home *home = source->home;
    struct po_view view = {
        .as_of = po_evidence_as_of(&evidence->at),
        .states = {.as_of_us = evidence->at.time_us, .runs = evidence->runs},
        .environment = PO_LIT(""),
        .company = PO_LIT(""),
        .storage_provider = PO_LIT(""),
        .instance = PO_LIT(""),
    };
    PO_TRY(cx, fill_health(cx, home, &evidence->at, &view));
    PO_TRY(cx, fill_assessment(cx, home, &evidence->at, &view));
    PO_TRY(cx,
           po_evidence_registers(cx, home, &evidence->at, &view.registers, &view.register_count));
    PO_TRY(cx, fill_crashes(cx, home, &evidence->at, &view));
    PO_TRY(cx, fill_instance(cx, home, &evidence->at, &view));
    PO_TRY(cx, fill_previous(cx, source, evidence, &view));
    *ret_view = view;
    return po_rc_ok();
}
