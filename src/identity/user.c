/*
 * Users: listed, found, moved through their lifecycle.
 *
 *   invited -> active <-> suspended,  each -> deprovisioned (final)
 *
 * Invariants
 *  1. A row is never deleted; its id stays good for reading the ledger.
 *  2. Leaving `active` ends every session in the same transaction; deprovisioning also ends tokens,
 *     wipes credentials, voids links, and ends what the user asked for and still waits.
 *
 * Control  CC6.2 CC6.3
 */
#include "identity/identity_priv.h"

/* ---- reading ------------------------------------------------------------------------------------------ */

/* One grant of this user, oldest first: the role in force is the newest that holds. */
static PO_RC apply_grant(struct po_ctx *cx, const struct po_store_role_grant *grant,
                         struct po_user *user)
{
    bool is_open = grant->ended_us == 0;
    bool holds = grant->effective_us > 0 && grant->effective_us <= po_ctx_now_us(cx);
    if (is_open && holds) return po_identity_copy(cx, grant->role, user->role, sizeof user->role);
    if (!is_open) return po_rc_ok();
    user->role_effective_us = grant->effective_us;
    return po_identity_copy(cx, grant->role, user->role_waiting, sizeof user->role_waiting);
}

static PO_RC read_user(struct po_ctx *cx, const struct po_store_user *row, struct po_user *ret_user)
{
    struct po_user user = {.is_service = po_str_eq_cstr(row->kind, "service"),
                           .state = row->state,
                           .email = row->email,
                           .name = row->name,
                           .owner = row->owner,
                           .is_canary = row->is_canary,
                           .created_us = row->created_us,
                           .changed_us = row->changed_us,
                           .version = row->version};
    PO_TRY(cx, po_identity_copy(cx, row->id, user.id, sizeof user.id));
    *ret_user = user;
    return po_rc_ok();
}

static void note_owner(struct po_user *user, po_str owner_state)
{
    user->is_ownerless = user->is_service && !po_str_eq_cstr(user->state, "deprovisioned") &&
                         po_str_eq_cstr(owner_state, "deprovisioned");
}

/* Users are sorted by id; NULL when there is none. */
static struct po_user *find_by_id(struct po_user *users, size_t count, po_str id)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = po_str_cmp(id, po_str_of(users[middle].id));
        if (order == 0) return &users[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

PO_RC po_user_list(struct po_ctx *cx, struct po_home *home, struct po_user **ret_users,
                   size_t *ret_count)
{
    struct po_store_user *rows = NULL;
    struct po_store_role_grant *grants = NULL;
    struct po_user *users = NULL;
    size_t count = 0;
    size_t grant_count = 0;
    PO_TRY(cx, po_store_user_list(cx, po_home_store(home), &rows, &count));
    PO_TRY(cx,
           po_store_role_grant_list(cx, po_home_store(home), PO_LIT(""), &grants, &grant_count));
    PO_ARENA_NEW(cx, users, count + 1);
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, read_user(cx, &rows[i], &users[i]));
    for (size_t i = 0; i < count; i++) {
        const struct po_user *owner = find_by_id(users, count, users[i].owner);
        note_owner(&users[i], owner != NULL ? owner->state : PO_LIT("deprovisioned"));
    }
    for (size_t i = 0; i < grant_count; i++) {
        struct po_user *user = find_by_id(users, count, grants[i].user);
        if (user != NULL) PO_TRY(cx, apply_grant(cx, &grants[i], user));
    }
    *ret_users = users;
    *ret_count = count;
    return po_rc_ok();
}

static PO_RC fill(struct po_ctx *cx, struct po_home *home, const struct po_store_user *row,
                  struct po_user *ret_user)
{
    struct po_store_role_grant *grants = NULL;
    struct po_store_user *owner = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_role_grant_list(cx, po_home_store(home), row->id, &grants, &count));
    PO_TRY(cx, read_user(cx, row, ret_user));
    if (ret_user->is_service) {
        PO_TRY(cx, po_store_user_find(cx, po_home_store(home), row->owner, &owner));
        note_owner(ret_user, owner != NULL ? owner->state : PO_LIT("deprovisioned"));
    }
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, apply_grant(cx, &grants[i], ret_user));
    return po_rc_ok();
}

