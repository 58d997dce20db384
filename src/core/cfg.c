/*
 * Configuration: sources, their order, and secrets.
 *
 * Invariants
 *  1. the order of sources is po_cfg_load_from, top to bottom; a later source replaces a value whole.
 *  2. a secret's bytes are in po_secret, or in buffers that are wiped before load returns.
 *  3. no message holds the value of a secret; other values only when they are refused.
 */
#include "core/cfg_priv.h"

#include "core/alloc.h"
#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>

#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define DEFAULT_LABEL "config/.env"
#define MODE_OTHERS 077
#define MODE_OTHERS_WRITE 022

/* What one load works with. */
struct load {
    struct po_ctx *cx;
    const struct po_cfg_sources *sources;
    struct po_cfg *cfg;
};

void po_cfg_free(struct po_cfg *cfg)
{
    if (cfg == NULL) return;
    for (size_t i = 0; i < PO_CFG_COUNT; i++)
        po_secret_free(cfg->values[i].secret);
    po_arena_free(cfg->arena);
    po_free(cfg);
}

void po_cfg_freep(struct po_cfg **cfg)
{
    po_cfg_free(*cfg);
    *cfg = NULL;
}

/* ---- one value ---- */

static po_rc fail_value(struct load *load, enum po_cfg_id id, const struct po_cfg_value *value,
                        const char *why)
{
    const char *name = po_cfg_option_at(id)->name;
    char where[PO_CFG_ORIGIN_BYTES_MAX];
    po_cfg_origin_text(load->cfg, value, name, where);
    return PO_FAIL(load->cx, PO_CONFIG, "%s: '%s' %s", where, name, why);
}

/* Take one non-secret text from a source. Empty leaves what an earlier source said. */
static po_rc take_text(struct load *load, enum po_cfg_id id, po_str text,
                       const struct po_cfg_value *from)
{
    if (po_str_is_empty(text)) return po_rc_ok();
    struct po_cfg_value value = {.text = NULL};
    po_rc rc =
        po_cfg_value_parse(load->cx, po_cfg_option_at(id), text, load->sources->home, &value);
    if (rc.code == PO_INVALID) return fail_value(load, id, from, value.why);
    PO_TRY_LEAF(load->cx, rc, "out of memory for '%s'", po_cfg_option_at(id)->name);
    value.text = po_arena_strdup(load->cfg->arena, po_str_of(value.text));
    if (value.text == NULL)
        return PO_FAIL(load->cx, PO_NOMEM, "out of memory for '%s'", po_cfg_option_at(id)->name);
    value.origin = from->origin;
    value.line = from->line;
    load->cfg->values[id] = value;
    return po_rc_ok();
}

static bool is_secret(enum po_cfg_id id)
{
    return po_cfg_option_at(id)->type == PO_CFG_TYPE_SECRET;
}

static po_rc take_secret(struct load *load, enum po_cfg_id id, po_str bytes,
                         const struct po_cfg_value *from)
{
    const struct po_cfg_option *option = po_cfg_option_at(id);
    if ((int64_t)bytes.len < option->min || (int64_t)bytes.len > option->max)
        return fail_value(load, id, from, "is too short or too long");
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.ptr[i] < 0x20 || bytes.ptr[i] == 0x7f)
            return fail_value(load, id, from, "must not hold control characters");
    load->cfg->is_secret_given[id] = true;
    struct po_cfg_value value = *from;
    if (!load->sources->has_no_secrets)
        PO_TRY(load->cx, po_secret_new(load->cx, bytes, &value.secret));
    load->cfg->values[id] = value;
    return po_rc_ok();
}

/* Names from outside may hold anything: what cannot be printed becomes '?'. */
static po_rc fail_unknown(struct po_ctx *cx, const char *where, po_str name)
{
    char shown[PO_CFG_NAME_BYTES_MAX + 1] = "";
    for (size_t i = 0; i < name.len && i < PO_CFG_NAME_BYTES_MAX; i++)
        shown[i] = (char)(name.ptr[i] > ' ' && name.ptr[i] < 0x7f ? name.ptr[i] : '?');
    const char *nearest = po_cfg_nearest(name);
    if (nearest == NULL) return PO_FAIL(cx, PO_CONFIG, "%s: unknown option '%s'", where, shown);
    return PO_FAIL(cx, PO_CONFIG, "%s: unknown option '%s', nearest is '%s'", where, shown,
                   nearest);
}

/* ---- sources ---- */

static po_rc take_defaults(struct load *load)
{
    for (unsigned i = 0; i < PO_CFG_COUNT; i++) {
        struct po_cfg_value from = {.origin = PO_CFG_ORIGIN_DEFAULT};
        if (is_secret((enum po_cfg_id)i)) continue;
        PO_TRY(load->cx,
               take_text(load, (enum po_cfg_id)i,
                         po_str_of(po_cfg_option_at((enum po_cfg_id)i)->default_text), &from));
    }
    return po_rc_ok();
}

