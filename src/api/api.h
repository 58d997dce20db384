/*
 * The HTTP API: a request that core received as a frame in, a response out. No socket is touched.
 *
 * Nothing of a request is trusted: front may lie. The caller is known only by the raw credential
 * (Authorization or the session cookie); every member is checked again here.
 *
 *   po_api_handle -> PO_API_DONE    send the response after the next flush of the home
 *                 -> PO_API_WORK    do `work` elsewhere (a keeper's worker), then po_api_resume
 *                 -> PO_API_STREAM  send the response's head, then call po_api_stream_step
 *
 * A command route runs the command's own row (config.run): same permission check, same events, same
 * figures as on the command line.
 *
 * Limits   named below;  Threads  one api, one thread (that of its home)
 * Source   docs/spec/api.md;  Control  CC6.1 CC6.3 CC6.6 CC7.2
 */
#ifndef PO_API_API_H
#define PO_API_API_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/str.h"
#include "http/http.h"

#define PO_API_PREFIX "/api/v1"
#define PO_API_PATH_BYTES_MAX 1024
#define PO_API_QUERY_BYTES_MAX 8192
#define PO_API_FIELD_BYTES_MAX 8192
#define PO_API_BODY_BYTES_MAX ((size_t)1 << 20) /* of any route; most take less */
#define PO_API_JSON_DEPTH_MAX 8
#define PO_API_RESPONSE_FIELDS_MAX 16
#define PO_API_RESPONSE_BYTES_MAX ((size_t)16 << 20)
#define PO_API_WAITING_MAX 64  /* requests that wait for a worker */
#define PO_API_STREAMS_MAX 256 /* open streams */
#define PO_API_STREAMS_OF_ACTOR_MAX 64
#define PO_API_COOKIE "__Host-paulyops"

struct po_api;
struct po_home;
struct po_cli_answer;
struct po_credential_job;
struct po_credential_answer;

/* ---- request --------------------------------------------------------------------------------- */

enum po_api_listener { PO_API_LISTENER_PUBLIC, PO_API_LISTENER_MANAGEMENT };

/*
 * The header fields that core keeps. A field that stands there more than once is front's to refuse
 * (400); one that is absent has ptr NULL.
 */
#define PO_API_FIELD_TABLE(X)                                                                      \
    X(AUTHORIZATION, "authorization")                                                              \
    X(COOKIE, "cookie")                                                                            \
    X(CONTENT_TYPE, "content-type")                                                                \
    X(ACCEPT, "accept")                                                                            \
    X(IF_MATCH, "if-match")                                                                        \
    X(IF_NONE_MATCH, "if-none-match")                                                              \
    X(IDEMPOTENCY_KEY, "idempotency-key")                                                          \
    X(ORIGIN, "origin")                                                                            \
    X(SEC_FETCH_SITE, "sec-fetch-site")                                                            \
    X(USER_AGENT, "user-agent")                                                                    \
    X(LAST_EVENT_ID, "last-event-id")                                                              \
    X(HOST, "host") /* without port */

enum po_api_field {
#define X(id, text) PO_API_FIELD_##id,
    PO_API_FIELD_TABLE(X)
#undef X
        PO_API_FIELD_COUNT
};
/* Lower-case name, "authorization". */
const char *po_api_field_name(enum po_api_field field);

struct po_api_request {
    enum po_http_method method;
    po_str path;  /* decoded once, one spelling (docs/spec/http.md 1) */
    po_str query; /* as sent, without '?' */
    po_str fields[PO_API_FIELD_COUNT];
    uint16_t port; /* of HOST; 0: none given */
    po_str body;
    po_str peer; /* "192.0.2.1", "2001:db8::1", "unix" */
    enum po_api_listener listener;
    bool is_tls;
    bool wants_websocket;
};

/* ---- response -------------------------------------------------------------------------------- */

enum po_api_next { PO_API_DONE, PO_API_WORK, PO_API_STREAM };

