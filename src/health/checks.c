/*
 * The table of the 15 checks with their predicates: a few lines each over facts, because they move to
 * Script.
 *
 * A predicate passes only with po_health_say(PASS); what it does not mention stays untested.
 */
#include "health_priv.h"

#include <stdarg.h>
#include <stdio.h>

#define INTAKE_AGE_S_MAX (15 * 60)
#define HEARTBEAT_AGE_S_MAX 60
#define FREE_PERCENT_MIN 20
#define DAY_S (24 * 3600)

void po_health_say(struct po_health_verdict *out, enum po_health_state state, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    out->state = state;
    (void)vsnprintf(out->reason, sizeof out->reason, fmt, args);
    va_end(args);
}

void po_health_observe(struct po_health_verdict *out, const char *key, int64_t value)
{
    if (out->observed_count == PO_HEALTH_OBSERVED_MAX) return;
    out->observed[out->observed_count++] = (struct po_health_observed){key, value};
}

/* ---- members of facts: a missing one never helps to pass ------------------------------------------- */

static bool is_true(const struct po_json *fact, const char *key)
{
    const struct po_json *member = po_json_get(fact, key);
    return member != NULL && member->type == PO_JSON_BOOL && member->boolean;
}

static bool has_int(const struct po_json *fact, const char *key)
{
    const struct po_json *member = po_json_get(fact, key);
    return member != NULL && member->type == PO_JSON_INT;
}

static int64_t int_of(const struct po_json *fact, const char *key, int64_t otherwise)
{
    return has_int(fact, key) ? po_json_get(fact, key)->integer : otherwise;
}

static const struct po_json *list_of(const struct po_json *fact, const char *key)
{
    const struct po_json *member = po_json_get(fact, key);
    return member != NULL && member->type == PO_JSON_ARRAY ? member->first : NULL;
}

static const struct po_json *row_named(const struct po_json *rows, const char *key,
                                       const char *name)
{
    for (; rows != NULL; rows = rows->next) {
        const struct po_json *member = po_json_get(rows, key);
        if (member != NULL && po_str_eq_cstr(member->str, name)) return rows;
    }
    return NULL;
}

/* ---- HC-01 intake ------------------------------------------------------------------------------------ */

static void judge_intake(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *intake = facts[0];
    int64_t mode = int_of(intake, "mode_bits", 07777);
    int64_t oldest_s = int_of(intake, "oldest_age_s", 0);
    po_health_observe(out, "files", int_of(intake, "files", 0));
    po_health_observe(out, "oldest_age_s", oldest_s);
    po_health_observe(out, "mode_bits", mode);
    if (!is_true(intake, "present"))
        po_health_say(out, PO_HEALTH_FAIL, "the intake directory is not there");
    else if (!is_true(intake, "owner_ok"))
        po_health_say(out, PO_HEALTH_FAIL, "the intake directory belongs to another user");
    else if ((mode & ~(int64_t)0750) != 0)
        po_health_say(out, PO_HEALTH_FAIL, "the intake's mode %04o is wider than 0750",
                      (unsigned)mode);
    else if (oldest_s > INTAKE_AGE_S_MAX)
        po_health_say(out, PO_HEALTH_FAIL, "the oldest unprocessed file is %ld s old, limit %d s",
                      (long)oldest_s, INTAKE_AGE_S_MAX);
    else if (!is_true(intake, "all_counted"))
        po_health_say(out, PO_HEALTH_FAIL, "more files than can be counted");
    else
        po_health_say(out, PO_HEALTH_PASS, "present, ours, %ld files waiting",
                      (long)int_of(intake, "files", 0));
}

/* ---- HC-02..05 backups -------------------------------------------------------------------------------- */

static void judge_backup_created(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *row = row_named(list_of(facts[0], "types"), "type", "backup.created");
    po_health_observe(out, "records", int_of(row, "count", 0));
    if (row == NULL)
        po_health_say(out, PO_HEALTH_UNTESTED,
                      "the backup engine is not built: there is no backup record");
    else
        po_health_say(out, PO_HEALTH_UNTESTED,
                      "backup records are there, but their digests cannot be verified yet");
}

