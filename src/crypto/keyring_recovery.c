/*
 * Recovery of the master key from a printed code (docs/spec/keys.md 6).
 *
 * Code     256 random bits and 19 bits of checksum: 55 characters of Crockford's base32 in eleven
 *          groups of five. Full entropy, so no password hashing.
 * Text     "paulyops-recovery-v1 " base64( nonce, XChaCha20-Poly1305 of master key and the content
 *          of keyring.sealed ) newline. Not the ledger's signing key: restores never sign.
 */
#include "core/codec.h"
#include "core/fs.h"
#include "crypto/keyring_priv.h"

#define CODE_BYTES 32
#define CODE_GROUP_CHARS 5
#define CODE_DATA_CHARS 55
#define CODE_BITS (CODE_DATA_CHARS * 5)
#define CODE_CHECK_BITS (CODE_BITS - 8 * CODE_BYTES)
#define CODE_PACKED_BYTES 35 /* 275 bits, five spare */

static const char code_alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char text_prefix[] = "paulyops-recovery-v1 ";

_Static_assert(CODE_CHECK_BITS == 19, "what the format says");
_Static_assert(PO_RECOVERY_CODE_CHARS == CODE_DATA_CHARS + CODE_DATA_CHARS / CODE_GROUP_CHARS - 1,
               "what crypto.h says");

typedef uint8_t packed_code[CODE_PACKED_BYTES];
typedef char code_text[PO_RECOVERY_CODE_CHARS];

static void wipe_packed(packed_code *packed) { po_wipe(packed, sizeof *packed); }

static void wipe_text(code_text *text) { po_wipe(text, sizeof *text); }

/* ---- the code -------------------------------------------------------------------------------- */

/* First 19 bits of SHA-256(label || code), after the code's bits. */
static po_rc compute_check(const uint8_t code[static CODE_BYTES], uint8_t out[static 3])
{
    static const char label[] = "paulyops/v1/recovery-code";
    uint8_t input[64] PO_WIPED(po_wipe64) = {0};
    memcpy(input, label, sizeof label - 1);
    memcpy(input + sizeof label - 1, code, CODE_BYTES);
    uint8_t digest[PO_SHA256_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_PASS(po_sha256(po_str_n(input, sizeof label - 1 + CODE_BYTES), digest));
    memcpy(out, digest, 3);
    out[2] &= 0xe0; /* 3 of 8 bits */
    return po_rc_ok();
}

static unsigned get_five_bits(const uint8_t *bytes, size_t index)
{
    unsigned value = 0;
    for (size_t bit = index * 5; bit < index * 5 + 5; bit++)
        value = value << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1U);
    return value;
}

static void put_five_bits(uint8_t *bytes, size_t index, unsigned value)
{
    for (size_t i = 0; i < 5; i++) {
        size_t bit = index * 5 + i;
        unsigned one = value >> (4 - i) & 1U;
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | one << (7 - bit % 8));
    }
}

static po_rc format_code(struct po_ctx *cx, const struct po_secret *code,
                         struct po_secret **ret_text)
{
    packed_code packed PO_WIPED(wipe_packed) = {0};
    memcpy(packed, po_secret_bytes(code).ptr, CODE_BYTES);
    PO_TRY_LEAF(cx, compute_check(packed, packed + CODE_BYTES), "the code's checksum fails");
    code_text text PO_WIPED(wipe_text) = {0};
    size_t at = 0;
    for (size_t i = 0; i < CODE_DATA_CHARS; i++) {
        if (i > 0 && i % CODE_GROUP_CHARS == 0) text[at++] = '-';
        text[at++] = code_alphabet[get_five_bits(packed, i)];
    }
    return po_secret_new(cx, po_str_n(text, at), ret_text);
}

/* As people type: lower case, O for 0, I and L for 1. Returns 32 for no character of a code. */
static unsigned code_char_value(char c)
{
    char upper = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    if (upper == 'O') upper = '0';
    if (upper == 'I' || upper == 'L') upper = '1';
    unsigned value = 0;
    while (value < 32 && code_alphabet[value] != upper)
        value++;
    return value;
}

static po_rc parse_code(struct po_ctx *cx, const struct po_secret *text,
                        struct po_secret **ret_code)
{
    packed_code packed PO_WIPED(wipe_packed) = {0};
    po_str in = po_secret_bytes(text);
    size_t count = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '-' || c == ' ' || c == '\n') continue;
        unsigned value = code_char_value(c);
        if (value > 31) return PO_FAIL(cx, PO_INVALID, "a recovery code has letters and digits");
        if (count < CODE_DATA_CHARS) put_five_bits(packed, count, value);
        count++;
    }
    if (count != CODE_DATA_CHARS)
        return PO_FAIL(cx, PO_INVALID, "a recovery code has %d characters, not %zu",
                       CODE_DATA_CHARS, count);
    uint8_t check[3] = {0};
    PO_TRY_LEAF(cx, compute_check(packed, check), "the code's checksum fails");
    if (!po_str_eq_secret(po_str_n(check, 3), po_str_n(packed + CODE_BYTES, 3)))
        return PO_FAIL(cx, PO_INVALID, "the recovery code is mistyped");
    return po_secret_new(cx, po_str_n(packed, CODE_BYTES), ret_code);
}

