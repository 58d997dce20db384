/*
 * Facts of the repository that holds configuration and policies (REPO_DIR). Names of branches,
 * remotes and files stay out of the facts.
 */
#include "git_worktree_priv.h"

#define MODE_ENV "config/.env"

static PO_RC find_repo(struct po_ctx *cx, struct po_fact_set *set, struct po_git_repo *ret_repo,
                       bool *ret_found)
{
    *ret_found = false;
    if (set->places.repo == NULL || set->places.repo[0] == '\0') return po_rc_ok();
    return po_git_open(cx, set->places.repo, ret_repo, ret_found);
}

static void put_configured(struct po_fact_set *set, struct po_json_out *out, bool is_found)
{
    po_fact_put_bool(out, "configured", set->places.repo != NULL && set->places.repo[0] != '\0');
    po_fact_put_bool(out, "found", is_found);
}

/* ---- repo.head ------------------------------------------------------------------------------------ */

/* The remote branch that the present branch follows. */
struct upstream {
    bool is_set;
    const char *ref; /* "refs/remotes/origin/main" */
    po_str oid;
    int64_t moved_s;
    bool is_push;
};

static PO_RC find_upstream(struct po_ctx *cx, const struct po_git_repo *repo,
                           const struct po_git_head *head, struct upstream *upstream)
{
    static const char heads[] = "refs/heads/";
    upstream->moved_s = -1;
    if (head->ref == NULL || strncmp(head->ref, heads, sizeof heads - 1) != 0) return po_rc_ok();
    const char *branch = head->ref + sizeof heads - 1;
    po_str remote = po_git_config(repo->config, "branch", branch, "remote");
    po_str merge = po_git_config(repo->config, "branch", branch, "merge");
    if (remote.len == 0 || !po_str_starts(merge, PO_LIT("refs/heads/"))) return po_rc_ok();
    upstream->is_set = true;
    upstream->ref = po_arena_printf(cx->arena, "refs/remotes/%.*s/%.*s", PO_STR_ARG(remote),
                                    PO_STR_ARG(po_str_slice(merge, 11, merge.len)));
    if (upstream->ref == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_git_ref(cx, repo, upstream->ref, &upstream->oid));
    return po_git_reflog(cx, repo, upstream->ref, &upstream->moved_s, &upstream->is_push);
}

/* "https://user:secret@host": the configuration would then hold a credential. */
static bool has_credential(po_str url)
{
    size_t scheme = po_str_find(url, PO_LIT("://"), 0);
    if (scheme == SIZE_MAX) return false;
    size_t at = po_str_find_char(url, '@', scheme + 3);
    size_t colon = po_str_find_char(url, ':', scheme + 3);
    return at != SIZE_MAX && colon != SIZE_MAX && colon < at;
}

static PO_RC put_remotes(struct po_ctx *cx, const struct po_git_repo *repo, struct po_json_out *out)
{
    int64_t with_url = 0;
    int64_t with_credential = 0;
    po_str name = {0};
    for (size_t i = 0; i < 100 && po_git_remote_at(repo->config, i, &name); i++) {
        const char *text = po_arena_strdup(cx->arena, name);
        if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        po_str url = po_git_config(repo->config, "remote", text, "url");
        with_url += url.len > 0 ? 1 : 0;
        with_credential += has_credential(url) ? 1 : 0;
    }
    po_fact_put_int(out, "remotes", with_url);
    po_fact_put_int(out, "remotes_with_credential", with_credential);
    return po_rc_ok();
}

