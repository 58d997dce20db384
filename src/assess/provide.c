/*
 * Facts that only this layer can make: they need the catalog, the health table, the doctor or the
 * reports, which fact/ does not know. They enter the snapshot as any other fact does.
 */
#include "assess_priv.h"

#include "core/cfg.h"
#include "core/codec.h"
#include "core/fs.h"
#include "core/random.h"
#include "doctor/doctor.h"
#include "grant/grant.h"
#include "health/health.h"
#include "store/store.h"

#define PROVIDED_BYTES_MAX ((size_t)256 << 10)
#define SCRATCH_DEPTH_MAX 8

struct provider {
    const char *name;
    bool is_of_tenant; /* else of the instance: made once, in the default tenant */
    PO_RC (*write)(struct po_ctx *cx, const struct po_assess_inputs *in, struct po_json_out *out);
};

/* -- controls ------------------------------------------------------------------------------------ */

/* In-scope controls whose clauses all have a run younger than the control's ttl. */
static po_rc controls_freshness(struct po_ctx *cx, const struct po_assess_inputs *in,
                                struct po_json_out *out)
{
    int64_t fresh = 0;
    po_time_us now_us = po_ctx_now_us(cx);
    for (size_t i = 0; i < in->source.catalog->control_count; i++) {
        const struct po_control *control = &in->source.catalog->controls[i];
        bool is_fresh = true;
        for (size_t k = 0; k < control->clause_count; k++) {
            const struct po_clause_run *run = &in->newest[control->clause_first + k];
            if (run->leaf == PO_LEAF_NONE || now_us - run->received_us > control->ttl_us)
                is_fresh = false;
        }
        if (is_fresh) fresh++;
    }
    po_json_out_object(out);
    po_json_out_field_int(out, "controls", (int64_t)in->source.catalog->control_count);
    po_json_out_field_int(out, "fresh", fresh);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static po_rc controls_schedule(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out)
{
    (void)cx;
    int64_t period_us = po_cfg_int(po_home_cfg(in->source.home), PO_CFG_ASSESS_PERIOD);
    po_json_out_object(out);
    po_json_out_field_int(out, "period_s", period_us / PO_US_PER_S);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* -- journal -------------------------------------------------------------------------------------- */

/* Operator figures, grants and trusted keys as the ledger's events give them, against the store's. */
static po_rc journal_registers(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out)
{
    struct po_store_register_entry *entries = NULL;
    size_t count = 0;
    const struct po_view_register *replayed = NULL;
    size_t replayed_count = 0;
    int64_t equal = 0;
    PO_TRY(cx, po_store_register_list(cx, po_home_store(in->source.home), false, &entries, &count));
    PO_TRY(cx, po_evidence_registers(cx, in->source.home, in->at, &replayed, &replayed_count));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < replayed_count; k++)
            if (po_str_eq(entries[i].name, replayed[k].name) &&
                po_str_eq(entries[i].value, replayed[k].value))
                equal++;
    int64_t values = (int64_t)(count > replayed_count ? count : replayed_count);
    int64_t granted = 0;
    int64_t granted_equal = 0;
    PO_TRY(cx, po_grant_journal(cx, in->source.home, in->at->size, &granted, &granted_equal));
    po_json_out_object(out);
    po_json_out_field_int(out, "values", values + granted);
    po_json_out_field_int(out, "equal", equal + granted_equal);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* -- reports -------------------------------------------------------------------------------------- */

/* The newest report of each kind, made again. */
static po_rc report_recomputed(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out)
{
    static const enum po_report_kind kinds[] = {PO_REPORT_READINESS, PO_REPORT_STATUS,
                                                PO_REPORT_HEALTH, PO_REPORT_NIGHTLY};
    int64_t reports = 0;
    int64_t equal = 0;
    int64_t own_template = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct po_report_record record;
        struct po_report_check check;
        bool is_found = false;
        uint8_t template_digest[PO_SHA256_BYTES];
        struct po_report_request how = {.source = in->source};
        struct po_report_query query = {.kind = po_report_kind_name(kinds[i])};
        PO_TRY(cx, po_evidence_report_find(cx, in->source.home, &query, &is_found, &record));
        if (!is_found) continue;
        PO_TRY(cx, po_report_template_digest(cx, kinds[i], template_digest));
        PO_TRY(cx, po_evidence_report_verify(cx, &record, &how, &check));
        bool is_own = po_str_eq(po_str_n(template_digest, sizeof template_digest),
                                po_str_n(record.template_digest, sizeof template_digest));
        reports++;
        equal += check.is_ok ? 1 : 0;
        own_template += is_own ? 1 : 0;
    }
    po_json_out_object(out);
    po_json_out_field_int(out, "reports", reports);
    po_json_out_field_int(out, "equal", equal);
    po_json_out_field_int(out, "own_template", own_template);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static po_rc pack_check(struct po_ctx *cx, const struct po_assess_inputs *in,
                        struct po_json_out *out)
{
    struct po_pack_selfcheck result;
    PO_TRY(cx, po_pack_check(cx, &in->source, &result));
    po_json_out_object(out);
    po_json_out_field_int(out, "parts", result.parts);
    po_json_out_field_int(out, "fine", result.fine);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* -- doctor --------------------------------------------------------------------------------------- */

static po_rc doctor_repairs(struct po_ctx *cx, const struct po_assess_inputs *in,
                            struct po_json_out *out)
{
    return po_doctor_repairs(cx, in->source.home, out);
}

/* A directory of our own below the state directory. */
PO_RC po_assess_scratch(struct po_ctx *cx, const struct po_assess_inputs *in, const char **ret_dir)
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];
    const char *base = NULL;
    PO_TRY_LEAF(cx, po_random_fill(random, sizeof random), "no randomness for a scratch name");
    po_hex_encode(random, sizeof random, hex);
    PO_TRY(cx, po_home_scratch_dir(cx, in->source.home, &base));
    const char *dir = po_arena_printf(cx->arena, "%s/drill-%s", base, hex);
    if (dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fs_mkdir(cx, dir, 0700));
    *ret_dir = dir;
    return po_rc_ok();
}

PO_RC po_assess_scratch_end(struct po_ctx *cx, const char *dir, po_rc rc)
{
    struct po_err first = cx->err;
    po_rc removed = po_fs_remove_tree(cx, dir, SCRATCH_DEPTH_MAX);
    if (po_is_ok(rc)) return removed;
    po_ignore(removed, "the drill's own error is the one to report");
    cx->err = first;
    return rc;
}

static po_rc doctor_drill(struct po_ctx *cx, const struct po_assess_inputs *in,
                          struct po_json_out *out)
{
    const char *dir = NULL;
    PO_TRY(cx, po_assess_scratch(cx, in, &dir));
    return po_assess_scratch_end(cx, dir, po_doctor_drill(cx, dir, out));
}

static const struct provider providers[] = {
    {"access.drill", false, po_access_drill},
    {"api.cookies", false, po_assess_api_cookies},
    {"api.drill", false, po_assess_api_drill},
    {"api.operations", false, po_assess_api_operations},
    {"api.served", true, po_assess_api_served},
    {"controls.freshness", true, controls_freshness},
    {"controls.schedule", false, controls_schedule},
    {"doctor.drill", false, doctor_drill},
    {"doctor.repairs", false, doctor_repairs},
    {"identity.accounts", true, po_assess_identity_accounts},
    {"identity.roles", true, po_assess_identity_roles},
    {"identity.sessions", true, po_assess_identity_sessions},
    {"identity.tokens", true, po_assess_identity_tokens},
    {"journal.registers", true, journal_registers},
    {"pack.check", true, pack_check},
    {"report.recomputed", true, report_recomputed},
    {"tenants.keys", true, po_assess_tenants_keys},
    {"tls.certificates", false, po_assess_tls_certificates},
    {"tls.versions", false, po_assess_tls_versions},
};

static PO_RC make(struct po_ctx *cx, const struct po_assess_inputs *in,
                  const struct provider *provider)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PROVIDED_BYTES_MAX);
    struct po_json_out json;
    po_json_out_init(&json, &bytes, 0);
    PO_TRY_MSG(cx, provider->write(cx, in, &json), "reading '%s'", provider->name);
    PO_TRY_LEAF(cx, po_buf_check(&bytes), "fact '%s' is too large", provider->name);
    return po_fact_provide(cx, in->facts, provider->name, po_buf_str(&bytes));
}

