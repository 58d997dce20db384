/*
 * Exclusive advisory file lock: flock on a file that stays.
 *
 * Invariant  the locked descriptor is the file the path leads to now; a lock on a file that was
 *            meanwhile removed or replaced locks nothing and is given back.
 */
#include "core/alloc.h"
#include "core/fault.h"
#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>

#define RETRY_US (20 * PO_US_PER_MS)
#define HOLDER_BYTES 24

struct po_lock {
    int fd;
};

void po_lock_release(struct po_lock *lock)
{
    if (lock == NULL) return;
    po_fd_closep(&lock->fd);
    po_free(lock);
}

void po_lock_releasep(struct po_lock **lock)
{
    po_lock_release(*lock);
    *lock = NULL;
}

static bool leads_to(const char *path, int fd)
{
    struct stat by_name = {0};
    struct stat by_fd = {0};
    if (po_sys_fstat(fd, &by_fd) != 0 || po_sys_lstat(path, &by_name) != 0) return false;
    return by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

/* For whoever finds it busy. Optional: a full disk must not keep us from the lock. */
void po_lock_note_holder(const struct po_lock *lock)
{
    int fd = lock->fd;
    char text[HOLDER_BYTES];
    int len = snprintf(text, sizeof text, "%d\n", (int)po_sys_getpid());
    po_fault_benign_begin();
    bool is_clean = po_sys_ftruncate(fd, 0) == 0;
    if (is_clean) (void)po_sys_pwrite(fd, text, (size_t)len, 0);
    po_fault_benign_end();
}

static uint64_t read_holder(int fd)
{
    char text[HOLDER_BYTES] = {0};
    po_fault_benign_begin();
    ssize_t len = po_sys_pread(fd, text, sizeof text, 0);
    po_fault_benign_end();
    uint64_t pid = 0;
    po_str digits = po_str_trim(po_str_n(text, len > 0 ? (size_t)len : 0));
    if (!po_is_ok(po_str_to_u64(digits, INT32_MAX, &pid))) return 0;
    return pid;
}

static po_rc fail_sys(struct po_ctx *cx, int sys_errno, const char *doing, const char *path)
{
    return PO_FAIL_SYS(cx, po_fs_code_of_errno(sys_errno), sys_errno, "%s '%s'", doing, path);
}

/* One attempt. PO_BUSY with the holder's id (0 unknown) when another has it. */
static po_rc try_lock(struct po_ctx *cx, const char *path, int *ret_fd, uint64_t *ret_holder)
{
    PO_FD_AUTO fd = po_sys_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return fail_sys(cx, errno, "opening lock file", path);
    *ret_holder = 0;
    if (po_sys_flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail_sys(cx, errno, "locking", path);
        *ret_holder = read_holder(fd);
        return po_rc_of(PO_BUSY);
    }
    if (!leads_to(path, fd)) return po_rc_of(PO_BUSY);
    *ret_fd = PO_TAKE_FD(fd);
    return po_rc_ok();
}

po_rc po_lock_take(struct po_ctx *cx, const char *path, int64_t wait_us, struct po_lock **ret_lock)
{
    struct po_lock *lock = po_calloc(1, sizeof *lock);
    if (lock == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a lock");
    PO_CLEANUP(po_lock_releasep) struct po_lock *guard = lock;
    lock->fd = -1;
    uint64_t holder = 0;
    /* Counted, not timed: it must also end under a clock that stands still. */
    int64_t attempts_left = wait_us > 0 ? wait_us / RETRY_US + 1 : 0;
    for (;;) {
        po_rc rc = try_lock(cx, path, &lock->fd, &holder);
        if (rc.code != PO_BUSY) PO_TRY(cx, rc);
        if (po_is_ok(rc)) break;
        if (attempts_left-- <= 0) {
            if (holder == 0) return PO_FAIL(cx, PO_BUSY, "'%s' is locked by another process", path);
            return PO_FAIL(cx, PO_BUSY, "'%s' is locked by process %" PRIu64, path, holder);
        }
        po_clock_sleep_us(RETRY_US);
    }
    *ret_lock = PO_TAKE(guard);
    return po_rc_ok();
}
