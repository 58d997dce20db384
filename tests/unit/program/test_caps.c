/*
 * Capabilities: what @needs may say, what a value covers, what a set covers of another.
 */
#include "unit/program/program_fixture.h"

#include <stdlib.h>

static struct po_caps caps_of(struct po_ctx *cx, const char *json)
{
    struct po_caps caps = {0};
    check_ok(cx, po_caps_parse(cx, po_str_of(json), &caps));
    return caps;
}

static void check_put(const struct po_caps *caps, const char *want)
{
    PO_BUF_AUTO buf = {0};
    struct po_json_out out = {0};
    po_buf_init(&buf, 1u << 16);
    po_json_out_init(&out, &buf, 0);
    po_caps_put(caps, &out);
    check_ok_leaf(po_buf_check(&buf));
    check_eq_str(po_buf_str(&buf), want);
}

TEST(caps_parse__reads_texts_lists_and_true_into_canonical_form)
{
    static const struct {
        const char *name;
        const char *needs;
        const char *canonical;
    } table[] = {
        {"empty object", "{}", "{}"},
        {"nothing", "", "{}"},
        {"true", "{\"time\":true}", "{\"time\":[\"*\"]}"},
        {"list in a text", "{\"fact\":\"b.c, a.b\"}", "{\"fact\":[\"b.c\",\"a.b\"]}"},
        {"list of texts", "{\"fs_read\":[\"/b/*\",\"/a\"]}", "{\"fs_read\":[\"/b/*\",\"/a\"]}"},
        {"a comma in a path", "{\"fs_read\":\"/a,b\"}", "{\"fs_read\":[\"/a,b\"]}"},
        {"twice the same", "{\"fact\":\"a.b,a.b\"}", "{\"fact\":[\"a.b\"]}"},
        {"sorted by name, not by kind", "{\"time\":true,\"fact\":\"a.b\",\"env\":\"HOME\"}",
         "{\"env\":[\"HOME\"],\"fact\":[\"a.b\"],\"time\":[\"*\"]}"},
        {"home", "{\"fs_write\":\"~/scripts/**\"}", "{\"fs_write\":[\"~/scripts/**\"]}"},
        {"root", "{\"fs_stat\":\"/\"}", "{\"fs_stat\":[\"/\"]}"},
        {"command", "{\"exec\":\"/usr/bin/dpkg-query -W *\"}",
         "{\"exec\":[\"/usr/bin/dpkg-query -W *\"]}"},
        {"blanks in a path", "{\"fs_read\":\"/a b/c\"}", "{\"fs_read\":[\"/a b/c\"]}"},
    };
    TEST_CX(cx);
    TEST_EACH(row, table)
    {
        struct po_caps caps = caps_of(cx, row->needs);
        check_put(&caps, row->canonical);
        struct po_caps again = caps_of(cx, row->canonical);
        check_that(po_caps_eq(&caps, &again));
    }
}

