/*
 * Reading the command line.
 */
#include "cli/cli_priv.h"
#include "lib/test.h"

#include <stdio.h>

#define WORDS_MAX 80

static po_rc parse(struct po_ctx *cx, struct po_cli *cli, const char *const *words)
{
    static const char *argv[WORDS_MAX + 1];
    int argc = 1;
    argv[0] = "paulyops";
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = words[argc - 1];
    *cli = (struct po_cli){0};
    return po_cli_parse(cx, cli, argc, argv);
}

TEST(args__find_the_command_among_options)
{
    static const struct {
        const char *name;
        const char *words[7];
        const char *path;
        size_t operands;
    } rows[] = {
        {"one word", {"assess"}, "assess", 0},
        {"two words", {"ledger", "verify"}, "ledger verify", 0},
        {"operand", {"control", "show", "AUD-03"}, "control show", 1},
        {"options first", {"-o", "json", "--quiet", "control", "list"}, "control list", 0},
        {"options last", {"control", "list", "--dry-run", "--output=ndjson"}, "control list", 0},
        {"option between", {"control", "show", "-o", "json", "AUD-03"}, "control show", 1},
        {"after two dashes", {"control", "show", "--", "--help"}, "control show", 1},
        {"a dash is an operand", {"pack", "verify", "-"}, "pack verify", 1},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_cli cli;
        check_ok(cx, parse(cx, &cli, row->words));
        check_eq_cstr(cli.command->path, row->path);
        check_eq_u64(cli.operand_count, row->operands);
        check_that(!cli.is_help);
    }
}

TEST(args__take_values_both_ways)
{
    static const char *const two[] = {"audit", "list", "--type", "a=b", "--limit", "5", NULL};
    static const char *const one[] = {"audit", "list", "--type=a=b", "--limit=5", NULL};
    const char *const *const ways[] = {two, one};
    for (size_t i = 0; i < 2; i++) {
        TEST_CX(cx);
        struct po_cli cli;
        check_ok(cx, parse(cx, &cli, ways[i]));
        check_eq_str(po_cli_option(&cli, "--type"), "a=b");
        check_eq_str(po_cli_option(&cli, "--limit"), "5");
        check_that(po_cli_option(&cli, "--actor").ptr == NULL && !po_cli_has(&cli, "--actor"));
    }
}

TEST(args__repeat_only_what_may_be_repeated)
{
    TEST_CX(cx);
    struct po_cli cli;
    static const char *const many[] = {"ledger", "verify", "--against", "a", "--against=b", NULL};
    static const char *const twice[] = {"score", "--as-of", "1", "--as-of", "2", NULL};
    check_ok(cx, parse(cx, &cli, many));
    check_eq_u64(cli.value_count, 2);
    check_fails(cx, parse(cx, &cli, twice), PO_USAGE);
    check_contains(po_err_msg(cx), "twice");
}

TEST(args__refuse_with_one_line_that_names_it)
{
    static const struct {
        const char *name;
        const char *words[6];
        const char *message;
    } rows[] = {
        {"command", {"nonsense"}, "'nonsense'"},
        {"verb", {"ledger", "nonsense"}, "'nonsense'"},
        {"option", {"score", "--nonsense"}, "'--nonsense' for score"},
        {"option of another", {"score", "--c2sp", "x"}, "'--c2sp'"},
        {"option before a command", {"--all", "assess"}, "'--all'"},
        {"no value", {"score", "--as-of"}, "needs a value"},
        {"value of a switch", {"assess", "--all=yes"}, "takes no value"},
        {"operand missing", {"control", "show"}, "CONTROL"},
        {"one too many", {"control", "show", "A", "B"}, "'B'"},
        {"format", {"control", "list", "-o", "xml"}, "'xml'"},
        {"home", {"--home=", "score"}, "--home"},
        {"bytes", {"control", "show", "\xff"}, "UTF-8"},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_cli cli;
        check_fails(cx, parse(cx, &cli, row->words), PO_USAGE);
        check_contains(po_err_msg(cx), row->message);
        check_that(strchr(po_err_msg(cx), '\n') == NULL);
        po_err_clear(cx);
    }
}

TEST(args__have_limits)
{
    TEST_CX(cx);
    struct po_cli cli;
    static char big[PO_CLI_ARG_BYTES_MAX + 2];
    const char *words[] = {"control", "show", big, NULL};
    const char *value[] = {"ledger", "verify", "--against", big, NULL};
    memset(big, 'x', PO_CLI_ARG_BYTES_MAX);
    check_ok(cx, parse(cx, &cli, words));
    big[PO_CLI_ARG_BYTES_MAX] = 'x';
    check_fails(cx, parse(cx, &cli, words), PO_USAGE);
    po_err_clear(cx);
    check_fails(cx, parse(cx, &cli, value), PO_USAGE);
    po_err_clear(cx);
    const char *many[WORDS_MAX] = {"control", "run"};
    for (size_t i = 2; i < PO_CLI_ARGS_MAX + 4; i++)
        many[i] = "A";
    check_fails(cx, parse(cx, &cli, many), PO_USAGE);
    check_contains(po_err_msg(cx), "limit");
}

