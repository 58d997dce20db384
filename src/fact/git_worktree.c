/*
 * The work tree against the index: modified, deleted and untracked files.
 *
 * A file whose size, inode and times are those of the index is taken as unchanged, as git does; one
 * with other times is hashed. A file changed in the very second the index was written is hashed too.
 */
#include "git_worktree_priv.h"

#include "core/alloc.h"
#include "core/sys.h"
#include "crypto/crypto.h"

#include <fcntl.h>

#define MODE_TYPE 0170000U
#define MODE_FILE 0100000U
#define MODE_LINK 0120000U
#define MODE_MODULE 0160000U
#define CHUNK_BYTES ((size_t)64 << 10)

/* ---- content by git's object name ------------------------------------------------------------------ */

struct blob_hash {
    struct po_sha1 sha1;
    struct po_hash *sha256; /* NULL: sha1 */
};

static PO_RC blob_begin(struct po_ctx *cx, struct blob_hash *hash, size_t oid_bytes, uint64_t size)
{
    PO_BUF_AUTO header = {0};
    po_buf_init(&header, 64);
    po_buf_append_cstr(&header, "blob ");
    po_buf_append_u64(&header, size);
    po_buf_append_u8(&header, 0);
    PO_TRY_LEAF(cx, po_buf_check(&header), "hashing a file");
    if (oid_bytes == PO_SHA1_BYTES) {
        po_sha1_begin(&hash->sha1);
        po_sha1_update(&hash->sha1, po_buf_str(&header));
        return po_rc_ok();
    }
    PO_TRY(cx, po_hash_new(cx, &hash->sha256));
    PO_TRY_LEAF(cx, po_hash_begin(hash->sha256), "hashing a file");
    PO_TRY_LEAF(cx, po_hash_update(hash->sha256, po_buf_str(&header)), "hashing a file");
    return po_rc_ok();
}

static PO_RC blob_add(struct po_ctx *cx, struct blob_hash *hash, po_str bytes)
{
    if (hash->sha256 == NULL)
        po_sha1_update(&hash->sha1, bytes);
    else
        PO_TRY_LEAF(cx, po_hash_update(hash->sha256, bytes), "hashing a file");
    return po_rc_ok();
}

static PO_RC blob_equals(struct po_ctx *cx, struct blob_hash *hash, const uint8_t *oid,
                         bool *ret_is_equal)
{
    uint8_t digest[32] = {0};
    size_t len = hash->sha256 == NULL ? PO_SHA1_BYTES : sizeof digest;
    if (hash->sha256 == NULL)
        po_sha1_end(&hash->sha1, digest);
    else
        PO_TRY_LEAF(cx, po_hash_end(hash->sha256, digest), "hashing a file");
    *ret_is_equal = po_str_eq(po_str_n(digest, len), po_str_n(oid, len));
    return po_rc_ok();
}

static void blob_done(struct blob_hash *hash) { po_hash_freep(&hash->sha256); }

static PO_RC hash_open_file(struct po_ctx *cx, struct blob_hash *hash, int fd)
{
    PO_CLEANUP(po_freep) char *chunk = po_calloc(1, CHUNK_BYTES);
    if (chunk == NULL) return PO_FAIL(cx, PO_NOMEM, "hashing a file");
    for (uint64_t total = 0; total <= PO_GIT_HASH_FILE_BYTES_MAX;) {
        ssize_t got = po_sys_read(fd, chunk, CHUNK_BYTES);
        if (got <= 0) return po_rc_ok(); /* what cannot be read does not equal */
        total += (uint64_t)got;
        PO_TRY(cx, blob_add(cx, hash, po_str_n(chunk, (size_t)got)));
    }
    return po_rc_ok();
}

/* six parameters: the same file by path, by what lstat says and by the index */
static PO_RC content_equals(struct po_ctx *cx, const struct po_git_work *work, const char *path,
                            const struct stat *info, const struct po_git_entry *entry,
                            bool *ret_is_equal)
{
    PO_CLEANUP(blob_done) struct blob_hash hash = {0};
    *ret_is_equal = false;
    PO_TRY(cx, blob_begin(cx, &hash, work->repo->oid_bytes, (uint64_t)info->st_size));
    if (S_ISLNK(info->st_mode)) {
        char target[4096];
        ssize_t len = po_sys_readlink(path, target, sizeof target);
        if (len < 0) return po_rc_ok();
        PO_TRY(cx, blob_add(cx, &hash, po_str_n(target, (size_t)len)));
    } else {
        PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        if (fd < 0) return po_rc_ok();
        PO_TRY(cx, hash_open_file(cx, &hash, fd));
    }
    return blob_equals(cx, &hash, entry->oid, ret_is_equal);
}

/* ---- one entry --------------------------------------------------------------------------------------- */

