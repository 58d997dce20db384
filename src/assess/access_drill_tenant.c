/*
 * Drill of access: what belongs to one tenant cannot be seen, changed or opened as another.
 */
#include "assess/access_drill_priv.h"

#include "core/secret.h"
#include "store/store.h"

#include <stdio.h>

#define REGISTER "drill.secret"

/* What tenant B has. */
struct belongings {
    char user[PO_ID_BYTES];
    char session[PO_ID_BYTES];
    struct po_secret *secret;
    struct po_token_made token;
};

static void belongings_done(struct belongings *has)
{
    po_secret_freep(&has->secret);
    po_secret_freep(&has->token.secret);
}

static PO_RC set_register(struct po_ctx *cx, struct po_access_drill *drill)
{
    const struct po_event event = {.type = PO_EVENT_TYPE_REGISTER_CHANGED,
                                   .resource = PO_LIT("register:" REGISTER),
                                   .action = PO_LIT("set"),
                                   .result = PO_EVENT_SUCCESS};
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(drill->home), &tx));
    PO_TRY(cx, po_store_register_set(cx, tx, PO_LIT(REGISTER), PO_LIT("4711"), &id));
    return po_home_commit(cx, drill->home, tx, &event);
}

static PO_RC furnish(struct po_ctx *cx, struct po_access_drill *drill, struct belongings *has)
{
    static const po_str actions[] = {{"control.show", 12}};
    const struct po_drill_canary canary = {.email = "other@drill.example", .role = "member"};
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, has->user));
    PO_TRY(cx, po_drill_session_add(cx, drill->home, has->user, has->session, &has->secret));
    const struct po_token_new token = {.user = po_str_of(has->user), .name = PO_LIT("drill")};
    PO_TRY(cx, po_token_create(cx, drill->home, &token, &has->token));
    PO_TRY(cx, po_role_create(cx, drill->home, PO_LIT("drill-other"), actions, 1));
    PO_TRY(cx, set_register(cx, drill));
    return po_home_flush(cx, drill->home);
}

/* ---- as the other tenant ----------------------------------------------------------------------- */

struct probe {
    int64_t tried;
    int64_t visible;
    char seen[256]; /* what was */
};

static void note(struct probe *probe, const char *what, bool is_visible)
{
    size_t len = strlen(probe->seen);
    probe->tried++;
    if (!is_visible) return;
    probe->visible++;
    (void)snprintf(probe->seen + len, sizeof probe->seen - len, "%s%s", len > 0 ? " " : "", what);
}

/* By id: there is no such thing. */
static PO_RC probe_ids(struct po_ctx *cx, struct po_access_drill *drill,
                       const struct belongings *has, struct probe *probe)
{
    struct po_user user;
    struct po_session session;
    struct po_token token;
    struct po_role role;
    struct po_identity identity;
    po_str user_id = po_str_of(has->user);
    struct po_home *home = drill->home;
    const struct {
        const char *what;
        po_rc rc;
    } answers[] = {
        {"user.show", po_user_get(cx, home, user_id, &user)},
        {"user.show by address", po_user_get(cx, home, PO_LIT("other@drill.example"), &user)},
        {"access.why", po_identity_of(cx, home, user_id, &identity)},
        {"session.show", po_session_get(cx, home, po_str_of(has->session), &session)},
        {"token.show", po_token_get(cx, home, po_str_of(has->token.id), &token)},
        {"role.show", po_role_get(cx, home, PO_LIT("drill-other"), &role)},
        {"session.revoke", po_session_revoke(cx, home, po_str_of(has->session), "drill")},
        {"token.revoke", po_token_revoke(cx, home, po_str_of(has->token.id), "drill")},
        {"user.suspend", po_user_change(cx, home, user_id, PO_USER_SUSPEND, PO_LIT("drill"))},
        {"role.delete", po_role_delete(cx, home, PO_LIT("drill-other"))},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        bool is_absent = false;
        PO_TRY(cx, po_access_refused(cx, answers[i].rc, PO_NOTFOUND, &is_absent));
        note(probe, answers[i].what, !is_absent);
    }
    return po_rc_ok();
}

