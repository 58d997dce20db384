/*
 * What the files of the ledger share. Not for other modules.
 */
#ifndef PO_LEDGER_LEDGER_PRIV_H
#define PO_LEDGER_LEDGER_PRIV_H

#include "core/codec.h"
#include "core/fs.h"
#include "ledger/ledger.h"

#define PO_LEDGER_PATH_BYTES 4096
#define PO_TILE_LEVELS 6
#define PO_BLOCK_LEAVES PO_TILE_WIDTH
#define PO_BLOCK_BYTES (PO_BLOCK_LEAVES * PO_RECORD_BYTES)
#define PO_SEGMENT_BLOCKS (PO_SEGMENT_LEAVES / PO_BLOCK_LEAVES)
#define PO_REC_STEP_BYTES ((uint64_t)1024 * PO_RECORD_BYTES)
#define PO_PAY_STEP_BYTES ((uint64_t)256 << 10)
#define PO_SEGMENT_REC_BYTES ((uint64_t)PO_SEGMENT_LEAVES * PO_RECORD_BYTES)
#define PO_LEDGER_REASON_BYTES 256
#define PO_LEDGER_TENANTS_MAX 256
#define PO_WRITER_OPENED "state opened\n"
#define PO_WRITER_CLOSED "state closed\n"

/* Behind each payload: the first bytes of its leaf hash, so that a torn record shows. */
#define PO_FRAME_CHECK_BYTES 8

/* The ban on memcmp (STYLE B6) leaves this for fixed-size digests. */
static inline bool po_digest_eq(const uint8_t *a, const uint8_t *b)
{
    return po_str_eq(po_str_n(a, PO_SHA256_BYTES), po_str_n(b, PO_SHA256_BYTES));
}

/* ---- little-endian fields -------------------------------------------------------------------- */

static inline void po_le_put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t po_le_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Bytes of a record's payload frame, from the record's bytes. */
static inline uint64_t po_frame_len(const uint8_t *record)
{
    return po_le_get(record + 20, 3) + PO_FRAME_CHECK_BYTES;
}

/* ---- a scratch arena: long walks must not fill the request's --------------------------------- */

struct po_scratch {
    struct po_ctx *cx;
    struct po_arena *saved;
};
/* Give cx a fresh arena until po_scratch_done; what was made in it is gone then. */
PO_RC po_scratch_begin(struct po_ctx *cx, size_t limit_bytes, struct po_scratch *scratch);
void po_scratch_done(struct po_scratch *scratch);
#define PO_SCRATCH_AUTO PO_CLEANUP(po_scratch_done) struct po_scratch

/* ---- Merkle: pure functions over a source of subtree hashes ---------------------------------- */

/* Hash of the complete subtree of 2^level leaves number `index`. */
struct po_merkle_source {
    void *user;
    struct po_hash *hash;
    PO_RC(*node)
    (struct po_ctx *cx, void *user, unsigned level, uint64_t index,
     uint8_t ret_hash[static PO_SHA256_BYTES]);
};
PO_RC po_merkle_root(struct po_ctx *cx, const struct po_merkle_source *source, uint64_t size,
                     uint8_t ret_root[static PO_SHA256_BYTES]);
PO_RC po_merkle_inclusion(struct po_ctx *cx, const struct po_merkle_source *source, uint64_t index,
                          uint64_t size, struct po_proof_hashes *ret_proof);
PO_RC po_merkle_consistency(struct po_ctx *cx, const struct po_merkle_source *source,
                            uint64_t old_size, uint64_t size, struct po_proof_hashes *ret_proof);
/* The root a proof leads to; PO_TAMPER when its length does not fit. */
PO_RC po_inclusion_root(uint64_t index, uint64_t size, const uint8_t *leaf_hash,
                        const struct po_proof_hashes *proof,
                        uint8_t ret_root[static PO_SHA256_BYTES]);

/* ---- the right edge: partial tiles in memory ------------------------------------------------- */

struct po_edge {
    uint64_t size;
    uint8_t tile[PO_TILE_LEVELS][PO_TILE_WIDTH][PO_SHA256_BYTES];
};
/* What is told of each tile that became full. */
struct po_edge_sink {
    void *user;
    PO_RC(*full)
    (struct po_ctx *cx, void *user, unsigned level, uint64_t number,
     const uint8_t tile[static PO_TILE_BYTES]);
};
PO_RC po_edge_push(struct po_ctx *cx, struct po_edge *edge, struct po_hash *hash,
                   const uint8_t leaf_hash[static PO_SHA256_BYTES],
                   const struct po_edge_sink *sink);
/* Root of the present size; no I/O. */
PO_RC po_edge_root(struct po_edge *edge, struct po_hash *hash,
                   uint8_t ret_root[static PO_SHA256_BYTES]);
/* MTH of `count` (a power of two <= 256) neighbouring hashes. */
PO_RC po_tile_fold(struct po_hash *hash, const uint8_t *hashes, unsigned count,
                   uint8_t ret_hash[static PO_SHA256_BYTES]);
