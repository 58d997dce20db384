/*
 * Facts of the tenant's identities: accounts, sessions, tokens, roles given. Without the
 * canaries that the product makes to test itself. People are named by their pseudonymous ids; names,
 * addresses and secrets are not read into any fact.
 *
 * The store is read directly: reading through identity/ would note uses and leave events (law 6).
 */
#include "assess/assess_priv.h"

#include "core/cfg.h"
#include "core/flags.h"
#include "core/secret.h"
#include "crypto/crypto.h"
#include "identity/identity.h"
#include "store/store.h"

#define ROWS_MAX 1000 /* listed by a fact; all are counted */

struct reading {
    struct po_home *home;
    struct po_store *store;
    struct po_json_out *out;
    size_t listed;
};

static void put_bool(struct po_json_out *out, const char *key, bool value)
{
    po_json_out_key(out, key);
    po_json_out_bool(out, value);
}

/* ---- the tenant -------------------------------------------------------------------------------- */

static struct reading reading_of(const struct po_assess_inputs *in, struct po_json_out *out)
{
    return (struct reading){
        .home = in->source.home, .store = po_home_store(in->source.home), .out = out};
}

static PO_RC find_user(struct po_ctx *cx, const struct reading *reading, po_str id,
                       struct po_store_user **ret_user)
{
    return po_store_user_find(cx, reading->store, id, ret_user);
}

/* Is it one of ours, made to test ourselves? */
static PO_RC is_canary(struct po_ctx *cx, const struct reading *reading, po_str user,
                       bool *ret_is_canary)
{
    struct po_store_user *found = NULL;
    PO_TRY(cx, find_user(cx, reading, user, &found));
    *ret_is_canary = found != NULL && found->is_canary;
    return po_rc_ok();
}

/* ---- identity.accounts ------------------------------------------------------------------------- */

static struct po_password_cost policy_of(struct po_home *home)
{
    const struct po_cfg *cfg = po_home_cfg(home);
    return (struct po_password_cost){
        .memory_kib = (uint32_t)po_cfg_int(cfg, PO_CFG_PASSWORD_MEMORY_MIB) << 10,
        .passes = (uint32_t)po_cfg_int(cfg, PO_CFG_PASSWORD_PASSES)};
}

/* "none", "argon2id" at or above the policy, "weak" below it, "other" for what is no such hash. */
static PO_RC password_kind(struct po_ctx *cx, const struct reading *reading, po_str user,
                           const char **ret_kind)
{
    struct po_store_credential *rows = NULL;
    size_t count = 0;
    struct po_password_cost cost = {0};
    *ret_kind = "none";
    PO_TRY(cx,
           po_store_credential_list(cx, reading->store, user, PO_LIT("password"), &rows, &count));
    if (count == 0) return po_rc_ok();
    bool is_argon2id = po_str_starts(rows[0].secret, PO_LIT("$argon2id$")) &&
                       po_is_ok(po_password_hash_cost(rows[0].secret, &cost));
    bool is_weak = po_password_hash_is_weak(rows[0].secret, policy_of(reading->home));
    *ret_kind = !is_argon2id ? "other" : is_weak ? "weak" : "argon2id";
    return po_rc_ok();
}

static PO_RC put_account(struct po_ctx *cx, struct reading *reading,
                         const struct po_store_user *user)
{
    struct po_json_out *out = reading->out;
    struct po_store_credential *factors = NULL;
    struct po_store_role_grant *grant = NULL;
    size_t factor_count = 0;
    const char *password = "none";
    PO_TRY(cx, po_store_credential_list(cx, reading->store, user->id, PO_LIT("totp"), &factors,
                                        &factor_count));
    PO_TRY(cx, password_kind(cx, reading, user->id, &password));
    PO_TRY(cx, po_store_role_grant_current(cx, reading->store, user->id, &grant));
    po_json_out_object(out);
    po_json_out_field(out, "id", user->id);
    po_json_out_field_int(out, "tenant", (int64_t)cx->tenant.value);
    put_bool(out, "human", po_str_eq_cstr(user->kind, "human"));
    po_json_out_field(out, "state", user->state);
    po_json_out_field(out, "role", grant != NULL ? grant->role : PO_LIT(""));
    put_bool(out, "second_factor", factor_count > 0);
    po_json_out_field(out, "password", po_str_of(password));
    put_bool(out, "owned", user->owner.len > 0);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static po_rc put_accounts(struct po_ctx *cx, struct reading *reading)
{
    struct po_store_user *users = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_user_list(cx, reading->store, &users, &count));
    for (size_t i = 0; i < count; i++) {
        if (users[i].is_canary || reading->listed == ROWS_MAX) continue;
        PO_TRY(cx, put_account(cx, reading, &users[i]));
        reading->listed++;
    }
    return po_rc_ok();
}

