/*
 * Inside identity: small things its parts share.
 */
#ifndef PO_IDENTITY_IDENTITY_PRIV_H
#define PO_IDENTITY_IDENTITY_PRIV_H

#include "core/buf.h"
#include "core/json.h"
#include "home/home.h"
#include "identity/identity.h"
#include "store/store.h"

#define PO_IDENTITY_DETAIL_BYTES_MAX 65536

/* An event of identity: resource "kind:id", detail a JSON object. In the arena. */
struct po_identity_note {
    enum po_event_type type;
    const char *kind; /* "user" */
    po_str id;
    const char *action; /* "invite" */
    po_str detail;
};
PO_RC po_identity_event(struct po_ctx *cx, const struct po_identity_note *note,
                        struct po_event *ret_event);
/* The same and commit. */
PO_RC po_identity_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                         const struct po_identity_note *note);
/* Finish a detail and put it into the arena. */
PO_RC po_identity_detail(struct po_ctx *cx, struct po_buf *buf, po_str *ret_detail);

/* Copy a po_str into a char array with NUL; PO_BUG when it does not fit. */
PO_RC po_identity_copy(struct po_ctx *cx, po_str text, char *out, size_t size);
/* "user:usr_…" of the caller and the like: at most PO_ACTOR_BYTES_MAX - 1. */
static inline po_str po_identity_actor(const struct po_ctx *cx) { return po_str_of(cx->actor); }
/* The caller's account id, "usr_…"; empty for local processes. */
po_str po_identity_actor_id(const struct po_ctx *cx);
/* A reason: at most PO_REASON_BYTES_MAX, UTF-8; PO_USAGE when it is required and blank. */
PO_RC po_identity_reason(struct po_ctx *cx, po_str reason, bool is_required);
/* A name of a person or thing: UTF-8 without control characters, 1..PO_USER_NAME_BYTES_MAX. */
PO_RC po_identity_name(struct po_ctx *cx, po_str name, const char *what);

/* An e-mail address with its ASCII letters in lower case: one person, one account. In the arena. */
PO_RC po_identity_fold(struct po_ctx *cx, po_str email, po_str *ret_email);

/*
 * From now on cx is in this tenant. An account of another one that it acted as is left behind: it is
 * nobody there.
 */
void po_tenant_enter(struct po_ctx *cx, po_tenant_id tenant);
/*
 * The tenant that somebody who signs in names ("" or "default": the default one); with a name that is
 * nobody's cx is in the default tenant. Costs the same for every name.
 */
PO_RC po_tenant_enter_named(struct po_ctx *cx, struct po_home *home, po_str name,
                            bool *ret_is_known);

/* What a role holds, shipped or custom. PO_NOTFOUND. */
PO_RC po_role_actions(struct po_ctx *cx, struct po_home *home, po_str name,
                      struct po_action_set *ret_set);
/* May the caller hand this role on? It must hold all of it. PO_DENIED, recorded. */
PO_RC po_role_may_give(struct po_ctx *cx, struct po_home *home, po_str role,
                       struct po_action_set *ret_set);
/* One action a line. */
PO_RC po_action_set_write(struct po_ctx *cx, const struct po_action_set *set, po_str *ret_text);
PO_RC po_action_set_read(struct po_ctx *cx, po_str text, struct po_action_set *ret_set);

/* Who asks and approves a role, and when it holds: in the caller's transaction. */
struct po_role_plan {
    struct po_store_role_grant grant;
    bool waits; /* for approval or for time */
};
PO_RC po_role_plan_make(struct po_ctx *cx, struct po_home *home,
                        const struct po_role_change *change, struct po_role_plan *ret_plan);
PO_RC po_role_plan_put(struct po_ctx *cx, struct po_tx *tx, struct po_role_plan *plan);
/* role.granted or role.asked; in the arena. */
PO_RC po_role_plan_event(struct po_ctx *cx, const struct po_role_plan *plan,
                         struct po_event *ret_event);
/* Active people but `except` whose role in force holds all of `needed`. */
PO_RC po_role_holders(struct po_ctx *cx, struct po_home *home, const struct po_action_set *needed,
                      po_str except, size_t *ret_count);
/* Is `user` the one active owner? PO_DENIED (recorded) for `action`. */
PO_RC po_role_keep_last_owner(struct po_ctx *cx, struct po_home *home, po_str user,
                              const char *action);
/* Record a denial that needed the store to know, and fail with it. */
struct po_access_refusal {
    const char *action;
    const char *rule;
    const char *reason;
    po_str resource;
};
PO_RC po_access_refuse(struct po_ctx *cx, struct po_home *home,
                       const struct po_access_refusal *refusal);
/* Nobody does this to their own account. PO_DENIED (sod.self, recorded). */
PO_RC po_access_not_self(struct po_ctx *cx, struct po_home *home, po_str user, const char *action);

/* The account with its role, as po_identity without session or token. *ret_is_found false: none. */
PO_RC po_identity_load(struct po_ctx *cx, struct po_home *home, po_str id, bool *ret_is_found,
                       struct po_identity *ret_identity);

/* The identity behind an open session or token of cx->tenant, by id; kind NONE when there is none. */
PO_RC po_identity_of_session(struct po_ctx *cx, struct po_home *home, po_str id,
                             struct po_identity *ret_identity);
PO_RC po_identity_of_token(struct po_ctx *cx, struct po_home *home, po_str id,
                           struct po_identity *ret_identity);
/* Hash of a secret under its label: what is stored. */
PO_RC po_secret_hash(struct po_ctx *cx, const char *label, po_str secret,
                     uint8_t ret_hash[static PO_SHA256_BYTES]);

#endif
