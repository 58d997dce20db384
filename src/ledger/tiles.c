/*
 * Tile files and the tree of a ledger: where subtree hashes come from.
 *
 * Invariants
 *  1. A tile file is written whole, durably, after its records are durable.
 *  2. Files are trusted for leaves below `tile_size`; tiles beyond (recovered leaves of a ledger that
 *     may not be written) are computed from the records.
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

#include <inttypes.h>
#include <stdio.h>

#define TILE_PATH_BYTES 96

/* ---- files ----------------------------------------------------------------------------------- */

/* Make the directories of a tile's path, durably where they are new, or left by who was killed meanwhile. */
static po_rc make_dirs(struct po_ctx *cx, const struct po_ledger *ledger, const char *tile_path)
{
    char part[PO_LEDGER_PATH_BYTES];
    PO_TRY(cx, po_ledger_path(cx, ledger, tile_path, part));
    size_t start = strlen(ledger->dir);
    for (size_t i = start + 1; part[i] != '\0'; i++) {
        struct po_fs_info info = {0};
        if (part[i] != '/') continue;
        part[i] = '\0';
        PO_TRY(cx, po_fs_info(cx, part, &info));
        if (!info.exists || ledger->recovery.was_open) {
            const char *parent = NULL;
            if (!info.exists) PO_TRY(cx, po_fs_mkdir(cx, part, 0750));
            PO_TRY(cx, po_path_dir(cx, part, &parent));
            PO_TRY(cx, po_fs_sync_dir(cx, parent));
        }
        part[i] = '/';
    }
    return po_rc_ok();
}

static po_rc tile_write(struct po_ctx *cx, struct po_ledger *ledger, unsigned level,
                        uint64_t number, const uint8_t *tile)
{
    char kind[8];
    char name[TILE_PATH_BYTES];
    char path[PO_LEDGER_PATH_BYTES];
    PO_SCRATCH_AUTO scratch = {0};
    PO_TRY(cx, po_scratch_begin(cx, (size_t)1 << 20, &scratch));
    (void)snprintf(kind, sizeof kind, "%u", level);
    po_tile_path(name, sizeof name, kind, number, PO_TILE_WIDTH);
    PO_TRY(cx, make_dirs(cx, ledger, name));
    PO_TRY(cx, po_ledger_path(cx, ledger, name, path));
    PO_TRY_MSG(cx, po_fs_write_atomic(cx, path, po_str_n(tile, PO_TILE_BYTES), 0640),
               "writing ledger file '%s'", name);
    return po_rc_ok();
}

static po_rc tile_read(struct po_ctx *cx, const struct po_ledger *ledger, unsigned level,
                       uint64_t number, uint8_t *ret_tile)
{
    char kind[8];
    char name[TILE_PATH_BYTES];
    char path[PO_LEDGER_PATH_BYTES];
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_TILE_BYTES + 1);
    (void)snprintf(kind, sizeof kind, "%u", level);
    po_tile_path(name, sizeof name, kind, number, PO_TILE_WIDTH);
    PO_TRY(cx, po_ledger_path(cx, ledger, name, path));
    po_rc rc = po_fs_read(cx, path, &bytes);
    if (rc.code == PO_NOTFOUND) return PO_FAIL(cx, PO_CORRUPT, "ledger file '%s' is missing", name);
    PO_TRY_MSG(cx, rc, "reading ledger file '%s'", name);
    if (bytes.len != PO_TILE_BYTES)
        return PO_FAIL(cx, PO_CORRUPT, "ledger file '%s' has %zu bytes", name, bytes.len);
    memcpy(ret_tile, bytes.ptr, PO_TILE_BYTES);
    return po_rc_ok();
}

/* ---- computing from records ------------------------------------------------------------------ */

