/*
 * One run of `ledger verify`: what its parts share.
 */
#ifndef PO_LEDGER_VERIFY_PRIV_H
#define PO_LEDGER_VERIFY_PRIV_H

#include "core/map.h"
#include "ledger/ledger_priv.h"

#define PO_VERIFY_SUSPECTS_MAX 64
#define PO_VERIFY_NUMBERED_MAX 65536 /* tenants and producers */

/* A size whose root is wanted from the records. */
struct po_verify_root {
    uint64_t size;
    bool is_known;
    uint8_t root[PO_SHA256_BYTES];
};

/* A full tile that differs from the records. */
struct po_verify_mismatch {
    unsigned level;
    uint64_t number;
    bool is_missing; /* or of another length */
    unsigned entry;  /* the first one that differs */
};

/* Per tenant or producer: the last number seen. */
struct po_verify_counts {
    struct po_map *map;
    uint64_t checked;
};

struct po_verify {
    struct po_ctx *cx; /* the caller's; findings go to its arena */
    struct po_arena *arena;
    struct po_ledger *ledger;
    const struct po_ledger_verify_options *options;
    struct po_ledger_verification *result;
    struct po_note_vkey vkey;
    bool has_vkey;
    bool is_vkey_own; /* only the file beside the ledger says so */

    struct po_verify_root *roots; /* sorted by size */
    size_t root_count;
    size_t root_next;
    bool is_cut;            /* records end before the size they should have */
    uint64_t scanned;       /* leaves */
    uint64_t first_unsound; /* first leaf whose record is no record; UINT64_MAX when none */

    struct po_segment segment; /* the one being read */
    struct po_edge edge;
    struct po_verify_mismatch mismatches[PO_VERIFY_SUSPECTS_MAX];
    size_t mismatch_count;
    uint64_t bad_payloads[PO_VERIFY_SUSPECTS_MAX];
    size_t bad_payload_count;
    uint64_t bad_payload_total;
    uint64_t bad_tails[PO_VERIFY_SUSPECTS_MAX]; /* segments with bytes after the last payload */
    size_t bad_tail_count;
    uint64_t record_faults[PO_VERIFY_SUSPECTS_MAX]; /* leaves */
    size_t record_fault_count;

    po_time_us last_recv_us;
    struct po_verify_counts tenants;
    struct po_verify_counts producers;
    uint64_t *pseudonyms; /* of options->tenants */
    const po_tenant_id *tenant_ids;
    size_t tenant_count;
    bool has_keys;
    uint64_t opened;
    uint64_t unopened;
    struct po_buf event; /* reused */
    uint8_t block[PO_BLOCK_BYTES];
    uint8_t tile[PO_TILE_BYTES];
};

/* Record a finding: the verdict of its kind becomes failed. */
void po_verify_find(struct po_verify *run, enum po_verdict_kind kind, const char *file,
                    const char *fmt, ...) PO_PRINTF(4, 5);
/* State and line of why, unless a finding has made it failed. */
void po_verify_say(struct po_verify *run, enum po_verdict_kind kind, enum po_verdict_state state,
                   const char *fmt, ...) PO_PRINTF(4, 5);
const char *po_verify_file(struct po_verify *run, const char *fmt, ...) PO_PRINTF(2, 3);
bool po_verify_has_failed(const struct po_verify *run, enum po_verdict_kind kind);

/* Read every record and payload once. */
PO_RC po_verify_scan(struct po_verify *run);
/* Sequence numbers and receive time of one record. */
PO_RC po_verify_numbers(struct po_verify *run, uint64_t index, const struct po_record *record);
/* With keys: does the payload open to the event the record commits to and describes? */
PO_RC po_verify_open(struct po_verify *run, uint64_t index, const struct po_record *record,
                     po_str payload);
/* A tile of the records became full: hold the file against it. */
PO_RC po_verify_on_tile(struct po_ctx *cx, void *user, unsigned level, uint64_t number,
                        const uint8_t tile[static PO_TILE_BYTES]);
/* The root of the records at a size that was asked for; NULL when not known. */
const uint8_t *po_verify_root_of(const struct po_verify *run, uint64_t size);
/* Who is wrong where tiles and records differ; then the verdicts leaves, tiles, root. */
PO_RC po_verify_tree(struct po_verify *run);
void po_verify_payloads(struct po_verify *run);
PO_RC po_verify_signatures(struct po_verify *run);
/* Behind the last record and payload of the open segment. */
PO_RC po_verify_segment_tail(struct po_verify *run, uint64_t number);
/* Files that do not belong there, the marker. */
PO_RC po_verify_tail(struct po_verify *run);
PO_RC po_verify_consistency(struct po_verify *run);

#endif
