/*
 * Cryptography: hashing, key derivation, sealing, signatures, the keyring, signed notes.
 *
 * Thin over OpenSSL 3.0 (algorithms fetched once by po_crypto_init, never on a hot path) and
 * libsodium. Keys are given as borrowed bytes (`po_secret_bytes(secret)`), kept in po_secret.
 *
 * Functions without a context return a bare code; PO_CRYPTO means the library below refused (out of
 * memory, not initialised, a broken installation).
 *
 * Threads  po_crypto_init before the first thread; afterwards one po_hash per thread, everything
 *          else but the keyring is safe from any thread
 * Source   docs/spec/keys.md
 * Control  CC6.1 CC6.7
 */
#ifndef PO_CRYPTO_CRYPTO_H
#define PO_CRYPTO_CRYPTO_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/secret.h"
#include "core/str.h"

/*
 * Fetch the algorithms and start libsodium. Idempotent; every function below calls it by itself
 * when nobody did, so programs need it only to fail early.
 */
PO_RC po_crypto_init(void);

/* ---- hashing ------------------------------------------------------------------------------- */

#define PO_SHA256_BYTES 32

/* One shot. PO_CRYPTO. */
PO_RC po_sha256(po_str in, uint8_t out[static PO_SHA256_BYTES]);

/*
 * A reusable SHA-256 context: no allocation and no fetch after po_hash_new, so that a million leaf
 * hashes cost only the hashing. begin, update..., end; then begin again.
 */
struct po_hash;
PO_RC po_hash_new(struct po_ctx *cx, struct po_hash **ret_hash);
void po_hash_free(struct po_hash *hash);
void po_hash_freep(struct po_hash **hash);
PO_RC po_hash_begin(struct po_hash *hash);
PO_RC po_hash_update(struct po_hash *hash, po_str bytes);
PO_RC po_hash_end(struct po_hash *hash, uint8_t out[static PO_SHA256_BYTES]);

/* RFC 6962 2.1: SHA-256(0x00 || entry). */
PO_RC po_hash_leaf(struct po_hash *hash, po_str entry, uint8_t out[static PO_SHA256_BYTES]);
/* RFC 6962 2.1: SHA-256(0x01 || left || right). `out` may be `left` or `right`. */
PO_RC po_hash_node(struct po_hash *hash, const uint8_t left[static PO_SHA256_BYTES],
                   const uint8_t right[static PO_SHA256_BYTES],
                   uint8_t out[static PO_SHA256_BYTES]);

/* HMAC (RFC 2104) with SHA-256; any key length. */
PO_RC po_hmac_sha256(po_str key, po_str in, uint8_t out[static PO_SHA256_BYTES]);

/* HKDF (RFC 5869) with SHA-256. out_len <= 255 * 32 (PO_LIMIT). An empty salt is 32 zero bytes. */
PO_RC po_hkdf_extract(po_str ikm, po_str salt, uint8_t prk[static PO_SHA256_BYTES]);
PO_RC po_hkdf_expand(const uint8_t prk[static PO_SHA256_BYTES], po_str info, uint8_t *out,
                     size_t out_len);
/* Both steps. */
PO_RC po_hkdf_sha256(po_str ikm, po_str salt, po_str info, uint8_t *out, size_t out_len);

/* Key bytes on the stack: `uint8_t k[32] PO_WIPED(po_wipe32) = {0};`, wiped when the scope ends. */
void po_wipe32(uint8_t (*bytes)[32]);
void po_wipe64(uint8_t (*bytes)[64]);
void po_wipe96(uint8_t (*bytes)[96]);
#define PO_WIPED(fn) PO_CLEANUP(fn)

/* ---- passwords (Argon2id, RFC 9106) ---------------------------------------------------------- */

#define PO_PASSWORD_BYTES_MAX 1024
#define PO_PASSWORD_HASH_BYTES_MAX 128 /* with NUL */
#define PO_PASSWORD_MEMORY_KIB_MAX ((uint32_t)1 << 20)
#define PO_PASSWORD_PASSES_MAX 10

struct po_password_cost {
    uint32_t memory_kib; /* 8..PO_PASSWORD_MEMORY_KIB_MAX */
    uint32_t passes;     /* 1..PO_PASSWORD_PASSES_MAX */
};
#define PO_PASSWORD_COST_DEFAULT ((struct po_password_cost){.memory_kib = 65536, .passes = 3})
/* Nothing weaker is configured. */
#define PO_PASSWORD_COST_FLOOR ((struct po_password_cost){.memory_kib = 19456, .passes = 2})

