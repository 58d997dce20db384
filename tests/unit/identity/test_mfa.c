/*
 * The second factor: tickets, replay, races, enrolment, step-up, reset.
 */
#include "core/fault.h"
#include "unit/identity/credential_fixture.h"

#include <errno.h>
#include <stdio.h>

#define RIGHT ((struct site_try){0})

static struct po_mfa_request request_of(const struct po_signin_outcome *ticket, const char *code)
{
    return (struct po_mfa_request){.ticket = po_secret_bytes(ticket->secret),
                                   .code = po_str_of(code),
                                   .user_agent = PO_LIT("test/1")};
}

TEST(mfa__a_ticket_and_a_code_give_a_session_of_two_factors)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_identity identity;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    check_eq_int(ticket.expires_us, test_clock()->wall_us + PO_TICKET_MFA_LIFE_US);
    check_that(!site_session_holds(cx, &site, &ticket), "a ticket is no session");
    const struct po_mfa_request request = request_of(&ticket, site_code('k', 0));
    check_ok(cx, po_signin_totp(cx, site.home, &request, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_SESSION);
    check_ok(cx,
             po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret), &identity));
    check_that(identity.is_mfa && !identity.needs_mfa && identity.is_stepped_up);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_CHALLENGED, NULL), 1);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_SUCCEEDED, NULL), 1);
}

TEST(mfa__a_code_that_was_used_is_refused_with_a_new_ticket_too)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 0)));
    site_ticket(cx, &site, &ticket);
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 0)), PO_UNAUTH);
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', -1)), PO_UNAUTH);
    site_reopen(cx, &site);
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 0)), PO_UNAUTH);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 1)));
}

/* The race on a single-use code: both requests hold a matching code, one transaction is first. */
TEST(mfa__of_two_who_use_one_code_one_gets_in)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    struct po_store_credential first;
    struct po_store_credential second;
    const struct po_auth_note note = {
        .type = PO_EVENT_TYPE_AUTH_STEPPED_UP, .action = "step_up", .result = PO_EVENT_SUCCESS};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    const struct po_mfa_claim claim = {.user = po_str_of(site.user),
                                       .code = po_str_of(site_code('k', 0))};
    check_ok(cx, po_mfa_match_totp(cx, site.home, "totp", &claim, &first));
    check_ok(cx, po_mfa_match_totp(cx, site.home, "totp", &claim, &second));
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, po_home_store(site.home), &tx));
        check_ok(cx, po_mfa_use(cx, tx, &first));
        check_ok(cx, po_auth_commit(cx, site.home, tx, &note));
    }
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site.home), &tx));
    check_fails(cx, po_mfa_use(cx, tx, &second), PO_UNAUTH);
}

/* The race on a ticket, likewise. */
TEST(mfa__of_two_who_spend_one_ticket_one_gets_in)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 0)));
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 1)), PO_EXPIRED);
    struct po_ticket found;
    const struct po_ticket_wanted wanted = {.kind = "mfa"};
    site_ticket(cx, &site, &ticket);
    check_ok(cx, po_ticket_find(cx, site.home, po_secret_bytes(ticket.secret), &wanted, &found));
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site.home), &tx));
    check_ok(cx, po_ticket_spend(cx, tx, found.digest));
    check_fails(cx, po_ticket_spend(cx, tx, found.digest), PO_EXPIRED);
}

TEST(mfa__five_wrong_codes_void_the_ticket_and_lock_the_account)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO again = {0};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    for (int i = 0; i < PO_TICKET_TRIES_MAX; i++)
        check_fails(cx, site_totp(cx, &site, &ticket, "000000"), PO_UNAUTH);
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 0)), PO_EXPIRED);
    /* a right password gives no new tries while the account is locked */
    check_fails(cx, site_signin(cx, &site, &RIGHT, &again), PO_RATE);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_LOCKED, NULL), 1);
    site_wait(30 * PO_US_PER_S);
    site_ticket(cx, &site, &ticket);
    check_fails(cx, site_totp(cx, &site, &ticket, "000000"), PO_UNAUTH);
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 0)), PO_RATE);
    site_wait(PO_US_PER_MIN);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 0)));
}

