/* The list of host calls of a run, and answering from such a list. */
#ifndef PO_PROGRAM_CALLS_PRIV_H
#define PO_PROGRAM_CALLS_PRIV_H

#include "program/program.h"

/* An entry longer than this stands in the list by its digest alone, and cannot be replayed. */
#define PO_CALL_BYTES_MAX ((size_t)64 << 10)

struct po_calls {
    struct po_buf list; /* "[" entry "," entry ... */
    uint64_t calls_max; /* how many a run may make: room is kept for all their digests */
    po_str latest;      /* the entry that was added last; borrowed until the next */
    enum po_code status;
};
void po_calls_init(struct po_calls *calls, uint64_t calls_max);
void po_calls_done(struct po_calls *calls);
/* Errors stay in calls->status, as in a buffer. */
void po_calls_add(struct po_calls *calls, const struct po_script_host_call *call,
                  const struct po_script_host_answer *answer);
/* Close the list: JSON in the arena, and its SHA-256. */
PO_RC po_calls_end(struct po_ctx *cx, struct po_calls *calls, po_str *ret_json,
                   uint8_t ret_digest[static PO_SHA256_BYTES]);

/* A list as it was recorded. */
struct po_replay {
    po_str text;
    const struct po_json *next;
    size_t count;
    const char *why; /* how the run first left the list; NULL: it has not */
};
PO_RC po_replay_open(struct po_ctx *cx, po_str calls_json, struct po_replay *ret_replay);
/*
 * The recorded answer of this call: its value into ret_json, or its error as the result.
 *
 * Errors   PO_CONFLICT the list has another call, or none, at this place (replay->why says what);
 *          PO_DENIED, PO_IO the recorded error
 */
PO_RC po_replay_answer(struct po_ctx *cx, struct po_replay *replay,
                       const struct po_script_host_call *call, struct po_buf *ret_json,
                       const char **ret_kind);
/* PO_CONFLICT when the run left the list, or did not ask all of it. */
PO_RC po_replay_end(struct po_ctx *cx, const struct po_replay *replay);

#endif
