/*
 * The test runner: picks cases, hands them to worker processes, runs each case in a process of its
 * own (Check), and ends with "N passed, N failed".
 *
 * Invariants
 * 1. A case has passed only when Check says so AND its body reached its last line.
 * 2. Each selected case has an outcome; one that has none when the workers are gone has failed.
 */
#include "lib/test_priv.h"

#include <check.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEST_WORKERS_MAX 64

static struct test_case *first_case;
static struct test_case **last_link = &first_case;

struct test_current test_current;
struct test_options test_options = {.seed = 1, .is_forking = true};

/* What the workers share. */
struct shared_run {
    atomic_size_t next;
    struct test_slot slots[];
};

void test_register(struct test_case *c)
{
    *last_link = c;
    last_link = &c->next;
}

static int64_t monotonic_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void run_check_body(int i)
{
    (void)i;
    atomic_store(&test_current.slot->state, TEST_STATE_STARTED);
    test_run_body();
    atomic_store(&test_current.slot->state, TEST_STATE_FINISHED);
}

static void print_failure(const struct test_case *c, const char *file, int line, const char *msg)
{
    char text[4096];
    int len = snprintf(text, sizeof text, "FAIL %s:%d: %s: %s\n", file, line, c->name, msg);
    size_t count = len < 0 ? 0 : (size_t)len;
    if (count >= sizeof text) {
        count = sizeof text - 1;
        text[count - 1] = '\n';
    }
    fflush(stdout);
    if (write(STDOUT_FILENO, text, count) < 0) exit(3);
}

static enum test_outcome judge(SRunner *runner, const struct test_case *c, struct test_slot *slot)
{
    if (srunner_ntests_failed(runner) != 0 || srunner_ntests_run(runner) != 1) {
        TestResult **failures = srunner_failures(runner);
        if (srunner_ntests_failed(runner) == 0 || failures == NULL) {
            print_failure(c, c->file, c->line, "the case was not run");
        } else {
            const char *file = tr_lfile(failures[0]);
            int line = tr_lno(failures[0]);
            bool has_place = file != NULL && line > 0;
            print_failure(c, has_place ? file : c->file, has_place ? line : c->line,
                          tr_msg(failures[0]));
        }
        free(failures);
        return TEST_OUTCOME_FAILED;
    }
    switch ((enum test_state)atomic_load(&slot->state)) {
    case TEST_STATE_FINISHED: return TEST_OUTCOME_PASSED;
    case TEST_STATE_SKIPPED: return TEST_OUTCOME_SKIPPED;
    case TEST_STATE_NONE:
    case TEST_STATE_STARTED: break;
    }
    print_failure(c, c->file, c->line, "the process ended with status 0 before the last line");
    return TEST_OUTCOME_FAILED;
}

static void run_case(const struct test_case *c, struct test_slot *slot)
{
    TTest check_test = {c->name, run_check_body, c->file, c->line};
    Suite *suite = suite_create(c->name);
    TCase *check_case = tcase_create(c->name);
    SRunner *runner = srunner_create(suite);
    int64_t started_us = monotonic_us();
    test_env_begin(c, slot);
    tcase_set_timeout(check_case, c->timeout_s);
    tcase_add_test(check_case, &check_test);
    suite_add_tcase(suite, check_case);
    srunner_set_fork_status(runner, test_options.is_forking ? CK_FORK : CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    slot->took_us = monotonic_us() - started_us;
    atomic_store(&slot->outcome, judge(runner, c, slot));
    srunner_free(runner);
    test_remove_tree(test_current.tmpdir);
}

static bool is_selected(const struct test_case *c)
{
    for (size_t i = 0; i < test_options.glob_count; i++)
        if (fnmatch(test_options.globs[i], c->name, 0) == 0) return true;
    return test_options.glob_count == 0;
}

static void work(struct shared_run *run, struct test_case *const *cases, size_t count)
{
    for (size_t i = atomic_fetch_add(&run->next, 1); i < count;
         i = atomic_fetch_add(&run->next, 1)) {
        snprintf(test_current.tmpdir, sizeof test_current.tmpdir, "%s/%zu", test_options.tmp_root,
                 i);
        run_case(cases[i], &run->slots[i]);
    }
}

static void run_all(struct shared_run *run, struct test_case *const *cases, size_t count)
{
    unsigned started = 0;
    fflush(stdout);
    if (!test_options.is_forking) {
        work(run, cases, count);
        return;
    }
    for (unsigned i = 0; i < test_options.workers && i < count; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            work(run, cases, count);
            exit(0);
        }
        if (pid > 0) started++;
    }
    if (started == 0) work(run, cases, count);
    for (int status = 0; started > 0 && wait(&status) > 0; started--)
        if (status != 0) printf("FAIL a worker of the test runner ended with status %d\n", status);
}

