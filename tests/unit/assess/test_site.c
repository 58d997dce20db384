/*
 * Programs of the site become checks by their grant alone, and no fault of theirs is a pass.
 */
#include "assess/site_priv.h"
#include "unit/home/home_fixture.h"
#include "unit/program/runner_fixture.h"

#include <stdio.h>

#define JUDGEMENT                                                                                  \
    "struct J { state: string, passing: int, total: int, reason: string, deviations: [int], "      \
    "deviations_total: int }\n"
#define CHECK(clause, name, body)                                                                  \
    JUDGEMENT "@control(id = \"" clause "\", name = \"site/" name "\")\n@needs(fact = "            \
              "\"home.config\", fs_read = \"~/Backups/**\")\nfn " name "() -> J {\n" body "\n}\n"
#define FAILS                                                                                      \
    "J { state: \"Fail\", passing: 1, total: 3, reason: \"why\", deviations: [], deviations_total: 0 }"
#define PASSES                                                                                     \
    "J { state: \"Pass\", passing: 2, total: 2, reason: \"\", deviations: [], deviations_total: 0 }"

static void site_file(const char *path, const char *text)
{
    char name[256];
    (void)snprintf(name, sizeof name, "home/scripts/%s", path);
    test_write_file(test_tmp(name), text, strlen(text));
}

static struct po_home *site_home(struct po_ctx *cx)
{
    home_make(cx);
    runner_use_forks();
    return home_open(cx, PO_HOME_READ_WRITE);
}

/* Grant every control program of scripts/ that is not granted yet. */
static void grant_all(struct po_ctx *cx, struct po_home *home)
{
    static struct po_site site;
    check_ok(cx, po_site_open(cx, home, &site));
    struct po_bundle *bundle = site.at[site.count - 1].bundle;
    for (size_t i = 0; i < po_bundle_program_count(bundle); i++) {
        static struct po_script_diags diags;
        PO_CLEANUP(po_program_done) struct po_program program = {0};
        const struct po_bundle_program *row = po_bundle_program_at(bundle, i);
        const struct po_grant_options options = {.file = row->file, .reason = PO_LIT("test")};
        struct po_grant grant = {0};
        check_ok(cx, po_program_load(cx, bundle, row->file, row->entry, &diags, &program));
        po_rc rc = po_grant_give(cx, home, &program, &options, &grant);
        check_that(po_is_ok(rc) || rc.code == PO_EXISTS || rc.code == PO_DENIED);
        po_err_clear(cx);
    }
}

/* The checks that the site adds to those of this build. */
static size_t added(struct po_ctx *cx, struct po_home *home, const struct po_check **ret_checks,
                    size_t *ret_count)
{
    const struct po_catalog *catalog = NULL;
    size_t before = 0;
    check_ok(cx, po_catalog_load_embedded(cx, &catalog));
    check_ok(cx, po_check_table(cx, NULL, ret_checks, &before));
    struct po_check_list list = {*ret_checks, before, NULL};
    check_ok(cx, po_site_checks_add(cx, home, catalog, &list));
    *ret_checks = list.at;
    *ret_count = list.count;
    return list.count - before;
}

static const struct po_check *find(const struct po_check *checks, size_t count, const char *clause)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(checks[i].clause, clause) == 0) return &checks[i];
    return NULL;
}

TEST(site_checks__are_those_with_a_grant_in_force)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = site_home(cx);
    const struct po_check *checks = NULL;
    size_t count = 0;
    site_file("a.script", CHECK("BKP-01.1", "age", PASSES));
    site_file("b.script", CHECK("no.clause", "unknown", PASSES));
    check_eq_u64(added(cx, home, &checks, &count), 0);
    grant_all(cx, home);
    check_eq_u64(added(cx, home, &checks, &count), 1);
    const struct po_check *check = find(checks, count, "BKP-01.1");
    check_that(check != NULL && check->grant != NULL);
    check_eq_cstr(check->name, "site/age");
    for (size_t i = 1; i < count; i++)
        check_that(strcmp(checks[i - 1].clause, checks[i].clause) <= 0);
    /* another text is another program */
    site_file("a.script", CHECK("BKP-01.1", "age", FAILS));
    check_eq_u64(added(cx, home, &checks, &count), 0);
    site_file("a.script", "this does not compile (");
    check_eq_u64(added(cx, home, &checks, &count), 0);
}

