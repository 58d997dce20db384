/*
 * Requests as clients send them, and as attackers do.
 */
#include "cli/cli.h"
#include "unit/api/api_fixture.h"

#include <stdio.h>

/* A run that notes its command line and answers with an empty object. */
static char last_argv[4096];
static unsigned runs;
static po_rc note_run(struct po_ctx *cx, struct po_home *home, int argc, const char *const *argv,
                      struct po_cli_answer *answer)
{
    (void)cx;
    (void)home;
    size_t at = 0;
    runs++;
    for (int i = 0; i < argc; i++)
        at += (size_t)snprintf(last_argv + at, sizeof last_argv - at, "%s[%s]", i > 0 ? " " : "",
                               argv[i]);
    po_buf_append_cstr(&answer->out, "{\"data\":[]}\n");
    answer->code = PO_OK;
    return po_rc_ok();
}

static struct po_api_request put(const struct api_fixture *fixture, const char *body)
{
    return api_request(fixture, API_OWNER, PO_HTTP_PUT, "/api/v1/register/cost.audit", body);
}

/* -- as they should be --------------------------------------------------------------------------- */

TEST(api__runs_a_commands_row_and_gives_its_output)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO answer = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request req =
        api_request(&fixture, API_VIEWER, PO_HTTP_GET, "/api/v1/controls?limit=2", NULL);
    check_eq_u64(api_ask(&fixture, &req, &answer), 200);
    check_contains(api_body(&answer), "{\"data\":[{\"id\":\"GOV-01\"");
    check_contains(api_body(&answer), "\"next_cursor\":\"2-");
    check_eq_postr(api_field(&answer, PO_HTTP_CONTENT_TYPE), PO_LIT("application/json"));
    check_eq_postr(api_field(&answer, PO_HTTP_CACHE_CONTROL), PO_LIT("no-store"));
    check_eq_u64(api_field(&answer, PO_HTTP_X_REQUEST_ID).len, 36);
}

/* Follow next_cursor to the end. */
static size_t walk_pages(struct api_fixture *fixture, const char *path, size_t *ret_pages)
{
    char url[256];
    char cursor[128] = "";
    size_t rows = 0;
    *ret_pages = 0;
    do {
        API_ANSWER_AUTO answer = {0};
        struct po_json *root = NULL;
        (void)snprintf(url, sizeof url, "%s%s%s", path, cursor[0] ? "&cursor=" : "", cursor);
        const struct po_api_request req = api_request(fixture, API_OWNER, PO_HTTP_GET, url, NULL);
        check_eq_u64(api_ask(fixture, &req, &answer), 200);
        check_ok(&answer.cx,
                 po_json_parse(&answer.cx, po_buf_str(&answer.res.body), PO_JSON_STRICT, &root));
        rows += po_json_get(root, "data")->count;
        const struct po_json *next = po_json_get(root, "next_cursor");
        (void)snprintf(cursor, sizeof cursor, "%.*s", PO_STR_ARG(next->str));
        ++*ret_pages;
    } while (cursor[0] != '\0');
    return rows;
}

TEST(api__pages_show_each_row_once)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    size_t pages = 0;
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(walk_pages(&fixture, "/api/v1/controls?limit=40", &pages), 91);
    check_eq_u64(pages, 3);
    api_flush(cx, &fixture);
    size_t events = walk_pages(&fixture, "/api/v1/audit/events?limit=5", &pages);
    check_that(events >= 10 && pages == (events + 4) / 5, "%zu events, %zu pages", events, pages);
}

TEST(api__cursors_belong_to_their_list)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls?cursor=2-0"), 400);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls?cursor=x"), 400);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/audit/events?cursor=x"), 400);
}

