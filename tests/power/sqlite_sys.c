/*
 * SQLite's file calls through core/sys.
 */
#include "power/sqlite_sys.h"

#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

/* For libsqlite3, which calls them by name; core/sys itself calls the kernel. */
int fsync(int fd) { return po_sys_fsync(fd); }
int fdatasync(int fd) { return po_sys_fdatasync(fd); }

static int call_open(const char *path, int flags, int mode)
{
    return po_sys_open(path, flags, (mode_t)mode);
}

/* posix_fallocate tells its errno as its result. */
static int call_fallocate(int fd, off_t offset, off_t len)
{
    return po_sys_fallocate(fd, offset, len) == 0 ? 0 : errno;
}

#define CALL(function) ((sqlite3_syscall_ptr)(void (*)(void))(function))

void test_sqlite_sys_install(void)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
        bool is_required; /* the others depend on how the library was built */
    } calls[] = {
        {"open", CALL(call_open), true},
        {"close", CALL(po_sys_close), true},
        {"read", CALL(po_sys_read), true},
        {"pread", CALL(po_sys_pread), false},
        {"pread64", CALL(po_sys_pread), false},
        {"write", CALL(po_sys_write), true},
        {"pwrite", CALL(po_sys_pwrite), false},
        {"pwrite64", CALL(po_sys_pwrite), false},
        {"ftruncate", CALL(po_sys_ftruncate), true},
        {"fallocate", CALL(call_fallocate), false},
        {"unlink", CALL(po_sys_unlink), true},
        {"mkdir", CALL(po_sys_mkdir), true},
        {"rmdir", CALL(po_sys_rmdir), true},
        {"fchmod", CALL(po_sys_fchmod), true},
        {"stat", CALL(po_sys_stat), true},
        {"fstat", CALL(po_sys_fstat), true},
        {"lstat", CALL(po_sys_lstat), true},
    };
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    check_that(vfs != NULL && vfs->iVersion >= 3);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        int rc = vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
        check_that(rc == SQLITE_OK || !calls[i].is_required, "cannot replace '%s'", calls[i].name);
    }
    check_that(vfs->xGetSystemCall(vfs, "pwrite") == CALL(po_sys_pwrite) ||
               vfs->xGetSystemCall(vfs, "pwrite64") == CALL(po_sys_pwrite) ||
               (vfs->xGetSystemCall(vfs, "pwrite") == NULL &&
                vfs->xGetSystemCall(vfs, "pwrite64") == NULL));
}