PO_RC po_user_find_email(struct po_ctx *cx, struct po_home *home, po_str email, bool *ret_is_found,
                         struct po_user *ret_user)
{
    struct po_store_user *row = NULL;
    po_str folded = {NULL, 0};
    *ret_is_found = false;
    if (email.len == 0 || email.len > PO_STORE_EMAIL_BYTES_MAX) return po_rc_ok();
    PO_TRY(cx, po_identity_fold(cx, email, &folded));
    PO_TRY(cx, po_store_user_find_email(cx, po_home_store(home), folded, &row));
    if (row == NULL) return po_rc_ok();
    PO_TRY(cx, fill(cx, home, row, ret_user));
    *ret_is_found = true;
    return po_rc_ok();
}

PO_RC po_user_get(struct po_ctx *cx, struct po_home *home, po_str who, struct po_user *ret_user)
{
    struct po_store_user *row = NULL;
    bool is_found = false;
    if (po_str_find_char(who, '@', 0) != SIZE_MAX) {
        PO_TRY(cx, po_user_find_email(cx, home, who, &is_found, ret_user));
    } else {
        PO_TRY(cx, po_store_user_find(cx, po_home_store(home), who, &row));
        if (row != NULL) PO_TRY(cx, fill(cx, home, row, ret_user));
        is_found = row != NULL;
    }
    if (is_found) return po_rc_ok();
    return PO_FAIL(cx, PO_NOTFOUND, "there is no such account");
}

PO_RC po_user_activate(struct po_ctx *cx, struct po_tx *tx, po_str user)
{
    return po_store_user_move(cx, tx, user, "invited", "active");
}

/* ---- moving ---------------------------------------------------------------------------------------------- */

struct move {
    enum po_event_type type;
    const char *action; /* of the decision */
    const char *verb;   /* of the event */
    const char *to;
    bool leaves_active;
};
static const struct move moves[] = {
    [PO_USER_SUSPEND] = {PO_EVENT_TYPE_USER_SUSPENDED, "user.suspend", "suspend", "suspended",
                         true},
    [PO_USER_RESUME] = {PO_EVENT_TYPE_USER_RESUMED, "user.resume", "resume", "active", false},
    [PO_USER_DEPROVISION] = {PO_EVENT_TYPE_USER_DEPROVISIONED, "user.deprovision", "deprovision",
                             "deprovisioned", true},
};

struct ended {
    size_t sessions;
    size_t tokens;
    size_t asked;
    size_t services; /* that have no owner now */
};

/* What the user asked for and still waits. */
static PO_RC end_asked(struct po_ctx *cx, struct po_home *home, struct po_tx *tx, po_str user,
                       size_t *ret_count)
{
    struct po_store_role_grant *grants = NULL;
    size_t count = 0;
    po_time_us now = po_ctx_now_us(cx);
    PO_TRY(cx, po_store_role_grant_list(cx, po_home_store(home), PO_LIT(""), &grants, &count));
    for (size_t i = 0; i < count; i++) {
        bool waits = grants[i].effective_us == 0 || grants[i].effective_us > now;
        bool is_theirs = po_str_ends(grants[i].asked_by, user) || po_str_eq(grants[i].user, user);
        if (!waits || grants[i].ended_us != 0 || !is_theirs) continue;
        PO_TRY(cx, po_store_role_grant_end(cx, tx, grants[i].id));
        (*ret_count)++;
    }
    return po_rc_ok();
}

/* Nobody answers any more for the programs that were theirs: their tokens end, too. */
static PO_RC end_services(struct po_ctx *cx, struct po_home *home, struct po_tx *tx, po_str owner,
                          struct ended *ended)
{
    struct po_store_user *users = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_user_list(cx, po_home_store(home), &users, &count));
    for (size_t i = 0; i < count; i++) {
        size_t tokens = 0;
        if (!po_str_eq_cstr(users[i].kind, "service") || !po_str_eq(users[i].owner, owner))
            continue;
        PO_TRY(cx,
               po_store_api_token_revoke_user(cx, tx, users[i].id, "owner deprovisioned", &tokens));
        ended->tokens += tokens;
        if (!po_str_eq_cstr(users[i].state, "deprovisioned")) ended->services++;
    }
    return po_rc_ok();
}

