/*
 * Read a git repository's files without git: refs, reflog, configuration, index, ignore rules.
 *
 * The content is taken for hostile: every length is checked, every list bounded, no path leaves the
 * work tree, no link of the work tree is followed. Objects are not read.
 *
 * Limits   below;  Source   gitformat-index(5), gitrepository-layout(5), gitignore(5)
 */
#ifndef PO_FACT_GIT_PRIV_H
#define PO_FACT_GIT_PRIV_H

#include "fact_priv.h"

#include "core/map.h"

#define PO_GIT_OID_BYTES_MAX 32
#define PO_GIT_TEXT_BYTES_MAX ((size_t)1 << 20) /* config, packed-refs, a ref, an ignore file */
#define PO_GIT_INDEX_BYTES_MAX ((size_t)8 << 20)
#define PO_GIT_ENTRIES_MAX 50000
#define PO_GIT_PATH_BYTES_MAX 1024
#define PO_GIT_RULES_MAX 2000
#define PO_GIT_DEPTH_MAX 40
#define PO_GIT_MATCH_STEPS_MAX 20000
#define PO_GIT_HASH_FILE_BYTES_MAX ((uint64_t)64 << 20)

struct po_git_repo {
    const char *work;   /* work tree */
    const char *dir;    /* its git directory */
    const char *common; /* of linked work trees: the main git directory; else as dir */
    size_t oid_bytes;   /* 20, or 32 with extensions.objectformat = sha256 */
    po_str config;
};
/* *ret_found = false when there is no repository at `work`. */
PO_RC po_git_open(struct po_ctx *cx, const char *work, struct po_git_repo *ret_repo,
                  bool *ret_found);

struct po_git_head {
    bool is_readable;
    bool is_detached;
    const char *ref; /* "refs/heads/main", NULL when detached */
    po_str oid;      /* hex, empty when the branch has no commit yet */
};
PO_RC po_git_head(struct po_ctx *cx, const struct po_git_repo *repo, struct po_git_head *ret_head);
/* Hex object id of a ref, loose or packed; empty when absent or malformed. */
PO_RC po_git_ref(struct po_ctx *cx, const struct po_git_repo *repo, const char *ref,
                 po_str *ret_oid);
/* Time of a ref's newest reflog line, -1 when there is none; *ret_is_push: it says "update by push". */
PO_RC po_git_reflog(struct po_ctx *cx, const struct po_git_repo *repo, const char *ref,
                    int64_t *ret_time_s, bool *ret_is_push);
/* Value of `key` in section `[section "name"]` (name NULL: `[section]`); empty when absent. */
po_str po_git_config(po_str config, const char *section, const char *name_or_null, const char *key);
/* The n-th `[remote "..."]` name; false when there are fewer. */
bool po_git_remote_at(po_str config, size_t n, po_str *ret_name);

struct po_git_entry {
    po_str path;
    uint32_t ctime_s;
    uint32_t mtime_s;
    uint32_t mtime_ns;
    uint32_t ino;
    uint32_t mode;
    uint32_t size;
    const uint8_t *oid;
    unsigned stage;
    bool is_assume_valid;
    bool is_skip_worktree;
    bool is_intent_to_add;
};
enum po_git_tree_state { PO_GIT_TREE_ABSENT, PO_GIT_TREE_VALID, PO_GIT_TREE_CHANGED };
struct po_git_index {
    uint32_t version;
    struct po_git_entry *entries;
    size_t count;
    enum po_git_tree_state tree; /* what the cached tree says of staged changes */
};
/*
 * Parse an index. Paths of version 4 are in the arena, the rest borrows from `bytes`.
 *
 * Errors   PO_INVALID  not an index, cut short, unsafe path;  PO_UNSUPPORTED  split or sparse;
 *          PO_LIMIT  over PO_GIT_ENTRIES_MAX
 */
PO_RC po_git_index_parse(struct po_ctx *cx, po_str bytes, size_t oid_bytes,
                         struct po_git_index *ret_index);
/* A path that stays in the work tree and out of .git. */
bool po_git_path_is_safe(po_str path);

/* Ignore rules of one directory, and those above it. */
struct po_git_rule {
    po_str pattern; /* without '!', leading and trailing '/' */
    bool is_negated;
    bool is_dir_only;
    bool has_slash; /* matched against the path below the rule's directory, else the last name */
};
struct po_git_rules {
    struct po_git_rule *rules;
    size_t count;
    size_t base_len; /* bytes of the directory's path, with its '/' */
    const struct po_git_rules *parent;
};
PO_RC po_git_rules_parse(struct po_ctx *cx, po_str text, size_t base_len,
                         const struct po_git_rules *parent, const struct po_git_rules **ret_rules);
bool po_git_is_ignored(const struct po_git_rules *rules, po_str path, bool is_dir);
/* gitignore's wildmatch with at most PO_GIT_MATCH_STEPS_MAX steps (then: no match). */
bool po_git_match(po_str pattern, po_str text);

/* SHA-1, only because git names objects by it; nothing here relies on its strength. */
#define PO_SHA1_BYTES 20
struct po_sha1 {
    uint32_t state[5];
    uint64_t total;
    uint8_t block[64];
};
void po_sha1_begin(struct po_sha1 *sha);
void po_sha1_update(struct po_sha1 *sha, po_str bytes);
void po_sha1_end(struct po_sha1 *sha, uint8_t out[static PO_SHA1_BYTES]);

#endif
