/*
 * What each role does at its beginning and its end.
 */
#include "daemon/daemon_priv.h"

#include "core/log.h"
#include "core/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

po_rc po_role_options_read(struct po_ctx *cx, int argc, char **argv,
                           struct po_role_options *ret_options)
{
    struct po_role_options options = {0};
    const struct {
        po_str name;
        const char **value;
    } known[] = {{PO_LIT("--home="), &options.home},
                 {PO_LIT("--keys="), &options.keys},
                 {PO_LIT("--listen="), &options.listen},
                 {PO_LIT("--management="), &options.management}};
    for (int i = 0; i < argc; i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            if (!po_str_starts(po_str_of(argv[i]), known[k].name)) continue;
            *known[k].value = argv[i] + known[k].name.len;
            is_known = true;
        }
        if (!is_known) return PO_FAIL(cx, PO_USAGE, "a role has no option '%s'", argv[i]);
    }
    if (options.home == NULL) return PO_FAIL(cx, PO_USAGE, "a role needs '--home=ROOT'");
    *ret_options = options;
    return po_rc_ok();
}

po_rc po_role_begin(struct po_ctx *cx, struct po_wire_end *control)
{
    sigset_t none;
    po_wire_end_init(control, -1);
    if (po_sys_prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "tying a role to its supervisor");
    /* The supervisor may be gone already; then the channel is at its end, and the role ends by that. */
    if (po_sys_set_nonblocking(PO_DAEMON_CONTROL_FD) != 0)
        return PO_FAIL_SYS(cx, PO_USAGE, errno, "a role has its channel at descriptor %d",
                           PO_DAEMON_CONTROL_FD);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    po_wire_end_init(control, PO_DAEMON_CONTROL_FD);
    return po_rc_ok();
}

po_rc po_role_ready(struct po_ctx *cx, struct po_wire_end *control)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_READY, 0);
    PO_TRY(cx, po_wire_end_send(cx, control, &msg));
    return po_wire_end_flush(cx, control);
}

int po_role_fail(struct po_ctx *cx, struct po_wire_end *control)
{
    struct po_err why = cx->err;
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_FAILED, 0);
    po_wire_set_number(&msg, PO_WIRE_CODE, why.code);
    po_wire_set_text(&msg, PO_WIRE_MESSAGE, po_str_of(why.msg));
    po_rc rc = control->fd < 0 ? po_rc_of(PO_CANCELED) : po_wire_end_send(cx, control, &msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(cx, control);
    cx->err = why;
    if (!po_is_ok(rc)) /* the supervisor sees the end all the same, but not why */
        po_log(cx, PO_LOG_ERROR, "role.failed", PO_F_CSTR("error", po_err_msg(cx)));
    return po_code_exit(why.code);
}
