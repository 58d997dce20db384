/*
 * Core's fences.
 */
#include "daemon/core_priv.h"

#include "core/sys.h"

#include <errno.h>
#include <sys/prctl.h>

po_rc po_core_fence(struct po_ctx *cx, struct po_core *core, const char **ret_text)
{
    (void)core;
    if (po_sys_prctl(PR_SET_DUMPABLE, 0) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "forbidding dumps");
    *ret_text = "not dumpable";
    return po_rc_ok();
}
