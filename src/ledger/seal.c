/*
 * Sealing and opening of events (docs/spec/ledger.md 2).
 *
 * Invariants
 *  1. Every key is single-use: it comes from 32 fresh random bytes, tenant and event id. Hence the
 *     zero nonce.
 *  2. A payload opens under one data key only: K_com is compared before anything is decrypted.
 */
#include "core/random.h"
#include "ledger/ledger_priv.h"
#include "ledger/record_priv.h"

#define SEALED_VERSION 1
#define ID_AT 2
#define R_AT 18
#define KCOM_AT 50
#define INFO_MAX 64

static const uint8_t zero_nonce[PO_GCM_NONCE_BYTES];

/* K_enc, K_com, opening; wiped by its cleanup. */
struct event_keys {
    uint8_t enc[32];
    uint8_t com[32];
    uint8_t open[32];
};
static void event_keys_done(struct event_keys *keys) { po_wipe(keys, sizeof *keys); }
#define EVENT_KEYS_AUTO PO_CLEANUP(event_keys_done) struct event_keys

static void put_be64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static po_rc derive(const uint8_t prk[static 32], const char *label, po_tenant_id tenant,
                    const uint8_t *event_id, uint8_t out[static 32])
{
    uint8_t info[INFO_MAX];
    size_t len = strlen(label);
    memcpy(info, label, len);
    put_be64(info + len, tenant.value);
    memcpy(info + len + 8, event_id, 16);
    return po_hkdf_expand(prk, po_str_n(info, len + 24), out, 32);
}

static po_rc derive_all(const struct po_secret *data_key, po_tenant_id tenant,
                        const uint8_t *header, struct event_keys *keys)
{
    uint8_t prk[32] PO_WIPED(po_wipe32) = {0};
    PO_PASS(po_hkdf_extract(po_secret_bytes(data_key), po_str_n(header + R_AT, 32), prk));
    PO_PASS(derive(prk, "paulyops/v1/enc", tenant, header + ID_AT, keys->enc));
    PO_PASS(derive(prk, "paulyops/v1/com", tenant, header + ID_AT, keys->com));
    PO_PASS(derive(prk, "paulyops/v1/open", tenant, header + ID_AT, keys->open));
    return po_rc_ok();
}

po_rc po_opening_commit(const struct po_opening *opening, po_str event_bytes,
                        uint8_t ret_commit[static PO_SHA256_BYTES])
{
    uint8_t prefix[18 + 32];
    memcpy(prefix, "paulyops/v1/commit", 18);
    memcpy(prefix + 18, opening->bytes, 32);
    PO_CLEANUP(po_buf_wipe) struct po_buf buf;
    po_buf_init(&buf, PO_EVENT_BYTES_MAX + sizeof prefix);
    po_buf_append(&buf, po_str_n(prefix, sizeof prefix));
    po_buf_append(&buf, event_bytes);
    po_wipe(prefix, sizeof prefix);
    PO_PASS(po_buf_check(&buf));
    return po_sha256(po_buf_str(&buf), ret_commit);
}

po_rc po_tenant_pseudonym(struct po_ctx *cx, const struct po_ledger_keys *keys, po_tenant_id tenant,
                          uint64_t *ret_pseudonym)
{
    const struct po_secret *key = NULL;
    uint8_t info[18 + 8];
    uint8_t out[8];
    if (keys == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "no data keys");
    PO_TRY(cx, keys->at(cx, keys->user, tenant, 1, &key));
    memcpy(info, "paulyops/v1/tenant", 18);
    put_be64(info + 18, tenant.value);
    PO_TRY_LEAF(cx,
                po_hkdf_sha256(po_secret_bytes(key), PO_LIT(""), po_str_n(info, sizeof info), out,
                               sizeof out),
                "deriving a tenant's pseudonym");
    uint64_t pseudonym = po_le_get(out, 8);
    *ret_pseudonym = pseudonym == 0 ? 1 : pseudonym;
    return po_rc_ok();
}

/* header || ciphertext || tag into `payload`; the keys' opening is kept for the commitment. */
static po_rc seal_bytes(struct po_ctx *cx, const struct po_secret *data_key, po_str event_bytes,
                        uint8_t *payload, struct event_keys *keys)
{
    PO_TRY_LEAF(cx, po_random_fill(payload + R_AT, 32), "no randomness to seal an event");
    PO_TRY_LEAF(cx, derive_all(data_key, cx->tenant, payload, keys), "deriving event keys");
    memcpy(payload + KCOM_AT, keys->com, 32);
    PO_TRY_LEAF(cx,
                po_gcm_seal(po_str_n(keys->enc, 32), zero_nonce,
                            po_str_n(payload, PO_SEALED_HEADER_BYTES), event_bytes,
                            payload + PO_SEALED_HEADER_BYTES),
                "sealing an event");
    return po_rc_ok();
}

static po_rc make_record(struct po_ctx *cx, const struct po_event_view *view,
                         struct po_record *record)
{
    const struct po_event_type_row *row = po_event_type_find(view->event_type);
    enum po_event_result result = PO_EVENT_SUCCESS;
    if (row == NULL) return PO_FAIL(cx, PO_INVALID, "event type is not registered");
    PO_TRY_LEAF(cx, po_event_result_parse(view->result, &result), "event result");
    record->version = 1;
    record->kind = PO_RECORD_EVENT;
    record->event_type = (uint16_t)row->type;
    record->action = po_record_action_code(view->action);
    record->result = (uint8_t)result;
    record->retention = (uint8_t)row->retention;
    record->recv_time_us = view->time_us;
    return po_rc_ok();
}

