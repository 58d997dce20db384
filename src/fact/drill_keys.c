/*
 * Fact drill.keys: data and master key of a store of the drill's own are rotated; afterwards nothing is
 * sealed or wrapped by what was retired, and what was sealed before still opens.
 */
#include "drill_priv.h"

#include "ledger/ledger.h"
#include "store/store.h"

#define TRIES 20

struct keys_drill {
    struct po_keyring *keyring;
    struct po_store *store;
    struct po_ledger_keys keys;
    int64_t seals; /* after the data key's rotation */
    int64_t seals_by_retired;
    int64_t wraps; /* after the master key's rotation */
    int64_t wraps_by_retired;
    bool old_opens;
};

static void drill_done(struct keys_drill *drill)
{
    po_store_closep(&drill->store);
    po_keyring_freep(&drill->keyring);
}

static po_rc key_current(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t *ret_epoch,
                         const struct po_secret **ret_key)
{
    const struct keys_drill *drill = user;
    return po_store_data_key_get(cx, drill->store, tenant, ret_epoch, ret_key);
}

static po_rc key_at(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t epoch,
                    const struct po_secret **ret_key)
{
    const struct keys_drill *drill = user;
    return po_store_data_key_get_at(cx, drill->store, tenant, epoch, ret_key);
}

/* Seal one event and tell under which epoch. */
static PO_RC seal(struct po_ctx *cx, struct keys_drill *drill, struct po_sealed *ret_sealed,
                  uint32_t *ret_epoch)
{
    struct po_record record = {0};
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("drill:keys"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS};
    PO_TRY(cx, po_event_prepare(cx, &drill->keys, &event, ret_sealed));
    PO_TRY_LEAF(cx, po_record_decode(ret_sealed->record, &record), "record of the drill");
    *ret_epoch = record.key_epoch;
    return po_rc_ok();
}

static PO_RC commit(struct po_ctx *cx, struct keys_drill *drill, struct po_tx *tx)
{
    struct po_sealed sealed = {0};
    uint32_t epoch = 0;
    PO_TRY(cx, seal(cx, drill, &sealed, &epoch));
    struct po_store_pending row = {
        .tenant = sealed.tenant, .record = sealed.record, .sealed = sealed.payload};
    memcpy(row.event_id, sealed.event_id, sizeof row.event_id);
    return po_tx_commit(cx, tx, &row);
}

static PO_RC make_store(struct po_ctx *cx, const struct po_drill *scratch, struct keys_drill *drill)
{
    struct po_keyring_place place = {0};
    struct po_store_options options = {0};
    PO_TRY(cx, po_fact_path(cx, scratch->dir, "keyring", &place.dir));
    PO_TRY(cx, po_fact_path(cx, scratch->dir, "drill.db", &options.path));
    PO_TRY(cx, po_keyring_create(cx, &place, &drill->keyring));
    options.keyring = drill->keyring;
    PO_TRY(cx, po_store_create(cx, &options, &drill->store));
    drill->keys = (struct po_ledger_keys){.user = drill, .current = key_current, .at = key_at};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, drill->store, &tx));
    PO_TRY(cx, po_store_tenant_create(cx, tx, cx->tenant, PO_LIT("drill")));
    return commit(cx, drill, tx);
}

static PO_RC rotate_data(struct po_ctx *cx, struct keys_drill *drill, uint32_t *ret_epoch)
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, drill->store, &tx));
    PO_TRY(cx, po_store_data_key_rotate(cx, tx, cx->tenant, ret_epoch));
    return commit(cx, drill, tx);
}

static PO_RC try_sealing(struct po_ctx *cx, struct keys_drill *drill, uint32_t current)
{
    for (int i = 0; i < TRIES; i++) {
        struct po_sealed sealed = {0};
        uint32_t epoch = 0;
        PO_TRY(cx, seal(cx, drill, &sealed, &epoch));
        drill->seals++;
        drill->seals_by_retired += epoch == current ? 0 : 1;
    }
    return po_rc_ok();
}

