/*
 * The audit ledger: events written once, sealed, appended to files, provable to anybody.
 *
 * Flow       event bytes -> po_event_seal -> pending queue (the change's own transaction) ->
 *            po_ledger_sequence: record and payload in files, fdatasync, pending rows deleted ->
 *            full tiles -> po_ledger_checkpoint: signing state durable outside the home, then the
 *            signed checkpoint.
 * Invariants
 *  1. A leaf is the SHA-256 of a 116-byte record that commits to a sealed payload; once appended no
 *     byte of either changes.
 *  2. What was acknowledged is durable; after a failed sync nothing more is acknowledged until the
 *     ledger is opened again.
 *  3. No two checkpoints of one size differ, and each is consistent with all before it: the size and
 *     root are durable outside the home before the checkpoint exists (law 8).
 *  4. Bytes after the written end are zero.
 *  5. Nothing secret is derived from an index, a sequence number or a clock.
 *
 * Limits     named below;  Threads  one ledger, one thread
 * Source     docs/spec/ledger.md, docs/spec/audit-event.md;  Control  CC7.2 CC6.1 PI1.5
 */
#ifndef PO_LEDGER_LEDGER_H
#define PO_LEDGER_LEDGER_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/secret.h"
#include "core/str.h"
#include "crypto/crypto.h"

#define PO_EVENT_BYTES_MAX ((size_t)1 << 20)
#define PO_EVENT_FIELD_BYTES_MAX 4096 /* each of the string members */
#define PO_RECORD_BYTES 116
#define PO_PAYLOAD_BYTES_MAX (((size_t)1 << 24) - 1)
#define PO_SEGMENT_LEAVES 65536
#define PO_TILE_WIDTH 256
#define PO_TILE_BYTES (PO_TILE_WIDTH * PO_SHA256_BYTES)
#define PO_LEDGER_LEAVES_MAX ((uint64_t)1 << 40)
#define PO_LEDGER_BATCH_MAX 4096
#define PO_ORIGIN_BYTES_MAX 200
#define PO_PROOF_HASHES_MAX 64
#define PO_PROOF_BYTES_MAX (PO_NOTE_BYTES_MAX + 8192)

/* ==== audit events (docs/spec/audit-event.md) ================================================= */

enum po_event_class {
    PO_EVENT_CLASS_AUTH,
    PO_EVENT_CLASS_AUTHZ,
    PO_EVENT_CLASS_DATA,
    PO_EVENT_CLASS_CONFIG,
    PO_EVENT_CLASS_ERROR,
    PO_EVENT_CLASS_SECURITY,
    PO_EVENT_CLASS_SYSTEM,
    PO_EVENT_CLASS_AGENT,
    PO_EVENT_CLASS_EVIDENCE
};
enum po_event_severity {
    PO_EVENT_SEVERITY_DEFAULT, /* the type's */
    PO_EVENT_SEVERITY_INFO,
    PO_EVENT_SEVERITY_NOTICE,
    PO_EVENT_SEVERITY_WARNING,
    PO_EVENT_SEVERITY_ERROR,
    PO_EVENT_SEVERITY_CRITICAL
};
enum po_retention {
    PO_RETENTION_SHORT = 1, /* 90 days */
    PO_RETENTION_STANDARD,  /* 1 year */
    PO_RETENTION_LONG,      /* 7 years */
    PO_RETENTION_PERMANENT
};
enum po_event_result { PO_EVENT_SUCCESS = 1, PO_EVENT_FAILURE, PO_EVENT_DENIED, PO_EVENT_ERROR };

/* PO_EVENT_TYPE_<symbol> = code. */
enum po_event_type {
    PO_EVENT_TYPE_NONE = 0,
#define X(symbol, code, name, class, severity, retention) PO_EVENT_TYPE_##symbol = (code),
#include "ledger/event_types.def"
#undef X
};
struct po_event_type_row {
    enum po_event_type type;
    const char *name;
    enum po_event_class class;
    enum po_event_severity severity;
    enum po_retention retention;
};
/* NULL when unknown. */
const struct po_event_type_row *po_event_type_find(po_str name);
const struct po_event_type_row *po_event_type_get(uint16_t code);
/* The whole registry, by code. */
const struct po_event_type_row *po_event_type_table(size_t *ret_count);
const char *po_event_class_name(enum po_event_class class);
const char *po_event_severity_name(enum po_event_severity severity);
const char *po_event_result_name(enum po_event_result result); /* "success", ... */
PO_RC po_event_result_parse(po_str text, enum po_event_result *ret_result);

