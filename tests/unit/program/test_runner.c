/* The runner: a whole run in a child, what a child that lies gets, how a run ends. */
#include "unit/program/runner_fixture.h"

#include "core/sys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(runner__runs_a_program_in_a_child)
{
    TEST_CX(cx);
    struct po_program_result result = runner_go(
        cx, runner_text(cx, "fs_read = \"/nowhere\"", "print(\"hello\")\n    \"done\""));
    check_eq_cstr(runner_said(cx, &result), "\"done\"");
    check_eq_str(result.output, "hello\n");
    check_eq_str(result.calls_json, "[]");
    check_that(result.is_sandboxed);
    check_that(result.outcome.steps > 0);
}