static void judge_backup_rotated(const struct po_json *const *facts, struct po_health_verdict *out)
{
    int64_t active = int_of(facts[0], "active_sets", 0);
    po_health_observe(out, "active_sets", active);
    if (active > 1)
        po_health_say(out, PO_HEALTH_FAIL, "%ld active backup sets, there must be one",
                      (long)active);
    else
        po_health_say(out, PO_HEALTH_UNTESTED,
                      "the backup engine is not built: there is no rotation record");
}

static void judge_backup_files(const struct po_json *const *facts, struct po_health_verdict *out)
{
    int64_t active = int_of(facts[0], "active_sets", 0);
    po_health_observe(out, "active_sets", active);
    po_health_say(out, PO_HEALTH_UNTESTED,
                  active == 0
                      ? "there is no active backup set to verify"
                      : "the backup engine is not built: no manifest to verify the set with");
}

static void judge_archive(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *archive = facts[0];
    int64_t sets = int_of(archive, "sets", 0);
    int64_t sets_max = int_of(archive, "plan_sets_max", 0);
    int64_t days_max = int_of(archive, "plan_days_max", 0);
    int64_t oldest_s = int_of(archive, "oldest_age_s", 0);
    po_health_observe(out, "sets", sets);
    po_health_observe(out, "sets_max", sets_max);
    po_health_observe(out, "oldest_age_s", oldest_s);
    if (!is_true(archive, "present"))
        po_health_say(out, PO_HEALTH_FAIL, "the archive directory is not there");
    else if (sets > sets_max)
        po_health_say(out, PO_HEALTH_FAIL, "%ld sets in the archive, the plan allows %ld",
                      (long)sets, (long)sets_max);
    else if (oldest_s / DAY_S > days_max)
        po_health_say(out, PO_HEALTH_FAIL, "the oldest set is %ld days old, the plan keeps %ld",
                      (long)(oldest_s / DAY_S), (long)days_max);
    else if (sets == 0)
        po_health_say(out, PO_HEALTH_UNTESTED,
                      "the archive is there and empty: nothing to hold against the plan");
    else
        po_health_say(out, PO_HEALTH_PASS, "%ld sets, inside the plan", (long)sets);
}

/* ---- HC-06 logs ------------------------------------------------------------------------------------------ */

static void judge_logs(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *disk = po_json_get(facts[2], "home");
    int64_t age_s = int_of(facts[0], "age_s", -1);
    int64_t free_percent = int_of(disk, "free_percent", -1);
    int64_t wanted = int_of(facts[2], "free_percent_min", FREE_PERCENT_MIN);
    if (wanted < FREE_PERCENT_MIN) wanted = FREE_PERCENT_MIN; /* the option only tightens */
    po_health_observe(out, "last_event_age_s", age_s);
    po_health_observe(out, "free_percent", free_percent);
    if (!is_true(facts[0], "found"))
        po_health_say(out, PO_HEALTH_FAIL, "no event before this command's own");
    else if (age_s > HEARTBEAT_AGE_S_MAX)
        po_health_say(out, PO_HEALTH_FAIL, "the last event is %ld s old, limit %d s", (long)age_s,
                      HEARTBEAT_AGE_S_MAX);
    else if (!is_true(facts[1], "present") || !is_true(facts[1], "writable"))
        po_health_say(out, PO_HEALTH_FAIL, "the log directory is %s",
                      is_true(facts[1], "present") ? "not writable" : "not there");
    else if (free_percent < wanted)
        po_health_say(out, PO_HEALTH_FAIL, "%ld %% of the disk free, limit %ld %%",
                      (long)free_percent, (long)wanted);
    else
        po_health_say(out, PO_HEALTH_PASS, "last event %ld s ago, %ld %% free", (long)age_s,
                      (long)free_percent);
}

