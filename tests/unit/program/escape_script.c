/* Attempts written in Script, and those of programs that a Script program may start. */
#include "unit/program/escape.h"
#include "unit/program/runner_fixture.h"

#include "core/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACE_TRIES 8

/* IN/ and OUT/ are the directories, PID the victim. */
static const char *filled_in(struct po_ctx *cx, const char *text, const struct escape_place *place)
{
    struct po_buf buf;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)place->victim);
    po_buf_init(&buf, 1 << 16);
    while (*text != '\0') {
        const char *with = NULL;
        size_t len = 1;
        if (strncmp(text, "IN/", 3) == 0) with = place->in, len = 2;
        if (strncmp(text, "OUT/", 4) == 0) with = place->out, len = 3;
        if (strncmp(text, "PID", 3) == 0) with = pid, len = 3;
        po_buf_append(&buf, with != NULL ? po_str_of(with) : po_str_n(text, 1));
        text += len;
    }
    po_str copy = {0};
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &copy));
    po_buf_done(&buf);
    return copy.ptr;
}

static void leave_out(unsigned fences)
{
    unsigned core = 0;
    if (fences & FENCE_LANDLOCK) core |= PO_SANDBOX_LANDLOCK;
    if (fences & FENCE_SECCOMP) core |= PO_SANDBOX_SECCOMP;
    if (fences & FENCE_PRIVILEGES) core |= PO_SANDBOX_PRIVILEGES;
    po_sandbox_test_leave_out(core);
    runner_use_forks();
    po_runner_test.is_gate_open = (fences & FENCE_GATE) != 0;
    po_runner_test.is_parent_open = (fences & FENCE_PARENT) != 0;
    po_runner_test.follows_links = (fences & FENCE_LINKS) != 0;
    po_runner_test.passes_environment = (fences & FENCE_ENVIRONMENT) != 0;
}

/* The secret reached the result, or something outside is not as it was. */
static bool shows_escape(const struct po_program_result *result, const struct escape_place *place)
{
    struct stat st = {0};
    po_str value = result->outcome.value_json;
    bool is_said = po_str_find(value, PO_LIT(ESCAPE_SECRET), 0) != SIZE_MAX ||
                   po_str_find(result->output, PO_LIT(ESCAPE_SECRET), 0) != SIZE_MAX;
    bool is_same = access(escape_out(place, "new"), F_OK) != 0 &&
                   escape_reads_secret(escape_out(place, "secret")) &&
                   lstat(escape_out(place, "secret"), &st) == 0 && (st.st_mode & 0111) == 0;
    return is_said || !is_same;
}

static bool run_script(const struct escape_row *row, const struct escape_place *place,
                       unsigned left_out)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_program_job job = {0};
    const char *text = runner_text(cx, row->needs, row->body);
    leave_out(left_out);
    check_ok(cx, runner_try(cx, filled_in(cx, text, place), &job, &result));
    leave_out(0);
    return shows_escape(&result, place);
}

static bool run_with_environment(const struct escape_row *row, const struct escape_place *place,
                                 unsigned left_out)
{
    check_eq_int(setenv("LD_ESCAPE", ESCAPE_SECRET, 1), 0);
    bool is_out = run_script(row, place, left_out);
    check_eq_int(unsetenv("LD_ESCAPE"), 0);
    return is_out;
}

/* A second process swaps the granted directory "s" for a link to the one outside, again and again. */
static bool run_race(const struct escape_row *row, const struct escape_place *place,
                     unsigned left_out)
{
    char dir[512];
    char other[512];
    snprintf(dir, sizeof dir, "%s/s", place->in);
    snprintf(other, sizeof other, "%s/t", place->in);
    check_eq_int(rename(escape_in(place, "d"), dir), 0);
    check_eq_int(symlink(place->out, other), 0);
    int ends[2];
    check_eq_int(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (long i = 0;; i++) {
            (void)renameat2(AT_FDCWD, dir, AT_FDCWD, other, RENAME_EXCHANGE);
            if (i == 100) (void)close(ends[1]);
        }
    }
    char byte = 0;
    close(ends[1]);
    check_eq_int(read(ends[0], &byte, 1), 0); /* it has begun */
    close(ends[0]);
    bool is_out = false;
    for (int i = 0; i < RACE_TRIES && !is_out; i++)
        is_out = run_script(row, place, left_out);
    check_eq_int(kill(pid, SIGKILL), 0);
    check_eq_int(waitpid(pid, NULL, 0), pid);
    return is_out;
}

