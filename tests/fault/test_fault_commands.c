/*
 * Every allocation and system call of init, append, assess, report and pack export fails once: the
 * command gives the right answer or a clean error, and the next one finds nothing half-written.
 */
#include "fault/fault_place.h"
#include "fault/fault_run.h"

#include "assess/assess.h"
#include "cli/cli.h"
#include "core/fs.h"
#include "core/random.h"
#include "fact/fact.h"

#include <string.h>
#include <unistd.h>

#ifdef PO_FAULTS

/*
 * Drills start this program again as their children: in a role, or with a command. Neither may run the
 * tests, which would start drills.
 */
static const char role_prefix[] = "--role=";
__attribute__((constructor(101))) static void be_the_program(int argc, char **argv)
{
    if (argc < 2) return;
    if (strncmp(argv[1], role_prefix, sizeof role_prefix - 1) == 0)
        _exit(po_drill_role_run(argv[1] + sizeof role_prefix - 1, argc - 2, argv + 2));
    if (argv[1][0] != '-' || strcmp(argv[0], "paulyops") == 0) _exit(po_cli_main(argc, argv, NULL));
}

/* ---- init ---------------------------------------------------------------------------------------- */

static void prepare_nothing(void) {}

static po_rc run_init(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_init(cx, fault_place(), &home));
    return po_home_close(cx, &home);
}

/* What is there is a home, or init makes it one. */
static void look_after_init(bool has_succeeded)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    po_rc rc = po_home_init(cx, fault_place(), &home);
    if (has_succeeded && rc.code != PO_EXISTS) fault_wrong("init succeeded and can be repeated");
    if (rc.code == PO_EXISTS) {
        po_err_clear(cx);
        rc = po_home_open(cx, fault_place(), PO_HOME_READ_WRITE, &home);
    }
    if (fault_fine(cx, rc, "init again")) fault_check_home(cx, &home);
}

TEST_TIMEOUT(fault_commands__init, 7200)
{
    static const struct fault_command command = {.name = "init",
                                                 .prepare = prepare_nothing,
                                                 .run = run_init,
                                                 .look = look_after_init,
                                                 .renew = 1,
                                                 .sample = 150};
    fault_run(&command);
}

/* ---- append -------------------------------------------------------------------------------------- */

#define EVENTS 4

/* Event 0 belongs to a figure, the others are one transaction. */
struct appended {
    uint8_t ids[EVENTS][16];
    bool has_figure; /* acknowledged */
    bool has_events;
};
static struct appended *appended;

static struct po_event event_of(const uint8_t id[static 16], enum po_event_type type)
{
    struct po_event event = {.type = type,
                             .resource = PO_LIT("figure:one"),
                             .action = PO_LIT("set"),
                             .result = PO_EVENT_SUCCESS};
    memcpy(event.event_id, id, sizeof event.event_id);
    return event;
}

static po_rc set_figure(struct po_ctx *cx, struct po_home *home)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_register_set(cx, tx, PO_LIT("figure.one"), PO_LIT("1"), &id));
    struct po_event event = event_of(appended->ids[0], PO_EVENT_TYPE_REGISTER_CHANGED);
    return po_home_commit(cx, home, tx, &event);
}

static po_rc run_append(struct po_ctx *cx)
{
    memset(appended, 0, sizeof *appended);
    for (size_t i = 0; i < EVENTS; i++)
        PO_TRY_LEAF(cx, po_uuid7(po_ctx_now_us(cx), appended->ids[i]), "no randomness");
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_open(cx, fault_place(), PO_HOME_READ_WRITE, &home));
    PO_TRY(cx, set_figure(cx, home));
    appended->has_figure = true;
    struct po_event events[EVENTS - 1];
    for (size_t i = 1; i < EVENTS; i++)
        events[i - 1] = event_of(appended->ids[i], PO_EVENT_TYPE_CONFIG_CHANGED);
    PO_TRY(cx, po_home_record_all(cx, home, events, EVENTS - 1));
    appended->has_events = true;
    PO_TRY(cx, po_home_flush(cx, home));
    return po_home_close(cx, &home);
}

