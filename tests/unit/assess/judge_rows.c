#include "unit/assess/judge_rows.h"

#define VERDICT(kind, state, checked)                                                              \
    "{\"verdicts\":[{\"kind\":\"" kind "\",\"state\":\"" state "\",\"checked\":" checked "}]}"
#define CLASSES(beyond)                                                                            \
    "{\"classes\":[{\"class\":\"short\",\"beyond_period_and_grace\":" beyond "}]}"
#define CLOCK(readable, synchronized, offset)                                                      \
    "{\"readable\":" readable ",\"synchronized\":" synchronized ",\"offset_us\":" offset "}"
#define REPO(configured, ignored, tracked)                                                         \
    "{\"configured\":" configured ",\"compared\":true,\"env_ignored\":" ignored                    \
    ",\"env_tracked\":" tracked "}"
#define CONFIG(options, flags)                                                                     \
    "{\"options\":{\"valid\":" options "},\"flags\":{\"valid\":" flags "}}"
#define DATA_KEY(current, age, opens)                                                              \
    "{\"data_key_count\":1,\"data_keys\":[{\"current\":" current ",\"age_days\":" age              \
    ",\"opens\":" opens "}]}"
#define KEY_PLACE(inside, copies, in_file, shared)                                                 \
    "{\"inside_home\":" inside ",\"copies_in_home\":" copies ",\"master_in_file\":" in_file        \
    ",\"same_file_system_as_data\":" shared ",\"same_file_system_as_backups\":false}"
#define RETIRED(epochs, sealed) "{\"epochs\":[" epochs "],\"sealed_by_retired\":" sealed "}"
#define TYPE(name, newest) "{\"types\":[{\"type\":\"" name "\",\"newest_us\":" newest "}]}"
#define HEALTH(state)                                                                              \
    "{\"checks\":[{\"id\":\"HC-01\",\"state\":\"pass\"},{\"id\":\"HC-02\",\"state\":\"" state      \
    "\"}]}"
#define REPAIRS(all, fine)                                                                         \
    "{\"repairs\":" all ",\"allowed\":" fine ",\"with_evidence\":" fine ",\"within_tries\":" fine  \
    ",\"harmless_or_confirmed\":" fine "}"
#define JOB(enabled) "{\"jobs\":[{\"name\":\"a\",\"enabled\":" enabled ",\"period_s\":300}]}"
#define RUN_OF_JOB(age) "{\"jobs\":[{\"name\":\"a\",\"age_s\":" age "}]}"
#define NOT_SERVED "{}"
#define SERVED "{\"running\":true,\"jobs\":[{\"name\":\"a\",\"period_s\":600}]}"
#define UPTIME(minutes, up, all, all_up)                                                           \
    "{\"days_30\":{\"minutes\":" minutes ",\"up\":" up "},\"period\":{\"minutes\":" all            \
    ",\"up\":" all_up "}}"
#define INTENTS(failed, resolved, waiting)                                                         \
    "{\"started\":7,\"failed\":" failed ",\"failed_resolved\":" resolved                           \
    ",\"failed_waiting\":" waiting "}"
#define BUILD(found, matches, sites)                                                               \
    "{\"manifest_found\":" found ",\"manifest_matches\":" matches                                  \
    ",\"objects_scanned\":90,\"abort_sites\":" sites ",\"problems\":0}"

