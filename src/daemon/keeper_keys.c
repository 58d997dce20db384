/*
 * The keeper's keys: questions of crypto/keyring_asks.def, answered from the key directory.
 *
 * Invariants
 *  1. one core is answered, the last that was linked.
 *  2. a question that is none costs its asker the link; it never ends the keeper.
 *  3. questions and answers are wiped when they have been read and sent.
 */
#include "daemon/keeper_priv.h"

#include "home/home.h"

#include <stdio.h>

#define QUESTION_ARENA_BYTES ((size_t)1 << 20)

static PO_RC find(struct po_ctx *cx, struct po_keeper_keys *keys, const char *root,
                  const char *instance)
{
    struct po_home_keys found = {0};
    PO_TRY(cx, po_home_keys_find(cx, root, &found));
    if (instance != NULL && strcmp(found.instance, instance) != 0)
        return PO_FAIL(cx, PO_DENIED,
                       "the home names another instance than when the service began");
    const struct po_ledger_signer_options options = {
        .path = found.signed_path, .origin = found.origin, .dir = found.ledger_dir};
    PO_TRY(cx, po_ledger_signer_new(cx, &options, &keys->signer));
    keys->desk.log = (struct po_keyring_log){
        .user = keys->signer, .state = po_ledger_signer_state, .sign = po_ledger_signer_sign};
    keys->desk.place = (struct po_keyring_place){.dir = found.dir, .credential = found.credential};
    keys->instance = found.instance;
    return po_rc_ok();
}

po_rc po_keeper_keys_find(struct po_ctx *cx, struct po_keeper_keys *keys, const char *root,
                          const char *instance)
{
    po_rc rc = find(cx, keys, root, instance);
    if (po_is_ok(rc) || rc.code == PO_NOMEM) return rc;
    (void)snprintf(keys->why, sizeof keys->why, "%s", po_err_msg(cx));
    keys->desk.why = keys->why;
    po_err_clear(cx);
    return po_rc_ok();
}

void po_keeper_keys_done(struct po_keeper_keys *keys)
{
    po_wire_end_done(&keys->link);
    po_keyring_freep(&keys->desk.keyring);
    po_ledger_signer_freep(&keys->signer);
}

void po_keeper_keys_link(struct po_keeper_keys *keys, int fd)
{
    po_wire_end_done(&keys->link);
    po_wire_end_init(&keys->link, fd);
}

static PO_RC answer(struct po_ctx *parent, struct po_keeper_keys *keys,
                    const struct po_wire_msg *question)
{
    struct po_ctx cx = {0};
    PO_CLEANUP(po_buf_wipe) struct po_buf body = {0};
    struct po_wire_msg msg;
    if (question->kind != PO_WIRE_KIND_KEYS_ASK)
        return PO_FAIL(parent, PO_INVALID, "core sent a frame '%s'",
                       po_wire_kind_name(question->kind));
    PO_TRY(parent, po_ctx_child_begin(parent, QUESTION_ARENA_BYTES, &cx));
    po_rc rc = po_keyring_answer(&cx, &keys->desk, question->text[PO_WIRE_KEYS], &body);
    PO_TRY(parent, po_ctx_child_end(parent, &cx, rc));
    po_wire_begin(&msg, PO_WIRE_KIND_KEYS_ANSWER, question->id);
    po_wire_set_text(&msg, PO_WIRE_KEYS, po_buf_str(&body));
    return po_wire_end_send(parent, &keys->link, &msg);
}

po_rc po_keeper_take_keys(struct po_ctx *cx, struct po_keeper_keys *keys)
{
    struct po_wire_msg msg;
    bool has = true;
    struct po_wire_end *link = &keys->link;
    PO_TRY(cx, po_wire_end_fill(cx, link));
    while (has) {
        PO_TRY(cx, po_wire_end_next(cx, link, &msg, &has));
        if (has) PO_TRY(cx, answer(cx, keys, &msg));
    }
    if (link->in.ptr != NULL && link->in_used == link->in.len) po_wipe(link->in.ptr, link->in.cap);
    return po_rc_ok();
}

po_rc po_keeper_keys_flush(struct po_ctx *cx, struct po_keeper_keys *keys)
{
    struct po_wire_end *link = &keys->link;
    if (link->fd < 0 || !po_wire_end_is_waiting(link)) return po_rc_ok();
    PO_TRY(cx, po_wire_end_flush(cx, link));
    if (link->out.ptr != NULL && !po_wire_end_is_waiting(link))
        po_wipe(link->out.ptr, link->out.cap);
    return po_rc_ok();
}
