/*
 * The daily log, rendered from the ledger: it can be made again from the events and is never the
 * source of truth. Lines keep the source system's form: [YYYY-MM-DDTHH:MM:SS] area: message
 */
#include "core/fs.h"
#include "doctor_priv.h"

#define LOG_BYTES_MAX ((size_t)4 << 20)
#define LOG_LINES_MAX 10000
#define LOG_LINE_BYTES_MAX 8192

static po_str field(const struct po_json *detail, const char *key)
{
    const struct po_json *value = po_json_get(detail, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

struct log_lines {
    struct po_ctx *cx; /* whose arena keeps the lines */
    po_str *lines;     /* newest first */
    size_t count;
};

static po_rc take_line(struct po_ctx *step, void *user, const struct po_home_event *event,
                       bool *ret_stop)
{
    struct log_lines *log = user;
    const struct po_json *detail = po_json_get(event->view.json, "detail");
    po_str why = field(detail, "why");
    PO_BUF_AUTO line;
    po_buf_init(&line, LOG_LINE_BYTES_MAX);
    po_buf_append_char(&line, '[');
    po_buf_append(&line, po_str_slice(event->view.timestamp, 0, 19));
    po_buf_printf(&line, "] %.*s: %.*s: %.*s -> %.*s: %.*s", PO_STR_ARG(field(detail, "repair")),
                  PO_STR_ARG(field(detail, "subject")), PO_STR_ARG(field(detail, "before")),
                  PO_STR_ARG(field(detail, "after")), PO_STR_ARG(field(detail, "state")));
    if (why.len > 0) po_buf_printf(&line, " (%.*s)", PO_STR_ARG(why));
    for (size_t i = 0; i < line.len; i++) /* a file's name may hold what would begin another line */
        if ((uint8_t)line.ptr[i] < 0x20U || line.ptr[i] == 0x7F) line.ptr[i] = '?';
    po_buf_append_char(&line, '\n');
    PO_TRY_LEAF(step, po_buf_check(&line), "a log line is too long");
    PO_TRY_LEAF(step, po_arena_copy(log->cx->arena, po_buf_str(&line), &log->lines[log->count]),
                "out of request memory");
    log->count++;
    *ret_stop = log->count == LOG_LINES_MAX;
    return po_rc_ok();
}

static PO_RC write_lines(struct po_ctx *cx, struct po_home *home, const struct log_lines *log)
{
    PO_BUF_AUTO out;
    po_buf_init(&out, LOG_BYTES_MAX);
    for (size_t i = log->count; i > 0; i--)
        po_buf_append(&out, log->lines[i - 1]);
    PO_TRY_LEAF(cx, po_buf_check(&out), "today's log is too large");
    char day[9];
    const char *path = NULL;
    po_time_format_day(po_ctx_now_us(cx), day);
    const char *name = po_arena_printf(cx->arena, ".autodoctor_log_%s.txt", day);
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_path_join(cx, po_home_path(home, PO_PLACE_LOGS), name, &path));
    return po_fs_write_atomic(cx, path, po_buf_str(&out), 0640);
}

PO_RC po_doctor_log_write(struct po_ctx *cx, struct po_home *home)
{
    struct log_lines log = {.cx = cx};
    PO_ARENA_NEW(cx, log.lines, LOG_LINES_MAX);
    struct po_home_walk walk = {.type = PO_EVENT_TYPE_REPAIR_APPLIED,
                                .size = po_ledger_size(po_home_ledger(home)),
                                .since_us = po_ctx_now_us(cx) / PO_US_PER_DAY * PO_US_PER_DAY,
                                .visit = take_line,
                                .user = &log};
    PO_TRY(cx, po_home_walk_back(cx, home, &walk));
    return log.count == 0 ? po_rc_ok() : write_lines(cx, home, &log);
}