/* ---- HC-07 scheduled jobs -------------------------------------------------------------------------------- */

/* NULL when the job is well. */
static const char *job_fault(const struct po_json *timer, const struct po_json *run)
{
    if (!is_true(timer, "timer_present") || !is_true(timer, "service_present"))
        return "has no timer";
    if (!is_true(timer, "for_this_home")) return "is scheduled for another home";
    if (!is_true(timer, "enabled")) return "is not enabled";
    if (!has_int(timer, "period_s")) return "has a timer without a period we know";
    if (!has_int(run, "age_s")) return "never ended well by its timer";
    bool is_late = int_of(run, "age_s", 0) * 2 > int_of(timer, "period_s", 0) * 3;
    return is_late ? "did not end well within 1.5 periods" : NULL;
}

static void judge_jobs(const struct po_json *const *facts, struct po_health_verdict *out)
{
    int64_t jobs = 0;
    int64_t bad = 0;
    for (const struct po_json *timer = list_of(facts[0], "jobs"); timer != NULL;
         timer = timer->next) {
        const struct po_json *name = po_json_get(timer, "name");
        if (name == NULL) continue;
        const struct po_json *run = list_of(facts[1], "jobs");
        while (run != NULL && !po_str_eq(po_json_get(run, "name")->str, name->str))
            run = run->next;
        const char *fault = job_fault(timer, run);
        jobs++;
        if (fault != NULL && bad++ == 0)
            po_health_say(out, PO_HEALTH_FAIL, "job '%.*s' %s", PO_STR_ARG(name->str), fault);
    }
    po_health_observe(out, "jobs", jobs);
    po_health_observe(out, "jobs_not_well", bad);
    if (jobs == 0)
        po_health_say(out, PO_HEALTH_UNTESTED, "no job is declared");
    else if (bad == 0)
        po_health_say(out, PO_HEALTH_PASS, "%ld jobs enabled and on time", (long)jobs);
}

/* ---- HC-08, HC-09 ------------------------------------------------------------------------------------------ */

static void judge_credentials(const struct po_json *const *facts, struct po_health_verdict *out)
{
    int64_t present = int_of(facts[0], "present", 0);
    int64_t safe = int_of(facts[0], "safe", 0);
    po_health_observe(out, "credential_files", present);
    po_health_observe(out, "safe", safe);
    if (safe < present)
        po_health_say(out, PO_HEALTH_FAIL, "%ld of %ld credential files are open to others",
                      (long)(present - safe), (long)present);
    else
        po_health_say(out, PO_HEALTH_UNTESTED,
                      "no provider connection is built to try the credentials with");
}

static void judge_routing(const struct po_json *const *facts, struct po_health_verdict *out)
{
    po_health_observe(out, "files_waiting", int_of(facts[0], "files", 0));
    po_health_say(out, PO_HEALTH_UNTESTED, "the router is not built: files are not routed");
}

/* ---- HC-10..12 repository ------------------------------------------------------------------------------------ */

/* Says why a repository fact cannot be judged; false when it can. */
static bool is_without_repo(const struct po_json *repo, struct po_health_verdict *out)
{
    if (!is_true(repo, "configured")) {
        po_health_say(out, PO_HEALTH_UNTESTED, "no repository is configured (REPO_DIR)");
        return true;
    }
    if (is_true(repo, "found")) return false;
    po_health_say(out, PO_HEALTH_FAIL, "there is no repository at REPO_DIR");
    return true;
}

