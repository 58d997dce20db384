/*
 * The schedule's assessment: every tenant, each fact of the instance read once, one's failure not the others'.
 */
#include "assess/assess_priv.h"
#include "lib/test.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define OTHER ((po_tenant_id){300})

static struct po_home *new_home(struct po_ctx *cx)
{
    struct po_home *home = NULL;
    const struct po_event event = {.type = PO_EVENT_TYPE_TENANT_CREATED,
                                   .resource = PO_LIT("tenant:300"),
                                   .action = PO_LIT("create"),
                                   .result = PO_EVENT_SUCCESS};
    check_eq_int(setenv("XDG_STATE_HOME", test_tmp("keys"), 1), 0);
    check_ok(cx, po_home_init(cx, test_tmp("home"), &home));
    check_ok(cx, po_home_close(cx, &home));
    check_ok(cx, po_home_open(cx, test_tmp("home"), PO_HOME_READ_WRITE, &home));
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, OTHER, PO_LIT("other")));
    cx->tenant = OTHER;
    check_ok(cx, po_home_commit(cx, home, tx, &event));
    cx->tenant = PO_TENANT_DEFAULT;
    check_ok(cx, po_home_flush(cx, home));
    return home;
}

struct seen {
    size_t count;
    char read_at[32]; /* of home.credentials, in the newest facts.observed */
    char company[64];
};

static po_rc take(struct po_ctx *step, void *user, const struct po_home_event *event,
                  bool *ret_stop)
{
    struct seen *seen = user;
    struct po_json *detail = NULL;
    (void)ret_stop;
    PO_TRY(step, po_json_parse(step, event->view.detail, PO_JSON_STRICT, &detail));
    const struct po_json *company = po_json_get(detail, "company");
    if (seen->count++ > 0) return po_rc_ok();
    if (company != NULL)
        (void)snprintf(seen->company, sizeof seen->company, "%.*s", PO_STR_ARG(company->str));
    const struct po_json *facts = po_json_get(detail, "facts");
    for (const struct po_json *fact = facts != NULL ? facts->first : NULL; fact != NULL;
         fact = fact->next)
        if (po_str_eq_cstr(po_json_get(fact, "name")->str, "home.credentials"))
            (void)snprintf(seen->read_at, sizeof seen->read_at, "%.*s",
                           PO_STR_ARG(po_json_get(fact, "read_at")->str));
    return po_rc_ok();
}

static struct seen look(struct po_ctx *cx, struct po_home *home, po_tenant_id tenant,
                        enum po_event_type type)
{
    struct seen seen = {0};
    const struct po_home_walk walk = {
        .type = type, .size = po_ledger_size(po_home_ledger(home)), .visit = take, .user = &seen};
    cx->tenant = tenant;
    check_ok(cx, po_home_walk_back(cx, home, &walk));
    cx->tenant = PO_TENANT_DEFAULT;
    return seen;
}

/* Time passes between the tenants, so that a second reading would show. */
static void tick(void *user, const char *what)
{
    (void)user;
    (void)what;
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
}

static const po_str config_control[] = {PO_LIT("CFG-01")};

TEST_TIMEOUT(assess_all__tests_every_tenant_over_one_reading, 120)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = new_home(cx);
    const struct po_assess_options options = {
        .controls = config_control, .control_count = 1, .progress = tick};
    struct po_assess_result one = {0};
    struct po_assess_result both = {0};
    check_ok(cx, po_assess_run(cx, home, &options, &one));
    check_that(one.tested > 0);
    check_ok(cx, po_assess_run_all(cx, home, &options, &both));
    check_eq_u64(both.tested, 2 * one.tested);
    check_eq_u64(both.passed, 2 * one.passed);
    check_eq_u64(cx->tenant.value, 1);
    struct seen ours = look(cx, home, PO_TENANT_DEFAULT, PO_EVENT_TYPE_FACTS_OBSERVED);
    struct seen theirs = look(cx, home, OTHER, PO_EVENT_TYPE_FACTS_OBSERVED);
    check_eq_u64(ours.count, 2);
    check_eq_u64(theirs.count, 1);
    check_that(ours.read_at[0] != '\0');
    check_eq_cstr(theirs.read_at, ours.read_at);
    check_eq_u64(look(cx, home, OTHER, PO_EVENT_TYPE_CONTROL_TESTED).count, one.tested);
    /* the organisation of a report is the tenant's */
    check_eq_cstr(look(cx, home, OTHER, PO_EVENT_TYPE_ASSESSMENT_COMPLETED).company, "other");
}

/* What is due in one is tested in all: else each tenant's drills would fall on another day. */
TEST_TIMEOUT(assess_all__what_is_due_in_one_is_tested_in_all, 120)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = new_home(cx);
    const struct po_catalog *catalog = NULL;
    bool *also = NULL;
    const struct po_check **due = NULL;
    size_t count = 0;
    struct po_assess_result result = {0};
    struct po_assess_options options = {.controls = config_control, .control_count = 1};
    check_ok(cx, po_assess_run(cx, home, &options, &result));
    check_ok(cx, po_catalog_load_embedded(cx, &catalog));
    also = po_arena_alloc(cx->arena, catalog->clause_count, sizeof *also);
    const struct po_clause *clause = po_catalog_clause(catalog, PO_LIT("CFG-01.2"));
    check_that(also != NULL && clause != NULL);
    options = (struct po_assess_options){0};
    check_ok(cx, po_assess_plan(cx, home, &options, &due, &count));
    for (size_t i = 0; i < count; i++)
        check_that(strcmp(due[i]->clause, "CFG-01.2") != 0, "tested a moment ago");
    also[po_clause_position(catalog, clause)] = true;
    options.also = also;
    check_ok(cx, po_assess_plan(cx, home, &options, &due, &count));
    bool is_due = false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(due[i]->clause, "CFG-01.2") == 0) is_due = true;
    check_that(is_due);
}

TEST_TIMEOUT(assess_all__goes_on_when_one_tenant_cannot_be_assessed, 120)
{
    TEST_CX(cx);
    const po_str unknown[] = {PO_LIT("NO-99")};
    PO_HOME_AUTO *home = new_home(cx);
    struct po_assess_result result = {0};
    const struct po_assess_options options = {.controls = unknown, .control_count = 1};
    check_fails(cx, po_assess_run_all(cx, home, &options, &result), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "NO-99");
    check_eq_u64(result.tested, 0);
    check_eq_u64(cx->tenant.value, 1);
}