/*
 * Hash with a fresh salt: "$argon2id$v=19$m=<KiB>,t=<passes>,p=1$<salt>$<hash>" (PHC string), so that
 * the parameters stand with each hash.
 *
 * password  in   1..PO_PASSWORD_BYTES_MAX bytes (PO_INVALID, PO_LIMIT)
 * Errors    PO_INVALID cost out of range;  PO_NOMEM (or the library refused);  PO_IO no randomness
 * Cost      memory_kib of memory for about 1 ms per MiB and pass; any thread
 */
PO_RC po_password_hash(po_str password, struct po_password_cost cost,
                       char ret_hash[static PO_PASSWORD_HASH_BYTES_MAX]);
/*
 * Compared in constant time. A wrong password is PO_OK with *ret_is_right = false.
 *
 * Errors  PO_CORRUPT  no hash of this form, or costlier than the limits above;  PO_NOMEM
 */
PO_RC po_password_verify(po_str password, po_str hash, bool *ret_is_right);
/* The cost a hash was made with. PO_CORRUPT. */
PO_RC po_password_hash_cost(po_str hash, struct po_password_cost *ret_cost);
/* True when `hash` has less memory or fewer passes than `cost`, or is no hash at all. */
bool po_password_hash_is_weak(po_str hash, struct po_password_cost cost);
/* A hash that no password matches and that costs as much to verify. PO_IO. */
PO_RC po_password_hash_dummy(struct po_password_cost cost,
                             char ret_hash[static PO_PASSWORD_HASH_BYTES_MAX]);
/* How many hashes this process has computed: work that tests compare. */
uint64_t po_password_work_count(void);

/* ---- one-time codes (RFC 4226) --------------------------------------------------------------- */

#define PO_HOTP_DIGITS_MAX 9
/* HMAC-SHA-1, dynamic truncation: `digits` (6..9) decimal digits and NUL. PO_INVALID, PO_CRYPTO. */
PO_RC po_hotp(po_str key, uint64_t counter, unsigned digits,
              char out[static PO_HOTP_DIGITS_MAX + 1]);

/* ---- sealing ------------------------------------------------------------------------------- */

#define PO_KEY_BYTES 32
#define PO_GCM_NONCE_BYTES 12
#define PO_GCM_TAG_BYTES 16
#define PO_XCHACHA_NONCE_BYTES 24
#define PO_XCHACHA_OVERHEAD_BYTES (PO_XCHACHA_NONCE_BYTES + 16)
#define PO_SEAL_BYTES_MAX ((size_t)64 << 20)

/*
 * AES-256-GCM. The caller answers for the nonce being used once per key.
 *
 * key     in   PO_KEY_BYTES bytes (PO_INVALID otherwise)
 * plain   in   at most PO_SEAL_BYTES_MAX (PO_LIMIT)
 * out     out  plain.len + PO_GCM_TAG_BYTES bytes: ciphertext, then tag. May be plain.ptr.
 */
PO_RC po_gcm_seal(po_str key, const uint8_t nonce[static PO_GCM_NONCE_BYTES], po_str aad,
                  po_str plain, uint8_t *out);
/*
 * sealed  in   ciphertext, then tag
 * out     out  sealed.len - PO_GCM_TAG_BYTES bytes; zeroed when the tag is wrong
 * Errors  PO_TAMPER wrong key, aad, nonce or altered bytes; PO_INVALID shorter than a tag
 */
PO_RC po_gcm_open(po_str key, const uint8_t nonce[static PO_GCM_NONCE_BYTES], po_str aad,
                  po_str sealed, uint8_t *out);

/* XChaCha20-Poly1305 with a random nonce: appends nonce || ciphertext || tag to `out`. */
PO_RC po_xchacha_seal(po_str key, po_str aad, po_str plain, struct po_buf *out);
/* Appends the plain bytes; PO_TAMPER as above, nothing appended on failure. */
PO_RC po_xchacha_open(po_str key, po_str aad, po_str sealed, struct po_buf *out);
/* The same for key material: the plain bytes never leave guarded memory. */
PO_RC po_xchacha_open_secret(struct po_ctx *cx, po_str key, po_str aad, po_str sealed,
                             struct po_secret **ret_secret);

/* ---- Ed25519 (RFC 8032) -------------------------------------------------------------------- */

#define PO_ED25519_SEED_BYTES 32
#define PO_ED25519_PUBLIC_BYTES 32
#define PO_ED25519_SIG_BYTES 64

