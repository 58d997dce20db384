/*
 * script check and script fmt: what the compiler says about files, and the one style.
 */
#include "commands_priv.h"

#include "core/fs.h"
#include "script_priv.h"

/* ---- check -------------------------------------------------------------------------------------- */

/* Findings of all files; each file is worked on in memory of its own. */
struct checking {
    struct po_cli *cli;
    bool has_carets;
    size_t errors;
    size_t warnings;
    struct po_buf diags;   /* text or JSON values separated by newlines */
    struct po_buf entries; /* likewise */
};

static void checking_done(struct checking *all)
{
    po_buf_done(&all->diags);
    po_buf_done(&all->entries);
}

static PO_RC put_diag(struct po_ctx *cx, struct checking *all, const struct po_script_file *file,
                      const struct po_script_diag *diag)
{
    bool is_error = diag->severity == PO_SCRIPT_ERROR;
    (*(is_error ? &all->errors : &all->warnings))++;
    if (all->cli->format == PO_CLI_TABLE)
        return po_script_diag_print(cx, file, diag, all->has_carets, &all->diags);
    struct po_json_out json;
    po_str path = diag->path.len > 0 ? diag->path : po_str_of(file->path);
    po_json_out_init(&json, &all->diags, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "type", PO_LIT("diagnostic"));
    po_json_out_field(&json, "file", po_str_of(po_script_shown(cx, file, path)));
    po_json_out_field_int(&json, "line", diag->line);
    po_json_out_field_int(&json, "column", diag->column);
    po_json_out_field_int(&json, "width", diag->width);
    po_json_out_field(&json, "severity", is_error ? PO_LIT("error") : PO_LIT("warning"));
    po_json_out_field(&json, "code", po_str_of(diag->code));
    po_json_out_field(&json, "message", diag->message);
    po_json_out_field(&json, "hint", diag->hint);
    po_json_out_object_end(&json);
    po_buf_append_char(&all->diags, '\n');
    return po_rc_ok();
}

static PO_RC put_entry(struct po_ctx *cx, struct checking *all, const struct po_script_file *file,
                       const struct po_script_entry *entry)
{
    po_str id = {NULL, 0};
    po_str needs = {NULL, 0};
    PO_TRY(cx, po_script_entry_arg(cx, entry, "id", &id));
    if (all->cli->format == PO_CLI_TABLE) {
        PO_BUF_AUTO line;
        po_buf_init(&line, PO_CLI_LINE_BYTES_MAX);
        PO_TRY(cx, po_script_needs_text(cx, entry->needs_json, &needs));
        po_buf_printf(&line, "%s:%u: %.*s %.*s%s%.*s needs %.*s", file->shown, entry->line,
                      PO_STR_ARG(entry->kind), PO_STR_ARG(id), id.len > 0 ? " " : "",
                      PO_STR_ARG(entry->name), PO_STR_ARG(needs));
        po_cli_append_clean(&all->entries, po_buf_str(&line));
        po_buf_append_char(&all->entries, '\n');
        return po_rc_ok();
    }
    struct po_json_out json;
    po_json_out_init(&json, &all->entries, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "type", PO_LIT("entry"));
    po_json_out_field(&json, "file", po_str_of(file->shown));
    po_json_out_field_int(&json, "line", entry->line);
    po_json_out_field(&json, "entry", entry->name);
    po_json_out_field(&json, "kind", entry->kind);
    po_json_out_field(&json, "id", id);
    po_json_out_field(&json, "signature", entry->signature);
    po_json_out_key(&json, "needs");
    po_json_out_raw(&json, entry->needs_json);
    po_json_out_object_end(&json);
    po_buf_append_char(&all->entries, '\n');
    return po_rc_ok();
}

static PO_RC check_in(struct po_ctx *cx, struct checking *all, const struct po_script_file *file)
{
    struct po_script_diags *diags = NULL;
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    PO_ARENA_NEW(cx, diags, 1);
    const struct po_script_compiling how = {.strict = po_cli_has(all->cli, "--strict")};
    po_rc rc = po_script_file_compile(cx, file, &how, diags, &script);
    if (!po_is_ok(rc) && (rc.code != PO_INVALID || diags->error_count == 0)) return rc;
    po_err_clear(cx);
    for (size_t i = 0; i < diags->count; i++)
        PO_TRY(cx, put_diag(cx, all, file, &diags->at[i]));
    for (size_t i = 0; script != NULL && i < po_script_entry_count(script); i++) {
        const struct po_script_entry *entry = po_script_entry_at(script, i);
        if (!po_str_eq_cstr(entry->kind, "test")) PO_TRY(cx, put_entry(cx, all, file, entry));
    }
    return po_rc_ok();
}

static PO_RC check_file(struct po_ctx *cx, struct checking *all, const struct po_script_file *file)
{
    struct po_ctx step;
    PO_TRY(cx, po_ctx_child_begin(cx, PO_SCRIPT_STEP_BYTES_MAX, &step));
    po_rc rc = check_in(&step, all, file);
    return po_ctx_child_end(cx, &step, rc);
}