static po_rc check_tenant(struct po_ctx *cx, const struct po_event_view *view)
{
    if ((uint64_t)view->tenant != cx->tenant.value)
        return PO_FAIL(cx, PO_INVALID, "event of tenant %ld sealed for tenant %lu", view->tenant,
                       cx->tenant.value);
    return po_rc_ok();
}

/* @control CC6.1 */
po_rc po_event_seal(struct po_ctx *cx, const struct po_ledger_keys *keys, po_str event_bytes,
                    struct po_sealed *ret_sealed)
{
    struct po_event_view view = {0};
    struct po_record record = {0};
    const struct po_secret *data_key = NULL;
    uint32_t epoch = 0;
    EVENT_KEYS_AUTO event_keys = {0};
    uint8_t *payload = NULL;
    uint8_t *draft = NULL;
    if (keys == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "no data keys to seal an event with");
    PO_TRY(cx, po_event_parse(cx, event_bytes, &view));
    PO_TRY(cx, check_tenant(cx, &view));
    PO_TRY(cx, make_record(cx, &view, &record));
    PO_TRY(cx, po_tenant_pseudonym(cx, keys, cx->tenant, &record.tenant));
    PO_TRY(cx, keys->current(cx, keys->user, cx->tenant, &epoch, &data_key));
    if (epoch < 1 || epoch > 255) return PO_FAIL(cx, PO_LIMIT, "data key epoch %u", epoch);
    size_t payload_len = event_bytes.len + PO_SEALED_OVERHEAD_BYTES;
    PO_ARENA_NEW(cx, payload, payload_len);
    PO_ARENA_NEW(cx, draft, PO_RECORD_BYTES);
    payload[0] = SEALED_VERSION;
    payload[1] = (uint8_t)epoch;
    PO_TRY_LEAF(cx, po_uuid_parse(view.event_id, payload + ID_AT), "event id");
    PO_TRY(cx, seal_bytes(cx, data_key, event_bytes, payload, &event_keys));
    record.key_epoch = (uint8_t)epoch;
    record.payload_len = (uint32_t)payload_len;
    struct po_opening opening;
    memcpy(opening.bytes, event_keys.open, 32);
    po_rc commit_rc = po_opening_commit(&opening, event_bytes, record.content_commit);
    po_wipe(&opening, sizeof opening);
    PO_TRY_LEAF(cx, commit_rc, "committing to an event");
    PO_TRY_LEAF(cx, po_sha256(po_str_n(payload, payload_len), record.payload_hash), "hashing");
    PO_TRY_LEAF(cx, po_record_encode(&record, draft), "an event's record does not fit");
    ret_sealed->tenant = cx->tenant;
    memcpy(ret_sealed->event_id, payload + ID_AT, 16);
    ret_sealed->record = po_str_n(draft, PO_RECORD_BYTES);
    ret_sealed->payload = po_str_n(payload, payload_len);
    return po_rc_ok();
}

po_rc po_event_prepare(struct po_ctx *cx, const struct po_ledger_keys *keys,
                       const struct po_event *event, struct po_sealed *ret_sealed)
{
    PO_CLEANUP(po_buf_wipe) struct po_buf bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX + 1);
    PO_TRY(cx, po_event_write(cx, event, &bytes, NULL));
    PO_TRY(cx, po_event_seal(cx, keys, po_buf_str(&bytes), ret_sealed));
    return po_rc_ok();
}

static po_rc check_shape(struct po_ctx *cx, po_str payload)
{
    if (payload.len < PO_SEALED_OVERHEAD_BYTES + 2 || payload.len > PO_PAYLOAD_BYTES_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "a sealed event cannot have %zu bytes", payload.len);
    if (payload.ptr[0] != SEALED_VERSION || payload.ptr[1] == 0)
        return PO_FAIL(cx, PO_CORRUPT, "not a sealed event of version 1");
    return po_rc_ok();
}

/* rule: a sixth parameter, because an opening is a second result beside the event */
po_rc po_sealed_open(struct po_ctx *cx, const struct po_ledger_keys *keys, po_tenant_id tenant,
                     po_str payload, struct po_buf *out, struct po_opening *ret_opening)
{
    const struct po_secret *data_key = NULL;
    EVENT_KEYS_AUTO event_keys = {0};
    if (keys == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "no data keys to open events with");
    PO_TRY(cx, check_shape(cx, payload));
    const uint8_t *header = (const uint8_t *)payload.ptr;
    PO_TRY(cx, keys->at(cx, keys->user, tenant, header[1], &data_key));
    PO_TRY_LEAF(cx, derive_all(data_key, tenant, header, &event_keys), "deriving event keys");
    /* AES-GCM does not commit to its key: without this one payload could open to two events. */
    if (!po_str_eq_secret(po_str_n(event_keys.com, 32), po_str_n(header + KCOM_AT, 32)))
        return PO_FAIL(cx, PO_TAMPER, "sealed event is not of this tenant's key (K_com differs)");
    po_str sealed = po_str_slice(payload, PO_SEALED_HEADER_BYTES, payload.len);
    size_t start = out->len;
    char *plain = po_buf_extend(out, sealed.len - PO_GCM_TAG_BYTES);
    if (plain == NULL) return PO_FAIL(cx, out->status, "no room for an event");
    po_rc rc =
        po_gcm_open(po_str_n(event_keys.enc, 32), zero_nonce,
                    po_str_slice(payload, 0, PO_SEALED_HEADER_BYTES), sealed, (uint8_t *)plain);
    if (!po_is_ok(rc)) {
        po_buf_truncate(out, start);
        return PO_FAIL(cx, rc.code, "sealed event does not open");
    }
    if (ret_opening != NULL) memcpy(ret_opening->bytes, event_keys.open, 32);
    return po_rc_ok();
}
