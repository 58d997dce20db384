/*
 * Facts of the service: how much of the time it gave a sign of life, the jobs it starts by itself, and
 * what the supervisor did about processes that ended.
 *
 * A sign of life is an event that only a working service can leave: its heartbeat (once a minute), or an
 * assessment. A minute is up when a sign lies in it, or when it lies between two signs at most
 * PO_FACT_SIGN_GAP_US apart: a heartbeat that comes three seconds late makes no minute down. Every other
 * minute is unknown, and unknown is down (MON-05).
 */
#include "fact_pass_priv.h"

#define DAY_S 86400
#define WINDOW_MINUTES ((int64_t)30 * 24 * 60)
/* Without a sign for so long, the service is not taken to be running. */
#define RUNNING_US (150 * PO_US_PER_S)
/* After the end of a process the service must give a sign within this time. */
#define BACK_US (2 * PO_US_PER_MIN)

/* ---- minutes ----------------------------------------------------------------------------------- */

static int64_t minute_of(po_time_us at_us) { return at_us / PO_US_PER_MIN; }

PO_RC po_fact_minutes_init(struct po_ctx *cx, po_time_us now_us,
                           struct po_fact_minutes *ret_minutes)
{
    struct po_fact_minutes minutes = {.now_us = now_us,
                                      .base = minute_of(now_us) - PO_FACT_MINUTES_MAX};
    PO_ARENA_NEW(cx, minutes.up, PO_FACT_MINUTES_MAX / 64 + 1);
    *ret_minutes = minutes;
    return po_rc_ok();
}

static void set_up(struct po_fact_minutes *minutes, int64_t first, int64_t last)
{
    for (int64_t at = first; at <= last; at++) {
        int64_t i = at - minutes->base;
        if (i >= 0 && i < PO_FACT_MINUTES_MAX)
            minutes->up[i / 64] |= UINT64_C(1) << (uint64_t)(i % 64);
    }
}

void po_fact_minutes_sign(struct po_fact_minutes *minutes, po_time_us at_us)
{
    bool is_near = minutes->signs > 0 && at_us >= minutes->last_us &&
                   at_us - minutes->last_us <= PO_FACT_SIGN_GAP_US;
    set_up(minutes, is_near ? minute_of(minutes->last_us) : minute_of(at_us), minute_of(at_us));
    if (minutes->signs == 0 || at_us > minutes->last_us) minutes->last_us = at_us;
    minutes->signs++;
}

/* The newest sign may be a moment ago: the next one is not due yet. */
static void close_tail(struct po_fact_minutes *minutes)
{
    bool is_near = minutes->signs > 0 && minutes->now_us >= minutes->last_us &&
                   minutes->now_us - minutes->last_us <= PO_FACT_SIGN_GAP_US;
    if (is_near) set_up(minutes, minute_of(minutes->last_us), minute_of(minutes->now_us));
}

static int64_t count_up(const struct po_fact_minutes *minutes, int64_t first, int64_t end)
{
    int64_t up = 0;
    for (int64_t at = first; at < end; at++) {
        int64_t i = at - minutes->base;
        if (i >= 0 && i < PO_FACT_MINUTES_MAX)
            up += (int64_t)(minutes->up[i / 64] >> (uint64_t)(i % 64) & 1);
    }
    return up;
}

/* ---- service.uptime ---------------------------------------------------------------------------- */

/* Ten minutes with a hole of four, through the same counting: what it must say is known. */
static PO_RC count_planted(struct po_ctx *cx, int64_t *ret_down)
{
    static const int signs_s[] = {5, 65, 125, 425, 485, 545};
    struct po_fact_minutes minutes = {0};
    const po_time_us start_us = PO_FACT_MINUTES_MAX * PO_US_PER_MIN;
    PO_TRY(cx, po_fact_minutes_init(cx, start_us + 10 * PO_US_PER_MIN, &minutes));
    for (size_t i = 0; i < sizeof signs_s / sizeof *signs_s; i++)
        po_fact_minutes_sign(&minutes, start_us + signs_s[i] * PO_US_PER_S);
    close_tail(&minutes);
    int64_t first = minute_of(start_us);
    *ret_down = 10 - count_up(&minutes, first, first + 10);
    return po_rc_ok();
}

static void put_window(struct po_json_out *out, const char *key,
                       const struct po_fact_minutes *minutes, int64_t first)
{
    int64_t end = minute_of(minutes->now_us);
    int64_t count = end > first ? end - first : 0;
    po_json_out_key(out, key);
    po_json_out_object(out);
    po_fact_put_int(out, "minutes", count);
    po_fact_put_int(out, "up", count_up(minutes, first, end));
    po_json_out_object_end(out);
}

