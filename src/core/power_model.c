/*
 * Power-cut layer: replaying a journal on the model of a disk.
 *
 * Invariants
 *  1. `content`, `mode` and `names` are what is synced; `changes` and `ops` are what is not, in order.
 *  2. an operation on a name is never kept without the earlier ones on the same name, and a rename
 *     never without the directory it leads into: so no name is lost by a rename.
 */
#include "core/power.h"

#include "core/power_model_priv.h"

#ifdef PO_FAULTS

#include "core/alloc.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define NONE SIZE_MAX

uint64_t po_power_draw(struct disk *disk, uint64_t limit)
{
    /* splitmix64: the seed decides everything, apart from po_random. */
    disk->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = disk->random;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

static void seed_chances(struct disk *disk, uint64_t seed)
{
    static const struct {
        unsigned data;
        unsigned size;
        unsigned names;
        unsigned mode;
    } fixed[] = {
        [PO_POWER_SEED_LOSE_ALL] = {0, 0, 0, 0},
        [PO_POWER_SEED_KEEP_ALL] = {256, 256, 256, 256},
        [PO_POWER_SEED_NAMES_ONLY] = {0, 0, 256, 0},
        [PO_POWER_SEED_DATA_ONLY] = {256, 256, 0, 256},
        [PO_POWER_SEED_SIZES_ONLY] = {0, 256, 256, 256},
    };
    /* Small but above 0, so that losing is likely and yet nothing is out of reach. */
    static const unsigned levels[] = {16, 64, 128, 192, 240, 256};
    disk->random = seed;
    if (seed < sizeof fixed / sizeof fixed[0]) {
        disk->keep_data = fixed[seed].data;
        disk->keep_size = fixed[seed].size;
        disk->keep_names = fixed[seed].names;
        disk->keep_mode = fixed[seed].mode;
        return;
    }
    uint64_t count = sizeof levels / sizeof levels[0];
    disk->keep_data = levels[po_power_draw(disk, count)];
    disk->keep_size = levels[po_power_draw(disk, count)];
    disk->keep_names = levels[po_power_draw(disk, count)];
    disk->keep_mode = levels[po_power_draw(disk, count)];
}

/* Room for one more element of `size` bytes at `*items`. */
static po_rc grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) return po_rc_ok();
    size_t wanted = *cap == 0 ? 16 : *cap * 2;
    void *block = NULL;
    memcpy(&block, items, sizeof block);
    block = po_realloc(block, wanted * size);
    if (block == NULL) return po_rc_of(PO_NOMEM);
    memcpy(items, &block, sizeof block);
    *cap = wanted;
    return po_rc_ok();
}

static size_t find_object(const struct disk *disk, uint64_t ino)
{
    for (size_t i = disk->object_count; i-- > 0;)
        if (disk->objects[i].ino == ino && !disk->objects[i].is_superseded) return i;
    return NONE;
}

/* The object that a base or creating record is about; `content` is the target of a link. */
static po_rc add_object(struct disk *disk, const struct po_power_record *head, po_str content)
{
    static const enum disk_kind kinds[] = {
        [PO_POWER_BASE_DIR] = DISK_DIR,       [PO_POWER_MKDIR] = DISK_DIR,
        [PO_POWER_BASE_FILE] = DISK_FILE,     [PO_POWER_CREATE] = DISK_FILE,
        [PO_POWER_BASE_LINK] = DISK_LINK,     [PO_POWER_SYMLINK] = DISK_LINK,
        [PO_POWER_BASE_SOCKET] = DISK_SOCKET, [PO_POWER_BIND] = DISK_SOCKET,
    };
    size_t old = find_object(disk, head->ino);
    if (old != NONE) disk->objects[old].is_superseded = true;
    PO_PASS(grow(&disk->objects, disk->object_count, &disk->object_cap, sizeof *disk->objects));
    struct disk_object *object = &disk->objects[disk->object_count++];
    *object = (struct disk_object){.kind = kinds[head->op], .ino = head->ino, .mode = head->mode};
    po_buf_init(&object->content, (size_t)PO_POWER_JOURNAL_BYTES_MAX);
    po_buf_append(&object->content, content);
    return po_buf_check(&object->content);
}

/* ---- names ---- */

