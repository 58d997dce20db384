/* Files as whole values: what is promised when all goes well, and when it does not. */
#include "core/fault.h"
#include "core/fs.h"
#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_content(const char *path, const char *want)
{
    size_t len = 0;
    char *bytes = test_read_file(path, &len);
    check_eq_postr(po_str_n(bytes, len), po_str_of(want));
    free(bytes);
}

static mode_t mode_of(const char *path)
{
    struct stat st = {0};
    check_eq_int(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

/* Names in the case's directory; a temp file left behind would be one more. */
static size_t count_names(struct po_ctx *cx)
{
    po_str *names = NULL;
    size_t count = 0;
    check_ok(cx, po_fs_list(cx, test_tmpdir(), &names, &count));
    return count;
}

/* ---- reading ---- */

TEST(fs_read__gives_the_whole_file)
{
    TEST_CX(cx);
    static char big[200001];
    memset(big, 'x', sizeof big);
    test_write_file(test_tmp("big"), big, sizeof big);
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, sizeof big);
    check_ok(cx, po_fs_read(cx, test_tmp("big"), &buf));
    check_eq_u64(buf.len, sizeof big);
    check_eq_mem(buf.ptr, big, sizeof big);
}

TEST(fs_read__appends)
{
    TEST_CX(cx);
    test_write_file(test_tmp("f"), "tail", 4);
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 100);
    po_buf_append_cstr(&buf, "head ");
    check_ok(cx, po_fs_read(cx, test_tmp("f"), &buf));
    check_eq_str(po_buf_str(&buf), "head tail");
}

TEST(fs_read__reads_an_empty_file_and_one_without_a_size)
{
    TEST_CX(cx);
    test_write_file(test_tmp("empty"), "", 0);
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 1 << 20);
    check_ok(cx, po_fs_read(cx, test_tmp("empty"), &buf));
    check_eq_u64(buf.len, 0);
    check_ok(cx, po_fs_read(cx, "/proc/self/status", &buf));
    check_that(buf.len > 100);
}

TEST(fs_read__refuses_more_than_the_limit_and_leaves_the_buffer)
{
    TEST_CX(cx);
    test_write_file(test_tmp("f"), "12345678", 8);
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 9);
    po_buf_append_cstr(&buf, "ab");
    check_fails(cx, po_fs_read(cx, test_tmp("f"), &buf), PO_LIMIT);
    check_contains(po_err_msg(cx), "larger than 9 bytes");
    check_eq_str(po_buf_str(&buf), "ab");
    check_ok_leaf(po_buf_check(&buf));
    po_buf_truncate(&buf, 1);
    check_ok(cx, po_fs_read(cx, test_tmp("f"), &buf));
    check_eq_str(po_buf_str(&buf), "a12345678");
}

TEST(fs_read__refuses_what_is_no_file)
{
    TEST_CX(cx);
    check_eq_int(mkfifo(test_tmp("fifo"), 0600), 0);
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 100);
    const char *paths[] = {test_tmpdir(), test_tmp("fifo"), "/dev/null"};
    for (size_t i = 0; i < 3; i++) {
        check_fails(cx, po_fs_read(cx, paths[i], &buf), PO_INVALID);
        check_contains(po_err_msg(cx), "not a regular file");
    }
    check_fails(cx, po_fs_read(cx, test_tmp("absent"), &buf), PO_NOTFOUND);
    check_fails(cx, po_fs_read(cx, test_tmp("fifo/below"), &buf), PO_NOTFOUND);
}

TEST(fs_read__says_denied_for_what_it_may_not_open)
{
    TEST_CX(cx);
    test_write_file(test_tmp("f"), "x", 1);
    check_eq_int(chmod(test_tmp("f"), 0), 0);
    if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
        test_skip("cannot give up root");
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 100);
    po_rc rc = po_fs_read(cx, test_tmp("f"), &buf);
    /* The way there may be closed to nobody as well: the same answer. */
    check_eq_int(rc.code, PO_DENIED);
    if (getuid() == 0) check_that(seteuid(0) == 0 && setegid(0) == 0);
}

TEST(fs_pread_all__says_corrupt_at_an_early_end)
{
    TEST_CX(cx);
    test_write_file(test_tmp("f"), "12345", 5);
    PO_FD_AUTO fd = po_sys_open(test_tmp("f"), O_RDONLY, 0);
    char got[8] = {0};
    check_ok(cx, po_fs_pread_all(cx, fd, got, 3, 2));
    check_eq_mem(got, "345", 3);
    check_fails(cx, po_fs_pread_all(cx, fd, got, 4, 2), PO_CORRUPT);
    check_contains(po_err_msg(cx), "1 bytes before");
}

