/*
 * Core's fences: it reads what facts are about, and writes the home, its keys and its scratch place.
 *
 * What it starts inherits them: a program of the site that was granted more runs in its caller's process
 * (`script run`), not here.
 */
#include "daemon/core_priv.h"

#include "core/cfg.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "core/sys.h"

po_rc po_core_fence(struct po_ctx *cx, struct po_core *core, const char **ret_text)
{
    const char *scratch = NULL;
    const char *intake = po_cfg_cstr(po_home_cfg(core->home), PO_CFG_INTAKE_DIR);
    const unsigned all = PO_SANDBOX_READ | PO_SANDBOX_WRITE;
    struct po_sandbox_support support = {0};
    PO_TRY(cx, po_home_scratch_dir(cx, core->home, &scratch));
    const struct po_sandbox_rule rules[] = {
        {"/", PO_SANDBOX_READ | PO_SANDBOX_EXECUTE},
        {"/dev/null", PO_SANDBOX_DEVICE},
        {po_home_root(core->home), all},
        {po_home_state_dir(core->home), all},
        {scratch, all},
        {intake != NULL ? intake : po_home_root(core->home), all},
    };
    PO_TRY(cx, po_sandbox_enter_broad(cx, rules, sizeof rules / sizeof *rules, &support));
    if (!po_sandbox_is_full(&support))
        po_log(cx, PO_LOG_WARN, "service.fence_missing", PO_F_CSTR("have", support.text));
    *ret_text = po_arena_strdup(cx->arena, po_str_of(support.text));
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the fences");
    return po_rc_ok();
}
