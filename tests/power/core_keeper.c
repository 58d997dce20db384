/*
 * The keeper of a core under test, in core's own process: see core_keeper.h.
 */
#include "power/core_keeper.h"

#include "daemon/core_priv.h"
#include "daemon/keeper_priv.h"

#ifdef PO_FAULTS

#define ARENA_BYTES ((size_t)1 << 20)
#define CRASHES_EACH 5 /* questions */

static struct po_keeper_keys keys = {.link.fd = -1};
static struct po_ctx places; /* keeps what keys borrows */
static const char *root;
static uint64_t questions;

void core_keeper_end(void)
{
    po_keeper_keys_done(&keys);
    po_ctx_done(&places);
    keys = (struct po_keeper_keys){.link.fd = -1};
    places = (struct po_ctx){0};
}

static void start(void)
{
    core_keeper_end();
    po_wire_end_init(&keys.link, -1);
    if (!po_is_ok(po_ctx_init(&places))) return;
    po_ignore(po_keeper_keys_find(&places, &keys, root, NULL), "it then has no keys, and says so");
}

static po_rc answer_once(struct po_ctx *cx, po_str request, struct po_buf *answer)
{
    struct po_ctx child = {0};
    PO_CLEANUP(po_buf_wipe) struct po_buf made = {0};
    PO_TRY(cx, po_ctx_child_begin(cx, ARENA_BYTES, &child));
    po_rc rc = po_keyring_answer(&child, &keys.desk, request, &made);
    PO_TRY(cx, po_ctx_child_end(cx, &child, rc));
    po_buf_clear(answer);
    po_buf_append(answer, po_buf_str(&made));
    return po_buf_check(answer);
}

/* Now and then it dies when it has done what was asked, and the next one is asked again. */
static po_rc answer(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer)
{
    (void)user;
    if (keys.signer == NULL) start(); /* a fault kept it from starting */
    PO_TRY(cx, answer_once(cx, request, answer));
    if (++questions % CRASHES_EACH != 0) return po_rc_ok();
    start();
    return answer_once(cx, request, answer);
}

void core_keeper_begin(const char *home)
{
    static const struct po_keyring_asker asker = {.ask = answer};
    root = home;
    start();
    po_core_test_keys(&asker);
}

#endif
