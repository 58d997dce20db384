#include "lib/test.h"
#include "unit/control/control_fixture.h"

static const struct po_control_result *states_of(struct po_ctx *cx,
                                                 const struct po_catalog *catalog,
                                                 struct po_state_input *input)
{
    const struct po_control_result *results = NULL;
    if (input->as_of_us == 0) input->as_of_us = RUN_TIME_US;
    check_ok(cx, po_states_compute(cx, catalog, input, &results, NULL));
    return results;
}

/* All three clauses of AAA-01 pass; every row changes some. */
struct change {
    const char *clause;
    enum po_run_state state;
    int64_t passing;
    int64_t total;
    po_time_us age_us;
};
static const struct {
    const char *name;
    struct change changes[3];
    enum po_control_state want;
    int64_t passing;
    int64_t total;
    const char *reason;
} cases[] = {
    {"all pass", {{0}}, PO_CONTROL_PASS, 0, 0, ""},
    {"one fails", {{"AAA-01.2", PO_RUN_FAIL, 3, 5, 0}}, PO_CONTROL_FAIL, 3, 5, "AAA-01.2: why"},
    {"the smallest ratio counts",
     {{"AAA-01.1", PO_RUN_FAIL, 9, 10, 0},
      {"AAA-01.2", PO_RUN_FAIL, 2, 3, 0},
      {"AAA-01.3", PO_RUN_FAIL, 4, 5, 0}},
     PO_CONTROL_FAIL,
     2,
     3,
     "AAA-01.2: why"},
    {"fail before error",
     {{"AAA-01.1", PO_RUN_ERROR, 0, 0, 0}, {"AAA-01.2", PO_RUN_FAIL, 0, 1, 0}},
     PO_CONTROL_FAIL,
     0,
     1,
     "AAA-01.2: why"},
    {"error before stale",
     {{"AAA-01.1", PO_RUN_PASS, 1, 1, 3 * PO_US_PER_HOUR}, {"AAA-01.2", PO_RUN_ERROR, 0, 0, 0}},
     PO_CONTROL_ERROR,
     0,
     0,
     "AAA-01.2: why"},
    {"stale before untested",
     {{"AAA-01.1", PO_RUN_UNTESTED, 0, 0, 0}, {"AAA-01.2", PO_RUN_PASS, 1, 1, 3 * PO_US_PER_HOUR}},
     PO_CONTROL_STALE,
     0,
     0,
     "AAA-01.2: the newest run is older than the control's ttl"},
    {"skipped is untested",
     {{"AAA-01.3", PO_RUN_SKIPPED, 0, 0, 0}},
     PO_CONTROL_UNTESTED,
     0,
     0,
     "AAA-01.3: why"},
    {"untested is untested",
     {{"AAA-01.3", PO_RUN_UNTESTED, 0, 0, 0}},
     PO_CONTROL_UNTESTED,
     0,
     0,
     "AAA-01.3: why"},
    {"a failure too old is stale",
     {{"AAA-01.1", PO_RUN_FAIL, 0, 1, 3 * PO_US_PER_HOUR}},
     PO_CONTROL_STALE,
     0,
     0,
     "AAA-01.1: the newest run is older than the control's ttl"},
    {"an error too old is stale",
     {{"AAA-01.1", PO_RUN_ERROR, 0, 0, 3 * PO_US_PER_HOUR}},
     PO_CONTROL_STALE,
     0,
     0,
     "AAA-01.1: the newest run is older than the control's ttl"},
    {"a skip too old stays untested",
     {{"AAA-01.1", PO_RUN_SKIPPED, 0, 0, 3 * PO_US_PER_HOUR}},
     PO_CONTROL_UNTESTED,
     0,
     0,
     "AAA-01.1: why"},
    {"exactly the ttl is fresh",
     {{"AAA-01.1", PO_RUN_PASS, 1, 1, 2 * PO_US_PER_HOUR}},
     PO_CONTROL_PASS,
     0,
     0,
     ""},
    {"a moment more is stale",
     {{"AAA-01.1", PO_RUN_PASS, 1, 1, 2 * PO_US_PER_HOUR + 1}},
     PO_CONTROL_STALE,
     0,
     0,
     "AAA-01.1: the newest run is older than the control's ttl"},
    {"a pass of nothing is untested",
     {{"AAA-01.1", PO_RUN_PASS, 0, 0, 0}},
     PO_CONTROL_UNTESTED,
     0,
     0,
     "AAA-01.1: "},
    {"a minute ahead is clock skew",
     {{"AAA-01.1", PO_RUN_PASS, 1, 1, -PO_US_PER_MIN}},
     PO_CONTROL_PASS,
     0,
     0,
     ""},
    {"more is an error",
     {{"AAA-01.1", PO_RUN_PASS, 1, 1, -PO_US_PER_MIN - 1}},
     PO_CONTROL_ERROR,
     0,
     0,
     "AAA-01.1: the run is dated after its ledger entry"},
};