TEST(caps_parse__refuses_what_it_does_not_understand)
{
    static const struct {
        const char *name;
        const char *needs;
        const char *why;
    } table[] = {
        {"unknown word", "{\"fs_raed\":\"/a\"}", "there is no capability 'fs_raed'"},
        {"no object", "[]", "no JSON object"},
        {"no JSON", "{", "capabilities"},
        {"a word twice", "{\"fs_read\":\"/a\",\"fs_read\":\"/b\"}", "capabilities"},
        {"number", "{\"fact\":1}", "capability 'fact' takes"},
        {"null", "{\"fact\":null}", "capability 'fact' takes"},
        {"false", "{\"time\":false}", "capability 'time' takes"},
        {"object", "{\"fact\":{}}", "capability 'fact' takes"},
        {"empty list", "{\"fact\":[]}", "capability 'fact' takes"},
        {"list of numbers", "{\"fact\":[\"a.b\",1]}", "capability 'fact' takes"},
        {"all paths by true", "{\"fs_read\":true}", "capability 'fs_read' takes not true but"},
        {"all commands by true", "{\"exec\":true}", "capability 'exec' takes not true but"},
        {"empty text", "{\"fact\":\"\"}", "empty value"},
        {"empty in a list", "{\"fact\":\"a.b,,c.d\"}", "empty value"},
        {"comma at the end", "{\"fact\":\"a.b,\"}", "empty value"},
        {"relative", "{\"fs_read\":\"etc/x\"}", "absolute paths"},
        {"dot dot", "{\"fs_read\":\"/etc/../root\"}", "absolute paths"},
        {"dot dot at the end", "{\"fs_read\":\"/etc/..\"}", "absolute paths"},
        {"dot dot below the home", "{\"fs_read\":\"~/../x\"}", "absolute paths"},
        {"dot", "{\"fs_read\":\"/etc/./x\"}", "absolute paths"},
        {"two slashes", "{\"fs_read\":\"//etc\"}", "absolute paths"},
        {"slash at the end", "{\"fs_read\":\"/etc/\"}", "absolute paths"},
        {"three stars", "{\"fs_read\":\"/etc/***\"}", "absolute paths"},
        {"somebody's home", "{\"fs_read\":\"~root/x\"}", "absolute paths"},
        {"only the tilde", "{\"fs_read\":\"~\"}", "absolute paths"},
        {"NUL", "{\"fs_read\":\"/a\\u0000b\"}", "control character"},
        {"line break", "{\"env\":\"A\\nB\"}", "control character"},
        {"delete", "{\"env\":\"A\\u007f\"}", "control character"},
        {"relative program", "{\"exec\":\"ls\"}", "absolute program"},
        {"program by glob", "{\"exec\":\"/usr/bin/*\"}", "absolute program"},
        {"program below the home", "{\"exec\":\"~/bin/x\"}", "absolute program"},
        {"program with dot dot", "{\"exec\":\"/usr/bin/../sbin/x\"}", "absolute program"},
        {"blank first", "{\"exec\":\" /bin/ls\"}", "absolute program"},
    };
    TEST_CX(cx);
    TEST_EACH(row, table)
    {
        struct po_caps caps = {.count = 77};
        check_fails(cx, po_caps_parse(cx, po_str_of(row->needs), &caps), PO_INVALID);
        check_contains(po_err_msg(cx), row->why);
        check_eq_u64(caps.count, 77);
    }
}

TEST(caps_parse__keeps_to_its_limits)
{
    TEST_CX(cx);
    PO_BUF_AUTO needs = {0};
    struct po_caps caps = {0};
    po_buf_init(&needs, 1u << 20);
    po_buf_append_cstr(&needs, "{\"fact\":\"f0");
    for (int i = 1; i < PO_CAPS_MAX; i++)
        po_buf_printf(&needs, ",f%d", i);
    size_t full = needs.len;
    po_buf_append_cstr(&needs, "\"}");
    check_ok(cx, po_caps_parse(cx, po_buf_str(&needs), &caps));
    check_eq_u64(caps.count, PO_CAPS_MAX);
    po_buf_truncate(&needs, full);
    po_buf_append_cstr(&needs, ",one_more\"}");
    check_fails(cx, po_caps_parse(cx, po_buf_str(&needs), &caps), PO_LIMIT);

    po_buf_clear(&needs);
    po_buf_append_cstr(&needs, "{\"env\":\"");
    for (int i = 0; i < PO_CAP_VALUE_BYTES_MAX; i++)
        po_buf_append_char(&needs, 'a');
    full = needs.len;
    po_buf_append_cstr(&needs, "\"}");
    check_ok(cx, po_caps_parse(cx, po_buf_str(&needs), &caps));
    po_buf_truncate(&needs, full);
    po_buf_append_cstr(&needs, "a\"}");
    check_fails(cx, po_caps_parse(cx, po_buf_str(&needs), &caps), PO_LIMIT);
}

