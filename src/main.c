/*
 * Entry point. The only file that may leave the process.
 *
 * `paulyops COMMAND…` runs a command (cli/). A child of ours is started as
 * `paulyops --role=NAME …` and goes to that role's function (role table below).
 */
#include "api/api.h"
#include "assess/assess.h"
#include "cli/cli.h"
#include "core/err.h"
#include "daemon/daemon.h"
#include "fact/fact.h"
#include "program/program.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROLE_PREFIX "--role="

/* Secrets must not reach a core file (law 5); a closed pipe is an error to return, not a signal. */
static void harden_process(void)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

/*
 * A standard file that the caller closed must not become a file of the home: what is then printed would
 * land in it. Reading gives nothing, writing is an error.
 */
static bool fill_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) return false;
    return true;
}

/* Roles that are no drills. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} roles[] = {
    {"program", po_program_role_run},
    {PO_ACCESS_DRILL_ROLE, po_access_drill_role_run},
    {PO_API_DRILL_ROLE, po_api_drill_role_run},
    {"core", po_core_role_run},
    {"front", po_front_role_run},
    {"keeper", po_keeper_role_run},
};

static int run_role(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(roles[i].name, name) == 0) return roles[i].run(argc, argv);
    return po_drill_role_run(name, argc, argv);
}

int main(int argc, char **argv)
{
    if (!fill_standard_files()) return po_code_exit(PO_IO);
    po_assess_facts_declare();
    po_assess_openapi_set(po_api_openapi);
    po_assess_cookies_set(po_api_cookies);
    harden_process();
    if (argc > 1 && strncmp(argv[1], ROLE_PREFIX, sizeof ROLE_PREFIX - 1) == 0)
        return run_role(argv[1] + sizeof ROLE_PREFIX - 1, argc - 2, argv + 2);
    return po_cli_main(argc, argv, &po_daemon_services);
}
