/*
 * The server's own structs, shared by the files that serve connections.
 */
#ifndef PO_HTTP_SERVER_PRIV_H
#define PO_HTTP_SERVER_PRIV_H

#include "http/http.h"
#include "http/parse_priv.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#define PO_HTTP_IN_BYTES 32768 /* a head, and a window for content behind it */
#define PO_HTTP_OUT_BYTES 32768
#define PO_HTTP_WORKS_KEPT 64
#define PO_HTTP_EVENTS_MAX 256
#define PO_HTTP_ACCEPTS_MAX 64 /* of one listener in one turn */
#define PO_HTTP_READS_MAX 16   /* of one connection in one turn */
#define PO_HTTP_WHEEL_SLOTS 1024
#define PO_HTTP_TICK_US (50 * PO_US_PER_MS)
#define PO_HTTP_PEER_TEXT_BYTES 46
#define PO_HTTP_DRAIN_REST_MS 500 /* what is no whole request by then is none */
#define PO_HTTP_ACCEPT_PAUSE_US (100 * PO_US_PER_MS)

/* What a phase says to the driver of a connection. */
enum po_http_turn {
    PO_HTTP_GO,   /* look at the phase again */
    PO_HTTP_WAIT, /* for the socket, the handler or the clock */
    PO_HTTP_END   /* close it */
};

enum po_http_phase {
    PO_HTTP_PHASE_HANDSHAKE,
    PO_HTTP_PHASE_IDLE,
    PO_HTTP_PHASE_HEAD,
    PO_HTTP_PHASE_BODY,
    PO_HTTP_PHASE_HANDLE,
    PO_HTTP_PHASE_WRITE,
    PO_HTTP_PHASE_EVENTS,
    PO_HTTP_PHASE_SOCKET, /* a WebSocket */
    PO_HTTP_PHASE_LINGER
};

/* What one request needs; lent to a connection while bytes of a request are there. */
struct po_http_work {
    struct po_http_work *next;
    struct po_http_head head;
    struct po_http_request req;
    struct po_http_chunks chunks;
    size_t at;  /* all before it has been used */
    size_t len; /* bytes in `in` */
    char in[PO_HTTP_IN_BYTES];
};

struct po_http_list {
    struct po_http_list *prev;
    struct po_http_list *next;
};

struct po_http_conn {
    struct po_http_list timer; /* in a slot of the wheel */
    struct po_http_list idle;  /* in server->idle, oldest first */
    struct po_http_list ready; /* in server->ready */
    int fd;
    uint32_t slot;
    uint32_t generation; /* of the slot, against events of a closed connection */
    uint32_t tag;
    uint32_t events; /* what epoll is asked for */
    uint32_t requests;
    uint32_t peer; /* in server->peers; UINT32_MAX: not counted */
    enum po_http_phase phase;
    bool is_closed : 1;
    bool is_readable : 1; /* as far as we know */
    bool is_writable : 1;
    bool is_broken : 1;   /* sending failed: to be closed */
    bool close_after : 1; /* the response that is leaving is the last */
    bool has_refused : 1; /* then unread bytes are drained */
    bool wants_write : 1; /* TLS needs to write before it can go on */
    bool is_ending : 1;   /* a stream: close when sent */
    bool awaits_pong : 1;
    bool has_sent_close : 1;
    po_time_us deadline_us; /* 0: none */
    po_time_us due_us;      /* when the wheel looks at it */
    po_time_us stalled_us;  /* since when bytes wait to be sent; 0: none */
    uint64_t id;            /* of the present deferred request or stream; 0: none */
    uint64_t body_max;
    size_t drained; /* bytes dropped while lingering */
    SSL *ssl;
    struct po_http_work *work;
    struct po_http_ws *ws;
    struct po_buf body;
    struct po_buf out; /* waits to be sent, from out_at on; then `tail` */
    size_t out_at;
    struct po_buf big; /* a large body, owned */
    po_str tail;
    char peer_text[PO_HTTP_PEER_TEXT_BYTES];
};

enum po_http_mode {
    PO_HTTP_MODE_PLAIN,
    PO_HTTP_MODE_DEFER,
    PO_HTTP_MODE_EVENTS,
    PO_HTTP_MODE_SOCKET
};

struct po_http_response {
    struct po_http_server *server;
    struct po_http_conn *conn;
    const struct po_http_request *req;
    unsigned status;
    enum po_http_mode mode;
    bool is_head; /* to a HEAD: no content follows */
    bool is_bad;
    bool has_static;
    bool has_type;
    bool close_after;
    struct po_buf fields;
    struct po_buf body;
    po_str fixed;
    po_str protocol;
};

