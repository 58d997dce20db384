/*
 * What the running service tells assessments: operations counted, and their events in the ledger.
 */
#include "assess/assess.h"
#include "cli/cli.h"
#include "core/fault.h"
#include "unit/api/api_fixture.h"

#include <errno.h>
#include <stdio.h>

/* The state of a clause after an assessment that the owner asks for. */
static void assess(struct api_fixture *fixture, const char *control)
{
    char body[64];
    (void)snprintf(body, sizeof body, "{\"controls\":[\"%s\"]}", control);
    const struct po_api_request req =
        api_request(fixture, API_OWNER, PO_HTTP_POST, "/api/v1/controls/runs", body);
    check_eq_u64(api_status(fixture, &req), 200);
}

static void check_clause(struct api_fixture *fixture, const char *control, const char *part)
{
    API_ANSWER_AUTO answer = {0};
    char path[64];
    (void)snprintf(path, sizeof path, "/api/v1/controls/%s", control);
    const struct po_api_request req = api_request(fixture, API_OWNER, PO_HTTP_GET, path, NULL);
    check_eq_u64(api_ask(fixture, &req, &answer), 200);
    check_contains(api_body(&answer), part);
}

/* @proves CC7.2 AUD-02.2 IAM-01.1 */
TEST(api_served__is_told_to_assessments_of_the_running_service)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    assess(&fixture, "IAM-01"); /* nobody reports yet: no figure */
    check_clause(&fixture, "IAM-01", "no service runs here");
    po_api_report(fixture.api);
    check_eq_u64(api_get(&fixture, API_VIEWER, "/api/v1/keys"), 403);
    check_eq_u64(api_get(&fixture, API_NOBODY, "/api/v1/keys"), 401);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/register/no.such"), 404);
    assess(&fixture, "IAM-01");
    check_eq_u64(po_api_operations(fixture.api), 6);
    check_eq_u64(po_api_unsettled(fixture.api), 1); /* the assessment's own request */
    check_clause(&fixture, "IAM-01",
                 "\"clause\":\"IAM-01.1\",\"state\":\"pass\",\"passing\":2,"
                 "\"total\":2");
}

/* An event that is not there is a failure, never left out. */
TEST(api_settle__counts_an_operation_without_its_event_as_not_recorded)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls"), 200);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/flags"), 200);
    fixture.api->kept[1].request_id[6] ^= 1;
    api_flush(cx, &fixture);
    check_eq_u64(po_api_unsettled(fixture.api), 2);
    check_ok(cx, po_api_settle(cx, fixture.api, 1));
    check_eq_u64(fixture.api->settled.recorded, 1);
    check_ok(cx, po_api_settle(cx, fixture.api, 100));
    check_eq_u64(po_api_unsettled(fixture.api), 0);
    check_eq_u64(fixture.api->settled.recorded, 1);
    check_eq_u64(fixture.api->settled.wrong_count, 1);
    check_eq_cstr(fixture.api->settled.wrong[0].why, "no event");
    check_ok(cx, po_api_settle(cx, fixture.api, 100)); /* each is looked at once */
    check_eq_u64(fixture.api->settled.recorded, 1);
}

/* The ring turns over: what was looked at may be forgotten, what was not counts as not recorded. */
TEST_TIMEOUT(api_settle__keeps_count_when_the_oldest_are_forgotten, 60)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    struct po_api_call call = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls"), 200);
    api_flush(cx, &fixture);
    check_ok(cx, po_api_settle(cx, fixture.api, 1));
    call.api = fixture.api;
    call.route = po_api_route_find("listControls");
    for (unsigned i = 0; i < PO_API_KEPT_MAX + 2; i++)
        po_api_keep(cx, &call, po_rc_ok()); /* two of them are gone before anybody looks */
    check_eq_u64(po_api_operations(fixture.api), PO_API_KEPT_MAX + 3);
    check_eq_u64(po_api_unsettled(fixture.api), PO_API_KEPT_MAX);
    check_eq_u64(fixture.api->settled.wrong_count, 2);
    check_eq_cstr(fixture.api->settled.wrong[1].why, "not looked at in time");
    check_ok(cx, po_api_settle(cx, fixture.api, UINT64_MAX));
    check_eq_u64(po_api_unsettled(fixture.api), 0);
    check_eq_u64(fixture.api->settled.recorded, 1);
}

/* Each tenant is told of its own requests, and of what it was over its own rates. */
TEST(api_served__counts_each_tenants_requests_apart)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    po_tenant_id theirs = fixture.people[API_FOREIGN].tenant;
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls"), 200);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/me"), 200);
    check_eq_u64(api_get(&fixture, API_NOBODY, "/api/v1/me"), 401);
    check_eq_u64(api_get(&fixture, API_FOREIGN, "/api/v1/me"), 200);
    fixture.api->kept[0].request_id[6] ^= 1; /* an event of ours that is not there */
    api_flush(cx, &fixture);
    check_ok(cx, po_api_settle(cx, fixture.api, 100));
    const struct po_api_of_tenant *our_figures = po_api_of_tenant(fixture.api, PO_TENANT_DEFAULT);
    const struct po_api_of_tenant *their_figures = po_api_of_tenant(fixture.api, theirs);
    check_eq_u64(our_figures->served.operations, 3);
    check_eq_u64(our_figures->served.past_authentication, 2);
    check_eq_u64(our_figures->settled.recorded, 2);
    check_eq_u64(our_figures->settled.wrong_count, 1);
    check_eq_u64(their_figures->served.operations, 1);
    check_eq_u64(their_figures->served.named, 1);
    check_eq_u64(their_figures->settled.recorded, 1);
    check_eq_u64(their_figures->settled.wrong_count, 0);
    check_eq_u64(po_api_operations(fixture.api), 4);
    check_eq_u64(fixture.api->tenant_count, 2);
}

#ifdef PO_FAULTS

static uint64_t events(struct po_ctx *cx, const struct api_fixture *fixture)
{
    uint64_t mark = 0;
    check_ok(cx, po_api_event_mark(cx, fixture->api, &mark));
    return mark;
}

/* A stranger asks, with one call failing. */
static unsigned get_failing(struct api_fixture *fixture, uint64_t failing)
{
    API_ANSWER_AUTO answer = {0};
    const struct po_api_request req =
        api_request(fixture, API_NOBODY, PO_HTTP_GET, "/api/v1/keys", NULL);
    check_ok_leaf(po_ctx_init(&answer.cx));
    answer.cx.clock = &test_clock()->clock;
    po_api_response_init(&answer.res);
    po_fault_fail(failing, failing % 2 == 0 ? EIO : ENOSPC);
    po_api_handle(&answer.cx, fixture->api, &req, &answer.res);
    po_fault_off();
    return answer.res.status;
}

/* Whatever fails on the way: who is told that it is denied is in the ledger. */
TEST_TIMEOUT(api_settle__a_denial_that_cannot_be_recorded_is_not_told, 300)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    bool has_fired = true;
    unsigned untold = 0;
    api_fixture_make(cx, &fixture, NULL);
    for (uint64_t failing = 1; has_fired; failing++) {
        uint64_t before = events(cx, &fixture);
        po_clock_fake_advance(test_clock(), 60 * PO_US_PER_S); /* past all rates */
        unsigned status = get_failing(&fixture, failing);
        has_fired = po_fault_fired();
        check_that(status == 401 || status >= 500, "hit %lu: %u", failing, status);
        if (status == 401)
            check_that(events(cx, &fixture) > before, "hit %lu: told, not recorded", failing);
        else
            untold++;
    }
    check_that(untold > 5, "%u", untold);
}

#endif
