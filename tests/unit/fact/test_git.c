/*
 * Reading a repository's files: against git itself where it is installed, and against hostile bytes.
 */
#include "fact/git_worktree_priv.h"
#include "fact_fixture.h"

#include "core/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- SHA-1 ---------------------------------------------------------------------------------------- */

TEST(git_sha1__agrees_with_the_published_vectors)
{
    static const struct {
        const char *name;
        const char *text;
        size_t repeat;
        const char *want;
    } rows[] = {
        /* FIPS 180-4 examples, https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines */
        {"abc", "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"empty", "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"a million a", "aaaaaaaaaa", 100000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
    };
    TEST_EACH(row, rows)
    {
        struct po_sha1 sha;
        uint8_t digest[PO_SHA1_BYTES];
        char hex[41];
        po_sha1_begin(&sha);
        for (size_t i = 0; i < row->repeat; i++)
            po_sha1_update(&sha, po_str_of(row->text));
        po_sha1_end(&sha, digest);
        po_hex_encode(digest, sizeof digest, hex);
        check_eq_cstr(hex, row->want);
    }
}

/* ---- ignore rules -------------------------------------------------------------------------------- */

TEST(git_match__is_wildmatch)
{
    static const struct {
        const char *name; /* pattern */
        const char *text;
        bool want;
    } rows[] = {
        {"*.o", "a.o", true},
        {"*.o", "a/b.o", false},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[]]", "]", true},
        {"**/x", "x", true},
        {"**/x", "a/b/x", true},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/x/yb", false},
        {"foo**bar", "fooxbar", true},
        {"foo**bar", "foo/bar", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"*a*b*c", "xxaxxbxxc", true},
        {"[", "[", false},
        {"*", "", true},
    };
    TEST_EACH(row, rows)
    check_eq_int(po_git_match(po_str_of(row->name), po_str_of(row->text)), row->want);
}

TEST(git_match__gives_up_on_patterns_made_to_explode)
{
    char pattern[200];
    char text[400];
    for (size_t i = 0; i < sizeof pattern; i += 2)
        memcpy(pattern + i, "*a", 2);
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    check_that(!po_git_match(po_str_n(pattern, sizeof pattern), po_str_n(text, sizeof text)));
}

TEST(git_is_ignored__lets_the_last_and_the_deeper_rule_decide)
{
    TEST_CX(cx);
    const struct po_git_rules *top = NULL;
    const struct po_git_rules *deep = NULL;
    check_ok(cx,
             po_git_rules_parse(cx, PO_LIT("# c\n*.log\n!keep.log\n/build/\ndocs/*.tmp\n.env\n"), 0,
                                NULL, &top));
    check_ok(cx, po_git_rules_parse(cx, PO_LIT("!special.log\n"), 4, top, &deep));
    check_that(po_git_is_ignored(top, PO_LIT("a.log"), false));
    check_that(po_git_is_ignored(top, PO_LIT("x/a.log"), false));
    check_that(!po_git_is_ignored(top, PO_LIT("keep.log"), false));
    check_that(po_git_is_ignored(top, PO_LIT("build"), true));
    check_that(!po_git_is_ignored(top, PO_LIT("build"), false));
    check_that(!po_git_is_ignored(top, PO_LIT("x/build"), true));
    check_that(po_git_is_ignored(top, PO_LIT("docs/a.tmp"), false));
    check_that(!po_git_is_ignored(top, PO_LIT("docs/x/a.tmp"), false));
    check_that(po_git_is_ignored(top, PO_LIT("config/.env"), false));
    check_that(!po_git_is_ignored(deep, PO_LIT("sub/special.log"), false));
    check_that(po_git_is_ignored(deep, PO_LIT("sub/other.log"), false));
}

/* ---- against git ------------------------------------------------------------------------------------ */

static void need_git(void)
{
    if (access("/usr/bin/git", X_OK) != 0) test_skip("git is not installed");
}

/* In the repository, without anybody's configuration. */
static void run_in_repo(const char *commands)
{
    PO_BUF_AUTO script = {0};
    po_buf_init(&script, 65536);
    fixture_dir("repo");
    po_buf_printf(
        &script,
        "cd '%s' && export HOME=%s GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=n "
        "GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e "
        "GIT_AUTHOR_DATE='1767300000 +0000' GIT_COMMITTER_DATE='1767300000 +0000'; set -e; ",
        test_tmp("repo"), test_tmp("nohome"));
    po_buf_append_cstr(&script, commands);
    check_ok_leaf(po_buf_check(&script));
    check_that(system(script.ptr) == 0, "%s", commands);
}

