/*
 * Time. Civil dates by arithmetic on days: libc's functions read time zones from the environment.
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#include "core/clock.h"

#include <stdio.h>
#include <time.h>

#define TIME_US_MAX ((po_time_us)253402300799999999) /* 9999-12-31T23:59:59.999999Z */
#define DURATION_US_MAX (36525 * PO_US_PER_DAY)
#define DAYS_PER_ERA 146097  /* 400 years */
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

static po_time_us clamp(po_time_us t)
{
    if (t < 0) return 0;
    return t > TIME_US_MAX ? TIME_US_MAX : t;
}

/* A clock that was never set shows the nearest time that can be written down. */
static po_time_us read_clock(clockid_t id)
{
    struct timespec now = {0};
    if (clock_gettime(id, &now) != 0) return 0;
    if (now.tv_sec > TIME_US_MAX / PO_US_PER_S) return TIME_US_MAX;
    return clamp((po_time_us)now.tv_sec * PO_US_PER_S + (po_time_us)now.tv_nsec / 1000);
}

static po_time_us system_now(void *user)
{
    (void)user;
    return read_clock(CLOCK_REALTIME);
}

static po_time_us system_monotonic(void *user)
{
    (void)user;
    return read_clock(CLOCK_MONOTONIC);
}

const struct po_clock po_clock_system = {system_now, system_monotonic, NULL};

static po_time_us fake_now(void *user) { return ((const struct po_clock_fake *)user)->wall_us; }

static po_time_us fake_monotonic(void *user)
{
    return ((const struct po_clock_fake *)user)->mono_us;
}

void po_clock_fake_init(struct po_clock_fake *fake, po_time_us start_us)
{
    *fake = (struct po_clock_fake){
        .clock = {fake_now, fake_monotonic, fake},
        .wall_us = start_us,
        .mono_us = PO_US_PER_S,
    };
}

void po_clock_fake_advance(struct po_clock_fake *fake, po_time_us by_us)
{
    fake->wall_us += by_us;
    if (by_us > 0) fake->mono_us += by_us;
}

void po_clock_sleep_us(po_time_us us)
{
    if (us <= 0) return;
    struct timespec wait = {us / PO_US_PER_S, us % PO_US_PER_S * 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

struct civil {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
};

/* `days` since 1970-01-01, not negative. Years run from March so that the leap day is last. */
static struct civil civil_of_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = shifted / DAYS_PER_ERA;
    int64_t day_of_era = shifted % DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct civil){
        .year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static int64_t days_of_civil(struct civil date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = year / 400;
    int64_t year_of_era = year % 400;
    int64_t month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const int64_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* `width` decimal digits of `value` at `out`; gives the end. */
static char *put(char *out, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + width;
}

static char *put_char(char *out, char c)
{
    *out = c;
    return out + 1;
}

static char *put_date(char *out, po_time_us t, bool has_dashes)
{
    struct civil date = civil_of_days(t / PO_US_PER_DAY);
    out = put(out, date.year, 4);
    if (has_dashes) out = put_char(out, '-');
    out = put(out, date.month, 2);
    if (has_dashes) out = put_char(out, '-');
    return put(out, date.day, 2);
}

static char *put_time(char *out, po_time_us t)
{
    int64_t second = t % PO_US_PER_DAY / PO_US_PER_S;
    out = put_date(out, t, true);
    out = put_char(out, 'T');
    out = put(out, second / 3600, 2);
    out = put_char(out, ':');
    out = put(out, second / 60 % 60, 2);
    out = put_char(out, ':');
    return put(out, second % 60, 2);
}

void po_time_format(po_time_us t, char out[static PO_TIME_RFC3339_BYTES])
{
    t = clamp(t);
    char *at = put_char(put_time(out, t), '.');
    at = put_char(put(at, t % PO_US_PER_S, 6), 'Z');
    *at = '\0';
}

void po_time_format_s(po_time_us t, char out[static PO_TIME_RFC3339_BYTES])
{
    *put_char(put_time(out, clamp(t)), 'Z') = '\0';
}

void po_time_format_date(po_time_us t, char out[static PO_TIME_DATE_BYTES])
{
    *put_date(out, clamp(t), true) = '\0';
}

void po_time_format_day(po_time_us t, char out[static 9])
{
    *put_date(out, clamp(t), false) = '\0';
}

/* `width` digits off the front. */
static bool take_number(po_str *rest, size_t width, int64_t *ret_value)
{
    if (rest->len < width) return false;
    int64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        if (rest->ptr[i] < '0' || rest->ptr[i] > '9') return false;
        value = value * 10 + (rest->ptr[i] - '0');
    }
    *ret_value = value;
    *rest = po_str_slice(*rest, width, rest->len);
    return true;
}

static bool take_char(po_str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) return false;
    *rest = po_str_slice(*rest, 1, rest->len);
    return true;
}

static bool take_date(po_str *rest, struct civil *ret_date)
{
    struct civil date = {0};
    bool is_date = take_number(rest, 4, &date.year) && take_char(rest, '-') &&
                   take_number(rest, 2, &date.month) && take_char(rest, '-') &&
                   take_number(rest, 2, &date.day);
    if (!is_date || date.year < 1970 || date.month < 1 || date.month > 12) return false;
    if (date.day < 1 || date.day > month_days(date.year, date.month)) return false;
    *ret_date = date;
    return true;
}

/* Leap seconds have no place on our time line: 60 is refused. */
static bool take_second_of_day(po_str *rest, int64_t *ret_second)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    bool is_time = take_number(rest, 2, &hour) && take_char(rest, ':') &&
                   take_number(rest, 2, &minute) && take_char(rest, ':') &&
                   take_number(rest, 2, &second);
    if (!is_time || hour > 23 || minute > 59 || second > 59) return false;
    *ret_second = hour * 3600 + minute * 60 + second;
    return true;
}