TEST(args__a_noun_alone_asks_for_help)
{
    TEST_CX(cx);
    struct po_cli cli;
    static const char *const noun[] = {"ledger", NULL};
    check_ok(cx, parse(cx, &cli, noun));
    check_that(cli.is_help && cli.command == NULL);
    check_that(po_command_is_noun(PO_LIT("ledger")) && !po_command_is_noun(PO_LIT("assess")));
    check_that(!po_command_is_noun(PO_LIT("ledge")) && !po_command_is_noun(PO_LIT("")));
}

TEST(help__refuses_what_is_no_command)
{
    TEST_CX(cx);
    const po_str good[] = {PO_LIT("ledger"), PO_LIT("verify")};
    const po_str bad[] = {PO_LIT("assess"), PO_LIT("nonsense")};
    struct po_cli cli = {0};
    po_buf_init(&cli.out, 65536);
    check_ok(cx, po_cli_help(cx, &cli, good, 2));
    check_ok(cx, po_cli_help(cx, &cli, good, 1));
    check_fails(cx, po_cli_help(cx, &cli, bad, 2), PO_USAGE);
    po_err_clear(cx);
    check_fails(cx, po_cli_help(cx, &cli, bad + 1, 1), PO_USAGE);
    po_buf_done(&cli.out);
}

TEST(commands__are_complete_and_sorted)
{
    size_t count = 0;
    const struct po_command *table = po_command_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct po_command *command = &table[i];
        test_row(command->path);
        if (i > 0) check_that(strcmp(table[i - 1].path, command->path) < 0);
        check_that(command->run != NULL && command->action[0] != '\0' && command->help[0] != '\0');
        check_that(command->operands_min <= command->operands_max);
        check_eq_int(command->operands[0] != '\0', command->operands_max > 0);
        /* what is read is told: by dispatch, or by the run that the program leaves */
        bool tells_itself = strcmp(command->path, "script run") == 0;
        bool is_told = command->read_event != PO_EVENT_TYPE_NONE;
        check_that(command->needs != PO_NEEDS_READ || is_told != tells_itself);
        for (size_t k = 0; k < PO_CLI_OPTIONS_MAX && command->options[k].name != NULL; k++)
            check_that(command->options[k].name[0] == '-' && command->options[k].help[0] != '\0');
    }
}

/* The tenant: once, short enough, for commands that have one, and from the machine alone. */
TEST(args__name_a_tenant_where_one_is_meant)
{
    static const struct {
        const char *name;
        const char *words[6];
        const char *actor;
        enum po_code code;
    } rows[] = {
        {"after", {"user", "list", "--tenant", "acme"}, "os:1000", PO_OK},
        {"before", {"--tenant=acme", "user", "list"}, "os:1000", PO_OK},
        {"schedule", {"assess", "--tenant", "acme"}, "system", PO_OK},
        {"signed in", {"user", "list", "--tenant", "acme"}, "user:usr_1", PO_DENIED},
        {"a program", {"user", "list", "--tenant", "acme"}, "service:svc_1", PO_DENIED},
        {"a stranger", {"user", "list", "--tenant", "acme"}, "anonymous", PO_DENIED},
        {"instance", {"flag", "list", "--tenant", "acme"}, "os:1000", PO_USAGE},
        {"tenants", {"tenant", "list", "--tenant", "acme"}, "os:1000", PO_USAGE},
        {"no home", {"control", "list", "--tenant", "acme"}, "os:1000", PO_USAGE},
        {"what if", {"score", "--states", "x", "--tenant=acme"}, "os:1000", PO_USAGE},
        {"scores", {"score", "--tenant", "acme"}, "os:1000", PO_OK},
        {"none", {"flag", "list"}, "user:usr_1", PO_OK},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_cli cli;
        (void)snprintf(cx->actor, sizeof cx->actor, "%s", row->actor);
        check_ok(cx, parse(cx, &cli, row->words));
        po_rc rc = po_cli_tenant_check(cx, &cli);
        check_eq_int(rc.code, row->code);
    }
    static const char *const wrong[][6] = {{"user", "list", "--tenant"},
                                           {"user", "list", "--tenant", ""},
                                           {"user", "list", "--tenant="},
                                           {"user", "list", "--tenant=a", "--tenant=a"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        TEST_CX(cx);
        struct po_cli cli;
        check_fails(cx, parse(cx, &cli, wrong[i]), PO_USAGE);
    }
}
