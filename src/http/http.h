/*
 * HTTP/1.1, server-sent events and WebSocket on epoll and OpenSSL: one loop, one thread.
 *
 * A handler gets a parsed request and fills a response; it never sees a socket. It may answer at
 * once, later (po_http_defer), or open a stream. What the server accepts and refuses, and every
 * deadline, stands in docs/spec/http.md.
 *
 * Limits   named below; those of struct po_http_limits are set per server
 * Threads  a server and all its objects belong to one thread
 * Source   docs/spec/http.md, RFC 9110, RFC 9112, RFC 6455
 * Control  CC6.6 CC6.7
 */
#ifndef PO_HTTP_HTTP_H
#define PO_HTTP_HTTP_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/str.h"

#define PO_HTTP_HEAD_BYTES_MAX 16384
#define PO_HTTP_TARGET_BYTES_MAX 8192
#define PO_HTTP_FIELDS_MAX 100
#define PO_HTTP_NAME_BYTES_MAX 64
#define PO_HTTP_LENGTH_DIGITS_MAX 15
#define PO_HTTP_CHUNK_DIGITS_MAX 8
#define PO_HTTP_BODY_BYTES_MAX ((uint64_t)64 << 20) /* no route may allow more */
#define PO_HTTP_RESPONSE_HEAD_BYTES_MAX 16384
#define PO_HTTP_RESPONSE_BODY_BYTES_MAX ((size_t)64 << 20)
#define PO_HTTP_RATE_BYTES_MIN 65536 /* each such piece adds a second to body and write deadlines */
#define PO_HTTP_LINGER_MS 1000
#define PO_HTTP_LINGER_BYTES_MAX ((size_t)256 << 10)
#define PO_HTTP_LISTENERS_MAX 16
#define PO_HTTP_WATCHES_MAX 16
#define PO_HTTP_CONNECTIONS_MAX 65536
#define PO_HTTP_WS_FRAGMENTS_MAX 1024
#define PO_HTTP_WS_CONTROL_BYTES_MAX 125

/* ---- request ------------------------------------------------------------------------------- */

enum po_http_method {
    PO_HTTP_GET,
    PO_HTTP_HEAD,
    PO_HTTP_POST,
    PO_HTTP_PUT,
    PO_HTTP_PATCH,
    PO_HTTP_DELETE,
    PO_HTTP_OPTIONS,
    PO_HTTP_METHOD_COUNT
};
const char *po_http_method_name(enum po_http_method method);

/* Names the connection of one request or stream; never reused. 0 is none. */
typedef struct po_http_id {
    uint64_t value;
} po_http_id;

struct po_http_field {
    po_str name; /* lower case */
    po_str value;
};

/* A whole request; everything is borrowed until the handler returns, or until it has been answered. */
struct po_http_request {
    enum po_http_method method;
    uint8_t minor;    /* HTTP/1.0 or 1.1 */
    bool is_asterisk; /* OPTIONS *: path is "*" */
    bool is_tls;
    bool wants_websocket; /* a well-formed upgrade: po_http_websocket may be called */
    po_str path;          /* decoded, one spelling, begins with '/' */
    po_str query;         /* as sent, without '?' */
    po_str host;          /* without port, as sent; "" in 1.0 */
    uint16_t port;        /* 0: none given */
    po_str body;
    po_str peer;       /* "192.0.2.1", "2001:db8::1", "unix" */
    uint32_t listener; /* tag of po_http_listen: which listener it came by */
    const struct po_http_head *head;
};
size_t po_http_field_count(const struct po_http_request *req);
struct po_http_field po_http_field_at(const struct po_http_request *req, size_t i);
/*
 * The value of the only field of that name (lower case): PO_NOTFOUND when there is none, PO_INVALID
 * when there are several.
 */
PO_RC po_http_field_get(const struct po_http_request *req, po_str name, po_str *ret_value);
/*
 * Cut the next pair off a query and decode it into the arena ('+' is a blank): false at the end.
 * PO_INVALID in *ret_rc for control bytes, bad triplets or what is not UTF-8; PO_NOMEM.
 */
bool po_http_query_next(struct po_ctx *cx, po_str *rest, struct po_http_field *ret_pair,
                        po_rc *ret_rc);
/*
 * The value of one cookie: PO_NOTFOUND; PO_INVALID when it stands there twice, its value is malformed
 * or there are several Cookie fields. Other cookies are not looked at.
 */
