/*
 * Power-cut layer: bringing the root to the state that a settled model says.
 *
 * Everything below the root is first moved, bottom up, into a hold directory under its inode number,
 * then the wanted tree is built from it. So a file or directory that survives keeps its inode (a
 * home is bound to the inode of its ledger), and only what was lost and is back is made anew.
 */
#include "core/power.h"

#include "core/power_model_priv.h"

#ifdef PO_FAULTS

#include "core/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define COMPARE_BYTES 65536

struct restore {
    struct disk disk;
    char hold[PATH_MAX];
};

static void restore_done(struct restore *restore) { po_power_disk_done(&restore->disk); }

static bool path_put(char out[static PATH_MAX], const char *dir, po_str name)
{
    int len = snprintf(out, PATH_MAX, "%s/%.*s", dir, (int)name.len, name.ptr);
    return len > 0 && len < PATH_MAX;
}

static bool hold_path(const struct restore *restore, uint64_t ino, char out[static PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/%" PRIu64, restore->hold, ino);
    return len > 0 && len < PATH_MAX;
}

/* ---- everything out ---- */

static po_rc empty_dir(const struct restore *restore, const char *path, unsigned depth);

static po_rc move_out(const struct restore *restore, const char *path, unsigned depth)
{
    struct stat st = {0};
    char held[PATH_MAX];
    if (lstat(path, &st) != 0 || !hold_path(restore, st.st_ino, held)) return po_rc_of(PO_IO);
    if (S_ISDIR(st.st_mode)) {
        if (chmod(path, 0700) != 0) return po_rc_of(PO_IO);
        PO_PASS(empty_dir(restore, path, depth + 1));
    }
    struct stat there = {0};
    if (lstat(held, &there) == 0) /* one more name of a file that is out already */
        return unlink(path) == 0 ? po_rc_ok() : po_rc_of(PO_IO);
    return rename(path, held) == 0 ? po_rc_ok() : po_rc_of(PO_IO);
}

static po_rc empty_dir(const struct restore *restore, const char *path, unsigned depth)
{
    if (depth >= DEPTH_MAX) return po_rc_of(PO_LIMIT);
    DIR *dir = opendir(path);
    if (dir == NULL) return po_rc_of(PO_IO);
    po_rc rc = po_rc_ok();
    for (struct dirent *e = readdir(dir); po_is_ok(rc) && e != NULL; e = readdir(dir)) {
        char child[PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        rc = path_put(child, path, po_str_of(e->d_name)) ? move_out(restore, child, depth)
                                                         : po_rc_of(PO_LIMIT);
    }
    if (closedir(dir) != 0) return po_rc_of(PO_IO);
    return rc;
}

/* ---- the wanted tree in ---- */

static bool write_where_different(int fd, po_str bytes)
{
    char there[COMPARE_BYTES];
    for (size_t at = 0; at < bytes.len; at += COMPARE_BYTES) {
        size_t len = bytes.len - at < COMPARE_BYTES ? bytes.len - at : COMPARE_BYTES;
        ssize_t got = pread(fd, there, len, (off_t)at);
        if (got == (ssize_t)len && po_str_eq(po_str_n(there, len), po_str_n(bytes.ptr + at, len)))
            continue;
        if (pwrite(fd, bytes.ptr + at, len, (off_t)at) != (ssize_t)len) return false;
    }
    return true;
}

static po_rc fill_file(const struct disk_object *file, const char *path)
{
    (void)chmod(path, 0600); /* so that it can be opened; absent is fine */
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return po_rc_of(PO_IO);
    bool is_good = ftruncate(fd, (off_t)file->content.len) == 0 &&
                   write_where_different(fd, po_buf_str(&file->content)) &&
                   fchmod(fd, file->mode) == 0;
    is_good = close(fd) == 0 && is_good;
    return is_good ? po_rc_ok() : po_rc_of(PO_IO);
}

/* Its inode out of the hold when it lives; false when it has to be made. */
static bool take_held(const struct restore *restore, const struct disk_object *object,
                      const char *path)
{
    char held[PATH_MAX];
    if (object->is_superseded || !hold_path(restore, object->ino, held)) return false;
    return rename(held, path) == 0;
}

static po_rc place_link(const struct disk_object *object, const char *path)
{
    char target[PATH_MAX];
    if (object->content.len >= sizeof target) return po_rc_of(PO_LIMIT);
    memcpy(target, object->content.ptr, object->content.len);
    target[object->content.len] = '\0';
    return symlink(target, path) == 0 ? po_rc_ok() : po_rc_of(PO_IO);
}

/* A name without a listener, as a machine that lost its power finds it. */
static po_rc place_socket(const struct disk_object *object, const char *path, bool is_held)
{
    if (!is_held && mknod(path, S_IFSOCK | 0600, 0) != 0) return po_rc_of(PO_IO);
    return chmod(path, object->mode) == 0 ? po_rc_ok() : po_rc_of(PO_IO);
}

static po_rc remember(struct disk_object *object, const char *path)
{
    size_t len = strlen(path) + 1;
    char *copy = po_calloc(len, 1);
    if (copy == NULL) return po_rc_of(PO_NOMEM);
    memcpy(copy, path, len);
    object->placed = copy;
    return po_rc_ok();
}

static po_rc fill_dir(struct restore *restore, size_t dir, const char *path, unsigned depth);

static po_rc place(struct restore *restore, size_t at, const char *path, unsigned depth)
{
    struct disk_object *object = &restore->disk.objects[at];
    if (object->placed != NULL) {
        if (object->kind == DISK_DIR) return po_rc_of(PO_CORRUPT);
        return link(object->placed, path) == 0 ? po_rc_ok() : po_rc_of(PO_IO);
    }
    bool is_held = take_held(restore, object, path);
    PO_PASS(remember(object, path));
    if (object->kind == DISK_FILE) return fill_file(object, path);
    if (object->kind == DISK_LINK) return is_held ? po_rc_ok() : place_link(object, path);
    if (object->kind == DISK_SOCKET) return place_socket(object, path, is_held);
    if (!is_held && mkdir(path, 0700) != 0) return po_rc_of(PO_IO);
    return fill_dir(restore, at, path, depth + 1);
}

static po_rc fill_dir(struct restore *restore, size_t dir, const char *path, unsigned depth)
{
    if (depth >= DEPTH_MAX) return po_rc_of(PO_LIMIT);
    for (size_t i = 0; i < restore->disk.name_count; i++) {
        const struct disk_name *name = &restore->disk.names[i];
        char child[PATH_MAX];
        if (name->dir != dir) continue;
        if (!path_put(child, path, name->name)) return po_rc_of(PO_LIMIT);
        PO_PASS(place(restore, name->object, child, depth));
    }
    return chmod(path, restore->disk.objects[dir].mode) == 0 ? po_rc_ok() : po_rc_of(PO_IO);
}

/* What did not survive. All entries are flat: directories were emptied on the way out. */
static po_rc clear_hold(const struct restore *restore)
{
    DIR *dir = opendir(restore->hold);
    if (dir == NULL) return po_rc_of(PO_IO);
    bool is_good = true;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char path[PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        is_good =
            path_put(path, restore->hold, po_str_of(e->d_name)) && remove(path) == 0 && is_good;
    }
    is_good = closedir(dir) == 0 && rmdir(restore->hold) == 0 && is_good;
    return is_good ? po_rc_ok() : po_rc_of(PO_IO);
}

po_rc po_power_restore(const char *root, const char *shadow_dir, uint64_t seed)
{
    PO_CLEANUP(restore_done) struct restore restore = {.hold = ""};
    PO_PASS(po_power_disk_load(&restore.disk, shadow_dir, seed));
    PO_PASS(po_power_disk_settle(&restore.disk));
    if (!path_put(restore.hold, shadow_dir, PO_LIT("hold"))) return po_rc_of(PO_LIMIT);
    if (mkdir(restore.hold, 0700) != 0 && errno != EEXIST) return po_rc_of(PO_IO);
    if (chmod(root, 0700) != 0) return po_rc_of(PO_IO);
    PO_PASS(empty_dir(&restore, root, 0));
    PO_PASS(fill_dir(&restore, 0, root, 0));
    return clear_hold(&restore);
}

#else
/* ISO C forbids an empty translation unit. */
typedef int po_power_restore_unused;
#endif
