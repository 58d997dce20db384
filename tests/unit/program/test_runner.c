/* The runner: a whole run in a child, how it ends, and what a child that dies or lies gets. */
#include "unit/program/runner_fixture.h"

#include "core/sys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISK                                                                                       \
    "{\"free_percent_min\":10,\"home\":null,\"same_file_system\":true,\"state\":null,\"state_inside_home\":false}"
static const struct po_program_fact disk = {{"machine.disk", 12}, {DISK, sizeof DISK - 1}};

/* No child of ours is left, dead or alive. */
static void check_no_children(void) { check_eq_int(waitpid(-1, NULL, WNOHANG), -1); }

TEST(runner__runs_a_program_in_a_child)
{
    TEST_CX(cx);
    struct po_program_result result =
        runner_go(cx, runner_text(cx, "fs_read = \"/nowhere\"", "print(\"hello\")\n    \"done\""));
    check_eq_cstr(runner_said(cx, &result), "\"done\"");
    check_eq_str(result.output, "hello\n");
    check_eq_str(result.calls_json, "[]");
    check_that(result.is_sandboxed);
    check_that(po_str_find(result.sandbox, PO_LIT("landlock"), 0) == 0);
    check_that(result.outcome.steps > 0);
    check_no_children();
}

static const char mixed[] = "import * as fact from \"host/fact\"\n"
                            "import * as time from \"host/time\"\n"
                            "import * as fs from \"host/fs\"\n"
                            "@check(id = \"x\")\n"
                            "@needs(fact = \"machine.disk\", time = true, fs_stat = \"/**\")\n"
                            "fn e() -> int {\n"
                            "    let d = fact.machine_disk()\n"
                            "    let there = fs.exists(\"/nowhere/x\").unwrap_or(true)\n"
                            "    print(there, d.same_file_system)\n"
                            "    time.now()\n"
                            "}\n";

/* The same program gives the same bytes here and in a child. */
TEST(runner__records_calls_as_a_run_in_this_process)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_program_job job = {
        .given = &disk, .given_count = 1, .now_us = (po_time_us)1000 * PO_US_PER_S};
    check_ok(cx, runner_try(cx, mixed, &job, &result));
    check_eq_cstr(runner_said(cx, &result), "1000");
    check_eq_str(result.output, "false true\n");
    check_eq_str(
        result.calls_json,
        "[{\"args\":[],\"module\":\"host/fact\",\"name\":\"machine_disk\",\"seq\":1,\"value\":" DISK
        "},{\"args\":[\"/nowhere/x\"],\"module\":\"host/fs\",\"name\":\"exists\",\"seq\":2,"
        "\"value\":false},{\"args\":[],\"module\":\"host/time\",\"name\":\"now\",\"seq\":3,"
        "\"value\":1000}]");
    uint8_t digest[PO_SHA256_BYTES];
    check_ok_leaf(po_sha256(result.calls_json, digest));
    check_eq_mem(result.calls_digest, digest, sizeof digest);
    check_eq_u64(result.outcome.host_calls, 3);
    check_eq_u64(result.denial_count, 0);
}

TEST(runner__replays_in_a_child_without_asking_anybody)
{
    TEST_CX(cx);
    struct po_program_result first = {0};
    struct po_program_result second = {0};
    struct po_program_job job = {
        .given = &disk, .given_count = 1, .now_us = (po_time_us)1000 * PO_US_PER_S};
    check_ok(cx, runner_try(cx, mixed, &job, &first));
    struct po_program_job again = {.replay_calls = first.calls_json};
    check_ok(cx, runner_try(cx, mixed, &again, &second));
    check_eq_postr(second.outcome.value_json, first.outcome.value_json);
    check_eq_postr(second.output, first.output);
    check_eq_postr(second.calls_json, first.calls_json);
    check_eq_u64(second.outcome.steps, first.outcome.steps);
    again.replay_calls = PO_LIT("[]");
    check_fails(cx, runner_try(cx, mixed, &again, &second), PO_CONFLICT);
    check_contains(po_err_msg(cx), "call 1");
}

