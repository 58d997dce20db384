/*
 * Facts of the home's files, over a home made of files.
 */
#include "fact_fixture.h"

#include "core/flags.h"
#include "home/home.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Age of a file by the case's clock. */
static void set_age(const char *path, int64_t age_s)
{
    int64_t at_s = TEST_CLOCK_START_US / PO_US_PER_S - age_s;
    struct timespec times[2] = {{.tv_sec = (time_t)at_s}, {.tv_sec = (time_t)at_s}};
    check_that(utimensat(AT_FDCWD, test_tmp(path), times, AT_SYMLINK_NOFOLLOW) == 0);
}

static const struct po_json *row_with(const struct po_json *list, const char *key,
                                      const char *value)
{
    for (const struct po_json *row = list->first; row != NULL; row = row->next)
        if (po_str_eq_cstr(po_json_get(row, key)->str, value)) return row;
    test_fail(__FILE__, __LINE__, "no row with %s '%s'", key, value);
}

/* ---- home.places -------------------------------------------------------------------------------------- */

TEST(home_places__tells_missing_wrong_type_mode_and_links)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_dir("home/config");
    fixture_dir("home/data");
    fixture_file("home/logs", "a file where a directory belongs");
    check_that(chmod(test_tmp("home"), 0700) == 0);
    check_that(chmod(test_tmp("home/data"), 0755) == 0);
    check_that(symlink("/etc", test_tmp("home/Reports")) == 0);
    const struct po_json *value = fixture_read(cx, set, "home.places");
    const struct po_json *places = fixture_at(value, "places");
    check_eq_u64(places->count, PO_PLACE_COUNT);
    check_that(fixture_bool(row_with(places, "path", "config"), "mode_ok"));
    check_eq_str(fixture_str(row_with(places, "path", "data"), "mode"), "0755");
    check_that(!fixture_bool(row_with(places, "path", "data"), "mode_ok"));
    check_eq_str(fixture_str(row_with(places, "path", "logs"), "is"), "file");
    check_eq_str(fixture_str(row_with(places, "path", "Reports"), "is"), "symlink");
    check_that(fixture_is_null(row_with(places, "path", "Reports"), "mode"));
    check_eq_str(fixture_str(row_with(places, "path", "intake"), "is"), "absent");
    check_eq_int(fixture_int(value, "wrong_type"), 2);
    check_eq_int(fixture_int(value, "wrong_mode"), 1);
    check_eq_int(fixture_int(value, "wrong_owner"), 0);
    check_that(fixture_int(value, "missing") >= 5);
}

TEST(home_places__tells_another_owner)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    set->places.uid = (uid_t)4242;
    check_that(fixture_int(fixture_read(cx, set, "home.places"), "wrong_owner") >= 1);
}

/* ---- home.intake, home.logs ----------------------------------------------------------------------------- */

TEST(home_intake__finds_the_oldest_waiting_file)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    set->places.intake = test_tmp("drop");
    fixture_file("drop/a", "1");
    fixture_file("drop/sub/b", "22");
    fixture_file("drop/.hidden", "333");
    check_that(symlink("/etc/passwd", test_tmp("drop/link")) == 0);
    set_age("drop/a", 100);
    set_age("drop/sub/b", 5000);
    set_age("drop/.hidden", 90000);
    const struct po_json *value = fixture_read(cx, set, "home.intake");
    check_that(fixture_bool(value, "present"));
    check_eq_int(fixture_int(value, "files"), 2);
    check_eq_int(fixture_int(value, "others"), 1);
    check_eq_int(fixture_int(value, "oldest_age_s"), 5000);
    check_eq_int(fixture_int(value, "newest_age_s"), 100);
    check_eq_int(fixture_int(value, "bytes"), 3);
}

TEST(home_intake__is_absent_or_empty_as_data)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    set->places.intake = test_tmp("drop");
    const struct po_json *value = fixture_read(cx, set, "home.intake");
    check_that(!fixture_bool(value, "present"));
    check_that(fixture_is_null(value, "oldest_age_s"));
    set = fixture_set(cx);
    set->places.intake = NULL;
    check_that(!fixture_bool(fixture_read(cx, set, "home.intake"), "present"));
    set = fixture_set(cx);
    fixture_file("file", "no directory");
    set->places.intake = test_tmp("file");
    value = fixture_read(cx, set, "home.intake");
    check_eq_str(fixture_str(value, "is"), "file");
    check_that(!fixture_bool(value, "present"));
}

