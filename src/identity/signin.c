/*
 * Sign-in by password: begin finds what to verify, finish decides.
 *
 *   begin ── locked ──> PO_RATE (auth.refused)
 *         └─ job ─> keeper ─ answer ─> finish ── wrong, unknown, not active ──> PO_UNAUTH (auth.failed)
 *                                             ├─ locked meanwhile ──> PO_RATE
 *                                             ├─ second factor ──> ticket (auth.challenged)
 *                                             └─ session (auth.succeeded)
 *
 * Invariants
 *  1. Every attempt that is not refused verifies exactly one hash.
 *  2. Known or unknown, account and tenant, begin makes the same queries and finish the same writes.
 *  3. What was right at begin is looked at again in finish: the account may have been suspended, its
 *     password changed, or others may have failed while the hash was computed.
 */
#include "home/home.h"
#include "identity/credential_priv.h"
#include "identity/identity_priv.h"

#define NO_ADDRESS "nobody@invalid" /* looked for where nobody can be found */
#define WRONG "the e-mail address or the password is not right"
#define NOBODY "usr_00000000000000000000000000"

static const char *refusal_text(enum po_signin_refusal refusal)
{
    switch (refusal) {
    case PO_REFUSAL_NO_TENANT: return "unknown tenant";
    case PO_REFUSAL_UNKNOWN: return "unknown account";
    case PO_REFUSAL_NO_PASSWORD: return "account without password";
    case PO_REFUSAL_NOT_ACTIVE: return "account not active";
    case PO_REFUSAL_NONE: break;
    }
    return "wrong password";
}

po_rc po_credential_find(struct po_ctx *cx, struct po_home *home, po_str user, const char *kind,
                         struct po_store_credential **ret_credential)
{
    struct po_store_credential *rows = NULL;
    size_t count = 0;
    PO_TRY(cx,
           po_store_credential_list(cx, po_home_store(home), user, po_str_of(kind), &rows, &count));
    *ret_credential = count > 0 ? &rows[0] : NULL;
    return po_rc_ok();
}

po_rc po_password_store(struct po_ctx *cx, struct po_tx *tx, po_str user, const char *hash)
{
    const struct po_store_credential password = {
        .user = user, .kind = PO_LIT("password"), .secret = po_str_of(hash)};
    return po_store_credential_put(cx, tx, &password);
}

void po_attempt_of_job(const struct po_credential_job *job, struct po_attempt *ret_attempt)
{
    ret_attempt->has_account = true;
    memcpy(ret_attempt->account, job->account, sizeof ret_attempt->account);
    memcpy(ret_attempt->source, job->source, sizeof ret_attempt->source);
    memcpy(ret_attempt->source_class, job->source_class, sizeof ret_attempt->source_class);
}

void po_job_prepare(struct po_ctx *cx, struct po_home *home, const struct po_attempt *attempt,
                    struct po_credential_job *job)
{
    job->tenant = cx->tenant;
    job->cost = po_credential_policy_get(cx, home).cost;
    memcpy(job->account, attempt->account, sizeof job->account);
    memcpy(job->source, attempt->source, sizeof job->source);
    memcpy(job->source_class, attempt->source_class, sizeof job->source_class);
}

/* The stored hash, or one that costs the same and matches nothing. */
po_rc po_job_take_hash(struct po_ctx *cx, struct po_home *home, po_str user,
                       struct po_credential_job *job)
{
    struct po_store_credential *password = NULL;
    PO_TRY(cx, po_credential_find(cx, home, user, "password", &password));
    if (password == NULL && job->refusal == PO_REFUSAL_NONE) job->refusal = PO_REFUSAL_NO_PASSWORD;
    if (password == NULL || job->refusal != PO_REFUSAL_NONE) {
        PO_TRY_LEAF(cx, po_password_hash_dummy(job->cost, job->hash), "there is no randomness");
        return po_rc_ok();
    }
    if (password->secret.len >= sizeof job->hash)
        return PO_FAIL(cx, PO_CORRUPT, "the stored hash is too long");
    memcpy(job->hash, password->secret.ptr, password->secret.len);
    job->hash[password->secret.len] = '\0';
    job->is_weak = po_password_hash_is_weak(password->secret, job->cost);
    return po_rc_ok();
}

