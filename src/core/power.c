/*
 * Power-cut layer, recorder: writes one journal record for each change below the root.
 *
 * All system calls here are the kernel's own, not core/sys: the recorder must neither fail by
 * injection nor record itself. It never repairs a failure: a run whose journal is incomplete proves
 * nothing, so the process ends with PO_POWER_BROKEN_EXIT.
 */
#include "core/power.h"

#include "core/power_priv.h"

#ifdef PO_FAULTS

#include "core/fault.h"
#include "core/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define BASE_DEPTH_MAX 64
#define BASE_BLOCK_BYTES 4096

struct power_state {
    bool is_on;
    int journal_fd;
    size_t root_len;
    char root[PATH_MAX];
    uint64_t cut_at;
    uint64_t count;
    uint64_t journal_bytes;
    uint64_t skip_site;
    size_t sync_count;
};

static struct power_state state = {.journal_fd = -1};
static struct po_power_sync syncs[PO_POWER_SYNCS_MAX];

static void end_broken(const char *why)
{
    (void)dprintf(STDERR_FILENO, "power-cut layer: %s (errno %d)\n", why, errno);
    _exit(PO_POWER_BROKEN_EXIT);
}

/* ---- journal ---- */

struct record_parts {
    struct po_power_record head;
    po_str name;
    po_str name2;
    po_str data;
};

static bool journal_put(struct record_parts *parts)
{
    parts->head.magic = PO_POWER_MAGIC;
    parts->head.name_len = (uint32_t)parts->name.len;
    parts->head.name2_len = (uint32_t)parts->name2.len;
    parts->head.data_len = parts->data.len;
    struct iovec iov[4] = {
        {&parts->head, sizeof parts->head},
        {(void *)(uintptr_t)parts->name.ptr, parts->name.len},
        {(void *)(uintptr_t)parts->name2.ptr, parts->name2.len},
        {(void *)(uintptr_t)parts->data.ptr, parts->data.len},
    };
    size_t total = sizeof parts->head + parts->name.len + parts->name2.len + parts->data.len;
    state.journal_bytes += total;
    if (state.journal_bytes > PO_POWER_JOURNAL_BYTES_MAX) return false;
    return writev(state.journal_fd, iov, 4) == (ssize_t)total;
}

/* One change that has been made: journal it, and end here when it is the one to cut at. */
static void record(struct record_parts *parts)
{
    if (!journal_put(parts)) end_broken("journal not written");
    if (++state.count == state.cut_at) _exit(PO_POWER_EXIT);
}

/* ---- what belongs to the root ---- */

static bool is_below_root(const char *path)
{
    return strncmp(path, state.root, state.root_len) == 0 &&
           (path[state.root_len] == '/' || path[state.root_len] == '\0');
}

/* Current path of an open file; false when it is not below the root. */
static bool fd_path(int fd, char path[static PATH_MAX])
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    if (len <= 0) return false;
    path[len] = '\0';
    return is_below_root(path);
}

static uint64_t ino_of_fd(int fd)
{
    struct stat st = {0};
    if (fstat(fd, &st) != 0) end_broken("fstat");
    return st.st_ino;
}

static bool fd_ino(int fd, uint64_t *ret_ino)
{
    char path[PATH_MAX];
    if (!fd_path(fd, path)) return false;
    *ret_ino = ino_of_fd(fd);
    return true;
}

struct place {
    uint64_t dir_ino;
    char name[NAME_MAX + 1];
};

/* The directory a name is in, and the name; false when that directory is not below the root. */
static bool place_of(const char *path, struct place *ret_place)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t cut = len;
    while (cut > 0 && path[cut - 1] != '/')
        cut--;
    char dir[PATH_MAX] = ".";
    char real[PATH_MAX];
    if (len - cut > NAME_MAX || cut >= sizeof dir) return false;
    if (cut > 0) {
        memcpy(dir, path, cut);
        dir[cut] = '\0';
    }
    if (realpath(dir, real) == NULL || !is_below_root(real)) return false;
    struct stat st = {0};
    if (stat(real, &st) != 0) end_broken("stat of a directory");
    ret_place->dir_ino = st.st_ino;
    memcpy(ret_place->name, path + cut, len - cut);
    ret_place->name[len - cut] = '\0';
    return true;
}