/* With the right password known, codes are guessed over many tickets: the account's count holds. */
TEST(mfa__new_tickets_give_no_new_tries)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    int tries = 0;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    for (int i = 0; i < 20; i++) {
        po_signin_outcome_done(&ticket);
        po_rc rc = site_signin(cx, &site, &RIGHT, &ticket);
        if (po_is_ok(rc)) {
            rc = site_totp(cx, &site, &ticket, "000000");
            if (rc.code == PO_UNAUTH) tries++;
        }
        po_err_clear(cx);
        site_wait(PO_US_PER_S);
    }
    check_eq_int(tries, 5);
}

TEST(mfa__a_newer_ticket_voids_the_older)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO older = {0};
    PO_SIGNIN_OUTCOME_AUTO newer = {0};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &older);
    site_ticket(cx, &site, &newer);
    check_fails(cx, site_totp(cx, &site, &older, site_code('k', 0)), PO_EXPIRED);
    check_ok(cx, site_totp(cx, &site, &newer, site_code('k', 0)));
}

TEST(mfa__a_ticket_is_good_for_five_minutes_and_where_it_was_given)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    site_ip(cx, "198.51.100.1");
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 0)), PO_EXPIRED);
    site_ip(cx, "192.0.2.200"); /* the same /24 */
    site_wait(PO_TICKET_MFA_LIFE_US - 1);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 0)));
    site_wait(PO_TOTP_STEP_US);
    site_ticket(cx, &site, &ticket);
    site_wait(PO_TICKET_MFA_LIFE_US);
    check_fails(cx, site_totp(cx, &site, &ticket, site_code('k', 0)), PO_EXPIRED);
}

TEST(mfa__tickets_that_are_none_stop_their_source_and_nobody_else)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    site_open(cx, &site, true);
    const struct po_mfa_request guess = {.ticket = PO_LIT("guess"), .code = PO_LIT("000000")};
    site_add_totp(cx, &site, 'k');
    for (int i = 0; i < 19; i++)
        check_fails(cx, po_signin_totp(cx, site.home, &guess, &outcome), PO_EXPIRED);
    check_fails(cx, po_signin_recovery(cx, site.home, &guess, &outcome), PO_EXPIRED);
    check_eq_int(po_signin_enrol_confirm(cx, site.home, &guess, &outcome).code, PO_RATE);
    check_eq_u64(cx->err.retry_after_s, 60);
    po_err_clear(cx);
    po_str detail;
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_FAILED, &detail), 20);
    check_that(po_str_find(detail, PO_LIT("no such ticket"), 0) != SIZE_MAX);
    site_ip(cx, "198.51.100.1");
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    site_ticket(cx, &site, &ticket);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 0)));
}

/* ---- enrolment -------------------------------------------------------------------------------- */

/* The key of an enrolment's URI, decoded. */
static void read_key(const struct po_enrolment *enrolment, char out[static PO_TOTP_KEY_BYTES])
{
    const char *at = strstr(enrolment->uri.ptr, "secret=");
    check_that(at != NULL);
    memset(out, 0, PO_TOTP_KEY_BYTES);
    for (size_t i = 0; i < PO_BASE32_KEY_CHARS; i++) {
        char c = at[7 + i];
        unsigned value = c >= 'A' ? (unsigned)(c - 'A') : (unsigned)(c - '2' + 26);
        for (size_t bit = 0; bit < 5; bit++)
            if ((value >> (4 - bit) & 1) != 0)
                out[(i * 5 + bit) / 8] =
                    (char)(out[(i * 5 + bit) / 8] | 0x80 >> ((i * 5 + bit) % 8));
    }
}

static void code_of(const struct po_enrolment *enrolment, char out[static PO_TOTP_DIGITS + 1])
{
    char key[PO_TOTP_KEY_BYTES];
    read_key(enrolment, key);
    check_ok_leaf(po_totp_code(po_str_n(key, sizeof key), test_clock()->wall_us, out));
}

