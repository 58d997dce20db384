/*
 * The judges: pure functions of facts, one per clause or shared by clauses that say the same.
 */
#ifndef PO_ASSESS_JUDGES_PRIV_H
#define PO_ASSESS_JUDGES_PRIV_H

#include "judge_priv.h"

po_judge po_judge_abort_sites;
po_judge po_judge_clock;
po_judge po_judge_config_valid;
po_judge po_judge_consistency;
po_judge po_judge_crashes;
po_judge po_judge_credential_modes;
po_judge po_judge_dry_run;
po_judge po_judge_env_ignored;
po_judge po_judge_event_shape;
po_judge po_judge_failed_resolved;
po_judge po_judge_faults;
po_judge po_judge_flip;
po_judge po_judge_foreign_keys;
po_judge po_judge_freshness;
po_judge po_judge_health_passed;
po_judge po_judge_health_ran;
po_judge po_judge_jobs;
po_judge po_judge_key_ages;
po_judge po_judge_key_place;
po_judge po_judge_kill_lost;
po_judge po_judge_leaks;
po_judge po_judge_none_lost;
po_judge po_judge_none_too_old;
po_judge po_judge_oldest_kept;
po_judge po_judge_pack;
po_judge po_judge_payloads_sealed;
po_judge po_judge_raw_scan;
po_judge po_judge_recovery_tested;
po_judge po_judge_recovery_time;
po_judge po_judge_repair_repeat;
po_judge po_judge_repairs_allowed;
po_judge po_judge_repairs_confirmed;
po_judge po_judge_repairs_evidence;
po_judge po_judge_repairs_tries;
po_judge po_judge_replay;
po_judge po_judge_reports_equal;
po_judge po_judge_retired_keys;
po_judge po_judge_root;
po_judge po_judge_runs_proved;
po_judge po_judge_sequence;
po_judge po_judge_slots;
po_judge po_judge_store_integrity;
po_judge po_judge_store_sealed;
po_judge po_judge_tags;
po_judge po_judge_templates;
po_judge po_judge_text_scan;
po_judge po_judge_tombstones;

#endif
