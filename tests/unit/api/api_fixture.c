#include "unit/api/api_fixture.h"

#include "store/store.h"
#include "unit/home/home_fixture.h"

#include <stdio.h>
#include <string.h>

void api_fixture_done(struct api_fixture *fixture)
{
    po_api_freep(&fixture->api);
    po_home_abandonp(&fixture->home);
}

static struct po_event made(void)
{
    return (struct po_event){.type = PO_EVENT_TYPE_DATA_READ,
                             .resource = PO_LIT("test:person"),
                             .action = PO_LIT("make"),
                             .result = PO_EVENT_SUCCESS};
}

static void add_tenant(struct po_ctx *cx, struct api_fixture *fixture, po_tenant_id tenant)
{
    const struct po_event event = made();
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(fixture->home), &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, tenant, PO_LIT("Another")));
    check_ok(cx, po_home_commit(cx, fixture->home, tx, &event));
}

static void add_person(struct po_ctx *cx, struct api_fixture *fixture, struct api_person *person)
{
    const struct po_event event = made();
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    PO_TX_AUTO *tx = NULL;
    uint64_t grant_id = 0;
    check_ok(cx, po_id_new(cx, "usr", person->id));
    (void)snprintf(person->email, sizeof person->email, "%s%lu@example.test", person->role,
                   (unsigned long)person->tenant.value);
    const struct po_store_user user = {.id = po_str_of(person->id),
                                       .kind = PO_LIT("human"),
                                       .state = PO_LIT("active"),
                                       .email = po_str_of(person->email),
                                       .name = po_str_of(person->role),
                                       .owner = PO_LIT("")};
    const struct po_store_role_grant grant = {.user = user.id,
                                              .role = po_str_of(person->role),
                                              .reason = PO_LIT("test"),
                                              .asked_by = PO_LIT("system"),
                                              .approved_by = PO_LIT("system"),
                                              .asked_us = po_ctx_now_us(cx),
                                              .effective_us = po_ctx_now_us(cx)};
    const struct po_session_new session = {.user = user.id,
                                           .method = PO_LIT("totp"),
                                           .agent = PO_LIT("test"),
                                           .is_mfa = true,
                                           .is_stepped_up = true};
    check_ok(cx, po_tx_begin(cx, po_home_store(fixture->home), &tx));
    check_ok(cx, po_store_user_add(cx, tx, &user));
    check_ok(cx, po_store_role_grant_add(cx, tx, &grant, &grant_id));
    check_ok(cx, po_session_create(cx, tx, &session, person->session, &secret));
    check_ok(cx, po_home_commit(cx, fixture->home, tx, &event));
    po_str text = po_secret_bytes(secret);
    (void)snprintf(person->cookie, sizeof person->cookie, PO_API_COOKIE "=%.*s", PO_STR_ARG(text));
}

void api_fixture_make(struct po_ctx *cx, struct api_fixture *fixture, po_api_run *run)
{
    static const char *const roles[API_PEOPLE] = {"owner",  "admin",  "operator", "auditor",
                                                  "member", "viewer", "owner"};
    home_make(cx);
    fixture->home = home_open(cx, PO_HOME_READ_WRITE);
    add_tenant(cx, fixture, (po_tenant_id){2});
    for (size_t i = 0; i < API_PEOPLE; i++) {
        struct api_person *person = &fixture->people[i];
        person->role = roles[i];
        person->tenant = (po_tenant_id){i == API_FOREIGN ? 2 : 1};
        cx->tenant = person->tenant;
        add_person(cx, fixture, person);
    }
    cx->tenant = PO_TENANT_DEFAULT;
    const struct po_api_config config = {.home = fixture->home, .run = run};
    check_ok(cx, po_api_new(cx, &config, &fixture->api));
}

void api_fixture_restart(struct po_ctx *cx, struct api_fixture *fixture)
{
    po_api_freep(&fixture->api);
    check_ok(cx, po_home_close(cx, &fixture->home));
    fixture->home = home_open(cx, PO_HOME_READ_WRITE);
    const struct po_api_config config = {.home = fixture->home};
    check_ok(cx, po_api_new(cx, &config, &fixture->api));
}

/* A context that acts as a person. */
static void act_as(struct po_ctx *cx, const struct api_person *person)
{
    (void)snprintf(cx->actor, sizeof cx->actor, "user:%s", person->id);
    (void)snprintf(cx->session, sizeof cx->session, "%s", person->session);
    cx->tenant = person->tenant;
}

