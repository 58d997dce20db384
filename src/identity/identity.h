/*
 * Who acts, and what they may do: users, service accounts, roles, sessions, tokens, one decision.
 *
 * Invariants
 *  1. What is not allowed is denied: an unknown action, an unknown role, another tenant, an account
 *     that is not active, a session without its second factor (law 4).
 *  2. A custom role holds only what its author held when it was made, and never changes afterwards;
 *     giving a role takes holding all of it. So nobody reaches more than somebody gave.
 *  3. Who asks for a privileged role does not approve it. With nobody else there to approve, it waits
 *     (sole operator). The last owner stays.
 *  4. Secrets are kept as hashes, given out once, and in no event (law 5).
 *  5. Every change commits with its event (law 2).
 *
 *   invited -> active <-> suspended          user; rows are never deleted
 *      \________\_____________\____> deprovisioned
 *
 * Limits   named below;  Threads  the home's;  po_access_decide, po_action_*: any
 * Source   docs/spec/identity.md;  Control  CC5.1 CC6.1 CC6.2 CC6.3
 */
#ifndef PO_IDENTITY_IDENTITY_H
#define PO_IDENTITY_IDENTITY_H

#include "core/clock.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/secret.h"
#include "core/str.h"
#include "identity/credential.h"

struct po_home;
struct po_tx;

#define PO_ID_BYTES 32 /* prefix, 26 characters, NUL */
#define PO_ROLE_BYTES 65
#define PO_USER_NAME_BYTES_MAX 200
#define PO_REASON_BYTES_MAX 1024
#define PO_SESSION_IDLE_US (30 * PO_US_PER_MIN)
#define PO_SESSION_LIFE_US (12 * PO_US_PER_HOUR)
#define PO_SESSION_SEEN_US PO_US_PER_MIN           /* last use is noted this often */
#define PO_SESSION_STEP_UP_US (10 * PO_US_PER_MIN) /* how long a step-up holds */
#define PO_SESSIONS_OF_USER_MAX 50                 /* open at a time; beyond it the oldest ends */
#define PO_TOKEN_LIFE_US (90 * PO_US_PER_DAY)
#define PO_TOKEN_LIFE_US_MAX (365 * PO_US_PER_DAY)
#define PO_TOKEN_USED_US PO_US_PER_HOUR /* last use is noted this often */
#define PO_TOKENS_OF_USER_MAX 50
#define PO_TOKEN_PREFIX "pot_"
#define PO_TOKEN_CHARS 53 /* prefix, 43 characters of base62, 6 of checksum */
#define PO_ROLES_MAX 200

/* ==== ids ====================================================================================== */

/* "usr_" and a UUIDv7 in Crockford's base32: sortable by time. `prefix` is three letters. */
PO_RC po_id_new(struct po_ctx *cx, const char *prefix, char ret_id[static PO_ID_BYTES]);
/* Has it this prefix and that shape? */
bool po_id_is(po_str id, const char *prefix);

/* ==== actions and roles (pure) ================================================================== */

#define PO_ACTIONS_MAX 256
struct po_action_set {
    uint64_t bits[PO_ACTIONS_MAX / 64];
};

enum po_action_kind {
    PO_ACTION_READ,
    PO_ACTION_WRITE,
    PO_ACTION_OWN /* about oneself: every role, also without the second factor when is_enrolling */
};
struct po_action {
    const char *name; /* "control.show": a command row's or a route's action */
    uint8_t name_len;
    enum po_action_kind kind;
    bool is_privileged; /* allowing it is recorded (access.granted); a role with it is privileged */
    bool needs_step_up; /* a person who proved themselves lately; never a token */
    bool is_not_self;   /* not upon oneself: resource "user:<own id>" */
    bool is_enrolling;  /* also before the second factor is set up */
    bool is_instance;   /* upon the instance as a whole: for accounts of the default tenant alone */
    const char *roles;  /* initials of the shipped roles that hold it: "oapumv" */
};
/* By name; sorted. */
const struct po_action *po_action_table(size_t *ret_count);
/* NULL when there is none. */
const struct po_action *po_action_find(po_str name);