static void print_checking(struct checking *all, size_t files)
{
    struct po_buf *out = &all->cli->out;
    if (all->cli->format == PO_CLI_JSON) {
        struct po_json_out json;
        po_json_out_init(&json, out, 0);
        po_json_out_object(&json);
        po_json_out_field_int(&json, "files", (int64_t)files);
        po_json_out_field_int(&json, "errors", (int64_t)all->errors);
        po_json_out_field_int(&json, "warnings", (int64_t)all->warnings);
        po_script_put_array(&json, "diagnostics", po_buf_str(&all->diags));
        po_script_put_array(&json, "entries", po_buf_str(&all->entries));
        po_json_out_object_end(&json);
        po_buf_append_char(out, '\n');
        return;
    }
    po_buf_append(out, po_buf_str(&all->diags));
    po_buf_append(out, po_buf_str(&all->entries));
    if (all->cli->format == PO_CLI_TABLE)
        po_buf_printf(out, "%zu files, %zu errors, %zu warnings\n", files, all->errors,
                      all->warnings);
}

PO_RC po_cmd_script_check(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(checking_done) struct checking all = {.cli = cli};
    struct po_script_files files = {0};
    po_buf_init(&all.diags, PO_CLI_OUT_BYTES_MAX);
    po_buf_init(&all.entries, PO_CLI_OUT_BYTES_MAX);
    all.has_carets = po_cli_has(cli, "--carets") || po_cli_out_is_tty();
    if (po_cli_has(cli, "--shipped"))
        PO_TRY(cx, po_script_files_shipped(cx, &files));
    else
        PO_TRY(cx, po_script_files_named(cx, cli, &files));
    for (size_t i = 0; i < files.count; i++)
        PO_TRY(cx, check_file(cx, &all, &files.at[i]));
    PO_TRY_LEAF(cx, po_buf_check(&all.diags), "the output is too large");
    PO_TRY_LEAF(cx, po_buf_check(&all.entries), "the output is too large");
    print_checking(&all, files.count);
    if (all.errors > 0) cli->exit_code = PO_EXIT_NOT_PASSED;
    PO_TRY_LEAF(cx, po_buf_check(&cli->out), "the output is too large");
    return po_rc_ok();
}

/* ---- fmt ---------------------------------------------------------------------------------------- */

static const struct po_column fmt_columns[] = {
    {"file", "FILE", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},
};

static PO_RC format_text(struct po_ctx *cx, const struct po_script_file *file, po_str text,
                         struct po_buf *out)
{
    struct po_script_diags *diags = NULL;
    PO_ARENA_NEW(cx, diags, 1);
    po_rc rc = po_script_fmt(cx, po_str_of(file->path), text, out, diags);
    if (po_is_ok(rc) || rc.code != PO_INVALID || diags->error_count == 0) return rc;
    return po_script_first_error(cx, file, diags);
}

/* ret_state: "formatted", "would change" or "unchanged". */
static PO_RC format_in(struct po_ctx *cx, const struct po_script_file *file, bool is_check,
                       const char **ret_state)
{
    PO_BUF_AUTO formatted;
    const char *full = NULL;
    po_str text = {NULL, 0};
    struct po_fs_info info = {0};
    po_buf_init(&formatted, (size_t)8 << 20);
    PO_TRY(cx, po_script_file_read(cx, file, file->path, &text));
    PO_TRY(cx, format_text(cx, file, text, &formatted));
    *ret_state = "unchanged";
    if (po_str_eq(text, po_buf_str(&formatted))) return po_rc_ok();
    *ret_state = is_check ? "would change" : "formatted";
    if (is_check) return po_rc_ok();
    PO_TRY(cx, po_path_join(cx, file->root, file->path, &full));
    PO_TRY(cx, po_fs_info(cx, full, &info));
    return po_fs_write_atomic(cx, full, po_buf_str(&formatted), info.mode);
}

PO_RC po_cmd_script_fmt(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_script_files files = {0};
    struct po_rows *rows = NULL;
    size_t changed = 0;
    bool is_check = po_cli_has(cli, "--check") || cli->is_dry_run;
    PO_TRY(cx, po_script_files_named(cx, cli, &files));
    PO_TRY(cx, po_rows_new(cx, fmt_columns, sizeof fmt_columns / sizeof *fmt_columns, &rows));
    for (size_t i = 0; i < files.count; i++) {
        struct po_ctx step;
        const char *state = "unchanged";
        PO_TRY(cx, po_ctx_child_begin(cx, PO_SCRIPT_STEP_BYTES_MAX, &step));
        po_rc rc = format_in(&step, &files.at[i], is_check, &state);
        PO_TRY(cx, po_ctx_child_end(cx, &step, rc));
        if (strcmp(state, "unchanged") != 0) changed++;
        if (cli->format == PO_CLI_TABLE && strcmp(state, "unchanged") == 0) continue;
        PO_TRY(cx, po_rows_cstr(cx, rows, files.at[i].shown));
        PO_TRY(cx, po_rows_cstr(cx, rows, state));
    }
    if (changed > 0 && po_cli_has(cli, "--check")) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (changed > 0 || cli->format != PO_CLI_TABLE) PO_TRY(cx, po_rows_render(cx, rows, cli));
    if (cli->format == PO_CLI_TABLE)
        po_buf_printf(&cli->out, "%zu of %zu files %s\n", changed, files.count,
                      is_check ? "would change" : "changed");
    return po_rc_ok();
}
