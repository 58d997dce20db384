/*
 * Sign-in by password: what it gives, what it hides, and that it costs the same for everybody.
 */
#include "unit/identity/credential_fixture.h"

#include <time.h>

#define RIGHT ((struct site_try){0})

TEST(signin__a_right_password_gives_a_session_and_nothing_else_does)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_credential_answer answer;
    site_open(cx, &site, false);
    struct po_signin_request request = {.email = PO_LIT(SITE_EMAIL), .password = PO_LIT("another")};
    check_ok(cx, po_signin_begin(cx, site.home, &request, &job));
    check_ok_leaf(po_credential_work(&job, &answer));
    check_fails(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome), PO_UNAUTH);
    check_eq_int(outcome.state, PO_SIGNIN_NONE);
    po_credential_job_done(&job);
    request.email = PO_LIT("Anna@Kontor.Example");
    request.password = PO_LIT(SITE_PASSWORD);
    check_ok(cx, po_signin_begin(cx, site.home, &request, &job));
    check_ok_leaf(po_credential_work(&job, &answer));
    check_ok(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_SESSION);
    check_eq_cstr(outcome.user, site.user);
    check_that(site_session_holds(cx, &site, &outcome));
    po_str detail;
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_SUCCEEDED, &detail), 1);
    check_that(po_str_find(detail, PO_LIT("\"method\":\"password\""), 0) != SIZE_MAX);
}

static const struct {
    const char *name;
    const char *email;
    const char *reason;
} nobodies[] = {
    {"a wrong password", SITE_EMAIL, "wrong password"},
    {"nobody", "nobody@kontor.example", "unknown account"},
    {"suspended", "suspended@kontor.example", "account not active"},
    {"invited", "invited@kontor.example", "account not active"},
    {"without a password", "fresh@kontor.example", "account without password"},
};

/* One text, one code, one hash of one cost, one count of events: nothing tells them apart. */
TEST(signin__nobody_can_tell_an_account_that_is_not_there_from_a_wrong_password)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    site_add_user(cx, &site, "suspended@kontor.example", "suspended", SITE_PASSWORD);
    site_add_user(cx, &site, "invited@kontor.example", "invited", SITE_PASSWORD);
    site_add_user(cx, &site, "fresh@kontor.example", "active", NULL);
    size_t events = 0;
    TEST_EACH(row, nobodies)
    {
        PO_CREDENTIAL_JOB_AUTO job = {0};
        PO_SIGNIN_OUTCOME_AUTO outcome = {0};
        struct po_credential_answer answer;
        po_str detail;
        const struct po_signin_request request = {.email = po_str_of(row->email),
                                                  .password = PO_LIT("no such thing at all")};
        check_ok(cx, po_signin_begin(cx, site.home, &request, &job));
        uint64_t work = po_password_work_count();
        check_ok_leaf(po_credential_work(&job, &answer));
        check_eq_u64(po_password_work_count() - work, 1);
        check_fails(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome), PO_UNAUTH);
        check_eq_cstr(po_err_msg(cx), "the e-mail address or the password is not right");
        check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_AUTH_FAILED, &detail), ++events);
        check_that(po_str_find(detail, po_str_of(row->reason), 0) != SIZE_MAX);
        /* no answer of a keeper, not even a lying one, lets such an account in */
        answer.is_right = row->email[0] != 'a';
        if (answer.is_right) {
            check_fails(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome), PO_UNAUTH);
            events++;
        }
    }
}

TEST(signin__a_hash_for_nobody_costs_what_the_policy_says)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    struct po_password_cost cost;
    site_open(cx, &site, false);
    const struct po_signin_request request = {.email = PO_LIT("nobody@kontor.example"),
                                              .password = PO_LIT("x")};
    check_ok(cx, po_signin_begin(cx, site.home, &request, &job));
    check_ok_leaf(po_password_hash_cost(po_str_of(job.hash), &cost));
    check_eq_u64(cost.memory_kib, 19456);
    check_eq_u64(cost.passes, 2);
}

/* ---- time ------------------------------------------------------------------------------------- */