static void look_after_append(bool has_succeeded)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    unsigned counts[EVENTS] = {0};
    if (has_succeeded && (!appended->has_figure || !appended->has_events))
        fault_wrong("it succeeded and did not do everything");
    if (!fault_open(cx, &home)) return;
    fault_count_events(cx, home, appended->ids, EVENTS, counts);
    for (size_t i = 0; i < EVENTS; i++) {
        bool is_told = i == 0 ? appended->has_figure : appended->has_events;
        if (counts[i] > 1) fault_wrong("event %zu is there %u times", i, counts[i]);
        if (is_told && counts[i] == 0) fault_wrong("event %zu is gone", i);
        if (i > 1 && counts[i] != counts[1]) fault_wrong("half of a transaction is there");
    }
    fault_check_home(cx, &home);
}

TEST_TIMEOUT(fault_commands__append, 7200)
{
    static const struct fault_command command = {.name = "append",
                                                 .prepare = fault_make_home,
                                                 .run = run_append,
                                                 .look = look_after_append,
                                                 .renew = 50,
                                                 .sample = 150};
    appended = fault_shared(sizeof *appended);
    fault_run(&command);
}

/* ---- assess -------------------------------------------------------------------------------------- */

#define CLAUSES_MAX 512

/* Newest states by clause, of assessments in which nothing failed. */
struct judged {
    bool is_known[CLAUSES_MAX];
    enum po_run_state state[CLAUSES_MAX];
    bool is_changing[CLAUSES_MAX];
    struct po_assess_result result; /* of the run being looked at */
};
static struct judged *judged;

static bool is_drill(const struct po_check *check)
{
    for (size_t i = 0; i < check->row->needs.count; i++) {
        const struct po_cap *need = &check->row->needs.at[i];
        const struct po_fact *fact = need->kind == PO_CAP_FACT ? po_fact_find(need->value) : NULL;
        if (fact != NULL && fact->cost == PO_FACT_DRILL) return true;
    }
    return false;
}

/* "AUD-03" of "AUD-03.4". */
static po_str control_of(const struct po_check *check)
{
    po_str clause = po_str_of(check->clause);
    return po_str_slice(clause, 0, po_str_find_char(clause, '.', 0));
}

static bool has(const po_str *list, size_t count, po_str item)
{
    for (size_t i = 0; i < count; i++)
        if (po_str_eq(list[i], item)) return true;
    return false;
}

/* Controls none of whose clauses starts children. */
static po_rc quick_controls(struct po_ctx *cx, po_str *out, size_t max, size_t *ret_count)
{
    size_t check_count = 0;
    size_t count = 0;
    const struct po_check *checks = NULL;
    PO_TRY(cx, po_check_table(cx, NULL, &checks, &check_count));
    for (size_t i = 0; i < check_count && count < max; i++) {
        bool is_quick = !has(out, count, control_of(&checks[i]));
        for (size_t k = 0; k < check_count; k++)
            if (po_str_eq(control_of(&checks[k]), control_of(&checks[i])) && is_drill(&checks[k]))
                is_quick = false;
        if (is_quick) out[count++] = control_of(&checks[i]);
    }
    *ret_count = count;
    return po_rc_ok();
}

static po_rc assess(struct po_ctx *cx, bool has_drills)
{
    po_str controls[128];
    struct po_assess_options options = {.is_all = true};
    PO_HOME_AUTO *home = NULL;
    if (!has_drills) {
        PO_TRY(cx, quick_controls(cx, controls, sizeof controls / sizeof controls[0],
                                  &options.control_count));
        options.controls = controls;
    }
    PO_TRY(cx, po_home_open(cx, fault_place(), PO_HOME_READ_WRITE, &home));
    PO_TRY(cx, po_assess_run(cx, home, &options, &judged->result));
    return po_home_close(cx, &home);
}

static po_rc run_assess(struct po_ctx *cx) { return assess(cx, false); }
static po_rc run_assess_drills(struct po_ctx *cx) { return assess(cx, true); }

static po_rc newest_runs(struct po_ctx *cx, struct po_home *home,
                         const struct po_catalog **ret_catalog,
                         const struct po_clause_run **ret_runs)
{
    struct po_evidence_source source = {.home = home};
    struct po_evidence_at at;
    PO_TRY(cx, po_catalog_load_embedded(cx, &source.catalog));
    PO_TRY(cx, po_check_wanted(cx, NULL, source.catalog, &source.is_wanted));
    PO_TRY(cx, po_evidence_locate(cx, home, 0, &at));
    PO_TRY(cx, po_evidence_runs(cx, &source, &at, ret_runs));
    *ret_catalog = source.catalog;
    return po_rc_ok();
}

