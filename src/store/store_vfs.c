/*
 * SQLite's files through core/sys, so that failures and power cuts reach the database in tests and
 * the same code runs in the product.
 *
 * Reading, writing, syncing, sizes, creation and removal go through core/sys; locks stay with
 * SQLite's own unix layer, on a second descriptor of the main file, so that other programs that
 * open the database see them. There is no shared memory: WAL works because the locking mode is
 * EXCLUSIVE.
 *
 * Invariants
 *  1. a file made here has a durable name before its first sync returns.
 *  2. a write-ahead log that is there when it is opened was left by a process that died, perhaps before it had
 *     synced what the log holds: it is durable, with its name, before anything is read from it and built upon.
 */
#include "core/sys.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define SECTOR_BYTES 4096

struct vfs_file {
    sqlite3_file base;
    int fd;
    bool is_new;         /* its name may not be durable: the directory was not synced yet */
    const char *path;    /* SQLite keeps it until xClose */
    sqlite3_file *locks; /* of SQLite's unix layer; NULL for files without locks */
};

/* Room for the unix layer's file behind ours, aligned. */
#define LOCKS_OFFSET ((sizeof(struct vfs_file) + 15) & ~(size_t)15)

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *unix_layer;
    int last_errno;
    uint64_t failed_syncs;
    uint64_t failed_reads;
} layer;

static int fail(int sqlite_rc)
{
    layer.last_errno = errno;
    return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : sqlite_rc;
}

static struct vfs_file *file_of(sqlite3_file *file) { return (struct vfs_file *)(void *)file; }

/* ---- one file -------------------------------------------------------------------------------- */

static int file_close(sqlite3_file *base)
{
    struct vfs_file *file = file_of(base);
    int rc = SQLITE_OK;
    if (file->fd >= 0 && po_sys_close(file->fd) != 0) rc = fail(SQLITE_IOERR_CLOSE);
    file->fd = -1;
    if (file->locks != NULL && file->locks->pMethods != NULL)
        (void)file->locks->pMethods->xClose(file->locks);
    file->locks = NULL;
    return rc;
}

static int file_read(sqlite3_file *base, void *out, int len, sqlite3_int64 offset)
{
    struct vfs_file *file = file_of(base);
    char *at = out;
    size_t done = 0;
    while (done < (size_t)len) {
        ssize_t got =
            po_sys_pread(file->fd, at + done, (size_t)len - done, offset + (sqlite3_int64)done);
        if (got < 0) {
            layer.failed_reads++;
            return fail(SQLITE_IOERR_READ);
        }
        if (got == 0) break;
        done += (size_t)got;
    }
    if (done == (size_t)len) return SQLITE_OK;
    memset(at + done, 0, (size_t)len - done);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *in, int len, sqlite3_int64 offset)
{
    struct vfs_file *file = file_of(base);
    const char *at = in;
    for (size_t done = 0; done < (size_t)len;) {
        ssize_t put =
            po_sys_pwrite(file->fd, at + done, (size_t)len - done, offset + (sqlite3_int64)done);
        if (put < 0) return fail(SQLITE_IOERR_WRITE);
        if (put == 0) {
            errno = ENOSPC;
            return fail(SQLITE_IOERR_WRITE);
        }
        done += (size_t)put;
    }
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    return po_sys_ftruncate(file_of(base)->fd, size) == 0 ? SQLITE_OK : fail(SQLITE_IOERR_TRUNCATE);
}

static void close_fdp(int *fd)
{
    if (*fd >= 0) (void)po_sys_close(*fd);
}

static int sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    (void)snprintf(dir, sizeof dir, "%.*s", len, slash == NULL ? "." : path);
    PO_CLEANUP(close_fdp) int fd = po_sys_open(dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return fail(SQLITE_IOERR_DIR_FSYNC);
    return po_sys_fsync(fd) == 0 ? SQLITE_OK : fail(SQLITE_IOERR_DIR_FSYNC);
}

static int file_sync(sqlite3_file *base, int flags)
{
    (void)flags; /* fdatasync also makes a changed size durable */
    struct vfs_file *file = file_of(base);
    int rc = po_sys_fdatasync(file->fd) == 0 ? SQLITE_OK : fail(SQLITE_IOERR_FSYNC);
    if (rc == SQLITE_OK && file->is_new) rc = sync_parent(file->path);
    if (rc == SQLITE_OK) {
        file->is_new = false;
    } else {
        layer.failed_syncs++;
    }
    return rc;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct stat st;
    if (po_sys_fstat(file_of(base)->fd, &st) != 0) return fail(SQLITE_IOERR_FSTAT);
    *ret_size = st.st_size;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
    sqlite3_file *locks = file_of(base)->locks;
    return locks == NULL ? SQLITE_OK : locks->pMethods->xLock(locks, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    sqlite3_file *locks = file_of(base)->locks;
    return locks == NULL ? SQLITE_OK : locks->pMethods->xUnlock(locks, level);
}

static int file_check_reserved(sqlite3_file *base, int *ret_is_reserved)
{
    sqlite3_file *locks = file_of(base)->locks;
    *ret_is_reserved = 0;
    return locks == NULL ? SQLITE_OK : locks->pMethods->xCheckReservedLock(locks, ret_is_reserved);
}

static int file_control(sqlite3_file *base, int operation, void *argument)
{
    sqlite3_file *locks = file_of(base)->locks;
    if (operation != SQLITE_FCNTL_HAS_MOVED || locks == NULL) return SQLITE_NOTFOUND;
    return locks->pMethods->xFileControl(locks, operation, argument);
}

static int file_sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR_BYTES;
}

