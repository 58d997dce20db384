/*
 * Core asks the keeper: the one place where it waits for another role.
 *
 * Invariants
 *  1. one question is under way; its answer, or the end of the link, comes before the next.
 *  2. while core waits here it acts on nothing but pings, STOP and the link to the keeper: what else the
 *     supervisor says is held, in order, until the turn goes on (an action may be half done meanwhile).
 *  3. a keeper that is gone is waited for PO_CORE_KEYS_WAIT_US, then the question is PO_BUSY. Every question
 *     may be asked again, so one whose answer was lost is.
 *
 * Source   docs/spec/daemon.md 4, docs/spec/keys.md 8
 */
#include "daemon/core_priv.h"

#include "core/log.h"
#include "core/sys.h"

#include <errno.h>
#include <poll.h>

#define HELD_BYTES_MAX ((size_t)64 << 10)

#ifdef PO_FAULTS
static const struct po_keyring_asker *test_asker;
void po_core_test_keys(const struct po_keyring_asker *asker) { test_asker = asker; }
bool po_core_test_has_keys(void) { return test_asker != NULL; }
#else
static const struct po_keyring_asker *const test_asker = NULL;
#endif

/* ---- the link ----------------------------------------------------------------------------------- */

static void wipe_sent(struct po_wire_end *end)
{
    if (end->out.ptr != NULL && !po_wire_end_is_waiting(end)) po_wipe(end->out.ptr, end->out.cap);
}

static void wipe_read(struct po_wire_end *end)
{
    if (end->in.ptr != NULL && end->in_used == end->in.len) po_wipe(end->in.ptr, end->in.cap);
}

void po_core_keys_link(struct po_core *core, int fd)
{
    po_wire_end_done(&core->keys);
    po_wire_end_init(&core->keys, fd);
}

static PO_RC wait_for(struct po_ctx *cx, int fd, short events, po_time_us until_us)
{
    po_time_us left_us = until_us - po_core_now_us(cx);
    struct pollfd polled = {.fd = fd, .events = events};
    if (left_us <= 0) return PO_FAIL(cx, PO_BUSY, "the keeper does not answer");
    int count = po_sys_poll(&polled, 1, (int)((left_us + PO_US_PER_MS - 1) / PO_US_PER_MS));
    if (count < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for the keeper");
    return po_rc_ok();
}

/* ---- what the supervisor says meanwhile ----------------------------------------------------------- */

static PO_RC hold(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    if (core->held.max == 0) po_buf_init(&core->held, HELD_BYTES_MAX);
    PO_TRY_LEAF(cx, po_wire_put(msg, &core->held), "too much to remember while the keeper is away");
    core->held_links += msg->kind == PO_WIRE_KIND_LINK;
    core->has_more = true;
    return po_rc_ok();
}

static PO_RC take_meanwhile(struct po_ctx *cx, struct po_core *core, const struct po_wire_msg *msg)
{
    bool is_keys = msg->kind == PO_WIRE_KIND_LINK &&
                   po_str_eq_cstr(msg->text[PO_WIRE_ROLE], PO_DAEMON_LINK_KEYS);
    bool is_now = is_keys || msg->kind == PO_WIRE_KIND_PING || msg->kind == PO_WIRE_KIND_STOP;
    return is_now ? po_core_take_message(cx, core, msg, core->held_links) : hold(cx, core, msg);
}

static PO_RC read_meanwhile(struct po_ctx *cx, struct po_core *core)
{
    struct po_wire_msg msg;
    bool has = true;
    PO_TRY(cx, po_core_fill_control(cx, core));
    while (has) {
        PO_TRY(cx, po_wire_end_next(cx, &core->control, &msg, &has));
        if (has) PO_TRY(cx, take_meanwhile(cx, core, &msg));
    }
    return po_rc_ok();
}

po_rc po_core_take_held(struct po_ctx *cx, struct po_core *core)
{
    struct po_wire_msg msg;
    size_t used = 0;
    PO_BUF_AUTO held = core->held; /* what is taken may ask the keeper again, and hold more */
    core->held = (struct po_buf){0};
    core->held_links = 0;
    for (po_str rest = po_buf_str(&held); rest.len > 0; rest = po_str_slice(rest, used, rest.len)) {
        PO_TRY_LEAF(cx, po_wire_get(rest, &msg, &used), "what was held is no frame");
        if (used == 0) return PO_FAIL(cx, PO_BUG, "what was held is no frame");
        PO_TRY(cx, po_core_take_message(cx, core, &msg, 0));
    }
    return po_rc_ok();
}

/* The supervisor starts a dead keeper again, and links it. */
static PO_RC wait_for_link(struct po_ctx *cx, struct po_core *core, po_time_us until_us)
{
    while (core->keys.fd < 0) {
        PO_TRY(cx, wait_for(cx, core->control.fd, POLLIN, until_us));
        po_rc rc = read_meanwhile(cx, core);
        if (!po_is_ok(rc)) core->is_over = true; /* nobody would start the keeper again */
        if (rc.code == PO_CANCELED)
            return PO_FAIL(cx, PO_BUSY, "the service is ending: the keeper is not asked any more");
        PO_TRY(cx, rc);
    }
    return po_rc_ok();
}

/* ---- asking --------------------------------------------------------------------------------------- */

static PO_RC send_question(struct po_ctx *cx, struct po_core *core, po_str request,
                           po_time_us until_us)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_KEYS_ASK, ++core->keys_serial);
    po_wire_set_text(&msg, PO_WIRE_KEYS, request);
    PO_TRY(cx, po_wire_end_send(cx, &core->keys, &msg));
    for (;;) {
        PO_TRY(cx, po_wire_end_flush(cx, &core->keys));
        if (!po_wire_end_is_waiting(&core->keys)) break;
        PO_TRY(cx, wait_for(cx, core->keys.fd, POLLOUT, until_us));
    }
    wipe_sent(&core->keys);
    return po_rc_ok();
}