TEST(api__changes_are_bound_to_what_was_read)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO read = {0};
    api_fixture_make(cx, &fixture, NULL);
    struct po_api_request set = put(&fixture, "{\"value\":\"100\"}");
    set.fields[PO_API_FIELD_IF_MATCH] = PO_LIT("*");
    check_eq_u64(api_status(&fixture, &set), 412); /* there is none yet */
    set.fields[PO_API_FIELD_IF_MATCH] = (po_str){NULL, 0};
    check_eq_u64(api_status(&fixture, &set), 200);
    struct po_api_request get =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/register/cost.audit", NULL);
    check_eq_u64(api_ask(&fixture, &get, &read), 200);
    check_contains(api_body(&read), "\"value\":\"100\"");
    po_str etag = api_field(&read, PO_HTTP_ETAG);
    check_eq_u64(etag.len, 34);
    get.fields[PO_API_FIELD_IF_NONE_MATCH] = etag;
    check_eq_u64(api_status(&fixture, &get), 304);
    set.fields[PO_API_FIELD_IF_MATCH] = etag;
    set.body = PO_LIT("{\"value\":\"200\"}");
    check_eq_u64(api_status(&fixture, &set), 200);
    check_eq_u64(api_status(&fixture, &set), 412); /* it is another now */
}

TEST(api__methods_have_their_answers)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO refused = {0};
    API_ANSWER_AUTO options = {0};
    API_ANSWER_AUTO head = {0};
    api_fixture_make(cx, &fixture, NULL);
    struct po_api_request req =
        api_request(&fixture, API_OWNER, PO_HTTP_DELETE, "/api/v1/register/cost.audit", NULL);
    check_eq_u64(api_ask(&fixture, &req, &refused), 405);
    check_eq_str(api_field(&refused, PO_HTTP_ALLOW), "GET, HEAD, PUT, OPTIONS");
    req.method = PO_HTTP_OPTIONS;
    check_eq_u64(api_ask(&fixture, &req, &options), 204);
    check_eq_str(api_field(&options, PO_HTTP_ALLOW), "GET, HEAD, PUT, OPTIONS");
    req = api_request(&fixture, API_OWNER, PO_HTTP_HEAD, "/api/v1/version", NULL);
    check_eq_u64(api_ask(&fixture, &req, &head), 200);
    check_eq_u64(head.res.body.len, 0);
    check_eq_u64(api_field(&head, PO_HTTP_ETAG).len, 34);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/nothing"), 404);
}

TEST(api__problems_hold_public_text_only)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO answer = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request req =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/controls/NO-SUCH", NULL);
    check_eq_u64(api_ask(&fixture, &req, &answer), 404);
    check_eq_str(api_field(&answer, PO_HTTP_CONTENT_TYPE), "application/problem+json");
    check_contains(api_body(&answer), "\"type\":\"urn:paulyops:problem:notfound\"");
    check_contains(api_body(&answer), "\"request_id\":\"req_");
    check_that(strstr(api_body(&answer), "NO-SUCH") == NULL);
    check_that(strstr(api_body(&answer), "paulyops control list") == NULL);
}

TEST(api__tokens_work_and_are_held_to_their_scopes)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    char field[128];
    api_fixture_make(cx, &fixture, NULL);
    api_token_make(cx, &fixture);
    (void)snprintf(field, sizeof field, "Bearer %s", fixture.token);
    struct po_api_request req =
        api_request(&fixture, API_NOBODY, PO_HTTP_GET, "/api/v1/controls", NULL);
    check_eq_u64(api_status(&fixture, &req), 401);
    req.fields[PO_API_FIELD_AUTHORIZATION] = po_str_of(field);
    check_eq_u64(api_status(&fixture, &req), 200);
    req.path = PO_LIT("/api/v1/keys");
    check_eq_u64(api_status(&fixture, &req), 403);
    field[sizeof "Bearer pot_" + 3] ^= 1;
    req.path = PO_LIT("/api/v1/controls");
    check_eq_u64(api_status(&fixture, &req), 401);
}