static po_rc take_line(struct load *load, const struct po_env_line *line)
{
    struct po_cfg_value from = {.origin = PO_CFG_ORIGIN_FILE, .line = line->line};
    enum po_cfg_id id = PO_CFG_COUNT;
    if (!po_is_ok(po_cfg_find(line->key, &id))) {
        char where[PO_CFG_ORIGIN_BYTES_MAX];
        po_cfg_origin_text(load->cfg, &from, "", where);
        return fail_unknown(load->cx, where, line->key);
    }
    if (!is_secret(id)) return take_text(load, id, line->value, &from);
    if (po_str_is_empty(line->value)) return po_rc_ok();
    return take_secret(load, id, line->value, &from);
}

/* A file that holds secrets, or that decides what we do, must be nobody else's. @control CFG-01 */
static po_rc check_owner_and_mode(struct po_ctx *cx, const char *label, const struct stat *st,
                                  mode_t refused)
{
    uid_t me = po_sys_geteuid();
    if (st->st_uid != me && st->st_uid != 0)
        return PO_FAIL(cx, PO_CONFIG, "'%s' belongs to user %u, must be ours (%u) or root's", label,
                       st->st_uid, me);
    if ((st->st_mode & refused) != 0)
        return PO_FAIL(cx, PO_CONFIG, "'%s' has mode 0%o, must be 0600", label,
                       st->st_mode & 07777u);
    return po_rc_ok();
}

static po_rc fail_open(struct po_ctx *cx, int sys_errno, const char *label)
{
    if (sys_errno == ELOOP) return PO_FAIL(cx, PO_CONFIG, "'%s' is a symbolic link", label);
    return PO_FAIL_SYS(cx, po_fs_code_of_errno(sys_errno), sys_errno, "opening '%s'", label);
}

static void wipe_lines(const struct po_env_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum po_cfg_id id = PO_CFG_COUNT;
        if (!po_is_ok(po_cfg_find(lines[i].key, &id)) || !is_secret(id)) continue;
        /* The bytes are in the file's buffer or in the arena: both are ours to change. */
        if (lines[i].value.len > 0)
            po_wipe((void *)(uintptr_t)lines[i].value.ptr, lines[i].value.len);
    }
}

static po_rc take_lines(struct load *load, const struct po_env_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PO_TRY(load->cx, take_line(load, &lines[i]));
    return po_rc_ok();
}

static bool has_secret(const struct po_cfg *cfg)
{
    bool has = false;
    for (size_t i = 0; i < PO_CFG_COUNT; i++)
        has = has || cfg->is_secret_given[i];
    return has;
}

static po_rc fail_size(struct po_ctx *cx, const char *label)
{
    return PO_FAIL(cx, PO_CONFIG, "%s: more than %zu bytes or %d lines", label,
                   PO_CFG_FILE_BYTES_MAX, PO_CFG_LINES_MAX);
}

static po_rc take_file(struct load *load)
{
    struct po_ctx *cx = load->cx;
    const char *path = load->sources->file;
    if (path == NULL) PO_TRY(cx, po_path_join(cx, load->sources->home, DEFAULT_LABEL, &path));
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return po_rc_ok();
    if (fd < 0) return fail_open(cx, errno, load->cfg->file_label);
    struct stat st = {0};
    if (po_sys_fstat(fd, &st) != 0) return fail_open(cx, errno, load->cfg->file_label);
    PO_CLEANUP(po_buf_wipe) struct po_buf text = {0};
    po_buf_init(&text, PO_CFG_FILE_BYTES_MAX);
    po_rc rc = po_fs_read_fd(cx, fd, load->cfg->file_label, &text);
    if (rc.code == PO_LIMIT) return fail_size(cx, load->cfg->file_label);
    PO_TRY(cx, rc);
    struct po_env_line *lines = NULL;
    size_t count = 0;
    rc = po_env_parse(cx, po_buf_str(&text), &lines, &count);
    if (rc.code == PO_LIMIT) return fail_size(cx, load->cfg->file_label);
    PO_TRY_MSG(cx, rc, "%s", load->cfg->file_label);
    rc = take_lines(load, lines, count);
    wipe_lines(lines, count);
    PO_TRY(cx, rc);
    if (load->sources->has_no_secrets) return po_rc_ok();
    mode_t refused = has_secret(load->cfg) ? MODE_OTHERS : MODE_OTHERS_WRITE;
    return check_owner_and_mode(cx, load->cfg->file_label, &st, refused);
}

