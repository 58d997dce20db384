/*
 * token create|list|revoke: secrets for programs. One's own; others' with token.manage.
 */
#include "identity_rows_priv.h"

#define SCOPES_MAX 128
#define DAYS_MAX 365 /* no token lives longer */

static const struct po_column columns[] = {
    {"id", "ID", PO_CELL_STR},           {"user", "USER", PO_CELL_STR},
    {"name", "NAME", PO_CELL_STR},       {"scopes", "SCOPES", PO_CELL_STR},
    {"open", "OPEN", PO_CELL_BOOL},      {"created", "CREATED", PO_CELL_STR},
    {"expires", "EXPIRES", PO_CELL_STR}, {"used", "USED", PO_CELL_STR},
    {"author", "AUTHOR", PO_CELL_STR},   {"ended", "ENDED", PO_CELL_STR},
};

/* One a line becomes one a blank. */
static PO_RC put_scopes(struct po_ctx *cx, struct po_rows *rows, po_str scopes)
{
    char *text = NULL;
    PO_ARENA_NEW(cx, text, scopes.len + 1);
    for (size_t i = 0; i < scopes.len; i++)
        text[i] = (char)(scopes.ptr[i] == '\n' ? ' ' : scopes.ptr[i]);
    return po_rows_str(cx, rows, po_str_n(text, scopes.len));
}

static PO_RC put_token(struct po_ctx *cx, struct po_rows *rows, const struct po_token *token)
{
    PO_TRY(cx, po_rows_str(cx, rows, token->id));
    PO_TRY(cx, po_rows_str(cx, rows, token->user));
    PO_TRY(cx, po_rows_str(cx, rows, token->name));
    PO_TRY(cx, put_scopes(cx, rows, token->scopes));
    PO_TRY(cx, po_rows_bool(cx, rows, token->is_open));
    PO_TRY(cx, po_rows_time(cx, rows, token->created_us));
    PO_TRY(cx, po_rows_time(cx, rows, token->expires_us));
    PO_TRY(cx, po_rows_time(cx, rows, token->used_us));
    PO_TRY(cx, po_rows_str(cx, rows, token->author));
    if (token->ended_why.len == 0) return po_rows_null(cx, rows);
    return po_rows_str(cx, rows, token->ended_why);
}

PO_RC po_cmd_token_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_token *tokens = NULL;
    struct po_rows *rows = NULL;
    size_t count = 0;
    po_str user = {NULL, 0};
    PO_TRY(cx, po_cli_whose(cx, cli, "token.manage", &user));
    PO_TRY(cx, po_token_list(cx, cli->home, user, &tokens, &count));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++)
        if (tokens[i].is_open || po_cli_has(cli, "--ended"))
            PO_TRY(cx, put_token(cx, rows, &tokens[i]));
    return po_rows_render(cx, rows, cli);
}

/* ---- create ----------------------------------------------------------------------------------------------- */

static const struct po_column made_columns[] = {
    {"id", "ID", PO_CELL_STR},
    {"token", "TOKEN", PO_CELL_STR},
    {"expires", "EXPIRES", PO_CELL_STR},
};

static void free_made(struct po_token_made *made) { po_secret_free(made->secret); }

static PO_RC show_token(struct po_ctx *cx, struct po_cli *cli, const struct po_token_made *made)
{
    char expires[PO_TIME_RFC3339_BYTES];
    struct po_rows *rows = NULL;
    po_str secret = po_secret_bytes(made->secret);
    po_time_format_s(made->expires_us, expires);
    if (cli->format == PO_CLI_TABLE) {
        po_cli_line(cli, "%s, until %s; shown once:", made->id, expires);
        po_cli_line(cli, "%.*s", PO_STR_ARG(secret));
        return po_rc_ok();
    }
    PO_TRY(cx, po_rows_new(cx, made_columns, sizeof made_columns / sizeof *made_columns, &rows));
    PO_TRY(cx, po_rows_cstr(cx, rows, made->id));
    PO_TRY(cx, po_rows_str(cx, rows, secret));
    PO_TRY(cx, po_rows_cstr(cx, rows, expires));
    return po_rows_render(cx, rows, cli);
}

