/*
 * Sessions: a random secret in a cookie, its hash here, an idle and an absolute end.
 *
 *   open --idle 30 min, 12 h, revoked, account not active--> ended (final)
 *
 * Invariants
 *  1. A session's id and secret are new each time; nothing that a client brings becomes one.
 *  2. What ended is refused with the same answer as what never was.
 *
 * Control  CC6.1
 */
#include "core/codec.h"
#include "core/flags.h"
#include "identity/identity_priv.h"

#define SECRET_BYTES 32
#define SECRET_CHARS 43
#define AGENT_BYTES_MAX 300
#define SESSION_LABEL "paulyops/v1/session"

/* ---- secrets ------------------------------------------------------------------------------------------ */

PO_RC po_secret_hash(struct po_ctx *cx, const char *label, po_str secret,
                     uint8_t ret_hash[static PO_SHA256_BYTES])
{
    PO_CLEANUP(po_buf_wipe) struct po_buf text = {0};
    po_buf_init(&text, 512);
    po_buf_append_cstr(&text, label);
    po_buf_append_char(&text, '\n');
    po_buf_append(&text, secret);
    PO_TRY_LEAF(cx, po_buf_check(&text), "a secret of this length");
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&text), ret_hash), "a secret cannot be hashed");
    return po_rc_ok();
}

/* base64url without padding. */
static PO_RC write_secret(struct po_ctx *cx, const struct po_secret *random,
                          struct po_secret **ret_secret)
{
    PO_CLEANUP(po_buf_wipe) struct po_buf text = {0};
    po_str bytes = po_secret_bytes(random);
    po_buf_init(&text, 64);
    po_base64_append(&text, (const uint8_t *)bytes.ptr, bytes.len);
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory for a secret");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '+') text.ptr[i] = '-';
        if (text.ptr[i] == '/') text.ptr[i] = '_';
    }
    return po_secret_new(cx, po_str_n(text.ptr, SECRET_CHARS), ret_secret);
}

static bool is_secret_shaped(po_str secret)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    bool is_good = secret.len == SECRET_CHARS;
    for (size_t i = 0; i < secret.len && is_good; i++)
        is_good = po_str_find_char(po_str_of(alphabet), secret.ptr[i], 0) != SIZE_MAX;
    return is_good;
}

/* ---- life --------------------------------------------------------------------------------------------- */

PO_RC po_session_create(struct po_ctx *cx, struct po_tx *tx, const struct po_session_new *session,
                        char ret_id[static PO_ID_BYTES], struct po_secret **ret_secret)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *random = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    char id[PO_ID_BYTES] = "";
    po_time_us now = po_ctx_now_us(cx);
    PO_TRY(cx, po_id_new(cx, "ses", id));
    PO_TRY(cx, po_secret_random(cx, SECRET_BYTES, &random));
    PO_TRY(cx, write_secret(cx, random, &secret));
    struct po_store_session row = {.id = po_str_of(id),
                                   .user = session->user,
                                   .method = session->method,
                                   .is_mfa = session->is_mfa,
                                   .agent = po_str_slice(session->agent, 0, AGENT_BYTES_MAX),
                                   .ip = po_str_of(cx->ip),
                                   .step_up_us = session->is_stepped_up ? now : 0,
                                   .expires_us = now + PO_SESSION_LIFE_US};
    PO_TRY(cx, po_secret_hash(cx, SESSION_LABEL, po_secret_bytes(secret), row.hash));
    PO_TRY(cx, po_store_session_add(cx, tx, &row));
    PO_TRY(cx, po_store_session_trim(cx, tx, session->user, PO_SESSIONS_OF_USER_MAX));
    memcpy(ret_id, id, sizeof id);
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}

PO_RC po_session_step_up(struct po_ctx *cx, struct po_tx *tx, po_str id)
{
    return po_store_session_step_up(cx, tx, id);
}