static po_rc take_environment(struct load *load)
{
    const char *unknown = po_env_find_unknown();
    if (unknown != NULL) {
        po_str name = po_str_of(unknown);
        return fail_unknown(load->cx, "environment PAULYOPS_*",
                            po_str_slice(name, 0, po_str_find_char(name, '=', 0)));
    }
    for (unsigned i = 0; i < PO_CFG_COUNT; i++) {
        enum po_cfg_id id = (enum po_cfg_id)i;
        const char *text = po_env_option(po_cfg_option_at(id)->name);
        if (text == NULL) continue;
        struct po_cfg_value from = {.origin = PO_CFG_ORIGIN_ENVIRONMENT};
        if (is_secret(id))
            return fail_value(load, id, &from,
                              "is a secret: environments are readable; use its "
                              "_FILE option or config/.env");
        PO_TRY(load->cx, take_text(load, id, po_str_of(text), &from));
    }
    return po_rc_ok();
}

static po_rc take_override(struct load *load, po_str text)
{
    struct po_ctx *cx = load->cx;
    size_t equals = po_str_find_char(text, '=', 0);
    if (equals == SIZE_MAX || equals == 0 || equals > PO_CFG_NAME_BYTES_MAX)
        return PO_FAIL(cx, PO_CONFIG, "command line: an option is given as NAME=VALUE");
    enum po_cfg_id id = PO_CFG_COUNT;
    po_str name = po_str_slice(text, 0, equals);
    if (!po_is_ok(po_cfg_find(name, &id))) return fail_unknown(cx, "command line", name);
    struct po_cfg_value from = {.origin = PO_CFG_ORIGIN_COMMAND_LINE};
    if (is_secret(id))
        return fail_value(load, id, &from,
                          "is a secret: command lines are readable; use its _FILE "
                          "option or config/.env");
    return take_text(load, id, po_str_slice(text, equals + 1, text.len), &from);
}

static po_rc take_overrides(struct load *load)
{
    if (load->sources->override_count > PO_CFG_OVERRIDES_MAX)
        return PO_FAIL(load->cx, PO_CONFIG, "command line: more than %d options",
                       PO_CFG_OVERRIDES_MAX);
    for (size_t i = 0; i < load->sources->override_count; i++)
        PO_TRY(load->cx, take_override(load, load->sources->overrides[i]));
    return po_rc_ok();
}

/* ---- secrets outside config/.env ---- */

static po_str without_line_end(po_str text)
{
    if (po_str_ends(text, PO_LIT("\n"))) text.len--;
    if (po_str_ends(text, PO_LIT("\r"))) text.len--;
    return text;
}

/* A file with one secret. Links are followed: mounted secrets are links. Absent: PO_NOTFOUND. */
static po_rc take_secret_file(struct load *load, enum po_cfg_id id, const char *path,
                              enum po_cfg_origin origin)
{
    struct po_ctx *cx = load->cx;
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) return fail_open(cx, errno, path);
    struct stat st = {0};
    if (po_sys_fstat(fd, &st) != 0) return fail_open(cx, errno, path);
    /* A credential's directory is systemd's; there the group bits are an ACL's mask. */
    if (origin == PO_CFG_ORIGIN_SECRET_FILE && !load->sources->has_no_secrets)
        PO_TRY(cx, check_owner_and_mode(cx, path, &st, MODE_OTHERS));
    PO_CLEANUP(po_buf_wipe) struct po_buf bytes = {0};
    po_buf_init(&bytes, PO_SECRET_BYTES_MAX);
    PO_TRY(cx, po_fs_read_fd(cx, fd, path, &bytes));
    struct po_cfg_value from = {.origin = origin};
    return take_secret(load, id, without_line_end(po_buf_str(&bytes)), &from);
}