/* ".1" to ".123456", or nothing. */
static bool take_fraction(po_str *rest, int64_t *ret_us)
{
    int64_t us = 0;
    if (take_char(rest, '.')) {
        int64_t scale = PO_US_PER_S;
        int64_t digit = 0;
        while (scale > 1 && take_number(rest, 1, &digit)) {
            scale /= 10;
            us += digit * scale;
        }
        if (scale == PO_US_PER_S) return false;
    }
    *ret_us = us;
    return true;
}

po_rc po_time_parse(po_str s, po_time_us *ret_time)
{
    struct civil date = {0};
    int64_t second = 0;
    int64_t us = 0;
    bool is_time = take_date(&s, &date) && take_char(&s, 'T') && take_second_of_day(&s, &second) &&
                   take_fraction(&s, &us) && take_char(&s, 'Z') && s.len == 0;
    if (!is_time) return po_rc_of(PO_INVALID);
    *ret_time = days_of_civil(date) * PO_US_PER_DAY + second * PO_US_PER_S + us;
    return po_rc_ok();
}

static po_time_us unit_us(char unit)
{
    switch (unit) {
    case 's': return PO_US_PER_S;
    case 'm': return PO_US_PER_MIN;
    case 'h': return PO_US_PER_HOUR;
    case 'd': return PO_US_PER_DAY;
    default: return 0;
    }
}

int64_t po_time_into_local_day_s(po_time_us t)
{
    time_t seconds = (time_t)(t / PO_US_PER_S);
    struct tm local = {0};
    if (localtime_r(&seconds, &local) == NULL) return -1;
    return local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec;
}

po_rc po_duration_parse(po_str s, po_time_us *ret_duration)
{
    po_time_us unit = s.len == 0 ? 0 : unit_us(s.ptr[s.len - 1]);
    if (unit == 0) return po_rc_of(PO_INVALID);
    uint64_t count = 0;
    PO_PASS(
        po_str_to_u64(po_str_slice(s, 0, s.len - 1), (uint64_t)(DURATION_US_MAX / unit), &count));
    *ret_duration = (po_time_us)count * unit;
    return po_rc_ok();
}