static size_t list_scopes(const struct po_cli *cli, po_str scopes[static SCOPES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < cli->value_count && count < SCOPES_MAX; i++)
        if (po_str_eq_cstr(PO_LIT("--scope"), cli->values[i].option->name))
            scopes[count++] = cli->values[i].value;
    return count;
}

static PO_RC read_life(struct po_ctx *cx, const struct po_cli *cli, po_time_us *ret_life)
{
    po_str text = po_cli_option(cli, "--life");
    *ret_life = 0;
    if (text.ptr == NULL) return po_rc_ok();
    PO_TRY_LEAF(cx, po_duration_parse(text, ret_life), "'%.*s' is no duration such as 90d",
                PO_STR_ARG(text));
    if (*ret_life <= 0) return PO_FAIL(cx, PO_INVALID, "a token lives longer than that");
    return po_rc_ok();
}

PO_RC po_cmd_token_create(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(free_made) struct po_token_made made = {0};
    po_str scopes[SCOPES_MAX];
    struct po_identity caller = {0};
    struct po_user user = {0};
    struct po_token_new token = {.name = cli->operands[0], .scopes = scopes};
    po_str whose = po_cli_option(cli, "--user");
    token.scope_count = list_scopes(cli, scopes);
    PO_TRY(cx, read_life(cx, cli, &token.life_us));
    PO_TRY(cx, po_identity_current(cx, cli->home, &caller));
    token.user = po_str_of(caller.id);
    if (whose.len > 0) {
        PO_TRY(cx, po_cli_account(cx, cli, whose, &user));
        token.user = po_str_of(user.id);
    } else if (caller.kind == PO_IDENTITY_LOCAL) {
        return PO_FAIL(cx, PO_USAGE, "as whom shall it act? give --user");
    }
    if (po_cli_is_dry(cli, "make a token for", token.user)) return po_rc_ok();
    PO_TRY(cx, po_token_create(cx, cli->home, &token, &made));
    return show_token(cx, cli, &made);
}

static PO_RC read_days(struct po_ctx *cx, const struct po_cli *cli, po_time_us *ret_us)
{
    uint64_t days = 0;
    po_str text = po_cli_option(cli, "--unused");
    if (!po_is_ok(po_str_to_u64(text, DAYS_MAX, &days)) || days == 0)
        return PO_FAIL(cx, PO_USAGE, "--unused takes 1 to %d days", DAYS_MAX);
    *ret_us = (po_time_us)days * PO_US_PER_DAY;
    return po_rc_ok();
}

/* Open ones that nobody used for so long (never used: since they were made); a dry run lists them. */
static PO_RC revoke_unused(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_token *tokens = NULL;
    struct po_rows *rows = NULL;
    size_t count = 0;
    po_str user = {NULL, 0};
    po_time_us age_us = 0;
    PO_TRY(cx, read_days(cx, cli, &age_us));
    PO_TRY(cx, po_cli_whose(cx, cli, "token.manage", &user));
    PO_TRY(cx, po_token_list(cx, cli->home, user, &tokens, &count));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++) {
        po_time_us seen_us = tokens[i].used_us > 0 ? tokens[i].used_us : tokens[i].created_us;
        if (!tokens[i].is_open || po_ctx_now_us(cx) - seen_us < age_us) continue;
        if (!cli->is_dry_run) {
            PO_TRY(cx, po_token_revoke(cx, cli->home, tokens[i].id, "unused"));
            tokens[i].is_open = false;
            tokens[i].ended_why = PO_LIT("unused");
        }
        PO_TRY(cx, put_token(cx, rows, &tokens[i]));
    }
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_token_revoke(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_token token = {0};
    bool is_unused = po_cli_has(cli, "--unused");
    if (is_unused == (cli->operand_count > 0))
        return PO_FAIL(cx, PO_USAGE, "name a token, or give --unused");
    if (is_unused) return revoke_unused(cx, cli);
    po_str id = cli->operands[0];
    PO_TRY(cx, po_token_get(cx, cli->home, id, &token));
    PO_TRY(cx, po_cli_may_touch(cx, cli, "token.manage", token.user));
    if (po_cli_is_dry(cli, "revoke the token", id)) return po_rc_ok();
    PO_TRY(cx, po_token_revoke(cx, cli->home, id, "revoked"));
    if (cli->format == PO_CLI_TABLE) po_cli_line(cli, "revoked %.*s", PO_STR_ARG(id));
    return po_rc_ok();
}
