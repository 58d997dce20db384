/* Attempts on files, made by native code in the child. */
#include "unit/program/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- reading ------------------------------------------------------------------------------------ */

static bool read_outside(const struct escape_place *p)
{
    return escape_reads_secret(escape_out(p, "secret"));
}
static bool read_dots(const struct escape_place *p)
{
    return escape_reads_secret(escape_in(p, "../out/secret"));
}
static bool read_link(const struct escape_place *p)
{
    return escape_reads_secret(escape_in(p, "link/secret"));
}
static bool read_proc_root(const struct escape_place *p)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/root%s", escape_out(p, "secret"));
    return escape_reads_secret(path);
}
static bool list_outside(const struct escape_place *p)
{
    return open(p->out, O_RDONLY | O_DIRECTORY) >= 0;
}
static bool read_openat2(const struct escape_place *p)
{
    struct open_how how = {.flags = O_RDONLY};
    long fd = syscall(SYS_openat2, AT_FDCWD, escape_out(p, "secret"), &how, sizeof how);
    return escape_fd_reads_secret((int)fd);
}
static void open_secret(const struct escape_place *p)
{
    int fd = open(escape_out(p, "secret"), O_RDWR);
    dup2(fd, 20);
}
static bool read_inherited(const struct escape_place *p)
{
    (void)p;
    return escape_fd_reads_secret(20);
}
static bool reopen_inherited(const struct escape_place *p)
{
    (void)p;
    return escape_reads_secret("/proc/self/fd/20");
}
static bool truncate_inherited(const struct escape_place *p)
{
    (void)p;
    return ftruncate(20, 0) == 0;
}

