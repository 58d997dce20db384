/*
 * Files of Script as the command line names them.
 */
#include "script_priv.h"

#include "core/embed.h"
#include "core/fs.h"
#include "core/sys.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <limits.h>

#define CONTENT "content/"
#define SUFFIX ".script"
#define TEST_SUFFIX "_test.script"

struct collector {
    struct po_ctx *cx;
    const struct po_cli *cli;
    const char *cwd;
    const char *site; /* the home's scripts/, or NULL */
    const char *root; /* of what is being walked */
    struct po_script_file *at;
    size_t count;
};

bool po_script_is_test_file(const char *path)
{
    return po_str_ends(po_str_of(path), PO_LIT(TEST_SUFFIX));
}

PO_RC po_script_absolute(struct po_ctx *cx, const char *path, const char **ret_path)
{
    char resolved[PATH_MAX];
    if (po_sys_realpath(path, resolved) == NULL)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "'%s'", path);
    *ret_path = po_arena_strdup(cx->arena, po_str_of(resolved));
    if (*ret_path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

const char *po_script_below(const char *dir, const char *path)
{
    if (dir == NULL || path == NULL) return NULL;
    size_t len = strlen(dir);
    if (dir[len - 1] == '/') len--;
    if (!po_str_starts(po_str_of(path), po_str_n(dir, len)) || path[len] != '/') return NULL;
    return path + len + 1;
}

static PO_RC has_file(struct po_ctx *cx, const char *dir, const char *name, bool *ret_has)
{
    const char *path = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_path_join(cx, dir, name, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    *ret_has = info.exists && info.is_file;
    return po_rc_ok();
}

PO_RC po_script_site_dir(struct po_ctx *cx, const struct po_cli *cli, const char **ret_dir)
{
    const char *home = NULL;
    PO_TRY(cx, po_home_find(cx, cli->home_option, &home));
    return po_path_join(cx, home, po_home_place_row(PO_PLACE_SCRIPTS)->path, ret_dir);
}

/* The home may not exist, or the environment may name none: then there is no site. */
static void find_site(struct collector *all)
{
    struct po_ctx *cx = all->cx;
    const char *dir = NULL;
    po_rc rc = po_script_site_dir(cx, all->cli, &dir);
    if (po_is_ok(rc)) rc = po_script_absolute(cx, dir, &all->site);
    if (!po_is_ok(rc)) all->site = NULL;
    po_err_clear(cx);
}

PO_RC po_script_root_of(struct po_ctx *cx, const char *site, const char *dir, const char **ret_root)
{
    PO_INVARIANT(cx, dir != NULL);
    for (const char *up = dir; up != NULL;) {
        bool has = false;
        PO_TRY(cx, has_file(cx, up, "bundle.json", &has));
        if (has) *ret_root = up;
        if (has) return po_rc_ok();
        if (up[1] == '\0') break;
        PO_TRY(cx, po_path_dir(cx, up, &up));
    }
    bool is_site = site != NULL && (strcmp(dir, site) == 0 || po_script_below(site, dir) != NULL);
    *ret_root = is_site ? site : dir;
    return po_rc_ok();
}

static PO_RC find_root(struct collector *all, const char *dir, const char **ret_root)
{
    struct po_ctx *cx = all->cx;
    const char *named = NULL;
    PO_TRY(cx, po_cli_option_path(cx, all->cli, "--root", &named));
    if (named != NULL) return po_script_absolute(cx, named, ret_root);
    return po_script_root_of(cx, all->site, dir, ret_root);
}

static PO_RC add_file(struct collector *all, const char *path)
{
    struct po_ctx *cx = all->cx;
    if (all->count == PO_SCRIPT_FILES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d files", PO_SCRIPT_FILES_MAX);
    const char *relative = po_script_below(all->root, path);
    if (relative == NULL)
        return PO_FAIL(cx, PO_USAGE, "'%s' is not below the root '%s'", path, all->root);
    const char *shown = po_script_below(all->cwd, path);
    all->at[all->count++] =
        (struct po_script_file){all->root, relative, shown != NULL ? shown : path};
    return po_rc_ok();
}

static PO_RC walk(struct collector *all, const char *dir, int depth)
{
    struct po_ctx *cx = all->cx;
    po_str *names = NULL;
    size_t count = 0;
    if (depth > PO_SCRIPT_DIR_DEPTH_MAX)
        return PO_FAIL(cx, PO_LIMIT, "'%s' is more than %d directories deep", dir,
                       PO_SCRIPT_DIR_DEPTH_MAX);
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        if (names[i].ptr[0] == '.') continue;
        PO_TRY(cx, po_path_join(cx, dir, names[i].ptr, &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir) PO_TRY(cx, walk(all, path, depth + 1));
        if (info.is_file && po_str_ends(names[i], PO_LIT(SUFFIX))) PO_TRY(cx, add_file(all, path));
    }
    return po_rc_ok();
}

static PO_RC add_operand(struct collector *all, const char *operand)
{
    struct po_ctx *cx = all->cx;
    struct po_fs_info info = {0};
    const char *path = NULL;
    size_t before = all->count;
    PO_TRY(cx, po_script_absolute(cx, operand, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.is_dir) {
        const char *dir = NULL;
        PO_TRY(cx, po_path_dir(cx, path, &dir));
        PO_TRY(cx, find_root(all, dir, &all->root));
        return add_file(all, path);
    }
    PO_TRY(cx, find_root(all, path, &all->root));
    PO_TRY(cx, walk(all, path, 0));
    if (all->count == before)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no *.script below '%s'", operand);
    return po_rc_ok();
}

PO_RC po_script_files_named(struct po_ctx *cx, const struct po_cli *cli,
                            struct po_script_files *ret_files)
{
    struct collector all = {.cx = cx, .cli = cli};
    PO_ARENA_NEW(cx, all.at, PO_SCRIPT_FILES_MAX);
    PO_TRY(cx, po_script_absolute(cx, ".", &all.cwd));
    find_site(&all);
    for (size_t i = 0; i < cli->operand_count; i++) {
        const char *operand = NULL;
        PO_TRY(cx, po_cli_operand(cx, cli, i, &operand));
        PO_TRY(cx, add_operand(&all, operand));
    }
    if (cli->operand_count == 0) {
        const char *dir = NULL;
        PO_TRY(cx, po_script_site_dir(cx, cli, &dir));
        PO_TRY(cx, add_operand(&all, dir));
    }
    *ret_files = (struct po_script_files){all.at, all.count};
    return po_rc_ok();
}

PO_RC po_script_files_shipped(struct po_ctx *cx, struct po_script_files *ret_files)
{
    struct po_script_file *files = NULL;
    size_t count = 0;
    PO_ARENA_NEW(cx, files, po_embed_count() + 1);
    for (size_t i = 0; i < po_embed_count(); i++) {
        po_str name = {NULL, 0};
        po_str bytes = {NULL, 0};
        po_embed_at(i, &name, &bytes);
        if (!po_str_starts(name, PO_LIT(CONTENT)) || !po_str_ends(name, PO_LIT(SUFFIX))) continue;
        const char *shown = po_arena_strdup(cx->arena, name);
        if (shown == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        files[count++] = (struct po_script_file){NULL, shown + sizeof CONTENT - 1, shown};
    }
    *ret_files = (struct po_script_files){files, count};
    return po_rc_ok();
}

/* ---- reading ------------------------------------------------------------------------------------ */

static PO_RC read_shipped(struct po_ctx *cx, const char *path, po_str *ret_text)
{
    const char *name = po_arena_printf(cx->arena, CONTENT "%s", path);
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    if (!po_embed_find(po_str_of(name), ret_text))
        return PO_FAIL(cx, PO_NOTFOUND, "'%s' is not part of this program", name);
    return po_rc_ok();
}

PO_RC po_script_file_read(struct po_ctx *cx, const struct po_script_file *of, const char *path,
                          po_str *ret_text)
{
    const char *full = NULL;
    struct po_fs_info info = {0};
    if (of->root == NULL) return read_shipped(cx, path, ret_text);
    PO_TRY(cx, po_path_join(cx, of->root, path, &full));
    PO_TRY(cx, po_fs_info(cx, full, &info));
    if (!info.exists || info.is_symlink)
        return PO_FAIL(cx, PO_NOTFOUND, info.exists ? "'%s' is a symbolic link" : "no file '%s'",
                       full);
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_SCRIPT_FIXTURE_BYTES_MAX);
    PO_TRY(cx, po_fs_read(cx, full, &bytes));
    *ret_text = (po_str){"", 0};
    if (bytes.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), ret_text),
                    "out of request memory");
    return po_rc_ok();
}

const char *po_script_shown(struct po_ctx *cx, const struct po_script_file *of, po_str path)
{
    if (po_str_eq_cstr(path, of->path)) return of->shown;
    size_t rest = strlen(of->path);
    size_t len = strlen(of->shown);
    /* what `shown` has before the path is how the root is written here */
    if (len < rest) rest = len;
    return po_arena_printf(cx->arena, "%.*s%.*s", (int)(len - rest), of->shown, PO_STR_ARG(path));
}

/* ---- compiling ---------------------------------------------------------------------------------- */

static po_rc load(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    const char *name = po_arena_strdup(cx->arena, path);
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_script_file_read(cx, user, name, ret_text);
}

static po_rc sha256(po_str in, uint8_t out[static 32]) { return po_sha256(in, out); }

static po_rc hmac_sha256(po_str key, po_str in, uint8_t out[static 32])
{
    return po_hmac_sha256(key, in, out);
}

const struct po_script_crypto po_script_crypto_host = {sha256, hmac_sha256};

PO_RC po_script_file_compile(struct po_ctx *cx, const struct po_script_file *file,
                             const struct po_script_compiling *how,
                             struct po_script_diags *ret_diags, struct po_script **ret_script)
{
    struct po_script_file of = *file;
    struct po_script_host host = {0};
    struct po_script_loader loader = {load, &of};
    po_str text = {NULL, 0};
    *ret_diags = (struct po_script_diags){0};
    PO_TRY(cx, po_program_host_table(cx, &host.fns, &host.fn_count));
    PO_TRY(cx, po_script_file_read(cx, file, file->path, &text));
    struct po_script_config config = {
        .host = &host,
        .loader = &loader,
        .strict = how->strict,
        .coverage = how->covered != NULL,
        .coverage_path = po_str_of(how->covered),
        .keep_going_without_needs = how->covered != NULL || po_script_is_test_file(file->path)};
    return po_script_compile(cx, &config, po_str_of(file->path), text, ret_diags, ret_script);
}

/* ---- telling ------------------------------------------------------------------------------------ */

PO_RC po_script_first_error(struct po_ctx *cx, const struct po_script_file *of,
                            const struct po_script_diags *diags)
{
    PO_BUF_AUTO line;
    po_buf_init(&line, PO_CLI_LINE_BYTES_MAX);
    for (size_t i = 0; i < diags->count && line.len == 0; i++) {
        if (diags->at[i].severity != PO_SCRIPT_ERROR) continue;
        if (of != NULL)
            PO_TRY(cx, po_script_diag_print(cx, of, &diags->at[i], false, &line));
        else
            po_script_diag_render_line(&diags->at[i], &line);
    }
    po_err_clear(cx);
    return PO_FAIL(cx, PO_INVALID, "%.*s", PO_STR_ARG(po_str_trim(po_buf_str(&line))));
}

void po_script_append_lines(struct po_buf *out, po_str text)
{
    po_str line = {NULL, 0};
    while (po_str_next_line(&text, &line)) {
        po_cli_append_clean(out, line);
        po_buf_append_char(out, '\n');
    }
}

PO_RC po_script_diag_print(struct po_ctx *cx, const struct po_script_file *of,
                           const struct po_script_diag *diag, bool has_carets, struct po_buf *out)
{
    struct po_script_diag named = *diag;
    const char *shown =
        po_script_shown(cx, of, diag->path.len > 0 ? diag->path : po_str_of(of->path));
    if (shown == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    named.path = po_str_of(shown);
    PO_BUF_AUTO text;
    po_buf_init(&text, 1 << 20);
    if (has_carets)
        po_script_diag_render(&named, &text);
    else
        po_script_diag_render_line(&named, &text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "a diagnostic is too long");
    po_script_append_lines(out, po_buf_str(&text));
    return po_rc_ok();
}

void po_script_put_array(struct po_json_out *json, const char *key, po_str lines)
{
    po_str line = {NULL, 0};
    po_json_out_key(json, key);
    po_json_out_array(json);
    while (po_str_next_line(&lines, &line))
        po_json_out_raw(json, line);
    po_json_out_array_end(json);
}

PO_RC po_script_put_rows(struct po_ctx *cx, struct po_json_out *json, const char *key,
                         const struct po_rows *rows)
{
    struct po_cli lines = {.format = PO_CLI_NDJSON};
    po_buf_init(&lines.out, PO_CLI_OUT_BYTES_MAX);
    po_rc rc = po_rows_render(cx, rows, &lines);
    if (po_is_ok(rc)) po_script_put_array(json, key, po_buf_str(&lines.out));
    po_buf_done(&lines.out);
    return rc;
}

PO_RC po_script_entry_arg(struct po_ctx *cx, const struct po_script_entry *entry, const char *name,
                          po_str *ret_text)
{
    struct po_json *args = NULL;
    *ret_text = PO_LIT("");
    PO_TRY(cx, po_json_parse(cx, entry->args_json, PO_JSON_ALLOW_REAL, &args));
    const struct po_json *value = po_json_get(args, name);
    if (value != NULL && value->type == PO_JSON_STR) *ret_text = value->str;
    return po_rc_ok();
}

PO_RC po_script_needs_text(struct po_ctx *cx, po_str needs_json, po_str *ret_text)
{
    struct po_json *needs = NULL;
    PO_BUF_AUTO text;
    po_buf_init(&text, 1 << 16);
    PO_TRY(cx, po_json_parse(cx, needs_json, PO_JSON_ALLOW_REAL, &needs));
    for (const struct po_json *need = needs->first; need != NULL; need = need->next) {
        if (text.len > 0) po_buf_append_char(&text, ' ');
        po_buf_append(&text, need->key);
        if (need->type == PO_JSON_BOOL) continue;
        po_buf_append_char(&text, '=');
        po_buf_append(&text, need->type == PO_JSON_STR
                                 ? need->str
                                 : po_str_slice(needs_json, need->offset, need->end));
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "the needs are too long");
    *ret_text = PO_LIT("nothing");
    if (text.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), ret_text),
                    "out of request memory");
    return po_rc_ok();
}
