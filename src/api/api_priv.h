/*
 * Inside the API: a row of the route table, one call, and the steps a call goes through.
 *
 * envelope -> route -> rate -> who -> same origin -> members -> may they -> precondition -> replay ->
 * handler or command -> response -> record
 */
#ifndef PO_API_API_PRIV_H
#define PO_API_API_PRIV_H

#include "api/api.h"
#include "core/json.h"
#include "home/home.h"
#include "identity/credential.h"
#include "identity/identity.h"
#include "store/store.h"

#define PO_API_PARAMS_MAX 10
#define PO_API_SEGMENTS_MAX 8
#define PO_API_LIST_VALUES_MAX 40
#define PO_API_PAGE_DEFAULT 100
#define PO_API_PAGE_MAX 1000
#define PO_API_KEY_BYTES_MAX 128 /* of an Idempotency-Key */
#define PO_API_KEY_LIFE_US PO_US_PER_DAY
#define PO_API_NAME_BYTES_SHOWN 64 /* of a name that a client sent, in a problem */

/* ---- the route table --------------------------------------------------------------------------- */

enum po_api_in { PO_API_IN_PATH, PO_API_IN_QUERY, PO_API_IN_BODY };
enum po_api_type { PO_API_STR, PO_API_INT, PO_API_BOOL, PO_API_LIST };

/* What a text may look like: name, pattern (for the document), longest. */
#define PO_API_SHAPE_TABLE(X)                                                                      \
    X(TEXT, "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$", 1024)            \
    X(SECRET, "", 4096)                                                                            \
    X(WORD, "^[A-Za-z0-9][A-Za-z0-9_.:@-]*$", 128)                                                 \
    X(WORD_OR_DASH, "^[A-Za-z0-9_-]+$", 128)                                                       \
    X(ID, "^[a-z][a-z][a-z]_[0-9A-Za-z]+$", 40)                                                    \
    X(SCOPE, "^[a-z][a-z0-9_.]*[*]?$", 64)                                                         \
    X(EVENT, "^[a-z][a-z0-9_.]*$", 64)                                                             \
    X(PROGRAM, "^[A-Za-z0-9][A-Za-z0-9_-]*([./][A-Za-z0-9][A-Za-z0-9_-]*)*$", 512)                 \
    X(VKEY, "^[A-Za-z0-9][A-Za-z0-9_./+=-]*$", 512)                                                \
    X(REPORT, "^R-[0-9A-Za-z-]+$", 64)                                                             \
    X(TIME, "^[0-9A-Za-z:.-]+$", 40)                                                               \
    X(CURSOR, "^[0-9a-z-]+$", 64)                                                                  \
    X(EMAIL, "^[^\\u0000-\\u0020\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]+$", 254)

enum po_api_shape {
#define X(id, pattern, max) PO_API_SHAPE_##id,
    PO_API_SHAPE_TABLE(X)
#undef X
        PO_API_SHAPE_COUNT
};

/* `to`: where a command takes it. */
#define PO_API_TO_OPERAND ""
#define PO_API_TO_HANDLER NULL

struct po_api_param {
    const char *name; /* NULL ends the list */
    enum po_api_in in;
    enum po_api_type type;
    enum po_api_shape shape;
    bool is_required;
    const char *to;      /* "--as-of", PO_API_TO_OPERAND, PO_API_TO_HANDLER */
    const char *choices; /* "a|b|c"; NULL: any of the shape */
    int64_t min;         /* of an INT */
    int64_t max;
    const char *doc;
};

enum po_api_access {
    PO_API_PUBLIC,  /* nobody need be known */
    PO_API_OWN,     /* whoever is signed in, on what is theirs */
    PO_API_DECIDED, /* po_access_check */
};
enum po_api_scope { PO_API_OF_TENANT, PO_API_OF_INSTANCE };

