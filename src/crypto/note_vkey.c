/*
 * Verifier keys of signed notes: "name+hex8(key id)+base64(type || public key)".
 *
 * The base64 part may hold '+', so only the first two separate.
 */
#include "core/codec.h"
#include "crypto/crypto_priv.h"
#include "crypto/note_priv.h"

#define VKEY_TYPED_KEY_BYTES (1 + PO_ED25519_PUBLIC_BYTES)

/* Unicode White_Space. */
static bool is_space(uint32_t c)
{
    static const uint32_t alone[] = {0x20,   0x85,   0xa0,   0x1680, 0x2028,
                                     0x2029, 0x202f, 0x205f, 0x3000};
    if ((c >= 0x09 && c <= 0x0d) || (c >= 0x2000 && c <= 0x200a)) return true;
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
        if (c == alone[i]) return true;
    }
    return false;
}

bool po_note_name_is_valid(po_str name)
{
    if (name.len == 0 || name.len > PO_NOTE_NAME_BYTES_MAX) return false;
    size_t pos = 0;
    while (pos < name.len) {
        uint32_t c = 0;
        if (!po_is_ok(po_utf8_next(name, &pos, &c))) return false;
        if (c < 0x20 || c == '+' || is_space(c)) return false;
    }
    return true;
}

/* SHA-256(name || 0x0a || type || key), first four bytes. */
static po_rc compute_key_id(po_str name, uint8_t type,
                            const uint8_t key[static PO_ED25519_PUBLIC_BYTES], uint32_t *ret_id)
{
    uint8_t input[PO_NOTE_NAME_BYTES_MAX + 2 + PO_ED25519_PUBLIC_BYTES];
    memcpy(input, name.ptr, name.len);
    input[name.len] = '\n';
    input[name.len + 1] = type;
    memcpy(input + name.len + 2, key, PO_ED25519_PUBLIC_BYTES);
    uint8_t digest[PO_SHA256_BYTES];
    PO_PASS(po_sha256(po_str_n(input, name.len + 2 + PO_ED25519_PUBLIC_BYTES), digest));
    *ret_id = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
              (uint32_t)digest[3];
    return po_rc_ok();
}

po_rc po_note_vkey_make(po_str name, uint8_t type,
                        const uint8_t key[static PO_ED25519_PUBLIC_BYTES],
                        struct po_note_vkey *ret_vkey)
{
    if (!po_note_name_is_valid(name)) return po_rc_of(PO_INVALID);
    if (type != PO_NOTE_ED25519 && type != PO_NOTE_COSIGNATURE_V1) return po_rc_of(PO_UNSUPPORTED);
    struct po_note_vkey vkey = {.type = type};
    PO_PASS(compute_key_id(name, type, key, &vkey.id));
    memcpy(vkey.name, name.ptr, name.len);
    memcpy(vkey.key, key, sizeof vkey.key);
    *ret_vkey = vkey;
    return po_rc_ok();
}

/* Eight lower-case hex digits, as the format writes them. */
static po_rc parse_key_id(po_str hex, uint32_t *ret_id)
{
    uint8_t bytes[4] = {0};
    for (size_t i = 0; i < hex.len; i++) {
        if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F') return po_rc_of(PO_INVALID);
    }
    PO_PASS(po_hex_decode(hex, bytes, sizeof bytes));
    *ret_id = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
              (uint32_t)bytes[3];
    return po_rc_ok();
}

/* Type byte of a key whose base64 has at least one quad. */
static po_rc parse_type(po_str base64, uint8_t *ret_type)
{
    uint8_t first[3] = {0};
    PO_PASS(po_base64_decode_exact(po_str_slice(base64, 0, 4), first, sizeof first));
    *ret_type = first[0];
    return po_rc_ok();
}

po_rc po_note_vkey_parse(po_str text, struct po_note_vkey *ret_vkey)
{
    size_t first = po_str_find_char(text, '+', 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : po_str_find_char(text, '+', first + 1);
    if (second == SIZE_MAX) return po_rc_of(PO_INVALID);
    po_str name = po_str_slice(text, 0, first);
    po_str base64 = po_str_slice(text, second + 1, text.len);
    uint32_t id = 0;
    uint8_t type = 0;
    PO_PASS(parse_key_id(po_str_slice(text, first + 1, second), &id));
    PO_PASS(parse_type(base64, &type));
    if (type != PO_NOTE_ED25519 && type != PO_NOTE_COSIGNATURE_V1) return po_rc_of(PO_UNSUPPORTED);
    uint8_t typed[VKEY_TYPED_KEY_BYTES] = {0};
    PO_PASS(po_base64_decode_exact(base64, typed, sizeof typed));
    struct po_note_vkey vkey;
    PO_PASS(po_note_vkey_make(name, type, typed + 1, &vkey));
    if (vkey.id != id) return po_rc_of(PO_INVALID);
    *ret_vkey = vkey;
    return po_rc_ok();
}

void po_note_vkey_format(const struct po_note_vkey *vkey, struct po_buf *out)
{
    uint8_t typed[VKEY_TYPED_KEY_BYTES] = {vkey->type};
    memcpy(typed + 1, vkey->key, sizeof vkey->key);
    const uint8_t id[4] = {(uint8_t)(vkey->id >> 24), (uint8_t)(vkey->id >> 16),
                           (uint8_t)(vkey->id >> 8), (uint8_t)vkey->id};
    po_buf_append_cstr(out, vkey->name);
    po_buf_append_char(out, '+');
    po_hex_append(out, id, sizeof id);
    po_buf_append_char(out, '+');
    po_base64_append(out, typed, sizeof typed);
}
