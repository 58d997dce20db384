/*
 * Scratch directories and children of drills.
 */
#include "drill_priv.h"

#include "core/codec.h"
#include "core/random.h"
#include "core/sys.h"

#include <errno.h>

#define PREFIX "drill-"

struct removal {
    uint64_t entries;
};

static PO_RC remove_tree(struct po_ctx *cx, struct removal *removal, const char *dir, int depth)
{
    po_str *names = NULL;
    size_t count = 0;
    if (depth > PO_DRILL_TREE_DEPTH_MAX)
        return PO_FAIL(cx, PO_LIMIT, "'%s' is nested too deep", dir);
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        if (++removal->entries > PO_DRILL_TREE_ENTRIES_MAX)
            return PO_FAIL(cx, PO_LIMIT, "'%s' holds too much", dir);
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir)
            PO_TRY(cx, remove_tree(cx, removal, path, depth + 1));
        else if (po_sys_unlink(path) != 0)
            return PO_FAIL_SYS(cx, PO_IO, errno, "removing '%s'", path);
    }
    if (po_sys_rmdir(dir) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "removing '%s'", dir);
    return po_rc_ok();
}

PO_RC po_drill_remove(struct po_ctx *cx, const char *dir)
{
    struct removal removal = {0};
    return remove_tree(cx, &removal, dir, 0);
}

static const char *base_of(const struct po_fact_set *set)
{
    return set->places.scratch != NULL ? set->places.scratch : set->places.state_dir;
}

/* Scratch directories that a killed command left behind. */
static PO_RC remove_left_over(struct po_ctx *cx, const struct po_fact_set *set)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_list(cx, base_of(set), &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        if (!po_str_starts(names[i], PO_LIT(PREFIX))) continue;
        PO_TRY(cx, po_fact_path_str(cx, base_of(set), names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        bool is_old = info.is_dir && set->now_us - info.mtime_us > PO_DRILL_LEFT_OVER_US;
        if (!is_old) continue;
        if (!po_is_ok(po_drill_remove(cx, path))) po_err_clear(cx); /* the next drill tries again */
    }
    return po_rc_ok();
}

static PO_RC make_env(struct po_ctx *cx, struct po_drill *drill)
{
    const char *keys = NULL;
    PO_TRY(cx, po_fact_path(cx, drill->dir, "home", &drill->home));
    PO_TRY(cx, po_fact_path(cx, drill->dir, "keys", &keys));
    drill->env[0] = po_arena_printf(cx->arena, "HOME=%s", drill->dir);
    drill->env[1] = po_arena_printf(cx->arena, "XDG_STATE_HOME=%s", keys);
    drill->env[2] = po_arena_printf(cx->arena, "PAULYOPS_HOME=%s", drill->home);
    drill->env[3] = "PATH=/usr/bin:/bin";
    for (size_t i = 0; i < 3; i++)
        if (drill->env[i] == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

PO_RC po_drill_begin(struct po_ctx *cx, struct po_fact_set *set, struct po_drill *ret_drill)
{
    struct po_drill drill = {.program = set->places.program};
    drill.is_in_memory = !po_str_starts(po_str_of(base_of(set)), po_str_of(set->places.state_dir));
    uint8_t bytes[8];
    char name[sizeof PREFIX + 16] = PREFIX;
    PO_TRY(cx, remove_left_over(cx, set));
    PO_TRY_LEAF(cx, po_random_fill(bytes, sizeof bytes), "naming a scratch directory");
    po_hex_encode(bytes, sizeof bytes, name + sizeof PREFIX - 1);
    PO_TRY(cx, po_fact_path(cx, base_of(set), name, &drill.dir));
    if (po_sys_mkdir(drill.dir, 0700) != 0)
        return PO_FAIL_SYS(cx, PO_CREATE, errno, "making '%s'", drill.dir);
    *ret_drill = drill;
    return make_env(cx, ret_drill);
}

void po_drill_end(struct po_ctx *cx, struct po_drill *drill)
{
    struct po_err kept = cx->err;
    if (drill->dir != NULL)
        po_ignore(po_drill_remove(cx, drill->dir), "the next drill removes what is left");
    drill->dir = NULL;
    cx->err = kept;
}

/* six parameters: what it runs, and the three things it gives back */
PO_RC po_drill_run(struct po_ctx *cx, const struct po_drill *drill,
                   const struct po_drill_child *child, struct po_buf *out, struct po_buf *err,
                   struct po_drill_ended *ret_ended)
{
    struct po_process_options options = {.path = drill->program,
                                         .argv = child->argv,
                                         .env = drill->env,
                                         .input = child->input,
                                         .timeout_ms = child->timeout_ms};
    struct po_process_result result = {0};
    po_rc rc = po_process_run(cx, &options, out, err, &result);
    struct po_drill_ended ended = {.exit_status = -1};
    if (rc.code == PO_TIMEOUT) {
        po_err_clear(cx);
        ended.was_killed = true;
        *ret_ended = ended;
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    ended.took_us = result.took_us;
    if (result.has_exited)
        ended.exit_status = result.exit_status;
    else
        ended.signal_number = result.signal_number;
    *ret_ended = ended;
    return po_rc_ok();
}
