/* Frames, the job, and what the sandbox opens for capabilities. */
#include "unit/program/runner_fixture.h"

#include "core/sys.h"

#include <unistd.h>

/* ---- frames -------------------------------------------------------------------------------------- */

struct ends {
    struct po_frame_end ours;
    struct po_frame_end theirs;
    struct po_buf frame;
};

static void ends_done(struct ends *ends)
{
    close(ends->ours.fd);
    if (ends->theirs.fd >= 0) close(ends->theirs.fd);
    po_buf_done(&ends->frame);
}
#define ENDS_AUTO PO_CLEANUP(ends_done) struct ends

/* Ours does not block and has a deadline, as the parent's. */
static struct ends make_ends(void)
{
    int pair[2];
    struct ends ends = {0};
    check_eq_int(po_sys_socketpair(pair), 0);
    check_eq_int(po_sys_set_nonblocking(pair[0]), 0);
    ends.ours = (struct po_frame_end){pair[0], po_frame_now_us() + 200 * PO_US_PER_MS};
    ends.theirs = (struct po_frame_end){.fd = pair[1]};
    po_buf_init(&ends.frame, PO_FRAME_BYTES_MAX);
    return ends;
}

TEST(runner_frame__goes_both_ways)
{
    TEST_CX(cx);
    ENDS_AUTO ends = make_ends();
    check_ok(cx, po_frame_send(cx, &ends.ours, PO_LIT("{\"a\":1}")));
    check_ok(cx, po_frame_send(cx, &ends.ours, PO_LIT("{}")));
    check_ok(cx, po_frame_read(cx, &ends.theirs, &ends.frame));
    check_eq_str(po_buf_str(&ends.frame), "{\"a\":1}");
    check_ok(cx, po_frame_read(cx, &ends.theirs, &ends.frame));
    check_eq_str(po_buf_str(&ends.frame), "{}");
    check_ok(cx, po_frame_send(cx, &ends.theirs, PO_LIT("[]")));
    check_ok(cx, po_frame_read(cx, &ends.ours, &ends.frame));
    check_eq_str(po_buf_str(&ends.frame), "[]");
}

TEST(runner_frame__waits_no_longer_than_its_deadline)
{
    TEST_CX(cx);
    ENDS_AUTO ends = make_ends();
    PO_BUF_AUTO much = {0};
    check_fails(cx, po_frame_read(cx, &ends.ours, &ends.frame), PO_TIMEOUT);
    po_buf_init(&much, PO_FRAME_BYTES_MAX);
    po_buf_append_zeros(&much, PO_FRAME_BYTES_MAX);
    ends.ours.deadline_us = po_frame_now_us() + 100 * PO_US_PER_MS;
    /* nobody reads: the socket is full long before */
    check_fails(cx, po_frame_send(cx, &ends.ours, po_buf_str(&much)), PO_TIMEOUT);
}

TEST(runner_frame__refuses_what_is_none)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        enum po_code code;
    } rows[] = {
        {"nothing", "", 0, PO_CANCELED},
        {"half a length", "\0\0", 2, PO_CORRUPT},
        {"length 0", "\0\0\0\0", 4, PO_CORRUPT},
        {"too long", "\0\x40\0\x01", 4, PO_CORRUPT},
        {"much too long", "\xff\xff\xff\xff", 4, PO_CORRUPT},
        {"no bytes", "\0\0\0\x05", 4, PO_CORRUPT},
        {"cut short", "\0\0\0\x05{}", 6, PO_CORRUPT},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows)
    {
        ENDS_AUTO ends = make_ends();
        check_eq_int(write(ends.theirs.fd, row->bytes, row->len), (ssize_t)row->len);
        close(ends.theirs.fd);
        ends.theirs.fd = -1;
        check_fails(cx, po_frame_read(cx, &ends.ours, &ends.frame), row->code);
    }
    test_row(NULL);
}

TEST(runner_frame__nobody_to_read_is_told)
{
    TEST_CX(cx);
    ENDS_AUTO ends = make_ends();
    close(ends.theirs.fd);
    ends.theirs.fd = -1;
    check_fails(cx, po_frame_send(cx, &ends.ours, PO_LIT("{}")), PO_CANCELED);
    check_fails(cx, po_frame_send(cx, &ends.ours, PO_LIT("")), PO_LIMIT);
}