/* What is refused before a run, or by a rule that nothing switches off. */
static bool run_refused(const struct escape_row *row, const struct escape_place *place,
                        unsigned left_out)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_program_job job = {.is_dry_run = strstr(row->name, "dry run") != NULL};
    const char *text = runner_text(cx, row->needs, row->body);
    leave_out(left_out);
    check_ok(cx, runner_try(cx, filled_in(cx, text, place), &job, &result));
    return shows_escape(&result, place);
}

static bool run_beyond_grant(const struct escape_row *row, const struct escape_place *place,
                             unsigned left_out)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_caps grant = {0};
    struct po_program_job job = {.grant = &grant};
    const char *text = runner_text(cx, row->needs, row->body);
    leave_out(left_out);
    check_ok(cx, po_caps_parse(cx, PO_LIT("{\"fs_read\":\"/nowhere\"}"), &grant));
    po_rc rc = runner_try(cx, filled_in(cx, text, place), &job, &result);
    check_eq_int(rc.code, PO_DENIED);
    return false;
}

#define OK_IS_OUT(call) "match " call " { Ok(_) => \"" ESCAPE_SECRET "\", Err(_) => \"held\" }"
#define STDOUT_OF(call) "match " call " { Ok(r) => r.stdout, Err(_) => \"held\" }"
#define FENCES_WITH_PARENT (FENCES_OF_SCRIPT | FENCE_PARENT)

#define SCRIPT(row_name, needs_, body_)                                                            \
    {                                                                                              \
        .group = "script", .name = (row_name), .run = run_script, .needs = (needs_),               \
        .body = (body_), .fences = FENCES_WITH_PARENT                                              \
    }
#define FIXED(row_name, run_, fixed_, needs_, body_)                                               \
    {                                                                                              \
        .group = "script", .name = (row_name), .run = (run_), .fixed = (fixed_),                   \
        .needs = (needs_), .body = (body_)                                                         \
    }

