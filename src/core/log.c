/*
 * Operational log.
 *
 * Invariants
 *   1. Every line is one JSON object and one write; nothing is allocated after po_log_new.
 *   2. A window counts the lines of one event name since its start; those over the limit are in
 *      `dropped` until they are reported or the log is freed: none is lost without a count.
 */
#include "core/log.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/sys.h"

#include <errno.h>

#define EVENT_NAME_BYTES_MAX 48

struct window {
    char event[EVENT_NAME_BYTES_MAX];
    po_time_us start_us; /* monotonic */
    uint64_t written;
    uint64_t dropped;
};

struct po_log {
    int fd;
    enum po_log_level min_level;
    bool is_torn; /* the last line was written in part */
    struct po_buf line;
    po_time_us last_wall_us;
    size_t window_count;
    struct window windows[PO_LOG_EVENTS_MAX];
};

struct po_log *po_log_new(int fd, enum po_log_level min_level)
{
    struct po_log *log = po_calloc(1, sizeof *log);
    if (log == NULL) return NULL;
    log->fd = fd;
    log->min_level = min_level;
    po_buf_init(&log->line, PO_LOG_LINE_BYTES_MAX);
    if (po_buf_extend(&log->line, PO_LOG_LINE_BYTES_MAX) == NULL) {
        po_log_free(log);
        return NULL;
    }
    po_buf_clear(&log->line);
    return log;
}

static const char *level_name(enum po_log_level level)
{
    switch (level) {
    case PO_LOG_DEBUG: return "debug";
    case PO_LOG_INFO: return "info";
    case PO_LOG_WARN: return "warn";
    case PO_LOG_ERROR: return "error";
    }
    return "unknown";
}

/* Who and what of one line. */
struct line {
    enum po_log_level level;
    const char *event;
    const char *session;
    const struct po_log_field *fields;
    size_t field_count;
};

static void append_head(struct po_log *log, struct po_json_out *out, const struct line *line)
{
    char time[PO_TIME_RFC3339_BYTES];
    po_time_format(log->last_wall_us, time);
    po_buf_clear(&log->line);
    po_json_out_init(out, &log->line, 0);
    po_json_out_object(out);
    po_json_out_field(out, "ts", po_str_of(time));
    po_json_out_field(out, "level", po_str_of(level_name(line->level)));
    po_json_out_field(out, "event", po_str_of(line->event));
    po_json_out_field(out, "session", po_str_of(line->session));
}

static bool is_head_key(po_str key)
{
    return po_str_eq_cstr(key, "ts") || po_str_eq_cstr(key, "level") ||
           po_str_eq_cstr(key, "event") || po_str_eq_cstr(key, "session");
}

static void append_field(struct po_json_out *out, const struct po_log_field *field)
{
    char renamed[16] = {0};
    const char *key = field->key;
    po_str name = po_str_of(key);
    if (is_head_key(name)) {
        memcpy(renamed, name.ptr, name.len);
        renamed[name.len] = '_';
        key = renamed;
    }
    if (field->type == PO_LOG_FIELD_I64)
        po_json_out_field_int(out, key, field->i64);
    else
        po_json_out_field(out, key, po_str_slice(field->str, 0, PO_LOG_VALUE_BYTES_MAX));
}

/* One write; what the descriptor does not take is lost, but never joined to the next line. */
static void put(struct po_log *log, po_str text)
{
    if (log->is_torn && po_sys_write(log->fd, "\n", 1) != 1) return;
    size_t done = 0;
    while (done < text.len) {
        ssize_t written = po_sys_write(log->fd, text.ptr + done, text.len - done);
        if (written <= 0) break;
        done += (size_t)written;
    }
    log->is_torn = done != 0 && done < text.len;
}

static void emit(struct po_log *log, const struct line *line)
{
    struct po_json_out out;
    append_head(log, &out, line);
    for (size_t i = 0; i < line->field_count; i++)
        append_field(&out, &line->fields[i]);
    po_json_out_object_end(&out);
    po_buf_append_char(&log->line, '\n');
    if (!po_is_ok(po_buf_check(&log->line))) {
        append_head(log, &out, line);
        po_json_out_key(&out, "cut");
        po_json_out_bool(&out, true);
        po_json_out_object_end(&out);
        po_buf_append_char(&log->line, '\n');
    }
    put(log, po_buf_str(&log->line));
}

/* Say how many lines were dropped, and start counting anew. */
static void report_dropped(struct po_log *log, struct window *window, const char *session)
{
    uint64_t dropped = window->dropped;
    window->dropped = 0;
    if (dropped == 0) return;
    const struct po_log_field fields[] = {
        PO_F_CSTR("of", window->event),
        PO_F_I64("count", dropped > INT64_MAX ? INT64_MAX : (int64_t)dropped),
    };
    emit(log, &(struct line){PO_LOG_WARN, "log.dropped", session, fields, 2});
}

static void close_windows(struct po_log *log, po_time_us now_us, const char *session)
{
    for (size_t i = 0; i < log->window_count; i++) {
        struct window *window = &log->windows[i];
        if (now_us - window->start_us < PO_LOG_WINDOW_US) continue;
        report_dropped(log, window, session);
        window->start_us = now_us;
        window->written = 0;
    }
}

/* The event's window; the last one serves all names that find no place. */
static struct window *find_window(struct po_log *log, po_str event, po_time_us now_us)
{
    po_str name = po_str_slice(event, 0, EVENT_NAME_BYTES_MAX - 1);
    for (size_t i = 0; i < log->window_count; i++)
        if (po_str_eq_cstr(name, log->windows[i].event)) return &log->windows[i];
    if (log->window_count == PO_LOG_EVENTS_MAX) return &log->windows[PO_LOG_EVENTS_MAX - 1];
    struct window *window = &log->windows[log->window_count++];
    if (log->window_count == PO_LOG_EVENTS_MAX) name = PO_LIT("other");
    *window = (struct window){.start_us = now_us};
    memcpy(window->event, name.ptr, name.len);
    return window;
}

void po_log_write(struct po_ctx *cx, enum po_log_level level, const char *event,
                  const struct po_log_field *fields, size_t count)
{
    struct po_log *log = cx->log;
    if (log == NULL || level < log->min_level) return;
    int saved_errno = errno;
    log->last_wall_us = po_ctx_now_us(cx);
    po_time_us now_us = cx->clock->monotonic_us(cx->clock->user);
    close_windows(log, now_us, cx->session);
    struct window *window = find_window(log, po_str_of(event), now_us);
    if (window->written >= PO_LOG_LINES_PER_WINDOW) {
        window->dropped++;
    } else {
        window->written++;
        emit(log, &(struct line){level, event, cx->session, fields, count});
    }
    errno = saved_errno;
}

void po_log_free(struct po_log *log)
{
    if (log == NULL) return;
    for (size_t i = 0; i < log->window_count; i++)
        report_dropped(log, &log->windows[i], "");
    po_buf_done(&log->line);
    po_free(log);
}

void po_log_freep(struct po_log **log)
{
    po_log_free(*log);
    *log = NULL;
}