static struct po_fact_set *repo_set(struct po_ctx *cx)
{
    struct po_fact_set *set = fixture_set(cx);
    set->places.repo = test_tmp("repo");
    return set;
}

#define NEW_REPO                                                                                   \
    "git init -q -b main; printf '*.log\\n.env\\n' >.gitignore; mkdir -p config sub/deep; "        \
    "echo a >a; echo b >sub/b; echo c >sub/deep/c; echo k >config/k; ln -s a link; "               \
    "git add .; git commit -q -m one; touch -d '-10 sec' a sub/b sub/deep/c config/k .gitignore; " \
    "git status >/dev/null; "

TEST(repo_worktree__is_clean_after_a_commit)
{
    need_git();
    TEST_CX(cx);
    run_in_repo(NEW_REPO "echo x >x.log; echo S=1 >config/.env");
    const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.worktree");
    check_that(fixture_bool(value, "compared"));
    check_eq_int(fixture_int(value, "tracked"), 6);
    check_eq_int(fixture_int(value, "modified"), 0);
    check_eq_int(fixture_int(value, "deleted"), 0);
    check_eq_int(fixture_int(value, "untracked"), 0);
    check_eq_str(fixture_str(value, "staged"), "none");
    check_that(fixture_is_null(value, "oldest_change_age_s"));
    check_that(fixture_bool(value, "env_ignored"));
    check_eq_int(fixture_int(value, "env_tracked"), 0);
}

static const struct {
    const char *name;
    const char *commands;
    int64_t modified;
    int64_t deleted;
    int64_t untracked;
    const char *staged;
} changes[] = {
    {"changed content", "echo changed >a", 1, 0, 0, "none"},
    {"same size, other content", "printf 'z\\n' >a", 1, 0, 0, "none"},
    {"touched only", "touch a", 0, 0, 0, "none"},
    {"mode", "chmod +x a", 1, 0, 0, "none"},
    {"deleted", "rm sub/b", 0, 1, 0, "none"},
    {"untracked", "echo n >new; echo n >sub/new2", 0, 0, 2, "none"},
    {"untracked directory of ignored files", "mkdir d; echo n >d/x.log", 0, 0, 0, "none"},
    {"link elsewhere", "ln -sfn sub link", 1, 0, 0, "none"},
    {"link replaced by a file", "rm link; printf a >link", 1, 0, 0, "none"},
    {"directory replaced by a link", "rm -r sub/deep; ln -s ../config sub/deep", 0, 1, 1, "none"},
    {"staged", "echo changed >a; git add a", 0, 0, 0, "possible"},
    {"staged and committed", "echo changed >a; git add a; git commit -q -m two", 0, 0, 0, "none"},
    {"intent to add", "echo n >new; git add -N new", 1, 0, 0, "possible"},
    {"nested repository", "git init -q -b main nested", 0, 0, 1, "none"},
    {"rule below",
     "echo '!b.log' >sub/.gitignore; echo n >sub/b.log; git add sub/.gitignore; "
     "git commit -q -m two",
     0, 0, 1, "none"},
};

TEST_TIMEOUT(repo_worktree__counts_changes_as_git_does, 120)
{
    need_git();
    for (size_t version = 2; version <= 4; version += 2) {
        TEST_EACH(row, changes)
        {
            TEST_CX(cx);
            PO_BUF_AUTO commands = {0};
            po_buf_init(&commands, 8192);
            po_buf_printf(&commands,
                          "find . -mindepth 1 -delete; " NEW_REPO
                          "git update-index --index-version %zu; %s",
                          version, row->commands);
            run_in_repo(commands.ptr);
            const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.worktree");
            check_that(fixture_bool(value, "compared"));
            check_eq_int(fixture_int(value, "modified"), row->modified);
            check_eq_int(fixture_int(value, "deleted"), row->deleted);
            check_eq_int(fixture_int(value, "untracked"), row->untracked);
            check_eq_str(fixture_str(value, "staged"), row->staged);
        }
    }
}

