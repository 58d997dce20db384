/* Configuration: sources and their order, secrets and where they may come from. */
#include "core/cfg.h"
#include "core/fs.h"
#include "lib/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CFG_AUTO PO_CLEANUP(po_cfg_freep) struct po_cfg
#define SECRET "correct horse battery staple"

static void write_file(const char *name, const char *text, mode_t mode)
{
    test_write_file(test_tmp(name), text, strlen(text));
    check_eq_int(chmod(test_tmp(name), mode), 0);
}

static void write_env(const char *text)
{
    (void)mkdir(test_tmp("config"), 0700);
    write_file("config/.env", text, 0600);
}

static po_rc load(struct po_ctx *cx, struct po_cfg **ret_cfg)
{
    return po_cfg_load(cx, test_tmpdir(), NULL, 0, ret_cfg);
}

static po_rc load_with(struct po_ctx *cx, const char *override, struct po_cfg **ret_cfg)
{
    po_str text = po_str_of(override);
    return po_cfg_load(cx, test_tmpdir(), &text, 1, ret_cfg);
}

/* Load must fail with PO_CONFIG and this in the message, and never tell the secret. */
static void check_refused(struct po_ctx *cx, po_rc rc, const char *message)
{
    check_fails(cx, rc, PO_CONFIG);
    check_contains(po_err_msg(cx), message);
    check_that(strstr(po_err_msg(cx), SECRET) == NULL);
    po_err_clear(cx);
}

static const char *origin(const struct po_cfg *cfg, enum po_cfg_id id)
{
    static struct po_cfg_row row;
    check_that(po_cfg_row_at(cfg, (size_t)id, &row));
    return row.origin_text;
}

TEST(cfg__without_a_file_has_defaults)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    check_ok(cx, load(cx, &cfg));
    check_eq_str(po_cfg_str(cfg, PO_CFG_INTAKE_DIR), test_tmp("intake"));
    check_eq_int(po_cfg_int(cfg, PO_CFG_HEALTH_PERIOD), 5 * PO_US_PER_MIN);
    check_eq_int(po_cfg_int(cfg, PO_CFG_NIGHTLY_AT), 150);
    check_eq_int(po_cfg_int(cfg, PO_CFG_DISK_FREE_MIN_PERCENT), 20);
    check_eq_int(po_cfg_int(cfg, PO_CFG_LOG_LEVEL), 1);
    check_that(!po_cfg_is_set(cfg, PO_CFG_ORG_NAME));
    check_that(po_cfg_cstr(cfg, PO_CFG_ORG_NAME) == NULL);
    check_eq_str(po_cfg_str(cfg, PO_CFG_ORG_NAME), "");
    check_that(po_cfg_secret(cfg, PO_CFG_SMTP_PASSWORD) == NULL);
    check_eq_cstr(origin(cfg, PO_CFG_HEALTH_PERIOD), "default");
    check_eq_cstr(po_err_msg(cx), "");
}

TEST(cfg__later_sources_win_and_origins_are_kept)
{
    TEST_CX(cx);
    write_env("ORG_NAME=file\nARCHIVE_MAX=1\nARCHIVE_DAYS_MAX=1\n");
    check_eq_int(setenv("PAULYOPS_ARCHIVE_MAX", "2", 1), 0);
    check_eq_int(setenv("PAULYOPS_ARCHIVE_DAYS_MAX", "2", 1), 0);
    CFG_AUTO *cfg = NULL;
    check_ok(cx, load_with(cx, "ARCHIVE_DAYS_MAX=3", &cfg));
    check_eq_str(po_cfg_str(cfg, PO_CFG_ORG_NAME), "file");
    check_eq_int(po_cfg_int(cfg, PO_CFG_ARCHIVE_MAX), 2);
    check_eq_int(po_cfg_int(cfg, PO_CFG_ARCHIVE_DAYS_MAX), 3);
    check_eq_cstr(origin(cfg, PO_CFG_ORG_NAME), "config/.env line 1");
    check_eq_cstr(origin(cfg, PO_CFG_ARCHIVE_MAX), "environment PAULYOPS_ARCHIVE_MAX");
    check_eq_cstr(origin(cfg, PO_CFG_ARCHIVE_DAYS_MAX), "command line");
}

