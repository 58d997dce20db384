/*
 * One-time links: an invitation, or a new password for one that was lost.
 *
 *   created ── opened with a good password ──> used: password in force, then as after a sign-in
 *           ├─ a newer link, or another password ──> void
 *           └─ too old ──> gone
 *
 * The second factor stays: who resets a password still proves it. The link is spent only when the
 * password is stored, so a refused password does not cost the link.
 */
#include "home/home.h"
#include "identity/credential_priv.h"
#include "identity/identity_priv.h"

static const char *kind_name(enum po_link_kind kind)
{
    return kind == PO_LINK_INVITE ? "invite" : "reset";
}

po_rc po_link_add(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                  const struct po_link_request *request, struct po_secret **ret_secret)
{
    (void)home;
    po_time_us expires_us = 0;
    const bool is_invite = request->kind == PO_LINK_INVITE;
    po_time_us own_us = is_invite ? PO_LINK_INVITE_LIFE_US : PO_LINK_RESET_LIFE_US;
    const struct po_ticket_new ticket = {.kind = kind_name(request->kind),
                                         .user = request->user,
                                         .life_us =
                                             request->life_us > 0 ? request->life_us : own_us};
    if (request->life_us < 0 || request->life_us > PO_LINK_LIFE_US_MAX)
        return PO_FAIL(cx, PO_INVALID, "a link lives for up to 14 days");
    return po_ticket_add(cx, tx, &ticket, ret_secret, &expires_us);
}

static bool is_state_for(const struct po_user *user, po_str kind)
{
    if (po_str_eq(kind, PO_LIT("reset"))) return po_user_is_active(user);
    return !user->is_service && po_str_eq(user->state, PO_LIT("invited"));
}

po_rc po_link_create(struct po_ctx *cx, struct po_home *home, const struct po_link_request *request,
                     struct po_secret **ret_secret)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    struct po_user user;
    PO_TRY(cx, po_user_get(cx, home, request->user, &user));
    if (!is_state_for(&user, po_str_of(kind_name(request->kind))))
        return PO_FAIL(cx, PO_CONFLICT, "the account is '%.*s': no link of this kind for it",
                       PO_STR_ARG(user.state));
    /* Whoever makes a link could use it: not for those above, and not instead of one's password. */
    PO_TRY(cx, po_access_not_self(cx, home, po_str_of(user.id), "user.invite"));
    PO_TRY(cx, po_user_may_manage(cx, home, po_str_of(user.id), "user.invite"));
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_LINK_CREATED,
                                      .action = "create",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = user.id,
                                      .method = kind_name(request->kind)};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_link_add(cx, home, tx, request, &secret));
    PO_TRY(cx, po_auth_commit(cx, home, tx, &note));
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}

/* ---- opening ---------------------------------------------------------------------------------- */

struct opened {
    struct po_ticket ticket;
    struct po_user user;
};

/* PO_EXPIRED for whatever is wrong with the link. */
static po_rc open_link(struct po_ctx *cx, struct po_home *home, po_str link,
                       struct opened *ret_opened)
{
    struct opened opened;
    const struct po_ticket_wanted wanted = {.kind = "invite", .other_kind = "reset"};
    PO_TRY(cx, po_ticket_find(cx, home, link, &wanted, &opened.ticket));
    PO_TRY(cx, po_user_get(cx, home, po_str_of(opened.ticket.user), &opened.user));
    if (!is_state_for(&opened.user, po_str_of(opened.ticket.kind)))
        return PO_FAIL(cx, PO_EXPIRED, "it is unknown, was used, or is too old: begin again");
    *ret_opened = opened;
    return po_rc_ok();
}

/* The same, with a wrong link counted against its source. */
static po_rc open_counted(struct po_ctx *cx, struct po_home *home, po_str link,
                          struct opened *ret_opened)
{
    struct po_attempt attempt;
    PO_TRY(cx, po_ticket_enter(cx, home, link));
    PO_TRY(cx, po_attempt_make(cx, home, PO_LIT(""), &attempt));
    const struct po_auth_note note = {
        .action = "open_link", .attempt = &attempt, .reason = "no such link", .method = "link"};
    PO_TRY(cx, po_auth_check_open(cx, home, &note));
    po_rc rc = open_link(cx, home, link, ret_opened);
    if (rc.code != PO_EXPIRED) return rc;
    po_err_clear(cx);
    PO_TRY(cx, po_auth_fail(cx, home, &note));
    return PO_FAIL(cx, PO_EXPIRED, "the link is unknown, was used, or is too old");
}

