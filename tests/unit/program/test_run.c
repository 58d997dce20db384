/*
 * Runs in this process: facts, time, faults, denials, the list of calls, dry runs, replay.
 */
#include "unit/program/program_fixture.h"

TEST(program_run__reads_facts_and_time_and_lists_its_calls)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, program_reader, "c");
    struct po_program_job job = program_job();
    struct po_program_result result = {0};
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    check_eq_str(result.outcome.value_json, "1005");
    check_eq_str(result.output, "free 50\n");
    check_eq_str(
        result.calls_json,
        "[{\"args\":[],\"module\":\"host/fact\",\"name\":\"machine_disk\",\"seq\":1,"
        "\"value\":" PROGRAM_DISK "},"
        "{\"args\":[],\"module\":\"host/time\",\"name\":\"now\",\"seq\":2,\"value\":1000}]");
    check_eq_u64(result.denial_count, 0);
}

/* ---- faults -------------------------------------------------------------------------------------- */

TEST(program_run__ends_in_a_fault_that_is_no_error)
{
    static const struct {
        const char *name;
        const char *body;
        const char *kind;
        const char *message;
    } table[] = {
        {"division", "1 / (2 - 2)", "DivisionByZero", "division by zero"},
        {"panic", "panic(\"no\")", "Panic", "no"},
        {"steps", "{ let mut n = 0\n while true { n = n + 1 }\n n }", "StepLimit", "step"},
        {"host calls", "{ let mut n = 0\n while true { n = time.now() }\n n }", "HostCallLimit",
         "host call"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        PO_BUF_AUTO text = {0};
        po_buf_init(&text, 4096);
        po_buf_printf(&text,
                      "import * as time from \"host/time\"\n@check\n@needs(time = true)\n"
                      "fn c() -> int { print(\"before\")\n %s }\n",
                      row->body);
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text.ptr, "c");
        struct po_program_job job = program_job();
        struct po_program_result result = {0};
        check_ok(cx, program_run(cx, &program, &job, &result));
        check_eq_int(result.outcome.status, PO_SCRIPT_FAULT);
        check_eq_str(result.outcome.fault_kind, row->kind);
        check_that(po_str_find(result.outcome.fault_message, po_str_of(row->message), 0) !=
                   SIZE_MAX);
        check_eq_str(result.output, "before\n");
    }
}

static const char fact_reader[] = "import * as fact from \"host/fact\"\n@check\n"
                                  "@needs(fact = \"machine.disk\")\n"
                                  "fn c() -> int { fact.machine_disk().free_percent_min }\n";

TEST(program_run__calls_a_fact_that_does_not_fit_its_type_a_fault)
{
    static const struct {
        const char *name;
        const char *json;
        const char *message;
    } table[] = {
        {"text for a number",
         "{\"free_percent_min\":\"10\",\"home\":null,\"same_file_system\":true,\"state\":null,"
         "\"state_inside_home\":false}",
         "another type than declared"},
        {"a member is missing", "{\"free_percent_min\":10}", "another type than declared"},
        {"no object", "[]", "another type than declared"},
        {"no JSON", "{", "another type than declared"},
        {"null", "null", "another type than declared"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        struct po_program_fact given = {PO_LIT("machine.disk"), po_str_of(row->json)};
        struct po_program_job job = {.given = &given, .given_count = 1};
        struct po_program_result result = {0};
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, fact_reader, "c");
        check_ok(cx, program_run(cx, &program, &job, &result));
        check_eq_int(result.outcome.status, PO_SCRIPT_FAULT);
        check_eq_str(result.outcome.fault_kind, "HostError");
        check_that(po_str_find(result.outcome.fault_message, po_str_of(row->message), 0) !=
                   SIZE_MAX);
    }
}

TEST(program_run__calls_a_fact_that_is_missing_a_fault)
{
    TEST_CX(cx);
    struct po_program_job job = {0};
    struct po_program_result result = {0};
    struct po_fact_set *set = NULL;
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, fact_reader, "c");
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_str(result.outcome.fault_kind, "HostError");
    check_eq_str(result.outcome.fault_message, "fact 'machine.disk' is not given");
    /* a set without a home has it not either */
    static const char home_reader[] = "import * as fact from \"host/fact\"\n@check\n"
                                      "@needs(fact = \"home.logs\")\n"
                                      "fn c() -> int { fact.home_logs().files }\n";
    PO_CLEANUP(po_program_done) struct po_program other = program_of(cx, home_reader, "c");
    check_ok(cx, po_fact_set_new(cx, NULL, &set));
    job.facts = set;
    check_ok(cx, program_run(cx, &other, &job, &result));
    check_eq_str(result.outcome.fault_message,
                 "fact 'home.logs' could not be read: fact 'home.logs' needs a home");
    check_eq_str(result.calls_json,
                 "[{\"args\":[],\"kind\":\"HostError\",\"message\":\"fact 'home.logs' could not be "
                 "read: fact 'home.logs' needs a home\",\"module\":\"host/fact\",\"name\":"
                 "\"home_logs\",\"seq\":1}]");
}

