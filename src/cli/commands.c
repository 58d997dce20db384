/*
 * The command table: one row per command. Adding a command is one row here and one function.
 */
#include "commands_priv.h"

#define NO_OPTIONS {{NULL, NULL, false, NULL}}
#define AGAINST_OPTION                                                                             \
    {"--against", "FILE", true, "an earlier checkpoint, report or pack it must agree with"}
#define AS_OF_OPTION {"--as-of", "LEAF", false, "as the evidence stood at that ledger size"}

/* path, operands, min, max, needs, action, read event, function, help, details, options */
static const struct po_command commands[] = {
    {"assess", "", 0, 0, PO_NEEDS_WRITE, "assess.run", PO_EVENT_TYPE_NONE, po_cmd_assess,
     "Read the facts, test every clause that has a check, record each result in the ledger",
     "Runs what is due by the catalog's frequencies; --all runs everything now. Exit 2 when a check\n"
     "did not pass.",
     {{"--all", NULL, false, "also what is not due yet"},
      {"--timer", NULL, false, "started by the schedule: recorded as such"}}},
    {"audit list", "", 0, 0, PO_NEEDS_READ, "audit.list", PO_EVENT_TYPE_LEDGER_READ, po_cmd_audit_list,
     "List audit events, newest last",
     "Each row carries its leaf number; 'paulyops ledger prove LEAF' gives the proof.\n"
     "Example: paulyops audit list --type control.tested --since 2026-11-01T00:00:00Z -o ndjson",
     {{"--type", "NAME", false, "event type, or a prefix ending in '.'"},
      {"--actor", "ID", false, "who: os:1000, system"},
      {"--resource", "TEXT", false, "resource, exactly"},
      {"--result", "WORD", false, "success, failure, denied or error"},
      {"--since", "TIME", false, "RFC 3339 UTC, or an age such as 24h"},
      {"--until", "TIME", false, "likewise"},
      {"--limit", "N", false, "at most N of the newest (default 100)"}}},
    {"claims", "FILE", 1, 1, PO_NEEDS_NOTHING, "claims.compare", PO_EVENT_TYPE_NONE, po_cmd_claims,
     "Compare the claims of a readiness text with recorded facts; writes nothing",
     "FILE is the text (Markdown). The facts are a JSON file given with --facts.\n"
     "Exit 2 when a claim is contradicted or the facts say NOT READY.",
     {{"--facts", "FILE", false, "recorded facts (default: FILE with .facts.json)"}}},
    {"config check", "", 0, 0, PO_NEEDS_NOTHING, "config.check", PO_EVENT_TYPE_NONE, po_cmd_config_check,
     "Check config/.env and status_flags.json, and say what is wrong where", NULL, NO_OPTIONS},
    {"config show", "", 0, 0, PO_NEEDS_READ, "config.show", PO_EVENT_TYPE_CONFIG_READ, po_cmd_config_show,
     "Show every option with its value and where the value comes from",
     "Secrets are never shown, only whether they are set.",
     {{"--sample", NULL, false, "print a sample config/.env instead"}}},
    {"control list", "", 0, 0, PO_NEEDS_NOTHING, "control.list", PO_EVENT_TYPE_NONE, po_cmd_control_list,
     "List the 91 controls with criteria, severity and how many clauses have a check", NULL,
     {{"--criterion", "ID", false, "only those of one criterion, e.g. CC7.2"}}},
    {"control run", "CONTROL…", 1, 40, PO_NEEDS_WRITE, "control.run", PO_EVENT_TYPE_NONE, po_cmd_control_run,
     "Test the clauses of some controls now", "Exit 2 when one did not pass.", NO_OPTIONS},
    {"control show", "CONTROL", 1, 1, PO_NEEDS_READ, "control.show", PO_EVENT_TYPE_DATA_READ,
     po_cmd_control_show, "Show one control: clauses, state of each, newest evidence, what is missing",
     NULL, {AS_OF_OPTION}},
    {"doctor run", "[REPAIR…]", 0, 8, PO_NEEDS_WRITE, "doctor.run", PO_EVENT_TYPE_NONE, po_cmd_doctor_run,
     "Auto-Doctor: plan, apply and verify repairs",
     "Repairs: missing_directory, wrong_mode, stale_lock. It moves, it never deletes.\n"
     "--dry-run prints the whole plan and changes nothing.",
     NO_OPTIONS},
    {"flag list", "", 0, 0, PO_NEEDS_READ, "flag.list", PO_EVENT_TYPE_DATA_READ, po_cmd_flag_list,
     "List status flags with value, default and meaning", NULL, NO_OPTIONS},
    {"flag set", "NAME VALUE", 2, 2, PO_NEEDS_WRITE, "flag.set", PO_EVENT_TYPE_NONE, po_cmd_flag_set,
     "Change a status flag; recorded with actor, old and new value", NULL,
     {{"--reason", "TEXT", false, "why, kept with the record"}}},
    {"health list", "", 0, 0, PO_NEEDS_NOTHING, "health.list", PO_EVENT_TYPE_NONE, po_cmd_health_list,
     "List the 15 health checks and what each measures", NULL, NO_OPTIONS},
    {"health run", "", 0, 0, PO_NEEDS_WRITE, "health.run", PO_EVENT_TYPE_NONE, po_cmd_health_run,
     "Run the 15 health checks now", "Exit 2 when one did not pass.", NO_OPTIONS},
    {"health show", "CHECK", 1, 1, PO_NEEDS_READ, "health.show", PO_EVENT_TYPE_DATA_READ, po_cmd_health_show,
     "Show one health check and its newest result", NULL, NO_OPTIONS},
    {"help", "[COMMAND]", 0, 2, PO_NEEDS_NOTHING, "help", PO_EVENT_TYPE_NONE, po_cmd_help,
     "Explain all commands or one", NULL, NO_OPTIONS},
    {"init", "", 0, 0, PO_NEEDS_NOTHING, "home.init", PO_EVENT_TYPE_NONE, po_cmd_init,
     "Create a home: directories, keys (outside the home), store and ledger",
     "Asks nothing. Prints where the master key is: copy it, or run 'paulyops key recovery create'.",
     NO_OPTIONS},
    {"key recovery", "create|verify", 1, 1, PO_NEEDS_WRITE, "key.recovery", PO_EVENT_TYPE_NONE,
     po_cmd_key_recovery, "Make or test the printed recovery code of the master key",
     "Both need a terminal: the code is shown once and typed in, never read from a file.", NO_OPTIONS},
    {"key rotate", "master|data", 1, 1, PO_NEEDS_WRITE, "key.rotate", PO_EVENT_TYPE_NONE, po_cmd_key_rotate,
     "Replace the master key, or begin a new data key",
     "master: data keys are wrapped anew. data: new events use the new key, the old ones only open.",
     NO_OPTIONS},
    {"key status", "", 0, 0, PO_NEEDS_READ, "key.status", PO_EVENT_TYPE_KEY_LISTED, po_cmd_key_status,
     "List keys: purpose, state, age; never a key", NULL, NO_OPTIONS},
    {"ledger export", "", 0, 0, PO_NEEDS_READ, "ledger.export", PO_EVENT_TYPE_LEDGER_EXPORTED,
     po_cmd_ledger_export, "Export the log as C2SP tlog-tiles for any verifier", NULL,
     {{"--c2sp", "DIR", false, "directory to create or update (required)"}}},
    {"ledger prove", "LEAF", 1, 1, PO_NEEDS_READ, "ledger.prove", PO_EVENT_TYPE_LEDGER_READ,
     po_cmd_ledger_prove, "Print the inclusion proof of one leaf (c2sp.org/tlog-proof@v1)", NULL,
     NO_OPTIONS},
    {"ledger tail", "", 0, 0, PO_NEEDS_READ, "ledger.tail", PO_EVENT_TYPE_LEDGER_READ, po_cmd_ledger_tail,
     "Show the newest leaves as the ledger holds them", NULL,
     {{"-n", "N", false, "how many (default 10)"}}},
    {"ledger verify", "", 0, 0, PO_NEEDS_READ, "ledger.verify", PO_EVENT_TYPE_LEDGER_VERIFIED,
     po_cmd_ledger_verify, "Verify every byte of the ledger; one verdict per property",
     "Exit 2 when a verdict failed.", {AGAINST_OPTION}},
    {"pack export", "DIR", 1, 1, PO_NEEDS_WRITE, "pack.export", PO_EVENT_TYPE_NONE, po_cmd_pack_export,
     "Write the evidence pack for an auditor",
     "One folder per criterion, each with its evidence and proofs.",
     {{"--tar", NULL, false, "one .tar file instead of a directory"},
      {"--recipient", "AGE", true, "encrypt the tar to this age1… recipient"},
      {"--criterion", "ID", true, "only these criteria"}}},
    {"pack verify", "PACK", 1, 1, PO_NEEDS_NOTHING, "pack.verify", PO_EVENT_TYPE_NONE, po_cmd_pack_verify,
     "Verify a pack offline: no home, no keys, no network",
     "Alone a pack is self-consistent, origin not established; --vkey or --against establishes it.\n"
     "Exit 2 when it does not verify.",
     {{"--vkey", "KEY", false, "the ledger's verifier key (name+hash+key), or a file holding it"},
      AGAINST_OPTION}},
    {"register list", "", 0, 0, PO_NEEDS_READ, "register.list", PO_EVENT_TYPE_DATA_READ,
     po_cmd_register_list, "List the operator's figures (target date, costs)", NULL,
     {{"--history", NULL, false, "every value ever set"}}},
    {"register set", "NAME VALUE", 2, 2, PO_NEEDS_WRITE, "register.set", PO_EVENT_TYPE_NONE, po_cmd_register_set,
     "Set one of the operator's figures; reports print it as an operator estimate", NULL, NO_OPTIONS},
    {"report health", "", 0, 0, PO_NEEDS_WRITE, "report.issue", PO_EVENT_TYPE_NONE, po_cmd_report_health,
     "Write System_Health_Report.md", NULL, {{"--stdout", NULL, false, "print it as well"}}},
    {"report nightly", "", 0, 0, PO_NEEDS_WRITE, "report.issue", PO_EVENT_TYPE_NONE, po_cmd_report_nightly,
     "Write Reports/Nightly_Update_Report_YYYY-MM-DD.md", NULL,
     {{"--stdout", NULL, false, "print it as well"},
      {"--timer", NULL, false, "started by the schedule: recorded as such"}}},
    {"report readiness", "", 0, 0, PO_NEEDS_WRITE, "report.issue", PO_EVENT_TYPE_NONE, po_cmd_report_readiness,
     "Write the SOC 2 readiness report; every figure is a query over evidence", NULL,
     {{"--stdout", NULL, false, "print it as well"}, AS_OF_OPTION}},
    {"report status", "", 0, 0, PO_NEEDS_WRITE, "report.issue", PO_EVENT_TYPE_NONE, po_cmd_report_status,
     "Write the compliance status report; every figure is a query over evidence", NULL,
     {{"--stdout", NULL, false, "print it as well"}, AS_OF_OPTION}},
    {"report verify", "REPORT", 1, 1, PO_NEEDS_READ, "report.verify", PO_EVENT_TYPE_REPORT_VERIFIED,
     po_cmd_report_verify, "Rebuild a report from its evidence and compare byte for byte",
     "REPORT is a report id or a file. Exit 2 when it differs.", NO_OPTIONS},
    {"schedule install", "", 0, 0, PO_NEEDS_WRITE, "schedule.install", PO_EVENT_TYPE_NONE,
     po_cmd_schedule_install, "Write systemd timers: assess every 5 minutes, nightly report daily",
     NULL, {{"--unit-dir", "DIR", false, "where units go (default: the user's systemd directory)"}}},
    {"schedule remove", "", 0, 0, PO_NEEDS_WRITE, "schedule.remove", PO_EVENT_TYPE_NONE, po_cmd_schedule_remove,
     "Move the timers away", NULL,
     {{"--unit-dir", "DIR", false, "where units are (default: the user's systemd directory)"}}},
    {"schedule status", "", 0, 0, PO_NEEDS_READ, "schedule.status", PO_EVENT_TYPE_DATA_READ,
     po_cmd_schedule_status, "Show each job: installed, enabled, last run", NULL,
     {{"--unit-dir", "DIR", false, "where units are (default: the user's systemd directory)"}}},
    {"score", "", 0, 0, PO_NEEDS_NOTHING, "score.compute", PO_EVENT_TYPE_SCORE_COMPUTED, po_cmd_score,
     "Scores of all categories and criteria from the evidence in the ledger",
     "--states FILE computes a what-if from given control states: it needs no home, writes nothing\n"
     "and says HYPOTHETICAL on stderr. FILE: {\"IAM-02\":{\"state\":\"fail\",\"passing\":19,"
     "\"total\":20}}",
     {AS_OF_OPTION, {"--states", "FILE", false, "control states to score instead of evidence"}}},
    {"store check", "", 0, 0, PO_NEEDS_READ, "store.check", PO_EVENT_TYPE_STORE_CHECKED, po_cmd_store_check,
     "Check the database: pages, references, schema, sealed cells", "Exit 2 when it has findings.",
     NO_OPTIONS},
    {"version", "", 0, 0, PO_NEEDS_NOTHING, "version", PO_EVENT_TYPE_NONE, po_cmd_version,
     "Version, build digest, and whether the build manifest matches", NULL, NO_OPTIONS},
};

const struct po_command *po_command_table(size_t *ret_count) {
    *ret_count = sizeof commands / sizeof *commands;
    return commands;
}

/* "ledger" + "verify" against "ledger verify": words of `path` matched, or 0. */
static size_t match_words(po_str path, const po_str *words, size_t count) {
    size_t matched = 0;
    po_str word = {NULL, 0};
    while (po_str_next_field(&path, ' ', &word)) {
        if (matched >= count || !po_str_eq(word, words[matched])) return 0;
        matched++;
    }
    return matched;
}

const struct po_command *po_command_find(const po_str *words, size_t count, size_t *ret_used) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        size_t used = match_words(po_str_of(commands[i].path), words, count);
        if (used == 0) continue;
        *ret_used = used;
        return &commands[i];
    }
    return NULL;
}
