/*
 * The 15 checks: each with facts that make it pass, fail and stay untested, and what makes a check an
 * error or skipped.
 */
#include "health/health.h"

#include "core/embed.h"
#include "core/flags.h"
#include "fact/fact_priv.h"
#include "home/home.h"
#include "lib/test.h"
#include "unit/fact/fact_fixture.h"

#define GOOD_TIMER                                                                                 \
    "{\"jobs\":[{\"name\":\"a\",\"timer_present\":true,\"service_present\":true,\"enabled\":true," \
    "\"for_this_home\":true,\"period_s\":300}]}"
#define INTAKE(owner, mode, age)                                                                   \
    "{\"present\":true,\"owner_ok\":" owner ",\"mode_bits\":" mode ",\"files\":2,"                 \
    "\"oldest_age_s\":" age ",\"all_counted\":true}"
#define ARCHIVE(sets, age, active)                                                                 \
    "{\"present\":true,\"sets\":" sets ",\"oldest_age_s\":" age ",\"active_sets\":" active         \
    ",\"plan_sets_max\":30,\"plan_days_max\":365}"
#define TREE(compared, all, modified, staged)                                                      \
    "{\"configured\":true,\"found\":true,\"compared\":" compared ",\"why\":null,\"tracked\":9,"    \
    "\"all_counted\":" all ",\"modified\":" modified ",\"deleted\":0,\"untracked\":0,"             \
    "\"conflicts\":0,\"staged\":\"" staged "\",\"oldest_change_age_s\":null}"
#define HEAD(remotes, upstream, equal, age)                                                        \
    "{\"configured\":true,\"found\":true,\"head_readable\":true,\"has_commit\":true,"              \
    "\"remotes\":" remotes ",\"upstream_set\":" upstream ",\"head_equals_upstream\":" equal        \
    ",\"head_moved_age_s\":" age "}"
#define LOGS "{\"present\":true,\"writable\":true}"
#define DISK(percent, least)                                                                       \
    "{\"home\":{\"free_percent\":" percent "},\"free_percent_min\":" least "}"
#define BEAT(age) "{\"found\":true,\"age_s\":" age "}"
#define RUN(age) "{\"jobs\":[{\"name\":\"a\",\"age_s\":" age "}]}"

