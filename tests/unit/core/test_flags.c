/* Status flags: types, hostile files, and that what is written is read back. */
#include "core/flags.h"
#include "core/fs.h"
#include "core/json.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS_AUTO PO_CLEANUP(po_flags_freep) struct po_flags

static po_rc parse(struct po_ctx *cx, const char *text, struct po_flags **ret_flags)
{
    return po_flags_parse(cx, po_str_of(text), "status_flags.json", ret_flags);
}

TEST(flags__an_absent_file_means_defaults)
{
    TEST_CX(cx);
    FLAGS_AUTO *flags = NULL;
    check_ok(cx, po_flags_load(cx, test_tmp("absent"), &flags));
    check_eq_cstr(po_err_msg(cx), "");
    check_that(po_flags_bool(flags, PO_FLAG_DOCTOR_ENABLED));
    check_that(!po_flags_bool(flags, PO_FLAG_MAINTENANCE));
    check_eq_int(po_flags_int(flags, PO_FLAG_DOCTOR_REPAIRS_MAX), 50);
    check_eq_str(po_flags_str(flags, PO_FLAG_COMPANY_NAME), "");
    struct po_flag_row row;
    for (size_t i = 0; i < PO_FLAG_COUNT; i++) {
        check_that(po_flags_row_at(flags, i, &row));
        check_that(row.is_default && row.doc[0] != '\0');
    }
    check_that(!po_flags_row_at(flags, PO_FLAG_COUNT, &row));
}

TEST(flags__reads_every_type)
{
    TEST_CX(cx);
    FLAGS_AUTO *flags = NULL;
    check_ok(cx, parse(cx,
                       "{\"company_name\":\"A \\\"quoted\\\" \xc3\xa4 GmbH\",\"maintenance\":true,"
                       "\"doctor_repairs_max\":7,\"check_HC-10\":false}",
                       &flags));
    check_eq_str(po_flags_str(flags, PO_FLAG_COMPANY_NAME), "A \"quoted\" \xc3\xa4 GmbH");
    check_that(po_flags_bool(flags, PO_FLAG_MAINTENANCE));
    check_eq_int(po_flags_int(flags, PO_FLAG_DOCTOR_REPAIRS_MAX), 7);
    check_that(!po_flags_check_is_on(flags, PO_LIT("HC-10")));
    check_that(po_flags_check_is_on(flags, PO_LIT("HC-11")));
    check_that(po_flags_check_is_on(flags, PO_LIT("HC-99")));
    struct po_flag_row row;
    check_that(po_flags_row_at(flags, PO_FLAG_DOCTOR_REPAIRS_MAX, &row));
    check_eq_str(row.value_text, "7");
    check_eq_cstr(row.type_name, "number");
    check_that(!row.is_default);
    check_that(po_flags_row_at(flags, PO_FLAG_MAINTENANCE, &row));
    check_eq_str(row.value_text, "true");
}

TEST(flags__switch_repairs_one_by_one_and_all_at_once)
{
    TEST_CX(cx);
    FLAGS_AUTO *flags = NULL;
    check_ok(cx, parse(cx, "{\"repair_wrong_mode\":false}", &flags));
    check_that(!po_flags_repair_is_on(flags, PO_LIT("wrong_mode")));
    check_that(po_flags_repair_is_on(flags, PO_LIT("stale_lock")));
    check_that(po_flags_repair_is_on(flags, PO_LIT("of_the_future")));
    check_ok(cx, po_flags_set(cx, flags, PO_FLAG_DOCTOR_ENABLED, PO_LIT("false")));
    check_that(!po_flags_repair_is_on(flags, PO_LIT("stale_lock")));
    check_that(!po_flags_repair_is_on(flags, PO_LIT("of_the_future")));
}

TEST(flags__refuses_hostile_files)
{
    TEST_CX(cx);
    static const struct {
        const char *name;
        const char *text;
        const char *message;
    } rows[] = {
        {"empty", "", "status_flags.json"},
        {"not json", "maintenance=true", "status_flags.json"},
        {"array", "[]", "must be a JSON object"},
        {"number", "1", "must be a JSON object"},
        {"unknown", "{\"maintenence\":true}", "nearest is 'maintenance'"},
        {"far", "{\"xyzzyxyzzy\":true}", "unknown status flag 'xyzzyxyzzy'"},
        {"control in name", "{\"a\\nb\":true}", "unknown status flag 'a?b'"},
        {"twice", "{\"maintenance\":true,\"maintenance\":false}", "status_flags.json"},
        {"bool as text", "{\"maintenance\":\"true\"}", "'maintenance' must be a bool"},
        {"bool as number", "{\"maintenance\":1}", "must be a bool"},
        {"text as null", "{\"company_name\":null}", "'company_name' must be a text"},
        {"text as object", "{\"company_name\":{}}", "must be a text"},
        {"number as real", "{\"doctor_repairs_max\":1.5}", "status_flags.json"},
        {"number as text", "{\"doctor_repairs_max\":\"5\"}", "must be a number"},
        {"too small", "{\"doctor_repairs_max\":0}", "from 1 to 1000"},
        {"too large", "{\"doctor_repairs_max\":1001}", "from 1 to 1000"},
        {"huge", "{\"doctor_repairs_max\":99999999999999999999}", "status_flags.json"},
        {"control in text", "{\"company_name\":\"a\\u0007\"}", "without control characters"},
        {"nul in text", "{\"company_name\":\"a\\u0000b\"}", "without control characters"},
        {"relative path", "{\"intake_path\":\"intake\"}", "absolute path"},
        {"path up", "{\"intake_path\":\"/a/../etc\"}", "without '..'"},
        {"trailing", "{} x", "status_flags.json"},
        {"bad utf8", "{\"company_name\":\"\xff\"}", "status_flags.json"},
        {"cut", "{\"company_name\":\"a", "status_flags.json"},
    };
    TEST_EACH(row, rows)
    {
        FLAGS_AUTO *flags = NULL;
        check_fails(cx, parse(cx, row->text, &flags), PO_CONFIG);
        check_contains(po_err_msg(cx), row->message);
        check_that(flags == NULL);
    }
}