static uint64_t ino_of(const char *path)
{
    struct stat st = {0};
    if (lstat(path, &st) != 0) end_broken("lstat");
    return st.st_ino;
}

/* ---- hooks ---- */

struct po_power_open po_power_before_open(int dir_fd, const char *path, int flags)
{
    struct po_power_open before = {.existed = true, .had_bytes = false};
    if (!state.is_on || (flags & (O_CREAT | O_TRUNC)) == 0) return before;
    int saved_errno = errno;
    struct stat st = {0};
    before.existed = fstatat(dir_fd, path, &st, 0) == 0;
    before.had_bytes = before.existed && st.st_size > 0;
    errno = saved_errno;
    return before;
}

void po_power_after_open(int fd, int flags, struct po_power_open before)
{
    if (!state.is_on || (flags & (O_CREAT | O_TRUNC)) == 0) return;
    char path[PATH_MAX];
    struct stat st = {0};
    if (!fd_path(fd, path)) return;
    if (fstat(fd, &st) != 0) end_broken("fstat");
    struct record_parts parts = {.head = {.ino = st.st_ino, .mode = st.st_mode & 07777}};
    if ((flags & O_CREAT) != 0 && !before.existed) {
        struct place place;
        if (!place_of(path, &place)) end_broken("place of a new file");
        parts.head.op = PO_POWER_CREATE;
        parts.head.parent = place.dir_ino;
        parts.name = po_str_of(place.name);
        record(&parts);
    } else if ((flags & O_TRUNC) != 0 && before.had_bytes) {
        parts.head.op = PO_POWER_TRUNCATE;
        record(&parts);
    }
}

void po_power_wrote(int fd, const void *buf, ssize_t len, off_t offset)
{
    uint64_t ino = 0;
    if (!state.is_on || !fd_ino(fd, &ino)) return;
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - len;
    if (offset < 0) end_broken("file position");
    struct record_parts parts = {
        .head = {.op = PO_POWER_WRITE, .ino = ino, .offset = (uint64_t)offset},
        .data = po_str_n(buf, (size_t)len)};
    record(&parts);
}

static void record_size(int fd, enum po_power_op op, off_t len)
{
    uint64_t ino = 0;
    if (!state.is_on || !fd_ino(fd, &ino)) return;
    struct record_parts parts = {.head = {.op = op, .ino = ino, .offset = (uint64_t)len}};
    record(&parts);
}

void po_power_truncated(int fd, off_t len) { record_size(fd, PO_POWER_TRUNCATE, len); }
void po_power_grew(int fd, off_t len) { record_size(fd, PO_POWER_GROW, len); }

void po_power_chmoded(int fd, const char *path, mode_t mode)
{
    if (!state.is_on) return;
    char real[PATH_MAX];
    struct stat st = {0};
    if (fd >= 0 && !fd_path(fd, real)) return;
    if (fd < 0 && (realpath(path, real) == NULL || !is_below_root(real))) return;
    if (fd >= 0 ? fstat(fd, &st) != 0 : stat(real, &st) != 0) end_broken("stat");
    struct record_parts parts = {
        .head = {.op = PO_POWER_CHMOD, .ino = st.st_ino, .mode = mode & 07777}};
    record(&parts);
}

static void record_name(enum po_power_op op, const char *path, uint64_t ino, uint32_t mode)
{
    struct place place;
    if (!place_of(path, &place)) return;
    struct record_parts parts = {
        .head = {.op = op, .ino = ino, .parent = place.dir_ino, .mode = mode},
        .name = po_str_of(place.name)};
    record(&parts);
}

static void record_new(enum po_power_op op, const char *path)
{
    struct stat st = {0};
    if (lstat(path, &st) != 0) end_broken("lstat");
    record_name(op, path, st.st_ino, st.st_mode & 07777);
}

void po_power_made_dir(const char *path)
{
    if (state.is_on) record_new(PO_POWER_MKDIR, path);
}

void po_power_bound(const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_un at = {0};
    if (!state.is_on || address->sa_family != AF_UNIX || len > sizeof at) return;
    char path[sizeof at.sun_path + 1] = "";
    memcpy(&at, address, len);
    memcpy(path, at.sun_path, sizeof at.sun_path); /* an abstract one begins with a zero */
    if (path[0] != '\0') record_new(PO_POWER_BIND, path);
}

void po_power_linked(const char *path)
{
    if (state.is_on) record_name(PO_POWER_ADD_NAME, path, ino_of(path), 0);
}

