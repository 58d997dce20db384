/*
 * The drill's people: one of each role, and for each request an account, a session and a token that it may
 * act upon. All are canaries.
 */
#include "api/drill_priv.h"
#include "core/fs.h"

#include <stdio.h>

#define PROGRAM                                                                                       \
    "// A program of the drill.\n\nimport * as fact from \"host/fact\"\n\n@check(id = \"drilled\")\n" \
    "@needs(fact = \"home.config\")\nfn drilled() -> int { 1 }\n"

PO_RC po_api_drill_sessions(struct po_ctx *cx, struct po_api_drill *drill)
{
    drill->sessions_us = cx->clock->monotonic_us(cx->clock->user);
    for (size_t i = 0; i < PO_API_DRILL_PEOPLE; i++) {
        struct po_api_drill_person *person = &drill->people[i];
        PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
        PO_TRY(cx, po_drill_session_add(cx, drill->home, person->id, person->session, &secret));
        po_str text = po_secret_bytes(secret);
        (void)snprintf(person->cookie, sizeof person->cookie, PO_API_COOKIE "=%.*s",
                       PO_STR_ARG(text));
    }
    return po_rc_ok();
}

/* ---- what requests are about ----------------------------------------------------------------------- */

static PO_RC add_token(struct po_ctx *cx, struct po_api_drill *drill,
                       struct po_api_drill_subject *subject)
{
    static const po_str scopes[] = {PO_LIT("control.list")};
    struct po_token_made token = {0};
    const struct po_token_new wanted = {.user = po_str_of(subject->user),
                                        .name = PO_LIT("drill"),
                                        .scopes = scopes,
                                        .scope_count = 1};
    PO_TRY(cx, po_token_create(cx, drill->home, &wanted, &token));
    po_secret_freep(&token.secret);
    memcpy(subject->token, token.id, sizeof subject->token);
    return po_rc_ok();
}

static PO_RC fill_subject(struct po_ctx *cx, struct po_api_drill *drill,
                          struct po_api_drill_subject *subject)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    char email[64];
    (void)snprintf(email, sizeof email, "subject%u@drill.invalid", drill->serial);
    (void)snprintf(subject->email, sizeof subject->email, "guest%u@drill.invalid", drill->serial++);
    const struct po_drill_canary canary = {.email = email, .role = "viewer"};
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, subject->user));
    PO_TRY(cx, po_drill_session_add(cx, drill->home, subject->user, subject->session, &secret));
    return add_token(cx, drill, subject);
}

struct newest {
    char *out;
    size_t size;
    size_t skip; /* bytes of the resource; SIZE_MAX: the leaf */
};

static po_rc take_newest(struct po_ctx *step, void *user, const struct po_home_event *event,
                         bool *ret_stop)
{
    struct newest *newest = user;
    po_str resource = event->view.resource;
    (void)step;
    *ret_stop = true;
    if (newest->skip == SIZE_MAX)
        (void)snprintf(newest->out, newest->size, "%lu", (unsigned long)event->leaf);
    else
        (void)snprintf(newest->out, newest->size, "%.*s",
                       PO_STR_ARG(po_str_slice(resource, newest->skip, resource.len)));
    return po_rc_ok();
}

static PO_RC find_newest(struct po_ctx *cx, struct po_api_drill *drill, enum po_event_type type,
                         struct newest *newest)
{
    const struct po_home_walk walk = {.type = type,
                                      .size = po_ledger_size(po_home_ledger(drill->home)),
                                      .visit = take_newest,
                                      .user = newest};
    return po_home_walk_back(cx, drill->home, &walk);
}

PO_RC po_api_drill_subject_make(struct po_ctx *cx, struct po_api_drill *drill)
{
    struct po_api_drill_subject *subject = &drill->subject;
    struct newest run = {subject->run, sizeof subject->run, SIZE_MAX};
    struct newest report = {subject->report, sizeof subject->report, sizeof "report:" - 1};
    PO_TRY(cx, fill_subject(cx, drill, subject));
    PO_TRY(cx, po_home_flush(cx, drill->home));
    if (subject->run[0] == '0')
        PO_TRY(cx, find_newest(cx, drill, PO_EVENT_TYPE_CONTROL_TESTED, &run));
    if (subject->report[0] == '\0' || po_str_eq_cstr(po_str_of(subject->report), "R-none"))
        PO_TRY(cx, find_newest(cx, drill, PO_EVENT_TYPE_REPORT_CREATED, &report));
    return po_rc_ok();
}

/* ---- once ------------------------------------------------------------------------------------------- */

/* A key to trust, and a program of the site. */
static PO_RC add_things(struct po_ctx *cx, struct po_api_drill *drill)
{
    struct po_api_drill_subject *subject = &drill->subject;
    const char *path = NULL;
    PO_BUF_AUTO vkey;
    po_buf_init(&vkey, sizeof subject->vkey - 1);
    PO_TRY(cx, po_ledger_vkey(cx, po_home_ledger(drill->home), &vkey));
    PO_TRY_LEAF(cx, po_buf_check(&vkey), "key of the drill's log");
    po_str text = po_buf_str(&vkey);
    (void)snprintf(subject->vkey, sizeof subject->vkey, "%.*s", PO_STR_ARG(text));
    (void)snprintf(subject->key, sizeof subject->key, "%.*s",
                   PO_STR_ARG(po_str_slice(text, 0, po_str_find_char(text, '+', 0))));
    (void)snprintf(subject->run, sizeof subject->run, "0");
    (void)snprintf(subject->report, sizeof subject->report, "R-none");
    PO_TRY(cx,
           po_path_join(cx, po_home_path(drill->home, PO_PLACE_SCRIPTS), "drilled.script", &path));
    PO_TRY(cx, po_fs_write_atomic(cx, path, PO_LIT(PROGRAM), 0600));
    PO_TRY(cx, po_path_join(cx, po_home_root(drill->home), "drilled.script", &path));
    return po_fs_write_atomic(cx, path, PO_LIT(PROGRAM), 0600); /* where no input may lead */
}

PO_RC po_api_drill_people(struct po_ctx *cx, struct po_api_drill *drill)
{
    static const char *const roles[PO_API_DRILL_PEOPLE] = {"owner",   "admin",  "operator",
                                                           "auditor", "member", "viewer"};
    const struct po_drill_canary signs_in = {.email = PO_API_DRILL_EMAIL,
                                             .role = "viewer",
                                             .password = PO_API_DRILL_PASSWORD,
                                             .cost = PO_PASSWORD_COST_FLOOR};
    char id[PO_ID_BYTES];
    for (size_t i = 0; i < PO_API_DRILL_PEOPLE; i++) {
        char email[64];
        (void)snprintf(email, sizeof email, "%s@drill.invalid", roles[i]);
        const struct po_drill_canary canary = {.email = email, .role = roles[i]};
        PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, drill->people[i].id));
    }
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &signs_in, id));
    PO_TRY(cx, add_things(cx, drill));
    cx->tenant = PO_DRILL_OTHER_TENANT;
    po_rc rc = fill_subject(cx, drill, &drill->foreign);
    cx->tenant = PO_TENANT_DEFAULT;
    PO_TRY(cx, rc);
    return po_api_drill_sessions(cx, drill);
}
