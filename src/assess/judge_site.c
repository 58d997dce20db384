/*
 * Judges of the home, the configuration, keys, the store, the build and the schedule.
 */
#include "judges_priv.h"

#define KEY_AGE_DAYS_MAX 365
#define RECOVERY_AGE_MAX (365 * PO_US_PER_DAY)

/* CFG-01.2 */
po_rc po_judge_credential_modes(struct po_ctx *cx, const struct po_json *const *facts,
                                struct po_judgement *out)
{
    (void)cx;
    for (const struct po_json *row = po_judge_first(facts[0], "files"); row; row = row->next)
        if (!po_judge_bool(row, "strict") || !po_judge_bool(row, "owner_ok"))
            po_judgement_deviation(out, po_judge_str(row, "path"), po_judge_str(row, "mode"));
    return po_judge_ratio(out, po_judge_int(facts[0], "safe"), po_judge_int(facts[0], "present"),
                          "a credential file is open to others");
}

/* CFG-01.3 */
po_rc po_judge_env_ignored(struct po_ctx *cx, const struct po_json *const *facts,
                           struct po_judgement *out)
{
    (void)cx;
    if (!po_judge_bool(facts[0], "configured"))
        return po_judge_untested(out, "no repository is configured (REPO_DIR)");
    if (!po_judge_bool(facts[0], "compared"))
        return po_judge_untested(out, "the repository at REPO_DIR could not be compared");
    bool holds =
        po_judge_bool(facts[0], "env_ignored") && po_judge_int(facts[0], "env_tracked") == 0;
    return po_judge_one(out, holds, ".env is tracked or not ignored");
}

/* CFG-02.1 */
po_rc po_judge_config_valid(struct po_ctx *cx, const struct po_json *const *facts,
                            struct po_judgement *out)
{
    (void)cx;
    int64_t valid = po_judge_bool(po_json_get(facts[0], "options"), "valid") ? 1 : 0;
    valid += po_judge_bool(po_json_get(facts[0], "flags"), "valid") ? 1 : 0;
    return po_judge_ratio(out, valid, 2, "the configuration does not validate");
}

/* CRY-03.1: unwrapping now is the wrap test */
po_rc po_judge_key_ages(struct po_ctx *cx, const struct po_json *const *facts,
                        struct po_judgement *out)
{
    (void)cx;
    int64_t fine = 0;
    for (const struct po_json *row = po_judge_first(facts[0], "data_keys"); row; row = row->next) {
        bool is_young =
            !po_judge_bool(row, "current") || po_judge_int(row, "age_days") <= KEY_AGE_DAYS_MAX;
        if (is_young && po_judge_bool(row, "opens")) fine++;
    }
    return po_judge_ratio(out, fine, po_judge_int(facts[0], "data_key_count"),
                          "a data key is too old or does not unwrap");
}

/* CRY-03.2 */
po_rc po_judge_key_place(struct po_ctx *cx, const struct po_json *const *facts,
                         struct po_judgement *out)
{
    (void)cx;
    if (po_judge_bool(facts[0], "inside_home") || po_judge_int(facts[0], "copies_in_home") > 0)
        return po_judge_one(out, false, "a master key stands inside the home");
    bool is_shared = po_judge_bool(facts[0], "master_in_file") &&
                     (po_judge_bool(facts[0], "same_file_system_as_data") ||
                      po_judge_bool(facts[0], "same_file_system_as_backups"));
    return po_judge_one(out, !is_shared,
                        "the master key is a file on the file system of the data; use a credential "
                        "or another medium");
}

/* CRY-03.4 */
po_rc po_judge_recovery_tested(struct po_ctx *cx, const struct po_json *const *facts,
                               struct po_judgement *out)
{
    for (const struct po_json *row = po_judge_first(facts[0], "types"); row; row = row->next) {
        if (!po_str_eq_cstr(po_judge_str(row, "type"), "key.recovery_tested")) continue;
        bool is_fresh = po_ctx_now_us(cx) - po_judge_int(row, "newest_us") <= RECOVERY_AGE_MAX;
        return po_judge_one(out, is_fresh, "the recovery code was tested more than a year ago");
    }
    return po_judge_one(out, false,
                        "the recovery code was never tested: 'paulyops key recovery verify'");
}