TEST(states_compute__follows_the_order_of_the_design)
{
    TEST_EACH(row, cases)
    {
        TEST_CX(cx);
        const struct po_catalog *catalog = small_catalog(cx);
        struct po_clause_run *runs = no_runs(cx, catalog);
        set_run(catalog, runs, "AAA-01.1", PO_RUN_PASS, 1, 1);
        set_run(catalog, runs, "AAA-01.2", PO_RUN_PASS, 4, 4);
        set_run(catalog, runs, "AAA-01.3", PO_RUN_PASS, 1, 1);
        for (size_t i = 0; i < 3 && row->changes[i].clause != NULL; i++) {
            const struct change *c = &row->changes[i];
            set_run(catalog, runs, c->clause, c->state, c->passing, c->total);
            set_age(catalog, runs, c->clause, c->age_us);
        }
        struct po_state_input input = {.runs = runs};
        const struct po_control_result *r = states_of(cx, catalog, &input);
        check_eq_int(r[0].state, row->want);
        check_eq_int(r[0].passing, row->passing);
        check_eq_int(r[0].total, row->total);
        check_eq_str(r[0].reason, row->reason);
        check_eq_int(r[1].state, PO_CONTROL_UNTESTED); /* AAA-02 was never run */
        check_eq_str(r[1].reason, "AAA-02.1: never run");
        check_that(r[1].leaf == PO_LEAF_NONE);
    }
}

TEST(states_compute__one_clause_without_a_run_leaves_the_control_untested)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_clause_run *runs = no_runs(cx, catalog);
    set_run(catalog, runs, "AAA-01.1", PO_RUN_PASS, 1, 1);
    set_run(catalog, runs, "AAA-01.3", PO_RUN_PASS, 1, 1);
    struct po_state_input input = {.runs = runs};
    const struct po_control_result *r = states_of(cx, catalog, &input);
    check_eq_int(r[0].state, PO_CONTROL_UNTESTED);
    check_eq_str(r[0].reason, "AAA-01.2: never run");
    check_eq_u64(r[0].clauses_passing, 2);
}

TEST(states_compute__names_the_leaf_that_decided)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_clause_run *runs = no_runs(cx, catalog);
    set_run(catalog, runs, "BBB-01.1", PO_RUN_PASS, 1, 1);
    set_run(catalog, runs, "BBB-01.2", PO_RUN_FAIL, 0, 2);
    set_run(catalog, runs, "BBB-02.1", PO_RUN_PASS, 3, 3);
    struct po_state_input input = {.runs = runs};
    const struct po_control_result *r = states_of(cx, catalog, &input);
    check_eq_u64(r[2].leaf, 6);
    check_eq_u64(r[3].leaf, 7);
    check_eq_int(r[3].state, PO_CONTROL_PASS);
}

TEST(states_compute__dates_a_run_by_its_end_not_by_its_entry)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_clause_run *runs = no_runs(cx, catalog);
    set_run(catalog, runs, "AAA-02.1", PO_RUN_PASS, 1, 1);
    set_age(catalog, runs, "AAA-02.1", 3 * PO_US_PER_HOUR);
    runs[3].received_us = RUN_TIME_US; /* entered late: the test is old all the same */
    struct po_state_input input = {.runs = runs};
    check_eq_int(states_of(cx, catalog, &input)[1].state, PO_CONTROL_STALE);
}

