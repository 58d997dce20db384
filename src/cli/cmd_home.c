/*
 * init and version.
 */
#include "commands_priv.h"

#include "core/build.h"
#include "fact/fact.h"

PO_RC po_cmd_init(struct po_ctx *cx, struct po_cli *cli)
{
    const char *root = NULL;
    PO_TRY(cx, po_home_find(cx, cli->home_option, &root));
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would create a home at '%s' and keys outside it\n", root);
        return po_rc_ok();
    }
    PO_TRY(cx, po_home_init(cx, root, &cli->home));
    po_buf_printf(
        &cli->out,
        "home        %s\n"
        "master key  %s/master.key\n"
        "Keep a copy of the key elsewhere, or make a recovery code: 'paulyops key recovery "
        "create'.\nNext: 'paulyops assess', then 'paulyops score'.\n",
        po_home_root(cli->home), po_home_state_dir(cli->home));
    return po_rc_ok();
}

/* Program facts need no home. */
PO_RC po_cmd_version(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_fact_set *facts = NULL;
    const struct po_fact_value *program = NULL;
    PO_TRY(cx, po_fact_set_new(cx, NULL, &facts));
    PO_TRY(cx, po_fact_get(cx, facts, "build.program", &program));
    const struct po_json *digest = po_json_get(program->json, "digest");
    const struct po_json *matches = po_json_get(program->json, "manifest_matches");
    const struct po_json *sites = po_json_get(program->json, "abort_sites");
    if (cli->format != PO_CLI_TABLE) {
        PO_TRY(cx, po_json_canonical(cx, program->json, &cli->out));
        po_buf_append_char(&cli->out, '\n');
        return po_rc_ok();
    }
    po_buf_printf(&cli->out, "paulyops %s (%s, %s)\nprogram   sha256:%.*s\n", po_build.version,
                  po_build.commit, po_build.variant,
                  PO_STR_ARG(digest != NULL ? digest->str : PO_LIT("unknown")));
    if (matches != NULL && matches->boolean && sites != NULL)
        po_buf_printf(&cli->out, "manifest  matches this program: %ld abort sites\n",
                      (long)sites->integer);
    else
        po_buf_append_cstr(&cli->out, "manifest  none for this program: abort sites untested\n");
    return po_rc_ok();
}
