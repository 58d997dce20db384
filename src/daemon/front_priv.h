/*
 * Inside of the front.
 */
#ifndef PO_DAEMON_FRONT_PRIV_H
#define PO_DAEMON_FRONT_PRIV_H

#include "daemon/front.h"
#include "daemon/metrics.h"
#include "daemon/pages.h"
#include "daemon/wire.h"

/* Tags of listeners: req->listener, and LISTENER of a REQUEST frame. */
#define PO_FRONT_PUBLIC 0
#define PO_FRONT_MANAGEMENT 1

#define PO_FRONT_BODY_BYTES_MAX ((uint64_t)1 << 20)
#define PO_FRONT_AUTH_BODY_BYTES_MAX ((uint64_t)16 << 10)
/* More than this waiting to be read by core: requests are answered 503. */
#define PO_FRONT_CHANNEL_BYTES_MAX ((size_t)8 << 20)
/* A request that core has not answered in this time is answered 503 (docs/spec/http.md 4). */
#define PO_FRONT_ANSWER_MS 30000
#define PO_FRONT_PROBE_US (2 * PO_US_PER_S)
#define PO_FRONT_TICK_US (500 * PO_US_PER_MS)
#define PO_FRONT_DRAIN_MS 8000
#define PO_FRONT_RETRY_S 1

#define PO_FRONT_PROXY_BYTES_MAX 46 /* INET6_ADDRSTRLEN */

/* ---- options (front_options.c) -------------------------------------------------------------- */

struct po_front_listener {
    char text[PO_FRONT_ADDRESS_BYTES_MAX]; /* the address alone, or the path of a unix socket */
    uint16_t port;
    bool is_unix;
    bool is_tls;
    uint32_t tag;
};
struct po_front_options {
    struct po_front_listener listeners[PO_FRONT_LISTENERS_MAX + 1];
    size_t listener_count;
    const char *home;
    const char *state; /* directory of the instance's keys */
    struct po_http_tls tls;
    po_str names[PO_FRONT_NAMES_MAX];
    size_t name_count;
    char proxies[PO_FRONT_PROXIES_MAX][PO_FRONT_PROXY_BYTES_MAX]; /* as peers are spelled */
    size_t proxy_count;
    uint64_t rate_percent;
    bool has_management; /* given, or "none" */
};
/* Borrows from argv. PO_USAGE. */
PO_RC po_front_options_read(struct po_ctx *cx, int argc, char **argv,
                            struct po_front_options *ret_options);
/* "127.0.0.1:7443", "[::1]:0". PO_USAGE. */
PO_RC po_front_address_read(struct po_ctx *cx, const char *text,
                            struct po_front_listener *ret_listener);
bool po_front_address_is_loopback(const char *address);
/* Where the certificate of this home is, without opening the home: the directory of its keys. */
PO_RC po_front_state_dir(struct po_ctx *cx, const char *home, const char **ret_dir);

/* ---- rates (front_rate.c) ------------------------------------------------------------------- */

#define PO_FRONT_RATE_SLOTS 8192 /* addresses remembered; the longest unused makes room */
#define PO_FRONT_RATE_PROBES 8

/* An address: IPv4 as mapped IPv6, of IPv6 the first 64 bits, all zero for unix sockets. */
struct po_front_rate_slot {
    uint8_t key[16];
    bool is_used;
    po_time_us last_us;
    po_time_us next_us[PO_FRONT_CLASS_COUNT]; /* GCRA: when the bucket would be full again */
};
struct po_front_rates {
    struct po_front_rate_slot *slots;
    uint64_t seed;
    uint64_t percent;
};
PO_RC po_front_rates_init(struct po_ctx *cx, struct po_front_rates *rates, uint64_t percent);
void po_front_rates_done(struct po_front_rates *rates);
/* 0: go on; else how many seconds to wait. `peer` is the text of an address, or "unix". */
uint32_t po_front_rate_take(struct po_front_rates *rates, po_str peer, enum po_front_class class,
                            po_time_us now_us);

/* ---- what core works on (front_flow.c) ------------------------------------------------------ */

enum po_front_flow_state { PO_FLOW_FREE, PO_FLOW_WAITS, PO_FLOW_EVENTS, PO_FLOW_SOCKET };
enum po_front_flow_kind { PO_FLOW_REQUEST, PO_FLOW_READY, PO_FLOW_METRICS };