static void learn_states(struct po_ctx *cx)
{
    const struct po_catalog *catalog = NULL;
    const struct po_clause_run *runs = NULL;
    PO_HOME_AUTO *home = NULL;
    if (!fault_open(cx, &home)) return;
    if (!fault_fine(cx, newest_runs(cx, home, &catalog, &runs), "reading runs")) return;
    check_that(catalog->clause_count <= CLAUSES_MAX);
    for (size_t i = 0; i < catalog->clause_count; i++) {
        if (runs[i].leaf == PO_LEAF_NONE) continue;
        if (judged->is_known[i] && judged->state[i] != runs[i].run.state)
            judged->is_changing[i] = true;
        judged->is_known[i] = true;
        judged->state[i] = runs[i].run.state;
    }
}

static void prepare_assessed(void)
{
    fault_make_home();
    memset(judged, 0, sizeof *judged);
    for (int i = 0; i < 3; i++) {
        TEST_CX(cx);
        if (!fault_fine(cx, run_assess(cx), "assessing")) return;
        learn_states(cx);
    }
}

/* A call that fails makes a clause's result an error, never another verdict. */
static void judge_assess(struct po_ctx *cx)
{
    const struct po_catalog *catalog = NULL;
    const struct po_clause_run *runs = NULL;
    PO_HOME_AUTO *home = NULL;
    if (judged->result.tested == 0) fault_wrong("nothing was tested");
    if (!fault_open(cx, &home)) return;
    if (!fault_fine(cx, newest_runs(cx, home, &catalog, &runs), "reading runs")) return;
    for (size_t i = 0; i < catalog->clause_count; i++) {
        const struct po_run *run = &runs[i].run;
        if (!judged->is_known[i] || judged->is_changing[i] || runs[i].leaf == PO_LEAF_NONE)
            continue;
        if (run->state != judged->state[i] && run->state != PO_RUN_ERROR)
            fault_wrong("clause '%.*s' is %s: %.*s", PO_STR_ARG(catalog->clauses[i].id),
                        po_run_state_name(run->state), PO_STR_ARG(run->reason));
    }
}

static void look_after_assess(bool has_succeeded)
{
    (void)has_succeeded;
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    if (!fault_open(cx, &home)) return;
    fault_check_assessments(cx, home);
    fault_check_home(cx, &home);
}

static void assess_part(size_t part)
{
    static const struct fault_command command = {.name = "assess",
                                                 .prepare = prepare_assessed,
                                                 .run = run_assess,
                                                 .judge = judge_assess,
                                                 .look = look_after_assess,
                                                 .renew = 25,
                                                 .sample = 60};
    judged = fault_shared(sizeof *judged);
    fault_run_part(&command, part);
}

TEST_TIMEOUT(fault_commands__assess_1, 7200) { assess_part(0); }
TEST_TIMEOUT(fault_commands__assess_2, 7200) { assess_part(1); }
TEST_TIMEOUT(fault_commands__assess_3, 7200) { assess_part(2); }
TEST_TIMEOUT(fault_commands__assess_4, 7200) { assess_part(3); }

/* With drills: a run takes seconds, so that few of them are made. */
TEST_TIMEOUT(fault_commands__assess_with_drills, 7200)
{
    static const struct fault_command command = {.name = "assess with drills",
                                                 .prepare = prepare_assessed,
                                                 .run = run_assess_drills,
                                                 .look = look_after_assess,
                                                 .renew = 25,
                                                 .sample = 1,
                                                 .full = 60};
    judged = fault_shared(sizeof *judged);
    fault_run(&command);
}

/* ---- report --------------------------------------------------------------------------------------- */

static po_rc source_of(struct po_ctx *cx, struct po_home *home, struct po_evidence_source *source)
{
    source->home = home;
    PO_TRY(cx, po_catalog_load_embedded(cx, &source->catalog));
    return po_check_wanted(cx, NULL, source->catalog, &source->is_wanted);
}

