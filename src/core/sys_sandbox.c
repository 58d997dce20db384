/*
 * System calls that restrict the calling process.
 */
#include "core/sys.h"

#include "core/fault.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's numbers; linux/landlock.h of an older kernel lacks what newer ones have. */
#define LANDLOCK_VERSION 1u
#define LANDLOCK_RULE_PATH 1

struct landlock_path {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

int po_sys_landlock_abi(void)
{
    if (po_fault_check(PO_FAULT_SYS, "landlock_create_ruleset")) return -1;
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
}

int po_sys_landlock_create(const struct po_sys_landlock *handled)
{
    if (po_fault_check(PO_FAULT_SYS, "landlock_create_ruleset")) return -1;
    /* A kernel refuses a struct longer than its own unless the rest is zero: no need to cut it. */
    return (int)syscall(SYS_landlock_create_ruleset, handled, sizeof *handled, 0);
}

int po_sys_landlock_add(int ruleset_fd, int path_fd, uint64_t rights)
{
    struct landlock_path path = {.allowed = rights, .parent_fd = path_fd};
    if (po_fault_check(PO_FAULT_SYS, "landlock_add_rule")) return -1;
    return (int)syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH, &path, 0);
}

int po_sys_landlock_restrict(int ruleset_fd)
{
    if (po_fault_check(PO_FAULT_SYS, "landlock_restrict_self")) return -1;
    return (int)syscall(SYS_landlock_restrict_self, ruleset_fd, 0);
}

bool po_sys_has_seccomp(void)
{
    uint32_t action = SECCOMP_RET_ERRNO;
    if (po_fault_check(PO_FAULT_SYS, "seccomp")) return false;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int po_sys_setrlimit(int resource, uint64_t value)
{
    struct rlimit now = {0};
    struct rlimit wanted = {value, value};
    if (po_fault_check(PO_FAULT_SYS, "setrlimit")) return -1;
    if (getrlimit((__rlimit_resource_t)resource, &now) != 0) return -1;
    if (now.rlim_max < wanted.rlim_max) wanted = (struct rlimit){now.rlim_max, now.rlim_max};
    return setrlimit((__rlimit_resource_t)resource, &wanted);
}

int po_sys_prctl(int option, unsigned long value)
{
    if (po_fault_check(PO_FAULT_SYS, "prctl")) return -1;
    return prctl(option, value, 0, 0, 0);
}

int po_sys_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (po_fault_check(PO_FAULT_SYS, "capset")) return -1;
    /* Who may not shrink the bounding set has none to gain: no_new_privs stands before this. */
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return (int)syscall(SYS_capset, &header, none);
}

int po_sys_close_from(int first)
{
    if (po_fault_check(PO_FAULT_SYS, "close_range")) return -1;
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0) return 0;
    if (errno != ENOSYS) return -1;
    closefrom(first);
    return 0;
}
