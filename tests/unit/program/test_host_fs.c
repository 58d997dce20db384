/* host/fs in a runner child: each function, and what it refuses. */
#include "unit/program/runner_fixture.h"

#include "core/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* "<tmp>/d/<name>" */
static const char *in_d(struct po_ctx *cx, const char *name)
{
    const char *path = po_arena_printf(cx->arena, "%s/%s", test_tmp("d"), name);
    check_that(path != NULL);
    return path;
}

/* One program whose body may write "D" for <tmp>/d; its needs: all of d. */
static const char *said(struct po_ctx *cx, const char *needs, const char *body)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, 1 << 16);
    const char *whole = runner_text(cx, needs, body);
    for (const char *c = whole; *c != '\0'; c++)
        if (c[0] == 'D' && c[1] == '/')
            po_buf_append_cstr(&text, test_tmp("d"));
        else
            po_buf_append_char(&text, *c);
    struct po_program_result result = runner_go(cx, text.ptr);
    return runner_said(cx, &result);
}

#define ALL "fs_read = \"D/**\", fs_write = \"D/**\""

static void make_d(void)
{
    check_eq_int(mkdir(test_tmp("d"), 0755), 0);
    test_write_file(test_tmp("d/a.txt"), "alpha\n", 6);
    test_write_file(test_tmp("d/bad"), "\xff\xfe", 2);
    check_eq_int(mkdir(test_tmp("d/sub"), 0755), 0);
    test_write_file(test_tmp("d/sub/b.txt"), "beta", 4);
    check_eq_int(symlink("a.txt", test_tmp("d/link")), 0);
    check_eq_int(symlink("/etc", test_tmp("d/out")), 0);
    check_eq_int(mkfifo(test_tmp("d/pipe"), 0600), 0);
}

TEST(host_fs__reads_lists_and_looks)
{
    static const struct {
        const char *name;
        const char *body;
        const char *want;
    } rows[] = {
        {"read", "fs.read(\"D/a.txt\").unwrap()", "\"alpha\\n\""},
        {"read, odd spelling", "fs.read(\"D//./sub/b.txt\").unwrap()", "\"beta\""},
        {"list", "fs.list(\"D/\").unwrap().join(\" \")", "\"a.txt bad link out pipe sub\""},
        {"glob", "let v = fs.glob(\"D/*.txt\").unwrap().len()\n    to_string(v)", "\"1\""},
        {"glob across", "let v = fs.glob(\"D/**\").unwrap().len()\n    to_string(v)", "\"7\""},
        {"glob, names", "fs.glob(\"D/s*/b*\").unwrap()[0].replace(\"D/\", \"\")", "\"sub/b.txt\""},
        {"exists",
         "let v = [fs.exists(\"D/a.txt\").unwrap(), fs.exists(\"D/no\").unwrap(), "
         "fs.exists(\"D/no/no\").unwrap()]\n    to_string(v)",
         "\"[true, false, false]\""},
        {"stat", "let v = fs.stat(\"D/a.txt\").unwrap()\n    to_string(v.kind) + to_string(v.size)",
         "\"file6\""},
        {"stat of others",
         "let v = [\"link\", \"sub\", \"pipe\"].map(|n| fs.stat(\"D/\" + n).unwrap().kind)\n    v.join(\" \")",
         "\"link dir other\""},
        {"sha256", "fs.sha256(\"D/sub/b.txt\").unwrap()",
         "\"f44e64e75f3948e9f73f8dfa94721c4ce8cbb4f265c4790c702b2d41cfbf2753\""},
        {"free_bytes", "let v = fs.free_bytes(\"D/a.txt\").unwrap().total > 0\n    to_string(v)",
         "\"true\""},
    };
    TEST_CX(cx);
    make_d();
    TEST_EACH(row, rows)
    check_eq_cstr(said(cx, ALL, row->body), row->want);
    test_row(NULL);
}