TEST(repo_worktree__finds_a_tracked_env_file_and_conflicts)
{
    need_git();
    TEST_CX(cx);
    run_in_repo(NEW_REPO "echo S=1 >config/.env; git add -f config/.env; git commit -q -m env; "
                         "git checkout -q -b other; echo 1 >a; git commit -qam 1; "
                         "git checkout -q main; echo 2 >a; git commit -qam 2; "
                         "git merge -q other >/dev/null || true");
    const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.worktree");
    check_eq_int(fixture_int(value, "env_tracked"), 1);
    check_that(fixture_int(value, "conflicts") > 0);
}

TEST(repo_head__knows_remote_and_push_from_files_alone)
{
    need_git();
    TEST_CX(cx);
    run_in_repo(NEW_REPO "git init -q --bare ../bare.git; git remote add origin ../bare.git; "
                         "git remote add other https://u:secret@h/x; git push -q -u origin main");
    struct po_fact_set *set = repo_set(cx);
    const struct po_json *value = fixture_read(cx, set, "repo.head");
    check_that(fixture_bool(value, "head_readable"));
    check_that(fixture_bool(value, "has_commit"));
    check_eq_int(fixture_int(value, "remotes"), 2);
    check_eq_int(fixture_int(value, "remotes_with_credential"), 1);
    check_that(fixture_bool(value, "upstream_set"));
    check_that(fixture_bool(value, "head_equals_upstream"));
    check_that(fixture_bool(value, "upstream_moved_by_push"));
    check_eq_int(fixture_int(value, "head_moved_age_s"),
                 TEST_CLOCK_START_US / PO_US_PER_S - 1767300000);
}

TEST(repo_head__sees_an_unpushed_commit_also_through_packed_refs)
{
    need_git();
    TEST_CX(cx);
    run_in_repo(NEW_REPO "git init -q --bare ../bare.git; git remote add origin ../bare.git; "
                         "git push -q -u origin main; echo z >>a; git commit -qam two; "
                         "git pack-refs --all");
    const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.head");
    check_that(fixture_bool(value, "upstream_known"));
    check_that(!fixture_bool(value, "head_equals_upstream"));
}

TEST(repo_head__follows_a_linked_work_tree_and_a_detached_head)
{
    need_git();
    TEST_CX(cx);
    run_in_repo(NEW_REPO "git worktree add -q --detach ../linked");
    struct po_fact_set *set = fixture_set(cx);
    set->places.repo = test_tmp("linked");
    const struct po_json *value = fixture_read(cx, set, "repo.head");
    check_that(fixture_bool(value, "found"));
    check_that(fixture_bool(value, "detached"));
    check_eq_int(fixture_int(fixture_read(cx, set, "repo.worktree"), "modified"), 0);
}

TEST(repo_worktree__reads_a_sha256_repository)
{
    need_git();
    TEST_CX(cx);
    run_in_repo("git init -q -b main --object-format=sha256; echo a >a; git add a; "
                "git commit -q -m one; touch a");
    const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.worktree");
    check_that(fixture_bool(value, "compared"));
    check_eq_int(fixture_int(value, "modified"), 0);
}

/* ---- without a repository ---------------------------------------------------------------------------- */

TEST(repo_facts__say_when_nothing_is_configured)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *head = fixture_read(cx, set, "repo.head");
    const struct po_json *tree = fixture_read(cx, set, "repo.worktree");
    check_that(!fixture_bool(head, "configured") && !fixture_bool(head, "found"));
    check_that(!fixture_bool(tree, "configured") && !fixture_bool(tree, "compared"));
}

TEST(repo_facts__say_when_the_configured_place_holds_none)
{
    TEST_CX(cx);
    fixture_dir("repo");
    struct po_fact_set *set = repo_set(cx);
    const struct po_json *head = fixture_read(cx, set, "repo.head");
    check_that(fixture_bool(head, "configured") && !fixture_bool(head, "found"));
}

/* ---- hostile bytes ------------------------------------------------------------------------------------ */

TEST(git_refs__refuse_hostile_heads_and_refs)
{
    static const struct {
        const char *name;
        const char *head;
    } rows[] = {
        {"above", "ref: refs/heads/../../../etc/passwd\n"},
        {"absolute", "ref: /etc/passwd\n"},
        {"short", "0123\n"},
        {"binary", "\x01\x02"},
        {"loop", "ref: refs/heads/loop\n"},
        {"empty", ""},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        fixture_file("repo/.git/HEAD", row->head);
        fixture_file("repo/.git/refs/heads/loop", "ref: refs/heads/loop\n");
        const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.head");
        check_that(fixture_bool(value, "found"));
        check_that(!fixture_bool(value, "has_commit"));
    }
}