struct po_http_listener {
    int fd;
    bool is_tls;
    uint32_t tag;
};

struct po_http_watched {
    int fd; /* -1: free */
    uint32_t generation;
    po_http_watch *watch;
    void *user;
};

struct po_http_peer {
    uint8_t key[16];
    uint32_t count;
    uint32_t next;
};
struct po_http_peers {
    struct po_http_peer *all;
    uint32_t *buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t free;
    uint64_t seed;
};

struct po_http_server {
    struct po_http_config config;
    struct po_http_limits limits;
    const struct po_clock *clock;
    po_time_us now_us; /* monotonic, as of this turn */
    int epoll_fd;
    bool is_draining;
    bool has_paused; /* listeners wait for descriptors */
    po_time_us pause_until_us;
    po_time_us drain_us;
    po_time_us rest_us; /* draining: the deadline of what waits for its client */
    size_t listener_count;
    struct po_http_listener listeners[PO_HTTP_LISTENERS_MAX];
    struct po_http_watched watches[PO_HTTP_WATCHES_MAX];
    struct po_http_conn **conns; /* by slot; NULL: free */
    uint32_t *free_slots;
    uint32_t free_count;
    uint32_t generation;
    uint64_t serial;
    struct po_http_peers peers;
    struct po_http_list wheel[PO_HTTP_WHEEL_SLOTS];
    int64_t tick;
    size_t timer_count;
    struct po_http_list idle;
    struct po_http_list ready;
    struct po_http_conn *dead; /* freed at the end of the turn; linked by timer.next */
    struct po_http_work *works;
    uint32_t work_count;
    uint64_t bodies_bytes;
    struct po_http_response res;    /* what a handler fills */
    struct po_http_response answer; /* what po_http_answer gives */
    struct po_buf scratch;          /* a head on its way out */
    char *window;                   /* PO_HTTP_IN_BYTES for streams */
    int64_t date_s;
    char date[32];
    SSL_CTX *tls;
    BIO_METHOD *bio;
    struct po_http_stats stats;
};

/* ---- lists and timers (timer.c) ---------------------------------------------------------------- */

void po_http_list_init(struct po_http_list *list);
void po_http_list_add(struct po_http_list *list, struct po_http_list *item); /* at the end */
void po_http_list_remove(struct po_http_list *item); /* nothing when in none */
bool po_http_list_is_empty(const struct po_http_list *list);
void po_http_timer_init(struct po_http_server *server);
/* `ms` from now; 0: none. */
void po_http_timer_set(struct po_http_server *server, struct po_http_conn *conn, int64_t ms);
/* Draining began: unless the server is at work for it, the client has PO_HTTP_DRAIN_REST_MS left. */
void po_http_timer_drain(struct po_http_server *server, struct po_http_conn *conn);
void po_http_timer_remove(struct po_http_server *server, struct po_http_conn *conn);
/* The next connection whose deadline has passed, taken out of the wheel; NULL: none. */
struct po_http_conn *po_http_timer_next(struct po_http_server *server);
/* Until something is due, at most max_ms; -1: nothing is. */
int po_http_timer_wait_ms(const struct po_http_server *server, int max_ms);

/* ---- counting by address (peer.c) -------------------------------------------------------------- */

PO_RC po_http_peers_init(struct po_ctx *cx, struct po_http_peers *peers, uint32_t max);
void po_http_peers_done(struct po_http_peers *peers);
/* Count one more; false when there are `max` already. */
bool po_http_peers_take(struct po_http_peers *peers, const uint8_t key[static 16], uint32_t max,
                        uint32_t *ret_peer);
void po_http_peers_give(struct po_http_peers *peers, uint32_t peer);
/* Key and text of an address; false: not counted by address (unix). */
bool po_http_peer_of(const struct sockaddr_storage *address, uint8_t ret_key[static 16],
                     char ret_text[static PO_HTTP_PEER_TEXT_BYTES]);

/* ---- connections (conn.c, conn_read.c, conn_write.c) --------------------------------------------- */

/* Takes fd in any case. */
PO_RC po_http_conn_new(struct po_ctx *cx, struct po_http_server *server, int fd, bool is_tls,
                       struct po_http_conn **ret_conn);
