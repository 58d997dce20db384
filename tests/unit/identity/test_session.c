/*
 * Sessions: new each time, idle and absolute end, revoked, never taken from a client.
 */
#include "unit/identity/identity_fixture.h"

static po_rc who(struct po_ctx *cx, struct po_home *home, const struct person *person,
                 struct po_identity *ret_identity)
{
    return po_identity_from_session(cx, home, po_str_of(person->secret), ret_identity);
}

static bool holds(struct po_ctx *cx, struct po_home *home, const struct person *person)
{
    struct po_identity identity = {0};
    po_rc rc = who(cx, home, person, &identity);
    check_that(po_is_ok(rc) || rc.code == PO_UNAUTH);
    po_err_clear(cx);
    return po_is_ok(rc);
}

/* @proves CC6.1 */
TEST(session__names_its_user_and_ends_when_idle)
{
    TEST_CX(cx);
    struct po_identity identity = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    (void)snprintf(cx->ip, sizeof cx->ip, "192.0.2.7");
    struct person ann = person_make(cx, home, "ann", "operator");
    check_ok(cx, who(cx, home, &ann, &identity));
    check_eq_cstr(identity.id, ann.id);
    check_eq_cstr(identity.session, ann.session);
    check_eq_cstr(identity.role, "operator");
    check_that(identity.is_mfa && identity.is_stepped_up && !identity.needs_mfa);
    po_clock_fake_advance(test_clock(), PO_SESSION_STEP_UP_US);
    check_ok(cx, who(cx, home, &ann, &identity));
    check_that(!identity.is_stepped_up);
    po_clock_fake_advance(test_clock(), PO_SESSION_IDLE_US - 1);
    check_that(holds(cx, home, &ann)); /* and is seen */
    po_clock_fake_advance(test_clock(), PO_SESSION_IDLE_US - 1);
    check_that(holds(cx, home, &ann));
    po_clock_fake_advance(test_clock(), PO_SESSION_IDLE_US);
    check_that(!holds(cx, home, &ann));
    struct po_session session = {0};
    check_ok(cx, po_session_get(cx, home, po_str_of(ann.session), &session));
    check_eq_str(session.ended_why, "idle");
    check_eq_str(session.ip, "192.0.2.7");
    struct seen seen = events(cx, home, PO_EVENT_TYPE_SESSION_SEEN);
    check_eq_u64(seen.count, 3);
    check_eq_cstr(seen.user + 5, ann.id);
}

TEST(session__ends_after_twelve_hours_however_busy)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "viewer");
    for (int i = 0; i < 12 * 3 - 1; i++) {
        po_clock_fake_advance(test_clock(), 20 * PO_US_PER_MIN);
        check_that(holds(cx, home, &ann));
    }
    po_clock_fake_advance(test_clock(), 20 * PO_US_PER_MIN);
    check_that(!holds(cx, home, &ann));
}

/* @proves CC6.1 */
TEST(session__is_new_at_each_sign_in_and_never_the_client_s)
{
    TEST_CX(cx);
    struct po_identity identity = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person one = person_make(cx, home, "ann", "viewer");
    struct person two = sign_in(cx, home, one.id);
    check_that(strcmp(one.secret, two.secret) != 0 && strcmp(one.session, two.session) != 0);
    static const char planted[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(planted), &identity), PO_UNAUTH);
    struct person three = sign_in(cx, home, one.id);
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(planted), &identity), PO_UNAUTH);
    check_that(strcmp(three.secret, planted) != 0);
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(one.session), &identity),
                PO_UNAUTH); /* the id is no secret, and none is made of it */
    check_fails(cx, po_identity_from_session(cx, home, PO_LIT(""), &identity), PO_UNAUTH);
    char altered[64];
    (void)snprintf(altered, sizeof altered, "%s", one.secret);
    altered[0] = altered[0] == 'A' ? 'B' : 'A';
    check_fails(cx, po_identity_from_session(cx, home, po_str_of(altered), &identity), PO_UNAUTH);
}