/* Classes of rates: name, burst, per minute, what is counted. */
#define PO_API_RATE_TABLE(X)                                                                       \
    X(AUTH, "auth", 30, 30)                                                                        \
    X(READ, "read", 600, 3000)                                                                     \
    X(WRITE, "write", 120, 600)                                                                    \
    X(RUN, "run", 30, 60)                                                                          \
    X(EXPORT, "export", 6, 6)                                                                      \
    X(STREAM, "stream", 30, 60)                                                                    \
    X(REFUSED, "refused", 120, 120)                                                                \
    X(STRANGERS, "strangers", 1200, 600) /* refusals of all who are not known that are recorded */ \
    X(KEYS, "keys", 1000, 2)             /* Idempotency-Key: a tenant has 10,000 a day */          \
    X(SIGN_INS, "sign-ins", 1200, 1200)  /* steps of signing in, of all addresses */

enum po_api_rate {
#define X(id, name, burst, per_minute) PO_API_RATE_##id,
    PO_API_RATE_TABLE(X)
#undef X
        PO_API_RATE_COUNT
};

/* What a command's output is, and what becomes of it. */
enum po_api_result_kind {
    PO_API_RESULT_OBJECT, /* a JSON object, as it is */
    PO_API_RESULT_LIST,   /* {"data":[…]}: pages of it */
    PO_API_RESULT_EVENTS, /* likewise, newest last: pages by leaf, newest first */
    PO_API_RESULT_ITEM,   /* the row of a list whose `pick` is the path's value */
    PO_API_RESULT_ONE,    /* the only row of a list */
    PO_API_RESULT_RUN,    /* {"passed":…,"result":…} */
    PO_API_RESULT_DONE,   /* text for people: {"message":…}; 204 without a schema */
    PO_API_RESULT_TEXT,   /* text for programs: text/plain */
    PO_API_RESULT_SECRET  /* as ONE, with a secret: never kept for a replay */
};

struct po_api_call;
typedef po_rc po_api_handler(struct po_ctx *cx, struct po_api_call *call);

struct po_api_route {
    enum po_http_method method;
    const char *path;   /* below PO_API_PREFIX: "/controls/{control}" */
    const char *id;     /* operationId */
    const char *action; /* what is decided upon; required */
    enum po_api_access access;
    enum po_api_scope scope;
    uint32_t body_bytes_max; /* 0: no body */
    enum po_api_rate rate;
    const char *command;     /* "control show"; or NULL with a handler */
    const char *fixed;       /* an option always given: "--dry-run"; or NULL */
    po_api_handler *handler; /* NULL with a command */
    enum po_api_result_kind result;
    const char *pick;     /* of RESULT_ITEM: the column */
    const char *schema;   /* component of the response */
    const char *resource; /* kind in events, "control" */
    const char
        *etag_of; /* id of the GET route whose ETag If-Match must be; NULL: no precondition */
    const char *summary;
    struct po_api_param params[PO_API_PARAMS_MAX];
};
/* The whole table, in the order of the document. */
size_t po_api_route_count(void);
const struct po_api_route *po_api_route_at(size_t i);
size_t po_api_route_index(const struct po_api_route *route);
const struct po_api_route *po_api_route_find(const char *id);

/* One table of each file. */
struct po_api_routes {
    const struct po_api_route *rows;
    size_t count;
};
extern const struct po_api_routes po_api_routes_content;
extern const struct po_api_routes po_api_routes_programs;
extern const struct po_api_routes po_api_routes_people;
extern const struct po_api_routes po_api_routes_auth;

/* Segments of a request's path that stood for {names}, in order. */
struct po_api_match {
    const struct po_api_route *route; /* NULL: none of that path and method */
    po_str values[PO_API_SEGMENTS_MAX];
    size_t value_count;
    unsigned methods; /* bit of each method the path has */
};
void po_api_match(po_str path, enum po_http_method method, struct po_api_match *ret_match);

/* Response schemas in short: docs/spec/api.md 9. NULL when unknown. */
const char *po_api_schema_text(const char *name);
struct po_api_schema {
    const char *name;
    const char *text; /* "id:str clauses:int? criteria:str[]" */
};
const struct po_api_schema *po_api_schemas(size_t *ret_count);

/* ---- one call ---------------------------------------------------------------------------------- */

struct po_api_value {
    const struct po_api_param *param;
    po_str text;
    int64_t integer;
    bool boolean;
    const po_str *list;
    size_t list_count;
};

enum po_api_by { PO_API_BY_NOBODY, PO_API_BY_TOKEN, PO_API_BY_SESSION };

