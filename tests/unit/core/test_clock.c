#include "core/clock.h"

#include "lib/test.h"

#include <string.h>
#include <time.h>

#define LAST_US ((po_time_us)253402300799999999)

TEST(clock__formats_known_times)
{
    static const struct {
        const char *name;
        po_time_us t;
        const char *full, *seconds, *date, *day;
    } rows[] = {
        {"epoch", 0, "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "1970-01-01",
         "19700101"},
        {"one microsecond", 1, "1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00Z", "1970-01-01",
         "19700101"},
        {"a leap day", 951782399999999, "2000-02-28T23:59:59.999999Z", "2000-02-28T23:59:59Z",
         "2000-02-28", "20000228"},
        {"leap day of 2000", 951782400000000, "2000-02-29T00:00:00.000000Z", "2000-02-29T00:00:00Z",
         "2000-02-29", "20000229"},
        {"billion", 1000000000123456, "2001-09-09T01:46:40.123456Z", "2001-09-09T01:46:40Z",
         "2001-09-09", "20010909"},
        {"beyond 2038", 4102444800000000, "2100-01-01T00:00:00.000000Z", "2100-01-01T00:00:00Z",
         "2100-01-01", "21000101"},
        {"no leap day in 2100", 4107542400000000, "2100-03-01T00:00:00.000000Z",
         "2100-03-01T00:00:00Z", "2100-03-01", "21000301"},
        {"last", LAST_US, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z", "9999-12-31",
         "99991231"},
        {"clamped above", LAST_US + 1, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z",
         "9999-12-31", "99991231"},
        {"far above", INT64_MAX, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z",
         "9999-12-31", "99991231"},
        {"clamped below", -1, "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "1970-01-01",
         "19700101"},
        {"far below", INT64_MIN, "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z",
         "1970-01-01", "19700101"},
    };
    TEST_EACH(row, rows)
    {
        char out[PO_TIME_RFC3339_BYTES];
        po_time_format(row->t, out);
        check_eq_cstr(out, row->full);
        po_time_format_s(row->t, out);
        check_eq_cstr(out, row->seconds);
        po_time_format_date(row->t, out);
        check_eq_cstr(out, row->date);
        po_time_format_day(row->t, out);
        check_eq_cstr(out, row->day);
    }
}

/* The C library as oracle: every day of the first 430 years, then every 13th, at random times. */
TEST_TIMEOUT(clock__agrees_with_the_c_library, 120)
{
    const int64_t whole_cycle = 430 * 366;
    for (int64_t day = 0; day <= LAST_US / PO_US_PER_DAY; day += day < whole_cycle ? 1 : 13) {
        po_time_us t = day * PO_US_PER_DAY + (po_time_us)test_random_below((uint64_t)PO_US_PER_DAY);
        time_t seconds = (time_t)(t / PO_US_PER_S);
        struct tm tm = {0};
        char want[32];
        char got[PO_TIME_RFC3339_BYTES];
        check_that(gmtime_r(&seconds, &tm) != NULL);
        check_that(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm) == 20);
        po_time_format_s(t, got);
        check_that(strcmp(want, got) == 0, "%s is not %s", got, want);
        po_time_us back = 0;
        po_time_format(t, got);
        check_that(po_is_ok(po_time_parse(po_str_of(got), &back)) && back == t, "%s", got);
    }
}

TEST(clock__parses_zero_to_six_decimals)
{
    static const struct {
        const char *name, *in;
        po_time_us want;
    } rows[] = {
        {"none", "1970-01-01T00:00:01Z", 1000000},
        {"one", "1970-01-01T00:00:01.5Z", 1500000},
        {"three", "1970-01-01T00:00:01.005Z", 1005000},
        {"six", "1970-01-01T00:00:01.000007Z", 1000007},
        {"last", "9999-12-31T23:59:59.999999Z", LAST_US},
        {"leap day", "2024-02-29T00:00:00Z", 1709164800000000},
    };
    TEST_EACH(row, rows)
    {
        po_time_us got = -1;
        check_ok_leaf(po_time_parse(po_str_of(row->in), &got));
        check_eq_int(got, row->want);
    }
}