static const struct {
    const char *name;
    const char *id;
    const char *facts[PO_HEALTH_FACTS_MAX];
    enum po_health_state want;
    const char *reason;
} rows[] = {
    {"intake well", "HC-01", {INTAKE("true", "448", "10")}, PO_HEALTH_PASS, "2 files"},
    {"intake empty is healthy", "HC-01", {INTAKE("true", "488", "null")}, PO_HEALTH_PASS, ""},
    {"intake absent", "HC-01", {"{\"present\":false}"}, PO_HEALTH_FAIL, "not there"},
    {"intake of another", "HC-01", {INTAKE("false", "448", "1")}, PO_HEALTH_FAIL, "another user"},
    {"intake open", "HC-01", {INTAKE("true", "493", "1")}, PO_HEALTH_FAIL, "0755"},
    {"intake old", "HC-01", {INTAKE("true", "448", "901")}, PO_HEALTH_FAIL, "901 s"},
    {"intake at the limit", "HC-01", {INTAKE("true", "448", "900")}, PO_HEALTH_PASS, ""},
    {"intake without members", "HC-01", {"{}"}, PO_HEALTH_FAIL, "not there"},

    {"no backup record", "HC-02", {"{\"types\":[]}"}, PO_HEALTH_UNTESTED, "not built"},
    {"a backup record is not enough",
     "HC-02",
     {"{\"types\":[{\"type\":\"backup.created\",\"count\":1}]}"},
     PO_HEALTH_UNTESTED,
     "verified"},
    {"rotation", "HC-03", {ARCHIVE("0", "null", "1")}, PO_HEALTH_UNTESTED, "not built"},
    {"two active sets", "HC-03", {ARCHIVE("0", "null", "2")}, PO_HEALTH_FAIL, "2 active"},
    {"no active set", "HC-04", {ARCHIVE("0", "null", "0")}, PO_HEALTH_UNTESTED, "no active"},
    {"an active set", "HC-04", {ARCHIVE("0", "null", "1")}, PO_HEALTH_UNTESTED, "not built"},

    {"archive inside the plan", "HC-05", {ARCHIVE("30", "31536000", "1")}, PO_HEALTH_PASS, "30"},
    {"archive empty", "HC-05", {ARCHIVE("0", "null", "0")}, PO_HEALTH_UNTESTED, "empty"},
    {"archive absent", "HC-05", {"{\"present\":false}"}, PO_HEALTH_FAIL, "not there"},
    {"archive too full", "HC-05", {ARCHIVE("31", "1", "0")}, PO_HEALTH_FAIL, "31 sets"},
    {"archive too old", "HC-05", {ARCHIVE("3", "31622400", "0")}, PO_HEALTH_FAIL, "366 days"},

    {"logs well", "HC-06", {BEAT("60"), LOGS, DISK("20", "20")}, PO_HEALTH_PASS, "60 s ago"},
    {"no event",
     "HC-06",
     {"{\"found\":false}", LOGS, DISK("50", "20")},
     PO_HEALTH_FAIL,
     "no event"},
    {"old event", "HC-06", {BEAT("61"), LOGS, DISK("50", "20")}, PO_HEALTH_FAIL, "61 s"},
    {"no log directory",
     "HC-06",
     {BEAT("1"), "{\"present\":false}", DISK("50", "20")},
     PO_HEALTH_FAIL,
     "not there"},
    {"log directory not writable",
     "HC-06",
     {BEAT("1"), "{\"present\":true,\"writable\":false}", DISK("50", "20")},
     PO_HEALTH_FAIL,
     "not writable"},
    {"disk full", "HC-06", {BEAT("1"), LOGS, DISK("19", "20")}, PO_HEALTH_FAIL, "19 %"},
    {"the option only tightens",
     "HC-06",
     {BEAT("1"), LOGS, DISK("19", "5")},
     PO_HEALTH_FAIL,
     "limit 20"},
    {"a tighter option", "HC-06", {BEAT("1"), LOGS, DISK("25", "30")}, PO_HEALTH_FAIL, "limit 30"},

    {"jobs well", "HC-07", {GOOD_TIMER, RUN("450")}, PO_HEALTH_PASS, "1 jobs"},
    {"job late", "HC-07", {GOOD_TIMER, RUN("451")}, PO_HEALTH_FAIL, "1.5 periods"},
    {"job never ran", "HC-07", {GOOD_TIMER, RUN("null")}, PO_HEALTH_FAIL, "never"},
    {"job unknown to the ledger", "HC-07", {GOOD_TIMER, "{\"jobs\":[]}"}, PO_HEALTH_FAIL, "never"},
    {"no timer",
     "HC-07",
     {"{\"jobs\":[{\"name\":\"a\",\"timer_present\":false,\"service_present\":false}]}", RUN("1")},
     PO_HEALTH_FAIL,
     "'a' has no timer"},
    {"no job", "HC-07", {"{\"jobs\":[]}", "{\"jobs\":[]}"}, PO_HEALTH_UNTESTED, "no job"},

    {"credentials open", "HC-08", {"{\"present\":2,\"safe\":1}"}, PO_HEALTH_FAIL, "1 of 2"},
    {"credentials strict", "HC-08", {"{\"present\":1,\"safe\":1}"}, PO_HEALTH_UNTESTED, "provider"},
    {"routing", "HC-09", {INTAKE("true", "448", "1")}, PO_HEALTH_UNTESTED, "not built"},

    {"clean", "HC-10", {TREE("true", "true", "0", "none")}, PO_HEALTH_PASS, "9 files"},
    {"changed", "HC-10", {TREE("true", "true", "2", "none")}, PO_HEALTH_FAIL, "2 files"},
    {"staged", "HC-10", {TREE("true", "true", "0", "possible")}, PO_HEALTH_FAIL, "index"},
    {"staged unknown", "HC-10", {TREE("true", "true", "0", "unknown")}, PO_HEALTH_FAIL, "index"},
    {"not compared", "HC-10", {TREE("false", "false", "0", "none")}, PO_HEALTH_ERROR, "compared"},
    {"not all seen", "HC-10", {TREE("true", "false", "0", "none")}, PO_HEALTH_ERROR, "not all"},
    {"no repository set", "HC-10", {"{\"configured\":false}"}, PO_HEALTH_UNTESTED, "REPO_DIR"},
    {"no repository there",
     "HC-10",
     {"{\"configured\":true,\"found\":false}"},
     PO_HEALTH_FAIL,
     "no repository at"},

    {"pushed", "HC-11", {HEAD("1", "true", "true", "999999")}, PO_HEALTH_PASS, "remote has"},
    {"not pushed, young",
     "HC-11",
     {HEAD("1", "true", "false", "86400")},
     PO_HEALTH_PASS,
     "differs"},
    {"not pushed, old", "HC-11", {HEAD("1", "true", "false", "86401")}, PO_HEALTH_FAIL, "24 h"},
    {"age unknown", "HC-11", {HEAD("1", "true", "false", "null")}, PO_HEALTH_FAIL, "24 h"},
    {"no remote", "HC-11", {HEAD("0", "false", "false", "1")}, PO_HEALTH_FAIL, "no remote"},
    {"no upstream", "HC-11", {HEAD("1", "false", "false", "1")}, PO_HEALTH_FAIL, "follows no"},
    {"remote, none set", "HC-11", {"{\"configured\":false}"}, PO_HEALTH_UNTESTED, "REPO_DIR"},

    {"history", "HC-12", {HEAD("1", "true", "true", "1")}, PO_HEALTH_UNTESTED, "not built"},
    {"history unreadable",
     "HC-12",
     {"{\"configured\":true,\"found\":true,\"head_readable\":false}"},
     PO_HEALTH_FAIL,
     "cannot"},
    {"endpoint", "HC-13", {NULL}, PO_HEALTH_UNTESTED, "not built"},
    {"index", "HC-14", {NULL}, PO_HEALTH_UNTESTED, "not built"},
    {"mail", "HC-15", {NULL}, PO_HEALTH_UNTESTED, "not built"},
};

