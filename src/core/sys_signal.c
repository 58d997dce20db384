/*
 * Signals as descriptors, and where this process stands.
 */
#include "core/sys.h"

#include "core/fault.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

int po_sys_signalfd(const sigset_t *set)
{
    if (po_fault_check(PO_FAULT_SYS, "signalfd")) return -1;
    int why = pthread_sigmask(SIG_BLOCK, set, NULL);
    if (why != 0) {
        errno = why;
        return -1;
    }
    return signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int po_sys_signal_next(int signal_fd)
{
    struct signalfd_siginfo info = {0};
    ssize_t n = -1;
    do {
        n = read(signal_fd, &info, sizeof info);
    } while (n == -1 && errno == EINTR);
    return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

pid_t po_sys_getppid(void) { return getppid(); }

int po_sys_chdir(const char *path)
{
    return po_fault_check(PO_FAULT_SYS, "chdir") ? -1 : chdir(path);
}

int po_sys_getcwd(char *buf, size_t len)
{
    return po_fault_check(PO_FAULT_SYS, "getcwd") || getcwd(buf, len) == NULL ? -1 : 0;
}
