/*
 * Streams resume by position, filter, belong to a tenant, and end with their session.
 */
#include "api/stream_priv.h"
#include "unit/api/api_fixture.h"

#include <stdio.h>

struct heard {
    unsigned count;
    unsigned refuse_after; /* 0: takes everything */
    char last_id[32];
    char names[512];
};

static po_rc hear(struct po_ctx *cx, void *user, const struct po_api_event *event)
{
    struct heard *heard = user;
    if (heard->refuse_after != 0 && heard->count == heard->refuse_after)
        return PO_FAIL(cx, PO_BUSY, "full");
    heard->count++;
    (void)snprintf(heard->last_id, sizeof heard->last_id, "%.*s", PO_STR_ARG(event->id));
    size_t at = strlen(heard->names);
    (void)snprintf(heard->names + at, sizeof heard->names - at, "%.*s ", PO_STR_ARG(event->name));
    return po_rc_ok();
}

static po_rc step(struct api_fixture *fixture, uint64_t stream, struct heard *heard)
{
    PO_CTX_AUTO cx = {0};
    check_ok_leaf(po_ctx_init(&cx));
    cx.clock = &test_clock()->clock;
    return po_api_stream_step(&cx, fixture->api, stream, hear, heard);
}

static uint64_t open_at(struct api_fixture *fixture, enum api_role who, const char *path,
                        const char *last_id)
{
    API_ANSWER_AUTO answer = {0};
    struct po_api_request req = api_request(fixture, who, PO_HTTP_GET, path, NULL);
    if (last_id != NULL) req.fields[PO_API_FIELD_LAST_EVENT_ID] = po_str_of(last_id);
    check_eq_u64(api_ask(fixture, &req, &answer), 200);
    check_that(answer.res.next == PO_API_STREAM && answer.res.stream != 0);
    return answer.res.stream;
}

TEST(api_stream__begins_at_the_end_and_gives_what_happens)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    struct heard heard = {0};
    api_fixture_make(cx, &fixture, NULL);
    api_flush(cx, &fixture);
    uint64_t stream = open_at(&fixture, API_OWNER, "/api/v1/stream?topic=event", NULL);
    api_flush(cx, &fixture);
    check_ok_leaf(step(&fixture, stream, &heard));
    check_eq_u64(heard.count, 1); /* that it was opened */
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/controls/AUD-01"), 200);
    api_flush(cx, &fixture);
    check_ok_leaf(step(&fixture, stream, &heard));
    check_ok_leaf(step(&fixture, stream, &heard));
    check_that(heard.count >= 2);
    po_api_stream_close(fixture.api, stream);
    check_eq_u64(po_api_stream_count(fixture.api), 0);
    check_fails_leaf(step(&fixture, stream, &heard), PO_NOTFOUND);
}

TEST(api_stream__resumes_behind_the_last_event)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    struct heard all = {0};
    struct heard rest = {0};
    struct heard slow = {.refuse_after = 3};
    api_fixture_make(cx, &fixture, NULL);
    api_flush(cx, &fixture);
    uint64_t stream = open_at(&fixture, API_OWNER, "/api/v1/stream?after=0", NULL);
    check_ok_leaf(step(&fixture, stream, &all));
    check_that(all.count > 5);
    check_ok_leaf(step(&fixture, open_at(&fixture, API_OWNER, "/api/v1/stream", "3"), &rest));
    check_eq_u64(rest.count, all.count - 3);
    check_eq_cstr(rest.last_id, all.last_id);
    stream = open_at(&fixture, API_OWNER, "/api/v1/stream?after=0", NULL);
    check_ok_leaf(step(&fixture, stream, &slow)); /* takes three, then no more */
    check_eq_u64(slow.count, 3);
    slow.refuse_after = 0;
    check_ok_leaf(step(&fixture, stream, &slow));
    check_eq_u64(slow.count, all.count);
}

TEST(api_stream__gives_only_the_topic_and_type_asked_for)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    struct heard health = {0};
    struct heard keys = {0};
    struct heard foreign = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_event checked = {.type = PO_EVENT_TYPE_HEALTH_CHECKED,
                                     .resource = PO_LIT("health:all"),
                                     .action = PO_LIT("run"),
                                     .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_home_record(cx, fixture.home, &checked));
    api_flush(cx, &fixture);
    check_ok_leaf(step(&fixture,
                       open_at(&fixture, API_OWNER, "/api/v1/stream?after=0&topic=health", NULL),
                       &health));
    check_eq_cstr(health.names, "health ");
    check_ok_leaf(step(
        &fixture, open_at(&fixture, API_OWNER, "/api/v1/stream?after=0&type=key.", NULL), &keys));
    check_that(keys.count < 10);
    check_ok_leaf(
        step(&fixture,
             open_at(&fixture, API_FOREIGN, "/api/v1/stream?after=0&type=health.checked", NULL),
             &foreign));
    check_eq_u64(foreign.count, 0); /* another tenant's */
}

/* @proves CC6.2 */
TEST(api_stream__ends_with_its_session)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    struct heard heard = {0};
    api_fixture_make(cx, &fixture, NULL);
    uint64_t stream = open_at(&fixture, API_AUDITOR, "/api/v1/stream", NULL);
    check_ok_leaf(step(&fixture, stream, &heard));
    api_session_end(cx, &fixture, API_AUDITOR);
    check_fails_leaf(step(&fixture, stream, &heard), PO_UNAUTH);
    check_eq_u64(po_api_stream_count(fixture.api), 0);
}

TEST(api_stream__is_for_who_may_list_events)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_VIEWER, "/api/v1/stream"), 403);
    check_eq_u64(api_get(&fixture, API_NOBODY, "/api/v1/stream"), 401);
    const struct po_api_request bad =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/stream?topic=all", NULL);
    check_eq_u64(api_status(&fixture, &bad), 400);
    struct po_api_request last =
        api_request(&fixture, API_OWNER, PO_HTTP_GET, "/api/v1/stream", NULL);
    last.fields[PO_API_FIELD_LAST_EVENT_ID] = PO_LIT("-1");
    check_eq_u64(api_status(&fixture, &last), 400);
}

TEST(api_stream__places_are_limited)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    for (uint64_t i = 1; i < PO_API_STREAMS_MAX; i++)
        fixture.api->streams[i].id = 1000 + i;
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/stream"), 200);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/stream"), 503);
}

TEST(api_stream__one_account_does_not_take_all_places)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    api_fixture_make(cx, &fixture, NULL);
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/stream"), 200);
    for (uint64_t i = 1; i < PO_API_STREAMS_OF_ACTOR_MAX; i++)
        fixture.api->streams[i] = fixture.api->streams[0];
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/stream"), 429);
    check_eq_u64(api_get(&fixture, API_ADMIN, "/api/v1/stream"), 200);
    fixture.api->streams[1] = (struct po_api_stream){0};
    check_eq_u64(api_get(&fixture, API_OWNER, "/api/v1/stream"), 200);
}
