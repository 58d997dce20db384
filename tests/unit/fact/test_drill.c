/*
 * Drills, with this test program as the children: a constructor takes the roles before any test runs.
 */
#include "fact_fixture.h"

#include "fact/drill_fault_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char role_prefix[] = "--role=";

/* glibc gives constructors the arguments of main. */
__attribute__((constructor(101))) static void take_role(int argc, char **argv)
{
    if (argc < 2 || strncmp(argv[1], role_prefix, sizeof role_prefix - 1) != 0) return;
    _exit(po_drill_role_run(argv[1] + sizeof role_prefix - 1, argc - 2, argv + 2));
}

static size_t count_left_over(struct po_ctx *cx, const char *dir)
{
    po_str *names = NULL;
    size_t count = 0;
    size_t found = 0;
    check_ok(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++)
        found += po_str_starts(names[i], PO_LIT("drill-")) ? 1 : 0;
    return found;
}

TEST_TIMEOUT(drill_flip__notices_every_flipped_byte_and_leaves_nothing, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "drill.flip");
    check_that(fixture_int(value, "files") >= 4);
    check_that(fixture_int(value, "flips") >= 12);
    const struct po_json *missed = fixture_at(value, "missed_in");
    check_that(missed->count == 0, "%.*s", PO_STR_ARG(missed->first->str));
    check_eq_int(fixture_int(value, "detected"), fixture_int(value, "flips"));
    check_eq_u64(count_left_over(cx, set->places.state_dir), 0);
}

TEST_TIMEOUT(drill_kill__loses_nothing_acknowledged_and_leaves_nothing, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "drill.kill");
    check_that(fixture_int(value, "kills") > 0);
    check_that(fixture_int(value, "acknowledged") > 0);
    check_eq_int(fixture_int(value, "lost"), 0);
    check_that(fixture_bool(value, "verified"));
    check_that(fixture_int(value, "worst_ms") < 60000);
    check_eq_u64(count_left_over(cx, set->places.state_dir), 0);
    check_eq_u64(count_left_over(cx, set->places.root), 0);
}

TEST_TIMEOUT(drill_keys__seals_with_nothing_retired_and_leaves_nothing, 30)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "drill.keys");
    check_that(fixture_int(value, "seals") > 0 && fixture_int(value, "wraps") > 0);
    check_eq_int(fixture_int(value, "seals_by_retired"), 0);
    check_eq_int(fixture_int(value, "wraps_by_retired"), 0);
    check_that(fixture_bool(value, "old_opens"));
    check_eq_u64(count_left_over(cx, set->places.state_dir), 0);
}

/* An assessment inside a drill asks for the same facts. */
TEST(drill__starts_no_other_drill)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_fact_value *value = NULL;
    size_t count = 0;
    size_t refused = 0;
    const struct po_fact *facts = po_fact_table(&count);
    po_fact_drills_refuse();
    for (size_t i = 0; i < count; i++) {
        if (facts[i].cost != PO_FACT_DRILL) continue;
        check_eq_int(po_fact_get(cx, set, facts[i].name, &value).code, PO_UNAVAILABLE);
        check_contains(po_err_msg(cx), "a drill starts no other");
        refused++;
    }
    check_that(refused >= 4, "%zu", refused);
    check_ok(cx, po_fact_get(cx, set, "home.credentials", &value));
}

/* What the drill would have to report: an acknowledged event that is not in the ledger. */
TEST_TIMEOUT(drill_verify__finds_an_event_that_was_never_written, 30)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    struct po_drill drill = {0};
    struct po_drill_ended ended = {0};
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 65536);
    check_ok(cx, po_drill_begin(cx, set, &drill));
    const char *init[] = {"test", "--role=drill-init", drill.home, NULL};
    const char *verify[] = {"test", "--role=drill-verify", drill.home, NULL};
    struct po_drill_child child = {.argv = init, .timeout_ms = 20000};
    check_ok(cx, po_drill_run(cx, &drill, &child, NULL, NULL, &ended));
    check_eq_int(ended.exit_status, 0);
    child.argv = verify;
    child.input = PO_LIT("019b7c00-0000-7000-8000-000000000001\nnot an id\n");
    check_ok(cx, po_drill_run(cx, &drill, &child, &out, NULL, &ended));
    check_contains(out.ptr, "lost 1\n");
    check_contains(out.ptr, "verified 1\n");
    po_drill_end(cx, &drill);
    check_eq_u64(count_left_over(cx, set->places.state_dir), 0);
}

