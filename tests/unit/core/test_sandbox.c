/* The sandbox: what each fence lets through and refuses, in a forked child. */
#include "core/fault.h"
#include "core/fs.h"
#include "core/process.h"
#include "core/sandbox.h"
#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED = 40, NOT_ENTERED = 41 };

/* What the forked child is given. */
struct inside {
    struct po_sandbox_options options;
    struct po_sandbox_support support;
    const char *dir; /* holds "file" and the directory "sub" */
};

static struct po_sandbox_options plain_options(void)
{
    return (struct po_sandbox_options){.landlock_abi_max = 2,
                                       .fd_first_closed = 3,
                                       .cpu_s = 10,
                                       .data_bytes = (uint64_t)256 << 20,
                                       .file_bytes = 1 << 20,
                                       .files = 64};
}

/* 0 or the line that was not as it should be; exit codes hold 8 bits. */
#define inside_that(cond)                                                                          \
    do {                                                                                           \
        if (!(cond)) return __LINE__;                                                              \
    } while (0)

/* Run `body` behind the fences; its line number comes back over a pipe. */
static void check_inside(struct inside *inside, int (*body)(const struct inside *inside))
{
    int ends[2];
    int line = -1;
    check_eq_int(pipe(ends), 0);
    int kept = fcntl(ends[1], F_DUPFD, 100);
    pid_t pid = fork();
    if (pid == 0) {
        struct po_ctx *cx = calloc(1, sizeof *cx);
        if (cx == NULL || !po_is_ok(po_ctx_init(cx))) _exit(NOT_ENTERED);
        if (dup2(kept, 3) != 3) _exit(NOT_ENTERED);
        inside->options.fd_first_closed = 4;
        if (!po_is_ok(po_sandbox_enter(cx, &inside->options, &inside->support))) {
            fprintf(stderr, "%s\n", po_err_msg(cx));
            _exit(NOT_ENTERED);
        }
        line = body(inside);
        _exit(write(3, &line, sizeof line) == sizeof line ? PASSED : NOT_ENTERED);
    }
    close(kept);
    close(ends[1]);
    ssize_t got = read(ends[0], &line, sizeof line);
    int status = 0;
    check_eq_int(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    check_that(WIFEXITED(status), "signal %d", WTERMSIG(status));
    check_eq_int(WEXITSTATUS(status), PASSED);
    check_eq_int(got, sizeof line);
    check_that(line == 0, "line %d inside", line);
}

static const char *in_dir(const struct inside *inside, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", inside->dir, name);
    return path;
}

static struct inside make_inside(void)
{
    struct inside inside = {.options = plain_options(), .dir = test_tmpdir()};
    test_write_file(test_tmp("file"), "text", 4);
    check_eq_int(mkdir(test_tmp("sub"), 0755), 0);
    return inside;
}

static bool is_refused(long ret, int why) { return ret == -1 && errno == why; }

static bool can_read(const char *path)
{
    int fd = open(path, O_RDONLY);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

TEST(sandbox__says_what_the_host_has)
{
    struct po_sandbox_support support = {0};
    po_sandbox_support(&support);
    check_that(support.landlock_abi >= 0);
    if (support.landlock_abi > 0 && support.has_seccomp) {
        char want[64];
        snprintf(want, sizeof want, "landlock %d, seccomp", support.landlock_abi);
        check_eq_cstr(support.text, want);
        check_that(po_sandbox_is_full(&support));
    }
    support.has_seccomp = false;
    check_that(!po_sandbox_is_full(&support));
}

static int body_reads_nothing(const struct inside *inside)
{
    inside_that(!can_read(in_dir(inside, "file")));
    inside_that(errno == EACCES);
    inside_that(!can_read("/etc/passwd"));
    struct stat st;
    inside_that(stat("/etc/passwd", &st) == 0);
    inside_that(strcmp(inside->support.text, "landlock 2, seccomp") == 0);
    return 0;
}

TEST(sandbox__without_rules_nothing_can_be_opened)
{
    struct inside inside = make_inside();
    check_inside(&inside, body_reads_nothing);
}

static int body_reads(const struct inside *inside)
{
    char bytes[8];
    int fd = open(in_dir(inside, "file"), O_RDONLY);
    inside_that(fd >= 0);
    inside_that(read(fd, bytes, sizeof bytes) == 4);
    inside_that(open(inside->dir, O_RDONLY | O_DIRECTORY) >= 0);
    inside_that(is_refused(open(in_dir(inside, "file"), O_WRONLY), EPERM));
    inside_that(is_refused(open(in_dir(inside, "file"), O_RDONLY | O_TRUNC), EPERM));
    inside_that(is_refused(truncate(in_dir(inside, "file"), 0), EPERM));
    inside_that(is_refused(open(in_dir(inside, "new"), O_WRONLY | O_CREAT, 0600), EPERM));
    inside_that(is_refused(chmod(in_dir(inside, "file"), 0777), EPERM));
    inside_that(is_refused(unlink(in_dir(inside, "file")), EPERM));
    inside_that(is_refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM));
    inside_that(is_refused(kill(getpid(), 0), EPERM));
    inside_that(is_refused(fork(), EPERM));
    inside_that(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                MAP_FAILED);
    inside_that(is_refused(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0), ENOSYS));
    inside_that(is_refused(syscall(SYS_clone3, NULL, 0), ENOSYS));
    return 0;
}

