/* Attempts on the network, other processes and the kernel, made by native code in the child. */
#include "unit/program/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- sockets ------------------------------------------------------------------------------------ */

#define SOCKET_ROW(id, family, type, protocol)                                                     \
    static bool id(const struct escape_place *p)                                                   \
    {                                                                                              \
        (void)p;                                                                                   \
        return socket((family), (type), (protocol)) >= 0;                                          \
    }
SOCKET_ROW(socket_inet, AF_INET, SOCK_STREAM, 0)
SOCKET_ROW(socket_inet6, AF_INET6, SOCK_DGRAM, 0)
SOCKET_ROW(socket_unix, AF_UNIX, SOCK_STREAM, 0)
SOCKET_ROW(socket_netlink, AF_NETLINK, SOCK_RAW, 0)
SOCKET_ROW(socket_raw, AF_INET, SOCK_RAW, IPPROTO_ICMP)
SOCKET_ROW(socket_packet, AF_PACKET, SOCK_RAW, 0)
SOCKET_ROW(socket_vsock, AF_VSOCK, SOCK_STREAM, 0)
SOCKET_ROW(socket_alg, AF_ALG, SOCK_SEQPACKET, 0)

static bool socket_pair(const struct escape_place *p)
{
    int fds[2];
    (void)p;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}
static void open_socket(const struct escape_place *p)
{
    (void)p;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    dup2(fd, 20);
}
static bool inherited_socket(const struct escape_place *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    (void)p;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sendto(20, "x", 1, 0, (const struct sockaddr *)&to, sizeof to) == 1;
}

/* ---- other processes ---------------------------------------------------------------------------- */

