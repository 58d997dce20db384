#include "lib/test.h"
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>

static po_str source_file(struct po_ctx *cx, const char *path)
{
    size_t len = 0;
    char *bytes = test_read_file(test_source_path(path), &len);
    po_str text;
    check_ok_leaf(po_arena_copy(cx->arena, po_str_n(bytes, len), &text));
    free(bytes);
    return text;
}

static void hold_against(const char *path, po_str got)
{
    if (getenv("PO_GOLDEN_UPDATE") != NULL) {
        test_write_file(test_source_path(path), got.ptr, got.len);
        return;
    }
    size_t len = 0;
    char *want = test_read_file(test_source_path(path), &len);
    check_eq_postr(got, po_str_n(want, len));
    free(want);
}

#define SEED1 "tests/golden/claims/seed1/"

TEST(claims__of_the_first_source_system_come_out_not_ready)
{
    TEST_CX(cx);
    struct po_claims claims;
    check_ok(cx, po_claims_compare(cx, source_file(cx, SEED1 "readiness.md"),
                                   source_file(cx, SEED1 "readiness.md.facts.json"), &claims));
    check_that(!claims.is_ready);
    check_contains(claims.why.ptr, "50.8 %");
    check_eq_u64(claims.confirmed, 0);
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_claims_markdown(cx, &claims, &out));
    hold_against(SEED1 "claims.md", po_buf_str(&out));
    po_buf_clear(&out);
    check_ok(cx, po_claims_json(cx, &claims, &out));
    po_buf_append_char(&out, '\n');
    hold_against(SEED1 "claims.json", po_buf_str(&out));
}

/* The lines of controls.md 2.5: what was said, and that the records say otherwise. */
static const struct {
    const char *name;
    const char *claim;
} contradicted[] = {
    {"status", "Status: Ready for SOC 2 Audit"},
    {"score", "Security Score: 85%"},
    {"checks", "12/15 checks passing (80% success rate)"},
    {"logs", "No sensitive data in logs"},
    {"secrets", "No hardcoded secrets in repository"},
    {"ignored", "Git ignore configured to exclude .env files"},
    {"active", "Only 1 active backup maintained (SOC 2 best practice)"},
    {"encrypted", "Backup Security: Encrypted storage and rotation"},
    {"nightly", "Nightly reports: Nightly_Update_Report_YYYY-MM-DD.md"},
    {"modes", "File permissions set to 644 for config files"},
    {"rest", "RESTful endpoints ready for implementation"},
    {"conclusion", "The PaulyOps system is ready for SOC 2 audit with the following strengths:"},
};

TEST(claims__of_the_first_source_system_are_contradicted_line_by_line)
{
    TEST_EACH(row, contradicted)
    {
        TEST_CX(cx);
        struct po_claims claims;
        check_ok(cx, po_claims_compare(cx, source_file(cx, SEED1 "readiness.md"),
                                       source_file(cx, SEED1 "readiness.md.facts.json"), &claims));
        size_t i = 0;
        while (i < claims.count && !po_str_eq_cstr(claims.claims[i].text, row->claim))
            i++;
        check_that(i < claims.count, "no such claim");
        check_eq_cstr(po_claim_verdict_name(claims.claims[i].verdict), "contradicted");
        check_that(claims.claims[i].evidence.len > 0);
    }
}

#define FACT(rest)                                                                                 \
    "{\"v\":1,\"subject\":\"s\",\"facts\":[{\"id\":\"f\",\"source\":\"src\",\"says\":\"it\"," rest \
    "}]}"
#define STATE(holds) FACT("\"about\":[\"user access\"],\"kind\":\"state\",\"holds\":" holds)
#define PERCENT(n)                                                                                 \
    FACT("\"about\":[\"score\",\"ready\"],\"kind\":\"percent\",\"permille\":" n                    \
         ",\"ready_permille\":900")
#define RATIO(list) FACT("\"about\":[\"checks\"],\"kind\":\"ratio\",\"ratios\":" list)
#define COUNT(n) FACT("\"about\":[\"backup\"],\"kind\":\"count\",\"count\":" n ",\"expect\":1")

