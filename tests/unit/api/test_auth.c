/*
 * Signing in over the API: password, enrolment, second factor, session, out; with the keeper's work in
 * between.
 */
#include "unit/api/api_fixture.h"
#include "unit/identity/credential_fixture.h"

#include <stdio.h>
#include <string.h>

#define PASSWORD "teal otter mends a gate"

static void give_password(struct po_ctx *cx, struct api_fixture *fixture, enum api_role who)
{
    const struct po_store_credential credential = {.user = po_str_of(fixture->people[who].id),
                                                   .kind = PO_LIT("password"),
                                                   .secret = po_str_of(site_hash(PASSWORD))};
    const struct po_event event = {.type = PO_EVENT_TYPE_PASSWORD_CHANGED,
                                   .resource = PO_LIT("test:password"),
                                   .action = PO_LIT("set"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(fixture->home), &tx));
    check_ok(cx, po_store_credential_put(cx, tx, &credential));
    check_ok(cx, po_home_commit(cx, fixture->home, tx, &event));
}

/* A request of nobody's; the keeper's work is done at once. */
static unsigned post(struct api_fixture *fixture, const char *cookie, const char *path,
                     const char *body, struct api_answer *answer)
{
    struct po_api_request req = api_request(fixture, API_NOBODY, PO_HTTP_POST, path, body);
    if (cookie != NULL) {
        req.fields[PO_API_FIELD_COOKIE] = po_str_of(cookie);
        req.fields[PO_API_FIELD_ORIGIN] = PO_LIT("https://pauly.example.test");
    }
    unsigned status = api_ask(fixture, &req, answer);
    if (answer->res.next != PO_API_WORK) return status;
    struct po_credential_answer work = {0};
    check_ok_leaf(po_credential_work(answer->res.work.job, &work));
    const struct po_api_result result = {answer->res.work.ticket, PO_OK, &work};
    api_answer_done(answer);
    *answer = (struct api_answer){0};
    check_ok_leaf(po_ctx_init(&answer->cx));
    answer->cx.clock = &test_clock()->clock;
    po_api_response_init(&answer->res);
    po_api_resume(&answer->cx, fixture->api, &result, &answer->res);
    return answer->res.status;
}

static void member(struct api_answer *answer, const char *name, char *out, size_t size)
{
    struct po_json *root = NULL;
    po_str text = {NULL, 0};
    check_ok(&answer->cx,
             po_json_parse(&answer->cx, po_buf_str(&answer->res.body), PO_JSON_STRICT, &root));
    check_ok(&answer->cx, po_json_get_str(&answer->cx, root, name, &text));
    (void)snprintf(out, size, "%.*s", PO_STR_ARG(text));
}

static void sign_in(struct api_fixture *fixture, enum api_role who, const char *password,
                    struct api_answer *answer, unsigned status)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"%s\"}",
                   fixture->people[who].email, password);
    check_eq_u64(post(fixture, NULL, "/api/v1/auth/sign-in", body, answer), status);
}

/* Base32 in groups, as people type it. */
static size_t decode_base32(const char *text, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;
    for (; *text != '\0'; text++) {
        const char *at = strchr(alphabet, *text);
        if (at == NULL) continue;
        bits = bits << 5 | (uint32_t)(at - alphabet);
        held += 5;
        if (held < 8) continue;
        held -= 8;
        out[len++] = (char)(bits >> held & 0xffU);
    }
    return len;
}

/* The cookie of Set-Cookie, as a browser sends it back. */
static void take_cookie(const struct api_answer *answer, char *out, size_t size)
{
    po_str field = api_field(answer, PO_HTTP_SET_COOKIE);
    (void)snprintf(out, size, "%.*s", (int)po_str_find_char(field, ';', 0), field.ptr);
    check_contains(field.ptr, "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200");
    check_that(po_str_starts(field, PO_LIT(PO_API_COOKIE "=")) && strlen(out) > 40);
}

