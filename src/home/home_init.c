/*
 * Creating a home. Every step may find itself done already, so an interrupted `init` is finished by
 * the next one; only the last step (the mark in the store) makes it a home that `init` refuses.
 */
#include "home_priv.h"

#include "core/codec.h"
#include "core/random.h"

#define META_INITIALIZED "initialized_at"

/* Directories and their names, durably: what is synced inside them later is lost with them. The
 * ledger makes its own. */
static PO_RC make_tree(struct po_ctx *cx, const struct po_home *home)
{
    PO_TRY(cx, po_fs_mkdir_all(cx, home->paths[PO_PLACE_ROOT], 0700));
    for (size_t i = 1; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        if (!row->is_dir || i == PO_PLACE_LEDGER) continue;
        PO_TRY(cx, po_fs_mkdir(cx, home->paths[i], row->mode));
    }
    PO_TRY(cx, po_fs_sync_dir(cx, home->paths[PO_PLACE_BACKUPS]));
    return po_fs_sync_dir(cx, home->paths[PO_PLACE_ROOT]);
}

/* A file the operator may have put there before: kept as it is. */
static PO_RC write_if_absent(struct po_ctx *cx, const struct po_home *home,
                             enum po_home_place place, po_str content)
{
    po_rc rc = po_fs_place_new(cx, home->paths[place], content, po_home_place_row(place)->mode);
    if (rc.code != PO_EXISTS) return rc;
    po_err_clear(cx);
    return po_rc_ok();
}

static PO_RC write_config(struct po_ctx *cx, const struct po_home *home)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, (size_t)1 << 20);
    po_cfg_sample(&text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "writing the sample configuration");
    PO_TRY(cx, write_if_absent(cx, home, PO_PLACE_ENV, po_buf_str(&text)));
    po_buf_clear(&text);
    po_flags_defaults(&text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "writing the status flags");
    PO_TRY(cx, write_if_absent(cx, home, PO_PLACE_FLAGS, po_buf_str(&text)));
    return po_fs_sync_dir(cx, home->paths[PO_PLACE_CONFIG]);
}

static PO_RC name_instance(struct po_ctx *cx, struct po_home *home)
{
    po_rc rc = po_home_read_instance(cx, home);
    if (rc.code != PO_NOTFOUND) return rc;
    po_err_clear(cx);
    uint8_t bytes[16];
    char name[5 + 2 * sizeof bytes + 2] = "inst_";
    PO_TRY_LEAF(cx, po_random_fill(bytes, sizeof bytes), "no randomness for the instance's name");
    po_hex_encode(bytes, sizeof bytes, name + 5);
    PO_TRY(cx, po_home_set_instance(cx, home, po_str_n(name, 5 + 2 * sizeof bytes)));
    name[5 + 2 * sizeof bytes] = '\n';
    return po_fs_write_new(cx, home->paths[PO_PLACE_INSTANCE],
                           po_str_n(name, 5 + 2 * sizeof bytes + 1),
                           po_home_place_row(PO_PLACE_INSTANCE)->mode);
}

static PO_RC make_keys(struct po_ctx *cx, struct po_home *home)
{
    struct po_keyring_place place = po_home_keyring_place(home);
    po_rc rc = po_keyring_create(cx, &place, &home->keyring);
    if (rc.code != PO_EXISTS) return rc;
    po_err_clear(cx);
    return po_keyring_open(cx, &place, &home->keyring);
}

static PO_RC make_store(struct po_ctx *cx, struct po_home *home)
{
    struct po_store_options options = {.path = home->paths[PO_PLACE_DB], .keyring = home->keyring};
    po_rc rc = po_store_create(cx, &options, &home->store);
    if (rc.code != PO_EXISTS) return rc;
    po_err_clear(cx);
    return po_store_open(cx, &options, &home->store);
}

static PO_RC make_ledger(struct po_ctx *cx, struct po_home *home)
{
    struct po_ledger_options options;
    PO_TRY(cx, po_home_ledger_options(cx, home, &options));
    po_rc rc = po_ledger_create(cx, &options);
    if (!po_is_ok(rc) && rc.code != PO_EXISTS) return rc;
    po_err_clear(cx);
    PO_TRY(cx, po_ledger_open(cx, &options, &home->ledger));
    const char *reason = po_ledger_read_only_reason(home->ledger);
    if (reason != NULL) return PO_FAIL(cx, PO_DENIED, "the ledger cannot be extended: %s", reason);
    return po_rc_ok();
}

static PO_RC make_tenant(struct po_ctx *cx, struct po_home *home)
{
    struct po_store_tenant *tenants = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_tenant_list(cx, home->store, &tenants, &count));
    if (count > 0) return po_rc_ok();
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, home->store, &tx));
    PO_TRY(cx, po_store_tenant_create(cx, tx, PO_TENANT_DEFAULT, PO_LIT("default")));
    struct po_event event = {.type = PO_EVENT_TYPE_TENANT_CREATED,
                             .resource = PO_LIT("tenant:1"),
                             .action = PO_LIT("create"),
                             .result = PO_EVENT_SUCCESS};
    return po_home_commit(cx, home, tx, &event);
}

