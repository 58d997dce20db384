/*
 * Context of one request.
 */
#include "core/ctx.h"

#include "core/codec.h"
#include "core/random.h"

#include <stdio.h>

#define SESSION_RANDOM_BYTES 16
#define SESSION_PREFIX "run_"
#define ACTOR_SYSTEM "system"
_Static_assert(sizeof SESSION_PREFIX + 2 * SESSION_RANDOM_BYTES <= PO_SESSION_BYTES_MAX, "fits");
_Static_assert(sizeof ACTOR_SYSTEM <= PO_ACTOR_BYTES_MAX, "fits");

po_rc po_ctx_init(struct po_ctx *cx)
{
    *cx = (struct po_ctx){
        .clock = &po_clock_system,
        .tenant = PO_TENANT_DEFAULT,
        .channel = PO_CHANNEL_CLI,
        .actor = ACTOR_SYSTEM,
    };
    uint8_t id[SESSION_RANDOM_BYTES] = {0};
    PO_TRY_LEAF(cx, po_random_fill(id, sizeof id), "no randomness for the session's id");
    memcpy(cx->session, SESSION_PREFIX, sizeof SESSION_PREFIX);
    po_hex_encode(id, sizeof id, cx->session + sizeof SESSION_PREFIX - 1);
    cx->arena = po_arena_new(PO_CX_ARENA_BYTES_MAX);
    if (cx->arena == NULL) return PO_FAIL(cx, PO_NOMEM, "no memory for a request");
    return po_rc_ok();
}

void po_ctx_done(struct po_ctx *cx) { po_arena_freep(&cx->arena); }

po_rc po_ctx_child_begin(struct po_ctx *parent, size_t arena_bytes_max, struct po_ctx *ret_child)
{
    struct po_arena *arena = po_arena_new(arena_bytes_max);
    if (arena == NULL) return PO_FAIL(parent, PO_NOMEM, "no memory for a step");
    *ret_child = *parent;
    ret_child->arena = arena;
    po_err_clear(ret_child);
    return po_rc_ok();
}

po_rc po_ctx_child_end(struct po_ctx *parent, struct po_ctx *child, po_rc rc)
{
    if (!po_is_ok(rc)) parent->err = child->err;
    po_ctx_done(child);
    return rc;
}

void po_ctx_pulse(const struct po_ctx *cx)
{
    if (cx->pulse != NULL) cx->pulse(cx->pulse_user);
}

po_time_us po_ctx_now_us(const struct po_ctx *cx) { return cx->clock->now_us(cx->clock->user); }

const char *po_channel_name(enum po_channel channel)
{
    switch (channel) {
    case PO_CHANNEL_CLI: return "cli";
    case PO_CHANNEL_TIMER: return "timer";
    case PO_CHANNEL_API: return "api";
    case PO_CHANNEL_SYSLOG: return "syslog";
    }
    return "unknown";
}