PO_RC po_http_cookie_get(const struct po_http_request *req, po_str name, po_str *ret_value);

/* ---- response ------------------------------------------------------------------------------ */

/* The fields a handler may set; framing and connection fields are the writer's. */
#define PO_HTTP_NAME_TABLE(X)                                                                      \
    X(ACCESS_CONTROL_ALLOW_CREDENTIALS, "Access-Control-Allow-Credentials")                        \
    X(ACCESS_CONTROL_ALLOW_HEADERS, "Access-Control-Allow-Headers")                                \
    X(ACCESS_CONTROL_ALLOW_METHODS, "Access-Control-Allow-Methods")                                \
    X(ACCESS_CONTROL_ALLOW_ORIGIN, "Access-Control-Allow-Origin")                                  \
    X(ACCESS_CONTROL_MAX_AGE, "Access-Control-Max-Age")                                            \
    X(ALLOW, "Allow")                                                                              \
    X(CACHE_CONTROL, "Cache-Control")                                                              \
    X(CLEAR_SITE_DATA, "Clear-Site-Data")                                                          \
    X(CONTENT_DISPOSITION, "Content-Disposition")                                                  \
    X(CONTENT_ENCODING, "Content-Encoding")                                                        \
    X(CONTENT_LANGUAGE, "Content-Language")                                                        \
    X(CONTENT_SECURITY_POLICY, "Content-Security-Policy")                                          \
    X(CONTENT_TYPE, "Content-Type")                                                                \
    X(CROSS_ORIGIN_EMBEDDER_POLICY, "Cross-Origin-Embedder-Policy")                                \
    X(CROSS_ORIGIN_OPENER_POLICY, "Cross-Origin-Opener-Policy")                                    \
    X(CROSS_ORIGIN_RESOURCE_POLICY, "Cross-Origin-Resource-Policy")                                \
    X(ETAG, "ETag")                                                                                \
    X(IDEMPOTENCY_KEY, "Idempotency-Key")                                                          \
    X(LAST_MODIFIED, "Last-Modified")                                                              \
    X(LINK, "Link")                                                                                \
    X(LOCATION, "Location")                                                                        \
    X(PERMISSIONS_POLICY, "Permissions-Policy")                                                    \
    X(RATELIMIT_LIMIT, "RateLimit-Limit")                                                          \
    X(RATELIMIT_REMAINING, "RateLimit-Remaining")                                                  \
    X(RATELIMIT_RESET, "RateLimit-Reset")                                                          \
    X(REFERRER_POLICY, "Referrer-Policy")                                                          \
    X(RETRY_AFTER, "Retry-After")                                                                  \
    X(SET_COOKIE, "Set-Cookie")                                                                    \
    X(STRICT_TRANSPORT_SECURITY, "Strict-Transport-Security")                                      \
    X(VARY, "Vary")                                                                                \
    X(WWW_AUTHENTICATE, "WWW-Authenticate")                                                        \
    X(X_CONTENT_TYPE_OPTIONS, "X-Content-Type-Options")                                            \
    X(X_FRAME_OPTIONS, "X-Frame-Options")                                                          \
    X(X_REQUEST_ID, "X-Request-Id")

enum po_http_name {
#define X(id, text) PO_HTTP_##id,
    PO_HTTP_NAME_TABLE(X)
#undef X
        PO_HTTP_NAME_COUNT
};

struct po_http_response;

/* 200 to 599 (default 200); what is outside makes the response a 500. */
void po_http_status(struct po_http_response *res, unsigned status);
/* What it is now. */
unsigned po_http_status_get(const struct po_http_response *res);
/* Add one field; a value with a control byte or above 0x7e makes the response a 500. */
void po_http_set(struct po_http_response *res, enum po_http_name name, po_str value);
/* Append to the body (copied). */
void po_http_body(struct po_http_response *res, po_str bytes);
/* The body, to be written into; borrowed until the response leaves. */
struct po_buf *po_http_body_buf(struct po_http_response *res);
/* The whole body, not copied: it must stay as long as the server, e.g. embedded files. */
void po_http_body_static(struct po_http_response *res, po_str bytes);
/* A problem document (RFC 9457) of this status; `title` is public text, NULL: the status's own. */
void po_http_problem(struct po_http_response *res, unsigned status, const char *title);
/* End the connection after this response. */
void po_http_close_after(struct po_http_response *res);
/* Not now: the answer comes by po_http_answer with this id. The request stays until then. */
po_http_id po_http_defer(struct po_http_response *res);
/* Open an event stream: the response's fields are sent, then po_http_event writes to this id. */
po_http_id po_http_events(struct po_http_response *res);
/*
 * Take the upgrade (req->wants_websocket); `protocol` must be one the client offered, or empty.
 * When it is not, the response becomes a 400. Messages arrive in handler.message.
 */