TEST(mfa_enrol__who_has_no_second_factor_gets_nothing_but_its_enrolment)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    char code[PO_TOTP_DIGITS + 1];
    site_open(cx, &site, true);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &ticket));
    check_eq_int(ticket.state, PO_SIGNIN_ENROL);
    check_that(!site_session_holds(cx, &site, &ticket));
    struct po_mfa_request request = request_of(&ticket, "000000");
    check_fails(cx, po_signin_totp(cx, site.home, &request, &outcome), PO_EXPIRED);
    check_fails(cx, po_signin_enrol_confirm(cx, site.home, &request, &outcome), PO_NOTFOUND);
    check_ok(cx, po_signin_enrol_begin(cx, site.home, request.ticket, &enrolment));
    check_contains(enrolment.uri.ptr, "otpauth://totp/Kontor:anna%40kontor.example?secret=");
    check_fails(cx, po_signin_enrol_confirm(cx, site.home, &request, &outcome), PO_UNAUTH);
    code_of(&enrolment, code);
    request.code = po_str_of(code);
    check_ok(cx, po_signin_enrol_confirm(cx, site.home, &request, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_SESSION);
    check_that(outcome.has_codes && site_session_holds(cx, &site, &outcome));
    struct po_mfa_state state;
    check_ok(cx, po_mfa_state_get(cx, site.home, po_str_of(site.user), &state));
    check_that(state.has_password && state.has_totp && state.is_required);
    check_eq_u64(state.recovery_codes_left, PO_RECOVERY_CODES);
    /* the code that proved the authenticator is used up */
    site_ticket(cx, &site, &ticket);
    check_fails(cx, site_totp(cx, &site, &ticket, code), PO_UNAUTH);
    check_that(!site_events_hold(cx, &site, outcome.codes.codes[0]));
    check_that(!site_events_hold(cx, &site, "otpauth"));
}

TEST(mfa_enrol__a_repetition_replaces_the_secret)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    PO_CLEANUP(po_enrolment_done) struct po_enrolment older = {0};
    PO_CLEANUP(po_enrolment_done) struct po_enrolment newer = {0};
    char code[PO_TOTP_DIGITS + 1];
    site_open(cx, &site, true);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &ticket));
    check_ok(cx, po_signin_enrol_begin(cx, site.home, po_secret_bytes(ticket.secret), &older));
    check_ok(cx, po_signin_enrol_begin(cx, site.home, po_secret_bytes(ticket.secret), &newer));
    code_of(&older, code);
    struct po_mfa_request request = request_of(&ticket, code);
    check_fails(cx, po_signin_enrol_confirm(cx, site.home, &request, &outcome), PO_UNAUTH);
    code_of(&newer, code);
    check_ok(cx, po_signin_enrol_confirm(cx, site.home, &request, &outcome));
}

TEST(mfa_enrol__from_a_session_ends_all_of_them_and_begins_one_of_two_factors)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO here = {0};
    PO_SIGNIN_OUTCOME_AUTO there = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    struct po_identity identity;
    char code[PO_TOTP_DIGITS + 1];
    site_open(cx, &site, false);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &here));
    check_ok(cx, site_signin(cx, &site, &RIGHT, &there));
    const struct po_own own = {.user = po_str_of(site.user), .session = po_str_of(here.session)};
    check_ok(cx, po_totp_enrol_begin(cx, site.home, &own, &enrolment));
    check_fails(cx, po_totp_enrol_confirm(cx, site.home, &own, PO_LIT("000000"), &outcome),
                PO_UNAUTH);
    check_that(site_session_holds(cx, &site, &here));
    code_of(&enrolment, code);
    check_ok(cx, po_totp_enrol_confirm(cx, site.home, &own, po_str_of(code), &outcome));
    check_that(!site_session_holds(cx, &site, &here) && !site_session_holds(cx, &site, &there));
    check_ok(cx,
             po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret), &identity));
    check_that(identity.is_mfa && outcome.has_codes);
}

