/*
 * What no program of the site reaches, whatever a person granted: the keys, the ledger and the store, the
 * configuration with its secrets. A program that could read the master key would hold it, and one that
 * could write the store would be no longer recorded.
 */
#include "grant/grant.h"

#include "core/sys.h"

#include <limits.h>

struct reserved {
    const char *name; /* as a message shows it */
    const char *path;
};

/* "/a/b" is within "/a/b" and "/a". */
static bool is_within(po_str path, po_str dir)
{
    if (dir.len == 1) return true;
    return po_str_starts(path, dir) && (path.len == dir.len || path.ptr[dir.len] == '/');
}

/* Programs follow no links: only the real path of a directory leads to it. */
static PO_RC resolve(struct po_ctx *cx, const char *path, po_str *ret_real)
{
    char real[PATH_MAX];
    if (po_sys_realpath(path, real) == NULL) {
        *ret_real = po_str_of(path); /* it is not there: nothing to reach */
        return po_rc_ok();
    }
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_str_of(real), ret_real), "out of request memory");
    return po_rc_ok();
}

static PO_RC check_need(struct po_ctx *cx, struct po_home *home, const struct po_cap *need,
                        const struct reserved *reserved, struct po_program_denial *ret_denial)
{
    po_str reach = {0};
    po_str dir = {0};
    PO_TRY(cx, po_cap_reach(cx, need, po_home_root(home), &reach));
    PO_TRY(cx, resolve(cx, reserved->path, &dir));
    if (!is_within(reach, dir) && !is_within(dir, reach)) return po_rc_ok();
    *ret_denial = (struct po_program_denial){need->kind, need->value, "reserved"};
    return PO_FAIL(cx, PO_DENIED, "%s '%.*s' would reach %s; name what it needs more closely",
                   po_cap_name(need->kind), PO_STR_ARG(need->value), reserved->name);
}

PO_RC po_grant_allowed(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                       const struct po_caps *caps, struct po_program_denial *ret_denial)
{
    const struct reserved reserved[] = {
        {"the keys", po_home_state_dir(home)},
        {"the ledger and the store", po_home_path(home, PO_PLACE_DATA)},
        {"the configuration", po_home_path(home, PO_PLACE_CONFIG)},
    };
    const struct po_caps *needs = &program->row.needs;
    PO_TRY(cx, po_program_allowed(cx, program, caps, ret_denial));
    for (size_t i = 0; i < needs->count; i++) {
        enum po_cap_kind kind = needs->at[i].kind;
        if (kind != PO_CAP_FS_READ && kind != PO_CAP_FS_WRITE && kind != PO_CAP_EXEC) continue;
        for (size_t k = 0; k < sizeof reserved / sizeof reserved[0]; k++)
            PO_TRY(cx, check_need(cx, home, &needs->at[i], &reserved[k], ret_denial));
    }
    return po_rc_ok();
}
