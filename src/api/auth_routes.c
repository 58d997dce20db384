/*
 * Signing in and out, one-time links, the own password, proving oneself again.
 *
 * A session's secret leaves only in the cookie: HttpOnly, Secure, SameSite=Strict, bound to this host and
 * path "/" by its __Host- prefix. Tickets of unfinished sign-ins travel in bodies only.
 */
#include "api/handlers_priv.h"

static struct po_mfa_request mfa_request(const struct po_api_call *call)
{
    return (struct po_mfa_request){.ticket = po_api_text(call, "ticket"),
                                   .code = po_api_text(call, "code"),
                                   .user_agent = call->req->fields[PO_API_FIELD_USER_AGENT]};
}

#define COOKIE_ATTRIBUTES "Path=/; Secure; HttpOnly; SameSite=Strict"
#define COOKIE_DROPPED PO_API_COOKIE "=; " COOKIE_ATTRIBUTES "; Max-Age=0"

/* The value of Set-Cookie that gives a session's secret; NULL: out of memory. */
static const char *cookie_of(struct po_ctx *cx, po_str secret)
{
    return po_arena_printf(cx->arena, PO_API_COOKIE "=%.*s; " COOKIE_ATTRIBUTES "; Max-Age=%ld",
                           PO_STR_ARG(secret), (long)(PO_SESSION_LIFE_US / PO_US_PER_S));
}

po_rc po_api_cookies(struct po_ctx *cx, struct po_buf *out)
{
    const char *given = cookie_of(cx, PO_LIT("secret"));
    if (given == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_buf_printf(out, "%s\n%s\n", given, COOKIE_DROPPED);
    return po_rc_ok();
}

static PO_RC set_cookie(struct po_ctx *cx, struct po_api_call *call, po_str secret)
{
    const char *text = cookie_of(cx, secret);
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_api_set(call->res, PO_HTTP_SET_COOKIE, po_str_of(text));
    return po_rc_ok();
}

static void drop_cookie(struct po_api_call *call)
{
    po_api_set(call->res, PO_HTTP_SET_COOKIE, PO_LIT(COOKIE_DROPPED));
    po_api_set(call->res, PO_HTTP_CLEAR_SITE_DATA, PO_LIT("\"cache\", \"storage\""));
}

/* {"state":…,"user":…} and for a sign-in that goes on its ticket. */
po_rc po_api_outcome(struct po_ctx *cx, struct po_api_call *call,
                     const struct po_signin_outcome *outcome)
{
    static const char *const states[] = {"none", "session", "mfa", "enrol"};
    struct po_json_out json;
    char expires[PO_TIME_RFC3339_BYTES];
    bool is_session = outcome->state == PO_SIGNIN_SESSION;
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "state", po_str_of(states[(unsigned)outcome->state % 4]));
    if (is_session) po_json_out_field(&json, "user", po_str_of(outcome->user));
    if (!is_session && outcome->secret != NULL) {
        po_time_format_s(outcome->expires_us, expires);
        po_json_out_field(&json, "ticket", po_secret_bytes(outcome->secret));
        po_json_out_field(&json, "expires_at", po_str_of(expires));
    }
    if (outcome->has_codes) po_api_add_codes(&json, &outcome->codes);
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    if (is_session && outcome->secret != NULL)
        PO_TRY(cx, set_cookie(cx, call, po_secret_bytes(outcome->secret)));
    return po_api_json(cx, call, 200);
}

po_rc po_api_not_right(struct po_ctx *cx, struct po_api_call *call, po_rc rc)
{
    static const struct {
        enum po_code code;
        const char *detail;
    } texts[] = {{PO_UNAUTH, "that is not right"},
                 {PO_EXPIRED, "begin again"},
                 {PO_RATE, "too many failures: wait"}};
    call->retry_after_s = cx->err.retry_after_s;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (rc.code == texts[i].code) call->detail = texts[i].detail;
    /* who is signed in stays so */
    if (rc.code == PO_UNAUTH && call->by == PO_API_BY_SESSION) call->status = 403;
    PO_TRY(cx, rc);
    return rc;
}

/* -- sign-in ------------------------------------------------------------------------------------- */

po_rc po_api_sign_in(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_signin_request request = {.tenant = po_api_text(call, "tenant"),
                                              .email = po_api_text(call, "email"),
                                              .password = po_api_text(call, "password"),
                                              .user_agent =
                                                  call->req->fields[PO_API_FIELD_USER_AGENT]};
    po_rc rc = po_signin_begin(cx, call->api->home, &request, &job);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    return po_api_wait(cx, call, &job);
}

static PO_RC redeem(struct po_ctx *cx, struct po_api_call *call, bool is_recovery)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_mfa_request request = mfa_request(call);
    po_rc rc = is_recovery ? po_signin_recovery(cx, call->api->home, &request, &outcome)
                           : po_signin_totp(cx, call->api->home, &request, &outcome);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    return po_api_outcome(cx, call, &outcome);
}

po_rc po_api_totp(struct po_ctx *cx, struct po_api_call *call) { return redeem(cx, call, false); }
po_rc po_api_recovery(struct po_ctx *cx, struct po_api_call *call)
{
    return redeem(cx, call, true);
}

po_rc po_api_enrolment(struct po_ctx *cx, struct po_api_call *call,
                       const struct po_enrolment *enrolment)
{
    struct po_json_out json;
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "secret", po_buf_str(&enrolment->secret));
    po_json_out_field(&json, "uri", po_buf_str(&enrolment->uri));
    po_json_out_field(&json, "svg", po_buf_str(&enrolment->svg));
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

po_rc po_api_enrol_begin(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    po_rc rc = po_signin_enrol_begin(cx, call->api->home, po_api_text(call, "ticket"), &enrolment);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    return po_api_enrolment(cx, call, &enrolment);
}