void po_power_symlinked(const char *target, const char *path)
{
    struct place place;
    if (!state.is_on || !place_of(path, &place)) return;
    struct record_parts parts = {
        .head = {.op = PO_POWER_SYMLINK, .ino = ino_of(path), .parent = place.dir_ino},
        .name = po_str_of(place.name),
        .data = po_str_of(target)};
    record(&parts);
}

void po_power_removed(const char *path)
{
    if (state.is_on) record_name(PO_POWER_REMOVE, path, 0, 0);
}

bool po_power_refuses(const char *from, const char *to)
{
    if (!state.is_on) return false;
    struct place a;
    struct place b;
    return place_of(from, &a) != place_of(to, &b);
}

void po_power_renamed(const char *from, const char *to)
{
    struct place a;
    struct place b;
    if (!state.is_on || !place_of(from, &a) || !place_of(to, &b)) return;
    struct record_parts parts = {
        .head = {.op = PO_POWER_RENAME, .parent = a.dir_ino, .parent2 = b.dir_ino},
        .name = po_str_of(a.name),
        .name2 = po_str_of(b.name)};
    record(&parts);
}

static void note_sync(const char *path, bool is_skipped)
{
    if (state.sync_count == PO_POWER_SYNCS_MAX) end_broken("too many syncs");
    struct po_power_sync *sync = &syncs[state.sync_count++];
    *sync = (struct po_power_sync){.op = state.count, .is_skipped = is_skipped};
    const char *slash = strrchr(path, '/');
    strncpy(sync->name, slash != NULL ? slash + 1 : path, sizeof sync->name - 1);
}

bool po_power_synced(int fd, enum po_power_op op)
{
    char path[PATH_MAX];
    if (!state.is_on || !fd_path(fd, path)) return false;
    if (++state.count == state.cut_at) _exit(PO_POWER_EXIT);
    bool is_skipped = state.skip_site != 0 && po_fault_last_site() == state.skip_site;
    note_sync(path, is_skipped);
    if (is_skipped) return true;
    struct record_parts parts = {.head = {.op = op, .ino = ino_of_fd(fd)}};
    if (!journal_put(&parts)) end_broken("journal not written");
    return true;
}

void po_power_sync_failed(int fd)
{
    int saved_errno = errno;
    uint64_t ino = 0;
    if (state.is_on && fd_ino(fd, &ino)) {
        struct record_parts parts = {.head = {.op = PO_POWER_SYNC_FAILED, .ino = ino}};
        record(&parts);
    }
    errno = saved_errno;
}

uint64_t po_power_op_count(void) { return state.count; }

const struct po_power_sync *po_power_syncs(size_t *ret_count)
{
    *ret_count = state.sync_count;
    return syncs;
}

void po_power_skip_sync_site(uint64_t site)
{
    state.skip_site = site;
    po_fault_want_sync_sites(site != 0);
}

/* ---- the tree at the start ---- */

struct base_entry {
    const char *path;
    uint64_t dir_ino;
    const char *name;
    const struct stat *st;
};

static bool base_put(const struct base_entry *entry, enum po_power_op op, po_str data)
{
    struct record_parts parts = {.head = {.op = op,
                                          .ino = entry->st->st_ino,
                                          .parent = entry->dir_ino,
                                          .offset = (uint64_t)entry->st->st_size,
                                          .mode = entry->st->st_mode & 07777},
                                 .name = po_str_of(entry->name),
                                 .data = data};
    return journal_put(&parts);
}