static bool is_type_equal(const struct stat *info, uint32_t mode)
{
    if ((mode & MODE_TYPE) == MODE_LINK) return S_ISLNK(info->st_mode);
    if ((mode & MODE_TYPE) != MODE_FILE || !S_ISREG(info->st_mode)) return false;
    return ((mode & 0100U) != 0) == ((info->st_mode & 0100U) != 0);
}

static bool is_stat_equal(const struct po_git_work *work, const struct stat *info,
                          const struct po_git_entry *entry)
{
    bool is_racy = (int64_t)info->st_mtim.tv_sec >= work->index_mtime_s;
    return !is_racy && (uint32_t)info->st_mtim.tv_sec == entry->mtime_s &&
           (entry->mtime_ns == 0 || (uint32_t)info->st_mtim.tv_nsec == entry->mtime_ns) &&
           (uint32_t)info->st_ino == entry->ino && (uint32_t)info->st_ctim.tv_sec == entry->ctime_s;
}

static void note_change(struct po_git_work *work, int64_t time_s)
{
    if (work->oldest_change_s < 0 || time_s < work->oldest_change_s) work->oldest_change_s = time_s;
}

/* Directories on the way must be directories: through a link the path is another place. */
static PO_RC has_link_on_the_way(struct po_ctx *cx, struct po_git_work *work, po_str path,
                                 bool *ret_has_link)
{
    size_t slash = 0;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '/') slash = i;
    po_str dir = po_str_slice(path, 0, slash);
    if (po_str_eq(dir, work->last_dir)) {
        *ret_has_link = work->last_dir_has_link;
        return po_rc_ok();
    }
    *ret_has_link = false;
    for (size_t i = 0; i <= dir.len && dir.len > 0; i++) {
        if (i < dir.len && dir.ptr[i] != '/') continue;
        const char *full = NULL;
        struct stat info = {0};
        PO_TRY(cx, po_fact_path_str(cx, work->repo->work, po_str_slice(dir, 0, i), &full));
        if (po_sys_lstat(full, &info) != 0 || !S_ISDIR(info.st_mode)) *ret_has_link = true;
    }
    work->last_dir = dir;
    work->last_dir_has_link = *ret_has_link;
    return po_rc_ok();
}

static PO_RC look_at_entry(struct po_ctx *cx, struct po_git_work *work,
                           const struct po_git_entry *entry)
{
    if (entry->stage != 0) {
        work->conflicts++;
        return po_rc_ok();
    }
    if ((entry->mode & MODE_TYPE) == MODE_MODULE || entry->is_skip_worktree) return po_rc_ok();
    const char *path = NULL;
    struct stat info = {0};
    bool has_link = false;
    PO_TRY(cx, po_fact_path_str(cx, work->repo->work, entry->path, &path));
    PO_TRY(cx, has_link_on_the_way(cx, work, entry->path, &has_link));
    if (has_link || po_sys_lstat(path, &info) != 0) {
        work->deleted++;
        note_change(work, work->index_mtime_s);
        return po_rc_ok();
    }
    bool is_equal = is_type_equal(&info, entry->mode) && !entry->is_intent_to_add &&
                    (uint32_t)info.st_size == entry->size;
    if (is_equal && !is_stat_equal(work, &info, entry)) {
        work->hashed++;
        PO_TRY(cx, content_equals(cx, work, path, &info, entry, &is_equal));
    }
    if (is_equal) return po_rc_ok();
    work->modified++;
    note_change(work, (int64_t)info.st_mtim.tv_sec);
    return po_rc_ok();
}

PO_RC po_git_work_compare(struct po_ctx *cx, struct po_git_work *work)
{
    work->oldest_change_s = -1;
    for (size_t i = 0; i < work->index->count; i++) {
        const struct po_git_entry *entry = &work->index->entries[i];
        po_str name = entry->path;
        if (po_str_eq_cstr(name, ".env") || po_str_ends(name, PO_LIT("/.env"))) work->env_tracked++;
        PO_TRY(cx, look_at_entry(cx, work, entry));
    }
    return po_rc_ok();
}

/* ---- untracked files ------------------------------------------------------------------------------- */

