/*
 * Rules around hidden paths: which they are, and what they hold when they are in force.
 */
#include "core/sandbox.h"

#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_dir(const char *name) { check_eq_int(mkdir(test_tmp(name), 0700), 0); }
static void make_file(const char *name) { test_write_file(test_tmp(name), "x", 1); }

/* a/{file, link -> keys, b/{other/, state/{keys/{master}, beside/}}} */
static void make_tree(void)
{
    make_dir("a");
    make_dir("a/b");
    make_dir("a/b/other");
    make_dir("a/b/state");
    make_dir("a/b/state/keys");
    make_dir("a/b/state/beside");
    make_file("a/file");
    make_file("a/b/other/file");
    make_file("a/b/state/keys/master");
    make_file("a/b/state/beside/file");
    check_eq_int(symlink(test_tmp("a/b/state/keys"), test_tmp("a/link")), 0);
    check_eq_int(symlink(test_tmp("a/b"), test_tmp("a/way")), 0);
}

static bool has_rule(const struct po_sandbox_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->at[i].path, test_tmp(name)) == 0) return true;
    return false;
}

static void around(struct po_ctx *cx, struct po_sandbox_rules *rules, const char *from,
                   const char *hidden)
{
    const struct po_sandbox_rule rule = {from, PO_SANDBOX_READ};
    check_ok(cx, po_sandbox_rules_init(cx, rules));
    check_ok(cx, po_sandbox_rules_around(cx, rules, &rule, &hidden, 1));
}

TEST(sandbox_around__gives_each_entry_beside_the_way_a_rule)
{
    TEST_CX(cx);
    struct po_sandbox_rules rules;
    make_tree();
    around(cx, &rules, test_tmp("a"), test_tmp("a/b/state/keys"));
    check_eq_u64(rules.count, 3);
    check_that(has_rule(&rules, "a/file") && has_rule(&rules, "a/b/other"));
    check_that(has_rule(&rules, "a/b/state/beside"));
    check_that(!has_rule(&rules, "a/b") && !has_rule(&rules, "a/link"));
    for (size_t i = 0; i < rules.count; i++)
        check_eq_u64(rules.at[i].access, PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS);
}

TEST(sandbox_around__sees_through_links_to_what_is_hidden)
{
    TEST_CX(cx);
    struct po_sandbox_rules rules;
    make_tree();
    around(cx, &rules, test_tmp("a/way/../way"), test_tmp("a/way/state/keys"));
    check_eq_u64(rules.count, 2); /* below a/b: other, state/beside */
    around(cx, &rules, test_tmp("a/link"), test_tmp("a/b/state/keys"));
    check_eq_u64(rules.count, 0);
    around(cx, &rules, test_tmp("a/b/state/keys/master"), test_tmp("a/b/state/keys"));
    check_eq_u64(rules.count, 0);
}

TEST(sandbox_around__hides_what_does_not_exist_yet)
{
    TEST_CX(cx);
    struct po_sandbox_rules rules;
    make_tree();
    around(cx, &rules, test_tmp("a"), test_tmp("a/b/other/not/yet"));
    check_that(has_rule(&rules, "a/b/other/file") && has_rule(&rules, "a/b/state"));
    check_that(!has_rule(&rules, "a/b/other"));
    /* a name that only begins alike is another */
    make_dir("a/b/state/keys2");
    around(cx, &rules, test_tmp("a/b/state"), test_tmp("a/b/state/keys"));
    check_that(has_rule(&rules, "a/b/state/keys2"));
}

TEST(sandbox_around__is_one_rule_where_nothing_is_hidden)
{
    TEST_CX(cx);
    struct po_sandbox_rules rules;
    make_tree();
    around(cx, &rules, test_tmp("a/b/other"), test_tmp("a/b/state/keys"));
    check_eq_u64(rules.count, 1);
    check_that(has_rule(&rules, "a/b/other"));
}