TEST(health_judge__says_what_the_facts_hold)
{
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        const struct po_health_check *check = po_health_find(po_str_of(row->id));
        const struct po_json *facts[PO_HEALTH_FACTS_MAX] = {NULL};
        struct po_health_verdict verdict = {.state = PO_HEALTH_UNTESTED};
        check_that(check != NULL);
        for (size_t i = 0; i < PO_HEALTH_FACTS_MAX && row->facts[i] != NULL; i++) {
            struct po_json *root = NULL;
            check_ok(cx, po_json_parse(cx, po_str_of(row->facts[i]), PO_JSON_STRICT, &root));
            facts[i] = root;
        }
        check->judge(facts, &verdict);
        check_eq_cstr(po_health_state_name(verdict.state), po_health_state_name(row->want));
        check_contains(verdict.reason, row->reason);
        check_that(verdict.reason[0] != '\0' && strchr(verdict.reason, '\n') == NULL);
    }
}

/* Law 1: a fact with nothing in it never makes a check pass. */
TEST(health_judge__never_passes_on_empty_facts)
{
    const struct po_health_check *table = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        TEST_CX(cx);
        struct po_json *empty = NULL;
        check_ok(cx, po_json_parse(cx, PO_LIT("{}"), PO_JSON_STRICT, &empty));
        const struct po_json *facts[PO_HEALTH_FACTS_MAX] = {empty, empty, empty};
        const struct po_json *none[PO_HEALTH_FACTS_MAX] = {NULL};
        struct po_health_verdict verdict = {.state = PO_HEALTH_UNTESTED};
        test_row(table[i].id);
        table[i].judge(facts, &verdict);
        check_that(verdict.state != PO_HEALTH_PASS);
        verdict = (struct po_health_verdict){.state = PO_HEALTH_UNTESTED};
        table[i].judge(none, &verdict);
        check_that(verdict.state != PO_HEALTH_PASS);
    }
}

TEST(health_table__has_the_fifteen_with_facts_that_exist)
{
    const struct po_health_check *table = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        char id[8] = {'H', 'C', '-', (char)('0' + (i + 1) / 10), (char)('0' + (i + 1) % 10), '\0'};
        test_row(table[i].id);
        check_eq_cstr(table[i].id, id);
        check_that(po_health_find(po_str_of(id)) == &table[i]);
        check_that(table[i].period_us > 0 && table[i].name[0] && table[i].measures[0]);
        for (size_t k = 0; k < PO_HEALTH_FACTS_MAX && table[i].facts[k] != NULL; k++)
            check_that(po_fact_find(po_str_of(table[i].facts[k])) != NULL, "%s", table[i].facts[k]);
    }
    check_that(po_health_find(PO_LIT("HC-16")) == NULL);
}

/* Names are those of the catalog's file: "intake (Dropzone)". */
TEST(health_table__names_are_those_of_the_catalog)
{
    TEST_CX(cx);
    po_str bytes = {0};
    struct po_json *root = NULL;
    const struct po_json *list = NULL;
    check_that(po_embed_find(PO_LIT("content/controls/health.json"), &bytes));
    check_ok(cx, po_json_parse(cx, bytes, PO_JSON_STRICT, &root));
    check_ok(cx, po_json_get_array(cx, root, "checks", &list));
    check_eq_u64(list->count, PO_HEALTH_COUNT);
    const struct po_health_check *check = po_health_table();
    for (const struct po_json *row = list->first; row != NULL; row = row->next, check++) {
        const char *name = po_arena_printf(cx->arena, "%s (%s)", check->name, check->original_name);
        check_eq_str(po_json_get(row, "name")->str, name);
    }
}

