/*
 * Events of credentials: who, why and how often, and nothing that could be used to sign in.
 *
 * Accounts and sources are named by their keyed tokens, so that attempts can be joined and nobody's
 * address stands in them.
 */
#include "core/codec.h"
#include "core/json.h"
#include "home/home.h"
#include "identity/credential_priv.h"

#define DETAIL_BYTES_MAX 4096

static void put_text(struct po_json_out *out, const char *key, const char *text)
{
    if (text != NULL) po_json_out_field(out, key, po_str_of(text));
}

static void put_token(struct po_json_out *out, const char *key,
                      const uint8_t token[static PO_KEY_TOKEN_BYTES])
{
    char hex[2 * PO_KEY_TOKEN_BYTES + 1];
    po_hex_encode(token, PO_KEY_TOKEN_BYTES, hex);
    po_json_out_field(out, key, po_str_of(hex));
}

static po_rc write_detail(struct po_ctx *cx, const struct po_auth_note *note, po_str *ret_detail)
{
    PO_BUF_AUTO text = {0};
    struct po_json_out out;
    po_buf_init(&text, DETAIL_BYTES_MAX);
    po_json_out_init(&out, &text, 0);
    po_json_out_object(&out);
    put_text(&out, "reason", note->reason);
    put_text(&out, "method", note->method);
    if (note->attempt != NULL) {
        if (note->attempt->has_account) put_token(&out, "account", note->attempt->account);
        put_token(&out, "source", note->attempt->source);
    }
    if (note->lockout != NULL) {
        po_json_out_field_int(&out, "account_failures", note->lockout->account_failures);
        po_json_out_field_int(&out, "source_failures", note->lockout->source_failures);
    }
    po_json_out_object_end(&out);
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory for an event");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), ret_detail),
                "out of request memory");
    return po_rc_ok();
}

po_rc po_auth_event(struct po_ctx *cx, const struct po_auth_note *note, struct po_event *ret_event)
{
    const bool has_user = note->user != NULL && note->user[0] != '\0';
    struct po_event event = {
        .type = note->type, .action = po_str_of(note->action), .result = note->result};
    const char *resource =
        has_user ? po_arena_printf(cx->arena, "user:%s", note->user) : "user:unknown";
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    event.resource = po_str_of(resource);
    if (note->session != NULL && note->session[0] != '\0') {
        event.user_id = event.resource; /* proven now */
        event.session_id = po_str_of(note->session);
    }
    PO_TRY(cx, write_detail(cx, note, &event.detail));
    *ret_event = event;
    return po_rc_ok();
}

po_rc po_auth_queue(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                    const struct po_auth_note *note)
{
    struct po_event event;
    PO_TRY(cx, po_auth_event(cx, note, &event));
    return po_home_queue(cx, home, tx, &event);
}

po_rc po_auth_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                     const struct po_auth_note *note)
{
    struct po_event event;
    PO_TRY(cx, po_auth_event(cx, note, &event));
    return po_home_commit(cx, home, tx, &event);
}

static po_rc queue_lock(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                        const struct po_auth_note *failure, const char *what)
{
    struct po_auth_note note = *failure;
    note.type = PO_EVENT_TYPE_AUTH_LOCKED;
    note.action = "lock";
    note.result = PO_EVENT_SUCCESS;
    note.reason = what;
    return po_auth_queue(cx, home, tx, &note);
}

po_rc po_auth_fail_in(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                      const struct po_auth_note *note)
{
    struct po_lockout_result lockout;
    struct po_auth_note full = *note;
    PO_TRY(cx, po_lockout_fail(cx, tx, note->attempt, &lockout));
    full.type = PO_EVENT_TYPE_AUTH_FAILED;
    full.result = PO_EVENT_FAILURE;
    full.lockout = &lockout;
    if (lockout.is_account_locked)
        PO_TRY(cx, queue_lock(cx, home, tx, &full, "failures of the account"));
    if (lockout.is_source_locked)
        PO_TRY(cx, queue_lock(cx, home, tx, &full, "failures from the source"));
    return po_auth_commit(cx, home, tx, &full);
}

po_rc po_auth_fail(struct po_ctx *cx, struct po_home *home, const struct po_auth_note *note)
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    return po_auth_fail_in(cx, home, tx, note);
}

po_rc po_auth_check_open(struct po_ctx *cx, struct po_home *home, const struct po_auth_note *note)
{
    if (po_home_read_only_reason(home) != NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "nobody can sign in while the home is read-only: %s",
                       po_home_read_only_reason(home));
    po_rc rc = po_lockout_check(cx, home, note->attempt);
    if (rc.code != PO_RATE) return rc;
    const struct po_err refused = cx->err;
    po_err_clear(cx);
    struct po_auth_note full = *note;
    struct po_event event;
    full.type = PO_EVENT_TYPE_AUTH_REFUSED;
    full.result = PO_EVENT_DENIED;
    full.reason = "locked";
    PO_TRY(cx, po_auth_event(cx, &full, &event));
    PO_TRY(cx, po_home_record(cx, home, &event));
    cx->err = refused;
    return rc;
}
