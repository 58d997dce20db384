/*
 * The checks: clause, name, facts, judge. Adding one is a row here, a judge and its test.
 */
#include "judges_priv.h"

static const struct po_check checks[] = {
    {"AUD-01.1", "ledger/event_shape", {"ledger.events"}, po_judge_event_shape},
    {"AUD-01.2", "ledger/sequence", {"ledger.sequence"}, po_judge_sequence},
    {"AUD-03.1", "ledger/root_equals_signed", {"ledger.verification"}, po_judge_root},
    {"AUD-03.2", "ledger/consistent_with_earlier", {"ledger.verification"}, po_judge_consistency},
    {"AUD-03.4", "ledger/flipped_bit_found", {"drill.flip"}, po_judge_flip},
    {"AUD-04.1", "ledger/payloads_sealed", {"ledger.sealing"}, po_judge_payloads_sealed},
    {"AUD-05.1", "ledger/oldest_kept", {"ledger.retention"}, po_judge_oldest_kept},
    {"AUD-05.2", "ledger/none_too_old", {"ledger.retention"}, po_judge_none_too_old},
    {"AUD-05.3", "ledger/tombstones", {"ledger.retention"}, po_judge_tombstones},
    {"AUD-07.1", "texts/planted_values_absent", {"drill.fault"}, po_judge_leaks},
    {"AUD-07.2", "texts/scanner_clean", {"text.scan"}, po_judge_text_scan},
    {"AUD-08.1", "machine/clock_offset", {"machine.clock"}, po_judge_clock},
    {"AUD-08.2", "ledger/kill_loses_nothing", {"drill.kill"}, po_judge_kill_lost},
    {"AUD-08.3", "ledger/no_gap", {"ledger.sequence"}, po_judge_sequence},
    {"CFG-01.2", "home/credential_modes", {"home.credentials"}, po_judge_credential_modes},
    {"CFG-01.3", "repository/env_ignored", {"repo.worktree"}, po_judge_env_ignored},
    {"CFG-02.1", "home/config_valid", {"home.config"}, po_judge_config_valid},
    {"CRY-01.1", "store/sealed", {"ledger.sealing", "store.check"}, po_judge_store_sealed},
    {"CRY-01.2", "store/no_plaintext", {"data.raw_scan"}, po_judge_raw_scan},
    {"CRY-01.3", "ledger/tags_verify", {"ledger.sealing"}, po_judge_tags},
    {"CRY-03.1", "keys/ages", {"keys.register"}, po_judge_key_ages},
    {"CRY-03.2", "keys/place", {"keys.place"}, po_judge_key_place},
    {"CRY-03.3", "keys/retired_not_used", {"ledger.sealing", "drill.keys"}, po_judge_retired_keys},
    {"CRY-03.4", "keys/recovery_tested", {"ledger.types"}, po_judge_recovery_tested},
    {"DR-02.1", "recovery/under_a_minute", {"drill.kill"}, po_judge_recovery_time},
    {"DR-02.2", "recovery/nothing_lost", {"drill.kill"}, po_judge_kill_lost},
    {"GOV-06.1", "controls/fresh", {"controls.freshness"}, po_judge_freshness},
    {"GOV-06.2", "controls/slots", {"ledger.runs", "controls.schedule"}, po_judge_slots},
    {"GOV-06.3", "controls/runs_proved", {"ledger.runs"}, po_judge_runs_proved},
    {"MON-01.1", "health/ran", {"ledger.types"}, po_judge_health_ran},
    {"MON-01.2", "health/passed", {"health.results"}, po_judge_health_passed},
    {"MON-02.1", "doctor/allow_list", {"doctor.repairs", "doctor.drill"}, po_judge_repairs_allowed},
    {"MON-02.2", "doctor/evidence", {"doctor.repairs", "doctor.drill"}, po_judge_repairs_evidence},
    {"MON-02.3", "doctor/repeat", {"doctor.drill"}, po_judge_repair_repeat},
    {"MON-02.4", "doctor/tries", {"doctor.repairs", "doctor.drill"}, po_judge_repairs_tries},
    {"MON-02.5",
     "doctor/confirmed",
     {"doctor.repairs", "doctor.drill"},
     po_judge_repairs_confirmed},
    {"MON-02.6", "doctor/dry_run", {"doctor.drill"}, po_judge_dry_run},
    {"MON-03.1", "schedule/jobs_end", {"machine.timers", "ledger.jobs"}, po_judge_jobs},
    {"PIN-03.1", "journal/none_lost", {"ledger.intents"}, po_judge_none_lost},
    {"PIN-03.2", "journal/failures_resolved", {"ledger.intents"}, po_judge_failed_resolved},
    {"PIN-03.3", "journal/replay", {"journal.registers", "home.config"}, po_judge_replay},
    {"PIN-05.1", "store/integrity", {"store.check"}, po_judge_store_integrity},
    {"PIN-05.2", "store/foreign_keys", {"store.check"}, po_judge_foreign_keys},
    {"PIN-07.1", "build/abort_sites", {"build.program"}, po_judge_abort_sites},
    {"PIN-07.2", "process/crashes", {"ledger.types"}, po_judge_crashes},
    {"PIN-07.3", "process/injected_faults", {"drill.fault"}, po_judge_faults},
    {"PIN-07.4", "process/clean_messages", {"drill.fault"}, po_judge_leaks},
    {"RPT-01.1", "report/recomputed", {"report.recomputed"}, po_judge_reports_equal},
    {"RPT-01.2", "pack/would_verify", {"pack.check"}, po_judge_pack},
    {"RPT-01.3", "report/templates", {"report.recomputed"}, po_judge_templates},
};

const struct po_check *po_check_table(size_t *ret_count)
{
    *ret_count = sizeof checks / sizeof *checks;
    return checks;
}

PO_RC po_check_wanted(struct po_ctx *cx, const struct po_catalog *catalog, const bool **ret_wanted)
{
    bool *wanted = NULL;
    PO_ARENA_NEW(cx, wanted, catalog->clause_count + 1);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const struct po_clause *clause = po_catalog_clause(catalog, po_str_of(checks[i].clause));
        if (clause == NULL)
            return PO_FAIL(cx, PO_BUG, "check '%s' tests unknown clause '%s'", checks[i].name,
                           checks[i].clause);
        wanted[po_clause_position(catalog, clause)] = true;
    }
    *ret_wanted = wanted;
    return po_rc_ok();
}