/* The mark that makes it a home, with the instance's first own event. */
static PO_RC mark_initialized(struct po_ctx *cx, struct po_home *home)
{
    char now[PO_TIME_RFC3339_BYTES];
    po_time_format(po_ctx_now_us(cx), now);
    const char *resource = po_arena_printf(cx->arena, "instance:%s", home->instance);
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, home->store, &tx));
    PO_TRY(cx, po_store_meta_set(cx, tx, META_INITIALIZED, po_str_of(now)));
    struct po_event keys = {.type = PO_EVENT_TYPE_KEY_CREATED,
                            .resource = PO_LIT("key:master"),
                            .action = PO_LIT("create"),
                            .result = PO_EVENT_SUCCESS};
    PO_TRY(cx, po_home_queue(cx, home, tx, &keys));
    struct po_event event = {.type = PO_EVENT_TYPE_INSTANCE_CREATED,
                             .resource = po_str_of(resource),
                             .action = PO_LIT("create"),
                             .result = PO_EVENT_SUCCESS};
    return po_home_commit(cx, home, tx, &event);
}

/*
 * `found` says why there is no database to read. Before a ledger stands there that is an interrupted
 * init, whose database is absent, blank or half made; afterwards it is a loss, and new keys would hide it.
 */
static PO_RC check_no_ledger(struct po_ctx *cx, const struct po_home *home, po_rc found)
{
    const char *vkey = NULL;
    struct po_fs_info info = {0};
    struct po_err why = cx->err;
    po_err_clear(cx);
    PO_TRY(cx, po_path_join(cx, home->paths[PO_PLACE_LEDGER], "vkey", &vkey));
    PO_TRY(cx, po_fs_info(cx, vkey, &info));
    if (!info.exists) return po_rc_ok();
    if (found.code == PO_NOTFOUND)
        return PO_FAIL(cx, PO_CORRUPT, "there is a ledger in '%s' but no database '%s'",
                       home->paths[PO_PLACE_LEDGER], home->paths[PO_PLACE_DB]);
    cx->err = why;
    return found;
}

/* Looked at before any key is made: a home that lost its keys must not quietly get new ones. */
static PO_RC check_not_initialized(struct po_ctx *cx, const struct po_home *home)
{
    struct po_store_options options = {.path = home->paths[PO_PLACE_DB], .is_read_only = true};
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    po_rc rc = po_store_open(cx, &options, &store);
    /* absent, blank, or cut off between two migrations (UNAVAILABLE: an older schema) */
    if (rc.code == PO_NOTFOUND || rc.code == PO_CORRUPT || rc.code == PO_UNAVAILABLE)
        rc = check_no_ledger(cx, home, rc);
    PO_TRY_MSG(cx, rc, "looking at what is there already");
    if (store == NULL) return po_rc_ok();
    po_str mark = {NULL, 0};
    PO_TRY(cx, po_store_meta_find(cx, store, META_INITIALIZED, &mark));
    if (mark.ptr == NULL) return po_rc_ok();
    return PO_FAIL(cx, PO_EXISTS, "there is a home at '%s' already", home->paths[PO_PLACE_ROOT]);
}

/* What else a directory holds stays as it is. */
static PO_RC check_place(struct po_ctx *cx, const struct po_home *home)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, home->paths[PO_PLACE_ROOT], &info));
    if (!info.exists) return po_rc_ok();
    if (!info.is_dir)
        return PO_FAIL(cx, PO_CREATE, "'%s' exists and is not a directory",
                       home->paths[PO_PLACE_ROOT]);
    return po_rc_ok();
}

PO_RC po_home_init(struct po_ctx *cx, const char *root, struct po_home **ret_home)
{
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_new(cx, root, &home));
    PO_TRY(cx, check_place(cx, home));
    po_rc rc = make_tree(cx, home);
    if (rc.code == PO_NOTFOUND)
        return PO_FAIL(cx, PO_CREATE, "a home cannot be created at '%s'", root);
    PO_TRY_MSG(cx, rc, "creating the home");
    PO_TRY(cx, po_lock_take(cx, home->paths[PO_PLACE_LOCK], PO_HOME_LOCK_WAIT_US, &home->lock));
    PO_TRY(cx, check_not_initialized(cx, home));
    PO_TRY_MSG(cx, name_instance(cx, home), "naming the instance");
    PO_TRY_MSG(cx, make_keys(cx, home), "creating keys");
    PO_TRY_MSG(cx, make_store(cx, home), "creating the database");
    PO_TRY_MSG(cx, write_config(cx, home), "writing the configuration");
    PO_TRY_MSG(cx, make_ledger(cx, home), "creating the ledger");
    PO_TRY(cx, make_tenant(cx, home));
    PO_TRY(cx, mark_initialized(cx, home));
    *ret_home = PO_TAKE(home);
    return po_rc_ok();
}
