/*
 * The landlock ruleset.
 *
 * Invariants
 *  1. every right of the ABI in use is handled, so what no rule grants is refused.
 *  2. a rule for files is where its path says, not where a link of that name leads.
 *  3. a rule grants no right to make links, sockets, pipes or device nodes.
 */
#include "core/sandbox_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

/* The kernel's numbers (linux/landlock.h of Debian 12 knows those up to REFER). */
enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_ABI_1 = (1 << 13) - 1,
    FS_REFER = 1 << 13,     /* ABI 2 */
    FS_TRUNCATE = 1 << 14,  /* ABI 3 */
    FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
    FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
    NET_TCP_BIND = 1 << 0, /* ABI 4 */
    NET_TCP_CONNECT = 1 << 1,
    SCOPE_ABSTRACT_SOCKET = 1 << 0, /* ABI 6 */
    SCOPE_SIGNAL = 1 << 1
};

static struct po_sys_landlock handled_of(int abi)
{
    struct po_sys_landlock handled = {.fs = FS_ABI_1};
    if (abi >= 2) handled.fs |= FS_REFER;
    if (abi >= 3) handled.fs |= FS_TRUNCATE;
    if (abi >= 4) handled.net = NET_TCP_BIND | NET_TCP_CONNECT;
    if (abi >= 5) handled.fs |= FS_IOCTL_DEV;
    if (abi >= 6) handled.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
    return handled;
}

static uint64_t rights_of(unsigned access)
{
    uint64_t rights = 0;
    if (access & PO_SANDBOX_READ) rights |= FS_READ_FILE | FS_READ_DIR;
    if (access & PO_SANDBOX_LIST) rights |= FS_READ_DIR;
    if (access & PO_SANDBOX_EXECUTE) rights |= FS_READ_FILE | FS_EXECUTE;
    if (access & PO_SANDBOX_DEVICE) rights |= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE;
    if (access & PO_SANDBOX_WRITE)
        rights |= FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
                  FS_REFER | FS_TRUNCATE;
    return rights;
}

/* Where an open descriptor lies is what its link in /proc says: no time for anybody to swap a name. */
static bool is_at(int fd, const char *path)
{
    char name[32];
    char place[PATH_MAX];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t len = po_sys_readlink(name, place, sizeof place);
    return len > 0 && po_str_eq(po_str_n(place, (size_t)len), po_str_of(path));
}

static PO_RC add_rule(struct po_ctx *cx, int ruleset, const struct po_sandbox_rule *rule,
                      uint64_t handled)
{
    struct stat st = {0};
    PO_FD_AUTO fd = po_sys_open(rule->path, O_PATH, 0);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return po_rc_ok();
    if (fd < 0 || po_sys_fstat(fd, &st) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "opening '%s' for the sandbox", rule->path);
    if ((rule->access & PO_SANDBOX_NO_LINKS) && !is_at(fd, rule->path)) return po_rc_ok();
    uint64_t rights = rights_of(rule->access) & handled;
    if (!S_ISDIR(st.st_mode)) rights &= FS_OF_FILES;
    if (rights != 0 && po_sys_landlock_add(ruleset, fd, rights) != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, errno, "allowing '%s' in the sandbox", rule->path);
    return po_rc_ok();
}

po_rc po_sandbox_landlock_build(struct po_ctx *cx, const struct po_sandbox_options *options,
                                int abi, int *ret_fd)
{
    struct po_sys_landlock handled = handled_of(abi);
    PO_FD_AUTO ruleset = po_sys_landlock_create(&handled);
    if (ruleset < 0) return PO_FAIL_SYS(cx, PO_DENIED, errno, "making a landlock ruleset");
    for (size_t i = 0; i < options->rule_count; i++)
        PO_TRY(cx, add_rule(cx, ruleset, &options->rules[i], handled.fs));
    *ret_fd = PO_TAKE_FD(ruleset);
    return po_rc_ok();
}