const struct judge_row judge_rows[] = {
    /* the ledger */
    {"AUD-01.1", {"{\"opened\":6,\"valid\":6}"}, PO_RUN_PASS, 6, 6},
    {"AUD-01.1", {"{\"opened\":6,\"valid\":5}"}, PO_RUN_FAIL, 5, 6},
    {"AUD-01.1", {"{}"}, PO_RUN_UNTESTED, 0, 0},
    {"AUD-01.2", {"{\"events\":9,\"missing\":0,\"repeated\":0}"}, PO_RUN_PASS, 9, 9},
    {"AUD-01.2", {"{\"events\":9,\"missing\":1,\"repeated\":1}"}, PO_RUN_FAIL, 9, 11},
    {"AUD-03.1", {VERDICT("root", "ok", "2")}, PO_RUN_PASS, 2, 2},
    {"AUD-03.1", {VERDICT("root", "failed", "2")}, PO_RUN_FAIL, 1, 2},
    {"AUD-03.1", {"{\"verdicts\":[]}"}, PO_RUN_UNTESTED, 0, 0},
    {"AUD-03.2", {VERDICT("consistency", "ok", "3")}, PO_RUN_PASS, 3, 3},
    {"AUD-03.2", {VERDICT("consistency", "not checked", "0")}, PO_RUN_UNTESTED, 0, 0},
    {"AUD-03.2", {VERDICT("consistency", "failed", "3")}, PO_RUN_FAIL, 2, 3},
    {"AUD-03.4", {"{\"flips\":20,\"detected\":20}"}, PO_RUN_PASS, 20, 20},
    {"AUD-03.4", {"{\"flips\":20,\"detected\":19}"}, PO_RUN_FAIL, 19, 20},
    {"AUD-04.1", {"{\"leaves\":5,\"leaves_with_live_key\":5}"}, PO_RUN_PASS, 5, 5},
    {"AUD-04.1", {"{\"leaves\":5,\"leaves_with_live_key\":4}"}, PO_RUN_FAIL, 4, 5},
    {"AUD-05.1", {"{\"leaves\":5,\"missing\":0}"}, PO_RUN_PASS, 5, 5},
    {"AUD-05.1", {"{\"leaves\":5,\"missing\":2}"}, PO_RUN_FAIL, 5, 7},
    {"AUD-05.2", {CLASSES("false")}, PO_RUN_PASS, 1, 1},
    {"AUD-05.2", {CLASSES("true")}, PO_RUN_FAIL, 0, 1},
    {"AUD-05.3", {"{\"leaves\":5,\"missing\":0}"}, PO_RUN_PASS, 5, 5},
    {"AUD-05.3", {"{\"leaves\":5,\"missing\":1}"}, PO_RUN_FAIL, 5, 6},
    {"AUD-07.1", {"{\"texts\":30,\"leaks\":0}"}, PO_RUN_PASS, 30, 30},
    {"AUD-07.1", {"{\"texts\":30,\"leaks\":1}"}, PO_RUN_FAIL, 29, 30},
    {"AUD-07.2", {"{\"texts\":3,\"hits\":0,\"not_read\":0}"}, PO_RUN_PASS, 3, 3},
    {"AUD-07.2", {"{\"texts\":3,\"hits\":9,\"not_read\":0}"}, PO_RUN_FAIL, 0, 3},
    {"AUD-07.2", {"{\"texts\":3,\"hits\":0,\"not_read\":1}"}, PO_RUN_FAIL, 2, 3},
    {"AUD-08.1", {CLOCK("true", "true", "999999")}, PO_RUN_PASS, 1, 1},
    {"AUD-08.1", {CLOCK("true", "true", "-1000000")}, PO_RUN_FAIL, 0, 1},
    {"AUD-08.1", {CLOCK("true", "false", "0")}, PO_RUN_FAIL, 0, 1},
    {"AUD-08.1", {CLOCK("false", "false", "0")}, PO_RUN_UNTESTED, 0, 0},
    {"AUD-08.2", {"{\"acknowledged\":40,\"lost\":0}"}, PO_RUN_PASS, 40, 40},
    {"AUD-08.2", {"{\"acknowledged\":40,\"lost\":1}"}, PO_RUN_FAIL, 39, 40},
    {"AUD-08.3", {"{\"events\":9,\"missing\":0,\"repeated\":0}"}, PO_RUN_PASS, 9, 9},
    {"AUD-08.3", {"{\"events\":9,\"missing\":1,\"repeated\":0}"}, PO_RUN_FAIL, 9, 10},
    {"DR-02.1", {"{\"kills\":3,\"worst_ms\":59999}"}, PO_RUN_PASS, 3, 3},
    {"DR-02.1", {"{\"kills\":3,\"worst_ms\":60000}"}, PO_RUN_FAIL, 2, 3},
    {"DR-02.2", {"{\"acknowledged\":40,\"lost\":0}"}, PO_RUN_PASS, 40, 40},
    {"DR-02.2", {"{\"acknowledged\":40,\"lost\":2}"}, PO_RUN_FAIL, 38, 40},
    /* the home and its keys */
    {"CFG-01.2", {"{\"files\":[],\"present\":2,\"safe\":2}"}, PO_RUN_PASS, 2, 2},
    {"CFG-01.2",
     {"{\"files\":[{\"path\":\"config/.env\",\"mode\":\"0644\",\"strict\":false,"
      "\"owner_ok\":true}],\"present\":1,\"safe\":0}"},
     PO_RUN_FAIL,
     0,
     1},
    {"CFG-01.3", {REPO("true", "true", "0")}, PO_RUN_PASS, 1, 1},
    {"CFG-01.3", {REPO("true", "false", "0")}, PO_RUN_FAIL, 0, 1},
    {"CFG-01.3", {REPO("true", "true", "1")}, PO_RUN_FAIL, 0, 1},
    {"CFG-01.3", {REPO("false", "true", "0")}, PO_RUN_UNTESTED, 0, 0},
    {"CFG-02.1", {CONFIG("true", "true")}, PO_RUN_PASS, 2, 2},
    {"CFG-02.1", {CONFIG("true", "false")}, PO_RUN_FAIL, 1, 2},
    {"CRY-01.1",
     {"{\"leaves\":5,\"leaves_with_live_key\":5}", "{\"cells_opened\":2,\"cells_without_key\":0}"},
     PO_RUN_PASS,
     7,
     7},
    {"CRY-01.1",
     {"{\"leaves\":5,\"leaves_with_live_key\":5}", "{\"cells_opened\":2,\"cells_without_key\":1}"},
     PO_RUN_FAIL,
     7,
     8},
    {"CRY-01.2", {"{\"planted_values\":9,\"found\":0,\"not_read\":0}"}, PO_RUN_PASS, 9, 9},
    {"CRY-01.2", {"{\"planted_values\":9,\"found\":1,\"not_read\":0}"}, PO_RUN_FAIL, 8, 9},
    {"CRY-01.2", {"{\"planted_values\":9,\"found\":0,\"not_read\":1}"}, PO_RUN_FAIL, 0, 1},
    {"CRY-01.3", {"{\"tags_checked\":4,\"tags_verified\":4}"}, PO_RUN_PASS, 4, 4},
    {"CRY-01.3", {"{\"tags_checked\":4,\"tags_verified\":3}"}, PO_RUN_FAIL, 3, 4},
    {"CRY-03.1", {DATA_KEY("true", "365", "true")}, PO_RUN_PASS, 1, 1},
    {"CRY-03.1", {DATA_KEY("true", "366", "true")}, PO_RUN_FAIL, 0, 1},
    {"CRY-03.1", {DATA_KEY("false", "9000", "true")}, PO_RUN_PASS, 1, 1},
    {"CRY-03.1", {DATA_KEY("true", "1", "false")}, PO_RUN_FAIL, 0, 1},
    {"CRY-03.2", {KEY_PLACE("false", "0", "true", "false")}, PO_RUN_PASS, 1, 1},
    {"CRY-03.2", {KEY_PLACE("true", "0", "true", "false")}, PO_RUN_FAIL, 0, 1},
    {"CRY-03.2", {KEY_PLACE("false", "1", "true", "false")}, PO_RUN_FAIL, 0, 1},
    {"CRY-03.2", {KEY_PLACE("false", "0", "true", "true")}, PO_RUN_FAIL, 0, 1},
    {"CRY-03.2", {KEY_PLACE("false", "0", "false", "true")}, PO_RUN_PASS, 1, 1},
    {"CRY-03.3",
     {RETIRED("{},{}", "0"), "{\"seals_by_retired\":0,\"wraps_by_retired\":0}"},
     PO_RUN_PASS,
     3,
     3},
    {"CRY-03.3",
     {RETIRED("{}", "0"), "{\"seals_by_retired\":0,\"wraps_by_retired\":0}"},
     PO_RUN_PASS,
     2,
     2},
    {"CRY-03.3",
     {RETIRED("{},{}", "3"), "{\"seals_by_retired\":0,\"wraps_by_retired\":0}"},
     PO_RUN_FAIL,
     2,
     3},
    {"CRY-03.3",
     {RETIRED("{}", "0"), "{\"seals_by_retired\":1,\"wraps_by_retired\":0}"},
     PO_RUN_FAIL,
     1,
     2},
    {"CRY-03.4", {TYPE("key.recovery_tested", "31536000000000")}, PO_RUN_PASS, 1, 1},
    {"CRY-03.4", {TYPE("key.recovery_tested", "1")}, PO_RUN_FAIL, 0, 1},
    {"CRY-03.4", {"{\"types\":[]}"}, PO_RUN_FAIL, 0, 1},
    /* controls, health, schedule */
    {"GOV-06.1", {"{\"controls\":91,\"fresh\":91}"}, PO_RUN_PASS, 91, 91},
    {"GOV-06.1", {"{\"controls\":91,\"fresh\":90}"}, PO_RUN_FAIL, 90, 91},
    {"GOV-06.2", {"{\"sessions\":[]}", "{\"period_s\":300}"}, PO_RUN_UNTESTED, 0, 0},
    {"GOV-06.2",
     {"{\"sessions\":[{\"first_us\":31622399000000}]}", "{\"period_s\":300}"},
     PO_RUN_UNTESTED,
     0,
     0},
    {"GOV-06.2",
     {"{\"sessions\":[{\"first_us\":31621800000000},{\"first_us\":31622100000000}]}",
      "{\"period_s\":300}"},
     PO_RUN_PASS,
     2,
     2},
    {"GOV-06.2",
     {"{\"sessions\":[{\"first_us\":31621200000000}]}", "{\"period_s\":300}"},
     PO_RUN_FAIL,
     1,
     4},
    {"GOV-06.3", {"{\"clauses\":48,\"proved\":48}"}, PO_RUN_PASS, 48, 48},
    {"GOV-06.3", {"{\"clauses\":48,\"proved\":47}"}, PO_RUN_FAIL, 47, 48},
    {"MON-01.1", {TYPE("health.checked", "31621800000000")}, PO_RUN_PASS, 15, 15},
    {"MON-01.1", {TYPE("health.checked", "31621799999999")}, PO_RUN_FAIL, 0, 15},
    {"MON-01.1", {"{\"types\":[]}"}, PO_RUN_UNTESTED, 0, 0},
    {"MON-01.2", {HEALTH("pass")}, PO_RUN_PASS, 2, 2},
    {"MON-01.2", {HEALTH("skipped")}, PO_RUN_FAIL, 1, 2},
    {"MON-01.2", {HEALTH("untested")}, PO_RUN_FAIL, 1, 2},
    {"MON-02.1", {REPAIRS("2", "2"), REPAIRS("1", "1")}, PO_RUN_PASS, 3, 3},
    {"MON-02.1", {REPAIRS("2", "1"), REPAIRS("1", "1")}, PO_RUN_FAIL, 2, 3},
    {"MON-02.2", {REPAIRS("2", "2"), REPAIRS("1", "1")}, PO_RUN_PASS, 3, 3},
    {"MON-02.2", {REPAIRS("2", "2"), REPAIRS("1", "0")}, PO_RUN_FAIL, 2, 3},
    {"MON-02.3", {"{\"repeat_changed\":false,\"left_after_repair\":0}"}, PO_RUN_PASS, 1, 1},
    {"MON-02.3", {"{\"repeat_changed\":true,\"left_after_repair\":0}"}, PO_RUN_FAIL, 0, 1},
    {"MON-02.3", {"{\"repeat_changed\":false,\"left_after_repair\":1}"}, PO_RUN_FAIL, 0, 1},
    {"MON-02.4", {REPAIRS("2", "2"), REPAIRS("0", "0")}, PO_RUN_PASS, 2, 2},
    {"MON-02.4", {REPAIRS("2", "0"), REPAIRS("0", "0")}, PO_RUN_FAIL, 0, 2},
    {"MON-02.5", {REPAIRS("0", "0"), REPAIRS("0", "0")}, PO_RUN_UNTESTED, 0, 0},
    {"MON-02.5", {REPAIRS("1", "1"), REPAIRS("0", "0")}, PO_RUN_PASS, 1, 1},
    {"MON-02.6", {"{\"faults\":2,\"planned\":2,\"dry_run_changed\":false}"}, PO_RUN_PASS, 1, 1},
    {"MON-02.6", {"{\"faults\":2,\"planned\":2,\"dry_run_changed\":true}"}, PO_RUN_FAIL, 0, 1},
    {"MON-02.6", {"{\"faults\":2,\"planned\":1,\"dry_run_changed\":false}"}, PO_RUN_FAIL, 0, 1},
    {"MON-03.1", {JOB("true"), RUN_OF_JOB("450"), NOT_SERVED}, PO_RUN_PASS, 1, 1},
    {"MON-03.1", {JOB("true"), RUN_OF_JOB("451"), NOT_SERVED}, PO_RUN_FAIL, 0, 1},
    {"MON-03.1", {JOB("false"), RUN_OF_JOB("1"), NOT_SERVED}, PO_RUN_FAIL, 0, 1},
    {"MON-03.1", {JOB("true"), "{\"jobs\":[]}", NOT_SERVED}, PO_RUN_FAIL, 0, 1},
    {"MON-03.1", {JOB("false"), RUN_OF_JOB("900"), SERVED}, PO_RUN_PASS, 1, 1},
    {"MON-03.1", {JOB("false"), RUN_OF_JOB("901"), SERVED}, PO_RUN_FAIL, 0, 1},
    {"MON-03.3", {"{\"ended\":2,\"back\":2}"}, PO_RUN_PASS, 2, 2},
    {"MON-03.3", {"{\"ended\":2,\"back\":1}"}, PO_RUN_FAIL, 1, 2},
    {"MON-03.3", {"{}"}, PO_RUN_UNTESTED, 0, 0},
    {"MON-05.1", {UPTIME("43200", "43157", "90000", "90000")}, PO_RUN_PASS, 2, 2},
    {"MON-05.1", {UPTIME("43200", "43156", "90000", "90000")}, PO_RUN_FAIL, 1, 2},
    {"MON-05.1", {UPTIME("100", "100", "100", "100")}, PO_RUN_UNTESTED, 0, 0},
    {"MON-05.1", {UPTIME("100", "56", "100", "56")}, PO_RUN_FAIL, 0, 2},
    {"MON-05.2", {"{\"planted_unknown\":4,\"planted_down\":4}"}, PO_RUN_PASS, 4, 4},
    {"MON-05.2", {"{\"planted_unknown\":4,\"planted_down\":3}"}, PO_RUN_FAIL, 3, 4},
    /* journal, store, process, reports */
    {"PIN-03.1", {"{\"started\":7,\"lost\":0}"}, PO_RUN_PASS, 7, 7},
    {"PIN-03.1", {"{\"started\":7,\"lost\":1}"}, PO_RUN_FAIL, 6, 7},
    {"PIN-03.2", {INTENTS("2", "1", "1")}, PO_RUN_PASS, 7, 7},
    {"PIN-03.2", {INTENTS("2", "1", "0")}, PO_RUN_FAIL, 6, 7},
    {"PIN-03.3",
     {"{\"values\":2,\"equal\":2}", "{\"flags\":{\"equals_recorded\":true}}"},
     PO_RUN_PASS,
     3,
     3},
    {"PIN-03.3",
     {"{\"values\":2,\"equal\":2}", "{\"flags\":{\"equals_recorded\":false}}"},
     PO_RUN_FAIL,
     2,
     3},
    {"PIN-03.3",
     {"{\"values\":2,\"equal\":1}", "{\"flags\":{\"equals_recorded\":true}}"},
     PO_RUN_FAIL,
     2,
     3},
    {"PIN-05.1", {"{\"rows\":4,\"findings\":0}"}, PO_RUN_PASS, 4, 4},
    {"PIN-05.1", {"{\"rows\":4,\"findings\":1}"}, PO_RUN_FAIL, 3, 4},
    {"PIN-05.2", {"{\"rows\":4,\"foreign_key_findings\":0}"}, PO_RUN_PASS, 4, 4},
    {"PIN-05.2", {"{\"rows\":4,\"foreign_key_findings\":9}"}, PO_RUN_FAIL, 0, 4},
    {"PIN-07.1", {BUILD("true", "true", "0")}, PO_RUN_PASS, 90, 90},
    {"PIN-07.1", {BUILD("true", "true", "1")}, PO_RUN_FAIL, 89, 90},
    {"PIN-07.1", {BUILD("true", "false", "0")}, PO_RUN_UNTESTED, 0, 0},
    {"PIN-07.1", {BUILD("false", "false", "0")}, PO_RUN_UNTESTED, 0, 0},
    {"PIN-07.2", {"{\"types\":[]}"}, PO_RUN_PASS, 1, 1},
    {"PIN-07.2", {TYPE("process.crashed", "31622399000000")}, PO_RUN_FAIL, 0, 1},
    {"PIN-07.2", {TYPE("process.crashed", "1")}, PO_RUN_PASS, 1, 1},
    {"PIN-07.3", {"{\"injected\":9,\"typed\":9}"}, PO_RUN_PASS, 9, 9},
    {"PIN-07.3", {"{\"injected\":9,\"typed\":8}"}, PO_RUN_FAIL, 8, 9},
    {"PIN-07.4", {"{\"texts\":9,\"leaks\":0}"}, PO_RUN_PASS, 9, 9},
    {"PIN-07.4", {"{\"texts\":9,\"leaks\":2}"}, PO_RUN_FAIL, 7, 9},
    {"RPT-01.1", {"{\"reports\":4,\"equal\":4}"}, PO_RUN_PASS, 4, 4},
    {"RPT-01.1", {"{\"reports\":4,\"equal\":3}"}, PO_RUN_FAIL, 3, 4},
    {"RPT-01.1", {"{\"reports\":0,\"equal\":0}"}, PO_RUN_UNTESTED, 0, 0},
    {"RPT-01.2", {"{\"parts\":200,\"fine\":200}"}, PO_RUN_PASS, 200, 200},
    {"RPT-01.2", {"{\"parts\":200,\"fine\":199}"}, PO_RUN_FAIL, 199, 200},
    {"RPT-01.3", {"{\"reports\":4,\"own_template\":4}"}, PO_RUN_PASS, 4, 4},
    {"RPT-01.3", {"{\"reports\":4,\"own_template\":0}"}, PO_RUN_FAIL, 0, 4},
};

const size_t judge_row_count = sizeof judge_rows / sizeof *judge_rows;