/* rule: six parameters: all of whom, but which, why, and how many it was */
PO_RC po_session_end_user(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str except,
                          const char *why, size_t *ret_count)
{
    size_t count = 0;
    PO_TRY(cx, po_store_session_revoke_user(cx, tx, user, except, why, &count));
    if (ret_count != NULL) *ret_count = count;
    return po_rc_ok();
}

/* Why it does not hold any more; NULL while it does. */
static const char *ended_why(const struct po_store_session *row, po_time_us now)
{
    if (row->revoked_us != 0) return "revoked";
    if (now >= row->expires_us) return "expired";
    if (now - row->seen_us >= PO_SESSION_IDLE_US) return "idle";
    return NULL;
}

/* ---- who ---------------------------------------------------------------------------------------------- */

/* Kind NONE when the session or its account does not hold. */
static PO_RC identify(struct po_ctx *cx, struct po_home *home, const struct po_store_session *row,
                      struct po_identity *ret_identity)
{
    struct po_identity identity = {0};
    bool is_found = false;
    po_time_us now = po_ctx_now_us(cx);
    *ret_identity = (struct po_identity){0};
    if (row == NULL || ended_why(row, now) != NULL) return po_rc_ok();
    PO_TRY(cx, po_identity_load(cx, home, row->user, &is_found, &identity));
    if (!is_found || !identity.is_active || identity.kind != PO_IDENTITY_USER) return po_rc_ok();
    PO_TRY(cx, po_identity_copy(cx, row->id, identity.session, sizeof identity.session));
    identity.is_mfa = row->is_mfa;
    identity.needs_mfa = !row->is_mfa && po_flags_bool(po_home_flags(home), PO_FLAG_MFA_REQUIRED);
    identity.step_up_us = row->step_up_us;
    identity.is_stepped_up = row->step_up_us != 0 && now - row->step_up_us < PO_SESSION_STEP_UP_US;
    identity.expires_us = row->expires_us;
    *ret_identity = identity;
    return po_rc_ok();
}

PO_RC po_identity_of_session(struct po_ctx *cx, struct po_home *home, po_str id,
                             struct po_identity *ret_identity)
{
    struct po_store_session *row = NULL;
    PO_TRY(cx, po_store_session_get(cx, po_home_store(home), id, &row));
    return identify(cx, home, row, ret_identity);
}

/* Last use, noted with an event of the session's own user. */
static PO_RC note_seen(struct po_ctx *cx, struct po_home *home, const struct po_store_session *row)
{
    struct po_event event = {0};
    const struct po_identity_note note = {
        .type = PO_EVENT_TYPE_SESSION_SEEN, .kind = "session", .id = row->id, .action = "use"};
    const char *user = po_arena_printf(cx->arena, "user:%.*s", PO_STR_ARG(row->user));
    bool is_due = po_ctx_now_us(cx) - row->seen_us >= PO_SESSION_SEEN_US;
    if (!is_due || po_home_read_only_reason(home) != NULL) return po_rc_ok();
    if (user == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_identity_event(cx, &note, &event));
    event.user_id = po_str_of(user);
    event.session_id = row->id;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_session_seen(cx, tx, row->id));
    return po_home_commit(cx, home, tx, &event);
}

static PO_RC identify_and_note(struct po_ctx *cx, struct po_home *home,
                               const struct po_store_session *row, struct po_identity *ret_identity)
{
    PO_TRY(cx, identify(cx, home, row, ret_identity));
    if (ret_identity->kind == PO_IDENTITY_NONE) return po_rc_ok();
    return note_seen(cx, home, row);
}

