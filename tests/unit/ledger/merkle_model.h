/*
 * RFC 6962 as it is written: recursive, slow, obvious.
 */
#ifndef PO_TESTS_MERKLE_MODEL_H
#define PO_TESTS_MERKLE_MODEL_H

#include "ledger/ledger_priv.h"
#include "lib/test.h"

#include <stdlib.h>

struct model {
    struct po_hash *hash;
    uint64_t size;
    uint8_t (*leaves)[32];
    struct model_memo { /* roots of ranges that were asked for; NULL: computed each time */
        bool is_known;
        uint8_t root[32];
    } * memo;
};

static inline void model_init(struct po_ctx *cx, struct model *model, uint64_t size)
{
    *model = (struct model){.size = size};
    check_ok(cx, po_hash_new(cx, &model->hash));
    model->leaves = calloc(size, 32);
    check_that(model->leaves != NULL);
    for (uint64_t i = 0; i < size; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "leaf %lu", i);
        check_ok_leaf(po_hash_leaf(model->hash, po_str_of(text), model->leaves[i]));
    }
}

static inline void model_done(struct model *model)
{
    po_hash_free(model->hash);
    free(model->leaves);
    free(model->memo);
}

static inline uint64_t model_split(uint64_t n)
{
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

/* Remember ranges; size * (size + 1) entries. */
static inline void model_memo(struct model *model)
{
    model->memo = calloc(model->size * (model->size + 1), sizeof *model->memo);
    check_that(model->memo != NULL);
}

static inline void model_root(struct model *model, uint64_t from, uint64_t n, uint8_t out[32]);

/* MTH(D[from:from+n]), n >= 2 */
static inline void model_split_root(struct model *model, uint64_t from, uint64_t n, uint8_t out[32])
{
    uint8_t left[32];
    uint8_t right[32];
    uint64_t k = model_split(n);
    model_root(model, from, k, left);
    model_root(model, from + k, n - k, right);
    check_ok_leaf(po_hash_node(model->hash, left, right, out));
}

/* MTH(D[from:from+n]) */
static inline void model_root(struct model *model, uint64_t from, uint64_t n, uint8_t out[32])
{
    if (n == 0) {
        check_ok_leaf(po_sha256(PO_LIT(""), out));
        return;
    }
    if (n == 1) {
        memcpy(out, model->leaves[from], 32);
        return;
    }
    struct model_memo *memo =
        model->memo == NULL ? NULL : &model->memo[from * (model->size + 1) + n];
    if (memo == NULL || !memo->is_known) model_split_root(model, from, n, out);
    if (memo == NULL) return;
    if (!memo->is_known) memcpy(memo->root, out, 32);
    memo->is_known = true;
    memcpy(out, memo->root, 32);
}

static inline void model_add(struct model *model, uint64_t from, uint64_t n,
                             struct po_proof_hashes *proof)
{
    model_root(model, from, n, proof->hashes[proof->count]);
    proof->count++;
}

/* PATH(m, D[from:from+n]) */
static inline void model_path(struct model *model, uint64_t m, uint64_t from, uint64_t n,
                              struct po_proof_hashes *proof)
{
    if (n == 1) return;
    uint64_t k = model_split(n);
    if (m < k) {
        model_path(model, m, from, k, proof);
        model_add(model, from + k, n - k, proof);
    } else {
        model_path(model, m - k, from + k, n - k, proof);
        model_add(model, from, k, proof);
    }
}

/* SUBPROOF(m, D[from:from+n], b); rule: a sixth parameter, as the RFC has it */
static inline void model_subproof(struct model *model, uint64_t m, uint64_t from, uint64_t n,
                                  bool is_whole, struct po_proof_hashes *proof)
{
    if (m == n) {
        if (!is_whole) model_add(model, from, n, proof);
        return;
    }
    uint64_t k = model_split(n);
    if (m <= k) {
        model_subproof(model, m, from, k, is_whole, proof);
        model_add(model, from + k, n - k, proof);
    } else {
        model_subproof(model, m - k, from + k, n - k, false, proof);
        model_add(model, from, k, proof);
    }
}

static inline po_rc model_node(struct po_ctx *cx, void *user, unsigned level, uint64_t index,
                               uint8_t ret_hash[static 32])
{
    struct model *model = user;
    uint64_t n = UINT64_C(1) << level;
    (void)cx;
    check_that((index + 1) * n <= model->size, "subtree %u/%lu is outside", level, index);
    model_root(model, index * n, n, ret_hash);
    return po_rc_ok();
}

/* Subtree hashes for the code under test. */
static inline struct po_merkle_source model_source(struct model *model)
{
    return (struct po_merkle_source){.user = model, .hash = model->hash, .node = model_node};
}

#endif
