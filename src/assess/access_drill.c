/*
 * The drill of access as a whole: its home, its accounts, its parts, its process.
 */
#include "assess/access_drill_priv.h"

#include "assess/assess_priv.h"

#include "core/fs.h"
#include "crypto/crypto.h"
#include "store/store.h"

#include <stdio.h>

#define DRILL_TIMEOUT_MS 20000

/* Cheap on purpose: the hash of a canary protects nothing. Real ones are judged by identity.accounts. */
#define CANARY_COST ((struct po_password_cost){.memory_kib = 8, .passes = 1})

static const struct po_event canary_event = {.type = PO_EVENT_TYPE_USER_INVITED,
                                             .resource = {"user:canary", 11},
                                             .action = {"invite", 6},
                                             .result = PO_EVENT_SUCCESS};

/* ---- accounts ---------------------------------------------------------------------------------- */

static PO_RC add_password(struct po_ctx *cx, struct po_tx *tx, po_str user, const char *password)
{
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    if (password == NULL) return po_rc_ok();
    PO_TRY_LEAF(cx, po_password_hash(po_str_of(password), CANARY_COST, hash), "canary's password");
    const struct po_store_credential credential = {
        .user = user, .kind = PO_LIT("password"), .secret = po_str_of(hash)};
    return po_store_credential_put(cx, tx, &credential);
}

PO_RC po_access_canary_add(struct po_ctx *cx, struct po_access_drill *drill,
                           const struct po_access_canary *canary, char ret_id[static PO_ID_BYTES])
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
    PO_TRY(cx, po_tx_begin(cx, po_home_store(drill->home), &tx));
    PO_TRY(cx, po_store_user_add(cx, tx, &user));
    PO_TRY(cx, po_store_role_grant_add(cx, tx, &grant, &grant_id));
    PO_TRY(cx, add_password(cx, tx, user.id, canary->password));
    PO_TRY(cx, po_home_commit(cx, drill->home, tx, &canary_event));
    memcpy(ret_id, id, sizeof id);
    return po_rc_ok();
}

PO_RC po_access_session_add(struct po_ctx *cx, struct po_access_drill *drill, const char *user,
                            char ret_id[static PO_ID_BYTES], struct po_secret **ret_secret)
{
    const struct po_session_new session = {.user = po_str_of(user),
                                           .method = PO_LIT("totp"),
                                           .agent = PO_LIT("drill"),
                                           .is_mfa = true,
                                           .is_stepped_up = true};
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(drill->home), &tx));
    PO_TRY(cx, po_session_create(cx, tx, &session, ret_id, &secret));
    PO_TRY(cx, po_home_commit(cx, drill->home, tx, &canary_event));
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}

struct po_identity po_access_identity(const char *role, po_tenant_id tenant)
{
    struct po_identity identity = {.kind = PO_IDENTITY_USER,
                                   .id = "usr_00000000000000000000000000",
                                   .tenant = tenant,
                                   .allowed = po_role_shipped(po_str_of(role)),
                                   .is_active = true,
                                   .is_mfa = true,
                                   .is_stepped_up = true,
                                   .is_canary = true};
    memset(&identity.scopes, 0xff, sizeof identity.scopes);
    (void)snprintf(identity.role, sizeof identity.role, "%s", role);
    return identity;
}

/* ---- what happened ----------------------------------------------------------------------------- */

PO_RC po_access_refused(struct po_ctx *cx, po_rc rc, enum po_code code, bool *ret_is)
{
    if (rc.code == PO_NOMEM || rc.code == PO_BUG) return rc;
    *ret_is = rc.code == code;
    po_err_clear(cx);
    return po_rc_ok();
}

struct counting {
    const struct po_access_events *wanted;
    int64_t count;
};

static po_rc count_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                         bool *ret_stop)
{
    struct counting *counting = user;
    const struct po_access_events *wanted = counting->wanted;
    (void)step;
    (void)ret_stop;
    bool fits = wanted->actor == NULL || po_str_eq_cstr(event->view.user_id, wanted->actor);
    if (wanted->action.len > 0 && !po_str_eq(event->view.action, wanted->action)) fits = false;
    if (wanted->part != NULL && po_str_find(event->bytes, po_str_of(wanted->part), 0) == SIZE_MAX)
        fits = false;
    counting->count += fits ? 1 : 0;
    return po_rc_ok();
}

PO_RC po_access_events_count(struct po_ctx *cx, struct po_access_drill *drill,
                             const struct po_access_events *wanted, int64_t *ret_count)
{
    struct counting counting = {.wanted = wanted};
    const struct po_home_walk walk = {.type = wanted->type,
                                      .size = po_ledger_size(po_home_ledger(drill->home)),
                                      .visit = count_event,
                                      .user = &counting};
    PO_TRY(cx, po_home_walk_back(cx, drill->home, &walk));
    *ret_count = counting.count;
    return po_rc_ok();
}

/* ---- the drill --------------------------------------------------------------------------------- */

static PO_RC make_other_tenant(struct po_ctx *cx, struct po_access_drill *drill)
{
    const struct po_event event = {.type = PO_EVENT_TYPE_TENANT_CREATED,
                                   .resource = PO_LIT("tenant:2"),
                                   .action = PO_LIT("create"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(drill->home), &tx));
    PO_TRY(cx, po_store_tenant_create(cx, tx, PO_ACCESS_OTHER_TENANT, PO_LIT("other")));
    return po_home_commit(cx, drill->home, tx, &event);
}

static PO_RC run_parts(struct po_ctx *cx, struct po_access_drill *drill)
{
    static po_rc (*const parts[])(struct po_ctx *, struct po_access_drill *) = {
        po_access_drill_defaults, /* first: the home is as it was made */
        po_access_drill_signin,   po_access_drill_secrets,   po_access_drill_revoked,
        po_access_drill_roles,    po_access_drill_decisions, po_access_drill_tenants,
        po_access_drill_sessions, /* last: it moves the clock by hours */
    };
    po_json_out_object(drill->out);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        PO_TRY(cx, parts[i](cx, drill));
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

PO_RC po_access_drill_in(struct po_ctx *cx, const char *dir, struct po_json_out *out)
{
    struct po_access_drill drill = {.real = cx->clock, .out = out};
    const char *root = NULL;
    PO_HOME_AUTO *home = NULL;
    po_clock_fake_init(&drill.clock, po_ctx_now_us(cx));
    PO_TRY(cx, po_path_join(cx, dir, "home", &root));
    PO_TRY_MSG(cx, po_home_init(cx, root, &home), "home of the drill");
    PO_TRY(cx, po_home_close(cx, &home)); /* opening reads its configuration */
    PO_TRY(cx, po_home_open(cx, root, PO_HOME_READ_WRITE, &home));
    drill.home = home;
    cx->clock = &drill.clock.clock;
    po_rc rc = make_other_tenant(cx, &drill);
    if (po_is_ok(rc)) rc = run_parts(cx, &drill);
    cx->clock = drill.real;
    return rc;
}

/* ---- its process ------------------------------------------------------------------------------- */

int po_access_drill_role_run(int argc, char **argv)
{
    return po_assess_drill_role_run(argc, argv, po_access_drill_in);
}

PO_RC po_access_drill(struct po_ctx *cx, const struct po_assess_inputs *in, struct po_json_out *out)
{
    const struct po_assess_drill_child child = {PO_ACCESS_DRILL_ROLE, DRILL_TIMEOUT_MS};
    return po_assess_drill_child_run(cx, in, &child, out);
}
