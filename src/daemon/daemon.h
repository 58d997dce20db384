/*
 * The service: a supervisor and its roles (core, front, keeper), each a process of its own.
 *
 *   supervisor ──control──> core ──link── front
 *                │            └────links── keeper (passwords; keys)
 *                └ control to front and keeper, too
 *
 * Role      what it holds                            what it must not have
 * core      the home's lock, store, ledger           a socket to the network, the key directory
 * front     TLS key, client connections              the home's data, any other key
 * keeper    the keys, password work                  the home, the network
 *
 * Each role is `paulyops --role=NAME --home ROOT …` with descriptor 3 as the control channel to the
 * supervisor (frames of daemon/wire.h). Links between roles come over it as LINK frames: a new one takes
 * the place of the old one when its peer was started again.
 *
 * Source   docs/spec/daemon.md
 */
#ifndef PO_DAEMON_DAEMON_H
#define PO_DAEMON_DAEMON_H

#include "cli/cli.h"
#include "core/ctx.h"

/* What the command line uses of the service (cli/cli.h). */
extern const struct po_cli_services po_daemon_services;

/* The roles' entry points; each returns the process's exit code. */
int po_core_role_run(int argc, char **argv);
int po_front_role_run(int argc, char **argv);
int po_keeper_role_run(int argc, char **argv);

#endif