struct po_front_flow {
    uint64_t id;     /* of its frames */
    po_http_id http; /* of the request, then of the stream */
    enum po_front_flow_state state;
    enum po_front_flow_kind kind;
    enum po_front_class class;
    bool is_tls;
    po_time_us since_us;
    uint32_t next_by_id; /* in its chain; UINT32_MAX ends */
    uint32_t next_by_http;
};
struct po_front_flows {
    struct po_front_flow *all;
    uint32_t *by_id;
    uint32_t *by_http;
    uint32_t free;
    uint64_t serial;
    uint64_t waiting;
    uint64_t streams;
};
PO_RC po_front_flows_init(struct po_ctx *cx, struct po_front_flows *flows);
void po_front_flows_done(struct po_front_flows *flows);
/* NULL: too many. State WAITS, an id of its own. */
struct po_front_flow *po_front_flow_add(struct po_front_flows *flows, po_http_id http);
struct po_front_flow *po_front_flow_find(struct po_front_flows *flows, uint64_t id);
struct po_front_flow *po_front_flow_of_http(struct po_front_flows *flows, po_http_id http);
/* The request has become a stream of that id. */
void po_front_flow_open(struct po_front_flows *flows, struct po_front_flow *flow, po_http_id http,
                        enum po_front_flow_state state);
void po_front_flow_remove(struct po_front_flows *flows, struct po_front_flow *flow);

/* ---- the front ------------------------------------------------------------------------------ */

struct po_front {
    struct po_front_options options;
    struct po_http_server *server;
    struct po_wire_end control; /* the supervisor */
    struct po_wire_end core;
    struct po_front_rates rates;
    struct po_front_flows flows;
    struct po_metrics metrics;
    struct po_pages pages;
    po_time_us started_us;
    po_time_us tick_us;
    bool is_stopping;
    bool is_over; /* the supervisor has gone */
};

po_time_us po_front_now_us(const struct po_ctx *cx); /* monotonic */
bool po_front_has_core(const struct po_front *front);

/* front_serve.c */
void po_front_handle(struct po_ctx *cx, void *user, const struct po_http_request *req,
                     struct po_http_response *res);
void po_front_admit(void *user, const struct po_http_request *req, struct po_http_admission *ret);
enum po_front_class po_front_class_of(enum po_http_method method, po_str path);
/* A name or value in this query is a credential, or it cannot be read. */
bool po_front_query_has_secret(struct po_ctx *cx, po_str query);
/* A proxy whose X-Forwarded-For and -Proto are believed; `address` in its one spelling, or "unix". */
bool po_front_is_trusted(const struct po_front_options *options, po_str address);
/* Who asks: the peer, or whom a trusted proxy names. False: the field is malformed. */
bool po_front_client_of(const struct po_front_options *options, po_str peer, po_str forwarded,
                        po_str *ret_client);
/* The fields that every answer has; those of `mask` were set already. */
#define PO_FRONT_HAS(name) ((uint64_t)1 << PO_HTTP_##name)
void po_front_secure(struct po_http_response *res, bool is_tls, uint64_t mask);
/* A problem of our own, counted. */
struct po_front_refusal {
    unsigned status;
    const char *title;
    uint32_t retry_after_s;
    enum po_front_class class;
    bool is_tls;
};
void po_front_refuse(struct po_front *front, struct po_http_response *res,
                     const struct po_front_refusal *refusal);

/* front_forward.c */
void po_front_forward(struct po_ctx *cx, struct po_front *front, const struct po_http_request *req,
                      struct po_http_response *res);
/* All that core has sent. PO_INVALID: it does not speak the protocol; PO_CANCELED: gone. */
PO_RC po_front_take(struct po_ctx *cx, struct po_front *front);
/* Core is gone: whoever waits is told so, streams end. */
void po_front_core_lost(struct po_ctx *cx, struct po_front *front);
void po_front_gone(struct po_ctx *cx, void *user, po_http_id id, uint16_t ws_code);

/* front_manage.c */
void po_front_manage(struct po_ctx *cx, struct po_front *front, const struct po_http_request *req,
                     struct po_http_response *res);
/* Core's figures for a probe that waits; empty: none came in time. */
void po_front_stats(struct po_ctx *cx, struct po_front *front, struct po_front_flow *flow,
                    po_str json);
/* Probes that have waited long enough. */
void po_front_tick(struct po_ctx *cx, struct po_front *front);
/* Figures of core as samples: {"ledger_size":7} is paulyops_ledger_size 7. */
void po_front_figures(struct po_ctx *cx, po_str json, struct po_buf *out);

/* front_fence.c */
PO_RC po_front_lock_in(struct po_ctx *cx, const struct po_front *front);

#endif
