/*
 * init and version.
 */
#include "commands_priv.h"

#include "core/build.h"

PO_RC po_cmd_init(struct po_ctx *cx, struct po_cli *cli)
{
    const char *root = NULL;
    PO_TRY(cx, po_home_find(cx, cli->home_option, &root));
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would create a home at '%s' and keys outside it\n", root);
        return po_rc_ok();
    }
    PO_TRY(cx, po_home_init(cx, root, &cli->home));
    po_buf_printf(&cli->out,
                  "home        %s\n"
                  "master key  %s/master.key\n"
                  "Keep a copy of the key elsewhere, or make a recovery code: 'paulyops key recovery "
                  "create'.\nNext: 'paulyops assess', then 'paulyops score'.\n",
                  po_home_root(cli->home), po_home_state_dir(cli->home));
    return po_rc_ok();
}
