/*
 * Power-cut layer: the model of the disk that a journal is replayed on. It says for every file and
 * name what is synced and what has changed since; settling it draws one state a cut could leave.
 */
#ifndef PO_CORE_POWER_MODEL_PRIV_H
#define PO_CORE_POWER_MODEL_PRIV_H

#ifdef PO_FAULTS

#include "core/buf.h"
#include "core/power_priv.h"
#include "core/str.h"

enum disk_kind { DISK_DIR, DISK_FILE, DISK_LINK, DISK_SOCKET };

/* A change of a file since its last sync; `data` is borrowed from the journal's bytes. */
struct disk_change {
    enum po_power_op op; /* WRITE, TRUNCATE, GROW, CHMOD */
    uint64_t offset;
    uint32_t mode;
    po_str data;
};

struct disk_object {
    enum disk_kind kind;
    uint64_t ino;
    uint32_t mode;
    struct po_buf content; /* synced bytes of a file; target of a link */
    struct disk_change *changes;
    size_t change_count;
    size_t change_cap;
    bool is_superseded; /* its inode number was given to a later object */
    const char *placed; /* where the restore has put it first; owned by the model */
};

/* A synced name. */
struct disk_name {
    size_t dir; /* index of an object */
    po_str name;
    size_t object;
};

/* A change of names since the directory's last sync. */
struct disk_name_op {
    enum po_power_op op; /* CREATE (of all kinds), REMOVE, RENAME */
    size_t dir;
    po_str name;
    size_t dir2;
    po_str name2;
    size_t object;
    bool is_marked;
};

struct disk {
    struct po_buf journal;
    struct disk_object *objects;
    size_t object_count;
    size_t object_cap;
    struct disk_name *names;
    size_t name_count;
    size_t name_cap;
    struct disk_name_op *ops;
    size_t op_count;
    size_t op_cap;
    uint64_t random;
    /* Chances of 256 that something unsynced is wholly kept. */
    unsigned keep_data;
    unsigned keep_size;
    unsigned keep_names;
    unsigned keep_mode;
};

/* Read and replay the journal of `shadow_dir`. Done with disk_done, also after a failure. */
PO_RC po_power_disk_load(struct disk *disk, const char *shadow_dir, uint64_t seed);
/* Draw what the cut leaves: afterwards `content`, `mode` and `names` are the state, nothing pends. */
PO_RC po_power_disk_settle(struct disk *disk);
void po_power_disk_done(struct disk *disk);

/* Shared between power_model.c and power_settle.c. */
PO_RC po_power_file_apply(struct disk_object *file, const struct disk_change *change);
PO_RC po_power_file_settle(struct disk *disk, struct disk_object *file);
/* Number below `limit` (> 0), from the seed. */
uint64_t po_power_draw(struct disk *disk, uint64_t limit);

#endif
#endif
