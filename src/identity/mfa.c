/*
 * The second factor: redeem a ticket with a one-time code or a recovery code.
 *
 *   ticket (open) ── right code ──> spent, session (auth.succeeded)
 *                 ├─ wrong code ──> tries + 1 (auth.failed), account and source counted
 *                 └─ fifth wrong code ──> void: sign in again
 *
 * Invariants
 *  1. Ticket and code are spent in the transaction that makes the session: of two requests with the
 *     same code one gets a session.
 *  2. Wrong codes count against the account as wrong passwords do, so new tickets give no new tries.
 */
#include "home/home.h"
#include "identity/credential_priv.h"

#define WRONG_CODE "the code is not right, or was used"

typedef po_rc match(struct po_ctx *cx, struct po_home *home, const struct po_mfa_claim *claim,
                    struct po_store_credential *ret_used);

po_rc po_mfa_match_totp(struct po_ctx *cx, struct po_home *home, const char *kind,
                        const struct po_mfa_claim *claim, struct po_store_credential *ret_used)
{
    struct po_store_credential *totp = NULL;
    PO_TRY(cx, po_credential_find(cx, home, claim->user, kind, &totp));
    if (totp == NULL) return PO_FAIL(cx, PO_NOTFOUND, "there is no authenticator");
    const struct po_totp_try attempt = {.key = totp->secret,
                                        .code = claim->code,
                                        .now_us = po_ctx_now_us(cx),
                                        .last_step = totp->counter};
    struct po_store_credential used = *totp;
    PO_TRY_LEAF(cx, po_totp_verify(&attempt, &used.counter), WRONG_CODE);
    *ret_used = used;
    return po_rc_ok();
}

static po_rc match_totp(struct po_ctx *cx, struct po_home *home, const struct po_mfa_claim *claim,
                        struct po_store_credential *ret_used)
{
    return po_mfa_match_totp(cx, home, "totp", claim, ret_used);
}

/* All ten are compared. */
static po_rc match_recovery(struct po_ctx *cx, struct po_home *home,
                            const struct po_mfa_claim *claim, struct po_store_credential *ret_used)
{
    uint8_t digest[PO_SHA256_BYTES];
    struct po_store_credential *rows = NULL;
    size_t count = 0;
    const struct po_store_credential *found = NULL;
    PO_TRY_LEAF(cx, po_recovery_digest(claim->user, claim->code, digest), WRONG_CODE);
    PO_TRY(cx, po_store_credential_list(cx, po_home_store(home), claim->user, PO_LIT("recovery"),
                                        &rows, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_same = po_str_eq_secret(rows[i].secret, po_str_n(digest, sizeof digest));
        if (is_same && rows[i].counter == 0) found = &rows[i];
    }
    if (found == NULL) return PO_FAIL(cx, PO_UNAUTH, WRONG_CODE);
    *ret_used = *found;
    ret_used->counter = 1;
    return po_rc_ok();
}

po_rc po_mfa_use(struct po_ctx *cx, struct po_tx *tx, const struct po_store_credential *used)
{
    po_rc rc = po_store_credential_use(cx, tx, used);
    if (rc.code != PO_CONFLICT) return rc;
    po_err_clear(cx);
    return PO_FAIL(cx, PO_UNAUTH, WRONG_CODE);
}

/* ---- tickets ---------------------------------------------------------------------------------- */

/* Whose ticket, and may they try? A ticket that is none counts against the source. */
po_rc po_mfa_open(struct po_ctx *cx, struct po_home *home, const struct po_mfa_open *open,
                  struct po_mfa_case *ret_case)
{
    struct po_mfa_case found = {0};
    PO_TRY(cx, po_ticket_enter(cx, home, open->ticket));
    PO_TRY(cx, po_attempt_make(cx, home, PO_LIT(""), &found.attempt));
    struct po_auth_note note = {.action = "sign_in", .attempt = &found.attempt};
    PO_TRY(cx, po_auth_check_open(cx, home, &note));
    const struct po_ticket_wanted wanted = {.kind = open->kind,
                                            .source_class = found.attempt.source_class};
    po_rc rc = po_ticket_find(cx, home, open->ticket, &wanted, &found.ticket);
    if (rc.code == PO_EXPIRED) {
        po_err_clear(cx);
        note.reason = "no such ticket";
        PO_TRY(cx, po_auth_fail(cx, home, &note));
        return PO_FAIL(cx, PO_EXPIRED, "the sign-in took too long or was used: begin again");
    }
    PO_TRY(cx, rc);
    PO_TRY(cx, po_user_get(cx, home, po_str_of(found.ticket.user), &found.user));
    PO_TRY(cx, po_attempt_make(cx, home, found.user.email, &found.attempt));
    note.user = found.user.id;
    PO_TRY(cx, po_auth_check_open(cx, home, &note));
    if (!po_user_is_active(&found.user))
        return PO_FAIL(cx, PO_EXPIRED, "the sign-in took too long or was used: begin again");
    *ret_case = found;
    return po_rc_ok();
}

/* A wrong code: try counted, ticket void at the last one. */
po_rc po_mfa_miss(struct po_ctx *cx, struct po_home *home, const struct po_mfa_case *mfa,
                  const char *method)
{
    const bool is_last = mfa->ticket.tries + 1 >= PO_TICKET_TRIES_MAX;
    const struct po_auth_note note = {.action = "sign_in",
                                      .user = mfa->user.id,
                                      .attempt = &mfa->attempt,
                                      .method = method,
                                      .reason = is_last ? "wrong code, ticket void" : "wrong code"};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_ticket_try(cx, tx, mfa->ticket.digest));
    if (is_last) PO_TRY(cx, po_ticket_spend(cx, tx, mfa->ticket.digest));
    PO_TRY(cx, po_auth_fail_in(cx, home, tx, &note));
    return PO_FAIL(cx, PO_UNAUTH, WRONG_CODE);
}

