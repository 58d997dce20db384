/*
 * session list|revoke: where somebody is signed in. One's own; others' with session.manage.
 */
#include "identity_rows_priv.h"

static const struct po_column columns[] = {
    {"id", "ID", PO_CELL_STR},
    {"user", "USER", PO_CELL_STR},
    {"current", "CURRENT", PO_CELL_BOOL},
    {"open", "OPEN", PO_CELL_BOOL},
    {"method", "METHOD", PO_CELL_STR},
    {"mfa", "MFA", PO_CELL_BOOL},
    {"ip", "ADDRESS", PO_CELL_STR},
    {"agent", "AGENT", PO_CELL_STR},
    {"created", "CREATED", PO_CELL_STR},
    {"seen", "SEEN", PO_CELL_STR},
    {"expires", "EXPIRES", PO_CELL_STR},
    {"ended", "ENDED", PO_CELL_STR},
};

static PO_RC put_session(struct po_ctx *cx, struct po_rows *rows, const struct po_session *session)
{
    PO_TRY(cx, po_rows_str(cx, rows, session->id));
    PO_TRY(cx, po_rows_str(cx, rows, session->user));
    PO_TRY(cx, po_rows_bool(cx, rows, session->is_current));
    PO_TRY(cx, po_rows_bool(cx, rows, session->is_open));
    PO_TRY(cx, po_rows_str(cx, rows, session->method));
    PO_TRY(cx, po_rows_bool(cx, rows, session->is_mfa));
    PO_TRY(cx, po_rows_str(cx, rows, session->ip));
    PO_TRY(cx, po_rows_str(cx, rows, session->agent));
    PO_TRY(cx, po_rows_time(cx, rows, session->created_us));
    PO_TRY(cx, po_rows_time(cx, rows, session->seen_us));
    PO_TRY(cx, po_rows_time(cx, rows, session->expires_us));
    if (session->ended_why.len == 0) return po_rows_null(cx, rows);
    return po_rows_str(cx, rows, session->ended_why);
}

PO_RC po_cmd_session_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_session *sessions = NULL;
    struct po_rows *rows = NULL;
    size_t count = 0;
    po_str user = {NULL, 0};
    PO_TRY(cx, po_cli_whose(cx, cli, "session.manage", &user));
    PO_TRY(cx, po_session_list(cx, cli->home, user, &sessions, &count));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++)
        if (sessions[i].is_open || po_cli_has(cli, "--ended"))
            PO_TRY(cx, put_session(cx, rows, &sessions[i]));
    return po_rows_render(cx, rows, cli);
}

/* All of one account: the caller's own session stays, so that somebody can sign out elsewhere. */
static PO_RC revoke_all(struct po_ctx *cx, struct po_cli *cli, size_t *ret_count)
{
    po_str user = {NULL, 0};
    PO_TRY(cx, po_cli_whose(cx, cli, "session.manage", &user));
    if (user.len == 0) return PO_FAIL(cx, PO_USAGE, "whose sessions? give --user");
    if (po_cli_is_dry(cli, "end all sessions of", user)) return po_rc_ok();
    return po_session_revoke_all(cx, cli->home, user, po_str_of(cx->session), "revoked", ret_count);
}

PO_RC po_cmd_session_revoke(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_session session = {0};
    size_t count = 1;
    po_str id = cli->operands[0];
    if (po_str_eq_cstr(id, "all")) {
        PO_TRY(cx, revoke_all(cx, cli, &count));
    } else {
        PO_TRY(cx, po_session_get(cx, cli->home, id, &session));
        PO_TRY(cx, po_cli_may_touch(cx, cli, "session.manage", session.user));
        if (po_cli_is_dry(cli, "end the session", id)) return po_rc_ok();
        PO_TRY(cx, po_session_revoke(cx, cli->home, id, "revoked"));
    }
    if (cli->format == PO_CLI_TABLE && !cli->is_dry_run)
        po_cli_line(cli, "ended %zu sessions", count);
    return po_rc_ok();
}