static po_rc rewrap(struct po_ctx *cx, struct po_keyring *keyring, void *user)
{
    struct keys_drill *drill = user;
    uint64_t count = 0;
    (void)keyring;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, drill->store, &tx));
    PO_TRY(cx, po_store_data_key_rewrap(cx, tx, &count));
    return commit(cx, drill, tx);
}

static PO_RC wrap(struct po_ctx *cx, struct keys_drill *drill, struct po_buf *out)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    PO_TRY(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    return po_keyring_wrap(cx, drill->keyring, cx->tenant, 1, key, out);
}

static PO_RC try_wrapping(struct po_ctx *cx, struct keys_drill *drill)
{
    for (int i = 0; i < TRIES; i++) {
        PO_BUF_AUTO wrapped = {0};
        po_buf_init(&wrapped, 256);
        PO_TRY(cx, wrap(cx, drill, &wrapped));
        drill->wraps++;
        if (!po_keyring_is_wrapped_current(drill->keyring, po_buf_str(&wrapped)))
            drill->wraps_by_retired++;
    }
    return po_rc_ok();
}

/* A key wrapped before the master's rotation must be told apart, or the counts would say nothing. */
static PO_RC rotate_master(struct po_ctx *cx, struct keys_drill *drill)
{
    PO_BUF_AUTO old = {0};
    po_buf_init(&old, 256);
    PO_TRY(cx, wrap(cx, drill, &old));
    PO_TRY(cx, po_keyring_rotate_master(cx, drill->keyring, rewrap, drill));
    if (po_keyring_is_wrapped_current(drill->keyring, po_buf_str(&old)))
        return PO_FAIL(cx, PO_BUG, "the master key was not rotated");
    return po_rc_ok();
}

static PO_RC exercise(struct po_ctx *cx, struct keys_drill *drill)
{
    struct po_sealed before = {0};
    uint32_t old_epoch = 0;
    uint32_t epoch = 0;
    PO_BUF_AUTO opened = {0};
    po_buf_init(&opened, PO_EVENT_BYTES_MAX);
    PO_TRY(cx, seal(cx, drill, &before, &old_epoch));
    PO_TRY_MSG(cx, rotate_data(cx, drill, &epoch), "rotating the drill's data key");
    if (epoch == old_epoch) return PO_FAIL(cx, PO_BUG, "the data key was not rotated");
    PO_TRY(cx, try_sealing(cx, drill, epoch));
    PO_TRY_MSG(cx, rotate_master(cx, drill), "rotating the drill's master key");
    PO_TRY(cx, try_wrapping(cx, drill));
    po_rc rc = po_sealed_open(cx, &drill->keys, cx->tenant, before.payload, &opened, NULL);
    if (rc.code == PO_NOMEM) return rc;
    drill->old_opens = po_is_ok(rc);
    po_err_clear(cx);
    return po_rc_ok();
}

static PO_RC run_keys(struct po_ctx *cx, const struct po_drill *scratch, struct po_json_out *out)
{
    PO_CLEANUP(drill_done) struct keys_drill drill = {0};
    PO_TRY_MSG(cx, make_store(cx, scratch, &drill), "store of the drill");
    PO_TRY(cx, exercise(cx, &drill));
    po_json_out_object(out);
    po_fact_put_int(out, "seals", drill.seals);
    po_fact_put_int(out, "seals_by_retired", drill.seals_by_retired);
    po_fact_put_int(out, "wraps", drill.wraps);
    po_fact_put_int(out, "wraps_by_retired", drill.wraps_by_retired);
    po_fact_put_bool(out, "old_opens", drill.old_opens);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(drill_keys)
{
    struct po_drill drill = {0};
    PO_TRY(cx, po_drill_begin(cx, set, &drill));
    po_rc rc = run_keys(cx, &drill, out);
    po_drill_end(cx, &drill);
    return rc;
}
