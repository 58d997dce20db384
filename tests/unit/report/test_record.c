#include "lib/test.h"
#include "report/report.h"
#include "unit/report/report_fixture.h"

static struct po_report_record record_of(struct po_ctx *cx, enum po_report_kind kind)
{
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    struct po_report_record record;
    check_ok(cx, po_report_record_make(cx, catalog, &view, kind, PO_LIT("body"), &record));
    record.generator = PO_LIT("paulyops 0.1.0");
    record.generator_digest[31] = 9;
    return record;
}

TEST(report_record__holds_digests_and_a_position_and_comes_back)
{
    TEST_CX(cx);
    struct po_report_record record = record_of(cx, PO_REPORT_STATUS);
    check_eq_str(record.id, "R-2026-11-21-status-1042");
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_RECORD_BYTES_MAX);
    check_ok(cx, po_report_record_encode(cx, &record, &out));
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, po_buf_str(&out), PO_JSON_STRICT, &root));
    PO_BUF_AUTO canonical;
    po_buf_init(&canonical, PO_REPORT_RECORD_BYTES_MAX);
    check_ok(cx, po_json_canonical(cx, root, &canonical));
    check_eq_postr(po_buf_str(&out), po_buf_str(&canonical));
    struct po_report_record back;
    check_ok(cx, po_report_record_from_json(cx, root, &back));
    PO_BUF_AUTO again;
    po_buf_init(&again, PO_REPORT_RECORD_BYTES_MAX);
    check_ok(cx, po_report_record_encode(cx, &back, &again));
    check_eq_postr(po_buf_str(&again), po_buf_str(&out));
    check_eq_int(back.kind, PO_REPORT_STATUS);
    check_eq_u64(back.size, 1042);
    check_eq_int(back.time_us, record.time_us);
}

TEST(report_record__changes_with_body_kind_and_catalog)
{
    TEST_CX(cx);
    struct po_report_record a = record_of(cx, PO_REPORT_STATUS);
    struct po_report_record b = record_of(cx, PO_REPORT_READINESS);
    check_that(!po_str_eq(po_str_n(a.template_digest, 32), po_str_n(b.template_digest, 32)));
    check_eq_mem(a.body_digest, b.body_digest, 32);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    check_ok(cx, po_report_record_make(cx, catalog, &view, PO_REPORT_STATUS, PO_LIT("other"), &b));
    check_that(!po_str_eq(po_str_n(a.body_digest, 32), po_str_n(b.body_digest, 32)));
    uint8_t layouts[2][32];
    check_ok(cx, po_report_template_digest(cx, PO_REPORT_HEALTH, layouts[0]));
    check_ok(cx, po_report_template_digest(cx, PO_REPORT_NIGHTLY, layouts[1]));
    check_that(!po_str_eq(po_str_n(layouts[0], 32), po_str_n(layouts[1], 32)));
}

static const struct {
    const char *name;
    const char *from;
    const char *to;
    const char *message;
} bad[] = {
    {"another kind", "\"kind\":\"report\"", "\"kind\":\"run\"", "no report record of version 1"},
    {"another version", "\"v\":1", "\"v\":2", "no report record of version 1"},
    {"unknown report", "\"report\":\"status\"", "\"report\":\"weather\"",
     "unknown report 'weather'"},
    {"unknown member", "\"v\":1", "\"v\":1,\"score\":85", "unknown member 'score'"},
    {"missing member", "\"generator\":\"paulyops 0.1.0\",", "", "lacks a member"},
    {"negative size", "\"size\":1042", "\"size\":-1", "'size' is negative"},
    {"bad time", "\"time\":\"2026-11-21T22:00:00.000000Z\"", "\"time\":\"today\"",
     "'time' is no UTC time"},
    {"bad digest", "\"root\":\"01", "\"root\":\"x1", "'root' is no SHA-256 digest"},
};

TEST(report_record__refuses_what_it_would_not_write)
{
    TEST_EACH(row, bad)
    {
        TEST_CX(cx);
        struct po_report_record record = record_of(cx, PO_REPORT_STATUS);
        PO_BUF_AUTO out;
        po_buf_init(&out, PO_REPORT_RECORD_BYTES_MAX);
        check_ok(cx, po_report_record_encode(cx, &record, &out));
        po_str json = po_buf_str(&out);
        size_t at = po_str_find(json, po_str_of(row->from), 0);
        check_that(at != SIZE_MAX);
        PO_BUF_AUTO changed;
        po_buf_init(&changed, PO_REPORT_RECORD_BYTES_MAX);
        po_buf_append(&changed, po_str_slice(json, 0, at));
        po_buf_append_cstr(&changed, row->to);
        po_buf_append(&changed, po_str_slice(json, at + strlen(row->from), json.len));
        struct po_json *root = NULL;
        check_ok(cx, po_json_parse(cx, po_buf_str(&changed), PO_JSON_STRICT, &root));
        check_fails(cx, po_report_record_from_json(cx, root, &record), PO_INVALID);
        check_contains(po_err_msg(cx), row->message);
    }
}

