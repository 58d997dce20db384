/*
 * Shapes of responses, in short: "name:type" divided by blanks.
 *
 * Types: str int bool time json (any), a schema's name; "?" behind it: may be null; "[]": an array of it.
 * "?" behind a name: the member may be absent.
 */
#include "api/api_priv.h"

static const struct po_api_schema schemas[] = {
    {"Action", "action:str kind:str privileged:bool step_up:bool"},
    {"ActionRoles", "action:str kind:str privileged:bool step_up:bool roles:str"},
    {"AsOf", "size:int root:str? time:time?"},
    {"Assessment",
     "tested:int passed:int failed:int errors:int skipped:int untested:int not_due:int "
     "without_check:int elapsed_ms:int"},
    {"AuditEvent",
     "seq:int timestamp:time event_type:str user_id:str resource:str action:str result:str "
     "ip_address:str session_id:str event:json"},
    {"CategoryScore", "category:str score:int status:str met:int of:int criteria:CriterionScore[]"},
    {"ClauseState", "clause:str state:str passing:int? total:int? leaf:int? age_s:int? reason:str? "
                    "text:str"},
    {"Control", "id:str severity:str kind:str criteria:str clauses:int checked:int title:str"},
    {"CriterionScore", "id:str score:int status:str why:str[]"},
    {"Decision", "user:str role:str? action:str resource:str? allowed:bool rule:str reason:str "
                 "step_up:bool"},
    {"Done", "message:str"},
    {"Ended", "ended:int"},
    {"Enrolment", "secret:str uri:str svg:str"},
    {"Flag", "name:str value:str? is_default:bool type:str doc:str"},
    {"HealthCheck", "id:str name:str repair:str? measures:str pass:str"},
    {"HealthResult", "id:str name:str state:str reason:str age_s:int"},
    {"HealthResults", "checks:HealthResult[]"},
    {"Invited", "id:str link:str role_in_force:bool role_effective:time?"},
    {"Job", "job:str state:str does:str"},
    {"Key", "id:str purpose:str state:str created:time? rotated:time? age_days:int?"},
    {"Leaf", "leaf:int time:time event_type:str result:str tenant_seq:int payload_bytes:int "
             "leaf_hash:str"},
    {"LedgerFinding", "verdict:str file:str why:str"},
    {"LedgerVerdict", "verdict:str state:str checked:int why:str"},
    {"LedgerVerification",
     "ok:bool size:int root:str verdicts:LedgerVerdict[] findings:LedgerFinding[]"},
    {"Link", "kind:str"},
    {"Mfa", "password:bool totp:bool required:bool recovery_codes_left:int totp_since:time? "
            "password_since:time?"},
    {"MySession", "id:str method:str agent:str ip:str mfa:bool open:bool current:bool "
                  "created_at:time? seen_at:time? expires_at:time?"},
    {"Object", ""},
    {"Option", "name:str value:str? origin:str? default:str? doc:str"},
    {"PlannedCheck", "clause:str check:str"},
    /* What is refused before it comes to the API has no code and no request id. */
    {"Problem", "type:str title:str status:int detail?:str member?:str rule?:str code?:str "
                "request_id?:str"},
    {"Program", "id:str kind:str program:str trust:str granted:str digest:str needs:str"},
    {"ProgramEntry",
     "type:str file:str line:int entry:str kind:str id:str signature:str needs:json"},
    {"ProgramFinding", "type:str file:str line:int column:int width:int severity:str code:str "
                       "message:str hint:str"},
    {"ProgramFindings", "files:int errors:int warnings:int diagnostics:ProgramFinding[] "
                        "entries:ProgramEntry[]"},
    {"ProgramTest", "file:str test:str result:str message:str"},
    {"ProgramTests", "passed:int failed:int skipped:int tests:ProgramTest[]"},
    {"RecoveryCodes", "recovery_codes:str[]"},
    {"RegisterEntry", "name:str value:str author:str time:time current:bool"},
    {"RepairStep", "repair:str subject:str before:str? after:str? state:str why:str?"},
    {"RepairSteps", "data:RepairStep[] next_cursor:str?"},
    {"Replay", "data:ReplayStep[] next_cursor:str?"},
    {"ReplayStep", "what:str same:bool recorded:str replayed:str"},
    {"Report", "id:str path:str ledger_size:int"},
    {"ReportCheck", "check:str holds:bool"},
    {"ResetLink", "id:str link:str expires:time"},
    {"Role", "name:str kind:str privileged:bool actions:int users:int author:str? created:time? "
             "meaning:str?"},
    {"RoleChange", "id:str role:str in_force:bool effective:time?"},
    {"Scores", "as_of:AsOf categories:CategoryScore[]"},
    {"Self", "id:str kind:str role:str session:str token:str mfa:bool needs_mfa:bool "
             "stepped_up:bool expires_at:time? actions:str[]"},
    {"Session", "id:str user:str current:bool open:bool method:str mfa:bool ip:str agent:str "
                "created:time? seen:time? expires:time? ended:str?"},
    {"SignIn", "state:str user?:str ticket?:str expires_at?:time recovery_codes?:str[]"},
    {"StoreFinding", "check:str table:str row:str text:str"},
    {"StoreFindings", "data:StoreFinding[] next_cursor:str?"},
    {"Token",
     "id:str user:str name:str scopes:str open:bool created:time? expires:time? used:time? "
     "author:str ended:str?"},
    {"TokenMade", "id:str token:str expires:time?"},
    {"Tokens", "data:Token[] next_cursor:str?"},
    {"TrustKey", "name:str level:str vkey:str"},
    {"User", "id:str kind:str state:str role:str? role_waiting:str? role_effective:time? name:str "
             "email:str? owner:str? ownerless:bool created:time? changed:time? version:int"},
    {"Version", "version:str commit:str variant:str sources_sha256:str"},
};

const struct po_api_schema *po_api_schemas(size_t *ret_count)
{
    *ret_count = sizeof schemas / sizeof *schemas;
    return schemas;
}

const char *po_api_schema_text(const char *name)
{
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (strcmp(schemas[i].name, name) == 0) return schemas[i].text;
    return NULL;
}