/* Processor time of this process: what it does, not what a busy machine makes of it. */
static po_time_us cpu_us(void)
{
    struct timespec now = {0};
    check_eq_int(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return now.tv_sec * PO_US_PER_S + now.tv_nsec / 1000;
}

static po_time_us fastest_of(struct po_ctx *cx, struct site *site, const char *tenant,
                             const char *email, po_time_us fastest_us)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_credential_answer answer;
    const struct po_signin_request request = {.tenant = po_str_of(tenant),
                                              .email = po_str_of(email),
                                              .password = PO_LIT("no such thing at all")};
    site_wait(2 * PO_US_PER_HOUR);
    po_time_us start_us = cpu_us();
    check_ok(cx, po_signin_begin(cx, site->home, &request, &job));
    check_ok_leaf(po_credential_work(&job, &answer));
    check_fails(cx, po_signin_finish(cx, site->home, &job, &answer, &outcome), PO_UNAUTH);
    po_time_us took_us = cpu_us() - start_us;
    return took_us < fastest_us ? took_us : fastest_us;
}

#define TIMED_ROUNDS_MIN 3
#define TIMED_ROUNDS_MAX 20

struct timed {
    const char *tenant;
    const char *email;
};

/*
 * Measured: the fastest of each kind, taken in turns. More rounds are taken until the two are within a
 * fifth; without the dummy hash they would be apart by a factor of twenty whatever the number of rounds.
 */
static void check_same_time(struct po_ctx *cx, struct site *site, const struct timed *known,
                            const struct timed *unknown)
{
    po_time_us known_us = INT64_MAX;
    po_time_us unknown_us = INT64_MAX;
    bool is_same = false;
    for (uint64_t i = 1; !is_same && i <= test_rounds(TIMED_ROUNDS_MAX); i++) {
        known_us = fastest_of(cx, site, known->tenant, known->email, known_us);
        unknown_us = fastest_of(cx, site, unknown->tenant, unknown->email, unknown_us);
        po_time_us apart_us = known_us > unknown_us ? known_us - unknown_us : unknown_us - known_us;
        is_same = i >= TIMED_ROUNDS_MIN && apart_us * 5 < known_us;
    }
    check_that(is_same, "known %ld us, unknown %ld us", (long)known_us, (long)unknown_us);
}

static void put_real_hash(struct po_ctx *cx, struct site *site, const char *hash)
{
    PO_TX_AUTO *tx = NULL;
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_PASSWORD_CHANGED,
                                      .action = "change_password",
                                      .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_tx_begin(cx, po_home_store(site->home), &tx));
    check_ok(cx, po_password_store(cx, tx, po_str_of(site->user), hash));
    check_ok(cx, po_auth_commit(cx, site->home, tx, &note));
}

TEST(signin__takes_the_same_time_for_known_and_unknown_accounts)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    site_open(cx, &site, false);
    check_ok_leaf(po_password_hash(PO_LIT(SITE_PASSWORD), PO_PASSWORD_COST_FLOOR, hash));
    put_real_hash(cx, &site, hash);
    const struct timed known = {"", SITE_EMAIL};
    const struct timed unknown = {"", "nobody@kontor.example"};
    check_same_time(cx, &site, &known, &unknown);
}

/* The same with names of tenants: the known one has the account. */
TEST(signin__takes_the_same_time_for_known_and_unknown_tenants)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    po_tenant_id id = {0};
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    char actor[PO_ACTOR_BYTES_MAX];
    site_open(cx, &site, false);
    memcpy(actor, cx->actor, sizeof actor);
    memcpy(cx->actor, "os:1000", sizeof "os:1000");
    check_ok(cx, po_tenant_create(cx, site.home, PO_LIT("acme"), &id));
    memcpy(cx->actor, actor, sizeof actor);
    check_ok_leaf(po_password_hash(PO_LIT(SITE_PASSWORD), PO_PASSWORD_COST_FLOOR, hash));
    cx->tenant = id;
    site.user[0] = '\0';
    site_add_user(cx, &site, SITE_EMAIL, "active", NULL);
    put_real_hash(cx, &site, hash);
    const struct timed known = {"acme", SITE_EMAIL};
    const struct timed unknown = {"nobody", SITE_EMAIL};
    check_same_time(cx, &site, &known, &unknown);
}

/* ---- between the phases ----------------------------------------------------------------------- */

static void begin(struct po_ctx *cx, struct site *site, struct po_credential_job *job)
{
    const struct po_signin_request request = {.email = PO_LIT(SITE_EMAIL),
                                              .password = PO_LIT(SITE_PASSWORD)};
    check_ok(cx, po_signin_begin(cx, site->home, &request, job));
}