/* The shipped roles: owner admin operator auditor member viewer. */
struct po_role_row {
    const char *name;
    char initial; /* o a p u m v, in po_action.roles */
    const char *meaning;
};
const struct po_role_row *po_role_table(size_t *ret_count);
/* Empty for a name that is none of them. */
struct po_action_set po_role_shipped(po_str name);
bool po_action_set_has(const struct po_action_set *set, const struct po_action *action);
void po_action_set_add(struct po_action_set *set, const struct po_action *action);
bool po_action_set_is_subset(const struct po_action_set *part, const struct po_action_set *whole);
bool po_action_set_is_privileged(const struct po_action_set *set);

/* ==== who acts ================================================================================== */

enum po_identity_kind {
    PO_IDENTITY_NONE,
    PO_IDENTITY_USER,
    PO_IDENTITY_SERVICE,
    PO_IDENTITY_LOCAL /* a process of this machine that may open the home's files */
};
struct po_identity {
    enum po_identity_kind kind;
    char id[PO_ID_BYTES]; /* "usr_…", "svc_…", "os:1000" */
    po_tenant_id tenant;
    char role[PO_ROLE_BYTES];     /* "" when it has none */
    char session[PO_ID_BYTES];    /* "ses_…"; else "" */
    char token[PO_ID_BYTES];      /* "tok_…"; else "" */
    struct po_action_set allowed; /* by the role */
    struct po_action_set scopes;  /* of a token; else everything */
    bool is_active; /* also, of a service account: its owner is neither suspended nor gone */
    bool is_mfa;
    bool needs_mfa;     /* a session of one factor: enrolment only */
    bool is_stepped_up; /* lately enough */
    bool is_canary;     /* made to test ourselves: not of any population */
    po_time_us step_up_us;
    po_time_us expires_us; /* of the session or token; 0: never */
};

/*
 * Who presents this token or session secret? Notes the use (token.used, session.seen: at most each
 * PO_TOKEN_USED_US, PO_SESSION_SEEN_US). cx->tenant does not matter: the secret says the tenant.
 *
 * Errors   PO_UNAUTH  not one of ours, altered, expired, revoked, or its account is not active: one
 *          code and text for all of them;  PO_UNAVAILABLE no keys
 */
PO_RC po_identity_from_token(struct po_ctx *cx, struct po_home *home, po_str secret,
                             struct po_identity *ret_identity);
PO_RC po_identity_from_session(struct po_ctx *cx, struct po_home *home, po_str cookie,
                               struct po_identity *ret_identity);
/* From now on cx acts as this identity: actor "user:usr_…", session, tenant. */
void po_identity_apply(struct po_ctx *cx, const struct po_identity *identity);
/*
 * Whom cx acts as (what po_identity_apply set, or a local process), read anew from the store.
 *
 * Errors   PO_UNAUTH  its session, token or account does not hold any more
 */
PO_RC po_identity_current(struct po_ctx *cx, struct po_home *home,
                          struct po_identity *ret_identity);
/* The identity of one account by id, as `access why` judges it: no session, proven in every way. */
PO_RC po_identity_of(struct po_ctx *cx, struct po_home *home, po_str id,
                     struct po_identity *ret_identity);

/* ==== the decision ============================================================================== */

struct po_decision {
    bool is_allowed;
    bool is_privileged; /* allowed, and to be recorded */
    const char *rule; /* "role", "deny.role", "deny.tenant", "sod.self"…: docs/spec/identity.md 4 */
    const char *reason; /* one line for people */
};
/*
 * May they? Pure; everything it looks at is in the identity and the tables. Denied unless a rule
 * allows.
 *
 * resource  in  "kind:id" as in events; may be empty
 * tenant    in  whose resource it is
 * Cost      under 300 ns
 */
void po_access_decide(const struct po_identity *identity, po_str action, po_str resource,
                      po_tenant_id tenant, struct po_decision *ret_decision);