TEST(api__one_caller_is_held_to_a_rate)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO answer = {0};
    api_fixture_make(cx, &fixture, note_run);
    const struct po_api_request req =
        api_request(&fixture, API_OWNER, PO_HTTP_POST, "/api/v1/health/runs", NULL);
    for (int i = 0; i < 30; i++)
        check_eq_u64(api_status(&fixture, &req), 200);
    check_eq_u64(api_ask(&fixture, &req, &answer), 429);
    check_eq_str(api_field(&answer, PO_HTTP_RETRY_AFTER), "1");
    const struct po_api_request other =
        api_request(&fixture, API_ADMIN, PO_HTTP_POST, "/api/v1/health/runs", NULL);
    check_eq_u64(api_status(&fixture, &other), 200); /* another's rate is another's */
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_eq_u64(api_status(&fixture, &req), 200);
}

/* However many addresses they have, people without a credential do not fill the ledger. */
TEST(api__strangers_together_are_recorded_up_to_a_rate)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    uint64_t first = 0;
    uint64_t full = 0;
    uint64_t later = 0;
    char peer[32];
    api_fixture_make(cx, &fixture, note_run);
    struct po_api_request req =
        api_request(&fixture, API_NOBODY, PO_HTTP_GET, "/api/v1/openapi.json", NULL);
    req.query = PO_LIT("x=1");
    check_ok(cx, po_api_event_mark(cx, fixture.api, &first));
    for (int i = 0; i < 1300; i++) {
        (void)snprintf(peer, sizeof peer, "10.0.0.%d", i / 100);
        req.peer = po_str_of(peer);
        check_eq_u64(api_status(&fixture, &req), 400);
    }
    check_ok(cx, po_api_event_mark(cx, fixture.api, &full));
    check_eq_u64(full - first, 1200);
    po_clock_fake_advance(test_clock(), PO_US_PER_S); /* ten more, and then no more */
    for (int i = 0; i < 20; i++)
        check_eq_u64(api_status(&fixture, &req), 400);
    check_ok(cx, po_api_event_mark(cx, fixture.api, &later));
    check_eq_u64(later - full, 10);
}

/* -- members ------------------------------------------------------------------------------------- */

/* @proves PI1.2 */
TEST(api__refuses_what_the_table_does_not_name)
{
    static const struct {
        const char *name;
        const char *body;
        unsigned status;
    } rows[] = {
        {"good", "{\"value\":\"1\"}", 200},
        {"mass assignment", "{\"value\":\"1\",\"author\":\"me\"}", 400},
        {"a path's member in the body", "{\"value\":\"1\",\"name\":\"cost.tools\"}", 400},
        {"prototype", "{\"value\":\"1\",\"__proto__\":{}}", 400},
        {"twice", "{\"value\":\"1\",\"value\":\"2\"}", 400},
        {"missing", "{}", 400},
        {"nothing", "", 400},
        {"number for text", "{\"value\":1}", 400},
        {"null", "{\"value\":null}", 400},
        {"list", "[{\"value\":\"1\"}]", 400},
        {"text", "\"value\"", 400},
        {"trailing", "{\"value\":\"1\"}x", 400},
        {"two", "{\"value\":\"1\"}{\"value\":\"1\"}", 400},
        {"comment", "{\"value\":\"1\"/**/}", 400},
        {"NUL", "{\"value\":\"1\\u0000--yes\"}", 400},
        {"line end", "{\"value\":\"1\\nSet-Cookie: a\"}", 400},
        {"escape", "{\"value\":\"\\u001b[31m\"}", 400},
        {"C1", "{\"value\":\"\\u0085\"}", 400},
        {"lone surrogate", "{\"value\":\"\\ud800\"}", 400},
        {"deep", "{\"value\":[[[[[[[[[[]]]]]]]]]]}", 400},
        {"form", "value=1", 400},
    };
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, note_run);
    TEST_EACH(row, rows)
    {
        const struct po_api_request req = put(&fixture, row->body);
        check_eq_u64(api_status(&fixture, &req), row->status);
    }
    check_eq_u64(runs, 1);
}