TEST(cfg__an_empty_value_leaves_what_was_said_before)
{
    TEST_CX(cx);
    write_env("ARCHIVE_MAX=\nORG_NAME=\"\"\nSMTP_PASSWORD=\n");
    check_eq_int(setenv("PAULYOPS_ARCHIVE_MAX", "", 1), 0);
    check_eq_int(setenv("PAULYOPS_SMTP_PASSWORD", "", 1), 0);
    CFG_AUTO *cfg = NULL;
    check_ok(cx, load_with(cx, "ARCHIVE_MAX=", &cfg));
    check_eq_int(po_cfg_int(cfg, PO_CFG_ARCHIVE_MAX), 30);
    check_eq_cstr(origin(cfg, PO_CFG_ARCHIVE_MAX), "default");
    check_that(!po_cfg_is_set(cfg, PO_CFG_SMTP_PASSWORD));
}

TEST(cfg__refuses_unknown_names_with_the_nearest)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_env("# first\nORG_NAMES=x\n");
    check_refused(cx, load(cx, &cfg),
                  "config/.env line 2: unknown option 'ORG_NAMES', nearest is 'ORG_NAME'");
    write_env("FROBNICATE=x\n");
    check_refused(cx, load(cx, &cfg), "config/.env line 1: unknown option 'FROBNICATE'");
    write_env("");
    check_refused(cx, load_with(cx, "LOG_LEVLE=info", &cfg),
                  "command line: unknown option 'LOG_LEVLE', nearest is 'LOG_LEVEL'");
    check_refused(cx, load_with(cx, "LOG\nLEVEL=info", &cfg), "unknown option 'LOG?LEVEL'");
    check_refused(cx, load_with(cx, "LOG_LEVEL", &cfg), "given as NAME=VALUE");
    check_refused(cx, load_with(cx, "=x", &cfg), "given as NAME=VALUE");
    check_eq_int(setenv("PAULYOPS_HOME", "/x", 1), 0);
    check_ok(cx, load(cx, &cfg));
    po_cfg_freep(&cfg);
    check_eq_int(setenv("PAULYOPS_ORGNAME", "x", 1), 0);
    check_refused(cx, load(cx, &cfg), "unknown option 'ORGNAME', nearest is 'ORG_NAME'");
}

TEST(cfg__refuses_wrong_values_with_place_and_reason)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_env("\nARCHIVE_MAX=0\n");
    check_refused(
        cx, load(cx, &cfg),
        "config/.env line 2: 'ARCHIVE_MAX' must be a whole number of sets from 1 to 10000");
    write_env("not a line\n");
    check_refused(cx, load(cx, &cfg), "config/.env: line 1: neither");
    write_env("");
    check_refused(cx, load_with(cx, "NIGHTLY_AT=noon", &cfg), "command line: 'NIGHTLY_AT' must be");
    check_eq_int(setenv("PAULYOPS_LOG_LEVEL", "loud", 1), 0);
    check_refused(cx, load(cx, &cfg), "environment PAULYOPS_LOG_LEVEL: 'LOG_LEVEL' must be one of");
    check_that(cfg == NULL);
}

TEST(cfg__limits_overrides)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    po_str overrides[PO_CFG_OVERRIDES_MAX + 1];
    for (size_t i = 0; i <= PO_CFG_OVERRIDES_MAX; i++)
        overrides[i] = PO_LIT("ARCHIVE_MAX=5");
    check_ok(cx, po_cfg_load(cx, test_tmpdir(), overrides, PO_CFG_OVERRIDES_MAX, &cfg));
    po_cfg_freep(&cfg);
    check_refused(cx, po_cfg_load(cx, test_tmpdir(), overrides, PO_CFG_OVERRIDES_MAX + 1, &cfg),
                  "more than 64");
}

/* ---- the file itself ---- */