TEST(sandbox__a_path_for_reading_can_be_read_and_no_more)
{
    struct inside inside = make_inside();
    struct po_sandbox_rule rule = {inside.dir, PO_SANDBOX_READ};
    inside.options.rules = &rule;
    inside.options.rule_count = 1;
    check_inside(&inside, body_reads);
}

static int body_writes(const struct inside *inside)
{
    int fd = open(in_dir(inside, "sub/new"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    inside_that(fd >= 0);
    inside_that(write(fd, "x", 1) == 1);
    inside_that(fchmod(fd, 0640) == 0);
    inside_that(is_refused(fchmod(fd, 04755), EPERM));
    inside_that(is_refused(open(in_dir(inside, "sub/u"), O_WRONLY | O_CREAT, 04755), EPERM));
    inside_that(close(fd) == 0);
    inside_that(mkdir(in_dir(inside, "sub/dir"), 0700) == 0);
    inside_that(rmdir(in_dir(inside, "sub/dir")) == 0);
    inside_that(unlink(in_dir(inside, "sub/new")) == 0);
    inside_that(is_refused(open(in_dir(inside, "file"), O_WRONLY), EACCES));
    inside_that(is_refused(open(in_dir(inside, "new"), O_WRONLY | O_CREAT, 0600), EACCES));
    /* Landlock at ABI 2 does not see these two: the filter does. */
    inside_that(is_refused(open(in_dir(inside, "file"), O_RDONLY | O_TRUNC), EPERM));
    inside_that(is_refused(truncate(in_dir(inside, "sub/other"), 0), EPERM));
    inside_that(is_refused(symlink("/etc/passwd", in_dir(inside, "sub/link")), EPERM));
    inside_that(is_refused(mknod(in_dir(inside, "sub/node"), S_IFIFO | 0600, 0), EPERM));
    inside_that(is_refused(link(in_dir(inside, "file"), "x"), EPERM));
    return 0;
}

TEST(sandbox__a_path_for_writing_can_be_changed_and_nothing_beside_it)
{
    struct inside inside = make_inside();
    struct po_sandbox_rule rule = {test_tmp("sub"), PO_SANDBOX_READ | PO_SANDBOX_WRITE};
    inside.options.rules = &rule;
    inside.options.rule_count = 1;
    inside.options.can_write = true;
    check_inside(&inside, body_writes);
}

static int ioctl_tiocsti(void)
{
    char byte = 'x';
    return ioctl(0, TIOCSTI, &byte);
}

static int body_executes(const struct inside *inside)
{
    (void)inside;
    static const char *const argv[] = {"true", NULL};
    struct po_ctx *cx = calloc(1, sizeof *cx);
    inside_that(cx != NULL && po_is_ok(po_ctx_init(cx)));
    struct po_process_options options = {
        .path = "/usr/bin/true", .argv = argv, .timeout_ms = 10000, .stays_in_group = true};
    struct po_process_result result = {0};
    inside_that(po_is_ok(po_process_run(cx, &options, NULL, NULL, &result)));
    inside_that(result.has_exited && result.exit_status == 0);
    options.path = "/usr/bin/id";
    inside_that(!po_is_ok(po_process_run(cx, &options, NULL, NULL, &result)));
    inside_that(is_refused(setsid(), EPERM));
    inside_that(is_refused(kill(getppid(), 0), EPERM));
    inside_that(is_refused(ioctl_tiocsti(), EPERM));
    po_ctx_done(cx);
    free(cx);
    return 0;
}

TEST(sandbox__a_program_can_be_started_when_its_path_is_allowed)
{
    struct inside inside = make_inside();
    struct po_sandbox_rule rules[] = {
        {"/usr/bin/true", PO_SANDBOX_EXECUTE}, {"/lib64", PO_SANDBOX_EXECUTE},
        {"/lib", PO_SANDBOX_EXECUTE},          {"/etc/ld.so.cache", PO_SANDBOX_READ},
        {"/dev/null", PO_SANDBOX_DEVICE},      {"/not/there", PO_SANDBOX_READ}};
    inside.options.rules = rules;
    inside.options.rule_count = sizeof rules / sizeof *rules;
    inside.options.can_exec = true;
    check_inside(&inside, body_executes);
}

static int body_limits(const struct inside *inside)
{
    struct rlimit got = {0};
    (void)inside;
    inside_that(syscall(SYS_getrandom, &got, 4, 0) == 4);
    inside_that(open("/", O_PATH) == 4);
    for (int i = 5; i < 8; i++)
        inside_that(open("/", O_PATH) == i);
    inside_that(is_refused(open("/", O_PATH), EMFILE));
    return 0;
}

TEST(sandbox__descriptors_are_closed_and_counted)
{
    struct inside inside = make_inside();
    inside.options.files = 8;
    check_eq_int(dup2(2, 50), 50);
    check_inside(&inside, body_limits);
}

static int body_without_links(const struct inside *inside)
{
    inside_that(can_read(in_dir(inside, "sub/text")));
    inside_that(!can_read(in_dir(inside, "file")));
    return 0;
}

TEST(sandbox__a_path_over_a_link_grants_nothing_when_asked_so)
{
    struct inside inside = make_inside();
    const unsigned access = PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS;
    struct po_sandbox_rule rules[] = {{test_tmp("sub"), access}, {test_tmp("link"), access}};
    test_write_file(test_tmp("sub/text"), "text", 4);
    check_eq_int(symlink(inside.dir, test_tmp("link")), 0);
    inside.options.rules = rules;
    inside.options.rule_count = 2;
    check_inside(&inside, body_without_links);
}

enum {
    FAULT_OVER = 50,
    FAULT_SWALLOWED = 51,
    FAULT_REFUSED = 52,
    FAULT_LACKS = 53,
    FAULT_HARMLESS = 54
};

/* Enter with the `number`-th call failing. */
static int enter_with_fault(uint64_t number)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct po_ctx *cx = calloc(1, sizeof *cx);
        struct po_sandbox_options options = plain_options();
        struct po_sandbox_rule rule = {"/usr", PO_SANDBOX_READ};
        struct po_sandbox_support support = {0};
        if (cx == NULL || !po_is_ok(po_ctx_init(cx))) _exit(NOT_ENTERED);
        options.rules = &rule;
        options.rule_count = 1;
        po_fault_fail(number, EIO);
        po_rc rc = po_sandbox_enter(cx, &options, &support);
        if (!po_fault_fired()) _exit(FAULT_OVER);
        if (!po_is_ok(rc)) _exit(FAULT_REFUSED);
        po_fault_off();
        if (!po_sandbox_is_full(&support)) _exit(FAULT_LACKS);
        /* Closing a descriptor may fail: all fences are up. */
        bool is_fenced = !can_read("/etc/passwd") && errno == EACCES &&
                         is_refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
        _exit(is_fenced ? FAULT_HARMLESS : FAULT_SWALLOWED);
    }
    check_eq_int(waitpid(pid, &status, 0), pid);
    check_that(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A fence that cannot be put up is an error, or the host is said to lack it: never silence. */
TEST(sandbox__a_fence_that_fails_is_never_passed_over)
{
    int outcome = 0;
    int refused = 0;
    for (uint64_t number = 1; outcome != FAULT_OVER; number++) {
        outcome = enter_with_fault(number);
        check_that(outcome != FAULT_SWALLOWED && outcome != NOT_ENTERED, "call %d", (int)number);
        refused += outcome == FAULT_REFUSED;
    }
    check_that(refused >= 12);
}

TEST(sandbox__too_many_paths_are_refused)
{
    TEST_CX(cx);
    struct po_sandbox_options options = plain_options();
    struct po_sandbox_support support = {0};
    options.rule_count = PO_SANDBOX_RULES_MAX + 1;
    check_fails(cx, po_sandbox_enter(cx, &options, &support), PO_LIMIT);
}