TEST(api__problems_name_the_member)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO body = {0};
    API_ANSWER_AUTO query = {0};
    api_fixture_make(cx, &fixture, note_run);
    struct po_api_request req = put(&fixture, "{\"value\":\"1\",\"is_admin\\\"\\n\":true}");
    check_eq_u64(api_ask(&fixture, &req, &body), 400);
    check_contains(api_body(&body), "\"member\":\"is_admin\\\"\\n\"");
    req = api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/controls?critrion=CC1", NULL);
    check_eq_u64(api_ask(&fixture, &req, &query), 400);
    check_contains(api_body(&query), "\"member\":\"critrion\"");
}

TEST(api__query_is_read_strictly)
{
    static const struct {
        const char *name;
        unsigned status;
    } rows[] = {
        {"/api/v1/controls?limit=1", 200},
        {"/api/v1/controls?limit=0", 400},
        {"/api/v1/controls?limit=1001", 400},
        {"/api/v1/controls?limit=01", 400},
        {"/api/v1/controls?limit=+1", 400},
        {"/api/v1/controls?limit=1e2", 400},
        {"/api/v1/controls?limit=99999999999999999999", 400},
        {"/api/v1/controls?limit=1&limit=2", 400},
        {"/api/v1/controls?limit[]=1", 400},
        {"/api/v1/controls?criterion=%00", 400},
        {"/api/v1/controls?criterion=CC7.2%0d%0a", 400},
        {"/api/v1/controls?criterion=--yes", 400},
        {"/api/v1/controls?criterion=%ff", 400},
        {"/api/v1/controls?criterion=%zz", 400},
        {"/api/v1/register?history=1", 400},
        {"/api/v1/register?history=true", 200},
        {"/api/v1/ledger/leaves/x/proof", 400},
        {"/api/v1/ledger/leaves/-1/proof", 400},
        {"/api/v1/ledger/leaves/0/proof", 200},
    };
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, note_run);
    TEST_EACH(row, rows) check_eq_u64(api_get(&fixture, API_OWNER, row->name), row->status);
}

TEST(api__bodies_are_held_to_type_and_size)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    static char large[PO_API_BODY_BYTES_MAX + 2];
    memset(large, ' ', sizeof large - 1);
    api_fixture_make(cx, &fixture, note_run);
    struct po_api_request req = put(&fixture, "{\"value\":\"1\"}");
    req.fields[PO_API_FIELD_CONTENT_TYPE] = PO_LIT("text/plain");
    check_eq_u64(api_status(&fixture, &req), 415);
    req.fields[PO_API_FIELD_CONTENT_TYPE] = PO_LIT("application/json; charset=utf-16");
    check_eq_u64(api_status(&fixture, &req), 415);
    req.fields[PO_API_FIELD_CONTENT_TYPE] = PO_LIT("application/json; charset=utf-8");
    check_eq_u64(api_status(&fixture, &req), 200);
    req.body = po_str_n(large, 5000);
    check_eq_u64(api_status(&fixture, &req), 413);
    req.body = po_str_n(large, sizeof large - 1);
    check_eq_u64(api_status(&fixture, &req), 413);
    req = api_request(&fixture, API_OWNER, PO_HTTP_DELETE, "/api/v1/me/sessions", "{}");
    check_eq_u64(api_status(&fixture, &req), 400);
    /* text that reads as what it is not */
    static const char *const tricks[] = {"a\xe2\x80\xa8z", "a\xe2\x80\xaez", "a\\u202ez",
                                         "\xe2\x81\xa6z", "a\xc2\x9bz"};
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "{\"value\":\"%s\"}", tricks[i]);
        req = put(&fixture, body);
        check_eq_u64(api_status(&fixture, &req), 400);
    }
}

