/*
 * An API on a home of the case's own, with one person of each role and an owner of another tenant.
 */
#ifndef PO_TESTS_UNIT_API_API_FIXTURE_H
#define PO_TESTS_UNIT_API_API_FIXTURE_H

#include "api/api.h"
#include "api/api_priv.h"
#include "lib/test.h"

enum api_role {
    API_OWNER,
    API_ADMIN,
    API_OPERATOR,
    API_AUDITOR,
    API_MEMBER,
    API_VIEWER,
    API_FOREIGN, /* owner of tenant 2 */
    API_PEOPLE,
    API_NOBODY
};

struct api_person {
    char id[PO_ID_BYTES];
    char session[PO_ID_BYTES];
    char cookie[128]; /* "__Host-paulyops=…" */
    char email[64];
    const char *role;
    po_tenant_id tenant;
};
struct api_fixture {
    struct po_home *home;
    struct po_api *api;
    struct api_person people[API_PEOPLE];
    char token[PO_TOKEN_CHARS + 1]; /* of the owner; "" until api_token_make */
};
void api_fixture_done(struct api_fixture *fixture);
#define API_FIXTURE_AUTO PO_CLEANUP(api_fixture_done) struct api_fixture

/* `run` NULL: commands run for real. */
void api_fixture_make(struct po_ctx *cx, struct api_fixture *fixture, po_api_run *run);
/* Close and open the home, as a restart does. */
void api_fixture_restart(struct po_ctx *cx, struct api_fixture *fixture);
/* A token of the owner with all of its role's actions that a token can have. */
void api_token_make(struct po_ctx *cx, struct api_fixture *fixture);
/* End or suspend: what an administrator would do. */
void api_session_end(struct po_ctx *cx, struct api_fixture *fixture, enum api_role who);

/* A request by a person's session from our own pages; `body` NULL: none. */
struct po_api_request api_request(const struct api_fixture *fixture, enum api_role who,
                                  enum po_http_method method, const char *path, const char *body);
/* One request in a context of its own: status; `res` is kept until api_answer_done. */
struct api_answer {
    struct po_ctx cx;
    struct po_api_response res;
};
void api_answer_done(struct api_answer *answer);
#define API_ANSWER_AUTO PO_CLEANUP(api_answer_done) struct api_answer
unsigned api_ask(struct api_fixture *fixture, const struct po_api_request *req,
                 struct api_answer *answer);
/* As above, the response forgotten. */
unsigned api_status(struct api_fixture *fixture, const struct po_api_request *req);
unsigned api_get(struct api_fixture *fixture, enum api_role who, const char *path);
/* A field of the response; empty when it is not there. */
po_str api_field(const struct api_answer *answer, enum po_http_name name);
const char *api_body(const struct api_answer *answer);
void api_flush(struct po_ctx *cx, struct api_fixture *fixture);

#endif