struct allow_row {
    const char *name;
    enum po_cap_kind kind;
    const char *glob;
    const char *value;
    bool is_allowed;
};

TEST(caps_allow__matches_paths_by_their_parts)
{
    static const struct allow_row table[] = {
        {"itself", PO_CAP_FS_READ, "/etc/ssl", "/etc/ssl", true},
        {"not what is in it", PO_CAP_FS_READ, "/etc/ssl", "/etc/ssl/x", false},
        {"no prefix", PO_CAP_FS_READ, "/etc/ssl", "/etc/ssl2", false},
        {"no prefix by star", PO_CAP_FS_READ, "/etc/ssl/*", "/etc/ssl2/x", false},
        {"star is one part", PO_CAP_FS_READ, "/etc/*", "/etc/passwd", true},
        {"star is no slash", PO_CAP_FS_READ, "/etc/*", "/etc/ssl/x", false},
        {"star may be nothing", PO_CAP_FS_READ, "/etc/x*", "/etc/x", true},
        {"star in the middle", PO_CAP_FS_READ, "/e*c/p*d", "/etc/passwd", true},
        {"star in the middle is no slash", PO_CAP_FS_READ, "/e*d", "/etc/passwd", false},
        {"two stars cross", PO_CAP_FS_READ, "/etc/**", "/etc/ssl/certs/x", true},
        {"two stars and the directory", PO_CAP_FS_READ, "/etc/**", "/etc", true},
        {"two stars are no prefix", PO_CAP_FS_READ, "/etc/**", "/etcetera", false},
        {"two stars in the middle", PO_CAP_FS_READ, "/a/**/z", "/a/b/c/z", true},
        {"two stars, then another end", PO_CAP_FS_READ, "/a/**/z", "/a/b/c/y", false},
        {"star after two stars", PO_CAP_FS_READ, "/a/**/x*.pem", "/a/b/c/x1.pem", true},
        {"star after two stars is no slash", PO_CAP_FS_READ, "/a/**/x*.pem", "/a/xb/c.pem", false},
        {"retry after two stars", PO_CAP_FS_READ, "/**/a*b", "/a/x/ab", true},
        {"everywhere", PO_CAP_FS_READ, "/**", "/etc/shadow", true},
        {"everywhere and the root", PO_CAP_FS_READ, "/**", "/", true},
        {"empty", PO_CAP_FS_READ, "/**", "", false},
        {"question mark is a letter", PO_CAP_FS_READ, "/etc/?", "/etc/x", false},
        {"bracket is a letter", PO_CAP_FS_READ, "/etc/[ab]", "/etc/a", false},
        {"case counts", PO_CAP_FS_READ, "/Etc", "/etc", false},
        {"a star in a name", PO_CAP_FS_READ, "/etc/a", "/etc/*", false},
        {"home without a home", PO_CAP_FS_READ, "~/x", "/srv/u/x", false},
        {"names by star", PO_CAP_ENV, "LC_*", "LC_ALL", true},
        {"names by star, also slashes", PO_CAP_ENV, "A*", "A/B", true},
        {"names are whole", PO_CAP_ENV, "HOME", "HOMEX", false},
        {"names are whole at the front", PO_CAP_ENV, "HOME", "XHOME", false},
        {"flags by prefix", PO_CAP_FLAGS, "access_review.*", "access_review.exceptions", true},
        {"flags of others", PO_CAP_FLAGS, "access_review.*", "access.review", false},
        {"all facts", PO_CAP_FACT, "*", "ledger.events", true},
        {"one fact", PO_CAP_FACT, "ledger.events", "ledger.event", false},
        {"another kind", PO_CAP_FS_WRITE, "/etc/**", "/etc/x", true},
    };
    TEST_EACH(row, table)
    {
        struct po_cap cap = {row->kind, po_str_of(row->glob)};
        struct po_caps caps = {1, &cap};
        check_eq_int(po_caps_allow(&caps, row->kind, po_str_of(row->value)), row->is_allowed);
        check_that(!po_caps_allow(&caps, PO_CAP_SECRET, po_str_of(row->value)));
    }
}

