/*
 * Power-cut layer: what one file may hold after a cut.
 *
 * The model is a journaling file system with ordered metadata and unordered data:
 *  - sizes (and the freeing of blocks by a truncation) are kept up to some moment and lost after it;
 *  - each 512-byte sector holds, independently, one of the contents it has had since the last sync;
 *  - a block freed by a kept truncation never shows older bytes, and one freed by a lost truncation
 *    never shows newer ones: the old block is still in place.
 */
#include "core/power.h"

#include "core/power_model_priv.h"

#ifdef PO_FAULTS

#include "core/alloc.h"

#define SECTOR PO_POWER_SECTOR_BYTES
#define FS_BLOCK_BYTES 4096

po_rc po_power_file_apply(struct disk_object *file, const struct disk_change *change)
{
    struct po_buf *content = &file->content;
    size_t end = (size_t)change->offset + change->data.len;
    if (change->op == PO_POWER_CHMOD) {
        file->mode = change->mode;
        return po_rc_ok();
    }
    if (change->op == PO_POWER_TRUNCATE) po_buf_truncate(content, end);
    if (end > content->len) po_buf_append_zeros(content, end - content->len);
    PO_PASS(po_buf_check(content));
    if (change->op == PO_POWER_WRITE)
        memcpy(content->ptr + change->offset, change->data.ptr, change->data.len);
    return po_rc_ok();
}

static uint64_t size_after(uint64_t size, const struct disk_change *change)
{
    uint64_t end = change->offset + change->data.len;
    if (change->op == PO_POWER_CHMOD) return size;
    if (change->op == PO_POWER_TRUNCATE) return end;
    return end > size ? end : size;
}

/* Sizes up to and including change `ret_last` are kept; -1 is none. Returns the size. */
static uint64_t settle_size(struct disk *disk, const struct disk_object *file, int64_t *ret_last)
{
    int64_t count = (int64_t)file->change_count;
    int64_t last = count - 1;
    if (po_power_draw(disk, 256) >= disk->keep_size)
        last = (int64_t)po_power_draw(disk, (uint64_t)count + 1) - 1;
    if (disk->keep_size == 0) last = -1;
    uint64_t size = file->content.len;
    for (int64_t i = 0; i <= last; i++)
        size = size_after(size, &file->changes[i]);
    *ret_last = last;
    return size;
}

static bool touches(const struct disk_change *change, uint64_t sector)
{
    uint64_t start = sector * SECTOR;
    if (change->op == PO_POWER_TRUNCATE) return change->offset < start + SECTOR;
    if (change->op != PO_POWER_WRITE) return false;
    return change->offset < start + SECTOR && change->offset + change->data.len > start;
}

/* The truncation gives the sector's block back. */
static bool frees(const struct disk_change *change, uint64_t sector)
{
    uint64_t block_start = sector * SECTOR / FS_BLOCK_BYTES * FS_BLOCK_BYTES;
    return change->op == PO_POWER_TRUNCATE && change->offset <= block_start;
}

static void change_sector(char bytes[static SECTOR], const struct disk_change *change,
                          uint64_t sector)
{
    uint64_t start = sector * SECTOR;
    uint64_t from = change->offset > start ? change->offset - start : 0;
    if (change->op == PO_POWER_TRUNCATE) {
        memset(bytes + from, 0, (size_t)(SECTOR - from));
        return;
    }
    uint64_t end = change->offset + change->data.len - start;
    if (end > SECTOR) end = SECTOR;
    memcpy(bytes + from, change->data.ptr + (start + from - change->offset), (size_t)(end - from));
}

