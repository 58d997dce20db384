/*
 * Facts of scheduled jobs: the timers written for this instance, and when each job last ran by timer.
 *
 * Unit files are read as text: a container or chroot has no systemctl, and the ledger says better than
 * a manager's state when a job last finished.
 */
#include "fact_pass_priv.h"

#define UNIT_BYTES_MAX ((size_t)16 << 10)
#define DAY_S 86400

/* The jobs an instance declares (schedule/ renders them) and the event each leaves. */
static const struct {
    const char *name;
    const char *event;
} jobs[] = {
    {PO_FACT_JOB_ASSESS, "assessment.completed"},
    {PO_FACT_JOB_NIGHTLY, "report.created"},
};

static PO_RC read_unit(struct po_ctx *cx, const char *dir, const char *name, const char *suffix,
                       po_str *ret_text)
{
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    const char *file = po_arena_printf(cx->arena, "%s.%s", name, suffix);
    if (file == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fact_path(cx, dir, file, &path));
    return po_fact_file_read(cx, path, UNIT_BYTES_MAX, ret_text, &state);
}

/* "300s", "5min", "1h"; -1 for what we do not write. */
static int64_t span_s(po_str text)
{
    static const struct {
        const char *unit;
        int64_t seconds;
    } units[] = {{"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", DAY_S}};
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    uint64_t count = 0;
    if (!po_is_ok(po_str_to_u64(po_str_slice(text, 0, digits), 1000000, &count))) return -1;
    po_str unit = po_str_slice(text, digits, text.len);
    if (unit.len == 0) return (int64_t)count;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (po_str_eq_cstr(unit, units[i].unit)) return (int64_t)count * units[i].seconds;
    return -1;
}

static int64_t timer_period_s(po_str timer)
{
    po_str active = po_fact_line_value(timer, "OnUnitActiveSec", '=');
    if (active.len > 0) return span_s(active);
    po_str calendar = po_fact_line_value(timer, "OnCalendar", '=');
    if (po_str_starts(calendar, PO_LIT("*-*-* ")) || po_str_eq_cstr(calendar, "daily"))
        return DAY_S;
    if (po_str_eq_cstr(calendar, "hourly")) return 3600;
    return -1;
}

static PO_RC is_enabled(struct po_ctx *cx, const char *dir, const char *name, bool *ret_is_enabled)
{
    const char *path = NULL;
    struct po_fs_info info = {0};
    const char *file = po_arena_printf(cx->arena, "timers.target.wants/%s.timer", name);
    if (file == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fact_path(cx, dir, file, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    *ret_is_enabled = info.is_symlink || info.is_file;
    return po_rc_ok();
}

static PO_RC put_job(struct po_ctx *cx, struct po_fact_set *set, const char *name,
                     struct po_json_out *out)
{
    const char *dir = set->places.user_units;
    po_str timer = {0};
    po_str service = {0};
    bool enabled = false;
    if (dir != NULL) {
        PO_TRY(cx, read_unit(cx, dir, name, "timer", &timer));
        PO_TRY(cx, read_unit(cx, dir, name, "service", &service));
        PO_TRY(cx, is_enabled(cx, dir, name, &enabled));
    }
    po_str command = po_fact_line_value(service, "ExecStart", '=');
    po_str root = po_str_of(set->places.root);
    bool is_ours = root.len > 0 && po_str_find(command, root, 0) != SIZE_MAX;
    po_json_out_object(out);
    po_fact_put_cstr(out, "name", name);
    po_fact_put_bool(out, "timer_present", timer.len > 0);
    po_fact_put_bool(out, "service_present", service.len > 0);
    po_fact_put_bool(out, "enabled", enabled);
    po_fact_put_bool(out, "for_this_home", is_ours);
    po_fact_put_opt(out, "period_s", timer_period_s(timer));
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(machine_timers)
{
    po_json_out_object(out);
    po_fact_put_array(out, "jobs");
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        PO_TRY(cx, put_job(cx, set, jobs[i].name, out));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(ledger_jobs)
{
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    const po_time_us last[] = {events->timer_assess_us, events->timer_report_us};
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)events->from);
    po_fact_put_array(out, "jobs");
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        po_json_out_object(out);
        po_fact_put_cstr(out, "name", jobs[i].name);
        po_fact_put_cstr(out, "event", jobs[i].event);
        po_fact_put_opt(out, "last_us", last[i] > 0 ? last[i] : -1);
        po_fact_put_opt(out, "age_s", last[i] > 0 ? (set->now_us - last[i]) / PO_US_PER_S : -1);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}