struct po_api_call {
    struct po_api *api;
    const struct po_api_request *req;
    struct po_api_response *res;
    struct po_api_match match;
    const struct po_api_route *route; /* NULL: the request names none */
    struct po_identity identity;
    enum po_api_by by;
    struct po_api_value values[PO_API_PARAMS_MAX];
    size_t value_count;
    po_str resource; /* "control:IAM-01" */
    /* of the problem to come */
    unsigned status;    /* 0: the code's own */
    const char *detail; /* public; NULL: none */
    po_str member;      /* query parameter, member or field at fault */
    uint32_t retry_after_s;
    const char *rule; /* of a denial */
    po_rc rc;         /* of the steps */
    bool is_head;
    bool is_recorded; /* an event of this request is queued */
    bool owes_nothing;
    bool is_granted;      /* a privileged action was allowed, which is an event */
    bool is_replayed;     /* a kept answer was given again */
    bool is_refused_late; /* what the row did is recorded, its answer was then refused */
    uint64_t from_leaf;   /* of the ledger when it began */
    bool is_kept;         /* an Idempotency-Key is taken: kept_hash */
    uint8_t kept_hash[PO_SHA256_BYTES];
};

const struct po_api_value *po_api_value(const struct po_api_call *call, const char *name);
/* Text of a member; empty when not given. */
po_str po_api_text(const struct po_api_call *call, const char *name);

/* Give the problem its public words, and fail: `return po_api_refuse(cx, call, PO_INVALID, "…", m);` */
PO_RC po_api_refuse(struct po_ctx *cx, struct po_api_call *call, enum po_code code,
                    const char *detail, po_str member);
/* As above with a status of its own. */
PO_RC po_api_refuse_as(struct po_ctx *cx, struct po_api_call *call, unsigned status,
                       enum po_code code, const char *detail);
/* Fill the response with the problem of `rc`. */
void po_api_problem(struct po_ctx *cx, struct po_api_call *call, po_rc rc);

/* Add a field; `value` lives as long as the response. */
void po_api_set(struct po_api_response *res, enum po_http_name name, po_str value);
PO_RC po_api_json(struct po_ctx *cx, struct po_api_call *call, unsigned status);

/* envelope.c: is it what a front may send at all? */
PO_RC po_api_envelope_check(struct po_ctx *cx, struct po_api_call *call);
/* Does the URL hold what looks like a credential? */
bool po_api_url_has_secret(const struct po_api_request *req);

