/*
 * The wide fence: for a role that starts programs, which then fence themselves in further.
 *
 * Here the filter names what is refused, since what children need cannot be listed: looking into other
 * processes, changing the machine, the network. What may be written is landlock's part, as ever.
 */
#include "core/sandbox_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define REFUSED(name)                                                                              \
    {                                                                                              \
        .number = SCMP_SYS(name)                                                                   \
    }
#define REFUSED_DOMAIN(domain)                                                                     \
    {                                                                                              \
        .number = SCMP_SYS(socket), .condition_count = 1, .condition = {                           \
            .arg = 0,                                                                              \
            .op = SCMP_CMP_EQ,                                                                     \
            .datum_a = (domain)                                                                    \
        }                                                                                          \
    }

static const struct {
    int number;
    unsigned condition_count;
    struct scmp_arg_cmp condition;
} refused[] = {
    /* other processes */
    REFUSED(ptrace),
    REFUSED(process_vm_readv),
    REFUSED(process_vm_writev),
    REFUSED(kcmp),
    REFUSED(pidfd_getfd),
    /* the machine */
    REFUSED(acct),
    REFUSED(add_key),
    REFUSED(bpf),
    REFUSED(chroot),
    REFUSED(clock_settime),
    REFUSED(delete_module),
    REFUSED(finit_module),
    REFUSED(init_module),
    REFUSED(ioperm),
    REFUSED(iopl),
    REFUSED(kexec_file_load),
    REFUSED(kexec_load),
    REFUSED(keyctl),
    REFUSED(mount),
    REFUSED(move_mount),
    REFUSED(open_by_handle_at),
    REFUSED(open_tree),
    REFUSED(perf_event_open),
    REFUSED(pivot_root),
    REFUSED(quotactl),
    REFUSED(reboot),
    REFUSED(request_key),
    REFUSED(setdomainname),
    REFUSED(sethostname),
    REFUSED(setns),
    REFUSED(settimeofday),
    REFUSED(swapoff),
    REFUSED(swapon),
    REFUSED(syslog),
    REFUSED(umount2),
    REFUSED(unshare),
    REFUSED(userfaultfd),
    /* the network */
    REFUSED_DOMAIN(AF_INET),
    REFUSED_DOMAIN(AF_INET6),
    REFUSED_DOMAIN(AF_PACKET),
    REFUSED_DOMAIN(AF_VSOCK),
};

static void filter_done(scmp_filter_ctx *filter)
{
    if (*filter != NULL) seccomp_release(*filter);
}

static PO_RC load_filter(struct po_ctx *cx)
{
    PO_CLEANUP(filter_done) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the system call filter");
    int why = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < sizeof refused / sizeof *refused && why == 0; i++)
        why = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), refused[i].number,
                                     refused[i].condition_count, &refused[i].condition);
    if (why == 0) why = seccomp_load(filter);
    if (why != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, -why, "putting the system call filter in force");
    return po_rc_ok();
}

po_rc po_sandbox_enter_broad(struct po_ctx *cx, const struct po_sandbox_rule *rules, size_t count,
                             struct po_sandbox_support *ret_support)
{
    const struct po_sandbox_options options = {.rules = rules, .rule_count = count};
    struct po_sandbox_support support = {0};
    PO_FD_AUTO ruleset = -1;
    po_sandbox_support(&support);
    if (count > PO_SANDBOX_AROUND_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d paths for a sandbox", PO_SANDBOX_AROUND_MAX);
    if (support.landlock_abi > 0)
        PO_TRY(cx, po_sandbox_landlock_build(cx, &options, support.landlock_abi, &ruleset));
    if (po_sys_prctl(PR_SET_NO_NEW_PRIVS, 1) != 0 || po_sys_prctl(PR_SET_DUMPABLE, 0) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "forgoing new privileges");
    if (ruleset >= 0 && po_sys_landlock_restrict(ruleset) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "putting the landlock ruleset in force");
    if (support.has_seccomp) PO_TRY(cx, load_filter(cx));
    *ret_support = support;
    return po_rc_ok();
}
