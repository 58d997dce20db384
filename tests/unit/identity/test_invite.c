/*
 * One-time links: the first owner's, invitations, and lost passwords.
 */
#include "unit/identity/credential_fixture.h"

#include <stdio.h>

#define NEW_PASSWORD "quill fjord vexes a mule"

static struct po_credential_answer hashed(void)
{
    struct po_credential_answer answer = {0};
    memcpy(answer.new_hash, site_hash(NEW_PASSWORD), sizeof answer.new_hash);
    return answer;
}

/* An operator on the machine: links are made by somebody. */
static po_rc create(struct po_ctx *cx, struct site *site, const struct po_link_request *request,
                    struct po_secret **ret_link)
{
    char actor[PO_ACTOR_BYTES_MAX];
    memcpy(actor, cx->actor, sizeof actor);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000");
    po_rc rc = po_link_create(cx, site->home, request, ret_link);
    memcpy(cx->actor, actor, sizeof actor);
    return rc;
}

static void make_link(struct po_ctx *cx, struct site *site, enum po_link_kind kind,
                      struct po_secret **ret_link)
{
    const struct po_link_request request = {.kind = kind, .user = po_str_of(site->user)};
    po_secret_freep(ret_link);
    check_ok(cx, create(cx, site, &request, ret_link));
    check_eq_u64(po_secret_bytes(*ret_link).len, PO_TICKET_CHARS);
}

static po_rc use_link(struct po_ctx *cx, struct site *site, po_str link,
                      struct po_signin_outcome *ret_outcome)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_credential_answer answer = hashed();
    PO_TRY(cx, po_link_begin(cx, site->home, link, PO_LIT(NEW_PASSWORD), &job));
    return po_link_finish(cx, site->home, &job, &answer, ret_outcome);
}

#define LINK_AUTO PO_CLEANUP(po_secret_freep) struct po_secret

/* From nothing to a session of two factors, with real hashes. */
TEST(link__the_first_owner_comes_in_through_one)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    struct po_credential_answer answer;
    struct po_user_invited invited = {0};
    enum po_link_kind kind = PO_LINK_RESET;
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    char actor[PO_ACTOR_BYTES_MAX];
    memcpy(actor, cx->actor, sizeof actor);
    site_open(cx, &site, true);
    memcpy(cx->actor, actor, sizeof actor);
    cx->channel = PO_CHANNEL_CLI;
    const struct po_user_invite invite = {
        .email = PO_LIT("owner@kontor.example"), .name = PO_LIT("Olga"), .is_first_owner = true};
    check_ok(cx, po_user_invite(cx, site.home, &invite, &invited));
    const po_str link = po_secret_bytes(invited.link);
    check_ok(cx, po_link_find(cx, site.home, link, &kind, user));
    check_eq_int(kind, PO_LINK_INVITE);
    check_eq_cstr(user, invited.id);
    check_ok(cx, po_link_begin(cx, site.home, link, PO_LIT(NEW_PASSWORD), &job));
    check_ok_leaf(po_credential_work(&job, &answer));
    check_ok(cx, po_link_finish(cx, site.home, &job, &answer, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_ENROL);
    struct po_user owner;
    check_ok(cx, po_user_get(cx, site.home, po_str_of(invited.id), &owner));
    check_eq_str(owner.state, "active");
    check_fails(cx, use_link(cx, &site, link, &outcome), PO_EXPIRED);
    check_eq_u64(site_events(cx, &site, PO_EVENT_TYPE_LINK_USED, NULL), 1);
    po_secret_freep(&invited.link);
}

TEST(link__a_reset_ends_sessions_and_the_old_password)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO before = {0};
    PO_SIGNIN_OUTCOME_AUTO after = {0};
    LINK_AUTO *link = NULL;
    bool is_right = false;
    struct po_store_credential *password = NULL;
    site_open(cx, &site, false);
    check_ok(cx, site_signin(cx, &site, &(struct site_try){0}, &before));
    make_link(cx, &site, PO_LINK_RESET, &link);
    check_ok(cx, use_link(cx, &site, po_secret_bytes(link), &after));
    check_that(!site_session_holds(cx, &site, &before));
    check_that(site_session_holds(cx, &site, &after));
    check_ok(cx, po_credential_find(cx, site.home, po_str_of(site.user), "password", &password));
    check_ok_leaf(po_password_verify(PO_LIT(NEW_PASSWORD), password->secret, &is_right));
    check_that(is_right);
    char text[PO_TICKET_CHARS + 1];
    po_text_cut(po_secret_bytes(link), text, sizeof text);
    check_that(!site_events_hold(cx, &site, text));
}

TEST(link__a_reset_does_not_go_around_the_second_factor)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    LINK_AUTO *link = NULL;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    make_link(cx, &site, PO_LINK_RESET, &link);
    check_ok(cx, use_link(cx, &site, po_secret_bytes(link), &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_MFA);
    check_ok(cx, site_totp(cx, &site, &outcome, site_code('k', 0)));
}

TEST(link__opens_a_locked_account)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    LINK_AUTO *link = NULL;
    site_open(cx, &site, false);
    for (int i = 0; i < 5; i++)
        check_fails(cx, site_fail(cx, &site, NULL), PO_UNAUTH);
    make_link(cx, &site, PO_LINK_RESET, &link);
    check_ok(cx, use_link(cx, &site, po_secret_bytes(link), &outcome));
    po_signin_outcome_done(&outcome);
    check_ok(cx, site_signin(cx, &site, &(struct site_try){0}, &outcome));
}