/* Password work of a keeper. */
struct po_api_work {
    uint64_t ticket;                     /* names the waiting request; never 0 */
    const struct po_credential_job *job; /* the api's until po_api_resume or po_api_cancel */
};

struct po_api_result {
    uint64_t ticket;
    enum po_code code; /* PO_OK, or why there is no answer: PO_BUSY (the queue is full), … */
    const struct po_credential_answer *answer; /* NULL unless PO_OK */
};

struct po_api_response_field {
    enum po_http_name name;
    po_str value; /* in the request's arena; printable ASCII */
};
struct po_api_response {
    unsigned status;
    struct po_api_response_field fields[PO_API_RESPONSE_FIELDS_MAX];
    size_t field_count;
    struct po_buf body; /* empty for HEAD, 204, 304 */
    enum po_api_next next;
    struct po_api_work work; /* next is PO_API_WORK */
    uint64_t stream;         /* next is PO_API_STREAM: the stream's id; never 0 */
    bool is_websocket;       /* of that stream */
};
void po_api_response_init(struct po_api_response *res);
void po_api_response_done(struct po_api_response *res);
#define PO_API_RESPONSE_AUTO PO_CLEANUP(po_api_response_done) struct po_api_response

/* ---- the api --------------------------------------------------------------------------------- */

/* po_cli_run_on: run one command row on an open home. */
typedef po_rc po_api_run(struct po_ctx *cx, struct po_home *home, int argc, const char *const *argv,
                         struct po_cli_answer *answer);

struct po_api_config {
    struct po_home *home; /* borrowed; outlives the api */
    po_api_run *run;      /* NULL: po_cli_run_on */
};
/* PO_NOMEM, PO_IO. */
PO_RC po_api_new(struct po_ctx *cx, const struct po_api_config *config, struct po_api **ret_api);
void po_api_free(struct po_api *api);
void po_api_freep(struct po_api **api);

/* Whether the path belongs to the api: "/api" and what is below. */
bool po_api_owns(po_str path);

/*
 * Answer one request. It never fails: what goes wrong is a problem document in `res`.
 *
 * cx   in   made for this request (po_ctx_init); the api sets tenant, actor, session, ip, channel and
 *           request id; `res` holds memory of its arena: send the response before po_ctx_done
 * res  out  after po_api_response_init
 *
 * Events are queued, not flushed: flush the home before the response leaves.
 */
void po_api_handle(struct po_ctx *cx, struct po_api *api, const struct po_api_request *req,
                   struct po_api_response *res);
/* Go on with a request whose work is done; `cx` is a new one. May ask for work again. */
void po_api_resume(struct po_ctx *cx, struct po_api *api, const struct po_api_result *result,
                   struct po_api_response *res);
/* The client of a waiting request is gone: forget it. Unknown tickets are fine. */
void po_api_cancel(struct po_api *api, uint64_t ticket);

/* ---- streams --------------------------------------------------------------------------------- */

struct po_api_event {
    po_str id;   /* the leaf, decimal: Last-Event-ID resumes behind it */
    po_str name; /* "event", "control", "health", "job" */
    po_str data; /* one JSON object */
};
/* Send one event to the client. PO_BUSY: it takes no more now; it comes again at the next step. */
typedef po_rc po_api_sink(struct po_ctx *cx, void *user, const struct po_api_event *event);
/*
 * Give a stream what it has not seen: after each flush, and at least each 500 ms (that is how soon a
 * dead session or token cuts it).
 *
 * Errors  PO_UNAUTH   its session or token is no more: close it (WebSocket code 4401);
 *         PO_DENIED   the caller may not listen any more (4403);
 *         PO_NOTFOUND no such stream;  others: close it (1011)
 */
PO_RC po_api_stream_step(struct po_ctx *cx, struct po_api *api, uint64_t stream, po_api_sink *sink,
                         void *user);
