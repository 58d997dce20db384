/*
 * The functions behind the command table. Each returns PO_OK when it did its work; what did not pass
 * is told by cli->exit_code.
 */
#ifndef PO_CLI_COMMANDS_PRIV_H
#define PO_CLI_COMMANDS_PRIV_H

#include "cli_priv.h"

PO_RC po_cmd_access_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_access_why(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_assess(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_audit_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_claims(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_config_check(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_config_show(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_control_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_control_run(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_control_show(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_doctor_run(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_flag_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_flag_set(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_health_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_health_run(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_health_show(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_help(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_init(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_key_recovery(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_key_rotate(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_key_status(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_ledger_export(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_ledger_prove(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_ledger_tail(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_ledger_verify(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_pack_export(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_pack_verify(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_register_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_register_set(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_report_health(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_report_nightly(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_report_readiness(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_report_status(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_report_verify(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_role_create(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_role_delete(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_role_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_role_show(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_schedule_install(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_schedule_remove(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_schedule_status(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_score(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_bundle(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_check(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_fmt(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_grant(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_new(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_replay(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_revoke(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_run(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_test(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_script_trust(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_serve(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_session_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_session_revoke(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_status(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_store_check(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_tenant_create(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_tenant_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_tenant_show(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_token_create(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_token_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_token_revoke(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_approve(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_cancel(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_deprovision(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_invite(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_list(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_mfa_reset(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_reset(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_resume(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_role(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_service(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_show(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_suspend(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_user_unlock(struct po_ctx *cx, struct po_cli *cli);
PO_RC po_cmd_version(struct po_ctx *cx, struct po_cli *cli);

#endif