po_rc po_api_enrol_confirm(struct po_ctx *cx, struct po_api_call *call)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_mfa_request request = mfa_request(call);
    po_rc rc = po_signin_enrol_confirm(cx, call->api->home, &request, &outcome);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    return po_api_outcome(cx, call, &outcome);
}

/* -- one-time links ------------------------------------------------------------------------------ */

po_rc po_api_link_check(struct po_ctx *cx, struct po_api_call *call)
{
    enum po_link_kind kind = PO_LINK_INVITE;
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    struct po_json_out json;
    po_rc rc = po_link_find(cx, call->api->home, po_api_text(call, "link"), &kind, user);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "kind",
                      kind == PO_LINK_INVITE ? PO_LIT("invitation") : PO_LIT("reset"));
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

/* A password that breaks a rule: the rule is for whoever chose it. */
static PO_RC password_refused(struct po_ctx *cx, struct po_api_call *call, po_rc rc)
{
    if (rc.code != PO_INVALID) return po_api_not_right(cx, call, rc);
    call->member = PO_LIT("new_password");
    call->detail = po_arena_printf(cx->arena, "%s", po_err_msg(cx));
    return rc;
}

po_rc po_api_link_use(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    po_rc rc = po_link_begin(cx, call->api->home, po_api_text(call, "link"),
                             po_api_text(call, "new_password"), &job);
    if (!po_is_ok(rc)) return password_refused(cx, call, rc);
    return po_api_wait(cx, call, &job);
}

/* -- signed in ----------------------------------------------------------------------------------- */

po_rc po_api_sign_out(struct po_ctx *cx, struct po_api_call *call)
{
    PO_TRY(cx, po_api_need_session(cx, call));
    PO_TRY(cx,
           po_session_revoke(cx, call->api->home, po_str_of(call->identity.session), "signed out"));
    drop_cookie(call);
    call->res->status = 204;
    return po_rc_ok();
}

static bool may(const struct po_identity *identity, const struct po_action *action)
{
    bool is_elsewhere = action->is_instance && identity->tenant.value != PO_TENANT_DEFAULT.value;
    return !is_elsewhere && po_action_set_has(&identity->allowed, action) &&
           po_action_set_has(&identity->scopes, action);
}

po_rc po_api_session(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_identity *identity = &call->identity;
    struct po_json_out json;
    size_t count = 0;
    const struct po_action *actions = po_action_table(&count);
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "id", po_str_of(identity->id));
    po_json_out_field(&json, "kind",
                      identity->kind == PO_IDENTITY_SERVICE ? PO_LIT("service") : PO_LIT("user"));
    po_json_out_field(&json, "role", po_str_of(identity->role));
    po_json_out_field(&json, "session", po_str_of(identity->session));
    po_json_out_field(&json, "token", po_str_of(identity->token));
    po_api_add_bool(&json, "mfa", identity->is_mfa);
    po_api_add_bool(&json, "needs_mfa", identity->needs_mfa);
    po_api_add_bool(&json, "stepped_up", identity->is_stepped_up);
    po_api_add_time(&json, "expires_at", identity->expires_us);
    po_json_out_key(&json, "actions");
    po_json_out_array(&json);
    for (size_t i = 0; i < count; i++)
        if (may(identity, &actions[i])) po_json_out_cstr(&json, actions[i].name);
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

po_rc po_api_step_up(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_own own = po_api_own(call);
    po_str code = po_api_text(call, "code");
    po_str password = po_api_text(call, "password");
    PO_TRY(cx, po_api_need_session(cx, call));
    if ((code.len > 0) == (password.len > 0))
        return po_api_refuse(cx, call, PO_INVALID, "give 'code' or 'password'", PO_LIT("code"));
    po_rc rc = code.len > 0 ? po_step_up_totp(cx, call->api->home, &own, code)
                            : po_step_up_begin(cx, call->api->home, &own, password, &job);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    if (code.len == 0) return po_api_wait(cx, call, &job);
    call->res->status = 204;
    return po_rc_ok();
}

po_rc po_api_password(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_password_change change = {.own = po_api_own(call),
                                              .password = po_api_text(call, "password"),
                                              .new_password = po_api_text(call, "new_password")};
    PO_TRY(cx, po_api_need_session(cx, call));
    po_rc rc = po_password_change_begin(cx, call->api->home, &change, &job);
    if (!po_is_ok(rc)) return password_refused(cx, call, rc);
    return po_api_wait(cx, call, &job);
}

/* -- after the keeper's work --------------------------------------------------------------------- */

static PO_RC finish_outcome(struct po_ctx *cx, struct po_api_call *call,
                            const struct po_credential_job *job,
                            const struct po_credential_answer *answer)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    po_rc rc = job->kind == PO_JOB_LINK
                   ? po_link_finish(cx, call->api->home, job, answer, &outcome)
                   : po_signin_finish(cx, call->api->home, job, answer, &outcome);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    return po_api_outcome(cx, call, &outcome);
}

po_rc po_api_finish(struct po_ctx *cx, struct po_api_call *call,
                    const struct po_credential_job *job, const struct po_credential_answer *answer)
{
    po_rc rc = po_rc_of(PO_BUG);
    if (job->kind == PO_JOB_SIGNIN || job->kind == PO_JOB_LINK)
        return finish_outcome(cx, call, job, answer);
    if (job->kind == PO_JOB_CHANGE)
        rc = po_password_change_finish(cx, call->api->home, job, answer);
    else if (job->kind == PO_JOB_STEP_UP)
        rc = po_step_up_finish(cx, call->api->home, job, answer);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    call->res->status = 204;
    return po_rc_ok();
}