static bool is_zeros(const char *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Contents block by block; blocks of zeros are left out (preallocated files are mostly zeros). */
static bool base_file(const struct base_entry *entry)
{
    if (!base_put(entry, PO_POWER_BASE_FILE, PO_LIT(""))) return false;
    int fd = open(entry->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    char block[BASE_BLOCK_BYTES];
    ssize_t got = 0;
    bool is_good = true;
    for (uint64_t at = 0; is_good && (got = read(fd, block, sizeof block)) > 0;
         at += (uint64_t)got) {
        if (is_zeros(block, (size_t)got)) continue;
        struct record_parts parts = {
            .head = {.op = PO_POWER_BASE_DATA, .ino = entry->st->st_ino, .offset = at},
            .data = po_str_n(block, (size_t)got)};
        is_good = journal_put(&parts);
    }
    return close(fd) == 0 && is_good && got == 0;
}

static bool base_dir(const char *path, uint64_t dir_ino, unsigned depth);

static bool base_one(const char *path, uint64_t dir_ino, const char *name, unsigned depth)
{
    struct stat st = {0};
    if (lstat(path, &st) != 0) return false;
    struct base_entry entry = {.path = path, .dir_ino = dir_ino, .name = name, .st = &st};
    if (S_ISREG(st.st_mode)) return base_file(&entry);
    if (S_ISDIR(st.st_mode))
        return base_put(&entry, PO_POWER_BASE_DIR, PO_LIT("")) &&
               base_dir(path, st.st_ino, depth + 1);
    if (S_ISSOCK(st.st_mode)) return base_put(&entry, PO_POWER_BASE_SOCKET, PO_LIT(""));
    if (!S_ISLNK(st.st_mode)) return true; /* FIFOs: gone after a restore */
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target);
    return len > 0 && base_put(&entry, PO_POWER_BASE_LINK, po_str_n(target, (size_t)len));
}

static bool base_dir(const char *path, uint64_t dir_ino, unsigned depth)
{
    DIR *dir = depth < BASE_DEPTH_MAX ? opendir(path) : NULL;
    if (dir == NULL) return false;
    bool is_good = true;
    for (struct dirent *e = readdir(dir); is_good && e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char child[PATH_MAX];
        int len = snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        is_good =
            len > 0 && (size_t)len < sizeof child && base_one(child, dir_ino, e->d_name, depth);
    }
    return closedir(dir) == 0 && is_good;
}

/* A fresh state, recording nothing yet. Its journal is opened with `flags` besides. */
static po_rc open_journal(const char *root, const char *shadow_dir, int flags)
{
    char real[PATH_MAX];
    char journal[PATH_MAX];
    struct stat root_st = {0};
    struct stat shadow_st = {0};
    struct stat journal_st = {0};
    if (realpath(root, real) == NULL || strcmp(real, root) != 0 || stat(root, &root_st) != 0 ||
        !S_ISDIR(root_st.st_mode) || stat(shadow_dir, &shadow_st) != 0 ||
        shadow_st.st_dev != root_st.st_dev)
        return po_rc_of(PO_INVALID);
    po_power_stop();
    state = (struct power_state){.journal_fd = -1, .skip_site = state.skip_site};
    state.root_len = strlen(root);
    memcpy(state.root, root, state.root_len + 1);
    if (realpath(shadow_dir, real) == NULL || is_below_root(real)) return po_rc_of(PO_INVALID);
    int len = snprintf(journal, sizeof journal, "%s/%s", real, PO_POWER_JOURNAL_NAME);
    if (len < 0 || (size_t)len >= sizeof journal) return po_rc_of(PO_INVALID);
    state.journal_fd = open(journal, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0600);
    if (state.journal_fd < 0) return po_rc_of(errno == ENOENT ? PO_INVALID : PO_IO);
    if (fstat(state.journal_fd, &journal_st) != 0) end_broken("fstat");
    state.journal_bytes = (uint64_t)journal_st.st_size;
    return po_rc_ok();
}

po_rc po_power_start(const char *root, const char *shadow_dir, uint64_t cut_at)
{
    PO_PASS(open_journal(root, shadow_dir, O_CREAT | O_TRUNC));
    struct stat st = {0};
    struct base_entry entry = {.path = root, .dir_ino = 0, .name = "", .st = &st};
    if (stat(root, &st) != 0 || !base_put(&entry, PO_POWER_BASE_DIR, PO_LIT("")) ||
        !base_dir(root, st.st_ino, 0)) {
        po_power_stop();
        return po_rc_of(PO_IO);
    }
    state.cut_at = cut_at;
    state.is_on = true;
    return po_rc_ok();
}

po_rc po_power_go_on(const char *root, const char *shadow_dir, uint64_t cut_at)
{
    PO_PASS(open_journal(root, shadow_dir, 0));
    state.cut_at = cut_at;
    state.is_on = true;
    return po_rc_ok();
}

void po_power_stop(void)
{
    if (state.journal_fd >= 0) (void)close(state.journal_fd);
    state.journal_fd = -1;
    state.is_on = false;
}

#else
/* ISO C forbids an empty translation unit. */
typedef int po_power_unused;
#endif
