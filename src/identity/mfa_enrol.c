/*
 * Setting up the second factor: with a ticket of sign-in, or from a session.
 *
 *   (none or totp) ── begin ──> totp_new waits ── first right code ──> totp, ten recovery codes
 *
 * What holds is replaced only by what was proven to work. A session that enrols is ended with all
 * others and a new one, of two factors, takes its place.
 */
#include "core/random.h"
#include "home/home.h"
#include "identity/credential_priv.h"

static void wipe_key(uint8_t (*key)[PO_TOTP_KEY_BYTES]) { po_wipe(key, sizeof *key); }

static po_rc store_new_key(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                           po_str key)
{
    const struct po_store_credential row = {
        .user = po_str_of(user->id), .kind = PO_LIT("totp_new"), .secret = key};
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_MFA_ENROLMENT_BEGUN,
                                      .action = "enrol",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = user->id,
                                      .method = "totp"};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_credential_put(cx, tx, &row));
    return po_auth_commit(cx, home, tx, &note);
}

po_rc po_mfa_enrol_begin(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                         struct po_enrolment *ret_enrolment)
{
    PO_CLEANUP(wipe_key) uint8_t key[PO_TOTP_KEY_BYTES] = {0};
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    const struct po_totp_label label = {.issuer = po_credential_policy_get(cx, home).issuer,
                                        .account = user->email};
    PO_TRY_LEAF(cx, po_random_fill(key, sizeof key), "there is no randomness");
    PO_TRY_LEAF(cx, po_enrolment_make(key, &label, &enrolment),
                "out of memory for the enrolment's code");
    PO_TRY(cx, store_new_key(cx, home, user, po_str_n(key, sizeof key)));
    *ret_enrolment = enrolment;
    enrolment = (struct po_enrolment){0};
    return po_rc_ok();
}

po_rc po_recovery_put(struct po_ctx *cx, struct po_tx *tx, po_str user,
                      struct po_recovery_codes *ret_codes)
{
    PO_CLEANUP(po_recovery_codes_done) struct po_recovery_codes codes = {0};
    PO_TRY_LEAF(cx, po_recovery_codes_draw(&codes), "there is no randomness");
    PO_TRY(cx, po_store_credential_delete(cx, tx, user, PO_LIT("recovery")));
    for (size_t i = 0; i < PO_RECOVERY_CODES; i++) {
        uint8_t digest[PO_SHA256_BYTES];
        PO_TRY_LEAF(cx, po_recovery_digest(user, po_str_of(codes.codes[i]), digest),
                    "a digest failed");
        const struct po_store_credential row = {.user = user,
                                                .kind = PO_LIT("recovery"),
                                                .number = (uint32_t)i + 1,
                                                .secret = po_str_n(digest, sizeof digest)};
        PO_TRY(cx, po_store_credential_put(cx, tx, &row));
    }
    *ret_codes = codes;
    return po_rc_ok();
}

po_rc po_mfa_enrol_put(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                       const struct po_store_credential *used, struct po_recovery_codes *ret_codes)
{
    struct po_store_credential totp = *used;
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    totp.kind = PO_LIT("totp");
    po_text_cut(used->user, user, sizeof user);
    PO_TRY(cx, po_store_credential_put(cx, tx, &totp));
    PO_TRY(cx, po_store_credential_delete(cx, tx, used->user, PO_LIT("totp_new")));
    PO_TRY(cx, po_recovery_put(cx, tx, used->user, ret_codes));
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_MFA_ENROLLED,
                                      .action = "enrol",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = user,
                                      .method = "totp"};
    return po_auth_queue(cx, home, tx, &note);
}

/* ---- with a ticket ---------------------------------------------------------------------------- */