/* Tell the handler, let go of everything; the struct stays until the end of the turn. */
void po_http_conn_close(struct po_ctx *cx, struct po_http_server *server,
                        struct po_http_conn *conn);
/* Go on as far as it goes. */
void po_http_conn_run(struct po_ctx *cx, struct po_http_server *server, struct po_http_conn *conn);
void po_http_conn_expire(struct po_ctx *cx, struct po_http_server *server,
                         struct po_http_conn *conn);
void po_http_conn_make_ready(struct po_http_server *server, struct po_http_conn *conn);
void po_http_conn_phase(struct po_http_server *server, struct po_http_conn *conn,
                        enum po_http_phase phase, int64_t ms);
struct po_http_conn *po_http_conn_of_id(const struct po_http_server *server, po_http_id id);
bool po_http_conn_take_work(struct po_http_server *server, struct po_http_conn *conn);
void po_http_conn_give_work(struct po_http_server *server, struct po_http_conn *conn);
/* > 0 bytes, 0 the end, -1 nothing now, -2 broken. */
ssize_t po_http_conn_recv(struct po_http_server *server, struct po_http_conn *conn, char *buf,
                          size_t len);
ssize_t po_http_conn_send(struct po_http_server *server, struct po_http_conn *conn, po_str bytes);

enum po_http_turn po_http_read_head(struct po_ctx *cx, struct po_http_server *server,
                                    struct po_http_conn *conn);
enum po_http_turn po_http_read_body(struct po_ctx *cx, struct po_http_server *server,
                                    struct po_http_conn *conn);
enum po_http_turn po_http_read_linger(struct po_http_server *server, struct po_http_conn *conn);

/* Send or keep. */
void po_http_out(struct po_http_server *server, struct po_http_conn *conn, po_str bytes);
bool po_http_out_is_empty(const struct po_http_conn *conn);
size_t po_http_out_waiting(const struct po_http_conn *conn);
/* Send what waits. GO: all sent. */
enum po_http_turn po_http_flush(struct po_http_server *server, struct po_http_conn *conn);
enum po_http_turn po_http_write(struct po_ctx *cx, struct po_http_server *server,
                                struct po_http_conn *conn);
/* Begin to send a response of the present request. */
void po_http_respond(struct po_http_server *server, struct po_http_conn *conn,
                     struct po_http_response *res);
/* Answer with a problem of this status and end the connection. */
enum po_http_turn po_http_refuse(struct po_http_server *server, struct po_http_conn *conn,
                                 unsigned status);
/* The request has been answered: make room for the next. */
void po_http_request_end(struct po_http_server *server, struct po_http_conn *conn);

/* ---- responses (response.c) ---------------------------------------------------------------------- */

void po_http_response_init(struct po_http_response *res);
void po_http_response_done(struct po_http_response *res);
void po_http_response_begin(struct po_http_response *res, struct po_http_server *server,
                            struct po_http_conn *conn);
/* The head as it leaves, in server->scratch; false: it does not fit or memory is out. */
bool po_http_response_write_head(struct po_http_response *res, bool closes);
const char *po_http_status_text(unsigned status);
po_str po_http_response_content(const struct po_http_response *res);

/* ---- streams (stream.c) -------------------------------------------------------------------------- */

uint64_t po_http_new_id(struct po_http_server *server, const struct po_http_conn *conn);
enum po_http_turn po_http_run_events(struct po_http_server *server, struct po_http_conn *conn);
enum po_http_turn po_http_run_socket(struct po_ctx *cx, struct po_http_server *server,
                                     struct po_http_conn *conn);
/* The response's head has been queued: become the stream. */
void po_http_stream_begin(struct po_http_server *server, struct po_http_conn *conn,
                          const struct po_http_response *res);
enum po_http_turn po_http_stream_tick(struct po_http_server *server, struct po_http_conn *conn);
void po_http_socket_close(struct po_http_server *server, struct po_http_conn *conn, uint16_t code);

/* ---- TLS (tls.c) --------------------------------------------------------------------------------- */

PO_RC po_http_tls_attach(struct po_ctx *cx, struct po_http_server *server,
                         struct po_http_conn *conn);
enum po_http_turn po_http_tls_handshake(struct po_http_server *server, struct po_http_conn *conn);
ssize_t po_http_tls_recv(struct po_http_conn *conn, char *buf, size_t len);
ssize_t po_http_tls_send(struct po_http_conn *conn, po_str bytes);
void po_http_tls_end(struct po_http_conn *conn); /* close_notify, when there is room for it */

#endif
