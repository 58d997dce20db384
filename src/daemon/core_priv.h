/*
 * Inside of core.
 */
#ifndef PO_DAEMON_CORE_PRIV_H
#define PO_DAEMON_CORE_PRIV_H

#include "daemon/daemon_priv.h"

#include "api/api.h"
#include "crypto/crypto.h"
#include "home/home.h"
#include "identity/identity.h"

#include <sys/types.h>

#define PO_CORE_CONNS_MAX 64    /* local callers at one time; further ones wait to be accepted */
#define PO_CORE_FDS_MAX 8       /* descriptors that came and are not named yet */
#define PO_CORE_FRAMES_MAX 64   /* of one peer in one turn */
#define PO_CORE_OUT_BYTES 65536 /* of one OUT frame */
#define PO_CORE_WAITS_MAX PO_API_WAITING_MAX
#define PO_CORE_STREAMS_MAX PO_API_STREAMS_MAX
#define PO_CORE_STREAM_STEP_US (500 * PO_US_PER_MS)
#define PO_CORE_HEARTBEAT_US (60 * PO_US_PER_S)
#define PO_CORE_CHECKPOINT_US PO_US_PER_S
#define PO_CORE_KEYS_WAIT_US (5 * PO_US_PER_S) /* for the keeper, dead or slow; then busy */
#define PO_CORE_FIRST_JOB_US (45 * PO_US_PER_S)

enum po_conn_state {
    PO_CONN_FREE,
    PO_CONN_ASKING,    /* nothing asked yet, or all answered */
    PO_CONN_WANTS_RUN, /* its command waits: the home is lent, or another action is under way */
    PO_CONN_WANTS_LEND,
    PO_CONN_ANSWERING,
    PO_CONN_BORROWS /* the home is its caller's until it closes */
};

struct po_core;

/* One local caller. */
struct po_conn {
    struct po_core *core;
    struct po_wire_end end;
    enum po_conn_state state;
    uid_t uid;
    struct po_cli_answer answer;
    size_t out_sent;
    uint64_t id;
    const char **argv; /* of the command that waits; in `cx`'s arena */
    int argc;
    const char *cwd;
    bool is_tty;
    bool has_cx;
    bool is_watching_out;
    struct po_ctx cx; /* of its command */
};

struct po_core_figures {
    uint64_t runs;
    uint64_t requests;
    uint64_t events;
    uint64_t flushes;
    uint64_t checkpoints;
    uint64_t jobs;
    uint64_t loans;
    uint64_t broken; /* peers dropped because of what they sent */
    int64_t turn_worst_us;
};

/* A request that waits for password work. */
struct po_core_wait {
    uint64_t ticket; /* 0: free */
    uint64_t frame;  /* the request's, at front */
    uint64_t asked;  /* the frame's at keeper */
    const struct po_credential_job *job;
    struct po_credential_answer answer;
    bool is_hashing; /* the second half: the first was right, or there was none */
};

/* An open stream. */
struct po_core_stream {
    uint64_t stream; /* of the api; 0: free */
    uint64_t frame;
    unsigned under_way; /* events that front has not passed on */
};

struct po_core_job {
    po_time_us next_us; /* monotonic; 0: not planned */
};