static po_rc derive_code_key(struct po_ctx *cx, const struct po_secret *code,
                             uint8_t out[static PO_KEY_BYTES])
{
    PO_TRY_LEAF(cx,
                po_hkdf_sha256(po_secret_bytes(code), (po_str){NULL, 0}, PO_KEYRING_AAD_RECOVERY,
                               out, PO_KEY_BYTES),
                "the recovery key cannot be derived");
    return po_rc_ok();
}

/* ---- the text -------------------------------------------------------------------------------- */

typedef uint8_t recovery_plain[PO_SECRET_BYTES_MAX];

static void wipe_plain(recovery_plain *plain) { po_wipe(plain, sizeof *plain); }

static po_rc seal_recovery(struct po_ctx *cx, const struct po_keyring *keyring,
                           const struct po_secret *code, const struct po_secret *state,
                           struct po_buf *out)
{
    po_str state_bytes = po_secret_bytes(state);
    recovery_plain plain PO_WIPED(wipe_plain) = {0};
    PO_INVARIANT(cx, state_bytes.len + PO_KEY_BYTES <= sizeof plain);
    memcpy(plain, po_secret_bytes(keyring->current.key).ptr, PO_KEY_BYTES);
    memcpy(plain + PO_KEY_BYTES, state_bytes.ptr, state_bytes.len);
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, derive_code_key(cx, code, key));
    PO_BUF_AUTO sealed = {0};
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    PO_TRY_LEAF(cx,
                po_xchacha_seal(po_str_n(key, sizeof key), PO_KEYRING_AAD_RECOVERY,
                                po_str_n(plain, PO_KEY_BYTES + state_bytes.len), &sealed),
                "the recovery text cannot be sealed");
    po_buf_append_cstr(out, text_prefix);
    po_base64_append(out, (const uint8_t *)sealed.ptr, sealed.len);
    po_buf_append_char(out, '\n');
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for the recovery text");
    return po_rc_ok();
}

/* A text as written above, taken apart with its code. */
struct recovery {
    struct po_keyring_master master;
    struct po_secret *state;
};

static void recovery_done(struct recovery *recovery)
{
    po_keyring_master_done(&recovery->master);
    po_secret_freep(&recovery->state);
}

static po_rc decode_text(struct po_ctx *cx, po_str text, struct po_buf *out)
{
    po_str line = po_str_trim(text);
    if (text.len > PO_RECOVERY_SEALED_BYTES_MAX || !po_str_starts(line, po_str_of(text_prefix)))
        return PO_FAIL(cx, PO_CORRUPT, "it is not a recovery text");
    po_rc rc = po_base64_decode(po_str_slice(line, sizeof text_prefix - 1, line.len), out);
    if (rc.code == PO_INVALID) return PO_FAIL(cx, PO_CORRUPT, "the recovery text is damaged");
    PO_TRY_LEAF(cx, rc, "no memory for the recovery text");
    if (out->len < PO_XCHACHA_OVERHEAD_BYTES + PO_KEY_BYTES)
        return PO_FAIL(cx, PO_CORRUPT, "the recovery text is cut short");
    return po_rc_ok();
}

static po_rc open_recovery(struct po_ctx *cx, const struct po_secret *code_typed, po_str text,
                           struct recovery *ret_recovery)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *code = NULL;
    PO_TRY(cx, parse_code(cx, code_typed, &code));
    PO_BUF_AUTO sealed = {0};
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    PO_TRY(cx, decode_text(cx, text, &sealed));
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, derive_code_key(cx, code, key));
    PO_CLEANUP(po_secret_freep) struct po_secret *plain = NULL;
    PO_TRY_MSG(cx,
               po_xchacha_open_secret(cx, po_str_n(key, sizeof key), PO_KEYRING_AAD_RECOVERY,
                                      po_buf_str(&sealed), &plain),
               "this code does not open this recovery text");
    po_str bytes = po_secret_bytes(plain);
    if (bytes.len <= PO_KEY_BYTES) return PO_FAIL(cx, PO_CORRUPT, "the recovery text is damaged");
    PO_CLEANUP(recovery_done) struct recovery recovery = {0};
    po_str master = po_str_slice(bytes, 0, PO_KEY_BYTES);
    PO_TRY_LEAF(cx, po_keyring_master_id(master, recovery.master.id), "no key id");
    PO_TRY(cx, po_secret_new(cx, master, &recovery.master.key));
    PO_TRY(cx, po_secret_new(cx, po_str_slice(bytes, PO_KEY_BYTES, bytes.len), &recovery.state));
    PO_KEYRING_STATE_AUTO state = {0};
    PO_TRY(cx, po_keyring_state_decode(cx, recovery.state, &state));
    *ret_recovery = recovery;
    recovery = (struct recovery){0};
    return po_rc_ok();
}

