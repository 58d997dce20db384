/*
 * The right edge of the tree: one partial tile for each tile level, in memory.
 *
 * Invariant: tile[L] holds the hashes number (size >> 8L) & ~255 .. (size >> 8L) - 1 of tile level
 * L; everything left of them is in full tiles. So the present root needs no I/O.
 *
 * Source   C2SP tlog-tiles 0.1.0
 */
#include "ledger/ledger_priv.h"

#include <inttypes.h>
#include <stdio.h>

po_rc po_tile_fold(struct po_hash *hash, const uint8_t *hashes, unsigned count,
                   uint8_t ret_hash[static PO_SHA256_BYTES])
{
    uint8_t work[PO_TILE_WIDTH / 2][PO_SHA256_BYTES];
    if (count == 0 || count > PO_TILE_WIDTH || (count & (count - 1)) != 0) return po_rc_of(PO_BUG);
    if (count == 1) {
        memcpy(ret_hash, hashes, PO_SHA256_BYTES);
        return po_rc_ok();
    }
    for (unsigned i = 0; i < count / 2; i++) {
        const uint8_t *pair = hashes + (size_t)i * 2 * PO_SHA256_BYTES;
        PO_PASS(po_hash_node(hash, pair, pair + PO_SHA256_BYTES, work[i]));
    }
    for (unsigned width = count / 2; width > 1; width /= 2)
        for (unsigned i = 0; i < width / 2; i++)
            PO_PASS(po_hash_node(hash, work[2 * i], work[2 * i + 1], work[i]));
    memcpy(ret_hash, work[0], PO_SHA256_BYTES);
    return po_rc_ok();
}

po_rc po_edge_push(struct po_ctx *cx, struct po_edge *edge, struct po_hash *hash,
                   const uint8_t leaf_hash[static PO_SHA256_BYTES], const struct po_edge_sink *sink)
{
    uint8_t node[PO_SHA256_BYTES];
    if (edge->size >= PO_LEDGER_LEAVES_MAX) return PO_FAIL(cx, PO_LIMIT, "the ledger is full");
    memcpy(node, leaf_hash, sizeof node);
    for (unsigned level = 0; level < PO_TILE_LEVELS; level++) {
        unsigned at = (unsigned)(edge->size >> (8 * level)) & (PO_TILE_WIDTH - 1);
        memcpy(edge->tile[level][at], node, sizeof node);
        if (at + 1 < PO_TILE_WIDTH) break;
        const uint8_t *tile = edge->tile[level][0];
        PO_TRY_LEAF(cx, po_tile_fold(hash, tile, PO_TILE_WIDTH, node), "hashing a tile");
        if (sink != NULL)
            PO_TRY(cx, sink->full(cx, sink->user, level, edge->size >> (8 * (level + 1)), tile));
    }
    edge->size++;
    return po_rc_ok();
}

po_rc po_edge_root(struct po_edge *edge, struct po_hash *hash,
                   uint8_t ret_root[static PO_SHA256_BYTES])
{
    uint8_t root[PO_SHA256_BYTES];
    bool has_root = false;
    if (edge->size == 0) return po_sha256(PO_LIT(""), ret_root);
    /* Complete subtrees from the smallest, rightmost, to the largest. */
    for (unsigned bit = 0; bit < 64 && (edge->size >> bit) != 0; bit++) {
        if ((edge->size >> bit & 1) == 0) continue;
        unsigned level = bit / 8;
        unsigned width = 1u << (bit % 8);
        uint64_t first = (edge->size >> (bit + 1) << 1) << (bit % 8);
        uint8_t node[PO_SHA256_BYTES];
        PO_PASS(po_tile_fold(hash, edge->tile[level][first & (PO_TILE_WIDTH - 1)], width, node));
        if (has_root)
            PO_PASS(po_hash_node(hash, node, root, root));
        else
            memcpy(root, node, sizeof root);
        has_root = true;
    }
    memcpy(ret_root, root, sizeof root);
    return po_rc_ok();
}

/* Groups of three digits, all but the last with an x before them. */
void po_tile_path(char *out, size_t out_len, const char *kind, uint64_t number, unsigned width)
{
    char digits[48];
    int len = snprintf(digits, sizeof digits, "%03u", (unsigned)(number % 1000));
    for (uint64_t rest = number / 1000; rest > 0 && len > 0; rest /= 1000) {
        char more[48];
        len = snprintf(more, sizeof more, "x%03u/%s", (unsigned)(rest % 1000), digits);
        memcpy(digits, more, sizeof digits);
    }
    if (width < PO_TILE_WIDTH)
        (void)snprintf(out, out_len, "tile/%s/%s.p/%u", kind, digits, width);
    else
        (void)snprintf(out, out_len, "tile/%s/%s", kind, digits);
}