po_rc po_link_find(struct po_ctx *cx, struct po_home *home, po_str link,
                   enum po_link_kind *ret_kind, char ret_user[static PO_CREDENTIAL_USER_BYTES_MAX])
{
    struct opened opened;
    PO_TRY(cx, open_counted(cx, home, link, &opened));
    *ret_kind =
        po_str_eq_cstr(PO_LIT("invite"), opened.ticket.kind) ? PO_LINK_INVITE : PO_LINK_RESET;
    memcpy(ret_user, opened.ticket.user, PO_CREDENTIAL_USER_BYTES_MAX);
    return po_rc_ok();
}

po_rc po_link_begin(struct po_ctx *cx, struct po_home *home, po_str link, po_str new_password,
                    struct po_credential_job *ret_job)
{
    PO_CREDENTIAL_JOB_AUTO job = {.kind = PO_JOB_LINK};
    struct opened opened;
    struct po_attempt attempt;
    *ret_job = (struct po_credential_job){0};
    PO_TRY(cx, open_counted(cx, home, link, &opened));
    PO_TRY(cx, po_password_check_for(cx, home, &opened.user, new_password));
    PO_TRY(cx, po_attempt_make(cx, home, opened.user.email, &attempt));
    po_job_prepare(cx, home, &attempt, &job);
    po_text_cut(po_str_of(opened.user.id), job.user, sizeof job.user);
    memcpy(job.link, opened.ticket.digest, sizeof job.link);
    PO_TRY(cx, po_secret_new(cx, new_password, &job.new_password));
    *ret_job = job;
    job = (struct po_credential_job){0};
    return po_rc_ok();
}

/* ---- using ------------------------------------------------------------------------------------ */

static po_rc put_password(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                          const struct po_credential_job *job, const char *hash)
{
    struct po_user user;
    struct po_attempt attempt;
    struct po_store_ticket *row = NULL;
    po_attempt_of_job(job, &attempt);
    PO_TRY(cx, po_store_ticket_find(cx, po_tx_store(tx), job->link, &row));
    PO_TRY(cx, po_user_get(cx, home, po_str_of(job->user), &user));
    if (row == NULL || row->expires_us <= po_ctx_now_us(cx) || !is_state_for(&user, row->kind))
        return PO_FAIL(cx, PO_EXPIRED, "the link is unknown, was used, or is too old");
    PO_TRY(cx, po_ticket_spend(cx, tx, job->link));
    if (po_str_eq(row->kind, PO_LIT("invite")))
        PO_TRY(cx, po_user_activate(cx, tx, po_str_of(job->user)));
    PO_TRY(cx, po_password_put(cx, tx, po_str_of(job->user), PO_LIT(""), hash));
    PO_TRY(cx, po_lockout_succeed(cx, tx, &attempt));
    struct po_auth_note note = {.type = PO_EVENT_TYPE_LINK_USED,
                                .action = "use",
                                .result = PO_EVENT_SUCCESS,
                                .user = job->user,
                                .attempt = &attempt,
                                .method = "link"};
    PO_TRY(cx, po_auth_queue(cx, home, tx, &note));
    note.type = PO_EVENT_TYPE_PASSWORD_CHANGED;
    note.action = "change_password";
    return po_auth_queue(cx, home, tx, &note);
}

/* @control CC6.2 */
po_rc po_link_finish(struct po_ctx *cx, struct po_home *home, const struct po_credential_job *job,
                     const struct po_credential_answer *answer,
                     struct po_signin_outcome *ret_outcome)
{
    struct po_attempt attempt;
    struct po_store_credential *totp = NULL;
    PO_TRY(cx, po_job_check(cx, job, PO_JOB_LINK));
    po_attempt_of_job(job, &attempt);
    PO_TRY(cx, po_credential_find(cx, home, po_str_of(job->user), "totp", &totp));
    const struct po_signin_grant grant = {.user = job->user,
                                          .method = "link",
                                          .agent = po_str_of(job->user_agent),
                                          .attempt = &attempt,
                                          .has_totp = totp != NULL,
                                          .is_mfa_required =
                                              po_credential_policy_get(cx, home).is_mfa_required};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, put_password(cx, home, tx, job, answer->new_hash));
    return po_signin_grant_commit(cx, home, tx, &grant, ret_outcome);
}
