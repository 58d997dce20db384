/* Paths and error codes: what is joined, what is refused, which errno means what. */
#include "core/fs.h"
#include "lib/test.h"

#include <errno.h>
#include <string.h>

TEST(path_join__puts_one_slash)
{
    TEST_CX(cx);
    static const struct {
        const char *name;
        const char *dir;
        const char *file;
        const char *want;
    } rows[] = {
        {"plain", "/a", "b", "/a/b"},    {"slash", "/a/", "b", "/a/b"},
        {"many", "/a//", "//b", "/a/b"}, {"root", "/", "b", "/b"},
        {"empty dir", "", "b", "b"},     {"empty name", "/a", "", "/a/"},
    };
    TEST_EACH(row, rows)
    {
        const char *got = NULL;
        check_ok(cx, po_path_join(cx, row->dir, row->file, &got));
        check_eq_cstr(got, row->want);
    }
    test_row(NULL);
    static char longest[PO_FS_PATH_BYTES_MAX];
    memset(longest, 'x', sizeof longest - 1);
    const char *got = NULL;
    check_fails(cx, po_path_join(cx, longest, "b", &got), PO_LIMIT);
}

TEST(path_dir__is_everything_before_the_name)
{
    TEST_CX(cx);
    static const struct {
        const char *name;
        const char *path;
        const char *want;
    } rows[] = {
        {"plain", "/a/b", "/a"},      {"root", "/b", "/"},     {"relative", "b", "."},
        {"slashes", "/a//b//", "/a"}, {"only root", "/", "/"}, {"empty", "", "."},
        {"deep", "a/b/c", "a/b"},
    };
    TEST_EACH(row, rows)
    {
        const char *got = NULL;
        check_ok(cx, po_path_dir(cx, row->path, &got));
        check_eq_cstr(got, row->want);
    }
}

TEST(path_is_name__refuses_what_leaves_the_directory)
{
    char longest[257];
    memset(longest, 'x', sizeof longest);
    check_that(po_path_is_name(PO_LIT("a")));
    check_that(po_path_is_name(PO_LIT("...")));
    check_that(po_path_is_name(PO_LIT("new\nline")));
    check_that(po_path_is_name(po_str_n(longest, 255)));
    check_that(!po_path_is_name(po_str_n(longest, 256)));
    check_that(!po_path_is_name(PO_LIT("")));
    check_that(!po_path_is_name(PO_LIT(".")));
    check_that(!po_path_is_name(PO_LIT("..")));
    check_that(!po_path_is_name(PO_LIT("a/b")));
    check_that(!po_path_is_name(PO_LIT("a\0b")));
}

TEST(fs__every_errno_has_one_code)
{
    static const struct {
        int sys_errno;
        enum po_code want;
    } rows[] = {{ENOENT, PO_NOTFOUND},  {ENOTDIR, PO_NOTFOUND},   {EACCES, PO_DENIED},
                {EPERM, PO_DENIED},     {EROFS, PO_DENIED},       {EEXIST, PO_EXISTS},
                {ENOTEMPTY, PO_EXISTS}, {ENAMETOOLONG, PO_LIMIT}, {ELOOP, PO_INVALID},
                {EISDIR, PO_INVALID},   {ENOMEM, PO_NOMEM},       {ENOSPC, PO_IO},
                {EIO, PO_IO},           {EDQUOT, PO_IO}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_eq_int(po_fs_code_of_errno(rows[i].sys_errno), rows[i].want);
}
