/*
 * Operational log: an event name and typed fields, one JSON line each. Not the audit ledger.
 *
 * There is no overload for secrets and no free-text format (law 5). Lines over the rate limit of
 * their event name are dropped and counted; the count is logged when the window closes.
 */
#ifndef PO_CORE_LOG_H
#define PO_CORE_LOG_H

#include "core/ctx.h"

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
/* Lines go to `fd` (borrowed). NULL when out of memory. */
struct po_log *po_log_new(int fd, enum po_log_level min_level);
void po_log_free(struct po_log *log);

void po_log_write(struct po_ctx *cx, enum po_log_level level, const char *event,
                  const struct po_log_field *fields, size_t count);
#define po_log(cx, level, event, ...)                                                              \
    po_log_write((cx), (level), (event), (const struct po_log_field[]){__VA_ARGS__},               \
                 sizeof((const struct po_log_field[]){__VA_ARGS__}) / sizeof(struct po_log_field))

#endif