TEST(runner__tells_denials_and_goes_on)
{
    TEST_CX(cx);
    struct po_program_result result = runner_go(
        cx, runner_text(cx, "fs_read = \"/nowhere/*\"",
                        "match fs.read(\"/etc/passwd\") { Ok(_) => \"read\", Err(e) => e.kind }"));
    check_eq_cstr(runner_said(cx, &result), "\"CapabilityDenied\"");
    check_eq_u64(result.denial_count, 1);
    check_eq_int(result.denials[0].kind, PO_CAP_FS_READ);
    check_eq_str(result.denials[0].value, "/etc/passwd");
    check_eq_cstr(result.denials[0].fence, "needs");
}

TEST(runner__a_file_that_cannot_be_read_is_no_denied_capability)
{
    TEST_CX(cx);
    struct po_program_result result = runner_go(
        cx, runner_text(cx, "fs_read = \"/nowhere/*\"",
                        "match fs.read(\"/nowhere/x\") { Ok(_) => \"read\", Err(e) => e.kind }"));
    check_eq_cstr(runner_said(cx, &result), "\"HostError\"");
}

static po_rc answer_service(void *user, struct po_ctx *cx, const struct po_program_request *request,
                            struct po_buf *ret_json)
{
    (void)user;
    if (po_str_eq_cstr(request->name, "set")) return PO_FAIL(cx, PO_DENIED, "not this flag");
    po_buf_printf(ret_json, "\"%.*s.%.*s %.*s\"", PO_STR_ARG(request->module),
                  PO_STR_ARG(request->name), PO_STR_ARG(request->args->first->str));
    return po_rc_ok();
}

TEST(runner__asks_the_services_of_the_parent)
{
    static const char text[] =
        "import * as flags from \"host/flags\"\n"
        "@check(id = \"x\")\n@needs(flags = \"a*\")\n"
        "fn e() -> string {\n"
        "    let got = to_string(flags.get(\"abc\").unwrap())\n"
        "    match flags.set(\"abc\", 1) { Ok(_) => \"set\", Err(e) => got + \" \" + e.message }\n"
        "}\n";
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_program_services services = {.call = answer_service};
    struct po_program_job job = {.services = &services};
    check_ok(cx, runner_try(cx, text, &job, &result));
    check_contains(runner_said(cx, &result), "host/flags.get abc");
    check_contains(runner_said(cx, &result), "not this flag");
}

TEST(runner__a_home_behind_a_link_is_the_real_one)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    check_eq_int(mkdir(test_tmp("real"), 0755), 0);
    check_eq_int(mkdir(test_tmp("real/data"), 0755), 0);
    test_write_file(test_tmp("real/data/x"), "inside", 6);
    check_eq_int(symlink(test_tmp("real"), test_tmp("home")), 0);
    struct po_program_job job = {.home = test_tmp("home")};
    const char *text =
        runner_text(cx, "fs_read = \"~/data/**\"", "fs.read(\"~/data/x\").unwrap_or(\"nothing\")");
    check_ok(cx, runner_try(cx, text, &job, &result));
    check_eq_cstr(runner_said(cx, &result), "\"inside\"");
    job.home = test_tmp("nowhere");
    check_ok(cx, runner_try(cx, text, &job, &result));
    check_eq_cstr(runner_said(cx, &result), "\"nothing\"");
}

/* ---- limits -------------------------------------------------------------------------------------- */

TEST(runner__budgets_end_a_run_in_their_fault)
{
    static const struct {
        const char *name;
        const char *body;
        const char *want;
    } rows[] = {
        {"steps", "let mut n = 0\n    while true { n = n + 1 }\n    \"never\"", "fault StepLimit"},
        {"memory", "let mut all = [\"x\"]\n    for i in 0..40 { all = all + all }\n    \"never\"",
         "fault MemoryLimit: memory limit exceeded: "},
        {"output",
         "for i in 0..100000 { print(\"0123456789012345678901234567890123456789\") }\n"
         "    \"never\"",
         "fault OutputLimit"},
        {"host calls",
         "for i in 0..1000 { fs.exists(\"/nowhere\").unwrap_or(true) }\n    \"never\"",
         "fault HostCallLimit"},
        {"depth", "deep(0)", "fault StackOverflow"},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows)
    {
        const char *text = runner_text(cx, "fs_stat = \"/nowhere\"", row->body);
        text = po_arena_printf(cx->arena, "%sfn deep(n: int) -> string { deep(n + 1) + \"x\" }\n",
                               text);
        struct po_program_result result = runner_go(cx, text);
        check_contains(runner_said(cx, &result), row->want);
    }
    test_row(NULL);
}