TEST(states_compute__refuses_a_run_at_the_place_of_another_clause)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_clause_run *runs = no_runs(cx, catalog);
    set_run(catalog, runs, "AAA-01.1", PO_RUN_PASS, 1, 1);
    runs[0].run.clause = PO_LIT("AAA-01.2");
    const struct po_state_input input = {.as_of_us = RUN_TIME_US, .runs = runs};
    const struct po_control_result *r = NULL;
    check_fails(cx, po_states_compute(cx, catalog, &input, &r, NULL), PO_INVALID);
    check_contains(po_err_msg(cx), "'AAA-01.2' stands at the place of 'AAA-01.1'");
}

TEST(states_compute__takes_controls_out_of_scope_with_a_reason)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_clause_run *runs = no_runs(cx, catalog);
    const struct po_scope_out outs[] = {{PO_LIT("AAA-02"), PO_LIT("no remote site"), 77},
                                        {PO_LIT("BBB-01"), PO_LIT(""), 78},
                                        {PO_LIT("ZZZ-01"), PO_LIT("unknown here"), 79}};
    struct po_state_input input = {.runs = runs, .scope_outs = outs, .scope_out_count = 3};
    const struct po_control_result *r = states_of(cx, catalog, &input);
    check_eq_int(r[1].state, PO_CONTROL_NA);
    check_eq_u64(r[1].leaf, 77);
    check_eq_str(r[1].reason, "no remote site");
    check_eq_int(r[2].state, PO_CONTROL_UNTESTED);
}

/* -- waivers ------------------------------------------------------------------------------------- */

static const po_str compensating[] = {{"BBB-02", 6}};
static const po_str compensating_failing[] = {{"BBB-01", 6}};
static const po_str compensating_unknown[] = {{"ZZZ-01", 6}};

static struct po_waiver good_waiver(void)
{
    return (struct po_waiver){.id = PO_LIT("W-12"),
                              .control = PO_LIT("AAA-02"),
                              .reason = PO_LIT("a single node"),
                              .compensating = compensating,
                              .compensating_count = 1,
                              .requested_by = PO_LIT("u-3"),
                              .approved_by = PO_LIT("u-1"),
                              .from_us = RUN_TIME_US - PO_US_PER_DAY,
                              .expires_us = RUN_TIME_US + PO_US_PER_DAY,
                              .leaf = 99};
}

/* AAA-02 fails, BBB-01 fails, BBB-02 passes, AAA-01 has no run. */
static struct po_control_result with_waiver(struct po_ctx *cx, const struct po_waiver *waiver,
                                            size_t control)
{
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_clause_run *runs = no_runs(cx, catalog);
    set_run(catalog, runs, "AAA-02.1", PO_RUN_FAIL, 1, 2);
    set_run(catalog, runs, "BBB-01.1", PO_RUN_FAIL, 1, 2);
    set_run(catalog, runs, "BBB-02.1", PO_RUN_PASS, 1, 1);
    struct po_state_input input = {.runs = runs, .waivers = waiver, .waiver_count = 1};
    return states_of(cx, catalog, &input)[control];
}

TEST(waiver__turns_a_failing_control_into_a_waived_one)
{
    TEST_CX(cx);
    struct po_waiver waiver = good_waiver();
    struct po_control_result r = with_waiver(cx, &waiver, 1);
    check_eq_int(r.state, PO_CONTROL_WAIVED);
    check_eq_u64(r.leaf, 99);
    check_eq_str(r.reason, "waiver W-12 until 2026-01-03 (AAA-02.1: why)");
}

enum broken {
    EXPIRED,
    NOT_YET,
    TOO_LONG,
    OWN_APPROVAL,
    NO_APPROVER,
    NO_REQUESTER,
    NO_REASON,
    NO_COMPENSATION,
    COMPENSATION_FAILS,
    COMPENSATION_UNKNOWN
};
static const struct {
    const char *name;
    enum broken what;
} broken_waivers[] = {
    {"expired", EXPIRED},
    {"not yet in force", NOT_YET},
    {"longer than 180 days", TOO_LONG},
    {"approved by the requester", OWN_APPROVAL},
    {"approved by nobody", NO_APPROVER},
    {"requested by nobody", NO_REQUESTER},
    {"without reason", NO_REASON},
    {"without compensating control", NO_COMPENSATION},
    {"compensating control fails", COMPENSATION_FAILS},
    {"compensating control unknown", COMPENSATION_UNKNOWN},
};