/*
 * What a caller says about an event; everything else (time, user, session, channel, tenant, ids)
 * comes from cx. Empty optional members take the default named beside them.
 */
struct po_event {
    enum po_event_type type;
    po_str resource; /* "kind:id", e.g. "control:AUD-03"; at least 1 byte */
    po_str action;   /* a verb, e.g. "create"; at least 1 byte */
    enum po_event_result result;
    po_str detail;         /* a JSON object; empty: {} */
    po_str user_id;        /* empty: cx->actor */
    po_str ip_address;     /* empty: cx->ip */
    po_str session_id;     /* empty: cx->session */
    po_str correlation_id; /* empty: cx->request */
    enum po_event_severity severity;
    uint8_t event_id[16]; /* UUIDv7; all zero: drawn */
    po_time_us time_us;   /* 0: now */
};

/*
 * Write the event's bytes, once: eight keys first, then v, event_id, tenant, severity, channel,
 * correlation_id, detail. Appends to `out`.
 *
 * ret_id   out  the event id used; may be NULL
 * Errors   PO_INVALID  a member is missing, not UTF-8, or detail is no JSON object;
 *          PO_LIMIT    over PO_EVENT_BYTES_MAX or PO_EVENT_FIELD_BYTES_MAX
 */
PO_RC po_event_write(struct po_ctx *cx, const struct po_event *event, struct po_buf *out,
                     uint8_t ret_id[16]);
/*
 * Do these bytes have exactly the shape above? The message in cx names the first difference.
 *
 * Errors   PO_INVALID shape;  PO_LIMIT size
 */
PO_RC po_event_validate(struct po_ctx *cx, po_str bytes);

/* The members of an event's bytes, decoded (in the arena or borrowed from `bytes`). */
struct po_event_view {
    po_time_us time_us;
    po_str timestamp;
    po_str event_type;
    po_str user_id;
    po_str resource;
    po_str action;
    po_str result;
    po_str ip_address;
    po_str session_id;
    po_str event_id;
    int64_t tenant;
    po_str severity;
    po_str channel;
    po_str correlation_id;
    po_str detail;              /* the object's bytes as written */
    const struct po_json *json; /* the whole event */
};
/* Validates as above, then fills the view. */
PO_RC po_event_parse(struct po_ctx *cx, po_str bytes, struct po_event_view *ret_view);

/* ==== sealing ================================================================================== */

#define PO_SEALED_HEADER_BYTES 82
#define PO_SEALED_OVERHEAD_BYTES (PO_SEALED_HEADER_BYTES + PO_GCM_TAG_BYTES)

/* Where data keys come from; home/ fills it from the store. Keys are borrowed until the next call. */
struct po_ledger_keys {
    void *user;
    /* The newest key of a tenant, for sealing. PO_UNAVAILABLE, PO_NOTFOUND. */
    PO_RC(*current)
    (struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t *ret_epoch,
     const struct po_secret **ret_key);
    /* The key of an epoch (1..255), for opening. PO_UNAVAILABLE, PO_NOTFOUND. */
    PO_RC(*at)
    (struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t epoch,
     const struct po_secret **ret_key);
};

/*
 * A sealed event on its way to the ledger. `record` is a draft: the sequencer fills in receive time,
 * time difference and tenant sequence number. Both byte strings are opaque to the store.
 */
struct po_sealed {
    uint8_t event_id[16];
    po_tenant_id tenant;
    po_str record; /* PO_RECORD_BYTES */
    po_str payload;
};
/*
 * Seal event bytes (from po_event_write) for cx->tenant. The result is in the arena.
 *
 * Errors   PO_INVALID  not an event;  PO_UNAVAILABLE  no data key
 * Cost     about 10 us, no I/O
 */
PO_RC po_event_seal(struct po_ctx *cx, const struct po_ledger_keys *keys, po_str event_bytes,
                    struct po_sealed *ret_sealed);