static po_rc leaf_tile(struct po_ctx *cx, struct po_ledger *ledger, uint64_t number,
                       uint8_t *ret_tile)
{
    const uint8_t *block = NULL;
    uint32_t leaves = 0;
    PO_TRY(cx, po_ledger_block(cx, ledger, number * PO_TILE_WIDTH, &block, &leaves));
    PO_INVARIANT(cx, leaves == PO_TILE_WIDTH);
    for (unsigned i = 0; i < PO_TILE_WIDTH; i++)
        PO_TRY_LEAF(cx,
                    po_hash_leaf(ledger->hash,
                                 po_str_n(block + (size_t)i * PO_RECORD_BYTES, PO_RECORD_BYTES),
                                 ret_tile + (size_t)i * PO_SHA256_BYTES),
                    "hashing a leaf");
    return po_rc_ok();
}

/* A tile that no file holds. Recovered tails are short, so levels above the second are rare. */
static po_rc tile_compute(struct po_ctx *cx, struct po_ledger *ledger, unsigned level,
                          uint64_t number, uint8_t *ret_tile)
{
    if (level == 0) {
        PO_TRY(cx, leaf_tile(cx, ledger, number, ret_tile));
        return po_rc_ok();
    }
    for (unsigned i = 0; i < PO_TILE_WIDTH; i++) {
        const uint8_t *below = NULL;
        PO_TRY(cx, po_ledger_tile(cx, ledger, level - 1, number * PO_TILE_WIDTH + i, &below));
        PO_TRY_LEAF(cx,
                    po_tile_fold(ledger->hash, below, PO_TILE_WIDTH,
                                 ret_tile + (size_t)i * PO_SHA256_BYTES),
                    "hashing a tile");
    }
    return po_rc_ok();
}

/* Depth is bounded by PO_TILE_LEVELS. */
po_rc po_ledger_tile(struct po_ctx *cx, struct po_ledger *ledger, unsigned level, uint64_t number,
                     const uint8_t **ret_tile)
{
    PO_INVARIANT(cx, level < PO_TILE_LEVELS);
    uint8_t *slot = ledger->tile_cache[level];
    if (ledger->tile_cache_number[level] != number) {
        ledger->tile_cache_number[level] = UINT64_MAX;
        bool is_on_disk = (number + 1) << (8 * (level + 1)) <= ledger->tile_size;
        if (is_on_disk)
            PO_TRY(cx, tile_read(cx, ledger, level, number, slot));
        else
            PO_TRY(cx, tile_compute(cx, ledger, level, number, slot));
        ledger->tile_cache_number[level] = number;
    }
    *ret_tile = slot;
    return po_rc_ok();
}

/* ---- the edge -------------------------------------------------------------------------------- */

static po_rc edge_load_leaves(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size)
{
    const uint8_t *block = NULL;
    uint32_t leaves = 0;
    unsigned count = (unsigned)(size % PO_TILE_WIDTH);
    if (count == 0) return po_rc_ok();
    PO_TRY(cx, po_ledger_block(cx, ledger, size - count, &block, &leaves));
    PO_INVARIANT(cx, leaves >= count);
    for (unsigned i = 0; i < count; i++)
        PO_TRY_LEAF(cx,
                    po_hash_leaf(ledger->hash,
                                 po_str_n(block + (size_t)i * PO_RECORD_BYTES, PO_RECORD_BYTES),
                                 ledger->edge.tile[0][i]),
                    "hashing a leaf");
    return po_rc_ok();
}

po_rc po_ledger_edge_load(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size)
{
    PO_TRY(cx, edge_load_leaves(cx, ledger, size));
    for (unsigned level = 1; level < PO_TILE_LEVELS; level++) {
        uint64_t entries = size >> (8 * level);
        uint64_t first = entries - entries % PO_TILE_WIDTH;
        for (uint64_t i = first; i < entries; i++) {
            const uint8_t *below = NULL;
            PO_TRY(cx, po_ledger_tile(cx, ledger, level - 1, i, &below));
            PO_TRY_LEAF(cx,
                        po_tile_fold(ledger->hash, below, PO_TILE_WIDTH,
                                     ledger->edge.tile[level][i - first]),
                        "hashing a tile");
        }
    }
    ledger->edge.size = size;
    return po_rc_ok();
}

