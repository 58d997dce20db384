/*
 * Where a repository is, its configuration, refs and reflogs.
 */
#include "git_priv.h"

#define REF_DEPTH_MAX 5

static PO_RC read_small(struct po_ctx *cx, const char *dir, const char *name, po_str *ret_text)
{
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fact_path(cx, dir, name, &path));
    PO_TRY(cx, po_fact_file_read(cx, path, PO_GIT_TEXT_BYTES_MAX, ret_text, &state));
    if (state != PO_FACT_FILE_OK) *ret_text = (po_str){NULL, 0};
    return po_rc_ok();
}

static PO_RC keep(struct po_ctx *cx, po_str text, const char **ret_text)
{
    *ret_text = po_arena_strdup(cx->arena, text);
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

/* A path inside a file of git's: absolute, or relative to the directory of that file. */
static PO_RC resolve(struct po_ctx *cx, const char *dir, po_str path, const char **ret_path)
{
    if (path.len == 0 || path.len > PO_GIT_PATH_BYTES_MAX) return po_rc_of(PO_INVALID);
    if (memchr(path.ptr, '\0', path.len) != NULL) return po_rc_of(PO_INVALID);
    if (path.ptr[0] == '/') return keep(cx, path, ret_path);
    return po_fact_path_str(cx, dir, path, ret_path);
}

/* ".git" is a directory, or a file naming one. */
static PO_RC find_dir(struct po_ctx *cx, const char *work, const char **ret_dir)
{
    struct po_fs_info info = {0};
    const char *dot = NULL;
    po_str text = {0};
    PO_TRY(cx, po_fact_path(cx, work, ".git", &dot));
    PO_TRY(cx, po_fs_info(cx, dot, &info));
    *ret_dir = NULL;
    if (info.is_dir) {
        *ret_dir = dot;
        return po_rc_ok();
    }
    if (!info.is_file) return po_rc_ok();
    PO_TRY(cx, read_small(cx, work, ".git", &text));
    if (!po_str_starts(text, PO_LIT("gitdir: "))) return po_rc_ok();
    po_rc rc = resolve(cx, work, po_str_trim(po_str_slice(text, 8, text.len)), ret_dir);
    return rc.code == PO_INVALID ? po_rc_ok() : rc;
}

PO_RC po_git_open(struct po_ctx *cx, const char *work, struct po_git_repo *ret_repo,
                  bool *ret_found)
{
    struct po_git_repo repo = {.work = work, .oid_bytes = PO_SHA1_BYTES};
    po_str common = {0};
    *ret_found = false;
    PO_TRY(cx, find_dir(cx, work, &repo.dir));
    if (repo.dir == NULL) return po_rc_ok();
    repo.common = repo.dir;
    PO_TRY(cx, read_small(cx, repo.dir, "commondir", &common));
    common = po_str_trim(common);
    if (common.len > 0) {
        po_rc rc = resolve(cx, repo.dir, common, &repo.common);
        if (rc.code == PO_INVALID) return po_rc_ok();
        PO_TRY(cx, rc);
    }
    PO_TRY(cx, read_small(cx, repo.common, "config", &repo.config));
    po_str format = po_git_config(repo.config, "extensions", NULL, "objectformat");
    if (po_str_eq_cstr(format, "sha256")) repo.oid_bytes = PO_GIT_OID_BYTES_MAX;
    *ret_repo = repo;
    *ret_found = true;
    return po_rc_ok();
}

/* ---- configuration --------------------------------------------------------------------------- */

static bool eq_nocase(po_str a, const char *b)
{
    if (a.len != strlen(b)) return false;
    for (size_t i = 0; i < a.len; i++) {
        char c = a.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != b[i]) return false;
    }
    return true;
}

/* "[section "name"]" or "[section]". */
static bool parse_header(po_str line, po_str *ret_section, po_str *ret_name)
{
    if (line.len < 3 || line.ptr[0] != '[') return false;
    size_t close = po_str_find_char(line, ']', 0);
    if (close == SIZE_MAX) return false;
    po_str inner = po_str_slice(line, 1, close);
    size_t quote = po_str_find_char(inner, '"', 0);
    *ret_name = (po_str){NULL, 0};
    *ret_section = po_str_trim(quote == SIZE_MAX ? inner : po_str_slice(inner, 0, quote));
    if (quote == SIZE_MAX) return true;
    size_t end = po_str_find_char(inner, '"', quote + 1);
    if (end == SIZE_MAX) return false;
    *ret_name = po_str_slice(inner, quote + 1, end);
    return true;
}

po_str po_git_config(po_str config, const char *section, const char *name_or_null, const char *key)
{
    po_str line = {0};
    po_str found = {NULL, 0};
    bool is_inside = false;
    while (po_str_next_line(&config, &line)) {
        line = po_str_trim(line);
        po_str in_section = {0};
        po_str in_name = {0};
        if (parse_header(line, &in_section, &in_name)) {
            is_inside =
                eq_nocase(in_section, section) && po_str_eq(in_name, po_str_of(name_or_null));
            continue;
        }
        size_t equals = po_str_find_char(line, '=', 0);
        if (!is_inside || equals == SIZE_MAX) continue;
        if (!eq_nocase(po_str_trim(po_str_slice(line, 0, equals)), key)) continue;
        found = po_str_trim(po_str_slice(line, equals + 1, line.len));
    }
    return found;
}

bool po_git_remote_at(po_str config, size_t n, po_str *ret_name)
{
    po_str line = {0};
    while (po_str_next_line(&config, &line)) {
        po_str section = {0};
        po_str name = {0};
        if (!parse_header(po_str_trim(line), &section, &name)) continue;
        if (!eq_nocase(section, "remote") || name.len == 0) continue;
        if (n-- > 0) continue;
        *ret_name = name;
        return true;
    }
    return false;
}