/* po_event_write and po_event_seal. */
PO_RC po_event_prepare(struct po_ctx *cx, const struct po_ledger_keys *keys,
                       const struct po_event *event, struct po_sealed *ret_sealed);

/* What lets anybody check one event against its leaf without a key. */
struct po_opening {
    uint8_t bytes[32];
};
/*
 * Open a sealed payload; `out` gets the event bytes (appended).
 *
 * ret_opening  out  may be NULL
 * Errors   PO_TAMPER   K_com does not match (a ciphertext of another key), or altered bytes;
 *          PO_CORRUPT  not a sealed payload;  PO_UNAVAILABLE, PO_NOTFOUND  no such key
 */
PO_RC po_sealed_open(struct po_ctx *cx, const struct po_ledger_keys *keys, po_tenant_id tenant,
                     po_str payload, struct po_buf *out, struct po_opening *ret_opening);
/* content_commit of a record = SHA-256("paulyops/v1/commit" || opening || event bytes). */
PO_RC po_opening_commit(const struct po_opening *opening, po_str event_bytes,
                        uint8_t ret_commit[static PO_SHA256_BYTES]);
/* The 8-byte name of a tenant in records, stable over key rotation. */
PO_RC po_tenant_pseudonym(struct po_ctx *cx, const struct po_ledger_keys *keys, po_tenant_id tenant,
                          uint64_t *ret_pseudonym);

/* ==== records ================================================================================== */

enum po_record_kind {
    PO_RECORD_EVENT = 1,
    PO_RECORD_ANCHOR = 2,
    PO_RECORD_GAP = 3,
    PO_RECORD_HEARTBEAT = 4,
    PO_RECORD_KEY_DESTROYED = 5,
    PO_RECORD_PAYLOAD_PURGED = 6,
    PO_RECORD_INDEX_SEALED = 7,
    PO_RECORD_FORK = 8,
    PO_RECORD_CONFIG = 9
};
#define PO_RECORD_FLAG_CLOCK_BACK 0x01 /* the clock stood before the previous leaf's receive time */

struct po_record {
    uint8_t version; /* 1 */
    uint8_t kind;
    uint16_t event_type;
    uint8_t action; /* code of the verb, 0 = another */
    uint8_t result; /* enum po_event_result */
    uint8_t retention;
    uint8_t flags;
    po_time_us recv_time_us;   /* never decreases from leaf to leaf */
    int32_t producer_delta_ms; /* receive time - the event's own time, clamped */
    uint32_t payload_len;
    uint8_t key_epoch;
    uint64_t tenant;     /* pseudonym */
    uint64_t tenant_seq; /* 1, 2, 3, ... per tenant */
    uint64_t producer;   /* pseudonym, 0: this instance */
    uint64_t producer_seq;
    uint8_t payload_hash[PO_SHA256_BYTES];
    uint8_t content_commit[PO_SHA256_BYTES];
};
/* PO_INVALID: a field does not fit. */
PO_RC po_record_encode(const struct po_record *record, uint8_t out[static PO_RECORD_BYTES]);
/* PO_INVALID: version, kind or reserved bits. */
PO_RC po_record_decode(po_str bytes, struct po_record *ret_record);
const char *po_record_action_name(uint8_t action); /* "" for 0 and unknown */

/* ==== the ledger =============================================================================== */

struct po_ledger;

struct po_ledger_options {
    const char *dir;         /* "<home>/data/ledger" */
    const char *signed_path; /* "<state>/signed", outside the home; NULL: none known */
    const char *origin; /* checkpoint origin and key name; needed to create, else may be NULL */
    const struct po_sign_key *sign_key; /* borrowed; NULL: read-only */
    /* Borrowed; a ring that asks signs and keeps `signed` elsewhere. NULL: sign_key and signed_path. */
    const struct po_keyring *asking;
    const struct po_ledger_keys *keys; /* borrowed; NULL: payloads stay closed */
    bool is_read_only;                 /* write nothing, not even recovery */
};
/* "<instance>/audit": the origin of an instance. Refuses blanks, '+', control characters. */
PO_RC po_ledger_origin(struct po_ctx *cx, const char *instance, const char **ret_origin);