/* @proves CFG-01 */
TEST(cfg__refuses_a_file_that_is_not_ours_alone)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_env("ORG_NAME=x\n");
    check_eq_int(chmod(test_tmp("config/.env"), 0644), 0);
    check_ok(cx, load(cx, &cfg));
    po_cfg_freep(&cfg);
    check_eq_int(chmod(test_tmp("config/.env"), 0620), 0);
    check_refused(cx, load(cx, &cfg), "'config/.env' has mode 0620, must be 0600");
    write_env("SMTP_PASSWORD=" SECRET "\n");
    check_eq_int(chmod(test_tmp("config/.env"), 0640), 0);
    check_refused(cx, load(cx, &cfg), "has mode 0640, must be 0600");
    check_eq_int(chmod(test_tmp("config/.env"), 0400), 0);
    check_ok(cx, load(cx, &cfg));
    po_cfg_freep(&cfg);
    if (geteuid() != 0) return;
    check_eq_int(chown(test_tmp("config/.env"), 12345, 0), 0);
    check_refused(cx, load(cx, &cfg), "belongs to user 12345");
}

TEST(cfg__refuses_links_directories_and_large_files)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    check_eq_int(mkdir(test_tmp("config"), 0700), 0);
    write_file("real", "ORG_NAME=x\n", 0600);
    check_eq_int(symlink("../real", test_tmp("config/.env")), 0);
    check_refused(cx, load(cx, &cfg), "is a symbolic link");
    check_eq_int(unlink(test_tmp("config/.env")), 0);
    check_eq_int(mkdir(test_tmp("config/.env"), 0700), 0);
    check_fails(cx, load(cx, &cfg), PO_INVALID);
    check_eq_int(rmdir(test_tmp("config/.env")), 0);
    static char big[PO_CFG_FILE_BYTES_MAX + 1];
    memset(big, '\n', sizeof big);
    test_write_file(test_tmp("config/.env"), big, sizeof big);
    check_fails(cx, load(cx, &cfg), PO_CONFIG);
}

TEST(cfg__another_file_is_called_by_its_name)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_file("other.env", "ORG_NAME=x\n", 0600);
    struct po_cfg_sources sources = {.home = "/h", .file = test_tmp("other.env")};
    check_ok(cx, po_cfg_load_from(cx, &sources, &cfg));
    check_eq_str(po_cfg_str(cfg, PO_CFG_INTAKE_DIR), "/h/intake");
    check_contains(origin(cfg, PO_CFG_ORG_NAME), " line 1");
}

/* ---- secrets ---- */

static void check_password(const struct po_cfg *cfg, const char *want_origin)
{
    const struct po_secret *secret = po_cfg_secret(cfg, PO_CFG_SMTP_PASSWORD);
    check_that(secret != NULL);
    check_eq_str(po_secret_bytes(secret), SECRET);
    struct po_cfg_row row;
    check_that(po_cfg_row_at(cfg, PO_CFG_SMTP_PASSWORD, &row));
    check_that(row.is_secret);
    check_eq_str(row.value, "(set)");
    check_contains(row.origin_text, want_origin);
    check_eq_str(po_cfg_str(cfg, PO_CFG_SMTP_PASSWORD), "");
    check_that(po_cfg_is_set(cfg, PO_CFG_SMTP_PASSWORD));
}

TEST(cfg_secret__comes_from_the_file)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_env("SMTP_PASSWORD=" SECRET "\n");
    check_ok(cx, load(cx, &cfg));
    check_password(cfg, "config/.env line 1");
    po_cfg_freep(&cfg);
    write_env("SMTP_PASSWORD=\"" SECRET "\"\n");
    check_ok(cx, load(cx, &cfg));
    check_password(cfg, "config/.env line 1");
}

TEST(cfg_secret__comes_from_a_named_file)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_file("password", SECRET "\n", 0600);
    write_file("config.env", "", 0600);
    char text[600];
    (void)snprintf(text, sizeof text, "SMTP_PASSWORD_FILE=%s\n", test_tmp("password"));
    write_env(text);
    check_ok(cx, load(cx, &cfg));
    check_password(cfg, "file in SMTP_PASSWORD_FILE");
    po_cfg_freep(&cfg);
    write_env("");
    check_eq_int(setenv("PAULYOPS_SMTP_PASSWORD_FILE", test_tmp("password"), 1), 0);
    check_ok(cx, load(cx, &cfg));
    check_password(cfg, "file in");
}

