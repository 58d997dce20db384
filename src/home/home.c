/*
 * Opening and closing a home, and the one way events get into its ledger.
 *
 * Invariants
 * 1. One process at a time: the lock is taken first and released last.
 * 2. An event is in the pending queue of its change's transaction before the change is visible, and
 *    in the ledger before the process ends well (laws 1, 2).
 * 3. Without keys, or when the ledger disagrees with what was signed, nothing is written (law 8).
 *
 *   new -> locked -> keys? -> ledger -> store -> recovered -> (work, flush)* -> checkpoint -> closed
 *                      \ absent or refused: read-only, with the reason
 */
#include "home_priv.h"

#include "core/random.h"
#include "core/sys.h"

#include <stdio.h>
#include <unistd.h>

/* -- glue: the ledger's callbacks over the store ------------------------------------------------- */

static po_rc key_current(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t *ret_epoch,
                         const struct po_secret **ret_key)
{
    struct po_home *home = user;
    if (home->store == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "the store is not open");
    return po_store_data_key_get(cx, home->store, tenant, ret_epoch, ret_key);
}

static po_rc key_at(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t epoch,
                    const struct po_secret **ret_key)
{
    struct po_home *home = user;
    if (home->store == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "the store is not open");
    return po_store_data_key_get_at(cx, home->store, tenant, epoch, ret_key);
}

static po_rc queue_list(struct po_ctx *cx, void *user, size_t max, struct po_sealed **ret_items,
                        size_t *ret_count)
{
    struct po_home *home = user;
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_pending_list(cx, home->store, max, &rows, &count));
    struct po_sealed *items = NULL;
    PO_ARENA_NEW(cx, items, count + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(items[i].event_id, rows[i].event_id, sizeof items[i].event_id);
        items[i].tenant = rows[i].tenant;
        items[i].record = rows[i].record;
        items[i].payload = rows[i].sealed;
    }
    *ret_items = items;
    *ret_count = count;
    return po_rc_ok();
}

static struct po_store_pending pending_of(const struct po_sealed *item)
{
    struct po_store_pending row = {
        .tenant = item->tenant, .record = item->record, .sealed = item->payload};
    memcpy(row.event_id, item->event_id, sizeof row.event_id);
    return row;
}

static po_rc queue_remove(struct po_ctx *cx, void *user, const struct po_sealed *items,
                          size_t count)
{
    struct po_home *home = user;
    struct po_store_pending *rows = NULL;
    PO_ARENA_NEW(cx, rows, count + 1);
    for (size_t i = 0; i < count; i++)
        rows[i] = pending_of(&items[i]);
    return po_store_pending_done(cx, home->store, rows, count, po_ledger_size(home->ledger));
}

PO_RC po_home_ledger_options(struct po_ctx *cx, struct po_home *home,
                             struct po_ledger_options *ret_options)
{
    home->keys = (struct po_ledger_keys){.user = home, .current = key_current, .at = key_at};
    struct po_ledger_options options = {.dir = home->paths[PO_PLACE_LEDGER], .keys = &home->keys};
    if (home->signed_path == NULL) {
        const char *origin = NULL;
        PO_TRY(cx, po_home_state_path(cx, home, PO_HOME_SIGNED_NAME, &home->signed_path));
        PO_TRY(cx, po_ledger_origin(cx, home->instance, &origin));
        PO_TRY(cx, po_home_keep(cx, home, po_str_of(origin), &home->origin));
    }
    options.signed_path = home->asker == NULL ? home->signed_path : NULL;
    options.origin = home->origin;
    if (home->keyring != NULL) options.sign_key = po_keyring_ledger_key(home->keyring);
    if (home->asker != NULL) options.asking = home->keyring;
    *ret_options = options;
    return po_rc_ok();
}

/* -- opening ------------------------------------------------------------------------------------- */