static void judge_repo_clean(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *tree = facts[0];
    if (is_without_repo(tree, out)) return;
    const struct po_json *why = po_json_get(tree, "why");
    const struct po_json *staged = po_json_get(tree, "staged");
    int64_t changed = int_of(tree, "modified", 0) + int_of(tree, "deleted", 0) +
                      int_of(tree, "untracked", 0) + int_of(tree, "conflicts", 0);
    po_health_observe(out, "changed_files", changed);
    po_health_observe(out, "oldest_change_age_s", int_of(tree, "oldest_change_age_s", 0));
    if (!is_true(tree, "compared"))
        po_health_say(out, PO_HEALTH_ERROR, "the work tree could not be compared: %.*s",
                      PO_STR_ARG(why != NULL ? why->str : PO_LIT("")));
    else if (!is_true(tree, "all_counted"))
        po_health_say(out, PO_HEALTH_ERROR, "not all of the work tree could be looked at");
    else if (changed > 0)
        po_health_say(out, PO_HEALTH_FAIL, "%ld files changed without an open change",
                      (long)changed);
    else if (staged == NULL || !po_str_eq_cstr(staged->str, "none"))
        po_health_say(out, PO_HEALTH_FAIL, "the index holds changes that may not be committed");
    else
        po_health_say(out, PO_HEALTH_PASS, "%ld files, none changed",
                      (long)int_of(tree, "tracked", 0));
}

static void judge_repo_remote(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *head = facts[0];
    if (is_without_repo(head, out)) return;
    int64_t age_s = int_of(head, "head_moved_age_s", DAY_S + 1);
    po_health_observe(out, "remotes", int_of(head, "remotes", 0));
    po_health_observe(out, "head_age_s", age_s);
    if (int_of(head, "remotes", 0) == 0)
        po_health_say(out, PO_HEALTH_FAIL, "no remote is set");
    else if (!is_true(head, "has_commit"))
        po_health_say(out, PO_HEALTH_FAIL, "the branch has no commit");
    else if (is_true(head, "head_equals_upstream"))
        po_health_say(out, PO_HEALTH_PASS, "the local head is what the remote has");
    else if (!is_true(head, "upstream_set"))
        po_health_say(out, PO_HEALTH_FAIL, "the branch follows no remote branch");
    else if (age_s <= DAY_S)
        po_health_say(out, PO_HEALTH_PASS, "the local head differs from the remote, for %ld s",
                      (long)age_s);
    else
        po_health_say(out, PO_HEALTH_FAIL, "the local head was not pushed within 24 h");
}

static void judge_repo_history(const struct po_json *const *facts, struct po_health_verdict *out)
{
    const struct po_json *head = facts[0];
    if (is_without_repo(head, out)) return;
    if (!is_true(head, "head_readable") || !is_true(head, "has_commit"))
        po_health_say(out, PO_HEALTH_FAIL, "the last commit cannot be read");
    else
        po_health_say(out, PO_HEALTH_UNTESTED,
                      "checking objects and linking the head to a reviewed change is not built");
}

/* ---- HC-13..15 ------------------------------------------------------------------------------------------------ */

static void judge_endpoint(const struct po_json *const *facts, struct po_health_verdict *out)
{
    (void)facts;
    po_health_say(out, PO_HEALTH_UNTESTED, "the service endpoint is not built");
}

static void judge_index(const struct po_json *const *facts, struct po_health_verdict *out)
{
    (void)facts;
    po_health_say(out, PO_HEALTH_UNTESTED, "the search index is not built");
}

static void judge_mail(const struct po_json *const *facts, struct po_health_verdict *out)
{
    (void)facts;
    po_health_say(out, PO_HEALTH_UNTESTED, "sending mail is not built: there is no receipt");
}