void api_token_make(struct po_ctx *cx, struct api_fixture *fixture)
{
    static const po_str scopes[] = {PO_LIT("control.*"), PO_LIT("register.*"),
                                    PO_LIT("audit.list")};
    struct po_token_made token = {0};
    char actor[PO_ACTOR_BYTES_MAX];
    char session[PO_SESSION_BYTES_MAX];
    memcpy(actor, cx->actor, sizeof actor);
    memcpy(session, cx->session, sizeof session);
    act_as(cx, &fixture->people[API_OWNER]);
    const struct po_token_new wanted = {.user = po_str_of(fixture->people[API_OWNER].id),
                                        .name = PO_LIT("test"),
                                        .scopes = scopes,
                                        .scope_count = sizeof scopes / sizeof *scopes};
    check_ok(cx, po_token_create(cx, fixture->home, &wanted, &token));
    po_str secret = po_secret_bytes(token.secret);
    (void)snprintf(fixture->token, sizeof fixture->token, "%.*s", PO_STR_ARG(secret));
    po_secret_freep(&token.secret);
    memcpy(cx->actor, actor, sizeof actor);
    memcpy(cx->session, session, sizeof session);
}

void api_session_end(struct po_ctx *cx, struct api_fixture *fixture, enum api_role who)
{
    check_ok(cx,
             po_session_revoke(cx, fixture->home, po_str_of(fixture->people[who].session), "test"));
}

struct po_api_request api_request(const struct api_fixture *fixture, enum api_role who,
                                  enum po_http_method method, const char *path, const char *body)
{
    struct po_api_request req = {.method = method,
                                 .path = po_str_of(path),
                                 .query = PO_LIT(""),
                                 .body = po_str_of(body != NULL ? body : ""),
                                 .peer = PO_LIT("192.0.2.7"),
                                 .is_tls = true};
    size_t mark = po_str_find_char(req.path, '?', 0);
    if (mark != SIZE_MAX) {
        req.query = po_str_slice(req.path, mark + 1, req.path.len);
        req.path = po_str_slice(req.path, 0, mark);
    }
    req.fields[PO_API_FIELD_HOST] = PO_LIT("pauly.example.test");
    if (who < API_PEOPLE) {
        req.fields[PO_API_FIELD_COOKIE] = po_str_of(fixture->people[who].cookie);
        req.fields[PO_API_FIELD_ORIGIN] = PO_LIT("https://pauly.example.test");
        req.fields[PO_API_FIELD_SEC_FETCH_SITE] = PO_LIT("same-origin");
    }
    if (method != PO_HTTP_GET && method != PO_HTTP_HEAD)
        req.fields[PO_API_FIELD_CONTENT_TYPE] = PO_LIT("application/json");
    return req;
}

void api_answer_done(struct api_answer *answer)
{
    po_api_response_done(&answer->res);
    po_ctx_done(&answer->cx);
}

unsigned api_ask(struct api_fixture *fixture, const struct po_api_request *req,
                 struct api_answer *answer)
{
    if (!po_is_ok(po_ctx_init(&answer->cx))) check_that(false, "no context");
    answer->cx.clock = &test_clock()->clock;
    po_api_response_init(&answer->res);
    po_api_handle(&answer->cx, fixture->api, req, &answer->res);
    return answer->res.status;
}

unsigned api_status(struct api_fixture *fixture, const struct po_api_request *req)
{
    API_ANSWER_AUTO answer = {0};
    return api_ask(fixture, req, &answer);
}

unsigned api_get(struct api_fixture *fixture, enum api_role who, const char *path)
{
    const struct po_api_request req = api_request(fixture, who, PO_HTTP_GET, path, NULL);
    return api_status(fixture, &req);
}

po_str api_field(const struct api_answer *answer, enum po_http_name name)
{
    for (size_t i = 0; i < answer->res.field_count; i++)
        if (answer->res.fields[i].name == name) return answer->res.fields[i].value;
    return PO_LIT("");
}

const char *api_body(const struct api_answer *answer)
{
    return answer->res.body.ptr != NULL ? answer->res.body.ptr : "";
}

void api_flush(struct po_ctx *cx, struct api_fixture *fixture)
{
    check_ok(cx, po_home_flush(cx, fixture->home));
}
