/*
 * Entry point. The only file that may leave the process.
 *
 * `paulyops COMMAND…` runs a command (cli/). A child of ours is started as
 * `paulyops --role=NAME …` and goes to that role's function (role table below).
 */
#include "cli/cli.h"
#include "core/err.h"
#include "fact/fact.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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

int main(int argc, char **argv)
{
    harden_process();
    if (argc > 1 && strncmp(argv[1], ROLE_PREFIX, sizeof ROLE_PREFIX - 1) == 0)
        return po_drill_role_run(argv[1] + sizeof ROLE_PREFIX - 1, argc - 2, argv + 2);
    return po_cli_main(argc, argv);
}
