/*
 * The drill of the API (AUD-02, PIN-02): on a home of its own, with the real rows behind the routes, each
 * route is asked as each role, by nobody, with another tenant's ids and with inputs that are none; then what
 * each request owes is held against the ledger.
 *
 * Invariants
 *  1. What is owed is counted here, by who asks: an obligation that the api forgot is one that is not met.
 *  2. The clock moves only when the drill says so; a request over its rate is asked again a minute later.
 */
#include "api/drill_priv.h"

#include "core/fs.h"

#include <stdio.h>
#include <string.h>

#define HOST "drill.invalid"
#define STEP_US (5 * PO_US_PER_S)
#define SESSIONS_FOR_US (4 * PO_US_PER_MIN) /* below a step-up's life */
#define WRONG_LISTED_MAX PO_API_UNMET_MAX

/* ---- one request ---------------------------------------------------------------------------------- */

struct question {
    const struct po_api_route *route;
    enum po_api_drill_who who;
    enum po_api_drill_input input;
    size_t variant;
    const struct po_api_drill_subject *subject;
};
struct answer {
    unsigned status;
    bool is_typed; /* a problem document with a code */
};

/* Lasts as long as the request; each stranger has an address of their own. */
struct envelope {
    struct po_api_request req;
    char peer[24];
};