TEST(home_logs__sees_hidden_logs_and_what_others_may_read)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("home/logs/.autodoctor_log_20260102.txt", "hello");
    fixture_file("home/logs/a.log", "x");
    check_that(chmod(test_tmp("home/logs/a.log"), 0644) == 0);
    check_that(chmod(test_tmp("home/logs/.autodoctor_log_20260102.txt"), 0640) == 0);
    const struct po_json *value = fixture_read(cx, set, "home.logs");
    check_eq_int(fixture_int(value, "files"), 2);
    check_eq_int(fixture_int(value, "open_to_others"), 1);
    check_eq_int(fixture_int(value, "largest_bytes"), 5);
    check_that(fixture_bool(value, "writable"));
    check_that(chmod(test_tmp("home/logs"), 0500) == 0);
    check_that(!fixture_bool(fixture_read(cx, fixture_set(cx), "home.logs"), "writable"));
}

/* ---- home.archive, home.markers ----------------------------------------------------------------------------- */

TEST(home_archive__counts_sets_and_active_ones_apart)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    set->places.archive_max = 30;
    set->places.archive_days_max = 365;
    fixture_dir("home/Backups/archive/set-1");
    fixture_file("home/Backups/archive/set-2.tar", "x");
    fixture_file("home/Backups/archive/.note", "x");
    fixture_dir("home/Backups/active-set");
    fixture_file("home/Backups/.backup_created_last_success", "");
    set_age("home/Backups/archive/set-2.tar", 7 * 86400);
    set_age("home/Backups/archive/set-1", 86400);
    const struct po_json *value = fixture_read(cx, set, "home.archive");
    check_eq_int(fixture_int(value, "sets"), 2);
    check_eq_int(fixture_int(value, "active_sets"), 1);
    check_eq_int(fixture_int(value, "oldest_age_s"), 7 * 86400);
    check_eq_int(fixture_int(value, "plan_sets_max"), 30);
}

TEST(home_archive__is_absent_as_data)
{
    TEST_CX(cx);
    const struct po_json *value = fixture_read(cx, fixture_set(cx), "home.archive");
    check_that(!fixture_bool(value, "present"));
    check_eq_int(fixture_int(value, "active_sets"), 0);
}

TEST(home_markers__lists_success_markers_and_locks)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("home/.backup_created_last_success", "");
    fixture_file("home/logs/job.lock", "123");
    fixture_file("home/data/run.pid", "123");
    fixture_file("home/ordinary", "");
    set_age("home/logs/job.lock", 60);
    const struct po_json *value = fixture_read(cx, set, "home.markers");
    check_eq_int(fixture_at(value, "markers")->count, 1);
    check_eq_str(fixture_str(value, "markers.0.name"), ".backup_created_last_success");
    check_eq_int(fixture_at(value, "locks")->count, 2);
    check_eq_int(fixture_int(row_with(fixture_at(value, "locks"), "name", "job.lock"), "age_s"),
                 60);
}

/* ---- home.locks ------------------------------------------------------------------------------------------ */

#define DEAD_PID "4194303\n"

static bool lock_is_held(const struct po_json *value, const char *path)
{
    return fixture_bool(row_with(fixture_at(value, "locks"), "path", path), "held");
}

TEST(home_locks__tells_held_ones_from_forgotten_ones)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("home/scripts/dead.lock", DEAD_PID);
    fixture_file("home/scripts/lives.lock", "77\n");
    fixture_file("home/logs/empty.lock", "");
    fixture_file("home/logs/taken.lock", DEAD_PID);
    fixture_file("home/logs/ordinary", DEAD_PID);
    fixture_file("home/data/lock.lock", DEAD_PID); /* data/ is ours */
    fixture_dir("proc/77");
    check_eq_int(mkdir(test_tmp("home/scripts/dir.lock"), 0700), 0);
    check_eq_int(symlink("/etc/passwd", test_tmp("home/scripts/link.lock")), 0);
    static const char *const old[] = {"home/scripts/dead.lock", "home/scripts/lives.lock",
                                      "home/logs/empty.lock", "home/logs/taken.lock"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        set_age(old[i], 100);
    int taken = open(test_tmp("home/logs/taken.lock"), O_RDONLY);
    check_that(taken >= 0 && flock(taken, LOCK_EX) == 0);
    const struct po_json *value = fixture_read(cx, set, "home.locks");
    check_eq_u64(fixture_at(value, "locks")->count, 4);
    check_that(!lock_is_held(value, "scripts/dead.lock"));
    check_that(!lock_is_held(value, "logs/empty.lock"));
    check_that(lock_is_held(value, "scripts/lives.lock"));
    check_that(lock_is_held(value, "logs/taken.lock"));
    check_eq_int(fixture_int(value, "locks.0.age_s"), 100);
    check_that(fixture_bool(value, "all_listed"));
    check_eq_int(close(taken), 0);
}