/* ---- refs ------------------------------------------------------------------------------------------ */

static bool is_oid(const struct po_git_repo *repo, po_str text)
{
    if (text.len != repo->oid_bytes * 2) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return true;
}

/* "refs/..." without tricks. */
static bool is_ref_name(po_str name)
{
    if (!po_str_starts(name, PO_LIT("refs/")) || name.len > PO_GIT_PATH_BYTES_MAX) return false;
    if (po_str_find(name, PO_LIT(".."), 0) != SIZE_MAX) return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f || name.ptr[i] == '\\')
            return false;
    return true;
}

static po_str find_packed(const struct po_git_repo *repo, po_str packed, po_str ref)
{
    po_str line = {0};
    size_t hex = repo->oid_bytes * 2;
    while (po_str_next_line(&packed, &line)) {
        if (line.len != hex + 1 + ref.len || line.ptr[hex] != ' ') continue;
        if (!po_str_eq(po_str_slice(line, hex + 1, line.len), ref)) continue;
        po_str oid = po_str_slice(line, 0, hex);
        if (is_oid(repo, oid)) return oid;
    }
    return (po_str){NULL, 0};
}

static PO_RC read_ref(struct po_ctx *cx, const struct po_git_repo *repo, const char *ref, int depth,
                      po_str *ret_oid)
{
    po_str text = {0};
    po_str packed = {0};
    *ret_oid = (po_str){NULL, 0};
    if (depth > REF_DEPTH_MAX || !is_ref_name(po_str_of(ref))) return po_rc_ok();
    PO_TRY(cx, read_small(cx, repo->dir, ref, &text));
    if (text.len == 0) PO_TRY(cx, read_small(cx, repo->common, ref, &text));
    text = po_str_trim(text);
    if (is_oid(repo, text)) {
        *ret_oid = text;
        return po_rc_ok();
    }
    if (po_str_starts(text, PO_LIT("ref: "))) {
        const char *next = NULL;
        PO_TRY(cx, keep(cx, po_str_trim(po_str_slice(text, 5, text.len)), &next));
        return read_ref(cx, repo, next, depth + 1, ret_oid);
    }
    PO_TRY(cx, read_small(cx, repo->common, "packed-refs", &packed));
    *ret_oid = find_packed(repo, packed, po_str_of(ref));
    return po_rc_ok();
}

PO_RC po_git_ref(struct po_ctx *cx, const struct po_git_repo *repo, const char *ref,
                 po_str *ret_oid)
{
    return read_ref(cx, repo, ref, 0, ret_oid);
}

PO_RC po_git_head(struct po_ctx *cx, const struct po_git_repo *repo, struct po_git_head *ret_head)
{
    struct po_git_head head = {0};
    po_str text = {0};
    PO_TRY(cx, read_small(cx, repo->dir, "HEAD", &text));
    text = po_str_trim(text);
    if (is_oid(repo, text)) {
        head = (struct po_git_head){.is_readable = true, .is_detached = true, .oid = text};
    } else if (po_str_starts(text, PO_LIT("ref: ")) &&
               is_ref_name(po_str_slice(text, 5, text.len))) {
        head.is_readable = true;
        PO_TRY(cx, keep(cx, po_str_slice(text, 5, text.len), &head.ref));
        PO_TRY(cx, po_git_ref(cx, repo, head.ref, &head.oid));
    }
    *ret_head = head;
    return po_rc_ok();
}

/* "<old> <new> Name <mail> 1700000000 +0100\tmessage": only the time and the kind are taken. */
static void parse_reflog_line(po_str line, int64_t *ret_time_s, bool *ret_is_push)
{
    size_t tab = po_str_find_char(line, '\t', 0);
    po_str head = tab == SIZE_MAX ? line : po_str_slice(line, 0, tab);
    po_str message = tab == SIZE_MAX ? (po_str){NULL, 0} : po_str_slice(line, tab + 1, line.len);
    size_t angle = SIZE_MAX;
    for (size_t i = 0; i < head.len; i++)
        if (head.ptr[i] == '>') angle = i;
    if (angle == SIZE_MAX) return;
    po_str rest = po_str_trim(po_str_slice(head, angle + 1, head.len));
    po_str word = {0};
    uint64_t seconds = 0;
    if (!po_str_next_field(&rest, ' ', &word)) return;
    if (!po_is_ok(po_str_to_u64(word, INT64_MAX / 2000000, &seconds))) return;
    *ret_time_s = (int64_t)seconds;
    *ret_is_push = po_str_starts(message, PO_LIT("update by push"));
}

PO_RC po_git_reflog(struct po_ctx *cx, const struct po_git_repo *repo, const char *ref,
                    int64_t *ret_time_s, bool *ret_is_push)
{
    *ret_time_s = -1;
    *ret_is_push = false;
    if (!is_ref_name(po_str_of(ref)) && strcmp(ref, "HEAD") != 0) return po_rc_ok();
    const char *path = NULL;
    const char *logs = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx,
           po_fact_path(cx, strcmp(ref, "HEAD") == 0 ? repo->dir : repo->common, "logs", &logs));
    PO_TRY(cx, po_fact_path(cx, logs, ref, &path));
    PO_FACT_LINES_AUTO lines = {.fd = -1};
    PO_TRY(cx, po_fact_lines_open(cx, path, &lines, &state));
    bool has = true;
    while (has) {
        po_str line = {0};
        PO_TRY(cx, po_fact_lines_next(cx, &lines, &line, &has));
        if (has) parse_reflog_line(line, ret_time_s, ret_is_push);
    }
    return po_rc_ok();
}