TEST(caps_allow__matches_commands_by_word)
{
    static const struct {
        const char *name;
        const char *glob;
        const char *value; /* words apart by '|' here */
        bool is_allowed;
    } table[] = {
        {"program alone", "/bin/true", "/bin/true", true},
        {"no argument more", "/bin/true", "/bin/true|x", false},
        {"no empty argument more", "/bin/true", "/bin/true|", false},
        {"no argument less", "/bin/ls -l", "/bin/ls", false},
        {"another program", "/bin/ls", "/bin/lsx", false},
        {"one argument by star", "/bin/ls *", "/bin/ls|/etc", true},
        {"star is one argument", "/bin/ls *", "/bin/ls|a|b", false},
        {"star takes no option", "/bin/ls *", "/bin/ls|-la", false},
        {"star takes no long option", "/usr/bin/dpkg-query -W *",
         "/usr/bin/dpkg-query|-W|--admindir=/x", false},
        {"star takes blanks", "/bin/ls *", "/bin/ls|a b", true},
        {"option named", "/bin/ls -l*", "/bin/ls|-la", true},
        {"rest", "/bin/ls **", "/bin/ls|-l|a|b", true},
        {"rest may be nothing", "/bin/ls **", "/bin/ls", true},
        {"words before the rest", "/bin/ls -l **", "/bin/ls|-x|a", false},
        {"two stars inside are one word", "/bin/ls ** x", "/bin/ls|a|b|x", false},
    };
    TEST_EACH(row, table)
    {
        char value[256] = {0};
        size_t len = strlen(row->value);
        for (size_t i = 0; i < len; i++)
            value[i] = row->value[i];
        for (size_t i = 0; i < len; i++)
            if (value[i] == '|') value[i] = '\0';
        struct po_cap cap = {PO_CAP_EXEC, po_str_of(row->glob)};
        struct po_caps caps = {1, &cap};
        check_eq_int(po_caps_allow(&caps, PO_CAP_EXEC, po_str_n(value, len)), row->is_allowed);
    }
}

TEST(caps_allow__puts_the_home_for_the_tilde)
{
    static const struct {
        const char *name;
        const char *home;
        const char *glob;
        const char *value;
        bool is_allowed;
    } table[] = {
        {"below", "/srv/po", "~/config/*", "/srv/po/config/x", true},
        {"slash after the home", "/srv/po/", "~/config/*", "/srv/po/config/x", true},
        {"outside", "/srv/po", "~/config/*", "/srv/config/x", false},
        {"a longer name", "/srv/po", "~/**", "/srv/pox/y", false},
        {"all of it", "/srv/po", "~/**", "/srv/po/a/b", true},
        {"the home itself", "/srv/po", "~/**", "/srv/po", true},
        {"the home itself, not by one star", "/srv/po", "~/*", "/srv/po", false},
        {"no home", NULL, "~/**", "/srv/po/a", false},
        {"empty home", "", "~/**", "/srv/po/a", false},
        {"a star in the home is a letter", "/srv/*", "~/x", "/srv/po/x", false},
        {"absolute all the same", "/srv/po", "/etc/x", "/etc/x", true},
    };
    TEST_EACH(row, table)
    {
        struct po_cap cap = {PO_CAP_FS_READ, po_str_of(row->glob)};
        struct po_caps caps = {1, &cap};
        struct po_cap asked = {PO_CAP_FS_READ, po_str_of(row->value)};
        check_eq_int(po_caps_allow_at(&caps, &asked, row->home), row->is_allowed);
    }
}