/* Which changes of this sector are on disk: those up to the returned index; -1 is none. */
static int64_t draw_version(struct disk *disk, const struct disk_object *file, uint64_t sector,
                            int64_t sizes_last)
{
    int64_t low = -1;
    int64_t choices = 1;
    int64_t newest = -1;
    for (int64_t i = 0; i < (int64_t)file->change_count; i++) {
        const struct disk_change *change = &file->changes[i];
        if (!touches(change, sector)) continue;
        if (frees(change, sector) && i > sizes_last) break;
        choices = frees(change, sector) ? 1 : choices + 1;
        if (frees(change, sector)) low = i;
        newest = i;
    }
    if (newest < 0 || disk->keep_data == 0) return low;
    if (po_power_draw(disk, 256) < disk->keep_data) return newest;
    int64_t wanted = (int64_t)po_power_draw(disk, (uint64_t)choices);
    int64_t at = low;
    for (int64_t i = low + 1; wanted > 0 && i <= newest; i++) {
        if (!touches(&file->changes[i], sector)) continue;
        at = i;
        wanted--;
    }
    return at;
}

static void settle_sector(struct disk *disk, const struct disk_object *file, uint64_t sector,
                          int64_t sizes_last, struct po_buf *out)
{
    char bytes[SECTOR] = {0};
    uint64_t start = sector * SECTOR;
    if (start < file->content.len) {
        size_t have = file->content.len - (size_t)start;
        memcpy(bytes, file->content.ptr + start, have < SECTOR ? have : SECTOR);
    }
    int64_t version = draw_version(disk, file, sector, sizes_last);
    for (int64_t i = 0; i <= version; i++)
        if (touches(&file->changes[i], sector)) change_sector(bytes, &file->changes[i], sector);
    size_t room = out->len - (size_t)start;
    memcpy(out->ptr + start, bytes, room < SECTOR ? room : SECTOR);
}

/* Sectors from `*ret_from` up to `*ret_to` (exclusive, within `size`) that the change touches. */
static void touched_range(const struct disk_change *change, uint64_t size, uint64_t *ret_from,
                          uint64_t *ret_to)
{
    uint64_t end = change->op == PO_POWER_TRUNCATE ? size : change->offset + change->data.len;
    if (end > size) end = size;
    *ret_from = change->offset / SECTOR;
    *ret_to = (end + SECTOR - 1) / SECTOR;
    if (change->op != PO_POWER_TRUNCATE && change->op != PO_POWER_WRITE) *ret_to = *ret_from;
}

static po_rc settle_data(struct disk *disk, const struct disk_object *file, int64_t sizes_last,
                         struct po_buf *out)
{
    uint64_t sectors = out->len / SECTOR + 1;
    PO_CLEANUP(po_freep) uint8_t *is_done = po_calloc((size_t)sectors, 1);
    if (is_done == NULL) return po_rc_of(PO_NOMEM);
    for (size_t i = 0; i < file->change_count; i++) {
        uint64_t from = 0;
        uint64_t to = 0;
        touched_range(&file->changes[i], out->len, &from, &to);
        for (uint64_t sector = from; sector < to; sector++) {
            if (is_done[sector] != 0) continue;
            is_done[sector] = 1;
            settle_sector(disk, file, sector, sizes_last, out);
        }
    }
    return po_rc_ok();
}

static void settle_mode(struct disk *disk, struct disk_object *object)
{
    for (size_t i = 0; i < object->change_count; i++)
        if (object->changes[i].op == PO_POWER_CHMOD && po_power_draw(disk, 256) < disk->keep_mode)
            object->mode = object->changes[i].mode;
}

po_rc po_power_file_settle(struct disk *disk, struct disk_object *file)
{
    if (file->change_count == 0) return po_rc_ok();
    settle_mode(disk, file);
    if (file->kind != DISK_FILE) {
        file->change_count = 0;
        return po_rc_ok();
    }
    int64_t sizes_last = -1;
    uint64_t size = settle_size(disk, file, &sizes_last);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, (size_t)PO_POWER_JOURNAL_BYTES_MAX);
    size_t old = file->content.len < size ? file->content.len : (size_t)size;
    po_buf_append(&out, po_str_n(file->content.ptr, old));
    po_buf_append_zeros(&out, (size_t)size - old);
    PO_PASS(po_buf_check(&out));
    PO_PASS(settle_data(disk, file, sizes_last, &out));
    struct po_buf before = file->content;
    file->content = out;
    out = before;
    file->change_count = 0;
    return po_rc_ok();
}

#else
/* ISO C forbids an empty translation unit. */
typedef int po_power_settle_unused;
#endif