/* -- values and options -------------------------------------------------------------------------- */

TEST(api__a_value_never_becomes_an_option)
{
    static const struct {
        const char *name;
        const char *body;
        const char *argv;
    } rows[] = {
        {"operand like an option", "{\"value\":\"--home=/tmp/x\"}",
         "[paulyops] [register] [set] [-o] [json] [--] [cost.audit] [--home=/tmp/x]"},
        {"operand like the end of options", "{\"value\":\"--\"}",
         "[paulyops] [register] [set] [-o] [json] [--] [cost.audit] [--]"},
        {"blanks and quotes stay one operand", "{\"value\":\"a ' \\\" ; b\"}",
         "[paulyops] [register] [set] [-o] [json] [--] [cost.audit] [a ' \" ; b]"},
    };
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, note_run);
    TEST_EACH(row, rows)
    {
        const struct po_api_request req = put(&fixture, row->body);
        check_eq_u64(api_status(&fixture, &req), 200);
        check_eq_cstr(last_argv, row->argv);
    }
    const struct po_api_request flag =
        api_request(&fixture, API_OWNER, PO_HTTP_PUT, "/api/v1/flags/company_name",
                    "{\"value\":\"x\",\"reason\":\"--yes --home=/\"}");
    check_eq_u64(api_status(&fixture, &flag), 200);
    check_eq_cstr(last_argv, "[paulyops] [flag] [set] [-o] [json] [--reason=--yes --home=/] [--] "
                             "[company_name] [x]");
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls/-o"), 400);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls/--home=x"), 400);
}

TEST(api__a_value_like_an_option_is_a_value_to_the_command)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO answer = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request set = put(&fixture, "{\"value\":\"--dry-run\"}");
    check_eq_u64(api_status(&fixture, &set), 200);
    const struct po_api_request get =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/register/cost.audit", NULL);
    check_eq_u64(api_ask(&fixture, &get, &answer), 200);
    check_contains(api_body(&answer), "\"value\":\"--dry-run\"");
}

TEST(api__files_of_programs_stay_below_their_directory)
{
    static const char *const bad[] = {
        "../x.script", "/etc/passwd", "a/../b.script", "a//b", ".hidden",   "a/.b",
        "a/",          "-x",          "a\\\\b.script", "a b",  "a\\u0000b", ""};
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    char body[128];
    api_fixture_make(cx, &fixture, note_run);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(body, sizeof body, "{\"file\":\"%s\"}", bad[i]);
        test_row(bad[i]);
        const struct po_api_request req =
            api_request(&fixture, API_OWNER, PO_HTTP_POST, "/api/v1/programs/grants", body);
        check_eq_u64(api_status(&fixture, &req), 400);
    }
    const struct po_api_request req =
        api_request(&fixture, API_OWNER, PO_HTTP_POST, "/api/v1/programs/grants",
                    "{\"file\":\"sub/backup_age.script\"}");
    check_eq_u64(api_status(&fixture, &req), 200);
}

/* -- credentials --------------------------------------------------------------------------------- */

/* @proves CC6.1 */
TEST(api__credentials_never_come_in_a_url)
{
    static const char *const paths[] = {"/api/v1/controls?token=abc",
                                        "/api/v1/controls?access_token=x",
                                        "/api/v1/controls?criterion=pot_abc",
                                        "/api/v1/controls?criterion=pot%5fabc",
                                        "/api/v1/controls/pot_abc",
                                        "/api/v1/me?session_token=1",
                                        "/api/v1/me?password=1",
                                        "/api/v1/nothing?secret=1"};
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, note_run);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        test_row(paths[i]);
        check_eq_u64(api_get(&fixture, API_OWNER, paths[i]), 400);
    }
    check_eq_u64(runs, 0);
}

