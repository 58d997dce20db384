#include "fixture.h"

#define ID "01940000-0000-7000-8000-000000000001"
#define GOOD                                                                                       \
    "{\"timestamp\":\"2026-01-02T03:04:05.000000Z\",\"event_type\":\"control.tested\","            \
    "\"user_id\":\"os:1000\",\"resource\":\"control:AUD-03\",\"action\":\"test\","                 \
    "\"result\":\"success\",\"ip_address\":\"\",\"session_id\":\"run_test\",\"v\":1,"              \
    "\"event_id\":\"" ID "\",\"tenant\":1,\"severity\":\"info\",\"channel\":\"cli\","              \
    "\"correlation_id\":\"\",\"detail\":{\"a\":1}}"

static void sample(struct po_ctx *cx, struct po_event *event)
{
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000");
    *event = (struct po_event){.type = PO_EVENT_TYPE_CONTROL_TESTED,
                               .resource = PO_LIT("control:AUD-03"),
                               .action = PO_LIT("test"),
                               .result = PO_EVENT_SUCCESS,
                               .detail = PO_LIT("{\"a\":1}")};
    check_ok_leaf(po_uuid_parse(PO_LIT(ID), event->event_id));
}

/* @proves CC7.2 */
TEST(event_write__puts_the_eight_keys_first_and_fills_in_the_rest)
{
    TEST_CX(cx);
    struct po_event event;
    uint8_t id[16];
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    sample(cx, &event);
    check_ok(cx, po_event_write(cx, &event, &out, id));
    check_eq_str(po_buf_str(&out), GOOD);
    check_eq_mem(id, event.event_id, 16);
    check_ok(cx, po_event_validate(cx, po_buf_str(&out)));
}

TEST(event_write__draws_an_id_and_takes_defaults_from_type_and_context)
{
    TEST_CX(cx);
    struct po_event event;
    struct po_event_view view;
    uint8_t id[16];
    char text[PO_UUID_TEXT_BYTES];
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    sample(cx, &event);
    memset(event.event_id, 0, 16);
    event.type = PO_EVENT_TYPE_KEY_RECOVERY_CREATED;
    event.detail = PO_LIT("");
    event.user_id = PO_LIT("user:7");
    event.session_id = PO_LIT("s1");
    event.ip_address = PO_LIT("192.0.2.1");
    event.correlation_id = PO_LIT("c\"1");
    event.time_us = 1234567;
    event.result = PO_EVENT_DENIED;
    cx->tenant = (po_tenant_id){9};
    cx->channel = PO_CHANNEL_TIMER;
    check_ok(cx, po_event_write(cx, &event, &out, id));
    check_ok(cx, po_event_parse(cx, po_buf_str(&out), &view));
    po_uuid_format(id, text);
    check_eq_str(view.event_id, text);
    check_eq_str(view.user_id, "user:7");
    check_eq_str(view.session_id, "s1");
    check_eq_str(view.ip_address, "192.0.2.1");
    check_eq_str(view.correlation_id, "c\"1");
    check_eq_str(view.severity, "warning");
    check_eq_str(view.channel, "timer");
    check_eq_str(view.result, "denied");
    check_eq_str(view.detail, "{}");
    check_eq_str(view.timestamp, "1970-01-01T00:00:01.234567Z");
    check_eq_int(view.time_us, 1234567);
    check_eq_int(view.tenant, 9);
}

static void no_type(struct po_event *e) { e->type = (enum po_event_type)60000; }
static void no_resource(struct po_event *e) { e->resource = PO_LIT(""); }
static void no_action(struct po_event *e) { e->action = PO_LIT(""); }
static void no_result(struct po_event *e) { e->result = (enum po_event_result)0; }
static void bad_result(struct po_event *e) { e->result = (enum po_event_result)5; }
static void bad_detail(struct po_event *e) { e->detail = PO_LIT("{\"a\":"); }
static void array_detail(struct po_event *e) { e->detail = PO_LIT("[1]"); }
static void bad_utf8(struct po_event *e) { e->resource = PO_LIT("a:\xff"); }
static void bad_severity(struct po_event *e) { e->severity = (enum po_event_severity)99; }
static void long_field(struct po_event *e)
{
    static char text[PO_EVENT_FIELD_BYTES_MAX + 1];
    memset(text, 'a', sizeof text);
    e->resource = po_str_n(text, sizeof text);
}
static const struct {
    const char *name;
    void (*spoil)(struct po_event *event);
    enum po_code code;
} refused[] = {
    {"type", no_type, PO_INVALID},          {"resource", no_resource, PO_INVALID},
    {"action", no_action, PO_INVALID},      {"no result", no_result, PO_INVALID},
    {"bad result", bad_result, PO_INVALID}, {"detail", bad_detail, PO_INVALID},
    {"array", array_detail, PO_INVALID},    {"utf-8", bad_utf8, PO_INVALID},
    {"severity", bad_severity, PO_INVALID}, {"long", long_field, PO_LIMIT},
};

TEST(event_write__refuses_what_is_not_an_event_and_appends_nothing)
{
    TEST_EACH(row, refused)
    {
        TEST_CX(cx);
        struct po_event event;
        PO_BUF_AUTO out;
        po_buf_init(&out, PO_EVENT_BYTES_MAX);
        sample(cx, &event);
        row->spoil(&event);
        check_fails(cx, po_event_write(cx, &event, &out, NULL), row->code);
        check_eq_u64(out.len, 0);
    }
}