static unsigned get_with(struct api_fixture *fixture, const char *cookie, const char *path)
{
    struct po_api_request req = api_request(fixture, API_NOBODY, PO_HTTP_GET, path, NULL);
    req.fields[PO_API_FIELD_COOKIE] = po_str_of(cookie);
    return api_status(fixture, &req);
}

/* From a password to a session of two factors; the authenticator's key comes back. */
static size_t enrol(struct api_fixture *fixture, enum api_role who, char *key, char *cookie)
{
    API_ANSWER_AUTO first = {0};
    API_ANSWER_AUTO second = {0};
    API_ANSWER_AUTO third = {0};
    char ticket[64];
    char text[128];
    char body[256];
    char code[PO_TOTP_DIGITS + 1];
    sign_in(fixture, who, PASSWORD, &first, 200);
    check_contains(api_body(&first), "\"state\":\"enrol\"");
    check_eq_u64(api_field(&first, PO_HTTP_SET_COOKIE).len, 0);
    member(&first, "ticket", ticket, sizeof ticket);
    (void)snprintf(body, sizeof body, "{\"ticket\":\"%s\"}", ticket);
    check_eq_u64(post(fixture, NULL, "/api/v1/auth/enrolment", body, &second), 200);
    check_contains(api_body(&second), "otpauth://totp/");
    member(&second, "secret", text, sizeof text);
    size_t len = decode_base32(text, key);
    check_ok_leaf(po_totp_code(po_str_n(key, len), po_ctx_now_us(&second.cx), code));
    (void)snprintf(body, sizeof body, "{\"ticket\":\"%s\",\"code\":\"%s\"}", ticket, code);
    check_eq_u64(post(fixture, NULL, "/api/v1/auth/enrolment/confirm", body, &third), 200);
    check_contains(api_body(&third), "\"recovery_codes\":[\"");
    check_that(strstr(api_body(&third), "ticket") == NULL);
    take_cookie(&third, cookie, 128);
    return len;
}

/* @proves CC6.1 */
TEST(api_auth__a_person_signs_in_with_two_factors_and_out)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO first = {0};
    API_ANSWER_AUTO second = {0};
    API_ANSWER_AUTO out = {0};
    API_ANSWER_AUTO again = {0};
    char key[64];
    char cookie[128];
    char ticket[64];
    char code[PO_TOTP_DIGITS + 1];
    char body[256];
    api_fixture_make(cx, &fixture, NULL);
    give_password(cx, &fixture, API_MEMBER);
    size_t len = enrol(&fixture, API_MEMBER, key, cookie);
    check_eq_u64(get_with(&fixture, cookie, "/api/v1/me"), 200);
    check_eq_u64(post(&fixture, cookie, "/api/v1/auth/sign-out", NULL, &out), 204);
    check_contains(api_field(&out, PO_HTTP_SET_COOKIE).ptr, "Max-Age=0");
    check_eq_u64(get_with(&fixture, cookie, "/api/v1/me"), 401);
    po_clock_fake_advance(test_clock(), PO_US_PER_MIN);
    sign_in(&fixture, API_MEMBER, PASSWORD, &first, 200);
    check_contains(api_body(&first), "\"state\":\"mfa\"");
    member(&first, "ticket", ticket, sizeof ticket);
    check_ok_leaf(po_totp_code(po_str_n(key, len), po_ctx_now_us(cx), code));
    (void)snprintf(body, sizeof body, "{\"ticket\":\"%s\",\"code\":\"%s\"}", ticket, code);
    check_eq_u64(post(&fixture, NULL, "/api/v1/auth/totp", body, &second), 200);
    take_cookie(&second, cookie, sizeof cookie);
    check_eq_u64(get_with(&fixture, cookie, "/api/v1/me/mfa"), 200);
    check_that(post(&fixture, NULL, "/api/v1/auth/totp", body, &again) >= 400); /* once */
}

