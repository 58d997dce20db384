/* Long work in core: the supervisor hears that it goes on, and not at every turn of the loop. */
#include "daemon/core_priv.h"

#include "core/sys.h"
#include "core/sys_net.h"
#include "lib/test.h"

#include <stdlib.h>

static unsigned count_pongs(struct po_ctx *cx, struct po_wire_end *supervisor)
{
    struct po_wire_msg msg;
    unsigned count = 0;
    bool has = true;
    check_ok(cx, po_wire_end_fill(cx, supervisor));
    for (;;) {
        check_ok(cx, po_wire_end_next(cx, supervisor, &msg, &has));
        if (!has) return count;
        check_eq_int(msg.kind, PO_WIRE_KIND_PONG);
        check_eq_u64(msg.id, 0); /* nobody asked */
        count++;
    }
}

TEST(core_pulse__tells_the_supervisor_now_and_then)
{
    TEST_CX(cx);
    PO_CTX_AUTO work = {0};
    struct po_core *core = calloc(1, sizeof *core);
    struct po_wire_end supervisor;
    struct po_ctx child;
    int fds[2] = {-1, -1};
    check_that(core != NULL);
    check_eq_int(po_sys_socketpair(fds), 0);
    check_eq_int(po_sys_set_nonblocking(fds[0]) | po_sys_set_nonblocking(fds[1]), 0);
    po_wire_end_init(&core->control, fds[0]);
    po_wire_end_init(&supervisor, fds[1]);
    check_ok(&work, po_core_cx_init(core, &work));
    core->pulse_us = po_core_now_us(&work) - PO_DAEMON_PING_US;
    check_ok(&work, po_ctx_child_begin(&work, 4096, &child));
    for (int i = 0; i < 1000; i++)
        po_ctx_pulse(&child); /* as a loop deep below sees it */
    check_ok(&work, po_ctx_child_end(&work, &child, po_rc_ok()));
    check_eq_u64(count_pongs(cx, &supervisor), 1);
    core->pulse_us -= PO_DAEMON_PING_US;
    po_ctx_pulse(&work);
    check_eq_u64(count_pongs(cx, &supervisor), 1);
    po_wire_end_done(&core->control);
    core->pulse_us = 0;
    po_ctx_pulse(&work); /* nobody is there to be told */
    po_wire_end_done(&supervisor);
    free(core);
}
