#include "core/err.h"

#include "lib/test.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#ifdef PO_TRAP
#include <sys/wait.h>
#include <unistd.h>
#endif

static PO_RC origin(struct po_ctx *cx) { return PO_FAIL(cx, PO_CORRUPT, "bad size %d", 7); }

static PO_RC middle(struct po_ctx *cx)
{
    PO_TRY(cx, origin(cx));
    return po_rc_ok();
}

static PO_RC top(struct po_ctx *cx)
{
    PO_TRY_MSG(cx, middle(cx), "opening '%s'", "x");
    return po_rc_ok();
}

static PO_RC leaf(enum po_code code) { return po_rc_of(code); }

static PO_RC leaf_of_leaf(enum po_code code)
{
    PO_PASS(leaf(code));
    return po_rc_ok();
}

static PO_RC leaf_with_message(struct po_ctx *cx, enum po_code code)
{
    PO_TRY_LEAF(cx, leaf_of_leaf(code), "field '%s'", "age");
    return po_rc_ok();
}

static PO_RC leaf_passed_on(struct po_ctx *cx, enum po_code code)
{
    PO_TRY(cx, leaf(code));
    return po_rc_ok();
}

static PO_RC leaf_prefixed(struct po_ctx *cx, enum po_code code)
{
    PO_TRY_MSG(cx, leaf(code), "reading");
    return po_rc_ok();
}