/* ---- writing ---- */

TEST(fs_write_atomic__creates_and_replaces_with_exact_mode)
{
    TEST_CX(cx);
    umask(077);
    check_ok(cx, po_fs_write_atomic(cx, test_tmp("f"), PO_LIT("one"), 0644));
    check_content(test_tmp("f"), "one");
    check_eq_int(mode_of(test_tmp("f")), 0644);
    check_ok(cx, po_fs_write_atomic(cx, test_tmp("f"), PO_LIT(""), 0600));
    check_content(test_tmp("f"), "");
    check_eq_int(mode_of(test_tmp("f")), 0600);
    check_eq_u64(count_names(cx), 1);
}

TEST(fs_write_atomic__replaces_a_link_not_its_target)
{
    TEST_CX(cx);
    test_write_file(test_tmp("target"), "safe", 4);
    check_eq_int(symlink("target", test_tmp("link")), 0);
    check_ok(cx, po_fs_write_atomic(cx, test_tmp("link"), PO_LIT("new"), 0600));
    check_content(test_tmp("target"), "safe");
    check_content(test_tmp("link"), "new");
    struct po_fs_info info = {0};
    check_ok(cx, po_fs_info(cx, test_tmp("link"), &info));
    check_that(info.is_file);
}

TEST(fs_write_atomic__fails_where_there_is_no_directory_or_one_in_its_place)
{
    TEST_CX(cx);
    check_eq_int(mkdir(test_tmp("d"), 0700), 0);
    check_fails(cx, po_fs_write_atomic(cx, test_tmp("no/f"), PO_LIT("x"), 0600), PO_NOTFOUND);
    check_fails(cx, po_fs_write_atomic(cx, test_tmp("d"), PO_LIT("x"), 0600), PO_INVALID);
    check_eq_u64(count_names(cx), 1);
}

TEST(fs_write_atomic__takes_any_name_a_file_can_have)
{
    TEST_CX(cx);
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    const char *names[] = {"new\nline", " ", "-rf", "\xff\xfe", "a\tb'\"", longest};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = NULL;
        check_ok(cx, po_path_join(cx, test_tmpdir(), names[i], &path));
        check_ok(cx, po_fs_write_atomic(cx, path, PO_LIT("x"), 0600));
        check_content(path, "x");
    }
    check_eq_u64(count_names(cx), 6);
    const char *too_long = po_arena_printf(cx->arena, "%s/%sn", test_tmpdir(), longest);
    check_fails(cx, po_fs_write_atomic(cx, too_long, PO_LIT("x"), 0600), PO_LIMIT);
}

TEST_FAULTS(fs_write_atomic__leaves_old_or_new_and_no_temp_when_a_call_fails)
{
    TEST_CX(cx);
    test_write_file(test_tmp("f"), "old", 3);
    bool has_worked = test_survived(po_fs_write_atomic(cx, test_tmp("f"), PO_LIT("new"), 0600));
    test_faults_off();
    po_err_clear(cx);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("f"), &len);
    bool is_new = len == 3 && memcmp(bytes, "new", 3) == 0;
    bool is_old = len == 3 && memcmp(bytes, "old", 3) == 0;
    free(bytes);
    check_that(is_new || (is_old && !has_worked));
    /* One call is without a remedy: the removal of the temp itself. It cannot fail alone here. */
    check_eq_u64(count_names(cx), 1);
}

TEST(fs_write_new__creates_only_what_is_absent)
{
    TEST_CX(cx);
    check_ok(cx, po_fs_write_new(cx, test_tmp("f"), PO_LIT("one"), 0640));
    check_eq_int(mode_of(test_tmp("f")), 0640);
    check_fails(cx, po_fs_write_new(cx, test_tmp("f"), PO_LIT("two"), 0600), PO_EXISTS);
    check_content(test_tmp("f"), "one");
    check_eq_u64(count_names(cx), 1);
}

