/*
 * The context of one request, job or command: arena, error record, clock, deadline, actor, tenant.
 *
 * Created per request and passed first; never stored, never shared between threads. It takes the
 * place of thread-locals, globals and long parameter lists.
 */
#ifndef PO_CORE_CTX_H
#define PO_CORE_CTX_H

#include "core/arena.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/str.h"

#define PO_CX_ARENA_BYTES_MAX ((size_t)32 << 20)
#define PO_ACTOR_BYTES_MAX 64
#define PO_SESSION_BYTES_MAX 64
#define PO_IP_BYTES_MAX 48
#define PO_REQUEST_BYTES_MAX 40

/* Tenant ids are a type of their own so that they cannot be swapped with other ids. */
typedef struct po_tenant_id {
    uint64_t value;
} po_tenant_id;

/* The tenant that `init` creates; single-organisation installs have only this one. */
#define PO_TENANT_DEFAULT ((po_tenant_id){1})

/* How a request came in; the audit event's `channel`. */
enum po_channel { PO_CHANNEL_CLI, PO_CHANNEL_TIMER, PO_CHANNEL_API, PO_CHANNEL_SYSLOG };

struct po_log;

struct po_ctx {
    struct po_arena *arena;       /* owned; freed by po_ctx_done */
    struct po_err err;            /* why the last call failed */
    const struct po_clock *clock; /* borrowed; never NULL */
    struct po_log *log;           /* borrowed; NULL logs nothing */
    po_time_us deadline_us;       /* 0 = none; monotonic */
    void (*pulse)(void *user);    /* NULL, or who wants to know that long work goes on */
    void *pulse_user;
    po_tenant_id tenant;
    enum po_channel channel;
    char actor[PO_ACTOR_BYTES_MAX];     /* "os:<uid>", "system", later "user:<id>" */
    char session[PO_SESSION_BYTES_MAX]; /* the run's id: "run_<hex>"; of a person: "ses_<id>" */
    char ip[PO_IP_BYTES_MAX];           /* where a request came from; "" for local commands */
    char request[PO_REQUEST_BYTES_MAX]; /* "req_<id>": the event's correlation_id; "" without */
};

/*
 * Set up a context with a fresh arena, the system clock, tenant PO_TENANT_DEFAULT and actor
 * "system". The session id is drawn from po_random.
 *
 * Errors   PO_NOMEM (in cx->err as well);  PO_IO no randomness
 */
PO_RC po_ctx_init(struct po_ctx *cx);
/* Free the arena (wiping it). Safe on a zeroed context. */
void po_ctx_done(struct po_ctx *cx);
/*
 * A context for one item of a long loop: the parent's actor, clock, tenant, deadline and log, an
 * arena of its own. po_ctx_child_end frees it and hands a recorded error to the parent; it returns
 * `rc`, for PO_TRY.
 */
PO_RC po_ctx_child_begin(struct po_ctx *parent, size_t arena_bytes_max, struct po_ctx *ret_child);
PO_RC po_ctx_child_end(struct po_ctx *parent, struct po_ctx *child, po_rc rc);
#define PO_CTX_AUTO PO_CLEANUP(po_ctx_done) struct po_ctx

/*
 * From a loop that may run for seconds, between two pieces of work: cheap, so rather often than seldom. Who
 * is told may take note, and changes nothing that the work sees.
 */
void po_ctx_pulse(const struct po_ctx *cx);
/* Wall clock, microseconds since 1970 UTC, from cx->clock. */
po_time_us po_ctx_now_us(const struct po_ctx *cx);
const char *po_channel_name(enum po_channel channel);

/* Zeroed arena memory for `count` objects of what `ptr` points to; returns upward on failure. */
#define PO_ARENA_NEW(cx, ptr, count)                                                               \
    do {                                                                                           \
        (ptr) = po_arena_alloc((cx)->arena, (count), sizeof *(ptr));                               \
        if ((ptr) == NULL) return PO_FAIL((cx), PO_NOMEM, "out of request memory");                \
    } while (0)

#endif
