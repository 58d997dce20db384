/*
 * The loop: see fault_run.h.
 */
#include "fault/fault_run.h"

#include "lib/test_priv.h"
#include "power/sqlite_sys.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PO_FAULTS

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#else
static int __lsan_do_recoverable_leak_check(void) { return 0; }
#endif

#define FULL_ROUNDS 100
#define FAILURES_TOLD 5

/* What one child tells its parent. */
struct told {
    bool has_ended;
    bool has_fired;
    enum po_code code;
    char message[PO_ERR_MSG_BYTES_MAX];
    char wrong[600];
    size_t site_count;
    struct po_fault_site sites[PO_FAULT_SITES_MAX];
};

/* Which call fails in a run. */
struct fault {
    const struct po_fault_site *site; /* NULL: none, record */
    uint64_t nth;
    int sys_errno;
    bool is_short;
};

static struct told *told;
static const struct po_fault_site *failing; /* in the run under way */

void *fault_shared(size_t len)
{
    void *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check_that(shared != MAP_FAILED);
    return shared;
}

void fault_wrong(const char *fmt, ...)
{
    va_list args;
    if (told->wrong[0] != '\0') return;
    va_start(args, fmt);
    (void)vsnprintf(told->wrong, sizeof told->wrong, fmt, args);
    va_end(args);
}

bool fault_fine(struct po_ctx *cx, po_rc rc, const char *doing)
{
    if (!po_is_ok(rc)) fault_wrong("%s: %s: %s", doing, po_code_name(rc.code), po_err_msg(cx));
    return po_is_ok(rc);
}

const char *fault_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", test_tmpdir(), name);
    return path;
}

const char *fault_call(void) { return failing != NULL ? failing->call : ""; }

/* ---- children ---------------------------------------------------------------------------------- */

