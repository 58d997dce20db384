#include "lib/test.h"
#include "unit/control/control_fixture.h"

static po_str encoded(struct po_ctx *cx, const struct po_run *run)
{
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_RUN_BYTES_MAX);
    check_ok(cx, po_run_encode(cx, run, &out));
    po_str copy;
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&out), &copy));
    return copy;
}

TEST(run_encode__writes_the_members_of_the_specification)
{
    TEST_CX(cx);
    struct po_run run = full_run();
    check_eq_str(
        encoded(cx, &run),
        "{\"catalog_sha256\":\"cd02000000000000000000000000000000000000000000000000000000000000\","
        "\"check\":\"home/modes\",\"clause\":\"AAA-01.2\",\"control\":\"AAA-01\",\"cost_us\":7,"
        "\"deviations\":[{\"fact\":\"mode=0644 \\\"quoted\\\"\",\"subject\":\"file:config/.env\"},"
        "{\"fact\":\"größer\",\"subject\":\"file:data/x\"}],\"deviations_total\":2,"
        "\"engine\":\"0.1.0\",\"facts\":[{\"name\":\"home.tree\","
        "\"read_at\":\"2026-01-02T03:04:04.999995Z\","
        "\"sha256\":\"0102030000000000000000000000000000000000000000000000000000000000\"},"
        "{\"name\":\"machine.clock\",\"read_at\":\"2026-01-02T03:04:04.999996Z\","
        "\"sha256\":\"0400000000000000000000000000000000000000000000000000000000000000\"}],"
        "\"finished\":\"2026-01-02T03:04:04.999997Z\",\"kind\":\"run\",\"passing\":3,"
        "\"population_sha256\":"
        "\"0700000000000000000000000000000000000000000000000000000000000000\","
        "\"program_sha256\":\"ab01000000000000000000000000000000000000000000000000000000000000\","
        "\"reason\":\"2 of 5 files are too open\",\"run_id\":\"run_1\","
        "\"started\":\"2026-01-02T03:04:04.999990Z\",\"state\":\"fail\",\"total\":5,\"v\":1}");
}

TEST(run_encode__is_canonical)
{
    TEST_CX(cx);
    struct po_run run = full_run();
    po_str json = encoded(cx, &run);
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, json, PO_JSON_STRICT, &root));
    PO_BUF_AUTO canonical;
    po_buf_init(&canonical, PO_RUN_BYTES_MAX);
    check_ok(cx, po_json_canonical(cx, root, &canonical));
    check_eq_postr(json, po_buf_str(&canonical));
}

TEST(run_decode__gives_back_what_was_encoded)
{
    static const enum po_run_state states[] = {PO_RUN_PASS, PO_RUN_FAIL, PO_RUN_ERROR,
                                               PO_RUN_SKIPPED, PO_RUN_UNTESTED};
    for (size_t i = 0; i < 5; i++) {
        TEST_CX(cx);
        struct po_run run = full_run();
        run.state = states[i];
        if (run.state == PO_RUN_PASS) {
            run.passing = run.total;
            run.reason = PO_LIT("");
            run.deviation_count = 0;
            run.deviations_total = 0;
            memset(run.population_digest, 0, sizeof run.population_digest);
        }
        po_str json = encoded(cx, &run);
        struct po_run back;
        check_ok(cx, po_run_decode(cx, json, &back));
        check_eq_int(back.state, run.state);
        check_eq_postr(encoded(cx, &back), json);
        check_eq_int(back.started_us, run.started_us);
        check_eq_mem(back.population_digest, run.population_digest, 32);
    }
}

