/*
 * Where a command runs: in the service, or here.
 */
#include "cli/cli.h"
#include "unit/home/home_fixture.h"

static unsigned asked;       /* how often for a service */
static unsigned serves_from; /* from which time on there is one; 0: never */

static po_rc forward(struct po_ctx *cx, const struct po_cli_forward *what,
                     enum po_cli_forwarded *ret_how, int *ret_exit_code, int *ret_lease)
{
    (void)cx;
    (void)what;
    (void)ret_lease;
    asked++;
    *ret_how = serves_from > 0 && asked >= serves_from ? PO_CLI_RAN : PO_CLI_NOT_SERVED;
    *ret_exit_code = *ret_how == PO_CLI_RAN ? 7 : 0;
    return po_rc_ok();
}

static int run(unsigned from)
{
    static const struct po_cli_services services = {.forward = forward};
    char *argv[] = {(char[]){"paulyops"}, (char[]){"flag"}, (char[]){"list"}, (char[]){"--quiet"},
                    NULL};
    asked = 0;
    serves_from = from;
    check_eq_int(setenv("PAULYOPS_HOME", home_root(), 1), 0);
    return po_cli_main(4, argv, &services);
}

TEST_TIMEOUT(dispatch__asks_a_service_that_took_the_lock_meanwhile, 60)
{
    TEST_CX(cx);
    home_make(cx);
    check_eq_int(run(1), 7);
    check_eq_u64(asked, 1);
    const char *path = NULL;
    PO_CLEANUP(po_lock_releasep) struct po_lock *lock = NULL;
    check_ok(cx, po_path_join(cx, home_root(), "data/lock", &path));
    check_ok(cx, po_lock_take(cx, path, 0, &lock));
    check_eq_int(run(2), 7);
    check_eq_u64(asked, 2);
    check_eq_int(run(0), 75); /* somebody else holds it */
    check_eq_u64(asked, 2);
}