TEST(runner__long_output_and_long_values_come_back_whole)
{
    TEST_CX(cx);
    struct po_program_result result = runner_go(
        cx, "import * as fs from \"host/fs\"\n@report(id = \"x\")\n@needs(fs_stat = \"/nowhere\")\n"
            "fn e() -> [string] {\n"
            "    for i in 0..20000 { print(\"äöü§ 0123456789012345678901234567890123456789\") }\n"
            "    range(0, 20000).map(|i| \"€ 0123456789012345678901234567890123456789\")\n}\n");
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    check_eq_u64(result.output.len, 20000 * 50);
    check_that(
        po_str_ends(result.output, PO_LIT("äöü§ 0123456789012345678901234567890123456789\n")));
    check_eq_u64(result.outcome.value_json.len, 20000 * 47 + 1);
}

static po_rc run_for(struct po_ctx *cx, int64_t time_us, struct po_program_result *ret_result)
{
    PO_CLEANUP(po_program_done)
    struct po_program program =
        program_of(cx, runner_text(cx, "fs_stat = \"/nowhere\"", "print(1)\n    \"ok\""), "e");
    struct po_program_job job = {.grant = &program.row.needs};
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    program.limits.time_us = time_us;
    return po_program_run(cx, &program, &job, ret_result);
}

static int child_that_sleeps(int channel)
{
    runner_take_job(channel);
    runner_say(channel, "{\"op\":\"ready\"}");
    while (pause() != 0)
        ;
    return 0;
}

TEST(runner__a_child_beyond_its_time_is_killed)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    runner_use_child(child_that_sleeps);
    po_time_us before = po_frame_now_us();
    check_ok(cx, run_for(cx, 200 * PO_US_PER_MS, &result));
    check_eq_cstr(runner_said(cx, &result), "fault TimeLimit: time limit exceeded");
    po_time_us took = po_frame_now_us() - before;
    check_that(took >= 200 * PO_US_PER_MS && took < 2 * PO_US_PER_S);
    check_no_children();
}

static int child_that_ends(int channel)
{
    runner_take_job(channel);
    runner_say(channel, "{\"op\":\"ready\"}");
    return 7;
}
static int child_that_crashes(int channel)
{
    runner_take_job(channel);
    runner_say(channel, "{\"op\":\"ready\"}");
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
    return 0;
}
static int child_that_never_begins(int channel)
{
    (void)channel;
    return 3;
}
static int child_that_cuts_a_frame(int channel)
{
    runner_take_job(channel);
    runner_say(channel, "{\"op\":\"ready\"}");
    return write(channel, "\0\0\1\0{", 5) == 5 ? 0 : 1;
}
static int child_that_refuses(int channel)
{
    runner_take_job(channel);
    runner_say(channel, "{\"op\":\"error\",\"code\":5,\"message\":\"no sandbox today\"}");
    return 0;
}

TEST(runner__a_child_that_dies_is_a_fault_of_the_run)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    runner_use_child(child_that_ends);
    check_ok(cx, run_for(cx, PO_US_PER_S, &result));
    check_eq_cstr(runner_said(cx, &result),
                  "fault HostError: the runner child ended with status 7");
    runner_use_child(child_that_crashes);
    check_ok(cx, run_for(cx, PO_US_PER_S, &result));
    check_contains(runner_said(cx, &result),
                   "fault HostError: the runner child was ended by signal");
    runner_use_child(child_that_cuts_a_frame);
    check_ok(cx, run_for(cx, PO_US_PER_S, &result));
    check_contains(runner_said(cx, &result), "a frame is cut short");
    check_no_children();
}

