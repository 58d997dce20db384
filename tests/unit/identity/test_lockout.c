/*
 * Throttling: how long failures lock, whom, and what cannot be told from it.
 */
#include "unit/identity/credential_fixture.h"

#include <stdio.h>

TEST(lockout_delay__grows_from_the_fifth_failure)
{
    static const struct {
        int64_t failures;
        int64_t wait_s;
    } rows[] = {{0, 0},     {4, 0},     {5, 30},      {6, 60},      {7, 120},
                {8, 240},   {9, 480},   {10, 960},    {11, 1920},   {12, 3600},
                {13, 3600}, {99, 3600}, {100, 86400}, {5000, 86400}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_eq_int(po_lockout_delay_us(&po_lockout_account, rows[i].failures),
                     rows[i].wait_s * PO_US_PER_S);
    check_eq_int(po_lockout_delay_us(&po_lockout_source, 19), 0);
    check_eq_int(po_lockout_delay_us(&po_lockout_source, 20), PO_US_PER_MIN);
    check_eq_int(po_lockout_delay_us(&po_lockout_source, INT64_MAX - 1), PO_US_PER_HOUR);
}

static uint32_t retry_after(struct po_ctx *cx, struct site *site, const char *email)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_signin_request request = {.email = po_str_of(email),
                                              .password = PO_LIT(SITE_PASSWORD)};
    po_rc rc = po_signin_begin(cx, site->home, &request, &job);
    if (po_is_ok(rc)) return 0;
    check_eq_int(rc.code, PO_RATE);
    uint32_t retry_after_s = cx->err.retry_after_s;
    po_err_clear(cx);
    check_that(job.password == NULL && job.kind == PO_JOB_NONE);
    return retry_after_s;
}

/* @proves CC6.1 */
TEST(lockout__five_failures_lock_an_account_and_waiting_opens_it)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 5; i++) {
        check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 0);
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    }
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 30);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_LOCKED, NULL), 1);
    site_wait(29 * PO_US_PER_S + 1);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 1);
    check_fails(cx, site_signin(cx, &site, &(struct site_try){0}, &outcome), PO_RATE);
    check_contains(po_err_msg(cx), "try again in 1 s");
    site_wait(PO_US_PER_S);
    check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 60);
    site_wait(PO_US_PER_MIN);
    check_ok(cx, site_signin(cx, &site, &(struct site_try){0}, &outcome));
    check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 0);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_REFUSED, NULL), 4);
}

TEST(lockout__outlives_a_restart)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 5; i++)
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    site_reopen(cx, &site);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 30);
}

TEST(lockout__an_address_that_does_not_exist_locks_as_one_that_does)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 7; i++) {
        const char *const emails[] = {SITE_EMAIL, "nobody@kontor.example"};
        uint32_t waits[2];
        for (int who = 0; who < 2; who++) {
            waits[who] = retry_after(cx, &site, emails[who]);
            if (waits[who] == 0) check_fails(cx, site_fail(cx, &site, emails[who]), PO_UNAUTH);
        }
        check_eq_u64(waits[0], waits[1]);
    }
    check_eq_u64(retry_after(cx, &site, "nobody@kontor.example"), 30);
}

TEST(lockout__the_address_counts_in_any_case)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 5; i++)
        check_fails(cx, site_fail(cx, &site, i % 2 == 0 ? "ANNA@kontor.example" : NULL), PO_UNAUTH);
    check_eq_u64(retry_after(cx, &site, "anna@KONTOR.EXAMPLE"), 30);
}

/* Credential stuffing: one source tries many accounts with one password each. */
TEST(lockout__one_source_over_many_accounts_is_stopped_and_others_are_not)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 20; i++) {
        const char *email = po_arena_printf(cx->arena, "user%d@kontor.example", i);
        check_fails(cx, site_fail(cx, &site, email), PO_UNAUTH);
    }
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 60);
    site_ip(cx, "192.0.2.8");
    check_ok(cx, site_signin(cx, &site, &(struct site_try){0}, &outcome));
    /* a sign-in that succeeds does not open the source again */
    site_ip(cx, SITE_IP);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 60);
    site_wait(PO_US_PER_MIN);
    po_signin_outcome_done(&outcome);
    check_ok(cx, site_signin(cx, &site, &(struct site_try){0}, &outcome));
    check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 120);
}

/* The other way round: many sources try one account. */
TEST(lockout__many_sources_on_one_account_are_stopped)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 5; i++) {
        site_ip(cx, po_arena_printf(cx->arena, "198.51.100.%d", i));
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    }
    site_ip(cx, "203.0.113.1");
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 30);
    check_eq_u64(retry_after(cx, &site, "other@kontor.example"), 0);
}

/* Guesses that were begun before the account locked do not get through afterwards. */
TEST(lockout__guesses_in_flight_do_not_outrun_it)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    struct po_credential_job jobs[8] = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_signin_request request = {.email = PO_LIT(SITE_EMAIL),
                                              .password = PO_LIT(SITE_PASSWORD)};
    site_open(cx, &site, false);
    for (int i = 0; i < 8; i++)
        check_ok(cx, po_signin_begin(cx, site.home, &request, &jobs[i]));
    for (int i = 0; i < 8; i++) {
        const struct po_credential_answer answer = {.is_right = i == 7};
        po_rc rc = po_signin_finish(cx, site.home, &jobs[i], &answer, &outcome);
        check_eq_int(rc.code, i < 5 ? PO_UNAUTH : PO_RATE);
        po_err_clear(cx);
        po_credential_job_done(&jobs[i]);
    }
    check_eq_int(outcome.state, PO_SIGNIN_NONE);
}

TEST(lockout__an_administrator_opens_an_account)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 5; i++)
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    check_fails(cx, po_lockout_clear(cx, site.home, po_str_of(site.user)), PO_UNAUTH);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000"); /* somebody on the machine */
    check_ok(cx, po_lockout_clear(cx, site.home, po_str_of(site.user)));
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 0);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_UNLOCKED, NULL), 1);
    check_fails(cx, po_lockout_clear(cx, site.home, PO_LIT("usr_00000000000000000000000001")),
                PO_NOTFOUND);
}

TEST(lockout__is_forgotten_after_a_month_and_a_clock_that_went_back_locks_nobody_longer)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 4; i++)
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    site_wait(31 * PO_US_PER_DAY);
    check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 0);
    for (int i = 0; i < 4; i++)
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 30);
    test_clock()->wall_us -= PO_US_PER_DAY;
    check_eq_u64(retry_after(cx, &site, SITE_EMAIL), 30);
}

static const struct {
    const char *name;
    const char *ip;
    const char *source;
    const char *class;
} sources[] = {
    {"local", "", "local", "local"},
    {"IPv4", "192.0.2.7", "192.0.2.7", "192.0.2.0/24"},
    {"IPv6", "2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64", "2001:0db8:0001::/48"},
    {"IPv4 in IPv6", "::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"},
    {"no address", "unix:@x", "unix:@x", "unix:@x"},
};

TEST(lockout_source__is_an_address_or_a_network_that_one_party_holds)
{
    TEST_EACH(row, sources)
    {
        char source[PO_SOURCE_TEXT_BYTES];
        char class[PO_SOURCE_TEXT_BYTES];
        po_source_texts(po_str_of(row->ip), source, class);
        check_eq_cstr(source, row->source);
        check_eq_cstr(class, row->class);
    }
}