static const struct {
    const char *name;
    const char *line;
    const char *facts;
    const char *verdict; /* NULL: the line claims nothing */
    bool ready;
} lines[] = {
    {"good fact, positive line", "- ✅ User access is limited", STATE("true"), "confirmed", true},
    {"bad fact, positive line", "- ✅ User access is limited", STATE("false"), "contradicted",
     false},
    {"bad fact, negative line", "- ❌ User access is limited", STATE("false"), "confirmed", false},
    {"good fact, negative line", "- ❌ User access is limited", STATE("true"), "contradicted", true},
    {"open box", "- [ ] User access is limited", STATE("false"), "confirmed", false},
    {"no fact about it", "- ✅ Machine access is limited", STATE("true"), "unproven", true},
    {"words in any case and order", "* **Access** by USERS", STATE("true"), "confirmed", true},
    {"words only at their start", "- enduser accession", STATE("true"), "unproven", true},
    {"equal percentage", "**Score:** 85%", PERCENT("850"), "confirmed", false},
    {"another percentage", "**Score:** 85%", PERCENT("950"), "contradicted", true},
    {"tenths", "**Score:** 50.8 %", PERCENT("508"), "confirmed", false},
    {"of a hundred", "Score: 85/100", PERCENT("850"), NULL, false},
    {"of a hundred as pair", "**Score**: 85/100", PERCENT("850"), "confirmed", false},
    {"status against threshold", "**Status:** Ready", PERCENT("899"), "contradicted", false},
    {"status at threshold", "**Status:** Ready", PERCENT("900"), "confirmed", true},
    {"ratio recorded", "- 12/15 checks passing (80%)", RATIO("[[12,15]]"), "confirmed", false},
    {"ratio not recorded", "- 12/15 checks passing (80%)", RATIO("[[11,15],[15,15]]"),
     "contradicted", false},
    {"whole ratio", "- 15/15 checks passing", RATIO("[[15,15]]"), "confirmed", true},
    {"no ratio in the line", "- checks passing", RATIO("[[14,15]]"), "contradicted", false},
    {"count", "- Only 1 active backup", COUNT("1"), "confirmed", true},
    {"another count", "- Only 1 active backup", COUNT("2"), "contradicted", false},
    {"count not in the line", "- backup is kept", COUNT("2"), "contradicted", false},
    {"plan", "## 🔄 Plans\n- User access", STATE("true"), NULL, true},
    {"roadmap", "## Roadmap\n1. User access", STATE("true"), NULL, true},
    {"marked in a plan", "## Roadmap\n1. ✅ User access", STATE("true"), "confirmed", true},
    {"code", "```\n- User access\n```", STATE("true"), NULL, true},
    {"prose", "User access is limited.", STATE("true"), NULL, true},
    {"date", "**Generated:** 2025-08-14", STATE("true"), NULL, true},
    {"heading", "### ✅ User access", STATE("true"), NULL, true},
    {"table row", "| Metric | Now |\n|---|---|\n| **Score** | 85% |", PERCENT("850"), "confirmed",
     false},
    {"table header", "| Score | Target |\n|---|---|\n", PERCENT("850"), NULL, false},
    {"empty row", "| A | B |\n|---|---|\n| Score | |", PERCENT("850"), NULL, false},
    {"bad row", "| A | B |\n|---|---|\n| User access | ✓ | 🔴 Missing |", STATE("false"),
     "confirmed", false},
    {"nothing recorded", "- ✅ User access", "{\"v\":1,\"subject\":\"s\",\"facts\":[]}", "unproven",
     false},
};

TEST(claims__are_judged_line_by_line)
{
    TEST_EACH(row, lines)
    {
        TEST_CX(cx);
        struct po_claims claims;
        check_ok(cx, po_claims_compare(cx, po_str_of(row->line), po_str_of(row->facts), &claims));
        check_eq_u64(claims.count, row->verdict == NULL ? 0 : 1);
        if (row->verdict != NULL)
            check_eq_cstr(po_claim_verdict_name(claims.claims[0].verdict), row->verdict);
        check_eq_int(claims.is_ready, row->ready);
        check_that(claims.is_ready == (claims.why.len == 0));
    }
}

