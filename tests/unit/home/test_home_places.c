/*
 * Where a home is and where its keys stand.
 */
#include "unit/home/home_fixture.h"

#include "home/home_priv.h"

#include <sys/stat.h>
#include <unistd.h>

#define INSTANCE "inst_00112233445566778899aabbccddeeff"

TEST(home_find__takes_the_option_then_the_environment_then_the_users_home)
{
    TEST_CX(cx);
    const char *root = NULL;
    check_eq_int(setenv("PAULYOPS_HOME", "/from/environment", 1), 0);
    check_eq_int(setenv("HOME", "/users/home", 1), 0);
    check_ok(cx, po_home_find(cx, "/from/option", &root));
    check_eq_cstr(root, "/from/option");
    check_ok(cx, po_home_find(cx, NULL, &root));
    check_eq_cstr(root, "/from/environment");
    check_eq_int(setenv("PAULYOPS_HOME", "", 1), 0);
    check_ok(cx, po_home_find(cx, NULL, &root));
    check_eq_cstr(root, "/users/home/PaulyOps");
    check_eq_int(setenv("HOME", "relative", 1), 0);
    check_fails(cx, po_home_find(cx, NULL, &root), PO_CONFIG);
    po_err_clear(cx);
    check_eq_int(unsetenv("HOME"), 0);
    check_fails(cx, po_home_find(cx, NULL, &root), PO_CONFIG);
}

TEST(home_find__refuses_a_path_that_is_too_long)
{
    TEST_CX(cx);
    const char *root = NULL;
    char path[PO_HOME_PATH_BYTES_MAX + 1];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    check_fails(cx, po_home_find(cx, path, &root), PO_CONFIG);
    po_err_clear(cx);
    path[sizeof path - 2] = '\0';
    check_ok(cx, po_home_find(cx, path, &root));
}

TEST(home_places__have_rows_with_strict_modes)
{
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        test_row(row->path);
        check_that((row->mode & 0027) == 0 && (row->mode & 0600) == 0600);
        check_eq_int(row->is_dir, row->mode == 0700);
        check_that((row->path[0] == '\0') == (i == PO_PLACE_ROOT));
    }
}

TEST(home_set_instance__accepts_only_names_of_ours)
{
    static const struct {
        const char *name;
        enum po_code code;
    } rows[] = {
        {INSTANCE, PO_OK},
        {"", PO_CORRUPT},
        {"inst_", PO_CORRUPT},
        {"inst_00112233445566778899aabbccddeef", PO_CORRUPT},
        {"inst_00112233445566778899aabbccddeeff0", PO_CORRUPT},
        {"inst_00112233445566778899AABBCCDDEEFF", PO_CORRUPT},
        {"inst_00112233445566778899aabbccddee/.", PO_CORRUPT},
        {"../../../../../../../../../../../etc/", PO_CORRUPT},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        PO_HOME_AUTO *home = NULL;
        home_environment();
        check_ok(cx, po_home_new(cx, home_root(), &home));
        po_rc rc = po_home_set_instance(cx, home, po_str_of(row->name));
        check_eq_int(rc.code, row->code);
        po_err_clear(cx);
    }
}

/* Only the beginning of a place for keys matters: what is not there yet is made there. */
TEST(home_state_dir__is_never_inside_the_home)
{
    static const struct {
        const char *name; /* below the case's directory */
        enum po_code code;
    } rows[] = {
        {"state", PO_OK},          {"homestead", PO_OK},       {"home", PO_CONFIG},
        {"home/state", PO_CONFIG}, {"home/a/b/c", PO_CONFIG},  {"home/../state", PO_CONFIG},
        {"link", PO_CONFIG},       {"link/deeper", PO_CONFIG}, {"away", PO_OK},
        {"state/..", PO_CONFIG},   {"state/..name", PO_OK},    {"home//state", PO_CONFIG},
    };
    check_eq_int(mkdir(test_tmp("home"), 0700), 0);
    check_eq_int(mkdir(test_tmp("elsewhere"), 0700), 0);
    check_eq_int(symlink(test_tmp("home"), test_tmp("link")), 0);
    check_eq_int(symlink(test_tmp("elsewhere"), test_tmp("away")), 0);
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        PO_HOME_AUTO *home = NULL;
        check_eq_int(setenv("XDG_STATE_HOME", test_tmp(row->name), 1), 0);
        check_ok(cx, po_home_new(cx, home_root(), &home));
        po_rc rc = po_home_set_instance(cx, home, PO_LIT(INSTANCE));
        check_eq_int(rc.code, row->code);
        po_err_clear(cx);
    }
}

TEST(home_state_dir__follows_the_specification_of_base_directories)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    check_eq_int(setenv("HOME", test_tmp("user"), 1), 0);
    check_eq_int(setenv("XDG_STATE_HOME", "relative", 1), 0);
    check_ok(cx, po_home_new(cx, home_root(), &home));
    check_ok(cx, po_home_set_instance(cx, home, PO_LIT(INSTANCE)));
    check_contains(po_home_state_dir(home), "/user/.local/state/paulyops/" INSTANCE);
    check_eq_int(unsetenv("HOME"), 0);
    check_fails(cx, po_home_set_instance(cx, home, PO_LIT(INSTANCE)), PO_CONFIG);
}
