/*
 * Runs in this process: facts, time, faults, denials, the list of calls, dry runs, replay.
 */
#include "unit/program/program_fixture.h"

#define DISK                                                                                       \
    "{\"free_percent_min\":10,\"home\":{\"free_bytes\":5,\"free_percent\":50,\"total_bytes\":10}," \
    "\"same_file_system\":true,\"state\":null,\"state_inside_home\":false}"

static const struct po_program_fact disk = {{"machine.disk", 12}, {DISK, sizeof DISK - 1}};

static const char reader[] = "import * as fact from \"host/fact\"\n"
                             "import * as time from \"host/time\"\n"
                             "@check(id = \"d\")\n"
                             "@needs(fact = \"machine.disk\", time = true)\n"
                             "fn c() -> int {\n"
                             "    let d = fact.machine_disk()\n"
                             "    print(\"free\", d.home.unwrap().free_percent)\n"
                             "    time.now() + d.home.unwrap().free_bytes\n"
                             "}\n";

static struct po_program_job job_of(void)
{
    return (struct po_program_job){
        .given = &disk, .given_count = 1, .now_us = (po_time_us)1000 * PO_US_PER_S};
}

TEST(program_run__reads_facts_and_time_and_lists_its_calls)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, reader, "c");
    struct po_program_job job = job_of();
    struct po_program_result result = {0};
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    check_eq_str(result.outcome.value_json, "1005");
    check_eq_str(result.output, "free 50\n");
    check_eq_str(
        result.calls_json,
        "[{\"args\":[],\"module\":\"host/fact\",\"name\":\"machine_disk\",\"seq\":1,"
        "\"value\":" DISK "},"
        "{\"args\":[],\"module\":\"host/time\",\"name\":\"now\",\"seq\":2,\"value\":1000}]");
    check_eq_u64(result.denial_count, 0);
}

TEST(program_run__replays_byte_for_byte_without_facts)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, reader, "c");
    struct po_program_job job = job_of();
    struct po_program_result first = {0};
    struct po_program_result second = {0};
    check_ok(cx, program_run(cx, &program, &job, &first));
    struct po_program_job again = {.replay_calls = first.calls_json};
    check_ok(cx, program_run(cx, &program, &again, &second));
    check_eq_postr(second.outcome.value_json, first.outcome.value_json);
    check_eq_postr(second.output, first.output);
    check_eq_postr(second.calls_json, first.calls_json);
    check_eq_mem(second.calls_digest, first.calls_digest, PO_SHA256_BYTES);
    check_eq_u64(second.outcome.steps, first.outcome.steps);
}
