/*
 * A pack's copy of the log: records under tile/entries give every tile and the root again.
 */
#include "core/alloc.h"
#include "crypto/crypto.h"
#include "pack_verify_priv.h"

#define LOG_LEAVES_MAX ((uint64_t)16 << 20)

/* tlog-tiles path of tile `n` at a level (-1: entries); `width` 256 is a full tile. */
static const char *tile_path(struct po_ctx *cx, int level, uint64_t n, unsigned width)
{
    char groups[40] = "";
    size_t len = 0;
    unsigned parts[6] = {0};
    size_t count = 0;
    do {
        parts[count++] = (unsigned)(n % 1000);
        n /= 1000;
    } while (n > 0 && count < 6);
    while (count > 0) {
        count--;
        groups[len++] = '/';
        if (count > 0) groups[len++] = 'x';
        groups[len++] = (char)('0' + parts[count] / 100);
        groups[len++] = (char)('0' + parts[count] / 10 % 10);
        groups[len++] = (char)('0' + parts[count] % 10);
    }
    groups[len] = '\0';
    const char *head =
        level < 0 ? "log/tile/entries" : po_arena_printf(cx->arena, "log/tile/%d", level);
    if (head == NULL) return NULL;
    if (width == PO_TILE_WIDTH) return po_arena_printf(cx->arena, "%s%s", head, groups);
    return po_arena_printf(cx->arena, "%s%s.p/%u", head, groups, width);
}

PO_RC po_pack_root(struct po_ctx *cx, const uint8_t (*hashes)[PO_SHA256_BYTES], uint64_t count,
                   uint8_t ret_root[static PO_SHA256_BYTES])
{
    /* RFC 6962 2.1 by a stack of perfect subtrees: bit i of `seen` = a subtree of 2^i waits. */
    uint8_t stack[64][PO_SHA256_BYTES];
    size_t depth = 0;
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = NULL;
    PO_TRY(cx, po_hash_new(cx, &hash));
    if (count == 0) {
        PO_TRY_LEAF(cx, po_sha256(PO_LIT(""), ret_root), "hashing");
        return po_rc_ok();
    }
    for (uint64_t i = 0; i < count; i++) {
        memcpy(stack[depth++], hashes[i], PO_SHA256_BYTES);
        for (uint64_t full = i + 1; (full & 1U) == 0; full >>= 1) {
            depth--;
            PO_TRY_LEAF(cx, po_hash_node(hash, stack[depth - 1], stack[depth], stack[depth - 1]),
                        "hashing");
        }
    }
    while (depth > 1) {
        depth--;
        PO_TRY_LEAF(cx, po_hash_node(hash, stack[depth - 1], stack[depth], stack[depth - 1]),
                    "hashing");
    }
    memcpy(ret_root, stack[0], PO_SHA256_BYTES);
    return po_rc_ok();
}

/* One bundle: (u16 length, entry) up to `width` times, nothing after. */
static PO_RC read_bundle(struct po_ctx *cx, struct po_pack_check *check, po_str bytes,
                         uint64_t first, unsigned width)
{
    size_t at = 0;
    for (unsigned i = 0; i < width; i++) {
        if (bytes.len - at < 2 + PO_RECORD_BYTES ||
            ((size_t)(uint8_t)bytes.ptr[at] << 8 | (uint8_t)bytes.ptr[at + 1]) != PO_RECORD_BYTES)
            return PO_FAIL(cx, PO_INVALID, "entry %u is no record", i);
        po_str record_bytes = po_str_n(bytes.ptr + at + 2, PO_RECORD_BYTES);
        struct po_record record;
        PO_TRY_LEAF(cx, po_record_decode(record_bytes, &record), "entry %u is no record", i);
        PO_TRY_LEAF(cx, po_leaf_hash(record_bytes, check->leaf_hashes[first + i]), "hashing");
        if (record.recv_time_us < check->last_received_us)
            return PO_FAIL(cx, PO_TAMPER, "entry %u was received before the one before it", i);
        check->last_received_us = record.recv_time_us;
        at += 2 + PO_RECORD_BYTES;
    }
    if (at != bytes.len) return PO_FAIL(cx, PO_INVALID, "bytes follow the last entry");
    return po_rc_ok();
}

