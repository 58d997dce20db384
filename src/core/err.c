/*
 * The error record.
 *
 * Invariants
 *   1. Nothing here allocates: messages are formatted into the record or the stack.
 *   2. msg[msg_len] is NUL; a message that was cut ends in CUT_MARK and msg_truncated is set.
 *   3. Frames run from the origin upward; those beyond PO_ERR_FRAMES_MAX are left out.
 *   4. errno is the same after every call.
 */
#include "core/err.h"

#include "core/ctx.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CUT_MARK "..."
#define CUT_MARK_BYTES (sizeof CUT_MARK - 1)

struct code_row {
    const char *text;
    int http;
    int exit;
    bool is_retryable;
};

/* The preprocessor cannot lower case; a test holds this list against the registry. */
static const char *const NAMES[] = {
    "ok",       "nomem",  "invalid",     "notfound", "exists",  "denied", "unauth",  "expired",
    "conflict", "limit",  "rate",        "busy",     "timeout", "io",     "corrupt", "tamper",
    "crypto",   "config", "unsupported", "canceled", "bug",     "usage",  "create",  "unavailable",
};

static const struct code_row CODES[] = {
#define X(name, number, http, exit_code, retryable, text)                                          \
    [number] = {text, http, exit_code, retryable},
    PO_CODE_TABLE(X)
#undef X
};
#define CODE_COUNT (sizeof CODES / sizeof CODES[0])
_Static_assert(sizeof NAMES / sizeof NAMES[0] == CODE_COUNT, "one name for each code");

/* A number outside the table counts as an internal error. */
static const struct code_row *code_row(enum po_code code)
{
    return &CODES[(size_t)code < CODE_COUNT ? (size_t)code : (size_t)PO_BUG];
}

const char *po_code_name(enum po_code code)
{
    return (size_t)code < CODE_COUNT ? NAMES[(size_t)code] : "unknown";
}

const char *po_code_public_text(enum po_code code) { return code_row(code)->text; }
int po_code_exit(enum po_code code) { return code_row(code)->exit; }
int po_code_http(enum po_code code) { return code_row(code)->http; }
bool po_code_is_retryable(enum po_code code) { return code_row(code)->is_retryable; }

/* A message under construction, apart from the record: arguments may point into the old one. */
struct draft {
    size_t len;
    bool is_cut;
    char text[PO_ERR_MSG_BYTES_MAX];
};

static void draft_vprintf(struct draft *draft, const char *fmt, va_list args) PO_PRINTF(2, 0);

static void draft_vprintf(struct draft *draft, const char *fmt, va_list args)
{
    size_t room = sizeof draft->text - draft->len;
    int wanted = vsnprintf(draft->text + draft->len, room, fmt, args);
    if (wanted < 0) {
        draft->text[draft->len] = '\0';
        draft->is_cut = true;
        return;
    }
    draft->is_cut = draft->is_cut || (size_t)wanted >= room;
    draft->len += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void draft_append(struct draft *draft, const char *text, size_t len)
{
    size_t room = sizeof draft->text - 1 - draft->len;
    size_t taken = len < room ? len : room;
    memcpy(draft->text + draft->len, text, taken);
    draft->len += taken;
    draft->text[draft->len] = '\0';
    draft->is_cut = draft->is_cut || taken < len;
}

/* Mark a cut at the end, on a character boundary. */
static void draft_finish(struct draft *draft)
{
    if (!draft->is_cut) return;
    size_t at = draft->len;
    if (at > sizeof draft->text - 1 - CUT_MARK_BYTES) at = sizeof draft->text - 1 - CUT_MARK_BYTES;
    while (at > 0 && ((unsigned char)draft->text[at] & 0xc0) == 0x80)
        at--;
    memcpy(draft->text + at, CUT_MARK, CUT_MARK_BYTES + 1);
    draft->len = at + CUT_MARK_BYTES;
}

static void store(struct po_err *err, struct draft *draft)
{
    draft_finish(draft);
    memcpy(err->msg, draft->text, draft->len + 1);
    err->msg_len = (uint16_t)draft->len;
    err->msg_truncated = draft->is_cut;
}

static void add_frame(struct po_err *err, const char *file, int line, const char *func)
{
    if (err->frame_count >= PO_ERR_FRAMES_MAX) return;
    err->frames[err->frame_count++] = (struct po_err_frame){file, func, line};
}

/* A bare code from a function without a context: begin a record with its public text. */
static void adopt(struct po_err *err, enum po_code code)
{
    if (err->code == code) return;
    const char *text = po_code_public_text(code);
    struct draft draft = {0};
    draft_append(&draft, text, strlen(text));
    *err = (struct po_err){.code = code};
    store(err, &draft);
}

po_rc po_err_set(struct po_ctx *cx, enum po_code code, int sys, const char *file, int line,
                 const char *func, const char *fmt, ...)
{
    if (cx == NULL) return po_rc_of(code);
    int saved_errno = errno;
    struct draft draft = {0};
    va_list args;
    va_start(args, fmt);
    draft_vprintf(&draft, fmt, args);
    va_end(args);
    if (sys != 0) {
        char room[128];
        const char *text = strerror_r(sys, room, sizeof room);
        draft_append(&draft, ": ", 2);
        draft_append(&draft, text, strlen(text));
    }
    cx->err = (struct po_err){.code = code, .sys = sys};
    store(&cx->err, &draft);
    add_frame(&cx->err, file, line, func);
    errno = saved_errno;
    return po_rc_of(code);
}

po_rc po_err_pass(struct po_ctx *cx, po_rc rc, const char *file, int line, const char *func)
{
    if (cx == NULL) return rc;
    adopt(&cx->err, rc.code);
    add_frame(&cx->err, file, line, func);
    return rc;
}

po_rc po_err_prefix(struct po_ctx *cx, po_rc rc, const char *file, int line, const char *func,
                    const char *fmt, ...)
{
    if (cx == NULL) return rc;
    int saved_errno = errno;
    adopt(&cx->err, rc.code);
    struct draft draft = {0};
    va_list args;
    va_start(args, fmt);
    draft_vprintf(&draft, fmt, args);
    va_end(args);
    draft_append(&draft, ": ", 2);
    draft_append(&draft, cx->err.msg, cx->err.msg_len);
    draft.is_cut = draft.is_cut || cx->err.msg_truncated;
    store(&cx->err, &draft);
    add_frame(&cx->err, file, line, func);
    errno = saved_errno;
    return rc;
}

void po_err_clear(struct po_ctx *cx) { cx->err = (struct po_err){0}; }

const char *po_err_msg(const struct po_ctx *cx) { return cx->err.msg; }
