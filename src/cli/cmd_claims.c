/*
 * claims: a readiness text against recorded facts. Reads two files, writes nothing.
 */
#include "commands_priv.h"

#include "core/fs.h"
#include "report/report.h"

static PO_RC facts_path(struct po_ctx *cx, const struct po_cli *cli, const char *text_path,
                        const char **ret_path)
{
    PO_TRY(cx, po_cli_option_path(cx, cli, "--facts", ret_path));
    if (*ret_path != NULL) return po_rc_ok();
    *ret_path = po_arena_printf(cx->arena, "%s.facts.json", text_path);
    if (*ret_path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

PO_RC po_cmd_claims(struct po_ctx *cx, struct po_cli *cli)
{
    const char *text_path = NULL;
    const char *facts = NULL;
    struct po_claims claims;
    PO_BUF_AUTO text;
    PO_BUF_AUTO recorded;
    po_buf_init(&text, PO_CLAIMS_BYTES_MAX);
    po_buf_init(&recorded, PO_CLAIMS_BYTES_MAX);
    PO_TRY(cx, po_cli_operand(cx, cli, 0, &text_path));
    PO_TRY(cx, facts_path(cx, cli, text_path, &facts));
    PO_TRY_MSG(cx, po_fs_read(cx, text_path, &text), "reading the claims");
    PO_TRY_MSG(cx, po_fs_read(cx, facts, &recorded), "reading the recorded facts");
    PO_TRY(cx, po_claims_compare(cx, po_buf_str(&text), po_buf_str(&recorded), &claims));
    if (cli->format == PO_CLI_TABLE) {
        PO_TRY(cx, po_claims_markdown(cx, &claims, &cli->out));
    } else {
        PO_TRY(cx, po_claims_json(cx, &claims, &cli->out));
        po_buf_append_char(&cli->out, '\n');
    }
    if (!claims.is_ready || claims.contradicted > 0) cli->exit_code = PO_EXIT_NOT_PASSED;
    return po_rc_ok();
}
