/*
 * The front locks itself in once its listeners are open: from then on it can open its certificate and
 * nothing else, start nothing, connect to nothing.
 */
#include "daemon/front_priv.h"

#include "core/fs.h"
#include "core/sandbox.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>

#define FILES_MAX 12000 /* connections, listeners, channels */
#define FIRST_CLOSED 1024
#define LOG_BYTES_MAX ((uint64_t)1 << 30)
#define DATA_BYTES_MAX ((uint64_t)1 << 30)

#define RULES_MAX 4

struct rules {
    struct po_sandbox_rule at[RULES_MAX];
    size_t count;
};

static PO_RC may_read_beside(struct po_ctx *cx, const char *path, struct rules *rules)
{
    const char *dir = NULL;
    PO_TRY(cx, po_path_dir(cx, path, &dir));
    rules->at[rules->count++] = (struct po_sandbox_rule){dir, PO_SANDBOX_READ};
    return po_rc_ok();
}

/* A renewed certificate is another file: its directory is what stays. Its name may be a link that is
   turned to the new one: then the directory that it leads to, too. */
static PO_RC may_read(struct po_ctx *cx, const char *path, struct rules *rules)
{
    char real[PATH_MAX];
    PO_TRY(cx, may_read_beside(cx, path, rules));
    if (po_sys_realpath(path, real) == NULL)
        return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "finding '%s'", path);
    const char *kept = po_arena_strdup(cx->arena, po_str_of(real));
    if (kept == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return may_read_beside(cx, kept, rules);
}

PO_RC po_front_lock_in(struct po_ctx *cx, const struct po_front *front)
{
    struct rules rules = {.count = 0};
    struct po_sandbox_options options = {.rules = rules.at,
                                         .can_serve = true,
                                         .fd_first_closed = FIRST_CLOSED,
                                         .cpu_s = UINT64_MAX,
                                         .data_bytes = DATA_BYTES_MAX,
                                         .file_bytes = LOG_BYTES_MAX,
                                         .files = FILES_MAX};
    struct po_sandbox_support support;
    if (front->options.tls.cert_path != NULL) {
        PO_TRY(cx, may_read(cx, front->options.tls.cert_path, &rules));
        PO_TRY(cx, may_read(cx, front->options.tls.key_path, &rules));
        options.rule_count = rules.count;
    }
    PO_TRY(cx, po_sandbox_enter(cx, &options, &support));
    return po_rc_ok();
}