static po_rc look_up(struct po_ctx *cx, struct po_home *home, po_str email,
                     struct po_credential_job *job)
{
    char room[PO_EMAIL_BYTES_MAX];
    bool is_found = false;
    struct po_user user = {0};
    bool is_nowhere = job->refusal == PO_REFUSAL_NO_TENANT;
    po_str wanted = is_nowhere ? PO_LIT(NO_ADDRESS) : po_email_fold(email, room);
    PO_TRY(cx, po_user_find_email(cx, home, wanted, &is_found, &user));
    if (is_nowhere)
        is_found = false;
    else if (!is_found)
        job->refusal = PO_REFUSAL_UNKNOWN;
    else if (!po_user_is_active(&user))
        job->refusal = PO_REFUSAL_NOT_ACTIVE;
    if (is_found) po_text_cut(po_str_of(user.id), job->user, sizeof job->user);
    return po_job_take_hash(cx, home, is_found ? po_str_of(user.id) : PO_LIT(NOBODY), job);
}

/* The tenant that was named, and whom the attempt counts for. */
static po_rc enter(struct po_ctx *cx, struct po_home *home, const struct po_signin_request *request,
                   struct po_attempt *ret_attempt, enum po_signin_refusal *ret_refusal)
{
    bool is_known = false;
    PO_TRY(cx, po_tenant_enter_named(cx, home, request->tenant, &is_known));
    *ret_refusal = is_known ? PO_REFUSAL_NONE : PO_REFUSAL_NO_TENANT;
    if (is_known) return po_attempt_make(cx, home, request->email, ret_attempt);
    return po_attempt_make_stranger(cx, home, request->tenant, request->email, ret_attempt);
}

po_rc po_signin_begin(struct po_ctx *cx, struct po_home *home,
                      const struct po_signin_request *request, struct po_credential_job *ret_job)
{
    PO_CREDENTIAL_JOB_AUTO job = {.kind = PO_JOB_SIGNIN};
    struct po_attempt attempt;
    *ret_job = (struct po_credential_job){0};
    if (request->email.len == 0 || request->email.len > PO_EMAIL_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "an e-mail address has 1 to %d bytes", PO_EMAIL_BYTES_MAX);
    if (request->password.len == 0 || request->password.len > PO_PASSWORD_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a password has 1 to %d bytes", PO_PASSWORD_BYTES_MAX);
    PO_TRY(cx, enter(cx, home, request, &attempt, &job.refusal));
    const struct po_auth_note note = {.action = "sign_in", .attempt = &attempt};
    PO_TRY(cx, po_auth_check_open(cx, home, &note));
    po_job_prepare(cx, home, &attempt, &job);
    PO_TRY(cx, look_up(cx, home, request->email, &job));
    PO_TRY(cx, po_secret_new(cx, request->password, &job.password));
    if (job.is_weak) PO_TRY(cx, po_secret_new(cx, request->password, &job.new_password));
    po_text_cut(request->user_agent, job.user_agent, sizeof job.user_agent);
    *ret_job = job;
    job = (struct po_credential_job){0};
    return po_rc_ok();
}

/* ---- the second phase ------------------------------------------------------------------------- */

po_rc po_job_check(struct po_ctx *cx, const struct po_credential_job *job,
                   enum po_credential_job_kind kind)
{
    if (job->kind != kind || job->tenant.value != cx->tenant.value)
        return PO_FAIL(cx, PO_BUG, "a job of another kind or tenant");
    return po_rc_ok();
}

/* Is what `answer` judged still what holds? */
static po_rc is_still_right(struct po_ctx *cx, struct po_home *home,
                            const struct po_credential_job *job, bool *ret_is)
{
    struct po_user user;
    struct po_store_credential *password = NULL;
    PO_TRY(cx, po_user_get(cx, home, po_str_of(job->user), &user));
    PO_TRY(cx, po_credential_find(cx, home, po_str_of(job->user), "password", &password));
    *ret_is = po_user_is_active(&user) && password != NULL &&
              po_str_eq_secret(password->secret, po_str_of(job->hash));
    return po_rc_ok();
}

po_rc po_job_judge(struct po_ctx *cx, struct po_home *home, const struct po_credential_job *job,
                   const struct po_credential_answer *answer, const struct po_auth_note *note)
{
    bool is_right = answer->is_right && job->refusal == PO_REFUSAL_NONE;
    struct po_auth_note failure = *note;
    PO_TRY(cx, po_auth_check_open(cx, home, note));
    failure.reason = refusal_text(job->refusal);
    if (is_right) {
        PO_TRY(cx, is_still_right(cx, home, job, &is_right));
        failure.reason = "changed meanwhile";
    }
    if (is_right) return po_rc_ok();
    PO_TRY(cx, po_auth_fail(cx, home, &failure));
    return PO_FAIL(cx, PO_UNAUTH, WRONG);
}

static po_rc grant_ticket(struct po_ctx *cx, struct po_tx *tx, const struct po_signin_grant *grant,
                          struct po_signin_outcome *outcome)
{
    const struct po_ticket_new ticket = {.kind = grant->has_totp ? "mfa" : "enrol",
                                         .user = po_str_of(grant->user),
                                         .source_class = grant->attempt->source_class,
                                         .life_us = grant->has_totp ? PO_TICKET_MFA_LIFE_US
                                                                    : PO_TICKET_ENROL_LIFE_US};
    outcome->state = grant->has_totp ? PO_SIGNIN_MFA : PO_SIGNIN_ENROL;
    return po_ticket_add(cx, tx, &ticket, &outcome->secret, &outcome->expires_us);
}

po_rc po_signin_grant(struct po_ctx *cx, struct po_tx *tx, const struct po_signin_grant *grant,
                      struct po_signin_outcome *ret_outcome)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {.state = PO_SIGNIN_SESSION};
    char session[PO_ID_BYTES] = "";
    po_text_cut(po_str_of(grant->user), outcome.user, sizeof outcome.user);
    if (!grant->is_mfa && (grant->has_totp || grant->is_mfa_required)) {
        PO_TRY(cx, grant_ticket(cx, tx, grant, &outcome));
    } else {
        const struct po_session_new new_session = {.user = po_str_of(grant->user),
                                                   .method = po_str_of(grant->method),
                                                   .agent = grant->agent,
                                                   .is_mfa = grant->is_mfa,
                                                   .is_stepped_up = true};
        PO_TRY(cx, po_session_create(cx, tx, &new_session, session, &outcome.secret));
        po_text_cut(po_str_of(session), outcome.session, sizeof outcome.session);
        if (grant->attempt != NULL) PO_TRY(cx, po_lockout_succeed(cx, tx, grant->attempt));
    }
    *ret_outcome = outcome;
    outcome = (struct po_signin_outcome){0};
    return po_rc_ok();
}

