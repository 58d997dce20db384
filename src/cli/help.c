/*
 * Help, generated from the command table.
 */
#include "commands_priv.h"

static const char global_help[] =
    "Every command also takes:\n"
    "  --home DIR        the instance (default: $PAULYOPS_HOME, else ~/PaulyOps)\n"
    "  --tenant NAME|ID  the tenant it is about (default: the default tenant; on the machine only)\n"
    "  -o FORMAT         table, json or ndjson\n"
    "  --dry-run         compute the whole plan, change nothing (where a command changes things)\n"
    "  --yes             confirm a change that asks; never implied\n"
    "  --quiet           no progress and no notes on stderr\n"
    "  --help            this help\n"
    "Exit codes: 0 ok, 1 error, 2 a check or control did not pass, 64 usage, 65 data, 66 missing "
    "input,\n69 unavailable, 73 cannot create, 74 input/output, 75 busy, 77 denied, 78 "
    "configuration.\n";

static void append_padded(struct po_buf *out, const char *text, size_t width)
{
    po_buf_append_cstr(out, text);
    for (size_t i = strlen(text); i < width; i++)
        po_buf_append_char(out, ' ');
}

static void help_overview(struct po_buf *out)
{
    po_buf_append_cstr(
        out, "paulyops runs an organisation's SOC 2 controls and proves them.\n\n"
             "usage: paulyops COMMAND [options]\n\n"
             "Start with:  paulyops init  then  paulyops assess  then  paulyops score\n\n");
    size_t count = 0;
    const struct po_command *table = po_command_table(&count);
    for (size_t i = 0; i < count; i++) {
        po_buf_append_cstr(out, "  ");
        append_padded(out, table[i].path, 22);
        po_buf_append_cstr(out, table[i].help);
        po_buf_append_char(out, '\n');
    }
    po_buf_append_cstr(out, "\n'paulyops COMMAND --help' explains one command.\n\n");
    po_buf_append_cstr(out, global_help);
}

static void help_noun(struct po_buf *out, po_str noun)
{
    size_t count = 0;
    const struct po_command *table = po_command_table(&count);
    po_buf_printf(out, "usage: paulyops %.*s VERB [options]\n\n", PO_STR_ARG(noun));
    for (size_t i = 0; i < count; i++) {
        po_str path = po_str_of(table[i].path);
        if (!po_str_starts(path, noun) || path.len == noun.len || path.ptr[noun.len] != ' ')
            continue;
        po_buf_append_cstr(out, "  ");
        append_padded(out, table[i].path, 22);
        po_buf_append_cstr(out, table[i].help);
        po_buf_append_char(out, '\n');
    }
}

static void help_options(struct po_buf *out, const struct po_cli_option *options)
{
    size_t name_width = 14;
    size_t value_width = 10;
    size_t count = 0;
    for (; count < PO_CLI_OPTIONS_MAX && options[count].name != NULL; count++) {
        size_t name_len = strlen(options[count].name) + 1;
        size_t value_len = options[count].value ? strlen(options[count].value) + 1 : 0;
        if (name_len > name_width) name_width = name_len;
        if (value_len > value_width) value_width = value_len;
    }
    if (count > 0) po_buf_append_char(out, '\n');
    for (size_t i = 0; i < count; i++) {
        po_buf_append_cstr(out, "  ");
        append_padded(out, options[i].name, name_width);
        append_padded(out, options[i].value ? options[i].value : "", value_width);
        po_buf_append_cstr(out, options[i].help);
        po_buf_append_char(out, '\n');
    }
}

static void help_command(struct po_buf *out, const struct po_command *command)
{
    po_buf_printf(out, "usage: paulyops %s%s%s", command->path, command->operands[0] ? " " : "",
                  command->operands);
    for (size_t i = 0; i < PO_CLI_OPTIONS_MAX && command->options[i].name != NULL; i++) {
        const struct po_cli_option *option = &command->options[i];
        po_buf_printf(out, " [%s%s%s]%s", option->name, option->value ? " " : "",
                      option->value ? option->value : "", option->is_repeatable ? "…" : "");
    }
    po_buf_printf(out, "\n\n%s.\n", command->help);
    if (command->details != NULL) po_buf_printf(out, "\n%s\n", command->details);
    help_options(out, command->options);
    po_buf_append_char(out, '\n');
    po_buf_append_cstr(out, global_help);
}

PO_RC po_cli_help(struct po_ctx *cx, struct po_cli *cli, const po_str *words, size_t count)
{
    size_t used = 0;
    const struct po_command *command = count > 0 ? po_command_find(words, count, &used) : NULL;
    if (count == 0)
        help_overview(&cli->out);
    else if (command != NULL && used == count)
        help_command(&cli->out, command);
    else if (count == 1 && po_command_is_noun(words[0]))
        help_noun(&cli->out, words[0]);
    else
        return PO_FAIL(cx, PO_USAGE, "unknown command '%.*s%s%.*s'; see 'paulyops help'",
                       PO_STR_ARG(words[0]), count > 1 ? " " : "",
                       PO_STR_ARG(count > 1 ? words[1] : PO_LIT("")));
    PO_TRY_LEAF(cx, po_buf_check(&cli->out), "the output is too large");
    return po_rc_ok();
}

PO_RC po_cmd_help(struct po_ctx *cx, struct po_cli *cli)
{
    if (po_cli_has(cli, "--man")) return po_cli_man(cx, cli);
    return po_cli_help(cx, cli, cli->operands, cli->operand_count);
}