po_http_id po_http_websocket(struct po_http_response *res, po_str protocol);

/* ---- server -------------------------------------------------------------------------------- */

/* 0: the default of docs/spec/http.md. */
struct po_http_limits {
    uint32_t connections_max;
    uint32_t address_connections_max;
    uint32_t requests_max; /* of one connection */
    int64_t tls_ms;
    int64_t head_ms;
    int64_t body_ms;
    int64_t handle_ms;
    int64_t write_ms;
    int64_t idle_ms;
    int64_t ws_ping_ms;
    uint64_t body_bytes_max;       /* where admit says nothing; 1 MiB */
    uint64_t bodies_bytes_max;     /* of all requests at one time; 64 MiB */
    uint64_t stream_bytes_max;     /* waiting to be sent on one stream; 1 MiB */
    uint64_t ws_message_bytes_max; /* received; 64 KiB */
};

/* What admit says of a request whose body has not been read. */
struct po_http_admission {
    unsigned status;         /* 0: go on; else the refusal, which ends the connection */
    uint64_t body_bytes_max; /* preset to the server's */
};

enum po_http_message { PO_HTTP_MESSAGE_TEXT, PO_HTTP_MESSAGE_BINARY };

/* `cx` in these is the loop's: what needs memory of its own takes po_ctx_child_begin. */
struct po_http_handler {
    void *user;
    /* The head is complete. NULL: everything goes on. */
    void (*admit)(void *user, const struct po_http_request *req, struct po_http_admission *ret);
    /* Fill the response. Never NULL. */
    void (*handle)(struct po_ctx *cx, void *user, const struct po_http_request *req,
                   struct po_http_response *res);
    /* A WebSocket message; text is UTF-8. NULL: messages are dropped. */
    void (*message)(struct po_ctx *cx, void *user, po_http_id id, enum po_http_message kind,
                    po_str bytes);
    /* A stream ended, or the client of a deferred request is gone: the id is no more. May be NULL. */
    void (*gone)(struct po_ctx *cx, void *user, po_http_id id, uint16_t ws_code);
};

struct po_http_server;
struct po_http_config {
    struct po_http_handler handler;
    struct po_http_limits limits;
};

/* The clock is cx's and is borrowed. PO_NOMEM, PO_IO, PO_INVALID (limits), PO_CRYPTO. */
PO_RC po_http_server_new(struct po_ctx *cx, const struct po_http_config *config,
                         struct po_http_server **ret_server);
/* Closes everything at once; the handler is not called any more. */
void po_http_server_free(struct po_http_server *server);
void po_http_server_freep(struct po_http_server **server);

struct po_http_listen {
    const char *address;   /* "127.0.0.1", "::1"; NULL: unix_path */
    uint16_t port;         /* 0: any free one */
    const char *unix_path; /* a leftover socket there is replaced; another file is not */
    uint16_t unix_mode;    /* of the socket; 0: 0600 */
    bool is_tls;           /* po_http_tls_load comes first */
    uint32_t tag;          /* req->listener */
};
/*
 * Errors  PO_BUSY  the address is in use;  PO_DENIED;  PO_INVALID  no address;  PO_LIMIT;  PO_IO
 */
PO_RC po_http_server_listen(struct po_ctx *cx, struct po_http_server *server,
                            const struct po_http_listen *listen, uint16_t *ret_port);
/*
 * A connected non-blocking stream socket (socket activation, tests): the server's from now on, closed
 * on failure. It counts for no address.
 */
PO_RC po_http_server_adopt(struct po_ctx *cx, struct po_http_server *server, int fd, bool is_tls);

/* One turn of the loop: wait up to wait_ms (-1: for ever) for something, and do it. PO_IO. */
PO_RC po_http_server_step(struct po_ctx *cx, struct po_http_server *server, int wait_ms);
/* Readable when a step has something to do: for a loop around this one. */
int po_http_server_fd(const struct po_http_server *server);