static const struct po_health_check checks[PO_HEALTH_COUNT] = {
    {"HC-01",
     "intake",
     "Dropzone",
     "the intake directory: present, ours, its mode, and the age of the oldest file in it",
     "present, ours, at most 0750, oldest file at most 15 min old; empty is healthy",
     "missing_directory",
     5 * PO_US_PER_MIN,
     {"home.intake"},
     judge_intake},
    {"HC-02",
     "backup created",
     "Backup Creation",
     "the newest backup record in the ledger",
     "at most 26 h old and its digest verifies",
     NULL,
     5 * PO_US_PER_MIN,
     {"ledger.types"},
     judge_backup_created},
    {"HC-03",
     "backup rotated",
     "Backup Rotation",
     "the newest rotation record, and how many sets stand in Backups/",
     "rotated at most 26 h ago and exactly one active set",
     NULL,
     5 * PO_US_PER_MIN,
     {"home.archive"},
     judge_backup_rotated},
    {"HC-04",
     "backup files",
     "Backup Files",
     "the active set's files against its manifest",
     "not empty, signature and sampled chunks authenticate",
     NULL,
     5 * PO_US_PER_MIN,
     {"home.archive"},
     judge_backup_files},
    {"HC-05",
     "archive",
     "Archive Directory",
     "the archive directory, its sets and their ages against the plan",
     "present, number of sets and age of the oldest inside the plan",
     "missing_directory",
     5 * PO_US_PER_MIN,
     {"home.archive"},
     judge_archive},
    {"HC-06",
     "logs",
     "Log Files",
     "the newest ledger event before this command's own, the log directory, free disk space",
     "last event at most 60 s old, directory writable, at least 20 % free",
     "missing_directory",
     5 * PO_US_PER_MIN,
     {"ledger.heartbeat", "home.logs", "machine.disk"},
     judge_logs},
    {"HC-07",
     "scheduled jobs",
     "Launchd Job",
     "systemd units of the declared jobs and the events their timers left",
     "each job written, enabled, for this home, and ended well within 1.5 periods",
     NULL,
     5 * PO_US_PER_MIN,
     {"machine.timers", "ledger.jobs"},
     judge_jobs},
    {"HC-08",
     "provider credentials",
     "Provider Credentials",
     "owner and mode of credential files; a call to each provider",
     "0600, the call succeeds, not expiring within 14 d",
     "wrong_mode",
     5 * PO_US_PER_MIN,
     {"home.credentials"},
     judge_credentials},
    {"HC-09",
     "routing",
     "Router Logs",
     "one routing record per file of the intake",
     "none failed, none waiting for more than 15 min",
     NULL,
     5 * PO_US_PER_MIN,
     {"home.intake"},
     judge_routing},
    {"HC-10",
     "repository clean",
     "Git Status",
     "the work tree of REPO_DIR against its index, read from its files",
     "no file modified, deleted, untracked or staged",
     NULL,
     5 * PO_US_PER_MIN,
     {"repo.worktree"},
     judge_repo_clean},
    {"HC-11",
     "repository remote",
     "Git Remote",
     "remotes of REPO_DIR and whether its head is what the remote was last known to have",
     "a remote is set and the head was pushed within 24 h",
     NULL,
     5 * PO_US_PER_MIN,
     {"repo.head"},
     judge_repo_remote},
    {"HC-12",
     "repository history",
     "Git Commits",
     "the head of REPO_DIR, its objects, and the review of its last commit",
     "objects intact and the head linked to a reviewed change",
     NULL,
     5 * PO_US_PER_MIN,
     {"repo.head"},
     judge_repo_history},
    {"HC-13",
     "service endpoint",
     "API Endpoint",
     "a request to the service's own listener",
     "answered with 200 within 500 ms by this very build",
     NULL,
     5 * PO_US_PER_MIN,
     {NULL},
     judge_endpoint},
    {"HC-14",
     "search index",
     "Spotlight",
     "lag of the event index behind the ledger",
     "no lag for more than 60 s, weekly rebuild equal",
     NULL,
     5 * PO_US_PER_MIN,
     {NULL},
     judge_index},
    {"HC-15",
     "nightly report sent",
     "Nightly Email Sent",
     "the mail server's receipt for the newest nightly report",
     "accepted over verified TLS at most 26 h ago, digest equal to the file",
     NULL,
     5 * PO_US_PER_MIN,
     {NULL},
     judge_mail},
};

const struct po_health_check *po_health_table(void) { return checks; }
