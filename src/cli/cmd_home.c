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

static void version_line(struct po_cli *cli)
{
    if (cli->format == PO_CLI_TABLE) {
        po_buf_printf(&cli->out, "paulyops %s (%s, %s)\n", po_build.version, po_build.commit,
                      po_build.variant);
        return;
    }
    struct po_json_out json;
    po_json_out_init(&json, &cli->out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "version", po_str_of(po_build.version));
    po_json_out_field(&json, "commit", po_str_of(po_build.commit));
    po_json_out_field(&json, "variant", po_str_of(po_build.variant));
    po_json_out_field(&json, "sources_sha256", po_str_of(po_build.sources_sha256));
    po_json_out_object_end(&json);
    po_buf_append_char(&cli->out, '\n');
}

/* Hash this program and hold it against the build manifest. Program facts need no home. */
static PO_RC version_verify(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_fact_set *facts = NULL;
    const struct po_fact_value *program = NULL;
    PO_TRY(cx, po_fact_set_new(cx, NULL, &facts));
    PO_TRY(cx, po_fact_get(cx, facts, "build.program", &program));
    const struct po_json *digest = po_json_get(program->json, "digest");
    const struct po_json *matches = po_json_get(program->json, "manifest_matches");
    const struct po_json *sites = po_json_get(program->json, "abort_sites");
    bool is_measured = matches != NULL && matches->boolean && sites != NULL;
    if (!is_measured) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (cli->format != PO_CLI_TABLE) {
        PO_TRY(cx, po_json_canonical(cx, program->json, &cli->out));
        po_buf_append_char(&cli->out, '\n');
        return po_rc_ok();
    }
    version_line(cli);
    po_buf_printf(&cli->out, "program   sha256:%.*s\n",
                  PO_STR_ARG(digest != NULL ? digest->str : PO_LIT("unknown")));
    if (is_measured)
        po_buf_printf(&cli->out, "manifest  measured this very program: %ld abort sites\n",
                      (long)sites->integer);
    else
        po_buf_append_cstr(&cli->out, "manifest  none for this program: abort sites untested\n");
    return po_rc_ok();
}

PO_RC po_cmd_version(struct po_ctx *cx, struct po_cli *cli)
{
    if (po_cli_has(cli, "--verify")) return version_verify(cx, cli);
    version_line(cli);
    return po_rc_ok();
}