static PO_RC take_answer(struct po_ctx *cx, struct po_core *core, struct po_buf *answer,
                         bool *ret_has)
{
    struct po_wire_msg msg;
    do { /* an earlier question that was given up may be answered late */
        PO_TRY(cx, po_wire_end_next(cx, &core->keys, &msg, ret_has));
        if (!*ret_has) return po_rc_ok();
    } while (msg.kind == PO_WIRE_KIND_KEYS_ANSWER && msg.id < core->keys_serial);
    if (msg.kind != PO_WIRE_KIND_KEYS_ANSWER || msg.id != core->keys_serial)
        return PO_FAIL(cx, PO_INVALID, "a %s frame from keeper", po_wire_kind_name(msg.kind));
    po_buf_append(answer, msg.text[PO_WIRE_KEYS]);
    wipe_read(&core->keys);
    PO_TRY_LEAF(cx, po_buf_check(answer), "the keeper's answer is too long");
    return po_rc_ok();
}

static PO_RC ask_once(struct po_ctx *cx, struct po_core *core, po_str request,
                      struct po_buf *answer, po_time_us until_us)
{
    bool has = false;
    PO_TRY(cx, send_question(cx, core, request, until_us));
    for (;;) {
        /* An answer that came before the end of the link counts. */
        po_rc filled = po_wire_end_fill(cx, &core->keys);
        PO_TRY(cx, take_answer(cx, core, answer, &has));
        if (has) {
            po_err_clear(cx);
            return po_rc_ok();
        }
        PO_TRY(cx, filled);
        PO_TRY(cx, wait_for(cx, core->keys.fd, POLLIN, until_us));
    }
}

po_rc po_core_ask_keys(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer)
{
    struct po_core *core = user;
    po_time_us until_us = po_core_now_us(cx) + PO_CORE_KEYS_WAIT_US;
    if (test_asker != NULL) return test_asker->ask(cx, test_asker->user, request, answer);
    for (;;) {
        PO_TRY(cx, wait_for_link(cx, core, until_us));
        po_rc rc = ask_once(cx, core, request, answer, until_us);
        if (po_is_ok(rc) || rc.code == PO_NOMEM) return rc;
        po_core_keys_broken(cx, core, rc);
        if (rc.code == PO_BUSY) return PO_FAIL(cx, PO_BUSY, "the keeper does not answer");
        if (rc.code != PO_CANCELED && rc.code != PO_IO)
            return PO_FAIL(cx, PO_BUSY, "the keeper answered what is no answer");
        po_buf_clear(answer);
    }
}

bool po_core_has_keys(struct po_ctx *cx, struct po_core *core)
{
    if (test_asker != NULL) return true;
    if (core->keys.fd < 0) return false;
    po_rc rc = po_wire_end_fill(cx, &core->keys); /* nothing comes but the end */
    if (po_is_ok(rc)) return true;
    po_core_keys_broken(cx, core, rc);
    return false;
}
