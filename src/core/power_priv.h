/*
 * Between sys.c and the power-cut layer, and between its recorder and its restore: hooks and the
 * journal's format. Without PO_FAULTS all hooks vanish.
 *
 * Journal: one file `journal` in the shadow directory; records back to back, each a struct
 * po_power_record followed by name, name2 and data. It begins with the tree as it stood at
 * po_power_start, which counts as synced. Read on the machine that wrote it only.
 */
#ifndef PO_CORE_POWER_PRIV_H
#define PO_CORE_POWER_PRIV_H

#include "core/err.h"

#include <sys/socket.h>
#include <sys/types.h>

#ifdef PO_FAULTS

#define PO_POWER_JOURNAL_NAME "journal"
#define PO_POWER_MAGIC 0x706f7765u

enum po_power_op {
    PO_POWER_BASE_DIR = 1, /* ino, mode; parent + name unless it is the root (parent 0) */
    PO_POWER_BASE_FILE,    /* ino, mode, parent + name, offset = size */
    PO_POWER_BASE_LINK,    /* symlink: ino, parent + name, data = target */
    PO_POWER_BASE_SOCKET,  /* ino, mode, parent + name */
    PO_POWER_BASE_DATA,    /* ino, offset, data */
    PO_POWER_CREATE,       /* ino, mode, parent + name: a new empty file */
    PO_POWER_MKDIR,        /* ino, mode, parent + name */
    PO_POWER_SYMLINK,      /* ino, parent + name, data = target */
    PO_POWER_BIND,         /* ino, mode, parent + name: a socket */
    PO_POWER_ADD_NAME,     /* hard link: ino, parent + name */
    PO_POWER_REMOVE,       /* parent + name: unlink or rmdir */
    PO_POWER_RENAME,       /* parent + name -> parent2 + name2 */
    PO_POWER_WRITE,        /* ino, offset, data */
    PO_POWER_TRUNCATE,     /* ino, offset = new size */
    PO_POWER_GROW,         /* ino, offset = size it has at least */
    PO_POWER_CHMOD,        /* ino, mode */
    PO_POWER_SYNC_DATA,    /* ino: fdatasync */
    PO_POWER_SYNC_ALL,     /* ino: fsync; of a directory, its names */
    PO_POWER_SYNC_FS,      /* syncfs: all that was done */
    PO_POWER_SYNC_FAILED   /* ino: the unsynced part is on disk or not, and never will be */
};

struct po_power_record {
    uint32_t magic;
    uint32_t op;
    uint64_t ino;
    uint64_t parent;
    uint64_t parent2;
    uint64_t offset;
    uint64_t data_len;
    uint32_t mode;
    uint32_t name_len;
    uint32_t name2_len;
    uint32_t reserved;
};

struct po_power_open {
    bool existed;
    bool had_bytes;
};

/* Hooks of sys.c. All keep errno, do nothing while no recording runs, and may end the process. */
struct po_power_open po_power_before_open(int dir_fd, const char *path, int flags);
void po_power_after_open(int fd, int flags, struct po_power_open before);
void po_power_wrote(int fd, const void *buf, ssize_t len,
                    off_t offset); /* offset -1: at position */
void po_power_truncated(int fd, off_t len);
void po_power_grew(int fd, off_t len);
void po_power_chmoded(int fd, const char *path, mode_t mode); /* fd -1: by path */
void po_power_made_dir(const char *path);
void po_power_linked(const char *path);
void po_power_symlinked(const char *target, const char *path);
void po_power_bound(const struct sockaddr *address, socklen_t len);
void po_power_removed(const char *path);
void po_power_renamed(const char *from, const char *to);
/* A name must not cross the root's border: true when it would. */
bool po_power_refuses(const char *from, const char *to);
/* True when the layer did the sync (no real one is needed then). */
bool po_power_synced(int fd, enum po_power_op op);
void po_power_sync_failed(int fd);

#else
struct po_power_open {
    bool existed;
    bool had_bytes;
};
#define po_power_before_open(dir_fd, path, flags) ((struct po_power_open){false, false})
#define po_power_after_open(fd, flags, before) ((void)(before))
#define po_power_wrote(fd, buf, len, offset) ((void)0)
#define po_power_truncated(fd, len) ((void)0)
#define po_power_grew(fd, len) ((void)0)
#define po_power_chmoded(fd, path, mode) ((void)0)
#define po_power_made_dir(path) ((void)0)
#define po_power_linked(path) ((void)0)
#define po_power_symlinked(target, path) ((void)0)
#define po_power_bound(address, len) ((void)0)
#define po_power_removed(path) ((void)0)
#define po_power_renamed(from, to) ((void)0)
#define po_power_refuses(from, to) (false)
#define po_power_synced(fd, op) (false)
#define po_power_sync_failed(fd) ((void)0)
#endif

#endif
