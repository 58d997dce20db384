/* System calls: every wrapper works, fails when told to, and hides EINTR. */
#include "core/fault.h"
#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

TEST(sys__descriptors_are_closed_on_exec)
{
    int fds[2] = {-1, -1};
    int fd = po_sys_open(test_tmp("f"), O_RDWR | O_CREAT, 0600);
    check_eq_int(po_sys_pipe(fds, true), 0);
    int all[] = {fd, fds[0], fds[1]};
    for (size_t i = 0; i < 3; i++) {
        check_that((fcntl(all[i], F_GETFD) & FD_CLOEXEC) != 0);
        check_eq_int(po_sys_close(all[i]), 0);
    }
}

TEST(sys__openat_is_relative_to_its_directory)
{
    int dir = po_sys_open(test_tmpdir(), O_RDONLY | O_DIRECTORY, 0);
    int fd = po_sys_openat(dir, "inside", O_WRONLY | O_CREAT | O_EXCL, 0600);
    check_that(fd >= 0);
    struct stat st = {0};
    check_eq_int(po_sys_stat(test_tmp("inside"), &st), 0);
    check_eq_int(po_sys_close(fd), 0);
    check_eq_int(po_sys_close(dir), 0);
}

TEST(sys__fallocate_grows_and_keeps_bytes)
{
    int fd = po_sys_open(test_tmp("f"), O_RDWR | O_CREAT, 0600);
    check_eq_int(po_sys_pwrite(fd, "abc", 3, 0), 3);
    check_eq_int(po_sys_fallocate(fd, 0, 10000), 0);
    struct stat st = {0};
    check_eq_int(po_sys_fstat(fd, &st), 0);
    check_eq_int(st.st_size, 10000);
    char got[4] = {1, 1, 1, 1};
    check_eq_int(po_sys_pread(fd, got, 4, 0), 4);
    check_eq_mem(got, "abc\0", 4);
    check_eq_int(po_sys_ftruncate(fd, 2), 0);
    check_eq_int(po_sys_fstat(fd, &st), 0);
    check_eq_int(st.st_size, 2);
    check_eq_int(po_sys_close(fd), 0);
}

TEST(sys__rename_new_refuses_an_existing_name)
{
    test_write_file(test_tmp("a"), "a", 1);
    test_write_file(test_tmp("b"), "b", 1);
    check_eq_int(po_sys_rename_new(test_tmp("a"), test_tmp("b")), -1);
    check_eq_int(errno, EEXIST);
    check_eq_int(po_sys_rename_new(test_tmp("a"), test_tmp("c")), 0);
    check_eq_int(po_sys_rename(test_tmp("c"), test_tmp("b")), 0);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("b"), &len);
    check_eq_mem(bytes, "a", 1);
    free(bytes);
}

TEST(sys__statx_knows_the_name_itself)
{
    check_eq_int(po_sys_symlink("nowhere", test_tmp("link")), 0);
    struct statx st = {0};
    check_eq_int(po_sys_statx(test_tmp("link"), &st), 0);
    check_that(S_ISLNK(st.stx_mode));
    char target[16];
    check_eq_int(po_sys_readlink(test_tmp("link"), target, sizeof target), 7);
    check_eq_mem(target, "nowhere", 7);
}

TEST(sys__readdir_ends_with_errno_0)
{
    DIR *dir = po_sys_opendir(test_tmpdir());
    unsigned count = 0;
    errno = EIO;
    while (po_sys_readdir(dir) != NULL)
        count++;
    check_eq_int(errno, 0);
    check_eq_int(count, 2);
    check_eq_int(po_sys_closedir(dir), 0);
}

TEST(sys__poll_times_out)
{
    int fds[2] = {-1, -1};
    check_eq_int(po_sys_pipe(fds, false), 0);
    struct pollfd poll_fd = {.fd = fds[0], .events = POLLIN};
    check_eq_int(po_sys_poll(&poll_fd, 1, 1), 0);
    check_eq_int(po_sys_write(fds[1], "x", 1), 1);
    check_eq_int(po_sys_poll(&poll_fd, 1, 1000), 1);
    check_eq_int(po_sys_close(fds[0]), 0);
    check_eq_int(po_sys_close(fds[1]), 0);
}

static void ignore_alarm(int signal_number) { (void)signal_number; }