static bool is_same_name(size_t dir_a, po_str name_a, size_t dir_b, po_str name_b)
{
    return dir_a == dir_b && dir_a != NONE && po_str_eq(name_a, name_b);
}

static bool share_a_name(const struct disk_name_op *a, const struct disk_name_op *b)
{
    return is_same_name(a->dir, a->name, b->dir, b->name) ||
           is_same_name(a->dir, a->name, b->dir2, b->name2) ||
           is_same_name(a->dir2, a->name2, b->dir, b->name) ||
           is_same_name(a->dir2, a->name2, b->dir2, b->name2);
}

static size_t find_name(const struct disk *disk, size_t dir, po_str name)
{
    for (size_t i = 0; i < disk->name_count; i++)
        if (is_same_name(dir, name, disk->names[i].dir, disk->names[i].name)) return i;
    return NONE;
}

static void remove_name(struct disk *disk, size_t dir, po_str name)
{
    size_t at = find_name(disk, dir, name);
    if (at != NONE) disk->names[at] = disk->names[--disk->name_count];
}

static po_rc set_name(struct disk *disk, size_t dir, po_str name, size_t object)
{
    remove_name(disk, dir, name);
    PO_PASS(grow(&disk->names, disk->name_count, &disk->name_cap, sizeof *disk->names));
    disk->names[disk->name_count++] =
        (struct disk_name){.dir = dir, .name = name, .object = object};
    return po_rc_ok();
}

static po_rc apply_name_op(struct disk *disk, const struct disk_name_op *op)
{
    if (op->op == PO_POWER_CREATE) return set_name(disk, op->dir, op->name, op->object);
    size_t at = find_name(disk, op->dir, op->name);
    if (at == NONE) return po_rc_of(PO_CORRUPT);
    size_t object = disk->names[at].object;
    remove_name(disk, op->dir, op->name);
    if (op->op == PO_POWER_REMOVE) return po_rc_ok();
    return set_name(disk, op->dir2, op->name2, object);
}

/* Apply the marked operations in order and forget them; the others stay pending. */
static po_rc apply_marked(struct disk *disk)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->op_count; i++) {
        if (disk->ops[i].is_marked)
            PO_PASS(apply_name_op(disk, &disk->ops[i]));
        else
            disk->ops[kept++] = disk->ops[i];
    }
    disk->op_count = kept;
    return po_rc_ok();
}

static po_rc sync_names(struct disk *disk, size_t dir)
{
    for (size_t i = disk->op_count; i-- > 0;) {
        struct disk_name_op *op = &disk->ops[i];
        op->is_marked = op->dir == dir || op->dir2 == dir;
        for (size_t later = i + 1; !op->is_marked && later < disk->op_count; later++)
            op->is_marked = disk->ops[later].is_marked && share_a_name(op, &disk->ops[later]);
    }
    return apply_marked(disk);
}

static bool needs_dropped(const struct disk *disk, size_t at)
{
    const struct disk_name_op *op = &disk->ops[at];
    for (size_t i = 0; i < at; i++) {
        const struct disk_name_op *earlier = &disk->ops[i];
        if (earlier->is_marked) continue;
        if (share_a_name(op, earlier)) return true;
        if (op->op == PO_POWER_RENAME && earlier->op == PO_POWER_CREATE &&
            earlier->object == op->dir2)
            return true;
    }
    return false;
}

static po_rc settle_names(struct disk *disk)
{
    for (size_t i = 0; i < disk->op_count; i++)
        disk->ops[i].is_marked =
            !needs_dropped(disk, i) && po_power_draw(disk, 256) < disk->keep_names;
    PO_PASS(apply_marked(disk));
    disk->op_count = 0;
    return po_rc_ok();
}

/* ---- replay ---- */

struct journal_entry {
    struct po_power_record head;
    po_str name;
    po_str name2;
    po_str data;
};