TEST(drill_role__refuses_unknown_roles_and_missing_arguments)
{
    char *argv[] = {NULL};
    check_eq_int(po_drill_role_run("drill-nothing", 0, argv), 64);
    check_eq_int(po_drill_role_run("drill-append", 0, argv), 64);
}

TEST(drill_begin__removes_what_an_interrupted_drill_left)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("state/drill-0000/home/x", "old");
    fixture_file("state/other/x", "not ours");
    check_that(symlink("/", test_tmp("state/drill-0000/link")) == 0);
    set->now_us = po_clock_system.now_us(po_clock_system.user) + 2 * PO_US_PER_HOUR;
    struct po_drill drill = {0};
    check_ok(cx, po_drill_begin(cx, set, &drill));
    check_that(access(test_tmp("state/drill-0000"), F_OK) != 0);
    check_that(access(test_tmp("state/other/x"), F_OK) == 0);
    check_that(access("/etc", F_OK) == 0);
    struct stat info = {0};
    check_that(stat(drill.dir, &info) == 0 && (info.st_mode & 07777) == 0700);
    po_drill_end(cx, &drill);
}

TEST(drill_begin__leaves_a_running_drill_alone)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("state/drill-0001/x", "new");
    set->now_us = po_clock_system.now_us(po_clock_system.user);
    struct po_drill drill = {0};
    check_ok(cx, po_drill_begin(cx, set, &drill));
    check_that(access(test_tmp("state/drill-0001/x"), F_OK) == 0);
    po_drill_end(cx, &drill);
}

/* ---- the fault drill against programs made up for the test ------------------------------------------ */

/* A shell script as the program under drill; `body` sees the arguments. */
static const struct po_json *drill_script(struct po_ctx *cx, const char *body)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, 65536);
    po_buf_printf(&text,
                  "#!/bin/sh\nH=$PAULYOPS_HOME\n"
                  "case \"$1\" in\n"
                  "init) mkdir -p $H/config $H/data $H/intake $H/logs; echo x >$H/data/instance; "
                  "echo '{}' >$H/config/status_flags.json; echo db >$H/data/paulyops.db; exit 0;;\n"
                  "--role=*) shift 4;;\nesac\n");
    po_buf_append_cstr(&text, body);
    check_ok_leaf(po_buf_check(&text));
    struct po_fact_set *set = fixture_set(cx);
    fixture_bytes("program", text.ptr, text.len);
    check_that(chmod(test_tmp("program"), 0755) == 0);
    set->places.program = test_tmp("program");
    return fixture_read(cx, set, "drill.fault");
}

TEST_TIMEOUT(drill_fault__does_not_count_wrong_codes_signals_or_silence, 60)
{
    static const struct {
        const char *name;
        const char *body;
    } rows[] = {
        {"always well", "exit 0\n"},
        {"undocumented code", "echo why >&2; exit 3\n"},
        {"signal", "kill -SEGV $$\n"},
        {"silent failure", "exit 65\n"},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        const struct po_json *value = drill_script(cx, row->body);
        check_that(fixture_int(value, "typed") < fixture_int(value, "injected"));
        check_that(fixture_at(value, "not_typed")->count > 0);
    }
}

TEST_TIMEOUT(drill_fault__finds_a_planted_secret_in_output_and_in_files, 60)
{
    static const struct {
        const char *name;
        const char *body;
    } rows[] = {
        {"output", "cat $H/config/.env; exit 0\n"},
        {"error", "cat $H/config/.env >&2; exit 65\n"},
        {"log", "cat $H/intake/* >>$H/logs/x.log; exit 0\n"},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        check_that(fixture_int(drill_script(cx, row->body), "leaks") > 0);
    }
}

TEST_TIMEOUT(drill_fault__takes_a_program_that_behaves_for_clean, 60)
{
    TEST_CX(cx);
    const struct po_json *value = drill_script(cx, "exit 0\n");
    check_eq_int(fixture_int(value, "leaks"), 0);
    check_that(fixture_int(value, "texts") > fixture_int(value, "public_texts"));
    check_eq_int(fixture_int(value, "planted"), 2);
}

TEST_TIMEOUT(drill_fault__fails_when_no_home_can_be_made, 30)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_fact_value *value = NULL;
    set->places.program = "/bin/false";
    check_fails(cx, po_fact_get(cx, set, "drill.fault", &value), PO_UNAVAILABLE);
    check_eq_u64(count_left_over(cx, set->places.state_dir), 0);
}
