/*
 * The assertions: each compares, and on a difference ends the case with one line that says what.
 */
#include "lib/test_priv.h"

#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_SHOWN_BYTES_MAX 400

void test_row(const char *label) { test_current.row = label; }

static void __attribute__((noreturn)) fail_with(const char *file, int line, const char *msg)
{
    char prefix[192] = "";
    int used = 0;
    if (test_current.row != NULL)
        used = snprintf(prefix, sizeof prefix, "row '%.80s': ", test_current.row);
    if (test_current.fault.number != 0 && used >= 0 && (size_t)used < sizeof prefix)
        snprintf(prefix + used, sizeof prefix - (size_t)used, "%s call %" PRIu64 ": ",
                 test_current.fault.mode == TEST_FAULT_SHORT ? "shortening" : "failing",
                 test_current.fault.number);
    _ck_assert_failed(file, line, "", "%s%s", prefix, msg);
    abort(); /* not reached: the line above leaves the process */
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char msg[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    fail_with(file, line, msg);
}

void test_fail_that(const char *file, int line, const char *cond, const char *fmt, ...)
{
    char detail[768];
    char msg[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    snprintf(msg, sizeof msg, "not true: %.200s%s%s", cond, detail[1] != '\0' ? ":" : "",
             detail[1] != '\0' ? detail : "");
    fail_with(file, line, msg);
}

void test_skip(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(test_current.slot->reason, sizeof test_current.slot->reason, fmt, args);
    va_end(args);
    atomic_store(&test_current.slot->state, TEST_STATE_SKIPPED);
    exit(0);
}

void test_eq_int(int64_t got, int64_t want, const char *what, const char *file, int line)
{
    if (got != want) test_fail(file, line, "%.200s is %" PRId64 ", want %" PRId64, what, got, want);
}

void test_eq_u64(uint64_t got, uint64_t want, const char *what, const char *file, int line)
{
    if (got != want) test_fail(file, line, "%.200s is %" PRIu64 ", want %" PRIu64, what, got, want);
}

/* Printable form of bytes; everything outside ASCII text as \xNN. */
static void show(po_str s, char *out, size_t out_len)
{
    size_t used = 0;
    for (size_t i = 0; i < s.len && used + 5 < out_len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 32 && c < 127)
            out[used++] = (char)c;
        else
            used += (size_t)snprintf(out + used, out_len - used, "\\x%02x", c);
    }
    out[used] = '\0';
}

static size_t first_difference(po_str a, po_str b)
{
    size_t i = 0;
    while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i])
        i++;
    return i;
}

void test_eq_str(po_str got, po_str want, const char *what, const char *file, int line)
{
    char got_text[TEST_SHOWN_BYTES_MAX];
    char want_text[TEST_SHOWN_BYTES_MAX];
    if (got.len == want.len && (got.len == 0 || memcmp(got.ptr, want.ptr, got.len) == 0)) return;
    size_t at = first_difference(got, want);
    size_t from = at > 40 ? at - 40 : 0;
    show((po_str){got.ptr ? got.ptr + from : "", got.len - from}, got_text, sizeof got_text);
    show((po_str){want.ptr ? want.ptr + from : "", want.len - from}, want_text, sizeof want_text);
    test_fail(file, line, "%.100s differs at byte %zu (%zu bytes, want %zu): '%s', want '%s'", what,
              at, got.len, want.len, got_text, want_text);
}

/* six parameters: the macro fills the last three */
void test_eq_mem(const void *got, const void *want, size_t len, const char *what, const char *file,
                 int line)
{
    test_eq_str(po_str_n(got, len), po_str_n(want, len), what, file, line);
}

void test_contains(const char *text, const char *part, const char *what, const char *file, int line)
{
    char shown[TEST_SHOWN_BYTES_MAX];
    if (text != NULL && strstr(text, part) != NULL) return;
    show(po_str_of(text), shown, sizeof shown);
    test_fail(file, line, "%.100s does not contain '%.100s': '%s'", what, part, shown);
}

void test_ok(struct po_ctx *cx, po_rc rc, const char *what, const char *file, int line)
{
    if (rc.code == PO_OK) return;
    test_fail(file, line, "%.200s failed with %s: %s", what, po_code_name(rc.code),
              cx != NULL ? po_err_msg(cx) : "(no context)");
}

/* six parameters: the macro fills the last three */
void test_fails(struct po_ctx *cx, po_rc rc, enum po_code code, const char *what, const char *file,
                int line)
{
    if (rc.code != code)
        test_fail(file, line, "%.200s gave %s, want %s (%s)", what, po_code_name(rc.code),
                  po_code_name(code), cx != NULL ? po_err_msg(cx) : "no context");
    if (cx != NULL && po_err_msg(cx)[0] == '\0')
        test_fail(file, line, "%.200s failed without a message", what);
}

bool test_survived_at(po_rc rc, const char *what, const char *file, int line)
{
    if (rc.code == PO_OK) return true;
    if (!test_fault_fired())
        test_fail(file, line, "%.200s failed with %s although nothing was made to fail", what,
                  po_code_name(rc.code));
    return false;
}
