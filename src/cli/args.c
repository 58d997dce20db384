/*
 * Reading the command line: words name the command, then options and operands in any order.
 */
#include "cli_priv.h"

#include "core/codec.h"
#include "identity/identity.h"

struct global_switch {
    const char *name;
    size_t offset;
};

static const struct global_switch global_switches[] = {
    {"--dry-run", offsetof(struct po_cli, is_dry_run)},
    {"--yes", offsetof(struct po_cli, is_yes)},
    {"--quiet", offsetof(struct po_cli, is_quiet)},
    {"--help", offsetof(struct po_cli, is_help)},
    {"-h", offsetof(struct po_cli, is_help)},
};

static const struct {
    const char *name;
    enum po_cli_format format;
} formats[] = {{"table", PO_CLI_TABLE}, {"json", PO_CLI_JSON}, {"ndjson", PO_CLI_NDJSON}};

struct arg_cursor {
    int at;
    int argc;
    const char *const *argv;
};

static bool set_global_switch(struct po_cli *cli, po_str arg)
{
    for (size_t i = 0; i < sizeof global_switches / sizeof *global_switches; i++) {
        if (!po_str_eq_cstr(arg, global_switches[i].name)) continue;
        *(bool *)((char *)cli + global_switches[i].offset) = true;
        return true;
    }
    return false;
}

static PO_RC set_format(struct po_ctx *cx, struct po_cli *cli, po_str value)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!po_str_eq_cstr(value, formats[i].name)) continue;
        cli->format = formats[i].format;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_USAGE, "unknown output format '%.*s': table, json or ndjson",
                   PO_STR_ARG(value));
}

/* The value of `--name=value` or of the next argument. */
static PO_RC take_value(struct po_ctx *cx, struct arg_cursor *cursor, po_str arg, po_str *ret_value)
{
    size_t equals = po_str_find_char(arg, '=', 0);
    if (equals != SIZE_MAX) {
        *ret_value = po_str_slice(arg, equals + 1, arg.len);
        return po_rc_ok();
    }
    if (cursor->at + 1 >= cursor->argc)
        return PO_FAIL(cx, PO_USAGE, "option '%.*s' needs a value", PO_STR_ARG(arg));
    *ret_value = po_str_of(cursor->argv[++cursor->at]);
    if (ret_value->len > PO_CLI_ARG_BYTES_MAX)
        return PO_FAIL(cx, PO_USAGE, "the value of '%.*s' has %zu bytes; the limit is %d",
                       PO_STR_ARG(arg), ret_value->len, PO_CLI_ARG_BYTES_MAX);
    return po_rc_ok();
}

static PO_RC set_tenant(struct po_ctx *cx, struct po_cli *cli, po_str value)
{
    if (cli->tenant_option.ptr != NULL)
        return PO_FAIL(cx, PO_USAGE, "option '--tenant' is given twice");
    if (value.len == 0 || value.len > PO_TENANT_NAME_BYTES_MAX)
        return PO_FAIL(cx, PO_USAGE, "option '--tenant' takes a tenant's name or id");
    cli->tenant_option = value;
    return po_rc_ok();
}

static const struct po_cli_option *find_option(const struct po_command *command, po_str name)
{
    for (size_t i = 0; i < PO_CLI_OPTIONS_MAX && command->options[i].name != NULL; i++)
        if (po_str_eq_cstr(name, command->options[i].name)) return &command->options[i];
    return NULL;
}

static PO_RC add_option(struct po_ctx *cx, struct po_cli *cli, struct arg_cursor *cursor,
                        po_str arg)
{
    size_t equals = po_str_find_char(arg, '=', 0);
    po_str name = equals == SIZE_MAX ? arg : po_str_slice(arg, 0, equals);
    const struct po_cli_option *option = cli->command ? find_option(cli->command, name) : NULL;
    if (option == NULL)
        return PO_FAIL(cx, PO_USAGE, "unknown option '%.*s'%s%s", PO_STR_ARG(name),
                       cli->command ? " for " : "", cli->command ? cli->command->path : "");
    if (!option->is_repeatable && po_cli_has(cli, option->name))
        return PO_FAIL(cx, PO_USAGE, "option '%s' is given twice", option->name);
    po_str value = {"", 0};
    if (option->value != NULL) PO_TRY(cx, take_value(cx, cursor, arg, &value));
    if (option->value == NULL && equals != SIZE_MAX)
        return PO_FAIL(cx, PO_USAGE, "option '%s' takes no value", option->name);
    cli->values[cli->value_count++] = (struct po_cli_value){option, value};
    return po_rc_ok();
}

static PO_RC parse_option(struct po_ctx *cx, struct po_cli *cli, struct arg_cursor *cursor,
                          po_str arg)
{
    po_str value = {NULL, 0};
    if (set_global_switch(cli, arg)) return po_rc_ok();
    if (po_str_eq_cstr(arg, "-o") || po_str_eq_cstr(arg, "--output") ||
        po_str_starts(arg, PO_LIT("--output="))) {
        PO_TRY(cx, take_value(cx, cursor, arg, &value));
        return set_format(cx, cli, value);
    }
    if (po_str_eq_cstr(arg, "--home") || po_str_starts(arg, PO_LIT("--home="))) {
        PO_TRY(cx, take_value(cx, cursor, arg, &value));
        if (value.len == 0) return PO_FAIL(cx, PO_USAGE, "option '--home' needs a directory");
        cli->home_option = value.ptr;
        return po_rc_ok();
    }
    if (po_str_eq_cstr(arg, "--tenant") || po_str_starts(arg, PO_LIT("--tenant="))) {
        PO_TRY(cx, take_value(cx, cursor, arg, &value));
        return set_tenant(cx, cli, value);
    }
    return add_option(cx, cli, cursor, arg);
}