/* rule: six parameters: what is spent, what is granted, and the result */
static po_rc accept(struct po_ctx *cx, struct po_home *home, const struct po_mfa_case *mfa,
                    const struct po_store_credential *used, const struct po_signin_grant *grant,
                    struct po_signin_outcome *ret_outcome)
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_ticket_spend(cx, tx, mfa->ticket.digest));
    PO_TRY(cx, po_mfa_use(cx, tx, used));
    return po_signin_grant_commit(cx, home, tx, grant, ret_outcome);
}

struct redemption {
    const struct po_mfa_request *request;
    const char *method;
    match *match;
};

static po_rc redeem(struct po_ctx *cx, struct po_home *home, const struct redemption *redemption,
                    struct po_signin_outcome *ret_outcome)
{
    struct po_mfa_case mfa;
    struct po_store_credential used;
    const struct po_mfa_request *request = redemption->request;
    const struct po_mfa_open open = {.ticket = request->ticket, .kind = "mfa"};
    PO_TRY(cx, po_mfa_open(cx, home, &open, &mfa));
    const struct po_mfa_claim claim = {.user = po_str_of(mfa.user.id), .code = request->code};
    po_rc rc = redemption->match(cx, home, &claim, &used);
    if (rc.code == PO_UNAUTH) {
        po_err_clear(cx);
        return po_mfa_miss(cx, home, &mfa, redemption->method);
    }
    PO_TRY(cx, rc);
    const struct po_signin_grant grant = {.user = mfa.user.id,
                                          .method = redemption->method,
                                          .agent = request->user_agent,
                                          .attempt = &mfa.attempt,
                                          .is_mfa = true};
    return accept(cx, home, &mfa, &used, &grant, ret_outcome);
}

/* @control CC6.1 */
po_rc po_signin_totp(struct po_ctx *cx, struct po_home *home, const struct po_mfa_request *request,
                     struct po_signin_outcome *ret_outcome)
{
    const struct redemption redemption = {
        .request = request, .method = "totp", .match = match_totp};
    return redeem(cx, home, &redemption, ret_outcome);
}

po_rc po_signin_recovery(struct po_ctx *cx, struct po_home *home,
                         const struct po_mfa_request *request,
                         struct po_signin_outcome *ret_outcome)
{
    const struct redemption redemption = {
        .request = request, .method = "recovery", .match = match_recovery};
    return redeem(cx, home, &redemption, ret_outcome);
}
