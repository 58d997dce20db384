/*
 * Credentials: passwords, one-time codes, recovery codes, throttling, sign-in, one-time links.
 *
 * Hashing runs in another process, so whatever needs it has two phases: begin looks things up and
 * gives a job; the caller has the keeper do the job's work (po_credential_work does it in this
 * process); finish decides and commits.
 *
 *   begin ─ job ─> [verify `password` against `hash`] [hash `new_password`] ─ answer ─> finish
 *
 *   signin ──> SESSION                            no second factor, and none required
 *          ──> MFA    ── totp / recovery ──> SESSION
 *          ──> ENROL  ── enrol_begin, enrol_confirm ──> SESSION + recovery codes
 *   link   ──> as signin, with the new password in force
 *
 * Invariants
 *  1. Between an e-mail address or tenant that is known and one that is not, nothing a client can see
 *     differs: same code, same text, same count of hashes, same throttling.
 *  2. A code, ticket or link is used once: it is spent in the transaction of what it allows.
 *  3. Whatever changes commits with its event; no event holds a secret or an e-mail address.
 *  4. Counters of failures are in the database; a restart forgets nothing.
 *
 * Limits   named below;  Threads  the home's owner; the functions marked pure anywhere
 * Source   docs/spec/credentials.md, NIST SP 800-63B, RFC 4226, RFC 6238
 * Control  CC6.1 CC6.2 CC6.6
 */
#ifndef PO_IDENTITY_CREDENTIAL_H
#define PO_IDENTITY_CREDENTIAL_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/ctx.h"
#include "core/secret.h"
#include "core/str.h"
#include "crypto/crypto.h"

struct po_home;
struct po_tx;

#define PO_EMAIL_BYTES_MAX 254
#define PO_CREDENTIAL_USER_BYTES_MAX 40 /* "usr_" and 26 characters, with NUL */
#define PO_USER_AGENT_BYTES_MAX 200     /* longer ones are cut */
#define PO_TICKET_CHARS 43              /* base64url of 32 random bytes */
#define PO_TICKET_MFA_LIFE_US (5 * PO_US_PER_MIN)
#define PO_TICKET_ENROL_LIFE_US (15 * PO_US_PER_MIN)
#define PO_TICKET_TRIES_MAX 5
#define PO_LINK_INVITE_LIFE_US (3 * PO_US_PER_DAY)
#define PO_LINK_RESET_LIFE_US PO_US_PER_HOUR
#define PO_LINK_LIFE_US_MAX (14 * PO_US_PER_DAY)

/* ==== passwords (pure) ======================================================================== */

#define PO_PASSWORD_CHARS_MIN 12
#define PO_PASSWORD_WORDS_MAX 16

struct po_password_rules {
    size_t chars_min;    /* code points; 0: PO_PASSWORD_CHARS_MIN */
    const po_str *words; /* context: the user's name, e-mail address, organisation */
    size_t word_count;   /* at most PO_PASSWORD_WORDS_MAX */
};
/*
 * NIST SP 800-63B 5.1.1.2: length, UTF-8, and not made of what an attacker tries first. Nothing
 * about kinds of characters, nothing about age.
 *
 * Errors   PO_INVALID  the message says what to do better and holds nothing of the password;
 *          PO_LIMIT    over PO_PASSWORD_BYTES_MAX
 */
PO_RC po_password_check(struct po_ctx *cx, po_str password, const struct po_password_rules *rules);

/* ==== one-time codes (pure) =================================================================== */

#define PO_TOTP_KEY_BYTES 20
#define PO_TOTP_DIGITS 6
#define PO_TOTP_STEP_US (30 * PO_US_PER_S)
#define PO_TOTP_WINDOW 1 /* steps before and after */

/*
 * Which step of time does `code` belong to? Compared in constant time over the whole window.
 *
 * last_step  in   steps up to this one were used
 * ret_step   out  to be stored as the new last step; unchanged on failure
 * Errors     PO_UNAUTH wrong or used code, or not six digits
 */
