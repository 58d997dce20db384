/*
 * One's own second factor once signed in, step-up by code, and what an administrator may undo.
 */
#include "home/home.h"
#include "identity/credential_priv.h"
#include "identity/identity_priv.h"

/* rule: six parameters: the claim and how its failure is noted are two things */
po_rc po_own_code(struct po_ctx *cx, struct po_home *home, const char *kind,
                  const struct po_mfa_claim *claim, const struct po_auth_note *note,
                  struct po_store_credential *ret_used)
{
    PO_TRY(cx, po_auth_check_open(cx, home, note));
    po_rc rc = po_mfa_match_totp(cx, home, kind, claim, ret_used);
    if (rc.code != PO_UNAUTH) return rc;
    po_err_clear(cx);
    struct po_auth_note failure = *note;
    failure.reason = "wrong code";
    PO_TRY(cx, po_auth_fail(cx, home, &failure));
    return PO_FAIL(cx, PO_UNAUTH, "the code is not right, or was used");
}

/* @control CC6.1 */
po_rc po_step_up_totp(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                      po_str code)
{
    struct po_user user;
    struct po_attempt attempt;
    struct po_store_credential used;
    const struct po_mfa_claim claim = {.user = own->user, .code = code};
    PO_TRY(cx, po_user_get(cx, home, own->user, &user));
    PO_TRY(cx, po_attempt_make(cx, home, user.email, &attempt));
    struct po_auth_note note = {
        .action = "step_up", .user = user.id, .attempt = &attempt, .method = "totp"};
    PO_TRY(cx, po_own_code(cx, home, "totp", &claim, &note, &used));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_mfa_use(cx, tx, &used));
    PO_TRY(cx, po_session_step_up(cx, tx, own->session));
    PO_TRY(cx, po_lockout_succeed(cx, tx, &attempt));
    note.type = PO_EVENT_TYPE_AUTH_STEPPED_UP;
    note.result = PO_EVENT_SUCCESS;
    return po_auth_commit(cx, home, tx, &note);
}

po_rc po_recovery_renew(struct po_ctx *cx, struct po_home *home, po_str user_id,
                        struct po_recovery_codes *ret_codes)
{
    PO_CLEANUP(po_recovery_codes_done) struct po_recovery_codes codes = {0};
    struct po_user user;
    struct po_store_credential *totp = NULL;
    PO_TRY(cx, po_user_get(cx, home, user_id, &user));
    PO_TRY(cx, po_credential_find(cx, home, user_id, "totp", &totp));
    if (totp == NULL) return PO_FAIL(cx, PO_NOTFOUND, "there is no authenticator");
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_RECOVERY_RENEWED,
                                      .action = "renew",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = user.id};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_recovery_put(cx, tx, user_id, &codes));
    PO_TRY(cx, po_auth_commit(cx, home, tx, &note));
    *ret_codes = codes;
    return po_rc_ok();
}

/* Who signs in at all: a person who is not gone. */
static po_rc find_person(struct po_ctx *cx, struct po_home *home, po_str id,
                         struct po_user *ret_user)
{
    PO_TRY(cx, po_user_get(cx, home, id, ret_user));
    if (ret_user->is_service) return PO_FAIL(cx, PO_CONFLICT, "a service account never signs in");
    if (po_str_eq_cstr(ret_user->state, "deprovisioned"))
        return PO_FAIL(cx, PO_CONFLICT, "the account is %.*s", PO_STR_ARG(ret_user->state));
    return po_rc_ok();
}

/* @control CC6.1 */
po_rc po_mfa_reset(struct po_ctx *cx, struct po_home *home, po_str user_id, po_str reason)
{
    static const char *const kinds[] = {"totp", "totp_new", "recovery"};
    static const char *const tickets[] = {"mfa", "enrol"};
    struct po_user user;
    char why[PO_REASON_BYTES_MAX + 1];
    PO_TRY(cx, find_person(cx, home, user_id, &user));
    const po_str id = po_str_of(user.id);
    PO_TRY(cx, po_identity_reason(cx, reason, true));
    PO_TRY(cx, po_access_not_self(cx, home, id, "user.mfa_reset"));
    PO_TRY(cx, po_user_may_manage(cx, home, id, "user.mfa_reset"));
    po_text_cut(reason, why, sizeof why);
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        PO_TRY(cx, po_store_credential_delete(cx, tx, id, po_str_of(kinds[i])));
    for (size_t i = 0; i < sizeof tickets / sizeof tickets[0]; i++)
        PO_TRY(cx, po_store_ticket_void(cx, tx, id, po_str_of(tickets[i])));
    PO_TRY(cx, po_session_end_user(cx, tx, id, PO_LIT(""), "second factor reset", NULL));
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_MFA_RESET,
                                      .action = "reset",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = user.id,
                                      .reason = why};
    return po_auth_commit(cx, home, tx, &note);
}

po_rc po_lockout_clear(struct po_ctx *cx, struct po_home *home, po_str user_id)
{
    struct po_user user;
    struct po_attempt attempt;
    PO_TRY(cx, find_person(cx, home, user_id, &user));
    PO_TRY(cx, po_user_may_manage(cx, home, po_str_of(user.id), "user.unlock"));
    PO_TRY(cx, po_attempt_make(cx, home, user.email, &attempt));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_lockout_succeed(cx, tx, &attempt));
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_AUTH_UNLOCKED,
                                      .action = "unlock",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = user.id};
    return po_auth_commit(cx, home, tx, &note);
}

po_rc po_mfa_state_get(struct po_ctx *cx, struct po_home *home, po_str user,
                       struct po_mfa_state *ret_state)
{
    struct po_mfa_state state = {.is_required = po_credential_policy_get(cx, home).is_mfa_required};
    struct po_store_credential *password = NULL;
    struct po_store_credential *totp = NULL;
    struct po_store_credential *codes = NULL;
    size_t count = 0;
    PO_TRY(cx, po_credential_find(cx, home, user, "password", &password));
    PO_TRY(cx, po_credential_find(cx, home, user, "totp", &totp));
    PO_TRY(cx, po_store_credential_list(cx, po_home_store(home), user, PO_LIT("recovery"), &codes,
                                        &count));
    for (size_t i = 0; i < count; i++)
        if (codes[i].counter == 0) state.recovery_codes_left++;
    state.has_password = password != NULL;
    state.password_since_us = password != NULL ? password->created_us : 0;
    state.has_totp = totp != NULL;
    state.totp_since_us = totp != NULL ? totp->created_us : 0;
    *ret_state = state;
    return po_rc_ok();
}
