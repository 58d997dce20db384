/*
 * Lending the home: a command that asks at its terminal, or writes where only its caller may, runs in the
 * caller's process. Core closes the home, tells the caller, and opens it again when the caller is done.
 *
 * Requests wait meanwhile. The caller's connection is the lease: it ends with the caller at the latest.
 */
#include "daemon/core_priv.h"

#include "core/log.h"

static PO_RC let_go(struct po_ctx *cx, struct po_core *core)
{
    PO_TRY(cx, po_core_record(cx, core, PO_EVENT_TYPE_SERVICE_LENT, "lend", "{}"));
    PO_TRY(cx, po_home_suspend(cx, core->home));
    core->is_lent = true;
    core->has_unsigned = false;
    core->has_events = false;
    core->figures.loans++;
    return po_rc_ok();
}

static void refuse(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_RESULT, conn->id);
    po_wire_set_number(&msg, PO_WIRE_EXIT_CODE, (uint64_t)po_code_exit(cx->err.code));
    po_wire_set_number(&msg, PO_WIRE_CODE, cx->err.code);
    po_wire_set_text(&msg, PO_WIRE_MESSAGE, po_str_of(po_err_msg(cx)));
    conn->state = PO_CONN_ASKING;
    po_rc rc = po_wire_end_send(cx, &conn->end, &msg);
    po_err_clear(cx);
    if (!po_is_ok(rc)) po_conn_drop(cx, core, conn);
}

void po_core_lend(struct po_ctx *cx, struct po_core *core, struct po_conn *conn)
{
    struct po_wire_msg msg;
    po_core_settle(cx, core); /* answers that wait are acknowledged by this flush */
    if (core->is_over) return;
    if (!po_is_ok(let_go(cx, core))) {
        refuse(cx, core, conn);
        return;
    }
    core->borrower = conn;
    conn->state = PO_CONN_BORROWS;
    po_wire_begin(&msg, PO_WIRE_KIND_LENT, conn->id);
    if (po_is_ok(po_wire_end_send(cx, &conn->end, &msg))) return;
    po_err_clear(cx);
    po_conn_drop(cx, core, conn);
}

void po_core_take_back(struct po_ctx *cx, struct po_core *core)
{
    core->borrower = NULL;
    po_rc rc = po_home_resume(cx, core->home);
    core->is_lent = !po_is_ok(rc);
    if (po_is_ok(rc)) return;
    /* Ending is the clean way on: the supervisor starts core again, and says why if that fails. */
    po_log(cx, PO_LOG_ERROR, "service.home_not_back", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
    core->is_failed = true;
    core->is_over = true;
}