static po_rc on_full_tile(struct po_ctx *cx, void *user, unsigned level, uint64_t number,
                          const uint8_t tile[static PO_TILE_BYTES])
{
    struct po_ledger *ledger = user;
    if (ledger->reason[0] != '\0') return po_rc_ok();
    PO_TRY(cx, tile_write(cx, ledger, level, number, tile));
    return po_rc_ok();
}

po_rc po_ledger_edge_add(struct po_ctx *cx, struct po_ledger *ledger, const uint8_t *record_bytes)
{
    uint8_t leaf[PO_SHA256_BYTES];
    const struct po_edge_sink sink = {.user = ledger, .full = on_full_tile};
    PO_TRY_LEAF(cx, po_hash_leaf(ledger->hash, po_str_n(record_bytes, PO_RECORD_BYTES), leaf),
                "hashing a leaf");
    PO_TRY(cx, po_edge_push(cx, &ledger->edge, ledger->hash, leaf, &sink));
    if (ledger->reason[0] == '\0') ledger->tile_size = ledger->edge.size;
    return po_rc_ok();
}

/* ---- subtree hashes -------------------------------------------------------------------------- */

/* Subtree of 2^level leaves: 2^(level % 8) neighbouring hashes of tile level level / 8. */
static po_rc node_of(struct po_ctx *cx, void *user, unsigned level, uint64_t index,
                     uint8_t ret_hash[static PO_SHA256_BYTES])
{
    struct po_ledger *ledger = user;
    unsigned tile_level = level / 8;
    unsigned width = 1u << (level % 8);
    uint64_t first = index << (level % 8);
    const uint8_t *tile = NULL;
    PO_INVARIANT(cx, tile_level < PO_TILE_LEVELS);
    uint64_t edge_tile = ledger->edge.size >> (8 * (tile_level + 1));
    if (first / PO_TILE_WIDTH == edge_tile)
        tile = ledger->edge.tile[tile_level][0];
    else
        PO_TRY(cx, po_ledger_tile(cx, ledger, tile_level, first / PO_TILE_WIDTH, &tile));
    PO_TRY_LEAF(cx,
                po_tile_fold(ledger->hash, tile + (first % PO_TILE_WIDTH) * PO_SHA256_BYTES, width,
                             ret_hash),
                "hashing a subtree");
    return po_rc_ok();
}

struct po_merkle_source po_ledger_source(struct po_ledger *ledger)
{
    return (struct po_merkle_source){.user = ledger, .hash = ledger->hash, .node = node_of};
}

/* ---- what callers ask for -------------------------------------------------------------------- */

static po_rc check_size(struct po_ctx *cx, const struct po_ledger *ledger, uint64_t size)
{
    if (size > ledger->size)
        return PO_FAIL(cx, PO_INVALID, "size %lu is beyond the ledger's %lu", size, ledger->size);
    return po_rc_ok();
}

po_rc po_ledger_root_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size,
                        uint8_t ret_root[static PO_SHA256_BYTES])
{
    struct po_merkle_source source = po_ledger_source(ledger);
    PO_TRY(cx, check_size(cx, ledger, size));
    PO_TRY(cx, po_merkle_root(cx, &source, size, ret_root));
    return po_rc_ok();
}

po_rc po_ledger_inclusion(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          uint64_t size, struct po_proof_hashes *ret_proof)
{
    struct po_merkle_source source = po_ledger_source(ledger);
    PO_TRY(cx, check_size(cx, ledger, size));
    PO_TRY(cx, po_merkle_inclusion(cx, &source, index, size, ret_proof));
    return po_rc_ok();
}

po_rc po_ledger_consistency(struct po_ctx *cx, struct po_ledger *ledger, uint64_t old_size,
                            uint64_t size, struct po_proof_hashes *ret_proof)
{
    struct po_merkle_source source = po_ledger_source(ledger);
    PO_TRY(cx, check_size(cx, ledger, size));
    PO_TRY(cx, po_merkle_consistency(cx, &source, old_size, size, ret_proof));
    return po_rc_ok();
}