TEST(program_run__reads_facts_of_the_snapshot)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_fact_set *set = NULL;
    const struct po_fact_value *value = NULL;
    static const char reads[] = "import * as fact from \"host/fact\"\n@check\n"
                                "@needs(fact = \"machine.self\")\n"
                                "fn c() -> bool { fact.machine_self().privileged }\n";
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, reads, "c");
    check_ok(cx, po_fact_set_new(cx, NULL, &set));
    struct po_program_job job = {.facts = set};
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    /* read by the run, and still there after it */
    check_ok(cx, po_fact_get(cx, set, "machine.self", &value));
    check_eq_str(result.outcome.value_json,
                 po_json_get(value->json, "privileged")->boolean ? "true" : "false");
}

TEST(program_run__takes_arguments_that_fit)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done)
    struct po_program program =
        program_of(cx, "@repair\nfn c(n: int, s: string) -> string { s + to_string(n) }\n", "c");
    struct po_program_job job = {.args_json = PO_LIT("[7,\"x\"]")};
    struct po_program_result result = {0};
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_str(result.outcome.value_json, "\"x7\"");
    job.args_json = PO_LIT("[\"x\",7]");
    check_fails(cx, program_run(cx, &program, &job, &result), PO_INVALID);
    job.args_json = PO_LIT("");
    check_fails(cx, program_run(cx, &program, &job, &result), PO_INVALID);
}

/* ---- as the runner child calls it ---------------------------------------------------------------- */

static void count_call(void *user, po_str entry_json, const struct po_program_denial *denial)
{
    int *counts = user;
    counts[denial != NULL ? 1 : 0]++;
    check_that(po_str_starts(entry_json, PO_LIT("{\"args\":")));
    check_that(po_str_ends(entry_json, PO_LIT("}")));
}

TEST(program_run_here__tells_each_call_and_its_denial)
{
    TEST_CX(cx);
    static const char text[] =
        "import * as env from \"host/env\"\n@check\n@needs(env = \"A\")\n"
        "fn ask(name: string) -> string { try { env.get(name).unwrap_or(\"\") } catch (e) { "
        "e.message } }\n"
        "@check\nfn c() -> [string] { [ask(\"A\"), ask(\"B\")] }\n";
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    struct po_program_result result = {0};
    int counts[2] = {0, 0};
    struct po_caps needs = {0};
    check_ok(cx, po_caps_parse(cx, PO_LIT("{\"env\":\"A\"}"), &needs));
    struct po_run_spec spec = {.script = program.script,
                               .fns = program.fns,
                               .fn_count = program.fn_count,
                               .entry = PO_LIT("c"),
                               .limits = program.limits,
                               .gate = {.needs = &needs, .ceiling = &needs},
                               .on_call = count_call,
                               .user = counts};
    check_ok(cx, po_run_here(cx, &spec, &result));
    check_eq_str(result.outcome.value_json,
                 "[\"host/env is not available here\",\"capability 'env' does not cover 'B' "
                 "(needs)\"]");
    check_eq_int(counts[0], 1);
    check_eq_int(counts[1], 1);
    /* a table that is not the one it was compiled with */
    spec.fn_count = 1;
    check_ok(cx, po_run_here(cx, &spec, &result));
    check_that(po_str_find(result.outcome.value_json, PO_LIT("not available"), 0) != SIZE_MAX);
    spec.entry = PO_LIT("none");
    check_fails(cx, po_run_here(cx, &spec, &result), PO_NOTFOUND);
}

/* ---- failures ------------------------------------------------------------------------------------ */

TEST_FAULTS_SITES(program_run__fails_cleanly)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, program_reader, "c");
    struct po_program_job job = program_job();
    struct po_program_result result = {0};
    test_faults_arm();
    if (!test_survived(program_run(cx, &program, &job, &result))) {
        check_that(result.calls_json.ptr == NULL);
        return;
    }
    test_faults_off();
    /* the language ends a run whose values find no memory: never with a value */
    bool is_ended = po_str_eq_cstr(result.outcome.fault_kind, "MemoryLimit");
    check_that(is_ended || po_str_eq_cstr(result.outcome.value_json, "1005"), "%.*s: %.*s",
               PO_STR_ARG(result.outcome.fault_kind), PO_STR_ARG(result.outcome.fault_message));
}