TEST(caps_cover__is_true_only_when_every_match_is_allowed)
{
    static const struct {
        const char *name;
        enum po_cap_kind kind;
        const char *cap;
        const char *need;
        bool is_covered;
    } table[] = {
        {"itself", PO_CAP_FS_READ, "/etc/*", "/etc/*", true},
        {"narrower", PO_CAP_FS_READ, "/etc/*", "/etc/ssl*", true},
        {"concrete", PO_CAP_FS_READ, "/etc/*", "/etc/x", true},
        {"wider", PO_CAP_FS_READ, "/etc/ssl*", "/etc/*", false},
        {"two stars beyond one", PO_CAP_FS_READ, "/etc/*", "/etc/**", false},
        {"two stars in a part", PO_CAP_FS_READ, "/etc/*", "/etc/a**", false},
        {"one star below two", PO_CAP_FS_READ, "/etc/**", "/etc/*/x", true},
        {"two below two", PO_CAP_FS_READ, "/etc/**", "/etc/ssl/**", true},
        {"two beside two", PO_CAP_FS_READ, "/etc/**", "/var/**", false},
        {"all of the same directory", PO_CAP_FS_READ, "/etc/**", "/etc/**", true},
        {"home below everywhere", PO_CAP_FS_READ, "/**", "~/x/**", true},
        {"home below absolute", PO_CAP_FS_READ, "/srv/**", "~/x", false},
        {"home below home", PO_CAP_FS_READ, "~/**", "~/x/*", true},
        {"absolute below home", PO_CAP_FS_READ, "~/**", "/x", false},
        {"names", PO_CAP_FLAGS, "a.*", "a.b*", true},
        {"names two stars", PO_CAP_FLAGS, "a.*", "a.**", true},
        {"names wider", PO_CAP_FLAGS, "a.*", "a*", false},
        {"all names", PO_CAP_FACT, "*", "*", true},
        {"one of all", PO_CAP_FACT, "*", "a.b", true},
        {"all of one", PO_CAP_FACT, "a.b", "*", false},
        {"command itself", PO_CAP_EXEC, "/bin/ls *", "/bin/ls *", true},
        {"command narrower", PO_CAP_EXEC, "/bin/ls *", "/bin/ls a*", true},
        {"command with an option", PO_CAP_EXEC, "/bin/ls *", "/bin/ls -l", false},
        {"command, rest beyond one", PO_CAP_EXEC, "/bin/ls *", "/bin/ls **", false},
        {"command below rest", PO_CAP_EXEC, "/bin/ls **", "/bin/ls -l *", true},
        {"command rest below rest", PO_CAP_EXEC, "/bin/ls **", "/bin/ls **", true},
        {"any command", PO_CAP_EXEC, "/**", "/bin/ls **", true},
        {"another command", PO_CAP_EXEC, "/bin/ls **", "/bin/cat **", false},
    };
    TEST_EACH(row, table)
    {
        struct po_cap cap = {row->kind, po_str_of(row->cap)};
        struct po_caps caps = {1, &cap};
        struct po_cap need = {row->kind, po_str_of(row->need)};
        check_eq_int(po_caps_cover_at(&caps, &need, NULL), row->is_covered);
        need.kind = PO_CAP_NET;
        check_that(!po_caps_cover_at(&caps, &need, NULL));
    }
}

/* Random patterns over a tiny alphabet: what is covered must be allowed for every concrete value. */
TEST(caps_cover__agrees_with_allow_for_random_patterns)
{
    static const char *const pieces[] = {"/", "a", "b", "*", "**", "/a", "/*", "/**"};
    uint64_t covered = 0;
    for (uint64_t round = 0; round < test_rounds(200000); round++) {
        char text[3][64] = {"/", "/", "/"};
        for (int t = 0; t < 3; t++) {
            size_t len = 1;
            uint64_t n = test_random_below(6);
            for (uint64_t i = 0; i < n; i++) {
                const char *piece = pieces[test_random_below(t == 2 ? 3 : 8)];
                memcpy(text[t] + len, piece, strlen(piece));
                len += strlen(piece);
            }
        }
        bool is_odd = strstr(text[0], "***") != NULL || strstr(text[1], "***") != NULL;
        if (is_odd) continue; /* refused when parsed */
        struct po_cap wide = {PO_CAP_FS_READ, po_str_of(text[0])};
        struct po_cap narrow = {PO_CAP_FS_READ, po_str_of(text[1])};
        struct po_caps wide_set = {1, &wide};
        struct po_caps narrow_set = {1, &narrow};
        if (!po_caps_cover_at(&wide_set, &narrow, NULL)) continue;
        covered++;
        bool is_broken = po_caps_allow(&narrow_set, PO_CAP_FS_READ, po_str_of(text[2])) &&
                         !po_caps_allow(&wide_set, PO_CAP_FS_READ, po_str_of(text[2]));
        check_that(!is_broken, "'%s' covers '%s' but not '%s'", text[0], text[1], text[2]);
    }
    check_that(covered > 1000);
}

