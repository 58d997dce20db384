/*
 * Every route x role x tenant x outcome, in one home: each gives its status. Commands answer from a stand-in
 * here; what each request owes the ledger is asked of the real rows by the drill (test_drill.c).
 */
#include "cli/cli.h"
#include "unit/api/api_fixture.h"

#include <stdio.h>
#include <string.h>

/* Answers as a row without anything in it; another tenant's ids are not found. */
static po_rc stand_in(struct po_ctx *cx, struct po_home *home, int argc, const char *const *argv,
                      struct po_cli_answer *answer)
{
    (void)home;
    for (int i = 0; i < argc; i++)
        if (strstr(argv[i], "foreign") != NULL) {
            answer->code = PO_NOTFOUND;
            return po_rc_ok();
        }
    (void)cx;
    po_buf_append_cstr(&answer->out, "{\"data\":[{\"name\":\"mine\"}]}\n");
    return po_rc_ok();
}

/* One value that fits each member; `id` stands for what names a thing. */
static const char *value_for(const struct po_api_param *param, const char *id)
{
    if (param->choices != NULL) return strncmp(param->choices, "vendor", 6) == 0 ? "vendor" : NULL;
    switch (param->shape) {
    case PO_API_SHAPE_REPORT: return "R-foreign";
    case PO_API_SHAPE_EMAIL: return "a@example.test";
    case PO_API_SHAPE_ID:
        return strcmp(id, "foreign") == 0 ? "ses_00000000000000000000foreign"
                                          : "ses_000000000000000000000000mine";
    case PO_API_SHAPE_EVENT: return "control.";
    case PO_API_SHAPE_TIME: return "24h";
    case PO_API_SHAPE_TEXT:
    case PO_API_SHAPE_SECRET:
    case PO_API_SHAPE_WORD:
    case PO_API_SHAPE_SCOPE:
    case PO_API_SHAPE_WORD_OR_DASH:
    case PO_API_SHAPE_PROGRAM:
    case PO_API_SHAPE_VKEY:
    case PO_API_SHAPE_CURSOR:
    case PO_API_SHAPE_COUNT: break;
    }
    return id;
}

static void first_choice(const struct po_api_param *param, char *out, size_t size)
{
    size_t len = strcspn(param->choices, "|");
    (void)snprintf(out, size, "%.*s", (int)len, param->choices);
}

struct written {
    char path[512];
    char query[512];
    char body[1024];
};

static void write_path(const struct po_api_route *route, const char *id, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "%s", PO_API_PREFIX);
    size_t param = 0;
    for (const char *c = route->path; *c != '\0'; c++) {
        if (*c != '{') {
            out[at++] = *c;
            continue;
        }
        while (route->params[param].in != PO_API_IN_PATH)
            param++;
        const char *value =
            route->params[param].type == PO_API_INT ? "0" : value_for(&route->params[param], id);
        at += (size_t)snprintf(out + at, size - at, "%s", value);
        param++;
        c = strchr(c, '}');
    }
    out[at] = '\0';
}

static void write_member(const struct po_api_param *param, const char *id, char *out, size_t size)
{
    char choice[64];
    const char *value = value_for(param, id);
    if (value == NULL) {
        first_choice(param, choice, sizeof choice);
        value = choice;
    }
    if (param->type == PO_API_STR)
        (void)snprintf(out, size, "\"%s\":\"%s\"", param->name, value);
    else if (param->type == PO_API_LIST)
        (void)snprintf(out, size, "\"%s\":[\"%s\"]", param->name, value);
    else
        (void)snprintf(out, size, "\"%s\":%s", param->name,
                       param->type == PO_API_INT ? "1" : "true");
}

/* A whole request of a route that names `id`. */
static void write_request(const struct po_api_route *route, const char *id, struct written *out)
{
    size_t at = 0;
    size_t query = 0;
    write_path(route, id, out->path, sizeof out->path);
    out->query[0] = '\0';
    out->body[0] = '\0';
    for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
        const struct po_api_param *param = &route->params[i];
        if (param->in == PO_API_IN_QUERY && param->is_required)
            query += (size_t)snprintf(out->query + query, sizeof out->query - query, "%s%s=%s",
                                      query > 0 ? "&" : "", param->name,
                                      param->type == PO_API_INT ? "1" : id);
        if (param->in != PO_API_IN_BODY) continue;
        out->body[at] = at == 0 ? '{' : ',';
        at++;
        write_member(param, id, out->body + at, sizeof out->body - at);
        at += strlen(out->body + at);
    }
    if (at > 0) (void)snprintf(out->body + at, sizeof out->body - at, "}");
}

