/*
 * Records, tiles and roots against each other: who is wrong?
 *
 * The root that was signed decides. If the records lead to it, a tile that differs is wrong. If the
 * tiles lead to it, the records that differ from them are wrong. If neither does, both are named.
 */
#include "ledger/verify_priv.h"

#include <stdio.h>

/* ---- tile files ------------------------------------------------------------------------------ */

static const char *tile_name(struct po_verify *run, unsigned level, uint64_t number)
{
    char kind[8];
    char name[96];
    (void)snprintf(kind, sizeof kind, "%u", level);
    po_tile_path(name, sizeof name, kind, number, PO_TILE_WIDTH);
    return po_verify_file(run, "%s", name);
}

/* *ret_is_there: a file of the right length. */
static po_rc tile_load(struct po_verify *run, unsigned level, uint64_t number, bool *ret_is_there)
{
    char path[PO_LEDGER_PATH_BYTES];
    char kind[8];
    char name[96];
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_TILE_BYTES + 1);
    (void)snprintf(kind, sizeof kind, "%u", level);
    po_tile_path(name, sizeof name, kind, number, PO_TILE_WIDTH);
    PO_TRY(run->cx, po_ledger_path(run->cx, run->ledger, name, path));
    po_rc rc = po_fs_read(run->cx, path, &bytes);
    bool is_absent = rc.code == PO_NOTFOUND || rc.code == PO_LIMIT || rc.code == PO_INVALID;
    if (is_absent) po_err_clear(run->cx);
    if (!is_absent) PO_TRY(run->cx, rc);
    *ret_is_there = !is_absent && bytes.len == PO_TILE_BYTES;
    if (*ret_is_there) memcpy(run->tile, bytes.ptr, PO_TILE_BYTES);
    return po_rc_ok();
}

static void note_mismatch(struct po_verify *run, unsigned level, uint64_t number, bool is_missing,
                          const uint8_t *want)
{
    if (run->mismatch_count >= PO_VERIFY_SUSPECTS_MAX) {
        run->result->findings_dropped++;
        return;
    }
    struct po_verify_mismatch *mismatch = &run->mismatches[run->mismatch_count++];
    *mismatch = (struct po_verify_mismatch){
        .level = level,
        .number = number,
        .is_missing = is_missing,
    };
    while (!is_missing && mismatch->entry < PO_TILE_WIDTH - 1 &&
           po_digest_eq(run->tile + (size_t)mismatch->entry * PO_SHA256_BYTES,
                        want + (size_t)mismatch->entry * PO_SHA256_BYTES))
        mismatch->entry++;
}

po_rc po_verify_on_tile(struct po_ctx *cx, void *user, unsigned level, uint64_t number,
                        const uint8_t tile[static PO_TILE_BYTES])
{
    struct po_verify *run = user;
    bool is_there = false;
    /* Leaves of a ledger that may not be written and was not closed have no files yet. */
    if ((number + 1) << (8 * (level + 1)) > run->ledger->floor &&
        run->ledger->tile_size < run->ledger->size)
        return po_rc_ok();
    PO_TRY(cx, tile_load(run, level, number, &is_there));
    run->result->verdicts[PO_VERDICT_TILES].checked++;
    bool is_same =
        is_there && po_str_eq(po_str_n(run->tile, PO_TILE_BYTES), po_str_n(tile, PO_TILE_BYTES));
    if (!is_same) note_mismatch(run, level, number, !is_there, tile);
    return po_rc_ok();
}

/* ---- the tree as the tile files tell it ------------------------------------------------------ */

static po_rc push_tile(struct po_verify *run, struct po_edge *edge, uint64_t number,
                       bool *ret_is_whole)
{
    bool is_there = false;
    po_ctx_pulse(run->cx);
    PO_TRY(run->cx, tile_load(run, 0, number, &is_there));
    if (!is_there) *ret_is_whole = false;
    for (unsigned i = 0; is_there && i < PO_TILE_WIDTH; i++)
        PO_TRY(run->cx, po_edge_push(run->cx, edge, run->ledger->hash,
                                     run->tile + (size_t)i * PO_SHA256_BYTES, NULL));
    return po_rc_ok();
}

