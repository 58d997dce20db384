/*
 * The work tree of a repository against its index.
 */
#ifndef PO_FACT_GIT_WORKTREE_PRIV_H
#define PO_FACT_GIT_WORKTREE_PRIV_H

#include "git_priv.h"

struct po_git_work {
    const struct po_git_repo *repo;
    const struct po_git_index *index;
    int64_t index_mtime_s;
    uint64_t modified;
    uint64_t deleted;
    uint64_t untracked;
    uint64_t conflicts;
    uint64_t hashed;
    uint64_t env_tracked; /* entries named .env */
    uint64_t seen;
    int64_t oldest_change_s; /* -1: no change */
    bool is_cut;             /* not everything was looked at */
    po_str last_dir;
    bool last_dir_has_link;
};
/* Count tracked files that differ. */
PO_RC po_git_work_compare(struct po_ctx *cx, struct po_git_work *work);
/* Count files that are neither tracked nor ignored; a whole untracked repository counts once. */
PO_RC po_git_work_untracked(struct po_ctx *cx, struct po_git_work *work);
/* Rules of info/exclude; core.excludesFile is outside the repository and not read. */
PO_RC po_git_work_rules(struct po_ctx *cx, const struct po_git_repo *repo,
                        const struct po_git_rules **ret_rules);
/* By info/exclude and the top directory's .gitignore. */
PO_RC po_git_work_ignores(struct po_ctx *cx, const struct po_git_repo *repo, const char *path,
                          bool *ret_is_ignored);

#endif