static struct po_api_request request_of(const struct api_fixture *fixture, enum api_role who,
                                        const struct po_api_route *route,
                                        const struct written *written)
{
    struct po_api_request req =
        api_request(fixture, who, route->method, written->path, written->body);
    req.query = po_str_of(written->query);
    return req;
}

/* Handlers that end sessions or change secrets would end the walk. */
static bool ends_the_walk(const struct po_api_route *route)
{
    return strcmp(route->id, "signOut") == 0 || strcmp(route->id, "endMySessions") == 0 ||
           strcmp(route->id, "changePassword") == 0 || strcmp(route->id, "stepUp") == 0;
}

static bool may(enum api_role who, const struct po_api_route *route)
{
    static const char *const roles[] = {"owner",  "admin",  "operator", "auditor",
                                        "member", "viewer", "owner"};
    const struct po_action_set set = po_role_shipped(po_str_of(roles[who]));
    const struct po_action *action = po_action_find(po_str_of(route->action));
    bool is_elsewhere = who == API_FOREIGN && action != NULL && action->is_instance;
    return !is_elsewhere && po_action_set_has(&set, action);
}

struct totals {
    unsigned asked;
    unsigned allowed;
    unsigned denied;
};

static void ask_as(struct api_fixture *fixture, enum api_role who, const struct po_api_route *route,
                   struct totals *totals)
{
    struct written written;
    char label[128];
    (void)snprintf(label, sizeof label, "%s as %d", route->id, (int)who);
    test_row(label);
    write_request(route, "mine", &written);
    const struct po_api_request req = request_of(fixture, who, route, &written);
    unsigned status = api_status(fixture, &req);
    bool is_allowed = may(who, route);
    totals->asked++;
    totals->allowed += is_allowed;
    totals->denied += !is_allowed;
    if (is_allowed) check_that(status != 401 && status < 500, "status %u", status);
    if (is_allowed && route->command != NULL && status != 412)
        check_that(status == 200 || status == 204 || status == 404, "status %u", status);
    if (!is_allowed) check_eq_u64(status, 403);
}

static void ask_badly(struct api_fixture *fixture, const struct po_api_route *route)
{
    struct written written;
    test_row(route->id);
    write_request(route, "mine", &written);
    struct po_api_request req = request_of(fixture, API_NOBODY, route, &written);
    check_eq_u64(api_status(fixture, &req), 401);
    req.fields[PO_API_FIELD_COOKIE] =
        PO_LIT(PO_API_COOKIE "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    req.fields[PO_API_FIELD_ORIGIN] = PO_LIT("https://pauly.example.test");
    check_eq_u64(api_status(fixture, &req), 401);
    req = request_of(fixture, API_OWNER, route, &written);
    req.query = PO_LIT("no_such_member=1");
    check_eq_u64(api_status(fixture, &req), 400);
    if (strchr(route->path, '{') == NULL || route->command == NULL) return;
    write_request(route, "foreign", &written);
    if (strstr(written.path, "foreign") == NULL) return;
    req = request_of(fixture, API_FOREIGN, route, &written);
    const struct po_action *action = po_action_find(po_str_of(route->action));
    unsigned wanted = action != NULL && action->is_instance ? 403 : 404;
    check_that(api_status(fixture, &req) == wanted, "another tenant's id");
}

/* Without a credential; public routes are asked by everybody. */
static void ask_public(struct api_fixture *fixture, const struct po_api_route *route)
{
    struct written written;
    test_row(route->id);
    write_request(route, "mine", &written);
    struct po_api_request req = request_of(fixture, API_NOBODY, route, &written);
    unsigned status = api_status(fixture, &req);
    check_that(status == 200 || status == 400 || status == 401 || status == 410, "status %u",
               status);
    req.query = PO_LIT("no_such_member=1");
    check_eq_u64(api_status(fixture, &req), 400);
}

static void ask_all(struct po_ctx *cx, struct api_fixture *fixture, struct totals *totals)
{
    for (size_t i = 0; i < po_api_route_count(); i++) {
        const struct po_api_route *route = po_api_route_at(i);
        po_clock_fake_advance(test_clock(), 5 * PO_US_PER_S); /* rates; below a step-up's life */
        if (i % 20 == 19) api_flush(cx, fixture);
        if (route->access == PO_API_PUBLIC) {
            ask_public(fixture, route);
            continue;
        }
        ask_badly(fixture, route);
        for (enum api_role who = 0; who < API_PEOPLE && !ends_the_walk(route); who++)
            ask_as(fixture, who, route, totals);
    }
    test_row(NULL);
}

/* @proves CC7.2 */
TEST(api__every_route_role_tenant_and_outcome_is_decided)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    struct totals totals = {0};
    api_fixture_make(cx, &fixture, stand_in);
    ask_all(cx, &fixture, &totals);
    api_flush(cx, &fixture);
    size_t count = po_api_kept_count(fixture.api);
    check_that(count >= 600 && totals.denied > 100 && totals.allowed > 200, "%zu %u %u", count,
               totals.denied, totals.allowed);
}