struct po_totp_try {
    po_str key;
    po_str code;
    po_time_us now_us;
    int64_t last_step;
};
PO_RC po_totp_verify(const struct po_totp_try *attempt, int64_t *ret_step);
/* RFC 6238 with SHA-1 for the step of `at_us`: digits and NUL. For clients and tests. */
PO_RC po_totp_code(po_str key, po_time_us at_us, char out[static PO_TOTP_DIGITS + 1]);

/* What a person needs to set up an authenticator; wipe with po_enrolment_done. */
struct po_enrolment {
    struct po_buf secret; /* base32, in groups of four */
    struct po_buf uri;    /* otpauth://totp/… */
    struct po_buf svg;    /* the URI as a QR code */
    struct po_buf blocks; /* the same for a terminal, in UTF-8 block characters */
};
void po_enrolment_done(struct po_enrolment *enrolment);

#define PO_RECOVERY_CODES 10
#define PO_RECOVERY_CODE_TEXT_CHARS 19 /* 16 characters of 5 bits in groups of four */
/* Ten codes, shown once; wiped by po_recovery_codes_done. */
struct po_recovery_codes {
    char codes[PO_RECOVERY_CODES][PO_RECOVERY_CODE_TEXT_CHARS + 1];
};
void po_recovery_codes_done(struct po_recovery_codes *codes);

/* ==== jobs ==================================================================================== */

enum po_credential_job_kind {
    PO_JOB_NONE,
    PO_JOB_SIGNIN,
    PO_JOB_LINK,
    PO_JOB_CHANGE,
    PO_JOB_STEP_UP
};
/* Why nobody gets in, for the event; a client sees none of it. */
enum po_signin_refusal {
    PO_REFUSAL_NONE,
    PO_REFUSAL_NO_TENANT,
    PO_REFUSAL_UNKNOWN,
    PO_REFUSAL_NO_PASSWORD,
    PO_REFUSAL_NOT_ACTIVE
};
/*
 * The caller's storage; holds no pointer into an arena, so it may outlive the request's context.
 * The keeper needs only `hash`, `password`, `new_password` and `cost`.
 */
struct po_credential_job {
    enum po_credential_job_kind kind;
    struct po_secret *password;            /* owned; verify it against `hash`; NULL: do not */
    char hash[PO_PASSWORD_HASH_BYTES_MAX]; /* the stored one, or one that nothing matches */
    struct po_secret *new_password; /* owned; hash it (unless the first is wrong); NULL: no */
    struct po_password_cost cost;   /* for hashing */
    /* below: for finish */
    po_tenant_id tenant;
    enum po_signin_refusal refusal;
    bool is_weak; /* `hash` is below the policy's cost */
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    char session[PO_SESSION_BYTES_MAX];
    char user_agent[PO_USER_AGENT_BYTES_MAX + 1];
    uint8_t account[16]; /* keyed token of the e-mail address */
    uint8_t source[16];  /* keyed token of where the request comes from */
    uint8_t source_class[16];
    uint8_t link[PO_SHA256_BYTES];
};
void po_credential_job_done(struct po_credential_job *job);
#define PO_CREDENTIAL_JOB_AUTO PO_CLEANUP(po_credential_job_done) struct po_credential_job

struct po_credential_answer {
    bool is_right;                             /* the password matches `hash` */
    char new_hash[PO_PASSWORD_HASH_BYTES_MAX]; /* "" when nothing was to hash */
};
/*
 * The work of a job, in this process (pure but for randomness): what a keeper's worker runs.
 *
 * Errors  PO_NOMEM, PO_CRYPTO, PO_CORRUPT
 */
PO_RC po_credential_work(const struct po_credential_job *job, struct po_credential_answer *answer);

/* ==== sign-in ================================================================================= */

struct po_signin_request {
    po_str tenant; /* by name; empty: the default tenant */
    po_str email;
    po_str password;
    po_str user_agent;
};

