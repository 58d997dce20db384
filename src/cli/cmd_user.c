/*
 * user list|show|invite|service|suspend|resume|deprovision|role|approve|cancel.
 */
#include "identity_rows_priv.h"

/* ---- shared ------------------------------------------------------------------------------------------- */

PO_RC po_rows_time(struct po_ctx *cx, struct po_rows *rows, po_time_us time_us)
{
    char text[PO_TIME_RFC3339_BYTES];
    if (time_us == 0) return po_rows_null(cx, rows);
    po_time_format_s(time_us, text);
    return po_rows_cstr(cx, rows, text);
}

PO_RC po_cli_account(struct po_ctx *cx, struct po_cli *cli, po_str who, struct po_user *ret_user)
{
    return po_user_get(cx, cli->home, who, ret_user);
}

PO_RC po_cli_whose(struct po_ctx *cx, struct po_cli *cli, const char *action, po_str *ret_user)
{
    struct po_identity caller = {0};
    struct po_user user = {0};
    po_str wanted = po_cli_option(cli, "--user");
    PO_TRY(cx, po_identity_current(cx, cli->home, &caller));
    bool is_local = caller.kind == PO_IDENTITY_LOCAL;
    bool wants_all = po_cli_has(cli, "--all") || (is_local && wanted.len == 0);
    po_str whose = po_str_of(caller.id);
    if (wanted.len > 0 && !po_cli_has(cli, "--all")) {
        PO_TRY(cx, po_cli_account(cx, cli, wanted, &user));
        whose = po_str_of(user.id);
    }
    if (wants_all || !po_str_eq_cstr(whose, caller.id))
        PO_TRY(cx, po_access_check(cx, cli->home, &caller, po_str_of(action), whose));
    if (wants_all) whose = PO_LIT("");
    *ret_user = PO_LIT("");
    if (whose.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, whose, ret_user), "out of request memory");
    return po_rc_ok();
}

PO_RC po_cli_may_touch(struct po_ctx *cx, struct po_cli *cli, const char *action, po_str owner)
{
    struct po_identity caller = {0};
    PO_TRY(cx, po_identity_current(cx, cli->home, &caller));
    if (po_str_eq_cstr(owner, caller.id)) return po_rc_ok();
    po_rc rc = po_access_check(cx, cli->home, &caller, po_str_of(action), owner);
    if (rc.code != PO_DENIED) return rc;
    po_err_clear(cx);
    return PO_FAIL(cx, PO_NOTFOUND, "there is no such thing of yours");
}

bool po_cli_is_dry(struct po_cli *cli, const char *what, po_str whom)
{
    if (cli->is_dry_run) po_cli_line(cli, "would %s %.*s", what, PO_STR_ARG(whom));
    return cli->is_dry_run;
}

/* ---- list and show -------------------------------------------------------------------------------------- */

static const struct po_column columns[] = {
    {"id", "ID", PO_CELL_STR},
    {"kind", "KIND", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},
    {"role", "ROLE", PO_CELL_STR},
    {"role_waiting", "WAITING", PO_CELL_STR},
    {"role_effective", "EFFECTIVE", PO_CELL_STR},
    {"name", "NAME", PO_CELL_STR},
    {"email", "EMAIL", PO_CELL_STR},
    {"owner", "OWNER", PO_CELL_STR},
    {"ownerless", "OWNERLESS", PO_CELL_BOOL},
    {"created", "CREATED", PO_CELL_STR},
    {"changed", "CHANGED", PO_CELL_STR},
    {"version", "VERSION", PO_CELL_INT},
};

static PO_RC put_text(struct po_ctx *cx, struct po_rows *rows, po_str text)
{
    return text.len == 0 ? po_rows_null(cx, rows) : po_rows_str(cx, rows, text);
}

static PO_RC put_user(struct po_ctx *cx, struct po_rows *rows, const struct po_user *user)
{
    const char *kind = user->is_canary ? "canary" : user->is_service ? "service" : "human";
    PO_TRY(cx, po_rows_cstr(cx, rows, user->id));
    PO_TRY(cx, po_rows_cstr(cx, rows, kind));
    PO_TRY(cx, po_rows_str(cx, rows, user->state));
    PO_TRY(cx, put_text(cx, rows, po_str_of(user->role)));
    PO_TRY(cx, put_text(cx, rows, po_str_of(user->role_waiting)));
    PO_TRY(cx, po_rows_time(cx, rows, user->role_effective_us));
    PO_TRY(cx, po_rows_str(cx, rows, user->name));
    PO_TRY(cx, put_text(cx, rows, user->email));
    PO_TRY(cx, put_text(cx, rows, user->owner));
    PO_TRY(cx, po_rows_bool(cx, rows, user->is_ownerless));
    PO_TRY(cx, po_rows_time(cx, rows, user->created_us));
    PO_TRY(cx, po_rows_time(cx, rows, user->changed_us));
    return po_rows_int(cx, rows, (int64_t)user->version);
}