TEST(mfa_enrol__the_present_authenticator_holds_until_the_new_one_is_proven)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    const struct po_own own = {.user = po_str_of(site.user), .session = PO_LIT("ses_x")};
    check_ok(cx, po_totp_enrol_begin(cx, site.home, &own, &enrolment));
    site_ticket(cx, &site, &ticket);
    check_ok(cx, site_totp(cx, &site, &ticket, site_code('k', 0)));
}

/* ---- recovery codes --------------------------------------------------------------------------- */

TEST(mfa_recovery__each_code_gets_in_once)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_recovery_codes codes;
    struct po_mfa_state state;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    check_ok(cx, po_recovery_renew(cx, site.home, po_str_of(site.user), &codes));
    site_ticket(cx, &site, &ticket);
    struct po_mfa_request request = request_of(&ticket, codes.codes[3]);
    check_ok(cx, po_signin_recovery(cx, site.home, &request, &outcome));
    check_that(site_session_holds(cx, &site, &outcome));
    site_ticket(cx, &site, &ticket);
    request = request_of(&ticket, codes.codes[3]);
    check_fails(cx, po_signin_recovery(cx, site.home, &request, &outcome), PO_UNAUTH);
    request.code = PO_LIT("0000-0000-0000-0000");
    check_fails(cx, po_signin_recovery(cx, site.home, &request, &outcome), PO_UNAUTH);
    request.code = PO_LIT("not a code");
    check_fails(cx, po_signin_recovery(cx, site.home, &request, &outcome), PO_UNAUTH);
    check_ok(cx, po_mfa_state_get(cx, site.home, po_str_of(site.user), &state));
    check_eq_u64(state.recovery_codes_left, PO_RECOVERY_CODES - 1);
    po_signin_outcome_done(&outcome);
    request.code = po_str_of(codes.codes[0]);
    check_ok(cx, po_signin_recovery(cx, site.home, &request, &outcome));
}

TEST(mfa_recovery__new_codes_void_the_old_ones)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_recovery_codes older;
    struct po_recovery_codes newer;
    site_open(cx, &site, true);
    check_fails(cx, po_recovery_renew(cx, site.home, po_str_of(site.user), &older), PO_NOTFOUND);
    site_add_totp(cx, &site, 'k');
    check_ok(cx, po_recovery_renew(cx, site.home, po_str_of(site.user), &older));
    check_ok(cx, po_recovery_renew(cx, site.home, po_str_of(site.user), &newer));
    site_ticket(cx, &site, &ticket);
    struct po_mfa_request request = request_of(&ticket, older.codes[0]);
    check_fails(cx, po_signin_recovery(cx, site.home, &request, &outcome), PO_UNAUTH);
    request.code = po_str_of(newer.codes[0]);
    check_ok(cx, po_signin_recovery(cx, site.home, &request, &outcome));
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_RECOVERY_RENEWED, NULL), 2);
    check_that(!site_events_hold(cx, &site, newer.codes[0]));
}

/* ---- signed in -------------------------------------------------------------------------------- */

TEST(mfa_step_up__takes_a_code_that_was_not_used)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_identity identity;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    const struct po_mfa_request request = request_of(&ticket, site_code('k', 0));
    check_ok(cx, po_signin_totp(cx, site.home, &request, &outcome));
    const struct po_own own = {.user = po_str_of(site.user), .session = po_str_of(outcome.session)};
    check_fails(cx, po_step_up_totp(cx, site.home, &own, po_str_of(site_code('k', 0))), PO_UNAUTH);
    site_wait(PO_SESSION_STEP_UP_US);
    check_ok(cx,
             po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret), &identity));
    check_that(!identity.is_stepped_up);
    check_ok(cx, po_step_up_totp(cx, site.home, &own, po_str_of(site_code('k', 0))));
    check_ok(cx,
             po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret), &identity));
    check_that(identity.is_stepped_up);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_STEPPED_UP, NULL), 1);
}