PO_FACT_READER(service_uptime)
{
    const struct po_fact_records *records = NULL;
    int64_t planted_down = 0;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    struct po_fact_minutes minutes = records->minutes;
    close_tail(&minutes);
    PO_TRY(cx, count_planted(cx, &planted_down));
    /* whole minutes since the first leaf; the one that has just begun is not over yet */
    int64_t first = records->size > 0 ? minute_of(records->first_us) + 1 : minute_of(set->now_us);
    if (first < minutes.base) first = minutes.base;
    int64_t window = minute_of(set->now_us) - WINDOW_MINUTES;
    po_json_out_object(out);
    po_fact_put_int(out, "signs", (int64_t)minutes.signs);
    po_fact_put_opt(out, "last_sign_us", minutes.signs > 0 ? minutes.last_us : -1);
    put_window(out, "days_30", &minutes, first > window ? first : window);
    put_window(out, "period", &minutes, first);
    po_fact_put_int(out, "planted_unknown", 4);
    po_fact_put_int(out, "planted_down", planted_down);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- service.jobs ------------------------------------------------------------------------------ */

static po_time_us last_sign_us(const struct po_fact_records *records)
{
    po_time_us beat_us = records->types[PO_EVENT_TYPE_SERVICE_HEARTBEAT].newest_us;
    po_time_us start_us = records->types[PO_EVENT_TYPE_SERVICE_STARTED].newest_us;
    return beat_us > start_us ? beat_us : start_us;
}

static bool is_running(const struct po_fact_records *records, po_time_us now_us)
{
    const struct po_fact_type_count *started = &records->types[PO_EVENT_TYPE_SERVICE_STARTED];
    const struct po_fact_type_count *stopped = &records->types[PO_EVENT_TYPE_SERVICE_STOPPED];
    if (started->count == 0) return false;
    if (stopped->count > 0 && stopped->newest_leaf > started->newest_leaf) return false;
    return now_us - last_sign_us(records) <= RUNNING_US;
}

PO_FACT_READER(service_jobs)
{
    const struct po_fact_records *records = NULL;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    const struct {
        const char *name;
        int64_t period_s;
    } jobs[] = {{PO_FACT_JOB_ASSESS, set->places.assess_period_us / PO_US_PER_S},
                {PO_FACT_JOB_NIGHTLY, DAY_S}};
    bool running = is_running(records, set->now_us);
    po_time_us sign_us = last_sign_us(records);
    po_json_out_object(out);
    po_fact_put_bool(out, "running", running);
    po_fact_put_opt(out, "last_sign_age_s",
                    sign_us > 0 ? (set->now_us - sign_us) / PO_US_PER_S : -1);
    po_fact_put_array(out, "jobs");
    for (size_t i = 0; running && i < sizeof jobs / sizeof *jobs; i++) {
        po_json_out_object(out);
        po_fact_put_cstr(out, "name", jobs[i].name);
        po_fact_put_int(out, "period_s", jobs[i].period_s);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- service.restarts -------------------------------------------------------------------------- */

void po_fact_crash_add(struct po_fact_crashes *crashes, po_time_us at_us)
{
    if (crashes->open == 0) crashes->open_us = at_us;
    crashes->count++;
    crashes->open++;
}

void po_fact_crash_sign(struct po_fact_crashes *crashes, po_time_us at_us)
{
    if (crashes->open > 0 && at_us - crashes->open_us <= BACK_US) crashes->back += crashes->open;
    crashes->open = 0;
}

PO_FACT_READER(service_restarts)
{
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    const struct po_fact_crashes *crashes = &events->crashes;
    bool is_early = crashes->open > 0 && set->now_us - crashes->open_us <= BACK_US;
    int64_t waiting = is_early ? (int64_t)crashes->open : 0;
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)events->from);
    po_fact_put_int(out, "ended", (int64_t)crashes->count - waiting);
    po_fact_put_int(out, "back", (int64_t)crashes->back);
    po_fact_put_int(out, "waiting", waiting);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- service.endpoint -------------------------------------------------------------------------- */

PO_FACT_READER(service_endpoint)
{
    const struct po_fact_records *records = NULL;
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_records_get(cx, set, &records));
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    const struct po_fact_endpoint *endpoint = &events->endpoint;
    int64_t age_s = (set->now_us - endpoint->asked_us) / PO_US_PER_S;
    po_json_out_object(out);
    po_fact_put_bool(out, "running", is_running(records, set->now_us));
    po_fact_put_int(out, "status", endpoint->status);
    po_fact_put_int(out, "took_ms", endpoint->took_ms);
    po_fact_put_opt(out, "age_s", !endpoint->is_asked ? -1 : age_s > 0 ? age_s : 0);
    po_json_out_object_end(out);
    return po_rc_ok();
}