static void set_reason(struct po_home *home, const char *reason)
{
    if (home->reason[0] != '\0') return;
    (void)snprintf(home->reason, sizeof home->reason, "%s", reason);
}

static PO_RC check_root(struct po_ctx *cx, const struct po_home *home)
{
    const char *root = home->paths[PO_PLACE_ROOT];
    struct po_fs_info info = {0};
    PO_TRY_MSG(cx, po_fs_info(cx, root, &info), "opening the home");
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "no home at '%s'; run 'paulyops init'", root);
    if (info.is_symlink) return po_rc_ok(); /* what it points to is checked by the files inside */
    if (!info.is_dir) return PO_FAIL(cx, PO_INVALID, "'%s' is not a directory", root);
    if (info.uid != geteuid())
        return PO_FAIL(cx, PO_DENIED, "'%s' belongs to user %u; run as that user", root,
                       (unsigned)info.uid);
    return po_rc_ok();
}

/* Keys that are absent or do not fit make the home read-only; broken I/O is an error. */
static PO_RC open_keys(struct po_ctx *cx, struct po_home *home)
{
    struct po_keyring_place place = po_home_keyring_place(home);
    po_rc rc = home->asker != NULL ? po_keyring_open_asking(cx, home->asker, &home->keyring)
                                   : po_keyring_open(cx, &place, &home->keyring);
    if (po_is_ok(rc)) return rc;
    if (rc.code == PO_NOMEM || rc.code == PO_IO || rc.code == PO_BUSY) return rc;
    char reason[PO_HOME_REASON_BYTES_MAX];
    (void)snprintf(reason, sizeof reason, "no usable keys: %.400s", po_err_msg(cx));
    set_reason(home, reason);
    po_err_clear(cx);
    return po_rc_ok();
}

static PO_RC open_ledger(struct po_ctx *cx, struct po_home *home, enum po_home_mode mode)
{
    struct po_ledger_options options;
    PO_TRY(cx, po_home_ledger_options(cx, home, &options));
    options.is_read_only = mode == PO_HOME_READ_ONLY;
    PO_TRY(cx, po_ledger_open(cx, &options, &home->ledger));
    const char *reason = po_ledger_read_only_reason(home->ledger);
    if (reason != NULL) set_reason(home, reason);
    return po_rc_ok();
}

static PO_RC open_store(struct po_ctx *cx, struct po_home *home)
{
    struct po_store_options options = {.path = home->paths[PO_PLACE_DB],
                                       .keyring = home->keyring,
                                       .is_read_only = home->reason[0] != '\0'};
    return po_store_open(cx, &options, &home->store);
}

static PO_RC open_config(struct po_ctx *cx, struct po_home *home)
{
    PO_TRY(cx, po_cfg_load(cx, home->paths[PO_PLACE_ROOT], NULL, 0, &home->cfg));
    return po_flags_load(cx, home->paths[PO_PLACE_FLAGS], &home->flags);
}

PO_RC po_home_reload(struct po_ctx *cx, struct po_home *home)
{
    struct po_cfg *cfg = NULL;
    struct po_flags *flags = NULL;
    PO_TRY(cx, po_cfg_load(cx, home->paths[PO_PLACE_ROOT], NULL, 0, &cfg));
    po_rc rc = po_flags_load(cx, home->paths[PO_PLACE_FLAGS], &flags);
    if (!po_is_ok(rc)) {
        po_cfg_free(cfg);
        return rc;
    }
    po_cfg_free(home->cfg);
    po_flags_free(home->flags);
    home->cfg = cfg;
    home->flags = flags;
    return po_rc_ok();
}