TEST(clock__refuses_what_is_not_strict_rfc_3339)
{
    static const struct {
        const char *name, *in;
    } rows[] = {
        {"empty", ""},
        {"date only", "2026-11-21"},
        {"no zone", "2026-11-21T22:00:00"},
        {"offset", "2026-11-21T22:00:00+00:00"},
        {"lower t", "2026-11-21t22:00:00Z"},
        {"lower z", "2026-11-21T22:00:00z"},
        {"blank", "2026-11-21 22:00:00Z"},
        {"no seconds", "2026-11-21T22:00Z"},
        {"point without digits", "2026-11-21T22:00:00.Z"},
        {"seven decimals", "2026-11-21T22:00:00.1234567Z"},
        {"comma", "2026-11-21T22:00:00,5Z"},
        {"month 0", "2026-00-21T22:00:00Z"},
        {"month 13", "2026-13-21T22:00:00Z"},
        {"day 0", "2026-11-00T22:00:00Z"},
        {"day 31 of november", "2026-11-31T22:00:00Z"},
        {"february 29", "2026-02-29T22:00:00Z"},
        {"february 29 of 2100", "2100-02-29T22:00:00Z"},
        {"february 30 of 2000", "2000-02-30T22:00:00Z"},
        {"hour 24", "2026-11-21T24:00:00Z"},
        {"minute 60", "2026-11-21T22:60:00Z"},
        {"leap second", "2026-12-31T23:59:60Z"},
        {"before 1970", "1969-12-31T23:59:59Z"},
        {"short year", "226-11-21T22:00:00Z"},
        {"five digit year", "12026-11-21T22:00:00Z"},
        {"sign", "+026-11-21T22:00:00Z"},
        {"one digit month", "2026-1-21T22:00:00Z"},
        {"slashes", "2026/11/21T22:00:00Z"},
        {"trailing blank", "2026-11-21T22:00:00Z "},
        {"leading blank", " 2026-11-21T22:00:00Z"},
        {"letter in the year", "20x6-11-21T22:00:00Z"},
        {"high digit", "2026-11-21T22:00:0\xb2Z"},
    };
    TEST_EACH(row, rows)
    {
        po_time_us got = 4711;
        check_fails_leaf(po_time_parse(po_str_of(row->in), &got), PO_INVALID);
        check_eq_int(got, 4711);
    }
}

TEST(clock__durations_are_a_number_and_one_unit)
{
    static const struct {
        const char *name, *in;
        enum po_code code;
        po_time_us want;
    } rows[] = {
        {"seconds", "15s", PO_OK, 15 * PO_US_PER_S},
        {"minutes", "30m", PO_OK, 30 * PO_US_PER_MIN},
        {"hours", "26h", PO_OK, 26 * PO_US_PER_HOUR},
        {"days", "8d", PO_OK, 8 * PO_US_PER_DAY},
        {"zero", "0s", PO_OK, 0},
        {"100 years", "36525d", PO_OK, 36525 * PO_US_PER_DAY},
        {"over 100 years", "36526d", PO_LIMIT, 0},
        {"over 100 years of seconds", "3155760001s", PO_LIMIT, 0},
        {"would overflow", "99999999999999999999d", PO_LIMIT, 0},
        {"empty", "", PO_INVALID, 0},
        {"unit only", "h", PO_INVALID, 0},
        {"number only", "15", PO_INVALID, 0},
        {"unknown unit", "2w", PO_INVALID, 0},
        {"upper case", "2H", PO_INVALID, 0},
        {"two units", "1h30m", PO_INVALID, 0},
        {"negative", "-1h", PO_INVALID, 0},
        {"fraction", "1.5h", PO_INVALID, 0},
        {"blank", "1 h", PO_INVALID, 0},
        {"leading zero", "01h", PO_INVALID, 0},
    };
    TEST_EACH(row, rows)
    {
        po_time_us got = 4711;
        check_eq_int(po_duration_parse(po_str_of(row->in), &got).code, row->code);
        check_eq_int(got, row->code == PO_OK ? row->want : 4711);
    }
}

TEST(clock__fake_moves_only_when_told)
{
    struct po_clock_fake fake;
    po_clock_fake_init(&fake, 1000);
    const struct po_clock *clock = &fake.clock;
    po_time_us mono = clock->monotonic_us(clock->user);
    check_eq_int(clock->now_us(clock->user), 1000);
    check_eq_int(clock->now_us(clock->user), 1000);
    po_clock_fake_advance(&fake, 500);
    check_eq_int(clock->now_us(clock->user), 1500);
    check_eq_int(clock->monotonic_us(clock->user), mono + 500);
    po_clock_fake_advance(&fake, -700); /* the wall can be set back, the monotonic clock cannot */
    check_eq_int(clock->now_us(clock->user), 800);
    check_eq_int(clock->monotonic_us(clock->user), mono + 500);
}

TEST(clock__system_runs_and_agrees_with_the_c_library)
{
    const struct po_clock *clock = &po_clock_system;
    int64_t before = (int64_t)time(NULL);
    po_time_us now = clock->now_us(clock->user);
    int64_t after = (int64_t)time(NULL);
    check_that(now / PO_US_PER_S >= before - 1 && now / PO_US_PER_S <= after + 1);
    po_time_us start = clock->monotonic_us(clock->user);
    po_clock_sleep_us(20 * PO_US_PER_MS);
    check_that(clock->monotonic_us(clock->user) - start >= 20 * PO_US_PER_MS);
    po_clock_sleep_us(0);
    po_clock_sleep_us(-5);
}
