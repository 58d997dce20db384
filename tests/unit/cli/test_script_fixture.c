/*
 * Fixtures answer as they say, in their order, and nothing else does.
 */
#include "cli/script_priv.h"
#include "lib/test.h"

static struct po_script_fixtures *read(struct po_ctx *cx, const char *json, const char *name)
{
    struct po_script_fixtures *set = NULL;
    check_ok(cx, po_script_fixtures_read(cx, po_str_of(json), &set));
    check_ok(cx, po_script_fixtures_use(cx, set, po_str_of(name)));
    return set;
}

/* "value", or "kind: message" of an error. */
static const char *ask(struct po_ctx *cx, struct po_script_fixtures *set, const char *module,
                       const char *name, const char *args)
{
    const struct po_script_host_call call = {
        .module = po_str_of(module), .name = po_str_of(name), .args_json = po_str_of(args)};
    PO_BUF_AUTO out;
    const char *kind = "HostError";
    po_buf_init(&out, 4096);
    po_rc rc = po_script_fixtures_call(set, cx, &call, &out, &kind);
    const char *said = po_is_ok(rc)
                           ? po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(po_buf_str(&out)))
                           : po_arena_printf(cx->arena, "%s: %s", kind, po_err_msg(cx));
    po_err_clear(cx);
    check_that(said != NULL);
    return said;
}

static const char json[] =
    "{\"a\": {\"now\": 7, \"facts\": {\"store.check\": {\"x\": [1, 2.5]}}, \"answers\": ["
    "{\"module\": \"fs\", \"name\": \"read\", \"args\": [\"/a\"], \"value\": \"first\"},"
    "{\"module\": \"host/fs\", \"name\": \"read\", \"args\": [\"/a\"], \"value\": \"second\"},"
    "{\"module\": \"fs\", \"name\": \"read\", \"error\": \"gone\"},"
    "{\"module\": \"fs\", \"name\": \"stat\", \"error\": {\"kind\": \"CapabilityDenied\", "
    "\"message\": \"no\"}},"
    "{\"module\": \"store\", \"name\": \"query\", \"args\": [\"q\", {\"b\": 1, \"a\": 2}], "
    "\"value\": []}]}, \"b\": {}}";

TEST(fixture__answers_in_order_and_repeats_the_last)
{
    TEST_CX(cx);
    struct po_script_fixtures *set = read(cx, json, "a");
    check_eq_cstr(ask(cx, set, "host/fs", "read", "[\"/a\"]"), "\"first\"");
    check_eq_cstr(ask(cx, set, "host/fs", "read", "[\"/a\"]"), "\"second\"");
    check_eq_cstr(ask(cx, set, "host/fs", "read", "[\"/b\"]"), "HostError: gone");
    check_eq_cstr(ask(cx, set, "host/fs", "read", "[\"/b\"]"), "HostError: gone");
    check_eq_cstr(ask(cx, set, "host/fs", "stat", "[\"/b\"]"), "CapabilityDenied: no");
    /* chosen again, it begins again */
    check_ok(cx, po_script_fixtures_use(cx, set, PO_LIT("a")));
    check_eq_cstr(ask(cx, set, "host/fs", "read", "[\"/a\"]"), "\"first\"");
}

TEST(fixture__compares_arguments_by_value)
{
    TEST_CX(cx);
    struct po_script_fixtures *set = read(cx, json, "a");
    check_eq_cstr(ask(cx, set, "host/store", "query", "[\"q\",{\"a\":2,\"b\":1}]"), "[]");
    static const char *const others[] = {"[\"q\",{\"a\":2,\"b\":3}]", "[\"q\",{\"a\":2}]",
                                         "[\"q\"]", "[\"p\",{\"a\":2,\"b\":1}]",
                                         "[\"q\",{\"a\":2,\"c\":1}]"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        check_contains(ask(cx, set, "host/store", "query", others[i]), "no answer for");
}

TEST(fixture__gives_facts_and_the_time)
{
    TEST_CX(cx);
    struct po_script_fixtures *set = read(cx, json, "a");
    check_eq_cstr(ask(cx, set, "host/fact", "store_check", "[]"), "{\"x\": [1, 2.5]}");
    check_eq_cstr(ask(cx, set, "host/time", "now", "[]"), "7");
    check_contains(ask(cx, set, "host/fact", "ledger_head", "[]"), "HostError: the fixture has no");
    set = read(cx, json, "b");
    check_contains(ask(cx, set, "host/time", "now", "[]"), "no answer for host/time.now[]");
    set = read(cx, "", "");
    check_contains(ask(cx, set, "host/fact", "store_check", "[]"), "no answer");
    check_fails(cx, po_script_fixtures_use(cx, set, PO_LIT("a")), PO_NOTFOUND);
}

TEST(fixture__refuses_what_it_does_not_know)
{
    TEST_CX(cx);
    static const char *const bad[] = {
        "[]",
        "{\"a\": []}",
        "{\"a\": {\"fact\": {}}}",
        "{\"a\": {\"now\": 1.5}}",
        "{\"a\": {\"facts\": []}}",
        "{\"a\": {\"answers\": {}}}",
        "{\"a\": {\"answers\": [1]}}",
        "{\"a\": {\"answers\": [{\"module\": \"fs\", \"value\": 1}]}}",
        "{\"a\": {\"answers\": [{\"module\": \"fs\", \"name\": \"read\"}]}}",
        "{\"a\": {\"answers\": [{\"module\": \"fs\", \"name\": \"read\", \"value\": 1, \"error\": "
        "\"x\"}]}}",
        "{\"a\": {\"answers\": [{\"module\": \"fs\", \"name\": \"read\", \"args\": 1, \"value\": "
        "1}]}}",
        "{\"a\": {\"answers\": [{\"module\": \"fs\", \"name\": \"read\", \"arg\": [], \"value\": "
        "1}]}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct po_script_fixtures *set = NULL;
        test_row(bad[i]);
        check_fails(cx, po_script_fixtures_read(cx, po_str_of(bad[i]), &set), PO_INVALID);
        po_err_clear(cx);
    }
    test_row(NULL);
}

TEST_FAULTS(fixture__fails_cleanly)
{
    TEST_CX(cx);
    struct po_script_fixtures *set = NULL;
    if (!test_survived(po_script_fixtures_read(cx, po_str_of(json), &set))) return;
    if (!test_survived(po_script_fixtures_use(cx, set, PO_LIT("a")))) return;
    test_faults_off();
    check_eq_cstr(ask(cx, set, "host/time", "now", "[]"), "7");
}
