/*
 * The command line: one table of commands generates parsing, help, the man page's synopsis, the
 * access check and the audit of reads, denials and failures.
 */
#ifndef PO_CLI_CLI_H
#define PO_CLI_CLI_H

#include "core/buf.h"
#include "core/ctx.h"

struct po_home;

/* ---- what the service gives to the command line: main.c puts both together --------------------- */

#define PO_CLI_SERVE_ARGS_MAX 48
/* How `serve` was asked for. */
struct po_cli_serve {
    const char *root; /* the home */
    char *front
        [PO_CLI_SERVE_ARGS_MAX]; /* "--listen=127.0.0.1:7443": as the front's role takes them */
    size_t front_count;
    bool is_quiet;
    /* Called once, when it serves: a line for each address, and one of the certificate. */
    void (*serving)(void *user, po_str said);
    void *user;
};
/* A command for the service of a home. */
struct po_cli_forward {
    const char *root;
    int argc;
    const char *const *argv; /* as main() got it */
    bool wants_home;         /* borrow the home instead: the command runs here */
    bool is_tty;             /* someone reads our stderr: progress is wanted */
    bool is_quiet;
};
enum po_cli_forwarded {
    PO_CLI_NOT_SERVED, /* no service: run it here, as without one */
    PO_CLI_RAN,        /* it ran there; ret_exit_code is set, its output and errors are printed */
    PO_CLI_LENT        /* the home is free for this process until `ret_lease` is closed */
};
struct po_cli_services {
    PO_RC (*serve)(struct po_ctx *cx, const struct po_cli_serve *how);
    PO_RC(*forward)
    (struct po_ctx *cx, const struct po_cli_forward *what, enum po_cli_forwarded *ret_how,
     int *ret_exit_code, int *ret_lease);
    /* Figures of the service as JSON, in the arena; NULL when none runs. */
    PO_RC (*stats)(struct po_ctx *cx, const char *root, const char **ret_json);
};

/*
 * Run one command line and return the process's exit code (sysexits; 2 = something did not pass).
 * Prints results on stdout and at most one line of error on stderr. Never exits by itself.
 *
 * services  in  NULL: there are none
 */
int po_cli_main(int argc, char **argv, const struct po_cli_services *services);

/* ---- one command row on a home that is open: for core and the API ------------------------------ */

struct po_cli_answer {
    struct po_buf out; /* what it would print on stdout; of a failed command nothing */
    struct po_buf err; /* on stderr: notes, then at most one line of error */
    int exit_code;
    enum po_code code; /* PO_OK, or why it failed; the message is in `err` and in cx->err */
    /* Called with each line for stderr instead of keeping it; NULL: kept in `err`. */
    void (*note)(void *user, po_str line);
    /* Called between the steps of a long action, when no transaction is open; NULL: not. */
    void (*pause)(void *user);
    void *user;
    bool is_tty; /* progress is wanted */
};
void po_cli_answer_init(struct po_cli_answer *answer);
void po_cli_answer_done(struct po_cli_answer *answer);
#define PO_CLI_ANSWER_AUTO PO_CLEANUP(po_cli_answer_done) struct po_cli_answer

/*
 * Run one command row on `home`. Nothing is printed, the home stays open, its events are queued and
 * not flushed: flush before telling anyone that it is done. Whether the caller may is decided before.
 *
 * cx      in   actor, session, ip, request, tenant and channel of the events; made for this command
 * argv    in   as main() gets it: argv[0] is the program; `--home` is ignored
 * answer  out  after po_cli_answer_init
 *
 * Errors  none of the command itself: they are in `answer`.  PO_UNSUPPORTED the row has a terminal or
 *         a process of its own (po_cli_runs_alone);  PO_NOMEM
 */
PO_RC po_cli_run_on(struct po_ctx *cx, struct po_home *home, int argc, const char *const *argv,
                    struct po_cli_answer *answer);
/* The row cannot be run on an open home: it asks at the terminal, or writes where its caller may. */
bool po_cli_runs_alone(po_str path);

#endif
