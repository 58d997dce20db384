/*
 * The home of a drill, and who is in it: everyone is a canary, so that no population counts them.
 */
#include "assess/assess.h"

#include "core/fs.h"
#include "crypto/crypto.h"
#include "home/home.h"
#include "store/store.h"

static const struct po_event canary_event = {.type = PO_EVENT_TYPE_USER_INVITED,
                                             .resource = {"user:canary", 11},
                                             .action = {"invite", 6},
                                             .result = PO_EVENT_SUCCESS};

static PO_RC add_other_tenant(struct po_ctx *cx, struct po_home *home)
{
    const struct po_event event = {.type = PO_EVENT_TYPE_TENANT_CREATED,
                                   .resource = PO_LIT("tenant:2"),
                                   .action = PO_LIT("create"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_tenant_create(cx, tx, PO_DRILL_OTHER_TENANT, PO_LIT("other")));
    return po_home_commit(cx, home, tx, &event);
}

PO_RC po_drill_home_make(struct po_ctx *cx, const char *dir, po_str config,
                         struct po_home **ret_home)
{
    const char *root = NULL;
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_path_join(cx, dir, "home", &root));
    PO_TRY_MSG(cx, po_home_init(cx, root, &home), "home of the drill");
    if (config.len > 0)
        PO_TRY(cx, po_fs_write_atomic(cx, po_home_path(home, PO_PLACE_ENV), config, 0600));
    PO_TRY(cx, po_home_close(cx, &home)); /* opening reads its configuration */
    PO_TRY(cx, po_home_open(cx, root, PO_HOME_READ_WRITE, &home));
    PO_TRY(cx, add_other_tenant(cx, home));
    *ret_home = PO_TAKE(home);
    return po_rc_ok();
}

static PO_RC add_password(struct po_ctx *cx, struct po_tx *tx, po_str user,
                          const struct po_drill_canary *canary)
{
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    if (canary->password == NULL) return po_rc_ok();
    PO_TRY_LEAF(cx, po_password_hash(po_str_of(canary->password), canary->cost, hash),
                "canary's password");
    const struct po_store_credential credential = {
        .user = user, .kind = PO_LIT("password"), .secret = po_str_of(hash)};
    return po_store_credential_put(cx, tx, &credential);
}

PO_RC po_drill_canary_add(struct po_ctx *cx, struct po_home *home,
                          const struct po_drill_canary *canary, char ret_id[static PO_ID_BYTES])
{
    char id[PO_ID_BYTES] = "";
    uint64_t grant_id = 0;
    PO_TRY(cx, po_id_new(cx, "usr", id));
    const struct po_store_user user = {.id = po_str_of(id),
                                       .kind = PO_LIT("human"),
                                       .state = PO_LIT("active"),
                                       .email = po_str_of(canary->email),
                                       .name = PO_LIT("Canary"),
                                       .owner = PO_LIT(""),
                                       .is_canary = true};
    const struct po_store_role_grant grant = {.user = user.id,
                                              .role = po_str_of(canary->role),
                                              .reason = PO_LIT("drill"),
                                              .asked_by = PO_LIT("system"),
                                              .approved_by = PO_LIT("system"),
                                              .asked_us = po_ctx_now_us(cx),
                                              .effective_us = po_ctx_now_us(cx)};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_user_add(cx, tx, &user));
    PO_TRY(cx, po_store_role_grant_add(cx, tx, &grant, &grant_id));
    PO_TRY(cx, add_password(cx, tx, user.id, canary));
    PO_TRY(cx, po_home_commit(cx, home, tx, &canary_event));
    memcpy(ret_id, id, sizeof id);
    return po_rc_ok();
}

PO_RC po_drill_session_add(struct po_ctx *cx, struct po_home *home, const char *user,
                           char ret_id[static PO_ID_BYTES], struct po_secret **ret_secret)
{
    const struct po_session_new session = {.user = po_str_of(user),
                                           .method = PO_LIT("totp"),
                                           .agent = PO_LIT("drill"),
                                           .is_mfa = true,
                                           .is_stepped_up = true};
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_session_create(cx, tx, &session, ret_id, &secret));
    PO_TRY(cx, po_home_commit(cx, home, tx, &canary_event));
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}