/* Root at `size`: full tiles from files, the leaves behind them from the records. */
static po_rc tiles_root(struct po_verify *run, uint64_t size, bool *ret_is_known, uint8_t *ret_root)
{
    PO_SCRATCH_AUTO scratch = {0};
    struct po_edge *edge = NULL;
    bool is_whole = true;
    PO_TRY(run->cx, po_scratch_begin(run->cx, (size_t)1 << 20, &scratch));
    PO_ARENA_NEW(run->cx, edge, 1);
    *ret_is_known = false;
    for (uint64_t number = 0; number < size / PO_TILE_WIDTH && is_whole; number++)
        PO_TRY(run->cx, push_tile(run, edge, number, &is_whole));
    for (uint64_t at = edge->size; at < size && is_whole; at++) {
        uint8_t bytes[PO_RECORD_BYTES];
        uint8_t leaf[PO_SHA256_BYTES];
        PO_TRY(run->cx, po_ledger_record_bytes_at(run->cx, run->ledger, at, bytes));
        PO_TRY_LEAF(run->cx, po_leaf_hash(po_str_n(bytes, sizeof bytes), leaf), "hashing a leaf");
        PO_TRY(run->cx, po_edge_push(run->cx, edge, run->ledger->hash, leaf, NULL));
    }
    if (!is_whole) return po_rc_ok();
    PO_TRY_LEAF(run->cx, po_edge_root(edge, run->ledger->hash, ret_root), "hashing a root");
    *ret_is_known = true;
    return po_rc_ok();
}

/* ---- blame ----------------------------------------------------------------------------------- */

static void blame_tile(struct po_verify *run, const struct po_verify_mismatch *mismatch)
{
    const char *file = tile_name(run, mismatch->level, mismatch->number);
    if (mismatch->is_missing)
        po_verify_find(run, PO_VERDICT_TILES, file, "the tile is missing or has another length");
    else
        po_verify_find(run, PO_VERDICT_TILES, file, "hash %u is not that of the records",
                       mismatch->entry);
}

static void blame_record(struct po_verify *run, const struct po_verify_mismatch *mismatch)
{
    uint64_t leaf = mismatch->number * PO_TILE_WIDTH + mismatch->entry;
    if (run->record_fault_count < PO_VERIFY_SUSPECTS_MAX)
        run->record_faults[run->record_fault_count++] = leaf;
    po_verify_find(run, PO_VERDICT_LEAVES,
                   po_verify_file(run, "%06lu.rec", leaf / PO_SEGMENT_LEAVES),
                   "leaf %lu is not the one the tree was built from", leaf);
}

/* No tile covers the last leaves: only the root speaks for them. */
static void blame_last(struct po_verify *run, uint64_t size)
{
    uint64_t leaf = size - size % PO_TILE_WIDTH;
    if (run->record_fault_count < PO_VERIFY_SUSPECTS_MAX)
        run->record_faults[run->record_fault_count++] = leaf;
    po_verify_find(run, PO_VERDICT_LEAVES,
                   po_verify_file(run, "%06lu.rec", (size - 1) / PO_SEGMENT_LEAVES),
                   "a leaf from %lu on is not the one that was signed at size %lu",
                   size % PO_TILE_WIDTH == 0 ? 0 : leaf, size);
}

/* The records do not lead to the signed root. */
static po_rc blame_records(struct po_verify *run, uint64_t size, const uint8_t *want)
{
    uint8_t root[PO_SHA256_BYTES];
    bool is_known = false;
    PO_TRY(run->cx, tiles_root(run, size, &is_known, root));
    bool are_tiles_right = is_known && po_digest_eq(root, want);
    bool has_named = false;
    for (size_t i = 0; i < run->mismatch_count; i++) {
        const struct po_verify_mismatch *mismatch = &run->mismatches[i];
        bool is_leaf_level = mismatch->level == 0 && !mismatch->is_missing;
        if (is_leaf_level) {
            blame_record(run, mismatch);
            has_named = true;
        }
        if (!are_tiles_right && (mismatch->level == 0 || mismatch->is_missing))
            blame_tile(run, mismatch);
    }
    if (!has_named && !run->is_cut) blame_last(run, size);
    return po_rc_ok();
}

/* ---- verdicts -------------------------------------------------------------------------------- */

const uint8_t *po_verify_root_of(const struct po_verify *run, uint64_t size)
{
    for (size_t i = 0; i < run->root_count; i++)
        if (run->roots[i].size == size && run->roots[i].is_known) return run->roots[i].root;
    return NULL;
}

