/*
 * The seam between a run and where it happens: in this process or in a runner child.
 *
 * Both sides hold the same gate (the three sets of capabilities) and ask it before every call; the
 * child's own part (po_run_here) masks the writes of a dry run, records, and answers a replay.
 */
#ifndef PO_PROGRAM_RUNNER_PRIV_H
#define PO_PROGRAM_RUNNER_PRIV_H

#include "program/program.h"

/* ---- the gate ----------------------------------------------------------------------------------- */

/* What a call is asked for; the first set that lacks it is the fence that held. */
struct po_gate {
    const struct po_caps *needs;
    const struct po_caps *grant; /* NULL: limits nothing */
    const struct po_caps *ceiling;
    const char *home; /* what "~/" means; NULL: such capabilities match nothing */
};

/* What the arguments of a host function are, for the gate and for who answers. */
enum po_host_arg {
    PO_HOST_ARG_NONE, /* the capability is the function's (fact, store.users, time) */
    PO_HOST_ARG_NAME, /* the first argument is a name (env, flags, store.query, secret, notify) */
    PO_HOST_ARG_PATH,
    PO_HOST_ARG_PATHS, /* two paths: rename */
    PO_HOST_ARG_GLOB, /* a path pattern: '*' within a part, "**" across; all it can match is asked */
    PO_HOST_ARG_EXEC  /* program and argument list */
};
/* Where a call is answered. */
enum po_host_side {
    PO_HOST_LOCAL,  /* time: by po_run_here itself */
    PO_HOST_CHILD,  /* fs, exec: by who runs the program, behind its sandbox */
    PO_HOST_PARENT, /* facts, store, audit, ...: by po_parent_answer */
    PO_HOST_NOWHERE /* declared, but not built */
};
struct po_host_row {
    enum po_cap_kind caps[3]; /* one of them is enough; PO_CAP_COUNT: no further one */
    enum po_host_arg arg;
    enum po_host_side side;
    const char *dry; /* what a dry run answers in its place (JSON); NULL: it changes nothing */
};
/* The row behind index i of po_program_host_table(). */
const struct po_host_row *po_host_row_at(size_t i);
/* Index by module and name; SIZE_MAX. */
size_t po_host_find(const struct po_script_host_fn *fns, size_t count, po_str module, po_str name);

/* One call that passed the gate. */
struct po_host_ask {
    const struct po_host_row *row;
    const struct po_script_host_fn *fn;
    const struct po_script_host_call *call;
    const struct po_json *args; /* the array; reals stay text (PO_JSON_REAL) */
    po_str paths[2];            /* PO_HOST_ARG_PATH(S): absolute, normal, NUL-terminated */
};
/*
 * Parse the arguments of a call and ask the gate with them. A function that is declared but not
 * built passes here, too; `call->fn_index` counts in the table of po_program_host_table().
 *
 * fn          in   fns[call->fn_index]
 * ret_denial  out  what lacked and where, when PO_DENIED
 * Errors      PO_DENIED;  PO_INVALID a path that is none ('..', relative, NUL);  PO_NOMEM
 */
PO_RC po_gate_ask(struct po_ctx *cx, const struct po_gate *gate, const struct po_script_host_fn *fn,
                  const struct po_script_host_call *call, struct po_host_ask *ret_ask,
                  struct po_program_denial *ret_denial);

/*
 * An absolute path in normal form: "~/" is the home, "." and "//" go, ".." is refused.
 *
 * Errors   PO_INVALID relative, "..", NUL, empty, "~/" without a home;  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_program_path(struct po_ctx *cx, const char *home, po_str path, po_str *ret_path);

/* ---- a run in this process ---------------------------------------------------------------------- */

struct po_run_spec {
    const struct po_script *script;
    const struct po_script_host_fn *fns; /* as it was compiled with */
    size_t fn_count;
    po_str entry; /* "": main or the top level */
    po_str args_json;
    struct po_script_limits limits;
    struct po_gate gate;
    po_time_us now_us;
    bool is_dry_run;
    po_str replay_calls; /* not empty: `answer` is never called */
    /* Answers PO_HOST_CHILD and PO_HOST_PARENT rows that passed the gate. */
    po_rc (*answer)(void *user, struct po_ctx *cx, const struct po_host_ask *ask,
                    struct po_buf *ret_json, const char **ret_kind);
    /* Sees each call after it was recorded, with the bytes of its entry in calls_json; may be NULL. */
    void (*on_call)(void *user, po_str entry_json, const struct po_program_denial *denial);
    void *user;
};
/*
 * Run with recording, dry-run masking and replay. is_sandboxed and sandbox of the result are left
 * to the caller. The runner child calls this after it has locked itself in.
 *
 * Errors   PO_CONFLICT a replay asked something else than its list (says what);  as po_script_call
 */
PO_RC po_run_here(struct po_ctx *cx, const struct po_run_spec *spec,
                  struct po_program_result *ret_result);

/* po_run_here for a program of this build, answered by po_parent_answer. */
PO_RC po_run_in_process(struct po_ctx *cx, const struct po_program *program,
                        const struct po_program_job *job, const struct po_gate *gate,
                        struct po_program_result *ret_result);
PO_RC po_program_digest(struct po_ctx *cx, const struct po_program *program,
                        uint8_t ret_digest[static PO_SHA256_BYTES]);

/*
 * The parent's half of a call from a child: asks the gate again and answers what is neither fs nor
 * exec (facts, services). `call->fn_index` counts in the table of po_program_host_table().
 */
struct po_parent {
    const struct po_gate *gate;
    const struct po_program_job *job;
    const struct po_script_host_fn *fns;
    size_t fn_count;
};
PO_RC po_parent_answer(struct po_ctx *cx, const struct po_parent *parent,
                       const struct po_script_host_call *call, struct po_buf *ret_json,
                       const char **ret_kind);

/* ---- the runner --------------------------------------------------------------------------------- */

/*
 * Run a program in a runner child. The needs were compared with grant and ceiling already (`gate`).
 * The closure's files are po_script_module_path/_text of program->script; program->row names file
 * and entry. replay_calls goes to the child as it is: po_run_here answers from it there.
 *
 * Errors   PO_DENIED a fence that writing or exec capabilities need is missing here (named);
 *          PO_CONFLICT as po_run_here;  PO_IO, PO_NOMEM the child could not be had
 */
PO_RC po_runner_run(struct po_ctx *cx, const struct po_program *program,
                    const struct po_program_job *job, const struct po_gate *gate,
                    struct po_program_result *ret_result);

#endif
