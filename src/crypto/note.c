/*
 * C2SP signed notes (signed-note v1.0.0): parse, verify, sign; Ed25519 and timestamped cosignatures
 * (tlog-cosignature v1).
 *
 * Invariants
 *  1. Parsing decides only shape; nothing parsed is trusted before po_note_verify.
 *  2. A signature line of a known (name, id) must verify; of an unknown one it says nothing.
 *  3. Base64 is canonical: one signature has one spelling.
 *
 * The bytes come from outside: tests/fuzz/fuzz_note.c.
 */
#include "core/codec.h"
#include "crypto/crypto_priv.h"
#include "crypto/note_priv.h"

#define KEY_ID_BYTES 4
#define SIG_PREFIX PO_LIT("\xe2\x80\x94 ") /* em dash, space */
#define COSIGNATURE_TIME_BYTES 8
#define ED25519_SIG_LINE_BYTES (KEY_ID_BYTES + PO_ED25519_SIG_BYTES)
#define COSIGNATURE_LINE_BYTES (ED25519_SIG_LINE_BYTES + COSIGNATURE_TIME_BYTES)

/* No control characters but newline, and UTF-8. */
static bool is_note_text(po_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((uint8_t)s.ptr[i] < 0x20 && s.ptr[i] != '\n') return false;
    }
    return po_utf8_find_invalid(s) == SIZE_MAX;
}

/* Canonical base64 of at least `min` bytes; its first four are the key id. */
static bool decode_key_id(po_str base64, uint32_t *ret_id)
{
    if (base64.len < 8 || base64.len % 4 != 0) return false;
    uint8_t first[6] = {0};
    for (size_t i = 0; i < base64.len; i += 4) {
        po_str quad = po_str_slice(base64, i, i + 4);
        size_t bytes = 3;
        if (i + 4 == base64.len) bytes -= (size_t)(quad.ptr[2] == '=') + (quad.ptr[3] == '=');
        uint8_t three[3] = {0};
        if (!po_is_ok(po_base64_decode_exact(quad, three, bytes))) return false;
        if (i == 4 && bytes < 2) return false; /* an id and no signature */
        if (i < sizeof first + 2) memcpy(first + i / 4 * 3, three, 3);
    }
    *ret_id = (uint32_t)first[0] << 24 | (uint32_t)first[1] << 16 | (uint32_t)first[2] << 8 |
              (uint32_t)first[3];
    return true;
}

static bool parse_sig_line(po_str line, struct po_note_sig *ret_sig)
{
    if (!po_str_starts(line, SIG_PREFIX)) return false;
    po_str rest = po_str_slice(line, SIG_PREFIX.len, line.len);
    size_t space = po_str_find_char(rest, ' ', 0);
    if (space == SIZE_MAX) return false;
    struct po_note_sig sig = {.name = po_str_slice(rest, 0, space),
                              .base64 = po_str_slice(rest, space + 1, rest.len)};
    if (!po_note_name_is_valid(sig.name) || !decode_key_id(sig.base64, &sig.id)) return false;
    *ret_sig = sig;
    return true;
}

/* Offset of the first byte after the last empty line, or SIZE_MAX. */
static size_t find_sig_block(po_str bytes)
{
    for (size_t i = bytes.len; i >= 2; i--) {
        if (bytes.ptr[i - 1] == '\n' && bytes.ptr[i - 2] == '\n') return i;
    }
    return SIZE_MAX;
}

po_rc po_note_parse(po_str bytes, struct po_note *ret_note)
{
    if (bytes.len > PO_NOTE_BYTES_MAX) return po_rc_of(PO_LIMIT);
    if (!is_note_text(bytes) || !po_str_ends(bytes, PO_LIT("\n"))) return po_rc_of(PO_INVALID);
    size_t block = find_sig_block(bytes);
    if (block == SIZE_MAX || block == bytes.len) return po_rc_of(PO_INVALID);
    size_t sig_count = 0;
    po_str rest = po_str_slice(bytes, block, bytes.len);
    po_str line;
    while (po_str_next_line(&rest, &line)) {
        if (sig_count == PO_NOTE_SIGS_MAX) return po_rc_of(PO_LIMIT);
        if (!parse_sig_line(line, &ret_note->sigs[sig_count])) return po_rc_of(PO_INVALID);
        sig_count++;
    }
    ret_note->text = po_str_slice(bytes, 0, block - 1);
    ret_note->sig_count = sig_count;
    return po_rc_ok();
}

/* ---- verify ---------------------------------------------------------------------------------- */

static po_rc verify_ed25519(const struct po_note *note, const struct po_note_sig *sig,
                            const uint8_t public_key[static PO_ED25519_PUBLIC_BYTES])
{
    uint8_t bytes[ED25519_SIG_LINE_BYTES] = {0};
    if (!po_is_ok(po_base64_decode_exact(sig->base64, bytes, sizeof bytes)))
        return po_rc_of(PO_TAMPER);
    return po_sign_verify(public_key, note->text, bytes + KEY_ID_BYTES);
}

