/*
 * Shared inside the credential files: digests, policy, throttling, tickets.
 */
#ifndef PO_IDENTITY_CREDENTIAL_PRIV_H
#define PO_IDENTITY_CREDENTIAL_PRIV_H

#include "identity/credential.h"
#include "identity/identity.h"
#include "ledger/ledger.h"
#include "store/store.h"

/* ---- pure pieces ------------------------------------------------------------------------------ */

#define PO_BASE32_KEY_CHARS 32 /* of PO_TOTP_KEY_BYTES */
/* RFC 4648 base32, upper case, without NUL. */
void po_totp_key_text(const uint8_t key[static PO_TOTP_KEY_BYTES],
                      char out[static PO_BASE32_KEY_CHARS]);
struct po_totp_label {
    po_str issuer;  /* the organisation, or the product */
    po_str account; /* the e-mail address */
};
/* Fill in everything a person needs. PO_NOMEM, PO_LIMIT. */
PO_RC po_enrolment_make(const uint8_t key[static PO_TOTP_KEY_BYTES],
                        const struct po_totp_label *label, struct po_enrolment *ret_enrolment);
/* Draw as SVG and as block characters; appends. */
PO_RC po_qr_draw(po_str text, struct po_buf *svg, struct po_buf *blocks);

PO_RC po_recovery_codes_draw(struct po_recovery_codes *ret_codes);
/*
 * What is stored of a code; read leniently (case, blanks, '-', o for 0, i and l for 1).
 *
 * Errors  PO_UNAUTH  not 16 characters of the alphabet
 */
PO_RC po_recovery_digest(po_str user, po_str code, uint8_t out[static PO_SHA256_BYTES]);

/* ---- policy (credential_policy in signin_policy.c) --------------------------------------------- */

struct po_credential_policy {
    struct po_password_cost cost;
    size_t chars_min;
    bool is_mfa_required;
    po_str issuer;       /* for authenticators; at most 64 bytes */
    po_str organisation; /* a context word of passwords */
};
struct po_credential_policy po_credential_policy_get(const struct po_ctx *cx, struct po_home *home);
/* po_password_check with the user's name, e-mail and the organisation as context. */
PO_RC po_password_check_for(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                            po_str password);

/* ---- where a request comes from ---------------------------------------------------------------- */

#define PO_KEY_TOKEN_BYTES PO_STORE_TOKEN_BYTES
#define PO_SOURCE_TEXT_BYTES 48
/*
 * The source that is throttled (IPv4 address, IPv6 /64) and the class a ticket is bound to (IPv4
 * /24, IPv6 /48). What is no address is its own source; "" is "local".
 */
void po_source_texts(po_str ip, char ret_source[static PO_SOURCE_TEXT_BYTES],
                     char ret_class[static PO_SOURCE_TEXT_BYTES]);
/* Lower case ASCII; at most PO_EMAIL_BYTES_MAX bytes go in. */
po_str po_email_fold(po_str email, char room[static PO_EMAIL_BYTES_MAX]);

/*
 * Whom and where failures are counted; keyed tokens, so that nothing personal is stored. An account is one
 * of cx->tenant; sources are counted together for all tenants, in the default one: otherwise each tenant
 * would give the guesser further tries, and their number would tell which tenants there are.
 */
struct po_attempt {
    bool has_account; /* else only the source counts: a ticket or link that is nobody's */
    uint8_t account[PO_KEY_TOKEN_BYTES];
    uint8_t source[PO_KEY_TOKEN_BYTES];
    uint8_t source_class[PO_KEY_TOKEN_BYTES];
};
/* `email` empty: an attempt without account. */
PO_RC po_attempt_make(struct po_ctx *cx, struct po_home *home, po_str email,
                      struct po_attempt *ret_attempt);

/* Of a sign-in that names a tenant there is not. rule: five parameters of which two are what was typed */
PO_RC po_attempt_make_stranger(struct po_ctx *cx, struct po_home *home, po_str tenant, po_str email,
                               struct po_attempt *ret_attempt);

/* ---- throttling -------------------------------------------------------------------------------- */

struct po_lockout_policy {
    const char *kind;      /* "account", "source" */
    int64_t failures_free; /* the next failure locks */
    po_time_us first_us;   /* doubled with each further failure */
    po_time_us longest_us;
    int64_t failures_many; /* from here on the lock is `many_us` */
    po_time_us many_us;
    po_time_us forget_us; /* after so long without failure counting starts anew */
};
extern const struct po_lockout_policy po_lockout_account;
extern const struct po_lockout_policy po_lockout_source;
/* Pure. How long `failures` failures in a row lock; 0: not. */
po_time_us po_lockout_delay_us(const struct po_lockout_policy *policy, int64_t failures);