/* The matcher against the definition: '*' takes one character more, or none. */
static bool slow_match(const char *p, const char *v, int depth)
{
    if (depth > 64) return false;
    if (*p == '\0') return *v == '\0';
    bool is_wide = p[0] == '*' && p[1] == '*';
    if (*p != '*') return *p == *v && slow_match(p + 1, v + 1, depth + 1);
    const char *rest = p;
    while (*rest == '*')
        rest++;
    if (slow_match(rest, v, depth + 1)) return true;
    return *v != '\0' && (is_wide || *v != '/') && slow_match(p, v + 1, depth + 1);
}

TEST(caps_allow__agrees_with_the_definition_for_random_globs)
{
    static const char *const pieces[] = {"/", "a", "b", "*", "**", "ab", "/a*", "/**/"};
    uint64_t matched = 0;
    for (uint64_t round = 0; round < test_rounds(100000); round++) {
        char glob[64] = "/";
        char value[64] = "/";
        size_t glob_len = 1;
        uint64_t n = test_random_below(7);
        for (uint64_t i = 0; i < n; i++) {
            const char *piece = pieces[test_random_below(8)];
            memcpy(glob + glob_len, piece, strlen(piece));
            glob_len += strlen(piece);
        }
        n = test_random_below(8);
        for (uint64_t i = 0; i < n; i++)
            value[1 + i] = "/ab"[test_random_below(3)];
        struct po_cap cap = {PO_CAP_FS_READ, po_str_of(glob)};
        struct po_caps caps = {1, &cap};
        bool is_directory = glob_len > 3 && strcmp(glob + glob_len - 3, "/**") == 0;
        bool want = slow_match(glob, value, 0);
        if (is_directory && !want) {
            glob[glob_len - 3] = '\0';
            want = slow_match(glob, value, 0);
            glob[glob_len - 3] = '/';
        }
        check_eq_int(po_caps_allow(&caps, PO_CAP_FS_READ, po_str_of(value)), want);
        matched += want ? 1 : 0;
    }
    check_that(matched > 1000);
}

TEST(caps_allow__ends_soon_on_patterns_made_to_be_slow)
{
    enum { LEN = PO_CAP_VALUE_BYTES_MAX };
    char *glob = calloc(1, LEN + 1);
    char *value = calloc(1, LEN + 1);
    check_that(glob != NULL && value != NULL);
    for (int i = 0; i < LEN; i++) {
        glob[i] = i % 2 == 0 ? '*' : 'a';
        value[i] = 'a';
    }
    glob[LEN - 1] = 'b';
    value[0] = glob[0] = '/';
    struct po_cap cap = {PO_CAP_FS_READ, po_str_of(glob)};
    struct po_caps caps = {1, &cap};
    for (int i = 0; i < 20; i++)
        check_that(!po_caps_allow(&caps, PO_CAP_FS_READ, po_str_of(value)));
    char *longer = calloc(1, LEN + 2);
    check_that(longer != NULL);
    memset(longer, 'a', LEN + 1);
    cap.value = PO_LIT("/**");
    check_that(!po_caps_allow(&caps, PO_CAP_FS_READ, po_str_of(longer)));
    free(glob);
    free(value);
    free(longer);
}