/* params.c: members of path, query and body into call->values. */
PO_RC po_api_params_path(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_params_read(struct po_ctx *cx, struct po_api_call *call);
bool po_api_is_json(po_str content_type);
bool po_api_shape_fits(enum po_api_shape shape, po_str text);
const char *po_api_shape_pattern(enum po_api_shape shape);
size_t po_api_shape_max(enum po_api_shape shape);

/* command.c: argv from the values, the row's run, the response from its output. */
PO_RC po_api_argv(struct po_ctx *cx, const struct po_api_call *call, const char *const **ret_argv,
                  int *ret_argc);
PO_RC po_api_command(struct po_ctx *cx, struct po_api_call *call);
/* list.c: a list's pages, one item of it. */
PO_RC po_api_page(struct po_ctx *cx, struct po_api_call *call, po_str json);
PO_RC po_api_page_events(struct po_ctx *cx, struct po_api_call *call, po_str json);
PO_RC po_api_one(struct po_ctx *cx, struct po_api_call *call, po_str json);
PO_RC po_api_pick(struct po_ctx *cx, struct po_api_call *call, po_str json);

/* who.c: the caller by credential, and whether the request comes from our own pages. */
PO_RC po_api_who(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_same_origin(struct po_ctx *cx, struct po_api_call *call);

/* rate.c */
struct po_api_rates;
struct po_api_rates *po_api_rates_new(void);
void po_api_rates_free(struct po_api_rates *rates);
/* Take one of `who`'s: 0, or seconds to wait. */
uint32_t po_api_rate_take(struct po_api_rates *rates, enum po_api_rate rate, po_str who,
                          po_time_us now_us);
const char *po_api_rate_name(enum po_api_rate rate);

/* etag.c */
PO_RC po_api_etag(struct po_ctx *cx, po_str body, po_str *ret_etag);
/* Does a list of entity tags (or "*") hold this one? */
bool po_api_etag_in(po_str list, po_str etag, bool is_weak);
PO_RC po_api_precondition(struct po_ctx *cx, struct po_api_call *call);
/* ETag of a GET's response, 304 when the client has it. */
PO_RC po_api_etag_respond(struct po_ctx *cx, struct po_api_call *call);

/* idempotency.c */
PO_RC po_api_replay_begin(struct po_ctx *cx, struct po_api_call *call, bool *ret_is_replayed);
PO_RC po_api_replay_end(struct po_ctx *cx, struct po_api_call *call);

/* record.c: what a request owes the ledger. */
PO_RC po_api_record(struct po_ctx *cx, struct po_api_call *call, enum po_event_type type,
                    enum po_event_result result, po_rc why);
/* Rises with each event, queued or in the ledger. */
PO_RC po_api_event_mark(struct po_ctx *cx, const struct po_api *api, uint64_t *ret_mark);
void po_api_keep(const struct po_ctx *cx, const struct po_api_call *call, po_rc rc);

/* coverage.c */
uint64_t po_api_resource_hash(po_str resource);
/* Whether duties.def has a line of the route, and only of routes that there are. */
bool po_api_has_duty(const struct po_api_route *route);
bool po_api_duty_routes_exist(void);

/* ---- the api ----------------------------------------------------------------------------------- */

/* A request that waits for a keeper. */
struct po_api_waiting {
    uint64_t ticket; /* 0: free */
    const struct po_api_route *route;
    struct po_identity identity;
    enum po_api_by by;
    struct po_credential_job job;
    char request_id[PO_REQUEST_BYTES_MAX];
    char actor[PO_ACTOR_BYTES_MAX];
    char session[PO_SESSION_BYTES_MAX];
    char ip[PO_IP_BYTES_MAX];
    po_tenant_id tenant;
};
/* The response asks core for the job's work; the job's secrets are taken. */
PO_RC po_api_wait(struct po_ctx *cx, struct po_api_call *call, struct po_credential_job *job);
/* auth_routes.c: the work is done. */
PO_RC po_api_finish(struct po_ctx *cx, struct po_api_call *call,
                    const struct po_credential_job *job, const struct po_credential_answer *answer);

struct po_api_stream;

/* Since the api began. */
struct po_api_served {
    uint64_t operations; /* requests that owed an event */
    uint64_t past_authentication;
    uint64_t named; /* of those: with a person's or service account's id */
};

/* Of those operations, the first ones have been held against the ledger. */
struct po_api_settled {
    uint64_t count;
    uint64_t recorded;
    struct {
        uint16_t route;
        enum po_api_ended outcome;
        const char *why;
    } wrong[PO_API_UNMET_MAX]; /* the newest */
    uint64_t wrong_count;      /* of all */
};
/* The same of one tenant: what its people and events are told. */
struct po_api_of_tenant {
    po_tenant_id tenant;
    struct po_api_served served;
    struct po_api_settled settled;
    uint64_t dropped; /* requests over their rate, not yet told in an event */
};
/* settle.c: strangers are the default tenant's. */
struct po_api_of_tenant *po_api_of_tenant(struct po_api *api, po_tenant_id tenant);
/* settle.c: the oldest operation is forgotten, looked at or not. */
void po_api_settle_forget(struct po_api *api);
void po_api_report_end(const struct po_api *api);

struct po_api {
    struct po_home *home;
    po_api_run *run;
    struct po_api_rates *rates;
    struct po_api_waiting *waiting; /* PO_API_WAITING_MAX */
    struct po_api_stream *streams;  /* PO_API_STREAMS_MAX */
    struct po_api_obligation *kept; /* ring of PO_API_KEPT_MAX */
    size_t kept_first;
    size_t kept_count;
    po_time_us since_us;           /* wall clock */
    struct po_api_served served;   /* of all tenants */
    struct po_api_settled settled; /* likewise */
    uint64_t last_ticket;
    uint64_t last_stream;
    struct po_api_of_tenant *tenants; /* PO_STORE_TENANTS_MAX: those that asked something */
    size_t tenant_count;
};

#endif
