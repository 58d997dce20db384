/*
 * Every allocation and system call of a service's core fails once, while it starts, serves, flushes, signs,
 * reloads and stops: each request has its right answer or a clean problem and is served when asked again,
 * or core ends with a clear line; the next core has everything that was acknowledged.
 *
 * Core is the real role in the run's process, the world is a child of it (power/core_bench.h).
 */
#include "fault/fault_place.h"
#include "fault/fault_run.h"
#include "power/core_load.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PO_FAULTS

static struct core_bench bench;
static struct core_load *load; /* shared with the children */
static pid_t world;

static const char *root(void) { return test_tmpdir(); }
static const char *log_path(void) { return fault_path("core.log"); }

static void set_environment(void)
{
    (void)setenv("XDG_STATE_HOME", fault_path("there/state"), 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void prepare(void)
{
    set_environment();
    core_load_make(root());
    memset(load, 0, sizeof *load);
}

/* ---- the run ------------------------------------------------------------------------------------- */

static void begin(void)
{
    set_environment();
    load->is_faulty = true;
    load->session_count = 0;
    load->lost[0] = '\0';
    (void)unlink(log_path());
    if (!core_bench_open(&bench)) fault_wrong("no channels");
    world = fork();
    if (world == 0) {
        core_load_serve(load, &bench, root());
        if (bench.has_hung) (void)kill(getppid(), SIGKILL);
        load->failed_code = bench.failed_code;
        memcpy(load->failed, bench.failed, sizeof load->failed);
        _exit(0);
    }
    core_bench_enter(&bench, core_load_home(root()), log_path());
}

/* The newest line that core has logged, without its end; "" when there is none. */
static void last_line(char *out, size_t size)
{
    char text[8192];
    int fd = open(log_path(), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : 0;
    (void)close(fd);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    ssize_t from = len;
    while (from > 0 && text[from - 1] != '\n')
        from--;
    size_t count = len > from ? (size_t)(len - from) : 0;
    if (count >= size) count = size - 1;
    if (count > 0) memcpy(out, text + from, count);
    out[count] = '\0';
}

/* What core said of its end: to its supervisor, or in the log. */
static po_rc tell_end(struct po_ctx *cx, int exit_code)
{
    char line[200];
    if (load->failed_code != PO_OK) return PO_FAIL(cx, load->failed_code, "%s", load->failed);
    if (exit_code == 0 && load->is_stopped) return po_rc_ok();
    last_line(line, sizeof line);
    if (strstr(line, "\"level\":\"error\"") == NULL)
        fault_wrong("core ended with %d and did not say why: %s", exit_code, line);
    return PO_FAIL(cx, PO_CANCELED, "core ended with %d: %s", exit_code, line);
}

static po_rc run_core(struct po_ctx *cx)
{
    int status = 0;
    int exit_code = core_bench_run_role(core_load_home(root()));
    po_fault_off();
    (void)waitpid(world, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fault_wrong("the world has ended");
    if (load->lost[0] != '\0') fault_wrong("%s", load->lost);
    if (exit_code != 0 && load->failed_code == PO_OK && load->is_stopped)
        fault_wrong("core was stopped and ended with %d", exit_code);
    return tell_end(cx, exit_code);
}

/* ---- what the next core finds -------------------------------------------------------------------- */

static void live_on(void)
{
    if (!core_bench_open(&bench)) fault_wrong("no channels");
    pid_t core = fork();
    if (core == 0) _exit(core_bench_be_core(&bench, core_load_home(root()), log_path()));
    core_load_live_on(load, &bench, root());
    core_bench_close(&bench);
    if (bench.has_hung) (void)kill(core, SIGKILL);
    (void)waitpid(core, NULL, 0);
}

static void look(bool has_succeeded)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    set_environment();
    load->is_faulty = false;
    if (!has_succeeded) live_on();
    core_load_look(load, root());
    if (load->lost[0] != '\0') fault_wrong("afterwards: %s", load->lost);
    po_rc rc = po_home_open(cx, core_load_home(root()), PO_HOME_READ_WRITE, &home);
    if (fault_fine(cx, rc, "opening")) fault_check_home(cx, &home);
}

static void serve_part(size_t part)
{
    static const struct fault_command command = {.name = "core",
                                                 .prepare = prepare,
                                                 .begin = begin,
                                                 .run = run_core,
                                                 .look = look,
                                                 .renew = 10,
                                                 .sample = 40};
    load = fault_shared(sizeof *load);
    core_clock_share();
    fault_run_part(&command, part);
}

TEST_TIMEOUT(fault_core__serves_1, 7200) { serve_part(0); }
TEST_TIMEOUT(fault_core__serves_2, 7200) { serve_part(1); }
TEST_TIMEOUT(fault_core__serves_3, 7200) { serve_part(2); }
TEST_TIMEOUT(fault_core__serves_4, 7200) { serve_part(3); }

#endif