struct po_sign_key;
/* Key pair from a 32-byte seed (copied into guarded memory of its own). PO_INVALID, PO_NOMEM. */
PO_RC po_sign_key_new(struct po_ctx *cx, const struct po_secret *seed,
                      struct po_sign_key **ret_key);
void po_sign_key_free(struct po_sign_key *key);
void po_sign_key_freep(struct po_sign_key **key);
const uint8_t *po_sign_key_public(const struct po_sign_key *key); /* 32 bytes, borrowed */
PO_RC po_sign(const struct po_sign_key *key, po_str message,
              uint8_t out[static PO_ED25519_SIG_BYTES]);
/* PO_OK, or PO_TAMPER when the signature is not one of `message` under `public_key`. */
PO_RC po_sign_verify(const uint8_t public_key[static PO_ED25519_PUBLIC_BYTES], po_str message,
                     const uint8_t signature[static PO_ED25519_SIG_BYTES]);

/* ---- keyring ------------------------------------------------------------------------------- */

/*
 * The keys of one instance, in a directory outside the home (law 8).
 *
 *   master.key      32 random bytes, 0600 (or a systemd credential instead of this file)
 *   master.next     only while the master key is being replaced
 *   ledger.key      Ed25519 seed of the ledger, sealed under the master key
 *   keyring.sealed  times and retired master keys (for opening older copies), sealed likewise
 *
 * A keyring may be absent: po_keyring_open says PO_UNAVAILABLE and the caller goes on without
 * (reads and verifies, changes nothing). It may also hold a master key and no ledger key (after a
 * recovery): data opens, nothing is signed until po_keyring_ledger_key_create.
 */
struct po_keyring;

struct po_keyring_place {
    const char *dir;        /* the key directory */
    const char *credential; /* path of a 32-byte master key file given by systemd, or NULL */
};

/*
 * Make directory (0700), master key, ledger key. Run again after an interrupted run it completes.
 *
 * Errors  PO_EXISTS  a complete keyring is there;  PO_DENIED  ownership or modes;  PO_IO;  PO_CREATE
 */
PO_RC po_keyring_create(struct po_ctx *cx, const struct po_keyring_place *place,
                        struct po_keyring **ret_keyring);
/*
 * Errors  PO_UNAVAILABLE  no keyring (or an incomplete one) there;
 *         PO_DENIED       directory or key readable by others or not ours;
 *         PO_CORRUPT      wrong size or shape;  PO_TAMPER  not sealed under this master key
 */
PO_RC po_keyring_open(struct po_ctx *cx, const struct po_keyring_place *place,
                      struct po_keyring **ret_keyring);
void po_keyring_free(struct po_keyring *keyring);
void po_keyring_freep(struct po_keyring **keyring);

/* The ledger's signing key, borrowed from the keyring; NULL when it has none. */
const struct po_sign_key *po_keyring_ledger_key(const struct po_keyring *keyring);
/* A new ledger key where none is (after a recovery, for `ledger fork`). PO_EXISTS. */
PO_RC po_keyring_ledger_key_create(struct po_ctx *cx, struct po_keyring *keyring);

#define PO_WRAPPED_KEY_BYTES 81

/*
 * Wrap a data key for storage: version, master key id, XChaCha20-Poly1305 with AAD tenant, epoch.
 * Appends PO_WRAPPED_KEY_BYTES bytes.
 */
PO_RC po_keyring_wrap(struct po_ctx *cx, const struct po_keyring *keyring, po_tenant_id tenant,
                      uint32_t epoch, const struct po_secret *key, struct po_buf *out);
/*
 * Errors  PO_UNAVAILABLE  wrapped under a master key this keyring does not hold;
 *         PO_TAMPER       altered, or of another tenant or epoch;  PO_CORRUPT  not a wrapped key
 */
PO_RC po_keyring_unwrap(struct po_ctx *cx, const struct po_keyring *keyring, po_tenant_id tenant,
                        uint32_t epoch, po_str wrapped, struct po_secret **ret_key);
/* True when `wrapped` is under the newest master key. */
bool po_keyring_is_wrapped_current(const struct po_keyring *keyring, po_str wrapped);

/*
 * Re-wrap every data key with po_keyring_wrap and make that durable (one committed transaction).
 * Called again with the same keyring after a crash or failure; must then do what is left.
 */
typedef po_rc po_keyring_rewrap(struct po_ctx *cx, struct po_keyring *keyring, void *user);