/* In lists: it is not among them. */
static PO_RC probe_lists(struct po_ctx *cx, struct po_access_drill *drill,
                         const struct belongings *has, struct probe *probe)
{
    struct po_user *users = NULL;
    struct po_session *sessions = NULL;
    struct po_token *tokens = NULL;
    struct po_role *roles = NULL;
    struct po_store_register_entry *entry = NULL;
    size_t count = 0;
    bool is_there = false;
    PO_TRY(cx, po_user_list(cx, drill->home, &users, &count));
    for (size_t i = 0; i < count; i++)
        if (strcmp(users[i].id, has->user) == 0) is_there = true;
    note(probe, "user.list", is_there);
    PO_TRY(cx, po_session_list(cx, drill->home, po_str_of(has->user), &sessions, &count));
    note(probe, "session.list", count > 0);
    PO_TRY(cx, po_token_list(cx, drill->home, po_str_of(has->user), &tokens, &count));
    note(probe, "token.list", count > 0);
    is_there = false;
    PO_TRY(cx, po_role_list(cx, drill->home, &roles, &count));
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(roles[i].name, "drill-other")) is_there = true;
    note(probe, "role.list", is_there);
    PO_TRY(cx, po_store_register_find(cx, po_home_store(drill->home), PO_LIT(REGISTER), &entry));
    note(probe, "register.list", entry != NULL);
    return po_rc_ok();
}

/* In the audit log, and where an identity of the other tenant asks here. */
static PO_RC probe_events(struct po_ctx *cx, struct po_access_drill *drill,
                          const struct belongings *has, struct probe *probe)
{
    int64_t count = 0;
    struct po_identity identity = {0};
    size_t action_count = 0;
    size_t allowed = 0;
    const struct po_action *actions = po_action_table(&action_count);
    const struct po_access_events wanted = {.part = has->user};
    PO_TRY(cx, po_access_events_count(cx, drill, &wanted, &count));
    note(probe, "audit.list", count > 0);
    PO_TRY(cx, po_identity_from_session(cx, drill->home, po_secret_bytes(has->secret), &identity));
    note(probe, "session of the other tenant",
         identity.tenant.value != PO_DRILL_OTHER_TENANT.value);
    for (size_t i = 0; i < action_count; i++) {
        struct po_decision decision = {0};
        po_access_decide(&identity, po_str_of(actions[i].name), PO_LIT(""), PO_TENANT_DEFAULT,
                         &decision);
        allowed += decision.is_allowed ? 1 : 0;
    }
    note(probe, "decision", allowed > 0);
    return po_rc_ok();
}

static PO_RC count_keys(struct po_ctx *cx, struct po_access_drill *drill, bool *ret_differ)
{
    struct po_store *store = po_home_store(drill->home);
    const struct po_secret *a = NULL;
    const struct po_secret *b = NULL;
    uint8_t first[PO_KEY_BYTES];
    uint32_t epoch = 0;
    PO_TRY(cx, po_store_data_key_get(cx, store, PO_TENANT_DEFAULT, &epoch, &a));
    po_str bytes = po_secret_bytes(a);
    PO_INVARIANT(cx, bytes.len == sizeof first);
    memcpy(first, bytes.ptr, sizeof first);
    po_rc rc = po_store_data_key_get(cx, store, PO_DRILL_OTHER_TENANT, &epoch, &b);
    if (po_is_ok(rc))
        *ret_differ = !po_str_eq_secret(po_str_n(first, sizeof first), po_secret_bytes(b));
    po_wipe(first, sizeof first);
    return rc;
}

PO_RC po_access_drill_tenants(struct po_ctx *cx, struct po_access_drill *drill)
{
    PO_CLEANUP(belongings_done) struct belongings has = {0};
    struct probe probe = {0};
    int64_t own = 0;
    bool keys_differ = false;
    cx->tenant = PO_DRILL_OTHER_TENANT;
    po_rc rc = furnish(cx, drill, &has);
    const struct po_access_events wanted = {.part = "register:" REGISTER};
    if (po_is_ok(rc)) rc = po_access_events_count(cx, drill, &wanted, &own);
    cx->tenant = PO_TENANT_DEFAULT;
    PO_TRY_MSG(cx, rc, "furnishing the other tenant");
    PO_TRY(cx, probe_ids(cx, drill, &has, &probe));
    PO_TRY(cx, probe_lists(cx, drill, &has, &probe));
    PO_TRY(cx, probe_events(cx, drill, &has, &probe));
    PO_TRY(cx, count_keys(cx, drill, &keys_differ));
    po_json_out_key(drill->out, "tenants");
    po_json_out_object(drill->out);
    po_json_out_key(drill->out, "sees_its_own");
    po_json_out_bool(drill->out, own > 0);
    po_json_out_field_int(drill->out, "tried", probe.tried);
    po_json_out_field_int(drill->out, "visible", probe.visible);
    po_json_out_field(drill->out, "seen", po_str_of(probe.seen));
    po_json_out_key(drill->out, "keys_differ");
    po_json_out_bool(drill->out, keys_differ);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}