/* PIN-03.1 */
po_rc po_judge_none_lost(struct po_ctx *cx, const struct po_json *const *facts,
                         struct po_judgement *out)
{
    (void)cx;
    int64_t started = po_judge_int(facts[0], "started");
    return po_judge_ratio(out, started - po_judge_int(facts[0], "lost"), started,
                          "something begun has neither finished nor failed");
}

/* PIN-03.2: of all that was begun, nothing failed and stayed so beyond a day */
po_rc po_judge_failed_resolved(struct po_ctx *cx, const struct po_json *const *facts,
                               struct po_judgement *out)
{
    (void)cx;
    int64_t started = po_judge_int(facts[0], "started");
    int64_t unresolved = po_judge_int(facts[0], "failed") -
                         po_judge_int(facts[0], "failed_resolved") -
                         po_judge_int(facts[0], "failed_waiting");
    return po_judge_ratio(out, unresolved > 0 ? started - unresolved : started, started,
                          "a failure was not resolved within a day");
}

/* PIN-03.3 */
po_rc po_judge_replay(struct po_ctx *cx, const struct po_json *const *facts,
                      struct po_judgement *out)
{
    (void)cx;
    int64_t flags = po_judge_bool(po_json_get(facts[1], "flags"), "equals_recorded") ? 1 : 0;
    return po_judge_ratio(out, po_judge_int(facts[0], "equal") + flags,
                          po_judge_int(facts[0], "values") + 1,
                          "the present state is not what the journal gives");
}

/* PIN-05.1 */
po_rc po_judge_store_integrity(struct po_ctx *cx, const struct po_json *const *facts,
                               struct po_judgement *out)
{
    (void)cx;
    int64_t findings = po_judge_int(facts[0], "findings");
    int64_t rows = po_judge_int(facts[0], "rows");
    return po_judge_ratio(out, rows - findings, rows, "the database check has findings");
}

/* PIN-05.2 */
po_rc po_judge_foreign_keys(struct po_ctx *cx, const struct po_json *const *facts,
                            struct po_judgement *out)
{
    (void)cx;
    int64_t findings = po_judge_int(facts[0], "foreign_key_findings");
    int64_t rows = po_judge_int(facts[0], "rows");
    return po_judge_ratio(out, rows - findings, rows, "a reference points nowhere");
}

/* PIN-07.1 */
po_rc po_judge_abort_sites(struct po_ctx *cx, const struct po_json *const *facts,
                           struct po_judgement *out)
{
    (void)cx;
    if (!po_judge_bool(facts[0], "manifest_found"))
        return po_judge_untested(out, "there is no build manifest beside the program");
    if (!po_judge_bool(facts[0], "manifest_matches"))
        return po_judge_untested(out, "the build manifest is of another program file");
    int64_t objects = po_judge_int(facts[0], "objects_scanned");
    int64_t sites = po_judge_int(facts[0], "abort_sites") + po_judge_int(facts[0], "problems");
    return po_judge_ratio(out, objects - sites, objects, "the program has abort sites");
}

/* PIN-07.2 */
po_rc po_judge_crashes(struct po_ctx *cx, const struct po_json *const *facts,
                       struct po_judgement *out)
{
    for (const struct po_json *row = po_judge_first(facts[0], "types"); row; row = row->next) {
        if (!po_str_eq_cstr(po_judge_str(row, "type"), "process.crashed")) continue;
        bool is_old = po_ctx_now_us(cx) - po_judge_int(row, "newest_us") > 30 * PO_US_PER_DAY;
        return po_judge_one(out, is_old, "a command did not end by itself within the last 30 days");
    }
    return po_judge_one(out, true, NULL);
}

/* PIN-07.3 */
po_rc po_judge_faults(struct po_ctx *cx, const struct po_json *const *facts,
                      struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "typed"), po_judge_int(facts[0], "injected"),
                          "an injected fault did not give a typed error");
}

