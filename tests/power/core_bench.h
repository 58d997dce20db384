/*
 * The world of a core, played by a test: supervisor, front, keeper and a caller at the local socket.
 *
 *   core_bench_open(&bench)                   the channels; before the fork
 *   core:  code = core_bench_be_core(&bench, home, log)   the real role, from its start to its end
 *   world: core_bench_be_world(&bench)        then ask, and look at what was answered
 *
 * The keeper's other half, the keys, is in core's process (core_keeper.h).
 *
 * Nothing here fails a case: a core that has gone, or that does not answer in time, is a result. Keeper's
 * answers come from here: a hash is the password itself in the form of one.
 */
#ifndef PO_TESTS_POWER_CORE_BENCH_H
#define PO_TESTS_POWER_CORE_BENCH_H

#include "daemon/daemon_priv.h"

#include <sys/types.h>

#define CORE_ASKED_MAX 64
#define CORE_BODY_BYTES_MAX 4096
#define CORE_HANGS_MS 30000 /* longer than anything here takes: it hangs */

/* What a client sends; the rest is as front fills it in. */
struct core_request {
    const char *method;
    const char *path;
    const char *body;   /* NULL: none */
    const char *cookie; /* NULL: a stranger */
    const char *key;    /* Idempotency-Key, or NULL */
};
/* What came back. */
struct core_answer {
    uint64_t id; /* 0: free */
    bool is_over;
    bool is_stream;  /* open: it is kept */
    unsigned status; /* 0: no answer came */
    char request_id[48];
    char cookie[128]; /* that a session began with */
    char body[CORE_BODY_BYTES_MAX];
    size_t events; /* of a stream */
};

struct core_bench {
    struct po_ctx cx;
    int core_control; /* core's ends, until the fork */
    int core_front;
    int core_keeper;
    struct po_wire_end control;
    struct po_wire_end front;
    struct po_wire_end keeper;
    struct po_wire_end local;
    uint64_t last_id;
    struct core_answer asked[CORE_ASKED_MAX];
    bool is_pinged; /* and has not answered yet */
    bool is_ready;
    bool is_gone;      /* core has ended, or cannot be reached any more */
    bool has_hung;     /* it did neither answer nor end */
    bool is_front_cut; /* core has dropped the link */
    bool is_keeper_cut;
    bool is_front_broken; /* and has told the supervisor, who makes a new one */
    bool is_keeper_broken;
    bool is_keeper_dead; /* it answers nothing */
    bool has_result;     /* of a local command */
    int exit_code;
    char out[CORE_BODY_BYTES_MAX];
    enum po_code failed_code; /* what core said of its end; PO_OK: nothing */
    char failed[PO_ERR_MSG_BYTES_MAX];
};

bool core_bench_open(struct core_bench *bench);
void core_bench_close(struct core_bench *bench);
/* Core's channel in its place, standard error to the file `log`, the world's ends closed, its keys there. */
void core_bench_enter(struct core_bench *bench, const char *home, const char *log);
/* Enter, and run the role: its exit code. The process is good for nothing else after it. */
int core_bench_be_core(struct core_bench *bench, const char *home, const char *log);
int core_bench_run_role(const char *home); /* after entering */
void core_bench_be_world(struct core_bench *bench);

/* Until core is ready; false: it has gone. */
bool core_bench_wait_ready(struct core_bench *bench);
/* Send a request; its answer is filled in by the waits. NULL: core has gone, or too many are open. */
struct core_answer *core_bench_ask(struct core_bench *bench, const struct core_request *request);
/* Until everything that was asked has an answer, pings too; false: core has gone. */
bool core_bench_wait(struct core_bench *bench);
/* Until core is done with all that was sent: it answers a ping. */
bool core_bench_ping(struct core_bench *bench);
/* Forget answers, for the next ones; streams stay. */
void core_bench_forget(struct core_bench *bench);
/* Nobody waits for it any more. */
void core_bench_cancel(struct core_bench *bench, struct core_answer *answer);
/* STOP, RELOAD, and others that have no fields. */
bool core_bench_tell(struct core_bench *bench, enum po_wire_kind kind);
/* A role has ended; the endpoint answered. */
bool core_bench_tell_died(struct core_bench *bench, const char *role);
bool core_bench_tell_probed(struct core_bench *bench, unsigned status);
/* New links for those that core has dropped; false: it has gone, or nobody was told. */
bool core_bench_relink(struct core_bench *bench);
/* A command over the local socket; its output is in bench->out. False: no answer came. */
bool core_bench_run(struct core_bench *bench, const char *root, const char *const *argv);
/* Until core has gone. */
bool core_bench_wait_end(struct core_bench *bench);

/* A password's hash, as this keeper makes and checks it. */
void core_bench_hash(po_str password, char *out, size_t size);

/* From here on this process and those that it forks share a clock's leaps; who follows them sees them. */
void core_clock_share(void);
void core_clock_leap(po_time_us by_us);
void core_clock_follow(void); /* a core does */

#endif
