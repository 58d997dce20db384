/*
 * A drill in a process of its own: it says its JSON on stdout, or why there is none on stderr. Its home and
 * its keys are below one directory, which its parent removes.
 */
#include "assess/assess_priv.h"

#include "core/process.h"
#include "core/sys.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DRILL_BYTES_MAX ((size_t)256 << 10)

int po_assess_drill_role_run(int argc, char **argv, po_assess_drill *drill)
{
    PO_CTX_AUTO cx = {0};
    PO_BUF_AUTO out;
    struct po_json_out json;
    if (argc != 1 || !po_is_ok(po_ctx_init(&cx))) return po_code_exit(PO_USAGE);
    if (po_sys_prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return po_code_exit(PO_IO);
    po_fact_drills_refuse();
    po_buf_init(&out, DRILL_BYTES_MAX);
    po_json_out_init(&json, &out, 0);
    po_rc rc = drill(&cx, argv[0], &json);
    if (po_is_ok(rc)) rc = po_buf_check(&out);
    po_str text = po_is_ok(rc) ? po_buf_str(&out) : po_str_of(po_err_msg(&cx));
    int fd = po_is_ok(rc) ? STDOUT_FILENO : STDERR_FILENO;
    while (text.len > 0) {
        ssize_t wrote = po_sys_write(fd, text.ptr, text.len);
        if (wrote <= 0) return po_code_exit(PO_IO);
        text = po_str_slice(text, (size_t)wrote, text.len);
    }
    return po_code_exit(rc.code);
}

static PO_RC run_child(struct po_ctx *cx, const struct po_assess_drill_child *child,
                       const char *dir, struct po_buf *out)
{
    const char *role = po_arena_printf(cx->arena, "--role=%s", child->role);
    const char *const argv[] = {"paulyops", role, dir, NULL};
    const char *env[] = {po_arena_printf(cx->arena, "HOME=%s", dir),
                         po_arena_printf(cx->arena, "XDG_STATE_HOME=%s/keys", dir),
                         po_arena_printf(cx->arena, "PAULYOPS_HOME=%s/home", dir),
                         "PATH=/usr/bin:/bin", NULL};
    const struct po_process_options options = {
        .path = "/proc/self/exe", .argv = argv, .env = env, .timeout_ms = child->timeout_ms};
    struct po_process_result result = {0};
    PO_BUF_AUTO err;
    po_buf_init(&err, 4096);
    for (size_t i = 0; i < 3; i++)
        if (env[i] == NULL || role == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_process_run(cx, &options, out, &err, &result));
    if (result.has_exited && result.exit_status == 0) return po_rc_ok();
    return PO_FAIL(cx, PO_UNAVAILABLE, "'%s' ended with status %d: %.*s", child->role,
                   result.exit_status, PO_STR_ARG(po_str_trim(po_buf_str(&err))));
}

PO_RC po_assess_drill_child_run(struct po_ctx *cx, const struct po_assess_inputs *in,
                                const struct po_assess_drill_child *child, struct po_json_out *out)
{
    const char *dir = NULL;
    PO_BUF_AUTO text;
    struct po_json *root = NULL;
    po_buf_init(&text, DRILL_BYTES_MAX);
    if (po_fact_drills_are_refused()) return PO_FAIL(cx, PO_UNAVAILABLE, "a drill starts no other");
    PO_TRY(cx, po_assess_scratch(cx, in, &dir));
    PO_TRY(cx, po_assess_scratch_end(cx, dir, run_child(cx, child, dir, &text)));
    PO_TRY_MSG(cx, po_json_parse(cx, po_buf_str(&text), PO_JSON_STRICT, &root), "what '%s' says",
               child->role);
    po_json_out_raw(out, po_buf_str(&text));
    return po_rc_ok();
}
