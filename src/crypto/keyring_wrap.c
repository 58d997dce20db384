/*
 * Secrets sealed under a master key: version, master key id, XChaCha20-Poly1305.
 *
 * The master key itself seals nothing: the sealing key and the public id are derived from it with
 * different labels (HKDF), so the id says nothing about the key.
 */
#include "core/codec.h"
#include "crypto/keyring_priv.h"

#define WRAPPED_VERSION 1
#define DATA_AAD_BYTES_MAX 64

po_rc po_keyring_master_id(po_str key, uint8_t ret_id[static PO_KEYRING_ID_BYTES])
{
    return po_hkdf_sha256(key, (po_str){NULL, 0}, PO_LIT("paulyops/v1/master-id"), ret_id,
                          PO_KEYRING_ID_BYTES);
}

const char *po_keyring_id_text(struct po_ctx *cx, const uint8_t id[static PO_KEYRING_ID_BYTES])
{
    char *text = po_arena_alloc(cx->arena, 1, 2 * PO_KEYRING_ID_BYTES + 1);
    if (text == NULL) return "";
    po_hex_encode(id, PO_KEYRING_ID_BYTES, text);
    return text;
}

static po_rc derive_sealing_key(struct po_ctx *cx, po_str master, uint8_t out[static PO_KEY_BYTES])
{
    po_str label = PO_LIT("paulyops/v1/master-wrap");
    PO_TRY_LEAF(cx, po_hkdf_sha256(master, (po_str){NULL, 0}, label, out, PO_KEY_BYTES),
                "the sealing key cannot be derived");
    return po_rc_ok();
}

const struct po_keyring_master *po_keyring_newest(const struct po_keyring *keyring)
{
    return keyring->next.key != NULL ? &keyring->next : &keyring->current;
}

po_rc po_wrapped_seal(struct po_ctx *cx, const struct po_keyring_master *master, po_str aad,
                      po_str plain, struct po_buf *out)
{
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, derive_sealing_key(cx, po_secret_bytes(master->key), key));
    size_t start = out->len;
    po_buf_append_u8(out, WRAPPED_VERSION);
    po_buf_append(out, po_str_n(master->id, sizeof master->id));
    po_rc rc = po_buf_check(out);
    if (po_is_ok(rc)) rc = po_xchacha_seal(po_str_n(key, sizeof key), aad, plain, out);
    if (!po_is_ok(rc)) po_buf_truncate(out, start);
    PO_TRY_LEAF(cx, rc, "a key cannot be sealed");
    return po_rc_ok();
}

bool po_wrapped_is_under(po_str wrapped, const struct po_keyring_master *master)
{
    if (master->key == NULL || wrapped.len < PO_WRAPPED_OVERHEAD_BYTES) return false;
    return po_str_eq(po_str_slice(wrapped, 1, PO_WRAPPED_HEAD_BYTES),
                     po_str_n(master->id, sizeof master->id));
}

/* Sealing key of the master key that `wrapped` names: newest, present or a retired one. */
static po_rc find_sealing_key(struct po_ctx *cx, const struct po_keyring *keyring, po_str wrapped,
                              uint8_t out[static PO_KEY_BYTES])
{
    if (po_wrapped_is_under(wrapped, &keyring->next))
        return derive_sealing_key(cx, po_secret_bytes(keyring->next.key), out);
    if (po_wrapped_is_under(wrapped, &keyring->current))
        return derive_sealing_key(cx, po_secret_bytes(keyring->current.key), out);
    po_str id = po_str_slice(wrapped, 1, PO_WRAPPED_HEAD_BYTES);
    PO_KEYRING_STATE_AUTO state = {0};
    if (keyring->state != NULL) PO_TRY(cx, po_keyring_state_decode(cx, keyring->state, &state));
    for (size_t i = 0; i < state.retired_count; i++) {
        const struct po_keyring_retired *retired = &state.retired[i];
        if (po_str_eq(id, po_str_n(retired->id, sizeof retired->id)))
            return derive_sealing_key(cx, po_str_n(retired->key, sizeof retired->key), out);
    }
    const char *text = po_keyring_id_text(cx, (const uint8_t *)id.ptr);
    return PO_FAIL(cx, PO_UNAVAILABLE, "it is sealed under master key %s, which is not here", text);
}