TEST(home_locks__does_not_touch_a_young_lock)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("home/scripts/young.lock", DEAD_PID);
    fixture_file("home/scripts/minute.lock", DEAD_PID);
    set_age("home/scripts/young.lock", 59);
    set_age("home/scripts/minute.lock", 60);
    const struct po_json *value = fixture_read(cx, set, "home.locks");
    const struct po_json *locks = fixture_at(value, "locks");
    check_that(fixture_is_null(row_with(locks, "path", "scripts/young.lock"), "held"));
    check_that(!lock_is_held(value, "scripts/minute.lock"));
}

/* A link in the place of a directory leads elsewhere: what lies there is none of ours. */
TEST(home_locks__follows_no_link)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("elsewhere/job.lock", DEAD_PID);
    check_eq_int(symlink(test_tmp("elsewhere"), test_tmp("home/scripts")), 0);
    check_eq_u64(fixture_at(fixture_read(cx, set, "home.locks"), "locks")->count, 0);
}

/* ---- home.credentials ----------------------------------------------------------------------------------------- */

TEST(home_credentials__judges_owner_and_mode)
{
    static const struct {
        const char *name;
        mode_t mode;
        bool is_strict;
    } rows[] = {{"0600", 0600, true},  {"0400", 0400, true},  {"0640", 0640, false},
                {"0644", 0644, false}, {"0700", 0700, false}, {"4600", 04600, false}};
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_fact_set *set = fixture_set(cx);
        fixture_file("home/config/.env", "A=1\n");
        check_that(chmod(test_tmp("home/config/.env"), row->mode) == 0);
        const struct po_json *value = fixture_read(cx, set, "home.credentials");
        check_eq_int(fixture_int(value, "present"), 1);
        check_eq_int(fixture_int(value, "safe"), row->is_strict ? 1 : 0);
        check_eq_int(fixture_bool(value, "files.0.strict"), row->is_strict);
    }
}

TEST(home_credentials__takes_a_link_for_unsafe)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("elsewhere", "A=1\n");
    fixture_dir("home/config");
    check_that(chmod(test_tmp("elsewhere"), 0600) == 0);
    check_that(symlink(test_tmp("elsewhere"), test_tmp("home/config/.env")) == 0);
    const struct po_json *value = fixture_read(cx, set, "home.credentials");
    check_eq_str(fixture_str(value, "files.0.is"), "symlink");
    check_eq_int(fixture_int(value, "safe"), 0);
}

/* ---- keys.place -------------------------------------------------------------------------------------------------- */

TEST(keys_place__finds_copies_in_the_home_and_wide_modes)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("state/master.key", "k");
    fixture_file("home/config/master.key", "k");
    check_that(chmod(test_tmp("state/master.key"), 0600) == 0);
    const struct po_json *value = fixture_read(cx, set, "keys.place");
    check_that(fixture_bool(value, "directory_private"));
    check_that(fixture_bool(value, "master_private"));
    check_that(!fixture_bool(value, "inside_home"));
    check_eq_int(fixture_int(value, "copies_in_home"), 1);
    check_that(fixture_bool(value, "same_file_system_as_data"));
    check_that(!fixture_bool(value, "same_file_system_as_backups")); /* no Backups/ there */
    check_that(chmod(test_tmp("state/master.key"), 0640) == 0);
    check_that(chmod(test_tmp("state"), 0755) == 0);
    value = fixture_read(cx, fixture_set(cx), "keys.place");
    check_that(!fixture_bool(value, "master_private"));
    check_that(!fixture_bool(value, "directory_private"));
}

TEST(keys_place__knows_a_key_that_is_no_file)
{
    TEST_CX(cx);
    const struct po_json *value = fixture_read(cx, fixture_set(cx), "keys.place");
    check_that(!fixture_bool(value, "master_in_file"));
    check_that(!fixture_bool(value, "master_private"));
}

/* ---- machine.timers ------------------------------------------------------------------------------------------------ */

static void write_timer(const char *job, const char *lines, const char *root)
{
    char path[256];
    char text[8192];
    (void)snprintf(path, sizeof path, "units/%s.timer", job);
    (void)snprintf(text, sizeof text, "[Timer]\n%s\n[Install]\nWantedBy=timers.target\n", lines);
    fixture_file(path, text);
    (void)snprintf(path, sizeof path, "units/%s.service", job);
    (void)snprintf(text, sizeof text, "[Service]\nExecStart=\"/bin/p\" x --home \"%s\"\n", root);
    fixture_file(path, text);
}