TEST(flags__refuses_too_long_a_text)
{
    TEST_CX(cx);
    char text[400];
    (void)snprintf(text, sizeof text, "{\"company_name\":\"%0201d\"}", 0);
    FLAGS_AUTO *flags = NULL;
    check_fails(cx, parse(cx, text, &flags), PO_CONFIG);
    check_contains(po_err_msg(cx), "0 to 200 bytes");
    (void)snprintf(text, sizeof text, "{\"company_name\":\"%0200d\"}", 0);
    check_ok(cx, parse(cx, text, &flags));
}

TEST(flags__refuses_depth_bombs_and_large_files)
{
    TEST_CX(cx);
    size_t len = (size_t)10 << 20;
    char *bomb = malloc(len + 1);
    check_that(bomb != NULL);
    memset(bomb, '[', len);
    bomb[len] = '\0';
    FLAGS_AUTO *flags = NULL;
    check_fails(cx, po_flags_parse(cx, po_str_n(bomb, len), "f", &flags), PO_CONFIG);
    check_contains(po_err_msg(cx), "at most 65536");
    check_fails(cx, po_flags_parse(cx, po_str_n(bomb, PO_FLAGS_FILE_BYTES_MAX), "f", &flags),
                PO_CONFIG);
    test_write_file(test_tmp("big"), bomb, len);
    check_fails(cx, po_flags_load(cx, test_tmp("big"), &flags), PO_CONFIG);
    memset(bomb, ' ', len);
    bomb[0] = '{';
    bomb[PO_FLAGS_FILE_BYTES_MAX - 1] = '}';
    check_ok(cx, po_flags_parse(cx, po_str_n(bomb, PO_FLAGS_FILE_BYTES_MAX), "f", &flags));
    free(bomb);
}

TEST(flags__load_fails_for_what_is_no_readable_file)
{
    TEST_CX(cx);
    FLAGS_AUTO *flags = NULL;
    check_fails(cx, po_flags_load(cx, test_tmpdir(), &flags), PO_INVALID);
}

TEST(flags__set_checks_like_the_file)
{
    TEST_CX(cx);
    FLAGS_AUTO *flags = NULL;
    check_ok(cx, parse(cx, "{}", &flags));
    check_ok(cx, po_flags_set(cx, flags, PO_FLAG_COMPANY_NAME, PO_LIT("one")));
    check_ok(cx, po_flags_set(cx, flags, PO_FLAG_COMPANY_NAME, PO_LIT("two")));
    check_eq_str(po_flags_str(flags, PO_FLAG_COMPANY_NAME), "two");
    check_ok(cx, po_flags_set(cx, flags, PO_FLAG_DOCTOR_REPAIRS_MAX, PO_LIT("12")));
    check_fails(cx, po_flags_set(cx, flags, PO_FLAG_DOCTOR_REPAIRS_MAX, PO_LIT("-1")), PO_INVALID);
    check_fails(cx, po_flags_set(cx, flags, PO_FLAG_DOCTOR_REPAIRS_MAX, PO_LIT("x")), PO_INVALID);
    check_fails(cx, po_flags_set(cx, flags, PO_FLAG_MAINTENANCE, PO_LIT("yes")), PO_INVALID);
    check_fails(cx, po_flags_set(cx, flags, PO_FLAG_COMPANY_NAME, PO_LIT("a\n")), PO_INVALID);
    check_fails(cx, po_flags_set(cx, flags, PO_FLAG_COUNT, PO_LIT("x")), PO_NOTFOUND);
    check_eq_int(po_flags_int(flags, PO_FLAG_DOCTOR_REPAIRS_MAX), 12);
    enum po_flag_id id = PO_FLAG_COUNT;
    check_ok(cx, po_flags_find(cx, PO_LIT("check_HC-03"), &id));
    check_eq_int(id, PO_FLAG_CHECK_HC_03);
    check_fails(cx, po_flags_find(cx, PO_LIT("check_HC-3"), &id), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "nearest is 'check_HC-");
}