TEST(link__a_refused_password_does_not_cost_it)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    LINK_AUTO *link = NULL;
    site_open(cx, &site, false);
    make_link(cx, &site, PO_LINK_RESET, &link);
    check_fails(cx,
                po_link_begin(cx, site.home, po_secret_bytes(link), PO_LIT("Kontor2026!!"), &job),
                PO_INVALID);
    check_ok(cx, use_link(cx, &site, po_secret_bytes(link), &outcome));
}

TEST(link__works_once_even_when_two_began)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO first = {0};
    PO_CREDENTIAL_JOB_AUTO second = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    PO_SIGNIN_OUTCOME_AUTO other = {0};
    LINK_AUTO *link = NULL;
    const struct po_credential_answer answer = hashed();
    site_open(cx, &site, false);
    make_link(cx, &site, PO_LINK_RESET, &link);
    check_ok(cx, po_link_begin(cx, site.home, po_secret_bytes(link), PO_LIT(NEW_PASSWORD), &first));
    check_ok(cx,
             po_link_begin(cx, site.home, po_secret_bytes(link), PO_LIT(NEW_PASSWORD), &second));
    check_ok(cx, po_link_finish(cx, site.home, &second, &answer, &outcome));
    check_fails(cx, po_link_finish(cx, site.home, &first, &answer, &other), PO_EXPIRED);
    check_eq_int(other.state, PO_SIGNIN_NONE);
    check_that(site_session_holds(cx, &site, &outcome));
}

TEST(link__ends_with_its_time_with_a_newer_one_and_with_the_account)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CREDENTIAL_JOB_AUTO job = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    LINK_AUTO *link = NULL;
    LINK_AUTO *newer = NULL;
    const struct po_credential_answer answer = hashed();
    site_open(cx, &site, false);
    make_link(cx, &site, PO_LINK_RESET, &link);
    make_link(cx, &site, PO_LINK_RESET, &newer);
    check_fails(cx, use_link(cx, &site, po_secret_bytes(link), &outcome), PO_EXPIRED);
    check_ok(cx, po_link_begin(cx, site.home, po_secret_bytes(newer), PO_LIT(NEW_PASSWORD), &job));
    site_wait(PO_LINK_RESET_LIFE_US);
    check_fails(cx, po_link_finish(cx, site.home, &job, &answer, &outcome), PO_EXPIRED);
    check_fails(cx, use_link(cx, &site, po_secret_bytes(newer), &outcome), PO_EXPIRED);
    make_link(cx, &site, PO_LINK_RESET, &link);
    const struct po_auth_note note = {
        .type = PO_EVENT_TYPE_USER_SUSPENDED, .action = "suspend", .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site.home), &tx));
    check_ok(cx, po_store_user_move(cx, tx, po_str_of(site.user), "active", "suspended"));
    check_ok(cx, po_auth_commit(cx, site.home, tx, &note));
    check_fails(cx, use_link(cx, &site, po_secret_bytes(link), &outcome), PO_EXPIRED);
}

TEST(link__is_only_for_accounts_in_its_state_and_for_a_fortnight_at_most)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    LINK_AUTO *link = NULL;
    site_open(cx, &site, false);
    struct po_link_request request = {.kind = PO_LINK_INVITE, .user = po_str_of(site.user)};
    check_fails(cx, create(cx, &site, &request, &link), PO_CONFLICT);
    request.kind = PO_LINK_RESET;
    request.life_us = PO_LINK_LIFE_US_MAX + 1;
    check_fails(cx, create(cx, &site, &request, &link), PO_INVALID);
    request.life_us = -1;
    check_fails(cx, create(cx, &site, &request, &link), PO_INVALID);
    request.user = PO_LIT("usr_00000000000000000000000001");
    check_fails(cx, create(cx, &site, &request, &link), PO_NOTFOUND);
}

TEST(link__guesses_stop_their_source_and_nobody_else)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    enum po_link_kind kind;
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    PO_CREDENTIAL_JOB_AUTO job = {0};
    site_open(cx, &site, false);
    for (int i = 0; i < 20; i++)
        check_fails(cx, po_link_find(cx, site.home, PO_LIT("guess"), &kind, user), PO_EXPIRED);
    check_eq_int(po_link_begin(cx, site.home, PO_LIT("guess"), PO_LIT(NEW_PASSWORD), &job).code,
                 PO_RATE);
    check_eq_u64(cx->err.retry_after_s, 60);
    po_err_clear(cx);
    LINK_AUTO *link = NULL;
    make_link(cx, &site, PO_LINK_RESET, &link);
    site_ip(cx, "198.51.100.1");
    check_ok(cx, po_link_find(cx, site.home, po_secret_bytes(link), &kind, user));
}

/* A ticket of sign-in is no link, nor the other way round. */
TEST(link__kinds_are_not_mixed)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO ticket = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    LINK_AUTO *link = NULL;
    site_open(cx, &site, true);
    site_add_totp(cx, &site, 'k');
    site_ticket(cx, &site, &ticket);
    check_fails(cx, use_link(cx, &site, po_secret_bytes(ticket.secret), &outcome), PO_EXPIRED);
    make_link(cx, &site, PO_LINK_RESET, &link);
    const struct po_mfa_request request = {.ticket = po_secret_bytes(link),
                                           .code = po_str_of(site_code('k', 0))};
    check_fails(cx, po_signin_totp(cx, site.home, &request, &outcome), PO_EXPIRED);
}
