/*
 * What the instance answers to programs, and what they add.
 */
#include "grant/grant.h"
#include "store/store.h"
#include "unit/home/home_fixture.h"

#include <stdio.h>

static const char text[] = "@check(id = \"s\")\nfn s() -> int { 1 }\n";

struct desk {
    struct po_home *home;
    struct po_program program;
    struct po_services services;
};

static void desk_done(struct desk *desk)
{
    po_program_done(&desk->program);
    po_home_abandonp(&desk->home);
}

static void desk_make(struct po_ctx *cx, struct desk *desk)
{
    static struct po_script_diags diags;
    const struct po_bundle_text file = {PO_LIT("x.script"), po_str_of(text)};
    struct po_bundle *bundle = NULL;
    home_make(cx);
    desk->home = home_open(cx, PO_HOME_READ_WRITE);
    check_ok(cx, po_bundle_open_texts(cx, PO_LIT("t"), &file, 1, &bundle));
    check_ok(cx, po_program_load(cx, bundle, file.path, PO_LIT("s"), &diags, &desk->program));
    check_ok(cx, po_services_init(cx, desk->home, &desk->program, &desk->services));
}
#define DESK PO_CLEANUP(desk_done) struct desk

/* The answer, or "code: message". */
static const char *ask(struct po_ctx *cx, struct desk *desk, const char *module, const char *name,
                       const char *args)
{
    struct po_json *json = NULL;
    PO_BUF_AUTO out;
    po_buf_init(&out, 1 << 20);
    check_ok(cx, po_json_parse(cx, po_str_of(args), PO_JSON_ALLOW_REAL, &json));
    const struct po_program_request request = {po_str_of(module), po_str_of(name), json};
    po_rc rc = desk->services.door.call(desk->services.door.user, cx, &request, &out);
    const char *said =
        po_is_ok(rc) ? po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(po_buf_str(&out)))
                     : po_arena_printf(cx->arena, "%s: %s", po_code_name(rc.code), po_err_msg(cx));
    po_err_clear(cx);
    check_that(said != NULL);
    return said;
}

TEST(services__read_flags_and_the_register)
{
    TEST_CX(cx);
    DESK desk = {0};
    uint64_t id = 0;
    desk_make(cx, &desk);
    check_eq_cstr(ask(cx, &desk, "host/flags", "get", "[\"doctor_enabled\"]"), "true");
    check_eq_cstr(ask(cx, &desk, "host/flags", "get", "[\"no_such_flag\"]"), "null");
    check_contains(ask(cx, &desk, "host/flags", "get", "[1]"), "invalid: argument 1");
    check_contains(ask(cx, &desk, "host/flags", "get", "[]"), "invalid: argument 1");
    check_eq_cstr(ask(cx, &desk, "host/store", "query", "[\"register\",{\"limit\":9}]"), "[]");
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(desk.home), &tx));
    check_ok(cx, po_store_register_set(cx, tx, PO_LIT("cost"), PO_LIT("7"), &id));
    const struct po_event event = home_event();
    check_ok(cx, po_home_commit(cx, desk.home, tx, &event));
    check_eq_cstr(ask(cx, &desk, "host/store", "query", "[\"register\",{\"limit\":9}]"),
                  "[{\"name\":\"cost\",\"set_at\":1767323045,\"value\":\"7\"}]");
    check_eq_cstr(ask(cx, &desk, "host/store", "query", "[\"register\",{\"limit\":0}]"), "[]");
    check_eq_cstr(ask(cx, &desk, "host/store", "count", "[\"register\",\"\"]"), "1");
    check_contains(ask(cx, &desk, "host/store", "query", "[\"users\",{\"limit\":9}]"),
                   "notfound: there is no query 'users'");
}

TEST(services__say_what_they_do_not_have)
{
    TEST_CX(cx);
    DESK desk = {0};
    desk_make(cx, &desk);
    check_contains(ask(cx, &desk, "host/store", "users", "[]"), "unavailable: host/store.users");
    check_contains(ask(cx, &desk, "host/secret", "get", "[\"x\"]"), "unavailable");
    check_contains(ask(cx, &desk, "host/flags", "set", "[\"x\",1]"), "unavailable");
    check_eq_cstr(ask(cx, &desk, "host/env", "get", "[\"LD_PRELOAD\"]"), "null");
}