/* A child that runs `work`; false when it died, and how is noted. */
static bool run_child(void (*work)(const void *), const void *argument, const char *name)
{
    told->has_ended = false;
    pid_t pid = fork();
    check_that(pid >= 0);
    if (pid == 0) {
        work(argument);
        if (__lsan_do_recoverable_leak_check() != 0) fault_wrong("%s leaks", name);
        told->has_ended = true;
        _exit(0);
    }
    int status = 0;
    check_eq_int(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        fault_wrong("%s was killed by signal %d", name, WTERMSIG(status));
    else if (!told->has_ended)
        fault_wrong("%s ended with %d", name, WEXITSTATUS(status));
    return told->has_ended && told->wrong[0] == '\0';
}

static void prepare_child(const void *argument)
{
    const struct fault_command *command = argument;
    command->prepare();
}

struct look {
    const struct fault_command *command;
    bool has_succeeded;
};

static void look_child(const void *argument)
{
    const struct look *look = argument;
    look->command->look(look->has_succeeded);
}

struct attempt {
    const struct fault_command *command;
    struct fault fault;
};

static void arm(const struct fault *fault)
{
    if (fault->site == NULL)
        po_fault_record();
    else if (fault->is_short)
        po_fault_fail_short(fault->nth == 1 ? fault->site->first : fault->site->last,
                            fault->sys_errno);
    else
        po_fault_fail_site(fault->site->site, fault->nth, fault->sys_errno);
}

/* One place that calls commands: sites are the same in every run. */
static __attribute__((noinline)) po_rc call_command(const struct fault_command *command,
                                                    struct po_ctx *cx)
{
    po_fault_stack_base(__builtin_frame_address(0));
    po_rc rc = command->run(cx);
    po_fault_stack_base(NULL);
    return rc;
}

static void check_error(const struct po_ctx *cx, po_rc rc)
{
    const char *message = po_err_msg(cx);
    if (!told->has_fired) fault_wrong("failed by itself: %s", message);
    if (rc.code == PO_BUG) fault_wrong("says it is a bug: %s", message);
    if (message[0] == '\0') fault_wrong("failed with %s and no message", po_code_name(rc.code));
    if (strchr(message, '\n') != NULL) fault_wrong("the message has more than one line");
}

static void attempt_child(const void *argument)
{
    const struct attempt *attempt = argument;
    test_sqlite_sys_install();
    (void)sqlite3_shutdown(); /* its calls stay replaced; the store starts it again */
    TEST_CX(cx);
    if (attempt->command->begin != NULL) attempt->command->begin();
    arm(&attempt->fault);
    po_rc rc = call_command(attempt->command, cx);
    po_fault_off();
    /* a transfer cut short that goes on when asked again is no fault */
    bool is_harmless = attempt->fault.is_short && attempt->fault.sys_errno == 0;
    told->has_fired = po_fault_fired() && !is_harmless;
    told->code = rc.code;
    (void)snprintf(told->message, sizeof told->message, "%s", po_err_msg(cx));
    if (attempt->fault.site == NULL) {
        told->site_count = po_fault_site_count();
        for (size_t i = 0; i < told->site_count; i++)
            told->sites[i] = *po_fault_site_at(i);
    }
    if (!po_is_ok(rc))
        check_error(cx, rc);
    else if (attempt->command->judge != NULL)
        attempt->command->judge(cx);
}

/* ---- the loop ---------------------------------------------------------------------------------- */

struct loop {
    size_t part; /* of the parts that share the faults */
    size_t parts;
    const struct fault_command *command;
    FILE *table; /* NULL: none wanted */
    size_t runs;
    size_t since_renewal;
    size_t met;
    size_t clean_errors;
    size_t wrong;
};

static void tell(struct loop *loop, const struct fault *fault, const char *what)
{
    if (loop->table == NULL || fault->site == NULL) return;
    (void)fprintf(loop->table, "%s\t%s\t%s%s\t%016" PRIx64 "\t%" PRIu64 "/%" PRIu64 "\t%s\t",
                  loop->command->name, what, fault->site->call, fault->is_short ? " (short)" : "",
                  fault->site->site, fault->nth, fault->site->count,
                  told->wrong[0] != '\0' ? told->wrong : told->message);
    for (size_t i = 0; i < PO_FAULT_FRAMES_MAX && fault->site->frames[i] != 0; i++)
        (void)fprintf(loop->table, " 0x%" PRIx64, fault->site->frames[i]);
    (void)fputc('\n', loop->table);
}

static void prepare(struct loop *loop)
{
    test_env_fresh();
    (void)test_tmpdir();
    told->wrong[0] = '\0';
    bool is_good = run_child(prepare_child, loop->command, "set-up");
    check_that(is_good, "%s: %s", loop->command->name, told->wrong);
}

static void one_run(struct loop *loop, struct fault fault)
{
    struct attempt attempt = {.command = loop->command, .fault = fault};
    if (loop->since_renewal++ % loop->command->renew == 0) prepare(loop);
    loop->runs++;
    failing = fault.site;
    told->wrong[0] = '\0';
    told->message[0] = '\0';
    told->has_fired = false;
    (void)run_child(attempt_child, &attempt, loop->command->name);
    bool has_fired = told->has_fired;
    enum po_code code = told->code;
    struct look look = {.command = loop->command, .has_succeeded = code == PO_OK};
    if (told->wrong[0] == '\0') (void)run_child(look_child, &look, "the look afterwards");
    bool is_wrong = told->wrong[0] != '\0';
    loop->met += has_fired;
    loop->clean_errors += has_fired && code != PO_OK;
    loop->wrong += is_wrong;
    tell(loop, &fault, is_wrong ? "WRONG" : code == PO_OK ? "right" : po_code_name(code));
    if (is_wrong) loop->since_renewal = 0; /* the place may be broken: a new one */
    if (is_wrong && loop->wrong <= FAILURES_TOLD)
        (void)fprintf(stderr, "%s: failing hit %" PRIu64 " of '%s' (site %016" PRIx64 "): %s\n",
                      loop->command->name, fault.nth, fault.site != NULL ? fault.site->call : "-",
                      fault.site != NULL ? fault.site->site : 0, told->wrong);
}

static bool moves_bytes(const char *call)
{
    static const char *const names[] = {"read", "write", "pread", "pwrite"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(call, names[i]) == 0) return true;
    return false;
}

/* The runs of one site, in order; what there is not is no run. */
static bool fault_of(const struct po_fault_site *site, size_t variant, struct fault *fault)
{
    *fault =
        (struct fault){.site = site, .nth = 1, .sys_errno = site->first % 2 == 0 ? EIO : ENOSPC};
    if (variant == 1) fault->nth = site->count;
    if (variant >= 2) fault->is_short = true;
    if (variant == 3) fault->sys_errno = 0;
    return variant == 0 || (variant == 1 && site->count > 1) ||
           (variant >= 2 && moves_bytes(site->call));
}

static struct fault *list_faults(const struct po_fault_site *sites, size_t site_count,
                                 size_t *ret_count)
{
    size_t count = 0;
    struct fault *faults = calloc(4 * site_count + 1, sizeof *faults);
    check_that(faults != NULL);
    for (size_t i = 0; i < site_count; i++)
        for (size_t variant = 0; variant < 4; variant++)
            count += fault_of(&sites[i], variant, &faults[count]);
    *ret_count = count;
    return faults;
}

static bool is_of(const struct po_fault_site *site, const char *only)
{
    return strcmp(site->call, only) == 0 || site->site == strtoull(only, NULL, 16);
}

/* All of them, or the seed's sample. */
static void run_faults(struct loop *loop, const struct fault *faults, size_t count)
{
    bool is_long = test_rounds(0) >= FULL_ROUNDS;
    size_t runs = is_long ? loop->command->full : loop->command->sample;
    if (runs == 0 || runs > count) runs = count;
    const char *only = getenv("PO_FAULT_ONLY");
    size_t start = runs == count ? 0 : (size_t)test_random_below(count);
    for (size_t i = loop->part; only == NULL && i < runs; i += loop->parts)
        one_run(loop, faults[(start + i * (count / runs)) % count]);
    for (size_t i = loop->part; only != NULL && i < count; i += loop->parts)
        if (is_of(faults[i].site, only)) one_run(loop, faults[i]);
}

static void run_part(const struct fault_command *command, size_t part, size_t parts)
{
    const char *path = getenv("PO_FAULT_SITES");
    struct loop loop = {.command = command,
                        .part = part,
                        .parts = parts,
                        .table = path != NULL ? fopen(path, "a") : NULL};
    if (loop.table != NULL) (void)setvbuf(loop.table, NULL, _IOLBF, 0);
    told = fault_shared(sizeof *told);
    one_run(&loop, (struct fault){.site = NULL});
    check_that(loop.wrong == 0, "%s without a fault: %s", command->name, told->wrong);
    size_t site_count = told->site_count;
    check_that(site_count > 0 && site_count < PO_FAULT_SITES_MAX, "%zu sites", site_count);
    struct po_fault_site *sites = calloc(site_count, sizeof *sites);
    check_that(sites != NULL);
    memcpy(sites, told->sites, site_count * sizeof *sites);
    size_t count = 0;
    struct fault *faults = list_faults(sites, site_count, &count);
    run_faults(&loop, faults, count);
    if (loop.table != NULL) {
        (void)fprintf(
            loop.table, "%s\tsites %zu, runs %zu, fired %zu, clean errors %zu, wrong %zu\n",
            command->name, site_count, loop.runs, loop.met, loop.clean_errors, loop.wrong);
        (void)fclose(loop.table);
    }
    free(faults);
    free(sites);
    check_that(loop.wrong == 0, "%s: %zu runs went wrong", command->name, loop.wrong);
}

void fault_run(const struct fault_command *command) { run_part(command, 0, 1); }

void fault_run_part(const struct fault_command *command, size_t part)
{
    run_part(command, part, FAULT_PARTS);
}

#endif
