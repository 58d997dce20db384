/*
 * script list, grant, revoke and trust: what programs there are and what they may do.
 */
#include "commands_priv.h"

#include "core/codec.h"
#include "script_target_priv.h"

/* ---- list ----------------------------------------------------------------------------------------- */

static const struct po_column columns[] = {
    {"id", "ID", PO_CELL_STR},           {"kind", "KIND", PO_CELL_STR},
    {"program", "PROGRAM", PO_CELL_STR}, {"trust", "TRUST", PO_CELL_STR},
    {"granted", "GRANTED", PO_CELL_STR}, {"digest", "DIGEST", PO_CELL_STR},
    {"needs", "NEEDS", PO_CELL_STR},
};
#define DIGEST_CHARS_SHOWN 12

/* What a person granted is the organisation's, whoever wrote it. */
static const char *trust_of(const struct po_program *program, enum po_grant_state state)
{
    enum po_trust trust = program->trust;
    if (trust == PO_TRUST_NONE && state == PO_GRANT_IN_FORCE) trust = PO_TRUST_ORGANISATION;
    return po_trust_name(trust);
}

static PO_RC put_program(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows,
                         const char *place, const struct po_program *program)
{
    char hex[2 * PO_SHA256_BYTES + 1];
    struct po_grant grant = {0};
    po_str needs = {NULL, 0};
    bool is_system = program->trust == PO_TRUST_SYSTEM;
    if (!is_system) PO_TRY(cx, po_grant_find(cx, cli->home, program->digest, &grant));
    PO_TRY(cx, po_script_caps_text(cx, &program->row.needs, &needs));
    po_hex_encode(program->digest, PO_SHA256_BYTES, hex);
    if (cli->format == PO_CLI_TABLE) hex[DIGEST_CHARS_SHOWN] = '\0';
    const char *name =
        po_arena_printf(cx->arena, "%s%s%.*s#%.*s", place, place[0] != '\0' ? "/" : "",
                        PO_STR_ARG(program->row.file), PO_STR_ARG(program->row.entry));
    PO_TRY(cx, po_rows_str(cx, rows, program->row.id.len > 0 ? program->row.id : PO_LIT("-")));
    PO_TRY(cx, po_rows_str(cx, rows, program->row.kind));
    PO_TRY(cx, po_rows_cstr(cx, rows, name));
    PO_TRY(cx, po_rows_cstr(cx, rows, trust_of(program, grant.state)));
    PO_TRY(cx, po_rows_cstr(cx, rows, is_system ? "build" : po_grant_state_name(grant.state)));
    PO_TRY(cx, po_rows_cstr(cx, rows, hex));
    return po_rows_str(cx, rows, needs);
}

static PO_RC put_row(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows,
                     const struct po_site_bundle *in, const struct po_bundle_program *row)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    const struct po_script_target target = {in->bundle, row->file, row->entry, row->file};
    PO_TRY(cx, po_script_entry_load(cx, cli, &target, row->entry, &program));
    return put_program(cx, cli, rows, in->shown, &program);
}

static PO_RC put_bundle(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows,
                        const struct po_site *site, size_t which)
{
    const struct po_site_bundle *in = &site->at[which];
    if (in->bundle == NULL) {
        po_cli_note(cli, "note: %s: %s", in->shown, in->problem);
        return po_rc_ok();
    }
    for (size_t i = 0; i < po_bundle_file_count(in->bundle); i++)
        if (po_bundle_file_is_broken(in->bundle, i))
            po_cli_note(cli, "note: %s/%.*s does not compile; see 'paulyops script check'",
                        in->shown, PO_STR_ARG(po_bundle_file_path(in->bundle, i)));
    for (size_t i = 0; i < po_bundle_program_count(in->bundle); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(in->bundle, i);
        if (po_site_has(site, which, row)) PO_TRY(cx, put_row(cx, cli, rows, in, row));
    }
    return po_rc_ok();
}