/* PIN-07.4, AUD-07.1 */
po_rc po_judge_leaks(struct po_ctx *cx, const struct po_json *const *facts,
                     struct po_judgement *out)
{
    (void)cx;
    int64_t looked = po_judge_int(facts[0], "texts");
    return po_judge_ratio(out, looked - po_judge_int(facts[0], "leaks"), looked,
                          "a planted value or a path appears in a text");
}

/* AUD-07.2 */
po_rc po_judge_text_scan(struct po_ctx *cx, const struct po_json *const *facts,
                         struct po_judgement *out)
{
    (void)cx;
    for (const struct po_json *row = po_judge_first(facts[0], "found"); row; row = row->next)
        po_judgement_deviation(out, po_judge_str(row, "subject"), po_judge_str(row, "rule"));
    int64_t texts = po_judge_int(facts[0], "texts");
    int64_t bad = po_judge_int(facts[0], "hits") + po_judge_int(facts[0], "not_read");
    return po_judge_ratio(out, bad > texts ? 0 : texts - bad, texts,
                          "the scanner found something in logs or reports");
}

/* MON-01.1 */
po_rc po_judge_health_ran(struct po_ctx *cx, const struct po_json *const *facts,
                          struct po_judgement *out)
{
    for (const struct po_json *row = po_judge_first(facts[0], "types"); row; row = row->next) {
        if (!po_str_eq_cstr(po_judge_str(row, "type"), "health.checked")) continue;
        bool is_fresh = po_ctx_now_us(cx) - po_judge_int(row, "newest_us") <= 10 * PO_US_PER_MIN;
        return po_judge_ratio(
            out, is_fresh ? 15 : 0, 15,
            "the health checks before this run are older than twice their period");
    }
    return po_judge_untested(out, "the health checks ran for the first time");
}

/* MON-01.2 */
po_rc po_judge_health_passed(struct po_ctx *cx, const struct po_json *const *facts,
                             struct po_judgement *out)
{
    (void)cx;
    int64_t total = 0;
    int64_t passing = 0;
    for (const struct po_json *row = po_judge_first(facts[0], "checks"); row; row = row->next) {
        total++;
        if (po_str_eq_cstr(po_judge_str(row, "state"), "pass"))
            passing++;
        else
            po_judgement_deviation(out, po_judge_str(row, "id"), po_judge_str(row, "state"));
    }
    return po_judge_ratio(out, passing, total, "not all health checks pass");
}

/* MON-03.1 */
po_rc po_judge_jobs(struct po_ctx *cx, const struct po_json *const *facts, struct po_judgement *out)
{
    (void)cx;
    int64_t total = 0;
    int64_t fine = 0;
    for (const struct po_json *job = po_judge_first(facts[0], "jobs"); job; job = job->next) {
        const struct po_json *run = po_judge_first(facts[1], "jobs");
        while (run && !po_str_eq(po_judge_str(run, "name"), po_judge_str(job, "name")))
            run = run->next;
        total++;
        int64_t period_s = po_judge_int(job, "period_s");
        bool is_fresh = run != NULL && po_judge_has(run, "age_s") &&
                        2 * po_judge_int(run, "age_s") <= 3 * period_s;
        if (po_judge_bool(job, "enabled") && is_fresh)
            fine++;
        else
            po_judgement_deviation(out, po_judge_str(job, "name"),
                                   PO_LIT("not enabled, or no recent end"));
    }
    return po_judge_ratio(out, fine, total,
                          "a scheduled job is not enabled or did not end in time");
}

/* GOV-06.1 */
po_rc po_judge_freshness(struct po_ctx *cx, const struct po_json *const *facts,
                         struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "fresh"), po_judge_int(facts[0], "controls"),
                          "a control has a clause without a run younger than its ttl");
}