static int report(struct shared_run *run, struct test_case *const *cases, size_t count)
{
    size_t passed = 0;
    size_t skipped = 0;
    for (size_t i = 0; i < count; i++) {
        struct test_slot *slot = &run->slots[i];
        int outcome = atomic_load(&slot->outcome);
        if (test_options.is_timing)
            printf("%8.3f ms %s\n", (double)slot->took_us / 1000.0, cases[i]->name);
        if (outcome == TEST_OUTCOME_PASSED) passed++;
        if (outcome == TEST_OUTCOME_SKIPPED) {
            skipped++;
            printf("SKIP %s: %s\n", cases[i]->name, slot->reason);
        }
        if (outcome == TEST_OUTCOME_NONE) printf("FAIL %s: no outcome\n", cases[i]->name);
    }
    if (skipped > 0) printf("%zu skipped (not counted as passed)\n", skipped);
    if (passed + skipped < count) printf("seed %" PRIu64 "\n", test_options.seed);
    printf("%zu passed, %zu failed\n", passed, count - passed - skipped);
    return passed + skipped == count && passed > 0 ? 0 : 1;
}

static uint64_t parse_number(const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        fprintf(stderr, "'%s' is not a number\n", text);
        exit(64);
    }
    return value;
}

static void __attribute__((noreturn)) print_usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [-t GLOB]... [-s SEED] [-r ROUNDS] [-P WORKERS] [-S SOURCE_ROOT]"
            " [-l list] [-v times] [-n no fork, for gdb]\n",
            program);
    exit(64);
}

static void parse_options(int argc, char **argv)
{
    int option = 0;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    test_options.workers = cpus < 1 ? 1 : (unsigned)cpus;
    while ((option = getopt(argc, argv, "t:s:r:P:S:lvn")) != -1) {
        switch (option) {
        case 't':
            if (test_options.glob_count < sizeof test_options.globs / sizeof *test_options.globs)
                test_options.globs[test_options.glob_count++] = optarg;
            break;
        case 's': test_options.seed = parse_number(optarg); break;
        case 'r': test_options.rounds = parse_number(optarg); break;
        case 'P': test_options.workers = (unsigned)parse_number(optarg); break;
        case 'S': test_options.source_root = optarg; break;
        case 'l': test_options.is_listing = true; break;
        case 'v': test_options.is_timing = true; break;
        case 'n': test_options.is_forking = false; break;
        default: print_usage(argv[0]);
        }
    }
    /* Drills start /proc/self/exe with a command: as a child this program must not test again. */
    if (optind < argc) print_usage(argv[0]);
    if (test_options.workers > TEST_WORKERS_MAX) test_options.workers = TEST_WORKERS_MAX;
}

/* A private root for temp dirs; a home that is nobody's; a time zone that shows local-time slips. */
static void prepare_environment(void)
{
    char path[PATH_MAX];
    const char *base = getenv("TMPDIR");
    if (realpath(base != NULL && base[0] != '\0' ? base : "/tmp", path) == NULL) {
        perror("TMPDIR");
        exit(74);
    }
    snprintf(test_options.tmp_root, sizeof test_options.tmp_root, "%.150s/po-test-XXXXXX", path);
    if (mkdtemp(test_options.tmp_root) == NULL) {
        perror(test_options.tmp_root);
        exit(73);
    }
    umask(022);
    setenv("HOME", test_options.tmp_root, 1);
    setenv("TZ", "TST-11", 1);
    setenv("LC_ALL", "C", 1);
    unsetenv("PAULYOPS_HOME");
    unsetenv("XDG_STATE_HOME");
    unsetenv("CREDENTIALS_DIRECTORY");
    if (test_options.source_root == NULL) test_options.source_root = ".";
}

int main(int argc, char **argv)
{
    size_t count = 0;
    size_t total = 0;
    parse_options(argc, argv);
    for (struct test_case *c = first_case; c != NULL; c = c->next)
        total++;
    struct test_case **cases = calloc(total + 1, sizeof(struct test_case *));
    if (cases == NULL) return 71;
    for (struct test_case *c = first_case; c != NULL; c = c->next)
        if (is_selected(c)) cases[count++] = c;
    if (test_options.is_listing) {
        for (size_t i = 0; i < count; i++)
            printf("%s\n", cases[i]->name);
        free(cases);
        return 0;
    }
    struct shared_run *run = mmap(NULL, sizeof *run + count * sizeof run->slots[0],
                                  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run == MAP_FAILED) return 71;
    prepare_environment();
    run_all(run, cases, count);
    int status = report(run, cases, count);
    test_remove_tree(test_options.tmp_root);
    free(cases);
    return status;
}