/* The next record, cut off the front of `rest`. */
static po_rc next_entry(po_str *rest, struct journal_entry *ret_entry)
{
    struct journal_entry entry = {.name = {NULL, 0}};
    if (rest->len < sizeof entry.head) return po_rc_of(PO_CORRUPT);
    memcpy(&entry.head, rest->ptr, sizeof entry.head);
    size_t at = sizeof entry.head;
    if (entry.head.magic != PO_POWER_MAGIC || entry.head.name_len > NAME_MAX ||
        entry.head.name2_len > NAME_MAX || entry.head.data_len > rest->len)
        return po_rc_of(PO_CORRUPT);
    size_t end = at + entry.head.name_len + entry.head.name2_len + (size_t)entry.head.data_len;
    if (end > rest->len || entry.head.offset > PO_POWER_JOURNAL_BYTES_MAX)
        return po_rc_of(PO_CORRUPT);
    entry.name = po_str_slice(*rest, at, at + entry.head.name_len);
    at += entry.head.name_len;
    entry.name2 = po_str_slice(*rest, at, at + entry.head.name2_len);
    entry.data = po_str_slice(*rest, at + entry.head.name2_len, end);
    *rest = po_str_slice(*rest, end, rest->len);
    *ret_entry = entry;
    return po_rc_ok();
}

static po_rc replay_base(struct disk *disk, const struct journal_entry *entry)
{
    const struct po_power_record *head = &entry->head;
    size_t object = find_object(disk, head->ino);
    if (head->op == PO_POWER_BASE_DATA) {
        if (object == NONE) return po_rc_of(PO_CORRUPT);
        struct disk_change change = {
            .op = PO_POWER_WRITE, .offset = head->offset, .data = entry->data};
        return po_power_file_apply(&disk->objects[object], &change);
    }
    if (object == NONE) { /* else one more hard link */
        PO_PASS(add_object(disk, head, entry->data));
        object = disk->object_count - 1;
        struct po_buf *content = &disk->objects[object].content;
        if (head->op == PO_POWER_BASE_FILE) po_buf_append_zeros(content, (size_t)head->offset);
        PO_PASS(po_buf_check(content));
    }
    if (head->parent == 0) return po_rc_ok();
    size_t dir = find_object(disk, head->parent);
    if (dir == NONE) return po_rc_of(PO_CORRUPT);
    return set_name(disk, dir, entry->name, object);
}

static po_rc replay_name(struct disk *disk, const struct journal_entry *entry)
{
    const struct po_power_record *head = &entry->head;
    struct disk_name_op op = {.op = (enum po_power_op)head->op,
                              .dir = find_object(disk, head->parent),
                              .name = entry->name,
                              .dir2 = NONE,
                              .name2 = entry->name2,
                              .object = NONE};
    if (op.dir == NONE) return po_rc_of(PO_CORRUPT);
    if (head->op == PO_POWER_RENAME) {
        op.dir2 = find_object(disk, head->parent2);
        if (op.dir2 == NONE) return po_rc_of(PO_CORRUPT);
    } else if (head->op != PO_POWER_REMOVE) {
        if (head->op != PO_POWER_ADD_NAME) PO_PASS(add_object(disk, head, entry->data));
        op.op = PO_POWER_CREATE;
        op.object = find_object(disk, head->ino);
        if (op.object == NONE) return po_rc_of(PO_CORRUPT);
    }
    PO_PASS(grow(&disk->ops, disk->op_count, &disk->op_cap, sizeof *disk->ops));
    disk->ops[disk->op_count++] = op;
    return po_rc_ok();
}

static po_rc replay_change(struct disk *disk, const struct journal_entry *entry)
{
    size_t at = find_object(disk, entry->head.ino);
    if (at == NONE) return po_rc_of(PO_CORRUPT);
    struct disk_object *file = &disk->objects[at];
    PO_PASS(grow(&file->changes, file->change_count, &file->change_cap, sizeof *file->changes));
    file->changes[file->change_count++] =
        (struct disk_change){.op = (enum po_power_op)entry->head.op,
                             .offset = entry->head.offset,
                             .mode = entry->head.mode,
                             .data = entry->data};
    return po_rc_ok();
}

/* What a sync brings to disk. Modes only with fsync: nobody needs them to read the data. */
static po_rc sync_object(struct disk *disk, size_t at, enum po_power_op op)
{
    struct disk_object *file = &disk->objects[at];
    size_t kept = 0;
    for (size_t i = 0; i < file->change_count; i++) {
        bool stays = op == PO_POWER_SYNC_DATA && file->changes[i].op == PO_POWER_CHMOD;
        if (stays)
            file->changes[kept++] = file->changes[i];
        else
            PO_PASS(po_power_file_apply(file, &file->changes[i]));
    }
    file->change_count = kept;
    return file->kind == DISK_DIR ? sync_names(disk, at) : po_rc_ok();
}