/* GOV-06.2: slots of the assessment's period since the first run, at most a day back */
po_rc po_judge_slots(struct po_ctx *cx, const struct po_json *const *facts,
                     struct po_judgement *out)
{
    const struct po_json *first = po_judge_first(facts[0], "sessions");
    int64_t period_us = po_judge_int(facts[1], "period_s") * PO_US_PER_S;
    if (first == NULL) return po_judge_untested(out, "no earlier assessment");
    po_time_us now_us = po_ctx_now_us(cx);
    po_time_us from_us = po_judge_int(first, "first_us");
    if (now_us - from_us > PO_US_PER_DAY) from_us = now_us - PO_US_PER_DAY;
    if (period_us <= 0 || now_us - from_us < period_us)
        return po_judge_untested(out, "no whole slot of the schedule has passed yet");
    int64_t slots = (now_us - from_us) / period_us;
    int64_t seen = 0;
    int64_t last_slot = -1;
    for (const struct po_json *row = first; row != NULL; row = row->next) {
        int64_t slot = (po_judge_int(row, "first_us") - from_us) / period_us;
        if (slot < 0 || slot >= slots || slot == last_slot) continue;
        last_slot = slot;
        seen++;
    }
    if (100 * (slots - seen) <= slots) return po_judge_ratio(out, slots, slots, NULL);
    return po_judge_ratio(out, seen, slots, "more than 1 % of the scheduled slots were missed");
}

/* RPT-01.1 */
po_rc po_judge_reports_equal(struct po_ctx *cx, const struct po_json *const *facts,
                             struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "equal"), po_judge_int(facts[0], "reports"),
                          "a report's figures, computed again, differ");
}

/* RPT-01.2 */
po_rc po_judge_pack(struct po_ctx *cx, const struct po_json *const *facts, struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "fine"), po_judge_int(facts[0], "parts"),
                          "a part of a pack made now would not verify");
}

/* RPT-01.3 */
po_rc po_judge_templates(struct po_ctx *cx, const struct po_json *const *facts,
                         struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "own_template"),
                          po_judge_int(facts[0], "reports"),
                          "a report was not made from this build's templates");
}

/* -- the doctor (MON-02) -------------------------------------------------------------------------- */

static po_rc repairs(const struct po_json *const *facts, const char *key, struct po_judgement *out,
                     const char *reason)
{
    int64_t total = po_judge_int(facts[0], "repairs") + po_judge_int(facts[1], "repairs");
    int64_t fine = po_judge_int(facts[0], key) + po_judge_int(facts[1], key);
    return po_judge_ratio(out, fine, total, reason);
}

/* MON-02.1 */
po_rc po_judge_repairs_allowed(struct po_ctx *cx, const struct po_json *const *facts,
                               struct po_judgement *out)
{
    (void)cx;
    return repairs(facts, "allowed", out, "a repair is not on the allow-list");
}

/* MON-02.2 */
po_rc po_judge_repairs_evidence(struct po_ctx *cx, const struct po_json *const *facts,
                                struct po_judgement *out)
{
    (void)cx;
    return repairs(facts, "with_evidence", out, "a repair left no evidence of before and after");
}

/* MON-02.4 */
po_rc po_judge_repairs_tries(struct po_ctx *cx, const struct po_json *const *facts,
                             struct po_judgement *out)
{
    (void)cx;
    return repairs(facts, "within_tries", out,
                   "a repair was tried more than 3 times a day in vain");
}

/* MON-02.5 */
po_rc po_judge_repairs_confirmed(struct po_ctx *cx, const struct po_json *const *facts,
                                 struct po_judgement *out)
{
    (void)cx;
    return repairs(facts, "harmless_or_confirmed", out,
                   "a destructive recovery had no person's confirmation");
}

/* MON-02.3 */
po_rc po_judge_repair_repeat(struct po_ctx *cx, const struct po_json *const *facts,
                             struct po_judgement *out)
{
    (void)cx;
    bool holds = !po_judge_bool(facts[0], "repeat_changed") &&
                 po_judge_int(facts[0], "left_after_repair") == 0;
    return po_judge_one(out, holds, "repairing again changed something");
}

/* MON-02.6 */
po_rc po_judge_dry_run(struct po_ctx *cx, const struct po_json *const *facts,
                       struct po_judgement *out)
{
    (void)cx;
    int64_t faults = po_judge_int(facts[0], "faults");
    bool holds =
        !po_judge_bool(facts[0], "dry_run_changed") && po_judge_int(facts[0], "planned") == faults;
    return po_judge_one(out, holds, "a dry run changed something or missed a fault");
}