/*
 * Decide for cx->tenant, and record: each denial (access.denied) and each privileged grant
 * (access.granted), with rule and reason. In a read-only home nothing is recorded.
 *
 * Errors   PO_DENIED, with the reason in cx
 */
PO_RC po_access_check(struct po_ctx *cx, struct po_home *home, const struct po_identity *identity,
                      po_str action, po_str resource);

/* ==== tenants =================================================================================== */

#define PO_TENANT_NAME_BYTES_MAX 63
#define PO_TENANT_DEFAULT_NAME "default" /* what `init` makes */

struct po_tenant {
    po_tenant_id id;
    po_str name; /* empty when the keys to open it are absent */
    po_time_us created_us;
};
/* 1..PO_TENANT_NAME_BYTES_MAX of [a-z0-9-], a letter first, no '-' last. */
bool po_tenant_is_name(po_str name);
/* What po_tenant_create would refuse the name for: PO_INVALID, PO_EXISTS. */
PO_RC po_tenant_check_new(struct po_ctx *cx, struct po_home *home, po_str name);
/*
 * A further tenant with a data key of its own, in one transaction with its first event, which is its own
 * (tenant.created). It has no accounts: invite its first owner as a local process in it.
 *
 * Errors   PO_INVALID the name;  PO_EXISTS;  PO_LIMIT PO_STORE_TENANTS_MAX;  PO_DENIED not a local process,
 *          or a read-only home
 */
PO_RC po_tenant_create(struct po_ctx *cx, struct po_home *home, po_str name, po_tenant_id *ret_id);
/* The default tenant first. For local processes: nobody else is told of other tenants. */
PO_RC po_tenant_list(struct po_ctx *cx, struct po_home *home, struct po_tenant **ret_tenants,
                     size_t *ret_count);
/* By name or id. PO_NOTFOUND. */
PO_RC po_tenant_get(struct po_ctx *cx, struct po_home *home, po_str who,
                    struct po_tenant *ret_tenant);

/* ==== users ===================================================================================== */

struct po_user {
    char id[PO_ID_BYTES];
    bool is_service;
    po_str state; /* "invited", "active", "suspended", "deprovisioned" */
    po_str email; /* lower case; empty for a service account */
    po_str name;
    po_str owner;      /* of a service account */
    bool is_ownerless; /* a service account whose owner is deprovisioned: nothing works any more */
    char role[PO_ROLE_BYTES];
    char role_waiting[PO_ROLE_BYTES]; /* asked for, not in force yet; "" when none */
    po_time_us role_effective_us;     /* of that: when it comes into force; 0: needs approval */
    bool is_canary;
    po_time_us created_us;
    po_time_us changed_us;
    uint64_t version;
};
/* All of cx->tenant, by time of creation; in the arena. */
PO_RC po_user_list(struct po_ctx *cx, struct po_home *home, struct po_user **ret_users,
                   size_t *ret_count);
/* By id or e-mail address. PO_NOTFOUND (also for another tenant's). */
PO_RC po_user_get(struct po_ctx *cx, struct po_home *home, po_str who, struct po_user *ret_user);

/* For sign-in. *ret_is_found is false when there is none; deprovisioned accounts are not found. */
PO_RC po_user_find_email(struct po_ctx *cx, struct po_home *home, po_str email, bool *ret_is_found,
                         struct po_user *ret_user);
/*
 * May the caller act upon this account (suspend it, give it a link, reset its second factor)? They must
 * hold all that its role holds, or that of one that waits: else whoever may invite could take an owner's
 * place. For `action`, which the record names.
 *
 * Errors   PO_DENIED, recorded;  PO_NOTFOUND
 */
PO_RC po_user_may_manage(struct po_ctx *cx, struct po_home *home, po_str user, const char *action);
/* An invited user has set a password: active. In the caller's transaction, without event. PO_CONFLICT
 * when not invited. */
PO_RC po_user_activate(struct po_ctx *cx, struct po_tx *tx, po_str user);