static struct {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
} handle;
static void make_handle(const struct escape_place *p)
{
    int mount_id = 0;
    handle.head.handle_bytes = MAX_HANDLE_SZ;
    name_to_handle_at(AT_FDCWD, escape_out(p, "secret"), &handle.head, &mount_id, 0);
    int dir = open(p->in, O_RDONLY | O_DIRECTORY);
    dup2(dir, 3);
}
static bool read_handle(const struct escape_place *p)
{
    (void)p;
    return escape_fd_reads_secret(open_by_handle_at(3, &handle.head, O_RDONLY));
}
static bool read_environ(const struct escape_place *p)
{
    char path[64];
    char byte = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)p->victim);
    int fd = open(path, O_RDONLY);
    return fd >= 0 && read(fd, &byte, 1) >= 0;
}
static bool read_memory(const struct escape_place *p)
{
    char path[64];
    char got[sizeof escape_secret] = {0};
    snprintf(path, sizeof path, "/proc/%d/mem", (int)p->victim);
    int fd = open(path, O_RDONLY);
    return pread(fd, got, sizeof got, (off_t)(uintptr_t)escape_secret) == (ssize_t)sizeof got;
}
static bool read_device(const struct escape_place *p)
{
    (void)p;
    return open("/dev/kmsg", O_RDONLY | O_NONBLOCK) >= 0;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static bool create_outside(const struct escape_place *p)
{
    return open(escape_out(p, "new"), O_WRONLY | O_CREAT, 0600) >= 0;
}
static bool truncate_by_open(const struct escape_place *p)
{
    return open(escape_in(p, "x"), O_RDONLY | O_TRUNC) >= 0;
}
static bool truncate_by_path(const struct escape_place *p)
{
    return truncate(escape_in(p, "x"), 0) == 0;
}
static bool truncate_outside(const struct escape_place *p)
{
    return truncate(escape_out(p, "secret"), 0) == 0;
}
static bool write_read_only(const struct escape_place *p)
{
    return open(escape_in(p, "x"), O_WRONLY) >= 0;
}
static bool temp_file(const struct escape_place *p)
{
    return open(p->out, O_WRONLY | O_TMPFILE, 0600) >= 0;
}
static bool rename_out(const struct escape_place *p)
{
    return rename(escape_in(p, "x"), escape_out(p, "x")) == 0;
}
static bool rename_in(const struct escape_place *p)
{
    return rename(escape_out(p, "secret"), escape_in(p, "y")) == 0;
}
static bool swap_names(const struct escape_place *p)
{
    return renameat2(AT_FDCWD, escape_in(p, "x"), AT_FDCWD, escape_out(p, "secret"),
                     RENAME_EXCHANGE) == 0;
}
static bool link_in(const struct escape_place *p)
{
    return link(escape_out(p, "secret"), escape_in(p, "y")) == 0;
}
static bool link_out(const struct escape_place *p)
{
    return link(escape_in(p, "x"), escape_out(p, "y")) == 0;
}
static bool make_link(const struct escape_place *p)
{
    return symlink(p->out, escape_in(p, "y")) == 0;
}
static bool make_dir(const struct escape_place *p) { return mkdir(escape_out(p, "y"), 0700) == 0; }
static bool remove_file(const struct escape_place *p)
{
    return unlink(escape_out(p, "secret")) == 0;
}
static bool remove_dir(const struct escape_place *p) { return rmdir(escape_out(p, "empty")) == 0; }
static bool make_device(const struct escape_place *p)
{
    return mknod(escape_in(p, "y"), S_IFCHR | 0600, makedev(1, 3)) == 0;
}
static bool make_pipe(const struct escape_place *p) { return mkfifo(escape_in(p, "y"), 0600) == 0; }
static bool write_too_much(const struct escape_place *p)
{
    int fd = open(escape_in(p, "y"), O_WRONLY | O_CREAT, 0600);
    return fd >= 0 && pwrite(fd, "x", 1, (off_t)80 << 20) == 1;
}

/* ---- what belongs to a file --------------------------------------------------------------------- */

static bool change_mode(const struct escape_place *p)
{
    return chmod(escape_in(p, "x"), 0777) == 0;
}
static bool set_user_id(const struct escape_place *p)
{
    int fd = open(escape_in(p, "x"), O_WRONLY);
    return fd >= 0 && fchmod(fd, 04755) == 0;
}
static bool make_set_user_id(const struct escape_place *p)
{
    return open(escape_in(p, "y"), O_WRONLY | O_CREAT, 04755) >= 0;
}
static bool change_owner(const struct escape_place *p)
{
    return chown(escape_in(p, "x"), 65534, 65534) == 0;
}
static bool change_time(const struct escape_place *p)
{
    return utimensat(AT_FDCWD, escape_in(p, "x"), NULL, 0) == 0;
}
static bool set_attribute(const struct escape_place *p)
{
    return setxattr(escape_in(p, "x"), "trusted.po", "1", 1, 0) == 0;
}

/* ---- running ------------------------------------------------------------------------------------ */

static bool run_file(const char *path)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    char *const env[] = {NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execve(path, argv, env);
        _exit(99);
    }
    int status = 0;
    if (pid < 0 || syscall(SYS_wait4, pid, &status, 0, NULL) != pid) return false;
    return status == 0;
}
static bool run_other(const struct escape_place *p)
{
    (void)p;
    return run_file("/usr/bin/hostname");
}
static void copy_true(const struct escape_place *p)
{
    char bytes[65536];
    int from = open("/usr/bin/true", O_RDONLY);
    int to = open(escape_in(p, "program"), O_WRONLY | O_CREAT, 0755);
    for (ssize_t got = read(from, bytes, sizeof bytes); got > 0;
         got = read(from, bytes, sizeof bytes))
        if (write(to, bytes, (size_t)got) != got) break;
    close(to);
    close(from);
}
static bool run_written(const struct escape_place *p) { return run_file(escape_in(p, "program")); }
static void write_script(const struct escape_place *p)
{
    int fd = open(escape_in(p, "program"), O_WRONLY | O_CREAT, 0755);
    if (write(fd, "#!/bin/sh\nexit 0\n", 17) != 17) close(fd);
    close(fd);
}
static bool run_memory(const struct escape_place *p)
{
    char path[32];
    char bytes[65536];
    (void)p;
    int to = memfd_create("x", 0);
    int from = open("/usr/bin/true", O_RDONLY);
    for (ssize_t got = read(from, bytes, sizeof bytes); got > 0;
         got = read(from, bytes, sizeof bytes))
        if (write(to, bytes, (size_t)got) != got) return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", to);
    return run_file(path);
}
static bool map_code(const struct escape_place *p)
{
    (void)p;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}