PO_RC po_cmd_script_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_site *site = NULL;
    struct po_site *shipped = NULL;
    struct po_rows *rows = NULL;
    PO_ARENA_NEW(cx, site, 1);
    PO_ARENA_NEW(cx, shipped, 1);
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    if (!po_cli_has(cli, "--site")) {
        shipped->count = 1;
        shipped->at[0].shown = "";
        PO_TRY(cx, po_bundle_open_embedded(cx, &shipped->at[0].bundle));
        PO_TRY(cx, put_bundle(cx, cli, rows, shipped, 0));
    }
    PO_TRY(cx, po_site_open(cx, cli->home, site));
    for (size_t i = 0; i < site->count; i++)
        PO_TRY(cx, put_bundle(cx, cli, rows, site, i));
    return po_rows_render(cx, rows, cli);
}

/* ---- grant and revoke ----------------------------------------------------------------------------- */

/* All entry points may be granted before one of them is; what is granted already stays as it is. */
static PO_RC may_grant(struct po_ctx *cx, struct po_cli *cli, const struct po_script_target *target,
                       po_str entry, bool *ret_is_new)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    const struct po_grant_options options = {target->named, po_cli_option(cli, "--reason")};
    *ret_is_new = false;
    PO_TRY(cx, po_script_entry_load(cx, cli, target, entry, &program));
    po_rc rc = po_grant_may(cx, cli->home, &program, &options);
    if (rc.code == PO_EXISTS) return po_rc_ok();
    PO_TRY(cx, rc);
    *ret_is_new = true;
    return po_rc_ok();
}

static PO_RC grant_one(struct po_ctx *cx, struct po_cli *cli, const struct po_script_target *target,
                       po_str entry)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_grant grant = {0};
    po_str needs = {NULL, 0};
    char effective[PO_TIME_RFC3339_BYTES];
    const struct po_grant_options options = {target->named, po_cli_option(cli, "--reason")};
    PO_TRY(cx, po_script_entry_load(cx, cli, target, entry, &program));
    PO_TRY(cx, po_script_caps_text(cx, &program.row.needs, &needs));
    if (cli->is_dry_run) {
        po_cli_line(cli, "would grant %.*s of %.*s: %.*s%s", PO_STR_ARG(entry),
                    PO_STR_ARG(target->named), PO_STR_ARG(needs),
                    po_grant_waits(&program.row.needs) ? " (waits first)" : "");
        return po_rc_ok();
    }
    PO_TRY(cx, po_grant_give(cx, cli->home, &program, &options, &grant));
    po_cli_line(cli, "granted %.*s of %.*s: %.*s", PO_STR_ARG(entry), PO_STR_ARG(target->named),
                PO_STR_ARG(needs));
    if (grant.state == PO_GRANT_IN_FORCE) return po_rc_ok();
    po_time_format_s(grant.effective_us, effective);
    po_cli_line(cli,
                "  it changes things: in force from %s (approved by: sole operator); 'paulyops "
                "script revoke' cancels it",
                effective);
    return po_rc_ok();
}

/* Entry points of the file, or the one that is wanted. */
static PO_RC entries_of(struct po_ctx *cx, const struct po_cli *cli,
                        const struct po_script_target *target, const po_str **ret_entries,
                        size_t *ret_count)
{
    po_str wanted = po_cli_option(cli, "--entry");
    po_str *entries = NULL;
    size_t count = 0;
    if (wanted.ptr == NULL) wanted = target->entry;
    PO_ARENA_NEW(cx, entries, po_bundle_program_count(target->bundle) + 1);
    for (size_t i = 0; i < po_bundle_program_count(target->bundle); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(target->bundle, i);
        bool is_it = po_str_eq(row->file, target->file) &&
                     (wanted.len == 0 || po_str_eq(row->entry, wanted));
        if (is_it) entries[count++] = row->entry;
    }
    *ret_entries = entries;
    *ret_count = count;
    if (count > 0) return po_rc_ok();
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    po_str entry = wanted.ptr != NULL ? wanted : PO_LIT("");
    PO_TRY(cx, po_script_entry_load(cx, cli, target, entry, &program));
    return PO_FAIL(cx, PO_NOTFOUND, "'%.*s' has no entry point to grant", PO_STR_ARG(target->file));
}