/*
 * Make an empty ledger: directory, `vkey`, signing state of size 0. May be repeated after a crash as
 * long as nothing was appended.
 *
 * Errors   PO_EXISTS  a ledger or a signing state is there;  PO_INVALID  origin;  PO_IO, PO_CREATE
 */
PO_RC po_ledger_create(struct po_ctx *cx, const struct po_ledger_options *options);
/*
 * Open, and unless read-only recover: the last signed size is the floor; beyond it records whose
 * payload hash matches are kept and made durable, the rest is zeroed.
 *
 * Falls back to read-only (po_ledger_read_only_reason) when keys or signing state are absent, the
 * directory is not the one that was signed for, or its content disagrees with what was signed.
 *
 * Errors   PO_NOTFOUND  no ledger there;  PO_CORRUPT  a file is missing or cut short below the signed
 *          or checkpoint size (the message names it);  PO_IO
 */
PO_RC po_ledger_open(struct po_ctx *cx, const struct po_ledger_options *options,
                     struct po_ledger **ret_ledger);
/* Closes files; signs nothing. NULL is fine. */
void po_ledger_close(struct po_ledger *ledger);
void po_ledger_closep(struct po_ledger **ledger);

/* NULL when it can be extended; else one line why not. Borrowed from the ledger. */
const char *po_ledger_read_only_reason(const struct po_ledger *ledger);
/* A write has failed: nothing more is added until it is opened again. */
bool po_ledger_has_failed(const struct po_ledger *ledger);
const char *po_ledger_origin_of(const struct po_ledger *ledger); /* "" when unknown */
uint64_t po_ledger_size(const struct po_ledger *ledger);

struct po_ledger_recovery {
    uint64_t leaves_kept;   /* beyond the signed size */
    uint64_t bytes_cleared; /* non-zero bytes after the written end */
    bool was_open;          /* the last writer did not end cleanly */
};
/* What opening found; a caller records it as an event when bytes_cleared or leaves_kept is not 0. */
struct po_ledger_recovery po_ledger_recovered(const struct po_ledger *ledger);
/*
 * Zero the bytes after the written end although the last writer ended cleanly: what an operator asks
 * for after `ledger verify` named them. Reopen afterwards.
 */
PO_RC po_ledger_tail_clear(struct po_ctx *cx, struct po_ledger *ledger, uint64_t *ret_cleared);

/* Where pending events wait; home/ fills it from the store. */
struct po_ledger_queue {
    void *user;
    /* Oldest first, at most `max`; in cx's arena. */
    PO_RC(*list)
    (struct po_ctx *cx, void *user, size_t max, struct po_sealed **ret_items, size_t *ret_count);
    /* Durably forget them: the ledger files hold them. */
    PO_RC (*remove)(struct po_ctx *cx, void *user, const struct po_sealed *items, size_t count);
};
/*
 * Move everything pending into the ledger: append, sync, remove; batch by batch. Items whose payload
 * is in the ledger already (a crash came between sync and removal) are only removed. When `remove`
 * fails the ledger refuses more until it is opened again.
 *
 * ret_count  out  leaves appended; may be NULL
 * Errors   PO_UNAVAILABLE  read-only;  PO_IO  nothing of the failing batch is acknowledged;
 *          PO_INVALID  an item is no sealed event (names its id)
 */
PO_RC po_ledger_sequence(struct po_ctx *cx, struct po_ledger *ledger,
                         const struct po_ledger_queue *queue, uint64_t *ret_count);
/*
 * Append one batch directly; durable on return.
 *
 * ret_first  out  index of the first; may be NULL
 * Errors   as above; PO_LIMIT over PO_LEDGER_BATCH_MAX or 64 MiB
 */
PO_RC po_ledger_append(struct po_ctx *cx, struct po_ledger *ledger, const struct po_sealed *items,
                       size_t count, uint64_t *ret_first);