bool po_command_is_noun(po_str word)
{
    size_t count = 0;
    const struct po_command *table = po_command_table(&count);
    for (size_t i = 0; i < count; i++) {
        po_str path = po_str_of(table[i].path);
        if (path.len > word.len && path.ptr[word.len] == ' ' && po_str_starts(path, word))
            return true;
    }
    return false;
}

/* The first one or two words that are no options name the command; a noun alone asks for help. */
static PO_RC take_command(struct po_ctx *cx, struct po_cli *cli, struct arg_cursor *cursor)
{
    po_str words[2] = {po_str_of(cursor->argv[cursor->at]), {"", 0}};
    size_t count = 1;
    if (cursor->at + 1 < cursor->argc && cursor->argv[cursor->at + 1][0] != '-')
        words[count++] = po_str_of(cursor->argv[cursor->at + 1]);
    size_t used = 0;
    cli->command = po_command_find(words, count, &used);
    if (cli->command != NULL) {
        cursor->at += (int)used - 1;
        return po_rc_ok();
    }
    if (!po_command_is_noun(words[0]))
        return PO_FAIL(cx, PO_USAGE, "unknown command '%.*s'; see 'paulyops help'",
                       PO_STR_ARG(words[0]));
    if (count == 2)
        return PO_FAIL(cx, PO_USAGE, "'%.*s' has no verb '%.*s'; see 'paulyops help %.*s'",
                       PO_STR_ARG(words[0]), PO_STR_ARG(words[1]), PO_STR_ARG(words[0]));
    cli->operands[cli->operand_count++] = words[0];
    cli->is_help = true;
    return po_rc_ok();
}

static PO_RC check_operands(struct po_ctx *cx, const struct po_cli *cli)
{
    const struct po_command *command = cli->command;
    if (cli->is_help || command == NULL) return po_rc_ok();
    if (cli->operand_count < command->operands_min)
        return PO_FAIL(cx, PO_USAGE, "'%s' needs %s; see 'paulyops %s --help'", command->path,
                       command->operands, command->path);
    if (cli->operand_count > command->operands_max)
        return PO_FAIL(cx, PO_USAGE, "'%s' does not take '%.*s'; see 'paulyops %s --help'",
                       command->path, PO_STR_ARG(cli->operands[command->operands_max]),
                       command->path);
    return po_rc_ok();
}

static PO_RC parse_argument(struct po_ctx *cx, struct po_cli *cli, struct arg_cursor *cursor,
                            bool *options_ended)
{
    po_str arg = po_str_of(cursor->argv[cursor->at]);
    if (arg.len > PO_CLI_ARG_BYTES_MAX)
        return PO_FAIL(cx, PO_USAGE, "argument %d has %zu bytes; the limit is %d", cursor->at,
                       arg.len, PO_CLI_ARG_BYTES_MAX);
    if (po_utf8_find_invalid(arg) != SIZE_MAX)
        return PO_FAIL(cx, PO_USAGE, "argument %d is not valid UTF-8", cursor->at);
    if (!*options_ended && po_str_eq_cstr(arg, "--")) {
        *options_ended = true;
        return po_rc_ok();
    }
    if (!*options_ended && arg.len > 1 && arg.ptr[0] == '-')
        return parse_option(cx, cli, cursor, arg);
    if (cli->command == NULL && !cli->is_help) return take_command(cx, cli, cursor);
    cli->operands[cli->operand_count++] = arg;
    return po_rc_ok();
}

PO_RC po_cli_parse(struct po_ctx *cx, struct po_cli *cli, int argc, const char *const *argv)
{
    if (argc > PO_CLI_ARGS_MAX)
        return PO_FAIL(cx, PO_USAGE, "%d arguments; the limit is %d", argc, PO_CLI_ARGS_MAX);
    struct arg_cursor cursor = {1, argc, argv};
    bool options_ended = false;
    for (; cursor.at < argc; cursor.at++)
        PO_TRY(cx, parse_argument(cx, cli, &cursor, &options_ended));
    return check_operands(cx, cli);
}

po_str po_cli_option(const struct po_cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->value_count; i++)
        if (po_str_eq_cstr(po_str_of(cli->values[i].option->name), name))
            return cli->values[i].value;
    return (po_str){NULL, 0};
}

bool po_cli_has(const struct po_cli *cli, const char *name)
{
    return po_cli_option(cli, name).ptr != NULL;
}

static PO_RC copy_text(struct po_ctx *cx, po_str text, const char **ret_text)
{
    const char *copy = po_arena_strdup(cx->arena, text);
    if (copy == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_text = copy;
    return po_rc_ok();
}

PO_RC po_cli_operand(struct po_ctx *cx, const struct po_cli *cli, size_t i, const char **ret_text)
{
    if (i >= cli->operand_count) return PO_FAIL(cx, PO_USAGE, "operand %zu is missing", i + 1);
    return copy_text(cx, cli->operands[i], ret_text);
}

PO_RC po_cli_option_path(struct po_ctx *cx, const struct po_cli *cli, const char *name,
                         const char **ret_path)
{
    po_str value = po_cli_option(cli, name);
    *ret_path = NULL;
    if (value.ptr == NULL) return po_rc_ok();
    if (value.len == 0) return PO_FAIL(cx, PO_USAGE, "option '%s' needs a path", name);
    return copy_text(cx, value, ret_path);
}