static PO_RC read_entries(struct po_ctx *cx, struct po_pack_check *check)
{
    uint64_t size = check->manifest.as_of.size;
    for (uint64_t first = 0; first < size; first += PO_TILE_WIDTH) {
        unsigned width = size - first < PO_TILE_WIDTH ? (unsigned)(size - first) : PO_TILE_WIDTH;
        const char *path = tile_path(cx, -1, first / PO_TILE_WIDTH, width);
        PO_BUF_AUTO bytes;
        po_buf_init(&bytes, (size_t)1 << 20);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_pack_source_read(cx, check->source, po_str_of(path), &bytes));
        PO_TRY_MSG(cx, read_bundle(cx, check, po_buf_str(&bytes), first, width), "%s", path);
    }
    return po_rc_ok();
}

/* Every tile the size needs must hold the hashes computed from the records. */
static PO_RC check_tiles(struct po_ctx *cx, struct po_pack_check *check, int level,
                         const uint8_t (*hashes)[PO_SHA256_BYTES], uint64_t count)
{
    for (uint64_t first = 0; first < count; first += PO_TILE_WIDTH) {
        unsigned width = count - first < PO_TILE_WIDTH ? (unsigned)(count - first) : PO_TILE_WIDTH;
        const char *path = tile_path(cx, level, first / PO_TILE_WIDTH, width);
        PO_BUF_AUTO bytes;
        po_buf_init(&bytes, PO_TILE_BYTES);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_pack_source_read(cx, check->source, po_str_of(path), &bytes));
        if (!po_str_eq(po_buf_str(&bytes),
                       po_str_n(hashes[first], (size_t)width * PO_SHA256_BYTES)))
            return PO_FAIL(cx, PO_TAMPER, "%s: not the hashes of the records", path);
    }
    return po_rc_ok();
}

static PO_RC check_levels(struct po_ctx *cx, struct po_pack_check *check)
{
    const uint8_t(*hashes)[PO_SHA256_BYTES] = check->leaf_hashes;
    uint64_t count = check->manifest.as_of.size;
    for (int level = 0; count > 0; level++) {
        PO_TRY(cx, check_tiles(cx, check, level, hashes, count));
        uint64_t above = count / PO_TILE_WIDTH;
        uint8_t(*next)[PO_SHA256_BYTES] = NULL;
        PO_ARENA_NEW(cx, next, above + 1);
        for (uint64_t i = 0; i < above; i++)
            PO_TRY(cx, po_pack_root(cx, hashes + i * PO_TILE_WIDTH, PO_TILE_WIDTH, next[i]));
        hashes = next;
        count = above;
    }
    return po_rc_ok();
}

static PO_RC check_log(struct po_ctx *cx, struct po_pack_check *check)
{
    uint64_t size = check->manifest.as_of.size;
    uint8_t root[PO_SHA256_BYTES];
    if (size > LOG_LEAVES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a log of %lu leaves is more than a pack may hold",
                       (unsigned long)size);
    /* Not in the arena: a long log has more leaves than a request has memory. */
    check->leaf_hashes = po_calloc((size_t)size, PO_SHA256_BYTES);
    if (check->leaf_hashes == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the log");
    PO_TRY(cx, read_entries(cx, check));
    PO_TRY(cx, check_levels(cx, check));
    PO_TRY(cx, po_pack_root(cx, check->leaf_hashes, size, root));
    if (!po_str_eq(po_str_n(root, sizeof root), po_str_n(check->manifest.as_of.root, sizeof root)))
        return PO_FAIL(cx, PO_TAMPER, "the records do not give the root that the manifest states");
    if (check->last_received_us != check->manifest.as_of.time_us)
        return PO_FAIL(cx, PO_TAMPER, "the manifest's time is not that of its last leaf");
    return po_rc_ok();
}

PO_RC po_pack_check_log(struct po_ctx *cx, struct po_pack_check *check)
{
    po_rc rc = check_log(cx, check);
    if (!po_is_ok(rc)) po_freep(&check->leaf_hashes);
    return po_pack_find_rc(cx, check, PO_PACK_LOG, PO_LIT("log/"), rc);
}