/* What a crash left: pending events go to the ledger, open intents become findings (law 2). */
static PO_RC close_intent(struct po_ctx *cx, struct po_home *home,
                          const struct po_store_intent *intent)
{
    char id[PO_UUID_TEXT_BYTES];
    po_uuid_format(intent->id, id);
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, home->store, &tx));
    PO_TRY(cx, po_store_intent_close(cx, tx, intent->id));
    struct po_event event = {.type = PO_EVENT_TYPE_INTENT_ABANDONED,
                             .resource = intent->kind,
                             .action = PO_LIT("abandon"),
                             .result = PO_EVENT_ERROR,
                             .correlation_id = po_str_of(id)};
    return po_home_commit(cx, home, tx, &event);
}

static PO_RC record_crash(struct po_ctx *cx, struct po_home *home,
                          const struct po_ledger_recovery *found)
{
    const char *detail =
        po_arena_printf(cx->arena, "{\"leaves_kept\":%lu,\"bytes_cleared\":%lu}",
                        (unsigned long)found->leaves_kept, (unsigned long)found->bytes_cleared);
    if (detail == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = PO_EVENT_TYPE_PROCESS_CRASHED,
                             .resource = PO_LIT("process:command"),
                             .action = PO_LIT("recover"),
                             .result = PO_EVENT_ERROR,
                             .detail = po_str_of(detail)};
    return po_home_record(cx, home, &event);
}

/* Of cx->tenant: their events are its own. */
static PO_RC close_intents(struct po_ctx *cx, struct po_home *home)
{
    struct po_store_intent *intents = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_intent_list(cx, home->store, &intents, &count));
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, close_intent(cx, home, &intents[i]));
    return po_rc_ok();
}

static PO_RC recover(struct po_ctx *cx, struct po_home *home)
{
    PO_TRY_MSG(cx, po_home_flush(cx, home), "moving pending events into the ledger");
    struct po_ledger_recovery found = po_ledger_recovered(home->ledger);
    if (found.was_open) PO_TRY(cx, record_crash(cx, home, &found));
    po_tenant_id *tenants = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_tenant_ids(cx, home->store, &tenants, &count));
    const po_tenant_id before = cx->tenant;
    po_rc rc = po_rc_ok();
    for (size_t i = 0; i < count && po_is_ok(rc); i++) {
        cx->tenant = tenants[i];
        rc = close_intents(cx, home);
    }
    cx->tenant = before;
    return rc;
}

static PO_RC open_parts(struct po_ctx *cx, struct po_home *home, enum po_home_mode mode)
{
    PO_TRY(cx, po_lock_take(cx, home->paths[PO_PLACE_LOCK], PO_HOME_LOCK_WAIT_US, &home->lock));
    PO_TRY(cx, open_config(cx, home));
    if (mode == PO_HOME_READ_ONLY) set_reason(home, PO_HOME_OPENED_FOR_READING);
    PO_TRY(cx, open_keys(cx, home));
    PO_TRY(cx, open_ledger(cx, home, mode));
    PO_TRY_MSG(cx, open_store(cx, home), "opening the database");
    if (home->reason[0] == '\0') PO_TRY(cx, po_home_check_agreement(cx, home));
    if (home->reason[0] != '\0') return po_rc_ok();
    po_lock_note_holder(home->lock); /* a change: not in a home that may not be changed */
    return recover(cx, home);
}

PO_RC po_home_open(struct po_ctx *cx, const char *root, enum po_home_mode mode,
                   struct po_home **ret_home)
{
    return po_home_open_asking(cx, root, mode, NULL, ret_home);
}

PO_RC po_home_open_asking(struct po_ctx *cx, const char *root, enum po_home_mode mode,
                          const struct po_keyring_asker *asker, struct po_home **ret_home)
{
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_new(cx, root, &home));
    home->asker = asker;
    PO_TRY(cx, check_root(cx, home));
    PO_TRY(cx, po_home_read_instance(cx, home));
    PO_TRY(cx, open_parts(cx, home, mode));
    *ret_home = PO_TAKE(home);
    return po_rc_ok();
}

/* -- closing ------------------------------------------------------------------------------------- */