/*
 * Replace the master key. Order: new key durable beside the old; ledger key and keyring file
 * re-sealed; `rewrap`; the new key takes the old one's name. At every moment what is on disk opens
 * with the keys on disk. After a failure or crash call it again: it goes on with the same new key.
 *
 * Errors  PO_UNSUPPORTED  the master key is a systemd credential;  what `rewrap` returns;  PO_IO
 */
PO_RC po_keyring_rotate_master(struct po_ctx *cx, struct po_keyring *keyring,
                               po_keyring_rewrap *rewrap, void *user);
/* An earlier rotation was interrupted: po_keyring_rotate_master finishes it. */
bool po_keyring_is_rotating(const struct po_keyring *keyring);

/*
 * Recovery: the master key sealed under a 256-bit code that is printed once and kept on paper.
 *
 * ret_code   out  owned; text of PO_RECOVERY_CODE_CHARS characters, groups of five with '-'
 * sealed     out  text (one line, '\n'), safe to keep anywhere: without the code it says nothing.
 *                 It holds the master keys, not the ledger's signing key (restores never sign).
 */
#define PO_RECOVERY_CODE_CHARS 65
#define PO_RECOVERY_SEALED_BYTES_MAX 8192
PO_RC po_keyring_recovery_create(struct po_ctx *cx, struct po_keyring *keyring,
                                 struct po_secret **ret_code, struct po_buf *sealed);
/*
 * Does this code open this text, and does it hold the present master key?
 *
 * Errors  PO_INVALID  a mistyped code (its checksum fails);  PO_TAMPER  the code is not for this
 *         text;  PO_EXPIRED  it holds an earlier master key;  PO_CORRUPT
 */
PO_RC po_keyring_recovery_verify(struct po_ctx *cx, const struct po_keyring *keyring,
                                 const struct po_secret *code, po_str sealed);
/* Make a keyring (without ledger key) in an empty place. PO_EXISTS and errors as above. */
PO_RC po_keyring_recovery_restore(struct po_ctx *cx, const struct po_keyring_place *place,
                                  const struct po_secret *code, po_str sealed);

#define PO_KEY_ID_CHARS 16
enum po_key_state { PO_KEY_ACTIVE, PO_KEY_NEXT, PO_KEY_RETIRED, PO_KEY_ABSENT };
struct po_key_info {
    char id[PO_KEY_ID_CHARS + 1]; /* hex; "" when absent */
    const char *purpose;          /* "master", "ledger", "recovery" */
    enum po_key_state state;
    po_time_us created_us; /* 0 = never */
    po_time_us rotated_us; /* 0 = never; of "recovery": when it was made for the present master */
};
/* What keys there are, no secrets; in the arena. Data keys: po_store_data_key_list. */
PO_RC po_keyring_status(struct po_ctx *cx, const struct po_keyring *keyring,
                        struct po_key_info **ret_keys, size_t *ret_count);
const char *po_key_state_name(enum po_key_state state);

/* ---- a keyring that asks (docs/spec/keys.md 8) ----------------------------------------------- */

/*
 * The keys may be in another process. A ring that asks has the functions above (po_keyring_create,
 * po_keyring_ledger_key_create and the making of recovery texts excepted: PO_UNSUPPORTED), and holds
 * nothing but ids and the ledger's public key; each question is one request of a closed table
 * (keyring_asks.def). Of po_keyring_ledger_key only the public half is there: po_sign says
 * PO_UNAVAILABLE, checkpoints are signed by po_keyring_sign.
 *
 * Any question may also fail as its `ask` does; every request may be asked again after that.
 */
#define PO_KEYRING_REQUEST_BYTES_MAX ((size_t)9 << 10)
#define PO_KEYRING_ANSWER_BYTES_MAX ((size_t)4 << 10)

struct po_keyring_asker {
    /* Carry `request` to po_keyring_answer and append what it answered. Both hold secrets: wipe. */
    po_rc (*ask)(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer);
    void *user;
};
/* What the other side's po_keyring_open says now, after reading its directory anew. */
PO_RC po_keyring_open_asking(struct po_ctx *cx, const struct po_keyring_asker *asker,
                             struct po_keyring **ret_keyring);
bool po_keyring_is_asking(const struct po_keyring *keyring);

/* What is to be signed: a checkpoint's text, and 32-byte hashes proving that it goes on from the last. */
struct po_keyring_claim {
    po_str text;
    po_str proof;
};
/*
 * What was signed last, as the file `signed` has it (docs/spec/ledger.md 3); appended. PO_NOTFOUND.
 * Of a ring that asks, as the next.
 */