TEST(claims__one_contradiction_outweighs_confirmations)
{
    static const char facts[] =
        "{\"v\":1,\"subject\":\"s\",\"facts\":["
        "{\"id\":\"a\",\"source\":\"x\",\"says\":\"yes\",\"about\":[\"logs\"],\"kind\":\"state\","
        "\"holds\":true},"
        "{\"id\":\"b\",\"source\":\"y\",\"says\":\"no\",\"about\":[\"logs\"],\"kind\":\"state\","
        "\"holds\":false}]}";
    TEST_CX(cx);
    struct po_claims claims;
    check_ok(cx,
             po_claims_compare(cx, PO_LIT("# A\n\n- logs are clean\n"), po_str_of(facts), &claims));
    check_eq_u64(claims.contradicted, 1);
    check_eq_str(claims.claims[0].evidence, "y: no");
    check_eq_str(claims.claims[0].section, "A");
    check_eq_u64(claims.claims[0].line, 3);
    check_eq_str(claims.why, "y: no");
}

static const struct {
    const char *name;
    const char *facts;
    const char *message;
    enum po_code code;
} bad_facts[] = {
    {"no JSON", "facts", "reading the facts", PO_INVALID},
    {"no object", "[]", "not an object", PO_INVALID},
    {"another version", "{\"v\":2,\"subject\":\"s\",\"facts\":[]}", "not of version 1", PO_INVALID},
    {"no subject", "{\"v\":1,\"facts\":[]}", "subject", PO_INVALID},
    {"unknown member", "{\"v\":1,\"subject\":\"s\",\"facts\":[],\"ready\":true}",
     "unknown member 'ready'", PO_INVALID},
    {"unknown kind", FACT("\"about\":[\"x\"],\"kind\":\"hope\""), "unknown kind 'hope'",
     PO_INVALID},
    {"unknown member of a fact",
     FACT("\"about\":[\"x\"],\"kind\":\"state\",\"holds\":true,\"x\":1"),
     "fact 'f' has an unknown member 'x'", PO_INVALID},
    {"about nothing", FACT("\"about\":[],\"kind\":\"state\",\"holds\":true"), "'about' has not",
     PO_INVALID},
    {"about blanks", FACT("\"about\":[\" \"],\"kind\":\"state\",\"holds\":true"),
     "'about' holds no words", PO_INVALID},
    {"state without holds", FACT("\"about\":[\"x\"],\"kind\":\"state\""),
     "'holds' is not true or false", PO_INVALID},
    {"more than all", PERCENT("1001"), "not in 0..1000", PO_INVALID},
    {"percent without threshold", FACT("\"about\":[\"x\"],\"kind\":\"percent\",\"permille\":1"),
     "ready_permille", PO_INVALID},
    {"ratio of none", RATIO("[[0,0]]"), "not [passing, total]", PO_INVALID},
    {"ratio above one", RATIO("[[3,2]]"), "not [passing, total]", PO_INVALID},
    {"ratio of texts", RATIO("[[\"1\",2]]"), "not [passing, total]", PO_INVALID},
    {"no ratios", RATIO("[]"), "'ratios' has not", PO_INVALID},
    {"count without expectation", FACT("\"about\":[\"x\"],\"kind\":\"count\",\"count\":1"),
     "expect", PO_INVALID},
    {"a fact twice",
     "{\"v\":1,\"subject\":\"s\",\"facts\":[{\"id\":\"f\",\"source\":\"x\",\"says\":\"y\","
     "\"about\":[\"x\"],\"kind\":\"state\",\"holds\":true},{\"id\":\"f\",\"source\":\"x\","
     "\"says\":\"y\",\"about\":[\"x\"],\"kind\":\"state\",\"holds\":true}]}",
     "fact 'f' occurs twice", PO_INVALID},
};