PO_RC po_cmd_script_grant(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_script_target target;
    const po_str *entries = NULL;
    bool *is_new = NULL;
    size_t count = 0;
    size_t new_count = 0;
    PO_TRY(cx, po_script_target_find(cx, cli, cli->operands[0], &target));
    if (po_bundle_trust(target.bundle) == PO_TRUST_SYSTEM)
        return PO_FAIL(cx, PO_USAGE, "programs of this build need no grant");
    PO_TRY(cx, entries_of(cx, cli, &target, &entries, &count));
    PO_ARENA_NEW(cx, is_new, count);
    for (size_t i = 0; i < count; i++) {
        PO_TRY(cx, may_grant(cx, cli, &target, entries[i], &is_new[i]));
        new_count += is_new[i];
    }
    po_err_clear(cx);
    if (new_count == 0)
        return PO_FAIL(cx, PO_EXISTS, "this text of '%.*s' is granted already",
                       PO_STR_ARG(target.named));
    for (size_t i = 0; i < count; i++)
        if (is_new[i]) PO_TRY(cx, grant_one(cx, cli, &target, entries[i]));
    return po_rc_ok();
}

PO_RC po_cmd_script_revoke(struct po_ctx *cx, struct po_cli *cli)
{
    size_t count = 0;
    po_str named = {NULL, 0};
    po_str entry = po_cli_option(cli, "--entry");
    PO_TRY(cx, po_script_target_named(cx, cli, cli->operands[0], &named));
    if (cli->is_dry_run) {
        po_cli_line(cli, "would revoke the grants of %.*s", PO_STR_ARG(named));
        return po_rc_ok();
    }
    PO_TRY(cx, po_grant_revoke(cx, cli->home, named, entry, &count));
    po_cli_line(cli, "revoked %zu grant%s of %.*s", count, count == 1 ? "" : "s",
                PO_STR_ARG(named));
    return po_rc_ok();
}

/* ---- trust ---------------------------------------------------------------------------------------- */

static const struct po_column trust_columns[] = {
    {"name", "NAME", PO_CELL_STR},
    {"level", "LEVEL", PO_CELL_STR},
    {"vkey", "VERIFIER KEY", PO_CELL_STR},
};

static PO_RC list_trust(struct po_ctx *cx, struct po_cli *cli)
{
    const struct po_trust_key *keys = NULL;
    size_t count = 0;
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_trust_keys(cx, cli->home, &keys, &count));
    PO_TRY(cx, po_rows_new(cx, trust_columns, sizeof trust_columns / sizeof *trust_columns, &rows));
    for (size_t i = 0; i < count; i++) {
        PO_BUF_AUTO vkey;
        po_buf_init(&vkey, 1024);
        po_note_vkey_format(&keys[i].vkey, &vkey);
        PO_TRY(cx, po_rows_cstr(cx, rows, keys[i].vkey.name));
        PO_TRY(cx, po_rows_cstr(cx, rows, po_trust_name(keys[i].trust)));
        PO_TRY(cx, po_rows_str(cx, rows, po_buf_str(&vkey)));
    }
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_script_trust(struct po_ctx *cx, struct po_cli *cli)
{
    po_str removed = po_cli_option(cli, "--remove");
    po_str name = {NULL, 0};
    if (removed.ptr == NULL && cli->operand_count == 0) return list_trust(cx, cli);
    if (removed.ptr != NULL && cli->operand_count > 0)
        return PO_FAIL(cx, PO_USAGE, "give LEVEL and VKEY, or --remove NAME, not both");
    if (removed.ptr == NULL && cli->operand_count != 2)
        return PO_FAIL(cx, PO_USAGE, "'script trust' needs LEVEL and VKEY");
    if (cli->is_dry_run) {
        po_cli_line(cli, removed.ptr != NULL ? "would no longer trust %.*s" : "would trust %.*s",
                    PO_STR_ARG(removed.ptr != NULL ? removed : cli->operands[1]));
        return po_rc_ok();
    }
    const char *reason = po_home_read_only_reason(cli->home);
    if (reason != NULL) return PO_FAIL(cx, PO_DENIED, "read-only: %s", reason);
    if (removed.ptr != NULL) {
        PO_TRY(cx, po_trust_remove(cx, cli->home, removed));
        po_cli_line(cli, "%.*s is no longer trusted", PO_STR_ARG(removed));
        return po_rc_ok();
    }
    PO_TRY(cx, po_trust_set(cx, cli->home, cli->operands[0], cli->operands[1], &name));
    po_cli_line(cli, "%.*s is trusted: %.*s", PO_STR_ARG(name), PO_STR_ARG(cli->operands[0]));
    return po_rc_ok();
}