TEST(report_record__refuses_an_id_beyond_its_limit)
{
    TEST_CX(cx);
    char id[PO_REPORT_ID_BYTES_MAX + 1];
    memset(id, 'R', sizeof id);
    struct po_report_record record = record_of(cx, PO_REPORT_STATUS);
    record.id = po_str_n(id, sizeof id);
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_RECORD_BYTES_MAX);
    check_fails(cx, po_report_record_encode(cx, &record, &out), PO_INVALID);
}

TEST(report_kind__names_go_both_ways)
{
    static const enum po_report_kind kinds[] = {PO_REPORT_READINESS, PO_REPORT_STATUS,
                                                PO_REPORT_HEALTH, PO_REPORT_NIGHTLY};
    for (size_t i = 0; i < 4; i++) {
        enum po_report_kind back;
        check_ok_leaf(po_report_kind_parse(po_str_of(po_report_kind_name(kinds[i])), &back));
        check_eq_int(back, kinds[i]);
    }
    enum po_report_kind none;
    check_fails_leaf(po_report_kind_parse(PO_LIT("Status"), &none), PO_NOTFOUND);
}

TEST(report_file_name__is_that_of_the_source_systems)
{
    static const struct {
        const char *name;
        enum po_report_kind kind;
    } rows[] = {{"Readiness_Report_2026-11-21.md", PO_REPORT_READINESS},
                {"Compliance_Status_2026-11-21.md", PO_REPORT_STATUS},
                {"System_Health_Report.md", PO_REPORT_HEALTH},
                {"Nightly_Update_Report_2026-11-21.md", PO_REPORT_NIGHTLY}};
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_view view = fixture_view(cx, fixture_catalog(cx), "all_pass");
        po_str name;
        check_ok(cx, po_report_file_name(cx, &view, row->kind, &name));
        check_eq_str(name, row->name);
    }
}

TEST(nightly__shows_what_changed_since_the_previous_position)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "one_critical_failing");
    struct po_view before = fixture_view(cx, catalog, "seed1_as_recorded");
    view.previous =
        (struct po_view_previous){.is_known = true, .as_of = before.as_of, .states = before.states};
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render(cx, catalog, &view, PO_REPORT_NIGHTLY, &out));
    check_contains(out.ptr, "- GOV-01: pass, was untested\n");
    check_contains(out.ptr, "- and 66 more changed\n");
    check_contains(out.ptr, "| Security | 96/100 | NOT MET | 31/33 | +91 |\n");
}

TEST(report_render__refuses_a_view_beyond_its_limits)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    view.register_count = PO_VIEW_REGISTER_MAX + 1;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_fails(cx, po_report_render(cx, catalog, &view, PO_REPORT_STATUS, &out), PO_LIMIT);
}

TEST(report_text__long_reasons_are_cut_at_a_character)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    char reason[PO_VIEW_TEXT_BYTES_MAX + 8];
    memset(reason, 'a', sizeof reason);
    memcpy(reason + PO_VIEW_TEXT_BYTES_MAX - 2, "€", 3); /* three bytes across the limit */
    struct po_view_health row = {.id = PO_LIT("HC-01"),
                                 .state = PO_VIEW_HEALTH_FAIL,
                                 .reason = po_str_n(reason, sizeof reason),
                                 .checked_us = view.as_of.time_us,
                                 .leaf = 3};
    view.health = &row;
    view.health_count = 1;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render(cx, catalog, &view, PO_REPORT_HEALTH, &out));
    check_contains(out.ptr, "aaa… |\n");
    check_that(po_str_find(po_buf_str(&out), PO_LIT("€"), 0) == SIZE_MAX);
}

TEST(nightly__says_when_nothing_changed)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    view.previous =
        (struct po_view_previous){.is_known = true, .as_of = view.as_of, .states = view.states};
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render(cx, catalog, &view, PO_REPORT_NIGHTLY, &out));
    check_contains(out.ptr, "- no control changed since the last report\n");
    check_contains(out.ptr, "| Privacy | 100/100 | MET | 18/18 | 0 |\n");
}

TEST(health__an_error_is_an_issue_and_ages_are_short)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = fixture_catalog(cx);
    struct po_view view = fixture_view(cx, catalog, "all_pass");
    struct po_view_health rows[] = {{.id = PO_LIT("HC-01"),
                                     .state = PO_VIEW_HEALTH_ERROR,
                                     .reason = PO_LIT("permission denied"),
                                     .checked_us = view.as_of.time_us,
                                     .leaf = 3},
                                    {.id = PO_LIT("HC-02"),
                                     .state = PO_VIEW_HEALTH_PASS,
                                     .checked_us = view.as_of.time_us - 30 * PO_US_PER_HOUR,
                                     .leaf = 4}};
    view.health = rows;
    view.health_count = 2;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_report_render(cx, catalog, &view, PO_REPORT_HEALTH, &out));
    check_contains(out.ptr, "| Intake | ❌ ERROR | permission denied |\n");
    check_contains(out.ptr, "- ❌ **Issues:** 1\n");
    check_contains(out.ptr, "- ⚠️ **Warnings:** 14 (0 skipped, 14 untested)\n");
    check_contains(out.ptr, "| ⏳ UNTESTED | newest success record in the ledger | "
                            "\\<= 26 h old and its digest verifies | 30 h | 4 |\n");
}