/* PO_RATE while account or source is locked: cx->err.retry_after_s says how long. */
PO_RC po_lockout_check(struct po_ctx *cx, struct po_home *home, const struct po_attempt *attempt);
struct po_lockout_result {
    bool is_account_locked; /* by this failure */
    bool is_source_locked;
    int64_t account_failures;
    int64_t source_failures;
};
/* Count a failure of both; also forgets what is old. */
PO_RC po_lockout_fail(struct po_ctx *cx, struct po_tx *tx, const struct po_attempt *attempt,
                      struct po_lockout_result *ret_result);
/* The account's failures are forgotten; the source's are not: one's own account would reset it. */
PO_RC po_lockout_succeed(struct po_ctx *cx, struct po_tx *tx, const struct po_attempt *attempt);

/* ---- events ------------------------------------------------------------------------------------ */

struct po_auth_note {
    enum po_event_type type;
    const char *action;
    enum po_event_result result;
    const char *user;                        /* "" unknown */
    const struct po_attempt *attempt;        /* NULL: neither account nor source is named */
    const char *reason;                      /* NULL */
    const char *method;                      /* NULL */
    const char *session;                     /* the session that came of it; NULL */
    const struct po_lockout_result *lockout; /* NULL */
};
/* The event of a note; text in the arena. */
PO_RC po_auth_event(struct po_ctx *cx, const struct po_auth_note *note, struct po_event *ret_event);
PO_RC po_auth_queue(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                    const struct po_auth_note *note);
PO_RC po_auth_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                     const struct po_auth_note *note);
/* Count the failure (note.attempt) and commit it with its events; type and result are set. */
PO_RC po_auth_fail_in(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                      const struct po_auth_note *note);
PO_RC po_auth_fail(struct po_ctx *cx, struct po_home *home, const struct po_auth_note *note);
/*
 * May this attempt go on? A refusal is recorded.
 *
 * Errors  PO_RATE locked (cx->err.retry_after_s);  PO_UNAVAILABLE the home is read-only
 */
PO_RC po_auth_check_open(struct po_ctx *cx, struct po_home *home, const struct po_auth_note *note);

/* ---- tickets ----------------------------------------------------------------------------------- */

struct po_ticket_new {
    const char *kind;
    po_str user;
    const uint8_t *source_class; /* NULL: from anywhere */
    po_time_us life_us;
};
/* Earlier ones of the same kind and user are void. */
PO_RC po_ticket_add(struct po_ctx *cx, struct po_tx *tx, const struct po_ticket_new *ticket,
                    struct po_secret **ret_secret, po_time_us *ret_expires_us);
struct po_ticket {
    uint8_t digest[PO_SHA256_BYTES];
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    int64_t tries;
    const char *kind;
};
struct po_ticket_wanted {
    const char *kind;
    const char *other_kind;      /* or of this kind; NULL */
    const uint8_t *source_class; /* NULL: from anywhere */
};
/* Into the tenant of a ticket or link; with one that is nobody's cx stays where it is. */
PO_RC po_ticket_enter(struct po_ctx *cx, struct po_home *home, po_str secret);
/*
 * An open ticket of cx->tenant.
 *
 * Errors  PO_EXPIRED unknown, spent, too old, or bound to another class of source
 */
PO_RC po_ticket_find(struct po_ctx *cx, struct po_home *home, po_str secret,
                     const struct po_ticket_wanted *wanted, struct po_ticket *ret_ticket);
/* Use it up within tx. PO_EXPIRED: another was faster. */
PO_RC po_ticket_spend(struct po_ctx *cx, struct po_tx *tx,
                      const uint8_t digest[static PO_SHA256_BYTES]);

/* ---- users and credentials --------------------------------------------------------------------- */

PO_RC po_password_store(struct po_ctx *cx, struct po_tx *tx, po_str user, const char *hash);
/* The only credential of a kind; NULL when there is none. */
PO_RC po_credential_find(struct po_ctx *cx, struct po_home *home, po_str user, const char *kind,
                         struct po_store_credential **ret_credential);
bool po_user_is_active(const struct po_user *user);

