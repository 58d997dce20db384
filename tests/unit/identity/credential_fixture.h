/*
 * A home with one active user, small hashes, and the steps of a sign-in in one call each.
 */
#ifndef PO_TESTS_UNIT_IDENTITY_CREDENTIAL_FIXTURE_H
#define PO_TESTS_UNIT_IDENTITY_CREDENTIAL_FIXTURE_H

#include "home/home.h"
#include "identity/credential_priv.h"
#include "lib/test.h"

#define SITE_EMAIL "anna@kontor.example"
#define SITE_PASSWORD "teal otter mends a gate"
#define SITE_IP "192.0.2.7"

struct site {
    struct po_home *home;
    char user[PO_ID_BYTES]; /* active, with SITE_PASSWORD */
};
void site_done(struct site *site);
#define SITE_AUTO PO_CLEANUP(site_done) struct site

/* cx acts as an anonymous client at SITE_IP from here on. */
void site_open(struct po_ctx *cx, struct site *site, bool is_mfa_required);
void site_reopen(struct po_ctx *cx, struct site *site);
/* An active user; `password` NULL: none. */
void site_add_user(struct po_ctx *cx, struct site *site, const char *email, const char *state,
                   const char *password);
void site_ip(struct po_ctx *cx, const char *ip);
void site_wait(po_time_us by_us);

/* A hash of `password` with the least memory there is. */
const char *site_hash(const char *password);

struct site_try {
    const char *email; /* NULL: SITE_EMAIL */
    bool is_wrong;
};
/* begin and finish; the keeper's answer is given, not computed. */
po_rc site_signin(struct po_ctx *cx, struct site *site, const struct site_try *attempt,
                  struct po_signin_outcome *ret_outcome);
po_rc site_fail(struct po_ctx *cx, struct site *site, const char *email);
/* Give the user an authenticator whose key is twenty times `letter`. */
void site_add_totp(struct po_ctx *cx, struct site *site, char letter);
/* The code of that key now, `steps` later. */
const char *site_code(char letter, int steps);
/* A ticket of state MFA. */
void site_ticket(struct po_ctx *cx, struct site *site, struct po_signin_outcome *outcome);
po_rc site_totp(struct po_ctx *cx, struct site *site, const struct po_signin_outcome *ticket,
                const char *code);
bool site_session_holds(struct po_ctx *cx, struct site *site,
                        const struct po_signin_outcome *outcome);

/* Events of a type in the ledger; *ret_detail is the newest one's, in cx's arena (may be NULL). */
size_t site_events(struct po_ctx *cx, struct site *site, enum po_event_type type,
                   po_str *ret_detail);
/* Does any event hold this text? */
bool site_events_hold(struct po_ctx *cx, struct site *site, const char *text);

#endif
