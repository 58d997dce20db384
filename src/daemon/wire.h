/*
 * Frames between roles, and on the local socket.
 *
 * A frame is u32 length of what follows, u8 kind, u64 id, then fields: u8 number, u32 length, bytes; all
 * integers little endian. A LIST is u32 count, then u32 length and bytes of each. What a kind must and
 * may hold stands in wire_kinds.def, each field once; anything else is refused, and the side that sent
 * it is dropped. An answer bears the id of what it answers.
 *
 * Limits   named below and in wire_fields.def
 * Threads  an end belongs to one thread
 * Source   docs/spec/daemon.md 3
 */
#ifndef PO_DAEMON_WIRE_H
#define PO_DAEMON_WIRE_H

#include "core/buf.h"
#include "core/ctx.h"

#define PO_WIRE_BODY_BYTES_MAX ((size_t)16 << 20)
#define PO_WIRE_LIST_BYTES_MAX ((size_t)512 << 10)
#define PO_WIRE_LIST_MAX 128
#define PO_WIRE_FRAME_BYTES_MAX (PO_WIRE_BODY_BYTES_MAX + ((size_t)1 << 20))
/* What may wait to be sent to a peer that does not read; beyond it, it is dropped. */
#define PO_WIRE_OUT_BYTES_MAX ((size_t)64 << 20)
#define PO_WIRE_STREAM_WINDOW 32
#define PO_WIRE_HEAD_BYTES 13 /* length, kind, id */

enum po_wire_field {
#define X(name, number, type, bytes_max) PO_WIRE_##name,
#include "daemon/wire_fields.def"
#undef X
    PO_WIRE_FIELD_COUNT
};

enum po_wire_kind {
#define X(name, number, required, allowed) PO_WIRE_KIND_##name = (number),
#include "daemon/wire_kinds.def"
#undef X
};

/* One frame's content. Texts borrow: of a received frame until the next po_wire_end_next or _fill. */
struct po_wire_msg {
    enum po_wire_kind kind;
    uint64_t id;
    uint64_t has; /* bit of each field that is there */
    po_str text[PO_WIRE_FIELD_COUNT];
    uint64_t number[PO_WIRE_FIELD_COUNT];
    po_str list[PO_WIRE_LIST_MAX];
    size_t list_count;
};

const char *po_wire_kind_name(enum po_wire_kind kind); /* "unknown" for what is none */
bool po_wire_has(const struct po_wire_msg *msg, enum po_wire_field field);
void po_wire_begin(struct po_wire_msg *msg, enum po_wire_kind kind, uint64_t id);
void po_wire_set_text(struct po_wire_msg *msg, enum po_wire_field field, po_str text);
void po_wire_set_number(struct po_wire_msg *msg, enum po_wire_field field, uint64_t value);
/* PO_LIMIT when the list is full. */
PO_RC po_wire_add(struct po_wire_msg *msg, po_str item);

/*
 * Append one frame.
 *
 * Errors   PO_INVALID  a field that the kind must not, or does not, have;  PO_LIMIT  too long;  PO_NOMEM
 *          Nothing is appended then.
 */
PO_RC po_wire_put(const struct po_wire_msg *msg, struct po_buf *out);
/*
 * Read the first frame of `in`.
 *
 * ret_used  out  its bytes; 0: it is not whole yet, and nothing is in ret_msg
 * Errors    PO_INVALID  not a frame;  PO_LIMIT  longer than any may be
 */
PO_RC po_wire_get(po_str in, struct po_wire_msg *ret_msg, size_t *ret_used);

/* ---- one side of a connection: a non-blocking stream socket with what came and what waits --------- */

struct po_wire_end {
    int fd; /* owned; -1: not connected */
    struct po_buf in;
    size_t in_used; /* bytes at its front that were taken already */
    struct po_buf out;
    size_t out_sent;
};
void po_wire_end_init(struct po_wire_end *end, int fd);
/* Closes and wipes; `fd` is -1 afterwards, and it can be used with po_wire_end_init again. */
void po_wire_end_done(struct po_wire_end *end);
/*
 * Read what has come, at most 256 KiB. PO_CANCELED the other side has gone; PO_IO; PO_NOMEM.
 */
PO_RC po_wire_end_fill(struct po_ctx *cx, struct po_wire_end *end);
/*
 * Take the next whole frame.
 *
 * ret_has  out  false: none is there yet
 * Errors   PO_INVALID, PO_LIMIT  the peer does not speak this protocol: drop it
 */
PO_RC po_wire_end_next(struct po_ctx *cx, struct po_wire_end *end, struct po_wire_msg *ret_msg,
                       bool *ret_has);
/* Queue a frame; po_wire_end_flush sends it. As po_wire_put; PO_LIMIT also: too much waits. */
PO_RC po_wire_end_send(struct po_ctx *cx, struct po_wire_end *end, const struct po_wire_msg *msg);
/* Send what the socket takes. PO_CANCELED the other side has gone; PO_IO. */
PO_RC po_wire_end_flush(struct po_ctx *cx, struct po_wire_end *end);
/* Something waits to be sent: watch for EPOLLOUT. */
bool po_wire_end_is_waiting(const struct po_wire_end *end);

/* Send one frame and a descriptor with it, at once and whole, on a blocking or idle socket. PO_IO. */
PO_RC po_wire_send_fd(struct po_ctx *cx, int fd, const struct po_wire_msg *msg, int passed_fd);
/*
 * As po_wire_end_fill, for a channel on which descriptors come.
 *
 * ret_fd  out  one that came with it (close-on-exec, the caller's), or -1
 */
PO_RC po_wire_end_fill_fd(struct po_ctx *cx, struct po_wire_end *end, int *ret_fd);

#endif