PO_RC po_keyring_signed(struct po_ctx *cx, const struct po_keyring *keyring, struct po_buf *out);
/* Durable in `signed` before the signature is given. Errors: the log's, see po_ledger_signer_sign. */
PO_RC po_keyring_sign(struct po_ctx *cx, const struct po_keyring *keyring,
                      const struct po_keyring_claim *claim,
                      uint8_t ret_signature[static PO_ED25519_SIG_BYTES]);

/* The log's say in what is signed (ledger/ledger.h gives one); NULL: nothing is. */
struct po_keyring_log {
    void *user;
    po_rc (*state)(struct po_ctx *cx, void *user, struct po_buf *out);
    po_rc (*sign)(struct po_ctx *cx, void *user, const struct po_sign_key *key,
                  const struct po_keyring_claim *claim,
                  uint8_t ret_signature[static PO_ED25519_SIG_BYTES]);
};
/* Where questions are answered. Free `keyring` at the end. */
struct po_keyring_desk {
    struct po_keyring_place place; /* dir NULL: not known, */
    const char *why;               /* and why */
    struct po_keyring_log log;
    struct po_keyring *keyring; /* from the first question on; NULL when it could not be opened */
};
/*
 * Answer one request; a question that fails has an answer, too.
 *
 * answer  out  initialised here, replaced; to be wiped (po_buf_wipe), also on failure
 * Errors  PO_INVALID  not a request of the table, or not within its lengths: no answer;  PO_NOMEM
 */
PO_RC po_keyring_answer(struct po_ctx *cx, struct po_keyring_desk *desk, po_str request,
                        struct po_buf *answer);

/* ---- signed notes (C2SP signed-note v1.0.0) ------------------------------------------------- */

#define PO_NOTE_BYTES_MAX ((size_t)128 << 10)
#define PO_NOTE_SIGS_MAX 64
#define PO_NOTE_NAME_BYTES_MAX 255
#define PO_NOTE_ED25519 0x01        /* signs the text */
#define PO_NOTE_COSIGNATURE_V1 0x04 /* tlog-cosignature: signs time and text */

struct po_note_vkey {
    char name[PO_NOTE_NAME_BYTES_MAX + 1];
    uint32_t id;
    uint8_t type; /* PO_NOTE_ED25519 or PO_NOTE_COSIGNATURE_V1 */
    uint8_t key[PO_ED25519_PUBLIC_BYTES];
};
/* PO_INVALID a bad name or type. */
PO_RC po_note_vkey_make(po_str name, uint8_t type,
                        const uint8_t key[static PO_ED25519_PUBLIC_BYTES],
                        struct po_note_vkey *ret_vkey);
/* "name+hex8+base64". PO_INVALID shape or id; PO_UNSUPPORTED another signature type. */
PO_RC po_note_vkey_parse(po_str text, struct po_note_vkey *ret_vkey);
void po_note_vkey_format(const struct po_note_vkey *vkey, struct po_buf *out);

struct po_note_sig {
    po_str name;
    uint32_t id;
    po_str base64; /* of id and signature, as in the note */
};
/* A note taken apart; everything borrows from the parsed bytes. */
struct po_note {
    po_str text; /* with its final newline */
    struct po_note_sig sigs[PO_NOTE_SIGS_MAX];
    size_t sig_count;
};
/*
 * Shape only: nothing is verified.
 *
 * Errors  PO_INVALID  not a signed note (UTF-8, control characters, no signature block, base64);
 *         PO_LIMIT    over PO_NOTE_BYTES_MAX bytes or PO_NOTE_SIGS_MAX lines
 */
PO_RC po_note_parse(po_str bytes, struct po_note *ret_note);
/*
 * Verify against known keys: signatures of unknown keys are ignored.
 *
 * is_signed_by  out  one bool per known key; may be NULL
 * Errors  PO_TAMPER  a known key's signature is wrong;  PO_NOTFOUND  no known key signed
 */
PO_RC po_note_verify(const struct po_note *note, const struct po_note_vkey *known,
                     size_t known_count, bool *is_signed_by);
/*
 * Append `text`, an empty line and one Ed25519 signature line to `out`.
 *
 * Errors  PO_INVALID  text not ending in newline, not UTF-8, with control characters, or a bad name
 */
PO_RC po_note_sign(po_str text, po_str name, const struct po_sign_key *key, struct po_buf *out);
/* The same with a signature made elsewhere, which is verified first: PO_TAMPER. */
PO_RC po_note_join(po_str text, const struct po_note_vkey *vkey,
                   const uint8_t signature[static PO_ED25519_SIG_BYTES], struct po_buf *out);

#endif