TEST(api_auth__tells_the_same_of_wrong_and_unknown)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO wrong = {0};
    API_ANSWER_AUTO unknown = {0};
    api_fixture_make(cx, &fixture, NULL);
    give_password(cx, &fixture, API_MEMBER);
    sign_in(&fixture, API_MEMBER, "not the password at all", &wrong, 401);
    const struct po_api_request req =
        api_request(&fixture, API_NOBODY, PO_HTTP_POST, "/api/v1/auth/sign-in",
                    "{\"email\":\"nobody@example.test\",\"password\":\"not the password at all\"}");
    check_eq_u64(api_ask(&fixture, &req, &unknown), 200);
    check_that(unknown.res.next == PO_API_WORK); /* as much work as for one that is known */
    const struct po_credential_answer no = {0};
    const struct po_api_result result = {unknown.res.work.ticket, PO_OK, &no};
    po_api_resume(&unknown.cx, fixture.api, &result, &unknown.res);
    check_eq_u64(unknown.res.status, 401);
    check_eq_u64(strlen(api_body(&unknown)), strlen(api_body(&wrong)));
}

TEST(api_auth__work_that_cannot_be_done_is_told_and_forgotten)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO busy = {0};
    API_ANSWER_AUTO gone = {0};
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request req =
        api_request(&fixture, API_NOBODY, PO_HTTP_POST, "/api/v1/auth/sign-in",
                    "{\"email\":\"a@example.test\",\"password\":\"not the password at all\"}");
    check_eq_u64(api_ask(&fixture, &req, &busy), 200);
    const struct po_api_result result = {busy.res.work.ticket, PO_BUSY, NULL};
    po_api_resume(&busy.cx, fixture.api, &result, &busy.res);
    check_eq_u64(busy.res.status, 429);
    check_eq_str(api_field(&busy, PO_HTTP_RETRY_AFTER), "1");
    po_api_resume(&busy.cx, fixture.api, &result, &busy.res); /* the ticket is spent */
    check_eq_u64(busy.res.status, 404);
    check_eq_u64(api_ask(&fixture, &req, &gone), 200);
    po_api_cancel(fixture.api, gone.res.work.ticket);
    po_api_cancel(fixture.api, gone.res.work.ticket);
}

TEST(api_auth__stuffing_from_one_address_is_slowed_down)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    unsigned limited = 0;
    api_fixture_make(cx, &fixture, NULL);
    const struct po_api_request req =
        api_request(&fixture, API_NOBODY, PO_HTTP_POST, "/api/v1/auth/sign-in",
                    "{\"email\":\"a@example.test\",\"password\":\"not the password at all\"}");
    for (int i = 0; i < 40; i++) {
        API_ANSWER_AUTO answer = {0};
        limited += api_ask(&fixture, &req, &answer) == 429;
        if (answer.res.next == PO_API_WORK) po_api_cancel(fixture.api, answer.res.work.ticket);
    }
    check_eq_u64(limited, 10);
}

TEST(api_auth__a_session_is_new_whatever_came_before)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    char key[64];
    char cookie[128];
    api_fixture_make(cx, &fixture, NULL);
    give_password(cx, &fixture, API_MEMBER);
    (void)enrol(&fixture, API_MEMBER, key, cookie);
    for (size_t i = 0; i < API_PEOPLE; i++)
        check_that(strcmp(cookie, fixture.people[i].cookie) != 0);
    check_eq_u64(get_with(&fixture, cookie, "/api/v1/me"), 200);
}

TEST(api_auth__sensitive_actions_ask_for_a_step_up)
{
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    API_ANSWER_AUTO answer = {0};
    api_fixture_make(cx, &fixture, NULL);
    po_clock_fake_advance(test_clock(), PO_SESSION_STEP_UP_US + PO_US_PER_S);
    const struct po_api_request req =
        api_request(&fixture, API_OWNER, PO_HTTP_POST, "/api/v1/tokens", "{\"name\":\"ci\"}");
    check_eq_u64(api_ask(&fixture, &req, &answer), 403);
    check_contains(api_body(&answer), "step_up");
}
