/*
 * Rules for everything but some paths.
 *
 * Invariants
 *  1. no rule is at a hidden path, above one, or below one.
 *  2. no rule is made for what a link leads to: who swaps a name for a link gains nothing
 *     (PO_SANDBOX_NO_LINKS asks again when the rule is made).
 */
#include "core/sandbox.h"

#include "core/fs.h"
#include "core/sys.h"

#include <limits.h>

struct around {
    struct po_sandbox_rules *rules;
    unsigned access;
    const char *hidden[PO_SANDBOX_HIDDEN_MAX];
    size_t hidden_count;
};

po_rc po_sandbox_rules_init(struct po_ctx *cx, struct po_sandbox_rules *rules)
{
    *rules = (struct po_sandbox_rules){0};
    PO_ARENA_NEW(cx, rules->at, PO_SANDBOX_AROUND_MAX);
    return po_rc_ok();
}

po_rc po_sandbox_rules_add(struct po_ctx *cx, struct po_sandbox_rules *rules, const char *path,
                           unsigned access)
{
    if (rules->count == PO_SANDBOX_AROUND_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d paths for a sandbox", PO_SANDBOX_AROUND_MAX);
    rules->at[rules->count++] = (struct po_sandbox_rule){path, access};
    return po_rc_ok();
}

/* Absolute and without links, as far as it exists; what does not stays as it is named. */
static PO_RC resolve(struct po_ctx *cx, const char *path, const char **ret_path)
{
    char start[PATH_MAX];
    char real[PATH_MAX];
    size_t len = strlen(path);
    if (path[0] != '/' || len >= sizeof start)
        return PO_FAIL(cx, PO_INVALID, "'%s' is no absolute path", path);
    memcpy(start, path, len + 1);
    while (po_sys_realpath(start, real) == NULL) {
        while (len > 1 && start[len - 1] != '/')
            len--;
        while (len > 1 && start[len - 1] == '/')
            len--;
        start[len] = '\0';
        if (len <= 1) break;
    }
    const char *rest = path + len;
    while (*rest == '/')
        rest++;
    if (len <= 1) memcpy(real, "/", 2);
    if (*rest == '\0') {
        *ret_path = po_arena_strdup(cx->arena, po_str_of(real));
        return *ret_path != NULL ? po_rc_ok() : PO_FAIL(cx, PO_NOMEM, "out of request memory");
    }
    return po_path_join(cx, real, rest, ret_path);
}

/* Is `path` `above` or below it? */
static bool is_within(const char *path, const char *above)
{
    size_t len = strlen(above);
    if (strcmp(above, "/") == 0) return true;
    return strncmp(path, above, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static PO_RC go_around(struct po_ctx *cx, struct around *around, const char *path, int depth);

/* What stands beside the way; a hidden path ends it. */
static PO_RC enter_dir(struct po_ctx *cx, struct around *around, const char *path, int depth)
{
    po_str *names = NULL;
    size_t count = 0;
    if (depth == PO_FS_PATH_DEPTH_MAX) return po_rc_ok();
    po_rc rc = po_fs_list(cx, path, &names, &count);
    if (rc.code == PO_NOTFOUND || rc.code == PO_DENIED || rc.code == PO_LIMIT) {
        po_err_clear(cx);
        around->rules->left_out++;
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    for (size_t i = 0; i < count; i++) {
        const char *entry = NULL;
        PO_TRY(cx, po_path_join(cx, path, names[i].ptr, &entry));
        PO_TRY(cx, go_around(cx, around, entry, depth + 1));
    }
    return po_rc_ok();
}

static PO_RC go_around(struct po_ctx *cx, struct around *around, const char *path, int depth)
{
    struct po_fs_info info = {0};
    bool is_way = false;
    for (size_t i = 0; i < around->hidden_count; i++) {
        if (is_within(path, around->hidden[i])) return po_rc_ok();
        is_way |= is_within(around->hidden[i], path);
    }
    if (is_way) return enter_dir(cx, around, path, depth);
    po_rc rc = po_fs_info(cx, path, &info);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx);
    if (!po_is_ok(rc) || !info.exists || info.is_symlink) return po_rc_ok();
    if (around->rules->count == PO_SANDBOX_AROUND_MAX) {
        around->rules->left_out++;
        return po_rc_ok();
    }
    return po_sandbox_rules_add(cx, around->rules, path, around->access | PO_SANDBOX_NO_LINKS);
}

po_rc po_sandbox_rules_around(struct po_ctx *cx, struct po_sandbox_rules *rules,
                              const struct po_sandbox_rule *rule, const char *const *hidden,
                              size_t hidden_count)
{
    struct around around = {.rules = rules, .access = rule->access};
    const char *path = NULL;
    if (hidden_count > PO_SANDBOX_HIDDEN_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d hidden paths", PO_SANDBOX_HIDDEN_MAX);
    for (size_t i = 0; i < hidden_count; i++)
        PO_TRY(cx, resolve(cx, hidden[i], &around.hidden[i]));
    around.hidden_count = hidden_count;
    PO_TRY(cx, resolve(cx, rule->path, &path));
    return go_around(cx, &around, path, 0);
}