/* One statement about size and root against the records. */
static void hold_root(struct po_verify *run, const char *file, uint64_t size, const uint8_t *want)
{
    const uint8_t *root = po_verify_root_of(run, size);
    if (size > run->ledger->size)
        po_verify_find(run, PO_VERDICT_ROOT, file, "speaks of %lu leaves, the ledger has %lu", size,
                       run->ledger->size);
    else if (root == NULL)
        po_verify_find(run, PO_VERDICT_ROOT, file, "the records end before its size %lu", size);
    else if (!po_digest_eq(root, want))
        po_verify_find(run, PO_VERDICT_ROOT, file, "the records give another root at size %lu",
                       size);
    run->result->verdicts[PO_VERDICT_ROOT].checked++;
}

/* The statement that decides: what was signed for, else what was published. */
struct trusted {
    bool is_there;
    uint64_t size;
    const uint8_t *root;
};

static struct trusted trusted_of(const struct po_ledger *ledger)
{
    bool is_signed = ledger->has_signed && ledger->signed_state.size > 0;
    if (is_signed && ledger->signed_state.size <= ledger->size)
        return (struct trusted){true, ledger->signed_state.size, ledger->signed_state.root};
    if (ledger->has_checkpoint)
        return (struct trusted){true, ledger->checkpoint.size, ledger->checkpoint.root};
    return (struct trusted){0};
}

static void say_tree(struct po_verify *run, const struct trusted *trusted)
{
    const struct po_ledger *ledger = run->ledger;
    uint64_t scanned = run->scanned;
    run->result->verdicts[PO_VERDICT_LEAVES].checked = scanned;
    if (!trusted->is_there) {
        po_verify_say(run, PO_VERDICT_LEAVES, PO_VERDICT_NOT_CHECKED,
                      "well-formed, but nothing was signed to hold them against");
        po_verify_say(run, PO_VERDICT_ROOT, PO_VERDICT_NOT_CHECKED, "nothing was signed yet");
    } else {
        po_verify_say(run, PO_VERDICT_LEAVES, PO_VERDICT_OK,
                      "%lu records are those of the signed tree, %lu are not signed yet",
                      trusted->size, scanned - trusted->size);
        po_verify_say(run, PO_VERDICT_ROOT, PO_VERDICT_OK, "the records give the root %s",
                      ledger->has_signed ? "of the checkpoint and of the signing state"
                                         : "of the checkpoint (no signing state here)");
    }
    po_verify_say(run, PO_VERDICT_TILES, PO_VERDICT_OK, "%lu tile files hold the records' hashes",
                  run->result->verdicts[PO_VERDICT_TILES].checked);
}

po_rc po_verify_tree(struct po_verify *run)
{
    const struct po_ledger *ledger = run->ledger;
    const struct trusted trusted = trusted_of(ledger);
    const uint8_t *root = trusted.is_there ? po_verify_root_of(run, trusted.size) : NULL;
    bool is_right = root != NULL && po_digest_eq(root, trusted.root);
    if (trusted.is_there && !is_right)
        PO_TRY(run->cx, blame_records(run, trusted.size, trusted.root));
    for (size_t i = 0; i < run->mismatch_count && (is_right || !trusted.is_there); i++)
        blame_tile(run, &run->mismatches[i]);
    if (ledger->has_signed && ledger->signed_state.size > 0)
        hold_root(run, "signed", ledger->signed_state.size, ledger->signed_state.root);
    if (ledger->has_checkpoint)
        hold_root(run, "checkpoint", ledger->checkpoint.size, ledger->checkpoint.root);
    /* Closed cleanly, the two say the same: an earlier note was put back. */
    if (ledger->has_signed && ledger->has_checkpoint && !ledger->is_marker_open &&
        ledger->checkpoint.size < ledger->signed_state.size)
        po_verify_find(run, PO_VERDICT_ROOT, "checkpoint", "is of size %lu, size %lu was signed",
                       ledger->checkpoint.size, ledger->signed_state.size);
    if (ledger->is_signed_damaged)
        po_verify_find(run, PO_VERDICT_ROOT, "signed", "the signing state is damaged");
    say_tree(run, &trusted);
    return po_rc_ok();
}