TEST(services__keep_what_a_program_adds_for_its_record)
{
    TEST_CX(cx);
    DESK desk = {0};
    desk_make(cx, &desk);
    const char *id =
        ask(cx, &desk, "host/audit", "emit", "[\"repair\",\"dir:logs\",\"create\",\"success\"]");
    check_eq_u64(strlen(id), 38); /* a UUID in quotes */
    (void)ask(cx, &desk, "host/evidence", "add", "[\"e1\",{\"b\":1,\"a\":[2]}]");
    check_eq_u64(desk.services.event_count, 2);
    const struct po_event *emitted = &desk.services.events[0];
    check_eq_int(emitted->type, PO_EVENT_TYPE_PROGRAM_EMITTED);
    check_eq_str(emitted->resource, "dir:logs");
    check_eq_str(emitted->detail, "{\"event_type\":\"repair\",\"program\":\"program:x.script#s\"}");
    const struct po_event *added = &desk.services.events[1];
    check_eq_str(added->resource, "evidence:e1");
    check_eq_str(
        added->detail,
        "{\"id\":\"e1\",\"program\":\"program:x.script#s\",\"value\":{\"a\":[2],\"b\":1}}");
    static const char *const bad[] = {"[]", "[\"\",\"r\",\"a\",\"success\"]",
                                      "[\"t\",\"r\",\"a\",\"great\"]", "[\"t\",\"r\",\"a\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_contains(ask(cx, &desk, "host/audit", "emit", bad[i]), "invalid");
    check_contains(ask(cx, &desk, "host/evidence", "add", "[\"e1\"]"), "invalid");
    check_contains(ask(cx, &desk, "host/evidence", "add", "[\"e1\",1.5]"), "invalid");
    for (size_t i = 2; i < PO_SERVICES_EVENTS_MAX; i++)
        (void)ask(cx, &desk, "host/evidence", "add", "[\"e\",null]");
    check_contains(ask(cx, &desk, "host/evidence", "add", "[\"e\",null]"), "limit: a run adds");
    struct po_program_result result = {.calls_json = PO_LIT("[]")};
    const struct po_program_job job = {0};
    const struct po_program_ran ran = {&desk.program, &job, &result, &desk.services};
    struct po_event events[PO_RUN_EVENTS_MAX];
    size_t count = 0;
    check_ok(cx, po_program_run_events(cx, &ran, events, &count));
    check_eq_u64(count, PO_SERVICES_EVENTS_MAX + 1);
    check_ok(cx, po_program_record(cx, desk.home, &ran));
}

TEST(services__find_events_by_time_and_type)
{
    TEST_CX(cx);
    DESK desk = {0};
    desk_make(cx, &desk);
    po_clock_fake_advance(test_clock(), PO_US_PER_HOUR);
    const struct po_event event = home_event();
    check_ok(cx, po_home_record(cx, desk.home, &event));
    check_ok(cx, po_home_flush(cx, desk.home));
    static const struct {
        const char *name;
        const char *args;
        const char *found; /* contains; NULL: an empty list */
    } rows[] = {
        {"by type", "[{\"since\":0,\"until\":0,\"event_type\":\"data.read\"}]",
         "[{\"action\":\"read\",\"event_type\":\"data.read\",\"ip_address\":\"\",\"resource\":"
         "\"test:thing\",\"result\":\"success\",\"session_id\":\"run_test\",\"timestamp\":"
         "1767326645,\"user_id\":"},
        {"by prefix", "[{\"since\":0,\"until\":0,\"event_type\":\"data.\"}]", "data.read"},
        {"since", "[{\"since\":1767326645,\"until\":0,\"event_type\":\"\"}]", "data.read"},
        {"too late", "[{\"since\":1767326646,\"until\":0,\"event_type\":\"data.read\"}]", NULL},
        {"until", "[{\"since\":0,\"until\":1767323100,\"event_type\":\"data.read\"}]", NULL},
        {"another", "[{\"since\":0,\"until\":0,\"event_type\":\"no.such\"}]", NULL},
    };
    TEST_EACH(row, rows)
    {
        const char *said = ask(cx, &desk, "host/audit", "query", row->args);
        if (row->found == NULL)
            check_eq_cstr(said, "[]");
        else
            check_contains(said, row->found);
    }
    test_row(NULL);
    check_contains(ask(cx, &desk, "host/audit", "query", "[{}]"), "invalid");
    check_contains(
        ask(cx, &desk, "host/audit", "query", "[{\"since\":-1,\"until\":0,\"event_type\":\"\"}]"),
        "invalid: 'since'");
}