/* "tile/0/x001/067" (+ ".p/17" when width < 256); relative. `kind` is "0".. or "entries". */
void po_tile_path(char *out, size_t out_len, const char *kind, uint64_t number, unsigned width);

/* ---- signing state outside the home ---------------------------------------------------------- */

struct po_signed_state {
    char origin[PO_ORIGIN_BYTES_MAX + 1];
    uint64_t size;
    uint8_t root[PO_SHA256_BYTES];
    uint64_t inode;
    int64_t birth_us;
};
/* PO_NOTFOUND absent;  PO_CORRUPT damaged. */
PO_RC po_signed_read(struct po_ctx *cx, const char *path, struct po_signed_state *ret_state);
/* Durable on return. */
PO_RC po_signed_write(struct po_ctx *cx, const char *path, const struct po_signed_state *state);
PO_RC po_signed_parse(po_str text, struct po_signed_state *ret_state);
/* From where this ledger's is. PO_NOTFOUND, PO_CORRUPT; PO_BUSY and others where it is asked for. */
PO_RC po_signing_read(struct po_ctx *cx, const struct po_ledger *ledger,
                      struct po_signed_state *ret_state);
/*
 * The signature of `text`, a checkpoint of `size`, by asking; afterwards signed_state is of that size.
 * PO_BUSY; PO_TAMPER.
 */
PO_RC po_signing_ask(struct po_ctx *cx, struct po_ledger *ledger,
                     const struct po_checkpoint *checkpoint, po_str text,
                     uint8_t ret_signature[static PO_ED25519_SIG_BYTES]);
void po_signed_format(const struct po_signed_state *state, struct po_buf *out);
/* The directory's identity: inode and birth time. */
PO_RC po_ledger_binding(struct po_ctx *cx, const char *dir, uint64_t *ret_inode,
                        int64_t *ret_birth_us);

/* ---- checkpoints ----------------------------------------------------------------------------- */

bool po_origin_is_valid(po_str origin);
void po_origin_copy(char out[static PO_ORIGIN_BYTES_MAX + 1], const char *origin);
void po_checkpoint_text(const struct po_checkpoint *checkpoint, struct po_buf *out);
PO_RC po_checkpoint_text_parse(po_str text, struct po_checkpoint *ret_checkpoint);

/* ---- segment files --------------------------------------------------------------------------- */

/* One segment's two files. Offsets of payloads come from sums of lengths, kept by block. */
struct po_segment {
    bool is_open;
    bool is_writable;
    uint64_t number;
    int rec_fd;
    int pay_fd;
    uint64_t rec_len; /* file lengths */
    uint64_t pay_len;
    uint64_t leaves;     /* up to where block_start is known */
    uint64_t pay_end;    /* end of the frame of leaf `leaves` - 1 */
    bool is_name_synced; /* the directory entries are durable */
    uint64_t block_start[PO_SEGMENT_BLOCKS + 1];
};

struct po_ledger_tenant_seq {
    uint64_t tenant;
    uint64_t seq;
};

struct po_ledger {
    char dir[PO_LEDGER_PATH_BYTES];
    char signed_path[PO_LEDGER_PATH_BYTES]; /* "" when none */
    char origin[PO_ORIGIN_BYTES_MAX + 1];
    char reason[PO_LEDGER_REASON_BYTES]; /* why read-only; "" when writable */
    const struct po_sign_key *sign_key;
    const struct po_keyring *asking; /* NULL: sign_key signs */
    const struct po_ledger_keys *keys;
    struct po_hash *hash;
    bool is_asked_read_only;
    bool is_broken;        /* a write or sync failed: nothing more until reopened */
    bool is_marker_open;   /* `writer` says opened */
    bool is_marker_synced; /* and that is durable */
    bool is_clear_pending; /* zeroed bytes are not synced yet */
    bool is_tail_done;     /* pending rows were held against the recovered tail */
    bool has_vkey;
    bool has_signed;
    bool is_signed_damaged;
    bool has_checkpoint;
    struct po_note_vkey vkey;
    struct po_signed_state signed_state;
    struct po_checkpoint checkpoint; /* as published */
    struct po_ledger_recovery recovery;
    uint64_t floor;     /* size at open that was signed (or published) */
    uint64_t size;      /* leaves */
    uint64_t tile_size; /* tile files are trusted for leaves below */
    po_time_us last_recv_us;
    struct po_segment seg; /* the last segment, for writing and reading */
    struct po_segment old; /* another one, for reading */
    struct po_edge edge;
    uint64_t block_index; /* of `block`, UINT64_MAX when none */
    uint32_t block_leaves;
    uint8_t block[PO_BLOCK_BYTES];
    uint64_t tile_cache_number[PO_TILE_LEVELS]; /* UINT64_MAX when none */
    uint8_t tile_cache[PO_TILE_LEVELS][PO_TILE_BYTES];
    struct po_ledger_tenant_seq tenants[PO_LEDGER_TENANTS_MAX];
    size_t tenant_count;
    size_t tenant_next; /* slot replaced next when full */
};

/* Memory and paths only; nothing is opened. */
PO_RC po_ledger_new(struct po_ctx *cx, const struct po_ledger_options *options,
                    struct po_ledger **ret_ledger);
