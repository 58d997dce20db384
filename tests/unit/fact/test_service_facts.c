/*
 * Facts of the service: minutes that are up, jobs it starts itself, processes that came back.
 */
#include "fact_fixture.h"

#include "fact/fact_pass_priv.h"
#include "home/home.h"
#include "ledger/ledger.h"

static struct po_fact_set *again(struct po_ctx *cx, struct po_fact_set *set)
{
    struct po_fact_set *later = NULL;
    check_ok(cx, po_home_flush(cx, set->home));
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &later));
    return later;
}

static void record(struct po_ctx *cx, struct po_fact_set *set, enum po_event_type type)
{
    bool is_crash = type == PO_EVENT_TYPE_PROCESS_CRASHED;
    struct po_event event = {.type = type,
                             .resource = is_crash ? PO_LIT("process:front") : PO_LIT("test:x"),
                             .action = is_crash ? PO_LIT("restart") : PO_LIT("test"),
                             .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_home_record(cx, set->home, &event));
    check_ok(cx, po_home_flush(cx, set->home));
}

/* A heartbeat each `step_s` seconds. */
static void beat(struct po_ctx *cx, struct po_fact_set *set, int count, int step_s)
{
    for (int i = 0; i < count; i++) {
        po_clock_fake_advance(test_clock(), step_s * PO_US_PER_S);
        record(cx, set, PO_EVENT_TYPE_SERVICE_HEARTBEAT);
    }
}

/* @proves A1.1 */
TEST_TIMEOUT(service_uptime__counts_minutes_without_a_sign_as_down, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    beat(cx, set, 10, 60);
    const struct po_json *value = fixture_read(cx, again(cx, set), "service.uptime");
    check_eq_int(fixture_int(value, "period.minutes"), 9);
    check_eq_int(fixture_int(value, "period.up"), 9);
    beat(cx, set, 1, 600); /* nine minutes of which nobody knows */
    value = fixture_read(cx, again(cx, set), "service.uptime");
    check_eq_int(fixture_int(value, "period.minutes"), 19);
    check_eq_int(fixture_int(value, "period.up"), 10);
    check_eq_int(fixture_int(value, "days_30.minutes"), 19);
    check_eq_int(fixture_int(value, "days_30.up"), 10);
    check_eq_int(fixture_int(value, "signs"), 11);
    check_eq_int(fixture_int(value, "planted_down"), fixture_int(value, "planted_unknown"));
}

/* A late heartbeat leaves a minute of the clock without any, but the service was up. */
TEST_TIMEOUT(service_uptime__bridges_a_heartbeat_that_is_late_and_no_more, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    beat(cx, set, 8, 89);
    const struct po_json *value = fixture_read(cx, again(cx, set), "service.uptime");
    check_eq_int(fixture_int(value, "period.minutes"), 10);
    check_eq_int(fixture_int(value, "period.up"), 10);
    beat(cx, set, 4, 119); /* each second minute has no sign, and the next one is too far away */
    value = fixture_read(cx, again(cx, set), "service.uptime");
    check_eq_int(fixture_int(value, "period.minutes"), 18);
    check_eq_int(fixture_int(value, "period.up"), 14);
}

TEST_TIMEOUT(service_uptime__looks_back_thirty_days_and_a_year, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    beat(cx, set, 1, 60);
    po_clock_fake_advance(test_clock(), 400 * PO_US_PER_DAY);
    beat(cx, set, 3, 60);
    const struct po_json *value = fixture_read(cx, again(cx, set), "service.uptime");
    check_eq_int(fixture_int(value, "days_30.minutes"), 30 * 24 * 60);
    check_eq_int(fixture_int(value, "days_30.up"), 2);
    check_eq_int(fixture_int(value, "period.minutes"), 366 * 24 * 60);
    check_eq_int(fixture_int(value, "period.up"), 2);
}

TEST_TIMEOUT(service_uptime__of_a_new_home_is_of_no_minute, 60)
{
    TEST_CX(cx);
    const struct po_json *value = fixture_read(cx, fixture_home_set(cx), "service.uptime");
    check_eq_int(fixture_int(value, "period.minutes"), 0);
    check_eq_int(fixture_int(value, "signs"), 0);
    check_that(fixture_is_null(value, "last_sign_us"));
}