TEST(fs_write_new__does_not_follow_a_link)
{
    TEST_CX(cx);
    check_eq_int(symlink(test_tmp("victim"), test_tmp("link")), 0);
    check_eq_int(mkdir(test_tmp("d"), 0700), 0);
    check_fails(cx, po_fs_write_new(cx, test_tmp("link"), PO_LIT("x"), 0600), PO_EXISTS);
    check_fails(cx, po_fs_write_new(cx, test_tmp("d"), PO_LIT("x"), 0600), PO_EXISTS);
    check_that(access(test_tmp("victim"), F_OK) != 0);
    check_eq_u64(count_names(cx), 2);
}

TEST_FAULTS(fs_write_new__is_whole_or_absent_when_a_call_fails)
{
    TEST_CX(cx);
    po_rc rc = po_fs_write_new(cx, test_tmp("f"), PO_LIT("whole"), 0600);
    (void)test_survived(rc);
    test_faults_off();
    po_err_clear(cx);
    struct po_fs_info info = {0};
    check_ok(cx, po_fs_info(cx, test_tmp("f"), &info));
    if (info.exists)
        check_content(test_tmp("f"), "whole");
    else
        check_that(rc.code != PO_OK);
    check_eq_u64(count_names(cx), info.exists ? 1 : 0);
}

#ifdef PO_FAULTS
/* Where renameat2 cannot refuse: EINVAL makes it take the way over a second name. */
TEST(fs_write_new__works_without_renameat2)
{
    TEST_CX(cx);
    const char *paths[] = {test_tmp("probe"), test_tmp("f")};
    uint64_t site = 0;
    /* Both from one place, so that the call has the same site. */
    for (int run = 0; run < 2; run++) {
        if (run == 0)
            po_fault_record();
        else
            po_fault_fail_site(site, 1, EINVAL);
        check_ok(cx, po_fs_write_new(cx, paths[run], PO_LIT("x"), 0600));
        po_fault_off();
        for (size_t i = 0; run == 0 && i < po_fault_site_count(); i++)
            if (strcmp(po_fault_site_at(i)->call, "renameat2") == 0)
                site = po_fault_site_at(i)->site;
    }
    check_that(site != 0 && po_fault_fired());
    check_content(test_tmp("f"), "x");
    check_eq_u64(count_names(cx), 2);
}

TEST(fs_write__goes_on_after_short_writes)
{
    TEST_CX(cx);
    static char bytes[10000];
    memset(bytes, 'b', sizeof bytes);
    for (uint64_t number = 1; number < 12; number++) {
        po_fault_fail_short(number, 0);
        check_ok(cx, po_fs_write_atomic(cx, test_tmp("f"), po_str_n(bytes, sizeof bytes), 0600));
        po_fault_fail_short(number, 0);
        check_ok(cx, po_fs_append(cx, test_tmp("f"), PO_LIT("tail"), 0600));
        po_fault_off();
        struct po_fs_info info = {0};
        check_ok(cx, po_fs_info(cx, test_tmp("f"), &info));
        check_eq_u64(info.size_bytes, sizeof bytes + 4);
    }
}

TEST(fs_append__takes_half_a_chunk_back)
{
    TEST_CX(cx);
    test_write_file(test_tmp("log"), "line 1\n", 7);
    unsigned failures = 0;
    for (uint64_t number = 1; number < 8; number++) {
        po_fault_fail_short(number, ENOSPC);
        po_rc rc = po_fs_append(cx, test_tmp("log"), PO_LIT("line 2\n"), 0600);
        bool has_fired = po_fault_fired();
        po_fault_off();
        po_str msg = po_str_of(po_err_msg(cx));
        bool is_close = po_str_starts(msg, PO_LIT("closing"));
        if (!po_is_ok(rc)) {
            failures++;
            check_that(has_fired);
            check_content(test_tmp("log"), is_close ? "line 1\nline 2\n" : "line 1\n");
        }
        po_err_clear(cx);
        test_write_file(test_tmp("log"), "line 1\n", 7);
    }
    check_that(failures >= 3);
}
#endif

TEST(fs_append__adds_and_creates)
{
    TEST_CX(cx);
    umask(022);
    check_ok(cx, po_fs_append(cx, test_tmp("log"), PO_LIT("a\n"), 0600));
    check_ok(cx, po_fs_append(cx, test_tmp("log"), PO_LIT("b\n"), 0644));
    check_content(test_tmp("log"), "a\nb\n");
    check_eq_int(mode_of(test_tmp("log")), 0600);
    check_eq_int(symlink("log", test_tmp("link")), 0);
    check_fails(cx, po_fs_append(cx, test_tmp("link"), PO_LIT("c\n"), 0600), PO_INVALID);
    check_fails(cx, po_fs_append(cx, "/dev/null", PO_LIT("c\n"), 0600), PO_INVALID);
}