static PO_RC make_of_instance(struct po_ctx *cx, const struct po_assess_inputs *in,
                              const struct provider *provider)
{
    struct po_fact_instance instance;
    struct po_assess_inputs there = *in;
    PO_TRY(cx, po_fact_instance_enter(cx, in->facts, &instance));
    there.facts = instance.set;
    return po_fact_instance_leave(cx, &instance, make(instance.cx, &there, provider));
}

PO_RC po_assess_provide(struct po_ctx *cx, const struct po_assess_inputs *in, const char *name)
{
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        if (!po_str_eq_cstr(po_str_of(name), providers[i].name)) continue;
        return providers[i].is_of_tenant ? make(cx, in, &providers[i])
                                         : make_of_instance(cx, in, &providers[i]);
    }
    return po_rc_ok();
}

/* -- health --------------------------------------------------------------------------------------- */

static void put_check(struct po_json_out *json, const struct po_health_check *check,
                      const struct po_health_verdict *verdict)
{
    po_json_out_object(json);
    po_json_out_field(json, "id", po_str_of(check->id));
    po_json_out_field(json, "name", po_str_of(check->name));
    po_json_out_field(json, "state", po_str_of(po_health_state_name(verdict->state)));
    po_json_out_field(json, "reason", po_str_of(verdict->reason));
    po_json_out_key(json, "observed");
    po_json_out_object(json);
    for (size_t i = 0; i < verdict->observed_count; i++)
        po_json_out_field_int(json, verdict->observed[i].key, verdict->observed[i].value);
    po_json_out_object_end(json);
    po_json_out_object_end(json);
}

PO_RC po_assess_health(struct po_ctx *cx, struct po_fact_set *facts, struct po_event *ret_event)
{
    struct po_health_verdict *verdicts = NULL;
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PROVIDED_BYTES_MAX);
    PO_ARENA_NEW(cx, verdicts, PO_HEALTH_COUNT);
    PO_TRY(cx, po_health_run_all(cx, facts, verdicts));
    struct po_json_out json;
    bool is_all_pass = true;
    po_json_out_init(&json, &bytes, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "checks");
    po_json_out_array(&json);
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        put_check(&json, &po_health_table()[i], &verdicts[i]);
        if (verdicts[i].state != PO_HEALTH_PASS) is_all_pass = false;
    }
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&bytes), "the health results are too large");
    PO_TRY(cx, po_fact_provide(cx, facts, "health.results", po_buf_str(&bytes)));
    if (ret_event == NULL) return po_rc_ok();
    po_str kept = {NULL, 0};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &kept), "out of memory");
    *ret_event = (struct po_event){.type = PO_EVENT_TYPE_HEALTH_CHECKED,
                                   .resource = PO_LIT("health:checks"),
                                   .action = PO_LIT("check"),
                                   .result = is_all_pass ? PO_EVENT_SUCCESS : PO_EVENT_FAILURE,
                                   .detail = kept};
    return po_rc_ok();
}
