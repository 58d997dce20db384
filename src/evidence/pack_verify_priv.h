/*
 * Inside pack verification: what one verification knows, and its steps.
 */
#ifndef PO_EVIDENCE_PACK_VERIFY_PRIV_H
#define PO_EVIDENCE_PACK_VERIFY_PRIV_H

#include "pack_priv.h"

struct po_pack_check {
    const struct po_pack_verify_options *options;
    struct po_pack_source *source;
    struct po_pack_manifest manifest;
    uint8_t manifest_digest[PO_SHA256_BYTES];
    struct po_note_vkey vkey;
    bool has_vkey;
    uint8_t (
        *leaf_hashes)[PO_SHA256_BYTES];     /* of log/, as_of.size of them; owned; NULL: not read */
    struct po_checkpoint export_checkpoint; /* of the export event; size 0: not read */
    po_time_us last_received_us;            /* of the newest record */
    const struct po_catalog *catalog;
    struct po_clause_run *runs; /* per clause of our catalog */
    unsigned suspects;          /* PO_PACK_PART_*: what is wrong if the next step fails */
    struct po_pack_verification *result;
};

/* The files of one leaf, and the two more that an export's leaf is held against. */
#define PO_PACK_PART_EVENT 1U
#define PO_PACK_PART_OPENING 2U
#define PO_PACK_PART_RECORD 4U
#define PO_PACK_PART_PROOF 8U
#define PO_PACK_PART_CONSISTENCY 16U
#define PO_PACK_PART_MANIFEST 32U

/* Note a finding; its verdict fails. `file` and `why` are kept as they are. */
void po_pack_find(struct po_pack_check *check, enum po_pack_verdict verdict, const char *file,
                  const char *why);
/* The same, with the message that cx holds (and clears); PO_NOMEM and PO_IO go up. */
PO_RC po_pack_find_rc(struct po_ctx *cx, struct po_pack_check *check, enum po_pack_verdict verdict,
                      po_str file, po_rc rc);
/* The same for each suspect of the leaf `stem`: where two files disagree, both are named. */
PO_RC po_pack_find_parts(struct po_ctx *cx, struct po_pack_check *check,
                         enum po_pack_verdict verdict, po_str stem, po_rc rc);
const char *po_pack_text_of(struct po_ctx *cx, po_str text); /* "" when out of memory */

/* Steps, in order; each adds findings. */
PO_RC po_pack_check_log(struct po_ctx *cx, struct po_pack_check *check);
PO_RC po_pack_check_runs(struct po_ctx *cx, struct po_pack_check *check);
PO_RC po_pack_check_derived(struct po_ctx *cx, struct po_pack_check *check);

/*
 * Four files of one leaf: do they agree with each other and with a checkpoint signed by the key?
 * Leaves in check->suspects which of them is wrong when they do not.
 */
struct po_pack_leaf {
    struct po_record record;
    struct po_proof proof;
    struct po_event_view event;
};
PO_RC po_pack_read_leaf(struct po_ctx *cx, struct po_pack_check *check, const char *stem,
                        struct po_pack_leaf *ret_leaf);

/* Root of the tree over the first `count` leaf hashes. */
PO_RC po_pack_root(struct po_ctx *cx, const uint8_t (*hashes)[PO_SHA256_BYTES], uint64_t count,
                   uint8_t ret_root[static PO_SHA256_BYTES]);

#endif