#define PO_LEDGER_NAME_BYTES_MAX 64
struct po_checkpoint {
    char origin[PO_ORIGIN_BYTES_MAX + 1];
    uint64_t size;
    uint8_t root[PO_SHA256_BYTES];
};
/*
 * Sign the present size: signing state durable first, then the file `checkpoint`. Nothing is done
 * when that size is signed and published already, or the ledger is empty.
 *
 * Errors   PO_UNAVAILABLE read-only;  PO_TAMPER the tree contradicts what was signed;  PO_IO;
 *          PO_BUSY who signs could not be asked: nothing is lost, try again
 */
PO_RC po_ledger_checkpoint(struct po_ctx *cx, struct po_ledger *ledger,
                           struct po_checkpoint *ret_checkpoint);
/* The published note; appended. PO_NOTFOUND when nothing was signed yet. */
PO_RC po_ledger_note(struct po_ctx *cx, struct po_ledger *ledger, struct po_buf *out);
/* "name+hex8+base64" of the signing key; appended. PO_NOTFOUND. */
PO_RC po_ledger_vkey(struct po_ctx *cx, struct po_ledger *ledger, struct po_buf *out);

/* ==== signing for another process =============================================================== */

/*
 * Where the keys are: signs what a log asks for (po_keyring_desk's log), and keeps `signed`.
 *
 * It signs a checkpoint of its own origin and nothing else; never a smaller size than it has signed,
 * never one size with two roots, and nothing that is not proved to go on from the last: who asks cannot
 * fork what was published. `signed` is read anew each time, and never believed when it went back.
 */
struct po_ledger_signer;
struct po_ledger_signer_options {
    const char *path;   /* of `signed` */
    const char *origin; /* of the log */
    const char *dir;    /* of the log: the one that was signed for is asked */
};
PO_RC po_ledger_signer_new(struct po_ctx *cx, const struct po_ledger_signer_options *options,
                           struct po_ledger_signer **ret_signer);
void po_ledger_signer_free(struct po_ledger_signer *signer);
void po_ledger_signer_freep(struct po_ledger_signer **signer);
/* For po_keyring_log; `user` is the signer. The content of `signed`; appended. PO_NOTFOUND. */
po_rc po_ledger_signer_state(struct po_ctx *cx, void *user, struct po_buf *out);
/*
 * `signed` is durable when this returns.
 *
 * Errors   PO_INVALID  no checkpoint's text;  PO_DENIED  another log's, or not the directory that was
 *          signed for;  PO_NOTFOUND, PO_CORRUPT  no usable `signed`;  PO_TAMPER  it does not go on from
 *          what was signed;  PO_IO
 */
po_rc po_ledger_signer_sign(struct po_ctx *cx, void *user, const struct po_sign_key *key,
                            const struct po_keyring_claim *claim,
                            uint8_t ret_signature[static PO_ED25519_SIG_BYTES]);

/* ==== reading ================================================================================== */

PO_RC po_ledger_root_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t size,
                        uint8_t ret_root[static PO_SHA256_BYTES]);
/* PO_NOTFOUND beyond the end;  PO_CORRUPT names the file. */
PO_RC po_ledger_record_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          struct po_record *ret_record);
PO_RC po_ledger_record_bytes_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                                uint8_t ret_bytes[static PO_RECORD_BYTES]);
/* Replaces `out`'s content. PO_TAMPER: it is not the payload the record commits to. */
PO_RC po_ledger_payload_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                           struct po_buf *out);
/*
 * The event's bytes, opened and held against payload hash and commitment; replaces `out`'s content.
 *
 * ret_opening  out  may be NULL
 * Errors   PO_NOTFOUND  no such leaf, or it is another tenant's (cx->tenant);  PO_UNAVAILABLE  no
 *          keys;  PO_TAMPER  contradicts its leaf
 */
PO_RC po_ledger_event_at(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                         struct po_buf *out, struct po_opening *ret_opening);

/* How cx->tenant is named in the records of this ledger. PO_UNAVAILABLE without keys. */
PO_RC po_ledger_pseudonym(struct po_ctx *cx, struct po_ledger *ledger, uint64_t *ret_pseudonym);

/* Which leaves to stop at; zero members do not filter. */
struct po_ledger_filter {
    enum po_event_type type;
    uint8_t result;
    bool is_own_tenant; /* only cx->tenant's (needs keys) */
};
/*
 * Walk: the first matching leaf at or after (or at or before) `from`. To go on pass *ret_index + 1
 * (- 1). `from` beyond the end starts at the end when walking back.
 *
 * ret_found  out  false when there is none; the other outputs are then unchanged
 */
