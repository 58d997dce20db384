/*
 * Between the loop (server.c) and the listeners (listen.c).
 */
#ifndef PO_HTTP_LOOP_PRIV_H
#define PO_HTTP_LOOP_PRIV_H

#include "http/server_priv.h"

enum po_http_event_kind { PO_HTTP_EVENT_CONN, PO_HTTP_EVENT_LISTENER, PO_HTTP_EVENT_WATCH };
/* What epoll gives back with an event. */
uint64_t po_http_event_key(enum po_http_event_kind kind, uint32_t generation, uint32_t index);
void po_http_listener_accept(struct po_ctx *cx, struct po_http_server *server,
                             const struct po_http_listener *listener);
void po_http_listeners_close(struct po_http_server *server);
/* Stop or go on asking for new connections (there are no descriptors left). */
void po_http_listeners_pause(struct po_http_server *server, bool is_paused);

#endif