PO_RC po_cmd_user_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_user *users = NULL;
    struct po_rows *rows = NULL;
    size_t count = 0;
    po_str state = po_cli_option(cli, "--state");
    PO_TRY(cx, po_user_list(cx, cli->home, &users, &count));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++)
        if ((state.len == 0 || po_str_eq(state, users[i].state)) &&
            (users[i].is_ownerless || !po_cli_has(cli, "--ownerless")))
            PO_TRY(cx, put_user(cx, rows, &users[i]));
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_user_show(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_user user = {0};
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    PO_TRY(cx, put_user(cx, rows, &user));
    return po_rows_render(cx, rows, cli);
}

/* ---- invite ---------------------------------------------------------------------------------------------- */

static const struct po_column invite_columns[] = {
    {"id", "ID", PO_CELL_STR},
    {"link", "LINK", PO_CELL_STR},
    {"role_in_force", "ROLE IN FORCE", PO_CELL_BOOL},
    {"role_effective", "EFFECTIVE", PO_CELL_STR},
};

static void say_role(struct po_cli *cli, bool is_in_force, po_time_us effective_us)
{
    char effective[PO_TIME_RFC3339_BYTES];
    po_time_format_s(effective_us, effective);
    if (is_in_force)
        po_cli_line(cli, "  the role is in force");
    else if (effective_us == 0)
        po_cli_line(cli, "  the role waits for a second person: 'paulyops user approve'");
    else
        po_cli_line(cli,
                    "  the role is in force from %s (approved by: sole operator); 'paulyops user "
                    "cancel' cancels it",
                    effective);
}

/* The only place where the link's secret is shown; the page reads it behind '#'. */
static PO_RC show_link(struct po_ctx *cx, struct po_cli *cli, const struct po_user_invited *invited)
{
    struct po_rows *rows = NULL;
    po_str secret = po_secret_bytes(invited->link);
    if (cli->format == PO_CLI_TABLE) {
        po_cli_line(cli, "invited %s", invited->id);
        po_cli_line(cli, "  link, works once: /invite#%.*s", PO_STR_ARG(secret));
        say_role(cli, !invited->role_waits, invited->role_effective_us);
        return po_rc_ok();
    }
    const char *link = po_arena_printf(cx->arena, "/invite#%.*s", PO_STR_ARG(secret));
    if (link == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx,
           po_rows_new(cx, invite_columns, sizeof invite_columns / sizeof *invite_columns, &rows));
    PO_TRY(cx, po_rows_cstr(cx, rows, invited->id));
    PO_TRY(cx, po_rows_cstr(cx, rows, link));
    PO_TRY(cx, po_rows_bool(cx, rows, !invited->role_waits));
    PO_TRY(cx, po_rows_time(cx, rows, invited->role_waits ? invited->role_effective_us : 0));
    return po_rows_render(cx, rows, cli);
}

static void free_invited(struct po_user_invited *invited) { po_secret_free(invited->link); }

PO_RC po_cmd_user_invite(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(free_invited) struct po_user_invited invited = {0};
    const struct po_user_invite invite = {.email = cli->operands[0],
                                          .name = po_cli_option(cli, "--name"),
                                          .role = po_cli_option(cli, "--role"),
                                          .reason = po_cli_option(cli, "--reason"),
                                          .is_first_owner = po_cli_has(cli, "--first-owner")};
    if (invite.is_first_owner == (invite.role.len > 0))
        return PO_FAIL(cx, PO_USAGE, "give --role, or --first-owner");
    if (invite.name.len == 0) return PO_FAIL(cx, PO_USAGE, "give --name");
    if (po_cli_is_dry(cli, "invite", invite.email)) return po_rc_ok();
    PO_TRY(cx, po_user_invite(cx, cli->home, &invite, &invited));
    return show_link(cx, cli, &invited);
}