PO_RC po_ledger_next(struct po_ctx *cx, struct po_ledger *ledger, uint64_t from,
                     const struct po_ledger_filter *filter, bool *ret_found, uint64_t *ret_index,
                     struct po_record *ret_record);
PO_RC po_ledger_prev(struct po_ctx *cx, struct po_ledger *ledger, uint64_t from,
                     const struct po_ledger_filter *filter, bool *ret_found, uint64_t *ret_index,
                     struct po_record *ret_record);
/* Index of an event by its id: scans back over at most `scan_max` leaves. PO_NOTFOUND. */
PO_RC po_ledger_find_event(struct po_ctx *cx, struct po_ledger *ledger,
                           const uint8_t event_id[static 16], uint64_t scan_max,
                           uint64_t *ret_index);
/* Size of the ledger as of a time: the number of leaves received at or before it. */
PO_RC po_ledger_size_at_time(struct po_ctx *cx, struct po_ledger *ledger, po_time_us time_us,
                             uint64_t *ret_size);

/* ==== Merkle tree (RFC 6962) =================================================================== */

struct po_proof_hashes {
    size_t count;
    uint8_t hashes[PO_PROOF_HASHES_MAX][PO_SHA256_BYTES];
};
/* Proof that leaf `index` is in the tree of `size`. PO_INVALID: index >= size > ledger size. */
PO_RC po_ledger_inclusion(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                          uint64_t size, struct po_proof_hashes *ret_proof);
/* Proof that the tree of `old_size` is a prefix of the tree of `size`. */
PO_RC po_ledger_consistency(struct po_ctx *cx, struct po_ledger *ledger, uint64_t old_size,
                            uint64_t size, struct po_proof_hashes *ret_proof);

struct po_inclusion_claim {
    uint64_t index;
    uint64_t size;
    const uint8_t *leaf_hash;
    const uint8_t *root;
};
/* PO_OK, or PO_TAMPER when the proof does not prove the claim. Needs no ledger. */
PO_RC po_inclusion_verify(const struct po_inclusion_claim *claim,
                          const struct po_proof_hashes *proof);
struct po_consistency_claim {
    uint64_t old_size;
    uint64_t size;
    const uint8_t *old_root;
    const uint8_t *root;
};
PO_RC po_consistency_verify(const struct po_consistency_claim *claim,
                            const struct po_proof_hashes *proof);
/* SHA-256(0x00 || record). */
PO_RC po_leaf_hash(po_str record_bytes, uint8_t ret_hash[static PO_SHA256_BYTES]);

/* ==== checkpoints and proofs as text =========================================================== */

/* Strict shape of a checkpoint's text; signatures are not looked at. PO_INVALID, PO_LIMIT. */
PO_RC po_checkpoint_parse(po_str note, struct po_checkpoint *ret_checkpoint);
/* Parse, and verify the signature of `vkey`. PO_TAMPER, PO_NOTFOUND (not signed by it), PO_INVALID. */
PO_RC po_checkpoint_verify(po_str note, const struct po_note_vkey *vkey,
                           struct po_checkpoint *ret_checkpoint);

/* c2sp.org/tlog-proof@v1 of leaf `index` against the published checkpoint; appended. */
PO_RC po_ledger_prove(struct po_ctx *cx, struct po_ledger *ledger, uint64_t index,
                      struct po_buf *out);
struct po_proof {
    uint64_t index;
    struct po_proof_hashes hashes;
    po_str note; /* the checkpoint, verbatim; borrowed from the text */
    struct po_checkpoint checkpoint;
};
/* Strict: canonical base64, no CR, no leading zeros. PO_INVALID, PO_LIMIT. */
PO_RC po_proof_parse(po_str text, struct po_proof *ret_proof);
/*
 * Does `text` prove that this leaf hash is in a tree signed by `vkey`?
 *
 * vkey       in   NULL: the signature is not checked (self-consistent, origin not established)
 * ret_proof  out  may be NULL
 * Errors     PO_INVALID shape;  PO_TAMPER proof or signature;  PO_NOTFOUND not signed by vkey
 */
