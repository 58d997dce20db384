/*
 * The facts of this layer: what their values look like and where they come from.
 */
#include "assess_priv.h"

#define REPAIR_COUNTS                                                                              \
    "repairs: int, allowed: int, with_evidence: int, within_tries: int, harmless_or_confirmed: int"

#define WRONG "wrong: [{operation: string, outcome: string, why: string}]"

static const struct po_fact_type types[] = {
    {"access.drill",
     "{guessing: {failures: int, locked: bool, lock_events: int, opens_again: bool}, "
     "defaults: {tried: int, refused: int}, "
     "secrets: {sessions: int, shaped: int, distinct: int, random_bits: int, files: int, "
     "found_in_files: int, search_sees: bool}, "
     "revoked: {good_before: int, tried: int, refused: int, worst_ms: int}, "
     "roles: {cells: [{action: string, roles: string}], unknown_tried: int, unknown_allowed: int, "
     "weak_tried: int, weak_allowed: int}, decisions: {owed: int, found: int}, "
     "tenants: {sees_its_own: bool, tried: int, visible: int, seen: string, keys_differ: bool}, "
     "ends: {idle_ended_s: int, used_ended_s: int}}"},
    {"api.cookies", "{cookies: [string]}"},
    {"api.drill",
     "{coverage: {routes: int, obligations: int, correct: int, allowed: int, denied: int, "
     "unauthenticated: int, not_found: int, refused: int, " WRONG "}, "
     "inputs: {tried: int, refused: int, recorded: int, accepted: int, " WRONG "}, "
     "paths: {tried: int, refused: int, reads_inside: bool}, strangers: {tried: int, served: int}}"},
    {"api.operations",
     "{operations: [{id: string, action: string, known_action: bool, public: bool, schemas: bool}]}"},
    {"api.served", "{services: [{since_s: int, operations: int, recorded: int, "
                   "past_authentication: int, named: int, " WRONG "}]}"},
    {"controls.freshness", "{controls: int, fresh: int}"},
    {"controls.schedule", "{period_s: int}"},
    {"doctor.drill", "{" REPAIR_COUNTS
                     ", faults: int, planned: int, left_after_repair: int, dry_run_changed: bool, "
                     "repeat_changed: bool}"},
    {"doctor.repairs", "{" REPAIR_COUNTS "}"},
    {"health.results", "{checks: [{id: string, name: string, state: string, reason: string, "
                       "observed: HashMap<string, int>}]}"},
    {"identity.accounts", "{accounts: [{id: string, tenant: int, human: bool, state: string, "
                          "role: string, second_factor: bool, password: string, owned: bool}], "
                          "all_listed: bool, mfa_required: bool, admins_max: int}"},
    {"identity.roles", "{privileged: [{account: string, role: string, asked_by: string, "
                       "approved_by: string}]}"},
    {"identity.sessions", "{sessions: [{id: string, two_factors: bool, open: bool, life_s: int}]}"},
    {"identity.tokens", "{tokens: [{id: string, account: string, owned: bool, scoped: bool, "
                        "life_days: int, unused_days: int, open: bool}]}"},
    {"journal.registers", "{values: int, equal: int}"},
    {"pack.check", "{parts: int, fine: int}"},
    {"report.recomputed", "{reports: int, equal: int, own_template: int}"},
    {"tenants.keys", "{has_key: bool, is_shared: bool}"},
    {"tls.certificates", "{certificates: [{readable: bool, days_left: int}]}"},
    {"tls.versions", "{old: int, old_refused: int, present: int, present_accepted: int}"},
};
#define COUNT (sizeof types / sizeof *types)

/* Beside the types, one sentence each. */
static const char *const docs[COUNT] = {
    "A home of a drill's own with accounts of its own: wrong passwords until it locks; credentials that "
    "everybody knows; session secrets (bits that vary among them) and tokens, searched for in all files; "
    "what was revoked, presented again; each action with the roles that the decision lets do it; "
    "decisions that owe an event; what one tenant sees of another; when a session unused, and one used "
    "again and again, ended.",
    "Each value of Set-Cookie that the HTTP interface may answer with, from the function that it sets them by; "
    "the secret is made up.",
    "The HTTP interface on a home of a drill's own, with canaries and the real commands: each route asked as each "
    "role, by nobody, with another tenant's ids; what these requests owe the ledger, and how many left a correct "
    "event (type, action, actor, resource, result); inputs that are none: refused with a typed error, recorded, "
    "accepted; names of files that lead out of their directory; requests without a credential that holds.",
    "Operations of the HTTP interface from its own document: the action each declares, whether the table of "
    "actions knows it, whether it says that nobody need be signed in, and whether all parameters and the body have schemas that refuse what they do not "
    "name.",
    "The service that answers here, if there is one: since when, the operations that it has counted (requests "
    "that owe an event), those whose correct event stands in the ledger, the requests that it served past "
    "authentication, and those of them that named a person or service account.",
    "Controls of the catalog, and those whose clauses all have a run younger than the control's ttl.",
    "How often assessments are due (ASSESS_PERIOD).",
    "The doctor on a home of a drill's own with faults put in: what a dry run planned, what was left "
    "after a repair, whether the dry run or a second repair changed a byte, and its repairs counted.",
    "Repairs of the last 30 days, counted from the ledger: of a known kind, with before and after, "
    "tried at most 3 times a day in vain, harmless or confirmed by a person.",
    "What the 15 health checks said in this assessment.",
    "Accounts of the tenant without canaries: password is none, argon2id (at or above the configured "
    "cost), weak or other; owned: a service account that somebody answers for.",
    "Privileged roles in force, who asked for each and who approved it.",
    "The newest sessions, open or ended, without those of canaries.",
    "API tokens without those of canaries: days since the last use, or since creation when never used; "
    "owned: an active person answers for it.",
    "Operator figures in the store, and how many of them the ledger's events give again.",
    "Parts of an evidence pack made now, and how many would verify.",
    "The newest report of each kind: how many there are, are equal when computed again, and were "
    "made from this build's templates.",
    "The tenant's newest data key, compared in memory with that of each other tenant of the instance; how many "
    "those are is not told.",
    "Days that the service's certificate is still valid; none before the service was first started.",
    "Handshakes with the listeners' own settings within this process: versions below 1.2, offered by a "
    "client that would take them, and those that a listener is to speak.",
};

const struct po_fact_type *po_assess_fact_types(size_t *ret_count)
{
    *ret_count = COUNT;
    return types;
}

void po_assess_facts_render(struct po_buf *out)
{
    po_buf_append_cstr(
        out, "# Facts of assessments\n\n"
             "Made from the table in `src/assess/fact_types.c`; a unit test compares the two.\n"
             "These facts need the catalog, the health checks, the doctor or the reports, and are "
             "there in an assessment only; facts.md has the others, and the form.\n");
    for (size_t i = 0; i < COUNT; i++) {
        po_buf_printf(out, "\n## %s\n\n", types[i].name);
        po_buf_append_cstr(out, docs[i]);
        po_buf_append_cstr(out, "\n\n- type `");
        po_buf_append_cstr(out, types[i].type);
        po_buf_append_cstr(out, "`\n");
    }
}
