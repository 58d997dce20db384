/*
 * Counting requests, and writing the figures down for Prometheus.
 */
#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const CLASS_NAMES[PO_FRONT_CLASS_COUNT] = {
#define X(id, name, burst, per_minute) [PO_FRONT_CLASS_##id] = (name),
    PO_FRONT_CLASS_TABLE(X)
#undef X
};

/* 0 stands for every other one. */
static const uint16_t STATUSES[PO_METRICS_STATUSES] = {
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405,
    408, 409, 410, 412, 413, 415, 422, 426, 428, 429, 499, 500, 501, 503, 504, 0,
};

static const struct {
    po_time_us most_us;
    const char *label;
} BUCKETS[PO_METRICS_BUCKETS] = {
    {500, "0.0005"}, {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {500000, "0.5"}, {1000000, "1"},   {5000000, "5"},   {INT64_MAX, "+Inf"},
};

const char *po_front_class_name(enum po_front_class class)
{
    return (unsigned)class < PO_FRONT_CLASS_COUNT ? CLASS_NAMES[class] : "other";
}

static size_t slot_of_status(unsigned status)
{
    for (size_t i = 0; i + 1 < PO_METRICS_STATUSES; i++)
        if (STATUSES[i] == status) return i;
    return PO_METRICS_STATUSES - 1;
}

void po_metrics_request(struct po_metrics *metrics, enum po_front_class class, unsigned status,
                        po_time_us took_us)
{
    if ((unsigned)class >= PO_FRONT_CLASS_COUNT) return;
    struct po_metrics_class *counts = &metrics->classes[class];
    size_t bucket = 0;
    if (took_us < 0) took_us = 0;
    while (bucket + 1 < PO_METRICS_BUCKETS && took_us > BUCKETS[bucket].most_us)
        bucket++;
    counts->by_status[slot_of_status(status)]++;
    counts->by_time[bucket]++;
    counts->total_us += (uint64_t)took_us;
    counts->count++;
    if (status == 429) counts->limited++;
}

/* ---- the text ------------------------------------------------------------------------------------- */

static void head(struct po_buf *out, const char *name, const char *type, const char *help)
{
    po_buf_printf(out, "# HELP paulyops_%s %s\n# TYPE paulyops_%s %s\n", name, help, name, type);
}

static void single(struct po_buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    head(out, name, type, help);
    po_buf_printf(out, "paulyops_%s %" PRIu64 "\n", name, value);
}

static void write_requests(const struct po_metrics *metrics, struct po_buf *out)
{
    head(out, "http_requests_total", "counter", "Answered requests.");
    for (size_t c = 0; c < PO_FRONT_CLASS_COUNT; c++) {
        for (size_t s = 0; s < PO_METRICS_STATUSES; s++) {
            uint64_t count = metrics->classes[c].by_status[s];
            char code[8] = "other";
            if (count == 0) continue;
            if (STATUSES[s] != 0) (void)snprintf(code, sizeof code, "%u", STATUSES[s]);
            po_buf_printf(out,
                          "paulyops_http_requests_total{class=\"%s\",status=\"%s\"} %" PRIu64 "\n",
                          CLASS_NAMES[c], code, count);
        }
    }
}

static void write_times(const struct po_metrics *metrics, struct po_buf *out)
{
    static const char name[] = "paulyops_http_request_duration_seconds";
    head(out, "http_request_duration_seconds", "histogram",
         "From the whole request to its answer.");
    for (size_t c = 0; c < PO_FRONT_CLASS_COUNT; c++) {
        const struct po_metrics_class *counts = &metrics->classes[c];
        uint64_t sum = 0;
        for (size_t b = 0; b < PO_METRICS_BUCKETS; b++) {
            sum += counts->by_time[b];
            po_buf_printf(out, "%s_bucket{class=\"%s\",le=\"%s\"} %" PRIu64 "\n", name,
                          CLASS_NAMES[c], BUCKETS[b].label, sum);
        }
        po_buf_printf(out, "%s_sum{class=\"%s\"} %" PRIu64 ".%06u\n", name, CLASS_NAMES[c],
                      counts->total_us / 1000000, (unsigned)(counts->total_us % 1000000));
        po_buf_printf(out, "%s_count{class=\"%s\"} %" PRIu64 "\n", name, CLASS_NAMES[c],
                      counts->count);
    }
}

static void write_refusals(const struct po_metrics *metrics, const struct po_http_stats *http,
                           struct po_buf *out)
{
    head(out, "http_rate_limited_total", "counter", "Requests refused because of their rate.");
    for (size_t c = 0; c < PO_FRONT_CLASS_COUNT; c++)
        po_buf_printf(out, "paulyops_http_rate_limited_total{class=\"%s\"} %" PRIu64 "\n",
                      CLASS_NAMES[c], metrics->classes[c].limited);
    const struct {
        const char *reason;
        uint64_t count;
    } reasons[] = {{"total", http->refused_total},
                   {"address", http->refused_address},
                   {"evicted", http->evicted},
                   {"handshake", http->handshakes_failed},
                   {"timeout", http->timeouts}};
    head(out, "http_connections_refused_total", "counter", "Connections ended or not taken.");
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        po_buf_printf(out, "paulyops_http_connections_refused_total{reason=\"%s\"} %" PRIu64 "\n",
                      reasons[i].reason, reasons[i].count);
}

void po_metrics_write(const struct po_metrics *metrics, const struct po_metrics_now *now,
                      struct po_buf *out)
{
    const struct po_http_stats *http = &now->http;
    write_requests(metrics, out);
    write_times(metrics, out);
    write_refusals(metrics, http, out);
    single(out, "http_malformed_total", "counter", "Requests that the parser refused.",
           http->malformed);
    single(out, "http_query_secrets_total", "counter",
           "Requests refused because a credential stood in their address.", metrics->query_secrets);
    single(out, "http_connections_total", "counter", "Accepted connections.", http->accepted);
    single(out, "http_connections", "gauge", "Open connections.", http->open);
    single(out, "http_received_bytes_total", "counter", "Bytes from clients.", http->bytes_in);
    single(out, "http_sent_bytes_total", "counter", "Bytes to clients.", http->bytes_out);
    single(out, "http_streams", "gauge", "Open event streams and WebSockets.", now->streams);
    single(out, "http_slow_streams_total", "counter", "Streams closed because nobody read them.",
           metrics->slow_streams);
    single(out, "front_requests_waiting", "gauge", "Requests that core has not answered yet.",
           now->flows);
    single(out, "front_channel_bytes", "gauge", "Bytes waiting to be read by core.",
           now->channel_bytes);
    single(out, "front_core_lost_total", "counter", "Times that core went away.",
           metrics->core_lost);
    single(out, "ready", "gauge", "Whether requests are answered by core.", now->is_ready ? 1 : 0);
    single(out, "front_start_time_seconds", "gauge", "When the front started, in Unix time.",
           (uint64_t)(now->started_us / PO_US_PER_S));
    po_buf_append(out, now->core);
}

/* ---- lines of others ------------------------------------------------------------------------------ */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_sample(po_str line)
{
    size_t at = sizeof "paulyops_" - 1;
    if (!po_str_starts(line, PO_LIT("paulyops_"))) return false;
    while (at < line.len && is_name_byte(line.ptr[at]))
        at++;
    if (at < line.len && line.ptr[at] == '{') {
        size_t end = po_str_find(line, PO_LIT("} "), at);
        if (end == SIZE_MAX) return false;
        at = end + 1;
    }
    if (at + 1 >= line.len || line.ptr[at] != ' ') return false;
    for (at++; at < line.len; at++)
        if (po_str_find_char(PO_LIT("0123456789.+-eE"), line.ptr[at], 0) == SIZE_MAX) return false;
    return true;
}

bool po_metrics_is_text(po_str text)
{
    po_str rest = text;
    po_str line = {0};
    if (text.len > 0 && text.ptr[text.len - 1] != '\n') return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '\n' && (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)) return false;
    while (po_str_next_line(&rest, &line)) {
        bool is_comment = po_str_starts(line, PO_LIT("# HELP paulyops_")) ||
                          po_str_starts(line, PO_LIT("# TYPE paulyops_"));
        if (!is_comment && !is_sample(line)) return false;
    }
    return true;
}
