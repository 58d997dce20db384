/*
 * One's own password while signed in: changing it, and proving it again (step-up).
 */
#include "home/home.h"
#include "identity/credential_priv.h"

/* A job that verifies the user's present password. */
static po_rc own_begin(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                       po_str password, struct po_credential_job *job)
{
    struct po_user user;
    struct po_attempt attempt;
    PO_TRY(cx, po_user_get(cx, home, own->user, &user));
    PO_TRY(cx, po_attempt_make(cx, home, user.email, &attempt));
    const struct po_auth_note note = {.action = job->kind == PO_JOB_CHANGE ? "change_password"
                                                                           : "step_up",
                                      .user = user.id,
                                      .attempt = &attempt};
    PO_TRY(cx, po_auth_check_open(cx, home, &note));
    if (!po_user_is_active(&user)) job->refusal = PO_REFUSAL_NOT_ACTIVE;
    po_job_prepare(cx, home, &attempt, job);
    po_text_cut(own->user, job->user, sizeof job->user);
    po_text_cut(own->session, job->session, sizeof job->session);
    PO_TRY(cx, po_job_take_hash(cx, home, own->user, job));
    return po_secret_new(cx, password, &job->password);
}

po_rc po_password_change_begin(struct po_ctx *cx, struct po_home *home,
                               const struct po_password_change *change,
                               struct po_credential_job *ret_job)
{
    PO_CREDENTIAL_JOB_AUTO job = {.kind = PO_JOB_CHANGE};
    struct po_user user;
    *ret_job = (struct po_credential_job){0};
    if (change->password.len == 0 || change->password.len > PO_PASSWORD_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a password has 1 to %d bytes", PO_PASSWORD_BYTES_MAX);
    PO_TRY(cx, po_user_get(cx, home, change->own.user, &user));
    PO_TRY(cx, po_password_check_for(cx, home, &user, change->new_password));
    PO_TRY(cx, own_begin(cx, home, &change->own, change->password, &job));
    PO_TRY(cx, po_secret_new(cx, change->new_password, &job.new_password));
    *ret_job = job;
    job = (struct po_credential_job){0};
    return po_rc_ok();
}

po_rc po_password_put(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str session,
                      const char *hash)
{
    static const char *const tickets[] = {"mfa", "enrol", "reset", "invite"};
    if (hash[0] == '\0') return PO_FAIL(cx, PO_BUG, "there is no hash to store");
    PO_TRY(cx, po_password_store(cx, tx, user, hash));
    for (size_t i = 0; i < sizeof tickets / sizeof tickets[0]; i++)
        PO_TRY(cx, po_store_ticket_void(cx, tx, user, po_str_of(tickets[i])));
    return po_session_end_user(cx, tx, user, session, "password changed", NULL);
}

/* @control CC6.1 */
po_rc po_password_change_finish(struct po_ctx *cx, struct po_home *home,
                                const struct po_credential_job *job,
                                const struct po_credential_answer *answer)
{
    struct po_attempt attempt;
    po_attempt_of_job(job, &attempt);
    struct po_auth_note note = {
        .action = "change_password", .user = job->user, .attempt = &attempt, .method = "password"};
    PO_TRY(cx, po_job_check(cx, job, PO_JOB_CHANGE));
    PO_TRY(cx, po_job_judge(cx, home, job, answer, &note));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_password_put(cx, tx, po_str_of(job->user), po_str_of(job->session),
                               answer->new_hash));
    PO_TRY(cx, po_lockout_succeed(cx, tx, &attempt));
    note.type = PO_EVENT_TYPE_PASSWORD_CHANGED;
    note.result = PO_EVENT_SUCCESS;
    return po_auth_commit(cx, home, tx, &note);
}

/* ---- step-up ---------------------------------------------------------------------------------- */

po_rc po_step_up_begin(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                       po_str password, struct po_credential_job *ret_job)
{
    PO_CREDENTIAL_JOB_AUTO job = {.kind = PO_JOB_STEP_UP};
    struct po_store_credential *totp = NULL;
    *ret_job = (struct po_credential_job){0};
    if (password.len == 0 || password.len > PO_PASSWORD_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a password has 1 to %d bytes", PO_PASSWORD_BYTES_MAX);
    PO_TRY(cx, po_credential_find(cx, home, own->user, "totp", &totp));
    if (totp != NULL)
        return PO_FAIL(cx, PO_INVALID, "this account proves itself with a one-time code");
    PO_TRY(cx, own_begin(cx, home, own, password, &job));
    *ret_job = job;
    job = (struct po_credential_job){0};
    return po_rc_ok();
}

po_rc po_step_up_finish(struct po_ctx *cx, struct po_home *home,
                        const struct po_credential_job *job,
                        const struct po_credential_answer *answer)
{
    struct po_attempt attempt;
    po_attempt_of_job(job, &attempt);
    struct po_auth_note note = {
        .action = "step_up", .user = job->user, .attempt = &attempt, .method = "password"};
    PO_TRY(cx, po_job_check(cx, job, PO_JOB_STEP_UP));
    PO_TRY(cx, po_job_judge(cx, home, job, answer, &note));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_session_step_up(cx, tx, po_str_of(job->session)));
    PO_TRY(cx, po_lockout_succeed(cx, tx, &attempt));
    note.type = PO_EVENT_TYPE_AUTH_STEPPED_UP;
    note.result = PO_EVENT_SUCCESS;
    return po_auth_commit(cx, home, tx, &note);
}
