/*
 * Proof texts and checkpoints from hostile bytes.
 *
 * What parses is within its limits and its own bytes, and verifies the same way twice.
 */
#include "fuzz/fuzz.h"
#include "ledger/ledger.h"

#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_proof(po_str in)
{
    static struct po_proof proof;
    static const uint8_t leaf[PO_SHA256_BYTES] = {1};
    if (!po_is_ok(po_proof_parse(in, &proof))) {
        require(!po_is_ok(po_proof_verify(in, leaf, NULL, NULL)));
        return;
    }
    require(proof.hashes.count <= PO_PROOF_HASHES_MAX);
    require(proof.index <= PO_LEDGER_LEAVES_MAX && proof.checkpoint.size <= PO_LEDGER_LEAVES_MAX);
    require(proof.note.ptr >= in.ptr && proof.note.ptr + proof.note.len == in.ptr + in.len);
    require(po_proof_verify(in, leaf, NULL, NULL).code ==
            po_proof_verify(in, leaf, NULL, &proof).code);
}

static void check_checkpoint(po_str in)
{
    struct po_checkpoint checkpoint;
    struct po_note_vkey vkey;
    static const uint8_t key[PO_ED25519_PUBLIC_BYTES] = {9};
    if (!po_is_ok(po_checkpoint_parse(in, &checkpoint))) return;
    require(strlen(checkpoint.origin) > 0 && checkpoint.size <= PO_LEDGER_LEAVES_MAX);
    if (po_is_ok(po_note_vkey_make(po_str_of(checkpoint.origin), PO_NOTE_ED25519, key, &vkey)))
        require(!po_is_ok(po_checkpoint_verify(in, &vkey, &checkpoint)));
}

/* Claims of any size with hashes taken from the input. */
static void check_claims(const uint8_t *data, size_t size)
{
    static struct po_proof_hashes proof;
    uint64_t numbers[2] = {0};
    uint8_t root[PO_SHA256_BYTES] = {0};
    if (size < sizeof numbers) return;
    memcpy(numbers, data, sizeof numbers);
    proof.count = (size - sizeof numbers) / PO_SHA256_BYTES;
    if (proof.count > PO_PROOF_HASHES_MAX) proof.count = PO_PROOF_HASHES_MAX;
    memcpy(proof.hashes, data + sizeof numbers, proof.count * PO_SHA256_BYTES);
    const struct po_inclusion_claim in = {numbers[0], numbers[1], root, root};
    const struct po_consistency_claim kept = {numbers[0], numbers[1], root, root};
    require(!po_is_ok(po_inclusion_verify(&in, &proof)) || numbers[1] == 1);
    require(!po_is_ok(po_consistency_verify(&kept, &proof)) || numbers[0] == numbers[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of its exact size, so that reading beyond the end is seen. */
    char *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) return 0;
    if (size > 0) memcpy(exact, data, size);
    check_proof(po_str_n(exact, size));
    check_checkpoint(po_str_n(exact, size));
    check_claims((const uint8_t *)exact, size);
    free(exact);
    return 0;
}
