/* Children: what they get, what comes back, and that none outlives its limits. */
#include "core/fs.h"
#include "core/process.h"
#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One run of `sh -c script`. */
struct shell {
    struct po_buf out;
    struct po_buf err;
    struct po_process_result result;
    po_rc rc;
};

static void shell_done(struct shell *shell)
{
    po_buf_done(&shell->out);
    po_buf_done(&shell->err);
}
#define SHELL_AUTO PO_CLEANUP(shell_done) struct shell

static po_rc run_shell(struct po_ctx *cx, struct shell *shell, const char *script,
                       struct po_process_options options)
{
    const char *argv[] = {"sh", "-c", script, "sh", "two words", NULL};
    options.path = "/bin/sh";
    options.argv = argv;
    if (options.timeout_ms == 0) options.timeout_ms = 10000;
    if (shell->out.max == 0) po_buf_init(&shell->out, 1 << 20);
    if (shell->err.max == 0) po_buf_init(&shell->err, 1 << 20);
    return po_process_run(cx, &options, &shell->out, &shell->err, &shell->result);
}

/* No child of ours is left, dead or alive. */
static void check_no_children(void)
{
    errno = 0;
    check_eq_int(waitpid(-1, NULL, WNOHANG), -1);
    check_eq_int(errno, ECHILD);
}

TEST(process__captures_output_and_status)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    check_ok(cx, run_shell(cx, &shell, "echo out; echo err >&2; exit 3",
                           (struct po_process_options){0}));
    check_eq_str(po_buf_str(&shell.out), "out\n");
    check_eq_str(po_buf_str(&shell.err), "err\n");
    check_that(shell.result.has_exited);
    check_eq_int(shell.result.exit_status, 3);
    check_that(shell.result.took_us > 0);
    check_no_children();
}

TEST(process__passes_arguments_whole)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    check_ok(cx,
             run_shell(cx, &shell, "printf '[%s]' \"$1\" \"$#\"", (struct po_process_options){0}));
    check_eq_str(po_buf_str(&shell.out), "[two words][1]");
}

TEST(process__gives_a_limited_environment)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    check_eq_int(setenv("PO_TEST_SECRET", "leak", 1), 0);
    check_ok(cx, run_shell(cx, &shell, "/usr/bin/env", (struct po_process_options){0}));
    po_str out = po_buf_str(&shell.out);
    check_eq_u64(po_str_find(out, PO_LIT("PO_TEST_SECRET"), 0), SIZE_MAX);
    check_that(po_str_find(out, PO_LIT("LANG=C.UTF-8\n"), 0) != SIZE_MAX);
    check_that(po_str_find(out, PO_LIT("PATH="), 0) != SIZE_MAX);
    check_eq_u64(po_str_find(out, PO_LIT("HOME="), 0), SIZE_MAX);
    po_buf_clear(&shell.out);
    const char *env[] = {"ONLY=this", NULL};
    check_ok(cx,
             run_shell(cx, &shell, "echo \"$ONLY$LANG\"", (struct po_process_options){.env = env}));
    check_eq_str(po_buf_str(&shell.out), "this\n");
}

TEST(process__gives_only_three_descriptors)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    int leaking = open("/dev/null", O_RDONLY);
    check_that(leaking >= 3);
    check_ok(cx, run_shell(cx, &shell, "for f in /proc/$$/fd/*; do echo \"${f##*/}\"; done",
                           (struct po_process_options){0}));
    /* The shell itself may open /proc/.../fd or 10, 255 for its own use, but not ours. */
    char needle[16];
    (void)snprintf(needle, sizeof needle, "\n%d\n", leaking);
    check_eq_u64(po_str_find(po_buf_str(&shell.out), po_str_of(needle), 0), SIZE_MAX);
    check_that(po_str_starts(po_buf_str(&shell.out), PO_LIT("0\n1\n")));
    check_eq_int(close(leaking), 0);
}

TEST(process__starts_in_the_directory)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    check_ok(cx,
             run_shell(cx, &shell, "pwd", (struct po_process_options){.directory = test_tmpdir()}));
    po_str out = po_buf_str(&shell.out);
    check_eq_str(po_str_slice(out, 0, out.len - 1), test_tmpdir());
    check_fails(
        cx,
        run_shell(cx, &shell, "pwd", (struct po_process_options){.directory = test_tmp("absent")}),
        PO_NOTFOUND);
    check_no_children();
}