static po_rc credential_path(struct load *load, const char *option, const char **ret_path)
{
    const char *dir = po_env("CREDENTIALS_DIRECTORY");
    *ret_path = NULL;
    if (dir == NULL) return po_rc_ok();
    char name[sizeof "paulyops-" + PO_CFG_NAME_BYTES_MAX] = "paulyops-";
    size_t at = strlen(name);
    for (const char *p = option; *p != '\0' && at + 1 < sizeof name; p++)
        name[at++] = *p == '_' ? '-' : (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    name[at] = '\0';
    return po_path_join(load->cx, dir, name, ret_path);
}

static po_rc take_credential(struct load *load, enum po_cfg_id id)
{
    const char *path = NULL;
    PO_TRY(load->cx, credential_path(load, po_cfg_option_at(id)->name, &path));
    if (path == NULL) return po_rc_ok();
    po_rc rc = take_secret_file(load, id, path, PO_CFG_ORIGIN_CREDENTIAL);
    if (rc.code != PO_NOTFOUND) return rc;
    po_err_clear(load->cx);
    return po_rc_ok();
}

static po_rc take_outside_secret(struct load *load, enum po_cfg_id id)
{
    const struct po_cfg_option *option = po_cfg_option_at(id);
    char name[PO_CFG_NAME_BYTES_MAX + sizeof "_FILE"] = "";
    size_t len = strlen(option->name);
    memcpy(name, option->name, len);
    memcpy(name + len, "_FILE", sizeof "_FILE");
    enum po_cfg_id file_id = PO_CFG_COUNT;
    bool has_file_option = po_is_ok(po_cfg_find(po_str_of(name), &file_id));
    const char *path = has_file_option ? load->cfg->values[file_id].text : NULL;
    if (path != NULL && load->cfg->is_secret_given[id])
        return PO_FAIL(load->cx, PO_CONFIG, "'%s' is set and so is '%s': keep one", option->name,
                       name);
    if (load->cfg->is_secret_given[id]) return po_rc_ok();
    if (path == NULL) return take_credential(load, id);
    po_rc rc = take_secret_file(load, id, path, PO_CFG_ORIGIN_SECRET_FILE);
    if (rc.code == PO_NOTFOUND)
        return PO_FAIL(load->cx, PO_CONFIG, "'%s' names '%.200s', which is not there", name, path);
    return rc;
}

static po_rc take_outside_secrets(struct load *load)
{
    for (unsigned i = 0; i < PO_CFG_COUNT; i++)
        if (is_secret((enum po_cfg_id)i))
            PO_TRY(load->cx, take_outside_secret(load, (enum po_cfg_id)i));
    return po_rc_ok();
}

/* ---- all of it ---- */

static po_rc new_cfg(struct po_ctx *cx, const struct po_cfg_sources *sources,
                     struct po_cfg **ret_cfg)
{
    PO_CLEANUP(po_cfg_freep) struct po_cfg *cfg = po_calloc(1, sizeof *cfg);
    if (cfg == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the configuration");
    cfg->arena = po_arena_new(ARENA_BYTES_MAX);
    if (cfg->arena == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the configuration");
    cfg->file_label = DEFAULT_LABEL;
    if (sources->file != NULL)
        cfg->file_label = po_arena_strdup(cfg->arena, po_str_of(sources->file));
    if (cfg->file_label == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory for the configuration");
    *ret_cfg = PO_TAKE(cfg);
    return po_rc_ok();
}

po_rc po_cfg_load_from(struct po_ctx *cx, const struct po_cfg_sources *sources,
                       struct po_cfg **ret_cfg)
{
    PO_CLEANUP(po_cfg_freep) struct po_cfg *cfg = NULL;
    PO_TRY(cx, new_cfg(cx, sources, &cfg));
    struct load load = {.cx = cx, .sources = sources, .cfg = cfg};
    PO_TRY(cx, take_defaults(&load));
    PO_TRY(cx, take_file(&load));
    PO_TRY(cx, take_environment(&load));
    PO_TRY(cx, take_overrides(&load));
    PO_TRY(cx, take_outside_secrets(&load));
    *ret_cfg = PO_TAKE(cfg);
    return po_rc_ok();
}

po_rc po_cfg_load(struct po_ctx *cx, const char *home, const po_str *overrides,
                  size_t override_count, struct po_cfg **ret_cfg)
{
    struct po_cfg_sources sources = {
        .home = home, .overrides = overrides, .override_count = override_count};
    return po_cfg_load_from(cx, &sources, ret_cfg);
}

po_str po_cfg_str(const struct po_cfg *cfg, enum po_cfg_id id)
{
    const char *text = po_cfg_cstr(cfg, id);
    return text != NULL ? po_str_of(text) : PO_LIT("");
}

const char *po_cfg_cstr(const struct po_cfg *cfg, enum po_cfg_id id)
{
    return id < PO_CFG_COUNT ? cfg->values[id].text : NULL;
}

int64_t po_cfg_int(const struct po_cfg *cfg, enum po_cfg_id id)
{
    return id < PO_CFG_COUNT ? cfg->values[id].number : 0;
}

bool po_cfg_bool(const struct po_cfg *cfg, enum po_cfg_id id) { return po_cfg_int(cfg, id) != 0; }

bool po_cfg_is_set(const struct po_cfg *cfg, enum po_cfg_id id)
{
    return id < PO_CFG_COUNT && (cfg->values[id].text != NULL || cfg->is_secret_given[id]);
}

const struct po_secret *po_cfg_secret(const struct po_cfg *cfg, enum po_cfg_id id)
{
    return id < PO_CFG_COUNT ? cfg->values[id].secret : NULL;
}