po_rc po_signin_enrol_begin(struct po_ctx *cx, struct po_home *home, po_str ticket,
                            struct po_enrolment *ret_enrolment)
{
    struct po_mfa_case mfa;
    const struct po_mfa_open open = {.ticket = ticket, .kind = "enrol"};
    PO_TRY(cx, po_mfa_open(cx, home, &open, &mfa));
    return po_mfa_enrol_begin(cx, home, &mfa.user, ret_enrolment);
}

/* In force, codes, session: one transaction. rule: six parameters, as for accept in mfa.c */
static po_rc complete(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                      const struct po_store_credential *used, const struct po_signin_grant *grant,
                      struct po_signin_outcome *ret_outcome)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    PO_CLEANUP(po_recovery_codes_done) struct po_recovery_codes codes = {0};
    PO_TRY(cx, po_mfa_enrol_put(cx, home, tx, used, &codes));
    PO_TRY(cx, po_session_end_user(cx, tx, used->user, PO_LIT(""), "second factor changed", NULL));
    PO_TRY(cx, po_store_ticket_void(cx, tx, used->user, PO_LIT("mfa")));
    PO_TRY(cx, po_store_ticket_void(cx, tx, used->user, PO_LIT("enrol")));
    PO_TRY(cx, po_signin_grant_commit(cx, home, tx, grant, &outcome));
    outcome.codes = codes;
    outcome.has_codes = true;
    *ret_outcome = outcome;
    outcome = (struct po_signin_outcome){0};
    return po_rc_ok();
}

po_rc po_signin_enrol_confirm(struct po_ctx *cx, struct po_home *home,
                              const struct po_mfa_request *request,
                              struct po_signin_outcome *ret_outcome)
{
    struct po_mfa_case mfa;
    struct po_store_credential used;
    const struct po_mfa_open open = {.ticket = request->ticket, .kind = "enrol"};
    PO_TRY(cx, po_mfa_open(cx, home, &open, &mfa));
    const struct po_mfa_claim claim = {.user = po_str_of(mfa.user.id), .code = request->code};
    po_rc rc = po_mfa_match_totp(cx, home, "totp_new", &claim, &used);
    if (rc.code == PO_UNAUTH) {
        po_err_clear(cx);
        return po_mfa_miss(cx, home, &mfa, "totp");
    }
    PO_TRY(cx, rc);
    const struct po_signin_grant grant = {.user = mfa.user.id,
                                          .method = "totp",
                                          .agent = request->user_agent,
                                          .attempt = &mfa.attempt,
                                          .is_mfa = true};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_ticket_spend(cx, tx, mfa.ticket.digest));
    return complete(cx, home, tx, &used, &grant, ret_outcome);
}

/* ---- from a session --------------------------------------------------------------------------- */

po_rc po_totp_enrol_begin(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                          struct po_enrolment *ret_enrolment)
{
    struct po_user user;
    PO_TRY(cx, po_user_get(cx, home, own->user, &user));
    if (!po_user_is_active(&user)) return PO_FAIL(cx, PO_DENIED, "the account is not active");
    return po_mfa_enrol_begin(cx, home, &user, ret_enrolment);
}

po_rc po_totp_enrol_confirm(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                            po_str code, struct po_signin_outcome *ret_outcome)
{
    struct po_user user;
    struct po_attempt attempt;
    struct po_store_credential used;
    const struct po_mfa_claim claim = {.user = own->user, .code = code};
    PO_TRY(cx, po_user_get(cx, home, own->user, &user));
    PO_TRY(cx, po_attempt_make(cx, home, user.email, &attempt));
    const struct po_auth_note note = {
        .action = "enrol", .user = user.id, .attempt = &attempt, .method = "totp"};
    PO_TRY(cx, po_own_code(cx, home, "totp_new", &claim, &note, &used));
    const struct po_signin_grant grant = {.user = user.id,
                                          .method = "totp",
                                          .agent = own->user_agent,
                                          .attempt = &attempt,
                                          .is_mfa = true};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    return complete(cx, home, tx, &used, &grant, ret_outcome);
}