TEST(git_open__does_not_follow_a_gitdir_file_that_is_no_such)
{
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {{"empty", ""}, {"other text", "hello\n"}, {"nul", "gitdir: a"}};
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        fixture_file("repo/.git", row->text);
        const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.head");
        check_that(!fixture_bool(value, "has_commit"));
    }
}

static const uint8_t entry_head[] = {'D', 'I', 'R', 'C', 0, 0, 0, 2, 0, 0, 0, 1};

/* An index of one entry whose path is given. */
static size_t make_index(const char *path, uint8_t out[static 512])
{
    memset(out, 0, 512);
    memcpy(out, entry_head, sizeof entry_head);
    size_t at = sizeof entry_head;
    out[at + 26] = 0x81; /* mode 0100644 */
    out[at + 27] = 0xa4;
    memcpy(out + at + 62, path, strlen(path));
    size_t length = (62 + strlen(path) + 8) & ~(size_t)7;
    return at + length + 20;
}

TEST(git_index__refuses_paths_that_leave_the_work_tree)
{
    static const struct {
        const char *name;
        bool is_safe;
    } rows[] = {{"a", true},         {"a/b", true},     {"../a", false},
                {"a/../b", false},   {"/etc/x", false}, {".git/hooks", false},
                {"a/.GIT/x", false}, {"a//b", false},   {"a/", false},
                {"./a", false},      {"..", false},     {".gitignore", true}};
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        uint8_t bytes[512];
        size_t len = make_index(row->name, bytes);
        struct po_git_index index = {0};
        po_rc rc = po_git_index_parse(cx, po_str_n(bytes, len), 20, &index);
        check_eq_int(po_is_ok(rc), row->is_safe);
        if (!row->is_safe) check_eq_int(rc.code, PO_INVALID);
    }
}

TEST(git_index__refuses_every_cut_and_survives_every_flipped_byte)
{
    TEST_CX(cx);
    uint8_t bytes[512];
    size_t len = make_index("dir/file", bytes);
    struct po_git_index index = {0};
    check_ok(cx, po_git_index_parse(cx, po_str_n(bytes, len), 20, &index));
    check_eq_str(index.entries[0].path, "dir/file");
    check_eq_u64(index.entries[0].mode, 0100644);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut == 0 ? 1 : cut);
        check_that(exact != NULL);
        memcpy(exact, bytes, cut);
        check_that(!po_is_ok(po_git_index_parse(cx, po_str_n(exact, cut), 20, &index)));
        free(exact);
    }
    for (size_t i = 0; i < len * 8; i++) {
        uint8_t *exact = malloc(len);
        check_that(exact != NULL);
        memcpy(exact, bytes, len);
        exact[i / 8] ^= (uint8_t)(1U << (i % 8));
        po_ignore(po_git_index_parse(cx, po_str_n(exact, len), 20, &index), "any answer will do");
        free(exact);
    }
}

TEST(git_index__refuses_a_count_that_cannot_fit_before_allocating)
{
    TEST_CX(cx);
    uint8_t bytes[512];
    size_t len = make_index("a", bytes);
    struct po_git_index index = {0};
    bytes[8] = 0xff;
    check_fails(cx, po_git_index_parse(cx, po_str_n(bytes, len), 20, &index), PO_LIMIT);
    bytes[8] = 0;
    bytes[10] = 0xa0;
    check_fails(cx, po_git_index_parse(cx, po_str_n(bytes, len), 20, &index), PO_INVALID);
}

TEST(repo_worktree__says_why_it_could_not_compare)
{
    TEST_CX(cx);
    fixture_file("repo/.git/HEAD", "ref: refs/heads/main\n");
    fixture_file("repo/.git/index", "DIRCxxxxgarbagegarbagegarbagegarbage");
    const struct po_json *value = fixture_read(cx, repo_set(cx), "repo.worktree");
    check_that(!fixture_bool(value, "compared"));
    check_that(fixture_str(value, "why").len > 0);
}

TEST(repo_facts__change_nothing_in_the_repository)
{
    need_git();
    TEST_CX(cx);
    run_in_repo(NEW_REPO "touch a");
    const char *before = fixture_tree_digest(cx, test_tmp("repo"));
    struct po_fact_set *set = repo_set(cx);
    (void)fixture_read(cx, set, "repo.worktree");
    (void)fixture_read(cx, set, "repo.head");
    check_eq_cstr(fixture_tree_digest(cx, test_tmp("repo")), before);
}