/* @control CC6.2 */
static PO_RC end_all(struct po_ctx *cx, struct po_home *home, struct po_tx *tx, po_str user,
                     struct ended *ended)
{
    static const char *const credentials[] = {"password", "totp", "totp_new", "recovery"};
    static const char *const tickets[] = {"mfa", "enrol", "invite", "reset"};
    PO_TRY(cx, po_store_api_token_revoke_user(cx, tx, user, "deprovisioned", &ended->tokens));
    PO_TRY(cx, end_services(cx, home, tx, user, ended));
    PO_TRY(cx, end_asked(cx, home, tx, user, &ended->asked));
    for (size_t i = 0; i < 4; i++) {
        PO_TRY(cx, po_store_credential_delete(cx, tx, user, po_str_of(credentials[i])));
        PO_TRY(cx, po_store_ticket_void(cx, tx, user, po_str_of(tickets[i])));
    }
    return po_rc_ok();
}

static PO_RC write_detail(struct po_ctx *cx, const struct ended *ended, po_str reason,
                          po_str *ret_detail)
{
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "reason", reason);
    po_json_out_field_int(&json, "roles_cancelled", (int64_t)ended->asked);
    po_json_out_field_int(&json, "services_ownerless", (int64_t)ended->services);
    po_json_out_field_int(&json, "sessions_ended", (int64_t)ended->sessions);
    po_json_out_field_int(&json, "tokens_revoked", (int64_t)ended->tokens);
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, ret_detail);
}

static PO_RC check_move(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                        const struct move *move)
{
    bool is_suspended = po_str_eq_cstr(user->state, "suspended");
    bool is_gone = po_str_eq_cstr(user->state, "deprovisioned");
    PO_TRY(cx, po_access_not_self(cx, home, po_str_of(user->id), move->action));
    PO_TRY(cx, po_user_may_manage(cx, home, po_str_of(user->id), move->action));
    bool is_possible = move == &moves[PO_USER_RESUME] ? is_suspended : !is_gone;
    if (move == &moves[PO_USER_SUSPEND]) is_possible = po_str_eq_cstr(user->state, "active");
    if (!is_possible)
        return PO_FAIL(cx, PO_CONFLICT, "the account is %.*s", PO_STR_ARG(user->state));
    if (!move->leaves_active) return po_rc_ok();
    return po_role_keep_last_owner(cx, home, po_str_of(user->id), move->action);
}

static PO_RC commit_move(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                         const struct move *move, po_str reason)
{
    struct ended ended = {0};
    const char *from = po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(user->state));
    struct po_identity_note note = {
        .type = move->type, .kind = "user", .id = po_str_of(user->id), .action = move->verb};
    if (from == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_user_move(cx, tx, note.id, from, move->to));
    if (move->leaves_active)
        PO_TRY(cx, po_store_session_revoke_user(cx, tx, note.id, PO_LIT(""), move->to,
                                                &ended.sessions));
    if (move == &moves[PO_USER_DEPROVISION]) PO_TRY(cx, end_all(cx, home, tx, note.id, &ended));
    PO_TRY(cx, write_detail(cx, &ended, reason, &note.detail));
    return po_identity_commit(cx, home, tx, &note);
}

PO_RC po_user_change(struct po_ctx *cx, struct po_home *home, po_str user, enum po_user_move move,
                     po_str reason)
{
    struct po_user row = {0};
    PO_INVARIANT(cx, (unsigned)move < sizeof moves / sizeof moves[0]);
    PO_TRY(cx, po_user_get(cx, home, user, &row));
    PO_TRY(cx, po_identity_reason(cx, reason, false));
    PO_TRY(cx, check_move(cx, home, &row, &moves[move]));
    return commit_move(cx, home, &row, &moves[move], reason);
}