TEST(process__feeds_input_larger_than_a_pipe)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    static char big[300000];
    memset(big, 'i', sizeof big);
    po_str input = po_str_n(big, sizeof big);
    check_ok(cx, run_shell(cx, &shell, "cat", (struct po_process_options){.input = input}));
    check_eq_postr(po_buf_str(&shell.out), input);
    check_ok(cx, run_shell(cx, &shell, "cat", (struct po_process_options){0}));
}

TEST(process__survives_a_child_that_does_not_read)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    static char big[300000];
    po_str input = po_str_n(big, sizeof big);
    check_ok(cx, run_shell(cx, &shell, "exec 0<&-; exit 0",
                           (struct po_process_options){.input = input}));
    check_that(shell.result.has_exited);
    check_no_children();
}

TEST(process__cuts_output_at_the_buffers_limit)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    po_buf_init(&shell.out, 100);
    check_ok(cx, run_shell(cx, &shell, "head -c 500000 /dev/zero; head -c 5 /dev/zero >&2",
                           (struct po_process_options){0}));
    check_eq_u64(shell.out.len, 100);
    check_that(shell.result.is_out_truncated && !shell.result.is_err_truncated);
    check_eq_u64(shell.err.len, 5);
    check_eq_int(shell.result.exit_status, 0);
    const char *argv[] = {"sh", "-c", "echo x; echo y >&2", NULL};
    struct po_process_options options = {.path = "/bin/sh", .argv = argv, .timeout_ms = 10000};
    check_ok(cx, po_process_run(cx, &options, NULL, NULL, &shell.result));
}

TEST(process__reports_a_signal)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    check_ok(cx, run_shell(cx, &shell, "kill -TERM $$; sleep 5", (struct po_process_options){0}));
    check_that(!shell.result.has_exited);
    check_eq_int(shell.result.signal_number, SIGTERM);
}

TEST(process__has_default_signals)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    check_eq_int(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    check_that(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    check_ok(cx, run_shell(cx, &shell, "grep -E '^Sig(Blk|Ign)' /proc/self/status",
                           (struct po_process_options){0}));
    /* Signals 32 and 33 are libc's own: nobody can set them. */
    po_str out = po_buf_str(&shell.out);
    check_that(po_str_eq_cstr(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") ||
               po_str_eq_cstr(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n"));
}

TEST(process__kills_at_the_deadline)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    po_time_us start = po_clock_system.monotonic_us(NULL);
    po_rc rc = run_shell(cx, &shell, "echo started; sleep 30 & sleep 30; echo never",
                         (struct po_process_options){.timeout_ms = 300});
    po_time_us took = po_clock_system.monotonic_us(NULL) - start;
    check_fails(cx, rc, PO_TIMEOUT);
    check_eq_str(po_buf_str(&shell.out), "started\n");
    check_that(took >= 300 * PO_US_PER_MS && took < 5 * PO_US_PER_S);
    check_no_children();
}

TEST(process__gives_grace_before_the_kill)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    const char *script = "trap 'echo term; exit 7' TERM; while :; do sleep 0.02; done";
    check_fails(cx,
                run_shell(cx, &shell, script,
                          (struct po_process_options){.timeout_ms = 200, .grace_ms = 5000}),
                PO_TIMEOUT);
    check_eq_str(po_buf_str(&shell.out), "term\n");
    /* One that ignores SIGTERM is killed after the grace. */
    po_buf_clear(&shell.out);
    check_fails(cx,
                run_shell(cx, &shell, "trap '' TERM; while :; do sleep 0.02; done",
                          (struct po_process_options){.timeout_ms = 100, .grace_ms = 100}),
                PO_TIMEOUT);
    check_no_children();
}

TEST(process__does_not_wait_for_a_daemon_that_keeps_the_pipe)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    po_time_us start = po_clock_system.monotonic_us(NULL);
    check_ok(cx,
             run_shell(cx, &shell, "setsid sleep 3 & echo done", (struct po_process_options){0}));
    po_time_us took = po_clock_system.monotonic_us(NULL) - start;
    check_eq_str(po_buf_str(&shell.out), "done\n");
    check_that(took < 2 * PO_US_PER_S, "took %d us", (int)took);
}

TEST(process__leaves_nobody_of_its_group)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    check_ok(cx, run_shell(cx, &shell, "sleep 30 >/dev/null 2>&1 & echo $!",
                           (struct po_process_options){0}));
    uint64_t pid = 0;
    check_ok_leaf(po_str_to_u64(po_str_trim(po_buf_str(&shell.out)), INT32_MAX, &pid));
    /* Killed, then reaped by whoever inherits orphans. */
    bool is_gone = false;
    for (int i = 0; i < 200 && !is_gone; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        PO_BUF_AUTO cmdline = {0};
        po_buf_init(&cmdline, 4096);
        is_gone = !po_is_ok(po_fs_read(cx, path, &cmdline)) || cmdline.len == 0;
        if (!is_gone) po_clock_sleep_us(10 * PO_US_PER_MS);
    }
    check_that(is_gone);
}