/* The first entry not before `path`, bytewise. */
static size_t lower_bound(const struct po_git_index *index, po_str path)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (po_str_cmp(index->entries[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_tracked(const struct po_git_index *index, po_str path)
{
    size_t i = lower_bound(index, path);
    return i < index->count && po_str_eq(index->entries[i].path, path);
}

/* Is something below `dir` (with its '/') tracked? */
static bool has_tracked(const struct po_git_index *index, po_str dir)
{
    size_t i = lower_bound(index, dir);
    return i < index->count && po_str_starts(index->entries[i].path, dir);
}

static PO_RC load_rules(struct po_ctx *cx, const char *file, size_t base_len,
                        const struct po_git_rules **rules)
{
    po_str text = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, file, &info));
    if (!info.is_file) return po_rc_ok();
    PO_TRY(cx, po_fact_file_read(cx, file, PO_GIT_TEXT_BYTES_MAX, &text, &state));
    if (state != PO_FACT_FILE_OK) return po_rc_ok();
    return po_git_rules_parse(cx, text, base_len, *rules, rules);
}

static PO_RC walk_dir(struct po_ctx *cx, struct po_git_work *work, po_str dir,
                      const struct po_git_rules *rules, int depth);

static void note_untracked(struct po_git_work *work, const struct po_fs_info *info)
{
    work->untracked++;
    note_change(work, info->mtime_us / PO_US_PER_S);
}

static PO_RC look_at_found(struct po_ctx *cx, struct po_git_work *work, po_str path,
                           const struct po_git_rules *rules, int depth)
{
    const char *full = NULL;
    const char *inner = NULL;
    struct po_fs_info info = {0};
    struct po_fs_info nested = {0};
    PO_TRY(cx, po_fact_path_str(cx, work->repo->work, path, &full));
    PO_TRY(cx, po_fs_info(cx, full, &info));
    if (!info.is_dir) {
        bool is_new =
            info.exists && !is_tracked(work->index, path) && !po_git_is_ignored(rules, path, false);
        if (is_new) note_untracked(work, &info);
        return po_rc_ok();
    }
    if (is_tracked(work->index, path)) return po_rc_ok(); /* a submodule */
    const char *below = po_arena_printf(cx->arena, "%.*s/", PO_STR_ARG(path));
    if (below == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    bool is_ignored = po_git_is_ignored(rules, path, true);
    if (is_ignored && !has_tracked(work->index, po_str_of(below))) return po_rc_ok();
    PO_TRY(cx, po_fact_path(cx, full, ".git", &inner));
    PO_TRY(cx, po_fs_info(cx, inner, &nested));
    if (nested.exists) {
        note_untracked(work, &info);
        return po_rc_ok();
    }
    return is_ignored ? po_rc_ok() : walk_dir(cx, work, po_str_of(below), rules, depth + 1);
}

/* `dir` is "" or ends with '/'. */
static PO_RC walk_dir(struct po_ctx *cx, struct po_git_work *work, po_str dir,
                      const struct po_git_rules *rules, int depth)
{
    const char *full = work->repo->work;
    const char *ignore = NULL;
    po_str *names = NULL;
    size_t count = 0;
    if (dir.len > 0)
        PO_TRY(cx,
               po_fact_path_str(cx, work->repo->work, po_str_slice(dir, 0, dir.len - 1), &full));
    PO_TRY(cx, po_fact_path(cx, full, ".gitignore", &ignore));
    PO_TRY(cx, load_rules(cx, ignore, dir.len, &rules));
    po_rc rc = po_fs_list(cx, full, &names, &count);
    if (rc.code == PO_DENIED || rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        work->is_cut = true;
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    for (size_t i = 0; i < count; i++) {
        if (po_str_eq_cstr(names[i], ".git")) continue;
        if (++work->seen > PO_GIT_ENTRIES_MAX || depth > PO_GIT_DEPTH_MAX) {
            work->is_cut = true;
            return po_rc_ok();
        }
        if (dir.len + names[i].len > PO_GIT_PATH_BYTES_MAX) {
            work->is_cut = true;
            continue;
        }
        const char *path =
            po_arena_printf(cx->arena, "%.*s%.*s", PO_STR_ARG(dir), PO_STR_ARG(names[i]));
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, look_at_found(cx, work, po_str_of(path), rules, depth));
    }
    return po_rc_ok();
}

PO_RC po_git_work_rules(struct po_ctx *cx, const struct po_git_repo *repo,
                        const struct po_git_rules **ret_rules)
{
    const char *exclude = NULL;
    *ret_rules = NULL;
    PO_TRY(cx, po_fact_path(cx, repo->common, "info/exclude", &exclude));
    return load_rules(cx, exclude, 0, ret_rules);
}

PO_RC po_git_work_untracked(struct po_ctx *cx, struct po_git_work *work)
{
    const struct po_git_rules *rules = NULL;
    PO_TRY(cx, po_git_work_rules(cx, work->repo, &rules));
    return walk_dir(cx, work, PO_LIT(""), rules, 0);
}

PO_RC po_git_work_ignores(struct po_ctx *cx, const struct po_git_repo *repo, const char *path,
                          bool *ret_is_ignored)
{
    const struct po_git_rules *rules = NULL;
    const char *top = NULL;
    PO_TRY(cx, po_git_work_rules(cx, repo, &rules));
    PO_TRY(cx, po_fact_path(cx, repo->work, ".gitignore", &top));
    PO_TRY(cx, load_rules(cx, top, 0, &rules));
    po_str whole = po_str_of(path);
    *ret_is_ignored = po_git_is_ignored(rules, whole, false);
    for (size_t i = 0; i < whole.len; i++)
        if (whole.ptr[i] == '/' && po_git_is_ignored(rules, po_str_slice(whole, 0, i), true))
            *ret_is_ignored = true;
    return po_rc_ok();
}