TEST_FAULTS(runner_frame__fails_cleanly)
{
    TEST_CX(cx);
    ENDS_AUTO ends = {.ours = {.fd = -1}, .theirs = {.fd = -1}};
    int pair[2] = {-1, -1};
    if (!test_survived(po_rc_of(po_sys_socketpair(pair) == 0 ? PO_OK : PO_IO))) return;
    ends.ours = (struct po_frame_end){pair[0], po_frame_now_us() + PO_US_PER_S};
    ends.theirs = (struct po_frame_end){.fd = pair[1]};
    po_buf_init(&ends.frame, PO_FRAME_BYTES_MAX);
    if (!test_survived(po_frame_send(cx, &ends.ours, PO_LIT("{\"a\":1}")))) return;
    if (!test_survived(po_frame_read(cx, &ends.theirs, &ends.frame))) return;
    test_faults_off();
    check_eq_str(po_buf_str(&ends.frame), "{\"a\":1}");
}

/* ---- the job ------------------------------------------------------------------------------------- */

#define JOB_PARTS                                                                                  \
    "\"files\":[{\"path\":\"x.script\",\"text\":\"1\"}],\"facts\":[{\"name\":\"a_b\","             \
    "\"needs_value\":\"a.b\",\"signature\":\"() -> int\"}],\"file\":\"x.script\",\"entry\":"       \
    "\"e\",\"args\":\"[]\",\"needs\":{\"time\":[\"*\"]},\"ceiling\":{\"exec\":[\"/**\"]},"         \
    "\"limits\":{\"steps\":1,\"memory_bytes\":2,\"output_bytes\":3,\"time_us\":4,\"depth\":5,"     \
    "\"host_calls\":6},\"now_us\":7,\"replay\":\"\""

TEST(runner_job__is_read_as_it_was_written)
{
    TEST_CX(cx);
    struct po_runner_job job = {0};
    check_ok(cx, po_runner_job_get(cx,
                                   PO_LIT("{\"v\":1,\"grant\":{\"fact\":[\"a.b\",\"c\"]},\"home\":"
                                          "\"/h\",\"dry_run\":true," JOB_PARTS "}"),
                                   &job));
    check_eq_u64(job.file_count, 1);
    check_eq_str(job.files[0].text, "1");
    check_eq_u64(job.fact_count, 1);
    check_eq_cstr(job.facts[0].module, "host/fact");
    check_eq_cstr(job.facts[0].needs_value, "a.b");
    check_eq_u64(job.needs.count, 1);
    check_eq_int(job.ceiling.at[0].kind, PO_CAP_EXEC);
    check_eq_str(job.ceiling.at[0].value, "/**");
    check_that(job.has_grant);
    check_eq_u64(job.grant.count, 2);
    check_eq_cstr(job.home, "/h");
    check_that(job.is_dry_run);
    check_eq_u64(job.limits.host_calls, 6);
    check_eq_int(job.limits.time_us, 4);
    check_eq_int(job.now_us, 7);
    check_ok(cx,
             po_runner_job_get(
                 cx,
                 PO_LIT("{\"v\":1,\"grant\":null,\"home\":\"\",\"dry_run\":false," JOB_PARTS "}"),
                 &job));
    check_that(!job.has_grant && job.home == NULL && !job.is_dry_run);
}

TEST(runner_job__what_is_none_is_refused)
{
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {
        {"no JSON", "{"},
        {"no object", "[]"},
        {"other version", "{\"v\":2,\"grant\":null,\"home\":\"\",\"dry_run\":false," JOB_PARTS "}"},
        {"no grant", "{\"v\":1,\"home\":\"\",\"dry_run\":false," JOB_PARTS "}"},
        {"grant of no kind",
         "{\"v\":1,\"grant\":{\"fly\":[\"x\"]},\"home\":\"\",\"dry_run\":false," JOB_PARTS "}"},
        {"grant is a list", "{\"v\":1,\"grant\":[],\"home\":\"\",\"dry_run\":false," JOB_PARTS "}"},
        {"no home", "{\"v\":1,\"grant\":null,\"dry_run\":false," JOB_PARTS "}"},
        {"no dry run", "{\"v\":1,\"grant\":null,\"home\":\"\"," JOB_PARTS "}"},
        {"dry run is a text",
         "{\"v\":1,\"grant\":null,\"home\":\"\",\"dry_run\":\"no\"," JOB_PARTS "}"},
        {"nothing else", "{\"v\":1,\"grant\":null,\"home\":\"\",\"dry_run\":false}"},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows)
    {
        struct po_runner_job job = {0};
        check_fails(cx, po_runner_job_get(cx, po_str_of(row->text), &job), PO_INVALID);
        check_eq_u64(job.file_count, 0);
    }
    test_row(NULL);
}