/* ---- public ---------------------------------------------------------------------------------- */

po_rc po_keyring_recovery_create(struct po_ctx *cx, struct po_keyring *keyring,
                                 struct po_secret **ret_code, struct po_buf *sealed)
{
    if (po_keyring_is_asking(keyring))
        return PO_FAIL(cx, PO_UNSUPPORTED, "a recovery code is made where the keys are");
    if (po_keyring_is_rotating(keyring))
        return PO_FAIL(cx, PO_CONFLICT, "a master key rotation is unfinished: finish it first");
    PO_KEYRING_STATE_AUTO state = {0};
    PO_TRY(cx, po_keyring_state_decode(cx, keyring->state, &state));
    state.recovery_created_us = po_ctx_now_us(cx);
    memcpy(state.recovery_id, keyring->current.id, sizeof state.recovery_id);
    PO_CLEANUP(po_secret_freep) struct po_secret *state_bytes = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *code = NULL;
    PO_CLEANUP(po_secret_freep) struct po_secret *text = NULL;
    PO_TRY(cx, po_keyring_state_encode(cx, &state, &state_bytes));
    PO_TRY(cx, po_secret_random(cx, CODE_BYTES, &code));
    PO_TRY(cx, format_code(cx, code, &text));
    size_t start = sealed->len;
    po_rc rc = seal_recovery(cx, keyring, code, state_bytes, sealed);
    /* Recorded last: the ring does not speak of a recovery that nobody got. */
    if (po_is_ok(rc)) rc = po_keyring_state_store(cx, keyring, &state);
    if (!po_is_ok(rc)) po_buf_truncate(sealed, start);
    PO_TRY(cx, rc);
    *ret_code = PO_TAKE(text);
    return po_rc_ok();
}

po_rc po_keyring_recovery_verify(struct po_ctx *cx, const struct po_keyring *keyring,
                                 const struct po_secret *code, po_str sealed)
{
    if (po_keyring_is_asking(keyring))
        return po_keyring_ask_recovery_verify(cx, keyring, code, sealed);
    PO_CLEANUP(recovery_done) struct recovery recovery = {0};
    PO_TRY(cx, open_recovery(cx, code, sealed, &recovery));
    if (!po_secret_eq(recovery.master.key, po_keyring_newest(keyring)->key))
        return PO_FAIL(cx, PO_EXPIRED, "the recovery text holds an earlier master key");
    return po_rc_ok();
}

/* The place holds nothing, or the very key to be restored by an interrupted restore. */
static po_rc write_master(struct po_ctx *cx, const struct po_keyring *keyring,
                          const char *credential, const struct po_secret *master)
{
    const char *path = credential;
    if (path == NULL) PO_TRY(cx, po_keyring_path(cx, keyring, PO_KEYRING_MASTER, &path));
    PO_CLEANUP(po_keyring_master_done) struct po_keyring_master present = {0};
    po_rc rc = po_keyring_master_read(cx, path, keyring->is_credential, &present);
    if (rc.code == PO_NOTFOUND && !keyring->is_credential) {
        po_err_clear(cx);
        return po_fs_write_new(cx, path, po_secret_bytes(master), 0600);
    }
    PO_TRY(cx, rc);
    if (!po_secret_eq(present.key, master))
        return PO_FAIL(cx, PO_EXISTS, "'%s' holds another master key", path);
    return po_rc_ok();
}

po_rc po_keyring_recovery_restore(struct po_ctx *cx, const struct po_keyring_place *place,
                                  const struct po_secret *code, po_str sealed)
{
    static const char *const others[] = {PO_KEYRING_SEALED, PO_KEYRING_LEDGER, PO_KEYRING_NEXT};
    PO_CLEANUP(recovery_done) struct recovery recovery = {0};
    PO_TRY(cx, open_recovery(cx, code, sealed, &recovery));
    PO_CLEANUP(po_keyring_freep) struct po_keyring *keyring = NULL;
    PO_TRY(cx, po_keyring_new(cx, place, &keyring));
    PO_TRY(cx, po_keyring_place_prepare(cx, place));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        bool exists = false;
        PO_TRY(cx, po_keyring_exists(cx, keyring, others[i], &exists));
        if (exists) return PO_FAIL(cx, PO_EXISTS, "'%s' holds '%s'", place->dir, others[i]);
    }
    PO_TRY(cx, write_master(cx, keyring, place->credential, recovery.master.key));
    keyring->current = recovery.master;
    recovery.master.key = NULL;
    return po_keyring_sealed_write(cx, keyring, PO_KEYRING_SEALED, PO_KEYRING_AAD_STATE,
                                   po_secret_bytes(recovery.state));
}
