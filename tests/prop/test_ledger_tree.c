/*
 * Trees and proofs against the slow model, every size to 300; and a ledger's files against what its
 * tree was when it had each size.
 */
#include "unit/ledger/fixture.h"
#include "unit/ledger/merkle_model.h"

#define SIZES 300

static bool is_same_proof(const struct po_proof_hashes *a, const struct po_proof_hashes *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!po_digest_eq(a->hashes[i], b->hashes[i])) return false;
    return true;
}

/* Each hash altered, one too few, one too many, two swapped: none may pass. */
static void check_mutations(struct po_proof_hashes *proof,
                            bool (*passes)(const void *claim, const struct po_proof_hashes *proof),
                            const void *claim)
{
    for (size_t i = 0; i < proof->count; i++) {
        proof->hashes[i][i % 32] ^= 0x10;
        check_that(!passes(claim, proof));
        proof->hashes[i][i % 32] ^= 0x10;
    }
    if (proof->count < PO_PROOF_HASHES_MAX) {
        proof->count++;
        memset(proof->hashes[proof->count - 1], 0x5a, 32);
        check_that(!passes(claim, proof));
        proof->count--;
    }
    if (proof->count > 0) {
        proof->count--;
        check_that(!passes(claim, proof));
        proof->count++;
    }
    if (proof->count > 1) {
        struct po_proof_hashes swapped = *proof;
        memcpy(swapped.hashes[0], proof->hashes[1], 32);
        memcpy(swapped.hashes[1], proof->hashes[0], 32);
        check_that(!passes(claim, &swapped));
    }
}

static bool inclusion_passes(const void *claim, const struct po_proof_hashes *proof)
{
    return po_is_ok(po_inclusion_verify(claim, proof));
}

static bool consistency_passes(const void *claim, const struct po_proof_hashes *proof)
{
    return po_is_ok(po_consistency_verify(claim, proof));
}

static void one_inclusion(struct po_ctx *cx, struct model *model, uint64_t index, uint64_t size)
{
    struct po_proof_hashes got = {0};
    struct po_proof_hashes want = {0};
    struct po_merkle_source source = model_source(model);
    uint8_t root[32];
    check_ok(cx, po_merkle_inclusion(cx, &source, index, size, &got));
    model_path(model, index, 0, size, &want);
    check_that(is_same_proof(&got, &want), "leaf %lu of %lu", index, size);
    model_root(model, 0, size, root);
    struct po_inclusion_claim claim = {index, size, model->leaves[index], root};
    check_ok_leaf(po_inclusion_verify(&claim, &got));
    if ((index + size) % 7 == 0) check_mutations(&got, inclusion_passes, &claim);
    claim.index = index + 1;
    check_that(!po_is_ok(po_inclusion_verify(&claim, &got)), "leaf %lu of %lu", index, size);
}

/* @proves CC7.2 */
TEST_TIMEOUT(ledger_tree__inclusion_proofs_agree_with_the_model_for_every_size_to_300, 60)
{
    TEST_CX(cx);
    struct model model;
    model_init(cx, &model, SIZES);
    model_memo(&model);
    for (uint64_t size = 1; size <= SIZES; size++)
        for (uint64_t index = 0; index < size; index++)
            one_inclusion(cx, &model, index, size);
    model_done(&model);
}

static void one_consistency(struct po_ctx *cx, struct model *model, uint64_t old, uint64_t size)
{
    struct po_proof_hashes got = {0};
    struct po_proof_hashes want = {0};
    struct po_merkle_source source = model_source(model);
    uint8_t old_root[32];
    uint8_t root[32];
    check_ok(cx, po_merkle_consistency(cx, &source, old, size, &got));
    if (old > 0) model_subproof(model, old, 0, size, true, &want);
    check_that(is_same_proof(&got, &want), "%lu in %lu", old, size);
    model_root(model, 0, old, old_root);
    model_root(model, 0, size, root);
    struct po_consistency_claim claim = {old, size, old_root, root};
    check_ok_leaf(po_consistency_verify(&claim, &got));
    if ((old + size) % 7 == 0) check_mutations(&got, consistency_passes, &claim);
    old_root[3] ^= 1;
    check_that(!po_is_ok(po_consistency_verify(&claim, &got)), "%lu in %lu", old, size);
}

/* @proves CC7.2 */
TEST_TIMEOUT(ledger_tree__consistency_proofs_agree_with_the_model_for_every_size_to_300, 60)
{
    TEST_CX(cx);
    struct model model;
    model_init(cx, &model, SIZES);
    model_memo(&model);
    for (uint64_t size = 1; size <= SIZES; size++)
        for (uint64_t old = 0; old <= size; old++)
            one_consistency(cx, &model, old, size);
    model_done(&model);
}

TEST(ledger_tree__the_edge_has_the_models_root_at_every_size_to_300)
{
    TEST_CX(cx);
    struct model model;
    struct po_edge edge = {0};
    uint8_t got[32];
    uint8_t want[32];
    model_init(cx, &model, SIZES);
    model_memo(&model);
    for (uint64_t size = 1; size <= SIZES; size++) {
        check_ok(cx, po_edge_push(cx, &edge, model.hash, model.leaves[size - 1], NULL));
        check_ok_leaf(po_edge_root(&edge, model.hash, got));
        model_root(&model, 0, size, want);
        check_eq_mem(got, want, 32);
    }
    model_done(&model);
}

/* Append in random batches, reopening now and then; keep the root of each size seen. */
TEST_TIMEOUT(ledger_tree__roots_and_proofs_of_every_earlier_size_stay_what_they_were, 60)
{
    enum { STEPS = 40 };
    TEST_CX(cx);
    FIX_AUTO fix;
    uint64_t sizes[STEPS];
    uint8_t roots[STEPS][32];
    uint8_t root[32];
    struct po_proof_hashes proof;
    fix_new(cx, &fix);
    for (size_t i = 0; i < STEPS; i++) {
        fix_append(cx, &fix, 1 + test_random_below(60), 60);
        if (test_random_below(4) == 0) fix_checkpoint(cx, &fix);
        if (test_random_below(4) == 0) fix_open(cx, &fix);
        sizes[i] = po_ledger_size(fix.ledger);
        check_ok_leaf(po_edge_root(&fix.ledger->edge, fix.ledger->hash, roots[i]));
    }
    for (size_t i = 0; i < STEPS; i++) {
        check_ok(cx, po_ledger_root_at(cx, fix.ledger, sizes[i], root));
        check_eq_mem(root, roots[i], 32);
        size_t j = i + test_random_below(STEPS - i);
        check_ok(cx, po_ledger_consistency(cx, fix.ledger, sizes[i], sizes[j], &proof));
        const struct po_consistency_claim kept = {sizes[i], sizes[j], roots[i], roots[j]};
        check_ok_leaf(po_consistency_verify(&kept, &proof));
        uint64_t index = test_random_below(sizes[i]);
        uint8_t record[PO_RECORD_BYTES];
        uint8_t leaf[32];
        check_ok(cx, po_ledger_record_bytes_at(cx, fix.ledger, index, record));
        check_ok_leaf(po_leaf_hash(po_str_n(record, sizeof record), leaf));
        check_ok(cx, po_ledger_inclusion(cx, fix.ledger, index, sizes[i], &proof));
        const struct po_inclusion_claim in = {index, sizes[i], leaf, roots[i]};
        check_ok_leaf(po_inclusion_verify(&in, &proof));
    }
}