static void put_password(struct po_ctx *cx, struct site *site, const char *hash)
{
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_PASSWORD_CHANGED,
                                      .action = "change_password",
                                      .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site->home), &tx));
    check_ok(cx, po_password_store(cx, tx, po_str_of(site->user), hash));
    check_ok(cx, po_auth_commit(cx, site->home, tx, &note));
}

TEST(signin__an_old_password_does_not_get_in_when_it_was_changed_meanwhile)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_credential_answer right = {.is_right = true};
    site_open(cx, &site, false);
    begin(cx, &site, &job);
    put_password(cx, &site, site_hash("another"));
    check_fails(cx, po_signin_finish(cx, site.home, &job, &right, &outcome), PO_UNAUTH);
}

TEST(signin__a_user_suspended_meanwhile_does_not_get_in)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_credential_answer right = {.is_right = true};
    const struct po_auth_note note = {
        .type = PO_EVENT_TYPE_USER_SUSPENDED, .action = "suspend", .result = PO_EVENT_SUCCESS};
    site_open(cx, &site, false);
    begin(cx, &site, &job);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site.home), &tx));
    check_ok(cx, po_store_user_move(cx, tx, po_str_of(site.user), "active", "suspended"));
    check_ok(cx, po_auth_commit(cx, site.home, tx, &note));
    check_fails(cx, po_signin_finish(cx, site.home, &job, &right, &outcome), PO_UNAUTH);
}

TEST(signin__a_job_of_another_kind_or_tenant_is_a_mistake_of_ours)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_credential_answer right = {.is_right = true};
    site_open(cx, &site, false);
    begin(cx, &site, &job);
    check_fails(cx, po_password_change_finish(cx, site.home, &job, &right), PO_BUG);
    check_fails(cx, po_step_up_finish(cx, site.home, &job, &right), PO_BUG);
    check_fails(cx, po_link_finish(cx, site.home, &job, &right, &outcome), PO_BUG);
    job.tenant.value++;
    check_fails(cx, po_signin_finish(cx, site.home, &job, &right, &outcome), PO_BUG);
}

TEST(signin__refuses_shapes_before_it_looks_anything_up)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    static char text[PO_PASSWORD_BYTES_MAX + 1];
    memset(text, 'a', sizeof text);
    site_open(cx, &site, false);
    const struct po_signin_request bad[] = {
        {.email = PO_LIT(""), .password = PO_LIT("x")},
        {.email = po_str_n(text, PO_EMAIL_BYTES_MAX + 1), .password = PO_LIT("x")},
        {.email = PO_LIT(SITE_EMAIL), .password = PO_LIT("")},
        {.email = PO_LIT(SITE_EMAIL), .password = po_str_n(text, sizeof text)}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_fails(cx, po_signin_begin(cx, site.home, &bad[i], &job), PO_INVALID);
    const struct po_signin_request odd = {.email = PO_LIT("a\0b\xff@x"),
                                          .password = PO_LIT("\xff\x00"),
                                          .user_agent = po_str_n(text, sizeof text)};
    check_ok(cx, po_signin_begin(cx, site.home, &odd, &job));
    check_eq_u64(strlen(job.user_agent), PO_USER_AGENT_BYTES_MAX);
}

TEST(signin__nobody_signs_in_to_a_home_that_cannot_record_it)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    site_open(cx, &site, false);
    check_ok(cx, po_home_close(cx, &site.home));
    check_ok(cx, po_home_open(cx, test_tmp("home"), PO_HOME_READ_ONLY, &site.home));
    const struct po_signin_request request = {.email = PO_LIT(SITE_EMAIL),
                                              .password = PO_LIT(SITE_PASSWORD)};
    check_fails(cx, po_signin_begin(cx, site.home, &request, &job), PO_UNAVAILABLE);
}