TEST(machine_timers__reads_period_link_and_home_from_unit_files)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    write_timer("paulyops-assess", "OnBootSec=1min\nOnUnitActiveSec=300s", test_tmp("home"));
    write_timer("paulyops-nightly", "OnCalendar=*-*-* 02:30:00", "/srv/other");
    fixture_dir("units/timers.target.wants");
    check_that(symlink("../paulyops-assess.timer",
                       test_tmp("units/timers.target.wants/paulyops-assess.timer")) == 0);
    const struct po_json *jobs = fixture_at(fixture_read(cx, set, "machine.timers"), "jobs");
    const struct po_json *assess = row_with(jobs, "name", "paulyops-assess");
    const struct po_json *nightly = row_with(jobs, "name", "paulyops-nightly");
    check_that(fixture_bool(assess, "enabled") && fixture_bool(assess, "for_this_home"));
    check_eq_int(fixture_int(assess, "period_s"), 300);
    check_that(!fixture_bool(nightly, "enabled") && !fixture_bool(nightly, "for_this_home"));
    check_eq_int(fixture_int(nightly, "period_s"), 86400);
}

TEST(machine_timers__are_absent_as_data)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "machine.timers");
    check_that(!fixture_bool(value, "jobs.0.timer_present"));
    check_that(fixture_is_null(value, "jobs.0.period_s"));
    set = fixture_set(cx);
    set->places.user_units = NULL;
    check_that(!fixture_bool(fixture_read(cx, set, "machine.timers"), "jobs.1.enabled"));
}

TEST(machine_timers__know_no_period_they_cannot_read)
{
    static const struct {
        const char *name;
        int64_t want;
    } rows[] = {{"OnUnitActiveSec=5min", 300},
                {"OnUnitActiveSec=1h", 3600},
                {"OnUnitActiveSec=90", 90},
                {"OnUnitActiveSec=soon", -1},
                {"OnUnitActiveSec=", -1},
                {"OnUnitActiveSec=5 fortnights", -1},
                {"OnCalendar=Mon *-*-* 10:00", -1},
                {"OnCalendar=hourly", 3600},
                {"OnUnitActiveSec=99999999999999999999s", -1}};
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_fact_set *set = fixture_set(cx);
        write_timer("paulyops-assess", row->name, "x");
        const struct po_json *value = fixture_read(cx, set, "machine.timers");
        if (row->want < 0)
            check_that(fixture_is_null(value, "jobs.0.period_s"));
        else
            check_eq_int(fixture_int(value, "jobs.0.period_s"), row->want);
    }
}

/* ---- build.program ---------------------------------------------------------------------------------------------------- */

TEST(build_program__believes_a_manifest_only_about_its_own_digest)
{
    static const struct {
        const char *name;
        const char *manifest;
        bool is_found;
        bool is_equal;
    } rows[] = {
        {"none", NULL, false, false},
        {"other digest", "{\"binary_sha256\":\"00\",\"abort_sites\":0}", true, false},
        {"no JSON", "hello", false, false},
        {"right", "@", true, true},
        {"digest as a number", "{\"binary_sha256\":1}", true, false},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_fact_set *set = fixture_set(cx);
        char manifest[512] = "";
        fixture_file("bin/program", row->name);
        set->places.program = test_tmp("bin/program");
        (void)remove(test_tmp("bin/build-manifest.json"));
        const struct po_json *before = fixture_read(cx, set, "build.program");
        (void)snprintf(manifest, sizeof manifest,
                       "{\"binary_sha256\":\"%.*s\",\"abort_sites\":0,\"problems\":1,"
                       "\"objects_scanned\":90}",
                       PO_STR_ARG(fixture_str(before, "digest")));
        if (row->manifest != NULL)
            fixture_file("bin/build-manifest.json",
                         row->manifest[0] == '@' ? manifest : row->manifest);
        set = fixture_set(cx);
        set->places.program = test_tmp("bin/program");
        const struct po_json *value = fixture_read(cx, set, "build.program");
        check_eq_int(fixture_bool(value, "manifest_found"), row->is_found);
        check_eq_int(fixture_bool(value, "manifest_matches"), row->is_equal);
        if (row->is_equal)
            check_eq_int(fixture_int(value, "objects_scanned"), 90);
        else
            check_that(fixture_is_null(value, "abort_sites"));
    }
}