struct po_core {
    struct po_role_options options;
    struct po_log *log;
    struct po_home *home;
    bool is_lent;  /* the home is suspended: a caller works in it */
    bool has_more; /* frames that came wait for the next turn */
    struct po_wire_end control;
    struct po_wire_end front;
    struct po_wire_end keeper;
    struct po_wire_end keys; /* to the keeper, too: core_keys.c */
    uint64_t keys_serial;    /* id of the last question */
    struct po_keyring_asker asker;
    struct po_buf held;  /* frames of the supervisor that came while core waited for the keeper */
    size_t held_links;   /* LINK among them: the first of `fds` are theirs */
    uint64_t front_link; /* ids of the LINK frames */
    uint64_t keeper_link;
    int epoll_fd;
    int listen_fd;
    int fds[PO_CORE_FDS_MAX]; /* came with LINK frames that are not taken yet, in order */
    size_t fd_count;
    struct po_conn conns[PO_CORE_CONNS_MAX];
    struct po_conn *borrower;
    struct po_conn *running; /* whose command runs now */
    bool is_busy;            /* a command or job runs: no other begins */
    bool is_breathing;       /* a turn within it */
    bool wants_reload;       /* when nothing runs any more */
    po_time_us mark_us;      /* since then nobody was listened to */
    po_time_us pulse_us;     /* the supervisor was last told that core is at work */
    bool is_stopping;
    bool is_over;    /* the supervisor has gone, or nothing more can be acknowledged */
    bool is_failed;  /* the latter */
    bool has_events; /* something ran since the last flush */
    bool is_full;    /* no room for callers: none is accepted */
    po_time_us started_us;
    po_time_us heartbeat_us;
    po_time_us probed_us;  /* the supervisor asked the service's endpoint; 0: not yet */
    uint64_t probe_status; /* 0: no answer */
    uint64_t probe_ms;
    po_time_us checkpoint_us; /* of the last one */
    bool has_unsigned;        /* flushed since then */
    struct po_core_job assess;
    struct po_core_job nightly;
    struct po_api *api;
    struct po_core_wait waits[PO_CORE_WAITS_MAX];
    size_t wait_count;
    struct po_core_stream streams[PO_CORE_STREAMS_MAX];
    size_t stream_count;
    uint64_t keeper_serial; /* id of the last frame to keeper */
    po_time_us stepped_us;  /* streams were given what is new */
    bool is_watching_front; /* for room to send */
    bool is_watching_keeper;
    uint64_t restarts[3]; /* of core, front, keeper, as the supervisor said */
    size_t fence_rules;   /* paths that it may open something at */
    struct po_core_figures figures;
};

po_time_us po_core_now_us(const struct po_ctx *cx); /* monotonic */
/* po_ctx_init with core's log, whose pulse tells the supervisor that core is at work. */
PO_RC po_core_cx_init(struct po_core *core, struct po_ctx *cx);

/* ---- core_loop.c ---- */
/* Tags of epoll events. */
enum po_core_tag {
    PO_CORE_TAG_CONTROL,
    PO_CORE_TAG_FRONT,
    PO_CORE_TAG_KEEPER,
    PO_CORE_TAG_LISTEN,
    PO_CORE_TAG_CONNS /* and the caller's place behind it */
};
PO_RC po_core_watch(struct po_ctx *cx, struct po_core *core, int fd, uint64_t tag);
/* Between the steps of a long action: a turn in which no other action begins, for all the others. */
void po_core_breathe(struct po_core *core);
/* One turn; waits up to wait_ms for something to do. */
PO_RC po_core_turn(struct po_ctx *cx, struct po_core *core, int wait_ms);
/* Put what ran into the ledger; answers go out after it. A failure ends core (is_failed). */
void po_core_settle(struct po_ctx *cx, struct po_core *core);
/* What came over the control channel. */
void po_core_take_control(struct po_ctx *cx, struct po_core *core);
/* Read what has come there; PO_CANCELED the supervisor has gone. */
PO_RC po_core_fill_control(struct po_ctx *cx, struct po_core *core);
/* Act on one frame of the supervisor; a LINK's descriptor is fds[fd_index]. */
PO_RC po_core_take_message(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg,
                           size_t fd_index);

/* ---- core_keys.c ---- */
/* For po_keyring_asker: `user` is core. PO_BUSY the keeper is not there, or does not answer. */
po_rc po_core_ask_keys(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer);
/* Whether it could be asked now, without waiting. */
bool po_core_has_keys(struct po_ctx *cx, struct po_core *core);
void po_core_keys_link(struct po_core *core, int fd); /* takes `fd` */
/* Act on the frames that were held. */
PO_RC po_core_take_held(struct po_ctx *cx, struct po_core *core);
#ifdef PO_FAULTS
/* For tests whose keeper is in core's process: questions go there, and the fence leaves it the keys. */
void po_core_test_keys(const struct po_keyring_asker *asker);
bool po_core_test_has_keys(void);
#endif