static po_rc run_report(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = NULL;
    struct po_report_request request = {.kind = PO_REPORT_READINESS};
    struct po_issued issued;
    struct po_report_check check;
    PO_TRY(cx, po_home_open(cx, fault_place(), PO_HOME_READ_WRITE, &home));
    PO_TRY(cx, source_of(cx, home, &request.source));
    PO_TRY(cx, po_evidence_issue(cx, &request, &issued));
    PO_TRY(cx, po_home_flush(cx, home));
    request.file = issued.body;
    PO_TRY(cx, po_evidence_report_verify(cx, &issued.record, &request, &check));
    if (!check.is_ok) fault_wrong("a report was issued and does not verify");
    return po_home_close(cx, &home);
}

/* The newest recorded report is reproduced from the ledger; its file is whole. */
static void look_after_report(bool has_succeeded)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    bool is_found = false;
    struct po_report_query query = {.kind = "readiness"};
    struct po_report_record record;
    struct po_report_check check = {.is_ok = true};
    struct po_report_request request = {.kind = PO_REPORT_READINESS};
    if (!fault_open(cx, &home)) return;
    if (!fault_fine(cx, source_of(cx, home, &request.source), "reading the catalog")) return;
    po_rc rc = po_evidence_report_find(cx, home, &query, &is_found, &record);
    if (po_is_ok(rc) && is_found) rc = po_evidence_report_verify(cx, &record, &request, &check);
    if (!fault_fine(cx, rc, "verifying a report")) return;
    if (!check.is_ok || (has_succeeded && !is_found)) fault_wrong("a report does not verify");
    fault_check_home(cx, &home);
}

TEST_TIMEOUT(fault_commands__report_issue_and_verify, 14400)
{
    static const struct fault_command command = {.name = "report",
                                                 .prepare = prepare_assessed,
                                                 .run = run_report,
                                                 .look = look_after_report,
                                                 .renew = 25,
                                                 .sample = 60};
    judged = fault_shared(sizeof *judged);
    fault_run(&command);
}

/* ---- pack ------------------------------------------------------------------------------------------ */

static po_rc run_pack(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = NULL;
    struct po_pack_options options = {.dir = fault_path("pack")};
    struct po_pack_exported exported;
    PO_TRY(cx, po_home_open(cx, fault_place(), PO_HOME_READ_WRITE, &home));
    PO_TRY(cx, source_of(cx, home, &options.source));
    PO_TRY(cx, po_pack_export(cx, &options, &exported));
    PO_TRY(cx, po_pack_tar(cx, options.dir, &exported, fault_path("pack.step")));
    PO_TRY(cx, po_fs_rename(cx, fault_path("pack.step"), fault_path("pack.tar")));
    return po_home_close(cx, &home);
}

/* What bears the name of a pack is one. */
static void check_pack(struct po_ctx *cx, const char *name, bool is_due)
{
    const char *path = fault_path(name);
    struct po_fs_info info = {0};
    struct po_pack_verification found = {0};
    struct po_pack_verify_options options = {.path = path};
    if (!fault_fine(cx, po_fs_info(cx, path, &info), "looking")) return;
    if (!info.exists && is_due) fault_wrong("'%s' is missing", path);
    if (!info.exists) return;
    if (!fault_fine(cx, po_pack_verify(cx, &options, &found), "verifying a pack")) return;
    if (!found.is_ok)
        fault_wrong("'%s': '%s' %s", path, found.findings[0].file, found.findings[0].why);
}

static void remove_pack(struct po_ctx *cx, const char *name)
{
    struct po_fs_info info = {0};
    if (!fault_fine(cx, po_fs_info(cx, fault_path(name), &info), "looking") || !info.exists) return;
    (void)fault_fine(cx, po_fs_remove_tree(cx, fault_path(name), 16), "removing a pack");
}

/* An export that did not end leaves its parts under another name, for the operator to judge. */
static void look_after_pack(bool has_succeeded)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    check_pack(cx, "pack", has_succeeded);
    check_pack(cx, "pack.tar", has_succeeded);
    remove_pack(cx, "pack");
    remove_pack(cx, "pack.partial");
    (void)unlink(fault_path("pack.tar"));
    (void)unlink(fault_path("pack.step"));
    if (fault_open(cx, &home)) fault_check_home(cx, &home);
}

TEST_TIMEOUT(fault_commands__pack_export, 14400)
{
    static const struct fault_command command = {.name = "pack export",
                                                 .prepare = prepare_assessed,
                                                 .run = run_pack,
                                                 .look = look_after_pack,
                                                 .renew = 25,
                                                 .sample = 40};
    judged = fault_shared(sizeof *judged);
    fault_run(&command);
}

#endif