TEST(claims__refuse_facts_that_break_their_format)
{
    TEST_EACH(row, bad_facts)
    {
        TEST_CX(cx);
        struct po_claims claims;
        check_fails(cx, po_claims_compare(cx, PO_LIT("- x"), po_str_of(row->facts), &claims),
                    row->code);
        check_contains(po_err_msg(cx), row->message);
    }
}

TEST(claims__refuse_a_text_beyond_their_limits)
{
    TEST_CX(cx);
    struct po_claims claims;
    const po_str none = PO_LIT("{\"v\":1,\"subject\":\"s\",\"facts\":[]}");
    PO_BUF_AUTO text;
    po_buf_init(&text, PO_CLAIMS_BYTES_MAX + 64);
    for (size_t i = 0; i < PO_CLAIMS_MAX + 1; i++)
        po_buf_append(&text, PO_LIT("- a claim\n"));
    check_fails(cx, po_claims_compare(cx, po_buf_str(&text), none, &claims), PO_LIMIT);
    po_buf_clear(&text);
    po_buf_append(&text, PO_LIT("- "));
    po_buf_append_zeros(&text, 3000);
    memset(text.ptr + 2, 'x', 3000);
    check_fails(cx, po_claims_compare(cx, po_buf_str(&text), none, &claims), PO_LIMIT);
    check_contains(po_err_msg(cx), "line 1 of the text is longer");
    po_buf_clear(&text);
    po_buf_append_zeros(&text, PO_CLAIMS_BYTES_MAX + 1);
    check_fails(cx, po_claims_compare(cx, po_buf_str(&text), none, &claims), PO_LIMIT);
    check_fails(cx, po_claims_compare(cx, PO_LIT("- \xff"), none, &claims), PO_INVALID);
    check_contains(po_err_msg(cx), "not UTF-8 at byte 2");
}

TEST(claims__refuse_facts_beyond_their_limits)
{
    TEST_CX(cx);
    struct po_claims claims;
    PO_BUF_AUTO facts;
    po_buf_init(&facts, PO_CLAIMS_BYTES_MAX + 64);
    po_buf_append(&facts, PO_LIT("{\"v\":1,\"subject\":\"s\",\"facts\":["));
    for (size_t i = 0; i < 513; i++)
        po_buf_printf(&facts, "%s{\"id\":\"f%zu\"}", i > 0 ? "," : "", i);
    po_buf_append(&facts, PO_LIT("]}"));
    check_fails(cx, po_claims_compare(cx, PO_LIT("- x"), po_buf_str(&facts), &claims), PO_LIMIT);
    check_contains(po_err_msg(cx), "more than 512 facts");
    po_buf_clear(&facts);
    po_buf_append_zeros(&facts, PO_CLAIMS_BYTES_MAX + 1);
    check_fails(cx, po_claims_compare(cx, PO_LIT("- x"), po_buf_str(&facts), &claims), PO_LIMIT);
    check_contains(po_err_msg(cx), "the facts are larger");
}

TEST(claims_markdown__keeps_a_hostile_line_in_its_cell)
{
    TEST_CX(cx);
    struct po_claims claims;
    check_ok(cx, po_claims_compare(cx, PO_LIT("- a | b <script> \\ c\n"),
                                   PO_LIT("{\"v\":1,\"subject\":\"s\",\"facts\":[]}"), &claims));
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    check_ok(cx, po_claims_markdown(cx, &claims, &out));
    check_contains(out.ptr, "a \\| b \\<script\\> \\\\ c");
}

TEST_FAULTS(claims__fail_cleanly_without_memory)
{
    TEST_CX(cx);
    struct po_claims claims;
    if (!test_survived(
            po_claims_compare(cx, PO_LIT("- ✅ user access\n"), PO_LIT(STATE("false")), &claims)))
        return;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    if (!test_survived(po_claims_markdown(cx, &claims, &out))) return;
    if (!test_survived(po_claims_json(cx, &claims, &out))) return;
    test_faults_off();
    check_eq_u64(claims.contradicted, 1);
}