TEST(host_fs__refuses_what_is_no_file_of_the_place)
{
    static const struct {
        const char *name;
        const char *body;
        const char *want;
    } rows[] = {
        {"absent", "fs.read(\"D/no\")", "No such file"},
        {"link", "fs.read(\"D/link\")", "a symbolic link is on the way"},
        {"link on the way", "fs.read(\"D/out/passwd\")", "a symbolic link is on the way"},
        {"link to list", "fs.list(\"D/out\")", "symbolic link"},
        {"directory", "fs.read(\"D/sub\")", "is no regular file"},
        {"pipe", "fs.read(\"D/pipe\")", "is no regular file"},
        {"no text", "fs.read(\"D/bad\")", "is not UTF-8 text"},
        {"dots", "fs.read(\"D/../x\")", "'..' in the path"},
        {"outside", "fs.read(\"/etc/passwd\")", "does not cover '/etc/passwd' (needs)"},
        {"write over link", "fs.write(\"D/link\", \"x\")", "symbolic link"},
        {"write over directory", "fs.write(\"D/sub\", \"x\")", "is no regular file"},
        {"write below a link", "fs.write(\"D/out/x\", \"x\")", "symbolic link"},
        {"append to link", "fs.append(\"D/link\", \"x\")", "symbolic link"},
        {"append to pipe", "fs.append(\"D/pipe\", \"x\")", "D/pipe"},
        {"make over file", "fs.mkdir(\"D/a.txt\")", "File exists"},
        {"remove absent", "fs.remove(\"D/no\")", "No such file"},
        {"remove full", "fs.remove(\"D/sub\")", "not empty"},
        {"mode", "fs.chmod(\"D/a.txt\", 2541)", "a mode is 0 to 0o777"},
        {"mode of link", "fs.chmod(\"D/link\", 256)", "symbolic link"},
        {"rename out", "fs.rename(\"D/a.txt\", \"/tmp/x\")", "does not cover '/tmp/x' (needs)"},
        {"free of link", "fs.free_bytes(\"D/out\")", "symbolic link"},
    };
    TEST_CX(cx);
    make_d();
    TEST_EACH(row, rows)
    {
        const char *body = po_arena_printf(
            cx->arena, "match %s { Ok(_) => \"done\", Err(e) => e.message }", row->body);
        const char *answer = said(cx, ALL, body);
        const char *want = strstr(row->want, "D/pipe") != NULL ? "pipe" : row->want;
        check_contains(answer, want);
    }
    test_row(NULL);
    check_that(access(test_tmp("d/a.txt"), F_OK) == 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st = {0};
    check_eq_int(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

TEST(host_fs__writes_whole_files_and_keeps_their_mode)
{
    TEST_CX(cx);
    make_d();
    check_eq_int(chmod(test_tmp("d/a.txt"), 0600), 0);
    const char *answer = said(cx, ALL,
                              "fs.write(\"D/a.txt\", \"new\").unwrap()\n"
                              "    fs.append(\"D/a.txt\", \" text\").unwrap()\n"
                              "    fs.mkdir(\"D/made\").unwrap()\n"
                              "    fs.mkdir(\"D/made\").unwrap()\n"
                              "    fs.write(\"D/made/one\", \"1\").unwrap()\n"
                              "    fs.rename(\"D/made/one\", \"D/made/two\").unwrap()\n"
                              "    fs.chmod(\"D/made/two\", 0o444).unwrap()\n"
                              "    fs.chmod(\"D/made\", 0o700).unwrap()\n"
                              "    fs.remove(\"D/bad\").unwrap()\n"
                              "    fs.remove(\"D/link\").unwrap()\n"
                              "    fs.read(\"D/a.txt\").unwrap()");
    check_eq_cstr(answer, "\"new text\"");
    check_eq_int(mode_of(test_tmp("d/a.txt")), 0600);
    check_eq_int(mode_of(in_d(cx, "made/two")), 0444);
    check_eq_int(mode_of(in_d(cx, "made")), 0700);
    check_that(access(test_tmp("d/bad"), F_OK) != 0);
    check_that(access(test_tmp("d/a.txt"), F_OK) == 0);
    /* no temporary file is left */
    check_eq_cstr(said(cx, ALL, "fs.list(\"D/\").unwrap().join(\" \")"),
                  "\"a.txt made out pipe sub\"");
}

TEST(host_fs__a_dry_run_changes_nothing)
{
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_program_job job = {.is_dry_run = true};
    check_eq_int(mkdir(test_tmp("d"), 0755), 0);
    const char *path = test_tmp("d/x");
    const char *needs = po_arena_printf(cx->arena, "fs_write = \"%s\"", path);
    const char *body =
        po_arena_printf(cx->arena, "fs.write(\"%s\", \"1\").unwrap()\n    \"ok\"", path);
    check_ok(cx, runner_try(cx, runner_text(cx, needs, body), &job, &result));
    check_eq_cstr(runner_said(cx, &result), "\"ok\"");
    check_that(access(path, F_OK) != 0);
    check_contains(result.calls_json.ptr, "\"name\":\"write\",\"seq\":1,\"value\":null");
    job.is_dry_run = false;
    check_ok(cx, runner_try(cx, runner_text(cx, needs, body), &job, &result));
    check_that(access(path, F_OK) == 0);
}

/* ---- in this process, call by call --------------------------------------------------------------- */

static struct po_cap everything[] = {
    {PO_CAP_FS_STAT, {"/**", 3}}, {PO_CAP_FS_READ, {"/**", 3}}, {PO_CAP_FS_WRITE, {"/**", 3}}};
static const struct po_caps all_caps = {3, everything};

static po_rc ask_fs(struct po_ctx *cx, const char *name, const char *args, struct po_buf *out)
{
    const struct po_script_host_fn *fns = NULL;
    size_t count = 0;
    struct po_gate gate = {.needs = &all_caps, .ceiling = &all_caps};
    struct po_script_host_call call = {.seq = 1,
                                       .module = PO_LIT("host/fs"),
                                       .name = po_str_of(name),
                                       .args_json = po_str_of(args)};
    struct po_host_ask ask = {0};
    struct po_program_denial denial = {0};
    PO_TRY(cx, po_program_host_table(cx, &fns, &count));
    call.fn_index = po_host_find(fns, count, call.module, call.name);
    PO_TRY(cx, po_gate_ask(cx, &gate, &fns[call.fn_index], &call, &ask, &denial));
    po_buf_clear(out);
    PO_TRY(cx, po_host_fs_answer(cx, &ask, out));
    return po_buf_check(out);
}

static const char *args_in(struct po_ctx *cx, const char *format_after)
{
    return po_arena_printf(cx->arena, "[\"%s/%s]", test_tmp("d"), format_after);
}

static void check_only(const char *names)
{
    TEST_CX(cx);
    PO_BUF_AUTO got = {0};
    po_str *at = NULL;
    size_t count = 0;
    po_buf_init(&got, 1000);
    check_ok(cx, po_fs_list(cx, test_tmp("d"), &at, &count));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) po_buf_append_char(&got, ' ');
        po_buf_append(&got, at[i]);
    }
    check_eq_str(po_buf_str(&got), names);
}

TEST_FAULTS_MANUAL(host_fs__a_failed_write_leaves_the_file_as_it_was)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    size_t len = 0;
    po_buf_init(&out, 1 << 20);
    check_eq_int(mkdir(test_tmp("d"), 0755), 0);
    test_write_file(test_tmp("d/a"), "old", 3);
    const char *args = args_in(cx, "a\",\"new text\"");
    test_faults_arm();
    po_rc rc = ask_fs(cx, "write", args, &out);
    test_faults_off();
    bool is_done = test_survived(rc);
    char *text = test_read_file(test_tmp("d/a"), &len);
    check_eq_postr(po_str_n(text, len), is_done ? PO_LIT("new text") : PO_LIT("old"));
    free(text);
    /* The one fault may have hit the removal of the temporary file, but then nothing else failed. */
    check_only("a");
}

