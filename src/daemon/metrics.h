/*
 * What the front counts, and the text that Prometheus reads (exposition format 0.0.4).
 *
 * Names begin with paulyops_, units are seconds and bytes, counters end in _total. There is no label
 * whose values a client chooses: classes and statuses come from the tables here.
 *
 * Threads  owner's
 * Source   docs/spec/front.md 6
 * Control  CC7.2 A1.1
 */
#ifndef PO_DAEMON_METRICS_H
#define PO_DAEMON_METRICS_H

#include "core/buf.h"
#include "core/clock.h"
#include "http/http.h"

/* Classes of routes: rates are set and requests are counted by class. Name, burst, per minute. */
#define PO_FRONT_CLASS_TABLE(X)                                                                    \
    X(PAGE, "page", 240, 1200)                                                                     \
    X(AUTH, "auth", 60, 60)                                                                        \
    X(READ, "read", 400, 3000)                                                                     \
    X(WRITE, "write", 120, 900)                                                                    \
    X(STREAM, "stream", 20, 60)                                                                    \
    X(PROBE, "probe", 240, 2400)                                                                   \
    X(OTHER, "other", 60, 300)

enum po_front_class {
#define X(id, name, burst, per_minute) PO_FRONT_CLASS_##id,
    PO_FRONT_CLASS_TABLE(X)
#undef X
        PO_FRONT_CLASS_COUNT
};
const char *po_front_class_name(enum po_front_class class);

#define PO_METRICS_STATUSES 32
#define PO_METRICS_BUCKETS 12 /* the last is "more than all others" */
#define PO_METRICS_TEXT_BYTES_MAX ((size_t)256 << 10)

struct po_metrics_class {
    uint64_t by_status[PO_METRICS_STATUSES];
    uint64_t by_time[PO_METRICS_BUCKETS];
    uint64_t total_us;
    uint64_t count;
    uint64_t limited; /* refused by rate */
};
struct po_metrics {
    struct po_metrics_class classes[PO_FRONT_CLASS_COUNT];
    uint64_t slow_streams; /* closed because their client did not read */
    uint64_t query_secrets;
    uint64_t core_lost; /* connections to core that ended */
};

/* One answered request; `took_us` below 0 counts as 0. */
void po_metrics_request(struct po_metrics *metrics, enum po_front_class class, unsigned status,
                        po_time_us took_us);

/* What stands beside the counters when the text is made. */
struct po_metrics_now {
    struct po_http_stats http;
    po_time_us started_us; /* wall clock */
    uint64_t flows;        /* requests at core */
    uint64_t streams;
    uint64_t channel_bytes; /* waiting to be read by core */
    bool is_ready;
    po_str core; /* core's own lines, checked by po_metrics_is_text; empty: none */
};
/* Append the whole text. PO_LIMIT, PO_NOMEM stick in `out`. */
void po_metrics_write(const struct po_metrics *metrics, const struct po_metrics_now *now,
                      struct po_buf *out);

/*
 * Whether these are lines that may be passed on: comments (# HELP, # TYPE) and samples whose names
 * begin with paulyops_, each line ended, no other byte than printable ASCII.
 */
bool po_metrics_is_text(po_str text);

#endif