TEST(cfg_secret__refuses_bad_files)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    check_eq_int(setenv("PAULYOPS_SMTP_PASSWORD_FILE", test_tmp("password"), 1), 0);
    check_refused(cx, load(cx, &cfg), "which is not there");
    write_file("password", SECRET "\n", 0644);
    check_refused(cx, load(cx, &cfg), "has mode 0644, must be 0600");
    write_file("password", "\n", 0600);
    check_refused(cx, load(cx, &cfg), "too short");
    write_file("password", SECRET "\nsecond line\n", 0600);
    check_refused(cx, load(cx, &cfg), "control characters");
    static char big[PO_SECRET_BYTES_MAX + 2];
    memset(big, 'x', sizeof big - 1);
    write_file("password", big, 0600);
    check_fails(cx, load(cx, &cfg), PO_LIMIT);
    big[1025] = '\0';
    write_file("password", big, 0600);
    check_refused(cx, load(cx, &cfg), "too long");
    check_eq_int(unlink(test_tmp("password")), 0);
    check_eq_int(mkdir(test_tmp("password"), 0700), 0);
    check_fails(cx, load(cx, &cfg), PO_INVALID);
}

TEST(cfg_secret__comes_from_a_credential)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    check_eq_int(setenv("CREDENTIALS_DIRECTORY", test_tmpdir(), 1), 0);
    check_ok(cx, load(cx, &cfg));
    check_that(po_cfg_secret(cfg, PO_CFG_SMTP_PASSWORD) == NULL);
    po_cfg_freep(&cfg);
    write_file("paulyops-smtp-password", SECRET, 0440);
    check_ok(cx, load(cx, &cfg));
    check_password(cfg, "credential");
    po_cfg_freep(&cfg);
    /* What the file says comes before it. */
    write_env("SMTP_PASSWORD=\"" SECRET "\"\n");
    check_ok(cx, load(cx, &cfg));
    check_password(cfg, "config/.env");
}

/* @proves CFG-01 */
TEST(cfg_secret__is_refused_where_others_can_read_it)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    check_refused(cx, load_with(cx, "SMTP_PASSWORD=" SECRET, &cfg),
                  "command line: 'SMTP_PASSWORD' is a secret");
    check_refused(cx, load_with(cx, "SMTP_PASSWORD=", &cfg), "is a secret");
    check_eq_int(setenv("PAULYOPS_SMTP_PASSWORD", SECRET, 1), 0);
    check_refused(cx, load(cx, &cfg), "environment PAULYOPS_SMTP_PASSWORD: 'SMTP_PASSWORD' is a");
}

TEST(cfg_secret__given_twice_is_refused)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_file("password", SECRET "\n", 0600);
    check_eq_int(setenv("PAULYOPS_SMTP_PASSWORD_FILE", test_tmp("password"), 1), 0);
    write_env("SMTP_PASSWORD=" SECRET "\n");
    check_refused(cx, load(cx, &cfg), "keep one");
}

TEST(cfg_secret__is_not_told_when_it_is_wrong)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_env("SMTP_PASSWORD=\"" SECRET "\\n\"\n");
    check_refused(cx, load(cx, &cfg), "config/.env line 1: 'SMTP_PASSWORD' must not hold control");
    write_env("SMTP_PASSWORD=\"" SECRET "\n");
    check_refused(cx, load(cx, &cfg), "closing double quote");
    write_env("SMTP_PASSWORD=" SECRET "\nSMTP_PASSWORD=" SECRET "\n");
    check_refused(cx, load(cx, &cfg), "stands in line 1 already");
}

TEST(cfg_secret__is_left_out_for_repairs)
{
    TEST_CX(cx);
    CFG_AUTO *cfg = NULL;
    write_env("SMTP_PASSWORD=" SECRET "\nORG_NAME=x\n");
    check_eq_int(chmod(test_tmp("config/.env"), 0666), 0);
    struct po_cfg_sources sources = {.home = test_tmpdir(), .has_no_secrets = true};
    check_ok(cx, po_cfg_load_from(cx, &sources, &cfg));
    check_that(po_cfg_secret(cfg, PO_CFG_SMTP_PASSWORD) == NULL);
    check_that(po_cfg_is_set(cfg, PO_CFG_SMTP_PASSWORD));
    check_eq_str(po_cfg_str(cfg, PO_CFG_ORG_NAME), "x");
}