po_rc po_wrapped_open(struct po_ctx *cx, const struct po_keyring *keyring, po_str aad,
                      po_str wrapped, struct po_secret **ret_plain)
{
    if (wrapped.len < PO_WRAPPED_OVERHEAD_BYTES || wrapped.ptr[0] != WRAPPED_VERSION)
        return PO_FAIL(cx, PO_CORRUPT, "a sealed key has an unknown shape");
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, find_sealing_key(cx, keyring, wrapped, key));
    po_str sealed = po_str_slice(wrapped, PO_WRAPPED_HEAD_BYTES, wrapped.len);
    return po_xchacha_open_secret(cx, po_str_n(key, sizeof key), aad, sealed, ret_plain);
}

/* ---- data keys ------------------------------------------------------------------------------- */

/* label || tenant u64 BE || epoch u32 BE */
static po_str data_key_aad(po_tenant_id tenant, uint32_t epoch,
                           uint8_t room[static DATA_AAD_BYTES_MAX])
{
    po_str label = PO_KEYRING_AAD_DATA;
    memcpy(room, label.ptr, label.len);
    size_t at = label.len;
    for (unsigned shift = 64; shift > 0; shift -= 8)
        room[at++] = (uint8_t)(tenant.value >> (shift - 8));
    for (unsigned shift = 32; shift > 0; shift -= 8)
        room[at++] = (uint8_t)(epoch >> (shift - 8));
    return po_str_n(room, at);
}

/* rule: six parameters, here and below; tenant and epoch are types that cannot be swapped */
po_rc po_keyring_wrap(struct po_ctx *cx, const struct po_keyring *keyring, po_tenant_id tenant,
                      uint32_t epoch, const struct po_secret *key, struct po_buf *out)
{
    po_str plain = po_secret_bytes(key);
    if (plain.len != PO_KEY_BYTES)
        return PO_FAIL(cx, PO_INVALID, "a data key has %zu bytes, not 32", plain.len);
    if (po_keyring_is_asking(keyring))
        return po_keyring_ask_wrap(cx, keyring, tenant, epoch, plain, out);
    uint8_t room[DATA_AAD_BYTES_MAX];
    return po_wrapped_seal(cx, po_keyring_newest(keyring), data_key_aad(tenant, epoch, room), plain,
                           out);
}

/* rule: six parameters, as above */
po_rc po_keyring_unwrap(struct po_ctx *cx, const struct po_keyring *keyring, po_tenant_id tenant,
                        uint32_t epoch, po_str wrapped, struct po_secret **ret_key)
{
    if (wrapped.len != PO_WRAPPED_KEY_BYTES)
        return PO_FAIL(cx, PO_CORRUPT, "a wrapped data key has %zu bytes, not %d", wrapped.len,
                       PO_WRAPPED_KEY_BYTES);
    if (po_keyring_is_asking(keyring))
        return po_keyring_ask_unwrap(cx, keyring, tenant, epoch, wrapped, ret_key);
    uint8_t room[DATA_AAD_BYTES_MAX];
    PO_TRY_MSG(cx,
               po_wrapped_open(cx, keyring, data_key_aad(tenant, epoch, room), wrapped, ret_key),
               "data key of tenant %lu, epoch %u", (unsigned long)tenant.value, epoch);
    return po_rc_ok();
}

bool po_keyring_is_wrapped_current(const struct po_keyring *keyring, po_str wrapped)
{
    if (po_keyring_is_asking(keyring)) return po_keyring_ask_is_current(keyring, wrapped);
    return po_wrapped_is_under(wrapped, po_keyring_newest(keyring));
}