TEST(sys__an_interrupted_poll_has_nothing_ready)
{
    struct sigaction action = {.sa_handler = ignore_alarm};
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    int fds[2] = {-1, -1};
    check_eq_int(po_sys_pipe(fds, false), 0);
    check_eq_int(sigaction(SIGALRM, &action, NULL), 0);
    check_eq_int(setitimer(ITIMER_REAL, &soon, NULL), 0);
    struct pollfd poll_fd = {.fd = fds[0], .events = POLLIN, .revents = POLLIN};
    check_eq_int(po_sys_poll(&poll_fd, 1, 5000), 0);
    check_eq_int(poll_fd.revents, 0);
    check_that(!po_sys_isatty(fds[0]));
    check_eq_int(po_sys_close(fds[0]), 0);
    check_eq_int(po_sys_close(fds[1]), 0);
}

TEST(sys__writing_to_a_closed_pipe_is_an_error_not_a_signal)
{
    int fds[2] = {-1, -1};
    check_eq_int(po_sys_pipe(fds, false), 0);
    check_eq_int(po_sys_close(fds[0]), 0);
    for (int i = 0; i < 2; i++) {
        check_eq_int(po_sys_write_pipe(fds[1], "x", 1), -1);
        check_eq_int(errno, EPIPE);
    }
    check_eq_int(po_sys_close(fds[1]), 0);
}

#ifdef PO_FAULTS

/* A directory and a file to try calls on. */
struct scene {
    int fd;
    DIR *dir;
    const char *file;
    const char *other;
};

struct call_row {
    const char *name;
    int64_t (*call)(struct scene *);
};

static int64_t call_open(struct scene *s)
{
    int fd = po_sys_open(s->file, O_RDONLY, 0);
    if (fd >= 0) (void)close(fd);
    return fd;
}
static int64_t call_read(struct scene *s)
{
    char c = 0;
    return po_sys_read(s->fd, &c, 1);
}
static int64_t call_write(struct scene *s) { return po_sys_write(s->fd, "x", 1); }
static int64_t call_pread(struct scene *s)
{
    char c = 0;
    return po_sys_pread(s->fd, &c, 1, 0);
}
static int64_t call_pwrite(struct scene *s) { return po_sys_pwrite(s->fd, "x", 1, 0); }
static int64_t call_fdatasync(struct scene *s) { return po_sys_fdatasync(s->fd); }
static int64_t call_fsync(struct scene *s) { return po_sys_fsync(s->fd); }
static int64_t call_syncfs(struct scene *s) { return po_sys_syncfs(s->fd); }
static int64_t call_ftruncate(struct scene *s) { return po_sys_ftruncate(s->fd, 3); }
static int64_t call_fallocate(struct scene *s) { return po_sys_fallocate(s->fd, 0, 3); }
static int64_t call_rename(struct scene *s) { return po_sys_rename(s->file, s->file); }
static int64_t call_rename_new(struct scene *s) { return po_sys_rename_new(s->file, s->other); }
static int64_t call_link(struct scene *s) { return po_sys_link(s->file, s->other); }
static int64_t call_symlink(struct scene *s) { return po_sys_symlink("x", s->other); }
static int64_t call_unlink(struct scene *s) { return po_sys_unlink(s->file); }
static int64_t call_mkdir(struct scene *s) { return po_sys_mkdir(s->other, 0700); }
static int64_t call_rmdir(struct scene *s)
{
    (void)mkdir(s->other, 0700);
    return po_sys_rmdir(s->other);
}
static int64_t call_chmod(struct scene *s) { return po_sys_chmod(s->file, 0600); }
static int64_t call_fchmod(struct scene *s) { return po_sys_fchmod(s->fd, 0600); }
static int64_t call_stat(struct scene *s)
{
    struct stat st = {0};
    return po_sys_stat(s->file, &st);
}
static int64_t call_lstat(struct scene *s)
{
    struct stat st = {0};
    return po_sys_lstat(s->file, &st);
}
static int64_t call_fstat(struct scene *s)
{
    struct stat st = {0};
    return po_sys_fstat(s->fd, &st);
}
static int64_t call_statx(struct scene *s)
{
    struct statx st = {0};
    return po_sys_statx(s->file, &st);
}
static int64_t call_statvfs(struct scene *s)
{
    struct statvfs st = {0};
    return po_sys_statvfs(s->file, &st);
}
static int64_t call_readlink(struct scene *s)
{
    char bytes[8];
    (void)symlink("x", s->other);
    return po_sys_readlink(s->other, bytes, sizeof bytes);
}
static int64_t call_flock(struct scene *s) { return po_sys_flock(s->fd, LOCK_EX | LOCK_NB); }
static int64_t call_pipe(struct scene *s)
{
    (void)s;
    int fds[2] = {-1, -1};
    int ret = po_sys_pipe(fds, false);
    if (ret == 0) (void)close(fds[0]);
    if (ret == 0) (void)close(fds[1]);
    return ret;
}
static int64_t call_kill(struct scene *s)
{
    (void)s;
    return po_sys_kill(getpid(), 0);
}
static int64_t call_uname(struct scene *s)
{
    (void)s;
    struct utsname name;
    return po_sys_uname(&name);
}
static int64_t call_pidfd(struct scene *s)
{
    (void)s;
    int fd = po_sys_pidfd_open(getpid());
    if (fd >= 0) (void)close(fd);
    return fd;
}
static int64_t call_nonblocking(struct scene *s) { return po_sys_set_nonblocking(s->fd); }
static int64_t call_realpath(struct scene *s)
{
    char bytes[PATH_MAX];
    return po_sys_realpath(s->file, bytes) != NULL ? 0 : -1;
}
static int64_t call_opendir(struct scene *s)
{
    (void)s;
    DIR *dir = po_sys_opendir("/");
    if (dir != NULL) (void)closedir(dir);
    return dir != NULL ? 0 : -1;
}
static int64_t call_readdir(struct scene *s) { return po_sys_readdir(s->dir) != NULL ? 0 : -1; }

