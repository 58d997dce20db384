/*
 * The service: starting it, and asking how it is.
 */
#include "commands_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* Roles start in another directory: the home's path is made whole. */
static PO_RC find_root(struct po_ctx *cx, struct po_cli *cli, const char **ret_root)
{
    char whole[PATH_MAX];
    const char *root = NULL;
    PO_TRY(cx, po_home_find(cx, cli->home_option, &root));
    if (po_sys_realpath(root, whole) == NULL)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno,
                           "no home at '%s'; run 'paulyops init'", root);
    *ret_root = po_arena_strdup(cx->arena, po_str_of(whole));
    if (*ret_root == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

static PO_RC check_services(struct po_ctx *cx, const struct po_cli *cli)
{
    if (cli->services != NULL) return po_rc_ok();
    return PO_FAIL(cx, PO_UNSUPPORTED, "'%s' is not for a service: run it on the machine itself",
                   cli->command->path);
}

/* The front starts in another directory. Links stay: one may be turned to a renewed certificate. */
static PO_RC make_whole(struct po_ctx *cx, po_str path, po_str *ret_path)
{
    char directory[PATH_MAX];
    *ret_path = path;
    if (path.len > 0 && path.ptr[0] == '/') return po_rc_ok();
    if (po_sys_realpath(".", directory) == NULL)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "this directory has no path");
    const char *whole = po_arena_printf(cx->arena, "%s/%.*s", directory, PO_STR_ARG(path));
    if (whole == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_path = po_str_of(whole);
    return po_rc_ok();
}

/* Every option of this command is one of the front. */
static PO_RC read_front(struct po_ctx *cx, const struct po_cli *cli, struct po_cli_serve *how)
{
    for (size_t i = 0; i < cli->value_count; i++) {
        const char *name = cli->values[i].option->name;
        po_str value = cli->values[i].value;
        bool is_file = strcmp(name, "--cert") == 0 || strcmp(name, "--key") == 0;
        if (how->front_count == PO_CLI_SERVE_ARGS_MAX)
            return PO_FAIL(cx, PO_USAGE, "more than %d options", PO_CLI_SERVE_ARGS_MAX);
        if (is_file) PO_TRY(cx, make_whole(cx, value, &value));
        size_t size = strlen(name) + value.len + sizeof "=";
        char *argument = po_arena_alloc(cx->arena, size, 1);
        if (argument == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        (void)snprintf(argument, size, "%s=%.*s", name, PO_STR_ARG(value));
        how->front[how->front_count++] = argument;
    }
    return po_rc_ok();
}

/* Addresses first, the certificate last: whoever comes for the first time compares its fingerprint. */
static void print_serving(void *user, po_str said)
{
    struct po_cli *cli = user;
    po_str line;
    if (cli->is_quiet) return;
    size_t at = po_str_find(said, PO_LIT("certificate "), 0);
    po_str certificate = po_str_trim(po_str_slice(said, at == SIZE_MAX ? said.len : at, said.len));
    while (po_str_next_line(&said, &line)) {
        if (po_str_starts(line, PO_LIT("https://")))
            po_cli_line(cli, "serving %.*s, %.*s", PO_STR_ARG(line), PO_STR_ARG(certificate));
        else if (po_str_starts(line, PO_LIT("http://")) || po_str_starts(line, PO_LIT("unix:")))
            po_cli_line(cli, "serving %.*s", PO_STR_ARG(line));
    }
    po_cli_print_now(cli);
}

PO_RC po_cmd_serve(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_cli_serve how = {.is_quiet = cli->is_quiet, .serving = print_serving, .user = cli};
    const char *stats = NULL;
    PO_TRY(cx, check_services(cx, cli));
    PO_TRY(cx, find_root(cx, cli, &how.root));
    PO_TRY(cx, read_front(cx, cli, &how));
    PO_TRY(cx, cli->services->stats(cx, how.root, &stats));
    if (stats != NULL)
        return PO_FAIL(cx, PO_BUSY, "a service runs for '%s' already; see 'paulyops status'",
                       how.root);
    if (cli->is_dry_run) {
        po_cli_line(cli, "would serve '%s'", how.root);
        return po_rc_ok();
    }
    return cli->services->serve(cx, &how);
}

static PO_RC put_rows(struct po_ctx *cx, struct po_cli *cli, const struct po_json *stats)
{
    static const struct po_column columns[] = {{"name", "NAME", PO_CELL_STR},
                                               {"value", "VALUE", PO_CELL_JSON}};
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, 2, &rows));
    for (const struct po_json *member = stats->first; member != NULL; member = member->next) {
        PO_BUF_AUTO value;
        po_buf_init(&value, 4096);
        PO_TRY(cx, po_json_canonical(cx, member, &value));
        PO_TRY(cx, po_rows_str(cx, rows, member->key));
        PO_TRY(cx, po_rows_str(cx, rows, po_buf_str(&value)));
    }
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_status(struct po_ctx *cx, struct po_cli *cli)
{
    const char *root = NULL;
    const char *text = NULL;
    struct po_json *stats = NULL;
    PO_TRY(cx, check_services(cx, cli));
    PO_TRY(cx, find_root(cx, cli, &root));
    PO_TRY(cx, cli->services->stats(cx, root, &text));
    if (text == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "no service runs for '%s'; start one: 'paulyops serve'",
                       root);
    PO_TRY(cx, po_json_parse(cx, po_str_of(text), PO_JSON_STRICT, &stats));
    if (cli->format != PO_CLI_JSON) return put_rows(cx, cli, stats);
    po_buf_append(&cli->out, po_str_of(text));
    po_buf_append_char(&cli->out, '\n');
    return po_rc_ok();
}