/* The lock goes last: until then nobody else may see what is half closed. */
static void close_parts(struct po_home *home)
{
    po_ledger_close(PO_TAKE(home->ledger));
    po_store_close(PO_TAKE(home->store));
    po_keyring_free(PO_TAKE(home->keyring));
    po_flags_free(PO_TAKE(home->flags));
    po_cfg_free(PO_TAKE(home->cfg));
    po_lock_release(PO_TAKE(home->lock));
}

void po_home_abandonp(struct po_home **home_ptr)
{
    struct po_home *home = *home_ptr;
    if (home == NULL) return;
    close_parts(home);
    po_arena_free(home->arena);
    po_free(home);
    *home_ptr = NULL;
}

PO_RC po_home_suspend(struct po_ctx *cx, struct po_home *home)
{
    if (home->reason[0] == '\0')
        PO_TRY_MSG(cx, po_home_checkpoint(cx, home), "signing the checkpoint");
    close_parts(home);
    return po_rc_ok();
}

PO_RC po_home_resume(struct po_ctx *cx, struct po_home *home)
{
    home->reason[0] = '\0';
    po_rc rc = open_parts(cx, home, PO_HOME_READ_WRITE);
    if (!po_is_ok(rc)) close_parts(home);
    return rc;
}

PO_RC po_home_close(struct po_ctx *cx, struct po_home **home)
{
    if ((*home)->reason[0] == '\0')
        PO_TRY_MSG(cx, po_home_checkpoint(cx, *home), "signing the checkpoint");
    po_home_abandonp(home);
    return po_rc_ok();
}

/* -- events -------------------------------------------------------------------------------------- */

static PO_RC check_writable(struct po_ctx *cx, const struct po_home *home)
{
    const char *reason = po_home_read_only_reason(home);
    if (reason == NULL) return po_rc_ok();
    return PO_FAIL(cx, PO_DENIED, "read-only: %s", reason);
}

PO_RC po_home_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                     const struct po_event *event)
{
    PO_TRY(cx, check_writable(cx, home));
    struct po_sealed sealed;
    PO_TRY(cx, po_event_prepare(cx, &home->keys, event, &sealed));
    struct po_store_pending row = pending_of(&sealed);
    return po_tx_commit(cx, tx, &row);
}

PO_RC po_home_queue(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                    const struct po_event *event)
{
    PO_TRY(cx, check_writable(cx, home));
    struct po_sealed sealed;
    PO_TRY(cx, po_event_prepare(cx, &home->keys, event, &sealed));
    struct po_store_pending row = pending_of(&sealed);
    return po_tx_queue(cx, tx, &row);
}

PO_RC po_home_record(struct po_ctx *cx, struct po_home *home, const struct po_event *event)
{
    return po_home_record_all(cx, home, event, 1);
}

PO_RC po_home_record_all(struct po_ctx *cx, struct po_home *home, const struct po_event *events,
                         size_t count)
{
    PO_TRY(cx, check_writable(cx, home));
    if (count == 0) return po_rc_ok();
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, home->store, &tx));
    for (size_t i = 0; i + 1 < count; i++)
        PO_TRY(cx, po_home_queue(cx, home, tx, &events[i]));
    return po_home_commit(cx, home, tx, &events[count - 1]);
}

PO_RC po_home_flush(struct po_ctx *cx, struct po_home *home)
{
    PO_TRY(cx, check_writable(cx, home));
    PO_TRY(cx,
           po_store_group_end(cx, home->store)); /* nothing is in the ledger that may be undone */
    struct po_ledger_queue queue = {.user = home, .list = queue_list, .remove = queue_remove};
    return po_ledger_sequence(cx, home->ledger, &queue, NULL);
}

PO_RC po_home_checkpoint(struct po_ctx *cx, struct po_home *home)
{
    PO_TRY(cx, po_home_flush(cx, home));
    struct po_checkpoint checkpoint;
    return po_ledger_checkpoint(cx, home->ledger, &checkpoint);
}
