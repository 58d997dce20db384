/*
 * RFC 6962 trees: roots and proofs over a source of complete subtrees, and their verification.
 *
 * A range [from, from + count) with `from` a multiple of the largest power of two <= count splits
 * into complete subtrees of falling size; everything here is built on that, without recursion.
 *
 * Source   RFC 6962 2.1, RFC 9162 2.1.3.2 and 2.1.4.2 (verification)
 */
#include "ledger/ledger_priv.h"

#define LEVELS_MAX 64

/* Largest power of two below n; n >= 2. */
static uint64_t split_of(uint64_t n) { return UINT64_C(1) << (63 - __builtin_clzll(n - 1)); }

/* MTH of a non-empty range: fold its complete subtrees from the right. */
static po_rc range_root(struct po_ctx *cx, const struct po_merkle_source *source, uint64_t from,
                        uint64_t count, uint8_t ret_root[static PO_SHA256_BYTES])
{
    uint8_t parts[LEVELS_MAX][PO_SHA256_BYTES];
    size_t part_count = 0;
    for (uint64_t left = count, at = from; left > 0;) {
        unsigned level = (unsigned)(63 - __builtin_clzll(left));
        PO_TRY(cx, source->node(cx, source->user, level, at >> level, parts[part_count]));
        part_count++;
        at += UINT64_C(1) << level;
        left -= UINT64_C(1) << level;
    }
    uint8_t root[PO_SHA256_BYTES];
    memcpy(root, parts[part_count - 1], sizeof root);
    for (size_t i = part_count - 1; i > 0; i--)
        PO_TRY_LEAF(cx, po_hash_node(source->hash, parts[i - 1], root, root), "hashing a node");
    memcpy(ret_root, root, sizeof root);
    return po_rc_ok();
}

po_rc po_merkle_root(struct po_ctx *cx, const struct po_merkle_source *source, uint64_t size,
                     uint8_t ret_root[static PO_SHA256_BYTES])
{
    if (size == 0) {
        PO_TRY_LEAF(cx, po_sha256(PO_LIT(""), ret_root), "hashing nothing");
        return po_rc_ok();
    }
    PO_TRY(cx, range_root(cx, source, 0, size, ret_root));
    return po_rc_ok();
}

static void reverse(struct po_proof_hashes *proof)
{
    for (size_t i = 0, j = proof->count; i + 1 < j; i++) {
        uint8_t keep[PO_SHA256_BYTES];
        j--;
        memcpy(keep, proof->hashes[i], sizeof keep);
        memcpy(proof->hashes[i], proof->hashes[j], sizeof keep);
        memcpy(proof->hashes[j], keep, sizeof keep);
    }
}

static po_rc add_range(struct po_ctx *cx, const struct po_merkle_source *source, uint64_t from,
                       uint64_t count, struct po_proof_hashes *proof)
{
    if (proof->count >= PO_PROOF_HASHES_MAX) return PO_FAIL(cx, PO_LIMIT, "proof too long");
    PO_TRY(cx, range_root(cx, source, from, count, proof->hashes[proof->count]));
    proof->count++;
    return po_rc_ok();
}

po_rc po_merkle_inclusion(struct po_ctx *cx, const struct po_merkle_source *source, uint64_t index,
                          uint64_t size, struct po_proof_hashes *ret_proof)
{
    struct po_proof_hashes proof = {0};
    if (index >= size)
        return PO_FAIL(cx, PO_INVALID, "leaf %lu is not in a tree of %lu", index, size);
    uint64_t from = 0;
    for (uint64_t count = size; count > 1;) {
        uint64_t half = split_of(count);
        if (index < from + half) {
            PO_TRY(cx, add_range(cx, source, from + half, count - half, &proof));
            count = half;
        } else {
            PO_TRY(cx, add_range(cx, source, from, half, &proof));
            from += half;
            count -= half;
        }
    }
    reverse(&proof);
    *ret_proof = proof;
    return po_rc_ok();
}

po_rc po_merkle_consistency(struct po_ctx *cx, const struct po_merkle_source *source,
                            uint64_t old_size, uint64_t size, struct po_proof_hashes *ret_proof)
{
    struct po_proof_hashes proof = {0};
    if (old_size > size)
        return PO_FAIL(cx, PO_INVALID, "a tree of %lu is no prefix of one of %lu", old_size, size);
    uint64_t from = 0;
    bool is_whole = true; /* the old tree is still the whole subtree: its root is known */
    for (uint64_t want = old_size, count = size; old_size > 0;) {
        if (want == count) {
            if (!is_whole) PO_TRY(cx, add_range(cx, source, from, count, &proof));
            break;
        }
        uint64_t half = split_of(count);
        if (want <= half) {
            PO_TRY(cx, add_range(cx, source, from + half, count - half, &proof));
            count = half;
        } else {
            PO_TRY(cx, add_range(cx, source, from, half, &proof));
            from += half;
            want -= half;
            count -= half;
            is_whole = false;
        }
    }
    reverse(&proof);
    *ret_proof = proof;
    return po_rc_ok();
}