TEST(site_checks__never_replace_a_shipped_one_and_do_not_double)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = site_home(cx);
    const struct po_check *checks = NULL;
    size_t count = 0;
    site_file("a.script", CHECK("AUD-01.1", "mine", PASSES));
    site_file("b.script", CHECK("BKP-01.1", "first", PASSES));
    site_file("c.script", CHECK("BKP-01.1", "second", FAILS));
    grant_all(cx, home);
    check_eq_u64(added(cx, home, &checks, &count), 1);
    check_eq_cstr(find(checks, count, "BKP-01.1")->name, "site/first");
    check_that(find(checks, count, "AUD-01.1")->grant == NULL);
}

/* One check of the site, run; its events in `events`. */
static struct po_judgement run_one(struct po_ctx *cx, const char *body, struct po_event *events,
                                   size_t *ret_event_count)
{
    PO_HOME_AUTO *home = site_home(cx);
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    const struct po_check *checks = NULL;
    size_t count = 0;
    struct po_judgement *judgement = po_arena_alloc(cx->arena, 1, sizeof *judgement);
    struct po_program_job job = {.home = po_home_root(home), .now_us = po_ctx_now_us(cx)};
    char text[2048];
    (void)snprintf(
        text, sizeof text,
        "import * as fs from \"host/fs\"\nimport * as fact from \"host/fact\"\n%s%s\n}\n",
        JUDGEMENT "@control(id = \"BKP-01.1\", name = \"site/e\")\n@needs(fact = "
                  "\"home.config\", fs_read = \"~/Backups/**\")\nfn e() -> Result<J, Error> {\n",
        body);
    site_file("a.script", text);
    grant_all(cx, home);
    check_eq_u64(added(cx, home, &checks, &count), 1);
    const struct po_check *check = find(checks, count, "BKP-01.1");
    check_ok(cx, po_program_load_row(cx, check->bundle, check->row, &program));
    check_ok(cx, po_fact_set_new(cx, home, &job.facts));
    job.grant = check->grant;
    check_that(judgement != NULL);
    struct po_site_told told = {events, 0};
    check_ok(cx, po_site_check_run(cx, home, &program, &job, judgement, &told));
    *ret_event_count = told.count;
    check_eq_int(program.trust, PO_TRUST_ORGANISATION);
    po_judgement_settle(judgement);
    return *judgement;
}

TEST_TIMEOUT(site_check_run__takes_what_the_program_says, 120)
{
    static const struct {
        const char *name;
        const char *body;
        enum po_run_state state;
        const char *reason;
        size_t events;
    } rows[] = {
        {"pass", "Ok(" PASSES ")", PO_RUN_PASS, NULL, 1},
        {"fail", "Ok(" FAILS ")", PO_RUN_FAIL, "why", 1},
        {"empty population",
         "Ok(J { state: \"Pass\", passing: 0, total: 0, reason: \"\", deviations: [], "
         "deviations_total: 0 })",
         PO_RUN_UNTESTED, "nothing to test", 1},
        {"passes less than all",
         "Ok(J { state: \"Pass\", passing: 1, total: 2, reason: \"\", deviations: [], "
         "deviations_total: 0 })",
         PO_RUN_FAIL, "did not hold", 1},
        {"reads a fact",
         "if fact.home_config().options.valid { Ok(" PASSES ") } else { Ok(" FAILS ") }",
         PO_RUN_PASS, NULL, 1},
        {"error", "Err(error(\"Lost\", \"no way\"))", PO_RUN_ERROR, "no way", 1},
        {"fault", "panic(\"broke\")", PO_RUN_ERROR, "Panic: broke", 1},
        {"without end", "while true { }\nOk(" PASSES ")", PO_RUN_ERROR, "StepLimit", 1},
        {"a state of its own",
         "Ok(J { state: \"Great\", passing: 1, total: 1, reason: \"\", deviations: [], "
         "deviations_total: 0 })",
         PO_RUN_ERROR, "no judgement", 1},
        {"reads elsewhere",
         "match fs.read(\"/etc/hostname\") { Ok(_) => Ok(" PASSES "), Err(_) => Ok(" FAILS ") }",
         PO_RUN_FAIL, "why", 2},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_event events[PO_RUN_EVENTS_MAX];
        size_t count = 0;
        check_ok(cx, po_fs_remove_tree(cx, test_tmpdir(), 20));
        check_ok(cx, po_fs_mkdir(cx, test_tmpdir(), 0700));
        struct po_judgement got = run_one(cx, row->body, events, &count);
        check_eq_int(got.state, row->state);
        if (row->reason != NULL) check_contains(got.reason, row->reason);
        check_eq_u64(count, row->events);
        check_eq_int(events[count - 1].type, PO_EVENT_TYPE_PROGRAM_RAN);
        if (count > 1) check_eq_int(events[0].type, PO_EVENT_TYPE_PROGRAM_DENIED);
    }
}