TEST(build_program__digests_the_running_program)
{
    TEST_CX(cx);
    const struct po_json *value = fixture_read(cx, fixture_set(cx), "build.program");
    check_eq_u64(fixture_str(value, "digest").len, 64);
    check_that(fixture_str(value, "version").len > 0);
}

/* ---- text.scan --------------------------------------------------------------------------------------------------------- */

TEST(text_scan__looks_through_logs_and_reports_only)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("home/config/.env", "SMTP_PASSWORD=tr0ub4dor-and-3\n");
    fixture_file("home/logs/a.log", "line\nAuthorization: Bearer abcdefghijklmnopqrstuvwx\n");
    fixture_file("home/logs/deep/b.log", "sent with tr0ub4dor-and-3\n");
    fixture_file("home/Reports/r.md", "by jane@example.org\n");
    fixture_file("home/System_Health_Report.md", "AKIAIOSFODNN7EXAMPLE\n");
    fixture_file("home/intake/x", "password=hunter2222\n");
    const struct po_json *value = fixture_read(cx, set, "text.scan");
    check_eq_int(fixture_int(value, "texts"), 4);
    check_eq_int(fixture_int(value, "hits"), 4);
    check_eq_int(fixture_int(value, "known_values"), 1);
    check_eq_int(fixture_int(value, "by_rule.bearer"), 1);
    check_eq_int(fixture_int(value, "by_rule.known_value"), 1);
    check_eq_int(fixture_int(value, "by_rule.email"), 1);
    check_eq_int(fixture_int(value, "by_rule.cloud_key"), 1);
    check_eq_int(fixture_int(row_with(fixture_at(value, "found"), "subject", "logs/a.log"), "line"),
                 2);
}

TEST(text_scan__does_not_hang_on_a_fifo_and_follows_no_link)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_dir("home/logs");
    fixture_file("outside", "password=hunter2222\n");
    check_that(mkfifo(test_tmp("home/logs/fifo"), 0600) == 0);
    check_that(symlink(test_tmp("outside"), test_tmp("home/logs/link")) == 0);
    const struct po_json *value = fixture_read(cx, set, "text.scan");
    check_eq_int(fixture_int(value, "hits"), 0);
    check_eq_int(fixture_int(value, "texts"), 0);
}

/* ---- home.config ------------------------------------------------------------------------------------------------------- */

TEST_TIMEOUT(home_config__tells_flags_changed_behind_the_records_back, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_fact_set *again = NULL;
    const struct po_json *value = fixture_read(cx, set, "home.config");
    check_that(fixture_bool(value, "options.valid") && fixture_bool(value, "flags.valid"));
    check_that(fixture_bool(value, "flags.equals_recorded"));
    fixture_file("home/config/status_flags.json",
                 "{\"doctor_enabled\": false, \"check_HC-06\": false}");
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &again));
    value = fixture_read(cx, again, "home.config");
    check_that(fixture_bool(value, "flags.valid"));
    check_that(!fixture_bool(value, "flags.equals_recorded"));
    check_eq_str(fixture_str(value, "flags.checks_off.0"), "HC-06");
}

TEST_TIMEOUT(home_config__tells_what_does_not_validate_without_its_text, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_fact_set *again = NULL;
    fixture_file("home/config/.env", "SMTP_PASWORD=do-not-show\n");
    fixture_file("home/config/status_flags.json", "{\"doctor_enabled\": \"do-not-show\"");
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &again));
    const struct po_json *value = fixture_read(cx, again, "home.config");
    check_that(!fixture_bool(value, "options.valid") && !fixture_bool(value, "flags.valid"));
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, 65536);
    check_ok(cx, po_json_canonical(cx, value, &text));
    check_that(strstr(text.ptr, "do-not-show") == NULL);
}

/* ---- machine.crash_traces -------------------------------------------------------------------- */

TEST(machine_crash_traces__finds_core_files_and_nothing_else)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    check_eq_int(fixture_int(fixture_read(cx, set, "machine.crash_traces"), "core_files"), 0);
    fixture_file("home/core", "x");
    fixture_file("home/core.1234", "x");
    fixture_file("home/core-values-of-our-company.md", "x");
    fixture_file("home/core.values-of-our-company.md", "x");
    fixture_dir("state/core.5");
    set_age("home/core", 100);
    set_age("home/core.1234", 50);
    const struct po_json *value = fixture_read(cx, fixture_set(cx), "machine.crash_traces");
    check_eq_int(fixture_int(value, "core_files"), 2);
    check_eq_int(fixture_int(value, "newest_age_s"), 50);
}