TEST(process__the_contexts_deadline_counts_too)
{
    TEST_CX(cx);
    SHELL_AUTO shell = {0};
    cx->deadline_us = cx->clock->monotonic_us(cx->clock->user) + 100 * PO_US_PER_MS;
    check_fails(cx, run_shell(cx, &shell, "sleep 30", (struct po_process_options){0}), PO_TIMEOUT);
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_fails(cx, run_shell(cx, &shell, "sleep 30", (struct po_process_options){0}), PO_TIMEOUT);
}

TEST(process__refuses_bad_requests)
{
    TEST_CX(cx);
    const char *argv[] = {"x", NULL};
    const char *none[] = {NULL};
    const char *many[PO_PROCESS_ARGS_MAX + 2];
    for (size_t i = 0; i <= PO_PROCESS_ARGS_MAX; i++)
        many[i] = "x";
    many[PO_PROCESS_ARGS_MAX + 1] = NULL;
    test_write_file(test_tmp("plain"), "x", 1);
    check_eq_int(chmod(test_tmp("plain"), 0600), 0);
    const struct {
        const char *name;
        struct po_process_options options;
        enum po_code want;
    } rows[] = {
        {"relative", {.path = "sh", .argv = argv, .timeout_ms = 1}, PO_INVALID},
        {"no path", {.argv = argv, .timeout_ms = 1}, PO_INVALID},
        {"no time", {.path = "/bin/sh", .argv = argv}, PO_INVALID},
        {"too long", {.path = "/bin/sh", .argv = argv, .timeout_ms = INT64_MAX}, PO_INVALID},
        {"bad grace",
         {.path = "/bin/sh", .argv = argv, .timeout_ms = 1, .grace_ms = -1},
         PO_INVALID},
        {"no vector", {.path = "/bin/sh", .timeout_ms = 1}, PO_INVALID},
        {"empty vector", {.path = "/bin/sh", .argv = none, .timeout_ms = 1}, PO_INVALID},
        {"many", {.path = "/bin/sh", .argv = many, .timeout_ms = 1}, PO_LIMIT},
        {"absent", {.path = "/no/such", .argv = argv, .timeout_ms = 1000}, PO_NOTFOUND},
        {"not executable",
         {.path = test_tmp("plain"), .argv = argv, .timeout_ms = 1000},
         PO_DENIED},
    };
    TEST_EACH(row, rows)
    {
        struct po_process_result result;
        check_fails(cx, po_process_run(cx, &row->options, NULL, NULL, &result), row->want);
    }
    check_no_children();
}

TEST_FAULTS(process__leaves_no_child_when_a_call_fails)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 100);
    const char *argv[] = {"cat", NULL};
    struct po_process_options options = {
        .path = "/bin/cat", .argv = argv, .timeout_ms = 10000, .input = PO_LIT("hello")};
    struct po_process_result result = {0};
    bool has_worked = test_survived(po_process_run(cx, &options, &out, NULL, &result));
    test_faults_off();
    check_no_children();
    if (!has_worked) return;
    check_eq_str(po_buf_str(&out), "hello");
    check_eq_int(result.exit_status, 0);
}