/* ---- over a snapshot ------------------------------------------------------------------------------------ */

TEST(health_run__is_an_error_without_its_facts)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx); /* no home behind it */
    struct po_health_verdict verdict = {0};
    check_ok(cx, po_health_run(cx, set, po_health_find(PO_LIT("HC-06")), &verdict));
    check_eq_int(verdict.state, PO_HEALTH_ERROR);
    check_contains(verdict.reason, "store");
    check_eq_cstr(po_err_msg(cx), "");
}

static const struct po_json *put_all(struct po_ctx *cx, const struct po_health_verdict *verdicts)
{
    struct po_json *root = NULL;
    struct po_json_out out = {0};
    po_str text = {0};
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 65536);
    po_json_out_init(&out, &buf, 0);
    po_health_put(&out, verdicts);
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &text));
    check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
    return root;
}

TEST_TIMEOUT(health_run_all__counts_all_fifteen_on_a_new_home, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_health_verdict verdicts[PO_HEALTH_COUNT];
    check_ok(cx, po_health_run_all(cx, set, verdicts));
    const struct po_json *json = put_all(cx, verdicts);
    check_eq_int(fixture_at(json, "checks")->count, 15);
    check_eq_int(fixture_int(json, "of"), 15);
    check_eq_int(fixture_int(json, "passed") + fixture_int(json, "failed") +
                     fixture_int(json, "errors") + fixture_int(json, "skipped") +
                     fixture_int(json, "untested"),
                 15);
    check_eq_int(fixture_int(json, "errors"), 0);
    check_eq_str(fixture_str(json, "checks.0.id"), "HC-01");
    check_eq_str(fixture_str(json, "checks.0.state"), "pass");
    check_eq_int(fixture_int(json, "checks.0.observed.files"), 0);
}

TEST_TIMEOUT(health_run__is_skipped_and_listed_when_its_flag_is_off, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    const char *path = po_home_path(set->home, PO_PLACE_FLAGS);
    struct po_health_verdict verdicts[PO_HEALTH_COUNT];
    check_ok(cx, po_flags_load(cx, path, &flags));
    check_ok(cx, po_flags_set(cx, flags, PO_FLAG_CHECK_HC_01, PO_LIT("false")));
    check_ok(cx, po_flags_save(cx, flags, path));
    check_ok(cx, po_health_run_all(cx, set, verdicts));
    check_eq_int(verdicts[0].state, PO_HEALTH_SKIPPED);
    check_contains(verdicts[0].reason, "check_HC-01");
    check_eq_int(fixture_int(put_all(cx, verdicts), "skipped"), 1);
    check_that(verdicts[5].state != PO_HEALTH_SKIPPED);
}

/* HC-06 looks at events before this command's own: its own ones must not make the log look alive. */
TEST_TIMEOUT(health_logs__does_not_take_its_own_events_for_a_heartbeat, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_fact_set *later = NULL;
    struct po_health_verdict verdict = {0};
    struct po_event event = {.type = PO_EVENT_TYPE_HEALTH_CHECKED,
                             .resource = PO_LIT("health:all"),
                             .action = PO_LIT("check"),
                             .result = PO_EVENT_SUCCESS};
    memcpy(cx->session, "run_second", sizeof "run_second");
    po_clock_fake_advance(test_clock(), 3 * PO_US_PER_MIN);
    for (int i = 0; i < 3; i++)
        check_ok(cx, po_home_record(cx, set->home, &event));
    check_ok(cx, po_home_flush(cx, set->home));
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &later));
    check_ok(cx, po_health_run(cx, later, po_health_find(PO_LIT("HC-06")), &verdict));
    check_eq_int(verdict.state, PO_HEALTH_FAIL);
    check_contains(verdict.reason, "the last event is 180 s old");
    check_eq_int(fixture_int(fixture_read(cx, later, "ledger.heartbeat"), "own_events_left_out"),
                 3);

    memcpy(cx->session, "run_third", sizeof "run_third"); /* to another command they count */
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &later));
    check_eq_int(fixture_int(fixture_read(cx, later, "ledger.heartbeat"), "age_s"), 0);
}

TEST_TIMEOUT(health_run_all__changes_nothing, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_health_verdict verdicts[PO_HEALTH_COUNT];
    const char *before = fixture_tree_digest(cx, test_tmp("home"));
    check_ok(cx, po_health_run_all(cx, set, verdicts));
    check_eq_cstr(fixture_tree_digest(cx, test_tmp("home")), before);
}