struct po_user_invite {
    po_str email;
    po_str name;
    po_str role;   /* "" with is_first_owner */
    po_str reason; /* required for a privileged role */
    bool is_first_owner;
    bool is_canary;
};
struct po_user_invited {
    char id[PO_ID_BYTES];
    struct po_secret *link; /* owned; the one-time secret, shown once */
    bool role_waits;
    po_time_us role_effective_us; /* 0: it needs approval */
};
/*
 * Invite: the account, its role and a one-time link in one transaction (user.invited). Inviting an
 * address that was invited and has not come yet gives a new link; earlier ones are void.
 *
 * Errors   PO_EXISTS   the address has an account;  with is_first_owner: there is an owner;
 *          PO_DENIED   the role holds what the caller lacks;  PO_NOTFOUND no such role;
 *          PO_INVALID  address or name;  PO_USAGE no reason
 */
PO_RC po_user_invite(struct po_ctx *cx, struct po_home *home, const struct po_user_invite *invite,
                     struct po_user_invited *ret_invited);

enum po_user_move { PO_USER_SUSPEND, PO_USER_RESUME, PO_USER_DEPROVISION };
/*
 * Suspending and deprovisioning end sessions; deprovisioning also tokens, credentials, links, and
 * what the user asked for and still waits. It is final.
 *
 * Errors   PO_NOTFOUND;  PO_CONFLICT  not from this state;  PO_DENIED  the last owner, or oneself
 */
PO_RC po_user_change(struct po_ctx *cx, struct po_home *home, po_str user, enum po_user_move move,
                     po_str reason);

/* ---- roles given to users ---------------------------------------------------------------------- */

struct po_role_change {
    po_str user;
    po_str role;
    po_str reason;
};
struct po_role_changed {
    bool is_in_force;
    po_time_us effective_us; /* 0: another owner or admin must approve */
};
/*
 * Give a role. A privileged one needs a second person: it waits for po_role_approve, or, when nobody
 * else could, GRANT_WAIT long (`approved_by: sole operator`).
 *
 * Errors   PO_DENIED  the role holds what the caller lacks, oneself, or the last owner;
 *          PO_NOTFOUND;  PO_EXISTS  has it, or one waits already;  PO_USAGE no reason
 */
PO_RC po_role_give(struct po_ctx *cx, struct po_home *home, const struct po_role_change *change,
                   struct po_role_changed *ret_changed);
/* The second person. PO_NOTFOUND nothing waits;  PO_DENIED who asked, or whom it is for. */
PO_RC po_role_approve(struct po_ctx *cx, struct po_home *home, po_str user);
/* Cancel what waits. PO_NOTFOUND. */
PO_RC po_role_cancel(struct po_ctx *cx, struct po_home *home, po_str user);

/* ---- custom roles ------------------------------------------------------------------------------ */

struct po_role {
    po_str name;
    bool is_shipped;
    bool is_privileged;
    po_str author; /* "" of shipped ones */
    po_time_us created_us;
    struct po_action_set actions;
    size_t users;
};
PO_RC po_role_list(struct po_ctx *cx, struct po_home *home, struct po_role **ret_roles,
                   size_t *ret_count);
PO_RC po_role_get(struct po_ctx *cx, struct po_home *home, po_str name, struct po_role *ret_role);
/*
 * A role of these actions.
 *
 * Errors   PO_DENIED  it holds what the caller lacks;  PO_EXISTS;  PO_INVALID  name, no action, or
 *          one that is none;  PO_LIMIT
 */
PO_RC po_role_create(struct po_ctx *cx, struct po_home *home, po_str name, const po_str *actions,
                     size_t count);
/* PO_NOTFOUND, PO_DENIED shipped, PO_CONFLICT somebody has it. */
PO_RC po_role_delete(struct po_ctx *cx, struct po_home *home, po_str name);

/* ---- service accounts -------------------------------------------------------------------------- */

struct po_service_new {
    po_str name;
    po_str role;
    po_str owner;  /* a user; empty: the caller */
    po_str reason; /* required for a privileged role */
};
/* Errors as po_user_invite; a privileged role is PO_DENIED: programs do not administrate. */
PO_RC po_service_create(struct po_ctx *cx, struct po_home *home,
                        const struct po_service_new *service, char ret_id[static PO_ID_BYTES]);

