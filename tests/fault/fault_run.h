/*
 * Fails each allocation and system call of a command in turn, and looks at what is left.
 *
 * One run without a fault records the call sites (a place in the code with its ten innermost callers).
 * Then, for each site, its first and its last hit fail, and a read or write moves half and fails the
 * next time: the command must give the right answer or a clean error, and a later command must find
 * nothing half-written. Set-up, run and look are children of their own: SQLite starts anew in each.
 *
 * With ROUNDS of 100 and more all sites are taken, else a sample that another SEED changes. With
 * PO_FAULT_SITES=FILE what went wrong is written there, one line a run, and what was met; with
 * PO_FAULT_ONLY=SITE (as printed) or =CALL ("send") only the runs of these are made.
 */
#ifndef PO_TESTS_FAULT_RUN_H
#define PO_TESTS_FAULT_RUN_H

#include "core/fault.h"
#include "lib/test.h"

struct fault_command {
    const char *name;
    void (*prepare)(void);            /* the place before a run; nothing fails */
    void (*begin)(void);              /* in the run's process, before anything fails; may be NULL */
    po_rc (*run)(struct po_ctx *cx);  /* with one call failing */
    void (*judge)(struct po_ctx *cx); /* after a run that succeeded, same process; may be NULL */
    void (*look)(bool has_succeeded); /* what the next command finds */
    unsigned renew;                   /* prepare again after so many runs */
    unsigned sample;                  /* runs in the short form */
    unsigned full;                    /* in the long form; 0: all */
};

/* Run the command's fault loop; fails the case with what it found. */
void fault_run(const struct fault_command *command);
/*
 * One of FAULT_PARTS such loops that together have all faults: what runs a case counts its microseconds
 * in an int, so none may take 35 minutes.
 */
#define FAULT_PARTS 4
void fault_run_part(const struct fault_command *command, size_t part);

/*
 * What is wrong, from judge, look or run; the first one counts. A run goes on to the next site: one
 * pass finds all of them.
 */
void fault_wrong(const char *fmt, ...) PO_PRINTF(1, 2);
bool fault_fine(struct po_ctx *cx, po_rc rc, const char *doing);
/* Name of the call that failed; "" when none. */
const char *fault_call(void);
/* Directory of this case, with `name` appended; four at a time. */
const char *fault_path(const char *name);
/* Zeroed memory shared with the children of the case; for what a command was told. */
void *fault_shared(size_t len);

#endif
