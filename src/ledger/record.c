/*
 * The 116-byte record: what a leaf of the tree is made of (docs/spec/ledger.md 1).
 */
#include "ledger/ledger_priv.h"
#include "ledger/record_priv.h"

/* Codes of verbs are append-only: they stand in records. */
static const char *const action_names[] = {
    "",       "create", "read",    "update",  "delete",  "execute", "test",    "verify",
    "export", "sign",   "login",   "logout",  "approve", "deny",    "start",   "end",
    "plan",   "apply",  "rotate",  "install", "remove",  "list",    "set",     "import",
    "open",   "close",  "recover", "check",   "score",   "report",  "prove",   "migrate",
    "repair", "assess", "clear",   "fork",    "compare", "record",  "destroy", "run",
};

const char *po_record_action_name(uint8_t action)
{
    return action < sizeof action_names / sizeof action_names[0] ? action_names[action] : "";
}

uint8_t po_record_action_code(po_str action)
{
    for (size_t i = 1; i < sizeof action_names / sizeof action_names[0]; i++)
        if (po_str_eq_cstr(action, action_names[i])) return (uint8_t)i;
    return 0;
}

#define U48_MAX ((UINT64_C(1) << 48) - 1)

static bool is_sound(const struct po_record *record)
{
    bool is_numbered =
        record->producer == 0 ? record->producer_seq == 0 : record->producer_seq >= 1;
    return record->version == 1 && record->kind >= PO_RECORD_EVENT &&
           record->kind <= PO_RECORD_CONFIG && record->result >= PO_EVENT_SUCCESS &&
           record->result <= PO_EVENT_ERROR && record->retention >= PO_RETENTION_SHORT &&
           record->retention <= PO_RETENTION_PERMANENT &&
           (record->flags & (uint8_t)~PO_RECORD_FLAG_CLOCK_BACK) == 0 &&
           record->recv_time_us >= 0 && record->payload_len >= 1 &&
           record->payload_len <= PO_PAYLOAD_BYTES_MAX && record->key_epoch >= 1 &&
           record->tenant != 0 && record->tenant_seq <= U48_MAX &&
           record->producer_seq <= U48_MAX && is_numbered;
}

po_rc po_record_encode(const struct po_record *record, uint8_t out[static PO_RECORD_BYTES])
{
    if (!is_sound(record)) return po_rc_of(PO_INVALID);
    out[0] = record->version;
    out[1] = record->kind;
    po_le_put(out + 2, record->event_type, 2);
    out[4] = record->action;
    out[5] = record->result;
    out[6] = record->retention;
    out[7] = record->flags;
    po_le_put(out + 8, (uint64_t)record->recv_time_us, 8);
    po_le_put(out + 16, (uint32_t)record->producer_delta_ms, 4);
    po_le_put(out + 20, record->payload_len, 3);
    out[23] = record->key_epoch;
    po_le_put(out + 24, record->tenant, 8);
    po_le_put(out + 32, record->tenant_seq, 6);
    po_le_put(out + 38, record->producer, 8);
    po_le_put(out + 46, record->producer_seq, 6);
    memcpy(out + 52, record->payload_hash, PO_SHA256_BYTES);
    memcpy(out + 84, record->content_commit, PO_SHA256_BYTES);
    return po_rc_ok();
}

po_rc po_record_decode(po_str bytes, struct po_record *ret_record)
{
    if (bytes.len != PO_RECORD_BYTES) return po_rc_of(PO_INVALID);
    const uint8_t *in = (const uint8_t *)bytes.ptr;
    struct po_record record = {
        .version = in[0],
        .kind = in[1],
        .event_type = (uint16_t)po_le_get(in + 2, 2),
        .action = in[4],
        .result = in[5],
        .retention = in[6],
        .flags = in[7],
        .recv_time_us = (int64_t)po_le_get(in + 8, 8),
        .producer_delta_ms = (int32_t)(uint32_t)po_le_get(in + 16, 4),
        .payload_len = (uint32_t)po_le_get(in + 20, 3),
        .key_epoch = in[23],
        .tenant = po_le_get(in + 24, 8),
        .tenant_seq = po_le_get(in + 32, 6),
        .producer = po_le_get(in + 38, 8),
        .producer_seq = po_le_get(in + 46, 6),
    };
    memcpy(record.payload_hash, in + 52, PO_SHA256_BYTES);
    memcpy(record.content_commit, in + 84, PO_SHA256_BYTES);
    if (!is_sound(&record)) return po_rc_of(PO_INVALID);
    *ret_record = record;
    return po_rc_ok();
}

po_rc po_leaf_hash(po_str record_bytes, uint8_t ret_hash[static PO_SHA256_BYTES])
{
    uint8_t entry[1 + PO_RECORD_BYTES] = {0};
    if (record_bytes.len != PO_RECORD_BYTES) return po_rc_of(PO_INVALID);
    memcpy(entry + 1, record_bytes.ptr, PO_RECORD_BYTES);
    return po_sha256(po_str_n(entry, sizeof entry), ret_hash);
}