TEST(api_duties__name_each_route_and_no_other)
{
    check_that(po_api_duty_routes_exist());
    for (size_t i = 0; i < po_api_route_count(); i++) {
        const struct po_api_route *route = po_api_route_at(i);
        bool is_document = strcmp(route->id, "getOpenapi") == 0; /* public: owes nothing */
        check_that(po_api_has_duty(route) == !is_document, "%s", route->id);
    }
}

static const char *coverage_of(struct po_ctx *cx, struct api_fixture *fixture,
                               const struct po_api_obligation *owed)
{
    struct po_api_coverage coverage = {0};
    const struct po_api_owed one = {.items = owed, .count = 1};
    check_ok(cx, po_api_coverage(cx, fixture->home, &one, &coverage));
    check_eq_u64(coverage.obligations, 1);
    check_eq_u64(coverage.met + coverage.unmet_count, 1);
    return coverage.met == 1 ? "met" : coverage.unmet[0].why;
}

static uint16_t row_of(const char *id)
{
    return (uint16_t)po_api_route_index(po_api_route_find(id));
}

/* Each member of an obligation counts: an event that differs in one of them is not the one. */
TEST(api_coverage__counts_what_has_no_event_or_a_wrong_one)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls"), 200);
    check_eq_u64(api_get(&fixture, API_VIEWER, "/api/v1/keys"), 403);
    api_flush(cx, &fixture);
    const struct po_api_obligation allowed = *po_api_kept_at(fixture.api, 0);
    const struct po_api_obligation denied = *po_api_kept_at(fixture.api, 1);
    check_eq_cstr(coverage_of(cx, &fixture, &allowed), "met");
    check_eq_cstr(coverage_of(cx, &fixture, &denied), "met");
    struct po_api_obligation wrong = denied;
    wrong.outcome = PO_API_ALLOWED;
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another event");
    wrong.outcome = PO_API_MALFORMED;
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another result");
    wrong = denied;
    wrong.actor[0] = 'x';
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another actor");
    wrong = denied;
    wrong.request_id[5] ^= 1;
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "no event");
    wrong = denied;
    wrong.route = row_of("listFlags");
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another action");
    wrong = allowed;
    wrong.route = row_of("listHealthChecks"); /* request.completed too */
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another action");
    wrong = allowed;
    wrong.resource_hash++;
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another resource");
    wrong = allowed;
    wrong.owes_grant = true;
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "no event of the grant");
    wrong = allowed;
    wrong.is_replayed = true;
    check_eq_cstr(coverage_of(cx, &fixture, &wrong), "another event");
}

/* The row read its list and said so; that the answer was "not found" is an event of its own. */
TEST(api_coverage__knows_that_a_list_was_read_and_its_item_not_found)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/register/no.such"), 404);
    api_flush(cx, &fixture);
    check_eq_cstr(coverage_of(cx, &fixture, po_api_kept_at(fixture.api, 0)), "met");
}