/* Copy with NUL, cut before a character that does not fit. */
void po_text_cut(po_str text, char *out, size_t size);

/* ---- jobs (signin.c) --------------------------------------------------------------------------- */

void po_attempt_of_job(const struct po_credential_job *job, struct po_attempt *ret_attempt);
void po_job_prepare(struct po_ctx *cx, struct po_home *home, const struct po_attempt *attempt,
                    struct po_credential_job *job);
/* The stored hash, or, when job->refusal says so or there is none, one that nothing matches. */
PO_RC po_job_take_hash(struct po_ctx *cx, struct po_home *home, po_str user,
                       struct po_credential_job *job);
/* PO_BUG: the caller mixed up jobs. */
PO_RC po_job_check(struct po_ctx *cx, const struct po_credential_job *job,
                   enum po_credential_job_kind kind);
/*
 * PO_OK: the password was right and still is. A failure is counted and recorded as `note` says.
 *
 * Errors  PO_UNAUTH, PO_RATE, PO_UNAVAILABLE
 */
PO_RC po_job_judge(struct po_ctx *cx, struct po_home *home, const struct po_credential_job *job,
                   const struct po_credential_answer *answer, const struct po_auth_note *note);

/* ---- what is proven leads to session or ticket -------------------------------------------------- */

struct po_signin_grant {
    const char *user;
    const char *method;
    po_str agent;
    const struct po_attempt *attempt;
    bool is_mfa; /* both factors are proven */
    bool has_totp;
    bool is_mfa_required;
};
/* Within tx. Queues nothing. */
PO_RC po_signin_grant(struct po_ctx *cx, struct po_tx *tx, const struct po_signin_grant *grant,
                      struct po_signin_outcome *ret_outcome);
/* The same, and commit with auth.succeeded or auth.challenged. */
PO_RC po_signin_grant_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                             const struct po_signin_grant *grant,
                             struct po_signin_outcome *ret_outcome);

/* ---- second factors (mfa.c, mfa_enrol.c) -------------------------------------------------------- */

struct po_mfa_claim {
    po_str user;
    po_str code;
};
/* The stored key and step that `code` uses; not marked used yet. PO_UNAUTH, PO_NOTFOUND no key. */
PO_RC po_mfa_match_totp(struct po_ctx *cx, struct po_home *home, const char *kind,
                        const struct po_mfa_claim *claim, struct po_store_credential *ret_used);
/* Mark it used within tx. PO_UNAUTH another was faster. */
PO_RC po_mfa_use(struct po_ctx *cx, struct po_tx *tx, const struct po_store_credential *used);
/* Whose ticket it is, and how attempts with it are counted. */
struct po_mfa_open {
    po_str ticket;
    const char *kind; /* "mfa", "enrol" */
};
struct po_mfa_case {
    struct po_ticket ticket;
    struct po_user user;
    struct po_attempt attempt;
};
/* PO_EXPIRED (counted against the source), PO_RATE, PO_UNAVAILABLE. */
PO_RC po_mfa_open(struct po_ctx *cx, struct po_home *home, const struct po_mfa_open *open,
                  struct po_mfa_case *ret_case);
/* A wrong code: counted, recorded, PO_UNAUTH; the last try voids the ticket. */
PO_RC po_mfa_miss(struct po_ctx *cx, struct po_home *home, const struct po_mfa_case *mfa,
                  const char *method);
/* A key that waits for its first code, with its event. */
PO_RC po_mfa_enrol_begin(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                         struct po_enrolment *ret_enrolment);
/* It works: in force, with new recovery codes; queues mfa.enrolled. */
PO_RC po_mfa_enrol_put(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                       const struct po_store_credential *used, struct po_recovery_codes *ret_codes);
/* New codes in the place of the old ones. */
PO_RC po_recovery_put(struct po_ctx *cx, struct po_tx *tx, po_str user,
                      struct po_recovery_codes *ret_codes);

/* rule: six parameters: the claim and how its failure is noted are two things.
 * A signed-in user's code: throttled, a failure counted and recorded. PO_UNAUTH, PO_RATE, PO_NOTFOUND. */
PO_RC po_own_code(struct po_ctx *cx, struct po_home *home, const char *kind,
                  const struct po_mfa_claim *claim, const struct po_auth_note *note,
                  struct po_store_credential *ret_used);
/* Store a password within tx: tickets and links void, all sessions but `session` ended. */
PO_RC po_password_put(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str session,
                      const char *hash);

#endif