static bool trace(const struct escape_place *p)
{
    return ptrace(PTRACE_SEIZE, p->victim, NULL, NULL) == 0;
}
static bool read_memory_of(const struct escape_place *p)
{
    char got[sizeof escape_secret];
    struct iovec mine = {got, sizeof got};
    struct iovec theirs = {escape_secret, sizeof got};
    return process_vm_readv(p->victim, &mine, 1, &theirs, 1, 0) == (ssize_t)sizeof got;
}
static bool write_memory_of(const struct escape_place *p)
{
    char put[sizeof escape_secret] = ESCAPE_SECRET;
    struct iovec mine = {put, sizeof put};
    struct iovec theirs = {escape_secret, sizeof put};
    return process_vm_writev(p->victim, &mine, 1, &theirs, 1, 0) == (ssize_t)sizeof put;
}
static bool signal_parent(const struct escape_place *p) { return kill(p->victim, SIGURG) == 0; }
static bool signal_thread(const struct escape_place *p)
{
    return syscall(SYS_tgkill, p->victim, p->victim, SIGURG) == 0;
}
static bool signal_queued(const struct escape_place *p)
{
    siginfo_t info = {.si_signo = SIGURG, .si_code = SI_QUEUE};
    return syscall(SYS_rt_sigqueueinfo, p->victim, SIGURG, &info) == 0;
}
static bool signal_by_descriptor(const struct escape_place *p)
{
    int fd = (int)syscall(SYS_pidfd_open, p->victim, 0);
    return syscall(SYS_pidfd_send_signal, fd, SIGURG, NULL, 0) == 0;
}
static bool take_descriptor(const struct escape_place *p)
{
    int fd = (int)syscall(SYS_pidfd_open, p->victim, 0);
    return syscall(SYS_pidfd_getfd, fd, 1, 0) >= 0;
}
static bool limit_parent(const struct escape_place *p)
{
    struct rlimit limit = {0};
    if (prlimit(p->victim, RLIMIT_NICE, NULL, &limit) != 0) return false;
    return prlimit(p->victim, RLIMIT_NICE, &limit, NULL) == 0;
}
static bool slow_parent(const struct escape_place *p)
{
    return setpriority(PRIO_PROCESS, (id_t)p->victim, 1) == 0;
}
static bool fork_away(const struct escape_place *p)
{
    (void)p;
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    return pid > 0;
}
static bool leave_group(const struct escape_place *p)
{
    (void)p;
    pid_t pid = vfork();
    if (pid == 0) _exit(setsid() >= 0 ? 0 : 1);
    int status = -1;
    return syscall(SYS_wait4, pid, &status, 0, NULL) == pid && status == 0;
}
static bool forget_parent(const struct escape_place *p)
{
    (void)p;
    return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0;
}
static bool become_dumpable(const struct escape_place *p)
{
    (void)p;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

/* ---- the kernel --------------------------------------------------------------------------------- */

static bool new_user_namespace(const struct escape_place *p)
{
    (void)p;
    return unshare(CLONE_NEWUSER) == 0;
}
static bool clone_user_namespace(const struct escape_place *p)
{
    (void)p;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) _exit(0);
    return pid > 0;
}
static bool clone3_user_namespace(const struct escape_place *p)
{
    uint64_t args[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
    (void)p;
    long pid = syscall(SYS_clone3, args, sizeof args);
    if (pid == 0) _exit(0);
    return pid > 0;
}
static void keep_namespace(const struct escape_place *p)
{
    (void)p;
    int fd = open("/proc/self/ns/uts", O_RDONLY);
    dup2(fd, 3);
}
static bool enter_namespace(const struct escape_place *p)
{
    (void)p;
    return setns(3, CLONE_NEWUTS) == 0;
}
static void own_mounts(const struct escape_place *p)
{
    (void)p;
    if (unshare(CLONE_NEWNS) != 0) return;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) _exit(97); /* not to be had */
}
static bool mount_over(const struct escape_place *p)
{
    return mount("none", p->in, "tmpfs", 0, NULL) == 0;
}
static bool open_tree_of(const struct escape_place *p)
{
    return syscall(428 /* open_tree */, AT_FDCWD, p->in, 1u /* clone */) >= 0;
}
static bool change_root(const struct escape_place *p) { return chroot(p->in) == 0; }
static bool load_bpf(const struct escape_place *p)
{
    struct bpf_insn code[] = {{.code = 0xb7 /* r0 = 0 */}, {.code = 0x95 /* exit */}};
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                           .insn_cnt = 2,
                           .insns = (uintptr_t)code,
                           .license = (uintptr_t) "GPL"};
    (void)p;
    return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr) >= 0;
}
static bool open_perf(const struct escape_place *p)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_CPU_CLOCK};
    (void)p;
    return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) >= 0;
}
static bool add_key_of(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_add_key, "user", "po", "x", 1, KEY_SPEC_PROCESS_KEYRING) >= 0;
}
static bool ask_keyring(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) >= 0;
}
static bool make_ring(const struct escape_place *p)
{
    struct io_uring_params params = {0};
    (void)p;
    return syscall(SYS_io_uring_setup, 1, &params) >= 0;
}
static bool fault_descriptor(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_userfaultfd, 0) >= 0;
}
static bool change_personality(const struct escape_place *p)
{
    (void)p;
    return personality(ADDR_NO_RANDOMIZE) != -1;
}
/* The right is asked before the arguments are looked at: another errno means it was had. */
static bool kernel_log(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_syslog, 8 /* console level */, NULL, 99) == 0 || errno != EPERM;
}
static bool restart(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_reboot, 1, 2, 3, NULL) == 0 || errno != EPERM;
}
static bool name_host(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_sethostname, "x", -1) == 0 || errno != EPERM;
}
static bool swap_on(const struct escape_place *p)
{
    (void)p;
    return syscall(SYS_swapon, NULL, 0) == 0 || errno != EPERM;
}
static void keep_terminal(const struct escape_place *p)
{
    (void)p;
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (grantpt(master) != 0 || unlockpt(master) != 0) return;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    dup2(slave, 3);
}
static bool type_into_terminal(const struct escape_place *p)
{
    char byte = 'x';
    (void)p;
    return ioctl(3, TIOCSTI, &byte) == 0;
}
static bool much_memory(const struct escape_place *p)
{
    (void)p;
    return mmap(NULL, (size_t)2 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}
static bool many_descriptors(const struct escape_place *p)
{
    (void)p;
    for (int i = 0; i < 300; i++)
        if (open("/", O_PATH) < 0) return false;
    return true;
}
static bool raise_limit(const struct escape_place *p)
{
    struct rlimit more = {4096, 4096};
    (void)p;
    return setrlimit(RLIMIT_NOFILE, &more) == 0;
}
static bool old_call_table(const struct escape_place *p)
{
#ifdef __x86_64__
    long ret = -1;
    (void)p;
    /* socket(AF_INET, SOCK_STREAM, 0) of the 32-bit table */
    __asm__ volatile("int $0x80" : "=a"(ret) : "a"(359), "b"(2), "c"(1), "d"(0) : "memory");
    return ret >= 0;
#else
    (void)p;
    return false;
#endif
}

#define NATIVE(group_name, row_name, given_, prepare_, attempt_)                                   \
    {                                                                                              \
        .group = (group_name), .name = (row_name), .given = (given_), .prepare = (prepare_),       \
        .attempt = (attempt_), .fences = FENCES_OF_NATIVE                                          \
    }
/* kernels differ in what they leave to processes without privileges */
#define VARIES(group_name, row_name, given_, prepare_, attempt_)                                   \
    {                                                                                              \
        .group = (group_name), .name = (row_name), .given = (given_), .prepare = (prepare_),       \
        .attempt = (attempt_), .fences = FENCES_OF_NATIVE, .varies = true                          \
    }

static const struct escape_row rows[] = {
    NATIVE("socket", "AF_INET", GIVEN_EXEC, NULL, socket_inet),
    NATIVE("socket", "AF_INET6", GIVEN_EXEC, NULL, socket_inet6),
    NATIVE("socket", "AF_UNIX", GIVEN_EXEC, NULL, socket_unix),
    NATIVE("socket", "AF_NETLINK", GIVEN_EXEC, NULL, socket_netlink),
    NATIVE("socket", "AF_INET, raw", GIVEN_EXEC, NULL, socket_raw),
    NATIVE("socket", "AF_PACKET", GIVEN_EXEC, NULL, socket_packet),
    NATIVE("socket", "AF_VSOCK", GIVEN_EXEC, NULL, socket_vsock),
    NATIVE("socket", "AF_ALG", GIVEN_EXEC, NULL, socket_alg),
    NATIVE("socket", "socketpair", GIVEN_EXEC, NULL, socket_pair),
    NATIVE("socket", "a socket the parent left open", GIVEN_EXEC, open_socket, inherited_socket),
    NATIVE("socket", "AF_INET by the 32-bit call table", GIVEN_EXEC, NULL, old_call_table),
    NATIVE("process", "ptrace of the parent", GIVEN_EXEC, NULL, trace),
    NATIVE("process", "process_vm_readv of the parent", GIVEN_EXEC, NULL, read_memory_of),
    NATIVE("process", "process_vm_writev of the parent", GIVEN_EXEC, NULL, write_memory_of),
    NATIVE("process", "kill of the parent", GIVEN_EXEC, NULL, signal_parent),
    NATIVE("process", "tgkill of the parent", GIVEN_EXEC, NULL, signal_thread),
    NATIVE("process", "rt_sigqueueinfo to the parent", GIVEN_EXEC, NULL, signal_queued),
    NATIVE("process", "pidfd_send_signal to the parent", GIVEN_EXEC, NULL, signal_by_descriptor),
    NATIVE("process", "pidfd_getfd of the parent", GIVEN_EXEC, NULL, take_descriptor),
    NATIVE("process", "prlimit of the parent", GIVEN_EXEC, NULL, limit_parent),
    NATIVE("process", "setpriority of the parent", GIVEN_EXEC, NULL, slow_parent),
    NATIVE("process", "fork, no program granted", GIVEN_READ, NULL, fork_away),
    NATIVE("process", "setsid, to outlive the run", GIVEN_EXEC, NULL, leave_group),
    NATIVE("process", "prctl(PR_SET_PDEATHSIG, 0)", GIVEN_EXEC, NULL, forget_parent),
    NATIVE("process", "prctl(PR_SET_DUMPABLE, 1)", GIVEN_EXEC, NULL, become_dumpable),
    VARIES("kernel", "unshare(CLONE_NEWUSER)", GIVEN_EXEC, NULL, new_user_namespace),
    VARIES("kernel", "clone(CLONE_NEWUSER)", GIVEN_EXEC, NULL, clone_user_namespace),
    VARIES("kernel", "clone3(CLONE_NEWUSER)", GIVEN_EXEC, NULL, clone3_user_namespace),
    NATIVE("kernel", "setns", GIVEN_EXEC, keep_namespace, enter_namespace),
    NATIVE("kernel", "mount", GIVEN_EXEC, own_mounts, mount_over),
    NATIVE("kernel", "open_tree", GIVEN_EXEC, own_mounts, open_tree_of),
    NATIVE("kernel", "chroot", GIVEN_EXEC, NULL, change_root),
    VARIES("kernel", "bpf", GIVEN_EXEC, NULL, load_bpf),
    VARIES("kernel", "perf_event_open", GIVEN_EXEC, NULL, open_perf),
    NATIVE("kernel", "add_key", GIVEN_EXEC, NULL, add_key_of),
    NATIVE("kernel", "keyctl", GIVEN_EXEC, NULL, ask_keyring),
    VARIES("kernel", "io_uring_setup", GIVEN_EXEC, NULL, make_ring),
    VARIES("kernel", "userfaultfd", GIVEN_EXEC, NULL, fault_descriptor),
    NATIVE("kernel", "personality", GIVEN_EXEC, NULL, change_personality),
    NATIVE("kernel", "syslog", GIVEN_EXEC, NULL, kernel_log),
    NATIVE("kernel", "reboot", GIVEN_EXEC, NULL, restart),
    NATIVE("kernel", "sethostname", GIVEN_EXEC, NULL, name_host),
    NATIVE("kernel", "swapon", GIVEN_EXEC, NULL, swap_on),
    VARIES("kernel", "ioctl(TIOCSTI)", GIVEN_EXEC, keep_terminal, type_into_terminal),
    {.group = "limit",
     .name = "2 GiB of memory",
     .given = GIVEN_EXEC,
     .attempt = much_memory,
     .fences = FENCES_OF_NATIVE,
     .is_limit = true},
    NATIVE("limit", "300 open files", GIVEN_EXEC, NULL, many_descriptors),
    NATIVE("limit", "raise a limit", GIVEN_EXEC, NULL, raise_limit),
};

struct escape_rows escape_call_rows(void)
{
    return (struct escape_rows){rows, sizeof rows / sizeof *rows};
}
