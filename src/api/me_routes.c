/*
 * One's own sessions and second factor.
 */
#include "api/handlers_priv.h"

struct po_own po_api_own(const struct po_api_call *call)
{
    return (struct po_own){.user = po_str_of(call->identity.id),
                           .session = po_str_of(call->identity.session),
                           .user_agent = call->req->fields[PO_API_FIELD_USER_AGENT]};
}

void po_api_add_time(struct po_json_out *json, const char *key, po_time_us time_us)
{
    char text[PO_TIME_RFC3339_BYTES];
    po_json_out_key(json, key);
    if (time_us == 0) {
        po_json_out_null(json);
        return;
    }
    po_time_format_s(time_us, text);
    po_json_out_cstr(json, text);
}

void po_api_add_bool(struct po_json_out *json, const char *key, bool value)
{
    po_json_out_key(json, key);
    po_json_out_bool(json, value);
}

void po_api_add_codes(struct po_json_out *json, const struct po_recovery_codes *codes)
{
    po_json_out_key(json, "recovery_codes");
    po_json_out_array(json);
    for (size_t i = 0; i < PO_RECOVERY_CODES; i++)
        po_json_out_cstr(json, codes->codes[i]);
    po_json_out_array_end(json);
}

static void write_session(struct po_json_out *json, const struct po_session *session, bool is_mine)
{
    po_json_out_object(json);
    po_json_out_field(json, "id", session->id);
    po_json_out_field(json, "method", session->method);
    po_json_out_field(json, "agent", session->agent);
    po_json_out_field(json, "ip", session->ip);
    po_api_add_bool(json, "mfa", session->is_mfa);
    po_api_add_bool(json, "open", session->is_open);
    po_api_add_bool(json, "current", is_mine);
    po_api_add_time(json, "created_at", session->created_us);
    po_api_add_time(json, "seen_at", session->seen_us);
    po_api_add_time(json, "expires_at", session->expires_us);
    po_json_out_object_end(json);
}

po_rc po_api_my_sessions(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_session *sessions = NULL;
    size_t count = 0;
    struct po_json_out json;
    PO_BUF_AUTO list;
    po_buf_init(&list, PO_API_RESPONSE_BYTES_MAX);
    PO_TRY(cx,
           po_session_list(cx, call->api->home, po_str_of(call->identity.id), &sessions, &count));
    po_json_out_init(&json, &list, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "data");
    po_json_out_array(&json);
    for (size_t i = 0; i < count; i++)
        write_session(&json, &sessions[i], po_str_eq_cstr(sessions[i].id, call->identity.session));
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&list), "the list is too large");
    return po_api_page(cx, call, po_buf_str(&list));
}

/* Another's session is as one that is not there. */
po_rc po_api_my_session_end(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_session session = {0};
    po_str id = po_api_text(call, "session");
    PO_TRY(cx, po_session_get(cx, call->api->home, id, &session));
    if (!po_str_eq_cstr(session.user, call->identity.id))
        return po_api_refuse(cx, call, PO_NOTFOUND, NULL, PO_LIT(""));
    PO_TRY(cx, po_session_revoke(cx, call->api->home, id, "revoked by its user"));
    call->res->status = 204;
    return po_rc_ok();
}

po_rc po_api_my_sessions_end(struct po_ctx *cx, struct po_api_call *call)
{
    const struct po_own own = po_api_own(call);
    size_t count = 0;
    struct po_json_out json;
    PO_TRY(cx, po_session_revoke_all(cx, call->api->home, own.user, own.session,
                                     "revoked by its user", &count));
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_json_out_field_int(&json, "ended", (int64_t)count);
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

po_rc po_api_my_mfa(struct po_ctx *cx, struct po_api_call *call)
{
    struct po_mfa_state state = {0};
    struct po_json_out json;
    PO_TRY(cx, po_mfa_state_get(cx, call->api->home, po_str_of(call->identity.id), &state));
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_api_add_bool(&json, "password", state.has_password);
    po_api_add_bool(&json, "totp", state.has_totp);
    po_api_add_bool(&json, "required", state.is_required);
    po_json_out_field_int(&json, "recovery_codes_left", state.recovery_codes_left);
    po_api_add_time(&json, "totp_since", state.totp_since_us);
    po_api_add_time(&json, "password_since", state.password_since_us);
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

po_rc po_api_need_session(struct po_ctx *cx, struct po_api_call *call)
{
    if (call->by == PO_API_BY_SESSION) return po_rc_ok();
    return po_api_refuse(cx, call, PO_DENIED, "for a person who signed in, not for a token",
                         PO_LIT(""));
}

po_rc po_api_my_totp_begin(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    const struct po_own own = po_api_own(call);
    PO_TRY(cx, po_api_need_session(cx, call));
    PO_TRY(cx, po_totp_enrol_begin(cx, call->api->home, &own, &enrolment));
    return po_api_enrolment(cx, call, &enrolment);
}

/* The session is a new one afterwards: it has two factors. */
po_rc po_api_my_totp_confirm(struct po_ctx *cx, struct po_api_call *call)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_own own = po_api_own(call);
    PO_TRY(cx, po_api_need_session(cx, call));
    po_rc rc =
        po_totp_enrol_confirm(cx, call->api->home, &own, po_api_text(call, "code"), &outcome);
    if (!po_is_ok(rc)) return po_api_not_right(cx, call, rc);
    return po_api_outcome(cx, call, &outcome);
}

po_rc po_api_my_recovery(struct po_ctx *cx, struct po_api_call *call)
{
    PO_CLEANUP(po_recovery_codes_done) struct po_recovery_codes codes = {0};
    struct po_json_out json;
    PO_TRY(cx, po_api_need_session(cx, call));
    PO_TRY(cx, po_recovery_renew(cx, call->api->home, po_str_of(call->identity.id), &codes));
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_api_add_codes(&json, &codes);
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}
