/*
 * The service: starting it, and asking how it is.
 */
#include "commands_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>

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

PO_RC po_cmd_serve(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_cli_serve how = {.is_quiet = cli->is_quiet};
    const char *stats = NULL;
    PO_TRY(cx, check_services(cx, cli));
    PO_TRY(cx, find_root(cx, cli, &how.root));
    PO_TRY(cx, po_cli_option_path(cx, cli, "--listen", &how.listen));
    PO_TRY(cx, po_cli_option_path(cx, cli, "--management", &how.management));
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