TEST(session__secret_is_nowhere_in_the_home)
{
    TEST_CX(cx);
    static const char *const files[] = {"home/data/paulyops.db", "home/data/paulyops.db-wal",
                                        "home/data/ledger/000000.pay"};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    (void)snprintf(cx->ip, sizeof cx->ip, "192.0.2.77");
    struct person ann = person_make(cx, home, "sentinel", "viewer");
    check_that(holds(cx, home, &ann));
    check_ok(cx, po_home_flush(cx, home));
    for (size_t i = 0; i < 3; i++) {
        size_t len = 0;
        char *bytes = test_read_file(test_tmp(files[i]), &len);
        po_str text = po_str_n(bytes, len);
        check_that(po_str_find(text, po_str_of(ann.secret), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT("sentinel"), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT("192.0.2.77"), 0) == SIZE_MAX);
        free(bytes);
    }
}

TEST(session__is_revoked_alone_or_with_all_others)
{
    TEST_CX(cx);
    size_t count = 0;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person one = person_make(cx, home, "ann", "viewer");
    struct person two = sign_in(cx, home, one.id);
    struct person three = sign_in(cx, home, one.id);
    struct person other = person_make(cx, home, "bob", "viewer");
    check_ok(cx, po_session_revoke(cx, home, po_str_of(one.session), "revoked"));
    check_that(!holds(cx, home, &one) && holds(cx, home, &two));
    check_fails(cx, po_session_revoke(cx, home, po_str_of(one.session), "revoked"), PO_CONFLICT);
    check_ok(cx, po_session_revoke_all(cx, home, po_str_of(one.id), po_str_of(two.session),
                                       "password changed", &count));
    check_eq_u64(count, 1);
    check_that(holds(cx, home, &two) && !holds(cx, home, &three) && holds(cx, home, &other));
    check_contains(events(cx, home, PO_EVENT_TYPE_SESSION_REVOKED).detail,
                   "\"why\":\"password changed\"");
}

TEST(session__of_one_factor_only_enrols)
{
    TEST_CX(cx);
    struct po_identity identity = {0};
    char id[PO_ID_BYTES];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "owner");
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    const struct po_session_new weak = {.user = po_str_of(ann.id), .method = PO_LIT("password")};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_session_create(cx, tx, &weak, id, &secret));
    commit(cx, home, tx);
    check_ok(cx, po_identity_from_session(cx, home, po_secret_bytes(secret), &identity));
    check_that(identity.needs_mfa && !identity.is_mfa && !identity.is_stepped_up);
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("user.list"), PO_LIT("")),
                PO_DENIED);
    check_ok(cx, po_access_check(cx, home, &identity, PO_LIT("mfa.show"), PO_LIT("")));
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("mfa.enrol"), PO_LIT("")),
                PO_DENIED);
    identity.is_stepped_up = true;
    check_ok(cx, po_access_check(cx, home, &identity, PO_LIT("mfa.enrol"), PO_LIT("")));
}

TEST(session__s_of_one_user_are_bounded)
{
    TEST_CX(cx);
    struct po_session *sessions = NULL;
    size_t count = 0;
    size_t open = 0;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person first = person_make(cx, home, "ann", "viewer");
    for (int i = 0; i < PO_SESSIONS_OF_USER_MAX; i++) {
        po_clock_fake_advance(test_clock(), PO_US_PER_MS);
        (void)sign_in(cx, home, first.id);
    }
    check_ok(cx, po_session_list(cx, home, po_str_of(first.id), &sessions, &count));
    for (size_t i = 0; i < count; i++)
        if (sessions[i].is_open) open++;
    check_eq_u64(open, PO_SESSIONS_OF_USER_MAX);
    check_that(!holds(cx, home, &first));
}

TEST(session__in_a_read_only_home_is_known_and_not_noted)
{
    TEST_CX(cx);
    home_make(cx);
    struct po_home *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person ann = person_make(cx, home, "ann", "viewer");
    struct po_identity identity = {0};
    check_ok(cx, po_home_close(cx, &home));
    home = home_open(cx, PO_HOME_READ_ONLY);
    po_clock_fake_advance(test_clock(), 2 * PO_SESSION_SEEN_US);
    check_ok(cx, who(cx, home, &ann, &identity));
    check_fails(cx, po_access_check(cx, home, &identity, PO_LIT("flag.set"), PO_LIT("")),
                PO_DENIED);
    po_home_abandonp(&home);
}
