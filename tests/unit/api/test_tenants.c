/*
 * Ids of another tenant are those of nobody.
 */
#include "unit/api/api_fixture.h"

#include <stdio.h>
#include <string.h>

/* With the real rows: each route that takes the id of an account, a session or a token. */
TEST(api__ids_of_another_tenant_are_not_found)
{
    static const struct {
        const char *name;
        enum po_http_method method;
        const char *body;
    } rows[] = {
        {"/api/v1/users/%s", PO_HTTP_GET, NULL},
        {"/api/v1/users/%s", PO_HTTP_DELETE, NULL},
        {"/api/v1/users/%s/suspension", PO_HTTP_POST, "{\"reason\":\"x\"}"},
        {"/api/v1/users/%s/suspension", PO_HTTP_DELETE, NULL},
        {"/api/v1/users/%s/role", PO_HTTP_PUT, "{\"role\":\"viewer\",\"reason\":\"x\"}"},
        {"/api/v1/users/%s/role/approval", PO_HTTP_POST, NULL},
        {"/api/v1/users/%s/reset-link", PO_HTTP_POST, NULL},
        {"/api/v1/users/%s/mfa/reset", PO_HTTP_POST, "{\"reason\":\"x\"}"},
        {"/api/v1/users/%s/lock", PO_HTTP_DELETE, NULL},
        {"/api/v1/users/%s/role/waiting", PO_HTTP_DELETE, NULL},
        {"/api/v1/access/decisions?action=version&user=%s", PO_HTTP_GET, NULL},
        {"/api/v1/sessions/%s", PO_HTTP_DELETE, NULL},
        {"/api/v1/me/sessions/%s", PO_HTTP_DELETE, NULL},
    };
    TEST_CX(cx);
    API_FIXTURE_AUTO fixture = {0};
    char path[160];
    api_fixture_make(cx, &fixture, NULL);
    const struct api_person *theirs = &fixture.people[API_MEMBER];
    TEST_EACH(row, rows)
    {
        bool is_session = strstr(row->name, "sessions/") != NULL;
        po_str mark = po_str_of(row->name);
        size_t at = po_str_find(mark, PO_LIT("%s"), 0);
        (void)snprintf(path, sizeof path, "%.*s%s%s", (int)at, row->name,
                       is_session ? theirs->session : theirs->id, row->name + at + 2);
        const struct po_api_request req =
            api_request(&fixture, API_FOREIGN, row->method, path, row->body);
        check_eq_u64(api_status(&fixture, &req), 404);
    }
    check_eq_u64(api_get(&fixture, API_MEMBER, "/api/v1/me"), 200); /* nothing happened to them */
}
