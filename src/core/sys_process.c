/*
 * System calls that start children and feed them.
 */
#include "core/sys.h"

#include "core/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void actions_done(posix_spawn_file_actions_t *actions)
{
    (void)posix_spawn_file_actions_destroy(actions);
}

static void attributes_done(posix_spawnattr_t *attributes)
{
    (void)posix_spawnattr_destroy(attributes);
}

/* The three descriptors in place, all others closed; 0 or an errno. */
static int set_actions(posix_spawn_file_actions_t *actions, const struct po_sys_spawn *how)
{
    int why = 0;
    for (int i = 0; i < 3 && why == 0; i++)
        why = posix_spawn_file_actions_adddup2(actions, how->fds[i], i);
    bool has_channel = how->channel > 0;
    if (why == 0 && has_channel) why = posix_spawn_file_actions_adddup2(actions, how->channel, 3);
    if (why == 0) why = posix_spawn_file_actions_addclosefrom_np(actions, has_channel ? 4 : 3);
    if (why == 0 && how->directory != NULL)
        why = posix_spawn_file_actions_addchdir_np(actions, how->directory);
    return why;
}

static int set_attributes(posix_spawnattr_t *attributes, const struct po_sys_spawn *how)
{
    sigset_t none;
    sigset_t all;
    int group = how->stays_in_group ? 0 : POSIX_SPAWN_SETPGROUP;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int why = posix_spawnattr_setflags(
        attributes, (short)(group | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
    if (why == 0) why = posix_spawnattr_setpgroup(attributes, 0);
    if (why == 0) why = posix_spawnattr_setsigdefault(attributes, &all);
    if (why == 0) why = posix_spawnattr_setsigmask(attributes, &none);
    return why;
}

int po_sys_spawn(const struct po_sys_spawn *how, pid_t *ret_pid)
{
    if (po_fault_check(PO_FAULT_SYS, "spawn")) return -1;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int why = posix_spawn_file_actions_init(&actions);
    if (why != 0) {
        errno = why;
        return -1;
    }
    why = posix_spawnattr_init(&attributes);
    if (why == 0) {
        why = set_actions(&actions, how);
        if (why == 0) why = set_attributes(&attributes, how);
        /* posix_spawn takes char *const[] for historical reasons and changes nothing. */
        if (why == 0)
            why = posix_spawn(ret_pid, how->path, &actions, &attributes,
                              (char *const *)(uintptr_t)how->argv,
                              (char *const *)(uintptr_t)how->env);
        attributes_done(&attributes);
    }
    actions_done(&actions);
    errno = why;
    return why == 0 ? 0 : -1;
}

int po_sys_waitid_peek(pid_t pid, siginfo_t *ret_info)
{
    int ret = -1;
    ret_info->si_pid = 0;
    do {
        ret = po_fault_check(PO_FAULT_SYS, "waitid")
                  ? -1
                  : waitid(P_PID, (id_t)pid, ret_info, WEXITED | WNOHANG | WNOWAIT);
    } while (ret == -1 && errno == EINTR);
    return ret;
}

int po_sys_set_nonblocking(int fd)
{
    if (po_fault_check(PO_FAULT_SYS, "fcntl")) return -1;
    int flags = fcntl(fd, F_GETFL);
    return flags == -1 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

ssize_t po_sys_write_pipe(int fd, const void *buf, size_t len)
{
    sigset_t pipe_only;
    sigset_t before;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &pipe_only, &before) != 0) return -1;
    ssize_t ret = po_sys_write(fd, buf, len);
    int saved_errno = errno;
    if (ret == -1 && saved_errno == EPIPE) {
        /* Take the signal that came with it, unless the caller had blocked it before. */
        struct timespec now = {0, 0};
        if (sigismember(&before, SIGPIPE) != 1) (void)sigtimedwait(&pipe_only, NULL, &now);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved_errno;
    return ret;
}
