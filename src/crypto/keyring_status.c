/*
 * What keys there are: ids, states and times, no secrets.
 */
#include "core/codec.h"
#include "crypto/keyring_priv.h"

static void set_id(struct po_key_info *info, const uint8_t id[static PO_KEYRING_ID_BYTES])
{
    _Static_assert(sizeof info->id == 2 * PO_KEYRING_ID_BYTES + 1, "an id fits");
    po_hex_encode(id, PO_KEYRING_ID_BYTES, info->id);
}

static struct po_key_info describe_current(const struct po_keyring *keyring,
                                           const struct po_keyring_state *state)
{
    struct po_key_info info = {.purpose = "master",
                               .state = PO_KEY_ACTIVE,
                               .created_us = state->master_created_us,
                               .rotated_us = state->master_rotated_us};
    set_id(&info, keyring->current.id);
    return info;
}

static po_rc describe_ledger(struct po_ctx *cx, const struct po_keyring *keyring,
                             struct po_key_info *ret_info)
{
    struct po_key_info info = {.purpose = "ledger", .state = PO_KEY_ABSENT};
    if (keyring->ledger != NULL) {
        uint8_t digest[PO_SHA256_BYTES];
        po_str public_key = po_str_n(po_sign_key_public(keyring->ledger), PO_ED25519_PUBLIC_BYTES);
        PO_TRY_LEAF(cx, po_sha256(public_key, digest), "the ledger key has no id");
        set_id(&info, digest);
        info.state = PO_KEY_ACTIVE;
        info.created_us = keyring->ledger_created_us;
    }
    *ret_info = info;
    return po_rc_ok();
}

static struct po_key_info describe_recovery(const struct po_keyring *keyring,
                                            const struct po_keyring_state *state)
{
    struct po_key_info info = {.purpose = "recovery", .state = PO_KEY_ABSENT};
    if (state->recovery_created_us == 0) return info;
    bool is_current = po_str_eq(po_str_n(state->recovery_id, sizeof state->recovery_id),
                                po_str_n(keyring->current.id, sizeof keyring->current.id));
    info.state = is_current ? PO_KEY_ACTIVE : PO_KEY_RETIRED;
    info.created_us = state->recovery_created_us;
    set_id(&info, state->recovery_id);
    return info;
}

po_rc po_keyring_status(struct po_ctx *cx, const struct po_keyring *keyring,
                        struct po_key_info **ret_keys, size_t *ret_count)
{
    if (po_keyring_is_asking(keyring))
        return po_keyring_ask_status(cx, keyring, ret_keys, ret_count);
    PO_KEYRING_STATE_AUTO state = {0};
    PO_TRY(cx, po_keyring_state_decode(cx, keyring->state, &state));
    struct po_key_info *keys = NULL;
    PO_ARENA_NEW(cx, keys, 4 + state.retired_count);
    size_t count = 0;
    keys[count++] = describe_current(keyring, &state);
    if (keyring->next.key != NULL) {
        keys[count] = (struct po_key_info){.purpose = "master", .state = PO_KEY_NEXT};
        set_id(&keys[count++], keyring->next.id);
    }
    for (size_t i = state.retired_count; i > 0; i--) {
        const struct po_keyring_retired *retired = &state.retired[i - 1];
        keys[count] = (struct po_key_info){.purpose = "master",
                                           .state = PO_KEY_RETIRED,
                                           .created_us = retired->created_us,
                                           .rotated_us = retired->retired_us};
        set_id(&keys[count++], retired->id);
    }
    PO_TRY(cx, describe_ledger(cx, keyring, &keys[count]));
    count++;
    keys[count++] = describe_recovery(keyring, &state);
    *ret_keys = keys;
    *ret_count = count;
    return po_rc_ok();
}

const char *po_key_state_name(enum po_key_state state)
{
    switch (state) {
    case PO_KEY_ACTIVE: return "active";
    case PO_KEY_NEXT: return "next";
    case PO_KEY_RETIRED: return "retired";
    case PO_KEY_ABSENT: return "absent";
    default: return "unknown";
    }
}
