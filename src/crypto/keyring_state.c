/*
 * What keyring.sealed holds, as fixed little-endian bytes (docs/spec/keys.md 4).
 *
 *   u8 version = 1 · i64 master created · i64 master rotated · i64 recovery created ·
 *   8 bytes id of the recovered master key · u8 count · count x { id 8, key 32, i64 created,
 *   i64 retired }
 */
#include "crypto/keyring_priv.h"

#define STATE_VERSION 1
#define STATE_HEAD_BYTES (1 + 3 * 8 + PO_KEYRING_ID_BYTES + 1)
#define STATE_RETIRED_BYTES (PO_KEYRING_ID_BYTES + PO_KEY_BYTES + 2 * 8)
#define STATE_BYTES_MAX (STATE_HEAD_BYTES + PO_KEYRING_RETIRED_MAX * STATE_RETIRED_BYTES)

_Static_assert(STATE_BYTES_MAX + PO_KEY_BYTES <= PO_SECRET_BYTES_MAX,
               "state and master key fit one secret (recovery)");

void po_keyring_state_wipe(struct po_keyring_state *state) { po_wipe(state, sizeof *state); }

static void wipe_room(uint8_t (*room)[STATE_BYTES_MAX]) { po_wipe(room, sizeof *room); }

static uint8_t *put_bytes(uint8_t *at, const uint8_t *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static uint8_t *put_time(uint8_t *at, po_time_us time_us)
{
    uint64_t value = (uint64_t)time_us;
    for (size_t i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
    return at + 8;
}

static const uint8_t *get_bytes(const uint8_t *at, uint8_t *out, size_t len)
{
    memcpy(out, at, len);
    return at + len;
}

static const uint8_t *get_time(const uint8_t *at, po_time_us *ret_time)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << (8 * i);
    *ret_time = (po_time_us)value;
    return at + 8;
}

po_rc po_keyring_state_encode(struct po_ctx *cx, const struct po_keyring_state *state,
                              struct po_secret **ret_bytes)
{
    uint8_t room[STATE_BYTES_MAX] PO_WIPED(wipe_room) = {STATE_VERSION};
    uint8_t *at = room + 1;
    at = put_time(at, state->master_created_us);
    at = put_time(at, state->master_rotated_us);
    at = put_time(at, state->recovery_created_us);
    at = put_bytes(at, state->recovery_id, sizeof state->recovery_id);
    *at++ = (uint8_t)state->retired_count;
    for (size_t i = 0; i < state->retired_count; i++) {
        const struct po_keyring_retired *retired = &state->retired[i];
        at = put_bytes(at, retired->id, sizeof retired->id);
        at = put_bytes(at, retired->key, sizeof retired->key);
        at = put_time(at, retired->created_us);
        at = put_time(at, retired->retired_us);
    }
    return po_secret_new(cx, po_str_n(room, (size_t)(at - room)), ret_bytes);
}

po_rc po_keyring_state_decode(struct po_ctx *cx, const struct po_secret *bytes,
                              struct po_keyring_state *ret_state)
{
    po_str in = po_secret_bytes(bytes);
    const uint8_t *at = (const uint8_t *)in.ptr;
    size_t count = in.len >= STATE_HEAD_BYTES ? at[STATE_HEAD_BYTES - 1] : 0;
    if (in.len != STATE_HEAD_BYTES + count * STATE_RETIRED_BYTES || at[0] != STATE_VERSION ||
        count > PO_KEYRING_RETIRED_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "'%s' has an unknown shape", PO_KEYRING_SEALED);
    at = get_time(at + 1, &ret_state->master_created_us);
    at = get_time(at, &ret_state->master_rotated_us);
    at = get_time(at, &ret_state->recovery_created_us);
    at = get_bytes(at, ret_state->recovery_id, sizeof ret_state->recovery_id);
    at += 1;
    for (size_t i = 0; i < count; i++) {
        struct po_keyring_retired *retired = &ret_state->retired[i];
        at = get_bytes(at, retired->id, sizeof retired->id);
        at = get_bytes(at, retired->key, sizeof retired->key);
        at = get_time(at, &retired->created_us);
        at = get_time(at, &retired->retired_us);
    }
    ret_state->retired_count = count;
    return po_rc_ok();
}