TEST(sandbox_around__has_limits)
{
    TEST_CX(cx);
    struct po_sandbox_rules rules;
    const char *hidden[PO_SANDBOX_HIDDEN_MAX + 1] = {"/a", "/b", "/c", "/d", "/e"};
    const struct po_sandbox_rule rule = {test_tmpdir(), PO_SANDBOX_READ};
    const struct po_sandbox_rule relative = {"here", PO_SANDBOX_READ};
    check_ok(cx, po_sandbox_rules_init(cx, &rules));
    check_fails(cx, po_sandbox_rules_around(cx, &rules, &rule, hidden, PO_SANDBOX_HIDDEN_MAX + 1),
                PO_LIMIT);
    check_fails(cx, po_sandbox_rules_around(cx, &rules, &relative, hidden, 1), PO_INVALID);
    po_err_clear(cx);
    make_tree();
    rules.count = PO_SANDBOX_AROUND_MAX - 1; /* room for one */
    const char *keys = test_tmp("a/b/state/keys");
    const struct po_sandbox_rule all = {test_tmp("a"), PO_SANDBOX_READ};
    check_ok(cx, po_sandbox_rules_around(cx, &rules, &all, &keys, 1));
    check_eq_u64(rules.count, PO_SANDBOX_AROUND_MAX);
    check_eq_u64(rules.left_out, 2);
    check_fails(cx, po_sandbox_rules_add(cx, &rules, "/x", PO_SANDBOX_READ), PO_LIMIT);
}

/* ---- in force ------------------------------------------------------------------------------------- */

static bool opens(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) (void)close(fd);
    return fd >= 0;
}

#define WANT(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) return __LINE__;                                                              \
    } while (0)

static int look_inside(const char *base)
{
    char path[4096];
#define AT(name) ((void)snprintf(path, sizeof path, "%s/%s", base, name), path)
    WANT(opens(AT("a/file")));
    WANT(opens(AT("a/b/other/file")));
    WANT(opens(AT("a/b/state/beside/file")));
    WANT(opens(AT("a/b/state/keys"))); /* its names, no more */
    WANT(!opens(AT("a/b/state/keys/master")) && errno == EACCES);
    WANT(!opens(AT("a/link/master")) && errno == EACCES);
    WANT(!opens(AT("a/way/state/keys/master")) && errno == EACCES);
    WANT(!opens(AT("a/b/other/../state/keys/master")) && errno == EACCES);
    (void)snprintf(path, sizeof path, "/proc/self/root%s/a/b/state/keys/master", base);
    WANT(!opens(path) && errno == EACCES);
    WANT(!opens(AT("a/b/later")) && errno == EACCES); /* made after the rules */
    return 0;
#undef AT
}

/* @proves CC6.1 */
TEST(sandbox_around__holds_by_every_way)
{
    TEST_CX(cx);
    struct po_sandbox_support support = {0};
    struct po_sandbox_rules rules;
    int ends[2] = {-1, -1};
    int line = -1;
    int status = 0;
    po_sandbox_support(&support);
    if (!po_sandbox_is_full(&support)) test_skip("this host has no landlock or no seccomp");
    make_tree();
    around(cx, &rules, "/", test_tmp("a/b/state/keys"));
    check_ok(cx, po_sandbox_rules_add(cx, &rules, "/", PO_SANDBOX_LIST));
    make_file("a/b/later");
    const char *base = test_tmpdir();
    check_eq_int(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct po_ctx *inside = calloc(1, sizeof *inside);
        if (inside == NULL || !po_is_ok(po_ctx_init(inside))) _exit(1);
        if (!po_is_ok(po_sandbox_enter_broad(inside, rules.at, rules.count, &support))) _exit(1);
        line = look_inside(base);
        _exit(write(ends[1], &line, sizeof line) == sizeof line ? 0 : 1);
    }
    check_eq_int(waitpid(pid, &status, 0), pid);
    check_eq_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    check_eq_int(read(ends[0], &line, sizeof line), sizeof line);
    check_that(line == 0, "line %d inside", line);
}

TEST_FAULTS_MANUAL(sandbox_around__fails_cleanly)
{
    TEST_CX(cx);
    struct po_sandbox_rules rules;
    make_tree();
    const char *hidden = test_tmp("a/b/state/keys");
    const struct po_sandbox_rule rule = {test_tmp("a"), PO_SANDBOX_READ};
    test_faults_arm();
    if (!test_survived(po_sandbox_rules_init(cx, &rules))) return;
    po_rc rc = po_sandbox_rules_around(cx, &rules, &rule, &hidden, 1);
    test_faults_off();
    check_that(po_is_ok(rc) || test_fault_fired());
    /* what could not be looked at has no rule: never one too many */
    check_that(!has_rule(&rules, "a/b/state/keys") && !has_rule(&rules, "a/b") && rules.count <= 3);
}