static void break_waiver(struct po_waiver *w, enum broken what)
{
    switch (what) {
    case EXPIRED: w->expires_us = RUN_TIME_US; break;
    case NOT_YET: w->from_us = RUN_TIME_US + 1; break;
    case TOO_LONG: w->expires_us = w->from_us + 180 * PO_US_PER_DAY + 1; break;
    case OWN_APPROVAL: w->approved_by = w->requested_by; break;
    case NO_APPROVER: w->approved_by = PO_LIT(""); break;
    case NO_REQUESTER: w->requested_by = PO_LIT(""); break;
    case NO_REASON: w->reason = PO_LIT(""); break;
    case NO_COMPENSATION: w->compensating_count = 0; break;
    case COMPENSATION_FAILS: w->compensating = compensating_failing; break;
    case COMPENSATION_UNKNOWN: w->compensating = compensating_unknown; break;
    }
}

TEST(waiver__counts_only_while_all_its_conditions_hold)
{
    TEST_EACH(row, broken_waivers)
    {
        TEST_CX(cx);
        struct po_waiver waiver = good_waiver();
        break_waiver(&waiver, row->what);
        check_eq_int(with_waiver(cx, &waiver, 1).state, PO_CONTROL_FAIL);
    }
}

TEST(waiver__changes_no_control_that_does_not_fail)
{
    TEST_CX(cx);
    struct po_waiver waiver = good_waiver();
    waiver.control = PO_LIT("AAA-01");
    check_eq_int(with_waiver(cx, &waiver, 0).state, PO_CONTROL_UNTESTED);
    waiver.control = PO_LIT("ZZZ-09");
    check_eq_int(with_waiver(cx, &waiver, 0).state, PO_CONTROL_UNTESTED);
}

TEST(waiver__is_never_accepted_for_isolation_authorization_ledger_and_sandbox)
{
    static const char *const never[] = {"AUD-03", "IAM-05", "IAM-06", "PIN-06"};
    static const po_str by[] = {{"CFG-02", 6}};
    for (size_t i = 0; i < 4; i++) {
        TEST_CX(cx);
        const struct po_catalog *catalog = real_catalog(cx);
        struct po_clause_run *runs = no_runs(cx, catalog);
        char clause[16];
        memcpy(clause, never[i], 6);
        memcpy(clause + 6, ".1", 3);
        set_run(catalog, runs, clause, PO_RUN_FAIL, 0, 1);
        set_run(catalog, runs, "CFG-02.1", PO_RUN_PASS, 1, 1);
        set_run(catalog, runs, "CFG-02.2", PO_RUN_PASS, 1, 1);
        set_run(catalog, runs, "CFG-02.3", PO_RUN_PASS, 1, 1);
        struct po_waiver waiver = good_waiver();
        waiver.control = po_str_of(never[i]);
        waiver.compensating = by;
        struct po_state_input input = {.runs = runs, .waivers = &waiver, .waiver_count = 1};
        const struct po_control_result *r = states_of(cx, catalog, &input);
        const struct po_control *control = po_catalog_control(catalog, waiver.control);
        check_eq_int(r[po_control_position(catalog, control)].state, PO_CONTROL_FAIL);
    }
}

TEST_FAULTS(states_compute__fails_cleanly_without_memory)
{
    TEST_CX(cx);
    struct po_catalog_source source = small_source();
    const struct po_catalog *catalog = NULL;
    if (!test_survived(po_catalog_load(cx, &source, &catalog))) return;
    struct po_clause_run runs[7];
    for (size_t i = 0; i < 7; i++)
        runs[i] = (struct po_clause_run){.leaf = PO_LEAF_NONE};
    const struct po_state_input input = {.as_of_us = RUN_TIME_US, .runs = runs};
    const struct po_control_result *r = NULL;
    const struct po_clause_result *clauses = NULL;
    if (!test_survived(po_states_compute(cx, catalog, &input, &r, &clauses))) return;
    test_faults_off();
    check_eq_int(clauses[6].state, PO_CLAUSE_UNTESTED);
}