/* ---- a full disk ---- */

static void check_full_disk(struct po_ctx *cx, const char *dir)
{
    static char big[256 << 10];
    memset(big, 'x', sizeof big);
    const char *keep = po_arena_printf(cx->arena, "%s/keep", dir);
    const char *fill = po_arena_printf(cx->arena, "%s/fill", dir);
    check_ok(cx, po_fs_write_atomic(cx, keep, PO_LIT("kept"), 0600));
    po_str bytes = po_str_n(big, sizeof big);
    check_fails(cx, po_fs_write_atomic(cx, keep, bytes, 0600), PO_IO);
    check_contains(po_err_msg(cx), "No space left");
    check_content(keep, "kept");
    check_fails(cx, po_fs_write_new(cx, fill, bytes, 0600), PO_IO);
    check_fails(cx, po_fs_append(cx, keep, bytes, 0600), PO_IO);
    check_content(keep, "kept");
    po_str *names = NULL;
    size_t count = 0;
    check_ok(cx, po_fs_list(cx, dir, &names, &count));
    check_eq_u64(count, 1);
}

TEST(fs__a_full_disk_leaves_what_was_there)
{
    TEST_CX(cx);
    if (geteuid() != 0) test_skip("mounting a small tmpfs needs root");
    if (unshare(CLONE_NEWNS) != 0) test_skip("no mount namespace of our own: %d", errno);
    /* Below a chroot "/" is no mount point (EINVAL): whoever made that chroot answers for it. */
    check_that(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 || errno == EINVAL);
    check_eq_int(mkdir(test_tmp("small"), 0700), 0);
    if (mount("tmpfs", test_tmp("small"), "tmpfs", 0, "size=64k") != 0)
        test_skip("no tmpfs can be mounted: %d", errno);
    check_full_disk(cx, test_tmp("small"));
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    check_ok(cx, po_fs_space(cx, test_tmp("small"), &free_bytes, &total_bytes));
    check_eq_u64(total_bytes, 65536);
    check_that(free_bytes < total_bytes);
    check_eq_int(umount(test_tmp("small")), 0);
}

/* ---- directories and names ---- */

TEST(fs_mkdir__has_the_mode_it_is_given)
{
    TEST_CX(cx);
    umask(077);
    check_ok(cx, po_fs_mkdir(cx, test_tmp("d"), 0755));
    check_eq_int(mode_of(test_tmp("d")), 0755);
    check_ok(cx, po_fs_mkdir(cx, test_tmp("d"), 0700));
    check_eq_int(mode_of(test_tmp("d")), 0755);
    test_write_file(test_tmp("f"), "", 0);
    check_fails(cx, po_fs_mkdir(cx, test_tmp("f"), 0700), PO_EXISTS);
    check_eq_int(symlink("d", test_tmp("link")), 0);
    check_ok(cx, po_fs_mkdir(cx, test_tmp("link"), 0700));
    check_eq_int(symlink("absent", test_tmp("dangling")), 0);
    check_fails(cx, po_fs_mkdir(cx, test_tmp("dangling"), 0700), PO_EXISTS);
    check_fails(cx, po_fs_mkdir(cx, test_tmp("no/d"), 0700), PO_NOTFOUND);
}

/* A directory that is there and cannot be looked at is a failure, not something else in its place. */
TEST(fs_mkdir__tells_what_looking_at_an_existing_one_met)
{
#ifdef PO_FAULTS
    TEST_CX(cx);
    check_ok(cx, po_fs_mkdir(cx, test_tmp("d"), 0700));
    po_fault_fail(2, EIO); /* mkdir, then stat */
    po_rc rc = po_fs_mkdir(cx, test_tmp("d"), 0700);
    po_fault_off();
    check_fails(cx, rc, PO_IO);
#endif
}