TEST(err__names_are_the_registry_in_lower_case)
{
    static const struct {
        const char *upper;
        enum po_code code;
        int number, http, exit;
        bool is_retryable;
        const char *text;
    } rows[] = {
#define X(name, number, http, exit_code, retryable, text)                                          \
    {#name, PO_##name, number, http, exit_code, retryable, text},
        PO_CODE_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char lower[32] = {0};
        for (size_t k = 0; rows[i].upper[k] != '\0'; k++)
            lower[k] = (char)tolower((unsigned char)rows[i].upper[k]);
        check_eq_cstr(po_code_name(rows[i].code), lower);
        check_eq_int(rows[i].number, (int)i);
        check_eq_int(po_code_http(rows[i].code), rows[i].http);
        check_eq_int(po_code_exit(rows[i].code), rows[i].exit);
        check_that(po_code_is_retryable(rows[i].code) == rows[i].is_retryable);
        check_eq_cstr(po_code_public_text(rows[i].code), rows[i].text);
    }
}

/* Numbers are in ledgers and in the API: they never change meaning. */
TEST(err__numbers_are_append_only)
{
    check_eq_cstr(po_code_name((enum po_code)0), "ok");
    check_eq_cstr(po_code_name((enum po_code)1), "nomem");
    check_eq_cstr(po_code_name((enum po_code)2), "invalid");
    check_eq_cstr(po_code_name((enum po_code)9), "limit");
    check_eq_cstr(po_code_name((enum po_code)15), "tamper");
    check_eq_cstr(po_code_name((enum po_code)20), "bug");
    check_eq_cstr(po_code_name((enum po_code)23), "unavailable");
}

TEST(err__an_unknown_code_is_an_internal_error)
{
    static const int odd_numbers[] = {24, 25, 99, -1};
    for (size_t i = 0; i < 4; i++) {
        enum po_code odd = (enum po_code)odd_numbers[i];
        check_eq_cstr(po_code_name(odd), "unknown");
        check_eq_cstr(po_code_public_text(odd), "internal error");
        check_eq_int(po_code_http(odd), 500);
        check_eq_int(po_code_exit(odd), 1);
        check_that(!po_code_is_retryable(odd));
    }
}

TEST(err__records_message_code_and_frames_from_the_origin_up)
{
    TEST_CX(cx);
    check_fails(cx, top(cx), PO_CORRUPT);
    check_eq_cstr(po_err_msg(cx), "opening 'x': bad size 7");
    check_eq_int(cx->err.code, PO_CORRUPT);
    check_eq_int(cx->err.msg_len, strlen(cx->err.msg));
    check_eq_int(cx->err.sys, 0);
    check_that(!cx->err.msg_truncated);
    check_eq_int(cx->err.frame_count, 3);
    check_eq_cstr(cx->err.frames[0].func, "origin");
    check_eq_cstr(cx->err.frames[1].func, "middle");
    check_eq_cstr(cx->err.frames[2].func, "top");
    check_contains(cx->err.frames[0].file, "test_err.c");
    check_that(cx->err.frames[0].line > 0);
}

TEST(err__success_records_nothing)
{
    TEST_CX(cx);
    check_ok(cx, leaf_with_message(cx, PO_OK));
    check_ok(cx, leaf_passed_on(cx, PO_OK));
    check_eq_int(cx->err.code, PO_OK);
    check_eq_cstr(po_err_msg(cx), "");
}

TEST(err__a_leaf_code_gets_the_callers_message)
{
    TEST_CX(cx);
    check_fails(cx, leaf_with_message(cx, PO_LIMIT), PO_LIMIT);
    check_eq_cstr(po_err_msg(cx), "field 'age'");
    check_eq_int(cx->err.frame_count, 1);
}

TEST(err__a_bare_code_passed_on_gets_its_public_text)
{
    TEST_CX(cx);
    check_fails(cx, leaf_passed_on(cx, PO_BUSY), PO_BUSY);
    check_eq_cstr(po_err_msg(cx), "busy");
    check_eq_int(cx->err.code, PO_BUSY);
    check_eq_cstr(cx->err.frames[0].func, "leaf_passed_on");
    check_fails(cx, leaf_prefixed(cx, PO_IO), PO_IO);
    check_eq_cstr(po_err_msg(cx), "reading: input or output failed");
}

TEST(err__a_later_failure_replaces_the_record)
{
    TEST_CX(cx);
    check_fails(cx, top(cx), PO_CORRUPT);
    check_fails(cx, PO_FAIL(cx, PO_LIMIT, "other"), PO_LIMIT);
    check_eq_cstr(po_err_msg(cx), "other");
    check_eq_int(cx->err.frame_count, 1);
}

TEST(err__clear_forgets)
{
    TEST_CX(cx);
    check_fails(cx, top(cx), PO_CORRUPT);
    po_err_clear(cx);
    check_eq_int(cx->err.code, PO_OK);
    check_eq_int(cx->err.frame_count, 0);
    check_eq_cstr(po_err_msg(cx), "");
}

TEST(err__system_error_text_is_appended_and_errno_kept)
{
    TEST_CX(cx);
    errno = EXDEV;
    check_fails(cx, PO_FAIL_SYS(cx, PO_IO, ENOENT, "opening '%s'", "/x"), PO_IO);
    check_eq_cstr(po_err_msg(cx), "opening '/x': No such file or directory");
    check_eq_int(cx->err.sys, ENOENT);
    check_eq_int(errno, EXDEV);
    check_fails(cx, PO_FAIL_SYS(cx, PO_IO, 0, "opening"), PO_IO);
    check_eq_cstr(po_err_msg(cx), "opening");
    check_fails(cx, PO_FAIL_SYS(cx, PO_IO, 4711, "odd"), PO_IO);
    check_eq_cstr(po_err_msg(cx), "odd: Unknown error 4711");
}

TEST(err__message_may_quote_the_one_before)
{
    TEST_CX(cx);
    check_fails(cx, PO_FAIL(cx, PO_IO, "first"), PO_IO);
    check_fails(cx, PO_FAIL(cx, PO_LIMIT, "second after '%s'", po_err_msg(cx)), PO_LIMIT);
    check_eq_cstr(po_err_msg(cx), "second after 'first'");
}

TEST(err__long_messages_are_cut_and_marked)
{
    TEST_CX(cx);
    char text[600];
    memset(text, 'x', sizeof text);
    text[PO_ERR_MSG_BYTES_MAX - 1] = '\0';
    check_fails(cx, PO_FAIL(cx, PO_IO, "%s", text), PO_IO);
    check_that(!cx->err.msg_truncated);
    check_eq_cstr(po_err_msg(cx), text);
    text[PO_ERR_MSG_BYTES_MAX - 1] = 'x';
    text[PO_ERR_MSG_BYTES_MAX] = '\0';
    check_fails(cx, PO_FAIL(cx, PO_IO, "%s", text), PO_IO);
    check_that(cx->err.msg_truncated);
    check_eq_int(cx->err.msg_len, PO_ERR_MSG_BYTES_MAX - 1);
    check_eq_u64(strlen(po_err_msg(cx)), PO_ERR_MSG_BYTES_MAX - 1);
    check_that(po_str_ends(po_str_of(po_err_msg(cx)), PO_LIT("xxx...")));
}

TEST(err__a_cut_keeps_characters_whole)
{
    TEST_CX(cx);
    for (size_t lead = 0; lead < 4; lead++) {
        char text[700] = {0};
        memset(text, 'x', lead);
        for (size_t i = lead; i + 4 < 600; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        check_fails(cx, PO_FAIL(cx, PO_IO, "%s", text), PO_IO);
        po_str msg = po_str_of(po_err_msg(cx));
        check_that(po_str_ends(msg, PO_LIT("\x80...")));
        check_eq_u64((msg.len - 3 - lead) % 4, 0);
    }
}

TEST(err__prefix_and_system_text_are_cut_too)
{
    TEST_CX(cx);
    char text[PO_ERR_MSG_BYTES_MAX];
    memset(text, 'y', sizeof text);
    text[sizeof text - 5] = '\0';
    check_fails(cx, PO_FAIL_SYS(cx, PO_IO, ENOENT, "%s", text), PO_IO);
    check_that(cx->err.msg_truncated);
    check_that(po_str_ends(po_str_of(po_err_msg(cx)), PO_LIT("...")));
    check_eq_cstr(po_err_msg(cx) + cx->err.msg_len, "");
    check_fails(cx, PO_FAIL(cx, PO_IO, "%s", text), PO_IO);
    po_rc rc = po_err_prefix(cx, po_rc_of(PO_IO), "f", 1, "g", "%s", "before");
    check_eq_int(rc.code, PO_IO);
    check_that(cx->err.msg_truncated);
    check_that(po_str_starts(po_str_of(po_err_msg(cx)), PO_LIT("before: yyy")));
    check_that(po_str_ends(po_str_of(po_err_msg(cx)), PO_LIT("yyy...")));
}

/* Around the edge, message, system text and prefix stay within the record. */
TEST(err__every_length_around_the_limit_is_held)
{
    TEST_CX(cx);
    char text[PO_ERR_MSG_BYTES_MAX + 20] = {0};
    for (size_t len = 0; len < sizeof text - 1; len++) {
        memset(text, 'z', len);
        check_fails(cx, PO_FAIL_SYS(cx, PO_IO, EIO, "%s", text), PO_IO);
        bool fits = len + strlen(": Input/output error") < PO_ERR_MSG_BYTES_MAX;
        check_that(cx->err.msg_truncated == !fits, "%zu", len);
        check_eq_u64(strlen(po_err_msg(cx)), cx->err.msg_len);
        check_eq_u64(cx->err.msg_len, fits ? len + 20 : PO_ERR_MSG_BYTES_MAX - 1);
        po_ignore(po_err_prefix(cx, po_rc_of(PO_IO), "f", 1, "g", "%s", text),
                  "only its text counts");
        check_eq_u64(strlen(po_err_msg(cx)), cx->err.msg_len);
        check_that(cx->err.msg_len < PO_ERR_MSG_BYTES_MAX);
    }
}

TEST(err__a_format_that_fails_leaves_a_mark)
{
    TEST_CX(cx);
    /* no such character in the C locale: vsnprintf gives up */
    errno = EXDEV;
    check_fails(cx, PO_FAIL(cx, PO_IO, "size %ls", L"\x00e4"), PO_IO);
    check_eq_int(errno, EXDEV);
    po_rc rc = po_err_prefix(cx, po_rc_of(PO_IO), "f", 1, "g", "size %ls", L"\x00e4");
    check_eq_int(rc.code, PO_IO);
    check_eq_int(errno, EXDEV);
    check_that(cx->err.msg_truncated);
    check_that(po_str_ends(po_str_of(po_err_msg(cx)), PO_LIT("...")));
    check_eq_u64(strlen(po_err_msg(cx)), cx->err.msg_len);
}

TEST(err__frames_beyond_the_limit_are_left_out)
{
    TEST_CX(cx);
    check_fails(cx, origin(cx), PO_CORRUPT);
    for (int i = 0; i < 20; i++)
        check_eq_int(po_err_pass(cx, po_rc_of(PO_CORRUPT), "f", i, "g").code, PO_CORRUPT);
    check_eq_int(cx->err.frame_count, PO_ERR_FRAMES_MAX);
    check_eq_cstr(cx->err.frames[0].func, "origin");
    check_eq_int(cx->err.frames[PO_ERR_FRAMES_MAX - 1].line, PO_ERR_FRAMES_MAX - 2);
}

TEST(err__without_a_context_only_the_code_remains)
{
    check_eq_int(po_err_set(NULL, PO_IO, 5, "f", 1, "g", "x%d", 1).code, PO_IO);
    check_eq_int(po_err_pass(NULL, po_rc_of(PO_BUSY), "f", 1, "g").code, PO_BUSY);
    check_eq_int(po_err_prefix(NULL, po_rc_of(PO_BUSY), "f", 1, "g", "x").code, PO_BUSY);
}

TEST(err__take_moves_a_pointer)
{
    int value = 5;
    int *a = &value;
    int *b = PO_TAKE(a);
    check_that(a == NULL && b == &value);
    po_ignore(leaf(PO_IO), "a test of ignoring");
}

static PO_RC with_invariant(struct po_ctx *cx, bool holds)
{
    PO_INVARIANT(cx, holds);
    (void)cx;
    return po_rc_ok();
}

TEST(err__a_broken_invariant_traps_or_is_a_bug)
{
    TEST_CX(cx);
    check_ok(cx, with_invariant(cx, true));
#ifdef PO_TRAP
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        po_ignore(with_invariant(cx, false), "it does not come back");
        _exit(0);
    }
    int status = 0;
    check_that(waitpid(child, &status, 0) == child);
    check_that(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
#else
    check_fails(cx, with_invariant(cx, false), PO_BUG);
    check_eq_cstr(po_err_msg(cx), "invariant 'holds' does not hold");
#endif
}
