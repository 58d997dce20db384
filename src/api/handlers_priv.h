/*
 * Handlers of routes that run no command.
 */
#ifndef PO_API_HANDLERS_PRIV_H
#define PO_API_HANDLERS_PRIV_H

#include "api/api_priv.h"

/* me_routes.c: what several handlers write */
struct po_own po_api_own(const struct po_api_call *call);
/* What only a person with a session can do: a token has neither password nor second factor. */
PO_RC po_api_need_session(struct po_ctx *cx, struct po_api_call *call);
void po_api_add_time(struct po_json_out *json, const char *key, po_time_us time_us); /* 0: null */
void po_api_add_bool(struct po_json_out *json, const char *key, bool value);
void po_api_add_codes(struct po_json_out *json, const struct po_recovery_codes *codes);
PO_RC po_api_enrolment(struct po_ctx *cx, struct po_api_call *call,
                       const struct po_enrolment *enrolment);
/* How a sign-in stands; a new session's secret goes into the cookie. */
PO_RC po_api_outcome(struct po_ctx *cx, struct po_api_call *call,
                     const struct po_signin_outcome *outcome);
/* One text for whatever is wrong with a secret, and when to try again. */
PO_RC po_api_not_right(struct po_ctx *cx, struct po_api_call *call, po_rc rc);

/* ledger_routes.c */
PO_RC po_api_checkpoint(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_verifier_key(struct po_ctx *cx, struct po_api_call *call);
/* pack_routes.c */
PO_RC po_api_pack_export(struct po_ctx *cx, struct po_api_call *call);
/* openapi.c */
PO_RC po_api_document(struct po_ctx *cx, struct po_api_call *call);
/* stream.c */
PO_RC po_api_stream_open(struct po_ctx *cx, struct po_api_call *call);
/* auth_routes.c */
PO_RC po_api_sign_in(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_totp(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_recovery(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_enrol_begin(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_enrol_confirm(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_link_check(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_link_use(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_sign_out(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_session(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_step_up(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_password(struct po_ctx *cx, struct po_api_call *call);
/* me_routes.c */
PO_RC po_api_my_sessions(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_my_session_end(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_my_sessions_end(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_my_mfa(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_my_totp_begin(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_my_totp_confirm(struct po_ctx *cx, struct po_api_call *call);
PO_RC po_api_my_recovery(struct po_ctx *cx, struct po_api_call *call);

#endif