enum po_signin_state { PO_SIGNIN_NONE, PO_SIGNIN_SESSION, PO_SIGNIN_MFA, PO_SIGNIN_ENROL };
struct po_signin_outcome {
    enum po_signin_state state;
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    char session[PO_SESSION_BYTES_MAX]; /* "ses_…"; "" with a ticket */
    struct po_secret *secret;           /* owned: the session's cookie value, or the ticket */
    po_time_us expires_us;              /* of a ticket */
    bool has_codes;
    struct po_recovery_codes codes; /* new ones, to be shown once */
};
void po_signin_outcome_done(struct po_signin_outcome *outcome);
#define PO_SIGNIN_OUTCOME_AUTO PO_CLEANUP(po_signin_outcome_done) struct po_signin_outcome

/*
 * First phase: throttle, and the hash to verify. An unknown tenant or address, a user who may not sign in
 * and a user without a password get a hash that matches nothing, at the same cost. cx is in the tenant
 * that was named afterwards. A stored hash below the
 * policy's cost is made anew from a right password (job->new_password).
 *
 * Where the request comes from is cx->ip; "" (local) is a source of its own.
 *
 * Errors   PO_INVALID  address or password empty or too long (said before anything is looked up);
 *          PO_RATE     too many failures; cx->err.retry_after_s says when again; recorded;
 *          PO_UNAVAILABLE  no keys, or a read-only home: nobody can sign in
 */
PO_RC po_signin_begin(struct po_ctx *cx, struct po_home *home,
                      const struct po_signin_request *request, struct po_credential_job *ret_job);
/*
 * Second phase.
 *
 * Errors   PO_UNAUTH  wrong, unknown or not allowed: one text for all; recorded and counted;
 *          PO_RATE    others failed meanwhile and the account or source is locked now
 */
PO_RC po_signin_finish(struct po_ctx *cx, struct po_home *home, const struct po_credential_job *job,
                       const struct po_credential_answer *answer,
                       struct po_signin_outcome *ret_outcome);

struct po_mfa_request {
    po_str ticket;
    po_str code;
    po_str user_agent;
};
/*
 * Redeem a ticket of state MFA. As with links, cx is in the ticket's tenant afterwards.
 *
 * Errors   PO_UNAUTH   wrong or used code: the ticket stays, up to PO_TICKET_TRIES_MAX tries;
 *          PO_EXPIRED  no such ticket, spent, void, too old, or from elsewhere: sign in again;
 *          PO_RATE     the account is locked
 */
PO_RC po_signin_totp(struct po_ctx *cx, struct po_home *home, const struct po_mfa_request *request,
                     struct po_signin_outcome *ret_outcome);
PO_RC po_signin_recovery(struct po_ctx *cx, struct po_home *home,
                         const struct po_mfa_request *request,
                         struct po_signin_outcome *ret_outcome);
/* State ENROL: a new secret for the ticket's user (a repetition replaces it). PO_EXPIRED. */
PO_RC po_signin_enrol_begin(struct po_ctx *cx, struct po_home *home, po_str ticket,
                            struct po_enrolment *ret_enrolment);
/* The first code proves that the authenticator works: session and recovery codes. Errors as totp. */
PO_RC po_signin_enrol_confirm(struct po_ctx *cx, struct po_home *home,
                              const struct po_mfa_request *request,
                              struct po_signin_outcome *ret_outcome);

/* ==== one's own credentials, signed in ======================================================== */

/* Who is signed in, with which session ("ses_…"). */
struct po_own {
    po_str user;
    po_str session;
    po_str user_agent;
};
struct po_password_change {
    struct po_own own;
    po_str password;
    po_str new_password;
};
/*
 * The present password and a new one; all other sessions of the user end.
 *
 * Errors  PO_INVALID rules;  PO_RATE;  finish: PO_UNAUTH the present one is wrong, recorded
 */
PO_RC po_password_change_begin(struct po_ctx *cx, struct po_home *home,
                               const struct po_password_change *change,
                               struct po_credential_job *ret_job);
PO_RC po_password_change_finish(struct po_ctx *cx, struct po_home *home,
                                const struct po_credential_job *job,
                                const struct po_credential_answer *answer);