static const struct escape_row rows[] = {
    SCRIPT("fs.read of a file outside", "fs_read = \"IN/**\"",
           "fs.read(\"OUT/secret\").unwrap_or(\"held\")"),
    SCRIPT("fs.read through a symbolic link", "fs_read = \"IN/**\"",
           "fs.read(\"IN/link/secret\").unwrap_or(\"held\")"),
    SCRIPT("fs.read where the capability names a link", "fs_read = \"IN/link/**\"",
           "fs.read(\"IN/link/secret\").unwrap_or(\"held\")"),
    SCRIPT("fs.write where the capability names a link", "fs_write = \"IN/link/**\"",
           OK_IS_OUT("fs.write(\"IN/link/new\", \"x\")")),
    {.group = "script",
     .name = "fs.read while a directory is swapped for a link",
     .run = run_race,
     .needs = "fs_read = \"IN/**\"",
     .body = "for i in 0..300 {\n"
             "        let text = fs.read(\"IN/s/secret\").unwrap_or(\"held\")\n"
             "        if text == \"" ESCAPE_SECRET "\" { return text }\n"
             "    }\n    \"held\"",
     .fences = FENCES_WITH_PARENT},
    SCRIPT("fs.read through /proc/self/root", "fs_read = \"IN/**\"",
           "fs.read(\"/proc/self/rootOUT/secret\").unwrap_or(\"held\")"),
    SCRIPT("fs.read through /proc/PARENT/root", "fs_read = \"IN/**\"",
           "fs.read(\"/proc/PID/rootOUT/secret\").unwrap_or(\"held\")"),
    SCRIPT("fs.list outside", "fs_read = \"IN/**\"", OK_IS_OUT("fs.list(\"OUT/\")")),
    SCRIPT("fs.glob outside", "fs_read = \"IN/**\"",
           "if fs.glob(\"OUT/*\").unwrap_or([]).len() > 0 { \"" ESCAPE_SECRET
           "\" } else { \"held\" }"),
    SCRIPT("fs.sha256 outside", "fs_read = \"IN/**\"", OK_IS_OUT("fs.sha256(\"OUT/secret\")")),
    SCRIPT("fs.stat outside", "fs_stat = \"IN/**\"", OK_IS_OUT("fs.stat(\"OUT/secret\")")),
    SCRIPT("fs.write outside", "fs_write = \"IN/**\"", OK_IS_OUT("fs.write(\"OUT/new\", \"x\")")),
    SCRIPT("fs.write through a symbolic link", "fs_write = \"IN/**\"",
           OK_IS_OUT("fs.write(\"IN/link/new\", \"x\")")),
    SCRIPT("fs.append outside", "fs_write = \"IN/**\"",
           OK_IS_OUT("fs.append(\"OUT/secret\", \"x\")")),
    SCRIPT("fs.mkdir outside", "fs_write = \"IN/**\"", OK_IS_OUT("fs.mkdir(\"OUT/new\")")),
    SCRIPT("fs.rename out", "fs_write = \"IN/**\"", OK_IS_OUT("fs.rename(\"IN/x\", \"OUT/new\")")),
    SCRIPT("fs.remove outside", "fs_write = \"IN/**\"", OK_IS_OUT("fs.remove(\"OUT/secret\")")),
    SCRIPT("fs.chmod outside", "fs_write = \"IN/**\"", OK_IS_OUT("fs.chmod(\"OUT/secret\", 511)")),
    SCRIPT("exec.run of another program", "exec = \"/usr/bin/true\"",
           OK_IS_OUT("exec.run(\"/usr/bin/hostname\", [])")),
    SCRIPT("exec.run with other arguments", "exec = \"/usr/bin/printf a\"",
           STDOUT_OF("exec.run(\"/usr/bin/printf\", [\"" ESCAPE_SECRET "\"])")),
    SCRIPT("exec.run of a #! script it wrote", "exec = \"/usr/bin/true\", fs_write = \"IN/**\"",
           "fs.write(\"IN/p\", \"#!/bin/sh\\nexit 0\\n\").unwrap_or(())\n"
           "    fs.chmod(\"IN/p\", 493).unwrap_or(())\n"
           "    " OK_IS_OUT("exec.run(\"IN/p\", [])")),
    {.group = "script",
     .name = "exec.run with the parent's environment (LD_...)",
     .run = run_with_environment,
     .needs = "exec = \"/usr/bin/env\"",
     .body = STDOUT_OF("exec.run(\"/usr/bin/env\", [])"),
     .fences = FENCES_WITH_PARENT},
    SCRIPT(
        "a started shell reads a file outside", "exec = \"/usr/bin/dash -c *\"",
        STDOUT_OF("exec.run(\"/usr/bin/dash\", [\"-c\", \"read a b <OUT/secret; echo $a $b\"])")),
    SCRIPT("a started shell writes a file outside", "exec = \"/usr/bin/dash -c *\"",
           STDOUT_OF("exec.run(\"/usr/bin/dash\", [\"-c\", \"echo >OUT/new\"])")),
    SCRIPT("a started shell starts another program", "exec = \"/usr/bin/dash -c *\"",
           STDOUT_OF("exec.run(\"/usr/bin/dash\", [\"-c\", \"/usr/bin/hostname >/dev/null && "
                     "echo " ESCAPE_SECRET "\"])")),
    SCRIPT("a started shell signals the parent", "exec = \"/usr/bin/dash -c *\"",
           STDOUT_OF("exec.run(\"/usr/bin/dash\", [\"-c\", \"kill -URG PID && echo " ESCAPE_SECRET
                     "\"])")),
    SCRIPT("a started program opens a socket", "exec = \"/usr/bin/perl -e *\"",
           STDOUT_OF("exec.run(\"/usr/bin/perl\", [\"-e\", \"print '" ESCAPE_SECRET
                     "' if socket(S, 2, 1, 0)\"])")),
    SCRIPT("a started program makes a file executable by path", "exec = \"/usr/bin/perl -e *\"",
           STDOUT_OF("exec.run(\"/usr/bin/perl\", [\"-e\", \"chmod 0777, 'OUT/secret'\"])")),
    FIXED("fs.read through '..'", run_refused, "path form", "fs_read = \"IN/**\"",
          "fs.read(\"IN/../out/secret\").unwrap_or(\"held\")"),
    FIXED("fs.read of a path with a NUL", run_refused, "path form", "fs_read = \"IN/**\"",
          "fs.read(\"OUT/secret\\u{0}IN/x\").unwrap_or(\"held\")"),
    FIXED("exec.run by name, along PATH", run_refused, "path form", "exec = \"/usr/bin/hostname\"",
          OK_IS_OUT("exec.run(\"hostname\", [])")),
    FIXED("fs.chmod with the set-user-id bit", run_refused, "mode form", "fs_write = \"IN/**\"",
          OK_IS_OUT("fs.chmod(\"IN/x\", 2541)")),
    FIXED("fs.write in a dry run", run_refused, "dry run", "fs_write = \"OUT/**\"",
          "fs.write(\"OUT/new\", \"x\").unwrap_or(())\n    \"held\""),
    FIXED("a need beyond the grant", run_beyond_grant, "grant", "fs_read = \"OUT/**\"",
          "fs.read(\"OUT/secret\").unwrap_or(\"held\")"),
};

struct escape_rows escape_script_rows(void)
{
    return (struct escape_rows){rows, sizeof rows / sizeof *rows};
}