TEST(mfa_reset__ends_sessions_and_needs_a_reason)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_mfa_state state;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    const struct po_mfa_request request = request_of(&ticket, site_code('k', 0));
    check_ok(cx, po_signin_totp(cx, site.home, &request, &outcome));
    check_fails(cx, po_mfa_reset(cx, site.home, po_str_of(site.user), PO_LIT("")), PO_USAGE);
    check_fails(cx, po_mfa_reset(cx, site.home, po_str_of(site.user), PO_LIT("x")), PO_UNAUTH);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000"); /* somebody on the machine */
    check_ok(cx, po_mfa_reset(cx, site.home, po_str_of(site.user), PO_LIT("phone lost")));
    check_that(!site_session_holds(cx, &site, &outcome));
    check_ok(cx, po_mfa_state_get(cx, site.home, po_str_of(site.user), &state));
    check_that(!state.has_totp && state.recovery_codes_left == 0 && state.has_password);
    po_signin_outcome_done(&outcome);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_ENROL);
}

/* ---- failures --------------------------------------------------------------------------------- */

struct fault_run {
    struct site *site;
    struct po_signin_outcome *ticket;
    struct po_signin_outcome *outcome;
    char code[PO_TOTP_DIGITS + 1];
};

/* Always from here, so that one call path has one site. */
__attribute__((noinline)) static po_rc run_redeem(struct po_ctx *cx, struct fault_run *run)
{
    const struct po_mfa_request request = request_of(run->ticket, run->code);
    po_fault_stack_base(__builtin_frame_address(0));
    po_rc rc = po_signin_totp(cx, run->site->home, &request, run->outcome);
    po_fault_off();
    po_fault_stack_base(NULL);
    return rc;
}

static void prepare(struct po_ctx *cx, struct fault_run *run)
{
    site_wait(PO_TOTP_STEP_US);
    po_signin_outcome_done(run->outcome);
    site_ticket(cx, run->site, run->ticket);
    memcpy(run->code, site_code('k', 0), sizeof run->code);
}

/*
 * Whatever failed: nothing was given, and the same ticket and code still get in; a sync that failed may
 * have reached the disk all the same, then the ticket is spent and nobody has its session.
 */
static void check_after_fault(struct po_ctx *cx, struct fault_run *run, bool is_sync)
{
    check_eq_int(run->outcome->state, PO_SIGNIN_NONE);
    check_that(run->outcome->secret == NULL);
    po_err_clear(cx);
    po_home_abandonp(&run->site->home);
    check_ok(cx, po_home_open(cx, test_tmp("home"), PO_HOME_READ_WRITE, &run->site->home));
    po_rc rc = run_redeem(cx, run);
    check_that(po_is_ok(rc) || (is_sync && rc.code == PO_EXPIRED), "%s", po_err_msg(cx));
    po_err_clear(cx);
}

TEST(mfa__a_failure_on_the_way_gives_nothing_and_costs_nothing)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct fault_run run = {.site = &site, .ticket = &ticket, .outcome = &outcome};
    size_t failed = 0;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    prepare(cx, &run);
    check_ok(cx, run_redeem(cx, &run));
    prepare(cx, &run);
    po_fault_record();
    check_ok(cx, run_redeem(cx, &run));
    const size_t sites = po_fault_site_count();
    for (size_t i = 0; i < sites; i++) {
        const struct po_fault_site fault = *po_fault_site_at(i);
        PO_CTX_AUTO step = {0};
        check_ok(cx, po_ctx_child_begin(cx, PO_CX_ARENA_BYTES_MAX, &step));
        prepare(&step, &run);
        po_fault_fail_site(fault.site, 1, EIO);
        po_rc rc = run_redeem(&step, &run);
        if (!po_is_ok(rc)) failed++;
        if (!po_is_ok(rc)) check_after_fault(&step, &run, strstr(fault.call, "sync") != NULL);
    }
    check_that(sites > 20 && failed > 10, "%zu sites, %zu failed", sites, failed);
}
