/*
 * Core's fences: it reads what facts are about, and writes the home and its scratch place.
 *
 * Key directories, its own and other instances', are not among what it may open (the keeper's: core_keys.c).
 * Landlock grants and cannot deny, so beside the way there each entry has a rule of its own; the
 * certificate's directory, which facts are about, is the one exception.
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

#define ALL (PO_SANDBOX_READ | PO_SANDBOX_WRITE)

/* What stands in the key directory and is no key: made now, since what is made later has no rule. */
static PO_RC add_state_dirs(struct po_ctx *cx, const struct po_core *core,
                            struct po_sandbox_rules *rules)
{
    const char *tls = NULL;
    PO_TRY(cx, po_path_join(cx, po_home_state_dir(core->home), "tls", &tls));
    po_rc rc = po_fs_mkdir_all(cx, tls, 0700);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx); /* front, which needs it, says why */
    return po_sandbox_rules_add(cx, rules, tls, PO_SANDBOX_READ | PO_SANDBOX_NO_LINKS);
}

/* @control CC6.1 */
static PO_RC make_rules(struct po_ctx *cx, const struct po_core *core,
                        struct po_sandbox_rules *rules)
{
    const char *scratch = NULL;
    const char *intake = po_cfg_cstr(po_home_cfg(core->home), PO_CFG_INTAKE_DIR);
    const char *credential = po_home_credential(core->home);
    const char *keys = NULL; /* of every instance of this user */
    PO_TRY(cx, po_path_dir(cx, po_home_state_dir(core->home), &keys));
    const char *const hidden[] = {keys, credential};
    const size_t hidden_count = credential != NULL ? 2 : 1;
    const struct po_sandbox_rule all = {"/", PO_SANDBOX_READ | PO_SANDBOX_EXECUTE};
    const struct po_sandbox_rule taken_in = {intake, ALL};
    PO_TRY(cx, po_home_scratch_dir(cx, core->home, &scratch));
    PO_TRY(cx, po_sandbox_rules_init(cx, rules));
    PO_TRY(cx, po_sandbox_rules_add(cx, rules, "/", PO_SANDBOX_LIST));
    PO_TRY(cx, po_sandbox_rules_add(cx, rules, "/dev/null", PO_SANDBOX_DEVICE));
    PO_TRY(cx, po_sandbox_rules_add(cx, rules, po_home_root(core->home), ALL));
    PO_TRY(cx, po_sandbox_rules_add(cx, rules, scratch, ALL));
    PO_TRY(cx, add_state_dirs(cx, core, rules));
    if (intake != NULL && intake[0] == '/')
        PO_TRY(cx, po_sandbox_rules_around(cx, rules, &taken_in, hidden, hidden_count));
    return po_sandbox_rules_around(cx, rules, &all, hidden, hidden_count);
}

po_rc po_core_fence(struct po_ctx *cx, struct po_core *core, const char **ret_text)
{
    struct po_sandbox_rules rules = {0};
    struct po_sandbox_support support = {0};
    PO_TRY(cx, make_rules(cx, core, &rules));
#ifdef PO_FAULTS
    if (po_core_test_has_keys())
        PO_TRY(cx, po_sandbox_rules_add(cx, &rules, po_home_state_dir(core->home), ALL));
#endif
    if (rules.left_out > 0)
        po_log(cx, PO_LOG_WARN, "service.fence_narrow",
               PO_F_I64("not_readable", (int64_t)rules.left_out));
    PO_TRY(cx, po_sandbox_enter_broad(cx, rules.at, rules.count, &support));
    if (!po_sandbox_is_full(&support))
        po_log(cx, PO_LOG_WARN, "service.fence_missing", PO_F_CSTR("have", support.text));
    core->fence_rules = rules.count;
    *ret_text = po_arena_strdup(cx->arena, po_str_of(support.text));
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the fences");
    return po_rc_ok();
}
