/*
 * Running health checks over a snapshot of facts.
 *
 * Invariants
 *  1. A check sees only the facts its @needs name; it changes nothing (law 6).
 *  2. A check that its flag switches off is `skipped`, whatever its facts say, and stays listed.
 *  3. Without its facts a check is `error`; nothing is good by default.
 */
#include "health_priv.h"

#include "fact/fact.h"

const char *po_health_state_name(enum po_health_state state)
{
    static const char *const names[] = {"pass", "fail", "error", "skipped", "untested"};
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const struct po_health_check *po_health_find(po_str id)
{
    const struct po_health_check *table = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++)
        if (po_str_eq_cstr(id, table[i].id)) return &table[i];
    return NULL;
}

/* A fact's value, or the reason why there is none as the verdict. */
static PO_RC read_fact(struct po_ctx *cx, struct po_fact_set *set, const char *name,
                       const struct po_json **ret_json, struct po_health_verdict *out)
{
    const struct po_fact_value *value = NULL;
    po_rc rc = po_fact_get(cx, set, name, &value);
    if (po_is_ok(rc)) {
        *ret_json = value->json;
        return rc;
    }
    if (rc.code == PO_NOMEM) return rc;
    po_health_say(out, PO_HEALTH_ERROR, "%.180s", po_err_msg(cx));
    po_err_clear(cx);
    return po_rc_ok();
}

static bool is_switched_off(const struct po_json *config, const char *id)
{
    const struct po_json *off = po_json_get(po_json_get(config, "flags"), "checks_off");
    const struct po_json *item = off != NULL ? off->first : NULL;
    for (; item != NULL; item = item->next)
        if (po_str_eq_cstr(item->str, id)) return true;
    return false;
}

/* What makes a check an error before its program runs is said in the verdict. */
static PO_RC read_facts(struct po_ctx *cx, struct po_fact_set *set,
                        const struct po_program *program, struct po_health_verdict *out)
{
    const char *const *names = NULL;
    const struct po_json *json = NULL;
    PO_TRY(cx, po_program_facts(cx, program, &names));
    for (size_t i = 0; names[i] != NULL; i++)
        if (out->state != PO_HEALTH_ERROR) PO_TRY(cx, read_fact(cx, set, names[i], &json, out));
    return po_rc_ok();
}

static PO_RC load_check(struct po_ctx *cx, struct po_bundle *bundle,
                        const struct po_health_check *check, struct po_program *ret_program)
{
    const struct po_bundle_program *row =
        po_bundle_program_find(bundle, PO_LIT("check"), po_str_of(check->id));
    if (row == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "the bundle has no program for '%s'", check->id);
    return po_program_load_row(cx, bundle, row, ret_program);
}

static PO_RC run_program(struct po_ctx *cx, struct po_fact_set *set, struct po_bundle *bundle,
                         const struct po_health_check *check, struct po_health_verdict *out)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    po_rc rc = load_check(cx, bundle, check, &program);
    if (rc.code == PO_NOMEM) return rc;
    if (!po_is_ok(rc)) {
        po_health_say(out, PO_HEALTH_ERROR, "%.180s", po_err_msg(cx));
        po_err_clear(cx);
        return po_rc_ok();
    }
    PO_TRY(cx, read_facts(cx, set, &program, out));
    if (out->state == PO_HEALTH_ERROR) return po_rc_ok();
    const struct po_program_job job = {.facts = set, .now_us = po_ctx_now_us(cx)};
    return po_health_ask(cx, &program, &job, out);
}

static PO_RC run_check(struct po_ctx *cx, struct po_fact_set *set, struct po_bundle *bundle,
                       const struct po_health_check *check, struct po_health_verdict *ret_verdict)
{
    const struct po_json *config = NULL;
    struct po_health_verdict verdict = {.state = PO_HEALTH_UNTESTED};
    PO_TRY(cx, read_fact(cx, set, "home.config", &config, &verdict));
    if (config != NULL && is_switched_off(config, check->id))
        po_health_say(&verdict, PO_HEALTH_SKIPPED, "switched off by flag 'check_%s'", check->id);
    else if (verdict.state != PO_HEALTH_ERROR)
        PO_TRY(cx, run_program(cx, set, bundle, check, &verdict));
    *ret_verdict = verdict;
    return po_rc_ok();
}

PO_RC po_health_run(struct po_ctx *cx, struct po_fact_set *set, const struct po_health_check *check,
                    struct po_health_verdict *ret_verdict)
{
    struct po_bundle *bundle = NULL;
    PO_TRY(cx, po_bundle_open_embedded(cx, &bundle));
    return run_check(cx, set, bundle, check, ret_verdict);
}

PO_RC po_health_run_all(struct po_ctx *cx, struct po_fact_set *set,
                        struct po_health_verdict *ret_verdicts)
{
    const struct po_health_check *table = po_health_table();
    struct po_bundle *bundle = NULL;
    PO_TRY(cx, po_bundle_open_embedded(cx, &bundle));
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++)
        PO_TRY(cx, run_check(cx, set, bundle, &table[i], &ret_verdicts[i]));
    return po_rc_ok();
}

static void put_verdict(struct po_json_out *out, const struct po_health_check *check,
                        const struct po_health_verdict *verdict)
{
    po_json_out_object(out);
    po_json_out_field(out, "id", po_str_of(check->id));
    po_json_out_field(out, "name", po_str_of(check->name));
    po_json_out_field(out, "state", po_str_of(po_health_state_name(verdict->state)));
    po_json_out_field(out, "reason", po_str_of(verdict->reason));
    po_json_out_key(out, "observed");
    po_json_out_object(out);
    for (size_t i = 0; i < verdict->observed_count; i++)
        po_json_out_field_int(out, verdict->observed[i].key, verdict->observed[i].value);
    po_json_out_object_end(out);
    po_json_out_object_end(out);
}

void po_health_put(struct po_json_out *out, const struct po_health_verdict *verdicts)
{
    static const char *const totals[] = {"passed", "failed", "errors", "skipped", "untested"};
    int64_t counts[sizeof totals / sizeof *totals] = {0};
    const struct po_health_check *table = po_health_table();
    po_json_out_object(out);
    po_json_out_key(out, "checks");
    po_json_out_array(out);
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        counts[verdicts[i].state]++;
        put_verdict(out, &table[i], &verdicts[i]);
    }
    po_json_out_array_end(out);
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        po_json_out_field_int(out, totals[i], counts[i]);
    po_json_out_field_int(out, "of", PO_HEALTH_COUNT);
    po_json_out_object_end(out);
}