/* ---- core_local.c ---- */
void po_core_accept(struct po_ctx *cx, struct po_core *core);
void po_core_read_conn(struct po_ctx *cx, struct po_core *core, struct po_conn *conn);
/* Commands and loans that wait, as far as they can go now. */
void po_core_serve_waiting(struct po_ctx *cx, struct po_core *core);
/* Send what waits for callers. */
void po_core_send_conns(struct po_ctx *cx, struct po_core *core);
void po_conn_drop(struct po_ctx *cx, struct po_core *core, struct po_conn *conn);
bool po_core_has_callers(const struct po_core *core); /* somebody waits for an answer */

/* ---- core_link.c: frames of front and keeper ---- */
void po_core_read_front(struct po_ctx *cx, struct po_core *core);
void po_core_read_keeper(struct po_ctx *cx, struct po_core *core);
void po_core_send_links(struct po_ctx *cx, struct po_core *core);
/*
 * Its link cannot be used any more: it is dropped, and the supervisor is told; `why` and
 * cx->err say what was wrong, PO_CANCELED that the other side has gone.
 */
void po_core_front_broken(struct po_ctx *cx, struct po_core *core, po_rc why);
void po_core_keeper_broken(struct po_ctx *cx, struct po_core *core, po_rc why);
void po_core_keys_broken(struct po_ctx *cx, struct po_core *core, po_rc why);
/* Its link is gone; a new one comes. */
void po_core_front_lost(struct po_ctx *cx, struct po_core *core);
void po_core_keeper_lost(struct po_ctx *cx, struct po_core *core);

/* ---- core_requests.c: what they ask of the API ---- */
PO_RC po_core_requests_begin(struct po_ctx *cx, struct po_core *core);
void po_core_requests_done(struct po_core *core);
void po_core_request(struct po_ctx *parent, struct po_core *core, const struct po_wire_msg *msg);
/* After a flush: hold what requests owed against the ledger, some at a time: others wait meanwhile. */
#define PO_CORE_COVER_EACH 64
void po_core_cover(struct po_ctx *cx, struct po_core *core);
/* Nobody waits for that answer or reads that stream any more. */
void po_core_cancel(struct po_core *core, uint64_t frame);
void po_core_cancel_all(struct po_core *core);
void po_core_stream_taken(struct po_core *core, uint64_t frame, uint64_t count);
/* Keeper's answer. PO_INVALID: to nothing that was asked. */
PO_RC po_core_password_answer(struct po_ctx *cx, struct po_core *core,
                              const struct po_wire_msg *msg);
/* Keeper has gone: whoever waits for it is told. */
void po_core_password_lost(struct po_ctx *cx, struct po_core *core);
/* Give open streams what is new, when it is time. */
void po_core_step_streams(struct po_ctx *cx, struct po_core *core);

/* ---- core_lend.c ---- */
void po_core_lend(struct po_ctx *cx, struct po_core *core, struct po_conn *conn);
/* The borrower has gone: the home is opened again, or core ends. */
void po_core_take_back(struct po_ctx *cx, struct po_core *core);

/* ---- core_events.c ---- */
PO_RC po_core_record(struct po_ctx *cx, struct po_core *core, enum po_event_type type,
                     const char *action, const char *detail);
/* A role has ended, the supervisor says. */
void po_core_note_death(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg);
/* The figures as one JSON object. */
void po_core_stats(struct po_ctx *cx, struct po_core *core, struct po_buf *out);
bool po_core_can_write(const struct po_core *core);

/* ---- core_timer.c ---- */
/* Monotonic time of the next thing to do by the clock. */
po_time_us po_core_next_us(const struct po_ctx *cx, const struct po_core *core);
void po_core_pass_time(struct po_ctx *cx, struct po_core *core);
/* What a heartbeat tells; NULL: out of memory. */
const char *po_core_beat_detail(struct po_ctx *cx, const struct po_core *core, po_time_us now_us);
void po_core_plan(struct po_ctx *cx, struct po_core *core);
/* Seconds until the next `minutes` after midnight, local time. */
int64_t po_core_until_clock_s(po_time_us wall_us, int64_t minutes);

/* ---- core_fence.c ---- */
/* Lock this process in; `text` says what holds. */
PO_RC po_core_fence(struct po_ctx *cx, struct po_core *core, const char **ret_text);

#endif