PO_RC po_proof_verify(po_str text, const uint8_t leaf_hash[static PO_SHA256_BYTES],
                      const struct po_note_vkey *vkey, struct po_proof *ret_proof);

/* ==== verification ============================================================================= */

enum po_verdict_state { PO_VERDICT_OK, PO_VERDICT_FAILED, PO_VERDICT_NOT_CHECKED };

/* In this order. */
enum po_verdict_kind {
    PO_VERDICT_LEAVES,       /* records are well-formed and are what the tree was built from */
    PO_VERDICT_TILES,        /* tile files hold the hashes of the records */
    PO_VERDICT_ROOT,         /* the tree has the root of the checkpoint and of the signing state */
    PO_VERDICT_SIGNATURES,   /* the checkpoint is signed by the instance's key */
    PO_VERDICT_PAYLOADS,     /* sealed payloads are those the records commit to */
    PO_VERDICT_TAIL,         /* bytes after the written end are zero, no strange files */
    PO_VERDICT_COMMITMENTS,  /* payloads open to events with the committed bytes (needs keys) */
    PO_VERDICT_COMPLETENESS, /* sequence numbers of tenants and producers have no gap */
    PO_VERDICT_TIME,         /* receive times never decrease */
    PO_VERDICT_CONSISTENCY,  /* every earlier checkpoint given is a prefix */
    PO_VERDICT_KIND_COUNT
};

#define PO_VERDICT_FINDINGS_MAX 64
struct po_verdict_finding {
    enum po_verdict_kind kind;
    const char *file; /* relative to the ledger's directory, or the name given with `against` */
    const char *why;  /* one line */
};
struct po_verdict {
    enum po_verdict_state state;
    uint64_t checked; /* leaves, files or checkpoints looked at */
    const char *why;  /* one line: what was established, or why it was not checked */
};
struct po_ledger_verification {
    bool is_ok; /* nothing failed */
    uint64_t size;
    uint8_t root[PO_SHA256_BYTES];
    struct po_verdict verdicts[PO_VERDICT_KIND_COUNT];
    struct po_verdict_finding *findings; /* in the arena; further ones are only counted */
    size_t finding_count;
    uint64_t findings_dropped;
};
const char *po_verdict_kind_name(enum po_verdict_kind kind);
const char *po_verdict_state_name(enum po_verdict_state state); /* "ok", "failed", "not checked" */

/* An earlier checkpoint: a raw note, or (note empty) size and root as a report or pack states them. */
struct po_ledger_against {
    const char *name; /* of the file, for findings */
    po_str note;
    uint64_t size;
    uint8_t root[PO_SHA256_BYTES];
};
struct po_ledger_verify_options {
    const struct po_note_vkey *vkey; /* NULL: the signing key's, else the ledger's file `vkey` */
    const struct po_ledger_against *against;
    size_t against_count;
    const po_tenant_id *tenants; /* whose commitments to check; empty: cx->tenant's */
    size_t tenant_count;
    bool
        passes_over_others; /* commitments of other tenants are nobody's business here: not told of */
    bool skip_commitments; /* structure only, fast */
};
/*
 * Read everything again and compare. Findings are results, not errors: PO_OK with is_ok = false.
 * Nothing is written.
 *
 * Errors   PO_IO, PO_NOMEM: the check itself could not be made
 * Cost     about 1.5 us a leaf structure and payload, 10 us with commitments
 */
PO_RC po_ledger_verify(struct po_ctx *cx, struct po_ledger *ledger,
                       const struct po_ledger_verify_options *options,
                       struct po_ledger_verification *ret_verification);

/* ==== export =================================================================================== */

/*
 * Write a C2SP tlog-tiles directory of the published checkpoint's size: `checkpoint`, `vkey`,
 * `tile/`, `tile/entries/`, partial tiles for that size. Repeating it changes nothing.
 *
 * Errors   PO_NOTFOUND nothing signed yet;  PO_CONFLICT the directory holds another log;  PO_IO
 */
PO_RC po_ledger_export(struct po_ctx *cx, struct po_ledger *ledger, const char *dir,
                       uint64_t *ret_files_written);

#endif