enum wrong {
    EMPTY_PASS,
    PARTIAL_PASS,
    PASS_WITH_DEVIATIONS,
    FULL_FAIL,
    NEGATIVE,
    NO_REASON,
    FOREIGN_CLAUSE,
    NO_CHECK,
    NO_SUBJECT,
    TWO_LINES,
    BAD_UTF8,
    BACKWARDS,
    FEW_COUNTED,
    FACT_TWICE,
    LONG_REASON,
    LARGE_TOTAL,
    LISTS_TOO_MUCH
};
static const struct {
    const char *name;
    enum wrong what;
    enum po_code code;
    const char *message;
} wrongs[] = {
    {"0 of 0 passes", EMPTY_PASS, PO_INVALID, "'pass' with 0 of 0"},
    {"part passes", PARTIAL_PASS, PO_INVALID, "'pass' with 3 of 5"},
    {"passes with deviations", PASS_WITH_DEVIATIONS, PO_INVALID, "passes with deviations"},
    {"all fails", FULL_FAIL, PO_INVALID, "'fail' with 5 of 5"},
    {"negative", NEGATIVE, PO_INVALID, "'fail' with -1 of 5"},
    {"no reason", NO_REASON, PO_INVALID, "gives no reason"},
    {"clause of another control", FOREIGN_CLAUSE, PO_INVALID, "is none of control 'AAA-02'"},
    {"no check", NO_CHECK, PO_INVALID, "has no 'check'"},
    {"no subject", NO_SUBJECT, PO_INVALID, "has no 'subject'"},
    {"two lines", TWO_LINES, PO_INVALID, "'reason' is not one line"},
    {"no UTF-8", BAD_UTF8, PO_INVALID, "'reason' is not UTF-8"},
    {"ends before it starts", BACKWARDS, PO_INVALID, "ends before it starts"},
    {"lists more than it counts", FEW_COUNTED, PO_INVALID, "lists more deviations"},
    {"a fact twice", FACT_TWICE, PO_INVALID, "names fact 'home.tree' twice"},
    {"long reason", LONG_REASON, PO_LIMIT, "'reason' is longer than"},
    {"large total", LARGE_TOTAL, PO_LIMIT, "counts too much"},
    {"many deviations", LISTS_TOO_MUCH, PO_LIMIT, "counts too much"},
};

static char long_reason[PO_RUN_REASON_BYTES_MAX + 1];
static struct po_run_fact twice[2];
static struct po_run_deviation many[PO_RUN_DEVIATIONS_MAX + 1];

static void make_wrong_lists(struct po_run *run, enum wrong what)
{
    static const struct po_run_deviation nobody[] = {{PO_LIT(""), PO_LIT("x")}};
    if (what == NO_SUBJECT) {
        run->deviations = nobody;
        run->deviation_count = 1;
    } else if (what == FACT_TWICE) {
        twice[0] = twice[1] = run->facts[0];
        run->facts = twice;
    } else if (what == LISTS_TOO_MUCH) {
        for (size_t i = 0; i < PO_RUN_DEVIATIONS_MAX + 1; i++)
            many[i] = run->deviations[0];
        run->deviations = many;
        run->deviation_count = PO_RUN_DEVIATIONS_MAX + 1;
        run->deviations_total = PO_RUN_DEVIATIONS_MAX + 1;
    }
}

static void make_wrong(struct po_run *run, enum wrong what)
{
    memset(long_reason, 'x', sizeof long_reason);
    switch (what) {
    case EMPTY_PASS:
        run->state = PO_RUN_PASS;
        run->passing = run->total = 0;
        break;
    case PARTIAL_PASS: run->state = PO_RUN_PASS; break;
    case PASS_WITH_DEVIATIONS:
        run->state = PO_RUN_PASS;
        run->passing = run->total;
        break;
    case FULL_FAIL: run->passing = run->total; break;
    case NEGATIVE: run->passing = -1; break;
    case NO_REASON: run->reason = PO_LIT(""); break;
    case FOREIGN_CLAUSE: run->control = PO_LIT("AAA-02"); break;
    case NO_CHECK: run->check = PO_LIT(""); break;
    case TWO_LINES: run->reason = PO_LIT("a\nb"); break;
    case BAD_UTF8: run->reason = PO_LIT("a\xff"); break;
    case BACKWARDS: run->finished_us = run->started_us - 1; break;
    case FEW_COUNTED: run->deviations_total = 1; break;
    case LONG_REASON: run->reason = po_str_n(long_reason, sizeof long_reason); break;
    case LARGE_TOTAL: run->total = PO_RUN_COUNT_MAX + 1; break;
    case NO_SUBJECT:
    case FACT_TWICE:
    case LISTS_TOO_MUCH: make_wrong_lists(run, what); break;
    }
}

TEST(run_encode__refuses_a_record_that_breaks_a_rule)
{
    TEST_EACH(row, wrongs)
    {
        TEST_CX(cx);
        struct po_run run = full_run();
        make_wrong(&run, row->what);
        PO_BUF_AUTO out;
        po_buf_init(&out, PO_RUN_BYTES_MAX);
        check_fails(cx, po_run_encode(cx, &run, &out), row->code);
        check_contains(po_err_msg(cx), row->message);
        check_eq_u64(out.len, 0);
    }
}

