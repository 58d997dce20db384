/*
 * Resolving what a command means by FILE or ID.
 */
#include "script_target_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>

/* ---- files ---------------------------------------------------------------------------------------- */

/* A program is a file of its own, not a link to one. */
static PO_RC file_path(struct po_ctx *cx, const char *path, const char **ret_path)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "there is no file '%s'", path);
    if (!info.is_file) return PO_FAIL(cx, PO_DENIED, "'%s' is no regular file", path);
    return po_script_absolute(cx, path, ret_path);
}

/* scripts/ of the open home without symlinks, NULL when it is not there. */
static PO_RC site_of(struct po_ctx *cx, const struct po_cli *cli, const char **ret_site)
{
    char resolved[PATH_MAX];
    *ret_site = NULL;
    const char *dir = po_home_path(cli->home, PO_PLACE_SCRIPTS);
    if (po_sys_realpath(dir, resolved) == NULL) return po_rc_ok();
    *ret_site = po_arena_strdup(cx->arena, po_str_of(resolved));
    if (*ret_site == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

/* The error stays the one to report. */
static PO_RC deny(struct po_ctx *cx, const struct po_cli *cli, po_str program, po_str argument,
                  const char *fence)
{
    struct po_err first = cx->err;
    const struct po_refusal refusal = {.program = program, .argument = argument, .fence = fence};
    PO_TRY(cx, po_program_deny(cx, cli->home, &refusal));
    cx->err = first;
    return po_rc_ok();
}

/* What is not what was signed is refused, and told. */
static PO_RC open_bundle(struct po_ctx *cx, struct po_cli *cli, const char *root,
                         struct po_bundle **ret_bundle)
{
    const struct po_trust_key *keys = NULL;
    size_t key_count = 0;
    PO_TRY(cx, po_trust_keys(cx, cli->home, &keys, &key_count));
    po_rc rc = po_bundle_open_dir(cx, root, keys, key_count, ret_bundle);
    if (rc.code != PO_CORRUPT && rc.code != PO_TAMPER) return rc;
    const char *name = po_arena_printf(cx->arena, "bundle:%s", root);
    const char *why = po_arena_printf(cx->arena, "%s", po_err_msg(cx));
    if (name == NULL || why == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, deny(cx, cli, po_str_of(name), po_str_of(why), "signature"));
    return rc;
}

static PO_RC find_file(struct po_ctx *cx, struct po_cli *cli, po_str operand,
                       struct po_script_target *target)
{
    const char *site = NULL;
    const char *path = NULL;
    const char *dir = NULL;
    const char *root = NULL;
    const char *given = po_arena_strdup(cx->arena, operand);
    if (given == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, file_path(cx, given, &path));
    PO_TRY(cx, site_of(cx, cli, &site));
    PO_TRY(cx, po_path_dir(cx, path, &dir));
    PO_TRY(cx, po_script_root_of(cx, site, dir, &root));
    PO_TRY(cx, open_bundle(cx, cli, root, &target->bundle));
    const char *file = po_script_below(root, path);
    PO_INVARIANT(cx, file != NULL);
    target->file = po_str_of(file);
    const char *in_site = site != NULL ? po_script_below(site, path) : NULL;
    target->named = po_str_of(in_site != NULL ? in_site : path);
    return po_rc_ok();
}

PO_RC po_script_target_named(struct po_ctx *cx, struct po_cli *cli, po_str operand,
                             po_str *ret_named)
{
    char resolved[PATH_MAX];
    const char *site = NULL;
    const char *given = po_arena_strdup(cx->arena, operand);
    if (given == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_named = operand;
    if (po_sys_realpath(given, resolved) == NULL) return po_rc_ok();
    PO_TRY(cx, site_of(cx, cli, &site));
    const char *in_site = site != NULL ? po_script_below(site, resolved) : NULL;
    PO_TRY_LEAF(
        cx, po_arena_copy(cx->arena, po_str_of(in_site != NULL ? in_site : resolved), ret_named),
        "out of request memory");
    return po_rc_ok();
}

/* ---- ids ------------------------------------------------------------------------------------------ */

static const struct po_bundle_program *find_row(struct po_bundle *bundle, po_str id)
{
    for (size_t i = 0; i < po_bundle_program_count(bundle); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(bundle, i);
        bool is_it = (row->id.len > 0 && po_str_eq(row->id, id)) || po_str_eq(row->name, id);
        if (is_it) return row;
    }
    return NULL;
}

static void take_row(struct po_script_target *target, struct po_bundle *bundle,
                     const struct po_bundle_program *row)
{
    *target = (struct po_script_target){bundle, row->file, row->entry, row->file};
}

static PO_RC find_id(struct po_ctx *cx, struct po_cli *cli, po_str operand,
                     struct po_script_target *target)
{
    struct po_bundle *shipped = NULL;
    struct po_site *site = NULL;
    PO_TRY(cx, po_bundle_open_embedded(cx, &shipped));
    const struct po_bundle_program *row = find_row(shipped, operand);
    if (row != NULL) take_row(target, shipped, row);
    if (row != NULL) return po_rc_ok();
    PO_ARENA_NEW(cx, site, 1);
    PO_TRY(cx, po_site_open(cx, cli->home, site));
    for (size_t i = 0; i < site->count; i++) {
        row = site->at[i].bundle != NULL ? find_row(site->at[i].bundle, operand) : NULL;
        if (row == NULL || !po_site_has(site, i, row)) continue;
        take_row(target, site->at[i].bundle, row);
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND,
                   "there is no program '%.*s'; 'paulyops script list' shows those there are",
                   PO_STR_ARG(operand));
}

PO_RC po_script_target_find(struct po_ctx *cx, struct po_cli *cli, po_str operand,
                            struct po_script_target *ret_target)
{
    *ret_target = (struct po_script_target){0};
    if (po_str_ends(operand, PO_LIT(".script"))) return find_file(cx, cli, operand, ret_target);
    return find_id(cx, cli, operand, ret_target);
}

/* ---- loading -------------------------------------------------------------------------------------- */

/* Imports that lead nowhere, in a circle or out of the bundle. */
static bool is_resolution(const struct po_script_diag *diag)
{
    static const char *const codes[] = {"E0501", "E0503", "E0504"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(diag->code, codes[i]) == 0) return true;
    return false;
}

static PO_RC tell_errors(struct po_ctx *cx, const struct po_cli *cli, po_str file,
                         const struct po_script_diags *diags)
{
    const char *name = po_arena_printf(cx->arena, "program:%.*s", PO_STR_ARG(file));
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    for (size_t i = 0; i < diags->count; i++)
        if (is_resolution(&diags->at[i]))
            PO_TRY(cx, deny(cx, cli, po_str_of(name), diags->at[i].message, "module"));
    return po_script_first_error(cx, NULL, diags);
}

PO_RC po_script_entry_load(struct po_ctx *cx, const struct po_cli *cli,
                           const struct po_script_target *target, po_str entry,
                           struct po_program *ret_program)
{
    struct po_script_diags *diags = NULL;
    PO_ARENA_NEW(cx, diags, 1);
    po_rc rc = po_program_load(cx, target->bundle, target->file, entry, diags, ret_program);
    if (rc.code == PO_INVALID && diags->error_count > 0)
        return tell_errors(cx, cli, target->file, diags);
    return rc;
}

PO_RC po_script_target_load(struct po_ctx *cx, const struct po_cli *cli,
                            const struct po_script_target *target, struct po_program *ret_program)
{
    po_str entry = po_cli_option(cli, "--entry");
    size_t count = 0;
    if (entry.ptr == NULL) entry = target->entry;
    for (size_t i = 0; entry.len == 0 && i < po_bundle_program_count(target->bundle); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(target->bundle, i);
        if (!po_str_eq(row->file, target->file)) continue;
        if (count++ > 0)
            return PO_FAIL(cx, PO_USAGE, "'%.*s' has several entry points: name one with --entry",
                           PO_STR_ARG(target->file));
        ret_program->row.entry = row->entry;
    }
    if (count == 1) entry = ret_program->row.entry;
    if (entry.ptr == NULL) entry = PO_LIT("");
    return po_script_entry_load(cx, cli, target, entry, ret_program);
}

PO_RC po_script_caps_text(struct po_ctx *cx, const struct po_caps *caps, po_str *ret_text)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < caps->count; i++) {
        const struct po_cap *cap = &caps->at[i];
        bool is_same = i > 0 && caps->at[i - 1].kind == cap->kind;
        bool is_all = po_str_eq_cstr(cap->value, "*");
        if (i > 0) po_buf_append_char(&text, is_same ? ',' : ' ');
        if (!is_same) po_buf_append_cstr(&text, po_cap_name(cap->kind));
        if (!is_same && !is_all) po_buf_append_char(&text, '=');
        if (!is_all) po_buf_append(&text, cap->value);
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "the capabilities are too many");
    *ret_text = PO_LIT("nothing");
    if (text.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), ret_text),
                    "out of request memory");
    return po_rc_ok();
}