#define FS_FAULTS(id, fn, args, after)                                                             \
    TEST_FAULTS_MANUAL(host_fs__##id##_fails_cleanly)                                              \
    {                                                                                              \
        TEST_CX(cx);                                                                               \
        PO_BUF_AUTO out = {0};                                                                     \
        po_buf_init(&out, 1 << 20);                                                                \
        make_d();                                                                                  \
        const char *text = args_in(cx, args);                                                      \
        test_faults_arm();                                                                         \
        po_rc rc = ask_fs(cx, fn, text, &out);                                                     \
        test_faults_off();                                                                         \
        if (test_survived(rc)) check_contains(out.ptr, after);                                     \
    }
FS_FAULTS(read, "read", "a.txt\"", "alpha")
FS_FAULTS(list, "list", "\"", "\"a.txt\"")
FS_FAULTS(glob, "glob", "*.txt\"", "a.txt")
FS_FAULTS(stat, "stat", "a.txt\"", "\"size\":6")
FS_FAULTS(exists, "exists", "sub/b.txt\"", "e")
FS_FAULTS(sha256, "sha256", "a.txt\"", "\"")
FS_FAULTS(free_bytes, "free_bytes", "sub\"", "\"total\":")
FS_FAULTS(append, "append", "sub/b.txt\",\"x\"", "null")
FS_FAULTS(mkdir, "mkdir", "new\"", "null")
FS_FAULTS(remove, "remove", "sub/b.txt\"", "null")
FS_FAULTS(chmod, "chmod", "sub/b.txt\",384", "null")

TEST(host_fs__a_text_too_long_for_the_language_is_an_error)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    PO_BUF_AUTO text = {0};
    po_buf_init(&out, 1 << 20);
    po_buf_init(&text, 1 << 20);
    check_eq_int(mkdir(test_tmp("d"), 0755), 0);
    po_buf_append_zeros(&text, PO_SCRIPT_STRING_BYTES_MAX + 1);
    memset(text.ptr, 'x', text.len);
    test_write_file(test_tmp("d/large"), text.ptr, text.len);
    check_fails(cx, ask_fs(cx, "read", args_in(cx, "large\""), &out), PO_LIMIT);
    test_write_file(test_tmp("d/large"), text.ptr, text.len - 1);
    check_ok(cx, ask_fs(cx, "read", args_in(cx, "large\""), &out));
    check_eq_u64(out.len, PO_SCRIPT_STRING_BYTES_MAX + 2);
}

