#include "unit/program/runner_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int (*child_body)(int channel);

/* As posix_spawn leaves a real child, without a new program. */
static int fork_child(int channel, pid_t *ret_pid)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        test_faults_off();
        bool is_set = setpgid(0, 0) == 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 &&
                      dup2(null, 2) == 2 && (channel == 3 || dup2(channel, 3) == 3);
        _exit(is_set ? child_body(3) : 70);
    }
    if (pid > 0) {
        (void)setpgid(pid, pid);
        *ret_pid = pid;
    }
    return pid > 0 ? 0 : -1;
}

void runner_use_child(int (*body)(int channel))
{
    child_body = body;
    po_runner_test.spawn = fork_child;
    po_runner_test.landlock_abi_max = 2;
}

static struct po_ctx *child_cx(void)
{
    static struct po_ctx storage;
    if (storage.arena == NULL && !po_is_ok(po_ctx_init(&storage))) _exit(71);
    return &storage;
}

void runner_take_job(int channel)
{
    struct po_frame_end end = {.fd = channel};
    struct po_buf frame = {0};
    po_buf_init(&frame, PO_FRAME_BYTES_MAX);
    if (!po_is_ok(po_frame_read(child_cx(), &end, &frame))) _exit(72);
    po_buf_done(&frame);
}

/* The parent may have had enough already. */
void runner_say(int channel, const char *frame)
{
    struct po_frame_end end = {.fd = channel};
    (void)signal(SIGPIPE, SIG_IGN);
    if (!po_is_ok(po_frame_send(child_cx(), &end, po_str_of(frame)))) _exit(0);
}

void runner_use_forks(void) { runner_use_child(po_runner_child_serve); }

po_rc runner_try(struct po_ctx *cx, const char *text, const struct po_program_job *job,
                 struct po_program_result *ret_result)
{
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "e");
    struct po_program_job with_grant = *job;
    if (po_runner_test.spawn == NULL) runner_use_forks();
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    if (job->grant == NULL) with_grant.grant = &program.row.needs;
    return po_program_run(cx, &program, &with_grant, ret_result);
}

struct po_program_result runner_go(struct po_ctx *cx, const char *text)
{
    struct po_program_result result = {0};
    struct po_program_job job = {.now_us = (po_time_us)1000 * PO_US_PER_S};
    check_ok(cx, runner_try(cx, text, &job, &result));
    return result;
}

const char *runner_text(struct po_ctx *cx, const char *needs, const char *body)
{
    bool has_exec = strstr(needs, "exec") != NULL;
    bool has_fs = strstr(needs, "fs_") != NULL;
    const char *text = po_arena_printf(
        cx->arena, "%s%s@check(id = \"x\")\n@needs(%s)\nfn e() -> string {\n    %s\n}\n",
        has_fs ? "import * as fs from \"host/fs\"\n" : "",
        has_exec ? "import * as exec from \"host/exec\"\n" : "", needs, body);
    check_that(text != NULL);
    return text;
}

const char *runner_said(struct po_ctx *cx, const struct po_program_result *result)
{
    const struct po_script_outcome *outcome = &result->outcome;
    const char *text = po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(outcome->value_json));
    if (outcome->status == PO_SCRIPT_FAULT)
        text = po_arena_printf(cx->arena, "fault %.*s: %.*s", PO_STR_ARG(outcome->fault_kind),
                               PO_STR_ARG(outcome->fault_message));
    check_that(text != NULL);
    return text;
}