TEST(flags__a_change_is_tried_on_a_copy_and_taken_over_alone)
{
    TEST_CX(cx);
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    PO_CLEANUP(po_flags_freep) struct po_flags *copy = NULL;
    check_ok(cx, po_flags_parse(cx, PO_LIT("{\"company_name\":\"Kontor\"}"), "x", &flags));
    check_ok(cx, po_flags_copy(cx, flags, &copy));
    check_eq_str(po_flags_str(copy, PO_FLAG_COMPANY_NAME), "Kontor");
    check_ok(cx, po_flags_set(cx, copy, PO_FLAG_COMPANY_NAME, PO_LIT("Other")));
    check_ok(cx, po_flags_set(cx, copy, PO_FLAG_MFA_REQUIRED, PO_LIT("false")));
    check_eq_str(po_flags_str(flags, PO_FLAG_COMPANY_NAME), "Kontor");
    po_flags_swap(flags, copy, PO_FLAG_COMPANY_NAME);
    check_eq_str(po_flags_str(flags, PO_FLAG_COMPANY_NAME), "Other");
    check_eq_str(po_flags_str(copy, PO_FLAG_COMPANY_NAME), "Kontor");
    check_that(po_flags_bool(flags, PO_FLAG_MFA_REQUIRED));
}

TEST(flags__save_and_load_give_the_same_values)
{
    TEST_CX(cx);
    FLAGS_AUTO *flags = NULL;
    FLAGS_AUTO *again = NULL;
    check_ok(cx, parse(cx, "{\"company_name\":\"\\\\ \\\" \xe2\x82\xac\",\"maintenance\":true}",
                       &flags));
    check_ok(cx, po_flags_save(cx, flags, test_tmp("flags")));
    check_ok(cx, po_flags_load(cx, test_tmp("flags"), &again));
    for (size_t i = 0; i < PO_FLAG_COUNT; i++) {
        struct po_flag_row a;
        struct po_flag_row b;
        check_that(po_flags_row_at(flags, i, &a) && po_flags_row_at(again, i, &b));
        check_eq_postr(a.value_text, b.value_text);
    }
    struct stat st = {0};
    check_eq_int(stat(test_tmp("flags"), &st), 0);
    check_eq_int(st.st_mode & 07777, 0640);
}

TEST(flags__the_text_of_defaults_is_a_good_file)
{
    TEST_CX(cx);
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_FLAGS_FILE_BYTES_MAX);
    po_flags_defaults(&text);
    FLAGS_AUTO *flags = NULL;
    check_ok(cx, po_flags_parse(cx, po_buf_str(&text), "defaults", &flags));
    check_contains(text.ptr, "\"check_HC-15\": true");
}

static po_rc sum_hash(po_str bytes, uint8_t ret_digest[static 32])
{
    memset(ret_digest, 0, 32);
    for (size_t i = 0; i < bytes.len; i++)
        ret_digest[i % 32] = (uint8_t)(ret_digest[i % 32] * 31 + (uint8_t)bytes.ptr[i]);
    return po_rc_ok();
}

static po_rc failing_hash(po_str bytes, uint8_t ret_digest[static 32])
{
    (void)bytes;
    (void)ret_digest;
    return po_rc_of(PO_CRYPTO);
}

TEST(flags__digest_depends_on_values_not_on_spelling)
{
    TEST_CX(cx);
    FLAGS_AUTO *a = NULL;
    FLAGS_AUTO *b = NULL;
    FLAGS_AUTO *c = NULL;
    uint8_t digests[3][32];
    check_ok(cx, parse(cx, "{\"maintenance\":true,\"company_name\":\"x\"}", &a));
    check_ok(cx, parse(cx, " {\"company_name\":\"\\u0078\", \"maintenance\":true}\n", &b));
    check_ok(cx, parse(cx, "{\"maintenance\":true,\"company_name\":\"y\"}", &c));
    check_ok(cx, po_flags_digest(cx, a, sum_hash, digests[0]));
    check_ok(cx, po_flags_digest(cx, b, sum_hash, digests[1]));
    check_ok(cx, po_flags_digest(cx, c, sum_hash, digests[2]));
    check_eq_mem(digests[0], digests[1], 32);
    check_that(memcmp(digests[0], digests[2], 32) != 0);
    check_fails(cx, po_flags_digest(cx, a, failing_hash, digests[0]), PO_CRYPTO);
}

TEST_FAULTS(flags__fail_cleanly)
{
    TEST_CX(cx);
    test_write_file(test_tmp("flags"), "{\"company_name\":\"x\"}", 20);
    FLAGS_AUTO *flags = NULL;
    uint8_t digest[32];
    if (!test_survived(po_flags_load(cx, test_tmp("flags"), &flags))) return;
    if (!test_survived(po_flags_set(cx, flags, PO_FLAG_COMPANY_NAME, PO_LIT("y")))) return;
    if (!test_survived(po_flags_digest(cx, flags, sum_hash, digest))) return;
    if (!test_survived(po_flags_save(cx, flags, test_tmp("flags")))) return;
    test_faults_off();
    check_eq_str(po_flags_str(flags, PO_FLAG_COMPANY_NAME), "y");
}