static int file_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

/* ---- the layer ------------------------------------------------------------------------------- */

static int open_fd(const char *path, int flags, bool *ret_is_new)
{
    int fd = po_sys_open(path, O_RDWR | O_NOFOLLOW, 0);
    if (fd >= 0 || errno != ENOENT || (flags & SQLITE_OPEN_CREATE) == 0) return fd;
    fd = po_sys_open(path, O_RDWR | O_NOFOLLOW | O_CREAT | O_EXCL, 0600);
    *ret_is_new = fd >= 0;
    return fd;
}

/* What a dead process left; an empty one has only its name to lose. */
static int make_durable(const struct vfs_file *file)
{
    struct stat st;
    if (po_sys_fstat(file->fd, &st) != 0) return fail(SQLITE_IOERR_FSTAT);
    int rc =
        st.st_size == 0 || po_sys_fdatasync(file->fd) == 0 ? SQLITE_OK : fail(SQLITE_IOERR_FSYNC);
    if (rc == SQLITE_OK) rc = sync_parent(file->path);
    if (rc != SQLITE_OK) layer.failed_syncs++;
    return rc;
}

static int layer_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                      int *ret_flags)
{
    (void)vfs;
    struct vfs_file *file = file_of(base);
    memset(file, 0, sizeof *file);
    file->fd = -1;
    if (path == NULL) return SQLITE_CANTOPEN; /* temporary things stay in memory */
    file->path = path;
    file->fd = open_fd(path, flags, &file->is_new);
    if (file->fd < 0) {
        layer.last_errno = errno;
        return SQLITE_CANTOPEN;
    }
    file->base.pMethods = &file_methods; /* from here SQLite calls xClose */
    bool is_left = (flags & SQLITE_OPEN_WAL) != 0 && !file->is_new;
    int rc = is_left ? make_durable(file) : SQLITE_OK;
    if (rc != SQLITE_OK) return rc;
    if (ret_flags != NULL) *ret_flags = flags;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_OK;
    sqlite3_file *locks = (sqlite3_file *)(void *)((char *)base + LOCKS_OFFSET);
    memset(locks, 0, (size_t)layer.unix_layer->szOsFile);
    rc = layer.unix_layer->xOpen(layer.unix_layer, path, locks, flags, NULL);
    if (rc == SQLITE_OK) file->locks = locks;
    return rc;
}

static int layer_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    (void)vfs;
    if (po_sys_unlink(path) != 0)
        return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : fail(SQLITE_IOERR_DELETE);
    return sync_dir ? sync_parent(path) : SQLITE_OK;
}

static int layer_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret_is)
{
    (void)vfs;
    if (flags != SQLITE_ACCESS_EXISTS)
        return layer.unix_layer->xAccess(layer.unix_layer, path, flags, ret_is);
    struct stat st;
    int rc = po_sys_stat(path, &st);
    if (rc != 0 && errno != ENOENT) return fail(SQLITE_IOERR_ACCESS);
    /* As SQLite's own: an empty journal is no journal. */
    *ret_is = rc == 0 && (!S_ISREG(st.st_mode) || st.st_size > 0);
    return SQLITE_OK;
}

static int layer_full_path(sqlite3_vfs *vfs, const char *path, int len, char *out)
{
    (void)vfs;
    return layer.unix_layer->xFullPathname(layer.unix_layer, path, len, out);
}

static int layer_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    (void)len;
    (void)out;
    return layer.last_errno;
}

uint64_t po_store_vfs_failed_syncs(void) { return layer.failed_syncs; }
uint64_t po_store_vfs_failed_reads(void) { return layer.failed_reads; }

int po_store_vfs_register(void)
{
    layer.unix_layer = sqlite3_vfs_find("unix");
    if (layer.unix_layer == NULL) return SQLITE_ERROR;
    layer.vfs = *layer.unix_layer; /* randomness, sleep and time stay its own */
    layer.vfs.pNext = NULL;
    layer.vfs.zName = PO_STORE_VFS;
    layer.vfs.szOsFile = (int)LOCKS_OFFSET + layer.unix_layer->szOsFile;
    layer.vfs.xOpen = layer_open;
    layer.vfs.xDelete = layer_delete;
    layer.vfs.xAccess = layer_access;
    layer.vfs.xFullPathname = layer_full_path;
    layer.vfs.xGetLastError = layer_last_error;
    return sqlite3_vfs_register(&layer.vfs, 0);
}