TEST(api__takes_one_credential_of_one_kind)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    char field[128];
    char cookie[400];
    api_fixture_make(cx, &fixture, note_run);
    api_token_make(cx, &fixture);
    (void)snprintf(field, sizeof field, "Bearer %s", fixture.token);
    struct po_api_request req =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/controls", NULL);
    req.fields[PO_API_FIELD_AUTHORIZATION] = po_str_of(field);
    check_eq_u64(api_status(&fixture, &req), 400); /* both */
    req.fields[PO_API_FIELD_COOKIE] = (po_str){NULL, 0};
    req.fields[PO_API_FIELD_AUTHORIZATION] = PO_LIT("Basic dXNlcjpwYXNz");
    check_eq_u64(api_status(&fixture, &req), 401);
    req.fields[PO_API_FIELD_AUTHORIZATION] = PO_LIT("Bearer ");
    check_eq_u64(api_status(&fixture, &req), 401);
    req.fields[PO_API_FIELD_AUTHORIZATION] = (po_str){NULL, 0};
    (void)snprintf(cookie, sizeof cookie, "a=1; %s; b=2", fixture.people[API_OWNER].cookie);
    req.fields[PO_API_FIELD_COOKIE] = po_str_of(cookie);
    check_eq_u64(api_status(&fixture, &req), 200); /* cookies of others do not matter */
    (void)snprintf(cookie, sizeof cookie, "%s; %s", fixture.people[API_OWNER].cookie,
                   fixture.people[API_FOREIGN].cookie);
    req.fields[PO_API_FIELD_COOKIE] = po_str_of(cookie);
    check_eq_u64(api_status(&fixture, &req), 400); /* ours twice */
    req.fields[PO_API_FIELD_COOKIE] = PO_LIT("paulyops=x");
    check_eq_u64(api_status(&fixture, &req), 401);
}

/* @proves CC6.6 */
TEST(api__changes_by_cookie_come_from_our_own_pages)
{
    static const struct {
        const char *name;
        const char *origin;
        const char *site;
        unsigned status;
    } rows[] = {
        {"both", "https://pauly.example.test", "same-origin", 200},
        {"origin alone", "https://pauly.example.test", NULL, 200},
        {"site alone", NULL, "same-origin", 200},
        {"neither", NULL, NULL, 403},
        {"another host", "https://evil.test", "same-origin", 403},
        {"our name in theirs", "https://pauly.example.test.evil.test", "same-origin", 403},
        {"theirs before ours", "https://evil.test#pauly.example.test", "same-origin", 403},
        {"plain", "http://pauly.example.test", "same-origin", 403},
        {"another port", "https://pauly.example.test:8443", "same-origin", 403},
        {"null", "null", "same-origin", 403},
        {"cross-site", "https://pauly.example.test", "cross-site", 403},
        {"same-site", "https://pauly.example.test", "same-site", 403},
        {"none", "https://pauly.example.test", "none", 403},
    };
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, note_run);
    TEST_EACH(row, rows)
    {
        struct po_api_request req = put(&fixture, "{\"value\":\"1\"}");
        req.fields[PO_API_FIELD_ORIGIN] = po_str_of(row->origin);
        req.fields[PO_API_FIELD_SEC_FETCH_SITE] = po_str_of(row->site);
        check_eq_u64(api_status(&fixture, &req), row->status);
    }
    struct po_api_request form =
        api_request(&fixture, API_OWNER, PO_HTTP_POST, "/api/v1/health/runs", "");
    form.fields[PO_API_FIELD_CONTENT_TYPE] = PO_LIT("application/x-www-form-urlencoded");
    check_eq_u64(api_status(&fixture, &form), 415);
    struct po_api_request login =
        api_request(&fixture, API_NOBODY, PO_HTTP_POST, "/api/v1/auth/sign-in", "{}");
    login.fields[PO_API_FIELD_ORIGIN] = PO_LIT("https://evil.test");
    check_eq_u64(api_status(&fixture, &login), 403);
    struct po_api_request ws =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/stream", NULL);
    ws.wants_websocket = true;
    ws.fields[PO_API_FIELD_ORIGIN] = PO_LIT("https://evil.test");
    check_eq_u64(api_status(&fixture, &ws), 403);
}

