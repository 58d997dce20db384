/*
 * The daily log, rendered from the ledger: it can be made again from the events and is never the
 * source of truth. Lines keep the source system's form: [YYYY-MM-DDTHH:MM:SS] area: message
 */
#include "core/fs.h"
#include "doctor_priv.h"

#define LOG_BYTES_MAX ((size_t)4 << 20)
#define LOG_LINES_MAX 10000
#define STEP_ARENA_BYTES_MAX ((size_t)4 << 20)

static po_str field(const struct po_json *detail, const char *key)
{
    const struct po_json *value = po_json_get(detail, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

static PO_RC append_line(struct po_ctx *step, struct po_home *home, uint64_t leaf,
                         struct po_buf *out)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    PO_TRY(step, po_ledger_event_at(step, po_home_ledger(home), leaf, &bytes, NULL));
    struct po_event_view event;
    PO_TRY(step, po_event_parse(step, po_buf_str(&bytes), &event));
    const struct po_json *detail = po_json_get(event.json, "detail");
    po_str why = field(detail, "why");
    po_buf_append_char(out, '[');
    po_buf_append(out, po_str_slice(event.timestamp, 0, 19));
    po_buf_printf(out, "] %.*s: %.*s: %.*s -> %.*s: %.*s", PO_STR_ARG(field(detail, "repair")),
                  PO_STR_ARG(field(detail, "subject")), PO_STR_ARG(field(detail, "before")),
                  PO_STR_ARG(field(detail, "after")), PO_STR_ARG(field(detail, "state")));
    if (why.len > 0) po_buf_printf(out, " (%.*s)", PO_STR_ARG(why));
    po_buf_append_char(out, '\n');
    return po_rc_ok();
}

static PO_RC find_today(struct po_ctx *cx, struct po_home *home, uint64_t *leaves,
                        size_t *ret_count)
{
    const struct po_ledger_filter filter = {.type = PO_EVENT_TYPE_REPAIR_APPLIED,
                                            .is_own_tenant = true};
    po_time_us midnight_us = po_ctx_now_us(cx) / PO_US_PER_DAY * PO_US_PER_DAY;
    uint64_t from = po_ledger_size(po_home_ledger(home));
    size_t count = 0;
    while (from > 0 && count < LOG_LINES_MAX) {
        bool is_found = false;
        struct po_record record;
        PO_TRY(cx, po_ledger_prev(cx, po_home_ledger(home), from - 1, &filter, &is_found, &from,
                                  &record));
        if (!is_found || record.recv_time_us < midnight_us) break;
        leaves[count++] = from;
    }
    *ret_count = count;
    return po_rc_ok();
}

PO_RC po_doctor_log_write(struct po_ctx *cx, struct po_home *home)
{
    uint64_t *leaves = NULL;
    size_t count = 0;
    PO_ARENA_NEW(cx, leaves, LOG_LINES_MAX);
    PO_TRY(cx, find_today(cx, home, leaves, &count));
    if (count == 0) return po_rc_ok();
    PO_BUF_AUTO out;
    po_buf_init(&out, LOG_BYTES_MAX);
    while (count > 0) {
        struct po_ctx step;
        PO_TRY(cx, po_ctx_child_begin(cx, STEP_ARENA_BYTES_MAX, &step));
        po_rc rc = append_line(&step, home, leaves[--count], &out);
        PO_TRY(cx, po_ctx_child_end(cx, &step, rc));
    }
    PO_TRY_LEAF(cx, po_buf_check(&out), "today's log is too large");
    char day[9];
    const char *path = NULL;
    po_time_format_day(po_ctx_now_us(cx), day);
    const char *name = po_arena_printf(cx->arena, ".autodoctor_log_%s.txt", day);
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_path_join(cx, po_home_path(home, PO_PLACE_LOGS), name, &path));
    return po_fs_write_atomic(cx, path, po_buf_str(&out), 0640);
}
