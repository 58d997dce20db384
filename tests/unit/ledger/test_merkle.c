#include "fixture.h"
#include "merkle_model.h"

/* RFC 6962's reference inputs, as in the certificate-transparency test vectors. */
static const struct {
    const char *name;
    const char *leaf;
    size_t leaf_len;
    const char *root;
} reference[] = {
    {"1", "", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"2", "\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"3", "\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"4", "\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"5", "\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"6", "@ABC", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"7", "PQRSTUVW", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"8", "`abcdefghijklmno", 16,
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

TEST(merkle_root__has_the_reference_values)
{
    TEST_CX(cx);
    struct model model;
    model_init(cx, &model, 8);
    struct po_edge edge = {0};
    uint64_t size = 0;
    TEST_EACH(row, reference)
    {
        uint8_t want[32];
        uint8_t got[32];
        check_ok_leaf(
            po_hash_leaf(model.hash, po_str_n(row->leaf, row->leaf_len), model.leaves[size]));
        check_ok(cx, po_edge_push(cx, &edge, model.hash, model.leaves[size], NULL));
        size++;
        struct po_merkle_source source = model_source(&model);
        check_ok(cx, po_merkle_root(cx, &source, size, got));
        check_ok_leaf(po_hex_decode(po_str_of(row->root), want, 32));
        check_eq_mem(got, want, 32);
        check_ok_leaf(po_edge_root(&edge, model.hash, got));
        check_eq_mem(got, want, 32);
        model_root(&model, 0, size, got);
        check_eq_mem(got, want, 32);
    }
    test_row(NULL);
    model_done(&model);
}

TEST(merkle_root__of_nothing_is_the_hash_of_nothing)
{
    TEST_CX(cx);
    struct model model;
    struct po_edge edge = {0};
    uint8_t got[32];
    uint8_t want[32];
    model_init(cx, &model, 1);
    struct po_merkle_source source = model_source(&model);
    check_ok_leaf(po_hex_decode(
        PO_LIT("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), want, 32));
    check_ok(cx, po_merkle_root(cx, &source, 0, got));
    check_eq_mem(got, want, 32);
    check_ok_leaf(po_edge_root(&edge, model.hash, got));
    check_eq_mem(got, want, 32);
    model_done(&model);
}

TEST(merkle_proofs__refuse_claims_outside_the_tree)
{
    TEST_CX(cx);
    struct model model;
    struct po_proof_hashes proof = {0};
    uint8_t hash[32] = {0};
    model_init(cx, &model, 4);
    struct po_merkle_source source = model_source(&model);
    check_fails(cx, po_merkle_inclusion(cx, &source, 4, 4, &proof), PO_INVALID);
    check_fails(cx, po_merkle_inclusion(cx, &source, 0, 0, &proof), PO_INVALID);
    check_fails(cx, po_merkle_consistency(cx, &source, 4, 3, &proof), PO_INVALID);
    const struct po_inclusion_claim outside = {
        .index = 3, .size = 3, .leaf_hash = hash, .root = hash};
    check_fails_leaf(po_inclusion_verify(&outside, &proof), PO_TAMPER);
    const struct po_consistency_claim back = {
        .old_size = 3, .size = 2, .old_root = hash, .root = hash};
    check_fails_leaf(po_consistency_verify(&back, &proof), PO_TAMPER);
    model_done(&model);
}

/* A proof that starts with the empty tree proves nothing but the empty root. */
TEST(merkle_consistency__from_the_empty_tree_needs_the_empty_root_and_no_hashes)
{
    TEST_CX(cx);
    struct model model;
    struct po_proof_hashes proof = {0};
    uint8_t empty[32];
    uint8_t root[32];
    model_init(cx, &model, 4);
    struct po_merkle_source source = model_source(&model);
    check_ok(cx, po_merkle_root(cx, &source, 0, empty));
    check_ok(cx, po_merkle_root(cx, &source, 4, root));
    check_ok(cx, po_merkle_consistency(cx, &source, 0, 4, &proof));
    check_eq_u64(proof.count, 0);
    struct po_consistency_claim claim = {.old_size = 0, .size = 4, .old_root = empty, .root = root};
    check_ok_leaf(po_consistency_verify(&claim, &proof));
    claim.old_root = root;
    check_fails_leaf(po_consistency_verify(&claim, &proof), PO_TAMPER);
    claim.old_root = empty;
    proof.count = 1;
    check_fails_leaf(po_consistency_verify(&claim, &proof), PO_TAMPER);
    model_done(&model);
}

TEST(tile_path__groups_digits_by_three)
{
    static const struct {
        const char *name;
        uint64_t number;
        unsigned width;
        const char *want;
    } rows[] = {
        {"0", 0, 256, "tile/0/000"},
        {"67", 67, 256, "tile/0/067"},
        {"1000", 1000, 256, "tile/0/x001/000"},
        {"1234067", 1234067, 256, "tile/0/x001/x234/067"},
        {"partial", 273, 112, "tile/0/273.p/112"},
    };
    TEST_EACH(row, rows)
    {
        char path[96];
        po_tile_path(path, sizeof path, "0", row->number, row->width);
        check_eq_cstr(path, row->want);
    }
    test_row(NULL);
}
