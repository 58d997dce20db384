/* host/exec in a runner child: what may be started, with what, and what comes back. */
#include "unit/program/runner_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *run_said(struct po_ctx *cx, const char *needs, const char *call)
{
    const char *body = po_arena_printf(
        cx->arena,
        "match exec.run(%s) {\n        Ok(r) => \"code \" + to_string(r.code) + \" out \" + "
        "r.stdout + \" err \" + r.stderr,\n        Err(e) => e.message,\n    }",
        call);
    check_that(body != NULL);
    struct po_program_result result = runner_go(cx, runner_text(cx, needs, body));
    return runner_said(cx, &result);
}

TEST(host_exec__starts_what_the_pattern_names)
{
    static const struct {
        const char *name;
        const char *needs;
        const char *call;
        const char *want;
    } rows[] = {
        {"plain", "exec = \"/usr/bin/true\"", "\"/usr/bin/true\", []", "\"code 0 out  err \""},
        {"status", "exec = \"/usr/bin/false\"", "\"/usr/bin/false\", []", "\"code 1 out  err \""},
        {"arguments", "exec = \"/usr/bin/printf *\"", "\"/usr/bin/printf\", [\"a b\"]",
         "\"code 0 out a b err \""},
        {"odd spelling", "exec = \"/usr/bin/true\"", "\"/usr//bin/./true\", []",
         "\"code 0 out  err \""},
        {"no input", "exec = \"/usr/bin/cat\"", "\"/usr/bin/cat\", []", "\"code 0 out  err \""},
        {"environment", "exec = \"/usr/bin/env\"", "\"/usr/bin/env\", []",
         "\"code 0 out PATH=/usr/bin:/bin\\nHOME=/nonexistent\\nLANG=C.UTF-8\\nLC_ALL=C.UTF-8\\nTZ="
         "UTC\\n err \""},
        {"shell", "exec = \"/usr/bin/dash -c *\"",
         "\"/usr/bin/dash\", [\"-c\", \"echo $((1+1)); exit 3\"]", "\"code 3 out 2\\n err \""},
        {"not a character of UTF-8", "exec = \"/usr/bin/printf *\"",
         "\"/usr/bin/printf\", [\"a\\\\377\"]", "\"code 0 out a\xEF\xBF\xBD err \""},
    };
    TEST_CX(cx);
    check_eq_int(setenv("LD_PRELOAD", "/nowhere.so", 1), 0);
    TEST_EACH(row, rows)
    check_eq_cstr(run_said(cx, row->needs, row->call), row->want);
    test_row(NULL);
}

TEST(host_exec__refuses_everything_else)
{
    static const struct {
        const char *name;
        const char *needs;
        const char *call;
        const char *want;
    } rows[] = {
        {"other program", "exec = \"/usr/bin/true\"", "\"/usr/bin/id\", []", "does not cover"},
        {"other arguments", "exec = \"/usr/bin/printf a\"", "\"/usr/bin/printf\", [\"b\"]",
         "does not cover"},
        {"more arguments", "exec = \"/usr/bin/printf a\"", "\"/usr/bin/printf\", [\"a\", \"b\"]",
         "does not cover"},
        {"by name", "exec = \"/usr/bin/true\"", "\"true\", []", "is no absolute program"},
        {"dots", "exec = \"/usr/bin/true\"", "\"/usr/bin/../bin/true\", []", "'..' in the path"},
        {"absent", "exec = \"/usr/bin/not-there\"", "\"/usr/bin/not-there\", []", "No such file"},
        {"no program", "exec = \"/etc/passwd\"", "\"/etc/passwd\", []", "starting '/etc/passwd'"},
        {"NUL", "exec = \"/usr/bin/printf *\"", "\"/usr/bin/printf\", [\"a\\u{0}b\"]", "NUL"},
        {"an option for a file", "exec = \"/usr/bin/head *\"", "\"/usr/bin/head\", [\"-c1\"]",
         "does not cover"},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows)
    check_contains(run_said(cx, row->needs, row->call), row->want);
    test_row(NULL);
}

TEST(host_exec__output_beyond_the_limit_is_an_error)
{
    TEST_CX(cx);
    check_contains(run_said(cx, "exec = \"/usr/bin/seq *\"", "\"/usr/bin/seq\", [\"20000\"]"),
                   "wrote more than 65536 bytes");
}

TEST(host_exec__a_program_that_ends_by_a_signal_is_an_error)
{
    TEST_CX(cx);
    /* it may not signal itself: it reads where nothing is */
    check_contains(run_said(cx, "exec = \"/usr/bin/perl -e *\"",
                            "\"/usr/bin/perl\", [\"-e\", \"unpack('p', pack('J', 1))\"]"),
                   "was ended by signal");
}

TEST(host_exec__a_program_that_does_not_end_ends_with_the_run)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done)
    struct po_program program =
        program_of(cx,
                   runner_text(cx, "exec = \"/usr/bin/sleep *\"",
                               "exec.run(\"/usr/bin/sleep\", [\"100\"])\n    \"ok\""),
                   "e");
    struct po_program_job job = {.grant = &program.row.needs};
    struct po_program_result result = {0};
    runner_use_forks();
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    program.limits.time_us = 300 * PO_US_PER_MS;
    po_time_us before = po_frame_now_us();
    check_ok(cx, po_program_run(cx, &program, &job, &result));
    check_eq_cstr(runner_said(cx, &result), "fault TimeLimit: time limit exceeded");
    check_that(po_frame_now_us() - before < 2 * PO_US_PER_S);
}
