/*
 * The list of calls: replay from it, what is left out of it, and what a replay says.
 */
#include "unit/program/program_fixture.h"

TEST(program_run__replays_byte_for_byte_without_facts)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, program_reader, "c");
    struct po_program_job job = program_job();
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

/* ---- replay -------------------------------------------------------------------------------------- */

static const char env_reader[] =
    "import * as env from \"host/env\"\n@check\n@needs(env = \"*\")\n"
    "fn c() -> string { env.get(\"A\").unwrap_or(\"-\") + env.get(\"B\").unwrap_or(\"-\") }\n";

TEST(program_replay__says_what_the_run_asks_otherwise)
{
#define CALL(seq, name, args, value)                                                               \
    "{\"args\":" args ",\"module\":\"host/env\",\"name\":\"" name "\",\"seq\":" seq                \
    ",\"value\":" value "}"
    static const struct {
        const char *name;
        const char *calls;
        enum po_code code;
        const char *why;
    } table[] = {
        {"the same",
         "[" CALL("1", "get", "[\"A\"]", "\"x\"") "," CALL("2", "get", "[\"B\"]", "null") "]",
         PO_OK, NULL},
        {"other arguments", "[" CALL("1", "get", "[\"Z\"]", "\"x\"") "]", PO_CONFLICT,
         "call 1: the record has host/env.get[\"Z\"], the run asks host/env.get[\"A\"]"},
        {"another function", "[" CALL("1", "set", "[\"A\"]", "\"x\"") "]", PO_CONFLICT,
         "call 1: the record has host/env.set[\"A\"], the run asks host/env.get[\"A\"]"},
        {"another second",
         "[" CALL("1", "get", "[\"A\"]", "\"x\"") "," CALL("2", "get", "[\"C\"]", "null") "]",
         PO_CONFLICT, "call 2: the record has host/env.get[\"C\"]"},
        {"fewer", "[" CALL("1", "get", "[\"A\"]", "\"x\"") "]", PO_CONFLICT,
         "call 2: the run asks host/env.get[\"B\"], the record ends"},
        {"none", "[]", PO_CONFLICT, "call 1: the run asks host/env.get[\"A\"], the record ends"},
        {"more",
         "[" CALL("1", "get", "[\"A\"]", "\"x\"") "," CALL("2", "get", "[\"B\"]", "null") "," CALL(
             "3", "get", "[\"C\"]", "null") "]",
         PO_CONFLICT, "the record has 3 calls, the run asked only 2"},
        {"a digest alone", "[{\"seq\":1,\"sha256\":\"00\"}]", PO_CONFLICT,
         "call 1: the record has its digest alone"},
        {"no list", "{}", PO_INVALID, "recorded calls are no list"},
        {"no JSON", "[", PO_INVALID, "recorded calls"},
        {"entries that are none", "[1]", PO_CONFLICT, "call 1"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        struct po_program_job job = {.replay_calls = po_str_of(row->calls)};
        struct po_program_result result = {0};
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, env_reader, "c");
        if (row->code == PO_OK) {
            check_ok(cx, program_run(cx, &program, &job, &result));
            check_eq_str(result.outcome.value_json, "\"x-\"");
            check_eq_str(result.calls_json, row->calls);
            continue;
        }
        check_fails(cx, program_run(cx, &program, &job, &result), row->code);
        check_contains(po_err_msg(cx), row->why);
        check_that(result.calls_json.ptr == NULL);
    }
}

/* A program that swallows the refusal does not hide it. */
TEST(program_replay__is_refused_even_when_the_program_catches)
{
    TEST_CX(cx);
    static const char text[] =
        "import * as env from \"host/env\"\n@check\n@needs(env = \"*\")\n"
        "fn c() -> string { try { env.get(\"A\").unwrap_or(\"\") } catch (e) "
        "{ \"fine\" } }\n";
    struct po_program_job job = {.replay_calls = PO_LIT("[]")};
    struct po_program_result result = {0};
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    check_fails(cx, program_run(cx, &program, &job, &result), PO_CONFLICT);
    check_contains(po_err_msg(cx), "call 1: the run asks host/env.get[\"A\"], the record ends");
}

/* An answer that is too large for the list is there by its digest, and the run goes on. */
TEST(program_calls__keep_what_is_too_large_by_its_digest)
{
    TEST_CX(cx);
    static const char text[] =
        "import * as fs from \"host/fs\"\n@repair\n@needs(fs_write = \"/srv/**\")\n"
        "fn c() -> int { let big = \"a\".repeat(60000)\n let mut n = 0\n"
        " for i in 0..20 { n = n + (if fs.write(\"/srv/a\", big).is_ok() { 1 } else { 0 }) }\n"
        " n + (if fs.write(\"/srv/a\", big + big).is_ok() { 1 } else { 0 }) }\n";
    struct po_program_result first = {0};
    struct po_program_result second = {0};
    struct po_program_job job = {.is_dry_run = true};
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    check_ok(cx, program_run(cx, &program, &job, &first));
    check_ok(cx, program_run(cx, &program, &job, &second));
    check_eq_str(first.outcome.value_json, "21");
    check_eq_postr(first.calls_json, second.calls_json);
    check_that(first.calls_json.len < PO_PROGRAM_CALLS_BYTES_MAX);
    check_that(po_str_starts(first.calls_json, PO_LIT("[{\"args\":[\"/srv/a\"")));
    size_t short_entries = 0;
    for (size_t at = 0; (at = po_str_find(first.calls_json, PO_LIT("\"sha256\""), at)) != SIZE_MAX;
         at++)
        short_entries++;
    check_that(short_entries > 10 && short_entries < 21);
    struct po_program_job again = {.replay_calls = first.calls_json};
    check_fails(cx, program_run(cx, &program, &again, &second), PO_CONFLICT);
    check_contains(po_err_msg(cx), "the record has its digest alone");
}

TEST(program_calls__of_the_longest_run_fit)
{
    TEST_CX(cx);
    static const char text[] =
        "import * as fs from \"host/fs\"\n@playbook\n@needs(fs_write = \"/srv/**\")\n"
        "fn c() -> int { let part = \"a\".repeat(2000)\n let mut n = 0\n"
        " for i in 0..2000 { n = n + (if fs.write(\"/srv/a\", part).is_ok() { 1 } else { 0 }) }\n"
        " n }\n";
    struct po_program_result result = {0};
    struct po_program_job job = {.is_dry_run = true};
    struct po_json *root = NULL;
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_str(result.outcome.value_json, "2000");
    check_ok(cx, po_json_parse(cx, result.calls_json, PO_JSON_STRICT, &root));
    check_eq_u64(root->count, 2000);
}

TEST_FAULTS_SITES(program_replay__fails_cleanly)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, program_reader, "c");
    struct po_program_job job = program_job();
    struct po_program_result first = {0};
    struct po_program_result result = {0};
    check_ok(cx, program_run(cx, &program, &job, &first));
    job = (struct po_program_job){.replay_calls = first.calls_json};
    test_faults_arm();
    if (!test_survived(program_run(cx, &program, &job, &result))) return;
    test_faults_off();
    if (po_str_eq_cstr(result.outcome.fault_kind, "MemoryLimit")) return;
    check_eq_postr(result.calls_json, first.calls_json);
    check_eq_str(result.outcome.value_json, "1005");
}
