/*
 * Drill of access: guessing is stopped, and nothing that everybody knows is let in.
 */
#include "assess/access_drill_priv.h"

#include "identity/credential.h"

#include <stdio.h>

#define GUESSES_MAX 8
#define LOCK_LONGEST_US PO_US_PER_HOUR

/* What came of one attempt. */
struct attempt {
    const char *email;
    const char *password;
    bool claims_right; /* the keeper says the password is right, whatever it is */
};

static PO_RC finish(struct po_ctx *cx, struct po_access_drill *drill, const struct attempt *attempt,
                    const struct po_credential_job *job)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_credential_answer answer = {.is_right = attempt->claims_right};
    if (!attempt->claims_right)
        PO_TRY_LEAF(cx, po_credential_work(job, &answer), "checking a canary's password");
    return po_signin_finish(cx, drill->home, job, &answer, &outcome);
}

static PO_RC sign_in(struct po_ctx *cx, struct po_access_drill *drill,
                     const struct attempt *attempt)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_signin_request request = {.email = po_str_of(attempt->email),
                                              .password = po_str_of(attempt->password),
                                              .user_agent = PO_LIT("drill")};
    PO_TRY(cx, po_signin_begin(cx, drill->home, &request, &job));
    po_secret_freep(&job.new_password); /* a canary's hash stays as cheap as it is */
    return finish(cx, drill, attempt, &job);
}

static void put_bool(struct po_json_out *out, const char *key, bool value)
{
    po_json_out_key(out, key);
    po_json_out_bool(out, value);
}

/* ---- guessing ---------------------------------------------------------------------------------- */

/* Wrong passwords until the answer is no longer "wrong" but "too many". */
static PO_RC guess(struct po_ctx *cx, struct po_access_drill *drill, const struct attempt *wrong,
                   int64_t *ret_failures)
{
    *ret_failures = 0;
    for (int i = 0; i < GUESSES_MAX; i++) {
        bool is_locked = false;
        po_rc rc = sign_in(cx, drill, wrong);
        if (rc.code != PO_UNAUTH && rc.code != PO_RATE) return rc;
        PO_TRY(cx, po_access_refused(cx, rc, PO_RATE, &is_locked));
        if (is_locked) return po_rc_ok();
        (*ret_failures)++;
        po_clock_fake_advance(&drill->clock, PO_US_PER_S);
    }
    return po_rc_ok();
}

PO_RC po_access_drill_signin(struct po_ctx *cx, struct po_access_drill *drill)
{
    static const char password[] = "violet marsh under nine kites";
    const struct attempt wrong = {"guessed@drill.example", "violet marsh under ten kites", false};
    const struct attempt right = {wrong.email, password, false};
    char id[PO_ID_BYTES];
    int64_t failures = 0;
    int64_t locks = 0;
    bool is_refused = false;
    const struct po_drill_canary canary = {.email = wrong.email,
                                           .role = "viewer",
                                           .password = password,
                                           .cost = PO_ACCESS_CANARY_COST};
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, id));
    PO_TRY(cx, guess(cx, drill, &wrong, &failures));
    PO_TRY(cx, po_access_refused(cx, sign_in(cx, drill, &right), PO_RATE, &is_refused));
    po_clock_fake_advance(&drill->clock, LOCK_LONGEST_US);
    po_rc rc = sign_in(cx, drill, &right); /* else a sign-in that never works would look safe */
    bool opens_again = po_is_ok(rc);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx);
    PO_TRY(cx, po_home_flush(cx, drill->home));
    const struct po_access_events wanted = {.type = PO_EVENT_TYPE_AUTH_LOCKED, .part = id};
    PO_TRY(cx, po_access_events_count(cx, drill, &wanted, &locks));
    po_json_out_key(drill->out, "guessing");
    po_json_out_object(drill->out);
    po_json_out_field_int(drill->out, "failures", failures);
    put_bool(drill->out, "locked", is_refused);
    po_json_out_field_int(drill->out, "lock_events", locks);
    put_bool(drill->out, "opens_again", opens_again);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

/* ---- defaults ---------------------------------------------------------------------------------- */

static const struct attempt defaults[] = {
    {"admin@localhost", "admin", true},      {"root@localhost", "root", true},
    {"owner@localhost", "password", true},   {"paulyops@localhost", "paulyops", true},
    {"admin@paulyops", "changeme", true},    {"admin@example.com", "admin", true},
    {"test@localhost", "test", true},        {"guest@localhost", "guest", true},
    {"admin@localhost", "password123", true}};

/* Too simple for anybody to set. */
static const char *const simple[] = {"admin",        "password",      "changeme",
                                     "123456789012", "paulyops-2026", "Password12345"};

/* Even a keeper that says "right" to all of them lets nobody in: there is no such account. */
PO_RC po_access_drill_defaults(struct po_ctx *cx, struct po_access_drill *drill)
{
    const struct po_password_rules rules = {0};
    const size_t tried = sizeof defaults / sizeof *defaults;
    int64_t refused = 0;
    for (size_t i = 0; i < tried; i++) {
        bool is_refused = false;
        (void)snprintf(cx->ip, sizeof cx->ip, "192.0.2.%d", (int)i + 1);
        po_rc rc = sign_in(cx, drill, &defaults[i]);
        PO_TRY(cx, po_access_refused(cx, rc, PO_UNAUTH, &is_refused));
        refused += is_refused ? 1 : 0;
    }
    cx->ip[0] = '\0';
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        bool is_refused = false;
        po_rc rc = po_password_check(cx, po_str_of(simple[i]), &rules);
        PO_TRY(cx, po_access_refused(cx, rc, PO_INVALID, &is_refused));
        refused += is_refused ? 1 : 0;
    }
    po_json_out_key(drill->out, "defaults");
    po_json_out_object(drill->out);
    po_json_out_field_int(drill->out, "tried", (int64_t)(tried + sizeof simple / sizeof *simple));
    po_json_out_field_int(drill->out, "refused", refused);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}