/* "<dir>/<name>" into `out`; PO_LIMIT. */
PO_RC po_ledger_path(struct po_ctx *cx, const struct po_ledger *ledger, const char *name,
                     char out[static PO_LEDGER_PATH_BYTES]);
/* Make it read-only with this reason, unless it is already. */
void po_ledger_degrade(struct po_ledger *ledger, const char *fmt, ...) PO_PRINTF(2, 3);
/* PO_UNAVAILABLE with the reason, or PO_IO when broken. */
PO_RC po_ledger_writable(struct po_ctx *cx, const struct po_ledger *ledger);

void po_segment_init(struct po_segment *segment);
void po_segment_close(struct po_segment *segment);
void po_segment_name(char out[static 16], uint64_t number, const char *ext);
/* PO_NOTFOUND when its files are not there (the message names the one missing). */
PO_RC po_segment_open(struct po_ctx *cx, const struct po_ledger *ledger, uint64_t number,
                      bool is_writable, struct po_segment *segment);
PO_RC po_segment_create(struct po_ctx *cx, const struct po_ledger *ledger, uint64_t number,
                        struct po_segment *segment);
/* Sum up payload lengths of leaves up to `leaves` (of the segment). PO_CORRUPT. */
PO_RC po_segment_index(struct po_ctx *cx, struct po_segment *segment, uint64_t leaves);
/* Room for these ends, zero-filled. */
PO_RC po_segment_extend(struct po_ctx *cx, struct po_segment *segment, uint64_t rec_end,
                        uint64_t pay_end);
/* One fdatasync for each file, and the directory when the names are new. */
PO_RC po_segment_sync(struct po_ctx *cx, const struct po_ledger *ledger,
                      struct po_segment *segment);
/* Zero [from, length) of a file; counts what was not zero. */
PO_RC po_segment_clear(struct po_ctx *cx, int fd, uint64_t from, uint64_t *ret_cleared);
/* Offset of the first byte that is not zero in [from, length), or the length. */
PO_RC po_segment_find_nonzero(struct po_ctx *cx, int fd, uint64_t from, uint64_t *ret_offset);
PO_RC po_file_len(struct po_ctx *cx, int fd, uint64_t *ret_len);

/* The open segment holding leaf `index`. */
PO_RC po_ledger_segment(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                        struct po_segment **ret_segment);
/* The block of 256 records holding `index`, cached; *ret_leaves of them are written. */
PO_RC po_ledger_block(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                      const uint8_t **ret_block, uint32_t *ret_leaves);
PO_RC po_ledger_payload_range(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                              struct po_segment **ret_segment, uint64_t *ret_offset);

/* ---- tiles and tree of a ledger -------------------------------------------------------------- */

struct po_merkle_source po_ledger_source(struct po_ledger *ledger);
/* Set the edge up for `size` leaves from tile files and records. */
PO_RC po_ledger_edge_load(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size);
/* Push one leaf; full tiles are written unless read-only. */
PO_RC po_ledger_edge_add(struct po_ctx *cx, struct po_ledger *ledger, const uint8_t *record_bytes);
/* A full tile: from memory, cache or file, or rebuilt from records where no file is due. */
PO_RC po_ledger_tile(struct po_ctx *cx, struct po_ledger *ledger, unsigned level, uint64_t number,
                     const uint8_t **ret_tile);

/* ---- recovery, publication ------------------------------------------------------------------- */

/* Take records beyond `size` as long as they are whole; memory only. */
PO_RC po_ledger_tail_scan(struct po_ctx *cx, struct po_ledger *ledger);
PO_RC po_ledger_recover(struct po_ctx *cx, struct po_ledger *ledger);
PO_RC po_ledger_marker_read(struct po_ctx *cx, struct po_ledger *ledger, bool *ret_is_open);
PO_RC po_ledger_marker_set(struct po_ctx *cx, struct po_ledger *ledger, bool is_open);
/* Sign a size and its root and replace the file `checkpoint`. */
PO_RC po_ledger_publish(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size,
                        const uint8_t root[static PO_SHA256_BYTES]);
/*
 * One batch within one segment: prepare numbers and encodes the records, write puts them and the
 * payloads after the end, unsynced. po_ledger_append does both, syncs, and only then counts them.
 */
struct po_ledger_batch {
    const struct po_sealed *items;
    size_t count;
    struct po_buf records;
    uint64_t frame_bytes;
};
PO_RC po_ledger_batch_prepare(struct po_ctx *cx, struct po_ledger *ledger,
                              struct po_ledger_batch *batch);
PO_RC po_ledger_batch_write(struct po_ctx *cx, struct po_ledger *ledger,
                            const struct po_ledger_batch *batch);
void po_ledger_batch_done(struct po_ledger_batch *batch);
/* Last sequence number of a tenant, 0 when it has none. */
PO_RC po_ledger_tenant_last(struct po_ctx *cx, struct po_ledger *ledger, uint64_t tenant,
                            uint64_t *ret_seq);
void po_ledger_tenant_note(struct po_ledger *ledger, uint64_t tenant, uint64_t seq);

#endif