static void address(struct po_api_drill *drill, const struct question *question,
                    const struct po_api_drill_written *written, struct envelope *out)
{
    unsigned serial = drill->serial++;
    struct po_api_request *req = &out->req;
    (void)snprintf(out->peer, sizeof out->peer, "10.%u.%u.%u", serial >> 16 & 255U,
                   serial >> 8 & 255U, serial & 255U);
    *req = (struct po_api_request){.method = question->route->method,
                                   .path = po_str_of(written->path),
                                   .query = po_str_of(written->query),
                                   .body = po_str_of(written->body),
                                   .peer = po_str_of(out->peer),
                                   .is_tls = true};
    req->fields[PO_API_FIELD_HOST] = PO_LIT(HOST);
    bool has_type = req->method != PO_HTTP_GET && question->input != PO_API_INPUT_NO_TYPE;
    if (has_type) req->fields[PO_API_FIELD_CONTENT_TYPE] = PO_LIT("application/json");
    if (question->who == PO_API_DRILL_NOBODY) return;
    req->fields[PO_API_FIELD_ORIGIN] = PO_LIT("https://" HOST);
    req->fields[PO_API_FIELD_SEC_FETCH_SITE] = PO_LIT("same-origin");
    req->fields[PO_API_FIELD_COOKIE] =
        question->who < PO_API_DRILL_PEOPLE
            ? po_str_of(drill->people[question->who].cookie)
            : PO_LIT(PO_API_COOKIE "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

static void read_answer(const struct po_api_response *res, struct answer *ret_answer)
{
    ret_answer->status = res->status;
    ret_answer->is_typed =
        po_str_find(po_buf_str(&res->body), PO_LIT("\"code\":\""), 0) != SIZE_MAX;
}

/* What a keeper would do, here. */
static PO_RC do_work(struct po_ctx *cx, struct po_api_drill *drill, struct po_api_response *res)
{
    struct po_credential_answer *work = NULL;
    uint64_t ticket = res->work.ticket;
    PO_ARENA_NEW(cx, work, 1);
    PO_TRY_LEAF(cx, po_credential_work(res->work.job, work), "password work of the drill");
    const struct po_api_result result = {ticket, PO_OK, work};
    po_api_response_done(res);
    po_api_response_init(res);
    po_api_resume(cx, drill->api, &result, res);
    return po_rc_ok();
}

static PO_RC send(struct po_ctx *cx, struct po_api_drill *drill, const struct po_api_request *req,
                  struct answer *ret_answer)
{
    PO_CTX_AUTO own = {0};
    PO_API_RESPONSE_AUTO res;
    po_api_response_init(&res);
    PO_TRY(cx, po_ctx_init(&own));
    own.clock = cx->clock;
    po_api_handle(&own, drill->api, req, &res);
    if (res.next == PO_API_WORK) PO_TRY(cx, do_work(&own, drill, &res));
    if (res.next == PO_API_STREAM) po_api_stream_close(drill->api, res.stream);
    read_answer(&res, ret_answer);
    po_err_clear(&own);
    return po_rc_ok();
}

/* What it owes: the document alone, when it is given, owes nothing. */
static void note_owed(struct po_api_drill *drill, const struct question *question, uint64_t before,
                      const struct answer *answer)
{
    bool is_good = question->input == PO_API_INPUT_GOOD;
    struct po_api_drill_asked *asked = is_good ? &drill->matrix : &drill->canaries;
    bool is_document = po_str_eq_cstr(po_str_of(question->route->id), "getOpenapi");
    if (answer->status == 429 || (is_document && answer->status == 200)) return;
    size_t count = po_api_kept_count(drill->api);
    if (drill->api->served.operations == before + 1 && asked->count < PO_API_DRILL_OWED_MAX)
        asked->owed[asked->count++] = *po_api_kept_at(drill->api, count - 1);
    else
        asked->missing++;
}

/* *ret_is_asked: whether the route can be asked so at all. */
static PO_RC ask(struct po_ctx *cx, struct po_api_drill *drill, const struct question *question,
                 struct answer *ret_answer, bool *ret_is_asked)
{
    struct po_api_drill_written written = {0};
    struct envelope envelope;
    const struct po_api_drill_wish wish = {question->route, question->subject, question->input,
                                           question->variant};
    PO_TRY(cx, po_api_drill_write(cx, &wish, &written, ret_is_asked));
    if (!*ret_is_asked) return po_rc_ok();
    for (int tries = 0; tries < 2; tries++) {
        uint64_t before = drill->api->served.operations;
        address(drill, question, &written, &envelope);
        PO_TRY(cx, send(cx, drill, &envelope.req, ret_answer));
        note_owed(drill, question, before, ret_answer);
        if (ret_answer->status < 300 && question->route->method != PO_HTTP_GET)
            drill->is_spent = true;
        if (ret_answer->status != 429) break;
        po_clock_fake_advance(&drill->clock, PO_US_PER_MIN);
    }
    return po_rc_ok();
}

/* ---- all of one route ------------------------------------------------------------------------------ */

/* What stands there before a request can succeed, asked by another than the one who asks then. */
static const struct {
    const char *route;
    const char *before;
    enum po_api_drill_who by;
    bool lasts; /* one serves all who ask */
} preparations[] = {
    {"resumeUser", "suspendUser", PO_API_DRILL_OWNER, false},
    {"approveUserRole", "setUserRole", PO_API_DRILL_ADMIN, false},
    {"cancelUserRole", "setUserRole", PO_API_DRILL_ADMIN, false},
    {"deleteRole", "createRole", PO_API_DRILL_OWNER, false},
    {"revokeProgram", "grantProgram", PO_API_DRILL_OWNER, false},
    {"removeTrustKey", "addTrustKey", PO_API_DRILL_OWNER, false},
    {"verifyReport", "issueHealthReport", PO_API_DRILL_OWNER, true},
    {"replayRun", "runControls", PO_API_DRILL_OWNER, true},
};

static PO_RC prepare(struct po_ctx *cx, struct po_api_drill *drill,
                     const struct po_api_route *route)
{
    struct answer answer;
    bool is_asked = false;
    if (drill->is_spent) PO_TRY(cx, po_api_drill_subject_make(cx, drill));
    drill->is_spent = false;
    for (size_t i = 0; i < sizeof preparations / sizeof *preparations; i++) {
        bool is_made = (drill->prepared & 1U << i) != 0;
        if (is_made || !po_str_eq_cstr(po_str_of(route->id), preparations[i].route)) continue;
        const struct question before = {.route = po_api_route_find(preparations[i].before),
                                        .who = preparations[i].by,
                                        .subject = &drill->subject};
        if (before.route == NULL) return PO_FAIL(cx, PO_BUG, "the drill names no route");
        PO_TRY(cx, ask(cx, drill, &before, &answer, &is_asked));
        PO_TRY(cx, po_home_flush(cx, drill->home));
        if (preparations[i].lasts) drill->prepared |= 1U << i;
    }
    return po_rc_ok();
}

static bool may(enum po_api_drill_who who, const struct po_api_route *route)
{
    static const char *const roles[PO_API_DRILL_PEOPLE] = {"owner",   "admin",  "operator",
                                                           "auditor", "member", "viewer"};
    const struct po_action *action = po_action_find(po_str_of(route->action));
    const struct po_action_set set = po_role_shipped(po_str_of(roles[who]));
    return action != NULL && po_action_set_has(&set, action);
}

/* Costly rows are run by one of those who may. */
static bool is_costly(const struct po_api_route *route)
{
    po_str id = po_str_of(route->id);
    static const char *const ids[] = {"runAssessment", "runControls",  "runHealthChecks",
                                      "verifyLedger",  "listPrograms", "changePassword"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (po_str_eq_cstr(id, ids[i])) return true;
    return route->rate == PO_API_RATE_EXPORT;
}

static PO_RC ask_as_roles(struct po_ctx *cx, struct po_api_drill *drill,
                          const struct po_api_route *route)
{
    bool was_run = false;
    for (unsigned who = 0; who < PO_API_DRILL_PEOPLE; who++) {
        struct answer answer;
        bool is_asked = false;
        bool is_allowed = may((enum po_api_drill_who)who, route);
        const struct question question = {
            .route = route, .who = (enum po_api_drill_who)who, .subject = &drill->subject};
        if (is_allowed && was_run && is_costly(route)) continue;
        was_run = was_run || is_allowed;
        PO_TRY(cx, prepare(cx, drill, route));
        PO_TRY(cx, ask(cx, drill, &question, &answer, &is_asked));
    }
    return po_rc_ok();
}

/* By nobody, and with a cookie that holds nothing. */
static PO_RC ask_as_strangers(struct po_ctx *cx, struct po_api_drill *drill,
                              const struct po_api_route *route)
{
    bool is_public = route->access == PO_API_PUBLIC;
    for (unsigned who = PO_API_DRILL_NOBODY; who <= PO_API_DRILL_UNKNOWN; who++) {
        struct answer answer = {0};
        bool is_asked = false;
        const struct question question = {
            .route = route, .who = (enum po_api_drill_who)who, .subject = &drill->subject};
        PO_TRY(cx, ask(cx, drill, &question, &answer, &is_asked));
        if (is_public) continue;
        drill->strangers++;
        drill->strangers_served += answer.status != 401 ? 1 : 0;
    }
    return po_rc_ok();
}

static bool names_subject(const struct po_api_route *route)
{
    static const char *const names[] = {"{user}", "{session}", "{token}"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(route->path, names[i]) != NULL) return true;
    return false;
}

static PO_RC ask_canaries(struct po_ctx *cx, struct po_api_drill *drill,
                          const struct po_api_route *route)
{
    bool is_public = route->access == PO_API_PUBLIC;
    for (unsigned input = PO_API_INPUT_GOOD + 1; input < PO_API_INPUT_COUNT; input++) {
        size_t variants = input == PO_API_INPUT_OUTSIDE ? PO_API_DRILL_PATHS : 1;
        for (size_t v = 0; v < variants; v++) {
            struct answer answer = {0};
            bool is_asked = false;
            const struct question question = {.route = route,
                                              .who = is_public ? PO_API_DRILL_NOBODY
                                                               : PO_API_DRILL_OWNER,
                                              .input = (enum po_api_drill_input)input,
                                              .variant = v,
                                              .subject = &drill->subject};
            PO_TRY(cx, ask(cx, drill, &question, &answer, &is_asked));
            if (!is_asked) continue;
            bool is_refusal = answer.status == 400 || answer.status == 413 || answer.status == 415;
            drill->tried[input]++;
            drill->refused[input] += is_refusal && answer.is_typed ? 1 : 0;
            drill->accepted[input] += answer.status < 400 ? 1 : 0;
        }
    }
    return po_rc_ok();
}

static PO_RC ask_route(struct po_ctx *cx, struct po_api_drill *drill,
                       const struct po_api_route *route)
{
    po_clock_fake_advance(&drill->clock, STEP_US);
    bool is_public = route->access == PO_API_PUBLIC;
    bool ends_sessions = route->access == PO_API_OWN && route->method != PO_HTTP_GET;
    po_time_us age_us = cx->clock->monotonic_us(cx->clock->user) - drill->sessions_us;
    if (ends_sessions || age_us > SESSIONS_FOR_US) PO_TRY(cx, po_api_drill_sessions(cx, drill));
    PO_TRY(cx, ask_as_strangers(cx, drill, route));
    PO_TRY(cx, ask_canaries(cx, drill, route));
    if (!is_public) PO_TRY(cx, ask_as_roles(cx, drill, route));
    if (ends_sessions) PO_TRY(cx, po_api_drill_sessions(cx, drill));
    if (names_subject(route)) {
        struct answer answer;
        bool is_asked = false;
        const struct question question = {
            .route = route, .who = PO_API_DRILL_OWNER, .subject = &drill->foreign};
        PO_TRY(cx, ask(cx, drill, &question, &answer, &is_asked));
    }
    return po_home_flush(cx, drill->home);
}

/* ---- what came of it ------------------------------------------------------------------------------- */

static void put_count(struct po_json_out *out, const char *key, uint64_t count)
{
    po_json_out_field_int(out, key, (int64_t)count);
}

static void put_wrong(struct po_json_out *out, const struct po_api_drill_asked *asked,
                      const struct po_api_coverage *coverage)
{
    po_json_out_key(out, "wrong");
    po_json_out_array(out);
    for (size_t i = 0; i < coverage->unmet_count; i++) {
        const struct po_api_obligation *owed = &asked->owed[coverage->unmet[i].index];
        po_json_out_object(out);
        po_json_out_field(out, "operation", po_str_of(po_api_obligation_route(owed)));
        po_json_out_field(out, "outcome", po_str_of(po_api_ended_name(owed->outcome)));
        po_json_out_field(out, "why", po_str_of(coverage->unmet[i].why));
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

static PO_RC put_coverage(struct po_ctx *cx, struct po_api_drill *drill, struct po_json_out *out)
{
    const struct po_api_drill_asked *asked = &drill->matrix;
    const struct po_api_owed owed = {.items = asked->owed, .count = asked->count};
    struct po_api_coverage coverage = {0};
    uint64_t outcomes[PO_API_OUTCOME_COUNT] = {0};
    PO_TRY(cx, po_api_coverage(cx, drill->home, &owed, &coverage));
    for (size_t i = 0; i < asked->count; i++)
        outcomes[asked->owed[i].outcome]++;
    po_json_out_key(out, "coverage");
    po_json_out_object(out);
    put_count(out, "routes", po_api_route_count());
    put_count(out, "obligations", coverage.obligations + asked->missing);
    put_count(out, "correct", coverage.met);
    put_count(out, "allowed", outcomes[PO_API_ALLOWED]);
    put_count(out, "denied", outcomes[PO_API_DENIED]);
    put_count(out, "unauthenticated", outcomes[PO_API_UNAUTHENTICATED]);
    put_count(out, "not_found", outcomes[PO_API_FOREIGN]);
    put_count(out, "refused", outcomes[PO_API_MALFORMED]);
    put_wrong(out, asked, &coverage);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static PO_RC put_canaries(struct po_ctx *cx, struct po_api_drill *drill, struct po_json_out *out)
{
    const struct po_api_drill_asked *asked = &drill->canaries;
    const struct po_api_owed owed = {.items = asked->owed, .count = asked->count};
    struct po_api_coverage coverage = {0};
    uint64_t tried = 0;
    uint64_t refused = 0;
    uint64_t accepted = 0;
    PO_TRY(cx, po_api_coverage(cx, drill->home, &owed, &coverage));
    for (unsigned i = 0; i < PO_API_INPUT_COUNT; i++) {
        tried += drill->tried[i];
        refused += drill->refused[i];
        accepted += drill->accepted[i];
    }
    po_json_out_key(out, "inputs");
    po_json_out_object(out);
    put_count(out, "tried", tried);
    put_count(out, "refused", refused);
    put_count(out, "recorded", coverage.met);
    put_count(out, "accepted", accepted);
    put_wrong(out, asked, &coverage);
    po_json_out_object_end(out);
    return po_rc_ok();
}

static void put_rest(const struct po_api_drill *drill, struct po_json_out *out)
{
    po_json_out_key(out, "paths");
    po_json_out_object(out);
    put_count(out, "tried", drill->tried[PO_API_INPUT_OUTSIDE]);
    put_count(out, "refused", drill->refused[PO_API_INPUT_OUTSIDE]);
    po_json_out_key(out, "reads_inside");
    po_json_out_bool(out, drill->reads_inside);
    po_json_out_object_end(out);
    po_json_out_key(out, "strangers");
    po_json_out_object(out);
    put_count(out, "tried", drill->strangers);
    put_count(out, "served", drill->strangers_served);
    po_json_out_object_end(out);
}

/* ---- the drill -------------------------------------------------------------------------------------- */

/* That a name inside is taken, so that refusing all would not pass. */
static PO_RC check_inside(struct po_ctx *cx, struct po_api_drill *drill)
{
    struct answer answer = {0};
    bool is_asked = false;
    const struct question question = {.route = po_api_route_find("grantProgram"),
                                      .who = PO_API_DRILL_OWNER,
                                      .subject = &drill->subject};
    if (question.route == NULL) return PO_FAIL(cx, PO_BUG, "the drill names no route");
    PO_TRY(cx, po_api_drill_sessions(cx, drill));
    PO_TRY(cx, ask(cx, drill, &question, &answer, &is_asked));
    drill->reads_inside = is_asked && answer.status < 400;
    return po_home_flush(cx, drill->home);
}

static PO_RC run(struct po_ctx *cx, struct po_api_drill *drill, struct po_json_out *out)
{
    const struct po_api_config config = {.home = drill->home};
    PO_TRY(cx, po_api_drill_people(cx, drill));
    PO_TRY(cx, po_api_new(cx, &config, &drill->api));
    PO_TRY(cx, po_api_drill_subject_make(cx, drill));
    PO_TRY(cx, check_inside(cx, drill));
    for (size_t i = 0; i < po_api_route_count(); i++)
        PO_TRY_MSG(cx, ask_route(cx, drill, po_api_route_at(i)), "drilling '%s'",
                   po_api_route_at(i)->id);
    PO_TRY(cx, po_home_flush(cx, drill->home));
    po_json_out_object(out);
    PO_TRY(cx, put_coverage(cx, drill, out));
    PO_TRY(cx, put_canaries(cx, drill, out));
    put_rest(drill, out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* Passwords cost the least there is: the drill is not about them, and its memory is small. */
#define CONFIG "PASSWORD_MEMORY_MIB=19\nPASSWORD_PASSES=2\n"

PO_RC po_api_drill_in(struct po_ctx *cx, const char *dir, struct po_json_out *out)
{
    struct po_api_drill *drill = NULL;
    const struct po_clock *real = cx->clock;
    PO_HOME_AUTO *home = NULL;
    PO_ARENA_NEW(cx, drill, 1);
    drill->dir = dir;
    PO_ARENA_NEW(cx, drill->matrix.owed, PO_API_DRILL_OWED_MAX);
    PO_ARENA_NEW(cx, drill->canaries.owed, PO_API_DRILL_OWED_MAX);
    po_clock_fake_init(&drill->clock, po_ctx_now_us(cx));
    PO_TRY(cx, po_drill_home_make(cx, dir, PO_LIT(CONFIG), &home));
    drill->home = home;
    cx->clock = &drill->clock.clock;
    po_rc rc = run(cx, drill, out);
    cx->clock = real;
    po_api_freep(&drill->api);
    return rc;
}

int po_api_drill_role_run(int argc, char **argv)
{
    return po_assess_drill_role_run(argc, argv, po_api_drill_in);
}
