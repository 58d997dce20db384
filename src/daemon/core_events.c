/*
 * What core records of the service, and its figures.
 */
#include "daemon/core_priv.h"

#include "core/build.h"
#include "core/json.h"
#include "core/log.h"
#include "core/sys.h"

bool po_core_can_write(const struct po_core *core)
{
    return core->home != NULL && !core->is_lent && po_home_read_only_reason(core->home) == NULL;
}

po_rc po_core_record(struct po_ctx *cx, struct po_core *core, enum po_event_type type,
                     const char *action, const char *detail)
{
    bool is_bad = type == PO_EVENT_TYPE_JOB_FAILED || type == PO_EVENT_TYPE_PROCESS_CRASHED;
    struct po_event event = {.type = type,
                             .resource = PO_LIT("service:core"),
                             .action = po_str_of(action),
                             .result = is_bad ? PO_EVENT_ERROR : PO_EVENT_SUCCESS,
                             .detail = po_str_of(detail)};
    if (!po_core_can_write(core)) return po_rc_ok();
    if (detail == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for an event");
    core->has_events = true;
    core->figures.events++;
    return po_home_record(cx, core->home, &event);
}

static PO_RC record_death(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    const char *detail = po_arena_printf(
        cx->arena, "{\"pid\":%lu,\"signal\":%lu,\"exit_code\":%lu,\"restarts\":%lu}",
        (unsigned long)msg->number[PO_WIRE_PID], (unsigned long)msg->number[PO_WIRE_SIGNAL],
        (unsigned long)msg->number[PO_WIRE_EXIT_CODE],
        (unsigned long)msg->number[PO_WIRE_RESTARTS]);
    const char *resource =
        po_arena_printf(cx->arena, "process:%.*s", PO_STR_ARG(msg->text[PO_WIRE_ROLE]));
    if (detail == NULL || resource == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory for an event");
    struct po_event event = {.type = PO_EVENT_TYPE_PROCESS_CRASHED,
                             .resource = po_str_of(resource),
                             .action = PO_LIT("restart"),
                             .result = PO_EVENT_ERROR,
                             .detail = po_str_of(detail)};
    core->has_events = true;
    core->figures.events++;
    return po_home_record(cx, core->home, &event);
}

void po_core_note_death(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    static const char *const names[] = {PO_DAEMON_ROLE_CORE, PO_DAEMON_ROLE_FRONT,
                                        PO_DAEMON_ROLE_KEEPER};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (po_str_eq_cstr(msg->text[PO_WIRE_ROLE], names[i]))
            core->restarts[i] = msg->number[PO_WIRE_RESTARTS];
    if (!po_core_can_write(core)) return;
    /* Opening the home has recorded core's own end when it left the ledger open. */
    bool is_known = po_str_eq_cstr(msg->text[PO_WIRE_ROLE], PO_DAEMON_ROLE_CORE) &&
                    po_ledger_recovered(po_home_ledger(core->home)).was_open;
    if (is_known || po_is_ok(record_death(cx, core, msg))) return;
    po_log(cx, PO_LOG_ERROR, "service.not_recorded", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
}

static void put_flag(struct po_json_out *json, const char *key, bool value)
{
    po_json_out_key(json, key);
    po_json_out_bool(json, value);
}

void po_core_stats(struct po_ctx *cx, struct po_core *core, struct po_buf *out)
{
    const struct po_core_figures *figures = &core->figures;
    struct po_json_out json;
    const char *reason = core->is_lent ? NULL : po_home_read_only_reason(core->home);
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "version", po_str_of(po_build.version));
    po_json_out_field(&json, "home", po_str_of(core->options.home));
    po_json_out_field_int(&json, "pid", po_sys_getpid());
    put_flag(&json, "is_ready", !core->is_lent && !core->is_stopping);
    put_flag(&json, "is_lent", core->is_lent);
    put_flag(&json, "is_read_only", reason != NULL);
    if (reason != NULL) po_json_out_field(&json, "read_only_reason", po_str_of(reason));
    if (!core->is_lent)
        po_json_out_field_int(&json, "ledger_size",
                              (int64_t)po_ledger_size(po_home_ledger(core->home)));
    po_json_out_field_int(&json, "uptime_s", (po_core_now_us(cx) - core->started_us) / PO_US_PER_S);
    po_json_out_field_int(&json, "commands", (int64_t)figures->runs);
    po_json_out_field_int(&json, "requests", (int64_t)figures->requests);
    po_json_out_field_int(&json, "operations", (int64_t)po_api_operations(core->api));
    po_json_out_field_int(&json, "flushes", (int64_t)figures->flushes);
    po_json_out_field_int(&json, "checkpoints", (int64_t)figures->checkpoints);
    po_json_out_field_int(&json, "jobs", (int64_t)figures->jobs);
    po_json_out_field_int(&json, "loans", (int64_t)figures->loans);
    po_json_out_field_int(&json, "broken_peers", (int64_t)figures->broken);
    po_json_out_field_int(&json, "turn_worst_us", figures->turn_worst_us);
    po_json_out_field_int(&json, "fence_paths", (int64_t)core->fence_rules);
    po_json_out_field_int(&json, "restarts_core", (int64_t)core->restarts[0]);
    po_json_out_field_int(&json, "restarts_front", (int64_t)core->restarts[1]);
    po_json_out_field_int(&json, "restarts_keeper", (int64_t)core->restarts[2]);
    po_json_out_object_end(&json);
}
