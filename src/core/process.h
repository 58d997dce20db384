/*
 * Run one child program to its end: no shell, arguments as a vector, a given environment, bounded
 * output, a deadline.
 */
#ifndef PO_CORE_PROCESS_H
#define PO_CORE_PROCESS_H

#include "core/buf.h"
#include "core/ctx.h"

#define PO_PROCESS_ARGS_MAX 256
#define PO_PROCESS_TIMEOUT_MS_MAX (24 * 3600 * 1000)
/* How long output is still read after the child has ended while a grandchild holds its pipe. */
#define PO_PROCESS_DRAIN_MS 200

struct po_process_options {
    const char *path;        /* absolute; no search along PATH */
    const char *const *argv; /* NULL-terminated, argv[0] included */
    const char *const
        *env;              /* NULL-terminated "NAME=value"; NULL: PATH, LANG=C.UTF-8, TZ=UTC only */
    const char *directory; /* to start in; NULL: ours */
    po_str input;          /* given to stdin, then closed; empty: stdin is at its end */
    int64_t timeout_ms;  /* 1..PO_PROCESS_TIMEOUT_MS_MAX; an earlier cx->deadline_us also ends it */
    int64_t grace_ms;    /* at the deadline SIGTERM, and after this time SIGKILL; 0: SIGKILL */
    bool stays_in_group; /* of ours (a sandbox allows no other): only the child itself is killed */
};

struct po_process_result {
    bool has_exited; /* by itself: exit_status counts; else killed by signal_number */
    int exit_status;
    int signal_number;
    bool is_out_truncated; /* more came than the buffer's max: dropped, the child was not stopped */
    bool is_err_truncated;
    po_time_us took_us;
};

/*
 * Start a program, feed and drain it, wait for its end.
 *
 * The child has its own process group (unless stays_in_group), default signal handling, an empty signal mask and only the
 * descriptors 0, 1 and 2. At the deadline its whole group is killed; when it has ended, what is left
 * of its group is killed too. An exit status other than 0 is no error of this function.
 *
 * options     in   borrowed
 * out, err    in   what the child wrote, appended up to their max; NULL: thrown away
 * ret_result  out  written only on success
 *
 * Errors   PO_NOTFOUND no such program;  PO_DENIED not executable;  PO_TIMEOUT killed at the deadline
 *          (out and err hold what came);  PO_LIMIT too many arguments;  PO_INVALID;  PO_IO;  PO_NOMEM
 * Cost     a spawn, about 1 ms
 * Threads  any; SIGPIPE is held back while input is written
 */
PO_RC po_process_run(struct po_ctx *cx, const struct po_process_options *options,
                     struct po_buf *out, struct po_buf *err, struct po_process_result *ret_result);

#endif
