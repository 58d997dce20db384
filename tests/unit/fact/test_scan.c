/*
 * The scanner: what it must find, what it must leave alone.
 */
#include "fact/scan_priv.h"
#include "fact_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>

static uint64_t hits_of(enum po_scan_rule rule, const char *text)
{
    struct po_scan scan = {0};
    po_scan_text(&scan, "text", po_str_of(text));
    return scan.counts[rule];
}

static const struct {
    const char *name;
    enum po_scan_rule rule;
    const char *text;
    uint64_t want;
} rows[] = {
    {"pem", PO_SCAN_PRIVATE_KEY, "-----BEGIN RSA PRIVATE KEY-----", 1},
    {"openssh", PO_SCAN_PRIVATE_KEY, "x -----BEGIN OPENSSH PRIVATE KEY-----", 1},
    {"public key", PO_SCAN_PRIVATE_KEY, "-----BEGIN PUBLIC KEY-----", 0},
    {"age", PO_SCAN_PRIVATE_KEY,
     "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ", 1},
    {"aws", PO_SCAN_CLOUD_KEY, "id AKIAIOSFODNN7EXAMPLE.", 1},
    {"aws lower case", PO_SCAN_CLOUD_KEY, "AKIAIOSFODNN7EXAMPLe", 0},
    {"aws inside a word", PO_SCAN_CLOUD_KEY, "xAKIAIOSFODNN7EXAMPLE", 0},
    {"aws too long", PO_SCAN_CLOUD_KEY, "AKIAIOSFODNN7EXAMPLE1", 0},
    {"github", PO_SCAN_CLOUD_KEY, "ghp_0123456789abcdefghijklmnopqrstuvwxyz", 1},
    {"github short", PO_SCAN_CLOUD_KEY, "ghp_0123", 0},
    {"bearer", PO_SCAN_BEARER, "Authorization: Bearer abcdefghijklmnopqrstuv", 1},
    {"bearer of news", PO_SCAN_BEARER, "the bearer of news", 0},
    {"web token", PO_SCAN_BEARER, "t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", 1},
    {"password glued", PO_SCAN_PASSWORD, "password=hunter22", 1},
    {"password upper", PO_SCAN_PASSWORD, "DB_PASSWORD=Sommer2024", 1},
    {"password json", PO_SCAN_PASSWORD, "{\"api_key\": \"a1b2c3d4e5f6\"}", 1},
    {"password prose", PO_SCAN_PASSWORD, "Hardcoded password in config: .env", 0},
    {"password heading", PO_SCAN_PASSWORD, "Password: required", 0},
    {"password placeholder", PO_SCAN_PASSWORD, "password=<from-the-vault>", 0},
    {"password redacted", PO_SCAN_PASSWORD, "password=redacted", 0},
    {"password variable", PO_SCAN_PASSWORD, "password=${DB_PASSWORD}", 0},
    {"token count", PO_SCAN_PASSWORD, "tokens: 12", 0},
    {"url password", PO_SCAN_URL_PASSWORD, "https://bob:s3cret@host/x", 1},
    {"url user", PO_SCAN_URL_PASSWORD, "ssh://git@host/x", 0},
    {"url port", PO_SCAN_URL_PASSWORD, "http://host:8000/a@b", 0},
    {"email", PO_SCAN_EMAIL, "mail jane.doe@example.org now", 1},
    {"email full stop", PO_SCAN_EMAIL, "write to jane@example.org.", 1},
    {"unit", PO_SCAN_EMAIL, "user@1000.service", 0},
    {"version", PO_SCAN_EMAIL, "package@1.2.3", 0},
    {"proof header", PO_SCAN_EMAIL, "c2sp.org/tlog-proof@v1", 0},
    {"handle", PO_SCAN_EMAIL, "@example.org", 0},
    {"card", PO_SCAN_CARD, "4111 1111 1111 1111", 1},
    {"card dashes", PO_SCAN_CARD, "pay 4111-1111-1111-1111.", 1},
    {"card bad sum", PO_SCAN_CARD, "4111 1111 1111 1112", 0},
    {"microseconds", PO_SCAN_CARD, "1795300000123456", 0},
    {"card in a digest", PO_SCAN_CARD, "a4111111111111111f", 0},
};

TEST(scan_rules__find_secrets_and_leave_prose_alone)
{
    TEST_EACH(row, rows) check_eq_u64(hits_of(row->rule, row->text), row->want);
}

/* A line with nothing secret matches no rule at all. */
TEST(scan_rules__pass_over_ordinary_log_lines)
{
    static const char text[] =
        "2026-11-21T22:00:00Z run_0123456789abcdef health.checked HC-06 pass 15 of 15\n"
        "root 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
        "backup rotated: Backups/archive/set-2026-11-20 (12 files, 4096 bytes)\n";
    struct po_scan scan = {0};
    po_scan_text(&scan, "log", po_str_of(text));
    check_eq_u64(po_scan_total(&scan), 0);
}