PO_FACT_READER(repo_head)
{
    struct po_git_repo repo = {0};
    struct po_git_head head = {0};
    struct upstream upstream = {.moved_s = -1};
    int64_t commit_s = -1;
    bool is_push = false;
    bool is_found = false;
    PO_TRY(cx, find_repo(cx, set, &repo, &is_found));
    if (is_found) {
        PO_TRY(cx, po_git_head(cx, &repo, &head));
        PO_TRY(cx, find_upstream(cx, &repo, &head, &upstream));
        PO_TRY(cx, po_git_reflog(cx, &repo, "HEAD", &commit_s, &is_push));
    }
    int64_t now_s = set->now_us / PO_US_PER_S;
    bool is_pushed = head.oid.len > 0 && po_str_eq(head.oid, upstream.oid);
    po_json_out_object(out);
    put_configured(set, out, is_found);
    po_fact_put_bool(out, "head_readable", head.is_readable);
    po_fact_put_bool(out, "detached", head.is_detached);
    po_fact_put_bool(out, "has_commit", head.oid.len > 0);
    po_json_out_field(out, "head", head.oid);
    po_fact_put_opt(out, "head_moved_age_s", commit_s < 0 ? -1 : now_s - commit_s);
    PO_TRY(cx, put_remotes(cx, &repo, out));
    po_fact_put_bool(out, "upstream_set", upstream.is_set);
    po_fact_put_bool(out, "upstream_known", upstream.oid.len > 0);
    po_fact_put_bool(out, "head_equals_upstream", is_pushed);
    po_fact_put_opt(out, "upstream_moved_age_s",
                    upstream.moved_s < 0 ? -1 : now_s - upstream.moved_s);
    po_fact_put_bool(out, "upstream_moved_by_push", upstream.is_push);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- repo.worktree -------------------------------------------------------------------------------- */

struct worktree {
    const char *why; /* NULL: compared */
    struct po_git_index index;
    struct po_git_work work;
    bool env_ignored;
};

static const char *tree_name(enum po_git_tree_state state)
{
    static const char *const names[] = {"unknown", "none", "possible"};
    return names[state];
}

static PO_RC compare(struct po_ctx *cx, const struct po_git_repo *repo, po_str bytes,
                     int64_t mtime_us, struct worktree *tree)
{
    po_rc rc = po_git_index_parse(cx, bytes, repo->oid_bytes, &tree->index);
    bool is_answer = rc.code == PO_INVALID || rc.code == PO_UNSUPPORTED || rc.code == PO_LIMIT;
    if (is_answer) {
        tree->why = po_arena_strdup(cx->arena, po_str_of(po_err_msg(cx)));
        if (tree->why == NULL) tree->why = "not readable";
        po_err_clear(cx);
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    tree->why = NULL;
    tree->work = (struct po_git_work){
        .repo = repo, .index = &tree->index, .index_mtime_s = mtime_us / PO_US_PER_S};
    PO_TRY(cx, po_git_work_compare(cx, &tree->work));
    PO_TRY(cx, po_git_work_untracked(cx, &tree->work));
    return po_git_work_ignores(cx, repo, MODE_ENV, &tree->env_ignored);
}

static PO_RC read_worktree(struct po_ctx *cx, const struct po_git_repo *repo, struct po_buf *bytes,
                           struct worktree *tree)
{
    const char *path = NULL;
    struct po_fs_info info = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fact_path(cx, repo->dir, "index", &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    PO_TRY(cx, po_fact_file_read_into(cx, path, bytes, &state));
    if (state != PO_FACT_FILE_OK) {
        tree->why =
            state == PO_FACT_FILE_CUT ? "the index is too large" : "the index is not readable";
        return po_rc_ok();
    }
    return compare(cx, repo, po_buf_str(bytes), info.mtime_us, tree);
}

PO_FACT_READER(repo_worktree)
{
    struct po_git_repo repo = {0};
    bool is_found = false;
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, PO_GIT_INDEX_BYTES_MAX);
    struct worktree tree = {.why = "there is no repository", .work = {.oldest_change_s = -1}};
    PO_TRY(cx, find_repo(cx, set, &repo, &is_found));
    if (is_found) PO_TRY(cx, read_worktree(cx, &repo, &bytes, &tree));
    int64_t oldest_s = tree.work.oldest_change_s;
    po_json_out_object(out);
    put_configured(set, out, is_found);
    po_fact_put_bool(out, "compared", tree.why == NULL);
    po_json_out_key(out, "why");
    if (tree.why == NULL)
        po_json_out_null(out);
    else
        po_json_out_cstr(out, tree.why);
    po_fact_put_int(out, "tracked", (int64_t)tree.index.count);
    po_fact_put_int(out, "modified", (int64_t)tree.work.modified);
    po_fact_put_int(out, "deleted", (int64_t)tree.work.deleted);
    po_fact_put_int(out, "untracked", (int64_t)tree.work.untracked);
    po_fact_put_int(out, "conflicts", (int64_t)tree.work.conflicts);
    po_fact_put_cstr(out, "staged", tree.why == NULL ? tree_name(tree.index.tree) : "unknown");
    po_fact_put_opt(out, "oldest_change_age_s",
                    oldest_s < 0 ? -1 : set->now_us / PO_US_PER_S - oldest_s);
    po_fact_put_bool(out, "all_counted", tree.why == NULL && !tree.work.is_cut);
    po_fact_put_int(out, "env_tracked", (int64_t)tree.work.env_tracked);
    po_fact_put_bool(out, "env_ignored", tree.env_ignored);
    po_json_out_object_end(out);
    return po_rc_ok();
}
