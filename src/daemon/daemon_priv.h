/*
 * What the roles share.
 *
 * Limits   named below
 * Source   docs/spec/daemon.md
 */
#ifndef PO_DAEMON_DAEMON_PRIV_H
#define PO_DAEMON_DAEMON_PRIV_H

#include "daemon/daemon.h"
#include "daemon/wire.h"

/* The control channel of a role. */
#define PO_DAEMON_CONTROL_FD 3

#define PO_DAEMON_ROLE_CORE "core"
#define PO_DAEMON_ROLE_FRONT "front"
#define PO_DAEMON_ROLE_KEEPER "keeper"
/* No role: the second link between core and keeper, on which keys are asked for. */
#define PO_DAEMON_LINK_KEYS "keys"

/* Below the home's data/: where local commands go. */
#define PO_DAEMON_SOCKET_NAME "paulyops.sock"
#define PO_DAEMON_SOCKET_PATH "data/" PO_DAEMON_SOCKET_NAME /* in the home */

/* A role that does not answer a PING within this time is killed and started again. */
#define PO_DAEMON_PING_US (10 * PO_US_PER_S)
#define PO_DAEMON_PONG_US (60 * PO_US_PER_S)       /* core: an action may be long */
#define PO_DAEMON_PONG_SHORT_US (15 * PO_US_PER_S) /* front and keeper never work long */
/* A role that lived shorter than this is started again only after a wait that doubles. */
#define PO_DAEMON_STEADY_US (10 * PO_US_PER_S)
#define PO_DAEMON_BACKOFF_MIN_US (50 * PO_US_PER_MS)
#define PO_DAEMON_BACKOFF_MAX_US (30 * PO_US_PER_S)
/* At a stop: what a role has left to end by itself before it is killed. */
#define PO_DAEMON_DRAIN_US (10 * PO_US_PER_S)

/* ---- the command line's side (po_daemon_services) ---- */

/* Start the roles and keep them running until SIGTERM or SIGINT. */
PO_RC po_daemon_serve(struct po_ctx *cx, const struct po_cli_serve *options);
PO_RC po_daemon_forward(struct po_ctx *cx, const struct po_cli_forward *what,
                        enum po_cli_forwarded *ret_how, int *ret_exit_code, int *ret_lease);
PO_RC po_daemon_stats(struct po_ctx *cx, const char *root, const char **ret_json);

/* Connect to (or listen at) the socket of a home; a path too long for an address is met by its directory. */
PO_RC po_local_connect(struct po_ctx *cx, const char *root, int *ret_fd); /* -1: none listens */
PO_RC po_local_listen(struct po_ctx *cx, const char *root, int *ret_fd);

/* ---- roles ---- */

/*
 * Arguments of a role: --home=ROOT [--keys=INSTANCE] [--listen=ADDR:PORT] [--management=ADDR:PORT]; borrowed from argv.
 * NULL where not given. PO_USAGE.
 */
struct po_role_options {
    const char *home;
    const char *keys; /* of the keeper: the instance whose keys it has; NULL: the home says */
    const char *listen;
    const char *management;
};
PO_RC po_role_options_read(struct po_ctx *cx, int argc, char **argv,
                           struct po_role_options *ret_options);
/*
 * First thing of a role: dies with the supervisor (PR_SET_PDEATHSIG), blocks no signal but ignores
 * SIGPIPE, opens its side of the control channel (descriptor 3, non-blocking).
 */
PO_RC po_role_begin(struct po_ctx *cx, struct po_wire_end *control);
/* Say READY on the control channel. */
PO_RC po_role_ready(struct po_ctx *cx, struct po_wire_end *control);
/* Say FAILED with cx->err, sent before it returns; gives the process's exit code. */
int po_role_fail(struct po_ctx *cx, struct po_wire_end *control);

#endif