/* tlog-cosignature: u64 time, then Ed25519 over "cosignature/v1\ntime <time>\n" and the text. */
static po_rc verify_cosignature(const struct po_note *note, const struct po_note_sig *sig,
                                const uint8_t public_key[static PO_ED25519_PUBLIC_BYTES])
{
    uint8_t bytes[COSIGNATURE_LINE_BYTES] = {0};
    if (!po_is_ok(po_base64_decode_exact(sig->base64, bytes, sizeof bytes)))
        return po_rc_of(PO_TAMPER);
    uint64_t time_s = 0;
    for (size_t i = 0; i < COSIGNATURE_TIME_BYTES; i++)
        time_s = time_s << 8 | bytes[KEY_ID_BYTES + i];
    if (time_s > INT64_MAX) return po_rc_of(PO_TAMPER);
    PO_BUF_AUTO message = {0};
    po_buf_init(&message, PO_NOTE_BYTES_MAX + 64);
    po_buf_append_cstr(&message, "cosignature/v1\ntime ");
    po_buf_append_u64(&message, time_s);
    po_buf_append_char(&message, '\n');
    po_buf_append(&message, note->text);
    PO_PASS(po_buf_check(&message));
    return po_sign_verify(public_key, po_buf_str(&message),
                          bytes + KEY_ID_BYTES + COSIGNATURE_TIME_BYTES);
}

static po_rc verify_one(const struct po_note *note, const struct po_note_sig *sig,
                        const struct po_note_vkey *known)
{
    switch (known->type) {
    case PO_NOTE_ED25519: return verify_ed25519(note, sig, known->key);
    case PO_NOTE_COSIGNATURE_V1: return verify_cosignature(note, sig, known->key);
    default: return po_rc_of(PO_UNSUPPORTED);
    }
}

/* Every line of this key must verify; *ret_count is how many there are. */
static po_rc verify_known(const struct po_note *note, const struct po_note_vkey *known,
                          size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < note->sig_count; i++) {
        const struct po_note_sig *sig = &note->sigs[i];
        if (sig->id != known->id || !po_str_eq_cstr(sig->name, known->name)) continue;
        PO_PASS(verify_one(note, sig, known));
        count++;
    }
    *ret_count = count;
    return po_rc_ok();
}

po_rc po_note_verify(const struct po_note *note, const struct po_note_vkey *known,
                     size_t known_count, bool *is_signed_by)
{
    size_t total = 0;
    for (size_t i = 0; i < known_count; i++) {
        size_t count = 0;
        PO_PASS(verify_known(note, &known[i], &count));
        if (is_signed_by != NULL) is_signed_by[i] = count > 0;
        total += count;
    }
    return po_rc_of(total > 0 ? PO_OK : PO_NOTFOUND);
}

/* ---- sign ------------------------------------------------------------------------------------ */

static po_rc check_signable(po_str text)
{
    if (text.len > PO_NOTE_BYTES_MAX) return po_rc_of(PO_LIMIT);
    bool is_text = is_note_text(text) && po_str_ends(text, PO_LIT("\n"));
    return po_rc_of(is_text ? PO_OK : PO_INVALID);
}

static po_rc put_signed(po_str text, const struct po_note_vkey *vkey,
                        const uint8_t signature[static PO_ED25519_SIG_BYTES], struct po_buf *out)
{
    uint8_t line[ED25519_SIG_LINE_BYTES] = {(uint8_t)(vkey->id >> 24), (uint8_t)(vkey->id >> 16),
                                            (uint8_t)(vkey->id >> 8), (uint8_t)vkey->id};
    memcpy(line + KEY_ID_BYTES, signature, PO_ED25519_SIG_BYTES);
    po_buf_append(out, text);
    po_buf_append_char(out, '\n');
    po_buf_append(out, SIG_PREFIX);
    po_buf_append_cstr(out, vkey->name);
    po_buf_append_char(out, ' ');
    po_base64_append(out, line, sizeof line);
    po_buf_append_char(out, '\n');
    return po_buf_check(out);
}

po_rc po_note_sign(po_str text, po_str name, const struct po_sign_key *key, struct po_buf *out)
{
    struct po_note_vkey vkey;
    uint8_t signature[PO_ED25519_SIG_BYTES];
    PO_PASS(check_signable(text));
    PO_PASS(po_note_vkey_make(name, PO_NOTE_ED25519, po_sign_key_public(key), &vkey));
    PO_PASS(po_sign(key, text, signature));
    return put_signed(text, &vkey, signature, out);
}

po_rc po_note_join(po_str text, const struct po_note_vkey *vkey,
                   const uint8_t signature[static PO_ED25519_SIG_BYTES], struct po_buf *out)
{
    PO_PASS(check_signable(text));
    PO_PASS(po_sign_verify(vkey->key, text, signature));
    return put_signed(text, vkey, signature, out);
}