TEST_TIMEOUT(service_jobs__are_those_of_a_service_that_runs, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    set->places.assess_period_us = 5 * PO_US_PER_MIN;
    check_that(!fixture_bool(fixture_read(cx, set, "service.jobs"), "running"));
    record(cx, set, PO_EVENT_TYPE_SERVICE_STARTED);
    beat(cx, set, 1, 60);
    const struct po_json *value = fixture_read(cx, again(cx, set), "service.jobs");
    check_that(fixture_bool(value, "running"));
    check_eq_int(fixture_int(value, "last_sign_age_s"), 0);
    check_eq_str(fixture_str(value, "jobs.0.name"), "paulyops-assess");
    check_eq_int(fixture_int(value, "jobs.0.period_s"), 300);
    check_eq_int(fixture_int(value, "jobs.1.period_s"), 86400);
    po_clock_fake_advance(test_clock(), 151 * PO_US_PER_S);
    value = fixture_read(cx, again(cx, set), "service.jobs");
    check_that(!fixture_bool(value, "running"), "silent for too long");
    beat(cx, set, 1, 1);
    record(cx, set, PO_EVENT_TYPE_SERVICE_STOPPED);
    value = fixture_read(cx, again(cx, set), "service.jobs");
    check_that(!fixture_bool(value, "running"), "stopped");
    check_that(fixture_at(value, "jobs")->first == NULL);
}

static void beat_saying(struct po_ctx *cx, struct po_fact_set *set, const char *detail)
{
    struct po_event event = {.type = PO_EVENT_TYPE_SERVICE_HEARTBEAT,
                             .resource = PO_LIT("service:core"),
                             .action = PO_LIT("beat"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_str_of(detail)};
    check_ok(cx, po_home_record(cx, set->home, &event));
    check_ok(cx, po_home_flush(cx, set->home));
}

TEST_TIMEOUT(service_endpoint__is_what_the_newest_heartbeat_says, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const struct po_json *value = fixture_read(cx, set, "service.endpoint");
    check_that(!fixture_bool(value, "running"));
    check_that(fixture_is_null(value, "age_s"), "never asked");
    record(cx, set, PO_EVENT_TYPE_SERVICE_STARTED);
    beat_saying(cx, set, "{\"endpoint\":{\"status\":200,\"took_ms\":7,\"age_s\":30}}");
    po_clock_fake_advance(test_clock(), 5 * PO_US_PER_S);
    value = fixture_read(cx, again(cx, set), "service.endpoint");
    check_that(fixture_bool(value, "running"));
    check_eq_int(fixture_int(value, "status"), 200);
    check_eq_int(fixture_int(value, "took_ms"), 7);
    check_eq_int(fixture_int(value, "age_s"), 35);
    beat_saying(cx, set, "{\"endpoint\":{\"status\":200,\"took_ms\":-1,\"age_s\":30}}");
    value = fixture_read(cx, again(cx, set), "service.endpoint");
    check_that(fixture_is_null(value, "age_s"), "nonsense is no answer");
    beat_saying(cx, set, "{\"endpoint\":{\"status\":0,\"took_ms\":2000,\"age_s\":1}}");
    record(cx, set, PO_EVENT_TYPE_SERVICE_STARTED);
    value = fixture_read(cx, again(cx, set), "service.endpoint");
    check_that(fixture_is_null(value, "age_s"), "another service was asked");
}

TEST_TIMEOUT(service_restarts__count_what_came_back_in_time, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const struct po_json *value = fixture_read(cx, set, "service.restarts");
    check_eq_int(fixture_int(value, "ended"), 0);
    record(cx, set, PO_EVENT_TYPE_PROCESS_CRASHED);
    record(cx, set, PO_EVENT_TYPE_PROCESS_CRASHED);
    value = fixture_read(cx, again(cx, set), "service.restarts");
    check_eq_int(fixture_int(value, "ended"), 0);
    check_eq_int(fixture_int(value, "waiting"), 2);
    beat(cx, set, 1, 60);
    value = fixture_read(cx, again(cx, set), "service.restarts");
    check_eq_int(fixture_int(value, "ended"), 2);
    check_eq_int(fixture_int(value, "back"), 2);
    record(cx, set, PO_EVENT_TYPE_PROCESS_CRASHED);
    beat(cx, set, 1, 121);
    value = fixture_read(cx, again(cx, set), "service.restarts");
    check_eq_int(fixture_int(value, "ended"), 3);
    check_eq_int(fixture_int(value, "back"), 2);
    check_eq_int(fixture_int(value, "waiting"), 0);
}
