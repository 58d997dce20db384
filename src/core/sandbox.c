/*
 * Putting the fences up (sandbox.h says which).
 *
 * Invariants
 *  1. the filter of system calls comes last: what the others need is gone after it.
 *  2. a fence that the host has is up when po_sandbox_enter returns PO_OK.
 */
#include "core/sandbox_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HAS_SANITIZER 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#if HAS_SANITIZER && defined __SANITIZE_ADDRESS__
/* The search for leaks stops all threads with ptrace, which the filter refuses: none after that. */
static bool is_inside;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return is_inside; }
#define NOTE_INSIDE() (is_inside = true)
#else
#define NOTE_INSIDE() ((void)0)
#endif

#ifdef PO_FAULTS
static unsigned left_out;
void po_sandbox_test_leave_out(unsigned fences) { left_out = fences; }
#define HAS_FENCE(fence) ((left_out & PO_SANDBOX_##fence) == 0)
#else
#define HAS_FENCE(fence) true
#endif

/* ---- what the host has --------------------------------------------------------------------------- */

static void describe(struct po_sandbox_support *support)
{
    char landlock[24] = "landlock missing";
    if (support->landlock_abi > 0)
        (void)snprintf(landlock, sizeof landlock, "landlock %d", support->landlock_abi);
    (void)snprintf(support->text, sizeof support->text, "%s, seccomp%s", landlock,
                   support->has_seccomp ? "" : " missing");
}

void po_sandbox_support(struct po_sandbox_support *ret_support)
{
    int abi = po_sys_landlock_abi();
    *ret_support = (struct po_sandbox_support){.landlock_abi = abi > 0 ? abi : 0,
                                               .has_seccomp = po_sys_has_seccomp()};
    describe(ret_support);
}

bool po_sandbox_is_full(const struct po_sandbox_support *support)
{
    return support->landlock_abi > 0 && support->has_seccomp;
}

/* ---- the smaller fences -------------------------------------------------------------------------- */

static PO_RC limit(struct po_ctx *cx, int resource, uint64_t value, const char *name)
{
    if (po_sys_setrlimit(resource, value) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "limiting %s", name);
    return po_rc_ok();
}

static PO_RC put_limits(struct po_ctx *cx, const struct po_sandbox_options *options)
{
    PO_TRY(cx, limit(cx, RLIMIT_CORE, 0, "core files"));
    PO_TRY(cx, limit(cx, RLIMIT_CPU, options->cpu_s, "processor time"));
    PO_TRY(cx, limit(cx, RLIMIT_FSIZE, options->file_bytes, "file sizes"));
    PO_TRY(cx, limit(cx, RLIMIT_NOFILE, options->files, "open files"));
    PO_TRY(cx, limit(cx, RLIMIT_MEMLOCK, options->locked_bytes, "locked memory"));
    PO_TRY(cx, limit(cx, RLIMIT_MSGQUEUE, 0, "message queues"));
    if (options->processes != 0)
        PO_TRY(cx, limit(cx, RLIMIT_NPROC, options->processes, "processes"));
    if (!HAS_SANITIZER) PO_TRY(cx, limit(cx, RLIMIT_DATA, options->data_bytes, "memory"));
    return po_rc_ok();
}

static PO_RC drop_privileges(struct po_ctx *cx)
{
    if (po_sys_prctl(PR_SET_NO_NEW_PRIVS, 1) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "forgoing new privileges");
    if (HAS_FENCE(PRIVILEGES) && po_sys_drop_capabilities() != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "dropping capabilities");
    return po_rc_ok();
}

static PO_RC close_descriptors(struct po_ctx *cx, int first)
{
    if (po_sys_close_from(first) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "closing descriptors");
    return po_rc_ok();
}

po_rc po_sandbox_enter(struct po_ctx *cx, const struct po_sandbox_options *options,
                       struct po_sandbox_support *ret_support)
{
    struct po_sandbox_support support = {0};
    po_sandbox_support(&support);
    /* The host is asked once: a fence it has cannot go missing on the way. */
    bool is_held_back =
        options->landlock_abi_max > 0 && support.landlock_abi > options->landlock_abi_max;
    if (is_held_back) support.landlock_abi = options->landlock_abi_max;
    describe(&support);
    if (options->rule_count > PO_SANDBOX_RULES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d paths for a sandbox", PO_SANDBOX_RULES_MAX);
    if (HAS_FENCE(DESCRIPTORS)) PO_TRY(cx, close_descriptors(cx, options->fd_first_closed));
    PO_FD_AUTO ruleset = -1;
    if (support.landlock_abi > 0 && HAS_FENCE(LANDLOCK))
        PO_TRY(cx, po_sandbox_landlock_build(cx, options, support.landlock_abi, &ruleset));
    PO_TRY(cx, drop_privileges(cx));
    if (HAS_FENCE(DUMPABLE) && po_sys_prctl(PR_SET_DUMPABLE, 0) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "forbidding dumps");
    if (ruleset >= 0 && po_sys_landlock_restrict(ruleset) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "putting the landlock ruleset in force");
    po_fd_closep(&ruleset);
    ruleset = -1;
    if (HAS_FENCE(LIMITS)) PO_TRY(cx, put_limits(cx, options));
    NOTE_INSIDE();
    if (support.has_seccomp && HAS_FENCE(SECCOMP)) PO_TRY(cx, po_sandbox_seccomp_load(cx, options));
    *ret_support = support;
    return po_rc_ok();
}
