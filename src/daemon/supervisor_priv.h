/*
 * Inside of the supervisor.
 */
#ifndef PO_DAEMON_SUPERVISOR_PRIV_H
#define PO_DAEMON_SUPERVISOR_PRIV_H

#include "daemon/daemon_priv.h"
#include "daemon/front.h"

#include <sys/socket.h>
#include <sys/types.h>

enum po_role_id {
    PO_ROLE_KEEPER, /* first: core asks it for keys when it starts */
    PO_ROLE_CORE,
    PO_ROLE_FRONT, /* when core serves */
    PO_ROLE_COUNT
};
#define PO_ROLE_ARGS_MAX (4 + PO_CLI_SERVE_ARGS_MAX)
/* Tags of epoll events beside the roles'. */
#define PO_SUPERVISOR_TAG_SIGNAL PO_ROLE_COUNT
#define PO_SUPERVISOR_TAG_PROBE (PO_ROLE_COUNT + 1)

struct po_role {
    const char *name;
    const char *argv[PO_ROLE_ARGS_MAX];
    pid_t pid; /* 0: it does not run */
    struct po_wire_end control;
    bool is_ready;
    bool was_ready; /* since the supervisor began */
    bool is_stopping;
    po_time_us started_us;
    po_time_us next_us; /* start again at this time */
    po_time_us backoff_us;
    po_time_us heard_us; /* last PONG, or the start */
    po_time_us asked_us; /* last PING */
    uint64_t restarts;
    uint64_t link; /* id of its newest link with core */
    bool has_died; /* and core does not know yet */
    pid_t died_pid;
    int died_signal;
    int died_exit;
};

#define PO_PROBE_PERIOD_US (60 * PO_US_PER_S)
#define PO_PROBE_WAIT_US (2 * PO_US_PER_S) /* then there is no answer */
#define PO_PROBE_HEAD_BYTES 12             /* "HTTP/1.1 200" */
/* Asking the management listener. */
struct po_probe {
    struct sockaddr_storage address;
    socklen_t address_len; /* 0: the front has said none */
    int fd;                /* -1: nothing is under way */
    po_time_us since_us;   /* of the last one; 0: none */
    bool is_sent;
    char head[PO_PROBE_HEAD_BYTES];
    size_t len;
};

struct po_supervisor {
    const struct po_cli_serve *options;
    struct po_role roles[PO_ROLE_COUNT];
    int epoll_fd;
    int signal_fd;
    bool is_ready;          /* the manager was told */
    bool is_stopping;       /* nothing is started any more */
    po_time_us stop_us;     /* when the roles that are to end now are killed */
    po_time_us watchdog_us; /* 0: no watchdog */
    po_time_us watched_us;
    struct po_probe probe;
    char keys[64 +
              sizeof "--keys="]; /* what each further keeper is told; "" until the first is ready */
    char said[PO_FRONT_READY_BYTES_MAX]; /* by the front, when it was ready first */
    size_t said_len;
    struct po_err failure; /* why the first start came to nothing */
};

/* All times here are monotonic. */
po_time_us po_supervisor_now_us(const struct po_ctx *cx);

/* supervisor_role.c */
PO_RC po_role_start(struct po_ctx *cx, struct po_supervisor *sup, enum po_role_id id);
/* Its process has ended (reaped): note how, and when it is started again. */
void po_role_ended(struct po_ctx *cx, struct po_supervisor *sup, struct po_role *role, int status);
/* A channel between two roles that run; each is given its end. */
void po_role_link(struct po_ctx *cx, struct po_supervisor *sup, enum po_role_id other);
/* Send a frame without fields; a role that cannot be reached is seen by its end. */
void po_role_tell(struct po_ctx *cx, struct po_role *role, enum po_wire_kind kind);
void po_role_kill(struct po_role *role, int signal_number);
/* Tell core of roles that ended. */
void po_role_report(struct po_ctx *cx, struct po_supervisor *sup);

/* supervisor_probe.c */
/* What the front said when it was ready: where its management listener is. */
void po_probe_found(struct po_ctx *cx, struct po_supervisor *sup, po_str said);
/* Its socket is ready. */
void po_probe_step(struct po_ctx *cx, struct po_supervisor *sup);
/* Begin one when it is due, give one up that takes too long. */
void po_probe_pass_time(struct po_ctx *cx, struct po_supervisor *sup, po_time_us now_us);
/* Of the first bytes of an answer; 0: it is none. */
uint64_t po_probe_status(po_str head);

#endif