TEST(trust_ceiling__grows_with_trust_and_never_has_net)
{
    for (int trust = PO_TRUST_NONE; trust < PO_TRUST_COUNT; trust++) {
        const struct po_caps *ceiling = po_trust_ceiling((enum po_trust)trust);
        struct po_cap net = {PO_CAP_NET, PO_LIT("example.test:443")};
        check_that(!po_caps_cover_at(ceiling, &net, NULL));
        for (int below = PO_TRUST_NONE; below < trust; below++) {
            const struct po_caps *lower = po_trust_ceiling((enum po_trust)below);
            for (size_t i = 0; i < lower->count; i++)
                check_that(po_caps_cover_at(ceiling, &lower->at[i], NULL));
        }
    }
    static const struct {
        const char *name;
        enum po_trust least;
        struct po_cap cap;
    } table[] = {
        {"fact", PO_TRUST_NONE, {PO_CAP_FACT, {"a.b", 3}}},
        {"time", PO_TRUST_NONE, {PO_CAP_TIME, {"*", 1}}},
        {"read", PO_TRUST_VENDOR, {PO_CAP_FS_READ, {"/etc/x", 6}}},
        {"query", PO_TRUST_VENDOR, {PO_CAP_AUDIT, {"query", 5}}},
        {"emit", PO_TRUST_ORGANISATION, {PO_CAP_AUDIT, {"emit", 4}}},
        {"write", PO_TRUST_ORGANISATION, {PO_CAP_FS_WRITE, {"/etc/x", 6}}},
        {"exec", PO_TRUST_ORGANISATION, {PO_CAP_EXEC, {"/bin/ls", 7}}},
        {"flags", PO_TRUST_ORGANISATION, {PO_CAP_FLAGS, {"a", 1}}},
        {"secret", PO_TRUST_ORGANISATION, {PO_CAP_SECRET, {"a", 1}}},
    };
    TEST_EACH(row, table)
    for (int trust = PO_TRUST_NONE; trust < PO_TRUST_COUNT; trust++)
        check_eq_int(po_caps_cover_at(po_trust_ceiling((enum po_trust)trust), &row->cap, NULL),
                     trust >= (int)row->least);
    check_that(po_trust_ceiling((enum po_trust)99) == po_trust_ceiling(PO_TRUST_NONE));
    check_eq_cstr(po_trust_name(PO_TRUST_ORGANISATION), "organisation");
    check_eq_cstr(po_trust_name((enum po_trust)99), "unknown");
}

TEST(cap_changes_things__names_what_needs_two_people)
{
    static const enum po_cap_kind changing[] = {PO_CAP_FS_WRITE, PO_CAP_EXEC,   PO_CAP_NET,
                                                PO_CAP_FLAGS,    PO_CAP_NOTIFY, PO_CAP_INCIDENT,
                                                PO_CAP_SESSION,  PO_CAP_IPBLOCK};
    size_t count = 0;
    for (int kind = 0; kind < PO_CAP_COUNT; kind++)
        count += po_cap_changes_things((enum po_cap_kind)kind) ? 1 : 0;
    check_eq_u64(count, sizeof changing / sizeof changing[0]);
    for (size_t i = 0; i < count; i++)
        check_that(po_cap_changes_things(changing[i]));
    check_that(po_cap_changes_things(PO_CAP_COUNT));
    check_eq_cstr(po_cap_name(PO_CAP_FS_READ), "fs_read");
    check_eq_cstr(po_cap_name(PO_CAP_COUNT), "unknown");
}

TEST_FAULTS(caps_parse__fails_cleanly)
{
    TEST_CX(cx);
    struct po_caps caps = {0};
    if (!test_survived(po_caps_parse(cx, PO_LIT("{\"fact\":\"a.b,c.d\",\"time\":true}"), &caps)))
        return;
    test_faults_off();
    check_eq_u64(caps.count, 3);
}