/* Who a session is proven again, for sensitive actions: by password, or by code where there is one. */
PO_RC po_step_up_begin(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                       po_str password, struct po_credential_job *ret_job);
PO_RC po_step_up_finish(struct po_ctx *cx, struct po_home *home,
                        const struct po_credential_job *job,
                        const struct po_credential_answer *answer);
PO_RC po_step_up_totp(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                      po_str code);

struct po_mfa_state {
    bool has_password;
    bool has_totp;
    bool is_required; /* by policy */
    uint32_t recovery_codes_left;
    po_time_us totp_since_us;
    po_time_us password_since_us;
};
PO_RC po_mfa_state_get(struct po_ctx *cx, struct po_home *home, po_str user,
                       struct po_mfa_state *ret_state);
/* Enrol or replace; the present one holds until the new one is confirmed. */
PO_RC po_totp_enrol_begin(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                          struct po_enrolment *ret_enrolment);
/*
 * All sessions of the user end; a new one, of two factors, begins.
 *
 * Errors  PO_UNAUTH wrong code;  PO_NOTFOUND nothing was begun;  PO_RATE
 */
PO_RC po_totp_enrol_confirm(struct po_ctx *cx, struct po_home *home, const struct po_own *own,
                            po_str code, struct po_signin_outcome *ret_outcome);
/* New recovery codes; the old ones are void. PO_NOTFOUND without TOTP. */
PO_RC po_recovery_renew(struct po_ctx *cx, struct po_home *home, po_str user,
                        struct po_recovery_codes *ret_codes);
/*
 * By an administrator: no second factor any more, all sessions end.
 *
 * Errors  PO_DENIED  oneself, or an account that holds what the caller lacks (recorded);
 *         PO_USAGE no reason;  PO_NOTFOUND;  PO_CONFLICT a service account, or one that is gone
 */
PO_RC po_mfa_reset(struct po_ctx *cx, struct po_home *home, po_str user, po_str reason);
/* By an administrator: forget the account's failures. Errors likewise, but for oneself and reason. */
PO_RC po_lockout_clear(struct po_ctx *cx, struct po_home *home, po_str user);

/* ==== one-time links ========================================================================== */

enum po_link_kind { PO_LINK_INVITE, PO_LINK_RESET };
struct po_link_request {
    enum po_link_kind kind;
    po_str user;
    po_time_us life_us; /* 0: the kind's own */
};
/*
 * In the caller's transaction, for `user create` and `init`; earlier links of the user are void.
 *
 * ret_secret  out  owned; PO_TICKET_CHARS characters, shown once. Only its hash is stored.
 */
PO_RC po_link_add(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                  const struct po_link_request *request, struct po_secret **ret_secret);
/*
 * The same in a transaction of its own, with its event.
 *
 * Errors  PO_CONFLICT  not an account of that state;  PO_DENIED as po_mfa_reset;  PO_NOTFOUND
 */
PO_RC po_link_create(struct po_ctx *cx, struct po_home *home, const struct po_link_request *request,
                     struct po_secret **ret_secret);
/* Is it good? For showing the page. PO_EXPIRED when it is unknown, used, void or too old. */
PO_RC po_link_find(struct po_ctx *cx, struct po_home *home, po_str link,
                   enum po_link_kind *ret_kind, char ret_user[static PO_CREDENTIAL_USER_BYTES_MAX]);
/* Errors  PO_EXPIRED as above;  PO_INVALID the password's rules (the link stays good);  PO_RATE. */
PO_RC po_link_begin(struct po_ctx *cx, struct po_home *home, po_str link, po_str new_password,
                    struct po_credential_job *ret_job);
/* Spend the link: password in force, an invited user active, every session of the user ended. */
PO_RC po_link_finish(struct po_ctx *cx, struct po_home *home, const struct po_credential_job *job,
                     const struct po_credential_answer *answer,
                     struct po_signin_outcome *ret_outcome);

#endif