TEST(fs_mkdir_all__makes_the_way)
{
    TEST_CX(cx);
    check_ok(cx, po_fs_mkdir_all(cx, test_tmp("a//b/c/"), 0700));
    check_ok(cx, po_fs_mkdir_all(cx, test_tmp("a/b/c"), 0700));
    struct po_fs_info info = {0};
    check_ok(cx, po_fs_info(cx, test_tmp("a/b/c"), &info));
    check_that(info.is_dir);
    check_ok(cx, po_fs_mkdir_all(cx, "/", 0700));
    check_fails(cx, po_fs_mkdir_all(cx, "", 0700), PO_INVALID);
    char deep[3 * PO_FS_PATH_DEPTH_MAX + 2] = "";
    for (size_t i = 0; i + 2 < sizeof deep; i += 2)
        memcpy(deep + i, "/.", 3);
    check_fails(cx, po_fs_mkdir_all(cx, deep, 0700), PO_LIMIT);
    static char longer[PO_FS_PATH_BYTES_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    check_fails(cx, po_fs_mkdir_all(cx, longer, 0700), PO_LIMIT);
}

TEST(fs_rename__replaces_a_file)
{
    TEST_CX(cx);
    test_write_file(test_tmp("a"), "a", 1);
    test_write_file(test_tmp("b"), "b", 1);
    check_ok(cx, po_fs_rename(cx, test_tmp("a"), test_tmp("b")));
    check_content(test_tmp("b"), "a");
    check_fails(cx, po_fs_rename(cx, test_tmp("a"), test_tmp("b")), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "renaming");
}

TEST(fs_unlink__removes_a_name_but_no_directory)
{
    TEST_CX(cx);
    test_write_file(test_tmp("a"), "a", 1);
    check_ok(cx, po_fs_unlink(cx, test_tmp("a")));
    check_fails(cx, po_fs_unlink(cx, test_tmp("a")), PO_NOTFOUND);
    check_eq_int(mkdir(test_tmp("d"), 0700), 0);
    check_fails(cx, po_fs_unlink(cx, test_tmp("d")), PO_INVALID);
}

TEST(fs_chmod__sets_the_bits)
{
    TEST_CX(cx);
    test_write_file(test_tmp("a"), "a", 1);
    check_ok(cx, po_fs_chmod(cx, test_tmp("a"), 0400));
    check_eq_int(mode_of(test_tmp("a")), 0400);
    check_fails(cx, po_fs_chmod(cx, test_tmp("b"), 0400), PO_NOTFOUND);
}

TEST(fs_info__tells_kinds_apart)
{
    TEST_CX(cx);
    test_write_file(test_tmp("f"), "12345", 5);
    check_eq_int(chmod(test_tmp("f"), 04640), 0);
    check_eq_int(link(test_tmp("f"), test_tmp("g")), 0);
    check_eq_int(symlink("f", test_tmp("l")), 0);
    struct po_fs_info info = {0};
    check_ok(cx, po_fs_info(cx, test_tmp("f"), &info));
    check_that(info.exists && info.is_file && !info.is_dir && !info.is_symlink);
    check_eq_int(info.mode, 04640);
    check_eq_u64(info.size_bytes, 5);
    check_eq_u64(info.links, 2);
    check_eq_u64(info.uid, geteuid());
    check_that(info.mtime_us > 1700000000 * PO_US_PER_S && info.inode != 0);
    check_that(info.birth_us >= 0 && info.birth_us <= info.mtime_us);
    check_ok(cx, po_fs_info(cx, test_tmp("l"), &info));
    check_that(info.is_symlink && !info.is_file);
    check_ok(cx, po_fs_info(cx, test_tmpdir(), &info));
    check_that(info.is_dir);
    check_ok(cx, po_fs_info(cx, test_tmp("absent"), &info));
    check_that(!info.exists);
    check_ok(cx, po_fs_info(cx, test_tmp("f/x"), &info));
    check_that(!info.exists);
}

TEST(fs_list__sorts_bytewise_and_hides_nothing)
{
    TEST_CX(cx);
    const char *names[] = {"b", "a", "B", ".hidden", "new\nline", "\xc3\xa4"};
    const char *want[] = {".hidden", "B", "a", "b", "new\nline", "\xc3\xa4"};
    for (size_t i = 0; i < 6; i++)
        test_write_file(test_tmp(names[i]), "", 0);
    po_str *got = NULL;
    size_t count = 0;
    check_ok(cx, po_fs_list(cx, test_tmpdir(), &got, &count));
    check_eq_u64(count, 6);
    for (size_t i = 0; i < 6; i++)
        check_eq_str(got[i], want[i]);
    check_fails(cx, po_fs_list(cx, test_tmp("absent"), &got, &count), PO_NOTFOUND);
    check_fails(cx, po_fs_list(cx, test_tmp("a"), &got, &count), PO_NOTFOUND);
}

TEST(fs_list__gives_nothing_for_an_empty_directory)
{
    TEST_CX(cx);
    po_str *got = NULL;
    size_t count = 7;
    check_ok(cx, po_fs_list(cx, test_tmpdir(), &got, &count));
    check_eq_u64(count, 0);
}

TEST_TIMEOUT(fs_list__refuses_too_many_names, 120)
{
    TEST_CX(cx);
    char name[32];
    check_eq_int(mkdir(test_tmp("d"), 0700), 0);
    int dir = open(test_tmp("d"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i <= PO_FS_DIR_ENTRIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        check_eq_int(symlinkat("x", dir, name), 0);
    }
    po_str *got = NULL;
    size_t count = 0;
    check_fails(cx, po_fs_list(cx, test_tmp("d"), &got, &count), PO_LIMIT);
    check_eq_int(unlinkat(dir, name, 0), 0);
    check_ok(cx, po_fs_list(cx, test_tmp("d"), &got, &count));
    check_eq_u64(count, PO_FS_DIR_ENTRIES_MAX);
    check_eq_int(close(dir), 0);
}

TEST(fs_remove_tree__removes_links_not_what_they_lead_to)
{
    TEST_CX(cx);
    check_eq_int(mkdir(test_tmp("keep"), 0700), 0);
    test_write_file(test_tmp("keep/f"), "f", 1);
    check_ok(cx, po_fs_mkdir_all(cx, test_tmp("d/e/g"), 0700));
    test_write_file(test_tmp("d/e/new\nline"), "x", 1);
    check_eq_int(symlink("../../keep", test_tmp("d/e/link")), 0);
    check_fails(cx, po_fs_remove_tree(cx, test_tmp("d"), 2), PO_LIMIT);
    po_err_clear(cx);
    check_ok(cx, po_fs_remove_tree(cx, test_tmp("d"), 3));
    check_content(test_tmp("keep/f"), "f");
    check_eq_u64(count_names(cx), 1);
    check_fails(cx, po_fs_remove_tree(cx, test_tmp("d"), 3), PO_NOTFOUND);
}

TEST_FAULTS(fs_remove_tree__fails_cleanly)
{
    TEST_CX(cx);
    check_eq_int(mkdir(test_tmp("d"), 0700), 0);
    test_write_file(test_tmp("d/f"), "f", 1);
    if (!test_survived(po_fs_remove_tree(cx, test_tmp("d"), 2))) return;
    test_faults_off();
    check_eq_u64(count_names(cx), 0);
}

TEST_FAULTS(fs_list__fails_cleanly)
{
    TEST_CX(cx);
    test_write_file(test_tmp("a"), "", 0);
    po_str *got = NULL;
    size_t count = 0;
    if (!test_survived(po_fs_list(cx, test_tmpdir(), &got, &count))) return;
    test_faults_off();
    /* A failing closedir of a directory that was read is of no consequence. */
    check_eq_u64(count, 1);
}

TEST_FAULTS(fs__the_other_calls_fail_cleanly)
{
    TEST_CX(cx);
    test_write_file(test_tmp("a"), "a", 1);
    struct po_fs_info info = {0};
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 100);
    if (!test_survived(po_fs_mkdir_all(cx, test_tmp("d/e"), 0700))) return;
    if (!test_survived(po_fs_sync_all(cx, test_tmp("d")))) return;
    if (!test_survived(po_fs_info(cx, test_tmp("a"), &info))) return;
    if (!test_survived(po_fs_space(cx, test_tmpdir(), &free_bytes, &total_bytes))) return;
    if (!test_survived(po_fs_read(cx, test_tmp("a"), &buf))) return;
    if (!test_survived(po_fs_chmod(cx, test_tmp("a"), 0600))) return;
    if (!test_survived(po_fs_rename(cx, test_tmp("a"), test_tmp("b")))) return;
    if (!test_survived(po_fs_append(cx, test_tmp("b"), PO_LIT("b"), 0600))) return;
    if (!test_survived(po_fs_unlink(cx, test_tmp("b")))) return;
    test_faults_off();
    check_eq_str(po_buf_str(&buf), "a");
    check_that(info.exists && free_bytes > 0 && total_bytes >= free_bytes);
}