TEST(host_fs__another_users_file_is_not_replaced)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 1 << 20);
    check_eq_int(mkdir(test_tmp("d"), 0755), 0);
    test_write_file(test_tmp("d/a"), "old", 3);
    if (geteuid() != 0) test_skip("only root can give a file away");
    check_eq_int(chown(test_tmp("d/a"), 65534, 65534), 0);
    check_fails(cx, ask_fs(cx, "write", args_in(cx, "a\",\"new\""), &out), PO_DENIED);
    check_contains(po_err_msg(cx), "belongs to another user");
}

TEST(host_fs__a_pattern_looks_at_no_more_than_its_limits)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    PO_BUF_AUTO path = {0};
    po_buf_init(&out, 1 << 20);
    po_buf_init(&path, 4096);
    po_buf_append_cstr(&path, test_tmp("d"));
    check_eq_int(mkdir(path.ptr, 0755), 0);
    for (int i = 0; i < PO_HOST_FS_DEPTH_MAX + 2; i++) {
        po_buf_append_cstr(&path, "/n");
        check_eq_int(mkdir(path.ptr, 0755), 0);
    }
    check_ok(cx, ask_fs(cx, "glob", args_in(cx, "**\""), &out));
    size_t found = 0;
    for (size_t i = 0; i < out.len; i++)
        found += out.ptr[i] == ',';
    check_eq_u64(found + 1, PO_HOST_FS_DEPTH_MAX);
}
