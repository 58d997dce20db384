/*
 * Telling the service manager (sd_notify(3)) how the service is.
 */
#ifndef PO_DAEMON_NOTIFY_PRIV_H
#define PO_DAEMON_NOTIFY_PRIV_H

#include "core/ctx.h"

/*
 * Send one state, "READY=1" or "STOPPING=1", to the manager that NOTIFY_SOCKET names; nothing without
 * one.
 *
 * Errors   PO_INVALID  NOTIFY_SOCKET is no address;  PO_IO
 * Source   sd_notify(3)
 */
PO_RC po_notify(struct po_ctx *cx, const char *state);
/* How often the manager wants WATCHDOG=1: half of WATCHDOG_USEC; 0: it does not. */
po_time_us po_notify_watchdog_us(void);

#endif
