/* The wide fence: what a role that starts programs may still do, in a forked child. */
#include "core/sandbox.h"
#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED = 40, NOT_ENTERED = 41 };

/* 0 or the line that was not as it should be. */
#define inside_that(cond)                                                                          \
    do {                                                                                           \
        if (!(cond)) return __LINE__;                                                              \
    } while (0)

static int start_child(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) _exit(7);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
    return WEXITSTATUS(status);
}

static int body(const char *inside, const char *outside)
{
    int fd = open(inside, O_WRONLY | O_CREAT, 0600);
    inside_that(fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, 0640) == 0);
    inside_that(open(outside, O_RDONLY) >= 0);
    inside_that(open(outside, O_WRONLY) < 0 && errno == EACCES);
    inside_that(unlink(outside) < 0 && errno == EACCES);
    inside_that(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
    inside_that(socket(AF_INET6, SOCK_DGRAM, 0) < 0 && errno == EPERM);
    inside_that(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    inside_that(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 && errno == EPERM);
    inside_that(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    inside_that(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    inside_that(start_child() == 7);
    return 0;
}

TEST(sandbox_broad__writes_its_places_and_starts_programs_and_no_more)
{
    struct po_sandbox_support support = {0};
    const char *dir = test_tmp("inside");
    const struct po_sandbox_rule rules[] = {{"/", PO_SANDBOX_READ | PO_SANDBOX_EXECUTE},
                                            {dir, PO_SANDBOX_READ | PO_SANDBOX_WRITE}};
    const char *file = test_tmp("inside/file");
    const char *outside = test_tmp("outside");
    int line = -1;
    int ends[2];
    int status = 0;
    po_sandbox_support(&support);
    if (!po_sandbox_is_full(&support)) test_skip("this host has no landlock or no seccomp");
    check_eq_int(po_sys_mkdir(dir, 0700), 0);
    test_write_file(outside, "old", 3);
    check_eq_int(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct po_ctx *cx = calloc(1, sizeof *cx);
        if (cx == NULL || !po_is_ok(po_ctx_init(cx))) _exit(NOT_ENTERED);
        if (!po_is_ok(po_sandbox_enter_broad(cx, rules, 2, &support))) _exit(NOT_ENTERED);
        line = body(file, outside);
        _exit(write(ends[1], &line, sizeof line) == sizeof line ? PASSED : NOT_ENTERED);
    }
    check_eq_int(waitpid(pid, &status, 0), pid);
    check_eq_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, PASSED);
    check_eq_int(read(ends[0], &line, sizeof line), sizeof line);
    check_that(line == 0, "line %d inside", line);
}

TEST(sandbox_broad__refuses_too_many_paths)
{
    TEST_CX(cx);
    struct po_sandbox_support support = {0};
    static struct po_sandbox_rule rules[PO_SANDBOX_AROUND_MAX + 1];
    check_fails(cx, po_sandbox_enter_broad(cx, rules, PO_SANDBOX_AROUND_MAX + 1, &support),
                PO_LIMIT);
}