TEST(event_write__refuses_more_than_the_limit)
{
    TEST_CX(cx);
    struct po_event event;
    PO_BUF_AUTO out;
    PO_BUF_AUTO detail;
    po_buf_init(&out, 2 * PO_EVENT_BYTES_MAX);
    po_buf_init(&detail, 2 * PO_EVENT_BYTES_MAX);
    sample(cx, &event);
    po_buf_append_cstr(&detail, "{\"a\":\"");
    while (detail.len < PO_EVENT_BYTES_MAX - 10)
        po_buf_append_char(&detail, 'a');
    po_buf_append_cstr(&detail, "\"}");
    event.detail = po_buf_str(&detail);
    check_fails(cx, po_event_write(cx, &event, &out, NULL), PO_LIMIT);
    check_eq_u64(out.len, 0);
}

/* Replace `from` by `to` in the good event. */
static const struct {
    const char *name;
    const char *from;
    const char *to;
} bad_bytes[] = {
    {"no json", "{\"timestamp\"", "\"timestamp\""},
    {"array", GOOD, "[]"},
    {"order", "\"action\":\"test\",\"result\":\"success\"",
     "\"result\":\"success\",\"action\":\"test\""},
    {"missing member", "\"ip_address\":\"\",", ""},
    {"one more", "\"detail\"", "\"x\":1,\"detail\""},
    {"other name", "\"user_id\"", "\"userid\""},
    {"type of a member", "\"session_id\":\"run_test\"", "\"session_id\":7"},
    {"empty user", "\"os:1000\"", "\"\""},
    {"empty resource", "\"control:AUD-03\"", "\"\""},
    {"time without decimals", "05.000000Z", "05Z"},
    {"three decimals", "05.000000Z", "05.000Z"},
    {"no time", "2026-01-02T", "2026-13-02T"},
    {"unregistered type", "control.tested", "control.guessed"},
    {"result", "\"success\"", "\"ok\""},
    {"version", "\"v\":1", "\"v\":2"},
    {"version text", "\"v\":1", "\"v\":\"1\""},
    {"uuid version", "-7000-", "-4000-"},
    {"uuid variant", "-8000-", "-c000-"},
    {"uuid case", "01940000", "0194000A"},
    {"tenant", "\"tenant\":1", "\"tenant\":0"},
    {"severity", "\"info\"", "\"fatal\""},
    {"channel", "\"cli\"", "\"web\""},
    {"detail", "{\"a\":1}", "1"},
    {"trailing", "{\"a\":1}}", "{\"a\":1}} x"},
    {"duplicate in detail", "{\"a\":1}", "{\"a\":1,\"a\":2}"},
};

/* @proves CC7.2 */
TEST(event_validate__refuses_every_deviation_from_the_shape)
{
    TEST_EACH(row, bad_bytes)
    {
        TEST_CX(cx);
        const char *at = strstr(GOOD, row->from);
        check_that(at != NULL);
        PO_BUF_AUTO text;
        po_buf_init(&text, 4096);
        po_buf_append(&text, po_str_n(GOOD, (size_t)(at - GOOD)));
        po_buf_append_cstr(&text, row->to);
        po_buf_append_cstr(&text, at + strlen(row->from));
        check_ok(cx, po_event_validate(cx, PO_LIT(GOOD)));
        check_fails(cx, po_event_validate(cx, po_buf_str(&text)), PO_INVALID);
    }
}

TEST(event_validate__refuses_sizes_over_the_limits)
{
    TEST_CX(cx);
    PO_BUF_AUTO text;
    po_buf_init(&text, 4 * PO_EVENT_BYTES_MAX);
    po_buf_append_zeros(&text, PO_EVENT_BYTES_MAX + 1);
    check_fails(cx, po_event_validate(cx, po_buf_str(&text)), PO_LIMIT);
}

TEST(event_types__codes_and_names_are_unique_and_found_both_ways)
{
    size_t count = 0;
    const struct po_event_type_row *rows = po_event_type_table(&count);
    check_that(count > 20);
    for (size_t i = 0; i < count; i++) {
        check_that(po_event_type_find(po_str_of(rows[i].name)) == &rows[i], "%s", rows[i].name);
        check_that(po_event_type_get((uint16_t)rows[i].type) == &rows[i], "%s", rows[i].name);
        check_that(i == 0 || rows[i].type > rows[i - 1].type, "%s", rows[i].name);
        check_that(po_event_class_name(rows[i].class)[0] != '\0');
        check_that(po_event_severity_name(rows[i].severity)[0] != '\0');
    }
    check_that(po_event_type_find(PO_LIT("no.such")) == NULL);
    check_that(po_event_type_get(0) == NULL);
    check_eq_cstr(po_event_result_name(PO_EVENT_ERROR), "error");
    check_eq_cstr(po_event_result_name((enum po_event_result)77), "");
}

TEST_FAULTS(event_prepare__fails_cleanly)
{
    TEST_CX(cx);
    struct po_event event;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    sample(cx, &event);
    if (!test_survived(po_event_write(cx, &event, &out, NULL))) {
        check_eq_u64(out.len, 0);
        return;
    }
    check_eq_str(po_buf_str(&out), GOOD);
}
