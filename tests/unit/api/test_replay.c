/*
 * Idempotency-Key: a repetition is answered, not done; a key is one actor's, one route's, one request's.
 */
#include "cli/cli.h"
#include "unit/api/api_fixture.h"

#include <stdio.h>

static struct po_api_request keyed(const struct api_fixture *fixture, enum api_role who,
                                   const char *body, const char *key)
{
    struct po_api_request req =
        api_request(fixture, who, PO_HTTP_PUT, "/api/v1/register/cost.audit", body);
    req.fields[PO_API_FIELD_IDEMPOTENCY_KEY] = po_str_of(key);
    return req;
}

/* How often a figure was set. */
static size_t times_set(struct po_ctx *cx, struct api_fixture *fixture)
{
    struct po_store_register_entry *entries = NULL;
    size_t count = 0;
    check_ok(cx, po_store_register_list(cx, po_home_store(fixture->home), true, &entries, &count));
    return count;
}

TEST(api_replay__answers_a_repetition_without_doing_it_again)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO first = {0};
    API_ANSWER_AUTO second = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request req = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_ask(&fixture, &req, &first), 200);
    check_eq_u64(api_ask(&fixture, &req, &second), 200);
    check_eq_cstr(api_body(&second), api_body(&first));
    check_eq_str(api_field(&second, PO_HTTP_IDEMPOTENCY_KEY), "key-1");
    check_eq_u64(times_set(cx, &fixture), 1);
}

TEST(api_replay__survives_a_restart_and_ends_after_a_day)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    struct po_api_request req = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_status(&fixture, &req), 200);
    api_fixture_restart(cx, &fixture);
    check_eq_u64(api_status(&fixture, &req), 200);
    check_eq_u64(times_set(cx, &fixture), 1);
}

TEST(api_replay__is_refused_for_another_request)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    struct po_api_request req = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_status(&fixture, &req), 200);
    req.body = PO_LIT("{\"value\":\"2\"}");
    check_eq_u64(api_status(&fixture, &req), 422);
    req.body = PO_LIT("{\"value\":\"1\"}");
    req.path = PO_LIT("/api/v1/register/cost.tools");
    check_eq_u64(api_status(&fixture, &req), 422);
    check_eq_u64(times_set(cx, &fixture), 1);
}

TEST(api_replay__of_another_actor_is_a_request_of_its_own)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request mine = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    const struct po_api_request theirs = keyed(&fixture, API_ADMIN, "{\"value\":\"1\"}", "key-1");
    const struct po_api_request nobody = keyed(&fixture, API_VIEWER, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_status(&fixture, &mine), 200);
    check_eq_u64(api_status(&fixture, &theirs), 200);
    check_eq_u64(times_set(cx, &fixture), 2);
    check_eq_u64(api_status(&fixture, &nobody), 403); /* no answer for who may not ask */
}

static const char *const bad_keys[] = {
    "", " ", "a b", "\x7f",
    "0123456789012345678901234567890123456789012345678901234567890123"
    "0123456789012345678901234567890123456789012345678901234567890123x"};

TEST(api_replay__keys_have_a_shape)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++) {
        const struct po_api_request req =
            keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", bad_keys[i]);
        test_row(bad_keys[i]);
        check_eq_u64(api_status(&fixture, &req), 400);
    }
    check_eq_u64(times_set(cx, &fixture), 0);
}

static po_rc fail_once(struct po_ctx *cx, struct po_home *home, int argc, const char *const *argv,
                       struct po_cli_answer *answer)
{
    static bool has_failed;
    (void)home;
    (void)argc;
    (void)argv;
    if (has_failed) return po_rc_ok();
    has_failed = true;
    answer->code = PO_IO;
    return PO_FAIL(cx, PO_IO, "disk full");
}

TEST(api_replay__a_failure_of_ours_may_be_tried_again)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, fail_once);
    const struct po_api_request req = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_status(&fixture, &req), 500);
    check_eq_u64(api_status(&fixture, &req), 200);
}

/* Core died between the beginning of the work and its answer. */
TEST(api_replay__what_was_begun_and_not_answered_is_not_done_again)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request req = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    struct po_api_call call = {.api = fixture.api, .req = &req};
    bool is_replayed = true;
    call.route = po_api_route_find("setRegisterEntry");
    (void)snprintf(cx->actor, sizeof cx->actor, "user:%s", fixture.people[API_OWNER].id);
    check_ok(cx, po_api_replay_begin(cx, &call, &is_replayed));
    check_that(!is_replayed);
    check_eq_u64(api_status(&fixture, &req), 409);
    check_eq_u64(times_set(cx, &fixture), 0);
}

TEST(api_replay__a_secret_is_not_shown_twice)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO first = {0};
    API_ANSWER_AUTO second = {0};
    api_fixture_make(cx, &fixture, NULL);
    struct po_api_request req = api_request(&fixture, API_OWNER, PO_HTTP_POST, "/api/v1/tokens",
                                            "{\"name\":\"ci\",\"scopes\":[\"control.*\"]}");
    req.fields[PO_API_FIELD_IDEMPOTENCY_KEY] = PO_LIT("key-1");
    check_eq_u64(api_ask(&fixture, &req, &first), 200);
    check_contains(api_body(&first), "\"token\":\"pot_");
    check_eq_u64(api_ask(&fixture, &req, &second), 409);
    check_that(strstr(api_body(&second), "pot_") == NULL);
}

TEST(api_replay__one_account_does_not_take_all_keys)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    char actor[64];
    api_fixture_make(cx, &fixture, NULL);
    (void)snprintf(actor, sizeof actor, "user:%s", fixture.people[API_OWNER].id);
    po_time_us now_us = cx->clock->monotonic_us(cx->clock->user);
    while (po_api_rate_take(fixture.api->rates, PO_API_RATE_KEYS, po_str_of(actor), now_us) == 0)
        ;
    const struct po_api_request req = keyed(&fixture, API_OWNER, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_status(&fixture, &req), 429);
    const struct po_api_request other = keyed(&fixture, API_ADMIN, "{\"value\":\"1\"}", "key-1");
    check_eq_u64(api_status(&fixture, &other), 200);
    po_clock_fake_advance(test_clock(),
                          PO_US_PER_HOUR + PO_US_PER_S); /* not full again: 120 more */
    now_us = cx->clock->monotonic_us(cx->clock->user);
    uint64_t more = 0;
    while (po_api_rate_take(fixture.api->rates, PO_API_RATE_KEYS, po_str_of(actor), now_us) == 0)
        more++;
    check_eq_u64(more, 120);
}