static const struct {
    const char *name;
    const char *from;
    const char *to;
    const char *message;
} bad_json[] = {
    {"another kind", "\"kind\":\"run\"", "\"kind\":\"report\"", "no run record of version 1"},
    {"another version", "\"v\":1", "\"v\":2", "no run record of version 1"},
    {"unknown state", "\"state\":\"fail\"", "\"state\":\"good\"", "unknown state 'good'"},
    {"unknown member", "\"v\":1", "\"v\":1,\"x\":1", "unknown member 'x'"},
    {"missing member", "\"check\":\"home/modes\",", "", "has no member 'check'"},
    {"short digest", "\"sha256\":\"01", "\"sha256\":\"", "'sha256' is no SHA-256 digest"},
    {"upper-case digest", "\"catalog_sha256\":\"cd", "\"catalog_sha256\":\"CD", "not lower-case"},
    {"time without zone", "04.999997Z", "04.999997", "'finished' is no UTC time"},
    {"count as text", "\"passing\":3", "\"passing\":\"3\"", "passing"},
    {"pass of a part", "\"state\":\"fail\"", "\"state\":\"pass\"", "'pass' with 3 of 5"},
    {"deviation with another member", "\"fact\":\"größer\"", "\"what\":\"größer\"",
     "unknown member 'what'"},
};

TEST(run_decode__refuses_what_the_encoder_would_not_write)
{
    TEST_EACH(row, bad_json)
    {
        TEST_CX(cx);
        struct po_run run = full_run();
        po_str json = encoded(cx, &run);
        size_t at = po_str_find(json, po_str_of(row->from), 0);
        check_that(at != SIZE_MAX);
        PO_BUF_AUTO bad;
        po_buf_init(&bad, PO_RUN_BYTES_MAX);
        po_buf_append(&bad, po_str_slice(json, 0, at));
        po_buf_append_cstr(&bad, row->to);
        po_buf_append(&bad, po_str_slice(json, at + strlen(row->from), json.len));
        struct po_run back;
        check_fails(cx, po_run_decode(cx, po_buf_str(&bad), &back), PO_INVALID);
        check_contains(po_err_msg(cx), row->message);
    }
}

TEST(run_encode__refuses_a_record_beyond_its_size)
{
    TEST_CX(cx);
    char text[PO_RUN_TEXT_BYTES_MAX];
    memset(text, 'x', sizeof text);
    struct po_run run = full_run();
    for (size_t i = 0; i < PO_RUN_DEVIATIONS_MAX; i++)
        many[i] =
            (struct po_run_deviation){po_str_n(text, sizeof text), po_str_n(text, sizeof text)};
    run.deviations = many;
    run.deviation_count = PO_RUN_DEVIATIONS_MAX;
    run.deviations_total = PO_RUN_DEVIATIONS_MAX;
    PO_BUF_AUTO out;
    po_buf_init(&out, 1 << 20);
    check_fails(cx, po_run_encode(cx, &run, &out), PO_LIMIT);
    check_contains(po_err_msg(cx), "is larger than");
    struct po_run back;
    check_fails(cx, po_run_decode(cx, po_buf_str(&out), &back), PO_LIMIT);
}

TEST(run_decode__refuses_a_list_beyond_its_limit)
{
    TEST_CX(cx);
    struct po_run run = full_run();
    po_str json = encoded(cx, &run);
    const po_str mark = PO_LIT("\"deviations\":[");
    size_t at = po_str_find(json, mark, 0) + mark.len;
    PO_BUF_AUTO bad;
    po_buf_init(&bad, PO_RUN_BYTES_MAX);
    po_buf_append(&bad, po_str_slice(json, 0, at));
    for (size_t i = 0; i < PO_RUN_DEVIATIONS_MAX; i++)
        po_buf_append(&bad, PO_LIT("{\"fact\":\"f\",\"subject\":\"s\"},"));
    po_buf_append(&bad, po_str_slice(json, at, json.len));
    struct po_run back;
    check_fails(cx, po_run_decode(cx, po_buf_str(&bad), &back), PO_LIMIT);
    check_contains(po_err_msg(cx), "'deviations' has more than 100 entries");
}

TEST(run_validate__knows_only_clauses_of_the_catalog)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    struct po_run run = full_run();
    check_ok(cx, po_run_validate(cx, catalog, &run));
    run.clause = PO_LIT("AAA-01.9");
    check_fails(cx, po_run_validate(cx, catalog, &run), PO_INVALID);
    check_contains(po_err_msg(cx), "unknown clause 'AAA-01.9'");
    run.control = PO_LIT("QQQ-01");
    run.clause = PO_LIT("QQQ-01.1");
    check_fails(cx, po_run_validate(cx, catalog, &run), PO_INVALID);
    check_contains(po_err_msg(cx), "unknown control 'QQQ-01'");
}

TEST_FAULTS(run_decode__fails_cleanly_without_memory)
{
    TEST_CX(cx);
    struct po_run run = full_run();
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_RUN_BYTES_MAX);
    if (!test_survived(po_run_encode(cx, &run, &out))) return;
    struct po_run back;
    if (!test_survived(po_run_decode(cx, po_buf_str(&out), &back))) return;
    test_faults_off();
    check_eq_int(back.total, 5);
}