PO_RC po_assess_identity_accounts(struct po_ctx *cx, const struct po_assess_inputs *in,
                                  struct po_json_out *out)
{
    struct reading reading = reading_of(in, out);
    po_json_out_object(out);
    po_json_out_key(out, "accounts");
    po_json_out_array(out);
    PO_TRY(cx, put_accounts(cx, &reading));
    po_json_out_array_end(out);
    put_bool(out, "all_listed", reading.listed < ROWS_MAX);
    put_bool(out, "mfa_required",
             po_flags_bool(po_home_flags(in->source.home), PO_FLAG_MFA_REQUIRED));
    po_json_out_field_int(out, "admins_max",
                          po_cfg_int(po_home_cfg(in->source.home), PO_CFG_ADMINS_MAX));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- identity.sessions ------------------------------------------------------------------------- */

static PO_RC put_session(struct po_ctx *cx, struct reading *reading,
                         const struct po_store_session *session)
{
    struct po_json_out *out = reading->out;
    po_time_us now_us = po_ctx_now_us(cx);
    bool is_open = session->revoked_us == 0 && now_us < session->expires_us &&
                   now_us - session->seen_us < PO_SESSION_IDLE_US;
    po_json_out_object(out);
    po_json_out_field(out, "id", session->id);
    put_bool(out, "two_factors", session->is_mfa);
    put_bool(out, "open", is_open);
    po_json_out_field_int(out, "life_s", (session->expires_us - session->created_us) / PO_US_PER_S);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static po_rc put_sessions(struct po_ctx *cx, struct reading *reading)
{
    struct po_store_session *sessions = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_session_list(cx, reading->store, PO_LIT(""), &sessions, &count));
    for (size_t i = 0; i < count && reading->listed < ROWS_MAX; i++) {
        bool canary = false;
        PO_TRY(cx, is_canary(cx, reading, sessions[i].user, &canary));
        if (canary) continue;
        PO_TRY(cx, put_session(cx, reading, &sessions[i]));
        reading->listed++;
    }
    return po_rc_ok();
}

PO_RC po_assess_identity_sessions(struct po_ctx *cx, const struct po_assess_inputs *in,
                                  struct po_json_out *out)
{
    struct reading reading = reading_of(in, out);
    po_json_out_object(out);
    po_json_out_key(out, "sessions");
    po_json_out_array(out);
    PO_TRY(cx, put_sessions(cx, &reading));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- identity.tokens --------------------------------------------------------------------------- */

/* Somebody answers for it: an active person, or the active owner of an active service account. */
static PO_RC has_owner(struct po_ctx *cx, const struct reading *reading, po_str user,
                       bool *ret_has_owner)
{
    struct po_store_user *account = NULL;
    *ret_has_owner = false;
    PO_TRY(cx, find_user(cx, reading, user, &account));
    if (account != NULL && po_str_eq_cstr(account->kind, "service"))
        PO_TRY(cx, find_user(cx, reading, account->owner, &account));
    *ret_has_owner = account != NULL && po_str_eq_cstr(account->state, "active");
    return po_rc_ok();
}

static PO_RC put_token(struct po_ctx *cx, struct reading *reading,
                       const struct po_store_api_token *token)
{
    struct po_json_out *out = reading->out;
    bool is_owned = false;
    po_time_us now_us = po_ctx_now_us(cx);
    po_time_us used_us = token->used_us != 0 ? token->used_us : token->created_us;
    PO_TRY(cx, has_owner(cx, reading, token->user, &is_owned));
    po_json_out_object(out);
    po_json_out_field(out, "id", token->id);
    po_json_out_field(out, "account", token->user);
    put_bool(out, "owned", is_owned);
    put_bool(out, "scoped", token->scopes.len > 0);
    po_json_out_field_int(out, "life_days",
                          (token->expires_us - token->created_us) / PO_US_PER_DAY);
    po_json_out_field_int(out, "unused_days", (now_us - used_us) / PO_US_PER_DAY);
    put_bool(out, "open", token->revoked_us == 0 && now_us < token->expires_us);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static po_rc put_tokens(struct po_ctx *cx, struct reading *reading)
{
    struct po_store_api_token *tokens = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_api_token_list(cx, reading->store, PO_LIT(""), &tokens, &count));
    for (size_t i = 0; i < count && reading->listed < ROWS_MAX; i++) {
        bool canary = false;
        PO_TRY(cx, is_canary(cx, reading, tokens[i].user, &canary));
        if (canary) continue;
        PO_TRY(cx, put_token(cx, reading, &tokens[i]));
        reading->listed++;
    }
    return po_rc_ok();
}

PO_RC po_assess_identity_tokens(struct po_ctx *cx, const struct po_assess_inputs *in,
                                struct po_json_out *out)
{
    struct reading reading = reading_of(in, out);
    po_json_out_object(out);
    po_json_out_key(out, "tokens");
    po_json_out_array(out);
    PO_TRY(cx, put_tokens(cx, &reading));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- identity.roles ---------------------------------------------------------------------------- */

static bool is_privileged(po_str role)
{
    struct po_action_set set = po_role_shipped(role);
    return po_action_set_is_privileged(&set);
}

/* A privileged role in force: who asked for it and who approved it are two people, or they are not. */
static po_rc put_grants(struct po_ctx *cx, struct reading *reading)
{
    struct po_store_role_grant *grants = NULL;
    size_t count = 0;
    struct po_json_out *out = reading->out;
    PO_TRY(cx, po_store_role_grant_list(cx, reading->store, PO_LIT(""), &grants, &count));
    for (size_t i = 0; i < count && reading->listed < ROWS_MAX; i++) {
        const struct po_store_role_grant *grant = &grants[i];
        bool canary = false;
        PO_TRY(cx, is_canary(cx, reading, grant->user, &canary));
        bool is_in_force = grant->ended_us == 0 && grant->approved_by.len > 0;
        if (canary || !is_in_force || !is_privileged(grant->role)) continue;
        po_json_out_object(out);
        po_json_out_field(out, "account", grant->user);
        po_json_out_field(out, "role", grant->role);
        po_json_out_field(out, "asked_by", grant->asked_by);
        po_json_out_field(out, "approved_by", grant->approved_by);
        po_json_out_object_end(out);
        reading->listed++;
    }
    return po_rc_ok();
}

PO_RC po_assess_identity_roles(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out)
{
    struct reading reading = reading_of(in, out);
    po_json_out_object(out);
    po_json_out_key(out, "privileged");
    po_json_out_array(out);
    PO_TRY(cx, put_grants(cx, &reading));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- tenants.keys ------------------------------------------------------------------------------ */

struct key_digest {
    uint8_t bytes[PO_SHA256_BYTES];
};

static PO_RC read_key(struct po_ctx *cx, struct po_store *store, po_tenant_id tenant, bool *ret_has,
                      struct key_digest *ret_digest)
{
    const struct po_secret *key = NULL;
    uint32_t epoch = 0;
    *ret_has = false;
    po_rc rc = po_store_data_key_get(cx, store, tenant, &epoch, &key);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    PO_TRY_LEAF(cx, po_sha256(po_secret_bytes(key), ret_digest->bytes), "comparing keys");
    *ret_has = true;
    return po_rc_ok();
}

/* Has any other tenant this key? How many there are leaves nothing here. */
static PO_RC is_shared(struct po_ctx *cx, struct po_store *store, const struct key_digest *own,
                       bool *ret_is_shared)
{
    po_tenant_id *tenants = NULL;
    size_t count = 0;
    *ret_is_shared = false;
    PO_TRY(cx, po_store_tenant_ids(cx, store, &tenants, &count));
    for (size_t i = 0; i < count; i++) {
        struct key_digest other = {0};
        bool has = false;
        if (tenants[i].value == cx->tenant.value) continue;
        PO_TRY(cx, read_key(cx, store, tenants[i], &has, &other));
        if (has && po_str_eq_secret(po_str_n(own->bytes, sizeof own->bytes),
                                    po_str_n(other.bytes, sizeof other.bytes)))
            *ret_is_shared = true;
        po_wipe(&other, sizeof other);
    }
    return po_rc_ok();
}

/* The tenant's newest data key against every other tenant's, in memory; nothing of them leaves it. */
PO_RC po_assess_tenants_keys(struct po_ctx *cx, const struct po_assess_inputs *in,
                             struct po_json_out *out)
{
    struct po_store *store = po_home_store(in->source.home);
    struct key_digest own = {0};
    bool has = false;
    bool shared = false;
    PO_TRY(cx, read_key(cx, store, cx->tenant, &has, &own));
    if (has) PO_TRY(cx, is_shared(cx, store, &own, &shared));
    po_wipe(&own, sizeof own);
    po_json_out_object(out);
    put_bool(out, "has_key", has);
    put_bool(out, "is_shared", shared);
    po_json_out_object_end(out);
    return po_rc_ok();
}