PO_RC po_cmd_user_service(struct po_ctx *cx, struct po_cli *cli)
{
    char id[PO_ID_BYTES] = "";
    struct po_user owner = {0};
    struct po_user user = {0};
    struct po_rows *rows = NULL;
    struct po_service_new service = {.name = cli->operands[0],
                                     .role = po_cli_option(cli, "--role"),
                                     .reason = po_cli_option(cli, "--reason")};
    po_str owner_named = po_cli_option(cli, "--owner");
    if (service.role.len == 0) return PO_FAIL(cx, PO_USAGE, "give --role");
    if (owner_named.len > 0) {
        PO_TRY(cx, po_cli_account(cx, cli, owner_named, &owner));
        service.owner = po_str_of(owner.id);
    }
    if (po_cli_is_dry(cli, "make the service account", service.name)) return po_rc_ok();
    PO_TRY(cx, po_service_create(cx, cli->home, &service, id));
    PO_TRY(cx, po_cli_account(cx, cli, po_str_of(id), &user));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    PO_TRY(cx, put_user(cx, rows, &user));
    return po_rows_render(cx, rows, cli);
}

/* ---- lifecycle --------------------------------------------------------------------------------------------- */

static PO_RC change(struct po_ctx *cx, struct po_cli *cli, enum po_user_move move, const char *verb)
{
    struct po_user user = {0};
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    if (po_cli_is_dry(cli, verb, po_str_of(user.id))) return po_rc_ok();
    PO_TRY(cx,
           po_user_change(cx, cli->home, po_str_of(user.id), move, po_cli_option(cli, "--reason")));
    PO_TRY(cx, po_cli_account(cx, cli, po_str_of(user.id), &user));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    PO_TRY(cx, put_user(cx, rows, &user));
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_user_suspend(struct po_ctx *cx, struct po_cli *cli)
{
    return change(cx, cli, PO_USER_SUSPEND, "suspend");
}

PO_RC po_cmd_user_resume(struct po_ctx *cx, struct po_cli *cli)
{
    return change(cx, cli, PO_USER_RESUME, "resume");
}

PO_RC po_cmd_user_deprovision(struct po_ctx *cx, struct po_cli *cli)
{
    return change(cx, cli, PO_USER_DEPROVISION, "deprovision");
}

/* ---- roles of users ------------------------------------------------------------------------------------------ */

static const struct po_column role_columns[] = {
    {"id", "ID", PO_CELL_STR},
    {"role", "ROLE", PO_CELL_STR},
    {"in_force", "IN FORCE", PO_CELL_BOOL},
    {"effective", "EFFECTIVE", PO_CELL_STR},
};

PO_RC po_cmd_user_role(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_user user = {0};
    struct po_rows *rows = NULL;
    struct po_role_changed changed = {0};
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    const struct po_role_change wanted = {po_str_of(user.id), cli->operands[1],
                                          po_cli_option(cli, "--reason")};
    if (po_cli_is_dry(cli, "change the role of", wanted.user)) return po_rc_ok();
    PO_TRY(cx, po_role_give(cx, cli->home, &wanted, &changed));
    if (cli->format == PO_CLI_TABLE) {
        po_cli_line(cli, "%s: %.*s", user.id, PO_STR_ARG(wanted.role));
        say_role(cli, changed.is_in_force, changed.effective_us);
        return po_rc_ok();
    }
    PO_TRY(cx, po_rows_new(cx, role_columns, sizeof role_columns / sizeof *role_columns, &rows));
    PO_TRY(cx, po_rows_cstr(cx, rows, user.id));
    PO_TRY(cx, po_rows_str(cx, rows, wanted.role));
    PO_TRY(cx, po_rows_bool(cx, rows, changed.is_in_force));
    PO_TRY(cx, po_rows_time(cx, rows, changed.effective_us));
    return po_rows_render(cx, rows, cli);
}

static PO_RC settle(struct po_ctx *cx, struct po_cli *cli, bool is_approval)
{
    struct po_user user = {0};
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_cli_account(cx, cli, cli->operands[0], &user));
    if (po_cli_is_dry(cli, is_approval ? "approve the role of" : "cancel the role of",
                      po_str_of(user.id)))
        return po_rc_ok();
    PO_TRY(cx, is_approval ? po_role_approve(cx, cli->home, po_str_of(user.id))
                           : po_role_cancel(cx, cli->home, po_str_of(user.id)));
    PO_TRY(cx, po_cli_account(cx, cli, po_str_of(user.id), &user));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    PO_TRY(cx, put_user(cx, rows, &user));
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_user_approve(struct po_ctx *cx, struct po_cli *cli) { return settle(cx, cli, true); }

PO_RC po_cmd_user_cancel(struct po_ctx *cx, struct po_cli *cli) { return settle(cx, cli, false); }