/* @control CC6.1 */
PO_RC po_identity_from_session(struct po_ctx *cx, struct po_home *home, po_str cookie,
                               struct po_identity *ret_identity)
{
    uint8_t hash[PO_SHA256_BYTES] = {0};
    struct po_store_session *row = NULL;
    struct po_identity identity = {0};
    if (is_secret_shaped(cookie)) {
        PO_TRY(cx, po_secret_hash(cx, SESSION_LABEL, cookie, hash));
        PO_TRY(cx, po_store_session_find(cx, po_home_store(home), hash, &row));
    }
    if (row != NULL) {
        po_tenant_id before = cx->tenant;
        cx->tenant = row->tenant;
        po_rc rc = identify_and_note(cx, home, row, &identity);
        cx->tenant = before;
        PO_TRY(cx, rc);
    }
    if (identity.kind == PO_IDENTITY_NONE)
        return PO_FAIL(cx, PO_UNAUTH, "nobody is signed in, or not any more");
    *ret_identity = identity;
    return po_rc_ok();
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static struct po_session read_session(const struct po_ctx *cx, const struct po_store_session *row)
{
    const char *why = ended_why(row, po_ctx_now_us(cx));
    po_str ended = why == NULL ? PO_LIT("") : po_str_of(why);
    if (row->revoked_us != 0 && row->revoked_why.len > 0) ended = row->revoked_why;
    return (struct po_session){.id = row->id,
                               .user = row->user,
                               .method = row->method,
                               .agent = row->agent,
                               .ip = row->ip,
                               .is_mfa = row->is_mfa,
                               .is_open = why == NULL,
                               .is_current = po_str_eq_cstr(row->id, cx->session),
                               .created_us = row->created_us,
                               .seen_us = row->seen_us,
                               .step_up_us = row->step_up_us,
                               .expires_us = row->expires_us,
                               .ended_why = ended};
}

PO_RC po_session_list(struct po_ctx *cx, struct po_home *home, po_str user,
                      struct po_session **ret_sessions, size_t *ret_count)
{
    struct po_store_session *rows = NULL;
    struct po_session *sessions = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_session_list(cx, po_home_store(home), user, &rows, &count));
    PO_ARENA_NEW(cx, sessions, count + 1);
    for (size_t i = 0; i < count; i++)
        sessions[i] = read_session(cx, &rows[i]);
    *ret_sessions = sessions;
    *ret_count = count;
    return po_rc_ok();
}

PO_RC po_session_get(struct po_ctx *cx, struct po_home *home, po_str id,
                     struct po_session *ret_session)
{
    struct po_store_session *row = NULL;
    PO_TRY(cx, po_store_session_get(cx, po_home_store(home), id, &row));
    if (row == NULL) return PO_FAIL(cx, PO_NOTFOUND, "there is no such session");
    *ret_session = read_session(cx, row);
    return po_rc_ok();
}

/* ---- revoking -------------------------------------------------------------------------------------------- */

struct revoked {
    po_str user;
    const char *why;
    size_t count;
};

static PO_RC write_detail(struct po_ctx *cx, const struct revoked *revoked, po_str *ret_detail)
{
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field_int(&json, "sessions_ended", (int64_t)revoked->count);
    po_json_out_field(&json, "user", revoked->user);
    po_json_out_field(&json, "why", po_str_of(revoked->why));
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, ret_detail);
}

PO_RC po_session_revoke(struct po_ctx *cx, struct po_home *home, po_str id, const char *why)
{
    struct po_session session = {0};
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_SESSION_REVOKED, .kind = "session", .id = id, .action = "revoke"};
    PO_TRY(cx, po_session_get(cx, home, id, &session));
    if (!session.is_open) return PO_FAIL(cx, PO_CONFLICT, "the session ended already");
    const struct revoked revoked = {session.user, why, 1};
    PO_TRY(cx, write_detail(cx, &revoked, &note.detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_session_revoke(cx, tx, id, why));
    return po_identity_commit(cx, home, tx, &note);
}

/* rule: six parameters: all of whom, but which, why, and how many it was */
PO_RC po_session_revoke_all(struct po_ctx *cx, struct po_home *home, po_str user, po_str except,
                            const char *why, size_t *ret_count)
{
    struct revoked revoked = {user, why, 0};
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_SESSION_REVOKED, .kind = "user", .id = user, .action = "revoke"};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_session_revoke_user(cx, tx, user, except, why, &revoked.count));
    PO_TRY(cx, write_detail(cx, &revoked, &note.detail));
    PO_TRY(cx, po_identity_commit(cx, home, tx, &note));
    *ret_count = revoked.count;
    return po_rc_ok();
}
