/*
 * user reset|mfa-reset|unlock: help for people who cannot sign in.
 */
#include "identity_rows_priv.h"

static const struct po_column link_columns[] = {
    {"id", "ID", PO_CELL_STR},
    {"link", "LINK", PO_CELL_STR},
    {"expires", "EXPIRES", PO_CELL_STR},
};

struct made {
    const char *id;
    po_str secret;
    po_time_us expires_us;
};

/* The only place where the link's secret is shown; the page reads it behind '#'. */
static PO_RC show_link(struct po_ctx *cx, struct po_cli *cli, const struct made *made)
{
    char expires[PO_TIME_RFC3339_BYTES];
    struct po_rows *rows = NULL;
    po_time_format_s(made->expires_us, expires);
    if (cli->format == PO_CLI_TABLE) {
        po_cli_line(cli, "reset the password of %s", made->id);
        po_cli_line(cli, "  link, works once, until %s: /invite#%.*s", expires,
                    PO_STR_ARG(made->secret));
        po_cli_line(cli, "  until it is used the old password and sessions stay good");
        return po_rc_ok();
    }
    const char *link = po_arena_printf(cx->arena, "/invite#%.*s", PO_STR_ARG(made->secret));
    if (link == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_rows_new(cx, link_columns, sizeof link_columns / sizeof *link_columns, &rows));
    PO_TRY(cx, po_rows_cstr(cx, rows, made->id));
    PO_TRY(cx, po_rows_cstr(cx, rows, link));
    PO_TRY(cx, po_rows_cstr(cx, rows, expires));
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_user_reset(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    struct po_user user = {0};
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    const struct po_link_request request = {.kind = PO_LINK_RESET, .user = po_str_of(user.id)};
    struct made made = {.id = user.id, .expires_us = po_ctx_now_us(cx) + PO_LINK_RESET_LIFE_US};
    if (po_cli_is_dry(cli, "reset the password of", request.user)) return po_rc_ok();
    PO_TRY(cx, po_link_create(cx, cli->home, &request, &secret));
    made.secret = po_secret_bytes(secret);
    return show_link(cx, cli, &made);
}

PO_RC po_cmd_user_mfa_reset(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_user user = {0};
    po_str reason = po_cli_option(cli, "--reason");
    if (reason.len == 0) return PO_FAIL(cx, PO_USAGE, "give --reason");
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    if (po_cli_is_dry(cli, "take the second factor from", po_str_of(user.id))) return po_rc_ok();
    PO_TRY(cx, po_mfa_reset(cx, cli->home, po_str_of(user.id), reason));
    if (cli->format != PO_CLI_TABLE) return po_rc_ok();
    po_cli_line(cli, "%s has no second factor now and is signed out", user.id);
    po_cli_line(cli, "  whoever signs in next with the password sets up a new one");
    return po_rc_ok();
}

PO_RC po_cmd_user_unlock(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_user user = {0};
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    if (po_cli_is_dry(cli, "unlock", po_str_of(user.id))) return po_rc_ok();
    PO_TRY(cx, po_lockout_clear(cx, cli->home, po_str_of(user.id)));
    if (cli->format == PO_CLI_TABLE) po_cli_line(cli, "%s may try again", user.id);
    return po_rc_ok();
}
