#include "unit/health/health_rows.h"

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

#define OFF_TIMER "{\"jobs\":[{\"name\":\"a\"}]}"
#define SERVED_JOB "{\"running\":true,\"jobs\":[{\"name\":\"a\",\"period_s\":600}]}"

#define ENDPOINT(running, status, took, age)                                                       \
    "{\"running\":" running ",\"status\":" status ",\"took_ms\":" took ",\"age_s\":" age "}"

const struct health_row health_rows[] = {
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

    {"jobs well", "HC-07", {GOOD_TIMER, RUN("450"), "{}"}, PO_HEALTH_PASS, "1 jobs"},
    {"job late", "HC-07", {GOOD_TIMER, RUN("451"), "{}"}, PO_HEALTH_FAIL, "1.5 periods"},
    {"job never ran", "HC-07", {GOOD_TIMER, RUN("null"), "{}"}, PO_HEALTH_FAIL, "never"},
    {"job unknown to the ledger",
     "HC-07",
     {GOOD_TIMER, "{\"jobs\":[]}", "{}"},
     PO_HEALTH_FAIL,
     "never"},
    {"no timer",
     "HC-07",
     {"{\"jobs\":[{\"name\":\"a\",\"timer_present\":false,\"service_present\":false}]}", RUN("1"),
      "{}"},
     PO_HEALTH_FAIL,
     "'a' has no timer"},
    {"no job", "HC-07", {"{\"jobs\":[]}", "{\"jobs\":[]}", "{}"}, PO_HEALTH_UNTESTED, "no job"},
    {"jobs of the service", "HC-07", {OFF_TIMER, RUN("900"), SERVED_JOB}, PO_HEALTH_PASS, "1 jobs"},
    {"job of the service late",
     "HC-07",
     {OFF_TIMER, RUN("901"), SERVED_JOB},
     PO_HEALTH_FAIL,
     "1.5 periods"},

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
    {"endpoint", "HC-13", {ENDPOINT("true", "200", "500", "180")}, PO_HEALTH_PASS, "500 ms"},
    {"endpoint slow", "HC-13", {ENDPOINT("true", "200", "501", "1")}, PO_HEALTH_FAIL, "501 ms"},
    {"endpoint not ready", "HC-13", {ENDPOINT("true", "503", "1", "1")}, PO_HEALTH_FAIL, "503"},
    {"endpoint silent", "HC-13", {ENDPOINT("true", "0", "1", "1")}, PO_HEALTH_FAIL, "not answer"},
    {"endpoint long ago", "HC-13", {ENDPOINT("true", "200", "1", "181")}, PO_HEALTH_FAIL, "181 s"},
    {"endpoint not asked",
     "HC-13",
     {ENDPOINT("true", "0", "0", "null")},
     PO_HEALTH_UNTESTED,
     "not been asked"},
    {"no endpoint",
     "HC-13",
     {ENDPOINT("false", "200", "1", "1")},
     PO_HEALTH_UNTESTED,
     "no service"},
    {"index", "HC-14", {NULL}, PO_HEALTH_UNTESTED, "not built"},
    {"mail", "HC-15", {NULL}, PO_HEALTH_UNTESTED, "not built"},
};

const size_t health_row_count = sizeof health_rows / sizeof *health_rows;