po_rc po_signin_grant_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                             const struct po_signin_grant *grant,
                             struct po_signin_outcome *ret_outcome)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_auth_note note = {.action = "sign_in",
                                .result = PO_EVENT_SUCCESS,
                                .user = grant->user,
                                .attempt = grant->attempt,
                                .method = grant->method};
    PO_TRY(cx, po_signin_grant(cx, tx, grant, &outcome));
    const bool is_session = outcome.state == PO_SIGNIN_SESSION;
    note.type = is_session ? PO_EVENT_TYPE_AUTH_SUCCEEDED : PO_EVENT_TYPE_AUTH_CHALLENGED;
    note.session = outcome.session;
    note.reason = outcome.state == PO_SIGNIN_ENROL ? "a second factor must be enrolled" : NULL;
    PO_TRY(cx, po_auth_commit(cx, home, tx, &note));
    *ret_outcome = outcome;
    outcome = (struct po_signin_outcome){0};
    return po_rc_ok();
}

/* The password is right and its hash was below the policy's cost. */
static po_rc keep_new_hash(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                           const struct po_credential_job *job,
                           const struct po_credential_answer *answer)
{
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_PASSWORD_REHASHED,
                                      .action = "rehash",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = job->user};
    PO_TRY(cx, po_password_store(cx, tx, po_str_of(job->user), answer->new_hash));
    return po_auth_queue(cx, home, tx, &note);
}

/* @control CC6.1 */
po_rc po_signin_finish(struct po_ctx *cx, struct po_home *home, const struct po_credential_job *job,
                       const struct po_credential_answer *answer,
                       struct po_signin_outcome *ret_outcome)
{
    struct po_attempt attempt;
    struct po_store_credential *totp = NULL;
    po_attempt_of_job(job, &attempt);
    const struct po_auth_note note = {
        .action = "sign_in", .user = job->user, .attempt = &attempt, .method = "password"};
    PO_TRY(cx, po_job_check(cx, job, PO_JOB_SIGNIN));
    PO_TRY(cx, po_job_judge(cx, home, job, answer, &note));
    PO_TRY(cx, po_credential_find(cx, home, po_str_of(job->user), "totp", &totp));
    const struct po_signin_grant grant = {.user = job->user,
                                          .method = "password",
                                          .agent = po_str_of(job->user_agent),
                                          .attempt = &attempt,
                                          .has_totp = totp != NULL,
                                          .is_mfa_required =
                                              po_credential_policy_get(cx, home).is_mfa_required};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    if (answer->new_hash[0] != '\0') PO_TRY(cx, keep_new_hash(cx, home, tx, job, answer));
    return po_signin_grant_commit(cx, home, tx, &grant, ret_outcome);
}
