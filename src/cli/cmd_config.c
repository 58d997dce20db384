/*
 * config check, config show, flag list, flag set.
 */
#include "commands_priv.h"

#include "core/cfg.h"
#include "core/flags.h"
#include "core/fs.h"
#include "crypto/crypto.h"
#include "store/store.h"

#define FLAG_STATE "status_flags"

static const struct po_column option_columns[] = {
    {"name", "OPTION", PO_CELL_STR},   {"value", "VALUE", PO_CELL_STR},
    {"origin", "ORIGIN", PO_CELL_STR}, {"default", "DEFAULT", PO_CELL_STR},
    {"doc", "MEANING", PO_CELL_STR},
};

PO_RC po_cmd_config_check(struct po_ctx *cx, struct po_cli *cli)
{
    const char *root = NULL;
    const char *flags_path = NULL;
    PO_TRY(cx, po_home_find(cx, cli->home_option, &root));
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, root, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "no home at '%s'; run 'paulyops init'", root);
    PO_CLEANUP(po_cfg_freep) struct po_cfg *cfg = NULL;
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    PO_TRY(cx, po_cfg_load(cx, root, NULL, 0, &cfg));
    const char *relative = po_home_place_row(PO_PLACE_FLAGS)->path;
    PO_TRY(cx, po_path_join(cx, root, relative, &flags_path));
    PO_TRY(cx, po_flags_load(cx, flags_path, &flags));
    po_buf_append_cstr(&cli->out, "config/.env and config/status_flags.json are valid\n");
    return po_rc_ok();
}

PO_RC po_cmd_config_show(struct po_ctx *cx, struct po_cli *cli)
{
    if (po_cli_has(cli, "--sample")) {
        po_cfg_sample(&cli->out);
        return po_rc_ok();
    }
    struct po_rows *rows = NULL;
    struct po_cfg_row row;
    PO_TRY(cx,
           po_rows_new(cx, option_columns, sizeof option_columns / sizeof *option_columns, &rows));
    for (size_t i = 0; po_cfg_row_at(po_home_cfg(cli->home), i, &row); i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, row.name));
        PO_TRY(cx, po_rows_str(cx, rows, row.value));
        PO_TRY(cx, po_rows_cstr(cx, rows, row.origin_text));
        PO_TRY(cx, po_rows_cstr(cx, rows, row.default_text));
        PO_TRY(cx, po_rows_cstr(cx, rows, row.doc));
    }
    return po_rows_render(cx, rows, cli);
}

/* -- flags --------------------------------------------------------------------------------------- */

static const struct po_column flag_columns[] = {
    {"name", "FLAG", PO_CELL_STR},           {"value", "VALUE", PO_CELL_STR},
    {"is_default", "DEFAULT", PO_CELL_BOOL}, {"type", "TYPE", PO_CELL_STR},
    {"doc", "MEANING", PO_CELL_STR},
};

PO_RC po_cmd_flag_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_rows *rows = NULL;
    struct po_flag_row row;
    PO_TRY(cx, po_rows_new(cx, flag_columns, sizeof flag_columns / sizeof *flag_columns, &rows));
    for (size_t i = 0; po_flags_row_at(po_home_flags(cli->home), i, &row); i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, row.name));
        PO_TRY(cx, po_rows_str(cx, rows, row.value_text));
        PO_TRY(cx, po_rows_bool(cx, rows, row.is_default));
        PO_TRY(cx, po_rows_cstr(cx, rows, row.type_name));
        PO_TRY(cx, po_rows_cstr(cx, rows, row.doc));
    }
    return po_rows_render(cx, rows, cli);
}

/* A change is made on a copy: what is served stays as it is until the file says otherwise. */
struct flag_change {
    struct po_flags *flags;
    enum po_flag_id id;
    po_str name;
    po_str old_text; /* in the arena */
    po_str new_text;
    po_str reason;
};

static void change_done(struct flag_change *change) { po_flags_free(change->flags); }

static PO_RC read_change(struct po_ctx *cx, struct po_cli *cli, struct flag_change *change)
{
    struct po_flags *flags = po_home_flags(cli->home);
    struct po_flag_row row;
    change->name = cli->operands[0];
    change->new_text = cli->operands[1];
    change->reason = po_cli_option(cli, "--reason");
    PO_TRY(cx, po_flags_find(cx, change->name, &change->id));
    if (!po_flags_row_at(flags, (size_t)change->id, &row))
        return PO_FAIL(cx, PO_BUG, "a flag without a row");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, row.value_text, &change->old_text), "out of memory");
    PO_TRY(cx, po_flags_copy(cx, flags, &change->flags));
    return po_flags_set(cx, change->flags, change->id, change->new_text);
}

static PO_RC change_json(struct po_ctx *cx, const struct flag_change *change, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "flag", change->name);
    po_json_out_field(&json, "old", change->old_text);
    po_json_out_field(&json, "new", change->new_text);
    po_json_out_field(&json, "reason", change->reason.ptr ? change->reason : PO_LIT(""));
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "flag event");
    return po_rc_ok();
}

/* The digest of what the file now says, with the event of the change. */
static PO_RC commit_change(struct po_ctx *cx, struct po_cli *cli, const struct flag_change *change,
                           po_str detail)
{
    uint8_t digest[PO_SHA256_BYTES];
    PO_TRY(cx, po_flags_digest(cx, po_home_flags(cli->home), po_sha256, digest));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(cli->home), &tx));
    PO_TRY(cx, po_store_flag_state_set(cx, tx, PO_LIT(FLAG_STATE), digest));
    const char *resource = po_arena_printf(cx->arena, "flag:%.*s", PO_STR_ARG(change->name));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = PO_EVENT_TYPE_FLAG_CHANGED,
                             .resource = po_str_of(resource),
                             .action = PO_LIT("set"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = detail};
    return po_home_commit(cx, cli->home, tx, &event);
}

PO_RC po_cmd_flag_set(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(change_done) struct flag_change change = {0};
    PO_TRY(cx, read_change(cx, cli, &change));
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would set %.*s from '%.*s' to '%.*s'\n", PO_STR_ARG(change.name),
                      PO_STR_ARG(change.old_text), PO_STR_ARG(change.new_text));
        return po_rc_ok();
    }
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 32768);
    PO_TRY(cx, change_json(cx, &change, &detail));
    struct po_intent intent = {
        .action = "flag.set", .resource = PO_LIT("flag:file"), .detail = po_buf_str(&detail)};
    PO_TRY(cx, po_intent_begin(cx, cli->home, &intent));
    PO_TRY(cx, po_flags_save(cx, change.flags, po_home_path(cli->home, PO_PLACE_FLAGS)));
    po_flags_swap(po_home_flags(cli->home), change.flags, change.id);
    PO_TRY(cx, commit_change(cx, cli, &change, po_buf_str(&detail)));
    PO_TRY(cx, po_intent_end(cx, cli->home, &intent, PO_EVENT_SUCCESS, PO_LIT("{}")));
    po_buf_printf(&cli->out, "%.*s = %.*s (was %.*s)\n", PO_STR_ARG(change.name),
                  PO_STR_ARG(change.new_text), PO_STR_ARG(change.old_text));
    return po_rc_ok();
}