/* ---- shown ---- */

TEST(cfg_row__lists_every_option_once)
{
    struct po_cfg_row row;
    size_t count = 0;
    while (po_cfg_row_at(NULL, count, &row)) {
        enum po_cfg_id id = PO_CFG_COUNT;
        check_ok_leaf(po_cfg_find(po_str_of(row.name), &id));
        check_eq_u64(id, count);
        check_that(row.type[0] != '\0' && row.doc[0] != '\0');
        check_eq_cstr(row.origin_text, "default");
        if (row.is_secret) check_eq_str(row.value, "(not set)");
        count++;
    }
    check_eq_u64(count, PO_CFG_COUNT);
    enum po_cfg_id id = PO_CFG_COUNT;
    check_fails_leaf(po_cfg_find(PO_LIT("NOPE"), &id), PO_NOTFOUND);
    check_eq_cstr(po_cfg_nearest(PO_LIT("SMTP_USR")), "SMTP_USER");
    check_that(po_cfg_nearest(PO_LIT("QQQQQQQQQ")) == NULL);
}

TEST(cfg__origins_and_types_have_names)
{
    static const char *const origins[] = {"default",      "file",        "environment",
                                          "command line", "secret file", "credential"};
    for (int i = 0; i <= PO_CFG_ORIGIN_CREDENTIAL; i++)
        check_eq_cstr(po_cfg_origin_name((enum po_cfg_origin)i), origins[i]);
}

/* The sample with every '#NAME=' uncommented: same values as without a file. */
TEST(cfg_sample__is_a_good_file_that_changes_nothing)
{
    TEST_CX(cx);
    PO_BUF_AUTO sample = {0};
    po_buf_init(&sample, PO_CFG_FILE_BYTES_MAX);
    po_cfg_sample(&sample);
    check_ok_leaf(po_buf_check(&sample));
    write_env(sample.ptr);
    CFG_AUTO *cfg = NULL;
    check_ok(cx, load(cx, &cfg));
    po_cfg_freep(&cfg);
    size_t options = 0;
    for (char *at = strstr(sample.ptr, "\n#"); at != NULL; at = strstr(at + 1, "\n#"))
        if (at[2] >= 'A' && at[2] <= 'Z') {
            memmove(at + 1, at + 2, strlen(at + 2) + 1);
            options++;
        }
    check_eq_u64(options, PO_CFG_COUNT);
    write_env(sample.ptr);
    CFG_AUTO *defaults = NULL;
    check_ok(cx, load(cx, &cfg));
    struct po_cfg_sources sources = {.home = test_tmpdir(), .file = test_tmp("absent")};
    check_ok(cx, po_cfg_load_from(cx, &sources, &defaults));
    for (unsigned i = 0; i < PO_CFG_COUNT; i++)
        check_eq_postr(po_cfg_str(cfg, (enum po_cfg_id)i), po_cfg_str(defaults, (enum po_cfg_id)i));
}

TEST_FAULTS(cfg__fails_cleanly)
{
    TEST_CX(cx);
    test_write_file(test_tmp("password"), SECRET "\n", sizeof SECRET);
    check_eq_int(chmod(test_tmp("password"), 0600), 0);
    char text[800];
    int len = snprintf(text, sizeof text, "ORG_NAME=\"x\"\nSMTP_PASSWORD_FILE=%s\n",
                       test_tmp("password"));
    test_write_file(test_tmp("env"), text, (size_t)len);
    check_eq_int(chmod(test_tmp("env"), 0600), 0);
    struct po_cfg_sources sources = {.home = test_tmpdir(), .file = test_tmp("env")};
    CFG_AUTO *cfg = NULL;
    if (!test_survived(po_cfg_load_from(cx, &sources, &cfg))) return;
    test_faults_off();
    check_eq_str(po_cfg_str(cfg, PO_CFG_ORG_NAME), "x");
    check_eq_str(po_secret_bytes(po_cfg_secret(cfg, PO_CFG_SMTP_PASSWORD)), SECRET);
}