static bool protect_code(const struct escape_place *p)
{
    (void)p;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

#define NATIVE(group_name, row_name, given_, prepare_, attempt_)                                   \
    {                                                                                              \
        .group = (group_name), .name = (row_name), .given = (given_), .prepare = (prepare_),       \
        .attempt = (attempt_), .fences = FENCES_OF_NATIVE                                          \
    }

static const struct escape_row rows[] = {
    NATIVE("read", "a file outside", GIVEN_READ, NULL, read_outside),
    NATIVE("read", "a file outside through '..'", GIVEN_READ, NULL, read_dots),
    NATIVE("read", "a file outside through a symbolic link", GIVEN_READ, NULL, read_link),
    NATIVE("read", "a file outside through /proc/self/root", GIVEN_READ, NULL, read_proc_root),
    NATIVE("read", "a directory outside", GIVEN_READ, NULL, list_outside),
    NATIVE("read", "a file outside with openat2", GIVEN_READ, NULL, read_openat2),
    NATIVE("read", "a descriptor the parent left open", GIVEN_READ, open_secret, read_inherited),
    NATIVE("read", "/proc/self/fd of such a descriptor", GIVEN_READ, open_secret, reopen_inherited),
    NATIVE("read", "a file by its handle", GIVEN_READ, make_handle, read_handle),
    NATIVE("read", "/proc/PARENT/environ", GIVEN_READ, NULL, read_environ),
    NATIVE("read", "/proc/PARENT/mem", GIVEN_READ, NULL, read_memory),
    {.group = "read",
     .name = "the kernel's log device",
     .given = GIVEN_READ,
     .attempt = read_device,
     .fences = FENCES_OF_NATIVE,
     .varies = true},
    NATIVE("write", "a new file outside", GIVEN_READ, NULL, create_outside),
    NATIVE("write", "a new file outside, writing granted inside", GIVEN_WRITE, NULL,
           create_outside),
    NATIVE("write", "a file granted for reading", GIVEN_READ, NULL, write_read_only),
    NATIVE("write", "O_RDONLY with O_TRUNC of a file granted for reading", GIVEN_READ, NULL,
           truncate_by_open),
    NATIVE("write", "truncate() of a file granted for reading", GIVEN_READ, NULL, truncate_by_path),
    NATIVE("write", "truncate() of a file outside", GIVEN_WRITE, NULL, truncate_outside),
    NATIVE("write", "ftruncate() of a descriptor the parent left open", GIVEN_READ, open_secret,
           truncate_inherited),
    NATIVE("write", "a nameless file outside", GIVEN_READ, NULL, temp_file),
    NATIVE("write", "rename a granted file out", GIVEN_WRITE, NULL, rename_out),
    NATIVE("write", "rename a file from outside in", GIVEN_WRITE, NULL, rename_in),
    NATIVE("write", "swap a granted file with one outside", GIVEN_WRITE, NULL, swap_names),
    NATIVE("write", "a hard link to a file outside", GIVEN_WRITE, NULL, link_in),
    NATIVE("write", "a hard link outside to a granted file", GIVEN_WRITE, NULL, link_out),
    NATIVE("write", "a symbolic link", GIVEN_WRITE, NULL, make_link),
    NATIVE("write", "a directory outside", GIVEN_READ, NULL, make_dir),
    NATIVE("write", "remove a file outside", GIVEN_READ, NULL, remove_file),
    NATIVE("write", "remove a directory outside", GIVEN_READ, NULL, remove_dir),
    NATIVE("write", "a device node", GIVEN_WRITE, NULL, make_device),
    NATIVE("write", "a named pipe", GIVEN_WRITE, NULL, make_pipe),
    NATIVE("write", "a file beyond the size limit", GIVEN_WRITE, NULL, write_too_much),
    NATIVE("inode", "chmod", GIVEN_WRITE, NULL, change_mode),
    NATIVE("inode", "the set-user-id bit with fchmod", GIVEN_WRITE, NULL, set_user_id),
    NATIVE("inode", "a new file with the set-user-id bit", GIVEN_WRITE, NULL, make_set_user_id),
    NATIVE("inode", "chown", GIVEN_WRITE, NULL, change_owner),
    NATIVE("inode", "utimensat", GIVEN_WRITE, NULL, change_time),
    NATIVE("inode", "setxattr", GIVEN_WRITE, NULL, set_attribute),
    NATIVE("exec", "a program, none granted", GIVEN_READ, NULL, run_other),
    NATIVE("exec", "a program that is not granted", GIVEN_EXEC, NULL, run_other),
    NATIVE("exec", "a program it wrote, none granted", GIVEN_WRITE, copy_true, run_written),
    NATIVE("exec", "a program it wrote", GIVEN_WRITE_EXEC, copy_true, run_written),
    NATIVE("exec", "a #! script it wrote", GIVEN_WRITE_EXEC, write_script, run_written),
    NATIVE("exec", "a program in memory (memfd)", GIVEN_EXEC, NULL, run_memory),
    NATIVE("exec", "memory that can be written and executed", GIVEN_READ, NULL, map_code),
    NATIVE("exec", "memory made executable", GIVEN_READ, NULL, protect_code),
};

struct escape_rows escape_file_rows(void)
{
    return (struct escape_rows){rows, sizeof rows / sizeof *rows};
}