TEST(signin__a_weak_hash_is_made_anew_with_the_next_sign_in)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_credential_answer answer;
    struct po_store_credential *password = NULL;
    po_str detail;
    site_open(cx, &site, false);
    begin(cx, &site, &job);
    check_that(job.new_password != NULL, "the fixture's hash is weaker than any policy");
    check_ok_leaf(po_credential_work(&job, &answer));
    check_ok(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome));
    check_ok(cx, po_credential_find(cx, site.home, po_str_of(site.user), "password", &password));
    check_that(!po_password_hash_is_weak(password->secret, PO_PASSWORD_COST_FLOOR));
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_PASSWORD_REHASHED, &detail), 1);
    po_credential_job_done(&job);
    po_signin_outcome_done(&outcome);
    begin(cx, &site, &job);
    check_that(job.new_password == NULL, "it is strong now");
    check_ok_leaf(po_credential_work(&job, &answer));
    check_ok(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome));
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_PASSWORD_REHASHED, &detail), 1);
}

TEST(signin__events_hold_nothing_that_lets_anybody_in)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    site_open(cx, &site, true);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_ENROL);
    check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    char secret[PO_TICKET_CHARS + 1];
    po_text_cut(po_secret_bytes(outcome.secret), secret, sizeof secret);
    check_that(!site_events_hold(cx, &site, secret));
    check_that(!site_events_hold(cx, &site, SITE_PASSWORD));
    check_that(!site_events_hold(cx, &site, "anna@"));
    check_that(!site_events_hold(cx, &site, "argon2id"));
    check_that(site_events_hold(cx, &site, site.user));
}

/* ---- one's own password ----------------------------------------------------------------------- */

TEST(password_change__needs_the_present_one_and_ends_the_other_sessions)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO here = {0};
    PO_SIGNIN_OUTCOME_AUTO there = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    struct po_credential_answer answer;
    site_open(cx, &site, false);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &here));
    check_ok(cx, site_signin(cx, &site, &RIGHT, &there));
    struct po_password_change change = {
        .own = {.user = po_str_of(site.user), .session = po_str_of(here.session)},
        .password = PO_LIT("another"),
        .new_password = PO_LIT("annabeispiel2026")};
    check_fails(cx, po_password_change_begin(cx, site.home, &change, &job), PO_INVALID);
    check_contains(po_err_msg(cx), "easy to guess");
    change.new_password = PO_LIT("quill fjord vexes a mule");
    check_ok(cx, po_password_change_begin(cx, site.home, &change, &job));
    check_ok_leaf(po_credential_work(&job, &answer));
    check_eq_cstr(answer.new_hash, "");
    check_fails(cx, po_password_change_finish(cx, site.home, &job, &answer), PO_UNAUTH);
    po_credential_job_done(&job);
    change.password = PO_LIT(SITE_PASSWORD);
    check_ok(cx, po_password_change_begin(cx, site.home, &change, &job));
    check_ok_leaf(po_credential_work(&job, &answer));
    check_ok(cx, po_password_change_finish(cx, site.home, &job, &answer));
    check_that(site_session_holds(cx, &site, &here));
    check_that(!site_session_holds(cx, &site, &there));
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_PASSWORD_CHANGED, NULL), 1);
    struct po_store_credential *password = NULL;
    bool is_right = false;
    check_ok(cx, po_credential_find(cx, site.home, po_str_of(site.user), "password", &password));
    check_ok_leaf(po_password_verify(change.new_password, password->secret, &is_right));
    check_that(is_right);
}

TEST(step_up__by_password_is_for_those_without_a_second_factor)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    struct po_identity identity;
    struct po_credential_answer answer = {.is_right = false};
    site_open(cx, &site, false);
    check_ok(cx, site_signin(cx, &site, &RIGHT, &outcome));
    site_wait(PO_SESSION_STEP_UP_US);
    const struct po_own own = {.user = po_str_of(site.user), .session = po_str_of(outcome.session)};
    check_ok(cx, po_step_up_begin(cx, site.home, &own, PO_LIT(SITE_PASSWORD), &job));
    check_fails(cx, po_step_up_finish(cx, site.home, &job, &answer), PO_UNAUTH);
    check_ok(cx,
             po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret), &identity));
    check_that(!identity.is_stepped_up);
    answer.is_right = true;
    check_ok(cx, po_step_up_finish(cx, site.home, &job, &answer));
    check_ok(cx,
             po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret), &identity));
    check_that(identity.is_stepped_up);
    po_credential_job_done(&job);
    site_add_totp(cx, &site, 'k');
    check_fails(cx, po_step_up_begin(cx, site.home, &own, PO_LIT(SITE_PASSWORD), &job), PO_INVALID);
}
