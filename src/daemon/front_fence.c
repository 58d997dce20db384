/*
 * The front locks itself in once its listeners are open: from then on it can open its certificate and
 * nothing else, start nothing, connect to nothing.
 */
#include "daemon/front_priv.h"

#include "core/fs.h"
#include "core/sandbox.h"

#define FILES_MAX 12000 /* connections, listeners, channels */
#define FIRST_CLOSED 1024
#define LOG_BYTES_MAX ((uint64_t)1 << 30)
#define DATA_BYTES_MAX ((uint64_t)1 << 30)

PO_RC po_front_lock_in(struct po_ctx *cx, const struct po_front *front)
{
    const char *cert_dir = NULL;
    const char *key_dir = NULL;
    struct po_sandbox_rule rules[2] = {{0}};
    struct po_sandbox_options options = {.rules = rules,
                                         .can_serve = true,
                                         .fd_first_closed = FIRST_CLOSED,
                                         .cpu_s = UINT64_MAX,
                                         .data_bytes = DATA_BYTES_MAX,
                                         .file_bytes = LOG_BYTES_MAX,
                                         .files = FILES_MAX};
    struct po_sandbox_support support;
    /* A renewed certificate is another file: its directory is what stays. */
    if (front->options.tls.cert_path != NULL) {
        PO_TRY(cx, po_path_dir(cx, front->options.tls.cert_path, &cert_dir));
        PO_TRY(cx, po_path_dir(cx, front->options.tls.key_path, &key_dir));
        rules[0] = (struct po_sandbox_rule){cert_dir, PO_SANDBOX_READ};
        rules[1] = (struct po_sandbox_rule){key_dir, PO_SANDBOX_READ};
        options.rule_count = 2;
    }
    PO_TRY(cx, po_sandbox_enter(cx, &options, &support));
    return po_rc_ok();
}
