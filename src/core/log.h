/*
 * Operational log: an event name and typed fields, one JSON line each. Not the audit ledger.
 *
 * There is no overload for secrets and no free-text format (law 5). Lines over the rate limit of
 * their event name are dropped and counted; the count is logged when the window closes (with the
 * next line of any event after its end, or when the log is freed).
 *
 *   {"ts":"2026-11-21T22:00:00.123456Z","level":"warn","event":"backup.failed","session":"run_1f",
 *    "set":"nightly","age_s":93600}
 *
 * A field named like one of the first four keys is written with a '_' behind its name. A line that
 * would be too long keeps the first four keys and "cut":true.
 *
 * Limits   PO_LOG_LINES_PER_WINDOW lines of an event in PO_LOG_WINDOW_US, PO_LOG_LINE_BYTES_MAX a
 *          line, PO_LOG_VALUE_BYTES_MAX a text (cut), PO_LOG_EVENTS_MAX event names (later names
 *          share one window)
 * Threads  one log belongs to one thread
 */
#ifndef PO_CORE_LOG_H
#define PO_CORE_LOG_H

#include "core/ctx.h"

#define PO_LOG_LINES_PER_WINDOW 50
#define PO_LOG_WINDOW_US (10 * PO_US_PER_S)
#define PO_LOG_LINE_BYTES_MAX ((size_t)8 << 10)
#define PO_LOG_VALUE_BYTES_MAX ((size_t)1 << 10)
#define PO_LOG_EVENTS_MAX 64

enum po_log_level { PO_LOG_DEBUG, PO_LOG_INFO, PO_LOG_WARN, PO_LOG_ERROR };

struct po_log_field {
    const char *key;
    enum { PO_LOG_FIELD_STR, PO_LOG_FIELD_I64 } type;
    po_str str;
    int64_t i64;
};
#define PO_F_STR(k, v) ((struct po_log_field){(k), PO_LOG_FIELD_STR, (v), 0})
#define PO_F_CSTR(k, v) ((struct po_log_field){(k), PO_LOG_FIELD_STR, po_str_of(v), 0})
#define PO_F_I64(k, v) ((struct po_log_field){(k), PO_LOG_FIELD_I64, {NULL, 0}, (v)})

struct po_log;
/* Lines go to `fd` (borrowed). NULL when out of memory. Nothing is allocated later. */
struct po_log *po_log_new(int fd, enum po_log_level min_level);
/* Logs what is still counted as dropped; NULL is fine. */
void po_log_free(struct po_log *log);
void po_log_freep(struct po_log **log);

/* Cannot fail: a line that cannot be written is lost (the audit ledger is elsewhere). */
void po_log_write(struct po_ctx *cx, enum po_log_level level, const char *event,
                  const struct po_log_field *fields, size_t count);
#define po_log(cx, level, event, ...)                                                              \
    po_log_write((cx), (level), (event), (const struct po_log_field[]){__VA_ARGS__},               \
                 sizeof((const struct po_log_field[]){__VA_ARGS__}) / sizeof(struct po_log_field))

#endif
