/*
 * What parent and runner child say to each other, and the child's parts.
 *
 * Frames: length (u32 big-endian), then one JSON object of that many bytes, at most
 * PO_FRAME_BYTES_MAX. Both sides are this build, so the form is not a format for others
 * (docs/spec/program.md 6 lists the frames).
 */
#ifndef PO_PROGRAM_RUNNER_WIRE_PRIV_H
#define PO_PROGRAM_RUNNER_WIRE_PRIV_H

#include "core/sandbox.h"
#include "program/runner_priv.h"

#include <sys/types.h>

#define PO_FRAME_BYTES_MAX ((size_t)4 << 20)
/* Texts longer than this travel in pieces, cut between characters. */
#define PO_FRAME_PART_BYTES_MAX ((size_t)1 << 18)
#define PO_RUNNER_CHANNEL 3
#define PO_RUNNER_START_US_MAX (20 * PO_US_PER_S) /* until the child says that it is locked in */
#define PO_RUNNER_TIME_US_MAX PO_US_PER_HOUR      /* of a run without a time limit */
#define PO_RUNNER_VALUE_BYTES_MAX ((size_t)8 << 20)
#define PO_RUNNER_FILE_BYTES_MAX ((uint64_t)64 << 20) /* RLIMIT_FSIZE of who may write */
#define PO_RUNNER_FILES_MAX 64                        /* RLIMIT_NOFILE */
#define PO_RUNNER_EXEC_FILES_MAX 256                  /* of who may start programs */
#define PO_RUNNER_PROCESSES_MAX 2048 /* RLIMIT_NPROC: all of the user's; root has none */
/* RLIMIT_DATA beside the run's own memory: compiler, frames, libraries. */
#define PO_RUNNER_DATA_BYTES_MAX ((uint64_t)256 << 20)

/* ---- frames ------------------------------------------------------------------------------------- */

struct po_frame_end {
    int fd;
    po_time_us deadline_us; /* on the machine's monotonic clock; 0: waits for ever (blocking fd) */
};
/* PO_TIMEOUT, PO_LIMIT too large, PO_CANCELED nobody reads any more, PO_IO. */
PO_RC po_frame_send(struct po_ctx *cx, const struct po_frame_end *end, po_str json);
/*
 * The next frame into `frame` (cleared before).
 *
 * Errors   PO_CANCELED the other side has closed;  PO_CORRUPT no frame: length 0 or beyond the limit,
 *          cut short;  PO_TIMEOUT;  PO_IO;  PO_NOMEM
 */
PO_RC po_frame_read(struct po_ctx *cx, const struct po_frame_end *end, struct po_buf *frame);
po_time_us po_frame_now_us(void);

/* ---- the job ------------------------------------------------------------------------------------ */

struct po_runner_file {
    po_str path;
    po_str text;
};
struct po_runner_job {
    struct po_runner_file *files;
    size_t file_count;
    po_str file;  /* the entry file */
    po_str entry; /* may be "" */
    po_str args_json;
    struct po_caps needs;
    struct po_caps grant;
    bool has_grant;
    struct po_caps ceiling;
    const char *home; /* may be NULL */
    struct po_script_limits limits;
    po_time_us now_us;
    bool is_dry_run;
    po_str replay_calls;
    /* Functions of host/fact, which upper layers may have added to. */
    struct po_script_host_fn *facts;
    size_t fact_count;
};
/* How long a child lives after its `ready`: the run's time and a tenth. */
po_time_us po_runner_time_us(const struct po_script_limits *limits);
PO_RC po_runner_job_put(struct po_ctx *cx, const struct po_program *program,
                        const struct po_program_job *job, const struct po_gate *gate,
                        struct po_buf *frame);
PO_RC po_runner_job_get(struct po_ctx *cx, po_str frame, struct po_runner_job *ret_job);

/* ---- the child ---------------------------------------------------------------------------------- */

/* Read the job from `channel`, lock this process in, run, report. Exit code of the process. */
int po_runner_child_serve(int channel);
/* Paths that the sandbox opens for capabilities; at most PO_SANDBOX_RULES_MAX, in the arena. */
PO_RC po_runner_rules(struct po_ctx *cx, const struct po_runner_job *job,
                      struct po_sandbox_options *ret_options);

/* host/fs and host/exec: answer one call that passed the gate. Errors are the call's. */
PO_RC po_host_fs_answer(struct po_ctx *cx, const struct po_host_ask *ask, struct po_buf *ret_json);
PO_RC po_host_exec_answer(struct po_ctx *cx, const struct po_host_ask *ask, po_time_us left_us,
                          struct po_buf *ret_json);

#define PO_HOST_FS_VISITED_MAX 20000 /* entries that one glob looks at */
#define PO_HOST_FS_DEPTH_MAX 32      /* directories below the pattern's fixed part */
#define PO_HOST_FS_HASHED_BYTES_MAX ((uint64_t)1 << 30)
#define PO_HOST_EXEC_ARGS_MAX 64
#define PO_HOST_EXEC_OUT_BYTES_MAX PO_SCRIPT_STRING_BYTES_MAX

/* The directory that holds the last part of an absolute, normal path, no link followed on the way. */
PO_RC po_host_fs_walk(struct po_ctx *cx, po_str path, int *ret_dir_fd, const char **ret_name);
/* Names in an open directory, sorted; the descriptor is taken. */
PO_RC po_host_fs_names(struct po_ctx *cx, int *fd, po_str **ret_names, size_t *ret_count);
/* Existing paths that match, sorted, as a JSON array. Links are found, not followed. */
PO_RC po_host_fs_glob(struct po_ctx *cx, po_str pattern, struct po_buf *ret_json);

#ifdef PO_FAULTS
/* Seams for tests; a forked child has its own copy. */
struct po_runner_test {
    int (*spawn)(int channel,
                 pid_t *ret_pid); /* in place of a new process of this program; 0 or -1 */
    const struct po_sandbox_support *support; /* what the host has; NULL: what it has */
    int landlock_abi_max;
    bool is_gate_open;       /* the child asks no capabilities: its other fences are measured */
    bool is_parent_open;     /* nor does the parent */
    bool follows_links;      /* paths are opened as they are */
    bool passes_environment; /* programs get ours */
};
extern struct po_runner_test po_runner_test;
#define PO_RUNNER_TEST(member) (po_runner_test.member)
#else
#define PO_RUNNER_TEST(member) 0
#endif

#endif
