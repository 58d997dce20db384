/*
 * A server with a few routes, driven turn by turn on the fake clock; clients are socket pairs.
 *
 *   /echo       "METHOD path ?query body"          /status/NNN  that status
 *   /large      RIG_LARGE bytes                    /inject      a value with CR LF
 *   /later      answered by rig_answer             /events      an event stream
 *   /ws         a WebSocket that sends back        /asset       an asset with gzip and br
 *   /small      bodies of up to 10 bytes           /refused     403 before the body
 */
#ifndef PO_TESTS_UNIT_HTTP_RIG_H
#define PO_TESTS_UNIT_HTTP_RIG_H

#include "http/http.h"
#include "lib/test.h"

#define RIG_LARGE ((size_t)3 << 20)

struct rig {
    struct po_ctx *cx;
    struct po_http_server *server;
    po_http_id id; /* latest deferred request or stream */
    unsigned gone; /* ids that ended */
    uint16_t gone_code;
    unsigned handled;
    unsigned messages;
};

void rig_open(struct rig *rig, struct po_ctx *cx, const struct po_http_limits *limits);
/* As rig_open, for fault loops: the result of making the server. */
po_rc rig_try_open(struct rig *rig, struct po_ctx *cx, const struct po_http_limits *limits);
void rig_close(struct rig *rig);
#define RIG_AUTO PO_CLEANUP(rig_close) struct rig

int rig_connect(struct rig *rig, bool is_tls);
void rig_turns(struct rig *rig, int turns);
void rig_send(struct rig *rig, int fd, po_str bytes);
/* Turns until nothing more comes; the text of what came, and whether the end was seen. */
po_str rig_receive(struct rig *rig, int fd, bool *ret_is_closed);
/* Send, receive. */
po_str rig_ask(struct rig *rig, int fd, const char *text, bool *ret_is_closed);
void rig_advance_ms(struct rig *rig, int64_t ms);
unsigned rig_status(po_str response);
/* What follows the head. */
po_str rig_body(po_str response);

#endif
