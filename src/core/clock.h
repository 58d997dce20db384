/*
 * The only reader of time. Microseconds everywhere; a fake clock for tests.
 */
#ifndef PO_CORE_CLOCK_H
#define PO_CORE_CLOCK_H

#include "core/err.h"
#include "core/str.h"

typedef int64_t po_time_us;

#define PO_US_PER_MS ((po_time_us)1000)
#define PO_US_PER_S ((po_time_us)1000000)
#define PO_US_PER_MIN (60 * PO_US_PER_S)
#define PO_US_PER_HOUR (60 * PO_US_PER_MIN)
#define PO_US_PER_DAY (24 * PO_US_PER_HOUR)

struct po_clock {
    po_time_us (*now_us)(void *user);       /* wall, UTC */
    po_time_us (*monotonic_us)(void *user); /* never goes back */
    void *user;
};

/* The machine's clocks. */
extern const struct po_clock po_clock_system;

/* A clock that moves only when told. Wall and monotonic move together. */
struct po_clock_fake {
    struct po_clock clock;
    po_time_us wall_us;
    po_time_us mono_us;
};
void po_clock_fake_init(struct po_clock_fake *fake, po_time_us start_us);
void po_clock_fake_advance(struct po_clock_fake *fake, po_time_us by_us);

/* Wait; returns early on a signal. Used only where the design names a wait. */
void po_clock_sleep_us(po_time_us us);

#define PO_TIME_RFC3339_BYTES 28 /* "2026-11-21T22:00:00.123456Z" and NUL */
#define PO_TIME_DATE_BYTES 11    /* "2026-11-21" and NUL */

/* RFC 3339 UTC with six decimals. Years 1970..9999; outside is clamped. */
void po_time_format(po_time_us t, char out[static PO_TIME_RFC3339_BYTES]);
/* RFC 3339 UTC without decimals: "2026-11-21T22:00:00Z". */
void po_time_format_s(po_time_us t, char out[static PO_TIME_RFC3339_BYTES]);
void po_time_format_date(po_time_us t, char out[static PO_TIME_DATE_BYTES]);
/* "YYYYMMDD" for file names. */
void po_time_format_day(po_time_us t, char out[static 9]);
/* Strict RFC 3339 with "Z"; zero to six decimals. PO_INVALID otherwise. */
PO_RC po_time_parse(po_str s, po_time_us *ret_time);
/* Seconds since the day began where this machine stands (TZ): 0..86400; -1 when that cannot be said. */
int64_t po_time_into_local_day_s(po_time_us t);
/* "26h", "30m", "8d", "15s": whole number and one unit letter. PO_INVALID, PO_LIMIT (> 100 y). */
PO_RC po_duration_parse(po_str s, po_time_us *ret_duration);

#endif