TEST(api__tenants_do_not_see_each_other)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO theirs = {0};
    API_ANSWER_AUTO sessions = {0};
    char path[128];
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request set = put(&fixture, "{\"value\":\"secret of tenant 1\"}");
    check_eq_u64(api_status(&fixture, &set), 200);
    const struct po_api_request get =
        api_request(&fixture, API_FOREIGN, PO_HTTP_GET, "/api/v1/register/cost.audit", NULL);
    check_eq_u64(api_ask(&fixture, &get, &theirs), 404);
    (void)snprintf(path, sizeof path, "/api/v1/me/sessions/%s", fixture.people[API_OWNER].session);
    const enum api_role others[] = {API_FOREIGN, API_ADMIN};
    for (size_t i = 0; i < 2; i++) {
        const struct po_api_request end =
            api_request(&fixture, others[i], PO_HTTP_DELETE, path, NULL);
        check_eq_u64(api_status(&fixture, &end), 404);
    }
    const struct po_api_request list =
        api_request(&fixture, API_FOREIGN, PO_HTTP_GET, "/api/v1/me/sessions", NULL);
    check_eq_u64(api_ask(&fixture, &list, &sessions), 200);
    check_that(strstr(api_body(&sessions), fixture.people[API_OWNER].session) == NULL);
    check_contains(api_body(&sessions), fixture.people[API_FOREIGN].session);
}

/* -- a front that lies --------------------------------------------------------------------------- */

TEST(api__a_front_that_lies_gets_no_further_than_a_client)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, note_run);
    static const char *const peers[] = {
        "",          "local",           "127.0.0.1\n", "127.0.0.1:80",
        "010.0.0.1", "1.2.3",           "::1%eth0",    "2001:DB8::1",
        "127.1",     "0:0:0:0:0:0:0:1", "os:0",        "1.2.3.4,5.6.7.8"};
    static const char *const paths[] = {"",
                                        "api/v1/controls",
                                        "/api/v1/controls/../keys",
                                        "/api/v1/./controls",
                                        "/api/v1//controls",
                                        "/api/v1/controls\r\nX: y",
                                        "/api/v1/controls\\..\\keys",
                                        "/api/v1/\xff"};
    const struct po_api_request good =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/controls", NULL);
    check_eq_u64(api_status(&fixture, &good), 200);
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct po_api_request req = good;
        req.peer = po_str_of(peers[i]);
        test_row(peers[i]);
        check_eq_u64(api_status(&fixture, &req), 400);
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct po_api_request req = good;
        req.path = po_str_of(paths[i]);
        test_row(paths[i]);
        check_eq_u64(api_status(&fixture, &req), 400);
    }
    for (size_t i = 0; i < PO_API_FIELD_COUNT; i++) {
        struct po_api_request req = good;
        req.fields[i] = PO_LIT("a\r\nb");
        test_row(po_api_field_name((enum po_api_field)i));
        check_eq_u64(api_status(&fixture, &req), 400);
    }
    struct po_api_request req = good;
    req.listener = PO_API_LISTENER_MANAGEMENT;
    check_eq_u64(api_status(&fixture, &req), 404);
    req = good;
    req.method = (enum po_http_method)77;
    check_eq_u64(api_status(&fixture, &req), 400);
    req = good;
    req.query = PO_LIT("limit=1\n");
    check_eq_u64(api_status(&fixture, &req), 400);
    req = good;
    req.peer = PO_LIT("2001:db8::1");
    check_eq_u64(api_status(&fixture, &req), 200);
    check_eq_u64(runs, 2);
}