TEST(runner__a_child_that_does_not_begin_is_an_error)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    runner_use_child(child_that_never_begins);
    check_fails(cx, run_for(cx, PO_US_PER_S, &result), PO_IO);
    check_contains(po_err_msg(cx), "ended with status 3 before it could run the program");
    runner_use_child(child_that_refuses);
    check_fails(cx, run_for(cx, PO_US_PER_S, &result), PO_DENIED);
    check_contains(po_err_msg(cx), "no sandbox today");
    check_no_children();
}

/* ---- what the host lacks ------------------------------------------------------------------------- */

TEST(runner__without_a_fence_nothing_is_written_or_started)
{
    static const struct {
        const char *name;
        struct po_sandbox_support support;
        const char *needs;
        const char *why; /* NULL: it runs */
    } rows[] = {
        {"no landlock, writing", {0, true, ""}, "fs_write = \"/nowhere/*\"", "landlock is missing"},
        {"no landlock, exec", {0, true, ""}, "exec = \"/usr/bin/true\"", "landlock is missing"},
        {"no seccomp, writing", {2, false, ""}, "fs_write = \"/nowhere/*\"", "seccomp is missing"},
        {"no fence, reading", {0, false, "neither"}, "fs_read = \"/nowhere/*\"", NULL},
        {"both", {2, true, "both"}, "exec = \"/usr/bin/true\"", NULL},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows)
    {
        struct po_program_result result = {0};
        struct po_program_job job = {0};
        runner_use_forks();
        po_runner_test.support = &row->support;
        const char *text = runner_text(cx, row->needs, "\"ran\"");
        po_rc rc = runner_try(cx, text, &job, &result);
        check_eq_int(rc.code, row->why != NULL ? PO_DENIED : PO_OK);
        if (row->why != NULL) check_contains(po_err_msg(cx), row->why);
        if (row->why == NULL) check_eq_str(result.sandbox, row->support.text);
        po_err_clear(cx);
    }
    test_row(NULL);
    po_runner_test.support = NULL;
}

TEST(runner__a_program_larger_than_a_frame_is_refused)
{
    TEST_CX(cx);
    PO_BUF_AUTO text = {0};
    struct po_program_result result = {0};
    struct po_program_job job = {0};
    po_buf_init(&text, 8 << 20);
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "m%d.script", i);
        po_buf_clear(&text);
        po_buf_printf(&text, "export fn f%d() -> int { 1 }\n//", i);
        po_buf_append_zeros(&text, 1000000);
        memset(text.ptr + text.len - 1000000, 'x', 1000000);
        po_buf_append_char(&text, '\n');
        program_file("one", name, text.ptr);
    }
    po_rc rc = runner_try(cx,
                          "import { f0 } from \"./m0\"\nimport { f1 } from \"./m1\"\n"
                          "import { f2 } from \"./m2\"\nimport { f3 } from \"./m3\"\n"
                          "import { f4 } from \"./m4\"\nimport * as fs from \"host/fs\"\n"
                          "@check(id = \"x\")\n@needs(fs_stat = \"/x\")\n"
                          "fn e() -> int { f0() + f1() + f2() + f3() + f4() }\n",
                          &job, &result);
    check_eq_int(rc.code, PO_LIMIT);
    check_contains(po_err_msg(cx), "the program with its imports is larger than");
    check_no_children();
}

TEST_FAULTS_MANUAL(runner__fails_cleanly)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, mixed, "e");
    struct po_program_result result = {0};
    struct po_program_job job = {.given = &disk, .given_count = 1, .grant = &program.row.needs};
    runner_use_forks();
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    test_faults_arm();
    po_rc rc = po_program_run(cx, &program, &job, &result);
    test_faults_off();
    /* Also where waiting for it failed, the child was killed. */
    if (!test_fault_fired()) check_no_children();
    while (waitpid(-1, NULL, 0) > 0)
        ;
    if (!test_survived(rc)) return;
    /* A fault on the parent's side may also be met as a child that had to be given up. */
    if (result.outcome.status != PO_SCRIPT_FAULT) check_eq_cstr(runner_said(cx, &result), "0");
}
