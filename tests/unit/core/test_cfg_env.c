/* The syntax of config/.env, and the reader of the environment. */
#include "core/cfg.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static po_rc parse(struct po_ctx *cx, po_str text, struct po_env_line **lines, size_t *count)
{
    return po_env_parse(cx, text, lines, count);
}

TEST(env_parse__reads_lines)
{
    TEST_CX(cx);
    struct po_env_line *lines = NULL;
    size_t count = 0;
    check_ok(cx, parse(cx,
                       PO_LIT("# comment\n\n  A=1\n\tB_2 =  two words \nC=\nD=\"\"\n"
                              "E=\" # \\\"q\\\" \\\\ \\n \"  \nF=a=b\nG=#not\nH=\xc3\xa4\\n"),
                       &lines, &count));
    static const struct {
        const char *key;
        const char *value;
        unsigned line;
    } want[] = {
        {"A", "1", 3},    {"B_2", "two words", 4},     {"C", "", 5},
        {"D", "", 6},     {"E", " # \"q\" \\ \n ", 7}, {"F", "a=b", 8},
        {"G", "#not", 9}, {"H", "\xc3\xa4\\n", 10},
    };
    check_eq_u64(count, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < count; i++) {
        check_eq_str(lines[i].key, want[i].key);
        check_eq_str(lines[i].value, want[i].value);
        check_eq_u64(lines[i].line, want[i].line);
    }
}

TEST(env_parse__takes_an_empty_file)
{
    TEST_CX(cx);
    struct po_env_line *lines = NULL;
    size_t count = 9;
    check_ok(cx, parse(cx, PO_LIT(""), &lines, &count));
    check_eq_u64(count, 0);
    check_ok(cx, parse(cx, PO_LIT("\n\n#\n"), &lines, &count));
    check_eq_u64(count, 0);
}

TEST(env_parse__refuses_with_line_and_reason)
{
    TEST_CX(cx);
    static const struct {
        const char *name;
        po_str text;
        const char *message;
    } rows[] = {
        {"no equals", PO_LIT("A=1\nhello\n"), "line 2: neither NAME=VALUE nor a comment"},
        {"empty name", PO_LIT("=1\n"), "line 1: a name starts with"},
        {"small letters", PO_LIT("abc=1\n"), "a name starts with"},
        {"digit first", PO_LIT("1A=1\n"), "a name starts with"},
        {"blank in name", PO_LIT("A B=1\n"), "a name starts with"},
        {"export", PO_LIT("export A=1\n"), "a name starts with"},
        {"twice", PO_LIT("A=1\nB=2\nA=1\n"), "line 3: 'A' stands in line 1 already"},
        {"open quote", PO_LIT("A=\"abc\n"), "closing double quote is missing"},
        {"escape at end", PO_LIT("A=\"abc\\"), "after a backslash"},
        {"bad escape", PO_LIT("A=\"a\\tb\"\n"), "only \\, \" and n are known"},
        {"after quote", PO_LIT("A=\"a\" # c\n"), "something follows"},
        {"single quotes", PO_LIT("A='a'\n"), "single quotes"},
        {"comment after value", PO_LIT("A=a # c\n"), "comments on their own line"},
        {"nul", PO_LIT("A=a\0b\n"), "line 1: control character 0 at byte 4"},
        {"escape byte", PO_LIT("A=\033[31m\n"), "control character 27"},
        {"delete", PO_LIT("A=\x7f\n"), "control character 127"},
        {"carriage return", PO_LIT("A=1\r\n"), "carriage return"},
        {"control in comment", PO_LIT("# \a\n"), "control character 7"},
        {"bad utf8", PO_LIT("A=\xff\n"), "not UTF-8 at byte 3"},
        {"overlong", PO_LIT("A=\xc0\xaf\n"), "not UTF-8"},
        {"byte order mark",
         PO_LIT("\xef\xbb\xbf"
                "A=1\n"),
         "byte order mark"},
    };
    TEST_EACH(row, rows)
    {
        struct po_env_line *lines = NULL;
        size_t count = 0;
        check_fails(cx, parse(cx, row->text, &lines, &count), PO_CONFIG);
        check_contains(po_err_msg(cx), row->message);
    }
}

TEST(env_parse__holds_its_limits)
{
    TEST_CX(cx);
    static char text[PO_CFG_FILE_BYTES_MAX + 1];
    struct po_env_line *lines = NULL;
    size_t count = 0;
    memset(text, '#', sizeof text);
    for (size_t i = 100; i < sizeof text; i += 100)
        text[i] = '\n';
    check_ok(cx, parse(cx, po_str_n(text, PO_CFG_FILE_BYTES_MAX), &lines, &count));
    check_fails(cx, parse(cx, po_str_n(text, sizeof text), &lines, &count), PO_LIMIT);

    memset(text, '\n', sizeof text);
    check_ok(cx, parse(cx, po_str_n(text, PO_CFG_LINES_MAX), &lines, &count));
    check_fails(cx, parse(cx, po_str_n(text, PO_CFG_LINES_MAX + 1), &lines, &count), PO_LIMIT);

    memset(text, 'x', sizeof text);
    memcpy(text, "A=", 2);
    check_ok(cx, parse(cx, po_str_n(text, PO_CFG_LINE_BYTES_MAX), &lines, &count));
    check_fails(cx, parse(cx, po_str_n(text, PO_CFG_LINE_BYTES_MAX + 1), &lines, &count),
                PO_CONFIG);

    memset(text, 'N', PO_CFG_NAME_BYTES_MAX + 1);
    text[PO_CFG_NAME_BYTES_MAX] = '=';
    check_ok(cx, parse(cx, po_str_n(text, PO_CFG_NAME_BYTES_MAX + 2), &lines, &count));
    text[PO_CFG_NAME_BYTES_MAX] = 'N';
    text[PO_CFG_NAME_BYTES_MAX + 1] = '=';
    check_fails(cx, parse(cx, po_str_n(text, PO_CFG_NAME_BYTES_MAX + 2), &lines, &count),
                PO_CONFIG);
}

TEST(env__gives_only_known_variables)
{
    static char longer[5000];
    memset(longer, 'x', sizeof longer - 1);
    check_eq_int(setenv("PAULYOPS_HOME", "/home", 1), 0);
    check_eq_cstr(po_env("PAULYOPS_HOME"), "/home");
    check_eq_int(setenv("LD_PRELOAD_X", "x", 1), 0);
    check_that(po_env("LD_PRELOAD_X") == NULL);
    check_eq_int(setenv("PAULYOPS_HOME", "", 1), 0);
    check_that(po_env("PAULYOPS_HOME") == NULL);
    check_eq_int(setenv("PAULYOPS_HOME", longer, 1), 0);
    check_that(po_env("PAULYOPS_HOME") == NULL);
    check_eq_int(unsetenv("NO_COLOR"), 0);
    check_that(po_env("NO_COLOR") == NULL);
}