TEST(site_check_run__beyond_its_grant_is_an_error_and_told)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = site_home(cx);
    static struct po_script_diags diags;
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_bundle *bundle = NULL;
    const char *text = CHECK("BKP-01.1", "age", PASSES);
    const struct po_bundle_text file = {PO_LIT("a.script"), po_str_of(text)};
    struct po_cap only = {PO_CAP_FACT, PO_LIT("home.config")};
    const struct po_caps grant = {1, &only};
    const struct po_program_job job = {.grant = &grant, .home = po_home_root(home)};
    struct po_judgement *judgement = po_arena_alloc(cx->arena, 1, sizeof *judgement);
    struct po_event events[PO_RUN_EVENTS_MAX];
    struct po_site_told told = {events, 0};
    check_ok(cx, po_bundle_open_texts(cx, PO_LIT("t"), &file, 1, &bundle));
    check_ok(cx, po_program_load(cx, bundle, file.path, PO_LIT("age"), &diags, &program));
    check_that(judgement != NULL);
    check_ok(cx, po_site_check_run(cx, home, &program, &job, judgement, &told));
    check_eq_int(judgement->state, PO_RUN_ERROR);
    check_contains(judgement->reason, "fs_read");
    check_eq_u64(told.count, 1);
    check_eq_int(events[0].type, PO_EVENT_TYPE_PROGRAM_DENIED);
    check_that(po_str_find(events[0].detail, PO_LIT("\"fence\":\"grant\""), 0) != SIZE_MAX);
}

/* The whole way: granted, assessed, in the evidence. */
TEST_TIMEOUT(assess__tests_what_the_site_was_granted, 60)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = site_home(cx);
    const po_str controls[] = {PO_LIT("BKP-01")};
    const struct po_assess_options options = {.controls = controls, .control_count = 1};
    struct po_assess_result result = {0};
    const struct po_catalog *catalog = NULL;
    const struct po_clause_run *runs = NULL;
    struct po_evidence_at at = {0};
    struct po_evidence_source source = {.home = home};
    site_file("a.script", CHECK("BKP-01.1", "age", FAILS));
    check_ok(cx, po_assess_run(cx, home, &options, &result));
    check_eq_u64(result.tested, 0);
    grant_all(cx, home);
    check_ok(cx, po_assess_run(cx, home, &options, &result));
    check_eq_u64(result.failed, 1);
    check_ok(cx, po_catalog_load_embedded(cx, &catalog));
    source.catalog = catalog;
    check_ok(cx, po_check_wanted(cx, home, catalog, &source.is_wanted));
    check_ok(cx, po_evidence_locate(cx, home, 0, &at));
    check_ok(cx, po_evidence_runs(cx, &source, &at, &runs));
    size_t position = po_clause_position(catalog, po_catalog_clause(catalog, PO_LIT("BKP-01.1")));
    check_that(source.is_wanted[position]);
    check_eq_int(runs[position].run.state, PO_RUN_FAIL);
    check_eq_str(runs[position].run.check, "site/age");
    check_eq_str(runs[position].run.reason, "why");
    check_eq_int(runs[position].run.total, 3);
}