/* ---- verification ---------------------------------------------------------------------------- */

static po_rc node_hash(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    uint8_t in[1 + 2 * PO_SHA256_BYTES];
    in[0] = 1;
    memcpy(in + 1, left, PO_SHA256_BYTES);
    memcpy(in + 1 + PO_SHA256_BYTES, right, PO_SHA256_BYTES);
    return po_sha256(po_str_n(in, sizeof in), out);
}

po_rc po_inclusion_root(uint64_t index, uint64_t size, const uint8_t *leaf_hash,
                        const struct po_proof_hashes *proof,
                        uint8_t ret_root[static PO_SHA256_BYTES])
{
    if (index >= size || proof->count > PO_PROOF_HASHES_MAX) return po_rc_of(PO_TAMPER);
    uint64_t at = index;
    uint64_t last = size - 1;
    uint8_t hash[PO_SHA256_BYTES];
    memcpy(hash, leaf_hash, sizeof hash);
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0) return po_rc_of(PO_TAMPER);
        if ((at & 1) != 0 || at == last) {
            PO_PASS(node_hash(proof->hashes[i], hash, hash));
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            PO_PASS(node_hash(hash, proof->hashes[i], hash));
        }
        at >>= 1;
        last >>= 1;
    }
    if (last != 0) return po_rc_of(PO_TAMPER);
    memcpy(ret_root, hash, sizeof hash);
    return po_rc_ok();
}

po_rc po_inclusion_verify(const struct po_inclusion_claim *claim,
                          const struct po_proof_hashes *proof)
{
    uint8_t root[PO_SHA256_BYTES];
    PO_PASS(po_inclusion_root(claim->index, claim->size, claim->leaf_hash, proof, root));
    return po_rc_of(po_digest_eq(root, claim->root) ? PO_OK : PO_TAMPER);
}

/* Both roots a consistency proof leads to, from its first hash on. */
struct two_roots {
    uint8_t old_root[PO_SHA256_BYTES];
    uint8_t root[PO_SHA256_BYTES];
};

static po_rc climb(uint64_t old_size, uint64_t size, const struct po_proof_hashes *proof,
                   size_t first, struct two_roots *roots)
{
    uint64_t at = old_size - 1;
    uint64_t last = size - 1;
    while ((at & 1) != 0) {
        at >>= 1;
        last >>= 1;
    }
    for (size_t i = first; i < proof->count; i++) {
        if (last == 0) return po_rc_of(PO_TAMPER);
        const uint8_t *sibling = proof->hashes[i];
        if ((at & 1) != 0 || at == last) {
            PO_PASS(node_hash(sibling, roots->old_root, roots->old_root));
            PO_PASS(node_hash(sibling, roots->root, roots->root));
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            PO_PASS(node_hash(roots->root, sibling, roots->root));
        }
        at >>= 1;
        last >>= 1;
    }
    return po_rc_of(last == 0 ? PO_OK : PO_TAMPER);
}

static bool is_power_of_two(uint64_t n) { return (n & (n - 1)) == 0; }

po_rc po_consistency_verify(const struct po_consistency_claim *claim,
                            const struct po_proof_hashes *proof)
{
    uint8_t empty[PO_SHA256_BYTES];
    if (claim->old_size > claim->size || proof->count > PO_PROOF_HASHES_MAX)
        return po_rc_of(PO_TAMPER);
    PO_PASS(po_sha256(PO_LIT(""), empty));
    if (claim->old_size == 0) {
        bool is_empty = proof->count == 0 && po_digest_eq(claim->old_root, empty) &&
                        (claim->size != 0 || po_digest_eq(claim->root, empty));
        return po_rc_of(is_empty ? PO_OK : PO_TAMPER);
    }
    if (claim->old_size == claim->size) {
        bool is_same = proof->count == 0 && po_digest_eq(claim->old_root, claim->root);
        return po_rc_of(is_same ? PO_OK : PO_TAMPER);
    }
    if (proof->count == 0) return po_rc_of(PO_TAMPER);
    /* When the old tree is one complete subtree, its root itself starts the climb. */
    bool is_complete = is_power_of_two(claim->old_size);
    const uint8_t *start = is_complete ? claim->old_root : proof->hashes[0];
    struct two_roots roots;
    memcpy(roots.old_root, start, PO_SHA256_BYTES);
    memcpy(roots.root, start, PO_SHA256_BYTES);
    PO_PASS(climb(claim->old_size, claim->size, proof, is_complete ? 0 : 1, &roots));
    bool is_proved =
        po_digest_eq(roots.old_root, claim->old_root) && po_digest_eq(roots.root, claim->root);
    return po_rc_of(is_proved ? PO_OK : PO_TAMPER);
}