TEST_FAULTS(runner_job__fails_cleanly)
{
    TEST_CX(cx);
    struct po_runner_job job = {0};
    po_rc rc = po_runner_job_get(
        cx, PO_LIT("{\"v\":1,\"grant\":null,\"home\":\"/h\",\"dry_run\":false," JOB_PARTS "}"),
        &job);
    if (!test_survived(rc)) return;
    test_faults_off();
    check_eq_str(job.entry, "e");
}

TEST(runner_job__a_run_without_a_limit_has_one)
{
    struct po_script_limits limits = {.time_us = 10 * PO_US_PER_S};
    check_eq_int(po_runner_time_us(&limits), 11 * PO_US_PER_S);
    limits.time_us = 0;
    check_eq_int(po_runner_time_us(&limits), PO_RUNNER_TIME_US_MAX / 10 * 11);
}

/* ---- rules --------------------------------------------------------------------------------------- */

static struct po_sandbox_options rules_of(struct po_ctx *cx, enum po_cap_kind kind,
                                          const char *value, struct po_runner_job *job)
{
    struct po_cap cap = {kind, po_str_of(value)};
    struct po_sandbox_options options = {0};
    job->needs = (struct po_caps){1, &cap};
    check_ok(cx, po_runner_rules(cx, job, &options));
    return options;
}

TEST(runner_rules__a_capability_opens_its_fixed_part)
{
    static const struct {
        const char *name;
        enum po_cap_kind kind;
        const char *value;
        const char *path; /* NULL: no rule */
        unsigned access;
    } rows[] = {
        {"path", PO_CAP_FS_READ, "/etc/hosts", "/etc/hosts", PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS},
        {"all below", PO_CAP_FS_READ, "/etc/ssl/**", "/etc/ssl",
         PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS},
        {"in a part", PO_CAP_FS_READ, "/var/log/a*.log", "/var/log",
         PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS},
        {"everything", PO_CAP_FS_READ, "/**", "/", PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS},
        {"at the root", PO_CAP_FS_READ, "/a*/b", "/", PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS},
        {"home", PO_CAP_FS_READ, "~/data/**", "/h/data", PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS},
        {"a file to write", PO_CAP_FS_WRITE, "/etc/x.conf", "/etc",
         PO_SANDBOX_WRITE | PO_SANDBOX_NO_LINKS},
        {"a directory to write", PO_CAP_FS_WRITE, "/srv/x/**", "/srv/x",
         PO_SANDBOX_WRITE | PO_SANDBOX_NO_LINKS},
        {"a file at the root", PO_CAP_FS_WRITE, "/x", "/", PO_SANDBOX_WRITE | PO_SANDBOX_NO_LINKS},
        {"program", PO_CAP_EXEC, "/usr/bin/x -a *", "/usr/bin/x", PO_SANDBOX_EXECUTE},
        {"stat", PO_CAP_FS_STAT, "/etc/**", NULL, 0},
        {"fact", PO_CAP_FACT, "a.b", NULL, 0},
    };
    TEST_CX(cx);
    TEST_EACH(row, rows)
    {
        struct po_runner_job job = {.home = "/h"};
        struct po_sandbox_options options = rules_of(cx, row->kind, row->value, &job);
        check_eq_int(options.can_exec, row->kind == PO_CAP_EXEC);
        check_eq_int(options.can_write, row->kind == PO_CAP_FS_WRITE);
        check_that(options.can_exec || options.rule_count == (row->path != NULL ? 1u : 0u));
        if (row->path == NULL) continue;
        check_eq_cstr(options.rules[0].path, row->path);
        check_eq_u64(options.rules[0].access, row->access);
    }
    test_row(NULL);
}

TEST(runner_rules__a_dry_run_and_a_replay_open_less)
{
    TEST_CX(cx);
    struct po_runner_job job = {.home = "/h", .is_dry_run = true};
    struct po_sandbox_options options = rules_of(cx, PO_CAP_FS_WRITE, "/x/**", &job);
    check_that(options.rule_count == 0 && !options.can_write);
    options = rules_of(cx, PO_CAP_EXEC, "/usr/bin/true", &job);
    check_that(options.rule_count == 0 && !options.can_exec);
    options = rules_of(cx, PO_CAP_FS_READ, "/x/**", &job);
    check_eq_u64(options.rule_count, 1);
    job = (struct po_runner_job){.home = "/h", .replay_calls = PO_LIT("[]")};
    options = rules_of(cx, PO_CAP_FS_READ, "/x/**", &job);
    check_eq_u64(options.rule_count, 0);
    job = (struct po_runner_job){0};
    options = rules_of(cx, PO_CAP_FS_READ, "~/x", &job);
    check_eq_u64(options.rule_count, 0);
}