static const struct call_row calls[] = {
    {"open", call_open},
    {"read", call_read},
    {"write", call_write},
    {"pread", call_pread},
    {"pwrite", call_pwrite},
    {"fdatasync", call_fdatasync},
    {"fsync", call_fsync},
    {"syncfs", call_syncfs},
    {"ftruncate", call_ftruncate},
    {"fallocate", call_fallocate},
    {"rename", call_rename},
    {"rename_new", call_rename_new},
    {"link", call_link},
    {"symlink", call_symlink},
    {"unlink", call_unlink},
    {"mkdir", call_mkdir},
    {"rmdir", call_rmdir},
    {"chmod", call_chmod},
    {"fchmod", call_fchmod},
    {"stat", call_stat},
    {"lstat", call_lstat},
    {"fstat", call_fstat},
    {"statx", call_statx},
    {"statvfs", call_statvfs},
    {"readlink", call_readlink},
    {"flock", call_flock},
    {"pipe", call_pipe},
    {"kill", call_kill},
    {"uname", call_uname},
    {"pidfd", call_pidfd},
    {"nonblocking", call_nonblocking},
    {"realpath", call_realpath},
    {"opendir", call_opendir},
    {"readdir", call_readdir},
};

static void set_scene(struct scene *s)
{
    s->file = test_tmp("file");
    s->other = test_tmp("other");
    (void)unlink(s->other);
    (void)rmdir(s->other);
    test_write_file(s->file, "abc", 3);
    s->fd = open(s->file, O_RDWR | O_CLOEXEC);
    s->dir = opendir(test_tmpdir());
    check_that(s->fd >= 0 && s->dir != NULL);
}

static void clear_scene(struct scene *s)
{
    check_eq_int(close(s->fd), 0);
    check_eq_int(closedir(s->dir), 0);
}

TEST(sys__every_call_fails_when_told_and_only_then)
{
    TEST_EACH(row, calls)
    {
        struct scene s;
        set_scene(&s);
        po_fault_fail(1, EDQUOT);
        errno = 0;
        check_eq_int(row->call(&s), -1);
        check_eq_int(errno, EDQUOT);
        check_that(po_fault_fired());
        po_fault_off();
        check_that(row->call(&s) >= 0);
        clear_scene(&s);
    }
    test_row(NULL);
}

TEST(sys__interrupted_calls_are_tried_again)
{
    TEST_EACH(row, calls)
    {
        /* These three never answer EINTR. */
        if (strcmp(row->name, "realpath") == 0 || strcmp(row->name, "opendir") == 0 ||
            strcmp(row->name, "readdir") == 0 || strcmp(row->name, "nonblocking") == 0)
            continue;
        struct scene s;
        set_scene(&s);
        po_fault_fail(1, EINTR);
        check_that(row->call(&s) >= 0);
        check_that(po_fault_fired());
        po_fault_off();
        clear_scene(&s);
    }
    test_row(NULL);
}

TEST(sys__a_failing_close_closes_all_the_same)
{
    int codes[] = {EIO, EINTR};
    for (size_t i = 0; i < 2; i++) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        po_fault_fail(1, codes[i]);
        check_eq_int(po_sys_close(fd), -1);
        check_eq_int(errno, EIO);
        po_fault_off();
        check_eq_int(fcntl(fd, F_GETFD), -1);
        check_eq_int(errno, EBADF);
    }
    DIR *dir = opendir("/");
    po_fault_fail(1, EIO);
    check_eq_int(po_sys_closedir(dir), -1);
    po_fault_off();
}

#endif