/* Called when `fd` is readable (or has failed). */
typedef void po_http_watch(struct po_ctx *cx, void *user, int fd);
/* Let the loop look at another descriptor, borrowed, until po_http_server_unwatch. PO_LIMIT, PO_IO. */
PO_RC po_http_server_watch(struct po_ctx *cx, struct po_http_server *server, int fd,
                           po_http_watch *watch, void *user);
void po_http_server_unwatch(struct po_http_server *server, int fd);

/* Take no more connections; end as docs/spec/http.md 4 says, at the latest after within_ms. */
void po_http_server_drain(struct po_ctx *cx, struct po_http_server *server, int64_t within_ms);
bool po_http_server_is_drained(const struct po_http_server *server);

struct po_http_stats {
    uint64_t accepted;
    uint64_t refused_total;   /* too many connections */
    uint64_t refused_address; /* too many of one address */
    uint64_t evicted;         /* idle ones closed in favour of new ones */
    uint64_t requests;
    uint64_t malformed; /* refused by the parser */
    uint64_t timeouts;
    uint64_t handshakes_failed;
    uint64_t open; /* now */
    uint64_t bytes_in;
    uint64_t bytes_out;
};
struct po_http_stats po_http_server_stats(const struct po_http_server *server);

/* ---- deferred answers and streams ---------------------------------------------------------- */

/* An empty response for a deferred request; NULL when its client is gone. Ended by _send. */
struct po_http_response *po_http_answer(struct po_http_server *server, po_http_id id);
void po_http_answer_send(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                         struct po_http_response *res);
struct po_http_event {
    po_str id;
    po_str name;
    po_str data; /* UTF-8 */
};
/*
 * One event; empty id, name: left out. PO_NOTFOUND the stream is gone; PO_BUSY it has not taken what
 * was sent before (stream_bytes_max): nothing was sent; PO_INVALID; PO_NOMEM.
 */
PO_RC po_http_event(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                    const struct po_http_event *event);
/* A WebSocket message; errors as above. */
PO_RC po_http_message_send(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                           enum po_http_message kind, po_str bytes);
/* End a stream; `ws_code` 1000-4999 for a WebSocket, ignored for events. */
void po_http_stream_close(struct po_ctx *cx, struct po_http_server *server, po_http_id id,
                          uint16_t ws_code);

/* ---- TLS ----------------------------------------------------------------------------------- */

#define PO_HTTP_PEM_BYTES_MAX (64 << 10) /* of a certificate with its chain, of a key */
#define PO_HTTP_FINGERPRINT_BYTES 96     /* 32 hex pairs, colons, NUL */
struct po_http_tls {
    const char *cert_path; /* PEM, leaf first */
    const char *key_path;  /* PEM; refused when others may read it */
    bool allows_tls12;
};
/*
 * Read certificate and key; new handshakes use them from now on (also as a reload).
 *
 * Errors  PO_NOTFOUND;  PO_DENIED  key readable by others;  PO_INVALID  not PEM, key and certificate
 *         do not belong together;  PO_EXPIRED;  PO_CRYPTO. Nothing changes then.
 */
PO_RC po_http_tls_load(struct po_ctx *cx, struct po_http_server *server,
                       const struct po_http_tls *tls,
                       char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES]);

struct po_http_cert_names {
    const po_str *names; /* host names and addresses, 1 to 16; the first is the subject too */
    size_t count;
};
/*
 * Make a self-signed certificate and its key (docs/spec/http.md 7). PO_EXISTS when a file is there;
 * PO_INVALID a name; PO_CRYPTO; PO_IO.
 */
PO_RC po_http_cert_create(struct po_ctx *cx, const struct po_http_tls *where,
                          const struct po_http_cert_names *names,
                          char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES]);
PO_RC po_http_cert_fingerprint(struct po_ctx *cx, const char *cert_path,
                               char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES]);

/* ---- static assets ------------------------------------------------------------------------- */

/* One embedded file; bodies live as long as the server. */
struct po_http_asset {
    po_str type; /* Content-Type */
    po_str identity;
    po_str gzip; /* empty: none */
    po_str brotli;
    char etag[33]; /* hex; filled by po_http_asset_init */
};
PO_RC po_http_asset_init(struct po_http_asset *asset);
/* 200 or 304; the caller adds Cache-Control and security fields. */
void po_http_asset_respond(const struct po_http_request *req, const struct po_http_asset *asset,
                           struct po_http_response *res);

#endif