/* ==== sessions ================================================================================== */

struct po_session_new {
    po_str user;
    po_str method; /* "password", "totp", "recovery", "link" */
    po_str agent;
    bool is_mfa;
    bool is_stepped_up;
};
/*
 * A new session with a new id and secret, whatever came before (no fixation). In the caller's
 * transaction, without an event of its own. The address is cx->ip.
 *
 * ret_secret  out  owned; 43 characters for the cookie
 */
PO_RC po_session_create(struct po_ctx *cx, struct po_tx *tx, const struct po_session_new *session,
                        char ret_id[static PO_ID_BYTES], struct po_secret **ret_secret);
/* In the caller's transaction, without event. PO_CONFLICT: not open. */
PO_RC po_session_step_up(struct po_ctx *cx, struct po_tx *tx, po_str id);
/* End all of a user but `except` (may be empty); likewise. ret_count may be NULL. */
PO_RC po_session_end_user(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str except,
                          const char *why, size_t *ret_count);

struct po_session {
    po_str id;
    po_str user;
    po_str method;
    po_str agent;
    po_str ip;
    bool is_mfa;
    bool is_open;
    bool is_current; /* cx's own */
    po_time_us created_us;
    po_time_us seen_us;
    po_time_us step_up_us;
    po_time_us expires_us;
    po_str ended_why; /* "" while open; "idle", "expired", or why it was revoked */
};
/* Of `user`, or of everybody when empty; newest first. */
PO_RC po_session_list(struct po_ctx *cx, struct po_home *home, po_str user,
                      struct po_session **ret_sessions, size_t *ret_count);
PO_RC po_session_get(struct po_ctx *cx, struct po_home *home, po_str id,
                     struct po_session *ret_session);
/* End one, with its event. PO_NOTFOUND, PO_CONFLICT ended already. */
PO_RC po_session_revoke(struct po_ctx *cx, struct po_home *home, po_str id, const char *why);
/* End all of a user but `except`, with one event. */
PO_RC po_session_revoke_all(struct po_ctx *cx, struct po_home *home, po_str user, po_str except,
                            const char *why, size_t *ret_count);

/* ==== API tokens ================================================================================ */

struct po_token_new {
    po_str user; /* as whom it acts: oneself, or a service account */
    po_str name;
    const po_str *scopes; /* actions; a family as "control.*"; none: all the account may read */
    size_t scope_count;
    po_time_us life_us; /* 0: PO_TOKEN_LIFE_US */
};
struct po_token_made {
    char id[PO_ID_BYTES];
    struct po_secret *secret; /* owned; PO_TOKEN_CHARS characters, shown once */
    po_time_us expires_us;
};
/*
 * Errors   PO_DENIED  a scope that the account or the caller lacks; for another person;
 *          PO_INVALID  name, life or a scope that is no action;  PO_NOTFOUND;  PO_LIMIT
 */
PO_RC po_token_create(struct po_ctx *cx, struct po_home *home, const struct po_token_new *token,
                      struct po_token_made *ret_made);
/* Prefix, characters and checksum: what a scanner can tell without us. */
bool po_token_is_shaped(po_str secret);

struct po_token {
    po_str id;
    po_str user;
    po_str name;
    po_str scopes; /* one a line */
    po_str author;
    bool is_open;
    po_time_us created_us;
    po_time_us expires_us;
    po_time_us used_us;
    po_str ended_why; /* "" while open */
};
PO_RC po_token_list(struct po_ctx *cx, struct po_home *home, po_str user,
                    struct po_token **ret_tokens, size_t *ret_count);
PO_RC po_token_get(struct po_ctx *cx, struct po_home *home, po_str id, struct po_token *ret_token);
/* PO_NOTFOUND, PO_CONFLICT ended already. */
PO_RC po_token_revoke(struct po_ctx *cx, struct po_home *home, po_str id, const char *why);

#endif