/* The client is gone. Unknown ids are fine. */
void po_api_stream_close(struct po_api *api, uint64_t stream);
size_t po_api_stream_count(const struct po_api *api);

/* ---- the document ---------------------------------------------------------------------------- */

/* OpenAPI 3.1 of the route table; appended. */
PO_RC po_api_openapi(struct po_ctx *cx, struct po_buf *out);
/* Each value of Set-Cookie that a response may have, one a line, with a made-up secret. */
PO_RC po_api_cookies(struct po_ctx *cx, struct po_buf *out);

/* ---- audit coverage (AUD-02) ----------------------------------------------------------------- */

enum po_api_ended {
    PO_API_ALLOWED,
    PO_API_DENIED,          /* the role may not */
    PO_API_UNAUTHENTICATED, /* no credential, or one that does not hold */
    PO_API_FOREIGN,         /* another tenant's id */
    PO_API_MALFORMED,
    PO_API_OUTCOME_COUNT
};
#define PO_API_NO_ROUTE UINT16_MAX /* the request was refused before it named one */
/* What a request owes the ledger. */
struct po_api_obligation {
    char request_id[PO_REQUEST_BYTES_MAX];
    char actor[PO_ACTOR_BYTES_MAX];
    po_tenant_id tenant;
    uint16_t route; /* row of the table, or PO_API_NO_ROUTE */
    enum po_api_ended outcome;
    bool owes_grant;        /* a privileged action that was allowed: that too is recorded */
    bool is_replayed;       /* answered as it was before */
    uint64_t resource_hash; /* of the resource that it names */
    uint64_t from_leaf;     /* its events stand there or behind */
};
/* Obligations that the api has kept since it began, newest last: at most PO_API_KEPT_MAX. */
#define PO_API_KEPT_MAX 8192
size_t po_api_kept_count(const struct po_api *api);
const struct po_api_obligation *po_api_kept_at(const struct po_api *api, size_t i);

#define PO_API_UNMET_MAX 16
struct po_api_coverage {
    uint64_t obligations;
    uint64_t met; /* a correct event stands in the ledger */
    struct {
        size_t index;
        const char *why;       /* "no event", "another actor", … */
    } unmet[PO_API_UNMET_MAX]; /* the first of them */
    size_t unmet_count;
};
struct po_api_owed {
    const struct po_api_obligation *items;
    size_t count;
    uint64_t from_leaf; /* events before it are not looked at */
    bool *is_met;       /* of each, filled in; NULL: only counted */
};
/*
 * Hold obligations against the ledger (flushed): each needs an event with its request id, actor, tenant,
 * and of the type, action, resource and result that its route and outcome owe (duties.def).
 */
PO_RC po_api_coverage(struct po_ctx *cx, struct po_home *home, const struct po_api_owed *owed,
                      struct po_api_coverage *ret_coverage);
/* "setFlag": the route of an obligation; "" without one. */
const char *po_api_obligation_route(const struct po_api_obligation *owed);
const char *po_api_ended_name(enum po_api_ended outcome);

/* Operations that the api has counted since it began: requests that owe an event. */
uint64_t po_api_operations(const struct po_api *api);
/* Those of them that were not yet held against the ledger. */
uint64_t po_api_unsettled(const struct po_api *api);
/*
 * Hold the oldest of those against the ledger: at most `most`, and only when the home is flushed. What
 * was kept and is not there then never comes.
 *
 * Errors  PO_IO, PO_NOMEM, …: those not looked at stay for the next time
 * Cost    each event since the oldest of them began is opened and parsed once
 */
PO_RC po_api_settle(struct po_ctx *cx, struct po_api *api, uint64_t most);
/* Assessments of this process are told what this api has served (fact api.served), until it ends. */
void po_api_report(struct po_api *api);

/*
 * The drill of the API: each route x role x tenant x outcome, and inputs that are none, asked of a home of
 * its own. What the child does that assessments start; main.c comes here with its one argument.
 */
int po_api_drill_role_run(int argc, char **argv);

#endif