static po_rc replay_sync(struct disk *disk, const struct journal_entry *entry)
{
    enum po_power_op op = (enum po_power_op)entry->head.op;
    size_t at = find_object(disk, entry->head.ino);
    if (at == NONE) return po_rc_of(PO_CORRUPT);
    if (op == PO_POWER_SYNC_FAILED) return po_power_file_settle(disk, &disk->objects[at]);
    if (op != PO_POWER_SYNC_FS) return sync_object(disk, at, op);
    for (size_t i = 0; i < disk->object_count; i++)
        PO_PASS(sync_object(disk, i, op));
    return po_rc_ok();
}

static po_rc replay_entry(struct disk *disk, const struct journal_entry *entry)
{
    switch ((enum po_power_op)entry->head.op) {
    case PO_POWER_BASE_DIR:
    case PO_POWER_BASE_FILE:
    case PO_POWER_BASE_LINK:
    case PO_POWER_BASE_SOCKET:
    case PO_POWER_BASE_DATA: return replay_base(disk, entry);
    case PO_POWER_CREATE:
    case PO_POWER_MKDIR:
    case PO_POWER_SYMLINK:
    case PO_POWER_BIND:
    case PO_POWER_ADD_NAME:
    case PO_POWER_REMOVE:
    case PO_POWER_RENAME: return replay_name(disk, entry);
    case PO_POWER_WRITE:
    case PO_POWER_TRUNCATE:
    case PO_POWER_GROW:
    case PO_POWER_CHMOD: return replay_change(disk, entry);
    case PO_POWER_SYNC_DATA:
    case PO_POWER_SYNC_ALL:
    case PO_POWER_SYNC_FS:
    case PO_POWER_SYNC_FAILED: return replay_sync(disk, entry);
    default: return po_rc_of(PO_CORRUPT);
    }
}

static po_rc read_journal(struct po_buf *out, const char *shadow_dir)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", shadow_dir, PO_POWER_JOURNAL_NAME);
    if (len < 0 || (size_t)len >= sizeof path) return po_rc_of(PO_INVALID);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return po_rc_of(PO_IO);
    char block[1 << 16];
    ssize_t got = 0;
    while ((got = read(fd, block, sizeof block)) > 0)
        po_buf_append(out, po_str_n(block, (size_t)got));
    if (close(fd) != 0 || got < 0) return po_rc_of(PO_IO);
    return po_buf_check(out);
}

po_rc po_power_disk_load(struct disk *disk, const char *shadow_dir, uint64_t seed)
{
    *disk = (struct disk){.object_count = 0};
    po_buf_init(&disk->journal, (size_t)PO_POWER_JOURNAL_BYTES_MAX);
    seed_chances(disk, seed);
    PO_PASS(read_journal(&disk->journal, shadow_dir));
    po_str rest = po_buf_str(&disk->journal);
    while (rest.len > 0) {
        struct journal_entry entry;
        PO_PASS(next_entry(&rest, &entry));
        PO_PASS(replay_entry(disk, &entry));
    }
    if (disk->object_count == 0 || disk->objects[0].kind != DISK_DIR) return po_rc_of(PO_CORRUPT);
    return po_rc_ok();
}

po_rc po_power_disk_settle(struct disk *disk)
{
    for (size_t i = 0; i < disk->object_count; i++)
        PO_PASS(po_power_file_settle(disk, &disk->objects[i]));
    return settle_names(disk);
}

void po_power_disk_done(struct disk *disk)
{
    for (size_t i = 0; i < disk->object_count; i++) {
        po_buf_done(&disk->objects[i].content);
        po_free(disk->objects[i].changes);
        void *placed = (void *)(uintptr_t)disk->objects[i].placed;
        po_free(placed);
    }
    po_free(disk->objects);
    po_free(disk->names);
    po_free(disk->ops);
    po_buf_done(&disk->journal);
}

#else
/* ISO C forbids an empty translation unit. */
typedef int po_power_model_unused;
#endif