TEST(scan_file__names_line_and_rule_but_not_the_text)
{
    TEST_CX(cx);
    fixture_file("log", "one\ntwo password=hunter2222\n\nfour jane@example.org\n");
    struct po_scan scan = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    check_ok(cx, po_scan_file(cx, &scan, test_tmp("log"), "log", &state));
    check_eq_int(state, PO_FACT_FILE_OK);
    check_eq_u64(scan.hit_count, 2);
    check_eq_int(scan.hits[0].rule, PO_SCAN_PASSWORD);
    check_eq_u64(scan.hits[0].line, 2);
    check_eq_u64(scan.hits[1].line, 4);
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 65536);
    struct po_json_out out = {0};
    po_json_out_init(&out, &buf, 0);
    po_json_out_object(&out);
    po_scan_put(&out, &scan);
    po_json_out_object_end(&out);
    check_that(strstr(buf.ptr, "hunter") == NULL && strstr(buf.ptr, "jane") == NULL);
}

TEST(scan_file__sees_a_secret_after_a_line_longer_than_the_buffer)
{
    TEST_CX(cx);
    size_t len = 3 * PO_FACT_LINE_BYTES_MAX;
    char *text = calloc(1, len + 64);
    check_that(text != NULL);
    memset(text, 'x', len);
    memcpy(text + len, "\npassword=hunter2222\n", 22);
    fixture_bytes("log", text, len + 21);
    free(text);
    struct po_scan scan = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    check_ok(cx, po_scan_file(cx, &scan, test_tmp("log"), "log", &state));
    check_eq_u64(scan.counts[PO_SCAN_PASSWORD], 1);
}

TEST(scan_file__answers_absent_and_other_kinds_without_failing)
{
    TEST_CX(cx);
    struct po_scan scan = {0};
    enum po_fact_file state = PO_FACT_FILE_OK;
    check_ok(cx, po_scan_file(cx, &scan, test_tmp("none"), "none", &state));
    check_eq_int(state, PO_FACT_FILE_ABSENT);
    check_that(mkfifo(test_tmp("fifo"), 0600) == 0);
    check_ok(cx, po_scan_file(cx, &scan, test_tmp("fifo"), "fifo", &state));
    check_eq_int(state, PO_FACT_FILE_OTHER);
    check_eq_u64(scan.texts, 0);
}

TEST(scan_raw__finds_a_value_across_read_boundaries_exactly_once)
{
    TEST_CX(cx);
    static const char value[] = "canary-7f3a9c";
    const po_str needle = PO_LIT("canary-7f3a9c");
    size_t len = (size_t)600 << 10;
    char *text = calloc(1, len);
    check_that(text != NULL);
    for (size_t at = ((size_t)128 << 10) - 20; at < ((size_t)128 << 10) + 20; at++) {
        memset(text, 'c', len);
        memcpy(text + at, value, sizeof value - 1);
        fixture_bytes("raw", text, len);
        uint64_t hits = 0;
        enum po_fact_file state = PO_FACT_FILE_ABSENT;
        check_ok(cx, po_scan_raw(cx, test_tmp("raw"), &needle, 1, &hits, &state));
        check_eq_u64(hits, 1);
    }
    free(text);
}

TEST(scan_needles__are_the_secret_values_of_the_env_file)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("home/config/.env", "# SMTP_PASSWORD=commented-out\nSMTP_PASSWORD='hunter2222'\n"
                                     "REPO_DIR=/srv/something-long\nAPI_TOKEN=short\n"
                                     "S3_SECRET=abcdefgh\n");
    PO_SCAN_NEEDLES_AUTO needles = {0};
    check_ok(cx, po_scan_needles_read(cx, &set->places, &needles));
    check_eq_u64(needles.count, 2);
    check_eq_str(needles.values[0], "hunter2222");
    check_eq_str(needles.values[1], "abcdefgh");
}

TEST(scan_needles__are_none_without_an_env_file)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    PO_SCAN_NEEDLES_AUTO needles = {0};
    check_ok(cx, po_scan_needles_read(cx, &set->places, &needles));
    check_eq_u64(needles.count, 0);
}

/* Hostile bytes: nothing is read past the end (sanitizers), nothing loops. */
TEST(scan_text__survives_random_bytes)
{
    static const char alphabet[] = "-BEGINAKIAeyJ.:@=password\"' 4111/{}<>\n\0\x80\xff";
    for (uint64_t round = 0; round < test_rounds(300); round++) {
        char text[400];
        size_t len = (size_t)test_random_below(sizeof text);
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[test_random_below(sizeof alphabet - 1)];
        char *exact = malloc(len == 0 ? 1 : len);
        check_that(exact != NULL);
        memcpy(exact, text, len);
        struct po_scan scan = {0};
        po_scan_text(&scan, "text", po_str_n(exact, len));
        free(exact);
    }
}

TEST_FAULTS_MANUAL(scan_file__fails_cleanly_at_every_call)
{
    TEST_CX(cx);
    fixture_file("log", "password=hunter2222\n");
    struct po_scan scan = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    test_faults_arm();
    if (!test_survived(po_scan_file(cx, &scan, test_tmp("log"), "log", &state))) return;
    test_faults_off();
    if (test_fault_fired()) return; /* a denied or vanished file is an answer */
    check_eq_u64(scan.counts[PO_SCAN_PASSWORD], 1);
}
